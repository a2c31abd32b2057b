#include <memory>
#include <span>
#include <vector>

#include "rules.hpp"
#include "step.hpp"

/// Sums over a window of rows, rows with a condition, and slices: without loops and copies.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::up_to;
using sequent::plan::step_kind;

inline constexpr var<"p", 70> p;
inline constexpr var<"n", 3> n;
inline constexpr var<"m", 5> m;

// clang-format off
// Causal, with a bias and a function; centred and dilated.
inline constexpr auto causal = rules(
    z(p) <<= x(p - n)[W<"K", 7, 5>(n)] | sum(n),
    y(p) <<= (z(p), W<"c", 7>) | tanh());
inline constexpr auto centred = rules(
    y(p) <<= x(p + 2 * n - 2)[W<"K", 7, 5>(n)] | sum(n));
inline constexpr auto dilated = rules(
    z(p) <<= x(p - 2 * n)[W<"K", 7, 5>(n)] | sum(n),
    y(p) <<= (z(p), W<"c", 7>) | relu());
// All of the window lies within x; every second window.
inline constexpr auto within = rules(
    y(m) <<= x(m + n)[W<"K", 7, 5>(n)] | sum(n));
inline constexpr auto strided = rules(
    y(m) <<= x(2 * m + n - 1)[W<"K", 7, 5>(n)] | sum(n));
// The same written as several rules; the last row of a token's table, too.
inline constexpr auto several = rules(
    y(i) <<= x(i)[W<"A", 7, 5>],
    y(i) <<= x(i - 1)[W<"B", 7, 5>],
    y(i) <<= x(i + 3)[W<"C", 7, 5>],
    y(i) <<= r<"s">(i - 2)[W<"E", 4, 7>],
    y(i) <<= r<"given">(i - 1),
    y(i) | sigmoid());
// Windows of two indices: of 3 x 2 with a bias and a function; dilated; larger than x; of every
// second row and column; over later columns of earlier rows; and over parts of a row.
inline constexpr var<"u", 6> u;
inline constexpr var<"e", 2> e;
inline constexpr auto images = rules(
    z(m, u) <<= x(m + n - 1, u + e - 1)[W<"K", 7, 5>(n, e)] | sum(n, e),
    y(m, u) <<= (z(m, u), W<"c", 7>) | relu());
inline constexpr auto dilated_images = rules(
    y(m, u) <<= x(m + 2 * n - 2, u + 3 * e - 1)[W<"K", 7, 5>(n, e)] | sum(n, e));
inline constexpr auto wide_images = rules(
    y(n, e) <<= x(n + m - 2, e + u - 3)[W<"K", 7, 5>(m, u)] | sum(m, u));
inline constexpr auto strided_images = rules(
    y(n, e) <<= x(2 * n + m - 1, 3 * e + u)[W<"K", 4, 5>(m, u)] | sum(m, u));
inline constexpr auto spectrum = rules(
    z(p, u) <<= x(p - n, u + e)[W<"K", 7, 5>(n, e)] | sum(n, e),
    y(p, u) <<= (z(p, u), W<"c", 7>) | tanh());
inline constexpr auto parts = rules(
    y(p) <<= x(p - n, u)[W<"K", 7, 5>(n, u)] | sum(n, u));
// The window moves the index of a weight.
inline constexpr auto of_weights = rules(
    a(i, u) <<= x(i)[W<"A", 4, 5>(u)],
    y(i, e) <<= a(i, e + n) | sum(n));
// Rows of a table that symbols choose.
inline constexpr auto of_chosen = rules(
    a(i) <<= r<"s">(i)[W<"A", 4, 5>],
    y(p) <<= a(p - n) | sum(n));
inline constexpr auto corner = rules(
    y(m, u) <<= x(m - 1, u + 2));
inline constexpr auto sums = rules(
    y(n) <<= x(m, n, u)[W<"K", 7, 5>(u, m)] | sum(m, u));
