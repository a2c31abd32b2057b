#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::symbol;

inline constexpr weight<"A", 5, 5> A;
inline constexpr weight<"B", 3, 5> B;
inline constexpr weight<"C", 3> C;
inline constexpr weight<"s"> s;

inline constexpr auto kinds =
    rules(r<"scalar">(i) <<= (x(i)[s], x(i)), r<"both">(i) <<= (x(i)[A], x(i)[A.T()]) | tanh(),
          r<"frozen">(i) <<= x(i)[fixed(W<"F", 3, 5>)] | relu(),
          r<"turned">(i) <<= r<"frozen">(i)[B.T()], r<"bias">(i) <<= (x(i)[B], C) | sigmoid(),
          r<"table">(i, j) <<= (W<"R">(i, j), y(j), x(i).T(), x(i)) | product(),
          r<"vectors">(i) <<= (x(i)[W<"D", 3, 5>(i)], W<"P", 3>(i)),
          r<"again">(i) <<= (x(i)[B], C, W<"Q", 3>) | elementwise_product());

inline constexpr auto of_heads =
    rules(r<"one">(i)[A] <<= x(i) | relu(),
          r<"scaled">(i)[s] <<= (x(i), x(j), j <= i) | elementwise_product() | sum(j),
          r<"per">(g, i)[W<"H", 3, 5>(g)] <<= x(i)[W<"G", 5, 5>(g)] | tanh(),
          r<"fixed">(i)[fixed(W<"F", 2, 5>)] <<= x(i) | exp(), r<"turned">(i)[B.T()] <<= x(i)[B],
          r<"none">()[W<"L", 1, 5>] <<= x(i) | mean(i),
          r<"max">(i)[W<"M", 4, 5>] <<= (x(i), x(j), j < i) | min() | max(j),
          r<"index">(i)[W<"I", 2, 5>(i)] <<= x(i));

// Several rules for one head, with bodies of every kind.
inline constexpr auto several =
    rules(a(i) <<= x(i)[A] | relu(), a(i)[A] <<= x(i),
          a(i) <<= (x(i), x(j), j < i) | elementwise_product() | sum(j), a(i) <<= x(i - 1),
          a(i) <<= x(0), b(i) <<= x(i)[B], b(i) <<= C, b(i) | softmax(), c(i) <<= (x(i), i > 2),
          c(i) <<= (x(i), i < 2) | relu(), c(i) | tanh(), c(i) | norm(),
          z(i, j) <<= (x(i).T(), x(j), j <= i) | product(), z(i, j) <<= (W<"R">(i, j), j <= i),
          out(i) <<= (z(i, j), b(j)) | product() | sum(j),
          weights(i) <<= a(i)[W<"E", 2, 5>] | relu(), weights(i) <<= c(i)[W<"E", 2, 5>]);

inline constexpr auto of_arity = rules(
    a() <<= x(i)[B] | mean(i), b(i) <<= (x(i)[B], a()) | relu(),
    c(h, i, j) <<= (z(h, i, j), b(i), b(j)) | elementwise_product(),
    out(h) <<= (c(h, i, j), j <= i) | tanh() | sum(i, j),
    r<"total">() <<= (a().T(), out(h)) | product() | max(h),
    r<"chain">(h, j) <<= c(h, i, j)[W<"N", 2, 3>(h)], r<"swapped">(j, i) <<= c(1, i, j) | relu());

// One embedding for input and output, chosen by a symbol and multiplied by.
inline constexpr weight<"E", 11, 5> E;
inline constexpr auto tied =
    rules(a(i) <<= (r<"token">(i)[E], W<"P", 5>(i)),
          b(i) <<= (a(i), a(j), j <= i) | elementwise_product() | mean(j),
          c(i) <<= (b(i)[A], r<"token">(i)[W<"S", 11, 5>]) | relu(), out(i) <<= c(i)[E],
          y(i) <<= (c(i), r<"token">(i)[W<"S", 11, 5>]) | elementwise_product(),
          z(g, i) <<= r<"token">(i)[W<"T", 11, 5>(g)] | norm());

// The matrix of a number is a product like any other, in a group, beside one of an index, and
// within a stack.
inline constexpr auto numbered_block =
    rules(a(i) <<= (z(i)[W<"N", 5, 5>(1)], z(i)[W<"M", 5, 5>(2, 1)], W<"P", 5>(3)) | tanh(),
          b(i) <<= (a(i)[W<"N", 5, 5>(0).T()], z(i)));
inline constexpr auto numbered =
    rules(c(i) <<= x(i) | stack<2>(numbered_block), y(g, i) <<= c(i)[W<"K", 3, 5>(g)],
          q(i) <<= c(i)[W<"K", 3, 5>(1)], k(i) <<= c(i)[W<"L", 3, 5>(2)],
          out(i) <<= (q(i), k(i), y(0, i)) | relu());
using Numbered = model<numbered, fact<"x", 7, 5>, query<"out", "y">>;
static_assert(check::count_steps<Numbered>(sequent::plan::step_kind::general) == 0);

}  // namespace

TEST_CASE("weights of numbers") {
    check::runs<Numbered>();
}
TEST_CASE("every kind of weight") {
    check::runs<model<kinds, fact<"x", 7, 5>, fact<"y", 7>,
                      query<"scalar", "both", "turned", "bias", "table", "vectors", "again">>>();
}
TEST_CASE("weights of heads") {
    check::agrees<
        model<of_heads, fact<"x", 7, 5>,
              query<"one", "scaled", "per", "fixed", "turned", "none", "max", "index">>>();
}
TEST_CASE("several rules with one head") {
    check::agrees<model<several, fact<"x", 5, 5>, query<"weights", "out", "a">>>();
    check::agrees<model<several, fact<"x", 5, 5>, query<"b", "c", "weights", "z", "out">>>();
}
TEST_CASE("relations with up to three arguments") {
    check::agrees<
        model<of_arity, fact<"x", 5, 5>, fact<"z", 2, 5, 5>, query<"total", "chain", "swapped">>>();
}
TEST_CASE("symbols, and an embedding used twice") {
    check::runs<model<tied, fact<"token", 7, symbol<11>>, query<"out", "y", "z">>>();
}
