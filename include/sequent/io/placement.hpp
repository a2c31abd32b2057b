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

/// Entries of a name map: which tensor of another library's file holds a parameter, in which
/// layout.
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

/// Which rows of the file's tensor (elements of a vector) a parameter takes.
enum class row_range {
    all,          ///< all rows
    part,         ///< one of several equally large parts, see io::part
    interleaved,  ///< one of several parts of each slice of the first extent, see io::interleaved
    fixed,        ///< rows of a tensor whose number of rows the map states, see io::rows
    open,         ///< rows of a tensor that may have more rows, see io::rows_from
    successive    ///< the rows after those of the parameters before it, see io::successive
};

/// The order in which the file has the rows of each head, for parameters with rotary positions:
/// `any` if none is stated, `halves` and `neighbours` as the placements of these names.
enum class row_order { any, halves, neighbours };

/// How a tensor of a file holds a parameter. By default the tensor is a matrix whose columns are
/// the parameter's last extent and whose rows are the product of the others: heads of [H, d_h, d]
/// are one matrix of H d_h x d. A parameter of one extent is a vector. Placements are combined by
/// `|`.
struct placement {
    bool transposed = false;           ///< the file's matrix is [columns, rows]
    bool taps = false;                 ///< the first extent is the tensor's last, see `taps_last`
    bool flat = false;                 ///< the tensor is a vector, see `flat`
    bool summand = false;              ///< the tensor is added to the parameter, see `summand`
    double plus = 0;                   ///< added to each number of the file
    row_order order = row_order::any;  ///< order of the rows of each head
    int rank = 0;  ///< rank of `shape`; 0 if no shape is stated, -1 if it is the parameter's own
    std::array<int, 4> shape{};        ///< the extents given to `shaped`
    row_range range = row_range::all;  ///< which rows the parameter takes
    int begin = 0;                     ///< the first row, or the number of the part
    int of = 1;                        ///< how many rows or parts the tensor has
    int groups = 0;  ///< of interleaved parts: ranges of the first extent; 0: each index is one
};

/// The file's matrix is [columns, rows]: [in, out] for a linear map.
inline constexpr placement transposed{.transposed = true};
/// The parameter's first extent, the taps of a convolution, is the tensor's last extent: [out, in,
/// taps], the layout of PyTorch's Conv1d.
inline constexpr placement taps_last{.taps = true};
/// The tensor has the parameter's own shape, or that of one of its layers.
inline constexpr placement as_it_is{.rank = -1};
/// The tensor is a vector: the parameter's elements in row-major order.
inline constexpr placement flat{.flat = true};
/// The file has the rows of each head (the parameter's last extent but one; the last extent of a
/// flat one) in the order of rotary_halves(), which rotates x[k] with x[k + length / 2]. If the
/// model uses rotary(), `load` and `save` convert the order of the rows that it rotates.
inline constexpr placement halves{.order = row_order::halves};
/// The file has the rows of each head in the order of rotary(), which rotates x[2k] with x[2k + 1].
/// If the model uses rotary_halves(), `load` and `save` convert the order of the rows that it
/// rotates.
inline constexpr placement neighbours{.order = row_order::neighbours};
/// Marks a further entry of a parameter that is the sum of several tensors, such as the two biases
/// of PyTorch's LSTM. `save` writes the sum to the tensor of the first entry and zeros to this one.
inline constexpr placement summand{.summand = true};
/// The parameter is the file's numbers plus `number`: plus(1) for files that store gains as g,
/// where the norm multiplies by 1 + g.
constexpr placement plus(double number) {
    return {.plus = number};
}

/// In `shaped`: the parameter's own extent along an axis. Throws io::error if no parameter has such
/// an axis.
constexpr int own(int axis) {
    if (axis < 0 || axis >= max_rank) {
        fail_with<error>({"io::own: no parameter has the axis ", axis});
    }
    return -1 - axis;
}
/// In `shaped`: the side of a square. `load` takes it from the file; `save` writes the largest one
/// that fits.
inline constexpr int side = -1 - max_rank;

/// The file's tensor has these 1 to 4 extents, with the parameter's elements in the same order. An
/// extent of 0 is computed from the others: shaped(0, 3, 16, 16), shaped(own(0), 0, side, side).
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

/// The file's rows (a vector's elements) consist of `of` equally large parts, one after another.
/// The parameter is part `number`, counted from 0. Throws io::error unless 0 <= number < of.
constexpr placement part(int number, int of) {
    return detail::in_range("part", row_range::part, number, of, " parts");
}

/// For each index of the parameter's first extent, the file has the rows (a vector's elements) of
/// `of` equally large parts. The parameter takes part `number`: query_key_value of GPT-NeoX has
/// [heads, 3, head_width] rows. Throws io::error unless 0 <= number < of.
constexpr placement interleaved(int number, int of) {
    return detail::in_range("interleaved", row_range::interleaved, number, of, " parts");
}
/// As above, for each of `groups` equal ranges of the first extent: qkv_proj of CodeGen has [4,
/// 3, heads / 4, head_width] rows. Throws io::error unless groups >= 1.
constexpr placement interleaved(int number, int of, int groups) {
    placement result = interleaved(number, of);
    if (groups < 1) fail_with<error>({"io::interleaved: ", groups, " is no number of groups"});
    result.groups = groups;
    return result;
}

