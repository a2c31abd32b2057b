#pragma once

#include "attention.hpp"
#include "kept_columns.hpp"

/// Attention of one row over cached columns that are stored transposed: number k of column c is at
/// k * pitch + c. A vector then holds one number of several columns, nothing is summed across lanes
/// until all columns are done, and a new column takes one store for each of its numbers.
///
/// Shape is a type with static constexpr members
///
///     columns, length, out_row,
///     nodes, space                     as in attention.hpp
///     is_table                         true if bits select the pairs, among those of the space if
///                                      that has pieces
///     value_pitch                      pitch of the values; 0 if they are value_column apart
///     pitches                          likewise for what each node reads by columns
///     value_slides, slides             true if these begin with column `first`
///     node_columns<Node>, value_columns
///                                      how these are stored (kept_columns.hpp)
///     shares                           true if queries 2q and 2q + 1 read the same columns
///     is_causal                        true if there are no columns beyond column row + ahead
///     ahead                            columns after the row, if is_causal

namespace sequent::inline SEQUENT_ABI::kernel {

/// One row of a table of pairs: each element tells by its bits which of columns [column, column +
/// 64) are in it, for multiples of 64.
using row_bits = const std::uint64_t*;

namespace detail {

/// All ones in the lanes whose bits are set.
template <class T>
SEQUENT_INLINE auto lanes_of(std::uint64_t bits) noexcept {
    alignas(batch<T>) T flags[lanes<T>];
    for (int lane = 0; lane < lanes<T>; ++lane) flags[lane] = static_cast<T>((bits >> lane) & 1u);
    return batch<T>::load_aligned(flags) > zero<T>();
}

/// The pointers of the nodes of a score; `base` is added to an index node.
template <int Nodes, class T>
struct kept_operands {
    std::array<const T*, Nodes> x;
    std::array<columns_place, Nodes> y;
    std::array<T, Nodes> base;
    columns_place value;
    T* out;
};

/// Computes the same row of several queries (such as the heads of a layer). Each part of the work
/// is done for all of them in turn, so that none waits for its own sums.
template <class Shape, class T, int Queries>
class kept_rows {
  public:
    static constexpr int nodes = Shape::nodes.size();
    using operands = kept_operands<nodes, T>;

    /// `first` is the first column of operands that slide, a multiple of 16.
    kept_rows(const operands* queries, int row, int first, const int* counts,
              row_bits bits) noexcept
        : queries_(queries), row_(row), first_(first), counts_(counts), bits_(bits) {
        for (int q = 0; q < Queries; ++q) {
            shift_[q] = none;
            sum_[q] = 0;
        }
    }

    /// Writes the attention of all queries.
    void attend() noexcept {
        for (int q = 0; q < Queries; ++q) std::fill_n(out(q), Shape::length, T(0));
        if constexpr (Shape::is_table && Shape::space.pieces.size() == 0) {
            interval<-1>(0, last_column());
        } else {
            unroll<Shape::space.pieces.size()>([&](auto index) {
                constexpr auto piece = Shape::space.pieces[index()];
                if (piece.admits_row(row_, counts_))
                    interval<decltype(index)::value>(piece.begin(row_, counts_),
                                                     piece.end(row_, last_column(), counts_));
            });
        }
        for (int q = 0; q < Queries && normalizes<Shape>; ++q)
            if (sum_[q] != 0) scale_row<Shape::length>(out(q), 1 / sum_[q]);
    }

  private:
    static constexpr int n = lanes<T>;
    static constexpr int root = nodes - 1;
    /// 2 if queries read the same columns in pairs, which are then loaded once for both.
    static constexpr int pair = Queries % 2 == 0 && Shape::shares ? 2 : 1;
    static constexpr int chunk = std::min((Shape::columns + n - 1) / n * n + n, 512);
    /// A power of two that multiplies weights, so that they sum to at most 1 and their products
    /// with the values stay in range.
    static constexpr T least_weight = [] {
        T result = 1;
        while (result * Shape::columns > 1) result /= 2;
        return result;
    }();
    static constexpr T none = -std::numeric_limits<T>::infinity();
    /// The score of a column that is in no pair.
    static constexpr T absent = normalizes<Shape> ? none : T(0);

    const operands* queries_;
    int row_;
    int first_;
    const int* counts_;
    row_bits bits_;
    T shift_[Queries];
    T sum_[Queries];
    alignas(64) T weights_[Queries][chunk];
    // Mask of the columns of a chunk: 1 for a column in the space, else 0. Exists only if the space
    // may leave out columns between its first and its last one.
    static constexpr bool any_masked = [] {
        bool result = Shape::is_table;
        for (const auto& piece : Shape::space.pieces) result = result || piece.modulus != 1;
        return result;
    }();
    alignas(64) T admitted_[any_masked ? chunk : 1];

