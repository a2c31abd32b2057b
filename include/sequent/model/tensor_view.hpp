#pragma once

#include <array>
#include <cstddef>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI {

inline constexpr int max_rank = 6;

/// A strided view of up to six dimensions, the outermost first. It owns nothing. Strides count
/// elements. A scalar has rank zero.
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
        std::size_t axis = 0;
        std::ptrdiff_t at = 0;
        ((at += static_cast<std::ptrdiff_t>(index) * strides[axis++]), ...);
        return data[at];
    }

    /// The element at `position` in row-major order of the extents, whatever the strides are.
    constexpr T& element(int position) const noexcept {
        std::ptrdiff_t at = 0;
        for (int axis = rank; axis-- > 0;) {
            const int extent = extents[static_cast<std::size_t>(axis)];
            at += static_cast<std::ptrdiff_t>(position % extent) *
                  strides[static_cast<std::size_t>(axis)];
            position /= extent;
        }
        return data[at];
    }
};

}  // namespace sequent::inline SEQUENT_ABI
