#pragma once

#include "packed_formats.hpp"

/// The format q4_1: four bits with a scale and a minimum.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Rows for weights with a minimum: the product of minimum and the row's sum is added to that of
/// the block.
struct minimum_rows : byte_rows<-1, 4> {
    static constexpr int scales = 2;

    static SEQUENT_INLINE sum begin(const block&, batch<float>) noexcept {
        return set_word(std::int32_t{0});
    }
    static SEQUENT_INLINE batch<float> end(const block& row, sum block_sum,
                                           const batch<float> (&scale)[2],
                                           batch<float> so_far) noexcept {
        return scaled(row, in_pairs ? add_pairs(block_sum, set_word(std::int32_t{0})) : block_sum,
                      scale, so_far);
    }
    static SEQUENT_INLINE batch<float> scaled(const block& row, words products,
                                              const batch<float> (&scale)[2],
                                              batch<float> so_far) noexcept {
        const batch<float> total = set(row.scale * static_cast<float>(row.start));
        return fma(scale[1], total, fma(floats_of(products), scale[0] * set(row.scale), so_far));
    }
};

}  // namespace detail

/// Blocks of 32 inputs of one output share a scale and a minimum (binary16): weight = scale * q +
/// minimum with 0 <= q <= 15, scale = (max - min) / 15, as in GGUF's Q4_1. 5 bits per weight.
struct q4_1 : q4_0 {
    /// Name in files and messages.
    static constexpr std::string_view name = "q4_1";
    /// The rows that it is multiplied with.
    using rows = detail::minimum_rows;

    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        float least = x[0], most = x[0], nan = 0;
        for (int k = 0; k < detail::block_inputs; ++k) {
            least = std::min(least, x[k]);
            most = std::max(most, x[k]);
            nan += x[k] * 0;
        }
        const float minimum = from_f16(to_f16(static_cast<double>(least + nan)));
        if (!std::isfinite(minimum)) {
            std::fill_n(q, detail::block_inputs, std::uint16_t{0});
            constexpr float none = std::numeric_limits<float>::quiet_NaN();
            return {none, none};
        }
        float above[detail::block_inputs];
        for (int k = 0; k < detail::block_inputs; ++k) above[k] = x[k] - minimum;
        const block_scales scale = detail::quantise_block(above, (most - least) / 15, 0, 15, q);
        return {scale[0], minimum};
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return static_cast<float>(q); }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
