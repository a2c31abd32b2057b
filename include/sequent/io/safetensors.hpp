#pragma once

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
using element_of =
    typename std::remove_cvref_t<decltype(*std::data(std::declval<const Tensors&>()))>::value_type;

template <class Tensors>
concept NamedTensors = requires(const Tensors& tensors) {
    { *std::data(tensors) } -> std::same_as<const named_tensor<element_of<Tensors>>&>;
    { std::size(tensors) } -> std::convertible_to<std::size_t>;
}
&&Element<std::remove_const_t<element_of<Tensors>>>;

/// A view of float, double or, in a `.npy` file, int32, of which `type` tells the size: what reads
/// and writes files is compiled once for all element types and all models. Const data is only read.
struct any_view {
    void* data = nullptr;
    dtype type = dtype::f32;
    int rank = 0;
    std::array<int, max_rank> extents{};
    std::array<int, max_rank> strides{};

    template <class T>
    static any_view of(const tensor_view<T>& view) noexcept {
        return {const_cast<std::remove_const_t<T>*>(view.data),
                sizeof(T) == 4 ? dtype::f32 : dtype::f64, view.rank, view.extents, view.strides};
    }

    int size() const noexcept {
        int count = 1;
        for (int axis = 0; axis < rank; ++axis) count *= extents[static_cast<std::size_t>(axis)];
        return count;
    }
};

/// A tensor as the file's names and the model's meet.
struct any_tensor {
    std::string name;
    any_view view;
    bool may_be_negative = true;
};

template <class Tensors>
std::vector<any_tensor> any_tensors(const Tensors& tensors) {
    std::vector<any_tensor> result;
    const auto* const first = std::data(tensors);
    for (std::size_t at = 0; at < std::size(tensors); ++at)
        result.push_back({first[at].name, any_view::of(first[at].view)});
    return result;
}

/// The limit of the format's own library: it keeps a false length from claiming all memory.
inline constexpr std::uint64_t longest_header = 100'000'000;

SEQUENT_LAZY
SEQUENT_COLD std::string in_quotes(std::string_view name) {
    return joined_text({"\"", name, "\""});
}

SEQUENT_LAZY
SEQUENT_COLD std::string shape_text(const std::vector<std::uint64_t>& shape) {
    std::string text = "[";
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (axis > 0) text += ", ";
        append_text(text, {shape[axis]});
    }
    return text + "]";
}

SEQUENT_LAZY
SEQUENT_COLD std::vector<std::uint64_t> shape_of(const any_view& view) {
    std::vector<std::uint64_t> shape;
    for (int axis = 0; axis < view.rank; ++axis) {
        shape.push_back(static_cast<std::uint64_t>(view.extents[static_cast<std::size_t>(axis)]));
    }
    return shape;
}

/// The product of the extents; the shape has been compared with one of a tensor_view, or is one.
SEQUENT_LAZY
inline std::uint64_t size_of(const std::vector<std::uint64_t>& shape) {
    std::uint64_t size = 1;
    for (const std::uint64_t extent : shape) size *= extent;
    return size;
}

/// What keeps a tensor's bytes from being those of its shape and dtype; nothing if nothing does.
/// The size of a dtype that is unknown is unknown.
SEQUENT_LAZY
SEQUENT_COLD std::string problem_of_size(const header_entry& entry) {
    const auto bits = static_cast<std::uint64_t>(bits_of(entry.dtype));
    if (bits == 0) return "";
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t all = bits;
    for (const std::uint64_t extent : entry.shape)
        all = extent != 0 && all > most / extent ? most : all * extent;
    // A shape that holds a zero holds nothing, whatever overflowed before it.
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

/// The tensors must have the sizes of their shapes and cover the data exactly: in the order of
/// their offsets each begins where the last one ended.
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

/// What is read, its header read and checked, and the bytes behind it.
struct opened {
    source from;
    file_header header;
    std::span<const std::byte> data;
};

SEQUENT_LAZY
SEQUENT_COLD opened open_checked(source from) {
    const std::span<const std::byte> bytes = from.bytes();
    const std::uint64_t size = bytes.size();
    if (size < 8) {
        fail_with<error>({from.name(), ": has ", size,
                          " bytes, too few for the length of the header, which takes 8"});
    }
    const auto length = load_bits<std::uint64_t>(bytes.data());
    if (length > size - 8) {
        fail_with<error>({from.name(), ": the header should have ", length,
                          " bytes, the file has only ", size - 8, " for it"});
    }
    if (length > longest_header) {
        fail_with<error>({from.name(), ": a header of ", length,
                          " bytes is longer than the format allows, ", longest_header});
    }
    const auto header_size = static_cast<std::size_t>(length);
    const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + 8, header_size);
    file_header header = parse_header(json, from.name());
    check_layout(header, size - 8 - length, from.name());
    return {std::move(from), std::move(header), bytes.subspan(8 + header_size)};
}

/// A view and the part of a tensor that it stands for. The rows of a view are all its axes but the
/// last, its columns the last; element (row, column) is the tensor's number
/// first + row * row_stride + column * column_stride.
struct piece {
    any_view view;
    std::size_t tensor = 0;  // among those of the file
    std::uint64_t first = 0;
    std::uint64_t row_stride = 0;
    std::uint64_t column_stride = 1;
    /// If not 0, the view's rows 2k and 2k + 1 of each so many are the tensor's k and k + half.
    std::uint64_t interleaved = 0;
};

SEQUENT_LAZY
inline std::uint64_t columns_of(const std::vector<std::uint64_t>& shape) {
    return shape.empty() ? 1 : shape.back();
}

/// A view that is all of a tensor.
SEQUENT_LAZY
inline piece whole(const any_view& view, std::size_t tensor) {
    return {view, tensor, 0, columns_of(shape_of(view)), 1, 0};
}

/// A row of a piece: `columns` elements of the view from `at`, `stride` apart, which are the
/// tensor's numbers from `number`, `number_stride` apart.
struct piece_row {
    std::ptrdiff_t at = 0;
    std::ptrdiff_t stride = 1;
    std::uint64_t number = 0;
    std::uint64_t number_stride = 1;
    int columns = 0;
};

/// Calls f(piece_row) for each row of a piece.
template <class F>
SEQUENT_COLD void for_each_row(const piece& part, F f) {
    const any_view& view = part.view;
    if (view.size() == 0) return;
    const int last = view.rank - 1;
    piece_row result;
    result.columns = view.rank > 0 ? view.extents[static_cast<std::size_t>(last)] : 1;
    result.stride = view.rank > 0 ? view.strides[static_cast<std::size_t>(last)] : 1;
    result.number_stride = part.column_stride;
    const int rows = view.size() / result.columns;
    std::array<int, max_rank> index{};
    for (int row = 0; row < rows; ++row) {
        auto from = static_cast<std::uint64_t>(row);
        if (const std::uint64_t of = part.interleaved; of > 0) {
            const std::uint64_t within = from % of;
            from += within / 2 + within % 2 * (of / 2) - within;
        }
        result.number = part.first + from * part.row_stride;
        f(result);
        for (int axis = last; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            result.at += view.strides[place];
            if (++index[place] < view.extents[place]) break;
            result.at -= static_cast<std::ptrdiff_t>(view.extents[place]) * view.strides[place];
            index[place] = 0;
        }
    }
}

SEQUENT_LAZY
[[noreturn]] SEQUENT_COLD void fail_element(std::string_view file, std::string_view name,
                                            std::uint64_t number, std::string_view what) {
    fail_with<error>({file, ": tensor ", in_quotes(name), ": element ", number, " is ", what});
}

SEQUENT_LAZY
inline std::string_view unlike_a_number(double value) {
    return std::isnan(value) ? "not a number" : "infinite";
}

/// What keeps a tensor of the file from being read as float or double, which `wanted` is; nothing
/// if nothing does.
SEQUENT_LAZY
SEQUENT_COLD std::string problem_of_type(const header_entry& entry, dtype wanted) {
    const auto type = dtype_named(entry.dtype);
    if (!type) {
        return joined_text(
            {": the file has dtype ", entry.dtype, ", which is none of F16, BF16, F32, F64"});
    }
    if (io::size_of(*type) > io::size_of(wanted)) {
        return joined_text({": the file has dtype ", entry.dtype, ", wanted is ", name_of(wanted),
                            ", which does not hold it exactly"});
    }
    return "";
}

/// A number of the file, which double holds exactly.
SEQUENT_LAZY
inline double load_number(dtype type, const std::byte* bytes) noexcept {
    return with_dtype(
        type, [&](auto known) { return load_element<double, decltype(known)::value>(bytes); });
}

/// Fails unless all numbers of a tensor are finite.
SEQUENT_LAZY
inline void check_finite(const opened& file, const header_entry& entry, dtype type) {
    const std::byte* const data = file.data.data() + entry.begin;
    with_dtype(type, [&](auto known) {
        constexpr dtype from = decltype(known)::value;
        constexpr std::size_t bytes = io::size_of(from);
        using number = std::conditional_t<from == dtype::f64, double, float>;
        const std::uint64_t count = (entry.end - entry.begin) / bytes;
        for (std::uint64_t at = 0; at < count; ++at) {
            const auto value = load_element<number, from>(data + at * bytes);
            if (!std::isfinite(value))
                fail_element(file.from.name(), entry.name, at,
                             unlike_a_number(static_cast<double>(value)));
        }
    });
}

/// Elements of a file, of no greater type, as those of a row of T.
template <class T, dtype From>
void load_row(const std::byte* data, const piece_row& row, void* elements) {
    constexpr std::size_t bytes = io::size_of(From);
    if constexpr (bytes <= sizeof(T)) {
        T* const to = static_cast<T*>(elements);
        std::uint64_t number = row.number;
        for (int column = 0; column < row.columns; ++column, number += row.number_stride)
            to[row.at + column * row.stride] = load_element<T, From>(data + number * bytes);
    }
}

/// Fills the views from their tensors, all of which have the right type and size, unless one of
/// them is not finite.
SEQUENT_LAZY
SEQUENT_COLD void fill(const opened& file, std::span<const piece> pieces) {
    std::vector<char> used(file.header.tensors.size());
    for (const piece& each : pieces) used[each.tensor] = 1;
    for (std::size_t tensor = 0; tensor < used.size(); ++tensor) {
        const header_entry& entry = file.header.tensors[tensor];
        if (used[tensor]) check_finite(file, entry, *dtype_named(entry.dtype));
    }
    for (const piece& each : pieces) {
        const header_entry& entry = file.header.tensors[each.tensor];
        const std::byte* const data = file.data.data() + entry.begin;
        const bool wide = each.view.type == dtype::f64;
        const auto load = with_dtype(*dtype_named(entry.dtype), [&](auto from) {
            return wide ? load_row<double, from()> : load_row<float, from()>;
        });
        for_each_row(each, [&](const piece_row& row) { load(data, row, each.view.data); });
    }
}

/// Two tensors of a file that must hold the same numbers.
struct equal_pair {
    std::size_t tensor = 0;
    std::size_t other = 0;
};

/// Pieces for views that are to be filled, and pairs of tensors that must be equal, or why the file
/// is not for them.
struct matching {
    std::vector<piece> pieces;
    std::string problem;
    std::vector<equal_pair> equal{};
    std::vector<std::size_t> not_negative{};
};

/// Fails at a number below zero.
SEQUENT_LAZY
inline void check_not_negative(const opened& file, std::size_t tensor) {
    const header_entry& entry = file.header.tensors[tensor];
    const dtype type = *dtype_named(entry.dtype);
    for (std::uint64_t at = 0; at < (entry.end - entry.begin) / io::size_of(type); ++at) {
        const double x = load_number(type, file.data.data() + entry.begin + at * io::size_of(type));
        if (x < 0)
            fail_element(file.from.name(), entry.name, at,
                         joined_text({number_text(x), ", expected is at least 0"}));
    }
}

/// Fails unless two tensors of one shape hold the same numbers.
SEQUENT_LAZY
SEQUENT_COLD void check_equal(const opened& file, std::size_t tensor, std::size_t other) {
    const header_entry& one = file.header.tensors[tensor];
    const header_entry& two = file.header.tensors[other];
    const dtype left = *dtype_named(one.dtype), right = *dtype_named(two.dtype);
    const std::byte* const a = file.data.data() + one.begin;
    const std::byte* const b = file.data.data() + two.begin;
    for (std::uint64_t at = 0; at < (one.end - one.begin) / io::size_of(left); ++at) {
        const double x = load_number(left, a + at * io::size_of(left));
        const double y = load_number(right, b + at * io::size_of(right));
        if (x == y) continue;
        const std::string found =
            std::isfinite(x) ? number_text(x) : std::string(unlike_a_number(x));
        fail_element(file.from.name(), one.name, at,
                     joined_text({found, ", expected is that of ", in_quotes(two.name), ", ",
                                  number_text(y), ", which the model has in its place"}));
    }
}

SEQUENT_LAZY
SEQUENT_COLD name_table table_of_names(std::span<const header_entry> tensors) {
    name_table result;
    for (std::size_t at = 0; at < tensors.size(); ++at) result.add(tensors[at].name, at);
    result.sort();
    return result;
}

/// Where each wanted tensor stands in the file, after every tensor has been compared.
SEQUENT_LAZY
SEQUENT_COLD matching match(const file_header& header, std::span<const any_tensor> tensors) {
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
        if (const auto what = problem_of_type(entry, tensor.view.type); !what.empty())
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

/// Fills the views of a matching, or says why not.
SEQUENT_LAZY
SEQUENT_COLD metadata_map load_all(opened&& file, const matching& found) {
    if (!found.problem.empty()) fail_with<error>({file.from.name(), ": ", found.problem});
    for (const equal_pair& pair : found.equal) check_equal(file, pair.tensor, pair.other);
    for (const std::size_t tensor : found.not_negative) check_not_negative(file, tensor);
    fill(file, found.pieces);
    return std::move(file.header.metadata);
}

/// A tensor that is to be written: what it is made of covers it.
struct planned_tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
};

/// Elements of a row of T as numbers of a file. Fails at one that is not finite or too large.
template <class T, dtype To>
void store_row(const void* from, const piece_row& row, std::byte* data, std::string_view file,
               std::string_view tensor) {
    constexpr std::size_t bytes = io::size_of(To);
    const T* const elements = static_cast<const T*>(from);
    std::uint64_t number = row.number;
    for (int column = 0; column < row.columns; ++column, number += row.number_stride) {
        const T element = elements[row.at + column * row.stride];
        if (!std::isfinite(element)) {
            fail_element(file, tensor, number, unlike_a_number(static_cast<double>(element)));
        }
        if (!store_element<To>(element, data + number * bytes)) {
            fail_element(file, tensor, number,
                         joined_text({number_text(static_cast<double>(element)), ", too large for ",
                                      name_of(To)}));
        }
    }
}

/// A piece as numbers of a file's tensor, which begins at `data`.
SEQUENT_LAZY
SEQUENT_COLD void store_piece(const piece& part, dtype type, std::byte* data, std::string_view file,
                              std::string_view tensor) {
    const bool wide = part.view.type == dtype::f64;
    const auto store = with_dtype(
        type, [&](auto to) { return wide ? store_row<double, to()> : store_row<float, to()>; });
    for_each_row(part,
                 [&](const piece_row& row) { store(part.view.data, row, data, file, tensor); });
}

