#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>

#include "../fail.hpp"
#include "tensor_view.hpp"

/// Views of containers, and views as classes of other libraries: std::mdspan, Eigen, xtensor. These
/// are recognised by their members; nothing of them is included.

namespace sequent::inline SEQUENT_ABI {

namespace view_detail {

/// An xtensor container or view, or another class with this interface.
template <class X>
concept shaped = requires(const X& x) {
    x.shape();
    x.data();
    x.strides();
};

/// A matrix, a vector, a map or a block of Eigen whose elements are in memory.
template <class X>
concept eigen = requires(const X& x) {
    X::IsRowMajor;
    x.data();
    x.innerStride();
    x.outerStride();
};

/// The rank of a class with shape(); -1 if it is known at run time only.
template <class Shape>
inline constexpr int rank_of_shape = -1;
template <class Shape>
    requires requires {
        std::tuple_size<Shape>::value;
    }
inline constexpr int rank_of_shape<Shape> = static_cast<int>(std::tuple_size<Shape>::value);

template <class T>
SEQUENT_COLD void check_rank(T rank) {
    if (static_cast<int>(rank) > max_rank)
        fail<argument_error>("sequent: a view has at most " + std::to_string(max_rank) +
                             " dimensions, given are " + std::to_string(rank));
}

}  // namespace view_detail

/// A row-major view of the elements of a contiguous container: `view_of(logits, rows, classes)`.
/// The container must outlive the view. Throws argument_error if its size is not the product of the
/// extents.
template <class Numbers, std::convertible_to<int>... Extents>
    requires(sizeof...(Extents) >= 1 && sizeof...(Extents) <= max_rank)
[[nodiscard]] constexpr auto view_of(Numbers&& numbers, Extents... extents) {
    const std::span elements(numbers);
    using element = typename decltype(elements)::element_type;
    ranked_view<element, static_cast<int>(sizeof...(Extents))> result;
    result.data = elements.data();
    result.rank = static_cast<int>(sizeof...(Extents));
    std::size_t axis = 0;
    ((result.extents[axis++] = static_cast<int>(extents)), ...);
    std::ptrdiff_t stride = 1;
    while (axis-- > 0) {
        result.strides[axis] = static_cast<int>(stride);
        stride *= result.extents[axis];
        if (result.extents[axis] < 0 || stride > std::numeric_limits<int>::max())
            fail<argument_error>("sequent: a view with the extent " +
                                 std::to_string(result.extents[axis]));
    }
    if (elements.size() != static_cast<std::size_t>(stride))
        fail<argument_error>("sequent: a view of " + std::to_string(stride) +
                             " elements, given are " + std::to_string(elements.size()));
    return result;
}

/// A view of a container or view of xtensor, with its extents and strides. It must outlive the
/// view. Throws argument_error if it has more than max_rank dimensions.
template <class X>
    requires view_detail::shaped<std::remove_cvref_t<X>>
[[nodiscard]] constexpr auto view_of(X&& x) {
    auto* data = x.data();
    using element = std::remove_pointer_t<decltype(data)>;
    constexpr int rank = view_detail::rank_of_shape<std::remove_cvref_t<decltype(x.shape())>>;
    std::conditional_t<(rank >= 0), ranked_view<element, rank>, tensor_view<element>> result;
    view_detail::check_rank(x.shape().size());
    result.rank = static_cast<int>(x.shape().size());
    result.data = data;
    if constexpr (requires { x.data_offset(); }) result.data += x.data_offset();
    for (std::size_t axis = 0; axis < static_cast<std::size_t>(result.rank); ++axis) {
        result.extents[axis] = static_cast<int>(x.shape()[axis]);
        result.strides[axis] = static_cast<int>(x.strides()[axis]);
    }
    return result;
}

/// A view of a matrix of Eigen, of its rows and columns, or of a vector, whatever its storage
/// order. The matrix must outlive the view.
template <class X>
    requires view_detail::eigen<std::remove_cvref_t<X>>
[[nodiscard]] constexpr auto view_of(X&& x) {
    using matrix = std::remove_cvref_t<X>;
    using element = std::remove_pointer_t<decltype(x.data())>;
    ranked_view<element, matrix::IsVectorAtCompileTime ? 1 : 2> result;
    result.data = x.data();
    const auto inner = static_cast<int>(x.innerStride());
    const auto outer = static_cast<int>(x.outerStride());
    if constexpr (matrix::IsVectorAtCompileTime) {
        result.rank = 1;
        result.extents[0] = static_cast<int>(x.size());
        result.strides[0] = inner;
    } else {
        result.rank = 2;
        result.extents = {static_cast<int>(x.rows()), static_cast<int>(x.cols())};
        result.strides = {matrix::IsRowMajor ? outer : inner, matrix::IsRowMajor ? inner : outer};
    }
    return result;
}

namespace view_detail {

/// Throws argument_error unless the elements lie as a class of another library needs them.
inline void check_layout(bool fits) {
    if (!fits)
        fail<argument_error>(
            "sequent: the class that a view is converted to has other extents or "
            "other strides");
}

/// Converts a view to Target; see to<Target>().
template <class Target>
struct conversion {
    template <class T>
    static Target of(const tensor_view<T>& view) {
        if constexpr (requires { typename Target::mapping_type; }) {
            using extents = typename Target::extents_type;
            using index = typename Target::index_type;
            constexpr std::size_t rank = extents::rank();
            check_layout(view.rank == static_cast<int>(rank));
            std::array<index, rank> sizes{}, strides{};
            for (std::size_t axis = 0; axis < rank; ++axis) {
                sizes[axis] = static_cast<index>(view.extents[axis]);
                strides[axis] = static_cast<index>(view.strides[axis]);
                check_layout(extents::static_extent(axis) == static_cast<std::size_t>(-1) ||
                             extents::static_extent(axis) == static_cast<std::size_t>(sizes[axis]));
            }
            if constexpr (std::is_constructible_v<typename Target::mapping_type, extents,
                                                  std::array<index, rank>>) {
                return Target(view.data, typename Target::mapping_type(extents(sizes), strides));
            } else {
                const typename Target::mapping_type mapping{extents(sizes)};
                for (std::size_t axis = 0; axis < rank; ++axis)
                    check_layout(sizes[axis] == 1 || mapping.stride(axis) == strides[axis]);
                return Target(view.data, mapping);
            }
        } else {
            static_assert(
                requires { typename Target::shape_type; },
                "sequent: a view is converted to a std::mdspan, a map of Eigen or a "
                "container of xtensor");
            typename Target::shape_type shape{};
            if constexpr (requires { shape.resize(std::size_t(1)); })
                shape.resize(static_cast<std::size_t>(view.rank));
            check_layout(shape.size() == static_cast<std::size_t>(view.rank));
            for (std::size_t axis = 0; axis < shape.size(); ++axis) {
                const auto extent = static_cast<typename Target::size_type>(view.extents[axis]);
                if constexpr (requires { shape[axis] = extent; })
                    shape[axis] = extent;
                else
                    check_layout(shape[axis] == extent);
            }
            Target result(shape);
            const auto to = view_of(result);
            for (int at = 0; at < view.size(); ++at) to.element(at) = view.element(at);
            return result;
        }
    }
};

/// Maps of Eigen. `Plain` is the matrix or the vector that is mapped.
template <template <class, int, class> class Map, class Plain, int Options, class Stride>
    requires eigen<Map<Plain, Options, Stride>>
struct conversion<Map<Plain, Options, Stride>> {
    template <class T>
    static Map<Plain, Options, Stride> of(const tensor_view<T>& view) {
        using target = Map<Plain, Options, Stride>;
        constexpr bool is_vector = target::IsVectorAtCompileTime != 0;
        check_layout(view.rank == 2 || (view.rank == 1 && is_vector));
        std::array<std::ptrdiff_t, 2> size{view.extents[0], view.extents[1]};
        std::array<std::ptrdiff_t, 2> stride{view.strides[0], view.strides[1]};
        if (view.rank == 1) {
            // A column, or a row.
            const bool row = target::RowsAtCompileTime == 1;
            size = {row ? 1 : view.extents[0], row ? view.extents[0] : 1};
            stride = {view.strides[0], view.strides[0]};
        }
        check_layout((target::RowsAtCompileTime < 0 || target::RowsAtCompileTime == size[0]) &&
                     (target::ColsAtCompileTime < 0 || target::ColsAtCompileTime == size[1]));
        constexpr std::size_t inner = target::IsRowMajor ? 1 : 0;
        constexpr std::ptrdiff_t fixed_inner = Stride::InnerStrideAtCompileTime;
        constexpr std::ptrdiff_t fixed_outer = Stride::OuterStrideAtCompileTime;
        const std::ptrdiff_t inner_stride = fixed_inner == 0  ? 1
                                            : fixed_inner < 0 ? stride[inner]
                                                              : fixed_inner;
        const std::ptrdiff_t outer_stride = fixed_outer == 0  ? inner_stride * size[inner]
                                            : fixed_outer < 0 ? stride[1 - inner]
                                                              : fixed_outer;
        check_layout((size[inner] <= 1 || inner_stride == stride[inner]) &&
                     (size[1 - inner] <= 1 || outer_stride == stride[1 - inner]));
        if constexpr (fixed_inner < 0 && fixed_outer < 0)
            return target(view.data, size[0], size[1], Stride(outer_stride, inner_stride));
        else if constexpr (fixed_inner < 0)
            return target(view.data, size[0], size[1], Stride(inner_stride));
        else if constexpr (fixed_outer < 0)
            return target(view.data, size[0], size[1], Stride(outer_stride));
        else
            return target(view.data, size[0], size[1]);
    }
};

}  // namespace view_detail

/// Converts a view to a class of another library: to<std::mdspan<...>>(view) and
/// to<Eigen::Map<...>>(view) refer to the same elements; to<xt::xtensor<T, Rank>>(view), of any
/// container of xtensor, copies them.
///
/// Throws argument_error if Target has another rank, other static extents, or strides that are not
/// those of the view: std::layout_stride and Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic> take all
/// views, their defaults those with contiguous elements in their order.
template <class Target, class T>
[[nodiscard]] Target to(const tensor_view<T>& view) {
    return view_detail::conversion<Target>::of(view);
}

}  // namespace sequent::inline SEQUENT_ABI
