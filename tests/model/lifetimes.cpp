#include "rules.hpp"

// Numbers that a gradient reads last until it has been computed.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;

// Functions in a chain, of which the first or one between reads its argument and the last its
// result, where nothing but the next product reads the relation.
inline constexpr auto functions_after_a_kept_sum = rules(
    a(i) <<= x(i)[W<"A", 6, 5>] | norm() | relu(), b(i) <<= a(i)[W<"B", 6, 6>] | soft_cap(2),
    c(i) <<= b(i)[W<"C", 6, 6>] | scale(1.5) | tanh(),
    q(i) <<= c(i)[W<"D", 6, 6>] | tanh() | softmax(), k(i) <<= q(i)[W<"E", 6, 6>] | exp() | sqrt(),
    v(i) <<= k(i)[W<"F", 6, 6>] | layer_norm(W<"g", 6>, W<"h", 6>) | relu() | scale(2),
    y(i) <<= v(i)[W<"G", 6, 6>] | rotary(i) | sigmoid() | complement(),
    z(i) <<= y(i)[W<"H", 6, 6>] | silu() | leaky_relu(0.5) | rms_norm(W<"k", 6>) | tanh(),
    out(i) <<= z(i)[W<"I", 3, 6>]);

}  // namespace

TEST_CASE("the result of a chain of functions lasts until its gradient") {
    check::runs<model<functions_after_a_kept_sum, fact<"x", 5, 5>>>();
}
