#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "../kernel/prepared_attention.hpp"
#include "../plan/mask_form.hpp"
#include "form_key.hpp"
#include "rows.hpp"

/// Runs attention steps: gives the kernel the shape, the space and the pointers.

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
        attention_form result{Shape::rows,
                              Shape::columns,
                              Shape::length,
                              Shape::value_column,
                              Shape::out_row,
                              Shape::value_gradient,
                              Shape::score_row,
                              Shape::clips,
                              Shape::keeps_scores,
                              Shape::normalizes,
                              {},
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

/// The operands of a step's score in one round of the outer loops.
template <class Plan, int At, class T>
kernel::score_operands<T> operands_of_score(const bindings<T>& bound, int first, int second,
                                            int third, bool gradients) noexcept {
    constexpr attention_step step = Plan::template attention_at<At>;
    kernel::score_operands<T> result;
    kernel::unroll<step.nodes.size()>([&](auto index) {
        constexpr int at = decltype(index)::value;
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

/// Calls visit(kind) with the kind of a round of the outer loops as a constant.
template <class Plan, int At, class Visit>
void with_kind(int first, int second, int third, Visit visit) noexcept {
    constexpr attention_step step = Plan::template attention_at<At>;
    constexpr auto& kinds = mask_kinds<Plan, At>;
    if constexpr (kinds.first.size() == 1) {
        visit(std::integral_constant<int, 0>{});
    } else {
        const int round = (first * step.outer_extents[1] + second) * step.outer_extents[2] + third;
        kernel::unroll<kinds.first.size()>([&](auto kind) {
            constexpr int here = decltype(kind)::value;
            if (kinds.kind_of[round] == here) visit(std::integral_constant<int, here>{});
        });
    }
}

template <class Plan, int At, class T>
class attention_runner {
    static constexpr attention_step step = Plan::template attention_at<At>;

    /// Calls visit(shape) with the Shape of one round of the outer loops.
    template <class Visit>
    static void with_shape(int first, int second, int third, Visit visit) noexcept {
        with_kind<Plan, At>(first, second, third, [&](auto kind) {
            visit(typename shape_for_kernels<
                  attention_shape<Plan, At, decltype(kind)::value>>::type{});
        });
    }

    /// The rows of a range that are in pairs.
    template <class Range>
    static auto rows_of([[maybe_unused]] const bindings<T>& bound, Range range) noexcept {
        if constexpr (step.row_counts == 0) {
            return range;
        } else {
            const int all = plan::least_count(step.row_counts, step.rows, bound.counts);
            return kernel::counted_rows{range.begin, std::min<int>(range.end, all), all};
        }
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

    /// Computes one round of the outer loops.
    template <class Range>
    static void forward_at(const bindings<T>& bound, int first, int second, int third,
                           Range range) noexcept {
        with_shape(first, second, third, [&]<class Shape>(Shape) {
            const auto from = operands_of_score<Plan, At>(bound, first, second, third, false);
            const T* value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            const auto present = rows_of(bound, range);
            T* normalizer = bound.write(step.normalizer.at) +
                            outer_shift(step.normalizer, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention<Shape>(Shape::mask::table(), from, value, out, normalizer,
                                         bound.counts, present);
            else
                kernel::attention<Shape>(from, value, out, normalizer,
                                         kept_scores<Shape>(bound, first, second, third),
                                         bound.counts, present);
            if constexpr (step.row_counts != 0) {
                const int end = plan::least_count(step.out_counts, range.end, bound.counts);
                for (int row = std::max(present.begin, present.end); row < end; ++row)
                    std::fill_n(out + row * step.out.row, step.length, T(0));
            }
        });
    }
    static void backward_at(const bindings<T>& bound, int first, int second, int third) noexcept {
        T* value_gradient = bound.gradient(step.value.at);
        if (value_gradient) value_gradient += outer_shift(step.value, first, second, third);
        with_shape(first, second, third, [&]<class Shape>(Shape) {
            const auto from = operands_of_score<Plan, At>(bound, first, second, third, true);
            const T* value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            const T* out = bound.read(step.out.at) + outer_shift(step.out, first, second, third);
            const T* normalizer =
                bound.read(step.normalizer.at) + outer_shift(step.normalizer, first, second, third);
            const T* out_gradient =
                bound.gradient(step.out.at) + outer_shift(step.out, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention_gradient<Shape>(Shape::mask::table(), from, value, out,
                                                  normalizer, out_gradient, value_gradient,
                                                  bound.counts);
            else
                kernel::attention_gradient<Shape>(from, value, out, normalizer,
                                                  kept_scores<Shape>(bound, first, second, third),
                                                  out_gradient, value_gradient, bound.counts,
                                                  rows_of(bound, kernel::all_rows<step.rows>{}));
        });
    }
};

/// The Shape of attention step `At` of a plan whose weights are prepared.
template <class Plan, int At, int Kind>
struct weights_shape {
    using whole = attention_shape<Plan, At, Kind>;
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int rows = whole::rows;
    static constexpr int columns = whole::columns;
    static constexpr int length = whole::length;
    static constexpr int value_column = whole::value_column;
    static constexpr int out_row = whole::out_row;
    static constexpr bool value_gradient = whole::value_gradient;
    static constexpr bool is_table = whole::is_table;
    static constexpr int weight_row = step.weights.row;
    static constexpr auto nodes = whole::nodes;
    static constexpr bool weight_gradient = [] {
        bool result = false;
        for (const kernel::score_node& node : nodes)
            result = result || node.x_gradient || node.y_gradient;
        return result;
    }();
    /// The space that limits a table, or everything.
    static constexpr plan::space space = [] {
        plan::space result = whole::space;
        if (is_table && result.pieces.size() == 0) result.pieces.push({});
        return result;
    }();
    static const std::uint64_t* bits(int row) noexcept { return whole::mask::bits(row); }
};

/// Calls visit(shape) with the Shape of one round of the outer loops.
template <class Plan, int At, class Visit>
void with_weights(int first, int second, int third, Visit visit) noexcept {
    with_kind<Plan, At>(first, second, third, [&](auto kind) {
        visit(weights_shape<Plan, At, decltype(kind)::value>{});
    });
}

/// Prepares the weights of an attention step. Several rounds of its outer loops may have the same.
template <class Plan, int At, class T>
class weights_runner {
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int extents[]{step.weights.outer[0] ? step.outer_extents[0] : 1,
                                   step.weights.outer[1] ? step.outer_extents[1] : 1,
                                   step.weights.outer[2] ? step.outer_extents[2] : 1};

  public:
    static void forward(const bindings<T>& bound) noexcept {
        each_outer(extents, [&](int first, int second, int third) {
            with_weights<Plan, At>(first, second, third, [&]<class Shape>(Shape) {
                kernel::attention_weights<Shape>(
                    operands_of_score<Plan, At>(bound, first, second, third, false),
                    bound.write(step.weights.at) + outer_shift(step.weights, first, second, third));
            });
        });
    }
    static void backward(const bindings<T>& bound) noexcept {
        each_outer(extents, [&](int first, int second, int third) {
            const std::ptrdiff_t shift = outer_shift(step.weights, first, second, third);
            with_weights<Plan, At>(first, second, third, [&]<class Shape>(Shape) {
                if constexpr (Shape::weight_gradient)
                    kernel::attention_weights_gradient<Shape>(
                        operands_of_score<Plan, At>(bound, first, second, third, true),
                        bound.read(step.weights.at) + shift,
                        bound.gradient(step.weights.at) + shift);
            });
        });
    }
};

/// Runs an attention step whose weights are prepared.
template <class Plan, int At, class T>
class weighted_runner {
    static constexpr attention_step step = Plan::template attention_at<At>;

  public:
    template <class Range>
    static void forward(const bindings<T>& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            forward_at(bound, first, second, third, range);
        });
    }
    template <class Range>
    static void forward_at(const bindings<T>& bound, int first, int second, int third,
                           Range range) noexcept {
        with_weights<Plan, At>(first, second, third, [&]<class Shape>(Shape) {
            kernel::weighted_sum<Shape>(
                bound.read(step.weights.at) + outer_shift(step.weights, first, second, third),
                bound.read(step.value.at) + outer_shift(step.value, first, second, third),
                bound.write(step.out.at) + outer_shift(step.out, first, second, third), range);
        });
    }
    static void backward(const bindings<T>& bound) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            const std::ptrdiff_t shift = outer_shift(step.weights, first, second, third);
            T* value_gradient = bound.gradient(step.value.at);
            if (value_gradient) value_gradient += outer_shift(step.value, first, second, third);
            with_weights<Plan, At>(first, second, third, [&]<class Shape>(Shape) {
                kernel::weighted_sum_gradient<Shape>(
                    bound.read(step.weights.at) + shift,
                    bound.read(step.value.at) + outer_shift(step.value, first, second, third),
                    bound.gradient(step.out.at) + outer_shift(step.out, first, second, third),
                    bound.gradient(step.weights.at) + shift, value_gradient);
            });
        });
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
