#include <sequent/nn.hpp>

#include "../model/check.hpp"

using namespace sequent;

namespace {

using pairs = std::vector<check::pair>;

/// sin(pace), sin(2 pace), ...
std::vector<double> wave(int count, double pace) {
    std::vector<double> made;
    for (int at = 1; at <= count; ++at) made.push_back(std::sin(pace * at));
    return made;
}

template <class View>
void fill(View view, const std::vector<double>& values) {
    REQUIRE(view.size() == static_cast<int>(values.size()));
    for (int at = 0; at < view.size(); ++at) view.element(at) = values[check::to_size(at)];
}

template <class View>
std::vector<double> elements(const View& view) {
    std::vector<double> made;
    for (int at = 0; at < view.size(); ++at) made.push_back(view.element(at));
    return made;
}

/// Node 2 has no neighbour, node 3 is one of its own.
const pairs given_edges{{0, 1}, {1, 0}, {1, 2}, {3, 1}, {3, 0}, {3, 3}};

using small_gcn = graph::gcn<nodes<5>, edges<8>, node_width<3>, width<2>>;
using small_gatv2 =
    graph::gatv2<nodes<5>, edges<8>, node_width<3>, edge_width<2>, width<4>, heads<2>>;

/// The oracle agrees with the model, over fewer pairs and fewer nodes, too.
template <class Model>
void agrees(int all_nodes, int capacity) {
    check::agrees_for_pairs<Model>(check::some_pairs, all_nodes);
    check::agrees_for_pairs<Model>(capacity, all_nodes - 1, 2);
    check::agrees_for_pairs<Model>(0, all_nodes, 3);
    check::agrees_for_pairs<Model>(check::some_pairs, 1, 4);
    check::agrees_for_pairs<Model>(check::some_pairs, 0, 5);
}

}  // namespace

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

TEST_CASE("graph convolution") {
    agrees<small_gcn>(5, 8);
    agrees<graph::gcn<nodes<17>, edges<40>, width<7>, activation::identity, biases<false>>>(17, 40);
    agrees<graph::gcn<nodes<1>, edges<1>, width<3>>>(1, 1);
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
TEST_CASE("graph attention") {
    agrees<small_gatv2>(5, 8);
    agrees<graph::gatv2<nodes<7>, edges<15>, width<6>, heads<3>, activation::relu, biases<false>>>(
        7, 15);
}
TEST_CASE("relational graph convolution") {
    agrees<graph::rgcn<nodes<7>, edges<9>, relations<3>, node_width<3>, width<5>>>(7, 9);
}
TEST_CASE("a graph transformer's layer") {
    agrees<graph::attention<nodes<7>, edges<15>, edge_width<3>, width<6>, heads<2>, hidden<5>>>(7,
                                                                                                15);
    agrees<graph::attention<nodes<5>, edges<9>, width<4>, heads<2>, pre_norm, activation::gelu>>(5,
                                                                                                 9);
    agrees<graph::attention<nodes<1>, edges<1>, edge_width<1>, width<2>, biases<false>>>(1, 1);
}

TEST_CASE("several layers one after another") {
    agrees<graph::gcn<nodes<5>, edges<9>, width<4>, depth<3>>>(5, 9);
    agrees<graph::attention<nodes<5>, edges<9>, edge_width<2>, width<4>, heads<2>, hidden<3>,
                            depth<2>, pre_norm>>(5, 9);
    using model = graph::gin<nodes<4>, edges<5>, width<3>, depth<2>>;
    agrees<model>(4, 5);
    model::parameters<float> p;
    model::initialize(p, 1);
    model::for_each(p, [](std::string_view name, auto view) {
        if (name == "y.epsilon") CHECK((view.element(0) == 0 && view.element(1) == 0));
    });
}

TEST_CASE("the nodes of a graph become one vector") {
    for (int count : {0, 1, 6, 7}) {
        check::agrees<graph::mean_pool<nodes<7>, width<5>>>(count);
        check::agrees_in_double<graph::sum_pool<nodes<7>, width<5>>>(count);
        check::agrees_in_double<graph::max_pool<nodes<7>, width<5>>>(count);
    }
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

// Options may stand in any order.
static_assert(small_gatv2::shape.heads == 2 && small_gatv2::shape.node_width == 3);
static_assert(graph::gin<width<4>, edges<1>, nodes<1>>::shape.hidden == 4);
static_assert(graph::attention<width<4>, edges<1>, nodes<1>>::shape.hidden == 16);
static_assert(std::string_view(nn::edge_name<2>.characters) == "edge_2");
static_assert(std::string_view(nn::edge_name<13>.characters) == "edge_13");
static_assert(small_gcn::parameter_count == 2 * 3 + 2);
static_assert(small_gatv2::parameter_count == 2 * (2 * 3 + 2 * 3 + 2 * 2 + 2) + 4);
