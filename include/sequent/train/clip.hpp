#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include "../config.hpp"
#include "../model/thread_pool.hpp"

namespace sequent::inline SEQUENT_ABI::train {

namespace detail {

/// The sum of the squares of all elements, in double.
template <std::floating_point T>
double sum_of_squares(std::span<const T> values) noexcept {
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
    return sum;
}

/// The norm of values in 64 parts, which run(tasks, f) calls for one by one or on several threads.
template <std::floating_point T, class Run>
double norm_of_parts(std::span<const T> values, Run run) noexcept {
    std::array<double, 64> sums{};
    const std::size_t part = (values.size() / sums.size() + 16) / 16 * 16;
    run(static_cast<int>(sums.size()), [&](int task) {
        const auto at = static_cast<std::size_t>(task);
        const std::size_t begin = std::min(values.size(), at * part);
        sums[at] = sum_of_squares(values.subspan(begin, std::min(part, values.size() - begin)));
    });
    double sum = 0;
    for (const double each : sums) sum += each;
    return std::sqrt(sum);
}

}  // namespace detail

/// The Euclidean norm of all elements together, summed in double.
template <std::floating_point T>
double norm(std::span<const T> values) noexcept {
    return detail::norm_of_parts(values, [](int tasks, auto part) {
        for (int task = 0; task < tasks; ++task) part(task);
    });
}

/// The same number, on the threads of a pool.
template <std::floating_point T>
double norm(std::span<const T> values, thread_pool& pool) noexcept {
    return detail::norm_of_parts(values, [&](int tasks, auto part) { pool.run(tasks, part); });
}

/// What a gradient with this norm is to be multiplied by so that its norm is at most `max_norm`: 1
/// if it is, or if the norm is not finite.
template <std::floating_point T>
T clip_factor(double norm, T max_norm) noexcept {
    const auto most = static_cast<double>(max_norm);
    return std::isfinite(norm) && norm > most ? static_cast<T>(most / norm) : T(1);
}

/// Scales `gradient` so that its Euclidean norm is at most `max_norm`, and returns the norm that it
/// had. A gradient whose norm is not finite is left as it is: test what is returned.
template <std::floating_point T>
T clip_by_norm(std::span<T> gradient, std::type_identity_t<T> max_norm) noexcept {
    const double before = norm<T>(gradient);
    const T factor = clip_factor<T>(before, max_norm);
    if (factor != T(1))
        for (T& x : gradient) x *= factor;
    return static_cast<T>(before);
}

}  // namespace sequent::inline SEQUENT_ABI::train