    T* out(int q) const noexcept { return queries_[q].out + row_ * Shape::out_row; }

    /// One past the last column that exists.
    int last_column() const noexcept {
        return Shape::is_causal ? std::min(row_ + 1 + Shape::ahead, Shape::columns)
                                : Shape::columns;
    }

    /// Takes the columns of piece `Piece` in [begin, end), chunk by chunk.
    template <int Piece>
    void interval(int begin, int end) noexcept {
        for (int from = begin / n * n; from < end; from += chunk)
            take<Piece>(from, begin, std::min(from + chunk, end));
    }

    template <int Piece>
    void take(int from, int begin, int end) noexcept {
        constexpr bool masked = [] {
            if constexpr (Piece < 0 || Shape::is_table)
                return true;
            else
                return Shape::space.pieces[Piece].modulus != 1;
        }();
        const int vectors = (end - from + n - 1) / n;
        for (int q = 0; q < Queries; q += pair) {
            int v = 0;
            if constexpr (4 * n <= chunk)
                for (; v + 4 <= vectors; v += 4) score<4>(q, from, v);
            if (v + 2 <= vectors) {
                score<2>(q, from, v);
                v += 2;
            }
            if (v < vectors) score<1>(q, from, v);
        }
        if constexpr (masked)
            for (int v = 0; v < vectors; ++v)
                store(admitted_ + v * n,
                      batch<T>(xsimd::select(lanes_of<T>(admitted<Piece>(from + v * n)), set(T(1)),
                                             zero<T>())));
        const auto there = [&](int v) __attribute__((always_inline)) {
            const batch<T> column = iota<T>() + set(static_cast<T>(from + v * n));
            auto result =
                (column >= set(static_cast<T>(begin))) & (column < set(static_cast<T>(end)));
            if constexpr (masked) result = result & (load(admitted_ + v * n) > zero<T>());
            return result;
        };
        const auto keep = [&](int v) __attribute__((always_inline)) {
            for (int q = 0; q < Queries; ++q) {
                T* at = weights_[q] + v * n;
                store(at, batch<T>(xsimd::select(there(v), load(at), set(absent))));
            }
        };
        if constexpr (masked) {
            for (int v = 0; v < vectors; ++v) keep(v);
        } else {
            if (begin > from) keep(0);
            if (end < from + vectors * n) keep(vectors - 1);
        }
        if constexpr (normalizes<Shape>) {
            for (int q = 0; q < Queries; ++q) move_shift(q, vectors);
            for (int q = 0; q < Queries; ++q) soften(q, vectors);
        }
        for (int q = 0; q < Queries; q += pair) add_values<masked>(q, from, vectors, there);
    }

    /// Raises the shift to the maximum score.
    void move_shift(int q, int vectors) noexcept {
        batch<T> greatest = load(weights_[q]);
        for (int v = 1; v < vectors; ++v)
            greatest = xsimd::max(greatest, load(weights_[q] + v * n));
        const T most = reduce_max(greatest);
        if (most <= shift_[q]) return;
        if (shift_[q] != none) {
            const T factor = exp(shift_[q] - most);
            scale_row<Shape::length>(out(q), factor);
            sum_[q] *= factor;
        }
        shift_[q] = most;
    }

    void soften(int q, int vectors) noexcept {
        // The shift is -infinity only if all scores so far are.
        const batch<T> shift = set(shift_[q] == none ? T(0) : shift_[q]);
        batch<T> sum = zero<T>();
        for (int v = 0; v < vectors; ++v) {
            T* at = weights_[q] + v * n;
            const batch<T> p = exp(batch<T>(load(at) - shift)) * set(least_weight);
            store(at, p);
            sum += p;
        }
        sum_[q] += reduce_add(sum);
    }

    /// Which of n columns a lattice or a table admits, as bits.
    template <int Piece>
    std::uint64_t admitted(int column) const noexcept {
        std::uint64_t result = 0;
        if constexpr (Shape::is_table) {
            result = bits_[column / 64] >> (column % 64);
        } else {
            constexpr auto piece = Shape::space.pieces[Piece];
            for (int lane = 0; lane < n; ++lane)
                result |= static_cast<std::uint64_t>(piece.admits_residue(row_, column + lane))
                          << lane;
        }
        return result;
    }

