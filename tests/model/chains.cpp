#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

// Residual chains, gated products and norms: each rule adds to what the one before gives.
inline constexpr auto residual =
    rules(a(i) <<= (x(i)[W<"A", 5, 5>], x(i)) | rms_norm(W<"G", 5>),
          b(i) <<= (a(i)[W<"B", 5, 5>], W<"b", 5>, a(i)),
          c(i) <<= (b(i), a(i), x(i)) | layer_norm(W<"H", 5>, W<"h", 5>),
          out(i) <<= (c(i)[W<"C", 5, 5>], b(i)[W<"D", 5, 5>], x(i)));

inline constexpr auto gated =
    rules(r<"gate">(i) <<= x(i)[W<"W_1", 7, 5>] | silu(), r<"up">(i) <<= x(i)[W<"W_3", 7, 5>],
          r<"product">(i) <<= (r<"gate">(i), r<"up">(i)) | elementwise_product(),
          out(i) <<= (r<"product">(i)[W<"W_2", 5, 7>], x(i)));

// One rule for a gate, with weighted literals of its own.
inline constexpr auto gated_at_once =
    rules(a(i) <<= x(i) | norm(),
          y(i)[W<"O", 5, 7>] <<= (a(i)[W<"A", 7, 5>], a(i)[W<"B", 7, 5>]) | elementwise_product(),
          out(i) <<= (y(i), a(i)) | tanh());

// A block with the norms first, and heads, read out as a mean over the positions.
inline constexpr var<"h", 2> h;
inline constexpr auto pre_norm =
    rules(a(i) <<= x(i) | layer_norm(W<"g_1", 6>, W<"b_1", 6>),
          q(h, i) <<= (a(i)[W<"W_q", 4, 6>(h)], W<"b_q", 4>(h)) | rotary(i),
          k(h, i) <<= (a(i)[W<"W_k", 4, 6>(h)], W<"b_k", 4>(h)) | rotary(i),
          v(h, i) <<= (a(i)[W<"W_v", 4, 6>(h)], W<"b_v", 4>(h)),
          weights(h, i, j) <<=
          (inverse_sqrt(4), k(h, j).T(), q(h, i), j < length) | product() | softmax(j),
          b(h, i) <<= (weights(h, i, j), v(h, j)) | product() | sum(j),
          c(i) <<= b(h, i) | concat(h), y(i) <<= (c(i)[W<"W_o", 6, 8>], W<"b_o", 6>, x(i)),
          z(i) <<= y(i) | layer_norm(W<"g_2", 6>, W<"b_2", 6>),
          r<"mlp">(i) <<= (z(i)[W<"W_1", 9, 6>], W<"b_3", 9>) | gelu_tanh(),
          r<"block">(i) <<= (r<"mlp">(i)[W<"W_2", 6, 9>], W<"b_4", 6>, y(i)),
          r<"pooled">() <<= (r<"block">(i), i < length) | mean(i),
          out() <<= (r<"pooled">()[W<"W_c", 3, 6>], W<"b_c", 3>));

// An output that is used by others, a weight of two relations, one that nothing else feeds.
inline constexpr auto shared =
    rules(a(i) <<= x(i)[W<"A", 5, 5>] | relu(), b(i) <<= a(i)[W<"A", 5, 5>] | relu(),
          c(i) <<= (b(i)[W<"A", 5, 5>], a(i)) | softmax(), y(i) <<= (a(i), b(i), c(i)) | concat(),
          z(i) <<= x(i), out(i) <<= (z(i), y(i)[W<"B", 5, 15>]));

// The same numbers under other names, in other orders.
inline constexpr auto aliases =
    rules(a(i, j) <<= (x(i).T(), y(j)) | product() | tanh(), b(j, i) <<= a(i, j),
          c(i) <<= (b(j, i), y(j)) | product() | sum(j),
          z(j, i) <<= (b(j, i), a(i, j)) | elementwise_product(), out(i) <<= (c(i), x(i)),
          q(i) <<= x(i), k(i) <<= q(i)[W<"A", 2, 5>], v(i) <<= k(i));

// A product whose only use is another name.
inline constexpr auto renamed = rules(a(i) <<= x(i)[W<"A", 4, 5>], out(i) <<= a(i));

// The attention's value is a fact, and so is its key; its weights are asked for, too.
inline constexpr auto visible =
    rules(weights(i, j) <<= (inverse_sqrt(5), x(j).T(), x(i), j <= i) | product() | softmax(j),
          out(i) <<= (weights(i, j), x(j)) | product() | sum(j));

}  // namespace

TEST_CASE("residual chains and gates") {
    check::agrees<model<residual, fact<"x", 7, 5>>>();
    check::agrees<model<gated, fact<"x", 33, 5>>>();
    check::agrees<model<gated_at_once, fact<"x", 3, 5>>>();
}
TEST_CASE("a block with its norms first, read out as a mean") {
    using block = model<pre_norm, fact<"x", 17, 6>, sequent::bound<"length">>;
    check::runs<block>(11);
    check::agrees<block>(1);
    check::agrees<block>(17);
}
TEST_CASE("outputs that are used, weights that are shared") {
    check::agrees<model<shared, fact<"x", 7, 5>, query<"out", "a", "y">>>();
    check::agrees<
        model<aliases, fact<"x", 3, 5>, fact<"y", 7, 5>, query<"out", "z", "v", "b", "k">>>();
    check::agrees<model<visible, fact<"x", 7, 5>, query<"out", "weights">>>();
    check::agrees<model<visible, fact<"x", 7, 5>>>();
    check::agrees<model<renamed, fact<"x", 7, 5>>>();
}
