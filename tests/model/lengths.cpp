#include "rules.hpp"

/// A count in one rule bounds all that follows from it: every step has its fast form.

namespace {

using namespace names;
using sequent::fact;

template <const auto& Program, auto... Shape>
using limited = sequent::model<Program, fact<"x", Shape...>, sequent::bound<"length">>;

template <class Model>
void agrees_for_all_lengths(int rows) {
    static_assert(check::count_steps<Model>(sequent::plan::step_kind::general) == 0);
    for (int count : {0, 1, 2, rows / 2, rows}) check::agrees<Model>(count);
}

// clang-format off
template <class Mask>
inline constexpr auto heads_of = rules(
    a(i)             <<= (x(i)[W<"E", 6, 5>], i < length),
    q(g, i)          <<= a(i)[W<"Q", 3, 6>(g)],
    k(g, i)          <<= a(i)[W<"K", 3, 6>(g)],
    v(g, i)          <<= a(i)[W<"V", 3, 6>(g)],
    weights(g, i, j) <<= (inverse_sqrt(3), k(g, j).T(), q(g, i), Mask::keeps(i, j)) | product() | softmax(j),
    b(g, i)          <<= (weights(g, i, j), v(g, j)) | product() | sum(j),
    c(i)             <<= b(g, i) | concat(g),
    y(i)             <<= (c(i)[W<"O", 6, 6>], a(i)) | norm(),
    z(i)[W<"D", 6, 9>] <<= y(i)[W<"U", 9, 6>] | relu(),
    out(i)           <<= (z(i), y(i)) | norm());

// The condition is repeated by hand in some of the rules.
inline constexpr auto by_hand = rules(
    q(i)          <<= (x(i)[W<"Q", 4, 5>], i < length),
    k(i)          <<= (x(i)[W<"K", 4, 5>], i < length),
    weights(i, j) <<= (k(j).T(), q(i), i < length, j < length, j <= i) | product() | softmax(j),
    b(i)          <<= (weights(i, j), x(j), j < length) | product() | sum(j),
    c(i)          <<= b(i),
    out(i)        <<= (c(i)[W<"O", 5, 5>], i < length));

inline constexpr auto convolution = rules(
    out(i) <<= (x(i - g)[W<"A", 4, 5>(g)], x(i)[W<"B", 4, 5>], i < length) | sum(g));

// A graph's sums, which no count ends themselves, are read up to it alone.
inline constexpr auto sums = rules(
    q(i)   <<= (x(j), hidden(r<"edge">(i, j))) | sum(j),
    a(i)   <<= q(i)[W<"A", 4, 5>],
    out(i) <<= (x(i)[W<"B", 4, 5>], a(i), i < length) | relu());

inline constexpr auto layer = rules(
    k(i)          <<= y(i)[W<"K", 5, 5>],
    weights(i, j) <<= (k(j).T(), y(i), j <= i) | product() | softmax(j),
    b(i)          <<= (weights(i, j), y(j)) | product() | sum(j),
    z(i)          <<= (b(i), y(i)) | norm());
inline constexpr auto in_layers = rules(
    a(i)   <<= (x(i)[W<"E", 5, 5>], i < length),
    out(i) <<= a(i) | stack<3>(layer));

// A copy of what is bounded is read where there are no atoms, too.
inline constexpr auto copied = rules(
    a(i)    <<= (x(i)[W<"E", 5, 5>], i < length),
    b(i)    <<= a(i),
    out(i)  <<= (b(i - 1), x(i)),
    c(i)    <<= (b(i), x(i)));
// clang-format on

struct all_columns {
    template <class Row, class Column>
    static constexpr auto keeps(Row, Column column) {
        return column < length;
    }
};
struct causal {
    template <class Row, class Column>
    static constexpr auto keeps(Row row, Column column) {
        return column <= row;
    }
};

}  // namespace

TEST_CASE("the length of an input is that of heads, attention and residuals") {
    agrees_for_all_lengths<limited<heads_of<all_columns>, 9, 5>>(9);
    agrees_for_all_lengths<limited<heads_of<causal>, 18, 5>>(18);
    for (int count : {0, 1, 5, 9}) check::runs<limited<heads_of<all_columns>, 9, 5>>(count);
}

TEST_CASE("a length that several rules repeat") {
    agrees_for_all_lengths<limited<by_hand, 7, 5>>(7);
}

TEST_CASE("the length of an input is that of all layers") {
    agrees_for_all_lengths<limited<in_layers, 7, 5>>(7);
    for (int count : {0, 1, 4, 7}) check::runs<limited<in_layers, 7, 5>>(count);
}

TEST_CASE("beyond the length there are no atoms in copies") {
    using Model = sequent::model<copied, fact<"x", 6, 5>, sequent::bound<"length">,
                                 sequent::query<"out", "c", "b">>;
    for (int count : {0, 1, 3, 6}) check::agrees<Model>(count);
}

TEST_CASE("what is read up to a count is computed up to it") {
    using Model = sequent::model<sums, fact<"x", 7, 5>, fact<"edge", sequent::sparse<20>, 7, 7>,
                                 sequent::bound<"length">>;
    for (int count : {0, 3, 7}) check::agrees<Model>(count);
    static_assert(std::ranges::all_of(Model::plan::tables.generals, [](const auto& each) {
        return each.counts[each.order[0]] == 1;
    }));
    static_assert(check::counts_all(Model::plan::tables.rows));
    using Convolution = limited<convolution, 7, 5>;
    for (int count : {0, 3, 7}) check::agrees<Convolution>(count);
    static_assert(check::counts_all(Convolution::plan::tables.rows));
}
