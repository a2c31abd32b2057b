#pragma once

#include <array>
#include <span>

#include "given.hpp"
#include "joined.hpp"
#include "output_layout.hpp"
#include "row_facts.hpp"
#include "state.hpp"

/// Computes sequences row by row: a single one, or several at once.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The current row of several sequences.
template <class T>
struct joined_positions {
    joined_run<T> run;
    const int* positions;
};

/// True if step `At` computes the current rows of all sequences at once.
template <class Plan, int At>
constexpr bool joins_sequences() {
    constexpr plan::step step = Plan::template step_at<At>;
    if constexpr (step.kind == step_kind::rows)
        return plan::joins_sequences(Plan::template row_step_at<step.at>,
                                     Plan::template lead_of<At>, least_joined_numbers);
    else
        return false;
}

template <class Plan, int At, bool First, class T>
void forward_sequence_step(const bindings<T>& bound, joined_positions<T> rows) noexcept {
    const joined_run<T> run = rows.run;
    for (int at = 0; at < run.count; ++at)
        std::copy_n(bound.layer, plan::max_loops, run.samples[at].layer);
    constexpr plan::step step = Plan::template step_at<At>;
    if constexpr (joins_sequences<Plan, At>())
        joined_rows<Plan, step.at, T>::forward(run, [&](int at) {
            const auto range =
                rows_led<Plan::template lead_of<At>, Plan::template row_step_at<step.at>.rows,
                         Plan::form.rows>(kernel::one_row{rows.positions[at]});
            return kernel::row_range{range.begin, range.end};
        });
    else
        for (int at = 0; at < run.count; ++at)
            forward_sequence_step<Plan, At, First>(run.samples[at],
                                                   kernel::one_row{rows.positions[at]});
}

/// True if the plan contains a recursion.
template <class Plan>
inline constexpr bool recurs = plan::recurs(Plan::tables);

/// Entry point of the code that computes a row of several sequences. Empty if each sequence is
/// computed alone.
template <class Plan, class T>
struct joined_sequences {
    static void run(joined_positions<T> rows) noexcept;
};
template <class Plan, class T>
void joined_sequences<Plan, T>::run([[maybe_unused]] joined_positions<T> rows) noexcept {
    if constexpr (!recurs<Plan>) {
        bindings<T> lead = rows.run.samples[0];
        sequence_steps<Plan, 0, Plan::tables.steps.size(), false>(lead, rows);
    }
}

/// The calls of a model on sequences; see model::step, prefill and step_batch.
template <class Plan>
struct sequences {
    static constexpr int outputs = output_layout<Plan>::count;
    template <class T, class Cache>
    using state = state_block<Plan, T, Cache>;
    template <class T>
    using rows = row_facts<Plan, T, given_facts<Plan, T>>;

    /// See model::step.
    template <class P, class T, class Cache>
    static auto step(const P& p, const rows<T>& given, state<T, Cache>& s) {
        using state = state<T, Cache>;
        check_step(given, s);
        const kernel::one_row row{s.position()};
        if constexpr (state::computes_once && !state::needs_rest)
            if (s.position() == 0) {
                run_rows<true>(p, given, s, 0, row);
                return last_row(s);
            }
        run_rows<false>(p, given, s, 0, row);
        return last_row(s);
    }

    /// See model::prefill. Calls visit(k, y) for each row.
    template <class P, class T, class Cache, class Visit>
    static void prefill(const P& p, const rows<T>& given, state<T, Cache>& s, Visit&& visit) {
        using state = state<T, Cache>;
        check_position(s, given.size());
        bool starts = s.position() == 0;
        if constexpr (state::needs_rest) {
            starts = given.check_rest(s.has_rest());
            if (starts) s.take_rest(given.rest().pointers, given.rest().counts);
        }
        for (int from = 0; from < given.size();) {
            const int count = std::min(state::block, given.size() - from);
            const kernel::row_range range{s.position(), s.position() + count};
            if (state::computes_once && starts && from == 0)
                run_rows<state::computes_once>(p, given, s, from, range);
            else
                run_rows<false>(p, given, s, from, range);
            for (int at = 0; at < count; ++at) visit(from + at, row_of(s, range.begin + at));
            from += count;
        }
    }
    template <class P, class T, class Cache>
    static auto prefill(const P& p, const rows<T>& given, state<T, Cache>& s) {
        prefill(p, given, s, [](int, const auto&) {});
        return last_row(s);
    }

    /// See model::step_batch.
    template <class P, class T, class Cache, class Visit>
    static void step_batch(const P& p, std::span<const rows<T>> given,
                           std::span<state<T, Cache>* const> states, Visit& visit) {
        using state = state<T, Cache>;
        if (given.size() != states.size())
            fail_with<argument_error>({"sequent: step_batch is given ", given.size(), " rows for ",
                                       states.size(), " states"});
        for (std::size_t at = 0; at < states.size(); ++at) {
            check_step(given[at], *states[at]);
            for (std::size_t other = 0; other < at; ++other)
                if (states[at] == states[other])
                    fail_with<argument_error>({"sequent: step_batch is given one state twice, as ",
                                               "number ", other, " and ", at});
        }
        using placed = typename placed_for<P, typename state_plan_for<Plan, T, Cache>::type>::type;
        const auto step_alone = [&](std::size_t at) {
            if constexpr (state::computes_once && !state::needs_rest)
                if (states[at]->position() == 0) return true;
            return recurs<placed>;
        };
        constexpr auto most = static_cast<std::size_t>(joined_run<T>::most);
        alignas(64)
            T room[static_cast<std::size_t>(kernel::gathered_room<T, joined_run<T>::most>)]{};
        bindings<T> bound[most];
        int positions[most];
        for (std::size_t first = 0; first < states.size(); first += most) {
            const std::size_t end = std::min(first + most, states.size());
            int count = 0;
            for (std::size_t at = first; at < end; ++at) {
                if (step_alone(at)) {
                    (void)step(p, given[at], *states[at]);
                    continue;
                }
                positions[count] = states[at]->position();
                const rows<T>& row = given[at];
                bound[count++] = states[at]->template enter<false>(
                    p, [&](int fact) { return row.row(fact, 0); },
                    [&](int fact) { return row.rest().pointers[fact]; },
                    [&](int fact) { return row.rest().pairs(fact); },
                    kernel::one_row{states[at]->position()});
            }
            if (count > 0)
                joined_sequences<placed, T>::run({{bound, count, room, true}, positions});
            for (std::size_t at = first; at < end; ++at)
                visit(static_cast<int>(at), last_row(*states[at]));
        }
    }

  private:
    /// Throws argument_error unless the state can take this row.
    template <class T, class State>
    static void check_step(const rows<T>& given, const State& s) {
        given.check_single();
        check_position(s, 1);
        if constexpr (State::needs_rest)
            if (!s.has_rest() || given.has_rest())
                fail<argument_error>(
                    "sequent: facts besides the sequence are given to prefill, with the first "
                    "rows");
    }

    /// Throws argument_error unless `rows` more positions exist.
    template <class State>
    static void check_position(const State& s, int rows) {
        constexpr int length = State::length;
        if (s.position() + rows > length)
            fail_with<argument_error>({"sequent: position ", s.position() + rows - 1,
                                       " is beyond the ", length, " positions of the model"});
    }

    template <bool First, class P, class T, class State, class Range>
    static void run_rows(const P& p, const rows<T>& given, State& s, int from,
                         Range range) noexcept {
        s.template run<First>(
            p, [&](int fact) { return given.row(fact, from); },
            [&](int fact) { return given.rest().pointers[fact]; },
            [&](int fact) { return given.rest().pairs(fact); }, range);
    }

    template <class T, class Cache>
    static auto last_row(const state<T, Cache>& s) noexcept {
        return row_of(s, s.position() - 1);
    }
    /// A row of the outputs, one of those that were computed last.
    template <class T, class Cache>
    static auto row_of(const state<T, Cache>& s, int row) noexcept {
        if constexpr (outputs == 1) {
            return s.template output<0>(row);
        } else {
            std::array<tensor_view<const T>, static_cast<std::size_t>(outputs)> result;
            kernel::unroll<outputs>([&](auto index) {
                constexpr int at = decltype(index)::value;
                result[static_cast<std::size_t>(at)] = s.template output<at>(row);
            });
            return result;
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
