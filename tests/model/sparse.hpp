#pragma once

#include "rules.hpp"

/// Rules over the pairs of sparse facts.

namespace over_pairs {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;
using sequent::sparse;
using sequent::symbol;

inline constexpr var<"m"> m;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"bond"> bond;
inline constexpr relation<"road"> road;
inline constexpr bound<"nodes"> nodes;

/// For some pairs, for as many as there is room for, and for none.
template <class Model>
void agrees_for_any_pairs(int count = 0) {
    check::agrees_for_pairs<Model>(check::some_pairs, count);
    check::agrees_for_pairs<Model>(1 << 20, count, 2);
    check::agrees_for_pairs<Model>(0, count, 3);
    check::agrees_for_pairs<Model>(1, count, 4);
}

/// The same of the compiled model.
template <class Model>
void runs_for_any_pairs(int count = 0) {
    check::runs<Model>(count);
    check::runs<Model>(count, 2, 1 << 20);
    check::runs<Model>(count, 3, 0);
}

// Values, matrices, weights, both directions.
inline constexpr auto forms =
    rules(r<"scalar">(i) <<= (x(j), edge(i, j)) | elementwise_product() | sum(j),
          r<"weighted">(i) <<= (x(j)[W<"A", 4, 3>], road(i, j)[W<"B", 4, 2>]) | tanh() | sum(j),
          r<"into">(j) <<= (x(i)[W<"A", 4, 3>], road(i, j)[W<"B", 4, 2>]) | sum(i),
          r<"bare">(i) <<= edge(i, j) | sum(j),
          r<"diagonal">(i) <<= (x(i), edge(i, i)) | elementwise_product(),
          r<"fixed">(i) <<= (x(i), edge(1, i)) | elementwise_product(),
          r<"shifted">(i) <<= (x(i), edge(i - 1, j)) | elementwise_product() | sum(j),
          r<"turned">(i) <<= (x(j), edge(j, i)) | elementwise_product() | sum(j),
          r<"element">(i) <<= (at(road(i, j), 1), x(j)) | product() | sum(j));

// Aggregations over the neighbours, and over pairs.
inline constexpr auto aggregations = rules(
    r<"mean">(i) <<= (x(j), edge(i, j)) | elementwise_product() | mean(j),
    r<"max">(i) <<= (x(j), edge(i, j)) | elementwise_product() | max(j),
    r<"min">(j) <<= (x(i), hidden(edge(i, j))) | min(i),
    r<"count">(i) <<= hidden(edge(i, j)) | count(j),
    r<"concat">(i) <<= (x(j), hidden(edge(i, j))) | concat(j),
    r<"pairs">() <<= (x(i), x(j), edge(i, j)) | elementwise_product() | mean(i, j),
    r<"edges">() <<= hidden(edge(i, j)) | count(i, j), r<"readout">() <<= r<"mean">(i) | mean(i));

// What holds and what does not.
inline constexpr auto held = rules(
    r<"hidden">(i) <<= (x(j), hidden(edge(i, j))) | sum(j),
    r<"absent">(i) <<= (x(j), !edge(i, j)) | sum(j),
    r<"others">(i) <<= (x(j), edge(i, j), i != j) | elementwise_product() | mean(j),
    r<"earlier">(i) <<= (x(j), hidden(edge(i, j)), j < i) | max(j),
    r<"both">(i) <<= (x(j), edge(i, j), road(i, j)[W<"A", 3, 2>]) | elementwise_product() | sum(j),
    r<"one">(i) <<= (x(j), edge(i, j), !road(i, j)) | elementwise_product() | mean(j),
    r<"neither">(i) <<= (x(j), !edge(i, j), !road(j, i)) | mean(j),
    r<"back">(i) <<= (x(j), edge(i, j), hidden(edge(j, i))) | elementwise_product() | sum(j));

// Bodies of two hops.
inline constexpr auto hops = rules(
    r<"two">(i) <<= (x(j), edge(i, m), edge(m, j)) | elementwise_product() | sum(m, j),
    r<"table">(i, j) <<= (edge(i, m), edge(m, j)) | product() | sum(m),
    r<"square">(i) <<=
    (x(j), hidden(edge(i, m)), hidden(edge(m, j)), i != j, !edge(i, j)) | mean(m, j),
    r<"triangles">() <<=
    (hidden(edge(i, m)), hidden(edge(m, j)), hidden(edge(j, i))) | count(i, j, m),
    r<"mixed">(i) <<= (road(i, m)[W<"A", 3, 2>], x(j), hidden(edge(m, j))) | relu() | sum(m, j));

// Relations over pairs, kept for each of them, and used by others.
inline constexpr auto derived = rules(
    a(i, j) <<= (x(j)[W<"A", 4, 3>], road(i, j)[W<"B", 4, 2>]),
    b(i, j) <<= (a(i, j), x(i)[W<"C", 4, 3>]) | relu(), c(i, j) <<= b(i, j)[W<"D", 2, 4>] | tanh(),
    r<"scores">(i, j) <<= (a(i, j).T(), b(i, j)) | product(),
    r<"heads">(g, i, j) <<= (a(i, j)[W<"E", 2, 4>(g)], W<"F", 2>(g)),
    r<"sum">(i) <<= (c(i, j), hidden(edge(i, j))) | sum(j), r<"reverse">(j) <<= c(i, j) | mean(i),
    r<"joined">(i, j) <<= r<"heads">(g, i, j) | concat(g),
    r<"path">(i) <<= (c(i, m), edge(m, j)) | elementwise_product() | max(m, j));

// Softmax over the neighbours.
inline constexpr auto attention = rules(
    q(g, i) <<= x(i)[W<"Q", 4, 3>(g)],
    k(g, i, j) <<= (x(j)[W<"K", 4, 3>(g)], road(i, j)[W<"L", 4, 2>(g)]),
    weights(g, i, j) <<= (inverse_sqrt(4), k(g, i, j).T(), q(g, i)) | product() | softmax(j),
    a(g, i) <<= (weights(g, i, j), k(g, i, j)) | product() | sum(j), out(i) <<= a(g, i) | concat(g),
    r<"backwards">(i, j) <<= (x(i).T(), x(j), hidden(edge(i, j))) | product() | softmax(i),
    r<"pairs">(i, j) <<= edge(i, j) | softmax(i, j),
    b(i) <<= (r<"backwards">(i, j), x(j)) | product() | sum(j));

// A symbol for each pair.
inline constexpr auto symbols =
    rules(r<"rows">(i) <<= (bond(i, j)[W<"E", 4, 3>], x(j)) | elementwise_product() | sum(j),
          r<"kept">(i, j) <<= (bond(i, j)[W<"E", 4, 3>], x(j)) | tanh(),
          r<"per">(g, i, j) <<= bond(i, j)[W<"F", 4, 2>(g)],
          r<"used">(i) <<= (r<"kept">(i, j), hidden(bond(j, i))) | mean(j),
          r<"absent">(i) <<= (x(j), !bond(i, j)) | mean(j));

// Fewer nodes than there is room for.
inline constexpr auto few =
    rules(a(i) <<= (x(i)[W<"A", 4, 3>], W<"B", 4>, i < nodes) | relu(),
          b(i) <<= (a(i), W<"C", 4>, a(j), edge(i, j)) | elementwise_product() | sum(j),
          b(i) <<= (a(i)[W<"D", 4, 4>], W<"E", 4>), b(i) | tanh(), c() <<= b(i) | mean(i),
          r<"pairs">(i, j) <<= (a(i), a(j), edge(i, j)) | elementwise_product());

// Several rules over different pairs: an atom exists by any of them.
inline constexpr auto either = rules(
    z(i, j) <<= (x(j), edge(i, j), i < nodes), z(i, j) <<= (x(i), hidden(edge(i, j)), i < nodes),
    a(i, j) <<= (x(j), edge(i, j), i < nodes),
    a(i, j) <<= (x(i)[W<"A", 3, 3>], hidden(road(i, j)), i < nodes), a(i, j) | exp(),
    b(i) <<= a(i, j) | mean(j), c(j) <<= a(i, j) | min(i), k(i, j) <<= (x(j), i == j),
    k(i, j) <<= (x(i), j < i), q(i) <<= k(i, j) | max(j));

inline constexpr auto layer =
    rules(a(i) <<= (q(j)[W<"A", 3, 3>], road(i, j)[W<"B", 3, 2>]) | relu() | sum(j),
          out(i) <<= (q(i), a(i)[W<"C", 3, 3>]) | layer_norm(W<"gain", 3>, W<"bias", 3>));
inline constexpr auto stacked =
    rules(b(i) <<= (x(i), i < nodes), c(i) <<= b(i) | stack<3>(layer), y() <<= c(i) | max(i));

template <const auto& Program, int N, int E, class... More>
using graph = model<Program, fact<"x", N, 3>, fact<"edge", sparse<E>, N, N>,
                    fact<"road", sparse<E + 1>, N, N, 2>, More...>;

}  // namespace over_pairs
