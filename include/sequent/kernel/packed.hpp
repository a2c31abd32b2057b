#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "packed_formats.hpp"
#include "packed_groups.hpp"
#include "packed_q4_1.hpp"
#include "packed_tiles.hpp"

/// Products of float rows with packed weights (packed_formats.hpp).
///
/// A packed matrix consists of panels of 16 outputs, padded with zeros. A panel holds first its
/// scales, 16 for each block of inputs (in q4_1 followed by 16 minima), padded to 64 bytes, then
/// its blocks. The bytes do not depend on the instruction set.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

inline constexpr int panel_outputs = 16;
inline constexpr int panel_vectors = panel_outputs / lanes<float>;

/// Number of blocks of this many inputs.
template <class Format>
constexpr int packed_blocks(int inputs) noexcept {
    return (inputs + Format::rows::inputs - 1) / Format::rows::inputs;
}
/// Size in bytes of one scale of 16 outputs.
template <class Format>
inline constexpr int scale_line =
    panel_outputs* static_cast<int>(sizeof(typename Format::rows::scale_number));
/// Size in bytes of the scales of a panel.
template <class Format>
constexpr std::size_t scale_bytes(int blocks) noexcept {
    const int bytes = blocks * scale_line<Format> * Format::rows::scales;
    return static_cast<std::size_t>((bytes + 63) / 64 * 64);
}
/// Size in bytes of a panel.
template <class Format>
constexpr std::size_t panel_bytes(int blocks) noexcept {
    return scale_bytes<Format>(blocks) +
           static_cast<std::size_t>(blocks) * static_cast<std::size_t>(Format::block_bytes);
}

/// Byte offset in the panel of a scale or minimum of the output at this place of the panel.
template <class Format>
constexpr int scale_at(int block, int place, int each) noexcept {
    return ((block * Format::rows::scales + each) * panel_outputs + place) *
           (scale_line<Format> / panel_outputs);
}

/// Scales of lanes<float> outputs.
template <class Number>
SEQUENT_INLINE batch<float> load_scales(const std::byte* from) noexcept {
    if constexpr (sizeof(Number) == 4)
        return load(reinterpret_cast<const float*>(from));
    else
        return load_halves(from);
}
inline void put_scale(float scale, float* to) noexcept {
    *to = scale;
}
inline void put_scale(float scale, std::uint16_t* to) noexcept {
    *to = to_f16(static_cast<double>(scale));
}
inline float scale_of(float stored) noexcept {
    return stored;
}
inline float scale_of(std::uint16_t stored) noexcept {
    return from_f16(stored);
}

/// Byte offset of the panel of output n.
template <class Format>
constexpr std::size_t panel_at(int inputs, int n) noexcept {
    return static_cast<std::size_t>(n / panel_outputs) *
           panel_bytes<Format>(packed_blocks<Format>(inputs));
}

/// Number of rows and panels of a tile, whose sums stay in registers: for one row, and for many.
template <class Format>
struct packed_tiles {
    // Scaled formats need the sums of a block in addition to those of the row.
    static constexpr bool large = vector_registers == 32, scaled = Format::rows::scales > 0;
    static constexpr int vectors_of_one = !large && !scaled ? 8 : 4;
    static constexpr int sums = large ? (scaled ? 12 : 16) : scaled ? 6 : 8;
    static constexpr int panels_of_one = std::max(1, vectors_of_one / panel_vectors);
    // One row of weights from memory: panels of 1 KB blocks are read fastest one after another.
    static constexpr int panels_from_memory = scaled ? panels_of_one : 1;
    /// True if a matrix of this size is read from memory for one row, since others drive it out of
    /// the caches.
    static constexpr bool is_from_memory(std::size_t bytes) {
        return bytes > (std::size_t{scaled ? 48 : 128} << 10);
    }
    static constexpr int panels = std::max(1, 2 / panel_vectors);
    static constexpr int rows = std::max(1, sums / (panels * panel_vectors));
};

/// Parameters shared by all tiles of a product.
struct packed_place {
    int blocks;
    std::ptrdiff_t panel;  ///< bytes from one panel of weights to the next
    std::ptrdiff_t out_stride;
    bool accumulate;
    bool from_memory = false;  ///< if there is one row
};

