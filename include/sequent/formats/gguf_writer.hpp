#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "../io/name_map.hpp"
#include "../io/replace_file.hpp"
#include "../kernel/packed_formats.hpp"
#include "../kernel/packed_q4_1.hpp"
#include "gguf.hpp"

/// Writes GGUF files of version 3, the format of llama.cpp. formats.hpp does not include this
/// header.
///
///     io::save_gguf<Model>("model.gguf", parameters, io::llama_cpp::llama,
///                          {{"general.architecture", "llama"}, ...}, "Q8_0");

namespace sequent::inline SEQUENT_ABI::io {

/// A key of the metadata and its value.
struct gguf_pair {
    std::string key;  ///< the key, such as "general.architecture"
    /// The value; its C++ type determines its type in the file.
    std::variant<std::string, bool, std::uint32_t, std::int32_t, float, std::vector<std::string>,
                 std::vector<float>, std::vector<std::int32_t>>
        value;
};

namespace detail {

template <class T>
void append_gguf(std::string& to, const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
        append_gguf(to, std::uint64_t{value.size()});
        to += value;
    } else if constexpr (std::is_same_v<T, bool>) {
        to += value ? '\1' : '\0';
    } else if constexpr (std::is_same_v<T, float>) {
        append_gguf(to, std::bit_cast<std::uint32_t>(value));
    } else {
        std::byte bytes[sizeof(T)];
        store_bits(static_cast<std::make_unsigned_t<T>>(value), bytes);
        to.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
    }
}

template <class T>
constexpr gguf_type gguf_type_of = std::is_same_v<T, std::string>     ? gguf_type::text
                                   : std::is_same_v<T, bool>          ? gguf_type::boolean
                                   : std::is_same_v<T, std::uint32_t> ? gguf_type::u32
                                   : std::is_same_v<T, std::int32_t>  ? gguf_type::i32
                                                                      : gguf_type::f32;

SEQUENT_LAZY
SEQUENT_COLD void append_gguf_pair(std::string& to, const gguf_pair& pair) {
    append_gguf(to, pair.key);
    std::visit(
        [&]<class T>(const T& value) {
            const auto type = [&](gguf_type of) {
                append_gguf(to, static_cast<std::uint32_t>(of));
            };
            if constexpr (requires { typename T::allocator_type; } &&
                          !std::is_same_v<T, std::string>) {
                type(gguf_type::array);
                type(gguf_type_of<typename T::value_type>);
                append_gguf(to, std::uint64_t{value.size()});
                for (const auto& each : value) append_gguf(to, each);
            } else {
                type(gguf_type_of<T>);
                append_gguf(to, value);
            }
        },
        pair.value);
}

/// Encodes a block of numbers. Returns false if they are too large for the format.
using gguf_encoder = bool (*)(const float* numbers, std::byte* to);

template <dtype Type>
bool encode_number(const float* number, std::byte* to) {
    return store_element<Type>(*number, to);
}
/// Encodes a block of 32 numbers in ggml's layout.
template <class Format>
bool encode_block(const float* numbers, std::byte* to) {
    std::uint16_t q[32];
    const kernel::block_scales scales = Format::quantise(numbers, q);
    for (std::size_t each = 0; each < Format::rows::scales; ++each, to += 2) {
        if (!std::isfinite(scales[each])) return false;
        store_bits(to_f16(static_cast<double>(scales[each])), to);
    }
    for (std::size_t at = 0; at < (Format::bits == 8 ? 32 : 16); ++at)
        to[at] = static_cast<std::byte>(Format::bits == 8 ? q[at] - 128 : q[at] | q[at + 16] << 4);
    return true;
}

struct gguf_encoding {
    std::string_view name;  // name of a format in gguf_formats
    gguf_encoder encode;
};
SEQUENT_LAZY inline constexpr gguf_encoding gguf_encodings[] = {
    {"F32", encode_number<dtype::f32>},   {"F16", encode_number<dtype::f16>},
    {"BF16", encode_number<dtype::bf16>}, {"Q8_0", encode_block<kernel::q8_0>},
    {"Q4_0", encode_block<kernel::q4_0>}, {"Q4_1", encode_block<kernel::q4_1>},
};

SEQUENT_LAZY
SEQUENT_COLD void save_as_gguf(const file_path& path, const mapped_tensors& given,
                               std::span<const gguf_pair> metadata, std::string_view type) {
    const std::string name = path.string();
    tensor_file file{name, {}, {}, gguf_formats<>};
    const auto encoding_of = [&](std::string_view wanted) -> const gguf_encoding& {
        for (const gguf_encoding& each : gguf_encodings<>)
            if (each.name == wanted) return each;
        std::string known;
        for (const gguf_encoding& each : gguf_encodings<>)
            append_text(known, {known.empty() ? "" : ", ", each.name});
        fail_with<error>({name, ": the type is ", wanted, ", known are ", known});
    };
    const auto aligned = [](std::uint64_t bytes) { return (bytes + 31) / 32 * 32; };
    encoding_of(type);
    std::uint64_t end = 0;
    for (const planned_tensor& each : given.planned) {
        if (each.shape.size() > 4)
            fail_with<error>({name, ": tensor ", in_quotes(each.name), " has shape ",
                              shape_text(each.shape), ", at most are 4 extents"});
        header_entry entry{each.name, std::string(type), each.shape, end, 0};
        if (each.shape.size() < 2 || each.shape.back() % file.format_of(entry)->count != 0)
            entry.dtype = "F32";
        const number_format& format = *file.format_of(entry);
        entry.end = end + size_of(each.shape) / format.count * format.bytes;
        end = aligned(entry.end);
        file.header.tensors.push_back(entry);
    }

    std::string text = "GGUF";
    append_gguf(text, std::uint32_t{3});
    append_gguf(text, std::uint64_t{given.planned.size()});
    append_gguf(text, std::uint64_t{metadata.size()});
    for (const gguf_pair& each : metadata) append_gguf_pair(text, each);
    for (const header_entry& each : file.header.tensors) {
        append_gguf(text, each.name);
        append_gguf(text, static_cast<std::uint32_t>(each.shape.size()));
        for (std::size_t axis = each.shape.size(); axis-- > 0;) append_gguf(text, each.shape[axis]);
        std::uint32_t number = 0;
        while (type_of_gguf_tensor(number) != each.dtype) ++number;
        append_gguf(text, number);
        append_gguf(text, each.begin);
    }
    text.resize(static_cast<std::size_t>(aligned(text.size())));

    file_replacement out(path);
    out.write(text.data(), text.size());
    for (std::size_t at = 0; at < given.planned.size(); ++at) {
        const header_entry& entry = file.header.tensors[at];
        const number_format& format = *file.format_of(entry);
        const gguf_encoder encode = encoding_of(entry.dtype).encode;
        const std::uint64_t count = size_of(entry.shape);
        std::vector<std::byte> floats(static_cast<std::size_t>(count) * 4);
        for (const piece& each : given.pieces)
            if (each.tensor == at) store_piece(each, dtype::f32, floats.data(), name, entry.name);
        std::vector<std::byte> bytes(static_cast<std::size_t>(aligned(entry.end - entry.begin)));
        std::byte* to = bytes.data();
        for (std::uint64_t first = 0; first < count; first += format.count, to += format.bytes) {
            float numbers[32];
            for (std::uint64_t k = 0; k < format.count; ++k)
                numbers[k] = load_element<float, dtype::f32>(&floats[(first + k) * 4]);
            if (!encode(numbers, to))
                fail_element(
                    name, entry.name, first,
                    joined_text({number_text(static_cast<double>(numbers[0])),
                                 ", or one of its block is, too large for ", format.name}));
        }
        out.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    out.commit();
}

}  // namespace detail

/// Writes a model's parameters, under the names of `names`, and the given metadata to a new GGUF
/// file, which then replaces `path`. Matrices are rounded to `type`: F32, F16, BF16, Q8_0, Q4_0 or
/// Q4_1. Norms and biases are F32, and so are matrices whose row length is not a multiple of the
/// type's block size. To write packed weights, call unpack() first.
///
/// Throws io::error if the file cannot be written, if the type is unknown, if a number is not
/// finite or too large for the type, or if the parameters do not cover all rows of a tensor.
template <class Model, class Parameters>
void save_gguf(const file_path& path, const Parameters& parameters, name_map names,
               const std::vector<gguf_pair>& metadata = {}, std::string_view type = "F32") {
    detail::save_as_gguf(path,
                         detail::plan_mapped(path, detail::tensors_of<Model>(parameters), names,
                                             detail::layout_of<Model>()),
                         metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io
