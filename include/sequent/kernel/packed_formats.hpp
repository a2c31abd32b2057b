#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "packed_rows.hpp"

/// Number formats of packed weights. A format is a type with static members only:
///
///     name         as in files and messages
///     bits         width of a stored integer q; for a signed format, 2^bits / 2 is subtracted
///     rows         the type of the rows that it is multiplied with (packed_rows.hpp)
///     block_bytes  bytes of a block: `rows::inputs` inputs of 16 outputs
///     together     number of groups of inputs per load; a group is a word of each output
///     load         loads lanes<float> outputs of these groups
///     quantise     computes the stored integers of a block of one output; returns their scales
///     value        the number that a stored integer stands for, without scale and minimum
///     put, get     write and read a stored integer of a block
///
/// The scales of a block, `rows::scales` of them for each output, are stored separately.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Scale and minimum of a block of weights of one output. Those that a format does not have are not
/// read.
using block_scales = std::array<float, 2>;

namespace detail {

/// The number of greatest magnitude in a block; NaN if one is NaN.
inline float greatest_number(const float* x) noexcept {
    float result = 0;
    for (int k = 0; k < block_inputs; ++k)
        if (!std::isnan(result) && !(std::abs(x[k]) <= std::abs(result))) result = x[k];
    return result;
}

/// Divides a block by the scale, rounded to binary16, and writes the quotients, rounded to nearest
/// even, plus `offset` as integers in 0 .. most. Returns the scale. If the scale is zero or not
/// finite, all quotients are zero.
inline block_scales quantise_block(const float* x, float scale, int offset, int most,
                                   std::uint16_t* q) noexcept {
    const float divisor = from_f16(to_f16(static_cast<double>(scale)));
    const bool divides = std::isfinite(divisor) && divisor != 0;
    for (int k = 0; k < block_inputs; ++k) {
        const float number = divides ? std::nearbyint(x[k] / divisor) : 0.0f;
        const float most_number = static_cast<float>(most - offset);
        q[k] = static_cast<std::uint16_t>(
            static_cast<int>(std::clamp(number, static_cast<float>(-offset), most_number)) +
            offset);
    }
    return {divisor};
}

}  // namespace detail

/// 16-bit floats: the upper half of a float, rounded to nearest even. Activations are rounded
/// alike; products and sums are computed in float. 16 bits per weight.
struct bf16 {
    /// Name in files and messages.
    static constexpr std::string_view name = "bf16";
    /// Width of a stored integer.
    static constexpr int bits = 16;
    /// The rows that it is multiplied with.
    using rows = detail::bfloat_rows;
    /// Bytes of a block.
    static constexpr int block_bytes = 1024;
    /// Groups of inputs per load.
    static constexpr int together = 1;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[1]) noexcept {
        to[0] = detail::load_words(block + 64 * step + 4 * first);
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        for (int k = 0; k < detail::block_inputs; ++k) q[k] = detail::bfloat_of_float(x[k]);
        return {};
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return from_bf16(q); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        std::memcpy(block + at(k, n), &q, 2);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        std::uint16_t q;
        std::memcpy(&q, block + at(k, n), 2);
        return q;
    }

  private:
    static constexpr int at(int k, int n) noexcept { return k / 2 * 64 + n * 4 + k % 2 * 2; }
};

/// Blocks of 32 inputs of one output share a scale (binary16): weight = scale * (q - 128) with 0 <=
/// q <= 255, scale = max |w| / 127. GGUF's Q8_0, which stores q - 128. 8.5 bits per weight.
struct q8_0 {
    /// Name in files and messages.
    static constexpr std::string_view name = "q8_0";
    /// Width of a stored integer.
    static constexpr int bits = 8;
    /// The rows that it is multiplied with.
    using rows = detail::byte_rows<detail::signed_bytes ? 0 : 128>;
    /// Bytes of a block.
    static constexpr int block_bytes = 512;
    /// Groups of inputs per load.
    static constexpr int together = 1;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[1]) noexcept {
        const detail::words w = detail::load_words(block + 64 * step + 4 * first);
        to[0] = detail::signed_bytes ? detail::flip_signs(w) : w;
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        const float greatest = std::abs(detail::greatest_number(x));
        return detail::quantise_block(x, greatest / 127, 128, 255, q);
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return static_cast<float>(q - 128); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        block[at(k, n)] = static_cast<std::byte>(q);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        return std::to_integer<std::uint16_t>(block[at(k, n)]);
    }

  private:
    static constexpr int at(int k, int n) noexcept { return k / 4 * 64 + n * 4 + k % 4; }
};

/// Blocks of 32 inputs of one output share a scale (binary16): weight = scale * (q - 8) with 0 <= q
/// <= 15, scale = w / -8 for the w of greatest magnitude, as in GGUF's Q4_0. 4.5 bits per weight.
struct q4_0 {
    /// Name in files and messages.
    static constexpr std::string_view name = "q4_0";
    /// Width of a stored integer.
    static constexpr int bits = 4;
    /// The rows that it is multiplied with.
    using rows = detail::byte_rows<8, 4>;
    /// Bytes of a block.
    static constexpr int block_bytes = 256;
    /// Groups of inputs per load.
    static constexpr int together = 2;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[2]) noexcept {
        const detail::words both = detail::load_words(block + 64 * step + 4 * first);
        to[0] = detail::nibbles<false>(both);
        to[1] = detail::nibbles<true>(both);
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        return detail::quantise_block(x, detail::greatest_number(x) / -8, 8, 15, q);
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return static_cast<float>(q - 8); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        const int shift = k / 4 % 2 * 4;
        std::byte& pair = block[at(k, n)];
        pair = (pair & std::byte(0xF0 >> shift)) | std::byte(q << shift);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        return std::to_integer<std::uint16_t>(block[at(k, n)]) >> k / 4 % 2 * 4 & 15;
    }

  private:
    static constexpr int at(int k, int n) noexcept { return k / 8 * 64 + n * 4 + k % 4; }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
