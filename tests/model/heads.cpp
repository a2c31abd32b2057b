#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;

inline constexpr var<"h", 3> h;

inline constexpr auto concatenated = rules(
    q(h, i) <<= x(i)[W<"W_q", 5, 7>(h)], k(h, i) <<= x(i)[W<"W_k", 5, 7>(h)],
    v(h, i) <<= x(i)[W<"W_v", 4, 7>(h)],
    weights(h, i, j) <<= (inverse_sqrt(5), k(h, j).T(), q(h, i), j <= i) | product() | softmax(j),
    a(h, i) <<= (weights(h, i, j), v(h, j)) | product() | sum(j), b(i) <<= a(h, i) | concat(h),
    out(i) <<= (b(i)[W<"W_o", 7, 12>], x(i)) | norm());

inline constexpr auto summed = rules(
    q(h, i) <<= x(i)[W<"W_q", 5, 7>(h)], k(h, i) <<= (x(i)[W<"W_k", 5, 7>(h)], W<"b_k", 5>(h)),
    v(h, i) <<= x(i)[W<"W_v", 5, 7>(h)],
    weights(h, i, j) <<=
    (inverse_sqrt(5), k(h, j).T(), q(h, i), abs(i - j) < 4) | product() | softmax(j),
    a(h, i) <<= (weights(h, i, j), v(h, j)) | product() | sum(j),
    out(i) <<= a(h, i)[W<"W_o", 7, 5>(h)]);

// One key and one value for all heads, from another fact.
inline constexpr auto multi_query = rules(
    q(h, i) <<= x(i)[W<"W_q", 5, 7>(h)], k(i) <<= y(i)[W<"W_k", 5, 3>],
    v(i) <<= y(i)[W<"W_v", 2, 3>],
    weights(h, i, j) <<= (inverse_sqrt(5), q(h, i).T(), k(j)) | product() | softmax(j),
    a(h, i) <<= (weights(h, i, j), v(j)) | product() | sum(j), out(i) <<= a(h, i) | concat(h));

// One key and one value for each group of heads.
inline constexpr auto grouped_query =
    rules(q(h, g, i) <<= x(i)[W<"W_q", 5, 7>(h, g)], k(g, i) <<= x(i)[W<"W_k", 5, 7>(g)],
          v(g, i) <<= x(i)[W<"W_v", 5, 7>(g)],
          weights(h, g, i, j) <<=
          (inverse_sqrt(5), k(g, j).T(), q(h, g, i), j <= i) | product() | softmax(j),
          a(h, g, i) <<= (weights(h, g, i, j), v(g, j)) | product() | sum(j),
          b(i) <<= a(h, g, i) | concat(h, g), out(i) <<= b(i)[W<"W_o", 7, 30>]);

}  // namespace

TEST_CASE("heads concatenated and projected") {
    check::attends<model<concatenated, fact<"x", 17, 7>>, 3>();
}
TEST_CASE("heads projected and summed") {
    check::attends<model<summed, fact<"x", 33, 7>>, 3>();
}
TEST_CASE("heads that share keys and values") {
    check::attends<model<multi_query, fact<"x", 7, 7>, fact<"y", 31, 3>>, 3>();
    check::attends<model<grouped_query, fact<"x", 5, 7>>, 3>();
    check::runs<model<grouped_query, fact<"x", 5, 7>>>();
}
