#include "rules.hpp"

/// Arguments that are sums or differences of two variables.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::plan::score_kind;
using sequent::plan::step_kind;

inline constexpr relation<"bias"> bias;
inline constexpr var<"bucket", 4> bucket;
inline constexpr var<"distance", 17> distance;
inline constexpr var<"n", 3> n;
inline constexpr var<"m", 5> m;

// Near distances have buckets of their own, those on either side share one.
constexpr bool in_bucket(int which, int shifted) {
    const int between = shifted - 8;
    return which == (between < -1 ? 0 : between > 1 ? 3 : between > 0 ? 2 : 1);
}

// clang-format off
inline constexpr auto attention = rules(
    q(g, i)          <<= x(i)[W<"W_q", 3, 5>(g)],
    k(g, j)          <<= x(j)[W<"W_k", 3, 5>(g)],
    v(g, j)          <<= x(j)[W<"W_v", 2, 5>(g)],
    logit(g, i, j)   <<= (k(g, j).T(), q(g, i)) | product(),
    weights(g, i, j) <<= logit(g, i, j) | softmax(j),
    a(g, i)          <<= (weights(g, i, j), v(g, j)) | product() | sum(j),
    b(i)             <<= a(g, i) | concat(g),
    y(i)             <<= (b(i)[W<"W_o", 5, 4>], x(i)));

// Buckets of distances, as in T5: one table of buckets x heads for all layers.
inline constexpr auto layer = rules(attention, logit(g, i, j) <<= bias(g, j - i + 8));
inline constexpr auto relative = rules(
    r<"shared">(distance) <<= (W<"table", 2>(bucket), holds<in_bucket>(bucket, distance)) | sum(bucket),
    bias(g, distance)     <<= at(r<"shared">(distance), g),
    z(i)                  <<= r<"given">(i)[W<"A", 5, 3>],
    out(i)                <<= z(i) | stack<2>(layer));

inline constexpr auto learned = rules(attention, logit(g, i, j) <<= W<"R">(g, i - j + 8),
                                      logit(g, i, j) <<= r<"table">(1 + i + j));

// Admissible pairs alone matter, but what lies outside of the table is not computed fused.
inline constexpr auto causal = rules(
    q(i)          <<= x(i)[W<"W_q", 3, 5>],
    logit(i, j)   <<= (q(j).T(), q(i), j <= i) | product(),
    logit(i, j)   <<= (W<"R">(i - j), j <= i),
    weights(i, j) <<= logit(i, j) | softmax(j),
    y(i)          <<= (weights(i, j), x(j)) | product() | sum(j));

// A convolution, whose ends have fewer summands; and a matrix for each difference.
inline constexpr auto shifted = rules(
    a(i) <<= (x(i), x(i + n - 1)[W<"K", 5, 5>(n)]) | tanh() | sum(n),
    b(m) <<= (W<"M", 2, 5>(m - j + 3), a(j)) | product() | sum(j),
    y(i) <<= (b(i), W<"P", 2>(i), W<"P", 2>(3 + i - n), n <= i) | elementwise_product() | max(n));

// Within a stack the input, too, and what its outer block is given.
inline constexpr auto inner = rules(y(i) <<= (q(i), x(i - n + 1), q(n + i)) | mean() | sum(n));
inline constexpr auto block = rules(a(i) <<= x(i)[W<"A", 5, 5>] | tanh(),
                                    b(i) <<= a(i) | stack<2>(inner),
                                    y(i) <<= (b(i), x(i)));
inline constexpr auto nested = rules(out(i) <<= r<"given">(i) | stack<2>(block));

inline constexpr auto recursion = rules(
    a(0)       <<= x(0),
    a(next(i)) <<= (a(i)[W<"U", 5, 5>], x(i), x(i + n)[W<"K", 5, 5>], W<"c", 5>(i - n + 2)) | tanh() | sum(n));
// clang-format on

using Relative = model<relative, fact<"given", 9, 3>>;
using Learned = model<learned, fact<"x", 9, 5>, fact<"table", 30>>;

template <class Model>
constexpr int count_loads(int row, int column) {
    int found = 0;
    for (const auto& node : Model::plan::tables.attentions[0].nodes)
        found +=
            node.kind == score_kind::load && node.x.row == row && node.x.column == column ? 1 : 0;
    return found;
}
// The N x N biases are read where they stand.
static_assert(check::count_steps<Relative>(step_kind::attention) == 1);
static_assert(check::count_steps<Relative>(step_kind::general) == 2);  // shared and bias
static_assert(count_loads<Relative>(-1, 1) == 1);
static_assert(check::is_fused<Learned>);
static_assert(count_loads<Learned>(1, -1) == 1 && count_loads<Learned>(1, 1) == 1);

}  // namespace

TEST_CASE("relative biases are read by attention where they stand") {
    check::runs<Relative>();
    check::agrees<Learned>();
}
TEST_CASE("rules over sums of variables that leave a table") {
    check::agrees<model<causal, fact<"x", 5, 5>>>();
    check::agrees<model<shifted, fact<"x", 5, 5>>>();
}
TEST_CASE("sums of variables in stacks and beside recursions") {
    check::agrees<model<nested, fact<"given", 3, 5>>>();
    check::agrees<model<recursion, fact<"x", 5, 5>, sequent::query<"a">>>();
}
