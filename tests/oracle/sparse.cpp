#include <cmath>

#include "test_tools.hpp"

// Rules over the pairs of sparse facts, by hand.

using namespace oracle_test;

namespace sparse_rules {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"k"> k;
inline constexpr var<"h", 2> h;
inline constexpr bound<"nodes"> nodes;
inline constexpr relation<"x"> x;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"bond"> bond;
inline constexpr relation<"y"> y;
inline constexpr relation<"z"> z;
inline constexpr relation<"w"> w;
inline constexpr weight<"U", 1, 2> U;
inline constexpr weight<"E", 3, 2> E;

inline constexpr auto vectors = rules(y(i) <<= (x(j), edge(i, j)[U]) | product() | sum(j));
inline constexpr auto into = rules(y(j) <<= (x(i), hidden(edge(i, j))) | max(i));
inline constexpr auto symbols = rules(y(i, j) <<= (x(j), bond(i, j)[E]) | product());
inline constexpr auto turned = rules(y(i, j) <<= bond(i, j)[E.T()]);
inline constexpr auto inherited =
    rules(z(i, j) <<= (x(j), hidden(edge(i, j))), w(i, j) <<= z(i, j) | softmax(j),
          y(i) <<= (w(i, j), x(j)) | product() | sum(j));
inline constexpr auto reversed =
    rules(z(i, j) <<= (x(j), hidden(edge(i, j))), y(i) <<= z(j, i) | sum(j));
inline constexpr auto two_hops = rules(y(i, j) <<= (hidden(edge(i, k)), hidden(edge(k, j))));
inline constexpr auto distinct =
    rules(y(i) <<= (x(j), hidden(edge(i, k)), hidden(edge(k, j)), i != j, !edge(i, j)));
inline constexpr auto both = rules(y(i) <<= (x(j), hidden(edge(i, j)), hidden(bond(i, j))));
inline constexpr auto either =
    rules(z(i, j) <<= (x(j), hidden(edge(i, j))), z(i, j) <<= (x(i), hidden(bond(i, j))),
          y(i) <<= z(i, j) | mean(j));
inline constexpr auto few_nodes =
    rules(z(i) <<= (x(i), i < nodes), y(i) <<= (z(i), z(j), hidden(edge(i, j))) | product(),
          w() <<= z(i) | mean(i));
inline constexpr auto by_heads =
    rules(z(h, i) <<= (x(i), number(h), i < nodes), y(i) <<= z(h, i) | concat(h),
          w(i) <<= (y(i), number(1)) | sum());
inline constexpr auto loops = rules(y(i) <<= (x(i), hidden(edge(i, i))));
inline constexpr auto from_first = rules(y(i) <<= (x(i), hidden(edge(0, i))));
inline constexpr auto aggregated =
    rules(z(i) <<= (x(j), hidden(edge(i, j))) | mean(j),
          y(i) <<= (x(j), hidden(edge(i, j))) | concat(j), w(i) <<= hidden(edge(i, j)) | count(j));
}  // namespace sparse_rules

namespace {

using namespace sparse_rules;

/// 0 -> 1, 1 -> 0, 1 -> 2, 3 -> 3 among four nodes; (1, 2) and (2, 3) have the symbols 2 and 0.
const oracle::world graph{
    .facts = {{"x", {{4}, {1, 10, 100, 1000}}}},
    .symbols = {"bond"},
    .sparse = {{"edge", {{4, 4}, {{0, 1}, {1, 0}, {1, 2}, {3, 3}}, {}}},
               {"bond", {{4, 4}, {{1, 2}, {2, 3}}, {2, 0}}}},
    .counts = {{"nodes", 2}},
    .weights = {{"U", {{1, 2}, {1, -1}}}, {"E", {{3, 2}, {1, 2, 3, 4, 5, 6}}}}};

std::vector<std::vector<int>> atoms_of(const oracle::relation_values& relation) {
    std::vector<std::vector<int>> found;
    for (std::size_t place = 0; place < relation.exists.size(); ++place)
        if (relation.exists[place]) found.push_back(oracle::indices_at(relation.extents, place));
    return found;
}

}  // namespace

TEST_CASE("oracle: a pair takes part with its value, a vector or a symbol") {
    oracle::world given = graph;
    given.sparse["edge"] = {{4, 4, 2}, {{0, 1}, {3, 3}}, {5, 3, 0, 2}};
    check_close(values(vectors, given, "y"), {20, 0, 0, -2000});

    const auto found = oracle::evaluate(symbols, graph).relations.at("y");
    CHECK(atoms_of(found) == std::vector<std::vector<int>>{{1, 2}, {2, 3}});
    check_close(oracle::value_of(found, {1, 2}), {500, 600});
    check_close(oracle::value_of(found, {2, 3}), {1000, 2000});
    given = graph;
    given.weights["E"] = {{3, 2}, {1, 2, 3, 4, 5, 6}};
    given.sparse["bond"].values = {1, 0};
    check_close(oracle::value_of(oracle::evaluate(turned, given).relations.at("y"), {1, 2}),
                {2, 4, 6});
}

