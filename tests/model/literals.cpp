#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

inline constexpr var<"t", 6> t;

inline constexpr auto elements =
    rules(r<"third">(i) <<= at(x(i), 2), r<"table">(i, j) <<= at(x(i), j) | relu(),
          r<"diagonal">(i) <<= at(x(i), i),
          r<"shifted">(t, j) <<= (at(x(t - 1), j + 1), y(j)) | product(),
          r<"weighted">(i, j) <<= (at(x(i)[W<"A", 3, 5>], j), number(2)) | product(),
          r<"indexed">(g, i, j) <<= at(x(i)[W<"B", 3, 5>(g)], j),
          r<"chosen">(i) <<= (at(x(i), 0), at(x(i), 4)) | max(),
          r<"of_one">(i) <<= (at(x(i), j), y(j)) | product() | sum(j));

inline constexpr auto offsets = rules(
    r<"before">(t) <<= x(t - 1), r<"after">(i) <<= (x(i + 1)[W<"A", 5, 5>], x(i)) | relu(),
    r<"first">(i) <<= (x(0), x(i)),
    r<"last">(i) <<= (x(i), x(4)[W<"B", 5, 5>]) | elementwise_product(),
    r<"around">(i) <<= (x(i - 1), x(i), x(i + 1)) | mean(),
    r<"convolved">(i) <<= (x(i - 1)[W<"C", 2, 5>], x(i)[W<"D", 2, 5>], x(i + 1)[W<"E", 2, 5>]),
    r<"indexed">(i) <<= (x(i)[W<"F", 2, 5>(0)], x(i)[W<"F", 2, 5>(1)]) | elementwise_product(),
    r<"only">() <<= x(2));

inline constexpr auto matrices = rules(
    r<"product">(i) <<= (x(i), y(i)) | product(), r<"weighted">(i) <<= x(i)[W<"A", 5, 3>] | relu(),
    r<"turned">(i) <<= x(i).T(), r<"gram">(i) <<= (x(i).T(), x(i)) | product() | tanh(),
    r<"outer">(i) <<= (y(i), y(i).T()) | product(),
    r<"sum">(i) <<= (x(i), x(i)[W<"B", 3, 3>], W<"C", 3, 4>) | softmax(),
    r<"summed">() <<= (x(i)[W<"D", 2, 3>], y(i)) | product(),
    r<"chain">(i) <<= (y(i).T(), x(i).T(), W<"E", 3, 3>, x(i)) | product());

// Hidden and negated literals of dense facts hold by value.
inline constexpr auto held =
    rules(a(i) <<= (x(i), hidden(y(i))), b(i) <<= (x(i), !y(i)) | relu(),
          c(i) <<= (x(j), hidden(z(i, j))) | sum(j),
          r<"mean">(i) <<= (x(j)[W<"A", 2, 3>], !z(i, j)) | mean(j),
          r<"soft">(i, j) <<= (x(i).T(), x(j), hidden(z(i, j)), j <= i) | product() | softmax(j),
          r<"count">(i) <<= hidden(z(i, j)) | count(j),
          r<"both">(i) <<= (x(j), z(i, j)) | product() | max(j));

}  // namespace

TEST_CASE("elements of vectors") {
    check::runs<model<elements, fact<"x", 5, 5>, fact<"y", 3>,
                      query<"third", "table", "diagonal", "shifted", "weighted", "indexed",
                            "chosen", "of_one">>>();
}
TEST_CASE("constants and offsets as arguments") {
    check::agrees<model<
        offsets, fact<"x", 5, 5>,
        query<"before", "after", "first", "last", "around", "convolved", "indexed", "only">>>();
}
TEST_CASE("hidden and negated dense facts") {
    using holding = model<held, fact<"x", 5, 3>, fact<"y", 5>, fact<"z", 5, 5>,
                          query<"a", "b", "c", "mean", "soft", "count", "both">>;
    check::runs<holding>(0, 1, [](auto& f) {
        for (std::size_t fact : {std::size_t{1}, std::size_t{2}})
            for (std::size_t at = 0; at < f.dense[fact].size(); at += 2) f.dense[fact][at] = 0;
    });
}
TEST_CASE("matrix values and transposes") {
    check::agrees<
        model<matrices, fact<"x", 5, 3, 4>, fact<"y", 5, 4>,
              query<"product", "weighted", "turned", "gram", "outer", "sum", "summed", "chain">>>();
}
