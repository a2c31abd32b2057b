#include "graph.hpp"
#include "reference.hpp"

using namespace graphs;

TEST_CASE("a recursive network over a tree") {
    using model = recursive::rvnn<nodes<6>, edges<7>, node_width<3>, width<2>, height<3>>;
    reference::agrees_with_torch<model>("rvnn");
    agrees<model>(6, 7);
    // More levels than the tree has change nothing.
    reference::agrees_with_torch<
        recursive::rvnn<nodes<6>, edges<7>, node_width<3>, width<2>, height<5>>>("rvnn");
}
TEST_CASE("a tree LSTM") {
    using model = recursive::tree_lstm<nodes<6>, edges<7>, node_width<3>, width<2>, height<3>>;
    reference::agrees_with_torch<model>("tree_lstm");
    agrees<model>(6, 7);
}
