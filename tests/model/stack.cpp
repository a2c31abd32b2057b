#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::symbol;

inline constexpr auto dense =
    rules(a(i) <<= x(i)[W<"A", 7, 5>] | gelu(), y(i) <<= (a(i)[W<"B", 5, 7>], x(i)) | norm());

inline constexpr auto attending = rules(
    a(i) <<= x(i) | rms_norm(W<"G", 5>), q(i) <<= a(i)[W<"W_q", 3, 5>],
    k(i) <<= a(i)[W<"W_k", 3, 5>], v(i) <<= a(i)[W<"W_v", 5, 5>],
    weights(i, j) <<= (inverse_sqrt(3), k(j).T(), q(i), j <= i) | product() | softmax(j),
    b(i) <<= (weights(i, j), v(j)) | product() | sum(j), c(i) <<= (b(i)[W<"W_o", 5, 5>], x(i)),
    z(i)[W<"B", 5, 7>] <<= c(i)[W<"A", 7, 5>] | silu(), y(i) <<= (z(i), c(i)));

// The output follows from a rule that only the general kernel computes, and from the input alone.
inline constexpr auto general_block =
    rules(y(i) <<= (x(i), x(j)[W<"A", 5, 5>], j <= i) | tanh() | mean(j));

inline constexpr auto of_a_fact = rules(y(i) <<= x(i) | stack<3>(dense));

inline constexpr auto of_a_relation = rules(
    a(i) <<= (r<"token">(i)[W<"E", 11, 5>], W<"P", 5>(i)), b(i) <<= a(i) | stack<2>(attending),
    c(i) <<= (b(i), a(i)) | norm(), out(i) <<= (c(i)[W<"E", 11, 5>], b(i)[W<"F", 11, 5>]));

inline constexpr auto two =
    rules(a(i) <<= x(i)[W<"A", 5, 3>], b(i) <<= a(i) | stack<2>(dense),
          c(i) <<= b(i) | stack<3>(general_block), out() <<= c(i) | mean(i));

inline constexpr auto nested_block = rules(z(i) <<= x(i)[W<"C", 5, 5>] | tanh(),
                                           b(i) <<= z(i) | stack<2>(dense), y(i) <<= (b(i), x(i)));

inline constexpr auto nested =
    rules(a(i) <<= x(i)[W<"A", 5, 5>], b(i) <<= a(i) | stack<3>(nested_block),
          out(i) <<= (b(i), a(i)) | elementwise_product());

// The output of a block is that of a stack, too.
inline constexpr auto ending_block =
    rules(z(i) <<= x(i)[W<"C", 5, 5>] | tanh(), y(i) <<= z(i) | stack<2>(dense));

inline constexpr auto ending =
    rules(a(i) <<= x(i) | stack<3>(ending_block), out(i) <<= (a(i)[W<"A", 5, 5>], x(i)));

inline constexpr auto once = rules(b(i) <<= x(i) | stack<1>(attending), out(i) <<= (b(i), x(i)));

}  // namespace

TEST_CASE("a stack over a fact") {
    check::agrees<model<of_a_fact, fact<"x", 7, 5>>>();
}
TEST_CASE("a stack with attention over a relation that is used elsewhere") {
    check::runs<model<of_a_relation, fact<"token", 17, symbol<11>>>>();
    check::agrees<model<once, fact<"x", 3, 5>, query<"out", "b">>>();
}
TEST_CASE("two stacks in a row") {
    check::agrees<model<two, fact<"x", 5, 3>>>();
}
TEST_CASE("a stack within a stack") {
    check::agrees<model<nested, fact<"x", 7, 5>>>();
    check::agrees<model<ending, fact<"x", 7, 5>>>();
}

namespace {

// One set of parameters for all layers, around and within blocks that have their own.
inline constexpr auto repeated =
    rules(b(i) <<= x(i) | repeat<3>(attending), out(i) <<= (b(i), x(i)));
inline constexpr auto outer =
    rules(z(i) <<= x(i)[W<"C", 5, 5>] | tanh(), b(i) <<= z(i) | stack<2>(dense),
          c(i) <<= b(i) | repeat<2>(general_block), y(i) <<= (c(i), x(i)));
inline constexpr auto mixed =
    rules(a(i) <<= x(i) | repeat<3>(outer), out(i) <<= a(i) | repeat<2>(attending));
using Repeated = model<repeated, fact<"x", 7, 5>>;
static_assert(Repeated::parameter_count == model<once, fact<"x", 7, 5>>::parameter_count);

}

TEST_CASE("layers that share their parameters") {
    check::agrees<Repeated>();
    check::agrees<model<mixed, fact<"x", 7, 5>>>();
}
