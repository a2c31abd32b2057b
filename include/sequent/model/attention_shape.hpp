#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "../kernel/chunked_attention.hpp"
#include "../kernel/prepared_attention.hpp"
#include "../plan/mask_form.hpp"
#include "form_key.hpp"
#include "rows.hpp"

/// The shape that a kernel takes for an attention step, and the form by which equal shapes share
/// it.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::attention_step;
using plan::score_kind;

/// The kind of mask of each round of the outer loops of an attention step.
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
        static const kernel::mask_table made(step.rows, step.columns, holds);
        return made;
    }
    static inline const kernel::table_maker table_maker{[] { (void)made_table(); }};
    static const kernel::mask_table& table() noexcept {
        (void)&table_maker;
        return made_table();
    }

    /// The pairs of a row as bits.
    static const std::uint64_t* bits(int row) noexcept {
        (void)&bits_maker;
        return made_bits().data() + static_cast<std::ptrdiff_t>(row) * words;
    }

  private:
    static constexpr int words = (step.columns + 63) / 64 + 1;
    static const std::vector<std::uint64_t>& made_bits() {
        static const std::vector<std::uint64_t> made = [] {
            std::vector<std::uint64_t> result(static_cast<std::size_t>(step.rows) * words);
            for (int row = 0; row < step.rows; ++row)
                for (int column = 0; column < step.columns; ++column)
                    if (holds(row, column))
                        result[static_cast<std::size_t>(row * words + column / 64)] |=
                            std::uint64_t{1} << (column % 64);
            return result;
        }();
        return made;
    }
    static bool holds(int row, int column) {
        if constexpr (mask.form.tabled < 0)
            return true;
        else
            return evaluate<mask.form.tabled>(row, column) != 0;
    }
    static inline const kernel::table_maker bits_maker{[] { (void)made_bits(); }};
};

/// The Shape that kernels take for attention step `At` of a plan, in the rounds of a kind.
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
    static constexpr bool normalizes = step.normalizes;
    static constexpr int chunk = step.chunk;
    static constexpr bool is_table = mask::mask.form.is_table;
    static constexpr bool clips = mask::mask.form.clips();
    static constexpr plan::space space = mask::mask.form.where;

    static long long pairs() {
        if constexpr (is_table)
            return mask::table().pairs;
        else
            return plan::count_pairs(space, rows, columns);
    }

    /// True if scores are cached for the gradient, as rows and columns of the matrix; lattices do
    /// not have this form.
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
            to.packed = from.packed;
            to.exponent = from.exponent;
            to.exponent_by = from.exponent_by;
            to.left = from.left;
            to.right = from.right;
            to.x_gradient = from.x.at.trained;
            to.y_gradient = from.y.at.trained;
            result.push(to);
        }
        return result;
    }();
};

/// The part of an attention_shape for which kernels are compiled: all of it, unless the mask is a
/// table.
struct attention_form {
    int rows = 0;
    int columns = 0;
    int length = 0;
    int value_column = 0;
    int out_row = 0;
    bool value_gradient = false;
    int score_row = 0;
    bool clips = false;
    bool keeps_scores = false;
    bool normalizes = true;
    int chunk = 0;
    plan::list<kernel::score_node, kernel::max_score_nodes> nodes{};
    plan::space space{};
};

template <class Bounds, class Visit>
constexpr void visit_bounds(Bounds& bounds, Visit& visit) {
    visit(bounds.count);
    for (auto& limit : bounds) {
        visit(limit.multiplier);
        visit(limit.factor);
        visit(limit.shift);
        visit(limit.divisor);
        visit(limit.offset);
        visit(limit.count);
        visit(limit.compared);
        visit(limit.run_end);
        visit(limit.outside);
    }
}

template <class Form, class Visit>
constexpr void visit_attention_form(Form& form, Visit& visit) {
    visit(form.rows);
    visit(form.columns);
    visit(form.length);
    visit(form.value_column);
    visit(form.out_row);
    visit(form.value_gradient);
    visit(form.score_row);
    visit(form.clips);
    visit(form.keeps_scores);
    visit(form.normalizes);
    visit(form.chunk);
    visit(form.nodes.count);
    for (auto& node : form.nodes) {
        visit(node.op);
        visit(node.x_row);
        visit(node.x_column);
        visit(node.y_column);
        visit(node.depth);
        visit(node.value);
        visit(node.function);
        visit(node.left);
        visit(node.right);
        visit(node.packed);
        visit(node.exponent);
        visit(node.exponent_by);
        visit(node.x_gradient);
        visit(node.y_gradient);
    }
    visit(form.space.exact);
    visit(form.space.pieces.count);
    for (auto& part : form.space.pieces) {
        visit_bounds(part.lower, visit);
        visit_bounds(part.upper, visit);
        visit(part.modulus);
        visit(part.slope);
        visit(part.residues);
        visit_bounds(part.row_lower, visit);
        visit_bounds(part.row_upper, visit);
        visit(part.row_modulus);
        visit(part.row_residues);
    }
}

/// The Shape of all attention steps of a form.
template <form_key Key>
struct attention_shape_of_form {
    static constexpr attention_form form = [] {
        attention_form result;
        form_reader reader{Key.numbers};
        visit_attention_form(result, reader);
        return result;
    }();
    static constexpr int rows = form.rows;
    static constexpr int columns = form.columns;
    static constexpr int length = form.length;
    static constexpr int value_column = form.value_column;
    static constexpr int out_row = form.out_row;
    static constexpr bool value_gradient = form.value_gradient;
    static constexpr int score_row = form.score_row;
    static constexpr bool is_table = false;
    static constexpr bool clips = form.clips;
    static constexpr bool keeps_scores = form.keeps_scores;
    static constexpr bool normalizes = form.normalizes;
    static constexpr int chunk = form.chunk;
    static constexpr auto nodes = [] {
        plan::list<kernel::score_node, form.nodes.size()> result;
        for (const kernel::score_node& node : form.nodes) result.push(node);
        return result;
    }();
    static constexpr plan::space space = form.space;
};

/// An attention_shape for the kernels: by its form, unless it has a table.
template <class Shape, bool IsTable = Shape::is_table>
struct shape_for_kernels {
    using type = Shape;
};
template <class Shape>
struct shape_for_kernels<Shape, false> {
    static constexpr attention_form value = [] {
        attention_form result{Shape::rows,         Shape::columns, Shape::length,
                              Shape::value_column, Shape::out_row, Shape::value_gradient,
                              Shape::score_row,    Shape::clips,   Shape::keeps_scores,
                              Shape::normalizes,   Shape::chunk,   {},
                              Shape::space};
        for (const kernel::score_node& node : Shape::nodes) result.nodes.push(node);
        return result;
    }();
    template <class Form, class Visit>
    static constexpr void visit(Form& form, Visit& visit) {
        visit_attention_form(form, visit);
    }
    using type = attention_shape_of_form<form_key_of<shape_for_kernels>>;
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
