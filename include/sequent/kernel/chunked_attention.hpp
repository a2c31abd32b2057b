#pragma once

#include <cmath>
#include <limits>

#include "attention_pairs.hpp"
#include "chunk_scores.hpp"

/// Linear attention in chunks: attention without a softmax whose score is a dot product, possibly
/// times exp of a term of the row plus a term of the column,
///
///     out(i) = sum over j < end(i) of value x(i) . y(j) exp(a(i) + b(j)) v(j),
///
/// where end(i) does not fall. Rows are taken `chunk` at a time. A chunk reads the columns before
/// it from a state, depth x length numbers, and visits pairs only for its own columns: the
/// operations grow with the number of rows, not with its square. The gradients of y and v carry a
/// state of later rows from the last chunk to the first.
///
/// Shape is that of attention (attention.hpp) with one piece in its space, without lower bounds,
/// and `chunk`, the number of rows. Leaves of the nodes have their `exponent`.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// A sum of outer products that are scaled by exp(exponent of the row or the column + base). A
/// state whose base has been moved forth and back by more than `most_regained` has lost numbers
/// that are needed again: then pairs are visited.
template <class T>
inline constexpr T most_regained = 30;

/// The number of elements of as many whole vectors as `count` elements need.
template <class T>
constexpr int whole_vectors(int count) {
    return (count + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// to += factor * from
template <int Length, class T>
SEQUENT_INLINE void add_scaled_row(T factor, const T* from, T* to) noexcept {
    constexpr int rest = Length % lanes<T>;
    int k = 0;
    for (; k + lanes<T> <= Length; k += lanes<T>)
        store(to + k, fma(set(factor), load(from + k), load(to + k)));
    if constexpr (rest > 0)
        store_first<rest>(to + k,
                          fma(set(factor), load_first<rest>(from + k), load_first<rest>(to + k)));
}

/// Columns below `end` of a tile that begins at 0.
struct chunk_interval {
    int end;
    SEQUENT_INLINE bool covers(int columns) const { return end >= columns; }
    template <class T>
    SEQUENT_INLINE auto mask(int c) const {
        return iota<T>() + set(static_cast<T>(c)) < set(static_cast<T>(end));
    }
};

}  // namespace detail

/// Linear attention with the operands of one round of the outer loops.
template <class Shape, class T>
class chunked_attention {
    using scores = detail::chunk_scores<Shape>;
    static constexpr score_node dot = scores::dot;
    static constexpr bool fades = scores::fades;
    static constexpr auto& piece = Shape::space.pieces[0];
    static constexpr int chunk = Shape::chunk;
    static constexpr int depth = dot.depth;
    static constexpr int length = Shape::length;
    static constexpr int pitch = detail::whole_vectors<T>(chunk);          // of a tile of pairs
    static constexpr int length_pitch = detail::whole_vectors<T>(length);  // of rows of values
    static constexpr int depth_pitch = detail::whole_vectors<T>(depth);    // of rows of keys
    static constexpr T factor = static_cast<T>(scores::scale);

    const score_operands<T>& operands_;
    const T* x_;
    const T* y_;
    const T* value_;
    const int* counts_;
    T of_rows_[chunk]{};     // exponents of the rows of a chunk
    T of_columns_[chunk]{};  // and of the columns of a tile
    alignas(64) T turned_[std::max(depth, length) * pitch]{};
    alignas(64) T tile_[chunk * pitch];
    alignas(64) T scaled_[fades ? chunk * std::max(length_pitch, depth_pitch) : 1];

    const T* x(int row) const { return x_ + static_cast<std::ptrdiff_t>(row) * dot.x_row; }
    const T* y(int column) const { return y_ + static_cast<std::ptrdiff_t>(column) * dot.y_column; }
    const T* value(int column) const {
        return value_ + static_cast<std::ptrdiff_t>(column) * Shape::value_column;
    }

  public:
    chunked_attention(const score_operands<T>& operands, const T* value, const int* counts) noexcept
        : operands_(operands),
          x_(operands.x[scores::root]),
          y_(operands.y[scores::root]),
          value_(value),
          counts_(counts) {}

    /// The end of the columns of a row.
    int end_of(int row) const noexcept {
        return std::max(0, piece.end(row, Shape::columns, counts_));
    }
    /// The end of the rows that have columns, at most `end`.
    int end_of_rows(int end) const noexcept {
        for (const auto& limit : piece.row_upper) end = std::min(end, limit.at(0, counts_));
        return std::max(end, 0);
    }

    /// Computes rows [begin, end) of `out`.
    void forward(T* out, int begin, int end) noexcept {
        const int last_row = std::max(begin, end_of_rows(end));
        alignas(64) T state[depth * length_pitch]{};
        T base = 0;
        T lowest = 0;
        int before = 0;  // columns in the state
        batch<T> seen = zero<T>();
        for (int row = 0; row < last_row; row += chunk) {
            const int end_row = std::min(row + chunk, last_row);
            const int last = end_of(end_row - 1);
            const int first = std::max(row, begin);
            if (first < end_row) {
                const int rows = end_row - first;
                T* const to = out + static_cast<std::ptrdiff_t>(first) * Shape::out_row;
                find_rows(first, rows);
                product<product_shape{chunk, length, depth, dot.x_row, 1, length_pitch, 1,
                                      Shape::out_row, false}>(x(first), state, to, rows, depth);
                if (fades && before > 0)
                    for (int r = 0; r < rows; ++r)
                        (void)detail::scale_row<length>(to + r * Shape::out_row,
                                                        grown(of_rows_[r], base));
                for (int column = before; column < last; column += chunk) {
                    const int columns = std::min(chunk, last - column);
                    find_columns(column, columns);
                    multiply_pairs<depth, dot.x_row, dot.y_column>(x(first), y(column), first, rows,
                                                                   column, columns);
                    product<product_shape{chunk, length, chunk, pitch, 1, Shape::value_column, 1,
                                          Shape::out_row, true}>(tile_, value(column), to, rows,
                                                                 columns);
                }
                for (int r = 0; r < rows; ++r) {
                    seen = seen | detail::scale_row<length>(to + r * Shape::out_row, factor);
                    if (fades && before > 0 && of_rows_[r] - lowest > detail::most_regained<T>)
                        mend(out, first + r);
                }
            }
            if (end_row == last_row) break;
            move_base(scores::of_row(operands_, end_row - 1), before == 0, base, lowest, state,
                      depth * length_pitch);
            for (int column = before; column < last; column += chunk)
                add_columns<depth, length, dot.y_column, Shape::value_column, length_pitch>(
                    y(column), value(column), column, std::min(chunk, last - column), base, state);
            before = std::max(before, last);
        }
        for (int row = last_row; row < end; ++row)
            std::fill_n(out + static_cast<std::ptrdiff_t>(row) * Shape::out_row, length, T(0));
        if (!xsimd::all(seen == zero<T>())) [[unlikely]]
            for (int row = begin; row < last_row; ++row)
                if (!detail::are_finite<length>(
                        out + static_cast<std::ptrdiff_t>(row) * Shape::out_row, 0, 1))
                    mend(out, row);
    }

    /// Adds the gradients of x and of the exponents of rows, of rows [0, end).
    void backward_rows(const T* out, const T* out_gradient, int end) noexcept {
        end = end_of_rows(end);
        if constexpr (scores::gradient_of(false))
            for (int row = 0; row < end; ++row)
                scores::template add_gradient<false>(
                    operands_, row,
                    detail::dot_rows<length>(
                        out + static_cast<std::ptrdiff_t>(row) * Shape::out_row,
                        out_gradient + static_cast<std::ptrdiff_t>(row) * Shape::out_row));
        T* const dx = operands_.dx[scores::root];
        if constexpr (dot.x_gradient) {
            if (dx == nullptr) return;
            alignas(64) T state[length * depth_pitch]{};  // values times keys
            alignas(64) T sums[chunk * depth_pitch];
            T base = 0;
            T lowest = 0;
            int before = 0;
            for (int row = 0; row < end; row += chunk) {
                const int rows = std::min(chunk, end - row);
                const int last = end_of(row + rows - 1);
                const T* given = out_gradient + static_cast<std::ptrdiff_t>(row) * Shape::out_row;
                find_rows(row, rows);
                product<product_shape{chunk, depth, length, Shape::out_row, 1, depth_pitch, 1,
                                      depth_pitch, false}>(given, state, sums, rows, length);
                if (fades && before > 0)
                    for (int r = 0; r < rows; ++r)
                        (void)detail::scale_row<depth>(sums + r * depth_pitch,
                                                       grown(of_rows_[r], base));
                for (int column = before; column < last; column += chunk) {
                    const int columns = std::min(chunk, last - column);
                    find_columns(column, columns);
                    multiply_pairs<length, Shape::out_row, Shape::value_column>(
                        given, value(column), row, rows, column, columns);
                    product<product_shape{chunk, depth, chunk, pitch, 1, dot.y_column, 1,
                                          depth_pitch, true}>(tile_, y(column), sums, rows,
                                                              columns);
                }
                for (int r = 0; r < rows; ++r) {
                    T* const to = dx + static_cast<std::ptrdiff_t>(row + r) * dot.x_row;
                    const bool lost =
                        fades && before > 0 && of_rows_[r] - lowest > detail::most_regained<T>;
                    if (lost || !detail::are_finite<depth>(sums + r * depth_pitch, 0, 1))
                        [[unlikely]]
                        add_row(given + r * Shape::out_row, row + r, to);
                    else
                        detail::add_scaled_row<depth>(factor, sums + r * depth_pitch, to);
                }
                if (row + rows == end) break;
                move_base(scores::of_row(operands_, row + rows - 1), before == 0, base, lowest,
                          state, length * depth_pitch);
                for (int column = before; column < last; column += chunk)
                    add_columns<length, depth, Shape::value_column, dot.y_column, depth_pitch>(
                        value(column), y(column), column, std::min(chunk, last - column), base,
                        state);
                before = std::max(before, last);
            }
        }
    }

    /// Adds the gradients of y, of the values and of the exponents of columns, from rows [0, end).
    void backward_columns(const T* out_gradient, T* value_gradient, int end) noexcept {
        end = end_of_rows(end);
        T* const dy = dot.y_gradient ? operands_.dy[scores::root] : nullptr;
        constexpr bool of_columns = scores::gradient_of(true);
        if (dy == nullptr && value_gradient == nullptr && !of_columns) return;
        alignas(64) T state[depth * length_pitch]{};  // of later rows: x times the gradient of out
        alignas(64) T of_value[chunk * length_pitch];
        alignas(64) T of_y[chunk * depth_pitch];
        T base = 0;
        T highest = 0;
        bool empty = true;
        for (int row = (end - 1) / chunk * chunk; row >= 0 && end > 0; row -= chunk) {
            const int rows = std::min(chunk, end - row);
            const int first = row == 0 ? 0 : end_of(row - 1);
            const int last = end_of(row + rows - 1);
            const T* given = out_gradient + static_cast<std::ptrdiff_t>(row) * Shape::out_row;
            find_rows(row, rows);
            move_base(of_rows_[rows - 1], empty, base, highest, state, depth * length_pitch, true);
            for (int column = first; column < last; column += chunk) {
                const int columns = std::min(chunk, last - column);
                find_columns(column, columns);
                product<product_shape{chunk, length, depth, dot.y_column, 1, length_pitch, 1,
                                      length_pitch, false}>(y(column), state, of_value, columns,
                                                            depth);
                product<product_shape{chunk, depth, length, Shape::value_column, 1, 1, length_pitch,
                                      depth_pitch, false}>(value(column), state, of_y, columns,
                                                           length);
                if (fades && !empty)
                    for (int c = 0; c < columns; ++c) {
                        const T grows = grown(of_columns_[c], -base);
                        (void)detail::scale_row<length>(of_value + c * length_pitch, grows);
                        (void)detail::scale_row<depth>(of_y + c * depth_pitch, grows);
                    }
                multiply_pairs<depth, dot.x_row, dot.y_column>(x(row), y(column), row, rows, column,
                                                               columns);
                product<product_shape{chunk, length, chunk, 1, pitch, Shape::out_row, 1,
                                      length_pitch, true}>(tile_, given, of_value, columns, rows);
                multiply_pairs<length, Shape::out_row, Shape::value_column>(
                    given, value(column), row, rows, column, columns);
                product<product_shape{chunk, depth, chunk, 1, pitch, dot.x_row, 1, depth_pitch,
                                      true}>(tile_, x(row), of_y, columns, rows);
                for (int c = 0; c < columns; ++c) {
                    T* const here = of_value + c * length_pitch;
                    T* const keys = of_y + c * depth_pitch;
                    const bool lost =
                        fades && !empty && of_columns_[c] + highest > detail::most_regained<T>;
                    if (lost || !detail::are_finite<length>(here, 0, 1) ||
                        !detail::are_finite<depth>(keys, 0, 1)) [[unlikely]]
                        sum_column(out_gradient, column + c, end, here, keys);
                    if (value_gradient)
                        detail::add_scaled_row<length>(
                            factor, here,
                            value_gradient +
                                static_cast<std::ptrdiff_t>(column + c) * Shape::value_column);
                    if (dy)
                        detail::add_scaled_row<depth>(
                            factor, keys,
                            dy + static_cast<std::ptrdiff_t>(column + c) * dot.y_column);
                    if constexpr (of_columns)
                        scores::template add_gradient<true>(
                            operands_, column + c,
                            factor * detail::dot_rows<length>(value(column + c), here));
                }
            }
            if (row == 0) break;
            add_rows(given, row, rows, base, state);
            empty = false;
        }
    }

    /// Computes one row from a state of the columns before it, to which its own column is added
    /// first: the columns of a row end at the row. The state has depth rows of Pitch numbers, then
    /// the exponent of its last row.
    template <int Pitch>
    void step(T* state, T* out, int row) noexcept {
        constexpr int vectors = length_pitch / lanes<T>;
        T* const base = state + depth * Pitch;
        T fade = 1;
        T weight = 1;
        T shown = 1;  // the part of the state that the row sees
        const bool exists = end_of_rows(row + 1) > row;
        if constexpr (fades) {
            const T next = scores::of_row(operands_, row);
            const T own = scores::of_column(operands_, row);
            // The base does not fall with a row that sees little, unless the columns have grown.
            if (row > 0 && next < *base && *base + own <= detail::most_regained<T>) {
                shown = std::exp(next - *base);
            } else {
                fade = row == 0 ? T(0)
                                : std::min(std::exp(next - *base), std::numeric_limits<T>::max());
                *base = next;
            }
            weight = std::exp(*base + own);
        }
        // A row that only counts keep from its own column reads what is there.
        if (!exists || end_of(row) <= row) weight = 0;
        alignas(64) T values[length_pitch]{};
        if (weight != 0)
            for (int k = 0; k < length; ++k) values[k] = weight * value(row)[k];
        batch<T> sums[vectors];
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) sums[v] = zero<T>();
        for (int k = 0; k < depth; ++k, state += Pitch) {
            const batch<T> key = set(weight != 0 ? y(row)[k] : T(0));
            const batch<T> query = set(x(row)[k] * factor);
            SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) {
                batch<T> here = load(state + v * lanes<T>);
                if constexpr (fades) here *= set(fade);
                here = fma(key, load(values + v * lanes<T>), here);
                store(state + v * lanes<T>, here);
                sums[v] = fma(query, here, sums[v]);
            }
        }
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v)
            store(values + v * lanes<T>, batch<T>(sums[v] * set(shown)));
        std::copy_n(values, length, out + static_cast<std::ptrdiff_t>(row) * Shape::out_row);
        if (!exists)
            std::fill_n(out + static_cast<std::ptrdiff_t>(row) * Shape::out_row, length, T(0));
    }

  private:
    static T grown(T exponent, T base) noexcept { return std::exp(exponent - base); }

    void find_rows(int row, int rows) noexcept {
        if constexpr (fades)
            for (int r = 0; r < rows; ++r) of_rows_[r] = scores::of_row(operands_, row + r);
    }
    void find_columns(int column, int columns) noexcept {
        if constexpr (fades)
            for (int c = 0; c < columns; ++c)
                of_columns_[c] = scores::of_column(operands_, column + c);
    }

    /// Moves the base of a state to `next`; `extreme` is the lowest base so far, or the highest.
    static void move_base(T next, bool empty, T& base, T& extreme, T* state, int size,
                          bool reversed = false) noexcept {
        if constexpr (fades) {
            if (!empty) {
                const T fade = reversed ? std::exp(base - next) : std::exp(next - base);
                for (int at = 0; at < size; at += lanes<T>)
                    store(state + at, batch<T>(load(state + at) * set(fade)));
            }
            base = next;
            extreme = empty ? next : reversed ? std::max(extreme, next) : std::min(extreme, next);
        }
    }

    /// The tile of left(row) . right(column), without `factor`; zero where there is no pair.
    template <int Depth, int LeftRow, int RightRow>
    void multiply_pairs(const T* left, const T* right, int row, int rows, int column,
                        int columns) noexcept {
        detail::turn_columns<RightRow, pitch>(right, turned_, columns, Depth);
        product<product_shape{chunk, chunk, Depth, LeftRow, 1, pitch, 1, pitch, false}>(
            left, turned_, tile_, rows, Depth);
        for (int r = 0; r < rows; ++r) {
            T* const here = tile_ + r * pitch;
            const detail::chunk_interval inside{std::min(end_of(row + r) - column, columns)};
            for (int c = 0; c < chunk; c += lanes<T>) {
                batch<T> weight = load(here + c);
                if constexpr (fades) {
                    alignas(64) T exponents[lanes<T>]{};
                    std::copy_n(of_columns_ + c, std::min(lanes<T>, chunk - c), exponents);
                    weight *= exp(batch<T>(load(exponents) + set(of_rows_[r])));
                }
                if (!inside.covers(c + lanes<T>))
                    weight = xsimd::select(inside.template mask<T>(c), weight, zero<T>());
                store(here + c, weight);
            }
        }
    }

    /// Adds left(column)^T right(column), scaled, for some columns.
    template <int Depth, int Length, int LeftRow, int RightRow, int Pitch>
    void add_columns(const T* left, const T* right, int column, int columns, T base,
                     T* state) noexcept {
        if constexpr (fades) {
            for (int c = 0; c < columns; ++c)
                scale_to<Length>(right + c * RightRow, scaled_ + c * Pitch,
                                 std::exp(scores::of_column(operands_, column + c) + base));
            product<product_shape{Depth, Length, chunk, 1, LeftRow, Pitch, 1, Pitch, true}>(
                left, scaled_, state, Depth, columns);
        } else {
            product<product_shape{Depth, Length, chunk, 1, LeftRow, RightRow, 1, Pitch, true}>(
                left, right, state, Depth, columns);
        }
    }
    /// Adds x(row)^T out_gradient(row), scaled, for the rows of a chunk.
    void add_rows(const T* given, int row, int rows, T base, T* state) noexcept {
        if constexpr (fades) {
            for (int r = 0; r < rows; ++r)
                scale_to<length>(given + r * Shape::out_row, scaled_ + r * length_pitch,
                                 std::exp(of_rows_[r] - base));
            product<product_shape{depth, length, chunk, 1, dot.x_row, length_pitch, 1, length_pitch,
                                  true}>(x(row), scaled_, state, depth, rows);
        } else {
            product<product_shape{depth, length, chunk, 1, dot.x_row, Shape::out_row, 1,
                                  length_pitch, true}>(x(row), given, state, depth, rows);
        }
    }
    template <int Length>
    static void scale_to(const T* from, T* to, T by) noexcept {
        std::copy_n(from, Length, to);
        (void)detail::scale_row<Length>(to, by);
    }

    // Pair by pair.

    SEQUENT_COLD T fading(int row, int column) const noexcept {
        if constexpr (fades)
            return std::exp(scores::of_row(operands_, row) + scores::of_column(operands_, column));
        else
            return 1;
    }
    SEQUENT_COLD void mend(T* out, int row) const noexcept {
        detail::attend_to_pairs<Shape>(operands_, value_,
                                       out + static_cast<std::ptrdiff_t>(row) * Shape::out_row, row,
                                       [&](auto f) {
                                           for (int column = 0; column < end_of(row); ++column)
                                               f(column);
                                       });
    }
    /// Adds the gradient of x(row).
    SEQUENT_COLD void add_row(const T* given, int row, T* to) const noexcept {
        for (int column = 0; column < end_of(row); ++column)
            detail::add_scaled(
                factor * fading(row, column) * detail::dot_rows<length>(given, value(column)),
                y(column), to, depth);
    }
    /// The gradients of value(column) and of y(column), without `factor`.
    SEQUENT_COLD void sum_column(const T* out_gradient, int column, int end, T* of_value,
                                 T* of_y) const noexcept {
        std::fill_n(of_value, length, T(0));
        std::fill_n(of_y, depth, T(0));
        for (int row = 0; row < end; ++row) {
            if (end_of(row) <= column) continue;
            const T* given = out_gradient + static_cast<std::ptrdiff_t>(row) * Shape::out_row;
            const T fade = fading(row, column);
            detail::add_scaled(fade * detail::dot_rows<depth>(x(row), y(column)), given, of_value,
                               length);
            detail::add_scaled(fade * detail::dot_rows<length>(given, value(column)), x(row), of_y,
                               depth);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
