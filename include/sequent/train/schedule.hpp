#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <stdexcept>
#include <string>

#include "../config.hpp"
#include "../number_text.hpp"

namespace sequent::inline SEQUENT_ABI::train {

/// The learning rate of a step, counted from 0: it climbs in a straight line, reaches `peak` at
/// step `warmup_steps`, falls along half a cosine (Loshchilov and Hutter, arXiv 1608.03983,
/// equation 5, without restarts) to `floor` at step `total_steps`, and stays there.
///
/// The call throws std::invalid_argument if a rate is negative or not finite, a count of steps is
/// negative, or the warm-up is longer than the whole.
struct warmup_cosine {
    double peak = 1e-3;
    double floor = 0;
    std::int64_t warmup_steps = 0;
    std::int64_t total_steps = 1;

    double operator()(std::int64_t step) const {
        check(step);
        // One more in both: the first step shall not be lost to a rate of zero.
        if (step < warmup_steps) {
            return peak *
                   ((static_cast<double>(step) + 1) / (static_cast<double>(warmup_steps) + 1));
        }
        if (step >= total_steps) return floor;
        const double progress = static_cast<double>(step - warmup_steps) /
                                static_cast<double>(total_steps - warmup_steps);
        return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    }

  private:
    void check(std::int64_t step) const {
        const auto rate = [](const char* what, double value) {
            check_number<std::invalid_argument>(value >= 0 && std::isfinite(value), what, value,
                                                "a finite number of at least 0");
        };
        const auto count = [](const char* what, std::int64_t value, std::int64_t least) {
            check_number<std::invalid_argument>(value >= least, what, static_cast<double>(value),
                                                "at least " + std::to_string(least));
        };
        rate("warmup_cosine: peak", peak);
        rate("warmup_cosine: floor", floor);
        count("warmup_cosine: warmup_steps", warmup_steps, 0);
        count("warmup_cosine: total_steps", total_steps, warmup_steps);
        count("warmup_cosine: step", step, 0);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::train
