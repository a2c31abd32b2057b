#include <sequent/train/schedule.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "../catch.hpp"

namespace train = sequent::train;

// PyTorch 2.13: SequentialLR of LinearLR(start_factor = 1 / 5, total_iters = 4) and
// CosineAnnealingLR(T_max = 8, eta_min = 0.002), milestone 4, base rate 0.02; the rate before each
// of 13 steps.
constexpr std::array reference_rates{0.004,
                                     0.008,
                                     0.012,
                                     0.016,
                                     0.020000000000000004,
                                     0.019314915792601584,
                                     0.01736396103067893,
                                     0.01444415089128581,
                                     0.011000000000000001,
                                     0.007555849108714193,
                                     0.004636038969321073,
                                     0.0026850842073984195,
                                     0.002};

TEST_CASE("warm-up and cosine follow PyTorch's schedulers") {
    const train::warmup_cosine rate{
        .peak = 0.02, .floor = 0.002, .warmup_steps = 4, .total_steps = 12};
    for (std::size_t step = 0; step < reference_rates.size(); ++step) {
        INFO("step " << step);
        CHECK(rate(static_cast<std::int64_t>(step)) == Approx(reference_rates[step]));
    }
    CHECK(rate(4) == Approx(0.02));
    CHECK(rate(12) == 0.002);
    CHECK(rate(1'000'000) == 0.002);
}

TEST_CASE("a schedule without warm-up starts at its peak") {
    const train::warmup_cosine rate{.peak = 1, .floor = 0, .warmup_steps = 0, .total_steps = 10};
    CHECK(rate(0) == 1.0);
    CHECK(rate(5) == Approx(0.5));
    const train::warmup_cosine nothing{
        .peak = 1, .floor = 0.5, .warmup_steps = 0, .total_steps = 0};
    CHECK(nothing(0) == 0.5);
}

TEST_CASE("a schedule out of its range is an error") {
    const auto fails = [](const train::warmup_cosine& rate, std::int64_t step, const char* part) {
        CHECK_THROWS_AS(rate(step), std::invalid_argument);
        CHECK_THROWS_WITH(rate(step), sequent_test::contains(part));
    };
    fails({.peak = std::numeric_limits<double>::quiet_NaN()}, 0, "peak is nan");
    fails({.peak = -1e-3}, 0, "peak is -0.001");
    fails({.floor = std::numeric_limits<double>::infinity()}, 0, "floor is inf");
    fails({.warmup_steps = -1}, 0, "warmup_steps is -1, expected at least 0");
    fails({.warmup_steps = 10, .total_steps = 5}, 7, "total_steps is 5, expected at least 10");
    fails({}, -5, "step is -5");
    // No count overflows.
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const train::warmup_cosine endless{.peak = 1, .warmup_steps = most, .total_steps = most};
    CHECK(endless(most / 2) == Approx(0.5));
}
