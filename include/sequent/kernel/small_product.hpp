#pragma once

#include <algorithm>

#include "simd.hpp"

/// Matrix products of any shape by one function for each number type, with strides given at run
/// time. If SEQUENT_SMALL_CODE is defined, every product uses it: that compiles faster and gives
/// less code; docs/building.md tells what it costs.

namespace sequent::inline SEQUENT_ABI::kernel::detail {

#if defined(__GNUC__) && !defined(__clang__)
#define SEQUENT_ONE_BODY __attribute__((noinline, noclone))
#elif defined(_MSC_VER) && !defined(__clang__)
#define SEQUENT_ONE_BODY __declspec(noinline)
#else
#define SEQUENT_ONE_BODY __attribute__((noinline))
#endif

/// The dot product of two rows, as a vector whose lanes sum to it. Four sums hide the latency of
/// fma.
template <class T>
SEQUENT_INLINE batch<T> dot_of_rows(const T* a, const T* b, int depth) noexcept {
    constexpr int n = lanes<T>;
    batch<T> sum[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
    int k = 0;
    for (; k + 4 * n <= depth; k += 4 * n) {
        SEQUENT_UNROLL for (int u = 0; u < 4; ++u) {
            sum[u] = fma(load(a + k + u * n), load(b + k + u * n), sum[u]);
        }
    }
    for (; k + n <= depth; k += n) sum[0] = fma(load(a + k), load(b + k), sum[0]);
    if (k < depth) sum[1] = fma(load_first(a + k, depth - k), load_first(b + k, depth - k), sum[1]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// The strides of a product, as in product_shape.
struct product_strides {
    int a_row, a_depth, b_depth, b_column, c_row;
    int splits = 1, a_split = 0;
};

/// Multiplies Rows rows with a panel of Vectors vectors, of which `columns` columns belong to C.
template <int Rows, int Vectors, class T>
SEQUENT_INLINE void small_tile(const T* a, const T* b, T* c, const product_strides& s, int b_depth,
                               int columns, int depth, bool accumulate) noexcept {
    constexpr int n = lanes<T>;
    constexpr int last = (Vectors - 1) * n;
    batch<T> sum[Rows][Vectors];
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
        SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) sum[r][v] = zero<T>();
    }
    SEQUENT_NO_UNROLL for (int k = 0; k < depth; ++k, a += s.a_depth, b += b_depth) {
        batch<T> y[Vectors];
        SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) y[v] = load(b + v * n);
        SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
            const batch<T> x = set(a[r * s.a_row]);
            SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) sum[r][v] = fma(x, y[v], sum[r][v]);
        }
    }
    for (int r = 0; r < Rows; ++r, c += s.c_row) {
        if (accumulate) {
            if constexpr (Vectors == 2) sum[r][0] += load(c);
            sum[r][Vectors - 1] += load_first(c + last, columns - last);
        }
        if constexpr (Vectors == 2) store(c, sum[r][0]);
        store_first(c + last, sum[r][Vectors - 1], columns - last);
    }
}

/// Multiplies all rows with a panel.
template <int Vectors, class T>
SEQUENT_INLINE void small_panel(const T* a, const T* b, T* c, const product_strides& s, int b_depth,
                                int rows, int columns, int depth, bool accumulate) noexcept {
    int row = 0;
    for (; row + 4 <= rows; row += 4, a += 4 * s.a_row, c += 4 * s.c_row)
        small_tile<4, Vectors>(a, b, c, s, b_depth, columns, depth, accumulate);
    for (; row < rows; ++row, a += s.a_row, c += s.c_row)
        small_tile<1, Vectors>(a, b, c, s, b_depth, columns, depth, accumulate);
}

/// C (=, +=) A B, rows x columns. Columns of B that are not contiguous, or no whole vectors, are
/// copied to a panel; few rows against a transposed B are dot products.
template <class T>
SEQUENT_ONE_BODY void small_product(const T* a, const T* b, T* c, product_strides s, int rows,
                                    int columns, int depth, bool accumulate) noexcept {
    constexpr int n = lanes<T>;
    constexpr int width = 2 * n;
    constexpr int most = 64;
    if (s.a_depth == 1 && s.b_depth == 1 && s.b_column != 1 && rows <= 4) {
        for (int row = 0; row < rows; ++row)
            for (int column = 0; column < columns; ++column) {
                T* const to = c + row * s.c_row + column;
                const T sum =
                    reduce_add(dot_of_rows(a + row * s.a_row, b + column * s.b_column, depth));
                *to = accumulate ? *to + sum : sum;
            }
        return;
    }
    alignas(64) T copy[most * width];
    do {
        const int block = std::min(depth, most);
        for (int column = 0; column < columns; column += width) {
            const int count = std::min(width, columns - column);
            const T* from = b + column * s.b_column;
            int b_depth = s.b_depth;
            if (s.b_column != 1 || count % n != 0) {
                for (int k = 0; k < block; ++k)
                    for (int j = 0; j < width; ++j)
                        copy[k * width + j] =
                            j < count ? from[k * s.b_depth + j * s.b_column] : T(0);
                from = copy;
                b_depth = width;
            }
            T* to = c + column;
            if (count > n)
                small_panel<2>(a, from, to, s, b_depth, rows, count, block, accumulate);
            else
                small_panel<1>(a, from, to, s, b_depth, rows, count, block, accumulate);
        }
        accumulate = true;
        depth -= block;
        a += block * s.a_depth;
        b += block * s.b_depth;
    } while (depth > 0);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail
