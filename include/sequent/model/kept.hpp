#pragma once

#include <array>
#include <cstdint>

#include "../plan/state.hpp"
#include "run.hpp"

/// Runs the steps of a state's plan for the current rows: attention over the cached columns,
/// everything else as in any run.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::kept_attention;
using plan::kept_operand;

/// How the plan's state stores the columns of an operand.
template <class Plan, class T, bool Cached, bool OfValue>
struct columns_form {
    using type = kernel::kept_columns<T, T>;
};
template <class Plan, class T>
struct columns_form<Plan, T, true, false> {
    using type = kernel::kept_columns<typename Plan::cache::keys, T>;
};
template <class Plan, class T>
struct columns_form<Plan, T, true, true> {
    using type = kernel::kept_columns<typename Plan::cache::values, T>;
};

/// The Shape that kernels take for attention step `At` of a state's plan, in the rounds of a kind.
template <class Plan, int At, int Kind, class T>
struct kept_shape {
    using whole = attention_shape<Plan, At, Kind>;
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr kept_attention kept = Plan::template kept_at<At>;
    static constexpr int rows = whole::rows;
    static constexpr int columns = whole::columns;
    static constexpr int length = whole::length;
    static constexpr int value_column = whole::value_column;
    static constexpr int out_row = whole::out_row;
    static constexpr bool normalizes = whole::normalizes;
    static constexpr bool is_table = whole::is_table;
    static constexpr plan::space space = whole::space;
    static constexpr auto nodes = whole::nodes;

    static constexpr int value_pitch = kept.value.kept ? kept.value.pitch : 0;
    static constexpr bool value_slides = kept.value.slides;
    using value_columns = typename columns_form<Plan, T, (kept.value.cached.bytes > 0), true>::type;
    template <int Node>
    using node_columns =
        typename columns_form<Plan, T, (kept.nodes[Node].cached.bytes > 0), false>::type;
    static constexpr std::array<int, nodes.size()> pitches = [] {
        std::array<int, nodes.size()> result{};
        for (int at = 0; at < nodes.size(); ++at)
            result[static_cast<std::size_t>(at)] = kept.nodes[at].kept ? kept.nodes[at].pitch : 0;
        return result;
    }();
    static constexpr std::array<bool, nodes.size()> slides = [] {
        std::array<bool, nodes.size()> result{};
        for (int at = 0; at < nodes.size(); ++at)
            result[static_cast<std::size_t>(at)] = kept.nodes[at].slides;
        return result;
    }();
    /// True if the innermost loop has an even number of rounds, of which two adjacent ones differ
    /// only in the operands of the row.
    static constexpr bool shares = [] {
        const int last = step.outers > 0 ? step.outers - 1 : 0;
        if (step.outer_extents[last] % 2 != 0) return false;
        const auto differs = [&](const kept_operand& of, const plan::access& from) {
            return of.kept ? of.outer[last] != 0 : from.outer[last] != 0;
        };
        bool result = !differs(kept.value, step.value);
        for (int at = 0; at < nodes.size(); ++at)
            if (step.nodes[at].kind == score_kind::dot)
                result = result && !differs(kept.nodes[at], step.nodes[at].y);
        return result;
    }();
    static constexpr bool is_causal = [] {
        bool result = kept.value.moves;
        for (int at = 0; at < nodes.size(); ++at) result = result || kept.nodes[at].moves;
        return result;
    }();
    static constexpr int ahead = kept.ahead;

    static const std::uint64_t* bits(int row) noexcept {
        if constexpr (is_table)
            return whole::mask::bits(row);
        else
            return nullptr;
    }
};

/// Copies columns of `depth` numbers, `stride` apart, to columns number `first` and following of
/// lines that are `pitch` apart.
template <class Form, class T>
SEQUENT_NOINLINE void keep_columns(const T* from, int stride,
                                   const kernel::detail::columns_place& to, int first, int pitch,
                                   int count, int depth) noexcept {
    using number = typename Form::number;
    // Both belong to the state, which is being written.
    auto* numbers = const_cast<number*>(to.template numbers<number>()) + first;
    auto* scales = const_cast<std::uint16_t*>(to.scales);
    if constexpr (Form::block > 0) scales += first;
    for (int column = 0; column < count; ++column, from += stride, ++numbers) {
        Form::put(from, depth, numbers, scales, pitch);
        if constexpr (Form::block > 0) ++scales;
    }
}

