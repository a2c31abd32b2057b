#pragma once

#include "attention_shape.hpp"

/// Runs attention steps: gives the kernel the shape, the space and the pointers.

namespace sequent::inline SEQUENT_ABI::model_detail {

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

    template <class Chunks>
    static void chunks_backward(Chunks chunks, const T* out, const T* out_gradient,
                                T* value_gradient, int end) noexcept {
        chunks.backward_rows(out, out_gradient, end);
        chunks.backward_columns(out_gradient, step.value.at.trained ? value_gradient : nullptr,
                                end);
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
            [[maybe_unused]] T* normalizer = bound.write(step.normalizer.at) +
                                             outer_shift(step.normalizer, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention<Shape>(Shape::mask::table(), from, value, out, normalizer,
                                         bound.counts, present);
            else if constexpr (Shape::chunk > 0)
                kernel::chunked_attention<Shape, T>(from, value, bound.counts)
                    .forward(out, present.begin, present.end);
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
            [[maybe_unused]] const T* normalizer =
                bound.read(step.normalizer.at) + outer_shift(step.normalizer, first, second, third);
            const T* out_gradient =
                bound.gradient(step.out.at) + outer_shift(step.out, first, second, third);
            if constexpr (Shape::is_table)
                kernel::attention_gradient<Shape>(Shape::mask::table(), from, value, out,
                                                  normalizer, out_gradient, value_gradient,
                                                  bound.counts);
            else if constexpr (Shape::chunk > 0)
                chunks_backward(kernel::chunked_attention<Shape, T>(from, value, bound.counts), out,
                                out_gradient, value_gradient,
                                rows_of(bound, kernel::all_rows<step.rows>{}).end);
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
