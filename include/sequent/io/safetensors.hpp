#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../model/tensor_view.hpp"
#include "error.hpp"
#include "json_header.hpp"
#include "replace_file.hpp"
#include "utf8.hpp"

/// Tensors in the safetensors format: eight bytes with the length of the header (little-endian),
/// the header as JSON, then the elements, little-endian and row-major, without holes.
/// https://github.com/huggingface/safetensors#format

namespace sequent::inline SEQUENT_ABI::io {

/// A tensor and its name in a file. T is float or double, const where it is only read.
template <class T>
struct named_tensor {
    using value_type = T;
    std::string name;
    tensor_view<T> view;
};

namespace detail {

template <class T>
concept Element = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class Tensors>
using element_of = typename std::ranges::range_value_t<const Tensors>::value_type;

template <class Tensors>
concept NamedTensors =
    std::ranges::contiguous_range<const Tensors> && std::ranges::sized_range<const Tensors> &&
    std::is_same_v<std::ranges::range_value_t<const Tensors>, named_tensor<element_of<Tensors>>> &&
    Element<std::remove_const_t<element_of<Tensors>>>;

template <class T>
inline constexpr std::string_view dtype_name = sizeof(T) == 4 ? "F32" : "F64";

/// The limit of the format's own library: it keeps a false length from claiming all memory.
inline constexpr std::uint64_t longest_header = 100'000'000;

template <class T>
using bits_of = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
void store_little_endian(T value, char* bytes) {
    const auto bits = std::bit_cast<bits_of<T>>(value);
    for (std::size_t index = 0; index < sizeof(T); ++index) {
        bytes[index] = static_cast<char>(static_cast<unsigned char>(bits >> (8 * index)));
    }
}

template <class T>
T load_little_endian(const char* bytes) {
    bits_of<T> bits = 0;
    for (std::size_t index = 0; index < sizeof(T); ++index) {
        bits |= static_cast<bits_of<T>>(static_cast<unsigned char>(bytes[index])) << (8 * index);
    }
    return std::bit_cast<T>(bits);
}

inline std::string in_quotes(std::string_view name) {
    return '"' + std::string(name) + '"';
}

inline std::string shape_text(const std::vector<std::uint64_t>& shape) {
    std::string text = "[";
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (axis > 0) text += ", ";
        text += std::to_string(shape[axis]);
    }
    return text + "]";
}

template <class T>
std::vector<std::uint64_t> shape_of(const tensor_view<T>& view) {
    std::vector<std::uint64_t> shape;
    for (int axis = 0; axis < view.rank; ++axis) {
        shape.push_back(static_cast<std::uint64_t>(view.extents[static_cast<std::size_t>(axis)]));
    }
    return shape;
}

template <class T>
void check_finite(T value, int position, std::string_view file, std::string_view name) {
    if (std::isfinite(value)) return;
    sequent::fail<error>(std::string(file) + ": tensor " + in_quotes(name) + ": element " +
                         std::to_string(position) + " is " +
                         (std::isnan(value) ? "not a number" : "infinite"));
}

/// The tensors must cover the data exactly: in the order of their offsets each begins where the
/// last one ended.
inline void check_layout(const file_header& header, std::uint64_t data_size,
                         std::string_view file) {
    std::vector<const header_entry*> sorted;
    for (const auto& entry : header.tensors) sorted.push_back(&entry);
    std::ranges::sort(
        sorted, {}, [](const header_entry* entry) { return std::pair(entry->begin, entry->end); });
    const auto fail = [&](const header_entry& entry, const std::string& what) {
        sequent::fail<error>(std::string(file) + ": tensor " + in_quotes(entry.name) +
                             ": data_offsets [" + std::to_string(entry.begin) + ", " +
                             std::to_string(entry.end) + "] " + what);
    };
    std::uint64_t end = 0;
    for (const auto* entry : sorted) {
        if (entry->end < entry->begin) fail(*entry, "end before they begin");
        if (entry->end > data_size) {
            fail(*entry, "reach beyond the data of " + std::to_string(data_size) +
                             " bytes (is the file truncated?)");
        }
        if (entry->begin < end) {
            fail(*entry, "overlap another tensor, which ends at " + std::to_string(end));
        }
        if (entry->begin > end) {
            fail(*entry, "leave a hole: the last tensor ends at " + std::to_string(end));
        }
        end = entry->end;
    }
    if (end != data_size) {
        sequent::fail<error>(std::string(file) + ": the tensors hold " + std::to_string(end) +
                             " bytes, the file has " + std::to_string(data_size) +
                             " behind its header");
    }
}

/// An open file, its header read and checked; the stream stands at the data.
struct open_file {
    std::ifstream stream;
    std::string name;
    file_header header;
    std::uint64_t data_size = 0;
};

inline void read_exactly(open_file& file, char* bytes, std::uint64_t count) {
    if (!file.stream.read(bytes, static_cast<std::streamsize>(count))) {
        sequent::fail<error>(file.name + ": cannot be read to its end");
    }
}

inline open_file open_checked(const std::filesystem::path& path) {
    open_file file;
    file.name = path.string();
    std::error_code failure;
    const std::uint64_t size = std::filesystem::file_size(path, failure);
    if (failure) sequent::fail<error>(file.name + ": cannot be opened: " + failure.message());
    file.stream.open(path, std::ios::binary);
    if (!file.stream) sequent::fail<error>(file.name + ": cannot be opened");
    if (size < 8) {
        sequent::fail<error>(file.name + ": has " + std::to_string(size) +
                             " bytes, too few for the length of the header, which takes 8");
    }
    std::array<char, 8> length_bytes{};
    read_exactly(file, length_bytes.data(), length_bytes.size());
    std::uint64_t length = 0;
    for (std::size_t index = 8; index-- > 0;) {
        length = length << 8 | static_cast<unsigned char>(length_bytes[index]);
    }
    if (length > size - 8) {
        sequent::fail<error>(file.name + ": the header should have " + std::to_string(length) +
                             " bytes, the file has only " + std::to_string(size - 8) + " for it");
    }
    if (length > longest_header) {
        sequent::fail<error>(file.name + ": a header of " + std::to_string(length) +
                             " bytes is longer than the format allows, " +
                             std::to_string(longest_header));
    }
    std::string json(static_cast<std::size_t>(length), '\0');
    read_exactly(file, json.data(), length);
    file.header = parse_header(json, file.name);
    file.data_size = size - 8 - length;
    check_layout(file.header, file.data_size, file.name);
    return file;
}

/// Where each wanted tensor begins in the data, after every tensor has been compared.
template <class T>
std::vector<std::size_t> match(const open_file& file, std::span<const named_tensor<T>> tensors) {
    std::map<std::string_view, const header_entry*> entries;
    for (const auto& entry : file.header.tensors) entries.emplace(entry.name, &entry);
    std::vector<std::size_t> begins;
    for (const auto& tensor : tensors) {
        const auto fail = [&](const std::string& what) {
            sequent::fail<error>(file.name + ": tensor " + in_quotes(tensor.name) + what);
        };
        const auto found = entries.find(tensor.name);
        if (found == entries.end()) {
            const bool twice = std::ranges::count(tensors, tensor.name, &named_tensor<T>::name) > 1;
            fail(twice ? " is asked for twice" : " is not in the file");
        }
        const header_entry& entry = *found->second;
        if (entry.dtype != dtype_name<T>) {
            fail(": the file has dtype " + entry.dtype + ", wanted is " +
                 std::string(dtype_name<T>));
        }
        if (const auto wanted = shape_of(tensor.view); entry.shape != wanted) {
            fail(": the file has shape " + shape_text(entry.shape) + ", wanted is " +
                 shape_text(wanted));
        }
        const std::uint64_t bytes = static_cast<std::uint64_t>(tensor.view.size()) * sizeof(T);
        if (entry.end - entry.begin != bytes) {
            fail(": the file has " + std::to_string(entry.end - entry.begin) + " bytes, shape " +
                 shape_text(entry.shape) + " takes " + std::to_string(bytes));
        }
        begins.push_back(static_cast<std::size_t>(entry.begin));
        entries.erase(found);
    }
    if (!entries.empty()) {
        sequent::fail<error>(file.name + ": tensor " + in_quotes(entries.begin()->first) +
                             " is in the file, but not wanted (" +
                             std::to_string(file.header.tensors.size()) + " in the file, " +
                             std::to_string(tensors.size()) + " wanted)");
    }
    return begins;
}

template <class T>
metadata_map load_all(const std::filesystem::path& path, std::span<const named_tensor<T>> tensors) {
    open_file file = open_checked(path);
    const auto begins = match(file, tensors);
    std::vector<char> data(static_cast<std::size_t>(file.data_size));
    read_exactly(file, data.data(), file.data_size);

    const auto for_each = [&](auto visit) {
        for (std::size_t index = 0; index < tensors.size(); ++index) {
            const char* bytes = data.data() + begins[index];
            for (int at = 0; at < tensors[index].view.size(); ++at, bytes += sizeof(T)) {
                visit(tensors[index], at, load_little_endian<T>(bytes));
            }
        }
    };
    for_each([&](const named_tensor<T>& tensor, int at, T value) {
        check_finite(value, at, file.name, tensor.name);
    });
    for_each(
        [](const named_tensor<T>& tensor, int at, T value) { tensor.view.element(at) = value; });
    return std::move(file.header.metadata);
}

template <class T>
void save_all(const std::filesystem::path& path, std::span<const named_tensor<T>> tensors,
              const metadata_map& metadata) {
    using Value = std::remove_const_t<T>;
    const std::string name = path.string();
    file_header header;
    header.metadata = metadata;
    for (const auto& [key, value] : metadata) {
        if (!is_utf8(key) || !is_utf8(value)) {
            sequent::fail<error>(name + ": metadata " + in_quotes(key) + " is not UTF-8");
        }
    }
    std::set<std::string_view> names;
    std::uint64_t end = 0;
    for (const auto& tensor : tensors) {
        const auto fail = [&](const std::string& what) {
            sequent::fail<error>(name + ": tensor " + in_quotes(tensor.name) + what);
        };
        if (!names.insert(tensor.name).second) fail(" is given twice");
        if (tensor.name == "__metadata__") fail(": the format keeps this name for itself");
        if (!is_utf8(tensor.name)) fail(": the name is not UTF-8");
        for (int at = 0; at < tensor.view.size(); ++at) {
            check_finite<Value>(tensor.view.element(at), at, name, tensor.name);
        }
        const std::uint64_t begin = end;
        end += static_cast<std::uint64_t>(tensor.view.size()) * sizeof(T);
        header.tensors.push_back(
            {tensor.name, std::string(dtype_name<Value>), shape_of(tensor.view), begin, end});
    }
    std::string json = format_header(header);
    json.resize((json.size() + 7) / 8 * 8, ' ');
    if (json.size() > longest_header) {
        sequent::fail<error>(name + ": a header of " + std::to_string(json.size()) +
                             " bytes is longer than the format allows, " +
                             std::to_string(longest_header));
    }

    file_replacement file(path);
    std::array<char, 8> length{};
    for (std::size_t index = 0; index < length.size(); ++index) {
        length[index] = static_cast<char>(static_cast<unsigned char>(json.size() >> (8 * index)));
    }
    file.write(length.data(), length.size());
    file.write(json.data(), json.size());
    std::vector<char> bytes;
    for (const auto& tensor : tensors) {
        bytes.resize(static_cast<std::size_t>(tensor.view.size()) * sizeof(T));
        for (int at = 0; at < tensor.view.size(); ++at) {
            store_little_endian<Value>(tensor.view.element(at),
                                       bytes.data() + static_cast<std::size_t>(at) * sizeof(T));
        }
        file.write(bytes.data(), bytes.size());
    }
    file.commit();
}

}  // namespace detail

/// Writes `tensors` (a vector, array or span of named_tensor) and `metadata` to a new file, which
/// then replaces `path`; on an error `path` stays as it was. Elements are written in row-major
/// order, whatever the strides of the views are, and exactly: a load gives the same bits.
///
/// Throws io::error if the file cannot be written, if two tensors have one name, if a name or a
/// piece of metadata is not UTF-8, or if an element is not finite.
template <detail::NamedTensors Tensors>
void save(const std::filesystem::path& path, const Tensors& tensors,
          const metadata_map& metadata = {}) {
    using T = detail::element_of<Tensors>;
    detail::save_all<T>(path, std::span<const named_tensor<T>>(tensors), metadata);
}

/// Fills the views of `tensors` from the file and returns its metadata. The file must hold exactly
/// these tensors, with equal dtype (F32 for float, F64 for double) and shape, all of them finite.
///
/// Throws io::error otherwise, and if the file is not well-formed; then no view has changed.
template <detail::NamedTensors Tensors>
metadata_map load(const std::filesystem::path& path, const Tensors& tensors) {
    using T = detail::element_of<Tensors>;
    static_assert(!std::is_const_v<T>, "load writes into the views: they must not be const");
    return detail::load_all<T>(path, std::span<const named_tensor<T>>(tensors));
}

/// The header of a file, checked, without the elements: what the file holds and its metadata.
/// Throws io::error if the file is not well-formed.
inline file_header read_header(const std::filesystem::path& path) {
    return detail::open_checked(path).header;
}

}  // namespace sequent::inline SEQUENT_ABI::io
