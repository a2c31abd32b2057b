#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../model/rules.hpp"
#include "graph.hpp"

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

namespace {

/// W x, of a row-major matrix.
std::vector<double> product(const std::vector<double>& W, const std::vector<double>& x) {
    std::vector<double> result(W.size() / x.size());
    for (std::size_t at = 0; at < W.size(); ++at) result[at / x.size()] += W[at] * x[at % x.size()];
    return result;
}
using named_weights = std::map<std::string, std::vector<double>>;

/// The model gives the numbers of `formula(weights, x_i, sum of x_j, number of j)` for each node.
template <class Model, class Formula>
void is_of_formula(Formula formula) {
    constexpr int count = 4;  // of 5 nodes
    const auto p = make_unique<typename Model::template parameters<double>>();
    const auto w = make_unique<typename Model::template workspace<double>>();
    named_weights weights;
    Model::for_each(*p, [&](std::string_view name, auto view) {
        const auto values = wave(view.size(), 0.3 + 0.7 * static_cast<double>(weights.size()));
        fill(view, values);
        weights[std::string(name)] = values;
    });
    const auto x = wave(15, 2.3);
    const auto y = elements(Model::forward(*p, {x, sparse_pairs(given_edges), count}, *w));
    std::vector<double> expected;
    for (int i = 0; i < count; ++i) {
        const std::vector<double> own(x.begin() + 3 * i, x.begin() + 3 * i + 3);
        std::vector<double> sum(3);
        int neighbours = 0;
        for (const check::pair& each : given_edges) {
            if (each[0] != i) continue;
            ++neighbours;
            for (std::size_t at = 0; at < 3; ++at) sum[at] += x[check::to_size(3 * each[1]) + at];
        }
        for (const double each : formula(weights, own, sum, neighbours)) expected.push_back(each);
    }
    expected.resize(y.size());
    CHECK(sequent_test::error_of(y, expected) < 1e-11);
}

}  // namespace

TEST_CASE("GraphSAGE gives the numbers of its formula") {
    is_of_formula<graph::sage<nodes<5>, edges<8>, node_width<3>, width<2>>>(
        [](named_weights& weights, const auto& x, auto mean, int neighbours) {
            for (double& each : mean) each /= std::max(neighbours, 1);
            auto y = product(weights["W_self"], x);
            const auto around = product(weights["W_neighbours"], mean);
            double square = 1e-12;
            for (std::size_t at = 0; at < y.size(); ++at) {
                y[at] = std::max(0.0, y[at] + around[at] + weights["bias"][at]);
                square += y[at] * y[at];
            }
            for (double& each : y) each /= std::sqrt(square);
            return y;
        });
}
TEST_CASE("the isomorphism network gives the numbers of its formula") {
    is_of_formula<graph::gin<nodes<5>, edges<8>, node_width<3>, width<2>, hidden<4>>>(
        [](named_weights& weights, const auto& x, auto sum, int) {
            for (std::size_t at = 0; at < x.size(); ++at)
                sum[at] += (1 + weights["epsilon"][0]) * x[at];
            auto between = product(weights["W_expand"], sum);
            for (std::size_t at = 0; at < between.size(); ++at)
                between[at] = std::max(0.0, between[at] + weights["b_expand"][at]);
            auto y = product(weights["W_contract"], between);
            for (std::size_t at = 0; at < y.size(); ++at) y[at] += weights["b_contract"][at];
            return y;
        });
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
