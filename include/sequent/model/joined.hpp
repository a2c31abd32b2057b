#pragma once

#include <algorithm>
#include <cstddef>

#include "../plan/joining.hpp"
#include "parameters.hpp"
#include "run.hpp"
#include "term_product.hpp"

/// Runs a plan for several samples at once, step by step. Products with parameters take the rows of
/// all samples, so that each weight is read from memory once; everything else is computed sample by
/// sample. The result of a sample does not depend on the samples beside it.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Parameters of more bytes than this make samples of a batch be computed together: about the size
/// of an L2 cache. 0, used by the library's own tests, joins the samples of any model. All
/// translation units of a program must have the same value.
#ifndef SEQUENT_LEAST_JOINED
#define SEQUENT_LEAST_JOINED 1'048'576
#endif

/// Number of rows after which more rows in one pass over the weights no longer pay.
inline constexpr int joined_rows_at_once = 256;

/// Several samples at once, and memory of kernel::gathered_room numbers.
template <class T>
struct joined_run {
    bindings<T>* samples;
    int count;
    T* room;
    bool single = false;  // at most one row of each

    static constexpr int most = 16;
};

/// Smallest number of weights of a step that is joined.
inline constexpr long long least_joined_numbers =
    std::min<long long>(plan::least_joined_numbers, SEQUENT_LEAST_JOINED);

/// Computes row step `At` of a plan for several samples.
template <class Plan, int At, class T>
class joined_rows {
    using code = row_code<Plan, At>;
    using runner = row_runner<typename code::step, T>;
    static constexpr row_step step = code::step::value;
    using pointers = std::remove_cvref_t<decltype(code::template bind<true>(
        std::declval<const bindings<T>&>()))>;
    using gathered = kernel::gathered_product<T>;

    /// The rows of all samples, some at a time: calls add(sample, row) for each, and product(count)
    /// for as many as there are.
    struct row_lists {
        const T* from[joined_rows_at_once];
        T* to[joined_rows_at_once];
    };
    template <int Term>
    static void run_product(const gathered& of, joined_run<T> run) noexcept {
        if constexpr (step.terms[Term].format != 0)
            multiply_rounded<step.terms[Term].format>(of);
        else
            kernel::product(of, run.room);
    }
    template <class Add, class Product>
    static void each_rows(const kernel::row_range* ranges, int count, Add add,
                          Product product) noexcept {
        int filled = 0;
        for (int sample = 0; sample < count; ++sample)
            for (int row = ranges[sample].begin; row < ranges[sample].end; ++row) {
                add(filled, sample, row);
                if (++filled < joined_rows_at_once) continue;
                product(filled);
                filled = 0;
            }
        if (filled > 0) product(filled);
    }

    /// The pointers and rows of each sample.
    template <bool Backward>
    struct bound_samples {
        const pointers* of[joined_run<T>::most];
        kernel::row_range ranges[joined_run<T>::most];
        int ends[joined_run<T>::most];  // including rows that are no atoms
        pointers made[code::by_form ? joined_run<T>::most : 1];

        template <class Range>
        bound_samples(joined_run<T> run, Range range) noexcept {
            for (int at = 0; at < run.count; ++at) {
                if constexpr (code::by_form) {
                    made[at] = code::template bind<Backward>(run.samples[at]);
                    of[at] = made + at;
                } else {
                    of[at] = run.samples + at;
                }
                const kernel::row_range rows = range(at);
                ends[at] = rows.end;
                ranges[at] = {rows.begin,
                              std::max(rows.begin, std::min(rows.end, runner::limit(*of[at])))};
            }
        }
    };

    template <int Term>
    static void multiply(const bound_samples<false>& samples, joined_run<T> run, int first,
                         int second, int third, bool accumulate) noexcept {
        constexpr row_term term = step.terms[Term];
        row_lists rows;
        for (int split = 0; split < term.splits(); ++split) {
            const T* x[joined_run<T>::most];
            T* sum[joined_run<T>::most];
            for (int at = 0; at < run.count; ++at) {
                x[at] = samples.of[at]->read(term.x.at) +
                        outer_shift(term.x, first, second, third) + term.x_of(split);
                sum[at] = runner::sum_of(*samples.of[at], first, second, third);
            }
            const T* w = samples.of[0]->read(term.w.at) +
                         outer_shift(term.w, first, second, third) + term.w_of(split);
            each_rows(
                samples.ranges, run.count,
                [&](int at, int sample, int row) {
                    rows.from[at] = x[sample] + std::ptrdiff_t{row} * term.x.row;
                    rows.to[at] = sum[sample] + std::ptrdiff_t{row} * runner::sum_row;
                },
                [&](int count) {
                    gathered of = output_product<T>(term, step.columns(), count, {rows.from}, w,
                                                    {rows.to}, accumulate || split > 0);
                    of.streams = run.single;
                    run_product<Term>(of, run);
                });
        }
    }

    template <int Term>
    static void product_gradient(const bound_samples<true>& samples, joined_run<T> run, int first,
                                 int second, int third) noexcept {
        constexpr row_term term = step.terms[Term];
        row_lists rows;
        const T* dy[joined_run<T>::most];
        for (int at = 0; at < run.count; ++at)
            dy[at] = runner::gradient_of_out(*samples.of[at], first, second, third);
        for (int split = 0; split < term.splits(); ++split) {
            const std::ptrdiff_t x_at =
                outer_shift(term.x, first, second, third) + term.x_of(split);
            const std::ptrdiff_t w_at =
                outer_shift(term.w, first, second, third) + term.w_of(split);
            if (samples.of[0]->gradient(term.x.at)) {
                T* dx[joined_run<T>::most];
                for (int at = 0; at < run.count; ++at)
                    dx[at] = samples.of[at]->gradient(term.x.at) + x_at;
                const T* w = samples.of[0]->read(term.w.at) + w_at;
                each_rows(
                    samples.ranges, run.count,
                    [&](int at, int sample, int row) {
                        rows.from[at] = dy[sample] + std::ptrdiff_t{row} * step.out.row;
                        rows.to[at] = dx[sample] + std::ptrdiff_t{row} * term.x.row;
                    },
                    [&](int count) {
                        run_product<Term>(input_product<T>(term, step.columns(), count, {rows.from},
                                                           w, {rows.to}),
                                          run);
                    });
            }
            if constexpr (term.w.at.trained) {
                const T* x[joined_run<T>::most];
                for (int at = 0; at < run.count; ++at)
                    x[at] = samples.of[at]->read(term.x.at) + x_at;
                T* dw = samples.of[0]->gradient(term.w.at) + w_at;
                const T* gradients[joined_rows_at_once];
                each_rows(
                    samples.ranges, run.count,
                    [&](int at, int sample, int row) {
                        rows.from[at] = x[sample] + std::ptrdiff_t{row} * term.x.row;
                        gradients[at] = dy[sample] + std::ptrdiff_t{row} * step.out.row;
                    },
                    [&](int count) {
                        run_product<Term>(weight_product<T>(term, step.columns(),
                                                            runner::template weight_rows<Term>(),
                                                            count, {rows.from}, {gradients}, dw),
                                          run);
                    });
            }
        }
    }

  public:
    static constexpr kernel::row_range all_rows(int) noexcept { return {0, step.rows}; }

    /// Of each sample the rows range(sample).
    template <class Range>
    static void forward(joined_run<T> run, Range range) noexcept {
        const bound_samples<false> samples(run, range);
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            bool summed = false;
            kernel::unroll<step.terms.size()>([&](auto index) {
                if constexpr (step.terms[index()].kind == term_kind::product &&
                              !row_fusion<typename code::step>::adds(index())) {
                    multiply<index()>(samples, run, first, second, third, summed);
                    summed = true;
                }
            });
            for (int at = 0; at < run.count; ++at) {
                runner::forward_summed(*samples.of[at], first, second, third, samples.ranges[at]);
                runner::clear_from(*samples.of[at], first, second, third, samples.ranges[at].end,
                                   samples.ends[at]);
            }
        });
    }

    static void backward(joined_run<T> run) noexcept {
        const bound_samples<true> samples(run, all_rows);
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            const auto each_sample = [&](auto body) {
                for (int at = 0; at < run.count; ++at) body(*samples.of[at], samples.ranges[at]);
            };
            if constexpr (step.functions.size() > 0)
                each_sample([&](const pointers& bound, kernel::row_range range) {
                    runner::undo_functions(bound, first, second, third, range);
                });
            kernel::unroll<step.terms.size()>([&](auto index) {
                constexpr int at = index();
                constexpr term_kind kind = step.terms[at].kind;
                if constexpr (kind == term_kind::product)
                    product_gradient<at>(samples, run, first, second, third);
                else
                    each_sample([&](const pointers& bound, kernel::row_range range) {
                        if constexpr (kind == term_kind::gather)
                            runner::template gather_gradient<at>(bound, first, second, third,
                                                                 range);
                        else
                            runner::template summand_gradient<at>(bound, first, second, third,
                                                                  range);
                    });
            });
        });
    }
};