// Windows in which each column has weights of its own, and sums without weights.
inline constexpr auto depthwise = rules(
    z(p) <<= (x(p - n), W<"D", 5>(n)) | elementwise_product() | sum(n),
    y(p) <<= (z(p), W<"c", 5>) | silu());
inline constexpr auto depthwise_images = rules(
    y(m, u) <<= (W<"D", 5>(n, e), x(m + n - 1, u + 2 * e - 1)) | elementwise_product()
                | sum(n, e));
inline constexpr auto pooled = rules(
    z(n) <<= x(2 * n + m - 1) | sum(m),
    y(n) <<= (z(n), x(n)));
// A shift alone, and one of an outer index.
inline constexpr auto shifted = rules(
    y(i)    <<= x(i - 2),
    b(g, i) <<= x(i)[W<"A", 4, 5>(g)] | relu(),
    c(g, i) <<= b(g - 1, i)[W<"B", 3, 4>],
    q(i)    <<= c(g, i) | concat(g),
    y(i)    <<= q(i)[W<"D", 5, 6>]);
// Heads, and a bound that is given.
inline constexpr auto heads = rules(
    z(g, p) <<= (x(p - n)[W<"K", 3, 5>(g, n)]) | sum(n),
    y(p)    <<= (z(g, p), p < length) | concat(g));
// Products of one input beside a window, and by themselves.
inline constexpr auto conditioned = rules(
    z(p) <<= x(p - n)[W<"K", 7, 5>(n)] | sum(n),
    a(p) <<= (r<"given">(p)[W<"M", 7, 1>], z(p), W<"c", 7>, r<"given">(p)[W<"N", 7, 1>]) | tanh(),
    b(p) <<= (r<"given">(p)[W<"P", 7, 1>], r<"given">(p)[W<"Q", 7, 1>], a(p), x(p)[W<"R", 7, 5>]),
    c(p) <<= (r<"given">(p)[W<"S", 7, 1>], W<"d", 7>),
    y(p) <<= (b(p), c(p), a(p)) | sigmoid());
inline constexpr auto wide = rules(
    y(p) <<= (x(p)[W<"A", 150, 150>], r<"given">(p)[W<"M", 150, 1>]) | tanh());
inline constexpr auto nested = rules(
    a(p) <<= x(p - n)[W<"K", 5, 5>(n)] | sum(n),
    b(p) <<= a(p) | tanh(),
    y(p) <<= (b(p), x(p)));
inline constexpr auto stacked = rules(out(p) <<= r<"first">(p) | stack<2>(nested),
                                      r<"first">(p) <<= r<"given">(p)[W<"I", 5, 5>]);
// Three offsets in one rule: all of them must be there; and a mask over rows.
inline constexpr auto together = rules(
    a(i) <<= (x(i)[W<"A", 7, 5>], x(i - 1)[W<"B", 7, 5>], x(i + 2)[W<"C", 7, 5>]) | tanh(),
    y(i) <<= (a(i), r<"given">(i), i % 3 != 1, i <= 60) | elementwise_product());
// Queries, keys and values in one matrix, and a gate in another.
inline constexpr auto sliced = rules(
    q(i) <<= x(i)[W<"Q", 15, 5>] | slice(1, 4) | rotary(i, 100),
    a(i) <<= x(i)[W<"A", 12, 5>],
    k(i) <<= a(i) | slice(2, 4),
    b(i) <<= a(i) | slice(7, 5) | silu(),
    weights(i, j) <<= (k(j).T(), q(i), j <= i) | product() | softmax(j),
    v(i) <<= (weights(i, j), b(j)) | product() | sum(j),
    y(i) <<= (v(i), b(i)) | elementwise_product());
// clang-format on

using Together = model<together, fact<"x", 70, 5>, fact<"given", 70, 7>>;
using Sliced = model<sliced, fact<"x", 70, 5>>;
using Conditioned = model<conditioned, fact<"x", 70, 5>, fact<"given", 70, 1>>;
using Wide = model<wide, fact<"x", 70, 150>, fact<"given", 70, 1>>;
using Causal = model<causal, fact<"x", 70, 5>>;
using Centred = model<centred, fact<"x", 70, 5>>;
using Dilated = model<dilated, fact<"x", 70, 5>>;
using Several = model<several, fact<"x", 70, 5>, fact<"s", 70, symbol<4>>, fact<"given", 70, 7>>;
using Shifted = model<shifted, fact<"x", 9, 5>>;
using Strided = model<strided, fact<"x", 9, 5>>;
using Within = model<within, fact<"x", 9, 5>>;
using Counted = model<heads, fact<"x", up_to<70>, 5>, bound<"length">>;
using Images = model<images, fact<"x", 5, 6, 5>>;
using DilatedImages = model<dilated_images, fact<"x", 5, 6, 5>>;
using WideImages = model<wide_images, fact<"x", 3, 2, 5>>;
using StridedImages = model<strided_images, fact<"x", 7, 9, 5>>;
using Spectrum = model<spectrum, fact<"x", 70, 6, 5>>;
using Parts = model<parts, fact<"x", 70, 6, 5>>;
using OfWeights = model<of_weights, fact<"x", 5, 5>>;
using OfChosen = model<of_chosen, fact<"s", 70, symbol<4>>>;
using Corner = model<corner, fact<"x", 5, 6, 5>>;
using Sums = model<sums, fact<"x", 5, 3, 6, 5>>;
using Depthwise = model<depthwise, fact<"x", 70, 5>>;
using DepthwiseImages = model<depthwise_images, fact<"x", 5, 6, 5>>;
using Pooled = model<pooled, fact<"x", 7, 5>>;
using Stacked = model<stacked, fact<"given", 70, 5>>;

template <class... Models>
inline constexpr bool are_rows = ((check::count_steps<Models>(step_kind::general) == 0) && ...);
static_assert(are_rows<Causal, Centred, Dilated>);
static_assert(are_rows<Several, Conditioned, Wide>);
static_assert(are_rows<Strided, Within>);
static_assert(are_rows<Images, DilatedImages, WideImages, StridedImages>);
static_assert(are_rows<Spectrum, Parts, Corner, Sums>);
static_assert(are_rows<Depthwise, DepthwiseImages, Pooled>);
static_assert(check::count_steps<Depthwise>(step_kind::rows) == 1);
static_assert(check::count_steps<Images>(step_kind::rows) == 1);
static_assert(are_rows<Shifted>);
static_assert(are_rows<Stacked>);
static_assert(are_rows<Together>);
static_assert(are_rows<Sliced>);
static_assert(check::count_steps<Causal>(step_kind::rows) == 1);
static_assert(check::count_steps<Dilated>(step_kind::rows) == 1);
static_assert(check::count_steps<Several>(step_kind::rows) <= 3);

}  // namespace

