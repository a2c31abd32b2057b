#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::symbol;

inline constexpr var<"t"> t;
inline constexpr relation<"state"> state;

// clang-format off

// A layer whose states are its outputs, or feed them; and one that runs from the last time to the
// first.
inline constexpr auto layer = rules(
    state(0)       <<= W<"s", 4>,
    a(t)           <<= (x(t)[W<"A", 4, 4>], state(t)[W<"B", 4, 4>], W<"b", 4>) | sigmoid(),
    b(t)           <<= (x(t)[W<"C", 4, 4>], state(t)[W<"D", 4, 4>]) | tanh(),
    state(next(t)) <<= (a(t), b(t)) | elementwise_product(),
    y(t)           <<= state(next(t)));

inline constexpr auto residual = rules(
    a(t)     <<= x(t) | rms_norm(W<"g", 4>),
    state(t) <<= a(t)[W<"A", 4, 4>],
    state(t) <<= state(next(t))[W<"B", 4, 4>],
    state(t) | tanh(),
    y(t)     <<= (state(t)[W<"C", 4, 4>], x(t)));

inline constexpr auto ends_in_the_loop = rules(
    y(t) <<= x(t)[W<"A", 4, 4>],
    y(t) <<= state(t - 1)[W<"B", 4, 4>],
    state(t) <<= y(t) | tanh(),
    z(t) <<= (state(t), x(t)));

inline constexpr auto stacked = rules(
    a(t)   <<= (x(t)[W<"A", 4, 3>], W<"p", 4>(t)),
    b(t)   <<= a(t) | stack<3>(layer),
    c(t)   <<= b(t) | stack<2>(residual),
    z(t)   <<= c(t) | stack<2>(ends_in_the_loop),
    out()  <<= (z(t), a(t)) | elementwise_product() | mean(t));

// As deep as stacks go.
inline constexpr auto outer_block = rules(
    a(t) <<= x(t) | stack<2>(layer),
    b(t) <<= (a(t), x(t)) | norm(),
    c(t) <<= b(t) | stack<2>(residual),
    y(t) <<= (c(t), x(t)));

inline constexpr auto nested = rules(
    a(t) <<= r<"token">(t)[W<"E", 6, 4>],
    b(t) <<= a(t) | stack<2>(outer_block),
    y(t) <<= (b(t)[W<"E", 6, 4>], W<"c", 6>));

// One recursion after another, and one around a layer that is not.
inline constexpr auto chained = rules(
    state(0)       <<= W<"s", 4>,
    state(next(t)) <<= (x(t)[W<"A", 4, 3>], state(t)[W<"B", 4, 4>]) | tanh(),
    a(t)           <<= (state(t)[W<"C", 5, 4>], state(next(t))[W<"D", 5, 4>]) | relu(),
    b(t)           <<= a(t)[W<"F", 4, 5>],
    b(t)           <<= b(t - 1)[W<"G", 4, 4>],
    b(t)           | tanh(),
    weights(t, j)  <<= (b(j).T(), state(t), j <= t) | product() | softmax(j),
    y(t)           <<= (weights(t, j), b(j)) | product() | sum(j));
// clang-format on

}  // namespace

TEST_CASE("recursions in stacks") {
    check::agrees<model<stacked, fact<"x", 5, 3>>>();
    check::agrees<model<stacked, fact<"x", 1, 3>>>();
    check::runs<model<nested, fact<"token", 7, symbol<6>>>>();
}
TEST_CASE("one recursion after another") {
    check::agrees<model<chained, fact<"x", 7, 3>>>();
    check::agrees<model<chained, fact<"x", 17, 3>, query<"state", "b", "y">>>();
}
