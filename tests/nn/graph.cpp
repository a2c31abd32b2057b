#include "graph.hpp"
#include "../model/rules.hpp"

using namespace graphs;

// The numbers are those of dense formulas in PyTorch 2.13 in double, with the matrix A of the
// edges: relu(D^-1/2 (A + I) D^-1/2 X W^T + b), D the diagonal of the row sums of A + I; and, for
// each head, softmax(where A, leaky_relu(l_i + r_j + E_ij V^T, 0.2) . a) r with l = X W_to^T and r
// = X W_from^T, where a row without edges is zero.

TEST_CASE("a graph convolution gives the numbers of a dense one") {
    const auto p = make_unique<small_gcn::parameters<double>>();
    const auto w = make_unique<small_gcn::workspace<double>>();
    small_gcn::for_each(*p, [](std::string_view name, auto view) {
        fill(view, name == "W" ? wave(6, 0.3) : wave(2, 3.5));
    });
    const auto x = wave(15, 2.3);
    const auto y = elements(small_gcn::forward(*p, {x, sparse_pairs(given_edges), 4}, *w));
    const std::vector<double> expected{0.0,
                                       0.894045431508,
                                       0.026524016111,
                                       0.935087907388,
                                       0.04382953381,
                                       0.803420378574,
                                       0.0,
                                       0.817312842406,
                                       0,
                                       0};
    CHECK(sequent_test::error_of(y, expected) < 1e-11);
}

TEST_CASE("graph convolution") {
    agrees<small_gcn>(5, 8);
    agrees<graph::gcn<nodes<17>, edges<40>, width<7>, activation::identity, biases<false>>>(17, 40);
}
TEST_CASE("GraphSAGE") {
    agrees<graph::sage<nodes<7>, edges<15>, node_width<3>, width<5>, activation::silu>>(7, 15);
}
TEST_CASE("the graph isomorphism network") {
    using model = graph::gin<nodes<7>, edges<15>, node_width<3>, width<5>, hidden<6>>;
    agrees<model>(7, 15);
    model::parameters<float> p;
    model::initialize(p, 1);
    model::for_each(p, [](std::string_view name, auto view) {
        if (name == "epsilon") CHECK(view.element(0) == 0);
        if (name == "W_expand") CHECK(view.element(0) != 0);
    });
}
TEST_CASE("several layers one after another") {
    agrees<graph::gcn<nodes<5>, edges<9>, width<4>, depth<3>>>(5, 9);
    using model = graph::gin<nodes<4>, edges<5>, width<3>, depth<2>>;
    agrees<model>(4, 5);
    model::parameters<float> p;
    model::initialize(p, 1);
    model::for_each(p, [](std::string_view name, auto view) {
        if (name == "y.epsilon") CHECK((view.element(0) == 0 && view.element(1) == 0));
    });
}

// Options may stand in any order.
static_assert(small_gatv2::shape.heads == 2 && small_gatv2::shape.node_width == 3);
static_assert(graph::gin<width<4>, edges<1>, nodes<1>>::shape.hidden == 4);
static_assert(graph::attention<width<4>, edges<1>, nodes<1>>::shape.hidden == 16);
static_assert(std::string_view(nn::numbered<"edge_", 2>().characters) == "edge_2");
static_assert(std::string_view(nn::numbered<"edge_", 13>().characters) == "edge_13");
static_assert(small_gcn::parameter_count == 2 * 3 + 2);
static_assert(small_gatv2::parameter_count == 2 * (2 * 3 + 2 * 3 + 2 * 2 + 2) + 4);

TEST_CASE("graphs are given with as many nodes as they have") {
    using any_gcn = graph::gcn<nodes<6>, edges<9>, node_width<2>, width<3>, any_length<true>>;
    using any_gin = graph::gin<nodes<6>, edges<9>, width<3>, depth<2>, any_length<true>>;
    using any_pool = graph::max_pool<nodes<6>, width<3>, any_length<true>>;
    for (int count : {0, 1, 4, 6}) {
        check::agrees<any_gcn>(count);
        check::agrees<any_gin>(count);
        check::agrees<any_pool>(count);
    }
    check::runs<any_gcn>(4);
    CHECK(any_gcn::facts_list::capacity() == 2);
    static_assert(check::counts_all(any_gcn::plan::tables.buffers));
}