TEST_CASE("oracle: pairs are aggregated over either index") {
    check_close(values(into, graph, "y"), {10, 1, 10, 1000});
    const auto found = oracle::evaluate(aggregated, graph);
    check_close(found.relations.at("z").values, {10, 50.5, 0, 1000});
    check_close(found.relations.at("w").values, {1, 2, 0, 1});
    check_close(oracle::value_of(found.relations.at("y"), {1}), {1, 0, 100, 0});
    CHECK(atoms_of(found.relations.at("w")).size() == 4);
}

TEST_CASE("oracle: a relation over pairs exists where they are given") {
    const auto found = oracle::evaluate(inherited, graph);
    const std::vector<std::vector<int>> pairs{{0, 1}, {1, 0}, {1, 2}, {3, 3}};
    CHECK(atoms_of(found.relations.at("z")) == pairs);
    CHECK(atoms_of(found.relations.at("w")) == pairs);
    CHECK(found.ground_rules == std::vector<long>{4, 4, 4});
    const double share = 1 / (1 + std::exp(99));
    check_close(found.relations.at("y").values, {10, share + 100 * (1 - share), 0, 1000}, 1e-9);
    check_close(values(reversed, graph, "y"), {1, 10, 100, 1000});
}

TEST_CASE("oracle: bodies of several pairs") {
    // 0 -> 1 -> 0, 0 -> 1 -> 2, 1 -> 0 -> 1, 3 -> 3 -> 3.
    const auto found = oracle::evaluate(two_hops, graph);
    CHECK(found.ground_rules == std::vector<long>{4});
    // Aggregated is k, which removes no head.
    CHECK(atoms_of(found.relations.at("y")).size() == 16);
    check_close(found.relations.at("y").values, {1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    check_close(values(distinct, graph, "y"), {100, 0, 0, 0});
    check_close(values(both, graph, "y"), {0, 100, 0, 0});
    check_close(values(loops, graph, "y"), {0, 0, 0, 1000});
    CHECK(domain(loops, graph, "y") == std::vector<bool>{false, false, false, true});
    check_close(values(from_first, graph, "y"), {0, 10, 0, 0});
}

TEST_CASE("oracle: two rules over different pairs exist where one of them does") {
    const auto found = oracle::evaluate(either, graph);
    CHECK(atoms_of(found.relations.at("z")) ==
          std::vector<std::vector<int>>{{0, 1}, {1, 0}, {1, 2}, {2, 3}, {3, 3}});
    check_close(found.relations.at("y").values, {10, (1 + 110) / 2.0, 100, 1000});
}

TEST_CASE("oracle: fewer nodes than there is room for") {
    const auto found = oracle::evaluate(few_nodes, graph);
    check_close(found.relations.at("z").values, {1, 10, 0, 0});
    check_close(found.relations.at("y").values, {10, 10, 0, 0});
    CHECK(found.relations.at("y").exists == std::vector<bool>{true, true, false, false});
    check_close(found.relations.at("w").values, {5.5});
}

TEST_CASE("oracle: what is said of some arguments is inherited over the others") {
    const auto found = oracle::evaluate(by_heads, graph);
    CHECK(found.relations.at("y").exists == std::vector<bool>{true, true, false, false});
    check_close(found.relations.at("w").values, {2, 3, 11, 12, 0, 0, 0, 0});
}

TEST_CASE("oracle: no pairs at all") {
    oracle::world given = graph;
    given.sparse["edge"] = {{4, 4}, {}, {}};
    const auto found = oracle::evaluate(inherited, given);
    CHECK(found.ground_rules == std::vector<long>{0, 0, 0});
    CHECK(atoms_of(found.relations.at("w")).empty());
    check_close(found.relations.at("y").values, {0, 0, 0, 0});
    check_close(values(aggregated, given, "z"), {0, 0, 0, 0});
    check_close(values(distinct, given, "y"), {0, 0, 0, 0});
}

TEST_CASE("oracle: pairs that do not fit throw") {
    oracle::world given = graph;
    given.sparse["edge"].atoms.push_back({1, 0});
    CHECK_THROWS_WITH(oracle::evaluate(into, given), sequent_test::contains("given twice"));
    given = graph;
    given.sparse["edge"].atoms.push_back({1, 4});
    CHECK_THROWS_WITH(oracle::evaluate(into, given), sequent_test::contains("outside"));
    given = graph;
    given.sparse["edge"].values = {1, 2, 3};
    CHECK_THROWS_WITH(oracle::evaluate(into, given), sequent_test::contains("3 values, not 4"));
}
