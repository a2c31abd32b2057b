#pragma once

#include <cstddef>
#include <cstdint>

#include "simd.hpp"

/// How kept columns are stored: number k of column c stands at k * pitch + c, as a `number`. Where
/// `block` is not 0, that many numbers of a column share a scale, and the scale of block b of
/// column c stands at b * pitch + c of the scales. A form has
///   number, block
///   load(from)           lanes<T> of the stored numbers as T
///   scales(from)         if `block` is not 0: lanes<T> scales, which are stored as binary16
///   put(from, count, to, scales, pitch)
///                        stores `count` numbers of T, which lie side by side, as a column

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Where an operand's numbers, and their scales if they have any, begin.
struct columns_place {
    const void* first = nullptr;
    const std::uint16_t* scales = nullptr;

    constexpr columns_place() = default;
    constexpr columns_place(const void* begin, const std::uint16_t* first_scale = nullptr)
        : first(begin), scales(first_scale) {}

    template <class Number>
    const Number* numbers() const noexcept {
        return static_cast<const Number*>(first);
    }
};

}  // namespace detail

/// The form of a type of stored numbers for computation in T; here T itself.
template <class Stored, class T>
struct kept_columns;

template <class T>
struct kept_columns<T, T> {
    using number = T;
    static constexpr int block = 0;

    static SEQUENT_INLINE batch<T> load(const T* from) noexcept { return kernel::load(from); }
    static void put(const T* from, int count, number* to, std::uint16_t*,
                    std::ptrdiff_t pitch) noexcept {
        for (int k = 0; k < count; ++k) to[k * pitch] = from[k];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
