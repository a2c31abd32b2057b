#include <sequent/nn/sampler.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "../catch.hpp"

using sequent::sampler, sequent::sampling;

namespace {

/// How often each symbol is drawn.
template <std::size_t Count>
std::array<double, Count> drawn(const std::array<float, Count>& logits, sampling settings,
                                int draws) {
    sampler choose(Count, settings, 7);
    std::array<double, Count> result{};
    for (int draw = 0; draw < draws; ++draw) {
        const auto symbol = choose(std::span<const float>(logits));
        ++result[static_cast<std::size_t>(symbol)];
    }
    for (double& each : result) each /= draws;
    return result;
}

/// Within five deviations of the expected frequencies; what is expected never must never be.
template <std::size_t Count>
void check_drawn(const std::array<float, Count>& logits, sampling settings,
                 const std::array<double, Count>& expected) {
    constexpr int draws = 40000;
    const auto found = drawn(logits, settings, draws);
    for (std::size_t at = 0; at < Count; ++at) {
        INFO("symbol " << at);
        const double deviation = std::sqrt(expected[at] * (1 - expected[at]) / draws);
        CHECK(std::abs(found[at] - expected[at]) <= 5 * deviation);
    }
}

constexpr float none = -std::numeric_limits<float>::infinity();

// Probabilities 0.1, 0.4, 0.2, 0.3, shifted as logits may be.
const std::array<float, 4> logits{std::log(0.1F) + 50, std::log(0.4F) + 50, std::log(0.2F) + 50,
                                  std::log(0.3F) + 50};

}  // namespace

TEST_CASE("symbols are drawn as often as their probabilities say") {
    check_drawn(logits, {}, {0.1, 0.4, 0.2, 0.3});
    // Squared, and normalised.
    check_drawn(logits, {.temperature = 0.5}, {0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3});
    check_drawn(logits, {.top_k = 2}, {0, 4.0 / 7, 0, 3.0 / 7});
    check_drawn(logits, {.top_k = 9}, {0.1, 0.4, 0.2, 0.3});
    check_drawn(logits, {.top_p = 0.65}, {0, 4.0 / 7, 0, 3.0 / 7});
    check_drawn(logits, {.top_p = 0.75}, {0, 4.0 / 9, 2.0 / 9, 3.0 / 9});
    check_drawn(logits, {.top_p = 0.35}, {0, 1, 0, 0});
    // Of the three that are left, 4/9 and 3/9 are enough for 0.75, as they would not be of all.
    check_drawn(logits, {.top_k = 3, .top_p = 0.75}, {0, 4.0 / 7, 0, 3.0 / 7});
    check_drawn(logits, {.temperature = 0.5, .top_p = 0.8}, {0, 0.64, 0, 0.36});
    // Of equal ones the first.
    check_drawn<4>({1, 2, 2, 2}, {.top_k = 2}, {0, 0.5, 0.5, 0});
    check_drawn<4>({none, 0, none, std::log(3.0F)}, {}, {0, 0.25, 0, 0.75});
    check_drawn<4>({none, 0, none, std::log(3.0F)}, {.top_k = 3}, {0, 0.25, 0, 0.75});
}

TEST_CASE("of many symbols those are drawn that sorting finds") {
    constexpr std::size_t count = 203;
    std::array<float, count> many{};
    sequent::random_numbers random(3);
    for (float& logit : many) logit = static_cast<float>(2 * random.normal());
    many[7] = many[150];
    std::array<std::size_t, count> sorted{};
    std::iota(sorted.begin(), sorted.end(), std::size_t{0});
    std::ranges::stable_sort(sorted, std::greater<>(), [&](std::size_t at) { return many[at]; });
    for (const auto& [top_k, top_p] : std::vector<std::pair<int, double>>{
             {0, 1}, {0, 0.9}, {0, 0.5}, {0, 0.999}, {60, 1}, {60, 0.8}, {202, 0.95}}) {
        INFO("top_k " << top_k << ", top_p " << top_p);
        const auto probability = [&](std::size_t at) {
            return std::exp(static_cast<double>(many[at] - many[sorted[0]]) / 1.5);
        };
        std::size_t left = top_k > 0 ? static_cast<std::size_t>(top_k) : count;
        double sum = 0;
        for (std::size_t at = 0; at < left; ++at) sum += probability(sorted[at]);
        double passed = 0;
        std::size_t chosen = 0;
        while (chosen < left && passed < top_p * sum) passed += probability(sorted[chosen++]);
        std::array<double, count> expected{};
        for (std::size_t at = 0; at < chosen; ++at)
            expected[sorted[at]] = probability(sorted[at]) / passed;
        check_drawn(many, {.temperature = 1.5, .top_k = top_k, .top_p = top_p}, expected);
    }
}

TEST_CASE("at temperature 0 the first symbol of the highest logit is chosen") {
    for (const sampling settings : {sampling{.temperature = 0}, sampling{.top_k = 1}}) {
        CHECK(drawn<4>({1, 3, 3, 2}, settings, 3)[1] == 1);
        CHECK(drawn<3>({std::nanf(""), -5, -4}, settings, 3)[2] == 1);
        CHECK(drawn<3>({none, none, none}, settings, 3)[0] == 1);
    }
    CHECK(drawn<3>({none, none, none}, {}, 3)[0] == 1);
}

TEST_CASE("near temperature 0 the highest logit is drawn, at a very high one each symbol") {
    constexpr float most = std::numeric_limits<float>::max();
    for (const double temperature : {1e-300, 1e-308, 1e-310, 5e-324}) {
        INFO("temperature " << temperature);
        CHECK(drawn<4>({1, 2, 5, 3}, {.temperature = temperature}, 10)[2] == 1);
        CHECK(drawn<4>({-most, most, none, 0}, {.temperature = temperature}, 10)[1] == 1);
        CHECK(drawn<4>({1, 2, 5, 3}, {.temperature = temperature, .top_p = 1e-320}, 10)[2] == 1);
        // The limit of equal ones.
        check_drawn<4>({1, 5, 5, 3}, {.temperature = temperature}, {0, 0.5, 0.5, 0});
    }
    check_drawn<4>({1, 2, 5, none}, {.temperature = 1e308}, {1.0 / 3, 1.0 / 3, 1.0 / 3, 0});
    // Doubles whose difference is none: exp(-3.4) of each other.
    const std::array<double, 2> far{1.7e308, -1.7e308};
    sampler choose(2, {.temperature = 1e308}, 7);
    int lower = 0;
    for (int draw = 0; draw < 40000; ++draw) lower += choose(std::span<const double>(far));
    CHECK(std::abs(lower / 4e4 - std::exp(-3.4) / (1 + std::exp(-3.4))) < 5e-3);
}

TEST_CASE("logits that are no numbers are never drawn, infinite ones always") {
    const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
    for (const sampling settings : {sampling{},
                                    {.temperature = 0},
                                    {.top_k = 2},
                                    {.top_p = 0.5},
                                    {.top_k = 9, .top_p = 1e-9}}) {
        CHECK(drawn<5>({nan, none, 3, nan, none}, settings, 20)[2] == 1);
        CHECK(drawn<5>({nan, 3e38F, infinity, 0, infinity}, settings, 20)[2] == 1);
        CHECK(drawn<3>({nan, nan, nan}, settings, 20)[0] == 1);
    }
    check_drawn<4>({nan, 0, 0, -3e38F}, {.top_k = 4}, {0, 0.5, 0.5, 0});
}

TEST_CASE("the same seed draws the same symbols") {
    const auto sequence = [](sampler& choose) {
        std::vector<std::int32_t> result;
        for (int draw = 0; draw < 50; ++draw)
            result.push_back(choose(std::span<const float>(logits)));
        return result;
    };
    sampler first(4, {.top_p = 0.9}, 1), second(4, {.top_p = 0.9}, 1), other(4, {.top_p = 0.9}, 2);
    const auto drawn_first = sequence(first);
    CHECK(sequence(second) == drawn_first);
    CHECK(sequence(other) != drawn_first);
    const auto state = first.state();
    const auto later = sequence(first);
    first.restore(state);
    CHECK(sequence(first) == later);
    CHECK(later != drawn_first);

    // A row of an output, in double.
    std::array<double, 4> wide{0, 0, 9e9, 0};
    sequent::tensor_view<const double> row{wide.data(), 1, {4}, {1}};
    CHECK(first(row) == 2);
}

TEST_CASE("what is no row of logits is refused") {
    sampler choose(4);
    CHECK_THROWS_WITH(choose(std::span<const float>()), sequent_test::contains("no logits"));
    const std::array<float, 8> numbers{};
    const sequent::tensor_view<const float> table{numbers.data(), 2, {2, 4}, {4, 1}};
    const sequent::tensor_view<const float> strided{numbers.data(), 1, {4}, {2}};
    CHECK_THROWS_WITH(choose(table), sequent_test::contains("2 x 4"));
    CHECK_THROWS_WITH(choose(strided), sequent_test::contains("strided"));
}

TEST_CASE("settings that mean nothing are errors") {
    const auto fails = [](int vocabulary, sampling settings, const char* part) {
        CHECK_THROWS_WITH(sampler(vocabulary, settings), sequent_test::contains(part));
    };
    fails(0, {}, "vocabulary of a sampler is 0");
    fails(4, {.temperature = -1e-310}, "temperature of a sampler is -1e-310");
    fails(4, {.temperature = std::numeric_limits<double>::quiet_NaN()}, "sampler is nan");
    fails(4, {.temperature = std::numeric_limits<double>::infinity()}, "sampler is inf");
    fails(4, {.top_k = -2}, "top_k of a sampler is -2");
    fails(4, {.top_p = 0}, "top_p of a sampler is 0");
    fails(4, {.top_p = 1.5}, "top_p of a sampler is 1.5");
    fails(4, {.top_p = std::numeric_limits<double>::quiet_NaN()}, "top_p of a sampler is nan");
    CHECK_THROWS_AS(sampler(0), sequent::argument_error);
}
