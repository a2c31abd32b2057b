#include "test_tools.hpp"

using namespace oracle_test;

namespace stacks {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"z"> z;
inline constexpr relation<"in"> in;
inline constexpr relation<"middle"> middle;
inline constexpr relation<"out"> out;
inline constexpr weight<"c"> c;
inline constexpr weight<"W", 2, 2> W;
inline constexpr weight<"E", 2, 1> E;

// out(i) = c * (sum of in(j) up to i) + in(i)
inline constexpr auto block =
    rules(middle(i) <<= in(i), middle(i) <<= (in(j), j < i), out(i) <<= (middle(i)[c], in(i)));
inline constexpr auto twice = rules(y(i) <<= x(i) | stack<2>(block), z(i) <<= y(i)[c]);
inline constexpr auto part = rules(y(i) <<= (x(i), 1 <= i) | stack<1>(block));
inline constexpr auto token_twice = rules(y(i) <<= x(i)[E] | stack<2>(block), y(i) | relu());

inline constexpr auto outer_block = rules(z(i) <<= in(i)[W] | stack<3>(block), out(i) <<= z(i)[W]);
inline constexpr auto nested = rules(y(i) <<= x(i) | stack<2>(outer_block));

inline constexpr auto two_facts = rules(out(i) <<= (in(i), z(i)));
inline constexpr auto ill_formed = rules(y(i) <<= x(i) | stack<2>(two_facts));

// out(i) = in(i) + c * the sum of its neighbours in(j), which is zero where it has none
inline constexpr relation<"edge"> edge;
inline constexpr auto spread = rules(middle(i) <<= (in(j), hidden(edge(i, j))) | sum(j),
                                     out(i) <<= (in(i), middle(i)[c], hidden(x(i))));
inline constexpr auto spread_twice = rules(y(i) <<= x(i) | stack<2>(spread));
}  // namespace stacks

TEST_CASE("oracle: a stack applies its block with the weights of each layer") {
    oracle::world given{.facts = {{"x", {{3}, {1, 2, 3}}}},
                        .weights = {{"y.c", {{2}, {1, 10}}}, {"c", {{}, {-1}}}}};
    const auto found = oracle::evaluate(stacks::twice, given);
    // 1, 2, 3 -> 2, 5, 9 -> 22, 75, 169
    check_close(found.relations.at("y").values, {22, 75, 169});
    check_close(found.relations.at("z").values, {-22, -75, -169});
    given.weights["y.c"] = {{3}, {1, 2, 3}};
    CHECK_THROWS_AS(oracle::evaluate(stacks::twice, given), std::invalid_argument);
}

TEST_CASE("oracle: a block inherits the domain of what it is applied to") {
    const oracle::world given{.facts = {{"x", {{3}, {1, 2, 3}}}}, .weights = {{"y.c", {{1}, {1}}}}};
    check_close(values(stacks::part, given, "y"), {0, 4, 8});
    CHECK(domain(stacks::part, given, "y") == std::vector<bool>{false, true, true});
}

TEST_CASE("oracle: a stack over a weighted literal, then a transformation of its atoms") {
    const oracle::world given{.facts = {{"x", {{2}, {1, 2}}}},
                              .weights = {{"E", {{2, 1}, {1, -1}}}, {"y.c", {{2}, {1, 0}}}}};
    check_close(values(stacks::token_twice, given, "y"), {2, 0, 5, 0});
}

TEST_CASE("oracle: stacks in stacks") {
    const oracle::world given{.facts = {{"x", {{1, 2}, {1, 2}}}},
                              .weights = {{"y.W", {{2, 2, 2}, {0, 1, 1, 0, 1, 0, 0, 2}}},
                                          {"y.z.c", {{2, 3}, {0, 1, 2, 9, 0, 0}}}}};
    // Layer 0 swaps twice and multiplies by 1 * 2 * 3; layer 1 by diag(1, 4) and 10.
    check_close(values(stacks::nested, given, "y"), {60, 480});
}

TEST_CASE("oracle: a block sees the facts of the program") {
    const oracle::world given{.facts = {{"x", {{3}, {1, 2, 3}}}},
                              .sparse = {{"edge", {{3, 3}, {{0, 1}, {1, 2}, {0, 2}}, {}}}},
                              .weights = {{"y.c", {{2}, {1, 10}}}}};
    // 1 + 5, 2 + 3, 3 -> 6 + 80, 5 + 30, 3
    check_close(values(stacks::spread_twice, given, "y"), {86, 35, 3});
}

TEST_CASE("oracle: a block has one input") {
    const oracle::world given{.facts = {{"x", {{1}, {1}}}, {"w", {{1}, {1}}}}};
    CHECK_THROWS_WITH(oracle::evaluate(stacks::ill_formed, given),
                      sequent_test::contains("one input"));
}
