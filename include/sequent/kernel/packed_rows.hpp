#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "packed_words.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

/// Rows of activations, quantised by blocks of 32 numbers for a product with packed weights. A type
/// of rows has
///   block     32 numbers of one row; `groups` words of it meet the words of the weights
///   quantise  makes a block of 32 floats
///   sum       what adds up the products of a block: begin gives its start, add one group's
///             products, end the float sum after the block

namespace sequent::inline SEQUENT_ABI::kernel::detail {

inline constexpr int block_inputs = 32;

/// Signed bytes: number = scale * q, scale = max |x| / 127, q rounded to nearest even. Weights are
/// scaled too, and Offset is subtracted from their bytes.
template <int Offset>
struct byte_rows {
    static constexpr int groups = block_inputs / 4;
    static constexpr bool scaled = true;
    using sum = words;

    struct block {
        float scale;         ///< 0 if all numbers are below 2^-118, NaN if one is not finite
        std::int32_t start;  ///< -Offset times the sum of q
        row_number q[block_inputs];  ///< at row_place
    };

    static void quantise(const float* x, block& to) noexcept {
        constexpr int n = lanes<float>;
        using integers = batch<std::int32_t>;
        integers bits(0);
        SEQUENT_UNROLL for (int i = 0; i < block_inputs; i += n) {
            const integers next =
                integers::load_unaligned(reinterpret_cast<const std::int32_t*>(x + i));
            bits = xsimd::max(bits, next & integers(0x7FFFFFFF));
        }
        const float greatest = std::bit_cast<float>(greatest_of(bits));
        const bool finite = greatest <= std::numeric_limits<float>::max();
        const bool any = finite && greatest >= 0x1p-118f;  // 127 / greatest is finite
        const float inverse = any ? 127 / greatest : 0.0f;
        to.scale = any ? greatest / 127 : finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
        if (!finite) {
            to = {to.scale, 0, {}};
            return;
        }
#if defined(SEQUENT_PACKED_AVX512) && defined(SEQUENT_PACKED_VNNI)
        const __m512 factor = _mm512_set1_ps(inverse);
        const __m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), factor));
        const __m512i high = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16), factor));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to.q), _mm512_cvtepi32_epi8(low));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to.q + 16), _mm512_cvtepi32_epi8(high));
        to.start = -Offset * _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
#else
        alignas(integers) std::int32_t q[block_inputs];
        SEQUENT_UNROLL for (int i = 0; i < block_inputs; i += n)
            xsimd::nearbyint_as_int(load(x + i) * set(inverse))
                .store_aligned(q + i);
        std::int32_t total = 0;
        for (int i = 0; i < block_inputs; ++i) {
            total += q[i];
            to.q[row_place(i)] = static_cast<row_number>(q[i]);
        }
        to.start = -Offset * total;
#endif
    }

    static SEQUENT_INLINE sum begin(const block& row, batch<float>) noexcept {
        return set_word(row.start);
    }
    static SEQUENT_INLINE row_group group(const block& row, int at) noexcept {
        return load_group(row.q + 4 * at);
    }
    static SEQUENT_INLINE sum add(sum so_far, words w, const row_group& x) noexcept {
        return add_byte_products(so_far, w, x);
    }
    static SEQUENT_INLINE batch<float> end(const block& row, sum block_sum, batch<float> scale,
                                           batch<float> so_far) noexcept {
        return fma(floats_of(block_sum), scale * set(row.scale), so_far);
    }

  private:
    static SEQUENT_INLINE std::int32_t greatest_of(batch<std::int32_t> x) noexcept {
#if defined(SEQUENT_PACKED_AVX512)
        return _mm512_reduce_max_epi32(x);
#else
        alignas(batch<std::int32_t>) std::int32_t numbers[lanes<float>];
        x.store_aligned(numbers);
        std::int32_t result = 0;
        for (const std::int32_t number : numbers) result = number > result ? number : result;
        return result;
#endif
    }
};

/// Numbers rounded to bfloat16, nearest even.
struct bfloat_rows {
    static constexpr int groups = block_inputs / 2;
    static constexpr bool scaled = false;
    using sum = batch<float>;

    struct block {
        bfloat_number x[block_inputs];
    };

    static void quantise(const float* x, block& to) noexcept {
#if defined(SEQUENT_PACKED_BFLOAT)
        const __m512bh rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(x));
        std::memcpy(to.x, &rounded, sizeof rounded);
#else
        for (int i = 0; i < block_inputs; ++i) to.x[i] = from_bf16(bfloat_of_float(x[i]));
#endif
    }

    static SEQUENT_INLINE sum begin(const block&, batch<float> so_far) noexcept {
        return so_far;
    }
    static SEQUENT_INLINE bfloat_group group(const block& row, int at) noexcept {
        return load_group(row.x + 2 * at);
    }
    static SEQUENT_INLINE sum add(sum so_far, words w, const bfloat_group& x) noexcept {
        return add_bfloat_products(so_far, w, x);
    }
    static SEQUENT_INLINE batch<float> end(const block&, sum block_sum, batch<float>,
                                           batch<float>) noexcept {
        return block_sum;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
