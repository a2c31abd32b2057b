#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::train {

/// The Euclidean norm of all elements together, summed in double.
template <std::floating_point T>
double norm(std::span<const T> values) noexcept {
    // Independent sums: they vectorise, and their rounding errors do not grow with the whole
    // length.
    constexpr std::size_t width = 16;
    std::array<double, width> sums{};
    std::size_t at = 0;
    for (; at + width <= values.size(); at += width) {
        for (std::size_t lane = 0; lane < width; ++lane) {
            const auto x = static_cast<double>(values[at + lane]);
            sums[lane] += x * x;
        }
    }
    for (std::size_t lane = 0; at < values.size(); ++at, ++lane) {
        const auto x = static_cast<double>(values[at]);
        sums[lane] += x * x;
    }
    double sum = 0;
    for (const double part : sums) sum += part;
    return std::sqrt(sum);
}

/// Scales `gradient` so that its Euclidean norm is at most `max_norm`, and returns the norm that it
/// had. A gradient whose norm is not finite is left as it is: test what is returned.
template <std::floating_point T>
T clip_by_norm(std::span<T> gradient, std::type_identity_t<T> max_norm) noexcept {
    const double before = norm<T>(gradient);
    if (std::isfinite(before) && before > static_cast<double>(max_norm)) {
        const T factor = static_cast<T>(static_cast<double>(max_norm) / before);
        for (T& x : gradient) x *= factor;
    }
    return static_cast<T>(before);
}

}  // namespace sequent::inline SEQUENT_ABI::train
