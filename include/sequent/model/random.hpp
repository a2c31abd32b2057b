#pragma once

#include <cmath>
#include <cstdint>

#include "../config.hpp"

/// A random number generator with a fixed sequence for each seed.

namespace sequent::inline SEQUENT_ABI {

/// A pseudorandom generator with 64 bits of state: splitmix64 (Steele, Lea and Flood, 2014). The
/// integers and uniform numbers of one seed are the same on every platform. Not for cryptography.
class random_numbers {
  public:
    /// Starts the sequence of `seed`.
    explicit constexpr random_numbers(std::uint64_t seed) noexcept : state_(seed) {}

    /// The next number, uniform over all 64-bit integers.
    constexpr std::uint64_t next() noexcept {
        std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15ULL;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
        return mixed ^ (mixed >> 31);
    }

    /// Uniform in [0, 1), with 53 random bits.
    constexpr double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

    /// A uniform integer in [0, count).
    constexpr int below(int count) noexcept {
        return static_cast<int>(uniform() * static_cast<double>(count));
    }

    /// Normal with mean 0 and standard deviation 1, by the method of Box and Muller. Consumes two
    /// numbers.
    double normal() noexcept {
        constexpr double two_pi = 6.283185307179586;
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(two_pi * uniform());
    }

    /// The state of the generator, for restore().
    constexpr std::uint64_t state() const noexcept { return state_; }
    /// Continues from a state that state() has returned.
    constexpr void restore(std::uint64_t state) noexcept { state_ = state; }

  private:
    std::uint64_t state_;
};

}  // namespace sequent::inline SEQUENT_ABI
