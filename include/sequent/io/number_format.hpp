#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../config.hpp"
#include "dtype.hpp"

/// How files store numbers: one after another, or in blocks that share a scale.

namespace sequent::inline SEQUENT_ABI::io::detail {

struct number_format;

/// The numbers of a tensor in a file.
struct stored_tensor {
    const std::byte* data = nullptr;
    std::uint64_t count = 0;  // of its numbers
    const number_format* format = nullptr;
};

/// Writes `count` numbers of a tensor to `numbers`: number `first` of the tensor and those that are
/// `stride` apart.
using decoder = void (*)(const stored_tensor& from, std::uint64_t first, std::uint64_t stride,
                         std::size_t count, double* numbers);

/// Numbers scale * q + minimum.
struct scaled_block {
    double scale = 0;
    double minimum = 0;
    std::int8_t q[256]{};
};
/// Reads `count` numbers from number `first` on, which is a multiple of `count`, a divisor of the
/// format's.
using block_reader = void (*)(const stored_tensor& from, std::uint64_t first, std::size_t count,
                              scaled_block& to);

/// A kind of numbers in a file: blocks of `count` numbers and of `bytes` bytes.
struct number_format {
    std::string_view name;
    std::uint64_t count = 1;
    std::uint64_t bytes = 0;
    bool fits_float = true;  // every number is one of float's
    decoder decode = nullptr;
    block_reader read_block = nullptr;  // null if the numbers have no scale in common
    int bits = 0;                       // of q
    bool has_minimum = false;           // then q has no sign
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

/// The formats that have a dtype.
SEQUENT_LAZY inline constexpr number_format plain_formats[] = {
    {"F16", 1, 2, true, decode_plain<dtype::f16>},
    {"BF16", 1, 2, true, decode_plain<dtype::bf16>},
    {"F32", 1, 4, true, decode_plain<dtype::f32>},
    {"F64", 1, 8, false, decode_plain<dtype::f64>},
};

}  // namespace sequent::inline SEQUENT_ABI::io::detail
