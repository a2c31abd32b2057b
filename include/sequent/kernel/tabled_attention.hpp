#pragma once

#include <bit>

#include "attention.hpp"
#include "mask_table.hpp"

/// Attention over the pairs of a table. The rows of a tile are in the lanes of vectors and its
/// columns are taken one after another, so that only columns that some row of the tile has are
/// computed. All columns of a row are in one tile.

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// A score with rows and columns of Shape's exchanged.
template <class Shape>
struct exchanged {
    static constexpr auto nodes = [] {
        auto result = Shape::nodes;
        for (score_node& node : result)
            if (node.op == score_op::dot) {
                std::swap(node.x_row, node.y_column);
                std::swap(node.x_gradient, node.y_gradient);
            } else {
                std::swap(node.x_row, node.x_column);
            }
        return result;
    }();
    template <class T>
    static score_operands<T> operands(const score_operands<T>& of) noexcept {
        score_operands<T> result = of;
        unroll<nodes.size()>([&](auto index) {
            constexpr std::size_t at = decltype(index)::value;
            if constexpr (nodes[index()].op == score_op::dot) {
                std::swap(result.x[at], result.y[at]);
                std::swap(result.dx[at], result.dy[at]);
            }
        });
        return result;
    }
};

/// The operands of an exchanged score's dot products: of listed columns as they are; of the rows of
/// a tile transposed and, for the gradient, as they are, too.
template <class Score, class T, int Rows, int Columns, bool Gradient>
class gathered_operands {
  public:
    static constexpr bool any = true;
    static constexpr bool gathered = true;
    static constexpr int pitch = Columns;

    const int* rows = nullptr;
    const int* columns = nullptr;

    static constexpr int depth_pitch(int node) {
        return Score::nodes[node].op == score_op::dot
                   ? (Score::nodes[node].depth + lanes<T> - 1) / lanes<T> * lanes<T>
                   : 0;
    }

    template <int Node>
    const T* x() const noexcept {
        return x_ + depth_before(Node) * Rows;
    }
    template <int Node>
    const T* at(int) const noexcept {
        return turned_ + depth_before(Node) * pitch;
    }
    template <int Node>
    const T* y() const noexcept {
        return y_ + depth_before(Node) * Columns;
    }
    template <int Node>
    T* dy() const noexcept {
        return dy_ + depth_before(Node) * Columns;
    }
    /// Memory in which a product may leave its sums.
    T* sums() const noexcept { return sums_; }

