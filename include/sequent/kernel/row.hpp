#pragma once

#include <cmath>
#include <limits>

#include "math.hpp"

/// Functions of one contiguous row of Length elements, each with its gradient. y may be x, and dx
/// may be dy. Gradients write dx, and add to dgain and dbias, which may be null.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Calls f(i, count) for each vector of a row: i is its first element, the integral_constant count
/// the number of its lanes that belong to the row.
template <int Length, class T, class F>
SEQUENT_INLINE void each_vector(F f) noexcept {
    constexpr int n = lanes<T>;
    int i = 0;
    for (; i + n <= Length; i += n) f(i, std::integral_constant<int, n>{});
    if constexpr (Length % n != 0) f(i, std::integral_constant<int, Length % n>{});
}

/// Sum over the row of f(i, count), which must return zeros in the lanes from count on. Up to four
/// sums hide the latency of the addition. In short rows they start with the first vectors instead
/// of zero, since each addition is waited for.
template <int Length, class T, class F>
SEQUENT_INLINE T row_sum(F f) noexcept {
    constexpr int n = lanes<T>;
    constexpr int whole = Length / n;
    constexpr int all = whole + (Length % n != 0);
    constexpr int sums = all < 4 ? all : 4;
    constexpr bool loops = whole >= 8;
    const auto take = [&](auto v) __attribute__((always_inline)) {
        return f(v() * n, std::integral_constant<int, (v() < whole ? n : Length % n)>{});
    };
    batch<T> sum[sums];
    int i = 0;
    if constexpr (loops) {
        SEQUENT_UNROLL for (int u = 0; u < sums; ++u) sum[u] = zero<T>();
        for (; i + 4 * n <= Length; i += 4 * n)
            unroll<4>([&](auto u) __attribute__((always_inline)) {
                sum[u()] += f(i + u() * n, std::integral_constant<int, n>{});
            });
    } else {
        unroll<sums>([&](auto u) __attribute__((always_inline)) { sum[u()] = take(u); });
    }
    constexpr int taken = loops ? whole / 4 * 4 : sums;
    unroll<all - taken>([&](auto u) __attribute__((always_inline)) {
        sum[u()] += take(std::integral_constant<int, taken + u()>{});
    });
    if constexpr (sums == 1) return reduce_add(sum[0]);
    if constexpr (sums == 2) return reduce_add(sum[0] + sum[1]);
    if constexpr (sums == 3) return reduce_add(sum[0] + sum[1] + sum[2]);
    if constexpr (sums == 4) return reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/// A power of two with which rows are multiplied if the sum of their squares overflows; then the
/// squares of their largest numbers are in range.
template <class T>
inline constexpr T small_scale = sizeof(T) == 4 ? T(0x1p-80) : T(0x1p-600);

/// y = x * small_scale; returns eps scaled alike.
template <int Length, class T>
inline T make_small(const T* x, T* y, T eps) noexcept {
    for (int i = 0; i < Length; ++i) y[i] = x[i] * small_scale<T>;
    return eps * small_scale<T> * small_scale<T>;
}

/// Mean and 1 / sqrt(var + eps) of the row x; the variance is divided by Length and computed in a
/// second pass.
template <class T>
struct moments {
    const T* x;
    T mean, rstd;
    T offset;  ///< rounding error of the mean, times rstd
    T slope;   ///< rstd as a factor of gradients: of the given row if x is a small one

    /// (x - mean) / sqrt(var + eps) of count() numbers from number i on.
    template <class Count>
    SEQUENT_INLINE batch<T> normal(int i, Count count) const noexcept {
        return fma(batch<T>(load_first<count()>(x + i) - set(mean)), set(rstd), set(-offset));
    }
};

/// Sum of (x - mean)^2.
template <int Length, class T>
SEQUENT_INLINE T sum_of_squares_from(const T* x, T mean) noexcept {
    return row_sum<Length, T>([&](int i, auto count) {
        const auto d = keep_first<count()>(load_first<count()>(x + i) - set(mean), zero<T>());
        return d * d;
    });
}

/// The moments if the rounding error of the mean matters: the mean is computed from the differences
/// to the first number.
template <int Length, class T>
inline moments<T> exact_moments(const T* x, T eps, T factor = T(1)) noexcept {
    const T origin = x[0];
    const T from_origin =
        row_sum<Length, T>([&](int i, auto count) {
            return keep_first<count()>(load_first<count()>(x + i) - set(origin), zero<T>());
        }) /
        T(Length);
    const T mean = origin + from_origin;
    const T error = from_origin - (mean - origin);
    // The numbers are multiples of the last place of the mean, and the error is at most a half of
    // it: at least half of the mean square is left.
    const T variance = sum_of_squares_from<Length>(x, mean) / T(Length);
    const T rstd = T(1) / std::sqrt(variance + (eps - error * error));
    return {x, mean, rstd, error * rstd, rstd * factor};
}

/// The moments of a row that needs care. A row whose squares overflow is replaced by a scaled one
/// in `room`.
template <int Length, class T>
SEQUENT_COLD moments<T> careful_moments(const T* x, T eps, T* room) noexcept {
    const moments<T> result = exact_moments<Length>(x, eps);
    if (result.rstd > T(0)) return result;
    eps = make_small<Length>(x, room, eps);
    return exact_moments<Length, T>(room, eps, small_scale<T>);
}

/// The moments of a row. `room`: Length numbers, which may be x.
template <int Length, class T>
SEQUENT_INLINE moments<T> row_moments(const T* x, T eps, T* room) noexcept {
    const T mean =
        row_sum<Length, T>([&](int i, auto count) { return load_first<count()>(x + i); }) /
        T(Length);
    const T squares = sum_of_squares_from<Length>(x, mean);
    // Numbers that differ by less than a 32nd of their mean take twice the time. The comparison
    // does not use the variance, so that division and addition of eps stay one fma
    // where Length is a power of two.
    if (!(squares * (T(1024) / T(Length)) >= mean * mean &&
          squares <= std::numeric_limits<T>::max())) [[unlikely]]
        return careful_moments<Length>(x, eps, room);
    const T rstd = T(1) / std::sqrt(squares / T(Length) + eps);
    return {x, mean, rstd, T(0), rstd};
}

/// 1 / sqrt(mean(x^2) + eps).
template <int Length, class T>
SEQUENT_INLINE T row_rms(const T* x, T eps) noexcept {
    const T square = row_sum<Length, T>([&](int i, auto count) {
        const auto v = load_first<count()>(x + i);
        return v * v;
    });
    return T(1) / std::sqrt(square / T(Length) + eps);
}

/// row_rms of a row whose squares overflow, by way of a scaled row in `room`.
template <int Length, class T>
SEQUENT_COLD T rms_of_large(const T* x, T eps, T* room) noexcept {
    return row_rms<Length>(room, make_small<Length>(x, room, eps));
}

/// row_rms of any row; if the squares overflow, x is changed to the scaled row in `room`.
template <int Length, class T>
SEQUENT_INLINE T rms_in_range(const T*& x, T eps, T* room) noexcept {
    const T result = row_rms<Length>(x, eps);
    if (result > T(0)) [[likely]]
        return result;
    const T* const given = x;
    x = room;
    return rms_of_large<Length>(given, eps, room);
}

/// room = x / sqrt(mean(x^2) + eps); returns the factor.
template <int Length, class T>
SEQUENT_COLD T unit_row(const T* x, T eps, T* room) noexcept {
    const T* const given = x;
    const T scale = rms_in_range<Length>(x, eps, room);
    for (int i = 0; i < Length; ++i) room[i] = x[i] * scale;
    return x == given ? scale : scale * small_scale<T>;
}

/// The sum of x[i] y[i] z[i].
template <int Length, class T>
SEQUENT_INLINE T sum_of_products(const T* x, const T* y, const T* z) noexcept {
    return row_sum<Length, T>([&](int i, auto count) {
        return load_first<count()>(x + i) * load_first<count()>(y + i) * load_first<count()>(z + i);
    });
}

/// at[i ...] += v, unless `at` is null.
template <int Count, class T>
SEQUENT_INLINE void add_first(T* at, int i, batch<T> v) noexcept {
    if (at != nullptr) store_first<Count>(at + i, load_first<Count>(at + i) + v);
}

/// Gradient of layer_norm; a null gain stands for ones.
template <int Length, class T>
inline void layer_norm_gradient(const T* x, const T* gain, const T* dy, T* dx, T* dgain, T* dbias,
                                T eps) noexcept {
    T room[Length];
    const moments<T> all = row_moments<Length>(x, eps, room);
    const auto inner = [&](int i, auto count) {
        const batch<T> d = load_first<count()>(dy + i);
        return gain != nullptr ? d * load_first<count()>(gain + i) : d;
    };
    const T sum = row_sum<Length, T>(inner) / T(Length);
    const T product =
        row_sum<Length, T>([&](int i, auto count) {
            return keep_first<count()>(batch<T>(inner(i, count) * all.normal(i, count)), zero<T>());
        }) /
        T(Length);
    each_vector<Length, T>([&](int i, auto count) {
        const batch<T> n = all.normal(i, count);
        const batch<T> d = load_first<count()>(dy + i);
        const batch<T> g = inner(i, count);
        add_first<count()>(dgain, i, batch<T>(d * n));
        add_first<count()>(dbias, i, d);
        store_first<count()>(dx + i,
                             batch<T>((g - fma(n, set(product), set(sum))) * set(all.slope)));
    });
}

}  // namespace detail

/// y = (x - mean) / sqrt(var + eps); the variance is divided by Length.
template <int Length, class T>
inline void norm(const T* x, T* y, T eps) noexcept {
    const detail::moments<T> all = detail::row_moments<Length>(x, eps, y);
    detail::each_vector<Length, T>(
        [&](int i, auto count) { store_first<count()>(y + i, all.normal(i, count)); });
}

/// Gradient of norm: writes dx, given x and dy.
template <int Length, class T>
inline void norm_gradient(const T* x, const T* dy, T* dx, T eps) noexcept {
    detail::layer_norm_gradient<Length, T>(x, nullptr, dy, dx, nullptr, nullptr, eps);
}

/// y = norm(x) * gain + bias (Ba, Kiros & Hinton 2016). A null bias stands for zeros.
template <int Length, class T>
inline void layer_norm(const T* x, const T* gain, const T* bias, T* y, T eps) noexcept {
    const detail::moments<T> all = detail::row_moments<Length>(x, eps, y);
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> b = bias != nullptr ? load_first<count()>(bias + i) : zero<T>();
        store_first<count()>(y + i, fma(all.normal(i, count), load_first<count()>(gain + i), b));
    });
}

/// Gradient of layer_norm: writes dx and adds to dgain and dbias, given x and dy.
template <int Length, class T>
inline void layer_norm_gradient(const T* x, const T* gain, const T* dy, T* dx, T* dgain, T* dbias,
                                T eps) noexcept {
    detail::layer_norm_gradient<Length, T>(x, gain, dy, dx, dgain, dbias, eps);
}

