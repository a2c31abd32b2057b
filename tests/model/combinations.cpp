#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

inline constexpr auto plain_literals = rules(
    r<"sum">(i) <<= (x(i), y(i)), r<"product">(i) <<= (x(i).T(), y(i)) | product(),
    r<"elementwise">(i) <<= (x(i), y(i), x(i)) | elementwise_product(),
    r<"max">(i) <<= (x(i), y(i)) | max(), r<"min">(i) <<= (x(i), y(i)) | min(),
    r<"mean">(i) <<= (x(i), y(i), y(i)) | mean(), r<"concat">(i) <<= (x(i), y(i), z(i)) | concat(),
    r<"cosine">(i) <<= (x(i), y(i)) | cosine());

inline constexpr auto weighted_literals =
    rules(r<"sum">(i) <<= (x(i)[W<"A", 4, 7>], y(i)[W<"B", 4, 7>]) | relu(),
          r<"product">(i) <<= (x(i)[W<"C", 4, 7>].T(), y(i)[W<"D", 4, 7>]) | product(),
          r<"elementwise">(i) <<= (x(i)[W<"E", 4, 7>], y(i)[W<"F", 4, 7>]) | elementwise_product(),
          r<"max">(i) <<= (x(i)[W<"G", 4, 7>], y(i)[W<"H", 4, 7>]) | max(),
          r<"min">(i) <<= (x(i)[W<"A", 4, 7>], y(i)[W<"I", 4, 7>]) | min() | tanh(),
          r<"mean">(i) <<= (x(i)[W<"J", 4, 7>], y(i)[W<"K", 4, 7>]) | mean(),
          r<"concat">(i) <<= (x(i)[W<"L", 4, 7>], z(i), y(i)[W<"M", 1, 7>]) | concat() | relu(),
          r<"cosine">(i) <<= (x(i)[W<"N", 4, 7>], y(i)[W<"O", 4, 7>]) | cosine());

inline constexpr auto of_scalars = rules(
    r<"scaled">(i, j) <<= (number(0.5), x(i), z(j)) | elementwise_product(),
    r<"shifted">(i) <<= (x(i), number(2)) | relu(),
    r<"clipped">(i) <<= (x(i), number(0.25)) | max(),
    r<"outer">(i, j) <<= (x(i), y(j).T()) | product(),
    r<"chain">(i) <<= (number(2), x(i).T(), y(i), number(0.5), z(i)) | product(),
    r<"single">(i) <<= x(i) | product(), r<"of_one">(i) <<= (x(i), y(j), j <= i) | mean() | sum(j),
    r<"index">(i, j) <<= (number(i - 2 * j), x(i).T(), y(j)) | product());

// Of literals, of the rules of one head, and within bodies.
inline constexpr auto counts_and_cross_sums =
    rules(r<"count">(i) <<= (x(i), y(i)[W<"B", 1, 7>], z(i)) | count(),
          r<"count of one">(i) <<= x(i) | count(),
          r<"cross">(i) <<= (x(i)[W<"A", 2, 7>], z(i), y(i)[W<"C", 4, 7>]) | cross_sum() | tanh(),
          r<"cross of one">(i) <<= x(i).T() | cross_sum(), r<"rules">(i) <<= z(i),
          r<"rules">(i) <<= x(i)[W<"A", 2, 7>], r<"rules">(i) | cross_sum(),
          r<"counted">(i) <<= z(i), r<"counted">(i) <<= x(i), r<"counted">(i) | count(),
          r<"one rule">(i) <<= z(i), r<"one rule">(i) | count(),
          r<"within">(i) <<= (cross_sum()(z(i), z(i)), x(i)[W<"D", 9, 7>]) | elementwise_product());

}  // namespace

TEST_CASE("the number of literals, and all sums of their elements") {
    check::runs<model<counts_and_cross_sums, fact<"x", 5, 7>, fact<"y", 5, 7>, fact<"z", 5, 3>,
                      query<"count", "count of one", "cross", "cross of one", "rules", "counted",
                            "one rule", "within">>>();
}
TEST_CASE("every combination") {
    check::runs<
        model<plain_literals, fact<"x", 5, 7>, fact<"y", 5, 7>, fact<"z", 5, 3>,
              query<"sum", "product", "elementwise", "max", "min", "mean", "concat", "cosine">>>();
}
TEST_CASE("every combination of weighted literals") {
    check::agrees<
        model<weighted_literals, fact<"x", 5, 7>, fact<"y", 5, 7>, fact<"z", 5, 3>,
              query<"sum", "product", "elementwise", "max", "min", "mean", "concat", "cosine">>>();
}
TEST_CASE("combinations with numbers, scalars and several variables") {
    check::agrees<model<
        of_scalars, fact<"x", 3, 7>, fact<"y", 3, 7>, fact<"z", 3>,
        query<"scaled", "shifted", "clipped", "outer", "chain", "single", "of_one", "index">>>();
}
