#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../elsewhere.hpp"
#include "../joined_text.hpp"
#include "../model/tensor_view.hpp"
#include "../number_text.hpp"
#include "dtype.hpp"
#include "error.hpp"
#include "json_header.hpp"
#include "path.hpp"
#include "replace_file.hpp"
#include "sorted.hpp"
#include "source.hpp"
#include "tensor_file.hpp"
#include "utf8.hpp"

/// The safetensors format: eight bytes with the length of the header (little-endian), the header as
/// JSON, then the elements, little-endian and row-major, without gaps.
/// https://github.com/huggingface/safetensors#format

namespace sequent::inline SEQUENT_ABI::elsewhere {
template <class... Types>
inline constexpr bool includes<header::safetensors, Types...> = true;
}  // namespace sequent::inline SEQUENT_ABI::elsewhere

namespace sequent::inline SEQUENT_ABI::io {

/// A tensor and its name in a file. T is float or double; const if the tensor is only saved.
template <class T>
struct named_tensor {
    using value_type = T;  ///< element type of the view
    std::string name;      ///< name of the tensor in the file, UTF-8
    tensor_view<T> view;   ///< the elements, with any strides
};

namespace detail {

template <class T>
concept Element = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class Tensors>
using element_of =
    typename std::remove_cvref_t<decltype(*std::data(std::declval<const Tensors&>()))>::value_type;

template <class Tensors>
concept NamedTensors = requires(const Tensors& tensors) {
    { *std::data(tensors) } -> std::same_as<const named_tensor<element_of<Tensors>>&>;
    { std::size(tensors) } -> std::convertible_to<std::size_t>;
}
&&Element<std::remove_const_t<element_of<Tensors>>>;

template <class Tensors>
std::vector<any_tensor> any_tensors(const Tensors& tensors) {
    std::vector<any_tensor> result;
    const auto* const first = std::data(tensors);
    for (std::size_t at = 0; at < std::size(tensors); ++at)
        result.push_back({first[at].name, any_view::of(first[at].view)});
    return result;
}

/// Largest header in bytes, the limit of the format's reference implementation: a corrupt length
/// cannot exhaust memory.
inline constexpr std::uint64_t longest_header = 100'000'000;

/// Describes why a tensor's bytes do not match its shape and dtype; empty if they do or the dtype
/// is unknown.
SEQUENT_LAZY
SEQUENT_COLD std::string problem_of_size(const header_entry& entry) {
    const auto bits = static_cast<std::uint64_t>(bits_of(entry.dtype));
    if (bits == 0) return "";
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t all = bits;
    for (const std::uint64_t extent : entry.shape)
        all = extent != 0 && all > most / extent ? most : all * extent;
    // A shape with an extent of 0 has no elements, even if the product overflowed before it.
    for (const std::uint64_t extent : entry.shape)
        if (extent == 0) all = 0;
    const std::uint64_t found = entry.end - entry.begin;
    if (all == most || all % 8 != 0 || all / 8 != found) {
        const std::string taken = all == most    ? "more than any file has"
                                  : all % 8 != 0 ? joined_text({all, " bits"})
                                                 : joined_text({all / 8});
        return joined_text({": the file has ", found, " bytes, shape ", shape_text(entry.shape),
                            " of ", entry.dtype, " takes ", taken});
    }
    return "";
}

/// Checks that each tensor has the size of its shape and that the tensors cover the data exactly:
/// in the order of their offsets, each begins where the previous one ends.
SEQUENT_LAZY
SEQUENT_COLD void check_layout(const file_header& header, std::uint64_t data_size,
                               std::string_view file) {
    std::vector<numbered_range> sorted;
    for (std::size_t at = 0; at < header.tensors.size(); ++at)
        sorted.push_back({header.tensors[at].begin, header.tensors[at].end, at});
    sort(sorted);
    std::uint64_t end = 0;
    for (const numbered_range& range : sorted) {
        const auto fail = [&](const std::string& what) {
            fail_with<error>({file, ": tensor ", in_quotes(header.tensors[range.number].name),
                              ": data_offsets [", range.first, ", ", range.last, "] ", what});
        };
        if (range.last < range.first) fail("end before they begin");
        if (range.last > data_size) {
            fail(joined_text(
                {"reach beyond the data of ", data_size, " bytes (is the file truncated?)"}));
        }
        if (range.first < end) {
            fail(joined_text({"overlap another tensor, which ends at ", end}));
        }
        if (range.first > end) {
            fail(joined_text({"leave a hole: the last tensor ends at ", end}));
        }
        end = range.last;
    }
    if (end != data_size) {
        fail_with<error>({file, ": the tensors hold ", end, " bytes, the file has ", data_size,
                          " behind its header"});
    }
    for (const auto& entry : header.tensors) {
        if (const std::string problem = problem_of_size(entry); !problem.empty())
            fail_with<error>({file, ": tensor ", in_quotes(entry.name), problem});
    }
}

}  // namespace detail

/// Opens and checks a safetensors file for `load`. Throws io::error if it is not well-formed.
SEQUENT_LAZY
SEQUENT_COLD tensor_file open_safetensors(source from) {
    const std::span<const std::byte> bytes = from.bytes();
    const std::uint64_t size = bytes.size();
    if (size < 8) {
        fail_with<error>({from.name(), ": has ", size,
                          " bytes, too few for the length of the header, which takes 8"});
    }
    const auto length = detail::load_bits<std::uint64_t>(bytes.data());
    if (length > size - 8) {
        fail_with<error>({from.name(), ": the header should have ", length,
                          " bytes, the file has only ", size - 8, " for it"});
    }
    if (length > detail::longest_header) {
        fail_with<error>({from.name(), ": a header of ", length,
                          " bytes is longer than the format allows, ", detail::longest_header});
    }
    const auto header_size = static_cast<std::size_t>(length);
    const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + 8, header_size);
    file_header header = parse_header(json, from.name());
    detail::check_layout(header, size - 8 - length, from.name());
    std::string name = from.name();
    return {std::move(name),
            std::move(header),
            {{std::move(from), 8 + header_size}},
            detail::plain_formats<>};
}

namespace detail {

SEQUENT_LAZY
SEQUENT_COLD name_table table_of_names(const std::vector<header_entry>& tensors) {
    name_table result;
    for (std::size_t at = 0; at < tensors.size(); ++at) result.add(tensors[at].name, at);
    result.sort();
    return result;
}

/// Finds each requested tensor in the file and compares names, shapes and dtypes of all tensors.
SEQUENT_LAZY
SEQUENT_COLD matching match(const tensor_file& file, const std::vector<any_tensor>& tensors) {
    const file_header& header = file.header;
    const name_table entries = table_of_names(header.tensors);
    std::vector<char> used(header.tensors.size());
    matching result;
    for (const any_tensor& tensor : tensors) {
        const auto problem = [&](const std::string& what) {
            return matching{{}, joined_text({"tensor ", in_quotes(tensor.name), what})};
        };
        const numbered_name* const found = entries.find(tensor.name);
        if (found == nullptr) {
            int asked = 0;
            for (const any_tensor& each : tensors) asked += each.name == tensor.name ? 1 : 0;
            return problem(asked > 1 ? " is asked for twice" : " is not in the file");
        }
        if (used[found->number] != 0) return problem(" is asked for twice");
        const header_entry& entry = header.tensors[found->number];
        if (const auto wanted = shape_of(tensor.view); entry.shape != wanted) {
            return problem(joined_text({": the file has shape ", shape_text(entry.shape),
                                        ", wanted is ", shape_text(wanted)}));
        }
        if (const auto what = problem_of_type(file, entry, tensor.view.type); !what.empty())
            return problem(what);
        result.pieces.push_back(whole(tensor.view, found->number));
        if (!tensor.may_be_negative) result.not_negative.push_back(found->number);
        used[found->number] = 1;
    }
    for (const numbered_name& entry : entries.entries()) {
        if (used[entry.number] != 0) continue;
        return {{},
                joined_text({"tensor ", in_quotes(entry.name), " is in the file, but not wanted (",
                             header.tensors.size(), " in the file, ", tensors.size(), " wanted)"})};
    }
    return result;
}

/// A tensor to be written; its pieces cover it completely.
struct planned_tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
};

