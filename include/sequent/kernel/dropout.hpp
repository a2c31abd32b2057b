#pragma once

#include <cstddef>
#include <cstdint>

#include "simd.hpp"

/// Dropout (Srivastava et al. 2014). A key and the number of the element decide whether it is
/// dropped: no mask is stored for the backward pass, and any order of computation drops the same
/// elements.

namespace sequent::inline SEQUENT_ABI::kernel {

/// A key, mixed from a seed and the place of a rule; then used for all elements.
class dropout_key {
  public:
    /// The key of a seed.
    constexpr explicit dropout_key(std::uint64_t seed) noexcept : key_(mixed(seed)) {}

    /// The key of part number `part` of what this key is for.
    constexpr dropout_key of(int part) const noexcept {
        return dropout_key(key_ ^ static_cast<std::uint32_t>(part));
    }

    /// Pseudorandom bits of an element, uniform over all 32-bit integers.
    constexpr std::uint32_t bits(std::uint32_t element) const noexcept {
        return hashed(hashed(element + static_cast<std::uint32_t>(key_)) ^
                      static_cast<std::uint32_t>(key_ >> 32));
    }

  private:
    std::uint64_t key_;

    /// The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
    static constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
    /// A bijection in which each output bit depends on every input bit, of few operations that
    /// vector units have.
    static constexpr std::uint32_t hashed(std::uint32_t value) noexcept {
        value = (value ^ (value >> 16)) * 0x21F0AAAD;
        value = (value ^ (value >> 15)) * 0x735A2D97;
        return value ^ (value >> 15);
    }
};

/// y[at] = 0 with probability `rate`, whatever x is, else x[at] / (1 - rate), for at < Length.
/// `first` is the number of the first element. The same call turns the gradient of y into that of
/// x. 0 <= rate < 1. y may be x.
template <int Length, class T>
inline void dropout(const T* x, T* y, dropout_key key, std::uint32_t first, double rate) noexcept {
    const auto threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
    const T scale = static_cast<T>(1 / (1 - rate));
    for (int at = 0; at < Length; ++at) {
        const T scaled = x[at] * scale;
        y[at] = key.bits(first + static_cast<std::uint32_t>(at)) >= threshold ? scaled : T(0);
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
