#pragma once

#include "on_pool.hpp"

/// Walks the steps of a plan, forward and backward.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::step_kind;

/// What a kernel sees of a row step.
template <class Plan, int At>
struct row_step_value {
    using plan = Plan;
    static constexpr row_step value = Plan::template row_step_at<At>;
};

/// Every step over all of its rows, as opposed to a kernel::row_range.
struct whole_run {};

/// The rows of a step in this run.
template <int Rows>
constexpr kernel::all_rows<Rows> rows_in(whole_run) {
    return {};
}
template <int Rows>
constexpr kernel::row_range rows_in(kernel::row_range range) {
    return range;
}

template <class Plan, int At, class T, class Range>
void forward_step(const bindings<T>& bound, Range range) noexcept {
    constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
    constexpr int at = Plan::template step_at<At>.at;
    if constexpr (kind == step_kind::rows)
        row_runner<row_step_value<Plan, at>, T>::forward(
            bound, rows_in<Plan::template row_step_at<at>.rows>(range));
    else if constexpr (kind == step_kind::attention)
        attention_runner<Plan, at, T>::forward(
            bound, rows_in<Plan::template attention_at<at>.rows>(range));
    else
        general_runner<Plan, at, T>::forward(bound);
}

template <class Plan, int At, class T>
void forward_step(const bindings<T>& bound, run_on_pool run) noexcept {
    constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
    constexpr int at = Plan::template step_at<At>.at;
    if constexpr (kind == step_kind::rows)
        pooled_rows<row_step_value<Plan, at>, T>::forward(bound, run.pool);
    else if constexpr (kind == step_kind::attention)
        pooled_attention<Plan, at, T>::forward(bound, run.pool);
    else
        general_runner<Plan, at, T>::forward(bound);
}

template <class Plan, int At, class T>
void backward_step(const bindings<T>& bound, whole_run) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    kernel::unroll<step.births.size()>([&](auto index) {
        constexpr plan::birth born = step.births[index()];
        std::fill_n(bound.workspace + born.offset, born.size, T(0));
    });
    if constexpr (step.kind == step_kind::rows)
        row_runner<row_step_value<Plan, step.at>, T>::backward(bound);
    else if constexpr (step.kind == step_kind::attention)
        attention_runner<Plan, step.at, T>::backward(bound);
    else if constexpr (step.kind == step_kind::general)
        general_runner<Plan, step.at, T>::backward(bound);
}

template <class Plan, int At, class T>
void backward_step(const bindings<T>& bound, run_on_pool run) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    kernel::unroll<step.births.size()>([&](auto index) {
        constexpr plan::birth born = step.births[index()];
        clear_on_pool(bound.workspace + born.offset, born.size, run.pool);
    });
    if constexpr (step.kind == step_kind::rows)
        pooled_rows<row_step_value<Plan, step.at>, T>::backward(bound, run.pool);
    else if constexpr (step.kind == step_kind::attention)
        pooled_attention<Plan, step.at, T>::backward(bound, run.pool);
    else if constexpr (step.kind == step_kind::general)
        general_runner<Plan, step.at, T>::backward(bound);
}

template <class Plan, int At, int End, class T, class Range>
void forward_steps(bindings<T>& bound, Range range) noexcept {
    if constexpr (At < End) {
        constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
        if constexpr (kind == step_kind::repeat_begin) {
            constexpr plan::step begin = Plan::template step_at<At>;
            for (int& layer = bound.layer[begin.depth] = 0; layer < begin.repeat; ++layer)
                forward_steps<Plan, At + 1, begin.at>(bound, range);
            bound.layer[begin.depth] = 0;
            forward_steps<Plan, begin.at + 1, End>(bound, range);
        } else {
            forward_step<Plan, At>(bound, range);
            forward_steps<Plan, At + 1, End>(bound, range);
        }
    }
}

template <class Plan, int Begin, int At, class T, class Run>
void backward_steps(bindings<T>& bound, Run run) noexcept {
    if constexpr (At > Begin) {
        constexpr plan::step last = Plan::template step_at<At - 1>;
        if constexpr (last.kind == step_kind::repeat_end) {
            constexpr plan::step begin = Plan::template step_at<last.at>;
            backward_step<Plan, At - 1>(bound, run);
            for (int& layer = bound.layer[begin.depth] = last.repeat - 1; layer >= 0; --layer)
                backward_steps<Plan, last.at + 1, At - 1>(bound, run);
            bound.layer[begin.depth] = 0;
            backward_step<Plan, last.at>(bound, run);
            backward_steps<Plan, Begin, last.at>(bound, run);
        } else {
            backward_step<Plan, At - 1>(bound, run);
            backward_steps<Plan, Begin, At - 1>(bound, run);
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
