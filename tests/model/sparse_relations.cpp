#include "sparse.hpp"

using namespace over_pairs;

TEST_CASE("relations over pairs") {
    using outputs = query<"a", "b", "c", "scores", "heads", "sum", "reverse", "joined", "path">;
    agrees_for_any_pairs<graph<derived, 7, 17, outputs>>();
}
TEST_CASE("softmax over neighbours") {
    agrees_for_any_pairs<
        graph<attention, 7, 17, query<"weights", "out", "backwards", "pairs", "b">>>();
}
TEST_CASE("a symbol for each pair") {
    agrees_for_any_pairs<model<symbols, fact<"x", 5, 3>, fact<"bond", sparse<9>, 5, 5, symbol<4>>,
                               query<"rows", "kept", "per", "used", "absent">>>();
    runs_for_any_pairs<model<symbols, fact<"x", 5, 3>, fact<"bond", sparse<9>, 5, 5, symbol<4>>,
                             query<"rows", "kept", "per", "used", "absent">>>();
}
