#pragma once

#include "score.hpp"

/// Attention of one row over columns that are kept turned: number k of a column c stands at
/// k * pitch + c, so that a vector holds one number of several columns, nothing is added across
/// lanes until all columns are summed, and a new column takes one store for each of its numbers.
///
/// Shape is a type with static constexpr members
///   columns, length, nodes, space    as in attention.hpp
///   is_table                         the row's pairs are bits, less those outside of the space
///   value_pitch                      of the values; 0 where they lie value_column apart
///   pitches                          the same of what each node reads by columns
///   value_slides, slides             whether these begin with column `first`
///   is_causal                        whether there are no columns beyond the row

namespace sequent::inline SEQUENT_ABI::kernel {

/// One row of a table of pairs: whether columns [column, column + 64) are in it, for a multiple of
/// 64.
using row_bits = const std::uint64_t*;

namespace detail {

/// All ones in the lanes whose bits are set.
template <class T>
SEQUENT_INLINE auto lanes_of(std::uint64_t bits) noexcept {
    alignas(batch<T>) T flags[lanes<T>];
    for (int lane = 0; lane < lanes<T>; ++lane) flags[lane] = static_cast<T>((bits >> lane) & 1u);
    return batch<T>::load_aligned(flags) > zero<T>();
}

template <class Shape, class T>
class kept_row {
  public:
    /// out is `length` numbers. `first` is the column that what slides begins with, a multiple of
    /// 16.
    kept_row(const score_operands<T>& operands, const T* value, T* out, int row, int first,
             const int* counts, row_bits bits) noexcept
        : operands_(operands),
          value_(value),
          out_(out),
          row_(row),
          first_(first),
          counts_(counts),
          bits_(bits) {}

    void attend() noexcept {
        std::fill_n(out_, Shape::length, T(0));
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
        if (sum_ == 0) return;
        const T factor = 1 / sum_;
        for (int k = 0; k < Shape::length; ++k) out_[k] *= factor;
    }

  private:
    static constexpr int n = lanes<T>;
    static constexpr int root = Shape::nodes.size() - 1;
    static constexpr int chunk = std::min((Shape::columns + n - 1) / n * n + n, 512);

    const score_operands<T>& operands_;
    const T* value_;
    T* out_;
    int row_;
    int first_;
    const int* counts_;
    row_bits bits_;
    T shift_ = -std::numeric_limits<T>::infinity();
    T sum_ = 0;
    alignas(64) T weights_[chunk];

    /// Behind the columns that there are.
    int last_column() const noexcept { return Shape::is_causal ? row_ + 1 : Shape::columns; }

    /// The columns of piece `Piece` that are in [begin, end), chunk by chunk.
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
        constexpr T none = -std::numeric_limits<T>::infinity();
        const auto clear = [&](int v, std::uint64_t kept) {
            T* at = weights_ + v * n;
            store(at, batch<T>(xsimd::select(lanes_of<T>(kept), load(at), set(none))));
        };
        int v = 0;
        if constexpr (4 * n <= chunk)
            for (; v + 4 <= vectors; v += 4) score<4>(from + v * n, weights_ + v * n);
        for (; v < vectors; ++v) score<1>(from + v * n, weights_ + v * n);
        constexpr std::uint64_t all = (std::uint64_t{1} << n) - 1;
        if (begin > from) clear(0, all << (begin - from));
        if (end < from + vectors * n) clear(vectors - 1, all >> (from + vectors * n - end));
        if constexpr (masked)
            for (int each = 0; each < vectors; ++each)
                clear(each, admitted<Piece>(from + each * n));
        batch<T> greatest = load(weights_);
        for (int each = 1; each < vectors; ++each)
            greatest = xsimd::max(greatest, load(weights_ + each * n));
        const T most = reduce_max(greatest);
        if (most == none) return;
        if (most > shift_) {
            if (shift_ != none) {
                const T factor = exp(shift_ - most);
                for (int k = 0; k < Shape::length; ++k) out_[k] *= factor;
                sum_ *= factor;
            }
            shift_ = most;
        }
        batch<T> sum = zero<T>();
        for (int each = 0; each < vectors; ++each) {
            const batch<T> p = exp(batch<T>(load(weights_ + each * n) - set(shift_)));
            store(weights_ + each * n, p);
            sum += p;
        }
        sum_ += reduce_add(sum);
        add_values<masked>(from, vectors);
    }

    /// Which of n columns a lattice or a table admits.
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

    template <int Vectors>
    SEQUENT_INLINE void score(int column, T* to) noexcept {
        batch<T> s[Vectors];
        evaluate<root, Vectors>(column, s);
        SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) store(to + v * n, s[v]);
    }

