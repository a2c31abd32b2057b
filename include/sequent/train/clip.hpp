#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "../fail.hpp"
#include "../model/thread_pool.hpp"
#include "../number_text.hpp"

namespace sequent::inline SEQUENT_ABI::train {

namespace detail {

/// Sum of the squares of all elements, each multiplied by `scale` first; computed in double.
template <std::floating_point T>
double sum_of_squares(std::span<const T> values, double scale) noexcept {
    // Independent sums vectorise, and their rounding errors grow less with the length.
    constexpr std::size_t width = 16;
    std::array<double, width> sums{};
    std::size_t at = 0;
    for (; at + width <= values.size(); at += width) {
        for (std::size_t lane = 0; lane < width; ++lane) {
            const auto x = static_cast<double>(values[at + lane]) * scale;
            sums[lane] += x * x;
        }
    }
    for (std::size_t lane = 0; at < values.size(); ++at, ++lane) {
        const auto x = static_cast<double>(values[at]) * scale;
        sums[lane] += x * x;
    }
    double sum = 0;
    for (const double part : sums) sum += part;
    return sum;
}

/// Norm of all elements times `scale`, in 64 parts, which run(tasks, f) computes one by one or on
/// several threads.
template <std::floating_point T, class Run>
double norm_of_parts(std::span<const T> values, double scale, Run run) noexcept {
    std::array<double, 64> sums{};
    const std::size_t part = (values.size() / sums.size() + 16) / 16 * 16;
    run(static_cast<int>(sums.size()), [&](int task) {
        const auto at = static_cast<std::size_t>(task);
        const std::size_t begin = std::min(values.size(), at * part);
        sums[at] =
            sum_of_squares(values.subspan(begin, std::min(part, values.size() - begin)), scale);
    });
    double sum = 0;
    for (const double each : sums) sum += each;
    return std::sqrt(sum);
}

/// Norm whose squares neither overflow nor underflow. Squares of float fit into double; if those of
/// double do not, the elements are scaled by a power of two that brings the greatest magnitude near
/// 1.
template <std::floating_point T, class Run>
double norm_with(std::span<const T> values, Run run) noexcept {
    const double plain = norm_of_parts(values, 1.0, run);
    if constexpr (sizeof(T) > sizeof(float)) {
        constexpr double least = 1e-140, most = std::numeric_limits<double>::max();
        if (plain < least || plain > most) {
            double greatest = 0;
            for (const T x : values) greatest = std::max(greatest, std::abs(double{x}));
            if (greatest == 0 || greatest > most) return greatest;
            int exponent = 0;
            std::frexp(greatest, &exponent);
            // For the least denormal, the factor 2^1073 would be infinite.
            exponent = std::max(exponent, -1000);
            return std::ldexp(norm_of_parts(values, std::ldexp(1.0, -exponent), run), exponent);
        }
    }
    return plain;
}

}  // namespace detail

/// A block of numbers of one type with `flat()`, such as the parameters or a gradient of a model.
template <class Block>
concept flat_block = requires(Block& block) {
    std::span(block.flat());
};

/// The element type of a block.
template <flat_block Block>
using number_of_block = std::remove_cvref_t<decltype(std::declval<Block&>().flat()[0])>;

/// The Euclidean norm of all elements, computed in double; finite whenever double can hold it.
template <std::floating_point T>
[[nodiscard]] double norm(std::span<const T> values) noexcept {
    return detail::norm_with(values, [](int tasks, auto part) {
        for (int task = 0; task < tasks; ++task) part(task);
    });
}

/// The same norm, computed on the threads of a pool; equal to the last bit.
template <std::floating_point T>
[[nodiscard]] double norm(std::span<const T> values, thread_pool& pool) noexcept {
    return detail::norm_with(values, [&](int tasks, auto part) { pool.run(tasks, part); });
}

/// The norm of a gradient, norm(*gradient).
template <flat_block Block>
[[nodiscard]] double norm(const Block& block) noexcept {
    return norm<number_of_block<Block>>(block.flat());
}
/// The norm of a gradient, computed on the threads of a pool; equal to the last bit.
template <flat_block Block>
[[nodiscard]] double norm(const Block& block, thread_pool& pool) noexcept {
    return norm<number_of_block<Block>>(block.flat(), pool);
}

/// The factor that scales a gradient of norm `norm` down to the norm `max_norm`; 1 if its norm is
/// not greater, or not finite.
///
/// Throws argument_error if `max_norm` is negative or NaN.
template <std::floating_point T>
[[nodiscard]] T clip_factor(double norm, T max_norm) {
    const auto most = static_cast<double>(max_norm);
    check_number<argument_error>(most >= 0, "clipping: max_norm", most, "a number of at least 0");
    return std::isfinite(norm) && norm > most ? static_cast<T>(most / norm) : T(1);
}

/// Scales `gradient` so that its Euclidean norm is at most `max_norm`. Returns the norm before, as
/// a double, because T may not be able to hold it. A gradient whose norm is not finite is left
/// unchanged: check the returned norm.
///
/// Throws argument_error if `max_norm` is negative or NaN; the gradient is then unchanged.
template <std::floating_point T>
double clip_by_norm(std::span<T> gradient, std::type_identity_t<T> max_norm) {
    const double before = norm<T>(gradient);
    const T factor = clip_factor<T>(before, max_norm);
    if (factor != T(1))
        for (T& x : gradient) x *= factor;
    return before;
}
/// The same for the gradient of a model, clip_by_norm(*gradient, 1).
template <flat_block Block>
double clip_by_norm(Block& gradient, double max_norm) {
    using T = number_of_block<Block>;
    return clip_by_norm<T>(std::span<T>(gradient.flat()), static_cast<T>(max_norm));
}

}  // namespace sequent::inline SEQUENT_ABI::train
