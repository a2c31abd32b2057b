#pragma once

#include "attention.hpp"
#include "mask_table.hpp"

/// Attention over the pairs of a table. The rows and columns of a tile are gathered, so that the
/// products are of plain matrices, and all of a row's columns are in one tile.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// The operands of a score's dot products for some rows and columns: those of the rows as they are,
/// those of the columns turned and, for the gradient, as they are.
template <class Shape, class T, int Rows, int Columns, bool Gradient>
class gathered_operands {
  public:
    static constexpr bool any = true;
    static constexpr bool gathered = true;
    static constexpr int pitch = Columns;

    const int* rows = nullptr;
    const int* columns = nullptr;

    static constexpr int depth_pitch(int node) {
        return Shape::nodes[node].op == score_op::dot
                   ? (Shape::nodes[node].depth + lanes<T> - 1) / lanes<T> * lanes<T>
                   : 0;
    }

    template <int Node>
    const T* x() const noexcept {
        return x_ + depth_before(Node) * Rows;
    }
    template <int Node>
    const T* y() const noexcept {
        return y_ + depth_before(Node) * Columns;
    }
    template <int Node>
    T* dx() const noexcept {
        return dx_ + depth_before(Node) * Rows;
    }
    template <int Node>
    T* dy() const noexcept {
        return dy_ + depth_before(Node) * Columns;
    }
    template <int Node>
    const T* at(int column) const noexcept {
        return turned_ + depth_before(Node) * pitch + column;
    }

    void take_rows(const score_operands<T>& operands, const int* from, int count) noexcept {
        rows = from;
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Shape::nodes[at];
            T* to = x_ + depth_before(at) * Rows;
            for (int r = 0; r < count; ++r)
                std::copy_n(operands.x[at] + rows[r] * node.x_row, node.depth,
                            to + r * depth_pitch(at));
            if constexpr (Gradient && node.x_gradient)
                std::fill_n(dx<at>(), count * depth_pitch(at), T(0));
        });
    }
    void add_rows(const score_operands<T>& operands, int count) const noexcept {
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Shape::nodes[at];
            if constexpr (node.x_gradient)
                if (operands.dx[at])
                    for (int r = 0; r < count; ++r)
                        add_row<node.depth>(operands.dx[at] + rows[r] * node.x_row,
                                            dx<at>() + r * depth_pitch(at));
        });
    }

    /// Columns are read up to a multiple of a vector.
    void take_columns(const score_operands<T>& operands, const int* from, int count) noexcept {
        columns = from;
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Shape::nodes[at];
            turn_listed<node.y_column, pitch, node.depth>(operands.y[at], columns, count,
                                                          turned_ + depth_before(at) * pitch);
            if constexpr (Gradient && node.x_gradient)
                if (operands.dx[at]) {
                    T* to = y_ + depth_before(at) * Columns;
                    for (int c = 0; c < count; ++c)
                        std::copy_n(operands.y[at] + columns[c] * node.y_column, node.depth,
                                    to + c * depth_pitch(at));
                }
        });
    }
    void add_columns(const score_operands<T>& operands, int count) const noexcept {
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Shape::nodes[at];
            if constexpr (node.y_gradient)
                if (operands.dy[at])
                    for (int c = 0; c < count; ++c)
                        add_row<node.depth>(operands.dy[at] + columns[c] * node.y_column,
                                            dy<at>() + c * depth_pitch(at));
        });
    }

    /// Copies listed rows of Depth elements to columns of a matrix of ToPitch elements a row.
    template <int FromStride, int ToPitch, int Depth>
    static void turn_listed(const T* from, const int* listed, int count, T* to) noexcept {
        constexpr int n = lanes<T>;
        constexpr int group = transposed_columns<T>;
        for (int c = 0; c < count; c += n) {
            int offsets[n];
            for (int lane = 0; lane < n; ++lane) offsets[lane] = listed[c + lane] * FromStride;
            int k = 0;
            for (; k + group <= Depth; k += group) {
                batch<T> out[group];
                load_transposed(
                    from + k, [&offsets](int lane) { return offsets[lane]; }, out);
                SEQUENT_UNROLL for (int i = 0; i < group; ++i) {
                    store(to + (k + i) * ToPitch + c, out[i]);
                }
            }
            for (; k < Depth; ++k)
                for (int lane = 0; lane < n; ++lane)
                    to[k * ToPitch + c + lane] = from[offsets[lane] + k];
        }
    }

    template <int Length>
    static SEQUENT_INLINE void add_row(T* to, const T* from) noexcept {
        constexpr int n = lanes<T>;
        int c = 0;
        for (; c + n <= Length; c += n) store(to + c, batch<T>(load(to + c) + load(from + c)));
        for (; c < Length; ++c) to[c] += from[c];
    }

  private:
    static constexpr int depth_before(int node) {
        int depth = 0;
        for (int at = 0; at < node; ++at) depth += depth_pitch(at);
        return depth;
    }
    static constexpr int depth = depth_before(Shape::nodes.size());
    static constexpr int room(bool needed, int size) { return needed && size > 0 ? size : 1; }

    template <class F>
    static SEQUENT_INLINE void each_dot(F f) noexcept {
        unroll<Shape::nodes.size()>([&](auto index) {
            if constexpr (Shape::nodes[decltype(index)::value].op == score_op::dot) f(index);
        });
    }

    alignas(64) T turned_[room(true, depth* pitch)];
    alignas(64) T x_[room(true, depth* Rows)];
    alignas(64) T y_[room(Gradient, depth* Columns)];
    // Written through by the tile that has this as its operands.
    alignas(64) mutable T dx_[room(Gradient, depth* Rows)];
    alignas(64) mutable T dy_[room(Gradient, depth* Columns)];
};

/// Which of a tile's columns at hand a row has.
template <int Columns>
struct tile_bits {
    std::uint64_t bits;

    static constexpr std::uint64_t all = ~std::uint64_t{0} >> (64 - Columns);
    SEQUENT_INLINE bool empty() const { return bits == 0; }
    SEQUENT_INLINE bool covers(int) const { return bits == all; }
    template <class T>
    SEQUENT_INLINE auto mask(int c) const {
        const auto here = static_cast<unsigned>(bits >> c);
#if defined(__AVX512F__)
        using mask_type = typename xsimd::batch_bool<T>::register_type;
        return xsimd::batch_bool<T>(static_cast<mask_type>(here));
#else
        alignas(batch<T>) T kept[lanes<T>];
        for (int lane = 0; lane < lanes<T>; ++lane) kept[lane] = static_cast<T>(here >> lane & 1u);
        return batch<T>::load_aligned(kept) > zero<T>();
#endif
    }
};

/// The rows of a tile that are in a range, and where among the tile's columns each begins and ends.
template <class Shape>
struct tile_rows {
    int count = 0;
    int first = 0;
    int end = 0;
    int row[mask_table::tallest];
    int row_begin[mask_table::tallest];
    int row_end[mask_table::tallest];
    const std::uint64_t* bits[mask_table::tallest];

    template <class Range>
    tile_rows(const mask_table& table, const mask_tile& tile, const int* counts, Range range) {
        const int* const columns = table.columns.data() + tile.first_column;
        first = tile.columns;
        for (int r = 0; r < tile.rows; ++r) {
            const int here = table.rows[static_cast<std::size_t>(tile.first_row + r)];
            if (here < range.begin || here >= range.end) continue;
            int begin = 0;
            int last = tile.columns;
            if constexpr (Shape::clips) {
                constexpr auto clip = Shape::space.pieces[0];
                if (!clip.admits_row(here, counts)) continue;
                const auto place = [&](int column) {
                    return static_cast<int>(
                        std::lower_bound(columns, columns + tile.columns, column) - columns);
                };
                begin = place(clip.begin(here, counts));
                last = place(clip.end(here, Shape::columns, counts));
                if (begin >= last) continue;
            }
            row[count] = here;
            row_begin[count] = begin;
            row_end[count] = last;
            bits[count] = table.bits.data() + tile.first_word + r * tile.words;
            first = std::min(first, begin);
            end = std::max(end, last);
            ++count;
        }
    }

