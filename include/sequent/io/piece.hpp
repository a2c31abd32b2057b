#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../model/tensor_view.hpp"
#include "dtype.hpp"

/// Correspondence between views of parameters and numbers of a file's tensors, row by row.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// One more axis than a parameter has: a change of row order splits an axis in two.
inline constexpr std::size_t max_axes = max_rank + 1;

/// A type-erased view of float, double or, for `.npy` files, int32; `type` states the element size.
/// It lets the code for files be compiled once for all element types and models. Const data is only
/// read.
struct any_view {
    void* data = nullptr;
    dtype type = dtype::f32;
    int rank = 0;
    std::array<int, max_axes> extents{};
    std::array<int, max_axes> strides{};

    template <class T>
    static any_view of(const tensor_view<T>& view) noexcept {
        any_view result;
        result.data = const_cast<std::remove_const_t<T>*>(view.data);
        result.type = sizeof(T) == 4 ? dtype::f32 : dtype::f64;
        result.rank = view.rank;
        for (std::size_t axis = 0; axis < view.extents.size(); ++axis) {
            result.extents[axis] = view.extents[axis];
            result.strides[axis] = view.strides[axis];
        }
        return result;
    }

    std::int64_t size() const noexcept {
        std::int64_t count = 1;
        for (int axis = 0; axis < rank; ++axis) count *= extents[static_cast<std::size_t>(axis)];
        return count;
    }
};

SEQUENT_LAZY
SEQUENT_COLD std::vector<std::uint64_t> shape_of(const any_view& view) {
    std::vector<std::uint64_t> shape;
    for (int axis = 0; axis < view.rank; ++axis) {
        shape.push_back(static_cast<std::uint64_t>(view.extents[static_cast<std::size_t>(axis)]));
    }
    return shape;
}

/// The strides of a row-major tensor of this shape.
SEQUENT_LAZY
inline std::array<std::uint64_t, max_axes> row_major(const any_view& view) {
    std::array<std::uint64_t, max_axes> result{};
    std::uint64_t stride = 1;
    for (auto axis = static_cast<std::size_t>(view.rank); axis-- > 0;) {
        result[axis] = stride;
        stride *= static_cast<std::uint64_t>(view.extents[axis]);
    }
    return result;
}

/// A view and the numbers of a file's tensor that it corresponds to: same extents, beginning at
/// number `first`, with `strides` in the tensor.
struct piece {
    any_view view;
    std::size_t tensor = 0;  // its index in the file
    std::uint64_t first = 0;
    std::array<std::uint64_t, max_axes> strides{};
    bool is_summand = false;  // the numbers are added to the view's
    double plus = 0;          // added to each number
};

/// The piece of a view that corresponds to a whole tensor.
SEQUENT_LAZY
inline piece whole(const any_view& view, std::size_t tensor) {
    return {view, tensor, 0, row_major(view)};
}

/// A row of a piece: `columns` elements of the view, `stride` apart from `at` on, correspond to the
/// tensor's numbers `number_stride` apart from `number` on.
struct piece_row {
    std::ptrdiff_t at = 0;
    std::ptrdiff_t stride = 1;
    std::uint64_t number = 0;
    std::uint64_t number_stride = 1;
    std::size_t columns = 1;
};

/// The piece with its axes sorted by descending stride in the tensor.
SEQUENT_LAZY
SEQUENT_COLD piece in_order(piece part) {
    const auto rank = static_cast<std::size_t>(part.view.rank);
    for (std::size_t end = 1; end < rank; ++end) {
        for (std::size_t at = end; at > 0 && part.strides[at - 1] < part.strides[at]; --at) {
            std::swap(part.strides[at - 1], part.strides[at]);
            std::swap(part.view.strides[at - 1], part.view.strides[at]);
            std::swap(part.view.extents[at - 1], part.view.extents[at]);
        }
    }
    return part;
}

/// Calls f(piece_row) for each row of a piece, in the order of the tensor's numbers.
template <class F>
SEQUENT_COLD void for_each_row(const piece& given, F f) {
    const piece part = in_order(given);
    const any_view& view = part.view;
    if (view.size() == 0) return;
    piece_row result;
    result.number = part.first;
    std::size_t last = 0;
    if (view.rank > 0) {
        last = static_cast<std::size_t>(view.rank) - 1;
        result.columns = static_cast<std::size_t>(view.extents[last]);
        result.stride = view.strides[last];
        result.number_stride = part.strides[last];
    }
    std::array<int, max_axes> index{};
    for (;;) {
        f(result);
        std::size_t axis = last;
        for (;; --axis) {
            if (axis == 0) return;
            const std::size_t place = axis - 1;
            result.at += view.strides[place];
            result.number += part.strides[place];
            if (++index[place] < view.extents[place]) break;
            const auto extent = static_cast<std::uint64_t>(view.extents[place]);
            result.at -= static_cast<std::ptrdiff_t>(extent) * view.strides[place];
            result.number -= extent * part.strides[place];
            index[place] = 0;
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail
