#pragma once

#include <cmath>

#include "../aggregation_functions.hpp"
#include "math.hpp"

/// The folds that aggregate the values of ground rules, one number at a time, and their slopes.

namespace sequent::inline SEQUENT_ABI::kernel {

/// The folds of aggregation_functions.hpp.
enum class fold {
#define SEQUENT_NAME(name, ...) name,
    SEQUENT_AGGREGATIONS(SEQUENT_NAME)
#undef SEQUENT_NAME
};

/// What the derivative of an aggregation reads besides the element and the result: nothing, the
/// number of elements, or the accumulators of the aggregation.
enum class fold_reads { nothing, number, state };

/// Returns what the derivative of this aggregation reads.
constexpr fold_reads reads_of(fold of) noexcept {
    using enum fold_reads;
#define SEQUENT_READS(name, parameters, arguments, alone, reads, ...) reads,
    constexpr fold_reads reads[]{SEQUENT_AGGREGATIONS(SEQUENT_READS)};
#undef SEQUENT_READS
    return reads[static_cast<int>(of)];
}

/// True if x replaces `most` as the maximum, or else the minimum. NaN replaces every number.
template <bool Greatest, class T>
constexpr bool beats(T x, T most) noexcept {
    if (x != x) return most == most;
    return Greatest ? x > most : x < most;
}

namespace detail {

// Accumulators of a product: the product `a` of all factors except zeros, and the number `b` of
// zeros.

template <class T>
constexpr void add_factor(T& a, T& b, T x, int k) noexcept {
    if (k == 0) a = 1;
    (x == T(0) ? b : a) = x == T(0) ? b + 1 : a * x;
}
template <class T>
constexpr T product_of(T a, T b) noexcept {
    return b == T(0) ? a : a * T(0);  // NaN and infinity times 0 are NaN
}
template <class T>
constexpr T factor_slope(T a, T b, T x) noexcept {
    return b == T(0) ? a / x : b == T(1) && x == T(0) ? a : T(0);
}

/// Accumulators of log_sum_exp: the maximum `a` and the sum `b` of exp(x - a).
template <class T>
void add_exponential(T& a, T& b, T x, int k) noexcept {
    if (k == 0 || x > a) {
        b = k == 0 ? T(1) : b * kernel::exp(a - x) + T(1);
        a = x;
    } else {
        b += x == a ? T(1) : kernel::exp(x - a);
    }
}
/// Accumulators of a standard deviation: the mean `a` and the sum `b` of (x - a)^2 (Welford 1962).
template <class T>
constexpr void add_deviation(T& a, T& b, T x, int k) noexcept {
    const T before = x - a;
    a += before / static_cast<T>(k + 1);
    b += before * (x - a);
}

}  // namespace detail

/// Adds x to the accumulators (a, b), which begin with zeros, as value number k, counted from 0.
template <fold F, class T>
SEQUENT_INLINE void add_value(T& a, [[maybe_unused]] T& b, T x, [[maybe_unused]] int k,
                              [[maybe_unused]] T p) noexcept {
    using namespace detail;
#define SEQUENT_ADD(name, parameters, arguments, alone, reads, add, ...) \
    if constexpr (F == fold::name) static_cast<void>(add);
    SEQUENT_AGGREGATIONS(SEQUENT_ADD)
#undef SEQUENT_ADD
}

/// The result of n > 0 values.
template <fold F, class T>
SEQUENT_INLINE T result_of(T a, [[maybe_unused]] T b, [[maybe_unused]] T n,
                           [[maybe_unused]] T p) noexcept {
    using namespace detail;
#define SEQUENT_RESULT(name, parameters, arguments, alone, reads, add, result, slope) \
    if constexpr (F == fold::name) return result;
    SEQUENT_AGGREGATIONS(SEQUENT_RESULT)
#undef SEQUENT_RESULT
}

/// The derivative of the result y for the value x, number k of n.
template <fold F, class T>
SEQUENT_INLINE T slope_of([[maybe_unused]] T x, [[maybe_unused]] T y, [[maybe_unused]] T a,
                          [[maybe_unused]] T& b, [[maybe_unused]] int k, [[maybe_unused]] T n,
                          [[maybe_unused]] T p) noexcept {
    using namespace detail;
#define SEQUENT_SLOPE(name, parameters, arguments, alone, reads, add, result, slope) \
    if constexpr (F == fold::name) return slope;
    SEQUENT_AGGREGATIONS(SEQUENT_SLOPE)
#undef SEQUENT_SLOPE
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
