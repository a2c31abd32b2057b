#include "sparse.hpp"

using namespace over_pairs;

TEST_CASE("pairs with values, in both directions") {
    using outputs = query<"scalar", "weighted", "into", "bare", "diagonal", "fixed", "shifted",
                          "turned", "element">;
    agrees_for_any_pairs<graph<forms, 7, 17, outputs>>();
    runs_for_any_pairs<graph<forms, 7, 17, outputs>>();
}
TEST_CASE("aggregations over pairs") {
    using outputs = query<"mean", "max", "min", "count", "concat", "pairs", "edges", "readout">;
    agrees_for_any_pairs<graph<aggregations, 7, 17, outputs>>();
    agrees_for_any_pairs<graph<aggregations, 1, 1, outputs>>();
}
TEST_CASE("several relations, negation, inequality") {
    agrees_for_any_pairs<
        graph<held, 7, 23,
              query<"hidden", "absent", "others", "earlier", "both", "one", "neither", "back">>>();
}
TEST_CASE("bodies of several hops") {
    agrees_for_any_pairs<
        graph<hops, 6, 15, query<"two", "table", "square", "triangles", "mixed">>>();
}
