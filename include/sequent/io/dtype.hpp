#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "../config.hpp"

/// The kinds of numbers that files hold, and their bytes, little-endian.

namespace sequent::inline SEQUENT_ABI::io {

/// F16 is IEEE 754's binary16; BF16 is the upper half of an F32.
enum class dtype { f16, bf16, f32, f64 };

constexpr std::string_view name_of(dtype type) noexcept {
    switch (type) {
        case dtype::f16:
            return "F16";
        case dtype::bf16:
            return "BF16";
        case dtype::f32:
            return "F32";
        default:
            return "F64";
    }
}

constexpr std::optional<dtype> dtype_named(std::string_view name) noexcept {
    for (const dtype type : {dtype::f16, dtype::bf16, dtype::f32, dtype::f64})
        if (name == name_of(type)) return type;
    return {};
}

/// In bytes.
constexpr std::size_t size_of(dtype type) noexcept {
    return type == dtype::f64 ? 8 : type == dtype::f32 ? 4 : 2;
}

/// How many bits an element has, of any dtype that the format knows; 0 of others.
constexpr int bits_of(std::string_view dtype) noexcept {
    struct known {
        std::string_view name;
        int bits;
    };
    constexpr known all[] = {{"BOOL", 8},    {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6},
                             {"U8", 8},      {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},
                             {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16},    {"F16", 16},
                             {"BF16", 16},   {"I32", 32}, {"U32", 32},    {"F32", 32},
                             {"C64", 64},    {"F64", 64}, {"I64", 64},    {"U64", 64}};
    for (const known& each : all)
        if (each.name == dtype) return each.bits;
    return 0;
}

template <class T>
inline constexpr dtype dtype_of =
    std::is_same_v<std::remove_const_t<T>, float> ? dtype::f32 : dtype::f64;

/// The number that 16 bits stand for, exactly.
constexpr float from_f16(std::uint16_t bits) noexcept {
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 31U;
    const std::uint32_t fraction = bits & 0x3FFU;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
        return sign ? -magnitude : magnitude;
    }
    const std::uint32_t wide = exponent == 31 ? 255 : exponent + (127 - 15);
    return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

constexpr float from_bf16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

namespace detail {

/// The bits of a finite value in a narrower format, rounded to nearest, ties to even; the bits of
/// infinity where it is too large.
template <int ExponentBits, int FractionBits>
constexpr std::uint16_t narrowed(double value) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint32_t>(bits >> 63) << (ExponentBits + FractionBits);
    const int biased = static_cast<int>(bits >> 52 & 0x7FF);
    if (biased == 0) return static_cast<std::uint16_t>(sign);  // far below the least
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
    // The leading one of `kept` counts the exponent up; so does a carry.
    const std::uint64_t magnitude =
        (static_cast<std::uint64_t>(exponent - 1) << FractionBits) + kept;
    constexpr std::uint64_t infinity = ((1ULL << ExponentBits) - 1) << FractionBits;
    return static_cast<std::uint16_t>(sign | (magnitude < infinity ? magnitude : infinity));
}

template <class Bits>
constexpr Bits load_bits(const std::byte* bytes) noexcept {
    Bits bits = 0;
    for (std::size_t index = 0; index < sizeof(Bits); ++index)
        bits = static_cast<Bits>(
            bits | static_cast<Bits>(std::to_integer<Bits>(bytes[index]) << (8 * index)));
    return bits;
}

template <class Bits>
constexpr void store_bits(Bits bits, std::byte* bytes) noexcept {
    for (std::size_t index = 0; index < sizeof(Bits); ++index)
        bytes[index] = static_cast<std::byte>(static_cast<unsigned char>(bits >> (8 * index)));
}

/// The number at `bytes`; T is float or double and holds every number of the type.
template <class T, dtype Type>
constexpr T load_element(const std::byte* bytes) noexcept {
    if constexpr (Type == dtype::f16)
        return static_cast<T>(from_f16(load_bits<std::uint16_t>(bytes)));
    else if constexpr (Type == dtype::bf16)
        return static_cast<T>(from_bf16(load_bits<std::uint16_t>(bytes)));
    else if constexpr (Type == dtype::f32)
        return static_cast<T>(std::bit_cast<float>(load_bits<std::uint32_t>(bytes)));
    else
        return static_cast<T>(std::bit_cast<double>(load_bits<std::uint64_t>(bytes)));
}

/// Rounds to nearest even. False if the type has no number that large.
template <dtype Type, class T>
constexpr bool store_element(T value, std::byte* bytes) noexcept {
    if constexpr (Type == dtype::f16 || Type == dtype::bf16) {
        constexpr bool half = Type == dtype::f16;
        const std::uint16_t bits = half ? narrowed<5, 10>(static_cast<double>(value))
                                        : narrowed<8, 7>(static_cast<double>(value));
        store_bits(bits, bytes);
        constexpr std::uint16_t infinity = half ? 0x7C00 : 0x7F80;
        return (bits & 0x7FFF) != infinity;
    } else if constexpr (Type == dtype::f32) {
        // From here on a double would round to infinity.
        if constexpr (sizeof(T) > 4)
            if (value >= 0x1.ffffffp127 || value <= -0x1.ffffffp127) return false;
        store_bits(std::bit_cast<std::uint32_t>(static_cast<float>(value)), bytes);
        return true;
    } else {
        store_bits(std::bit_cast<std::uint64_t>(static_cast<double>(value)), bytes);
        return true;
    }
}

/// Calls f(std::integral_constant<dtype, type>).
template <class F>
constexpr decltype(auto) with_dtype(dtype type, F f) {
    switch (type) {
        case dtype::f16:
            return f(std::integral_constant<dtype, dtype::f16>{});
        case dtype::bf16:
            return f(std::integral_constant<dtype, dtype::bf16>{});
        case dtype::f32:
            return f(std::integral_constant<dtype, dtype::f32>{});
        default:
            return f(std::integral_constant<dtype, dtype::f64>{});
    }
}

}  // namespace detail

/// The 16 bits of a finite number, rounded to nearest, ties to even; infinity where it is too
/// large.
constexpr std::uint16_t to_f16(double value) noexcept {
    return detail::narrowed<5, 10>(value);
}
constexpr std::uint16_t to_bf16(double value) noexcept {
    return detail::narrowed<8, 7>(value);
}

}  // namespace sequent::inline SEQUENT_ABI::io
