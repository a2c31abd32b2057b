#pragma once

#include <array>
#include <cmath>
#include <limits>

#include "attention.hpp"

/// Attention whose scores depend on parameters alone: the weights, softmax over j of score(i, j),
/// are computed once for all inputs, and each input takes a matrix product. A weight outside the
/// space is zero; products skip the blocks that are all zero.
///
/// Shape is a type with static constexpr members
///
///     rows, columns, length, nodes,
///     value_column, out_row,
///     value_gradient                as in attention.hpp
///     space                         likewise, with at least one piece
///     is_table, bits(row)           whether a pair's bit must be set, too
///     weight_row                    row stride of the weights: whole vectors
///     weight_gradient               true if the gradient of the weights may be needed

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

template <class Shape>
inline bool has_pair(int row, int column) noexcept {
    if constexpr (Shape::is_table)
        return ((Shape::bits(row)[column / 64] >> (column % 64)) & 1) != 0;
    else
        return true;
}

/// True if a pair is in the space and, if there is one, in the table.
template <class Shape>
bool is_pair(int row, int column) noexcept {
    for (const auto& part : Shape::space.pieces)
        if (part.admits_row(row, nullptr) && column >= part.begin(row, nullptr) &&
            column < part.end(row, Shape::columns, nullptr) && part.admits_residue(row, column))
            return has_pair<Shape>(row, column);
    return false;
}

/// Sums weight times value over the pairs of a row only: a weight of zero times infinity, where
/// there is no pair, would be NaN.
template <class Shape, class T, class Value>
SEQUENT_COLD void weighted_sum_of_pairs(const T* weights, int row, int end, T* out,
                                        Value value_of) noexcept {
    std::fill_n(out, Shape::length, T(0));
    for (int column = 0; column < end; ++column)
        if (is_pair<Shape>(row, column))
            for (int k = 0; k < Shape::length; ++k) out[k] += weights[column] * value_of(column, k);
}

template <class Shape, class T>
SEQUENT_COLD void add_value_gradient_of_pairs(const T* weights, const T* out_gradient,
                                              T* value_gradient) noexcept {
    for (int row = 0; row < Shape::rows; ++row)
        for (int column = 0; column < Shape::columns; ++column)
            if (is_pair<Shape>(row, column))
                add_scaled(weights[row * Shape::weight_row + column],
                           out_gradient + row * Shape::out_row,
                           value_gradient + column * Shape::value_column, Shape::length);
}

/// The weights in blocks of rows and of columns, and for each block the range of columns, or of
/// rows, from the first to the last of its pairs.
template <class Shape>
struct weight_blocks {
    static constexpr bool is_full = [] {
        if (Shape::is_table || Shape::space.pieces.size() != 1) return false;
        const auto& part = Shape::space.pieces[0];
        return part.lower.size() == 0 && part.upper.size() == 0 && part.modulus == 1 &&
               part.row_lower.size() == 0 && part.row_upper.size() == 0 && part.row_modulus == 1;
    }();
    static constexpr int height = is_full ? Shape::rows : std::min(Shape::rows, 48);
    static constexpr int width = is_full ? Shape::columns : std::min(Shape::columns, 64);
    static constexpr int down = (Shape::rows + height - 1) / height;
    static constexpr int across = (Shape::columns + width - 1) / width;

    std::array<column_span, down> columns;  // for each block of rows
    std::array<column_span, across> rows;   // for each block of columns

    static const weight_blocks& made() noexcept {
        static const weight_blocks result;
        return result;
    }

  private:
    weight_blocks() noexcept {
        for (int row = 0; row < Shape::rows; ++row)
            for (const auto& part : Shape::space.pieces) {
                const auto [begin, end] = part.widest(row, Shape::columns);
                if (begin >= end) continue;
                columns[static_cast<std::size_t>(row / height)].add(begin, end);
                for (int block = begin / width; block * width < end; ++block)
                    rows[static_cast<std::size_t>(block)].add(row, row + 1);
            }
    }
};

/// Calls visit(scores, part, place, row, count) for the tiles of a shape's scores; `row` is the
/// tile's first row.
template <class Shape, class T, class Visit>
void each_score_tile(const score_operands<T>& operands, Visit visit) noexcept {
    constexpr all_rows<Shape::rows> all;
    each_lattice<Shape>(nullptr, all, [&](const auto& part, auto index) {
        using piece = piece_kernel<Shape, T, all_rows<Shape::rows>, (Shape::rows <= few_rows),
                                   decltype(index)::value>;
        typename piece::turned turned;
        each_row_tile<piece::tiling>(
            part,
            [&](const column_block& block) {
                turned.turn(operands, part.first_column + block.first * piece::column_step,
                            block.end - block.first);
            },
            [&](const column_block& block, int first, int count, int begin, int end) {
                const int row = part.first_row + first * piece::row_step;
                each_column_tile<piece::columns>(block, first, begin, end, [&](tile_place at) {
                    const int column = part.first_column + at.column * piece::column_step;
                    typename piece::tile scores(operands, turned, row, column,
                                                at.column - block.first, count);
                    visit(piece{}, scores, part, at, row, column, count);
                });
            });
    });
}

}  // namespace detail

/// Computes all weights, Shape::weight_row elements per row; zero where there is no pair.
template <class Shape, class T>
void attention_weights(const score_operands<T>& operands, T* weights) noexcept {
    constexpr int n = lanes<T>;
    constexpr int row_size = Shape::weight_row;
    std::fill_n(weights, Shape::rows * row_size, detail::lowest<T>);
    detail::each_score_tile<Shape>(
        operands, [&](auto piece, auto& scores, const auto& part, detail::tile_place at, int row,
                      int column, int count) {
            using kernel_of = decltype(piece);
            using tile = typename kernel_of::tile;
            const T* score = scores.evaluate();
            constexpr T scale = static_cast<T>(tile::root_scale());
            for (int r = 0; r < count; ++r, score += tile::pitch) {
                const detail::tile_interval inside(part, at, r, kernel_of::columns);
                const int here = row + r * kernel_of::row_step;
                T* to = weights + here * row_size + column;
                for (int c = std::max(inside.begin, 0); c < inside.end; ++c)
                    if (detail::has_pair<Shape>(here, column + c * kernel_of::column_step))
                        to[c * kernel_of::column_step] = score[c] * scale;
            }
        });
    for (int row = 0; row < Shape::rows; ++row, weights += row_size) {
        batch<T> most = set(detail::lowest<T>);
        for (int c = 0; c < Shape::columns; c += n) most = xsimd::max(most, load(weights + c));
        const T greatest = reduce_max(most);
        const T shift = greatest == detail::lowest<T> ? T(0) : greatest;
        batch<T> sum = zero<T>();
        for (int c = 0; c < row_size; c += n) {
            const batch<T> p = exp(batch<T>(load(weights + c) - set(shift)));
            store(weights + c, p);
            sum += p;
        }
        const T all = reduce_add(sum);
        const T factor = all == T(0) ? T(0) : 1 / all;
        for (int c = 0; c < row_size; c += n)
            store(weights + c, batch<T>(load(weights + c) * set(factor)));
        if (std::isfinite(all)) continue;
        for (int c = 0; c < row_size; ++c)
            if (c >= Shape::columns || !detail::is_pair<Shape>(row, c)) weights[c] = T(0);
    }
}

