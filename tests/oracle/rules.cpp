#include <cmath>

#include "test_tools.hpp"

// Which ground rules and atoms exist, and what becomes of their values, by hand.

using namespace oracle_test;

namespace rule_forms {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"k"> k;
inline constexpr var<"h"> h;
inline constexpr var<"t", 2> t;
inline constexpr var<"u", 4> u;
inline constexpr bound<"length"> length;
inline constexpr relation<"x"> x;
inline constexpr relation<"token"> token;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"y"> y;
inline constexpr relation<"z"> z;
inline constexpr relation<"r"> r;
inline constexpr weight<"W", 2, 2> W;
inline constexpr weight<"V", 2, 2> V;
inline constexpr weight<"c"> c;
inline constexpr weight<"b", 2> b;
inline constexpr weight<"E", 3, 2> E;
inline constexpr weight<"R"> R;

// Weights.
inline constexpr auto weighted = rules(y(i) <<= x(i)[W]);
inline constexpr auto weighted_row = rules(y(i) <<= (x(i)[W].T(), x(i)) | product());
inline constexpr auto weight_transposed = rules(y(i) <<= x(i)[fixed(W).T()]);
inline constexpr auto weighted_scalar = rules(y(i) <<= x(i)[c]);
inline constexpr auto biased = rules(y(i) <<= (x(i)[W], b));
inline constexpr auto per_head = rules(y(h, i) <<= (x(i)[W(h)], b(h)));
inline constexpr auto table = rules(y(i) <<= (R(i, j), x(j)) | product());
inline constexpr auto head_weight = rules(y(i)[W] <<= x(i) | relu(), y(i)[V] <<= x(i));
inline constexpr auto head_weight_after = rules(y(i)[c] <<= (x(i), x(j), j <= i) | max() | max(j));
inline constexpr auto head_weight_per = rules(y(h, i)[c(h)] <<= x(i));
inline constexpr auto head_weight_free = rules(y(i)[c(h)] <<= x(i)[W(h)]);

// Symbols.
inline constexpr auto tied = rules(z(i) <<= token(i)[E], y(i) <<= z(i)[E]);
inline constexpr auto tied_transposed = rules(y(i) <<= token(i)[E.T()]);

// Constraints.
template <class Condition>
inline constexpr auto pairs = rules(y() <<= (x(i), x(j), Condition{}()) | sum() | count(i, j));
inline constexpr auto up_to_length = rules(y(u) <<= (x(j), j < length, j <= u));
inline constexpr auto shifted = rules(y(i) <<= (x(i), x(i - 1)));
inline constexpr auto shifted_head = rules(y(i + 1) <<= x(i), z(i - 1) <<= x(i));
inline constexpr auto constant_terms = rules(y(i) <<= (x(i), x(0)), z(1) <<= x(2), z(0) <<= x(9));

// Negation and hidden literals.
inline constexpr auto hides = rules(y(i) <<= (hidden(edge(i, j)), x(j)));
inline constexpr auto negates = rules(y(i) <<= (!edge(i, j), x(j)));
inline constexpr auto degree = rules(y(i) <<= hidden(edge(i, j)));
inline constexpr auto uses_edge = rules(y(i, j) <<= (edge(i, j), x(j)) | product());
inline constexpr auto negates_outside = rules(y(i) <<= (x(i), !edge(i - 1, i)));
inline constexpr auto hides_derived = rules(
    r(i, j) <<= (x(i), x(j), j < i), y(i) <<= (hidden(r(i, j)), x(j)), z(i) <<= (!r(i, j), x(j)));

// Domains.
inline constexpr auto domains = rules(r(i, j) <<= (x(i), x(j), j < i) | product(),
                                      z(i, j) <<= r(i, j) | exp(), y(i) <<= z(i, j));
inline constexpr auto from_nothing = rules(r(i) <<= (x(i), 1 <= i),  //
                                           y(u) <<= (r(j), j < u) | exp() | sum(j), y(i) | exp());
inline constexpr auto either = rules(y(i, j) <<= (x(i), x(j), i == j), y(i, j) <<= (x(i), j < i));
inline constexpr auto hidden_domain =
    rules(y(i, j) <<= (hidden(edge(i, j)), x(i), j <= i), z(i, j) <<= y(i, j) | softmax(j));
inline constexpr auto conjunction = rules(y(i) <<= (x(i), x(j), 1 <= i && j <= i));

// Several rules, atom transformations.
inline constexpr auto several = rules(y(i) <<= x(i), y(i) <<= (x(j), j < i), y(i) <<= number(10));
inline constexpr auto atoms =
    rules(y(i) | complement(), y(i) <<= x(i), y(i) <<= x(i), y(i) | relu(), y(0) | exp());
inline constexpr auto atoms_domain = rules(y(i) <<= (x(i), i != 1), y(i) | exp());
inline constexpr auto two_extents =
    rules(y(i, j) <<= number(i - j), y(i, j) <<= x(i), y(i, j) <<= z(j));
inline constexpr auto stated = rules(y(t) <<= x(t));
inline constexpr auto smallest = rules(y(i) <<= (x(i), z(i)));

// Elements.
inline constexpr auto elements = rules(z(i) <<= x(i)[W], y(i, j) <<= (at(z(i), j), x(j), j <= i));
inline constexpr auto element_only = rules(y(i) <<= at(x(i)[W], t + 1), z(i, k) <<= at(x(i), k));

// Mistakes.
inline constexpr auto cycle = rules(y(i) <<= z(i), z(i) <<= y(i));
inline constexpr auto own_cycle = rules(y(i) <<= (x(i), y(i - 1)));
inline constexpr auto unbounded = rules(y(i) <<= (x(i), number(j)));
inline constexpr auto only_changed = rules(y(i) <<= x(i), z(i) | relu());
inline constexpr weight<"U", 3, 2> U;
inline constexpr auto two_shapes = rules(y(i) <<= x(i), y(i) <<= x(i)[U]);
}  // namespace rule_forms

