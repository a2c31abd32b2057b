#include "graph.hpp"

using namespace graphs;

// The dense formula is in graph.cpp.

TEST_CASE("graph attention gives the numbers of a dense one") {
    const auto p = make_unique<small_gatv2::parameters<double>>();
    const auto w = make_unique<small_gatv2::workspace<double>>();
    small_gatv2::for_each(*p, [](std::string_view name, auto view) {
        if (name == "W_to") fill(view, wave(12, 0.5));
        if (name == "W_from") fill(view, wave(12, 0.4));
        if (name == "W_edge") fill(view, wave(8, 1.3));
        if (name == "a") fill(view, wave(4, 1.1));
        if (name == "bias") fill(view, wave(4, 0.6));
    });
    const auto x = wave(15, 2.3);
    const auto e = wave(12, 0.8);
    const auto y = elements(small_gatv2::forward(*p, {x, sparse_pairs(given_edges, e), 4}, *w));
    const std::vector<double> expected{0.902990193637,
                                       0.996219229088,
                                       0.682012255722,
                                       0.399785414994,
                                       0.83373825293,
                                       0.992200073121,
                                       0.763157648211,
                                       0.453408890169,
                                       0.564642473395,
                                       0.932039085967,
                                       0.973847630878,
                                       0.675463180551,
                                       0.803363699797,
                                       0.964970504413,
                                       0.751404522743,
                                       0.458548306713,
                                       0,
                                       0,
                                       0,
                                       0};
    CHECK(sequent_test::error_of(y, expected) < 1e-11);
}

TEST_CASE("graph attention") {
    agrees<small_gatv2>(5, 8);
    agrees<graph::gatv2<nodes<7>, edges<15>, width<6>, heads<3>, activation::relu, biases<false>>>(
        7, 15);
}
