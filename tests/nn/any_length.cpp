#include <sequent/nn.hpp>

#include "../model/rules.hpp"

/// Templates whose sequences are given with any length up to the tokens.

namespace {

using namespace sequent;

using encoder = transformer::encoder<tokens<6>, width<4>, heads<2>, depth<2>, any_length<true>>;
using decoder =
    transformer::decoder<tokens<5>, source_tokens<7>, width<4>, heads<2>, any_length<true>>;
using writer = transformer::language_model<vocabulary<5>, tokens<6>, width<4>, heads<2>, depth<2>,
                                           any_length<true>>;
using translator = transformer::encoder_decoder<vocabulary<5>, tokens<5>, source_tokens<6>,
                                                width<4>, heads<2>, any_length<true>>;
using listener = recurrent::gru<tokens<6>, width<3>, hidden<4>, any_length<true>>;
using deep_listener =
    recurrent::lstm<tokens<5>, width<3>, depth<2>, learned_start<true>, any_length<true>>;
using classifier =
    bert<vocabulary<5>, tokens<6>, width<4>, heads<2>, depth<2>, padded<false>, any_length<true>>;

}  // namespace

TEST_CASE("templates of sequences of any length") {
    for (int length : {0, 1, 4, 6}) {
        check::agrees<encoder>(length);
        check::agrees<decoder>(length);
        check::agrees<writer>(length);
        check::agrees<classifier>(length);
        check::agrees<listener>(length);
        check::agrees<deep_listener>(length);
    }
    static_assert(check::count_steps<encoder>(plan::step_kind::general) == 0);
    static_assert(check::count_steps<decoder>(plan::step_kind::general) == 0);
    static_assert(check::count_steps<writer>(plan::step_kind::general) == 0);
    static_assert(check::count_steps<translator>(plan::step_kind::general) == 0);
    static_assert(check::count_steps<listener>(plan::step_kind::general) == 0);
    static_assert(check::count_steps<deep_listener>(plan::step_kind::general) == 0);
}

// A recursion runs as many rounds as the sequence is long, and that of the start.
template <class Model>
constexpr int rounds(int length) {
    int least = plan::never;
    for (const plan::step& each : Model::plan::tables.steps)
        if (each.recurs) least = std::min(least, each.rounds(&length));
    return least;
}
static_assert(rounds<listener>(3) == 4);
static_assert(rounds<listener>(0) == 1);
static_assert(rounds<deep_listener>(5) == 6);
static_assert(check::counts_all(listener::plan::tables.buffers));

TEST_CASE("a language model of any length gives the numbers of one of that length") {
    using Short = transformer::language_model<vocabulary<5>, tokens<4>, width<4>, heads<2>,
                                              depth<2>, position::rotary<>>;
    using Any = transformer::language_model<vocabulary<5>, tokens<9>, width<4>, heads<2>, depth<2>,
                                            position::rotary<>, any_length<true>>;
    auto p = make_unique<Short::parameters<float>>();
    auto q = make_unique<Any::parameters<float>>();
    Short::initialize(*p, 1);
    std::copy_n(p->flat().data(), p->flat().size(), q->flat().data());
    auto w = make_unique<Short::workspace<float>>();
    auto v = make_unique<Any::workspace<float>>();
    const std::vector<std::int32_t> text{1, 4, 0, 2};
    const auto y = Short::forward(*p, {text}, *w);
    const auto z = Any::forward(*q, {text}, *v);
    CHECK(z.extents[0] == 4);
    for (int at = 0; at < y.size(); ++at) CHECK(std::abs(y.element(at) - z.element(at)) < 1e-5F);
}
