#pragma once

#include "ground_rule.hpp"

/// Runs any rule by its definition: loops over every assignment of its variables. It computes what
/// no other step can, with vectors along the values.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan, int At, class T>
class general_runner : ground_rule<Plan, At, T> {
    using ground = ground_rule<Plan, At, T>;
    using ground::admitted, ground::evaluate, ground::result, ground::shift, ground::undo;
    using ground::bound_, ground::index_, ground::pair_, ground::rows_;
    using ground::length, ground::room, ground::step;
    using typename ground::own_value;

    explicit general_runner(const bindings<T>& bound) noexcept : ground(bound) {}

    /// Calls body() for each admitted assignment of the variables order[heads ..].
    template <class Body>
    void each_ground(Body& body) noexcept {
        auto if_admitted = [&] {
            if (admitted()) body();
        };
        ground::template each<step.heads, step.variables>(if_admitted);
    }

    std::ptrdiff_t out_place() const noexcept {
        if constexpr (step.out_join < 0)
            return shift(step.out_strides);
        else
            return shift(step.out_strides) +
                   static_cast<std::ptrdiff_t>(pair_[step.out_join]) * step.out_pair_stride;
    }
    T* out() const noexcept { return bound_.write(step.out) + out_place(); }
    const T* out_value() const noexcept { return bound_.read(step.out) + out_place(); }
    T* out_gradient() const noexcept { return bound_.gradient(step.out) + out_place(); }

    /// The position of this ground rule's value in a concatenation.
    int slot() const noexcept {
        int at = 0;
        for (int place = step.heads; place < step.variables; ++place)
            at = at * step.extents[step.order[place]] + index_[step.order[place]];
        return at * length;
    }

    static constexpr bool picks =
        step.aggregated == aggregation::max || step.aggregated == aggregation::min;
    static constexpr bool normalises = step.aggregated == aggregation::softmax;
    static constexpr bool chooses = step.choice >= 0;
    /// The aggregation as a fold, if it is one.
    static constexpr bool folds = step.aggregated < aggregation::count;
    static constexpr kernel::fold folded =
        folds ? static_cast<kernel::fold>(step.aggregated) : kernel::fold::sum;
    static constexpr kernel::fold_reads reads = kernel::reads_of(folded);
    static constexpr T exponent = static_cast<T>(step.aggregated_number);

    /// True if there are atoms that no loop visits; they are cleared first.
    static constexpr bool skips = step.joins.size() > 0 ||
                                  (step.listed.decision >= 0 &&
                                   place_in_order(step, step.listed.left) < step.heads &&
                                   place_in_order(step, step.listed.right) < step.heads);

    /// True if a row continues the row before and adds one value.
    static constexpr bool runs = ground::nearby.runs;
    /// True for the rows of a whole run: a mean is a sum until all rows have been added.
    static constexpr bool runs_whole = runs && !ground::in_state;
    static constexpr bool divides = step.aggregated == aggregation::mean;

    int row() const noexcept { return index_[ground::position]; }
    static int end_of_rows(const bindings<T>& bound) noexcept {
        return plan::least_count(step.counts[ground::position], step.extents[ground::position],
                                 bound.counts);
    }
    bool is_row() const noexcept { return row() < step.end_of_running_rows(bound_.counts); }
    int values_of(int row) const noexcept { return step.values_of_running_row(row, bound_.counts); }

    /// Writes the initial value of a row and returns the number of values in it.
    int begin_row(T* to) noexcept {
        if constexpr (runs) {
            if (row() > 0) {
                const int before = runs_whole ? values_of(row() - 1)
                                              : std::clamp(row() + ground::nearby.ahead, 0,
                                                           step.extents[ground::nearby.variable]);
                const T* last = to - step.out_strides[ground::position];
                const T scale = divides && !runs_whole ? static_cast<T>(before) : T(1);
                for (int at = 0; at < step.out_size; ++at) to[at] = last[at] * scale;
                return step.aggregated == aggregation::count ? 0 : before;
            }
        }
        std::fill_n(to, step.out_size, T(0));
        return 0;
    }

    void forward_head() noexcept {
        if constexpr (normalises) {
            forward_softmax();
        } else {
            T* to = out();
            if constexpr (runs_whole)
                if (!is_row()) {
                    std::fill_n(to, step.out_size, T(0));
                    return;
                }
            int count = begin_row(to);
            alignas(64) own_value own_state;
            [[maybe_unused]] T* const state = ground::template temporary<4>(own_state);
            if constexpr (folds) std::fill_n(state, length, T(0));
            auto body = [&] {
                if constexpr (step.aggregated != aggregation::count) evaluate();
                const T* x = result();
                if constexpr (step.aggregated == aggregation::concat) {
                    std::copy_n(x, length, to + slot());
                } else if constexpr (folds) {
                    for (int at = 0; at < length; ++at)
                        kernel::add_value<folded>(to[at], state[at], x[at], count, exponent);
                }
                ++count;
            };
            each_ground(body);
            if constexpr (step.aggregated == aggregation::count) to[0] += static_cast<T>(count);
            if constexpr (folds && !(divides && runs_whole))
                if (count > 0)
                    for (int at = 0; at < length; ++at)
                        to[at] = kernel::result_of<folded>(to[at], state[at], static_cast<T>(count),
                                                           exponent);
        }
    }

    static void divide(T* to, int count) noexcept {
        if (count > 0)
            for (int at = 0; at < length; ++at) to[at] /= static_cast<T>(count);
    }

    /// Passes the gradients of this row on to the row before, except for the value that this row
    /// adds. Called after the gradients of all later rows.
    void backward_row() noexcept {
        if (!is_row()) return;
        alignas(64) own_value own_gradient;
        T* const gradient = ground::template temporary<3>(own_gradient);
        std::copy_n(out_gradient(), length, gradient);
        if (row() > 0 && values_of(row() - 1) > 0) {
            constexpr std::ptrdiff_t stride = step.out_strides[ground::position];
            T* const last = out_gradient() - stride;
            for (int at = 0; at < length; ++at) {
                // The first that attains it takes all.
                const bool kept = !picks || out_value()[at] == out_value()[at - stride];
                if (!kept) continue;
                last[at] += gradient[at];
                if constexpr (picks) gradient[at] = 0;
            }
        }
        auto body = [&] {
            evaluate();
            undo(gradient);
        };
        each_ground(body);
    }

    /// Three passes over one group: the maximum, the exponentials and their sum, the quotients.
    void forward_softmax() noexcept {
        alignas(64) own_value own_most;
        T* const most = ground::template temporary<3>(own_most);
        alignas(64) own_value own_sum;
        T* const sum = ground::template temporary<4>(own_sum);
        std::fill_n(most, length, -std::numeric_limits<T>::infinity());
        std::fill_n(sum, length, T(0));
        if constexpr (!skips) clear_group(step.heads);
        auto first = [&] {
            evaluate();
            T* to = out();
            for (int at = 0; at < length; ++at) {
                to[at] = result()[at];
                most[at] = std::max(most[at], to[at]);
            }
        };
        each_ground(first);
        // If all scores are -infinity, no atom of the group holds: all are zero.
        for (int at = 0; at < length; ++at)
            if (most[at] == -std::numeric_limits<T>::infinity()) most[at] = 0;
        auto second = [&] {
            T* to = out();
            for (int at = 0; at < length; ++at) {
                to[at] = kernel::exp(to[at] - most[at]);
                sum[at] += to[at];
            }
        };
        each_ground(second);
        for (int at = 0; at < length; ++at)
            if (sum[at] == T(0)) sum[at] = 1;
        auto third = [&] {
            T* to = out();
            for (int at = 0; at < length; ++at) to[at] /= sum[at];
        };
        each_ground(third);
    }

    // top_k: the pairs of the greatest values, the index of these pairs, and then their values.

    /// Room for the greatest values of one group.
    static constexpr int most_chosen =
        chooses ? static_cast<int>(std::min<double>(step.aggregated_number,
                                                    step.extents[step.order[step.heads]]))
                : 1;