TEST_CASE("windows of rows agree with the rules") {
    check::agrees<Causal>();
    check::agrees<Dilated>();
    check::agrees<Strided>();
    check::agrees<Within>();
    check::agrees<Images>();
    check::agrees<DilatedImages>();
    check::agrees<StridedImages>();
    check::agrees<Parts>();
    check::agrees<Corner>();
    check::agrees<OfWeights>();
    check::agrees<OfChosen>();
    check::agrees<Sums>();
    check::agrees<Depthwise>();
    check::agrees<Shifted>();
    check::agrees<Stacked>();
    check::agrees<Sliced>();
    for (const int count : {0, 1, 40, 70}) check::agrees<Counted>(count);
}
TEST_CASE("windows of rows run") {
    check::runs<Causal>();
    check::runs<Images>();
    check::runs<DilatedImages>();
    check::runs<WideImages>();
    check::runs<Depthwise>();
    check::runs<DepthwiseImages>();
    check::runs<Pooled>();
    check::runs<Together>();
    check::runs<Sliced>();
    check::runs<Centred>();
    check::runs<Several>();
    check::runs<Strided>();
    check::runs<Counted>(41);
    check::runs<Shifted>();
    check::runs<Conditioned>();
}
TEST_CASE("causal windows stream") {
    check::steps<Causal>();
    check::steps<Spectrum>();
    check::steps<Depthwise>();
    check::steps<Stacked>();
    check::steps<Sliced>();
    check::streams_agree<Dilated>();
    check::steps<Conditioned>();
}
TEST_CASE("rows of several sequences in one product, beside one of a single input") {
    constexpr int count = 3, steps = 9;
    const check::fixture<Wide, double> f(1);
    const auto x_row = [&](int at) {
        return std::span(f.dense[0]).subspan(check::to_size(150 * at), 150);
    };
    const auto given = [&](int at) { return std::span(f.dense[1]).subspan(check::to_size(at), 1); };
    std::vector<std::unique_ptr<Wide::state<double>>> joined, alone;
    std::vector<Wide::state<double>*> states;
    for (int at = 0; at < count; ++at) {
        joined.push_back(sequent::make_unique<Wide::state<double>>());
        alone.push_back(sequent::make_unique<Wide::state<double>>());
        states.push_back(joined.back().get());
    }
    sequent_test::largest_error error;
    for (int row = 0; row < steps; ++row) {
        std::vector<Wide::rows<double>> rows;
        for (int at = 0; at < count; ++at)
            rows.push_back({x_row(steps * at + row), given(steps * at + row)});
        Wide::step_batch(*f.p, rows, states, [&](int at, const auto& found) {
            const auto expected =
                Wide::step(*f.p, {x_row(steps * at + row), given(steps * at + row)},
                           *alone[check::to_size(at)]);
            for (int element = 0; element < 150; ++element)
                error.add(found(element), expected(element));
        });
    }
    CHECK(error.value() < 1e-12);
}

namespace {

inline constexpr var<"a", 4> narrow;
inline constexpr var<"b", 9> long_;
inline constexpr var<"c", 4> row;
inline constexpr var<"d", 9> column;
inline constexpr var<"f", 2> o;
inline constexpr var<"h", 2> head;

// The product has its arguments in another order than x.
inline constexpr auto turned =
    rules(a(narrow, long_, n, o) <<= x(long_, narrow)[W<"K", 3, 5>(n, o)],
          y(row, column) <<= a(row + n - 1, column + o - 1, n, o) | sum(n, o));
inline constexpr auto mirrored =
    rules(a(long_, narrow, n, o) <<= x(narrow, long_)[W<"K", 3, 5>(n, o)],
          y(column, row) <<= a(column + n - 1, row + o - 1, n, o) | sum(n, o));
// Beside a product whose weight has heads.
inline constexpr auto beside_heads = rules(
    a(head, long_) <<= (x(head, long_ + n - 1), W<"D", 3>(n)) | elementwise_product() | sum(n),
    y(head, long_) <<= r<"given">(long_)[W<"A", 3, 2>(head)], y(head, long_) <<= a(head, long_));
inline constexpr auto sum_beside_heads = rules(
    a(head, long_) <<= x(head, long_ + n - 1) | sum(n),
    y(head, long_) <<= r<"given">(long_)[W<"A", 3, 2>(head)], y(head, long_) <<= a(head, long_));

}  // namespace

TEST_CASE("windows of products in another order, and beside products with heads") {
    check::agrees<model<turned, fact<"x", 9, 4, 5>>>();
    check::agrees<model<mirrored, fact<"x", 4, 9, 5>>>();
    check::agrees<model<beside_heads, fact<"x", 2, 9, 3>, fact<"given", 9, 2>>>();
    check::agrees<model<sum_beside_heads, fact<"x", 2, 9, 3>, fact<"given", 9, 2>>>();
}
