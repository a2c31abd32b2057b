#include <sequent/train/clip.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include "../catch.hpp"
#include "numbers.hpp"

namespace train = sequent::train;
using namespace train_test;

// PyTorch 2.13, double: clip_grad_norm_ with max_norm 0.75 of the gradient sequence(19, 5, 13, 6,
// 8).
namespace reference {
constexpr double norm = 2.1213203435596424;
constexpr std::array clipped{-0.2651649179450143,  -0.04419415299083571,
                             0.17677661196334285,  -0.17677661196334285,
                             0.04419415299083571,  0.2651649179450143,
                             -0.08838830598167143, 0.13258245897250714,
                             -0.22097076495417856, 0.0,
                             0.22097076495417856,  -0.13258245897250714,
                             0.08838830598167143,  -0.2651649179450143,
                             -0.04419415299083571, 0.17677661196334285,
                             -0.17677661196334285, 0.04419415299083571,
                             0.2651649179450143};
}  // namespace reference

TEST_CASE("clipping scales to the norm asked for and returns the one before, as PyTorch does") {
    auto gradient = sequence<double>(19, 5, 13, 6, 8);
    CHECK(is_near(train::clip_by_norm(std::span(gradient), 0.75), reference::norm, 1e-15));
    // PyTorch adds 1e-6 to the norm that it divides by.
    check_near(gradient, reference::clipped, 1e-6);
    CHECK(is_near(train::norm<double>(gradient), 0.75, 1e-15));

    auto single = sequence<float>(19, 5, 13, 6, 8);
    CHECK(is_near(train::clip_by_norm(std::span(single), 0.75F), reference::norm, 1e-6));
    check_near(single, reference::clipped, 1e-6);
}

TEST_CASE("a gradient within the norm stays as it is") {
    auto gradient = sequence<float>(19);
    const auto before = gradient;
    const double norm = train::clip_by_norm(std::span(gradient), 1e3F);
    CHECK(gradient == before);
    CHECK(norm > 0);
    std::vector<float> zero(5);
    CHECK(train::clip_by_norm(std::span(zero), 1.0F) == 0);
    CHECK(zero == std::vector<float>(5));
}

TEST_CASE("the norm of many and of large floats is sound") {
    // Summed one after another in float, the sum of squares would stop at 2^24.
    std::vector<float> ones(40'000'000, 1.0F);
    CHECK(is_near(train::norm<float>(ones), std::sqrt(4e7), 1e-12));
    // Their squares overflow in float.
    std::vector<float> large(4, 1e30F);
    CHECK(is_near(train::clip_by_norm(std::span(large), 2.0F), 2e30, 1e-6));
    check_near(large, std::vector<double>(4, 1.0), 1e-6);
    // Their norm does.
    std::vector<float> largest{3e38F, 3e38F};
    CHECK(train::clip_by_norm(std::span(largest), 1.0F) ==
          Approx(std::sqrt(2.0) * 3e38).epsilon(1e-7));
    check_near(largest, std::vector<double>(2, std::sqrt(0.5)), 1e-5);
}

TEST_CASE("the norm of doubles is sound where their squares overflow or vanish") {
    sequent::thread_pool pool(2);
    for (const double size : {1e200, 1e-200, 4.2e153, 1.1e-162, 1e-310}) {
        INFO("size " << size);
        const std::vector<double> values{3 * size, 0, -4 * size, 12 * size};
        CHECK(train::norm<double>(values) / (13 * size) == Approx(1).epsilon(1e-12));
        CHECK(train::norm<double>(values, pool) == train::norm<double>(values));
        std::vector<double> clipped = values;
        CHECK(train::clip_by_norm(std::span(clipped), 6.5 * size) / (13 * size) ==
              Approx(1).epsilon(1e-12));
        CHECK(clipped[3] / (6 * size) == Approx(1).epsilon(1e-12));
    }
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(train::norm<double>(std::vector<double>{1e200, -infinity}) == infinity);
    CHECK(std::isnan(train::norm<double>(std::vector<double>{1e200, std::nan("")})));
    CHECK(train::norm<double>(std::vector<double>(3)) == 0);
}

TEST_CASE("a bound of the norm that is negative or not a number is an error") {
    for (const float bound : {-1.0F, std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> gradient{1, 2};
        CHECK_THROWS_AS(train::clip_by_norm(std::span(gradient), bound), std::invalid_argument);
        CHECK_THROWS_WITH(train::clip_factor(3.0, bound),
                          sequent_test::contains("clipping: max_norm is"));
        CHECK(gradient == std::vector<float>{1, 2});
    }
    std::vector<float> gradient{3, 4};
    CHECK(train::clip_by_norm(std::span(gradient), 0.0F) == 5);
    CHECK(gradient == std::vector<float>{0, 0});
}

TEST_CASE("the norm is the same on any number of threads") {
    for (const int size : {0, 3, 1000, 100'001}) {
        const auto gradient = sequence<float>(size, 5, 13, 6, 8);
        const double expected = train::norm<float>(gradient);
        for (const int threads : {1, 2, 3}) {
            sequent::thread_pool pool(threads);
            CHECK(train::norm<float>(gradient, pool) == expected);
        }
    }
}

TEST_CASE("the factor of clipping is 1 where nothing is to be clipped") {
    CHECK(train::clip_factor(4.0, 1.0F) == 0.25F);
    CHECK(train::clip_factor(1.0, 1.0F) == 1.0F);
    CHECK(train::clip_factor(0.0, 1.0) == 1.0);
    CHECK(train::clip_factor(std::numeric_limits<double>::infinity(), 1.0F) == 1.0F);
    CHECK(train::clip_factor(std::numeric_limits<double>::quiet_NaN(), 1.0F) == 1.0F);
}

TEST_CASE("a gradient that is not finite is reported and left alone") {
    std::vector<float> gradient{1.0F, std::numeric_limits<float>::infinity(), 2.0F};
    CHECK(std::isinf(train::clip_by_norm(std::span(gradient), 1.0F)));
    CHECK(gradient[0] == 1.0F);
    gradient[1] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(train::clip_by_norm(std::span(gradient), 1.0F)));
    CHECK(gradient[2] == 2.0F);
}
