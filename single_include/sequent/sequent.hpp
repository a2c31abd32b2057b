// Sequent 0.1.0 as a single header, made by single_include/amalgamate.py from
// the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_HEADER_HPP
#define SEQUENT_SINGLE_HEADER_HPP

/// Everything.

/// Pictures of models as SVG.

#include <algorithm>
#include <string>
#include <vector>

/// A plan bound to kernels.

#include <cstdio>

#include <cassert>
#include <memory>
#include <span>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <stdexcept>
#include <type_traits>

/// Version, platform switches and the inline namespace that every other header opens.

#define SEQUENT_VERSION_MAJOR 0
#define SEQUENT_VERSION_MINOR 1
#define SEQUENT_VERSION_PATCH 0

#if defined(__FAST_MATH__)
#error "sequent: -ffast-math breaks the exact zero of exp(-inf); build without it"
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define SEQUENT_HAS_EXCEPTIONS
#endif

// What changes the code of an inline function is part of every symbol: the version, the instruction
// set, and what happens on an error. Two translation units of one program that are built with
// different flags never share a kernel.
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#define SEQUENT_ABI_SET avx512
#elif defined(__AVX512F__)
#define SEQUENT_ABI_SET avx512f
#elif defined(__AVX2__) && (defined(__FMA__) || defined(_MSC_VER))
#define SEQUENT_ABI_SET avx2
#elif defined(__AVX2__)
#define SEQUENT_ABI_SET avx2_without_fma
#elif defined(__AVX__) && defined(__FMA__)
#define SEQUENT_ABI_SET avx_fma
#elif defined(__AVX__)
#define SEQUENT_ABI_SET avx
#elif defined(__SSE4_2__)
#define SEQUENT_ABI_SET sse4_2
#elif defined(__SSE4_1__)
#define SEQUENT_ABI_SET sse4_1
#elif defined(__SSSE3__)
#define SEQUENT_ABI_SET ssse3
#elif defined(__SSE3__)
#define SEQUENT_ABI_SET sse3
#elif defined(__ARM_FEATURE_SVE)
#define SEQUENT_ABI_SET sve
#elif defined(__aarch64__) || defined(_M_ARM64)
#define SEQUENT_ABI_SET neon
#else
#define SEQUENT_ABI_SET base
#endif

#if defined(SEQUENT_HAS_EXCEPTIONS)
#define SEQUENT_ABI_NAME_2(set) v0_1_##set
#else
#define SEQUENT_ABI_NAME_2(set) v0_1_##set##_without_exceptions
#endif
#define SEQUENT_ABI_NAME(set) SEQUENT_ABI_NAME_2(set)
#define SEQUENT_ABI SEQUENT_ABI_NAME(SEQUENT_ABI_SET)

#if defined(_MSC_VER) && !defined(__clang__)
#define SEQUENT_INLINE __forceinline
#else
#define SEQUENT_INLINE inline __attribute__((always_inline))
#endif

#if !defined(SEQUENT_HAS_EXCEPTIONS)
#include <cstdlib>
#endif

namespace sequent::inline SEQUENT_ABI {

/// The one way in which this library reports an error at run time: throws Error(message). Without
/// exceptions (-fno-exceptions) it prints the message to stderr and aborts.
template <class Error>
[[noreturn]] void fail(const std::string& message) {
#if defined(SEQUENT_HAS_EXCEPTIONS)
    throw Error(message);
#else
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
#endif
}

}  // namespace sequent::inline SEQUENT_ABI

/// SIMD kernels on raw pointers with static shapes, each with its gradient beside it. They know
/// nothing of rules and can be used alone.

#include <concepts>

#include <cmath>
#include <limits>

#include <cstddef>
#include <utility>

// GCC 12 finds the undefined pass-through of its own AVX-512 intrinsics uninitialised, wherever
// they are inlined from.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <xsimd/xsimd.hpp>

namespace sequent::inline SEQUENT_ABI::kernel {

/// The widest vector of T that the instruction set of this translation unit has.
template <class T>
using batch = xsimd::batch<T>;

template <class T>
inline constexpr int lanes = static_cast<int>(batch<T>::size);

/// How many vector registers the instruction set names.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int vector_registers = 32;
#else
inline constexpr int vector_registers = 16;
#endif

/// Before a loop of a few constant rounds over an array of batches: the array stays in registers
/// only if every subscript becomes a constant.
#if defined(__clang__)
#define SEQUENT_UNROLL _Pragma("clang loop unroll(full)")
#define SEQUENT_NO_UNROLL _Pragma("clang loop unroll(disable)")
#elif defined(_MSC_VER)
#define SEQUENT_UNROLL
#define SEQUENT_NO_UNROLL
#else
#define SEQUENT_UNROLL _Pragma("GCC unroll 32")
#define SEQUENT_NO_UNROLL _Pragma("GCC unroll 1")
#endif

/// Calls f(std::integral_constant<int, I>) for I = 0 .. Count - 1: for the few places
/// where the index must be a constant. SEQUENT_UNROLL compiles faster.
template <int Count, class F>
SEQUENT_INLINE constexpr void unroll(F&& f) noexcept {
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        (f(std::integral_constant<int, I>{}), ...);
    }
    (std::make_integer_sequence<int, Count>{});
}

template <class T>
SEQUENT_INLINE batch<T> zero() noexcept {
    return batch<T>(T(0));
}

template <class T>
SEQUENT_INLINE batch<T> set(T x) noexcept {
    return batch<T>(x);
}

template <class T>
SEQUENT_INLINE batch<T> load(const T* p) noexcept {
    return batch<T>::load_unaligned(p);
}

template <class T>
SEQUENT_INLINE void store(T* p, batch<T> x) noexcept {
    x.store_unaligned(p);
}

/// a * b + c, rounded once where the machine can.
template <class T>
SEQUENT_INLINE batch<T> fma(batch<T> a, batch<T> b, batch<T> c) noexcept {
#if defined(__AVX512F__)  // xsimd 8 to 10 multiply and add here
    if constexpr (sizeof(T) == 4)
        return _mm512_fmadd_ps(a, b, c);
    else
        return _mm512_fmadd_pd(a, b, c);
#else
    return xsimd::fma(a, b, c);
#endif
}

#if defined(__AVX__) && !defined(__AVX512F__)
/// Ones in the first `count` places of width sizeof(T), for AVX maskload and maskstore.
template <class T>
SEQUENT_INLINE __m256i first_mask(int count) noexcept {
    // A window slides over eight words of ones and eight of zeros.
    static constexpr std::int32_t words[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const int ones = count * static_cast<int>(sizeof(T) / 4);
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + 8 - ones));
}
#endif

/// The first `count` elements, zeros behind them; memory beyond is not touched. 0 <= count <=
/// lanes.
template <class T>
SEQUENT_INLINE batch<T> load_first(const T* p, int count) noexcept {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1u), p);
    else
        return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1u), p);
#elif defined(__AVX__)
    if constexpr (sizeof(T) == 4)
        return _mm256_maskload_ps(p, first_mask<T>(count));
    else
        return _mm256_maskload_pd(p, first_mask<T>(count));
#else
    alignas(batch<T>) T buffer[lanes<T>] = {};
    for (int i = 0; i < count; ++i) buffer[i] = p[i];
    return batch<T>::load_aligned(buffer);
#endif
}

/// Writes the first `count` elements of x and nothing else. 0 <= count <= lanes.
template <class T>
SEQUENT_INLINE void store_first(T* p, batch<T> x, int count) noexcept {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1u), x);
    else
        _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1u), x);
#elif defined(__AVX__)
    if constexpr (sizeof(T) == 4)
        _mm256_maskstore_ps(p, first_mask<T>(count), x);
    else
        _mm256_maskstore_pd(p, first_mask<T>(count), x);
#else
    alignas(batch<T>) T buffer[lanes<T>];
    x.store_aligned(buffer);
    for (int i = 0; i < count; ++i) p[i] = buffer[i];
#endif
}

/// The same with a count known to the compiler: a whole vector becomes a plain load or store.
template <int Count, class T>
SEQUENT_INLINE batch<T> load_first(const T* p) noexcept {
    static_assert(0 <= Count && Count <= lanes<T>);
    if constexpr (Count == lanes<T>)
        return load(p);
    else
        return load_first(p, Count);
}

template <int Count, class T>
SEQUENT_INLINE void store_first(T* p, batch<T> x) noexcept {
    static_assert(0 <= Count && Count <= lanes<T>);
    if constexpr (Count == lanes<T>)
        store(p, x);
    else
        store_first(p, x, Count);
}

/// A vector of half the lanes, for the ends of rows: where 512 bits pass as two halves, it costs
/// half. A whole vector where there is nothing to gain.
#if defined(__AVX512VL__) && defined(__FMA__)
template <class T>
using half_batch = xsimd::batch<T, xsimd::fma3<xsimd::avx2>>;

/// The first Count elements as a B, which is batch<T> or half_batch<T>.
template <class B, int Count, class T>
SEQUENT_INLINE B load_first_as(const T* p) noexcept {
    if constexpr (Count == static_cast<int>(B::size))
        return B::load_unaligned(p);
    else if constexpr (sizeof(B) == 64)
        return load_first(p, Count);
    else if constexpr (sizeof(T) == 4)
        return _mm256_maskz_loadu_ps(static_cast<__mmask8>((1u << Count) - 1u), p);
    else
        return _mm256_maskz_loadu_pd(static_cast<__mmask8>((1u << Count) - 1u), p);
}

/// The first lanes of x as a B.
template <class B, class T>
SEQUENT_INLINE B low_part(batch<T> x) noexcept {
    if constexpr (sizeof(B) == 64)
        return x;
    else if constexpr (sizeof(T) == 4)
        return _mm512_castps512_ps256(x);
    else
        return _mm512_castpd512_pd256(x);
}

template <int Count, class T>
SEQUENT_INLINE void store_first(T* p, half_batch<T> x) noexcept {
    if constexpr (Count == static_cast<int>(half_batch<T>::size))
        x.store_unaligned(p);
    else if constexpr (sizeof(T) == 4)
        _mm256_mask_storeu_ps(p, static_cast<__mmask8>((1u << Count) - 1u), x);
    else
        _mm256_mask_storeu_pd(p, static_cast<__mmask8>((1u << Count) - 1u), x);
}
#else
template <class T>
using half_batch = batch<T>;

template <class B, int Count, class T>
SEQUENT_INLINE B load_first_as(const T* p) noexcept {
    return load_first<Count>(p);
}

template <class B, class T>
SEQUENT_INLINE B low_part(batch<T> x) noexcept {
    return x;
}
#endif

/// The first Count elements of x, then those of `rest`.
template <int Count, class T>
SEQUENT_INLINE batch<T> keep_first(batch<T> x, batch<T> rest) noexcept {
    static_assert(0 <= Count && Count <= lanes<T>);
    if constexpr (Count == lanes<T>) {
        return x;
    } else {
#if defined(__AVX512F__)
        if constexpr (sizeof(T) == 4)
            return _mm512_mask_mov_ps(rest, static_cast<__mmask16>((1u << Count) - 1u), x);
        else
            return _mm512_mask_mov_pd(rest, static_cast<__mmask8>((1u << Count) - 1u), x);
#elif defined(__AVX__)
        if constexpr (sizeof(T) == 4)
            return _mm256_blendv_ps(rest, x, _mm256_castsi256_ps(first_mask<T>(Count)));
        else
            return _mm256_blendv_pd(rest, x, _mm256_castsi256_pd(first_mask<T>(Count)));
#else
        alignas(batch<T>) T a[lanes<T>];
        alignas(batch<T>) T b[lanes<T>];
        x.store_aligned(a);
        rest.store_aligned(b);
        for (int i = 0; i < Count; ++i) b[i] = a[i];
        return batch<T>::load_aligned(b);
#endif
    }
}

template <class T>
SEQUENT_INLINE T reduce_add(batch<T> x) noexcept {
#if XSIMD_VERSION_MAJOR >= 9
    return xsimd::reduce_add(x);
#else
    return xsimd::hadd(x);
#endif
}

template <class T>
SEQUENT_INLINE T reduce_max(batch<T> x) noexcept {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return _mm512_reduce_max_ps(x);
    else
        return _mm512_reduce_max_pd(x);
#elif XSIMD_VERSION_MAJOR >= 9
    return xsimd::reduce_max(x);
#else
    alignas(batch<T>) T buffer[lanes<T>];
    x.store_aligned(buffer);
    T greatest = buffer[0];
    for (int i = 1; i < lanes<T>; ++i) greatest = buffer[i] > greatest ? buffer[i] : greatest;
    return greatest;
#endif
}

namespace detail {

#if defined(__SSE2__)
/// The vector whose 128-bit lane l holds the 16 bytes at at(l).
template <class At>
SEQUENT_INLINE auto gather_quarters(At at) noexcept {
    const auto part = [&](auto l) __attribute__((always_inline)) {
        return _mm_loadu_ps(at(l));
    };
    using std::integral_constant;
    const __m128 low = part(integral_constant<int, 0>{});
#if defined(__AVX512F__)
    __m512 x = _mm512_zextps128_ps512(low);
    x = _mm512_insertf32x4(x, part(integral_constant<int, 1>{}), 1);
    x = _mm512_insertf32x4(x, part(integral_constant<int, 2>{}), 2);
    return _mm512_insertf32x4(x, part(integral_constant<int, 3>{}), 3);
#elif defined(__AVX__)
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), part(integral_constant<int, 1>{}), 1);
#else
    return low;
#endif
}

// Interleave the 32-bit words, or the 64-bit halves, of each 128-bit lane of a and b.
#if defined(__AVX512F__)
SEQUENT_INLINE __m512 low_words(__m512 a, __m512 b) noexcept {
    return _mm512_unpacklo_ps(a, b);
}
SEQUENT_INLINE __m512 high_words(__m512 a, __m512 b) noexcept {
    return _mm512_unpackhi_ps(a, b);
}
SEQUENT_INLINE __m512d low_halves(__m512 a, __m512 b) noexcept {
    return _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
}
SEQUENT_INLINE __m512d high_halves(__m512 a, __m512 b) noexcept {
    return _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
}
SEQUENT_INLINE __m512 as_floats(__m512d x) noexcept {
    return _mm512_castpd_ps(x);
}
#elif defined(__AVX__)
SEQUENT_INLINE __m256 low_words(__m256 a, __m256 b) noexcept {
    return _mm256_unpacklo_ps(a, b);
}
SEQUENT_INLINE __m256 high_words(__m256 a, __m256 b) noexcept {
    return _mm256_unpackhi_ps(a, b);
}
SEQUENT_INLINE __m256d low_halves(__m256 a, __m256 b) noexcept {
    return _mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b));
}
SEQUENT_INLINE __m256d high_halves(__m256 a, __m256 b) noexcept {
    return _mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b));
}
SEQUENT_INLINE __m256 as_floats(__m256d x) noexcept {
    return _mm256_castpd_ps(x);
}
#else
SEQUENT_INLINE __m128 low_words(__m128 a, __m128 b) noexcept {
    return _mm_unpacklo_ps(a, b);
}
SEQUENT_INLINE __m128 high_words(__m128 a, __m128 b) noexcept {
    return _mm_unpackhi_ps(a, b);
}
SEQUENT_INLINE __m128d low_halves(__m128 a, __m128 b) noexcept {
    return _mm_unpacklo_pd(_mm_castps_pd(a), _mm_castps_pd(b));
}
SEQUENT_INLINE __m128d high_halves(__m128 a, __m128 b) noexcept {
    return _mm_unpackhi_pd(_mm_castps_pd(a), _mm_castps_pd(b));
}
SEQUENT_INLINE __m128 as_floats(__m128d x) noexcept {
    return _mm_castpd_ps(x);
}
#endif
#endif

}  // namespace detail

/// How many columns load_transposed turns at once: those of one 128-bit lane.
template <class T>
inline constexpr int transposed_columns = 16 / static_cast<int>(sizeof(T));

/// Reads transposed_columns<T> elements from each of lanes<T> rows and gives them as columns:
/// out[k][r] = p[row(r) + k], where row(r) is the offset of row r.
template <class T, class Row>
SEQUENT_INLINE void load_transposed(const T* p, Row row, batch<T>* out) noexcept {
    constexpr int group = transposed_columns<T>;
#if defined(__SSE2__)
    // Lane l of part m holds row group * l + m, so that a transposition inside the lanes is all.
    const auto part = [&](int m) __attribute__((always_inline)) {
        return detail::gather_quarters([&](auto l) __attribute__((always_inline)) {
            return reinterpret_cast<const float*>(p + row(group * l() + m));
        });
    };
    if constexpr (sizeof(T) == 4) {
        const auto r0 = part(0), r1 = part(1), r2 = part(2), r3 = part(3);
        const auto low01 = detail::low_words(r0, r1), low23 = detail::low_words(r2, r3);
        const auto high01 = detail::high_words(r0, r1), high23 = detail::high_words(r2, r3);
        out[0] = detail::as_floats(detail::low_halves(low01, low23));
        out[1] = detail::as_floats(detail::high_halves(low01, low23));
        out[2] = detail::as_floats(detail::low_halves(high01, high23));
        out[3] = detail::as_floats(detail::high_halves(high01, high23));
    } else {
        const auto r0 = part(0), r1 = part(1);
        out[0] = detail::low_halves(r0, r1);
        out[1] = detail::high_halves(r0, r1);
    }
#else
    alignas(batch<T>) T buffer[group][lanes<T>];
    for (int r = 0; r < lanes<T>; ++r)
        for (int k = 0; k < group; ++k) buffer[k][r] = p[row(r) + k];
    for (int k = 0; k < group; ++k) out[k] = batch<T>::load_aligned(buffer[k]);
#endif
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// exp(r) = 1 + r + r^2 p(r) for |r| <= ln(2) / 2, p by the Remez algorithm for the relative error.
template <class T>
struct exp_constants;

template <>
struct exp_constants<float> {
    using word = std::int32_t;
    static constexpr int mantissa = 23;
    static constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    static constexpr float ln2_high = 0.693359375f;
    static constexpr float ln2_low = -2.12194440e-4f;
    static constexpr float least = -87.3365402f;    // below, the result is denormal
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

/// erf(x) = x inner(x^2) up to 1, above it 1 - exp(-x^2) outer(2 / (2 + x)); both by the Remez
/// algorithm, the second weighted with exp(-x^2). From `one` on it rounds to 1.
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

/// tanh(x) = x + x^3 inner(x^2) up to 0.625, by the Remez algorithm for the relative error.
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

/// The bits of a vector as another element type of the same width.
template <class To, class T>
SEQUENT_INLINE batch<To> bits_as(batch<T> x) noexcept {
#if XSIMD_VERSION_MAJOR >= 11
    return xsimd::bitwise_cast<To>(x);
#else
    return xsimd::bitwise_cast<batch<To>>(x);
#endif
}

}  // namespace detail

/// e^x within 2 ulp. Exactly 0 where the result would be denormal and at -infinity, exactly 1 at 0,
/// infinity where it overflows; a NaN stays.
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
    const batch<T> shifted = fma(x, set(T(1.44269504088896341)), set(c::magic));
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
    const batch<T> infinite = set(std::numeric_limits<T>::infinity());
    return xsimd::select(x < set(c::least), zero<T>(),
                         xsimd::select(x > set(c::greatest), infinite, y));
#endif
}

/// Natural logarithm; -infinity at 0, NaN below.
template <class T>
SEQUENT_INLINE batch<T> log(batch<T> x) noexcept {
#if defined(__AVX512F__) && !defined(__OPTIMIZE__) && !defined(__clang__)
    // Unoptimised, GCC 12 finds no immediate for an intrinsic in xsimd 8.1's.
    alignas(batch<T>) T values[lanes<T>];
    x.store_aligned(values);
    for (T& value : values) value = std::log(value);
    return batch<T>::load_aligned(values);
#else
    return xsimd::log(x);
#endif
}

template <class T>
SEQUENT_INLINE batch<T> tanh(batch<T> x) noexcept {
    const batch<T> size = xsimd::abs(x);
    const batch<T> square = size * size;
    const batch<T> inner =
        fma(size * square, detail::polynomial(detail::tanh_constants<T>::inner, square), size);
    // Where exp overflows this is 1.
    const batch<T> outer = set(T(1)) - set(T(2)) / (kernel::exp(size + size) + set(T(1)));
    return xsimd::copysign(xsimd::select(size < set(T(0.625)), inner, outer), x);
}

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

/// One number, by the same arithmetic as a vector of them.
template <std::floating_point T>
inline T exp(T x) noexcept {
    return kernel::exp(set(x)).get(0);
}
template <std::floating_point T>
inline T log(T x) noexcept {
    return kernel::log(set(x)).get(0);
}
template <std::floating_point T>
inline T tanh(T x) noexcept {
    return kernel::tanh(set(x)).get(0);
}
template <std::floating_point T>
inline T erf(T x) noexcept {
    return kernel::erf(set(x)).get(0);
}
template <std::floating_point T>
inline T sigmoid(T x) noexcept {
    return kernel::sigmoid(set(x)).get(0);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

namespace sequent::inline SEQUENT_ABI::kernel {

/// Functions of one number. `parameter` is the slope of leaky_relu below zero and the c of
/// soft_cap(x) = c tanh(x / c); the others ignore it.
enum class activation {
    identity,
    relu,
    leaky_relu,
    gelu,       ///< x Phi(x), Hendrycks & Gimpel 2016
    gelu_tanh,  ///< its approximation x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
    silu,       ///< x sigmoid(x)
    sigmoid,
    tanh,
    exp,
    log,
    sqrt,
    inverse,     ///< 1 / x
    complement,  ///< 1 - x
    soft_cap
};

/// Whether `derivative` looks at x; if not, x may be anything and the output is enough. leaky_relu
/// is judged by its output, which needs a slope above zero.
constexpr bool derivative_needs_input(activation f) noexcept {
    switch (f) {
        case activation::gelu:
        case activation::gelu_tanh:
        case activation::silu:
        case activation::log:
            return true;
        default:
            return false;
    }
}

namespace detail {

template <class B>
struct element {
    using type = typename B::value_type;
};
template <std::floating_point T>
struct element<T> {
    using type = T;
};

inline constexpr double inverse_sqrt_2 = 0.70710678118654752440;
inline constexpr double inverse_sqrt_2_pi = 0.39894228040143267794;
inline constexpr double sqrt_2_over_pi = 0.79788456080286535588;
inline constexpr double gelu_cubic = 0.044715;

}  // namespace detail

/// A batch<T> or a T.
template <class B>
using element_t = typename detail::element<B>::type;

/// F(x)
template <activation F, class B>
SEQUENT_INLINE B apply(B x, element_t<B> parameter = 0) noexcept {
    using T = element_t<B>;
    using enum activation;
    if constexpr (std::floating_point<B>) {
        return kernel::apply<F>(set(x), parameter).get(0);
    } else if constexpr (F == relu) {
        return xsimd::max(x, zero<T>());
    } else if constexpr (F == leaky_relu) {
        return xsimd::select(x > zero<T>(), x, x * set(parameter));
    } else if constexpr (F == gelu) {
        const B half = x * set(T(0.5));
        return fma(half, kernel::erf(x * set(T(detail::inverse_sqrt_2))), half);
    } else if constexpr (F == gelu_tanh) {
        // (1 + tanh(u)) / 2 is sigmoid(2 u)
        const B u = x * fma(x * x, set(T(detail::gelu_cubic)), set(T(1)));
        return x * kernel::sigmoid(u * set(T(2 * detail::sqrt_2_over_pi)));
    } else if constexpr (F == silu) {
        return x * kernel::sigmoid(x);
    } else if constexpr (F == sigmoid) {
        return kernel::sigmoid(x);
    } else if constexpr (F == tanh) {
        return kernel::tanh(x);
    } else if constexpr (F == exp) {
        return kernel::exp(x);
    } else if constexpr (F == log) {
        return kernel::log(x);
    } else if constexpr (F == sqrt) {
        return xsimd::sqrt(x);
    } else if constexpr (F == inverse) {
        return set(T(1)) / x;
    } else if constexpr (F == complement) {
        return set(T(1)) - x;
    } else if constexpr (F == soft_cap) {
        return set(parameter) * kernel::tanh(x / set(parameter));
    } else {
        return x;
    }
}

/// dF/dx at input x, whose output is y = F(x). Zero at the kink of relu, the slope at that of
/// leaky_relu.
template <activation F, class B>
SEQUENT_INLINE B derivative(B x, B y, element_t<B> parameter = 0) noexcept {
    using T = element_t<B>;
    using enum activation;
    if constexpr (std::floating_point<B>) {
        return kernel::derivative<F>(set(x), set(y), parameter).get(0);
    } else if constexpr (F == relu) {
        return xsimd::select(y > zero<T>(), set(T(1)), zero<T>());
    } else if constexpr (F == leaky_relu) {
        return xsimd::select(y > zero<T>(), set(T(1)), set(parameter));
    } else if constexpr (F == gelu) {
        const B cdf =
            fma(kernel::erf(x * set(T(detail::inverse_sqrt_2))), set(T(0.5)), set(T(0.5)));
        const B density = kernel::exp(x * x * set(T(-0.5))) * set(T(detail::inverse_sqrt_2_pi));
        return fma(x, density, cdf);
    } else if constexpr (F == gelu_tanh) {
        const B square = x * x;
        const B u = x * fma(square, set(T(detail::gelu_cubic)), set(T(1)));
        const B s = kernel::sigmoid(u * set(T(2 * detail::sqrt_2_over_pi)));
        const B slope = fma(square, set(T(3 * detail::gelu_cubic)), set(T(1)));
        return fma(s * (set(T(1)) - s), x * slope * set(T(2 * detail::sqrt_2_over_pi)), s);
    } else if constexpr (F == silu) {
        const B s = kernel::sigmoid(x);
        return fma(s * (set(T(1)) - s), x, s);
    } else if constexpr (F == sigmoid) {
        return y * (set(T(1)) - y);
    } else if constexpr (F == tanh) {
        return set(T(1)) - y * y;
    } else if constexpr (F == exp) {
        return y;
    } else if constexpr (F == log) {
        return set(T(1)) / x;
    } else if constexpr (F == sqrt) {
        return set(T(0.5)) / y;
    } else if constexpr (F == inverse) {
        return -(y * y);
    } else if constexpr (F == complement) {
        return set(T(-1));
    } else if constexpr (F == soft_cap) {
        const B t = y / set(parameter);
        return set(T(1)) - t * t;
    } else {
        return set(T(1));
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

namespace sequent::inline SEQUENT_ABI::kernel {

/// C = A B or C += A B with C rows x columns, A rows x depth, B depth x columns. Strides count
/// elements. The columns of C are contiguous.
struct product_shape {
    int rows, columns, depth;
    int a_row, a_depth;     ///< either may be 1; a_row == 1 is a transposed left operand
    int b_depth, b_column;  ///< one of the two is 1; b_depth == 1 is a transposed right operand
    int c_row;
    bool accumulate;  ///< += instead of =
};

/// What a product does to its results before it stores them, given vectors of them: here nothing.
/// Another type gives a result as finish(x, row, column, count) for the columns [column, column +
/// count) of a row, where count, a constant, may be less than a vector has.
struct as_is {
    template <class B, class Count>
    SEQUENT_INLINE B operator()(B x, int, int, Count) const noexcept {
        return x;
    }
};

namespace detail {

/// n in as few parts of at most `most` as will do, as equal as can be: `longer` parts of size + 1,
/// then parts of `size`.
struct even_split {
    int parts, size, longer;

    constexpr even_split(int n, int most)
        : parts((n + most - 1) / most), size(n / parts), longer(n % parts) {}
    constexpr int greatest() const { return size + (longer > 0); }
};

/// How a shape is cut: panels of columns, tiles of rows in a panel, blocks of depth.
template <product_shape Shape, class T>
struct product_plan {
    // A tile of R x V vectors takes R V sums, V of B and one of A; a product apart from its sum
    // takes room of its own.
#if defined(__FMA__) || defined(__aarch64__)
    static constexpr int registers = vector_registers - 1;
#else
    static constexpr int registers = vector_registers - 3;
#endif
    // Rows of A that fall on the same lines of the L1 cache drive each other out, unless they are
    // fewer than its ways.
    static constexpr bool crowded = Shape.a_depth == 1 && Shape.a_row * int{sizeof(T)} % 2048 == 0;
    static constexpr int most_rows(int across) {
        return std::clamp(registers / across - 1, 1, crowded ? 6 : across == 1 ? 16 : 12);
    }
    static constexpr int most_vectors(int down) {
        return std::clamp(registers / (down + 1), 2, 8);
    }

    static constexpr int vectors = (Shape.columns + lanes<T> - 1) / lanes<T>;
    static constexpr int last = Shape.columns - (vectors - 1) * lanes<T>;  // lanes of the last one
    using last_batch = std::conditional_t<(last <= static_cast<int>(half_batch<T>::size)),
                                          half_batch<T>, batch<T>>;

    // Few rows take more vectors at once.
    static constexpr even_split panels{
        vectors, most_vectors(even_split{Shape.rows, most_rows(2)}.greatest())};
    static constexpr int width = panels.greatest() * lanes<T>;

    // A transposed right operand is turned panel by panel, unless the rows are too few to pay for
    // it. A plain one whose rows fall on the same few lines of the L1 cache is copied, where there
    // are enough rows.
    static constexpr bool turned = Shape.b_depth == 1 && Shape.b_column != 1;
    static constexpr bool aliased = Shape.b_depth * int{sizeof(T)} % 512 == 0;
    static constexpr bool copied = turned || (aliased && Shape.rows >= 192);
    static constexpr int dot_rows = turned && Shape.a_depth == 1 ? 4 : 0;
    static constexpr int block = std::min(Shape.depth, 16384 / int{sizeof(T)} / width);
};

/// Where a tile stands in C, and what is done with its sums: added to C or not, finished or not.
struct tile_target {
    int row;
    int column;
    bool accumulate;
    bool finishes;
};

/// Rows x Vectors batches of C in registers. The last vector of each row is a Last, loaded from B
/// with LoadLast lanes and stored to C with StoreLast lanes.
template <class Last, int Rows, int Vectors, int LoadLast, int StoreLast, int ARow, int ADepth,
          int BDepth, int CRow, class T, class Finish>
inline void product_tile(const T* a, const T* b, T* c, int depth, tile_target place,
                         const Finish& finish) noexcept {
    constexpr int n = lanes<T>;
    constexpr int whole = Vectors - 1;
    batch<T> sum[Rows][Vectors];  // the last column only fills what would be an array of none
    Last last_sum[Rows];
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
        SEQUENT_UNROLL for (int v = 0; v < whole; ++v) sum[r][v] = zero<T>();
        last_sum[r] = Last(T(0));
    }
    // Limited by the FMA ports: a load of B serves all rows, and the broadcasts of A take a load
    // port for every Vectors multiplications.
    SEQUENT_NO_UNROLL for (int k = 0; k < depth; ++k) {
        batch<T> y[Vectors];
        SEQUENT_UNROLL for (int v = 0; v < whole; ++v) y[v] = load(b + v * n);
        const Last last_y = load_first_as<Last, LoadLast>(b + whole * n);
        SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
            batch<T> x = set(a[r * ARow]);
            Last last_x(a[r * ARow]);
#if defined(__clang__)
            // Clang spreads the number in half a vector, then again: a shuffle for each row.
            if constexpr (Vectors == 2 && sizeof(Last) < sizeof(x)) {
                asm("" : "+v"(x.data));
                last_x = low_part<Last>(x);
            }
#endif
            SEQUENT_UNROLL for (int v = 0; v < whole; ++v) sum[r][v] = fma(x, y[v], sum[r][v]);
            last_sum[r] = fma(last_x, last_y, last_sum[r]);
        }
        a += ADepth;
        b += BDepth;
    }
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
        T* at = c + r * CRow;
        if (place.accumulate) {
            SEQUENT_UNROLL for (int v = 0; v < whole; ++v) sum[r][v] += load(at + v * n);
            last_sum[r] += load_first_as<Last, StoreLast>(at + whole * n);
        }
        if constexpr (!std::is_same_v<Finish, as_is>)
            if (place.finishes) {
                unroll<whole>([&](auto v) __attribute__((always_inline)) {
                    sum[r][v()] = finish(sum[r][v()], place.row + r, place.column + v() * n,
                                         std::integral_constant<int, n>{});
                });
                last_sum[r] = finish(last_sum[r], place.row + r, place.column + whole * n,
                                     std::integral_constant<int, StoreLast>{});
            }
        SEQUENT_UNROLL for (int v = 0; v < whole; ++v) store(at + v * n, sum[r][v]);
        store_first<StoreLast, T>(at + whole * n, last_sum[r]);
    }
}

/// One panel of columns: all rows against it. `b` has row stride BDepth. Whole: rows is Shape.rows.
template <product_shape Shape, bool Whole, class Last, int Vectors, int LoadLast, int StoreLast,
          int BDepth, class T, class Finish>
inline void product_panel(const T* a, const T* b, T* c, int rows, int depth, tile_target place,
                          const Finish& finish) noexcept {
    constexpr even_split tiles{Shape.rows, product_plan<Shape, T>::most_rows(Vectors)};
    const auto take = [&](auto tile) {
        product_tile<Last, tile(), Vectors, LoadLast, StoreLast, Shape.a_row, Shape.a_depth, BDepth,
                     Shape.c_row>(a, b, c, depth, place, finish);
        place.row += tile();
        a += tile() * Shape.a_row;
        c += tile() * Shape.c_row;
        rows -= tile();
    };
    using std::integral_constant;
    if constexpr (Whole) {
        for (int i = 0; i < tiles.longer; ++i) take(integral_constant<int, tiles.size + 1>{});
        while (rows > 0) take(integral_constant<int, tiles.size>{});
    } else {
        constexpr int greatest = tiles.greatest();
        while (rows >= greatest) take(integral_constant<int, greatest>{});
        unroll<4>([&](auto i) {
            constexpr int tile = 8 >> i();
            if constexpr (tile < greatest)
                if (rows >= tile) take(integral_constant<int, tile>{});
        });
    }
}

/// Copies columns of a transposed right operand to rows of Pitch elements, a row for each k. Behind
/// the last column, its vector repeats it.
template <int BColumn, int Pitch, class T>
SEQUENT_INLINE void turn_columns(const T* b, T* to, int columns, int depth) noexcept {
    constexpr int n = lanes<T>;
    constexpr int group = transposed_columns<T>;
    for (; columns > 0; columns -= n, b += n * BColumn, to += n) {
        const int last = std::min(columns, n) - 1;
        T* row = to;
        if (last == 0) {
            for (int k = 0; k < depth; ++k, row += Pitch) store(row, set(b[k]));
            break;
        }
        int k = 0;
        // Limited by the port of the shuffles: two for each vector, and three inserts.
        for (; k + group <= depth; k += group) {
            batch<T> out[group];
            if (last == n - 1)
                load_transposed(
                    b + k, [](int column) { return column * BColumn; }, out);
            else
                load_transposed(
                    b + k, [last](int column) { return std::min(column, last) * BColumn; }, out);
            for (int i = 0; i < group; ++i, row += Pitch) store(row, out[i]);
        }
        // Counted from the end, so that the compiler sees how few there are.
        for (unsigned rest = static_cast<unsigned>(depth) % group; rest > 0;
             --rest, ++k, row += Pitch)
            for (int j = 0; j < n; ++j) row[j] = b[std::min(j, last) * BColumn + k];
    }
}

/// Copies columns of a plain right operand to `panel` in the same way.
template <int Vectors, class Last, int LastColumns, int BDepth, int Width, class T>
inline void copy_panel(const T* b, T* panel, int depth) noexcept {
    constexpr int n = lanes<T>;
    for (int k = 0; k < depth; ++k, b += BDepth, panel += Width) {
        SEQUENT_UNROLL for (int v = 0; v + 1 < Vectors; ++v) store(panel + v * n, load(b + v * n));
        constexpr int last = (Vectors - 1) * n;
        store_first<static_cast<int>(Last::size), T>(panel + last,
                                                     load_first_as<Last, LastColumns>(b + last));
    }
}

/// Columns elements of C, each the dot product of a row of A and a row of a transposed B.
template <int Columns, int BColumn, class T>
inline void product_dots(const T* a, const T* b, T* c, int depth, bool accumulate) noexcept {
    constexpr int n = lanes<T>;
    batch<T> sum[Columns];
    SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) sum[j] = zero<T>();
    int k = 0;
    // Limited by the loads of B, a cache line for each multiplication.
    SEQUENT_NO_UNROLL for (; k + n <= depth; k += n) {
        const batch<T> x = load(a + k);
        SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) {
            sum[j] = fma(x, load(b + j * BColumn + k), sum[j]);
        }
    }
    if (k < depth) {
        const batch<T> x = load_first(a + k, depth - k);
        SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) {
            sum[j] = fma(x, load_first(b + j * BColumn + k, depth - k), sum[j]);
        }
    }
    SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) {
        c[j] = (accumulate ? c[j] : T(0)) + reduce_add(sum[j]);
    }
}

/// All columns of a few rows that way.
template <product_shape Shape, class T>
inline void product_of_few_rows(const T* a, const T* b, T* c, int rows, int depth) noexcept {
    constexpr int group = std::min(Shape.columns, 8);
    constexpr int rest = Shape.columns % group;
    for (int i = 0; i < rows; ++i, a += Shape.a_row, c += Shape.c_row) {
        int j = 0;
        for (; j + group <= Shape.columns; j += group)
            product_dots<group, Shape.b_column>(a, b + j * Shape.b_column, c + j, depth,
                                                Shape.accumulate);
        if constexpr (rest > 0)
            product_dots<rest, Shape.b_column>(a, b + j * Shape.b_column, c + j, depth,
                                               Shape.accumulate);
    }
}

/// All columns and depths, panel by panel. Whole: rows and depth are Shape's.
template <product_shape Shape, bool Whole, class T, class Finish>
inline void product_of_panels(const T* a, const T* b, T* c, int rows, int depth,
                              const Finish& finish) noexcept {
    using plan = product_plan<Shape, T>;
    using last_batch =
        std::conditional_t<std::is_same_v<Finish, as_is>, typename plan::last_batch, batch<T>>;
    if constexpr (Whole) {
        rows = Shape.rows;
        depth = Shape.depth;
    }
    constexpr int n = lanes<T>;
    alignas(64) T copy[plan::copied ? plan::block * plan::width : 1];
    bool accumulate = Shape.accumulate;
    int left = depth;
    do {
        const int block = std::min(left, plan::block);
        int column = 0;
        // A panel of some vectors, the last of them a Last of which `last` lanes are columns of C.
        const auto take = [&]<class Last>(Last, auto vectors, auto last) {
            const T* from = b + column * Shape.b_column;
            T* to = c + column;
            const tile_target place{0, column, accumulate, left == block};
            if constexpr (plan::copied) {
                constexpr int all = static_cast<int>(Last::size);
                if constexpr (plan::turned)
                    turn_columns<Shape.b_column, plan::width>(from, copy,
                                                              (vectors() - 1) * n + last(), block);
                else
                    copy_panel<vectors(), Last, last(), Shape.b_depth, plan::width>(from, copy,
                                                                                    block);
                product_panel<Shape, Whole, Last, vectors(), all, last(), plan::width>(
                    a, copy, to, rows, block, place, finish);
            } else {
                product_panel<Shape, Whole, Last, vectors(), last(), last(), Shape.b_depth>(
                    a, from, to, rows, block, place, finish);
            }
            column += vectors() * n;
        };
        using std::integral_constant;
        constexpr even_split panels = plan::panels;
        constexpr integral_constant<int, panels.size> size{};
        for (int i = 0; i < panels.longer; ++i)
            take(batch<T>{}, integral_constant<int, panels.size + 1>{},
                 integral_constant<int, n>{});
        for (int i = panels.longer + 1; i < panels.parts; ++i)
            take(batch<T>{}, size, integral_constant<int, n>{});
        take(last_batch{}, size, integral_constant<int, plan::last>{});
        accumulate = true;
        left -= block;
        a += block * Shape.a_depth;
        b += block * Shape.b_depth;
    } while (left > 0);
}

/// Finishes rows that are in C already.
template <product_shape Shape, class T, class Finish>
inline void finish_rows(T* c, int rows, const Finish& finish) noexcept {
    constexpr int n = lanes<T>;
    constexpr int last = Shape.columns % n;
    if constexpr (!std::is_same_v<Finish, as_is>)
        for (int row = 0; row < rows; ++row, c += Shape.c_row) {
            int column = 0;
            for (; column + n <= Shape.columns; column += n)
                store(c + column,
                      finish(load(c + column), row, column, std::integral_constant<int, n>{}));
            if constexpr (last > 0)
                store_first<last>(c + column, finish(load_first<last>(c + column), row, column,
                                                     std::integral_constant<int, last>{}));
        }
}

template <product_shape Shape, bool Whole, class T, class Finish>
inline void product(const T* a, const T* b, T* c, int rows, int depth,
                    const Finish& finish) noexcept {
    constexpr int few = product_plan<Shape, T>::dot_rows;
    if (few > 0 && rows <= few) {
        product_of_few_rows<Shape>(a, b, c, rows, depth);
        finish_rows<Shape>(c, rows, finish);
        return;
    }
    if constexpr (!Whole || Shape.rows > few)
        product_of_panels<Shape, Whole>(a, b, c, rows, depth, finish);
}

}  // namespace detail

/// C (=, +=) A B for a shape known to the compiler, finished. C must not overlap A or B.
template <product_shape Shape, class T, class Finish = as_is>
inline void product(const T* a, const T* b, T* c, const Finish& finish = {}) noexcept {
    detail::product<Shape, true>(a, b, c, Shape.rows, Shape.depth, finish);
}

/// Only the first `rows` rows and the first `depth` of the depth, both at most those of Shape and
/// either possibly zero: depth zero gives zeros, or leaves C as it is if Shape accumulates.
template <product_shape Shape, class T, class Finish = as_is>
inline void product(const T* a, const T* b, T* c, int rows, int depth,
                    const Finish& finish = {}) noexcept {
    depth = std::min(depth, Shape.depth);  // GCC warns of what a greater depth would read
    if (rows == Shape.rows && depth == Shape.depth)
        detail::product<Shape, true>(a, b, c, rows, depth, finish);
    else
        detail::product<Shape, false>(a, b, c, rows, depth, finish);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// An index space as lattices, and a lattice as tiles: the shapes in which attention walks over its
/// pairs.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Rows [begin, end) of those that a shape has.
struct row_range {
    int begin;
    int end;
};

/// All rows, known to the compiler.
template <int Rows>
struct all_rows {
    static constexpr int begin = 0;
    static constexpr int end = Rows;
};

template <class Range>
inline constexpr bool is_whole = false;
template <int Rows>
inline constexpr bool is_whole<all_rows<Rows>> = true;

namespace detail {

/// The part of a piece whose rows are first_row + t row_step and columns first_column +
/// u column_step, with each row's columns as an interval [begin, end) of u.
template <int Rows>
struct lattice {
    int first_row = 0;
    int first_column = 0;
    int rows = 0;
    int columns = 0;
    int begin[Rows];
    int end[Rows];
};

constexpr int ceil_divide(int value, int divisor) {
    return value >= 0 ? (value + divisor - 1) / divisor : -(-value / divisor);
}

template <class Piece>
constexpr int row_step_of(const Piece& piece) {
    return piece.slope != 0 ? piece.modulus : piece.row_modulus;
}

/// Calls visit(lattice, piece) for each part of the space within the rows, with the piece's place
/// among the pieces as a constant.
template <class Shape, class Range, class Visit>
SEQUENT_INLINE void each_lattice(const int* counts, Range range, Visit visit) noexcept {
    unroll<Shape::space.pieces.size()>([&](auto index) {
        constexpr auto piece = Shape::space.pieces[index()];
        constexpr int modulus = piece.modulus;
        constexpr int row_step = row_step_of(piece);
        static_assert(row_step == 1 || piece.row_modulus == 1 || row_step == piece.row_modulus);
        constexpr int capacity = (Shape::rows + row_step - 1) / row_step;
        lattice<capacity> part;
        for (int row_class = 0; row_class < row_step && row_class < Shape::rows; ++row_class) {
            if (!((piece.row_residues >> (row_class % piece.row_modulus)) & 1)) continue;
            for (int column_class = 0; column_class < modulus && column_class < Shape::columns;
                 ++column_class) {
                if (!piece.admits_residue(row_class, column_class)) continue;
                const int skipped = range.begin > row_class
                                        ? (range.begin - row_class + row_step - 1) / row_step
                                        : 0;
                part.first_row = row_class + skipped * row_step;
                part.first_column = column_class;
                part.rows = (range.end - part.first_row + row_step - 1) / row_step;
                part.columns = (Shape::columns - column_class + modulus - 1) / modulus;
                if (part.rows <= 0) continue;
                bool any = false;
                for (int t = 0; t < part.rows; ++t) {
                    const int row = part.first_row + t * row_step;
                    const bool admitted = piece.admits_row(row, counts);
                    const int begin = piece.begin(row, counts);
                    const int end = piece.end(row, Shape::columns, counts);
                    part.begin[t] = ceil_divide(begin - column_class, modulus);
                    part.end[t] = admitted ? ceil_divide(end - column_class, modulus) : 0;
                    if (part.begin[t] >= part.end[t]) part.begin[t] = part.end[t] = 0;
                    any = any || part.end[t] > 0;
                }
                if (any) visit(part, index);
            }
        }
    });
}

/// How a piece of a space is cut: blocks of columns, in a block tiles of rows, in these tiles of
/// columns. Sizes count lattice points.
struct tile_plan {
    int rows = 1;
    int columns = 1;
    int blocks = 1;
    bool narrow = false;  // all columns of a tile of rows fit in half a block
};

/// The numbers of a tile stay in the L1 cache.
inline constexpr int most_tile_numbers = 5120;
/// And the columns of a block, with their values, in the L2 cache. Their operands stand on the
/// stack while they are turned.
template <class Shape>
inline constexpr int most_block_columns = [] {
    int depth = Shape::length;
    for (const auto& node : Shape::nodes) depth = std::max(depth, node.depth);
    return std::clamp(20480 / depth, 64, 320);
}();

/// How many tiles cover columns [begin, end) where each block has its own.
constexpr int count_tiles(int begin, int end, int block, int tile) {
    const int first = begin / block;
    const int last = (end - 1) / block;
    if (first == last) return ceil_divide(end - begin, tile);
    return ceil_divide((first + 1) * block - begin, tile) +
           (last - first - 1) * ceil_divide(block, tile) + ceil_divide(end - last * block, tile);
}

/// The columns of some rows, from the first to the last.
struct column_span {
    int begin = std::numeric_limits<int>::max();
    int end = 0;

    constexpr bool empty() const { return begin >= end; }
    constexpr void add(int first, int last) {
        if (first >= last) return;
        begin = std::min(begin, first);
        end = std::max(end, last);
    }
};

/// Those of rows under a piece; counts given at run time do not bound them.
template <class Piece>
constexpr column_span span_of_rows(const Piece& piece, std::initializer_list<int> rows,
                                   int columns) {
    column_span result{columns, 0};
    for (const int row : rows) {
        int least = 0;
        int most = columns;
        for (const auto& limit : piece.lower)
            if (limit.is_static()) least = std::max(least, limit.at(row, nullptr));
        for (const auto& limit : piece.upper)
            if (limit.is_static()) most = std::min(most, limit.at(row, nullptr));
        result.begin = std::min(result.begin, least);
        result.end = std::max(result.end, most);
    }
    return result;
}

/// And of a tile of them: the bounds are monotone or constant from row to row.
template <class Piece>
constexpr column_span span_of_tile(const Piece& piece, int first, int last, int columns) {
    return span_of_rows(piece, {first, last}, columns);
}

/// Whether any `count` rows side by side have their columns within `room`.
template <class Piece>
constexpr bool is_narrow(const Piece& piece, int rows, int columns, int count, int room) {
    constexpr int most_rows = 8192;  // that a compiler looks at
    if (rows > most_rows) return false;
    for (int first = 0; first < rows; first += count) {
        column_span all;
        for (int row = first; row < std::min(first + count, rows); ++row) {
            const column_span each = span_of_rows(piece, {row}, columns);
            all.add(each.begin, each.end);
        }
        if (!all.empty() && all.end - all.begin > room) return false;
    }
    return true;
}

/// What the tiles of a piece cost, in units of one pair: with whole vectors of columns, and a share
/// for each row of a tile and for each tile. Counts given at run time do not bound it. Of many
/// tiles of rows a sample is taken. By halves: products end with half a vector where that will do.
template <int Lanes, class Piece>
constexpr double tile_cost(const Piece& piece, int rows, int columns, int block, int tile_rows,
                           int tile_columns, bool by_halves = false) {
    const int step = row_step_of(piece);
    const int modulus = piece.modulus;
    const auto round = [&](int to) { return (tile_columns + to - 1) / to * to; };
    constexpr int half = Lanes > 1 ? Lanes / 2 : 1;
    const double padded =
        by_halves ? 0.85 * round(half) + 0.15 * round(Lanes) : double{1} * round(Lanes);
    const int tiles = ceil_divide(rows, tile_rows * step);
    const int sampled = std::min(tiles, 16);
    double cost = 0;
    for (int at = 0; at < sampled; ++at) {
        // By halves, not only tiles that stand alike in their blocks are looked at.
        const int shifted = by_halves ? at % ceil_divide(tiles, sampled) : 0;
        const int tile = std::min(at * tiles / sampled + shifted, tiles - 1);
        const int first = tile * tile_rows * step;
        const auto [begin, end] =
            span_of_tile(piece, first, std::min(first + (tile_rows - 1) * step, rows - 1), columns);
        if (begin < end)
            cost += count_tiles(begin / modulus, ceil_divide(end, modulus), block, tile_columns) *
                    (tile_rows * (padded + 3) + 64);
    }
    return cost * tiles / sampled;
}

/// The cheapest tiles for piece At of a shape's space: even parts of all, or some round sizes.
template <class Shape, int At, class T>
inline constexpr tile_plan tiles_of = [] {
    constexpr auto& piece = Shape::space.pieces[At];
    const int step = row_step_of(piece);
    const int rows = ceil_divide(Shape::rows, step);
    const int most_columns = ceil_divide(Shape::columns, piece.modulus);
    tile_plan best;
    best.blocks = ceil_divide(most_columns, most_block_columns<Shape>);
    const int block = ceil_divide(most_columns, best.blocks);
    // Some lattices of a piece may have one column less.
    const int widest = piece.modulus == 1 ? block : std::max(block - 1, 1);
    // Documents are of any length: wide tiles would reach far beyond short ones.
    bool has_runs = false;
    for (const auto& limit : piece.upper) has_runs = has_runs || limit.compared >= 0;
    double least = std::numeric_limits<double>::infinity();
    for (const int tall :
         {rows, ceil_divide(rows, 2), ceil_divide(rows, ceil_divide(rows, 64)), 16, 32, 48, 64})
        for (const int wide : {widest, ceil_divide(widest, 2), ceil_divide(widest, 3),
                               ceil_divide(widest, ceil_divide(widest, 64)), 16, 32, 48, 64, 96}) {
            if (tall > std::min(rows, 64) || wide > widest || tall * wide > most_tile_numbers ||
                (has_runs && wide > 64))
                continue;
            const double cost =
                tile_cost<lanes<T>>(piece, Shape::rows, Shape::columns, block, tall, wide);
            if (cost < least) {
                least = cost;
                best.rows = tall;
                best.columns = wide;
            }
        }
    // In a band, a few rows at a time leave the least outside of it.
    const int middle = Shape::rows / 2 / step * step;
    least = tile_cost<lanes<T>>(piece, Shape::rows, Shape::columns, block, best.rows, best.columns,
                                true);
    for (const int tall : {8, 16}) {
        int wide = 0;
        for (int tile = 0; tile < 8; ++tile) {
            const int first = std::min(middle + tile * tall * step, Shape::rows - 1);
            const column_span all = span_of_tile(
                piece, first, std::min(first + (tall - 1) * step, Shape::rows - 1), Shape::columns);
            if (!all.empty())
                wide = std::max(wide, ceil_divide(all.end - all.begin, piece.modulus));
        }
        if (wide < 1 || 2 * wide > widest || tall > rows || tall * wide > most_tile_numbers)
            continue;
        const double cost =
            tile_cost<lanes<T>>(piece, Shape::rows, Shape::columns, block, tall, wide, true);
        if (cost < 0.97 * least) {
            least = cost;
            best.rows = tall;
            best.columns = wide;
        }
    }
    best.narrow = best.blocks > 1 && is_narrow(piece, Shape::rows, Shape::columns, best.rows * step,
                                               block / 2 * piece.modulus);
    return best;
}();

/// A block of columns at hand: [first, end) of the lattice, of which those from `fresh` on have not
/// been at hand before. No tile goes beyond `limit`.
struct column_block {
    int first;
    int fresh;
    int end;
    int limit;
};

/// A tile at hand: rows from `row` and columns from `column`, of which those from `fresh` on are
/// new.
struct tile_place {
    int row;
    int column;
    int fresh;
};

/// Calls begin(block), then visit(block, row, count, begin, end) for each tile of rows that has
/// pairs in the block: those lie in columns [begin, end). Each column is in one block, or, in a
/// narrow band, all columns of a tile are, and blocks overlap.
template <tile_plan Plan, class Lattice, class Begin, class Visit>
SEQUENT_INLINE void each_row_tile(const Lattice& part, Begin begin, Visit visit) noexcept {
    const int size = (part.columns + Plan.blocks - 1) / Plan.blocks;
    const auto span = [&part](int row) {
        column_span result;
        for (int r = row; r < std::min(row + Plan.rows, part.rows); ++r)
            result.add(part.begin[r], part.end[r]);
        return result;
    };
    if constexpr (Plan.narrow) {
        for (int row = 0; row < part.rows;) {
            // As many tiles of rows as a block holds the columns of, up to whole tiles of columns.
            column_span all;
            int next = row;
            for (; next < part.rows; next += Plan.rows) {
                const column_span more = span(next);
                if (more.empty()) continue;
                const int tiles = ceil_divide(more.end - more.begin, Plan.columns);
                column_span longer = all;
                longer.add(std::min(more.begin, part.columns - Plan.columns),
                           std::min(more.begin + tiles * Plan.columns, part.columns));
                if (longer.end - longer.begin > size) break;
                all = longer;
            }
            if (!all.empty()) {
                column_block block{all.begin, all.begin, all.end, part.columns};
                begin(block);
                for (; row < next; row += Plan.rows) {
                    const column_span here = span(row);
                    if (!here.empty())
                        visit(block, row, std::min(Plan.rows, part.rows - row), here.begin,
                              here.end);
                }
            }
            row = next;
        }
    } else {
        for (int fresh = 0; fresh < part.columns; fresh += size) {
            const int first = std::min(fresh, part.columns - size);
            const column_block block{first, fresh, first + size, first + size};
            begin(block);
            for (int row = 0; row < part.rows; row += Plan.rows) {
                const column_span here = span(row);
                const int low = std::max(here.begin, block.fresh);
                const int high = std::min(here.end, block.end);
                if (low < high) visit(block, row, std::min(Plan.rows, part.rows - row), low, high);
            }
        }
    }
}

/// Calls visit(tile) for the tiles that cover columns [begin, end) of a row tile. All have Columns
/// columns: one that would leave the block overlaps the one before.
template <int Columns, class Visit>
SEQUENT_INLINE void each_column_tile(const column_block& block, int row, int begin, int end,
                                     Visit visit) noexcept {
    for (int fresh = begin; fresh < end; fresh += Columns)
        visit(tile_place{row, std::min(fresh, block.limit - Columns), fresh});
}

/// The elements from one row of turned columns to the next: not a power of two, whose rows would
/// share a few lines of the cache.
template <class T>
constexpr int turned_pitch(int columns) {
    const int pitch = (columns + lanes<T> - 1) / lanes<T> * lanes<T>;
    return pitch > 64 ? pitch + lanes<T> : pitch;
}

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Score expressions: how strongly row i attends to column j, evaluated a tile at a time.

namespace sequent::inline SEQUENT_ABI::kernel {

enum class score_op {
    dot,       ///< value * (x at row i) . (y at column j)
    load,      ///< one element, x[i x_row + j x_column]
    number,    ///< value
    index,     ///< value + i x_row + j x_column
    add,       ///< left + right
    multiply,  ///< left * right
    function   ///< function(left), with `value` as its parameter
};

/// A node; operands come before the operations on them. Strides count elements. A flag tells
/// whether the gradient of x and of y is wanted at all.
struct score_node {
    score_op op = score_op::number;
    int x_row = 0;
    int x_column = 0;
    int y_column = 0;
    int depth = 0;
    double value = 1;
    activation function = activation::identity;
    int left = -1;
    int right = -1;
    bool x_gradient = false;
    bool y_gradient = false;

    constexpr bool is_leaf() const {
        return op == score_op::load || op == score_op::number || op == score_op::index;
    }
};

inline constexpr int max_score_nodes = 12;

/// The pointers that go with the nodes; gradients may be null. `base` is added to an index node.
template <class T>
struct score_operands {
    std::array<const T*, max_score_nodes> x{};
    std::array<const T*, max_score_nodes> y{};
    std::array<T*, max_score_nodes> dx{};
    std::array<T*, max_score_nodes> dy{};
    std::array<T, max_score_nodes> base{};
};

namespace detail {

/// 0, 1, 2, ... in the lanes.
template <class T>
SEQUENT_INLINE batch<T> iota() noexcept {
    alignas(batch<T>) T values[lanes<T>];
    for (int lane = 0; lane < lanes<T>; ++lane) values[lane] = static_cast<T>(lane);
    return batch<T>::load_aligned(values);
}

/// A product whose rows or depth may be fewer than its shape's, unless all tiles are Even: that
/// needs less code.
template <product_shape Shape, bool Even, class T, class Finish = as_is>
SEQUENT_INLINE void tile_product(const T* a, const T* b, T* c, int rows, int depth,
                                 const Finish& finish = {}) noexcept {
    if constexpr (Even)
        kernel::product<Shape>(a, b, c, finish);
    else
        kernel::product<Shape>(a, b, c, rows, depth, finish);
}

/// Adds the rows of a product to listed rows of an array.
template <class T>
struct add_to_listed {
    T* to;
    const int* listed;
    int stride;

    template <class Count>
    SEQUENT_INLINE batch<T> operator()(batch<T> x, int row, int column, Count) const noexcept {
        T* at = to + listed[row] * stride + column;
        if constexpr (Count::value == lanes<T>)
            store(at, batch<T>(load(at) + x));
        else
            store_first<Count::value>(at, batch<T>(load_first<Count::value>(at) + x));
        return x;
    }
};

/// The right operands of a score's dot products, for a block of columns: turned once, so that all
/// tiles of rows multiply by plain matrices. `Columns` is the most that a block has; with none,
/// the products are of operands as they lie.
template <class Shape, class T, int Columns, int ColumnStep>
class turned_operands {
  public:
    static constexpr bool any = Columns > 0;
    static constexpr bool gathered = false;
    static constexpr int pitch = turned_pitch<T>(Columns);

    void turn(const score_operands<T>& operands, int column, int count) noexcept {
        if constexpr (any)
            unroll<Shape::nodes.size()>([&](auto index) {
                constexpr score_node node = Shape::nodes[index()];
                if constexpr (node.op == score_op::dot)
                    turn_columns<node.y_column * ColumnStep, pitch>(
                        operands.y[index()] + column * node.y_column,
                        numbers_ + depth_before(index()) * pitch, count, node.depth);
            });
    }

    /// The operand of a node, from this column of the block on.
    template <int Node>
    const T* at(int column) const noexcept {
        return numbers_ + depth_before(Node) * pitch + column;
    }

  private:
    static constexpr int depth_before(int node) {
        int depth = 0;
        for (int at = 0; at < node; ++at)
            if (Shape::nodes[at].op == score_op::dot) depth += Shape::nodes[at].depth;
        return depth;
    }
    static constexpr int size = any ? depth_before(Shape::nodes.size()) * pitch : 0;

    alignas(64) T numbers_[size > 0 ? size : 1];
};

/// A tile of Shape's scores: rows first_row + r row_step, columns first_column + c column_step, or
/// those that Turned has gathered. Each operation has a tile of numbers of its own, `pitch`
/// elements from row to row.
template <class Shape, class T, int Rows, int Columns, int RowStep, int ColumnStep, bool Even,
          class Turned>
class score_tile {
  public:
    static constexpr int pitch = (Columns + lanes<T> - 1) / lanes<T> * lanes<T>;
    static constexpr auto& nodes = Shape::nodes;
    static constexpr int root = Shape::nodes.size() - 1;

    /// `column` of the matrix is column `in_block` of the block that has been turned. Where the
    /// operands are gathered, `in_block` is how many columns there are.
    score_tile(const score_operands<T>& operands, const Turned& turned, int row, int column,
               int in_block, int rows) noexcept
        : operands_(operands),
          turned_(turned),
          row_(row),
          column_(column),
          in_block_(in_block),
          rows_(rows) {}

    /// What the numbers of the root's tile are to be multiplied by.
    static constexpr double root_scale() {
        return nodes[root].op == score_op::dot && nodes[root].value > 0 ? nodes[root].value : 1.0;
    }

    /// Whether the scores themselves must be left as they are until `propagate`.
    static constexpr bool needs_scores = nodes[root].op == score_op::function;

    T* evaluate() noexcept {
        if constexpr (nodes[root].is_leaf())
            fill<root>(tile<root>());
        else
            evaluate_node<root>();
        return tile<root>();
    }

    /// Scores that are one dot product, not yet times root_scale(): only those of the tile are
    /// written.
    template <int Pitch>
    void evaluate_to(T* to) noexcept {
        multiply<root, Pitch>(to);
    }

    /// Given the gradient in `gradient` (a tile, overwritten) of the root, times root_scale(), adds
    /// to the gradients of the operands.
    void propagate(T* gradient) noexcept { propagate_node<root>(gradient, true); }

  private:
    /// Whether the node's own tile is to hold the product times its value.
    static constexpr bool scales(int node) {
        return nodes[node].value != 1.0 && (node != root || nodes[node].value < 0);
    }
    static constexpr int count_tiles() {
        int count = 0;
        for (int at = 0; at <= root; ++at) count += nodes[at].is_leaf() && at != root ? 0 : 1;
        return count;
    }
    static constexpr int slot(int node) {
        int count = 0;
        for (int at = 0; at < node; ++at) count += nodes[at].is_leaf() ? 0 : 1;
        return count;
    }

    const score_operands<T>& operands_;
    const Turned& turned_;
    int row_;
    int column_;
    int in_block_;
    int rows_;
    alignas(64) T tiles_[count_tiles()][Rows * pitch];

    template <int Node>
    T* tile() noexcept {
        return tiles_[slot(Node)];
    }

    int row_at(int r) const noexcept {
        if constexpr (Turned::gathered)
            return turned_.rows[r];
        else
            return row_ + r * RowStep;
    }
    int column_at(int c) const noexcept {
        if constexpr (Turned::gathered)
            return turned_.columns[c];
        else
            return column_ + c * ColumnStep;
    }

    template <class F>
    SEQUENT_INLINE void each_vector(F f) noexcept {
        for (int r = 0; r < rows_; ++r)
            for (int c = 0; c < Columns; c += lanes<T>) f(r, c);
    }

    /// A leaf's numbers for row r, columns c and on.
    template <int Node>
    SEQUENT_INLINE batch<T> leaf(int r, int c) const noexcept {
        constexpr score_node node = nodes[Node];
        if constexpr (node.op == score_op::number) {
            return set(static_cast<T>(node.value));
        } else if constexpr (Turned::gathered) {
            alignas(batch<T>) T values[lanes<T>];
            const T first = operands_.base[Node] + static_cast<T>(node.value);
            for (int lane = 0; lane < lanes<T>; ++lane) {
                const int place = row_at(r) * node.x_row + column_at(c + lane) * node.x_column;
                values[lane] = node.op == score_op::index ? first + static_cast<T>(place)
                                                          : operands_.x[Node][place];
            }
            return batch<T>::load_aligned(values);
        } else if constexpr (node.op == score_op::index) {
            const T first = operands_.base[Node] + static_cast<T>(node.value) +
                            static_cast<T>(node.x_row * row_at(r)) +
                            static_cast<T>(node.x_column * (column_ + c * ColumnStep));
            return fma(iota<T>(), set(static_cast<T>(node.x_column * ColumnStep)), set(first));
        } else {
            constexpr int step = node.x_column * ColumnStep;
            const T* from =
                operands_.x[Node] + row_at(r) * node.x_row + column_ * node.x_column + c * step;
            if constexpr (step == 0) {
                return set(*from);
            } else {
                const int count = Columns - c < lanes<T> ? Columns - c : lanes<T>;
                if constexpr (step == 1) return load_first(from, count);
                alignas(batch<T>) T values[lanes<T>] = {};
                for (int lane = 0; lane < count; ++lane) values[lane] = from[lane * step];
                return batch<T>::load_aligned(values);
            }
        }
    }

    template <int Node>
    SEQUENT_INLINE void fill(T* to) noexcept {
        each_vector([&](int r, int c) { store(to + r * pitch + c, leaf<Node>(r, c)); });
    }

    /// The numbers of a node that has been evaluated, or of a leaf.
    template <int Node>
    SEQUENT_INLINE batch<T> value(int r, int c) noexcept {
        if constexpr (nodes[Node].is_leaf())
            return leaf<Node>(r, c);
        else
            return load(tile<Node>() + r * pitch + c);
    }

    /// The left operand of a dot node.
    template <int Node>
    const T* row_operand() const noexcept {
        if constexpr (Turned::gathered)
            return turned_.template x<Node>();
        else
            return operands_.x[Node] + row_ * nodes[Node].x_row;
    }
    template <int Node>
    static constexpr int row_stride() {
        if constexpr (Turned::gathered)
            return Turned::depth_pitch(Node);
        else
            return nodes[Node].x_row * RowStep;
    }

    /// The products of a dot node, Pitch elements from row to row.
    template <int Node, int Pitch>
    void multiply(T* to) noexcept {
        constexpr score_node node = nodes[Node];
        const T* x = row_operand<Node>();
        constexpr int x_row = row_stride<Node>();
        if constexpr (Turned::any) {
            constexpr product_shape shape{Rows,          Columns, node.depth, x_row, 1,
                                          Turned::pitch, 1,       Pitch,      false};
            tile_product<shape, Even>(x,
                                      turned_.template at<Node>(Turned::gathered ? 0 : in_block_),
                                      to, rows_, node.depth);
        } else {
            constexpr int y_column = node.y_column * ColumnStep;
            constexpr product_shape shape{Rows, Columns,  node.depth, x_row, 1,
                                          1,    y_column, Pitch,      false};
            tile_product<shape, Even>(x, operands_.y[Node] + column_ * node.y_column, to, rows_,
                                      node.depth);
        }
    }

    template <int Node>
    void evaluate_node() noexcept {
        constexpr score_node node = nodes[Node];
        T* to = tile<Node>();
        if constexpr (node.op == score_op::dot) {
            multiply<Node, pitch>(to);
            if constexpr (scales(Node))
                each_vector([&](int r, int c) {
                    T* at = to + r * pitch + c;
                    store(at, batch<T>(load(at) * set(static_cast<T>(node.value))));
                });
        } else {
            if constexpr (!nodes[node.left].is_leaf()) evaluate_node<node.left>();
            if constexpr (node.op == score_op::function) {
                each_vector([&](int r, int c) {
                    store(to + r * pitch + c,
                          apply<node.function>(value<node.left>(r, c), static_cast<T>(node.value)));
                });
            } else {
                if constexpr (!nodes[node.right].is_leaf()) evaluate_node<node.right>();
                each_vector([&](int r, int c) {
                    const batch<T> left = value<node.left>(r, c);
                    const batch<T> right = value<node.right>(r, c);
                    if constexpr (node.op == score_op::add)
                        store(to + r * pitch + c, batch<T>(left + right));
                    else
                        store(to + r * pitch + c, batch<T>(left * right));
                });
            }
        }
    }

    /// `last` tells that the gradient's numbers are needed by nobody else.
    template <int Node>
    void propagate_node(T* gradient, bool last) noexcept {
        constexpr score_node node = nodes[Node];
        if constexpr (node.op == score_op::dot) {
            propagate_dot<Node>(gradient, last);
        } else if constexpr (node.op == score_op::load) {
            if constexpr (node.x_gradient)
                if (operands_.dx[Node]) add_leaf_gradient<Node>(gradient);
        } else if constexpr (node.op == score_op::add) {
            propagate_node<node.right>(gradient, false);
            propagate_node<node.left>(gradient, last);
        } else if constexpr (node.op == score_op::multiply) {
            alignas(64) T part[Rows * pitch];
            each_vector([&](int r, int c) {
                store(part + r * pitch + c,
                      batch<T>(load(gradient + r * pitch + c) * value<node.left>(r, c)));
            });
            propagate_node<node.right>(part, true);
            each_vector([&](int r, int c) {
                store(part + r * pitch + c,
                      batch<T>(load(gradient + r * pitch + c) * value<node.right>(r, c)));
            });
            propagate_node<node.left>(part, true);
        } else if constexpr (node.op == score_op::function) {
            alignas(64) T part[Rows * pitch];
            each_vector([&](int r, int c) {
                const batch<T> slope = derivative<node.function>(
                    value<node.left>(r, c), value<Node>(r, c), static_cast<T>(node.value));
                store(part + r * pitch + c, batch<T>(load(gradient + r * pitch + c) * slope));
            });
            propagate_node<node.left>(part, true);
        }
    }

    template <int Node>
    void propagate_dot(T* gradient, bool last) noexcept {
        constexpr score_node node = nodes[Node];
        [[maybe_unused]] alignas(64) T scaled[scales(Node) ? Rows * pitch : 1];
        if constexpr (scales(Node)) {
            T* to = last ? gradient : scaled;
            each_vector([&](int r, int c) {
                store(to + r * pitch + c,
                      batch<T>(load(gradient + r * pitch + c) * set(static_cast<T>(node.value))));
            });
            gradient = to;
        }
        if constexpr (Turned::gathered)
            propagate_gathered<Node>(gradient);
        else
            propagate_apart<Node>(gradient);
    }

    template <int Node>
    void propagate_gathered(const T* gradient) noexcept {
        constexpr score_node node = nodes[Node];
        constexpr int stride = Turned::depth_pitch(Node);
        if constexpr (node.x_gradient)
            if (T* dx = operands_.dx[Node]) {
                constexpr product_shape shape{Rows,   node.depth, Columns, pitch, 1,
                                              stride, 1,          stride,  false};
                tile_product<shape, Even>(gradient, turned_.template y<Node>(), turned_.sums(),
                                          rows_, in_block_,
                                          add_to_listed<T>{dx, turned_.rows, node.x_row});
            }
        if constexpr (node.y_gradient)
            if (operands_.dy[Node]) {
                constexpr product_shape shape{Columns, node.depth, Rows,   1,   pitch,
                                              stride,  1,          stride, true};
                tile_product<shape, Even>(gradient, row_operand<Node>(),
                                          turned_.template dy<Node>(), in_block_, rows_);
            }
    }

    template <int Node>
    void propagate_apart(const T* gradient) noexcept {
        constexpr score_node node = nodes[Node];
        constexpr int x_row = node.x_row * RowStep;
        const T* x = operands_.x[Node] + row_ * node.x_row;
        constexpr int y_column = node.y_column * ColumnStep;
        const T* y = operands_.y[Node] + column_ * node.y_column;
        if constexpr (node.x_gradient)
            if (T* dx = operands_.dx[Node]) {
                constexpr product_shape shape{Rows,     node.depth, Columns, pitch, 1,
                                              y_column, 1,          x_row,   true};
                tile_product<shape, Even>(gradient, y, dx + row_ * node.x_row, rows_, Columns);
            }
        if constexpr (node.y_gradient)
            if (T* dy = operands_.dy[Node]) {
                constexpr product_shape shape{Columns, node.depth, Rows,     1,   pitch,
                                              x_row,   1,          y_column, true};
                tile_product<shape, Even>(gradient, x, dy + column_ * node.y_column, Columns,
                                          rows_);
            }
    }

    template <int Node>
    void add_leaf_gradient(const T* gradient) noexcept {
        constexpr score_node node = nodes[Node];
        constexpr int step = node.x_column * ColumnStep;
        for (int r = 0; r < rows_; ++r) {
            T* to = operands_.dx[Node] + row_at(r) * node.x_row;
            const T* from = gradient + r * pitch;
            if constexpr (Turned::gathered) {
                for (int c = 0; c < in_block_; ++c) to[column_at(c) * node.x_column] += from[c];
                continue;
            }
            to += column_ * node.x_column;
            if constexpr (step == 0) {
                T sum = 0;
                for (int c = 0; c < Columns; ++c) sum += from[c];
                *to += sum;
            } else {
                for (int c = 0; c < Columns; ++c) to[c * step] += from[c];
            }
        }
    }
};

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Attention over an index space: out(i) = sum over j of softmax over j of score(i, j), times
/// value(j). Only tiles that hold pairs of the space are computed, with a running softmax (Milakov
/// and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135): no rows x columns array. A row
/// without a pair gives zero.
///
/// Shape is a type with static constexpr members
///   rows, columns, length      the extents of i and j, and of a value
///   nodes                      the score expression, `size()` of them, the last is the score
///   space                      `pieces` that don't overlap, each with begin(i), end(i),
///   admits_row(i)
///                              modulus, slope, residues, row_modulus, row_residues
///   value_column, out_row      strides
///   value_gradient             whether it may be wanted
///   keeps_scores, score_row    whether the scores are kept for the gradient, and their stride

namespace sequent::inline SEQUENT_ABI::kernel {

/// So many rows are attended from without turning the columns.
inline constexpr int few_rows = 4;

namespace detail {

/// The types with which piece At of a shape's space is computed. Few: at most few_rows rows, for
/// which turning columns does not pay.
template <class Shape, class T, class Range, bool Few, int At>
struct piece_kernel {
    static constexpr auto piece = Shape::space.pieces[At];
    static constexpr int row_step = row_step_of(piece);
    static constexpr int column_step = piece.modulus;
    static constexpr tile_plan plan = tiles_of<Shape, At, T>;
    static constexpr int rows = Few && plan.rows > few_rows ? few_rows : plan.rows;
    static constexpr int columns = plan.columns;
    static constexpr tile_plan tiling{rows, columns, plan.blocks, plan.narrow};
    static constexpr bool even = is_whole<Range> && row_step == 1 && Shape::rows % rows == 0;

    static constexpr int block =
        ((Shape::columns + column_step - 1) / column_step + plan.blocks - 1) / plan.blocks;
    using turned = turned_operands<Shape, T, Few ? 0 : block, column_step>;
    using tile = score_tile<Shape, T, rows, columns, row_step, column_step, even, turned>;
};

/// Of the columns in row r of a lattice, those in a tile, counted from its first.
struct tile_interval {
    int begin;
    int end;

    template <class Lattice>
    SEQUENT_INLINE tile_interval(const Lattice& part, const tile_place& at, int r, int columns)
        : begin(std::max(part.begin[at.row + r], at.fresh) - at.column),
          end(std::min(part.end[at.row + r] - at.column, columns)) {}

    SEQUENT_INLINE bool empty() const { return begin >= end; }
    SEQUENT_INLINE bool covers(int columns) const { return begin <= 0 && end >= columns; }
    /// Whether the columns c, c + 1, ... are inside.
    template <class T>
    SEQUENT_INLINE auto mask(int c) const {
        const batch<T> at = iota<T>() + set(static_cast<T>(c));
        return (at >= set(static_cast<T>(begin))) & (at < set(static_cast<T>(end)));
    }
};

template <int Length, class T>
SEQUENT_INLINE void scale_row(T* row, T factor) noexcept {
    constexpr int n = lanes<T>;
    int c = 0;
    for (; c + n <= Length; c += n) store(row + c, batch<T>(load(row + c) * set(factor)));
    if constexpr (Length % n != 0)
        store_first<Length % n>(row + c, batch<T>(load_first<Length % n>(row + c) * set(factor)));
}

template <int Length, class T>
SEQUENT_INLINE T dot_rows(const T* left, const T* right) noexcept {
    constexpr int n = lanes<T>;
    batch<T> sum = zero<T>();
    int c = 0;
    for (; c + n <= Length; c += n) sum = fma(load(left + c), load(right + c), sum);
    if constexpr (Length % n != 0)
        sum = fma(load_first<Length % n>(left + c), load_first<Length % n>(right + c), sum);
    return reduce_add(sum);
}

/// What rows have seen so far of their softmax: numbers are exp(score - shift). With room for whole
/// vectors.
template <int Rows, class T>
struct running_softmax {
    alignas(64) T shift[Rows + lanes<T> - 1];
    alignas(64) T sum[Rows + lanes<T> - 1];
};

template <class T>
inline constexpr T lowest = -std::numeric_limits<T>::infinity();

/// How far a score may lie above the shift before the shift follows: exp(8) is far from the ends of
/// the range, and most tiles after a row's first leave what was summed as it is.
inline constexpr int shift_slack = 8;

/// Gives a row another shift. What was summed before is scaled: sum, sums and out.
template <int Length, class T>
SEQUENT_INLINE void move_shift(T next, T& shift, T& sum, T* sums, T* out) noexcept {
    if (shift != lowest<T>) {
        const T factor = exp(shift - next);
        scale_row<Length>(out, factor);
        sum *= factor;
        store(sums, batch<T>(load(sums) * set(factor)));
    }
    shift = next;
}

/// Makes a row's shift fit the scores of a tile, copied to `to`, which may be they themselves, and
/// -infinity outside of the interval.
template <int Columns, int Length, class Inside, class T>
SEQUENT_INLINE void shift_row(const T* scores, T* to, Inside inside, T scale, T& shift, T& sum,
                              T* sums, T* out) noexcept {
    constexpr int n = lanes<T>;
    constexpr int vectors = (Columns + n - 1) / n;
    constexpr int last = Columns - (vectors - 1) * n;
    batch<T> x[vectors];
    SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) x[v] = load(scores + v * n);
    if (!inside.covers(Columns)) {
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) {
            x[v] = xsimd::select(inside.template mask<T>(v * n), x[v], set(lowest<T>));
        }
    } else {
        x[vectors - 1] = keep_first<last>(x[vectors - 1], set(lowest<T>));
    }
    SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) store(to + v * n, x[v]);
    batch<T> most = x[0];
    SEQUENT_UNROLL for (int v = 1; v < vectors; ++v) most = xsimd::max(most, x[v]);
    if (xsimd::all(most * set(scale) <= set(shift + T(shift_slack)))) return;
    move_shift<Length>(reduce_max(most) * scale, shift, sum, sums, out);
}

/// Turns a row of scores into exp(scale score - shift) and adds them to sums.
template <int Columns, class T>
SEQUENT_INLINE void soften_row(T* row, T scale, T shift, T* sums) noexcept {
    // Only if all scores so far are -infinity is the shift.
    const batch<T> down = set(shift == lowest<T> ? T(0) : -shift);
    batch<T> sum = load(sums);
    // Limited by the FMA ports, on which the polynomial of exp runs.
    for (int c = 0; c < Columns; c += lanes<T>) {
        const batch<T> p = exp(fma(load(row + c), set(scale), down));
        sum += p;
        store(row + c, p);
    }
    store(sums, sum);
}

/// Turns one row of a tile's scores into weights, zero outside of the interval, and the gradient of
/// the weights into that of the scores, times scale.
template <int Columns, class Inside, class T>
SEQUENT_INLINE void weight_row(const T* scores, T* weights, T* gradient, Inside inside, T scale,
                               T log_sum, T inner) noexcept {
    constexpr int n = lanes<T>;
    const bool whole = inside.covers(Columns);
    // Limited by exp, as soften_row.
    for (int c = 0; c < Columns; c += n) {
        batch<T> p = exp(fma(load(scores + c), set(scale), set(-log_sum)));
        if (!whole || c + n > Columns) p = xsimd::select(inside.template mask<T>(c), p, zero<T>());
        store(weights + c, p);
        const batch<T> slope = p * (load(gradient + c) - set(inner)) * set(scale);
        store(gradient + c, xsimd::select(p > zero<T>(), slope, zero<T>()));
    }
}

template <bool Few, class Shape, class T, class Range>
void attention(const score_operands<T>& operands, const T* value, T* out, T* log_sum, T* kept,
               const int* counts, Range range) noexcept {
    running_softmax<Shape::rows, T> state;
    const int filled = range.end - range.begin + lanes<T> - 1;
    std::fill_n(state.shift + range.begin, filled, lowest<T>);
    std::fill_n(state.sum + range.begin, filled, T(0));
    for (int row = range.begin; row < range.end; ++row)
        std::fill_n(out + row * Shape::out_row, Shape::length, T(0));
    each_lattice<Shape>(counts, range, [&](const auto& part, auto index) {
        using piece = piece_kernel<Shape, T, Range, Few, decltype(index)::value>;
        using tile = typename piece::tile;
        constexpr int value_step = Shape::value_column * piece::column_step;
        constexpr int out_step = Shape::out_row * piece::row_step;
        typename piece::turned turned;
        alignas(64) T sums[piece::rows * lanes<T>];
        const auto row_tile = [&](const column_block& block, int first, int count, int begin,
                                  int end) {
            const int row = part.first_row + first * piece::row_step;
            std::fill_n(sums, count * lanes<T>, T(0));
            const auto take = [&](tile_place at) {
                const int column = part.first_column + at.column * piece::column_step;
                tile scores(operands, turned, row, column, at.column - block.first, count);
                constexpr bool keeps = Shape::keeps_scores;
                constexpr int raw_row = keeps ? Shape::score_row : tile::pitch;
                alignas(64) T own[keeps ? piece::rows * tile::pitch : 1];
                T* raw;
                if constexpr (keeps) {
                    raw = kept + row * Shape::score_row + column;
                    scores.template evaluate_to<raw_row>(raw);
                } else {
                    raw = scores.evaluate();
                }
                T* p = keeps ? own : raw;
                constexpr T scale = static_cast<T>(tile::root_scale());
                for (int r = 0; r < count; ++r) {
                    const int here = row + r * piece::row_step;
                    shift_row<piece::columns, Shape::length>(
                        raw + r * raw_row, p + r * tile::pitch,
                        tile_interval(part, at, r, piece::columns), scale, state.shift[here],
                        state.sum[here], sums + r * lanes<T>, out + here * Shape::out_row);
                }
                for (int r = 0; r < count; ++r)
                    soften_row<piece::columns>(p + r * tile::pitch, scale,
                                               state.shift[row + r * piece::row_step],
                                               sums + r * lanes<T>);
                constexpr product_shape shape{
                    piece::rows, Shape::length, piece::columns, tile::pitch, 1, value_step, 1,
                    out_step,    true};
                tile_product<shape, piece::even>(p, value + column * Shape::value_column,
                                                 out + row * Shape::out_row, count, piece::columns);
            };
            each_column_tile<piece::columns>(block, first, begin, end, take);
            for (int r = 0; r < count; ++r)
                state.sum[row + r * piece::row_step] += reduce_add(load(sums + r * lanes<T>));
        };
        each_row_tile<piece::tiling>(
            part,
            [&](const column_block& block) {
                turned.turn(operands, part.first_column + block.first * piece::column_step,
                            block.end - block.first);
            },
            row_tile);
    });
    for (int row = range.begin; row < range.end; ++row)
        if (state.sum[row] != 0)
            scale_row<Shape::length>(out + row * Shape::out_row, 1 / state.sum[row]);
    for (int row = range.begin; row < range.end; row += lanes<T>) {
        const batch<T> sum = load(state.sum + row);
        const batch<T> log_sums = xsimd::select(sum == zero<T>(), set(-lowest<T>),
                                                batch<T>(load(state.shift + row) + log(sum)));
        store_first(log_sum + row, log_sums, std::min(lanes<T>, range.end - row));
    }
}

}  // namespace detail

/// Rows `range` of out and of log_sum, the logarithm of each row's sum of exponentials (+infinity
/// for a row without a pair), which the gradient needs. `kept` are the scores, if they are.
template <class Shape, class T, class Range>
void attention(const score_operands<T>& operands, const T* value, T* out, T* log_sum, T* kept,
               const int* counts, Range range) noexcept {
    if constexpr (is_whole<Range>)
        detail::attention<Shape::rows <= few_rows, Shape>(operands, value, out, log_sum, kept,
                                                          counts, range);
    else if (range.end - range.begin <= few_rows)
        detail::attention<true, Shape>(operands, value, out, log_sum, kept, counts, range);
    else
        detail::attention<false, Shape>(operands, value, out, log_sum, kept, counts, range);
}

/// Adds to the gradients in `operands` and to value_gradient, which may be null. Scores that are
/// not kept are computed again; D(i) = out(i) . out_gradient(i) as in arXiv 2205.14135, appendix B.
template <class Shape, class T>
void attention_gradient(const score_operands<T>& operands, const T* value, const T* out,
                        const T* log_sum, const T* kept, const T* out_gradient, T* value_gradient,
                        const int* counts) noexcept {
    T inner[Shape::rows];
    for (int row = 0; row < Shape::rows; ++row)
        inner[row] = detail::dot_rows<Shape::length>(out + row * Shape::out_row,
                                                     out_gradient + row * Shape::out_row);
    constexpr all_rows<Shape::rows> all;
    detail::each_lattice<Shape>(counts, all, [&](const auto& part, auto index) {
        using piece = detail::piece_kernel<Shape, T, all_rows<Shape::rows>,
                                           (Shape::rows <= few_rows), decltype(index)::value>;
        using tile = typename piece::tile;
        constexpr int pitch = tile::pitch;
        constexpr int value_step = Shape::value_column * piece::column_step;
        constexpr int out_step = Shape::out_row * piece::row_step;
        constexpr int turned_step = piece::turned::pitch;
        typename piece::turned turned;
        alignas(64) T turned_value[piece::turned::any ? Shape::length * turned_step : 1];
        const auto row_tile = [&](const detail::column_block& block, int first, int count,
                                  int begin, int end) {
            const int row = part.first_row + first * piece::row_step;
            const T* dout = out_gradient + row * Shape::out_row;
            const auto take = [&](detail::tile_place at) {
                const int column = part.first_column + at.column * piece::column_step;
                const int in_block = at.column - block.first;
                const T* v = value + column * Shape::value_column;
                tile scores(operands, turned, row, column, in_block, count);
                constexpr bool keeps = Shape::keeps_scores;
                constexpr bool apart = keeps || tile::needs_scores;
                constexpr int raw_row = keeps ? Shape::score_row : pitch;
                alignas(64) T own[apart ? piece::rows * pitch : 1];
                const T* raw;
                T* p = own;
                if constexpr (keeps) {
                    raw = kept + row * Shape::score_row + column;
                } else {
                    T* computed = scores.evaluate();
                    raw = computed;
                    if constexpr (!apart) p = computed;
                }
                alignas(64) T ds[piece::rows * pitch];
                if constexpr (piece::turned::any) {
                    constexpr product_shape shape{
                        piece::rows, piece::columns, Shape::length, out_step, 1, turned_step,
                        1,           pitch,          false};
                    detail::tile_product<shape, piece::even>(dout, turned_value + in_block, ds,
                                                             count, Shape::length);
                } else {
                    constexpr product_shape shape{
                        piece::rows, piece::columns, Shape::length, out_step, 1,
                        1,           value_step,     pitch,         false};
                    detail::tile_product<shape, piece::even>(dout, v, ds, count, Shape::length);
                }
                constexpr T scale = static_cast<T>(tile::root_scale());
                for (int r = 0; r < count; ++r) {
                    const detail::tile_interval inside(part, at, r, piece::columns);
                    if (inside.empty()) {
                        std::fill_n(p + r * pitch, pitch, T(0));
                        std::fill_n(ds + r * pitch, pitch, T(0));
                    } else {
                        const int here = row + r * piece::row_step;
                        detail::weight_row<piece::columns>(raw + r * raw_row, p + r * pitch,
                                                           ds + r * pitch, inside, scale,
                                                           log_sum[here], inner[here]);
                    }
                }
                if constexpr (Shape::value_gradient)
                    if (value_gradient) {
                        constexpr product_shape shape{
                            piece::columns, Shape::length, piece::rows, 1, pitch, out_step, 1,
                            value_step,     true};
                        detail::tile_product<shape, piece::even>(
                            p, dout, value_gradient + column * Shape::value_column, piece::columns,
                            count);
                    }
                scores.propagate(ds);
            };
            detail::each_column_tile<piece::columns>(block, first, begin, end, take);
        };
        detail::each_row_tile<piece::tiling>(
            part,
            [&](const detail::column_block& block) {
                const int column = part.first_column + block.first * piece::column_step;
                const int count = block.end - block.first;
                turned.turn(operands, column, count);
                if constexpr (piece::turned::any)
                    detail::turn_columns<value_step, turned_step>(
                        value + column * Shape::value_column, turned_value, count, Shape::length);
            },
            row_tile);
    });
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Dropout (Srivastava et al. 2014) whose choice is a function of a key and of the element's
/// number: nothing is kept for the backward pass, and any order of computation drops the same
/// elements.

namespace sequent::inline SEQUENT_ABI::kernel {

/// What a seed and the place of a rule become: mixed once for each, read for all elements.
class dropout_key {
  public:
    constexpr explicit dropout_key(std::uint64_t seed) noexcept : key_(mixed(seed)) {}

    /// The key of a part of what this one is for.
    constexpr dropout_key of(int part) const noexcept {
        return dropout_key(key_ ^ static_cast<std::uint32_t>(part));
    }

    /// Equally distributed over all numbers of 32 bits.
    constexpr std::uint32_t bits(std::uint32_t element) const noexcept {
        return hashed(hashed(element + static_cast<std::uint32_t>(key_)) ^
                      static_cast<std::uint32_t>(key_ >> 32));
    }

  private:
    std::uint64_t key_;

    /// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    static constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
    /// A bijection in which each bit depends on every bit, of few operations that vectors have.
    static constexpr std::uint32_t hashed(std::uint32_t value) noexcept {
        value = (value ^ (value >> 16)) * 0x21F0AAAD;
        value = (value ^ (value >> 15)) * 0x735A2D97;
        return value ^ (value >> 15);
    }
};

/// Zero with probability `rate`, else x / (1 - rate); `first` is the number of the first element.
/// The same function turns the gradient of y into that of x.
template <int Length, class T>
inline void dropout(const T* x, T* y, dropout_key key, std::uint32_t first, double rate) noexcept {
    const auto threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
    const T scale = static_cast<T>(1 / (1 - rate));
    for (int at = 0; at < Length; ++at) {
        const T kept = key.bits(first + static_cast<std::uint32_t>(at)) >= threshold ? scale : T(0);
        y[at] = x[at] * kept;
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Attention of one row over columns that are kept turned: number k of a column c stands at
/// k * pitch + c, so that a vector holds one number of several columns, nothing is added across
/// lanes until all columns are summed, and a new column takes one store for each of its numbers.
///
/// Shape is a type with static constexpr members
///   columns, length, nodes, space    as in attention.hpp
///   is_table                         the row's pairs are bits, less those outside of the space
///   value_pitch                      of the values; 0 where they lie value_column apart
///   pitches                          the same of what each node reads by columns
///   value_slides, slides             whether these begin with column `first`
///   is_causal                        whether there are no columns beyond the row

namespace sequent::inline SEQUENT_ABI::kernel {

/// One row of a table of pairs: whether columns [column, column + 64) are in it, for a multiple of
/// 64.
using row_bits = const std::uint64_t*;

namespace detail {

/// All ones in the lanes whose bits are set.
template <class T>
SEQUENT_INLINE auto lanes_of(std::uint64_t bits) noexcept {
    alignas(batch<T>) T flags[lanes<T>];
    for (int lane = 0; lane < lanes<T>; ++lane) flags[lane] = static_cast<T>((bits >> lane) & 1u);
    return batch<T>::load_aligned(flags) > zero<T>();
}

template <class Shape, class T>
class kept_row {
  public:
    /// out is `length` numbers. `first` is the column that what slides begins with, a multiple of
    /// 16.
    kept_row(const score_operands<T>& operands, const T* value, T* out, int row, int first,
             const int* counts, row_bits bits) noexcept
        : operands_(operands),
          value_(value),
          out_(out),
          row_(row),
          first_(first),
          counts_(counts),
          bits_(bits) {}

    void attend() noexcept {
        std::fill_n(out_, Shape::length, T(0));
        if constexpr (Shape::is_table && Shape::space.pieces.size() == 0) {
            interval<-1>(0, last_column());
        } else {
            unroll<Shape::space.pieces.size()>([&](auto index) {
                constexpr auto piece = Shape::space.pieces[index()];
                if (piece.admits_row(row_, counts_))
                    interval<decltype(index)::value>(piece.begin(row_, counts_),
                                                     piece.end(row_, last_column(), counts_));
            });
        }
        if (sum_ == 0) return;
        const T factor = 1 / sum_;
        for (int k = 0; k < Shape::length; ++k) out_[k] *= factor;
    }

  private:
    static constexpr int n = lanes<T>;
    static constexpr int root = Shape::nodes.size() - 1;
    static constexpr int chunk = std::min((Shape::columns + n - 1) / n * n + n, 512);

    const score_operands<T>& operands_;
    const T* value_;
    T* out_;
    int row_;
    int first_;
    const int* counts_;
    row_bits bits_;
    T shift_ = -std::numeric_limits<T>::infinity();
    T sum_ = 0;
    alignas(64) T weights_[chunk];

    /// Behind the columns that there are.
    int last_column() const noexcept { return Shape::is_causal ? row_ + 1 : Shape::columns; }

    /// The columns of piece `Piece` that are in [begin, end), chunk by chunk.
    template <int Piece>
    void interval(int begin, int end) noexcept {
        for (int from = begin / n * n; from < end; from += chunk)
            take<Piece>(from, begin, std::min(from + chunk, end));
    }

    template <int Piece>
    void take(int from, int begin, int end) noexcept {
        constexpr bool masked = [] {
            if constexpr (Piece < 0 || Shape::is_table)
                return true;
            else
                return Shape::space.pieces[Piece].modulus != 1;
        }();
        const int vectors = (end - from + n - 1) / n;
        constexpr T none = -std::numeric_limits<T>::infinity();
        const auto clear = [&](int v, std::uint64_t kept) {
            T* at = weights_ + v * n;
            store(at, batch<T>(xsimd::select(lanes_of<T>(kept), load(at), set(none))));
        };
        int v = 0;
        for (; v + 4 <= vectors; v += 4) score<4>(from + v * n, weights_ + v * n);
        for (; v < vectors; ++v) score<1>(from + v * n, weights_ + v * n);
        constexpr std::uint64_t all = (std::uint64_t{1} << n) - 1;
        if (begin > from) clear(0, all << (begin - from));
        if (end < from + vectors * n) clear(vectors - 1, all >> (from + vectors * n - end));
        if constexpr (masked)
            for (int each = 0; each < vectors; ++each)
                clear(each, admitted<Piece>(from + each * n));
        batch<T> greatest = load(weights_);
        for (int each = 1; each < vectors; ++each)
            greatest = xsimd::max(greatest, load(weights_ + each * n));
        const T most = reduce_max(greatest);
        if (most == none) return;
        if (most > shift_) {
            if (shift_ != none) {
                const T factor = exp(shift_ - most);
                for (int k = 0; k < Shape::length; ++k) out_[k] *= factor;
                sum_ *= factor;
            }
            shift_ = most;
        }
        batch<T> sum = zero<T>();
        for (int each = 0; each < vectors; ++each) {
            const batch<T> p = exp(batch<T>(load(weights_ + each * n) - set(shift_)));
            store(weights_ + each * n, p);
            sum += p;
        }
        sum_ += reduce_add(sum);
        add_values<masked>(from, vectors);
    }

    /// Which of n columns a lattice or a table admits.
    template <int Piece>
    std::uint64_t admitted(int column) const noexcept {
        std::uint64_t result = 0;
        if constexpr (Shape::is_table) {
            result = bits_[column / 64] >> (column % 64);
        } else {
            constexpr auto piece = Shape::space.pieces[Piece];
            for (int lane = 0; lane < n; ++lane)
                result |= static_cast<std::uint64_t>(piece.admits_residue(row_, column + lane))
                          << lane;
        }
        return result;
    }

    // Scores.

    template <int Vectors>
    SEQUENT_INLINE void score(int column, T* to) noexcept {
        batch<T> s[Vectors];
        evaluate<root, Vectors>(column, s);
        SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) store(to + v * n, s[v]);
    }

    /// n elements, `step` apart, of which those from `count` on are not touched.
    template <int Step>
    static SEQUENT_INLINE batch<T> load_spread(const T* from, int count) noexcept {
        if constexpr (Step == 0) {
            return set(*from);
        } else if constexpr (Step == 1) {
            return count >= n ? load(from) : load_first(from, count);
        } else {
            alignas(batch<T>) T values[n] = {};
            for (int lane = 0; lane < std::min(n, count); ++lane) values[lane] = from[lane * Step];
            return batch<T>::load_aligned(values);
        }
    }

    template <int Node, int Vectors>
    SEQUENT_INLINE void evaluate(int column, batch<T>* s) noexcept {
        constexpr score_node node = Shape::nodes[Node];
        constexpr int pitch = Shape::pitches[Node];
        const int moved = column - (Shape::slides[Node] ? first_ : 0);
        if constexpr (node.op == score_op::number) {
            for (int v = 0; v < Vectors; ++v) s[v] = set(static_cast<T>(node.value));
        } else if constexpr (node.op == score_op::index) {
            const T base = operands_.base[Node] + static_cast<T>(node.value) +
                           static_cast<T>(node.x_row * row_);
            for (int v = 0; v < Vectors; ++v)
                s[v] = fma(iota<T>() + set(static_cast<T>(column + v * n)),
                           set(static_cast<T>(node.x_column)), set(base));
        } else if constexpr (node.op == score_op::load) {
            for (int v = 0; v < Vectors; ++v)
                if constexpr (pitch > 0)
                    s[v] = load(operands_.x[Node] + moved + v * n);
                else
                    s[v] = load_spread<node.x_column>(
                        operands_.x[Node] + row_ * node.x_row + (column + v * n) * node.x_column,
                        Shape::columns - column - v * n);
        } else if constexpr (node.op == score_op::dot) {
            const T* x = operands_.x[Node] + row_ * node.x_row;
            SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) s[v] = zero<T>();
            if constexpr (pitch > 0) {
                const T* y = operands_.y[Node] + moved;
                for (int k = 0; k < node.depth; ++k, y += pitch) {
                    const batch<T> each = set(x[k]);
                    SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) {
                        s[v] = fma(each, load(y + v * n), s[v]);
                    }
                }
            } else {
                for (int k = 0; k < node.depth; ++k)
                    for (int v = 0; v < Vectors; ++v)
                        s[v] = fma(set(x[k]),
                                   load_spread<node.y_column>(
                                       operands_.y[Node] + (column + v * n) * node.y_column + k,
                                       Shape::columns - column - v * n),
                                   s[v]);
            }
            if constexpr (node.value != 1.0) SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) {
                    s[v] = s[v] * set(static_cast<T>(node.value));
                }
        } else if constexpr (node.op == score_op::function) {
            evaluate<node.left, Vectors>(column, s);
            for (int v = 0; v < Vectors; ++v)
                s[v] = apply<node.function>(s[v], static_cast<T>(node.value));
        } else {
            evaluate<node.left, Vectors>(column, s);
            batch<T> right[Vectors];
            evaluate<node.right, Vectors>(column, right);
            for (int v = 0; v < Vectors; ++v)
                s[v] = node.op == score_op::add ? s[v] + right[v] : s[v] * right[v];
        }
    }

    // Values.

    template <bool Masked>
    void add_values(int from, int vectors) noexcept {
        if constexpr (Shape::value_pitch > 0) {
            constexpr int group = 8;
            int k = 0;
            for (; k + group <= Shape::length; k += group)
                add_numbers<Masked, group>(k, from, vectors);
            if constexpr (Shape::length % group != 0)
                add_numbers<Masked, Shape::length % group>(k, from, vectors);
        } else {
            const int columns = std::min(vectors * n, Shape::columns - from);
            for (int c = 0; c < columns; ++c) {
                if (weights_[c] == T(0)) continue;
                const T* x = value_ + (from + c) * Shape::value_column;
                for (int k = 0; k < Shape::length; ++k) out_[k] += weights_[c] * x[k];
            }
        }
    }

    /// Count numbers of the values, from number k on: limited by their loads.
    template <bool Masked, int Count>
    SEQUENT_INLINE void add_numbers(int k, int from, int vectors) noexcept {
        constexpr int pitch = Shape::value_pitch;
        const T* x = value_ + k * pitch + from - (Shape::value_slides ? first_ : 0);
        batch<T> sum[Count];
        SEQUENT_UNROLL for (int g = 0; g < Count; ++g) sum[g] = zero<T>();
        // Columns of weight zero count for nothing, whatever stands there.
        const auto careful = [&](int v) __attribute__((always_inline)) {
            const batch<T> p = load(weights_ + v * n);
            const auto there = p > zero<T>();
            SEQUENT_UNROLL for (int g = 0; g < Count; ++g) {
                sum[g] =
                    fma(p, batch<T>(xsimd::select(there, load(x + g * pitch + v * n), zero<T>())),
                        sum[g]);
            }
        };
        careful(0);
        int v = 1;
        for (; v + 1 < vectors; ++v) {
            if constexpr (Masked) {
                careful(v);
            } else {
                const batch<T> p = load(weights_ + v * n);
                SEQUENT_UNROLL for (int g = 0; g < Count; ++g) {
                    sum[g] = fma(p, load(x + g * pitch + v * n), sum[g]);
                }
            }
        }
        if (v < vectors) careful(v);
        SEQUENT_UNROLL for (int g = 0; g < Count; ++g) out_[k + g] += reduce_add(sum[g]);
    }
};

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel

#include <bit>

/// The pairs of any condition as tiles: some rows, the columns that any of them has, and a bit for
/// each pair. Rows of one tile need not be neighbours, nor need its columns.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Rows and columns stand in the table's lists from `first_row` and `first_column` on. The list of
/// rows repeats the last one up to a tile's height.
struct mask_tile {
    int first_row = 0;
    int rows = 0;
    int first_column = 0;
    int columns = 0;
};

/// Made once, when the program starts. Its memory is proportional to the pairs in its tiles.
class mask_table {
  public:
    static constexpr int height = 16;

    std::vector<mask_tile> tiles{};
    std::vector<int> rows{};
    std::vector<int> columns{};  // rising in each tile
    std::vector<std::uint16_t>
        bits{};  // of each column, the rows of its tile, the first the lowest
    long long pairs = 0;

    /// The pairs (i, j) of row_count x column_count for which keeps(i, j).
    template <class Keeps>
    mask_table(int row_count, int column_count, Keeps keeps)
        : words_((column_count + 63) / 64), all_(to_size(row_count) * to_size(words_)) {
        std::vector<int> count(to_size(row_count));
        for (int row = 0; row < row_count; ++row) {
            std::uint64_t* to = bits_of(row);
            for (int column = 0; column < column_count; ++column)
                if (keeps(row, column)) to[column / 64] |= std::uint64_t{1} << (column % 64);
            for (int word = 0; word < words_; ++word)
                count[to_size(row)] += std::popcount(to[word]);
            pairs += count[to_size(row)];
        }
        count_ = std::move(count);
        choose_tiles(row_count);
        all_ = {};
        count_ = {};
    }

  private:
    int words_;
    std::vector<std::uint64_t> all_;  // a row of bits for each row
    std::vector<int> count_{};

    static std::size_t to_size(int number) { return static_cast<std::size_t>(number); }
    std::uint64_t* bits_of(int row) { return all_.data() + to_size(row) * to_size(words_); }

    /// The rows that have pairs: those with equal remainders side by side.
    std::vector<int> in_order(int row_count, int modulus) const {
        std::vector<int> result;
        for (int first = 0; first < modulus; ++first)
            for (int row = first; row < row_count; row += modulus)
                if (count_[to_size(row)] > 0) result.push_back(row);
        return result;
    }

    /// How many columns some rows have together.
    int count_union(const int* row, int count) {
        int result = 0;
        for (int word = 0; word < words_; ++word) {
            std::uint64_t all = 0;
            for (int at = 0; at < count; ++at) all |= bits_of(row[at])[word];
            result += std::popcount(all);
        }
        return result;
    }

    /// In units of one pair: half of the work is done for the whole height of a tile, and columns
    /// are copied at the price of a few rows.
    static double cost_of(int count, int columns) {
        return (0.5 * height + 0.5 * count + 4.0) * columns + 128.0;
    }

    /// Calls take(rows, count) for tiles of rows in this order. Rows with many more columns than
    /// others of their tile are put off, to tiles of their own at the end.
    template <class Take>
    double cut(std::vector<int> order, Take take) {
        double cost = 0;
        std::vector<int> heavy;
        const auto by_columns = [this](int row) { return count_[to_size(row)]; };
        for (std::size_t first = 0; first < order.size(); first += to_size(height)) {
            int* row = order.data() + first;
            const int count = static_cast<int>(std::min(to_size(height), order.size() - first));
            int least = std::numeric_limits<int>::max();
            for (int at = 0; at < count; ++at) least = std::min(least, by_columns(row[at]));
            const auto is_light = [&](int each) { return by_columns(each) <= 3 * least + 32; };
            const int light =
                static_cast<int>(std::stable_partition(row, row + count, is_light) - row);
            const double together = cost_of(count, count_union(row, count));
            if (light < count) {
                const double apart = cost_of(light, count_union(row, light));
                if (apart + (count - light) * count_union(row + light, count - light) < together) {
                    heavy.insert(heavy.end(), row + light, row + count);
                    cost += apart;
                    take(row, light);
                    continue;
                }
            }
            std::sort(row, row + count);
            cost += together;
            take(row, count);
        }
        for (std::size_t first = 0; first < heavy.size(); first += to_size(height)) {
            int* row = heavy.data() + first;
            const int count = static_cast<int>(std::min(to_size(height), heavy.size() - first));
            cost += cost_of(count, count_union(row, count));
            take(row, count);
        }
        return cost;
    }

    void choose_tiles(int row_count) {
        const auto ignore = [](const int*, int) {};
        double least = std::numeric_limits<double>::infinity();
        int modulus = 1;
        for (int each = 1; each <= std::min(64, row_count / 8 + 1); ++each) {
            const double cost = cut(in_order(row_count, each), ignore);
            if (cost < 0.95 * least) {
                least = cost;
                modulus = each;
            }
        }
        cut(in_order(row_count, modulus),
            [this](const int* row, int count) { add_tile(row, count); });
    }

    void add_tile(const int* row, int count) {
        mask_tile made;
        made.first_row = static_cast<int>(rows.size());
        made.rows = count;
        rows.insert(rows.end(), row, row + count);
        rows.resize(to_size(made.first_row + height), rows.back());
        made.first_column = static_cast<int>(columns.size());
        for (int word = 0; word < words_; ++word) {
            std::uint64_t all = 0;
            for (int at = 0; at < count; ++at) all |= bits_of(row[at])[word];
            for (; all; all &= all - 1) {
                const int place = std::countr_zero(all);
                unsigned kept = 0;
                for (int at = 0; at < count; ++at)
                    kept |= static_cast<unsigned>((bits_of(row[at])[word] >> place) & 1) << at;
                columns.push_back(64 * word + place);
                bits.push_back(static_cast<std::uint16_t>(kept));
            }
        }
        made.columns = static_cast<int>(columns.size()) - made.first_column;
        tiles.push_back(made);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Rotary and sinusoidal positions: the pairs of a row as points of a plane, pair k of Length / 2
/// at the angle position * base^(-2k / Length) (arXiv 2104.09864, section 3.2.2; arXiv 1706.03762,
/// section 3.5). y may be x.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Which elements are a pair: (2k, 2k + 1), or (k, k + Length / 2).
enum class pairing { neighbours, halves };

/// Writes the cosines of a position's angles, then their sines, Length / 2 each.
template <int Length, class T>
inline void write_angles(double position, double base, T* to) noexcept {
    static_assert(Length % 2 == 0, "pairs are turned: the length must be even");
    const double step = -2.0 * std::log(base) / Length;
    for (int k = 0; k < Length / 2; ++k) {
        const double angle = position * std::exp(step * k);
        to[k] = static_cast<T>(std::cos(angle));
        to[Length / 2 + k] = static_cast<T>(std::sin(angle));
    }
}

/// The same for positions 0 to Positions - 1, made when the program starts. The base is given by
/// its bits: numbers of this kind are no template arguments everywhere.
template <int Length, class T, int Positions, std::uint64_t Base>
class angle_table {
    static const T* made() {
        static const std::vector<T> table = [] {
            std::vector<T> result(static_cast<std::size_t>(Positions) * Length);
            for (int position = 0; position < Positions; ++position)
                write_angles<Length>(
                    position, std::bit_cast<double>(Base),
                    result.data() + static_cast<std::ptrdiff_t>(position) * Length);
            return result;
        }();
        return table.data();
    }
    static inline const T* at_start = made();

  public:
    static const T* at(int position) noexcept {
        (void)&at_start;
        return made() + static_cast<std::ptrdiff_t>(position) * Length;
    }
};

/// Turns each pair by its angle, or back.
template <int Length, pairing Pairing, bool Back, class T>
SEQUENT_INLINE void turn(const T* x, T* y, const T* angles) noexcept {
    constexpr int half = Length / 2;
    constexpr int stride = Pairing == pairing::neighbours ? 2 : 1;
    constexpr int second = Pairing == pairing::neighbours ? 1 : half;
    T turned[Length];  // y may be x: the compiler could not use vectors
    for (int k = 0; k < half; ++k) {
        const T a = x[stride * k];
        const T b = x[stride * k + second];
        const T c = angles[k];
        const T s = Back ? -angles[half + k] : angles[half + k];
        turned[stride * k] = a * c - b * s;
        turned[stride * k + second] = a * s + b * c;
    }
    for (int k = 0; k < Length; ++k) y[k] = turned[k];
}

/// Adds the sine of each angle to element 2k, the cosine to 2k + 1.
template <int Length, class T>
SEQUENT_INLINE void add_waves(const T* x, T* y, const T* angles) noexcept {
    for (int k = 0; k < Length / 2; ++k) {
        y[2 * k] = x[2 * k] + angles[Length / 2 + k];
        y[2 * k + 1] = x[2 * k + 1] + angles[k];
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Functions of one contiguous row of Length elements, each with its gradient beside it. y may be x
/// and dx may be dy. Gradients write dx and add to dgain and dbias, which may be null.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Calls f(i, count) for each vector of a row: i is its first element, integral_constant count how
/// many of its lanes belong to the row.
template <int Length, class T, class F>
SEQUENT_INLINE void each_vector(F f) noexcept {
    constexpr int n = lanes<T>;
    int i = 0;
    for (; i + n <= Length; i += n) f(i, std::integral_constant<int, n>{});
    if constexpr (Length % n != 0) f(i, std::integral_constant<int, Length % n>{});
}

/// Sum over the row of f(i, count), which must give zeros in the lanes from count on. Four sums
/// hide the latency of the addition.
template <int Length, class T, class F>
SEQUENT_INLINE T row_sum(F f) noexcept {
    constexpr int n = lanes<T>;
    constexpr std::integral_constant<int, n> full{};
    batch<T> sum[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
    int i = 0;
    for (; i + 4 * n <= Length; i += 4 * n)
        unroll<4>([&](auto u) __attribute__((always_inline)) { sum[u()] += f(i + u() * n, full); });
    unroll<3>([&](auto u) __attribute__((always_inline)) {
        if constexpr (u() < Length % (4 * n) / n) sum[u()] += f(i + u() * n, full);
    });
    if constexpr (Length % n != 0)
        sum[3] += f(Length - Length % n, std::integral_constant<int, Length % n>{});
    return reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/// Mean and 1 / sqrt(var + eps), the variance over Length and in a second pass.
template <class T>
struct moments {
    T mean, rstd;
};

template <int Length, class T>
SEQUENT_INLINE moments<T> row_moments(const T* x, T eps) noexcept {
    const T mean =
        row_sum<Length, T>([&](int i, auto count) { return load_first<count()>(x + i); }) /
        T(Length);
    const T square = row_sum<Length, T>([&](int i, auto count) {
        const auto d = keep_first<count()>(load_first<count()>(x + i) - set(mean), zero<T>());
        return d * d;
    });
    return {mean, T(1) / std::sqrt(square / T(Length) + eps)};
}

template <int Length, class T>
SEQUENT_INLINE T row_rms(const T* x, T eps) noexcept {
    const T square = row_sum<Length, T>([&](int i, auto count) {
        const auto v = load_first<count()>(x + i);
        return v * v;
    });
    return T(1) / std::sqrt(square / T(Length) + eps);
}

/// at[i ...] += v, unless there is no such row.
template <int Count, class T>
SEQUENT_INLINE void add_first(T* at, int i, batch<T> v) noexcept {
    if (at != nullptr) store_first<Count>(at + i, load_first<Count>(at + i) + v);
}

/// Gradient of layer_norm; gain null stands for ones.
template <int Length, class T>
inline void layer_norm_gradient(const T* x, const T* gain, const T* dy, T* dx, T* dgain, T* dbias,
                                T eps) noexcept {
    const auto [mean, rstd] = row_moments<Length>(x, eps);
    const auto normal = [&, m = mean, r = rstd](int i, auto count) {
        return (load_first<count()>(x + i) - set(m)) * set(r);
    };
    const auto inner = [&](int i, auto count) {
        const batch<T> d = load_first<count()>(dy + i);
        return gain != nullptr ? d * load_first<count()>(gain + i) : d;
    };
    const T sum = row_sum<Length, T>(inner) / T(Length);
    const T product =
        row_sum<Length, T>([&](int i, auto count) { return inner(i, count) * normal(i, count); }) /
        T(Length);
    each_vector<Length, T>([&, r = rstd](int i, auto count) {
        const batch<T> n = normal(i, count);
        const batch<T> d = load_first<count()>(dy + i);
        const batch<T> g = inner(i, count);
        add_first<count()>(dgain, i, batch<T>(d * n));
        add_first<count()>(dbias, i, d);
        store_first<count()>(dx + i, batch<T>((g - fma(n, set(product), set(sum))) * set(r)));
    });
}

}  // namespace detail

/// y = (x - mean) / sqrt(var + eps), the variance divided by Length.
template <int Length, class T>
inline void norm(const T* x, T* y, T eps) noexcept {
    const auto [mean, rstd] = detail::row_moments<Length>(x, eps);
    detail::each_vector<Length, T>([&, m = mean, r = rstd](int i, auto count) {
        store_first<count()>(y + i, batch<T>((load_first<count()>(x + i) - set(m)) * set(r)));
    });
}

template <int Length, class T>
inline void norm_gradient(const T* x, const T* dy, T* dx, T eps) noexcept {
    detail::layer_norm_gradient<Length, T>(x, nullptr, dy, dx, nullptr, nullptr, eps);
}

/// y = norm(x) * gain + bias (Ba, Kiros & Hinton 2016). A null bias stands for zeros.
template <int Length, class T>
inline void layer_norm(const T* x, const T* gain, const T* bias, T* y, T eps) noexcept {
    const auto [mean, rstd] = detail::row_moments<Length>(x, eps);
    detail::each_vector<Length, T>([&, m = mean, r = rstd](int i, auto count) {
        const batch<T> n = (load_first<count()>(x + i) - set(m)) * set(r);
        const batch<T> b = bias != nullptr ? load_first<count()>(bias + i) : zero<T>();
        store_first<count()>(y + i, fma(n, load_first<count()>(gain + i), b));
    });
}

template <int Length, class T>
inline void layer_norm_gradient(const T* x, const T* gain, const T* dy, T* dx, T* dgain, T* dbias,
                                T eps) noexcept {
    detail::layer_norm_gradient<Length, T>(x, gain, dy, dx, dgain, dbias, eps);
}

/// y = x / sqrt(mean(x^2) + eps) * gain (Zhang & Sennrich 2019).
template <int Length, class T>
inline void rms_norm(const T* x, const T* gain, T* y, T eps) noexcept {
    const T scale = detail::row_rms<Length>(x, eps);
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> n = load_first<count()>(x + i) * set(scale);
        store_first<count()>(y + i, batch<T>(n * load_first<count()>(gain + i)));
    });
}

template <int Length, class T>
inline void rms_norm_gradient(const T* x, const T* gain, const T* dy, T* dx, T* dgain,
                              T eps) noexcept {
    const T scale = detail::row_rms<Length>(x, eps);
    const T sum = detail::row_sum<Length, T>([&](int i, auto count) {
        return load_first<count()>(dy + i) * load_first<count()>(gain + i) *
               load_first<count()>(x + i);
    });
    const T along = sum * scale * scale / T(Length);
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> v = load_first<count()>(x + i);
        const batch<T> d = load_first<count()>(dy + i);
        const batch<T> g = d * load_first<count()>(gain + i);
        detail::add_first<count()>(dgain, i, batch<T>(d * v * set(scale)));
        store_first<count()>(dx + i, batch<T>((g - v * set(along)) * set(scale)));
    });
}

namespace detail {

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

/// y = exp(x - max x) / sum exp(x - max x). Zeros where every x is -infinity.
template <int Length, class T>
inline void softmax(const T* x, T* y) noexcept {
    const T greatest = detail::row_max<Length>(x);
    // With -infinity alone, any finite shift gives zeros.
    const T shift = greatest == -std::numeric_limits<T>::infinity() ? T(0) : greatest;
    const T sum = detail::row_sum<Length, T>([&](int i, auto count) {
        const batch<T> e = kernel::exp(batch<T>(load_first<count()>(x + i) - set(shift)));
        store_first<count()>(y + i, e);
        return keep_first<count()>(e, zero<T>());
    });
    const T scale = sum > T(0) ? T(1) / sum : T(0);
    detail::each_vector<Length, T>([&](int i, auto count) {
        store_first<count()>(y + i, batch<T>(load_first<count()>(y + i) * set(scale)));
    });
}

/// dx = y (dy - sum y dy), from the output alone.
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

/// The point of the simplex nearest to x: y = max(x - tau, 0) with sum y = 1 (Martins & Astudillo
/// 2016). The threshold is found without sorting: tau of a set that holds the support never exceeds
/// the true one, and dropping what lies below it ends at the support (Michelot 1986).
template <int Length, class T>
inline void sparsemax(const T* x, T* y) noexcept {
    const T greatest = detail::row_max<Length>(x);
    T tau = T(-1);  // of x - greatest; the support lies above it
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
    detail::each_vector<Length, T>([&](int i, auto count) {
        const batch<T> v = load_first<count()>(x + i) - set(greatest) - set(tau);
        store_first<count()>(y + i, xsimd::max(v, zero<T>()));
    });
}

/// dx = dy - mean of dy over the support, zero outside (Martins & Astudillo 2016, equation 14).
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
        const batch<T> d = load_first<count()>(dy + i) - set(mean);
        const auto support = load_first<count()>(y + i) > zero<T>();
        store_first<count()>(dx + i, xsimd::select(support, d, zero<T>()));
    });
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// Attention over the pairs of a table. A tile's rows stand in the lanes of vectors and its columns
/// one after another, so that only columns which a row of the tile has are computed. All of a row's
/// columns are in one tile.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// A score whose rows are the columns of Shape's, and the other way round.
template <class Shape>
struct exchanged {
    static constexpr auto nodes = [] {
        auto result = Shape::nodes;
        for (score_node& node : result)
            if (node.op == score_op::dot) {
                std::swap(node.x_row, node.y_column);
                std::swap(node.x_gradient, node.y_gradient);
            } else {
                std::swap(node.x_row, node.x_column);
            }
        return result;
    }();
    template <class T>
    static score_operands<T> operands(const score_operands<T>& of) noexcept {
        score_operands<T> result = of;
        unroll<nodes.size()>([&](auto index) {
            constexpr std::size_t at = decltype(index)::value;
            if constexpr (nodes[index()].op == score_op::dot) {
                std::swap(result.x[at], result.y[at]);
                std::swap(result.dx[at], result.dy[at]);
            }
        });
        return result;
    }
};

/// The operands of an exchanged score's dot products: of listed columns as they are, and of the
/// rows of a tile turned and, for the gradient, as they are.
template <class Score, class T, int Rows, int Columns, bool Gradient>
class gathered_operands {
  public:
    static constexpr bool any = true;
    static constexpr bool gathered = true;
    static constexpr int pitch = Columns;

    const int* rows = nullptr;
    const int* columns = nullptr;

    static constexpr int depth_pitch(int node) {
        return Score::nodes[node].op == score_op::dot
                   ? (Score::nodes[node].depth + lanes<T> - 1) / lanes<T> * lanes<T>
                   : 0;
    }

    template <int Node>
    const T* x() const noexcept {
        return x_ + depth_before(Node) * Rows;
    }
    template <int Node>
    const T* at(int) const noexcept {
        return turned_ + depth_before(Node) * pitch;
    }
    template <int Node>
    const T* y() const noexcept {
        return y_ + depth_before(Node) * Columns;
    }
    template <int Node>
    T* dy() const noexcept {
        return dy_ + depth_before(Node) * Columns;
    }
    /// Where a product may leave its sums.
    T* sums() const noexcept { return sums_; }

    void take_rows(const score_operands<T>& operands, const int* listed, int count) noexcept {
        rows = listed;
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Score::nodes[at];
            copy_listed<node.depth, depth_pitch(at)>(operands.x[at], node.x_row, listed, count,
                                                     x_ + depth_before(at) * Rows);
        });
    }
    void take_columns(const score_operands<T>& operands, const int* listed, int count) noexcept {
        columns = listed;
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Score::nodes[at];
            turn_listed<node.depth, Columns>(operands.y[at], node.y_column, listed,
                                             turned_ + depth_before(at) * pitch);
            if constexpr (Gradient) {
                copy_listed<node.depth, depth_pitch(at)>(operands.y[at], node.y_column, listed,
                                                         count, y_ + depth_before(at) * Columns);
                std::fill_n(dy<at>(), count * depth_pitch(at), T(0));
            }
        });
    }
    void add_columns(const score_operands<T>& operands, int count) const noexcept {
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Score::nodes[at];
            if constexpr (node.y_gradient)
                if (T* const to = operands.dy[at])
                    for (int c = 0; c < count; ++c)
                        for (int k = 0; k < node.depth; ++k)
                            to[columns[c] * node.y_column + k] += dy<at>()[c * depth_pitch(at) + k];
        });
    }

    template <int Depth, int Pitch>
    static void copy_listed(const T* from, int stride, const int* listed, int count,
                            T* to) noexcept {
        constexpr int n = lanes<T>;
        constexpr int last = Depth % n;
        for (int r = 0; r < count; ++r, to += Pitch) {
            const T* const row = from + listed[r] * stride;
            SEQUENT_UNROLL for (int k = 0; k < Depth - last; k += n) {
                store(to + k, load(row + k));
            }
            if constexpr (last > 0)
                store_first<last>(to + Depth - last, load_first<last>(row + Depth - last));
        }
    }

    /// Copies Count listed rows to the columns of a matrix of as many.
    template <int Depth, int Count>
    static void turn_listed(const T* from, int stride, const int* listed, T* to) noexcept {
        constexpr int n = lanes<T>;
        constexpr int group = transposed_columns<T>;
        for (int c = 0; c < Count; c += n) {
            int offsets[n];
            for (int lane = 0; lane < n; ++lane) offsets[lane] = listed[c + lane] * stride;
            int k = 0;
            for (; k + group <= Depth; k += group) {
                batch<T> out[group];
                load_transposed(
                    from + k, [&offsets](int lane) { return offsets[lane]; }, out);
                SEQUENT_UNROLL for (int i = 0; i < group; ++i) {
                    store(to + (k + i) * Count + c, out[i]);
                }
            }
            for (; k < Depth; ++k)
                for (int lane = 0; lane < n; ++lane)
                    to[k * Count + c + lane] = from[offsets[lane] + k];
        }
    }

  private:
    static constexpr int depth_before(int node) {
        int before = 0;
        for (int at = 0; at < node; ++at) before += depth_pitch(at);
        return before;
    }
    static constexpr int all_depths = depth_before(Score::nodes.size());
    static constexpr int room(bool needed, int size) { return needed && size > 0 ? size : 1; }

    template <class F>
    static SEQUENT_INLINE void each_dot(F f) noexcept {
        unroll<Score::nodes.size()>([&](auto index) {
            if constexpr (Score::nodes[decltype(index)::value].op == score_op::dot) f(index);
        });
    }

    alignas(64) T turned_[room(true, all_depths* Columns)];
    alignas(64) T x_[room(true, all_depths* Rows)];
    alignas(64) T y_[room(Gradient, all_depths* Columns)];
    // Written by the tile that has this as its operands.
    alignas(64) mutable T dy_[room(Gradient, all_depths* Columns)];
    alignas(64) mutable T sums_[room(Gradient, all_depths* Rows)];
};

/// Which rows of a tile have a column, from `first` on.
template <class T>
SEQUENT_INLINE auto mask_of_bits(unsigned bits, int first) noexcept {
    bits >>= first;
#if defined(__AVX512F__)
    using mask_type = typename xsimd::batch_bool<T>::register_type;
    return xsimd::batch_bool<T>(static_cast<mask_type>(bits));
#else
    alignas(batch<T>) T kept[lanes<T>];
    for (int lane = 0; lane < lanes<T>; ++lane) kept[lane] = static_cast<T>(bits >> lane & 1u);
    return batch<T>::load_aligned(kept) > zero<T>();
#endif
}

/// The rows of a tile that are in a range, as bits, and where among the tile's columns the first
/// begins and the last ends.
template <class Shape, class T>
struct tile_rows {
    static constexpr int height = mask_table::height;

    unsigned taken = 0;
    int begin = 0;
    int end = 0;
    // For a clipped table, of each row.
    alignas(64) T row_begin[Shape::clips ? height : 1];
    alignas(64) T row_end[Shape::clips ? height : 1];

    template <class Range>
    tile_rows(const mask_table& table, const mask_tile& tile, const int* counts,
              Range range) noexcept {
        const int* const columns = table.columns.data() + tile.first_column;
        begin = Shape::clips ? tile.columns : 0;
        end = Shape::clips ? 0 : tile.columns;
        for (int r = 0; r < tile.rows; ++r) {
            const int row = table.rows[static_cast<std::size_t>(tile.first_row + r)];
            if (row < range.begin || row >= range.end) continue;
            if constexpr (Shape::clips) {
                constexpr auto clip = Shape::space.pieces[0];
                if (!clip.admits_row(row, counts)) continue;
                const auto place = [&](int column) {
                    return static_cast<int>(
                        std::lower_bound(columns, columns + tile.columns, column) - columns);
                };
                const int first = place(clip.begin(row, counts));
                const int last = place(clip.end(row, Shape::columns, counts));
                if (first >= last) continue;
                row_begin[r] = static_cast<T>(first);
                row_end[r] = static_cast<T>(last);
                begin = std::min(begin, first);
                end = std::max(end, last);
            }
            taken |= 1u << r;
        }
        if (taken == 0) end = begin;
    }

    /// The rows from `first` on that have column `at` of the tile.
    SEQUENT_INLINE auto mask(unsigned bits, int first, int at) const noexcept {
        auto result = mask_of_bits<T>(bits & taken, first);
        if constexpr (Shape::clips) {
            const batch<T> here = set(static_cast<T>(at));
            result = result & (load(row_begin + first) <= here) & (here < load(row_end + first));
        }
        return result;
    }
};

/// How many columns are at hand at once.
inline constexpr int listed_columns = 64;

template <class Shape, class T, class Range>
void tabled_attention(const mask_table& table, const score_operands<T>& given, const T* value,
                      T* out, T* log_sum, const int* counts, Range range) noexcept {
    constexpr int height = mask_table::height;
    constexpr int columns = listed_columns;
    constexpr int n = lanes<T>;
    constexpr int length = Shape::length;
    constexpr int pitch = (length + n - 1) / n * n;
    using score = exchanged<Shape>;
    using gathered = gathered_operands<score, T, columns, height, false>;
    using tile = score_tile<score, T, columns, height, 1, 1, false, gathered>;
    const score_operands<T> operands = score::operands(given);
    for (int row = range.begin; row < range.end; ++row)
        std::fill_n(out + row * Shape::out_row, length, T(0));
    std::fill_n(log_sum + range.begin, range.end - range.begin, -lowest<T>);
    gathered at_hand;
    alignas(64) T values[columns * pitch];
    alignas(64) T result[height * pitch];
    alignas(64) T shift[height];
    alignas(64) T sum[height];
    for (const mask_tile& each : table.tiles) {
        const tile_rows<Shape, T> rows(table, each, counts, range);
        if (rows.begin >= rows.end) continue;
        const int* const row = table.rows.data() + each.first_row;
        at_hand.take_columns(operands, row, each.rows);
        std::fill_n(shift, height, lowest<T>);
        std::fill_n(sum, height, T(0));
        std::fill_n(result, each.rows * pitch, T(0));
        for (int first = rows.begin / columns * columns; first < rows.end; first += columns) {
            const int* const listed = table.columns.data() + each.first_column + first;
            const std::uint16_t* const bits = table.bits.data() + each.first_column + first;
            const int count = std::min(columns, rows.end - first);
            at_hand.take_rows(operands, listed, count);
            gathered::template copy_listed<length, pitch>(value, Shape::value_column, listed, count,
                                                          values);
            tile scores(operands, at_hand, 0, 0, each.rows, count);
            T* const p = scores.evaluate();
            const batch<T> scale = set(static_cast<T>(tile::root_scale()));
            for (int r = 0; r < height; r += n) {
                batch<T> most = set(lowest<T>);
                for (int c = 0; c < count; ++c) {
                    const batch<T> x = xsimd::select(rows.mask(bits[c], r, first + c),
                                                     load(p + c * height + r), set(lowest<T>));
                    store(p + c * height + r, x);
                    most = xsimd::max(most, x);
                }
                most = most * scale;
                batch<T> now = load(shift + r);
                const auto moves = most > now + set(T(shift_slack));
                if (xsimd::any(moves)) {
                    const batch<T> next = xsimd::select(moves, most, now);
                    alignas(64) T factor[n];
                    // Rows that have had no pair yet have nothing to scale.
                    store(factor, xsimd::select(now == next, set(T(1)), exp(now - next)));
                    store(sum + r, batch<T>(load(sum + r) * load(factor)));
                    for (int lane = 0; lane < n && r + lane < each.rows; ++lane)
                        if (factor[lane] != 1 && shift[r + lane] != lowest<T>)
                            scale_row<length>(result + (r + lane) * pitch, factor[lane]);
                    store(shift + r, next);
                    now = next;
                }
                const batch<T> down = xsimd::select(now == set(lowest<T>), zero<T>(), -now);
                batch<T> all = load(sum + r);
                // Limited by the FMA ports, on which the polynomial of exp runs.
                for (int c = 0; c < count; ++c) {
                    T* const at = p + c * height + r;
                    const batch<T> weight = exp(fma(load(at), scale, down));
                    all += weight;
                    store(at, weight);
                }
                store(sum + r, all);
            }
            constexpr product_shape shape{height, length, columns, 1,   height,
                                          pitch,  1,      pitch,   true};
            tile_product<shape, false>(p, values, result, each.rows, count);
        }
        alignas(64) T logs[height];
        for (int r = 0; r < height; r += n)
            store(logs + r, batch<T>(load(shift + r) + log(load(sum + r))));
        for (int r = 0; r < each.rows; ++r) {
            if (sum[r] == 0) continue;
            scale_row<length>(result + r * pitch, 1 / sum[r]);
            std::copy_n(result + r * pitch, length, out + row[r] * Shape::out_row);
            log_sum[row[r]] = logs[r];
        }
    }
}

template <class Shape, class T>
void tabled_attention_gradient(const mask_table& table, const score_operands<T>& given,
                               const T* value, const T* out, const T* log_sum,
                               const T* out_gradient, T* value_gradient,
                               const int* counts) noexcept {
    constexpr int height = mask_table::height;
    constexpr int columns = listed_columns;
    constexpr int n = lanes<T>;
    constexpr int length = Shape::length;
    constexpr int pitch = (length + n - 1) / n * n;
    using score = exchanged<Shape>;
    using gathered = gathered_operands<score, T, columns, height, true>;
    using tile = score_tile<score, T, columns, height, 1, 1, false, gathered>;
    const score_operands<T> operands = score::operands(given);
    gathered at_hand;
    alignas(64) T values[columns * pitch];
    alignas(64) T sums[columns * pitch];
    alignas(64) T dout[height * pitch];
    alignas(64) T turned_dout[length * height];
    alignas(64) T ds[columns * height];
    alignas(64) T own[tile::needs_scores ? columns * height : 1];
    alignas(64) T inner[height];
    alignas(64) T logs[height];
    for (const mask_tile& each : table.tiles) {
        const tile_rows<Shape, T> rows(table, each, counts, all_rows<Shape::rows>{});
        if (rows.begin >= rows.end) continue;
        const int* const row = table.rows.data() + each.first_row;
        at_hand.take_columns(operands, row, each.rows);
        gathered::template turn_listed<length, height>(out_gradient, Shape::out_row, row,
                                                       turned_dout);
        gathered::template copy_listed<length, pitch>(out_gradient, Shape::out_row, row, each.rows,
                                                      dout);
        for (int r = 0; r < height; ++r) {
            logs[r] = log_sum[row[r]];
            inner[r] = dot_rows<length>(out + row[r] * Shape::out_row,
                                        out_gradient + row[r] * Shape::out_row);
        }
        for (int first = rows.begin / columns * columns; first < rows.end; first += columns) {
            const int* const listed = table.columns.data() + each.first_column + first;
            const std::uint16_t* const bits = table.bits.data() + each.first_column + first;
            const int count = std::min(columns, rows.end - first);
            at_hand.take_rows(operands, listed, count);
            gathered::template copy_listed<length, pitch>(value, Shape::value_column, listed, count,
                                                          values);
            tile scores(operands, at_hand, 0, 0, each.rows, count);
            T* const raw = scores.evaluate();
            T* const p = tile::needs_scores ? own : raw;
            constexpr product_shape by_values{columns, height, length, pitch, 1,
                                              height,  1,      height, false};
            tile_product<by_values, false>(values, turned_dout, ds, count, length);
            const batch<T> scale = set(static_cast<T>(tile::root_scale()));
            for (int r = 0; r < height; r += n) {
                const batch<T> down = -load(logs + r);
                const batch<T> mean = load(inner + r);
                // Limited by exp.
                for (int c = 0; c < count; ++c) {
                    const int at = c * height + r;
                    const batch<T> weight =
                        xsimd::select(rows.mask(bits[c], r, first + c),
                                      exp(fma(load(raw + at), scale, down)), zero<T>());
                    store(p + at, weight);
                    const batch<T> slope = weight * (load(ds + at) - mean) * scale;
                    store(ds + at, xsimd::select(weight > zero<T>(), slope, zero<T>()));
                }
            }
            if constexpr (Shape::value_gradient)
                if (value_gradient) {
                    constexpr product_shape shape{columns, length, height, height, 1,
                                                  pitch,   1,      pitch,  false};
                    tile_product<shape, false>(
                        p, dout, sums, count, each.rows,
                        add_to_listed<T>{value_gradient, listed, Shape::value_column});
                }
            scores.propagate(ds);
        }
        at_hand.add_columns(operands, each.rows);
    }
}

}  // namespace detail

/// The same as `attention` for a Shape with a table of pairs:
///   clips, space               whether the pairs are those of the table that are in
///   space.pieces[0]
template <class Shape, class T, class Range>
void attention(const mask_table& table, const score_operands<T>& operands, const T* value, T* out,
               T* log_sum, const int* counts, Range range) noexcept {
    detail::tabled_attention<Shape>(table, operands, value, out, log_sum, counts, range);
}
template <class Shape, class T>
void attention_gradient(const mask_table& table, const score_operands<T>& operands, const T* value,
                        const T* out, const T* log_sum, const T* out_gradient, T* value_gradient,
                        const int* counts) noexcept {
    detail::tabled_attention_gradient<Shape>(table, operands, value, out, log_sum, out_gradient,
                                             value_gradient, counts);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

/// The vocabulary in which models are written: variables, relations, weights, constraints,
/// functions, rules. Types that say nothing but themselves; plan/ gives them meaning.

namespace sequent::inline SEQUENT_ABI::language {

/// A name as a template argument: `relation<"query">`.
template <std::size_t Size>
struct fixed_string {
    char characters[Size]{};

    consteval fixed_string(const char (&text)[Size]) noexcept {
        for (std::size_t at = 0; at < Size; ++at) characters[at] = text[at];
    }
};

/// One name after another: `relation<Prefix + "query">`.
template <std::size_t First, std::size_t Second>
consteval auto operator+(const fixed_string<First>& first, const char (&second)[Second]) noexcept {
    char text[First + Second - 1]{};
    for (std::size_t at = 0; at + 1 < First; ++at) text[at] = first.characters[at];
    for (std::size_t at = 0; at < Second; ++at) text[First - 1 + at] = second[at];
    return fixed_string<First + Second - 1>(text);
}

/// Fails a static_assert with a reason where an expression makes no rule.
template <class...>
inline constexpr bool refused = false;

/// What an expression that makes no rule gives once its reason is told. The operators of rules take
/// it and give it again, so that one mistake is one error.
struct mistaken {
    constexpr mistaken T() const noexcept { return {}; }
    template <class Weight>
    constexpr mistaken operator[](Weight) const noexcept {
        return {};
    }
};

/// A list of values of different types.
template <class... Values>
struct pack {};

template <class First, class... Rest>
struct pack<First, Rest...> {
    First first;
    [[no_unique_address]] pack<Rest...> rest;
};

constexpr pack<> make_pack() noexcept {
    return {};
}
template <class First, class... Rest>
constexpr pack<First, Rest...> make_pack(First first, Rest... rest) noexcept {
    return {first, make_pack(rest...)};
}

}  // namespace sequent::inline SEQUENT_ABI::language

/// Index variables, the integer expressions over them, and the constraints these make.

namespace sequent::inline SEQUENT_ABI::language {

/// An index variable. Its range follows from the facts, weights and literals that bind it, or is
/// stated: `var<"h", 8>` runs over 0..7.
template <fixed_string Name, int Extent = 0>
struct var {};

/// `input = x`: an argument of a model's forward or backward under the name of a fact, a count or
/// an output.
template <fixed_string Name, class Value>
struct named_argument {
    Value& value;
};

/// A count given at run time, `j < length`. It bounds variables; it is no variable itself.
template <fixed_string Name>
struct bound {
    template <class Value>
    constexpr named_argument<Name, std::remove_reference_t<Value>> operator=(
        Value&& value) const noexcept {
        return {value};
    }
};

struct integer {
    int value;
};

enum class arithmetic { add, subtract, multiply, divide, remainder, absolute };

/// `left op right` over integers. Division and remainder round down.
template <arithmetic Operation, class Left, class Right>
struct index_expression {
    Left left;
    Right right;
};

enum class order { less, less_equal, greater, greater_equal, equal, not_equal };

template <order Relation, class Left, class Right>
struct comparison {
    Left left;
    Right right;
};

enum class connective { conjunction, disjunction, negation };

template <connective Operation, class Left, class Right>
struct compound {
    Left left;
    Right right;
};

/// A condition that a function of one index or two decides.
template <class Test, class Left, class Right>
struct decision {
    Left left;
    Right right;
};

/// Both positions hold the same symbol of a fact, as those of one document do.
template <fixed_string Fact, class Left, class Right>
struct same_symbol {
    Left left;
    Right right;
};

template <class T>
inline constexpr bool is_index = false;
template <fixed_string Name, int Extent>
inline constexpr bool is_index<var<Name, Extent>> = true;
template <fixed_string Name>
inline constexpr bool is_index<bound<Name>> = true;
template <>
inline constexpr bool is_index<integer> = true;
template <arithmetic Operation, class Left, class Right>
inline constexpr bool is_index<index_expression<Operation, Left, Right>> = true;

template <class T>
inline constexpr bool is_constraint = false;
template <order Relation, class Left, class Right>
inline constexpr bool is_constraint<comparison<Relation, Left, Right>> = true;
template <connective Operation, class Left, class Right>
inline constexpr bool is_constraint<compound<Operation, Left, Right>> = true;
template <class Test, class Left, class Right>
inline constexpr bool is_constraint<decision<Test, Left, Right>> = true;
template <fixed_string Fact, class Left, class Right>
inline constexpr bool is_constraint<same_symbol<Fact, Left, Right>> = true;

template <class T>
concept index_term = is_index<T>;
template <class T>
concept index_operand = is_index<T> || std::integral<T>;
template <class T>
concept constraint = is_constraint<T>;

template <class Left, class Right>
concept index_pair = index_operand<Left> && index_operand<Right> &&
    (index_term<Left> || index_term<Right>);

template <index_term Term>
constexpr Term as_index(Term term) noexcept {
    return term;
}
constexpr integer as_index(int value) noexcept {
    return {value};
}

template <class T>
using index_of = decltype(as_index(T{}));

namespace detail {
template <arithmetic Operation, class Left, class Right>
constexpr auto combine_index(Left left, Right right) noexcept {
    return index_expression<Operation, index_of<Left>, index_of<Right>>{as_index(left),
                                                                        as_index(right)};
}
template <order Relation, class Left, class Right>
constexpr auto compare_index(Left left, Right right) noexcept {
    return comparison<Relation, index_of<Left>, index_of<Right>>{as_index(left), as_index(right)};
}
}  // namespace detail

template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator+(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::add>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator-(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::subtract>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator*(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::multiply>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator/(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::divide>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator%(Left left, Right right) noexcept {
    return detail::combine_index<arithmetic::remainder>(left, right);
}
template <index_term Term>
constexpr auto abs(Term term) noexcept {
    return detail::combine_index<arithmetic::absolute>(term, 0);
}

template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator<(Left left, Right right) noexcept {
    return detail::compare_index<order::less>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator<=(Left left, Right right) noexcept {
    return detail::compare_index<order::less_equal>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator>(Left left, Right right) noexcept {
    return detail::compare_index<order::greater>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator>=(Left left, Right right) noexcept {
    return detail::compare_index<order::greater_equal>(left, right);
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator==(Left left, Right right) noexcept {
    return detail::compare_index<order::equal>(left, right);
}
// Defined, not rewritten from ==: a rewritten != would negate an object, not a truth value.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto operator!=(Left left, Right right) noexcept {
    return detail::compare_index<order::not_equal>(left, right);
}

template <constraint Left, constraint Right>
constexpr auto operator&&(Left left, Right right) noexcept {
    return compound<connective::conjunction, Left, Right>{left, right};
}
template <constraint Left, constraint Right>
constexpr auto operator||(Left left, Right right) noexcept {
    return compound<connective::disjunction, Left, Right>{left, right};
}
template <constraint Condition>
constexpr auto operator!(Condition condition) noexcept {
    return compound<connective::negation, Condition, integer>{condition, {0}};
}

namespace detail {
template <int... Members>
struct is_member {
    static constexpr bool holds(int index, int) noexcept { return (... || (index == Members)); }
};
template <auto Predicate>
struct is_held {
    static constexpr bool holds(int left, int right) noexcept {
        return static_cast<bool>(Predicate(left, right));
    }
};
}  // namespace detail

/// The index is one of the numbers: `one_of<0, 100, 500>(j)`.
template <int... Members, index_term Term>
constexpr auto one_of(Term term) noexcept {
    return decision<detail::is_member<Members...>, Term, integer>{term, {0}};
}

/// Any condition on two indices: `holds<predicate>(i, j)`, where predicate(int, int) is a constexpr
/// function, or an object that holds nothing. A table of its pairs is made when the program starts.
template <auto Predicate, class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto holds(Left left, Right right) noexcept {
    return decision<detail::is_held<Predicate>, index_of<Left>, index_of<Right>>{as_index(left),
                                                                                 as_index(right)};
}

// The same by their names in logic.
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto leq(Left left, Right right) noexcept {
    return left <= right;
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto sub(Left left, Right right) noexcept {
    return left - right;
}
template <class Left, class Right>
    requires index_pair<Left, Right>
constexpr auto mod(Left left, Right right) noexcept {
    return left % right;
}
template <index_term Term>
constexpr auto next(Term term) noexcept {
    return term + 1;
}
/// No two of the terms are equal.
template <index_term First, index_term Second, index_term... Rest>
constexpr auto alldiff(First first, Second second, Rest... rest) noexcept {
    if constexpr (sizeof...(Rest) == 0)
        return first != second;
    else
        return (first != second) && (... && (first != rest)) && alldiff(second, rest...);
}

// A chain reads as mathematics and means something else: `0 <= i - j <= 5` compares a truth value.
#define SEQUENT_REFUSE_CHAIN(OPERATOR)                                                           \
    template <constraint Left, class Right>                                                      \
        requires(index_operand<Right> || constraint<Right>)                                      \
    constexpr Left operator OPERATOR(Left left, Right) noexcept {                                \
        constexpr bool is_a_constraint = refused<Left, Right>;                                   \
        static_assert(is_a_constraint,                                                           \
                      "sequent: a chained comparison compares a truth value; write a <= b && b " \
                      "<= c");                                                                   \
        return left;                                                                             \
    }
SEQUENT_REFUSE_CHAIN(<)
SEQUENT_REFUSE_CHAIN(<=)
SEQUENT_REFUSE_CHAIN(>)
SEQUENT_REFUSE_CHAIN(>=)
SEQUENT_REFUSE_CHAIN(==)
SEQUENT_REFUSE_CHAIN(!=)
#undef SEQUENT_REFUSE_CHAIN

}  // namespace sequent::inline SEQUENT_ABI::language

/// What a model is given at run time, and what it gives back.

namespace sequent::inline SEQUENT_ABI::language {

template <int Classes>
struct symbol_type {
    static constexpr int classes = Classes;
};

/// As the last extent of a fact: its values are symbols 0..Classes-1, given as 32-bit integers.
template <int Classes>
inline constexpr symbol_type<Classes> symbol{};

template <int Capacity>
struct sparse_type {
    static constexpr int pairs = Capacity;
};

/// As the first extent of a fact: it holds for at most Capacity pairs (i, j), given at run time.
template <int Capacity>
inline constexpr sparse_type<Capacity> sparse{};

/// A dense fact. `fact<"input", 64, 128>` used as `input(i)` holds 64 vectors of 128 numbers; used
/// as `input(i, j)`, 64 x 128 scalars. `fact<"token", 64, symbol<65>>` holds 64 symbols.
/// `fact<"edge", sparse<90>, 40, 40, 3>` is sparse: `edge(i, j)` holds for at most 90 of the pairs
/// with i, j < 40, each with a vector of 3 numbers; with no extent after the two, a number each;
/// with symbol<4> there, a symbol each.
template <fixed_string Name, auto... Shape>
struct fact {};

/// The relations that are the model's outputs, where they are not the one that no body uses.
template <fixed_string... Names>
struct query {};

}  // namespace sequent::inline SEQUENT_ABI::language

/// What stands in a rule's body and head: relations, weights and numbers, each with its arguments.

namespace sequent::inline SEQUENT_ABI::language {

struct none {};

enum modifier : unsigned { plain = 0, transposed = 1, negated = 2, hidden_value = 4, frozen = 8 };

/// `Source(terms...)[weight]`. Source is a relation or a weight; Weight is a literal of a weight,
/// or none.
template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct literal;

template <class T>
inline constexpr bool is_weight = false;

template <class T>
concept weight_literal = is_weight<T>;

template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct literal {
    [[no_unique_address]] pack<Terms...> terms;
    [[no_unique_address]] Weight weight;

    /// The value turned into its transpose, after the weight is applied.
    constexpr auto T() const noexcept {
        return literal<Source, Weight, Modifiers ^ transposed, Terms...>{terms, weight};
    }

    /// The value multiplied from the left by a weight; for a symbol, the weight's row.
    template <weight_literal Applied>
    constexpr auto operator[](Applied applied) const noexcept {
        auto use = applied.use();
        return literal<Source, decltype(use), Modifiers, Terms...>{terms, use};
    }

    constexpr literal use() const noexcept { return *this; }
};

/// A named relation; `r(i, j)` is its atom. The shape of its value is inferred.
template <fixed_string Name>
struct relation {
    /// Names an argument of a model's forward or backward.
    template <class Value>
    constexpr named_argument<Name, std::remove_reference_t<Value>> operator=(
        Value&& value) const noexcept {
        return {value};
    }

    template <index_operand... Terms>
    constexpr auto operator()(Terms... terms) const noexcept {
        return literal<relation, none, plain, index_of<Terms>...>{make_pack(as_index(terms)...),
                                                                  {}};
    }
};

/// Learned numbers: a scalar, a vector or a matrix (rows = outputs, columns = inputs). With
/// arguments there is one of them per value of the index, `W(h)`, `R(i, j)`. The same name is the
/// same weight.
template <fixed_string Name, int... Shape>
struct weight {
    static_assert(sizeof...(Shape) <= 2, "sequent: a weight is a scalar, a vector or a matrix");
    static_assert((... && (Shape > 0)), "sequent: a weight has extents of at least one");

    template <index_operand... Terms>
    constexpr auto operator()(Terms... terms) const noexcept {
        return literal<weight, none, plain, index_of<Terms>...>{make_pack(as_index(terms)...), {}};
    }
    constexpr auto use() const noexcept { return (*this)(); }
    constexpr auto T() const noexcept { return use().T(); }
};

template <fixed_string Name, int... Shape>
inline constexpr bool is_weight<weight<Name, Shape...>> = true;
template <fixed_string Name, int... Shape, unsigned Modifiers, class... Terms>
inline constexpr bool is_weight<literal<weight<Name, Shape...>, none, Modifiers, Terms...>> = true;

/// The weight keeps its values: it gets no gradient.
template <weight_literal Weight>
constexpr auto fixed(Weight weight) noexcept {
    auto freeze = []<class Source, unsigned Modifiers, class... Terms>(
                      literal<Source, none, Modifiers, Terms...> use) {
        return literal<Source, none, Modifiers | frozen, Terms...>{use.terms, {}};
    };
    return freeze(weight.use());
}

/// Element `index` of the vector that `inner` gives.
template <class Inner, class Index>
struct element {
    Inner inner;
    Index index;
};

/// A constant scalar.
struct constant {
    double value;
};

/// A scalar computed from indices: `number(i - j)`.
template <class Index>
struct index_value {
    Index index;
};

constexpr constant number(double value) noexcept {
    return {value};
}
template <index_term Index>
constexpr auto number(Index index) noexcept {
    return index_value<Index>{index};
}

/// 1 / sqrt(value), by Newton's method, which falls until it has arrived. The value is above zero.
constexpr constant inverse_sqrt(double value) noexcept {
    long double root = value > 1 ? value : 1;
    for (;;) {
        const long double next = (root + value / root) / 2;
        if (!(next < root)) break;
        root = next;
    }
    return {static_cast<double>(1 / root)};
}

template <class T>
inline constexpr bool is_literal = is_weight<T>;
template <class Source, class Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_literal<literal<Source, Weight, Modifiers, Terms...>> = true;
template <class Inner, class Index>
inline constexpr bool is_literal<element<Inner, Index>> = true;
template <>
inline constexpr bool is_literal<constant> = true;
template <class Index>
inline constexpr bool is_literal<index_value<Index>> = true;

template <class T>
inline constexpr bool is_atom = false;
template <fixed_string Name, class Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_atom<literal<relation<Name>, Weight, Modifiers, Terms...>> = true;

template <class T>
inline constexpr bool is_head = false;
template <fixed_string Name, class Weight, class... Terms>
inline constexpr bool is_head<literal<relation<Name>, Weight, plain, Terms...>> = true;

template <class T>
inline constexpr bool is_weighted = false;
template <class Source, weight_literal Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_weighted<literal<Source, Weight, Modifiers, Terms...>> = true;

/// An atom of a relation, weighted or not.
template <class T>
concept atom = is_atom<T>;
/// What can be a head: neither transposed nor negated nor hidden.
template <class T>
concept head_atom = is_head<T>;
/// Anything that may stand in a body.
template <class T>
concept body_item = is_literal<T> || is_constraint<T>;

template <class T>
inline constexpr bool is_variable = false;
template <fixed_string Name, int Extent>
inline constexpr bool is_variable<var<Name, Extent>> = true;

/// `document(i) == document(j)`: both positions hold the same symbol of the fact. Equal symbols
/// stand side by side, so that each document is a run of positions.
template <fixed_string Name, class Left, class Right>
    requires(is_variable<Left>&& is_variable<Right>)
constexpr auto operator==(literal<relation<Name>, none, plain, Left> left,
                          literal<relation<Name>, none, plain, Right> right) noexcept {
    return same_symbol<Name, Left, Right>{left.terms.first, right.terms.first};
}
template <fixed_string Name, class Left, class Right>
    requires(is_variable<Left>&& is_variable<Right>)
constexpr auto operator!=(literal<relation<Name>, none, plain, Left> left,
                          literal<relation<Name>, none, plain, Right> right) noexcept {
    return !same_symbol<Name, Left, Right>{left.terms.first, right.terms.first};
}

template <atom Inner, index_operand Index>
constexpr auto at(Inner inner, Index index) noexcept {
    return element<Inner, index_of<Index>>{inner, as_index(index)};
}

namespace detail {
template <unsigned Added, class Source, unsigned Modifiers, class... Terms>
constexpr auto modified(literal<Source, none, Modifiers, Terms...> atom) noexcept {
    return literal<Source, none, Modifiers | Added, Terms...>{atom.terms, {}};
}
}  // namespace detail

/// Must hold, but contributes no value. A dense fact holds where its value is not zero.
template <atom Atom>
    requires(!is_weighted<Atom>)
constexpr auto hidden(Atom held) noexcept {
    return detail::modified<hidden_value>(held);
}

/// Holds where the fact is absent; a dense fact is absent where its value is zero.
template <atom Atom>
    requires(!is_weighted<Atom>)
constexpr auto operator!(Atom absent) noexcept {
    return detail::modified<negated>(absent);
}

}  // namespace sequent::inline SEQUENT_ABI::language

/// The functions of a rule: how the literals of one body combine, what is done with the result, and
/// how the ground rules of one head are brought together. All are calls, `relu()`: objects of these
/// names would clash with <cmath>.

namespace sequent::inline SEQUENT_ABI::language {

enum class combination { sum, product, elementwise_product, max, min, mean, concat, cosine };

enum class transformation {
    identity,
    relu,
    leaky_relu,
    gelu,
    gelu_tanh,
    silu,
    sigmoid,
    tanh,
    exp,
    log,
    sqrt,
    inverse,
    complement,
    soft_cap,
    softmax,
    sparsemax,
    norm,
    layer_norm,
    rms_norm,
    rotary,
    rotary_halves,
    sinusoidal,
    dropout,
    slice,
    reshape
};

enum class aggregation { sum, mean, max, min, count, concat, softmax };

template <combination Kind>
struct combine {};

/// A function of one value. `numbers` are its constants, Arguments its weights or index variables.
template <transformation Kind, class... Arguments>
struct transform {
    double numbers[2]{};
    [[no_unique_address]] pack<Arguments...> arguments{};
};

template <aggregation Kind, class... Variables>
struct aggregate {};

/// A program of one fact and one output, applied Count times with parameters of its own each time.
template <int Count, class Program>
struct repeated {
    static_assert(Count > 0, "sequent: stack<N> needs at least one layer");
    const Program* block;
};

// Combinations of the literals of one body.
constexpr auto sum() noexcept {
    return combine<combination::sum>{};
}
/// The matrix product of the literals, left to right.
constexpr auto product() noexcept {
    return combine<combination::product>{};
}
constexpr auto elementwise_product() noexcept {
    return combine<combination::elementwise_product>{};
}
constexpr auto max() noexcept {
    return combine<combination::max>{};
}
constexpr auto min() noexcept {
    return combine<combination::min>{};
}
constexpr auto mean() noexcept {
    return combine<combination::mean>{};
}
constexpr auto concat() noexcept {
    return combine<combination::concat>{};
}
/// a . b / (|a| |b|), the cosine of the angle between two vectors; zero if one of them is zero.
constexpr auto cosine() noexcept {
    return combine<combination::cosine>{};
}

// Transformations, element by element.
constexpr auto identity() noexcept {
    return transform<transformation::identity>{};
}
constexpr auto relu() noexcept {
    return transform<transformation::relu>{};
}
constexpr auto leaky_relu(double slope = 0.01) noexcept {
    return transform<transformation::leaky_relu>{{slope}, {}};
}
/// x Phi(x), with the normal distribution's Phi (arXiv 1606.08415).
constexpr auto gelu() noexcept {
    return transform<transformation::gelu>{};
}
/// The approximation of gelu by tanh (arXiv 1606.08415, section 2).
constexpr auto gelu_tanh() noexcept {
    return transform<transformation::gelu_tanh>{};
}
constexpr auto silu() noexcept {
    return transform<transformation::silu>{};
}
constexpr auto sigmoid() noexcept {
    return transform<transformation::sigmoid>{};
}
constexpr auto tanh() noexcept {
    return transform<transformation::tanh>{};
}
constexpr auto exp() noexcept {
    return transform<transformation::exp>{};
}
constexpr auto log() noexcept {
    return transform<transformation::log>{};
}
constexpr auto sqrt() noexcept {
    return transform<transformation::sqrt>{};
}
/// 1 / x.
constexpr auto inverse() noexcept {
    return transform<transformation::inverse>{};
}
/// 1 - x.
constexpr auto complement() noexcept {
    return transform<transformation::complement>{};
}
/// c tanh(x / c).
constexpr auto soft_cap(double c) noexcept {
    return transform<transformation::soft_cap>{{c}, {}};
}

// Transformations of a whole value.
constexpr auto softmax() noexcept {
    return transform<transformation::softmax>{};
}
/// The projection onto the probability simplex (arXiv 1602.02068).
constexpr auto sparsemax() noexcept {
    return transform<transformation::sparsemax>{};
}
/// (x - mean) / sqrt(variance + eps), the variance divided by the length.
constexpr auto norm(double eps = 1e-5) noexcept {
    return transform<transformation::norm>{{eps}, {}};
}
/// norm, times a gain, plus a bias (arXiv 1607.06450).
template <weight_literal Gain, weight_literal Bias>
constexpr auto layer_norm(Gain gain, Bias bias, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    auto bias_use = bias.use();
    return transform<transformation::layer_norm, decltype(gain_use), decltype(bias_use)>{
        {eps}, make_pack(gain_use, bias_use)};
}
/// x / sqrt(mean of x^2 + eps), times a gain (arXiv 1910.07467).
template <weight_literal Gain>
constexpr auto rms_norm(Gain gain, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    return transform<transformation::rms_norm, decltype(gain_use)>{{eps}, make_pack(gain_use)};
}
/// Turns each pair (x[2k], x[2k + 1]) by the angle position * base^(-2k / length)
/// (arXiv 2104.09864).
template <index_term Position>
constexpr auto rotary(Position position, double base = 10000) noexcept {
    return transform<transformation::rotary, Position>{{base}, make_pack(position)};
}
/// The same for the pairs (x[k], x[k + length / 2]), as Llama's weights in other libraries need it.
template <index_term Position>
constexpr auto rotary_halves(Position position, double base = 10000) noexcept {
    return transform<transformation::rotary_halves, Position>{{base}, make_pack(position)};
}
/// Adds sin(angle) to x[2k] and cos(angle) to x[2k + 1], the angle position * base^(-2k / length)
/// (arXiv 1706.03762, section 3.5).
template <index_term Position>
constexpr auto sinusoidal(Position position, double base = 10000) noexcept {
    return transform<transformation::sinusoidal, Position>{{base}, make_pack(position)};
}

namespace detail {
// Not constexpr: the compiler names it where a rate is not between.
inline void a_dropout_rate_is_at_least_0_and_below_1() noexcept {}
}  // namespace detail

/// Each element becomes zero with probability `rate`, else x / (1 - rate) (Srivastava et al. 2014).
/// `seed` is a count given at run time, such as `bound<"seed"> seed`: the same seed drops the same
/// elements, in backward as in forward and on any number of threads; a seed of 0 drops none. Each
/// rule and each layer of a stack drops others.
template <fixed_string Seed>
constexpr auto dropout(double rate, bound<Seed> seed) noexcept {
    if (!(rate >= 0 && rate < 1)) detail::a_dropout_rate_is_at_least_0_and_below_1();
    return transform<transformation::dropout, bound<Seed>>{{rate}, make_pack(seed)};
}
/// The `length` elements from `begin` on.
constexpr auto slice(int begin, int length) noexcept {
    return transform<transformation::slice>{
        {static_cast<double>(begin), static_cast<double>(length)}, {}};
}
/// The same elements in row-major order as a matrix of another shape.
constexpr auto reshape(int rows, int columns = 1) noexcept {
    return transform<transformation::reshape>{
        {static_cast<double>(rows), static_cast<double>(columns)}, {}};
}

// Aggregations over the variables that stand in the body but not in the head.
template <index_term First, index_term... Rest>
constexpr auto sum(First, Rest...) noexcept {
    return aggregate<aggregation::sum, First, Rest...>{};
}
template <index_term First, index_term... Rest>
constexpr auto mean(First, Rest...) noexcept {
    return aggregate<aggregation::mean, First, Rest...>{};
}
template <index_term First, index_term... Rest>
constexpr auto max(First, Rest...) noexcept {
    return aggregate<aggregation::max, First, Rest...>{};
}
template <index_term First, index_term... Rest>
constexpr auto min(First, Rest...) noexcept {
    return aggregate<aggregation::min, First, Rest...>{};
}
/// How many ground rules there are, a scalar.
template <index_term First, index_term... Rest>
constexpr auto count(First, Rest...) noexcept {
    return aggregate<aggregation::count, First, Rest...>{};
}
/// The values one after another; zeros where there is no ground rule.
template <index_term First, index_term... Rest>
constexpr auto concat(First, Rest...) noexcept {
    return aggregate<aggregation::concat, First, Rest...>{};
}
/// Normalises over the variable within the head's other variables. The variable stays in the head.
template <index_term First, index_term... Rest>
constexpr auto softmax(First, Rest...) noexcept {
    return aggregate<aggregation::softmax, First, Rest...>{};
}

/// `y(i) <<= x(i) | stack<12>(block)`: the block applied again and again, each time with parameters
/// of its own. It gives the one relation that its rules do not use. Its input is its one relation
/// without a rule. Where it has several of these, those that follow from rules of the program
/// around, or are facts, are these: computed once, read in every layer, scope by scope outward
/// where stacks stand in stacks. The input then is the one that the program around does not know,
/// or, if it knows all, the one with the name of what the block is applied to.
template <int Count, class Program>
constexpr auto stack(const Program& block) noexcept {
    if constexpr (std::is_same_v<Program, mistaken>)
        return mistaken{};
    else
        return repeated<Count, Program>{&block};
}

template <class T>
inline constexpr bool is_function = false;
template <combination Kind>
inline constexpr bool is_function<combine<Kind>> = true;
template <transformation Kind, class... Arguments>
inline constexpr bool is_function<transform<Kind, Arguments...>> = true;
template <aggregation Kind, class... Variables>
inline constexpr bool is_function<aggregate<Kind, Variables...>> = true;
template <int Count, class Program>
inline constexpr bool is_function<repeated<Count, Program>> = true;

template <class T>
concept function = is_function<T>;

}  // namespace sequent::inline SEQUENT_ABI::language

/// Bodies and rules. `head <<= (a, b, constraint) | combination | transformation |
/// aggregation`, where <<= reads "follows from".

namespace sequent::inline SEQUENT_ABI::language {

/// Two parts of a body, in order.
template <class Left, class Right>
struct joined {
    Left left;
    Right right;
};

/// A body with a function applied to it.
template <class Body, class Function>
struct applied {
    Body body;
    [[no_unique_address]] Function function;
};

template <class Head, class Body>
struct rule {
    Head head;
    Body body;
};

template <class T>
inline constexpr bool is_body = body_item<T>;
template <class Left, class Right>
inline constexpr bool is_body<joined<Left, Right>> = true;

template <class T>
inline constexpr bool is_applied = false;
template <class Body, class Function>
inline constexpr bool is_applied<applied<Body, Function>> = true;

template <class T>
concept body = is_body<T>;
template <class T>
concept functional_body = is_body<T> || is_applied<T>;

/// A transformation of an atom, `h(i) | relu()`, applied once all its rules are added.
template <class T>
inline constexpr bool is_atom_transformation = false;
template <atom Atom, class Function>
inline constexpr bool is_atom_transformation<applied<Atom, Function>> = true;
template <class Body, class Outer, class Inner>
inline constexpr bool is_atom_transformation<applied<applied<Body, Inner>, Outer>> =
    is_atom_transformation<applied<Body, Inner>>;

template <class T>
inline constexpr bool is_rule = is_atom_transformation<T>;
template <class Head, class Body>
inline constexpr bool is_rule<rule<Head, Body>> = true;

template <body Left, body_item Right>
constexpr auto operator,(Left left, Right right) noexcept {
    return joined<Left, Right>{left, right};
}

template <functional_body Body, function Function>
constexpr auto operator|(Body body, Function function) noexcept {
    return applied<Body, Function>{body, function};
}

template <head_atom Head, functional_body Body>
constexpr auto operator<<=(Head head, Body body) noexcept {
    return rule<Head, Body>{head, body};
}

}  // namespace sequent::inline SEQUENT_ABI::language

/// What is left over makes no rule. Each operator says what to write instead, at the user's line.

namespace sequent::inline SEQUENT_ABI::language {

template <class T>
inline constexpr bool is_name = false;
template <fixed_string Name>
inline constexpr bool is_name<relation<Name>> = true;

/// A part of a rule, whole or not.
template <class T>
concept rule_part =
    is_body<T> || is_applied<T> || is_function<T> || is_rule<T> || std::is_same_v<T, mistaken>;
template <class T>
concept word = rule_part<T> || index_term<T> || is_name<T>;

/// A part of a rule beside another word or a number. Whatever else stands beside one is left alone:
/// it is no rule, but perhaps a test or a fold.
template <class Left, class Right>
concept beside = (rule_part<Left> && (word<Right> || std::is_arithmetic_v<Right>)) ||
                 ((word<Left> || std::is_arithmetic_v<Left>)&&rule_part<Right>);

/// `document(i) == document(j)`, of one fact.
template <class Left, class Right>
inline constexpr bool are_symbols = false;
template <fixed_string Name, class Left, class Right>
inline constexpr bool are_symbols<literal<relation<Name>, none, plain, Left>,
                                  literal<relation<Name>, none, plain, Right>> =
    is_variable<Left>&& is_variable<Right>;

/// A mistake that has been told is not told again.
template <class... Parts>
inline constexpr bool told = (... || std::is_same_v<Parts, mistaken>);

template <class Left, class Right>
    requires beside<Left, Right> &&(!(body<Left> && body_item<Right>)) constexpr mistaken operator,(
        Left, Right) noexcept {
        constexpr bool makes_a_rule = told<Left, Right>;
        if constexpr (std::is_arithmetic_v<Left> || std::is_arithmetic_v<Right>)
            static_assert(makes_a_rule,
                          "sequent: a bare number in a body would vanish; write number(0.5)");
        else if constexpr (is_function<Left> || is_function<Right> || is_applied<Left>)
            static_assert(makes_a_rule,
                          "sequent: a function stands after the body: (a, b) | product()");
        else if constexpr (is_name<Left> || is_name<Right>)
            static_assert(makes_a_rule,
                          "sequent: a relation in a body has arguments, such as k(j)");
        else
            static_assert(
                makes_a_rule,
                "sequent: only literals, weights, numbers and constraints stand in a body");
        return {};
    }

    template <class Left, class Right>
        requires beside<Left, Right> &&
            (!(functional_body<Left> && function<Right>)) constexpr mistaken
            operator|(Left, Right) noexcept {
            constexpr bool makes_a_rule = told<Left, Right>;
            if constexpr (is_name<Left>)
                static_assert(makes_a_rule,
                              "sequent: a relation in a body has arguments, such as k(j)");
            else
                static_assert(makes_a_rule,
                              "sequent: after | stands a function call such as relu() or sum(j); "
                              "conditions are joined by ||");
            return {};
        }

        /// A function's name, without the parentheses of a call.
        struct uncalled {
            template <class Result, class... Arguments>
            constexpr uncalled(Result (*)(Arguments...)) noexcept {}
            // Of the overloaded ones, those that a name alone cannot tell apart.
            constexpr uncalled(combine<combination::sum> (*)()) noexcept {}
            constexpr uncalled(combine<combination::max> (*)()) noexcept {}
            constexpr uncalled(combine<combination::min> (*)()) noexcept {}
            constexpr uncalled(combine<combination::mean> (*)()) noexcept {}
            constexpr uncalled(combine<combination::concat> (*)()) noexcept {}
            constexpr uncalled(transform<transformation::softmax> (*)()) noexcept {}
        };
        template <class Body>
            requires functional_body<Body> || std::is_same_v<Body, mistaken>
        constexpr mistaken operator|(Body, uncalled) noexcept {
            constexpr bool makes_a_rule = told<Body>;
            static_assert(makes_a_rule,
                          "sequent: after | stands a function call such as relu() or sum(j): the "
                          "parentheses are missing");
            return {};
        }

        template <class Head, class Body>
            requires beside<Head, Body> &&
                (!(head_atom<Head> && functional_body<Body>)) constexpr mistaken
                operator<<=(Head, Body) noexcept {
                constexpr bool makes_a_rule = told<Head, Body>;
                if constexpr (!head_atom<Head>)
                    static_assert(
                        makes_a_rule,
                        "sequent: the head of a rule is one atom with its arguments, such as q(i)");
                else
                    static_assert(
                        makes_a_rule,
                        "sequent: a rule follows from a body of literals; a number is number(0.5)");
                return {};
            }

#define SEQUENT_REFUSE_UNLESS(EXCEPTION, OPERATOR, REASON)                              \
    template <class Left, class Right>                                                  \
        requires beside<Left, Right> &&(!(constraint<Left> && constraint<Right>)) &&    \
            (!(constraint<Left> && index_operand<Right>)) &&                            \
            (!(EXCEPTION)) constexpr mistaken operator OPERATOR(Left, Right) noexcept { \
            constexpr bool makes_a_rule = told<Left, Right>;                            \
            static_assert(makes_a_rule, REASON);                                        \
            return {};                                                                  \
        }
#define SEQUENT_REFUSE(OPERATOR, REASON) SEQUENT_REFUSE_UNLESS(false, OPERATOR, REASON)
#define SEQUENT_REFUSE_ARITHMETIC(OPERATOR)                                                        \
    SEQUENT_REFUSE(OPERATOR,                                                                       \
                   "sequent: literals are separated by commas and combined by a function: (a, b) " \
                   "| sum()")
#define SEQUENT_REFUSE_COMPARISON(OPERATOR)                                                      \
    SEQUENT_REFUSE(OPERATOR,                                                                     \
                   "sequent: a constraint compares index variables, not values; a rule is head " \
                   "<<= body")
#define SEQUENT_REFUSE_EQUALITY(OPERATOR)                                                        \
    SEQUENT_REFUSE_UNLESS((are_symbols<Left, Right>), OPERATOR,                                  \
                          "sequent: a constraint compares index variables, not values; symbols " \
                          "of one fact at two of them are equal or not: d(i) == d(j)")
#define SEQUENT_REFUSE_CONNECTIVE(OPERATOR)                                                      \
    SEQUENT_REFUSE(OPERATOR,                                                                     \
                   "sequent: && and || join constraints; literals are separated by commas, and " \
                   "alternatives are several rules with one head")
            SEQUENT_REFUSE_ARITHMETIC(+)
            SEQUENT_REFUSE_ARITHMETIC(-)
            SEQUENT_REFUSE_ARITHMETIC(*)
            SEQUENT_REFUSE_ARITHMETIC(/)
            SEQUENT_REFUSE_ARITHMETIC(%)
            SEQUENT_REFUSE_ARITHMETIC(&)
            SEQUENT_REFUSE_ARITHMETIC(^)
            SEQUENT_REFUSE_COMPARISON(<)
            SEQUENT_REFUSE_COMPARISON(<=)
            SEQUENT_REFUSE_COMPARISON(>)
            SEQUENT_REFUSE_COMPARISON(>=)
            SEQUENT_REFUSE_COMPARISON(<<)
            SEQUENT_REFUSE_EQUALITY(==)
            SEQUENT_REFUSE_EQUALITY(!=)
            SEQUENT_REFUSE_CONNECTIVE(&&)
            SEQUENT_REFUSE_CONNECTIVE(||)
#undef SEQUENT_REFUSE_CONNECTIVE
#undef SEQUENT_REFUSE_COMPARISON
#undef SEQUENT_REFUSE_ARITHMETIC
#undef SEQUENT_REFUSE_EQUALITY
#undef SEQUENT_REFUSE
#undef SEQUENT_REFUSE_UNLESS

}  // namespace sequent::inline SEQUENT_ABI::language

/// Programs: lists of rules.

namespace sequent::inline SEQUENT_ABI::language {

template <std::size_t Index, class Rule>
struct rule_at {
    Rule rule;
};

template <class Indices, class... Rules>
struct program;

/// Rules in the order in which they were written. A program is a namespace-scope constexpr object.
template <std::size_t... Indices, class... Rules>
struct program<std::index_sequence<Indices...>, Rules...> : rule_at<Indices, Rules>... {};

template <class T>
inline constexpr bool is_program = false;
template <class... Parameters>
inline constexpr bool is_program<program<Parameters...>> = true;

/// What may stand in rules(...).
template <class T>
inline constexpr bool is_rules = is_rule<T> || is_program<T>;

/// As the user counts.
template <int Argument>
struct argument_that_is_no_rule {};

template <class Argument>
constexpr mistaken refuse_argument() noexcept {
    static_assert(refused<Argument>,
                  "sequent: rules(...) takes rules (head <<= body) and atom transformations "
                  "(h(i) | relu())");
    return {};
}

template <class... Rules>
consteval int first_refused() {
    int first = 1;
    (void)(... && (is_rules<Rules> && ++first));
    return first;
}

/// Rules, atom transformations, and other programs, whose rules are taken over as they are.
template <class... Rules>
constexpr auto rules(Rules... list) noexcept {
    if constexpr ((... && is_rules<Rules>))
        return program<std::index_sequence_for<Rules...>, Rules...>{{list}...};
    else if constexpr (told<Rules...>)
        return mistaken{};
    else
        return refuse_argument<argument_that_is_no_rule<first_refused<Rules...>()>>();
}

}  // namespace sequent::inline SEQUENT_ABI::language

namespace sequent::inline SEQUENT_ABI::plan {

/// An array with a count, for constant expressions. Going beyond the capacity is a compile error
/// there.
template <class T, int Capacity>
struct list {
    T items[Capacity > 0 ? Capacity : 1]{};
    int count = 0;

    constexpr int push(const T& item) {
        items[count] = item;
        return count++;
    }
    /// That many items, each T{}. They are assigned one by one, since GCC 12 loses the default
    /// values of a large array's later elements in constant expressions.
    constexpr void reset(int size) {
        count = size;
        for (T& item : *this) item = T{};
    }
    constexpr T& operator[](int at) { return items[at]; }
    constexpr const T& operator[](int at) const { return items[at]; }
    constexpr T* begin() { return items; }
    constexpr T* end() { return items + count; }
    constexpr const T* begin() const { return items; }
    constexpr const T* end() const { return items + count; }
    constexpr int size() const { return count; }
    static constexpr int capacity() { return Capacity; }
};

/// A name, interned by its hash: 64 bits tell the few hundred names of a program apart.
struct name {
    const char* text = "";
    int length = 0;
    unsigned long long hash = 0;

    friend constexpr bool operator==(const name& left, const name& right) {
        return left.hash == right.hash;
    }
};

/// FNV-1a.
constexpr name make_name(const char* text, int length) {
    unsigned long long hash = 14695981039346656037ULL;
    for (int at = 0; at < length; ++at)
        hash = (hash ^ static_cast<unsigned char>(text[at])) * 1099511628211ULL;
    return {text, length, hash};
}

constexpr int floor_divide(int value, int divisor) {
    const int quotient = value / divisor;
    return quotient * divisor > value ? quotient - 1 : quotient;
}
constexpr int floor_remainder(int value, int divisor) {
    return value - floor_divide(value, divisor) * divisor;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// The pairs of a sparse fact, indexed both ways.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Where the parts of an index lie in its memory, in 32-bit integers: compressed sparse rows and
/// compressed sparse columns. The pairs keep the numbers under which they are given.
struct pair_layout {
    int rows = 0;
    int columns = 0;
    int capacity = 0;

    static constexpr int count() { return 0; }
    static constexpr int row_of_pair() { return 1; }
    constexpr int column_of_pair() const { return row_of_pair() + capacity; }
    // Of the pairs of row i, begin[i] .. begin[i + 1]: the other index, ascending, and the number.
    constexpr int row_begin() const { return column_of_pair() + capacity; }
    constexpr int columns_of_row() const { return row_begin() + rows + 1; }
    constexpr int pairs_of_row() const { return columns_of_row() + capacity; }
    constexpr int column_begin() const { return pairs_of_row() + capacity; }
    constexpr int rows_of_column() const { return column_begin() + columns + 1; }
    constexpr int pairs_of_column() const { return rows_of_column() + capacity; }
    constexpr int size() const { return pairs_of_column() + capacity; }
};

/// The pairs of one row or one column.
struct neighbours {
    const std::int32_t* others;
    const std::int32_t* pairs;
    int count;

    /// The number of the pair with this other index, or -1.
    int find(int other) const noexcept {
        const auto* at = std::lower_bound(others, others + count, other);
        return at != others + count && *at == other ? pairs[at - others] : -1;
    }
};

template <pair_layout Layout>
struct pair_index {
    const std::int32_t* memory;

    neighbours of_row(int row) const noexcept {
        return part(Layout.row_begin(), Layout.columns_of_row(), Layout.pairs_of_row(), row);
    }
    neighbours of_column(int column) const noexcept {
        return part(Layout.column_begin(), Layout.rows_of_column(), Layout.pairs_of_column(),
                    column);
    }
    /// The number of the pair (row, column); -1 if the fact does not hold for it.
    int find(int row, int column) const noexcept {
        if (row < 0 || row >= Layout.rows) return -1;
        return of_row(row).find(column);
    }

  private:
    neighbours part(int begin, int others, int pairs, int at) const noexcept {
        const int first = memory[begin + at];
        return {memory + others + first, memory + pairs + first, memory[begin + at + 1] - first};
    }
};

/// Sorts the pairs, two integers each, all within the layout's rows and columns and no more than
/// its capacity, by counting.
inline void index_pairs(const pair_layout& layout, const std::int32_t* pairs, int count,
                        std::int32_t* memory) noexcept {
    memory[pair_layout::count()] = count;
    std::int32_t* row_of = memory + pair_layout::row_of_pair();
    std::int32_t* column_of = memory + layout.column_of_pair();
    for (int pair = 0; pair < count; ++pair) {
        row_of[pair] = pairs[2 * pair];
        column_of[pair] = pairs[2 * pair + 1];
    }
    // Puts the pairs in the order that `sorted` gives them, or their own, under their keys.
    const auto distribute = [&](const std::int32_t* key, const std::int32_t* other, int keys,
                                std::int32_t* begin, std::int32_t* others, std::int32_t* numbers,
                                const std::int32_t* sorted) {
        std::fill_n(begin, keys + 1, 0);
        for (int pair = 0; pair < count; ++pair) ++begin[key[pair] + 1];
        for (int at = 0; at < keys; ++at) begin[at + 1] += begin[at];
        for (int place = 0; place < count; ++place) {
            const int pair = sorted ? sorted[place] : place;
            const int to = begin[key[pair]]++;
            others[to] = other[pair];
            numbers[to] = pair;
        }
        for (int at = keys; at > 0; --at) begin[at] = begin[at - 1];
        begin[0] = 0;
    };
    const auto by_column = [&](const std::int32_t* sorted) {
        distribute(column_of, row_of, layout.columns, memory + layout.column_begin(),
                   memory + layout.rows_of_column(), memory + layout.pairs_of_column(), sorted);
    };
    by_column(nullptr);
    distribute(row_of, column_of, layout.rows, memory + layout.row_begin(),
               memory + layout.columns_of_row(), memory + layout.pairs_of_row(),
               memory + layout.pairs_of_column());
    by_column(memory + layout.pairs_of_row());
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

namespace sequent::inline SEQUENT_ABI {

inline constexpr int max_rank = 6;

/// A strided view of up to six dimensions, the outermost first. It owns nothing. Strides count
/// elements. A scalar has rank zero.
template <class T>
struct tensor_view {
    T* data = nullptr;
    int rank = 0;
    std::array<int, max_rank> extents{};
    std::array<int, max_rank> strides{};

    constexpr int size() const noexcept {
        int count = 1;
        for (int axis = 0; axis < rank; ++axis) count *= extents[static_cast<std::size_t>(axis)];
        return count;
    }

    template <class... Index>
    constexpr T& operator()(Index... index) const noexcept {
        std::size_t axis = 0;
        std::ptrdiff_t at = 0;
        ((at += static_cast<std::ptrdiff_t>(index) * strides[axis++]), ...);
        return data[at];
    }

    /// The element at `position` in row-major order of the extents, whatever the strides are.
    constexpr T& element(int position) const noexcept {
        std::ptrdiff_t at = 0;
        for (int axis = rank; axis-- > 0;) {
            const int extent = extents[static_cast<std::size_t>(axis)];
            at += static_cast<std::ptrdiff_t>(position % extent) *
                  strides[static_cast<std::size_t>(axis)];
            position /= extent;
        }
        return data[at];
    }
};

}  // namespace sequent::inline SEQUENT_ABI

/// Turns a caller's containers into the pointers that kernels take, and checks them once.

namespace sequent::inline SEQUENT_ABI {

/// A fact, an output's gradient or a count does not fit the model. The message names it and both
/// figures.
struct argument_error : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// The pairs of a sparse fact and their values, as an argument; see sparse_pairs().
template <class Pairs, class Values>
struct sparse_argument {
    const Pairs& pairs;
    const Values* values;
};

/// The pairs for which a sparse fact holds, integers of 32 bits: nested, {{0, 1}, {1, 0}}, or flat,
/// and a value for each in a contiguous container: pairs x the fact's value. `edge =
/// sparse_pairs(pairs, values)`. Both are only referred to.
template <class Pairs, class Values>
constexpr sparse_argument<Pairs, Values> sparse_pairs(const Pairs& pairs,
                                                      const Values& values) noexcept {
    return {pairs, &values};
}
/// The same for a sparse fact of scalars, all one.
template <class Pairs>
constexpr sparse_argument<Pairs, void> sparse_pairs(const Pairs& pairs) noexcept {
    return {pairs, nullptr};
}

namespace model_detail {

template <class T>
inline constexpr bool is_sparse_argument = false;
template <class Pairs, class Values>
inline constexpr bool is_sparse_argument<sparse_argument<Pairs, Values>> = true;

/// "16 x 64", for messages.
template <class Int>
std::string extents_text(const Int* extents, int rank) {
    if (rank == 0) return "a scalar";
    std::string result = std::to_string(extents[0]);
    for (int axis = 1; axis < rank; ++axis)
        result.append(" x ").append(std::to_string(extents[axis]));
    return result;
}

/// The extents of a container: of a span or vector its length, of nested arrays all, of anything
/// with shape() what that says.
struct extents {
    int rank = 0;
    std::array<long, 8> at{};
    bool shaped = false;  // the extents are those of the values, not only their number
    bool contiguous = true;

    constexpr long size() const {
        long product = 1;
        for (int axis = 0; axis < rank; ++axis) product *= at[static_cast<std::size_t>(axis)];
        return product;
    }
    std::string text() const { return extents_text(at.data(), rank); }
};

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t Size>
inline constexpr bool is_std_array<std::array<T, Size>> = true;
template <class T>
inline constexpr bool is_view = false;
template <class T>
inline constexpr bool is_view<tensor_view<T>> = true;

template <class X>
concept has_shape = requires(const X& x) {
    x.shape();
    x.data();
    x.strides();
};

/// The first element of a container of any nesting, and its extents.
template <class X>
auto* unwrap(X& x, extents& found) {
    using container = std::remove_cv_t<X>;
    if constexpr (is_view<container>) {
        int stride = 1;
        for (int axis = x.rank; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            found.contiguous = found.contiguous && x.strides[place] == stride;
            stride *= x.extents[place];
        }
        for (int axis = 0; axis < x.rank; ++axis)
            found.at[static_cast<std::size_t>(found.rank++)] =
                x.extents[static_cast<std::size_t>(axis)];
        found.shaped = true;
        return x.data;
    } else if constexpr (has_shape<container>) {
        long stride = 1;
        const auto rank = static_cast<int>(x.shape().size());
        for (int axis = rank; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            const long extent = static_cast<long>(x.shape()[place]);
            // A stride of an axis of one element may be anything.
            found.contiguous = found.contiguous && (extent == 1 || x.strides()[place] == stride);
            stride *= extent;
        }
        for (int axis = 0; axis < rank; ++axis)
            found.at[static_cast<std::size_t>(found.rank++)] =
                static_cast<long>(x.shape()[static_cast<std::size_t>(axis)]);
        found.shaped = true;
        if constexpr (requires { x.data_offset(); })
            return x.data() + x.data_offset();
        else
            return x.data();
    } else if constexpr (std::is_array_v<container> || is_std_array<container>) {
        found.at[static_cast<std::size_t>(found.rank++)] = static_cast<long>(std::size(x));
        using inner = std::remove_reference_t<decltype(x[0])>;
        if constexpr (std::is_arithmetic_v<std::remove_cv_t<inner>>)
            return &x[0];
        else
            return unwrap(x[0], found);
    } else {
        static_assert(std::ranges::contiguous_range<X>,
                      "sequent: a fact is a contiguous container, a span, a nested array, a "
                      "tensor_view or an xtensor container");
        found.at[static_cast<std::size_t>(found.rank++)] = static_cast<long>(std::ranges::size(x));
        auto* first = std::ranges::data(x);
        using inner = std::remove_cv_t<std::remove_pointer_t<decltype(first)>>;
        if constexpr (is_std_array<inner>) {
            using element = std::remove_pointer_t<decltype(first->data())>;
            static_assert(sizeof(inner) == std::tuple_size_v<inner> * sizeof(element));
            found.at[static_cast<std::size_t>(found.rank++)] = std::tuple_size_v<inner>;
            return first ? first->data() : static_cast<element*>(nullptr);
        } else {
            return first;
        }
    }
}

/// One argument with its type forgotten. Element says what the values must be: const T for facts,
/// T where they are written.
template <class Element>
struct argument {
    plan::name id{};
    Element* numbers = nullptr;
    const std::int32_t* symbols = nullptr;
    int count = 0;
    bool is_count = false;
    extents shape{};
    const std::int32_t* pairs = nullptr;
    extents pairs_shape{};
    bool is_sparse = false;

    argument() = default;

    template <language::fixed_string Name, class Value>
    argument(language::named_argument<Name, Value> named) : argument(named.value) {
        id = plan::make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    }

    template <class Value>
        requires(!std::is_same_v<std::remove_cvref_t<Value>, argument>)
    argument(Value&& value) {
        using plain = std::remove_cvref_t<Value>;
        if constexpr (std::is_integral_v<plain>) {
            count = static_cast<int>(value);
            is_count = true;
        } else if constexpr (is_sparse_argument<plain>) {
            take_pairs(value.pairs);
            using values = std::remove_pointer_t<decltype(value.values)>;
            if constexpr (!std::is_void_v<values>) take_values(*value.values);
        } else {
            take_values(value);
        }
    }

  private:
    template <class Value>
    void take_values(Value& value) {
        auto* first = unwrap(value, shape);
        using found = std::remove_pointer_t<decltype(first)>;
        if constexpr (std::is_convertible_v<found*, Element*>) {
            numbers = first;
        } else {
            static_assert(std::is_same_v<std::remove_cv_t<found>, std::int32_t>,
                          "sequent: a fact holds numbers of the parameters' type, or symbols "
                          "as std::int32_t");
            symbols = first;
        }
    }

    template <class Pairs>
    void take_pairs(const Pairs& given) {
        is_sparse = true;
        const auto* first = unwrap(given, pairs_shape);
        static_assert(
            std::is_same_v<std::remove_cv_t<std::remove_pointer_t<decltype(first)>>, std::int32_t>,
            "sequent: the pairs of a sparse fact are std::int32_t, two for each");
        pairs = first;
    }
};

/// Throws unless the container has the expected extents; a flat one of the right size will do.
inline void check_shape(const std::string& what, const extents& given, const int* expected,
                        int rank) {
    long size = 1;
    for (int axis = 0; axis < rank; ++axis) size *= expected[axis];
    bool same = given.size() == size;
    if (given.rank > 1 || given.shaped) {
        same = same && given.rank == rank;
        for (int axis = 0; same && axis < rank; ++axis)
            same = given.at[static_cast<std::size_t>(axis)] == expected[axis];
    }
    if (!same)
        fail<argument_error>("sequent: " + what + " needs the shape " +
                             extents_text(expected, rank) + ", given is " + given.text());
    if (!given.contiguous)
        fail<argument_error>("sequent: " + what +
                             " needs contiguous row-major values, given is a strided view");
}

inline std::string pair_text(const std::int32_t* pair) {
    std::string result("(");
    return result.append(std::to_string(pair[0]))
        .append(", ")
        .append(std::to_string(pair[1]))
        .append(")");
}

/// Throws if a symbol is none of the classes.
inline void check_symbols(const std::string& what, const std::int32_t* symbols, int size,
                          int classes) {
    for (int at = 0; at < size; ++at)
        if (symbols[at] < 0 || symbols[at] >= classes)
            fail<argument_error>("sequent: " + what + " holds the symbol " +
                                 std::to_string(symbols[at]) + " at position " +
                                 std::to_string(at) + ", beyond its " + std::to_string(classes) +
                                 " classes");
}

/// Throws if a number is infinite or none.
template <class T>
void check_finite(const std::string& what, const T* numbers, int size) {
    constexpr int n = kernel::lanes<T>;
    constexpr int sums = 4;
    // Zero times what is not finite is not zero.
    kernel::batch<T> sum[sums];
    for (auto& each : sum) each = kernel::zero<T>();
    int at = 0;
    for (; at + sums * n <= size; at += sums * n)
        for (int each = 0; each < sums; ++each)
            sum[each] =
                kernel::fma(kernel::load(numbers + at + each * n), kernel::zero<T>(), sum[each]);
    T total = kernel::reduce_add(kernel::batch<T>((sum[0] + sum[1]) + (sum[2] + sum[3])));
    for (; at < size; ++at) total += numbers[at] * T(0);
    if (total == T(0)) return;
    at = 0;
    while (numbers[at] * T(0) == T(0)) ++at;
    fail<argument_error>("sequent: " + what + " holds " + std::to_string(numbers[at]) +
                         " at position " + std::to_string(at) + " of " + std::to_string(size) +
                         "; values are finite");
}

/// Throws unless the pairs of a sparse fact are distinct, within its indices, and not too many;
/// then indexes them.
template <class Element>
void take_pairs(const std::string& what, const argument<Element>& given, const pair_layout& layout,
                std::int32_t* memory) {
    const extents& shape = given.pairs_shape;
    const bool flat = shape.rank == 1 && !shape.shaped;
    if (!(flat ? shape.at[0] % 2 == 0 : shape.rank == 2 && shape.at[1] == 2) || !shape.contiguous)
        fail<argument_error>("sequent: the pairs of " + what + " are two integers each, given is " +
                             shape.text());
    const long count = shape.size() / 2;
    if (count > layout.capacity)
        fail<argument_error>("sequent: " + what + " has room for " +
                             std::to_string(layout.capacity) + " pairs, given are " +
                             std::to_string(count));
    const int size = static_cast<int>(count);
    for (int at = 0; at < size; ++at) {
        const std::int32_t* pair = given.pairs + 2 * at;
        if (pair[0] < 0 || pair[0] >= layout.rows || pair[1] < 0 || pair[1] >= layout.columns)
            fail<argument_error>("sequent: " + what + " has the pair " + pair_text(pair) +
                                 " at position " + std::to_string(at) + ", outside of " +
                                 std::to_string(layout.rows) + " x " +
                                 std::to_string(layout.columns));
    }
    index_pairs(layout, given.pairs, size, memory);
    const std::int32_t* begin = memory + layout.row_begin();
    const std::int32_t* columns = memory + layout.columns_of_row();
    const std::int32_t* numbers = memory + layout.pairs_of_row();
    for (int row = 0; row < layout.rows; ++row)
        for (int at = begin[row] + 1; at < begin[row + 1]; ++at)
            if (columns[at] == columns[at - 1])
                fail<argument_error>("sequent: " + what + " has the pair " +
                                     pair_text(given.pairs + 2 * numbers[at]) + " at position " +
                                     std::to_string(numbers[at]) + " as well as at " +
                                     std::to_string(numbers[at - 1]));
}

}  // namespace model_detail
}  // namespace sequent::inline SEQUENT_ABI

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

/// Threads that wait for work.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// Tells the processor that this thread only waits.
inline void relax() noexcept {
#if defined(__SSE2__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    __asm__ __volatile__("yield");
#endif
}

/// How this thread rounds and whether it takes denormal numbers for zero.
class float_mode {
  public:
    static float_mode current() noexcept {
        float_mode result;
#if defined(__SSE2__) || defined(_M_X64)
        result.bits = _mm_getcsr() & ~0x3FU;  // without the flags of what has happened
#elif defined(__aarch64__) && !defined(_MSC_VER)
        __asm__ __volatile__("mrs %0, fpcr" : "=r"(result.bits));
#endif
        return result;
    }
    void apply() const noexcept {
#if defined(__SSE2__) || defined(_M_X64)
        _mm_setcsr(static_cast<unsigned>(bits));
#elif defined(__aarch64__) && !defined(_MSC_VER)
        __asm__ __volatile__("msr fpcr, %0" : : "r"(bits));
#endif
    }

    std::uint64_t bits = 0;
};

/// Where threads wait for a condition: some microseconds awake, then asleep. What the condition
/// reads is written by sequentially consistent operations before ring(), so that either the bell
/// sees the sleeper or the sleeper the condition.
class bell {
  public:
    template <class Condition>
    void wait(Condition condition) noexcept {
        using clock = std::chrono::steady_clock;
        const auto start = clock::now();
        do {
            for (int look = 0; look < 16; ++look) {
                if (condition()) return;
                relax();
            }
        } while (clock::now() - start < std::chrono::microseconds(50));
        std::unique_lock<std::mutex> lock(mutex_);
        ++asleep_;
        woken_.wait(lock, condition);
        --asleep_;
    }

    void ring() noexcept {
        if (asleep_ == 0) return;
        { const std::lock_guard<std::mutex> lock(mutex_); }
        woken_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable woken_;
    std::atomic<int> asleep_{0};
};

}  // namespace model_detail

/// A fixed number of threads, made once, for many short pieces of work: the thread that calls run,
/// and size() - 1 workers, which sleep while there is none.
///
/// A pool does one run at a time: run must not be called within a task of the same pool, nor by two
/// threads at once. It must live until run has returned; its end ends the workers.
class thread_pool {
  public:
    /// As many threads as the machine has unless told; at least one. Throws std::system_error if
    /// the system has no more threads.
    explicit thread_pool(int threads = static_cast<int>(std::thread::hardware_concurrency()))
        : thread_pool(std::max(1, threads), nothing_started{}) {
        while (static_cast<int>(workers_.size()) + 1 < size_) {
            const int thread = static_cast<int>(workers_.size()) + 1;
            workers_.emplace_back([this, thread] { serve(thread); });
        }
    }
    ~thread_pool() {
        ending_ = true;
        left_ = left_ + one_run;
        begin_.ring();
        for (std::thread& worker : workers_) worker.join();
    }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    /// With the calling thread.
    int size() const noexcept { return size_; }

    /// Calls f(task) or f(task, thread) once for each task in [0, tasks), 0 <= thread < size(), on
    /// all threads in no certain order, and returns when all are done. What was written before is
    /// seen by the tasks, and what they wrote is seen after. Tasks round as the caller does.
    /// Nothing is allocated. An exception in f ends the program.
    template <class F>
    void run(int tasks, F&& f) noexcept {
        using function = std::remove_reference_t<F>;
        constexpr auto call = [](const void* context, int task, int thread) noexcept {
            auto& of = *static_cast<function*>(const_cast<void*>(context));
            if constexpr (std::is_invocable_v<function&, int, int>)
                of(task, thread);
            else
                of(task);
        };
        if (size_ == 1 || tasks <= 1) {
            for (int task = 0; task < tasks; ++task) call(std::addressof(f), task, 0);
        } else {
            run_on_all(tasks, call, std::addressof(f));
        }
    }

  private:
    using call_type = void (*)(const void*, int, int) noexcept;
    struct nothing_started {};

    /// In left_, the number of the run stands above that of the tasks that nobody has taken.
    static constexpr std::uint64_t one_run = std::uint64_t{1} << 32;
    static constexpr std::uint64_t run_of(std::uint64_t left) { return left / one_run; }
    static constexpr int tasks_of(std::uint64_t left) { return static_cast<int>(left % one_run); }

    /// The threads follow in the constructor that delegates here: should one fail, the destructor
    /// ends those that have started.
    thread_pool(int size, nothing_started) : size_(size) {
        workers_.reserve(static_cast<std::size_t>(size - 1));
    }

    void run_on_all(int tasks, call_type call, const void* context) noexcept {
        [[maybe_unused]] const bool running = running_.exchange(true, std::memory_order_relaxed);
        assert(!running && "a thread_pool does one run at a time");
        constexpr auto relaxed = std::memory_order_relaxed;
        call_.store(call, relaxed);
        context_.store(context, relaxed);
        tasks_.store(tasks, relaxed);
        float_mode_.store(model_detail::float_mode::current().bits, relaxed);
        done_.store(0, relaxed);
        const std::uint64_t run = run_of(left_.load(relaxed)) + 1;
        left_ = run * one_run + static_cast<std::uint64_t>(tasks);
        begin_.ring();
        take_tasks(run, 0);
        end_.wait([&] { return done_ == tasks; });
        running_.store(false, relaxed);
    }

    /// A worker may come late and read what the next run is to do, or a mixture. It takes nothing
    /// then: a task is claimed after that, and the claim fails unless this run has tasks left.
    void take_tasks(std::uint64_t run, int thread) noexcept {
        constexpr auto relaxed = std::memory_order_relaxed;
        const call_type call = call_.load(relaxed);
        const void* const context = context_.load(relaxed);
        const int tasks = tasks_.load(relaxed);
        if (thread > 0) model_detail::float_mode{float_mode_.load(relaxed)}.apply();
        int taken = 0;
        std::uint64_t left = left_;
        while (run_of(left) == run && tasks_of(left) > 0) {
            if (!left_.compare_exchange_weak(left, left - 1)) continue;
            call(context, tasks - tasks_of(left), thread);
            ++taken;
            left = left_;
        }
        if (taken > 0 && done_.fetch_add(taken) + taken == tasks && thread > 0) end_.ring();
    }

    void serve(int thread) noexcept {
        std::uint64_t last = 0;
        for (;;) {
            begin_.wait([&] { return run_of(left_) != last; });
            last = run_of(left_);
            if (ending_) return;
            take_tasks(last, thread);
        }
    }

    int size_;
    alignas(64) std::atomic<std::uint64_t> left_{0};
    alignas(64) std::atomic<int> done_{0};
    alignas(64) std::atomic<call_type> call_{nullptr};
    std::atomic<const void*> context_{nullptr};
    std::atomic<int> tasks_{0};
    std::atomic<std::uint64_t> float_mode_{0};
    std::atomic<bool> running_{false};
    std::atomic<bool> ending_{false};
    model_detail::bell begin_;
    model_detail::bell end_;
    std::vector<std::thread> workers_;
};

}  // namespace sequent::inline SEQUENT_ABI

#include <cstring>
#include <string_view>

/// What can be wrong with a program, and how the compiler says it.

namespace sequent::inline SEQUENT_ABI {

/// The mistakes, as types whose names stand in the compiler's message.
namespace mistake {
struct none {};
struct argument_is_not_a_variable_plus_a_constant {};
struct too_many_arguments {};
struct too_many_variables {};
struct too_many_transformations {};
struct too_many_literals {};
struct too_many_rules_for_one_head {};
struct stacks_within_stacks_within_stacks {};
struct a_combination_stands_first {};
struct a_transformation_stands_before_the_aggregation {};
struct two_aggregations {};
struct one_weight_with_two_shapes {};
struct unknown_relation {};
struct query_of_an_unknown_relation {};
template <int Given, int Expected>
struct wrong_number_of_arguments {};
struct head_arguments_are_distinct_variables {};
struct head_variable_that_nothing_binds {};
struct weight_index_without_a_range {};
struct cycle {};
struct recursion_without_a_base {};
template <int Left, int Right>
struct shapes_do_not_fit {};
struct softmax_over_a_variable_not_in_the_head {};
struct aggregation_over_a_variable_in_the_head {};
template <int First, int Second>
struct rules_of_one_sum_with_different_spaces {};
struct a_symbol_needs_a_weight {};
struct a_fact_cannot_be_a_head {};
struct only_facts_are_negated_or_hidden {};
struct a_count_that_is_not_given {};
struct only_symbols_of_one_index_are_compared {};
struct no_output {};
struct several_outputs_need_a_query {};
struct a_stacked_block_has_one_input_and_one_output {};
template <class First, class Second>
struct two_inputs_of_a_stacked_block {};
struct no_weight_of_this_name {};
struct several_stacks_have_a_weight_of_this_name_use_for_each {};
struct no_relation_of_this_name {};
struct the_plan_does_not_keep_this_relation_without_a_query {};
struct rows_that_need_later_rows {};
}  // namespace mistake

/// As the user counts within rules(...), from 1. rule_number<2, 3> is rule 3 of the block that
/// rule 2 stacks.
template <int... Numbers>
struct rule_number {};
struct outside_of_rules {};
template <char... Characters>
struct in_relation {};

template <class Rule, class Relation, class Mistake>
inline constexpr bool well_formed = false;
template <class Rule, class Relation>
inline constexpr bool well_formed<Rule, Relation, mistake::none> = true;

/// The one place where an ill-formed program stops the compiler.
template <class Rule, class Relation, class Mistake>
struct check_program {
    static_assert(well_formed<Rule, Relation, Mistake>,
                  "sequent: the program is ill-formed; rule, relation and mistake are named here");
};

template <char... Characters>
struct named {};

/// The same for p[W] and w[r].
template <class Name, class Mistake>
inline constexpr bool well_named = false;
template <class Name, class Mistake>
struct check_name {
    static_assert(well_named<Name, Mistake>,
                  "sequent: the model has nothing under this name; the mistake is named here");
};

namespace plan {

/// The same as a value; `left` and `right` are the two figures that clash.
enum class fault {
    none,
    argument_is_not_a_variable_plus_a_constant,
    too_many_arguments,
    too_many_variables,
    too_many_transformations,
    too_many_literals,
    too_many_rules_for_one_head,
    stacks_within_stacks_within_stacks,
    a_combination_stands_first,
    a_transformation_stands_before_the_aggregation,
    two_aggregations,
    one_weight_with_two_shapes,
    unknown_relation,
    query_of_an_unknown_relation,
    wrong_number_of_arguments,
    head_arguments_are_distinct_variables,
    head_variable_that_nothing_binds,
    weight_index_without_a_range,
    cycle,
    recursion_without_a_base,
    shapes_do_not_fit,
    softmax_over_a_variable_not_in_the_head,
    aggregation_over_a_variable_in_the_head,
    rules_of_one_sum_with_different_spaces,
    a_symbol_needs_a_weight,
    a_fact_cannot_be_a_head,
    only_facts_are_negated_or_hidden,
    a_count_that_is_not_given,
    only_symbols_of_one_index_are_compared,
    no_output,
    several_outputs_need_a_query,
    a_stacked_block_has_one_input_and_one_output,
    two_inputs_of_a_stacked_block
};

struct diagnosis {
    fault found = fault::none;
    int rule = 0;  // from 0; -1 where it is in none
    name relation{};
    int left = 0;
    int right = 0;
    int stacked_by = -1;  // the rule that stacks the block in which it is
    name first{};         // relations that clash
    name second{};

    constexpr bool ok() const { return found == fault::none; }
};

template <const auto& Diagnosis, std::size_t... First, std::size_t... Second>
consteval auto two_inputs(std::index_sequence<First...>, std::index_sequence<Second...>) {
    return mistake::two_inputs_of_a_stacked_block<in_relation<Diagnosis.first.text[First]...>,
                                                  in_relation<Diagnosis.second.text[Second]...>>{};
}

template <const auto& Diagnosis>
consteval auto mistake_type() {
    constexpr fault found = Diagnosis.found;
    constexpr int left = Diagnosis.left;
    constexpr int right = Diagnosis.right;
#define SEQUENT_MISTAKE(NAME)           \
    if constexpr (found == fault::NAME) \
        return mistake::NAME{};         \
    else
    SEQUENT_MISTAKE(none)
    SEQUENT_MISTAKE(argument_is_not_a_variable_plus_a_constant)
    SEQUENT_MISTAKE(too_many_arguments)
    SEQUENT_MISTAKE(too_many_variables)
    SEQUENT_MISTAKE(too_many_transformations)
    SEQUENT_MISTAKE(too_many_literals)
    SEQUENT_MISTAKE(too_many_rules_for_one_head)
    SEQUENT_MISTAKE(stacks_within_stacks_within_stacks)
    SEQUENT_MISTAKE(a_combination_stands_first)
    SEQUENT_MISTAKE(a_transformation_stands_before_the_aggregation)
    SEQUENT_MISTAKE(two_aggregations)
    SEQUENT_MISTAKE(one_weight_with_two_shapes)
    SEQUENT_MISTAKE(unknown_relation)
    SEQUENT_MISTAKE(query_of_an_unknown_relation)
    SEQUENT_MISTAKE(head_arguments_are_distinct_variables)
    SEQUENT_MISTAKE(head_variable_that_nothing_binds)
    SEQUENT_MISTAKE(weight_index_without_a_range)
    SEQUENT_MISTAKE(cycle)
    SEQUENT_MISTAKE(recursion_without_a_base)
    SEQUENT_MISTAKE(softmax_over_a_variable_not_in_the_head)
    SEQUENT_MISTAKE(aggregation_over_a_variable_in_the_head)
    SEQUENT_MISTAKE(a_symbol_needs_a_weight)
    SEQUENT_MISTAKE(a_fact_cannot_be_a_head)
    SEQUENT_MISTAKE(only_facts_are_negated_or_hidden)
    SEQUENT_MISTAKE(a_count_that_is_not_given)
    SEQUENT_MISTAKE(only_symbols_of_one_index_are_compared)
    SEQUENT_MISTAKE(no_output)
    SEQUENT_MISTAKE(several_outputs_need_a_query)
    SEQUENT_MISTAKE(a_stacked_block_has_one_input_and_one_output)
#undef SEQUENT_MISTAKE
    if constexpr (found == fault::wrong_number_of_arguments)
        return mistake::wrong_number_of_arguments<left, right>{};
    else if constexpr (found == fault::rules_of_one_sum_with_different_spaces)
        return mistake::rules_of_one_sum_with_different_spaces<left, right>{};
    else if constexpr (found == fault::two_inputs_of_a_stacked_block)
        return two_inputs<Diagnosis>(std::make_index_sequence<Diagnosis.first.length>{},
                                     std::make_index_sequence<Diagnosis.second.length>{});
    else
        return mistake::shapes_do_not_fit<left, right>{};
}

template <const auto& Diagnosis>
consteval auto rule_type() {
    if constexpr (Diagnosis.rule < 0)
        return outside_of_rules{};
    else if constexpr (Diagnosis.stacked_by >= 0)
        return rule_number<Diagnosis.stacked_by + 1, Diagnosis.rule + 1>{};
    else
        return rule_number<Diagnosis.rule + 1>{};
}

template <const auto& Diagnosis, std::size_t... At>
consteval auto relation_type(std::index_sequence<At...>) {
    return in_relation<Diagnosis.relation.text[At]...>{};
}

template <language::fixed_string Name, std::size_t... At>
consteval auto name_type(std::index_sequence<At...>) {
    return named<Name.characters[At]...>{};
}
/// A name whose characters stand in the compiler's message.
template <language::fixed_string Name>
using named_as = decltype(name_type<Name>(std::make_index_sequence<sizeof(Name.characters) - 1>{}));

/// Instantiating this reports `Diagnosis`, if it holds a mistake.
template <const auto& Diagnosis>
using report = check_program<decltype(rule_type<Diagnosis>()),
                             decltype(relation_type<Diagnosis>(
                                 std::make_index_sequence<Diagnosis.relation.length>{})),
                             decltype(mistake_type<Diagnosis>())>;

}  // namespace plan
}  // namespace sequent::inline SEQUENT_ABI

/// A program as arrays of plain structs. Everything after reading works on these.

namespace sequent::inline SEQUENT_ABI::plan {

using language::aggregation;
using language::combination;
using language::transformation;

inline constexpr int max_arity = 4;
inline constexpr int max_variables = 6;
inline constexpr int max_transformations = 4;
inline constexpr int max_literals = 16;  // of a body; and as many rules have one head
inline constexpr int max_queries = 16;
inline constexpr int max_depth = 2;              // of stacks within stacks
inline constexpr int max_loops = max_depth + 1;  // these, and a recursion within
inline constexpr int never = 1 << 30;

/// As a term's variable: the time that the loop of a recursion counts.
inline constexpr int loop_time = -2;

/// An argument: a variable plus an offset, or a constant where there is no variable.
struct term {
    int variable = -1;
    int offset = 0;

    friend constexpr bool operator==(const term&, const term&) = default;
};

/// The weight's name, its arguments, and how it is used.
struct weight_use {
    int weight = -1;
    int arity = 0;
    term terms[max_arity]{};
    bool transposed = false;
    bool frozen = false;
};

enum class literal_kind { relation, weight, number, index };

struct literal {
    literal_kind kind = literal_kind::relation;
    int relation = -1;
    int arity = 0;
    term terms[max_arity]{};
    weight_use weight{};  // applied to the relation's value, or the bare weight itself
    bool transposed = false;
    bool negated = false;
    bool hidden = false;
    bool has_element = false;
    term element{};
    double number = 0;
    int expression = -1;

    constexpr bool gives_value() const { return !negated && !hidden; }
};

// clang-format off
enum class node_kind {
    constant, variable, count,
    add, subtract, multiply, divide, remainder, absolute,
    less, less_equal, greater, greater_equal, equal, not_equal,
    conjunction, disjunction, negation,
    decision, same_symbol, pair
};
// clang-format on

/// A node of an index expression or a constraint. `value` is the constant, the variable, or the
/// place of the count, the decision's function or the compared fact in its list; of a pair, the
/// sparse fact that holds for (left, right).
struct node {
    node_kind kind = node_kind::constant;
    int value = 0;
    int left = -1;
    int right = -1;
};

/// A function of two indices that decides a condition.
using decision_function = bool (*)(int, int) noexcept;

/// What an operation on integers gives, or whether a condition holds of them.
constexpr int evaluate(node_kind kind, int left, int right) {
    switch (kind) {
        case node_kind::add:
            return left + right;
        case node_kind::subtract:
            return left - right;
        case node_kind::multiply:
            return left * right;
        case node_kind::divide:
            return floor_divide(left, right);
        case node_kind::remainder:
            return floor_remainder(left, right);
        case node_kind::absolute:
            return left < 0 ? -left : left;
        case node_kind::less:
            return left < right;
        case node_kind::less_equal:
            return left <= right;
        case node_kind::greater:
            return left > right;
        case node_kind::greater_equal:
            return left >= right;
        case node_kind::equal:
            return left == right;
        case node_kind::not_equal:
            return left != right;
        case node_kind::conjunction:
            return left && right;
        case node_kind::disjunction:
            return left || right;
        default:
            return !left;
    }
}

struct transformation_use {
    transformation kind = transformation::identity;
    double numbers[2]{};
    weight_use weights[2]{};
    int position = -1;  // the index expression of rotary, the seed of dropout
};

struct variable {
    name id{};
    int stated = 0;
    int extent = 0;
};

/// How a rule takes part in a recursion: relations that follow from themselves, one time after
/// another. The plan computes them in a loop; time t of a rule is its round t + delay.
struct recurrence {
    int loop = -1;      // which recursion
    int time = -1;      // the variable
    int argument = -1;  // of the head, where the time stands
    int delay = 0;
    bool backward = false;  // the last time comes first
    int first = 0;          // the rounds in which the rule is computed
    int last = never;
    bool partial = false;  // at other times others compute the head, or nothing does
};

struct rule {
    int number = 0;  // as the user counts, from zero
    int scope = 0;
    int head = -1;
    int arity = 0;
    term terms[max_arity]{};
    weight_use head_weight{};
    int first_literal = 0;
    int literals = 0;
    int condition = -1;
    combination combined = combination::sum;
    bool states_combination = false;
    list<transformation_use, max_transformations> transformations{};
    aggregation aggregated = aggregation::sum;
    bool states_aggregation = false;
    unsigned aggregated_variables = 0;
    list<int, max_variables> aggregated_order{};  // the same, as the rule lists them
    list<variable, max_variables> variables{};
    int repeat = 0;  // stack<repeat>
    int block = 0;   // the scope of the stacked block
    bool transforms_atom = false;
    // A head's argument that was a constant, or a variable plus a shift, is this variable now.
    int shifted = -1;
    int shift = 0;
    int base = -1;  // the constant
    recurrence recurs{};
    bool total = false;  // a literal without an atom adds nothing instead of removing the rule

    constexpr unsigned head_variables() const {
        unsigned mask = 0;
        for (int at = 0; at < arity; ++at)
            if (terms[at].variable >= 0) mask |= 1u << terms[at].variable;
        return mask;
    }
};

struct relation {
    name id{};
    int scope = 0;
    bool invented = false;  // by the plan: users cannot name it
};

struct weight {
    name id{};
    int scope = 0;
    int rank = 0;
    int shape[2]{1, 1};
};

/// How many of each a program holds.
struct sizes {
    int rules = 0;
    int literals = 0;
    int nodes = 0;
    int scopes = 1;

    friend constexpr sizes operator+(sizes left, sizes right) {
        return {left.rules + right.rules, left.literals + right.literals, left.nodes + right.nodes,
                left.scopes + right.scopes - 1};
    }
};

/// A stacked block: its rules form a scope of their own.
struct scope {
    int parent = -1;
    int repeat = 1;
    int rule = -1;  // that stacks it
};

template <sizes Sizes>
struct source {
    list<rule, Sizes.rules> rules{};
    list<literal, Sizes.literals> literals{};
    list<node, Sizes.nodes> nodes{};
    list<relation, Sizes.rules + Sizes.literals> relations{};
    list<weight, Sizes.rules * 4 + Sizes.literals> weights{};
    list<name, Sizes.nodes + 1> counts{};
    list<decision_function, Sizes.nodes + 1> decisions{};
    list<name, Sizes.nodes + 1> compared{};  // facts whose symbols are equal or not
    list<scope, Sizes.scopes> scopes{};
    fault mistake = fault::none;
    int mistaken_rule = 0;
    int mistaken_scope = 0;
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Finds relations that follow from themselves. They are a recursion over time if one argument of
/// each, the time, moves in the same direction around every cycle: `h(next(t)) <<= h(t)[U]`.

namespace sequent::inline SEQUENT_ABI::plan {

/// Writes each head with plain variables: `h(next(t)) <<= x(t)` as `h(t) <<= x(t - 1)` and a
/// constant as a variable that has one value. Whether they may stand there is judged later.
template <sizes Sizes>
constexpr void straighten_head(rule& written, source<Sizes>& in) {
    int bent = -1;
    for (int axis = 0; axis < written.arity; ++axis) {
        const term& at = written.terms[axis];
        if (at.variable >= 0 && at.offset == 0) continue;
        if (bent >= 0) return;
        bent = axis;
    }
    if (bent < 0) return;
    term& at = written.terms[bent];
    if (at.variable < 0) {
        if (written.variables.size() == max_variables || at.offset < 0) return;
        written.base = at.offset;
        constexpr name time = make_name("time", 4);
        at = {written.shifted = written.variables.push({time, 0, 0}), 0};
        return;
    }
    for (int axis = 0; axis < written.arity; ++axis)
        if (axis != bent && written.terms[axis].variable == at.variable) return;
    written.shift = at.offset;
    written.shifted = at.variable;
    at.offset = 0;
    auto move = [&](term& moved) {
        if (moved.variable == written.shifted) moved.offset -= written.shift;
    };
    for (int body = 0; body < written.literals; ++body) {
        literal& item = in.literals[written.first_literal + body];
        for (int axis = 0; axis < item.arity; ++axis) move(item.terms[axis]);
        for (int axis = 0; axis < item.weight.arity; ++axis) move(item.weight.terms[axis]);
        if (item.has_element) move(item.element);
    }
    for (int axis = 0; axis < written.head_weight.arity; ++axis)
        move(written.head_weight.terms[axis]);
    for (transformation_use& function : written.transformations)
        for (weight_use& use : function.weights)
            for (int axis = 0; axis < use.arity; ++axis) move(use.terms[axis]);
}

/// Marks the rules of each recursion. Each relation follows from one rule with a plain head by now.
template <sizes Sizes>
class recursion_finder {
  public:
    list<int, Sizes.rules + Sizes.literals> definer{};  // per relation its rule, or -1

    constexpr explicit recursion_finder(source<Sizes>& in) : in_(in) {
        definer.reset(in_.relations.size());
        for (int& rule : definer) rule = -1;
        for (int at = 0; at < in_.rules.size(); ++at) definer[in_.rules[at].head] = at;
        if (!may_recur()) return;
        entered_.reset(in_.rules.size());
        lowest_.reset(in_.rules.size());
        for (int at = 0; at < in_.rules.size(); ++at)
            if (entered_[at] == 0) connect(at);
    }

  private:
    source<Sizes>& in_;
    int recursions_ = 0;
    // Tarjan's strongly connected components.
    int time_ = 0;
    list<int, Sizes.rules> entered_{};  // 0 not yet, -1 in a component
    list<int, Sizes.rules> lowest_{};
    list<int, Sizes.rules> open_{};

    constexpr const literal& item(int rule, int body) const {
        return in_.literals[in_.rules[rule].first_literal + body];
    }
    constexpr int definer_of(const literal& value) const {
        return value.kind == literal_kind::relation ? definer[value.relation] : -1;
    }

    /// Without an argument that is moved there is no recursion.
    constexpr bool may_recur() const {
        for (const rule& written : in_.rules)
            for (int body = 0; body < written.literals; ++body) {
                const literal& value = in_.literals[written.first_literal + body];
                if (definer_of(value) < 0) continue;
                for (int axis = 0; axis < value.arity; ++axis)
                    if (value.terms[axis].variable >= 0 && value.terms[axis].offset) return true;
            }
        return false;
    }

    constexpr void connect(int at) {
        entered_[at] = lowest_[at] = ++time_;
        open_.push(at);
        bool follows_itself = false;
        for (int body = 0; body < in_.rules[at].literals; ++body) {
            const int from = definer_of(item(at, body));
            if (from < 0) continue;
            follows_itself = follows_itself || from == at;
            if (entered_[from] == 0) {
                connect(from);
                if (lowest_[from] < lowest_[at]) lowest_[at] = lowest_[from];
            } else if (entered_[from] > 0 && entered_[from] < lowest_[at]) {
                lowest_[at] = entered_[from];
            }
        }
        if (lowest_[at] != entered_[at]) return;
        list<int, Sizes.rules> members{};
        int member = -1;
        while (member != at) {
            member = open_[--open_.count];
            entered_[member] = -1;
            members.push(member);
        }
        if (members.size() > 1 || follows_itself) mark(members);
    }

    /// Finds the time of the rules and how late each is computed; leaves them as they are, a
    /// cycle, if they have none.
    constexpr void mark(const list<int, Sizes.rules>& members) {
        list<int, Sizes.rules> axis{};
        axis.reset(in_.rules.size());
        for (int& each : axis) each = -1;
        if (!find_first_axis(members, axis) || !follow_axes(members, axis)) return;
        list<int, Sizes.rules> delay{};
        delay.reset(in_.rules.size());
        const bool forward = find_delays(members, axis, 1, delay);
        if (!forward && !find_delays(members, axis, -1, delay)) return;
        int most = 0;
        for (int at : members)
            if (delay[at] > most) most = delay[at];
        for (int at : members) {
            recurrence& recurs = in_.rules[at].recurs;
            recurs.loop = recursions_;
            recurs.argument = axis[at];
            recurs.time = time_of(at, axis);
            recurs.backward = !forward;
            recurs.delay = forward ? delay[at] : most - delay[at];
        }
        take_in_bases(members);
        ++recursions_;
    }

    constexpr int time_of(int rule, const list<int, Sizes.rules>& axis) const {
        return in_.rules[rule].terms[axis[rule]].variable;
    }
    constexpr bool is_member(const list<int, Sizes.rules>& members, int rule) const {
        for (int member : members)
            if (member == rule) return true;
        return false;
    }

    constexpr bool find_first_axis(const list<int, Sizes.rules>& members,
                                   list<int, Sizes.rules>& axis) const {
        for (int at : members)
            for (int body = 0; body < in_.rules[at].literals; ++body) {
                const literal& value = item(at, body);
                if (!is_member(members, definer_of(value))) continue;
                for (int argument = 0; argument < value.arity; ++argument)
                    for (int place = 0; place < in_.rules[at].arity; ++place)
                        if (value.terms[argument].offset && value.terms[argument].variable >= 0 &&
                            in_.rules[at].terms[place].variable == value.terms[argument].variable) {
                            axis[at] = place;
                            return true;
                        }
            }
        return false;
    }

    constexpr bool follow_axes(const list<int, Sizes.rules>& members,
                               list<int, Sizes.rules>& axis) const {
        for (int pass = 0; pass <= members.size(); ++pass)
            for (int at : members) {
                if (axis[at] < 0) continue;
                const rule& written = in_.rules[at];
                const int time = time_of(at, axis);
                if (written.repeat || ((written.aggregated_variables >> time) & 1u)) return false;
                for (int body = 0; body < written.literals; ++body) {
                    const int from = definer_of(item(at, body));
                    if (!is_member(members, from)) continue;
                    const int argument = argument_of(item(at, body), time);
                    if (argument < 0 || (axis[from] >= 0 && axis[from] != argument)) return false;
                    axis[from] = argument;
                }
            }
        return true;
    }

    static constexpr int argument_of(const literal& value, int variable) {
        int found = -1;
        for (int axis = 0; axis < value.arity; ++axis)
            if (value.terms[axis].variable == variable) found = found < 0 ? axis : -2;
        return found;
    }

    /// A rule is as late as what it follows from, less how far that lies back.
    constexpr bool find_delays(const list<int, Sizes.rules>& members,
                               const list<int, Sizes.rules>& axis, int direction,
                               list<int, Sizes.rules>& delay) const {
        for (int at : members) delay[at] = 0;
        for (int pass = 0; pass <= members.size(); ++pass) {
            bool changed = false;
            for (int at : members)
                for (int body = 0; body < in_.rules[at].literals; ++body) {
                    const literal& value = item(at, body);
                    const int from = definer_of(value);
                    if (!is_member(members, from)) continue;
                    const int least = delay[from] + direction * value.terms[axis[from]].offset;
                    if (least <= delay[at]) continue;
                    delay[at] = least;
                    changed = true;
                }
            if (!changed) return true;
        }
        return false;
    }

    /// A base depends on nothing in the loop; it is computed there for its one time.
    constexpr void take_in_bases(const list<int, Sizes.rules>& members) {
        for (int at : members) {
            if (!in_.rules[at].total) continue;
            for (int body = 0; body < in_.rules[at].literals; ++body) {
                const int part = definer_of(item(at, body));
                if (part < 0 || in_.rules[part].base < 0 || in_.rules[part].recurs.loop >= 0)
                    continue;
                const recurrence& of = in_.rules[at].recurs;
                recurrence& taken = in_.rules[part].recurs;
                const int time = in_.rules[part].terms[of.argument].variable;
                taken = of;
                taken.time = time;
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Rewrites a source so that each relation follows from one rule whose head is a plain atom. Four
/// steps: a head weight, an atom transformation, and several rules with one head become rules over
/// invented relations; a weighted literal becomes one where the rule is not itself a linear map or
/// would compute it again for each value of a variable that it does not mention, and so does what a
/// rule of a recursion adds from outside.

namespace sequent::inline SEQUENT_ABI::plan {

constexpr sizes normal_size(sizes source) {
    const int rules = 4 * source.rules + source.literals;
    return {rules, 2 * source.literals + rules, source.nodes, source.scopes};
}

/// Whether the literal gives its whole value, at variables and constants. `moved`: arguments with
/// an offset are known to lie within their relations.
constexpr bool is_plain(const literal& item, bool moved = false) {
    if (!item.gives_value() || item.has_element) return false;
    for (int argument = 0; argument < item.arity; ++argument)
        if (item.terms[argument].offset && item.terms[argument].variable >= 0 && !moved)
            return false;
    return true;
}

/// Whether the literals that give values are added, weighted or not, for each head on its own: what
/// a matrix product with its additions computes. Variables that are summed away must then index a
/// weight.
template <sizes Sizes>
constexpr bool is_linear_sum(const rule& rule, const source<Sizes>& source) {
    if (rule.literals > 1 && rule.combined != combination::sum) return false;
    if (rule.combined == combination::cosine || rule.aggregated != aggregation::sum) return false;
    const unsigned head = rule.head_variables();
    for (int at = 0; at < rule.literals; ++at) {
        const literal& item = source.literals[rule.first_literal + at];
        if (!item.gives_value()) continue;
        unsigned in_relation = 0;
        unsigned in_weight = 0;
        for (int argument = 0; argument < item.arity; ++argument)
            if (item.terms[argument].variable >= 0)
                in_relation |= 1u << item.terms[argument].variable;
        for (int argument = 0; argument < item.weight.arity; ++argument) {
            if (item.weight.terms[argument].offset &&
                item.weight.terms[argument].variable != loop_time)
                return false;
            if (item.weight.terms[argument].variable >= 0)
                in_weight |= 1u << item.weight.terms[argument].variable;
        }
        const unsigned summed = ~head;
        if (((in_relation | in_weight) & summed) && rule.literals > 1) return false;
        if ((in_relation & summed) != (in_weight & summed)) return false;
    }
    return true;
}

/// Whether this is all that the rule does.
template <sizes Sizes>
constexpr bool is_linear(const rule& rule, const source<Sizes>& source) {
    if (rule.condition >= 0 || rule.repeat) return false;
    for (int at = 0; at < rule.literals; ++at)
        if (!is_plain(source.literals[rule.first_literal + at])) return false;
    return is_linear_sum(rule, source);
}

template <sizes Sizes>
class normaliser {
  public:
    source<normal_size(Sizes)> out{};

    constexpr explicit normaliser(const source<Sizes>& in) {
        for (const literal& item : in.literals) out.literals.push(item);
        for (const rule& item : in.rules) out.rules.push(item);
        for (const node& item : in.nodes) out.nodes.push(item);
        for (const relation& item : in.relations) out.relations.push(item);
        for (const weight& item : in.weights) out.weights.push(item);
        for (const name& item : in.counts) out.counts.push(item);
        for (const decision_function item : in.decisions) out.decisions.push(item);
        for (const name& item : in.compared) out.compared.push(item);
        for (const scope& item : in.scopes) out.scopes.push(item);
        out.mistake = in.mistake;
        out.mistaken_rule = in.mistaken_rule;
        out.mistaken_scope = in.mistaken_scope;
        for (rule& item : out.rules)
            if (!item.transforms_atom) straighten_head(item, out);
        split_head_weights();
        split_atom_transformations();
        split_several_rules();
        split_recursions();
        split_weighted_literals();
    }

  private:
    constexpr void fail(fault mistake, const rule& at) {
        if (out.mistake != fault::none) return;
        out.mistake = mistake;
        out.mistaken_rule = at.number;
        out.mistaken_scope = at.scope;
    }

    constexpr int invent(const rule& from) {
        return out.relations.push({out.relations[from.head].id, from.scope, true});
    }

    /// The rule's own head as a literal of `relation`.
    static constexpr literal head_literal(const rule& from, int relation) {
        literal result;
        result.relation = relation;
        result.arity = from.arity;
        for (int at = 0; at < from.arity; ++at) result.terms[at] = from.terms[at];
        return result;
    }

    /// An empty rule with the head of another and with its head weight, if any, of which the
    /// variables are the only ones.
    static constexpr rule same_head(const rule& from) {
        rule result;
        result.number = from.number;
        result.scope = from.scope;
        result.head = from.head;
        result.arity = from.arity;
        result.head_weight = from.head_weight;
        int map[max_variables]{};  // one more than the variable's place
        auto apply = [&](term& to, const term& written) {
            if (written.variable >= 0 && map[written.variable] == 0)
                map[written.variable] = result.variables.push(from.variables[written.variable]) + 1;
            to = {written.variable >= 0 ? map[written.variable] - 1 : -1, written.offset};
        };
        for (int at = 0; at < from.arity; ++at) apply(result.terms[at], from.terms[at]);
        for (int at = 0; at < from.head_weight.arity; ++at)
            apply(result.head_weight.terms[at], from.head_weight.terms[at]);
        return result;
    }

    constexpr void push(rule made, const literal& only) {
        made.first_literal = out.literals.push(only);
        made.literals = 1;
        out.rules.push(made);
    }

    constexpr void split_head_weights() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            rule& inner = out.rules[at];
            if (inner.head_weight.weight < 0) continue;
            rule outer = same_head(inner);
            inner.head = invent(inner);
            literal only = head_literal(outer, inner.head);
            only.weight = outer.head_weight;
            outer.head_weight = inner.head_weight = {};
            push(outer, only);
        }
    }

    constexpr void split_atom_transformations() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            if (!out.rules[at].transforms_atom) continue;
            const int head = out.rules[at].head;
            const int inner = invent(out.rules[at]);
            for (rule& other : out.rules)
                if (other.head == head && !other.transforms_atom) other.head = inner;
            rule& outer = out.rules[at];
            outer.transforms_atom = false;
            outer.first_literal = out.literals.push(head_literal(outer, inner));
            outer.literals = 1;
        }
    }

    constexpr void split_several_rules() {
        const int relations = out.relations.size();
        const int rules = out.rules.size();
        for (int head = 0; head < relations; ++head) {
            int count = 0;
            int first = -1;
            for (int at = 0; at < rules; ++at)
                if (out.rules[at].head == head && count++ == 0) first = at;
            if (count < 2) continue;
            if (count > max_literals) {
                fail(fault::too_many_rules_for_one_head, out.rules[first]);
                continue;
            }
            rule sum = same_head(out.rules[first]);
            sum.total = true;
            sum.first_literal = out.literals.size();
            sum.literals = count;
            for (int at = 0; at < rules; ++at) {
                rule& part = out.rules[at];
                if (part.head != head) continue;
                part.head = invent(part);
                literal item = head_literal(sum, part.head);
                item.arity = part.arity;
                out.literals.push(item);
            }
            out.rules.push(sum);
        }
    }

    // Recursions: what comes from outside is computed for all times at once, and each product
    // within becomes a rule, so that those with one input can be computed as one.

    constexpr void split_recursions() {
        const recursion_finder<normal_size(Sizes)> found(out);
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            if (out.rules[at].recurs.loop < 0) continue;
            split_outside(at, found.definer);
            const rule user = out.rules[at];
            if (user.literals == 1 && user.transformations.size() == 0 && is_linear(user, out))
                continue;
            for (int body = 0; body < user.literals; ++body) {
                const literal item = out.literals[user.first_literal + body];
                if (item.kind != literal_kind::relation || item.weight.weight < 0) continue;
                const int from = found.definer[item.relation];
                const int rules = out.rules.size();
                split_weighted_literal(at, user.first_literal + body);
                if (out.rules.size() == rules || !is_in_loop(from, user)) continue;
                rule& made = out.rules[rules];
                made.recurs = out.rules[from].recurs;
                const literal& inner = out.literals[made.first_literal];
                made.recurs.time = inner.terms[made.recurs.argument].variable;
                for (int axis = 0; axis < made.arity; ++axis)
                    if (made.terms[axis].variable == made.recurs.time) made.recurs.argument = axis;
            }
        }
    }

    constexpr bool is_in_loop(int rule_at, const rule& of) const {
        return rule_at >= 0 && out.rules[rule_at].recurs.loop == of.recurs.loop;
    }

    /// Whether the rule adds its literals for each head on its own.
    constexpr bool adds_literals(const rule& written) const {
        if (written.condition >= 0 || written.total || written.literals < 2 ||
            written.combined != combination::sum || written.aggregated != aggregation::sum)
            return false;
        const unsigned head = written.head_variables();
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = out.literals[written.first_literal + body];
            if (!item.gives_value() || item.has_element || item.transposed ||
                (variables_of(item) & ~head))
                return false;
        }
        return true;
    }
    static constexpr unsigned variables_of(const literal& item) {
        unsigned mask = 0;
        for (int axis = 0; axis < item.arity; ++axis)
            if (item.terms[axis].variable >= 0) mask |= 1u << item.terms[axis].variable;
        for (int axis = 0; axis < item.weight.arity; ++axis)
            if (item.weight.terms[axis].variable >= 0)
                mask |= 1u << item.weight.terms[axis].variable;
        return mask;
    }

    /// A literal's arguments, less `offsets`; false if one that is a variable keeps an offset.
    static constexpr bool take_away(literal& item, const int* offsets) {
        bool plain = true;
        auto take = [&](term& at) {
            if (at.variable < 0) return;
            at.offset -= offsets[at.variable];
            plain = plain && at.offset == 0;
        };
        for (int axis = 0; axis < item.arity; ++axis) take(item.terms[axis]);
        for (int axis = 0; axis < item.weight.arity; ++axis) take(item.weight.terms[axis]);
        return plain;
    }

    /// Of a rule in a recursion, the products of relations outside and the biases become a rule
    /// outside.
    constexpr void split_outside(int at, const auto& definer) {
        if (!adds_literals(out.rules[at])) return;
        rule user = out.rules[at];
        auto is_outside = [&](const literal& item) {
            return item.kind == literal_kind::relation && item.weight.weight >= 0 &&
                   !is_in_loop(definer[item.relation], user);
        };
        int offsets[max_variables]{};
        unsigned mentioned = 0;
        for (int body = 0; body < user.literals && !mentioned; ++body) {
            const literal& item = out.literals[user.first_literal + body];
            if (!is_outside(item)) continue;
            mentioned = variables_of(item);
            for (int axis = 0; axis < item.arity; ++axis)
                if (item.terms[axis].variable >= 0)
                    offsets[item.terms[axis].variable] = item.terms[axis].offset;
        }
        if (!((mentioned >> user.recurs.time) & 1u)) return;
        rule made;
        made.number = user.number;
        made.scope = user.scope;
        literal outer;
        int places[max_variables]{};
        for (int axis = 0; axis < user.arity; ++axis) {
            const int index = user.terms[axis].variable;
            if (!((mentioned >> index) & 1u)) continue;
            places[index] = made.variables.push(user.variables[index]);
            made.terms[made.arity++] = {places[index], 0};
            outer.terms[outer.arity++] = {index, offsets[index]};
        }
        made.head = outer.relation =
            out.relations.push({out.relations[user.head].id, user.scope, true});
        made.first_literal = out.literals.size();
        int kept = 0;
        for (int body = 0; body < user.literals; ++body) {
            const literal item = out.literals[user.first_literal + body];
            literal moved = item;
            const bool plain = take_away(moved, offsets);
            const bool taken = plain && !(variables_of(item) & ~mentioned) &&
                               (is_outside(item) || item.kind == literal_kind::weight);
            if (!taken) {
                out.literals[user.first_literal + kept++] = item;
                continue;
            }
            for (int axis = 0; axis < item.arity; ++axis)
                if (moved.terms[axis].variable >= 0)
                    moved.terms[axis].variable = places[moved.terms[axis].variable];
            for (int axis = 0; axis < item.weight.arity; ++axis)
                if (moved.weight.terms[axis].variable >= 0)
                    moved.weight.terms[axis].variable = places[moved.weight.terms[axis].variable];
            out.literals.push(moved);
            ++made.literals;
        }
        out.literals[user.first_literal + kept++] = outer;
        out.rules[at].literals = kept;
        out.rules.push(made);
    }

    constexpr void split_weighted_literals() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            if (out.rules[at].repeat) continue;
            const bool linear = is_linear(out.rules[at], out);
            for (int item = 0; item < out.rules[at].literals; ++item) {
                const int item_at = out.rules[at].first_literal + item;
                if (!linear || mentions_less(out.literals[item_at], out.rules[at]))
                    split_weighted_literal(at, item_at);
            }
        }
    }

    /// Whether the literal, one of several, is the same for all values of one of the head's
    /// variables.
    static constexpr bool mentions_less(const literal& item, const rule& user) {
        return user.literals > 1 && (user.head_variables() & ~variables_of(item));
    }

    constexpr void split_weighted_literal(int user_at, int item_at) {
        const literal item = out.literals[item_at];
        if (item.kind != literal_kind::relation || item.weight.weight < 0) return;
        const rule user = out.rules[user_at];
        rule made;
        made.number = user.number;
        made.scope = user.scope;
        int arguments = 0;
        for (int at = 0; at < item.arity; ++at) arguments += item.terms[at].variable >= 0;
        for (int at = 0; at < item.weight.arity; ++at) {
            bool known = item.weight.terms[at].variable < 0;
            for (int other = 0; other < item.arity; ++other)
                known = known || item.terms[other] == item.weight.terms[at];
            arguments += !known;
        }
        if (arguments > max_arity) {
            fail(fault::too_many_arguments, user);
            return;
        }
        literal inner = item;
        literal outer = item;
        inner.transposed = false;
        inner.has_element = false;
        outer.weight = {};
        outer.arity = 0;
        auto add_variable = [&](const term& argument) {
            const int index = made.variables.push(user.variables[argument.variable]);
            made.terms[made.arity++] = {index, 0};
            outer.terms[outer.arity++] = argument;
            return index;
        };
        for (int argument = 0; argument < item.arity; ++argument)
            if (item.terms[argument].variable >= 0)
                inner.terms[argument] = {add_variable(item.terms[argument]), 0};
        const int relation_arguments = made.arity;
        for (int argument = 0; argument < item.weight.arity; ++argument) {
            const term& written = item.weight.terms[argument];
            if (written.variable < 0) continue;
            int index = -1;
            for (int known = 0; known < relation_arguments; ++known)
                if (outer.terms[known] == written) index = known;
            if (index < 0) index = add_variable(written);
            inner.weight.terms[argument] = {index, 0};
        }
        made.head = out.relations.push({out.relations[item.relation].id, user.scope, true});
        outer.relation = made.head;
        out.literals[item_at] = outer;
        push(made, inner);
    }
};

template <sizes Sizes>
constexpr auto normalise(const source<Sizes>& in) {
    return normaliser<Sizes>(in).out;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// The extents of relations, variables and weights, and the shapes of values.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_fact_rank = 6;

enum class fact_kind { dense, symbols, count };

struct fact_shape {
    name id{};
    fact_kind kind = fact_kind::dense;
    int rank = 0;
    int extents[max_fact_rank]{};
    int classes = 0;
    int pairs = 0;  // how many a sparse fact may have; 0 of a dense one

    constexpr bool is_sparse() const { return pairs > 0; }
    /// How many numbers there are: of all pairs, or of one.
    constexpr int size() const { return (is_sparse() ? pairs : 1) * product_from(sparse_axes()); }
    constexpr int pair_size() const { return product_from(2); }
    /// A dense fact of the values of `count` pairs.
    constexpr fact_shape values_of(int count) const {
        fact_shape result = *this;
        result.pairs = 0;
        result.extents[0] = count;
        result.rank = rank - 1;
        for (int axis = 1; axis < result.rank; ++axis) result.extents[axis] = extents[axis + 1];
        return result;
    }

  private:
    constexpr int sparse_axes() const { return is_sparse() ? 2 : 0; }
    constexpr int product_from(int axis) const {
        int product = 1;
        for (; axis < rank; ++axis) product *= extents[axis];
        return product;
    }
};

/// Rows x columns; a vector is one column, a scalar 1 x 1.
struct value_shape {
    int rows = 1;
    int columns = 1;

    constexpr int size() const { return rows * columns; }
    constexpr bool is_scalar() const { return size() == 1; }
    constexpr value_shape transposed() const { return {columns, rows}; }
    friend constexpr bool operator==(const value_shape&, const value_shape&) = default;
};

struct relation_shape {
    int fact = -1;
    int rule = -1;
    int arity = -1;
    int extents[max_arity]{};
    value_shape value{};
    int classes = 0;       // of a symbol
    int passes_into = -1;  // for a block's input: the relation that it is at first
    int uses = 0;          // by value, in bodies
    bool output = false;
};

struct weight_shape {
    int arity = -1;
    int extents[max_arity]{};
    bool trained = false;
    int uses = 0;
    bool looked_up = false;  // by a symbol: its rows are read whole
};

template <sizes Sizes, int Facts>
struct shaped {
    source<Sizes> text{};
    list<fact_shape, Facts> facts{};
    list<relation_shape, decltype(text.relations)::capacity()> relations{};
    list<weight_shape, decltype(text.weights)::capacity()> weights{};
    list<int, Sizes.rules> order{};  // rules; those of a stacked block before their stack
    int block_input[Sizes.scopes]{};
    int block_output[Sizes.scopes]{};
    list<int, Sizes.rules> outputs{};
    diagnosis mistake{};
};

/// The fact whose symbols the program compares under number `at`; -1 if there is none with one
/// symbol for each value of one index.
template <class Shaped>
constexpr int compared_fact(const Shaped& in, int at) {
    for (int given = 0; given < in.facts.size(); ++given)
        if (in.facts[given].id == in.text.compared[at] &&
            in.facts[given].kind == fact_kind::symbols && in.facts[given].rank == 1)
            return given;
    return -1;
}

/// The value of one literal, and of a body.
template <class Shaped>
constexpr value_shape literal_shape(const Shaped& in, const literal& item, bool& fits, int& left,
                                    int& right) {
    value_shape shape{};
    if (item.kind == literal_kind::relation) {
        shape = in.relations[item.relation].value;
        if (item.weight.weight >= 0) {
            const weight& applied = in.text.weights[item.weight.weight];
            value_shape matrix{applied.shape[0], applied.shape[1]};
            if (item.weight.transposed) matrix = matrix.transposed();
            if (in.relations[item.relation].classes) {
                if (applied.rank != 2 || matrix.rows != in.relations[item.relation].classes) {
                    fits = false;
                    left = matrix.rows;
                    right = in.relations[item.relation].classes;
                }
                shape = {matrix.columns, 1};
            } else if (!matrix.is_scalar()) {
                if (matrix.columns != shape.rows) {
                    fits = false;
                    left = matrix.columns;
                    right = shape.rows;
                }
                shape = {matrix.rows, shape.columns};
            }
        }
    } else if (item.kind == literal_kind::weight) {
        const weight& bare = in.text.weights[item.weight.weight];
        shape = {bare.shape[0], bare.shape[1]};
    }
    if (item.has_element) shape = {1, 1};
    return item.transposed ? shape.transposed() : shape;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// How large a count that is given at run time may be: what a variable is compared with, `j <
/// length`, is at most the variable's extent.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int without_limit = -1;

namespace detail {

template <class Shaped>
constexpr void find_count_limit(const Shaped& in, const rule& written, int root, int count,
                                int& limit) {
    if (root < 0) return;
    const node& top = in.text.nodes[root];
    const bool ordered = top.kind >= node_kind::less && top.kind <= node_kind::greater_equal;
    if (!ordered) {
        find_count_limit(in, written, top.left, count, limit);
        find_count_limit(in, written, top.right, count, limit);
        return;
    }
    const node* left = &in.text.nodes[top.left];
    const node* right = &in.text.nodes[top.right];
    if (left->kind == node_kind::count) {
        const node* other = left;
        left = right;
        right = other;
    }
    if (left->kind != node_kind::variable || right->kind != node_kind::count ||
        right->value != count)
        return;
    const int extent = written.variables[left->value].extent;
    if (extent > limit) limit = extent;
}

}  // namespace detail

/// The greatest extent of the variables that this count bounds, or without_limit.
template <class Shaped>
constexpr int limit_of_count(const Shaped& in, int count) {
    int limit = without_limit;
    for (const rule& written : in.text.rules)
        detail::find_count_limit(in, written, written.condition, count, limit);
    return limit;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// What an index expression may be for a constraint over it to become loop bounds.

namespace sequent::inline SEQUENT_ABI::plan {

namespace detail {

/// row * i + column * j + one quotient of each + offset + a count.
struct linear_form {
    int row = 0;
    int column = 0;
    int row_quotient = 0;  // factor of floor((i + row_shift) / row_divisor)
    int row_divisor = 1;
    int row_shift = 0;
    int column_quotient = 0;
    int column_divisor = 1;
    int column_shift = 0;
    int offset = 0;
    int count = -1;
    int count_factor = 0;
    int remainder = 0;  // factor of (remainder_row i + remainder_column j + shift) mod modulus
    int modulus = 1;
    int remainder_row = 0;
    int remainder_column = 0;
    int remainder_shift = 0;
    bool known = true;

    constexpr bool is_affine() const {
        return known && !row_quotient && !column_quotient && !remainder && !count_factor;
    }
};

constexpr linear_form unknown_form() {
    linear_form form;
    form.known = false;
    return form;
}

constexpr linear_form scaled(linear_form form, int factor) {
    form.row *= factor;
    form.column *= factor;
    form.row_quotient *= factor;
    form.column_quotient *= factor;
    form.offset *= factor;
    form.count_factor *= factor;
    form.remainder *= factor;
    return form;
}

constexpr linear_form added(linear_form left, const linear_form& right) {
    if (!left.known || !right.known) return unknown_form();
    left.row += right.row;
    left.column += right.column;
    left.offset += right.offset;
    if (right.row_quotient) {
        if (left.row_quotient &&
            (left.row_divisor != right.row_divisor || left.row_shift != right.row_shift))
            return unknown_form();
        left.row_quotient += right.row_quotient;
        left.row_divisor = right.row_divisor;
        left.row_shift = right.row_shift;
    }
    if (right.column_quotient) {
        if (left.column_quotient && (left.column_divisor != right.column_divisor ||
                                     left.column_shift != right.column_shift))
            return unknown_form();
        left.column_quotient += right.column_quotient;
        left.column_divisor = right.column_divisor;
        left.column_shift = right.column_shift;
    }
    if (right.count_factor) {
        if (left.count_factor && left.count != right.count) return unknown_form();
        left.count_factor += right.count_factor;
        left.count = right.count;
    }
    if (right.remainder) {
        if (left.remainder) return unknown_form();
        left.remainder = right.remainder;
        left.modulus = right.modulus;
        left.remainder_row = right.remainder_row;
        left.remainder_column = right.remainder_column;
        left.remainder_shift = right.remainder_shift;
    }
    return left;
}

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::plan

/// Index spaces: which columns j belong to each row i, as loop bounds.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_pieces = 8;
inline constexpr int max_bounds = 3;
inline constexpr int max_modulus = 64;
inline constexpr int max_counts = 16;  // given at run time
inline constexpr int max_compared = 4;

/// What is given at run time, in one array: the counts; for each compared fact where its runs'
/// begins and ends stand in the array, zero where they are not known; the begin of the run of equal
/// symbols around each position, and the end.
struct given_numbers {
    static constexpr int begins_of(int fact) { return max_counts + 2 * fact; }
    static constexpr int ends_of(int fact) { return max_counts + 2 * fact + 1; }
    static constexpr int runs = max_counts + 2 * max_compared;
};

/// multiplier * floor((factor * row + shift) / divisor) + offset, plus a count given at run time;
/// or where the run of a compared fact around the row begins or ends. A run that is not known is
/// as long as what it bounds allows: all columns, or, where the columns lie outside of it, one.
struct bound {
    int multiplier = 0;
    int factor = 1;
    int shift = 0;
    int divisor = 1;
    int offset = 0;
    int count = -1;
    int compared = -1;
    bool run_end = false;
    bool outside = false;

    constexpr bool is_static() const { return count < 0 && compared < 0; }
    constexpr int at(int row, const int* counts) const {
        if (compared >= 0) {
            const int runs = counts[run_end ? given_numbers::ends_of(compared)
                                            : given_numbers::begins_of(compared)];
            constexpr int far = 1 << 30;
            if (runs) return counts[runs + row];
            return outside ? row + (run_end ? 1 : 0) : run_end ? far : 0;
        }
        const int given = count >= 0 ? counts[count] : 0;
        return multiplier * floor_divide(factor * row + shift, divisor) + offset + given;
    }
    friend constexpr bool operator==(const bound&, const bound&) = default;
};

/// Columns [max of lower, min of upper) with (column - slope * row) mod modulus in a set of
/// residues, for the rows that the guard admits.
struct piece {
    list<bound, max_bounds> lower{};
    list<bound, max_bounds> upper{};
    int modulus = 1;
    int slope = 0;
    unsigned long long residues = 1;
    list<bound, max_bounds> row_lower{};  // bounds on the row itself, as constants or counts
    list<bound, max_bounds> row_upper{};
    int row_modulus = 1;
    unsigned long long row_residues = 1;

    constexpr bool admits_row(int row, const int* counts) const {
        for (const bound& limit : row_lower)
            if (row < limit.at(0, counts)) return false;
        for (const bound& limit : row_upper)
            if (row >= limit.at(0, counts)) return false;
        return ((row_residues >> floor_remainder(row, row_modulus)) & 1) != 0;
    }
    constexpr int begin(int row, const int* counts) const {
        int result = 0;
        for (const bound& limit : lower) {
            const int value = limit.at(row, counts);
            if (value > result) result = value;
        }
        return result;
    }
    constexpr int end(int row, int columns, const int* counts) const {
        int result = columns;
        for (const bound& limit : upper) {
            const int value = limit.at(row, counts);
            if (value < result) result = value;
        }
        return result;
    }
    constexpr bool admits_residue(int row, int column) const {
        return ((residues >> floor_remainder(column - slope * row, modulus)) & 1) != 0;
    }
};

/// Pieces that do not overlap.
struct space {
    list<piece, max_pieces> pieces{};
    bool exact = true;  // false where the condition has no such form

    constexpr bool is_full() const {
        return exact && pieces.size() == 1 && pieces[0].lower.size() == 0 &&
               pieces[0].upper.size() == 0 && pieces[0].modulus == 1 &&
               pieces[0].row_lower.size() == 0 && pieces[0].row_upper.size() == 0 &&
               pieces[0].row_modulus == 1;
    }
    /// Whether each row's columns are an interval in each piece.
    constexpr bool is_contiguous() const {
        for (const piece& part : pieces)
            if (part.modulus != 1) return false;
        return exact;
    }
    constexpr bool contains(int row, int column, int columns, const int* counts) const {
        for (const piece& part : pieces)
            if (part.admits_row(row, counts) && column >= part.begin(row, counts) &&
                column < part.end(row, columns, counts) && part.admits_residue(row, column))
                return true;
        return false;
    }
};

/// How many pairs a space holds; counts given at run time are taken as without limit.
constexpr long long count_pairs(const space& where, int rows, int columns) {
    int unlimited[given_numbers::runs]{};
    for (int at = 0; at < max_counts; ++at) unlimited[at] = rows > columns ? rows : columns;
    long long pairs = 0;
    for (const piece& part : where.pieces) {
        for (int row = 0; row < rows; ++row) {
            if (!part.admits_row(row, unlimited)) continue;
            const int begin = part.begin(row, unlimited);
            const int end = part.end(row, columns, unlimited);
            if (end <= begin) continue;
            if (part.modulus == 1) {
                pairs += end - begin;
                continue;
            }
            for (int residue = 0; residue < part.modulus; ++residue) {
                if (!((part.residues >> residue) & 1)) continue;
                const int first = floor_remainder(residue + part.slope * row - begin, part.modulus);
                if (first < end - begin) pairs += (end - begin - 1 - first) / part.modulus + 1;
            }
        }
    }
    return pairs;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Turns a condition into an index space: first into alternatives of simple comparisons, then into
/// pieces that don't overlap.

namespace sequent::inline SEQUENT_ABI::plan {

namespace detail {

inline constexpr int max_atoms = 8;

/// `form <= 0`, or a set of residues, or on which side of an end of the row's run the column is.
struct atom_condition {
    linear_form form{};
    bool is_residue = false;
    unsigned long long residues = 0;  // of remainder_row i + remainder_column j, mod modulus
    int compared = -1;
    bool run_end = false;
    bool before = false;

    constexpr bool is_form() const { return !is_residue && compared < 0; }
};

using conjunction = list<atom_condition, max_atoms>;
using disjunction = list<conjunction, max_pieces>;

template <class Nodes>
class space_builder {
  public:
    constexpr space_builder(const Nodes& nodes, int row, int column)
        : nodes_(nodes), row_(row), column_(column) {}

    constexpr space build(int root) {
        disjunction parts = expand(root, false);
        parts = disjoint(parts);
        space result;
        for (const conjunction& part : parts) result.pieces.push(to_piece(part));
        result.exact = exact_;
        return result;
    }

  private:
    const Nodes& nodes_;
    int row_;
    int column_;
    bool exact_ = true;

    constexpr linear_form form_of(int at) const {
        const node& top = nodes_[at];
        linear_form form;
        switch (top.kind) {
            case node_kind::constant:
                form.offset = top.value;
                return form;
            case node_kind::variable:
                if (top.value == row_)
                    form.row = 1;
                else if (top.value == column_)
                    form.column = 1;
                else
                    form.known = false;
                return form;
            case node_kind::count:
                form.count = top.value;
                form.count_factor = 1;
                return form;
            case node_kind::add:
                return added(form_of(top.left), form_of(top.right));
            case node_kind::subtract:
                return added(form_of(top.left), scaled(form_of(top.right), -1));
            case node_kind::multiply: {
                const linear_form left = form_of(top.left);
                const linear_form right = form_of(top.right);
                if (is_constant(left)) return scaled(right, left.offset);
                if (is_constant(right)) return scaled(left, right.offset);
                return unknown_form();
            }
            case node_kind::divide: {
                const linear_form left = form_of(top.left);
                const linear_form right = form_of(top.right);
                if (!is_constant(right) || right.offset <= 0 || !left.is_affine())
                    return unknown_form();
                if (left.row == 1 && !left.column) {
                    form.row_quotient = 1;
                    form.row_divisor = right.offset;
                    form.row_shift = left.offset;
                } else if (left.column == 1 && !left.row) {
                    form.column_quotient = 1;
                    form.column_divisor = right.offset;
                    form.column_shift = left.offset;
                } else {
                    return unknown_form();
                }
                return form;
            }
            case node_kind::remainder: {
                const linear_form left = form_of(top.left);
                const linear_form right = form_of(top.right);
                if (!is_constant(right) || right.offset <= 0 || right.offset > max_modulus ||
                    !left.is_affine())
                    return unknown_form();
                form.remainder = 1;
                form.modulus = right.offset;
                form.remainder_row = left.row;
                form.remainder_column = left.column;
                form.remainder_shift = left.offset;
                return form;
            }
            default:
                return unknown_form();
        }
    }

    static constexpr bool is_constant(const linear_form& form) {
        return form.is_affine() && !form.row && !form.column;
    }

    constexpr disjunction inexact() {
        exact_ = false;
        disjunction all;
        all.push({});
        return all;
    }

    constexpr disjunction either(disjunction left, const disjunction& right) {
        if (left.size() + right.size() > max_pieces) return inexact();
        for (const conjunction& part : right) left.push(part);
        return left;
    }

    constexpr disjunction both(const disjunction& left, const disjunction& right) {
        if (left.size() * right.size() > max_pieces) return inexact();
        disjunction result;
        for (const conjunction& first : left)
            for (const conjunction& second : right) {
                if (excludes(first, second)) continue;
                if (first.size() + second.size() > max_atoms) return inexact();
                conjunction joined = first;
                for (const atom_condition& item : second) joined.push(item);
                result.push(joined);
            }
        return result;
    }

    /// left - right + shift <= 0.
    constexpr disjunction at_most(const linear_form& left, const linear_form& right, int shift) {
        atom_condition item;
        item.form = added(left, scaled(right, -1));
        item.form.offset += shift;
        if (!item.form.known) return inexact();
        if (item.form.remainder) {
            linear_form rest = item.form;
            rest.remainder = 0;
            if (!is_constant(rest)) return inexact();
            item.is_residue = true;
            for (int residue = 0; residue < item.form.modulus; ++residue)
                if (item.form.remainder * floor_remainder(residue + item.form.remainder_shift,
                                                          item.form.modulus) +
                        item.form.offset <=
                    0)
                    item.residues |= 1ULL << residue;
        }
        conjunction only;
        only.push(item);
        disjunction result;
        result.push(only);
        return result;
    }

    constexpr disjunction compare(node_kind kind, int left_at, int right_at) {
        const node& left_node = nodes_[left_at];
        const node& right_node = nodes_[right_at];
        if (left_node.kind == node_kind::absolute || right_node.kind == node_kind::absolute)
            return compare_absolute(kind, left_at, right_at);
        return compare(kind, form_of(left_at), form_of(right_at));
    }

    constexpr disjunction compare(node_kind kind, const linear_form& left,
                                  const linear_form& right) {
        switch (kind) {
            case node_kind::less:
                return at_most(left, right, 1);
            case node_kind::less_equal:
                return at_most(left, right, 0);
            case node_kind::greater:
                return at_most(right, left, 1);
            case node_kind::greater_equal:
                return at_most(right, left, 0);
            case node_kind::equal:
                return both(at_most(left, right, 0), at_most(right, left, 0));
            default:
                return either(at_most(left, right, 1), at_most(right, left, 1));
        }
    }

    constexpr disjunction compare_absolute(node_kind kind, int left_at, int right_at) {
        if (nodes_[left_at].kind != node_kind::absolute) {
            if (kind == node_kind::less)
                kind = node_kind::greater;
            else if (kind == node_kind::less_equal)
                kind = node_kind::greater_equal;
            else if (kind == node_kind::greater)
                kind = node_kind::less;
            else if (kind == node_kind::greater_equal)
                kind = node_kind::less_equal;
            const int swapped = left_at;
            left_at = right_at;
            right_at = swapped;
        }
        const linear_form inner = form_of(nodes_[left_at].left);
        const linear_form negative = scaled(inner, -1);
        const linear_form limit = form_of(right_at);
        switch (kind) {
            case node_kind::less:
            case node_kind::less_equal:
                return both(compare(kind, inner, limit), compare(kind, negative, limit));
            case node_kind::greater:
            case node_kind::greater_equal:
                return either(compare(kind, inner, limit), compare(kind, negative, limit));
            case node_kind::equal:
                return both(both(compare(node_kind::less_equal, inner, limit),
                                 compare(node_kind::less_equal, negative, limit)),
                            either(compare(node_kind::greater_equal, inner, limit),
                                   compare(node_kind::greater_equal, negative, limit)));
            default:
                return either(either(compare(node_kind::less, inner, limit).size()
                                         ? both(compare(node_kind::less, inner, limit),
                                                compare(node_kind::less, negative, limit))
                                         : disjunction{},
                                     compare(node_kind::greater, inner, limit)),
                              compare(node_kind::greater, negative, limit));
        }
    }

    constexpr disjunction expand(int root, bool negate) {
        if (root < 0) {
            disjunction all;
            all.push({});
            return all;
        }
        const node& top = nodes_[root];
        switch (top.kind) {
            case node_kind::conjunction:
                return negate ? either(expand(top.left, true), expand(top.right, true))
                              : both(expand(top.left, false), expand(top.right, false));
            case node_kind::disjunction:
                return negate ? both(expand(top.left, true), expand(top.right, true))
                              : either(expand(top.left, false), expand(top.right, false));
            case node_kind::negation:
                return expand(top.left, !negate);
            case node_kind::pair:
            case node_kind::decision:
                return inexact();
            case node_kind::constant:
                return expand_constant((top.value != 0) != negate);
            case node_kind::same_symbol:
                return expand_same_symbol(top, negate);
            default:
                return compare(negate ? opposite(top.kind) : top.kind, top.left, top.right);
        }
    }

    static constexpr disjunction expand_constant(bool holds) {
        disjunction result;
        if (holds) result.push({});
        return result;
    }

    constexpr disjunction expand_same_symbol(const node& top, bool negate) {
        const int left = nodes_[top.left].value;
        const int right = nodes_[top.right].value;
        if (left == right) return expand_constant(!negate);
        if (!((left == row_ && right == column_) || (left == column_ && right == row_)))
            return inexact();
        const auto one = [&](bool end, bool before) {
            atom_condition item;
            item.compared = top.value;
            item.run_end = end;
            item.before = before;
            conjunction only;
            only.push(item);
            disjunction result;
            result.push(only);
            return result;
        };
        return negate ? either(one(false, true), one(true, false))
                      : both(one(false, false), one(true, true));
    }

    static constexpr node_kind opposite(node_kind kind) {
        switch (kind) {
            case node_kind::less:
                return node_kind::greater_equal;
            case node_kind::less_equal:
                return node_kind::greater;
            case node_kind::greater:
                return node_kind::less_equal;
            case node_kind::greater_equal:
                return node_kind::less;
            case node_kind::equal:
                return node_kind::not_equal;
            default:
                return node_kind::equal;
        }
    }

    static constexpr atom_condition negated(atom_condition item) {
        if (item.is_residue) {
            const unsigned long long all =
                item.form.modulus == 64 ? ~0ULL : (1ULL << item.form.modulus) - 1;
            item.residues = all & ~item.residues;
        } else if (item.compared >= 0) {
            item.before = !item.before;
        } else {
            item.form = scaled(item.form, -1);  // not (f <= 0) is f >= 1 is 1 - f <= 0
            item.form.offset += 1;
        }
        return item;
    }

    /// Takes from each part what earlier parts hold: not (a and b) is (not a) or (a and not b).
    constexpr disjunction disjoint(const disjunction& parts) {
        disjunction result;
        for (int at = 0; at < parts.size(); ++at) {
            disjunction rest;
            rest.push(parts[at]);
            for (int earlier = 0; earlier < at; ++earlier) {
                if (excludes(parts[earlier], parts[at])) continue;
                disjunction outside;
                for (int item = 0; item < parts[earlier].size(); ++item) {
                    conjunction part;
                    for (int kept = 0; kept < item; ++kept) part.push(parts[earlier][kept]);
                    part.push(negated(parts[earlier][item]));
                    if (outside.size() == max_pieces) return inexact();
                    outside.push(part);
                }
                rest = both(rest, outside);
            }
            result = either(result, rest);
        }
        return result;
    }

    /// Whether two parts share nothing since one holds f <= 0 and the other -f + c <= 0, c > 0; or
    /// one what is before a run, or in it, and the other what is after.
    static constexpr bool excludes(const conjunction& left, const conjunction& right) {
        for (const atom_condition& first : left)
            for (const atom_condition& second : right) {
                if (first.compared >= 0 && first.compared == second.compared &&
                    first.before != second.before &&
                    (first.before ? first.run_end <= second.run_end
                                  : second.run_end <= first.run_end))
                    return true;
                if (!first.is_form() || !second.is_form()) continue;
                const linear_form sum = added(first.form, second.form);
                if (sum.known && !sum.row && !sum.column && !sum.row_quotient &&
                    !sum.column_quotient && !sum.count_factor && sum.offset > 0)
                    return true;
            }
        return false;
    }

    constexpr piece to_piece(const conjunction& part) {
        piece result;
        for (const atom_condition& item : part)
            if (item.is_residue)
                add_residue(result, item);
            else if (item.compared >= 0)
                push(item.before ? result.upper : result.lower,
                     {0, 1, 0, 1, 0, -1, item.compared, item.run_end, item.before != item.run_end});
            else
                add_bound(result, item.form);
        if (result.slope != 0 && result.row_modulus != 1 && result.row_modulus != result.modulus)
            exact_ = false;
        return result;
    }

    constexpr void add_residue(piece& to, const atom_condition& item) {
        const linear_form& form = item.form;
        const int modulus = form.modulus;
        if (!form.remainder_column) {
            unsigned long long rows = 0;
            for (int row = 0; row < modulus; ++row)
                if ((item.residues >> floor_remainder(form.remainder_row * row, modulus)) & 1)
                    rows |= 1ULL << row;
            if (to.row_modulus != 1 && to.row_modulus != modulus) exact_ = false;
            to.row_residues = to.row_modulus == modulus ? to.row_residues & rows : rows;
            to.row_modulus = modulus;
            return;
        }
        // column * j + row * i in R  <=>  j - slope * i in column * R, as column is 1 or -1.
        if (form.remainder_column != 1 && form.remainder_column != -1) exact_ = false;
        const int slope = -form.remainder_row * form.remainder_column;
        unsigned long long residues = 0;
        for (int residue = 0; residue < modulus; ++residue)
            if ((item.residues >> residue) & 1)
                residues |= 1ULL << floor_remainder(form.remainder_column * residue, modulus);
        if (to.modulus == 1) {
            to.modulus = modulus;
            to.slope = slope;
            to.residues = residues;
        } else if (to.modulus == modulus && to.slope == slope) {
            to.residues &= residues;
        } else {
            exact_ = false;
        }
    }

    constexpr void push(list<bound, max_bounds>& bounds, const bound& limit) {
        for (const bound& known : bounds)
            if (known == limit) return;
        if (bounds.size() == max_bounds)
            exact_ = false;
        else
            bounds.push(limit);
    }

    /// form <= 0 as a bound on the column, or on the row where no column stands.
    constexpr void add_bound(piece& to, const linear_form& form) {
        linear_form rest = form;
        rest.column = 0;
        rest.column_quotient = 0;
        const bool on_row = !form.column && !form.column_quotient;
        if (on_row) {
            rest.row = 0;
            rest.row_quotient = 0;
        }
        const int factor = on_row ? form.row : form.column;
        const int quotient = on_row ? form.row_quotient : form.column_quotient;
        const int divisor = on_row ? form.row_divisor : form.column_divisor;
        const int shift = on_row ? form.row_shift : form.column_shift;
        list<bound, max_bounds>& lower = on_row ? to.row_lower : to.lower;
        list<bound, max_bounds>& upper = on_row ? to.row_upper : to.upper;
        if (!factor && !quotient) {
            // A constant condition, or one on counts alone.
            if (form.count_factor) exact_ = false;
            if (form.offset > 0) push(to.row_upper, {0, 1, 0, 1, 0, -1});
            return;
        }
        if (factor && quotient) {
            exact_ = false;
            return;
        }
        const int sign = factor ? factor : quotient;
        if (quotient && sign != 1 && sign != -1) exact_ = false;
        if (factor == 0) {
            // floor((x + shift) / divisor) <= v  <=>  x < divisor v + divisor - shift, and
            // floor((x + shift) / divisor) >= v  <=>  x >= divisor v - shift.
            bound limit = bound_of(rest, sign > 0 ? -1 : 1);
            limit.multiplier *= divisor;
            if (limit.count >= 0) exact_ = false;
            limit.offset = limit.offset * divisor - shift + (sign > 0 ? divisor : 0);
            push(sign > 0 ? upper : lower, limit);
        } else if (sign > 0) {
            push(upper, quotient_bound(rest, sign, true));
        } else {
            push(lower, quotient_bound(rest, -sign, false));
        }
    }

    /// factor * rest as a bound; rest holds the row, one quotient of it, an offset and a count.
    constexpr bound bound_of(const linear_form& rest, int factor) {
        bound limit;
        limit.offset = factor * rest.offset;
        if (rest.row && rest.row_quotient) exact_ = false;
        if (rest.row) {
            limit.multiplier = factor * rest.row;
        } else if (rest.row_quotient) {
            limit.multiplier = factor * rest.row_quotient;
            limit.shift = rest.row_shift;
            limit.divisor = rest.row_divisor;
        }
        if (rest.count_factor) {
            if (factor * rest.count_factor != 1) exact_ = false;
            limit.count = rest.count;
        }
        return limit;
    }

    /// c * x + rest <= 0: x < floor(-rest / c) + 1; and -c * x + rest <= 0: x >= ceil(rest / c).
    constexpr bound quotient_bound(const linear_form& rest, int divisor, bool is_upper) {
        if (divisor == 1) {
            bound limit = bound_of(rest, is_upper ? -1 : 1);
            if (is_upper) limit.offset += 1;
            return limit;
        }
        bound limit;
        if (rest.row_quotient || rest.count_factor) exact_ = false;
        limit.multiplier = 1;
        limit.divisor = divisor;
        limit.factor = is_upper ? -rest.row : rest.row;
        limit.shift = is_upper ? -rest.offset : rest.offset + divisor - 1;
        limit.offset = is_upper ? 1 : 0;
        return limit;
    }
};

}  // namespace detail

/// The columns for each row under the condition `root`, or, with the variables exchanged, the rows
/// for each column.
template <class Nodes>
constexpr space make_space(const Nodes& nodes, int root, int row, int column) {
    return detail::space_builder<Nodes>(nodes, row, column).build(root);
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// The condition under which a ground rule exists: its own constraints and what its literals
/// inherit from the domains of their relations. A relation's domain is the part of the condition
/// that mentions only head variables.

namespace sequent::inline SEQUENT_ABI::plan {

/// Nodes, each kept once, so that equal conditions have equal numbers.
template <int Capacity>
struct node_pool {
    list<node, Capacity> nodes{};

    constexpr int add(node_kind kind, int value, int left = -1, int right = -1) {
        if (kind == node_kind::greater) return add(node_kind::less, value, right, left);
        if (kind == node_kind::greater_equal) return add(node_kind::less_equal, value, right, left);
        for (int at = 0; at < nodes.size(); ++at)
            if (nodes[at].kind == kind && nodes[at].value == value && nodes[at].left == left &&
                nodes[at].right == right)
                return at;
        return nodes.push({kind, value, left, right});
    }
    constexpr int both(int left, int right) {
        if (left < 0 || left == right) return right;
        if (right < 0) return left;
        return add(node_kind::conjunction, 0, left, right);
    }
    constexpr int at_term(const term& written) {
        const int constant = add(node_kind::constant, written.offset);
        if (written.variable < 0) return constant;
        const int variable = add(node_kind::variable, written.variable);
        return written.offset ? add(node_kind::add, 0, variable, constant) : variable;
    }
    constexpr unsigned variables(int root) const {
        if (root < 0) return 0;
        const node& top = nodes[root];
        if (top.kind == node_kind::variable) return 1u << top.value;
        return variables(top.left) | variables(top.right);
    }
    constexpr bool mentions_count(int root) const {
        if (root < 0) return false;
        const node& top = nodes[root];
        return top.kind == node_kind::count || mentions_count(top.left) ||
               mentions_count(top.right);
    }
    /// Calls visit(node) for each conjunct.
    template <class Visit>
    constexpr void each_conjunct(int root, Visit visit) const {
        if (root < 0) return;
        const node& top = nodes[root];
        if (top.kind != node_kind::conjunction) return visit(root);
        each_conjunct(top.left, visit);
        each_conjunct(top.right, visit);
    }
    /// The term that at_term() made a node of.
    constexpr term as_term(int root) const {
        const node& top = nodes[root];
        if (top.kind == node_kind::constant) return {-1, top.value};
        if (top.kind == node_kind::variable) return {top.value, 0};
        term inner = as_term(top.left);
        inner.offset += nodes[top.right].value;
        return inner;
    }
    /// A copy of the tree with each variable v replaced by terms[v].
    template <class Nodes>
    constexpr int substitute(const Nodes& from, int root, const term* terms) {
        if (root < 0) return -1;
        const node top = from[root];
        if (top.kind == node_kind::variable) return at_term(terms[top.value]);
        const int left = substitute(from, top.left, terms);
        const int right = substitute(from, top.right, terms);
        return add(top.kind, top.value, left, right);
    }
};

constexpr int pool_size(int nodes, int literals) {
    return 8 * nodes + 10 * literals + 32;
}

/// Per rule its condition, per relation its domain over argument positions; -1 where none.
template <sizes Sizes>
struct domains {
    node_pool<pool_size(Sizes.nodes, Sizes.literals)> pool{};
    list<int, Sizes.rules> condition{};
    list<int, Sizes.rules + Sizes.literals> domain{};
    list<int, Sizes.literals> expression{};  // of index literals, in the pool
    diagnosis mistake{};
};

template <sizes Sizes, int Facts>
class domain_finder {
  public:
    domains<Sizes> out{};

    constexpr explicit domain_finder(const shaped<Sizes, Facts>& program) : in(program) {
        out.condition.count = in.text.rules.size();
        out.domain.count = in.text.relations.size();
        out.expression.count = in.text.literals.size();
        for (int& root : out.condition) root = -1;
        for (int& root : out.domain) root = -1;
        differing_.count = in.text.rules.size();
        for (int& body : differing_) body = -1;
        for (int at : in.order) visit(at);
        check_logits();
    }

  private:
    const shaped<Sizes, Facts>& in;
    list<int, Sizes.rules> differing_{};  // of a total rule, the first literal with another domain

    constexpr void visit(int at) {
        const rule& written = in.text.rules[at];
        if (written.repeat) {
            out.domain[written.head] = out.domain[in.block_output[written.block]];
            return;
        }
        bind_inputs(written.scope);
        term identity[max_variables]{};
        for (int index = 0; index < max_variables; ++index) identity[index] = {index, 0};
        if (written.shifted >= 0) identity[written.shifted].offset = -written.shift;
        int root = out.pool.substitute(in.text.nodes, written.condition, identity);
        root = out.pool.both(root, limit_of_time(written));
        int common = -1;
        for (int body = 0; body < written.literals; ++body) {
            const int item_at = written.first_literal + body;
            const literal& item = in.text.literals[item_at];
            if (item.kind == literal_kind::index)
                out.expression[item_at] =
                    out.pool.substitute(in.text.nodes, item.expression, identity);
            if (item.kind != literal_kind::relation) continue;
            const int inherited =
                out.pool.substitute(out.pool.nodes, out.domain[item.relation], item.terms);
            if (written.total) {
                if (body == 0) {
                    common = inherited;
                } else if (!is_same_space(common, inherited, written)) {
                    if (differing_[at] < 0) differing_[at] = body;
                    common = either(common, inherited, written);
                }
                continue;
            }
            root = out.pool.both(root, inherited);
            root = out.pool.both(root, within_extents(written, item));
            root = out.pool.both(root, holds_for(item));
        }
        out.condition[at] = root;
        if (written.total) root = common;
        term positions[max_variables]{};
        for (int axis = 0; axis < written.arity; ++axis)
            positions[written.terms[axis].variable] = {axis, 0};
        out.domain[written.head] = out.pool.substitute(
            out.pool.nodes, restrict(root, written.head_variables()), positions);
    }

    /// A block's input has the domain of what it is at first.
    constexpr void bind_inputs(int scope) {
        if (scope == 0) return;
        bind_inputs(in.text.scopes[scope].parent);
        const int input = in.block_input[scope];
        out.domain[input] = out.domain[in.relations[input].passes_into];
    }

    /// What a head says of its time that is no plain variable.
    constexpr int limit_of_time(const rule& written) {
        if (written.base < 0 && written.shift <= 0) return -1;
        const bool base = written.base >= 0;
        return out.pool.add(base ? node_kind::equal : node_kind::less_equal, 0,
                            out.pool.add(node_kind::constant, base ? written.base : written.shift),
                            out.pool.add(node_kind::variable, written.shifted));
    }

    /// The rules of one logit must have one space: a bias without the mask would admit again what
    /// the mask removes.
    constexpr void check_logits() {
        bool is_logit[decltype(out.domain)::capacity() + 1]{};
        for (int place = in.order.size(); place-- > 0;) {
            const rule& written = in.text.rules[in.order[place]];
            const bool logit = is_logit[written.head];
            if (!logit && written.aggregated != aggregation::softmax) continue;
            const int body = differing_[in.order[place]];
            if (logit && body >= 0 && out.mistake.ok()) {
                const int first = number_of(written, 0);
                const int second = number_of(written, body);
                const int stacking = in.text.scopes[written.scope].rule;
                out.mistake = {fault::rules_of_one_sum_with_different_spaces,
                               second,
                               in.text.relations[written.head].id,
                               first + 1,
                               second + 1,
                               stacking < 0 ? -1 : in.text.rules[stacking].number};
            }
            const unsigned all = (1u << written.variables.size()) - 1;
            for (int at = 0; at < written.literals; ++at) {
                const literal& item = in.text.literals[written.first_literal + at];
                if (item.kind != literal_kind::relation || !item.gives_value()) continue;
                unsigned mentioned = 0;
                for (int axis = 0; axis < item.arity; ++axis)
                    if (item.terms[axis].variable >= 0)
                        mentioned |= 1u << item.terms[axis].variable;
                if (mentioned == all) is_logit[item.relation] = true;
            }
        }
    }
    constexpr int number_of(const rule& total, int body) const {
        const literal& item = in.text.literals[total.first_literal + body];
        return in.text.rules[in.relations[item.relation].rule].number;
    }

    /// Whether two conditions, in the variables of a rule, hold for the same pairs however they are
    /// written.
    constexpr bool is_same_space(int left, int right, const rule& written) {
        if (left == right) return true;
        if (holds_conjuncts(left, right) && holds_conjuncts(right, left)) return true;
        if (out.pool.mentions_count(left) || out.pool.mentions_count(right)) return false;
        const unsigned mentioned = out.pool.variables(left) | out.pool.variables(right);
        int row = -1;
        int column = -1;
        for (int index = 0; index < written.variables.size(); ++index) {
            if (!((mentioned >> index) & 1u)) continue;
            if (column >= 0) return false;
            (row < 0 ? row : column) = index;
        }
        if (row < 0) return false;
        // One set holds both, and has as many members as each.
        const int roots[] = {left, right, out.pool.both(left, right)};
        long long pairs[3]{};
        for (int at = 0; at < 3; ++at) {
            const space where = make_space(out.pool.nodes, roots[at], row, column);
            if (!where.exact) return false;
            constexpr int enough = 1024;  // rows tell as much as all
            const int rows = written.variables[row].extent;
            pairs[at] = count_pairs(where, rows < enough ? rows : enough,
                                    column < 0 ? 1 : written.variables[column].extent);
        }
        return pairs[0] == pairs[2] && pairs[1] == pairs[2];
    }
    /// One of two conditions, with what they share kept apart: a rule that aggregates over some of
    /// the variables inherits what is said of the others.
    constexpr int either(int left, int right, const rule& written) {
        int shared = -1;
        int rest[2]{-1, -1};
        const int sides[2]{left, right};
        for (int side = 0; side < 2; ++side)
            out.pool.each_conjunct(sides[side], [&](int part) {
                int& to = holds_conjuncts(sides[1 - side], part) ? shared : rest[side];
                if (!holds_conjuncts(to, part)) to = out.pool.both(to, part);
            });
        if (rest[0] < 0 || rest[1] < 0) return shared;
        const int any = out.pool.add(node_kind::disjunction, 0, rest[0], rest[1]);
        return always_holds(any, written) ? shared : out.pool.both(shared, any);
    }
    /// Whether a condition on one variable holds for all of its values.
    constexpr bool always_holds(int root, const rule& written) {
        const unsigned mentioned = out.pool.variables(root);
        if (out.pool.mentions_count(root)) return false;
        for (int index = 0; index < written.variables.size(); ++index) {
            if (mentioned != 1u << index) continue;
            const space where = make_space(out.pool.nodes, root, index, -1);
            const int values = written.variables[index].extent;
            return where.exact && count_pairs(where, values, 1) == values;
        }
        return false;
    }
    /// Whether each conjunct of `part` is one of `whole`.
    constexpr bool holds_conjuncts(int whole, int part) const {
        if (part < 0 || whole == part) return true;
        if (whole < 0) return false;
        const node& top = out.pool.nodes[part];
        if (top.kind == node_kind::conjunction)
            return holds_conjuncts(whole, top.left) && holds_conjuncts(whole, top.right);
        const node& among = out.pool.nodes[whole];
        return among.kind == node_kind::conjunction &&
               (holds_conjuncts(among.left, part) || holds_conjuncts(among.right, part));
    }

    /// An argument with an offset, or an element, may lie outside the relation.
    constexpr int within_extents(const rule& written, const literal& item) {
        int root = -1;
        auto require = [&](const term& at, int extent) {
            const int variable = at.variable;
            const int low = variable < 0 ? at.offset : at.offset;
            const int high =
                variable < 0 ? at.offset : at.offset + written.variables[variable].extent - 1;
            if (low < 0)
                root = out.pool.both(root,
                                     out.pool.add(node_kind::greater_equal, 0, out.pool.at_term(at),
                                                  out.pool.add(node_kind::constant, 0)));
            if (high >= extent)
                root = out.pool.both(root, out.pool.add(node_kind::less, 0, out.pool.at_term(at),
                                                        out.pool.add(node_kind::constant, extent)));
        };
        for (int axis = 0; axis < item.arity; ++axis)
            require(item.terms[axis], in.relations[item.relation].extents[axis]);
        if (item.has_element) {
            literal vector = item;
            vector.has_element = false;
            vector.transposed = false;
            bool fits = true;
            int left = 0;
            int right = 0;
            require(item.element, literal_shape(in, vector, fits, left, right).size());
        }
        return root;
    }

    /// That a sparse fact holds, or does not where it is negated.
    constexpr int holds_for(const literal& item) {
        const int given = in.relations[item.relation].fact;
        if (given < 0 || !in.facts[given].is_sparse()) return -1;
        const int held = out.pool.add(node_kind::pair, given, out.pool.at_term(item.terms[0]),
                                      out.pool.at_term(item.terms[1]));
        return item.negated ? out.pool.add(node_kind::negation, 0, held) : held;
    }

    /// The conjuncts that mention only these variables.
    constexpr int restrict(int root, unsigned allowed) {
        if (root < 0) return -1;
        const node top = out.pool.nodes[root];
        if (top.kind == node_kind::conjunction)
            return out.pool.both(restrict(top.left, allowed), restrict(top.right, allowed));
        return (out.pool.variables(root) & ~allowed) ? -1 : root;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Takes the time out of the rules of recursions, which are computed in a loop over it: where it
/// stood as an argument now stands `loop_time`, and each rule knows in which rounds it holds.

namespace sequent::inline SEQUENT_ABI::plan {

/// The times from `first` to before `last`, of which some do not count if there is a `rest`.
struct window {
    int first = 0;
    int last = never;
    int rest = -1;  // the part of the condition that is no bound of the time

    constexpr bool holds(int time) const { return first <= time && time < last; }
    constexpr bool empty() const { return first >= last; }
    constexpr window cut(int begin, int end) const {
        return {first > begin ? first : begin, last < end ? last : end, rest};
    }
};

template <sizes Sizes, int Facts>
class loop_planner {
  public:
    shaped<Sizes, Facts> program{};
    domains<Sizes> conditions{};

    constexpr loop_planner(const shaped<Sizes, Facts>& shapes, const domains<Sizes>& found)
        : program(shapes), conditions(found) {
        const list<int, Sizes.rules> order = program.order;
        program.order.count = 0;
        for (int place = 0; place < order.size();) {
            const int loop = rule_of(order[place]).recurs.loop;
            if (loop < 0) {
                program.order.push(order[place++]);
                continue;
            }
            members_.count = 0;
            while (place < order.size() && rule_of(order[place]).recurs.loop == loop)
                members_.push(order[place++]);
            plan_loop();
        }
        program.mistake = conditions.mistake;
    }

  private:
    list<int, Sizes.rules> members_{};
    list<int, Sizes.rules> emitted_{};

    constexpr rule& rule_of(int at) { return program.text.rules[at]; }
    constexpr const rule& rule_of(int at) const { return program.text.rules[at]; }
    constexpr literal& item(const rule& of, int body) {
        return program.text.literals[of.first_literal + body];
    }
    constexpr int extent_of(const rule& written) const {
        return program.relations[written.head].extents[written.recurs.argument];
    }
    /// The rule that a literal follows from, if that is of the same recursion; else -1.
    constexpr int inner_definer(const rule& written, const literal& value) const {
        if (value.kind != literal_kind::relation) return -1;
        const int from = program.relations[value.relation].rule;
        return from >= 0 && rule_of(from).recurs.loop == written.recurs.loop ? from : -1;
    }

    constexpr void plan_loop() {
        check_bases();
        if (!conditions.mistake.ok()) return;
        emitted_.count = 0;
        for (int at : members_) {
            if (rule_of(at).total)
                split_by_time(at);
            else
                bound_rule(at);
        }
        // In the order of the relations: what stood alone has taken the head of its sum.
        for (int at : emitted_)
            if (!is_empty(rule_of(at))) fill_gaps(at);
        for (int at : emitted_) take_time_out(rule_of(at));
        for (int at : emitted_)
            if (!is_empty(rule_of(at))) program.order.push(at);
    }

    static constexpr bool is_empty(const rule& written) {
        return written.recurs.first >= written.recurs.last;
    }

    // Bounds of the time.

    struct line {
        int slope = 0;
        int constant = 0;
        bool known = true;
    };

    constexpr line line_of(int root, int variable) const {
        const node& top = conditions.pool.nodes[root];
        if (top.kind == node_kind::constant) return {0, top.value};
        if (top.kind == node_kind::variable && top.value == variable) return {1, 0};
        if (top.kind != node_kind::add && top.kind != node_kind::subtract) return {0, 0, false};
        const line left = line_of(top.left, variable);
        const line right = line_of(top.right, variable);
        const int sign = top.kind == node_kind::add ? 1 : -1;
        return {left.slope + sign * right.slope, left.constant + sign * right.constant,
                left.known && right.known};
    }

    /// The condition as bounds of the variable, and what else it says.
    constexpr window window_of(int root, int variable) {
        window result;
        add_bounds(root, variable, result);
        return result;
    }
    constexpr void add_bounds(int root, int variable, window& to) {
        if (root < 0) return;
        const node top = conditions.pool.nodes[root];
        if (top.kind == node_kind::conjunction) {
            add_bounds(top.left, variable, to);
            add_bounds(top.right, variable, to);
            return;
        }
        const bool compares = top.kind == node_kind::less || top.kind == node_kind::less_equal ||
                              top.kind == node_kind::equal;
        line at{0, 0, false};
        if (compares) {
            const line left = line_of(top.left, variable);
            const line right = line_of(top.right, variable);
            at = {left.slope - right.slope, left.constant - right.constant,
                  left.known && right.known};
        }
        if (!at.known || (at.slope != 1 && at.slope != -1)) {
            to.rest = conditions.pool.both(to.rest, root);
            return;
        }
        // slope * time + constant, against zero.
        const int zero = -at.slope * at.constant;
        const int beyond = top.kind == node_kind::less ? 1 : 0;
        if (at.slope > 0 || top.kind == node_kind::equal) to = to.cut(0, zero + 1 - beyond);
        if (at.slope < 0 || top.kind == node_kind::equal) to = to.cut(zero + beyond, never);
    }

    /// When the literal of a sum has an atom.
    constexpr window window_of_part(const rule& sum, const literal& part) {
        const int root = conditions.pool.substitute(conditions.pool.nodes,
                                                    conditions.domain[part.relation], part.terms);
        const int extent = program.relations[part.relation].extents[sum.recurs.argument];
        return window_of(root, sum.recurs.time).cut(0, extent);
    }

    // A relation that is read before it is computed must have had an atom at each time.

    constexpr void check_bases() {
        for (int place = 0; place < members_.size(); ++place) {
            const rule& written = rule_of(members_[place]);
            for (int body = 0; body < written.literals; ++body) {
                const int from = inner_definer(written, item(written, body));
                bool later = false;
                for (int other = place; other < members_.size(); ++other)
                    later = later || members_[other] == from;
                if (later && !always_holds(from)) {
                    const int stacking = program.text.scopes[written.scope].rule;
                    conditions.mistake = {fault::recursion_without_a_base,
                                          written.number,
                                          program.text.relations[rule_of(from).head].id,
                                          0,
                                          0,
                                          stacking < 0 ? -1 : rule_of(stacking).number};
                    return;
                }
            }
        }
    }

    constexpr bool always_holds(int at) {
        const rule& written = rule_of(at);
        const int extent = extent_of(written);
        if (!written.total) {
            const window when = window_of(conditions.domain[written.head], written.recurs.argument);
            return when.rest < 0 && when.first <= 0 && when.last >= extent;
        }
        int known = 0;  // before this time there always is an atom
        for (bool grows = true; grows && known < extent;) {
            grows = false;
            for (int body = 0; body < written.literals; ++body) {
                const window when = window_of_part(written, item(written, body));
                if (when.rest >= 0 || !when.holds(known)) continue;
                known = when.last;
                grows = true;
            }
        }
        return known >= extent;
    }

    // When each rule is computed.

    constexpr void bound_rule(int at) {
        rule& written = rule_of(at);
        const window when =
            window_of(conditions.condition[at], written.recurs.time).cut(0, extent_of(written));
        conditions.condition[at] = when.rest;
        // The part of a sum that stands alone has been bounded as such.
        if (written.recurs.last == never || when.last < written.recurs.last)
            written.recurs.last = when.last;
        if (when.first > written.recurs.first) written.recurs.first = when.first;
        emitted_.push(at);
    }

    /// A sum has different parts at different times: a rule for each of these windows. Where one
    /// part stands alone, its own rule gives the sum.
    constexpr void split_by_time(int at) {
        const rule sum = rule_of(at);
        const int extent = extent_of(sum);
        list<window, max_literals> parts{};
        for (int body = 0; body < sum.literals; ++body)
            parts.push(window_of_part(sum, item(sum, body)));
        list<window, 2 * max_literals + 1> windows{};
        for (int begin = 0; begin < extent;) {
            int end = extent;
            for (const window& part : parts) {
                if (part.first > begin && part.first < end) end = part.first;
                if (part.last > begin && part.last < end) end = part.last;
            }
            windows.push({begin, end});
            begin = end;
        }
        rule_of(at).literals = 0;
        const bool whole = windows.size() == 1;
        for (const window& when : windows) {
            rule made = sum;
            made.first_literal = program.text.literals.size();
            made.literals = 0;
            made.recurs.first = when.first;
            made.recurs.last = when.last;
            made.recurs.partial = !whole;
            for (int body = 0; body < sum.literals; ++body) {
                if (!parts[body].holds(when.first) || parts[body].empty()) continue;
                const literal part = item(sum, body);
                if (parts[body].first < when.first) ++program.relations[part.relation].uses;
                program.text.literals.push(part);
                conditions.expression.push(-1);
                ++made.literals;
            }
            if (made.literals == 0) continue;
            if (made.literals == 1 && gives_sum(made)) continue;
            const int place = program.text.rules.push(made);
            conditions.condition.push(-1);
            program.relations[sum.head].rule = place;
            emitted_.push(place);
        }
    }

    constexpr bool gives_sum(const rule& sum) {
        const literal& only = item(sum, 0);
        const relation_shape& shape = program.relations[only.relation];
        const int part_at = inner_definer(sum, only);
        if (part_at < 0 || shape.uses != 1 || shape.output || rule_of(part_at).total ||
            !(shape.value == program.relations[sum.head].value))
            return false;
        for (int axis = 0; axis < only.arity; ++axis)
            if (shape.extents[axis] != program.relations[sum.head].extents[axis] &&
                axis != sum.recurs.argument)
                return false;
        rule& part = rule_of(part_at);
        if (part.recurs.partial) return false;
        part.head = sum.head;
        part.recurs.first = sum.recurs.first;
        part.recurs.last = sum.recurs.last;
        part.recurs.partial = sum.recurs.partial;
        program.relations[sum.head].rule = part_at;
        return true;
    }

    /// Atoms that do not exist are zeros for those who look from outside.
    constexpr void fill_gaps(int at) {
        const int relation = rule_of(at).head;
        if (!is_seen(rule_of(at))) return;
        const int extent = extent_of(rule_of(at));
        for (int begin = 0; begin < extent;) {
            int end = extent;
            bool covered = false;
            for (int other : emitted_) {
                const rule& known = rule_of(other);
                if (known.head != relation || is_empty(known)) continue;
                const window when{known.recurs.first, known.recurs.last};
                if (when.holds(begin)) {
                    covered = true;
                    end = when.last;
                    break;
                }
                if (when.first > begin && when.first < end) end = when.first;
            }
            if (!covered) {
                rule_of(at).recurs.partial = true;
                rule zero = rule_of(at);
                zero.literals = 0;
                zero.total = true;  // a sum of nothing
                zero.transformations.count = 0;
                zero.combined = combination::sum;
                zero.aggregated = aggregation::sum;
                zero.aggregated_variables = 0;
                zero.aggregated_order.count = 0;
                zero.recurs.first = begin;
                zero.recurs.last = end;
                emitted_.push(program.text.rules.push(zero));
                conditions.condition.push(-1);
            }
            begin = end;
        }
    }

    /// Whether others than the recursion read the relation, the user among them.
    constexpr bool is_seen(const rule& of) const {
        const relation& head = program.text.relations[of.head];
        if (program.relations[of.head].output || (!head.invented && head.scope == 0)) return true;
        for (const rule& user : program.text.rules) {
            if (user.recurs.loop == of.recurs.loop) continue;
            for (int body = 0; body < user.literals; ++body) {
                const literal& value = program.text.literals[user.first_literal + body];
                if (value.kind == literal_kind::relation && value.relation == of.head) return true;
            }
        }
        return false;
    }

    // The rules as the loop sees them.

    constexpr void take_time_out(rule& written) {
        recurrence& recurs = written.recurs;
        auto take = [&](term& at) {
            if (at.variable == recurs.time) at = {loop_time, at.offset - recurs.delay};
        };
        auto take_all = [&](term* terms, int arity) {
            for (int axis = 0; axis < arity; ++axis) take(terms[axis]);
        };
        take_all(written.terms, written.arity);
        for (int body = 0; body < written.literals; ++body) {
            take_all(item(written, body).terms, item(written, body).arity);
            take_all(item(written, body).weight.terms, item(written, body).weight.arity);
        }
        for (transformation_use& function : written.transformations)
            for (weight_use& use : function.weights) take_all(use.terms, use.arity);
        written.variables[recurs.time].extent = 1;
        recurs.first += recurs.delay;
        recurs.last += recurs.delay;
        int& domain = conditions.domain[written.head];
        domain = window_of(domain, recurs.argument).rest;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Turns the types of a program into a `source`, in one walk.

namespace sequent::inline SEQUENT_ABI::plan {

namespace lang = sequent::language;

// How much room the arrays need.

template <class T>
inline constexpr sizes size_of{0, 0, 0, 1};

template <class Index>
inline constexpr int index_nodes = 1;
template <lang::arithmetic Operation, class Left, class Right>
inline constexpr int index_nodes<lang::index_expression<Operation, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <lang::order Relation, class Left, class Right>
inline constexpr int index_nodes<lang::comparison<Relation, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <lang::connective Operation, class Left, class Right>
inline constexpr int index_nodes<lang::compound<Operation, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <class Test, class Left, class Right>
inline constexpr int index_nodes<lang::decision<Test, Left, Right>> =
    1 + index_nodes<Left> + index_nodes<Right>;
template <lang::fixed_string Fact, class Left, class Right>
inline constexpr int index_nodes<lang::same_symbol<Fact, Left, Right>> = 3;

template <class T>
    requires lang::is_literal<T>
inline constexpr sizes size_of<T>{0, 1, 0, 1};
template <class Index>
inline constexpr sizes size_of<lang::index_value<Index>>{0, 1, index_nodes<Index>, 1};
template <lang::constraint T>
inline constexpr sizes size_of<T>{0, 0, index_nodes<T> + 1, 1};
template <class Left, class Right>
inline constexpr sizes size_of<lang::joined<Left, Right>> = size_of<Left> + size_of<Right>;
template <lang::transformation Kind, class... Arguments>
inline constexpr sizes size_of<lang::transform<Kind, Arguments...>>{
    0, 0, (0 + ... + index_nodes<Arguments>), 1};
template <int Count, class Program>
inline constexpr sizes size_of<lang::repeated<Count, Program>> =
    size_of<Program> + sizes{0, 0, 0, 2};
template <class Body, class Function>
inline constexpr sizes size_of<lang::applied<Body, Function>> = size_of<Body> + size_of<Function>;
template <class Head, class Body>
inline constexpr sizes size_of<lang::rule<Head, Body>> = size_of<Body>;
template <class Indices, class... Rules>
inline constexpr sizes size_of<lang::program<Indices, Rules...>> =
    (sizes{static_cast<int>(sizeof...(Rules)), 0, 0, 1} + ... + size_of<Rules>);

template <sizes Sizes>
class reader {
  public:
    source<Sizes> out{};

    constexpr reader() { out.scopes.push({}); }

    template <std::size_t... Indices, class... Rules>
    constexpr void read(const lang::program<std::index_sequence<Indices...>, Rules...>& program) {
        number_ = 0;
        read_rules(program);
    }

  private:
    rule current{};
    int scope_ = 0;
    int number_ = 0;

    template <std::size_t... Indices, class... Rules>
    constexpr void read_rules(
        const lang::program<std::index_sequence<Indices...>, Rules...>& program) {
        (begin(static_cast<const lang::rule_at<Indices, Rules>&>(program).rule), ...);
    }

    template <class... Parts>
    constexpr void begin(const lang::program<Parts...>& spliced) {
        read_rules(spliced);
    }
    template <class Rule>
    constexpr void begin(const Rule& written) {
        current = rule{};
        current.number = number_++;
        current.scope = scope_;
        current.first_literal = out.literals.size();
        read_rule(written);
        current.literals = out.literals.size() - current.first_literal;
        if (current.literals > max_literals) fail(fault::too_many_literals);
        const rule finished = current;
        const int at = out.rules.push(finished);
        if (finished.repeat) out.scopes[finished.block].rule = at;
    }

    constexpr void fail(fault mistake) {
        if (out.mistake != fault::none) return;
        out.mistake = mistake;
        out.mistaken_rule = current.number;
        out.mistaken_scope = scope_;
    }

    template <class Head, class Body>
    constexpr void read_rule(const lang::rule<Head, Body>& written) {
        read_head(written.head);
        read_body(written.body);
    }
    template <class Body, class Function>
    constexpr void read_rule(const lang::applied<Body, Function>& written) {
        current.transforms_atom = true;
        read_atom_transformation(written);
    }
    template <class Body, class Function>
    constexpr void read_atom_transformation(const lang::applied<Body, Function>& written) {
        if constexpr (lang::is_applied<Body>)
            read_atom_transformation(written.body);
        else
            read_head(written.body);
        read_function(written.function);
    }

    template <lang::fixed_string Name, class Weight, unsigned Modifiers, class... Terms>
    constexpr void read_head(
        const lang::literal<lang::relation<Name>, Weight, Modifiers, Terms...>& head) {
        current.head = relation_id(text_of<Name>());
        read_terms(head.terms, current.terms, current.arity);
        if constexpr (lang::weight_literal<Weight>) current.head_weight = read_weight(head.weight);
    }

    template <class Left, class Right>
    constexpr void read_body(const lang::joined<Left, Right>& body) {
        read_body(body.left);
        read_body(body.right);
    }
    template <class Body, class Function>
    constexpr void read_body(const lang::applied<Body, Function>& body) {
        read_body(body.body);
        read_function(body.function);
    }
    template <lang::constraint Condition>
    constexpr void read_body(const Condition& condition) {
        const int root = read_node(condition);
        current.condition =
            current.condition < 0
                ? root
                : out.nodes.push({node_kind::conjunction, 0, current.condition, root});
    }
    template <class Item>
        requires lang::is_literal<Item>
    constexpr void read_body(const Item& item) { out.literals.push(read_literal(item)); }

    template <lang::fixed_string Name, class Weight, unsigned Modifiers, class... Terms>
    constexpr literal read_literal(
        const lang::literal<lang::relation<Name>, Weight, Modifiers, Terms...>& item) {
        literal result;
        result.relation = relation_id(text_of<Name>());
        read_terms(item.terms, result.terms, result.arity);
        if constexpr (lang::weight_literal<Weight>) result.weight = read_weight(item.weight);
        result.transposed = (Modifiers & lang::transposed) != 0;
        result.negated = (Modifiers & lang::negated) != 0;
        result.hidden = (Modifiers & lang::hidden_value) != 0;
        return result;
    }
    template <lang::weight_literal Weight>
    constexpr literal read_literal(const Weight& item) {
        literal result;
        result.kind = literal_kind::weight;
        result.weight = read_weight(item.use());
        result.transposed = result.weight.transposed;
        result.weight.transposed = false;
        return result;
    }
    template <class Inner, class Index>
    constexpr literal read_literal(const lang::element<Inner, Index>& item) {
        literal result = read_literal(item.inner);
        result.has_element = true;
        result.element = read_term(item.index);
        return result;
    }
    constexpr literal read_literal(const lang::constant& item) {
        literal result;
        result.kind = literal_kind::number;
        result.number = item.value;
        return result;
    }
    template <class Index>
    constexpr literal read_literal(const lang::index_value<Index>& item) {
        literal result;
        result.kind = literal_kind::index;
        result.expression = read_node(item.index);
        return result;
    }

    template <lang::fixed_string Name, int... Shape, unsigned Modifiers, class... Terms>
    constexpr weight_use read_weight(
        const lang::literal<lang::weight<Name, Shape...>, lang::none, Modifiers, Terms...>& item) {
        weight_use result;
        weight declared{text_of<Name>(), scope_, sizeof...(Shape), {1, 1}};
        int axis = 0;
        ((declared.shape[axis++] = Shape), ...);
        result.weight = weight_id(declared);
        read_terms(item.terms, result.terms, result.arity);
        result.transposed = (Modifiers & lang::transposed) != 0;
        result.frozen = (Modifiers & lang::frozen) != 0;
        return result;
    }

    template <lang::combination Kind>
    constexpr void read_function(const lang::combine<Kind>&) {
        if (current.states_combination || current.states_aggregation ||
            current.transformations.size())
            fail(fault::a_combination_stands_first);
        current.combined = Kind;
        current.states_combination = true;
    }
    template <lang::transformation Kind, class... Arguments>
    constexpr void read_function(const lang::transform<Kind, Arguments...>& function) {
        if (current.states_aggregation) fail(fault::a_transformation_stands_before_the_aggregation);
        if (current.transformations.size() == max_transformations) {
            fail(fault::too_many_transformations);
            return;
        }
        if constexpr (Kind == lang::transformation::identity) {
            return;
        } else {
            transformation_use use;
            use.kind = Kind;
            use.numbers[0] = function.numbers[0];
            use.numbers[1] = function.numbers[1];
            read_arguments(function.arguments, use, 0);
            current.transformations.push(use);
        }
    }
    constexpr void read_arguments(const lang::pack<>&, transformation_use&, int) {}
    template <class First, class... Rest>
    constexpr void read_arguments(const lang::pack<First, Rest...>& arguments,
                                  transformation_use& use, int at) {
        if constexpr (lang::weight_literal<First>)
            use.weights[at] = read_weight(arguments.first);
        else
            use.position = read_node(arguments.first);
        read_arguments(arguments.rest, use, at + 1);
    }
    template <lang::aggregation Kind, class... Variables>
    constexpr void read_function(const lang::aggregate<Kind, Variables...>&) {
        if (current.states_aggregation) fail(fault::two_aggregations);
        current.aggregated = Kind;
        current.states_aggregation = true;
        auto add = [this](int index) {
            if (!((current.aggregated_variables >> index) & 1u))
                current.aggregated_order.push(index);
            current.aggregated_variables |= 1u << index;
        };
        (add(variable_of(Variables{})), ...);
    }
    template <int Count, class Program>
    constexpr void read_function(const lang::repeated<Count, Program>& stacked) {
        current.repeat = Count;
        current.block = out.scopes.push({scope_, Count, -1});
        int depth = 0;
        for (int at = current.block; at > 0; at = out.scopes[at].parent) ++depth;
        if (depth > max_depth) fail(fault::stacks_within_stacks_within_stacks);
        const rule outer = current;
        const int outer_scope = scope_;
        const int outer_number = number_;
        const int outer_literals = out.literals.size();
        literal input = out.literals[outer.first_literal];
        // The block's literals come before those of the rule that stacks it.
        out.literals.count = outer.first_literal;
        scope_ = outer.block;
        read(*stacked.block);
        scope_ = outer_scope;
        number_ = outer_number;
        current = outer;
        current.first_literal = out.literals.size();
        if (outer_literals > outer.first_literal) out.literals.push(input);
    }

    // Terms and index expressions.

    constexpr void read_terms(const lang::pack<>&, term*, int&) {}
    template <class First, class... Rest>
    constexpr void read_terms(const lang::pack<First, Rest...>& written, term* terms, int& arity) {
        if (arity == max_arity) {
            fail(fault::too_many_arguments);
            return;
        }
        terms[arity++] = read_term(written.first);
        read_terms(written.rest, terms, arity);
    }
    template <lang::fixed_string Name, int Extent>
    constexpr term read_term(const lang::var<Name, Extent>& written) {
        return {variable_of(written), 0};
    }
    constexpr term read_term(const lang::integer& written) { return {-1, written.value}; }
    template <lang::arithmetic Operation, class Left, class Right>
    constexpr term read_term(const lang::index_expression<Operation, Left, Right>& written) {
        if constexpr (Operation == lang::arithmetic::add ||
                      Operation == lang::arithmetic::subtract) {
            const term left = read_term(written.left);
            const term right = read_term(written.right);
            const bool add = Operation == lang::arithmetic::add;
            if (right.variable < 0)
                return {left.variable,
                        add ? left.offset + right.offset : left.offset - right.offset};
            if (left.variable < 0 && add) return {right.variable, left.offset + right.offset};
        }
        fail(fault::argument_is_not_a_variable_plus_a_constant);
        return {};
    }
    template <lang::fixed_string Name>
    constexpr term read_term(const lang::bound<Name>&) {
        fail(fault::argument_is_not_a_variable_plus_a_constant);
        return {};
    }

    template <lang::fixed_string Name, int Extent>
    constexpr int read_node(const lang::var<Name, Extent>& written) {
        return out.nodes.push({node_kind::variable, variable_of(written)});
    }
    template <lang::fixed_string Name>
    constexpr int read_node(const lang::bound<Name>&) {
        return out.nodes.push({node_kind::count, place_in(out.counts, text_of<Name>())});
    }
    template <class Test, class Left, class Right>
    constexpr int read_node(const lang::decision<Test, Left, Right>& written) {
        const int place = place_in(out.decisions, decision_function{&Test::holds});
        const int at = read_pair(node_kind::decision, written.left, written.right);
        out.nodes[at].value = place;
        return at;
    }
    template <lang::fixed_string Fact, class Left, class Right>
    constexpr int read_node(const lang::same_symbol<Fact, Left, Right>& written) {
        const int place = place_in(out.compared, text_of<Fact>());
        const int at = read_pair(node_kind::same_symbol, written.left, written.right);
        out.nodes[at].value = place;
        return at;
    }
    template <class Item, int Capacity>
    static constexpr int place_in(list<Item, Capacity>& items, const Item& wanted) {
        for (int at = 0; at < items.size(); ++at)
            if (items[at] == wanted) return at;
        return items.push(wanted);
    }
    constexpr int read_node(const lang::integer& written) {
        return out.nodes.push({node_kind::constant, written.value});
    }
    template <class Left, class Right>
    constexpr int read_pair(node_kind kind, const Left& left, const Right& right) {
        const int left_node = read_node(left);
        const int right_node = read_node(right);
        return out.nodes.push({kind, 0, left_node, right_node});
    }
    template <lang::arithmetic Operation, class Left, class Right>
    constexpr int read_node(const lang::index_expression<Operation, Left, Right>& written) {
        constexpr int kind = static_cast<int>(node_kind::add) + static_cast<int>(Operation);
        return read_pair(static_cast<node_kind>(kind), written.left, written.right);
    }
    template <lang::order Relation, class Left, class Right>
    constexpr int read_node(const lang::comparison<Relation, Left, Right>& written) {
        constexpr int kind = static_cast<int>(node_kind::less) + static_cast<int>(Relation);
        return read_pair(static_cast<node_kind>(kind), written.left, written.right);
    }
    template <lang::connective Operation, class Left, class Right>
    constexpr int read_node(const lang::compound<Operation, Left, Right>& written) {
        constexpr int kind = static_cast<int>(node_kind::conjunction) + static_cast<int>(Operation);
        return read_pair(static_cast<node_kind>(kind), written.left, written.right);
    }

    // Names.

    template <lang::fixed_string Name>
    static constexpr name text_of() {
        return make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    }
    template <lang::fixed_string Name, int Extent>
    constexpr int variable_of(const lang::var<Name, Extent>&) {
        constexpr name id = text_of<Name>();
        for (int at = 0; at < current.variables.size(); ++at)
            if (current.variables[at].id == id) return at;
        if (current.variables.size() == max_variables) {
            fail(fault::too_many_variables);
            return 0;
        }
        return current.variables.push({id, Extent, 0});
    }
    constexpr int relation_id(const name& id) {
        for (int at = 0; at < out.relations.size(); ++at)
            if (out.relations[at].id == id && out.relations[at].scope == scope_) return at;
        return out.relations.push({id, scope_, false});
    }
    constexpr int weight_id(const weight& declared) {
        for (int at = 0; at < out.weights.size(); ++at) {
            const weight& known = out.weights[at];
            if (!(known.id == declared.id) || known.scope != declared.scope) continue;
            if (known.rank != declared.rank || known.shape[0] != declared.shape[0] ||
                known.shape[1] != declared.shape[1])
                fail(fault::one_weight_with_two_shapes);
            return at;
        }
        return out.weights.push(declared);
    }
};

/// The source of a program object.
template <const auto& Program>
consteval auto read() {
    reader<size_of<std::remove_cvref_t<decltype(Program)>>> walk;
    walk.read(Program);
    return walk.out;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// What the plan hands to the kernels: steps over operands with places, offsets and strides. A
/// kernel sees one step, a shape and pointers; it knows nothing of rules.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_outers = 3;
inline constexpr int max_terms = 6;  // of a row step
inline constexpr int max_joins = 6;  // of a general step

enum class place { none, parameter, value, fact };

/// Where numbers lie. Offsets and strides count elements; layer strides apply within stacks.
struct operand {
    place where = place::none;
    int index = -1;  // which fact, or which buffer of the workspace
    int offset = 0;
    int layer_strides[max_loops]{};
    int adjoint = -1;  // offset of the gradient in the workspace
    int adjoint_layer_strides[max_loops]{};
    bool trained = false;
    int moving = 0;  // of rows of which only those at hand are there, the size of one
};

/// An operand walked by a row, a column (or a segment of a row), and outer loops.
struct access {
    operand at{};
    int row = 0;
    int column = 0;
    int outer[max_outers]{};
};

enum class term_kind { product, add, gather };

/// Of a pair.
enum class side { none, row, column };

/// One summand of a row: x times a weight, x itself, or the row of a table that the symbol x names.
struct row_term {
    term_kind kind = term_kind::add;
    access x{};
    access w{};
    int depth = 0;
    int w_depth = 0;
    int w_column = 0;
    int splits = 1;  // depth * splits inputs in all; both sides are strided from split to split
    int x_split = 0;
    int w_split = 0;
    int relation = -1;
    side indexed = side::none;  // of a pair's two indices, the one that is the row of x
};

struct row_function {
    transformation kind = transformation::identity;
    double numbers[2]{};
    access weights[2]{};
    int position_row = 0;
    int position_column = 0;
    int position_outer[max_outers]{};
    int position_offset = 0;
    int seed = -1;      // of dropout, which count it is
    int identity = -1;  // and which rule, so that each drops others
};

/// out = functions(terms combined), for each row of segments x length numbers.
struct row_step {
    int rows = 1;
    int row_variable = -1;  // of the rule that it computes
    int segments = 1;
    int length = 1;
    int outers = 0;
    int outer_extents[max_outers]{1, 1, 1};
    bool multiplies = false;  // the terms elementwise, instead of adding them
    list<row_term, max_terms> terms{};
    list<row_function, max_transformations> functions{};
    access out{};
    access before{};  // the sum before the functions, kept where their gradient needs it

    // Rows beyond a count given at run time, and those for which a condition does not hold, are no
    // atoms: zero.
    int pairs = -1;  // the sparse fact whose pairs the rows are
    int count = -1;  // or the count that limits them
    int count_offset = 0;
    int condition = -1;
    int outer_variables[max_outers]{-1, -1, -1};  // in the condition, as row_variable
    int pair_variables[2]{-1, -1};

    constexpr int columns() const { return segments * length; }
    constexpr bool is_limited() const { return pairs >= 0 || count >= 0; }
};

enum class score_kind { dot, load, number, index, add, multiply, function };

/// A node of a score expression. dot: x at the row times y at the column; load: one element;
/// index: x.row * i + x.column * j + outer + value.
struct score_node {
    score_kind kind = score_kind::number;
    access x{};
    access y{};
    int depth = 0;
    double value = 0;
    transformation function = transformation::identity;
    int left = -1;
    int right = -1;
};

/// out(i) = sum over j of softmax over j of score(i, j), times value(j), over the pairs of a space.
struct attention_step {
    int rows = 1;
    int columns = 1;
    int length = 1;
    int outers = 0;
    int outer_extents[max_outers]{1, 1, 1};
    list<score_node, 12> nodes{};  // operands before their operations; the last is the score
    access value{};
    access out{};
    access log_sum{};  // per row, kept for the gradient
    access scores{};   // the same, where to compute them again would cost more
    int condition = -1;
    int row_variable = -1;
    int column_variable = -1;
    int outer_variables[max_outers]{-1, -1, -1};

    constexpr int rounds() const { return outer_extents[0] * outer_extents[1] * outer_extents[2]; }
};

/// A sparse fact that holds for two terms of a rule. While its loops run, the number of the pair is
/// known.
struct pair_join {
    int fact = -1;
    term row{};
    term column{};
    bool optional = false;  // of a total rule: where it does not hold, a literal adds nothing

    friend constexpr bool operator==(const pair_join&, const pair_join&) = default;
};

struct general_literal {
    literal_kind kind = literal_kind::number;
    operand at{};
    int strides[max_variables]{};
    int rows = 1;  // of the value before the weight
    int columns = 1;
    value_shape shape{};  // as the combination sees it
    bool transposed = false;
    bool symbols = false;
    bool required_nonzero = false;  // hidden
    bool required_zero = false;     // negated
    bool is_condition = false;      // what is required is part of the step's condition
    bool has_element = false;
    term element{};
    double number = 0;
    int expression = -1;
    operand weight{};
    int weight_strides[max_variables]{};
    int weight_row = 0;
    int weight_column = 0;
    int weight_rows = 0;  // 0: no weight
    int weight_columns = 0;
    int limits[max_variables]{};  // a total rule's literal counts below these; 0: no limit
    int join = -1;                // whose pair's number it is strided by, too
    int pair_stride = 0;
};

struct general_function {
    transformation kind = transformation::identity;
    double numbers[2]{};
    value_shape shape{};  // before it
    operand weights[2]{};
    int weight_strides[2][max_variables]{};
    int position = -1;
    int identity = -1;  // of dropout, which rule it is
};

/// One rule, taken literally: loops over its variables.
struct general_step {
    int variables = 0;
    int extents[max_variables]{};
    int order[max_variables]{};  // the outermost first; the head's, less those softmax ranges over
    int heads = 0;               // how many of them those are
    list<general_literal, max_literals> literals{};
    list<general_function, max_transformations> functions{};
    combination combined = combination::sum;
    aggregation aggregated = aggregation::sum;
    value_shape combined_shape{};
    value_shape shape{};  // of one ground rule
    int condition = -1;
    operand out{};
    int out_strides[max_variables]{};
    int out_size = 1;
    int out_join = -1;
    int out_pair_stride = 0;
    int out_total = 0;  // of all atoms; 0 in a recursion
    list<pair_join, max_joins> joins{};
    int time = -1;  // in a recursion, the variable that the loop at this level counts
    int level = 0;
    int delay = 0;
};

enum class step_kind { rows, attention, general, repeat_begin, repeat_end };

/// A gradient that is first written in the backward of a step, to be zeroed there.
struct birth {
    int offset = 0;
    int size = 0;
};

struct step {
    step_kind kind = step_kind::rows;
    int at = 0;     // in the list of its kind; of repeat_end, the step that begins
    int rule = -1;  // that it computes
    int repeat = 1;
    int depth = 0;          // how many stacks and recursions it stands in
    bool recurs = false;    // repeats over the times of a recursion, not over layers
    bool backward = false;  // the last time first
    int first = 0;          // within a recursion, the rounds in which it is run
    int last = never;
    list<birth, max_literals + 4> births{};
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// How the pairs of an attention step are found: as the pieces of a space, or in a table that is
/// made when the program starts.

namespace sequent::inline SEQUENT_ABI::plan {

/// A condition of its own. Without a root it always holds.
template <int Capacity>
struct condition_tree {
    node_pool<Capacity> pool{};
    int root = -1;

    friend constexpr bool operator==(const condition_tree& left, const condition_tree& right) {
        if (left.root != right.root || left.pool.nodes.size() != right.pool.nodes.size())
            return false;
        for (int at = 0; at < left.pool.nodes.size(); ++at) {
            const node& one = left.pool.nodes[at];
            const node& other = right.pool.nodes[at];
            if (one.kind != other.kind || one.value != other.value || one.left != other.left ||
                one.right != other.right)
                return false;
        }
        return true;
    }
};

namespace detail {

/// Copies a condition with some variables replaced by numbers, less what they decide.
template <class Nodes, class Tree>
class specialiser {
  public:
    Tree out{};

    /// values[v] is used for the variables in the mask `known`.
    constexpr specialiser(const Nodes& nodes, int root, unsigned known, const int* values)
        : nodes_(nodes), known_(known), values_(values) {
        if (root >= 0) out.root = copy(root);
        if (out.root >= 0 && is_number(out.root) && value(out.root)) out = {};
    }

  private:
    const Nodes& nodes_;
    unsigned known_;
    const int* values_;

    constexpr bool is_number(int at) const {
        return out.pool.nodes[at].kind == node_kind::constant;
    }
    constexpr int value(int at) const { return out.pool.nodes[at].value; }

    constexpr int copy(int root) {
        const node top = nodes_[root];
        if (top.kind == node_kind::constant || top.kind == node_kind::count)
            return out.pool.add(top.kind, top.value);
        if (top.kind == node_kind::variable) {
            if ((known_ >> top.value) & 1u)
                return out.pool.add(node_kind::constant, values_[top.value]);
            return out.pool.add(top.kind, top.value);
        }
        const bool all = top.kind == node_kind::conjunction;
        const bool any = top.kind == node_kind::disjunction;
        // A side that decides is taken alone, so that nothing of the other is left in the pool.
        if (all || any)
            for (const int side : {top.left, top.right})
                if (const int decided = decide(side); decided >= 0) {
                    if (decided == (any ? 1 : 0)) return out.pool.add(node_kind::constant, decided);
                    return copy(side == top.left ? top.right : top.left);
                }
        if (const int decided = is_condition(top.kind) ? decide(root) : -1; decided >= 0)
            return out.pool.add(node_kind::constant, decided);
        const int left = copy(top.left);
        const int right = top.right < 0 ? -1 : copy(top.right);
        return out.pool.add(top.kind, top.value, left, right);
    }

    static constexpr bool is_condition(node_kind kind) { return kind >= node_kind::less; }

    /// 1 where the condition holds whatever the other variables are, 0 where it never does, else
    /// -1.
    constexpr int decide(int root) const {
        const node& top = nodes_[root];
        if (top.kind == node_kind::conjunction || top.kind == node_kind::disjunction) {
            const int decides = top.kind == node_kind::disjunction ? 1 : 0;
            const int left = decide(top.left);
            const int right = decide(top.right);
            if (left == decides || right == decides) return decides;
            return left >= 0 && right >= 0 ? 1 - decides : -1;
        }
        if (top.kind == node_kind::negation) {
            const int inner = decide(top.left);
            return inner < 0 ? -1 : 1 - inner;
        }
        if (!is_condition(top.kind) || top.kind == node_kind::decision ||
            top.kind == node_kind::same_symbol)
            return -1;
        int number = 0;
        return compute(root, number) ? number : -1;
    }

    constexpr bool compute(int root, int& number) const {
        const node& top = nodes_[root];
        if (top.kind == node_kind::constant) {
            number = top.value;
            return true;
        }
        if (top.kind == node_kind::variable) {
            number = values_[top.value];
            return ((known_ >> top.value) & 1u) != 0;
        }
        if (top.kind >= node_kind::decision || top.kind == node_kind::count) return false;
        int left = 0;
        int right = 0;
        if (!compute(top.left, left) || (top.right >= 0 && !compute(top.right, right)))
            return false;
        number = evaluate(top.kind, left, right);
        return true;
    }
};

}  // namespace detail

/// The condition `root` for given values of the variables in the mask `known`.
template <int Capacity, class Nodes>
constexpr condition_tree<Capacity> specialised(const Nodes& nodes, int root, unsigned known,
                                               const int* values) {
    return detail::specialiser<Nodes, condition_tree<Capacity>>(nodes, root, known, values).out;
}

inline constexpr int max_condition_nodes = 256;

/// The condition of an attention step in one round of its outer loops, whose variables are known.
template <int Capacity>
constexpr condition_tree<max_condition_nodes> condition_in_round(const list<node, Capacity>& nodes,
                                                                 const attention_step& step,
                                                                 int round) {
    int values[max_variables]{};
    unsigned known = 0;
    for (int outer = step.outers; outer-- > 0;) {
        values[step.outer_variables[outer]] = round % step.outer_extents[outer];
        known |= 1u << step.outer_variables[outer];
        round /= step.outer_extents[outer];
    }
    return specialised<max_condition_nodes>(nodes, step.condition, known, values);
}

/// Rounds with one condition are of one kind.
template <int Rounds>
struct round_kinds {
    int kind_of[Rounds]{};
    list<int, Rounds> first{};  // round of each kind
};
template <int Rounds, int Capacity>
constexpr round_kinds<Rounds> kinds_of_rounds(const list<node, Capacity>& nodes,
                                              const attention_step& step) {
    round_kinds<Rounds> result;
    for (int round = 0; round < Rounds; ++round) {
        const auto here = condition_in_round(nodes, step, round);
        int kind = 0;
        while (kind < result.first.size() &&
               !(condition_in_round(nodes, step, result.first[kind]) == here))
            ++kind;
        if (kind == result.first.size()) result.first.push(round);
        result.kind_of[round] = kind;
    }
    return result;
}

/// How many rounds may have conditions of their own.
template <class Pool>
constexpr int different_rounds(const Pool& pool, const attention_step& step) {
    const unsigned mentioned = pool.variables(step.condition);
    for (int outer = 0; outer < step.outers; ++outer)
        if ((mentioned >> step.outer_variables[outer]) & 1u) return step.rounds();
    return 1;
}

/// Columns and rows are `column` and `row`. Where a space does not do, a pair is in the table if
/// the part of the condition under `tabled` holds, and is kept if `clip` has it: one piece of
/// bounds with what is known at run time alone.
struct mask_form {
    bool possible = true;
    bool is_table = false;
    space where{};  // or the clip of a table
    int tabled = -1;

    constexpr bool clips() const { return is_table && where.pieces.size() > 0; }
};

namespace detail {

template <class Pool>
constexpr bool is_static(const Pool& pool, int root) {
    if (root < 0) return true;
    const node& top = pool.nodes[root];
    if (top.kind == node_kind::count || top.kind == node_kind::same_symbol ||
        top.kind == node_kind::pair)
        return false;
    return is_static(pool, top.left) && is_static(pool, top.right);
}

/// The conjuncts that are known at compile time, or those that are not.
template <class Pool>
constexpr int conjuncts(Pool& pool, int root, bool known) {
    const node top = pool.nodes[root];
    if (top.kind == node_kind::conjunction)
        return pool.both(conjuncts(pool, top.left, known), conjuncts(pool, top.right, known));
    return is_static(pool, root) == known ? root : -1;
}

}  // namespace detail

/// Lattices with steps take a turn of their own for each residue, so that one piece of them is
/// better than a table and several are not.
template <class Tree>
constexpr mask_form form_of(Tree& tree, int row, int column) {
    constexpr int most_intervals = 3;
    mask_form result;
    result.where = make_space(tree.pool.nodes, tree.root, row, column);
    const bool exact = result.where.exact;
    const int pieces = result.where.pieces.size();
    if (exact && (pieces <= 1 || (result.where.is_contiguous() && pieces <= most_intervals)))
        return result;
    const int rest = tree.root < 0 ? -1 : detail::conjuncts(tree.pool, tree.root, false);
    space clip;
    bool simple = true;
    if (rest >= 0) {
        clip = make_space(tree.pool.nodes, rest, row, column);
        simple = clip.exact && clip.is_contiguous() && clip.pieces.size() == 1 &&
                 clip.pieces[0].row_modulus == 1;
    }
    if (!simple) {
        result.possible = exact;
        return result;
    }
    result.is_table = true;
    result.where = clip;
    result.tabled = detail::conjuncts(tree.pool, tree.root, true);
    return result;
}

/// Whether the condition admits no column beyond its row, by what its parts say.
template <class Tree>
constexpr bool looks_back(const Tree& tree, int root, int row, int column, int rows) {
    if (root < 0) return false;
    const space where = make_space(tree.pool.nodes, root, row, column);
    if (!where.exact) {
        const node& top = tree.pool.nodes[root];
        if (top.kind == node_kind::conjunction)
            return looks_back(tree, top.left, row, column, rows) ||
                   looks_back(tree, top.right, row, column, rows);
        if (top.kind == node_kind::disjunction)
            return looks_back(tree, top.left, row, column, rows) &&
                   looks_back(tree, top.right, row, column, rows);
        return false;
    }
    int unlimited[given_numbers::runs]{};
    for (int at = 0; at < max_counts; ++at) unlimited[at] = rows;
    for (const piece& part : where.pieces)
        for (int at = 0; at < rows; ++at)
            if (part.admits_row(at, unlimited) && part.end(at, rows, unlimited) > at + 1 &&
                part.begin(at, unlimited) < part.end(at, rows, unlimited))
                return false;
    return true;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// The state of planning: what is known of each rule, relation and weight while steps are chosen.

namespace sequent::inline SEQUENT_ABI::plan {

enum class role {
    step,      // computed by a step of its own
    inlined,   // added by the one rule that uses it
    absorbed,  // part of an attention's score expression, or its weights
    grouped,   // computed with others that multiply the same input
    alias      // another relation's numbers, read differently
};

/// The pairs of a sparse fact that two arguments of a relation are, if any.
struct pair_place {
    int fact = -1;
    int axes[2]{};

    constexpr bool any() const { return fact >= 0; }
    constexpr bool has(int axis) const { return any() && (axis == axes[0] || axis == axes[1]); }
};

/// Where a relation's atoms lie. Values are contiguous. Of a relation that holds for the pairs of a
/// sparse fact alone, one atom for each of these: the two arguments' strides are zero then.
struct relation_layout {
    place where = place::none;
    int index = -1;  // fact or buffer
    int offset = 0;
    int strides[max_arity]{};
    int carry = 0;  // from one layer of a stack to the next
    pair_place pairs{};
    int pair_stride = 0;
};

/// Where a weight lies in the parameters of its scope. Input-major by default: all outputs of one
/// input stand together, which is how the forward product reads them.
struct weight_layout {
    int offset = -1;
    int strides[max_arity]{};
    int row = 0;
    int column = 0;
    int interleaved = -1;  // the index axis whose values stand between input and output
    int group = -1;
    int group_column = 0;  // its first among the group's columns
};

struct buffer {
    int size = 0;
    int scope = 0;
    int copies = 1;     // one per layer: the backward pass of a stack needs them all
    int first = never;  // first and last use of the values, in steps
    int last = -1;
    int adjoint_first = never;
    int adjoint_last = -1;
    int offset = 0;
    int adjoint = -1;
};

/// Products of one input with several weights, computed as one.
struct group {
    int first_rule = -1;
    int columns = 0;
    int buffer = -1;
};

template <sizes Sizes, int Facts>
struct plan_tables {
    static constexpr int rule_capacity = Sizes.rules;
    static constexpr int relation_capacity = Sizes.rules + Sizes.literals;
    static constexpr int weight_capacity =
        decltype(shaped<Sizes, Facts>{}.text.weights)::capacity();

    list<step, Sizes.rules * 2> steps{};
    list<row_step, Sizes.rules> rows{};
    list<attention_step, Sizes.rules> attentions{};
    list<general_step, Sizes.rules> generals{};
    list<relation_layout, relation_capacity> relations{};
    list<weight_layout, weight_capacity> weights{};
    list<buffer, Sizes.rules * 3 + 4> buffers{};
    decltype(domains<Sizes>{}.pool) pool{};
    int parameters = 0;
    int workspace = 0;
    int scope_parameters[Sizes.scopes]{};  // per layer
    int scope_offset[Sizes.scopes]{};
};

template <sizes Sizes, int Facts>
struct draft {
    static constexpr int rule_capacity = Sizes.rules;

    const shaped<Sizes, Facts>& in;
    const domains<Sizes>& conditions;
    plan_tables<Sizes, Facts> out{};

    bool recurs = false;  // some rules do
    list<role, Sizes.rules> roles{};
    list<int, Sizes.rules> group_of{};
    list<int, Sizes.rules> user{};          // of the rule's relation, where it is the only one
    list<int, Sizes.rules> user_literal{};  // within that rule
    list<group, Sizes.rules> groups{};

    constexpr draft(const shaped<Sizes, Facts>& program, const domains<Sizes>& found)
        : in(program), conditions(found) {
        out.pool = found.pool;
        const int rules = in.text.rules.size();
        for (int at : in.order) recurs = recurs || in.text.rules[at].recurs.loop >= 0;
        roles.reset(rules);
        group_of.reset(rules);
        user.reset(rules);
        user_literal.reset(rules);
        for (int at = 0; at < rules; ++at) group_of[at] = user[at] = -1;
        out.relations.reset(in.text.relations.size());
        out.weights.reset(in.text.weights.size());
        for (int at = 0; at < rules; ++at)
            for (int body = 0; body < in.text.rules[at].literals; ++body) {
                const literal& item = literal_of(at, body);
                if (item.kind != literal_kind::relation) continue;
                const int definer = in.relations[item.relation].rule;
                // What a block takes from outside is computed once, outside.
                if (definer < 0 || in.relations[item.relation].uses != 1 ||
                    in.text.rules[definer].scope != in.text.rules[at].scope)
                    continue;
                user[definer] = at;
                user_literal[definer] = body;
            }
    }

    constexpr const rule& rule_of(int at) const { return in.text.rules[at]; }
    constexpr const literal& literal_of(int rule, int body) const {
        return in.text.literals[in.text.rules[rule].first_literal + body];
    }
    constexpr const relation_shape& head_of(int rule) const {
        return in.relations[in.text.rules[rule].head];
    }
    constexpr bool is_private(int rule) const {
        return user[rule] >= 0 && !head_of(rule).output && in.text.rules[user[rule]].repeat == 0 &&
               !is_block_output(rule) && !rule_of(rule).recurs.partial &&
               rule_of(rule).recurs.loop == rule_of(user[rule]).recurs.loop;
    }
    constexpr bool is_block_output(int rule) const {
        const int scope = rule_of(rule).scope;
        return scope > 0 && in.block_output[scope] == rule_of(rule).head;
    }
    constexpr value_shape value_of(const literal& item) const {
        bool fits = true;
        int left = 0;
        int right = 0;
        return literal_shape(in, item, fits, left, right);
    }
    /// Whether the literal is of a sparse fact.
    constexpr bool is_sparse(const literal& item) const {
        if (item.kind != literal_kind::relation) return false;
        const int given = in.relations[item.relation].fact;
        return given >= 0 && in.facts[given].is_sparse();
    }
    /// The pairs that a relation's domain lies in.
    constexpr pair_place pairs_of(int relation) const {
        const int given = in.relations[relation].fact;
        if (given >= 0)
            return in.facts[given].is_sparse() ? pair_place{given, {0, 1}} : pair_place{};
        pair_place result;
        out.pool.each_conjunct(conditions.domain[relation], [&](int root) {
            const node& top = out.pool.nodes[root];
            if (top.kind != node_kind::pair || result.any()) return;
            const term row = out.pool.as_term(top.left);
            const term column = out.pool.as_term(top.right);
            if (row.variable < 0 || column.variable < 0 || row.variable == column.variable ||
                row.offset || column.offset)
                return;
            result = {top.value, {row.variable, column.variable}};
        });
        return result;
    }
    constexpr int new_buffer(int size, int scope) {
        buffer made;
        made.size = size;
        made.scope = scope;
        return out.buffers.push(made);
    }
    /// How many stacks a scope stands in.
    constexpr int depth_of(int scope) const {
        int depth = 0;
        for (; scope > 0; scope = in.text.scopes[scope].parent) ++depth;
        return depth;
    }

    /// How many times a rule in a recursion has atoms for; its numbers are kept for each.
    constexpr int times_of(const rule& written) const {
        return written.recurs.loop < 0
                   ? 1
                   : in.relations[written.head].extents[written.recurs.argument];
    }
    /// What the time adds to an operand of a rule.
    constexpr void add_time(operand& to, const rule& written, int stride) const {
        const int level = depth_of(written.scope);
        to.layer_strides[level] += stride;
        if (to.where == place::value) to.adjoint_layer_strides[level] += stride;
    }

    // Operands. Those of the workspace hold their buffer's number until memory is laid out.

    constexpr operand relation_operand(int relation) const {
        const relation_layout& layout = out.relations[relation];
        operand result;
        result.where = layout.where;
        result.index = layout.index;
        result.offset = layout.offset;
        result.trained = true;
        if (layout.carry) {
            const int level = depth_of(in.text.relations[relation].scope) - 1;
            result.layer_strides[level] = layout.carry;
            result.adjoint_layer_strides[level] = layout.carry;
        }
        return result;
    }
    constexpr operand weight_operand(const weight_use& use) const {
        operand result;
        result.where = place::parameter;
        result.offset = out.weights[use.weight].offset;
        result.trained = !use.frozen;
        const int scope = in.text.weights[use.weight].scope;
        result.offset += out.scope_offset[scope];
        int level = depth_of(scope);
        for (int at = scope; at > 0; at = in.text.scopes[at].parent)
            result.layer_strides[--level] = out.scope_parameters[at];
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Turns any rule into a general step: loops over its variables, by the letter.

namespace sequent::inline SEQUENT_ABI::plan {

/// Of a rule whose relation has been laid out.
template <class Draft>
class general_builder {
  public:
    constexpr general_builder(Draft& draft, int at)
        : draft_(draft), at_(at), rule_(draft.rule_of(at)) {}

    constexpr general_step build() {
        general_step made;
        const relation_layout& layout = draft_.out.relations[rule_.head];
        made.variables = rule_.variables.size();
        made.condition = join_pairs(made, draft_.conditions.condition[at_]);
        if (layout.pairs.any()) {
            made.out_join = join_of(made, layout, rule_.terms, false);
            made.out_pair_stride = layout.pair_stride;
        }
        if (rule_.recurs.loop < 0)
            made.out_total = layout.pairs.any()
                                 ? layout.pair_stride * draft_.in.facts[layout.pairs.fact].pairs
                                 : relation_size(rule_.head);
        for (int index = 0; index < made.variables; ++index)
            made.extents[index] = rule_.variables[index].extent;
        unsigned outermost = rule_.head_variables();
        if (rule_.aggregated == aggregation::softmax) outermost &= ~rule_.aggregated_variables;
        int place = 0;
        if (rule_.recurs.loop >= 0) {
            made.time = rule_.recurs.time;
            made.level = draft_.depth_of(rule_.scope);
            made.delay = rule_.recurs.delay;
            made.order[place++] = made.time;
            outermost |= 1u << made.time;
        }
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable >= 0 && ((outermost >> rule_.terms[axis].variable) & 1u))
                made.order[place++] = rule_.terms[axis].variable;
        made.heads = place;
        for (int index : rule_.aggregated_order) {
            made.order[place++] = index;
            outermost |= 1u << index;
        }
        for (int index = 0; index < made.variables; ++index)
            if (!((outermost >> index) & 1u)) made.order[place++] = index;
        made.out = draft_.relation_operand(rule_.head);
        add_strides(made.out_strides, made.out, rule_.terms, rule_.arity, layout.strides);
        made.out_size = draft_.head_of(at_).value.size();
        made.combined = rule_.combined;
        made.aggregated = rule_.aggregated;
        for (int body = 0; body < rule_.literals; ++body) {
            const int item_at = rule_.first_literal + body;
            general_literal item = general_of(item_at);
            const literal& text = draft_.in.text.literals[item_at];
            if (text.kind == literal_kind::relation && text.gives_value() &&
                draft_.out.relations[text.relation].pairs.any()) {
                const relation_layout& of = draft_.out.relations[text.relation];
                item.join = join_of(made, of, text.terms, rule_.total);
                item.pair_stride = of.pair_stride;
            }
            made.literals.push(item);
        }
        shape_general(made);
        return made;
    }

  private:
    Draft& draft_;
    int at_;
    const rule& rule_;

    constexpr int relation_size(int relation) const {
        const relation_shape& shape = draft_.in.relations[relation];
        int size = shape.value.size();
        for (int axis = 0; axis < shape.arity; ++axis) size *= shape.extents[axis];
        return size;
    }

    /// Turns those sparse facts of a condition that must hold into joins; returns what is left.
    constexpr int join_pairs(general_step& made, int root) {
        auto& pool = draft_.out.pool;
        int rest = -1;
        pool.each_conjunct(root, [&](int part) {
            const node top = pool.nodes[part];
            if (top.kind == node_kind::pair)
                add_join(made, {top.value, pool.as_term(top.left), pool.as_term(top.right)});
            else
                rest = pool.both(rest, part);
        });
        return rest;
    }
    static constexpr int add_join(general_step& made, const pair_join& join) {
        for (int known = 0; known < made.joins.size(); ++known)
            if (made.joins[known] == join) return known;
        return made.joins.push(join);
    }
    /// The join that gives the number of a relation's pair at these arguments.
    static constexpr int join_of(general_step& made, const relation_layout& of, const term* terms,
                                 bool optional) {
        return add_join(
            made, {of.pairs.fact, terms[of.pairs.axes[0]], terms[of.pairs.axes[1]], optional});
    }

    constexpr void add_strides(int* to, operand& at, const term* terms, int arity,
                               const int* strides) const {
        for (int axis = 0; axis < arity; ++axis) {
            at.offset += terms[axis].offset * strides[axis];
            if (terms[axis].variable == loop_time) draft_.add_time(at, rule_, strides[axis]);
            if (terms[axis].variable >= 0) to[terms[axis].variable] += strides[axis];
        }
    }

    constexpr general_literal general_of(int item_at) {
        const literal& item = draft_.in.text.literals[item_at];
        general_literal made;
        made.kind = item.kind;
        made.number = item.number;
        made.expression = draft_.conditions.expression[item_at];
        made.transposed = item.transposed;
        // Whether a sparse fact holds is part of the condition.
        made.required_nonzero = item.hidden;
        made.required_zero = item.negated;
        made.is_condition = draft_.is_sparse(item);
        made.has_element = item.has_element;
        made.element = item.element;
        made.shape = draft_.value_of(item);
        if (item.kind == literal_kind::weight) {
            const weight& bare = draft_.in.text.weights[item.weight.weight];
            made.rows = bare.shape[0];
            made.columns = bare.shape[1];
            made.at = draft_.weight_operand(item.weight);
            add_strides(made.strides, made.at, item.weight.terms, item.weight.arity,
                        draft_.out.weights[item.weight.weight].strides);
        } else if (item.kind == literal_kind::relation) {
            const relation_shape& shape = draft_.in.relations[item.relation];
            made.rows = shape.value.rows;
            made.columns = shape.value.columns;
            made.symbols = shape.classes > 0;
            made.at = draft_.relation_operand(item.relation);
            add_strides(made.strides, made.at, item.terms, item.arity,
                        draft_.out.relations[item.relation].strides);
            for (int axis = 0; rule_.total && axis < item.arity; ++axis)
                if (item.terms[axis].variable >= 0)
                    made.limits[item.terms[axis].variable] = shape.extents[axis];
            if (item.weight.weight >= 0) {
                const weight& applied = draft_.in.text.weights[item.weight.weight];
                const weight_layout& layout = draft_.out.weights[item.weight.weight];
                const bool turned = item.weight.transposed;
                made.weight = draft_.weight_operand(item.weight);
                add_strides(made.weight_strides, made.weight, item.weight.terms, item.weight.arity,
                            layout.strides);
                made.weight_rows = turned ? applied.shape[1] : applied.shape[0];
                made.weight_columns = turned ? applied.shape[0] : applied.shape[1];
                made.weight_row = turned ? layout.column : layout.row;
                made.weight_column = turned ? layout.row : layout.column;
            }
        }
        return made;
    }

    constexpr void shape_general(general_step& made) {
        value_shape shape{};
        bool first = true;
        for (const general_literal& item : made.literals) {
            if (item.required_nonzero || item.required_zero) continue;
            if (first)
                shape = item.shape;
            else if (rule_.combined == combination::concat)
                shape = {shape.rows + item.shape.rows, shape.columns};
            else if (rule_.combined == combination::product)
                shape = item.shape.is_scalar() ? shape
                        : shape.is_scalar()    ? item.shape
                                               : value_shape{shape.rows, item.shape.columns};
            else if (shape.is_scalar())
                shape = item.shape;
            first = false;
        }
        if (rule_.combined == combination::cosine) shape = {1, 1};
        made.combined_shape = shape;
        for (const transformation_use& use : rule_.transformations) {
            general_function function;
            function.kind = use.kind;
            function.numbers[0] = use.numbers[0];
            function.numbers[1] = use.numbers[1];
            function.shape = shape;
            function.identity = at_;
            for (int at = 0; at < 2; ++at) {
                if (use.weights[at].weight < 0) continue;
                function.weights[at] = draft_.weight_operand(use.weights[at]);
                add_strides(function.weight_strides[at], function.weights[at],
                            use.weights[at].terms, use.weights[at].arity,
                            draft_.out.weights[use.weights[at].weight].strides);
            }
            if (use.position >= 0) {
                term identity[max_variables]{};
                for (int index = 0; index < max_variables; ++index) identity[index] = {index, 0};
                if (rule_.shifted >= 0) identity[rule_.shifted].offset = -rule_.shift;
                function.position =
                    draft_.out.pool.substitute(draft_.in.text.nodes, use.position, identity);
            }
            if (use.kind == transformation::slice) shape = {static_cast<int>(use.numbers[1]), 1};
            if (use.kind == transformation::reshape)
                shape = {static_cast<int>(use.numbers[0]), static_cast<int>(use.numbers[1])};
            made.functions.push(function);
        }
        made.shape = shape;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Recognises rules that are sums of weighted literals per head, which row steps compute: matrix
/// products with everything that can be added or applied while a row is at hand.

namespace sequent::inline SEQUENT_ABI::plan {

/// The axes that a row step's variables take. Variables beyond the rule's own come from rules that
/// were inlined.
struct axes {
    int row = -1;
    int segment = -1;
    list<int, max_variables> outers{};
    int pairs = -1;  // the sparse fact whose pairs are the rows, for two variables at once
    int pair_row = -1;
    int pair_column = -1;

    /// Whether the terms of a relation are the pair.
    constexpr bool is_pair(const pair_place& of, const term* terms) const {
        return pairs >= 0 && of.fact == pairs && terms[of.axes[0]] == term{pair_row, 0} &&
               terms[of.axes[1]] == term{pair_column, 0};
    }
    constexpr bool in_pair(int variable) const {
        return pairs >= 0 && (variable == pair_row || variable == pair_column);
    }
};

/// The pairs that a rule's atoms are, in `pairs`, `pair_row` and `pair_column`.
template <class Draft>
constexpr axes pairs_of_rule(const Draft& draft, int at) {
    axes result;
    const rule& written = draft.rule_of(at);
    const pair_place found = draft.pairs_of(written.head);
    result.pairs = found.fact;
    if (!found.any()) return result;
    result.pair_row = written.terms[found.axes[0]].variable;
    result.pair_column = written.terms[found.axes[1]].variable;
    return result;
}

/// Whether a row step can leave out the atoms that do not exist: a condition on the indices of the
/// rows and outer loops.
template <class Draft>
constexpr bool is_row_condition(const Draft& draft, int at, const axes& pairs) {
    const auto& pool = draft.out.pool;
    const int root = draft.conditions.condition[at];
    if (pool.variables(root) & ~draft.rule_of(at).head_variables()) return false;
    bool fits = true;
    pool.each_conjunct(root, [&](int part) {
        const node& top = pool.nodes[part];
        const bool bound = top.kind == node_kind::less &&
                           pool.nodes[top.left].kind == node_kind::variable &&
                           pool.nodes[top.right].kind == node_kind::count;
        fits = fits && (bound || pairs.pairs >= 0);
    });
    return fits;
}

/// Whether the literal is nothing but a condition.
template <class Draft>
constexpr bool is_sparse_condition(const Draft& draft, const literal& item) {
    return draft.is_sparse(item) && !item.gives_value();
}

/// Whether the literal's terms, of which some may be a pair's, can be walked row by row.
template <class Draft>
constexpr bool fits_pairs(const Draft& draft, const axes& pairs, const literal& item,
                          bool weighted) {
    const bool relation = item.kind == literal_kind::relation;
    const pair_place of = relation ? draft.pairs_of(item.relation) : pair_place{};
    const term* terms = relation ? item.terms : item.weight.terms;
    const int arity = relation ? item.arity : item.weight.arity;
    if (of.any() && !pairs.is_pair(of, terms)) return false;
    bool row = false;
    bool column = false;
    for (int axis = 0; axis < arity; ++axis) {
        if (of.has(axis)) continue;
        row = row || (pairs.pairs >= 0 && terms[axis].variable == pairs.pair_row);
        column = column || (pairs.pairs >= 0 && terms[axis].variable == pairs.pair_column);
    }
    if ((row && column) || (of.any() && (row || column))) return false;
    if (!weighted) return true;
    for (int axis = 0; axis < item.weight.arity; ++axis)
        if (pairs.in_pair(item.weight.terms[axis].variable)) return false;
    return !row && !column;
}

constexpr bool keeps_rows(transformation kind) {
    return kind != transformation::slice && kind != transformation::reshape;
}

/// Whether the aggregation adds: true of sum, and of all but count where nothing is aggregated.
template <class Draft>
constexpr bool adds(const Draft& draft, const rule& written) {
    if (written.aggregated == aggregation::sum) return true;
    if (written.aggregated == aggregation::softmax || written.aggregated == aggregation::count)
        return false;
    (void)draft;
    const unsigned all = (1u << written.variables.size()) - 1;
    return (written.head_variables() & all) == all;
}

/// Whether the literal lies within its relation for every value of the rule's variables.
template <class Draft>
constexpr bool covers(const Draft& draft, const rule& written, const literal& item) {
    if (item.kind != literal_kind::relation) return true;
    for (int axis = 0; axis < item.arity; ++axis) {
        const term& at = item.terms[axis];
        const int extent = draft.in.relations[item.relation].extents[axis];
        if (at.variable == loop_time) continue;
        if (at.variable >= 0 && written.variables[at.variable].extent + at.offset > extent)
            return false;
        if (at.variable < 0 && (at.offset < 0 || at.offset >= extent)) return false;
    }
    return true;
}

template <class Draft>
constexpr bool is_symbol(const Draft& draft, const literal& item) {
    return item.kind == literal_kind::relation && draft.in.relations[item.relation].classes > 0;
}

/// Whether the rule's literals give their values as they are, but for sparse ones that only hold.
template <class Draft>
constexpr bool is_plain_row(const Draft& draft, int at, bool moved) {
    const rule& written = draft.rule_of(at);
    for (int body = 0; body < written.literals; ++body) {
        const literal& item = draft.literal_of(at, body);
        if (!is_sparse_condition(draft, item) && !is_plain(item, moved)) return false;
    }
    return true;
}

/// Whether a row step can compute the rule.
template <class Draft>
constexpr bool is_row_rule(const Draft& draft, int at) {
    const rule& written = draft.rule_of(at);
    if (written.repeat || !adds(draft, written)) return false;
    // Where there is a recursion, rules outside of it may well read it from the next time on.
    const bool moved = draft.recurs;
    if (!is_plain_row(draft, at, moved) || written.arity > max_outers) return false;
    const axes pairs = pairs_of_rule(draft, at);
    if (!is_row_condition(draft, at, pairs)) return false;
    for (const transformation_use& function : written.transformations) {
        if (!keeps_rows(function.kind)) return false;
        if (pairs.pairs >= 0 && function.position >= 0) return false;
        for (const weight_use& use : function.weights)
            for (int axis = 0; axis < use.arity; ++axis)
                if (pairs.in_pair(use.terms[axis].variable)) return false;
        if (function.position >= 0 &&
            draft.in.text.nodes[function.position].kind != node_kind::variable &&
            function.kind != transformation::dropout)
            return false;
        if (function.position >= 0 && (written.recurs.loop >= 0 || written.shift)) return false;
    }
    if (written.variables.size() > written.arity + 1) return false;  // one summed variable at most
    const bool multiplies =
        written.combined == combination::elementwise_product && written.literals > 1;
    if (!multiplies && !is_linear_sum(written, draft.in.text)) return false;
    const value_shape shape = draft.head_of(at).value;
    int terms = 0;
    for (int body = 0; body < written.literals; ++body) {
        const literal& item = draft.literal_of(at, body);
        if (is_sparse_condition(draft, item)) continue;
        if (++terms > max_terms) return false;
        if (item.kind != literal_kind::relation && item.kind != literal_kind::weight) return false;
        if (!covers(draft, written, item)) return false;
        const value_shape value = draft.value_of(item);
        if (value.size() != shape.size()) return false;
        if (item.transposed && value.rows != 1 && value.columns != 1) return false;
        const bool weighted = item.kind == literal_kind::relation && item.weight.weight >= 0;
        if (weighted) {
            const weight& applied = draft.in.text.weights[item.weight.weight];
            if (multiplies || applied.rank != 2) return false;
            if (!is_symbol(draft, item) && draft.in.relations[item.relation].value.columns != 1)
                return false;
        }
        if (!fits_pairs(draft, pairs, item, weighted)) return false;
        unsigned variables = 0;
        for (int axis = 0; axis < item.arity; ++axis)
            if (item.terms[axis].variable >= 0) variables |= 1u << item.terms[axis].variable;
        if (!weighted && (variables & ~written.head_variables())) return false;
    }
    return terms > 0 || (written.total && written.literals == 0);
}

/// How many terms the rule's row step has, with those of the rules inlined into it.
template <class Draft>
constexpr int count_terms(const Draft& draft, int at) {
    int count = 0;
    for (int body = 0; body < draft.rule_of(at).literals; ++body) {
        const literal& item = draft.literal_of(at, body);
        if (is_sparse_condition(draft, item)) continue;
        const int definer =
            item.kind == literal_kind::relation ? draft.in.relations[item.relation].rule : -1;
        const bool inlined = definer >= 0 && draft.roles[definer] == role::inlined;
        count += inlined ? count_terms(draft, definer) : 1;
    }
    return count;
}

/// Whether no other rule of the recursion multiplies the same input, so that the two would be
/// computed together, and the weights have no indices that would change the user's layout.
template <class Draft>
constexpr bool stands_alone(const Draft& draft, int at) {
    for (int body = 0; body < draft.rule_of(at).literals; ++body) {
        const literal& item = draft.literal_of(at, body);
        if (item.weight.weight < 0) continue;
        if (item.weight.arity > 0 && draft.rule_of(draft.user[at]).recurs.partial) return false;
        for (int other : draft.in.order) {
            const rule& next = draft.rule_of(other);
            if (other == at || next.recurs.loop != draft.rule_of(at).recurs.loop) continue;
            for (int place = 0; place < next.literals; ++place) {
                const literal& same = draft.literal_of(other, place);
                if (same.kind == literal_kind::relation && same.relation == item.relation &&
                    same.weight.weight >= 0)
                    return false;
            }
        }
    }
    return true;
}

/// Whether the user adds the relation as it is, so that its terms can be the user's.
template <class Draft>
constexpr bool can_inline(const Draft& draft, int at) {
    const rule& written = draft.rule_of(at);
    if (!draft.is_private(at) || !is_row_rule(draft, at)) return false;
    if (written.transformations.size()) return false;
    if (written.combined == combination::elementwise_product && written.literals > 1) return false;
    const int user = draft.user[at];
    if (!is_row_rule(draft, user)) return false;
    const rule& using_rule = draft.rule_of(user);
    if (using_rule.combined == combination::elementwise_product && using_rule.literals > 1)
        return false;
    const literal& item = draft.literal_of(user, draft.user_literal[at]);
    if (item.weight.weight >= 0 || using_rule.scope != written.scope) return false;
    // What is the same for all values of a variable is computed once.
    if (item.arity < using_rule.arity) return false;
    // A total rule does not inherit the condition.
    if (using_rule.total && draft.conditions.condition[at] >= 0) return false;
    for (int axis = 0; axis < item.arity; ++axis) {
        const term& argument = item.terms[axis];
        if (argument.variable < 0 && argument.variable != loop_time) return false;
        if (argument.variable >= 0 && argument.offset) return false;
    }
    if (written.recurs.loop >= 0 && !stands_alone(draft, at)) return false;
    // A row step with a product picks its rows by it; one is enough to fuse with.
    int products = 0;
    for (int body = 0; body < using_rule.literals; ++body) {
        const literal& other = draft.literal_of(user, body);
        if (other.kind == literal_kind::relation && other.weight.weight >= 0) ++products;
        const int definer =
            other.kind == literal_kind::relation ? draft.in.relations[other.relation].rule : -1;
        if (definer >= 0 && definer != at && draft.roles[definer] == role::inlined) ++products;
    }
    return products + written.literals <= 4 &&
           count_terms(draft, user) + count_terms(draft, at) - 1 <= max_terms;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Turns a rule that a row step computes into that step: which variables are its rows, segments and
/// outer loops, what its terms are, and which rows exist.

namespace sequent::inline SEQUENT_ABI::plan {

/// A literal seen from the rule into which it is inlined: its variables as that rule's.
struct placed_literal {
    literal item{};
    bool weighted = false;
};

template <class Draft>
class row_builder {
  public:
    constexpr row_builder(Draft& draft, int at)
        : draft_(draft), at_(at), rule_(draft.rule_of(at)), axes_(pairs_of_rule(draft, at)) {
        for (const variable& index : rule_.variables) variables_.push(index);
        term identity[max_variables]{};
        for (int index = 0; index < max_variables; ++index) identity[index] = {index, 0};
        collect(at, identity, 0);
        head_ = rule_.head_variables();
        choose_axes();
    }

    constexpr const axes& chosen() const { return axes_; }
    constexpr int rows() const {
        if (axes_.pairs >= 0) return draft_.in.facts[axes_.pairs].pairs;
        return axes_.row >= 0 ? variables_[axes_.row].extent : 1;
    }
    /// Of all the relation's atoms.
    constexpr int size() const {
        int size = draft_.in.relations[rule_.head].value.size() * rows();
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index >= 0 && index != axes_.row && !axes_.in_pair(index))
                size *= variables_[index].extent;
        }
        return size;
    }

    /// Lays out the rule's relation: rows outermost, then outer loops, segments, the value.
    constexpr void lay_out(int buffer, int offset, int row_stride) {
        relation_layout& layout = draft_.out.relations[rule_.head];
        layout.where = place::value;
        layout.index = buffer;
        layout.offset = offset;
        const int size = draft_.in.relations[rule_.head].value.size();
        int stride = size;
        auto assign = [&](int variable) {
            for (int axis = 0; axis < rule_.arity; ++axis)
                if (rule_.terms[axis].variable == variable) layout.strides[axis] = stride;
            stride *= variables_[variable].extent;
        };
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable == loop_time)
                layout.strides[axis] =
                    row_stride ? row_stride * (axes_.row >= 0 ? variables_[axes_.row].extent : 1)
                               : atoms_at_once() * size;
        if (axes_.segment >= 0) assign(axes_.segment);
        for (int at = axes_.outers.size(); at-- > 0;) assign(axes_.outers[at]);
        if (axes_.row >= 0) {
            assign(axes_.row);
            if (row_stride)
                for (int axis = 0; axis < rule_.arity; ++axis)
                    if (rule_.terms[axis].variable == axes_.row) layout.strides[axis] = row_stride;
        }
        if (axes_.pairs >= 0) {
            layout.pairs = draft_.pairs_of(rule_.head);
            layout.pair_stride = row_stride ? row_stride : stride;
        }
    }

    constexpr row_step build() {
        row_step made;
        const value_shape shape = draft_.in.relations[rule_.head].value;
        made.length = shape.size();
        made.segments = axes_.segment >= 0 ? variables_[axes_.segment].extent : 1;
        made.rows = rows();
        made.outers = axes_.outers.size();
        for (int at = 0; at < made.outers; ++at)
            made.outer_extents[at] = variables_[axes_.outers[at]].extent;
        made.row_variable = axes_.row;
        made.multiplies = rule_.combined == combination::elementwise_product && rule_.literals > 1;
        for (const placed_literal& placed : literals_) made.terms.push(make_term(placed));
        for (const transformation_use& function : rule_.transformations)
            made.functions.push(make_function(function));
        made.out = relation_access(rule_.head, rule_.terms, rule_.arity);
        limit(made);
        return made;
    }

  private:
    Draft& draft_;
    int at_;
    const rule& rule_;
    list<variable, 2 * max_variables> variables_{};
    list<placed_literal, max_terms> literals_{};
    unsigned head_ = 0;
    axes axes_{};

    /// Which rows are atoms: the pairs given, those below a count, and what else the condition
    /// says.
    constexpr void limit(row_step& made) {
        auto& pool = draft_.out.pool;
        made.pairs = axes_.pairs;
        made.pair_variables[0] = axes_.pair_row;
        made.pair_variables[1] = axes_.pair_column;
        for (int at = 0; at < made.outers; ++at) made.outer_variables[at] = axes_.outers[at];
        pool.each_conjunct(draft_.conditions.condition[at_], [&](int part) {
            const node top = pool.nodes[part];
            const bool is_bound = top.kind == node_kind::less && axes_.row >= 0 &&
                                  pool.nodes[top.left].kind == node_kind::variable &&
                                  pool.nodes[top.left].value == axes_.row &&
                                  pool.nodes[top.right].kind == node_kind::count;
            if (is_bound && made.count < 0)
                made.count = pool.nodes[top.right].value;
            else if (top.kind != node_kind::pair || top.value != axes_.pairs ||
                     !(pool.as_term(top.left) == term{axes_.pair_row, 0}) ||
                     !(pool.as_term(top.right) == term{axes_.pair_column, 0}))
                made.condition = pool.both(made.condition, part);
        });
    }

    /// How many atoms the head has, at one time if it is of a recursion.
    constexpr int atoms_at_once() const {
        int atoms = 1;
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable >= 0)
                atoms *= variables_[rule_.terms[axis].variable].extent;
        return atoms;
    }

    static constexpr term mapped(const term& at, const term* map, int later) {
        if (at.variable == loop_time) return {loop_time, at.offset + later};
        if (at.variable < 0) return at;
        return {map[at.variable].variable, map[at.variable].offset + at.offset};
    }

    /// `later`: how many rounds after its own the rule is used.
    constexpr void collect(int at, const term* map, int later) {
        const rule& written = draft_.rule_of(at);
        for (int body = 0; body < written.literals; ++body) {
            literal item = draft_.literal_of(at, body);
            if (is_sparse_condition(draft_, item)) continue;
            for (int axis = 0; axis < item.arity; ++axis)
                item.terms[axis] = mapped(item.terms[axis], map, later);
            for (int axis = 0; axis < item.weight.arity; ++axis)
                item.weight.terms[axis] = mapped(item.weight.terms[axis], map, later);
            const int definer =
                item.kind == literal_kind::relation ? draft_.in.relations[item.relation].rule : -1;
            if (definer >= 0 && draft_.roles[definer] == role::inlined) {
                const rule& inner = draft_.rule_of(definer);
                term inner_map[max_variables]{};
                for (int index = 0; index < inner.variables.size(); ++index) {
                    int axis = 0;
                    while (axis < inner.arity && inner.terms[axis].variable != index) ++axis;
                    inner_map[index] = axis < inner.arity
                                           ? item.terms[axis]
                                           : term{variables_.push(inner.variables[index]), 0};
                }
                const int time = inner.recurs.argument;
                collect(definer, inner_map,
                        time < 0 ? 0 : item.terms[time].offset - inner.terms[time].offset);
            } else {
                literals_.push(
                    {item, item.kind == literal_kind::relation && item.weight.weight >= 0});
            }
        }
    }

    static constexpr bool mentions(const term* terms, int arity, int variable) {
        for (int axis = 0; axis < arity; ++axis)
            if (terms[axis].variable == variable) return true;
        return false;
    }

    constexpr void choose_axes() {
        const placed_literal* product = nullptr;
        int products = 0;
        for (const placed_literal& placed : literals_) {
            if (!placed.weighted || is_symbol(draft_, placed.item)) continue;
            if (!product) product = &placed;
            ++products;
        }
        const unsigned conditioned = draft_.out.pool.variables(draft_.conditions.condition[at_]);
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index < 0) continue;
            const int extent = variables_[index].extent;
            if (axes_.in_pair(index)) continue;
            if (product) {
                const literal& item = product->item;
                const weight_use& use = item.weight;
                const bool in_x = mentions(item.terms, item.arity, index);
                const bool in_w = mentions(use.terms, use.arity, index);
                const int woven = draft_.out.weights[use.weight].interleaved;
                if (products == 1 && in_w && !in_x && woven >= 0 &&
                    use.terms[woven].variable == index && !((conditioned >> index) & 1u)) {
                    axes_.segment = index;
                    continue;
                }
                if (!in_x || in_w) continue;
            }
            if (axes_.pairs >= 0) continue;
            if (axes_.row < 0 || extent > variables_[axes_.row].extent) axes_.row = index;
        }
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index >= 0 && index != axes_.row && index != axes_.segment && !axes_.in_pair(index))
                axes_.outers.push(index);
        }
    }

    constexpr void add_strides(access& to, const term* terms, int arity, const int* strides) const {
        for (int axis = 0; axis < arity; ++axis) {
            const term& at = terms[axis];
            to.at.offset += at.offset * strides[axis];
            if (at.variable == loop_time) draft_.add_time(to.at, rule_, strides[axis]);
            if (at.variable < 0) continue;
            if (at.variable == axes_.row || axes_.in_pair(at.variable)) to.row += strides[axis];
            if (at.variable == axes_.segment) to.column += strides[axis];
            for (int outer = 0; outer < axes_.outers.size(); ++outer)
                if (at.variable == axes_.outers[outer]) to.outer[outer] += strides[axis];
        }
    }
    constexpr access relation_access(int relation, const term* terms, int arity) const {
        access result;
        result.at = draft_.relation_operand(relation);
        const relation_layout& layout = draft_.out.relations[relation];
        add_strides(result, terms, arity, layout.strides);
        if (layout.pairs.any()) result.row += layout.pair_stride;
        return result;
    }
    constexpr access weight_access(const weight_use& use) const {
        access result;
        result.at = draft_.weight_operand(use);
        add_strides(result, use.terms, use.arity, draft_.out.weights[use.weight].strides);
        return result;
    }

    constexpr row_term make_term(const placed_literal& placed) const {
        const literal& item = placed.item;
        row_term made;
        if (item.kind == literal_kind::weight) {
            made.x = weight_access(item.weight);
            made.indexed = index_of(item.weight.terms, item.weight.arity);
            return made;
        }
        made.relation = item.relation;
        made.x = relation_access(item.relation, item.terms, item.arity);
        if (!draft_.out.relations[item.relation].pairs.any())
            made.indexed = index_of(item.terms, item.arity);
        if (!placed.weighted) return made;
        const weight_layout& layout = draft_.out.weights[item.weight.weight];
        made.w = weight_access(item.weight);
        if (is_symbol(draft_, item)) {
            made.kind = term_kind::gather;
            made.w_depth = item.weight.transposed ? layout.column : layout.row;
            made.w_column = item.weight.transposed ? layout.row : layout.column;
            return made;
        }
        made.kind = term_kind::product;
        made.depth = draft_.in.relations[item.relation].value.size();
        made.w_depth = item.weight.transposed ? layout.row : layout.column;
        made.w_column = item.weight.transposed ? layout.column : layout.row;
        for (int index = 0; index < variables_.size(); ++index) {
            if ((head_ >> index) & 1u || !mentions(item.terms, item.arity, index)) continue;
            // Summed over: one long product where the inputs lie together, else several.
            int x_stride = 0;
            int w_stride = 0;
            for (int axis = 0; axis < item.arity; ++axis)
                if (item.terms[axis].variable == index)
                    x_stride += draft_.out.relations[item.relation].strides[axis];
            for (int axis = 0; axis < item.weight.arity; ++axis)
                if (item.weight.terms[axis].variable == index) w_stride += layout.strides[axis];
            const int extent = variables_[index].extent;
            if (made.splits == 1 && x_stride == made.depth &&
                w_stride == made.depth * made.w_depth) {
                made.depth *= extent;
            } else {
                made.splits *= extent;
                made.x_split = x_stride;
                made.w_split = w_stride;
            }
        }
        return made;
    }

    /// By which of the pair's indices the terms go.
    constexpr side index_of(const term* terms, int arity) const {
        if (axes_.pairs < 0) return side::none;
        if (mentions(terms, arity, axes_.pair_row)) return side::row;
        return mentions(terms, arity, axes_.pair_column) ? side::column : side::none;
    }

    constexpr row_function make_function(const transformation_use& use) const {
        row_function made;
        made.kind = use.kind;
        made.numbers[0] = use.numbers[0];
        made.numbers[1] = use.numbers[1];
        for (int at = 0; at < 2; ++at)
            if (use.weights[at].weight >= 0) made.weights[at] = weight_access(use.weights[at]);
        if (use.position >= 0) {
            const node& position = draft_.in.text.nodes[use.position];
            if (position.kind == node_kind::constant) made.position_offset = position.value;
            if (position.kind == node_kind::count) {
                made.seed = position.value;
                made.identity = at_;
            }
            if (position.kind == node_kind::variable) {
                if (position.value == axes_.row) made.position_row = 1;
                if (position.value == axes_.segment) made.position_column = 1;
                for (int outer = 0; outer < axes_.outers.size(); ++outer)
                    if (position.value == axes_.outers[outer]) made.position_outer[outer] = 1;
            }
        }
        return made;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Recognises attention: a softmax over j of a scalar score, then the sum over j of weight times
/// value. The score becomes a small expression over dots, elements, numbers and indices.

namespace sequent::inline SEQUENT_ABI::plan {

constexpr bool is_scalar_function(transformation kind) {
    return kind < transformation::softmax;
}

template <class Draft>
class attention_matcher {
  public:
    attention_step step{};
    list<int, 8> absorbed{};
    bool matched = false;
    int value_literal = -1;

    constexpr attention_matcher(Draft& draft, int at)
        : draft_(draft), at_(at), rule_(draft.rule_of(at)) {
        matched = match();
    }

    /// Strides are known only once the relations are laid out.
    constexpr void fill() {
        step.nodes.count = 0;
        fill_ = true;
        (void)expand_weights();
        const literal& value = draft_.literal_of(at_, value_literal);
        step.value = access_to(value);
        literal head;
        head.relation = rule_.head;
        head.arity = rule_.arity;
        for (int axis = 0; axis < rule_.arity; ++axis) head.terms[axis] = rule_.terms[axis];
        step.out = access_to(head);
    }

    constexpr void lay_out() {
        relation_layout& layout = draft_.out.relations[rule_.head];
        layout.where = place::value;
        const int size = step.length;
        int stride = size;
        auto assign = [&](int variable) {
            for (int axis = 0; axis < rule_.arity; ++axis)
                if (rule_.terms[axis].variable == variable) layout.strides[axis] = stride;
            stride *= rule_.variables[variable].extent;
        };
        for (int outer = outers_.size(); outer-- > 0;) assign(outers_[outer]);
        if (row_ >= 0) assign(row_);
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable == loop_time) layout.strides[axis] = stride;
        stride *= draft_.times_of(rule_);
        layout.index = draft_.new_buffer(stride, rule_.scope);
        layout.offset = 0;
    }

  private:
    Draft& draft_;
    int at_;
    const rule& rule_;
    int weights_literal_ = -1;
    int row_ = -1;
    int column_ = -1;
    list<int, max_variables> outers_{};
    bool fill_ = false;

    constexpr bool plain(const literal& item) const {
        if (!item.gives_value()) return false;
        for (int axis = 0; axis < item.arity; ++axis)
            if (item.terms[axis].variable >= 0 && item.terms[axis].offset) return false;
        for (int axis = 0; axis < item.weight.arity; ++axis)
            if (item.weight.terms[axis].variable >= 0 && item.weight.terms[axis].offset)
                return false;
        return !item.has_element || item.element.offset == 0 || item.element.variable < 0;
    }

    constexpr unsigned variables_of(const literal& item) const {
        unsigned mask = 0;
        auto add = [&](const term& at) {
            if (at.variable >= 0) mask |= 1u << at.variable;
        };
        for (int axis = 0; axis < item.arity; ++axis) add(item.terms[axis]);
        for (int axis = 0; axis < item.weight.arity; ++axis) add(item.weight.terms[axis]);
        if (item.has_element) add(item.element);
        return mask;
    }

    constexpr bool match() {
        if (rule_.repeat || rule_.literals != 2 || rule_.transformations.size()) return false;
        if (rule_.aggregated != aggregation::sum || rule_.combined == combination::cosine ||
            rule_.combined == combination::concat)
            return false;
        if (rule_.combined != combination::product &&
            rule_.combined != combination::elementwise_product)
            return false;
        for (int body = 0; body < 2; ++body) {
            const literal& item = draft_.literal_of(at_, body);
            if (item.kind != literal_kind::relation || weights_literal_ >= 0) continue;
            const int definer = draft_.in.relations[item.relation].rule;
            if (definer >= 0 && draft_.rule_of(definer).aggregated == aggregation::softmax &&
                draft_.user[definer] == at_ && draft_.is_private(definer))
                weights_literal_ = body;
        }
        if (weights_literal_ < 0) return false;
        value_literal = 1 - weights_literal_;
        const literal& weights = draft_.literal_of(at_, weights_literal_);
        const literal& value = draft_.literal_of(at_, value_literal);
        const int softmax_at = draft_.in.relations[weights.relation].rule;
        const rule& softmax = draft_.rule_of(softmax_at);
        if (!plain(weights) || !plain(value) || weights.has_element || value.has_element)
            return false;
        if (value.kind == literal_kind::relation && value.weight.weight >= 0) return false;
        if (value.kind != literal_kind::relation && value.kind != literal_kind::weight)
            return false;
        if (!draft_.in.relations[weights.relation].value.is_scalar()) return false;
        const value_shape shape = draft_.value_of(value);
        if (value.transposed && shape.rows != 1 && shape.columns != 1) return false;
        if (softmax.variables.size() != softmax.arity || softmax.arity != weights.arity)
            return false;
        // The variable that the softmax ranges over, as this rule's.
        for (int axis = 0; axis < softmax.arity; ++axis) {
            const int inner = softmax.terms[axis].variable;
            if (inner >= 0 && softmax.aggregated_variables == (1u << inner))
                column_ = weights.terms[axis].variable;
        }
        const unsigned head = rule_.head_variables();
        if (column_ < 0 || ((head >> column_) & 1u)) return false;
        const unsigned in_weights = variables_of(weights);
        const unsigned in_value = variables_of(value);
        if ((in_weights | in_value) != (head | (1u << column_))) return false;
        if (!((in_value >> column_) & 1u)) return false;
        if (rule_.variables.size() != rule_.arity + 1) return false;
        for (int axis = 0; axis < weights.arity; ++axis) {
            const term& at = weights.terms[axis];
            if (at == softmax.terms[axis] && at.variable == loop_time) continue;
            if (at.variable < 0) return false;
            if (rule_.variables[at.variable].extent !=
                draft_.in.relations[weights.relation].extents[axis])
                return false;
        }
        const int condition = draft_.conditions.condition[at_];
        if (condition != draft_.out.pool.substitute(draft_.out.pool.nodes,
                                                    draft_.conditions.domain[weights.relation],
                                                    weights.terms))
            return false;
        choose_row(condition, in_weights, in_value);
        if (outers_.size() > max_outers) return false;
        step.rows = row_ >= 0 ? rule_.variables[row_].extent : 1;
        step.columns = rule_.variables[column_].extent;
        step.length = shape.size();
        step.outers = outers_.size();
        for (int outer = 0; outer < outers_.size(); ++outer)
            step.outer_extents[outer] = rule_.variables[outers_[outer]].extent;
        step.condition = condition;
        step.row_variable = row_;
        step.column_variable = column_;
        for (int outer = 0; outer < outers_.size(); ++outer)
            step.outer_variables[outer] = outers_[outer];
        return has_masks() && expand_weights() >= 0;
    }

    /// Whether the pairs of all rounds can be found by pieces or tables.
    constexpr bool has_masks() const {
        if (step.condition < 0) return true;
        const auto& pool = draft_.out.pool;
        unsigned allowed = 1u << column_;
        if (row_ >= 0) allowed |= 1u << row_;
        for (int outer : outers_) allowed |= 1u << outer;
        if (pool.variables(step.condition) & ~allowed) return false;
        const int rounds = different_rounds(pool, step);
        for (int round = 0; round < rounds; ++round) {
            auto condition = condition_in_round(pool.nodes, step, round);
            if (!form_of(condition, row_, column_).possible) return false;
        }
        return true;
    }

    /// The row is in the weights but not in the value, and in the condition if there is one; of
    /// several such variables, the longest.
    constexpr void choose_row(int condition, unsigned in_weights, unsigned in_value) {
        const unsigned in_condition = draft_.out.pool.variables(condition);
        const auto rank = [&](int index) {
            const int extent = rule_.variables[index].extent;
            return ((in_condition >> index) & 1u) ? extent + never : extent;
        };
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index < 0) continue;
            const unsigned bit = 1u << index;
            if (!(in_weights & bit) || (in_value & bit)) continue;
            if (row_ < 0 || rank(index) > rank(row_)) row_ = index;
        }
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable >= 0 && rule_.terms[axis].variable != row_)
                outers_.push(rule_.terms[axis].variable);
    }

    constexpr int expand_weights() {
        const literal& weights = draft_.literal_of(at_, weights_literal_);
        const int softmax_at = draft_.in.relations[weights.relation].rule;
        return expand_rule(softmax_at, weights.terms);
    }

    /// `arguments` are this rule's terms for the head of rule `at`. Returns the node, or -1.
    constexpr int expand_rule(int at, const term* arguments) {
        const rule& written = draft_.rule_of(at);
        if (written.repeat || written.variables.size() != written.arity) return -1;
        term map[max_variables]{};
        for (int axis = 0; axis < written.arity; ++axis) {
            if (written.terms[axis].variable >= 0)
                map[written.terms[axis].variable] = arguments[axis];
            else if (!(written.terms[axis] == arguments[axis]))
                return -1;
        }
        if (written.recurs.loop >= 0) map[written.recurs.time] = {loop_time, -written.recurs.delay};
        if (!fill_) {
            if (absorbed.size() == 8) return -1;
            absorbed.push(at);
        }
        const bool sums = written.combined == combination::sum;
        const bool multiplies = written.combined == combination::product ||
                                written.combined == combination::elementwise_product;
        if (written.literals > 1 && !sums && !multiplies) return -1;
        if (written.literals == 1 && written.combined == combination::cosine) return -1;
        int result = -1;
        for (int body = 0; body < written.literals; ++body) {
            literal item = mapped(draft_.literal_of(at, body), map);
            if (!plain(item)) return -1;
            int next = -1;
            if (item.kind == literal_kind::index) {
                next = index_node(draft_.conditions.expression[written.first_literal + body], map);
            } else if (draft_.value_of(item).is_scalar()) {
                next = expand_literal(item);
            } else {
                if (written.combined != combination::product || body + 1 == written.literals)
                    return -1;
                const literal right = mapped(draft_.literal_of(at, body + 1), map);
                next = dot_node(item, right);
                ++body;
            }
            if (next < 0) return -1;
            result = result < 0 ? next : join(sums, result, next);
        }
        for (const transformation_use& function : written.transformations) {
            if (!is_scalar_function(function.kind)) return -1;
            result = push(
                {score_kind::function, {}, {}, 0, function.numbers[0], function.kind, result, -1});
        }
        return result;
    }

    /// The sum or the product of two nodes. A number times a dot is the dot's own factor.
    constexpr int join(bool sums, int left, int right) {
        if (!sums && step.nodes[right].kind == score_kind::dot &&
            step.nodes[left].kind == score_kind::number) {
            step.nodes[right].value *= step.nodes[left].value;
            return right;
        }
        if (!sums && step.nodes[left].kind == score_kind::dot &&
            step.nodes[right].kind == score_kind::number) {
            step.nodes[left].value *= step.nodes[right].value;
            step.nodes.count = right;
            return left;
        }
        return push({sums ? score_kind::add : score_kind::multiply,
                     {},
                     {},
                     0,
                     0,
                     transformation::identity,
                     left,
                     right});
    }

    static constexpr literal mapped(literal item, const term* map) {
        auto apply = [&](term& at) {
            if (at.variable >= 0)
                at = {map[at.variable].variable, map[at.variable].offset + at.offset};
        };
        for (int axis = 0; axis < item.arity; ++axis) apply(item.terms[axis]);
        for (int axis = 0; axis < item.weight.arity; ++axis) apply(item.weight.terms[axis]);
        if (item.has_element) apply(item.element);
        return item;
    }

    constexpr int push(const score_node& node) {
        if (step.nodes.size() == decltype(step.nodes)::capacity()) return -1;
        return step.nodes.push(node);
    }

    constexpr int expand_literal(const literal& item) {
        if (item.kind == literal_kind::number)
            return push({score_kind::number, {}, {}, 0, item.number});
        if (item.kind == literal_kind::relation) {
            if (item.weight.weight >= 0 || is_symbol(draft_, item)) return -1;
            const int definer = draft_.in.relations[item.relation].rule;
            const unsigned variables = variables_of(item);
            const bool pairwise =
                ((variables >> column_) & 1u) && (row_ < 0 || ((variables >> row_) & 1u));
            if (definer >= 0 && pairwise && !item.has_element && draft_.is_private(definer) &&
                draft_.rule_of(definer).aggregated != aggregation::softmax &&
                (!fill_ || draft_.roles[definer] == role::absorbed)) {
                const int nodes = step.nodes.size();
                const int taken = absorbed.size();
                const int inner = expand_rule(definer, item.terms);
                if (inner >= 0 || fill_) return inner;
                step.nodes.count = nodes;
                absorbed.count = taken;
            }
        }
        score_node made;
        made.kind = score_kind::load;
        if (fill_) made.x = access_to(item);
        return push(made);
    }

    constexpr int dot_node(const literal& left, const literal& right) {
        if (!plain(right) || left.has_element || right.has_element) return -1;
        const auto usable = [&](const literal& item) {
            if (item.kind == literal_kind::weight) return true;
            return item.kind == literal_kind::relation && item.weight.weight < 0;
        };
        if (!usable(left) || !usable(right)) return -1;
        const value_shape first = draft_.value_of(left);
        const value_shape second = draft_.value_of(right);
        if (first.rows != 1 || second.columns != 1 || first.columns != second.rows) return -1;
        const auto has = [&](const literal& item, int variable) {
            return variable >= 0 && ((variables_of(item) >> variable) & 1u);
        };
        const bool forward = has(right, column_) && !has(left, column_) && !has(right, row_);
        const bool backward = has(left, column_) && !has(right, column_) && !has(left, row_);
        if (!forward && !backward) return -1;
        score_node made;
        made.kind = score_kind::dot;
        made.value = 1;
        made.depth = second.rows;
        if (fill_) {
            made.x = access_to(forward ? left : right);
            made.y = access_to(forward ? right : left);
        }
        return push(made);
    }

    /// An index expression that is linear in this rule's variables.
    constexpr int index_node(int root, const term* map) {
        score_node made;
        made.kind = score_kind::index;
        if (!add_linear(root, map, 1, made)) return -1;
        return push(made);
    }
    constexpr bool add_linear(int root, const term* map, int factor, score_node& to) {
        const node& top = draft_.out.pool.nodes[root];
        switch (top.kind) {
            case node_kind::constant:
                to.value += factor * top.value;
                return true;
            case node_kind::variable: {
                const term& at = map[top.value];
                if (at.variable == loop_time) return false;
                to.value += factor * at.offset;
                if (at.variable == row_ && row_ >= 0) to.x.row += factor;
                if (at.variable == column_) to.x.column += factor;
                for (int outer = 0; outer < outers_.size(); ++outer)
                    if (at.variable == outers_[outer]) to.x.outer[outer] += factor;
                return true;
            }
            case node_kind::add:
                return add_linear(top.left, map, factor, to) &&
                       add_linear(top.right, map, factor, to);
            case node_kind::subtract:
                return add_linear(top.left, map, factor, to) &&
                       add_linear(top.right, map, -factor, to);
            case node_kind::multiply: {
                const node& left = draft_.out.pool.nodes[top.left];
                const node& right = draft_.out.pool.nodes[top.right];
                if (left.kind == node_kind::constant)
                    return add_linear(top.right, map, factor * left.value, to);
                if (right.kind == node_kind::constant)
                    return add_linear(top.left, map, factor * right.value, to);
                return false;
            }
            default:
                return false;
        }
    }

    constexpr access access_to(const literal& item) const {
        access result;
        const bool bare = item.kind == literal_kind::weight;
        const term* terms = bare ? item.weight.terms : item.terms;
        const int arity = bare ? item.weight.arity : item.arity;
        const int* strides = bare ? draft_.out.weights[item.weight.weight].strides
                                  : draft_.out.relations[item.relation].strides;
        result.at =
            bare ? draft_.weight_operand(item.weight) : draft_.relation_operand(item.relation);
        auto add = [&](const term& at, int stride) {
            result.at.offset += at.offset * stride;
            if (at.variable == loop_time) draft_.add_time(result.at, rule_, stride);
            if (at.variable < 0) return;
            if (at.variable == row_) result.row += stride;
            if (at.variable == column_) result.column += stride;
            for (int outer = 0; outer < outers_.size(); ++outer)
                if (at.variable == outers_[outer]) result.outer[outer] += stride;
        };
        for (int axis = 0; axis < arity; ++axis) add(terms[axis], strides[axis]);
        if (item.has_element) add(item.element, 1);
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Chooses which rules are computed together, and lays out the parameters.

namespace sequent::inline SEQUENT_ABI::plan {

constexpr int aligned(int size) {
    return (size + 15) / 16 * 16;
}

/// The index of a weight that is in the head but not in the input stands between the weight's
/// inputs and its outputs: all heads become the columns of one matrix product.
template <class Draft>
constexpr void weave_weights(Draft& draft) {
    for (int at = 0; at < draft.in.text.rules.size(); ++at) {
        const rule& written = draft.rule_of(at);
        if (!is_row_rule(draft, at) || draft.is_block_output(at)) continue;
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = draft.literal_of(at, body);
            if (item.kind != literal_kind::relation || item.weight.weight < 0) continue;
            const weight_shape& shape = draft.in.weights[item.weight.weight];
            if (shape.uses != 1 || shape.looked_up || item.weight.transposed) continue;
            for (int axis = 0; axis < item.weight.arity; ++axis) {
                const int index = item.weight.terms[axis].variable;
                if (index < 0 || !((written.head_variables() >> index) & 1u)) continue;
                bool in_x = false;
                for (int other = 0; other < item.arity; ++other)
                    in_x = in_x || item.terms[other].variable == index;
                if (!in_x && draft.out.weights[item.weight.weight].interleaved < 0)
                    draft.out.weights[item.weight.weight].interleaved = axis;
            }
        }
    }
}

/// What makes a rule fit to be computed with others: one product, perhaps a bias, nothing else.
struct group_candidate {
    bool fits = false;
    literal x{};
    int row = -1;
    int segment = -1;
    int pairs = -1;
    int condition = -1;
    weight_use bias{};
    int columns = 0;
};

template <class Draft>
constexpr group_candidate candidate_of(Draft& draft, int at) {
    group_candidate result;
    const rule& written = draft.rule_of(at);
    if (draft.roles[at] != role::step || !is_row_rule(draft, at)) return result;
    if (written.transformations.size() || draft.head_of(at).output || draft.is_block_output(at) ||
        written.literals > 2 || written.variables.size() != written.arity ||
        written.recurs.partial || written.combined == combination::elementwise_product)
        return result;
    row_builder<Draft> builder(draft, at);
    const axes& chosen = builder.chosen();
    const bool recurs = written.recurs.loop >= 0;
    if ((chosen.row < 0 && chosen.pairs < 0 && !recurs) || chosen.outers.size()) return result;
    result.row = chosen.row;
    result.pairs = chosen.pairs;
    result.condition = draft.conditions.condition[at];
    result.segment = builder.chosen().segment;
    bool product = false;
    for (int body = 0; body < written.literals; ++body) {
        const literal& item = draft.literal_of(at, body);
        const bool bare = item.kind == literal_kind::weight;
        if (!bare && (item.weight.weight < 0 || is_symbol(draft, item))) return result;
        const weight_shape& shape = draft.in.weights[item.weight.weight];
        if (shape.uses != 1 || shape.looked_up || item.weight.frozen || item.weight.transposed)
            return result;
        const int indices = result.segment >= 0 ? 1 : 0;
        if (item.weight.arity != indices ||
            (indices && item.weight.terms[0].variable != result.segment))
            return result;
        if (bare) {
            result.bias = item.weight;
        } else {
            if (product) return result;
            product = true;
            result.x = item;
        }
    }
    if (!product) return result;
    for (int axis = 0; axis < result.x.arity; ++axis)
        if (result.row >= 0 && result.x.terms[axis].variable == result.row)
            result.x.terms[axis].variable = 0;
    result.columns = draft.head_of(at).value.size() *
                     (result.segment >= 0 ? written.variables[result.segment].extent : 1);
    result.fits = true;
    return result;
}

/// Whether both rules are computed in the same rounds of one recursion, or in none.
template <class Draft>
constexpr bool is_same_loop(const Draft& draft, int one, int other) {
    const recurrence& left = draft.rule_of(one).recurs;
    const recurrence& right = draft.rule_of(other).recurs;
    return left.loop == right.loop && left.first == right.first && left.last == right.last &&
           left.delay == right.delay &&
           draft.times_of(draft.rule_of(one)) == draft.times_of(draft.rule_of(other));
}

template <class Draft>
constexpr void group_products(Draft& draft) {
    list<group_candidate, Draft::rule_capacity> candidates{};
    candidates.reset(draft.in.text.rules.size());
    for (int at : draft.in.order) candidates[at] = candidate_of(draft, at);
    for (int place = 0; place < draft.in.order.size(); ++place) {
        const int at = draft.in.order[place];
        const group_candidate& first = candidates[at];
        if (!first.fits || draft.group_of[at] >= 0) continue;
        int members = 0;
        for (int later = place + 1; later < draft.in.order.size(); ++later) {
            const int other = draft.in.order[later];
            const group_candidate& next = candidates[other];
            bool same = next.fits && draft.rule_of(other).scope == draft.rule_of(at).scope &&
                        next.x.relation == first.x.relation && next.pairs == first.pairs &&
                        next.condition == first.condition &&
                        (next.bias.weight < 0) == (first.bias.weight < 0) &&
                        is_same_loop(draft, at, other);
            for (int axis = 0; same && axis < first.x.arity; ++axis)
                same = next.x.terms[axis] == first.x.terms[axis];
            if (!same) continue;
            if (members++ == 0) {
                draft.group_of[at] = draft.groups.push({at, 0, -1});
                draft.roles[at] = role::grouped;
            }
            draft.group_of[other] = draft.group_of[at];
            draft.roles[other] = role::grouped;
        }
    }
    for (int at : draft.in.order) {
        if (draft.group_of[at] < 0) continue;
        group& of = draft.groups[draft.group_of[at]];
        for (const weight_use& use : {candidates[at].x.weight, candidates[at].bias}) {
            if (use.weight < 0) continue;
            draft.out.weights[use.weight].group = draft.group_of[at];
            draft.out.weights[use.weight].group_column = of.columns;
        }
        of.columns += candidates[at].columns;
    }
}

/// Gives each weight of a scope its place, and the scopes within it theirs. Returns the scope's
/// size per layer.
template <class Draft>
constexpr int lay_out_parameters(Draft& draft, int scope, int base) {
    int size = 0;
    int matrix_of[Draft::rule_capacity]{};
    int bias_of[Draft::rule_capacity]{};
    for (int at = 0; at < Draft::rule_capacity; ++at) matrix_of[at] = bias_of[at] = -1;
    draft.out.scope_offset[scope] = base;
    for (int at = 0; at < draft.in.text.weights.size(); ++at) {
        const weight& declared = draft.in.text.weights[at];
        if (declared.scope != scope || draft.in.weights[at].uses == 0) continue;
        const weight_shape& shape = draft.in.weights[at];
        weight_layout& layout = draft.out.weights[at];
        const int rows = declared.shape[0];
        const int columns = declared.shape[1];
        int total = rows * columns;
        for (int axis = 0; axis < shape.arity; ++axis) total *= shape.extents[axis];
        if (layout.group >= 0) {
            // One panel for the group: for each input, the outputs of all its members.
            const group& of = draft.groups[layout.group];
            const bool matrix = declared.rank == 2;
            int& start = matrix ? matrix_of[layout.group] : bias_of[layout.group];
            if (start < 0) {
                start = size;
                size += aligned(matrix ? of.columns * columns : of.columns);
            }
            layout.offset = start + layout.group_column;
            layout.row = 1;
            layout.column = of.columns;
            if (shape.arity) layout.strides[0] = rows;
            continue;
        }
        layout.offset = size;
        size += aligned(total);
        bool bare = false;
        for (const literal& item : draft.in.text.literals)
            bare = bare || (item.kind == literal_kind::weight && item.weight.weight == at);
        const bool row_major = declared.rank == 2 && (shape.looked_up || bare);
        layout.row = row_major ? columns : 1;
        layout.column = row_major ? 1 : rows;
        int stride = rows * columns;
        if (layout.interleaved >= 0 && !row_major) {
            const int extent = shape.extents[layout.interleaved];
            layout.strides[layout.interleaved] = rows;
            layout.column = rows * extent;
            stride *= extent;
        }
        for (int axis = shape.arity; axis-- > 0;) {
            if (axis == layout.interleaved && !row_major) continue;
            layout.strides[axis] = stride;
            stride *= shape.extents[axis];
        }
    }
    for (int inner = 1; inner < draft.in.text.scopes.size(); ++inner) {
        if (draft.in.text.scopes[inner].parent != scope) continue;
        const int each = lay_out_parameters(draft, inner, base + size);
        size += each * draft.in.text.scopes[inner].repeat;
    }
    draft.out.scope_parameters[scope] = size;
    return size;
}

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Turns each rule into a step, in order.

namespace sequent::inline SEQUENT_ABI::plan {

template <class Draft>
class builder {
  public:
    constexpr explicit builder(Draft& draft) : draft_(draft) {
        weave_weights(draft_);
        find_attention();
        find_inlined();
        group_products(draft_);
        draft_.out.parameters = lay_out_parameters(draft_, 0, 0);
        for (int at = 0; at < draft_.in.text.relations.size(); ++at) lay_out_fact(at);
        emit_scope(0);
    }

  private:
    Draft& draft_;

    constexpr void find_attention() {
        for (int at : draft_.in.order) {
            attention_matcher<Draft> matcher(draft_, at);
            if (!matcher.matched) continue;
            for (int part : matcher.absorbed) draft_.roles[part] = role::absorbed;
        }
    }

    constexpr void find_inlined() {
        for (int at : draft_.in.order) {
            if (draft_.roles[at] != role::step || !can_inline(draft_, at)) continue;
            if (draft_.roles[draft_.user[at]] == role::step) draft_.roles[at] = role::inlined;
        }
    }

    constexpr void lay_out_fact(int relation) {
        const relation_shape& shape = draft_.in.relations[relation];
        if (shape.fact < 0) return;
        relation_layout& layout = draft_.out.relations[relation];
        layout.where = place::fact;
        layout.index = shape.fact;
        pack(layout, relation);
    }

    /// Strides in the order of the arguments, pairs outermost; returns the size.
    constexpr int pack(relation_layout& layout, int relation) {
        const relation_shape& shape = draft_.in.relations[relation];
        layout.pairs = draft_.pairs_of(relation);
        int stride = shape.value.size();
        for (int axis = shape.arity; axis-- > 0;) {
            if (layout.pairs.has(axis)) continue;
            layout.strides[axis] = stride;
            stride *= shape.extents[axis];
        }
        if (!layout.pairs.any()) return stride;
        layout.pair_stride = stride;
        return stride * draft_.in.facts[layout.pairs.fact].pairs;
    }

    constexpr void emit_scope(int scope) {
        int begin = -1;
        for (int at : draft_.in.order) {
            if (draft_.rule_of(at).scope != scope) continue;
            begin = enter_loop(at, begin);
            if (draft_.rule_of(at).repeat)
                emit_stack(at);
            else
                emit_rule(at);
        }
        enter_loop(-1, begin);
    }

    /// Ends the recursion that began with step `begin`, if `at` is no rule of it, and begins that
    /// of `at`. Returns its first step, or -1.
    constexpr int enter_loop(int at, int begin) {
        const int loop = at < 0 ? -1 : draft_.rule_of(at).recurs.loop;
        if (begin >= 0) {
            const step first = draft_.out.steps[begin];
            if (draft_.rule_of(first.rule).recurs.loop == loop) return begin;
            const int end = push(step_kind::repeat_end, begin, first.rule);
            draft_.out.steps[begin].at = end;
            mark_loop(draft_.out.steps[end], first.rule);
        }
        if (loop < 0) return -1;
        lay_out_loop(loop);
        const int made = push(step_kind::repeat_begin, 0, at);
        mark_loop(draft_.out.steps[made], at);
        return made;
    }
    /// A recursion reads relations before it computes them, so that all must have their places
    /// first: its steps are built once for these alone.
    constexpr void lay_out_loop(int loop) {
        auto& out = draft_.out;
        const int kept[] = {out.steps.count, out.rows.count, out.attentions.count,
                            out.generals.count};
        for (int at : draft_.in.order)
            if (draft_.rule_of(at).recurs.loop == loop) emit_rule(at);
        out.steps.count = kept[0];
        out.rows.count = kept[1];
        out.attentions.count = kept[2];
        out.generals.count = kept[3];
    }
    constexpr void mark_loop(step& to, int at) const {
        const recurrence& recurs = draft_.rule_of(at).recurs;
        to.depth = draft_.depth_of(draft_.rule_of(at).scope);
        to.recurs = true;
        to.backward = recurs.backward;
        to.first = 0;
        to.last = never;
        to.repeat = 0;
        for (int member : draft_.in.order) {
            const recurrence& other = draft_.rule_of(member).recurs;
            if (other.loop == recurs.loop && other.last > to.repeat) to.repeat = other.last;
        }
    }

    constexpr int push(step_kind kind, int at, int rule) {
        step made;
        made.kind = kind;
        made.at = at;
        made.rule = rule;
        const recurrence& recurs = draft_.rule_of(rule).recurs;
        made.depth = draft_.depth_of(draft_.rule_of(rule).scope) + (recurs.loop >= 0 ? 1 : 0);
        made.first = recurs.first;
        made.last = recurs.last;
        return draft_.out.steps.push(made);
    }

    constexpr void emit_rule(int at) {
        const role what = draft_.roles[at];
        if (what == role::inlined || what == role::absorbed) return;
        if (what == role::grouped) {
            emit_group(at);
        } else if (is_alias(at)) {
            draft_.roles[at] = role::alias;
        } else if (is_row_rule(draft_, at)) {
            emit_row(at);
        } else {
            attention_matcher<Draft> matcher(draft_, at);
            if (matcher.matched)
                emit_attention(at, matcher);
            else
                emit_general(at);
        }
    }

    /// A stacked block's output goes to where the next layer reads its input.
    constexpr bool lay_out_in_carry(int at) {
        if (!draft_.is_block_output(at)) return false;
        const int scope = draft_.rule_of(at).scope;
        relation_layout& layout = draft_.out.relations[draft_.rule_of(at).head];
        layout = draft_.out.relations[draft_.in.block_input[scope]];
        layout.offset += layout.carry;
        return true;
    }

    /// Before, or by another rule for other times.
    constexpr bool is_laid_out(int at) const {
        return draft_.rule_of(at).recurs.loop >= 0 &&
               draft_.out.relations[draft_.rule_of(at).head].where == place::value;
    }

    constexpr void emit_row(int at) {
        const rule& written = draft_.rule_of(at);
        row_builder<Draft> row(draft_, at);
        const int size = row.size() * draft_.times_of(written);
        if (!lay_out_in_carry(at) && !is_laid_out(at))
            row.lay_out(draft_.new_buffer(size, written.scope), 0, 0);
        row_step made = row.build();
        if (needs_input(made)) {
            // The sum before the functions, in the same layout as the result.
            made.before = made.out;
            relation_layout& layout = draft_.out.relations[written.head];
            const relation_layout kept = layout;
            layout.carry = 0;
            row.lay_out(draft_.new_buffer(size, written.scope), 0, 0);
            made.before = row.build().out;
            layout = kept;
        }
        push(step_kind::rows, draft_.out.rows.push(made), at);
    }

    /// Whether the gradient of the functions cannot be had from their result alone.
    static constexpr bool needs_input(const row_step& made) {
        int remembering = 0;
        for (const row_function& function : made.functions) {
            switch (function.kind) {
                case transformation::identity:
                case transformation::rotary:
                case transformation::rotary_halves:
                case transformation::sinusoidal:
                case transformation::dropout:
                    break;
                case transformation::relu:
                case transformation::leaky_relu:
                case transformation::sigmoid:
                case transformation::tanh:
                case transformation::exp:
                case transformation::sqrt:
                case transformation::inverse:
                case transformation::complement:
                case transformation::softmax:
                case transformation::sparsemax:
                    ++remembering;
                    break;
                default:
                    return true;
            }
        }
        return remembering > 0 && made.functions.size() > 1;
    }

    constexpr void emit_group(int at) {
        group& of = draft_.groups[draft_.group_of[at]];
        if (of.first_rule != at) return;
        int offset = 0;
        for (int member : draft_.in.order) {
            if (draft_.group_of[member] != draft_.group_of[at]) continue;
            row_builder<Draft> row(draft_, member);
            if (of.buffer < 0) {
                const rule& written = draft_.rule_of(member);
                of.buffer = draft_.new_buffer(row.rows() * of.columns * draft_.times_of(written),
                                              written.scope);
            }
            row.lay_out(of.buffer, offset, of.columns);
            const group_candidate shape = candidate_width(member, row.chosen());
            offset += shape.columns;
        }
        row_step made = row_builder<Draft>(draft_, at).build();
        made.segments = 1;
        made.length = of.columns;
        for (row_term& term : made.terms) term.w.column = term.x.column = 0;
        made.out.column = 0;
        push(step_kind::rows, draft_.out.rows.push(made), at);
    }

    constexpr group_candidate candidate_width(int at, const axes& chosen) const {
        group_candidate result;
        const rule& written = draft_.rule_of(at);
        result.columns = draft_.head_of(at).value.size() *
                         (chosen.segment >= 0 ? written.variables[chosen.segment].extent : 1);
        return result;
    }

    /// The same numbers under another name: y(i) <<= x(i), or the heads concatenated where they
    /// already lie side by side.
    constexpr bool is_alias(int at) {
        const rule& written = draft_.rule_of(at);
        if (written.literals != 1 || written.transformations.size() ||
            draft_.conditions.condition[at] >= 0 || draft_.is_block_output(at))
            return false;
        const literal& item = draft_.literal_of(at, 0);
        if (item.kind != literal_kind::relation || item.weight.weight >= 0 || item.has_element ||
            !item.gives_value() || !covers(draft_, written, item) || is_symbol(draft_, item))
            return false;
        if (written.combined == combination::cosine || written.aggregated == aggregation::softmax ||
            written.aggregated == aggregation::count)
            return false;
        const relation_layout& from = draft_.out.relations[item.relation];
        if (from.where == place::none) return false;  // inlined into this rule
        if (from.where == place::fact && draft_.head_of(at).output) return false;
        const value_shape shape = draft_.value_of(item);
        if (item.transposed && shape.rows != 1 && shape.columns != 1) return false;
        relation_layout layout = from;
        for (int& stride : layout.strides) stride = 0;
        unsigned seen = 0;
        const unsigned head = written.head_variables();
        for (int axis = 0; axis < item.arity; ++axis) {
            const int variable = item.terms[axis].variable;
            if (variable < 0 || ((seen >> variable) & 1u)) return false;
            seen |= 1u << variable;
            layout.offset += item.terms[axis].offset * from.strides[axis];
        }
        // Aggregated variables must lie right outside the value.
        if ((seen & ~head) && written.aggregated != aggregation::concat) return false;
        int length = shape.size();
        for (int at_order = written.aggregated_order.size(); at_order-- > 0;) {
            int axis = 0;
            while (axis < item.arity &&
                   item.terms[axis].variable != written.aggregated_order[at_order])
                ++axis;
            if (axis == item.arity || from.strides[axis] != length) return false;
            length *= written.variables[item.terms[axis].variable].extent;
        }
        if ((seen & head) != head || seen != (1u << written.variables.size()) - 1) return false;
        for (int axis = 0; axis < item.arity; ++axis)
            for (int place = 0; place < written.arity; ++place)
                if (written.terms[place].variable == item.terms[axis].variable)
                    layout.strides[place] = from.strides[axis];
        if (from.carry) return false;
        draft_.out.relations[written.head] = layout;
        return true;
    }

    constexpr void emit_attention(int at, attention_matcher<Draft>& matcher) {
        if (!lay_out_in_carry(at) && !is_laid_out(at)) matcher.lay_out();
        matcher.fill();
        attention_step made = matcher.step;
        const rule& written = draft_.rule_of(at);
        int outer = 1;
        for (int index = 0; index < made.outers; ++index) outer *= made.outer_extents[index];
        made.log_sum.at.where = place::value;
        made.log_sum.at.index =
            draft_.new_buffer(outer * made.rows * draft_.times_of(written), written.scope);
        if (written.recurs.loop >= 0) {
            draft_.add_time(made.log_sum.at, written, outer * made.rows);
            made.log_sum.at.offset -= written.recurs.delay * outer * made.rows;
        }
        made.log_sum.row = 1;
        int stride = made.rows;
        for (int index = made.outers; index-- > 0;) {
            made.log_sum.outer[index] = stride;
            stride *= made.outer_extents[index];
        }
        keep_scores(made, outer, at);
        push(step_kind::attention, draft_.out.attentions.push(made), at);
    }

    /// Few scores that are long products are kept for the gradient, so that the memory does not
    /// grow with the square of the sequence. A vector more in each row keeps reads of whole vectors
    /// inside, and rows of a round length off the same lines of the cache.
    constexpr void keep_scores(attention_step& made, int outer, int at) {
        constexpr int most_numbers = 1 << 16;
        constexpr int least_depth = 48;
        const score_node& score = made.nodes[made.nodes.size() - 1];
        if (draft_.rule_of(at).recurs.loop >= 0) return;
        if (score.kind != score_kind::dot || score.depth < least_depth || score.value <= 0 ||
            outer * made.rows > most_numbers / made.columns)
            return;
        made.scores.row = (made.columns + 15) / 16 * 16 + 16;
        made.scores.at.where = place::value;
        made.scores.at.index =
            draft_.new_buffer(outer * made.rows * made.scores.row, draft_.rule_of(at).scope);
        int stride = made.rows * made.scores.row;
        for (int index = made.outers; index-- > 0;) {
            made.scores.outer[index] = stride;
            stride *= made.outer_extents[index];
        }
    }

    // Stacks: the input is copied to where the first layer reads it; each layer writes where the
    // next one reads.

    constexpr void emit_stack(int at) {
        const rule& written = draft_.rule_of(at);
        const int input = draft_.in.block_input[written.block];
        const literal& item = draft_.literal_of(at, 0);
        relation_layout& carried = draft_.out.relations[input];
        carried = {};
        carried.where = place::value;
        const int size = aligned(pack(carried, input));
        carried.index = draft_.new_buffer(size * (written.repeat + 1), written.scope);
        carried.carry = size;
        row_step copy = copy_step(item.relation, input);
        // The first layer's place: the copy stands outside the stack.
        const int level = draft_.depth_of(written.block) - 1;
        copy.out.at.layer_strides[level] = copy.out.at.adjoint_layer_strides[level] = 0;
        if (written.arity > 0) copy.row_variable = written.terms[0].variable;
        push(step_kind::rows, draft_.out.rows.push(copy), at);
        const int begin = push(step_kind::repeat_begin, 0, at);
        draft_.out.steps[begin].repeat = written.repeat;
        emit_scope(written.block);
        const int end = push(step_kind::repeat_end, begin, at);
        draft_.out.steps[end].repeat = written.repeat;
        draft_.out.steps[begin].at = end;
        carried.offset += size * written.repeat;
        carried.carry = 0;
        // Of a block that ends with a stack, the next layer reads the output elsewhere.
        if (lay_out_in_carry(at))
            push(step_kind::rows, draft_.out.rows.push(copy_step(input, written.head)), at);
        else
            draft_.out.relations[written.head] = carried;
    }

    constexpr row_step copy_step(int from, int to) const {
        const relation_shape& shape = draft_.in.relations[to];
        row_step made;
        made.length = shape.value.size();
        row_term term;
        term.relation = from;
        term.x.at = draft_.relation_operand(from);
        made.out.at = draft_.relation_operand(to);
        const relation_layout& source = draft_.out.relations[from];
        const relation_layout& target = draft_.out.relations[to];
        if (target.pairs.any()) {
            made.rows = draft_.in.facts[target.pairs.fact].pairs;
            term.x.row = source.pair_stride;
            made.out.row = target.pair_stride;
        }
        for (int axis = 0; axis < shape.arity; ++axis) {
            if (target.pairs.has(axis)) continue;
            if (axis == 0 && !target.pairs.any()) {
                made.rows = shape.extents[0];
                term.x.row = source.strides[0];
                made.out.row = target.strides[0];
            } else {
                made.outer_extents[made.outers] = shape.extents[axis];
                term.x.outer[made.outers] = source.strides[axis];
                made.out.outer[made.outers++] = target.strides[axis];
            }
        }
        made.terms.push(term);
        return made;
    }

    constexpr void emit_general(int at) {
        const rule& written = draft_.rule_of(at);
        relation_layout& layout = draft_.out.relations[written.head];
        if (!lay_out_in_carry(at) && !is_laid_out(at)) {
            layout = {};
            layout.where = place::value;
            layout.index = draft_.new_buffer(pack(layout, written.head), written.scope);
        }
        push(step_kind::general,
             draft_.out.generals.push(general_builder<Draft>(draft_, at).build()), at);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Gives each buffer a place in the workspace by the time in which it is needed, and the steps
/// their final offsets. Forward steps are the times 0 .. S-1; at S the outputs' gradients are
/// given; the steps' own follow in S+1 .. 2S.

namespace sequent::inline SEQUENT_ABI::plan {

/// How a step uses an operand, for how long its numbers must last.
enum class usage { now, until_gradient };

template <class Row, class Visit>
constexpr void visit_row(Row& row, Visit visit) {
    const bool functions = row.functions.size() > 0;
    for (auto& term : row.terms) {
        const bool read_again = term.kind != term_kind::add || row.multiplies;
        visit(term.x.at, read_again ? usage::until_gradient : usage::now);
        visit(term.w.at, usage::now);
    }
    for (auto& function : row.functions)
        for (auto& weight : function.weights) visit(weight.at, usage::now);
    const bool kept = row.before.at.where != place::none;
    visit(row.out.at, functions && !kept ? usage::until_gradient : usage::now);
    visit(row.before.at, usage::until_gradient);
}

template <class Attention, class Visit>
constexpr void visit_attention(Attention& attention, Visit visit) {
    for (auto& node : attention.nodes) {
        visit(node.x.at, usage::until_gradient);
        visit(node.y.at, usage::until_gradient);
    }
    visit(attention.value.at, usage::until_gradient);
    visit(attention.out.at, usage::until_gradient);
    visit(attention.log_sum.at, usage::until_gradient);
    visit(attention.scores.at, usage::until_gradient);
}

template <class General, class Visit>
constexpr void visit_general(General& general, Visit visit) {
    for (auto& item : general.literals) {
        visit(item.at, usage::until_gradient);
        visit(item.weight, usage::now);
    }
    for (auto& function : general.functions)
        for (auto& weight : function.weights) visit(weight, usage::now);
    visit(general.out, usage::until_gradient);
}

template <class Tables, class Step, class Visit>
constexpr void visit_operands(Tables& tables, const Step& at, Visit visit) {
    if (at.kind == step_kind::rows) visit_row(tables.rows[at.at], visit);
    if (at.kind == step_kind::attention) visit_attention(tables.attentions[at.at], visit);
    if (at.kind == step_kind::general) visit_general(tables.generals[at.at], visit);
}

template <class Draft>
class memory_planner {
  public:
    constexpr explicit memory_planner(Draft& draft) : draft_(draft), out_(draft.out) {
        find_lifetimes();
        for (buffer& each : out_.buffers) {
            const int copies = copies_of(each.scope);
            each.copies = copies;
            each.size = aligned(each.size);
        }
        place_buffers();
        set_births();
        for (const step& at : out_.steps)
            visit_operands(out_, at, [this](operand& used, usage) { resolve(used); });
        for (relation_layout& layout : out_.relations) {
            if (layout.where != place::value) continue;
            layout.offset += out_.buffers[layout.index].offset;
        }
    }

  private:
    Draft& draft_;
    decltype(draft_.out)& out_;

    constexpr int copies_of(int scope) const {
        int copies = 1;
        for (; scope > 0; scope = draft_.in.text.scopes[scope].parent)
            copies *= draft_.in.text.scopes[scope].repeat;
        return copies;
    }

    constexpr int backward_of(int at) const { return 2 * out_.steps.size() - at; }

    constexpr void use(buffer& each, int first, int last) {
        if (first < each.first) each.first = first;
        if (last > each.last) each.last = last;
    }

    constexpr void find_lifetimes() {
        const int steps = out_.steps.size();
        int loops[max_loops]{};  // the steps that begin the stacks and the recursion around
        for (int at = 0; at < steps; ++at) {
            const step& each = out_.steps[at];
            if (each.kind == step_kind::repeat_begin) loops[each.depth] = at;
            visit_operands(out_, each, [&](const operand& used, usage how) {
                if (used.where != place::value) return;
                buffer& of = out_.buffers[used.index];
                // What comes from outside of loops lasts for all of their rounds.
                const int outside = draft_.depth_of(of.scope);
                const int begin = outside < each.depth ? loops[outside] : at;
                const int end = outside < each.depth ? out_.steps[begin].at : at;
                if (of.scope > 0) {
                    // Kept from layer to layer: through both passes of the whole stack.
                    use(of, loops[0], backward_of(loops[0]));
                } else {
                    use(of, begin, how == usage::until_gradient ? backward_of(begin) : end);
                }
                // Keys and values of earlier rows must outlast a run for later ones.
                if (each.kind == step_kind::attention) use(of, 0, end);
                if (backward_of(end) < of.adjoint_first) of.adjoint_first = backward_of(end);
                if (backward_of(begin) > of.adjoint_last) of.adjoint_last = backward_of(begin);
            });
        }
        for (int relation : draft_.in.outputs) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value) continue;
            buffer& of = out_.buffers[layout.index];
            use(of, steps, 2 * steps + 1);
            of.adjoint_first = steps;
            if (of.adjoint_last < steps) of.adjoint_last = steps;
        }
    }

    struct interval {
        int offset = 0;
        int size = 0;
        int first = 0;
        int last = 0;
    };

    constexpr void place_buffers() {
        list<interval, 2 * decltype(out_.buffers)::capacity()> placed{};
        auto put = [&](int size, int first, int last) {
            int offset = 0;
            bool moved = true;
            while (moved) {
                moved = false;
                for (const interval& other : placed) {
                    if (other.last < first || other.first > last) continue;
                    if (offset + size <= other.offset || other.offset + other.size <= offset)
                        continue;
                    offset = other.offset + other.size;
                    moved = true;
                }
            }
            placed.push({offset, size, first, last});
            if (offset + size > out_.workspace) out_.workspace = offset + size;
            return offset;
        };
        auto put_adjoint = [&](buffer& each) {
            if (each.last >= 0 && each.adjoint_last >= 0)
                each.adjoint = put(each.size, each.adjoint_first, each.adjoint_last);
        };
        for (buffer& each : out_.buffers) {
            if (each.last < 0) continue;
            each.offset = put(each.size * each.copies, each.first, each.last);
            if (!draft_.recurs) put_adjoint(each);
        }
        // Those of a recursion are all born at once: together, they can be cleared at once.
        if (draft_.recurs)
            for (buffer& each : out_.buffers) put_adjoint(each);
    }

    constexpr void set_births() {
        for (const buffer& each : out_.buffers) {
            if (each.adjoint < 0) continue;
            const int at = 2 * out_.steps.size() - each.adjoint_first;
            if (at >= out_.steps.size()) continue;
            auto& births = out_.steps[at].births;
            birth* last = births.size() ? births.end() - 1 : nullptr;
            if (last && last->offset + last->size == each.adjoint)
                last->size += each.size;
            else
                births.push({each.adjoint, each.size});
        }
    }

    constexpr void resolve(operand& used) {
        if (used.where != place::value) return;
        const buffer& of = out_.buffers[used.index];
        used.adjoint = of.adjoint + used.offset;
        used.offset += of.offset;
        // One copy per layer; an inner stack's copies stand together within an outer layer.
        int stride = of.size;
        for (int scope = of.scope; scope > 0; scope = draft_.in.text.scopes[scope].parent) {
            used.layer_strides[draft_.depth_of(scope) - 1] += stride;
            stride *= draft_.in.text.scopes[scope].repeat;
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Whether a plan can run for rows [begin, end) of the sequence alone, on the memory that earlier
/// rows have left: a prefix, or one new position after another.

namespace sequent::inline SEQUENT_ABI::plan {

template <int Steps>
struct rows_form {
    bool possible = true;
    int rule = -1;           // that stands in the way
    int rows = 0;            // how many there are in all
    unsigned sequences = 0;  // a bit for each fact whose first argument is the position
    bool once[Steps]{};      // steps that follow from other facts, or from none
};

/// Arguments that are one variable in some rule run together. What runs together with the first
/// argument of the outputs are positions, and the facts of which it is the first argument are the
/// sequence; what does not depend on these is computed once. Another step runs by rows if its rows
/// are positions, and an attention step if no row needs a later column.
template <class Shaped, class Tables>
class rows_form_finder {
  public:
    rows_form<decltype(Tables::steps)::capacity()> found{};

    constexpr rows_form_finder(const Shaped& program, const Tables& tables)
        : in(program), tables_(tables) {
        for (int at = 0; at < arguments; ++at) together_[at] = at;
        for (int at = 0; at < in.text.relations.size(); ++at)
            if (const int fact = in.relations[at].fact; fact >= 0) depends_[at] = 1u << fact;
        // Twice, since the rules of a recursion follow from later ones.
        for (int time = 0; time < 2; ++time)
            for (int at : in.order) follow(in.text.rules[at]);
        find_positions();
        for (int at = 0; at < tables_.steps.size(); ++at) {
            const step& each = tables_.steps[at];
            const bool alone = !(depends_[in.text.rules[each.rule].head] & found.sequences);
            found.once[at] = alone;
            if (found.possible && !alone && !runs_by_rows(each)) {
                found.possible = false;
                found.rule = each.rule;
            }
        }
    }

  private:
    static constexpr int arguments = decltype(Shaped::relations)::capacity() * max_arity;

    const Shaped& in;
    const Tables& tables_;
    unsigned depends_[decltype(in.relations)::capacity()]{};  // on which facts
    int together_[arguments]{};  // a chain from each argument to the one that stands for its class
    unsigned positions_[decltype(in.relations)::capacity()]{};  // a bit for each argument

    static constexpr int argument(int relation, int axis) { return relation * max_arity + axis; }
    constexpr int class_of(int at) {
        while (together_[at] != at) at = together_[at] = together_[together_[at]];
        return at;
    }
    constexpr void join(int one, int other) {
        if (one >= 0) together_[class_of(one)] = class_of(other);
    }
    constexpr void join_all(int one, int other) {
        depends_[other] |= depends_[one];
        for (int axis = 0; axis < max_arity; ++axis)
            join(argument(one, axis), argument(other, axis));
    }

    constexpr void bind_inputs(int scope) {
        if (scope == 0) return;
        bind_inputs(in.text.scopes[scope].parent);
        const int input = in.block_input[scope];
        positions_[input] = positions_[in.relations[input].passes_into];
    }

    constexpr void follow(const rule& written) {
<<<<<<< HEAD
        bind_inputs(written.scope);
=======
        if (written.scope > 0) {
            const int input = in.block_input[written.scope];
            join_all(in.relations[input].passes_into, input);
            join_all(input, in.block_output[written.scope]);
        }
>>>>>>> step
        if (written.repeat) {
            join_all(in.block_output[written.block], written.head);
            return;
        }
        int first[max_variables]{};
        for (int& at : first) at = -1;
        const auto visit = [&](int relation, const term* terms, int arity) {
            for (int axis = 0; axis < arity; ++axis) {
                if (terms[axis].variable < 0) continue;
                join(first[terms[axis].variable], argument(relation, axis));
                first[terms[axis].variable] = argument(relation, axis);
            }
        };
        visit(written.head, written.terms, written.arity);
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = in.text.literals[written.first_literal + body];
            if (item.kind != literal_kind::relation) continue;
            depends_[written.head] |= depends_[item.relation];
            visit(item.relation, item.terms, item.arity);
        }
    }

    constexpr bool can_be_sequence(int fact) const {
        return in.facts[fact].kind != fact_kind::count && in.facts[fact].rank > 0;
    }

    constexpr void find_positions() {
        int classes[decltype(in.outputs)::capacity() + 1]{};
        int count = 0;
        for (int output : in.outputs)
            if (in.relations[output].arity > 0) classes[count++] = class_of(argument(output, 0));
        const auto mark = [&] {
            for (int at = 0; at < in.text.relations.size(); ++at)
                for (int axis = 0; axis < in.relations[at].arity; ++axis)
                    for (int each = 0; each < count; ++each)
                        if (class_of(argument(at, axis)) == classes[each])
                            positions_[at] |= 1u << axis;
            for (int at = 0; at < in.text.relations.size(); ++at)
                if (const int fact = in.relations[at].fact;
                    fact >= 0 && (positions_[at] & 1u) && can_be_sequence(fact))
                    found.sequences |= 1u << fact;
        };
        mark();
        // Outputs that meet no fact run along the first one.
        for (int at = 0; at < in.text.relations.size() && !found.sequences; ++at)
            if (in.relations[at].fact >= 0 && can_be_sequence(in.relations[at].fact)) {
                classes[count++] = class_of(argument(at, 0));
                mark();
            }
        for (int at = 0; at < in.facts.size(); ++at)
            if (((found.sequences >> at) & 1u) && found.rows == 0)
                found.rows = in.facts[at].extents[0];
        // So do symbols that are only compared.
        for (int at = 0; at < in.text.compared.size(); ++at)
            if (const int fact = compared_fact(in, at);
                fact >= 0 && in.facts[fact].extents[0] == found.rows)
                found.sequences |= 1u << fact;
        for (int at = 0; at < in.facts.size(); ++at)
            if (((found.sequences >> at) & 1u) &&
                (in.facts[at].extents[0] != found.rows || in.facts[at].is_sparse())) {
                found.possible = false;
                found.rule = in.relations[in.outputs[0]].rule;
            }
    }

    /// The variables of a rule that are positions.
    constexpr unsigned variables_of(const rule& written) const {
        unsigned result = 0;
        const auto visit = [&](int relation, const term* terms, int arity) {
            for (int axis = 0; axis < arity; ++axis)
                if (((positions_[relation] >> axis) & 1u) && terms[axis].variable >= 0)
                    result |= 1u << terms[axis].variable;
        };
        visit(written.head, written.terms, written.arity);
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = in.text.literals[written.first_literal + body];
            if (item.kind == literal_kind::relation) visit(item.relation, item.terms, item.arity);
        }
        return result;
    }

    constexpr bool runs_by_rows(const step& each) const {
        if (each.recurs) return false;
        const rule& written = in.text.rules[each.rule];
        const unsigned positions = variables_of(written);
        if (each.kind == step_kind::rows) {
            const row_step& row = tables_.rows[each.at];
            if (row.rows != found.rows || row.row_variable < 0) return false;
            for (const row_term& term : row.terms)
                if (term.relation >= 0 && positions_[term.relation] && term.x.row == 0)
                    return false;
            return (positions & written.head_variables()) == 1u << row.row_variable;
        }
        if (each.kind == step_kind::attention) {
            const attention_step& attention = tables_.attentions[each.at];
            if (attention.rows != found.rows || attention.row_variable < 0) return false;
            if ((positions & written.head_variables()) != 1u << attention.row_variable)
                return false;
            if (!((positions >> attention.column_variable) & 1u)) return true;
            const int rounds = different_rounds(tables_.pool, attention);
            for (int round = 0; round < rounds; ++round) {
                const auto condition = condition_in_round(tables_.pool.nodes, attention, round);
                if (!looks_back(condition, condition.root, attention.row_variable,
                                attention.column_variable, found.rows))
                    return false;
            }
            return true;
        }
        return each.kind != step_kind::general;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Gives relations, variables and weights their extents and values their shapes, puts the rules in
/// order, and finds what does not fit.

namespace sequent::inline SEQUENT_ABI::plan {

constexpr bool is_elementwise(combination kind) {
    return kind != combination::product && kind != combination::concat &&
           kind != combination::cosine;
}

template <sizes Sizes, int Facts>
class shaper {
  public:
    shaped<Sizes, Facts> out{};

    constexpr shaper(const source<Sizes>& text, const list<fact_shape, Facts>& facts,
                     const list<name, max_queries>& queries) {
        out.text = text;
        out.facts = facts;
        for (int at = 0; at < text.relations.size(); ++at) out.relations.push({});
        for (int at = 0; at < text.weights.size(); ++at) out.weights.push({});
        if (text.mistake != fault::none) {
            for (const rule& written : text.rules)
                if (written.number == text.mistaken_rule && written.scope == text.mistaken_scope)
                    fail(text.mistake, written, -1);
            return;
        }
        bind_facts();
        if (ok()) check_rules();
        if (ok()) put_in_order();
        bool settling = settle_all();
        if (ok() && !settling && has_unbound()) {
            moved_bind_ = true;
            settling = settle_all();
        }
        for (int at : out.order)  // a recursion that goes on for ever
            if (ok() && settling && out.text.rules[at].recurs.loop >= 0)
                fail(fault::head_variable_that_nothing_binds, out.text.rules[at], -1);
        if (ok()) check_extents();
        settled_ = true;
        if (ok()) settle();
        if (ok()) find_outputs(queries);
    }

  private:
    bool settled_ = false;
    bool moved_bind_ = false;  // once all others have, arguments with an offset bind variables

    constexpr bool ok() const { return out.mistake.ok(); }

    /// Shapes are judged once all extents are known.
    constexpr void misfit(const rule& at, int relation, int left, int right) {
        if (settled_) fail(fault::shapes_do_not_fit, at, relation, left, right);
    }

    constexpr void fail(fault found, const rule& at, int relation, int left = 0, int right = 0) {
        if (!ok()) return;
        const int shown = relation >= 0 ? relation : at.head;
        const int stacking = out.text.scopes[at.scope].rule;
        out.mistake = {found, at.number, out.text.relations[shown].id,
                       left,  right,     stacking < 0 ? -1 : out.text.rules[stacking].number};
    }

    constexpr literal& item(const rule& of, int at) {
        return out.text.literals[of.first_literal + at];
    }

    constexpr void bind_facts() {
        for (int at = 0; at < out.text.rules.size(); ++at) {
            const rule& written = out.text.rules[at];
            out.relations[written.head].rule = at;
        }
        for (int at = 0; at < out.text.relations.size(); ++at) {
            const relation& known = out.text.relations[at];
            if (known.scope != 0 || known.invented) continue;
            out.relations[at].fact = fact_named(known.id);
            if (out.relations[at].fact >= 0 && out.relations[at].rule >= 0)
                fail(fault::a_fact_cannot_be_a_head, out.text.rules[out.relations[at].rule], at);
        }
        for (int at = 0; at < out.text.counts.size(); ++at) {
            bool given = false;
            for (const fact_shape& known : out.facts)
                if (known.kind == fact_kind::count && known.id == out.text.counts[at]) given = true;
            if (given || !ok()) continue;
            for (const rule& written : out.text.rules)
                if (mentions(node_kind::count, written, at))
                    fail(fault::a_count_that_is_not_given, written, -1);
        }
        for (int at = 0; at < out.text.compared.size(); ++at) {
            if (compared_fact(out, at) >= 0) continue;
            for (const rule& written : out.text.rules)
                if (mentions(node_kind::same_symbol, written, at))
                    fail(fault::only_symbols_of_one_index_are_compared, written, -1);
        }
        for (int scope = 1; ok() && scope < out.text.scopes.size(); ++scope) bind_outside(scope);
        for (int scope = 1; ok() && scope < out.text.scopes.size(); ++scope) bind_block(scope);
    }

    /// Whether the rule mentions a count, or compares a fact.
    constexpr bool mentions(node_kind kind, int root, int value) const {
        if (root < 0) return false;
        const node& top = out.text.nodes[root];
        return (top.kind == kind && top.value == value) || mentions(kind, top.left, value) ||
               mentions(kind, top.right, value);
    }
    constexpr bool mentions(node_kind kind, const rule& written, int value) {
        bool found = mentions(kind, written.condition, value);
        for (int at = 0; at < written.literals; ++at)
            found = found || mentions(kind, item(written, at).expression, value);
        for (const transformation_use& function : written.transformations)
            found = found || mentions(kind, function.position, value);
        return found;
    }

    constexpr int fact_named(const name& id) const {
        for (int given = 0; given < out.facts.size(); ++given)
            if (out.facts[given].id == id && out.facts[given].kind != fact_kind::count)
                return given;
        return -1;
    }

    /// A stacked block's one relation without a rule is its input. Of several, those that the
    /// program around knows are that program's, and the one that it does not know is the input; if
    /// it knows all, the one with the name of what the block is applied to.
    constexpr void bind_outside(int scope) {
        const rule& stacking = out.text.rules[out.text.scopes[scope].rule];
        list<int, Sizes.rules + Sizes.literals> open{};
        for (int at = 0; at < out.text.relations.size(); ++at)
            if (out.text.relations[at].scope == scope && out.relations[at].rule < 0) open.push(at);
        int input = open.size() == 1 ? open[0] : -1;
        for (int at : open) {
            if (open.size() == 1 || is_known(outside_of(at))) continue;
            if (input >= 0) {
                fail(fault::two_inputs_of_a_stacked_block, stacking, -1);
                out.mistake.first = out.text.relations[input].id;
                out.mistake.second = out.text.relations[at].id;
                return;
            }
            input = at;
        }
        for (int at : open)
            if (input < 0 && stacking.literals == 1 &&
                item(stacking, 0).kind == literal_kind::relation &&
                out.text.relations[at].id == out.text.relations[item(stacking, 0).relation].id)
                input = at;
        if (input < 0) {
            fail(fault::a_stacked_block_has_one_input_and_one_output, stacking, -1);
            return;
        }
        out.block_input[scope] = input;
        for (int at : open) {
            if (at == input) continue;
            const outside known = outside_of(at);
            out.relations[at].fact = known.fact;
            if (known.relation < 0) continue;
            for (literal& value : out.text.literals)
                if (value.kind == literal_kind::relation && value.relation == at)
                    value.relation = known.relation;
        }
    }

    struct outside {
        int relation = -1;
        int fact = -1;
    };
    static constexpr bool is_known(const outside& what) {
        return what.relation >= 0 || what.fact >= 0;
    }
    /// What a relation's name means in the scopes around its own, from the inside out: a relation
    /// that follows from a rule there, the input of the block there, or a fact.
    constexpr outside outside_of(int relation) const {
        const plan::relation& wanted = out.text.relations[relation];
        for (int scope = wanted.scope; scope > 0;) {
            scope = out.text.scopes[scope].parent;
            for (int at = 0; at < out.text.relations.size(); ++at) {
                const plan::relation& known = out.text.relations[at];
                if (known.scope != scope || known.invented || !(known.id == wanted.id)) continue;
                if (out.relations[at].rule >= 0 || (scope > 0 && out.block_input[scope] == at))
                    return {at, -1};
            }
        }
        return {-1, fact_named(wanted.id)};
    }

    constexpr void bind_block(int scope) {
        const rule& stacking = out.text.rules[out.text.scopes[scope].rule];
        int outputs = 0;
        for (int at = 0; at < out.text.relations.size(); ++at) {
            if (out.text.relations[at].scope != scope || out.relations[at].rule < 0) continue;
            bool used = false;
            for (const rule& written : out.text.rules)
                for (int body = 0; body < written.literals; ++body) {
                    const literal& value = item(written, body);
                    used = used || (value.kind == literal_kind::relation && value.relation == at);
                }
            if (used) continue;
            ++outputs;
            out.block_output[scope] = at;
        }
        if (outputs != 1 || stacking.literals != 1 ||
            item(stacking, 0).kind != literal_kind::relation ||
            item(stacking, 0).weight.weight >= 0)
            fail(fault::a_stacked_block_has_one_input_and_one_output, stacking, -1);
        else
            out.relations[out.block_input[scope]].passes_into = item(stacking, 0).relation;
    }

    constexpr bool is_block_input(int relation) const {
        return out.text.relations[relation].scope > 0 && out.relations[relation].passes_into >= 0;
    }

    constexpr void set_arity(const rule& at, int relation, int arity) {
        relation_shape& shape = out.relations[relation];
        if (shape.arity < 0) shape.arity = arity;
        if (shape.arity != arity)
            fail(fault::wrong_number_of_arguments, at, relation, arity, shape.arity);
        if (shape.fact < 0) return;
        const fact_shape& given = out.facts[shape.fact];
        if (given.is_sparse() && arity != 2)
            fail(fault::wrong_number_of_arguments, at, relation, arity, 2);
        if (arity > given.rank)
            fail(fault::wrong_number_of_arguments, at, relation, arity, given.rank);
    }

    constexpr void use_weight(const rule& at, const weight_use& use) {
        if (use.weight < 0) return;
        weight_shape& shape = out.weights[use.weight];
        if (shape.arity < 0) shape.arity = use.arity;
        if (shape.arity != use.arity)
            fail(fault::wrong_number_of_arguments, at, -1, use.arity, shape.arity);
        ++shape.uses;
        if (!use.frozen) shape.trained = true;
    }

    constexpr void check_rules() {
        for (const rule& written : out.text.rules) set_arity(written, written.head, written.arity);
        for (const rule& written : out.text.rules) {
            const unsigned head = written.head_variables();
            int variables = 0;
            for (int at = 0; at < max_variables; ++at) variables += (head >> at) & 1u;
            bool plain = variables == written.arity;
            for (int at = 0; at < written.arity; ++at)
                plain = plain && written.terms[at].offset == 0;
            plain = plain && ((written.base < 0 && written.shift == 0) || is_of_recursion(written));
            if (!plain) fail(fault::head_arguments_are_distinct_variables, written, -1);
            if (written.aggregated == aggregation::softmax) {
                if ((written.aggregated_variables & head) != written.aggregated_variables)
                    fail(fault::softmax_over_a_variable_not_in_the_head, written, -1);
            } else if (written.aggregated_variables & head) {
                fail(fault::aggregation_over_a_variable_in_the_head, written, -1);
            }
            for (int at = 0; at < written.literals; ++at) {
                const literal& value = item(written, at);
                use_weight(written, value.weight);
                if (value.kind != literal_kind::relation) continue;
                relation_shape& shape = out.relations[value.relation];
                if (shape.fact < 0 && shape.rule < 0 && !is_block_input(value.relation)) {
                    fail(fault::unknown_relation, written, value.relation);
                    return;
                }
                set_arity(written, value.relation, value.arity);
                if (value.gives_value()) {
                    ++shape.uses;
                } else if (shape.fact < 0) {
                    fail(fault::only_facts_are_negated_or_hidden, written, value.relation);
                }
                const bool symbols =
                    shape.fact >= 0 && out.facts[shape.fact].kind == fact_kind::symbols;
                if (symbols && value.gives_value() && value.weight.weight < 0)
                    fail(fault::a_symbol_needs_a_weight, written, value.relation);
                if (symbols && value.weight.weight >= 0)
                    out.weights[value.weight.weight].looked_up = true;
            }
            for (const transformation_use& function : written.transformations)
                for (const weight_use& use : function.weights) use_weight(written, use);
        }
    }

    /// Whether the head's relation follows from itself, one time after another.
    constexpr bool is_of_recursion(const rule& written) const {
        const relation& head = out.text.relations[written.head];
        for (const rule& other : out.text.rules) {
            const relation& candidate = out.text.relations[other.head];
            if (other.recurs.loop >= 0 && other.base < 0 && candidate.id == head.id &&
                candidate.scope == head.scope)
                return true;
        }
        return false;
    }

    // Order: depth first, so that a block's rules stand together, and those of a recursion.

    constexpr void put_in_order() {
        list<int, Sizes.rules> state{};  // 0 new, 1 under way, 2 done
        state.reset(out.text.rules.size());
        for (int at = 0; at < out.text.rules.size(); ++at)
            if (out.text.rules[at].scope == 0) visit(at, state);
    }

    constexpr void visit(int at, list<int, Sizes.rules>& state) {
        if (state[at] == 2 || !ok()) return;
        const rule& written = out.text.rules[at];
        if (state[at] == 1) {
            fail(fault::cycle, written, -1);
            return;
        }
        if (written.recurs.loop >= 0 && state[at] == 0) {
            for (const rule& member : out.text.rules)
                if (member.recurs.loop == written.recurs.loop) visit_body(member, state, false);
            for (int member = 0; member < out.text.rules.size(); ++member)
                if (out.text.rules[member].recurs.loop == written.recurs.loop)
                    visit_member(member, state);
            return;
        }
        state[at] = 1;
        visit_body(written, state, false);
        if (written.repeat) visit(out.relations[out.block_output[written.block]].rule, state);
        state[at] = 2;
        out.order.push(at);
    }

    /// One rule of a recursion, after those of the same round that it follows from.
    constexpr void visit_member(int at, list<int, Sizes.rules>& state) {
        if (state[at] == 2 || !ok()) return;
        if (state[at] == 1) {
            fail(fault::cycle, out.text.rules[at], -1);
            return;
        }
        state[at] = 1;
        visit_body(out.text.rules[at], state, true);
        state[at] = 2;
        out.order.push(at);
    }

    /// What the rule follows from: within its recursion in the same round, or outside.
    constexpr void visit_body(const rule& written, list<int, Sizes.rules>& state, bool within) {
        for (int body = 0; body < written.literals; ++body) {
            const literal& value = item(written, body);
            if (value.kind != literal_kind::relation) continue;
            const int from = out.relations[value.relation].rule;
            if (from < 0) continue;
            const recurrence& other = out.text.rules[from].recurs;
            const bool together = written.recurs.loop >= 0 && other.loop == written.recurs.loop;
            if (together != within) continue;
            if (!within)
                visit(from, state);
            else if (value.terms[other.argument].offset + other.delay == written.recurs.delay)
                visit_member(from, state);
        }
    }

    // Extents and shapes, in passes until nothing changes.

    /// False once nothing changes any more.
    constexpr bool settle_all() {
        bool settling = true;
        for (int pass = 0; ok() && settling && pass <= Sizes.rules; ++pass) settling = settle();
        return settling;
    }
    constexpr bool has_unbound() const {
        for (int at : out.order)
            for (const variable& index : out.text.rules[at].variables)
                if (index.extent == 0) return true;
        return false;
    }

    constexpr bool settle() {
        bool changed = false;
        for (int at = 0; at < out.text.relations.size(); ++at) {
            relation_shape& shape = out.relations[at];
            if (shape.fact < 0) continue;
            const fact_shape& given = out.facts[shape.fact];
            const int arity = shape.arity < 0 ? 0 : shape.arity;
            for (int axis = 0; axis < arity; ++axis) shape.extents[axis] = given.extents[axis];
            shape.classes = given.classes;
            int value[2] = {1, 1};
            if (given.rank - arity > 2)
                fail(fault::wrong_number_of_arguments, first_user(at), at, arity, given.rank);
            else
                for (int axis = arity; axis < given.rank; ++axis)
                    value[axis - arity] = given.extents[axis];
            shape.value = {value[0], value[1]};
        }
        for (int at : out.order) {
            changed = settle_rule(out.text.rules[at]) || changed;
            if (!ok()) return false;
        }
        return changed;
    }

    constexpr const rule& first_user(int relation) {
        for (const rule& written : out.text.rules)
            for (int at = 0; at < written.literals; ++at)
                if (item(written, at).kind == literal_kind::relation &&
                    item(written, at).relation == relation)
                    return written;
        return out.text.rules[0];
    }

    constexpr void copy_shape(int from, int to) {
        relation_shape& target = out.relations[to];
        const relation_shape& origin = out.relations[from];
        if (target.arity < 0) target.arity = origin.arity;
        for (int axis = 0; axis < max_arity; ++axis) target.extents[axis] = origin.extents[axis];
        target.value = origin.value;
    }

    constexpr bool settle_rule(rule& written) {
        bool changed = false;
        for (int scope = written.scope; scope > 0; scope = out.text.scopes[scope].parent) {
            const int input = out.block_input[scope];
            copy_shape(out.relations[input].passes_into, input);
        }
        for (int at = 0; at < written.variables.size(); ++at) {
            // A stack's are those of its result, below.
            if (written.repeat && ((written.head_variables() >> at) & 1u)) continue;
            variable& index = written.variables[at];
            const int moved = at == written.shifted ? written.shift : 0;
            int extent = index.stated ? index.stated + moved : 0;
            for (int body = 0; body < written.literals; ++body) {
                const literal& value = item(written, body);
                if (value.kind != literal_kind::relation) continue;
                for (int axis = 0; axis < value.arity; ++axis) {
                    int bound = out.relations[value.relation].extents[axis];
                    if (value.terms[axis].variable != at || value.terms[axis].offset != -moved ||
                        !bound)
                        continue;
                    bound += moved;
                    if (!extent || (written.total ? bound > extent : bound < extent))
                        extent = bound;
                }
                const int length = out.relations[value.relation].value.size();
                if (value.has_element && value.element.variable == at && !value.element.offset &&
                    length > 0 && (!extent || length < extent))
                    extent = length;
            }
            if (!extent) extent = extent_from_sum(written, at);
            if (at == written.shifted && extent && written.base >= extent)
                extent = written.base + 1;
            if (!extent) extent = extent_from_weights(written, at);
            if (!extent && moved_bind_) extent = extent_from_moved(written, at);
            if (extent != index.extent) changed = true;
            index.extent = extent;
        }
        for (int body = 0; body < written.literals; ++body)
            changed = settle_weight(written, item(written, body).weight) || changed;
        for (const transformation_use& function : written.transformations)
            for (const weight_use& use : function.weights)
                changed = settle_weight(written, use) || changed;
        relation_shape& head = out.relations[written.head];
        if (written.repeat) {
            const int result = out.block_output[written.block];
            const value_shape inner = out.relations[result].value;
            const value_shape outer = out.relations[item(written, 0).relation].value;
            if (!(inner == outer)) misfit(written, -1, inner.rows, outer.rows);
            copy_shape(result, written.head);
            for (int axis = 0; axis < written.arity; ++axis) {
                int& extent = written.variables[written.terms[axis].variable].extent;
                changed = changed || extent != head.extents[axis];
                extent = head.extents[axis];
            }
            return changed;
        }
        for (int axis = 0; axis < written.arity; ++axis)
            head.extents[axis] = written.variables[written.terms[axis].variable].extent;
        const value_shape shape = rule_shape(written);
        if (!(shape == head.value)) changed = true;
        head.value = shape;
        return changed;
    }

    /// Of several rules for one head, those that bind a variable bind it for the others, too.
    constexpr int extent_from_sum(const rule& written, int variable) {
        if (!out.text.relations[written.head].invented) return 0;
        for (const rule& user : out.text.rules)
            for (int body = 0; body < user.literals; ++body) {
                const literal& value = item(user, body);
                if (value.kind != literal_kind::relation || value.relation != written.head)
                    continue;
                for (int axis = 0; axis < written.arity; ++axis)
                    if (written.terms[axis].variable == variable &&
                        value.terms[axis].variable >= 0 && !value.terms[axis].offset)
                        return user.variables[value.terms[axis].variable].extent;
            }
        return 0;
    }

    /// What only arguments with an offset bind runs as far as their relations have atoms.
    constexpr int extent_from_moved(const rule& written, int variable) {
        int extent = 0;
        for (int body = 0; body < written.literals; ++body) {
            const literal& value = item(written, body);
            if (value.kind != literal_kind::relation) continue;
            for (int axis = 0; axis < value.arity; ++axis) {
                const int bound = out.relations[value.relation].extents[axis];
                if (value.terms[axis].variable != variable || !bound) continue;
                const int last = bound - value.terms[axis].offset;
                if (last > 0 && (!extent || last < extent)) extent = last;
            }
        }
        return extent;
    }

    constexpr int extent_from_weights(const rule& written, int variable) {
        int extent = 0;
        auto look = [&](const weight_use& use) {
            if (use.weight < 0) return;
            for (int axis = 0; axis < use.arity; ++axis)
                if (use.terms[axis].variable == variable && !use.terms[axis].offset && !extent)
                    extent = out.weights[use.weight].extents[axis];
        };
        for (int body = 0; body < written.literals; ++body) look(item(written, body).weight);
        for (const transformation_use& function : written.transformations)
            for (const weight_use& use : function.weights) look(use);
        return extent;
    }

    constexpr bool settle_weight(const rule& written, const weight_use& use) {
        if (use.weight < 0) return false;
        bool changed = false;
        for (int axis = 0; axis < use.arity; ++axis) {
            int& extent = out.weights[use.weight].extents[axis];
            const term& at = use.terms[axis];
            const int needed =
                at.offset + (at.variable < 0 ? 1 : written.variables[at.variable].extent);
            if (needed > extent) {
                extent = needed;
                changed = true;
            }
        }
        return changed;
    }

    constexpr value_shape rule_shape(const rule& written) {
        value_shape shape{};
        bool first = true;
        bool fits = true;
        int left = 0;
        int right = 0;
        for (int body = 0; body < written.literals; ++body) {
            const literal& value = item(written, body);
            if (!value.gives_value()) continue;
            const value_shape next = literal_shape(out, value, fits, left, right);
            if (!fits) {
                misfit(written, value.kind == literal_kind::relation ? value.relation : -1, left,
                       right);
                return shape;
            }
            if (first) {
                shape = next;
                first = false;
            } else if (written.combined == combination::product) {
                if (next.is_scalar()) continue;
                if (shape.is_scalar()) {
                    shape = next;
                } else {
                    if (shape.columns != next.rows) misfit(written, -1, shape.columns, next.rows);
                    shape = {shape.rows, next.columns};
                }
            } else if (written.combined == combination::concat) {
                if (shape.columns != next.columns) misfit(written, -1, shape.columns, next.columns);
                shape = {shape.rows + next.rows, shape.columns};
            } else if (!(shape == next)) {
                if (shape.is_scalar() && is_elementwise(written.combined))
                    shape = next;
                else if (!(next.is_scalar() && is_elementwise(written.combined)))
                    misfit(written, -1, shape.rows == next.rows ? shape.columns : shape.rows,
                           shape.rows == next.rows ? next.columns : next.rows);
            }
        }
        if (written.combined == combination::cosine) shape = {1, 1};
        for (const transformation_use& function : written.transformations)
            shape = transformed(written, function, shape);
        if (written.aggregated == aggregation::count) return {1, 1};
        if (written.aggregated == aggregation::concat) {
            int repeats = 1;
            for (int at = 0; at < written.variables.size(); ++at)
                if (!((written.head_variables() >> at) & 1u))
                    repeats *= written.variables[at].extent;
            return {shape.rows * repeats, shape.columns};
        }
        return shape;
    }

    constexpr value_shape transformed(const rule& written, const transformation_use& function,
                                      value_shape shape) {
        const int first = static_cast<int>(function.numbers[0]);
        const int second = static_cast<int>(function.numbers[1]);
        if (function.kind == transformation::slice) {
            if (first < 0 || first + second > shape.size())
                misfit(written, -1, first + second, shape.size());
            return {second, 1};
        }
        if (function.kind == transformation::reshape) {
            if (first * second != shape.size()) misfit(written, -1, first * second, shape.size());
            return {first, second};
        }
        for (const weight_use& use : function.weights) {
            if (use.weight < 0) continue;
            const weight& gain = out.text.weights[use.weight];
            if (gain.shape[0] * gain.shape[1] != shape.size())
                misfit(written, -1, gain.shape[0] * gain.shape[1], shape.size());
        }
        return shape;
    }

    constexpr void check_extents() {
        for (const rule& written : out.text.rules) {
            for (int at = 0; at < written.variables.size(); ++at)
                if (written.variables[at].extent == 0 && written.base < 0)
                    fail(((written.head_variables() >> at) & 1u)
                             ? fault::head_variable_that_nothing_binds
                             : fault::weight_index_without_a_range,
                         written, -1);
            if (ok()) check_compared(written, written.condition);
        }
    }

    /// A variable at which a fact's symbol is compared stays within the fact.
    constexpr void check_compared(const rule& written, int root) {
        if (root < 0) return;
        const node& top = out.text.nodes[root];
        if (top.kind == node_kind::same_symbol) {
            const int room = out.facts[compared_fact(out, top.value)].extents[0];
            for (const int side : {top.left, top.right}) {
                const int extent = written.variables[out.text.nodes[side].value].extent;
                if (extent > room) fail(fault::shapes_do_not_fit, written, -1, extent, room);
            }
            return;
        }
        check_compared(written, top.left);
        check_compared(written, top.right);
    }

    constexpr void find_outputs(const list<name, max_queries>& queries) {
        for (const name& wanted : queries) {
            bool found = false;
            for (int at = 0; at < out.text.relations.size(); ++at) {
                const relation& known = out.text.relations[at];
                if (known.invented || known.scope || !(known.id == wanted) ||
                    out.relations[at].rule < 0)
                    continue;
                out.outputs.push(at);
                found = true;
            }
            if (!found && ok())
                out.mistake = {fault::query_of_an_unknown_relation, -1, wanted, 0, 0, -1};
        }
        if (queries.size() == 0) {
            for (int at = 0; at < out.text.relations.size(); ++at) {
                const relation& known = out.text.relations[at];
                if (known.invented || known.scope || out.relations[at].rule < 0) continue;
                if (out.relations[at].uses == 0) out.outputs.push(at);
            }
            if (out.outputs.size() > 1)
                fail(fault::several_outputs_need_a_query,
                     out.text.rules[out.relations[out.outputs[1]].rule], out.outputs[1]);
            if (out.outputs.size() == 0 && ok()) out.mistake = {fault::no_output, -1, {}, 0, 0, -1};
        }
        for (int at : out.outputs) out.relations[at].output = true;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// The stages of a plan, each a constexpr variable of its own.

namespace sequent::inline SEQUENT_ABI::plan {

template <class T>
struct fact_reader;
template <language::fixed_string Name, auto... Shape>
struct fact_reader<language::fact<Name, Shape...>> {
    static constexpr bool is_query = false;
    static constexpr fact_shape read() {
        static_assert(sizeof...(Shape) <= max_fact_rank, "sequent: a fact has up to 6 dimensions");
        constexpr int rank = (0 + ... + (std::is_integral_v<decltype(Shape)> ? 1 : 0));
        constexpr bool sparse = (... || requires { decltype(Shape)::pairs; });
        static_assert(!sparse || (rank >= 2 && rank <= 4),
                      "sequent: a sparse fact has two indices and up to two extents of its values: "
                      "fact<\"edge\", sparse<90>, 40, 40, 3>");
        fact_shape result;
        result.id = make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
        [[maybe_unused]] auto add = [&]<class Extent>(Extent extent) {
            if constexpr (std::is_integral_v<Extent>) {
                result.extents[result.rank++] = static_cast<int>(extent);
            } else if constexpr (requires { Extent::pairs; }) {
                static_assert(Extent::pairs > 0, "sequent: sparse<E> has room for a pair at least");
                result.pairs = Extent::pairs;
            } else {
                result.kind = fact_kind::symbols;
                result.classes = Extent::classes;
            }
        };
        (add(Shape), ...);
        return result;
    }
};
template <language::fixed_string Name>
struct fact_reader<language::bound<Name>> {
    static constexpr bool is_query = false;
    static constexpr fact_shape read() {
        fact_shape result;
        result.id = make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
        result.kind = fact_kind::count;
        return result;
    }
};
template <language::fixed_string... Names>
struct fact_reader<language::query<Names...>> {
    static constexpr bool is_query = true;
    static constexpr void read(list<name, max_queries>& names) {
        static_assert(sizeof...(Names) <= max_queries, "sequent: a query names up to 16 relations");
        (names.push(make_name(Names.characters, static_cast<int>(sizeof(Names.characters)) - 1)),
         ...);
    }
};

template <const auto& Program>
inline constexpr auto source_of = normalise(read<Program>());

template <sizes Sizes>
constexpr sizes sizes_of(const source<Sizes>&) {
    return Sizes;
}

struct nothing {};

/// What recursions make of a stage, or the stage itself where there is none.
template <bool Loops, class Planner, class Stage, class Take>
constexpr const auto& chosen(const Planner& planner, const Stage& stage, Take take) {
    if constexpr (Loops)
        return take(planner);
    else
        return stage;
}

/// The plan of a program over facts. Kernels see single steps of it, `row_step_of` and its kin,
/// never the whole.
template <const auto& Program, class... Facts>
struct plan_of {
    static constexpr int fact_count = (0 + ... + (fact_reader<Facts>::is_query ? 0 : 1));
    static constexpr sizes size = sizes_of(source_of<Program>);

    static constexpr auto facts = [] {
        list<fact_shape, fact_count> result;
        auto add = [&]<class Fact>(fact_reader<Fact> reader) {
            if constexpr (!decltype(reader)::is_query) result.push(reader.read());
        };
        (add(fact_reader<Facts>{}), ...);
        return result;
    }();
    static constexpr auto queries = [] {
        list<name, max_queries> result;
        auto add = [&]<class Fact>(fact_reader<Fact> reader) {
            if constexpr (decltype(reader)::is_query) reader.read(result);
        };
        (add(fact_reader<Facts>{}), ...);
        return result;
    }();
    static constexpr auto written =
        shaper<size, fact_count>(source_of<Program>, facts, queries).out;
    static constexpr auto found = [] {
        if constexpr (written.mistake.ok())
            return domain_finder<size, fact_count>(written).out;
        else
            return domains<size>{};
    }();
    static constexpr bool loops = [] {
        bool result = false;
        for (int at : written.order) result = result || written.text.rules[at].recurs.loop >= 0;
        return result && written.mistake.ok() && found.mistake.ok();
    }();
    static constexpr auto looped = [] {
        if constexpr (loops)
            return loop_planner<size, fact_count>(written, found);
        else
            return nothing{};
    }();
    static constexpr const auto& shapes = chosen<loops>(
        looped, written, [](const auto& planner) -> const auto& { return planner.program; });
    static constexpr const auto& conditions = chosen<loops>(
        looped, found, [](const auto& planner) -> const auto& { return planner.conditions; });
    static constexpr diagnosis mistake = shapes.mistake.ok() ? conditions.mistake : shapes.mistake;
    static constexpr bool ok = mistake.ok();
    static constexpr auto tables = [] {
        draft<size, fact_count> work(shapes, conditions);
        if constexpr (ok) {
            builder<draft<size, fact_count>> build(work);
            memory_planner<draft<size, fact_count>> place(work);
        }
        return work.out;
    }();

    /// Whether rows [begin, end) can be run alone.
    template <class Tables = decltype(tables)>
    static constexpr auto by_rows =
        rows_form_finder<std::remove_cvref_t<decltype(shapes)>, std::remove_const_t<Tables>>(shapes,
                                                                                             tables)
            .found;

    template <int At>
    static constexpr step step_at = tables.steps[At];
    template <int At>
    static constexpr row_step row_step_at = tables.rows[At];
    template <int At>
    static constexpr attention_step attention_at = tables.attentions[At];
    template <int At>
    static constexpr general_step general_at = tables.generals[At];
    template <int At>
    static constexpr node node_at = tables.pool.nodes[At];
};

}  // namespace sequent::inline SEQUENT_ABI::plan

namespace sequent::inline SEQUENT_ABI {

/// Numbers that are the same on every platform for one seed: splitmix64 (Steele, Lea and Flood,
/// 2014), and the method of Box and Muller for the normal ones.
class random_numbers {
  public:
    explicit constexpr random_numbers(std::uint64_t seed) noexcept : state_(seed) {}

    constexpr std::uint64_t next() noexcept {
        std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15ULL;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
        return mixed ^ (mixed >> 31);
    }

    /// Uniform in [0, 1).
    constexpr double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

    /// Uniform in 0 .. count - 1.
    constexpr int below(int count) noexcept {
        return static_cast<int>(uniform() * static_cast<double>(count));
    }

    /// Normal with mean 0 and deviation 1.
    double normal() noexcept {
        constexpr double two_pi = 6.283185307179586;
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(two_pi * uniform());
    }

    constexpr std::uint64_t state() const noexcept { return state_; }
    constexpr void restore(std::uint64_t state) noexcept { state_ = state; }

  private:
    std::uint64_t state_;
};

}  // namespace sequent::inline SEQUENT_ABI

/// The learned numbers of a model: one flat block, read through named views.

namespace sequent::inline SEQUENT_ABI::model_detail {

using language::fixed_string;

/// What is to be known of one weight: its name, its extents (layers, indices, rows, columns), and
/// what it is used for.
struct weight_view {
    int offset = 0;
    int rank = 0;
    int value_rank = 0;  // of these, the dimensions of one value
    int indices = 0;     // and its arguments in the rules
    int extents[max_rank]{};
    int strides[max_rank]{};
    bool trained = false;
    bool gain = false;       // of a norm
    bool looked_up = false;  // rows chosen by symbols
    bool bare = false;       // a bias or a table
};

template <class Plan>
constexpr weight_view view_of_weight(int at) {
    constexpr auto& shapes = Plan::shapes;
    constexpr auto& tables = Plan::tables;
    const plan::weight& declared = shapes.text.weights[at];
    const plan::weight_shape& shape = shapes.weights[at];
    const plan::weight_layout& layout = tables.weights[at];
    weight_view result;
    result.offset = layout.offset + tables.scope_offset[declared.scope];
    auto push = [&](int extent, int stride) {
        result.extents[result.rank] = extent;
        result.strides[result.rank++] = stride;
    };
    int scopes[plan::max_depth]{};
    int depth = 0;
    for (int scope = declared.scope; scope > 0; scope = shapes.text.scopes[scope].parent)
        scopes[depth++] = scope;
    while (depth-- > 0)
        push(shapes.text.scopes[scopes[depth]].repeat, tables.scope_parameters[scopes[depth]]);
    for (int axis = 0; axis < shape.arity; ++axis) push(shape.extents[axis], layout.strides[axis]);
    if (declared.rank > 0) push(declared.shape[0], layout.row);
    if (declared.rank > 1) push(declared.shape[1], layout.column);
    result.value_rank = declared.rank;
    result.indices = shape.arity;
    result.trained = shape.trained;
    result.looked_up = shape.looked_up;
    for (const plan::literal& item : shapes.text.literals)
        if (item.kind == plan::literal_kind::weight && item.weight.weight == at) result.bare = true;
    for (const plan::rule& written : shapes.text.rules)
        for (const plan::transformation_use& use : written.transformations) {
            if (use.weights[0].weight == at) result.gain = true;
            if (use.weights[1].weight == at) result.bare = true;
        }
    return result;
}

/// The name as io writes it: a block's weights carry the relation that stacks the block.
struct full_name {
    char text[128]{};
    int length = 0;

    constexpr void prepend(const plan::name& part, bool dot) {
        const int added = part.length + (dot ? 1 : 0);
        for (int at = length; at-- > 0;) text[at + added] = text[at];
        for (int at = 0; at < part.length; ++at) text[at] = part.text[at];
        if (dot) text[part.length] = '.';
        length += added;
    }
};

template <class Plan, int At>
inline constexpr full_name weight_name = [] {
    constexpr auto& text = Plan::shapes.text;
    full_name result;
    result.prepend(text.weights[At].id, false);
    for (int scope = text.weights[At].scope; scope > 0; scope = text.scopes[scope].parent)
        result.prepend(text.relations[text.rules[text.scopes[scope].rule].head].id, true);
    return result;
}();

template <class Plan, fixed_string Name>
consteval int find_weight() {
    constexpr plan::name id =
        plan::make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    int found = -1;
    for (int at = 0; at < Plan::shapes.text.weights.size(); ++at)
        if (Plan::shapes.text.weights[at].id == id) found = found == -1 ? at : -2;
    return found;
}

template <class T>
constexpr tensor_view<T> to_tensor(const weight_view& view, T* base) {
    tensor_view<T> result;
    result.data = base + view.offset;
    result.rank = view.rank;
    for (int axis = 0; axis < view.rank; ++axis) {
        result.extents[static_cast<std::size_t>(axis)] = view.extents[axis];
        result.strides[static_cast<std::size_t>(axis)] = view.strides[axis];
    }
    return result;
}

/// All weights of a model, aligned and trivially copyable. Padding between them stays zero.
template <class Plan, class T>
struct alignas(64) parameter_block {
    static constexpr int size = Plan::tables.parameters > 0 ? Plan::tables.parameters : 1;

    T numbers[static_cast<std::size_t>(size)]{};

    T* data() noexcept { return numbers; }
    const T* data() const noexcept { return numbers; }
    std::span<T, static_cast<std::size_t>(size)> flat() noexcept {
        return std::span<T, static_cast<std::size_t>(size)>(numbers);
    }
    std::span<const T, static_cast<std::size_t>(size)> flat() const noexcept {
        return std::span<const T, static_cast<std::size_t>(size)>(numbers);
    }

    /// A view in the weight's own orientation: layers, indices, rows (outputs), columns (inputs).
    template <fixed_string Name, int... Shape>
    tensor_view<T> operator[](language::weight<Name, Shape...>) noexcept {
        return view<Name, T>(numbers);
    }
    template <fixed_string Name, int... Shape>
    tensor_view<const T> operator[](language::weight<Name, Shape...>) const noexcept {
        return view<Name, const T>(numbers);
    }

  private:
    template <fixed_string Name, class U>
    static constexpr tensor_view<U> view(U* base) noexcept {
        constexpr int at = find_weight<Plan, Name>();
        using reason =
            std::conditional_t<at == -1, mistake::no_weight_of_this_name,
                               mistake::several_stacks_have_a_weight_of_this_name_use_for_each>;
        if constexpr (at >= 0) {
            constexpr weight_view found = view_of_weight<Plan>(at);
            return to_tensor<U>(found, base);
        } else {
            static_assert(sizeof(check_name<plan::named_as<Name>, reason>) > 0);
            return {};
        }
    }
};

/// Calls f(name, view) for each weight, in the order in which the program names them.
template <class Plan, class T, class F>
void for_each_weight(T* base, F f) {
    kernel::unroll<Plan::shapes.text.weights.size()>([&](auto index) {
        constexpr weight_view view = view_of_weight<Plan>(index());
        if constexpr (Plan::shapes.weights[index()].uses > 0) {
            constexpr const full_name& name = weight_name<Plan, index()>;
            f(std::string_view(name.text, static_cast<std::size_t>(name.length)),
              to_tensor<T>(view, base));
        }
    });
}

template <class Plan>
constexpr int count_parameters() {
    int count = 0;
    for (int at = 0; at < Plan::shapes.text.weights.size(); ++at) {
        if (Plan::shapes.weights[at].uses == 0) continue;
        const weight_view view = view_of_weight<Plan>(at);
        int size = 1;
        for (int axis = 0; axis < view.rank; ++axis) size *= view.extents[axis];
        count += size;
    }
    return count;
}

/// Gains one, biases zero, embeddings and tables normal with deviation 0.02, matrices normal with
/// deviation 1 / sqrt(inputs).
template <class Plan, class T>
void initialize_parameters(T* base, std::uint64_t seed) {
    random_numbers random(seed);
    kernel::unroll<Plan::shapes.text.weights.size()>([&](auto index) {
        constexpr weight_view view = view_of_weight<Plan>(index());
        if constexpr (Plan::shapes.weights[index()].uses > 0) {
            tensor_view<T> to = to_tensor<T>(view, base);
            constexpr bool bias = view.bare && view.value_rank == 1 && view.indices == 0;
            const double deviation =
                view.looked_up || view.bare || view.value_rank < 2
                    ? 0.02
                    : 1 / std::sqrt(static_cast<double>(view.extents[view.rank - 1]));
            for (int at = 0; at < to.size(); ++at)
                to.element(at) = view.gain ? T(1)
                                 : bias    ? T(0)
                                           : static_cast<T>(deviation * random.normal());
        }
    });
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// The memory of a call, and where the values of relations lie in it.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan>
constexpr weight_view view_of_relation(int at) {
    const plan::relation_layout& layout = Plan::tables.relations[at];
    const plan::relation_shape& shape = Plan::shapes.relations[at];
    weight_view result;
    result.offset = layout.offset;
    if (layout.pairs.any()) {
        result.extents[result.rank] = Plan::facts[layout.pairs.fact].pairs;
        result.strides[result.rank++] = layout.pair_stride;
    }
    for (int axis = 0; axis < shape.arity; ++axis) {
        if (layout.pairs.has(axis)) continue;
        result.extents[result.rank] = shape.extents[axis];
        result.strides[result.rank++] = layout.strides[axis];
    }
    if (shape.value.rows > 1 || shape.value.columns > 1) {
        result.extents[result.rank] = shape.value.rows;
        result.strides[result.rank++] = shape.value.columns;
    }
    if (shape.value.columns > 1) {
        result.extents[result.rank] = shape.value.columns;
        result.strides[result.rank++] = 1;
    }
    return result;
}

template <class Plan, fixed_string Name>
consteval int find_relation() {
    constexpr plan::name id =
        plan::make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    for (int at = 0; at < Plan::shapes.text.relations.size(); ++at) {
        const plan::relation& known = Plan::shapes.text.relations[at];
        if (known.id == id && !known.invented && known.scope == 0) return at;
    }
    return -1;
}

/// Whether the relation's values are still there once forward has returned.
template <class Plan>
constexpr bool is_kept(int at) {
    if (at < 0) return false;
    const plan::relation_layout& layout = Plan::tables.relations[at];
    return layout.where == plan::place::value &&
           Plan::tables.buffers[layout.index].last >= Plan::tables.steps.size();
}

/// The memory of one call, reused by the next; one per thread. Values and gradients share it by the
/// time in which they are needed.
template <class Plan, class T>
struct alignas(64) workspace_block {
    static constexpr int size = Plan::tables.workspace > 0 ? Plan::tables.workspace : 1;

    T numbers[static_cast<std::size_t>(size)]{};

    /// A relation's values after forward, until backward.
    template <fixed_string Name>
    tensor_view<const T> operator[](language::relation<Name>) const noexcept {
        constexpr int at = find_relation<Plan, Name>();
        constexpr bool kept = is_kept<Plan>(at);
        using reason =
            std::conditional_t<(at < 0), mistake::no_relation_of_this_name,
                               mistake::the_plan_does_not_keep_this_relation_without_a_query>;
        if constexpr (kept) {
            constexpr weight_view view = view_of_relation<Plan>(at);
            return to_tensor<const T>(view, numbers);
        } else {
            static_assert(sizeof(check_name<plan::named_as<Name>, reason>) > 0);
            return {};
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Many samples on several threads.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The outputs of a plan as a caller sees them: row-major, one after another.
template <class Plan>
struct output_layout {
    static constexpr int count = Plan::shapes.outputs.size();
    static constexpr weight_view view(int at) {
        return view_of_relation<Plan>(Plan::shapes.outputs[at]);
    }
    static constexpr int size(int at) {
        const weight_view of = view(at);
        int product = 1;
        for (int axis = 0; axis < of.rank; ++axis) product *= of.extents[axis];
        return product;
    }
    static constexpr int offset(int at) {
        int before = 0;
        for (int other = 0; other < at; ++other) before += size(other);
        return before;
    }
    static constexpr int total = offset(count);

    static constexpr weight_view side_by_side(int at) {
        weight_view result = view(at);
        int stride = 1;
        for (int axis = result.rank; axis-- > 0; stride *= result.extents[axis])
            result.strides[axis] = stride;
        result.offset = offset(at);
        return result;
    }

    /// One view, or an array of them.
    template <class T>
    using views = std::conditional_t<count == 1, tensor_view<T>,
                                     std::array<tensor_view<T>, static_cast<std::size_t>(count)>>;

    template <class T>
    static views<T> views_of(T* numbers) noexcept {
        if constexpr (count == 1) {
            constexpr weight_view only = side_by_side(0);
            return to_tensor<T>(only, numbers);
        } else {
            views<T> result;
            for (int at = 0; at < count; ++at)
                result[static_cast<std::size_t>(at)] = to_tensor<T>(side_by_side(at), numbers);
            return result;
        }
    }
};

/// Calls body(position, offset, length) for the runs of a view's elements that lie side by side:
/// `position` in row-major order of its extents, `offset` in memory.
template <class Body>
SEQUENT_INLINE void each_run(const weight_view& view, Body body) noexcept {
    int length = 1;
    int axes = view.rank;
    while (axes > 0 && view.strides[axes - 1] == length) length *= view.extents[--axes];
    int runs = 1;
    for (int axis = 0; axis < axes; ++axis) runs *= view.extents[axis];
    for (int run = 0; run < runs; ++run) {
        int offset = view.offset;
        int rest = run;
        for (int axis = axes; axis-- > 0; rest /= view.extents[axis])
            offset += rest % view.extents[axis] * view.strides[axis];
        body(run * length, offset, length);
    }
}

/// The memory of batches on the threads of a pool, which must outlive it: a workspace for each
/// thread, and a gradient for each group of samples but the first.
///
/// Samples are added up in groups, each a fixed share of the batch in order, and the groups in
/// order: the numbers depend on how many groups there are and never on the threads. No more threads
/// than groups can share a backward_batch. With one group there is no gradient but the caller's.
template <class Plan, class T>
class batch_memory {
  public:
    explicit batch_memory(thread_pool& pool, int groups = 4)
        : pool_(pool), losses_(static_cast<std::size_t>(std::max(1, groups))) {
        for (int thread = 0; thread < pool.size(); ++thread) {
            workspaces_.push_back(std::make_unique<workspace_block<Plan, T>>());
            outward_.emplace_back(static_cast<std::size_t>(output_layout<Plan>::total));
        }
        for (int group = 1; group < this->groups(); ++group)
            gradients_.push_back(std::make_unique<parameter_block<Plan, T>>());
    }

    thread_pool& pool() const noexcept { return pool_; }
    int groups() const noexcept { return static_cast<int>(losses_.size()); }

    workspace_block<Plan, T>& workspace(int thread) noexcept { return *at(workspaces_, thread); }
    /// Room for the gradients of one sample's outputs.
    std::vector<T>& outward(int thread) noexcept { return at(outward_, thread); }

    /// Calls add(sample, thread, gradient) for each of `samples`, where add adds to the gradient
    /// and returns a loss; the sum of the losses. All is added to `total` in the end.
    template <class Add>
    double sum(int samples, parameter_block<Plan, T>& total, Add add) noexcept {
        pool_.run(groups(), [&](int group, int thread) {
            auto& gradient = group == 0 ? total : *at(gradients_, group - 1);
            double loss = 0;
            for (int sample = first_of(group, samples); sample < first_of(group + 1, samples);
                 ++sample)
                loss += add(sample, thread, gradient);
            at(losses_, group) = loss;
        });
        if (groups() > 1) add_groups(samples, total);
        double loss = 0;
        for (const double each : losses_) loss += each;
        return loss;
    }

  private:
    thread_pool& pool_;
    std::vector<double> losses_;
    std::vector<std::unique_ptr<workspace_block<Plan, T>>> workspaces_;
    std::vector<std::vector<T>> outward_;
    std::vector<std::unique_ptr<parameter_block<Plan, T>>> gradients_;  // zero between calls

    template <class List>
    static auto& at(List& list, int index) noexcept {
        return list[static_cast<std::size_t>(index)];
    }

    int first_of(int group, int samples) const noexcept {
        return static_cast<int>((static_cast<long long>(samples) * group + groups() - 1) /
                                groups());
    }

    /// Adds the groups' gradients to `total` and leaves zeros.
    void add_groups(int samples, parameter_block<Plan, T>& total) noexcept {
        constexpr int size = parameter_block<Plan, T>::size;
        constexpr int part = 8192;
        pool_.run((size + part - 1) / part, [&](int task) {
            const int end = std::min(size, (task + 1) * part);
            for (int group = 1; group < groups(); ++group)
                if (first_of(group, samples) < first_of(group + 1, samples))
                    move_to(total.numbers, at(gradients_, group - 1)->numbers, task * part, end);
        });
    }

    static void move_to(T* to, T* from, int begin, int end) noexcept {
        constexpr int n = kernel::lanes<T>;
        int at = begin;
        for (; at + n <= end; at += n) {
            kernel::store(to + at,
                          kernel::batch<T>(kernel::load(to + at) + kernel::load(from + at)));
            kernel::store(from + at, kernel::zero<T>());
        }
        for (; at < end; ++at) {
            to[at] += from[at];
            from[at] = T(0);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan, int Rule>
inline constexpr plan::diagnosis rows_diagnosis = [] {
    plan::diagnosis result;
    if constexpr (Rule >= 0) {
        const plan::rule& written = Plan::shapes.text.rules[Rule];
        result.rule = written.number;
        result.relation = Plan::shapes.text.relations[written.head].id;
    }
    return result;
}();

/// Reports the rule that keeps a program from running by rows, if one does.
template <class Plan, int Rule>
using check_rows = check_program<
    rule_number<rows_diagnosis<Plan, Rule>.rule + 1>,
    decltype(plan::relation_type<rows_diagnosis<Plan, Rule>>(
        std::make_index_sequence<static_cast<std::size_t>(
            rows_diagnosis<Plan, Rule>.relation.length)>{})),
    std::conditional_t<(Rule < 0), mistake::none, mistake::rows_that_need_later_rows>>;

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// The pointers of one call: where a plan's places lie in memory.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::operand;
using plan::place;

inline constexpr int max_facts = 16;

template <class T>
struct bindings {
    const T* parameters = nullptr;
    T* workspace = nullptr;
    const void* facts[max_facts]{};
    const std::int32_t* pairs[max_facts]{};  // the indices of sparse facts
    T* parameter_gradient = nullptr;
    T* fact_gradients[max_facts]{};  // null where none is wanted
    const int* counts = nullptr;     // plan::given_numbers: counts, in the order in which the
                                     // program names them, and runs of equal symbols
    int layer[plan::max_loops]{};    // of stacks; or the time, in a recursion
    int first_row = 0;               // of those at hand

    SEQUENT_INLINE std::ptrdiff_t shift(const int* strides) const noexcept {
        std::ptrdiff_t at = 0;
        for (int level = 0; level < plan::max_loops; ++level)
            at += static_cast<std::ptrdiff_t>(layer[level]) * strides[level];
        return at;
    }
    SEQUENT_INLINE std::ptrdiff_t place_of(const operand& at) const noexcept {
        return at.offset + shift(at.layer_strides) -
               static_cast<std::ptrdiff_t>(at.moving) * first_row;
    }
    SEQUENT_INLINE const T* read(const operand& at) const noexcept {
        if (at.where == place::fact) return static_cast<const T*>(facts[at.index]) + place_of(at);
        return (at.where == place::parameter ? parameters : workspace) + place_of(at);
    }
    SEQUENT_INLINE const std::int32_t* read_symbols(const operand& at) const noexcept {
        return static_cast<const std::int32_t*>(facts[at.index]) + place_of(at);
    }
    SEQUENT_INLINE T* write(const operand& at) const noexcept { return workspace + place_of(at); }
    /// Of what a rule drops in this layer and time.
    SEQUENT_INLINE kernel::dropout_key key(int seed, int rule) const noexcept {
        kernel::dropout_key result(static_cast<std::uint64_t>(seed));
        result = result.of(rule);
        for (int level : layer) result = result.of(level);
        return result;
    }
    /// Where the operand's gradient is to be added; null where none is wanted.
    SEQUENT_INLINE T* gradient(const operand& at) const noexcept {
        switch (at.where) {
            case place::value:
                return workspace + at.adjoint + shift(at.adjoint_layer_strides);
            case place::parameter:
                return at.trained ? parameter_gradient + at.offset + shift(at.layer_strides)
                                  : nullptr;
            case place::fact:
                return fact_gradients[at.index]
                           ? fact_gradients[at.index] + at.offset + shift(at.layer_strides)
                           : nullptr;
            default:
                return nullptr;
        }
    }
};

/// The index of a plan's sparse fact.
template <class Plan, int Fact>
constexpr pair_layout pair_layout_of() {
    return {Plan::facts[Fact].extents[0], Plan::facts[Fact].extents[1], Plan::facts[Fact].pairs};
}
template <class Plan, int Fact, class T>
SEQUENT_INLINE pair_index<pair_layout_of<Plan, Fact>()> pairs_of(
    const bindings<T>& bound) noexcept {
    return {bound.pairs[Fact]};
}

/// Calls body(o0, o1, o2) for all values of the outer loops of a step.
template <class Body>
SEQUENT_INLINE void each_outer(const int* extents, Body body) noexcept {
    for (int first = 0; first < extents[0]; ++first)
        for (int second = 0; second < extents[1]; ++second)
            for (int third = 0; third < extents[2]; ++third) body(first, second, third);
}

/// How far an access has moved after that many rounds of the outer loops.
SEQUENT_INLINE std::ptrdiff_t outer_shift(const plan::access& at, int first, int second,
                                          int third) noexcept {
    return static_cast<std::ptrdiff_t>(first) * at.outer[0] +
           static_cast<std::ptrdiff_t>(second) * at.outer[1] +
           static_cast<std::ptrdiff_t>(third) * at.outer[2];
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// What stands for the model of an ill-formed program once the mistake is told. It takes what a
/// model takes and computes nothing, so that code that goes on to use it brings no further error.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Program>
inline constexpr bool is_told = std::is_same_v<std::remove_cvref_t<Program>, language::mistaken>;

template <const auto& Program, class... Facts>
consteval bool check_form() {
    if constexpr (is_told<decltype(Program)>)
        return false;
    else
        return plan::plan_of<Program, Facts...>::ok;
}
template <const auto& Program, class... Facts>
inline constexpr bool is_well_formed = check_form<Program, Facts...>();

/// What is wrong, unless an operator has told it already.
template <bool Told, const auto& Program, class... Facts>
struct report_of {
    using type = plan::report<plan::plan_of<Program, Facts...>::mistake>;
};
template <const auto& Program, class... Facts>
struct report_of<true, Program, Facts...> {
    using type = language::mistaken;
};

/// Any argument, under a name or not.
struct anything {
    constexpr anything() = default;
    template <class Value>
        requires(!std::is_same_v<std::remove_cvref_t<Value>, anything>)
    constexpr anything(Value&&) noexcept {}
    constexpr anything(std::initializer_list<anything>) noexcept {}
};

/// One view, or an array of them.
template <class T>
struct any_view : tensor_view<T> {
    constexpr const any_view& operator[](std::size_t) const noexcept { return *this; }
};

template <class T>
struct any_block {
    static constexpr int size = 1;
    T numbers[1]{};

    T* data() noexcept { return numbers; }
    const T* data() const noexcept { return numbers; }
    std::span<T, 1> flat() noexcept { return std::span<T, 1>(numbers); }
    std::span<const T, 1> flat() const noexcept { return std::span<const T, 1>(numbers); }
    template <class Name>
    any_view<T> operator[](Name) noexcept {
        return {};
    }
    template <class Name>
    any_view<const T> operator[](Name) const noexcept {
        return {};
    }
};

struct any_batch {
    explicit any_batch(thread_pool&, int = 1) {}
};

struct any_state {
    static constexpr int size = 1;
    static constexpr int length = 1;

    int position() const noexcept { return 0; }
    void reset() noexcept {}
};

template <const auto& Program, class... Facts>
class ill_formed_model {
    static_assert(sizeof(typename report_of<is_told<decltype(Program)>, Program, Facts...>::type) >
                  0);

  public:
    using plan = sequent::plan::plan_of<Program, Facts...>;
    using facts_list = sequent::plan::list<sequent::plan::fact_shape, 0>;

    template <class T>
    using parameters = any_block<T>;
    template <class T>
    using workspace = any_block<T>;
    template <class T>
    using batch = any_batch;
    template <class T>
    using state = any_state;
    template <class T>
    using rows = anything;
    template <class T>
    using output_views = any_view<T>;
    template <class T>
    using facts = anything;
    template <class T>
    using output_gradients = anything;
    template <class T>
    struct fact_gradients : anything {
        using anything::anything;
        T* pointers[max_facts]{};
    };

    static constexpr const auto& program = Program;
    static constexpr int parameter_count = 0;
    static constexpr int outputs = 1;

    template <class T>
    static void initialize(any_block<T>&, std::uint64_t = 0) {}
    template <class T, class F>
    static void for_each(any_block<T>&, F f) {
        f(std::string_view(), tensor_view<T>());
    }
    template <class T, class F>
    static void for_each(const any_block<T>&, F f) {
        f(std::string_view(), tensor_view<const T>());
    }
    template <class T, class F>
    static void for_each(std::span<T>, F f) {
        f(std::string_view(), tensor_view<T>());
    }
    template <class T>
    static void mark_decayed(any_block<T>&) {}
    template <class T>
    static any_view<const T> forward(const any_block<T>&, const anything&, any_block<T>&) noexcept {
        return {};
    }
    template <class T, class How>
    static any_view<const T> forward(const any_block<T>&, const anything&, any_block<T>&,
                                     How&&) noexcept {
        return {};
    }
    template <class T>
    static any_view<const T> step(const any_block<T>&, const anything&, any_state&) {
        return {};
    }
    template <class T>
    static any_view<const T> prefill(const any_block<T>&, const anything&, any_state&) {
        return {};
    }
    template <class T>
    static void backward(const any_block<T>&, const anything&, const anything&, any_block<T>&,
                         any_block<T>&, const anything& = {}, const anything& = {}) noexcept {}
    template <class T, class Out>
    static void forward_batch(const any_block<T>&, const anything&, any_batch&, Out&&) noexcept {}
    template <class T, class Outward>
    static double backward_batch(const any_block<T>&, const anything&, Outward&&, any_batch&,
                                 any_block<T>&) noexcept {
        return 0;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

#include <numeric>

/// Index expressions and conditions at run time.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The value of node `Root` of a plan, with that index for each variable; of a condition, whether
/// it holds.
template <class Plan, int Root, class T>
SEQUENT_INLINE int evaluate_node(const bindings<T>& bound, const int* index) noexcept {
    using plan::node_kind;
    constexpr plan::node top = Plan::template node_at<Root>;
    if constexpr (top.kind == node_kind::constant) {
        return top.value;
    } else if constexpr (top.kind == node_kind::variable) {
        return index[top.value];
    } else if constexpr (top.kind == node_kind::count) {
        return bound.counts[top.value];
    } else {
        const int left = evaluate_node<Plan, top.left>(bound, index);
        int right = 0;
        if constexpr (top.right >= 0) right = evaluate_node<Plan, top.right>(bound, index);
        if constexpr (top.kind == node_kind::pair) {
            return pairs_of<Plan, top.value>(bound).find(left, right) >= 0;
        } else if constexpr (top.kind == node_kind::decision) {
            constexpr plan::decision_function holds = Plan::shapes.text.decisions[top.value];
            return holds(left, right);
        } else if constexpr (top.kind == node_kind::same_symbol) {
            const int* begins =
                bound.counts + bound.counts[plan::given_numbers::begins_of(top.value)];
            return begins[left] == begins[right];
        } else {
            return plan::evaluate(top.kind, left, right);
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// The assignments of a general step's variables, one after another. Where a sparse fact must hold,
/// only its pairs are visited.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::general_step;
using plan::pair_join;

template <class Plan, int At, class T>
class assignments {
    static constexpr general_step step = Plan::template general_at<At>;
    static constexpr int joins = step.joins.size();

  protected:
    const bindings<T>& bound_;
    int index_[plan::max_variables]{};
    int pair_[joins > 0 ? joins : 1]{};  // the number of each join's pair

    explicit assignments(const bindings<T>& bound) noexcept : bound_(bound) {}

    template <int Root>
    int evaluate_node() const noexcept {
        return model_detail::evaluate_node<Plan, Root>(bound_, index_);
    }

    int value_of(const plan::term& at) const noexcept {
        return at.offset + (at.variable >= 0 ? index_[at.variable] : 0);
    }

    /// Calls body() for each value of the variables order[From] .. order[To - 1] with which all
    /// joins hold that are known by then.
    template <int From, int To, class Body>
    SEQUENT_INLINE void each(Body& body) noexcept {
        if constexpr (From == 0)
            if (!find_pairs<-1>()) return;
        each_value<From, To>(body);
    }

  private:
    /// The place in the order from which on a term's value is known; -1 of a constant.
    static constexpr int known_from(const plan::term& at) {
        if (at.variable < 0) return -1;
        int place = 0;
        while (step.order[place] != at.variable) ++place;
        return place;
    }
    /// The join whose pairs give the values of the variable at `place`, or -1.
    static constexpr int generator(int place) {
        for (int at = 0; at < joins; ++at) {
            const pair_join& join = step.joins[at];
            if (join.optional || join.row.variable == join.column.variable) continue;
            const int row = known_from(join.row);
            const int column = known_from(join.column);
            if ((row == place && column < place) || (column == place && row < place)) return at;
        }
        return -1;
    }

    /// Finds the pairs of the joins that are known from `Place` on; whether all are there.
    template <int Place>
    SEQUENT_INLINE bool find_pairs() noexcept {
        bool found = true;
        kernel::unroll<joins>([&](auto index) __attribute__((always_inline)) {
            constexpr int at = decltype(index)::value;
            constexpr pair_join join = step.joins[at];
            if constexpr (std::max(known_from(join.row), known_from(join.column)) == Place &&
                          (Place < 0 || generator(Place < 0 ? 0 : Place) != at)) {
                if (!found) return;
                pair_[at] = pairs_of<Plan, join.fact>(bound_).find(value_of(join.row),
                                                                   value_of(join.column));
                found = join.optional || pair_[at] >= 0;
            }
        });
        return found;
    }

    template <int Place, int To, class Body>
    SEQUENT_INLINE void each_value(Body& body) noexcept {
        if constexpr (Place == To) {
            body();
        } else {
            constexpr int variable = step.order[Place];
            constexpr int made_by = generator(Place);
            if constexpr (variable == step.time) {
                index_[variable] = bound_.layer[step.level] - step.delay;
                if (find_pairs<Place>()) each_value<Place + 1, To>(body);
            } else if constexpr (made_by < 0) {
                for (index_[variable] = 0; index_[variable] < step.extents[variable];
                     ++index_[variable])
                    if (find_pairs<Place>()) each_value<Place + 1, To>(body);
            } else {
                constexpr pair_join join = step.joins[made_by];
                constexpr bool forward = join.column.variable == variable;
                constexpr plan::term made = forward ? join.column : join.row;
                const auto index = pairs_of<Plan, join.fact>(bound_);
                const int other = value_of(forward ? join.row : join.column);
                constexpr int extent =
                    forward ? Plan::facts[join.fact].extents[0] : Plan::facts[join.fact].extents[1];
                if (other < 0 || other >= extent) return;
                const neighbours found = forward ? index.of_row(other) : index.of_column(other);
                for (int at = 0; at < found.count; ++at) {
                    index_[variable] = found.others[at] - made.offset;
                    if (index_[variable] < 0 || index_[variable] >= step.extents[variable])
                        continue;
                    pair_[made_by] = found.pairs[at];
                    if (find_pairs<Place>()) each_value<Place + 1, To>(body);
                }
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// What is done to the rows of a row step: its functions, and what of them a product takes up.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::row_function;
using plan::row_step;
using plan::row_term;
using plan::term_kind;
using plan::transformation;

constexpr bool is_elementwise(transformation kind) {
    return kind < transformation::softmax;
}

/// Few enough instructions to be repeated for all registers of a product's tile.
constexpr bool is_cheap(transformation kind) {
    return kind <= transformation::leaky_relu || kind == transformation::complement;
}

constexpr bool is_rotary(transformation kind) {
    return kind == transformation::rotary || kind == transformation::rotary_halves;
}

constexpr kernel::pairing pairing_of(transformation kind) {
    return kind == transformation::rotary ? kernel::pairing::neighbours : kernel::pairing::halves;
}

constexpr kernel::activation activation_of(transformation kind) {
    return static_cast<kernel::activation>(kind);
}

template <int Length, class T, class F>
SEQUENT_INLINE void each_lane(F f) noexcept {
    constexpr int n = kernel::lanes<T>;
    int at = 0;
    for (; at + n <= Length; at += n) f(at, std::integral_constant<int, n>{});
    if constexpr (Length % n != 0) f(at, std::integral_constant<int, Length % n>{});
}

template <int Length, class T>
SEQUENT_INLINE void add_to(T* to, const T* from) noexcept {
    each_lane<Length, T>([&](int at, auto count) {
        kernel::store_first<count()>(to + at,
                                     kernel::batch<T>(kernel::load_first<count()>(to + at) +
                                                      kernel::load_first<count()>(from + at)));
    });
}

template <int Length, class T>
SEQUENT_INLINE void multiply_to(T* to, const T* from) noexcept {
    each_lane<Length, T>([&](int at, auto count) {
        kernel::store_first<count()>(to + at,
                                     kernel::batch<T>(kernel::load_first<count()>(to + at) *
                                                      kernel::load_first<count()>(from + at)));
    });
}

/// The functions of row step `Step`, which says so by a static member `value`.
template <class Step, class T>
struct row_functions {
    static constexpr const row_step& step = Step::value;
    static constexpr int columns = step.columns();

    const bindings<T>& bound;
    int first, second, third;

    static constexpr int position(const row_function& function, int row, int segment, int first,
                                  int second, int third) {
        return function.position_offset + function.position_row * row +
               function.position_column * segment + function.position_outer[0] * first +
               function.position_outer[1] * second + function.position_outer[2] * third;
    }

    /// The cosines and sines of function `At` at its position.
    template <int At>
    SEQUENT_INLINE const T* angles(int row, int segment) const noexcept {
        constexpr row_function function = step.functions[At];
        constexpr int last =
            position(function, step.rows - 1, step.segments - 1, step.outer_extents[0] - 1,
                     step.outer_extents[1] - 1, step.outer_extents[2] - 1);
        return kernel::angle_table<step.length, T, last + 1,
                                   std::bit_cast<std::uint64_t>(
                                       function.numbers[0])>::at(position(function, row, segment,
                                                                          first, second, third));
    }

    template <int At>
    SEQUENT_INLINE void drop(const T* x, T* y, int row) const noexcept {
        constexpr row_function function = step.functions[At];
        if (const int seed = bound.counts[function.seed]) {
            const kernel::dropout_key key = bound.key(seed, function.identity).of(At);
            const int atoms =
                (first * step.outer_extents[1] + second) * step.outer_extents[2] + third;
            kernel::dropout<columns>(x, y, key.of(atoms), static_cast<std::uint32_t>(row) * columns,
                                     function.numbers[0]);
        } else if (x != y) {
            std::copy_n(x, columns, y);
        }
    }

    SEQUENT_INLINE std::ptrdiff_t weight_at(const plan::access& weight, int row,
                                            int segment) const {
        return outer_shift(weight, first, second, third) +
               static_cast<std::ptrdiff_t>(row) * weight.row +
               static_cast<std::ptrdiff_t>(segment) * weight.column;
    }

    /// Function `At` of one row; x may be y.
    template <int At>
    SEQUENT_INLINE void forward(const T* x, T* y, int row) const noexcept {
        constexpr row_function function = step.functions[At];
        constexpr T number = static_cast<T>(function.numbers[0]);
        if constexpr (is_elementwise(function.kind)) {
            each_lane<columns, T>([&](int at, auto count) {
                kernel::store_first<count()>(y + at,
                                             kernel::apply<activation_of(function.kind)>(
                                                 kernel::load_first<count()>(x + at), number));
            });
        } else if constexpr (function.kind == transformation::dropout) {
            drop<At>(x, y, row);
        } else {
            constexpr int length = step.length;
            for (int segment = 0; segment < step.segments; ++segment, x += length, y += length) {
                if constexpr (function.kind == transformation::softmax)
                    kernel::softmax<length>(x, y);
                else if constexpr (function.kind == transformation::sparsemax)
                    kernel::sparsemax<length>(x, y);
                else if constexpr (function.kind == transformation::norm)
                    kernel::norm<length>(x, y, number);
                else if constexpr (function.kind == transformation::layer_norm)
                    kernel::layer_norm<length>(x,
                                               bound.read(function.weights[0].at) +
                                                   weight_at(function.weights[0], row, segment),
                                               bound.read(function.weights[1].at) +
                                                   weight_at(function.weights[1], row, segment),
                                               y, number);
                else if constexpr (function.kind == transformation::rms_norm)
                    kernel::rms_norm<length>(x,
                                             bound.read(function.weights[0].at) +
                                                 weight_at(function.weights[0], row, segment),
                                             y, number);
                else if constexpr (is_rotary(function.kind))
                    kernel::turn<length, pairing_of(function.kind), false>(
                        x, y, angles<At>(row, segment));
                else if constexpr (function.kind == transformation::sinusoidal)
                    kernel::add_waves<length>(x, y, angles<At>(row, segment));
            }
        }
    }

    SEQUENT_INLINE T* weight_gradient(const plan::access& weight, int row, int segment) const {
        T* gradient = bound.gradient(weight.at);
        return gradient ? gradient + weight_at(weight, row, segment) : nullptr;
    }

    /// Turns the gradient of function `At`'s result into that of its argument, in place. x is
    /// read only where the result y does not suffice.
    template <int At>
    SEQUENT_INLINE void backward(const T* x, const T* y, T* gradient, int row) const noexcept {
        constexpr row_function function = step.functions[At];
        constexpr T number = static_cast<T>(function.numbers[0]);
        if constexpr (is_elementwise(function.kind)) {
            each_lane<columns, T>([&](int at, auto count) {
                const auto slope = kernel::derivative<activation_of(function.kind)>(
                    kernel::load_first<count()>(x + at), kernel::load_first<count()>(y + at),
                    number);
                kernel::store_first<count()>(
                    gradient + at,
                    kernel::batch<T>(kernel::load_first<count()>(gradient + at) * slope));
            });
        } else if constexpr (function.kind == transformation::dropout) {
            drop<At>(gradient, gradient, row);
        } else {
            constexpr int length = step.length;
            for (int segment = 0; segment < step.segments;
                 ++segment, x += length, y += length, gradient += length) {
                if constexpr (function.kind == transformation::softmax)
                    kernel::softmax_gradient<length>(y, gradient, gradient);
                else if constexpr (function.kind == transformation::sparsemax)
                    kernel::sparsemax_gradient<length>(y, gradient, gradient);
                else if constexpr (function.kind == transformation::norm)
                    kernel::norm_gradient<length>(x, gradient, gradient, number);
                else if constexpr (function.kind == transformation::layer_norm)
                    kernel::layer_norm_gradient<length>(
                        x,
                        bound.read(function.weights[0].at) +
                            weight_at(function.weights[0], row, segment),
                        gradient, gradient, weight_gradient(function.weights[0], row, segment),
                        weight_gradient(function.weights[1], row, segment), number);
                else if constexpr (function.kind == transformation::rms_norm)
                    kernel::rms_norm_gradient<length>(
                        x,
                        bound.read(function.weights[0].at) +
                            weight_at(function.weights[0], row, segment),
                        gradient, gradient, weight_gradient(function.weights[0], row, segment),
                        number);
                else if constexpr (is_rotary(function.kind))
                    kernel::turn<length, pairing_of(function.kind), true>(gradient, gradient,
                                                                          angles<At>(row, segment));
            }
        }
    }
};

/// What the last product of a row step does besides: it adds the summands that lie row by row, and
/// applies the first function if that is cheap and all is summed by then.
template <class Step>
struct row_fusion {
    static constexpr const row_step& step = Step::value;

    /// A product whose rows are not rows of x times one weight is taken row by row.
    static constexpr bool by_row(const row_term& term) {
        return (term.x.row == 0 && step.rows > 1) || term.w.row != 0;
    }
    /// One segment where the numbers lie side by side anyway.
    static constexpr int segments_of(const plan::access& at) {
        return step.segments > 1 && at.column != step.length ? step.segments : 1;
    }
    static constexpr int product_at = [] {
        int last = -1;
        for (int at = 0; at < step.terms.size(); ++at)
            if (step.terms[at].kind == term_kind::product) last = at;
        return last >= 0 && !step.multiplies && !by_row(step.terms[last]) ? last : -1;
    }();
    static constexpr bool adds(int at) {
        return product_at >= 0 && step.terms[at].kind == term_kind::add &&
               step.terms[at].indexed == plan::side::none && segments_of(step.terms[at].x) == 1;
    }
    static constexpr bool applies = [] {
        bool all = product_at >= 0 && step.functions.size() > 0 && is_cheap(step.functions[0].kind);
        for (int at = 0; at < step.terms.size(); ++at)
            if (step.terms[at].kind != term_kind::product && !adds(at)) all = false;
        return all;
    }();
    static constexpr bool any = [] {
        bool result = applies;
        for (int at = 0; at < step.terms.size(); ++at) result = result || adds(at);
        return result;
    }();
};

/// The same as a product's Finish, for rows from that of the pointers on.
template <class Step, class T>
struct row_finish {
    using fusion = row_fusion<Step>;
    static constexpr const row_step& step = Step::value;

    const T* summands[static_cast<std::size_t>(step.terms.size())];
    T* out;  // of the function, where the step keeps its argument

    template <class B, class Count>
    SEQUENT_INLINE B operator()(B x, int row, int column, Count) const noexcept {
        kernel::unroll<step.terms.size()>([&](auto at) __attribute__((always_inline)) {
            if constexpr (fusion::adds(at()))
                x += kernel::load_first<Count::value>(summands[at()] +
                                                      row * step.terms[at()].x.row + column);
        });
        if constexpr (fusion::applies) {
            const B y = kernel::apply<activation_of(step.functions[0].kind)>(
                x, static_cast<T>(step.functions[0].numbers[0]));
            if constexpr (step.before.at.where == place::none)
                x = y;
            else
                kernel::store_first<Count::value, T>(out + row * step.out.row + column, y);
        }
        return x;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Runs row steps: a block of rows is multiplied, added to, and transformed while it is in the
/// cache.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// How many rows are at hand at once: a divisor of all, where one is near 64.
constexpr int block_rows(int rows) {
    if (rows <= 64) return rows;
    for (int block = 64; block >= 24; --block)
        if (rows % block == 0) return block;
    const int blocks = (rows + 63) / 64;
    return (rows + blocks - 1) / blocks;
}

template <class Step, class T>
class row_runner {
    using fusion = row_fusion<Step>;

  public:
    template <class Range>
    static void forward(const bindings<T>& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            forward_at(bound, first, second, third, range);
        });
    }

    /// One round of the outer loops.
    template <class Range>
    static void forward_at(const bindings<T>& bound, int first, int second, int third,
                           Range range) noexcept {
        if constexpr (step.is_limited()) {
            const kernel::row_range present{range.begin, std::min(range.end, limit(bound))};
            forward_rows(bound, first, second, third, present);
            T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            for (int row = std::max(present.begin, present.end); row < range.end; ++row)
                clear(out + row * step.out.row);
        } else {
            forward_rows(bound, first, second, third, range);
        }
    }

  private:
    template <class Range>
    static void forward_rows(const bindings<T>& bound, int first, int second, int third,
                             Range range) noexcept {
        const row_functions<Step, T> functions{bound, first, second, third};
        constexpr int block = block_rows(step.rows);
        T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
        T* sum = keeps_input
                     ? bound.write(step.before.at) + outer_shift(step.before, first, second, third)
                     : out;
        for (int row = range.begin; row < range.end; row += block) {
            const int rows = std::min(block, range.end - row);
            constexpr bool even = kernel::is_whole<Range> && step.rows % block == 0;
            combine<even>(bound, first, second, third, sum, out, row, rows);
            constexpr int applied = fusion::applies ? 1 : 0;
            if constexpr (step.functions.size() > applied)
                for (int at = row; at < row + rows; ++at)
                    kernel::unroll<step.functions.size() - applied>([&](auto index) {
                        constexpr int function = index() + applied;
                        const T* x = function == 0 ? sum + at * sum_row : out + at * step.out.row;
                        functions.template forward<function>(x, out + at * step.out.row, at);
                    });
            if constexpr (step.condition >= 0)
                for (int at = row; at < row + rows; ++at)
                    if (!exists(bound, at, first, second, third)) clear(out + at * step.out.row);
        }
    }

  public:
    static void backward(const bindings<T>& bound) noexcept {
        if constexpr (step.is_limited())
            backward_rows(bound, kernel::row_range{0, limit(bound)});
        else
            backward_rows(bound, all);
    }

    /// Whether all rows are atoms. Others run on one thread.
    static constexpr bool is_whole = !Step::value.is_limited() && Step::value.condition < 0;

    // The parts of backward, over rows that may be some: for runs on several threads.

    /// Turns the gradient of the step's result into that of its sum, in place.
    template <class Range>
    static void undo_functions(const bindings<T>& bound, int first, int second, int third,
                               Range range) noexcept {
        constexpr int count = step.functions.size();
        const row_functions<Step, T> functions{bound, first, second, third};
        T* gradient = gradient_of_out(bound, first, second, third);
        const T* out = bound.read(step.out.at) + outer_shift(step.out, first, second, third);
        const T* sum = keeps_input ? bound.read(step.before.at) +
                                         outer_shift(step.before, first, second, third)
                                   : out;
        for (int row = range.begin; row < range.end; ++row) {
            if constexpr (step.condition >= 0)
                if (!exists(bound, row, first, second, third)) {
                    clear(gradient + row * step.out.row);
                    continue;
                }
            if constexpr (count > 0) {
                // What each function was applied to, computed again but for the first and the last.
                alignas(64) T between[count > 1 ? count - 1 : 1][columns];
                const T* values[count + 1];
                values[0] = sum + row * sum_row;
                values[count] = out + row * step.out.row;
                kernel::unroll<count - 1>([&](auto index) {
                    functions.template forward<index()>(values[index()], between[index()], row);
                    values[index() + 1] = between[index()];
                });
                kernel::unroll<count>([&](auto index) {
                    constexpr int at = count - 1 - index();
                    functions.template backward<at>(values[at], values[at + 1],
                                                    gradient + row * step.out.row, row);
                });
            }
        }
    }

    /// Adds to the gradient of a product's rows, `split` of the inputs.
    template <int At, class Range>
    static void input_gradient(const bindings<T>& bound, int first, int second, int third,
                               int split, Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* dx = bound.gradient(term.x.at);
        if (!dx) return;
        constexpr kernel::product_shape shape{step.rows,    term.depth, columns,
                                              step.out.row, 1,          term.w_column,
                                              term.w_depth, term.x.row, true};
        const T* w = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
        dx += outer_shift(term.x, first, second, third);
        kernel::detail::tile_product<shape, kernel::is_whole<Range>>(
            gradient_of_out(bound, first, second, third) + range.begin * step.out.row,
            w + split * term.w_split, dx + split * term.x_split + range.begin * term.x.row,
            range.end - range.begin, columns);
    }

    /// How many rows a product's weight has in memory.
    template <int At>
    static constexpr int weight_rows() {
        return step.terms[At].w_column == 1 ? step.terms[At].depth : columns;
    }

    /// Adds to the gradient of a product's weight: of `split` of the inputs, these rows in memory,
    /// from the first `rows` rows of x.
    template <int At, class Range>
    static void weight_gradient(const bindings<T>& bound, int first, int second, int third,
                                int split, Range range, int rows = step.rows) noexcept {
        constexpr row_term term = step.terms[At];
        if constexpr (term.w.at.trained) {
            const T* dy = gradient_of_out(bound, first, second, third);
            const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third) +
                         split * term.x_split;
            T* dw = bound.gradient(term.w.at) + outer_shift(term.w, first, second, third) +
                    split * term.w_split;
            const int count = range.end - range.begin;
            if constexpr (term.w_column == 1) {
                constexpr kernel::product_shape shape{term.depth, columns,      step.rows,
                                                      1,          term.x.row,   step.out.row,
                                                      1,          term.w_depth, true};
                kernel::detail::tile_product<shape, kernel::is_whole<Range> && is_whole>(
                    x + range.begin, dy, dw + range.begin * term.w_depth, count, rows);
            } else {
                constexpr kernel::product_shape shape{columns, term.depth,    step.rows,
                                                      1,       step.out.row,  term.x.row,
                                                      1,       term.w_column, true};
                kernel::detail::tile_product<shape, kernel::is_whole<Range> && is_whole>(
                    dy + range.begin, x, dw + range.begin * term.w_column, count, rows);
            }
        }
    }

    template <int At, class Range>
    static void summand_gradient(const bindings<T>& bound, int first, int second, int third,
                                 Range range) noexcept {
        if constexpr (step.multiplies)
            factor_gradient<At>(bound, first, second, third, range);
        else
            add_gradient<At>(bound, first, second, third, range);
    }

    template <int At, class Range>
    static void product_gradient(const bindings<T>& bound, int first, int second, int third,
                                 Range range) noexcept {
        constexpr row_term term = step.terms[At];
        for (int split = 0; split < term.splits; ++split) {
            if constexpr (by_row(term)) {
                gradient_by_row<At>(bound, first, second, third, split, range);
            } else {
                input_gradient<At>(bound, first, second, third, split, range);
                weight_gradient<At>(bound, first, second, third, split,
                                    kernel::all_rows<weight_rows<At>()>{}, range.end);
            }
        }
    }

    template <int At, class Range>
    static void gather_gradient(const bindings<T>& bound, int first, int second, int third,
                                Range range) noexcept {
        constexpr row_term term = step.terms[At];
        if constexpr (term.w.at.trained) {
            const T* gradient = gradient_of_out(bound, first, second, third);
            const auto* symbols =
                bound.read_symbols(term.x.at) + outer_shift(term.x, first, second, third);
            T* table = bound.gradient(term.w.at) + outer_shift(term.w, first, second, third);
            for (int row = range.begin; row < range.end; ++row) {
                T* to = table + symbols[row * term.x.row] * term.w_depth + row * term.w.row;
                const T* from = gradient + row * step.out.row;
                if constexpr (term.w_column == 1)
                    add_to<columns>(to, from);
                else
                    for (int column = 0; column < columns; ++column)
                        to[column * term.w_column] += from[column];
            }
        }
    }

    static constexpr bool by_row(const row_term& term) { return fusion::by_row(term); }
    static constexpr int segments_of(const plan::access& at) { return fusion::segments_of(at); }

  private:
    static constexpr const row_step& step = Step::value;
    static constexpr int columns = step.columns();
    static constexpr bool keeps_input = step.before.at.where != place::none;
    static constexpr int sum_row = keeps_input ? step.before.row : step.out.row;
    static constexpr kernel::all_rows<step.rows> all{};

    /// How many rows there are, all in front.
    static int limit(const bindings<T>& bound) noexcept {
        if constexpr (step.pairs >= 0)
            return bound.pairs[step.pairs][pair_layout::count()];
        else
            return std::min(bound.counts[step.count], step.rows);
    }

    static bool exists(const bindings<T>& bound, int row, int first, int second,
                       int third) noexcept {
        int index[plan::max_variables]{};
        if constexpr (step.row_variable >= 0) index[step.row_variable] = row;
        const int outers[]{first, second, third};
        for (int at = 0; at < step.outers; ++at)
            if (step.outer_variables[at] < plan::max_variables)
                index[step.outer_variables[at]] = outers[at];
        if constexpr (step.pairs >= 0) {
            index[step.pair_variables[0]] = pair_row<plan::side::row>(bound, row);
            index[step.pair_variables[1]] = pair_row<plan::side::column>(bound, row);
        }
        return evaluate_node<typename Step::plan, step.condition>(bound, index);
    }

    /// The row of a term that goes by an index of the step's pairs.
    template <plan::side Side>
    static int pair_row(const bindings<T>& bound, int row) noexcept {
        if constexpr (Side == plan::side::none) {
            return row;
        } else {
            constexpr pair_layout layout = pair_layout_of<typename Step::plan, step.pairs>();
            constexpr int from =
                Side == plan::side::row ? layout.row_of_pair() : layout.column_of_pair();
            return bound.pairs[step.pairs][from + row];
        }
    }

    static void clear(T* row) noexcept {
        if constexpr (step.segments > 1 && step.out.column != step.length) {
            for (int segment = 0; segment < step.segments; ++segment)
                std::fill_n(row + segment * step.out.column, step.length, T(0));
        } else {
            std::fill_n(row, columns, T(0));
        }
    }

    template <class Range>
    static void backward_rows(const bindings<T>& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            if constexpr (step.functions.size() > 0 || step.condition >= 0)
                undo_functions(bound, first, second, third, range);
            kernel::unroll<step.terms.size()>([&](auto index) {
                constexpr row_term term = step.terms[index()];
                if constexpr (term.kind == term_kind::product)
                    product_gradient<index()>(bound, first, second, third, range);
                else if constexpr (term.kind == term_kind::gather)
                    gather_gradient<index()>(bound, first, second, third, range);
                else
                    summand_gradient<index()>(bound, first, second, third, range);
            });
        });
    }

    static T* gradient_of_out(const bindings<T>& bound, int first, int second, int third) noexcept {
        return bound.gradient(step.out.at) + outer_shift(step.out, first, second, third);
    }

    static constexpr int first_product() {
        for (int at = 0; at < step.terms.size(); ++at)
            if (step.terms[at].kind == term_kind::product) return at;
        return -1;
    }

    template <bool Even>
    static void combine(const bindings<T>& bound, int first, int second, int third, T* sum, T* out,
                        int row, int rows) noexcept {
        if constexpr (step.terms.size() == 0)
            for (int at = row; at < row + rows; ++at)
                std::fill_n(sum + at * sum_row, columns, T(0));
        kernel::unroll<step.terms.size()>([&](auto index) {
            if constexpr (step.terms[index()].kind == term_kind::product)
                multiply<index(), index() != first_product(), Even>(bound, first, second, third,
                                                                    sum, out, row, rows);
        });
        kernel::unroll<step.terms.size()>([&](auto index) {
            constexpr row_term term = step.terms[index()];
            constexpr bool starts = first_product() < 0 && index() == 0;
            if constexpr (fusion::adds(index())) {
                // Done by the product.
            } else if constexpr (term.kind == term_kind::add) {
                const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
                for (int at = row; at < row + rows; ++at)
                    kernel::unroll<segments_of(term.x)>([&](auto segment) {
                        constexpr int length = columns / segments_of(term.x);
                        T* to = sum + at * sum_row + segment() * length;
                        const T* from = x + pair_row<term.indexed>(bound, at) * term.x.row +
                                        segment() * term.x.column;
                        if constexpr (starts)
                            std::copy_n(from, length, to);
                        else if constexpr (step.multiplies)
                            multiply_to<length>(to, from);
                        else
                            add_to<length>(to, from);
                    });
            } else if constexpr (term.kind == term_kind::gather) {
                const auto* symbols =
                    bound.read_symbols(term.x.at) + outer_shift(term.x, first, second, third);
                const T* table = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
                for (int at = row; at < row + rows; ++at) {
                    T* to = sum + at * sum_row;
                    const T* from =
                        table + symbols[at * term.x.row] * term.w_depth + at * term.w.row;
                    if constexpr (term.w_column != 1) {
                        for (int column = 0; column < columns; ++column)
                            to[column] =
                                from[column * term.w_column] + (starts ? T(0) : to[column]);
                    } else if constexpr (starts) {
                        std::copy_n(from, columns, to);
                    } else {
                        add_to<columns>(to, from);
                    }
                }
            }
        });
    }

    static row_finish<Step, T> finish(const bindings<T>& bound, int first, int second, int third,
                                      T* out, int row) noexcept {
        row_finish<Step, T> result{};
        result.out = out + row * step.out.row;
        kernel::unroll<step.terms.size()>([&](auto index) {
            constexpr row_term term = step.terms[index()];
            if constexpr (fusion::adds(index()))
                result.summands[index()] = bound.read(term.x.at) +
                                           outer_shift(term.x, first, second, third) +
                                           row * term.x.row;
        });
        return result;
    }

    template <int At, bool Accumulate, bool Even>
    static void multiply(const bindings<T>& bound, int first, int second, int third, T* sum, T* out,
                         int row, int rows) noexcept {
        constexpr row_term term = step.terms[At];
        const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
        const T* w = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
        constexpr int block = by_row(term) ? 1 : block_rows(step.rows);
        kernel::unroll<term.splits>([&](auto split) {
            constexpr kernel::product_shape shape{
                block,        columns,       term.depth, by_row(term) ? 0 : term.x.row, 1,
                term.w_depth, term.w_column, sum_row,    Accumulate || split() > 0};
            const T* a = x + split() * term.x_split;
            const T* b = w + split() * term.w_split;
            if constexpr (by_row(term)) {
                for (int at = row; at < row + rows; ++at)
                    kernel::product<shape>(a + at * term.x.row, b + at * term.w.row,
                                           sum + at * sum_row);
            } else {
                const auto product = [&](const auto& finish) {
                    kernel::detail::tile_product<shape, Even>(
                        a + row * term.x.row, b, sum + row * sum_row, rows, term.depth, finish);
                };
                if constexpr (fusion::any && fusion::product_at == At && split() == term.splits - 1)
                    product(finish(bound, first, second, third, out, row));
                else
                    product(kernel::as_is{});
            }
        });
    }

    template <int At, class Range>
    static void gradient_by_row(const bindings<T>& bound, int first, int second, int third,
                                int split, Range range) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr kernel::product_shape to_x{
            1, term.depth, columns, step.out.row, 1, term.w_column, term.w_depth, term.depth, true};
        constexpr kernel::product_shape to_input_major{
            term.depth, columns, 1, 1, term.depth, step.out.row, 1, term.w_depth, true};
        constexpr kernel::product_shape to_output_major{
            columns, term.depth, 1, 1, step.out.row, term.depth, 1, term.w_column, true};
        const T* gradient = gradient_of_out(bound, first, second, third);
        for (int row = range.begin; row < range.end; ++row) {
            const T* dy = gradient + row * step.out.row;
            const std::ptrdiff_t x_at =
                outer_shift(term.x, first, second, third) + split * term.x_split + row * term.x.row;
            const std::ptrdiff_t w_at =
                outer_shift(term.w, first, second, third) + split * term.w_split + row * term.w.row;
            if (T* dx = bound.gradient(term.x.at))
                kernel::product<to_x>(dy, bound.read(term.w.at) + w_at, dx + x_at);
            if constexpr (term.w.at.trained) {
                T* dw = bound.gradient(term.w.at) + w_at;
                const T* x = bound.read(term.x.at) + x_at;
                if constexpr (term.w_column == 1)
                    kernel::product<to_input_major>(x, dy, dw);
                else
                    kernel::product<to_output_major>(dy, x, dw);
            }
        }
    }

    template <int At, class Range>
    static void add_gradient(const bindings<T>& bound, int first, int second, int third,
                             Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* to = bound.gradient(term.x.at);
        if (!to) return;
        to += outer_shift(term.x, first, second, third);
        const T* gradient = gradient_of_out(bound, first, second, third);
        constexpr int length = columns / segments_of(term.x);
        for (int row = range.begin; row < range.end; ++row)
            for (int segment = 0; segment < segments_of(term.x); ++segment)
                add_to<length>(
                    to + pair_row<term.indexed>(bound, row) * term.x.row + segment * term.x.column,
                    gradient + row * step.out.row + segment * length);
    }

    /// The gradient of one factor: that of the product, times the other factors.
    template <int At, class Range>
    static void factor_gradient(const bindings<T>& bound, int first, int second, int third,
                                Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* to = bound.gradient(term.x.at);
        if (!to) return;
        to += outer_shift(term.x, first, second, third);
        const T* gradient = gradient_of_out(bound, first, second, third);
        constexpr int length = step.length;
        alignas(64) T others[length];
        for (int row = range.begin; row < range.end; ++row)
            for (int segment = 0; segment < step.segments; ++segment) {
                std::copy_n(gradient + row * step.out.row + segment * length, length, others);
                kernel::unroll<step.terms.size()>([&](auto other) {
                    constexpr row_term factor = step.terms[other()];
                    if constexpr (other() != At)
                        multiply_to<length>(
                            others, bound.read(factor.x.at) +
                                        outer_shift(factor.x, first, second, third) +
                                        pair_row<factor.indexed>(bound, row) * factor.x.row +
                                        segment * factor.x.column);
                });
                add_to<length>(
                    to + pair_row<term.indexed>(bound, row) * term.x.row + segment * term.x.column,
                    others);
            }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Runs attention steps: hands the kernel the shape, the space and the pointers.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::attention_step;
using plan::score_kind;

/// Which rounds of the outer loops of an attention step have the same mask.
template <class Plan, int At>
inline constexpr auto mask_kinds = plan::kinds_of_rounds<plan::different_rounds(
    Plan::tables.pool, Plan::template attention_at<At>)>(Plan::tables.pool.nodes,
                                                         Plan::template attention_at<At>);

/// The condition of the rounds of a kind, and how its pairs are found.
template <class Plan, int At, int Kind>
struct attention_mask {
    static constexpr attention_step step = Plan::template attention_at<At>;
    struct found {
        plan::condition_tree<plan::max_condition_nodes> condition{};
        plan::mask_form form{};
    };
    static constexpr found mask = [] {
        found result;
        result.condition = plan::condition_in_round(Plan::tables.pool.nodes, step,
                                                    mask_kinds<Plan, At>.first[Kind]);
        result.form = plan::form_of(result.condition, step.row_variable, step.column_variable);
        return result;
    }();

    template <int Root>
    static int evaluate(int row, int column) noexcept {
        constexpr plan::node top = mask.condition.pool.nodes[Root];
        if constexpr (top.kind == plan::node_kind::constant) {
            return top.value;
        } else if constexpr (top.kind == plan::node_kind::variable) {
            return top.value == step.row_variable ? row : column;
        } else {
            const int left = evaluate<top.left>(row, column);
            int right = 0;
            if constexpr (top.right >= 0) right = evaluate<top.right>(row, column);
            if constexpr (top.kind == plan::node_kind::decision) {
                constexpr plan::decision_function holds = Plan::shapes.text.decisions[top.value];
                return holds(left, right);
            } else {
                return plan::evaluate(top.kind, left, right);
            }
        }
    }

    static const kernel::mask_table& made_table() {
        static const kernel::mask_table made(step.rows, step.columns, [](int row, int column) {
            if constexpr (mask.form.tabled < 0)
                return true;
            else
                return evaluate<mask.form.tabled>(row, column) != 0;
        });
        return made;
    }
    /// Has the table made when the program starts, not in the first call.
    static inline const kernel::mask_table& at_start = made_table();
    static const kernel::mask_table& table() noexcept {
        (void)&at_start;
        return made_table();
    }
};

/// The kernel's view of attention step `At` of a plan, in the rounds of a kind.
template <class Plan, int At, int Kind = 0>
struct attention_shape {
    using mask = attention_mask<Plan, At, Kind>;
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int rows = step.rows;
    static constexpr int columns = step.columns;
    static constexpr int length = step.length;
    static constexpr int value_column = step.value.column;
    static constexpr int out_row = step.out.row;
    static constexpr bool value_gradient = step.value.at.trained;
    static constexpr int score_row = step.scores.row;
    static constexpr bool is_table = mask::mask.form.is_table;
    static constexpr bool clips = mask::mask.form.clips();
    static constexpr plan::space space = mask::mask.form.where;

    static long long pairs() {
        if constexpr (is_table)
            return mask::table().pairs;
        else
            return plan::count_pairs(space, rows, columns);
    }

    /// Kept as rows and columns of the matrix, which lattices are not.
    static constexpr bool keeps_scores = [] {
        if (is_table) return false;
        for (const plan::piece& part : space.pieces)
            if (part.modulus != 1 || part.row_modulus != 1) return false;
        return step.scores.at.where != place::none;
    }();

    static constexpr auto nodes = [] {
        plan::list<kernel::score_node, step.nodes.size()> result;
        for (const plan::score_node& from : step.nodes) {
            kernel::score_node to;
            switch (from.kind) {
                case score_kind::dot:
                    to.op = kernel::score_op::dot;
                    break;
                case score_kind::load:
                    to.op = kernel::score_op::load;
                    break;
                case score_kind::number:
                    to.op = kernel::score_op::number;
                    break;
                case score_kind::index:
                    to.op = kernel::score_op::index;
                    break;
                case score_kind::add:
                    to.op = kernel::score_op::add;
                    break;
                case score_kind::multiply:
                    to.op = kernel::score_op::multiply;
                    break;
                case score_kind::function:
                    to.op = kernel::score_op::function;
                    break;
            }
            to.x_row = from.x.row;
            to.x_column = from.x.column;
            to.y_column = from.y.column;
            to.depth = from.depth;
            to.value = from.value;
            to.function = activation_of(from.function);
            to.left = from.left;
            to.right = from.right;
            to.x_gradient = from.x.at.trained;
            to.y_gradient = from.y.at.trained;
            result.push(to);
        }
        return result;
    }();
};

template <class Plan, int At, class T>
class attention_runner {
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr auto& kinds = mask_kinds<Plan, At>;

    /// Calls visit(shape) with the kernel's view of one round of the outer loops.
    template <class Visit>
    static void with_shape(int first, int second, int third, Visit visit) noexcept {
        if constexpr (kinds.first.size() == 1) {
            visit(attention_shape<Plan, At>{});
        } else {
            const int round =
                (first * step.outer_extents[1] + second) * step.outer_extents[2] + third;
            kernel::unroll<kinds.first.size()>([&](auto kind) {
                if (kinds.kind_of[round] == kind()) visit(attention_shape<Plan, At, kind()>{});
            });
        }
    }

    static kernel::score_operands<T> operands(const bindings<T>& bound, int first, int second,
                                              int third, bool gradients) noexcept {
        kernel::score_operands<T> result;
        kernel::unroll<step.nodes.size()>([&](auto index) {
            constexpr int at = index();
            constexpr plan::score_node node = step.nodes[at];
            if constexpr (node.kind == score_kind::dot || node.kind == score_kind::load) {
                const std::ptrdiff_t shift = outer_shift(node.x, first, second, third);
                result.x[at] = bound.read(node.x.at) + shift;
                if (gradients)
                    if (T* gradient = bound.gradient(node.x.at)) result.dx[at] = gradient + shift;
            }
            if constexpr (node.kind == score_kind::dot) {
                const std::ptrdiff_t shift = outer_shift(node.y, first, second, third);
                result.y[at] = bound.read(node.y.at) + shift;
                if (gradients)
                    if (T* gradient = bound.gradient(node.y.at)) result.dy[at] = gradient + shift;
            }
            if constexpr (node.kind == score_kind::index)
                result.base[at] = static_cast<T>(outer_shift(node.x, first, second, third));
        });
        return result;
    }

    template <class Shape>
    static T* kept_scores(const bindings<T>& bound, int first, int second, int third) noexcept {
        if constexpr (Shape::keeps_scores)
            return bound.write(step.scores.at) + outer_shift(step.scores, first, second, third);
        else
            return nullptr;
    }

  public:
    template <class Range>
    static void forward(const bindings<T>& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            forward_at(bound, first, second, third, range);
        });
    }

    static void backward(const bindings<T>& bound) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            backward_at(bound, first, second, third);
        });
    }

    /// One round of the outer loops.
    template <class Range>
    static void forward_at(const bindings<T>& bound, int first, int second, int third,
                           Range range) noexcept {
        with_shape(first, second, third, [&]<class Shape>(Shape) {
            const auto from = operands(bound, first, second, third, false);
            const T* value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            T* log_sum =
                bound.write(step.log_sum.at) + outer_shift(step.log_sum, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention<Shape>(Shape::mask::table(), from, value, out, log_sum,
                                         bound.counts, range);
            else
                kernel::attention<Shape>(from, value, out, log_sum,
                                         kept_scores<Shape>(bound, first, second, third),
                                         bound.counts, range);
        });
    }
    static void backward_at(const bindings<T>& bound, int first, int second, int third) noexcept {
        T* value_gradient = bound.gradient(step.value.at);
        if (value_gradient) value_gradient += outer_shift(step.value, first, second, third);
        with_shape(first, second, third, [&]<class Shape>(Shape) {
            const auto from = operands(bound, first, second, third, true);
            const T* value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            const T* out = bound.read(step.out.at) + outer_shift(step.out, first, second, third);
            const T* log_sum =
                bound.read(step.log_sum.at) + outer_shift(step.log_sum, first, second, third);
            const T* out_gradient =
                bound.gradient(step.out.at) + outer_shift(step.out, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention_gradient<Shape>(Shape::mask::table(), from, value, out, log_sum,
                                                  out_gradient, value_gradient, bound.counts);
            else
                kernel::attention_gradient<Shape>(from, value, out, log_sum,
                                                  kept_scores<Shape>(bound, first, second, third),
                                                  out_gradient, value_gradient, bound.counts);
        });
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// One ground rule of a general step: its value at an assignment of the variables, and the gradient
/// of what it reads.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::aggregation;
using plan::combination;
using plan::general_function;
using plan::general_literal;
using plan::literal_kind;
using plan::value_shape;

template <class Plan, int At, class T>
class ground_rule : protected assignments<Plan, At, T> {
  protected:
    using base = assignments<Plan, At, T>;
    using base::bound_, base::index_, base::pair_;
    using base::value_of;

    static constexpr general_step step = Plan::template general_at<At>;
    static constexpr int literals = step.literals.size();
    static constexpr int functions = step.functions.size();
    static constexpr int length = step.shape.size();
    static constexpr int combined = step.combined_shape.size();

    /// Room for the values of one ground rule: literals, partial products, and what each function
    /// was applied to.
    static constexpr int most() {
        int size = combined > length ? combined : length;
        for (const general_literal& item : step.literals) {
            if (item.shape.size() > size) size = item.shape.size();
            if (item.rows * item.columns > size) size = item.rows * item.columns;
        }
        for (const general_function& function : step.functions)
            if (function.shape.size() > size) size = function.shape.size();
        return size;
    }
    static constexpr int room = most();

    using value = T[room];

    alignas(64) value values_[literals > 0 ? literals : 1];  // of the literals, as combined
    alignas(64) value partial_[literals + 1];                // products of the first ones
    alignas(64) value stages_[functions + 1];                // before, between and after functions

    explicit ground_rule(const bindings<T>& bound) noexcept : base(bound) {}

    static constexpr bool gives_value(const general_literal& item) {
        return !item.required_nonzero && !item.required_zero;
    }

    SEQUENT_INLINE std::ptrdiff_t shift(const int* strides) const noexcept {
        std::ptrdiff_t at = 0;
        for (int variable = 0; variable < step.variables; ++variable)
            at += static_cast<std::ptrdiff_t>(index_[variable]) * strides[variable];
        return at;
    }

    template <int Item>
    static constexpr auto literal = Plan::template general_at<At>.literals[Item];

    /// How far a literal's value lies from the first of its relation.
    template <int Item>
    SEQUENT_INLINE std::ptrdiff_t place() const noexcept {
        constexpr general_literal item = literal<Item>;
        if constexpr (item.join < 0)
            return shift(item.strides);
        else
            return shift(item.strides) +
                   static_cast<std::ptrdiff_t>(pair_[item.join]) * item.pair_stride;
    }

    /// Whether the literal's atom lies within its relation, for a rule that adds what there is.
    template <int Item>
    bool present() const noexcept {
        constexpr general_literal item = literal<Item>;
        for (int variable = 0; variable < step.variables; ++variable)
            if (item.limits[variable] && index_[variable] >= item.limits[variable]) return false;
        if constexpr (item.join >= 0) return pair_[item.join] >= 0;
        return true;
    }

    /// Whether a dense fact holds.
    template <int Item>
    bool is_nonzero() const noexcept {
        constexpr general_literal item = literal<Item>;
        bool nonzero = false;
        for (int at = 0; at < item.rows * item.columns; ++at)
            if constexpr (item.symbols)
                nonzero = nonzero || bound_.read_symbols(item.at)[shift(item.strides) + at];
            else
                nonzero = nonzero || bound_.read(item.at)[shift(item.strides) + at] != T(0);
        return nonzero;
    }

    bool admitted() const noexcept {
        if constexpr (step.condition >= 0)
            if (!base::template evaluate_node<step.condition>()) return false;
        bool holds = true;
        kernel::unroll<literals>([&](auto index) {
            constexpr general_literal item = literal<index()>;
            if constexpr (!gives_value(item) && !item.is_condition)
                holds = holds && is_nonzero<index()>() == item.required_nonzero;
        });
        return holds;
    }

    /// The weighted value, before an element is taken or the whole is transposed.
    template <int Item>
    void weighted(T* to) const noexcept {
        constexpr general_literal item = literal<Item>;
        constexpr int size = item.rows * item.columns;
        if constexpr (item.symbols) {
            const auto symbol = bound_.read_symbols(item.at)[place<Item>()];
            const T* row =
                bound_.read(item.weight) + shift(item.weight_strides) + symbol * item.weight_row;
            for (int at = 0; at < item.weight_columns; ++at) to[at] = row[at * item.weight_column];
        } else {
            const T* from = bound_.read(item.at) + place<Item>();
            if constexpr (item.weight_rows == 0) {
                std::copy_n(from, size, to);
            } else {
                const T* w = bound_.read(item.weight) + shift(item.weight_strides);
                if constexpr (item.weight_rows * item.weight_columns == 1) {
                    for (int at = 0; at < size; ++at) to[at] = from[at] * *w;
                } else {
                    for (int row = 0; row < item.weight_rows; ++row)
                        for (int column = 0; column < item.columns; ++column) {
                            T sum = 0;
                            for (int at = 0; at < item.weight_columns; ++at)
                                sum += w[row * item.weight_row + at * item.weight_column] *
                                       from[at * item.columns + column];
                            to[row * item.columns + column] = sum;
                        }
                }
            }
        }
    }

    template <int Item>
    void evaluate_literal() noexcept {
        constexpr general_literal item = literal<Item>;
        T* to = values_[Item];
        if constexpr (item.kind == literal_kind::number) {
            to[0] = static_cast<T>(item.number);
        } else if constexpr (item.kind == literal_kind::index) {
            to[0] = static_cast<T>(base::template evaluate_node<item.expression>());
        } else if constexpr (item.has_element) {
            alignas(64) value whole;
            weighted<Item>(whole);
            to[0] = whole[value_of(item.element)];
        } else if constexpr (item.transposed && item.shape.rows != 1 && item.shape.columns != 1) {
            alignas(64) value whole;
            weighted<Item>(whole);
            for (int row = 0; row < item.shape.rows; ++row)
                for (int column = 0; column < item.shape.columns; ++column)
                    to[row * item.shape.columns + column] = whole[column * item.shape.rows + row];
        } else {
            weighted<Item>(to);
        }
    }

    /// The shape of the product of the first literals.
    static constexpr value_shape product_shape(int count) {
        value_shape shape{};
        bool first = true;
        for (int at = 0; at < count; ++at) {
            const general_literal& item = step.literals[at];
            if (!gives_value(item)) continue;
            shape = first                    ? item.shape
                    : item.shape.is_scalar() ? shape
                    : shape.is_scalar()      ? item.shape
                                             : value_shape{shape.rows, item.shape.columns};
            first = false;
        }
        return shape;
    }

    static constexpr int value_count() {
        int count = 0;
        for (const general_literal& item : step.literals) count += gives_value(item) ? 1 : 0;
        return count;
    }

    static SEQUENT_INLINE T element_of(const T* from, int size, int at) noexcept {
        return from[size == 1 ? 0 : at];
    }

    template <class F>
    SEQUENT_INLINE void each_value(F f) noexcept {
        kernel::unroll<literals>([&](auto index) {
            if constexpr (gives_value(literal<index()>)) f(index);
        });
    }

    /// C_rule of the literals, into stages_[0].
    void combine() noexcept {
        T* to = stages_[0];
        each_value([&](auto index) {
            if (present<index()>())
                evaluate_literal<index()>();
            else
                std::fill_n(values_[index()], room, T(0));
        });
        if constexpr (value_count() == 0) {
            to[0] = 1;
        } else if constexpr (step.combined == combination::product) {
            multiply_all();
        } else if constexpr (step.combined == combination::concat) {
            int at = 0;
            each_value([&](auto index) {
                constexpr int size = literal<index()>.shape.size();
                std::copy_n(values_[index()], size, to + at);
                at += size;
            });
        } else if constexpr (step.combined == combination::cosine) {
            T dot = 0;
            T norms[2];
            cosine_parts(dot, norms);
            const T scale = norms[0] * norms[1];
            to[0] = scale > 0 ? dot / scale : T(0);
        } else {
            for (int at = 0; at < combined; ++at) {
                bool first = true;
                T sum = 0;
                each_value([&](auto index) {
                    const T x = element_of(values_[index()], literal<index()>.shape.size(), at);
                    if (first)
                        sum = x;
                    else if constexpr (step.combined == combination::elementwise_product)
                        sum *= x;
                    else if constexpr (step.combined == combination::max)
                        sum = std::max(sum, x);
                    else if constexpr (step.combined == combination::min)
                        sum = std::min(sum, x);
                    else
                        sum += x;
                    first = false;
                });
                if constexpr (step.combined == combination::mean) sum /= T(value_count());
                to[at] = sum;
            }
        }
    }

    void cosine_parts(T& dot, T* norms) const noexcept {
        const T* vectors[2];
        int found = 0;
        int size = 0;
        kernel::unroll<literals>([&](auto index) {
            if constexpr (gives_value(literal<index()>)) {
                if (found < 2) vectors[found++] = values_[index()];
                size = literal<index()>.shape.size();
            }
        });
        T squares[2] = {0, 0};
        for (int at = 0; at < size; ++at) {
            dot += vectors[0][at] * vectors[1][at];
            squares[0] += vectors[0][at] * vectors[0][at];
            squares[1] += vectors[1][at] * vectors[1][at];
        }
        norms[0] = std::sqrt(squares[0]);
        norms[1] = std::sqrt(squares[1]);
    }

    /// C (rows x columns) = A (rows x depth) B; a scalar on either side multiplies.
    template <value_shape A, value_shape B>
    static void multiply(const T* left, const T* right, T* to) noexcept {
        if constexpr (B.is_scalar()) {
            for (int at = 0; at < A.size(); ++at) to[at] = left[at] * right[0];
        } else if constexpr (A.is_scalar()) {
            for (int at = 0; at < B.size(); ++at) to[at] = left[0] * right[at];
        } else if constexpr (A.rows == 1 && B.columns == 1) {
            to[0] = kernel::detail::dot_rows<A.columns>(left, right);
        } else {
            for (int row = 0; row < A.rows; ++row)
                for (int column = 0; column < B.columns; ++column) {
                    T sum = 0;
                    for (int at = 0; at < A.columns; ++at)
                        sum += left[row * A.columns + at] * right[at * B.columns + column];
                    to[row * B.columns + column] = sum;
                }
        }
    }

    static constexpr int first_value() {
        for (int at = 0; at < literals; ++at)
            if (gives_value(step.literals[at])) return at;
        return 0;
    }

    void multiply_all() noexcept {
        each_value([&](auto index) {
            constexpr value_shape shape = literal<index()>.shape;
            if constexpr (index() == first_value())
                std::copy_n(values_[index()], shape.size(), partial_[index() + 1]);
            else
                multiply<product_shape(index()), shape>(partial_[index()], values_[index()],
                                                        partial_[index() + 1]);
            // A literal without a value passes the product on.
            for (int next = index() + 1; next < literals && !gives_value(step.literals[next]);
                 ++next)
                std::copy_n(partial_[next], room, partial_[next + 1]);
        });
        std::copy_n(partial_[literals], combined, stages_[0]);
    }

    template <int F>
    static constexpr auto function = Plan::template general_at<At>.functions[F];

    template <int F>
    const T* function_weight(int which) const noexcept {
        constexpr general_function f = function<F>;
        return bound_.read(f.weights[which]) + shift(f.weight_strides[which]);
    }
    template <int F>
    T* function_weight_gradient(int which) const noexcept {
        constexpr general_function f = function<F>;
        T* gradient = bound_.gradient(f.weights[which]);
        return gradient ? gradient + shift(f.weight_strides[which]) : nullptr;
    }

    template <int F>
    void write_angles(T* to) noexcept {
        constexpr general_function f = function<F>;
        kernel::write_angles<f.shape.size()>(base::template evaluate_node<f.position>(),
                                             f.numbers[0], to);
    }

    template <int F>
    void drop(const T* x, T* y) noexcept {
        constexpr general_function f = function<F>;
        constexpr int size = f.shape.size();
        if (const int seed = base::template evaluate_node<f.position>()) {
            kernel::dropout_key key = bound_.key(seed, f.identity).of(F);
            for (int variable = 0; variable < step.variables; ++variable)
                key = key.of(index_[variable]);
            kernel::dropout<size>(x, y, key, 0, f.numbers[0]);
        } else if (x != y) {
            std::copy_n(x, size, y);
        }
    }

    template <int F>
    void apply_function() noexcept {
        using enum plan::transformation;
        constexpr general_function f = function<F>;
        constexpr int size = f.shape.size();
        constexpr T number = static_cast<T>(f.numbers[0]);
        const T* x = stages_[F];
        T* y = stages_[F + 1];
        if constexpr (is_elementwise(f.kind)) {
            each_lane<size, T>([&](int at, auto count) {
                kernel::store_first<count()>(y + at,
                                             kernel::apply<activation_of(f.kind)>(
                                                 kernel::load_first<count()>(x + at), number));
            });
        } else if constexpr (f.kind == softmax) {
            kernel::softmax<size>(x, y);
        } else if constexpr (f.kind == sparsemax) {
            kernel::sparsemax<size>(x, y);
        } else if constexpr (f.kind == norm) {
            kernel::norm<size>(x, y, number);
        } else if constexpr (f.kind == layer_norm) {
            kernel::layer_norm<size>(x, function_weight<F>(0), function_weight<F>(1), y, number);
        } else if constexpr (f.kind == rms_norm) {
            kernel::rms_norm<size>(x, function_weight<F>(0), y, number);
        } else if constexpr (is_rotary(f.kind)) {
            alignas(64) value angles;
            write_angles<F>(angles);
            kernel::turn<size, pairing_of(f.kind), false>(x, y, angles);
        } else if constexpr (f.kind == sinusoidal) {
            alignas(64) value angles;
            write_angles<F>(angles);
            kernel::add_waves<size>(x, y, angles);
        } else if constexpr (f.kind == dropout) {
            drop<F>(x, y);
        } else if constexpr (f.kind == slice) {
            std::copy_n(x + static_cast<int>(f.numbers[0]), static_cast<int>(f.numbers[1]), y);
        } else {
            std::copy_n(x, size, y);
        }
    }

    /// The value of the ground rule at index_, in stages_[functions].
    void evaluate() noexcept {
        combine();
        kernel::unroll<functions>([&](auto index) { apply_function<index()>(); });
    }
    const T* result() const noexcept { return stages_[functions]; }

    // The gradient of one ground rule, of which `gradient` is overwritten.

    template <int F>
    void undo_function(T* gradient) noexcept {
        using enum plan::transformation;
        constexpr general_function f = function<F>;
        constexpr int size = f.shape.size();
        constexpr T number = static_cast<T>(f.numbers[0]);
        const T* x = stages_[F];
        const T* y = stages_[F + 1];
        if constexpr (is_elementwise(f.kind)) {
            each_lane<size, T>([&](int at, auto count) {
                const auto slope = kernel::derivative<activation_of(f.kind)>(
                    kernel::load_first<count()>(x + at), kernel::load_first<count()>(y + at),
                    number);
                kernel::store_first<count()>(
                    gradient + at,
                    kernel::batch<T>(kernel::load_first<count()>(gradient + at) * slope));
            });
        } else if constexpr (f.kind == softmax) {
            kernel::softmax_gradient<size>(y, gradient, gradient);
        } else if constexpr (f.kind == sparsemax) {
            kernel::sparsemax_gradient<size>(y, gradient, gradient);
        } else if constexpr (f.kind == norm) {
            kernel::norm_gradient<size>(x, gradient, gradient, number);
        } else if constexpr (f.kind == layer_norm) {
            kernel::layer_norm_gradient<size>(x, function_weight<F>(0), gradient, gradient,
                                              function_weight_gradient<F>(0),
                                              function_weight_gradient<F>(1), number);
        } else if constexpr (f.kind == rms_norm) {
            kernel::rms_norm_gradient<size>(x, function_weight<F>(0), gradient, gradient,
                                            function_weight_gradient<F>(0), number);
        } else if constexpr (is_rotary(f.kind)) {
            alignas(64) value angles;
            write_angles<F>(angles);
            kernel::turn<size, pairing_of(f.kind), true>(gradient, gradient, angles);
        } else if constexpr (f.kind == dropout) {
            drop<F>(gradient, gradient);
        } else if constexpr (f.kind == slice) {
            alignas(64) value part;
            constexpr int begin = static_cast<int>(f.numbers[0]);
            constexpr int count = static_cast<int>(f.numbers[1]);
            std::copy_n(gradient, count, part);
            std::fill_n(gradient, size, T(0));
            std::copy_n(part, count, gradient + begin);
        }
    }

    void undo(T* gradient) noexcept {
        kernel::unroll<functions>(
            [&](auto index) { undo_function<functions - 1 - index()>(gradient); });
        if constexpr (value_count() == 0) {
            return;
        } else if constexpr (step.combined == combination::product) {
            undo_products(gradient);
        } else if constexpr (step.combined == combination::concat) {
            int at = 0;
            each_value([&](auto index) {
                undo_literal<index()>(gradient + at);
                at += literal<index()>.shape.size();
            });
        } else if constexpr (step.combined == combination::cosine) {
            undo_cosine(gradient[0]);
        } else {
            undo_elementwise(gradient);
        }
    }

    void undo_cosine(T gradient) noexcept {
        T dot = 0;
        T norms[2];
        cosine_parts(dot, norms);
        if (!(norms[0] * norms[1] > 0)) return;
        const T* vectors[2];
        int found = 0;
        each_value([&](auto index) {
            if (found < 2) vectors[found++] = values_[index()];
        });
        int which = 0;
        each_value([&](auto index) {
            constexpr int size = literal<index()>.shape.size();
            const int other = 1 - which;
            const T scale = norms[0] * norms[1];
            const T square = norms[which] * norms[which];
            alignas(64) value part;
            for (int at = 0; at < size; ++at)
                part[at] = gradient *
                           (vectors[other][at] / scale - dot / scale * vectors[which][at] / square);
            undo_literal<index()>(part);
            ++which;
        });
    }

    void undo_elementwise(const T* gradient) noexcept {
        each_value([&](auto index) {
            constexpr int size = literal<index()>.shape.size();
            alignas(64) value part;
            std::fill_n(part, size, T(0));
            for (int at = 0; at < combined; ++at) {
                T slope = 1;
                if constexpr (step.combined == combination::mean) slope = T(1) / T(value_count());
                if constexpr (step.combined == combination::elementwise_product)
                    each_value([&](auto other) {
                        if constexpr (other() != index())
                            slope *=
                                element_of(values_[other()], literal<other()>.shape.size(), at);
                    });
                if constexpr (step.combined == combination::max ||
                              step.combined == combination::min) {
                    // The first that attains it takes all.
                    int chosen = -1;
                    T most = 0;
                    each_value([&](auto other) {
                        const T x = element_of(values_[other()], literal<other()>.shape.size(), at);
                        if (chosen < 0 ||
                            (step.combined == combination::max ? x > most : x < most)) {
                            chosen = other();
                            most = x;
                        }
                    });
                    slope = chosen == index() ? T(1) : T(0);
                }
                part[size == 1 ? 0 : at] += gradient[at] * slope;
            }
            undo_literal<index()>(part);
        });
    }

    void undo_products(T* gradient) noexcept {
        kernel::unroll<literals>([&](auto reversed) {
            constexpr int at = literals - 1 - reversed();
            constexpr general_literal item = literal<at>;
            if constexpr (gives_value(item)) {
                if constexpr (at == first_value()) {
                    undo_literal<at>(gradient);
                } else {
                    constexpr value_shape a = product_shape(at);
                    constexpr value_shape b = item.shape;
                    alignas(64) value left;
                    alignas(64) value right;
                    std::fill_n(left, room, T(0));
                    std::fill_n(right, room, T(0));
                    const T* x = partial_[at];
                    const T* y = values_[at];
                    if constexpr (b.is_scalar()) {
                        for (int e = 0; e < a.size(); ++e) {
                            left[e] = gradient[e] * y[0];
                            right[0] += gradient[e] * x[e];
                        }
                    } else if constexpr (a.is_scalar()) {
                        for (int e = 0; e < b.size(); ++e) {
                            left[0] += gradient[e] * y[e];
                            right[e] = gradient[e] * x[0];
                        }
                    } else {
                        for (int row = 0; row < a.rows; ++row)
                            for (int column = 0; column < b.columns; ++column) {
                                const T g = gradient[row * b.columns + column];
                                for (int e = 0; e < a.columns; ++e) {
                                    left[row * a.columns + e] += g * y[e * b.columns + column];
                                    right[e * b.columns + column] += g * x[row * a.columns + e];
                                }
                            }
                    }
                    undo_literal<at>(right);
                    std::copy_n(left, room, gradient);
                }
            }
        });
    }

    /// Adds the gradient of literal `Item`'s value to those of what it reads.
    template <int Item>
    void undo_literal(const T* gradient) noexcept {
        constexpr general_literal item = literal<Item>;
        if constexpr (item.kind == literal_kind::relation || item.kind == literal_kind::weight) {
            if (!present<Item>()) return;
            alignas(64) value whole;
            if constexpr (item.has_element) {
                std::fill_n(whole, room, T(0));
                whole[value_of(item.element)] = gradient[0];
            } else if constexpr (item.transposed && item.shape.rows != 1 &&
                                 item.shape.columns != 1) {
                for (int row = 0; row < item.shape.rows; ++row)
                    for (int column = 0; column < item.shape.columns; ++column)
                        whole[column * item.shape.rows + row] =
                            gradient[row * item.shape.columns + column];
            } else {
                std::copy_n(gradient, item.shape.size(), whole);
            }
            undo_weighted<Item>(whole);
        }
    }

    template <int Item>
    void undo_weighted(const T* gradient) noexcept {
        constexpr general_literal item = literal<Item>;
        constexpr int size = item.rows * item.columns;
        if constexpr (item.symbols) {
            T* table = bound_.gradient(item.weight);
            if (!table) return;
            const auto symbol = bound_.read_symbols(item.at)[place<Item>()];
            T* row = table + shift(item.weight_strides) + symbol * item.weight_row;
            for (int at = 0; at < item.weight_columns; ++at)
                row[at * item.weight_column] += gradient[at];
        } else {
            T* to = bound_.gradient(item.at);
            if (to) to += place<Item>();
            if constexpr (item.weight_rows == 0) {
                if (to)
                    for (int at = 0; at < size; ++at) to[at] += gradient[at];
            } else {
                const T* from = bound_.read(item.at) + place<Item>();
                const T* w = bound_.read(item.weight) + shift(item.weight_strides);
                T* dw = bound_.gradient(item.weight);
                if (dw) dw += shift(item.weight_strides);
                if constexpr (item.weight_rows * item.weight_columns == 1) {
                    for (int at = 0; at < size; ++at) {
                        if (to) to[at] += gradient[at] * *w;
                        if (dw) *dw += gradient[at] * from[at];
                    }
                } else {
                    for (int row = 0; row < item.weight_rows; ++row)
                        for (int column = 0; column < item.columns; ++column) {
                            const T g = gradient[row * item.columns + column];
                            for (int at = 0; at < item.weight_columns; ++at) {
                                const int w_at = row * item.weight_row + at * item.weight_column;
                                const int x_at = at * item.columns + column;
                                if (to) to[x_at] += g * w[w_at];
                                if (dw) dw[w_at] += g * from[x_at];
                            }
                        }
                }
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Runs any rule by its literal meaning: loops over every assignment of its variables. It computes
/// what no other step can, vectorised along the values.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan, int At, class T>
class general_runner : ground_rule<Plan, At, T> {
    using ground = ground_rule<Plan, At, T>;
    using ground::admitted, ground::evaluate, ground::result, ground::shift, ground::undo;
    using ground::bound_, ground::index_, ground::pair_;
    using ground::length, ground::room, ground::step;
    using typename ground::value;

    explicit general_runner(const bindings<T>& bound) noexcept : ground(bound) {}

    /// Calls body() for each admitted assignment of the variables order[heads ..].
    template <class Body>
    void each_ground(Body& body) noexcept {
        auto if_admitted = [&] {
            if (admitted()) body();
        };
        ground::template each<step.heads, step.variables>(if_admitted);
    }

    std::ptrdiff_t out_place() const noexcept {
        if constexpr (step.out_join < 0)
            return shift(step.out_strides);
        else
            return shift(step.out_strides) +
                   static_cast<std::ptrdiff_t>(pair_[step.out_join]) * step.out_pair_stride;
    }
    T* out() const noexcept { return bound_.write(step.out) + out_place(); }
    const T* out_value() const noexcept { return bound_.read(step.out) + out_place(); }
    T* out_gradient() const noexcept { return bound_.gradient(step.out) + out_place(); }

    /// The place of this ground rule's value in a concatenation.
    int slot() const noexcept {
        int at = 0;
        for (int place = step.heads; place < step.variables; ++place)
            at = at * step.extents[step.order[place]] + index_[step.order[place]];
        return at * length;
    }

    static constexpr bool picks =
        step.aggregated == aggregation::max || step.aggregated == aggregation::min;
    static constexpr bool normalises = step.aggregated == aggregation::softmax;

    /// Whether there are atoms that no loop visits; they are cleared beforehand.
    static constexpr bool skips = step.joins.size() > 0;

    static bool beats(T candidate, T most) noexcept {
        return step.aggregated == aggregation::max ? candidate > most : candidate < most;
    }

    void forward_head() noexcept {
        if constexpr (normalises) {
            forward_softmax();
        } else {
            T* to = out();
            std::fill_n(to, step.out_size, T(0));
            int count = 0;
            auto body = [&] {
                if constexpr (step.aggregated != aggregation::count) evaluate();
                const T* x = result();
                if constexpr (step.aggregated == aggregation::concat) {
                    std::copy_n(x, length, to + slot());
                } else if constexpr (picks) {
                    for (int at = 0; at < length; ++at)
                        if (count == 0 || beats(x[at], to[at])) to[at] = x[at];
                } else if constexpr (step.aggregated != aggregation::count) {
                    add_to<length>(to, x);
                }
                ++count;
            };
            each_ground(body);
            if constexpr (step.aggregated == aggregation::count) to[0] = static_cast<T>(count);
            if constexpr (step.aggregated == aggregation::mean)
                if (count > 0)
                    for (int at = 0; at < length; ++at) to[at] /= static_cast<T>(count);
        }
    }

    /// Three passes over one group: the greatest, the exponentials and their sum, the quotients.
    void forward_softmax() noexcept {
        alignas(64) value most;
        alignas(64) value sum;
        std::fill_n(most, length, -std::numeric_limits<T>::infinity());
        std::fill_n(sum, length, T(0));
        if constexpr (!skips) clear_group(step.heads);
        auto first = [&] {
            evaluate();
            T* to = out();
            for (int at = 0; at < length; ++at) {
                to[at] = result()[at];
                most[at] = std::max(most[at], to[at]);
            }
        };
        each_ground(first);
        auto second = [&] {
            T* to = out();
            for (int at = 0; at < length; ++at) {
                to[at] = kernel::exp(to[at] - most[at]);
                sum[at] += to[at];
            }
        };
        each_ground(second);
        auto third = [&] {
            T* to = out();
            for (int at = 0; at < length; ++at) to[at] /= sum[at];
        };
        each_ground(third);
    }

    /// Zeros for all atoms of a softmax group: those without a ground rule stay so.
    void clear_group(int from) noexcept {
        if (from == step.variables) {
            std::fill_n(out(), length, T(0));
            return;
        }
        const int variable = step.order[from];
        for (index_[variable] = 0; index_[variable] < step.extents[variable]; ++index_[variable])
            clear_group(from + 1);
    }

    void backward_head() noexcept {
        alignas(64) value gradient;
        if constexpr (normalises) {
            alignas(64) value inner;
            std::fill_n(inner, length, T(0));
            auto first = [&] {
                for (int at = 0; at < length; ++at)
                    inner[at] += out_value()[at] * out_gradient()[at];
            };
            each_ground(first);
            auto second = [&] {
                evaluate();
                for (int at = 0; at < length; ++at)
                    gradient[at] = out_value()[at] * (out_gradient()[at] - inner[at]);
                undo(gradient);
            };
            each_ground(second);
        } else if constexpr (step.aggregated != aggregation::count) {
            const T* from = out_gradient();
            const T* to = out_value();
            T scale = 1;
            if constexpr (step.aggregated == aggregation::mean) {
                int count = 0;
                auto counting = [&] { ++count; };
                each_ground(counting);
                if (count > 0) scale = T(1) / static_cast<T>(count);
            }
            [[maybe_unused]] bool taken[room] = {};
            auto body = [&] {
                evaluate();
                const int shifted = step.aggregated == aggregation::concat ? slot() : 0;
                for (int at = 0; at < length; ++at) {
                    gradient[at] = from[shifted + at] * scale;
                    if constexpr (picks) {
                        // The first that attains it takes all.
                        const bool chosen = !taken[at] && result()[at] == to[at];
                        taken[at] = taken[at] || chosen;
                        if (!chosen) gradient[at] = 0;
                    }
                }
                undo(gradient);
            };
            each_ground(body);
        }
    }

  public:
    static void forward(const bindings<T>& bound) noexcept {
        general_runner runner(bound);
        if constexpr (skips) std::fill_n(bound.write(step.out), step.out_total, T(0));
        auto body = [&] { runner.forward_head(); };
        runner.template each<0, step.heads>(body);
    }
    static void backward(const bindings<T>& bound) noexcept {
        general_runner runner(bound);
        auto body = [&] { runner.backward_head(); };
        runner.template each<0, step.heads>(body);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Steps of one sample on several threads, to the same bits as on one: each number is computed by
/// one thread, from the same terms in the same order. Where that cannot be seen from the strides,
/// or does not pay, the calling thread computes the step alone.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Every step over all of its rows, by the threads of a pool.
struct run_on_pool {
    thread_pool& pool;
};

/// What is worth a run of the pool, and a task of it, in operations: some microseconds, and half of
/// one.
inline constexpr long long least_run = 400'000;
inline constexpr long long least_task = 50'000;

/// Products of few rows may sum in another order than those of many.
inline constexpr int least_rows = 16;

/// One index of an array: how many values it takes, and how far apart their numbers lie.
struct dimension {
    int extent = 1;
    int stride = 0;
};

/// Whether runs of `length` numbers that differ in an index never meet.
template <std::size_t Count>
constexpr bool are_apart(std::array<dimension, Count> indices, int length) {
    std::sort(indices.begin(), indices.end(), [](const dimension& left, const dimension& right) {
        return left.stride < right.stride;
    });
    long long reach = length;
    for (const dimension& index : indices) {
        if (index.extent == 1) continue;
        if (index.stride < reach) return false;
        reach += static_cast<long long>(index.stride) * (index.extent - 1);
    }
    return true;
}

/// The same for an access by row and outer indices.
constexpr bool are_apart(const plan::access& at, int rows, const int* outers, int length) {
    return are_apart(std::array<dimension, 4>{{{rows, at.row},
                                               {outers[0], at.outer[0]},
                                               {outers[1], at.outer[1]},
                                               {outers[2], at.outer[2]}}},
                     length);
}

constexpr int count_outers(const int* extents) {
    return extents[0] * extents[1] * extents[2];
}

/// Into how many parts, `most` at most, each of `blocks` is to be cut so that the threads end at
/// about the same time.
constexpr int parts_of_blocks(int blocks, int most, int threads) {
    for (int parts = 1; parts < most; ++parts) {
        const int rounds = (blocks * parts + threads - 1) / threads;
        if (10 * blocks * parts >= 8 * rounds * threads) return parts;
    }
    return std::max(1, most);
}

/// Some of the rows that a step has, as few parts as keep `threads` busy: each block is cut by
/// itself and no part has less than least_rows.
template <int Rows, int Block>
struct cut_rows {
    static constexpr int blocks = (Rows + Block - 1) / Block;

    int parts;  // of a block

    int count() const noexcept { return blocks * parts; }
    kernel::row_range operator[](int index) const noexcept {
        const int begin = index / parts * Block;
        const int rows = std::min(Block, Rows - begin);
        const int cut = std::clamp(rows / least_rows, 1, parts);
        const int part = std::min(index % parts, cut);
        return {begin + rows * part / cut, begin + rows * std::min(part + 1, cut) / cut};
    }
};

/// Rows in blocks that have at least least_rows, of which some stand together so that there are as
/// few parts as keep the threads busy.
template <int Rows, int Block>
struct join_blocks {
    static constexpr int blocks = std::max(1, (Rows + Block - least_rows) / Block);

    int parts;

    int count() const noexcept { return parts; }
    kernel::row_range operator[](int index) const noexcept {
        return {blocks * index / parts * Block,
                index + 1 == parts ? Rows : blocks * (index + 1) / parts * Block};
    }
};

/// Calls body(first, second, third, range) for all outer indices and each of the ranges.
template <class Ranges, class Body>
void each_part(thread_pool& pool, const int* outers, Ranges ranges, long long operations,
               Body body) noexcept {
    const int parts = count_outers(outers) * ranges.count();
    const int together = static_cast<int>(
        std::clamp<long long>(least_task * parts / std::max(1LL, operations), 1, parts));
    pool.run((parts + together - 1) / together, [&](int task) {
        for (int part = task * together; part < std::min(parts, (task + 1) * together); ++part) {
            const kernel::row_range range = ranges[part % ranges.count()];
            const int outer = part / ranges.count();
            if (range.begin < range.end)
                body(outer / (outers[1] * outers[2]), outer / outers[2] % outers[1],
                     outer % outers[2], range);
        }
    });
}

/// Calls body(range) for parts of the rows.
template <int Rows, class Body>
void each_row_part(thread_pool& pool, long long operations, Body body) noexcept {
    constexpr int no_outers[plan::max_outers]{1, 1, 1};
    if (operations < least_run)
        body(kernel::all_rows<Rows>{});
    else
        each_part(pool, no_outers,
                  cut_rows<Rows, Rows>{parts_of_blocks(1, Rows / least_rows, pool.size())},
                  operations, [&](int, int, int, kernel::row_range range) { body(range); });
}

/// About how many operations a row takes.
constexpr long long functions_cost(const row_step& step) {
    return 16LL * step.columns() * step.functions.size();
}
constexpr long long row_cost(const row_step& step) {
    long long cost = functions_cost(step);
    for (const row_term& term : step.terms)
        cost +=
            2LL * step.columns() * (term.kind == term_kind::product ? term.depth * term.splits : 1);
    return cost;
}

/// Row steps on a pool.
template <class Step, class T>
class pooled_rows {
    using runner = row_runner<Step, T>;
    static constexpr const row_step& step = Step::value;
    static constexpr int outers = count_outers(step.outer_extents);
    static constexpr kernel::all_rows<step.rows> all{};

    static constexpr bool writes_apart =
        are_apart(step.out, step.rows, step.outer_extents, step.columns()) &&
        (step.before.at.where == place::none ||
         are_apart(step.before, step.rows, step.outer_extents, step.columns()));

    /// Rows whose functions add to the gradient of a gain do so one after another.
    static constexpr bool has_gains() {
        for (const row_function& function : step.functions)
            for (const plan::access& weight : function.weights)
                if (weight.at.where != place::none && weight.at.trained) return true;
        return false;
    }

    /// Whether rows of the gradient of x never meet.
    static constexpr bool inputs_apart(const row_term& term, int segments, int segment_stride,
                                       int length) {
        return term.x.at.where != place::parameter &&
               are_apart(
                   std::array<dimension, 2>{
                       {{step.rows, term.x.row}, {segment_stride ? segments : 1, segment_stride}}},
                   length);
    }

    template <int At>
    static void product_gradient(const bindings<T>& bound, int first, int second, int third,
                                 thread_pool& pool) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr int weight_rows = runner::template weight_rows<At>();
        constexpr int weight_row = term.w_column == 1 ? term.w_depth : term.w_column;
        constexpr int weight_columns = term.w_column == 1 ? step.columns() : term.depth;
        constexpr bool apart =
            !runner::by_row(term) && inputs_apart(term, term.splits, term.x_split, term.depth) &&
            are_apart(std::array<dimension, 2>{{{weight_rows, weight_row},
                                                {term.w_split ? term.splits : 1, term.w_split}}},
                      weight_columns);
        constexpr long long operations =
            2LL * step.rows * step.columns() * term.depth * term.splits;
        if constexpr (!apart || operations < least_run) {
            runner::template product_gradient<At>(bound, first, second, third, all);
        } else {
            using input_rows = cut_rows<step.rows, step.rows>;
            using weight_cut = cut_rows<weight_rows, weight_rows>;
            const bool for_input = bound.gradient(term.x.at) != nullptr;
            constexpr bool for_weight = term.w.at.trained;
            const input_rows inputs{parts_of_blocks(1, step.rows / least_rows, pool.size())};
            const weight_cut weights{parts_of_blocks(1, weight_rows / least_rows, pool.size())};
            const int input_tasks = for_input ? inputs.count() : 0;
            const int weight_tasks = for_weight ? weights.count() : 0;
            pool.run(input_tasks + weight_tasks, [&](int task) {
                for (int split = 0; split < term.splits; ++split)
                    if (task < input_tasks)
                        runner::template input_gradient<At>(bound, first, second, third, split,
                                                            inputs[task]);
                    else
                        runner::template weight_gradient<At>(bound, first, second, third, split,
                                                             weights[task - input_tasks]);
            });
        }
    }

    template <int At>
    static void summand_gradient(const bindings<T>& bound, int first, int second, int third,
                                 thread_pool& pool) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr int segments = runner::segments_of(term.x);
        if constexpr (inputs_apart(term, segments, term.x.column, step.columns() / segments))
            each_row_part<step.rows>(
                pool, 4LL * step.rows * step.columns() * (step.multiplies ? step.terms.size() : 1),
                [&](auto range) {
                    runner::template summand_gradient<At>(bound, first, second, third, range);
                });
        else
            runner::template summand_gradient<At>(bound, first, second, third, all);
    }

  public:
    static void forward(const bindings<T>& bound, thread_pool& pool) noexcept {
        constexpr long long operations = row_cost(step) * step.rows * outers;
        constexpr int block = block_rows(step.rows);
        using ranges = cut_rows<step.rows, block>;
        if constexpr (!runner::is_whole || !writes_apart || operations < least_run)
            runner::forward(bound, all);
        else
            each_part(
                pool, step.outer_extents,
                ranges{parts_of_blocks(outers * ranges::blocks, block / least_rows, pool.size())},
                operations, [&](int first, int second, int third, kernel::row_range range) {
                    runner::forward_at(bound, first, second, third, range);
                });
    }

    /// One part of one outer round after another, in the order of the single thread.
    static void backward(const bindings<T>& bound, thread_pool& pool) noexcept {
        if constexpr (!runner::is_whole || !writes_apart ||
                      row_cost(step) * step.rows < least_run) {
            runner::backward(bound);
        } else {
            each_outer(step.outer_extents, [&](int first, int second, int third) {
                if constexpr (has_gains())
                    runner::undo_functions(bound, first, second, third, all);
                else if constexpr (step.functions.size() > 0)
                    each_row_part<step.rows>(
                        pool, 2 * functions_cost(step) * step.rows, [&](auto range) {
                            runner::undo_functions(bound, first, second, third, range);
                        });
                kernel::unroll<step.terms.size()>([&](auto index) {
                    constexpr row_term term = step.terms[index()];
                    if constexpr (term.kind == term_kind::product)
                        product_gradient<index()>(bound, first, second, third, pool);
                    else if constexpr (term.kind == term_kind::gather)
                        runner::template gather_gradient<index()>(bound, first, second, third, all);
                    else
                        summand_gradient<index()>(bound, first, second, third, pool);
                });
            });
        }
    }
};

/// Where an attention step adds to a gradient: rows of `length` numbers, for outer indices zero.
struct gradient_region {
    place where = place::none;
    int fact = -1;
    long long base = 0;
    int rows = 1;
    int row = 0;
    long long length = 1;
    int outer[plan::max_outers]{};

    constexpr gradient_region() = default;
    constexpr gradient_region(const plan::access& at, int count, int stride, long long size)
        : where(at.at.where), rows(count), row(stride), length(size) {
        if (where == place::fact) fact = at.at.index;
        base = where == place::value ? at.at.adjoint : at.at.offset;
        for (int loop = 0; loop < plan::max_outers; ++loop) outer[loop] = at.outer[loop];
    }

    constexpr long long reach() const { return static_cast<long long>(row) * (rows - 1) + length; }

    /// Whether this may meet `other` once that has moved.
    constexpr bool meets(const gradient_region& other, const int* moved) const {
        if (where != other.where || fact != other.fact) return false;
        long long ahead = other.base - base;
        for (int loop = 0; loop < plan::max_outers; ++loop)
            ahead += static_cast<long long>(other.outer[loop]) * moved[loop];
        if (row < 0 || other.row < 0) return true;
        if (ahead >= reach() || -ahead >= other.reach()) return false;
        // Rows of one array, the regions side by side in each.
        if (row != other.row || length > row || other.length > row) return true;
        const long long shift = (ahead % row + row) % row;
        return shift < length || row - shift < other.length;
    }
};

/// Attention steps on a pool.
template <class Plan, int At, class T>
class pooled_attention {
    using runner = attention_runner<Plan, At, T>;
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int outers = count_outers(step.outer_extents);
    static constexpr int kinds = mask_kinds<Plan, At>.first.size();
    template <int Kind>
    using shape = attention_shape<Plan, At, Kind>;

    static constexpr bool writes_apart =
        are_apart(step.out, step.rows, step.outer_extents, step.length) &&
        are_apart(step.log_sum, step.rows, step.outer_extents, 1) &&
        (step.scores.at.where == place::none ||
         are_apart(step.scores, step.rows, step.outer_extents, step.columns));

    static constexpr long long operations() {
        long long each = 2LL * step.length + 20;
        for (const plan::score_node& node : step.nodes)
            each += node.kind == score_kind::dot ? 2LL * node.depth : 4;
        // A table is not there yet: it is taken to hold every eighth pair.
        long long pairs = 0;
        kernel::unroll<kinds>([&](auto kind) {
            pairs += shape<kind()>::is_table
                         ? static_cast<long long>(step.rows) * step.columns / 8
                         : plan::count_pairs(shape<kind()>::space, step.rows, step.columns);
        });
        return each * pairs * outers / kinds;
    }

    /// A row's numbers do not depend on the other rows of a table's tile.
    template <class Shape>
    static constexpr int block_of() {
        int rows = Shape::is_table ? 32 : 1;
        if constexpr (!Shape::is_table)
            kernel::unroll<Shape::space.pieces.size()>([&](auto index) {
                constexpr int tile = kernel::detail::tiles_of<Shape, index(), T>.rows;
                rows = std::lcm(rows,
                                tile * kernel::detail::row_step_of(Shape::space.pieces[index()]));
            });
        return rows;
    }

    /// Rows from a multiple of this on have the tiles that they have in the whole.
    static constexpr int block = [] {
        int rows = 1;
        kernel::unroll<kinds>([&](auto kind) { rows = std::lcm(rows, block_of<shape<kind()>>()); });
        return std::min(rows, step.rows);
    }();

    /// Whether different outer indices add to different numbers.
    static constexpr bool gradients_apart() {
        plan::list<gradient_region, 2 * 12 + 1> regions;
        if (step.value.at.trained)
            regions.push({step.value, step.columns, step.value.column, step.length});
        for (const plan::score_node& node : step.nodes) {
            if (node.kind == score_kind::dot && node.x.at.trained)
                regions.push({node.x, step.rows, node.x.row, node.depth});
            if (node.kind == score_kind::dot && node.y.at.trained)
                regions.push({node.y, step.columns, node.y.column, node.depth});
            if (node.kind == score_kind::load && node.x.at.trained)
                regions.push({node.x, 1, std::min({0, node.x.row, node.x.column}),
                              static_cast<long long>(node.x.row) * (step.rows - 1) +
                                  static_cast<long long>(node.x.column) * (step.columns - 1) + 1});
        }
        int most[plan::max_outers]{};
        for (int loop = 0; loop < plan::max_outers; ++loop)
            most[loop] = step.outer_extents[loop] - 1;
        if ((2 * most[0] + 1) * (2 * most[1] + 1) * (2 * most[2] + 1) > 500) return false;
        for (int first = -most[0]; first <= most[0]; ++first)
            for (int second = -most[1]; second <= most[1]; ++second)
                for (int third = -most[2]; third <= most[2]; ++third) {
                    if (first == 0 && second == 0 && third == 0) continue;
                    const int moved[plan::max_outers]{first, second, third};
                    for (const gradient_region& one : regions)
                        for (const gradient_region& other : regions)
                            if (one.meets(other, moved)) return false;
                }
        return true;
    }

  public:
    static void forward(const bindings<T>& bound, thread_pool& pool) noexcept {
        if constexpr (!writes_apart || operations() < least_run) {
            runner::forward(bound, kernel::all_rows<step.rows>{});
        } else {
            // Each part turns the columns anew. Where there must be several for one outer index,
            // there are some more, since rows may have more pairs than others.
            using ranges = join_blocks<step.rows, block>;
            const int parts = parts_of_blocks(outers, ranges::blocks, pool.size());
            each_part(pool, step.outer_extents,
                      ranges{parts == 1 ? 1 : std::min(ranges::blocks, 3 * parts)}, operations(),
                      [&](int first, int second, int third, kernel::row_range range) {
                          runner::forward_at(bound, first, second, third, range);
                      });
        }
    }

    static void backward(const bindings<T>& bound, thread_pool& pool) noexcept {
        if constexpr (outers == 1 || 3 * operations() < least_run || !gradients_apart())
            runner::backward(bound);
        else
            each_part(pool, step.outer_extents, join_blocks<step.rows, step.rows>{1},
                      3 * operations(), [&](int first, int second, int third, kernel::row_range) {
                          runner::backward_at(bound, first, second, third);
                      });
    }
};

/// Zeros, written by several threads where there are many.
template <class T>
void clear_on_pool(T* numbers, int size, thread_pool& pool) noexcept {
    constexpr int part = 16384;
    pool.run((size + part - 1) / part, [&](int task) {
        std::fill_n(numbers + task * part, std::min(part, size - task * part), T(0));
    });
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Rows of the facts along a sequence, as pointers, checked.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Of each fact along the sequence one row, without the fact's first argument, or several, with it;
/// one symbol may be an integer. Facts that are not along the sequence are given whole, with the
/// first rows. Facts is the class of whole facts.
template <class Plan, class T, class Facts>
class row_facts {
    static constexpr const auto& known = Plan::facts;

  public:
    row_facts(std::initializer_list<argument<const T>> given) {
        int position = 0;
        for (const auto& each : given) {
            const int at = each.id.length ? place_of(each.id) : position++;
            const std::string_view id = each.id.length
                                            ? std::string_view(each.id.text, length_of(each.id))
                                            : std::string_view();
            if (at < 0 || at >= known.size())
                fail<argument_error>("sequent: the model has no fact \"" + std::string(id) + "\"");
            if (filled_[at]) fail<argument_error>("sequent: " + what(at) + " is given twice");
            filled_[at] = true;
            if (is_along(at))
                take(at, each);
            else
                rest_.take(at, what(at), each);
        }
        for (int at = 0; at < known.size(); ++at)
            if (is_along(at)) check_given(at);
    }

    /// How many rows there are.
    int size() const noexcept { return count_; }

    /// Throws unless it is one row.
    void check_single() const {
        if (count_ != 1)
            fail<argument_error>("sequent: a step computes 1 row, given are " +
                                 std::to_string(count_));
    }

    bool has_rest() const noexcept {
        for (int at = 0; at < known.size(); ++at)
            if (filled_[at] && !is_along(at)) return true;
        return false;
    }

    /// Throws unless the facts that are not along the sequence are given, or have been, but not
    /// both. Whether they are.
    bool check_rest(bool known_before) const {
        if (known_before && has_rest())
            fail<argument_error>(
                "sequent: facts besides the sequence are given once, with its first rows");
        for (int at = 0; at < known.size() && !known_before; ++at) check_given(at);
        return !known_before;
    }

    const Facts& rest() const noexcept { return rest_; }

    /// Row `from` and what follows of a fact along the sequence.
    const void* row(int at, int from) const noexcept {
        const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(from) * row_size(at);
        if (!is_symbols(at)) return static_cast<const T*>(pointers_[at]) + offset;
        return pointers_[at] ? static_cast<const std::int32_t*>(pointers_[at]) + offset
                             : single_ + at;
    }

  private:
    Facts rest_{};
    const void* pointers_[max_facts]{};
    std::int32_t single_[max_facts]{};
    bool filled_[max_facts]{};
    int count_ = -1;

    static constexpr bool is_along(int at) {
        return ((Plan::template by_rows<>.sequences >> at) & 1u) != 0;
    }
    static constexpr bool is_symbols(int at) { return known[at].kind == plan::fact_kind::symbols; }
    static constexpr int row_size(int at) { return known[at].size() / known[at].extents[0]; }
    static constexpr std::size_t length_of(const plan::name& id) {
        return static_cast<std::size_t>(id.length);
    }
    static constexpr int place_of(const plan::name& id) {
        for (int at = 0; at < known.size(); ++at)
            if (known[at].id == id) return at;
        return -1;
    }
    static std::string what(int at) {
        std::string result("fact \"");
        return result.append(known[at].id.text, length_of(known[at].id)).append("\"");
    }

    void check_given(int at) const {
        if (!filled_[at]) fail<argument_error>("sequent: " + what(at) + " is not given");
    }

    void take(int at, const argument<const T>& given) {
        int count = 1;
        if (given.is_count) {
            if (!is_symbols(at) || row_size(at) != 1)
                fail<argument_error>("sequent: " + what(at) + " is a container, given is a number");
            single_[at] = given.count;
            check_range(at, single_ + at, 1);
        } else {
            count = count_rows(at, given);
            const int size = count * row_size(at);
            if (is_symbols(at) != (given.symbols != nullptr))
                fail<argument_error>("sequent: " + what(at) +
                                     (is_symbols(at)
                                          ? " holds symbols as std::int32_t, given are numbers"
                                          : " holds numbers, given are symbols"));
            if (is_symbols(at)) {
                pointers_[at] = given.symbols;
                check_range(at, given.symbols, size);
            } else {
                pointers_[at] = given.numbers;
                check_finite(what(at), given.numbers, size);
            }
        }
        if (count_ >= 0 && count_ != count)
            fail<argument_error>("sequent: " + what(at) + " has " + std::to_string(count) +
                                 " rows, another fact has " + std::to_string(count_));
        count_ = count;
    }

    static void check_range(int at, const std::int32_t* symbols, int size) {
        for (int each = 0; each < size; ++each)
            if (symbols[each] < 0 || symbols[each] >= known[at].classes)
                check_symbols(what(at), symbols, size, known[at].classes);
    }

    /// How many rows a container holds.
    static int count_rows(int at, const argument<const T>& given) {
        const plan::fact_shape& wanted = known[at];
        const extents& shape = given.shape;
        const bool flat = shape.rank == 1 && !shape.shaped;
        const int skipped = shape.rank == wanted.rank ? 0 : 1;
        bool fits = flat || shape.rank + skipped == wanted.rank;
        for (int axis = 1; fits && !flat && axis < wanted.rank; ++axis)
            fits = shape.at[static_cast<std::size_t>(axis - skipped)] == wanted.extents[axis];
        const long size = shape.size();
        if (!fits || size == 0 || size % row_size(at) != 0)
            fail<argument_error>("sequent: " + what(at) + " needs rows of the shape " +
                                 extents_text(wanted.extents + 1, wanted.rank - 1) + ", given is " +
                                 shape.text());
        if (!shape.contiguous)
            fail<argument_error>("sequent: " + what(at) +
                                 " needs contiguous row-major values, given is a strided view");
        return static_cast<int>(size / row_size(at));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// Walks the steps of a plan, forward and backward.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::step_kind;

/// What a kernel sees of a row step.
template <class Plan, int At>
struct row_step_value {
    using plan = Plan;
    static constexpr row_step value = Plan::template row_step_at<At>;
};

/// Every step over all of its rows, as opposed to a kernel::row_range.
struct whole_run {};

/// The rows of a step in this run.
template <int Rows>
constexpr kernel::all_rows<Rows> rows_in(whole_run) {
    return {};
}
template <int Rows>
constexpr kernel::row_range rows_in(kernel::row_range range) {
    return range;
}

template <class Plan, int At, class T, class Range>
void forward_step(const bindings<T>& bound, Range range) noexcept {
    constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
    constexpr int at = Plan::template step_at<At>.at;
    if constexpr (kind == step_kind::rows)
        row_runner<row_step_value<Plan, at>, T>::forward(
            bound, rows_in<Plan::template row_step_at<at>.rows>(range));
    else if constexpr (kind == step_kind::attention)
        attention_runner<Plan, at, T>::forward(
            bound, rows_in<Plan::template attention_at<at>.rows>(range));
    else
        general_runner<Plan, at, T>::forward(bound);
}

template <class Plan, int At, class T>
void forward_step(const bindings<T>& bound, run_on_pool run) noexcept {
    constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
    constexpr int at = Plan::template step_at<At>.at;
    if constexpr (kind == step_kind::rows)
        pooled_rows<row_step_value<Plan, at>, T>::forward(bound, run.pool);
    else if constexpr (kind == step_kind::attention)
        pooled_attention<Plan, at, T>::forward(bound, run.pool);
    else
        general_runner<Plan, at, T>::forward(bound);
}

template <class Plan, int At, class T>
void backward_step(const bindings<T>& bound, whole_run) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    kernel::unroll<step.births.size()>([&](auto index) {
        constexpr plan::birth born = step.births[index()];
        std::fill_n(bound.workspace + born.offset, born.size, T(0));
    });
    if constexpr (step.kind == step_kind::rows)
        row_runner<row_step_value<Plan, step.at>, T>::backward(bound);
    else if constexpr (step.kind == step_kind::attention)
        attention_runner<Plan, step.at, T>::backward(bound);
    else if constexpr (step.kind == step_kind::general)
        general_runner<Plan, step.at, T>::backward(bound);
}

template <class Plan, int At, class T>
void backward_step(const bindings<T>& bound, run_on_pool run) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    kernel::unroll<step.births.size()>([&](auto index) {
        constexpr plan::birth born = step.births[index()];
        clear_on_pool(bound.workspace + born.offset, born.size, run.pool);
    });
    if constexpr (step.kind == step_kind::rows)
        pooled_rows<row_step_value<Plan, step.at>, T>::backward(bound, run.pool);
    else if constexpr (step.kind == step_kind::attention)
        pooled_attention<Plan, step.at, T>::backward(bound, run.pool);
    else if constexpr (step.kind == step_kind::general)
        general_runner<Plan, step.at, T>::backward(bound);
}

/// Whether a step within a recursion is run in this round.
template <class Plan, int At, class T>
SEQUENT_INLINE bool is_run(const bindings<T>& bound) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    if constexpr (step.last == plan::never) {
        return true;
    } else {
        const int round = bound.layer[step.depth - 1];
        return step.first <= round && round < step.last;
    }
}

template <class Plan, int At, int End, class T, class Range>
void forward_steps(bindings<T>& bound, Range range) noexcept {
    if constexpr (At < End) {
        constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
        if constexpr (kind == step_kind::repeat_begin) {
            constexpr plan::step begin = Plan::template step_at<At>;
            for (int round = 0; round < begin.repeat; ++round) {
                bound.layer[begin.depth] = begin.backward ? begin.repeat - 1 - round : round;
                forward_steps<Plan, At + 1, begin.at>(bound, range);
            }
            bound.layer[begin.depth] = 0;
            forward_steps<Plan, begin.at + 1, End>(bound, range);
        } else {
            if (is_run<Plan, At>(bound)) forward_step<Plan, At>(bound, range);
            forward_steps<Plan, At + 1, End>(bound, range);
        }
    }
}

template <class Plan, int Begin, int At, class T, class Run>
void backward_steps(bindings<T>& bound, Run run) noexcept {
    if constexpr (At > Begin) {
        constexpr plan::step last = Plan::template step_at<At - 1>;
        if constexpr (last.kind == step_kind::repeat_end) {
            constexpr plan::step begin = Plan::template step_at<last.at>;
            backward_step<Plan, At - 1>(bound, run);
            for (int round = last.repeat; round-- > 0;) {
                bound.layer[begin.depth] = begin.backward ? begin.repeat - 1 - round : round;
                backward_steps<Plan, last.at + 1, At - 1>(bound, run);
            }
            bound.layer[begin.depth] = 0;
            backward_step<Plan, last.at>(bound, run);
            backward_steps<Plan, Begin, last.at>(bound, run);
        } else {
            if (is_run<Plan, At - 1>(bound)) backward_step<Plan, At - 1>(bound, run);
            backward_steps<Plan, Begin, At - 1>(bound, run);
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// The runs of equal symbols of facts that the rules compare: packed documents.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// How many numbers plan::given_numbers holds for a plan.
template <class Plan>
constexpr int count_given() {
    int count = plan::given_numbers::runs;
    for (int at = 0; at < Plan::shapes.text.compared.size(); ++at)
        if (const int fact = plan::compared_fact(Plan::shapes, at); fact >= 0)
            count += 2 * Plan::facts[fact].extents[0];
    return count;
}

/// If the rules compare fact `fact`, writes where the run of equal symbols around each position
/// begins and ends. Throws where a symbol comes back after another one.
template <class Plan>
void find_runs(int fact, const std::string& what, const std::int32_t* symbols, int* given) {
    static_assert(Plan::shapes.text.compared.size() <= plan::max_compared,
                  "sequent: a program compares the symbols of up to 4 facts");
    int room = plan::given_numbers::runs;
    for (int at = 0; at < Plan::shapes.text.compared.size(); ++at) {
        const int of = plan::compared_fact(Plan::shapes, at);
        const int size = Plan::facts[of].extents[0];
        int* begins = given + room;
        int* ends = begins + size;
        given[plan::given_numbers::begins_of(at)] = room;
        given[plan::given_numbers::ends_of(at)] = room + size;
        room += 2 * size;
        if (of != fact) continue;
        std::int32_t greatest = -1;
        for (int begin = 0, end = 0; begin < size; begin = end) {
            while (end < size && symbols[end] == symbols[begin]) ++end;
            const bool rises = symbols[begin] > greatest;  // as documents do that are counted
            if (rises) greatest = symbols[begin];
            for (int earlier = 0; !rises && earlier < begin; earlier = ends[earlier])
                if (symbols[earlier] == symbols[begin])
                    fail<argument_error>("sequent: " + what + " holds the symbol " +
                                         std::to_string(symbols[begin]) + " again at position " +
                                         std::to_string(begin) +
                                         ", after another one: equal symbols stand side by side");
            for (int position = begin; position < end; ++position) {
                begins[position] = begin;
                ends[position] = end;
            }
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// The memory of one sequence that is computed a few rows at a time: the columns that attention
/// reads again are kept, and everything else has only the rows at hand.

namespace sequent::inline SEQUENT_ABI::plan {

/// An operand that an attention step reads by columns. Kept columns are turned: number k of column
/// c stands at to + k pitch + c, so that the columns of one number are a vector.
struct kept_operand {
    bool kept = false;
    bool moves = false;   // follows from the sequence, one column after another; else all at once
    bool slides = false;  // only the window's columns are kept
    access from{};        // the columns, `column` apart
    int columns = 0;
    int depth = 0;  // numbers of a column
    operand to{};
    int outer[max_outers]{};
    int pitch = 0;
    int lines = 0;  // of `pitch` numbers, in all layers and outer loops
};

/// The value, and what the nodes of the score read.
struct kept_attention {
    kept_operand value{};
    kept_operand nodes[12]{};
};

/// How many columns back the condition reaches at most, the row's own among them.
template <class Tree>
constexpr int reach_back(const Tree& tree, int root, int row, int column, int rows) {
    if (root < 0) return rows;
    const space where = make_space(tree.pool.nodes, root, row, column);
    if (!where.exact) {
        const node& top = tree.pool.nodes[root];
        if (top.kind != node_kind::conjunction && top.kind != node_kind::disjunction) return rows;
        const int left = reach_back(tree, top.left, row, column, rows);
        const int right = reach_back(tree, top.right, row, column, rows);
        return (top.kind == node_kind::conjunction) == (left < right) ? left : right;
    }
    int unlimited[given_numbers::runs]{};
    for (int at = 0; at < max_counts; ++at) unlimited[at] = rows;
    int most = 1;
    for (const piece& part : where.pieces)
        for (int at = 0; at < rows; ++at)
            if (part.admits_row(at, unlimited) && at - part.begin(at, unlimited) + 1 > most)
                most = at - part.begin(at, unlimited) + 1;
    return most;
}

template <class Tables, int Facts>
struct state_tables {
    Tables steps{};
    list<kept_attention, decltype(Tables::attentions)::capacity()> kept{};
    int row_size[decltype(Tables::buffers)::capacity()]{};  // of what moves with the rows
    bool reads_fact[Facts > 0 ? Facts : 1]{};  // facts besides the sequence that rows need
    bool any_once = false;
    int rows = 0;    // of the sequence
    int block = 0;   // rows at hand, at most
    int window = 0;  // columns that are kept of a sequence; 0 where all are
    int reach = 0;   // of these, how many a row may need
    int rule = -1;   // that has no such form
};

/// Rows at hand: enough that a product reads its weights once for many, few enough for the cache.
inline constexpr int most_block_rows = 16;

/// Lays the steps of a draft out anew.
template <class Draft, class Form>
class state_planner {
  public:
    state_tables<std::remove_cvref_t<decltype(Draft::out)>, decltype(Draft::in.facts)::capacity()>
        made{};

    constexpr state_planner(Draft& draft, const Form& form)
        : draft_(draft), out_(draft.out), form_(form) {
        made.rows = form.rows;
        made.block = form.rows < most_block_rows ? form.rows : most_block_rows;
        for (int at = 0; at < out_.steps.size(); ++at)
            made.any_once = made.any_once || (form.once[at] && !is_repeat(out_.steps[at]));
        forget_training();
        find_rows();
        find_window();
        find_kept();
        find_lifetimes();
        place();
        for (int at = 0; at < out_.steps.size(); ++at) resolve_step(at);
        for (relation_layout& layout : out_.relations)
            if (layout.where == place::value) layout.offset = moved(layout.index, layout.offset);
        made.steps = out_;
    }

  private:
    static constexpr int capacity = decltype(Draft::out.buffers)::capacity();

    Draft& draft_;
    decltype(draft_.out)& out_;
    const Form& form_;
    int parts_[capacity]{};  // of a stack's input: one for each layer, and the output
    int old_part_[capacity]{};
    int part_[capacity]{};

    static constexpr bool is_repeat(const step& at) {
        return at.kind == step_kind::repeat_begin || at.kind == step_kind::repeat_end;
    }
    constexpr bool is_sequence(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index] > 0;
        return at.where == place::fact && ((form_.sequences >> at.index) & 1u);
    }
    constexpr int row_size(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index];
        int size = 1;
        for (int axis = 1; axis < draft_.in.facts[at.index].rank; ++axis)
            size *= draft_.in.facts[at.index].extents[axis];
        return size;
    }
    constexpr void refuse(const step& at) {
        if (made.rule < 0) made.rule = at.rule;
    }

    constexpr void forget_training() {
        for (row_step& row : out_.rows) row.before = {};
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (out_.steps[at].kind != step_kind::attention) continue;
            attention_step& attention = out_.attentions[out_.steps[at].at];
            attention.scores = {};
            if (!form_.once[at]) attention.log_sum = {};
        }
    }

    /// Which buffers hold a row for each position, and of what size.
    constexpr void find_rows() {
        for (int at = 0; at < out_.buffers.size(); ++at) {
            parts_[at] = 1;
            old_part_[at] = out_.buffers[at].size;
        }
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            const bool rows = each.kind == step_kind::rows;
            if (!rows && each.kind != step_kind::attention) continue;
            const access& to = rows ? out_.rows[each.at].out : out_.attentions[each.at].out;
            const int index = to.at.index;
            const bool enters = rows && at + 1 < out_.steps.size() &&
                                out_.steps[at + 1].kind == step_kind::repeat_begin &&
                                !out_.steps[at + 1].recurs && out_.steps[at + 1].rule == each.rule;
            if (enters) {
                parts_[index] = draft_.rule_of(each.rule).repeat + 1;
                old_part_[index] = out_.buffers[index].size / parts_[index];
            }
            if (form_.once[at]) continue;
            const int size = form_.rows == 1 ? old_part_[index] : to.row;
            if (made.row_size[index] != 0 && made.row_size[index] != size) refuse(each);
            made.row_size[index] = size;
            const int all = form_.rows * size;
            if (old_part_[index] != (parts_[index] > 1 ? aligned(all) : all)) refuse(each);
        }
    }

    constexpr void find_window() {
        int most = 0;
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (out_.steps[at].kind != step_kind::attention || form_.once[at]) continue;
            const int reach = reach_of(out_.attentions[out_.steps[at].at]);
            if (slides(reach) && reach > most) most = reach;
        }
        if (most == 0) return;
        made.reach = most;
        made.window = aligned(2 * most + made.block + 15);
    }
    constexpr bool slides(int reach) const {
        return aligned(2 * reach + made.block + 15) < form_.rows;
    }
    constexpr int reach_of(const attention_step& attention) const {
        const int rounds = different_rounds(out_.pool, attention);
        int most = 1;
        for (int round = 0; round < rounds; ++round) {
            const auto condition = condition_in_round(out_.pool.nodes, attention, round);
            const int reach = reach_back(condition, condition.root, attention.row_variable,
                                         attention.column_variable, form_.rows);
            if (reach > most) most = reach;
        }
        return most;
    }

    constexpr void find_kept() {
        made.kept.reset(out_.attentions.size());
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            if (each.kind != step_kind::attention || form_.once[at]) continue;
            const attention_step& attention = out_.attentions[each.at];
            kept_attention& kept = made.kept[each.at];
            kept.value = keep(each, attention, attention.value, attention.length);
            for (int node = 0; node < attention.nodes.size(); ++node) {
                const score_node& of = attention.nodes[node];
                if (of.kind == score_kind::dot)
                    kept.nodes[node] = keep(each, attention, of.y, of.depth);
                else if (of.kind == score_kind::load && of.x.row == 0 && is_sequence(of.x.at))
                    kept.nodes[node] = keep(each, attention, of.x, 1);
            }
        }
    }
    constexpr kept_operand keep(const step& each, const attention_step& attention,
                                const access& from, int depth) {
        kept_operand result;
        if (from.at.where != place::value && from.at.where != place::fact) return result;
        result.kept = true;
        result.moves = is_sequence(from.at);
        result.from = from;
        result.columns = attention.columns;
        result.depth = depth;
        if (result.moves && from.column != row_size(from.at) && form_.rows > 1) refuse(each);
        result.slides = result.moves && slides(reach_of(attention));
        result.pitch = result.slides ? made.window : pitch_of(attention.columns);
        result.lines = depth;
        for (int outer = attention.outers; outer-- > 0;) {
            if (from.outer[outer] == 0) continue;
            result.outer[outer] = result.lines * result.pitch;
            result.lines *= attention.outer_extents[outer];
        }
        const int scope = draft_.rule_of(each.rule).scope;
        result.to.where = place::value;
        result.to.index = scope;  // until memory is laid out
        for (int at = scope; at > 0; at = draft_.in.text.scopes[at].parent) {
            result.to.layer_strides[draft_.depth_of(at) - 1] = result.lines * result.pitch;
            result.lines *= draft_.in.text.scopes[at].repeat;
        }
        return result;
    }
    /// Lines that do not all fall on the same few sets of the cache.
    static constexpr int pitch_of(int columns) {
        const int pitch = aligned(columns);
        return pitch % 128 == 0 ? pitch + 16 : pitch;
    }

    constexpr bool is_within(int scope, int block) const {
        for (; scope > 0; scope = draft_.in.text.scopes[scope].parent)
            if (scope == block) return true;
        return false;
    }

    constexpr void use(buffer& of, int first, int last) {
        if (first < of.first) of.first = first;
        if (last > of.last) of.last = last;
    }

    constexpr void find_lifetimes() {
        const int steps = out_.steps.size();
        list<int, max_loops> begun{};
        for (int at = 0; at < steps; ++at) {
            const step& each = out_.steps[at];
            if (each.kind == step_kind::repeat_begin) begun.push(at);
            if (each.kind == step_kind::repeat_end) --begun.count;
            visit_operands(out_, each, [&](const operand& used, usage) {
                // What is given or computed once stays, if rows read it later.
                const bool stays = !form_.once[at] && !is_sequence(used) && !is_copied(each, used);
                if (used.where == place::fact && stays) made.reads_fact[used.index] = true;
                if (used.where != place::value) return;
                buffer& of = out_.buffers[used.index];
                use(of, at, at);
                if (stays) use(of, 0, steps);
                for (int loop : begun) {
                    const step& begin = out_.steps[loop];
                    if (begin.recurs || !is_within(of.scope, draft_.rule_of(begin.rule).block))
                        use(of, loop, begin.at);
                }
            });
        }
        for (int relation : draft_.in.outputs) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value) continue;
            const int row = made.row_size[layout.index];
            use(out_.buffers[layout.index], row > 0 ? steps : 0, steps);
            if (row > 0 && form_.rows > 1 && layout.strides[0] != row)
                made.rule = draft_.in.relations[relation].rule;
        }
    }
    /// Whether an operand is of columns that are kept apart.
    constexpr bool is_copied(const step& each, const operand& used) const {
        if (each.kind != step_kind::attention) return false;
        const attention_step& attention = out_.attentions[each.at];
        const kept_attention& kept = made.kept[each.at];
        if (&used == &attention.value.at) return kept.value.kept;
        for (int node = 0; node < attention.nodes.size(); ++node) {
            const score_node& of = attention.nodes[node];
            if (&used == (of.kind == score_kind::dot ? &of.y.at : &of.x.at))
                return kept.nodes[node].kept;
        }
        return false;
    }

    constexpr int copies_of(int scope) const {
        int copies = 1;
        for (; scope > 0; scope = draft_.in.text.scopes[scope].parent)
            copies *= draft_.in.text.scopes[scope].repeat;
        return copies;
    }

    struct interval {
        int offset = 0;
        int size = 0;
        int first = 0;
        int last = 0;
    };

    constexpr void place() {
        list<interval, capacity> placed{};
        out_.workspace = 0;
        for (int index = 0; index < out_.buffers.size(); ++index) {
            buffer& each = out_.buffers[index];
            if (each.last < 0) continue;
            const int row = made.row_size[index];
            part_[index] = row > 0 ? aligned(made.block * row) : old_part_[index];
            each.size = aligned(part_[index] * parts_[index]);
            const bool stays = row == 0 && each.first == 0 && each.last == out_.steps.size();
            each.copies = stays ? copies_of(each.scope) : 1;
            const int size = each.size * each.copies;
            int offset = 0;
            bool moved = true;
            while (moved) {
                moved = false;
                for (const interval& other : placed) {
                    if (other.last < each.first || other.first > each.last) continue;
                    if (offset + size <= other.offset || other.offset + other.size <= offset)
                        continue;
                    offset = other.offset + other.size;
                    moved = true;
                }
            }
            placed.push({offset, size, each.first, each.last});
            each.offset = offset;
            if (offset + size > out_.workspace) out_.workspace = offset + size;
        }
        for (int at = 0; at < made.kept.size(); ++at) {
            kept_attention& kept = made.kept[at];
            place_kept(kept.value);
            for (int node = 0; node < out_.attentions[at].nodes.size(); ++node)
                place_kept(kept.nodes[node]);
        }
    }
    constexpr void place_kept(kept_operand& kept) {
        if (!kept.kept) return;
        kept.to.offset = out_.workspace;
        out_.workspace += kept.lines * kept.pitch;
    }

    constexpr int moved(int index, int offset) const {
        const int layer = offset / old_part_[index];
        return out_.buffers[index].offset + layer * part_[index] + offset % old_part_[index];
    }

    constexpr void resolve(const step& at, operand& used) {
        if (used.where == place::fact && is_sequence(used)) {
            used.moving = row_size(used);
            if (used.offset >= used.moving) refuse(at);
        }
        if (used.where != place::value) return;
        const int index = used.index;
        const buffer& of = out_.buffers[index];
        if (is_sequence(used)) {
            used.moving = made.row_size[index];
            if (used.offset % old_part_[index] >= used.moving) refuse(at);
        }
        used.offset = moved(index, used.offset);
        for (int& stride : used.layer_strides) stride = stride / old_part_[index] * part_[index];
        if (of.copies == 1) return;
        int stride = of.size;
        for (int scope = of.scope; scope > 0; scope = draft_.in.text.scopes[scope].parent) {
            used.layer_strides[draft_.depth_of(scope) - 1] += stride;
            stride *= draft_.in.text.scopes[scope].repeat;
        }
    }

    constexpr void resolve_step(int at) {
        const step& each = out_.steps[at];
        if (!form_.once[at] && form_.rows > 1) check_rows(each);
        visit_operands(out_, each, [&](operand& used, usage) { resolve(each, used); });
        if (each.kind != step_kind::attention || form_.once[at]) return;
        kept_attention& kept = made.kept[each.at];
        resolve(each, kept.value.from.at);
        for (kept_operand& node : kept.nodes) resolve(each, node.from.at);
    }
    /// What follows from the sequence is read in the row at hand.
    constexpr void check_rows(const step& each) {
        const auto check = [&](const access& at) {
            if (is_sequence(at.at) && at.row != row_size(at.at)) refuse(each);
        };
        if (each.kind == step_kind::rows) {
            for (const row_term& term : out_.rows[each.at].terms) check(term.x);
        } else if (each.kind == step_kind::attention) {
            const attention_step& attention = out_.attentions[each.at];
            check(attention.out);
            for (int node = 0; node < attention.nodes.size(); ++node)
                if (attention.nodes[node].kind == score_kind::dot ||
                    !made.kept[each.at].nodes[node].kept)
                    check(attention.nodes[node].x);
        }
    }
};

/// The plan of a state: what kernels see of a plan, with its steps laid out anew.
template <class Plan>
struct state_plan_of {
    static constexpr auto& facts = Plan::facts;
    static constexpr auto& shapes = Plan::shapes;
    static constexpr auto& form = Plan::template by_rows<>;
    static constexpr auto made = [] {
        using drafted = draft<Plan::size, Plan::fact_count>;
        drafted work(Plan::shapes, Plan::conditions);
        if constexpr (form.possible) {
            builder<drafted> build(work);
            return state_planner<drafted, std::remove_cvref_t<decltype(form)>>(work, form).made;
        } else {
            state_tables<std::remove_cvref_t<decltype(work.out)>, Plan::fact_count> none;
            none.rule = form.rule;
            return none;
        }
    }();
    static constexpr auto& tables = made.steps;

    template <int At>
    static constexpr bool is_once = form.once[At];
    template <int At>
    static constexpr step step_at = tables.steps[At];
    template <int At>
    static constexpr row_step row_step_at = tables.rows[At];
    template <int At>
    static constexpr attention_step attention_at = tables.attentions[At];
    template <int At>
    static constexpr kept_attention kept_at = made.kept[At];
    template <int At>
    static constexpr general_step general_at = tables.generals[At];
    template <int At>
    static constexpr node node_at = tables.pool.nodes[At];
};

}  // namespace sequent::inline SEQUENT_ABI::plan

/// Runs the steps of a state's plan for the rows at hand: attention over the columns that are kept,
/// everything else as in any run.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::kept_attention;
using plan::kept_operand;

/// The kernel's view of attention step `At` of a state's plan, in the rounds of a kind.
template <class Plan, int At, int Kind>
struct kept_shape {
    using whole = attention_shape<Plan, At, Kind>;
    static constexpr kept_attention kept = Plan::template kept_at<At>;
    static constexpr int rows = whole::rows;
    static constexpr int columns = whole::columns;
    static constexpr int length = whole::length;
    static constexpr int value_column = whole::value_column;
    static constexpr bool is_table = whole::is_table;
    static constexpr plan::space space = whole::space;
    static constexpr auto nodes = whole::nodes;

    static constexpr int value_pitch = kept.value.kept ? kept.value.pitch : 0;
    static constexpr bool value_slides = kept.value.slides;
    static constexpr std::array<int, nodes.size()> pitches = [] {
        std::array<int, nodes.size()> result{};
        for (int at = 0; at < nodes.size(); ++at)
            result[static_cast<std::size_t>(at)] = kept.nodes[at].kept ? kept.nodes[at].pitch : 0;
        return result;
    }();
    static constexpr std::array<bool, nodes.size()> slides = [] {
        std::array<bool, nodes.size()> result{};
        for (int at = 0; at < nodes.size(); ++at)
            result[static_cast<std::size_t>(at)] = kept.nodes[at].slides;
        return result;
    }();
    static constexpr bool is_causal = [] {
        bool result = kept.value.moves;
        for (int at = 0; at < nodes.size(); ++at) result = result || kept.nodes[at].moves;
        return result;
    }();

    /// A table's pairs as bits, row by row, made when the program starts.
    static const std::uint64_t* bits(int row) noexcept {
        if constexpr (is_table) {
            (void)&at_start;
            return made_bits().data() + static_cast<std::ptrdiff_t>(row) * words;
        } else {
            return nullptr;
        }
    }

  private:
    static constexpr int words = (columns + 63) / 64 + 1;
    static const std::vector<std::uint64_t>& made_bits() {
        static const std::vector<std::uint64_t> made = [] {
            std::vector<std::uint64_t> result(static_cast<std::size_t>(rows) * words);
            for (int row = 0; row < rows; ++row)
                for (int column = 0; column < columns; ++column)
                    if (holds(row, column))
                        result[static_cast<std::size_t>(row * words + column / 64)] |=
                            std::uint64_t{1} << (column % 64);
            return result;
        }();
        return made;
    }
    static bool holds(int row, int column) {
        if constexpr (whole::mask::mask.form.tabled < 0)
            return true;
        else
            return whole::mask::template evaluate<whole::mask::mask.form.tabled>(row, column) != 0;
    }
    static inline const std::vector<std::uint64_t>& at_start = made_bits();
};

/// An attention step of a state's plan.
template <class Plan, int At, class T>
class kept_runner {
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr kept_attention kept = Plan::template kept_at<At>;
    static constexpr auto& kinds = mask_kinds<Plan, At>;

    static std::ptrdiff_t shift(const kept_operand& of, int first, int second, int third) noexcept {
        return static_cast<std::ptrdiff_t>(first) * of.outer[0] +
               static_cast<std::ptrdiff_t>(second) * of.outer[1] +
               static_cast<std::ptrdiff_t>(third) * of.outer[2];
    }

    /// Keeps columns [begin, end), of which the first stands at place `begin - first`.
    template <class Operand>
    static void keep(const bindings<T>& bound, Operand, int begin, int end, int first) noexcept {
        constexpr kept_operand of = Operand::value;
        constexpr int extents[]{of.outer[0] > 0 ? step.outer_extents[0] : 1,
                                of.outer[1] > 0 ? step.outer_extents[1] : 1,
                                of.outer[2] > 0 ? step.outer_extents[2] : 1};
        each_outer(extents, [&](int one, int two, int three) {
            const T* from = bound.read(of.from.at) + outer_shift(of.from, one, two, three);
            T* to = bound.write(of.to) + shift(of, one, two, three);
            for (int column = begin; column < end; ++column)
                for (int k = 0; k < of.depth; ++k)
                    to[k * of.pitch + column - first] = from[column * of.from.column + k];
        });
    }

    template <int Node>
    struct node_operand {
        static constexpr kept_operand value = kept.nodes[Node];
    };
    struct value_operand {
        static constexpr kept_operand value = kept.value;
    };

    template <bool First, class Operand>
    static void keep_new(const bindings<T>& bound, Operand operand, int begin, int end,
                         int first_column) noexcept {
        if constexpr (Operand::value.kept && Operand::value.moves)
            keep(bound, operand, begin, end, Operand::value.slides ? first_column : 0);
        else if constexpr (Operand::value.kept && First)
            keep(bound, operand, 0, Operand::value.columns, 0);
    }

    static kernel::score_operands<T> operands(const bindings<T>& bound, int first, int second,
                                              int third) noexcept {
        kernel::score_operands<T> result;
        kernel::unroll<step.nodes.size()>([&](auto index) {
            constexpr int at = decltype(index)::value;
            constexpr plan::score_node node = step.nodes[at];
            constexpr kept_operand own = kept.nodes[at];
            if constexpr (node.kind == score_kind::dot) {
                result.x[at] = bound.read(node.x.at) + outer_shift(node.x, first, second, third);
                result.y[at] =
                    own.kept ? bound.read(own.to) + shift(own, first, second, third)
                             : bound.read(node.y.at) + outer_shift(node.y, first, second, third);
            } else if constexpr (node.kind == score_kind::load) {
                result.x[at] =
                    own.kept ? bound.read(own.to) + shift(own, first, second, third)
                             : bound.read(node.x.at) + outer_shift(node.x, first, second, third);
            } else if constexpr (node.kind == score_kind::index) {
                result.base[at] = static_cast<T>(outer_shift(node.x, first, second, third));
            }
        });
        return result;
    }

  public:
    /// First: what is computed once has been computed in this run.
    template <bool First, class Range>
    static void forward(const bindings<T>& bound, Range range, int first_column) noexcept {
        keep_new<First>(bound, value_operand{}, range.begin, range.end, first_column);
        kernel::unroll<step.nodes.size()>([&](auto index) {
            keep_new<First>(bound, node_operand<decltype(index)::value>{}, range.begin, range.end,
                            first_column);
        });
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            const int round =
                (first * step.outer_extents[1] + second) * step.outer_extents[2] + third;
            kernel::unroll<kinds.first.size()>([&](auto kind) {
                constexpr int here = decltype(kind)::value;
                if (kinds.first.size() > 1 && kinds.kind_of[round] != here) return;
                using shape = kept_shape<Plan, At, here>;
                const auto from = operands(bound, first, second, third);
                const T* value =
                    kept.value.kept
                        ? bound.read(kept.value.to) + shift(kept.value, first, second, third)
                        : bound.read(step.value.at) + outer_shift(step.value, first, second, third);
                T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
                for (int row = range.begin; row < range.end; ++row)
                    kernel::detail::kept_row<shape, T>(from, value, out + row * step.out.row, row,
                                                       first_column, bound.counts, shape::bits(row))
                        .attend();
            });
        });
    }
};

/// Steps [At, End) of a state's plan. First: with what is computed once.
template <class Plan, int At, int End, bool First, class T, class Range>
void state_steps(bindings<T>& bound, Range range, int first_column) noexcept {
    if constexpr (At < End) {
        constexpr plan::step step = Plan::template step_at<At>;
        constexpr bool repeats = step.kind == step_kind::repeat_begin;
        constexpr int next = (repeats ? step.at : At) + 1;
        if constexpr (Plan::template is_once<At>) {
            if constexpr (First) forward_steps<Plan, At, next>(bound, whole_run{});
        } else if constexpr (repeats) {
            for (int round = 0; round < step.repeat; ++round) {
                bound.layer[step.depth] = round;
                state_steps<Plan, At + 1, step.at, First>(bound, range, first_column);
            }
            bound.layer[step.depth] = 0;
        } else if constexpr (step.kind == step_kind::rows) {
            row_runner<row_step_value<Plan, step.at>, T>::forward(bound, range);
        } else {
            kept_runner<Plan, step.at, T>::template forward<First>(bound, range, first_column);
        }
        state_steps<Plan, next, End, First>(bound, range, first_column);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// The memory of one sequence that a model computes row by row.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// What is kept of the rows so far, and room for the rows at hand: Model::state<T>. One for each
/// sequence.
template <class Plan, class T, bool Possible = (plan::state_plan_of<Plan>::made.rule < 0)>
class alignas(64) state_block {
    using state_plan = plan::state_plan_of<Plan>;
    static constexpr auto& made = state_plan::made;

    static constexpr bool is_along(int fact) {
        return ((state_plan::form.sequences >> fact) & 1u) != 0;
    }

  public:
    /// How many numbers are kept.
    static constexpr int size = state_plan::tables.workspace > 0 ? state_plan::tables.workspace : 1;
    /// How many positions the sequence may have.
    static constexpr int length = made.rows;
    /// And how many rows of them are computed at a time.
    static constexpr int block = made.block;
    /// Whether there are facts besides the sequence, and whether anything follows from these alone.
    static constexpr bool needs_rest = [] {
        bool result = false;
        for (int at = 0; at < Plan::fact_count; ++at) result = result || !is_along(at);
        return result;
    }();
    static constexpr bool computes_once = made.any_once;

    /// The row that the next step computes.
    int position() const noexcept { return position_; }

    /// Starts another sequence.
    void reset() noexcept {
        position_ = 0;
        first_column_ = 0;
        has_rest_ = false;
    }

    /// Whether the facts besides the sequence have been given.
    bool has_rest() const noexcept { return has_rest_; }

    /// Takes the facts that are not along the sequence: those that rows read later are copied.
    void take_rest(const void* const* pointers, const int* counts) noexcept {
        has_rest_ = true;
        std::copy_n(counts, count_given<Plan>(), counts_);
        kernel::unroll<fact_count>([&](auto index) {
            constexpr int at = decltype(index)::value;
            if constexpr (made.reads_fact[at]) {
                constexpr std::size_t bytes = bytes_of(at);
                std::memcpy(facts_ + fact_offset(at), pointers[at], bytes);
            }
        });
    }

    /// Computes the rows of a range, at most `block`: rows(fact) is the first of them, rest(fact)
    /// and pairs(fact) are the facts that are not along the sequence. First: with what is computed
    /// once.
    template <bool First, class Rows, class Rest, class Pairs, class Range>
    void run(const T* parameters, Rows rows, Rest rest, Pairs pairs, Range range) noexcept {
        bindings<T> bound;
        bound.parameters = parameters;
        bound.workspace = numbers_;
        bound.counts = counts_;
        bound.first_row = range.begin;
        kernel::unroll<fact_count>([&](auto index) {
            constexpr int at = decltype(index)::value;
            if constexpr (is_along(at)) {
                bound.facts[at] = rows(at);
            } else if constexpr (made.reads_fact[at]) {
                bound.facts[at] = facts_ + fact_offset(at);
            } else if constexpr (First) {
                bound.facts[at] = rest(at);
                bound.pairs[at] = pairs(at);
            }
        });
        find_runs(bound.facts, range);
        if constexpr (made.window > 0) slide(range.begin, range.end);
        state_steps<state_plan, 0, state_plan::tables.steps.size(), First>(bound, range,
                                                                           first_column_);
        first_row_ = range.begin;
        position_ = range.end;
    }

    /// The last row of output `At`: the output without its first argument.
    template <int At>
    tensor_view<const T> output() const noexcept {
        constexpr int relation = Plan::shapes.outputs[At];
        constexpr int row = made.row_size[state_plan::tables.relations[relation].index];
        constexpr weight_view view = view_of_row(view_of_relation<state_plan>(relation), row);
        return to_tensor<const T>(
            view, numbers_ + static_cast<std::ptrdiff_t>(position_ - 1 - first_row_) * row);
    }

  private:
    static constexpr int fact_count = Plan::fact_count;

    /// Without the first argument, if rows are computed one after another.
    static constexpr weight_view view_of_row(const weight_view& whole, int row_size) {
        weight_view result = whole;
        if (row_size == 0) return result;
        --result.rank;
        for (int axis = 0; axis < result.rank; ++axis) {
            result.extents[axis] = whole.extents[axis + 1];
            result.strides[axis] = whole.strides[axis + 1];
        }
        return result;
    }

    static constexpr std::size_t bytes_of(int at) {
        const bool symbols = Plan::facts[at].kind == plan::fact_kind::symbols;
        return static_cast<std::size_t>(Plan::facts[at].size()) *
               (symbols ? sizeof(std::int32_t) : sizeof(T));
    }
    static constexpr std::size_t fact_offset(int end) {
        std::size_t offset = 0;
        for (int at = 0; at < end; ++at)
            if (made.reads_fact[at]) offset += (bytes_of(at) + 63) / 64 * 64;
        return offset;
    }
    static constexpr std::size_t fact_bytes = fact_offset(fact_count);

    T numbers_[static_cast<std::size_t>(size)]{};
    alignas(64) std::byte facts_[fact_bytes > 0 ? fact_bytes : 1]{};
    int counts_[count_given<Plan>()]{};
    std::int32_t last_symbols_[plan::max_compared]{};
    int position_ = 0;
    int first_row_ = 0;     // of the rows at hand
    int first_column_ = 0;  // of those that a window keeps
    bool has_rest_ = false;

    /// Of facts along the sequence whose symbols the rules compare, where the run of equal symbols
    /// begins.
    template <class Range>
    void find_runs(const void* const* rows, Range range) noexcept {
        int room = plan::given_numbers::runs;
        for (int at = 0; at < Plan::shapes.text.compared.size(); ++at) {
            const int fact = plan::compared_fact(Plan::shapes, at);
            const int length_of = Plan::facts[fact].extents[0];
            int* begins = counts_ + room;
            int* ends = begins + length_of;
            counts_[plan::given_numbers::begins_of(at)] = room;
            counts_[plan::given_numbers::ends_of(at)] = room + length_of;
            room += 2 * length_of;
            if (!is_along(fact)) continue;
            const auto* symbols = static_cast<const std::int32_t*>(rows[fact]);
            for (int row = range.begin; row < range.end; ++row) {
                const std::int32_t symbol = symbols[row - range.begin];
                const bool same = row > 0 && symbol == last_symbols_[at];
                begins[row] = same ? begins[row - 1] : row;
                ends[row] = length_of;
                last_symbols_[at] = symbol;
            }
        }
    }

    /// Makes room for columns up to `end`: what a row may still need moves to the front.
    void slide(int begin, int end) noexcept {
        if (end - first_column_ <= made.window) return;
        const int first = std::max(0, begin - made.reach + 1) / 16 * 16;
        const int columns = begin - first;
        const int away = first - first_column_;
        const auto move = [&](int offset, int lines) {
            T* line = numbers_ + offset;
            for (int at = 0; at < lines; ++at, line += made.window)
                std::copy_n(line + away, columns, line);
        };
        kernel::unroll<made.kept.size()>([&](auto index) {
            constexpr int at = decltype(index)::value;
            constexpr kept_attention kept = state_plan::template kept_at<at>;
            if constexpr (kept.value.slides) move(kept.value.to.offset, kept.value.lines);
            kernel::unroll<state_plan::template attention_at<at>.nodes.size()>([&](auto node) {
                constexpr kept_operand of =
                    state_plan::template kept_at<at>.nodes[decltype(node)::value];
                if constexpr (of.slides) move(of.to.offset, of.lines);
            });
        });
        first_column_ = first;
    }
};

/// Where a rule needs later rows: tells which.
template <class Plan, class T>
class state_block<Plan, T, false> {
    static_assert(sizeof(check_rows<Plan, plan::state_plan_of<Plan>::made.rule>) > 0);

  public:
    static constexpr int size = 1;
    static constexpr int length = 1;
    static constexpr int block = 1;
    static constexpr bool needs_rest = false;
    static constexpr bool computes_once = false;

    int position() const noexcept { return 0; }
    void reset() noexcept {}
    bool has_rest() const noexcept { return false; }
    void take_rest(const void* const*, const int*) noexcept {}
    template <bool First, class Rows, class Rest, class Pairs, class Range>
    void run(const T*, Rows, Rest, Pairs, Range) noexcept {}
    template <int At>
    tensor_view<const T> output() const noexcept {
        return {};
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail

/// A program bound to the shapes of its facts: parameters, workspace, forward, backward.

namespace sequent::inline SEQUENT_ABI {

using language::bound;
using language::fact;
using language::query;
using language::sparse;
using language::symbol;

/// `model<program, fact<"input", 16, 64>>`. Facts are given to forward in this order, or by name. A
/// `query<"a", "b">` among them names the outputs.
template <const auto& Program, class... Facts>
class model {
    using plan_type = plan::plan_of<Program, Facts...>;

  public:
    using plan = plan_type;

    template <class T>
    using parameters = model_detail::parameter_block<plan, T>;
    template <class T>
    using workspace = model_detail::workspace_block<plan, T>;
    template <class T>
    using batch = model_detail::batch_memory<plan, T>;
    /// What step and prefill keep of one sequence.
    template <class T>
    using state = model_detail::state_block<plan, T>;
    /// A view of the output, or an array of them where there are several.
    template <class T>
    using output_views = typename model_detail::output_layout<plan>::template views<T>;
    using facts_list = decltype(plan::facts);
    static_assert(facts_list::capacity() <= model_detail::max_facts,
                  "sequent: a model takes up to 16 facts");

    /// The rules themselves.
    static constexpr const auto& program = Program;

    static constexpr int parameter_count = model_detail::count_parameters<plan>();
    static constexpr int outputs = plan::shapes.outputs.size();

    /// Facts as pointers, checked: each is there once and has the shape of its fact.
    template <class T>
    class facts {
      public:
        facts(std::initializer_list<model_detail::argument<const T>> given) {
            constexpr int count = facts_list::capacity();
            bool filled[count > 0 ? count : 1]{};
            int position = 0;
            for (const auto& each : given) {
                const int at = each.id.length ? place_of_fact(each.id) : position++;
                if (at < 0 || at >= count)
                    fail<argument_error>("sequent: the model has no fact " + text(each.id, at));
                const auto& wanted = plan::facts[at];
                const std::string what = "fact " + text(wanted.id, at);
                if (filled[at]) fail<argument_error>("sequent: " + what + " is given twice");
                filled[at] = true;
                take(at, what, each);
            }
            for (int at = 0; at < count; ++at)
                if (!filled[at])
                    fail<argument_error>("sequent: fact " + text(plan::facts[at].id, at) +
                                         " is not given");
        }

        const void* pointers[model_detail::max_facts]{};
        int counts[model_detail::count_given<plan>()]{};  // sequent::plan::given_numbers

        /// The index of a sparse fact's pairs.
        const std::int32_t* pairs(int at) const noexcept {
            return plan::facts[at].is_sparse() ? indices_ + index_offset(at) : nullptr;
        }

      private:
        template <class, class, class>
        friend class model_detail::row_facts;

        facts() = default;

        using kind = sequent::plan::fact_kind;

        static constexpr model_detail::pair_layout layout_of(int at) {
            return {plan::facts[at].extents[0], plan::facts[at].extents[1], plan::facts[at].pairs};
        }
        static constexpr int index_offset(int end) {
            int offset = 0;
            for (int at = 0; at < end; ++at)
                if (plan::facts[at].is_sparse()) offset += layout_of(at).size();
            return offset;
        }
        /// The values of pairs that are given without.
        static constexpr auto ones = [] {
            constexpr int most = [] {
                int result = 1;
                for (const auto& each : plan::facts) result = std::max(result, each.pairs);
                return result;
            }();
            std::array<T, static_cast<std::size_t>(most)> result{};
            for (T& each : result) each = T(1);
            return result;
        }();
        static constexpr int index_size = index_offset(facts_list::capacity());
        std::int32_t indices_[index_size > 0 ? index_size : 1];

        /// Where a run-time count stands among those that the program names; -1 if it names none.
        static constexpr auto count_places = [] {
            std::array<int, model_detail::max_facts> result{};
            for (int at = 0; at < facts_list::capacity(); ++at) {
                result[static_cast<std::size_t>(at)] = -1;
                for (int place = 0; place < plan::shapes.text.counts.size(); ++place)
                    if (plan::shapes.text.counts[place] == plan::facts[at].id)
                        result[static_cast<std::size_t>(at)] = place;
            }
            return result;
        }();

        static constexpr auto count_limits = [] {
            std::array<int, sequent::plan::max_counts> result{};
            for (int at = 0; at < plan::shapes.text.counts.size(); ++at)
                result[static_cast<std::size_t>(at)] =
                    sequent::plan::limit_of_count(plan::shapes, at);
            return result;
        }();

        static std::string text(const sequent::plan::name& id, int at) {
            std::string result;
            if (id.length)
                result.append("\"")
                    .append(id.text, static_cast<std::size_t>(id.length))
                    .append("\"");
            else
                result.append("number ").append(std::to_string(at + 1));
            return result;
        }

        void take(int at, const std::string& what, const model_detail::argument<const T>& given) {
            const auto& wanted = plan::facts[at];
            if (wanted.kind == kind::count) {
                if (!given.is_count)
                    fail<argument_error>("sequent: " + what + " is a count, given is a container");
                if (given.count < 0)
                    fail<argument_error>("sequent: " + what + " is a count and cannot be " +
                                         std::to_string(given.count));
                const int place = count_places[static_cast<std::size_t>(at)];
                if (place < 0) return;
                const int limit = count_limits[static_cast<std::size_t>(place)];
                if (limit != sequent::plan::without_limit && given.count > limit)
                    fail<argument_error>("sequent: " + what + " is " + std::to_string(given.count) +
                                         ", beyond the " + std::to_string(limit) +
                                         " values of what it bounds");
                counts[place] = given.count;
                return;
            }
            if (given.is_count)
                fail<argument_error>("sequent: " + what + " is a container, given is a number");
            if (given.is_sparse != wanted.is_sparse())
                fail<argument_error>("sequent: " + what +
                                     (wanted.is_sparse() ? " is sparse and needs sparse_pairs()"
                                                         : " is dense, given are sparse_pairs()"));
            sequent::plan::fact_shape shape = wanted;
            if (wanted.is_sparse()) {
                std::int32_t* memory = indices_ + index_offset(at);
                model_detail::take_pairs(what, given, layout_of(at), memory);
                const int count = memory[model_detail::pair_layout::count()];
                const bool valued = given.shape.rank > 0;
                if (!valued && (wanted.kind == kind::symbols || wanted.pair_size() != 1))
                    fail<argument_error>("sequent: " + what +
                                         " needs a value for each pair, given are pairs alone");
                shape = wanted.values_of(count);
                if (!valued || count == 0) {
                    if (valued)
                        model_detail::check_shape(what, given.shape, shape.extents, shape.rank);
                    pointers[at] = ones.data();
                    return;
                }
            }
            if (wanted.kind == kind::symbols) {
                if (!given.symbols)
                    fail<argument_error>("sequent: " + what +
                                         " holds symbols as std::int32_t, given are numbers");
                model_detail::check_shape(what, given.shape, shape.extents, shape.rank);
                model_detail::check_symbols(what, given.symbols, shape.size(), wanted.classes);
                pointers[at] = given.symbols;
                model_detail::find_runs<plan>(at, what, given.symbols, counts);
            } else {
                if (!given.numbers)
                    fail<argument_error>("sequent: " + what + " holds numbers, given are symbols");
                model_detail::check_shape(what, given.shape, shape.extents, shape.rank);
                model_detail::check_finite(what, given.numbers, shape.size());
                pointers[at] = given.numbers;
            }
        }
    };

    /// Rows of the facts along the sequence, for step and prefill; in any order by name.
    template <class T>
    using rows = model_detail::row_facts<plan, T, facts<T>>;

    /// The gradients of the outputs, in their order or by name.
    template <class T>
    class output_gradients {
      public:
        output_gradients(std::initializer_list<model_detail::argument<const T>> given) {
            int position = 0;
            for (const auto& each : given) take(each, position++);
            for (int at = 0; at < outputs; ++at)
                if (!pointers[at])
                    fail<argument_error>("sequent: the gradient of output number " +
                                         std::to_string(at + 1) + " is not given");
        }
        template <class Value>
            requires(!std::is_same_v<std::remove_cvref_t<Value>, output_gradients>)
        output_gradients(const Value& only)
            : output_gradients({model_detail::argument<const T>(only)}) {}

        const T* pointers[outputs > 0 ? outputs : 1]{};

      private:
        void take(const model_detail::argument<const T>& given, int position) {
            for (int at = 0; at < outputs; ++at) {
                const auto& id = plan::shapes.text.relations[plan::shapes.outputs[at]].id;
                if (given.id.length ? !(id == given.id) : at != position) continue;
                const model_detail::weight_view view =
                    model_detail::view_of_relation<plan>(plan::shapes.outputs[at]);
                model_detail::check_shape(
                    "the gradient of output \"" +
                        std::string(id.text, static_cast<std::size_t>(id.length)) + "\"",
                    given.shape, view.extents, view.rank);
                pointers[at] = given.numbers;
                return;
            }
            fail<argument_error>("sequent: a gradient is given for what is no output");
        }
    };

    /// Where the gradients of facts are to be added, by name or in order; none by default.
    template <class T>
    class fact_gradients {
      public:
        fact_gradients() = default;
        fact_gradients(std::initializer_list<model_detail::argument<T>> given) {
            int position = 0;
            for (const auto& each : given) {
                const int at = each.id.length ? place_of_fact(each.id) : position++;
                if (at < 0 || at >= facts_list::capacity() ||
                    plan::facts[at].kind != sequent::plan::fact_kind::dense || !each.numbers)
                    fail<argument_error>("sequent: only dense facts have gradients");
                // Of a sparse one, with room for all pairs that it may have.
                const auto& of = plan::facts[at];
                const auto shape = of.is_sparse() ? of.values_of(of.pairs) : of;
                model_detail::check_shape("the gradient of a fact", each.shape, shape.extents,
                                          shape.rank);
                pointers[at] = each.numbers;
            }
        }

        T* pointers[model_detail::max_facts]{};
    };

    /// Gains one, biases zero, embeddings and tables normal with deviation 0.02, matrices normal
    /// with deviation 1 / sqrt(inputs). The same seed gives the same numbers everywhere.
    template <class T>
    static void initialize(parameters<T>& p, std::uint64_t seed = 0) {
        p = parameters<T>{};
        model_detail::initialize_parameters<plan>(p.numbers, seed);
    }

    /// Calls f(name, view) for each weight.
    template <class T, class F>
    static void for_each(parameters<T>& p, F f) {
        model_detail::for_each_weight<plan, T>(p.numbers, f);
    }
    template <class T, class F>
    static void for_each(const parameters<T>& p, F f) {
        model_detail::for_each_weight<plan, const T>(p.numbers, f);
    }

    /// The same for any block that is laid out as the parameters are, such as an optimiser's state.
    template <class T, class F>
    static void for_each(std::span<T> flat, F f) {
        if (flat.size() != static_cast<std::size_t>(parameters<std::remove_const_t<T>>::size))
            fail<argument_error>("sequent: a block of parameters has " +
                                 std::to_string(parameters<std::remove_const_t<T>>::size) +
                                 " numbers, given are " + std::to_string(flat.size()));
        model_detail::for_each_weight<plan, T>(flat.data(), f);
    }

    /// One where weight decay is usual, in matrices, and zero elsewhere.
    template <class T>
    static void mark_decayed(parameters<T>& mask) {
        mask = parameters<T>{};
        kernel::unroll<plan::shapes.text.weights.size()>([&](auto index) {
            constexpr model_detail::weight_view view = model_detail::view_of_weight<plan>(index());
            if constexpr (plan::shapes.weights[index()].uses > 0 && view.value_rank == 2 &&
                          view.trained) {
                auto to = model_detail::to_tensor<T>(view, mask.numbers);
                for (int at = 0; at < to.size(); ++at) to.element(at) = T(1);
            }
        });
    }

    /// The outputs' values, in a view or, where there are several, an array of views of w, valid
    /// until the next call with w.
    template <class T>
    static auto forward(const parameters<T>& p, const std::type_identity_t<facts<T>>& given,
                        workspace<T>& w) noexcept {
        model_detail::bindings<T> bound = bind(p, given, w);
        model_detail::forward_steps<plan, 0, plan::tables.steps.size()>(bound,
                                                                        model_detail::whole_run{});
        return all_outputs(w);
    }

    /// Only rows [begin, end) of the sequence, on what earlier calls for the rows before have left
    /// in w; the other rows of the outputs are as they were. 0 <= begin <= end <= the rows of the
    /// first fact. The facts are given whole; what they hold beyond `end` does not matter, as long
    /// as they are numbers. Does not compile where a rule needs later rows.
    template <class T>
    static auto forward(const parameters<T>& p, const std::type_identity_t<facts<T>>& given,
                        workspace<T>& w, kernel::row_range rows) noexcept {
        static_assert(sizeof(model_detail::check_rows<plan, plan::template by_rows<>.rule>) > 0);
        model_detail::bindings<T> bound = bind(p, given, w);
        model_detail::forward_steps<plan, 0, plan::tables.steps.size()>(bound, rows);
        return all_outputs(w);
    }

    /// The row at s.position() of the outputs, from that row of the facts along the sequence, and
    /// what s keeps of the rows before; then the position is the next one. Views of s, without the
    /// outputs' first argument, valid until the next call with s. Throws argument_error at a
    /// position beyond the last, and where other facts are needed that prefill has not been given.
    /// Does not compile where a rule needs later rows.
    template <class T>
    static auto step(const parameters<T>& p, const std::type_identity_t<rows<T>>& given,
                     state<T>& s) {
        given.check_single();
        check_position(s, 1);
        if constexpr (state<T>::needs_rest)
            if (!s.has_rest() || given.has_rest())
                fail<argument_error>(
                    "sequent: facts besides the sequence are given to prefill, with the first "
                    "rows");
        run_rows<false>(p, given, s, 0, kernel::row_range{s.position(), s.position() + 1});
        return last_row(s);
    }

    /// The same for several rows at once: those at s.position() and after it; the views are of the
    /// last one. With the first rows of a sequence, the facts that are not along it are given
    /// whole: what follows from them alone is computed once.
    template <class T>
    static auto prefill(const parameters<T>& p, const std::type_identity_t<rows<T>>& given,
                        state<T>& s) {
        check_position(s, given.size());
        const bool starts = given.check_rest(s.has_rest());
        if (starts) s.take_rest(given.rest().pointers, given.rest().counts);
        for (int from = 0; from < given.size();) {
            const int count = std::min(state<T>::block, given.size() - from);
            const kernel::row_range range{s.position(), s.position() + count};
            if (state<T>::computes_once && starts && from == 0)
                run_rows<state<T>::computes_once>(p, given, s, from, range);
            else
                run_rows<false>(p, given, s, from, range);
            from += count;
        }
        return last_row(s);
    }

    /// The same on all threads of a pool, to the same numbers: rows and outer indices of large
    /// steps are computed at the same time. For many samples, forward_batch has less to wait for.
    template <class T>
    static auto forward(const parameters<T>& p, const std::type_identity_t<facts<T>>& given,
                        workspace<T>& w, thread_pool& pool) noexcept {
        model_detail::bindings<T> bound = bind(p, given, w);
        model_detail::forward_steps<plan, 0, plan::tables.steps.size()>(
            bound, model_detail::run_on_pool{pool});
        return all_outputs(w);
    }

    /// After forward with the same arguments: adds to `gradient`, and to the gradients of facts
    /// where they are asked for. The values in w are used up.
    template <class T>
    static void backward(const parameters<T>& p, const std::type_identity_t<facts<T>>& given,
                         const std::type_identity_t<output_gradients<T>>& outward, workspace<T>& w,
                         parameters<T>& gradient,
                         const std::type_identity_t<fact_gradients<T>>& of_facts = {}) noexcept {
        run_backward(p, given, outward.pointers, w, gradient, of_facts, model_detail::whole_run{});
    }

    /// The same on all threads of a pool, to the same numbers.
    template <class T>
    static void backward(const parameters<T>& p, const std::type_identity_t<facts<T>>& given,
                         const std::type_identity_t<output_gradients<T>>& outward, workspace<T>& w,
                         parameters<T>& gradient, thread_pool& pool,
                         const std::type_identity_t<fact_gradients<T>>& of_facts = {}) noexcept {
        run_backward(p, given, outward.pointers, w, gradient, of_facts,
                     model_detail::run_on_pool{pool});
    }

    /// Forward for each of `samples` on the threads of b's pool; visit(sample, y) is given what
    /// forward returns, valid until it returns. Visits come in any order and several at once.
    template <class T, class Visit>
        requires std::is_invocable_v<Visit&, int, output_views<const T>>
    static void forward_batch(const parameters<T>& p,
                              std::span<const std::type_identity_t<facts<T>>> samples, batch<T>& b,
                              Visit&& visit) noexcept {
        b.pool().run(static_cast<int>(samples.size()), [&](int sample, int thread) {
            visit(sample,
                  forward(p, samples[static_cast<std::size_t>(sample)], b.workspace(thread)));
        });
    }

    /// The outputs one sample after another, row-major; several outputs of one sample stand one
    /// after another. `out` has room for exactly these.
    template <class T>
    static void forward_batch(const parameters<T>& p,
                              std::span<const std::type_identity_t<facts<T>>> samples, batch<T>& b,
                              std::span<std::type_identity_t<T>> out) noexcept {
        constexpr int size = output_layout::total;
        assert(out.size() == samples.size() * size);
        b.pool().run(static_cast<int>(samples.size()), [&](int sample, int thread) {
            workspace<T>& w = b.workspace(thread);
            (void)forward(p, samples[static_cast<std::size_t>(sample)], w);
            T* to = out.data() + std::ptrdiff_t{size} * sample;
            kernel::unroll<outputs>([&](auto index) {
                model_detail::each_run(
                    output_layout::view(index()), [&](int position, int offset, int length) {
                        std::copy_n(w.numbers + offset, length,
                                    to + output_layout::offset(index()) + position);
                    });
            });
        });
    }

    /// For each of `samples`: forward, then loss(sample, y, dy), which returns the loss and writes
    /// the gradient of y to dy, views of the same extents that hold zeros, then backward. Adds to
    /// `gradient` and returns the sum of the losses, the same numbers for any number of threads.
    /// Losses are called in any order and several at once. No more memory is needed for more
    /// samples.
    template <class T, class Loss>
        requires std::is_invocable_r_v<double, Loss&, int, output_views<const T>, output_views<T>>
    static double backward_batch(const parameters<T>& p,
                                 std::span<const std::type_identity_t<facts<T>>> samples,
                                 Loss&& loss, batch<T>& b, parameters<T>& gradient) noexcept {
        return b.sum(static_cast<int>(samples.size()), gradient,
                     [&](int sample, int thread, parameters<T>& to) {
                         const facts<T>& given = samples[static_cast<std::size_t>(sample)];
                         workspace<T>& w = b.workspace(thread);
                         const auto y = forward(p, given, w);
                         auto& outward = b.outward(thread);
                         std::fill(outward.begin(), outward.end(), T(0));
                         const auto result = static_cast<double>(
                             loss(sample, y, output_layout::template views_of<T>(outward.data())));
                         backward_from(p, given, outward.data(), w, to);
                         return result;
                     });
    }

    /// Where the gradients of the outputs are known, laid out as forward_batch lays out the
    /// outputs: runs forward again, since no sample's workspace is kept, and backward.
    template <class T>
    static void backward_batch(const parameters<T>& p,
                               std::span<const std::type_identity_t<facts<T>>> samples,
                               std::span<const std::type_identity_t<T>> outward, batch<T>& b,
                               parameters<T>& gradient) noexcept {
        constexpr int size = output_layout::total;
        assert(outward.size() == samples.size() * size);
        b.sum(static_cast<int>(samples.size()), gradient,
              [&](int sample, int thread, parameters<T>& to) {
                  const facts<T>& given = samples[static_cast<std::size_t>(sample)];
                  workspace<T>& w = b.workspace(thread);
                  (void)forward(p, given, w);
                  backward_from(p, given, outward.data() + std::ptrdiff_t{size} * sample, w, to);
                  return 0.0;
              });
    }

  private:
    using output_layout = model_detail::output_layout<plan>;

    /// Where the fact of this name stands among the facts; -1 if there is none.
    static constexpr int place_of_fact(const sequent::plan::name& id) {
        for (int at = 0; at < facts_list::capacity(); ++at)
            if (plan::facts[at].id == id) return at;
        return -1;
    }

    template <class T>
    static model_detail::bindings<T> bind(const parameters<T>& p, const facts<T>& given,
                                          workspace<T>& w) noexcept {
        model_detail::bindings<T> result;
        result.parameters = p.numbers;
        result.workspace = w.numbers;
        std::copy_n(given.pointers, model_detail::max_facts, result.facts);
        result.counts = given.counts;
        for (int at = 0; at < facts_list::capacity(); ++at) result.pairs[at] = given.pairs(at);
        return result;
    }

    template <class T>
    static void check_position(const state<T>& s, int rows) {
        constexpr int length = state<T>::length;
        if (s.position() + rows > length)
            fail<argument_error>("sequent: position " + std::to_string(s.position() + rows - 1) +
                                 " is beyond the " + std::to_string(length) +
                                 " positions of the model");
    }

    template <bool First, class T, class Range>
    static void run_rows(const parameters<T>& p, const rows<T>& given, state<T>& s, int from,
                         Range range) noexcept {
        s.template run<First>(
            p.numbers, [&](int fact) { return given.row(fact, from); },
            [&](int fact) { return given.rest().pointers[fact]; },
            [&](int fact) { return given.rest().pairs(fact); }, range);
    }

    template <class T>
    static output_views<const T> last_row(const state<T>& s) noexcept {
        if constexpr (outputs == 1) {
            return s.template output<0>();
        } else {
            output_views<const T> result;
            kernel::unroll<outputs>([&](auto index) {
                constexpr int at = decltype(index)::value;
                result[static_cast<std::size_t>(at)] = s.template output<at>();
            });
            return result;
        }
    }

    template <class T, class Run>
    static void run_backward(const parameters<T>& p, const facts<T>& given, const T* const* outward,
                             workspace<T>& w, parameters<T>& gradient,
                             const fact_gradients<T>& of_facts, Run run) noexcept {
        model_detail::bindings<T> bound = bind(p, given, w);
        bound.parameter_gradient = gradient.numbers;
        std::copy_n(of_facts.pointers, model_detail::max_facts, bound.fact_gradients);
        kernel::unroll<outputs>([&](auto index) { seed<index()>(outward[index()], w, true); });
        kernel::unroll<outputs>([&](auto index) { seed<index()>(outward[index()], w, false); });
        model_detail::backward_steps<plan, 0, plan::tables.steps.size()>(bound, run);
    }

    /// With the gradients of all outputs one after another.
    template <class T>
    static void backward_from(const parameters<T>& p, const facts<T>& given, const T* outward,
                              workspace<T>& w, parameters<T>& gradient) noexcept {
        const T* pointers[outputs > 0 ? outputs : 1];
        for (int at = 0; at < outputs; ++at) pointers[at] = outward + output_layout::offset(at);
        run_backward(p, given, pointers, w, gradient, {}, model_detail::whole_run{});
    }

    template <class T>
    static output_views<const T> all_outputs(const workspace<T>& w) noexcept {
        if constexpr (outputs == 1) {
            return output<0>(w);
        } else {
            output_views<const T> result;
            kernel::unroll<outputs>([&](auto index) {
                result[static_cast<std::size_t>(index())] = output<index()>(w);
            });
            return result;
        }
    }

    template <int At, class T>
    static tensor_view<const T> output(const workspace<T>& w) noexcept {
        constexpr auto view = model_detail::view_of_relation<plan>(plan::shapes.outputs[At]);
        return model_detail::to_tensor<const T>(view, w.numbers);
    }

    /// The caller's gradient of an output, to where backward expects it; first zeros, since an
    /// output may lie among others' numbers.
    template <int At, class T>
    static void seed(const T* outward, workspace<T>& w, bool clear) noexcept {
        constexpr auto& layout = plan::tables.relations[plan::shapes.outputs[At]];
        constexpr auto buffer = plan::tables.buffers[layout.index];
        constexpr auto view = model_detail::view_of_relation<plan>(plan::shapes.outputs[At]);
        if (clear) {
            std::fill_n(w.numbers + buffer.adjoint, buffer.size, T(0));
            return;
        }
        T* to = w.numbers + buffer.adjoint - buffer.offset;
        model_detail::each_run(view, [&](int position, int offset, int length) {
            for (int at = 0; at < length; ++at) to[offset + at] += outward[position + at];
        });
    }
};

/// A program that makes no sense is told where its model is first needed.
template <const auto& Program, class... Facts>
    requires(!model_detail::is_well_formed<Program, Facts...>)
class model<Program, Facts...> : public model_detail::ill_formed_model<Program, Facts...> {};

/// A block of parameters or a workspace on the heap: large models do not fit a stack.
template <class Block>
std::unique_ptr<Block> make_unique() {
    return std::make_unique<Block>();
}

}  // namespace sequent::inline SEQUENT_ABI

/// What a plan does, as text.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// How many (i, j) an attention step computes, over all of its outer loops; counts given at run
/// time are taken as without limit.
template <class Plan, int At>
long long attention_pairs() {
    constexpr auto& kinds = mask_kinds<Plan, At>;
    constexpr int rounds =
        plan::different_rounds(Plan::tables.pool, Plan::template attention_at<At>);
    long long pairs = 0;
    kernel::unroll<kinds.first.size()>([&](auto kind) {
        const long long each = attention_shape<Plan, At, kind()>::pairs();
        for (int round = 0; round < rounds; ++round)
            if (kinds.kind_of[round] == kind()) pairs += each;
    });
    return pairs * (Plan::template attention_at<At>.rounds() / rounds);
}

/// The multiplications and additions of a step's forward pass, in the products alone.
template <class Plan, int At>
long long step_operations() {
    constexpr plan::step step = Plan::template step_at<At>;
    long long operations = 0;
    if constexpr (step.kind == plan::step_kind::rows) {
        constexpr row_step row = Plan::template row_step_at<step.at>;
        for (const row_term& term : row.terms)
            if (term.kind == term_kind::product)
                operations += 2LL * row.rows * row.columns() * term.depth * term.splits;
        for (int extent : row.outer_extents) operations *= extent;
    } else if constexpr (step.kind == plan::step_kind::attention) {
        using shape = attention_shape<Plan, step.at>;
        long long each = 2LL * shape::length;
        for (const plan::score_node& node : shape::step.nodes)
            if (node.kind == score_kind::dot) each += 2LL * node.depth;
        operations = each * attention_pairs<Plan, step.at>();
    }
    return operations;
}

inline std::string step_line(const std::string& name, const std::string& what, long long operations,
                             int depth) {
    char line[256];
    std::snprintf(line, sizeof line, "%*s%-*s  %-60s", 2 * depth + 2, "", 20 - 2 * depth,
                  name.c_str(), what.c_str());
    std::string result = line;
    if (operations > 0) {
        std::snprintf(line, sizeof line, " %10.3f MFLOP", static_cast<double>(operations) * 1e-6);
        result += line;
    }
    return result + "\n";
}

template <class Plan, int At>
std::string describe_step() {
    constexpr plan::step step = Plan::template step_at<At>;
    constexpr plan::name id =
        Plan::shapes.text.relations[Plan::shapes.text.rules[step.rule].head].id;
    const std::string name(id.text, static_cast<std::size_t>(id.length));
    std::string what;
    if constexpr (step.kind == plan::step_kind::rows) {
        constexpr row_step row = Plan::template row_step_at<step.at>;
        what = row.pairs >= 0 ? "pairs " : row.count >= 0 ? "rows up to " : "rows ";
        what += std::to_string(row.rows) + " x " + std::to_string(row.columns());
        kernel::unroll<row.terms.size()>([&](auto index) {
            constexpr row_term term = row.terms[index()];
            if constexpr (term.kind == term_kind::product)
                what += ", product with " + std::to_string(term.depth * term.splits) + " inputs";
            else if constexpr (term.kind == term_kind::gather)
                what += ", rows of a table";
        });
        constexpr int products = [] {
            int count = 0;
            for (const row_term& term : Plan::template row_step_at<step.at>.terms)
                count += term.kind == term_kind::add ? 1 : 0;
            return count;
        }();
        if (products > 0) what += ", " + std::to_string(products) + " more summands";
        if (row.functions.size() > 0)
            what += ", " + std::to_string(row.functions.size()) + " functions";
    } else if constexpr (step.kind == plan::step_kind::attention) {
        using shape = attention_shape<Plan, step.at>;
        what = "attention " + std::to_string(shape::rows) + " x " + std::to_string(shape::columns) +
               ", " + std::to_string(attention_pairs<Plan, step.at>()) + " pairs";
    } else if constexpr (step.kind == plan::step_kind::general) {
        constexpr plan::general_step general = Plan::template general_at<step.at>;
        what = general.joins.size() > 0 ? "loops over pairs" : "general loops";
    } else if constexpr (step.kind == plan::step_kind::repeat_begin && step.recurs) {
        what = "loop of " + std::to_string(step.repeat) + " steps";
        if (step.backward) what += ", the last first";
    } else if constexpr (step.kind == plan::step_kind::repeat_begin) {
        what = "stack of " + std::to_string(step.repeat) + " layers";
    } else {
        return {};
    }
    return step_line(name, what, step_operations<Plan, At>(), step.depth);
}

}  // namespace model_detail

/// The steps of a model in order, with shapes, pairs and operations, then its memory: the first
/// thing to look at. Rules without a line are fused into the step of another.
template <class Model>
std::string explain() {
    using plan = typename Model::plan;
    std::string result = "steps\n";
    kernel::unroll<plan::tables.steps.size()>(
        [&](auto index) { result += model_detail::describe_step<plan, index()>(); });
    constexpr int parameters = plan::tables.parameters;
    constexpr int workspace = plan::tables.workspace;
    result += "parameters  " + std::to_string(Model::parameter_count) + " numbers, " +
              std::to_string(parameters * static_cast<int>(sizeof(float))) + " bytes as float\n";
    result += "workspace   " + std::to_string(workspace * static_cast<int>(sizeof(float))) +
              " bytes as float, for forward and backward\n";
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#if __has_include(<fcntl.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#define SEQUENT_HAS_FSYNC
#endif

namespace sequent::inline SEQUENT_ABI::io {

/// What reading or writing a file throws. The message names the file and, where there is one, the
/// tensor with the value that was found and the value that was wanted.
struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace sequent::inline SEQUENT_ABI::io

namespace sequent::inline SEQUENT_ABI::io {

/// Writes a file beside `path` and renames it over `path` in `commit`: whoever reads `path` finds
/// the old file or the whole new one, also after a crash. Without `commit` nothing remains.
class file_replacement {
  public:
    explicit file_replacement(std::filesystem::path path)
        : path_(std::move(path)), new_path_(path_) {
        new_path_ += ".tmp";
        errno = 0;
        stream_.open(new_path_, std::ios::binary | std::ios::trunc);
        if (!stream_) fail("cannot be opened for writing");
    }

    file_replacement(const file_replacement&) = delete;
    file_replacement& operator=(const file_replacement&) = delete;

    ~file_replacement() {
        if (committed_) return;
        stream_.close();
        std::error_code ignored;
        std::filesystem::remove(new_path_, ignored);
    }

    void write(const char* bytes, std::size_t count) {
        errno = 0;
        if (!stream_.write(bytes, static_cast<std::streamsize>(count))) fail("cannot be written");
    }

    void commit() {
        errno = 0;
        stream_.close();
        if (!stream_) fail("cannot be written");
        flush_to_disk();
        std::error_code failure;
        std::filesystem::rename(new_path_, path_, failure);
        if (failure) {
            sequent::fail<error>(path_.string() + ": cannot be replaced by " + new_path_.string() +
                                 ": " + failure.message());
        }
        committed_ = true;
    }

  private:
    // Some file systems carry out the rename before they write the data.
    void flush_to_disk() const {
#ifdef SEQUENT_HAS_FSYNC
        errno = 0;
        const int descriptor = ::open(new_path_.c_str(), O_RDONLY);
        if (descriptor < 0) fail("cannot be flushed");
        const int result = ::fsync(descriptor);
        const int reason = errno;
        ::close(descriptor);
        errno = reason;
        // Pipes and some network file systems cannot flush; that is not the writer's fault.
        if (result != 0 && reason != EINVAL) fail("cannot be flushed");
#endif
    }

    [[noreturn]] void fail(const std::string& what) const {
        const int reason = errno;
        sequent::fail<error>(new_path_.string() + ": " + what +
                             (reason == 0 ? "" : ": " + std::generic_category().message(reason)));
    }

    std::filesystem::path path_;
    std::filesystem::path new_path_;
    std::ofstream stream_;
    bool committed_ = false;
};

}  // namespace sequent::inline SEQUENT_ABI::io

#undef SEQUENT_HAS_FSYNC

/// The little of SVG that pictures of models need. Lengths are in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// Text as it may stand in XML.
inline std::string escaped(std::string_view text) {
    std::string result;
    for (const char each : text) {
        if (each == '<')
            result += "&lt;";
        else if (each == '>')
            result += "&gt;";
        else if (each == '&')
            result += "&amp;";
        else if (each == '"')
            result += "&quot;";
        else
            result += each;
    }
    return result;
}

/// A picture, to which elements are added one above the other.
class svg {
  public:
    svg(double width, double height) : width_(width), height_(height) {}

    void rectangle(double x, double y, double width, double height, std::string_view fill) {
        add({"<rect x=\"", number(x), "\" y=\"", number(y), "\" width=\"", number(width),
             "\" height=\"", number(height), "\" fill=\"", fill, "\"/>\n"});
    }
    /// Path data (SVG 1.1, section 8.3), filled.
    void path(std::string_view data, std::string_view fill) {
        add({"<path d=\"", data, "\" fill=\"", fill, "\" shape-rendering=\"crispEdges\"/>\n"});
    }
    /// `more`: further attributes.
    void text(double x, double y, std::string_view words, double size, std::string_view fill,
              std::string_view more = "") {
        add({"<text x=\"", number(x), "\" y=\"", number(y), "\" font-size=\"", number(size),
             "\" fill=\"", fill, "\" ", more, ">", escaped(words), "</text>\n"});
    }

    std::string str() const {
        svg whole(width_, height_);
        whole.add({"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", number(width_),
                   "\" height=\"", number(height_), "\" viewBox=\"0 0 ", number(width_), " ",
                   number(height_), "\" font-family=\"sans-serif\">\n", body_, "</svg>\n"});
        return whole.body_;
    }

    static std::string number(double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.4g", value);
        return text;
    }

  private:
    double width_;
    double height_;
    std::string body_;

    void add(std::initializer_list<std::string_view> parts) {
        for (const std::string_view part : parts) body_ += part;
    }
};

/// Writes a picture to a file, whole or not at all. Throws io::error.
inline void write(const svg& picture, const std::string& path) {
    const std::string text = picture.str();
    io::file_replacement file(path);
    file.write(text.data(), text.size());
    file.commit();
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// Pictures of masks, drawn from the rules' own conditions.

namespace sequent::inline SEQUENT_ABI::draw {

/// Which pairs (row, column) an attention step has, row by row, in the rounds of its outer loops -
/// heads, mostly - that share them.
struct mask {
    std::string relation;     // that the step computes
    std::vector<int> rounds;  // all of them where they share one mask
    int rows = 0;
    int columns = 0;
    std::vector<bool> kept;

    long long pairs() const { return std::count(kept.begin(), kept.end(), true); }
    bool operator()(int row, int column) const {
        return kept[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                    static_cast<std::size_t>(column)];
    }
};

namespace detail {

template <class Model, int At, class T>
void add_masks(const model_detail::bindings<T>& bound, std::vector<mask>& all) {
    using plan_type = typename Model::plan;
    constexpr plan::step step = plan_type::template step_at<At>;
    if constexpr (step.kind == plan::step_kind::attention) {
        constexpr plan::attention_step attention = plan_type::template attention_at<step.at>;
        constexpr plan::name id =
            plan_type::shapes.text.relations[plan_type::shapes.text.rules[step.rule].head].id;
        const std::size_t first = all.size();
        int round = 0;
        model_detail::each_outer(attention.outer_extents, [&](int one, int two, int three) {
            mask made;
            made.relation.assign(id.text, static_cast<std::size_t>(id.length));
            made.rows = attention.rows;
            made.columns = attention.columns;
            made.rounds = {round++};
            int index[plan::max_variables]{};
            const int outer[]{one, two, three};
            for (int at = 0; at < attention.outers; ++at)
                index[attention.outer_variables[at]] = outer[at];
            for (int row = 0; row < attention.rows; ++row)
                for (int column = 0; column < attention.columns; ++column) {
                    if (attention.row_variable >= 0) index[attention.row_variable] = row;
                    index[attention.column_variable] = column;
                    bool holds = true;
                    if constexpr (attention.condition >= 0)
                        holds = model_detail::evaluate_node<plan_type, attention.condition>(
                                    bound, index) != 0;
                    made.kept.push_back(holds);
                }
            for (std::size_t at = first; at < all.size(); ++at)
                if (all[at].kept == made.kept) {
                    all[at].rounds.push_back(made.rounds[0]);
                    return;
                }
            all.push_back(made);
        });
    }
}

}  // namespace detail

/// The masks of a model's attention steps, in order; where conditions depend on what is given at
/// run time, for these facts.
template <class Model, class T = float>
std::vector<mask> masks_of(const typename Model::template facts<T>* given = nullptr) {
    using plan_type = typename Model::plan;
    static constexpr int unknown[model_detail::count_given<plan_type>()]{};
    model_detail::bindings<T> bound;
    bound.counts = given ? given->counts : unknown;
    if (given)
        for (int at = 0; at < Model::facts_list::capacity(); ++at)
            bound.pairs[at] = given->pairs(at);
    std::vector<mask> result;
    kernel::unroll<plan_type::tables.steps.size()>(
        [&](auto index) { detail::add_masks<Model, decltype(index)::value>(bound, result); });
    return result;
}

/// "weights, heads 0 2", for a caption.
inline std::string title_of(const mask& shown) {
    std::string result = shown.relation;
    if (shown.rounds.size() > 1 || shown.rounds[0] > 0)
        result += shown.rounds.size() > 1 ? ", heads" : ", head";
    else
        return result;
    for (const int round : shown.rounds) result += " " + std::to_string(round);
    return result;
}

/// Masks side by side, each with its name and how many pairs it keeps. A row i stands for the
/// position that attends, a column j for what it attends to. Titles take the place of the masks'
/// own names where they are given.
inline svg picture_of(const std::vector<mask>& masks, const std::vector<std::string>& titles = {}) {
    constexpr double side = 220;  // of a mask; that of a cell is the same for all
    constexpr double gap = 36;
    constexpr double caption = 44;
    constexpr int across = 4;
    constexpr auto dark = "#1f2933";
    constexpr auto quiet = "#7b8794";
    const int count = static_cast<int>(masks.size());
    const int lines = (count + across - 1) / across;
    svg result(gap + std::min(count, across) * (side + gap),
               gap / 2 + lines * (side + caption + gap));
    for (int at = 0; at < count; ++at) {
        const mask& shown = masks[static_cast<std::size_t>(at)];
        const double x = gap + at % across * (side + gap);
        const double y = caption + at / across * (side + caption + gap);
        const double cell = side / std::max({shown.rows, shown.columns, 1});
        const std::string title = static_cast<std::size_t>(at) < titles.size()
                                      ? titles[static_cast<std::size_t>(at)]
                                      : title_of(shown);
        const double all = static_cast<double>(shown.rows) * shown.columns;
        char figures[96];
        std::snprintf(figures, sizeof figures, "%lld of %.0f pairs, %.1f %%", shown.pairs(), all,
                      100 * static_cast<double>(shown.pairs()) / all);
        result.text(x, y - 24, title, 14, dark);
        result.text(x, y - 8, figures, 11, quiet);
        result.text(x - 12, y + 10, "i", 11, quiet, "font-style=\"italic\"");
        result.text(x + cell * shown.columns - 6, y + cell * shown.rows + 14, "j", 11, quiet,
                    "font-style=\"italic\"");
        result.rectangle(x, y, cell * shown.columns, cell * shown.rows, "#e4e7eb");
        // One rectangle for each run of cells in a row.
        std::string cells;
        for (int row = 0; row < shown.rows; ++row)
            for (int column = 0; column < shown.columns; ++column) {
                if (!shown(row, column)) continue;
                const int begin = column;
                while (column < shown.columns && shown(row, column)) ++column;
                const auto add = [&cells](char command, double length) {
                    cells += command;
                    cells += svg::number(length);
                };
                add('M', x + begin * cell);
                add(' ', y + row * cell);
                add('h', (column - begin) * cell);
                add('v', cell);
                add('h', (begin - column) * cell);
                cells += 'z';
            }
        result.path(cells, "#2563a8");
    }
    return result;
}

/// Draws all masks of a model's attention steps.
template <class Model>
void masks(const std::string& path) {
    write(picture_of(masks_of<Model>()), path);
}
template <class Model, class T>
void masks(const std::string& path, const typename Model::template facts<T>& given) {
    write(picture_of(masks_of<Model, T>(&given)), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw

/// Files: parameters and optimiser state in the safetensors format, under a model's own names or
/// those of another library.

#include <map>
#include <optional>
#include <set>

/// The kinds of numbers that files hold, and their bytes, little-endian.

namespace sequent::inline SEQUENT_ABI::io {

/// F16 is IEEE 754's binary16; BF16 is the upper half of an F32.
enum class dtype { f16, bf16, f32, f64 };

constexpr std::string_view name_of(dtype type) noexcept {
    switch (type) {
        case dtype::f16:
            return "F16";
        case dtype::bf16:
            return "BF16";
        case dtype::f32:
            return "F32";
        default:
            return "F64";
    }
}

constexpr std::optional<dtype> dtype_named(std::string_view name) noexcept {
    for (const dtype type : {dtype::f16, dtype::bf16, dtype::f32, dtype::f64})
        if (name == name_of(type)) return type;
    return {};
}

/// In bytes.
constexpr std::size_t size_of(dtype type) noexcept {
    return type == dtype::f64 ? 8 : type == dtype::f32 ? 4 : 2;
}

template <class T>
inline constexpr dtype dtype_of =
    std::is_same_v<std::remove_const_t<T>, float> ? dtype::f32 : dtype::f64;

/// The number that 16 bits stand for, exactly.
constexpr float from_f16(std::uint16_t bits) noexcept {
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 31U;
    const std::uint32_t fraction = bits & 0x3FFU;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
        return sign ? -magnitude : magnitude;
    }
    const std::uint32_t wide = exponent == 31 ? 255 : exponent + (127 - 15);
    return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

constexpr float from_bf16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

namespace detail {

/// The bits of a finite value in a narrower format, rounded to nearest, ties to even; the bits of
/// infinity where it is too large.
template <int ExponentBits, int FractionBits>
constexpr std::uint16_t narrowed(double value) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint32_t>(bits >> 63) << (ExponentBits + FractionBits);
    const int biased = static_cast<int>(bits >> 52 & 0x7FF);
    if (biased == 0) return static_cast<std::uint16_t>(sign);  // far below the least
    int exponent = biased - 1023 + (1 << (ExponentBits - 1)) - 1;
    int shift = 52 - FractionBits;
    if (exponent < 1) {
        shift += 1 - exponent;
        exponent = 1;
    }
    if (shift > 63) return static_cast<std::uint16_t>(sign);
    const std::uint64_t whole = (bits & 0xFFFFFFFFFFFFFULL) | 1ULL << 52;
    std::uint64_t kept = whole >> shift;
    const std::uint64_t rest = whole - (kept << shift);
    const std::uint64_t half = 1ULL << (shift - 1);
    if (rest > half || (rest == half && kept % 2 == 1)) ++kept;
    // The leading one of `kept` counts the exponent up; so does a carry.
    const std::uint64_t magnitude =
        (static_cast<std::uint64_t>(exponent - 1) << FractionBits) + kept;
    constexpr std::uint64_t infinity = ((1ULL << ExponentBits) - 1) << FractionBits;
    return static_cast<std::uint16_t>(sign | (magnitude < infinity ? magnitude : infinity));
}

template <class Bits>
constexpr Bits load_bits(const std::byte* bytes) noexcept {
    Bits bits = 0;
    for (std::size_t index = 0; index < sizeof(Bits); ++index)
        bits = static_cast<Bits>(
            bits | static_cast<Bits>(std::to_integer<Bits>(bytes[index]) << (8 * index)));
    return bits;
}

template <class Bits>
constexpr void store_bits(Bits bits, std::byte* bytes) noexcept {
    for (std::size_t index = 0; index < sizeof(Bits); ++index)
        bytes[index] = static_cast<std::byte>(static_cast<unsigned char>(bits >> (8 * index)));
}

/// The number at `bytes`; T is float or double and holds every number of the type.
template <class T, dtype Type>
constexpr T load_element(const std::byte* bytes) noexcept {
    if constexpr (Type == dtype::f16)
        return static_cast<T>(from_f16(load_bits<std::uint16_t>(bytes)));
    else if constexpr (Type == dtype::bf16)
        return static_cast<T>(from_bf16(load_bits<std::uint16_t>(bytes)));
    else if constexpr (Type == dtype::f32)
        return static_cast<T>(std::bit_cast<float>(load_bits<std::uint32_t>(bytes)));
    else
        return static_cast<T>(std::bit_cast<double>(load_bits<std::uint64_t>(bytes)));
}

/// Rounds to nearest even. False if the type has no number that large.
template <dtype Type, class T>
constexpr bool store_element(T value, std::byte* bytes) noexcept {
    if constexpr (Type == dtype::f16 || Type == dtype::bf16) {
        constexpr bool half = Type == dtype::f16;
        const std::uint16_t bits = half ? narrowed<5, 10>(static_cast<double>(value))
                                        : narrowed<8, 7>(static_cast<double>(value));
        store_bits(bits, bytes);
        constexpr std::uint16_t infinity = half ? 0x7C00 : 0x7F80;
        return (bits & 0x7FFF) != infinity;
    } else if constexpr (Type == dtype::f32) {
        // From here on a double would round to infinity.
        if (sizeof(T) > 4 && (value >= 0x1.ffffffp127 || value <= -0x1.ffffffp127)) return false;
        store_bits(std::bit_cast<std::uint32_t>(static_cast<float>(value)), bytes);
        return true;
    } else {
        store_bits(std::bit_cast<std::uint64_t>(static_cast<double>(value)), bytes);
        return true;
    }
}

/// Calls f(std::integral_constant<dtype, type>).
template <class F>
constexpr decltype(auto) with_dtype(dtype type, F f) {
    switch (type) {
        case dtype::f16:
            return f(std::integral_constant<dtype, dtype::f16>{});
        case dtype::bf16:
            return f(std::integral_constant<dtype, dtype::bf16>{});
        case dtype::f32:
            return f(std::integral_constant<dtype, dtype::f32>{});
        default:
            return f(std::integral_constant<dtype, dtype::f64>{});
    }
}

}  // namespace detail

/// The 16 bits of a finite number, rounded to nearest, ties to even; infinity where it is too
/// large.
constexpr std::uint16_t to_f16(double value) noexcept {
    return detail::narrowed<5, 10>(value);
}
constexpr std::uint16_t to_bf16(double value) noexcept {
    return detail::narrowed<8, 7>(value);
}

}  // namespace sequent::inline SEQUENT_ABI::io

namespace sequent::inline SEQUENT_ABI::io {

/// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates,
/// nothing above U+10FFFF.
constexpr bool is_utf8(std::string_view text) noexcept {
    std::size_t at = 0;
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    while (at < text.size()) {
        const unsigned lead = byte(at++);
        if (lead < 0x80) continue;
        const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4) return false;
        // Only the first byte that follows can make a form overlong, a surrogate or too large.
        unsigned low = 0x80, high = 0xBF;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
        for (int index = 0; index < following; ++index, ++at) {
            if (at == text.size() || byte(at) < low || byte(at) > high) return false;
            low = 0x80;
            high = 0xBF;
        }
    }
    return true;
}

/// Appends `code`, a Unicode scalar value, as UTF-8.
inline void append_utf8(std::string& text, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

}  // namespace sequent::inline SEQUENT_ABI::io

namespace sequent::inline SEQUENT_ABI::io {

/// Free text that travels with the tensors.
using metadata_map = std::map<std::string, std::string>;

/// One tensor as a safetensors header describes it. `begin` and `end` count bytes from the end of
/// the header.
struct header_entry {
    std::string name;
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// The header of a safetensors file, the tensors in the order of its text.
struct file_header {
    std::vector<header_entry> tensors;
    metadata_map metadata;
};

namespace detail {

/// Reads the JSON that a safetensors header may hold and nothing else: an object of tensors, and
/// `__metadata__`, an object of strings. It does not recurse, so no input exhausts the stack.
class header_parser {
  public:
    header_parser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

    file_header parse() {
        file_header header;
        std::set<std::string> names;
        bool metadata_seen = false;
        // The format wants the brace in the first byte: no white space before it.
        if (text_.empty() || text_[0] != '{') fail("expected '{'");
        object([&](std::string name) {
            if (name == "__metadata__") {
                if (std::exchange(metadata_seen, true)) fail("\"__metadata__\" stands twice");
                header.metadata = metadata();
                return;
            }
            if (!names.insert(name).second) fail("tensor \"" + name + "\" stands twice");
            header.tensors.push_back(tensor(std::move(name)));
        });
        skip_space();
        if (at_ != text_.size()) fail("expected the end of the header");
        return header;
    }

  private:
    metadata_map metadata() {
        metadata_map map;
        object([&](std::string key) {
            std::string value = string();
            const auto [place, inserted] = map.emplace(std::move(key), std::move(value));
            if (!inserted) fail("metadata \"" + place->first + "\" stands twice");
        });
        return map;
    }

    header_entry tensor(std::string name) {
        header_entry entry;
        entry.name = std::move(name);
        bool dtype = false, shape = false, offsets = false;
        const auto first = [&](bool& seen, std::string_view key) {
            if (std::exchange(seen, true)) {
                fail("tensor \"" + entry.name + "\" has two " + std::string(key));
            }
        };
        object([&](const std::string& key) {
            if (key == "dtype") {
                first(dtype, key);
                entry.dtype = string();
            } else if (key == "shape") {
                first(shape, key);
                entry.shape = numbers();
            } else if (key == "data_offsets") {
                first(offsets, key);
                const auto pair = numbers();
                if (pair.size() != 2) {
                    fail("tensor \"" + entry.name + "\": data_offsets are two numbers, found " +
                         std::to_string(pair.size()));
                }
                entry.begin = pair[0];
                entry.end = pair[1];
            } else {
                fail("tensor \"" + entry.name + "\" has the unknown key \"" + key + "\"");
            }
        });
        if (!dtype || !shape || !offsets) {
            fail("tensor \"" + entry.name + "\" lacks " +
                 (!dtype   ? "dtype"
                  : !shape ? "shape"
                           : "data_offsets"));
        }
        return entry;
    }

    /// Calls `member(key)` behind the colon of each member; it reads the value.
    template <class Member>
    void object(Member member) {
        expect('{');
        if (accept('}')) return;
        do {
            std::string key = string();
            expect(':');
            member(std::move(key));
        } while (accept(','));
        expect('}');
    }

    std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> values;
        expect('[');
        if (accept(']')) return values;
        do {
            values.push_back(number());
        } while (accept(','));
        expect(']');
        return values;
    }

    std::uint64_t number() {
        constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
        skip_space();
        const std::size_t start = at_;
        std::uint64_t value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
            if (value > (largest - digit) / 10) fail("the number is too large");
            value = value * 10 + digit;
        }
        if (at_ == start) fail("expected a whole number that is not negative");
        if (text_[start] == '0' && at_ - start > 1) fail("a number starts with 0");
        return value;
    }

    std::string string() {
        expect('"');
        std::string value;
        for (;;) {
            const char next = take();
            if (next == '"') break;
            if (static_cast<unsigned char>(next) < 0x20) fail("a control character in a string");
            if (next == '\\') {
                escape(value);
            } else {
                value += next;
            }
        }
        if (!is_utf8(value)) fail("a string is not UTF-8");
        return value;
    }

    void escape(std::string& value) {
        const char kind = take();
        switch (kind) {
            case '"':
            case '\\':
            case '/':
                value += kind;
                return;
            case 'b':
                value += '\b';
                return;
            case 'f':
                value += '\f';
                return;
            case 'n':
                value += '\n';
                return;
            case 'r':
                value += '\r';
                return;
            case 't':
                value += '\t';
                return;
            case 'u':
                break;
            default:
                fail("an unknown escape");
        }
        std::uint32_t code = four_digits();
        if (code >= 0xDC00 && code <= 0xDFFF) fail("half a surrogate pair");
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (take() != '\\' || take() != 'u') fail("half a surrogate pair");
            const std::uint32_t low = four_digits();
            if (low < 0xDC00 || low > 0xDFFF) fail("half a surrogate pair");
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        append_utf8(value, code);
    }

    std::uint32_t four_digits() {
        std::uint32_t value = 0;
        for (int index = 0; index < 4; ++index) {
            const char digit = take();
            const int figure = digit >= '0' && digit <= '9'   ? digit - '0'
                               : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                               : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                              : -1;
            if (figure < 0) fail("expected four hexadecimal digits");
            value = value * 16 + static_cast<std::uint32_t>(figure);
        }
        return value;
    }

    char take() {
        if (at_ == text_.size()) fail("a string has no end");
        return text_[at_++];
    }

    bool accept(char wanted) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    void expect(char wanted) {
        if (!accept(wanted)) fail(std::string("expected '") + wanted + "'");
    }

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    [[noreturn]] void fail(const std::string& what) const {
        sequent::fail<error>(std::string(file_) + ": header, byte " + std::to_string(at_) + ": " +
                             what);
    }

    std::string_view text_;
    std::string_view file_;
    std::size_t at_ = 0;
};

inline void append_json_string(std::string& json, std::string_view text) {
    constexpr std::string_view hexadecimal = "0123456789abcdef";
    json += '"';
    for (const char next : text) {
        if (next == '"' || next == '\\') {
            json += '\\';
            json += next;
        } else if (const auto code = static_cast<unsigned char>(next); code < 0x20) {
            json += "\\u00";
            json += hexadecimal[code >> 4];
            json += hexadecimal[code & 15];
        } else {
            json += next;
        }
    }
    json += '"';
}

}  // namespace detail

/// Reads the JSON of a safetensors header. Strict: unknown or repeated keys, numbers other than
/// whole ones and text that is not UTF-8 are errors. `file` is named in the messages.
inline file_header parse_header(std::string_view json, std::string_view file) {
    return detail::header_parser(json, file).parse();
}

/// The JSON of a header: metadata first, then the tensors in their order. Names and metadata must
/// be UTF-8.
inline std::string format_header(const file_header& header) {
    std::string json = "{";
    const auto key = [&](std::string_view name) {
        if (json.back() != '{') json += ',';
        detail::append_json_string(json, name);
        json += ':';
    };
    if (!header.metadata.empty()) {
        key("__metadata__");
        json += '{';
        for (const auto& [name, value] : header.metadata) {
            key(name);
            detail::append_json_string(json, value);
        }
        json += '}';
    }
    for (const auto& entry : header.tensors) {
        key(entry.name);
        json += "{\"dtype\":";
        detail::append_json_string(json, entry.dtype);
        json += ",\"shape\":[";
        for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
            if (axis > 0) json += ',';
            json += std::to_string(entry.shape[axis]);
        }
        json += "],\"data_offsets\":[" + std::to_string(entry.begin) + ',' +
                std::to_string(entry.end) + "]}";
    }
    json += '}';
    return json;
}

}  // namespace sequent::inline SEQUENT_ABI::io

#include <iterator>

#if __has_include(<fcntl.h>) && __has_include(<sys/mman.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#define SEQUENT_HAS_MMAP
#endif

namespace sequent::inline SEQUENT_ABI::io {

/// What is read: a file, or bytes in memory such as weights that are embedded in a program. A file
/// is mapped into memory where the platform can, so that only what is used is read; it must not be
/// cut short meanwhile. Copies share the bytes.
class source {
  public:
    /// Throws io::error if there is no such file or it cannot be read.
    template <class Path>
        requires std::convertible_to<const Path&, std::filesystem::path> source(const Path& path) {
            open(path);
        }

    /// The bytes are only referred to. Messages call them `name`.
    source(std::span<const std::byte> bytes, std::string name = "<memory>")
        : name_(std::move(name)), bytes_(bytes) {}

    const std::string& name() const noexcept { return name_; }
    std::span<const std::byte> bytes() const noexcept { return bytes_; }

  private:
    void open(const std::filesystem::path& path) {
        name_ = path.string();
        std::error_code failure;
        const auto status = std::filesystem::status(path, failure);
        if (failure || !std::filesystem::exists(status)) {
            fail(": " +
                 (failure ? failure : std::make_error_code(std::errc::no_such_file_or_directory))
                     .message());
        }
        if (std::filesystem::is_directory(status)) fail(": it is a folder");
        if (std::filesystem::is_regular_file(status) && map(path)) return;
        std::ifstream stream(path, std::ios::binary);
        if (!stream) fail("");
        auto read = std::make_shared<std::vector<char>>(std::istreambuf_iterator<char>(stream),
                                                        std::istreambuf_iterator<char>());
        if (stream.bad()) fail("");
        bytes_ = std::as_bytes(std::span<const char>(*read));
        memory_ = std::move(read);
    }

    /// False where the platform or the file system cannot map a file; then it is read.
    bool map([[maybe_unused]] const std::filesystem::path& path) {
#ifdef SEQUENT_HAS_MMAP
        std::error_code failure;
        const std::uintmax_t size = std::filesystem::file_size(path, failure);
        if (failure || size == 0 || size > static_cast<std::size_t>(-1)) return false;
        const int descriptor = ::open(path.c_str(), O_RDONLY);
        if (descriptor < 0) return false;
        const auto length = static_cast<std::size_t>(size);
        void* first = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor, 0);
        ::close(descriptor);
        if (first == MAP_FAILED) return false;
        memory_ = std::shared_ptr<const void>(
            first, [length](const void* mapped) { ::munmap(const_cast<void*>(mapped), length); });
        bytes_ = {static_cast<const std::byte*>(first), length};
        return true;
#else
        return false;
#endif
    }

    [[noreturn]] void fail(const std::string& reason) const {
        sequent::fail<error>(name_ + ": cannot be opened" + reason);
    }

    std::string name_;
    std::span<const std::byte> bytes_;
    std::shared_ptr<const void> memory_;
};

}  // namespace sequent::inline SEQUENT_ABI::io

#undef SEQUENT_HAS_MMAP

/// Tensors in the safetensors format: eight bytes with the length of the header (little-endian),
/// the header as JSON, then the elements, little-endian and row-major, without holes.
/// https://github.com/huggingface/safetensors#format

namespace sequent::inline SEQUENT_ABI::io {

/// A tensor and its name in a file. T is float or double, const where it is only read.
template <class T>
struct named_tensor {
    using value_type = T;
    std::string name;
    tensor_view<T> view;
};

namespace detail {

template <class T>
concept Element = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class Tensors>
using element_of = typename std::ranges::range_value_t<const Tensors>::value_type;

template <class Tensors>
concept NamedTensors =
    std::ranges::contiguous_range<const Tensors> && std::ranges::sized_range<const Tensors> &&
    std::is_same_v<std::ranges::range_value_t<const Tensors>, named_tensor<element_of<Tensors>>> &&
    Element<std::remove_const_t<element_of<Tensors>>>;

/// The limit of the format's own library: it keeps a false length from claiming all memory.
inline constexpr std::uint64_t longest_header = 100'000'000;

inline std::string in_quotes(std::string_view name) {
    return '"' + std::string(name) + '"';
}

inline std::string shape_text(const std::vector<std::uint64_t>& shape) {
    std::string text = "[";
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (axis > 0) text += ", ";
        text += std::to_string(shape[axis]);
    }
    return text + "]";
}

template <class T>
std::vector<std::uint64_t> shape_of(const tensor_view<T>& view) {
    std::vector<std::uint64_t> shape;
    for (int axis = 0; axis < view.rank; ++axis) {
        shape.push_back(static_cast<std::uint64_t>(view.extents[static_cast<std::size_t>(axis)]));
    }
    return shape;
}

/// The product of the extents; the shape has been compared with one of a tensor_view, or is one.
inline std::uint64_t size_of(const std::vector<std::uint64_t>& shape) {
    std::uint64_t size = 1;
    for (const std::uint64_t extent : shape) size *= extent;
    return size;
}

/// The tensors must cover the data exactly: in the order of their offsets each begins where the
/// last one ended.
inline void check_layout(const file_header& header, std::uint64_t data_size,
                         std::string_view file) {
    std::vector<const header_entry*> sorted;
    for (const auto& entry : header.tensors) sorted.push_back(&entry);
    std::ranges::sort(
        sorted, {}, [](const header_entry* entry) { return std::pair(entry->begin, entry->end); });
    const auto fail = [&](const header_entry& entry, const std::string& what) {
        sequent::fail<error>(std::string(file) + ": tensor " + in_quotes(entry.name) +
                             ": data_offsets [" + std::to_string(entry.begin) + ", " +
                             std::to_string(entry.end) + "] " + what);
    };
    std::uint64_t end = 0;
    for (const auto* entry : sorted) {
        if (entry->end < entry->begin) fail(*entry, "end before they begin");
        if (entry->end > data_size) {
            fail(*entry, "reach beyond the data of " + std::to_string(data_size) +
                             " bytes (is the file truncated?)");
        }
        if (entry->begin < end) {
            fail(*entry, "overlap another tensor, which ends at " + std::to_string(end));
        }
        if (entry->begin > end) {
            fail(*entry, "leave a hole: the last tensor ends at " + std::to_string(end));
        }
        end = entry->end;
    }
    if (end != data_size) {
        sequent::fail<error>(std::string(file) + ": the tensors hold " + std::to_string(end) +
                             " bytes, the file has " + std::to_string(data_size) +
                             " behind its header");
    }
}

/// What is read, its header read and checked, and the bytes behind it.
struct opened {
    source from;
    file_header header;
    std::span<const std::byte> data;
};

inline opened open_checked(source from) {
    const std::span<const std::byte> bytes = from.bytes();
    const std::uint64_t size = bytes.size();
    if (size < 8) {
        sequent::fail<error>(from.name() + ": has " + std::to_string(size) +
                             " bytes, too few for the length of the header, which takes 8");
    }
    const auto length = load_bits<std::uint64_t>(bytes.data());
    if (length > size - 8) {
        sequent::fail<error>(from.name() + ": the header should have " + std::to_string(length) +
                             " bytes, the file has only " + std::to_string(size - 8) + " for it");
    }
    if (length > longest_header) {
        sequent::fail<error>(from.name() + ": a header of " + std::to_string(length) +
                             " bytes is longer than the format allows, " +
                             std::to_string(longest_header));
    }
    const auto header_size = static_cast<std::size_t>(length);
    const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + 8, header_size);
    file_header header = parse_header(json, from.name());
    check_layout(header, size - 8 - length, from.name());
    return {std::move(from), std::move(header), bytes.subspan(8 + header_size)};
}

/// A view and the part of a tensor that it stands for. The rows of a view are all its axes but the
/// last, its columns the last; element (row, column) is the tensor's number
/// first + row * row_stride + column * column_stride.
template <class T>
struct piece {
    tensor_view<T> view;
    std::size_t tensor = 0;  // among those of the file
    std::uint64_t first = 0;
    std::uint64_t row_stride = 0;
    std::uint64_t column_stride = 1;
};

inline std::uint64_t columns_of(const std::vector<std::uint64_t>& shape) {
    return shape.empty() ? 1 : shape.back();
}

/// A view that is all of a tensor.
template <class T>
piece<T> whole(const tensor_view<T>& view, std::size_t tensor) {
    return {view, tensor, 0, columns_of(shape_of(view)), 1};
}

/// Calls f(element, number within the tensor) for each element of a piece.
template <class T, class F>
void for_each_element(const piece<T>& part, F f) {
    const tensor_view<T>& view = part.view;
    if (view.size() == 0) return;
    const int last = view.rank - 1;
    const int columns = view.rank > 0 ? view.extents[static_cast<std::size_t>(last)] : 1;
    const std::ptrdiff_t stride = view.rank > 0 ? view.strides[static_cast<std::size_t>(last)] : 1;
    const int rows = view.size() / columns;
    std::array<int, max_rank> index{};
    std::ptrdiff_t at = 0;
    for (int row = 0; row < rows; ++row) {
        std::uint64_t number = part.first + static_cast<std::uint64_t>(row) * part.row_stride;
        for (int column = 0; column < columns; ++column, number += part.column_stride) {
            f(view.data[at + column * stride], number);
        }
        for (int axis = last; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            at += view.strides[place];
            if (++index[place] < view.extents[place]) break;
            at -= static_cast<std::ptrdiff_t>(view.extents[place]) * view.strides[place];
            index[place] = 0;
        }
    }
}

[[noreturn]] inline void fail_element(std::string_view file, std::string_view name,
                                      std::uint64_t number, const std::string& what) {
    sequent::fail<error>(std::string(file) + ": tensor " + in_quotes(name) + ": element " +
                         std::to_string(number) + " is " + what);
}

template <class T>
std::string unlike_a_number(T value) {
    return std::isnan(value) ? "not a number" : "infinite";
}

/// What keeps a tensor of the file from being read as T; nothing if nothing does.
template <class T>
std::string problem_of_type(const header_entry& entry) {
    const auto type = dtype_named(entry.dtype);
    if (!type) {
        return ": the file has dtype " + entry.dtype + ", which is none of F16, BF16, F32, F64";
    }
    if (io::size_of(*type) > sizeof(T)) {
        return ": the file has dtype " + entry.dtype + ", wanted is " +
               std::string(name_of(dtype_of<T>)) + ", which does not hold it exactly";
    }
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t found = entry.end - entry.begin;
    std::uint64_t bytes = io::size_of(*type);
    for (const std::uint64_t extent : entry.shape) {
        bytes = extent != 0 && bytes > most / extent ? most : bytes * extent;
    }
    if (bytes != found) {
        return ": the file has " + std::to_string(found) + " bytes, shape " +
               shape_text(entry.shape) + " of " + entry.dtype + " takes " + std::to_string(bytes);
    }
    return "";
}

/// Fills the views from their tensors, all of which have the right type and size, unless one of
/// them is not finite.
template <class T>
void fill(const opened& file, std::span<const piece<T>> pieces) {
    std::vector<bool> used(file.header.tensors.size());
    for (const auto& each : pieces) used[each.tensor] = true;
    const auto with_data = [&](std::size_t tensor, auto visit) {
        const header_entry& entry = file.header.tensors[tensor];
        const std::byte* data = file.data.data() + entry.begin;
        with_dtype(*dtype_named(entry.dtype), [&](auto type) {
            if constexpr (io::size_of(decltype(type)::value) <= sizeof(T)) visit(type, data);
        });
    };
    for (std::size_t tensor = 0; tensor < used.size(); ++tensor) {
        if (!used[tensor]) continue;
        const header_entry& entry = file.header.tensors[tensor];
        with_data(tensor, [&](auto type, const std::byte* data) {
            constexpr std::size_t bytes = io::size_of(decltype(type)::value);
            const std::uint64_t count = (entry.end - entry.begin) / bytes;
            for (std::uint64_t at = 0; at < count; ++at) {
                const T value = load_element<T, decltype(type)::value>(data + at * bytes);
                if (!std::isfinite(value)) {
                    fail_element(file.from.name(), entry.name, at, unlike_a_number(value));
                }
            }
        });
    }
    for (const auto& each : pieces) {
        with_data(each.tensor, [&](auto type, const std::byte* data) {
            constexpr std::size_t bytes = io::size_of(decltype(type)::value);
            for_each_element(each, [&](T& element, std::uint64_t number) {
                element = load_element<T, decltype(type)::value>(data + number * bytes);
            });
        });
    }
}

/// Pieces for views that are to be filled, or why the file is not for them.
template <class T>
struct matching {
    std::vector<piece<T>> pieces;
    std::string problem;
};

/// Where each wanted tensor stands in the file, after every tensor has been compared.
template <class T>
matching<T> match(const file_header& header, std::span<const named_tensor<T>> tensors) {
    std::map<std::string_view, std::size_t> entries;
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        entries.emplace(header.tensors[at].name, at);
    }
    matching<T> result;
    for (const auto& tensor : tensors) {
        const auto problem = [&](const std::string& what) {
            return matching<T>{{}, "tensor " + in_quotes(tensor.name) + what};
        };
        const auto found = entries.find(tensor.name);
        if (found == entries.end()) {
            const bool twice = std::ranges::count(tensors, tensor.name, &named_tensor<T>::name) > 1;
            return problem(twice ? " is asked for twice" : " is not in the file");
        }
        const header_entry& entry = header.tensors[found->second];
        if (const auto wanted = shape_of(tensor.view); entry.shape != wanted) {
            return problem(": the file has shape " + shape_text(entry.shape) + ", wanted is " +
                           shape_text(wanted));
        }
        if (const auto what = problem_of_type<T>(entry); !what.empty()) return problem(what);
        result.pieces.push_back(whole(tensor.view, found->second));
        entries.erase(found);
    }
    if (!entries.empty()) {
        return {{},
                "tensor " + in_quotes(entries.begin()->first) +
                    " is in the file, but not wanted (" + std::to_string(header.tensors.size()) +
                    " in the file, " + std::to_string(tensors.size()) + " wanted)"};
    }
    return result;
}

/// Fills the views of a matching, or says why not.
template <class T>
metadata_map load_all(opened&& file, const matching<T>& found) {
    if (!found.problem.empty()) sequent::fail<error>(file.from.name() + ": " + found.problem);
    fill(file, std::span<const piece<T>>(found.pieces));
    return std::move(file.header.metadata);
}

/// A tensor that is to be written: what it is made of covers it.
struct planned_tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
};

/// Writes a file of tensors that consist of pieces.
template <class T>
void save_all(const std::filesystem::path& path, std::span<const planned_tensor> tensors,
              std::span<const piece<T>> pieces, const metadata_map& metadata, dtype type) {
    const std::string name = path.string();
    file_header header;
    header.metadata = metadata;
    for (const auto& [key, value] : metadata) {
        if (!is_utf8(key) || !is_utf8(value)) {
            sequent::fail<error>(name + ": metadata " + in_quotes(key) + " is not UTF-8");
        }
    }
    std::set<std::string_view> names;
    std::uint64_t end = 0;
    for (const auto& tensor : tensors) {
        const auto fail = [&](const std::string& what) {
            sequent::fail<error>(name + ": tensor " + in_quotes(tensor.name) + what);
        };
        if (!names.insert(tensor.name).second) fail(" is given twice");
        if (tensor.name == "__metadata__") fail(": the format keeps this name for itself");
        if (!is_utf8(tensor.name)) fail(": the name is not UTF-8");
        const std::uint64_t begin = end;
        end += size_of(tensor.shape) * io::size_of(type);
        header.tensors.push_back(
            {tensor.name, std::string(name_of(type)), tensor.shape, begin, end});
    }
    std::string json = format_header(header);
    json.resize((json.size() + 7) / 8 * 8, ' ');
    if (json.size() > longest_header) {
        sequent::fail<error>(name + ": a header of " + std::to_string(json.size()) +
                             " bytes is longer than the format allows, " +
                             std::to_string(longest_header));
    }

    // All elements are looked at before there is a file.
    std::vector<std::byte> bytes;
    const auto encode = [&](std::size_t tensor) {
        const header_entry& entry = header.tensors[tensor];
        bytes.assign(static_cast<std::size_t>(entry.end - entry.begin), std::byte{});
        for (const auto& each : pieces) {
            if (each.tensor != tensor) continue;
            with_dtype(type, [&](auto chosen) {
                constexpr dtype to = decltype(chosen)::value;
                for_each_element(each, [&](const T& element, std::uint64_t number) {
                    if (!std::isfinite(element)) {
                        fail_element(name, entry.name, number, unlike_a_number(element));
                    }
                    if (!store_element<to>(element, bytes.data() + number * io::size_of(to))) {
                        fail_element(name, entry.name, number,
                                     std::to_string(element) + ", too large for " + entry.dtype);
                    }
                });
            });
        }
    };
    for (std::size_t tensor = 0; tensor < tensors.size(); ++tensor) encode(tensor);

    file_replacement file(path);
    std::array<std::byte, 8> length{};
    store_bits(static_cast<std::uint64_t>(json.size()), length.data());
    file.write(reinterpret_cast<const char*>(length.data()), length.size());
    file.write(json.data(), json.size());
    for (std::size_t tensor = 0; tensor < tensors.size(); ++tensor) {
        encode(tensor);
        file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    file.commit();
}

}  // namespace detail

/// Writes `tensors` (a vector, array or span of named_tensor) and `metadata` to a new file, which
/// then replaces `path`; on an error `path` stays as it was. Elements are written in row-major
/// order, whatever the strides of the views are, and exactly: a load gives the same bits. In a
/// `type` of fewer bits than theirs they are rounded to nearest, ties to even.
///
/// Throws io::error if the file cannot be written, if two tensors have one name, if a name or a
/// piece of metadata is not UTF-8, or if an element is not finite or too large for the type.
template <detail::NamedTensors Tensors>
void save(const std::filesystem::path& path, const Tensors& tensors,
          const metadata_map& metadata = {}, dtype type = dtype_of<detail::element_of<Tensors>>) {
    using T = detail::element_of<Tensors>;
    std::vector<detail::planned_tensor> planned;
    std::vector<detail::piece<T>> pieces;
    for (const named_tensor<T>& tensor : std::span<const named_tensor<T>>(tensors)) {
        pieces.push_back(detail::whole(tensor.view, planned.size()));
        planned.push_back({tensor.name, detail::shape_of(tensor.view)});
    }
    detail::save_all<T>(path, planned, pieces, metadata, type);
}

/// Fills the views of `tensors` from a file, or from bytes in memory, and returns the metadata. It
/// must hold exactly these tensors, with equal shapes, all of them finite. F16, BF16 and F32 are
/// read into float and double, F64 into double alone: a number becomes the same number or none.
///
/// Throws io::error otherwise, and if the file is not well-formed; then no view has changed.
template <detail::NamedTensors Tensors>
metadata_map load(const source& from, const Tensors& tensors) {
    using T = detail::element_of<Tensors>;
    static_assert(!std::is_const_v<T>, "load writes into the views: they must not be const");
    detail::opened file = detail::open_checked(from);
    const auto found = detail::match(file.header, std::span<const named_tensor<T>>(tensors));
    return detail::load_all(std::move(file), found);
}

/// The header of a file, checked, without the elements: what the file holds and its metadata.
/// Throws io::error if the file is not well-formed.
inline file_header read_header(const source& from) {
    return detail::open_checked(from).header;
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// A model's parameters under the names, and in the layout, that another library's files have.
///
///     inline constexpr io::name_entry names[] = {
///         io::optional_prefix("transformer."),
///         {"embedding", "wte.weight"},
///         {"layers.W_query", "h.{}.attn.c_attn.weight", io::transposed | io::part(0, 3)},
///         {"layers.b_query", "h.{}.attn.c_attn.bias", io::flat | io::part(0, 3)},
///         io::ignored("h.{}.attn.bias"),
///     };
///     io::load<Model>("model.safetensors", parameters, names);

namespace sequent::inline SEQUENT_ABI::io {

/// How a tensor of a file holds a parameter. By default it holds a matrix: its columns are the
/// parameter's last extent, its rows the product of the others, so that the heads of [H, d_h, d]
/// are one matrix of H d_h x d; a parameter of one extent is a vector.
struct placement {
    bool transposed = false;
    bool flat = false;
    bool any_shape = false;
    int rank = 0;  // of the shape that is stated; 0 if none is
    std::array<int, 4> shape{};
    int begin = 0;  // the first row, or, of equal parts, which of them
    int of = 1;     // how many rows, or how many equal parts, the tensor has
    bool parts = true;

    constexpr bool is_whole() const { return parts && of == 1; }
};

/// The file's matrix is [columns, rows], [in, out] for a linear map.
inline constexpr placement transposed{.transposed = true};
/// The file has a vector: the parameter's elements in row-major order.
inline constexpr placement flat{.flat = true};
/// The file's tensor has as many elements in the same order, whatever its extents are. It is
/// written with the parameter's own.
inline constexpr placement reshaped{.any_shape = true};

/// The file's tensor has these extents, with the elements in the same order; 0 is what the others
/// leave: shaped(0, 3, 16, 16).
template <class... Int>
constexpr placement shaped(Int... extents) {
    static_assert(sizeof...(extents) >= 1 && sizeof...(extents) <= 4);
    return {.rank = static_cast<int>(sizeof...(extents)), .shape = {extents...}};
}

/// The file's rows (a vector's elements) are those of `of` parameters of one size, one after
/// another, of which this is number `number`, counted from 0.
constexpr placement part(int number, int of) {
    if (number < 0 || number >= of) {
        sequent::fail<error>("io::part: " + std::to_string(number) + " is none of " +
                             std::to_string(of) + " parts");
    }
    return {.begin = number, .of = of};
}

/// The file has `of` rows (a vector's elements), and the parameter's begin at row `begin`.
constexpr placement rows(int begin, int of) {
    if (begin < 0 || begin >= of) {
        sequent::fail<error>("io::rows: " + std::to_string(begin) + " is none of " +
                             std::to_string(of) + " rows");
    }
    return {.begin = begin, .of = of, .parts = false};
}

/// Both.
constexpr placement operator|(const placement& a, const placement& b) {
    placement result = a;
    result.transposed = a.transposed || b.transposed;
    result.flat = a.flat || b.flat;
    result.any_shape = a.any_shape || b.any_shape;
    if (b.rank > 0) {
        result.rank = b.rank;
        result.shape = b.shape;
    }
    if (!b.is_whole()) {
        result.begin = b.begin;
        result.of = b.of;
        result.parts = b.parts;
    }
    return result;
}

/// A line of a map: a parameter as Model::for_each names it, and the tensor that holds it. "{}" in
/// the tensor's name is the layer: the parameter's first extent, one tensor for each.
///
/// A line whose parameter the model does not have is passed over, so that one map serves models
/// with and without biases. One tensor may fill several parameters.
struct name_entry {
    enum class role { parameter, ignored, prefix };

    std::string_view parameter;
    std::string_view tensor;
    placement place{};
    role use = role::parameter;
};

/// A tensor that a file may hold and that is not read. "{}" is any number, "*" at the end is
/// anything.
constexpr name_entry ignored(std::string_view tensor) {
    return {{}, tensor, {}, name_entry::role::ignored};
}

/// What names of the file and of the map may begin with; names that differ in this alone are the
/// same. A file is written with the names of the map as they stand there.
constexpr name_entry optional_prefix(std::string_view text) {
    return {{}, text, {}, name_entry::role::prefix};
}

using name_map = std::span<const name_entry>;

namespace detail {

inline std::string_view without_prefix(std::string_view name, name_map names) {
    for (const name_entry& entry : names) {
        if (entry.use == name_entry::role::prefix && name.starts_with(entry.tensor)) {
            return name.substr(entry.tensor.size());
        }
    }
    return name;
}

inline constexpr std::string_view layer_mark = "{}";

inline bool has_layers(const name_entry& entry) {
    return entry.tensor.find(layer_mark) != std::string_view::npos;
}

inline std::string with_layer(std::string_view name, int layer) {
    const std::size_t at = name.find(layer_mark);
    if (at == std::string_view::npos) return std::string(name);
    return std::string(name.substr(0, at)) + std::to_string(layer) +
           std::string(name.substr(at + layer_mark.size()));
}

/// Whether a name is one of those that `ignored` describes.
inline bool is_like(std::string_view name, std::string_view pattern) {
    const auto same_start = [](std::string_view text, std::string_view start, bool to_the_end) {
        if (to_the_end && start.ends_with('*')) {
            return text.starts_with(start.substr(0, start.size() - 1));
        }
        return to_the_end ? text == start : text.starts_with(start);
    };
    const std::size_t at = pattern.find(layer_mark);
    if (at == std::string_view::npos) return same_start(name, pattern, true);
    if (!same_start(name, pattern.substr(0, at), false)) return false;
    std::size_t end = at;
    while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
    return end > at && same_start(name.substr(end), pattern.substr(at + layer_mark.size()), true);
}

/// The shape of the tensor that holds a parameter, or one layer of it, and where it is there.
struct placed {
    std::vector<std::uint64_t> shape;
    std::uint64_t first = 0;
    std::uint64_t row_stride = 0;
    std::uint64_t column_stride = 1;
    std::uint64_t begin = 0;  // of the rows that it takes
    std::uint64_t end = 0;
    std::uint64_t all = 0;
    std::string problem;
};

inline placed place(const std::vector<std::uint64_t>& own, const placement& how) {
    const std::uint64_t size = size_of(own);
    const std::uint64_t columns = columns_of(own);
    placed result;
    result.row_stride = columns;
    if (how.any_shape || how.rank > 0) {
        result.shape = own;
        result.end = result.all = size;
        if (!how.is_whole() || how.transposed || how.flat) {
            result.problem = "a tensor of another shape is whole and not transposed";
        }
        if (how.rank == 0) return result;
        const auto extents = std::span(how.shape).first(static_cast<std::size_t>(how.rank));
        std::uint64_t others = 1;
        for (const int extent : extents) others *= extent == 0 ? 1U : static_cast<unsigned>(extent);
        result.shape.clear();
        for (const int extent : extents) {
            result.shape.push_back(extent == 0 ? size / others : static_cast<unsigned>(extent));
        }
        if (size_of(result.shape) != size) {
            result.problem = "shape " + shape_text(result.shape) + " has not its " +
                             std::to_string(size) + " elements";
        }
        return result;
    }
    const bool vector = how.flat || own.size() < 2;
    const std::uint64_t count = vector ? size : columns == 0 ? 0 : size / columns;
    const auto of = static_cast<std::uint64_t>(how.of);
    const auto begin = static_cast<std::uint64_t>(how.begin);
    result.all = how.parts ? of * count : of;
    result.begin = how.parts ? begin * count : begin;
    result.end = result.begin + count;
    if (result.end > result.all) {
        result.problem = "rows [" + std::to_string(result.begin) + ", " +
                         std::to_string(result.end) + ") are beyond the " +
                         std::to_string(result.all) + " of the tensor";
    }
    if (vector) {
        if (!own.empty() || !how.is_whole() || how.flat) result.shape = {result.all};
        result.first = result.begin;
    } else if (how.transposed) {
        result.shape = {columns, result.all};
        result.first = result.begin;
        result.row_stride = 1;
        result.column_stride = result.all;
    } else {
        result.shape = {result.all, columns};
        result.first = result.begin * columns;
    }
    return result;
}

/// One layer of a view whose first axis is the layers.
template <class T>
tensor_view<T> layer_of(const tensor_view<T>& view, int layer) {
    tensor_view<T> result;
    result.data = view.data + static_cast<std::ptrdiff_t>(layer) * view.strides[0];
    result.rank = view.rank - 1;
    std::copy(view.extents.begin() + 1, view.extents.end(), result.extents.begin());
    std::copy(view.strides.begin() + 1, view.strides.end(), result.strides.begin());
    return result;
}

/// Calls visit(parameter, view, placed, tensor's name) for each parameter, or each layer of it,
/// until one returns a problem.
template <class T, class Visit>
std::string for_each_place(std::span<const named_tensor<T>> parameters, name_map names,
                           Visit visit) {
    for (const auto& parameter : parameters) {
        const name_entry* entry = nullptr;
        for (const name_entry& each : names) {
            if (each.use != name_entry::role::parameter || each.parameter != parameter.name)
                continue;
            if (entry) return "the map names the parameter " + in_quotes(parameter.name) + " twice";
            entry = &each;
        }
        if (!entry) return "the map does not name the parameter " + in_quotes(parameter.name);
        const bool layers = has_layers(*entry) && parameter.view.rank > 0;
        const int count = layers ? parameter.view.extents[0] : 1;
        for (int layer = 0; layer < count; ++layer) {
            const auto view = layers ? layer_of(parameter.view, layer) : parameter.view;
            const std::string name = with_layer(entry->tensor, layer);
            const placed where = place(shape_of(view), entry->place);
            std::string problem = where.problem;
            if (problem.empty()) problem = visit(parameter, view, where, name, entry->place);
            if (!problem.empty()) {
                return "tensor " + in_quotes(name) + " for the parameter " +
                       in_quotes(parameter.name) + ": " + problem;
            }
        }
    }
    return "";
}

/// Which rows of a tensor are taken.
struct coverage {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
    std::uint64_t all = 0;

    void add(const placed& where) {
        taken.emplace_back(where.begin, where.end);
        all = where.all;
    }
    /// The first rows that are taken by nothing, or, if that is asked, twice.
    std::string problem(bool once) {
        std::ranges::sort(taken);
        std::uint64_t end = 0;
        const auto rows = [](std::uint64_t first, std::uint64_t last) {
            return "rows [" + std::to_string(first) + ", " + std::to_string(last) + ") ";
        };
        for (const auto& [first, last] : taken) {
            if (first > end) return rows(end, first) + "belong to no parameter";
            if (once && first < end) return rows(first, end) + "belong to two parameters";
            end = std::max(end, last);
        }
        return end < all ? rows(end, all) + "belong to no parameter" : "";
    }
};

/// The pieces of the file that the parameters are.
template <class T>
matching<T> match(const file_header& header, std::span<const named_tensor<T>> parameters,
                  name_map names) {
    std::map<std::string_view, std::size_t> entries;
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        const std::string& name = header.tensors[at].name;
        if (!entries.emplace(without_prefix(name, names), at).second) {
            return {{}, "tensor " + in_quotes(name) + " is there with and without a prefix"};
        }
    }
    matching<T> result;
    std::map<std::size_t, coverage> used;
    result.problem = for_each_place(
        parameters, names,
        [&](const auto&, const tensor_view<T>& view, const placed& where, const std::string& name,
            const placement& how) -> std::string {
            const auto found = entries.find(without_prefix(name, names));
            if (found == entries.end()) return "it is not in the file";
            const header_entry& entry = header.tensors[found->second];
            // What the file says may overflow: problem_of_type compares it with its bytes first.
            std::string problem = problem_of_type<T>(entry);
            if (!problem.empty()) return problem.substr(2);
            if (how.any_shape && how.rank == 0 ? size_of(entry.shape) != size_of(where.shape)
                                               : entry.shape != where.shape) {
                return "the file has shape " + shape_text(entry.shape) + ", wanted is " +
                       shape_text(where.shape);
            }
            used[found->second].add(where);
            result.pieces.push_back(
                {view, found->second, where.first, where.row_stride, where.column_stride});
            return "";
        });
    if (!result.problem.empty()) return result;
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        const std::string& name = header.tensors[at].name;
        if (const auto found = used.find(at); found != used.end()) {
            const std::string problem = found->second.problem(false);
            if (!problem.empty()) result.problem = "tensor " + in_quotes(name) + ": " + problem;
        } else if (std::ranges::none_of(names, [&](const name_entry& entry) {
                       return entry.use == name_entry::role::ignored &&
                              is_like(without_prefix(name, names),
                                      without_prefix(entry.tensor, names));
                   })) {
            result.problem = "tensor " + in_quotes(name) +
                             " is in the file, but no parameter is made of it, and the map does "
                             "not ignore it";
        }
        if (!result.problem.empty()) return result;
    }
    return result;
}

/// A model's parameters as tensors.
template <class Model, class Parameters>
auto tensors_of(Parameters& parameters) {
    using T = std::remove_reference_t<decltype(*parameters.data())>;
    std::vector<named_tensor<T>> tensors;
    Model::for_each(parameters, [&](std::string_view name, const tensor_view<T>& view) {
        tensors.push_back({std::string(name), view});
    });
    return tensors;
}

template <class T>
void save_mapped(const std::filesystem::path& path, std::span<const named_tensor<T>> parameters,
                 name_map names, const metadata_map& metadata, dtype type) {
    std::vector<planned_tensor> planned;
    std::vector<piece<T>> pieces;
    std::vector<coverage> used;
    std::map<std::string, std::size_t> places;
    std::string problem = for_each_place(
        parameters, names,
        [&](const auto&, const tensor_view<T>& view, const placed& where, const std::string& name,
            const placement&) -> std::string {
            const auto [found, is_new] = places.emplace(name, planned.size());
            const std::size_t tensor = found->second;
            if (is_new) {
                planned.push_back({name, where.shape});
                used.emplace_back();
            } else if (planned[tensor].shape != where.shape) {
                return "it has shape " + shape_text(where.shape) + " here and " +
                       shape_text(planned[tensor].shape) + " for another parameter";
            }
            used[tensor].add(where);
            pieces.push_back({view, tensor, where.first, where.row_stride, where.column_stride});
            return "";
        });
    for (std::size_t at = 0; at < used.size() && problem.empty(); ++at) {
        problem = used[at].problem(true);
        if (!problem.empty()) problem = "tensor " + in_quotes(planned[at].name) + ": " + problem;
    }
    if (!problem.empty()) sequent::fail<error>(path.string() + ": " + problem);
    save_all<T>(path, planned, pieces, metadata, type);
}

}  // namespace detail

/// Fills a model's parameters from a file of exactly these, under their own names, or under those
/// of `names`, and returns its metadata. Types as in the load of tensors.
///
/// Throws io::error if a tensor is missing, not wanted, of another type or shape or not finite;
/// then no parameter has changed.
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters) {
    return load(from, detail::tensors_of<Model>(parameters));
}
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters, name_map names) {
    const auto tensors = detail::tensors_of<Model>(parameters);
    using T = detail::element_of<decltype(tensors)>;
    detail::opened file = detail::open_checked(from);
    const auto found = detail::match(file.header, std::span<const named_tensor<T>>(tensors), names);
    return detail::load_all(std::move(file), found);
}

/// Writes a model's parameters, under their own names or under those of `names`, to a new file that
/// then replaces `path`; in a `type` of fewer bits than theirs rounded to nearest, ties to even.
///
/// Throws io::error if the file cannot be written, a number is not finite or too large for the
/// type, or the parameters leave rows of a tensor open.
template <class Model, class Parameters>
void save(const std::filesystem::path& path, const Parameters& parameters,
          const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    save(path, detail::tensors_of<Model>(parameters), metadata, type);
}
template <class Model, class Parameters>
void save(const std::filesystem::path& path, const Parameters& parameters, name_map names,
          const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    const auto tensors = detail::tensors_of<Model>(parameters);
    using T = detail::element_of<decltype(tensors)>;
    detail::save_mapped(path, std::span<const named_tensor<T>>(tensors), names, metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// The tensors of Hugging Face's files, for the presets:
/// `io::load<Model>("model.safetensors", parameters, io::hugging_face::gpt2)`.

namespace sequent::inline SEQUENT_ABI::io::hugging_face {

/// Linear weights are [in, out], queries, keys and values one tensor.
inline constexpr name_entry gpt2[] = {
    optional_prefix("transformer."),
    {"embedding", "transformer.wte.weight"},
    {"position", "transformer.wpe.weight"},
    {"layers.gain_1", "transformer.h.{}.ln_1.weight"},
    {"layers.bias_1", "transformer.h.{}.ln_1.bias"},
    {"layers.W_query", "transformer.h.{}.attn.c_attn.weight", transposed | part(0, 3)},
    {"layers.W_key", "transformer.h.{}.attn.c_attn.weight", transposed | part(1, 3)},
    {"layers.W_value", "transformer.h.{}.attn.c_attn.weight", transposed | part(2, 3)},
    {"layers.b_query", "transformer.h.{}.attn.c_attn.bias", flat | part(0, 3)},
    {"layers.b_key", "transformer.h.{}.attn.c_attn.bias", flat | part(1, 3)},
    {"layers.b_value", "transformer.h.{}.attn.c_attn.bias", flat | part(2, 3)},
    {"layers.W_out", "transformer.h.{}.attn.c_proj.weight", transposed},
    {"layers.b_out", "transformer.h.{}.attn.c_proj.bias"},
    {"layers.gain_2", "transformer.h.{}.ln_2.weight"},
    {"layers.bias_2", "transformer.h.{}.ln_2.bias"},
    {"layers.W_expand", "transformer.h.{}.mlp.c_fc.weight", transposed},
    {"layers.b_expand", "transformer.h.{}.mlp.c_fc.bias"},
    {"layers.W_contract", "transformer.h.{}.mlp.c_proj.weight", transposed},
    {"layers.b_contract", "transformer.h.{}.mlp.c_proj.bias"},
    {"gain", "transformer.ln_f.weight"},
    {"bias", "transformer.ln_f.bias"},
    {"W_logits", "lm_head.weight"},
    ignored("lm_head.weight"),
    ignored("transformer.h.{}.attn.bias"),
    ignored("transformer.h.{}.attn.masked_bias"),
};

/// For models with position::rotary_halves<>, and tied<false> where there is an lm_head.
inline constexpr name_entry llama[] = {
    optional_prefix("model."),
    {"embedding", "model.embed_tokens.weight"},
    {"layers.gain_1", "model.layers.{}.input_layernorm.weight"},
    {"layers.W_query", "model.layers.{}.self_attn.q_proj.weight"},
    {"layers.W_key", "model.layers.{}.self_attn.k_proj.weight"},
    {"layers.W_value", "model.layers.{}.self_attn.v_proj.weight"},
    {"layers.W_out", "model.layers.{}.self_attn.o_proj.weight"},
    {"layers.gain_2", "model.layers.{}.post_attention_layernorm.weight"},
    {"layers.W_gate", "model.layers.{}.mlp.gate_proj.weight"},
    {"layers.W_expand", "model.layers.{}.mlp.up_proj.weight"},
    {"layers.W_contract", "model.layers.{}.mlp.down_proj.weight"},
    {"gain", "model.norm.weight"},
    {"W_logits", "lm_head.weight"},
    ignored("model.layers.{}.self_attn.rotary_emb.inv_freq"),
};

/// Of bert and of bert_masked_language.
inline constexpr name_entry bert[] = {
    optional_prefix("bert."),
    {"embedding", "bert.embeddings.word_embeddings.weight"},
    {"position", "bert.embeddings.position_embeddings.weight"},
    {"segment_embedding", "bert.embeddings.token_type_embeddings.weight"},
    {"gain", "bert.embeddings.LayerNorm.weight"},
    {"bias", "bert.embeddings.LayerNorm.bias"},
    {"layers.W_query", "bert.encoder.layer.{}.attention.self.query.weight"},
    {"layers.W_key", "bert.encoder.layer.{}.attention.self.key.weight"},
    {"layers.W_value", "bert.encoder.layer.{}.attention.self.value.weight"},
    {"layers.b_query", "bert.encoder.layer.{}.attention.self.query.bias", flat},
    {"layers.b_key", "bert.encoder.layer.{}.attention.self.key.bias", flat},
    {"layers.b_value", "bert.encoder.layer.{}.attention.self.value.bias", flat},
    {"layers.W_out", "bert.encoder.layer.{}.attention.output.dense.weight"},
    {"layers.b_out", "bert.encoder.layer.{}.attention.output.dense.bias"},
    {"layers.gain_1", "bert.encoder.layer.{}.attention.output.LayerNorm.weight"},
    {"layers.bias_1", "bert.encoder.layer.{}.attention.output.LayerNorm.bias"},
    {"layers.W_expand", "bert.encoder.layer.{}.intermediate.dense.weight"},
    {"layers.b_expand", "bert.encoder.layer.{}.intermediate.dense.bias"},
    {"layers.W_contract", "bert.encoder.layer.{}.output.dense.weight"},
    {"layers.b_contract", "bert.encoder.layer.{}.output.dense.bias"},
    {"layers.gain_2", "bert.encoder.layer.{}.output.LayerNorm.weight"},
    {"layers.bias_2", "bert.encoder.layer.{}.output.LayerNorm.bias"},
    {"W_pool", "bert.pooler.dense.weight"},
    {"b_pool", "bert.pooler.dense.bias"},
    {"W_predict", "cls.predictions.transform.dense.weight"},
    {"b_predict", "cls.predictions.transform.dense.bias"},
    {"gain_predict", "cls.predictions.transform.LayerNorm.weight"},
    {"bias_predict", "cls.predictions.transform.LayerNorm.bias"},
    {"b_logits", "cls.predictions.bias"},
    ignored("bert.embeddings.position_ids"),
    ignored("bert.pooler.*"),
    ignored("cls.*"),
};

inline constexpr name_entry vit[] = {
    optional_prefix("vit."),
    {"class_token", "vit.embeddings.cls_token", reshaped},
    {"position", "vit.embeddings.position_embeddings", reshaped},
    {"W_patch", "vit.embeddings.patch_embeddings.projection.weight", reshaped},
    {"b_patch", "vit.embeddings.patch_embeddings.projection.bias"},
    {"layers.gain_1", "vit.encoder.layer.{}.layernorm_before.weight"},
    {"layers.bias_1", "vit.encoder.layer.{}.layernorm_before.bias"},
    {"layers.W_query", "vit.encoder.layer.{}.attention.attention.query.weight"},
    {"layers.W_key", "vit.encoder.layer.{}.attention.attention.key.weight"},
    {"layers.W_value", "vit.encoder.layer.{}.attention.attention.value.weight"},
    {"layers.b_query", "vit.encoder.layer.{}.attention.attention.query.bias", flat},
    {"layers.b_key", "vit.encoder.layer.{}.attention.attention.key.bias", flat},
    {"layers.b_value", "vit.encoder.layer.{}.attention.attention.value.bias", flat},
    {"layers.W_out", "vit.encoder.layer.{}.attention.output.dense.weight"},
    {"layers.b_out", "vit.encoder.layer.{}.attention.output.dense.bias"},
    {"layers.gain_2", "vit.encoder.layer.{}.layernorm_after.weight"},
    {"layers.bias_2", "vit.encoder.layer.{}.layernorm_after.bias"},
    {"layers.W_expand", "vit.encoder.layer.{}.intermediate.dense.weight"},
    {"layers.b_expand", "vit.encoder.layer.{}.intermediate.dense.bias"},
    {"layers.W_contract", "vit.encoder.layer.{}.output.dense.weight"},
    {"layers.b_contract", "vit.encoder.layer.{}.output.dense.bias"},
    {"gain", "vit.layernorm.weight"},
    {"bias", "vit.layernorm.bias"},
    {"W_logits", "classifier.weight"},
    {"b_logits", "classifier.bias"},
    ignored("vit.pooler.*"),
};

}  // namespace sequent::inline SEQUENT_ABI::io::hugging_face

/// The fixed templates, all written in the rule language.

/// Masks: which j a position i attends to. A mask is any type with a static `keeps(i, j)` that
/// gives a constraint, or, where it differs from head to head, `keeps(h, i, j)`. Masks are joined
/// by their names or as values: `decltype(mask::causal{} && !mask::window<8>{})`.

namespace sequent::inline SEQUENT_ABI::mask {

namespace detail {

template <class Mask>
concept plain = requires(language::var<"i"> i, language::var<"j"> j) {
    Mask::keeps(i, j);
};
template <class Mask>
concept of_heads = requires(language::var<"h"> h, language::var<"i"> i, language::var<"j"> j) {
    Mask::keeps(h, i, j);
};

/// What the mask keeps in head h.
template <class Mask>
constexpr auto keeps(auto h, auto i, auto j) noexcept {
    if constexpr (of_heads<Mask>)
        return Mask::keeps(h, i, j);
    else
        return Mask::keeps(i, j);
}

}  // namespace detail

/// All pairs.
struct none {};

/// j <= i.
struct causal {
    static constexpr auto keeps(auto i, auto j) noexcept { return j <= i; }
};

/// The Width positions before i, and i.
template <int Width>
struct window {
    static constexpr auto keeps(auto i, auto j) noexcept { return j <= i && i - j <= Width; }
};

/// The Width positions on either side, and i.
template <int Width>
struct around {
    static constexpr auto keeps(auto i, auto j) noexcept { return abs(i - j) <= Width; }
};

/// i and every Step-th position before it: what strided attention adds to a window (Child et al.,
/// arXiv 1904.10509, section 4.3).
template <int Step>
struct strided {
    static_assert(Step > 0, "sequent: a step is at least 1");
    static constexpr auto keeps(auto i, auto j) noexcept { return j <= i && (i - j) % Step == 0; }
};

/// A window of Width positions on either side with a step from one to the next (Beltagy et al.,
/// arXiv 2004.05150, section 3.1).
template <int Width, int Step>
struct dilated {
    static_assert(Step > 0, "sequent: a step is at least 1");
    static constexpr auto keeps(auto i, auto j) noexcept {
        return abs(i - j) <= Width * Step && (i - j) % Step == 0;
    }
};

/// Of the positions up to i, those in its own block of Size and the last Summary of each block: the
/// fixed attention of Child et al., arXiv 1904.10509, section 4.3, both heads in one.
template <int Size, int Summary>
struct sparse_fixed {
    static_assert(Summary > 0 && Summary <= Size, "sequent: a summary is a part of its block");
    static constexpr auto keeps(auto i, auto j) noexcept {
        return j <= i && (j / Size == i / Size || j % Size >= Size - Summary);
    }
};

/// The Width positions on either side; the Global positions attend to all, and all to them (Beltagy
/// et al., arXiv 2004.05150, section 3.1).
template <int Width, int... Global>
struct longformer {
    static constexpr auto keeps(auto i, auto j) noexcept {
        if constexpr (sizeof...(Global) == 0)
            return abs(i - j) <= Width;
        else
            return abs(i - j) <= Width || language::one_of<Global...>(i) ||
                   language::one_of<Global...>(j);
    }
};

/// Blocks of Size positions, of Tokens in all: a block attends to itself, its neighbours, the first
/// and the last block and Random others, drawn from the seed; the first and the last attend to all
/// (Zaheer et al., arXiv 2007.14062, section 2).
template <int Tokens, int Size, int Random = 3, unsigned Seed = 1>
struct big_bird {
    static_assert(Size > 0 && Random >= 0, "sequent: blocks have positions");
    static constexpr int blocks = (Tokens + Size - 1) / Size;

    /// Of each block, those that are drawn; -1 where none is left.
    static constexpr auto drawn = [] {
        constexpr auto room = static_cast<std::size_t>(Random > 0 ? Random : 1);
        std::array<std::array<int, room>, static_cast<std::size_t>(blocks)> result{};
        std::uint32_t state = Seed * 2654435761u + 1;
        for (int block = 0; block < blocks; ++block) {
            auto& of_block = result[static_cast<std::size_t>(block)];
            std::size_t count = 0;
            for (int& each : of_block) each = -1;
            for (int attempt = 0; attempt < 16 * Random && count < room; ++attempt) {
                state = state * 1664525u + 1013904223u;
                const int other =
                    static_cast<int>((state >> 8) % static_cast<std::uint32_t>(blocks));
                bool taken =
                    other == 0 || other == blocks - 1 || (other >= block - 1 && other <= block + 1);
                for (const int each : of_block) taken = taken || each == other;
                if (!taken) of_block[count++] = other;
            }
        }
        return result;
    }();

    static constexpr bool is_drawn(int i, int j) noexcept {
        for (const int each : drawn[static_cast<std::size_t>(i / Size)])
            if (each == j / Size) return true;
        return false;
    }

    static constexpr auto keeps(auto i, auto j) noexcept {
        return abs(i / Size - j / Size) <= 1 || j < Size || i < Size || j / Size == blocks - 1 ||
               i / Size == blocks - 1 || language::holds<&big_bird::is_drawn>(i, j);
    }
};

/// The first Length positions, and those up to i. In rules, a length that is known at run time is
/// `bound<"prefix">`.
template <int Length>
struct prefix {
    static constexpr auto keeps(auto i, auto j) noexcept { return j < Length || j <= i; }
};

/// Those in the same block of Size positions, by a mask inside of it.
template <int Size, class Inner = none>
struct block {
    static constexpr auto keeps(auto i, auto j) noexcept requires(!detail::of_heads<Inner>) {
        if constexpr (std::is_same_v<Inner, none>)
            return i / Size == j / Size;
        else
            return i / Size == j / Size && Inner::keeps(i, j);
    }
};

/// The first positions, as many as a count tells that is given with the facts.
template <language::fixed_string Count = "length">
struct padding {
    static constexpr auto keeps(auto, auto j) noexcept { return j < language::bound<Count>{}; }
};

/// What both masks keep.
template <class First, class Second>
struct both {
    static constexpr auto keeps(auto i, auto j) noexcept
        requires(detail::plain<First>&& detail::plain<Second>) {
        return First::keeps(i, j) && Second::keeps(i, j);
    }
    static constexpr auto keeps(auto h, auto i, auto j) noexcept
        requires(detail::of_heads<First> || detail::of_heads<Second>) {
        return detail::keeps<First>(h, i, j) && detail::keeps<Second>(h, i, j);
    }
};

/// What either mask keeps.
template <class First, class Second>
struct either {
    static constexpr auto keeps(auto i, auto j) noexcept
        requires(detail::plain<First>&& detail::plain<Second>) {
        return First::keeps(i, j) || Second::keeps(i, j);
    }
    static constexpr auto keeps(auto h, auto i, auto j) noexcept
        requires(detail::of_heads<First> || detail::of_heads<Second>) {
        return detail::keeps<First>(h, i, j) || detail::keeps<Second>(h, i, j);
    }
};

/// What the mask does not keep.
template <class Mask>
struct without {
    static constexpr auto keeps(auto i, auto j) noexcept requires(detail::plain<Mask>) {
        return !Mask::keeps(i, j);
    }
    static constexpr auto keeps(auto h, auto i, auto j) noexcept requires(detail::of_heads<Mask>) {
        return !Mask::keeps(h, i, j);
    }
};

/// Head h has mask h modulo their number.
template <class... Masks>
struct per_head {
    static_assert(sizeof...(Masks) > 0, "sequent: per_head takes the masks of the heads");

    static constexpr auto keeps(auto h, auto i, auto j) noexcept {
        return join(std::make_index_sequence<sizeof...(Masks)>{}, h, i, j);
    }

  private:
    template <class Mask>
    static constexpr auto one(auto is_head, auto i, auto j) noexcept {
        if constexpr (std::is_same_v<Mask, none>)
            return is_head;
        else
            return is_head && Mask::keeps(i, j);
    }
    template <std::size_t... At>
    static constexpr auto join(std::index_sequence<At...>, auto h, auto i, auto j) noexcept {
        constexpr int count = sizeof...(Masks);
        return (... || one<Masks>(h % count == static_cast<int>(At), i, j));
    }
};

template <class T>
concept type = detail::plain<T> || detail::of_heads<T>;

template <type First, type Second>
constexpr both<First, Second> operator&&(First, Second) noexcept {
    return {};
}
template <type First, type Second>
constexpr either<First, Second> operator||(First, Second) noexcept {
    return {};
}
template <type Mask>
constexpr without<Mask> operator!(Mask) noexcept {
    return {};
}

}  // namespace sequent::inline SEQUENT_ABI::mask

/// Named arguments of templates, in any order: `encoder<tokens<64>, width<128>, heads<4>>`.

namespace sequent::inline SEQUENT_ABI {

/// How many positions a sequence has.
template <int Value>
struct tokens {};
/// How many numbers a position has, outside and between the layers.
template <int Value>
struct width {};
/// How many heads share the width.
template <int Value>
struct heads {};
/// How many layers there are, with parameters of their own.
template <int Value>
struct depth {};
/// How many different symbols there are.
template <int Value>
struct vocabulary {};
/// The width between the two linear maps of the feed-forward part; by default 4 times the width, or
/// 8/3 times where it is gated, which is as many parameters (arXiv 2002.05202).
template <int Value>
struct hidden {};
/// How many heads have keys and values of their own; as many queries each attend to one of them
/// (arXiv 2305.13245). By default all; with one, attention is multi-query.
template <int Value>
struct key_heads {};
/// How many numbers a head has; by default the width divided by the heads.
template <int Value>
struct head_width {};
/// Whether linear maps add a bias. They do by default.
template <bool Value>
struct biases {};
/// Whether the logits are read by the embedding itself (arXiv 1608.05859). They are by default.
template <bool Value>
struct tied {};
/// Whether scores are divided by the square root of the head's width. They are by default.
template <bool Value>
struct scaled {};
/// Whether only the first positions may exist, as many as a count given with the facts tells. By
/// default all do.
template <bool Value>
struct padded {};
/// The c of c tanh(score / c), which bounds attention's scores; by default they are unbounded.
template <int Value>
struct score_cap {};
/// How many of a hundred numbers are dropped in training, of the embedding and of what each part
/// adds to the residual path. With it, the model takes the count `seed`; 0 drops none.
template <int Value>
struct dropout_percent {};

/// Of an encoder-decoder, the positions, the symbols and the layers of the encoder's side; by
/// default those of the decoder's side.
template <int Value>
struct source_tokens {};
template <int Value>
struct source_vocabulary {};
template <int Value>
struct source_depth {};

/// How many classes a classifier tells apart.
template <int Value>
struct classes {};
/// How many numbers a patch of an image has: channels times height times width.
template <int Value>
struct patch_width {};
/// How many kinds of segments a text has.
template <int Value>
struct segments {};
/// Whether the state before the first position is learned. It is zero by default.
template <bool Value>
struct learned_start {};

/// How many nodes a graph has at most.
template <int Value>
struct nodes {};
/// How many edges a graph has at most, of each relation.
template <int Value>
struct edges {};
/// How many numbers a node is given with; as many as the width by default.
template <int Value>
struct node_width {};
/// How many numbers an edge is given with. By default it has none: it is there or not.
template <int Value>
struct edge_width {};
/// How many kinds of edges there are.
template <int Value>
struct relations {};

/// Where the layer norms stand: before each part, with one more at the end (arXiv 2002.04745), or
/// after the residual sum (arXiv 1706.03762).
struct pre_norm {};
struct post_norm {};

/// Which norm, with 10^-Exponent as its epsilon: layer norm (arXiv 1607.06450), or the root mean
/// square alone (arXiv 1910.07467).
namespace normalization {
template <int Exponent = 5>
struct layer {};
template <int Exponent = 5>
struct rms {};
}  // namespace normalization

/// How positions enter: added to the embedding (learned; sines and cosines, arXiv 1706.03762), by
/// turning queries and keys (rotary, whose base is Base, arXiv 2104.09864), or added to the scores
/// (alibi, arXiv 2108.12409).
namespace position {
struct none {};
struct learned {};
struct sinusoidal {};
/// Neighbouring elements are a pair, as in llama2.c.
template <int Base = 10000>
struct rotary {};
/// Elements of the two halves are a pair, as in Hugging Face's files.
template <int Base = 10000>
struct rotary_halves {};
struct alibi {};
}  // namespace position

/// The function between the two linear maps of the feed-forward part, or after the sum over a
/// node's neighbours.
namespace activation {
struct relu {
    static constexpr auto rule = language::relu();
};
struct gelu {
    static constexpr auto rule = language::gelu();
};
struct gelu_tanh {
    static constexpr auto rule = language::gelu_tanh();
};
struct silu {
    static constexpr auto rule = language::silu();
};
struct sigmoid {
    static constexpr auto rule = language::sigmoid();
};
struct tanh {
    static constexpr auto rule = language::tanh();
};
/// No function at all.
struct identity {
    static constexpr auto rule = language::identity();
};

/// The function of one linear map gates another, element by element: W_contract (f(W_gate x) *
/// W_expand x) (arXiv 2002.05202). For the feed-forward part of transformers.
template <class Function>
struct gated {
    static constexpr auto rule = Function::rule;
    static constexpr bool gates = true;
};
using glu = gated<sigmoid>;
using bilinear = gated<identity>;
using reglu = gated<relu>;
using geglu = gated<gelu>;
using geglu_tanh = gated<gelu_tanh>;
using swiglu = gated<silu>;
}  // namespace activation

namespace nn {

/// What a template reads of its arguments. A template says which kinds it takes.
enum class option {
    tokens,
    width,
    heads,
    depth,
    vocabulary,
    hidden,
    key_heads,
    head_width,
    biases,
    tied,
    scaled,
    padded,
    score_cap,
    dropout_percent,
    source_tokens,
    source_vocabulary,
    source_depth,
    classes,
    patch_width,
    segments,
    nodes,
    edges,
    node_width,
    edge_width,
    relations,
    learned_start,
    norm_place,
    normalization,
    position,
    activation,
    mask,
    unknown
};

/// Of an option that is a number, which it is.
template <option Kind, int Value>
struct numbered {
    static constexpr option kind = Kind;
    static constexpr int value = Value;
};
template <class T>
struct number_option : numbered<option::unknown, 0> {};

#define SEQUENT_NUMBER_OPTION(Type, Name) \
    template <Type Value>                 \
    struct number_option<Name<Value>> : numbered<option::Name, Value> {};
SEQUENT_NUMBER_OPTION(int, tokens)
SEQUENT_NUMBER_OPTION(int, width)
SEQUENT_NUMBER_OPTION(int, heads)
SEQUENT_NUMBER_OPTION(int, depth)
SEQUENT_NUMBER_OPTION(int, vocabulary)
SEQUENT_NUMBER_OPTION(int, hidden)
SEQUENT_NUMBER_OPTION(int, key_heads)
SEQUENT_NUMBER_OPTION(int, head_width)
SEQUENT_NUMBER_OPTION(int, score_cap)
SEQUENT_NUMBER_OPTION(int, dropout_percent)
SEQUENT_NUMBER_OPTION(int, source_tokens)
SEQUENT_NUMBER_OPTION(int, source_vocabulary)
SEQUENT_NUMBER_OPTION(int, source_depth)
SEQUENT_NUMBER_OPTION(int, classes)
SEQUENT_NUMBER_OPTION(int, patch_width)
SEQUENT_NUMBER_OPTION(int, segments)
SEQUENT_NUMBER_OPTION(int, nodes)
SEQUENT_NUMBER_OPTION(int, edges)
SEQUENT_NUMBER_OPTION(int, node_width)
SEQUENT_NUMBER_OPTION(int, edge_width)
SEQUENT_NUMBER_OPTION(int, relations)
SEQUENT_NUMBER_OPTION(bool, biases)
SEQUENT_NUMBER_OPTION(bool, tied)
SEQUENT_NUMBER_OPTION(bool, scaled)
SEQUENT_NUMBER_OPTION(bool, padded)
SEQUENT_NUMBER_OPTION(bool, learned_start)
#undef SEQUENT_NUMBER_OPTION

/// What a norm or a position is, as a number of a shape.
enum class norm_kind { layer, rms };
enum class position_kind { none, learned, sinusoidal, rotary, rotary_halves, alibi };

template <class T>
struct norm_option {
    static constexpr bool is = false;
};
template <int Exponent>
struct norm_option<normalization::layer<Exponent>> {
    static constexpr bool is = true;
    static constexpr norm_kind kind = norm_kind::layer;
    static constexpr int exponent = Exponent;
};
template <int Exponent>
struct norm_option<normalization::rms<Exponent>> {
    static constexpr bool is = true;
    static constexpr norm_kind kind = norm_kind::rms;
    static constexpr int exponent = Exponent;
};

template <position_kind Kind, int Base = 0>
struct positioned {
    static constexpr bool is = true;
    static constexpr position_kind kind = Kind;
    static constexpr int base = Base;
};
template <class T>
struct position_option {
    static constexpr bool is = false;
};
template <>
struct position_option<position::none> : positioned<position_kind::none> {};
template <>
struct position_option<position::learned> : positioned<position_kind::learned> {};
template <>
struct position_option<position::sinusoidal> : positioned<position_kind::sinusoidal> {};
template <int Base>
struct position_option<position::rotary<Base>> : positioned<position_kind::rotary, Base> {};
template <int Base>
struct position_option<position::rotary_halves<Base>>
    : positioned<position_kind::rotary_halves, Base> {};
template <>
struct position_option<position::alibi> : positioned<position_kind::alibi> {};

template <class T>
concept mask_type = std::is_same_v<T, mask::none> || mask::type<T>;

template <class T>
consteval option kind_of_type() {
    if (number_option<T>::kind != option::unknown) return number_option<T>::kind;
    if (mask_type<T>) return option::mask;
    if (requires { T::rule; }) return option::activation;
    if (std::is_same_v<T, pre_norm> || std::is_same_v<T, post_norm>) return option::norm_place;
    if (norm_option<T>::is) return option::normalization;
    if (position_option<T>::is) return option::position;
    return option::unknown;
}
template <class T>
inline constexpr option kind_of = kind_of_type<T>();

/// How often an option is given.
template <option Kind, class... Options>
inline constexpr int times_given = (0 + ... + (kind_of<Options> == Kind ? 1 : 0));

/// The value of an option that is a number, or the default.
template <option Kind, int Default, class... Options>
consteval int number_of() {
    static_assert(times_given<Kind, Options...> <= 1, "sequent: an option is given twice");
    int result = Default;
    ((kind_of<Options> == Kind ? void(result = number_option<Options>::value) : void()), ...);
    return result;
}

template <class Type>
struct type_holder {
    using type = Type;
};

template <option Kind, class Default>
consteval auto find_type() {
    return type_holder<Default>{};
}
template <option Kind, class Default, class First, class... Rest>
consteval auto find_type() {
    static_assert(times_given<Kind, First, Rest...> <= 1, "sequent: an option is given twice");
    if constexpr (kind_of<First> == Kind)
        return type_holder<First>{};
    else
        return find_type<Kind, Default, Rest...>();
}

/// The option that is a type, or the default.
template <option Kind, class Default, class... Options>
using type_of = typename decltype(find_type<Kind, Default, Options...>())::type;

/// Whether every option is one of the kinds that a template takes.
template <option... Kinds>
struct takes {
    static constexpr bool one(option kind) { return (... || (kind == Kinds)); }
    template <class... Options>
    static constexpr bool only = (... && one(kind_of<Options>));
};

/// The numbers of a template, in one value, so that its symbols stay short.
struct shape {
    int tokens = 0;
    int width = 0;
    int heads = 1;
    int key_heads = 1;
    int head_width = 0;
    int depth = 1;
    int vocabulary = 0;
    int hidden = 0;
    int source_tokens = 0;
    int source_vocabulary = 0;
    int source_depth = 1;
    int classes = 0;
    int patch_width = 0;
    int segments = 0;
    int score_cap = 0;
    int dropout_percent = 0;
    int norm_exponent = 5;
    int position_base = 0;
    norm_kind normalization = norm_kind::layer;
    position_kind position = position_kind::none;
    bool biases = true;
    bool tied = true;
    bool scaled = true;
    bool padded = false;
    bool norm_first = false;
    bool learned_start = false;

    constexpr bool is_rotary() const {
        return position == position_kind::rotary || position == position_kind::rotary_halves;
    }
    /// Heads that attend to the same keys.
    constexpr int group() const { return heads / key_heads; }
    constexpr double epsilon() const {
        double scale = 1;
        for (int at = 0; at < norm_exponent; ++at) scale *= 10;
        return 1 / scale;
    }
    /// The same with the encoder's positions, symbols and layers.
    constexpr shape source() const {
        shape result = *this;
        result.tokens = source_tokens;
        result.vocabulary = source_vocabulary;
        result.depth = source_depth;
        return result;
    }
};

/// What a template takes where an option is not given.
template <class NormPlace, class Mask, class Activation, class Norm = normalization::layer<>,
          class Position = position::none, bool Biases = true>
struct defaults {
    using norm_place = NormPlace;
    using mask = Mask;
    using activation = Activation;
    using norm = Norm;
    using position = Position;
    static constexpr bool biases = Biases;
    static constexpr bool padded = false;
    static constexpr bool scaled = true;
};
using block_defaults = defaults<post_norm, mask::none, activation::relu>;

/// The arguments of a template, read.
template <class Defaults, class... Options>
struct arguments {
    using mask = type_of<option::mask, typename Defaults::mask, Options...>;
    using activation = type_of<option::activation, typename Defaults::activation, Options...>;
    using norm = norm_option<type_of<option::normalization, typename Defaults::norm, Options...>>;
    using position =
        position_option<type_of<option::position, typename Defaults::position, Options...>>;
    static constexpr bool gates = requires { activation::gates; };

    static constexpr nn::shape shape = [] {
        using enum option;
        const auto or_else = [](int given, int other) { return given > 0 ? given : other; };
        nn::shape result;
        result.tokens = number_of<tokens, 0, Options...>();
        result.width = number_of<width, 0, Options...>();
        result.heads = number_of<heads, 1, Options...>();
        result.key_heads = or_else(number_of<key_heads, 0, Options...>(), result.heads);
        result.head_width = or_else(number_of<head_width, 0, Options...>(),
                                    result.heads > 0 ? result.width / result.heads : 0);
        result.depth = number_of<depth, 1, Options...>();
        result.vocabulary = number_of<vocabulary, 0, Options...>();
        result.hidden = or_else(number_of<hidden, 0, Options...>(),
                                gates ? (8 * result.width + 2) / 3 : 4 * result.width);
        result.source_tokens = or_else(number_of<source_tokens, 0, Options...>(), result.tokens);
        result.source_vocabulary =
            or_else(number_of<source_vocabulary, 0, Options...>(), result.vocabulary);
        result.source_depth = or_else(number_of<source_depth, 0, Options...>(), result.depth);
        result.classes = number_of<classes, 0, Options...>();
        result.patch_width = number_of<patch_width, 0, Options...>();
        result.segments = number_of<segments, 2, Options...>();
        result.score_cap = number_of<score_cap, 0, Options...>();
        result.dropout_percent = number_of<dropout_percent, 0, Options...>();
        result.norm_exponent = norm::exponent;
        result.normalization = norm::kind;
        result.position = position::kind;
        result.position_base = position::base;
        result.biases = number_of<biases, Defaults::biases, Options...>() != 0;
        result.tied = number_of<tied, 1, Options...>() != 0;
        result.scaled = number_of<scaled, Defaults::scaled, Options...>() != 0;
        result.padded = number_of<padded, Defaults::padded, Options...>() != 0;
        result.learned_start = number_of<learned_start, 0, Options...>() != 0;
        result.norm_first =
            std::is_same_v<type_of<norm_place, typename Defaults::norm_place, Options...>,
                           pre_norm>;
        return result;
    }();
};

template <shape Shape>
consteval bool check_shape() {
    static_assert(Shape.tokens > 0, "sequent: the option tokens<N> is missing");
    static_assert(Shape.width > 0, "sequent: the option width<N> is missing");
    static_assert(Shape.heads > 0 && Shape.depth > 0, "sequent: heads and depth are at least 1");
    static_assert(Shape.head_width > 0 && (Shape.head_width * Shape.heads == Shape.width ||
                                           Shape.head_width != Shape.width / Shape.heads),
                  "sequent: the width is a multiple of the heads, or head_width<N> is given");
    static_assert(Shape.heads % Shape.key_heads == 0,
                  "sequent: the heads are a multiple of the key heads");
    static_assert(!Shape.is_rotary() || Shape.head_width % 2 == 0,
                  "sequent: rotary positions need an even number of elements in a head");
    static_assert(0 <= Shape.dropout_percent && Shape.dropout_percent < 100,
                  "sequent: dropout_percent is at least 0 and below 100");
    return true;
}

}  // namespace nn
}  // namespace sequent::inline SEQUENT_ABI

/// The variables, relations and parts that the templates' rules share.

namespace sequent::inline SEQUENT_ABI::nn {

using namespace language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;

inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"query"> query_of;
inline constexpr relation<"key"> key;
inline constexpr relation<"value"> value;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"head"> head;
inline constexpr relation<"joined"> joined_heads;
inline constexpr relation<"attended"> attended;
inline constexpr relation<"slope"> slope;
inline constexpr relation<"expanded"> expanded;
inline constexpr relation<"gate"> gate;
inline constexpr relation<"gated"> gated;
inline constexpr relation<"transformed"> transformed;

/// A model's facts, of which some depend on options.
template <class... Facts>
struct fact_list {
    template <class Fact, bool Given>
    using with = std::conditional_t<Given, fact_list<Facts..., Fact>, fact_list>;
    template <const auto& Program>
    using model_of = model<Program, Facts...>;
};

/// The mask, and of padded sequences the positions that exist.
template <bool Padded, class Mask, fixed_string Count>
using padded_mask =
    std::conditional_t<!Padded, Mask,
                       std::conditional_t<std::is_same_v<Mask, mask::none>, mask::padding<Count>,
                                          mask::both<Mask, mask::padding<Count>>>>;

/// The body with the mask's constraint, if it has one.
template <class Mask, class Body>
constexpr auto masked(Body body) noexcept {
    static_assert(!mask::detail::of_heads<Mask>, "sequent: masks of each head need several heads");
    if constexpr (std::is_same_v<Mask, mask::none>)
        return body;
    else
        return (body, Mask::keeps(i, j));
}

/// The same in head h, where a mask may be of each head its own.
template <class Mask, class Body, class Head>
constexpr auto masked(Body body, Head h) noexcept {
    if constexpr (mask::detail::of_heads<Mask>)
        return (body, Mask::keeps(h, i, j));
    else
        return masked<Mask>(body);
}

/// The body with the bias, if the template has biases.
template <shape Shape, class Body, class Bias>
constexpr auto biased(Body body, Bias bias) noexcept {
    if constexpr (Shape.biases)
        return (body, bias);
    else
        return body;
}

/// softmax(Q K^T / sqrt(d)) V with Q, K, V linear in Input(i) (arXiv 1706.03762, equation 1), to
/// attended(i).
template <shape Shape, class Mask, class Input>
inline constexpr auto attention_rules = [] {
    constexpr int d = Shape.width;
    constexpr Input input;
    constexpr weight<"W_query", d, d> W_query;
    constexpr weight<"W_key", d, d> W_key;
    constexpr weight<"W_value", d, d> W_value;
    constexpr weight<"b_query", d> b_query;
    constexpr weight<"b_key", d> b_key;
    constexpr weight<"b_value", d> b_value;
    // clang-format off
    return rules(
        query_of(i)   <<= biased<Shape>(input(i)[W_query], b_query),
        key(i)        <<= biased<Shape>(input(i)[W_key], b_key),
        value(i)      <<= biased<Shape>(input(i)[W_value], b_value),
        weights(i, j) <<= masked<Mask>((inverse_sqrt(d), key(j).T(), query_of(i)))
                          | product() | softmax(j),
        attended(i)   <<= (weights(i, j), value(j)) | product() | sum(j));
    // clang-format on
}();

/// The body with the norm of the template.
template <shape Shape, class Body, class Gain, class Bias>
constexpr auto normalized(Body body, Gain gain, Bias bias) noexcept {
    if constexpr (Shape.normalization == norm_kind::layer)
        return body | layer_norm(gain, bias, Shape.epsilon());
    else
        return body | rms_norm(gain, Shape.epsilon());
}

/// The body of what joins the residual path, with dropout if the template has it.
template <shape Shape, class Body>
constexpr auto dropped(Body body) noexcept {
    if constexpr (Shape.dropout_percent > 0)
        return body | dropout(Shape.dropout_percent / 100.0, bound<"seed">{});
    else
        return body;
}

/// A query or a key, turned by its position if positions are rotary.
template <shape Shape, class Body>
constexpr auto positioned_at(Body body) noexcept {
    if constexpr (Shape.position == position_kind::rotary)
        return body | rotary(i, Shape.position_base);
    else if constexpr (Shape.position == position_kind::rotary_halves)
        return body | rotary_halves(i, Shape.position_base);
    else
        return body;
}

/// Calls f with the variables of a head: the head of the keys, and the query among those that
/// attend to it, if there are several.
template <shape Shape, class F>
constexpr auto with_heads(F f) noexcept {
    if constexpr (Shape.group() == 1)
        return f(var<"h", Shape.heads>{});
    else
        return f(var<"g", Shape.key_heads>{}, var<"r", Shape.group()>{});
}

/// Which of all heads it is.
template <shape Shape, class KeyHead>
constexpr auto number_of_head(KeyHead key_head) noexcept {
    return key_head;
}
template <shape Shape, class KeyHead, class Query>
constexpr auto number_of_head(KeyHead key_head, Query query) noexcept {
    return key_head * Shape.group() + query;
}

/// The relations of an attention, whose names begin with Prefix.
template <fixed_string Prefix>
struct attention_names {
    static constexpr relation<Prefix + "query"> query{};
    static constexpr relation<Prefix + "key"> key{};
    static constexpr relation<Prefix + "value"> value{};
    static constexpr relation<Prefix + "logit"> logit{};
    static constexpr relation<Prefix + "weights"> weights{};
    static constexpr relation<Prefix + "head"> head{};
    static constexpr relation<Prefix + "joined"> joined{};
    static constexpr relation<Prefix + "attended"> attended{};
};

/// The rules that give weights(head..., i, j), the softmax over j of the scores: scaled products,
/// with what the position adds, within a cap. Relations have names that begin with Prefix.
template <shape Shape, class Mask, fixed_string Prefix, class... Head>
constexpr auto score_rules(Head... of) noexcept {
    using name = attention_names<Prefix>;
    constexpr auto first = [](auto each, auto...) { return each; };
    const auto all = number_of_head<Shape>(of...);
    const auto products = [=] {
        const auto seeking = name::query(of..., i);
        const auto sought = name::key(first(of...), j).T();
        if constexpr (Shape.scaled)
            return masked<Mask>((inverse_sqrt(Shape.head_width), sought, seeking), all) | product();
        else
            return masked<Mask>((sought, seeking), all) | product();
    }();
    const auto capped = [](auto body) {
        if constexpr (Shape.score_cap > 0)
            return body | soft_cap(Shape.score_cap);
        else
            return body;
    };
    // clang-format off
    if constexpr (Shape.position == position_kind::alibi)
        // The slopes are 2^(-8/H), 2^(-16/H), ... (arXiv 2108.12409, section 3).
        return rules(
            slope(of...)               <<= (number(-8 * 0.69314718055994530942 / Shape.heads),
                                            number(all + 1)) | product() | exp(),
            name::logit(of..., i, j)   <<= products,
            name::logit(of..., i, j)   <<= masked<Mask>((slope(of...), number(j - i)), all)
                                           | product(),
            name::weights(of..., i, j) <<= capped(name::logit(of..., i, j)) | softmax(j));
    else
        return rules(name::weights(of..., i, j) <<= capped(products) | softmax(j));
    // clang-format on
}

/// Attention of several heads, concatenated and mapped, to attended(i) (arXiv 1706.03762, section
/// 3.2.2). Queries follow from Input(i), keys and values from Context(i), which is Input in
/// self-attention. Names begin with Prefix.
template <shape Shape, class Mask, class Input, class Context = Input, fixed_string Prefix = "">
inline constexpr auto multi_head_rules = with_heads<Shape>([](auto key_head, auto... query) {
    constexpr int d = Shape.width;
    constexpr int d_head = Shape.head_width;
    constexpr Input input;
    constexpr Context context;
    using name = attention_names<Prefix>;
    constexpr weight<Prefix + "W_query", d_head, d> W_query;
    constexpr weight<Prefix + "W_key", d_head, d> W_key;
    constexpr weight<Prefix + "W_value", d_head, d> W_value;
    constexpr weight<Prefix + "W_out", d, d_head * Shape.heads> W_out;
    constexpr weight<Prefix + "b_query", d_head> b_query;
    constexpr weight<Prefix + "b_key", d_head> b_key;
    constexpr weight<Prefix + "b_value", d_head> b_value;
    constexpr weight<Prefix + "b_out", d> b_out;
    // clang-format off
    return rules(
        name::query(key_head, query..., i) <<= positioned_at<Shape>(biased<Shape>(
                                                   input(i)[W_query(key_head, query...)],
                                                   b_query(key_head, query...))),
        name::key(key_head, i)             <<= positioned_at<Shape>(biased<Shape>(
                                                   context(i)[W_key(key_head)], b_key(key_head))),
        name::value(key_head, i)           <<= biased<Shape>(context(i)[W_value(key_head)],
                                                             b_value(key_head)),
        score_rules<Shape, Mask, Prefix>(key_head, query...),
        name::head(key_head, query..., i)  <<= (name::weights(key_head, query..., i, j),
                                                name::value(key_head, j)) | product() | sum(j),
        name::joined(i)                    <<= name::head(key_head, query..., i)
                                               | concat(key_head, query...),
        name::attended(i)                  <<= dropped<Shape>(biased<Shape>(
                                                   name::joined(i)[W_out], b_out)));
    // clang-format on
});

/// Two linear maps with a function between them, row by row, from Input(i) to transformed(i); or
/// three, where a function of one gates another.
template <shape Shape, class Activation, class Input>
inline constexpr auto feed_forward_rules = [] {
    constexpr Input input;
    constexpr weight<"W_gate", Shape.hidden, Shape.width> W_gate;
    constexpr weight<"W_expand", Shape.hidden, Shape.width> W_expand;
    constexpr weight<"W_contract", Shape.width, Shape.hidden> W_contract;
    constexpr weight<"b_gate", Shape.hidden> b_gate;
    constexpr weight<"b_expand", Shape.hidden> b_expand;
    constexpr weight<"b_contract", Shape.width> b_contract;
    // clang-format off
    if constexpr (requires { Activation::gates; })
        return rules(
            gate(i)        <<= biased<Shape>(input(i)[W_gate], b_gate) | Activation::rule,
            expanded(i)    <<= biased<Shape>(input(i)[W_expand], b_expand),
            gated(i)       <<= (gate(i), expanded(i)) | elementwise_product(),
            transformed(i) <<= dropped<Shape>(biased<Shape>(gated(i)[W_contract], b_contract)));
    else
        return rules(
            expanded(i)    <<= biased<Shape>(input(i)[W_expand], b_expand) | Activation::rule,
            transformed(i) <<= dropped<Shape>(biased<Shape>(expanded(i)[W_contract], b_contract)));
    // clang-format on
}();

}  // namespace sequent::inline SEQUENT_ABI::nn

/// Attention as models of their own.

namespace sequent::inline SEQUENT_ABI {

/// Self-attention of one head: the fact x, tokens x width, to attended, of the same shape. Takes
/// tokens, width, a mask, biases.
template <class... Options>
struct attention
    : model<nn::attention_rules<nn::arguments<nn::block_defaults, Options...>::shape,
                                typename nn::arguments<nn::block_defaults, Options...>::mask,
                                language::relation<"x">>,
            fact<"x", nn::arguments<nn::block_defaults, Options...>::shape.tokens,
                 nn::arguments<nn::block_defaults, Options...>::shape.width>> {
    static constexpr nn::shape shape = nn::arguments<nn::block_defaults, Options...>::shape;
    static_assert(nn::takes<nn::option::tokens, nn::option::width, nn::option::mask,
                            nn::option::biases>::only<Options...>,
                  "sequent: attention takes tokens, width, a mask, biases");
    static_assert(nn::check_shape<shape>());
};

/// Multi-head self-attention: the fact x, tokens x width, to attended, of the same shape. Takes
/// tokens, width, heads, key_heads, head_width, a mask, biases, scaled, score_cap, a position that
/// belongs to attention (none by default).
template <class... Options>
struct multi_head_attention
    : model<nn::multi_head_rules<nn::arguments<nn::block_defaults, Options...>::shape,
                                 typename nn::arguments<nn::block_defaults, Options...>::mask,
                                 language::relation<"x">>,
            fact<"x", nn::arguments<nn::block_defaults, Options...>::shape.tokens,
                 nn::arguments<nn::block_defaults, Options...>::shape.width>> {
    static constexpr nn::shape shape = nn::arguments<nn::block_defaults, Options...>::shape;
    static_assert(
        nn::takes<nn::option::tokens, nn::option::width, nn::option::heads, nn::option::key_heads,
                  nn::option::head_width, nn::option::mask, nn::option::biases, nn::option::scaled,
                  nn::option::score_cap, nn::option::position>::only<Options...>,
        "sequent: multi_head_attention takes tokens, width, heads, key_heads, head_width, a mask, "
        "biases, scaled, score_cap, a position");
    static_assert(nn::check_shape<shape>());
};

}  // namespace sequent::inline SEQUENT_ABI

/// Layers over graphs, written as rules: a node i sums up what it takes from the nodes j of its
/// edges (i, j). Edges are directed: of one that counts both ways, both pairs are given. A node is
/// its own neighbour where (i, i) is given. Each layer takes the facts
///
///     node    nodes x node width
///     edge    a sparse fact: pairs of nodes, and a vector each if there is an edge width
///     nodes   a count: how many of the nodes there are; the others' rows are zero
///
/// and gives y, nodes x width. With a depth there are so many layers, one after another.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

using language::hidden;  // not the option

/// The numbers of a graph template.
struct graph_shape {
    int nodes = 0;
    int edges = 0;
    int node_width = 0;
    int edge_width = 0;
    int relations = 1;
    int width = 0;
    int heads = 1;
    int depth = 1;
    int hidden = 0;
    bool biases = true;
    bool norm_first = false;

    constexpr int head_width() const { return width / heads; }
    /// What the parts that know nothing of graphs need.
    constexpr shape layer() const {
        shape result;
        result.tokens = nodes;
        result.width = width;
        result.heads = result.key_heads = heads;
        result.head_width = head_width();
        result.hidden = hidden;
        result.biases = biases;
        result.norm_first = norm_first;
        return result;
    }
};

/// `hidden` is so many times the width where it is not given.
template <int HiddenFactor, class... Options>
consteval graph_shape graph_shape_of() {
    using enum option;
    graph_shape result;
    result.nodes = number_of<nodes, 0, Options...>();
    result.edges = number_of<edges, 0, Options...>();
    result.width = number_of<width, 0, Options...>();
    result.node_width = number_of<node_width, 0, Options...>();
    if (result.node_width == 0) result.node_width = result.width;
    result.edge_width = number_of<edge_width, 0, Options...>();
    result.relations = number_of<relations, 1, Options...>();
    result.heads = number_of<heads, 1, Options...>();
    result.depth = number_of<depth, 1, Options...>();
    result.hidden = number_of<hidden, 0, Options...>();
    if (result.hidden == 0) result.hidden = HiddenFactor * result.width;
    result.biases = number_of<biases, 1, Options...>() != 0;
    result.norm_first = std::is_same_v<type_of<norm_place, post_norm, Options...>, pre_norm>;
    return result;
}

template <graph_shape Shape, bool HasEdges = true>
consteval bool check_graph_shape() {
    static_assert(Shape.nodes > 0, "sequent: the option nodes<N> is missing");
    static_assert(!HasEdges || Shape.edges > 0, "sequent: the option edges<E> is missing");
    static_assert(Shape.width > 0, "sequent: the option width<N> is missing");
    static_assert(Shape.heads > 0 && Shape.depth > 0, "sequent: heads and depth are at least 1");
    static_assert(Shape.depth == 1 || Shape.node_width == Shape.width,
                  "sequent: of several layers, the first takes as many numbers as it gives");
    static_assert(Shape.width % Shape.heads == 0, "sequent: the width is a multiple of the heads");
    static_assert(0 < Shape.relations && Shape.relations <= 14,
                  "sequent: there are from 1 to 14 relations");
    return true;
}

/// A sparse fact over the nodes, its values with as many extents as are needed.
template <fixed_string Name, graph_shape Shape>
consteval auto edge_fact() {
    if constexpr (Shape.edge_width == 0)
        return fact<Name, sparse<Shape.edges>, Shape.nodes, Shape.nodes>{};
    else
        return fact<Name, sparse<Shape.edges>, Shape.nodes, Shape.nodes, Shape.edge_width>{};
}

inline constexpr bound<"nodes"> nodes;
inline constexpr relation<"node"> node;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"degree"> degree;
inline constexpr relation<"scale"> scale;
inline constexpr relation<"projected"> projected;
inline constexpr relation<"gathered"> gathered;
inline constexpr relation<"from"> from;
inline constexpr relation<"to"> to;
inline constexpr relation<"met"> met;
inline constexpr relation<"logit"> logit;
inline constexpr relation<"square"> square;
inline constexpr relation<"inverse_length"> inverse_length;
inline constexpr relation<"node_query"> node_query;
inline constexpr relation<"node_key"> node_key;
inline constexpr relation<"node_value"> node_value;
inline constexpr relation<"first"> first;
inline constexpr relation<"readout"> readout;

/// The bias as one more rule for y, if the template has biases.
template <graph_shape Shape>
inline constexpr auto bias_of_y = [] {
    constexpr weight<"bias", Shape.width> bias;
    if constexpr (Shape.biases)
        return rules(y(i) <<= (bias, i < nodes));
    else
        return rules();
}();

/// D^-1/2 (A + I) D^-1/2 X W, D the degrees with the loops of I (arXiv 1609.02907, equation 2).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto gcn_rules = [] {
    constexpr Input input;
    constexpr weight<"W", Shape.width, Shape.node_width> W;
    // clang-format off
    return rules(
        degree(i)    <<= (hidden(edge(i, j)), j < nodes) | count(j),
        scale(i)     <<= (degree(i), number(1), i < nodes) | sum() | sqrt() | inverse(),
        projected(i) <<= (input(i)[W], i < nodes),
        y(i)         <<= (scale(i), scale(j), projected(j), hidden(edge(i, j)))
                         | product() | sum(j),
        y(i)         <<= (scale(i), scale(i), projected(i)) | product(),
        bias_of_y<Shape>,
        y(i)         | Activation::rule);
    // clang-format on
}();

/// f(W x_i + U mean of x_j), divided by its length (arXiv 1706.02216, algorithm 1, where W and U
/// stand side by side). A length of zero is taken as 1e-6.
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto sage_rules = [] {
    constexpr Input input;
    constexpr weight<"W_self", Shape.width, Shape.node_width> W_self;
    constexpr weight<"W_neighbours", Shape.width, Shape.node_width> W_neighbours;
    constexpr weight<"bias", Shape.width> bias;
    // clang-format off
    return rules(
        gathered(i)       <<= (input(j), hidden(edge(i, j)), i < nodes, j < nodes) | mean(j),
        transformed(i)    <<= biased<Shape.layer()>((input(i)[W_self], gathered(i)[W_neighbours]),
                                                    bias) | Activation::rule,
        square(i)         <<= (transformed(i).T(), transformed(i)) | product(),
        inverse_length(i) <<= (square(i), number(1e-12)) | sum() | sqrt() | inverse(),
        y(i)              <<= (inverse_length(i), transformed(i)) | product());
    // clang-format on
}();

/// MLP((1 + epsilon) x_i + sum of x_j), the MLP of two layers (arXiv 1810.00826, equation 4.1).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto gin_rules = [] {
    constexpr Input input;
    constexpr weight<"epsilon"> epsilon;
    constexpr weight<"W_expand", Shape.hidden, Shape.node_width> W_expand;
    constexpr weight<"W_contract", Shape.width, Shape.hidden> W_contract;
    constexpr weight<"b_expand", Shape.hidden> b_expand;
    constexpr weight<"b_contract", Shape.width> b_contract;
    // clang-format off
    return rules(
        gathered(i) <<= (input(i), i < nodes),
        gathered(i) <<= (input(i)[epsilon], i < nodes),
        gathered(i) <<= (input(j), hidden(edge(i, j)), i < nodes, j < nodes) | sum(j),
        expanded(i) <<= biased<Shape.layer()>(gathered(i)[W_expand], b_expand) | Activation::rule,
        y(i)        <<= biased<Shape.layer()>(expanded(i)[W_contract], b_contract));
    // clang-format on
}();

/// The sum of U x_j weighted by softmax over j of a . leaky_relu(W x_i + U x_j [+ V e_ij]), heads
/// side by side (arXiv 2105.14491, equation 7).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto gatv2_rules = [] {
    constexpr Input input;
    constexpr var<"h", Shape.heads> h;
    constexpr weight<"W_to", Shape.head_width(), Shape.node_width> W_to;
    constexpr weight<"W_from", Shape.head_width(), Shape.node_width> W_from;
    constexpr weight<"W_edge", Shape.head_width(), Shape.edge_width ? Shape.edge_width : 1> W_edge;
    constexpr weight<"a", 1, Shape.head_width()> a;
    constexpr auto seen = [=](auto body) {
        if constexpr (Shape.edge_width > 0)
            return (body, edge(i, j)[W_edge(h)]);
        else
            return (body, hidden(edge(i, j)));
    };
    // clang-format off
    return rules(
        to(h, i)         <<= (input(i)[W_to(h)], i < nodes),
        from(h, i)       <<= (input(i)[W_from(h)], i < nodes),
        met(h, i, j)     <<= seen((to(h, i), from(h, j))) | leaky_relu(0.2),
        logit(h, i, j)   <<= met(h, i, j)[a(h)],
        weights(h, i, j) <<= logit(h, i, j) | softmax(j),
        head(h, i)       <<= (weights(h, i, j), from(h, j), i < nodes) | product() | sum(j),
        y(i)             <<= head(h, i) | concat(h),
        bias_of_y<Shape>,
        y(i)             | Activation::rule);
    // clang-format on
}();

/// "edge_0", "edge_1", ...
template <int Relation>
inline constexpr auto edge_name = [] {
    if constexpr (Relation < 10) {
        constexpr char text[]{'e', 'd', 'g', 'e', '_', static_cast<char>('0' + Relation), '\0'};
        return fixed_string<sizeof text>(text);
    } else {
        constexpr char text[]{'e', 'd', 'g', 'e', '_', '1', static_cast<char>('0' + Relation - 10),
                              '\0'};
        return fixed_string<sizeof text>(text);
    }
}();

/// 0, 1, ..., one for each relation. A function, because GCC 12 fails at the plain type.
template <graph_shape Shape>
consteval auto relation_numbers() {
    constexpr int count = Shape.relations;
    return std::make_integer_sequence<int, count>{};
}

/// W x_i + for each relation W_r times the mean of x_j over its edges (arXiv 1703.06103, equation 2
/// with c_ir the number of these).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto rgcn_rules = [] {
    constexpr auto rules_for = []<int... Relations>(std::integer_sequence<int, Relations...>) {
        constexpr Input input;
        constexpr weight<"W", Shape.width, Shape.node_width> W;
        constexpr weight<"W_self", Shape.width, Shape.node_width> W_self;
        // clang-format off
        return rules(
            y(i) <<= (input(i)[W_self], i < nodes),
            y(i)[W(Relations)]
                 <<= (input(j), hidden(relation<edge_name<Relations>>{}(i, j)), i < nodes,
                      j < nodes) | mean(j)...,
            bias_of_y<Shape>,
            y(i) | Activation::rule);
        // clang-format on
    };
    return rules_for(relation_numbers<Shape>());
}();

/// Attention over the edges, from Input(i) to attended(i). Queries, keys and values of a pair add
/// what the nodes and the edge give: q_ij = W x_i + U e_ij, k_ij and v_ij likewise from x_j
/// (Diao and Loynd, arXiv 2210.05062).
template <graph_shape Shape, class Input>
inline constexpr auto relational_rules = [] {
    constexpr int d = Shape.width;
    constexpr int d_head = Shape.head_width();
    constexpr int d_edge = Shape.edge_width ? Shape.edge_width : 1;
    constexpr shape Layer = Shape.layer();
    constexpr Input input;
    constexpr var<"h", Shape.heads> h;
    constexpr weight<"W_query", d_head, d> W_query;
    constexpr weight<"W_key", d_head, d> W_key;
    constexpr weight<"W_value", d_head, d> W_value;
    constexpr weight<"W_out", d, d> W_out;
    constexpr weight<"U_query", d_head, d_edge> U_query;
    constexpr weight<"U_key", d_head, d_edge> U_key;
    constexpr weight<"U_value", d_head, d_edge> U_value;
    constexpr weight<"b_query", d_head> b_query;
    constexpr weight<"b_key", d_head> b_key;
    constexpr weight<"b_value", d_head> b_value;
    constexpr weight<"b_out", d> b_out;
    // clang-format off
    constexpr auto of_nodes = rules(
        node_query(h, i) <<= (biased<Layer>(input(i)[W_query(h)], b_query(h)), i < nodes),
        node_key(h, i)   <<= (biased<Layer>(input(i)[W_key(h)], b_key(h)), i < nodes),
        node_value(h, i) <<= (biased<Layer>(input(i)[W_value(h)], b_value(h)), i < nodes));
    constexpr auto out = rules(
        joined_heads(i)  <<= head(h, i) | concat(h),
        attended(i)      <<= biased<Layer>(joined_heads(i)[W_out], b_out));
    if constexpr (Shape.edge_width == 0)
        return rules(
            of_nodes,
            weights(h, i, j)  <<= (inverse_sqrt(d_head), node_key(h, j).T(), node_query(h, i),
                                   hidden(edge(i, j)))
                                  | product() | softmax(j),
            head(h, i)        <<= (weights(h, i, j), node_value(h, j), i < nodes)
                                  | product() | sum(j),
            out);
    else
        return rules(
            of_nodes,
            query_of(h, i, j) <<= (node_query(h, i), edge(i, j)[U_query(h)]),
            key(h, i, j)      <<= (node_key(h, j), edge(i, j)[U_key(h)]),
            value(h, i, j)    <<= (node_value(h, j), edge(i, j)[U_value(h)]),
            weights(h, i, j)  <<= (inverse_sqrt(d_head), key(h, i, j).T(), query_of(h, i, j))
                                  | product() | softmax(j),
            head(h, i)        <<= (weights(h, i, j), value(h, i, j), i < nodes)
                                  | product() | sum(j),
            out);
    // clang-format on
}();

/// A transformer's layer over the edges: relational attention and the feed-forward part, each with
/// residual and layer norm as in block_rules.
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto graph_block_rules = [] {
    constexpr Input input;
    constexpr weight<"gain_1", Shape.width> gain_1;
    constexpr weight<"bias_1", Shape.width> bias_1;
    constexpr weight<"gain_2", Shape.width> gain_2;
    constexpr weight<"bias_2", Shape.width> bias_2;
    constexpr shape Layer = Shape.layer();
    constexpr relation<"normal_node"> normal_node;
    constexpr relation<"between"> between;
    constexpr relation<"normal_between"> normal_between;
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            normal_node(i)    <<= (input(i), i < nodes) | layer_norm(gain_1, bias_1),
            relational_rules<Shape, relation<"normal_node">>,
            between(i)        <<= (input(i), attended(i)),
            normal_between(i) <<= between(i) | layer_norm(gain_2, bias_2),
            feed_forward_rules<Layer, Activation, relation<"normal_between">>,
            y(i)              <<= (between(i), transformed(i)));
    else
        return rules(
            relational_rules<Shape, Input>,
            between(i) <<= (input(i), attended(i)) | layer_norm(gain_1, bias_1),
            feed_forward_rules<Layer, Activation, relation<"between">>,
            y(i)       <<= (between(i), transformed(i)) | layer_norm(gain_2, bias_2));
    // clang-format on
}();

inline constexpr auto mean_pool_rules = rules(readout() <<= (node(i), i < nodes) | mean(i));
inline constexpr auto sum_pool_rules = rules(readout() <<= (node(i), i < nodes) | sum(i));
inline constexpr auto max_pool_rules = rules(readout() <<= (node(i), i < nodes) | max(i));

/// The rules above as types, to be chosen by.
struct gcn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return gcn_rules<Shape, Activation, Input>;
    }
};
struct sage_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return sage_rules<Shape, Activation, Input>;
    }
};
struct gin_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return gin_rules<Shape, Activation, Input>;
    }
};
struct gatv2_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return gatv2_rules<Shape, Activation, Input>;
    }
};
struct rgcn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return rgcn_rules<Shape, Activation, Input>;
    }
};
struct graph_block_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return graph_block_rules<Shape, Activation, Input>;
    }
};

/// A layer as many times as the depth says, each with weights of its own.
template <class Layer, graph_shape Shape, class Activation>
inline constexpr auto deep_rules = rules(
    first(i) <<= (node(i), i < nodes),
    y(i) <<=
    first(i) | stack<Shape.depth>(Layer::template rules_of<Shape, Activation, relation<"x">>()));

template <class Layer, graph_shape Shape, class Activation>
consteval const auto& program_of() {
    if constexpr (Shape.depth == 1)
        return Layer::template rules_of<Shape, Activation, relation<"node">>();
    else
        return deep_rules<Layer, Shape, Activation>;
}

template <class Layer, graph_shape Shape, class Activation>
struct graph_model
    : model<program_of<Layer, Shape, Activation>(), fact<"node", Shape.nodes, Shape.node_width>,
            decltype(edge_fact<"edge", Shape>()), bound<"nodes">> {};

/// With a sparse fact for each relation.
template <graph_shape Shape, class Activation, class Relations>
struct relations_model;
template <graph_shape Shape, class Activation, int... Relations>
struct relations_model<Shape, Activation, std::integer_sequence<int, Relations...>>
    : model<program_of<rgcn_layer, Shape, Activation>(),
            fact<"node", Shape.nodes, Shape.node_width>,
            decltype(edge_fact<edge_name<Relations>, Shape>())..., bound<"nodes">> {};

template <graph_shape Shape, const auto& Rules>
struct pool_model : model<Rules, fact<"node", Shape.nodes, Shape.width>, bound<"nodes">> {};

}  // namespace nn

namespace graph {

/// The graph convolution of Kipf and Welling: sums over the neighbours and the node itself,
/// normalised by both degrees. Takes nodes, edges, node_width, width, depth, an activation (relu by
/// default), biases.
template <class... Options>
struct gcn : nn::graph_model<nn::gcn_layer, nn::graph_shape_of<4, Options...>(),
                             nn::type_of<nn::option::activation, activation::relu, Options...>> {
    static constexpr nn::graph_shape shape = nn::graph_shape_of<4, Options...>();
    static_assert(
        nn::takes<nn::option::nodes, nn::option::edges, nn::option::node_width, nn::option::width,
                  nn::option::depth, nn::option::activation, nn::option::biases>::only<Options...>,
        "sequent: gcn takes nodes, edges, node_width, width, depth, an activation, biases");
    static_assert(nn::check_graph_shape<shape>());
};

/// GraphSAGE with the mean of the neighbours; each row of y has the length one. Takes nodes, edges,
/// node_width, width, depth, an activation (relu by default), biases.
template <class... Options>
struct sage : nn::graph_model<nn::sage_layer, nn::graph_shape_of<4, Options...>(),
                              nn::type_of<nn::option::activation, activation::relu, Options...>> {
    static constexpr nn::graph_shape shape = nn::graph_shape_of<4, Options...>();
    static_assert(
        nn::takes<nn::option::nodes, nn::option::edges, nn::option::node_width, nn::option::width,
                  nn::option::depth, nn::option::activation, nn::option::biases>::only<Options...>,
        "sequent: sage takes nodes, edges, node_width, width, depth, an activation, biases");
    static_assert(nn::check_graph_shape<shape>());
};

/// The graph isomorphism network's layer with a learned epsilon. Takes nodes, edges, node_width,
/// width, depth, hidden (the width by default), an activation between the two linear maps (relu by
/// default), biases.
template <class... Options>
struct gin : nn::graph_model<nn::gin_layer, nn::graph_shape_of<1, Options...>(),
                             nn::type_of<nn::option::activation, activation::relu, Options...>> {
    static constexpr nn::graph_shape shape = nn::graph_shape_of<1, Options...>();
    static_assert(
        nn::takes<nn::option::nodes, nn::option::edges, nn::option::node_width, nn::option::width,
                  nn::option::depth, nn::option::hidden, nn::option::activation,
                  nn::option::biases>::only<Options...>,
        "sequent: gin takes nodes, edges, node_width, width, depth, hidden, an activation, biases");
    static_assert(nn::check_graph_shape<shape>());

    /// Epsilon is zero, the rest as in any model.
    template <class T>
    static void initialize(typename gin::template parameters<T>& p, std::uint64_t seed = 0) {
        gin::model::initialize(p, seed);
        gin::for_each(p, [](std::string_view name, auto view) {
            if (!name.ends_with("epsilon")) return;
            for (int at = 0; at < view.size(); ++at) view.element(at) = T(0);
        });
    }
};

/// Graph attention whose ranking of neighbours depends on the node. Takes nodes, edges, node_width,
/// edge_width (none by default), width, heads, depth, an activation (none by default), biases.
template <class... Options>
struct gatv2
    : nn::graph_model<nn::gatv2_layer, nn::graph_shape_of<4, Options...>(),
                      nn::type_of<nn::option::activation, activation::identity, Options...>> {
    static constexpr nn::graph_shape shape = nn::graph_shape_of<4, Options...>();
    static_assert(
        nn::takes<nn::option::nodes, nn::option::edges, nn::option::node_width,
                  nn::option::edge_width, nn::option::width, nn::option::heads, nn::option::depth,
                  nn::option::activation, nn::option::biases>::only<Options...>,
        "sequent: gatv2 takes nodes, edges, node_width, edge_width, width, heads, depth, an "
        "activation, biases");
    static_assert(nn::check_graph_shape<shape>());
};

/// The relational graph convolution: a weight for each relation, the mean within it. Its facts are
/// node, edge_0, edge_1, ... one for each relation, nodes. Takes nodes, edges (of one relation),
/// relations, node_width, width, depth, an activation (relu by default), biases.
template <class... Options>
struct rgcn : nn::relations_model<
                  nn::graph_shape_of<4, Options...>(),
                  nn::type_of<nn::option::activation, activation::relu, Options...>,
                  std::make_integer_sequence<int, nn::graph_shape_of<4, Options...>().relations>> {
    static constexpr nn::graph_shape shape = nn::graph_shape_of<4, Options...>();
    static_assert(
        nn::takes<nn::option::nodes, nn::option::edges, nn::option::relations,
                  nn::option::node_width, nn::option::width, nn::option::depth,
                  nn::option::activation, nn::option::biases>::only<Options...>,
        "sequent: rgcn takes nodes, edges, relations, node_width, width, depth, an activation, "
        "biases");
    static_assert(nn::check_graph_shape<shape>());
};

/// A graph transformer's layer: attention over the edges, residual, norm, feed-forward. Nodes are
/// given with as many numbers as the width has. Takes nodes, edges, edge_width (none by default),
/// width, heads, depth, hidden (4 times the width by default), an activation (relu by default),
/// biases, pre_norm or post_norm (the default).
template <class... Options>
struct attention
    : nn::graph_model<nn::graph_block_layer, nn::graph_shape_of<4, Options...>(),
                      nn::type_of<nn::option::activation, activation::relu, Options...>> {
    static constexpr nn::graph_shape shape = nn::graph_shape_of<4, Options...>();
    static_assert(
        nn::takes<nn::option::nodes, nn::option::edges, nn::option::edge_width, nn::option::width,
                  nn::option::heads, nn::option::depth, nn::option::hidden, nn::option::activation,
                  nn::option::biases, nn::option::norm_place>::only<Options...>,
        "sequent: graph attention takes nodes, edges, edge_width, width, heads, depth, hidden, "
        "an activation, biases, pre_norm or post_norm");
    static_assert(nn::check_graph_shape<shape>());
};

/// From the nodes of a graph to one vector: the facts node and nodes, to readout. Each takes nodes
/// and width. A graph without nodes gives zero.
template <class... Options>
struct mean_pool : nn::pool_model<nn::graph_shape_of<4, Options...>(), nn::mean_pool_rules> {
    static_assert(nn::takes<nn::option::nodes, nn::option::width>::only<Options...>,
                  "sequent: mean_pool takes nodes and width");
    static_assert(nn::check_graph_shape<nn::graph_shape_of<4, Options...>(), false>());
};
template <class... Options>
struct sum_pool : nn::pool_model<nn::graph_shape_of<4, Options...>(), nn::sum_pool_rules> {
    static_assert(nn::takes<nn::option::nodes, nn::option::width>::only<Options...>,
                  "sequent: sum_pool takes nodes and width");
    static_assert(nn::check_graph_shape<nn::graph_shape_of<4, Options...>(), false>());
};
template <class... Options>
struct max_pool : nn::pool_model<nn::graph_shape_of<4, Options...>(), nn::max_pool_rules> {
    static_assert(nn::takes<nn::option::nodes, nn::option::width>::only<Options...>,
                  "sequent: max_pool takes nodes and width");
    static_assert(nn::check_graph_shape<nn::graph_shape_of<4, Options...>(), false>());
};

}  // namespace graph
}  // namespace sequent::inline SEQUENT_ABI

/// Transformers, written as rules.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

inline constexpr relation<"normal_x"> normal_x;
inline constexpr relation<"between"> between;
inline constexpr relation<"normal_between"> normal_between;
inline constexpr relation<"cross_attended"> cross_attended;
inline constexpr relation<"beyond"> beyond;
inline constexpr relation<"normal_beyond"> normal_beyond;
inline constexpr relation<"token"> token;
inline constexpr relation<"source"> source;
inline constexpr relation<"target"> target;
inline constexpr relation<"embedded"> embedded;
inline constexpr relation<"source_embedded"> source_embedded;
inline constexpr relation<"layers"> layers;
inline constexpr relation<"encoder"> encoder_layers;
inline constexpr relation<"decoder"> decoder_layers;
inline constexpr relation<"normal_layers"> normal_layers;
inline constexpr relation<"logits"> logits;

/// One layer, from x(i) to y(i). The norms stand before each part, which leaves the residual path
/// free (arXiv 2002.04745), or after each residual sum (arXiv 1706.03762, section 3.1).
template <shape Shape, class Mask, class Activation>
inline constexpr auto block_rules = [] {
    constexpr weight<"gain_1", Shape.width> gain_1;
    constexpr weight<"bias_1", Shape.width> bias_1;
    constexpr weight<"gain_2", Shape.width> gain_2;
    constexpr weight<"bias_2", Shape.width> bias_2;
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            normal_x(i)       <<= normalized<Shape>(x(i), gain_1, bias_1),
            multi_head_rules<Shape, Mask, relation<"normal_x">>,
            between(i)        <<= (x(i), attended(i)),
            normal_between(i) <<= normalized<Shape>(between(i), gain_2, bias_2),
            feed_forward_rules<Shape, Activation, relation<"normal_between">>,
            y(i)              <<= (between(i), transformed(i)));
    else
        return rules(
            multi_head_rules<Shape, Mask, relation<"x">>,
            between(i) <<= normalized<Shape>((x(i), attended(i)), gain_1, bias_1),
            feed_forward_rules<Shape, Activation, relation<"between">>,
            y(i)       <<= normalized<Shape>((between(i), transformed(i)), gain_2, bias_2));
    // clang-format on
}();

/// What attends from one sequence to another has no common positions.
consteval shape across(shape of) {
    of.position = position_kind::none;
    return of;
}

/// One layer of a decoder: as above, with attention from each position to memory(j) between the
/// parts (arXiv 1706.03762, section 3.1).
template <shape Shape, class Mask, class MemoryMask, class Activation>
inline constexpr auto decoder_block_rules = [] {
    constexpr weight<"gain_1", Shape.width> gain_1;
    constexpr weight<"bias_1", Shape.width> bias_1;
    constexpr weight<"gain_2", Shape.width> gain_2;
    constexpr weight<"bias_2", Shape.width> bias_2;
    constexpr weight<"gain_3", Shape.width> gain_3;
    constexpr weight<"bias_3", Shape.width> bias_3;
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            normal_x(i)       <<= normalized<Shape>(x(i), gain_1, bias_1),
            multi_head_rules<Shape, Mask, relation<"normal_x">>,
            between(i)        <<= (x(i), attended(i)),
            normal_between(i) <<= normalized<Shape>(between(i), gain_2, bias_2),
            multi_head_rules<across(Shape), MemoryMask, relation<"normal_between">,
                             relation<"memory">, "cross_">,
            beyond(i)         <<= (between(i), cross_attended(i)),
            normal_beyond(i)  <<= normalized<Shape>(beyond(i), gain_3, bias_3),
            feed_forward_rules<Shape, Activation, relation<"normal_beyond">>,
            y(i)              <<= (beyond(i), transformed(i)));
    else
        return rules(
            multi_head_rules<Shape, Mask, relation<"x">>,
            between(i) <<= normalized<Shape>((x(i), attended(i)), gain_1, bias_1),
            multi_head_rules<across(Shape), MemoryMask, relation<"between">, relation<"memory">,
                             "cross_">,
            beyond(i)  <<= normalized<Shape>((between(i), cross_attended(i)), gain_2, bias_2),
            feed_forward_rules<Shape, Activation, relation<"beyond">>,
            y(i)       <<= normalized<Shape>((beyond(i), transformed(i)), gain_3, bias_3));
    // clang-format on
}();

/// A stack of layers, from From(i) to To(i). Where norms stand in front, one more follows.
template <shape Shape, const auto& Block, class From, class To>
inline constexpr auto stack_rules = [] {
    constexpr From below;
    constexpr To above;
    constexpr weight<"gain", Shape.width> gain;
    constexpr weight<"bias", Shape.width> bias;
    // clang-format off
    return rules(
        layers(i) <<= below(i) | stack<Shape.depth>(Block),
        above(i)  <<= normalized<Shape>(layers(i), gain, bias));
    // clang-format on
}();

template <shape Shape, class Mask, class Activation>
inline constexpr auto encoder_rules = [] {
    constexpr auto& block = block_rules<Shape, Mask, Activation>;
    if constexpr (Shape.depth == 1)
        return block;
    else if constexpr (Shape.norm_first)
        return stack_rules<Shape, block, relation<"x">, relation<"y">>;
    else
        return rules(layers(i) <<= x(i) | stack<Shape.depth>(block));
}();

/// A symbol's embedding, with what is added for its position.
template <shape Shape, fixed_string Prefix, class Token, class Embedding>
constexpr auto embedding_of(Token symbols, Embedding table) noexcept {
    constexpr weight<Prefix + "position", Shape.width> position;
    if constexpr (Shape.position == position_kind::learned)
        return dropped<Shape>((symbols(i)[table], position(i)));
    else if constexpr (Shape.position == position_kind::sinusoidal)
        return dropped<Shape>(symbols(i)[table] | sinusoidal(i));
    else
        return dropped<Shape>(symbols(i)[table]);
}

/// Logits through the embedding (arXiv 1608.05859), or through a matrix of their own.
template <shape Shape, class States, class Embedding>
constexpr auto logits_of(States states, Embedding table) noexcept {
    constexpr weight<"W_logits", Shape.vocabulary, Shape.width> W_logits;
    if constexpr (Shape.tied)
        return states(i)[table];
    else
        return states(i)[W_logits];
}

/// An embedding, a stack of layers, and logits.
template <shape Shape, class Mask, class Activation>
inline constexpr auto language_model_rules = [] {
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr auto& block = block_rules<Shape, Mask, Activation>;
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            embedded(i) <<= embedding_of<Shape, "">(token, embedding),
            stack_rules<Shape, block, relation<"embedded">, relation<"normal_layers">>,
            logits(i)   <<= logits_of<Shape>(normal_layers, embedding));
    else
        return rules(
            embedded(i) <<= embedding_of<Shape, "">(token, embedding),
            layers(i)   <<= embedded(i) | stack<Shape.depth>(block),
            logits(i)   <<= logits_of<Shape>(layers, embedding));
    // clang-format on
}();

template <class Arguments>
using encoder_model =
    typename fact_list<fact<"x", Arguments::shape.tokens, Arguments::shape.width>>::template with<
        bound<"length">, Arguments::shape.padded>::
        template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
            encoder_rules<Arguments::shape,
                          padded_mask<Arguments::shape.padded, typename Arguments::mask, "length">,
                          typename Arguments::activation>>;

template <class Arguments>
using decoder_model =
    typename fact_list<fact<"x", Arguments::shape.tokens, Arguments::shape.width>,
                       fact<"memory", Arguments::shape.source_tokens,
                            Arguments::shape.width>>::template with<bound<"source_length">,
                                                                    Arguments::shape.padded>::
        template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
            decoder_block_rules<Arguments::shape, typename Arguments::mask,
                                padded_mask<Arguments::shape.padded, mask::none, "source_length">,
                                typename Arguments::activation>>;

/// A language model with the defaults of an architecture.
template <class Arguments>
struct language_model
    : fact_list<fact<"token", Arguments::shape.tokens, symbol<Arguments::shape.vocabulary>>>::
          template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
              language_model_rules<Arguments::shape, typename Arguments::mask,
                                   typename Arguments::activation>> {
    static constexpr nn::shape shape = Arguments::shape;

    /// As GPT-2 begins: gains one, biases zero, all else normal with deviation 0.02, and less by
    /// sqrt(2 depth) where a branch joins the residual path, so that the layers' outputs do not
    /// drown the embedding.
    template <class T>
    static void initialize(typename language_model::template parameters<T>& p,
                           std::uint64_t seed = 0) {
        language_model::model::initialize(p, seed);
        const double joining = 1 / std::sqrt(2.0 * shape.depth);
        language_model::for_each(p, [&](std::string_view name, auto view) {
            if (!name.starts_with("layers.W_")) return;
            const bool joins = name.ends_with("W_out") || name.ends_with("W_contract");
            const double inputs = view.extents[static_cast<std::size_t>(view.rank - 1)];
            const double factor = 0.02 * std::sqrt(inputs) * (joins ? joining : 1.0);
            for (int at = 0; at < view.size(); ++at) view.element(at) *= static_cast<T>(factor);
        });
    }
};

/// What a language model takes.
template <shape Shape, class... Options>
consteval bool check_language_model() {
    static_assert(
        takes<option::vocabulary, option::tokens, option::width, option::heads, option::key_heads,
              option::head_width, option::depth, option::hidden, option::mask, option::activation,
              option::biases, option::tied, option::scaled, option::score_cap,
              option::dropout_percent, option::norm_place, option::normalization,
              option::position>::only<Options...>,
        "sequent: a language model takes vocabulary, tokens, width, heads, key_heads, head_width, "
        "depth, hidden, a mask, an activation, biases, tied, scaled, score_cap, dropout_percent, "
        "pre_norm or post_norm, a normalization, a position");
    static_assert(check_shape<Shape>());
    static_assert(Shape.vocabulary > 0, "sequent: the option vocabulary<N> is missing");
    return true;
}

}  // namespace nn

namespace transformer {

/// Encoder layers: the fact x, tokens x width, to y, of the same shape (with a depth and post_norm
/// it is named layers). Takes tokens, width, heads, key_heads, head_width, hidden, depth, a mask,
/// an activation (relu by default), biases, scaled, score_cap, dropout_percent, padded, pre_norm or
/// post_norm (the default), a normalization, and a position that belongs to attention.
template <class... Options>
struct encoder : nn::encoder_model<nn::arguments<nn::block_defaults, Options...>> {
    static constexpr nn::shape shape = nn::arguments<nn::block_defaults, Options...>::shape;
    static_assert(
        nn::takes<nn::option::tokens, nn::option::width, nn::option::heads, nn::option::key_heads,
                  nn::option::head_width, nn::option::hidden, nn::option::depth, nn::option::mask,
                  nn::option::activation, nn::option::biases, nn::option::scaled,
                  nn::option::score_cap, nn::option::dropout_percent, nn::option::padded,
                  nn::option::norm_place, nn::option::normalization,
                  nn::option::position>::only<Options...>,
        "sequent: encoder takes tokens, width, heads, key_heads, head_width, hidden, depth, a "
        "mask, "
        "an activation, biases, scaled, score_cap, dropout_percent, padded, pre_norm or post_norm, "
        "a normalization, a position");
    static_assert(nn::check_shape<shape>());
};

/// One decoder layer: the facts x, tokens x width, and memory, source_tokens x width, to y, of x's
/// shape. Takes what encoder does but depth, and source_tokens; the mask is causal by default. With
/// padded the count source_length tells how much of the memory there is.
template <class... Options>
struct decoder
    : nn::decoder_model<
          nn::arguments<nn::defaults<post_norm, mask::causal, activation::relu>, Options...>> {
    static constexpr nn::shape shape =
        nn::arguments<nn::defaults<post_norm, mask::causal, activation::relu>, Options...>::shape;
    static_assert(
        nn::takes<nn::option::tokens, nn::option::source_tokens, nn::option::width,
                  nn::option::heads, nn::option::key_heads, nn::option::head_width,
                  nn::option::hidden, nn::option::mask, nn::option::activation, nn::option::biases,
                  nn::option::scaled, nn::option::score_cap, nn::option::dropout_percent,
                  nn::option::padded, nn::option::norm_place, nn::option::normalization,
                  nn::option::position>::only<Options...>,
        "sequent: decoder takes tokens, source_tokens, width, heads, key_heads, head_width, "
        "hidden, "
        "a mask, an activation, biases, scaled, score_cap, dropout_percent, padded, pre_norm or "
        "post_norm, a normalization, a position");
    static_assert(nn::check_shape<shape>());
};

/// A decoder-only language model: the fact token, symbols, to logits, tokens x vocabulary; row i
/// predicts the symbol after position i. Takes vocabulary, tokens, width, heads, key_heads,
/// head_width, depth, hidden, a mask (causal by default), an activation (gelu by default), biases,
/// tied, scaled, score_cap, dropout_percent, pre_norm (the default) or post_norm, a normalization,
/// a position (learned by default).
template <class... Options>
struct language_model
    : nn::language_model<nn::arguments<nn::defaults<pre_norm, mask::causal, activation::gelu,
                                                    normalization::layer<>, position::learned>,
                                       Options...>> {
    static_assert(nn::check_language_model<language_model::shape, Options...>());
};

}  // namespace transformer

}  // namespace sequent::inline SEQUENT_ABI

/// Architectures by name, with the defaults that their published models have. Where files of such
/// models come from Hugging Face, io::hugging_face has the names of their tensors.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

inline constexpr relation<"segment"> segment;
inline constexpr relation<"pooled"> pooled;
inline constexpr relation<"patch"> patch;
inline constexpr relation<"from_patch"> from_patch;
inline constexpr relation<"sequence"> sequence;
inline constexpr relation<"predicted"> predicted;

using gpt2_defaults = defaults<pre_norm, mask::causal, activation::gelu_tanh,
                               normalization::layer<>, position::learned>;
using llama_defaults = defaults<pre_norm, mask::causal, activation::swiglu, normalization::rms<>,
                                position::rotary<>, false>;
struct bert_defaults : defaults<post_norm, mask::none, activation::gelu, normalization::layer<12>,
                                position::learned> {
    static constexpr bool padded = true;
};
using vit_defaults =
    defaults<pre_norm, mask::none, activation::gelu, normalization::layer<6>, position::learned>;

/// From symbols to layers(i): what is embedded is normalised, and so is every residual sum.
template <shape Shape, class Mask, class Activation>
inline constexpr auto bert_rules = [] {
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr weight<"segment_embedding", Shape.segments, Shape.width> segment_embedding;
    constexpr weight<"position", Shape.width> position;
    constexpr weight<"gain", Shape.width> gain;
    constexpr weight<"bias", Shape.width> bias;
    // clang-format off
    return rules(
        embedded(i) <<= dropped<Shape>(normalized<Shape>(
                            (token(i)[embedding], segment(i)[segment_embedding], position(i)),
                            gain, bias)),
        layers(i)   <<= embedded(i) | stack<Shape.depth>(block_rules<Shape, Mask, Activation>));
    // clang-format on
}();

/// What the first position, which stands for the whole text, says.
template <shape Shape, class Mask, class Activation>
inline constexpr auto bert_pooled_rules = [] {
    constexpr weight<"W_pool", Shape.width, Shape.width> W_pool;
    constexpr weight<"b_pool", Shape.width> b_pool;
    return rules(bert_rules<Shape, Mask, Activation>,
                 pooled() <<= (layers(0)[W_pool], b_pool) | tanh());
}();

/// Logits of the symbol at each position.
template <shape Shape, class Mask, class Activation>
inline constexpr auto bert_masked_language_rules = [] {
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr weight<"W_predict", Shape.width, Shape.width> W_predict;
    constexpr weight<"b_predict", Shape.width> b_predict;
    constexpr weight<"gain_predict", Shape.width> gain_predict;
    constexpr weight<"bias_predict", Shape.width> bias_predict;
    constexpr weight<"b_logits", Shape.vocabulary> b_logits;
    // clang-format off
    return rules(
        bert_rules<Shape, Mask, Activation>,
        predicted(i) <<= normalized<Shape>((layers(i)[W_predict], b_predict) | Activation::rule,
                                           gain_predict, bias_predict),
        logits(i)    <<= (predicted(i)[embedding], b_logits));
    // clang-format on
}();

/// A class token stands before the patches, and its state is classified (arXiv 2010.11929,
/// equations 1 to 4).
template <shape Shape, class Mask, class Activation>
inline constexpr auto vit_rules = [] {
    constexpr var<"s", Shape.tokens + 1> s;
    constexpr weight<"W_patch", Shape.width, Shape.patch_width> W_patch;
    constexpr weight<"b_patch", Shape.width> b_patch;
    constexpr weight<"class_token", Shape.width> class_token;
    constexpr weight<"position", Shape.width> position;
    constexpr weight<"W_logits", Shape.classes, Shape.width> W_logits;
    constexpr weight<"b_logits", Shape.classes> b_logits;
    constexpr auto& block = block_rules<Shape, Mask, Activation>;
    // clang-format off
    return rules(
        from_patch(i) <<= (patch(i)[W_patch], b_patch),
        sequence(s)   <<= from_patch(s - 1),
        sequence(s)   <<= (class_token, s == 0),
        sequence(s)   <<= position(s),
        embedded(i)   <<= dropped<Shape>(sequence(i)),
        stack_rules<Shape, block, relation<"embedded">, relation<"normal_layers">>,
        logits()      <<= (normal_layers(0)[W_logits], b_logits));
    // clang-format on
}();

template <class Arguments>
using bert_facts = typename fact_list<
    fact<"token", Arguments::shape.tokens, symbol<Arguments::shape.vocabulary>>,
    fact<"segment", Arguments::shape.tokens, symbol<Arguments::shape.segments>>>::
    template with<bound<"length">, Arguments::shape.padded>::template with<
        bound<"seed">, (Arguments::shape.dropout_percent > 0)>;
template <class Arguments>
using bert_mask = padded_mask<Arguments::shape.padded, typename Arguments::mask, "length">;

template <shape Shape, class... Options>
consteval bool check_bert() {
    static_assert(
        takes<option::vocabulary, option::tokens, option::width, option::heads, option::depth,
              option::hidden, option::segments, option::mask, option::activation,
              option::dropout_percent, option::padded, option::normalization>::only<Options...>,
        "sequent: bert takes vocabulary, tokens, width, heads, depth, hidden, segments, a mask, an "
        "activation, dropout_percent, padded, a normalization");
    static_assert(check_shape<Shape>());
    static_assert(Shape.vocabulary > 0, "sequent: the option vocabulary<N> is missing");
    return true;
}

}  // namespace nn

/// GPT-2 (Radford et al. 2019). Takes what transformer::language_model does.
template <class... Options>
struct gpt2 : nn::language_model<nn::arguments<nn::gpt2_defaults, Options...>> {
    static_assert(nn::check_language_model<gpt2::shape, Options...>());
};

/// Llama (arXiv 2302.13971; grouped queries: arXiv 2307.09288), with llama2.c's order of rotary
/// pairs; position::rotary_halves<> is that of Hugging Face's files. Takes what
/// transformer::language_model does.
template <class... Options>
struct llama : nn::language_model<nn::arguments<nn::llama_defaults, Options...>> {
    static_assert(nn::check_language_model<llama::shape, Options...>());
};

/// BERT (arXiv 1810.04805): the facts token and segment, symbols, and the count length, to layers,
/// tokens x width, and pooled, width. Takes vocabulary, tokens, width, heads, depth, hidden,
/// segments (2 by default), a mask, an activation (gelu by default), dropout_percent, padded (true
/// by default; without it, there is no length), a normalization.
template <class... Options>
struct bert
    : nn::bert_facts<nn::arguments<nn::bert_defaults, Options...>>::
          template with<query<"layers", "pooled">, true>::template model_of<nn::bert_pooled_rules<
              nn::arguments<nn::bert_defaults, Options...>::shape,
              nn::bert_mask<nn::arguments<nn::bert_defaults, Options...>>,
              typename nn::arguments<nn::bert_defaults, Options...>::activation>> {
    static constexpr nn::shape shape = nn::arguments<nn::bert_defaults, Options...>::shape;
    static_assert(nn::check_bert<shape, Options...>());
};

/// The same to logits, tokens x vocabulary, of what stands at each position.
template <class... Options>
struct bert_masked_language
    : nn::bert_facts<nn::arguments<nn::bert_defaults, Options...>>::template model_of<
          nn::bert_masked_language_rules<
              nn::arguments<nn::bert_defaults, Options...>::shape,
              nn::bert_mask<nn::arguments<nn::bert_defaults, Options...>>,
              typename nn::arguments<nn::bert_defaults, Options...>::activation>> {
    static constexpr nn::shape shape = nn::arguments<nn::bert_defaults, Options...>::shape;
    static_assert(nn::check_bert<shape, Options...>());
};

/// The vision transformer (arXiv 2010.11929): the fact patch, tokens x patch_width, an image cut
/// into patches, row by row, each with its channels one after another; to logits, one for each of
/// the classes. Takes tokens (of patches), patch_width, classes, width, heads, depth, hidden, a
/// mask, an activation (gelu by default), dropout_percent, a normalization.
template <class... Options>
struct vit
    : nn::fact_list<fact<"patch", nn::arguments<nn::vit_defaults, Options...>::shape.tokens,
                         nn::arguments<nn::vit_defaults, Options...>::shape.patch_width>>::
          template with<bound<"seed">,
                        (nn::arguments<nn::vit_defaults, Options...>::shape.dropout_percent > 0)>::
              template model_of<
                  nn::vit_rules<nn::arguments<nn::vit_defaults, Options...>::shape,
                                typename nn::arguments<nn::vit_defaults, Options...>::mask,
                                typename nn::arguments<nn::vit_defaults, Options...>::activation>> {
    static constexpr nn::shape shape = nn::arguments<nn::vit_defaults, Options...>::shape;
    static_assert(
        nn::takes<nn::option::tokens, nn::option::patch_width, nn::option::classes,
                  nn::option::width, nn::option::heads, nn::option::depth, nn::option::hidden,
                  nn::option::mask, nn::option::activation, nn::option::dropout_percent,
                  nn::option::normalization>::only<Options...>,
        "sequent: vit takes tokens, patch_width, classes, width, heads, depth, hidden, a mask, an "
        "activation, dropout_percent, a normalization");
    static_assert(nn::check_shape<shape>());
    static_assert(shape.patch_width > 0 && shape.classes > 0,
                  "sequent: vit needs the options patch_width<N> and classes<N>");
};

}  // namespace sequent::inline SEQUENT_ABI

/// Recurrent networks, written as rules. state(t) is the state before input x(t); state(next(t)),
/// the one after it, is the output y(t).

namespace sequent::inline SEQUENT_ABI {

namespace nn {

inline constexpr var<"t"> t;
inline constexpr relation<"state"> state;
inline constexpr relation<"memory"> memory;
inline constexpr relation<"shown"> shown;
inline constexpr relation<"candidate"> candidate;
inline constexpr relation<"kept"> kept;
inline constexpr relation<"let_in"> let_in;
inline constexpr relation<"let_out"> let_out;
inline constexpr relation<"reset"> reset;
inline constexpr relation<"update"> update;
inline constexpr relation<"change"> change;
inline constexpr relation<"recalled"> recalled;
inline constexpr relation<"lower"> lower;

/// A state before the first input: learned, or zero unless it is set.
template <shape Shape, class Weight>
constexpr auto start(Weight weight) noexcept {
    if constexpr (Shape.learned_start)
        return weight;
    else
        return fixed(weight);
}

/// state' = f(W x + U state + b), with f the hyperbolic tangent or another function (Elman, Finding
/// structure in time, 1990).
template <shape Shape, class Activation>
struct rnn_cell {
    template <int Inputs, class Output>
    static constexpr auto rules() {
        constexpr int n = Shape.hidden;
        constexpr Output out;
        constexpr weight<"W", n, Inputs> W;
        constexpr weight<"U", n, n> U;
        constexpr weight<"b", n> b;
        constexpr weight<"start", n> s;
        // clang-format off
        return language::rules(
            state(0)       <<= start<Shape>(s),
            state(next(t)) <<= biased<Shape>((x(t)[W], state(t)[U]), b) | Activation::rule,
            out(t)         <<= state(next(t)));
        // clang-format on
    }
};

/// reset = sigmoid(W_r x + U_r state + b_r), update likewise,
/// candidate = tanh(W_n x + b_n + reset * (U_n state + c_n)),
/// state' = (1 - update) * candidate + update * state (arXiv 1406.1078, section 2.3, with the reset
/// after the product as in arXiv 1409.1259 and PyTorch).
template <shape Shape>
struct gru_cell {
    template <int Inputs, class Output>
    static constexpr auto rules() {
        constexpr int n = Shape.hidden;
        constexpr Output out;
        constexpr weight<"W_reset", n, Inputs> W_reset;
        constexpr weight<"U_reset", n, n> U_reset;
        constexpr weight<"b_reset", n> b_reset;
        constexpr weight<"W_update", n, Inputs> W_update;
        constexpr weight<"U_update", n, n> U_update;
        constexpr weight<"b_update", n> b_update;
        constexpr weight<"W_candidate", n, Inputs> W_candidate;
        constexpr weight<"U_candidate", n, n> U_candidate;
        constexpr weight<"b_candidate", n> b_candidate;
        constexpr weight<"c_candidate", n> c_candidate;
        constexpr weight<"start", n> s;
        // clang-format off
        return language::rules(
            reset(t)       <<= biased<Shape>((x(t)[W_reset], state(t)[U_reset]), b_reset)
                               | sigmoid(),
            update(t)      <<= biased<Shape>((x(t)[W_update], state(t)[U_update]), b_update)
                               | sigmoid(),
            change(t)      <<= update(t) | complement(),
            memory(t)      <<= biased<Shape>(state(t)[U_candidate], c_candidate),
            recalled(t)    <<= (reset(t), memory(t)) | elementwise_product(),
            candidate(t)   <<= biased<Shape>((x(t)[W_candidate], recalled(t)), b_candidate)
                               | tanh(),
            state(0)       <<= start<Shape>(s),
            state(next(t)) <<= (change(t), candidate(t)) | elementwise_product(),
            state(next(t)) <<= (update(t), state(t)) | elementwise_product(),
            out(t)         <<= state(next(t)));
        // clang-format on
    }
};

/// let_in, kept and let_out = sigmoid(W x + U state + b), each with weights of its own,
/// candidate = tanh(W_g x + U_g state + b_g), memory' = kept * memory + let_in * candidate,
/// state' = let_out * tanh(memory') (Hochreiter and Schmidhuber, Long short-term memory, 1997, with
/// the forget gate of Gers, Schmidhuber and Cummins, 2000).
template <shape Shape>
struct lstm_cell {
    template <int Inputs, class Output>
    static constexpr auto rules() {
        constexpr int n = Shape.hidden;
        constexpr Output out;
        constexpr weight<"W_in", n, Inputs> W_in;
        constexpr weight<"U_in", n, n> U_in;
        constexpr weight<"b_in", n> b_in;
        constexpr weight<"W_forget", n, Inputs> W_forget;
        constexpr weight<"U_forget", n, n> U_forget;
        constexpr weight<"b_forget", n> b_forget;
        constexpr weight<"W_candidate", n, Inputs> W_candidate;
        constexpr weight<"U_candidate", n, n> U_candidate;
        constexpr weight<"b_candidate", n> b_candidate;
        constexpr weight<"W_out", n, Inputs> W_out;
        constexpr weight<"U_out", n, n> U_out;
        constexpr weight<"b_out", n> b_out;
        constexpr weight<"start", n> s;
        constexpr weight<"start_memory", n> s_memory;
        // clang-format off
        return language::rules(
            let_in(t)       <<= biased<Shape>((x(t)[W_in], state(t)[U_in]), b_in) | sigmoid(),
            kept(t)         <<= biased<Shape>((x(t)[W_forget], state(t)[U_forget]), b_forget)
                                | sigmoid(),
            candidate(t)    <<= biased<Shape>((x(t)[W_candidate], state(t)[U_candidate]),
                                              b_candidate) | tanh(),
            let_out(t)      <<= biased<Shape>((x(t)[W_out], state(t)[U_out]), b_out) | sigmoid(),
            memory(0)       <<= start<Shape>(s_memory),
            memory(next(t)) <<= (kept(t), memory(t)) | elementwise_product(),
            memory(next(t)) <<= (let_in(t), candidate(t)) | elementwise_product(),
            shown(t)        <<= memory(t) | tanh(),
            state(0)        <<= start<Shape>(s),
            state(next(t))  <<= (let_out(t), shown(next(t))) | elementwise_product(),
            out(t)          <<= state(next(t)));
        // clang-format on
    }
};

template <shape Shape, class Cell>
inline constexpr auto upper_rules = Cell::template rules<Shape.hidden, relation<"y">>();

/// A layer, or several, each with the states of the one below as its inputs.
template <shape Shape, class Cell>
inline constexpr auto recurrent_rules = [] {
    if constexpr (Shape.depth == 1)
        return Cell::template rules<Shape.width, relation<"y">>();
    else
        return rules(Cell::template rules<Shape.width, relation<"lower">>(),
                     y(t) <<= lower(t) | stack<Shape.depth - 1>(upper_rules<Shape, Cell>));
}();

/// The states are as wide as the inputs unless `hidden` tells otherwise.
template <class... Options>
consteval shape recurrent_shape_of() {
    shape result = arguments<block_defaults, Options...>::shape;
    result.hidden = number_of<option::hidden, 0, Options...>();
    if (result.hidden == 0) result.hidden = result.width;
    return result;
}

template <class... Options>
inline constexpr bool takes_recurrent =
    takes<option::tokens, option::width, option::hidden, option::depth, option::biases,
          option::learned_start>::only<Options...>;

}  // namespace nn

/// Each takes tokens, width, hidden (the width by default), depth (of layers, each from the states
/// of the one below), biases, learned_start. The fact x, tokens x width, to y, tokens x hidden: the
/// states after each input. The state before the first is the weight `start`: zero, and not
/// trained, unless learned_start<true> is given.
namespace recurrent {

/// Takes an activation, too: tanh by default, as torch.nn.RNN, with b = b_ih + b_hh.
template <class... Options>
struct rnn
    : model<nn::recurrent_rules<
                nn::recurrent_shape_of<Options...>(),
                nn::rnn_cell<nn::recurrent_shape_of<Options...>(),
                             nn::type_of<nn::option::activation, activation::tanh, Options...>>>,
            fact<"x", nn::recurrent_shape_of<Options...>().tokens,
                 nn::recurrent_shape_of<Options...>().width>> {
    static constexpr nn::shape shape = nn::recurrent_shape_of<Options...>();
    static_assert(nn::takes<nn::option::tokens, nn::option::width, nn::option::hidden,
                            nn::option::depth, nn::option::biases, nn::option::learned_start,
                            nn::option::activation>::only<Options...>,
                  "sequent: rnn takes tokens, width, hidden, depth, biases, learned_start, an "
                  "activation");
    static_assert(nn::check_shape<shape>());
};

/// As torch.nn.GRU, whose rows of weight_ih are reset, update and candidate; b_reset and b_update
/// are the sums of its two biases, b_candidate and c_candidate are b_in and b_hn.
template <class... Options>
struct gru : model<nn::recurrent_rules<nn::recurrent_shape_of<Options...>(),
                                       nn::gru_cell<nn::recurrent_shape_of<Options...>()>>,
                   fact<"x", nn::recurrent_shape_of<Options...>().tokens,
                        nn::recurrent_shape_of<Options...>().width>> {
    static constexpr nn::shape shape = nn::recurrent_shape_of<Options...>();
    static_assert(nn::takes_recurrent<Options...>,
                  "sequent: gru takes tokens, width, hidden, depth, biases, learned_start");
    static_assert(nn::check_shape<shape>());
};

/// As torch.nn.LSTM, whose rows of weight_ih are in, forget, candidate and out; each b is the sum
/// of its two biases. The memory before the first input is the weight `start_memory`.
template <class... Options>
struct lstm : model<nn::recurrent_rules<nn::recurrent_shape_of<Options...>(),
                                        nn::lstm_cell<nn::recurrent_shape_of<Options...>()>>,
                    fact<"x", nn::recurrent_shape_of<Options...>().tokens,
                         nn::recurrent_shape_of<Options...>().width>> {
    static constexpr nn::shape shape = nn::recurrent_shape_of<Options...>();
    static_assert(nn::takes_recurrent<Options...>,
                  "sequent: lstm takes tokens, width, hidden, depth, biases, learned_start");
    static_assert(nn::check_shape<shape>());
};

}  // namespace recurrent
}  // namespace sequent::inline SEQUENT_ABI

/// Rules as types in, steps with offsets and strides out: constexpr functions over arrays, no SIMD,
/// no run time.

/// Training: losses with their gradients, optimisers, clipping, learning-rate schedules.

/// Parameters and an optimiser's state in one safetensors file.

namespace sequent::inline SEQUENT_ABI::train {

namespace detail {

/// All weights under their own names, and each array of the optimiser's state as tensors of the
/// same shapes, so that the file does not depend on how the plan lays parameters out.
template <class Model, class T, class Optimizer>
std::vector<io::named_tensor<T>> checkpoint_tensors(std::span<T> parameters, Optimizer& optimizer) {
    std::vector<io::named_tensor<T>> tensors;
    auto add = [&](const std::string& prefix, std::span<T> flat) {
        Model::for_each(flat, [&](std::string_view name, auto view) {
            tensors.push_back({prefix + std::string(name), view});
        });
    };
    add("", parameters);
    for (auto& array : optimizer.state())
        if (!array.values.empty()) add("optimizer." + std::string(array.name) + ".", array.values);
    return tensors;
}

}  // namespace detail

/// Writes parameters, optimiser state and metadata to a new file that then replaces `path`. What
/// load_checkpoint reads back is equal to the last bit.
///
/// Throws io::error if the file cannot be written or a number is not finite.
template <class Model, class T, class Optimizer>
void save_checkpoint(const std::filesystem::path& path, std::span<T> parameters,
                     Optimizer& optimizer, io::metadata_map metadata = {}) {
    metadata["optimizer.steps"] = std::to_string(optimizer.steps());
    io::save(path, detail::checkpoint_tensors<Model, T>(parameters, optimizer), metadata);
}

/// Fills parameters and optimiser state, and returns the metadata.
///
/// Throws io::error if the file does not hold exactly this model and optimiser; then nothing has
/// changed.
template <class Model, class T, class Optimizer>
io::metadata_map load_checkpoint(const std::filesystem::path& path, std::span<T> parameters,
                                 Optimizer& optimizer) {
    const io::metadata_map known = io::read_header(path).metadata;
    const auto steps = known.find("optimizer.steps");
    if (steps == known.end())
        fail<io::error>(path.string() + ": the metadata has no \"optimizer.steps\"");
    std::int64_t count = 0;
    for (const char digit : steps->second) {
        if (digit < '0' || digit > '9' || count > (std::int64_t{1} << 50))
            fail<io::error>(path.string() + ": \"optimizer.steps\" is no count: \"" +
                            steps->second + "\"");
        count = count * 10 + (digit - '0');
    }
    const io::metadata_map metadata =
        io::load(path, detail::checkpoint_tensors<Model, T>(parameters, optimizer));
    optimizer.set_steps(count);
    return metadata;
}

}  // namespace sequent::inline SEQUENT_ABI::train

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
T cross_entropy_row(const T* logits, std::int32_t target, T* gradient, T factor) noexcept {
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
    return std::log(sum) + (greatest - logits[target]);
}

template <int Rows, int Classes, bool WithGradient, class T>
T cross_entropy(const T* logits, std::span<const std::int32_t> targets, T* gradient,
                T scale) noexcept {
    static_assert(Rows > 0 && Classes > 0);
    assert(targets.size() == static_cast<std::size_t>(Rows));
    double sum = 0;
    for (int row = 0; row < Rows; ++row) {
        const std::int32_t target = targets[static_cast<std::size_t>(row)];
        assert(0 <= target && target < Classes);
        const std::ptrdiff_t at = std::ptrdiff_t{row} * Classes;
        sum += static_cast<double>(cross_entropy_row<Classes, WithGradient>(
            logits + at, target, WithGradient ? gradient + at : nullptr, scale / T(Rows)));
    }
    return static_cast<T>(sum / Rows);
}

}  // namespace detail

/// The mean over rows of -log softmax(logits[row])[targets[row]], in nats, and its gradient with
/// respect to the logits, times `scale`: gradient = scale * (softmax - one-hot) / Rows.
///
/// `logits` and `gradient`: Rows x Classes, row-major, without gaps; `gradient` is overwritten.
/// `targets`: Rows classes, 0 <= class < Classes, unchecked in release builds.
template <int Rows, int Classes, class T>
T cross_entropy(const T* logits, std::span<const std::int32_t> targets, T* gradient,
                std::type_identity_t<T> scale = 1) noexcept {
    return detail::cross_entropy<Rows, Classes, true, T>(logits, targets, gradient, scale);
}

/// The loss alone.
template <int Rows, int Classes, class T>
T cross_entropy(const T* logits, std::span<const std::int32_t> targets) noexcept {
    return detail::cross_entropy<Rows, Classes, false, T>(logits, targets, nullptr, T(1));
}

/// The mean over all elements of (value - target)^2, and its gradient with respect to the values,
/// times `scale`: gradient = scale * 2 (value - target) / Size.
///
/// All three arrays have Size elements; `gradient` is overwritten and may be null.
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
    return kernel::reduce_add(sums) / T(Size);
}

/// The loss alone.
template <int Size, class T>
T squared_error(const T* values, const T* targets) noexcept {
    return squared_error<Size, T>(values, targets, nullptr);
}

}  // namespace sequent::inline SEQUENT_ABI::train

namespace sequent::inline SEQUENT_ABI::train::detail {

/// Covers elements [begin, end) of arrays with vectors: calls update(read, write) for each vector,
/// where read(array) gives the array's elements at this place and write(array, x) replaces them.
/// The last call may be a part of a vector: it reads zeros behind the end and writes nothing there.
/// Limited by memory, or by the L2 cache where all arrays fit in it.
template <class T, class Update>
void for_each_vector(std::size_t begin, std::size_t end, Update update) noexcept {
    using kernel::batch;
    constexpr auto width = static_cast<std::size_t>(kernel::lanes<T>);
    std::size_t at = begin;
    for (; at + width <= end; at += width) {
        update([at](const T* array) { return kernel::load(array + at); },
               [at](T* array, batch<T> x) { kernel::store(array + at, x); });
    }
    if (at == end) return;
    const int rest = static_cast<int>(end - at);
    update([at, rest](const T* array) { return kernel::load_first(array + at, rest); },
           [at, rest](T* array, batch<T> x) { kernel::store_first(array + at, x, rest); });
}

/// The same for all of `size` elements, on the threads of a pool if there is one.
template <class T, class Update>
void for_each_vector(std::size_t size, thread_pool* pool, Update update) noexcept {
    if (pool == nullptr) return for_each_vector<T>(0, size, update);
    constexpr std::size_t part = 16384;
    pool->run(static_cast<int>((size + part - 1) / part), [&](int task) {
        const std::size_t begin = static_cast<std::size_t>(task) * part;
        for_each_vector<T>(begin, std::min(size, begin + part), update);
    });
}

}  // namespace sequent::inline SEQUENT_ABI::train::detail

/// Optimisers over flat arrays: the parameters, and a gradient of the same size and order. What
/// they remember is allocated once, by the constructor; `step` allocates nothing and does not
/// throw. `state()` and `steps()` are all that has to be saved to continue exactly.
///
/// Each has, for spans of the size given to the constructor,
///
///     step(parameters, gradient, learning_rate)
///     step_and_clear(parameters, gradient, learning_rate, scale)          scale = 1 by default
///     step_and_clear(parameters, gradient, learning_rate, scale, pool)
///
/// step_and_clear steps by scale * gradient and leaves zeros in the gradient, in one pass over the
/// memory: with clip_factor as the scale, the bits of clip_by_norm, step and a fill. On a pool it
/// has the same numbers for any number of threads.

namespace sequent::inline SEQUENT_ABI::train {

/// One array that an optimiser remembers, with a name for files.
template <class T>
struct state_array {
    std::string_view name;
    std::span<T> values;
};

namespace detail {

/// The ways to call an optimiser that has update(parameters, learning_rate, pool, take), where
/// take(read, write) gives the gradient at a place.
template <class Optimizer, class T>
class stepping {
  public:
    void step(std::span<T> parameters, std::span<const T> gradient, double learning_rate) noexcept {
        assert(parameters.size() == gradient.size());
        const T* const from = gradient.data();
        self().update(parameters, learning_rate, nullptr,
                      [from](auto read, auto) { return read(from); });
    }
    void step_and_clear(std::span<T> parameters, std::span<T> gradient, double learning_rate,
                        T scale = 1) noexcept {
        take_and_clear(parameters, gradient, learning_rate, scale, nullptr);
    }
    void step_and_clear(std::span<T> parameters, std::span<T> gradient, double learning_rate,
                        T scale, thread_pool& pool) noexcept {
        take_and_clear(parameters, gradient, learning_rate, scale, &pool);
    }

  private:
    Optimizer& self() noexcept { return static_cast<Optimizer&>(*this); }

    void take_and_clear(std::span<T> parameters, std::span<T> gradient, double learning_rate,
                        T scale, thread_pool* pool) noexcept {
        assert(parameters.size() == gradient.size());
        T* const from = gradient.data();
        self().update(parameters, learning_rate, pool,
                      [from, factor = kernel::set(scale)](auto read, auto write) {
                          const kernel::batch<T> g = read(from) * factor;
                          write(from, kernel::zero<T>());
                          return g;
                      });
    }
};

}  // namespace detail

/// Stochastic gradient descent with momentum:
///
///     velocity = momentum * velocity + gradient
///     parameter = parameter - learning_rate * velocity
///
/// Without momentum (0, the default) nothing is remembered.
template <class T>
class sgd : public detail::stepping<sgd<T>, T> {
  public:
    explicit sgd(std::size_t size, double momentum = 0)
        : size_(size), momentum_(momentum), velocity_(momentum == 0 ? 0 : size) {}

    std::array<state_array<T>, 1> state() noexcept { return {{{"velocity", velocity_}}}; }

    /// How many steps were taken.
    std::int64_t steps() const noexcept { return steps_; }
    void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

  private:
    friend detail::stepping<sgd, T>;

    template <class Take>
    void update(std::span<T> parameters, double learning_rate, thread_pool* pool,
                Take take) noexcept {
        assert(parameters.size() == size_);
        ++steps_;
        T* const to = parameters.data();
        const auto descent = kernel::set(static_cast<T>(-learning_rate));
        if (velocity_.empty()) {
            detail::for_each_vector<T>(size_, pool, [=](auto read, auto write) {
                write(to, kernel::fma(descent, take(read, write), read(to)));
            });
            return;
        }
        const auto momentum = kernel::set(static_cast<T>(momentum_));
        T* const velocity = velocity_.data();
        detail::for_each_vector<T>(size_, pool, [=](auto read, auto write) {
            const auto v = kernel::fma(momentum, read(velocity), take(read, write));
            write(velocity, v);
            write(to, kernel::fma(descent, v, read(to)));
        });
    }

    std::size_t size_;
    double momentum_;
    std::vector<T> velocity_;
    std::int64_t steps_ = 0;
};

/// The decay rates of Adam's moments, and what keeps its divisor from zero.
struct adam_options {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
};

namespace detail {

/// What Adam and AdamW share: the moments and the step. Sums of products are written as fused ones,
/// so that a compiler has no choice which to fuse and every way to step has the same bits.
template <class T>
class adam_moments {
  public:
    adam_moments(std::size_t size, adam_options options)
        : options_(options), first_(size), second_(size) {}

    std::array<state_array<T>, 2> state() noexcept {
        return {{{"first_moment", first_}, {"second_moment", second_}}};
    }

    /// How many steps were taken: the bias correction depends on it.
    std::int64_t steps() const noexcept { return steps_; }
    void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

  protected:
    /// `keep(read, x)` gives what decay leaves of the parameters x.
    template <class Take, class Keep>
    void advance(std::span<T> parameters, double learning_rate, thread_pool* pool, Take take,
                 Keep keep) noexcept {
        assert(parameters.size() == first_.size());
        ++steps_;
        const auto count = static_cast<double>(steps_);
        const double correction1 = 1 - std::pow(options_.beta1, count);
        const double correction2 = 1 - std::pow(options_.beta2, count);
        const auto number = [](double x) { return kernel::set(static_cast<T>(x)); };
        const auto beta1 = number(options_.beta1), rest1 = number(1 - options_.beta1);
        const auto beta2 = number(options_.beta2), rest2 = number(1 - options_.beta2);
        const auto rate = number(learning_rate / correction1);
        const auto root_factor = number(1 / std::sqrt(correction2));
        const auto epsilon = number(options_.epsilon);
        T* const to = parameters.data();
        T* const first = first_.data();
        T* const second = second_.data();
        for_each_vector<T>(first_.size(), pool, [=](auto read, auto write) {
            using kernel::fma;
            const kernel::batch<T> g = take(read, write);
            const kernel::batch<T> m = fma(beta1, read(first), rest1 * g);
            const kernel::batch<T> v = fma(beta2, read(second), rest2 * g * g);
            write(first, m);
            write(second, v);
            const kernel::batch<T> divisor = fma(xsimd::sqrt(v), root_factor, epsilon);
            const kernel::batch<T> p = keep(read, read(to));
            write(to, kernel::batch<T>(p - rate * m / divisor));
        });
    }

    adam_options options_;
    std::vector<T> first_;
    std::vector<T> second_;
    std::int64_t steps_ = 0;
};

}  // namespace detail

/// Adam with bias correction (Kingma and Ba, arXiv 1412.6980, algorithm 1).
template <class T>
class adam : public detail::adam_moments<T>, public detail::stepping<adam<T>, T> {
  public:
    explicit adam(std::size_t size, adam_options options = {})
        : detail::adam_moments<T>(size, options) {}

  private:
    friend detail::stepping<adam, T>;

    template <class Take>
    void update(std::span<T> parameters, double learning_rate, thread_pool* pool,
                Take take) noexcept {
        this->advance(parameters, learning_rate, pool, take, [](auto, auto p) { return p; });
    }
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2): beside
/// Adam's step each parameter loses learning_rate * weight_decay of itself.
///
/// `mask` scales the decay parameter by parameter: 1 decays, 0 does not; usual is 1 for matrices, 0
/// for vectors and scalars. An empty mask lets all decay. It is copied.
///
/// Throws std::invalid_argument if the mask has another size than the parameters.
template <class T>
class adam_w : public detail::adam_moments<T>, public detail::stepping<adam_w<T>, T> {
  public:
    adam_w(std::size_t size, double weight_decay, std::span<const T> mask = {},
           adam_options options = {})
        : detail::adam_moments<T>(size, options), decay_(size, static_cast<T>(weight_decay)) {
        if (mask.empty()) return;
        if (mask.size() != size) {
            fail<std::invalid_argument>("adam_w: the mask has " + std::to_string(mask.size()) +
                                        " elements, the parameters have " + std::to_string(size));
        }
        std::ranges::transform(mask, decay_.begin(), [&](T x) {
            return static_cast<T>(weight_decay * static_cast<double>(x));
        });
    }

  private:
    friend detail::stepping<adam_w, T>;

    template <class Take>
    void update(std::span<T> parameters, double learning_rate, thread_pool* pool,
                Take take) noexcept {
        const auto descent = kernel::set(static_cast<T>(-learning_rate));
        const T* const decay = decay_.data();
        this->advance(parameters, learning_rate, pool, take, [=](auto read, auto p) {
            return kernel::fma(kernel::batch<T>(descent * read(decay)), p, p);
        });
    }

    std::vector<T> decay_;
};

}  // namespace sequent::inline SEQUENT_ABI::train

#include <numbers>

namespace sequent::inline SEQUENT_ABI::train {

/// The learning rate of a step, counted from 0: it climbs in a straight line, reaches `peak` at
/// step `warmup_steps`, falls along half a cosine (Loshchilov and Hutter, arXiv 1608.03983,
/// equation 5, without restarts) to `floor` at step `total_steps`, and stays there.
struct warmup_cosine {
    double peak = 1e-3;
    double floor = 0;
    std::int64_t warmup_steps = 0;
    std::int64_t total_steps = 1;

    double operator()(std::int64_t step) const noexcept {
        // One more in both: the first step shall not be lost to a rate of zero.
        if (step < warmup_steps) {
            return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps + 1);
        }
        if (step >= total_steps) return floor;
        const double progress = static_cast<double>(step - warmup_steps) /
                                static_cast<double>(total_steps - warmup_steps);
        return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::train

#endif  // SEQUENT_SINGLE_HEADER_HPP
