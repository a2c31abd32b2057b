#include "graph.hpp"

using namespace graphs;

TEST_CASE("relational graph convolution") {
    agrees<graph::rgcn<nodes<7>, edges<9>, relations<3>, node_width<3>, width<5>>>(7, 9);
}
TEST_CASE("the nodes of a graph become one vector") {
    for (int count : {0, 1, 6, 7}) {
        check::agrees<graph::mean_pool<nodes<7>, width<5>>>(count);
        check::agrees<graph::sum_pool<nodes<7>, width<5>>>(count);
        check::agrees<graph::max_pool<nodes<7>, width<5>>>(count);
    }
}
