#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
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
#include "../number_text.hpp"
#include "dtype.hpp"
#include "error.hpp"
#include "json_header.hpp"
#include "replace_file.hpp"
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
using element_of = typename std::ranges::range_value_t<const Tensors>::value_type;

template <class Tensors>
concept NamedTensors =
    std::ranges::contiguous_range<const Tensors> && std::ranges::sized_range<const Tensors> &&
    std::is_same_v<std::ranges::range_value_t<const Tensors>, named_tensor<element_of<Tensors>>> &&
    Element<std::remove_const_t<element_of<Tensors>>>;

/// The limit of the format's own library: it keeps a false length from claiming all memory.
inline constexpr std::uint64_t longest_header = 100'000'000;

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

/// The product of the extents; the shape has been compared with one of a tensor_view, or is one.
inline std::uint64_t size_of(const std::vector<std::uint64_t>& shape) {
    std::uint64_t size = 1;
    for (const std::uint64_t extent : shape) size *= extent;
    return size;
}

/// What keeps a tensor's bytes from being those of its shape and dtype; nothing if nothing does.
/// The size of a dtype that is unknown is unknown.
inline std::string problem_of_size(const header_entry& entry) {
    const auto bits = static_cast<std::uint64_t>(bits_of(entry.dtype));
    if (bits == 0) return "";
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t all = bits;
    for (const std::uint64_t extent : entry.shape)
        all = extent != 0 && all > most / extent ? most : all * extent;
    // A shape that holds a zero holds nothing, whatever overflowed before it.
    if (std::ranges::count(entry.shape, std::uint64_t{0}) > 0) all = 0;
    const std::uint64_t found = entry.end - entry.begin;
    if (all == most || all % 8 != 0 || all / 8 != found) {
        return ": the file has " + std::to_string(found) + " bytes, shape " +
               shape_text(entry.shape) + " of " + entry.dtype + " takes " +
               (all == most    ? "more than any file has"
                : all % 8 != 0 ? std::to_string(all) + " bits"
                               : std::to_string(all / 8));
    }
    return "";
}

/// The tensors must have the sizes of their shapes and cover the data exactly: in the order of
/// their offsets each begins where the last one ended.
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
    for (const auto& entry : header.tensors) {
        if (const std::string problem = problem_of_size(entry); !problem.empty())
            sequent::fail<error>(std::string(file) + ": tensor " + in_quotes(entry.name) + problem);
    }
}

/// What is read, its header read and checked, and the bytes behind it.
struct opened {
    source from;
    file_header header;
    std::span<const std::byte> data;
};

inline opened open_checked(source from) {
    const std::span<const std::byte> bytes = from.bytes();
    const std::uint64_t size = bytes.size();
    if (size < 8) {
        sequent::fail<error>(from.name() + ": has " + std::to_string(size) +
                             " bytes, too few for the length of the header, which takes 8");
    }
    const auto length = load_bits<std::uint64_t>(bytes.data());
    if (length > size - 8) {
        sequent::fail<error>(from.name() + ": the header should have " + std::to_string(length) +
                             " bytes, the file has only " + std::to_string(size - 8) + " for it");
    }
    if (length > longest_header) {
        sequent::fail<error>(from.name() + ": a header of " + std::to_string(length) +
                             " bytes is longer than the format allows, " +
                             std::to_string(longest_header));
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
template <class T>
struct piece {
    tensor_view<T> view;
    std::size_t tensor = 0;  // among those of the file
    std::uint64_t first = 0;
    std::uint64_t row_stride = 0;
    std::uint64_t column_stride = 1;
    /// If not 0, the view's rows 2k and 2k + 1 of each so many are the tensor's k and k + half.
    std::uint64_t interleaved = 0;
};

inline std::uint64_t columns_of(const std::vector<std::uint64_t>& shape) {
    return shape.empty() ? 1 : shape.back();
}

/// A view that is all of a tensor.
template <class T>
piece<T> whole(const tensor_view<T>& view, std::size_t tensor) {
    return {view, tensor, 0, columns_of(shape_of(view)), 1, 0};
}

/// Calls f(element, number within the tensor) for each element of a piece.
template <class T, class F>
void for_each_element(const piece<T>& part, F f) {
    const tensor_view<T>& view = part.view;
    if (view.size() == 0) return;
    const int last = view.rank - 1;
    const int columns = view.rank > 0 ? view.extents[static_cast<std::size_t>(last)] : 1;
    const std::ptrdiff_t stride = view.rank > 0 ? view.strides[static_cast<std::size_t>(last)] : 1;
    const int rows = view.size() / columns;
    std::array<int, max_rank> index{};
    std::ptrdiff_t at = 0;
    for (int row = 0; row < rows; ++row) {
        auto from = static_cast<std::uint64_t>(row);
        if (const std::uint64_t of = part.interleaved; of > 0) {
            const std::uint64_t within = from % of;
            from += within / 2 + within % 2 * (of / 2) - within;
        }
        std::uint64_t number = part.first + from * part.row_stride;
        for (int column = 0; column < columns; ++column, number += part.column_stride) {
            f(view.data[at + column * stride], number);
        }
        for (int axis = last; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            at += view.strides[place];
            if (++index[place] < view.extents[place]) break;
            at -= static_cast<std::ptrdiff_t>(view.extents[place]) * view.strides[place];
            index[place] = 0;
        }
    }
}

[[noreturn]] inline void fail_element(std::string_view file, std::string_view name,
                                      std::uint64_t number, const std::string& what) {
    sequent::fail<error>(std::string(file) + ": tensor " + in_quotes(name) + ": element " +
                         std::to_string(number) + " is " + what);
}

template <class T>
std::string unlike_a_number(T value) {
    return std::isnan(value) ? "not a number" : "infinite";
}

/// What keeps a tensor of the file from being read as T; nothing if nothing does.
template <class T>
std::string problem_of_type(const header_entry& entry) {
    const auto type = dtype_named(entry.dtype);
    if (!type) {
        return ": the file has dtype " + entry.dtype + ", which is none of F16, BF16, F32, F64";
    }
    if (io::size_of(*type) > sizeof(T)) {
        return ": the file has dtype " + entry.dtype + ", wanted is " +
               std::string(name_of(dtype_of<T>)) + ", which does not hold it exactly";
    }
    return "";
}

/// Fills the views from their tensors, all of which have the right type and size, unless one of
/// them is not finite.
template <class T>
void fill(const opened& file, std::span<const piece<T>> pieces) {
    std::vector<bool> used(file.header.tensors.size());
    for (const auto& each : pieces) used[each.tensor] = true;
    const auto with_data = [&](std::size_t tensor, auto visit) {
        const header_entry& entry = file.header.tensors[tensor];
        const std::byte* data = file.data.data() + entry.begin;
        with_dtype(*dtype_named(entry.dtype), [&](auto type) {
            if constexpr (io::size_of(decltype(type)::value) <= sizeof(T)) visit(type, data);
        });
    };
    for (std::size_t tensor = 0; tensor < used.size(); ++tensor) {
        if (!used[tensor]) continue;
        const header_entry& entry = file.header.tensors[tensor];
        with_data(tensor, [&](auto type, const std::byte* data) {
            constexpr std::size_t bytes = io::size_of(decltype(type)::value);
            const std::uint64_t count = (entry.end - entry.begin) / bytes;
            for (std::uint64_t at = 0; at < count; ++at) {
                const T value = load_element<T, decltype(type)::value>(data + at * bytes);
                if (!std::isfinite(value)) {
                    fail_element(file.from.name(), entry.name, at, unlike_a_number(value));
                }
            }
        });
    }
    for (const auto& each : pieces) {
        with_data(each.tensor, [&](auto type, const std::byte* data) {
            constexpr std::size_t bytes = io::size_of(decltype(type)::value);
            for_each_element(each, [&](T& element, std::uint64_t number) {
                element = load_element<T, decltype(type)::value>(data + number * bytes);
            });
        });
    }
}

/// Pieces for views that are to be filled, and pairs of tensors that must hold the same numbers, or
/// why the file is not for them.
template <class T>
struct matching {
    std::vector<piece<T>> pieces;
    std::string problem;
    std::vector<std::pair<std::size_t, std::size_t>> equal{};
};

/// Fails unless two tensors of one shape hold the same numbers.
inline void check_equal(const opened& file, std::size_t tensor, std::size_t other) {
    const header_entry& one = file.header.tensors[tensor];
    const header_entry& two = file.header.tensors[other];
    with_dtype(*dtype_named(one.dtype), [&](auto first) {
        with_dtype(*dtype_named(two.dtype), [&](auto second) {
            constexpr dtype left = decltype(first)::value, right = decltype(second)::value;
            const std::byte* a = file.data.data() + one.begin;
            const std::byte* b = file.data.data() + two.begin;
            for (std::uint64_t at = 0; at < (one.end - one.begin) / io::size_of(left); ++at) {
                const double x = load_element<double, left>(a + at * io::size_of(left));
                const double y = load_element<double, right>(b + at * io::size_of(right));
                if (x == y) continue;
                fail_element(file.from.name(), one.name, at,
                             (std::isfinite(x) ? number_text(x) : unlike_a_number(x)) +
                                 ", expected is that of " + in_quotes(two.name) + ", " +
                                 number_text(y) + ", which the model has in its place");
            }
        });
    });
}

/// Where each wanted tensor stands in the file, after every tensor has been compared.
template <class T>
matching<T> match(const file_header& header, std::span<const named_tensor<T>> tensors) {
    std::map<std::string_view, std::size_t> entries;
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        entries.emplace(header.tensors[at].name, at);
    }
    matching<T> result;
    for (const auto& tensor : tensors) {
        const auto problem = [&](const std::string& what) {
            return matching<T>{{}, "tensor " + in_quotes(tensor.name) + what};
        };
        const auto found = entries.find(tensor.name);
        if (found == entries.end()) {
            const bool twice = std::ranges::count(tensors, tensor.name, &named_tensor<T>::name) > 1;
            return problem(twice ? " is asked for twice" : " is not in the file");
        }
        const header_entry& entry = header.tensors[found->second];
        if (const auto wanted = shape_of(tensor.view); entry.shape != wanted) {
            return problem(": the file has shape " + shape_text(entry.shape) + ", wanted is " +
                           shape_text(wanted));
        }
        if (const auto what = problem_of_type<T>(entry); !what.empty()) return problem(what);
        result.pieces.push_back(whole(tensor.view, found->second));
        entries.erase(found);
    }
    if (!entries.empty()) {
        return {{},
                "tensor " + in_quotes(entries.begin()->first) +
                    " is in the file, but not wanted (" + std::to_string(header.tensors.size()) +
                    " in the file, " + std::to_string(tensors.size()) + " wanted)"};
    }
    return result;
}

/// Fills the views of a matching, or says why not.
template <class T>
metadata_map load_all(opened&& file, const matching<T>& found) {
    if (!found.problem.empty()) sequent::fail<error>(file.from.name() + ": " + found.problem);
    for (const auto& [tensor, other] : found.equal) check_equal(file, tensor, other);
    fill(file, std::span<const piece<T>>(found.pieces));
    return std::move(file.header.metadata);
}

/// A tensor that is to be written: what it is made of covers it.
struct planned_tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
};

