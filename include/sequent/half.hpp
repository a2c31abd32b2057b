#pragma once

#include <bit>
#include <cstdint>

#include "config.hpp"

/// Conversions of 16-bit floating-point numbers: IEEE 754 binary16 and bfloat16, the upper half of
/// a float.

namespace sequent::inline SEQUENT_ABI {

/// Converts the bits of a binary16 to float, exactly.
constexpr float from_f16(std::uint16_t half) noexcept {
    const std::uint32_t rest = std::uint32_t{half} & 0x7FFFU;
    const bool finite = rest < 0x7C00U;
    const auto scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest << 13) * 0x1p112F);
    const std::uint32_t bits = finite ? scaled : rest << 13 | 0x7F800000U;
    return std::bit_cast<float>(bits | (std::uint32_t{half} & 0x8000U) << 16);
}

/// Converts the bits of a bfloat16 to float, exactly.
constexpr float from_bf16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

namespace detail {

/// Converts a number to the bits of a narrower format, rounded to nearest, ties to even. A number
/// that is too large becomes infinity, NaN stays NaN.
template <int ExponentBits, int FractionBits>
constexpr std::uint16_t narrowed(double value) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint32_t>(bits >> 63) << (ExponentBits + FractionBits);
    constexpr std::uint64_t infinity = ((1ULL << ExponentBits) - 1) << FractionBits;
    if (value != value)
        return static_cast<std::uint16_t>(sign | infinity | 1U << (FractionBits - 1));
    const int biased = static_cast<int>(bits >> 52 & 0x7FF);
    if (biased == 0) return static_cast<std::uint16_t>(sign);  // zero, or rounds to zero
    int exponent = biased - 1023 + (1 << (ExponentBits - 1)) - 1;
    int shift = 52 - FractionBits;
    if (exponent < 1) {
        shift += 1 - exponent;
        exponent = 1;
    }
    if (shift > 63) return static_cast<std::uint16_t>(sign);
    const std::uint64_t whole = (bits & 0xFFFFFFFFFFFFFULL) | 1ULL << 52;
    std::uint64_t kept = whole >> shift;
    const std::uint64_t rest = whole - (kept << shift);
    const std::uint64_t half = 1ULL << (shift - 1);
    if (rest > half || (rest == half && kept % 2 == 1)) ++kept;
    // The leading one of `kept` increments the exponent; so does a carry.
    const std::uint64_t magnitude =
        (static_cast<std::uint64_t>(exponent - 1) << FractionBits) + kept;
    return static_cast<std::uint16_t>(sign | (magnitude < infinity ? magnitude : infinity));
}

}  // namespace detail

/// Converts a number to the bits of the nearest binary16, ties to even; too large a number becomes
/// infinity.
constexpr std::uint16_t to_f16(double value) noexcept {
    return detail::narrowed<5, 10>(value);
}
/// Converts a number to the bits of the nearest bfloat16, ties to even; too large a number becomes
/// infinity.
constexpr std::uint16_t to_bf16(double value) noexcept {
    return detail::narrowed<8, 7>(value);
}

}  // namespace sequent::inline SEQUENT_ABI
