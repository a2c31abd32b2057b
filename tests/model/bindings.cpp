#include "rules.hpp"

/// Which argument binds a variable, and how far. Random programs found each of these wrong.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::symbol;

inline constexpr var<"h", 5> head;
inline constexpr var<"t"> t;

inline constexpr auto equal_arguments =
    rules(v(i, head) <<= x(i)[W<"V", 1, 3>(head)], k(i, head) <<= x(i)[W<"K", 2, 3>],
          logit(i, j, head) <<= (x(j)[W<"L", 1, 3>], v(i, head)),
          weights(i, j, head) <<= logit(i, j, head) | softmax(j),
          out(i, head) <<= (weights(i, j, j), k(j, head)) | product() | sum(j));

inline constexpr auto symbol_of_a_segment =
    rules(a() <<= x(i) | mean(i), out(i) <<= (r<"token">(i)[W<"E", 4, 2>], a()[W<"B", 2, 3>(i)]));

inline constexpr auto moved_and_weights =
    rules(a(i) <<= x(i), out(i, j) <<= (a(i + 1), x(j)), out(i, j) <<= (x(i + 2), W<"W", 3>(i, j)));

inline constexpr auto difference_of_variables =
    rules(a(h, j, i) <<= (x(i + 1), x(j), x(h)), out(i, j) <<= (x(i), a(j, i - j, j)));

inline constexpr auto base_beside_a_recursion =
    rules(out(1 + i) <<= W<"A", 3>, out(0) <<= W<"B", 3>, out(t) <<= (out(t + 1), x(t)) | tanh());

}  // namespace

TEST_CASE("weights of a softmax at equal arguments") {
    check::agrees<model<equal_arguments, fact<"x", 5, 3>>>();
}
TEST_CASE("a symbol and a weight that one variable chooses") {
    check::agrees<model<symbol_of_a_segment, fact<"x", 5, 3>, fact<"token", 5, symbol<4>>>>();
}
TEST_CASE("an argument with an offset binds before a weight") {
    check::agrees<model<moved_and_weights, fact<"x", 5, 3>>>();
}
TEST_CASE("a variable stands at two arguments beside a difference") {
    check::agrees<model<difference_of_variables, fact<"x", 5, 3>>>();
}
TEST_CASE("a base runs as far as the recursion beside it") {
    check::agrees<model<base_beside_a_recursion, fact<"x", 5, 3>, query<"out">>>();
}
