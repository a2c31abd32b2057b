#pragma once

#include <cstddef>

#include "../config.hpp"
#include "../kernel/simd.hpp"

namespace sequent::inline SEQUENT_ABI::train::detail {

/// Covers arrays of `size` elements with vectors: calls update(read, write) for each vector, where
/// read(array) gives the array's elements at this place and write(array, x) replaces them. The last
/// call may be a part of a vector: it reads zeros behind the end and writes nothing there.
template <class T, class Update>
void for_each_vector(std::size_t size, Update update) noexcept {
    using kernel::batch;
    constexpr auto width = static_cast<std::size_t>(kernel::lanes<T>);
    std::size_t at = 0;
    for (; at + width <= size; at += width) {
        update([at](const T* array) { return kernel::load(array + at); },
               [at](T* array, batch<T> x) { kernel::store(array + at, x); });
    }
    if (at == size) return;
    const int rest = static_cast<int>(size - at);
    update([at, rest](const T* array) { return kernel::load_first(array + at, rest); },
           [at, rest](T* array, batch<T> x) { kernel::store_first(array + at, x, rest); });
}

}  // namespace sequent::inline SEQUENT_ABI::train::detail
