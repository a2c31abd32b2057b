#pragma once

#include <cstring>

#include "on_pool.hpp"

/// Runs the steps of a plan, forward and backward.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::step_kind;

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

/// Runs row step `At` over some rows.
template <class Plan, int At, class T, class Range>
SEQUENT_INLINE void forward_rows(const bindings<T>& bound, Range range) noexcept {
    using code = row_code<Plan, At>;
    using runner = row_runner<typename code::step, T>;
    if constexpr (code::by_form)
        runner::forward_apart(code::template bind<false>(bound), range);
    else
        runner::forward(code::template bind<false>(bound), range);
}

template <class Plan, int At, class T>
SEQUENT_INLINE void backward_rows(const bindings<T>& bound) noexcept {
    using code = row_code<Plan, At>;
    using runner = row_runner<typename code::step, T>;
    if constexpr (code::by_form)
        runner::backward_apart(code::template bind<true>(bound));
    else
        runner::backward(code::template bind<true>(bound));
}

/// The class that runs an attention step.
template <class Plan, int At, class T>
using runner_of_attention =
    std::conditional_t<Plan::template attention_at<At>.is_prepared(), weighted_runner<Plan, At, T>,
                       attention_runner<Plan, At, T>>;
template <class Plan, int At, class T>
using on_pool_of_attention =
    std::conditional_t<Plan::template attention_at<At>.is_prepared(), pooled_weighted<Plan, At, T>,
                       pooled_attention<Plan, At, T>>;

template <class Plan, int At, class T, class Range>
void forward_step(const bindings<T>& bound, Range range) noexcept {
    constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
    constexpr int at = Plan::template step_at<At>.at;
    if constexpr (kind == step_kind::rows)
        forward_rows<Plan, at>(bound, rows_in<Plan::template row_step_at<at>.rows>(range));
    else if constexpr (kind == step_kind::attention)
        runner_of_attention<Plan, at, T>::forward(
            bound, rows_in<Plan::template attention_at<at>.rows>(range));
    else if constexpr (kind == step_kind::weights)
        weights_runner<Plan, at, T>::forward(bound);
    else
        general_runner<Plan, at, T>::forward(bound);
}

template <class Plan, int At, class T>
void forward_step(const bindings<T>& bound, run_on_pool run) noexcept {
    constexpr plan::step_kind kind = Plan::template step_at<At>.kind;
    constexpr int at = Plan::template step_at<At>.at;
    if constexpr (kind == step_kind::rows)
        pooled_rows<typename row_code<Plan, at>::step, T>::forward(
            row_code<Plan, at>::template bind<false>(bound), run.pool);
    else if constexpr (kind == step_kind::attention)
        on_pool_of_attention<Plan, at, T>::forward(bound, run.pool);
    else if constexpr (kind == step_kind::weights)
        weights_runner<Plan, at, T>::forward(bound);
    else
        general_runner<Plan, at, T>::forward(bound);
}

/// Calls visit(offset, size) for the parts of a gradient that are cleared.
template <class Visit>
SEQUENT_INLINE void each_part_of(const plan::birth& born, const int* counts, Visit visit) noexcept {
    for (int part = 0; part < born.parts; ++part)
        visit(born.offset + part * born.size, born.cleared(counts));
}

/// Clears the gradients that are first written in the backward pass of step `At`.
template <class Plan, int At, class T>
SEQUENT_INLINE void clear_births(const bindings<T>& bound) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    kernel::unroll<step.births.size()>([&](auto index) {
        constexpr plan::birth born = step.births[index()];
        each_part_of(born, bound.counts, [&](int offset, int size) {
            std::fill_n(bound.workspace + offset, size, T(0));
        });
    });
}

template <class Plan, int At, class T>
void backward_step(const bindings<T>& bound, whole_run) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    clear_births<Plan, At>(bound);
    if constexpr (step.kind == step_kind::rows)
        backward_rows<Plan, step.at>(bound);
    else if constexpr (step.kind == step_kind::attention)
        runner_of_attention<Plan, step.at, T>::backward(bound);
    else if constexpr (step.kind == step_kind::weights)
        weights_runner<Plan, step.at, T>::backward(bound);
    else if constexpr (step.kind == step_kind::general)
        general_runner<Plan, step.at, T>::backward(bound);
}

template <class Plan, int At, class T>
void backward_step(const bindings<T>& bound, run_on_pool run) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    kernel::unroll<step.births.size()>([&](auto index) {
        constexpr plan::birth born = step.births[index()];
        each_part_of(born, bound.counts, [&](int offset, int size) {
            clear_on_pool(bound.workspace + offset, size, run.pool);
        });
    });
    if constexpr (step.kind == step_kind::rows)
        pooled_rows<typename row_code<Plan, step.at>::step, T>::backward(
            row_code<Plan, step.at>::template bind<true>(bound), run.pool);
    else if constexpr (step.kind == step_kind::attention)
        on_pool_of_attention<Plan, step.at, T>::backward(bound, run.pool);
    else if constexpr (step.kind == step_kind::weights)
        weights_runner<Plan, step.at, T>::backward(bound);
    else if constexpr (step.kind == step_kind::general)
        general_runner<Plan, step.at, T>::backward(bound);
}

/// True if a step within a recursion is run in this round.
template <class Plan, int At, class T>
SEQUENT_INLINE bool is_run(const bindings<T>& bound) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    if constexpr (step.last == plan::never && !step.end.any())
        return true;
    else
        return step.is_run_in(bound.layer[step.depth - 1], bound.counts);
}

/// True if some of the steps [At, End) are prepared.
template <class Plan, int At, int End>
inline constexpr bool has_prepared = [] {
    for (int at = At; at < End; ++at)
        if (Plan::tables.steps[at].prepared) return true;
    return false;
}();

/// True if the round of fixpoint `At` in which the call is gives what it was given.
template <class Plan, int At, class T>
SEQUENT_INLINE bool is_settled(const bindings<T>& bound) noexcept {
    constexpr plan::carried_value of = Plan::template carried_at<At>;
    int size = of.size;
    if constexpr (of.pairs >= 0)
        size = pairs_of<Plan, of.pairs>(bound).memory[pair_layout::count()] * of.row;
    else if constexpr (of.counts != 0)
        size = plan::least_count(of.counts, of.size / of.row, bound.counts) * of.row;
    return std::memcmp(bound.read(of.in), bound.read(of.out),
                       static_cast<std::size_t>(size) * sizeof(T)) == 0;
}
/// Copies what this round of fixpoint `At` gives to where the last of `rounds` rounds gives it.
template <class Plan, int At, class T>
void carry_on(bindings<T>& bound, int depth, int rounds) noexcept {
    constexpr plan::carried_value of = Plan::template carried_at<At>;
    const T* from = bound.read(of.out);
    bound.layer[depth] = rounds - 1;
    T* to = bound.write(of.out);
    if (to != from) std::copy_n(from, of.size, to);
}
/// The number of rounds that fixpoint `At` ran, from the values of a training workspace. The call
/// is in the last of them then.
template <class Plan, int At, class T>
int rounds_run(bindings<T>& bound, int depth, int rounds) noexcept {
    for (int& round = bound.layer[depth] = 0; round + 1 < rounds; ++round)
        if (is_settled<Plan, At>(bound)) return round + 1;
    return rounds;
}
/// Adds the gradient of the result of fixpoint `At` to that of the last round that it ran. Returns
/// the number of these rounds.
template <class Plan, int At, class T>
int carry_back(bindings<T>& bound, int depth, int rounds) noexcept {
    constexpr plan::carried_value of = Plan::template carried_at<At>;
    bound.layer[depth] = rounds - 1;
    const T* given = bound.gradient(of.out);
    const int run = rounds_run<Plan, At>(bound, depth, rounds);
    T* to = bound.gradient(of.out);
    if (run < rounds)
        for (int at = 0; at < of.size; ++at) to[at] += given[at];
    return run;
}

/// Runs steps [At, End). Prepares: only those that depend on parameters alone; else all others.
template <class Plan, int At, int End, bool Prepares = false, class T, class Range>
void forward_steps(bindings<T>& bound, Range range) noexcept {
    if constexpr (At < End) {
        constexpr plan::step step = Plan::template step_at<At>;
        if constexpr (step.kind == step_kind::repeat_begin) {
            if constexpr (!Prepares || has_prepared<Plan, At, step.at>) {
                const int rounds = step.rounds(bound.counts);
                for (int round = 0; round < rounds; ++round) {
                    bound.layer[step.depth] = step.backward ? rounds - 1 - round : round;
                    forward_steps<Plan, At + 1, step.at, Prepares>(bound, range);
                    if constexpr (step.carried >= 0 && !Prepares)
                        if (round + 1 < rounds && is_settled<Plan, step.carried>(bound)) {
                            carry_on<Plan, step.carried>(bound, step.depth, rounds);
                            break;
                        }
                }
                bound.layer[step.depth] = 0;
            }
            forward_steps<Plan, step.at + 1, End, Prepares>(bound, range);
        } else {
            if constexpr (step.prepared == Prepares && !step.idle)
                if (is_run<Plan, At>(bound)) forward_step<Plan, At>(bound, range);
            forward_steps<Plan, At + 1, End, Prepares>(bound, range);
        }
    }
}

template <class Plan, int Begin, int At, bool Prepares = false, class T, class Run>
void backward_steps(bindings<T>& bound, Run run) noexcept {
    if constexpr (At > Begin) {
        constexpr plan::step last = Plan::template step_at<At - 1>;
        if constexpr (last.kind == step_kind::repeat_end) {
            constexpr plan::step begin = Plan::template step_at<last.at>;
            if constexpr (!Prepares || has_prepared<Plan, last.at, At>) {
                if constexpr (!Prepares) backward_step<Plan, At - 1>(bound, run);
                int rounds = begin.rounds(bound.counts);
                if constexpr (begin.carried >= 0 && !Prepares)
                    rounds = carry_back<Plan, begin.carried>(bound, begin.depth, rounds);
                for (int round = rounds; round-- > 0;) {
                    bound.layer[begin.depth] = begin.backward ? rounds - 1 - round : round;
                    backward_steps<Plan, last.at + 1, At - 1, Prepares>(bound, run);
                }
                bound.layer[begin.depth] = 0;
                if constexpr (!Prepares) backward_step<Plan, last.at>(bound, run);
            }
            backward_steps<Plan, Begin, last.at, Prepares>(bound, run);
        } else {
            if constexpr (last.prepared == Prepares && !last.idle)
                if (is_run<Plan, At - 1>(bound)) backward_step<Plan, At - 1>(bound, run);
            backward_steps<Plan, Begin, At - 1, Prepares>(bound, run);
        }
    }
}

/// Runs the steps that depend on parameters alone.
struct prepare_run {};

/// Entry points to the code of a plan; `Run` is whole_run, run_on_pool or prepare_run. They are not
/// inline, so that SEQUENT_EXTERN_MODEL can suppress their instantiation.
template <class Plan, class T, class Run>
struct compiled_forward {
    static void run(bindings<T>& bound, Run how) noexcept;
};
template <class Plan, class T, class Run>
struct compiled_backward {
    static void run(bindings<T>& bound, Run how) noexcept;
};
template <class Plan, class T, class Run>
void compiled_forward<Plan, T, Run>::run(bindings<T>& bound, Run how) noexcept {
    constexpr int count = Plan::tables.steps.size();
    if constexpr (std::is_same_v<Run, prepare_run>)
        forward_steps<Plan, 0, count, true>(bound, whole_run{});
    else
        forward_steps<Plan, 0, count>(bound, how);
}
template <class Plan, class T, class Run>
void compiled_backward<Plan, T, Run>::run(bindings<T>& bound, Run how) noexcept {
    constexpr int count = Plan::tables.steps.size();
    if constexpr (std::is_same_v<Run, prepare_run>)
        backward_steps<Plan, 0, count, true>(bound, whole_run{});
    else
        backward_steps<Plan, 0, count>(bound, how);
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