/// Writes a file of tensors that consist of pieces.
SEQUENT_LAZY
SEQUENT_COLD void save_all(const file_path& path, std::span<const planned_tensor> tensors,
                           std::span<const piece> pieces, const metadata_map& metadata,
                           dtype type) {
    const std::string name = path.string();
    file_header header;
    header.metadata = metadata;
    for (const auto& [key, value] : metadata) {
        if (!is_utf8(key) || !is_utf8(value)) {
            fail_with<error>({name, ": metadata ", in_quotes(key), " is not UTF-8"});
        }
    }
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
    std::string json = format_header(header);
    json.resize((json.size() + 7) / 8 * 8, ' ');
    if (json.size() > longest_header) {
        fail_with<error>({name, ": a header of ", json.size(),
                          " bytes is longer than the format allows, ", longest_header});
    }

    // All elements are looked at before there is a file.
    std::vector<std::byte> bytes;
    const auto encode = [&](std::size_t tensor) {
        const header_entry& entry = header.tensors[tensor];
        bytes.assign(static_cast<std::size_t>(entry.end - entry.begin), std::byte{});
        for (const piece& each : pieces)
            if (each.tensor == tensor) store_piece(each, type, bytes.data(), name, entry.name);
    };
    for (std::size_t tensor = 0; tensor < tensors.size(); ++tensor) encode(tensor);

    file_replacement file(path);
    std::array<std::byte, 8> length{};
    store_bits(static_cast<std::uint64_t>(json.size()), length.data());
    file.write(reinterpret_cast<const char*>(length.data()), length.size());
    file.write(json.data(), json.size());
    for (std::size_t tensor = 0; tensor < tensors.size(); ++tensor) {
        encode(tensor);
        file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    file.commit();
}

SEQUENT_LAZY
SEQUENT_COLD void save_tensors(const file_path& path, std::span<const any_tensor> tensors,
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
SEQUENT_COLD metadata_map load_tensors(const source& from, std::span<const any_tensor> tensors) {
    opened file = open_checked(from);
    const matching found = match(file.header, tensors);
    return load_all(std::move(file), found);
}

}  // namespace detail

/// Writes `tensors` (a vector, array or span of named_tensor) and `metadata` to a new file, which
/// then replaces `path`; on an error `path` stays as it was. Elements are written in row-major
/// order, whatever the strides of the views are, and exactly: a load gives the same bits. In a
/// `type` of fewer bits than theirs they are rounded to nearest, ties to even.
///
/// Throws io::error if the file cannot be written, if two tensors have one name, if a name or a
/// piece of metadata is not UTF-8, or if an element is not finite or too large for the type.
template <detail::NamedTensors Tensors>
void save(const file_path& path, const Tensors& tensors, const metadata_map& metadata = {},
          dtype type = dtype_of<detail::element_of<Tensors>>) {
    detail::save_tensors(path, detail::any_tensors(tensors), metadata, type);
}

/// Fills the views of `tensors` from a file, or from bytes in memory, and returns the metadata. It
/// must hold exactly these tensors, with equal shapes, all of them finite. F16, BF16 and F32 are
/// read into float and double, F64 into double alone: a number becomes the same number or none.
///
/// Throws io::error otherwise, and if the file is not well-formed; then no view has changed.
template <detail::NamedTensors Tensors>
metadata_map load(const source& from, const Tensors& tensors) {
    static_assert(!std::is_const_v<detail::element_of<Tensors>>,
                  "load writes into the views: they must not be const");
    return detail::load_tensors(from, detail::any_tensors(tensors));
}

/// The header of a file, checked, without the elements: what the file holds and its metadata.
/// Throws io::error if the file is not well-formed.
SEQUENT_LAZY
SEQUENT_COLD file_header read_header(const source& from) {
    return detail::open_checked(from).header;
}

}  // namespace sequent::inline SEQUENT_ABI::io
