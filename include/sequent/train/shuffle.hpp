#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "../model/random.hpp"

namespace sequent::inline SEQUENT_ABI::train {

/// Puts numbers in random order (Fisher and Yates); the same on every platform.
inline void shuffle(std::span<int> numbers, random_numbers& random) noexcept {
    for (std::size_t at = numbers.size(); at > 1; --at)
        std::swap(numbers[at - 1],
                  numbers[static_cast<std::size_t>(random.below(static_cast<int>(at)))]);
}

}  // namespace sequent::inline SEQUENT_ABI::train
