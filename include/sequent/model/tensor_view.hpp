#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>

#include "../fail.hpp"

namespace sequent::inline SEQUENT_ABI {

inline constexpr int max_rank = 6;

/// A strided view of up to six dimensions, the outermost first. It owns nothing. Strides count
/// elements. A scalar has rank zero. Debug builds (those without NDEBUG) abort with a message at an
/// index outside of the extents.
template <class T>
struct tensor_view {
    T* data = nullptr;
    int rank = 0;
    std::array<int, max_rank> extents{};
    std::array<int, max_rank> strides{};

    constexpr int size() const noexcept {
        int count = 1;
        for (int axis = 0; axis < rank; ++axis) count *= extents[static_cast<std::size_t>(axis)];
        return count;
    }

    template <class... Index>
    constexpr T& operator()(Index... index) const noexcept {
        check_rank(static_cast<int>(sizeof...(Index)));
        std::size_t axis = 0;
        std::ptrdiff_t at = 0;
        ((at += checked(static_cast<std::ptrdiff_t>(index), axis) * strides[axis], ++axis), ...);
        return data[at];
    }

    /// The element at `position` in row-major order of the extents, whatever the strides are.
    constexpr T& element(int position) const noexcept {
#if !defined(NDEBUG)
        if (position < 0 || position >= size())
            stop("sequent: element " + std::to_string(position) + " of a view of " +
                 std::to_string(size()) + " elements");
#endif
        std::ptrdiff_t at = 0;
        for (int axis = rank; axis-- > 0;) {
            const int extent = extents[static_cast<std::size_t>(axis)];
            at += static_cast<std::ptrdiff_t>(position % extent) *
                  strides[static_cast<std::size_t>(axis)];
            position /= extent;
        }
        return data[at];
    }

    /// Whether the elements lie one after another in row-major order.
    constexpr bool is_contiguous() const noexcept {
        std::ptrdiff_t expected = 1;
        for (auto axis = static_cast<std::size_t>(rank); axis-- > 0;) {
            if (extents[axis] != 1 && strides[axis] != expected) return false;
            expected *= extents[axis];
        }
        return true;
    }

    /// The elements in row-major order. Throws argument_error if the view is not contiguous, as
    /// rows are that are padded.
    constexpr std::span<T> span() const {
        if (!is_contiguous())
            fail<argument_error>("sequent: span() of a view that is not contiguous");
        return {data, static_cast<std::size_t>(size())};
    }

  protected:
    /// The first element at one index of the first dimension.
    constexpr T& first(int at) const noexcept {
        return data[checked(at, 0) * strides[0]];
    }

  private:
    constexpr void check_rank([[maybe_unused]] int indices) const noexcept {
#if !defined(NDEBUG)
        if (indices != rank)
            stop("sequent: " + std::to_string(indices) + " indices of a view of rank " +
                 std::to_string(rank));
#endif
    }
    constexpr std::ptrdiff_t checked(std::ptrdiff_t index,
                                     [[maybe_unused]] std::size_t axis) const noexcept {
#if !defined(NDEBUG)
        if (index < 0 || index >= extents[axis])
            stop("sequent: index " + std::to_string(index) + " of dimension " +
                 std::to_string(axis) + " of a view, which has " + std::to_string(extents[axis]));
#endif
        return index;
    }
};

/// A view whose rank is known when the program is compiled, as those of a model are.
template <class T, int Rank>
struct ranked_view : tensor_view<T> {
    template <class... Index>
    constexpr T& operator()(Index... index) const noexcept {
        static_assert(sizeof...(Index) == Rank,
                      "sequent: a view takes one index for each of its dimensions");
        return tensor_view<T>::operator()(index...);
    }

    /// The view at one index of the first dimension: row(i) of a matrix is a vector.
    constexpr ranked_view<T, Rank - 1> row(int at) const noexcept requires(Rank > 0) {
        ranked_view<T, Rank - 1> result;
        result.data = &tensor_view<T>::first(at);
        result.rank = Rank - 1;
        for (std::size_t axis = 1; axis < static_cast<std::size_t>(Rank); ++axis) {
            result.extents[axis - 1] = this->extents[axis];
            result.strides[axis - 1] = this->strides[axis];
        }
        return result;
    }
};

/// A view of numbers that lie one after another, in row-major order: `view_of(logits, rows,
/// classes)`. Throws argument_error if the container has another size.
template <class Numbers, std::convertible_to<int>... Extents>
    requires(sizeof...(Extents) <= max_rank)
constexpr auto view_of(Numbers&& numbers, Extents... extents) {
    const std::span elements(numbers);
    using element = typename decltype(elements)::element_type;
    ranked_view<element, static_cast<int>(sizeof...(Extents))> result;
    result.data = elements.data();
    result.rank = static_cast<int>(sizeof...(Extents));
    std::size_t axis = 0;
    ((result.extents[axis++] = static_cast<int>(extents)), ...);
    int stride = 1;
    while (axis-- > 0) {
        result.strides[axis] = stride;
        stride *= result.extents[axis];
    }
    if (elements.size() != static_cast<std::size_t>(stride))
        fail<argument_error>("sequent: a view of " + std::to_string(stride) +
                             " elements, given are " + std::to_string(elements.size()));
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI
