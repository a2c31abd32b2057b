#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "path.hpp"
#include "placement.hpp"
#include "safetensors.hpp"

/// Computes the location of a parameter in the tensor that a map entry names.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// The shape of the tensor that holds a parameter or one of its layers, and the location in it.
struct placed {
    std::vector<std::uint64_t> shape;
    std::uint64_t first = 0;
    std::array<std::uint64_t, max_axes> strides{};
    std::uint64_t begin = 0;  // the rows [begin, end) of `all` that it takes, part after part
    std::uint64_t end = 0;
    std::uint64_t all = 0;
    std::size_t row_axes = 0;  // axes of the view that form rows, before its columns
    std::string problem;
};

/// The rows of each head that the model's rotary positions rotate.
struct rotated_rows {
    bool neighbours = false;  // rows 2k and 2k + 1 form a pair, not k and k + half
    int turned = 0;           // number of the first rows that are rotated; 0: all; -1: it differs
};

/// The extents that a placement states for a parameter of the shape `own`. `found` is the shape in
/// the file, or null; it determines the side of squares.
SEQUENT_LAZY
SEQUENT_COLD std::vector<std::uint64_t> stated_shape(const std::vector<std::uint64_t>& own,
                                                     const placement& how,
                                                     const std::vector<std::uint64_t>* found) {
    const auto extents = std::span(how.shape).first(static_cast<std::size_t>(how.rank));
    const std::uint64_t size = size_of(own);
    std::vector<std::uint64_t> result;
    std::uint64_t others = 1;
    std::size_t sides = 0;
    for (const int extent : extents) {
        const auto axis = static_cast<std::size_t>(-1 - extent);
        result.push_back(extent > 0          ? static_cast<std::uint64_t>(extent)
                         : extent == 0       ? 1
                         : extent == side    ? 1
                         : axis < own.size() ? own[axis]
                                             : 0);
        others *= result.back();
        sides += extent == side ? 1U : 0U;
    }
    // The number of elements left for squares and for the extent of 0.
    std::uint64_t rest = others == 0 ? 0 : size / others;
    const auto power = [&](std::uint64_t length) {
        std::uint64_t all = 1;
        for (std::size_t at = 0; at < sides && all <= rest; ++at) all *= length;
        return all;
    };
    std::uint64_t length = 1;
    if (sides > 0 && rest > 0) {
        if (found && found->size() == extents.size()) {
            for (std::size_t axis = 0; axis < extents.size(); ++axis)
                if (extents[axis] == side)
                    length = std::min(std::max<std::uint64_t>((*found)[axis], 1), rest);
        } else {
            for (std::uint64_t each = 2; power(each) <= rest; ++each)
                if (rest % power(each) == 0) length = each;
        }
        rest /= std::max<std::uint64_t>(1, std::min(power(length), rest));
    }
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        if (extents[axis] == 0) result[axis] = rest;
        if (extents[axis] == side) result[axis] = length;
    }
    return result;
}

/// The location of a parameter in its tensor, of which `taken` rows belong to earlier parameters.
/// `found` is the tensor's shape in the file, or null.
SEQUENT_LAZY
SEQUENT_COLD placed place(const any_view& view, const placement& how, std::uint64_t taken,
                          const std::vector<std::uint64_t>* found = nullptr) {
    const std::vector<std::uint64_t> own = shape_of(view);
    const std::uint64_t size = size_of(own);
    const auto rank = own.size();
    const bool vector = how.flat || rank < 2;
    placed result;
    result.strides = row_major(view);
    if (how.rank != 0 || how.taps) {
        result.end = result.all = size;
        if (how.range != row_range::all || how.transposed || how.flat ||
            how.order != row_order::any || (how.taps && how.rank != 0)) {
            result.problem = "a tensor of another shape is whole and not transposed";
            return result;
        }
    }
    if (how.rank < 0 || how.taps) {
        result.shape = own;
        if (!how.taps) return result;
        if (rank < 2) result.problem = "it has no taps";
        for (std::size_t axis = 1; axis < rank; ++axis) {
            std::swap(result.shape[axis - 1], result.shape[axis]);
            result.strides[axis] *= own[0];
        }
        result.strides[0] = 1;
        return result;
    }
    if (how.rank > 0) {
        result.shape = stated_shape(own, how, found);
        if (size_of(result.shape) != size)
            result.problem = joined_text(
                {"shape ", shape_text(result.shape), " has not its ", size, " elements"});
        return result;
    }
    const std::uint64_t columns = vector ? 1 : own.back();
    const std::uint64_t count = columns == 0 ? 0 : size / columns;
    const auto of = static_cast<std::uint64_t>(how.of);
    const auto begin = static_cast<std::uint64_t>(how.begin);
    const bool is_part = how.range == row_range::part || how.range == row_range::interleaved;
    const bool follows = how.range == row_range::successive;
    result.begin = is_part ? begin * count : follows ? taken : begin;
    result.end = result.begin + count;
    result.all = is_part ? of * count : how.range == row_range::all ? count : of;
    if (how.range == row_range::open || follows) {
        // The file's tensor determines the number of rows.
        const std::size_t axis = how.transposed && !vector ? 1 : 0;
        result.all = found && found->size() == (vector ? 1U : 2U) ? (*found)[axis] : result.end;
    }
    if (result.end > result.all) {
        result.problem = joined_text({"rows [", result.begin, ", ", result.end, ") are beyond the ",
                                      result.all, " of the tensor"});
    }
    const std::size_t row_axes = result.row_axes = vector ? rank : rank - 1;
    const bool within = how.range == row_range::interleaved;
    if (how.order != row_order::any &&
        (row_axes == (within ? 1U : 0U) || own[row_axes - 1] % 2 != 0))
        result.problem = "its heads have no halves";
    const auto groups = static_cast<std::uint64_t>(how.groups);
    if (within && groups > 0 && (row_axes == 0 || own[0] % groups != 0))
        result.problem = joined_text({"its first extent has no ", groups, " equal ranges"});
    if (vector) {
        if (!own.empty() || how.range != row_range::all || how.flat) result.shape = {result.all};
    } else if (how.transposed) {
        result.shape = {columns, result.all};
        // Rows are adjacent; columns are `all` numbers apart.
        for (std::size_t axis = 0; axis < row_axes; ++axis)
            result.strides[axis] = columns == 0 ? 0 : result.strides[axis] / columns;
        result.strides[row_axes] = result.all;
    } else {
        result.shape = {result.all, columns};
    }
    const std::uint64_t row = vector || how.transposed ? 1 : columns;
    if (within && row_axes > 0 && groups == 0) {
        result.first = begin * result.strides[0];
        result.strides[0] *= of;
    } else if (within && row_axes > 0) {
        result.first = begin * (own[0] / groups) * result.strides[0];
    } else {
        result.first = result.begin * row;
    }
    return result;
}

/// The indices [begin, begin + count) of a piece along an axis.
SEQUENT_LAZY
SEQUENT_COLD piece range_of(piece of, std::size_t axis, int begin, int count) {
    of.view.data = static_cast<std::byte*>(of.view.data) +
                   std::ptrdiff_t{begin} * of.view.strides[axis] *
                       static_cast<std::ptrdiff_t>(io::size_of(of.view.type));
    of.first += static_cast<std::uint64_t>(begin) * of.strides[axis];
    of.view.extents[axis] = count;
    return of;
}

/// Adds a piece whose first `turned` indices along an axis are in the other order of rotary
/// positions in the tensor than in the view (`neighbours`: that of the view is rotary()'s): that
/// axis is split in two.
SEQUENT_LAZY
SEQUENT_COLD void add_reordered(std::vector<piece>& to, const piece& all, std::size_t axis,
                                int turned, bool neighbours) {
    const int length = all.view.extents[axis];
    if (turned < length) to.push_back(range_of(all, axis, turned, length - turned));
    piece part = all;
    for (auto at = static_cast<std::size_t>(part.view.rank++); at > axis; --at) {
        part.view.extents[at] = part.view.extents[at - 1];
        part.view.strides[at] = part.view.strides[at - 1];
        part.strides[at] = part.strides[at - 1];
    }
    const int half = turned / 2;
    part.view.extents[axis] = half;
    part.view.extents[axis + 1] = 2;
    // Element k of half h has index 2 k + h in the order of neighbours, k + h half in that of
    // halves.
    const auto split = [axis, half](auto& of, bool by_neighbours) {
        const auto stride = of[axis];
        of[axis] = by_neighbours ? 2 * stride : stride;
        of[axis + 1] = by_neighbours
                           ? stride
                           : stride * static_cast<std::remove_const_t<decltype(stride)>>(half);
    };
    split(part.view.strides, neighbours);
    split(part.strides, !neighbours);
    to.push_back(part);
}

/// Adds the pieces of a view at a location of a tensor. Returns the problem, if there is one.
SEQUENT_LAZY
SEQUENT_COLD std::string add_pieces(std::vector<piece>& to, const any_view& view,
                                    std::size_t tensor, const placed& where, const placement& how,
                                    const rotated_rows& rotated) {
    const piece all{view, tensor, where.first, where.strides, how.summand, how.plus};
    const bool reordered = how.order == row_order::halves
                               ? rotated.neighbours
                               : how.order == row_order::neighbours && !rotated.neighbours;
    const std::size_t axis = where.row_axes - 1;
    if (reordered && rotated.turned < 0)
        return "the model rotates different numbers of rows of its heads";
    if (reordered && rotated.turned > view.extents[axis])
        return "its heads have fewer rows than the model rotates";
    // The parts of a tensor lie one after another within each group.
    const int groups = how.range == row_range::interleaved && how.groups > 0 ? how.groups : 1;
    const int of_group = groups > 1 ? view.extents[0] / groups : 0;
    for (int group = 0; group < groups; ++group) {
        piece part = all;
        if (groups > 1) {
            part = range_of(all, 0, group * of_group, of_group);
            part.first += static_cast<std::uint64_t>(group) *
                          static_cast<std::uint64_t>(of_group * (how.of - 1)) * part.strides[0];
        }
        if (!reordered)
            to.push_back(part);
        else
            add_reordered(to, part, axis, rotated.turned > 0 ? rotated.turned : view.extents[axis],
                          rotated.neighbours);
    }
    return "";
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail
