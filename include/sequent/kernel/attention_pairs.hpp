#pragma once

#include "score.hpp"

/// Attention of one row, pair by pair, for rows that the tiled kernels leave infinite or NaN. Tiles
/// multiply the values of columns that are no pairs by a weight of zero, and divide by the sum of
/// the weights at the end; so infinity where there is no pair, or a sum that overflows before the
/// division, would reach the result.

namespace sequent::inline SEQUENT_ABI::kernel::detail {

/// Dot product of two contiguous rows of Length elements.
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

/// Multiplies a row by a factor. Returns zeros, but NaN in lanes whose result is infinite or NaN.
template <int Length, class T>
SEQUENT_INLINE batch<T> scale_row(T* row, T factor) noexcept {
    constexpr int n = lanes<T>;
    constexpr int last = Length % n;
    batch<T> seen = zero<T>();
    int c = 0;
    for (; c + n <= Length; c += n) {
        const batch<T> x = load(row + c) * set(factor);
        store(row + c, x);
        seen = seen | (x - x);
    }
    if constexpr (last != 0) {
        const batch<T> x = load_first<last>(row + c) * set(factor);
        store_first<last>(row + c, x);
        seen = seen | (x - x);
    }
    return seen;
}

/// The score of one pair, at `Node` of its expression.
template <class Shape, int Node, class T>
T score_of_pair(const score_operands<T>& operands, int row, int column) noexcept {
    constexpr score_node node = Shape::nodes[Node];
    constexpr T parameter = static_cast<T>(node.value);
    const auto operand = [&](auto index) {
        return score_of_pair<Shape, index()>(operands, row, column);
    };
    using std::integral_constant;
    if constexpr (node.op == score_op::dot)
        return parameter * dot_rows<node.depth>(operands.x[Node] + row * node.x_row,
                                                operands.y[Node] + column * node.y_column);
    else if constexpr (node.op == score_op::load)
        return operands.x[Node][node.row_place(row) + column * node.x_column];
    else if constexpr (node.op == score_op::number)
        return parameter;
    else if constexpr (node.op == score_op::index)
        return operands.base[Node] + parameter + static_cast<T>(node.x_row * row) +
               static_cast<T>(node.x_column * column);
    else if constexpr (node.op == score_op::add)
        return operand(integral_constant<int, node.left>{}) +
               operand(integral_constant<int, node.right>{});
    else if constexpr (node.op == score_op::multiply)
        return operand(integral_constant<int, node.left>{}) *
               operand(integral_constant<int, node.right>{});
    else
        return apply<node.function>(set(operand(integral_constant<int, node.left>{})), parameter)
            .get(0);
}

/// Turns `size` scores, a multiple of lanes<T>, into weights whose sum is at most 1; scores of no
/// pair are -infinity. Returns the factor for a sum of values with these weights.
template <class T>
SEQUENT_COLD T soften_scores(T* p, int size) noexcept {
    constexpr int n = lanes<T>;
    constexpr T none = -std::numeric_limits<T>::infinity();
    batch<T> most = set(none);
    for (int c = 0; c < size; c += n) most = xsimd::max(most, load(p + c));
    const T greatest = reduce_max(most);
    const batch<T> shift = set(greatest == none ? T(0) : greatest);
    // Multiplying by a power of two is exact.
    T part = 1;
    while (part * static_cast<T>(size) > 1) part /= 2;
    batch<T> sums = zero<T>();
    for (int c = 0; c < size; c += n) {
        const batch<T> weight = exp(batch<T>(load(p + c) - shift)) * set(part);
        store(p + c, weight);
        sums += weight;
    }
    const T sum = reduce_add(sums);
    return sum == T(0) ? T(0) : 1 / sum;
}

/// False if the weights are the scores themselves; a shape may leave it out.
template <class Shape>
inline constexpr bool normalizes = [] {
    if constexpr (requires { Shape::normalizes; })
        return Shape::normalizes;
    else
        return true;
}();

/// Writes the attention of `row` over its pairs; each_column(f) calls f(column) for each of them.
/// No sum of values overflows before it is divided by the sum of the weights.
template <class Shape, class T, class EachColumn>
SEQUENT_COLD void attend_to_pairs(const score_operands<T>& operands, const T* value, T* out,
                                  int row, EachColumn each_column) noexcept {
    if constexpr (!normalizes<Shape>) {
        std::fill_n(out, Shape::length, T(0));
        each_column([&](int column) {
            add_scaled(score_of_pair<Shape, Shape::nodes.size() - 1>(operands, row, column),
                       value + column * Shape::value_column, out, Shape::length);
        });
        return;
    }
    constexpr int size = (Shape::columns + lanes<T> - 1) / lanes<T> * lanes<T>;
    alignas(64) T p[size];
    std::fill_n(p, size, -std::numeric_limits<T>::infinity());
    each_column([&](int column) {
        p[column] = score_of_pair<Shape, Shape::nodes.size() - 1>(operands, row, column);
    });
    const T factor = soften_scores(p, size);
    std::fill_n(out, Shape::length, T(0));
    each_column([&](int column) {
        add_scaled(p[column], value + column * Shape::value_column, out, Shape::length);
    });
    scale_row<Shape::length>(out, factor);
}

/// Calls f(column) for the columns of a row's pairs in the shape's space.
template <class Shape, class F>
void each_column_of_space(int row, const int* counts, F f) noexcept {
    for (const auto& piece : Shape::space.pieces) {
        if (!piece.admits_row(row, counts)) continue;
        const int end = piece.end(row, Shape::columns, counts);
        for (int column = piece.begin(row, counts); column < end; ++column)
            if (piece.admits_residue(row, column)) f(column);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail
