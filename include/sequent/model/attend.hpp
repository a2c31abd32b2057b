#pragma once

#include "rows.hpp"

/// Runs attention steps: hands the kernel the shape, the space and the pointers.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::attention_step;
using plan::score_kind;

/// The kernel's view of attention step `At` of a plan.
template <class Plan, int At>
struct attention_shape {
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int rows = step.rows;
    static constexpr int columns = step.columns;
    static constexpr int length = step.length;
    static constexpr int value_column = step.value.column;
    static constexpr int out_row = step.out.row;
    static constexpr bool value_gradient = step.value.at.trained;
    static constexpr int score_row = step.scores.row;
    static constexpr plan::space space = plan::make_space(Plan::tables.pool.nodes, step.condition,
                                                          step.row_variable, step.column_variable);

    /// Kept as rows and columns of the matrix, which lattices are not.
    static constexpr bool keeps_scores = [] {
        for (const plan::piece& part : space.pieces)
            if (part.modulus != 1 || part.row_modulus != 1) return false;
        return step.scores.at.where != place::none;
    }();

    static constexpr auto nodes = [] {
        plan::list<kernel::score_node, step.nodes.size()> result;
        for (const plan::score_node& from : step.nodes) {
            kernel::score_node to;
            switch (from.kind) {
                case score_kind::dot:
                    to.op = kernel::score_op::dot;
                    break;
                case score_kind::load:
                    to.op = kernel::score_op::load;
                    break;
                case score_kind::number:
                    to.op = kernel::score_op::number;
                    break;
                case score_kind::index:
                    to.op = kernel::score_op::index;
                    break;
                case score_kind::add:
                    to.op = kernel::score_op::add;
                    break;
                case score_kind::multiply:
                    to.op = kernel::score_op::multiply;
                    break;
                case score_kind::function:
                    to.op = kernel::score_op::function;
                    break;
            }
            to.x_row = from.x.row;
            to.x_column = from.x.column;
            to.y_column = from.y.column;
            to.depth = from.depth;
            to.value = from.value;
            to.function = activation_of(from.function);
            to.left = from.left;
            to.right = from.right;
            to.x_gradient = from.x.at.trained;
            to.y_gradient = from.y.at.trained;
            result.push(to);
        }
        return result;
    }();
};

template <class Plan, int At, class T>
class attention_runner {
    using shape = attention_shape<Plan, At>;
    static constexpr const attention_step& step = shape::step;

    static kernel::score_operands<T> operands(const bindings<T>& bound, int first, int second,
                                              int third, bool gradients) noexcept {
        kernel::score_operands<T> result;
        kernel::unroll<step.nodes.size()>([&](auto index) {
            constexpr int at = index();
            constexpr plan::score_node node = step.nodes[at];
            if constexpr (node.kind == score_kind::dot || node.kind == score_kind::load) {
                const std::ptrdiff_t shift = outer_shift(node.x, first, second, third);
                result.x[at] = bound.read(node.x.at) + shift;
                if (gradients)
                    if (T* gradient = bound.gradient(node.x.at)) result.dx[at] = gradient + shift;
            }
            if constexpr (node.kind == score_kind::dot) {
                const std::ptrdiff_t shift = outer_shift(node.y, first, second, third);
                result.y[at] = bound.read(node.y.at) + shift;
                if (gradients)
                    if (T* gradient = bound.gradient(node.y.at)) result.dy[at] = gradient + shift;
            }
            if constexpr (node.kind == score_kind::index)
                result.base[at] = static_cast<T>(outer_shift(node.x, first, second, third));
        });
        return result;
    }

    static T* kept_scores(const bindings<T>& bound, int first, int second, int third) noexcept {
        if constexpr (shape::keeps_scores)
            return bound.write(step.scores.at) + outer_shift(step.scores, first, second, third);
        else
            return nullptr;
    }

  public:
    template <class Range>
    static void forward(const bindings<T>& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            forward_at(bound, first, second, third, range);
        });
    }

    static void backward(const bindings<T>& bound) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            backward_at(bound, first, second, third);
        });
    }

    /// One round of the outer loops.
    template <class Range>
    static void forward_at(const bindings<T>& bound, int first, int second, int third,
                           Range range) noexcept {
        kernel::attention<shape>(
            operands(bound, first, second, third, false),
            bound.read(step.value.at) + outer_shift(step.value, first, second, third),
            bound.write(step.out.at) + outer_shift(step.out, first, second, third),
            bound.write(step.log_sum.at) + outer_shift(step.log_sum, first, second, third),
            kept_scores(bound, first, second, third), bound.counts, range);
    }
    static void backward_at(const bindings<T>& bound, int first, int second, int third) noexcept {
        T* value_gradient = bound.gradient(step.value.at);
        if (value_gradient) value_gradient += outer_shift(step.value, first, second, third);
        kernel::attention_gradient<shape>(
            operands(bound, first, second, third, true),
            bound.read(step.value.at) + outer_shift(step.value, first, second, third),
            bound.read(step.out.at) + outer_shift(step.out, first, second, third),
            bound.read(step.log_sum.at) + outer_shift(step.log_sum, first, second, third),
            kept_scores(bound, first, second, third),
            bound.gradient(step.out.at) + outer_shift(step.out, first, second, third),
            value_gradient, bound.counts);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
