#include <cmath>

#include "test_tools.hpp"

// Combinations, transformations and aggregations, by hand.

using namespace oracle_test;

namespace functions {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"k"> k;
inline constexpr relation<"a"> a;  // a(i): vectors
inline constexpr relation<"b"> b;
inline constexpr relation<"s"> s;  // s(i): scalars
inline constexpr relation<"m"> m;  // m(i, j): scalars
inline constexpr relation<"y"> y;
inline constexpr weight<"W", 2, 3> W;
inline constexpr weight<"gain", 3> gain;
inline constexpr weight<"bias", 3> bias;

inline constexpr auto with_sum = rules(y(i) <<= (a(i), b(i), s(i)));
inline constexpr auto with_product = rules(y(i) <<= (a(i).T(), b(i), s(i), a(i)) | product());
inline constexpr auto outer = rules(y(i) <<= (a(i), b(i).T()) | product());
inline constexpr auto with_elementwise = rules(y(i) <<= (a(i), s(i), b(i)) | elementwise_product());
inline constexpr auto with_max = rules(y(i) <<= (a(i), b(i), s(i)) | max());
inline constexpr auto with_min = rules(y(i) <<= (a(i), b(i), s(i)) | min());
inline constexpr auto with_mean = rules(y(i) <<= (a(i), b(i), s(i)) | mean());
inline constexpr auto with_concat = rules(y(i) <<= (a(i), s(i), a(i)[W]) | concat());
inline constexpr auto with_cosine = rules(y(i) <<= (a(i), b(i)) | cosine());
inline constexpr auto with_constants = rules(y(i) <<= (s(i), number(0.5), number(2 * i - 1)));

template <auto Function>
inline constexpr auto transformed = rules(y(i) <<= a(i) | Function());
inline constexpr auto leaky = rules(y(i) <<= a(i) | leaky_relu(0.1));
inline constexpr auto capped = rules(y(i) <<= a(i) | soft_cap(2.0));
inline constexpr auto normed = rules(y(i) <<= a(i) | norm(0.5));
inline constexpr auto layer_normed = rules(y(i) <<= a(i) | layer_norm(gain, bias));
inline constexpr auto rms_normed = rules(y(i) <<= a(i) | rms_norm(gain));
inline constexpr auto turned = rules(y(i) <<= a(i) | rotary(i + 1, 100.0));
inline constexpr auto in_order = rules(y(i) <<= (a(i), b(i)) | product() | relu() | complement());
inline constexpr auto parts = rules(y(i) <<= a(i) | slice(1, 2) | reshape(1, 2));

inline constexpr auto summed = rules(y(i) <<= m(i, j));
inline constexpr auto averaged = rules(y(i) <<= (m(i, j), j <= i) | sum() | mean(j));
inline constexpr auto greatest = rules(y(i) <<= (m(i, j), j < i) | sum() | max(j));
inline constexpr auto least = rules(y(i) <<= (m(i, j), j < i) | sum() | min(j));
inline constexpr auto counted = rules(y(i) <<= (a(j), m(i, j), j < i) | product() | count(j));
inline constexpr auto joined_up =
    rules(y(i) <<= (a(i), m(j, k), j <= k, j <= i) | product() | concat(k, j));
inline constexpr auto softmaxed = rules(y(i, j) <<= (m(i, j), j < i) | softmax(j));
inline constexpr auto columns_softmaxed = rules(y(i, j) <<= m(i, j) | softmax(i));
inline constexpr auto both_softmaxed = rules(y(i, j) <<= m(i, j) | softmax(i, j));
inline constexpr auto vector_softmaxed = rules(y(i) <<= a(i) | softmax(i));

inline constexpr auto aggregate_of_head = rules(y(i, j) <<= m(i, j) | sum(j));
inline constexpr auto partial_maximum = rules(y(i) <<= (m(i, j), m(j, k)) | max(j));
inline constexpr auto late_transformation = rules(y(i) <<= m(i, j) | sum(j) | relu());
inline constexpr auto ill_shaped = rules(y(i) <<= (a(i), b(i)) | product());
}  // namespace functions

