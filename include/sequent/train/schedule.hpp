#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

#include "../config.hpp"
#include "../fail.hpp"
#include "../number_text.hpp"

namespace sequent::inline SEQUENT_ABI::train {

/// The shape of the decay of a learning rate from `peak`. p is the fraction of the steps between
/// the end of the warm-up and `total_steps` that has passed, 0 <= p <= 1; n is the number of steps
/// since the warm-up.
enum class decay {
    constant,            ///< peak
    linear,              ///< peak + (floor - peak) p
    cosine,              ///< floor + (peak - floor) (1 + cos(pi p)) / 2 (arXiv 1608.03983, eq. 5)
    cosine_restarts,     ///< the same with p = (n mod every) / every
    geometric,           ///< peak (floor / peak)^p
    steps,               ///< peak factor^(n / every), at least floor
    inverse_square_root  ///< peak sqrt(w / (w + n)), at least floor; w = the warm-up or 1
};

/// A learning-rate schedule: the rate rises linearly over `warmup_steps` to `peak` and then decays
/// as `shape` says. Calling it with a step, counted from 0, returns the learning rate.
///
/// The call throws argument_error if a rate is negative or not finite, a number of steps is
/// negative, the warm-up is longer than `total_steps`, or `peak`, `floor`, `factor` or `every` is
/// not above 0 although the shape needs it.
struct schedule {
    /// Learning rate after the warm-up.
    double peak = 1e-3;
    /// Learning rate to which the decay leads.
    double floor = 0;
    /// Number of steps of the warm-up.
    std::int64_t warmup_steps = 0;
    /// Number of all steps, including the warm-up.
    std::int64_t total_steps = 1;
    /// Shape of the decay.
    decay shape = decay::cosine;
    double factor = 0.1;     ///< factor of each fall of decay::steps
    std::int64_t every = 1;  ///< steps from one fall or restart to the next

    /// The learning rate of a step.
    double operator()(std::int64_t step) const {
        check(step);
        // The 1 in both keeps the rate of the first step above zero.
        if (step < warmup_steps) {
            return peak *
                   ((static_cast<double>(step) + 1) / (static_cast<double>(warmup_steps) + 1));
        }
        const std::int64_t since = step - warmup_steps;
        const double passed =
            step >= total_steps
                ? 1
                : static_cast<double>(since) / static_cast<double>(total_steps - warmup_steps);
        switch (shape) {
            case decay::constant:
                return peak;
            case decay::linear:
                return peak + (floor - peak) * passed;
            case decay::cosine:
                return passed < 1 ? cosine(passed) : floor;
            case decay::cosine_restarts:
                return cosine(static_cast<double>(since % every) / static_cast<double>(every));
            case decay::geometric:
                return peak * std::pow(floor / peak, passed);
            case decay::steps:
                return std::max(floor, peak * std::pow(factor, static_cast<double>(since / every)));
            case decay::inverse_square_root:
                break;
        }
        const double scale = static_cast<double>(std::max<std::int64_t>(warmup_steps, 1));
        return std::max(floor, peak * std::sqrt(scale / (scale + static_cast<double>(since))));
    }

  private:
    double cosine(double passed) const {
        return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * passed));
    }

    void check(std::int64_t step) const {
        const auto rate = [](const char* what, double value, bool above_0 = false) {
            check_number<argument_error>(
                (above_0 ? value > 0 : value >= 0) && std::isfinite(value), what, value,
                above_0 ? "a finite number above 0" : "a finite number of at least 0");
        };
        const auto count = [](const char* what, std::int64_t value, std::int64_t least) {
            check_number<argument_error>(value >= least, what, static_cast<double>(value),
                                         "at least " + std::to_string(least));
        };
        rate("schedule: peak", peak, shape == decay::geometric);
        rate("schedule: floor", floor, shape == decay::geometric);
        if (shape == decay::steps) rate("schedule: factor", factor, true);
        if (shape == decay::steps || shape == decay::cosine_restarts)
            count("schedule: every", every, 1);
        count("schedule: warmup_steps", warmup_steps, 0);
        count("schedule: total_steps", total_steps, warmup_steps);
        count("schedule: step", step, 0);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::train