/// The rows, or the rounds of a recursion, that a step with a lead computes for some positions; at
/// most `most`.
SEQUENT_INLINE kernel::row_range led(kernel::row_range positions, int lead, int most) noexcept {
    return {positions.begin == 0 ? 0 : positions.begin + lead,
            std::min(positions.end + lead, most)};
}
/// Likewise with a static lead; without a lead, every position has a row.
template <int Lead, int Most, int Length, class Range>
SEQUENT_INLINE auto rows_led(Range positions) noexcept {
    if constexpr (Lead == 0 && Most >= Length)
        return positions;
    else
        return led({positions.begin, positions.end}, Lead, Most);
}

/// Runs an attention step of a state's plan.
template <class Plan, int At, class T>
class kept_runner {
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr kept_attention kept = Plan::template kept_at<At>;
    static constexpr auto& kinds = mask_kinds<Plan, At>;

    static std::ptrdiff_t shift(const kept_operand& of, int first, int second, int third) noexcept {
        return static_cast<std::ptrdiff_t>(first) * of.outer[0] +
               static_cast<std::ptrdiff_t>(second) * of.outer[1] +
               static_cast<std::ptrdiff_t>(third) * of.outer[2];
    }

    /// Where the columns of an operand begin, in the rounds of the outer loops.
    static kernel::detail::columns_place columns_of(const bindings<T>& bound,
                                                    const kept_operand& of, int first, int second,
                                                    int third) noexcept {
        const std::ptrdiff_t place = shift(of, first, second, third);
        if (of.cached.bytes == 0) return bound.read(of.to) + place;
        const std::ptrdiff_t at = bound.place_of(of.to) + place;
        return {bound.cache + of.cached.begin + at * of.cached.bytes,
                reinterpret_cast<const std::uint16_t*>(bound.cache + of.cached.scales) +
                    at / of.depth * of.cached.blocks(of.depth)};
    }

    /// Caches columns [begin, end); column `begin` is stored at place `begin - first`.
    template <class Operand>
    static void keep(const bindings<T>& bound, Operand, int begin, int end, int first) noexcept {
        constexpr kept_operand of = Operand::value;
        constexpr int extents[]{of.outer[0] > 0 ? step.outer_extents[0] : 1,
                                of.outer[1] > 0 ? step.outer_extents[1] : 1,
                                of.outer[2] > 0 ? step.outer_extents[2] : 1};
        each_outer(extents, [&](int one, int two, int three) {
            const T* from = bound.read(of.from.at) + outer_shift(of.from, one, two, three);
            keep_columns<typename Operand::form>(
                from + static_cast<std::ptrdiff_t>(begin) * of.from.column, of.from.column,
                columns_of(bound, of, one, two, three), begin - first, of.pitch, end - begin,
                of.depth);
        });
    }

    template <int Node>
    struct node_operand {
        static constexpr kept_operand value = kept.nodes[Node];
        using form = typename columns_form<Plan, T, (value.cached.bytes > 0), false>::type;
    };
    struct value_operand {
        static constexpr kept_operand value = kept.value;
        using form = typename columns_form<Plan, T, (value.cached.bytes > 0), true>::type;
    };

    template <bool First, class Operand>
    static void keep_new(const bindings<T>& bound, Operand operand, int begin, int end,
                         int first_column) noexcept {
        if constexpr (Operand::value.kept && Operand::value.moves)
            keep(bound, operand, begin, end, Operand::value.slides ? first_column : 0);
        else if constexpr (Operand::value.kept && First)
            keep(bound, operand, 0,
                 plan::least_count(step.column_counts, Operand::value.columns, bound.counts), 0);
    }

    using query = kernel::detail::kept_operands<step.nodes.size(), T>;

    static query operands(const bindings<T>& bound, int round) noexcept {
        const int third = round % step.outer_extents[2];
        const int second = round / step.outer_extents[2] % step.outer_extents[1];
        const int first = round / (step.outer_extents[2] * step.outer_extents[1]);
        query result;
        kernel::unroll<step.nodes.size()>([&](auto index) {
            constexpr int at = decltype(index)::value;
            constexpr auto place = static_cast<std::size_t>(at);
            constexpr plan::score_node node = step.nodes[at];
            constexpr kept_operand own = kept.nodes[at];
            kernel::detail::columns_place columns;
            if constexpr (own.kept) columns = columns_of(bound, own, first, second, third);
            if constexpr (node.kind == score_kind::dot || node.kind == score_kind::load)
                result.x[place] = bound.read(node.x.at) + outer_shift(node.x, first, second, third);
            if constexpr (node.kind == score_kind::dot && !own.kept)
                result.y[place] = bound.read(node.y.at) + outer_shift(node.y, first, second, third);
            else if constexpr (node.kind == score_kind::dot)
                result.y[place] = columns;
            else if constexpr (own.kept)
                result.x[place] = columns.template numbers<T>();
            if constexpr (node.kind == score_kind::index)
                result.base[place] = static_cast<T>(outer_shift(node.x, first, second, third));
        });
        if constexpr (kept.value.kept)
            result.value = columns_of(bound, kept.value, first, second, third);
        else
            result.value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
        result.out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
        return result;
    }

