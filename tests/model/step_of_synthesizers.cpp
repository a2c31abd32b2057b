#include <sequent/nn.hpp>

#include "rules.hpp"
#include "step.hpp"

using namespace sequent;

namespace {

using namespace names;

// A causal synthesizer: its scores are parameters, and only values are kept.
inline constexpr var<"m", 20> m;
inline constexpr var<"n", 20> n;
inline constexpr auto synthesizer = rules(
    v(n) <<= x(n)[W<"W_v", 5, 6>], weights(m, n) <<= (W<"R">(m, n), n <= m) | softmax(n),
    y(i) <<= (weights(i, j), v(j)) | product() | sum(j), out(i) <<= (y(i)[W<"W", 6, 5>], x(i)));
using random_synthesizer = model<synthesizer, fact<"x", 20, 6>>;

// Prepared weights: rows of them, in a stack beside others, and of a window that slides.
using mixed =
    transformer::language_model<vocabulary<11>, tokens<9>, width<8>, heads<2>, depth<2>,
                                synthesizer::mixture<synthesizer::dense, synthesizer::random>>;
using sliding = attention<tokens<70>, width<3>, mask::window<2>, synthesizer::random>;

}  // namespace

TEST_CASE("a synthesizer keeps its values alone") {
    check::prefixes_agree<random_synthesizer>({1, 18});
    static_assert(check::streams<random_synthesizer>);
}

TEST_CASE("a step has its row of prepared weights") {
    check::steps<mixed>();
    check::steps_agree<sliding>();
}
