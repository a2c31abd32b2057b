#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kept_columns.hpp"
#include "packed_formats.hpp"

/// Cached columns in the formats of packed weights.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Columns rounded to bfloat16.
template <>
struct kept_columns<bf16, float> {
    /// A stored number.
    using number = std::uint16_t;
    /// No scales.
    static constexpr int block = 0;

    /// lanes<float> stored numbers.
    static SEQUENT_INLINE batch<float> load(const number* from) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
#elif defined(SEQUENT_PACKED_AVX2)
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
#else
        alignas(batch<float>) float result[lanes<float>];
        for (int i = 0; i < lanes<float>; ++i) result[i] = from_bf16(from[i]);
        return batch<float>::load_aligned(result);
#endif
    }
    /// Stores `count` contiguous numbers as a column.
    static void put(const float* from, int count, number* to, std::uint16_t*,
                    std::ptrdiff_t pitch) noexcept {
        for (int k = 0; k < count; ++k) to[k * pitch] = detail::bfloat_of_float(from[k]);
    }
};

/// Signed bytes with a scale for each block of 32 numbers of a column, as in packed weights; the
/// last block may be shorter.
template <>
struct kept_columns<q8_0, float> {
    /// A stored number.
    using number = std::int8_t;
    /// Numbers that share a scale.
    static constexpr int block = detail::block_inputs;

    /// lanes<float> stored numbers, without scale.
    static SEQUENT_INLINE batch<float> load(const number* from) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
#elif defined(SEQUENT_PACKED_AVX2)
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
#else
        alignas(batch<float>) float result[lanes<float>];
        for (int i = 0; i < lanes<float>; ++i) result[i] = static_cast<float>(from[i]);
        return batch<float>::load_aligned(result);
#endif
    }
    /// lanes<float> scales.
    static SEQUENT_INLINE batch<float> scales(const std::uint16_t* from) noexcept {
        return detail::load_halves(from);
    }
    /// Stores `count` contiguous numbers as a column, and their scales.
    static void put(const float* from, int count, number* to, std::uint16_t* scales,
                    std::ptrdiff_t pitch) noexcept {
        for (int k = 0; k < count; k += block) {
            float x[block]{};
            std::uint16_t q[block];
            const int some = std::min(block, count - k);
            std::copy_n(from + k, some, x);
            scales[k / block * pitch] = to_f16(static_cast<double>(q8_0::quantise(x, q)[0]));
            for (int at = 0; at < some; ++at)
                to[(k + at) * pitch] = static_cast<number>(q[at] - 128);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
