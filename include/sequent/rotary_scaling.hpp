#pragma once

#include "config.hpp"

namespace sequent::inline SEQUENT_ABI {

/// How the angles of rotary positions are scaled for sequences longer than those of pretraining, of
/// `original` positions. Of the angle f of one position and the wavelength w = 2 pi / f of each
/// pair:
///
///     linear   f / factor
///     llama3   f where w < original / high, f / factor where w > original / low, between them a
///              mixture, linear in original / w
///     yarn     f for pairs that turn more often than `high` times in the original length, f /
///              factor for those that turn less often than `low` times, a mixture linear in the
///              pair between them (arXiv 2309.00071); scores grow by attention()^2
struct rotary_scaling {
    enum class rule : unsigned char { none, linear, llama3, yarn };
    rule kind = rule::none;
    unsigned char factor = 0;
    unsigned char low = 0;
    unsigned char high = 0;
    int original = 0;

    friend constexpr bool operator==(const rotary_scaling&, const rotary_scaling&) = default;

    /// What queries and keys are multiplied by.
    constexpr double attention() const {
        if (kind != rule::yarn || factor <= 1) return 1;
        // ln(factor) by its series in (x - 1) / (x + 1), after halving.
        double x = factor;
        double result = 0;
        for (; x > 1.5; x /= 2) result += 0.69314718055994530942;
        const double z = (x - 1) / (x + 1);
        double power = z;
        for (int n = 1; n < 60; n += 2, power *= z * z) result += 2 * power / n;
        return 0.1 * result + 1;
    }
};

}  // namespace sequent::inline SEQUENT_ABI
