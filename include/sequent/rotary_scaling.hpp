#pragma once

#include "config.hpp"

namespace sequent::inline SEQUENT_ABI {

/// The scaling of the angles of rotary position embeddings, for sequences longer than the
/// `original` positions of pretraining. f is the angle per position of a pair, w = 2 pi / f its
/// wavelength:
///
///     linear   f / factor
///     llama3   f if w < original / high, f / factor if w > original / low, between them a mixture
///              that is linear in original / w
///     yarn     f for pairs that make more than `high` turns in the original length, f / factor for
///              those that make less than `low` turns, between them a mixture that is linear in the
///              number of the pair (arXiv 2309.00071); scores are multiplied by attention()^2
struct rotary_scaling {
    /// The formulas above; `none` leaves the angles unchanged.
    enum class rule : unsigned char { none, linear, llama3, yarn };
    rule kind = rule::none;    ///< the formula
    unsigned char factor = 0;  ///< ratio of the new to the original length
    unsigned char low = 0;     ///< turns in the original length below which f is divided by factor
    unsigned char high = 0;    ///< turns in the original length above which f is unchanged
    int original = 0;          ///< positions of pretraining, of llama3 and yarn

    /// Compares all members.
    friend constexpr bool operator==(const rotary_scaling&, const rotary_scaling&) = default;

    /// The factor of queries and of keys: 0.1 ln(factor) + 1 for yarn with factor > 1, else 1
    /// (arXiv 2309.00071).
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