    /// Adds the pairs of one group to the index, in the order of their variable.
    void choose(std::int32_t* index) noexcept {
        constexpr pair_layout layout = pair_layout_of<Plan, step.choice>();
        constexpr int over = step.order[step.heads];
        T values[most_chosen];
        int places[most_chosen];
        int found = 0;
        auto body = [&] {
            evaluate();
            const T x = result()[0];
            int at = found;
            while (at > 0 && beats<true>(x, values[at - 1])) --at;
            if (at == most_chosen) return;
            found = std::min(found + 1, most_chosen);
            for (int later = found - 1; later > at; --later) {
                values[later] = values[later - 1];
                places[later] = places[later - 1];
            }
            values[at] = x;
            places[at] = index_[over];
        };
        each_ground(body);
        for (int at = 0; at < found; ++at) {
            const int pair = index[pair_layout::count()]++;
            index_[over] = places[at];
            index[pair_layout::row_of_pair() + pair] = index_[step.choice_variables[0]];
            index[layout.column_of_pair() + pair] = index_[step.choice_variables[1]];
        }
    }
    /// Calls body(pair) for the chosen pairs of one group.
    template <class Body>
    void each_chosen(Body body) noexcept {
        auto if_chosen = [&] {
            const int pair = pairs_of<Plan, step.choice>(bound_).find(
                index_[step.choice_variables[0]], index_[step.choice_variables[1]]);
            if (pair >= 0) body(pair);
        };
        each_ground(if_chosen);
    }
    void forward_choices() noexcept {
        constexpr pair_layout layout = pair_layout_of<Plan, step.choice>();
        std::int32_t* index = bound_.read_index(step.chosen);
        index[pair_layout::count()] = 0;
        auto first = [&] { choose(index); };
        ground::template each<0, step.heads>(first);
        index_pairs(layout, index[pair_layout::count()], index, true);
        T* const to = bound_.write(step.out);
        std::fill_n(to, step.out_pair_stride * layout.capacity, T(0));
        auto second = [&] {
            each_chosen([&](int pair) {
                evaluate();
                to[pair * step.out_pair_stride] = result()[0];
            });
        };
        ground::template each<0, step.heads>(second);
    }
    void backward_choices() noexcept {
        alignas(64) own_value own_gradient;
        T* const gradient = ground::template temporary<3>(own_gradient);
        const T* from = bound_.gradient(step.out);
        auto body = [&] {
            each_chosen([&](int pair) {
                evaluate();
                gradient[0] = from[pair * step.out_pair_stride];
                undo(gradient);
            });
        };
        ground::template each<0, step.heads>(body);
    }

    /// Clears all atoms of a softmax group: those without a ground rule stay zero.
    void clear_group(int from) noexcept {
        if (from == step.variables) {
            std::fill_n(out(), length, T(0));
            return;
        }
        const int variable = step.order[from];
        for (index_[variable] = 0; index_[variable] < step.extents[variable]; ++index_[variable])
            clear_group(from + 1);
    }

    void backward_head() noexcept {
        alignas(64) own_value own_gradient;
        T* const gradient = ground::template temporary<3>(own_gradient);
        if constexpr (normalises) {
            alignas(64) own_value own_inner;
            T* const inner = ground::template temporary<4>(own_inner);
            std::fill_n(inner, length, T(0));
            auto first = [&] {
                for (int at = 0; at < length; ++at)
                    inner[at] += out_value()[at] * out_gradient()[at];
            };
            each_ground(first);
            auto second = [&] {
                evaluate();
                for (int at = 0; at < length; ++at)
                    gradient[at] = out_value()[at] * (out_gradient()[at] - inner[at]);
                undo(gradient);
            };
            each_ground(second);
        } else if constexpr (step.aggregated != aggregation::count) {
            const T* from = out_gradient();
            const T* to = out_value();
            alignas(64) own_value own_state;
            T* const b = ground::template temporary<4>(own_state);
            std::fill_n(b, length, T(0));
            alignas(64) own_value own_second;
            T* const a = [&] {
                if constexpr (reads == kernel::fold_reads::state)
                    return ground::template temporary<5>(own_second);
                else
                    return b;  // not read
            }();
            int count = 0;
            if constexpr (folds && reads != kernel::fold_reads::nothing) {
                constexpr bool adds = reads == kernel::fold_reads::state;
                if constexpr (adds) std::fill_n(a, length, T(0));
                auto first = [&] {
                    if constexpr (adds) {
                        evaluate();
                        for (int at = 0; at < length; ++at)
                            kernel::add_value<folded>(a[at], b[at], result()[at], count, exponent);
                    }
                    ++count;
                };
                each_ground(first);
            }
            const T number = static_cast<T>(count);
            int k = 0;
            auto body = [&] {
                evaluate();
                const int shifted = step.aggregated == aggregation::concat ? slot() : 0;
                for (int at = 0; at < length; ++at) {
                    gradient[at] = from[shifted + at];
                    if constexpr (folds)
                        gradient[at] *= kernel::slope_of<folded>(result()[at], to[at], a[at], b[at],
                                                                 k, number, exponent);
                }
                ++k;
                undo(gradient);
            };
            each_ground(body);
        }
    }

