#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <sequent/draw/attention_page.hpp>
#include <string>
#include <vector>

#include "catch.hpp"

namespace {

using namespace sequent;

namespace of_rules {
using namespace sequent::language;
SEQUENT_VARIABLES(i, j);
inline constexpr var<"h", 2> h;
SEQUENT_RELATIONS(x, q, logit, weights, y, z);
inline constexpr bound<"length"> length;
inline constexpr weight<"W_q", 5, 3> W_q;
inline constexpr weight<"slope"> slope;

// A score of several nodes, a mask with a count and a divisor, a row without pairs.
inline constexpr auto program =
    rules(q(h, i) <<= x(i)[W_q(h)], logit(h, i, j) <<= (q(h, j).T(), q(h, i)) | product(),
          logit(h, i, j) <<= (slope(h), number(i - j)) | product(),
          weights(h, i, j) <<= (logit(h, i, j), (i - j) % 2 == 0, j < i, j < length) | softmax(j),
          y(h, i) <<= (weights(h, i, j), x(j)) | product() | sum(j));
/// A layer twice, as a stack and written out.
inline constexpr weight<"W", 3, 3> W;
inline constexpr weight<"W_1", 3, 3> W_1;
inline constexpr weight<"W_2", 3, 3> W_2;
SEQUENT_RELATIONS(layers, first, first_weights, second_weights, logits);
inline constexpr weight<"V", 4, 3> V;

inline constexpr auto block =
    rules(weights(i, j) <<= (x(j).T(), x(i)[W], j <= i) | product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));
inline constexpr auto stacked = rules(layers(i) <<= x(i) | stack<2>(block));
inline constexpr auto unrolled =
    rules(first_weights(i, j) <<= (x(j).T(), x(i)[W_1], j <= i) | product() | softmax(j),
          first(i) <<= (first_weights(i, j), x(j)) | product() | sum(j),
          second_weights(i, j) <<= (first(j).T(), first(i)[W_2], j <= i) | product() | softmax(j),
          y(i) <<= (second_weights(i, j), first(j)) | product() | sum(j));
/// A head behind the stack that reads the input, too, as the last that reads it.
template <int Layers>
inline constexpr auto with_head = rules(z(i) <<= x(i) | tanh(),
                                        layers(i) <<= x(i) | stack<Layers>(block),
                                        logits(i)[V] <<= (layers(i), z(i)) | norm());
}  // namespace of_rules
using fused = model<of_rules::program, fact<"x", 7, 3>, bound<"length">>;
using written = model<of_rules::program, fact<"x", 7, 3>, bound<"length">, query<"y", "weights">>;
using stacked = model<of_rules::stacked, fact<"x", 6, 3>>;
using unrolled =
    model<of_rules::unrolled, fact<"x", 6, 3>, query<"y", "first_weights", "second_weights">>;

template <int Layers>
using with_head = model<of_rules::with_head<Layers>, fact<"x", up_to<6>, 3>>;

template <class Numbers>
void fill(Numbers&& numbers, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (float& each : numbers) each = normal(random);
}

/// As far as the shown weights reach.
template <class Weights>
void check_equal(const draw::head_weights& shown, const Weights& expected) {
    for (int row = 0; row < shown.rows; ++row)
        for (int column = 0; column < shown.columns; ++column)
            CHECK(std::abs(shown(row, column) - expected(row, column)) <= 2e-6F);
}

}  // namespace

TEST_CASE("weights of attention are those of the relation") {
    std::array<float, 21> x{};
    fill(x, 1);
    auto p = make_unique<fused::parameters<float>>();
    auto w = make_unique<fused::workspace<float>>();
    fill(p->flat(), 2);
    const auto heads = draw::attention_of<fused>(*p, {x, 5}, *w);
    REQUIRE(heads.size() == 2);

    auto expected_p = make_unique<written::parameters<float>>();
    auto expected_w = make_unique<written::workspace<float>>();
    fill(expected_p->flat(), 2);
    const auto expected = written::forward(*expected_p, {x, 5}, *expected_w)[1];
    for (int head = 0; head < 2; ++head) {
        const draw::head_weights& shown = heads[static_cast<std::size_t>(head)];
        CHECK(shown.relation == "y");
        CHECK(shown.layer.empty());
        CHECK(shown.head == head);
        REQUIRE(shown.rows == 7);
        REQUIRE(shown.columns == 5);
        check_equal(shown, [&](int row, int column) { return expected(head, row, column); });
        double sum = 0;
        for (const float each : shown.weights) sum += static_cast<double>(each);
        CHECK(std::abs(sum - 5) < 1e-5);  // rows 0 and 1 have no pair
    }
}