    template <int Columns>
    SEQUENT_INLINE tile_bits<Columns> at(int r, int column) const {
        std::uint64_t found = bits[r][column / 64] >> (column % 64) & tile_bits<Columns>::all;
        if constexpr (Shape::clips) {
            const int begin = std::clamp(row_begin[r] - column, 0, Columns);
            const int last = std::clamp(row_end[r] - column, 0, Columns);
            if (begin >= last) return {0};
            found &=
                (tile_bits<Columns>::all << begin) & (tile_bits<Columns>::all >> (Columns - last));
        }
        return {found};
    }
};

/// How many columns are gathered at once.
template <class T>
inline constexpr int gathered_columns = std::min(64, 4 * lanes<T>);

template <class Shape, class T, class Range>
void tabled_attention(const mask_table& table, const score_operands<T>& operands, const T* value,
                      T* out, T* log_sum, const int* counts, Range range) noexcept {
    constexpr int rows = mask_table::tallest;
    constexpr int columns = gathered_columns<T>;
    constexpr int n = lanes<T>;
    constexpr int length = Shape::length;
    constexpr int pitch = (length + n - 1) / n * n;
    using gathered = gathered_operands<Shape, T, rows, columns, false>;
    using tile = score_tile<Shape, T, rows, columns, 1, 1, false, gathered>;
    for (int row = range.begin; row < range.end; ++row)
        std::fill_n(out + row * Shape::out_row, length, T(0));
    std::fill_n(log_sum + range.begin, range.end - range.begin, -lowest<T>);
    gathered at_hand;
    alignas(64) T values[columns * pitch];
    alignas(64) T sums[rows * n];
    alignas(64) T result[rows * pitch];
    for (const mask_tile& each : table.tiles) {
        const tile_rows<Shape> taken(table, each, counts, range);
        if (taken.count == 0) continue;
        at_hand.take_rows(operands, taken.row, taken.count);
        running_softmax<rows, T> state;
        std::fill_n(state.shift, rows, lowest<T>);
        std::fill_n(state.sum, rows, T(0));
        std::fill_n(sums, taken.count * n, T(0));
        std::fill_n(result, taken.count * pitch, T(0));
        for (int first = taken.first / columns * columns; first < taken.end; first += columns) {
            const int* const listed = table.columns.data() + each.first_column + first;
            const int count = std::min(columns, taken.end - first);
            at_hand.take_columns(operands, listed, count);
            for (int c = 0; c < count; ++c)
                std::copy_n(value + listed[c] * Shape::value_column, length, values + c * pitch);
            tile scores(operands, at_hand, 0, 0, count, taken.count);
            T* const p = scores.evaluate();
            constexpr T scale = static_cast<T>(tile::root_scale());
            for (int r = 0; r < taken.count; ++r)
                shift_row<columns, length>(
                    p + r * columns, p + r * columns, taken.template at<columns>(r, first), scale,
                    state.shift[r], state.sum[r], sums + r * n, result + r * pitch);
            for (int r = 0; r < taken.count; ++r)
                soften_row<columns>(p + r * columns, scale, state.shift[r], sums + r * n);
            constexpr product_shape shape{rows, length, columns, columns, 1, pitch, 1, pitch, true};
            tile_product<shape, false>(p, values, result, taken.count, count);
        }
        for (int r = 0; r < taken.count; ++r) state.sum[r] += reduce_add(load(sums + r * n));
        alignas(64) T logs[rows];
        for (int r = 0; r < taken.count; r += n)
            store(logs + r, batch<T>(load(state.shift + r) + log(load(state.sum + r))));
        for (int r = 0; r < taken.count; ++r) {
            if (state.sum[r] == 0) continue;
            scale_row<length>(result + r * pitch, 1 / state.sum[r]);
            std::copy_n(result + r * pitch, length, out + taken.row[r] * Shape::out_row);
            log_sum[taken.row[r]] = logs[r];
        }
    }
}

template <class Shape, class T>
void tabled_attention_gradient(const mask_table& table, const score_operands<T>& operands,
                               const T* value, const T* out, const T* log_sum,
                               const T* out_gradient, T* value_gradient,
                               const int* counts) noexcept {
    constexpr int rows = mask_table::tallest;
    constexpr int columns = gathered_columns<T>;
    constexpr int n = lanes<T>;
    constexpr int length = Shape::length;
    constexpr int pitch = (length + n - 1) / n * n;
    using gathered = gathered_operands<Shape, T, rows, columns, true>;
    using tile = score_tile<Shape, T, rows, columns, 1, 1, false, gathered>;
    gathered at_hand;
    alignas(64) T values[length * columns];
    alignas(64) T dv[columns * pitch];
    alignas(64) T dout[rows * pitch];
    alignas(64) T ds[rows * columns];
    alignas(64) T own[tile::needs_scores ? rows * columns : 1];
    T inner[rows];
    for (const mask_tile& each : table.tiles) {
        const tile_rows<Shape> taken(table, each, counts, all_rows<Shape::rows>{});
        if (taken.count == 0) continue;
        at_hand.take_rows(operands, taken.row, taken.count);
        for (int r = 0; r < taken.count; ++r) {
            const int row = taken.row[r];
            std::copy_n(out_gradient + row * Shape::out_row, length, dout + r * pitch);
            inner[r] = dot_rows<length>(out + row * Shape::out_row, dout + r * pitch);
        }
        for (int first = taken.first / columns * columns; first < taken.end; first += columns) {
            const int* const listed = table.columns.data() + each.first_column + first;
            const int count = std::min(columns, taken.end - first);
            at_hand.take_columns(operands, listed, count);
            gathered::template turn_listed<Shape::value_column, columns, length>(value, listed,
                                                                                 count, values);
            tile scores(operands, at_hand, 0, 0, count, taken.count);
            T* const raw = scores.evaluate();
            T* const p = tile::needs_scores ? own : raw;
            constexpr product_shape by_values{rows,    columns, length,  pitch, 1,
                                              columns, 1,       columns, false};
            tile_product<by_values, false>(dout, values, ds, taken.count, length);
            constexpr T scale = static_cast<T>(tile::root_scale());
            for (int r = 0; r < taken.count; ++r) {
                const auto inside = taken.template at<columns>(r, first);
                if (inside.empty()) {
                    std::fill_n(p + r * columns, columns, T(0));
                    std::fill_n(ds + r * columns, columns, T(0));
                } else {
                    weight_row<columns>(raw + r * columns, p + r * columns, ds + r * columns,
                                        inside, scale, log_sum[taken.row[r]], inner[r]);
                }
            }
            if constexpr (Shape::value_gradient)
                if (value_gradient) {
                    constexpr product_shape shape{columns, length, rows,  1,    columns,
                                                  pitch,   1,      pitch, false};
                    tile_product<shape, false>(p, dout, dv, count, taken.count);
                    for (int c = 0; c < count; ++c)
                        gathered::template add_row<length>(
                            value_gradient + listed[c] * Shape::value_column, dv + c * pitch);
                }
            scores.propagate(ds);
            at_hand.add_columns(operands, count);
        }
        at_hand.add_rows(operands, taken.count);
    }
}

}  // namespace detail

/// The same as `attention` for a Shape with a table of pairs:
///   clips, space               whether the pairs are those of the table that are in
///   space.pieces[0]
template <class Shape, class T, class Range>
void attention(const mask_table& table, const score_operands<T>& operands, const T* value, T* out,
               T* log_sum, const int* counts, Range range) noexcept {
    detail::tabled_attention<Shape>(table, operands, value, out, log_sum, counts, range);
}
template <class Shape, class T>
void attention_gradient(const mask_table& table, const score_operands<T>& operands, const T* value,
                        const T* out, const T* log_sum, const T* out_gradient, T* value_gradient,
                        const int* counts) noexcept {
    detail::tabled_attention_gradient<Shape>(table, operands, value, out, log_sum, out_gradient,
                                             value_gradient, counts);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
