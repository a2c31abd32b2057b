#include <sequent/train/schedule.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

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
    const train::schedule rate{.peak = 0.02, .floor = 0.002, .warmup_steps = 4, .total_steps = 12};
    for (std::size_t step = 0; step < reference_rates.size(); ++step) {
        INFO("step " << step);
        CHECK(rate(static_cast<std::int64_t>(step)) == Approx(reference_rates[step]));
    }
    CHECK(rate(4) == Approx(0.02));
    CHECK(rate(12) == 0.002);
    CHECK(rate(1'000'000) == 0.002);
}

TEST_CASE("a schedule without warm-up starts at its peak") {
    const train::schedule rate{.peak = 1, .floor = 0, .warmup_steps = 0, .total_steps = 10};
    CHECK(rate(0) == 1.0);
    CHECK(rate(5) == Approx(0.5));
    const train::schedule nothing{.peak = 1, .floor = 0.5, .warmup_steps = 0, .total_steps = 0};
    CHECK(nothing(0) == 0.5);
}

TEST_CASE("a schedule out of its range is an error") {
    const auto fails = [](const train::schedule& rate, std::int64_t step, const char* part) {
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
    const train::schedule endless{.peak = 1, .warmup_steps = most, .total_steps = most};
    CHECK(endless(most / 2) == Approx(0.5));
}

TEST_CASE("the other shapes of a schedule follow PyTorch's schedulers") {
    const auto follows = [](const train::schedule& rate, const std::vector<double>& expected) {
        for (std::size_t step = 0; step < expected.size(); ++step) {
            INFO("step " << step);
            CHECK(rate(static_cast<std::int64_t>(step)) == Approx(expected[step]));
        }
    };
    // LinearLR(1, 0.1, total_iters = 5), StepLR(2, 0.5), CosineAnnealingWarmRestarts(3, eta_min =
    // 0.002), ExponentialLR(0.1^(1 / 5)) for 5 steps.
    using enum train::decay;
    follows({.peak = 0.02, .floor = 0.002, .total_steps = 5, .shape = linear},
            {0.02, 0.0164, 0.0128, 0.0092, 0.0056, 0.002, 0.002});
    follows({.peak = 0.02, .shape = steps, .factor = 0.5, .every = 2},
            {0.02, 0.02, 0.01, 0.01, 0.005, 0.005, 0.0025});
    follows({.peak = 0.02, .floor = 0.002, .shape = cosine_restarts, .every = 3},
            {0.02, 0.0155, 0.0065, 0.02, 0.0155, 0.0065, 0.02});
    follows({.peak = 0.02, .floor = 0.002, .total_steps = 5, .shape = geometric},
            {0.02, 0.012619146889603866, 0.007962143411069946, 0.005023772863019161,
             0.0031697863849222275, 0.002, 0.002});
    follows({.peak = 0.02, .warmup_steps = 1, .shape = constant}, {0.01, 0.02, 0.02});
    // peak sqrt(4 / step) beyond the warm-up of 4 steps.
    follows({.peak = 0.02,
             .floor = 0.005,
             .warmup_steps = 4,
             .total_steps = 9,
             .shape = inverse_square_root},
            {0.004, 0.008, 0.012, 0.016, 0.02, 0.02 * std::sqrt(0.8)});
    CHECK(train::schedule{.floor = 0.5, .shape = inverse_square_root}(1'000'000) == 0.5);
    CHECK_THROWS_WITH(train::schedule{.shape = geometric}(0), sequent_test::contains("floor"));
    CHECK_THROWS_WITH((train::schedule{.shape = steps, .every = 0}(0)),
                      sequent_test::contains("every"));
}
