#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "arguments.hpp"
#include "check_rows.hpp"
#include "kept.hpp"
#include "prepared.hpp"
#include "runs.hpp"
#include "workspace.hpp"

/// The state of one sequence that a model computes row by row.

namespace sequent::inline SEQUENT_ABI {

/// The number types in which a state stores the KV cache of softmax attention. Each is the state's
/// own type, or bf16 or q8_0 from sequent/packed.hpp. Numbers are rounded when their row is
/// computed, and every row, that row included, reads the rounded numbers.
///
///     Model::state<float, cache<q8_0>> s;
template <class Keys, class Values = Keys>
struct cache {
    /// Storage type of the keys.
    using keys = Keys;
    /// Storage type of the values.
    using values = Values;
};

}  // namespace sequent::inline SEQUENT_ABI

namespace sequent::inline SEQUENT_ABI::model_detail {

/// True if the plan can be run row by row. The constant depends on T so that the plan of the state
/// is evaluated only in programs that call `step`.
template <class Plan, class T>
inline constexpr bool has_state = plan::state_plan_of<Plan>::made.obstacle.rule < 0;

/// Element size and block length of a cache of type Stored; the default form if it is the state's
/// own type.
template <class Stored, class T>
constexpr plan::column_form column_form_of() {
    if constexpr (std::is_same_v<Stored, T>) {
        return {};
    } else {
        static_assert(
            requires { typename kernel::kept_columns<Stored, T>::number; },
            "sequent: a cache stores keys and values as bf16 or q8_0, from "
            "sequent/packed.hpp, in a state of float");
        using form = kernel::kept_columns<Stored, T>;
        return {sizeof(typename form::number), form::block};
    }
}

/// The plan of a state, with the types of its cache.
template <class Plan, class T, class Cache>
struct cached_plan_of
    : plan::state_plan_of<Plan, plan::cache_form{column_form_of<typename Cache::keys, T>(),
                                                 column_form_of<typename Cache::values, T>()}> {
    using cache = Cache;
};
template <class Plan, class T, class Cache>
struct state_plan_for {
    using type = cached_plan_of<Plan, T, Cache>;
};
template <class Plan, class T>
struct state_plan_for<Plan, T, cache<T>> {
    using type = plan::state_plan_of<Plan>;
};

/// The state of one sequence: Model::state<T, Cache>. It holds what later rows read of earlier ones
/// (the KV cache, hidden states, windows), a copy of the facts that are not along the sequence, and
/// memory for the rows being computed. Use one per sequence. A copy is an independent state.
/// Allocate large states by make_unique.
template <class Plan, class T, class Cache = cache<T>, bool Possible = has_state<Plan, T>>
class alignas(64) state_block {
    using state_plan = typename state_plan_for<Plan, T, Cache>::type;
    static constexpr auto& made = state_plan::made;

    // A copy: reading the plan's tables at run time would put them into unoptimised programs.
    static constexpr unsigned sequences = state_plan::form.sequences;
    static constexpr bool is_along(int fact) { return ((sequences >> fact) & 1u) != 0; }

    static_assert(state_plan::tables.workspace != plan::too_large,
                  "sequent: the memory of step would hold more than 2147483647 numbers: fewer "
                  "layers or positions, or narrower ones");

  public:
    /// The plan that computes rows, with the places of its numbers.
    using placed = state_plan;
    /// The types of the KV cache.
    using cached = Cache;
    /// Size of the state in numbers, without the KV cache.
    static constexpr int size = state_plan::tables.workspace > 0 ? state_plan::tables.workspace : 1;
    /// Size of the KV cache in bytes.
    static constexpr int cache_bytes = made.cache;
    /// Largest number of positions of the sequence.
    static constexpr int length = made.rows;
    /// Largest number of rows that prefill computes at once.
    static constexpr int block = made.block;
    /// True if the model has facts that are not along the sequence; prefill takes them with the
    /// first rows.
    static constexpr bool needs_rest = [] {
        bool result = false;
        for (int at = 0; at < Plan::fact_count; ++at) result = result || !is_along(at);
        return result;
    }();
    /// True if something is computed once per sequence, from those facts or from parameters alone.
    static constexpr bool computes_once = model_detail::computes_once<state_plan> || [] {
        // Columns of other facts are cached once, too.
        bool result = false;
        const auto add = [&](const kept_operand& of) { result = result || (of.kept && !of.moves); };
        for (const kept_attention& kept : made.kept) {
            add(kept.value);
            for (const kept_operand& node : kept.nodes) add(node);
        }
        return result;
    }();

