#include <sequent/nn.hpp>

#include "../model/step.hpp"

using namespace sequent;

namespace {

template <class Model>
constexpr int steps_of(plan::step_kind kind) {
    int count = 0;
    for (const plan::step& each : Model::plan::tables.steps) count += each.kind == kind ? 1 : 0;
    return count;
}

using rnn = recurrent::rnn<tokens<7>, width<3>, hidden<5>>;
using rectified =
    recurrent::rnn<activation::relu, biases<false>, learned_start<true>, tokens<1>, width<4>>;
using gru = recurrent::gru<tokens<7>, width<3>, hidden<5>>;
using learned_gru =
    recurrent::gru<learned_start<true>, biases<false>, width<17>, tokens<33>, hidden<16>>;
using lstm = recurrent::lstm<hidden<5>, width<3>, tokens<7>>;
using deep = recurrent::lstm<depth<3>, learned_start<true>, tokens<4>, width<2>, hidden<3>>;

static_assert(steps_of<rnn>(plan::step_kind::general) == 0);
static_assert(steps_of<gru>(plan::step_kind::general) == 0);
static_assert(steps_of<lstm>(plan::step_kind::general) == 0);
static_assert(steps_of<deep>(plan::step_kind::general) == 0);
static_assert(gru::parameter_count == 3 * (5 * 3 + 5 * 5) + 4 * 5 + 5);
static_assert(lstm::parameter_count == 4 * (5 * 3 + 5 * 5) + 4 * 5 + 2 * 5);
static_assert(rectified::shape.hidden == 4 && rectified::shape.learned_start);
// All that the inputs contribute is one product; all that the state does is another.
static_assert([] {
    int products = 0;
    for (const plan::row_step& row : gru::plan::tables.rows)
        for (const plan::row_term& term : row.terms)
            products += term.kind == plan::term_kind::product ? 1 : 0;
    return products;
}() == 2);

}  // namespace

TEST_CASE("simple recurrent networks") {
    check::agrees<rnn>();
    check::agrees<rectified>();
}
TEST_CASE("gated recurrent units") {
    check::agrees<gru>();
    check::agrees<learned_gru>();
}
TEST_CASE("long short-term memories") {
    check::agrees<lstm>();
}
TEST_CASE("several recurrent layers") {
    check::agrees<deep>();
}

using long_gru = recurrent::gru<tokens<45>, width<3>, hidden<5>, depth<2>>;
using long_lstm = recurrent::lstm<tokens<45>, width<3>, hidden<4>, depth<3>>;

TEST_CASE("recurrent networks letter by letter") {
    check::steps<rectified>();
    check::steps<learned_gru>();
    check::steps<long_gru>();
    check::streams_agree<long_lstm>();
    // What is kept does not grow with the sequence.
    CHECK(sizeof(long_gru::state<float>) ==
          sizeof(recurrent::gru<tokens<450>, width<3>, hidden<5>, depth<2>>::state<float>));
}
