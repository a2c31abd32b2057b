#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include "../fail.hpp"
#include "../joined_text.hpp"
#include "../kernel/math.hpp"
#include "../kernel/simd.hpp"

namespace sequent::inline SEQUENT_ABI::train {

namespace detail {

/// Calls f(at, count) for each vector of a row: `count` is an integral constant, the lanes in use.
template <int Size, class T, class F>
SEQUENT_INLINE void for_each_part(F f) noexcept {
    constexpr int width = kernel::lanes<T>;
    constexpr int whole = Size / width * width;
    for (int at = 0; at < whole; at += width) f(at, std::integral_constant<int, width>{});
    if constexpr (whole < Size) f(whole, std::integral_constant<int, Size - whole>{});
}

/// -log softmax(logits)[target] of one row; writes factor * (softmax - one-hot) where asked to.
template <int Classes, bool WithGradient, class T>
double cross_entropy_row(const T* logits, std::int32_t target, T* gradient, T factor) noexcept {
    using kernel::batch;
    auto best = kernel::set(-std::numeric_limits<T>::infinity());
    for_each_part<Classes, T>([&](int at, auto count) {
        const auto x = kernel::load_first<count()>(logits + at);
        best = xsimd::max(best, kernel::keep_first<count()>(x, best));
    });
    // Subtracting the greatest logit changes nothing in the quotient and keeps exp from
    // overflowing.
    const T greatest = kernel::reduce_max(best);
    auto sums = kernel::zero<T>();
    for_each_part<Classes, T>([&](int at, auto count) {
        const auto x = kernel::load_first<count()>(logits + at);
        const auto e = kernel::exp(x - kernel::set(greatest));
        sums += kernel::keep_first<count()>(e, kernel::zero<T>());
        if constexpr (WithGradient) kernel::store_first<count()>(gradient + at, e);
    });
    const T sum = kernel::reduce_add(sums);
    if constexpr (WithGradient) {
        const auto scale = kernel::set(factor / sum);
        for_each_part<Classes, T>([&](int at, auto count) {
            const auto e = kernel::load_first<count()>(gradient + at);
            kernel::store_first<count()>(gradient + at, e * scale);
        });
        gradient[target] -= factor;
    }
    // In double, as the difference of two floats may be beyond float and the mean of rows within.
    return static_cast<double>(std::log(sum)) +
           (static_cast<double>(greatest) - static_cast<double>(logits[target]));
}

SEQUENT_LAZY
inline void check_targets(std::span<const std::int32_t> targets, int rows, int classes) {
    check_size("the targets of cross_entropy", targets.size(), static_cast<std::size_t>(rows));
    for (std::size_t row = 0; row < targets.size(); ++row)
        if (targets[row] < 0 || targets[row] >= classes)
            fail_with<argument_error>({"sequent: cross_entropy has the target ", targets[row],
                                       " in row ", row, ", beyond its ", classes,
                                       " classes; there is no index that is ignored"});
}

template <int Rows, int Classes, bool WithGradient, class T>
T cross_entropy(const T* logits, std::span<const std::int32_t> targets, T* gradient, T scale) {
    static_assert(Rows > 0 && Classes > 0);
    check_targets(targets, Rows, Classes);
    double sum = 0;
    for (int row = 0; row < Rows; ++row) {
        const std::int32_t target = targets[static_cast<std::size_t>(row)];
        const std::ptrdiff_t at = std::ptrdiff_t{row} * Classes;
        sum += cross_entropy_row<Classes, WithGradient>(
            logits + at, target, WithGradient ? gradient + at : nullptr, scale / T(Rows));
    }
    return static_cast<T>(sum / Rows);
}

/// The squared error of numbers whose differences, squares or sum of squares overflow in T: in
/// double, relative to the greatest of the halved differences.
template <class T>
T large_squared_error(const T* values, const T* targets, T* gradient, int size, T scale) noexcept {
    const auto half = [&](int at) {
        return static_cast<double>(values[at]) * 0.5 - static_cast<double>(targets[at]) * 0.5;
    };
    double greatest = 0;
    for (int at = 0; at < size; ++at) {
        const double magnitude = std::abs(half(at));
        if (!(magnitude <= greatest) && !std::isnan(greatest)) greatest = magnitude;
        if (gradient == nullptr) continue;
        gradient[at] = static_cast<T>(half(at) * (4 * (static_cast<double>(scale) / size)));
    }
    if (!std::isfinite(greatest)) return static_cast<T>(greatest);
    double sum = 0;
    for (int at = 0; at < size; ++at) sum += half(at) / greatest * (half(at) / greatest);
    const double root = 2 * greatest * std::sqrt(sum / size);
    return static_cast<T>(root * root);
}

}  // namespace detail

/// The mean over rows of -log softmax(logits[row])[targets[row]], in nats, and its gradient with
/// respect to the logits, times `scale`: gradient = scale * (softmax - one-hot) / Rows.
///
/// `logits` and `gradient`: Rows x Classes, row-major, without gaps; `gradient` is overwritten.
/// `targets`: Rows classes, 0 <= class < Classes. No target is ignored: where some rows are not to
/// count (PyTorch's ignore_index), call it for the others.
///
/// Throws argument_error if the targets are not that many or one is no class; then nothing is
/// written.
template <int Rows, int Classes, class T>
T cross_entropy(const T* logits, std::span<const std::int32_t> targets, T* gradient,
                std::type_identity_t<T> scale = 1) {
    return detail::cross_entropy<Rows, Classes, true, T>(logits, targets, gradient, scale);
}

/// The loss alone.
template <int Rows, int Classes, class T>
T cross_entropy(const T* logits, std::span<const std::int32_t> targets) {
    return detail::cross_entropy<Rows, Classes, false, T>(logits, targets, nullptr, T(1));
}

/// The mean over all elements of (value - target)^2, and its gradient with respect to the values,
/// times `scale`: gradient = scale * 2 (value - target) / Size.
///
/// All three arrays have Size elements and do not overlap; `gradient` is overwritten and may be
/// null.
template <int Size, class T>
T squared_error(const T* values, const T* targets, T* gradient,
                std::type_identity_t<T> scale = 1) noexcept {
    static_assert(Size > 0);
    const auto factor = kernel::set(scale * T(2) / T(Size));
    auto sums = kernel::zero<T>();
    detail::for_each_part<Size, T>([&](int at, auto count) {
        const auto difference =
            kernel::load_first<count()>(values + at) - kernel::load_first<count()>(targets + at);
        sums += difference * difference;
        if (gradient != nullptr) kernel::store_first<count()>(gradient + at, difference * factor);
    });
    const T sum = kernel::reduce_add(sums);
    if (std::isfinite(sum)) return sum / T(Size);
    return detail::large_squared_error<T>(values, targets, gradient, Size, scale);
}

/// The loss alone.
template <int Size, class T>
T squared_error(const T* values, const T* targets) noexcept {
    return squared_error<Size, T>(values, targets, nullptr);
}

}  // namespace sequent::inline SEQUENT_ABI::train
