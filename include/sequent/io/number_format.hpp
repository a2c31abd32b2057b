#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../config.hpp"
#include "dtype.hpp"

/// Number formats of files: single numbers, or blocks of numbers that share a scale.

namespace sequent::inline SEQUENT_ABI::io::detail {

struct number_format;

/// The stored numbers of a file's tensor.
struct stored_tensor {
    const std::byte* data = nullptr;
    std::uint64_t count = 0;  // how many numbers
    const number_format* format = nullptr;
};

/// Decodes the `count` numbers of a tensor with the indices first, first + stride, ... to
/// `numbers`.
using decoder = void (*)(const stored_tensor& from, std::uint64_t first, std::uint64_t stride,
                         std::size_t count, double* numbers);

/// A block of the numbers scale * q + minimum.
struct scaled_block {
    double scale = 0;
    double minimum = 0;
    std::int8_t q[256]{};
};
/// Reads the scale and the integers of the `count` numbers from index `first` on. `count` divides
/// the format's and `first`.
using block_reader = void (*)(const stored_tensor& from, std::uint64_t first, std::size_t count,
                              scaled_block& to);

/// A number format: blocks of `count` numbers that take `bytes` bytes.
struct number_format {
    std::string_view name;
    std::uint64_t count = 1;
    std::uint64_t bytes = 0;
    bool fits_float = true;  // float represents every number exactly
    decoder decode = nullptr;
    block_reader read_block = nullptr;  // null if the numbers do not share a scale
    int bits = 0;                       // bits of q
    bool has_minimum = false;           // if true, q is unsigned
};

template <dtype Type>
void decode_plain(const stored_tensor& from, std::uint64_t first, std::uint64_t stride,
                  std::size_t count, double* numbers) {
    constexpr std::size_t bytes = io::size_of(Type);
    const std::byte* const data = from.data + first * bytes;
    if (stride == 1) {
        for (std::size_t at = 0; at < count; ++at)
            numbers[at] = load_element<double, Type>(data + at * bytes);
        return;
    }
    for (std::size_t at = 0; at < count; ++at)
        numbers[at] = load_element<double, Type>(data + at * stride * bytes);
}

/// The formats of the enumerators of io::dtype.
SEQUENT_LAZY inline constexpr number_format plain_formats[] = {
    {"F16", 1, 2, true, decode_plain<dtype::f16>},
    {"BF16", 1, 2, true, decode_plain<dtype::bf16>},
    {"F32", 1, 4, true, decode_plain<dtype::f32>},
    {"F64", 1, 8, false, decode_plain<dtype::f64>},
};

}  // namespace sequent::inline SEQUENT_ABI::io::detail