    /// `s = {}`: starts a new sequence, as reset() does.
    state_block& operator=(zeros) noexcept {
        reset();
        return *this;
    }

    /// Index of the row that the next step computes; 0 at first.
    int position() const noexcept { return position_; }

    /// Starts a new sequence: position 0, no facts given.
    void reset() noexcept {
        position_ = 0;
        std::fill_n(origins_, std::size(origins_), 0);
        has_rest_ = false;
        has_prepared_ = false;
    }

    /// Discards the rows from `position` on: the next step computes that row. Throws argument_error
    /// if `position` is negative or greater than position(). Does not compile if the state keeps
    /// only the last rows, as for a recursion, a convolution or a window, or only sums of them, as
    /// for linear attention in chunks; save a copy instead, `*saved = *state`.
    void truncate(int position) {
        static_assert(sizeof(check_rows<Plan, made.lost.rule, made.lost.why>) > 0);
        if (position < 0 || position > position_)
            fail_with<argument_error>({"sequent: a state at position ", position_,
                                       " is truncated to position ", position});
        position_ = position;
        // No row before the current ones is read from a window.
        for (std::size_t at = 0; at < windows.size(); ++at)
            origins_[at + 1] =
                std::min(origins_[at + 1], position / windows[at].grain * windows[at].grain);
    }

    /// True if the facts that are not along the sequence have been given.
    bool has_rest() const noexcept { return has_rest_; }

    /// Takes the facts that are not along the sequence and copies those that later rows read.
    /// Called by prefill.
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

    /// Computes the rows of `range`, at most `block`. rows(fact) is the first of them; rest(fact)
    /// and pairs(fact) are the facts that are not along the sequence. First: also compute what is
    /// computed once. Called by step and prefill.
    template <bool First, class P, class Rows, class Rest, class Pairs, class Range>
    void run(const P& p, Rows rows, Rest rest, Pairs pairs, Range range) noexcept {
        bindings<T> bound = enter<First>(p, rows, rest, pairs, range);
        compiled_rows<typename placed_for<P, state_plan>::type, T, First, Range>::run(bound, range);
    }

    /// Prepares the state for the rows of `range` and returns the pointers with which they are to
    /// be computed; advances the position. If `p` is not prepared, the sequence's first rows
    /// prepare it here.
    template <bool First, class P, class Rows, class Rest, class Pairs, class Range>
    bindings<T> enter(const P& p, Rows rows, Rest rest, Pairs pairs, Range range) noexcept {
        const T* const parameters = numbers_of(p);
        const T* prepared = prepared_in(p);
        if (prepares<state_plan> && !prepared) {
            if (!has_prepared_)
                prepare_numbers<typename placed_for<P, state_plan>::type>(parameters, prepared_,
                                                                          scratch_);
            has_prepared_ = true;
            prepared = prepared_;
        }
        bindings<T> bound;
        bound.parameters = parameters;
        bound.prepared = prepared;
        bound.packed = packed_in(p);
        bound.workspace = numbers_;
        bound.counts = counts_;
        bound.cache = facts_ + fact_bytes;
        bound.scratch = scratch_;
        bound.origins = origins_;
        const void* given[max_facts]{};
        slide(range.begin, range.end);
        kernel::unroll<fact_count>([&](auto index) {
            constexpr int at = decltype(index)::value;
            if constexpr (is_along(at)) {
                // Rows are given one after another, up to the full length.
                constexpr plan::fact_shape shape = Plan::shapes.facts[at];
                if constexpr (shape.up_to) counts_[shape.length] = shape.extents[0];
                bound.facts[at] = given[at] = rows(at);
                if constexpr (made.keeps_fact[at]) {
                    keep_rows<at>(bound.facts[at], range.begin, range.end);
                    bound.facts[at] = facts_ + fact_offset(at);
                }
            } else if constexpr (made.reads_fact[at]) {
                bound.facts[at] = facts_ + fact_offset(at);
            } else if constexpr (First) {
                bound.facts[at] = rest(at);
                bound.pairs[at] = pairs(at);
            }
        });
        find_runs(given, range);
        position_ = range.end;
        return bound;
    }

    /// Row `row` of output `At`, one of the rows that were computed last: a view without the
    /// output's first dimension.
    template <int At>
    auto output(int row) const noexcept {
        constexpr int relation = Plan::shapes.outputs[At];
        constexpr int buffer = state_plan::tables.relations[relation].index;
        constexpr int row_size = made.row_size[buffer];
        constexpr weight_view view = view_of_row(view_of_relation<state_plan>(relation), row_size);
        return to_tensor<view.rank>(
            view, numbers_ + static_cast<std::ptrdiff_t>(row - first_row<buffer>()) * row_size);
    }

  private:
    static constexpr int fact_count = Plan::fact_count;

    /// View of one row: without the first dimension, if rows are computed one after another.
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

    /// First row that is kept of a buffer.
    template <int Buffer>
    int first_row() const noexcept {
        constexpr int window = made.kept_whole[Buffer] ? -1 : made.window_of[Buffer];
        return window < 0 ? 0 : origins_[window];
    }

    /// Size in bytes of one row of a fact.
    static constexpr std::size_t row_bytes(int at) {
        const plan::fact_shape& fact = Plan::facts[at];
        const std::size_t number =
            fact.kind == plan::fact_kind::symbols ? sizeof(std::int32_t) : sizeof(T);
        const int rows = fact.rank > 0 ? fact.extents[0] : 1;
        return static_cast<std::size_t>(fact.size() / rows) * number;
    }
    /// Number of rows that are kept of a fact.
    static constexpr int rows_kept(int at) {
        const int window = made.fact_window[at];
        return window > 0 ? made.windows[window - 1].capacity : Plan::facts[at].extents[0];
    }
    static constexpr std::size_t bytes_of(int at) {
        return row_bytes(at) * static_cast<std::size_t>(rows_kept(at));
    }
    static constexpr auto fact_offsets = [] {
        std::array<std::size_t, static_cast<std::size_t>(fact_count) + 1> result{};
        for (int at = 0; at < fact_count; ++at)
            result[static_cast<std::size_t>(at) + 1] =
                result[static_cast<std::size_t>(at)] +
                (made.reads_fact[at] || made.keeps_fact[at] ? (bytes_of(at) + 63) / 64 * 64 : 0);
        return result;
    }();
    static constexpr std::size_t fact_offset(int at) {
        return fact_offsets[static_cast<std::size_t>(at)];
    }
    static constexpr std::size_t fact_bytes = fact_offsets.back();

    /// The elements of a list as an array of exactly their number.
    template <class List>
    static constexpr auto elements(const List& of, auto count) {
        std::array<std::remove_cvref_t<decltype(of[0])>, decltype(count)::value> result{};
        for (std::size_t at = 0; at < result.size(); ++at) result[at] = of[static_cast<int>(at)];
        return result;
    }
    static constexpr auto windows =
        elements(made.windows, std::integral_constant<std::size_t, made.windows.size()>{});
    static constexpr auto window_places =
        elements(made.places, std::integral_constant<std::size_t, made.places.size()>{});
    static constexpr auto cache_places = elements(
        made.cache_places, std::integral_constant<std::size_t, made.cache_places.size()>{});

    T numbers_[static_cast<std::size_t>(size)]{};
    alignas(64) T prepared_[static_cast<std::size_t>(prepared_size<state_plan>)]{};
    alignas(64) T scratch_[static_cast<std::size_t>(scratch_size<state_plan, T>)]{};
    // Facts, then the KV cache.
    static constexpr std::size_t all_bytes = fact_bytes + std::size_t{cache_bytes};
    alignas(64) std::byte facts_[all_bytes > 0 ? all_bytes : 1]{};
    int counts_[count_given<Plan>()]{};
    std::int32_t symbols_[std::max(1, compared_facts<Plan>.size())]
                         [compared_facts<Plan>.size() > 0 ? length : 1]{};
    int position_ = 0;
    int origins_[made.windows.size() + 1]{};  // first current row, first row of each window
    bool has_rest_ = false;
    bool has_prepared_ = false;

    /// Updates, for facts along the sequence whose symbols the rules compare, where the run of
    /// equal symbols of each new row begins.
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
                const bool same = row > 0 && symbol == symbols_[at][row - 1];
                begins[row] = same ? begins[row - 1] : row;
                ends[row] = length_of;
                symbols_[at][row] = symbol;
            }
        }
    }

    /// Copies the new rows of a fact behind those that are kept.
    template <int At>
    void keep_rows(const void* rows, int begin, int end) noexcept {
        constexpr int window = made.fact_window[At];
        constexpr std::size_t row = row_bytes(At);
        const int first = window > 0 ? origins_[window] : 0;
        std::memcpy(facts_ + fact_offset(At) + static_cast<std::size_t>(begin - first) * row, rows,
                    static_cast<std::size_t>(end - begin) * row);
    }

    /// Makes room for rows [begin, end): in a full window the oldest rows are dropped and the
    /// others move to the front.
    void slide(int begin, int end) noexcept {
        origins_[0] = begin;
        for (std::size_t at = 0; at < windows.size(); ++at) {
            const plan::row_window& window = windows[at];
            int& first = origins_[at + 1];
            const int next = window.first(first, begin, end);
            const std::ptrdiff_t away = next - first;
            const std::ptrdiff_t rows = begin + window.ahead - next;
            first = next;
            if (away == 0) continue;
            const auto move = [&](auto* numbers, const auto& places) {
                for (const plan::window_place& place : places) {
                    if (place.window != static_cast<int>(at)) continue;
                    auto* line = numbers + place.offset;
                    for (int count = place.lines; count-- > 0; line += place.pitch)
                        std::copy_n(line + away * place.row, rows * place.row, line);
                }
            };
            move(numbers_, window_places);
            move(facts_ + fact_bytes, cache_places);
            kernel::unroll<fact_count>([&](auto index) {
                constexpr int fact = decltype(index)::value;
                constexpr auto row = static_cast<std::ptrdiff_t>(row_bytes(fact));
                constexpr int window_of_fact = made.fact_window[fact];
                if (window_of_fact != static_cast<int>(at) + 1) return;
                std::byte* to = facts_ + fact_offset(fact);
                std::memmove(to, to + away * row, static_cast<std::size_t>(rows * row));
            });
        }
    }
};

/// The model cannot run row by row, since a rule needs later rows: reports which.
template <class Plan, class T, class Cache>
class state_block<Plan, T, Cache, false> {
    static constexpr plan::rows_obstacle obstacle = plan::state_plan_of<Plan>::made.obstacle;
    static_assert(sizeof(check_rows<Plan, obstacle.rule, obstacle.why>) > 0);

  public:
    using cached = Cache;
    static constexpr int size = 1;
    static constexpr int cache_bytes = 0;
    static constexpr int length = 1;
    static constexpr int block = 1;
    static constexpr bool needs_rest = false;
    static constexpr bool computes_once = false;

    int position() const noexcept { return 0; }
    void reset() noexcept {}
    void truncate(int) noexcept {}
    bool has_rest() const noexcept { return false; }
    void take_rest(const void* const*, const int*) noexcept {}
    template <bool First, class P, class Rows, class Rest, class Pairs, class Range>
    void run(const P&, Rows, Rest, Pairs, Range) noexcept {}
    template <bool First, class P, class Rows, class Rest, class Pairs, class Range>
    bindings<T> enter(const P&, Rows, Rest, Pairs, Range) noexcept {
        return {};
    }
    template <int At>
    tensor_view<const T> output(int) const noexcept {
        return {};
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
