#pragma once

#include <algorithm>
#include <cstddef>

#include "../config.hpp"
#include "../kernel/simd.hpp"
#include "../model/thread_pool.hpp"

namespace sequent::inline SEQUENT_ABI::train::detail {

/// Processes the elements [begin, end) of arrays in vectors: calls update(read, write) for each
/// vector, where read(array) returns the elements at this place and write(array, x) replaces them.
/// The last call may process part of a vector: it reads zeros beyond the end and writes nothing
/// there. Limited by memory bandwidth, or by the L2 cache if all arrays fit in it.
template <class T, class Update>
void for_each_vector(std::size_t begin, std::size_t end, Update update) noexcept {
    using kernel::batch;
    constexpr auto width = static_cast<std::size_t>(kernel::lanes<T>);
    std::size_t at = begin;
    for (; at + width <= end; at += width) {
        update([at](const T* array) { return kernel::load(array + at); },
               [at](T* array, batch<T> x) { kernel::store(array + at, x); });
    }
    if (at == end) return;
    const int rest = static_cast<int>(end - at);
    update([at, rest](const T* array) { return kernel::load_first(array + at, rest); },
           [at, rest](T* array, batch<T> x) { kernel::store_first(array + at, x, rest); });
}

/// The same for all of `size` elements, on the threads of a pool if there is one.
template <class T, class Update>
void for_each_vector(std::size_t size, thread_pool* pool, Update update) noexcept {
    if (pool == nullptr) return for_each_vector<T>(0, size, update);
    constexpr std::size_t part = 16384;
    pool->run(static_cast<int>((size + part - 1) / part), [&](int task) {
        const std::size_t begin = static_cast<std::size_t>(task) * part;
        for_each_vector<T>(begin, std::min(size, begin + part), update);
    });
}

}  // namespace sequent::inline SEQUENT_ABI::train::detail