/// True if step `At` computes the rows of all samples at once.
template <class Plan, int At>
constexpr bool joins_step() {
    constexpr plan::step step = Plan::template step_at<At>;
    if constexpr (step.kind == step_kind::rows)
        return plan::is_joined(Plan::template row_step_at<step.at>, least_joined_numbers);
    else
        return false;
}

template <class Plan, int At, class T>
void forward_step(const bindings<T>& bound, joined_run<T> run) noexcept {
    for (int at = 0; at < run.count; ++at)
        std::copy_n(bound.layer, plan::max_loops, run.samples[at].layer);
    using rows = joined_rows<Plan, Plan::template step_at<At>.at, T>;
    if constexpr (joins_step<Plan, At>())
        rows::forward(run, rows::all_rows);
    else
        for (int at = 0; at < run.count; ++at) forward_step<Plan, At>(run.samples[at], whole_run{});
}

template <class Plan, int At, class T>
void backward_step(const bindings<T>& bound, joined_run<T> run) noexcept {
    for (int at = 0; at < run.count; ++at)
        std::copy_n(bound.layer, plan::max_loops, run.samples[at].layer);
    if constexpr (joins_step<Plan, At>()) {
        for (int at = 0; at < run.count; ++at) clear_births<Plan, At>(run.samples[at]);
        joined_rows<Plan, Plan::template step_at<At>.at, T>::backward(run);
    } else {
        for (int at = 0; at < run.count; ++at)
            backward_step<Plan, At>(run.samples[at], whole_run{});
    }
}

template <class Plan>
inline constexpr plan::joined_steps joined_steps_of = plan::find_joined_steps(Plan::tables,
                                                                              least_joined_numbers);

/// Largest number of samples that are computed at once in memory of this type; 1 if each is
/// computed alone. Together they take no more memory than the parameters.
template <class Memory, class T>
constexpr int most_joined() {
    using plan = typename Memory::placed;
    constexpr auto joined = joined_steps_of<plan>;
    constexpr auto bytes = static_cast<long long>(sizeof(T));
    if (!joined.any() || joined.weights * bytes <= SEQUENT_LEAST_JOINED) return 1;
    constexpr long long room =
        SEQUENT_LEAST_JOINED == 0
            ? joined_run<T>::most
            : plan::tables.parameters * bytes / static_cast<long long>(sizeof(Memory));
    const int wanted = joined.counts != 0 ? joined_run<T>::most : joined_rows_at_once / joined.rows;
    return static_cast<int>(
        std::clamp<long long>(std::min<long long>(room, wanted), 1, joined_run<T>::most));
}

/// Entry points to the code that computes several samples at once; empty if each is computed alone.
template <class Plan, class T, bool Joins>
struct joined_forward {
    static void run(joined_run<T> samples) noexcept;
};
template <class Plan, class T, bool Joins>
struct joined_backward {
    static void run(joined_run<T> samples) noexcept;
};
template <class Plan, class T, bool Joins>
void joined_forward<Plan, T, Joins>::run(joined_run<T> samples) noexcept {
    if constexpr (Joins) {
        bindings<T> lead = samples.samples[0];
        forward_steps<Plan, 0, Plan::tables.steps.size()>(lead, samples);
    }
}
template <class Plan, class T, bool Joins>
void joined_backward<Plan, T, Joins>::run(joined_run<T> samples) noexcept {
    if constexpr (Joins) {
        bindings<T> lead = samples.samples[0];
        backward_steps<Plan, 0, Plan::tables.steps.size()>(lead, samples);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
