#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "../io/number_format.hpp"
#include "../joined_text.hpp"

/// Number formats of GGUF tensors: single numbers, and blocks of numbers in 8 or 4 bits.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// Decodes blocks of 32 numbers d q + m. `Bits` is 8 or 4. If `HasMinimum`, m is stored and 4-bit q
/// are unsigned; otherwise m is 0 and 4-bit numbers are stored as q + 8.
template <int Bits, bool HasMinimum>
void decode_blocks(const stored_tensor& from, std::uint64_t first, std::uint64_t stride,
                   std::size_t count, double* numbers) {
    constexpr std::size_t head = HasMinimum ? 4 : 2;
    constexpr std::size_t bytes = head + 32 * Bits / 8;
    std::uint64_t number = first;
    for (std::size_t at = 0; at < count;) {
        const std::uint64_t block = number / 32;
        const std::byte* const data = from.data + block * bytes;
        const double d = static_cast<double>(from_f16(load_bits<std::uint16_t>(data)));
        const double m =
            HasMinimum ? static_cast<double>(from_f16(load_bits<std::uint16_t>(data + 2))) : 0;
        const std::uint64_t end = 32 * block + 32;
        for (; at < count && number < end; ++at, number += stride) {
            const auto place = static_cast<std::size_t>(number % 32);
            int q = 0;
            if constexpr (Bits == 8) {
                q = static_cast<std::int8_t>(std::to_integer<std::uint8_t>(data[head + place]));
            } else {
                const int both = std::to_integer<int>(data[head + place % 16]);
                q = (place < 16 ? both & 15 : both >> 4) - (HasMinimum ? 0 : 8);
            }
            numbers[at] = d * q + m;
        }
    }
}

/// Reads scale, minimum and integers of a block without decoding them.
template <int Bits, bool HasMinimum>
void read_scaled_block(const stored_tensor& from, std::uint64_t first, std::size_t count,
                       scaled_block& to) {
    constexpr std::size_t head = HasMinimum ? 4 : 2;
    const std::byte* const data = from.data + first / 32 * (head + 32 * Bits / 8);
    if (HasMinimum) to.minimum = static_cast<double>(from_f16(load_bits<std::uint16_t>(data + 2)));
    to.scale = static_cast<double>(from_f16(load_bits<std::uint16_t>(data)));
    for (std::size_t each = 0; each < count; ++each) {
        const std::size_t at = static_cast<std::size_t>(first % 32) + each;
        const int byte = std::to_integer<int>(data[head + (Bits == 8 ? at : at % 16)]);
        const int nibble = (at < 16 ? byte & 15 : byte >> 4) - (HasMinimum ? 0 : 8);
        to.q[each] = static_cast<std::int8_t>(Bits == 8 ? byte : nibble);
    }
}

SEQUENT_LAZY inline constexpr number_format gguf_formats[] = {
    {"F32", 1, 4, true, decode_plain<dtype::f32>},
    {"F16", 1, 2, true, decode_plain<dtype::f16>},
    {"BF16", 1, 2, true, decode_plain<dtype::bf16>},
    {"F64", 1, 8, false, decode_plain<dtype::f64>},
    {"Q8_0", 32, 34, true, decode_blocks<8, false>, read_scaled_block<8, false>, 8},
    {"Q4_0", 32, 18, true, decode_blocks<4, false>, read_scaled_block<4, false>, 4},
    {"Q4_1", 32, 20, true, decode_blocks<4, true>, read_scaled_block<4, true>, 4, true},
};

/// The name of a tensor type in ggml.
SEQUENT_LAZY
SEQUENT_COLD std::string type_of_gguf_tensor(std::uint32_t number) {
    constexpr std::string_view names[] = {
        "F32",     "F16",    "Q4_0",    "Q4_1",  "",       "",      "Q5_0",  "Q5_1",
        "Q8_0",    "Q8_1",   "Q2_K",    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",
        "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS",
        "I8",      "I16",    "I32",     "I64",   "F64",    "IQ1_M", "BF16",  "",
        "",        "",       "TQ1_0",   "TQ2_0", "",       "",      "",      "MXFP4"};
    if (number < std::size(names) && !names[number].empty()) return std::string(names[number]);
    return joined_text({"number ", number});
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail
