#include <sequent/nn.hpp>

#include "rules.hpp"
#include "step.hpp"

using namespace sequent;

namespace {

using namespace names;

}  // namespace

// The encoder runs with the first rows alone; its length is a count given once.
using translator =
    transformer::encoder_decoder<vocabulary<7>, source_vocabulary<5>, tokens<9>, source_tokens<6>,
                                 width<8>, heads<2>, depth<2>, source_depth<1>, padded<true>>;

TEST_CASE("what does not follow from the sequence is computed once") {
    check::fixture<translator, float> f(1, 4);
    const auto whole = translator::forward(*f.p, f.given(), *f.w);
    const std::span<const std::int32_t> target(f.symbols[1]);
    const auto state = make_unique<translator::state<float>>();
    const auto first = [&](int rows) {
        return translator::prefill(
            *f.p,
            {r<"source"> = f.symbols[0], r<"target"> = target.first(check::to_size(rows)),
             bound<"source_length">{} = 4},
            *state);
    };
    const auto step = [&](int row) {
        return translator::step(*f.p, {r<"target"> = target[check::to_size(row)]}, *state);
    };
    sequent_test::largest_error error;
    const auto compare = [&](int row, const auto& row_of) {
        for (int at = 0; at < 7; ++at) error.add(row_of(at), whole(row, at));
    };
    CHECK_THROWS_WITH(step(0), sequent_test::contains("given to prefill"));
    CHECK_THROWS_WITH(translator::prefill(*f.p, {r<"target"> = target.first(2)}, *state),
                      sequent_test::contains("fact \"source\" is not given"));
    for (const int rows : {1, 5}) {
        state->reset();
        compare(rows - 1, first(rows));
        for (int row = rows; row < 9; ++row) compare(row, step(row));
    }
    CHECK(error.value() < 1e-5);
    state->reset();
    (void)first(1);
    CHECK_THROWS_WITH(first(1), sequent_test::contains("given once"));
}

// Positions from a count on, which padding on the left leaves.
template <class Later>
inline constexpr auto padded_left = rules(q(i) <<= x(i)[W<"Q", 4, 4>],
                                          weights(i, j) <<= (x(j).T(), q(i), bound<"start">{} <= j,
                                                             Later::keeps(i, j)) |
                                                            product() | softmax(j),
                                          out(i) <<= (weights(i, j), x(j)) | product() | sum(j));
template <class Mask>
using from_start = model<padded_left<Mask>, fact<"x", 70, 4>, bound<"start">>;
static_assert(!check::streams<from_start<mask::around<80>>>);

TEST_CASE("positions before a count are left out, none else is forgotten") {
    using left_out = from_start<mask::causal>;
    for (int start : {0, 5}) {
        check::fixture<left_out, float> f(1, start);
        const auto whole = left_out::forward(*f.p, f.given(), *f.w);
        const std::span<const float> rows(f.dense[0]);
        const auto s = make_unique<left_out::state<float>>();
        sequent_test::largest_error error;
        auto y = left_out::prefill(*f.p, {r<"x"> = rows.first(4), bound<"start">{} = start}, *s);
        for (int row = 1; row < 70; ++row) {
            y = left_out::step(*f.p, {r<"x"> = rows.subspan(check::to_size(4 * row), 4)}, *s);
            for (int at = 0; at < 4; ++at) error.add(y(at), whole(row, at));
        }
        CHECK(error.value() < 1e-5);
    }
}