    /// n elements, `step` apart, of which those from `count` on are not touched.
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
    SEQUENT_INLINE void evaluate(int column, batch<T>* s) noexcept {
        constexpr score_node node = Shape::nodes[Node];
        constexpr int pitch = Shape::pitches[Node];
        const int moved = column - (Shape::slides[Node] ? first_ : 0);
        if constexpr (node.op == score_op::number) {
            for (int v = 0; v < Vectors; ++v) s[v] = set(static_cast<T>(node.value));
        } else if constexpr (node.op == score_op::index) {
            const T base = operands_.base[Node] + static_cast<T>(node.value) +
                           static_cast<T>(node.x_row * row_);
            for (int v = 0; v < Vectors; ++v)
                s[v] = fma(iota<T>() + set(static_cast<T>(column + v * n)),
                           set(static_cast<T>(node.x_column)), set(base));
        } else if constexpr (node.op == score_op::load) {
            for (int v = 0; v < Vectors; ++v)
                if constexpr (pitch > 0)
                    s[v] = load(operands_.x[Node] + moved + v * n);
                else
                    s[v] = load_spread<node.x_column>(
                        operands_.x[Node] + row_ * node.x_row + (column + v * n) * node.x_column,
                        Shape::columns - column - v * n);
        } else if constexpr (node.op == score_op::dot) {
            const T* x = operands_.x[Node] + row_ * node.x_row;
            SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) s[v] = zero<T>();
            if constexpr (pitch > 0) {
                const T* y = operands_.y[Node] + moved;
                for (int k = 0; k < node.depth; ++k, y += pitch) {
                    const batch<T> each = set(x[k]);
                    SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) {
                        s[v] = fma(each, load(y + v * n), s[v]);
                    }
                }
            } else {
                for (int k = 0; k < node.depth; ++k)
                    for (int v = 0; v < Vectors; ++v)
                        s[v] = fma(set(x[k]),
                                   load_spread<node.y_column>(
                                       operands_.y[Node] + (column + v * n) * node.y_column + k,
                                       Shape::columns - column - v * n),
                                   s[v]);
            }
            if constexpr (node.value != 1.0) SEQUENT_UNROLL for (int v = 0; v < Vectors; ++v) {
                    s[v] = s[v] * set(static_cast<T>(node.value));
                }
        } else if constexpr (node.op == score_op::function) {
            evaluate<node.left, Vectors>(column, s);
            for (int v = 0; v < Vectors; ++v)
                s[v] = apply<node.function>(s[v], static_cast<T>(node.value));
        } else {
            evaluate<node.left, Vectors>(column, s);
            batch<T> right[Vectors];
            evaluate<node.right, Vectors>(column, right);
            for (int v = 0; v < Vectors; ++v)
                s[v] = node.op == score_op::add ? s[v] + right[v] : s[v] * right[v];
        }
    }

    // Values.

    template <bool Masked>
    void add_values(int from, int vectors) noexcept {
        if constexpr (Shape::value_pitch > 0) {
            constexpr int group = 8;
            int k = 0;
            for (; k + group <= Shape::length; k += group)
                add_numbers<Masked, group>(k, from, vectors);
            if constexpr (Shape::length % group != 0)
                add_numbers<Masked, Shape::length % group>(k, from, vectors);
        } else {
            const int columns = std::min(vectors * n, Shape::columns - from);
            for (int c = 0; c < columns; ++c) {
                if (weights_[c] == T(0)) continue;
                const T* x = value_ + (from + c) * Shape::value_column;
                for (int k = 0; k < Shape::length; ++k) out_[k] += weights_[c] * x[k];
            }
        }
    }

    /// Count numbers of the values, from number k on: limited by their loads.
    template <bool Masked, int Count>
    SEQUENT_INLINE void add_numbers(int k, int from, int vectors) noexcept {
        constexpr int pitch = Shape::value_pitch;
        const T* x = value_ + k * pitch + from - (Shape::value_slides ? first_ : 0);
        batch<T> sum[Count];
        SEQUENT_UNROLL for (int g = 0; g < Count; ++g) sum[g] = zero<T>();
        // Columns of weight zero count for nothing, whatever stands there.
        const auto careful = [&](int v) __attribute__((always_inline)) {
            const batch<T> p = load(weights_ + v * n);
            const auto there = p > zero<T>();
            SEQUENT_UNROLL for (int g = 0; g < Count; ++g) {
                sum[g] =
                    fma(p, batch<T>(xsimd::select(there, load(x + g * pitch + v * n), zero<T>())),
                        sum[g]);
            }
        };
        careful(0);
        int v = 1;
        for (; v + 1 < vectors; ++v) {
            if constexpr (Masked) {
                careful(v);
            } else {
                const batch<T> p = load(weights_ + v * n);
                SEQUENT_UNROLL for (int g = 0; g < Count; ++g) {
                    sum[g] = fma(p, load(x + g * pitch + v * n), sum[g]);
                }
            }
        }
        if (v < vectors) careful(v);
        SEQUENT_UNROLL for (int g = 0; g < Count; ++g) out_[k + g] += reduce_add(sum[g]);
    }
};

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel
