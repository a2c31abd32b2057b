#pragma once

#include <cmath>

#include "attention_pairs.hpp"

/// Attention over an index space: out(i) = sum over j of softmax over j of score(i, j), times
/// value(j). Only tiles that contain pairs of the space are computed, with a running softmax
/// (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135), so no rows x columns
/// array is stored. A row without pairs gives zero. The weights may also be the scores themselves.
///
/// Shape is a type with static constexpr members
///
///     rows, columns, length      the extents of i and j, and of a value
///     nodes                      the score expression, `size()` nodes; the last is the score
///     space                      `pieces` that do not overlap, each with begin(i), end(i),
///                                admits_row(i), modulus, slope, residues, row_modulus and
///                                row_residues
///     value_column, out_row      strides of value and out, in elements
///     value_gradient             true if the gradient of the values may be needed
///     normalizes                 false if the weights are the scores, without a softmax
///     keeps_scores, score_row    true if the scores are cached for the gradient, and their row
///                                stride

namespace sequent::inline SEQUENT_ABI::kernel {

/// Up to this number of rows, columns are read without being transposed first.
inline constexpr int few_rows = 4;

namespace detail {

/// The types with which piece At of a shape's space is computed. Few: at most few_rows rows, for
/// which transposing the columns does not pay.
template <class Shape, class T, class Range, bool Few, int At>
struct piece_kernel {
    static constexpr auto piece = Shape::space.pieces[At];
    static constexpr int row_step = row_step_of(piece);
    static constexpr int column_step = piece.modulus;
    static constexpr tile_plan plan = tiles_of<Shape, At, T>;
    static constexpr int rows = Few && plan.rows > few_rows ? few_rows : plan.rows;
    static constexpr int columns = plan.columns;
    static constexpr tile_plan tiling{rows, columns, plan.blocks, plan.narrow};
    static constexpr bool ends = ends_at_run_time(piece);
    static constexpr bool even =
        is_whole<Range> && row_step == 1 && Shape::rows % rows == 0 && !ends;

    /// Number of columns of a tile from lattice column `first` on that exist.
    template <class Lattice>
    static SEQUENT_INLINE int columns_from(const Lattice& part, int first) noexcept {
        return ends ? std::min<int>(columns, part.reach - first) : columns;
    }

    static constexpr int block =
        ((Shape::columns + column_step - 1) / column_step + plan.blocks - 1) / plan.blocks;
    using turned = turned_operands<Shape, T, Few && !ends ? 0 : block, column_step>;
    using tile = score_tile<Shape, T, rows, columns, row_step, column_step, even, turned, ends>;
};

/// The interval of a tile's columns that row r of a lattice has, counted from the tile's first
/// column.
struct tile_interval {
    int begin;
    int end;

    template <class Lattice>
    SEQUENT_INLINE tile_interval(const Lattice& part, const tile_place& at, int r, int columns)
        : begin(std::max(part.begin(at.row + r), at.fresh) - at.column),
          end(std::min(part.end(at.row + r) - at.column, columns)) {}

    SEQUENT_INLINE bool empty() const { return begin >= end; }
    SEQUENT_INLINE bool covers(int columns) const { return begin <= 0 && end >= columns; }
    /// True in the lanes of columns c, c + 1, ... that are inside.
    template <class T>
    SEQUENT_INLINE auto mask(int c) const {
        const batch<T> at = iota<T>() + set(static_cast<T>(c));
        return (at >= set(static_cast<T>(begin))) & (at < set(static_cast<T>(end)));
    }
};

/// Admits every pair of a lattice.
struct all_pairs {
    constexpr bool operator()(int, int) const noexcept { return true; }
};

/// The pairs of a tile: in row r the columns c of its interval for which admits(r, c). Whole: each
/// row has all columns. Dense: products of whole matrices may be used. They multiply the numbers of
/// other pairs by a weight of zero, which is right only if these numbers are finite.
template <class Lattice, class Admits = all_pairs>
class tile_pairs {
  public:
    SEQUENT_INLINE tile_pairs(const Lattice& part, const tile_place& at, int rows, int columns,
                              bool whole, bool dense, Admits admits = {}) noexcept
        : part_(part),
          at_(at),
          rows_(rows),
          columns_(columns),
          whole_(whole),
          dense_(dense),
          admits_(admits) {}

    SEQUENT_INLINE bool whole() const noexcept { return whole_; }
    SEQUENT_INLINE bool dense() const noexcept { return dense_; }