    void take_rows(const score_operands<T>& operands, const int* listed, int count) noexcept {
        rows = listed;
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Score::nodes[at];
            copy_listed<node.depth, depth_pitch(at)>(operands.x[at], node.x_row, listed, count,
                                                     x_ + depth_before(at) * Rows);
        });
    }
    void take_columns(const score_operands<T>& operands, const int* listed, int count) noexcept {
        columns = listed;
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Score::nodes[at];
            turn_listed<node.depth, Columns>(operands.y[at], node.y_column, listed,
                                             turned_ + depth_before(at) * pitch);
            if constexpr (Gradient) {
                copy_listed<node.depth, depth_pitch(at)>(operands.y[at], node.y_column, listed,
                                                         count, y_ + depth_before(at) * Columns);
                std::fill_n(dy<at>(), count * depth_pitch(at), T(0));
            }
        });
    }
    void add_columns(const score_operands<T>& operands, int count) const noexcept {
        each_dot([&](auto index) {
            constexpr int at = index;
            constexpr score_node node = Score::nodes[at];
            if constexpr (node.y_gradient)
                if (T* const to = operands.dy[at])
                    for (int c = 0; c < count; ++c)
                        for (int k = 0; k < node.depth; ++k)
                            to[columns[c] * node.y_column + k] += dy<at>()[c * depth_pitch(at) + k];
        });
    }

    template <int Depth, int Pitch>
    static void copy_listed(const T* from, int stride, const int* listed, int count,
                            T* to) noexcept {
        constexpr int n = lanes<T>;
        constexpr int last = Depth % n;
        for (int r = 0; r < count; ++r, to += Pitch) {
            const T* const row = from + listed[r] * stride;
            SEQUENT_UNROLL for (int k = 0; k < Depth - last; k += n) {
                store(to + k, load(row + k));
            }
            if constexpr (last > 0)
                store_first<last>(to + Depth - last, load_first<last>(row + Depth - last));
        }
    }

    /// Copies Count listed rows to the columns of a matrix with Count columns.
    template <int Depth, int Count>
    static void turn_listed(const T* from, int stride, const int* listed, T* to) noexcept {
        constexpr int n = lanes<T>;
        constexpr int group = transposed_columns<T>;
        for (int c = 0; c < Count; c += n) {
            int offsets[n];
            for (int lane = 0; lane < n; ++lane) offsets[lane] = listed[c + lane] * stride;
            int k = 0;
            for (; k + group <= Depth; k += group) {
                batch<T> out[group];
                load_transposed(
                    from + k, [&offsets](int lane) { return offsets[lane]; }, out);
                SEQUENT_UNROLL for (int i = 0; i < group; ++i) {
                    store(to + (k + i) * Count + c, out[i]);
                }
            }
            for (; k < Depth; ++k)
                for (int lane = 0; lane < n; ++lane)
                    to[k * Count + c + lane] = from[offsets[lane] + k];
        }
    }

  private:
    static constexpr int depth_before(int node) {
        int before = 0;
        for (int at = 0; at < node; ++at) before += depth_pitch(at);
        return before;
    }
    static constexpr int all_depths = depth_before(Score::nodes.size());
    static constexpr int room(bool needed, int size) { return needed && size > 0 ? size : 1; }

    template <class F>
    static SEQUENT_INLINE void each_dot(F f) noexcept {
        unroll<Score::nodes.size()>([&](auto index) {
            if constexpr (Score::nodes[decltype(index)::value].op == score_op::dot) f(index);
        });
    }

    alignas(64) T turned_[room(true, all_depths* Columns)];
    alignas(64) T x_[room(true, all_depths* Rows)];
    alignas(64) T y_[room(Gradient, all_depths* Columns)];
    // Written only by the tile that uses these operands.
    alignas(64) mutable T dy_[room(Gradient, all_depths* Columns)];
    alignas(64) mutable T sums_[room(Gradient, all_depths* Rows)];
};

/// The rows of a tile, from `first` on, that have a column.
template <class T>
SEQUENT_INLINE auto mask_of_bits(unsigned bits, int first) noexcept {
    bits >>= first;
#if defined(__AVX512F__)
    using mask_type = typename xsimd::batch_bool<T>::register_type;
    return xsimd::batch_bool<T>(static_cast<mask_type>(bits));
#else
    alignas(batch<T>) T kept[lanes<T>];
    for (int lane = 0; lane < lanes<T>; ++lane) kept[lane] = static_cast<T>(bits >> lane & 1u);
    return batch<T>::load_aligned(kept) > zero<T>();
#endif
}

/// The rows of a tile that are in a range, as bits, and the part [begin, end) of the tile's columns
/// that they need.
template <class Shape, class T>
struct tile_rows {
    static constexpr int height = mask_table::height;

    unsigned taken = 0;
    int begin = 0;
    int end = 0;
    // For each row, if the table is clipped.
    alignas(64) T row_begin[Shape::clips ? height : 1];
    alignas(64) T row_end[Shape::clips ? height : 1];
    int listed[Shape::clips ? height : 1];

    template <class Range>
    tile_rows(const mask_table& table, const mask_tile& tile, const int* counts,
              Range range) noexcept {
        const int* const columns = table.columns.data() + tile.first_column;
        begin = Shape::clips ? tile.columns : 0;
        end = Shape::clips ? 0 : tile.columns;
        for (int r = 0; r < tile.rows; ++r) {
            const int row = table.rows[static_cast<std::size_t>(tile.first_row + r)];
            if (row < range.begin || row >= range.end) continue;
            if constexpr (Shape::clips) {
                constexpr auto clip = Shape::space.pieces[0];
                if (!clip.admits_row(row, counts)) continue;
                const auto place = [&](int column) {
                    return static_cast<int>(
                        std::lower_bound(columns, columns + tile.columns, column) - columns);
                };
                const int first = place(clip.begin(row, counts));
                const int last = place(clip.end(row, Shape::columns, counts));
                if (first >= last) continue;
                row_begin[r] = static_cast<T>(first);
                row_end[r] = static_cast<T>(last);
                begin = std::min(begin, first);
                end = std::max(end, last);
            }
            taken |= 1u << r;
        }
        if (taken == 0) end = begin;
        if constexpr (Shape::clips) {
            const int* const all = table.rows.data() + tile.first_row;
            const int any = taken == 0 ? 0 : std::countr_zero(taken);
            for (int r = 0; r < height; ++r) listed[r] = all[(taken >> r) & 1u ? r : any];
        }
    }

    /// The rows of a tile. Rows that are not there are replaced by another.
    const int* list(const mask_table& table, const mask_tile& tile) const noexcept {
        if constexpr (Shape::clips)
            return listed;
        else
            return table.rows.data() + tile.first_row;
    }

    /// The rows from `first` on that have column `at` of the tile.
    SEQUENT_INLINE auto mask(unsigned bits, int first, int at) const noexcept {
        auto result = mask_of_bits<T>(bits & taken, first);
        if constexpr (Shape::clips) {
            const batch<T> here = set(static_cast<T>(at));
            result = result & (load(row_begin + first) <= here) & (here < load(row_end + first));
        }
        return result;
    }

    /// True if row r is among them.
    bool has(unsigned bits, int r, int at) const noexcept {
        bool result = ((bits & taken) >> r & 1u) != 0;
        if constexpr (Shape::clips)
            result =
                result && row_begin[r] <= static_cast<T>(at) && static_cast<T>(at) < row_end[r];
        return result;
    }
};

/// The pairs (c, r) of a tile's columns from `first` on and its rows, with the interface of
/// tile_pairs.
template <class Rows>
class listed_pairs {
  public:
    listed_pairs(const Rows& rows, const std::uint16_t* bits, int first, int count) noexcept
        : rows_(rows), bits_(bits), first_(first), count_(count) {}

    static constexpr bool whole() noexcept { return false; }

    template <class F>
    SEQUENT_COLD void each(F f) const noexcept {
        for (int c = 0; c < count_; ++c)
            for (int r = 0; r < Rows::height; ++r)
                if (rows_.has(bits_[c], r, first_ + c)) f(c, r);
    }

    template <int Pitch, class T>
    void clear_others(T* tile) const noexcept {
        for (int c = 0; c < count_; ++c)
            for (int r = 0; r < Rows::height; r += lanes<T>) {
                T* const at = tile + c * Pitch + r;
                store(at, batch<T>(xsimd::select(rows_.mask(bits_[c], r, first_ + c), load(at),
                                                 zero<T>())));
            }
    }

  private:
    const Rows& rows_;
    const std::uint16_t* bits_;
    int first_;
    int count_;
};

/// Number of columns that are gathered at once.
inline constexpr int listed_columns = 64;

template <class Shape, class T, class Range>
void tabled_attention(const mask_table& table, const score_operands<T>& given, const T* value,
                      T* out, T* normalizer, const int* counts, Range range) noexcept {
    constexpr int height = mask_table::height;
    constexpr int columns = listed_columns;
    constexpr int n = lanes<T>;
    constexpr int length = Shape::length;
    constexpr int pitch = (length + n - 1) / n * n;
    using score = exchanged<Shape>;
    using gathered = gathered_operands<score, T, columns, height, false>;
    using tile = score_tile<score, T, columns, height, 1, 1, false, gathered>;
    const score_operands<T> operands = score::operands(given);
    for (int row = range.begin; row < range.end; ++row)
        std::fill_n(out + row * Shape::out_row, length, T(0));
    std::fill_n(normalizer + 2 * range.begin, 2 * (range.end - range.begin), T(0));
    gathered at_hand;
    alignas(64) T values[columns * pitch];
    alignas(64) T result[height * pitch];
    alignas(64) T shift[height];
    alignas(64) T sum[height];
    for (const mask_tile& each : table.tiles) {
        const tile_rows<Shape, T> rows(table, each, counts, range);
        if (rows.begin >= rows.end) continue;
        const int* const row = rows.list(table, each);
        at_hand.take_columns(operands, row, each.rows);
        std::fill_n(shift, height, lowest<T>);
        std::fill_n(sum, height, T(0));
        std::fill_n(result, each.rows * pitch, T(0));
        for (int first = rows.begin / columns * columns; first < rows.end; first += columns) {
            const int* const listed = table.columns.data() + each.first_column + first;
            const std::uint16_t* const bits = table.bits.data() + each.first_column + first;
            const int count = std::min(columns, rows.end - first);
            at_hand.take_rows(operands, listed, count);
            gathered::template copy_listed<length, pitch>(value, Shape::value_column, listed, count,
                                                          values);
            tile scores(operands, at_hand, 0, 0, each.rows, count);
            T* const p = scores.evaluate();
            constexpr T root_scale = static_cast<T>(tile::root_scale());
            for (int r = 0; r < height; r += n) {
                batch<T> scale = set(root_scale);
                batch<T> most = set(lowest<T>);
                for (int c = 0; c < count; ++c) {
                    const batch<T> x = xsimd::select(rows.mask(bits[c], r, first + c),
                                                     load(p + c * height + r), set(lowest<T>));
                    store(p + c * height + r, x);
                    most = xsimd::max(most, x);
                }
                most = most * scale;
                batch<T> now = load(shift + r);
                const auto moves = most > now + set(T(shift_slack));
                if (xsimd::any(moves)) {
                    const batch<T> next = xsimd::select(moves, most, now);
                    alignas(64) T factor[n];
                    // Rows without a pair so far have nothing to scale.
                    store(factor, xsimd::select(now == next, set(T(1)), exp(now - next)));
                    store(sum + r, batch<T>(load(sum + r) * load(factor)));
                    for (int lane = 0; lane < n && r + lane < each.rows; ++lane)
                        if (factor[lane] != 1 && shift[r + lane] != lowest<T>)
                            scale_row<length>(result + (r + lane) * pitch, factor[lane]);
                    store(shift + r, next);
                    now = next;
                }
                const batch<T> down = xsimd::select(now == set(lowest<T>), zero<T>(), -now);
                if constexpr (root_scale != 1)
                    if (xsimd::any(xsimd::abs(down) > set(greatest_fused_shift<T>))) {
                        for (int c = 0; c < count; ++c) {
                            T* const at = p + c * height + r;
                            store(at, batch<T>(load(at) * scale));
                        }
                        scale = set(T(1));
                    }
                batch<T> all = load(sum + r);
                // Limited by the FMA ports, on which the polynomial of exp runs.
                for (int c = 0; c < count; ++c) {
                    T* const at = p + c * height + r;
                    const batch<T> weight = exp(fma(load(at), scale, down));
                    all += weight;
                    store(at, weight);
                }
                store(sum + r, all);
            }
            constexpr product_shape shape{height, length, columns, 1,   height,
                                          pitch,  1,      pitch,   true};
            tile_product<shape, false>(p, values, result, each.rows, count);
        }
        for (int r = 0; r < each.rows; ++r) {
            if (((rows.taken >> r) & 1u) == 0) continue;
            const T scale = write_normalizer(shift[r], sum[r], normalizer + 2 * row[r]);
            const batch<T> seen = scale_row<length>(result + r * pitch, scale);
            T* const to = out + row[r] * Shape::out_row;
            if (xsimd::all(seen == zero<T>())) [[likely]]
                std::copy_n(result + r * pitch, length, to);
            else
                attend_to_pairs<Shape>(given, value, to, row[r], [&](auto f) {
                    const std::size_t first = static_cast<std::size_t>(each.first_column);
                    for (int c = rows.begin; c < rows.end; ++c)
                        if (rows.has(table.bits[first + static_cast<std::size_t>(c)], r, c))
                            f(table.columns[first + static_cast<std::size_t>(c)]);
                });
        }
    }
}

