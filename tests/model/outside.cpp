#include "rules.hpp"

/// Blocks of stacks that use relations of the program around them.

namespace {

using namespace names;
using sequent::bound;
using sequent::fact;
using sequent::model;

inline constexpr relation<"source"> source;
inline constexpr relation<"memory"> memory;
inline constexpr relation<"bias"> bias;
inline constexpr var<"m", 5> m;
inline constexpr var<"n", 7> n;
inline constexpr relation<"target"> target;

// Cross-attention: keys and values of each layer follow from what is computed once. The bias is one
// table for all layers.
// clang-format off
inline constexpr auto crossing = rules(
    q(g, i)          <<= x(i)[W<"W_q", 3, 5>(g)],
    k(g, j)          <<= memory(j)[W<"W_k", 3, 5>(g)],
    v(g, j)          <<= memory(j)[W<"W_v", 2, 5>(g)],
    logit(g, i, j)   <<= (k(g, j).T(), q(g, i), j < length) | product(),
    logit(g, i, j)   <<= (bias(g, i, j), j < length),
    weights(g, i, j) <<= logit(g, i, j) | softmax(j),
    a(g, i)          <<= (weights(g, i, j), v(g, j)) | product() | sum(j),
    b(i)             <<= a(g, i) | concat(g),
    y(i)             <<= (b(i)[W<"W_o", 5, 4>], x(i)) | norm());

inline constexpr auto decoder = rules(
    memory(j)     <<= (source(j)[W<"S", 5, 4>], j < length) | tanh(),
    bias(g, m, n) <<= (W<"B">(g, m), W<"C">(g, n)) | product(),
    z(i)          <<= target(i)[W<"A", 5, 3>],
    out(i)        <<= z(i) | stack<3>(crossing));

// The relation that the block is applied to has the name of its input, and is kept for all layers.
inline constexpr auto skipping = rules(
    a(i) <<= (x(i)[W<"A", 5, 5>], memory(i)) | tanh(),
    y(i) <<= (a(i)[W<"B", 5, 5>], x(i)));
inline constexpr auto same_name = rules(
    x(i)      <<= r<"given">(i)[W<"A", 5, 3>],
    memory(i) <<= x(i)[W<"B", 5, 5>] | sigmoid(),
    out(i)    <<= x(i) | stack<2>(skipping));

// The inner block uses what its outer block computes and is given, and what comes before both.
inline constexpr auto inner = rules(
    c(i) <<= (y(i), q(i)[W<"Q", 5, 5>], x(i)[W<"X", 5, 5>]) | tanh(),
    z(i) <<= (c(i), memory(j), j <= i) | elementwise_product() | sum(j));
inline constexpr auto outer = rules(
    q(i) <<= (x(i)[W<"C", 5, 5>], memory(i)) | sigmoid(),
    b(i) <<= q(i) | stack<2>(inner),
    k(i) <<= (b(i), x(i), q(i)) | norm());
inline constexpr auto nested = rules(
    memory(i) <<= v(i)[W<"M", 5, 5>] | tanh(),
    a(i)      <<= v(i)[W<"A", 5, 5>],
    out(i)    <<= a(i) | stack<3>(outer),
    b(i)      <<= (out(i), memory(i)));
// clang-format on

using Decoder = model<decoder, fact<"source", 7, 4>, fact<"target", 5, 3>, bound<"length">>;
static_assert(Decoder::plan::tables.attentions.size() == 1);
static_assert(check::count_steps<Decoder>(sequent::plan::step_kind::general) == 1);  // bias

}  // namespace

TEST_CASE("a block reads what follows from rules around it") {
    check::runs<Decoder>(7);
    check::agrees<Decoder>(4);
    check::agrees<model<same_name, fact<"given", 3, 3>>>();
}
TEST_CASE("a block in a block reads what follows from rules around both") {
    check::agrees<model<nested, fact<"v", 3, 5>>>();
}