namespace {

using namespace rule_forms;

oracle::world scalars(const list& elements) {
    return {.facts = {{"x", {{static_cast<int>(elements.size())}, elements}}}};
}

/// x: (1, -2), (3, 4).
const oracle::world vectors{.facts = {{"x", {{2, 2}, {1, -2, 3, 4}}}},
                            .weights = {{"W", {{2, 2}, {1, 2, 0, 1}}},
                                        {"V", {{2, 2}, {0, 1, 1, 0}}},
                                        {"c", {{}, {10}}},
                                        {"b", {{2}, {100, 200}}}}};

/// A graph 0 - 1 - 2 with x = 1, 10, 100; the edge (0, 1) has the value 2.
const oracle::world graph{
    .facts = {{"x", {{3}, {1, 10, 100}}}, {"edge", {{3, 3}, {0, 2, 0, 1, 0, 1, 0, 1, 0}}}}};
const oracle::world sparse_graph{
    .facts = {{"x", {{3}, {1, 10, 100}}}},
    .sparse = {{"edge", {{3, 3}, {{0, 1}, {1, 0}, {1, 2}, {2, 1}}, {2, 0, 1, 1}}}}};

double count_of(const auto& program) {
    return values(program, scalars(list(6)), "y")[0];
}

}  // namespace

TEST_CASE("oracle: weights") {
    check_close(values(weighted, vectors, "y"), {-3, -2, 11, 4});
    check_close(values(weighted_row, vectors, "y"), {1, 49});
    check_close(values(weight_transposed, vectors, "y"), {1, 0, 3, 10});
    check_close(values(weighted_scalar, vectors, "y"), {10, -20, 30, 40});
    check_close(values(biased, vectors, "y"), {97, 198, 111, 204});
}

TEST_CASE("oracle: weights with arguments") {
    oracle::world given = vectors;
    given.weights["W"] = {{3, 2, 2}, {1, 0, 0, 1, 0, 1, 1, 0, 2, 0, 0, 2}};
    given.weights["b"] = {{3, 2}, {0, 0, 10, 20, 100, 200}};
    check_close(values(per_head, given, "y"), {1, -2, 3, 4, 8, 21, 14, 23, 102, 196, 106, 208});

    given.weights["R"] = {{3, 2}, {1, 0, 0, 2, 1, 1}};
    check_close(values(table, given, "y"), {1, -2, 6, 8, 4, 2});
    CHECK_THROWS_AS(oracle::evaluate(weighted, given), std::invalid_argument);
}

TEST_CASE("oracle: weights of heads come after the aggregation and before the sum of rules") {
    // W relu(x) + V x
    check_close(values(head_weight, vectors, "y"), {1 - 2, 0 + 1, 11 + 4, 4 + 3});

    oracle::world given = scalars({5, 7, 6});
    given.weights["c"] = {{}, {-1}};
    check_close(values(head_weight_after, given, "y"), {-5, -7, -7});

    given.weights["c"] = {{2}, {2, 3}};
    check_close(values(head_weight_per, given, "y"), {10, 14, 12, 15, 21, 18});

    oracle::world free = vectors;
    free.weights["W"] = {{1, 2, 2}, {1, 0, 0, 1}};
    free.weights["c"] = {{1}, {1}};
    CHECK_THROWS_AS(oracle::evaluate(head_weight_free, free), std::logic_error);
}

TEST_CASE("oracle: a symbol picks a row of its weight, and the same weight gives logits") {
    oracle::world given{.facts = {{"token", {{2}, {2, 0}}}},
                        .symbols = {"token"},
                        .weights = {{"E", {{3, 2}, {1, 2, 3, 4, 5, 6}}}}};
    const auto found = oracle::evaluate(tied, given);
    check_close(found.relations.at("z").values, {5, 6, 1, 2});
    CHECK(found.relations.at("y").rows == 3);
    check_close(found.relations.at("y").values, {17, 39, 61, 5, 11, 17});

    given.facts["token"].values = {0, 1};
    check_close(values(tied_transposed, given, "y"), {1, 3, 5, 2, 4, 6});
    given.facts["token"].values = {0, 3};
    CHECK_THROWS_AS(oracle::evaluate(tied, given), std::out_of_range);
}

#define PAIRS(...) count_of(pairs<decltype([] { return __VA_ARGS__; })>)

TEST_CASE("oracle: constraints") {
    using sequent::language::abs;
    using sequent::language::alldiff;
    CHECK(PAIRS(j <= i) == 21);
    CHECK(PAIRS(j < i) == 15);
    CHECK(PAIRS(j >= i) == 21);
    CHECK(PAIRS(j > i + 1) == 10);
    CHECK(PAIRS(i == j) == 6);
    CHECK(PAIRS(i != j) == 30);
    CHECK(PAIRS(alldiff(i, j)) == 30);
    CHECK(PAIRS(abs(i - j) < 2) == 16);
    CHECK(PAIRS(0 <= i - j && i - j <= 2) == 15);
    CHECK(PAIRS(j < 2 || j <= i) == 22);
    CHECK(PAIRS(!(j < 2 || j <= i)) == 14);
    CHECK(PAIRS(i / 2 == j / 2) == 12);
    CHECK(PAIRS((i - j) % 3 == 0) == 12);
    // Rounding down: -1 % 3 is 2, -1 / 3 is -1.
    CHECK(PAIRS((i - j) % 3 == 2) == 4 + 1 + 5 + 2);
    CHECK(PAIRS((i - j) / 3 == -1) == 5 + 4 + 3);
    CHECK(PAIRS(2 * i == j) == 3);
}

TEST_CASE("oracle: a count given at run time") {
    oracle::world given = scalars({1, 10, 100, 1000});
    CHECK_THROWS_AS(oracle::evaluate(up_to_length, given), std::invalid_argument);
    given.counts["length"] = 2;
    check_close(values(up_to_length, given, "y"), {1, 11, 11, 11});
    CHECK(oracle::evaluate(up_to_length, given).ground_rules == std::vector<long>{7});
}

TEST_CASE("oracle: atoms outside of their extents remove the ground rule") {
    const auto given = scalars({1, 10, 100});
    check_close(values(shifted, given, "y"), {0, 11, 110});
    CHECK(domain(shifted, given, "y") == std::vector<bool>{false, true, true});

    check_close(values(shifted_head, given, "y"), {0, 1, 10, 100});
    CHECK(domain(shifted_head, given, "y") == std::vector<bool>{false, true, true, true});
    check_close(values(shifted_head, given, "z"), {10, 100});

    check_close(values(constant_terms, given, "y"), {2, 11, 101});
    check_close(values(constant_terms, given, "z"), {0, 100});
    CHECK(domain(constant_terms, given, "z") == std::vector<bool>{false, true});
}

TEST_CASE("oracle: hidden and negated literals of a dense fact") {
    check_close(values(hides, graph, "y"), {10, 101, 10});
    check_close(values(negates, graph, "y"), {101, 10, 101});
    check_close(values(degree, graph, "y"), {1, 2, 1});
    check_close(values(uses_edge, graph, "y"), {0, 20, 0, 1, 0, 100, 0, 10, 0});
    CHECK(domain(uses_edge, graph, "y") == std::vector<bool>(9, true));
    // An atom outside of the extents removes the ground rule, negated or not.
    check_close(values(negates_outside, graph, "y"), {0, 0, 0});
    CHECK(domain(negates_outside, graph, "y") == std::vector<bool>{false, true, true});
}

TEST_CASE("oracle: a sparse fact exists where it is given, whatever its value") {
    check_close(values(hides, sparse_graph, "y"), {10, 101, 10});
    check_close(values(negates, sparse_graph, "y"), {101, 10, 101});
    check_close(values(uses_edge, sparse_graph, "y"), {0, 20, 0, 0, 0, 100, 0, 10, 0});
    CHECK(domain(uses_edge, sparse_graph, "y") ==
          std::vector<bool>{false, true, false, true, false, true, false, true, false});
    oracle::world without_values = sparse_graph;
    without_values.sparse["edge"].values.clear();
    check_close(values(uses_edge, without_values, "y"), {0, 10, 0, 1, 0, 100, 0, 10, 0});
}

TEST_CASE("oracle: a derived atom holds where it exists") {
    check_close(values(hides_derived, graph, "y"), {0, 1, 11});
    check_close(values(hides_derived, graph, "z"), {111, 110, 100});
    CHECK(domain(hides_derived, graph, "y") == std::vector<bool>(3, true));
}

TEST_CASE("oracle: domains are inherited and remove ground rules, never heads") {
    const auto found = oracle::evaluate(domains, scalars({1, 2, 3}));
    const std::vector<bool> lower{false, false, false, true, false, false, true, true, false};
    CHECK(found.relations.at("r").exists == lower);
    CHECK(found.relations.at("z").exists == lower);
    CHECK(found.relations.at("y").exists == std::vector<bool>(3, true));
    CHECK(found.ground_rules == std::vector<long>{3, 3, 3});
    check_close(found.relations.at("y").values, {0, std::exp(2), std::exp(3) + std::exp(6)});
}

TEST_CASE("oracle: an atom that follows from nothing is zero before its own transformation") {
    const auto found = oracle::evaluate(from_nothing, scalars({5, 0, 1}));
    CHECK(found.relations.at("r").exists == std::vector<bool>{false, true, true});
    check_close(found.relations.at("y").values, {1, 1, std::exp(1), std::exp(1 + std::exp(1))});
}

