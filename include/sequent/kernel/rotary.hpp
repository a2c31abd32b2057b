#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../rotary_scaling.hpp"
#include "simd.hpp"
#include "tables.hpp"

/// Rotary and sinusoidal positions. The elements of a row form Length / 2 pairs, points of a plane;
/// pair k has the angle position * base^(-2k / Length) (arXiv 2104.09864, section 3.2.2; arXiv
/// 1706.03762, section 3.5). y may be x.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Which elements form pair k: `neighbours` (2k, 2k + 1), `halves` (k, k + Length / 2).
enum class pairing { neighbours, halves };

/// The angle of pair k at position 1 in radians: base^(-2k / length), scaled by `by`.
inline double angle_of_pair(int k, int length, double base, const rotary_scaling& by) noexcept {
    constexpr double circle = 6.283185307179586476925;
    const double angle = std::exp(-2.0 * std::log(base) / length * k);
    if (by.kind == rotary_scaling::rule::none) return angle;
    const double scaled = angle / by.factor;
    const auto mixture = [&](double share) { return (1 - share) * scaled + share * angle; };
    switch (by.kind) {
        case rotary_scaling::rule::linear:
            return scaled;
        case rotary_scaling::rule::llama3: {
            const double turns = by.original * angle / circle;
            return mixture(std::clamp((turns - by.low) / (by.high - by.low), 0.0, 1.0));
        }
        default:
            break;
    }
    // The pair that makes this number of turns in the original length.
    const auto pair_of = [&](double turns) {
        return length * std::log(by.original / (turns * circle)) / (2 * std::log(base));
    };
    const double first = std::max(std::floor(pair_of(by.high)), 0.0);
    const double last = std::min(std::ceil(pair_of(by.low)), length - 1.0);
    return mixture(1 - std::clamp((k - first) / std::max(last - first, 0.001), 0.0, 1.0));
}

/// Writes the cosines of a position's angles, then their sines, Length / 2 each.
template <int Length, class T>
inline void write_angles(double position, double base, T* to,
                         const rotary_scaling& scaling = {}) noexcept {
    static_assert(Length % 2 == 0, "pairs are turned: the length must be even");
    for (int k = 0; k < Length / 2; ++k) {
        const double angle = position * angle_of_pair(k, Length, base, scaling);
        to[k] = static_cast<T>(std::cos(angle));
        to[Length / 2 + k] = static_cast<T>(std::sin(angle));
    }
}

/// A table of write_angles for positions 0 to Positions - 1. Base is the bit pattern of the base:
/// not every compiler has template arguments of type double.
template <int Length, class T, int Positions, std::uint64_t Base,
          rotary_scaling Scaling = rotary_scaling{}>
class angle_table {
    static const T* made() {
        static const std::vector<T> table = [] {
            std::vector<T> result(static_cast<std::size_t>(Positions) * Length);
            for (int position = 0; position < Positions; ++position)
                write_angles<Length>(position, std::bit_cast<double>(Base),
                                     result.data() + static_cast<std::ptrdiff_t>(position) * Length,
                                     Scaling);
            return result;
        }();
        return table.data();
    }
    static inline const table_maker maker{[] { (void)made(); }};

  public:
    /// The cosines and sines of a position: Length elements.
    static const T* at(int position) noexcept {
        (void)&maker;
        return made() + static_cast<std::ptrdiff_t>(position) * Length;
    }
};

/// Rotates each pair of the first Turned elements by its angle, or by its negative if Back; copies
/// the other elements. angles: as write_angles<Turned> gives them.
template <int Length, pairing Pairing, bool Back, int Turned = Length, class T>
SEQUENT_INLINE void turn(const T* x, T* y, const T* angles) noexcept {
    constexpr int half = Turned / 2;
    constexpr int stride = Pairing == pairing::neighbours ? 2 : 1;
    constexpr int second = Pairing == pairing::neighbours ? 1 : half;
    T turned[Length];  // y may be x, which would prevent vectorization
    for (int k = 0; k < half; ++k) {
        const T a = x[stride * k];
        const T b = x[stride * k + second];
        const T c = angles[k];
        const T s = Back ? -angles[half + k] : angles[half + k];
        turned[stride * k] = a * c - b * s;
        turned[stride * k + second] = a * s + b * c;
    }
    for (int k = Turned; k < Length; ++k) turned[k] = x[k];
    for (int k = 0; k < Length; ++k) y[k] = turned[k];
}

/// y = x plus the sine of angle k in element 2k and its cosine in element 2k + 1.
template <int Length, class T>
SEQUENT_INLINE void add_waves(const T* x, T* y, const T* angles) noexcept {
    for (int k = 0; k < Length / 2; ++k) {
        y[2 * k] = x[2 * k] + angles[Length / 2 + k];
        y[2 * k + 1] = x[2 * k + 1] + angles[k];
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
