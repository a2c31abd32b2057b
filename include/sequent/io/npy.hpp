#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
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
#include "../model/arguments.hpp"
#include "../model/tensor_view.hpp"
#include "path.hpp"
#include "replace_file.hpp"
#include "safetensors.hpp"
#include "source.hpp"

/// NumPy arrays in .npy files: "\x93NUMPY", the version, the length of the header, the header (a
/// Python dict), then the elements.
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
///
/// Arrays are loaded to and saved from everything that a fact accepts: containers and views of
/// xtensor, nested arrays, tensor_views, and vectors and spans, which have no shape and accept any
/// shape of their size.

namespace sequent::inline SEQUENT_ABI::elsewhere {
template <class... Types>
inline constexpr bool includes<header::npy, Types...> = true;
}  // namespace sequent::inline SEQUENT_ABI::elsewhere

namespace sequent::inline SEQUENT_ABI::io {

/// The header of a .npy file.
struct npy_header {
    std::string descr;                 ///< element type: "<f4" is a little-endian float of 4 bytes
    bool fortran_order = false;        ///< the elements are in column-major order
    std::vector<std::uint64_t> shape;  ///< extents of the array
    std::size_t data = 0;              ///< the byte at which the elements begin
};

namespace detail {

/// Parses the dict with its three keys in any order.
SEQUENT_LAZY class npy_parser {
  public:
    /// `longs`: numbers may end with an L, as Python 2 writes them.
    npy_parser(std::string_view text, std::string_view file, bool longs)
        : text_(text), file_(file), longs_(longs) {}

    npy_header parse() {
        npy_header header;
        bool descr = false, order = false, shape = false;
        const auto first = [&](bool& seen, const std::string& key) {
            if (std::exchange(seen, true)) fail({"the key '", key, "' stands twice"});
        };
        expect('{');
        while (!accept('}')) {
            const std::string key = string();
            expect(':');
            if (key == "descr") {
                first(descr, key);
                header.descr = string();
            } else if (key == "fortran_order") {
                first(order, key);
                header.fortran_order = truth();
            } else if (key == "shape") {
                first(shape, key);
                header.shape = numbers();
            } else {
                fail({"the key '", key, "' is unknown"});
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (at_ != text_.size()) fail({"expected the end of the header"});
        if (!descr || !order || !shape) {
            fail({"the key '",
                  !descr   ? "descr"
                  : !order ? "fortran_order"
                           : "shape",
                  "' is missing"});
        }
        return header;
    }

  private:
    std::string string() {
        skip_space();
        const char quote = at_ < text_.size() ? text_[at_] : '\0';
        if (quote != '\'' && quote != '"') fail({"expected a string"});
        const std::size_t end = text_.find(quote, ++at_);
        if (end == std::string_view::npos) fail({"a string has no end"});
        std::string value(text_.substr(at_, end - at_));
        at_ = end + 1;
        return value;
    }

    bool truth() {
        skip_space();
        for (const bool value : {false, true}) {
            const std::string_view word = value ? "True" : "False";
            if (!text_.substr(at_).starts_with(word)) continue;
            at_ += word.size();
            return value;
        }
        fail({"expected True or False"});
    }

    std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> values;
        expect('(');
        while (!accept(')')) {
            values.push_back(number());
            if (accept(',')) continue;
            // A tuple of one element ends with a comma.
            if (values.size() == 1) fail({"expected ','"});
            expect(')');
            break;
        }
        return values;
    }

    std::uint64_t number() {
        constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
        skip_space();
        const std::size_t start = at_;
        std::uint64_t value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
            if (value > (largest - digit) / 10) fail({"the number is too large"});
            value = value * 10 + digit;
        }
        if (at_ == start) fail({"expected a whole number that is not negative"});
        if (longs_ && at_ < text_.size() && text_[at_] == 'L') ++at_;
        return value;
    }

    bool accept(char wanted) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    void expect(char wanted) {
        if (!accept(wanted)) fail({"expected '", std::string_view(&wanted, 1), "'"});
    }

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({file_, ": header, byte ", at_, ": ", joined_text(what)});
    }

    std::string_view text_;
    std::string_view file_;
    bool longs_;
    std::size_t at_ = 0;
};

inline constexpr std::string_view npy_magic("\x93NUMPY", 6);

/// The name of an element type in safetensors; `descr` itself if it has none.
SEQUENT_LAZY
SEQUENT_COLD std::string dtype_of_descr(const std::string& descr) {
    return descr == "<f2" ? "F16" : descr == "<f4" ? "F32" : descr == "<f8" ? "F64" : descr;
}

/// A view of a container's elements; sets `shaped` if the container has a shape of its own.
template <class Container>
auto view_of(Container& container, bool& shaped) {
    model_detail::extents found;
    auto* first = model_detail::unwrap(container, found);
    using T = std::remove_pointer_t<decltype(first)>;
    tensor_view<T> view;
    if constexpr (model_detail::is_view<std::remove_const_t<Container>>) {
        view = container;
    } else {
        if (!found.contiguous || found.rank > max_rank ||
            found.size() > std::numeric_limits<int>::max()) {
            fail_with<error>({"an array of ", found.text(),
                              " elements needs to be contiguous and row-major, of at most ",
                              max_rank, " axes"});
        }
        view.data = first;
        view.rank = found.rank;
        int stride = 1;
        for (int axis = found.rank; axis-- > 0;) {
            const auto place = static_cast<std::size_t>(axis);
            view.extents[place] = static_cast<int>(found.at[place]);
            view.strides[place] = stride;
            stride *= view.extents[place];
        }
    }
    shaped = found.shaped || found.rank != 1;
    return view;
}

/// The view with its axes reversed, for the elements of an array in Fortran order.
SEQUENT_LAZY
SEQUENT_COLD any_view reversed(const any_view& view) {
    any_view result = view;
    const auto rank = static_cast<std::size_t>(view.rank);
    for (std::size_t axis = 0; axis < rank; ++axis) {
        result.extents[axis] = view.extents[rank - 1 - axis];
        result.strides[axis] = view.strides[rank - 1 - axis];
    }
    return result;
}

/// Reads integers of 4 or 8 bytes as int32. Throws io::error if one is beyond 32 bits.
template <std::size_t Bytes>
void fill_integers(std::span<const std::byte> data, std::string_view file, const piece& part) {
    using bits = std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>;
    const auto load = [&](std::uint64_t number) {
        return static_cast<std::make_signed_t<bits>>(load_bits<bits>(data.data() + number * Bytes));
    };
    for (std::uint64_t at = 0; at < data.size() / Bytes; ++at) {
        if (load(at) != static_cast<std::int32_t>(load(at))) {
            fail_element(file, "array", at, joined_text({load(at), ", beyond 32 bits"}));
        }
    }
    auto* const elements = static_cast<std::int32_t*>(part.view.data);
    for_each_row(part, [&](const piece_row& row) {
        for (std::size_t column = 0; column < row.columns; ++column) {
            elements[row.at + static_cast<std::ptrdiff_t>(column) * row.stride] =
                static_cast<std::int32_t>(load(row.number + column * row.number_stride));
        }
    });
}

}  // namespace detail

/// Reads the header of a .npy file of version 1 to 3. Throws io::error if it is not well-formed.
SEQUENT_LAZY
SEQUENT_COLD npy_header read_npy_header(const source& from) {
    const std::span<const std::byte> bytes = from.bytes();
    const auto fail = [&](const std::string& what) { fail_with<error>({from.name(), ": ", what}); };
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!text.starts_with(detail::npy_magic)) {
        fail("does not begin with \"\\x93NUMPY\", as an array of NumPy does");
    }
    const int version = text.size() > 6 ? std::to_integer<int>(bytes[6]) : 0;
    if (text.size() > 6 && (version < 1 || version > 3)) {
        fail(joined_text({"is of version ", version, " of the format, known are 1 to 3"}));
    }
    const std::size_t begin = version == 1 ? 10 : 12;
    if (text.size() < begin) {
        fail(joined_text(
            {"has ", text.size(), " bytes, too few for the ", begin, " before the header"}));
    }
    const std::uint64_t length = version == 1 ? detail::load_bits<std::uint16_t>(&bytes[8])
                                              : detail::load_bits<std::uint32_t>(&bytes[8]);
    if (length > text.size() - begin) {
        fail(joined_text({"the header should have ", length, " bytes, the file has only ",
                          text.size() - begin, " for it"}));
    }
    const auto size = static_cast<std::size_t>(length);
    npy_header header =
        detail::npy_parser<>(text.substr(begin, size), from.name(), version <= 2).parse();
    header.data = begin + size;
    return header;
}

namespace detail {

SEQUENT_LAZY
SEQUENT_COLD void load_array(const source& from, const any_view& view, bool shaped, bool integers) {
    const npy_header header = read_npy_header(from);
    const std::span<const std::byte> data = from.bytes().subspan(header.data);
    const tensor_file file{
        from.name(),
        {{{"array", dtype_of_descr(header.descr), header.shape, 0, data.size()}}, {}},
        {{from, header.data}},
        plain_formats<>};
    const header_entry& entry = file.header.tensors.front();
    const auto fail = [&](const std::string& what) { fail_with<error>({from.name(), ": ", what}); };
    const auto wanted = shape_of(view);
    std::uint64_t elements = 1;
    for (const std::uint64_t extent : header.shape) {
        // No view has this many elements; the minimum avoids overflow.
        constexpr std::uint64_t most = std::uint64_t{1} << 31;
        elements = std::min(elements * std::min(extent, most), most);
    }
    if (shaped ? header.shape != wanted : elements != size_of(wanted)) {
        fail(joined_text(
            {"has shape ", shape_text(header.shape), ", wanted is ", shape_text(wanted)}));
    }
    // A container without a shape takes the elements in the file's order.
    const auto ordered = header.fortran_order && shaped ? reversed(view) : view;
    if (header.fortran_order && !shaped && header.shape.size() > 1) {
        fail("is in Fortran's order, and the container has no shape to put it into");
    }
    const piece part = whole(ordered, 0);
    if (integers) {
        const std::size_t bytes = header.descr == "<i4" ? 4 : header.descr == "<i8" ? 8 : 0;
        if (bytes == 0) {
            fail(joined_text({"has elements '", header.descr, "', wanted are '<i4' or '<i8'"}));
        }
        if (data.size() != elements * bytes) {
            fail(joined_text({"has ", data.size(), " bytes of elements, shape ",
                              shape_text(header.shape), " takes ", elements * bytes}));
        }
        if (bytes == 4) {
            fill_integers<4>(data, from.name(), part);
        } else {
            fill_integers<8>(data, from.name(), part);
        }
        return;
    }
    if (!dtype_named(entry.dtype)) {
        fail(joined_text({"has elements '", header.descr, "', wanted are '<f2', '<f4' or '<f8'"}));
    }
    std::string problem = problem_of_type(file, entry, view.type);
    if (problem.empty()) problem = problem_of_size(entry);
    if (!problem.empty()) fail("array" + problem);
    check_pieces(file, {part});
    fill_piece(file, part);
}

/// Writes a .npy file of version 1. `descr` is the element type of its header.
SEQUENT_LAZY
SEQUENT_COLD void save_array(const file_path& path, const any_view& view, const char* descr,
                             bool integers) {
    const std::string name = path.string();
    std::string header =
        joined_text({"{'descr': '", descr, "', 'fortran_order': False, 'shape': ("});
    for (const std::uint64_t extent : shape_of(view)) append_text(header, {extent, ", "});
    header += "), }";
    // Like NumPy, align the elements to 64 bytes.
    header.resize((header.size() + 1 + 10 + 63) / 64 * 64 - 10 - 1, ' ');
    header += '\n';
    std::vector<std::byte> bytes(static_cast<std::size_t>(view.size()) * io::size_of(view.type));
    if (integers) {
        const auto* const elements = static_cast<const std::int32_t*>(view.data);
        for_each_row(whole(view, 0), [&](const piece_row& row) {
            for (std::size_t column = 0; column < row.columns; ++column) {
                const std::uint64_t number = row.number + column * row.number_stride;
                const std::ptrdiff_t at = row.at + static_cast<std::ptrdiff_t>(column) * row.stride;
                store_bits(static_cast<std::uint32_t>(elements[at]), bytes.data() + number * 4);
            }
        });
    } else {
        store_piece(whole(view, 0), view.type, bytes.data(), name, "array");
    }
    std::array<std::byte, 2> length{};
    store_bits(static_cast<std::uint16_t>(header.size()), length.data());
    file_replacement file(path);
    file.write(npy_magic.data(), npy_magic.size());
    file.write("\x01\x00", 2);
    file.write(reinterpret_cast<const char*>(length.data()), length.size());
    file.write(header.data(), header.size());
    file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    file.commit();
}

}  // namespace detail

/// Fills a container of float, double or std::int32_t from a .npy file. float takes <f2 and <f4,
/// double also <f8, std::int32_t <i4 and <i8. A container with a shape takes arrays in C or Fortran
/// order.
///
/// Throws io::error if the file is not well-formed, if shape or element type differ, or if a number
/// is not finite or does not fit; the container is then unchanged.
template <class Container>
void load_npy(const source& from, Container&& container) {
    bool shaped = false;
    const auto view = detail::view_of(container, shaped);
    using T = std::remove_pointer_t<decltype(view.data)>;
    static_assert(!std::is_const_v<T>, "load_npy writes into the container: it must not be const");
    constexpr bool integers = std::is_same_v<T, std::int32_t>;
    static_assert(detail::Element<T> || integers, "load_npy fills float, double and std::int32_t");
    detail::load_array(from, detail::any_view::of(view), shaped, integers);
}

/// Writes a container of float, double or std::int32_t exactly and in row-major order to a new .npy
/// file, which then replaces `path`.
///
/// Throws io::error if the file cannot be written or a number is not finite.
template <class Container>
void save_npy(const file_path& path, const Container& container) {
    bool shaped = false;
    const auto view = detail::view_of(container, shaped);
    using T = std::remove_const_t<std::remove_pointer_t<decltype(view.data)>>;
    constexpr bool integers = std::is_same_v<T, std::int32_t>;
    static_assert(detail::Element<T> || integers, "save_npy writes float, double and std::int32_t");
    detail::save_array(path, detail::any_view::of(view),
                       integers                   ? "<i4"
                       : std::is_same_v<T, float> ? "<f4"
                                                  : "<f8",
                       integers);
}

}  // namespace sequent::inline SEQUENT_ABI::io
