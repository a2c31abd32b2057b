#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

inline constexpr var<"t"> t;
inline constexpr var<"n"> n;
inline constexpr var<"m"> m;
inline constexpr var<"n", 5> one_of_five;
inline constexpr relation<"state"> state;
inline constexpr relation<"start"> start;

// clang-format off

// Several rows at each time, with their own weights or common ones.
inline constexpr auto rows = rules(
    state(0, n)       <<= W<"s", 4>(n),
    a(t, n)           <<= (x(t, n)[W<"A", 4, 3>], state(t, n)[W<"B", 4, 4>]) | sigmoid(),
    b(t, n)           <<= (x(t, n)[W<"C", 4, 3>], state(t, n)[W<"D", 4, 4>], W<"b", 4>(n)) | tanh(),
    state(next(t), n) <<= (a(t, n), b(t, n)) | elementwise_product(),
    y(t, n)           <<= state(next(t), n));

inline constexpr auto rows_first = rules(
    state(n, t) <<= x(n, t)[W<"A", 4, 3>(n)],
    state(n, t) <<= state(n, t - 1)[W<"B", 4, 4>(n)],
    state(n, t) | relu(),
    y(t)        <<= state(n, t) | concat(n));

// Rows that see each other: a mean over neighbours, and the greatest.
inline constexpr auto neighbours = rules(
    state(0, n)       <<= x(n)[W<"A", 4, 3>],
    a(t, one_of_five) <<= (state(t, m), m <= n) | mean(m),
    b(t, one_of_five) <<= (state(t, m), n <= m) | max(m),
    state(next(t), n) <<= (a(t, n)[W<"B", 4, 4>], b(t, n)[W<"C", 4, 4>], r<"gate">(t)) | tanh(),
    y(t, n)           <<= state(next(t), n));

// Attention to a sequence at each time, from the state; and among the rows.
inline constexpr auto attending = rules(
    state(0)       <<= W<"s", 4>,
    q(t)           <<= state(t)[W<"Q", 5, 4>],
    k(j)           <<= x(j)[W<"K", 5, 3>],
    weights(t, j)  <<= (inverse_sqrt(5), k(j).T(), q(t), j < length) | product() | softmax(j),
    c(t)           <<= (weights(t, j), x(j)) | product() | sum(j),
    state(next(t)) <<= (c(t)[W<"C", 4, 3>], state(t)[W<"U", 4, 4>], z(t)[W<"W", 4, 2>]) | tanh(),
    y(t)           <<= (state(next(t)), c(t)) | concat());

inline constexpr auto among = rules(
    state(0, i)       <<= x(i),
    weights(t, i, j)  <<= (state(t, j).T(), state(t, i), j <= i) | product() | softmax(j),
    c(t, i)           <<= (weights(t, i, j), state(t, j)) | product() | sum(j),
    state(next(t), i) <<= (c(t, i)[W<"C", 3, 3>], state(t, i), r<"bias">(t)) | layer_norm(W<"g", 3>, W<"b", 3>),
    out(i)            <<= state(t, i) | concat(t));

// Matrices that gather products of keys and values, as linear attention does.
inline constexpr auto matrices = rules(
    k(t)           <<= x(t)[W<"K", 3, 5>] | exp(),
    v(t)           <<= x(t)[W<"V", 2, 5>],
    state(t)       <<= (v(t), k(t).T()) | product(),
    state(t)       <<= (number(0.9), state(t - 1)) | product(),
    y(t)           <<= (state(t), x(t)[W<"Q", 3, 5>]) | product());

// Conditions on the time, its number, weights of its own, a position.
inline constexpr auto timed = rules(
    state(0)       <<= W<"s", 4>,
    a(t)           <<= (x(t)[W<"A", 4, 3>], t % 2 == 0),
    a(t)           <<= (state(t)[W<"B", 4, 4>], 2 <= t, t < 5),
    a(t)           <<= W<"p", 4>(t),
    b(t)           <<= (a(t), state(t)) | rotary(t),
    c(t)           <<= (number(t + 1), b(t), number(0.1)) | product(),
    state(next(t)) <<= (c(t), W<"q", 4>(next(t)), x(t)[W<"C", 4, 3>]) | tanh(),
    y(t)           <<= (state(t), a(t)) | concat());

// Atoms that are not there are zeros outside: no gate is open at the first time.
inline constexpr auto gaps = rules(
    a(t)     <<= (x(t)[W<"A", 4, 3>], state(t - 1)[W<"B", 4, 4>]) | sigmoid(),
    state(t) <<= x(t)[W<"C", 4, 3>],
    state(t) <<= (a(t), state(t - 1)) | elementwise_product(),
    y(t)     <<= a(t),
    y(t)     <<= state(t));
// clang-format on

}  // namespace

TEST_CASE("rows at each time") {
    check::agrees<model<rows, fact<"x", 5, 3, 3>>>();
    check::agrees<model<rows, fact<"x", 2, 17, 3>>>();
    check::agrees<model<rows_first, fact<"x", 3, 7, 3>>>();
    check::agrees<model<neighbours, fact<"x", 5, 3>, fact<"gate", 3, 4>>>();
}
TEST_CASE("attention at each time") {
    check::runs<model<attending, fact<"x", 7, 3>, fact<"z", 5, 2>, sequent::bound<"length">>>(5);
    check::agrees<model<among, fact<"x", 5, 3>, fact<"bias", 2, 3>>>();
}
TEST_CASE("matrices as states") {
    check::agrees<model<matrices, fact<"x", 7, 5>>>();
}
TEST_CASE("rules that know the time") {
    check::runs<model<timed, fact<"x", 7, 3>>>();
}
TEST_CASE("atoms that are not there") {
    check::agrees<model<gaps, fact<"x", 7, 3>>>();
    check::agrees<model<gaps, fact<"x", 1, 3>>>();
    check::agrees<model<gaps, fact<"x", 3, 3>, query<"a", "state">>>();
}