    // Scores.

    // The scores of `pair` queries, one after the other.

    template <int Vectors>
    SEQUENT_INLINE void score(int q, int from, int first) noexcept {
        batch<T> s[pair * Vectors];
        evaluate<root, Vectors>(queries_ + q, from + first * n, s);
        SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
            SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) {
                store(weights_[q + p] + (first + v) * n, s[p * Vectors + v]);
            }
        }
    }

    /// n elements, `step` apart; those from `count` on are not accessed.
    template <int Step>
    static SEQUENT_INLINE batch<T> load_spread(const T* from, int count) noexcept {
        if constexpr (Step == 0) {
            return set(*from);
        } else if constexpr (Step == 1) {
            return count >= n ? load(from) : load_first(from, count);
        } else {
            alignas(batch<T>) T values[n] = {};
            for (int lane = 0; lane < std::min(n, count); ++lane) values[lane] = from[lane * Step];
            return batch<T>::load_aligned(values);
        }
    }

    template <int Node, int Vectors>
    SEQUENT_INLINE void evaluate(const operands* query, int column, batch<T>* s) noexcept {
        constexpr score_node node = Shape::nodes[Node];
        constexpr int pitch = Shape::pitches[Node];
        constexpr int all = pair * Vectors;
        if constexpr (node.op == score_op::dot && pitch > 0) {
            using form = typename Shape::template node_columns<Node>;
            SEQUENT_UNROLL for (int at = 0; at < all; ++at) s[at] = zero<T>();
            const int place = column - (Shape::slides[Node] ? first_ : 0);
            const auto* y = query->y[Node].template numbers<typename form::number>() + place;
            const T* x[pair];
            for (int p = 0; p < pair; ++p) x[p] = query[p].x[Node] + row_ * node.x_row;
            const auto add = [&](int k, batch<T>* to) __attribute__((always_inline)) {
                batch<T> columns[Vectors];
                SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) columns[v] = form::load(y + v * n);
                y += pitch;
                SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
                    const batch<T> each = set(x[p][k]);
                    SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) {
                        to[p * Vectors + v] = fma(each, columns[v], to[p * Vectors + v]);
                    }
                }
            };
            if constexpr (form::block > 0) {
                for (int k = 0; k < node.depth;) {
                    batch<T> sum[all];
                    SEQUENT_UNROLL for (int at = 0; at < all; ++at) sum[at] = zero<T>();
                    const int block = k / form::block;
                    for (const int end = std::min(node.depth, k + form::block); k < end; ++k)
                        add(k, sum);
                    SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) {
                        const batch<T> scale =
                            form::scales(query->y[Node].scales + block * pitch + place + v * n);
                        SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
                            s[p * Vectors + v] =
                                fma(scale, sum[p * Vectors + v], s[p * Vectors + v]);
                        }
                    }
                }
            } else {
                for (int k = 0; k < node.depth; ++k) add(k, s);
            }
            if constexpr (node.value != 1.0) SEQUENT_UNROLL for (int at = 0; at < all; ++at) {
                    s[at] = s[at] * set(static_cast<T>(node.value));
                }
        } else if constexpr (node.op == score_op::function) {
            evaluate<node.left, Vectors>(query, column, s);
            for (int at = 0; at < all; ++at)
                s[at] = apply<node.function>(s[at], static_cast<T>(node.value));
        } else if constexpr (node.op == score_op::add || node.op == score_op::multiply) {
            evaluate<node.left, Vectors>(query, column, s);
            batch<T> right[all];
            evaluate<node.right, Vectors>(query, column, right);
            for (int at = 0; at < all; ++at)
                s[at] = node.op == score_op::add ? s[at] + right[at] : s[at] * right[at];
        } else {
            for (int p = 0; p < pair; ++p)
                for (int v = 0; v < Vectors; ++v)
                    s[p * Vectors + v] = leaf<Node>(query[p], column + v * n);
        }
    }

    /// The numbers of a leaf, or dot products with columns that are not transposed, for one vector
    /// of columns.
    template <int Node>
    SEQUENT_INLINE batch<T> leaf(const operands& query, int column) noexcept {
        constexpr score_node node = Shape::nodes[Node];
        const int left = Shape::columns - column;
        if constexpr (node.op == score_op::number) {
            return set(static_cast<T>(node.value));
        } else if constexpr (node.op == score_op::index) {
            const T base =
                query.base[Node] + static_cast<T>(node.value) + static_cast<T>(node.x_row * row_);
            return fma(iota<T>() + set(static_cast<T>(column)), set(static_cast<T>(node.x_column)),
                       set(base));
        } else if constexpr (node.op == score_op::load && Shape::pitches[Node] > 0) {
            return load(query.x[Node] + column - (Shape::slides[Node] ? first_ : 0));
        } else if constexpr (node.op == score_op::load) {
            return load_spread<node.x_column>(
                query.x[Node] + node.row_place(row_) + column * node.x_column, left);
        } else {
            const T* x = query.x[Node] + row_ * node.x_row;
            const T* y = query.y[Node].template numbers<T>() + column * node.y_column;
            batch<T> sum = zero<T>();
            for (int k = 0; k < node.depth; ++k)
                sum = fma(set(x[k]), load_spread<node.y_column>(y + k, left), sum);
            return sum * set(static_cast<T>(node.value));
        }
    }

    // Values.

    /// Adds the weighted values. In vector v of the columns those in there(v) are pairs; the others
    /// affect nothing, whatever is stored there.
    template <bool Masked, class There>
    void add_values(int q, int from, int vectors, There there) noexcept {
        if constexpr (Shape::value_pitch > 0) {
            constexpr int group = pair > 1 && vector_registers < 32 ? 4 : 8;
            int k = 0;
            for (; k + group <= Shape::length; k += group)
                add_numbers<Masked, group>(q, k, from, vectors, there);
            if constexpr (Shape::length % group != 0)
                add_numbers<Masked, Shape::length % group>(q, k, from, vectors, there);
        } else {
            const int columns = std::min(vectors * n, Shape::columns - from);
            alignas(64) T kept[chunk];
            for (int v = 0; v < vectors; ++v)
                store(kept + v * n, batch<T>(xsimd::select(there(v), set(T(1)), zero<T>())));
            for (int p = q; p < q + pair; ++p)
                for (int c = 0; c < columns; ++c) {
                    if (kept[c] == T(0)) continue;
                    const T* x =
                        queries_[p].value.template numbers<T>() + (from + c) * Shape::value_column;
                    for (int k = 0; k < Shape::length; ++k) out(p)[k] += weights_[p][c] * x[k];
                }
        }
    }

    /// Adds Count numbers of the values, from number k on.
    template <bool Masked, int Count, class There>
    SEQUENT_INLINE void add_numbers(int q, int k, int from, int vectors, There there) noexcept {
        constexpr int pitch = Shape::value_pitch;
        using form = typename Shape::value_columns;
        const int place = from - (Shape::value_slides ? first_ : 0);
        const auto* x =
            queries_[q].value.template numbers<typename form::number>() + k * pitch + place;
        const auto scales = [&](int v) __attribute__((always_inline)) {
            if constexpr (form::block > 0)
                return form::scales(queries_[q].value.scales + k / form::block * pitch + place +
                                    v * n);
            else
                return set(T(1));
        };
        batch<T> sum[pair][Count];
        SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
            SEQUENT_UNROLL for (int g = 0; g < Count; ++g) sum[p][g] = zero<T>();
        }
        const auto careful = [&](int v) __attribute__((always_inline)) {
            const auto kept = there(v);
            SEQUENT_UNROLL for (int g = 0; g < Count; ++g) {
                batch<T> number = form::load(x + g * pitch + v * n);
                if constexpr (form::block > 0) number = number * scales(v);
                const batch<T> value = xsimd::select(kept, number, zero<T>());
                SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
                    sum[p][g] = fma(load(weights_[q + p] + v * n), value, sum[p][g]);
                }
            }
        };
        careful(0);
        int v = 1;
        for (; v + 1 < vectors; ++v) {
            if constexpr (Masked) {
                careful(v);
            } else {
                batch<T> weight[pair];
                SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
                    weight[p] = load(weights_[q + p] + v * n);
                    if constexpr (form::block > 0) weight[p] = weight[p] * scales(v);
                }
                SEQUENT_UNROLL for (int g = 0; g < Count; ++g) {
                    const batch<T> value = form::load(x + g * pitch + v * n);
                    SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
                        sum[p][g] = fma(weight[p], value, sum[p][g]);
                    }
                }
            }
        }
        if (v < vectors) careful(v);
        SEQUENT_UNROLL for (int p = 0; p < pair; ++p) {
            T sums[Count];
            reduce_add_each<Count>(sum[p], sums);
            SEQUENT_UNROLL for (int g = 0; g < Count; ++g) out(q + p)[k + g] += sums[g];
        }
    }
};

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel
