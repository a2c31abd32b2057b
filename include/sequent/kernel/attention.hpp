#pragma once

#include <limits>

#include "score.hpp"

/// Attention over an index space: out(i) = sum over j of softmax over j of score(i, j), times
/// value(j). Only tiles that hold pairs of the space are computed, with a running softmax (Milakov
/// and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135): no rows x columns array. A row
/// without a pair gives zero.
///
/// Shape is a type with static constexpr members
///   rows, columns, length      the extents of i and j, and of a value
///   nodes                      the score expression, `size()` of them, the last is the score
///   space                      `pieces` that don't overlap, each with begin(i), end(i),
///   admits_row(i)
///                              modulus, slope, residues, row_modulus, row_residues
///   value_column, out_row      strides
///   value_gradient             whether it may be wanted

namespace sequent::inline SEQUENT_ABI::kernel {

/// Rows [begin, end) of those that a shape has.
struct row_range {
    int begin;
    int end;
};

/// All rows, known to the compiler.
template <int Rows>
struct all_rows {
    static constexpr int begin = 0;
    static constexpr int end = Rows;
};

template <class Range>
inline constexpr bool is_whole = false;
template <int Rows>
inline constexpr bool is_whole<all_rows<Rows>> = true;

namespace detail {

/// The part of a piece whose rows are first_row + t row_step and columns first_column +
/// u column_step, with each row's columns as an interval [begin, end) of u.
template <int Rows>
struct lattice {
    int first_row = 0;
    int first_column = 0;
    int rows = 0;
    int columns = 0;
    int begin[Rows];
    int end[Rows];
};

constexpr int ceil_divide(int value, int divisor) {
    return value >= 0 ? (value + divisor - 1) / divisor : -(-value / divisor);
}

/// Calls visit(lattice, row_step, column_step) for each part of the space within the rows.
template <class Shape, class Range, class Visit>
SEQUENT_INLINE void each_lattice(const int* counts, Range range, Visit visit) noexcept {
    unroll<Shape::space.pieces.size()>([&](auto index) {
        constexpr auto piece = Shape::space.pieces[index()];
        constexpr int modulus = piece.modulus;
        constexpr int row_step = piece.slope != 0 ? modulus : piece.row_modulus;
        static_assert(row_step == 1 || piece.row_modulus == 1 || row_step == piece.row_modulus);
        constexpr int capacity = (Shape::rows + row_step - 1) / row_step;
        lattice<capacity> part;
        for (int row_class = 0; row_class < row_step && row_class < Shape::rows; ++row_class) {
            if (!((piece.row_residues >> (row_class % piece.row_modulus)) & 1)) continue;
            for (int column_class = 0; column_class < modulus && column_class < Shape::columns;
                 ++column_class) {
                if (!piece.admits_residue(row_class, column_class)) continue;
                const int skipped = range.begin > row_class
                                        ? (range.begin - row_class + row_step - 1) / row_step
                                        : 0;
                part.first_row = row_class + skipped * row_step;
                part.first_column = column_class;
                part.rows = (range.end - part.first_row + row_step - 1) / row_step;
                part.columns = (Shape::columns - column_class + modulus - 1) / modulus;
                if (part.rows <= 0) continue;
                bool any = false;
                for (int t = 0; t < part.rows; ++t) {
                    const int row = part.first_row + t * row_step;
                    const bool admitted = piece.admits_row(row, counts);
                    const int begin = piece.begin(row, counts);
                    const int end = piece.end(row, Shape::columns, counts);
                    part.begin[t] = ceil_divide(begin - column_class, modulus);
                    part.end[t] = admitted ? ceil_divide(end - column_class, modulus) : 0;
                    if (part.begin[t] >= part.end[t]) part.begin[t] = part.end[t] = 0;
                    any = any || part.end[t] > 0;
                }
                if (any)
                    visit(part, std::integral_constant<int, row_step>{},
                          std::integral_constant<int, modulus>{});
            }
        }
    });
}

/// Calls visit(row, rows, column) for each tile that holds a pair. A tile has Columns columns, also
/// the last, which then overlaps the one before: `fresh` is its first column that is new.
template <int Rows, int Columns, class Lattice, class Visit>
SEQUENT_INLINE void each_tile(const Lattice& part, Visit visit) noexcept {
    for (int fresh = 0; fresh < part.columns; fresh += Columns) {
        const int column = fresh + Columns <= part.columns ? fresh : part.columns - Columns;
        for (int row = 0; row < part.rows; row += Rows) {
            const int rows = part.rows - row < Rows ? part.rows - row : Rows;
            bool any = false;
            for (int r = 0; r < rows && !any; ++r)
                any = part.begin[row + r] < column + Columns && part.end[row + r] > fresh;
            if (any) visit(row, rows, column, fresh);
        }
    }
}

template <class Shape, int RowStep, int ColumnStep>
struct tile_size {
    static constexpr int all_rows = (Shape::rows + RowStep - 1) / RowStep;
    static constexpr int all_columns = Shape::columns / ColumnStep;
    static constexpr int rows = all_rows < 64 ? all_rows : 64;
    static constexpr int columns = all_columns < 1 ? 1 : (all_columns < 64 ? all_columns : 64);
    /// Whether no tile has fewer rows.
    template <class Range>
    static constexpr bool even = is_whole<Range>&& RowStep == 1 && all_rows % rows == 0;
};

/// exp(score - shift) for the columns [begin, end) of one row of a tile and zero elsewhere; the
/// sum.
template <int Columns, class T>
SEQUENT_INLINE T exponentials(T* row, int begin, int end, T scale, T shift) noexcept {
    constexpr int n = lanes<T>;
    batch<T> sum = zero<T>();
    const batch<T> scales = set(scale);
    const batch<T> shifts = set(-shift);
    if (begin <= 0 && end >= (Columns + n - 1) / n * n) {
        for (int c = 0; c < Columns; c += n) {
            const batch<T> p = exp(fma(load(row + c), scales, shifts));
            sum += p;
            store(row + c, p);
        }
    } else {
        const batch<T> index = iota<T>();
        for (int c = 0; c < Columns; c += n) {
            const batch<T> at = index + set(static_cast<T>(c));
            const auto inside =
                (at >= set(static_cast<T>(begin))) & (at < set(static_cast<T>(end)));
            const batch<T> p =
                xsimd::select(inside, exp(fma(load(row + c), scales, shifts)), zero<T>());
            sum += p;
            store(row + c, p);
        }
    }
    return reduce_add(sum);
}

/// The greatest score of the columns [begin, end) of one row of a tile; not empty.
template <int Columns, class T>
SEQUENT_INLINE T greatest(const T* row, int begin, int end) noexcept {
    constexpr int n = lanes<T>;
    const batch<T> lowest = set(-std::numeric_limits<T>::infinity());
    batch<T> most = lowest;
    if (begin <= 0 && end >= (Columns + n - 1) / n * n) {
        for (int c = 0; c < Columns; c += n) most = xsimd::max(most, load(row + c));
    } else {
        const batch<T> index = iota<T>();
        for (int c = 0; c < Columns; c += n) {
            const batch<T> at = index + set(static_cast<T>(c));
            const auto inside =
                (at >= set(static_cast<T>(begin))) & (at < set(static_cast<T>(end)));
            most = xsimd::max(most, xsimd::select(inside, load(row + c), lowest));
        }
    }
    return reduce_max(most);
}

template <int Length, class T>
SEQUENT_INLINE void scale_row(T* row, T factor) noexcept {
    constexpr int n = lanes<T>;
    int c = 0;
    for (; c + n <= Length; c += n) store(row + c, batch<T>(load(row + c) * set(factor)));
    if constexpr (Length % n != 0)
        store_first<Length % n>(row + c, batch<T>(load_first<Length % n>(row + c) * set(factor)));
}

template <int Length, class T>
SEQUENT_INLINE T dot_rows(const T* left, const T* right) noexcept {
    constexpr int n = lanes<T>;
    batch<T> sum = zero<T>();
    int c = 0;
    for (; c + n <= Length; c += n) sum = fma(load(left + c), load(right + c), sum);
    if constexpr (Length % n != 0)
        sum = fma(load_first<Length % n>(left + c), load_first<Length % n>(right + c), sum);
    return reduce_add(sum);
}

}  // namespace detail

/// Rows `range` of out and of log_sum, the logarithm of each row's sum of exponentials (+infinity
/// for a row without a pair), which the gradient needs.
template <class Shape, class T, class Range>
void attention(const score_operands<T>& operands, const T* value, T* out, T* log_sum,
               const int* counts, Range range) noexcept {
    T shift[Shape::rows];
    T sum[Shape::rows];
    for (int row = range.begin; row < range.end; ++row) {
        shift[row] = -std::numeric_limits<T>::infinity();
        sum[row] = 0;
        std::fill_n(out + row * Shape::out_row, Shape::length, T(0));
    }
    detail::each_lattice<Shape>(
        counts, range, [&](const auto& part, auto row_step, auto column_step) {
            using size = detail::tile_size<Shape, row_step(), column_step()>;
            constexpr bool even = size::template even<Range>;
            using tile = detail::score_tile<Shape, T, size::rows, size::columns, row_step(),
                                            column_step(), even>;
            detail::each_tile<size::rows, size::columns>(part, [&](int first, int rows, int column,
                                                                   int fresh) {
                const int row = part.first_row + first * row_step();
                const int at_column = part.first_column + column * column_step();
                tile scores(operands, row, at_column, rows);
                T* p = scores.evaluate();
                constexpr T scale = static_cast<T>(tile::root_scale());
                for (int r = 0; r < rows; ++r) {
                    T* line = p + r * tile::pitch;
                    const int begin = std::max(part.begin[first + r], fresh) - column;
                    const int end = std::min(part.end[first + r] - column, size::columns);
                    const int at = row + r * row_step();
                    if (begin >= end) {
                        std::fill_n(line, tile::pitch, T(0));
                        continue;
                    }
                    const T most = detail::greatest<size::columns>(line, begin, end) * scale;
                    const T next = std::max(shift[at], most);
                    if (next == -std::numeric_limits<T>::infinity()) {
                        std::fill_n(line, tile::pitch, T(0));
                        continue;
                    }
                    const T added =
                        detail::exponentials<size::columns>(line, begin, end, scale, next);
                    if (sum[at] > 0 && next > shift[at]) {
                        const T factor = exp(shift[at] - next);
                        detail::scale_row<Shape::length>(out + at * Shape::out_row, factor);
                        sum[at] *= factor;
                    }
                    shift[at] = next;
                    sum[at] += added;
                }
                constexpr product_shape shape{size::rows,
                                              Shape::length,
                                              size::columns,
                                              tile::pitch,
                                              1,
                                              Shape::value_column * column_step(),
                                              1,
                                              Shape::out_row * row_step(),
                                              true};
                detail::tile_product<shape, even>(p, value + at_column * Shape::value_column,
                                                  out + row * Shape::out_row, rows, size::columns);
            });
        });
    for (int row = range.begin; row < range.end; ++row) {
        if (sum[row] > 0) {
            detail::scale_row<Shape::length>(out + row * Shape::out_row, 1 / sum[row]);
            log_sum[row] = shift[row] + log(sum[row]);
        } else {
            log_sum[row] = std::numeric_limits<T>::infinity();
        }
    }
}

/// Adds to the gradients in `operands` and to value_gradient, which may be null. The scores are
/// computed again; D(i) = out(i) . out_gradient(i) as in arXiv 2205.14135, appendix B.
template <class Shape, class T>
void attention_gradient(const score_operands<T>& operands, const T* value, const T* out,
                        const T* log_sum, const T* out_gradient, T* value_gradient,
                        const int* counts) noexcept {
    T inner[Shape::rows];
    for (int row = 0; row < Shape::rows; ++row)
        inner[row] = detail::dot_rows<Shape::length>(out + row * Shape::out_row,
                                                     out_gradient + row * Shape::out_row);
    constexpr all_rows<Shape::rows> all;
    detail::each_lattice<Shape>(
        counts, all, [&](const auto& part, auto row_step, auto column_step) {
            using size = detail::tile_size<Shape, row_step(), column_step()>;
            constexpr bool even = size::template even<all_rows<Shape::rows>>;
            using tile = detail::score_tile<Shape, T, size::rows, size::columns, row_step(),
                                            column_step(), even>;
            constexpr int pitch = tile::pitch;
            constexpr int value_step = Shape::value_column * column_step();
            constexpr int out_step = Shape::out_row * row_step();
            detail::each_tile<size::rows, size::columns>(part, [&](int first, int rows, int column,
                                                                   int fresh) {
                const int row = part.first_row + first * row_step();
                const int at_column = part.first_column + column * column_step();
                tile scores(operands, row, at_column, rows);
                const T* raw = scores.evaluate();
                const T* dout = out_gradient + row * Shape::out_row;
                alignas(64) T p[size::rows * pitch];
                alignas(64) T ds[size::rows * pitch];
                constexpr product_shape to_weights{
                    size::rows, size::columns, Shape::length, out_step, 1,
                    1,          value_step,    pitch,         false};
                detail::tile_product<to_weights, even>(
                    dout, value + at_column * Shape::value_column, ds, rows, Shape::length);
                constexpr T scale = static_cast<T>(tile::root_scale());
                for (int r = 0; r < rows; ++r) {
                    const int at = row + r * row_step();
                    const int begin = std::max(part.begin[first + r], fresh) - column;
                    const int end = std::min(part.end[first + r] - column, size::columns);
                    T* weights = p + r * pitch;
                    T* gradient = ds + r * pitch;
                    if (begin >= end) {
                        std::fill_n(weights, pitch, T(0));
                        std::fill_n(gradient, pitch, T(0));
                        continue;
                    }
                    std::copy_n(raw + r * pitch, pitch, weights);
                    (void)detail::exponentials<size::columns>(weights, begin, end, scale,
                                                              log_sum[at]);
                    const batch<T> subtract = set(inner[at]);
                    for (int c = 0; c < size::columns; c += lanes<T>) {
                        const batch<T> weight = load(weights + c);
                        const batch<T> slope =
                            weight * (load(gradient + c) - subtract) * set(scale);
                        store(gradient + c, xsimd::select(weight > zero<T>(), slope, zero<T>()));
                    }
                }
                if constexpr (Shape::value_gradient)
                    if (value_gradient) {
                        constexpr product_shape to_value{
                            size::columns, Shape::length, size::rows, 1, pitch, out_step, 1,
                            value_step,    true};
                        detail::tile_product<to_value, even>(
                            p, dout, value_gradient + at_column * Shape::value_column,
                            size::columns, rows);
                    }
                scores.propagate(ds);
            });
        });
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