    /// Calls f(r, c) for each pair.
    template <class F>
    SEQUENT_COLD void each(F f) const noexcept {
        for (int r = 0; r < rows_; ++r) {
            const tile_interval inside(part_, at_, r, columns_);
            for (int c = std::max(inside.begin, 0); c < inside.end; ++c)
                if (admits_(r, c)) f(r, c);
        }
    }

    /// Sets the numbers of a tile that belong to no pair to zero.
    template <int Pitch, class T>
    void clear_others(T* tile) const noexcept {
        for (int r = 0; r < rows_; ++r, tile += Pitch) {
            const tile_interval inside(part_, at_, r, columns_);
            for (int c = 0; c < columns_; ++c)
                if (c < inside.begin || c >= inside.end || !admits_(r, c)) tile[c] = T(0);
        }
    }

  private:
    const Lattice& part_;
    tile_place at_;
    int rows_;
    int columns_;
    bool whole_;
    bool dense_;
    [[no_unique_address]] Admits admits_;
};

/// True if everything that the products of a gradient read is finite: rows and columns of the
/// operands of dot products, and rows of the gradient of the output, unless that is null. Rows are
/// first_row + r RowStep; columns likewise.
template <class Shape, int RowStep, int ColumnStep, class T>
SEQUENT_COLD bool gradient_operands_are_finite(const score_operands<T>& operands,
                                               const T* out_gradient, int first_row, int rows,
                                               int first_column, int columns) noexcept {
    bool finite = true;
    unroll<Shape::nodes.size()>([&](auto index) {
        constexpr score_node node = Shape::nodes[index()];
        if constexpr (node.op == score_op::dot && node.x_gradient)
            finite =
                finite && are_finite<node.depth>(operands.y[index()] + first_column * node.y_column,
                                                 ColumnStep * node.y_column, columns);
        if constexpr (node.op == score_op::dot && node.y_gradient)
            finite = finite && are_finite<node.depth>(operands.x[index()] + first_row * node.x_row,
                                                      RowStep * node.x_row, rows);
    });
    if constexpr (Shape::value_gradient)
        if (out_gradient != nullptr)
            finite = finite && are_finite<Shape::length>(out_gradient + first_row * Shape::out_row,
                                                         RowStep * Shape::out_row, rows);
    return finite;
}

/// Caches whether all operands that the tiles of a lattice read are finite; checked on first use.
template <class Shape, class Piece, class T, class Lattice>
class finite_operands {
  public:
    finite_operands(const score_operands<T>& operands, const T* out_gradient,
                    const Lattice& part) noexcept
        : operands_(operands), out_gradient_(out_gradient), part_(part) {}

    SEQUENT_INLINE bool check_once() noexcept {
        if (!known_) look();
        return finite_;
    }

  private:
    SEQUENT_COLD void look() noexcept {
        column_span rows, columns;
        for (int r = 0; r < part_.rows; ++r) {
            columns.add(part_.begin(r), part_.end(r));
            if (part_.begin(r) < part_.end(r)) rows.add(r, r + 1);
        }
        const int row = std::max(rows.begin - Piece::rows, 0);
        const int column = std::max(columns.begin - Piece::columns, 0);
        known_ = true;
        finite_ = gradient_operands_are_finite<Shape, Piece::row_step, Piece::column_step>(
            operands_, out_gradient_, part_.first_row + row * Piece::row_step,
            std::min<int>(rows.end + Piece::rows, part_.rows) - row,
            part_.first_column + column * Piece::column_step,
            std::min<int>(columns.end + Piece::columns, part_.reach) - column);
    }

    const score_operands<T>& operands_;
    const T* out_gradient_;
    const Lattice& part_;
    bool known_ = false;
    bool finite_ = false;
};

/// Running softmax state of each row: the shift, close to the maximum score, and the sum of
/// exp(score - shift).
template <int Rows, class T>
struct running_softmax {
    T shift[Rows];
    T sum[Rows];
};

template <class T>
inline constexpr T lowest = -std::numeric_limits<T>::infinity();

/// Up to this shift, fma(scale, score, -shift) is used. It differs from round(scale * score) -
/// shift by the rounding error of a product, which is negligible here. Above, that error would
/// change the weights and finally overflow.
template <class T>
inline constexpr T greatest_fused_shift = 256;

/// True if the scores of a row with this shift must be multiplied by the scale first. False if no
/// score has set the shift.
template <class T>
SEQUENT_INLINE bool is_far(T shift) noexcept {
    return std::abs(shift) > greatest_fused_shift<T> && shift != lowest<T>;
}

/// Writes the normalizer of a row, shift and factor, from which the gradient recomputes the
/// weights: exp(score - shift) * factor. They are stored separately, since shift - log(factor)
/// would have the rounding error of the maximum score. Zeros for a row without pairs, or if all
/// scores are -infinity. Returns the factor.
template <class T>
SEQUENT_INLINE T write_normalizer(T shift, T sum, T* to) noexcept {
    to[0] = sum == T(0) ? T(0) : shift;
    return to[1] = sum == T(0) ? T(0) : 1 / sum;
}

/// A score may exceed the shift by this much before the shift follows. exp(8) is far from the ends
/// of the range, so that most tiles after a row's first do not rescale the sums.
inline constexpr int shift_slack = 8;

/// Changes the shift of a row and rescales what has been summed: sum, sums and out.
template <int Length, class T>
SEQUENT_INLINE void move_shift(T next, T& shift, T& sum, T* sums, T* out) noexcept {
    if (shift != lowest<T>) {
        const T factor = exp(shift - next);
        scale_row<Length>(out, factor);
        sum *= factor;
        store(sums, batch<T>(load(sums) * set(factor)));
    }
    shift = next;
}

/// Raises a row's shift if the scores of a tile require it, and copies the scores to `to`, which
/// may be `scores`, with -infinity outside the interval.
template <int Columns, int Length, class Inside, class T>
SEQUENT_INLINE void shift_row(const T* scores, T* to, Inside inside, T scale, T& shift, T& sum,
                              T* sums, T* out) noexcept {
    constexpr int n = lanes<T>;
    constexpr int vectors = (Columns + n - 1) / n;
    constexpr int last = Columns - (vectors - 1) * n;
    batch<T> x[vectors];
    SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) x[v] = load(scores + v * n);
    if (!inside.covers(Columns)) {
        SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) {
            x[v] = xsimd::select(inside.template mask<T>(v * n), x[v], set(lowest<T>));
        }
    } else {
        x[vectors - 1] = keep_first<last>(x[vectors - 1], set(lowest<T>));
    }
    SEQUENT_UNROLL for (int v = 0; v < vectors; ++v) store(to + v * n, x[v]);
    batch<T> most = x[0];
    SEQUENT_UNROLL for (int v = 1; v < vectors; ++v) most = xsimd::max(most, x[v]);
    if (xsimd::all(most * set(scale) <= set(shift + T(shift_slack)))) return;
    move_shift<Length>(reduce_max(most) * scale, shift, sum, sums, out);
}

/// Multiplies scores far from zero by the scale before the shift is subtracted.
template <class T>
SEQUENT_COLD void scale_scores(const T* from, T* to, T scale, int count) noexcept {
    for (int c = 0; c < count; ++c) to[c] = from[c] * scale;
}

/// Turns a row of scores into exp(scale score - shift) and adds these to sums.
template <int Columns, class T>
SEQUENT_INLINE void soften_row(T* row, T scale, T shift, T* sums) noexcept {
    // The shift is -infinity only if all scores so far are.
    const batch<T> down = set(shift == lowest<T> ? T(0) : -shift);
    batch<T> sum = load(sums);
    // Limited by the FMA ports, on which the polynomial of exp runs.
    for (int c = 0; c < Columns; c += lanes<T>) {
        const batch<T> p = exp(fma(load(row + c), set(scale), down));
        sum += p;
        store(row + c, p);
    }
    store(sums, sum);
}

/// Turns one row of a tile's scores into weights, and the gradient of the weights into that of the
/// scores, times scale. Both are zero outside the interval. The scores still need to be multiplied
/// by score_factor.
template <int Columns, class Inside, class T>
SEQUENT_INLINE void weight_row(const T* scores, T* weights, T* gradient, Inside inside,
                               T score_factor, T scale, const T* normalizer, T inner) noexcept {
    constexpr int n = lanes<T>;
    const bool whole = inside.covers(Columns);
    const batch<T> shift = set(-normalizer[0]);
    const batch<T> factor = set(normalizer[1]);
    const batch<T> mean = set(-inner * scale);
    // Limited by exp, like soften_row.
    for (int c = 0; c < Columns; c += n) {
        batch<T> p = exp(fma(load(scores + c), set(score_factor), shift)) * factor;
        batch<T> slope = p * fma(load(gradient + c), set(scale), mean);
        if (!whole || c + n > Columns) {
            const auto kept = inside.template mask<T>(c);
            p = xsimd::select(kept, p, zero<T>());
            slope = xsimd::select(kept, slope, zero<T>());
        }
        store(weights + c, p);
        store(gradient + c, slope);
    }
}

/// Turns one row of a tile's scores, times scale, into weights without a softmax: zero outside the
/// interval.
template <int Columns, class Inside, class T>
SEQUENT_INLINE void mask_row(const T* scores, T* to, Inside inside, T scale) noexcept {
    constexpr int n = lanes<T>;
    const bool whole = inside.covers(Columns);
    for (int c = 0; c < Columns; c += n) {
        batch<T> x = load(scores + c) * set(scale);
        if (!whole || c + n > Columns) x = xsimd::select(inside.template mask<T>(c), x, zero<T>());
        store(to + c, x);
    }
}

/// Recomputes the rows whose result is infinite or NaN.
template <class Shape, class T>
SEQUENT_COLD void mend_rows(const score_operands<T>& operands, const T* value, T* out,
                            const int* counts, int begin, int end) noexcept {
    for (int row = begin; row < end; ++row) {
        T* const to = out + row * Shape::out_row;
        if (!are_finite<Shape::length>(to, 0, 1))
            attend_to_pairs<Shape>(operands, value, to, row,
                                   [=](auto f) { each_column_of_space<Shape>(row, counts, f); });
    }
}

template <bool Few, class Shape, class T, class Range>
void attention(const score_operands<T>& operands, const T* value, T* out, T* normalizer, T* kept,
               const int* counts, Range range) noexcept {
    running_softmax<Shape::rows, T> state;
    std::fill_n(state.shift + range.begin, range.end - range.begin, lowest<T>);
    std::fill_n(state.sum + range.begin, range.end - range.begin, T(0));
    for (int row = range.begin; row < range.end; ++row)
        std::fill_n(out + row * Shape::out_row, Shape::length, T(0));
    each_lattice<Shape>(counts, range, [&](const auto& part, auto index) {
        using piece = piece_kernel<Shape, T, Range, Few, decltype(index)::value>;
        using tile = typename piece::tile;
        constexpr int value_step = Shape::value_column * piece::column_step;
        constexpr int out_step = Shape::out_row * piece::row_step;
        typename piece::turned turned;
        alignas(64) T sums[piece::rows * lanes<T>];
        const auto row_tile = [&](const column_block& block, int first, int count, int begin,
                                  int end) __attribute__((always_inline)) {
            const int row = part.first_row + first * piece::row_step;
            std::fill_n(sums, count * lanes<T>, T(0));
            const auto take = [&](tile_place at) __attribute__((always_inline)) {
                const int column = part.first_column + at.column * piece::column_step;
                const int columns = piece::columns_from(part, at.column);
                tile scores(operands, turned, row, column, at.column - block.first, count, columns);
                constexpr bool keeps = Shape::keeps_scores;
                constexpr int raw_row = keeps ? Shape::score_row : tile::pitch;
                alignas(64) T own[keeps ? piece::rows * tile::pitch : 1];
                T* raw;
                if constexpr (keeps) {
                    raw = kept + row * Shape::score_row + column;
                    scores.template evaluate_to<raw_row>(raw);
                } else {
                    raw = scores.evaluate();
                }
                T* p = keeps ? own : raw;
                constexpr T scale = static_cast<T>(tile::root_scale());
                if constexpr (normalizes<Shape>) {
                    for (int r = 0; r < count; ++r) {
                        const int here = row + r * piece::row_step;
                        shift_row<piece::columns, Shape::length>(
                            raw + r * raw_row, p + r * tile::pitch,
                            tile_interval(part, at, r, piece::columns), scale, state.shift[here],
                            state.sum[here], sums + r * lanes<T>, out + here * Shape::out_row);
                    }
                    for (int r = 0; r < count; ++r) {
                        T* const scored = p + r * tile::pitch;
                        const T shift = state.shift[row + r * piece::row_step];
                        T factor = scale;
                        if (scale != 1 && is_far(shift)) [[unlikely]] {
                            scale_scores(scored, scored, scale, tile::pitch);
                            factor = 1;
                        }
                        soften_row<piece::columns>(scored, factor, shift, sums + r * lanes<T>);
                    }
                } else {
                    for (int r = 0; r < count; ++r)
                        mask_row<piece::columns>(raw + r * raw_row, p + r * tile::pitch,
                                                 tile_interval(part, at, r, piece::columns), scale);
                }
                constexpr product_shape shape{
                    piece::rows, Shape::length, piece::columns, tile::pitch, 1, value_step, 1,
                    out_step,    true};
                tile_product<shape, piece::even>(p, value + column * Shape::value_column,
                                                 out + row * Shape::out_row, count, columns);
            };
            each_column_tile<piece::columns>(block, first, begin, end, take);
            for (int r = 0; r < count; ++r)
                state.sum[row + r * piece::row_step] += reduce_add(load(sums + r * lanes<T>));
        };
        each_row_tile<piece::tiling>(
            part,
            [&](const column_block& block) {
                turned.turn(operands, part.first_column + block.first * piece::column_step,
                            std::min<int>(block.end, part.reach) - block.first);
            },
            row_tile);
    });
    batch<T> seen = zero<T>();
    for (int row = range.begin; row < range.end; ++row) {
        T factor = 1;
        if constexpr (normalizes<Shape>)
            factor = write_normalizer(state.shift[row], state.sum[row], normalizer + 2 * row);
        seen = seen | scale_row<Shape::length>(out + row * Shape::out_row, factor);
    }
    if (!xsimd::all(seen == zero<T>())) [[unlikely]]
        mend_rows<Shape>(operands, value, out, counts, range.begin, range.end);
}

}  // namespace detail

