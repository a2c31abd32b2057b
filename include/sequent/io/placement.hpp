#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "../model/tensor_view.hpp"
#include "error.hpp"

/// The lines of a name map: which tensor of another library's file holds a parameter, and how.
///
///     inline constexpr io::name_entry names[] = {
///         io::optional_prefix("transformer."),
///         {"embedding", "wte.weight"},
///         {"position", "wpe.weight", io::rows_from(0)},
///         {"layers.W_query", "h.{}.attn.c_attn.weight", io::transposed | io::part(0, 3)},
///         {"layers.b_query", "h.{}.attn.c_attn.bias", io::flat | io::part(0, 3)},
///         io::ignored("h.{}.attn.bias"),
///     };

namespace sequent::inline SEQUENT_ABI::io {

/// Which rows of a tensor (elements of a vector) a parameter takes.
enum class row_range {
    all,
    part,         // one of several parameters of one size, one after another
    interleaved,  // the same within each slice of the parameter's first extent
    fixed,        // of a number of rows that is stated
    open,         // of a number of rows that the file states
    successive    // behind those of the parameters before it
};

/// The order of the rows of each head in the file, where rotary positions turn pairs of them.
enum class row_order { any, halves, neighbours };

/// How a tensor of a file holds a parameter. By default it holds a matrix: its columns are the
/// parameter's last extent, its rows the product of the others, so that the heads of [H, d_h, d]
/// are one matrix of H d_h x d; a parameter of one extent is a vector.
struct placement {
    bool transposed = false;
    bool taps = false;
    bool flat = false;
    bool summand = false;
    double plus = 0;
    row_order order = row_order::any;
    int rank = 0;  // of the shape that is stated; 0 if none is, -1 if it is the parameter's own
    std::array<int, 4> shape{};
    row_range range = row_range::all;
    int begin = 0;  // the first row, or the number of the part
    int of = 1;     // how many rows or parts the tensor has
};

/// The file's matrix is [columns, rows], [in, out] for a linear map.
inline constexpr placement transposed{.transposed = true};
/// The parameter's first extent, the taps of a convolution, is the tensor's last one: [out, in,
/// taps], as PyTorch's Conv1d has it.
inline constexpr placement taps_last{.taps = true};
/// The tensor has the parameter's own shape, or that of a layer.
inline constexpr placement as_it_is{.rank = -1};
/// The file has a vector: the parameter's elements in row-major order.
inline constexpr placement flat{.flat = true};
/// The rows of each head (the parameter's last extent but one; of a flat one the last) are in the
/// order that rotary_halves() turns, x[k] with x[k + length / 2]. For a model with rotary(), which
/// turns neighbours, they are put into its order, and back when they are written.
inline constexpr placement halves{.order = row_order::halves};
/// The rows of each head are in the order that rotary() turns, x[2k] with x[2k + 1]. For a model
/// with rotary_halves() they are put into its order, and back when they are written.
inline constexpr placement neighbours{.order = row_order::neighbours};
/// A further line of a parameter, which is the sum of its lines' tensors, such as the two biases of
/// PyTorch's LSTM. It is written as zeros: the tensor of the first line has the sum.
inline constexpr placement summand{.summand = true};
/// The parameter is the file's numbers plus this one: plus(1) for the gains g of norms that
/// multiply by 1 + g.
constexpr placement plus(double number) {
    return {.plus = number};
}

/// In `shaped`: the parameter's own extent of an axis.
constexpr int own(int axis) {
    if (axis < 0 || axis >= max_rank) {
        fail_with<error>({"io::own: no parameter has the axis ", axis});
    }
    return -1 - axis;
}
/// In `shaped`: the side of a square. It is the file's; a file is written with the greatest one.
inline constexpr int side = -1 - max_rank;

/// The file's tensor has these extents, with the elements in the same order; 0 is what the others
/// leave: shaped(0, 3, 16, 16), shaped(own(0), 0, side, side).
template <class... Int>
constexpr placement shaped(Int... extents) {
    static_assert(sizeof...(extents) >= 1 && sizeof...(extents) <= 4);
    return {.rank = static_cast<int>(sizeof...(extents)), .shape = {extents...}};
}

namespace detail {
constexpr placement in_range(const char* function, row_range range, int begin, int of,
                             const char* what) {
    if (begin < 0 || begin >= of) {
        fail_with<error>({"io::", function, ": ", begin, " is none of ", of, what});
    }
    return {.range = range, .begin = begin, .of = of};
}
}  // namespace detail

/// The file's rows (a vector's elements) are those of `of` parameters of one size, one after
/// another, of which this is number `number`, counted from 0.
constexpr placement part(int number, int of) {
    return detail::in_range("part", row_range::part, number, of, " parts");
}

/// The file's rows (a vector's elements) are, for each index of the parameter's first extent, those
/// of `of` parameters of one size: query_key_value of GPT-NeoX, [heads, 3, head_width] rows.
constexpr placement interleaved(int number, int of) {
    return detail::in_range("interleaved", row_range::interleaved, number, of, " parts");
}

/// The file has `of` rows (a vector's elements), and the parameter's begin at row `begin`.
constexpr placement rows(int begin, int of) {
    return detail::in_range("rows", row_range::fixed, begin, of, " rows");
}

/// The parameter's rows are the tensor's from row `begin`, and the tensor may have more: a table of
/// positions serves models with fewer positions. It is written with `begin` rows of zeros and the
/// parameter's.
constexpr placement rows_from(int begin) {
    if (begin < 0) fail_with<error>({"io::rows_from: no tensor has the row ", begin});
    return {.range = row_range::open, .begin = begin};
}

/// The rows (a vector's elements) of several parameters of any size, one after another in the order
/// in which the model names them: queries, keys and values; the gate and what it gates.
inline constexpr placement successive{.range = row_range::successive};

/// Both.
constexpr placement operator|(const placement& a, const placement& b) {
    placement result = a;
    result.transposed = a.transposed || b.transposed;
    result.taps = a.taps || b.taps;
    result.flat = a.flat || b.flat;
    result.summand = a.summand || b.summand;
    result.plus = a.plus + b.plus;
    if (b.order != row_order::any) result.order = b.order;
    if (b.rank > 0) {
        result.rank = b.rank;
        result.shape = b.shape;
    }
    if (b.range != row_range::all) {
        result.range = b.range;
        result.begin = b.begin;
        result.of = b.of;
    }
    return result;
}

/// A line of a map: a parameter as Model::for_each names it, and the tensor that holds it. Braces
/// in the tensor's name stand for the number of a layer, an expression of the parameter's first
/// extents a, b, c: "layers.{}.weight", short for "layers.{a}.weight", has one tensor for each
/// index of the first extent; "layers.{6a+b}.weight" those of a stack within a stack.
///
/// A line whose parameter the model does not have is passed over, so that one map serves models
/// with and without biases. One tensor may fill several parameters.
struct name_entry {
    enum class role { parameter, ignored, prefix, copy, alias, own, constant };

    std::string_view parameter;
    std::string_view tensor;
    placement place{};
    role use = role::parameter;
    std::string_view with{};  // of a copy: the parameter that a model has where it matters
};

/// A tensor that a file may hold and that is not read. "{}" is any number, "*" at the end is
/// anything.
constexpr name_entry ignored(std::string_view tensor) {
    return {{}, tensor, {}, name_entry::role::ignored};
}

/// A tensor that a file may hold beside the one of `parameter` and that must equal it, such as the
/// matrix of the logits of a model that has the embedding in its place. A model without the
/// parameter `with`, if one is named, does not read it either way.
constexpr name_entry copy_of(std::string_view parameter, std::string_view tensor,
                             std::string_view with = {}) {
    return {parameter, tensor, {}, name_entry::role::copy, with};
}

/// What names of the file and of the map may begin with; names that differ in this alone are the
/// same. A file is written with the names of the map as they stand there.
constexpr name_entry optional_prefix(std::string_view text) {
    return {{}, text, {}, name_entry::role::prefix};
}

/// Where `text` stands in a name of the file, it is read as `as`: alias(".gamma", ".weight").
constexpr name_entry alias(std::string_view text, std::string_view as) {
    return {text, as, {}, name_entry::role::alias};
}

/// A parameter that the file does not hold: all its elements are `number`, such as the biases of a
/// layer that has none there. To be written, they must be.
constexpr name_entry constant(std::string_view parameter, double number) {
    return {parameter, {}, plus(number), name_entry::role::constant};
}

/// Parameters that no line names have the model's own names and shapes, so that a map states only
/// what is different: {own_names, {"position", "position", rows_from(0)}} reads the file of a model
/// with more positions.
inline constexpr name_entry own_names{{}, {}, {}, name_entry::role::own};

using name_map = std::span<const name_entry>;

/// The lines of a map and further ones.
template <std::size_t First, std::size_t Second>
constexpr std::array<name_entry, First + Second> joined(
    std::span<const name_entry, First> first, std::span<const name_entry, Second> second) {
    std::array<name_entry, First + Second> result{};
    for (std::size_t at = 0; at < First; ++at) result[at] = first[at];
    for (std::size_t at = 0; at < Second; ++at) result[First + at] = second[at];
    return result;
}
template <class First, std::size_t Second>
constexpr auto joined(const First& first, const name_entry (&second)[Second]) {
    return joined(std::span(first), std::span(second));
}

}  // namespace sequent::inline SEQUENT_ABI::io
