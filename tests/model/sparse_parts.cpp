#include "sparse.hpp"

using namespace over_pairs;

TEST_CASE("fewer nodes than there is room for") {
    using small = graph<few, 5, 11, sequent::bound<"nodes">, query<"a", "b", "c", "pairs">>;
    for (int given : {0, 1, 4, 5}) agrees_for_any_pairs<small>(given);
}
TEST_CASE("several rules over different pairs") {
    using model = graph<either, 5, 9, sequent::bound<"nodes">, query<"a", "b", "c", "z", "k", "q">>;
    static_assert(model::plan::tables.relations[model::plan::shapes.outputs[3]].pairs.any());
    agrees_for_any_pairs<model>(5);
    agrees_for_any_pairs<model>(2);
}
TEST_CASE("a stacked block sees the pairs") {
    using deep = graph<stacked, 5, 11, sequent::bound<"nodes">>;
    for (int given : {0, 1, 4, 5}) agrees_for_any_pairs<deep>(given);
    for (int given : {0, 4}) runs_for_any_pairs<deep>(given);
}
