#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;

// Several rules for one logit, and functions of it.
inline constexpr auto with_table =
    rules(logit(i, j) <<= (inverse_sqrt(5), k(j).T(), q(i), j <= i) | product(),
          logit(i, j) <<= (W<"R">(i, j), j <= i),
          weights(i, j) <<= logit(i, j) | soft_cap(2) | softmax(j),
          out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

inline constexpr var<"h", 2> h;
inline constexpr auto with_slopes = rules(
    logit(h, i, j) <<= (number(-0.5), k(j).T(), q(i), j <= i) | product() | tanh(),
    logit(h, i, j) <<= (W<"slope">(h), number(j - i), j <= i) | product(),
    weights(h, i, j) <<= logit(h, i, j) | softmax(j),
    a(h, i) <<= (weights(h, i, j), v(j)) | product() | sum(j), out(i) <<= a(h, i) | concat(h));

inline constexpr auto functions =
    rules(logit(i, j) <<= (k(j).T(), q(i)) | product() | gelu(),
          logit(i, j) <<= (a(i), b(j)) | leaky_relu(),
          logit(i, j) <<= (at(q(i), 2), k(j).T(), q(i)) | product() | sigmoid(),
          weights(i, j) <<= logit(i, j) | softmax(j),
          out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

// Synthesizers: the score is an element of a vector, a table, or the product of two tables.
inline constexpr auto dense_synthesizer =
    rules(b(i) <<= x(i)[W<"W_1", 5, 7>] | relu(), c(i) <<= (b(i)[W<"W_2", 33, 5>], W<"b_2", 33>),
          weights(i, j) <<= (at(c(i), j), j <= i) | softmax(j), v(i) <<= x(i)[W<"W_v", 5, 7>],
          out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

inline constexpr var<"i", 17> t;
inline constexpr var<"j", 33> u;
inline constexpr auto random_synthesizer =
    rules(weights(t, u) <<= (W<"R">(t, u), u <= t) | softmax(u),
          out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

inline constexpr auto factorized_synthesizer =
    rules(weights(t, u) <<= (W<"R_1", 4>(t).T(), W<"R_2", 4>(u)) | product() | softmax(u),
          out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

// No row: one query for all.
inline constexpr auto pooled =
    rules(k(i) <<= x(i)[W<"W_k", 5, 7>] | tanh(),
          weights(i) <<= (W<"query", 5>.T(), k(i)) | product() | softmax(i),
          out() <<= (weights(i), x(i)) | product() | sum(i));

// The factors in another order, no scale, the weight behind the value.
inline constexpr auto reversed =
    rules(weights(i, j) <<= (q(i).T(), k(j), i != j) | product() | softmax(j),
          out(i) <<= (v(j), weights(i, j)) | elementwise_product() | sum(j));

// Softmax over the first variable.
inline constexpr auto over_rows =
    rules(weights(j, i) <<= (q(i).T(), k(j), number(0.3)) | product() | softmax(j),
          out(i) <<= (weights(j, i), v(j)) | product() | sum(j));

template <int N, int M = N>
using of_facts = model<with_table, fact<"q", N, 5>, fact<"k", M, 5>, fact<"v", M, 3>>;

}  // namespace

TEST_CASE("a dot product and a learned table in one score") {
    check::attends<of_facts<33>>();
}
TEST_CASE("a bias by distance, with a slope for each head") {
    check::attends<model<with_slopes, fact<"q", 17, 5>, fact<"k", 17, 5>, fact<"v", 17, 3>>>();
}
TEST_CASE("functions within a score") {
    check::attends<model<functions, fact<"q", 7, 5>, fact<"k", 31, 5>, fact<"v", 31, 3>,
                         fact<"a", 7>, fact<"b", 31>>>();
    check::runs<model<functions, fact<"q", 7, 5>, fact<"k", 31, 5>, fact<"v", 31, 3>, fact<"a", 7>,
                      fact<"b", 31>>>();
}
TEST_CASE("synthesizers") {
    check::attends<model<dense_synthesizer, fact<"x", 33, 7>>, 2>();
    check::attends<model<random_synthesizer, fact<"v", 33, 3>>>();
    check::attends<model<factorized_synthesizer, fact<"v", 33, 3>>>();
}
TEST_CASE("attention without rows") {
    check::attends<model<pooled, fact<"x", 65, 7>>, 1>();
    check::runs<model<pooled, fact<"x", 65, 7>>>();
}
TEST_CASE("scores and weights in another order") {
    check::attends<model<reversed, fact<"q", 5, 3>, fact<"k", 7, 3>, fact<"v", 7, 5>>>();
    check::attends<model<over_rows, fact<"q", 5, 3>, fact<"k", 2, 3>, fact<"v", 2, 1>>>();
}
