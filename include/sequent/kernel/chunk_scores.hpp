#pragma once

#include "score.hpp"

/// The score of linear attention: one dot product, times exp of a term of the row plus a term of
/// the column.

namespace sequent::inline SEQUENT_ABI::kernel::detail {

/// The product of the numbers among the factors of node `at`, with that of the dot product.
template <class Nodes>
constexpr double number_factor(const Nodes& nodes, int at) {
    const score_node& node = nodes[at];
    if (node.op == score_op::multiply)
        return number_factor(nodes, node.left) * number_factor(nodes, node.right);
    return node.op == score_op::dot || node.op == score_op::number ? node.value : 1;
}

/// The score of a shape as a dot product and exponents of rows and columns.
template <class Shape>
struct chunk_scores {
    static constexpr int root = [] {
        int found = 0;
        for (int at = 0; at < Shape::nodes.size(); ++at)
            if (Shape::nodes[at].op == score_op::dot) found = at;
        return found;
    }();
    static constexpr score_node dot = Shape::nodes[root];
    /// The factor of the dot product.
    static constexpr double scale = number_factor(Shape::nodes, Shape::nodes.size() - 1);
    static constexpr bool is_of_column(const score_node& node) {
        return node.op == score_op::load && node.x_column != 0;
    }
    /// True if the score is more than a dot product.
    static constexpr bool fades = [] {
        for (const score_node& node : Shape::nodes)
            if (node.exponent != 0) return true;
        return false;
    }();
    /// True if exponents of rows, or of columns, may need a gradient.
    static constexpr bool gradient_of(bool columns) {
        for (const score_node& node : Shape::nodes)
            if (node.exponent != 0 && node.op == score_op::load && node.x_gradient &&
                is_of_column(node) == columns)
                return true;
        return false;
    }

    /// The factor of a leaf in an exponent.
    template <int Node, class T>
    static T factor_of(const score_operands<T>& operands) noexcept {
        constexpr score_node node = Shape::nodes[Node];
        T factor = static_cast<T>(node.exponent);
        if constexpr (node.exponent_by >= 0) {
            constexpr score_node scalar = Shape::nodes[node.exponent_by];
            if constexpr (scalar.op == score_op::index)
                factor *= operands.base[node.exponent_by] + static_cast<T>(scalar.value);
            else
                factor *= *operands.x[node.exponent_by];
        }
        return factor;
    }
    /// The exponent of a row, with all constants.
    template <class T>
    static T of_row(const score_operands<T>& operands, int row) noexcept {
        T sum = 0;
        unroll<Shape::nodes.size()>([&](auto index) {
            constexpr score_node node = Shape::nodes[index()];
            const T factor = factor_of<index()>(operands);
            if constexpr (node.exponent == 0 || is_of_column(node))
                (void)factor;
            else if constexpr (node.op == score_op::number)
                sum += factor * static_cast<T>(node.value);
            else if constexpr (node.op == score_op::index)
                sum += factor * (operands.base[index()] + static_cast<T>(node.value) +
                                 static_cast<T>(node.x_row * row));
            else
                sum += factor * operands.x[index()][row * node.x_row];
        });
        return sum;
    }
    /// The exponent of a column.
    template <class T>
    static T of_column(const score_operands<T>& operands, int column) noexcept {
        T sum = 0;
        unroll<Shape::nodes.size()>([&](auto index) {
            constexpr score_node node = Shape::nodes[index()];
            const T factor = factor_of<index()>(operands);
            if constexpr (node.exponent == 0)
                (void)factor;
            else if constexpr (node.op == score_op::index)
                sum += factor * static_cast<T>(node.x_column * column);
            else if constexpr (is_of_column(node))
                sum += factor * operands.x[index()][column * node.x_column];
        });
        return sum;
    }
    /// Adds the gradient of the exponent of a row, or of a column, to those of its leaves.
    template <bool Columns, class T>
    static void add_gradient(const score_operands<T>& operands, int at, T gradient) noexcept {
        unroll<Shape::nodes.size()>([&](auto index) {
            constexpr score_node node = Shape::nodes[index()];
            if constexpr (node.exponent != 0 && node.op == score_op::load && node.x_gradient &&
                          is_of_column(node) == Columns)
                if (T* to = operands.dx[index()])
                    to[at * (Columns ? node.x_column : node.x_row)] +=
                        factor_of<index()>(operands) * gradient;
        });
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel::detail
