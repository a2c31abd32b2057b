#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "../fail.hpp"
#include "../joined_text.hpp"
#include "../kernel/math.hpp"
#include "../kernel/simd.hpp"
#include "../model/tensor_view.hpp"
#include "../model/view_of.hpp"
#include "../number_text.hpp"

/// Losses and their gradients. Each takes the outputs as a view, the targets as a span and,
/// optionally, a view for the gradient, which has the same extents and is overwritten. Rows are the
/// last dimension of a view; their elements are adjacent. `scale` multiplies only the gradient: use
/// 1 / samples for the mean over a batch.

namespace sequent::inline SEQUENT_ABI::train {

/// Default of `ignored`: no target is ignored.
inline constexpr std::int32_t ignore_nothing = std::numeric_limits<std::int32_t>::min();

/// Options of cross-entropy with class targets.
struct cross_entropy_options {
    /// Factor of the gradient.
    double scale = 1;
    /// The probability that is spread evenly over all classes, at least 0 and below 1 (Szegedy et
    /// al., arXiv 1512.00567, section 7).
    double label_smoothing = 0;
    /// Rows with this target are ignored: they do not count in the mean, and their gradient is
    /// zero.
    std::int32_t ignored = ignore_nothing;
};

namespace detail {

/// The rows of a view: their number, their length, and the address of each.
template <class T>
struct rows_of_view {
    tensor_view<T> view;
    int length = 0;
    int count = 0;

    T* row(int at) const noexcept {
        std::ptrdiff_t offset = 0;
        for (int axis = view.rank - 1; axis-- > 0;) {
            const int extent = view.extents[static_cast<std::size_t>(axis)];
            offset += std::ptrdiff_t{at % extent} * view.strides[static_cast<std::size_t>(axis)];
            at /= extent;
        }
        return view.data + offset;
    }
};

/// Throws argument_error unless the elements of a row are adjacent.
template <class T>
rows_of_view<T> rows_of(const char* loss, const tensor_view<T>& view) {
    if (view.rank == 0) return {view, 1, 1};
    const auto last = static_cast<std::size_t>(view.rank - 1);
    if (view.strides[last] != 1 && view.extents[last] > 1)
        fail_with<argument_error>(
            {"sequent: ", loss, " takes views whose rows are contiguous; this one has the stride ",
             view.strides[last]});
    const int length = view.extents[last];
    return {view, length, length > 0 ? view.size() / length : 0};
}

/// Throws argument_error unless both views have the same extents.
SEQUENT_LAZY
inline void check_same_extents(const char* loss, int rank, const int* extents, int other_rank,
                               const int* others) {
    if (rank == other_rank && std::equal(extents, extents + rank, others)) return;
    const auto text = [](int dimensions, const int* sizes) {
        std::string result;
        for (int axis = 0; axis < dimensions; ++axis)
            result += (axis > 0 ? " x " : "") + std::to_string(sizes[axis]);
        return result;
    };
    fail_with<argument_error>({"sequent: ", loss, ": the gradient has the extents ",
                               text(other_rank, others), ", the output ", text(rank, extents)});
}

/// The rows of a gradient; none if the view has no data, which means that no gradient is wanted.
template <class T>
rows_of_view<T> rows_of_gradient(const char* loss, const tensor_view<const T>& output,
                                 const tensor_view<T>& gradient) {
    if (gradient.data == nullptr) return {};
    check_same_extents(loss, output.rank, output.extents.data(), gradient.rank,
                       gradient.extents.data());
    return rows_of(loss, gradient);
}

/// Calls f(at, x, count) for each vector of a row; elements beyond the end are minus infinity.
template <class T, class F>
SEQUENT_INLINE void for_each_part(const T* row, int length, F f) noexcept {
    constexpr int width = kernel::lanes<T>;
    int at = 0;
    for (; at + width <= length; at += width) f(at, kernel::load(row + at), width);
    if (at == length) return;
    alignas(kernel::batch<T>) T rest[width];
    for (int lane = 0; lane < width; ++lane)
        rest[lane] = at + lane < length ? row[at + lane] : -std::numeric_limits<T>::infinity();
    f(at, kernel::load(rest), length - at);
}

/// log(sum of exp(logit)) - greatest, and the greatest. Writes exp(logit - greatest) to `powers`
/// unless that is null.
struct row_sum {
    double log_sum;
    double greatest;
    double sum;
};
template <class T>
row_sum sum_of_powers(const T* logits, int classes, T* powers) noexcept {
    auto best = kernel::set(-std::numeric_limits<T>::infinity());
    for_each_part(logits, classes, [&](int, auto x, int) { best = xsimd::max(best, x); });
    // Subtracting the greatest logit does not change the quotient and keeps exp from overflowing.
    const T greatest = kernel::reduce_max(best);
    auto sums = kernel::zero<T>();
    for_each_part(logits, classes, [&](int at, auto x, int count) {
        const auto e = kernel::exp(x - kernel::set(greatest));
        sums += e;
        if (powers == nullptr) return;
        if (count == kernel::lanes<T>)
            kernel::store(powers + at, e);
        else
            kernel::store_first(powers + at, e, count);
    });
    const T sum = kernel::reduce_add(sums);
    return {static_cast<double>(std::log(sum)), static_cast<double>(greatest),
            static_cast<double>(sum)};
}

/// Multiplies a row by a number.
template <class T>
void scale_row(T* row, int length, T factor) noexcept {
    constexpr int width = kernel::lanes<T>;
    int at = 0;
    for (; at + width <= length; at += width)
        kernel::store(row + at, kernel::load(row + at) * kernel::set(factor));
    for (; at < length; ++at) row[at] *= factor;
}

SEQUENT_LAZY
inline void check_targets(std::span<const std::int32_t> targets, int rows, int classes,
                          const cross_entropy_options& options) {
    check_size("the targets of cross_entropy", targets.size(), static_cast<std::size_t>(rows));
    check_number<argument_error>(options.label_smoothing >= 0 && options.label_smoothing < 1,
                                 "sequent: cross_entropy: label_smoothing", options.label_smoothing,
                                 "at least 0 and below 1");
    for (std::size_t row = 0; row < targets.size(); ++row)
        if ((targets[row] < 0 || targets[row] >= classes) && targets[row] != options.ignored)
            fail_with<argument_error>({"sequent: cross_entropy has the target ", targets[row],
                                       " in row ", row, ", beyond its ", classes,
                                       " classes; the option `ignored` names a target that does "
                                       "not count"});
}

/// The loss of one element, times a factor, and its derivative with respect to the output.
struct element_loss {
    double value;
    double slope;
};

/// The mean over elements of kind(x, target, 1).value; writes scale * slope / size. A sum that
/// overflows where the mean does not is computed again with the factor 1 / size.
template <class T, class Kind>
T mean_of_elements(const char* loss, const tensor_view<const T>& values, std::span<const T> targets,
                   const tensor_view<T>& gradient, double scale, Kind kind) {
    const rows_of_view<const T> rows = rows_of(loss, values);
    const rows_of_view<T> gradients = rows_of_gradient<T>(loss, values, gradient);
    const auto size = static_cast<std::size_t>(rows.count) * static_cast<std::size_t>(rows.length);
    check_size(joined_text({"the targets of ", loss}).c_str(), targets.size(), size);
    if (size == 0) return T(0);
    const auto pass = [&](double factor, bool writes) {
        double sum = 0;
        const T* target = targets.data();
        for (int row = 0; row < rows.count; ++row) {
            const T* x = rows.row(row);
            T* slopes = writes ? gradients.row(row) : nullptr;
            for (int at = 0; at < rows.length; ++at, ++target) {
                const element_loss found =
                    kind(static_cast<double>(x[at]), static_cast<double>(*target), factor);
                sum += found.value;
                if (slopes != nullptr)
                    slopes[at] = static_cast<T>(found.slope * (scale / static_cast<double>(size)));
            }
        }
        return sum;
    };
    const double sum = pass(1, gradient.data != nullptr);
    if (std::isfinite(sum)) return static_cast<T>(sum / static_cast<double>(size));
    return static_cast<T>(pass(1 / static_cast<double>(size), false));
}

template <class U>
using number_of = std::remove_const_t<U>;
template <class U>
using values_view = std::type_identity_t<tensor_view<const number_of<U>>>;
template <class U>
using gradient_view = std::type_identity_t<tensor_view<number_of<U>>>;
template <class U>
using target_span = std::type_identity_t<std::span<const number_of<U>>>;

}  // namespace detail

/// Cross-entropy of class targets: the mean over rows of -log softmax(logits[row])[targets[row]],
/// in nats. The gradient is scale * (softmax - one-hot) / rows. Ignored rows do not count; if all
/// are ignored, the loss is 0.
///
/// logits: rows x classes, or classes for a single row; targets: a class for each row.
///
/// Throws argument_error if there is not one target for each row, if a target is not a class, if
/// label_smoothing is out of range, if a row is not contiguous, or if the gradient has other
/// extents; then nothing is written.
template <class U, class T = detail::number_of<U>>
T cross_entropy(const tensor_view<U>& logits, std::span<const std::int32_t> targets,
                const detail::gradient_view<U>& gradient,
                const cross_entropy_options& options = {}) {
    const detail::rows_of_view<const T> rows = detail::rows_of<const T>(
        "cross_entropy", {logits.data, logits.rank, logits.extents, logits.strides});
    const detail::rows_of_view<T> gradients = detail::rows_of_gradient<T>(
        "cross_entropy", {logits.data, logits.rank, logits.extents, logits.strides}, gradient);
    detail::check_targets(targets, rows.count, rows.length, options);
    const auto ignored = std::count(targets.begin(), targets.end(), options.ignored);
    const double counted = static_cast<double>(rows.count - ignored);
    const double share = options.label_smoothing / rows.length;
    double sum = 0;
    for (int row = 0; row < rows.count; ++row) {
        const std::int32_t target = targets[static_cast<std::size_t>(row)];
        T* slopes = gradient.data != nullptr ? gradients.row(row) : nullptr;
        if (target == options.ignored) {
            if (slopes != nullptr) std::fill_n(slopes, rows.length, T(0));
            continue;
        }
        const T* x = rows.row(row);
        const detail::row_sum powers = detail::sum_of_powers(x, rows.length, slopes);
        // In double: the difference of two floats may exceed float although the mean does not.
        const auto loss_of = [&](T logit) {
            return powers.log_sum + (powers.greatest - static_cast<double>(logit));
        };
        double loss = (1 - options.label_smoothing) * loss_of(x[target]);
        if (share > 0)
            for (int at = 0; at < rows.length; ++at) loss += share * loss_of(x[at]);
        sum += loss;
        if (slopes == nullptr) continue;
        const double factor = options.scale / counted;
        detail::scale_row(slopes, rows.length, static_cast<T>(factor / powers.sum));
        slopes[target] -= static_cast<T>(factor * (1 - options.label_smoothing));
        if (share > 0)
            for (int at = 0; at < rows.length; ++at) slopes[at] -= static_cast<T>(factor * share);
    }
    return counted > 0 ? static_cast<T>(sum / counted) : T(0);
}

/// Cross-entropy of target distributions: the mean over rows of -sum over classes of target * log
/// softmax(logits), in nats. targets: rows x classes, row-major. Throws argument_error if the sizes
/// do not match.
template <class U, class T = detail::number_of<U>>
T cross_entropy(const tensor_view<U>& logits, const detail::target_span<U>& targets,
                const detail::gradient_view<U>& gradient, double scale = 1) {
    const tensor_view<const T> values{logits.data, logits.rank, logits.extents, logits.strides};
    const detail::rows_of_view<const T> rows = detail::rows_of("cross_entropy", values);
    const detail::rows_of_view<T> gradients =
        detail::rows_of_gradient<T>("cross_entropy", values, gradient);
    check_size("the targets of cross_entropy", targets.size(),
               static_cast<std::size_t>(rows.count) * static_cast<std::size_t>(rows.length));
    double sum = 0;
    for (int row = 0; row < rows.count; ++row) {
        const T* x = rows.row(row);
        const T* target = targets.data() + std::ptrdiff_t{row} * rows.length;
        T* slopes = gradient.data != nullptr ? gradients.row(row) : nullptr;
        const detail::row_sum powers = detail::sum_of_powers(x, rows.length, slopes);
        double weight = 0;
        for (int at = 0; at < rows.length; ++at) {
            const auto share = static_cast<double>(target[at]);
            weight += share;
            if (share != 0)
                sum += share * (powers.log_sum + (powers.greatest - static_cast<double>(x[at])));
        }
        if (slopes == nullptr) continue;
        const double factor = scale / rows.count;
        detail::scale_row(slopes, rows.length, static_cast<T>(factor * weight / powers.sum));
        for (int at = 0; at < rows.length; ++at)
            slopes[at] -= static_cast<T>(factor * static_cast<double>(target[at]));
    }
    return rows.count > 0 ? static_cast<T>(sum / rows.count) : T(0);
}

/// The loss alone, without its gradient.
template <class U, class T = detail::number_of<U>>
T cross_entropy(const tensor_view<U>& logits, std::span<const std::int32_t> targets,
                const cross_entropy_options& options = {}) {
    return cross_entropy(logits, targets, {}, options);
}
/// The loss alone, without its gradient.
template <class U, class T = detail::number_of<U>>
T cross_entropy(const tensor_view<U>& logits, const detail::target_span<U>& targets) {
    return cross_entropy(logits, targets, {}, 1.0);
}

/// Losses of single elements follow. Each is the mean over all elements of the output. `targets`
/// has as many elements, row-major. The gradient is scale * derivative / elements, and is not
/// computed if its view has no data. Each throws argument_error if the targets have another size, a
/// row is not contiguous, or the gradient has other extents; then nothing is written.

/// Squared error (x - target)^2; the derivative is 2 (x - target).
template <class U, class T = detail::number_of<U>>
T squared_error(const tensor_view<U>& x, const detail::target_span<U>& targets,
                const detail::gradient_view<U>& gradient = {}, double scale = 1) {
    return detail::mean_of_elements<T>(
        "squared_error", {x.data, x.rank, x.extents, x.strides}, targets, gradient, scale,
        [](double value, double target, double factor) -> detail::element_loss {
            const double difference = value - target;
            return {difference * (difference * factor), 2 * difference};
        });
}

/// Huber loss: (x - target)^2 / 2 up to a distance of `delta`, and delta (|x - target| - delta / 2)
/// beyond (Huber 1964). Throws argument_error unless `delta` is finite and above 0.
template <class U, class T = detail::number_of<U>>
T huber(const tensor_view<U>& x, const detail::target_span<U>& targets,
        const detail::gradient_view<U>& gradient = {}, double delta = 1, double scale = 1) {
    check_number<argument_error>(delta > 0 && std::isfinite(delta), "sequent: huber: delta", delta,
                                 "a finite number above 0");
    return detail::mean_of_elements<T>(
        "huber", {x.data, x.rank, x.extents, x.strides}, targets, gradient, scale,
        [delta](double value, double target, double factor) -> detail::element_loss {
            const double difference = value - target;
            const double distance = std::abs(difference);
            // The order of the branches keeps a NaN difference NaN.
            if (distance > delta)
                return {delta * factor * (distance - delta / 2), std::copysign(delta, difference)};
            return {difference * (difference * factor) / 2, difference};
        });
}

/// Binary cross-entropy of logits: -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)), computed as
/// max(x, 0) - x t + log(1 + exp(-|x|)); the derivative is sigmoid(x) - t. Targets are
/// probabilities, 0 to 1.
template <class U, class T = detail::number_of<U>>
T binary_cross_entropy(const tensor_view<U>& logits, const detail::target_span<U>& targets,
                       const detail::gradient_view<U>& gradient = {}, double scale = 1) {
    return detail::mean_of_elements<T>(
        "binary_cross_entropy", {logits.data, logits.rank, logits.extents, logits.strides}, targets,
        gradient, scale, [](double x, double t, double factor) -> detail::element_loss {
            const double power = std::exp(-std::abs(x));
            const double larger = 1 / (1 + power);  // the sigmoid of |x|
            return {factor * ((x > 0 ? x : 0 * x) - x * t + std::log1p(power)),
                    (x >= 0 ? larger : power * larger) - t};
        });
}

/// Hinge loss max(0, 1 - t x) for targets t of -1 or 1; the derivative is -t where t x < 1, else 0.
template <class U, class T = detail::number_of<U>>
T hinge(const tensor_view<U>& scores, const detail::target_span<U>& targets,
        const detail::gradient_view<U>& gradient = {}, double scale = 1) {
    return detail::mean_of_elements<T>(
        "hinge", {scores.data, scores.rank, scores.extents, scores.strides}, targets, gradient,
        scale, [](double x, double t, double factor) -> detail::element_loss {
            const double missing = 1 - t * x;
            if (missing <= 0) return {0, 0};
            return {factor * missing, -t};  // for NaN, too
        });
}

}  // namespace sequent::inline SEQUENT_ABI::train
