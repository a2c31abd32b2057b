#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include "../config.hpp"

/// Vectors of numbers: loads, stores, reductions and transposition on every instruction set.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <xsimd/xsimd.hpp>

namespace sequent::inline SEQUENT_ABI::kernel {

/// The widest vector of T in the instruction set of this translation unit.
template <class T>
using batch = xsimd::batch<T>;

/// Number of elements of a batch<T>.
template <class T>
inline constexpr int lanes = static_cast<int>(batch<T>::size);

#if defined(__AVX512F__) || defined(__aarch64__)
/// Number of vector registers of the instruction set.
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

/// Calls f(std::integral_constant<int, I>) for I = 0 .. Count - 1. Only for loops whose index must
/// be a constant: SEQUENT_UNROLL compiles faster.
template <int Count, class F>
SEQUENT_INLINE constexpr void unroll(F&& f) noexcept {
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        (f(std::integral_constant<int, I>{}), ...);
    }
    (std::make_integer_sequence<int, Count>{});
}

/// A vector of zeros.
template <class T>
SEQUENT_INLINE batch<T> zero() noexcept {
    return batch<T>(T(0));
}

/// A vector with x in all lanes.
template <class T>
SEQUENT_INLINE batch<T> set(T x) noexcept {
    return batch<T>(x);
}

/// The lanes<T> elements from p on, which needs no alignment.
template <class T>
SEQUENT_INLINE batch<T> load(const T* p) noexcept {
    return batch<T>::load_unaligned(p);
}

/// Writes lanes<T> elements from p on, which needs no alignment.
template <class T>
SEQUENT_INLINE void store(T* p, batch<T> x) noexcept {
    x.store_unaligned(p);
}

/// a * b + c, with a single rounding if the processor has this operation.
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
/// Ones in the first `count` elements of size sizeof(T), for AVX maskload and maskstore.
template <class T>
SEQUENT_INLINE __m256i first_mask(int count) noexcept {
    // A window slides over eight words of ones and eight of zeros.
    static constexpr std::int32_t words[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const int ones = count * static_cast<int>(sizeof(T) / 4);
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + 8 - ones));
}
#endif

/// The first `count` elements, then zeros; memory beyond is not accessed. 0 <= count <= lanes<T>.
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

/// Writes the first `count` elements of x and nothing else. 0 <= count <= lanes<T>.
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

/// Likewise with a static count: a whole vector becomes a plain load, and half a vector a plain one
/// of 256 bits, since a load does not get the data of a masked store before it is in the cache.
template <int Count, class T>
SEQUENT_INLINE batch<T> load_first(const T* p) noexcept {
    static_assert(0 <= Count && Count <= lanes<T>);
    if constexpr (Count == lanes<T>) return load(p);
#if defined(__AVX512F__)
    if constexpr (2 * Count == lanes<T>) {
        if constexpr (sizeof(T) == 4)
            return _mm512_zextps256_ps512(_mm256_loadu_ps(p));
        else
            return _mm512_zextpd256_pd512(_mm256_loadu_pd(p));
    }
#endif
    return load_first(p, Count);
}

/// Likewise with a static count: a whole vector, and half of one, become plain stores.
template <int Count, class T>
SEQUENT_INLINE void store_first(T* p, batch<T> x) noexcept {
    static_assert(0 <= Count && Count <= lanes<T>);
    if constexpr (Count == lanes<T>) return store(p, x);
#if defined(__AVX512F__)
    if constexpr (2 * Count == lanes<T>) {
        if constexpr (sizeof(T) == 4)
            return _mm256_storeu_ps(p, _mm512_castps512_ps256(x));
        else
            return _mm256_storeu_pd(p, _mm512_castpd512_pd256(x));
    }
#endif
    return store_first(p, x, Count);
}

/// A vector with half the lanes, for the ends of rows: it costs half on processors that execute 512
/// bits as two halves. The same as batch<T> where that gains nothing.
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

/// Writes the first Count elements of half a vector.
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

/// The first Count elements.
template <class B, int Count, class T>
SEQUENT_INLINE B load_first_as(const T* p) noexcept {
    return load_first<Count>(p);
}

/// Returns x.
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

/// The sum of the lanes.
template <class T>
SEQUENT_INLINE T reduce_add(batch<T> x) noexcept {
#if XSIMD_VERSION_MAJOR >= 9
    return xsimd::reduce_add(x);
#else
    return xsimd::hadd(x);
#endif
}

/// The maximum of the lanes.
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

/// to[k] = the sum of the lanes of x[k], for k < Count. Groups of four float vectors are summed
/// together.
template <int Count, class T>
SEQUENT_INLINE void reduce_add_each(const batch<T>* x, T* to) noexcept {
    constexpr int together = sizeof(T) == 4 ? Count / 4 * 4 : 0;
#if defined(__SSE2__)
    if constexpr (sizeof(T) == 4) SEQUENT_UNROLL for (int k = 0; k < together; k += 4) {
            const auto a = x[k].data, b = x[k + 1].data, c = x[k + 2].data, d = x[k + 3].data;
            const auto sum = [](auto one, auto other) __attribute__((always_inline)) {
                return batch<T>(one) + batch<T>(other);
            };
            const auto ab = sum(detail::low_words(a, b), detail::high_words(a, b)).data;
            const auto cd = sum(detail::low_words(c, d), detail::high_words(c, d)).data;
            const auto all = sum(detail::as_floats(detail::low_halves(ab, cd)),
                                 detail::as_floats(detail::high_halves(ab, cd)))
                                 .data;
#if defined(__AVX512F__)
            const __m256 half =
                _mm256_add_ps(_mm512_castps512_ps256(all),
                              _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(all), 1)));
#elif defined(__AVX__)
            const __m256 half = all;
#endif
#if defined(__AVX__)
            _mm_storeu_ps(to + k,
                          _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
#else
            _mm_storeu_ps(to + k, all);
#endif
        }
#else
    SEQUENT_UNROLL for (int k = 0; k < together; ++k) to[k] = reduce_add(x[k]);
#endif
    SEQUENT_UNROLL for (int k = together; k < Count; ++k) to[k] = reduce_add(x[k]);
}

/// Number of columns that load_transposed gives: the elements of a 128-bit lane.
template <class T>
inline constexpr int transposed_columns = 16 / static_cast<int>(sizeof(T));

/// Reads transposed_columns<T> elements from each of lanes<T> rows and returns them as columns:
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
