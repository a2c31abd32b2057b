#pragma once

#include <cmath>
#include <concepts>
#include <limits>

#include "simd.hpp"

/// Elementary functions of vectors and numbers: exponential, logarithm, powers, hyperbolic tangent,
/// error function, logistic function.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// exp(r) = 1 + r + r^2 p(r) for |r| <= ln(2) / 2; p by the Remez algorithm for the relative error.
template <class T>
struct exp_constants;

template <>
struct exp_constants<float> {
    using word = std::int32_t;
    static constexpr int mantissa = 23;
    static constexpr float magic = 12582912.0f;  // 1.5 * 2^23; adding it rounds to an integer
    static constexpr float ln2_high = 0.693359375f;
    static constexpr float ln2_low = -2.12194440e-4f;
    static constexpr float least = -87.3365402f;    // below, the result is subnormal
    static constexpr float greatest = 88.7228394f;  // above, it overflows
    static constexpr float p[] = {0.00138146132608f, 0.00836870982417f, 0.0416683873613f,
                                  0.166665206898f, 0.499999934517f};  // 3.1e-9
};

template <>
struct exp_constants<double> {
    using word = std::int64_t;
    static constexpr int mantissa = 52;
    static constexpr double magic = 6755399441055744.0;
    static constexpr double ln2_high = 6.93147180369123816490e-1;
    static constexpr double ln2_low = 1.90821492927058770002e-10;
    static constexpr double least = -708.396418532264;
    static constexpr double greatest = 709.782712893384;
    static constexpr double p[] = {2.5000072315545461707e-8, 2.7630233921259341655e-7,
                                   2.7557586266351828126e-6, 2.4801493136177504993e-5,
                                   1.9841269506779700393e-4, 1.3888888943597711496e-3,
                                   8.3333333334943329902e-3, 4.16666666665302659e-2,
                                   1.6666666666666412776e-1, 5.0000000000000106168e-1};  // 3.6e-18
};

/// erf(x) = x inner(x^2) for x <= 1, else 1 - exp(-x^2) outer(2 / (2 + x)); both by the Remez
/// algorithm, the second weighted with exp(-x^2). From `one` on the result rounds to 1.
template <class T>
struct erf_constants;

template <>
struct erf_constants<float> {
    static constexpr float one = 4.0f;
    static constexpr float inner[] = {7.853860632e-5f,  -8.010193659e-4f, 5.188327729e-3f,
                                      -2.685381199e-2f, 1.128358515e-1f,  -3.761262582e-1f,
                                      1.128379166f};  // 1.3e-9
    static constexpr float outer[] = {-3.876045369e-2f, 7.23655765e-1f, -6.144781591e-2f,
                                      3.924597664e-1f, -1.350623615e-2f};  // 1.1e-8
};

template <>
struct erf_constants<double> {
    static constexpr double one = 6.0;
    static constexpr double inner[] = {
        -7.7794657295499960543e-10, 1.3710978904586100209e-8,  -1.6206313408057645289e-7,
        1.6447131524503547259e-6,   -1.4924712298094113e-5,    1.2055293576686917384e-4,
        -8.5483259293068284013e-4,  5.2239776061182953956e-3,  -2.6866170643111441183e-2,
        1.1283791670944184501e-1,   -3.7612638903183519532e-1, 1.1283791670955125657};  // 7.3e-18
    static constexpr double outer[] = {
        2.4417170137066006833e-2,  -1.0075442620648173797e-1, 7.890511091414693222e-2,
        2.8582924696934792562e-1,  -7.2004759307708476548e-1, 6.0652048122970807194e-1,
        -2.6823326319769882091e-1, 3.1252396767878471158e-1,  2.1112228282061849307e-1,
        2.8821870480576595367e-1,  2.8147203440463426391e-1,  2.8566858133790109564e-5};  // 2.5e-17
};

/// tanh(x) = x + x^3 inner(x^2) for x <= 0.625, by the Remez algorithm for the relative error.
template <class T>
struct tanh_constants;

template <>
struct tanh_constants<float> {
    static constexpr float inner[] = {-5.704988992e-3f, 2.063908948e-2f, -5.373971594e-2f,
                                      1.333144221e-1f, -3.333328194e-1f};  // 4.4e-9
};

template <>
struct tanh_constants<double> {
    static constexpr double inner[] = {
        -1.6072623090678281684e-5, 7.7144484535976778809e-5,  -2.2856432357009445935e-4,
        5.8631660106673314209e-4,  -1.4549588984186242538e-3, 3.5919891782528548738e-3,
        -8.8632210032537474501e-3, 2.1869487576149545428e-2,  -5.3968253931270538336e-2,
        1.3333333333262098754e-1,  -3.3333333333332855336e-1};  // 1.0e-17
};

/// c[0] x^(n-1) + ... + c[n-1]
template <class T, std::size_t N>
SEQUENT_INLINE batch<T> polynomial(const T (&c)[N], batch<T> x) noexcept {
    batch<T> p = set(c[0]);
    unroll<static_cast<int>(N) - 1>([&](auto i) __attribute__((always_inline)) {
        p = fma(p, x, set(c[i() + 1]));
    });
    return p;
}

/// Reinterprets the bits of a vector as another element type of the same width.
template <class To, class T>
SEQUENT_INLINE batch<To> bits_as(batch<T> x) noexcept {
#if XSIMD_VERSION_MAJOR >= 11
    return xsimd::bitwise_cast<To>(x);
#else
    return xsimd::bitwise_cast<batch<To>>(x);
#endif
}

}  // namespace detail

namespace detail {

/// Returns x, hidden from the optimizer. Clang has no macro for -fassociative-math, under which (x
/// + magic) - magic would become x.
template <class T>
SEQUENT_INLINE batch<T> opaque(batch<T> x) noexcept {
#if defined(__clang__) && defined(__SSE2__)
    asm("" : "+x"(x.data));
#elif defined(__clang__) && defined(__aarch64__)
    asm("" : "+w"(x.data));
#endif
    return x;
}

}  // namespace detail

/// e^x within 2 ulp. Exactly 1 at 0; exactly 0 at -infinity and where the result would be
/// subnormal; infinity where it overflows; NaN at NaN.
template <class T>
SEQUENT_INLINE batch<T> exp(batch<T> x) noexcept {
    using c = detail::exp_constants<T>;
#if defined(__AVX512F__)
    // The masks are the comparisons "not less than", true for a NaN. The minimum keeps +infinity
    // from a NaN in the reduction and gives its second operand for a NaN.
    batch<T> n;
    if constexpr (sizeof(T) == 4) {
        x = _mm512_min_ps(set(c::greatest + 1), x);
        n = _mm512_roundscale_ps(x * set(T(1.44269504088896341)), 8);
    } else {
        x = _mm512_min_pd(set(c::greatest + 1), x);
        n = _mm512_roundscale_pd(x * set(T(1.44269504088896341)), 8);
    }
#else
    const batch<T> shifted =
        detail::opaque(batch<T>(fma(x, set(T(1.44269504088896341)), set(c::magic))));
    const batch<T> n = shifted - set(c::magic);
#endif
    const batch<T> r = fma(n, set(-c::ln2_low), fma(n, set(-c::ln2_high), x));
    const batch<T> p = fma(detail::polynomial(c::p, r) * r, r, r) + set(T(1));
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, set(c::least), _CMP_NLT_UQ), p, n);
    else
        return _mm512_maskz_scalef_pd(_mm512_cmp_pd_mask(x, set(c::least), _CMP_NLT_UQ), p, n);
#else
    // The low bits of `shifted` are n: added to the exponent they scale by 2^n.
    using word = typename c::word;
    const auto scaled = detail::bits_as<word>(p) + (detail::bits_as<word>(shifted) << c::mantissa);
    const batch<T> y = detail::bits_as<T>(batch<word>(scaled));
    // Infinity above the greatest; NaN for a NaN, whose low bits have changed the exponent.
    const batch<T> beyond = x + set(std::numeric_limits<T>::infinity());
    return xsimd::select(x < set(c::least), zero<T>(),
                         xsimd::select(x <= set(c::greatest), y, beyond));
#endif
}

/// Natural logarithm; -infinity at 0, NaN below.
template <class T>
SEQUENT_INLINE batch<T> log(batch<T> x) noexcept {
#if defined(__AVX512F__) && !defined(__OPTIMIZE__) && !defined(__clang__)
    // Without optimization, GCC 12 rejects an intrinsic in xsimd 8.1: no immediate operand.
    alignas(batch<T>) T values[lanes<T>];
    x.store_aligned(values);
    for (T& value : values) value = std::log(value);
    return batch<T>::load_aligned(values);
#else
    return xsimd::log(x);
#endif
}