/// Adds to the gradients in `operands`, given the gradient of the weights.
template <class Shape, class T>
void attention_weights_gradient(const score_operands<T>& operands, const T* weights,
                                const T* gradient) noexcept {
    constexpr int row_size = Shape::weight_row;
    T inner[Shape::rows];
    for (int row = 0; row < Shape::rows; ++row) {
        const T* p = weights + row * row_size;
        const T* dp = gradient + row * row_size;
        inner[row] = detail::dot_rows<Shape::columns>(p, dp);
        if (std::isfinite(inner[row])) continue;
        inner[row] = 0;
        for (int column = 0; column < Shape::columns; ++column)
            if (detail::is_pair<Shape>(row, column)) inner[row] += p[column] * dp[column];
    }
    const bool finite = detail::gradient_operands_are_finite<Shape, 1, 1>(
        operands, static_cast<const T*>(nullptr), 0, Shape::rows, 0, Shape::columns);
    detail::each_score_tile<Shape>(
        operands, [&](auto piece, auto& scores, const auto& part, detail::tile_place at, int row,
                      int column, int count) {
            using kernel_of = decltype(piece);
            using tile = typename kernel_of::tile;
            constexpr int step = kernel_of::column_step;
            constexpr T scale = static_cast<T>(tile::root_scale());
            (void)scores.evaluate();
            const auto admits = [&](int r, int c) {
                return detail::has_pair<Shape>(row + r * kernel_of::row_step, column + c * step);
            };
            bool whole = !Shape::is_table;
            alignas(64) T slope[kernel_of::rows * tile::pitch];
            std::fill_n(slope, count * tile::pitch, T(0));
            for (int r = 0; r < count; ++r) {
                const detail::tile_interval inside(part, at, r, kernel_of::columns);
                whole = whole && inside.covers(kernel_of::columns);
                const int here = row + r * kernel_of::row_step;
                const T* p = weights + here * row_size + column;
                const T* dp = gradient + here * row_size + column;
                T* to = slope + r * tile::pitch;
                for (int c = std::max(inside.begin, 0); c < inside.end; ++c)
                    if (admits(r, c)) to[c] = p[c * step] * (dp[c * step] - inner[here]) * scale;
            }
            scores.propagate(slope, detail::tile_pairs(part, at, count, kernel_of::columns, whole,
                                                       whole || finite, admits));
        });
}

/// Writes rows `range` of out: the weights times the values.
template <class Shape, class T, class Range>
void weighted_sum(const T* weights, const T* value, T* out, Range range) noexcept {
    using blocks = detail::weight_blocks<Shape>;
    constexpr product_shape shape{
        blocks::height, Shape::length, Shape::columns, Shape::weight_row, 1, Shape::value_column, 1,
        Shape::out_row, false};
    if constexpr (blocks::is_full && is_whole<Range>) {
        product<shape>(weights, value, out);
    } else {
        const blocks& of = blocks::made();
        for (int block = range.begin / blocks::height; block * blocks::height < range.end;
             ++block) {
            const int first = std::max(block * blocks::height, range.begin);
            const int rows = std::min((block + 1) * blocks::height, range.end) - first;
            detail::column_span span = of.columns[static_cast<std::size_t>(block)];
            if (span.empty()) span = {0, 0};
            T* to = out + first * Shape::out_row;
            product<shape>(weights + first * Shape::weight_row + span.begin,
                           value + span.begin * Shape::value_column, to, rows,
                           span.end - span.begin);
            if (blocks::is_full || detail::are_finite<Shape::length>(to, Shape::out_row, rows))
                continue;
            for (int row = first; row < first + rows; ++row, to += Shape::out_row)
                detail::weighted_sum_of_pairs<Shape>(
                    weights + row * Shape::weight_row, row, Shape::columns, to,
                    [value](int column, int k) { return value[column * Shape::value_column + k]; });
        }
    }
}

/// Adds to the gradients of the weights and of the values; either may be null.
template <class Shape, class T>
void weighted_sum_gradient(const T* weights, const T* value, const T* out_gradient,
                           T* weight_gradient, T* value_gradient) noexcept {
    using blocks = detail::weight_blocks<Shape>;
    constexpr int whole = blocks::width;
    constexpr int last = Shape::columns - (blocks::across - 1) * whole;
    const blocks& of = blocks::made();
    if constexpr (Shape::value_gradient && !blocks::is_full)
        if (value_gradient &&
            !detail::are_finite<Shape::length>(out_gradient, Shape::out_row, Shape::rows)) {
            detail::add_value_gradient_of_pairs<Shape>(weights, out_gradient, value_gradient);
            value_gradient = nullptr;
        }
    for (int block = 0; block < blocks::across; ++block) {
        const detail::column_span rows = of.rows[static_cast<std::size_t>(block)];
        if (rows.empty()) continue;
        const int count = rows.end - rows.begin;
        const int column = block * whole;
        const T* dout = out_gradient + rows.begin * Shape::out_row;
        const int place = rows.begin * Shape::weight_row + column;
        if constexpr (Shape::value_gradient)
            if (value_gradient) {
                constexpr product_shape shape{whole, Shape::length,       Shape::rows,
                                              1,     Shape::weight_row,   Shape::out_row,
                                              1,     Shape::value_column, true};
                product<shape>(weights + place, dout, value_gradient + column * Shape::value_column,
                               std::min(whole, Shape::columns - column), count);
            }
        if constexpr (Shape::weight_gradient)
            if (weight_gradient) {
                const auto add = [&](auto width) {
                    constexpr product_shape shape{Shape::rows,
                                                  decltype(width)::value,
                                                  Shape::length,
                                                  Shape::out_row,
                                                  1,
                                                  1,
                                                  Shape::value_column,
                                                  Shape::weight_row,
                                                  true};
                    product<shape>(dout, value + column * Shape::value_column,
                                   weight_gradient + place, count, Shape::length);
                };
                if (last == whole || block + 1 < blocks::across)
                    add(std::integral_constant<int, whole>{});
                else
                    add(std::integral_constant<int, last>{});
            }
    }
}

/// Writes one row of out from cached values that are stored transposed: number k of column c is at
/// k * Pitch + c - first. If Pitch is 0, values are value_column apart. No column from `end` on is
/// read.
template <class Shape, int Pitch, class T>
void weighted_row(const T* weights, const T* value, T* out, int row, int end, int first) noexcept {
    detail::column_span span;
    for (const auto& part : Shape::space.pieces) {
        const auto [from, to] = part.widest(row, Shape::columns);
        span.add(from, std::min(to, end));
    }
    weights += row * Shape::weight_row;
    out += row * Shape::out_row;
    if (span.empty()) {
        std::fill_n(out, Shape::length, T(0));
        return;
    }
    if constexpr (Pitch == 0) {
        constexpr product_shape shape{1, Shape::length, Shape::columns, 1, 1, Shape::value_column,
                                      1, Shape::length, false};
        product<shape>(weights + span.begin, value + span.begin * Shape::value_column, out, 1,
                       span.end - span.begin);
    } else {
        const T* from = value + span.begin - first;
        constexpr int group = 8;
        const auto take = [&](int k, auto numbers) {
            batch<T> sums[decltype(numbers)::value];
            for (int at = 0; at < decltype(numbers)::value; ++at)
                sums[at] = detail::dot_of_rows(weights + span.begin, from + (k + at) * Pitch,
                                               span.end - span.begin);
            reduce_add_each<decltype(numbers)::value>(sums, out + k);
        };
        int k = 0;
        for (; k + group <= Shape::length; k += group)
            take(k, std::integral_constant<int, group>{});
        if constexpr (Shape::length % group != 0)
            take(k, std::integral_constant<int, Shape::length % group>{});
    }
    if (!detail::are_finite<Shape::length>(out, 0, 1))
        detail::weighted_sum_of_pairs<Shape>(weights, row, span.end, out, [&](int column, int k) {
            return Pitch == 0 ? value[column * Shape::value_column + k]
                              : value[k * Pitch + column - first];
        });
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