    /// Computes rows from the state that is carried from row to row, which begins with zeros.
    template <class Range>
    static void carry(const bindings<T>& bound, Range range) noexcept {
        for (int round = 0; round < step.rounds(); ++round) {
            const int third = round % step.outer_extents[2];
            const int second = round / step.outer_extents[2] % step.outer_extents[1];
            const int first = round / (step.outer_extents[2] * step.outer_extents[1]);
            T* const state = bound.write(kept.value.to) + shift(kept.value, first, second, third);
            const auto from = operands_of_score<Plan, At>(bound, first, second, third, false);
            const T* value =
                bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            T* const out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            with_kind<Plan, At>(first, second, third, [&](auto kind) {
                using shape = typename shape_for_kernels<
                    attention_shape<Plan, At, decltype(kind)::value>>::type;
                kernel::chunked_attention<shape, T> rows(from, value, bound.counts);
                if (range.begin == 0) std::fill_n(state, kept.value.depth * kept.value.pitch, T(0));
                for (int row = range.begin; row < range.end; ++row)
                    rows.template step<kept.value.pitch>(state, out, row);
            });
        }
    }

    /// Computes Queries rounds of the outer loops at once.
    template <int Kind, int Queries, class Range>
    static void attend(const bindings<T>& bound, int round, Range range,
                       int first_column) noexcept {
        using shape = kept_shape<Plan, At, Kind, T>;
        query queries[Queries];
        for (int q = 0; q < Queries; ++q) queries[q] = operands(bound, round + q);
        for (int row = range.begin; row < range.end; ++row)
            kernel::detail::kept_rows<shape, T, Queries>(queries, row, first_column, bound.counts,
                                                         shape::bits(row))
                .attend();
    }

    /// The end of the columns that are stored when a row is computed.
    static constexpr int last_column(int row) noexcept {
        return std::min(row + 1 + kept.ahead, step.columns);
    }

    /// Computes rows of prepared weights times the values.
    template <class Range>
    static void weigh(const bindings<T>& bound, Range range, int first_column) noexcept {
        constexpr int pitch = kept.value.kept ? kept.value.pitch : 0;
        for (int round = 0; round < step.rounds(); ++round) {
            const int third = round % step.outer_extents[2];
            const int second = round / step.outer_extents[2] % step.outer_extents[1];
            const int first = round / (step.outer_extents[2] * step.outer_extents[1]);
            const T* value =
                kept.value.kept
                    ? bound.read(kept.value.to) + shift(kept.value, first, second, third)
                    : bound.read(step.value.at) + outer_shift(step.value, first, second, third);
            const T* weights =
                bound.read(step.weights.at) + outer_shift(step.weights, first, second, third);
            T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            with_weights<Plan, At>(first, second, third, [&]<class Shape>(Shape) {
                for (int row = range.begin; row < range.end; ++row)
                    kernel::weighted_row<Shape, pitch>(
                        weights, value, out, row,
                        kept.value.moves ? last_column(row) : step.columns,
                        kept.value.slides ? first_column : 0);
            });
        }
    }

  public:
    /// Computes some rows. First: what is computed once has been computed in this run.
    template <bool First, class Range>
    static void forward(const bindings<T>& bound, Range range) noexcept {
        if constexpr (kept.carries) {
            carry(bound, range);
            return;
        }
        const int first_column =
            Plan::made.column_window > 0 ? bound.origins[Plan::made.column_window] : 0;
        const auto columns = rows_led<kept.ahead, step.columns, step.columns>(range);
        keep_new<First>(bound, value_operand{}, columns.begin, columns.end, first_column);
        if constexpr (step.is_prepared()) {
            weigh(bound, range, first_column);
            return;
        }
        kernel::unroll<step.nodes.size()>([&](auto index) {
            keep_new<First>(bound, node_operand<decltype(index)::value>{}, columns.begin,
                            columns.end, first_column);
        });
        constexpr int rounds = step.rounds();
        if constexpr (kinds.first.size() == 1) {
            constexpr int together = std::min(rounds, 4);
            int round = 0;
            for (; round + together <= rounds; round += together)
                attend<0, together>(bound, round, range, first_column);
            if constexpr (rounds % together != 0)
                attend<0, rounds % together>(bound, round, range, first_column);
        } else {
            for (int round = 0; round < rounds; ++round)
                kernel::unroll<kinds.first.size()>([&](auto kind) {
                    constexpr int here = decltype(kind)::value;
                    if (kinds.kind_of[round] == here)
                        attend<here, 1>(bound, round, range, first_column);
                });
        }
    }
};

/// True if some steps do not depend on the sequence.
template <class Plan>
inline constexpr bool computes_once = [] {
    for (int at = 0; at < Plan::tables.steps.size(); ++at)
        if (Plan::form.once[at]) return true;
    return false;
}();

/// Runs step `At`, which depends on the sequence, for some positions.
template <class Plan, int At, bool First, class T, class Range>
void forward_sequence_step(const bindings<T>& bound, Range positions) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    constexpr int lead = Plan::template lead_of<At>;
    constexpr int length = Plan::form.rows;
    if constexpr (Plan::template is_in_time<At>) {
        const int round = bound.layer[step.depth - 1];
        const kernel::row_range rounds =
            led({positions.begin, positions.end}, lead, std::min(step.last, plan::never));
        if (rounds.begin <= round && round < rounds.end && step.is_run_in(round, bound.counts))
            forward_step<Plan, At>(bound, whole_run{});
    } else if constexpr (step.kind == step_kind::rows) {
        forward_rows<Plan, step.at>(
            bound, rows_led<lead, Plan::template row_step_at<step.at>.rows, length>(positions));
    } else if constexpr (step.kind == step_kind::attention) {
        kept_runner<Plan, step.at, T>::template forward<First>(
            bound, rows_led<lead, Plan::template attention_at<step.at>.rows, length>(positions));
    } else {
        constexpr int variable = Plan::template position_of_general<step.at>;
        general_runner<Plan, step.at, T>::forward(
            bound, led({positions.begin, positions.end}, lead,
                       Plan::template general_at<step.at>.extents[variable]));
    }
}

/// The rounds of the recursion beginning with step `At` in which some step is run.
template <class Plan, int At>
SEQUENT_INLINE kernel::row_range rounds_led(kernel::row_range positions) noexcept {
    constexpr plan::step step = Plan::template step_at<At>;
    constexpr auto leads = [] {
        std::pair<int, int> result{plan::never, 0};
        for (int at = At + 1; at < step.at; ++at) {
            result.first = std::min(result.first, Plan::made.lead[at]);
            result.second = std::max(result.second, Plan::made.lead[at]);
        }
        return result;
    }();
    return {led(positions, leads.first, step.repeat).begin,
            led(positions, leads.second, step.repeat).end};
}

/// Runs steps [At, End) for some positions of the sequence. Once: also runs those that do not
/// depend on it, for all of their rows.
template <class Plan, int At, int End, bool Once, class T, class Range>
void sequence_steps(bindings<T>& bound, Range positions) noexcept {
    if constexpr (At < End) {
        constexpr plan::step step = Plan::template step_at<At>;
        constexpr bool repeats = step.kind == step_kind::repeat_begin;
        constexpr int next = (repeats ? step.at : At) + 1;
        if constexpr (step.prepared) {
            // Not of a run.
        } else if constexpr (Plan::template is_once<At>) {
            if constexpr (Once) forward_steps<Plan, At, next>(bound, whole_run{});
        } else if constexpr (repeats) {
            kernel::row_range rounds{0, step.repeat};
            if constexpr (step.recurs)
                rounds = rounds_led<Plan, At>({positions.begin, positions.end});
            for (int round = rounds.begin; round < rounds.end; ++round) {
                bound.layer[step.depth] = round;
                sequence_steps<Plan, At + 1, step.at, Once>(bound, positions);
            }
            bound.layer[step.depth] = 0;
        } else {
            forward_sequence_step<Plan, At, Once>(bound, positions);
        }
        sequence_steps<Plan, next, End, Once>(bound, positions);
    }
}

/// Entry point to the code that computes rows of a sequence, as compiled_forward is for whole runs.
template <class Plan, class T, bool First, class Range>
struct compiled_rows {
    static void run(bindings<T>& bound, Range range) noexcept;
};
template <class Plan, class T, bool First, class Range>
void compiled_rows<Plan, T, First, Range>::run(bindings<T>& bound, Range range) noexcept {
    constexpr int count = Plan::tables.steps.size();
    if constexpr (!First || computes_once<Plan>)
        sequence_steps<Plan, 0, count, First>(bound, range);
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
