#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

inline constexpr auto over_j = rules(
    r<"sum">(i) <<= (x(i), y(j)) | elementwise_product() | sum(j),
    r<"mean">(i) <<= (x(i), y(j), j <= i) | max() | mean(j),
    r<"max">(i) <<= (x(i), y(j), i != j) | elementwise_product() | tanh() | max(j),
    r<"min">(i) <<= (x(i), y(j), j < i) | min(j), r<"count">(i) <<= (x(i), y(j), j < i) | count(j),
    r<"concat">(i) <<= (x(i), y(j), j <= i) | concat(j),
    r<"softmax">(i, j) <<= (x(i), y(j), j <= i) | elementwise_product() | softmax(j),
    r<"scalar">(i, j) <<= (x(i).T(), y(j)) | product() | softmax(i));

inline constexpr auto over_several =
    rules(r<"all">() <<= x(i) | mean(i),
          r<"pairs">() <<= (x(i), y(j), i < j) | elementwise_product() | sum(i, j),
          r<"per">(h) <<= (z(h, i), x(i), y(j)) | elementwise_product() | mean(i, j),
          r<"heads">(i) <<= z(h, i) | concat(h),
          r<"both">(h, i, j) <<= (z(h, i), y(j)) | elementwise_product() | softmax(i, j),
          r<"flat">() <<= z(h, i) | concat(h, i), r<"turned">() <<= z(h, i) | exp() | concat(i, h),
          r<"linear">(i) <<= z(h, i)[W<"A", 2, 3>(h)]);

// Some heads have no ground rule, some values are 0.
inline constexpr auto folds =
    rules(r<"product">(i) <<= (x(i), y(j), i != j) | product(j),
          r<"zeros">(i) <<= (x(i), y(j), j <= i) | elementwise_product() | relu() | product(j),
          r<"or">(i) <<= (x(i), y(j), j < i) | sigmoid() | noisy_or(j),
          r<"certain">(i) <<= (x(i), y(j), j <= i) | clamp(0, 1) | noisy_or(j),
          r<"logs">(i) <<= (x(i), y(j), j < i) | scale(400) | log_sum_exp(j),
          r<"power">(i) <<= (x(i), y(j), j < i) | abs() | p_mean(2.5, j),
          r<"spread">(i) <<= (x(i), y(j), j <= i) | elementwise_product() | deviation(j),
          r<"any">(i) <<= (x(i), y(j), j < i) | relu() | any(j),
          r<"all">(i) <<= (x(i), y(j), j <= i) | relu() | all(j),
          r<"first">(i) <<= (x(i), y(j), z(h, j), j > i) | elementwise_product() | first(h, j));

inline constexpr auto within =
    rules(r<"a">(i) <<= (relu()(x(i)[W<"A", 3, 3>]), max()(x(i), tanh()(y(j)), x(i + 1)),
                         complement()(x(j)), abs()(y(i)), greater_of(i, j) < 3) |
                        elementwise_product() | mean(j),
          r<"b">(i) <<=
          (softmax()(r<"a">(i)), leaky_relu(0.1)(z(h, i)), number(lesser_of(i, h + 1))) | sum(h));

}  // namespace

TEST_CASE("functions within bodies") {
    check::runs<model<within, fact<"x", 4, 3>, fact<"y", 4, 3>, fact<"z", 2, 4, 3>, query<"b">>>();
}
TEST_CASE("every aggregation over one variable") {
    check::runs<
        model<over_j, fact<"x", 5, 3>, fact<"y", 5, 3>,
              query<"sum", "mean", "max", "min", "count", "concat", "softmax", "scalar">>>();
}
TEST_CASE("every aggregation that is a fold") {
    check::runs<model<folds, fact<"x", 4, 3>, fact<"y", 4, 3>, fact<"z", 2, 4, 3>,
                      query<"product", "zeros", "or", "certain", "logs", "power", "spread", "any",
                            "all", "first">>>();
}
TEST_CASE("aggregations over several variables and over none") {
    check::agrees<
        model<over_several, fact<"x", 5, 3>, fact<"y", 7, 3>, fact<"z", 2, 5, 3>,
              query<"all", "pairs", "per", "heads", "both", "flat", "turned", "linear">>>();
}
