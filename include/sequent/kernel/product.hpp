#pragma once

#include <algorithm>

#include "simd.hpp"

namespace sequent::inline SEQUENT_ABI::kernel {

/// C = A B or C += A B with C rows x columns, A rows x depth, B depth x columns. Strides count
/// elements. The columns of C are contiguous.
struct product_shape {
    int rows, columns, depth;
    int a_row, a_depth;     ///< either may be 1; a_row == 1 is a transposed left operand
    int b_depth, b_column;  ///< one of the two is 1; b_depth == 1 is a transposed right operand
    int c_row;
    bool accumulate;  ///< += instead of =
};

namespace detail {

/// n in as few parts of at most `most` as will do, as equal as can be: `longer` parts of size + 1,
/// then parts of `size`.
struct even_split {
    int parts, size, longer;

    constexpr even_split(int n, int most)
        : parts((n + most - 1) / most), size(n / parts), longer(n % parts) {}
    constexpr int greatest() const { return size + (longer > 0); }
};

/// How a shape is cut: panels of columns, tiles of rows in a panel, blocks of depth.
template <product_shape Shape, class T>
struct product_plan {
    // A tile of R x V vectors takes R V sums, V of B and one of A; a product apart from its sum takes
    // room of its own.
#if defined(__FMA__) || defined(__aarch64__)
    static constexpr int registers = vector_registers - 1;
#else
    static constexpr int registers = vector_registers - 3;
#endif
    static constexpr int most_rows(int width) {
        return std::clamp(registers / width - 1, 1, width == 1 ? 16 : 12);
    }
    static constexpr int most_vectors(int height) {
        return std::clamp(registers / (height + 1), 2, 8);
    }

    static constexpr int vectors = (Shape.columns + lanes<T> - 1) / lanes<T>;
    static constexpr int last = Shape.columns - (vectors - 1) * lanes<T>;  // lanes of the last one

    // Few rows take more vectors at once.
    static constexpr even_split panels{vectors,
                                       most_vectors(even_split{Shape.rows, most_rows(2)}.greatest())};
    static constexpr int width = panels.greatest() * lanes<T>;

    static constexpr bool copied = Shape.b_depth == 1 && Shape.b_column != 1;
    static constexpr int block = std::min(Shape.depth, 16384 / int{sizeof(T)} / width);
};

/// Rows x Vectors batches of C in registers. The last vector of a row is loaded from B with LoadLast
/// lanes and stored to C with StoreLast lanes.
template <int Rows, int Vectors, int LoadLast, int StoreLast, int ARow, int ADepth, int BDepth,
          int CRow, class T>
inline void product_tile(const T* a, const T* b, T* c, int depth, bool accumulate) noexcept {
    constexpr int n = lanes<T>;
    constexpr int end = (Vectors - 1) * n;
    batch<T> sum[Rows][Vectors];
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
        SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) sum[r][v] = zero<T>();
    }
    SEQUENT_NO_UNROLL for (int k = 0; k < depth; ++k) {
        batch<T> y[Vectors];
        SEQUENT_UNROLL for (int v = 0; v + 1 < Vectors; ++v) y[v] = load(b + v * n);
        y[Vectors - 1] = load_first<LoadLast>(b + end);
        SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
            const batch<T> x = set(a[r * ARow]);
            SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) sum[r][v] = fma(x, y[v], sum[r][v]);
        }
        a += ADepth;
        b += BDepth;
    }
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
        T* at = c + r * CRow;
        if (accumulate) {
            SEQUENT_UNROLL for (int v = 0; v + 1 < Vectors; ++v) sum[r][v] += load(at + v * n);
            sum[r][Vectors - 1] += load_first<StoreLast>(at + end);
        }
        SEQUENT_UNROLL for (int v = 0; v + 1 < Vectors; ++v) store(at + v * n, sum[r][v]);
        store_first<StoreLast>(at + end, sum[r][Vectors - 1]);
    }
}

/// One panel of columns: all rows against it. `b` has row stride BDepth. Whole: rows is Shape.rows.
template <product_shape Shape, bool Whole, int Vectors, int LoadLast, int StoreLast, int BDepth,
          class T>
inline void product_panel(const T* a, const T* b, T* c, int rows, int depth,
                          bool accumulate) noexcept {
    constexpr even_split tiles{Shape.rows, product_plan<Shape, T>::most_rows(Vectors)};
    const auto take = [&](auto tile) {
        product_tile<tile(), Vectors, LoadLast, StoreLast, Shape.a_row, Shape.a_depth, BDepth,
                     Shape.c_row>(a, b, c, depth, accumulate);
        a += tile() * Shape.a_row;
        c += tile() * Shape.c_row;
        rows -= tile();
    };
    using std::integral_constant;
    if constexpr (Whole) {
        for (int i = 0; i < tiles.longer; ++i) take(integral_constant<int, tiles.size + 1>{});
        while (rows > 0) take(integral_constant<int, tiles.size>{});
    } else {
        constexpr int greatest = tiles.greatest();
        while (rows >= greatest) take(integral_constant<int, greatest>{});
        unroll<4>([&](auto i) {
            constexpr int tile = 8 >> i();
            if constexpr (tile < greatest)
                if (rows >= tile) take(integral_constant<int, tile>{});
        });
    }
}

/// Copies columns of a transposed right operand to `panel`, one row of Width elements for each k.
template <int Vectors, int Last, int BColumn, int Width, class T>
inline void transpose_panel(const T* b, T* panel, int depth) noexcept {
    constexpr int n = lanes<T>;
    constexpr int group = transposed_columns<T>;
    unroll<Vectors>([&](auto v) {
        constexpr int columns = v() + 1 == Vectors ? Last : n;
        const T* from = b + v() * n * BColumn;
        T* to = panel + v() * n;
        int k = 0;
        for (; k + group <= depth; k += group) {
            batch<T> out[group];
            load_transposed(
                from + k, [](int row) { return std::min(row, columns - 1) * BColumn; }, out);
            for (int i = 0; i < group; ++i) store(to + (k + i) * Width, out[i]);
        }
        for (; k < depth; ++k)
            for (int j = 0; j < n; ++j)
                to[k * Width + j] = from[std::min(j, columns - 1) * BColumn + k];
    });
}

template <product_shape Shape, bool Whole, class T>
inline void product(const T* a, const T* b, T* c, int rows, int depth) noexcept {
    using plan = product_plan<Shape, T>;
    constexpr int n = lanes<T>;
    alignas(64) T copy[plan::copied ? plan::block * plan::width : 1];
    bool accumulate = Shape.accumulate;
    int left = depth;
    do {
        const int block = std::min(left, plan::block);
        int column = 0;
        const auto take = [&](auto vectors, auto last) {
            const T* from = b + column * Shape.b_column;
            if constexpr (plan::copied) {
                transpose_panel<vectors(), last(), Shape.b_column, plan::width>(from, copy, block);
                product_panel<Shape, Whole, vectors(), n, last(), plan::width>(a, copy, c + column, rows,
                                                                        block, accumulate);
            } else {
                product_panel<Shape, Whole, vectors(), last(), last(), Shape.b_depth>(
                    a, from, c + column, rows, block, accumulate);
            }
            column += vectors() * n;
        };
        using std::integral_constant;
        constexpr int full = plan::panels.parts - plan::panels.longer - 1;
        for (int i = 0; i < plan::panels.longer; ++i)
            take(integral_constant<int, plan::panels.size + 1>{}, integral_constant<int, n>{});
        for (int i = 0; i < full; ++i)
            take(integral_constant<int, plan::panels.size>{}, integral_constant<int, n>{});
        take(integral_constant<int, plan::panels.size>{}, integral_constant<int, plan::last>{});
        accumulate = true;
        left -= block;
        a += block * Shape.a_depth;
        b += block * Shape.b_depth;
    } while (left > 0);
}

}  // namespace detail

/// C (=, +=) A B for a shape known to the compiler. C must not overlap A or B.
template <product_shape Shape, class T>
inline void product(const T* a, const T* b, T* c) noexcept {
    detail::product<Shape, true>(a, b, c, Shape.rows, Shape.depth);
}

/// Only the first `rows` rows and the first `depth` of the depth, both at most those of Shape and
/// either possibly zero: depth zero gives zeros, or leaves C as it is if Shape accumulates.
template <product_shape Shape, class T>
inline void product(const T* a, const T* b, T* c, int rows, int depth) noexcept {
    if (rows == Shape.rows)
        detail::product<Shape, true>(a, b, c, rows, depth);
    else
        detail::product<Shape, false>(a, b, c, rows, depth);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
