#include <array>
#include <cmath>
#include <random>
#include <sequent/sequent.hpp>
#include <vector>

#include "catch.hpp"

namespace {

using namespace sequent;

namespace of_taps {
using namespace sequent::language;
SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(x, raw, weights, found, y, z, h, moved, inner, blocks, layers);
inline constexpr weight<"W", 3, 3> W;
inline constexpr weight<"U", 3, 3> U;
inline constexpr weight<"start", 3> start;

inline constexpr auto block = rules(
    raw(i, j) <<= (x(j).T(), x(i)[W], j <= i) | product(), weights(i, j) <<= raw(i, j) | softmax(j),
    found(i) <<= (weights(i, j), x(j)) | product() | sum(j), y(i) <<= (found(i), x(i)));
inline constexpr auto stacked =
    rules(layers(i) <<= x(i) | stack<2>(block), z(i) <<= layers(i) | relu());
inline constexpr auto outer =
    rules(blocks(i) <<= x(i) | stack<2>(block), inner(i) <<= blocks(i) | tanh());
inline constexpr auto nested = rules(layers(i) <<= x(i) | stack<3>(outer));
inline constexpr auto recurring =
    rules(h(0) <<= start, moved(i) <<= (x(i)[W], h(i)[U]), h(next(i)) <<= moved(i) | tanh(),
          y(i) <<= h(next(i)) | relu());
inline constexpr weight<"table"> table;
inline constexpr auto with_table =
    rules(raw(i, j) <<= (x(j).T(), x(i), j <= i) | product(),
          weights(i, j) <<= (raw(i, j), table(i, j), j <= i) | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));
}  // namespace of_taps

using stacked = model<of_taps::stacked, fact<"x", up_to<5>, 3>>;
using nested = model<of_taps::nested, fact<"x", 4, 3>>;
using recurring = model<of_taps::recurring, fact<"x", 4, 3>>;

using row = std::array<double, 3>;
using rows = std::vector<row>;
using matrix = std::array<row, 3>;

row product_of(const matrix& left, const row& right) {
    row result{};
    for (std::size_t at = 0; at < 3; ++at)
        for (std::size_t k = 0; k < 3; ++k) result[at] += left[at][k] * right[k];
    return result;
}

/// The relations of one layer, by their rules.
struct layer_values {
    rows raw{};
    rows weights{};
    rows found{};
    rows y{};
};

layer_values layer_of(const rows& x, const matrix& weight) {
    layer_values result;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const row query = product_of(weight, x[i]);
        std::vector<double> raw(x.size()), weights(x.size());
        double sum = 0;
        for (std::size_t j = 0; j <= i; ++j) {
            for (std::size_t c = 0; c < 3; ++c) raw[j] += x[j][c] * query[c];
            sum += weights[j] = std::exp(raw[j]);
        }
        row found{};
        for (std::size_t j = 0; j <= i; ++j) {
            weights[j] /= sum;
            for (std::size_t c = 0; c < 3; ++c) found[c] += weights[j] * x[j][c];
        }
        // Pairs with j < 3 are compared.
        result.raw.push_back({raw[0], raw[1], raw[2]});
        result.weights.push_back({weights[0], weights[1], weights[2]});
        result.found.push_back(found);
        for (std::size_t c = 0; c < 3; ++c) found[c] += x[i][c];
        result.y.push_back(found);
    }
    return result;
}

template <class Numbers>
void fill(Numbers&& numbers, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, 0.7);
    for (auto& each : numbers) each = normal(random);
}

rows rows_of(std::span<const double> numbers) {
    rows result(numbers.size() / 3);
    for (std::size_t at = 0; at < numbers.size(); ++at) result[at / 3][at % 3] = numbers[at];
    return result;
}

template <class Weight, class... Layer>
matrix matrix_of(const Weight& weight, Layer... layer) {
    matrix result{};
    for (int out = 0; out < 3; ++out)
        for (int in = 0; in < 3; ++in)
            result[static_cast<std::size_t>(out)][static_cast<std::size_t>(in)] =
                weight(layer..., out, in);
    return result;
}

template <class Values>
void check_equal(const Values& values, const rows& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i)
        for (std::size_t c = 0; c < 3; ++c)
            CHECK(std::abs(values(static_cast<int>(i), static_cast<int>(c)) - expected[i][c]) <
                  1e-12);
}

}  // namespace