/// Writes a file of tensors that consist of pieces.
template <class T>
void save_all(const std::filesystem::path& path, std::span<const planned_tensor> tensors,
              std::span<const piece<T>> pieces, const metadata_map& metadata, dtype type) {
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
        const std::uint64_t begin = end;
        end += size_of(tensor.shape) * io::size_of(type);
        header.tensors.push_back(
            {tensor.name, std::string(name_of(type)), tensor.shape, begin, end});
    }
    std::string json = format_header(header);
    json.resize((json.size() + 7) / 8 * 8, ' ');
    if (json.size() > longest_header) {
        sequent::fail<error>(name + ": a header of " + std::to_string(json.size()) +
                             " bytes is longer than the format allows, " +
                             std::to_string(longest_header));
    }

    // All elements are looked at before there is a file.
    std::vector<std::byte> bytes;
    const auto encode = [&](std::size_t tensor) {
        const header_entry& entry = header.tensors[tensor];
        bytes.assign(static_cast<std::size_t>(entry.end - entry.begin), std::byte{});
        for (const auto& each : pieces) {
            if (each.tensor != tensor) continue;
            with_dtype(type, [&](auto chosen) {
                constexpr dtype to = decltype(chosen)::value;
                for_each_element(each, [&](const T& element, std::uint64_t number) {
                    if (!std::isfinite(element)) {
                        fail_element(name, entry.name, number, unlike_a_number(element));
                    }
                    if (!store_element<to>(element, bytes.data() + number * io::size_of(to))) {
                        fail_element(name, entry.name, number,
                                     number_text(static_cast<double>(element)) +
                                         ", too large for " + entry.dtype);
                    }
                });
            });
        }
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

}  // namespace detail

/// Writes `tensors` (a vector, array or span of named_tensor) and `metadata` to a new file, which
/// then replaces `path`; on an error `path` stays as it was. Elements are written in row-major
/// order, whatever the strides of the views are, and exactly: a load gives the same bits. In a
/// `type` of fewer bits than theirs they are rounded to nearest, ties to even.
///
/// Throws io::error if the file cannot be written, if two tensors have one name, if a name or a
/// piece of metadata is not UTF-8, or if an element is not finite or too large for the type.
template <detail::NamedTensors Tensors>
void save(const std::filesystem::path& path, const Tensors& tensors,
          const metadata_map& metadata = {}, dtype type = dtype_of<detail::element_of<Tensors>>) {
    using T = detail::element_of<Tensors>;
    std::vector<detail::planned_tensor> planned;
    std::vector<detail::piece<T>> pieces;
    for (const named_tensor<T>& tensor : std::span<const named_tensor<T>>(tensors)) {
        pieces.push_back(detail::whole(tensor.view, planned.size()));
        planned.push_back({tensor.name, detail::shape_of(tensor.view)});
    }
    detail::save_all<T>(path, planned, pieces, metadata, type);
}

/// Fills the views of `tensors` from a file, or from bytes in memory, and returns the metadata. It
/// must hold exactly these tensors, with equal shapes, all of them finite. F16, BF16 and F32 are
/// read into float and double, F64 into double alone: a number becomes the same number or none.
///
/// Throws io::error otherwise, and if the file is not well-formed; then no view has changed.
template <detail::NamedTensors Tensors>
metadata_map load(const source& from, const Tensors& tensors) {
    using T = detail::element_of<Tensors>;
    static_assert(!std::is_const_v<T>, "load writes into the views: they must not be const");
    detail::opened file = detail::open_checked(from);
    const auto found = detail::match(file.header, std::span<const named_tensor<T>>(tensors));
    return detail::load_all(std::move(file), found);
}

/// The header of a file, checked, without the elements: what the file holds and its metadata.
/// Throws io::error if the file is not well-formed.
inline file_header read_header(const source& from) {
    return detail::open_checked(from).header;
}

}  // namespace sequent::inline SEQUENT_ABI::io
