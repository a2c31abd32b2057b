#include <sequent/nn.hpp>

#include "../model/check.hpp"

using namespace sequent;

namespace {

template <class Model>
constexpr int steps_of(plan::step_kind kind) {
    int count = 0;
    for (const plan::step& each : Model::plan::tables.steps) count += each.kind == kind ? 1 : 0;
    return count;
}

using single = attention<width<7>, tokens<5>, mask::causal>;
using several =
    multi_head_attention<heads<3>, tokens<9>, width<12>, mask::window<2>, biases<false>>;
using block = transformer::encoder<tokens<6>, width<8>, heads<2>>;
using pre = transformer::encoder<pre_norm, activation::gelu_tanh, mask::causal, hidden<17>,
                                 tokens<5>, width<10>, heads<5>>;
using gpt = transformer::language_model<vocabulary<11>, tokens<6>, width<8>, heads<2>, depth<3>>;

// Everything between the matrix products is fused: no rule is left to the general kernel.
static_assert(steps_of<single>(plan::step_kind::general) == 0);
static_assert(steps_of<several>(plan::step_kind::general) == 0);
static_assert(steps_of<block>(plan::step_kind::general) == 0);
static_assert(steps_of<pre>(plan::step_kind::general) == 0);
static_assert(steps_of<gpt>(plan::step_kind::general) == 0);
// Queries, keys and values are one product; each sum and norm joins the product that feeds it.
static_assert(steps_of<block>(plan::step_kind::rows) == 4);
static_assert(steps_of<block>(plan::step_kind::attention) == 1);
static_assert(block::parameter_count == 12 * 8 * 8 + 9 * 8 + 4 * 8);
static_assert(gpt::parameter_count == 11 * 8 + 6 * 8 + 3 * (12 * 8 * 8 + 9 * 8 + 4 * 8) + 2 * 8);
// Options may stand in any order.
static_assert(several::shape.heads == 3 && several::shape.tokens == 9);
static_assert(pre::shape.hidden == 17 && block::shape.hidden == 32);

}  // namespace

TEST_CASE("attention of one head") {
    check::agrees<single>();
}
TEST_CASE("attention of several heads within a window") {
    check::runs<several>();
}
TEST_CASE("an encoder layer with the norms behind") {
    check::runs<block>();
}
TEST_CASE("an encoder layer with the norms in front") {
    check::agrees<pre>();
}
TEST_CASE("a language model") {
    check::runs<gpt>();
}

TEST_CASE("a causal language model does not see the future") {
    check::fixture<gpt, double> f(3);
    const auto before = gpt::forward(*f.p, f.given(), *f.w);
    std::vector<double> kept;
    for (int at = 0; at < 3 * 11; ++at) kept.push_back(before.element(at));
    f.symbols[0][3] = (f.symbols[0][3] + 1) % 11;
    const auto after = gpt::forward(*f.p, f.given(), *f.w);
    bool later_changed = false;
    for (int at = 0; at < 3 * 11; ++at) CHECK(kept[check::to_size(at)] == after.element(at));
    const double changed = after.element(3 * 11);
    f.symbols[0][3] = (f.symbols[0][3] + 10) % 11;
    later_changed = gpt::forward(*f.p, f.given(), *f.w).element(3 * 11) != changed;
    CHECK(later_changed);
}