/// Reads `count` elements of a row, `stride` apart from `at` on, as doubles.
template <class T>
void load_values(const void* data, std::ptrdiff_t at, std::ptrdiff_t stride, std::size_t count,
                 double* values) {
    const T* from = static_cast<const T*>(data) + at;
    for (std::size_t column = 0; column < count; ++column, from += stride)
        values[column] = static_cast<double>(*from);
}

/// Encodes numbers of a row; throws io::error at one that is not finite or too large for the type.
template <dtype To>
void encode_plain(const double* values, std::size_t count, std::uint64_t first,
                  std::uint64_t stride, std::byte* data, std::string_view file,
                  std::string_view tensor) {
    std::uint64_t number = first;
    for (std::size_t column = 0; column < count; ++column, number += stride) {
        const double value = values[column];
        if (!std::isfinite(value)) fail_element(file, tensor, number, unlike_a_number(value));
        if (!store_element<To>(value, data + number * io::size_of(To)))
            fail_element(file, tensor, number,
                         joined_text({number_text(value), ", too large for ", name_of(To)}));
    }
}

/// Encodes a piece into its tensor, which begins at `data`. The first tensor of a sum gets the
/// whole sum; the others stay zero.
SEQUENT_LAZY
SEQUENT_COLD void store_piece(const piece& part, dtype type, std::byte* data, std::string_view file,
                              std::string_view tensor) {
    if (part.is_summand) return;
    const auto load = part.view.type == dtype::f64 ? load_values<double> : load_values<float>;
    const auto encode = with_dtype(type, [](auto to) { return encode_plain<to()>; });
    std::array<double, decoded_together> values;
    for_each_row(part, [&](const piece_row& row) {
        for (std::size_t column = 0; column < row.columns; column += values.size()) {
            const std::size_t some = std::min(values.size(), row.columns - column);
            load(part.view.data, row.at + static_cast<std::ptrdiff_t>(column) * row.stride,
                 row.stride, some, values.data());
            if (part.plus != 0)
                for (std::size_t at = 0; at < some; ++at) values[at] -= part.plus;
            encode(values.data(), some, row.number + column * row.number_stride, row.number_stride,
                   data, file, tensor);
        }
    });
}

/// The bytes of a file's header, preceded by their number and padded to a multiple of 8.
SEQUENT_LAZY
SEQUENT_COLD std::string header_bytes(const std::string& name, const file_header& header,
                                      std::size_t alignment = 8) {
    for (const auto& [key, value] : header.metadata) {
        if (!is_utf8(key) || !is_utf8(value)) {
            fail_with<error>({name, ": metadata ", in_quotes(key), " is not UTF-8"});
        }
    }
    std::string json = format_header(header);
    json.resize((8 + json.size() + alignment - 1) / alignment * alignment - 8, ' ');
    if (json.size() > longest_header) {
        fail_with<error>({name, ": a header of ", json.size(),
                          " bytes is longer than the format allows, ", longest_header});
    }
    std::array<std::byte, 8> length{};
    store_bits(static_cast<std::uint64_t>(json.size()), length.data());
    return std::string(reinterpret_cast<const char*>(length.data()), length.size()) + json;
}