/// Stores a vector of sums: `count` of them if that is less than lanes<float>, none if it is not
/// positive.
SEQUENT_INLINE void store_outputs(float* to, batch<float> sum, int count,
                                  const packed_place& place) noexcept {
    if (count >= lanes<float>)
        store(to, place.accumulate ? load(to) + sum : sum);
    else if (count > 0)
        store_first(to, place.accumulate ? load_first(to, count) + sum : sum, count);
}

/// The scale and the minimum, if they exist, of a vector of outputs of a block.
template <class Format>
SEQUENT_INLINE void load_scales(const std::byte* from, int vector,
                                batch<float> (&scale)[2]) noexcept {
    scale[0] = scale[1] = zero<float>();
    for (int each = 0; each < Format::rows::scales; ++each)
        scale[each] = load_scales<typename Format::rows::scale_number>(
            from + each * scale_line<Format> +
            vector * lanes<float> * (scale_line<Format> / panel_outputs));
}

/// Fetches a block and its scales of each of some panels to the L2 cache.
template <class Format, int Panels>
SEQUENT_INLINE void fetch_blocks([[maybe_unused]] const std::byte* block,
                                 [[maybe_unused]] const std::byte* scales,
                                 [[maybe_unused]] std::ptrdiff_t panel) noexcept {
#if defined(__GNUC__)
    SEQUENT_UNROLL for (int each = 0; each < Panels; ++each, block += panel, scales += panel) {
        __builtin_prefetch(scales, 0, 2);
        SEQUENT_UNROLL for (int at = 0; at < Format::block_bytes; at += 64)
            __builtin_prefetch(block + at, 0, 2);
    }
#endif
}

/// Computes Rows x Panels of the product, of which `outputs` columns are stored. More panels follow
/// unless these are the last ones.
template <class Format, int Rows, int Panels>
inline void packed_tile(const typename Format::rows::block* x, const std::byte* w, float* out,
                        int outputs, const packed_place& place) noexcept {
    using rows = typename Format::rows;
    constexpr int n = lanes<float>;
    constexpr int vectors = Panels * panel_vectors;
    constexpr int together = Format::together;
    const std::byte* scales = w;
    w += scale_bytes<Format>(place.blocks);
    // Panels are read beside each other, in runs too short for the hardware to prefetch.
    const bool fetches = Rows == 1 && Format::rows::scales > 0 && place.from_memory &&
                         outputs > Panels * panel_outputs;
    batch<float> sum[Rows][vectors];
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) SEQUENT_UNROLL for (int v = 0; v < vectors; ++v)
        sum[r][v] = zero<float>();
    SEQUENT_NO_UNROLL for (int block = 0; block < place.blocks; ++block) {
        typename rows::sum block_sum[Rows][vectors];
        SEQUENT_UNROLL for (int r = 0; r < Rows; ++r)
            SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) block_sum[r][v] =
                rows::begin(x[r * place.blocks], sum[r][v]);
        const auto take = [&](int step) __attribute__((always_inline)) {
            words loaded[vectors][together];
            SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) Format::load(
                w + v / panel_vectors * place.panel, step, v % panel_vectors * n, loaded[v]);
            SEQUENT_UNROLL for (int group = 0; group < together; ++group)
                SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
                const auto numbers = rows::group(x[r * place.blocks], step * together + group);
                SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) block_sum[r][v] =
                    rows::add(block_sum[r][v], loaded[v][group], numbers);
            }
        };
        if (fetches)
            fetch_blocks<Format, Panels>(w + Panels * place.panel, scales + Panels * place.panel,
                                         place.panel);
        constexpr int steps = rows::groups / together;
        if constexpr (packed_tiles<Format>::large) {
            SEQUENT_UNROLL for (int step = 0; step < steps; ++step) take(step);
        } else {
            // If unrolled, GCC 12 loads ahead more than 16 registers hold.
            SEQUENT_NO_UNROLL for (int step = 0; step < steps; ++step) take(step);
        }
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) {
            batch<float> scale[2];
            load_scales<Format>(scales + v / panel_vectors * place.panel, v % panel_vectors, scale);
            SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) sum[r][v] =
                rows::end(x[r * place.blocks], block_sum[r][v], scale, sum[r][v]);
        }
        ++x;
        w += Format::block_bytes;
        scales += scale_line<Format> * rows::scales;
    }
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r, out += place.out_stride)
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v)
            store_outputs(out + v * n, sum[r][v], outputs - v * n, place);
}

