#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::symbol;

inline constexpr relation<"token"> token;
inline constexpr weight<"E", 11, 5> E;

inline constexpr auto of_symbols = rules(
    a(i) <<= (token(i)[E], token(i - 1)[W<"F", 11, 5>]) | relu(),
    b(i) <<= (token(0)[E], token(i)[W<"T", 5, 11>.T()]), c(i) <<= (r<"kind">()[W<"K", 3, 5>], b(i)),
    r<"pair">(i, j) <<= (token(i)[E].T(), token(j)[E]) | product(),
    r<"held">(i) <<= (b(i), hidden(token(i))));

inline constexpr auto many_literals =
    rules(a(i) <<= x(i)[W<"A", 5, 5>], b(i) <<= x(i)[W<"B", 5, 5>], c(i) <<= x(i)[W<"C", 5, 5>],
          q(i) <<= x(i)[W<"D", 5, 5>], k(i) <<= x(i)[W<"E", 5, 5>], v(i) <<= x(i)[W<"F", 5, 5>],
          y(i) <<= x(i)[W<"G", 5, 5>] | tanh(), z(i) <<= x(i)[W<"H", 5, 5>] | relu(),
          r<"sum">(i) <<= (a(i), b(i), c(i), q(i), k(i), v(i), y(i)),
          r<"most">(i) <<= (a(i), b(i), c(i), q(i), k(i), v(i), y(i), z(i)) | max(),
          out(i) <<= (r<"sum">(i), r<"most">(i), a(i)[W<"I", 5, 5>], b(i)[W<"J", 5, 5>],
                      c(i)[W<"K", 5, 5>], q(i), k(i)));

inline constexpr var<"h", 3> h;
inline constexpr auto places = rules(
    r<"diagonal">(i) <<= z(i, i) | tanh(), r<"repeated">(i) <<= z(i, i)[W<"A", 2, 3>(i, i)],
    a() <<= x(i) | mean(i), r<"per">(i) <<= (a()[W<"B", 3, 3>(i)], x(i)),
    q(h, i) <<= x(i)[W<"Q", 4, 3>(h)] | rms_norm(W<"G", 4>(h)),
    k(h, i) <<= (q(h, i), x(i)[W<"K", 4, 3>(h)]) | elementwise_product(),
    r<"two">(i) <<= k(h, i)[W<"O", 2, 4>(h)], r<"all">() <<= z(i, j)[W<"D", 2, 3>(i, j)],
    r<"rows">(i) <<= (x(i).T(), x(i).T()) | concat(), r<"stacked">() <<= x(i).T() | concat(i));

inline constexpr auto values =
    rules(weights(i, j) <<= (inverse_sqrt(3), x(j).T(), x(i), j <= i) | product() | softmax(j),
          a(i) <<= (weights(i, j), z(j, 1).T()) | product() | sum(j),
          logit(i, j) <<= (x(i).T(), W<"M", 3, 3>, x(j)) | product(),
          c(i, j) <<= (logit(i, j), j <= i) | softmax(j),
          b(i) <<= (c(i, j), W<"V", 3>(j)) | product() | sum(j),
          q(i, j) <<= (x(i).T(), x(j)) | product() | softmax(j),
          k(i) <<= (q(i, j), z(i, j)) | product() | sum(j));

inline constexpr auto block = rules(y(i) <<= (x(i)[W<"A", 3, 3>], W<"b", 3>) | tanh());
inline constexpr auto block_of_two =
    rules(y(h, i) <<= (x(h, i)[W<"A", 3, 3>], W<"b", 3>(h)) | tanh());
inline constexpr auto stacks =
    rules(a(i) <<= (x(i), i > 1), b(i) <<= a(i) | stack<2>(block),
          c(i) <<= (b(j), x(i), j <= i) | min() | sum(j),
          q(i, j) <<= z(i, j) | stack<2>(block_of_two), out(i) <<= (c(i), q(i, 0)));

}  // namespace

TEST_CASE("symbols before, first and alone") {
    check::runs<model<of_symbols, fact<"token", 7, symbol<11>>, fact<"kind", symbol<3>>,
                      query<"a", "c", "pair", "held">>>();
}
TEST_CASE("many literals in one body") {
    check::agrees<model<many_literals, fact<"x", 3, 5>>>();
}
TEST_CASE("weights and literals at unusual places") {
    check::agrees<model<places, fact<"x", 5, 3>, fact<"z", 5, 5, 3>,
                        query<"diagonal", "repeated", "per", "two", "all", "rows", "stacked">>>();
}
TEST_CASE("values of attention") {
    check::agrees<model<values, fact<"x", 3, 3>, fact<"z", 3, 3, 3>, query<"a", "b", "k">>>();
}
TEST_CASE("stacks over a part of a relation and over two variables") {
    check::agrees<model<stacks, fact<"x", 5, 3>, fact<"z", 3, 5, 3>>>();
}
