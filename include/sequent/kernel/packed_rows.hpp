#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "packed_words.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

/// Rows of activations, quantized in blocks of numbers for a product with packed weights. A type of
/// rows has
///
///     inputs    how many numbers a block has
///     block     these numbers of one row; its `groups` words are multiplied with words of weights
///     quantise  computes a block from floats
///     scales    how many numbers each output of a block of weights has besides: none, a scale, or
///               a scale and a minimum; as scale_number, float or the bits of binary16
///     sum       the type that sums the products of a block: begin gives its first value, add adds
///               the products of one group, end gives the float sum after the block, given these
///               numbers of the weights
///     tile_bytes, copy_to
///               a block as a row of a tile (packed_tiles.hpp); 0 bytes if there is no such form.
///               If `is_tile`, the block has that row at numbers_of. For integers, `scaled` gives
///               the float sum after the block from the sums of its products

namespace sequent::inline SEQUENT_ABI::kernel::detail {

inline constexpr int block_inputs = 32;

/// Signed bytes: number = scale * q, scale = max |x| / 127, q rounded to nearest even. Weights have
/// scales, too; Offset is subtracted from their bytes, which have `Bits` bits.
template <int Offset, int Bits = 8>
struct byte_rows {
    static constexpr bool in_pairs = sums_pairs && Bits == 4;
    using row_number = std::conditional_t<in_pairs, std::int8_t, detail::row_number>;

    static constexpr int inputs = block_inputs;
    static constexpr int groups = block_inputs / 4;
    static constexpr int scales = 1;
    using scale_number = std::uint16_t;
    static constexpr int tile_bytes = block_inputs;
    static constexpr bool is_tile = sizeof(row_number) == 1;
    using sum = words;

    struct block {
        float scale;         ///< 0 if all numbers are below 2^-118, NaN if one is not finite
        std::int32_t start;  ///< -Offset times the sum of q
        row_number q[block_inputs];  ///< at row_place
    };

    static void quantise(const float* x, block& to) noexcept {
        constexpr int n = lanes<float>;
        words bits = set_word(std::int32_t{0});
        SEQUENT_UNROLL for (int i = 0; i < block_inputs; i += n) bits =
            max_words(bits, magnitude_bits(load_words(x + i)));
        const float greatest = std::bit_cast<float>(max_of_words(bits));
        const bool finite = greatest <= std::numeric_limits<float>::max();
        const bool any = finite && greatest >= 0x1p-118f;  // 127 / greatest is finite
        const float inverse = any ? 127 / greatest : 0.0f;
        to.scale = any ? greatest / 127 : finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
        if (!finite) {
            to = {to.scale, 0, {}};
            return;
        }
        words q[block_inputs / n];
        words total = set_word(std::int32_t{0});
        SEQUENT_UNROLL for (int i = 0; i < block_inputs / n; ++i) {
            q[i] = round_to_words(load(x + i * n) * set(inverse));
            total = add_words(total, q[i]);
        }
        to.start = -Offset * sum_of_words(total);
        if constexpr (sizeof(row_number) == 1)
            store_bytes(to.q, q);
        else
            store_halves(to.q, q);
    }

    static SEQUENT_INLINE sum begin(const block& row, batch<float>) noexcept {
        return set_word(in_pairs ? 0 : row.start);
    }
    static SEQUENT_INLINE auto group(const block& row, int at) noexcept {
        if constexpr (in_pairs)
            return set_word(row.q + 4 * at);
        else
            return load_group(row.q + 4 * at);
    }
    static SEQUENT_INLINE sum add(sum so_far, words w, const auto& x) noexcept {
        if constexpr (in_pairs)
            return add_nibble_pairs(so_far, w, x);
        else
            return add_byte_products(so_far, w, x);
    }
    static SEQUENT_INLINE batch<float> end(const block& row, sum block_sum,
                                           const batch<float> (&scale)[2],
                                           batch<float> so_far) noexcept {
        const words all = in_pairs ? add_pairs(block_sum, set_word(row.start)) : block_sum;
        return fma(floats_of(all), scale[0] * set(row.scale), so_far);
    }
    static SEQUENT_INLINE batch<float> scaled(const block& row, words products,
                                              const batch<float> (&scale)[2],
                                              batch<float> so_far) noexcept {
        const words all = add_words(products, set_word(row.start));
        return fma(floats_of(all), scale[0] * set(row.scale), so_far);
    }
    static const void* numbers_of(const block& row) noexcept { return row.q; }
    static void copy_to(std::byte* to, const block& row) noexcept {
        for (int i = 0; i < block_inputs; ++i)
            to[i] = static_cast<std::byte>(row.q[in_pairs ? i : row_place(i)]);
    }
};

/// Numbers rounded to bfloat16, to nearest even.
struct bfloat_rows {
    static constexpr int inputs = block_inputs;
    static constexpr int groups = block_inputs / 2;
    static constexpr int scales = 0;
    using scale_number = std::uint16_t;
    static constexpr int tile_bytes = 2 * block_inputs;
    static constexpr bool is_tile = sizeof(bfloat_number) == 2;
    using sum = batch<float>;

    struct block {
        bfloat_number x[block_inputs];
    };

    static void quantise(const float* x, block& to) noexcept {
#if defined(SEQUENT_PACKED_NEON_BFLOAT)
        for (int i = 0; i < block_inputs; i += 8)
            vst1q_u16(to.x + i, vreinterpretq_u16_bf16(vcvtq_high_bf16_f32(
                                    vcvtq_low_bf16_f32(vld1q_f32(x + i)), vld1q_f32(x + i + 4))));
#elif defined(SEQUENT_PACKED_BFLOAT)
        const __m512bh rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(x));
        std::memcpy(to.x, &rounded, sizeof rounded);
#else
        for (int i = 0; i < block_inputs; ++i) to.x[i] = from_bf16(bfloat_of_float(x[i]));
#endif
    }

    static SEQUENT_INLINE sum begin(const block&, batch<float> so_far) noexcept {
        return so_far;
    }
    static const void* numbers_of(const block& row) noexcept {
        return row.x;
    }
    static void copy_to(std::byte* to, const block& row) noexcept {
        std::uint16_t bits[block_inputs];
        for (int i = 0; i < block_inputs; ++i)
            bits[i] = is_tile ? static_cast<std::uint16_t>(row.x[i])
                              : bfloat_of_float(static_cast<float>(row.x[i]));
        std::memcpy(to, bits, sizeof bits);
    }
    static SEQUENT_INLINE bfloat_group group(const block& row, int at) noexcept {
        return load_group(row.x + 2 * at);
    }
    static SEQUENT_INLINE sum add(sum so_far, words w, const bfloat_group& x) noexcept {
        return add_bfloat_products(so_far, w, x);
    }
    static SEQUENT_INLINE batch<float> end(const block&, sum block_sum, const batch<float> (&)[2],
                                           batch<float>) noexcept {
        return block_sum;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
