#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "rules.hpp"

/// What may be given as a sparse fact, and what is refused.

namespace {

using namespace names;
using sequent::argument_error;
using sequent::fact;
using sequent::sparse;
using sequent::sparse_pairs;
using sequent::symbol;
using sequent_test::contains;
using pair = std::array<std::int32_t, 2>;

inline constexpr relation<"edge"> edge;
inline constexpr relation<"road"> road;
inline constexpr relation<"bond"> bond;

inline constexpr auto program =
    rules(out(i) <<= (x(j), edge(i, j)) | product() | sum(j),
          out(i) <<= (road(i, j)[W<"A", 1, 2>], x(j)) | product() | sum(j),
          out(i) <<= (bond(i, j)[W<"E", 3, 1>], x(j)) | product() | sum(j));
using model =
    sequent::model<program, fact<"x", 4>, fact<"edge", sparse<3>, 5, 4>,
                   fact<"road", sparse<3>, 5, 4, 2>, fact<"bond", sparse<3>, 5, 4, symbol<3>>>;
using facts = model::facts<float>;

const std::vector<float> numbers{1, 10, 100, 1000};
const std::vector<pair> two{{0, 1}, {4, 3}};
const std::vector<float> values{2, 3};
const std::vector<float> vectors{1, 0, 2, 0};
const std::vector<std::int32_t> kinds{2, 0};

std::vector<float> result(const facts& given) {
    static model::parameters<float> p;
    model::for_each(p, [](std::string_view, auto view) {
        for (int at = 0; at < view.size(); ++at) view.element(at) = static_cast<float>(at + 1);
    });
    model::workspace<float> w;
    const auto y = model::forward(p, given, w);
    std::vector<float> found;
    for (int at = 0; at < y.size(); ++at) found.push_back(y.element(at));
    return found;
}

template <class Edge, class Road, class Bond>
std::string refusal_of(const Edge& of_edge, const Road& of_road, const Bond& of_bond) {
    try {
        (void)facts({numbers, of_edge, of_road, of_bond});
    } catch (const argument_error& error) {
        return error.what();
    }
    return "";
}
/// What the message is if this is given as `edge`, as `road`, as `bond`.
template <class Edge>
std::string refused_edge(const Edge& given) {
    return refusal_of(given, sparse_pairs(two, vectors), sparse_pairs(two, kinds));
}
template <class Road>
std::string refused_road(const Road& given) {
    return refusal_of(sparse_pairs(two), given, sparse_pairs(two, kinds));
}
template <class Bond>
std::string refused_bond(const Bond& given) {
    return refusal_of(sparse_pairs(two), sparse_pairs(two, vectors), given);
}

}  // namespace

TEST_CASE("pairs are given nested or flat, with values or without") {
    const std::vector<float> expected{10 * 2 + 10 + 10 * 3, 0, 0, 0, 1000 * 3 + 2000 + 1000};
    const auto of_edge = sparse_pairs(two, values);
    const auto of_road = sparse_pairs(two, vectors);
    const auto of_bond = sparse_pairs(two, kinds);
    CHECK(result({numbers, of_edge, of_road, of_bond}) == expected);
    CHECK(result({bond = of_bond, x = numbers, road = of_road, edge = of_edge}) == expected);

    const std::vector<std::int32_t> flat{0, 1, 4, 3};
    const std::int32_t built_in[2][2] = {{0, 1}, {4, 3}};
    const std::array<std::array<float, 2>, 2> nested{{{1, 0}, {2, 0}}};
    CHECK(result({numbers, sparse_pairs(flat, values), sparse_pairs(built_in, nested), of_bond}) ==
          expected);
    CHECK(result({numbers, sparse_pairs(std::span(two), values), of_road, of_bond}) == expected);

    // Each without a value is one; the order of the pairs is the caller's.
    const std::vector<pair> turned{{4, 3}, {0, 1}};
    CHECK(result({numbers, sparse_pairs(turned), of_road, of_bond}) ==
          std::vector<float>{10 + 10 + 30, 0, 0, 0, 1000 + 2000 + 1000});
    const std::vector<pair> none;
    const std::vector<float> no_numbers;
    const std::vector<std::int32_t> no_kinds;
    CHECK(result({numbers, sparse_pairs(none), sparse_pairs(none, no_numbers),
                  sparse_pairs(none, no_kinds)}) == std::vector<float>(5));
}

TEST_CASE("facts keep the index of their pairs when they are copied") {
    const std::vector<float> other{3, 2};
    std::vector<facts> all;
    {
        const std::vector<pair> short_lived = two;
        all.push_back({numbers, sparse_pairs(short_lived, values), sparse_pairs(two, vectors),
                       sparse_pairs(two, kinds)});
    }
    all.push_back(
        {numbers, sparse_pairs(two, other), sparse_pairs(two, vectors), sparse_pairs(two, kinds)});
    for (int more = 0; more < 10; ++more) all.push_back(all[0]);
    CHECK(result(all[11]) == result(all[0]));
    CHECK(result(all[1]) != result(all[0]));
}

