#pragma once

#include <cstddef>
#include <cstdint>

#include "simd.hpp"

/// Storage of cached columns, such as keys and values. Number k of column c is at k * pitch + c,
/// stored as a `number`. If `block` is not 0, that many numbers of a column share a scale; the
/// scale of block b of column c is at b * pitch + c of the scales. A form has
///
///     number, block
///     load(from)           lanes<T> stored numbers as T
///     scales(from)         if `block` is not 0: lanes<T> scales, stored as binary16
///     put(from, count, to, scales, pitch)
///                          stores `count` contiguous numbers of T as a column

namespace sequent::inline SEQUENT_ABI::kernel {

namespace detail {

/// Where the numbers of an operand begin, and their scales if they have any.
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

/// The form in which columns for computation in T are stored as Stored. Here T itself;
/// packed_columns.hpp has bf16 and q8_0.
template <class Stored, class T>
struct kept_columns;

/// Columns stored as T: no rounding.
template <class T>
struct kept_columns<T, T> {
    /// A stored number.
    using number = T;
    /// Numbers that share a scale; 0: none do.
    static constexpr int block = 0;

    /// lanes<T> numbers.
    static SEQUENT_INLINE batch<T> load(const T* from) noexcept { return kernel::load(from); }
    /// Stores `count` contiguous numbers as a column.
    static void put(const T* from, int count, number* to, std::uint16_t*,
                    std::ptrdiff_t pitch) noexcept {
        for (int k = 0; k < count; ++k) to[k * pitch] = from[k];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
