#pragma once

#include <cmath>
#include <cstdint>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI {

/// Numbers that are the same on every platform for one seed: splitmix64 (Steele, Lea and Flood,
/// 2014), and the method of Box and Muller for the normal ones.
class random_numbers {
  public:
    explicit constexpr random_numbers(std::uint64_t seed) noexcept : state_(seed) {}

    constexpr std::uint64_t next() noexcept {
        std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15ULL;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
        return mixed ^ (mixed >> 31);
    }

    /// Uniform in [0, 1).
    constexpr double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

    /// Uniform in 0 .. count - 1.
    constexpr int below(int count) noexcept {
        return static_cast<int>(uniform() * static_cast<double>(count));
    }

    /// Normal with mean 0 and deviation 1.
    double normal() noexcept {
        constexpr double two_pi = 6.283185307179586;
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(two_pi * uniform());
    }

    constexpr std::uint64_t state() const noexcept { return state_; }
    constexpr void restore(std::uint64_t state) noexcept { state_ = state; }

  private:
    std::uint64_t state_;
};

}  // namespace sequent::inline SEQUENT_ABI