TEST_CASE("pairs that do not fit are named with their position and both figures") {
    const std::vector<pair> below{{0, 1}, {2, -1}};
    CHECK_THAT(refused_edge(sparse_pairs(below)), contains("\"edge\"") && contains("(2, -1)") &&
                                                      contains("position 1") && contains("5 x 4"));
    const std::vector<pair> beyond{{5, 0}};
    CHECK_THAT(refused_edge(sparse_pairs(beyond)),
               contains("(5, 0)") && contains("position 0") && contains("5 x 4"));
    const std::vector<pair> turned{{3, 4}};
    const std::vector<std::int32_t> one_kind{1};
    CHECK_THAT(refused_bond(sparse_pairs(turned, one_kind)),
               contains("\"bond\"") && contains("(3, 4)"));
    const std::vector<pair> twice{{0, 1}, {4, 3}, {0, 1}};
    CHECK_THAT(refused_edge(sparse_pairs(twice)), contains("\"edge\"") && contains("(0, 1)") &&
                                                      contains("position 2") && contains("at 0"));
    const std::vector<pair> many{{0, 0}, {0, 1}, {0, 2}, {0, 3}};
    CHECK_THAT(refused_edge(sparse_pairs(many)),
               contains("\"edge\"") && contains("3 pairs") && contains("4"));
    const std::vector<std::int32_t> odd{0, 1, 2};
    CHECK_THAT(refused_edge(sparse_pairs(odd)), contains("two integers each") && contains("3"));
    const std::vector<std::array<std::int32_t, 3>> triples{{0, 1, 2}};
    CHECK_THAT(refused_edge(sparse_pairs(triples)),
               contains("two integers each") && contains("1 x 3"));
}

TEST_CASE("values that do not fit their pairs are named with both figures") {
    const std::vector<float> three{1, 2, 3};
    CHECK_THAT(refused_edge(sparse_pairs(two, three)),
               contains("\"edge\"") && contains("2") && contains("3"));
    CHECK_THAT(refused_road(sparse_pairs(two, values)),
               contains("\"road\"") && contains("2 x 2") && contains("2"));
    CHECK_THAT(refused_road(sparse_pairs(two)), contains("\"road\"") && contains("pairs alone"));
    CHECK_THAT(refused_bond(sparse_pairs(two)), contains("\"bond\"") && contains("pairs alone"));
    CHECK_THAT(refused_bond(sparse_pairs(two, values)),
               contains("\"bond\"") && contains("symbols"));
    CHECK_THAT(refused_edge(sparse_pairs(two, kinds)), contains("\"edge\"") && contains("numbers"));
    const std::vector<std::int32_t> large{1, 3};
    CHECK_THAT(refused_bond(sparse_pairs(two, large)),
               contains("symbol 3") && contains("position 1") && contains("3 classes"));
    const std::vector<pair> none;
    CHECK_THAT(refused_edge(sparse_pairs(none, three)), contains("\"edge\"") && contains("3"));
}

TEST_CASE("values that are no numbers are refused") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> bad{1, 2, nan, 4};
    CHECK_THAT(refused_road(sparse_pairs(two, bad)),
               contains("\"road\"") && contains("nan") && contains("position 2"));
    const std::vector<float> endless{1, -infinity};
    CHECK_THAT(refused_edge(sparse_pairs(two, endless)),
               contains("\"edge\"") && contains("-inf") && contains("position 1"));
    CHECK_THROWS_WITH(
        facts({bad, sparse_pairs(two), sparse_pairs(two, vectors), sparse_pairs(two, kinds)}),
        contains("\"x\"") && contains("nan") && contains("position 2"));
}

TEST_CASE("sparse and dense facts are not taken for each other") {
    const std::vector<float> twenty(20);
    CHECK_THAT(refused_edge(twenty), contains("\"edge\"") && contains("sparse_pairs"));
    CHECK_THAT(refused_edge(3), contains("\"edge\""));
    CHECK_THROWS_WITH(facts({sparse_pairs(two), sparse_pairs(two), sparse_pairs(two, vectors),
                             sparse_pairs(two, kinds)}),
                      contains("\"x\"") && contains("dense"));
}

TEST_CASE("the gradient of a sparse fact has room for all pairs") {
    using inward = model::fact_gradients<float>;
    std::vector<float> three(3);
    std::vector<float> six(6);
    CHECK_NOTHROW(inward({edge = three, road = six}));
    CHECK_THROWS_AS(inward({edge = six}), argument_error);
    CHECK_THROWS_AS(inward({road = three}), argument_error);
    CHECK_THROWS_AS(inward({bond = three}), argument_error);
}
