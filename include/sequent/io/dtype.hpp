#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "../config.hpp"
#include "../half.hpp"

/// Element types of files and their little-endian representation.

namespace sequent::inline SEQUENT_ABI::io {

/// Element types that can be read into float or double and written from them. `f16`, `f32` and
/// `f64` are IEEE 754's binary16, binary32 and binary64; `bf16` is the upper half of an F32.
enum class dtype { f16, bf16, f32, f64 };

/// The name in safetensors headers: "F16", "BF16", "F32" or "F64".
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

/// The dtype with this name, as name_of spells it; nullopt for any other name.
constexpr std::optional<dtype> dtype_named(std::string_view name) noexcept {
    for (const dtype type : {dtype::f16, dtype::bf16, dtype::f32, dtype::f64})
        if (name == name_of(type)) return type;
    return {};
}

/// Size of an element in bytes.
constexpr std::size_t size_of(dtype type) noexcept {
    return type == dtype::f64 ? 8 : type == dtype::f32 ? 4 : 2;
}

/// Bits per element of any dtype that safetensors defines; 0 for an unknown name.
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

/// The dtype that stores T exactly: F32 for float, F64 for any other T.
template <class T>
inline constexpr dtype dtype_of =
    std::is_same_v<std::remove_const_t<T>, float> ? dtype::f32 : dtype::f64;

using sequent::from_bf16;
using sequent::from_f16;
using sequent::to_bf16;
using sequent::to_f16;

namespace detail {

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

/// Decodes the element at `bytes`. T is float or double and represents every value of the type.
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

/// Encodes a value, rounded to nearest, ties to even. Returns false if the value overflows Type.
template <dtype Type, class T>
constexpr bool store_element(T value, std::byte* bytes) noexcept {
    if constexpr (Type == dtype::f16 || Type == dtype::bf16) {
        constexpr bool half = Type == dtype::f16;
        const double exact = static_cast<double>(value);
        const std::uint16_t bits = half ? to_f16(exact) : to_bf16(exact);
        store_bits(bits, bytes);
        constexpr std::uint16_t infinity = half ? 0x7C00 : 0x7F80;
        return (bits & 0x7FFF) != infinity;
    } else if constexpr (Type == dtype::f32) {
        // Doubles of this magnitude and above round to infinity.
        if constexpr (sizeof(T) > 4)
            if (value >= 0x1.ffffffp127 || value <= -0x1.ffffffp127) return false;
        store_bits(std::bit_cast<std::uint32_t>(static_cast<float>(value)), bytes);
        return true;
    } else {
        store_bits(std::bit_cast<std::uint64_t>(static_cast<double>(value)), bytes);
        return true;
    }
}

/// Calls f with std::integral_constant<dtype, type>.
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

}  // namespace sequent::inline SEQUENT_ABI::io
