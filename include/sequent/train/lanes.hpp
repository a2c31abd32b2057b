#pragma once

#include <algorithm>
#include <cstddef>

#include "../config.hpp"
#include "../kernel/simd.hpp"
#include "../model/thread_pool.hpp"
#include "groups.hpp"

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

/// Calls f(run, begin, end) for the parts of all runs, on the threads of a pool if there is one.
template <class F>
void for_each_run(const parameter_groups& groups, thread_pool* pool, F f) noexcept {
    if (pool == nullptr) {
        for (const parameter_run& run : groups.runs) f(run, run.begin, run.end);
        return;
    }
    constexpr std::size_t part = 16384;
    const std::size_t size = groups.size();
    pool->run(static_cast<int>((size + part - 1) / part), [&](int task) {
        std::size_t begin = static_cast<std::size_t>(task) * part;
        const std::size_t end = std::min(size, begin + part);
        for (const parameter_run* run = groups.run_at(begin); begin < end; ++run) {
            const std::size_t until = std::min(end, run->end);
            f(*run, begin, until);
            begin = until;
        }
    });
}

}  // namespace sequent::inline SEQUENT_ABI::train::detail