namespace {

using namespace functions;

/// One vector a, one vector b, one scalar s.
const oracle::world one{
    .facts = {{"a", {{1, 3}, {1, -2, 3}}}, {"b", {{1, 3}, {4, 5, -6}}}, {"s", {{1}, {2}}}},
    .weights = {{"W", {{2, 3}, {1, 0, 0, 1, 1, 1}}},
                {"gain", {{3}, {1, 2, 3}}},
                {"bias", {{3}, {10, 20, 30}}}}};

oracle::world with_a(const list& elements) {
    oracle::world given = one;
    given.facts["a"] = {{1, static_cast<int>(elements.size())}, elements};
    return given;
}

/// m is 3 x 3: 0 1 2 / 3 4 5 / 6 7 8.
const oracle::world square{
    .facts = {{"m", {{3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8}}}, {"a", {{3, 2}, {1, 2, 3, 4, 5, 6}}}}};

const double e = std::exp(1.0);

}  // namespace

TEST_CASE("oracle: combinations") {
    check_close(values(with_sum, one, "y"), {7, 5, -1});
    check_close(values(with_product, one, "y"), {-24 * 2 * 1, -24 * 2 * -2, -24 * 2 * 3});
    check_close(values(with_elementwise, one, "y"), {8, -20, -36});
    check_close(values(with_max, one, "y"), {4, 5, 3});
    check_close(values(with_min, one, "y"), {1, -2, -6});
    check_close(values(with_mean, one, "y"), {7 / 3.0, 5 / 3.0, -1 / 3.0});
    check_close(values(with_concat, one, "y"), {1, -2, 3, 2, 1, 2});
    check_close(values(with_cosine, one, "y"), {-24 / std::sqrt(14.0 * 77.0)});
    check_close(values(with_cosine, with_a({0, 0, 0}), "y"), {0});
    check_close(values(with_constants, one, "y"), {1.5});

    const auto matrix = oracle::evaluate(outer, one).relations.at("y");
    CHECK(matrix.rows == 3);
    CHECK(matrix.columns == 3);
    check_close(matrix.values, {4, 5, -6, -8, -10, 12, 12, 15, -18});
}

TEST_CASE("oracle: transformations of elements") {
    const auto of = [](const auto& program, double x) {
        return values(program, with_a({x}), "y").at(0);
    };
    using namespace sequent::language;
    CHECK(of(transformed<[] { return identity(); }>, -3) == -3);
    CHECK(of(transformed<[] { return relu(); }>, -3) == 0);
    CHECK(of(transformed<[] { return relu(); }>, 3) == 3);
    CHECK(of(transformed<[] { return leaky_relu(); }>, -3) == Approx(-0.03));
    CHECK(of(leaky, -3) == Approx(-0.3));
    CHECK(of(transformed<[] { return gelu(); }>, 1) == Approx(0.8413447461));
    CHECK(of(transformed<[] { return gelu(); }>, -1) == Approx(-0.1586552539));
    CHECK(of(transformed<[] { return gelu_tanh(); }>, 1) == Approx(0.8411919906));
    CHECK(of(transformed<[] { return silu(); }>, 1) == Approx(0.7310585786));
    CHECK(of(transformed<[] { return sigmoid(); }>, -1) == Approx(0.2689414214));
    CHECK(of(transformed<[] { return tanh(); }>, 1) == Approx(0.7615941560));
    CHECK(of(transformed<[] { return exp(); }>, 1) == Approx(e));
    CHECK(of(transformed<[] { return log(); }>, e) == Approx(1));
    CHECK(of(transformed<[] { return sqrt(); }>, 9) == Approx(3));
    CHECK(of(transformed<[] { return inverse(); }>, 4) == Approx(0.25));
    CHECK(of(transformed<[] { return complement(); }>, 4) == Approx(-3));
    CHECK(of(capped, 2) == Approx(2 * 0.7615941560));
}

