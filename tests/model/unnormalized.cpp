#include "rules.hpp"

using namespace names;
using sequent::bound;
using sequent::fact;
using sequent::model;
using sequent::require_fused;

namespace {

// Attention whose weights are the scores, without a softmax.
inline constexpr auto projected =
    rules(q(i) <<= x(i)[W<"Q", 5, 3>], k(j) <<= x(j)[W<"K", 5, 3>], v(j) <<= x(j)[W<"V", 3, 3>]);
inline constexpr auto linear =
    rules(projected, weights(i, j) <<= (inverse_sqrt(5), k(j).T(), q(i), j <= i) | product(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));
inline constexpr auto sigmoids =
    rules(projected, logit(i, j) <<= (number(-0.5), k(j).T(), q(i)) | product(),
          weights(i, j) <<= (logit(i, j), W<"bias">, i - j <= 4, j <= i) | sigmoid(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));
inline constexpr auto whole = rules(
    projected, weights(i, j) <<= (k(j).T(), q(i), j < length, i < length) | product() | relu(),
    y(i) <<= (weights(i, j), v(j)) | product() | sum(j));
inline constexpr auto in_heads =
    rules(q(g, i) <<= x(i)[W<"Q", 5, 3>(g)], k(g, j) <<= x(j)[W<"K", 5, 3>(g)],
          v(g, j) <<= x(j)[W<"V", 3, 3>(g)],
          weights(g, i, j) <<= (k(g, j).T(), q(g, i), j <= i) | product() | silu(),
          a(g, i) <<= (weights(g, i, j), v(g, j)) | product() | sum(j),
          y(i)[W<"O", 3, 6>] <<= a(g, i) | concat(g));

}  // namespace

TEST_CASE("linear attention is one kernel") {
    using causal = model<linear, fact<"x", 19, 3>, require_fused>;
    static_assert(check::is_fused<causal>);
    check::runs_in_both_types<causal>();
    check::steps<causal>();
    check::agrees<model<linear, fact<"x", 1, 3>>>();
}
TEST_CASE("sigmoids in a window") {
    check::runs<model<sigmoids, fact<"x", 21, 3>, require_fused>>();
    check::steps<model<sigmoids, fact<"x", 21, 3>>>();
}
TEST_CASE("attention without a softmax ends at a count") {
    using counted = model<whole, fact<"x", 18, 3>, bound<"length">, require_fused>;
    for (int given : {0, 1, 7, 18}) check::runs<counted>(given);
}
TEST_CASE("heads without a softmax") {
    check::runs<model<in_heads, fact<"x", 17, 3>, require_fused>>();
    check::steps<model<in_heads, fact<"x", 17, 3>>>();
}