/// Multiplies up to 32 rows with one panel by a unit of packed_tiles.hpp. Integer sums are exact
/// and are scaled as in packed_tile: the results are bitwise equal.
template <class Unit, class Format>
inline void tile_panel(const typename Format::rows::block* x, const std::byte* w, float* out,
                       int outputs, int all_rows, const packed_place& place) noexcept {
    using rows = typename Format::rows;
    constexpr int n = lanes<float>;
    constexpr bool scaled = rows::scales > 0;
    constexpr int bytes = rows::tile_bytes;
    const int first = std::min(all_rows, Unit::rows), second = all_rows - first;
    Unit unit(first, second, bytes);
    alignas(64) float sums[2 * Unit::rows * panel_outputs] = {};
    alignas(64) std::byte products[2 * Unit::rows * 64];
    const auto load_rows = [&]<int At>(std::integral_constant<int, At>) {
        const auto* const from = x + At * Unit::rows * place.blocks;
        if constexpr (rows::is_tile) {
            unit.template load_rows<At>(rows::numbers_of(*from),
                                        place.blocks * std::ptrdiff_t{sizeof *from});
        } else {
            std::byte copy[Unit::rows * bytes];
            for (int r = 0; r < (At == 0 ? first : second); ++r)
                rows::copy_to(copy + r * bytes, from[r * place.blocks]);
            unit.template load_rows<At>(copy, bytes);
        }
        if constexpr (scaled) {
            unit.template clear<At>();
            unit.template add_bytes<At>();
            unit.template store<At>(products + At * Unit::rows * 64);
        } else {
            unit.template add_bfloats<At>();
        }
    };
    const std::byte* scales = w;
    w += scale_bytes<Format>(place.blocks);
    unit.template clear<0>();
    if (second > 0) unit.template clear<1>();
    for (int block = 0; block < place.blocks; ++block, ++x, w += Format::block_bytes) {
        if constexpr (Format::together == 1 && !signed_bytes) {
            unit.load_columns(w);
        } else {
            alignas(64) std::byte loaded[64 * rows::groups];
            for (int step = 0; step < rows::groups / Format::together; ++step)
                for (int v = 0; v < panel_vectors; ++v) {
                    words each[Format::together];
                    Format::load(w, step, v * n, each);
                    for (int group = 0; group < Format::together; ++group)
                        store_words(loaded + 64 * (step * Format::together + group) + 4 * v * n,
                                    each[group]);
                }
            unit.load_columns(loaded);
        }
        load_rows(std::integral_constant<int, 0>{});
        if (second > 0) load_rows(std::integral_constant<int, 1>{});
        if constexpr (scaled)
            for (int v = 0; v < panel_vectors; ++v) {
                batch<float> scale[2];
                load_scales<Format>(scales, v, scale);
                for (int r = 0; r < all_rows; ++r) {
                    float* const sum = sums + r * panel_outputs + v * n;
                    store(sum, rows::scaled(x[r * place.blocks],
                                            load_words(products + r * 64 + 4 * v * n), scale,
                                            load(sum)));
                }
            }
        scales += scale_line<Format> * rows::scales;
    }
    if constexpr (!scaled) {
        unit.template store<0>(sums);
        if (second > 0) unit.template store<1>(sums + Unit::rows * panel_outputs);
    }
    for (int r = 0; r < all_rows; ++r, out += place.out_stride)
        for (int v = 0; v < panel_vectors; ++v)
            store_outputs(out + v * n, load(sums + r * panel_outputs + v * n), outputs - v * n,
                          place);
}

/// All rows and outputs by such a unit.
template <class Unit, class Format>
inline void tile_outputs(const typename Format::rows::block* x, const std::byte* w, float* out,
                         int outputs, int rows, const packed_place& place) noexcept {
    constexpr int most = 2 * Unit::rows;
    for (; outputs > 0; outputs -= panel_outputs, out += panel_outputs, w += place.panel)
        for (int row = 0; row < rows; row += most)
            tile_panel<Unit, Format>(x + row * place.blocks, w, out + row * place.out_stride,
                                     outputs, std::min(most, rows - row), place);
}

/// All rows with a few panels: tiles of Rows rows, then smaller ones.
template <class Format, int Rows, int Panels>
inline void packed_panels(const typename Format::rows::block* x, const std::byte* w, float* out,
                          int outputs, int rows, const packed_place& place) noexcept {
    for (; rows >= Rows; rows -= Rows, x += Rows * place.blocks, out += Rows * place.out_stride)
        packed_tile<Format, Rows, Panels>(x, w, out, outputs, place);
    if constexpr (Rows > 1)
        packed_panels<Format,
                      (Rows > 4   ? 4
                       : Rows > 2 ? 2
                                  : 1),
                      Panels>(x, w, out, outputs, rows, place);
}

/// All outputs: Panels panels at a time, then half as many.
template <class Format, int Rows, int Panels>
inline void packed_outputs(const typename Format::rows::block* x, const std::byte* w, float* out,
                           int outputs, int rows, const packed_place& place) noexcept {
    constexpr int width = Panels * panel_outputs;
    // All Panels panels exist; the last may be padded.
    for (; outputs > width - panel_outputs;
         outputs -= width, out += width, w += Panels * place.panel)
        packed_panels<Format, Rows, Panels>(x, w, out, outputs, rows, place);
    if constexpr (Panels > 1)
        if (outputs > 0) packed_outputs<Format, Rows, Panels / 2>(x, w, out, outputs, rows, place);
}

/// All outputs of several rows, by AMX if the machine has it.
template <class Format>
inline void packed_rows(const typename Format::rows::block* x, const std::byte* w, float* out,
                        int outputs, int rows, const packed_place& place) noexcept {
    using tiles = packed_tiles<Format>;
#if defined(SEQUENT_PACKED_AMX)
    if constexpr (Format::rows::tile_bytes > 0)
        if (machine_tiles::is_allowed())
            return tile_outputs<machine_tiles, Format>(x, w, out, outputs, rows, place);
#endif
    packed_outputs<Format, tiles::rows, tiles::panels>(x, w, out, outputs, rows, place);
}

/// The function behind all sizes, which are arguments here.
template <class Format>
SEQUENT_NOINLINE void packed_product(const float* x, std::ptrdiff_t x_stride, const std::byte* w,
                                     float* out, int inputs, int outputs, int rows,
                                     std::byte* scratch, const packed_place& place) noexcept {
    using block = typename Format::rows::block;
    constexpr int together = Format::rows::inputs;
    auto* const quantised = reinterpret_cast<block*>(scratch);
    block* to = quantised;
    for (int row = 0; row < rows; ++row, x += x_stride) {
        int k = 0;
        for (; k + together <= inputs; k += together, ++to) Format::rows::quantise(x + k, *to);
        if (k < inputs) {
            float rest[together] = {};
            std::copy(x + k, x + inputs, rest);
            Format::rows::quantise(rest, *to++);
        }
    }
    using tiles = packed_tiles<Format>;
    if (rows == 0) return;  // the addresses may be null
    if (rows == 1 && place.from_memory)
        packed_outputs<Format, 1, tiles::panels_from_memory>(quantised, w, out, outputs, 1, place);
    else if (rows == 1)
        packed_outputs<Format, 1, tiles::panels_of_one>(quantised, w, out, outputs, 1, place);
    else
        packed_rows<Format>(quantised, w, out, outputs, rows, place);
}

}  // namespace detail

/// Size in bytes of a packed matrix of inputs x outputs, a multiple of 64. Both are at least 1.
template <class Format>
constexpr std::size_t packed_bytes(int inputs, int outputs) {
    return detail::panel_at<Format>(inputs, outputs + detail::panel_outputs - 1);
}

/// Writes block number `block` of the inputs of output n: scale and minimum, if the format has
/// them, and stored integers (see the format). Integers after the last input must stand for zero,
/// unless the format has a minimum.
template <class Format>
void put_packed_block(std::byte* to, int inputs, int n, int block, const block_scales& scales,
                      const std::uint16_t* q) noexcept {
    const int place = n % detail::panel_outputs;
    to += detail::panel_at<Format>(inputs, n);
    for (int each = 0; each < Format::rows::scales; ++each) {
        typename Format::rows::scale_number scale;
        detail::put_scale(scales[static_cast<std::size_t>(each)], &scale);
        std::memcpy(to + detail::scale_at<Format>(block, place, each), &scale, sizeof scale);
    }
    to += detail::scale_bytes<Format>(detail::packed_blocks<Format>(inputs)) +
          static_cast<std::size_t>(block) * std::size_t{Format::block_bytes};
    for (int k = 0; k < Format::rows::inputs; ++k) Format::put(to, k, place, q[k]);
}