    /// True if something that the rule reads has a gradient; facts often have none.
    static bool has_gradients(const bindings<T>& bound) noexcept {
        bool any = false;
        const auto see = [&](const plan::operand& at) {
            if (at.where != plan::place::none) any = any || bound.gradient(at) != nullptr;
        };
        for (const general_literal& item : step.literals) {
            if (!item.symbols && item.kind != literal_kind::number &&
                item.kind != literal_kind::index)
                see(item.at);
            see(item.weight);
        }
        for (const general_function& function : step.functions)
            for (const plan::operand& weight : function.weights) see(weight);
        return any;
    }

    /// Number of elements from the first on that may be read.
    static int cleared(const bindings<T>& bound) noexcept {
        if constexpr (step.out_counts == 0)
            return step.out_total;
        else
            return step.out_row *
                   plan::least_count(step.out_counts, step.out_total / step.out_row, bound.counts);
    }

  public:
    static void forward(const bindings<T>& bound) noexcept {
        general_runner runner(bound);
        if constexpr (chooses) {
            runner.forward_choices();
            return;
        }
        if constexpr (skips) std::fill_n(bound.write(step.out), cleared(bound), T(0));
        if constexpr (runs_whole) runner.rows_ = {0, end_of_rows(bound)};
        auto body = [&] { runner.forward_head(); };
        runner.template each<0, step.heads>(body);
        if constexpr (runs_whole && divides) {
            auto last = [&] { divide(runner.out(), runner.values_of(runner.row())); };
            runner.template each<0, step.heads>(last);
        }
    }
    /// Computes some rows of a sequence.
    static void forward(const bindings<T>& bound, kernel::row_range rows) noexcept {
        general_runner runner(bound);
        runner.rows_ = rows;
        if constexpr (skips) {
            constexpr std::ptrdiff_t row = step.out_strides[ground::ranged];
            if (rows.begin < rows.end)
                std::fill_n(bound.write(step.out) + rows.begin * row, (rows.end - rows.begin) * row,
                            T(0));
        }
        auto body = [&] { runner.forward_head(); };
        runner.template each<0, step.heads>(body);
    }
    static void backward(const bindings<T>& bound) noexcept {
        if (!has_gradients(bound)) return;
        general_runner runner(bound);
        if constexpr (chooses) {
            runner.backward_choices();
        } else if constexpr (runs_whole) {
            if constexpr (step.aggregated == aggregation::count) return;
            runner.rows_ = {0, end_of_rows(bound)};
            if constexpr (divides) {
                auto first = [&] { divide(runner.out_gradient(), runner.values_of(runner.row())); };
                runner.template each<0, step.heads>(first);
            }
            auto body = [&] { runner.backward_row(); };
            for (int row = end_of_rows(bound); row-- > 0;) {
                runner.rows_ = {row, row + 1};
                runner.template each<0, step.heads>(body);
            }
        } else {
            auto body = [&] { runner.backward_head(); };
            runner.template each<0, step.heads>(body);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