TEST_CASE("oracle: transformations of values") {
    using namespace sequent::language;
    const double total = e + 1 + 1 / e;
    check_close(values(transformed<[] { return softmax(); }>, with_a({1, 0, -1}), "y"),
                {e / total, 1 / total, 1 / e / total});
    check_close(values(transformed<[] { return sparsemax(); }>, with_a({1, 0.5, -1}), "y"),
                {0.75, 0.25, 0});
    check_close(values(transformed<[] { return sparsemax(); }>, with_a({3, 1}), "y"), {1, 0});
    check_close(values(transformed<[] { return norm(); }>, with_a({1, 3}), "y"),
                {-1 / std::sqrt(1 + 1e-5), 1 / std::sqrt(1 + 1e-5)});
    check_close(values(normed, with_a({1, 3}), "y"), {-1 / std::sqrt(1.5), 1 / std::sqrt(1.5)});

    const double deviation = std::sqrt(2 / 3.0 + 1e-5);
    check_close(values(layer_normed, with_a({4, 5, 6}), "y"),
                {10 - 1 / deviation, 20, 30 + 3 / deviation});
    const double root = std::sqrt(9 / 3.0 + 1e-5);
    check_close(values(rms_normed, with_a({1, 2, 2}), "y"), {1 / root, 4 / root, 6 / root});

    // Position 1: the first pair by the angle 1, the second by 100^(-2/4) = 0.1.
    check_close(values(turned, with_a({1, 0, 0, 1}), "y"),
                {std::cos(1.0), std::sin(1.0), -std::sin(0.1), std::cos(0.1)});

    const auto matrix = oracle::evaluate(parts, one).relations.at("y");
    CHECK(matrix.rows == 1);
    CHECK(matrix.columns == 2);
    check_close(matrix.values, {-2, 3});
}

TEST_CASE("oracle: transformations are applied in their order") {
    oracle::world given = with_a({2});
    given.facts["b"] = {{1, 1}, {-3}};
    check_close(values(in_order, given, "y"), {1});
}

TEST_CASE("oracle: aggregations") {
    check_close(values(summed, square, "y"), {3, 12, 21});
    check_close(values(averaged, square, "y"), {0, 3.5, 7});
    check_close(values(greatest, square, "y"), {0, 3, 7});
    check_close(values(least, square, "y"), {0, 3, 6});
    check_close(values(counted, square, "y"), {0, 1, 2});
    CHECK(oracle::evaluate(counted, square).relations.at("y").rows == 1);
}

TEST_CASE("oracle: concat leaves zeros where no ground rule is") {
    const auto found = oracle::evaluate(joined_up, square).relations.at("y");
    CHECK(found.rows == 18);
    // a(0) = (1, 2) with m(0, k) at k = 0, 1, 2 and j = 0.
    check_close(oracle::value_of(found, {0}),
                {0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 4, 0, 0, 0, 0});
    // a(1) = (3, 4) with j = 0, 1; m(1, 1) = 4, m(1, 2) = 5.
    check_close(oracle::value_of(found, {1}),
                {0, 0, 0, 0, 0, 0, 3, 4, 12, 16, 0, 0, 6, 8, 15, 20, 0, 0});
}

TEST_CASE("oracle: softmax over ground rules") {
    const double first = 1 / (1 + e);
    check_close(values(softmaxed, square, "y"), {0, 0, 0, 1, 0, 0, first, e * first, 0});

    const double column = 1 + std::exp(3.0) + std::exp(6.0);
    const auto by_column = values(columns_softmaxed, square, "y");
    check_close({by_column[0], by_column[4], by_column[8]},
                {1 / column, std::exp(3.0) / column, std::exp(6.0) / column});

    double total = 0;
    for (int x = 0; x < 9; ++x) total += std::exp(x);
    CHECK(values(both_softmaxed, square, "y")[5] == Approx(std::exp(5.0) / total));

    const double sum = 1 + std::exp(2.0) + std::exp(4.0);
    const double second = std::exp(2.0) / sum;
    const double third = std::exp(4.0) / sum;
    check_close(values(vector_softmaxed, square, "y"),
                {1 / sum, 1 / sum, second, second, third, third});
}

TEST_CASE("oracle: softmax does not overflow") {
    check_close(
        values(transformed<[] { return sequent::language::softmax(); }>, with_a({1000, 1000}), "y"),
        {0.5, 0.5});
}

TEST_CASE("oracle: ill-formed rules throw") {
    CHECK_THROWS_AS(oracle::evaluate(aggregate_of_head, square), std::logic_error);
    CHECK_THROWS_AS(oracle::evaluate(partial_maximum, square), std::logic_error);
    CHECK_THROWS_AS(oracle::evaluate(late_transformation, square), std::logic_error);
    CHECK_THROWS_AS(oracle::evaluate(ill_shaped, one), std::logic_error);
    CHECK_THROWS_AS(oracle::evaluate(summed, one), std::invalid_argument);
}