TEST_CASE("each layer of a stack has weights of its own") {
    std::array<float, 18> x{};
    fill(x, 3);
    auto p = make_unique<stacked::parameters<float>>();
    auto w = make_unique<stacked::workspace<float>>();
    auto expected_p = make_unique<unrolled::parameters<float>>();
    auto expected_w = make_unique<unrolled::workspace<float>>();
    fill(p->flat(), 4);
    for (int out = 0; out < 3; ++out)
        for (int in = 0; in < 3; ++in) {
            (*expected_p)[of_rules::W_1](out, in) = (*p)[of_rules::W](0, out, in);
            (*expected_p)[of_rules::W_2](out, in) = (*p)[of_rules::W](1, out, in);
        }
    const auto heads = draw::attention_of<stacked>(*p, {x}, *w);
    const auto expected = unrolled::forward(*expected_p, {x}, *expected_w);
    REQUIRE(heads.size() == 2);
    for (int layer = 0; layer < 2; ++layer) {
        const draw::head_weights& shown = heads[static_cast<std::size_t>(layer)];
        CHECK(shown.relation == "layers.y");
        CHECK(shown.layer == std::vector<int>{layer});
        REQUIRE(shown.rows == 6);
        REQUIRE(shown.columns == 6);
        check_equal(shown, expected[static_cast<std::size_t>(layer) + 1]);
    }
}

TEST_CASE("the lens shows what a model gives if it ends after each layer") {
    using model_of_three = with_head<3>;
    std::array<float, 15> x{};
    fill(x, 5);
    auto p = make_unique<model_of_three::parameters<float>>();
    auto w = make_unique<model_of_three::workspace<float>>();
    fill(p->flat(), 6);
    const model_of_three::facts<float> given{view_of(x, 5, 3)};
    const auto lens = draw::lens_of<model_of_three>(*p, given, *w);
    REQUIRE(lens.view().extents[0] == 3);
    REQUIRE(lens.view().extents[1] == 5);
    const auto compare = [&]<int Layers>(std::integral_constant<int, Layers>) {
        using shallow = with_head<Layers>;
        auto q = make_unique<typename shallow::template parameters<float>>();
        auto memory = make_unique<typename shallow::template workspace<float>>();
        for (int out = 0; out < 4; ++out)
            for (int in = 0; in < 3; ++in) (*q)[of_rules::V](out, in) = (*p)[of_rules::V](out, in);
        for (int layer = 0; layer < Layers; ++layer)
            for (int out = 0; out < 3; ++out)
                for (int in = 0; in < 3; ++in)
                    (*q)[of_rules::W](layer, out, in) = (*p)[of_rules::W](layer, out, in);
        const auto expected = shallow::forward(*q, {view_of(x, 5, 3)}, *memory);
        for (int row = 0; row < 5; ++row)
            for (int symbol = 0; symbol < 4; ++symbol)
                CHECK(std::abs(lens(Layers - 1, row, symbol) - expected(row, symbol)) <= 1e-5F);
    };
    compare(std::integral_constant<int, 1>{});
    compare(std::integral_constant<int, 2>{});
    compare(std::integral_constant<int, 3>{});
    const auto likely = draw::likeliest(lens, {"a", "b", "c", "d"}, 2);
    REQUIRE(likely.size() == 3);
    REQUIRE(likely[1].size() == 5);
    CHECK(likely[1][4].size() == 2);
}

TEST_CASE("the page holds labels, weights and what comes next") {
    draw::head_weights head{"decoder.cross_head", {1, 0}, 2, 1, 4, {1, 0, 0.25F, 0.0625F}};
    draw::attention_labels labels{
        .title = "a < b", .tokens = {"</script>"}, .sources = {"\n", "b", "c", "d"}};
    const float logits[]{0, 1, -1};
    labels.next = draw::likeliest(view_of(logits, 1, 3), {"x", "\"", "z"}, 2);
    const std::string page = draw::page_of({head}, labels);
    CHECK_THAT(page, sequent_test::contains("<title>a &lt; b</title>"));
    CHECK_THAT(page, sequent_test::contains(
                         R"({"tokens":["\u003c/script\u003e"],"sources":["␊","b","c","d"],)"));
    CHECK_THAT(page, sequent_test::contains(R"([["\"",0.6652],["x",0.2447]])"));
    // Bytes 255, 0, 128, 64.
    CHECK_THAT(page, sequent_test::contains(
                         R"({"path":"decoder.cross_head","layer":"1.0","head":2,"rows":1,)"
                         R"("columns":4,"rowList":"tokens","columnList":"sources",)"
                         R"("weights":"/wCAQA=="})"));

    CHECK_THROWS_WITH(draw::page_of({}), sequent_test::contains("no attention"));
    head.weights[2] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(draw::page_of({head}),
                      sequent_test::contains("layer 1.0, head 2 of decoder.cross_head"));
    CHECK_THROWS_AS(draw::likeliest(view_of(logits, 1, 3), {"x", "y"}), argument_error);
    head.weights[2] = 0.25F;
    labels.next[0][1].probability = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(draw::page_of({head}, labels),
                      sequent_test::contains("the probability of x is not finite"));
}