/// The file has `of` rows (a vector's elements), and the parameter begins at row `begin`. Throws
/// io::error unless 0 <= begin < of.
constexpr placement rows(int begin, int of) {
    return detail::in_range("rows", row_range::fixed, begin, of, " rows");
}

/// The parameter begins at row `begin` of the tensor, which may have more rows than the parameter:
/// a table of positions serves models with fewer positions. `save` writes `begin` rows of zeros and
/// then the parameter. Throws io::error if `begin` is negative.
constexpr placement rows_from(int begin) {
    if (begin < 0) fail_with<error>({"io::rows_from: no tensor has the row ", begin});
    return {.range = row_range::open, .begin = begin};
}

/// The tensor concatenates the rows (a vector's elements) of several parameters of any size, in the
/// order in which the model lists them: queries, keys and values; W_gate and W_expand.
inline constexpr placement successive{.range = row_range::successive};

/// Combines two placements: the flags of both hold and their `plus` are added. The row order, the
/// shape (`shaped`, `as_it_is`) and the row range that `b` states replace those of `a`.
constexpr placement operator|(const placement& a, const placement& b) {
    placement result = a;
    result.transposed = a.transposed || b.transposed;
    result.taps = a.taps || b.taps;
    result.flat = a.flat || b.flat;
    result.summand = a.summand || b.summand;
    result.plus = a.plus + b.plus;
    if (b.order != row_order::any) result.order = b.order;
    if (b.rank != 0) {
        result.rank = b.rank;
        result.shape = b.shape;
    }
    if (b.range != row_range::all) {
        result.range = b.range;
        result.begin = b.begin;
        result.of = b.of;
        result.groups = b.groups;
    }
    return result;
}

/// An entry of a name map: a parameter as Model::for_each names it, and the tensor that holds it.
/// Braces in the tensor's name contain a layer number, as an expression of the indices a, b, c
/// along the parameter's first extents: "layers.{}.weight", short for "layers.{a}.weight", names
/// one tensor for each index of the first extent; "layers.{6a+b}.weight" names the tensors of a
/// stack within a stack.
///
/// Entries for parameters that the model does not have are skipped, so that one map serves models
/// with and without biases. One tensor may fill several parameters.
struct name_entry {
    /// `parameter` for a parameter and its tensor; each other role is made by the function or
    /// constant named `ignored`, `optional_prefix`, `copy_of`, `alias`, `own_names` or `constant`.
    enum class role { parameter, ignored, prefix, copy, alias, own, constant };

    std::string_view parameter;  ///< the parameter; for an alias, the text to replace
    std::string_view tensor;     ///< the tensor, a pattern, a prefix; for an alias, the replacement
    placement place{};           ///< how the tensor holds the parameter
    role use = role::parameter;  ///< what the entry states
    std::string_view with{};     ///< of a copy: compared only for models that have this parameter
};

/// A tensor that a file may have and that is not read. In the name, "{}" matches any number, and
/// "*" at the end matches any text.
constexpr name_entry ignored(std::string_view tensor) {
    return {{}, tensor, {}, name_entry::role::ignored};
}

/// A tensor that a file may have in addition to that of `parameter` and that must equal it, such as
/// the output matrix of a model that ties the logits to the embedding. If `with` names a parameter,
/// models without it do not compare the tensor.
constexpr name_entry copy_of(std::string_view parameter, std::string_view tensor,
                             std::string_view with = {}) {
    return {parameter, tensor, {}, name_entry::role::copy, with};
}

/// A prefix that names in the file and in the map may have or lack: names that differ only in it
/// are the same. `save` writes the names exactly as the map has them.
constexpr name_entry optional_prefix(std::string_view text) {
    return {{}, text, {}, name_entry::role::prefix};
}

/// Replaces each `text` in names of the file by `as`: alias(".gamma", ".weight").
constexpr name_entry alias(std::string_view text, std::string_view as) {
    return {text, as, {}, name_entry::role::alias};
}

/// A parameter that the file does not have: `load` sets all its elements to `number`, for example
/// biases of a layer that has none in the file. `save` throws io::error if an element differs.
constexpr name_entry constant(std::string_view parameter, double number) {
    return {parameter, {}, plus(number), name_entry::role::constant};
}

/// Parameters that no entry names have the model's own names and shapes in the file, so that a map
/// need only list the differences: {own_names, {"position", "position", rows_from(0)}} reads the
/// file of a model with more positions.
inline constexpr name_entry own_names{{}, {}, {}, name_entry::role::own};

/// A name map: its entries, in an array that outlives it.
using name_map = std::span<const name_entry>;

/// The entries of a map, followed by further ones: joined(hugging_face::llama, {{"...", "..."}}).
template <std::size_t First, std::size_t Second>
constexpr std::array<name_entry, First + Second> joined(
    std::span<const name_entry, First> first, std::span<const name_entry, Second> second) {
    std::array<name_entry, First + Second> result{};
    for (std::size_t at = 0; at < First; ++at) result[at] = first[at];
    for (std::size_t at = 0; at < Second; ++at) result[First + at] = second[at];
    return result;
}
/// As above, for any map and an array of entries.
template <class First, std::size_t Second>
constexpr auto joined(const First& first, const name_entry (&second)[Second]) {
    return joined(std::span(first), std::span(second));
}

}  // namespace sequent::inline SEQUENT_ABI::io
