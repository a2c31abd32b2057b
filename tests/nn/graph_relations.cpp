#include <algorithm>
#include <functional>
#include <vector>

#include "graph.hpp"
#include "reference.hpp"

using namespace graphs;

namespace {

template <template <class...> class Template>
using of_three = Template<nodes<6>, edges<7>, relations<3>, node_width<3>, width<2>>;

}  // namespace

TEST_CASE("relational graph convolution") {
    agrees<graph::rgcn<nodes<7>, edges<9>, relations<3>, node_width<3>, width<5>>>(7, 9);
    reference::agrees_with_torch<of_three<graph::rgcn>>("rgcn");
}
TEST_CASE("metagraph convolution") {
    agrees<of_three<graph::meta>>(6, 7);
    reference::agrees_with_torch<of_three<graph::meta>>("meta");
}
TEST_CASE("aggregation along metapaths") {
    using mean = graph::magnn_mean<nodes<6>, edges<7>, relations<3>, width<2>>;
    agrees<mean>(6, 7);
    static_assert(mean::parameter_count == 0);
    reference::agrees_with_torch<mean>("magnn_mean");
    reference::agrees_with_torch<of_three<graph::magnn_linear>>("magnn_linear");
}
TEST_CASE("the nodes of a graph become one vector") {
    for (int count : {0, 1, 6, 7}) {
        check::agrees<graph::mean_pool<nodes<7>, width<5>>>(count);
        check::agrees<graph::sum_pool<nodes<7>, width<5>>>(count);
        check::agrees<graph::max_pool<nodes<7>, width<5>>>(count);
        check::agrees<graph::min_pool<nodes<7>, width<5>>>(count);
    }
}
TEST_CASE("pools give the numbers of their formulas") {
    const auto x = wave(8, 2.3);
    // Three of four nodes, two numbers each.
    const auto agree = [&]<template <class...> class Pool>(auto combine, double divisor) {
        using pool = Pool<nodes<4>, width<2>>;
        const auto p = make_unique<typename pool::template parameters<double>>();
        const auto w = make_unique<typename pool::template workspace<double>>();
        std::vector<double> expected;
        for (std::size_t at = 0; at < 2; ++at)
            expected.push_back(combine(combine(x[at], x[2 + at]), x[4 + at]) / divisor);
        CHECK(sequent_test::error_of(elements(pool::forward(*p, {x, 3}, *w)), expected) < 1e-14);
    };
    const auto greater = [](double one, double other) { return std::max(one, other); };
    const auto lesser = [](double one, double other) { return std::min(one, other); };
    agree.operator()<graph::sum_pool>(std::plus<>(), 1);
    agree.operator()<graph::mean_pool>(std::plus<>(), 3);
    agree.operator()<graph::max_pool>(greater, 1);
    agree.operator()<graph::min_pool>(lesser, 1);
}
