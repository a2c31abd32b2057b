#pragma once

#include <algorithm>
#include <array>

#include "workspace.hpp"

/// The outputs of a plan as a caller sees them, and their layout in memory.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Calls body(position, offset, length) for the contiguous runs of a view's elements: `offset` in
/// memory, `position` in row-major order of the extents of `whole`, of which the view may be a
/// part.
template <class Body>
SEQUENT_INLINE void each_run(const weight_view& view, const weight_view& whole,
                             Body body) noexcept {
    int length = 1;
    int axes = view.rank;
    bool inner = true;  // all inner axes are whole
    while (axes > 0 && view.strides[axes - 1] == length && inner) {
        --axes;
        length *= view.extents[axes];
        inner = view.extents[axes] == whole.extents[axes];
    }
    int runs = 1;
    for (int axis = 0; axis < axes; ++axis) runs *= view.extents[axis];
    int step = 1;
    for (int axis = axes; axis < view.rank; ++axis) step *= whole.extents[axis];
    for (int run = 0; run < runs && length > 0; ++run) {
        int offset = view.offset;
        int position = 0;
        int rest = run;
        int stride = step;
        for (int axis = axes; axis-- > 0; rest /= view.extents[axis]) {
            const int index = rest % view.extents[axis];
            offset += index * view.strides[axis];
            position += index * stride;
            stride *= whole.extents[axis];
        }
        body(position, offset, length);
    }
}
template <class Body>
SEQUENT_INLINE void each_run(const weight_view& view, Body body) noexcept {
    each_run(view, view, body);
}

/// The outputs of a plan as a caller sees them: row-major, one after another.
template <class Plan>
struct output_layout {
    /// Number of outputs.
    static constexpr int count = Plan::shapes.outputs.size();
    /// The names of the outputs.
    static constexpr auto names = [] {
        plan::list<plan::name, count> result;
        for (int at : Plan::shapes.outputs) result.push(Plan::shapes.text.relations[at].id);
        return result;
    }();
    /// The views of the outputs in the memory of the plan.
    static constexpr auto whole_views = [] {
        plan::list<weight_view, count> result;
        for (int at : Plan::shapes.outputs) result.push(view_of_relation<Plan>(at));
        return result;
    }();
    /// The view of an output in the memory of the plan.
    static constexpr weight_view view(int at) { return whole_views[at]; }
    /// Number of elements of an output.
    static constexpr int size(int at) {
        const weight_view of = view(at);
        int product = 1;
        for (int axis = 0; axis < of.rank; ++axis) product *= of.extents[axis];
        return product;
    }
    /// Position of the first element of an output.
    static constexpr int offset(int at) {
        int before = 0;
        for (int other = 0; other < at; ++other) before += size(other);
        return before;
    }
    /// Number of elements of all outputs.
    static constexpr int total = offset(count);

    /// The view of an output in this layout.
    static constexpr weight_view side_by_side(int at) {
        weight_view result = view(at);
        int stride = 1;
        for (int axis = result.rank; axis-- > 0; stride *= result.extents[axis])
            result.strides[axis] = stride;
        result.offset = offset(at);
        return result;
    }

    /// True if all outputs have the same rank.
    static constexpr bool same_rank = [] {
        bool result = count > 0;
        for (int at = 1; at < count; ++at) result = result && view(at).rank == view(0).rank;
        return result;
    }();
    static constexpr int rank = same_rank ? view(0).rank : 0;

    /// The view of one output: of static rank if all outputs have the same rank.
    template <class T>
    using one_view = std::conditional_t<same_rank, ranked_view<T, rank>, tensor_view<T>>;
    /// A view of the only output, or an array of views.
    template <class T>
    using views = std::conditional_t<count == 1, one_view<T>,
                                     std::array<one_view<T>, static_cast<std::size_t>(count)>>;

    /// Sets numbers of this layout to zero and returns views of them; outputs that follow a fact's
    /// length end there.
    template <class T>
    static views<T> cleared_views(T* numbers, const int* counts) noexcept {
        views<T> result;
        kernel::unroll<count>([&](auto index) {
            constexpr int at = index();
            constexpr weight_view whole = side_by_side(at);
            weight_view one = whole;
            const weight_view limited = limited_view<Plan, Plan::shapes.outputs[at]>(counts);
            std::copy_n(limited.extents, max_rank, one.extents);
            each_run(one, [&](int, int offset, int length) {
                std::fill_n(numbers + offset, length, T(0));
            });
            constexpr int own_rank = whole.rank;
            if constexpr (count == 1)
                result = to_tensor<own_rank>(one, numbers);
            else
                result[static_cast<std::size_t>(at)] = to_tensor<own_rank>(one, numbers);
        });
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
