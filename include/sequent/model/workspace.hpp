#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ground_rule.hpp"
#include "parameters.hpp"

/// The memory of a call, and where the values of relations lie in it.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan>
constexpr weight_view view_of_relation(int at) {
    const plan::relation_layout& layout = Plan::tables.relations[at];
    const plan::relation_shape& shape = Plan::shapes.relations[at];
    weight_view result;
    result.offset = layout.offset;
    if (layout.pairs.any()) {
        result.extents[result.rank] = Plan::facts[layout.pairs.fact].pairs;
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

/// Whether the relation's values are still there once forward has returned.
template <class Plan>
constexpr bool is_kept(int at) {
    if (at < 0) return false;
    const plan::relation_layout& layout = Plan::tables.relations[at];
    return layout.where == plan::place::value &&
           Plan::tables.buffers[layout.index].last >= Plan::tables.steps.size();
}

inline constexpr std::uint64_t nothing_left = 0;
inline constexpr std::uint64_t left_by_any = 1;  // by a release build, which does not look

/// A number that stands for what a call is given. Of arrays it takes a few elements.
class call_mark {
  public:
    template <class N>
    void add(N number) noexcept {
        static_assert(sizeof(N) <= sizeof(std::uint64_t));
        std::uint64_t bits = 0;
        std::memcpy(&bits, &number, sizeof(N));
        hash_ = (hash_ ^ bits) * 1099511628211U;
        hash_ ^= hash_ >> 29;
    }
    template <class N>
    void add(const N* numbers, int size) noexcept {
        add(size);
        const int step = std::max(1, size / 8);
        for (int at = 0; at < size; at += step) add(numbers[at]);
        if (size > 0) add(numbers[size - 1]);
    }
    std::uint64_t value() const noexcept { return std::max<std::uint64_t>(hash_, 2); }

  private:
    std::uint64_t hash_ = 14695981039346656037U;
};

/// The memory of one call, reused by the next; one per thread. Values and gradients share it by the
/// time in which they are needed.
template <class Plan, class T>
struct alignas(64) workspace_block {
    static constexpr int size = Plan::tables.workspace > 0 ? Plan::tables.workspace : 1;
    static constexpr int prepared_size = Plan::tables.prepared > 0 ? Plan::tables.prepared : 1;

    T numbers[static_cast<std::size_t>(size)]{};
    /// What parameters that have not been prepared are prepared to, and its gradient.
    alignas(64) T prepared[static_cast<std::size_t>(prepared_size)]{};
    alignas(64) T prepared_gradient[static_cast<std::size_t>(prepared_size)]{};
    alignas(64) T scratch[static_cast<std::size_t>(scratch_size<Plan, T>)]{};
    /// What forward was given, for backward, which uses up the values: nothing_left if there are
    /// none. Written in every build, so that the layout is the same; checked in debug builds.
    std::uint64_t left_by = nothing_left;

    workspace_block& operator=(zeros) noexcept {
        std::fill_n(numbers, size, T(0));
        left_by = nothing_left;
        return *this;
    }

    /// A relation's values after forward, until backward.
    template <fixed_string Name>
    auto operator[](language::relation<Name>) const noexcept {
        constexpr int at = find_relation<Plan, Name>();
        constexpr bool kept = is_kept<Plan>(at);
        using reason =
            std::conditional_t<(at < 0), mistake::no_relation_of_this_name,
                               mistake::the_plan_does_not_keep_this_relation_without_a_query>;
        if constexpr (kept) {
            constexpr weight_view view = view_of_relation<Plan>(at);
            return to_tensor<view.rank>(view, numbers);
        } else {
            static_assert(sizeof(check_name<plan::named_as<Name>, reason>) > 0);
            return tensor_view<const T>{};
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
