#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "packed_formats.hpp"

/// The formats q8<Group>: eight bits with a scale for each group of numbers, as in llama2.c's files
/// of version 2.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Signed bytes in blocks of Inputs numbers, as llama2.c's runq.c computes them: scale = max |x| /
/// 127, q = x / scale rounded to nearest, halves away from zero.
template <int Inputs>
struct group_rows : byte_rows<signed_bytes ? 0 : 128> {
    using base = byte_rows<signed_bytes ? 0 : 128>;
    using scale_number = float;
    static constexpr int inputs = Inputs;
    static constexpr int groups = Inputs / 4;
    static constexpr int tile_bytes = 0;

    struct block {
        float scale;                          ///< NaN if a number is not finite
        std::int32_t start;                   ///< of a sum: less what the weights' bytes are more
        typename base::row_number q[Inputs];  ///< at row_place
    };

    static void quantise(const float* x, block& to) noexcept {
        to = {scale_of(x), 0, {}};
        if (!(to.scale > 0 && to.scale <= std::numeric_limits<float>::max())) return;
        std::int32_t total = 0;
        for (int k = 0; k < Inputs; ++k) {
            const auto q =
                static_cast<int>(std::clamp(std::round(x[k] / to.scale), -127.0f, 127.0f));
            total += q;
            to.q[row_place(k)] = static_cast<typename base::row_number>(q);
        }
        to.start = signed_bytes ? 0 : -128 * total;
    }
    /// The scale of a block; NaN if a number is not finite.
    static float scale_of(const float* x) noexcept {
        float greatest = 0, nan = 0;
        for (int k = 0; k < Inputs; ++k) {
            greatest = std::max(greatest, std::abs(x[k]));
            nan += x[k] * 0;
        }
        return greatest / 127 + nan;
    }

    static SEQUENT_INLINE words begin(const block& row, batch<float>) noexcept {
        return set_word(row.start);
    }
    static SEQUENT_INLINE auto group(const block& row, int at) noexcept {
        return load_group(row.q + 4 * at);
    }
    static SEQUENT_INLINE batch<float> end(const block& row, words sum,
                                           const batch<float> (&scale)[2],
                                           batch<float> so_far) noexcept {
        return fma(batch<float>(floats_of(sum) * scale[0]), set(row.scale), so_far);
    }
};

}  // namespace detail

/// Groups of Group inputs of one output share a scale, a float: weight = scale * (q - 128) with 0
/// <= q <= 255, scale = max |w| / 127. Rows are quantized in the same groups. Group is a power of
/// two from 4 to 256. 8 + 32 / Group bits per weight.
template <int Group>
struct q8 {
    static_assert(Group >= 4 && Group <= 256 && (Group & (Group - 1)) == 0,
                  "sequent: the group of q8<Group> is a power of two from 4 to 256");
    /// Name in files and messages.
    static constexpr std::string_view name = [] {
        constexpr std::string_view names[] = {"q8<4>",  "q8<8>",   "q8<16>", "q8<32>",
                                              "q8<64>", "q8<128>", "q8<256>"};
        std::size_t at = 0;
        for (int group = 4; group < Group; group *= 2) ++at;
        return names[at];
    }();
    /// Width of a stored integer.
    static constexpr int bits = 8;
    /// The rows that it is multiplied with.
    using rows = detail::group_rows<Group>;
    /// Bytes of a block.
    static constexpr int block_bytes = 16 * Group;
    /// Groups of inputs per load.
    static constexpr int together = 1;

    /// Loads lanes<float> outputs of group number `step`.
    static SEQUENT_INLINE void load(const std::byte* block, int step, int first,
                                    detail::words (&to)[1]) noexcept {
        q8_0::load(block, step, first, to);
    }
    /// Quantizes the weights x of a block of one output to q; returns scale and minimum.
    static block_scales quantise(const float* x, std::uint16_t* q) noexcept {
        const float scale = rows::scale_of(x);
        for (int k = 0; k < Group; ++k)
            q[k] = static_cast<std::uint16_t>(
                128 +
                (scale > 0 && std::isfinite(scale)
                     ? static_cast<int>(std::clamp(std::nearbyint(x[k] / scale), -127.0f, 127.0f))
                     : 0));
        return {scale};
    }
    /// The number that a stored integer stands for, without scale and minimum.
    static float value(std::uint16_t q) noexcept { return q8_0::value(q); }
    /// Writes the stored integer of input k and output n.
    static void put(std::byte* block, int k, int n, std::uint16_t q) noexcept {
        q8_0::put(block, k, n, q);
    }
    /// Reads the stored integer of input k and output n.
    static std::uint16_t get(const std::byte* block, int k, int n) noexcept {
        return q8_0::get(block, k, n);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