TEST_CASE("oracle: an atom exists by any of its rules") {
    const auto given = scalars({1, 10});
    // In the second rule j runs as far as in the first.
    check_close(values(either, given, "y"), {2, 0, 10, 20});
    CHECK(domain(either, given, "y") == std::vector<bool>{true, false, true, true});
    check_close(values(conjunction, given, "y"), {0, 11 + 20});
    CHECK(domain(conjunction, given, "y") == std::vector<bool>{false, true});
}

TEST_CASE("oracle: a hidden literal of a sparse fact restricts the domain, a dense one does not") {
    const std::vector<bool> expected{false, false, false, true, false, false, false, true, false};
    CHECK(domain(hidden_domain, sparse_graph, "y") == expected);
    CHECK(domain(hidden_domain, sparse_graph, "z") == expected);
    check_close(values(hidden_domain, sparse_graph, "z"), {0, 0, 0, 1, 0, 0, 0, 1, 0});
    const std::vector<bool> lower{true, false, false, true, true, false, true, true, true};
    CHECK(domain(hidden_domain, graph, "y") == lower);
    CHECK(domain(hidden_domain, graph, "z") == lower);
}

TEST_CASE("oracle: several rules with one head are added") {
    check_close(values(several, scalars({1, 2, 3}), "y"), {11, 13, 16});
}

TEST_CASE("oracle: transformations of atoms come last, in their order, where atoms exist") {
    // complement, then relu, then exp on y(0) alone
    check_close(values(atoms, scalars({-1, 2}), "y"), {std::exp(3), 0});
    CHECK(oracle::evaluate(atoms, scalars({-1, 2})).ground_rules ==
          std::vector<long>{0, 2, 2, 0, 0});
    check_close(values(atoms_domain, scalars({0, 0, 0}), "y"), {1, 0, 1});
}

TEST_CASE("oracle: ranges") {
    oracle::world given = scalars({10, 20, 30});
    check_close(values(stated, given, "y"), {10, 20});
    given.facts["z"] = {{2}, {1, 2}};
    check_close(values(smallest, given, "y"), {11, 22});
    // Each of the three rules takes from the others what it does not say itself.
    check_close(values(two_extents, given, "y"),
                {0 + 10 + 1, -1 + 10 + 2, 1 + 20 + 1, 0 + 20 + 2, 2 + 30 + 1, 1 + 30 + 2});
}

TEST_CASE("oracle: elements of a vector") {
    oracle::world given = vectors;
    given.facts["x"] = {{3, 2}, {1, -2, 3, 4, 5, 6}};
    check_close(values(element_only, given, "y"), {-2, 4, 6});
    check_close(values(element_only, given, "z"), {1, -2, 3, 4, 5, 6});

    const auto found = oracle::evaluate(elements, given).relations.at("y");
    // z: (-3, -2), (11, 4), (17, 6), which bound j.
    CHECK(found.exists == std::vector<bool>{true, false, true, true, true, true});
    check_close(oracle::value_of(found, {2, 0}), {18, 15});
    check_close(oracle::value_of(found, {2, 1}), {9, 10});
}

TEST_CASE("oracle: ill-formed programs throw") {
    CHECK_THROWS_WITH(oracle::evaluate(cycle, vectors), sequent_test::contains("from itself"));
    CHECK_THROWS_WITH(oracle::evaluate(own_cycle, vectors), sequent_test::contains("from itself"));
    CHECK_THROWS_WITH(oracle::evaluate(unbounded, vectors),
                      sequent_test::contains("nothing bounds j"));
    CHECK_THROWS_WITH(oracle::evaluate(only_changed, vectors),
                      sequent_test::contains("no rule for z"));
    CHECK_THROWS_WITH(oracle::evaluate(two_shapes,
                                       [] {
                                           oracle::world given = vectors;
                                           given.weights["U"] = {{3, 2}, {1, 2, 0, 1, 1, 1}};
                                           return given;
                                       }()),
                      sequent_test::contains("different shapes"));
}
