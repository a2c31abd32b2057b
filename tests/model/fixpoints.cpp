#include "sparse.hpp"

// Recursions whose depth the data decide: a block is applied until nothing changes.

namespace {

using namespace over_pairs;

// What is reached from the sources: by the strongest path, a product of the edges along it.
inline constexpr auto strongest =
    rules(b(i) <<= a(i), b(j) <<= (a(i), edge(i, j)) | product() | max(i), b(i) | max());
inline constexpr auto reachable = rules(y(i) <<= x(i) | fixpoint<9>(strongest));

// Shortest paths. Each node has an edge of length 0 to itself.
inline constexpr auto shorter = rules(b(j) <<= (a(i), edge(i, j)) | min(i));
inline constexpr auto shortest =
    rules(c(i) <<= x(i)[W<"A", 3, 3>], z(i) <<= c(i) | fixpoint<8>(shorter),
          y(i) <<= (z(i)[W<"B", 2, 3>], x(i)[W<"C", 2, 3>]) | tanh());

// Within the layers of a stack, and one whose value is never the same twice.
inline constexpr auto layer =
    rules(c(i) <<= v(i)[W<"A", 3, 3>], b(i) <<= c(i) | fixpoint<6>(shorter), z(i) <<= (v(i), b(i)));
inline constexpr auto within = rules(y(i) <<= x(i) | stack<2>(layer));
inline constexpr auto turning = rules(b(i) <<= a(i)[W<"A", 3, 3>] | tanh());
inline constexpr auto never = rules(y(i) <<= x(i) | fixpoint<3>(turning));

// Recursive networks: a node of a tree sums its children's values; the leaves have their own.
inline constexpr auto grown =
    rules(b(i) <<= (z(i), c(i)) | tanh(), c(i) <<= (a(j)[W<"A", 3, 3>], edge(i, j)) | sum(j));
inline constexpr auto tree = rules(z(i) <<= x(i)[W<"B", 3, 3>], y(i) <<= z(i) | fixpoint<9>(grown));

// One value for each pair of nodes, and rows up to a length.
inline constexpr auto joined_paths = rules(
    b(i, j) <<= a(i, j), b(i, m) <<= (a(i, j), a(j, m)) | product() | max(j), b(i, m) | max());
inline constexpr auto pairs = rules(y(i, j) <<= x(i, j) | fixpoint<5>(joined_paths));
inline constexpr auto spread =
    rules(b(i) <<= a(i), b(j) <<= (a(i), hidden(x(j)), i < j) | max(i), b(i) | max());
inline constexpr auto highest = rules(y(i) <<= x(i) | fixpoint<5>(spread));

using by_length = model<highest, fact<"x", sequent::up_to<7>, 3>>;
template <const auto& Program, int Nodes, int Edges>
using of_graph = model<Program, fact<"x", Nodes>, fact<"edge", sparse<Edges>, Nodes, Nodes>>;
template <const auto& Program, int Nodes, int Edges>
using of_vectors = model<Program, fact<"x", Nodes, 3>, fact<"edge", sparse<Edges>, Nodes, Nodes>>;

}  // namespace

TEST_CASE("fixpoints agree with the oracle") {
    agrees_for_any_pairs<of_graph<reachable, 7, 15>>();
    agrees_for_any_pairs<of_vectors<shortest, 7, 15>>();
    agrees_for_any_pairs<of_vectors<within, 5, 9>>();
    agrees_for_any_pairs<of_vectors<tree, 6, 9>>();
    check::agrees<model<never, fact<"x", 4, 3>>>();
    check::agrees<model<pairs, fact<"x", 5, 5>>>();
    for (const int given : {0, 1, 4, 7}) check::agrees<by_length>(given);
}
TEST_CASE("fixpoints, compiled") {
    runs_for_any_pairs<of_vectors<shortest, 7, 15>>();
    check::runs<by_length>(4);
}

TEST_CASE("a fixpoint ends when nothing changes") {
    using Paths = of_graph<reachable, 9, 16>;
    // A chain of six nodes from node 1, a cycle of two that nothing reaches, and one node alone.
    std::vector<std::array<std::int32_t, 2>> edges{{1, 2}, {2, 3}, {3, 4}, {4, 5},
                                                   {5, 0}, {6, 7}, {7, 6}, {1, 4}};
    std::vector<double> strengths{0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 0.0625};
    const std::vector<double> from{0, 1, 0, 0, 0, 0, 0, 0, 0};
    Paths::parameters<double> p;
    Paths::workspace<double> w;
    const Paths::facts<double> given{x = from, edge = sequent::sparse_pairs(edges, strengths)};
    const auto reached = Paths::forward(p, given, w);
    const double expected[] = {0.03125, 1, 0.5, 0.25, 0.125, 0.0625, 0, 0, 0};
    for (int at = 0; at < 9; ++at) CHECK(reached(at) == expected[at]);

    // The gradient of node 0 is that of its path; its edges are the longer way's.
    const std::vector<double> outward{1, 0, 0, 0, 0, 0, 0, 0, 0};
    std::vector<double> of_edges(16);
    Paths::parameters<double> dp;
    Paths::backward(p, given, outward, w, dp, {edge = of_edges});
    for (int at = 0; at < 5; ++at) CHECK(of_edges[static_cast<std::size_t>(at)] == 0.0625);
    for (int at = 5; at < 8; ++at) CHECK(of_edges[static_cast<std::size_t>(at)] == 0);
}
