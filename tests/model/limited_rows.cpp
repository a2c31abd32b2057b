#include "rules.hpp"

/// Rows that are no atoms since a count given at run time ends before them.

namespace {

using namespace names;
using sequent::fact;
using sequent::query;

template <const auto& Program, auto... Shape>
using limited = sequent::model<Program, fact<"x", Shape...>, sequent::bound<"length">>;

template <class Model>
void agrees_for_all_lengths(int rows) {
    static_assert(check::count_steps<Model>(sequent::plan::step_kind::general) == 0);
    for (int length : {0, 1, rows / 2, rows}) check::agrees<Model>(length);
}
template <class Model>
void runs_for_all_lengths(int rows) {
    for (int length : {0, 1, rows / 2, rows}) check::runs<Model>(length);
}

// The logarithm's slope at the zeros beyond the length is infinite.
inline constexpr auto chain =
    rules(a(i) <<= (x(i)[W<"W", 6, 5>], W<"bias", 6>, i < length) | exp(), b(i) <<= a(i) | log(),
          c(i) <<= (b(i), a(i)) | layer_norm(W<"gain", 6>, W<"shift", 6>),
          y(i) <<= (b(i), c(i)) | elementwise_product(), z(i) <<= y(i)[W<"V", 3, 6>] | tanh());

inline constexpr auto added =
    rules(y(i) <<= (x(i)[W<"W", 4, 5>], i < length), y(i) <<= x(i)[W<"V", 4, 5>], y(i) | gelu(),
          z(i) <<= y(i)[W<"U", 2, 4>]);

// Conditions that mean the count's, and others.
inline constexpr auto spelled =
    rules(a(i) <<= (x(i)[W<"W", 6, 5>], i <= length - 1) | relu(),
          b(i) <<= (a(i)[W<"V", 4, 6>], !(i >= length), i != 2) | tanh(),
          z(i) <<= (b(i)[W<"U", 3, 4>], i > 0));

// Each row begins with the row before.
inline constexpr var<"t", 7> t;
inline constexpr auto running = rules(a(t) <<= (x(j)[W<"W", 4, 5>], j <= t, t < length) | mean(j),
                                      b(t) <<= (x(j), j < t, j < length) | max(j),
                                      c(t) <<= (x(j), j + 1 < t) | tanh() | sum(j));
using running_rows =
    sequent::model<running, fact<"x", 7, 5>, sequent::bound<"length">, query<"a", "b", "c">>;

// Of two arguments, the count limits the outer loop's.
inline constexpr auto outer = rules(y(i, h) <<= (x(h, i)[W<"W", 4, 3>], h < length) | relu(),
                                    z(h, i) <<= (y(i, h), x(h, i)[W<"V", 4, 3>]));

inline constexpr auto layer = rules(a(i) <<= x(i)[W<"W", 5, 5>] | tanh(), y(i) <<= (x(i), a(i)));
inline constexpr auto in_a_stack =
    rules(a(i) <<= (x(i)[W<"W", 5, 5>], i < length), y(i) <<= a(i) | stack<2>(layer));

}  // namespace

TEST_CASE("rows limited by a count") {
    agrees_for_all_lengths<limited<chain, 7, 5>>(7);
    agrees_for_all_lengths<limited<chain, 33, 5>>(33);
    runs_for_all_lengths<limited<chain, 7, 5>>(7);
}

TEST_CASE("a limited summand beside one that is not") {
    agrees_for_all_lengths<limited<added, 5, 5>>(5);
}

TEST_CASE("rows limited by other conditions") {
    agrees_for_all_lengths<limited<spelled, 7, 5>>(7);
    runs_for_all_lengths<limited<spelled, 7, 5>>(7);
}

TEST_CASE("sums, means and maxima of all rows before") {
    int steps = 0;
    for (const auto& step : running_rows::plan::tables.generals) steps += step.running_row >= 0;
    CHECK(steps == 3);
    for (int rows : {0, 1, 3, 7}) check::runs<running_rows>(rows);
}

TEST_CASE("a count on an outer index") {
    agrees_for_all_lengths<limited<outer, 3, 9, 3>>(3);
    runs_for_all_lengths<limited<outer, 3, 9, 3>>(3);
}

TEST_CASE("limited rows in a stack") {
    agrees_for_all_lengths<limited<in_a_stack, 6, 5>>(6);
}