TEST_CASE("a tap gives the values of each layer up to the length") {
    std::array<double, 12> x{};
    fill(x, 1);
    const auto p = make_unique<stacked::parameters<double>>();
    fill(p->flat(), 2);
    const auto given = view_of(x, 4, 3);
    const auto raw = tap<stacked, "layers.raw">(*p, {given});
    const auto weights = tap<stacked, "layers.weights">(*p, {given});
    const auto found = tap<stacked, "layers.found">(*p, {given});
    const auto y = tap<stacked, "layers.y">(*p, {given});
    const auto layers = tap<stacked, "layers">(*p, {given});
    REQUIRE(weights.view().extents[0] == 2);
    REQUIRE(y.view().extents[1] == 4);
    rows input = rows_of(x);
    for (int layer = 0; layer < 2; ++layer) {
        const layer_values expected = layer_of(input, matrix_of((*p)[of_taps::W], layer));
        const auto at = [layer](const auto& values) {
            return [&values, layer](int i, int c) { return values(layer, i, c); };
        };
        check_equal(at(weights), expected.weights);
        check_equal(at(found), expected.found);
        check_equal(at(y), expected.y);
        for (std::size_t i = 0; i < 4; ++i)
            for (std::size_t j = 0; j <= i && j < 3; ++j)
                CHECK(std::abs(raw(layer, static_cast<int>(i), static_cast<int>(j)) -
                               expected.raw[i][j]) < 1e-12);
        input = expected.y;
    }
    check_equal(layers, input);
}

TEST_CASE("a tap within two stacks has two dimensions of layers") {
    std::array<double, 12> x{};
    fill(x, 3);
    const auto p = make_unique<nested::parameters<double>>();
    fill(p->flat(), 4);
    const auto weights = tap<nested, "layers.blocks.weights">(*p, {x});
    const auto y = tap<nested, "layers.blocks.y">(*p, {x});
    const auto blocks = tap<nested, "layers.blocks">(*p, {x});
    const auto inner = tap<nested, "layers.inner">(*p, nested::facts<double>{x});
    rows input = rows_of(x);
    for (int one = 0; one < 3; ++one) {
        for (int two = 0; two < 2; ++two) {
            const layer_values expected = layer_of(input, matrix_of((*p)[of_taps::W], one, two));
            check_equal([&](int i, int j) { return weights(one, two, i, j); }, expected.weights);
            check_equal([&](int i, int c) { return y(one, two, i, c); }, expected.y);
            input = expected.y;
        }
        check_equal([&](int i, int c) { return blocks(one, i, c); }, input);
        for (row& each : input)
            for (double& number : each) number = std::tanh(number);
        check_equal([&](int i, int c) { return inner(one, i, c); }, input);
    }
}

TEST_CASE("a tap gives all iterations of a recursion") {
    std::array<double, 12> x{};
    fill(x, 5);
    const auto p = make_unique<recurring::parameters<double>>();
    fill(p->flat(), 6);
    const auto moved = tap<recurring, "moved">(*p, {x});
    const auto h = tap<recurring, "h">(*p, {x});
    row before{};
    for (int c = 0; c < 3; ++c) before[static_cast<std::size_t>(c)] = (*p)[of_taps::start](c);
    rows expected_moved;
    rows expected_h{before};
    for (const row& each : rows_of(x)) {
        row sum = product_of(matrix_of((*p)[of_taps::W]), each);
        const row kept = product_of(matrix_of((*p)[of_taps::U]), before);
        for (std::size_t c = 0; c < 3; ++c) {
            sum[c] += kept[c];
            before[c] = std::tanh(sum[c]);
        }
        expected_moved.push_back(sum);
        expected_h.push_back(before);
    }
    check_equal(moved, expected_moved);
    check_equal(h, expected_h);
}
TEST_CASE("a table that attention stores as a triangle is tapped") {
    using model_type = model<of_taps::with_table, fact<"x", 4, 3>>;
    model_type::parameters<double> p;
    CHECK(p[of_taps::table].size() == 10);
    fill(p.flat(), 5);
    std::array<double, 12> x{};
    fill(x, 6);
    model_type::workspace<double> w;
    const auto y = model_type::forward(p, {x}, w);
    const auto weights = tap<model_type, "weights">(p, {x});
    for (int i = 0; i < 4; ++i)
        for (int c = 0; c < 3; ++c) {
            double sum = 0;
            for (int j = 0; j < 4; ++j)
                sum += weights(i, j) * x[static_cast<std::size_t>(3 * j + c)];
            CHECK(std::abs(sum - y(i, c)) < 1e-12);
        }
}