/// Writes a safetensors file of tensors that consist of pieces.
SEQUENT_LAZY
SEQUENT_COLD void save_all(const file_path& path, const std::vector<planned_tensor>& tensors,
                           const std::vector<piece>& pieces, const metadata_map& metadata,
                           dtype type) {
    const std::string name = path.string();
    file_header header;
    header.metadata = metadata;
    name_table names;
    for (std::size_t at = 0; at < tensors.size(); ++at) names.add(tensors[at].name, at);
    names.sort();
    const numbered_name* const again = names.repeated();
    std::uint64_t end = 0;
    for (const auto& tensor : tensors) {
        const auto fail = [&](const char* what) {
            fail_with<error>({name, ": tensor ", in_quotes(tensor.name), what});
        };
        if (again != nullptr && &tensor == &tensors[again->number]) fail(" is given twice");
        if (tensor.name == "__metadata__") fail(": the format keeps this name for itself");
        if (!is_utf8(tensor.name)) fail(": the name is not UTF-8");
        const std::uint64_t begin = end;
        end += size_of(tensor.shape) * io::size_of(type);
        header.tensors.push_back(
            {tensor.name, std::string(name_of(type)), tensor.shape, begin, end});
    }
    const std::string json = header_bytes(name, header);

    // All elements are checked before a file is created.
    std::vector<std::byte> bytes;
    const auto encode = [&](std::size_t tensor) {
        const header_entry& entry = header.tensors[tensor];
        bytes.assign(static_cast<std::size_t>(entry.end - entry.begin), std::byte{});
        for (const piece& each : pieces)
            if (each.tensor == tensor) store_piece(each, type, bytes.data(), name, entry.name);
    };
    for (std::size_t tensor = 0; tensor < tensors.size(); ++tensor) encode(tensor);

    file_replacement file(path);
    file.write(json.data(), json.size());
    for (std::size_t tensor = 0; tensor < tensors.size(); ++tensor) {
        encode(tensor);
        file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    file.commit();
}

SEQUENT_LAZY
SEQUENT_COLD void save_tensors(const file_path& path, const std::vector<any_tensor>& tensors,
                               const metadata_map& metadata, dtype type) {
    std::vector<planned_tensor> planned;
    std::vector<piece> pieces;
    for (const any_tensor& tensor : tensors) {
        pieces.push_back(whole(tensor.view, planned.size()));
        planned.push_back({tensor.name, shape_of(tensor.view)});
    }
    save_all(path, planned, pieces, metadata, type);
}

SEQUENT_LAZY
SEQUENT_COLD metadata_map load_tensors(const tensor_file& file,
                                       const std::vector<any_tensor>& tensors) {
    return load_all(file, match(file, tensors));
}

}  // namespace detail

/// Writes `tensors` (a vector, array or span of named_tensor) and `metadata` to a new safetensors
/// file, which then replaces `path`; after an error `path` is unchanged. Elements are written in
/// row-major order for any strides of the views, and exactly: `load` gives the same bits. If `type`
/// has fewer bits than the elements, they are rounded to nearest, ties to even.
///
/// Throws io::error if the file cannot be written, if two tensors have the same name, if a name or
/// a metadata string is not UTF-8, or if an element is not finite or too large for the type.
template <detail::NamedTensors Tensors>
void save(const file_path& path, const Tensors& tensors, const metadata_map& metadata = {},
          dtype type = dtype_of<detail::element_of<Tensors>>) {
    detail::save_tensors(path, detail::any_tensors(tensors), metadata, type);
}

/// Fills the views of `tensors` from a file, or from bytes in memory, and returns the metadata. The
/// file must have exactly these tensors, with equal shapes and finite elements. F16, BF16 and F32
/// are read into float and double, F64 into double only, so that every value is exact.
///
/// Throws io::error otherwise, and if the file is not well-formed; the views are then unchanged.
template <detail::NamedTensors Tensors>
metadata_map load(const tensor_file& from, const Tensors& tensors) {
    static_assert(!std::is_const_v<detail::element_of<Tensors>>,
                  "load writes into the views: they must not be const");
    return detail::load_tensors(from, detail::any_tensors(tensors));
}
/// As above, for a safetensors file or its bytes in memory.
template <detail::NamedTensors Tensors>
metadata_map load(const source& from, const Tensors& tensors) {
    return load(open_safetensors(from), tensors);
}

/// Reads the header of a safetensors file: names, dtypes and shapes of its tensors, and the
/// metadata. Throws io::error if the file is not well-formed.
SEQUENT_LAZY
SEQUENT_COLD file_header read_header(const source& from) {
    return open_safetensors(from).header;
}

}  // namespace sequent::inline SEQUENT_ABI::io
