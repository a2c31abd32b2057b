#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ground_functions.hpp"
#include "parameters.hpp"

/// The memory of a call, and where the values of relations are in it.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// View of a relation's values: offset, extents and strides in the memory of `Plan`.
template <class Plan>
constexpr weight_view view_of_relation(int at) {
    const plan::relation_layout& layout = Plan::tables.relations[at];
    const plan::relation_shape& shape = Plan::shapes.relations[at];
    weight_view result;
    result.offset = layout.offset;
    if (layout.pairs.any()) {
        result.extents[result.rank] = Plan::shapes.facts[layout.pairs.fact].pairs;
        result.strides[result.rank++] = layout.pair_stride;
    }
    for (int axis = 0; axis < shape.arity; ++axis) {
        if (layout.pairs.has(axis)) continue;
        result.extents[result.rank] = shape.extents[axis];
        result.strides[result.rank++] = layout.strides[axis];
    }
    if (shape.value.rows > 1 || shape.value.columns > 1) {
        result.extents[result.rank] = shape.value.rows;
        result.strides[result.rank++] = shape.value.columns;
    }
    if (shape.value.columns > 1) {
        result.extents[result.rank] = shape.value.columns;
        result.strides[result.rank++] = 1;
    }
    return result;
}

/// Bit set of the plan's counts that are lengths of facts.
template <class Plan>
inline constexpr unsigned length_counts = [] {
    unsigned result = 0;
    for (const plan::fact_shape& given : Plan::shapes.facts)
        if (given.up_to) result |= 1u << given.length;
    return result;
}();

/// True if the relation is an output.
template <class Plan>
constexpr bool is_output(int relation) {
    for (int output : Plan::shapes.outputs)
        if (output == relation) return true;
    return false;
}

/// The counts that limit the extents of a relation's view, as a bit set for each dimension: a
/// fact's length that ends the relation, and, for relations other than outputs, a count beyond
/// which rows are not written.
struct view_limits {
    unsigned counts[max_rank]{};
    int beyond[max_rank]{};
    bool any = false;
    // Outputs: rows along `axis` beyond the counts `written` are not written.
    int axis = -1;
    unsigned written = 0;
};
/// The limits of a relation's view.
template <class Plan>
constexpr view_limits limits_of_view(int relation) {
    const plan::relation_layout& layout = Plan::tables.relations[relation];
    view_limits result;
    if (layout.pairs.any()) return result;
    const bool output = is_output<Plan>(relation);
    for (int axis = 0; axis < Plan::shapes.relations[relation].arity; ++axis) {
        unsigned& counts = result.counts[axis];
        counts = layout.counts[axis] & length_counts<Plan>;
        if (layout.where == plan::place::value) {
            const plan::buffer& of = Plan::tables.buffers[layout.index];
            if (of.counts != 0 && layout.strides[axis] == of.row) {
                const int part = of.size / of.parts;
                const int beyond = of.beyond - (layout.offset - of.offset) % part / of.row;
                if (!output && (counts == 0 || beyond <= 0)) {
                    result.beyond[axis] = beyond;
                    counts |= of.counts;
                }
                result.axis = axis;
                result.written = of.counts;
            }
        }
        result.any = result.any || counts != 0;
    }
    return result;
}
/// The view of a relation under the given counts.
template <class Plan, int Relation>
constexpr weight_view limited_view([[maybe_unused]] const int* given) noexcept {
    constexpr view_limits limits = limits_of_view<Plan>(Relation);
    // A constant: a call would put the plan's tables into unoptimised programs.
    constexpr weight_view whole = view_of_relation<Plan>(Relation);
    weight_view result = whole;
    if constexpr (limits.any)
        for (int axis = 0; axis < result.rank; ++axis)
            if (limits.counts[axis] != 0)
                result.extents[axis] =
                    std::clamp(plan::least_count(limits.counts[axis], result.extents[axis], given) +
                                   limits.beyond[axis],
                               0, result.extents[axis]);
    return result;
}

/// Index of the relation of this name; -1 if there is none.
template <class Plan, fixed_string Name>
consteval int find_relation() {
    constexpr plan::name id =
        plan::make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    for (int at = 0; at < Plan::shapes.text.relations.size(); ++at) {
        const plan::relation& known = Plan::shapes.text.relations[at];
        if (known.id == id && !known.invented && known.scope == 0) return at;
    }
    return -1;
}

/// True if the relation's values are still in memory after forward.
template <class Plan>
constexpr bool is_kept(int at) {
    if (at < 0) return false;
    const plan::relation_layout& layout = Plan::tables.relations[at];
    return layout.where == plan::place::value &&
           Plan::tables.buffers[layout.index].last >= Plan::tables.steps.size();
}

/// Mark of a workspace: no forward since the last backward.
inline constexpr std::uint64_t nothing_left = 0;
/// Mark that a release build leaves, which does not compare arguments.
inline constexpr std::uint64_t left_by_any = 1;  // written by release builds, which do not compare

/// A hash of the arguments of a call, by which debug builds recognize them in backward. It covers
/// some elements of each array.
class call_mark {
  public:
    /// Adds a number.
    template <class N>
    void add(N number) noexcept {
        static_assert(sizeof(N) <= sizeof(std::uint64_t));
        std::uint64_t bits = 0;
        std::memcpy(&bits, &number, sizeof(N));
        hash_ = (hash_ ^ bits) * 1099511628211U;
        hash_ ^= hash_ >> 29;
    }
    /// Adds the size, about 8 evenly spaced elements and the last element of an array.
    template <class N>
    void add(const N* numbers, int size) noexcept {
        add(size);
        const int step = std::max(1, size / 8);
        for (int at = 0; at < size; at += step) add(numbers[at]);
        if (size > 0) add(numbers[size - 1]);
    }
    /// The hash, never one of the reserved marks.
    std::uint64_t value() const noexcept { return std::max<std::uint64_t>(hash_, 2); }

  private:
    std::uint64_t hash_ = 14695981039346656037U;
};

/// The memory of one call, laid out by the plan `Placed`, in numbers of type T. The next call
/// reuses it. Use one per thread.
template <class Placed, class T>
struct alignas(64) call_memory {
    static_assert(Placed::tables.workspace != plan::too_large,
                  "sequent: the memory of this call would have more than 2147483647 numbers");
    /// Number of values in `numbers`.
    static constexpr int size = Placed::tables.workspace > 0 ? Placed::tables.workspace : 1;
    /// Number of values in `prepared`.
    static constexpr int prepared_size = Placed::tables.prepared > 0 ? Placed::tables.prepared : 1;

    /// The values of relations, and in a workspace their gradients.
    T numbers[static_cast<std::size_t>(size)]{};
    /// Values that depend on parameters alone; used if the parameters are not given prepared.
    alignas(64) T prepared[static_cast<std::size_t>(prepared_size)]{};
    /// Temporary memory of general steps with large values.
    alignas(64) T scratch[static_cast<std::size_t>(scratch_size<Placed, T>)]{};
    /// Number of counts of the program.
    static constexpr int count_of_counts = Placed::shapes.text.counts.size();
    /// The counts that forward was given.
    int counts[count_of_counts > 0 ? count_of_counts : 1]{};

    /// View of a relation's values after forward; in a workspace they are valid until backward. If
    /// a count or a fact's length ends the relation, the view may end there. Does not compile if
    /// the program has no relation of this name, or if its memory is reused before the end of
    /// forward: name such a relation in a query.
    template <fixed_string Name>
    auto operator[](language::relation<Name>) const noexcept {
        constexpr int at = find_relation<Placed, Name>();
        constexpr bool kept = is_kept<Placed>(at);
        using reason =
            std::conditional_t<(at < 0), mistake::no_relation_of_this_name,
                               mistake::the_plan_does_not_keep_this_relation_without_a_query>;
        if constexpr (kept) {
            constexpr int rank = view_of_relation<Placed>(at).rank;
            return to_tensor<rank>(limited_view<Placed, at>(counts), numbers);
        } else {
            static_assert(sizeof(check_name<plan::named_as<Name>, reason>) > 0);
            return tensor_view<const T>{};
        }
    }
};

/// The memory of inference: Model::scratch<T>. Memory is reused as soon as a value has been read
/// for the last time, and all layers of a stack share the memory of one.
template <class Plan, class T>
struct scratch_block : call_memory<plan::inference_plan_of<Plan>, T> {
    /// The plan with the memory layout of inference.
    using placed = plan::inference_plan_of<Plan>;

    /// `s = {}` sets all values to zero.
    scratch_block& operator=(zeros) noexcept {
        std::fill_n(this->numbers, this->size, T(0));
        return *this;
    }
};

/// A plan whose products round their operands to Products. If Products is T, nothing is rounded;
/// for other types see model/rounded.hpp.
template <class Plan, class T, class Products>
struct rounded_plan_of;
/// Products are not rounded.
template <class Plan, class T>
struct rounded_plan_of<Plan, T, T> {
    using type = Plan;
};

/// The memory of training: Model::workspace<T, Products>. Values and gradients whose lifetimes do
/// not overlap share memory.
template <class Plan, class T, class Products = T>
struct workspace_block : call_memory<Plan, T> {
    /// The plan with the memory layout of training.
    using placed = typename rounded_plan_of<Plan, T, Products>::type;

    /// The gradient of the prepared values.
    alignas(64) T prepared_gradient[static_cast<std::size_t>(workspace_block::prepared_size)]{};
    /// Mark of the arguments of the last forward, or nothing_left after backward. Written in every
    /// build, so that the layout is the same; compared in debug builds.
    std::uint64_t left_by = nothing_left;

    /// `w = {}` sets all values to zero and forgets the last forward.
    workspace_block& operator=(zeros) noexcept {
        std::fill_n(this->numbers, this->size, T(0));
        left_by = nothing_left;
        return *this;
    }
};

/// True if backward can use the memory.
template <class Memory, class Plan, class T>
inline constexpr bool is_workspace = false;
template <class Plan, class T, class Products>
inline constexpr bool is_workspace<workspace_block<Plan, T, Products>, Plan, T> = true;
/// Memory that backward can use.
template <class Memory, class Plan, class T>
concept workspace_of = is_workspace<Memory, Plan, T>;

/// Memory that forward can use: a workspace or a scratch.
template <class Memory, class Plan, class T>
concept memory_of = workspace_of<Memory, Plan, T> || std::is_same_v<Memory, scratch_block<Plan, T>>;

}  // namespace sequent::inline SEQUENT_ABI::model_detail