/// Hyperbolic tangent.
template <class T>
SEQUENT_INLINE batch<T> tanh(batch<T> x) noexcept {
    const batch<T> size = xsimd::abs(x);
    const batch<T> square = size * size;
    const batch<T> inner =
        fma(size * square, detail::polynomial(detail::tanh_constants<T>::inner, square), size);
    // 1 if exp overflows.
    const batch<T> outer = set(T(1)) - set(T(2)) / (kernel::exp(size + size) + set(T(1)));
    return xsimd::copysign(xsimd::select(size < set(T(0.625)), inner, outer), x);
}

/// Error function.
template <class T>
SEQUENT_INLINE batch<T> erf(batch<T> x) noexcept {
    using c = detail::erf_constants<T>;
    const batch<T> size = xsimd::min(set(c::one), xsimd::abs(x));
    const batch<T> square = size * size;
    const batch<T> inner = size * detail::polynomial(c::inner, square);
    const batch<T> t = set(T(2)) / (set(T(2)) + size);
    const batch<T> outer = set(T(1)) - kernel::exp(-square) * detail::polynomial(c::outer, t);
    return xsimd::copysign(xsimd::select(size < set(T(1)), inner, outer), x);
}

/// 1 / (1 + e^-x)
template <class T>
SEQUENT_INLINE batch<T> sigmoid(batch<T> x) noexcept {
    return set(T(1)) / (set(T(1)) + kernel::exp(-x));
}

/// x within [least, greatest], else the nearer end; NaN stays NaN.
template <class T>
SEQUENT_INLINE batch<T> clamp(batch<T> x, T least, T greatest) noexcept {
    x = xsimd::select(x > set(greatest), set(greatest), x);
    return xsimd::select(x < set(least), set(least), x);
}

/// -1, 0 or 1, the sign of x; NaN stays NaN.
template <class T>
SEQUENT_INLINE batch<T> sign(batch<T> x) noexcept {
    return xsimd::select(x > zero<T>(), set(T(1)), xsimd::select(x < zero<T>(), set(T(-1)), x));
}

/// log(1 + x) for x in [0, 1]: 2 atanh(s) with s = x / (2 + x), by its series.
template <class T>
SEQUENT_INLINE batch<T> log_1_plus(batch<T> x) noexcept {
    constexpr int terms = sizeof(T) == 4 ? 8 : 17;  // s^2 <= 1/9: the rest is below an ulp
    const batch<T> s = x / (set(T(2)) + x);
    const batch<T> square = s * s;
    batch<T> sum = set(T(1) / T(2 * terms - 1));
    unroll<terms - 1>([&](auto i) __attribute__((always_inline)) {
        sum = fma(sum, square, set(T(1) / T(2 * (terms - 1 - i()) - 1)));
    });
    return (s + s) * sum;
}

/// x^p: by multiplications if p is an integer of at most 64, else exp(p log(x)), NaN for x < 0.
template <class T>
inline batch<T> power(batch<T> x, T p) noexcept {
    const T size = p < 0 ? -p : p;
    if (size <= T(64) && size == static_cast<T>(static_cast<int>(size))) {
        batch<T> result = set(T(1));
        for (int rest = static_cast<int>(size); rest > 0; rest /= 2, x = x * x)
            if (rest % 2 != 0) result = result * x;
        return p < 0 ? batch<T>(set(T(1)) / result) : result;
    }
    return kernel::exp(kernel::log(x) * set(p));
}

/// e^x of one number, by the arithmetic of the vector function.
template <std::floating_point T>
inline T exp(T x) noexcept {
    return kernel::exp(set(x)).get(0);
}
/// Natural logarithm of one number.
template <std::floating_point T>
inline T log(T x) noexcept {
    return kernel::log(set(x)).get(0);
}
/// Hyperbolic tangent of one number.
template <std::floating_point T>
inline T tanh(T x) noexcept {
    return kernel::tanh(set(x)).get(0);
}
/// Error function of one number.
template <std::floating_point T>
inline T erf(T x) noexcept {
    return kernel::erf(set(x)).get(0);
}
/// 1 / (1 + e^-x) of one number.
template <std::floating_point T>
inline T sigmoid(T x) noexcept {
    return kernel::sigmoid(set(x)).get(0);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
