#pragma once

#include <sequent/graphs.hpp>
#include <sequent/nn.hpp>

#include "../model/check.hpp"

namespace graphs {

using namespace sequent;

using pairs = std::vector<check::pair>;

/// sin(pace), sin(2 pace), ...
inline std::vector<double> wave(int count, double pace) {
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
inline const pairs given_edges{{0, 1}, {1, 0}, {1, 2}, {3, 1}, {3, 0}, {3, 3}};

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

}  // namespace graphs
