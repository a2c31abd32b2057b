#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::train {

/// The learning rate of a step, counted from 0: it climbs in a straight line, reaches `peak` at
/// step `warmup_steps`, falls along half a cosine (Loshchilov and Hutter, arXiv 1608.03983,
/// equation 5, without restarts) to `floor` at step `total_steps`, and stays there.
struct warmup_cosine {
    double peak = 1e-3;
    double floor = 0;
    std::int64_t warmup_steps = 0;
    std::int64_t total_steps = 1;

    double operator()(std::int64_t step) const noexcept {
        // One more in both: the first step shall not be lost to a rate of zero.
        if (step < warmup_steps) {
            return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps + 1);
        }
        if (step >= total_steps) return floor;
        const double progress = static_cast<double>(step - warmup_steps) /
                                static_cast<double>(total_steps - warmup_steps);
        return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::train