/// y = x / sqrt(mean(x^2) + eps) * gain (Zhang & Sennrich 2019). A null gain stands for ones.
template <int Length, class T>
inline void rms_norm(const T* x, const T* gain, T* y, T eps) noexcept {
    const T scale = detail::rms_in_range<Length>(x, eps, y);
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> n = load_first<count()>(x + i) * set(scale);
        store_first<count()>(y + i,
                             gain != nullptr ? batch<T>(n * load_first<count()>(gain + i)) : n);
    });
}

/// Gradient of rms_norm: writes dx and adds to dgain, given x and dy.
template <int Length, class T>
inline void rms_norm_gradient(const T* x, const T* gain, const T* dy, T* dx, T* dgain,
                              T eps) noexcept {
    T room[Length];
    T scale = detail::row_rms<Length>(x, eps);
    T slope = scale;
    // Uses x before it is scaled, so as not to wait for the scale.
    const auto sum_along = [&] {
        return gain != nullptr
                   ? detail::sum_of_products<Length>(dy, gain, x)
                   : detail::row_sum<Length, T>([&](int i, auto count) {
                         return load_first<count()>(dy + i) * load_first<count()>(x + i);
                     });
    };
    T sum = sum_along();
    if (!(scale > T(0) && std::abs(sum) <= std::numeric_limits<T>::max())) [[unlikely]] {
        slope = detail::unit_row<Length>(x, eps, room);
        x = room;
        scale = T(1);
        sum = sum_along();
    }
    const T along = sum * scale / T(Length);
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> n = load_first<count()>(x + i) * set(scale);
        const batch<T> d = load_first<count()>(dy + i);
        const batch<T> g = gain != nullptr ? batch<T>(d * load_first<count()>(gain + i)) : d;
        detail::add_first<count()>(dgain, i, batch<T>(d * n));
        store_first<count()>(dx + i, batch<T>((g - n * set(along)) * set(slope)));
    });
}

namespace detail {

/// The maximum of a row.
template <int Length, class T>
SEQUENT_INLINE T row_max(const T* x) noexcept {
    const batch<T> lowest = set(-std::numeric_limits<T>::infinity());
    batch<T> greatest = lowest;
    each_vector<Length, T>([&](int i, auto count) {
        const batch<T> v = keep_first<count()>(load_first<count()>(x + i), lowest);
        greatest = xsimd::max(greatest, v);
    });
    return reduce_max(greatest);
}

}  // namespace detail

/// y = exp(x - max x) / sum exp(x - max x). Zeros if every x is -infinity.
template <int Length, class T>
inline void softmax(const T* x, T* y) noexcept {
    const T greatest = detail::row_max<Length>(x);
    // If all are -infinity, any finite shift gives zeros.
    const T shift = greatest == -std::numeric_limits<T>::infinity() ? T(0) : greatest;
    const T sum = detail::row_sum<Length, T>([&](int i, auto count) {
        const batch<T> e = kernel::exp(batch<T>(load_first<count()>(x + i) - set(shift)));
        store_first<count()>(y + i, e);
        return keep_first<count()>(e, zero<T>());
    });
    const T scale = sum == T(0) ? T(0) : T(1) / sum;  // NaN propagates
    detail::each_vector<Length, T>([&](int i, auto count) {
        store_first<count()>(y + i, batch<T>(load_first<count()>(y + i) * set(scale)));
    });
}

/// dx = y (dy - sum y dy): reads the output y of softmax, not its input.
template <int Length, class T>
inline void softmax_gradient(const T* y, const T* dy, T* dx) noexcept {
    const T sum = detail::row_sum<Length, T>([&](int i, auto count) {
        return load_first<count()>(y + i) * load_first<count()>(dy + i);
    });
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> d = load_first<count()>(dy + i) - set(sum);
        store_first<count()>(dx + i, batch<T>(load_first<count()>(y + i) * d));
    });
}

/// The point of the probability simplex nearest to x: y = max(x - tau, 0) with sum y = 1 (Martins &
/// Astudillo 2016). Zeros if every x is -infinity; NaN in the whole row if x holds NaN or
/// +infinity. The threshold is found without sorting: tau of a set that contains the support never
/// exceeds the true threshold, and repeatedly dropping what is below it ends at the support
/// (Michelot 1986).
template <int Length, class T>
inline void sparsemax(const T* x, T* y) noexcept {
    const T greatest = detail::row_max<Length>(x);
    T tau = T(-1);  // threshold of x - greatest; the support is above it
    T size = T(0);
    for (int round = 0; round < Length; ++round) {
        batch<T> ones = zero<T>();
        const T sum = detail::row_sum<Length, T>([&](int i, auto count) {
            const batch<T> v = load_first<count()>(x + i) - set(greatest);
            const auto above = v > set(tau);
            const batch<T> one = xsimd::select(above, set(T(1)), zero<T>());
            ones += keep_first<count()>(one, zero<T>());
            return keep_first<count()>(xsimd::select(above, v, zero<T>()), zero<T>());
        });
        const T kept = reduce_add(ones);
        if (kept == size) break;
        size = kept;
        tau = (sum - T(1)) / kept;
    }
    const T shift = greatest == -std::numeric_limits<T>::infinity() ? T(0) : greatest;
    const T ordered = detail::row_sum<Length, T>([&](int i, auto count) {
        const batch<T> v = load_first<count()>(x + i);
        const batch<T> one = xsimd::select(v <= set(greatest), set(T(1)), zero<T>());
        store_first<count()>(y + i,
                             batch<T>(xsimd::max(batch<T>(v - set(shift) - set(tau)), zero<T>())));
        return keep_first<count()>(one, zero<T>());
    });
    if (ordered == T(Length) && shift < std::numeric_limits<T>::infinity()) return;
    for (int i = 0; i < Length; ++i) y[i] = std::numeric_limits<T>::quiet_NaN();
}

/// dx = dy - mean of dy over the support, zero outside it (Martins & Astudillo 2016, equation 14).
/// Reads the output y of sparsemax. NaN in y stays NaN.
template <int Length, class T>
inline void sparsemax_gradient(const T* y, const T* dy, T* dx) noexcept {
    batch<T> ones = zero<T>();
    const T sum = detail::row_sum<Length, T>([&](int i, auto count) {
        const auto support = load_first<count()>(y + i) > zero<T>();
        ones += xsimd::select(support, set(T(1)), zero<T>());
        return xsimd::select(support, load_first<count()>(dy + i), zero<T>());
    });
    const T size = reduce_add(ones);
    const T mean = size > T(0) ? sum / size : T(0);
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> v = load_first<count()>(y + i);
        const batch<T> d = load_first<count()>(dy + i) - set(mean);
        // v times zero is NaN where v is.
        store_first<count()>(dx + i, batch<T>(xsimd::select(v > zero<T>(), d, v * zero<T>())));
    });
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
