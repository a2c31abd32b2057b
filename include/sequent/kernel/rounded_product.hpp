#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gathered_product.hpp"
#include "packed.hpp"

/// Products of float matrices whose elements are rounded to bfloat16 first, with float sums: the
/// products of training in reduced precision. They use the tiles of packed weights.

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// 16 lines of 16 words, each of two bfloat16 numbers: 32 numbers of 16 rows or, transposed, 32
/// numbers in pairs of 16 rows.
class word_square {
  public:
    static constexpr int lines = 16;

    /// Sets line `at` to the first `count` of 32 numbers, rounded, followed by zeros.
    SEQUENT_INLINE void set_line(int at, const float* x, int count) noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        const __m512 low = _mm512_maskz_loadu_ps(first(count), x);
        const __m512 high = _mm512_maskz_loadu_ps(first(count - lines), x + lines);
        line_[at] = std::bit_cast<words>(_mm512_cvtne2ps_pbh(high, low));
#else
        for (int i = 0; i < lines; ++i)
            line_[at][i] =
                word_of(2 * i < count ? x[2 * i] : 0.0f, 2 * i + 1 < count ? x[2 * i + 1] : 0.0f);
#endif
    }
    /// Sets line `at` to a word for each of the first `count` numbers of two rows, followed by
    /// zeros.
    SEQUENT_INLINE void set_pairs(int at, const float* even, const float* odd, int count) noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        const __m512 low = _mm512_maskz_loadu_ps(first(count), even);
        const __m512 high = odd ? _mm512_maskz_loadu_ps(first(count), odd) : _mm512_setzero_ps();
        alignas(64) static constexpr std::uint16_t alternating[32] = {
            0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
            8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
        line_[at] = _mm512_permutexvar_epi16(_mm512_load_si512(alternating),
                                             std::bit_cast<words>(_mm512_cvtne2ps_pbh(high, low)));
#else
        for (int i = 0; i < lines; ++i)
            line_[at][i] = word_of(i < count ? even[i] : 0.0f, i < count && odd ? odd[i] : 0.0f);
#endif
    }
    SEQUENT_INLINE void clear(int at) noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        line_[at] = _mm512_setzero_si512();
#else
        std::fill_n(line_[at], lines, 0u);
#endif
    }
    /// Transposes the square of words.
    SEQUENT_INLINE void turn() noexcept {
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
        words half[lines];
        SEQUENT_UNROLL for (int i = 0; i < lines; i += 2) {
            half[i] = _mm512_unpacklo_epi32(line_[i], line_[i + 1]);
            half[i + 1] = _mm512_unpackhi_epi32(line_[i], line_[i + 1]);
        }
        words part[lines];  // in each quarter, four lines of one column
        SEQUENT_UNROLL for (int i = 0; i < lines; i += 4)
            SEQUENT_UNROLL for (int j = 0; j < 2; ++j) {
            part[i + 2 * j] = _mm512_unpacklo_epi64(half[i + j], half[i + j + 2]);
            part[i + 2 * j + 1] = _mm512_unpackhi_epi64(half[i + j], half[i + j + 2]);
        }
        SEQUENT_UNROLL for (int j = 0; j < 4; ++j) {
            const words even = _mm512_shuffle_i32x4(part[j], part[4 + j], 0x88);
            const words odd = _mm512_shuffle_i32x4(part[j], part[4 + j], 0xDD);
            const words next_even = _mm512_shuffle_i32x4(part[8 + j], part[12 + j], 0x88);
            const words next_odd = _mm512_shuffle_i32x4(part[8 + j], part[12 + j], 0xDD);
            line_[j] = _mm512_shuffle_i32x4(even, next_even, 0x88);
            line_[4 + j] = _mm512_shuffle_i32x4(odd, next_odd, 0x88);
            line_[8 + j] = _mm512_shuffle_i32x4(even, next_even, 0xDD);
            line_[12 + j] = _mm512_shuffle_i32x4(odd, next_odd, 0xDD);
        }
#else
        for (int i = 0; i < lines; ++i)
            for (int j = 0; j < i; ++j) std::swap(line_[i][j], line_[j][i]);
#endif
    }
    /// Stores a line as part of a block of weights.
    SEQUENT_INLINE void store(int at, std::byte* to) const noexcept {
        std::memcpy(to, &line_[at], 64);
    }
    /// Stores a line as a block of a row.
    SEQUENT_INLINE void store(int at, bfloat_rows::block& to) const noexcept {
        if constexpr (bfloat_rows::is_tile) {
            std::memcpy(to.x, &line_[at], 64);
        } else {
            std::uint16_t bits[block_inputs];
            std::memcpy(bits, &line_[at], 64);
            for (int i = 0; i < block_inputs; ++i)
                to.x[i] = static_cast<bfloat_number>(from_bf16(bits[i]));
        }
    }

  private:
#if defined(SEQUENT_PACKED_AVX512_BFLOAT)
    static SEQUENT_INLINE __mmask16 first(int count) noexcept {
        return static_cast<__mmask16>((1u << std::clamp(count, 0, lines)) - 1u);
    }
    words line_[lines];
