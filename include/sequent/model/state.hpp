#pragma once

#include <cstring>

#include "arguments.hpp"
#include "check_rows.hpp"
#include "kept.hpp"
#include "prepared.hpp"
#include "runs.hpp"
#include "workspace.hpp"

/// The memory of one sequence that a model computes row by row.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// What is kept of the rows so far, and room for the rows at hand: Model::state<T>. One for each
/// sequence.
template <class Plan, class T, bool Possible = (plan::state_plan_of<Plan>::made.obstacle.rule < 0)>
class alignas(64) state_block {
    using state_plan = plan::state_plan_of<Plan>;
    static constexpr auto& made = state_plan::made;

    static constexpr bool is_along(int fact) {
        return ((state_plan::form.sequences >> fact) & 1u) != 0;
    }

  public:
    /// How many numbers are kept.
    static constexpr int size = state_plan::tables.workspace > 0 ? state_plan::tables.workspace : 1;
    /// How many positions the sequence may have.
    static constexpr int length = made.rows;
    /// And how many rows of them are computed at a time.
    static constexpr int block = made.block;
    /// Whether there are facts besides the sequence, and whether anything follows from these alone.
    static constexpr bool needs_rest = [] {
        bool result = false;
        for (int at = 0; at < Plan::fact_count; ++at) result = result || !is_along(at);
        return result;
    }();
    static constexpr bool computes_once = model_detail::computes_once<Plan> || [] {
        // Columns of other facts are kept once, too.
        bool result = false;
        const auto add = [&](const kept_operand& of) { result = result || (of.kept && !of.moves); };
        for (const kept_attention& kept : made.kept) {
            add(kept.value);
            for (const kept_operand& node : kept.nodes) add(node);
        }
        return result;
    }();

    /// Starts another sequence, as reset() does.
    state_block& operator=(zeros) noexcept {
        reset();
        return *this;
    }

    /// The row that the next step computes.
    int position() const noexcept { return position_; }

    /// Starts another sequence.
    void reset() noexcept {
        position_ = 0;
        first_column_ = 0;
        has_rest_ = false;
        has_prepared_ = false;
    }

    /// Whether the facts besides the sequence have been given.
    bool has_rest() const noexcept { return has_rest_; }

    /// Takes the facts that are not along the sequence: those that rows read later are copied.
    void take_rest(const void* const* pointers, const int* counts) noexcept {
        has_rest_ = true;
        std::copy_n(counts, count_given<Plan>(), counts_);
        kernel::unroll<fact_count>([&](auto index) {
            constexpr int at = decltype(index)::value;
            if constexpr (made.reads_fact[at]) {
                constexpr plan::fact_shape given = Plan::shapes.facts[at];
                std::size_t bytes = bytes_of(at);
                if constexpr (given.up_to)
                    bytes =
                        bytes / given.extents[0] * static_cast<std::size_t>(counts[given.length]);
                if (bytes > 0) std::memcpy(facts_ + fact_offset(at), pointers[at], bytes);
            }
        });
    }

    /// Computes the rows of a range, at most `block`: rows(fact) is the first of them, rest(fact)
    /// and pairs(fact) are the facts that are not along the sequence. First: with what is computed
    /// once.
    /// What is prepared may be null: then the sequence's first rows prepare it.
    template <bool First, class Rows, class Rest, class Pairs, class Range>
    void run(const T* parameters, const T* prepared, Rows rows, Rest rest, Pairs pairs,
             Range range) noexcept {
        if (prepares<state_plan> && !prepared) {
            if (!has_prepared_) prepare_numbers<state_plan>(parameters, prepared_, scratch_);
            has_prepared_ = true;
            prepared = prepared_;
        }
        bindings<T> bound;
        bound.parameters = parameters;
        bound.prepared = prepared;
        bound.workspace = numbers_;
        bound.counts = counts_;
        bound.scratch = scratch_;
        bound.first_row = range.begin;
        kernel::unroll<fact_count>([&](auto index) {
            constexpr int at = decltype(index)::value;
            if constexpr (is_along(at)) {
                // Rows are given as they come, up to all.
                constexpr plan::fact_shape given = Plan::shapes.facts[at];
                if constexpr (given.up_to) counts_[given.length] = given.extents[0];
                bound.facts[at] = rows(at);
            } else if constexpr (made.reads_fact[at]) {
                bound.facts[at] = facts_ + fact_offset(at);
            } else if constexpr (First) {
                bound.facts[at] = rest(at);
                bound.pairs[at] = pairs(at);
            }
        });
        find_runs(bound.facts, range);
        if constexpr (made.window > 0) slide(range.begin, range.end);
        compiled_rows<state_plan, T, First, Range>::run(bound, range, first_column_);
        first_row_ = range.begin;
        position_ = range.end;
    }

    /// The last row of output `At`: the output without its first argument.
    template <int At>
    auto output() const noexcept {
        constexpr int relation = Plan::shapes.outputs[At];
        constexpr int row = made.row_size[state_plan::tables.relations[relation].index];
        constexpr weight_view view = view_of_row(view_of_relation<state_plan>(relation), row);
        return to_tensor<view.rank>(
            view, numbers_ + static_cast<std::ptrdiff_t>(position_ - 1 - first_row_) * row);
    }

  private:
    static constexpr int fact_count = Plan::fact_count;

    /// Without the first argument, if rows are computed one after another.
    static constexpr weight_view view_of_row(const weight_view& whole, int row_size) {
        weight_view result = whole;
        if (row_size == 0) return result;
        --result.rank;
        for (int axis = 0; axis < result.rank; ++axis) {
            result.extents[axis] = whole.extents[axis + 1];
            result.strides[axis] = whole.strides[axis + 1];
        }
        return result;
    }

    static constexpr std::size_t bytes_of(int at) {
        const bool symbols = Plan::facts[at].kind == plan::fact_kind::symbols;
        return static_cast<std::size_t>(Plan::facts[at].size()) *
               (symbols ? sizeof(std::int32_t) : sizeof(T));
    }
    static constexpr std::size_t fact_offset(int end) {
        std::size_t offset = 0;
        for (int at = 0; at < end; ++at)
            if (made.reads_fact[at]) offset += (bytes_of(at) + 63) / 64 * 64;
        return offset;
    }
    static constexpr std::size_t fact_bytes = fact_offset(fact_count);

    T numbers_[static_cast<std::size_t>(size)]{};
    alignas(64) T prepared_[static_cast<std::size_t>(prepared_size<state_plan>)]{};
    alignas(64) T scratch_[static_cast<std::size_t>(scratch_size<state_plan, T>)]{};
    alignas(64) std::byte facts_[fact_bytes > 0 ? fact_bytes : 1]{};
    int counts_[count_given<Plan>()]{};
    std::int32_t last_symbols_[plan::max_compared]{};
    int position_ = 0;
    int first_row_ = 0;     // of the rows at hand
    int first_column_ = 0;  // of those that a window keeps
    bool has_rest_ = false;
    bool has_prepared_ = false;

    /// Of facts along the sequence whose symbols the rules compare, where the run of equal symbols
    /// begins.
    template <class Range>
    void find_runs(const void* const* rows, Range range) noexcept {
        int room = plan::given_numbers::runs;
        for (int at = 0; at < compared_facts<Plan>.size(); ++at) {
            const auto [fact, length_of] = compared_facts<Plan>[at];
            int* begins = counts_ + room;
            int* ends = begins + length_of;
            counts_[plan::given_numbers::begins_of(at)] = room;
            counts_[plan::given_numbers::ends_of(at)] = room + length_of;
            room += 2 * length_of;
            if (!is_along(fact)) continue;
            const auto* symbols = static_cast<const std::int32_t*>(rows[fact]);
            for (int row = range.begin; row < range.end; ++row) {
                const std::int32_t symbol = symbols[row - range.begin];
                const bool same = row > 0 && symbol == last_symbols_[at];
                begins[row] = same ? begins[row - 1] : row;
                ends[row] = length_of;
                last_symbols_[at] = symbol;
            }
        }
    }

    /// Makes room for columns up to `end`: what a row may still need moves to the front.
    void slide(int begin, int end) noexcept {
        if (end - first_column_ <= made.window) return;
        const int first = std::max(0, begin - made.reach + 1) / 16 * 16;
        const int columns = begin - first;
        const int away = first - first_column_;
        const auto move = [&](int offset, int lines) {
            T* line = numbers_ + offset;
            for (int at = 0; at < lines; ++at, line += made.window)
                std::copy_n(line + away, columns, line);
        };
        kernel::unroll<made.kept.size()>([&](auto index) {
            constexpr int at = decltype(index)::value;
            constexpr kept_attention kept = state_plan::template kept_at<at>;
            if constexpr (kept.value.slides) move(kept.value.to.offset, kept.value.lines);
            kernel::unroll<state_plan::template attention_at<at>.nodes.size()>([&](auto node) {
                constexpr kept_operand of =
                    state_plan::template kept_at<at>.nodes[decltype(node)::value];
                if constexpr (of.slides) move(of.to.offset, of.lines);
            });
        });
        first_column_ = first;
    }
};

/// Where a rule needs later rows: tells which.
template <class Plan, class T>
class state_block<Plan, T, false> {
    static constexpr plan::rows_obstacle obstacle = plan::state_plan_of<Plan>::made.obstacle;
    static_assert(sizeof(check_rows<Plan, obstacle.rule, obstacle.why>) > 0);

  public:
    static constexpr int size = 1;
    static constexpr int length = 1;
    static constexpr int block = 1;
    static constexpr bool needs_rest = false;
    static constexpr bool computes_once = false;

    int position() const noexcept { return 0; }
    void reset() noexcept {}
    bool has_rest() const noexcept { return false; }
    void take_rest(const void* const*, const int*) noexcept {}
    template <bool First, class Rows, class Rest, class Pairs, class Range>
    void run(const T*, const T*, Rows, Rest, Pairs, Range) noexcept {}
    template <int At>
    tensor_view<const T> output() const noexcept {
        return {};
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
