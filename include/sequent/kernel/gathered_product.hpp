#pragma once

#include <algorithm>
#include <cstddef>

#include "product.hpp"

/// Matrix products whose rows may be anywhere in memory, of any size.

namespace sequent::inline SEQUENT_ABI::kernel {

/// The rows of a matrix: a list of pointers, or a first row and a stride in elements.
template <class T>
struct row_places {
    /// Pointers to the rows, or null.
    T* const* listed = nullptr;
    /// The first row, if no rows are listed.
    T* first = nullptr;
    /// Distance from row to row in elements.
    std::ptrdiff_t stride = 0;

    /// The first element of a row.
    SEQUENT_INLINE T* operator[](int row) const noexcept {
        return listed ? listed[row] : first + row * stride;
    }
};

/// C = A B or C += A B with run-time sizes: C is rows x columns, A rows x depth, B depth x columns.
/// If a_turned or b_turned, the rows given are those of the transposed matrix.
template <class T>
struct gathered_product {
    /// Extents.
    int rows, columns, depth;
    /// Rows of A, or of its transpose.
    row_places<const T> a;
    /// True if A is given transposed.
    bool a_turned;
    /// Rows of B, or of its transpose.
    row_places<const T> b;
    /// True if B is given transposed.
    bool b_turned;
    /// Rows of C.
    row_places<T> c;
    /// Adds to C instead of writing it.
    bool accumulate;
    /// For a few rows: reads B in memory order without copying it, unless it is transposed.
    bool streams = false;
};

namespace detail {

/// Block sizes: blocks of A and panels of B are copied, so that each number of B is read once for
/// up to `rows` rows.
template <class T>
struct gathered_plan {
    static constexpr int rows = 256;
    static constexpr int depth = 256;
    static constexpr int streams = 16;  // rows of B at once, if it is not copied
    static constexpr int pitch = 256 + 64 / int{sizeof(T)};  // row stride of the copy of A
    static constexpr int width = 2 * lanes<T>;
    static constexpr int tile = std::min(vector_registers / 2 - 2, 12);
};

inline void prefetch([[maybe_unused]] const void* at) noexcept {
#if defined(__GNUC__)
    __builtin_prefetch(at);
#endif
}

/// Copies columns [begin, begin + count) of some rows, from row `first` on.
template <class T>
inline void gather_rows(const row_places<const T>& from, int first, int rows, int begin, int count,
                        T* to) noexcept {
    for (int row = 0; row < rows; ++row, to += gathered_plan<T>::pitch)
        std::copy_n(from[first + row] + begin, count, to);
}

/// Copies a panel of B: a row of `width` numbers for each k, with zeros after the last column.
template <class T>
inline void gather_panel(const gathered_product<T>& of, int k, int depth, int column,
                         T* to) noexcept {
    constexpr int n = lanes<T>;
    constexpr int width = gathered_plan<T>::width;
    const int columns = std::min(width, of.columns - column);
    if (!of.b_turned) {
        for (int at = 0; at < depth; ++at, to += width) {
            const T* from = of.b[k + at] + column;
            if (columns == width) {
                store(to, load(from));
                store(to + n, load(from + n));
            } else {
                std::copy_n(from, columns, to);
                std::fill_n(to + columns, width - columns, T(0));
            }
        }
        return;
    }
    constexpr int group = transposed_columns<T>;
    for (int half = 0; half < width; half += n, to += n) {
        const int last = std::min(n, columns - half) - 1;
        T* row = to;
        if (last < 0) {
            for (int at = 0; at < depth; ++at, row += width) store(row, zero<T>());
            return;
        }
        const T* from = of.b[column + half] + k;
        const int next = std::min(n, of.columns - column - half - width);
        const auto lane_at = [&](int lane) { return std::min(lane, last) * of.b.stride; };
        int at = 0;
        for (; at + group <= depth; at += group) {
            // Prefetches the panel that is copied next.
            if (of.streams && at % (64 / int{sizeof(T)}) == 0)
                for (int lane = 0; lane < next; ++lane)
                    prefetch(from + at + (lane + width) * of.b.stride);
            batch<T> out[group];
            load_transposed(from + at, lane_at, out);
            for (int i = 0; i < group; ++i, row += width) store(row, out[i]);
        }
        for (; at < depth; ++at, row += width)
            for (int lane = 0; lane < n; ++lane) row[lane] = from[lane_at(lane) + at];
    }
}

/// Prefetches part `part` of `parts` of the panel that is copied next.
template <class T>
SEQUENT_INLINE void prefetch_panel(const gathered_product<T>& of, int k, int depth, int column,
                                   int part, int parts) noexcept {
    constexpr int width = gathered_plan<T>::width;
    constexpr int line = 64 / int{sizeof(T)};
    if (column >= of.columns) return;
    const int rows = of.b_turned ? std::min(width, of.columns - column) : depth;
    const int length = of.b_turned ? depth : std::min(width, of.columns - column);
    const int first = of.b_turned ? column : k;
    const int begin = of.b_turned ? k : column;
    for (int row = rows * part / parts; row < rows * (part + 1) / parts; ++row)
        for (int at = 0; at < length; at += line) prefetch(of.b[first + row] + begin + at);
}

/// Multiplies rows of the copy of A with a panel of B and writes one tile of C.
template <int Rows, class Strides, class T>
SEQUENT_ONE_BODY void gathered_tile(const T* a, const T* b, const Strides& strides,
                                    const row_places<T>& c, int row, int rows, int column,
                                    int columns, int depth, bool accumulate) noexcept {
    using plan = gathered_plan<T>;
    constexpr int n = lanes<T>;
    constexpr int width = plan::width;
    alignas(64) T sum[Rows * width];
    for (int r = 0; r < rows; ++r) {
        prefetch(c[row + r] + column);
        prefetch(c[row + r] + column + n);
    }
    product_tile<batch<T>, Rows, 2, n, n>(a, b, sum, depth, strides,
                                          tile_target{0, 0, false, false}, as_is{});
    const T* from = sum;
    for (int r = 0; r < rows; ++r, from += width) {
        T* to = c[row + r] + column;
        for (int at = 0; at < columns; at += n) {
            const int count = std::min(n, columns - at);
            if (count == n)
                store(to + at,
                      accumulate ? batch<T>(load(to + at) + load(from + at)) : load(from + at));
            else
                store_first(to + at,
                            accumulate ? batch<T>(load_first(to + at, count) + load(from + at))
                                       : load(from + at),
                            count);
        }
    }
}

/// Multiplies a block of A, with rows a_row elements apart, with a panel of B.
template <class Strides, class T>
inline void gathered_tiles(const gathered_product<T>& of, const T* a, const T* b,
                           const Strides& strides, int first, int rows, int k, int depth,
                           int column, bool accumulate) noexcept {
    using plan = gathered_plan<T>;
    constexpr int tile = plan::tile, most = tile * 2 / 3, few = tile / 3;
    const int columns = std::min(plan::width, of.columns - column);
    const int parts = (rows + tile - 1) / tile;
    for (int row = 0, part = 0; row < rows; row += tile, ++part) {
        if (!of.streams) prefetch_panel(of, k, depth, column + plan::width, part, parts);
        const int left = std::min(tile, rows - row);
        const T* from = a + std::ptrdiff_t{row} * strides.a_row;
        const auto take = [&](auto size) {
            gathered_tile<size()>(from, b, strides, of.c, first + row, left, column, columns, depth,
                                  accumulate);
        };
        if (left > most)
            take(std::integral_constant<int, tile>{});
        else if (left > few)
            take(std::integral_constant<int, most>{});
        else
            take(std::integral_constant<int, few>{});
    }
}

}  // namespace detail

/// Number of elements of temporary memory that a gathered product needs; for at most Rows rows if A
/// is not transposed.
template <class T,
          int Rows = std::max(detail::gathered_plan<T>::rows, detail::gathered_plan<T>::depth)>
inline constexpr int gathered_room =
    (Rows + detail::gathered_plan<T>::tile) * detail::gathered_plan<T>::pitch
    + detail::gathered_plan<T>::depth* detail::gathered_plan<T>::width;

/// Computes a gathered product. If B is transposed, its rows must have a stride. An element of C
/// does not depend on the other rows. `room`: gathered_room elements, aligned to 64 bytes.
template <class T>
SEQUENT_ONE_BODY void product(const gathered_product<T>& of, T* room) noexcept {
    using plan = detail::gathered_plan<T>;
    T* const panel = room;
    T* const copy = room + plan::depth * plan::width;
    const int row_parts = (of.rows + plan::rows - 1) / plan::rows;
    const bool in_place = of.streams && !of.b_turned;
    const int most = in_place ? plan::streams : plan::depth;
    const int depth_parts = (of.depth + most - 1) / most;
    for (int row_part = 0; row_part < row_parts; ++row_part) {
        const int row = static_cast<int>(std::int64_t{of.rows} * row_part / row_parts);
        const int rows = static_cast<int>(std::int64_t{of.rows} * (row_part + 1) / row_parts) - row;
        for (int part = 0; part < depth_parts; ++part) {
            const int k = static_cast<int>(std::int64_t{of.depth} * part / depth_parts);
            const int depth =
                static_cast<int>(std::int64_t{of.depth} * (part + 1) / depth_parts) - k;
            const bool accumulate = of.accumulate || part > 0;
            if (of.a_turned)
                detail::gather_rows(of.a, k, depth, row, rows, copy);
            else
                detail::gather_rows(of.a, row, rows, k, depth, copy);
            for (int column = 0; column < of.columns; column += plan::width) {
                const auto tiles = [&](const T* b, const auto& strides) {
                    detail::gathered_tiles(of, copy, b, strides, row, rows, k, depth, column,
                                           accumulate);
                };
                if (in_place && column + plan::width <= of.columns) {
                    // Prefetches the rows that are read next.
                    for (int at = 0; at < std::min(depth, of.depth - k - depth); ++at) {
                        const T* next = of.b[k + depth + at] + column;
                        detail::prefetch(next);
                        detail::prefetch(next + lanes<T>);
                    }
                    tiles(of.b[k] + column,
                          detail::product_strides{plan::pitch, 1, static_cast<int>(of.b.stride), 1,
                                                  plan::width});
                    continue;
                }
                detail::gather_panel(of, k, depth, column, panel);
                if (of.a_turned)
                    tiles(panel,
                          detail::constant_strides<1, plan::pitch, plan::width, plan::width>{});
                else
                    tiles(panel,
                          detail::constant_strides<plan::pitch, 1, plan::width, plan::width>{});
            }
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