/// Packs w into packed_bytes<Format>(inputs, outputs) bytes from `to` on; element (k, n) is w[k *
/// input_stride + n * output_stride], for k < inputs and n < outputs. A block with NaN, infinity or
/// numbers beyond the scale's range becomes NaN; in bf16 only the number itself.
template <class Format, class T>
SEQUENT_COLD void pack(const T* w, int inputs, int outputs, std::ptrdiff_t input_stride,
                       std::ptrdiff_t output_stride, std::byte* to) noexcept {
    std::memset(to, 0, packed_bytes<Format>(inputs, outputs));
    const int padded =
        (outputs + detail::panel_outputs - 1) / detail::panel_outputs * detail::panel_outputs;
    for (int n = 0; n < padded; ++n)
        for (int block = 0; block < detail::packed_blocks<Format>(inputs); ++block) {
            constexpr int together = Format::rows::inputs;
            float x[together] = {};
            std::uint16_t q[together];
            const int first = block * together;
            const int last = n < outputs ? std::min(inputs, first + together) : 0;
            for (int k = first; k < last; ++k)
                x[k - first] = static_cast<float>(w[k * input_stride + n * output_stride]);
            const block_scales scale = Format::quantise(x, q);
            put_packed_block<Format>(to, inputs, n, block, scale, q);
        }
}

/// Writes the weights of output n of a packed matrix to `to`: `count` inputs from input k on.
template <class Format>
void packed_elements(const std::byte* from, int inputs, int n, int k, int count,
                     float* to) noexcept {
    const int place = n % detail::panel_outputs;
    const std::byte* const panel = from + detail::panel_at<Format>(inputs, n);
    const std::byte* const blocks =
        panel + detail::scale_bytes<Format>(detail::packed_blocks<Format>(inputs));
    for (const int end = k + count; k < end; ++k, ++to) {
        const int block = k / Format::rows::inputs;
        float scales[2] = {1, 0};
        for (int each = 0; each < Format::rows::scales; ++each) {
            typename Format::rows::scale_number scale;
            std::memcpy(&scale, panel + detail::scale_at<Format>(block, place, each), sizeof scale);
            scales[each] = detail::scale_of(scale);
        }
        const std::uint16_t q = Format::get(blocks + std::ptrdiff_t{block} * Format::block_bytes,
                                            k % Format::rows::inputs, place);
        *to = scales[0] * Format::value(q) + scales[1];
    }
}

/// Weight (k, n) of a packed matrix of inputs x outputs.
template <class Format>
float packed_element(const std::byte* from, int inputs, int /*outputs*/, int k, int n) noexcept {
    float result;
    packed_elements<Format>(from, inputs, n, k, 1, &result);
    return result;
}

/// Size in bytes of the scratch of packed_product for `rows` rows, a multiple of 64.
template <class Format, int Inputs>
constexpr std::size_t packed_scratch_bytes(int rows) {
    const std::size_t blocks = static_cast<std::size_t>(detail::packed_blocks<Format>(Inputs));
    return (static_cast<std::size_t>(rows) * blocks * sizeof(typename Format::rows::block) + 63) /
           64 * 64;
}

/// out[r * out_stride + n] = (Accumulate ? out[...] : 0) + the sum over k of x[r * x_stride + k] *
/// w(k, n), for r < rows, k < Inputs and n < Outputs. w is a packed matrix. x is quantized in
/// blocks of numbers of a row: for bf16 rounded to bfloat16, else to scale * q, with scale = max
/// |x| / 127 and |q| <= 127. NaN or infinity in a block of x makes the row's results NaN (for bf16
/// as in float arithmetic). Products of a block are summed as integers, exactly; blocks are summed
/// in float.
///
/// scratch: packed_scratch_bytes<Format, Inputs>(rows) bytes, aligned to 64.
template <class Format, int Inputs, int Outputs, bool Accumulate>
inline void packed_product(const float* x, std::ptrdiff_t x_stride, const std::byte* w, float* out,
                           std::ptrdiff_t out_stride, int rows, std::byte* scratch) noexcept {
    static_assert(Inputs >= 1 && Outputs >= 1);
    constexpr int blocks = detail::packed_blocks<Format>(Inputs);
    detail::packed_product<Format>(
        x, x_stride, w, out, Inputs, Outputs, rows, scratch,
        {blocks, detail::panel_bytes<Format>(blocks), out_stride, Accumulate,
         detail::packed_tiles<Format>::is_from_memory(packed_bytes<Format>(Inputs, Outputs))});
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
