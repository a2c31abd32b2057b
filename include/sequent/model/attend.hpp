#pragma once

#include "../plan/mask_form.hpp"
#include "rows.hpp"

/// Runs attention steps: hands the kernel the shape, the space and the pointers.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::attention_step;
using plan::score_kind;

/// Which rounds of the outer loops of an attention step have the same mask.
template <class Plan, int At>
inline constexpr auto mask_kinds = plan::kinds_of_rounds<plan::different_rounds(
    Plan::tables.pool, Plan::template attention_at<At>)>(Plan::tables.pool.nodes,
                                                         Plan::template attention_at<At>);

/// The condition of the rounds of a kind, and how its pairs are found.
template <class Plan, int At, int Kind>
struct attention_mask {
    static constexpr attention_step step = Plan::template attention_at<At>;
    struct found {
        plan::condition_tree<plan::max_condition_nodes> condition{};
        plan::mask_form form{};
    };
    static constexpr found mask = [] {
        found result;
        result.condition = plan::condition_in_round(Plan::tables.pool.nodes, step,
                                                    mask_kinds<Plan, At>.first[Kind]);
        result.form = plan::form_of(result.condition, step.row_variable, step.column_variable);
        return result;
    }();

    template <int Root>
    static int evaluate(int row, int column) noexcept {
        constexpr plan::node top = mask.condition.pool.nodes[Root];
        if constexpr (top.kind == plan::node_kind::constant) {
            return top.value;
        } else if constexpr (top.kind == plan::node_kind::variable) {
            return top.value == step.row_variable ? row : column;
        } else {
            const int left = evaluate<top.left>(row, column);
            int right = 0;
            if constexpr (top.right >= 0) right = evaluate<top.right>(row, column);
            if constexpr (top.kind == plan::node_kind::decision) {
                constexpr plan::decision_function holds = Plan::shapes.text.decisions[top.value];
                return holds(left, right);
            } else {
                return plan::evaluate(top.kind, left, right);
            }
        }
    }

    static const kernel::mask_table& made_table() {
        static const kernel::mask_table made(step.rows, step.columns, [](int row, int column) {
            if constexpr (mask.form.tabled < 0)
                return true;
            else
                return evaluate<mask.form.tabled>(row, column) != 0;
        });
        return made;
    }
    /// Has the table made when the program starts, not in the first call.
    static inline const kernel::mask_table& at_start = made_table();
    static const kernel::mask_table& table() noexcept {
        (void)&at_start;
        return made_table();
    }
};

/// The kernel's view of attention step `At` of a plan, in the rounds of a kind.
template <class Plan, int At, int Kind = 0>
struct attention_shape {
    using mask = attention_mask<Plan, At, Kind>;
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int rows = step.rows;
    static constexpr int columns = step.columns;
    static constexpr int length = step.length;
    static constexpr int value_column = step.value.column;
    static constexpr int out_row = step.out.row;
    static constexpr bool value_gradient = step.value.at.trained;
    static constexpr int score_row = step.scores.row;
    static constexpr bool is_table = mask::mask.form.is_table;
    static constexpr bool clips = mask::mask.form.clips();
    static constexpr plan::space space = mask::mask.form.where;

    static long long pairs() {
        if constexpr (is_table)
            return mask::table().pairs;
        else
            return plan::count_pairs(space, rows, columns);
    }

    /// Kept as rows and columns of the matrix, which lattices are not.
    static constexpr bool keeps_scores = [] {
        if (is_table) return false;
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
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr auto& kinds = mask_kinds<Plan, At>;

    /// Calls visit(shape) with the kernel's view of one round of the outer loops.
    template <class Visit>
    static void with_shape(int first, int second, int third, Visit visit) noexcept {
        if constexpr (kinds.first.size() == 1) {
            visit(attention_shape<Plan, At>{});
        } else {
            const int round =
                (first * step.outer_extents[1] + second) * step.outer_extents[2] + third;
            kernel::unroll<kinds.first.size()>([&](auto kind) {
                if (kinds.kind_of[round] == kind()) visit(attention_shape<Plan, At, kind()>{});
            });
        }
    }

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

    template <class Shape>
    static T* kept_scores(const bindings<T>& bound, int first, int second, int third) noexcept {
        if constexpr (Shape::keeps_scores)
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
        with_shape(first, second, third, [&]<class Shape>(Shape) {
            const auto from = operands(bound, first, second, third, false);
            const T* value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            T* log_sum =
                bound.write(step.log_sum.at) + outer_shift(step.log_sum, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention<Shape>(Shape::mask::table(), from, value, out, log_sum,
                                         bound.counts, range);
            else
                kernel::attention<Shape>(from, value, out, log_sum,
                                         kept_scores<Shape>(bound, first, second, third),
                                         bound.counts, range);
        });
    }
    static void backward_at(const bindings<T>& bound, int first, int second, int third) noexcept {
        T* value_gradient = bound.gradient(step.value.at);
        if (value_gradient) value_gradient += outer_shift(step.value, first, second, third);
        with_shape(first, second, third, [&]<class Shape>(Shape) {
            const auto from = operands(bound, first, second, third, true);
            const T* value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            const T* out = bound.read(step.out.at) + outer_shift(step.out, first, second, third);
            const T* log_sum =
                bound.read(step.log_sum.at) + outer_shift(step.log_sum, first, second, third);
            const T* out_gradient =
                bound.gradient(step.out.at) + outer_shift(step.out, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention_gradient<Shape>(Shape::mask::table(), from, value, out, log_sum,
                                                  out_gradient, value_gradient, bound.counts);
            else
                kernel::attention_gradient<Shape>(from, value, out, log_sum,
                                                  kept_scores<Shape>(bound, first, second, third),
                                                  out_gradient, value_gradient, bound.counts);
        });
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
