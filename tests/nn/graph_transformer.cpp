#include "graph.hpp"

using namespace graphs;

TEST_CASE("a graph transformer's layer") {
    agrees<graph::attention<nodes<7>, edges<15>, edge_width<3>, width<6>, heads<2>, hidden<5>>>(7,
                                                                                                15);
    agrees<graph::attention<nodes<5>, edges<9>, width<4>, heads<2>, pre_norm, activation::gelu>>(5,
                                                                                                 9);
}

TEST_CASE("several layers of a graph transformer") {
    agrees<graph::attention<nodes<5>, edges<9>, edge_width<2>, width<4>, heads<2>, hidden<3>,
                            depth<2>, pre_norm>>(5, 9);
}

TEST_CASE("what is no node and what has no neighbour is zero, and so is its gradient") {
    using model = graph::attention<nodes<6>, edges<8>, edge_width<2>, width<4>, heads<2>>;
    check::fixture<model, double> f(1, 4);
    // Node 2 has no neighbour; an edge to node 5, which there is not, counts for nothing.
    f.pairs[1] = {{0, 1}, {1, 0}, {3, 2}, {3, 5}, {5, 0}};
    f.dense[1].resize(10);
    const auto y = f.outputs();
    for (std::size_t at = 16; at < 24; ++at) CHECK(y[at] == 0);
    const auto gradients = f.backward(std::vector<double>(24, 1.0));
    for (std::size_t at = 16; at < 24; ++at) CHECK(gradients[0][at] == 0);
    for (std::size_t at = 6; at < 10; ++at) CHECK(gradients[1][at] == 0);
    CHECK(check::gradient_error(f) < 1e-5);
}