template <class Shape, class T>
void tabled_attention_gradient(const mask_table& table, const score_operands<T>& given,
                               const T* value, const T* out, const T* normalizer,
                               const T* out_gradient, T* value_gradient,
                               const int* counts) noexcept {
    constexpr int height = mask_table::height;
    constexpr int columns = listed_columns;
    constexpr int n = lanes<T>;
    constexpr int length = Shape::length;
    constexpr int pitch = (length + n - 1) / n * n;
    using score = exchanged<Shape>;
    using gathered = gathered_operands<score, T, columns, height, true>;
    using tile = score_tile<score, T, columns, height, 1, 1, false, gathered>;
    const score_operands<T> operands = score::operands(given);
    gathered at_hand;
    alignas(64) T values[columns * pitch];
    alignas(64) T sums[columns * pitch];
    alignas(64) T dout[height * pitch];
    alignas(64) T turned_dout[length * height];
    alignas(64) T ds[columns * height];
    alignas(64) T own[tile::needs_scores ? columns * height : 1];
    alignas(64) T inner[height];
    alignas(64) T shift[height];
    alignas(64) T factor[height];
    for (const mask_tile& each : table.tiles) {
        const tile_rows<Shape, T> rows(table, each, counts, all_rows<Shape::rows>{});
        if (rows.begin >= rows.end) continue;
        const int* const row = rows.list(table, each);
        at_hand.take_columns(operands, row, each.rows);
        gathered::template turn_listed<length, height>(out_gradient, Shape::out_row, row,
                                                       turned_dout);
        gathered::template copy_listed<length, pitch>(out_gradient, Shape::out_row, row, each.rows,
                                                      dout);
        for (int r = 0; r < height; ++r) {
            shift[r] = normalizer[2 * row[r]];
            factor[r] = normalizer[2 * row[r] + 1];
            inner[r] = dot_rows<length>(out + row[r] * Shape::out_row,
                                        out_gradient + row[r] * Shape::out_row);
        }
        const bool finite = are_finite<length>(dout, pitch, each.rows);
        for (int first = rows.begin / columns * columns; first < rows.end; first += columns) {
            const int* const listed = table.columns.data() + each.first_column + first;
            const std::uint16_t* const bits = table.bits.data() + each.first_column + first;
            const int count = std::min(columns, rows.end - first);
            const listed_pairs pairs(rows, bits, first, count);
            at_hand.take_rows(operands, listed, count);
            gathered::template copy_listed<length, pitch>(value, Shape::value_column, listed, count,
                                                          values);
            tile scores(operands, at_hand, 0, 0, each.rows, count);
            T* const raw = scores.evaluate();
            T* const p = tile::needs_scores ? own : raw;
            constexpr product_shape by_values{columns, height, length, pitch, 1,
                                              height,  1,      height, false};
            tile_product<by_values, false>(values, turned_dout, ds, count, length);
            constexpr T root_scale = static_cast<T>(tile::root_scale());
            for (int r = 0; r < height; r += n) {
                batch<T> scale = set(root_scale);
                const batch<T> down = -load(shift + r);
                const batch<T> mean = load(inner + r);
                const batch<T> part = load(factor + r);
                const batch<T> outer = part * scale;
                const T* from = raw;
                if constexpr (root_scale != 1)
                    if (xsimd::any(xsimd::abs(down) > set(greatest_fused_shift<T>))) {
                        for (int at = r; at < count * height; at += height)
                            store(p + at, batch<T>(load(raw + at) * scale));
                        scale = set(T(1));
                        from = p;
                    }
                // Limited by exp.
                for (int c = 0; c < count; ++c) {
                    const int at = c * height + r;
                    const auto kept = rows.mask(bits[c], r, first + c);
                    const batch<T> e = exp(fma(load(from + at), scale, down));
                    store(p + at, batch<T>(xsimd::select(kept, batch<T>(e * part), zero<T>())));
                    const batch<T> slope = e * outer * (load(ds + at) - mean);
                    store(ds + at, batch<T>(xsimd::select(kept, slope, zero<T>())));
                }
            }
            if constexpr (Shape::value_gradient)
                if (value_gradient) {
                    constexpr product_shape shape{columns, length, height, height, 1,
                                                  pitch,   1,      pitch,  false};
                    if (finite)
                        tile_product<shape, false>(
                            p, dout, sums, count, each.rows,
                            add_to_listed<T>{value_gradient, listed, Shape::value_column});
                    else
                        pairs.each([&](int c, int r) {
                            add_scaled(p[c * height + r], dout + r * pitch,
                                       value_gradient + listed[c] * Shape::value_column, length);
                        });
                }
            scores.propagate(ds, pairs);
        }
        at_hand.add_columns(operands, each.rows);
    }
}

}  // namespace detail

/// Like `attention` for a space and for a table of pairs, whose Shape also has
///
///     clips, space      if `clips`, the pairs are those of the table that are also in
///                       space.pieces[0]
template <class Shape, class T, class Range>
void attention(const mask_table& table, const score_operands<T>& operands, const T* value, T* out,
               T* normalizer, const int* counts, Range range) noexcept {
    detail::tabled_attention<Shape>(table, operands, value, out, normalizer, counts, range);
}
/// Gradient of it: adds to the gradients in `operands` and to value_gradient, which may be null.
template <class Shape, class T>
void attention_gradient(const mask_table& table, const score_operands<T>& operands, const T* value,
                        const T* out, const T* normalizer, const T* out_gradient, T* value_gradient,
                        const int* counts) noexcept {
    detail::tabled_attention_gradient<Shape>(table, operands, value, out, normalizer, out_gradient,
                                             value_gradient, counts);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
