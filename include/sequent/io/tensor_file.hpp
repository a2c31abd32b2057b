#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "dtype.hpp"
#include "error.hpp"
#include "number_format.hpp"
#include "piece.hpp"
#include "source.hpp"

/// Named tensors of files in any format, and their conversion to views of float or double. The
/// reader of each format checks the file and returns a `tensor_file`.

namespace sequent::inline SEQUENT_ABI::io {

/// Metadata of a file of tensors: free text by key.
using metadata_map = std::map<std::string, std::string>;

/// The header of one tensor of a file.
struct header_entry {
    std::string name;                  ///< name of the tensor
    std::string dtype;                 ///< element type as the file's format calls it
    std::vector<std::uint64_t> shape;  ///< extents, row-major
    std::uint64_t begin = 0;           ///< first byte, counted from the beginning of the data
    std::uint64_t end = 0;             ///< one past the last byte
    std::size_t part = 0;              ///< index in tensor_file::parts of the file that has it
};

/// The header of a file of tensors.
struct file_header {
    std::vector<header_entry> tensors;  ///< the tensors in the order of the file
    metadata_map metadata;              ///< the file's metadata
};

/// Tensors of one or several files. The file has been checked: the bytes of each tensor lie within
/// its file, and their number matches its shape and dtype.
struct tensor_file {
    /// One file of those that hold the tensors.
    struct part {
        source from;           ///< the bytes of the file
        std::size_t data = 0;  ///< the byte at which the tensors' data begin
    };

    std::string name;                                ///< name in error messages
    file_header header;                              ///< tensors and metadata
    std::vector<part> parts;                         ///< the files that hold the tensors
    std::span<const detail::number_format> formats;  ///< the dtypes that can be decoded

    /// Name of the file that has the tensor.
    const std::string& name_of_part(const header_entry& entry) const noexcept {
        return parts[entry.part].from.name();
    }
    /// First byte of the tensor.
    const std::byte* data_of(const header_entry& entry) const noexcept {
        const part& of = parts[entry.part];
        return of.from.bytes().data() + of.data + entry.begin;
    }
    /// The number format of the tensor's dtype; null if the dtype is unknown.
    const detail::number_format* format_of(const header_entry& entry) const noexcept {
        for (const detail::number_format& each : formats)
            if (each.name == entry.dtype) return &each;
        return nullptr;
    }
    /// The stored numbers of a tensor, whose dtype must be known.
    detail::stored_tensor stored_of(const header_entry& entry) const noexcept {
        const detail::number_format* const format = format_of(entry);
        return {data_of(entry), (entry.end - entry.begin) / format->bytes * format->count, format};
    }
    /// Releases the memory-mapped pages of bytes [first, last) of a tensor, see source::release.
    void release(const header_entry& entry, std::uint64_t first,
                 std::uint64_t last) const noexcept {
        const part& of = parts[entry.part];
        const std::uint64_t begin = of.data + entry.begin;
        of.from.release(static_cast<std::size_t>(begin + first),
                        static_cast<std::size_t>(begin + last));
    }
};

namespace detail {

/// Name and view of a parameter or another tensor to be loaded or saved.
struct any_tensor {
    std::string name;
    any_view view;
    bool may_be_negative = true;
};

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

/// The product of the extents. It does not overflow, because the shape is that of a tensor_view or
/// was compared with one.
SEQUENT_LAZY
inline std::uint64_t size_of(const std::vector<std::uint64_t>& shape) {
    std::uint64_t size = 1;
    for (const std::uint64_t extent : shape) size *= extent;
    return size;
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

/// Describes why a tensor of the file cannot be read exactly as `wanted`, F32 or F64; empty if it
/// can.
SEQUENT_LAZY
SEQUENT_COLD std::string problem_of_type(const tensor_file& file, const header_entry& entry,
                                         dtype wanted) {
    const number_format* const format = file.format_of(entry);
    if (format == nullptr) {
        std::string known;
        for (const number_format& each : file.formats)
            append_text(known, {known.empty() ? "" : ", ", each.name});
        return joined_text({": the file has dtype ", entry.dtype, ", which is none of ", known});
    }
    if (wanted == dtype::f32 && !format->fits_float) {
        return joined_text({": the file has dtype ", entry.dtype, ", wanted is ", name_of(wanted),
                            ", which does not hold it exactly"});
    }
    return "";
}

/// How many numbers are decoded in one call.
inline constexpr std::size_t decoded_together = 512;
/// How many bytes of a mapped tensor are read before their pages are released.
inline constexpr std::uint64_t released_together = std::uint64_t{1} << 22;

/// Releases the mapped pages of a tensor while it is read in order.
class releaser {
  public:
    releaser(const tensor_file& file, const header_entry& entry, const number_format& format)
        : file_(file), entry_(entry), format_(format) {}
    ~releaser() { file_.release(entry_, released_, entry_.end - entry_.begin); }
    releaser(const releaser&) = delete;
    releaser& operator=(const releaser&) = delete;

    /// Numbers below `number` have been read.
    void advance(std::uint64_t number) {
        const std::uint64_t bytes = number / format_.count * format_.bytes;
        if (bytes < released_ + released_together) return;
        file_.release(entry_, released_, bytes);
        released_ = bytes;
    }

  private:
    const tensor_file& file_;
    const header_entry& entry_;
    const number_format& format_;
    std::uint64_t released_ = 0;
};

/// Calls f(number, value) for all numbers of a tensor in order.
template <class F>
SEQUENT_COLD void for_each_number(const tensor_file& file, const header_entry& entry, F f) {
    const stored_tensor stored = file.stored_of(entry);
    const std::uint64_t count = stored.count;
    std::array<double, decoded_together> values;
    releaser done(file, entry, *stored.format);
    for (std::uint64_t first = 0; first < count; first += values.size()) {
        const auto some =
            static_cast<std::size_t>(std::min<std::uint64_t>(values.size(), count - first));
        stored.format->decode(stored, first, 1, some, values.data());
        for (std::size_t at = 0; at < some; ++at) f(first + at, values[at]);
        done.advance(first + some);
    }
}

/// Throws io::error at a number that is not finite or whose magnitude exceeds `most`, so that a sum
/// could overflow.
SEQUENT_LAZY
SEQUENT_COLD void check_numbers(const tensor_file& file, const header_entry& entry, double most) {
    const auto fail = [&](std::uint64_t number, double value) {
        fail_element(file.name_of_part(entry), entry.name, number,
                     std::isfinite(value) ? number_text(value) + ", too large to be added"
                                          : std::string(unlike_a_number(value)));
    };
    for_each_number(file, entry, [&](std::uint64_t number, double value) {
        if (!(std::abs(value) <= most)) fail(number, value);
    });
}

/// Throws io::error at a number below zero.
SEQUENT_LAZY
SEQUENT_COLD void check_not_negative(const tensor_file& file, const header_entry& entry) {
    for_each_number(file, entry, [&](std::uint64_t number, double value) {
        if (value < 0)
            fail_element(file.name_of_part(entry), entry.name, number,
                         joined_text({number_text(value), ", expected is at least 0"}));
    });
}

/// Throws io::error unless two tensors of the same shape hold the same numbers.
SEQUENT_LAZY
SEQUENT_COLD void check_equal(const tensor_file& file, const header_entry& one,
                              const header_entry& two) {
    const stored_tensor stored = file.stored_of(two);
    releaser done(file, two, *stored.format);
    const std::uint64_t count = stored.count;
    std::array<double, decoded_together> values;
    for_each_number(file, one, [&](std::uint64_t number, double x) {
        const auto at = static_cast<std::size_t>(number % values.size());
        if (at == 0) {
            const auto some =
                static_cast<std::size_t>(std::min<std::uint64_t>(values.size(), count - number));
            stored.format->decode(stored, number, 1, some, values.data());
            done.advance(number);
        }
        const double y = values[at];
        if (x == y) return;
        const std::string found =
            std::isfinite(x) ? number_text(x) : std::string(unlike_a_number(x));
        fail_element(file.name_of_part(one), one.name, number,
                     joined_text({found, ", expected is that of ", in_quotes(two.name), ", ",
                                  number_text(y), ", which the model has in its place"}));
    });
}

/// Stores decoded numbers as elements of a row.
template <class T>
void store_values(const double* values, std::size_t count, const piece& part, std::ptrdiff_t at,
                  std::ptrdiff_t stride) {
    T* to = static_cast<T*>(part.view.data) + at;
    if (part.is_summand) {
        for (std::size_t column = 0; column < count; ++column, to += stride)
            *to += static_cast<T>(values[column] + part.plus);
    } else if (part.plus != 0) {
        for (std::size_t column = 0; column < count; ++column, to += stride)
            *to = static_cast<T>(values[column] + part.plus);
    } else if (stride == 1) {
        for (std::size_t column = 0; column < count; ++column)
            to[column] = static_cast<T>(values[column]);
    } else {
        for (std::size_t column = 0; column < count; ++column, to += stride)
            *to = static_cast<T>(values[column]);
    }
}

/// Fills a view from its tensor.
SEQUENT_LAZY
SEQUENT_COLD void fill_piece(const tensor_file& file, const piece& part) {
    const header_entry& entry = file.header.tensors[part.tensor];
    const stored_tensor stored = file.stored_of(entry);
    const auto store = part.view.type == dtype::f64 ? store_values<double> : store_values<float>;
    std::array<double, decoded_together> values;
    releaser done(file, entry, *stored.format);
    for_each_row(part, [&](const piece_row& row) {
        for (std::size_t column = 0; column < row.columns; column += values.size()) {
            const std::size_t some = std::min(values.size(), row.columns - column);
            stored.format->decode(stored, row.number + column * row.number_stride,
                                  row.number_stride, some, values.data());
            store(values.data(), some, part,
                  row.at + static_cast<std::ptrdiff_t>(column) * row.stride, row.stride);
        }
        done.advance(row.number);
    });
}

/// Throws io::error at a number of the pieces' tensors that is not finite or too large to be added.
SEQUENT_LAZY
SEQUENT_COLD void check_pieces(const tensor_file& file, const std::vector<piece>& pieces) {
    std::vector<double> largest(file.header.tensors.size());  // 0: the tensor is not used
    for (const piece& each : pieces) {
        const double of_type = each.view.type == dtype::f32
                                   ? static_cast<double>(std::numeric_limits<float>::max())
                                   : std::numeric_limits<double>::max();
        const double most = each.is_summand || each.plus != 0 ? of_type / 4 : of_type;
        double& of = largest[each.tensor];
        of = of == 0 ? most : std::min(of, most);
    }
    for (std::size_t tensor = 0; tensor < largest.size(); ++tensor)
        if (largest[tensor] > 0) check_numbers(file, file.header.tensors[tensor], largest[tensor]);
}

/// Two tensors of a file that must hold the same numbers.
struct equal_pair {
    std::size_t tensor = 0;
    std::size_t other = 0;
};

/// A view whose elements are all set to one number.
struct constant_view {
    any_view view;
    double number = 0;
};

/// Result of matching parameters with a file: the pieces to be loaded, pairs of tensors that must
/// be equal, tensors that must not be negative and constants; or the problem.
struct matching {
    std::vector<piece> pieces;
    std::string problem;
    std::vector<equal_pair> equal{};
    std::vector<std::size_t> not_negative{};
    std::vector<constant_view> constants{};
};

SEQUENT_LAZY
SEQUENT_COLD void fill_constant(const constant_view& each) {
    const piece part = whole(each.view, 0);
    const auto store = each.view.type == dtype::f64 ? store_values<double> : store_values<float>;
    for_each_row(part, [&](const piece_row& row) {
        for (std::size_t column = 0; column < row.columns; ++column)
            store(&each.number, 1, part, row.at + static_cast<std::ptrdiff_t>(column) * row.stride,
                  1);
    });
}

/// Throws io::error if the matching has a problem or the tensors violate its conditions.
SEQUENT_LAZY
SEQUENT_COLD void check_all(const tensor_file& file, const matching& found) {
    if (!found.problem.empty()) fail_with<error>({file.name, ": ", found.problem});
    const std::vector<header_entry>& tensors = file.header.tensors;
    for (const equal_pair& pair : found.equal)
        check_equal(file, tensors[pair.tensor], tensors[pair.other]);
    for (const std::size_t tensor : found.not_negative) check_not_negative(file, tensors[tensor]);
    check_pieces(file, found.pieces);
}

/// Checks a matching, fills its views and returns the file's metadata. Throws io::error before any
/// view has changed.
SEQUENT_LAZY
SEQUENT_COLD metadata_map load_all(const tensor_file& file, const matching& found) {
    check_all(file, found);
    for (const piece& each : found.pieces) fill_piece(file, each);
    for (const constant_view& each : found.constants) fill_constant(each);
    return file.header.metadata;
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::io