namespace detail {

/// Number of rows. Parts of counted rows are computed as the whole is, with bitwise equal results.
template <class Range>
constexpr int count_of(const Range& range) noexcept {
    if constexpr (std::is_same_v<Range, counted_rows>)
        return range.all;
    else
        return range.end - range.begin;
}

}  // namespace detail

/// Computes rows `range` of out, and of normalizer: two numbers per row that the gradient needs.
/// `kept`: the cached scores, written if Shape::keeps_scores. counts: the numbers that bound the
/// space at run time. A pair outside the space affects no number, whatever its operands are; within
/// it, NaN and infinity propagate.
template <class Shape, class T, class Range>
void attention(const score_operands<T>& operands, const T* value, T* out, T* normalizer, T* kept,
               const int* counts, Range range) noexcept {
    if constexpr (is_whole<Range>)
        detail::attention<Shape::rows <= few_rows, Shape>(operands, value, out, normalizer, kept,
                                                          counts, range);
    else if (detail::count_of(range) <= few_rows)
        detail::attention<true, Shape>(operands, value, out, normalizer, kept, counts, range);
    else
        detail::attention<false, Shape>(operands, value, out, normalizer, kept, counts, range);
}

/// Adds to the gradients in `operands` and to value_gradient, which may be null, the contributions
/// of rows `range`, which must begin with row 0. Scores that are not cached are recomputed. D(i) =
/// out(i) . out_gradient(i) as in arXiv 2205.14135, appendix B.
template <class Shape, class T, class Range = all_rows<Shape::rows>>
void attention_gradient(const score_operands<T>& operands, const T* value, const T* out,
                        const T* normalizer, const T* kept, const T* out_gradient,
                        T* value_gradient, const int* counts, Range range = {}) noexcept {
    T inner[Shape::rows];
    for (int row = 0; row < range.end && detail::normalizes<Shape>; ++row)
        inner[row] = detail::dot_rows<Shape::length>(out + row * Shape::out_row,
                                                     out_gradient + row * Shape::out_row);
    detail::each_lattice<Shape>(counts, range, [&](const auto& part, auto index) {
        using piece = detail::piece_kernel<Shape, T, Range, (Shape::rows <= few_rows),
                                           decltype(index)::value>;
        using tile = typename piece::tile;
        constexpr int pitch = tile::pitch;
        constexpr int value_step = Shape::value_column * piece::column_step;
        constexpr int out_step = Shape::out_row * piece::row_step;
        constexpr int turned_step = piece::turned::pitch;
        typename piece::turned turned;
        detail::finite_operands<Shape, piece, T, std::remove_cvref_t<decltype(part)>> finite(
            operands, value_gradient == nullptr ? nullptr : out_gradient, part);
        alignas(64) T turned_value[piece::turned::any ? Shape::length * turned_step : 1];
        const auto row_tile = [&](const detail::column_block& block, int first, int count,
                                  int begin, int end) __attribute__((always_inline)) {
            const int row = part.first_row + first * piece::row_step;
            const T* dout = out_gradient + row * Shape::out_row;
            const auto take = [&](detail::tile_place at) __attribute__((always_inline)) {
                const int column = part.first_column + at.column * piece::column_step;
                const int in_block = at.column - block.first;
                const T* v = value + column * Shape::value_column;
                const int columns = piece::columns_from(part, at.column);
                tile scores(operands, turned, row, column, in_block, count, columns);
                constexpr bool keeps = Shape::keeps_scores;
                constexpr bool apart = keeps || tile::needs_scores;
                constexpr int raw_row = keeps ? Shape::score_row : pitch;
                alignas(64) T own[apart ? piece::rows * pitch : 1];
                const T* raw;
                T* p = own;
                if constexpr (keeps) {
                    raw = kept + row * Shape::score_row + column;
                } else {
                    T* computed = scores.evaluate();
                    raw = computed;
                    if constexpr (!apart) p = computed;
                }
                alignas(64) T ds[piece::rows * pitch];
                if constexpr (piece::turned::any) {
                    constexpr product_shape shape{
                        piece::rows, piece::columns, Shape::length, out_step, 1, turned_step,
                        1,           pitch,          false};
                    detail::tile_product<shape, piece::even>(dout, turned_value + in_block, ds,
                                                             count, Shape::length);
                } else {
                    constexpr product_shape shape{
                        piece::rows, piece::columns, Shape::length, out_step, 1,
                        1,           value_step,     pitch,         false};
                    detail::tile_product<shape, piece::even>(dout, v, ds, count, Shape::length);
                }
                constexpr T scale = static_cast<T>(tile::root_scale());
                bool whole = true;
                for (int r = 0; r < count; ++r) {
                    const detail::tile_interval inside(part, at, r, piece::columns);
                    whole = whole && inside.covers(piece::columns);
                    if (inside.empty()) {
                        std::fill_n(p + r * pitch, pitch, T(0));
                        std::fill_n(ds + r * pitch, pitch, T(0));
                    } else if constexpr (!detail::normalizes<Shape>) {
                        detail::mask_row<piece::columns>(raw + r * raw_row, p + r * pitch, inside,
                                                         scale);
                        detail::mask_row<piece::columns>(ds + r * pitch, ds + r * pitch, inside,
                                                         scale);
                    } else {
                        const int here = row + r * piece::row_step;
                        const T* scored = raw + r * raw_row;
                        T factor = scale;
                        if (scale != 1 && detail::is_far(normalizer[2 * here])) [[unlikely]] {
                            detail::scale_scores(scored, p + r * pitch, scale, piece::columns);
                            scored = p + r * pitch;
                            factor = 1;
                        }
                        detail::weight_row<piece::columns>(scored, p + r * pitch, ds + r * pitch,
                                                           inside, factor, scale,
                                                           normalizer + 2 * here, inner[here]);
                    }
                }
                const detail::tile_pairs pairs(part, at, count, piece::columns, whole,
                                               whole || finite.check_once());
                if constexpr (Shape::value_gradient)
                    if (value_gradient) {
                        constexpr product_shape shape{
                            piece::columns, Shape::length, piece::rows, 1, pitch, out_step, 1,
                            value_step,     true};
                        T* to = value_gradient + column * Shape::value_column;
                        if (pairs.dense())
                            detail::tile_product<shape, piece::even>(p, dout, to, columns, count);
                        else
                            pairs.each([=](int r, int c) {
                                detail::add_scaled(p[r * pitch + c], dout + r * out_step,
                                                   to + c * value_step, Shape::length);
                            });
                    }
                scores.propagate(ds, pairs);
            };
            detail::each_column_tile<piece::columns>(block, first, begin, end, take);
        };
        detail::each_row_tile<piece::tiling>(
            part,
            [&](const detail::column_block& block) {
                const int column = part.first_column + block.first * piece::column_step;
                const int count = std::min<int>(block.end, part.reach) - block.first;
                turned.turn(operands, column, count);
                if constexpr (piece::turned::any)
                    detail::turn_columns<value_step, turned_step>(
                        value + column * Shape::value_column, turned_value, count, Shape::length);
            },
            row_tile);
    });
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
