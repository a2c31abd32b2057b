#pragma once

#include <array>
#include <cstddef>
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
};

}  // namespace sequent::inline SEQUENT_ABI
