#include <sequent/nn.hpp>

#include "rules.hpp"
#include "step.hpp"

/// Causal programs other than attention, computed row by row and in blocks of random sizes: models
/// that keep something of each kind, and by the interpreter what they have in common with others.

namespace {
using namespace names;
using sequent::fact;
using sequent::model;

inline constexpr var<"k", 3> k;
inline constexpr var<"d", 9> d;
inline constexpr relation<"state"> state;
inline constexpr relation<"shifted"> shifted;
inline constexpr relation<"mixed"> mixed;
inline constexpr weight<"U", 3, 3> U;
inline constexpr weight<"V", 3, 3> V;
inline constexpr weight<"s", 3> s;

// Recursions: the state of the last step is kept.

inline constexpr auto cell = rules(state(next(i)) <<= (x(i)[U], state(i)[V]) | tanh(),
                                   state(0) <<= s, y(i) <<= state(next(i)));
inline constexpr auto second_order =
    rules(state(i) <<= x(i)[U], state(i) <<= state(i - 2)[V], y(i) <<= (state(i), x(i)));
inline constexpr auto layers = rules(y(i) <<= x(i) | stack<3>(cell));

TEST_CASE("recursions step by step") {
    check::streams_agree<model<cell, fact<"x", 41, 3>>>();
    check::steps<model<second_order, fact<"x", 50, 3>>>();
    check::streams_agree<model<layers, fact<"x", 41, 3>>>();
}

// Shifts and convolutions: the last rows of what they read are kept.

inline constexpr auto convolution =
    rules(mixed(i) <<= (x(i - k)[W<"K", 4, 3>(k)], x(i)[W<"A", 4, 3>]) | sum(k),
          y(i) <<= mixed(i) | relu());
inline constexpr auto dilated =
    rules(mixed(i) <<= (x(i - d)[W<"K", 3, 3>(d)], x(i), d % 4 == 0) | sum(d),
          shifted(i) <<= (mixed(i - d)[W<"L", 3, 3>(d)], x(i), d % 2 == 0) | sum(d),
          y(i) <<= shifted(i) | tanh());
inline constexpr auto convolutions =
    rules(mixed(i) <<= (x(i - k)[W<"A", 3, 3>(k)], x(i)) | sum(k), shifted(i) <<= mixed(i) | tanh(),
          z(i) <<= shifted(i - 5)[W<"B", 3, 3>], z(i) <<= x(i),
          y(i) <<= (z(i - k), x(i)) | elementwise_product() | concat(k));
inline constexpr auto of_symbols = rules(y(i) <<= (x(i)[W<"E", 7, 4>], x(i - 2)[W<"F", 7, 4>]));
inline constexpr auto residual =
    rules(mixed(i) <<= (x(i - k)[W<"A", 3, 3>(k)], x(i)) | sum(k), y(i) <<= (mixed(i), x(i)));
inline constexpr auto stacked = rules(y(i) <<= x(i) | stack<3>(residual));
// A block that is only a stack: its output is copied to where the next layer reads it.
inline constexpr auto inner_stack = rules(z(i) <<= x(i) | stack<2>(residual));
inline constexpr auto twice_stacked =
    rules(a(i) <<= x(i)[U], y(i) <<= a(i) | stack<3>(inner_stack));

TEST_CASE("shifts and convolutions step by step") {
    check::streams_agree<model<convolution, fact<"x", 53, 3>>>();
    check::steps<model<dilated, fact<"x", 90, 3>>>();
    check::streams_agree<model<convolutions, fact<"x", 70, 3>>>();
    check::streams_agree<model<of_symbols, fact<"x", 40, sequent::symbol<7>>>>();
    check::streams_agree<model<stacked, fact<"x", 60, 3>>>();
    check::streams_agree<model<twice_stacked, fact<"x", 60, 3>>>();
}

// Parts of vectors and relations side by side.

inline constexpr auto parts =
    rules(a(i) <<= x(i) | slice(0, 2), b(i) <<= x(i)[U] | slice(1, 2), c(i) <<= a(i) | rotary(i),
          y(i) <<= (c(i), b(i), x(i)) | concat());

TEST_CASE("slices and concatenations step by step") {
    check::steps<model<parts, fact<"x", 29, 3>>>();
}

// Aggregates over everything before, or over a window of it.

template <int Rows>
inline constexpr var<"t", Rows> t;
template <int Rows>
inline constexpr auto running = rules(
    a(t<Rows>) <<= (x(j)[U], j <= t<Rows>) | mean(j), b(t<Rows>) <<= (x(j), j <= t<Rows>) | max(j),
    z(t<Rows>) <<= (x(j)[V], j < t<Rows>) | sum(j), c(t<Rows>) <<= (x(j), j + 2 < t<Rows>) | min(j),
    q(t<Rows>) <<= (hidden(x(j)), j <= t<Rows>) | count(j),
    y(t<Rows>) <<= (a(t<Rows>), b(t<Rows>), z(t<Rows>), c(t<Rows>), q(t<Rows>)) | concat());
inline constexpr auto windows =
    rules(a(t<90>) <<= (x(j), j <= t<90>, t<90> - j < 4) | sum(j),
          b(t<90>) <<= (a(j)[U], j < t<90>, t<90> - j <= 6, (t<90> - j) % 2 == 0) | max(j),
          y(t<90>) <<= (a(t<90>), b(t<90>)));
// No rule but the convolution relates the rows of the sum to those of the sequence.
inline constexpr auto sums_of_windows =
    rules(mixed(t<30>) <<= x(t<30> - k)[V] | sum(k), y(t<30>) <<= (mixed(j), j <= t<30>) | sum(j));
inline constexpr auto sums_of_later = rules(mixed(t<30>) <<= x(t<30> + k - 1)[V] | sum(k),
                                            y(t<30>) <<= (mixed(j), j <= t<30>) | sum(j));
inline constexpr auto pairs = rules(weights(i, j) <<= (x(j).T(), x(i), j <= i) | product(),
                                    y(i) <<= (weights(i, j), x(j)) | product() | sum(j));

TEST_CASE("causal aggregates step by step") {
    check::streams_agree<model<running<90>, fact<"x", 90, 3>>>();
    check::streams_agree<model<windows, fact<"x", 90, 3>>>();
    check::streams_agree<model<sums_of_windows, fact<"x", 30, 3>>>();
    STATIC_REQUIRE_FALSE(check::streams<model<sums_of_later, fact<"x", 30, 3>>>);
    // What is kept does not grow with the sequence.
    CHECK(sizeof(model<running<90>, fact<"x", 90, 3>>::state<float>) ==
          sizeof(model<running<900>, fact<"x", 900, 3>>::state<float>));
    check::streams_agree<model<pairs, fact<"x", 21, 3>>>();
}

// A state that is taken back, and one that is copied.

inline constexpr relation<"mark"> mark;
inline constexpr auto marked =
    rules(weights(i, j) <<= (x(j).T(), x(i), j <= i, mark(i) == mark(j)) | product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));

TEST_CASE("a state is truncated to an earlier position") {
    check::sequence<model<pairs, fact<"x", 21, 3>>, double> all;
    all.prefill(0, 20);
    for (const int row : {17, 17, 5, 0, 3}) {
        if (row > all.s->position()) all.prefill(all.s->position(), row);
        all.s->truncate(row);
        all.step(row);
    }
    CHECK(all.error.value() < 1e-10);
    CHECK_THROWS_WITH(all.s->truncate(6),
                      sequent_test::contains("at position 4 is truncated to position 6"));
    CHECK_THROWS(all.s->truncate(-1));
}
TEST_CASE("runs of equal symbols begin where the state is truncated") {
    using Model = model<marked, fact<"x", 9, 3>, fact<"mark", 9, sequent::symbol<4>>>;
    check::fixture<Model, double> f(1);
    for (int row = 0; row < 9; ++row) f.symbols[1][check::to_size(row)] = row / 4;
    const auto whole = Model::forward(*f.p, f.given(), *f.w);
    const auto held = sequent::make_unique<Model::state<double>>();
    sequent_test::largest_error error;
    const auto compare = [&](int row) {
        const auto y = Model::step(*f.p,
                                   {x = std::span(f.dense[0]).subspan(check::to_size(3 * row), 3),
                                    mark = f.symbols[1][check::to_size(row)]},
                                   *held);
        for (int at = 0; at < 3; ++at) error.add(y(at), whole(row, at));
    };
    for (int row = 0; row < 9; ++row) compare(row);
    held->truncate(3);
    for (int row = 3; row < 9; ++row) compare(row);
    CHECK(error.value() < 1e-10);
}
TEST_CASE("a copy of a state goes its own way") {
    check::sequence<model<layers, fact<"x", 41, 3>>, double> all;
    all.prefill(0, 20);
    const auto saved = sequent::make_unique<decltype(all)::state_type>();
    *saved = *all.s;
    for (int row = 20; row < 33; ++row) all.step(row);
    *all.s = *saved;
    for (int row = 20; row < 41; ++row) all.step(row);
    CHECK(all.error.value() < 1e-10);
}
}  // namespace