#else
    static SEQUENT_INLINE std::uint32_t word_of(float low, float high) noexcept {
        return std::uint32_t{bfloat_of_float(low)} | std::uint32_t{bfloat_of_float(high)} << 16;
    }
    std::uint32_t line_[lines][lines];
#endif
};

/// Loads `count` <= 16 rows of a matrix from row `row` on, and `depth` <= 32 numbers of each from k
/// on: rows as lines (`ByRow`) or pairs of numbers as lines. Turned: the rows in memory are those
/// of the transposed matrix.
template <bool ByRow>
SEQUENT_INLINE void load_square(const row_places<const float>& from, bool turned, int row,
                                int count, int k, int depth, word_square& to) noexcept {
    if (!turned) {
        SEQUENT_UNROLL for (int at = 0; at < word_square::lines; ++at) {
            if (at < count)
                to.set_line(at, from[row + at] + k, depth);
            else
                to.clear(at);
        }
    } else {
        SEQUENT_UNROLL for (int at = 0; at < word_square::lines; ++at) {
            const int next = 2 * at + 1;
            if (next <= depth)
                to.set_pairs(at, from[k + next - 1] + row,
                             next < depth ? from[k + next] + row : nullptr, count);
            else
                to.clear(at);
        }
    }
    if (turned == ByRow) to.turn();
}

/// Begin of part `part` of n elements in `parts` even parts.
constexpr int begin_of_part(int n, int part, int parts) noexcept {
    return static_cast<int>(std::int64_t{n} * part / parts);
}

}  // namespace detail

/// Computes a gathered product with elements rounded to bfloat16 (to nearest even) and float sums.
/// An element of C does not depend on the other rows. Uses 96 KB of stack.
template <class Format>
SEQUENT_NOINLINE void rounded_product(const gathered_product<float>& of) noexcept {
    using namespace detail;
    using block = typename Format::rows::block;
    using tiles = packed_tiles<Format>;
    static_assert(Format::rows::scales == 0 && Format::bits == 16);
    constexpr int lines = word_square::lines;
    constexpr int width = tiles::panels * panel_outputs;
    constexpr int most_blocks = 8;
    constexpr int most_rows = 65536 / most_blocks / int{sizeof(block)};
    alignas(64) block left[most_rows * most_blocks];
    alignas(64) std::byte right[tiles::panels * most_blocks * Format::block_bytes];
    alignas(64) float sums[most_rows * width];  // used if rows of C are listed
    const int all_blocks = packed_blocks<Format>(of.depth);
    const int parts = std::max(1, (all_blocks + most_blocks - 1) / most_blocks);
    const int row_parts = (of.rows + most_rows - 1) / most_rows;
    for (int row_part = 0; row_part < row_parts; ++row_part) {
        const int row = begin_of_part(of.rows, row_part, row_parts);
        const int rows = begin_of_part(of.rows, row_part + 1, row_parts) - row;
        for (int part = 0; part < parts; ++part) {
            const int first = begin_of_part(all_blocks, part, parts);
            const int blocks = begin_of_part(all_blocks, part + 1, parts) - first;
            const auto depth_of = [&](int at) {
                return std::min(block_inputs, of.depth - (first + at) * block_inputs);
            };
            word_square square;
            for (int at = 0; at < rows; at += lines)
                for (int k = 0; k < blocks; ++k) {
                    const int count = std::min(lines, rows - at);
                    load_square<true>(of.a, of.a_turned, row + at, count,
                                      (first + k) * block_inputs, depth_of(k), square);
                    SEQUENT_UNROLL for (int line = 0; line < lines; ++line) {
                        if (line < count) square.store(line, left[(at + line) * blocks + k]);
                    }
                }
            const bool accumulate = of.accumulate || part > 0;
            for (int column = 0; column < of.columns; column += width) {
                const int outputs = std::min(width, of.columns - column);
                std::byte* to = right;
                for (int at = 0; at < outputs; at += panel_outputs)
                    for (int k = 0; k < blocks; ++k, to += Format::block_bytes) {
                        load_square<false>(of.b, !of.b_turned, column + at,
                                           std::min(panel_outputs, outputs - at),
                                           (first + k) * block_inputs, depth_of(k), square);
                        SEQUENT_UNROLL for (int line = 0; line < lines; ++line)
                            square.store(line, to + 64 * line);
                    }
                const bool apart = of.c.listed != nullptr;
                const packed_place place{blocks,
                                         static_cast<std::ptrdiff_t>(panel_bytes<Format>(blocks)),
                                         apart ? width : of.c.stride, accumulate && !apart};
                packed_rows<Format>(left, right, apart ? sums : of.c[row] + column, outputs, rows,
                                    place);
                if (!apart) continue;
                for (int at = 0; at < rows; ++at) {
                    const float* const from = sums + at * width;
                    float* const c = of.c[row + at] + column;
                    if (accumulate)
                        for (int i = 0; i < outputs; ++i) c[i] += from[i];
                    else
                        std::copy_n(from, outputs, c);
                }
            }
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
