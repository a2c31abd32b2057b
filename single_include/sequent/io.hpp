// Sequent 0.2.0: io.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_IO_HPP
#define SEQUENT_SINGLE_IO_HPP

#include "sequent.hpp"

/// Reads and writes files: parameters and optimizer state in the safetensors format, under the
/// model's own names or those of another library; NumPy arrays; checkpoints of llama2.c.

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

namespace sequent::inline SEQUENT_ABI::io {

/// The tokenizer data of a GGUF file, from its keys "tokenizer.ggml.*". Lists that the file does
/// not have are empty; ids that it does not state are -1.
struct gguf_vocabulary {
    std::string model;                ///< tokenizer.ggml.model: "llama", "gpt2", "bert", "t5" ...
    std::string split;                ///< tokenizer.ggml.pre: how text is split before merges
    std::vector<std::string> tokens;  ///< text of each token
    std::vector<float> scores;        ///< score of each token
    /// Type of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    std::vector<std::int32_t> types;
    std::vector<std::string> merges;  ///< "left right", in order of priority
    std::int32_t begin = -1;          ///< id of the token that begins a text
    std::int32_t end = -1;            ///< id of the token that ends a text
    std::int32_t unknown = -1;        ///< id of the unknown token
    std::int32_t padding = -1;        ///< id of the padding token
    std::int32_t classifier = -1;     ///< id of BERT's first token, [CLS]
    std::int32_t separator = -1;      ///< id of the token that ends BERT's texts, [SEP]
    bool adds_begin = false;          ///< encoding adds the token `begin`
    bool adds_end = false;            ///< encoding adds the token `end`
    bool adds_space = true;           ///< encoding adds a space before the text
    bool removes_spaces = false;      ///< of several spaces, encoding keeps one
    std::string charsmap;             ///< SentencePiece's compiled normalizer
};

}  // namespace sequent::inline SEQUENT_ABI::io

/// Reads from a model's rules the functions that file formats do not store: rotary positions,
/// activations, norms. Formats and name maps depend on them beside the shapes of the parameters.

namespace sequent::inline SEQUENT_ABI::io::detail {

using language::transformation;

/// All transformations of a model's rules, in the order of the rules.
template <class Model>
inline constexpr auto functions_of = [] {
    constexpr auto& rules = Model::plan::shapes.text.rules;
    constexpr int count = [] {
        int result = 0;
        for (const auto& rule : rules) result += static_cast<int>(rule.transformations.size());
        return result;
    }();
    plan::list<plan::transformation_use, count> result;
    for (const auto& rule : rules)
        for (const plan::transformation_use& use : rule.transformations) result.push(use);
    return result;
}();
/// Calls f(transformation_use) for each transformation of the model.
template <class Model, class F>
constexpr void for_each_function(F f) {
    for (const plan::transformation_use& use : functions_of<Model>) f(use);
}

/// Returns true if a rule of the model has a transformation of this kind.
template <class Model>
constexpr bool uses(transformation kind) {
    bool result = false;
    for_each_function<Model>([&](const auto& use) { result = result || use.kind == kind; });
    return result;
}

/// True if rotary positions rotate neighbours (x[2k], x[2k + 1]), false if they rotate the halves
/// of a head or the model has none.
template <class Model>
inline constexpr bool pairs_neighbours = [] {
    static_assert(
        !uses<Model>(transformation::rotary) || !uses<Model>(transformation::rotary_halves),
        "sequent: a model with both rotary() and rotary_halves() has no layout of heads "
        "that a name map could know");
    return uses<Model>(transformation::rotary);
}();

/// Number of the first elements of a head that rotary positions rotate; 0 if all, -1 if the number
/// differs among the rules.
template <class Model>
inline constexpr int rotated_of_head = [] {
    int result = 0;
    bool is_first = true;
    for_each_function<Model>([&](const plan::transformation_use& use) {
        if (use.kind != transformation::rotary && use.kind != transformation::rotary_halves) return;
        const int turned = static_cast<int>(use.numbers[1]);
        result = is_first || result == turned ? turned : -1;
        is_first = false;
    });
    return result;
}();

/// Describes the first difference between the model's functions and those of llama2.c's run.c;
/// empty if there is none. Masks are not compared: run.c always has a causal mask.
template <class Model>
std::string unlike_llama2c() {
    std::string problem;
    const auto differs = [&](std::string_view what, double value, std::string_view expected) {
        problem = std::string("the model's ").append(what).append(" is ");
        problem += number_text(value, 9) + ", llama2.c's is ";
        problem += expected;
    };
    const auto has = [&](std::string_view what, std::string_view expected) {
        problem = std::string("the model has ").append(what).append(", llama2.c has ");
        problem += expected;
    };
    for_each_function<Model>([&](const plan::transformation_use& use) {
        const double number = use.numbers[0];
        if (use.kind == transformation::rotary && number != 10000) {
            differs("rotary base", number, "10000");
        } else if (use.kind == transformation::rotary && use.numbers[1] > 0) {
            has("rotary positions of a part of each head", "those of whole heads");
        } else if (use.kind == transformation::rotary && use.scaling != rotary_scaling{}) {
            has("scaled angles of rotary positions", "plain ones");
        } else if (use.kind == transformation::scale) {
            has("a scaled embedding", "a plain one");
        } else if (use.kind == transformation::rotary_halves) {
            has("rotary_halves, which pairs halves of a head", "rotary, which pairs neighbours");
        } else if (use.kind == transformation::rms_norm && std::abs(number - 1e-5) > 1e-12) {
            differs("epsilon of rms_norm", number, "1e-05");
        } else if (use.kind == transformation::relu || use.kind == transformation::gelu ||
                   use.kind == transformation::gelu_tanh || use.kind == transformation::sigmoid) {
            has("another activation", "silu");
        } else if (use.kind == transformation::soft_cap) {
            has("a cap of scores or logits", "none");
        }
    });
    if (problem.empty() && !uses<Model>(transformation::rotary)) {
        has("no rotary positions", "them");
    }
    // Template options that do not show in the list of functions.
    if constexpr (requires { Model::shape.norm_first&& Model::shape.scaled; }) {
        if (!Model::shape.norm_first) has("norms behind residual sums", "norms before layers");
        if (!Model::shape.scaled) has("scores that are not scaled", "scaled ones");
        if constexpr (requires { Model::shape.parallel_branches; }) {
            constexpr auto& of = Model::shape;
            if (of.parallel_branches > 0) has("parallel branches", "one after the other");
            if (of.score_width > 0 && of.score_width != of.head_width)
                has("scores scaled by another width", "the head's");
        }
    }
    return problem;
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail

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

#include <map>

/// Conversions of 16-bit floating-point numbers: IEEE 754 binary16 and bfloat16, the upper half of
/// a float.

namespace sequent::inline SEQUENT_ABI {

/// Converts the bits of a binary16 to float, exactly.
constexpr float from_f16(std::uint16_t half) noexcept {
    const std::uint32_t rest = std::uint32_t{half} & 0x7FFFU;
    const bool finite = rest < 0x7C00U;
    const auto scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest << 13) * 0x1p112F);
    const std::uint32_t bits = finite ? scaled : rest << 13 | 0x7F800000U;
    return std::bit_cast<float>(bits | (std::uint32_t{half} & 0x8000U) << 16);
}

/// Converts the bits of a bfloat16 to float, exactly.
constexpr float from_bf16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

namespace detail {

/// Converts a number to the bits of a narrower format, rounded to nearest, ties to even. A number
/// that is too large becomes infinity, NaN stays NaN.
template <int ExponentBits, int FractionBits>
constexpr std::uint16_t narrowed(double value) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint32_t>(bits >> 63) << (ExponentBits + FractionBits);
    constexpr std::uint64_t infinity = ((1ULL << ExponentBits) - 1) << FractionBits;
    if (value != value)
        return static_cast<std::uint16_t>(sign | infinity | 1U << (FractionBits - 1));
    const int biased = static_cast<int>(bits >> 52 & 0x7FF);
    if (biased == 0) return static_cast<std::uint16_t>(sign);  // zero, or rounds to zero
    int exponent = biased - 1023 + (1 << (ExponentBits - 1)) - 1;
    int shift = 52 - FractionBits;
    if (exponent < 1) {
        shift += 1 - exponent;
        exponent = 1;
    }
    if (shift > 63) return static_cast<std::uint16_t>(sign);
    const std::uint64_t whole = (bits & 0xFFFFFFFFFFFFFULL) | 1ULL << 52;
    std::uint64_t kept = whole >> shift;
    const std::uint64_t rest = whole - (kept << shift);
    const std::uint64_t half = 1ULL << (shift - 1);
    if (rest > half || (rest == half && kept % 2 == 1)) ++kept;
    // The leading one of `kept` increments the exponent; so does a carry.
    const std::uint64_t magnitude =
        (static_cast<std::uint64_t>(exponent - 1) << FractionBits) + kept;
    return static_cast<std::uint16_t>(sign | (magnitude < infinity ? magnitude : infinity));
}

}  // namespace detail

/// Converts a number to the bits of the nearest binary16, ties to even; too large a number becomes
/// infinity.
constexpr std::uint16_t to_f16(double value) noexcept {
    return detail::narrowed<5, 10>(value);
}
/// Converts a number to the bits of the nearest bfloat16, ties to even; too large a number becomes
/// infinity.
constexpr std::uint16_t to_bf16(double value) noexcept {
    return detail::narrowed<8, 7>(value);
}

}  // namespace sequent::inline SEQUENT_ABI

/// Element types of files and their little-endian representation.

namespace sequent::inline SEQUENT_ABI::io {

/// Element types that can be read into float or double and written from them. `f16`, `f32` and
/// `f64` are IEEE 754's binary16, binary32 and binary64; `bf16` is the upper half of an F32.
enum class dtype { f16, bf16, f32, f64 };

/// The name in safetensors headers: "F16", "BF16", "F32" or "F64".
constexpr std::string_view name_of(dtype type) noexcept {
    switch (type) {
        case dtype::f16:
            return "F16";
        case dtype::bf16:
            return "BF16";
        case dtype::f32:
            return "F32";
        default:
            return "F64";
    }
}

/// The dtype with this name, as name_of spells it; nullopt for any other name.
constexpr std::optional<dtype> dtype_named(std::string_view name) noexcept {
    for (const dtype type : {dtype::f16, dtype::bf16, dtype::f32, dtype::f64})
        if (name == name_of(type)) return type;
    return {};
}

/// Size of an element in bytes.
constexpr std::size_t size_of(dtype type) noexcept {
    return type == dtype::f64 ? 8 : type == dtype::f32 ? 4 : 2;
}

/// Bits per element of any dtype that safetensors defines; 0 for an unknown name.
constexpr int bits_of(std::string_view dtype) noexcept {
    struct known {
        std::string_view name;
        int bits;
    };
    constexpr known all[] = {{"BOOL", 8},    {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6},
                             {"U8", 8},      {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},
                             {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16},    {"F16", 16},
                             {"BF16", 16},   {"I32", 32}, {"U32", 32},    {"F32", 32},
                             {"C64", 64},    {"F64", 64}, {"I64", 64},    {"U64", 64}};
    for (const known& each : all)
        if (each.name == dtype) return each.bits;
    return 0;
}

/// The dtype that stores T exactly: F32 for float, F64 for any other T.
template <class T>
inline constexpr dtype dtype_of =
    std::is_same_v<std::remove_const_t<T>, float> ? dtype::f32 : dtype::f64;

using sequent::from_bf16;
using sequent::from_f16;
using sequent::to_bf16;
using sequent::to_f16;

namespace detail {

template <class Bits>
constexpr Bits load_bits(const std::byte* bytes) noexcept {
    Bits bits = 0;
    for (std::size_t index = 0; index < sizeof(Bits); ++index)
        bits = static_cast<Bits>(
            bits | static_cast<Bits>(std::to_integer<Bits>(bytes[index]) << (8 * index)));
    return bits;
}

template <class Bits>
constexpr void store_bits(Bits bits, std::byte* bytes) noexcept {
    for (std::size_t index = 0; index < sizeof(Bits); ++index)
        bytes[index] = static_cast<std::byte>(static_cast<unsigned char>(bits >> (8 * index)));
}

/// Decodes the element at `bytes`. T is float or double and represents every value of the type.
template <class T, dtype Type>
constexpr T load_element(const std::byte* bytes) noexcept {
    if constexpr (Type == dtype::f16)
        return static_cast<T>(from_f16(load_bits<std::uint16_t>(bytes)));
    else if constexpr (Type == dtype::bf16)
        return static_cast<T>(from_bf16(load_bits<std::uint16_t>(bytes)));
    else if constexpr (Type == dtype::f32)
        return static_cast<T>(std::bit_cast<float>(load_bits<std::uint32_t>(bytes)));
    else
        return static_cast<T>(std::bit_cast<double>(load_bits<std::uint64_t>(bytes)));
}

/// Encodes a value, rounded to nearest, ties to even. Returns false if the value overflows Type.
template <dtype Type, class T>
constexpr bool store_element(T value, std::byte* bytes) noexcept {
    if constexpr (Type == dtype::f16 || Type == dtype::bf16) {
        constexpr bool half = Type == dtype::f16;
        const double exact = static_cast<double>(value);
        const std::uint16_t bits = half ? to_f16(exact) : to_bf16(exact);
        store_bits(bits, bytes);
        constexpr std::uint16_t infinity = half ? 0x7C00 : 0x7F80;
        return (bits & 0x7FFF) != infinity;
    } else if constexpr (Type == dtype::f32) {
        // Doubles of this magnitude and above round to infinity.
        if constexpr (sizeof(T) > 4)
            if (value >= 0x1.ffffffp127 || value <= -0x1.ffffffp127) return false;
        store_bits(std::bit_cast<std::uint32_t>(static_cast<float>(value)), bytes);
        return true;
    } else {
        store_bits(std::bit_cast<std::uint64_t>(static_cast<double>(value)), bytes);
        return true;
    }
}

/// Calls f with std::integral_constant<dtype, type>.
template <class F>
constexpr decltype(auto) with_dtype(dtype type, F f) {
    switch (type) {
        case dtype::f16:
            return f(std::integral_constant<dtype, dtype::f16>{});
        case dtype::bf16:
            return f(std::integral_constant<dtype, dtype::bf16>{});
        case dtype::f32:
            return f(std::integral_constant<dtype, dtype::f32>{});
        default:
            return f(std::integral_constant<dtype, dtype::f64>{});
    }
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::io

/// Number formats of files: single numbers, or blocks of numbers that share a scale.

namespace sequent::inline SEQUENT_ABI::io::detail {

struct number_format;

/// The stored numbers of a file's tensor.
struct stored_tensor {
    const std::byte* data = nullptr;
    std::uint64_t count = 0;  // how many numbers
    const number_format* format = nullptr;
};

/// Decodes the `count` numbers of a tensor with the indices first, first + stride, ... to
/// `numbers`.
using decoder = void (*)(const stored_tensor& from, std::uint64_t first, std::uint64_t stride,
                         std::size_t count, double* numbers);

/// A block of the numbers scale * q + minimum.
struct scaled_block {
    double scale = 0;
    double minimum = 0;
    std::int8_t q[256]{};
};
/// Reads the scale and the integers of the `count` numbers from index `first` on. `count` divides
/// the format's and `first`.
using block_reader = void (*)(const stored_tensor& from, std::uint64_t first, std::size_t count,
                              scaled_block& to);

/// A number format: blocks of `count` numbers that take `bytes` bytes.
struct number_format {
    std::string_view name;
    std::uint64_t count = 1;
    std::uint64_t bytes = 0;
    bool fits_float = true;  // float represents every number exactly
    decoder decode = nullptr;
    block_reader read_block = nullptr;  // null if the numbers do not share a scale
    int bits = 0;                       // bits of q
    bool has_minimum = false;           // if true, q is unsigned
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

/// The formats of the enumerators of io::dtype.
SEQUENT_LAZY inline constexpr number_format plain_formats[] = {
    {"F16", 1, 2, true, decode_plain<dtype::f16>},
    {"BF16", 1, 2, true, decode_plain<dtype::bf16>},
    {"F32", 1, 4, true, decode_plain<dtype::f32>},
    {"F64", 1, 8, false, decode_plain<dtype::f64>},
};

}  // namespace sequent::inline SEQUENT_ABI::io::detail

/// Correspondence between views of parameters and numbers of a file's tensors, row by row.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// One more axis than a parameter has: a change of row order splits an axis in two.
inline constexpr std::size_t max_axes = max_rank + 1;

/// A type-erased view of float, double or, for `.npy` files, int32; `type` states the element size.
/// It lets the code for files be compiled once for all element types and models. Const data is only
/// read.
struct any_view {
    void* data = nullptr;
    dtype type = dtype::f32;
    int rank = 0;
    std::array<int, max_axes> extents{};
    std::array<int, max_axes> strides{};

    template <class T>
    static any_view of(const tensor_view<T>& view) noexcept {
        any_view result;
        result.data = const_cast<std::remove_const_t<T>*>(view.data);
        result.type = sizeof(T) == 4 ? dtype::f32 : dtype::f64;
        result.rank = view.rank;
        for (std::size_t axis = 0; axis < view.extents.size(); ++axis) {
            result.extents[axis] = view.extents[axis];
            result.strides[axis] = view.strides[axis];
        }
        return result;
    }

    std::int64_t size() const noexcept {
        std::int64_t count = 1;
        for (int axis = 0; axis < rank; ++axis) count *= extents[static_cast<std::size_t>(axis)];
        return count;
    }
};

SEQUENT_LAZY
SEQUENT_COLD std::vector<std::uint64_t> shape_of(const any_view& view) {
    std::vector<std::uint64_t> shape;
    for (int axis = 0; axis < view.rank; ++axis) {
        shape.push_back(static_cast<std::uint64_t>(view.extents[static_cast<std::size_t>(axis)]));
    }
    return shape;
}

/// The strides of a row-major tensor of this shape.
SEQUENT_LAZY
inline std::array<std::uint64_t, max_axes> row_major(const any_view& view) {
    std::array<std::uint64_t, max_axes> result{};
    std::uint64_t stride = 1;
    for (auto axis = static_cast<std::size_t>(view.rank); axis-- > 0;) {
        result[axis] = stride;
        stride *= static_cast<std::uint64_t>(view.extents[axis]);
    }
    return result;
}

/// A view and the numbers of a file's tensor that it corresponds to: same extents, beginning at
/// number `first`, with `strides` in the tensor.
struct piece {
    any_view view;
    std::size_t tensor = 0;  // its index in the file
    std::uint64_t first = 0;
    std::array<std::uint64_t, max_axes> strides{};
    bool is_summand = false;  // the numbers are added to the view's
    double plus = 0;          // added to each number
};

/// The piece of a view that corresponds to a whole tensor.
SEQUENT_LAZY
inline piece whole(const any_view& view, std::size_t tensor) {
    return {view, tensor, 0, row_major(view)};
}

/// A row of a piece: `columns` elements of the view, `stride` apart from `at` on, correspond to the
/// tensor's numbers `number_stride` apart from `number` on.
struct piece_row {
    std::ptrdiff_t at = 0;
    std::ptrdiff_t stride = 1;
    std::uint64_t number = 0;
    std::uint64_t number_stride = 1;
    std::size_t columns = 1;
};

/// The piece with its axes sorted by descending stride in the tensor.
SEQUENT_LAZY
SEQUENT_COLD piece in_order(piece part) {
    const auto rank = static_cast<std::size_t>(part.view.rank);
    for (std::size_t end = 1; end < rank; ++end) {
        for (std::size_t at = end; at > 0 && part.strides[at - 1] < part.strides[at]; --at) {
            std::swap(part.strides[at - 1], part.strides[at]);
            std::swap(part.view.strides[at - 1], part.view.strides[at]);
            std::swap(part.view.extents[at - 1], part.view.extents[at]);
        }
    }
    return part;
}

/// Calls f(piece_row) for each row of a piece, in the order of the tensor's numbers.
template <class F>
SEQUENT_COLD void for_each_row(const piece& given, F f) {
    const piece part = in_order(given);
    const any_view& view = part.view;
    if (view.size() == 0) return;
    piece_row result;
    result.number = part.first;
    std::size_t last = 0;
    if (view.rank > 0) {
        last = static_cast<std::size_t>(view.rank) - 1;
        result.columns = static_cast<std::size_t>(view.extents[last]);
        result.stride = view.strides[last];
        result.number_stride = part.strides[last];
    }
    std::array<int, max_axes> index{};
    for (;;) {
        f(result);
        std::size_t axis = last;
        for (;; --axis) {
            if (axis == 0) return;
            const std::size_t place = axis - 1;
            result.at += view.strides[place];
            result.number += part.strides[place];
            if (++index[place] < view.extents[place]) break;
            const auto extent = static_cast<std::uint64_t>(view.extents[place]);
            result.at -= static_cast<std::ptrdiff_t>(extent) * view.strides[place];
            result.number -= extent * part.strides[place];
            index[place] = 0;
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail

#include <cerrno>

#if __has_include(<fcntl.h>) && __has_include(<sys/mman.h>) && __has_include(<unistd.h>) && \
    !defined(__wasi__)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define SEQUENT_HAS_MMAP
#endif

#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#ifdef _WIN32
#include <chrono>
#include <filesystem>
#include <thread>

#include <io.h>
#include <process.h>
#else
#include <unistd.h>
#endif

/// File names and wrappers of system calls that differ between platforms. `<filesystem>`, which is
/// slow to compile, is only included on Windows, where file names are not bytes.

namespace sequent::inline SEQUENT_ABI::io {

#ifdef _WIN32
/// The name of a file.
using file_path = std::filesystem::path;
#else
namespace detail {
template <class Path>
concept path_of_bytes = requires(const Path& path) {
    { path.native() } -> std::same_as<const std::string&>;
};
}  // namespace detail

/// The name of a file, as bytes. Strings and std::filesystem::path convert to it; on Windows it is
/// std::filesystem::path itself.
class file_path {
  public:
    /// An empty name.
    file_path() = default;
    /// Converts from a string.
    template <std::convertible_to<std::string_view> Text>
    file_path(const Text& text) : text_(static_cast<std::string_view>(text)) {}
    /// Converts from std::filesystem::path.
    template <detail::path_of_bytes Path>
    file_path(const Path& path) : text_(path.native()) {}

    /// The name as a string.
    const std::string& string() const noexcept { return text_; }
    /// The name as a null-terminated string.
    const char* c_str() const noexcept { return text_.c_str(); }
    /// Returns true if the name is empty.
    bool empty() const noexcept { return text_.empty(); }

  private:
    std::string text_;
};
#endif

namespace detail {

enum class file_kind { none, file, folder, link, other };

/// The functions below work on file descriptors; a result below 0 means an error, stored in errno.
#ifdef _WIN32
SEQUENT_COLD inline file_kind kind_of(const std::filesystem::file_status& status) noexcept {
    using std::filesystem::file_type;
    switch (status.type()) {
        case file_type::none:
        case file_type::not_found:
            return file_kind::none;
        case file_type::regular:
            return file_kind::file;
        case file_type::directory:
            return file_kind::folder;
        case file_type::symlink:
            return file_kind::link;
        default:
            return file_kind::other;
    }
}
SEQUENT_COLD inline file_kind kind_of(const file_path& path) noexcept {
    std::error_code failure;
    const auto result = kind_of(std::filesystem::status(path, failure));
    errno = result == file_kind::none ? ENOENT : 0;
    return result;
}
SEQUENT_COLD inline file_kind kind_of_link(const file_path& path) noexcept {
    std::error_code failure;
    return kind_of(std::filesystem::symlink_status(path, failure));
}
SEQUENT_COLD inline int read_link(const file_path& path, file_path& target) {
    std::error_code failure;
    target = std::filesystem::read_symlink(path, failure);
    errno = failure ? EINVAL : 0;
    return failure ? -1 : 0;
}
SEQUENT_COLD inline file_path folder_of(const file_path& path) {
    return path.parent_path();
}
SEQUENT_COLD inline file_path within(const file_path& folder, const file_path& name) {
    return folder / name;
}
/// Repeats `attempt` for at most a second while it reports that another process or thread has the
/// file open (ERROR_SHARING_VIOLATION, or ERROR_ACCESS_DENIED when replacing): readers and writers
/// hold a file only for a moment.
template <class Attempt>
void until_not_in_use(const Attempt& attempt) noexcept {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    do {
        const auto error = static_cast<unsigned long>(attempt());
        if (error != 32 && error != 5) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (std::chrono::steady_clock::now() < end);
}
SEQUENT_COLD inline int rename_over(const file_path& from, const file_path& to) noexcept {
    std::error_code failure;
    until_not_in_use([&] {
        std::filesystem::rename(from, to, failure);
        return failure.value();
    });
    errno = failure ? failure.default_error_condition().value() : 0;
    return failure ? -1 : 0;
}
SEQUENT_COLD inline void remove_file(const file_path& path) noexcept {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
}
SEQUENT_COLD inline std::FILE* open_to_read(const file_path& path) noexcept {
    std::FILE* result = nullptr;
    until_not_in_use([&]() -> unsigned long {
        _doserrno = 0;
        result = ::_wfopen(path.c_str(), L"rb");
        // For a reader, ERROR_ACCESS_DENIED is permanent.
        return result == nullptr && _doserrno == 32 ? 32 : 0;
    });
    return result;
}
inline int process_number() noexcept {
    return ::_getpid();
}
SEQUENT_COLD inline int open_new(const file_path& path, bool) noexcept {
    return ::_wopen(path.c_str(), _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY, _S_IREAD | _S_IWRITE);
}
SEQUENT_COLD inline int open_existing(const file_path& path) noexcept {
    return ::_wopen(path.c_str(), _O_WRONLY | _O_BINARY);
}
inline std::FILE* stream_of(int descriptor) noexcept {
    return ::_fdopen(descriptor, "wb");
}
SEQUENT_COLD inline int flush_to_disk(std::FILE* stream) noexcept {
    return ::_commit(::_fileno(stream));
}
inline void close(int descriptor) noexcept {
    ::_close(descriptor);
}
// Replacing a read-only file fails, and there are no owners to keep.
SEQUENT_COLD inline int may_write(const file_path&) noexcept {
    return 0;
}
inline void keep_owner_and_mode(int, const file_path&) noexcept {}
inline void flush_folder(const file_path&) noexcept {}
#else
SEQUENT_COLD inline file_kind kind_of(const struct ::stat& status) noexcept {
    return S_ISREG(status.st_mode)   ? file_kind::file
           : S_ISDIR(status.st_mode) ? file_kind::folder
           : S_ISLNK(status.st_mode) ? file_kind::link
                                     : file_kind::other;
}
/// The kind of a file, following symbolic links. For file_kind::none, errno is set.
SEQUENT_COLD inline file_kind kind_of(const file_path& path) noexcept {
    struct ::stat status;
    return ::stat(path.c_str(), &status) == 0 ? kind_of(status) : file_kind::none;
}
SEQUENT_COLD inline file_kind kind_of_link(const file_path& path) noexcept {
    struct ::stat status;
    return ::lstat(path.c_str(), &status) == 0 ? kind_of(status) : file_kind::none;
}
SEQUENT_COLD inline int read_link(const file_path& path, file_path& target) {
    for (std::string text(256, '\0');; text.resize(2 * text.size())) {
        const auto length = ::readlink(path.c_str(), text.data(), text.size());
        if (length < 0) return -1;
        if (static_cast<std::size_t>(length) == text.size()) continue;
        text.resize(static_cast<std::size_t>(length));
        target = text;
        return 0;
    }
}
/// The folder of a file; empty for a name without a folder.
SEQUENT_COLD inline file_path folder_of(const file_path& path) {
    const std::string_view text = path.string();
    const std::size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return {};
    std::size_t end = slash;
    while (end > 0 && text[end - 1] == '/') --end;
    return text.substr(0, end == 0 ? 1 : end);
}
/// The path of `name` within `folder`; `name` itself if it is absolute.
SEQUENT_COLD inline file_path within(const file_path& folder, const file_path& name) {
    if (folder.empty() || name.string().starts_with('/')) return name;
    std::string text = folder.string();
    if (text.back() != '/') text += '/';
    return text += name.string();
}
SEQUENT_COLD inline int rename_over(const file_path& from, const file_path& to) noexcept {
    return std::rename(from.c_str(), to.c_str());
}
SEQUENT_COLD inline void remove_file(const file_path& path) noexcept {
    ::unlink(path.c_str());
}
SEQUENT_COLD inline std::FILE* open_to_read(const file_path& path) noexcept {
    return std::fopen(path.c_str(), "rb");
}
inline int process_number() noexcept {
#ifdef __wasi__
    return 0;
#else
    return static_cast<int>(::getpid());
#endif
}
/// Creates a new file. A private one is readable by its owner only, until its mode is set.
SEQUENT_COLD inline int open_new(const file_path& path, bool is_private) noexcept {
    return ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, is_private ? 0600 : 0666);
}
SEQUENT_COLD inline int open_existing(const file_path& path) noexcept {
    return ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
}
inline std::FILE* stream_of(int descriptor) noexcept {
    return ::fdopen(descriptor, "wb");
}
SEQUENT_COLD inline int flush_to_disk(std::FILE* stream) noexcept {
    int result = 0;
    do {
        result = ::fsync(::fileno(stream));
    } while (result < 0 && errno == EINTR);
    // Pipes and some network file systems cannot flush; that is no error of the writer.
    return result < 0 && (errno == EINVAL || errno == ENOTSUP) ? 0 : result;
}
inline void close(int descriptor) noexcept {
    ::close(descriptor);
}
SEQUENT_COLD inline int may_write(const file_path& path) noexcept {
    return ::access(path.c_str(), W_OK);
}
/// Copies owner and mode of `path` to the new file as far as possible: changing the owner requires
/// privileges.
SEQUENT_COLD inline void keep_owner_and_mode([[maybe_unused]] int descriptor,
                                             [[maybe_unused]] const file_path& path) noexcept {
#ifndef __wasi__  // there are neither
    struct ::stat old, made;
    if (::stat(path.c_str(), &old) != 0 || ::fstat(descriptor, &made) != 0) return;
    if (old.st_uid != made.st_uid || old.st_gid != made.st_gid) {
        if (::fchown(descriptor, old.st_uid, old.st_gid) != 0 &&
            ::fchown(descriptor, static_cast<::uid_t>(-1), old.st_gid) != 0) {
            // The new file keeps its own owner.
        }
    }
    if (::fchmod(descriptor, old.st_mode & 0777) != 0) {
        // The new file stays private to its owner.
    }
#endif
}
/// Flushes a folder to disk, so that a rename survives a crash.
SEQUENT_COLD inline void flush_folder(const file_path& path) noexcept {
    const int descriptor = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}
#endif

/// ": " and the description of an errno value; empty for 0.
SEQUENT_COLD inline std::string reason_text(int reason) {
    return reason == 0 ? std::string() : ": " + std::generic_category().message(reason);
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::io

namespace sequent::inline SEQUENT_ABI::io {

/// Input of all readers: a file, or bytes in memory such as weights embedded in a program. A file
/// is memory-mapped if the platform supports it, so that only the pages in use are read; it must
/// not be truncated meanwhile. Copies share the bytes.
class source {
  public:
    /// Opens a file. Throws io::error if it does not exist or cannot be read.
    template <class Path>
        requires std::convertible_to<const Path&, file_path> source(const Path& path) {
            open(path);
        }

    /// Refers to bytes that must outlive the source. Error messages use `name`.
    source(std::span<const std::byte> bytes, std::string name = "<memory>")
        : name_(std::move(name)), bytes_(bytes) {}

    /// Refers to bytes that `owner` keeps alive.
    source(std::span<const std::byte> bytes, std::string name, std::shared_ptr<const void> owner)
        : name_(std::move(name)), bytes_(bytes), memory_(std::move(owner)) {}

    /// The path of the file, or the name given for bytes in memory.
    const std::string& name() const noexcept { return name_; }
    /// All bytes; valid as long as a copy of this source or the owner of the bytes.
    std::span<const std::byte> bytes() const noexcept { return bytes_; }

    /// Releases the pages of a mapped file in the range of bytes [first, last) from the memory of
    /// the process. The next access reads them again. Has no effect on other sources.
    SEQUENT_LAZY void release([[maybe_unused]] std::size_t first,
                              [[maybe_unused]] std::size_t last) const noexcept {
#ifdef SEQUENT_HAS_MMAP
        if (!mapped_) return;
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const std::size_t begin = first / page * page, end = last / page * page;
        if (begin >= end) return;
        // On failure the pages just stay in memory.
        (void)::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
#endif
    }

  private:
    /// Bytes of a file that is read begin at a page, as those of a mapped file do: packed weights
    /// are used where they are.
    struct alignas(4096) memory_page {
        std::array<std::byte, 4096> bytes;
    };

    SEQUENT_LAZY SEQUENT_COLD void open(const file_path& path) {
        name_ = path.string();
        const detail::file_kind kind = detail::kind_of(path);
        if (kind == detail::file_kind::none) fail(detail::reason_text(errno));
        if (kind == detail::file_kind::folder) fail(": it is a folder");
        if (kind == detail::file_kind::file && map(path)) return;
        errno = 0;
        std::FILE* const stream = detail::open_to_read(path);
        if (stream == nullptr) fail(detail::reason_text(errno));
        auto read = std::make_shared<std::vector<memory_page>>();
        std::size_t size = 0, count = 0;
        do {
            memory_page& last = read->emplace_back();
            count = std::fread(last.bytes.data(), 1, last.bytes.size(), stream);
            size += count;
        } while (count == sizeof(memory_page));
        const int reason = errno;
        const bool failed = std::ferror(stream) != 0;
        std::fclose(stream);
        if (failed) fail_with<error>({name_, ": cannot be read", detail::reason_text(reason)});
        bytes_ = {read->front().bytes.data(), size};
        memory_ = std::move(read);
    }

    /// Maps the file into memory. Returns false if the platform or the file system cannot; the file
    /// is then read.
    SEQUENT_LAZY bool map([[maybe_unused]] const file_path& path) {
#ifdef SEQUENT_HAS_MMAP
        const int descriptor = ::open(path.c_str(), O_RDONLY);
        if (descriptor < 0) return false;
        struct ::stat status;
        const bool has_size =
            ::fstat(descriptor, &status) == 0 && status.st_size > 0 &&
            static_cast<unsigned long long>(status.st_size) <= static_cast<std::size_t>(-1);
        const std::size_t length = has_size ? static_cast<std::size_t>(status.st_size) : 0;
        void* const first =
            has_size ? ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
        ::close(descriptor);
        if (first == MAP_FAILED) return false;
        memory_ = std::shared_ptr<const void>(
            first, [length](const void* mapped) { ::munmap(const_cast<void*>(mapped), length); });
        bytes_ = {static_cast<const std::byte*>(first), length};
        mapped_ = true;
        return true;
#else
        return false;
#endif
    }

    [[noreturn]] void fail(const std::string& reason) const {
        fail_with<error>({name_, ": cannot be opened", reason});
    }

    std::string name_;
    std::span<const std::byte> bytes_;
    std::shared_ptr<const void> memory_;
    bool mapped_ = false;
};

}  // namespace sequent::inline SEQUENT_ABI::io

#undef SEQUENT_HAS_MMAP

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

/// Tensor names in files and in name maps: prefixes, aliases and layer numbers.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// Canonical form of a tensor name from the file or the map: aliases are replaced and the optional
/// prefix is removed.
SEQUENT_LAZY
SEQUENT_COLD std::string plain_name(std::string_view given, name_map names) {
    std::string name(given);
    for (const name_entry& entry : names) {
        if (entry.use != name_entry::role::alias || entry.parameter.empty()) continue;
        for (std::size_t at = 0; (at = name.find(entry.parameter, at)) != std::string::npos;
             at += entry.tensor.size())
            name.replace(at, entry.parameter.size(), entry.tensor);
    }
    for (const name_entry& entry : names) {
        if (entry.use != name_entry::role::prefix || !name.starts_with(entry.tensor)) continue;
        return name.substr(entry.tensor.size());
    }
    return name;
}

/// Calls each(text before the braces, text within the braces) for each pair of braces in a name and
/// returns the text after the last pair.
template <class Each>
std::string_view for_each_brace(std::string_view name, Each each) {
    for (;;) {
        const std::size_t begin = name.find('{');
        const std::size_t end = name.find('}', begin);
        if (begin == std::string_view::npos || end == std::string_view::npos) return name;
        each(name.substr(0, begin), name.substr(begin + 1, end - begin - 1));
        name.remove_prefix(end + 1);
    }
}

/// Value of a layer expression such as "6a+b+1", and the number of axes a, b, c up to the last one
/// that it uses. The empty expression means "a". `is_formed` is false if the expression is
/// ill-formed.
struct layer_number {
    std::uint64_t value = 0;
    std::size_t axes = 0;
    bool is_formed = false;
};

SEQUENT_LAZY
SEQUENT_COLD layer_number number_of_layer(std::string_view text,
                                          const std::array<std::uint64_t, 3>& layers) {
    layer_number result;
    if (text.empty()) text = "a";
    std::size_t at = 0;
    for (;;) {
        std::uint64_t factor = 0;
        const std::size_t begin = at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && at < begin + 6; ++at)
            factor = factor * 10 + static_cast<std::uint64_t>(text[at] - '0');
        const bool has_factor = at > begin;
        if (at < text.size() && text[at] >= 'a' && text[at] <= 'c') {
            const auto axis = static_cast<std::size_t>(text[at++] - 'a');
            factor = (has_factor ? factor : 1) * layers[axis];
            result.axes = std::max(result.axes, axis + 1);
        } else if (!has_factor) {
            return result;
        }
        result.value += factor;
        if (at == text.size()) break;
        if (text[at++] != '+') return result;
    }
    result.is_formed = true;
    return result;
}

/// A tensor name of a map with its layer expressions evaluated. `axes` is the number of the
/// parameter's first extents that index layers; `problem` is empty unless an expression is
/// ill-formed.
struct layered_name {
    std::string text;
    std::size_t axes = 0;
    std::string problem;
};

SEQUENT_LAZY
SEQUENT_COLD layered_name with_layers(std::string_view name,
                                      const std::array<std::uint64_t, 3>& layers) {
    layered_name result;
    const std::string_view rest =
        for_each_brace(name, [&](std::string_view before, std::string_view within) {
            const layer_number number = number_of_layer(within, layers);
            if (!number.is_formed) {
                result.problem =
                    joined_text({in_quotes(within),
                                 " in the name is no sum of numbers and multiples of a, b "
                                 "and c, the parameter's first extents"});
            }
            result.axes = std::max(result.axes, number.axes);
            append_text(result.text, {before, number.value});
        });
    result.text += rest;
    return result;
}

/// Returns true if a name matches a pattern of `ignored`.
SEQUENT_LAZY
SEQUENT_COLD bool is_like(std::string_view name, std::string_view pattern) {
    bool same = true;
    std::string_view rest = for_each_brace(pattern, [&](std::string_view before, std::string_view) {
        same = same && name.starts_with(before);
        if (!same) return;
        std::size_t end = before.size();
        while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
        same = end > before.size();
        name.remove_prefix(end);
    });
    if (!same) return false;
    if (!rest.ends_with('*')) return name == rest;
    rest.remove_suffix(1);
    return name.starts_with(rest);
}

/// Numbers of a stack's layers in files, for models with several kinds of layers. The parameters of
/// the stack begin with `prefix`; maps name them with "layers." in its place. The layer with index
/// a along the first extent and, if `axes` is 2, index b along the second has the number
/// first + outer a + b.
struct layer_stack {
    std::string_view prefix;
    std::size_t axes = 1;
    std::uint64_t outer = 1;
    std::uint64_t first = 0;

    std::array<std::uint64_t, 3> number(const std::array<std::uint64_t, 3>& at) const {
        return {first + outer * at[0] + (axes > 1 ? at[1] : 0), 0, 0};
    }
};

}  // namespace sequent::inline SEQUENT_ABI::io::detail

namespace sequent::inline SEQUENT_ABI::io {

/// Returns true if `text` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no
/// surrogates, nothing above U+10FFFF.
constexpr bool is_utf8(std::string_view text) noexcept {
    std::size_t at = 0;
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    while (at < text.size()) {
        const unsigned lead = byte(at++);
        if (lead < 0x80) continue;
        const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4) return false;
        // Only the second byte can make a sequence overlong, a surrogate or too large.
        unsigned low = 0x80, high = 0xBF;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
        for (int index = 0; index < following; ++index, ++at) {
            if (at == text.size() || byte(at) < low || byte(at) > high) return false;
            low = 0x80;
            high = 0xBF;
        }
    }
    return true;
}

/// Appends `code`, a Unicode scalar value, as UTF-8.
inline void append_utf8(std::string& text, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

/// The byte that a token "<0x41>" represents; -1 for any other text. Vocabularies use such tokens
/// as fallback for bytes that no other token covers.
constexpr int fallback_byte(std::string_view text) noexcept {
    if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
    int result = 0;
    for (const char digit : text.substr(3, 2)) {
        const int value = digit >= '0' && digit <= '9'   ? digit - '0'
                          : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                          : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                                         : -1;
        if (value < 0) return -1;
        result = result * 16 + value;
    }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io

namespace sequent::inline SEQUENT_ABI::io::detail {

/// Lexer of all JSON readers of this library (RFC 8259). Error messages begin with `file`, then
/// `part` (such as ": header"), then the position.
SEQUENT_LAZY class json_cursor {
  public:
    json_cursor(std::string_view text, std::string_view file, std::string_view part = "")
        : text_(text), file_(file), part_(part) {}

    /// The next character that is not white space; 0 at the end.
    char peek() {
        skip_space();
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    /// Calls member(key) for each member of an object, after the colon; `member` reads the value.
    template <class Member>
    SEQUENT_COLD void object(Member member) {
        expect('{');
        if (accept('}')) return;
        do {
            std::string key = string();
            expect(':');
            member(std::move(key));
        } while (accept(','));
        expect('}');
    }

    SEQUENT_COLD std::string string() {
        expect('"');
        std::string value;
        for (;;) {
            const char next = take();
            if (next == '"') break;
            if (static_cast<unsigned char>(next) < 0x20) fail({"a control character in a string"});
            if (next == '\\') {
                escape(value);
            } else {
                value += next;
            }
        }
        if (!is_utf8(value)) fail({"a string is not UTF-8"});
        return value;
    }

    SEQUENT_COLD std::uint64_t whole_number() {
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
        if (text_[start] == '0' && at_ - start > 1) fail({"a number starts with 0"});
        return value;
    }

    bool accept_word(std::string_view word) {
        skip_space();
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
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
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({file_, part_, ", byte ", at_, ": ", joined_text(what)});
    }

  protected:
    std::string_view text_;
    std::size_t at_ = 0;

  private:
    SEQUENT_COLD void escape(std::string& value) {
        const char kind = take();
        switch (kind) {
            case '"':
            case '\\':
            case '/':
                value += kind;
                return;
            case 'b':
                value += '\b';
                return;
            case 'f':
                value += '\f';
                return;
            case 'n':
                value += '\n';
                return;
            case 'r':
                value += '\r';
                return;
            case 't':
                value += '\t';
                return;
            case 'u':
                break;
            default:
                fail({"an unknown escape"});
        }
        std::uint32_t code = four_digits();
        if (code >= 0xDC00 && code <= 0xDFFF) fail({"half a surrogate pair"});
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (take() != '\\' || take() != 'u') fail({"half a surrogate pair"});
            const std::uint32_t low = four_digits();
            if (low < 0xDC00 || low > 0xDFFF) fail({"half a surrogate pair"});
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        append_utf8(value, code);
    }

    std::uint32_t four_digits() {
        std::uint32_t value = 0;
        for (int index = 0; index < 4; ++index) {
            const char digit = take();
            const int figure = digit >= '0' && digit <= '9'   ? digit - '0'
                               : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                               : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                              : -1;
            if (figure < 0) fail({"expected four hexadecimal digits"});
            value = value * 16 + static_cast<std::uint32_t>(figure);
        }
        return value;
    }

    char take() {
        if (at_ == text_.size()) fail({"a string has no end"});
        return text_[at_++];
    }

    std::string_view file_;
    std::string_view part_;
};

}  // namespace sequent::inline SEQUENT_ABI::io::detail

/// Sorted vectors for lookup by name. They use qsort, because std::map, std::set and std::sort
/// generate code for each type and each order.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// A name and the index of the item that has it.
struct numbered_name {
    std::string_view name;
    std::size_t number = 0;
};

/// A table of names in ascending order; equal names are in the order of their numbers.
class name_table {
  public:
    SEQUENT_LAZY void add(std::string_view name, std::size_t number) {
        entries_.push_back({name, number});
    }

    /// Sorts the table; call it once, after all names have been added.
    SEQUENT_LAZY void sort() {
        if (entries_.empty()) return;
        std::qsort(entries_.data(), entries_.size(), sizeof(numbered_name),
                   [](const void* a, const void* b) {
                       const auto& one = *static_cast<const numbered_name*>(a);
                       const auto& two = *static_cast<const numbered_name*>(b);
                       const int order = one.name.compare(two.name);
                       return order != 0                ? order
                              : one.number < two.number ? -1
                              : one.number > two.number ? 1
                                                        : 0;
                   });
    }

    const std::vector<numbered_name>& entries() const noexcept { return entries_; }

    /// The entry of this name with the least number; null if there is none.
    const numbered_name* find(std::string_view name) const noexcept {
        std::size_t first = 0, last = entries_.size();
        while (first < last) {
            const std::size_t middle = first + (last - first) / 2;
            if (entries_[middle].name.compare(name) < 0) {
                first = middle + 1;
            } else {
                last = middle;
            }
        }
        return first < entries_.size() && entries_[first].name.compare(name) == 0 ? &entries_[first]
                                                                                  : nullptr;
    }

    /// The entry with the smallest number whose name an entry with a smaller number has, too; null
    /// if all names differ.
    const numbered_name* repeated() const noexcept {
        const numbered_name* result = nullptr;
        for (std::size_t at = 1; at < entries_.size(); ++at) {
            const numbered_name& each = entries_[at];
            if (entries_[at - 1].name.compare(each.name) != 0) continue;
            if (result == nullptr || each.number < result->number) result = &each;
        }
        return result;
    }

  private:
    std::vector<numbered_name> entries_;
};

/// A range [first, last) and the index of its owner.
struct numbered_range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::size_t number = 0;
};

SEQUENT_LAZY
SEQUENT_COLD void sort(std::vector<numbered_range>& ranges) {
    if (ranges.empty()) return;
    std::qsort(ranges.data(), ranges.size(), sizeof(numbered_range),
               [](const void* a, const void* b) {
                   const auto& one = *static_cast<const numbered_range*>(a);
                   const auto& two = *static_cast<const numbered_range*>(b);
                   const auto order = [](std::uint64_t x, std::uint64_t y) {
                       return x < y ? -1 : x > y ? 1 : 0;
                   };
                   return one.first != two.first ? order(one.first, two.first)
                          : one.last != two.last ? order(one.last, two.last)
                                                 : order(one.number, two.number);
               });
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// Parses exactly the JSON that a safetensors header may contain: an object of tensors, and
/// `__metadata__`, an object of strings. It does not recurse, so no input exhausts the stack.
SEQUENT_LAZY class header_parser : json_cursor<> {
  public:
    header_parser(std::string_view text, std::string_view file)
        : json_cursor<>(text, file, ": header") {}

    SEQUENT_COLD file_header parse() {
        file_header header;
        std::vector<std::size_t> places;  // the byte at which the value of each tensor begins
        bool metadata_seen = false;
        // The format requires the brace in the first byte: no white space before it.
        if (text_.empty() || text_[0] != '{') fail({"expected '{'"});
        object([&](std::string name) {
            if (name == "__metadata__") {
                if (std::exchange(metadata_seen, true)) fail({"\"__metadata__\" stands twice"});
                if (!accept_word("null")) header.metadata = metadata();
                return;
            }
            places.push_back(at_);
            header.tensors.push_back(tensor(std::move(name)));
        });
        skip_space();
        if (at_ != text_.size()) fail({"expected the end of the header"});
        name_table names;
        for (std::size_t at = 0; at < places.size(); ++at) names.add(header.tensors[at].name, at);
        names.sort();
        if (const numbered_name* const again = names.repeated()) {
            at_ = places[again->number];
            fail({"tensor \"", again->name, "\" stands twice"});
        }
        return header;
    }

  private:
    SEQUENT_COLD metadata_map metadata() {
        metadata_map map;
        object([&](std::string key) {
            std::string value = string();
            if (map.contains(key)) fail({"metadata \"", key, "\" stands twice"});
            map[std::move(key)] = std::move(value);
        });
        return map;
    }

    SEQUENT_COLD header_entry tensor(std::string name) {
        header_entry entry;
        entry.name = std::move(name);
        bool dtype = false, shape = false, offsets = false;
        const auto first = [&](bool& seen, std::string_view key) {
            if (std::exchange(seen, true)) {
                fail({"tensor \"", entry.name, "\" has two ", key});
            }
        };
        object([&](const std::string& key) {
            if (key == "dtype") {
                first(dtype, key);
                entry.dtype = string();
            } else if (key == "shape") {
                first(shape, key);
                entry.shape = numbers();
            } else if (key == "data_offsets") {
                first(offsets, key);
                const auto pair = numbers();
                if (pair.size() != 2) {
                    fail({"tensor \"", entry.name, "\": data_offsets are two numbers, found ",
                          pair.size()});
                }
                entry.begin = pair[0];
                entry.end = pair[1];
            } else {
                fail({"tensor \"", entry.name, "\" has the unknown key \"", key, "\""});
            }
        });
        if (!dtype || !shape || !offsets) {
            fail({"tensor \"", entry.name, "\" lacks ",
                  !dtype   ? "dtype"
                  : !shape ? "shape"
                           : "data_offsets"});
        }
        return entry;
    }

    SEQUENT_COLD std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> values;
        expect('[');
        if (accept(']')) return values;
        do {
            values.push_back(whole_number());
        } while (accept(','));
        expect(']');
        return values;
    }
};

}  // namespace detail

/// Parses the JSON of a safetensors header. Throws io::error, which names `file`, for JSON that is
/// not well-formed, unknown or repeated keys, numbers that are not integers and text that is not
/// UTF-8. Offsets are not checked; open_safetensors checks them.
SEQUENT_LAZY
SEQUENT_COLD file_header parse_header(std::string_view json, std::string_view file) {
    return detail::header_parser<>(json, file).parse();
}

/// The JSON of a safetensors header: metadata first, then the tensors in their order. Names and
/// metadata must be UTF-8.
SEQUENT_LAZY
SEQUENT_COLD std::string format_header(const file_header& header) {
    std::string json = "{";
    const auto key = [&](std::string_view name) {
        if (json.back() != '{') json += ',';
        append_json_string(json, name);
        json += ':';
    };
    if (!header.metadata.empty()) {
        key("__metadata__");
        json += '{';
        for (const auto& [name, value] : header.metadata) {
            key(name);
            append_json_string(json, value);
        }
        json += '}';
    }
    for (const auto& entry : header.tensors) {
        key(entry.name);
        json += "{\"dtype\":";
        append_json_string(json, entry.dtype);
        json += ",\"shape\":[";
        for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
            if (axis > 0) json += ',';
            append_text(json, {entry.shape[axis]});
        }
        append_text(json, {"],\"data_offsets\":[", entry.begin, ",", entry.end, "]}"});
    }
    json += '}';
    return json;
}

}  // namespace sequent::inline SEQUENT_ABI::io

namespace sequent::inline SEQUENT_ABI::io {

/// Replaces a file atomically: writes a temporary file in the same folder, and `commit` renames it
/// over `path`. Readers of `path` find either the old file or the complete new one, even after a
/// crash or with other writers of the same path. Without `commit`, the destructor removes the
/// temporary file.
///
/// The new file gets the owner and mode of the old one as far as the process is allowed to; if
/// there is no old file, it gets the default mode of the process. If `path` is a symbolic link, its
/// target is replaced. A path that is not a regular file (a pipe, a device) is written to directly.
///
/// All members except the destructor throw io::error, which names `path`.
class file_replacement {
  public:
    /// Creates the temporary file.
    SEQUENT_COLD explicit file_replacement(file_path path)
        : path_(std::move(path)), target_(followed()) {
        const detail::file_kind kind = detail::kind_of(target_);
        const bool exists = kind != detail::file_kind::none;
        if (kind == detail::file_kind::folder) fail("cannot be replaced", EISDIR);
        int descriptor = -1;
        if (exists && kind != detail::file_kind::file) {
            errno = 0;
            descriptor = detail::open_existing(target_);
            if (descriptor < 0) fail("cannot be opened for writing", errno);
        } else {
            if (exists && detail::may_write(target_) != 0) fail("cannot be replaced", errno);
            descriptor = create(exists);
            if (exists) detail::keep_owner_and_mode(descriptor, target_);
        }
        stream_ = detail::stream_of(descriptor);
        if (stream_ == nullptr) {
            const int reason = errno;
            detail::close(descriptor);
            remove();
            fail("cannot be opened for writing", reason);
        }
    }

    file_replacement(const file_replacement&) = delete;
    file_replacement& operator=(const file_replacement&) = delete;

    /// Removes the temporary file unless it was committed.
    ~file_replacement() {
        if (stream_ != nullptr) std::fclose(stream_);
        remove();
    }

    /// Appends `count` bytes to the file.
    void write(const char* bytes, std::size_t count) {
        errno = 0;
        if (std::fwrite(bytes, 1, count, stream_) != count) fail("cannot be written", errno);
    }

    /// Flushes the file to disk and renames it over `path`. Call it once, as the last member.
    SEQUENT_COLD void commit() {
        errno = 0;
        // Some file systems perform the rename before they write the data.
        if (std::fflush(stream_) != 0 || detail::flush_to_disk(stream_) != 0) {
            fail("cannot be written", errno);
        }
        if (std::fclose(std::exchange(stream_, nullptr)) != 0) fail("cannot be written", errno);
        if (new_path_.empty()) return;
        if (detail::rename_over(new_path_, target_) != 0) fail("cannot be replaced", errno);
        new_path_ = file_path();
        detail::flush_folder(detail::folder_of(target_));
    }

  private:
    /// The path with symbolic links resolved; the file need not exist.
    SEQUENT_COLD file_path followed() const {
        file_path result = path_;
        for (int links = 0; links < 40; ++links) {
            if (detail::kind_of_link(result) != detail::file_kind::link) return result;
            file_path next;
            if (detail::read_link(result, next) != 0) fail("cannot be followed", errno);
            // An absolute target replaces the whole path.
            result = detail::within(detail::folder_of(result), next);
        }
        fail("cannot be followed", ELOOP);
    }

    SEQUENT_COLD int create(bool is_private) {
        static std::atomic<unsigned> files{0};
        for (;;) {
            // The process id separates concurrent writers; the counter skips files left by dead
            // ones.
            const std::string name = joined_text(
                {".sequent-", detail::process_number(), "-", files.fetch_add(1), ".tmp"});
            new_path_ = detail::within(detail::folder_of(target_), name);
            errno = 0;
            const int descriptor = detail::open_new(new_path_, is_private);
            if (descriptor >= 0) return descriptor;
            const int reason = errno;
            if (reason == EEXIST) continue;
            new_path_ = file_path();
            fail("cannot be opened for writing", reason);
        }
    }

    void remove() noexcept {
        if (!new_path_.empty()) detail::remove_file(new_path_);
    }

    [[noreturn]] SEQUENT_COLD void fail(const char* what, int reason) const {
        fail_with<error>({path_.string(), ": ", what, detail::reason_text(reason)});
    }

    file_path path_;
    file_path target_;    // `path_` with symbolic links resolved
    file_path new_path_;  // the temporary file; empty if nothing is to be renamed or removed
    std::FILE* stream_ = nullptr;
};

}  // namespace sequent::inline SEQUENT_ABI::io

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

/// Computes the location of a parameter in the tensor that a map entry names.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// The shape of the tensor that holds a parameter or one of its layers, and the location in it.
struct placed {
    std::vector<std::uint64_t> shape;
    std::uint64_t first = 0;
    std::array<std::uint64_t, max_axes> strides{};
    std::uint64_t begin = 0;  // the rows [begin, end) of `all` that it takes, part after part
    std::uint64_t end = 0;
    std::uint64_t all = 0;
    std::size_t row_axes = 0;  // axes of the view that form rows, before its columns
    std::string problem;
};

/// The rows of each head that the model's rotary positions rotate.
struct rotated_rows {
    bool neighbours = false;  // rows 2k and 2k + 1 form a pair, not k and k + half
    int turned = 0;           // number of the first rows that are rotated; 0: all; -1: it differs
};

/// The extents that a placement states for a parameter of the shape `own`. `found` is the shape in
/// the file, or null; it determines the side of squares.
SEQUENT_LAZY
SEQUENT_COLD std::vector<std::uint64_t> stated_shape(const std::vector<std::uint64_t>& own,
                                                     const placement& how,
                                                     const std::vector<std::uint64_t>* found) {
    const auto extents = std::span(how.shape).first(static_cast<std::size_t>(how.rank));
    const std::uint64_t size = size_of(own);
    std::vector<std::uint64_t> result;
    std::uint64_t others = 1;
    std::size_t sides = 0;
    for (const int extent : extents) {
        const auto axis = static_cast<std::size_t>(-1 - extent);
        result.push_back(extent > 0          ? static_cast<std::uint64_t>(extent)
                         : extent == 0       ? 1
                         : extent == side    ? 1
                         : axis < own.size() ? own[axis]
                                             : 0);
        others *= result.back();
        sides += extent == side ? 1U : 0U;
    }
    // The number of elements left for squares and for the extent of 0.
    std::uint64_t rest = others == 0 ? 0 : size / others;
    const auto power = [&](std::uint64_t length) {
        std::uint64_t all = 1;
        for (std::size_t at = 0; at < sides && all <= rest; ++at) all *= length;
        return all;
    };
    std::uint64_t length = 1;
    if (sides > 0 && rest > 0) {
        if (found && found->size() == extents.size()) {
            for (std::size_t axis = 0; axis < extents.size(); ++axis)
                if (extents[axis] == side)
                    length = std::min(std::max<std::uint64_t>((*found)[axis], 1), rest);
        } else {
            for (std::uint64_t each = 2; power(each) <= rest; ++each)
                if (rest % power(each) == 0) length = each;
        }
        rest /= std::max<std::uint64_t>(1, std::min(power(length), rest));
    }
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        if (extents[axis] == 0) result[axis] = rest;
        if (extents[axis] == side) result[axis] = length;
    }
    return result;
}

/// The location of a parameter in its tensor, of which `taken` rows belong to earlier parameters.
/// `found` is the tensor's shape in the file, or null.
SEQUENT_LAZY
SEQUENT_COLD placed place(const any_view& view, const placement& how, std::uint64_t taken,
                          const std::vector<std::uint64_t>* found = nullptr) {
    const std::vector<std::uint64_t> own = shape_of(view);
    const std::uint64_t size = size_of(own);
    const auto rank = own.size();
    const bool vector = how.flat || rank < 2;
    placed result;
    result.strides = row_major(view);
    if (how.rank != 0 || how.taps) {
        result.end = result.all = size;
        if (how.range != row_range::all || how.transposed || how.flat ||
            how.order != row_order::any || (how.taps && how.rank != 0)) {
            result.problem = "a tensor of another shape is whole and not transposed";
            return result;
        }
    }
    if (how.rank < 0 || how.taps) {
        result.shape = own;
        if (!how.taps) return result;
        if (rank < 2) result.problem = "it has no taps";
        for (std::size_t axis = 1; axis < rank; ++axis) {
            std::swap(result.shape[axis - 1], result.shape[axis]);
            result.strides[axis] *= own[0];
        }
        result.strides[0] = 1;
        return result;
    }
    if (how.rank > 0) {
        result.shape = stated_shape(own, how, found);
        if (size_of(result.shape) != size)
            result.problem = joined_text(
                {"shape ", shape_text(result.shape), " has not its ", size, " elements"});
        return result;
    }
    const std::uint64_t columns = vector ? 1 : own.back();
    const std::uint64_t count = columns == 0 ? 0 : size / columns;
    const auto of = static_cast<std::uint64_t>(how.of);
    const auto begin = static_cast<std::uint64_t>(how.begin);
    const bool is_part = how.range == row_range::part || how.range == row_range::interleaved;
    const bool follows = how.range == row_range::successive;
    result.begin = is_part ? begin * count : follows ? taken : begin;
    result.end = result.begin + count;
    result.all = is_part ? of * count : how.range == row_range::all ? count : of;
    if (how.range == row_range::open || follows) {
        // The file's tensor determines the number of rows.
        const std::size_t axis = how.transposed && !vector ? 1 : 0;
        result.all = found && found->size() == (vector ? 1U : 2U) ? (*found)[axis] : result.end;
    }
    if (result.end > result.all) {
        result.problem = joined_text({"rows [", result.begin, ", ", result.end, ") are beyond the ",
                                      result.all, " of the tensor"});
    }
    const std::size_t row_axes = result.row_axes = vector ? rank : rank - 1;
    const bool within = how.range == row_range::interleaved;
    if (how.order != row_order::any &&
        (row_axes == (within ? 1U : 0U) || own[row_axes - 1] % 2 != 0))
        result.problem = "its heads have no halves";
    const auto groups = static_cast<std::uint64_t>(how.groups);
    if (within && groups > 0 && (row_axes == 0 || own[0] % groups != 0))
        result.problem = joined_text({"its first extent has no ", groups, " equal ranges"});
    if (vector) {
        if (!own.empty() || how.range != row_range::all || how.flat) result.shape = {result.all};
    } else if (how.transposed) {
        result.shape = {columns, result.all};
        // Rows are adjacent; columns are `all` numbers apart.
        for (std::size_t axis = 0; axis < row_axes; ++axis)
            result.strides[axis] = columns == 0 ? 0 : result.strides[axis] / columns;
        result.strides[row_axes] = result.all;
    } else {
        result.shape = {result.all, columns};
    }
    const std::uint64_t row = vector || how.transposed ? 1 : columns;
    if (within && row_axes > 0 && groups == 0) {
        result.first = begin * result.strides[0];
        result.strides[0] *= of;
    } else if (within && row_axes > 0) {
        result.first = begin * (own[0] / groups) * result.strides[0];
    } else {
        result.first = result.begin * row;
    }
    return result;
}

/// The indices [begin, begin + count) of a piece along an axis.
SEQUENT_LAZY
SEQUENT_COLD piece range_of(piece of, std::size_t axis, int begin, int count) {
    of.view.data = static_cast<std::byte*>(of.view.data) +
                   std::ptrdiff_t{begin} * of.view.strides[axis] *
                       static_cast<std::ptrdiff_t>(io::size_of(of.view.type));
    of.first += static_cast<std::uint64_t>(begin) * of.strides[axis];
    of.view.extents[axis] = count;
    return of;
}

/// Adds a piece whose first `turned` indices along an axis are in the other order of rotary
/// positions in the tensor than in the view (`neighbours`: that of the view is rotary()'s): that
/// axis is split in two.
SEQUENT_LAZY
SEQUENT_COLD void add_reordered(std::vector<piece>& to, const piece& all, std::size_t axis,
                                int turned, bool neighbours) {
    const int length = all.view.extents[axis];
    if (turned < length) to.push_back(range_of(all, axis, turned, length - turned));
    piece part = all;
    for (auto at = static_cast<std::size_t>(part.view.rank++); at > axis; --at) {
        part.view.extents[at] = part.view.extents[at - 1];
        part.view.strides[at] = part.view.strides[at - 1];
        part.strides[at] = part.strides[at - 1];
    }
    const int half = turned / 2;
    part.view.extents[axis] = half;
    part.view.extents[axis + 1] = 2;
    // Element k of half h has index 2 k + h in the order of neighbours, k + h half in that of
    // halves.
    const auto split = [axis, half](auto& of, bool by_neighbours) {
        const auto stride = of[axis];
        of[axis] = by_neighbours ? 2 * stride : stride;
        of[axis + 1] = by_neighbours
                           ? stride
                           : stride * static_cast<std::remove_const_t<decltype(stride)>>(half);
    };
    split(part.view.strides, neighbours);
    split(part.strides, !neighbours);
    to.push_back(part);
}

/// Adds the pieces of a view at a location of a tensor. Returns the problem, if there is one.
SEQUENT_LAZY
SEQUENT_COLD std::string add_pieces(std::vector<piece>& to, const any_view& view,
                                    std::size_t tensor, const placed& where, const placement& how,
                                    const rotated_rows& rotated) {
    const piece all{view, tensor, where.first, where.strides, how.summand, how.plus};
    const bool reordered = how.order == row_order::halves
                               ? rotated.neighbours
                               : how.order == row_order::neighbours && !rotated.neighbours;
    const std::size_t axis = where.row_axes - 1;
    if (reordered && rotated.turned < 0)
        return "the model rotates different numbers of rows of its heads";
    if (reordered && rotated.turned > view.extents[axis])
        return "its heads have fewer rows than the model rotates";
    // The parts of a tensor lie one after another within each group.
    const int groups = how.range == row_range::interleaved && how.groups > 0 ? how.groups : 1;
    const int of_group = groups > 1 ? view.extents[0] / groups : 0;
    for (int group = 0; group < groups; ++group) {
        piece part = all;
        if (groups > 1) {
            part = range_of(all, 0, group * of_group, of_group);
            part.first += static_cast<std::uint64_t>(group) *
                          static_cast<std::uint64_t>(of_group * (how.of - 1)) * part.strides[0];
        }
        if (!reordered)
            to.push_back(part);
        else
            add_reordered(to, part, axis, rotated.turned > 0 ? rotated.turned : view.extents[axis],
                          rotated.neighbours);
    }
    return "";
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail

/// Loads and saves a model's parameters, under the model's own names or under the names and in the
/// layout of another library's files:
///
///     io::load<Model>("model.safetensors", parameters, io::hugging_face::gpt2);

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// The slice of a view at `index` along its first axis.
SEQUENT_LAZY
SEQUENT_COLD any_view slice_of(const any_view& view, std::uint64_t index) {
    const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(index) * view.strides[0];
    any_view result;
    result.data = static_cast<std::byte*>(view.data) +
                  offset * static_cast<std::ptrdiff_t>(io::size_of(view.type));
    result.type = view.type;
    result.rank = view.rank - 1;
    for (std::size_t axis = 1; axis < view.extents.size(); ++axis) {
        result.extents[axis - 1] = view.extents[axis];
        result.strides[axis - 1] = view.strides[axis];
    }
    return result;
}

/// A parameter, or one of its layers, and the map entry that places it.
struct place_of {
    any_view view;
    std::string tensor;  // empty if the parameter is a constant
    const placement& how;
};

/// Calls visit(place_of) for each map entry of each parameter and for each of its layers, until a
/// call returns a problem; returns that problem with the names of tensor and parameter.
template <class Visit>
SEQUENT_COLD std::string for_each_place(const std::vector<any_tensor>& parameters, name_map names,
                                        const std::vector<layer_stack>& stacks, Visit visit) {
    bool has_own_names = false;
    for (const name_entry& line : names)
        has_own_names = has_own_names || line.use == name_entry::role::own;
    for (const any_tensor& parameter : parameters) {
        bool is_named = false;
        const layer_stack* in = nullptr;
        for (const layer_stack& each : stacks)
            if (in == nullptr && parameter.name.starts_with(each.prefix)) in = &each;
        const std::string name_in_map =
            in ? "layers." + parameter.name.substr(in->prefix.size()) : parameter.name;
        for (const name_entry& line : names) {
            const bool is_constant = line.use == name_entry::role::constant;
            if ((line.use != name_entry::role::parameter && !is_constant) ||
                line.parameter != name_in_map)
                continue;
            if (is_named != line.place.summand) {
                return joined_text({"the map names the parameter ", in_quotes(parameter.name),
                                    is_named ? " twice" : " first as a summand"});
            }
            is_named = true;
            const auto problem = [&](std::string_view tensor, std::string_view what) {
                return joined_text({"tensor ", in_quotes(tensor), " for the parameter ",
                                    in_quotes(parameter.name), ": ", what});
            };
            if (is_constant) {
                const std::string what = visit(place_of{parameter.view, "", line.place});
                if (what.empty()) continue;
                return joined_text({"the parameter ", in_quotes(parameter.name), ": ", what});
            }
            const layered_name form = with_layers(line.tensor, {});
            if (!form.problem.empty()) return problem(line.tensor, form.problem);
            // A parameter with too few extents has no layers: the entry is for another model.
            std::size_t axes = form.axes;
            if (in) axes = in->axes;
            if (static_cast<std::size_t>(parameter.view.rank) < axes) axes = 0;
            std::array<std::uint64_t, 3> layers{};
            for (bool more = true; more;) {
                any_view view = parameter.view;
                for (std::size_t axis = 0; axis < axes; ++axis) view = slice_of(view, layers[axis]);
                const std::string name =
                    with_layers(line.tensor, in ? in->number(layers) : layers).text;
                const std::string what = visit(place_of{view, name, line.place});
                if (!what.empty()) return problem(name, what);
                more = false;
                for (std::size_t axis = axes; axis-- > 0 && !more;) {
                    more =
                        ++layers[axis] < static_cast<std::uint64_t>(parameter.view.extents[axis]);
                    if (!more) layers[axis] = 0;
                }
            }
        }
        if (is_named) continue;
        if (!has_own_names) {
            return joined_text({"the map does not name the parameter ", in_quotes(parameter.name)});
        }
        const std::string what = visit(place_of{parameter.view, parameter.name, as_it_is});
        if (!what.empty()) return joined_text({"tensor ", in_quotes(parameter.name), ": ", what});
    }
    return "";
}

/// The rows of a tensor that parameters take.
struct coverage {
    std::vector<numbered_range> taken;
    std::uint64_t all = 0;
    bool is_open = false;  // rows may remain untaken
    int interleaving = 0;  // 0: none, -1: of each index, else the number of groups
    bool is_mixed = false;

    /// One past the last row taken.
    std::uint64_t end() const {
        std::uint64_t result = 0;
        for (const numbered_range& each : taken) result = std::max(result, each.last);
        return result;
    }
    void add(const placed& where, const placement& how) {
        const int within = how.range != row_range::interleaved ? 0
                           : how.groups > 0                    ? how.groups
                                                               : -1;
        is_mixed = is_mixed || (!taken.empty() && within != interleaving);
        interleaving = within;
        is_open = is_open || how.range == row_range::open;
        taken.push_back({where.begin, where.end, 0});
        all = where.all;
    }
    /// Names the first rows that no parameter takes or, if `once`, that two parameters take; empty
    /// if there are none.
    std::string problem(bool once) {
        if (is_mixed) return "its rows are interleaved differently for several parameters";
        sort(taken);
        std::uint64_t end = 0;
        const auto rows = [](std::uint64_t first, std::uint64_t last, const char* what) {
            return joined_text({"rows [", first, ", ", last, ") belong to ", what});
        };
        for (const numbered_range& each : taken) {
            if (each.first > end && !is_open) return rows(end, each.first, "no parameter");
            if (once && each.first < end) return rows(each.first, end, "two parameters");
            end = std::max(end, each.last);
        }
        return end < all && !is_open ? rows(end, all, "no parameter") : "";
    }
};

/// Properties of a model that maps depend on: which rows of heads its rotary positions rotate, and
/// its stacks of several kinds of layers.
struct model_layout {
    rotated_rows rotated;
    std::vector<layer_stack> stacks;
};
template <class Model>
model_layout layout_of() {
    model_layout result{{pairs_neighbours<Model>, rotated_of_head<Model>}, {}};
    if constexpr (requires { Model::shape.has_pattern(); }) {
        constexpr auto& of = Model::shape;
        if constexpr (of.has_pattern()) {
            const std::uint64_t opening = of.opening_layer ? 1 : 0;
            const auto local = static_cast<std::uint64_t>(of.local_layers);
            const std::uint64_t grouped = static_cast<std::uint64_t>(of.groups()) * (local + 1);
            result.stacks = {{"opening.", 1, 1, 0},
                             {"layers.local.", 2, local + 1, opening},
                             {"layers.full.", 2, local + 1, opening + local},
                             {"layers.", 1, 1, opening},
                             {"rest.", 1, 1, opening + grouped}};
        }
    }
    return result;
}

/// Matches the parameters with the tensors of a file by a name map.
SEQUENT_LAZY
SEQUENT_COLD matching match(const tensor_file& file, const std::vector<any_tensor>& parameters,
                            name_map names, const model_layout& layout) {
    const file_header& header = file.header;
    std::vector<std::string> plain;
    for (const header_entry& each : header.tensors) plain.push_back(plain_name(each.name, names));
    name_table entries;
    for (std::size_t at = 0; at < plain.size(); ++at) entries.add(plain[at], at);
    entries.sort();
    if (const numbered_name* const again = entries.repeated()) {
        return {{},
                joined_text({"tensor ", in_quotes(header.tensors[again->number].name),
                             " is there twice: under a name with and without a prefix or alias"})};
    }
    // A writer may store only one of several tensors that share memory and name the others in the
    // metadata.
    const auto find = [&](std::string_view wanted) {
        const std::string name = plain_name(wanted, names);
        if (const numbered_name* const found = entries.find(name)) return found;
        for (const auto& [removed, kept] : header.metadata)
            if (plain_name(removed, names) == name) return entries.find(plain_name(kept, names));
        return static_cast<const numbered_name*>(nullptr);
    };
    matching result;
    std::vector<coverage> used(header.tensors.size());
    result.problem =
        for_each_place(parameters, names, layout.stacks, [&](const place_of& of) -> std::string {
            if (of.tensor.empty()) {
                result.constants.push_back({of.view, of.how.plus});
                return "";
            }
            const numbered_name* const found = find(of.tensor);
            if (found == nullptr) return "it is not in the file";
            const header_entry& entry = header.tensors[found->number];
            const std::string problem = problem_of_type(file, entry, of.view.type);
            if (!problem.empty()) return problem.substr(2);
            const std::uint64_t taken = used[found->number].end();
            const placed stated = place(of.view, of.how, taken);
            if (!stated.problem.empty()) return stated.problem;
            const placed where = place(of.view, of.how, taken, &entry.shape);
            if (entry.shape != where.shape) {
                return joined_text({"the file has shape ", shape_text(entry.shape), ", wanted is ",
                                    shape_text(stated.shape)});
            }
            if (!where.problem.empty()) return where.problem;
            used[found->number].add(where, of.how);
            return add_pieces(result.pieces, of.view, found->number, where, of.how, layout.rotated);
        });
    if (!result.problem.empty()) return result;
    const auto has = [&](std::string_view parameter) {
        for (const any_tensor& each : parameters)
            if (each.name == parameter) return true;
        return false;
    };
    std::vector<char> compared(header.tensors.size());
    for (const name_entry& copy : names) {
        if (copy.use != name_entry::role::copy || !has(copy.parameter) ||
            (!copy.with.empty() && !has(copy.with))) {
            continue;
        }
        const numbered_name* const found = entries.find(plain_name(copy.tensor, names));
        if (found == nullptr || !used[found->number].taken.empty()) continue;
        std::string_view original = copy.parameter;  // the own name, if no entry names it
        for (const name_entry& line : names)
            if (line.use == name_entry::role::parameter && line.parameter == copy.parameter &&
                !line.place.summand)
                original = line.tensor;
        const numbered_name* const place = find(original);
        if (place == nullptr) continue;  // each layer has its own tensor
        const header_entry& entry = header.tensors[found->number];
        const header_entry& other = header.tensors[place->number];
        std::string problem = problem_of_type(file, entry, parameters.front().view.type);
        if (problem.empty() && entry.shape != other.shape) {
            problem = joined_text({": the file has shape ", shape_text(entry.shape), ", that of ",
                                   in_quotes(other.name), ", which the model has in its place, is ",
                                   shape_text(other.shape)});
        }
        if (!problem.empty()) return {{}, joined_text({"tensor ", in_quotes(entry.name), problem})};
        result.equal.push_back({found->number, place->number});
        compared[found->number] = 1;
    }
    const auto is_ignored = [&](std::string_view name) {
        for (const name_entry& entry : names) {
            if (entry.use == name_entry::role::ignored &&
                is_like(name, plain_name(entry.tensor, names))) {
                return true;
            }
        }
        return false;
    };
    for (std::size_t at = 0; at < header.tensors.size(); ++at) {
        const std::string& name = header.tensors[at].name;
        std::string problem;
        if (!used[at].taken.empty()) {
            problem = used[at].problem(false);
            if (!problem.empty()) problem = ": " + problem;
        } else if (compared[at] == 0 && !is_ignored(plain[at])) {
            problem =
                " is in the file, but no parameter is made of it, and the map does not "
                "ignore it";
        }
        if (problem.empty()) continue;
        result.problem = joined_text({"tensor ", in_quotes(name), problem});
        return result;
    }
    return result;
}

/// Returns true if two views hold the same numbers. `two` has the extents of `one`, or strides of
/// 0.
SEQUENT_LAZY
SEQUENT_COLD bool are_equal(const any_view& one, const any_view& two) {
    const auto load = [](const any_view& view, std::ptrdiff_t at) {
        double result = 0;
        (view.type == dtype::f64 ? load_values<double> : load_values<float>)(view.data, at, 1, 1,
                                                                             &result);
        return result;
    };
    bool equal = true;
    piece both = whole(one, 0);
    for (std::size_t axis = 0; axis < max_axes; ++axis)
        both.strides[axis] = static_cast<std::uint64_t>(two.strides[axis]);
    for_each_row(both, [&](const piece_row& row) {
        for (std::size_t column = 0; column < row.columns; ++column) {
            const auto at = static_cast<std::ptrdiff_t>(column);
            const double x = load(one, row.at + at * row.stride);
            const double y =
                load(two, static_cast<std::ptrdiff_t>(row.number + column * row.number_stride));
            equal = equal && x == y;
        }
    });
    return equal;
}

/// Names and views of all parameters of a model.
template <class Model, class Parameters>
std::vector<any_tensor> tensors_of(Parameters& parameters) {
    std::vector<any_tensor> tensors;
    Model::for_each(parameters, [&](std::string_view name, const auto& view) {
        tensors.push_back({std::string(name), any_view::of(view)});
    });
    return tensors;
}

SEQUENT_LAZY
SEQUENT_COLD metadata_map load_mapped(const tensor_file& file,
                                      const std::vector<any_tensor>& parameters, name_map names,
                                      const model_layout& layout) {
    return load_all(file, match(file, parameters, names, layout));
}

/// The tensors that `save` writes for a map, and the pieces of which they consist.
struct mapped_tensors {
    std::vector<planned_tensor> planned;
    std::vector<piece> pieces;
};

SEQUENT_LAZY
SEQUENT_COLD mapped_tensors plan_mapped(const file_path& path,
                                        const std::vector<any_tensor>& parameters, name_map names,
                                        const model_layout& layout) {
    mapped_tensors result;
    std::vector<planned_tensor>& planned = result.planned;
    std::vector<piece>& pieces = result.pieces;
    std::vector<coverage> used;
    std::string problem =
        for_each_place(parameters, names, layout.stacks, [&](const place_of& of) -> std::string {
            if (of.tensor.empty()) {
                any_view number;
                number.data = const_cast<double*>(&of.how.plus);
                number.type = dtype::f64;
                return are_equal(of.view, number)
                           ? ""
                           : joined_text({"the file does not hold it, and it "
                                          "is not ",
                                          number_text(of.how.plus)});
            }
            std::size_t tensor = 0;
            while (tensor < planned.size() && planned[tensor].name != of.tensor) ++tensor;
            const bool is_first = tensor == planned.size();
            const placed where = place(of.view, of.how, is_first ? 0 : used[tensor].end());
            if (!where.problem.empty()) return where.problem;
            if (is_first) {
                planned.push_back({of.tensor, where.shape});
                used.emplace_back();
            } else if (of.how.range == row_range::successive) {
                planned[tensor].shape = where.shape;
            } else if (planned[tensor].shape != where.shape) {
                return joined_text({"it has shape ", shape_text(where.shape), " here and ",
                                    shape_text(planned[tensor].shape), " for another parameter"});
            }
            used[tensor].add(where, of.how);
            return add_pieces(pieces, of.view, tensor, where, of.how, layout.rotated);
        });
    for (std::size_t at = 0; at < used.size() && problem.empty(); ++at) {
        problem = used[at].problem(true);
        if (!problem.empty())
            problem = joined_text({"tensor ", in_quotes(planned[at].name), ": ", problem});
    }
    if (!problem.empty()) fail_with<error>({path.string(), ": ", problem});
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD void save_mapped(const file_path& path, const std::vector<any_tensor>& parameters,
                              name_map names, const model_layout& layout,
                              const metadata_map& metadata, dtype type) {
    const mapped_tensors all = plan_mapped(path, parameters, names, layout);
    save_all(path, all.planned, all.pieces, metadata, type);
}

}  // namespace detail

/// Fills a model's parameters from a safetensors file, or from a file that a reader of another
/// format has opened, and returns the file's metadata. The file must have exactly these parameters,
/// under their own names or under those of `names`. F16, BF16 and F32 are read into float and
/// double, F64 into double only.
///
/// Throws io::error if the file is not well-formed, or if a tensor is missing, unknown, of another
/// dtype or shape, or not finite; the parameters are then unchanged.
template <class Model, class Parameters>
metadata_map load(const tensor_file& from, Parameters& parameters) {
    return detail::load_tensors(from, detail::tensors_of<Model>(parameters));
}
/// As above, with the tensor names of `names`.
template <class Model, class Parameters>
metadata_map load(const tensor_file& from, Parameters& parameters, name_map names) {
    return detail::load_mapped(from, detail::tensors_of<Model>(parameters), names,
                               detail::layout_of<Model>());
}
/// As above, for a safetensors file or its bytes in memory.
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters) {
    return load<Model>(open_safetensors(from), parameters);
}
/// As above, for a safetensors file or its bytes in memory, with the tensor names of `names`.
template <class Model, class Parameters>
metadata_map load(const source& from, Parameters& parameters, name_map names) {
    return load<Model>(open_safetensors(from), parameters, names);
}

/// Writes a model's parameters, under their own names or under those of `names`, to a new
/// safetensors file, which then replaces `path`. If `type` has fewer bits than the parameters,
/// numbers are rounded to nearest, ties to even. With `names`, the metadata default to
/// {"format": "pt"}, which Hugging Face's transformers require. Copies and ignored tensors of the
/// map are not written.
///
/// Throws io::error if the file cannot be written, if a number is not finite or too large for the
/// type, if a constant of the map has another value, or if the parameters do not cover all rows of
/// a tensor; the old file then remains.
template <class Model, class Parameters>
void save(const file_path& path, const Parameters& parameters, const metadata_map& metadata = {},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    detail::save_tensors(path, detail::tensors_of<Model>(parameters), metadata, type);
}
/// As above, with the tensor names of `names`.
template <class Model, class Parameters>
void save(const file_path& path, const Parameters& parameters, name_map names,
          const metadata_map& metadata = {{"format", "pt"}},
          dtype type = dtype_of<std::remove_reference_t<decltype(*parameters.data())>>) {
    detail::save_mapped(path, detail::tensors_of<Model>(parameters), names,
                        detail::layout_of<Model>(), metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Name maps of Hugging Face's encoders.

namespace sequent::inline SEQUENT_ABI::io::hugging_face {

/// Name map of the presets `bert` and `bert_masked_language`.
inline constexpr name_entry bert[] = {
    optional_prefix("bert."),
    // Early files, such as bert-base-uncased, use these names.
    alias("LayerNorm.gamma", "LayerNorm.weight"),
    alias("LayerNorm.beta", "LayerNorm.bias"),
    {"embedding", "bert.embeddings.word_embeddings.weight"},
    {"position", "bert.embeddings.position_embeddings.weight", rows_from(0)},
    {"segment_embedding", "bert.embeddings.token_type_embeddings.weight"},
    {"embedding_gain", "bert.embeddings.LayerNorm.weight"},
    {"embedding_bias", "bert.embeddings.LayerNorm.bias"},
    {"layers.W_query", "bert.encoder.layer.{}.attention.self.query.weight"},
    {"layers.W_key", "bert.encoder.layer.{}.attention.self.key.weight"},
    {"layers.W_value", "bert.encoder.layer.{}.attention.self.value.weight"},
    {"layers.b_query", "bert.encoder.layer.{}.attention.self.query.bias", flat},
    {"layers.b_key", "bert.encoder.layer.{}.attention.self.key.bias", flat},
    {"layers.b_value", "bert.encoder.layer.{}.attention.self.value.bias", flat},
    {"layers.W_out", "bert.encoder.layer.{}.attention.output.dense.weight"},
    {"layers.b_out", "bert.encoder.layer.{}.attention.output.dense.bias"},
    {"layers.gain_1", "bert.encoder.layer.{}.attention.output.LayerNorm.weight"},
    {"layers.bias_1", "bert.encoder.layer.{}.attention.output.LayerNorm.bias"},
    {"layers.W_expand", "bert.encoder.layer.{}.intermediate.dense.weight"},
    {"layers.b_expand", "bert.encoder.layer.{}.intermediate.dense.bias"},
    {"layers.W_contract", "bert.encoder.layer.{}.output.dense.weight"},
    {"layers.b_contract", "bert.encoder.layer.{}.output.dense.bias"},
    {"layers.gain_2", "bert.encoder.layer.{}.output.LayerNorm.weight"},
    {"layers.bias_2", "bert.encoder.layer.{}.output.LayerNorm.bias"},
    {"W_pool", "bert.pooler.dense.weight"},
    {"b_pool", "bert.pooler.dense.bias"},
    {"W_predict", "cls.predictions.transform.dense.weight"},
    {"b_predict", "cls.predictions.transform.dense.bias"},
    {"gain_predict", "cls.predictions.transform.LayerNorm.weight"},
    {"bias_predict", "cls.predictions.transform.LayerNorm.bias"},
    {"b_logits", "cls.predictions.bias"},
    copy_of("embedding", "cls.predictions.decoder.weight", "b_logits"),
    copy_of("b_logits", "cls.predictions.decoder.bias"),
    ignored("bert.embeddings.position_ids"),
    ignored("bert.pooler.*"),
    ignored("cls.*"),
};

/// Name map of the preset `roberta`, for RoBERTa and XLM-RoBERTa. Position 0 is row 2 of the
/// file's table.
inline constexpr name_entry roberta[] = {
    optional_prefix("roberta."),
    {"embedding", "roberta.embeddings.word_embeddings.weight"},
    {"position", "roberta.embeddings.position_embeddings.weight", rows_from(2)},
    {"segment_embedding", "roberta.embeddings.token_type_embeddings.weight", shaped(1, own(0))},
    {"embedding_gain", "roberta.embeddings.LayerNorm.weight"},
    {"embedding_bias", "roberta.embeddings.LayerNorm.bias"},
    {"layers.W_query", "roberta.encoder.layer.{}.attention.self.query.weight"},
    {"layers.W_key", "roberta.encoder.layer.{}.attention.self.key.weight"},
    {"layers.W_value", "roberta.encoder.layer.{}.attention.self.value.weight"},
    {"layers.b_query", "roberta.encoder.layer.{}.attention.self.query.bias", flat},
    {"layers.b_key", "roberta.encoder.layer.{}.attention.self.key.bias", flat},
    {"layers.b_value", "roberta.encoder.layer.{}.attention.self.value.bias", flat},
    {"layers.W_out", "roberta.encoder.layer.{}.attention.output.dense.weight"},
    {"layers.b_out", "roberta.encoder.layer.{}.attention.output.dense.bias"},
    {"layers.gain_1", "roberta.encoder.layer.{}.attention.output.LayerNorm.weight"},
    {"layers.bias_1", "roberta.encoder.layer.{}.attention.output.LayerNorm.bias"},
    {"layers.W_expand", "roberta.encoder.layer.{}.intermediate.dense.weight"},
    {"layers.b_expand", "roberta.encoder.layer.{}.intermediate.dense.bias"},
    {"layers.W_contract", "roberta.encoder.layer.{}.output.dense.weight"},
    {"layers.b_contract", "roberta.encoder.layer.{}.output.dense.bias"},
    {"layers.gain_2", "roberta.encoder.layer.{}.output.LayerNorm.weight"},
    {"layers.bias_2", "roberta.encoder.layer.{}.output.LayerNorm.bias"},
    {"W_pool", "roberta.pooler.dense.weight"},
    {"b_pool", "roberta.pooler.dense.bias"},
    {"W_predict", "lm_head.dense.weight"},
    {"b_predict", "lm_head.dense.bias"},
    {"gain_predict", "lm_head.layer_norm.weight"},
    {"bias_predict", "lm_head.layer_norm.bias"},
    {"b_logits", "lm_head.bias"},
    copy_of("embedding", "lm_head.decoder.weight", "b_logits"),
    copy_of("b_logits", "lm_head.decoder.bias"),
    ignored("roberta.embeddings.position_ids"),
    ignored("roberta.pooler.*"),
    ignored("lm_head.*"),
};

/// Name map of the preset `distilbert`.
inline constexpr name_entry distilbert[] = {
    optional_prefix("distilbert."),
    {"embedding", "distilbert.embeddings.word_embeddings.weight"},
    {"position", "distilbert.embeddings.position_embeddings.weight", rows_from(0)},
    {"embedding_gain", "distilbert.embeddings.LayerNorm.weight"},
    {"embedding_bias", "distilbert.embeddings.LayerNorm.bias"},
    {"layers.W_query", "distilbert.transformer.layer.{}.attention.q_lin.weight"},
    {"layers.W_key", "distilbert.transformer.layer.{}.attention.k_lin.weight"},
    {"layers.W_value", "distilbert.transformer.layer.{}.attention.v_lin.weight"},
    {"layers.b_query", "distilbert.transformer.layer.{}.attention.q_lin.bias", flat},
    {"layers.b_key", "distilbert.transformer.layer.{}.attention.k_lin.bias", flat},
    {"layers.b_value", "distilbert.transformer.layer.{}.attention.v_lin.bias", flat},
    {"layers.W_out", "distilbert.transformer.layer.{}.attention.out_lin.weight"},
    {"layers.b_out", "distilbert.transformer.layer.{}.attention.out_lin.bias"},
    {"layers.gain_1", "distilbert.transformer.layer.{}.sa_layer_norm.weight"},
    {"layers.bias_1", "distilbert.transformer.layer.{}.sa_layer_norm.bias"},
    {"layers.W_expand", "distilbert.transformer.layer.{}.ffn.lin1.weight"},
    {"layers.b_expand", "distilbert.transformer.layer.{}.ffn.lin1.bias"},
    {"layers.W_contract", "distilbert.transformer.layer.{}.ffn.lin2.weight"},
    {"layers.b_contract", "distilbert.transformer.layer.{}.ffn.lin2.bias"},
    {"layers.gain_2", "distilbert.transformer.layer.{}.output_layer_norm.weight"},
    {"layers.bias_2", "distilbert.transformer.layer.{}.output_layer_norm.bias"},
    {"W_predict", "vocab_transform.weight"},
    {"b_predict", "vocab_transform.bias"},
    {"gain_predict", "vocab_layer_norm.weight"},
    {"bias_predict", "vocab_layer_norm.bias"},
    {"b_logits", "vocab_projector.bias"},
    copy_of("embedding", "vocab_projector.weight", "b_logits"),
    ignored("vocab_*"),
};

/// Name map of the preset `albert`, whose layers share one set of tensors.
inline constexpr name_entry albert[] = {
    optional_prefix("albert."),
    {"embedding", "albert.embeddings.word_embeddings.weight"},
    {"position", "albert.embeddings.position_embeddings.weight", rows_from(0)},
    {"segment_embedding", "albert.embeddings.token_type_embeddings.weight"},
    {"embedding_gain", "albert.embeddings.LayerNorm.weight"},
    {"embedding_bias", "albert.embeddings.LayerNorm.bias"},
    {"W_embedding", "albert.encoder.embedding_hidden_mapping_in.weight"},
    {"b_embedding", "albert.encoder.embedding_hidden_mapping_in.bias"},
    {"layers.W_query",
     "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"},
    {"layers.b_query", "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.query.bias",
     flat},
    {"layers.W_key", "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.key.weight"},
    {"layers.b_key", "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.key.bias",
     flat},
    {"layers.W_value",
     "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.value.weight"},
    {"layers.b_value", "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.value.bias",
     flat},
    {"layers.W_out", "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.dense.weight"},
    {"layers.b_out", "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.dense.bias"},
    {"layers.gain_1",
     "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.LayerNorm.weight"},
    {"layers.bias_1",
     "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.LayerNorm.bias"},
    {"layers.W_expand", "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"},
    {"layers.b_expand", "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.bias"},
    {"layers.W_contract", "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output.weight"},
    {"layers.b_contract", "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output.bias"},
    {"layers.gain_2",
     "albert.encoder.albert_layer_groups.0.albert_layers.0.full_layer_layer_norm.weight"},
    {"layers.bias_2",
     "albert.encoder.albert_layer_groups.0.albert_layers.0.full_layer_layer_norm.bias"},
    {"W_pool", "albert.pooler.weight"},
    {"b_pool", "albert.pooler.bias"},
    {"W_predict", "predictions.dense.weight"},
    {"b_predict", "predictions.dense.bias"},
    {"gain_predict", "predictions.LayerNorm.weight"},
    {"bias_predict", "predictions.LayerNorm.bias"},
    {"b_logits", "predictions.bias"},
    copy_of("embedding", "predictions.decoder.weight", "b_logits"),
    copy_of("b_logits", "predictions.decoder.bias"),
    ignored("albert.embeddings.position_ids"),
    ignored("albert.pooler.*"),
    ignored("predictions.*"),
    ignored("sop_classifier.*"),
};

/// Name map of the preset `mpnet`. Position 0 is row 2 of the file's table.
inline constexpr name_entry mpnet[] = {
    optional_prefix("mpnet."),
    {"embedding", "mpnet.embeddings.word_embeddings.weight"},
    {"position", "mpnet.embeddings.position_embeddings.weight", rows_from(2)},
    {"embedding_gain", "mpnet.embeddings.LayerNorm.weight"},
    {"embedding_bias", "mpnet.embeddings.LayerNorm.bias"},
    {"relative", "mpnet.encoder.relative_attention_bias.weight", transposed},
    {"layers.W_query", "mpnet.encoder.layer.{}.attention.attn.q.weight"},
    {"layers.b_query", "mpnet.encoder.layer.{}.attention.attn.q.bias", flat},
    {"layers.W_key", "mpnet.encoder.layer.{}.attention.attn.k.weight"},
    {"layers.b_key", "mpnet.encoder.layer.{}.attention.attn.k.bias", flat},
    {"layers.W_value", "mpnet.encoder.layer.{}.attention.attn.v.weight"},
    {"layers.b_value", "mpnet.encoder.layer.{}.attention.attn.v.bias", flat},
    {"layers.W_out", "mpnet.encoder.layer.{}.attention.attn.o.weight"},
    {"layers.b_out", "mpnet.encoder.layer.{}.attention.attn.o.bias"},
    {"layers.gain_1", "mpnet.encoder.layer.{}.attention.LayerNorm.weight"},
    {"layers.bias_1", "mpnet.encoder.layer.{}.attention.LayerNorm.bias"},
    {"layers.W_expand", "mpnet.encoder.layer.{}.intermediate.dense.weight"},
    {"layers.b_expand", "mpnet.encoder.layer.{}.intermediate.dense.bias"},
    {"layers.W_contract", "mpnet.encoder.layer.{}.output.dense.weight"},
    {"layers.b_contract", "mpnet.encoder.layer.{}.output.dense.bias"},
    {"layers.gain_2", "mpnet.encoder.layer.{}.output.LayerNorm.weight"},
    {"layers.bias_2", "mpnet.encoder.layer.{}.output.LayerNorm.bias"},
    {"W_pool", "mpnet.pooler.dense.weight"},
    {"b_pool", "mpnet.pooler.dense.bias"},
    {"W_predict", "lm_head.dense.weight"},
    {"b_predict", "lm_head.dense.bias"},
    {"gain_predict", "lm_head.layer_norm.weight"},
    {"bias_predict", "lm_head.layer_norm.bias"},
    {"b_logits", "lm_head.bias"},
    copy_of("embedding", "lm_head.decoder.weight", "b_logits"),
    copy_of("b_logits", "lm_head.decoder.bias"),
    ignored("mpnet.embeddings.position_ids"),
    ignored("mpnet.pooler.*"),
    ignored("lm_head.*"),
};

/// Name map of the preset `modernbert`. One tensor holds queries, keys and values; another the gate
/// and W_expand.
inline constexpr name_entry modernbert[] = {
    optional_prefix("model."),
    {"embedding", "model.embeddings.tok_embeddings.weight"},
    {"embedding_gain", "model.embeddings.norm.weight"},
    {"layers.gain_1", "model.layers.{}.attn_norm.weight"},
    {"layers.W_query", "model.layers.{}.attn.Wqkv.weight", part(0, 3) | halves},
    {"layers.W_key", "model.layers.{}.attn.Wqkv.weight", part(1, 3) | halves},
    {"layers.W_value", "model.layers.{}.attn.Wqkv.weight", part(2, 3)},
    {"layers.W_out", "model.layers.{}.attn.Wo.weight"},
    {"layers.gain_2", "model.layers.{}.mlp_norm.weight"},
    {"layers.W_gate", "model.layers.{}.mlp.Wi.weight", part(0, 2)},
    {"layers.W_expand", "model.layers.{}.mlp.Wi.weight", part(1, 2)},
    {"layers.W_contract", "model.layers.{}.mlp.Wo.weight"},
    {"gain", "model.final_norm.weight"},
    {"W_predict", "head.dense.weight"},
    {"gain_predict", "head.norm.weight"},
    {"b_logits", "decoder.bias"},
    copy_of("embedding", "decoder.weight", "b_logits"),
    ignored("head.*"),
    ignored("decoder.*"),
};

/// Name map of the preset `clip_text`, CLIP's text encoder (CLIPTextModel).
inline constexpr name_entry clip_text[] = {
    optional_prefix("text_model."),
    {"embedding", "text_model.embeddings.token_embedding.weight"},
    {"position", "text_model.embeddings.position_embedding.weight", rows_from(0)},
    {"layers.gain_1", "text_model.encoder.layers.{}.layer_norm1.weight"},
    {"layers.bias_1", "text_model.encoder.layers.{}.layer_norm1.bias"},
    {"layers.W_query", "text_model.encoder.layers.{}.self_attn.q_proj.weight"},
    {"layers.b_query", "text_model.encoder.layers.{}.self_attn.q_proj.bias", flat},
    {"layers.W_key", "text_model.encoder.layers.{}.self_attn.k_proj.weight"},
    {"layers.b_key", "text_model.encoder.layers.{}.self_attn.k_proj.bias", flat},
    {"layers.W_value", "text_model.encoder.layers.{}.self_attn.v_proj.weight"},
    {"layers.b_value", "text_model.encoder.layers.{}.self_attn.v_proj.bias", flat},
    {"layers.W_out", "text_model.encoder.layers.{}.self_attn.out_proj.weight"},
    {"layers.b_out", "text_model.encoder.layers.{}.self_attn.out_proj.bias"},
    {"layers.gain_2", "text_model.encoder.layers.{}.layer_norm2.weight"},
    {"layers.bias_2", "text_model.encoder.layers.{}.layer_norm2.bias"},
    {"layers.W_expand", "text_model.encoder.layers.{}.mlp.fc1.weight"},
    {"layers.b_expand", "text_model.encoder.layers.{}.mlp.fc1.bias"},
    {"layers.W_contract", "text_model.encoder.layers.{}.mlp.fc2.weight"},
    {"layers.b_contract", "text_model.encoder.layers.{}.mlp.fc2.bias"},
    {"gain", "text_model.final_layer_norm.weight"},
    {"bias", "text_model.final_layer_norm.bias"},
    ignored("text_model.embeddings.position_ids"),
};

}  // namespace sequent::inline SEQUENT_ABI::io::hugging_face

/// Name maps of Hugging Face's language models.

namespace sequent::inline SEQUENT_ABI::io::hugging_face {

/// Name map of the preset `gpt2`. The file's matrices are [in, out]; one tensor holds queries, keys
/// and values.
inline constexpr name_entry gpt2[] = {
    optional_prefix("transformer."),
    {"embedding", "transformer.wte.weight"},
    {"position", "transformer.wpe.weight", rows_from(0)},
    {"layers.gain_1", "transformer.h.{}.ln_1.weight"},
    {"layers.bias_1", "transformer.h.{}.ln_1.bias"},
    {"layers.W_query", "transformer.h.{}.attn.c_attn.weight", transposed | part(0, 3)},
    {"layers.W_key", "transformer.h.{}.attn.c_attn.weight", transposed | part(1, 3)},
    {"layers.W_value", "transformer.h.{}.attn.c_attn.weight", transposed | part(2, 3)},
    {"layers.b_query", "transformer.h.{}.attn.c_attn.bias", flat | part(0, 3)},
    {"layers.b_key", "transformer.h.{}.attn.c_attn.bias", flat | part(1, 3)},
    {"layers.b_value", "transformer.h.{}.attn.c_attn.bias", flat | part(2, 3)},
    {"layers.W_out", "transformer.h.{}.attn.c_proj.weight", transposed},
    {"layers.b_out", "transformer.h.{}.attn.c_proj.bias"},
    {"layers.gain_2", "transformer.h.{}.ln_2.weight"},
    {"layers.bias_2", "transformer.h.{}.ln_2.bias"},
    {"layers.W_expand", "transformer.h.{}.mlp.c_fc.weight", transposed},
    {"layers.b_expand", "transformer.h.{}.mlp.c_fc.bias"},
    {"layers.W_contract", "transformer.h.{}.mlp.c_proj.weight", transposed},
    {"layers.b_contract", "transformer.h.{}.mlp.c_proj.bias"},
    {"gain", "transformer.ln_f.weight"},
    {"bias", "transformer.ln_f.bias"},
    {"W_logits", "lm_head.weight"},
    copy_of("embedding", "lm_head.weight"),
    ignored("transformer.h.{}.attn.bias"),
    ignored("transformer.h.{}.attn.masked_bias"),
};

/// Name map of the preset `llama`, with rotary positions of either order. Models whose lm_head is
/// not the embedding need tied<false>.
inline constexpr name_entry llama[] = {
    optional_prefix("model."),
    {"embedding", "model.embed_tokens.weight"},
    {"layers.gain_1", "model.layers.{}.input_layernorm.weight"},
    {"layers.W_query", "model.layers.{}.self_attn.q_proj.weight", halves},
    {"layers.W_key", "model.layers.{}.self_attn.k_proj.weight", halves},
    {"layers.W_value", "model.layers.{}.self_attn.v_proj.weight"},
    {"layers.W_out", "model.layers.{}.self_attn.o_proj.weight"},
    {"layers.gain_2", "model.layers.{}.post_attention_layernorm.weight"},
    {"layers.W_gate", "model.layers.{}.mlp.gate_proj.weight"},
    {"layers.W_expand", "model.layers.{}.mlp.up_proj.weight"},
    {"layers.W_contract", "model.layers.{}.mlp.down_proj.weight"},
    {"gain", "model.norm.weight"},
    {"W_logits", "lm_head.weight"},
    copy_of("embedding", "lm_head.weight"),
    ignored("model.layers.{}.self_attn.rotary_emb.inv_freq"),
};

/// Name map of the preset `qwen2`: Llama's names and the biases of queries, keys and values.
inline constexpr auto qwen2 =
    joined(llama, {{"layers.b_query", "model.layers.{}.self_attn.q_proj.bias", flat | halves},
                   {"layers.b_key", "model.layers.{}.self_attn.k_proj.bias", flat | halves},
                   {"layers.b_value", "model.layers.{}.self_attn.v_proj.bias", flat}});

/// Name map of the preset `phi3`. One tensor holds queries, keys and values; another W_gate and
/// W_expand.
inline constexpr name_entry phi3[] = {
    optional_prefix("model."),
    {"embedding", "model.embed_tokens.weight"},
    {"layers.gain_1", "model.layers.{}.input_layernorm.weight"},
    {"layers.W_query", "model.layers.{}.self_attn.qkv_proj.weight", successive | halves},
    {"layers.W_key", "model.layers.{}.self_attn.qkv_proj.weight", successive | halves},
    {"layers.W_value", "model.layers.{}.self_attn.qkv_proj.weight", successive},
    {"layers.W_out", "model.layers.{}.self_attn.o_proj.weight"},
    {"layers.gain_2", "model.layers.{}.post_attention_layernorm.weight"},
    {"layers.W_gate", "model.layers.{}.mlp.gate_up_proj.weight", successive},
    {"layers.W_expand", "model.layers.{}.mlp.gate_up_proj.weight", successive},
    {"layers.W_contract", "model.layers.{}.mlp.down_proj.weight"},
    {"gain", "model.norm.weight"},
    {"W_logits", "lm_head.weight"},
    copy_of("embedding", "lm_head.weight"),
};

/// Name map of the preset `llama3`.
inline constexpr auto& llama3 = llama;
/// Name map of the preset `mistral`.
inline constexpr auto& mistral = llama;
/// Name map of the preset `qwen3`: Llama's names and the gains of the head norms.
inline constexpr auto qwen3 =
    joined(llama, {{"layers.gain_query", "model.layers.{}.self_attn.q_norm.weight", halves},
                   {"layers.gain_key", "model.layers.{}.self_attn.k_norm.weight", halves}});

/// Name map of the presets `gemma2` and `gemma3`. The gains are the file's numbers plus 1.
inline constexpr name_entry gemma[] = {
    optional_prefix("model."),
    {"embedding", "model.embed_tokens.weight"},
    {"layers.gain_1", "model.layers.{}.input_layernorm.weight", plus(1)},
    {"layers.W_query", "model.layers.{}.self_attn.q_proj.weight", halves},
    {"layers.W_key", "model.layers.{}.self_attn.k_proj.weight", halves},
    {"layers.W_value", "model.layers.{}.self_attn.v_proj.weight"},
    {"layers.gain_query", "model.layers.{}.self_attn.q_norm.weight", halves | plus(1)},
    {"layers.gain_key", "model.layers.{}.self_attn.k_norm.weight", halves | plus(1)},
    {"layers.W_out", "model.layers.{}.self_attn.o_proj.weight"},
    {"layers.attended_gain", "model.layers.{}.post_attention_layernorm.weight", plus(1)},
    {"layers.gain_2", "model.layers.{}.pre_feedforward_layernorm.weight", plus(1)},
    {"layers.W_gate", "model.layers.{}.mlp.gate_proj.weight"},
    {"layers.W_expand", "model.layers.{}.mlp.up_proj.weight"},
    {"layers.W_contract", "model.layers.{}.mlp.down_proj.weight"},
    {"layers.transformed_gain", "model.layers.{}.post_feedforward_layernorm.weight", plus(1)},
    {"gain", "model.norm.weight", plus(1)},
    copy_of("embedding", "lm_head.weight"),
    ignored("model.layers.{}.self_attn.rotary_emb.inv_freq"),
};
/// Name map of the preset `gemma2`.
inline constexpr auto& gemma2 = gemma;
/// Name map of the preset `gemma3`.
inline constexpr auto& gemma3 = gemma;

/// Name map of the preset `gpt_neox`. The tensor query_key_value has, for each head, the rows of
/// its query, its key and its value.
inline constexpr name_entry gpt_neox[] = {
    optional_prefix("gpt_neox."),
    {"embedding", "gpt_neox.embed_in.weight"},
    {"layers.gain_1", "gpt_neox.layers.{}.input_layernorm.weight"},
    {"layers.bias_1", "gpt_neox.layers.{}.input_layernorm.bias"},
    {"layers.gain_2", "gpt_neox.layers.{}.post_attention_layernorm.weight"},
    {"layers.bias_2", "gpt_neox.layers.{}.post_attention_layernorm.bias"},
    {"layers.W_query", "gpt_neox.layers.{}.attention.query_key_value.weight",
     interleaved(0, 3) | halves},
    {"layers.W_key", "gpt_neox.layers.{}.attention.query_key_value.weight",
     interleaved(1, 3) | halves},
    {"layers.W_value", "gpt_neox.layers.{}.attention.query_key_value.weight", interleaved(2, 3)},
    {"layers.b_query", "gpt_neox.layers.{}.attention.query_key_value.bias",
     flat | interleaved(0, 3) | halves},
    {"layers.b_key", "gpt_neox.layers.{}.attention.query_key_value.bias",
     flat | interleaved(1, 3) | halves},
    {"layers.b_value", "gpt_neox.layers.{}.attention.query_key_value.bias",
     flat | interleaved(2, 3)},
    {"layers.W_out", "gpt_neox.layers.{}.attention.dense.weight"},
    {"layers.b_out", "gpt_neox.layers.{}.attention.dense.bias"},
    {"layers.W_expand", "gpt_neox.layers.{}.mlp.dense_h_to_4h.weight"},
    {"layers.b_expand", "gpt_neox.layers.{}.mlp.dense_h_to_4h.bias"},
    {"layers.W_contract", "gpt_neox.layers.{}.mlp.dense_4h_to_h.weight"},
    {"layers.b_contract", "gpt_neox.layers.{}.mlp.dense_4h_to_h.bias"},
    {"gain", "gpt_neox.final_layer_norm.weight"},
    {"bias", "gpt_neox.final_layer_norm.bias"},
    {"W_logits", "embed_out.weight"},
    copy_of("embedding", "embed_out.weight"),
    ignored("gpt_neox.layers.{}.attention.bias"),
    ignored("gpt_neox.layers.{}.attention.masked_bias"),
    ignored("gpt_neox.layers.{}.attention.rotary_emb.inv_freq"),
};

/// Name map of the preset `bloom`. The tensor query_key_value has, for each head, the rows of its
/// query, its key and its value.
inline constexpr name_entry bloom[] = {
    optional_prefix("transformer."),
    {"embedding", "transformer.word_embeddings.weight"},
    {"embedding_gain", "transformer.word_embeddings_layernorm.weight"},
    {"embedding_bias", "transformer.word_embeddings_layernorm.bias"},
    {"layers.gain_1", "transformer.h.{}.input_layernorm.weight"},
    {"layers.bias_1", "transformer.h.{}.input_layernorm.bias"},
    {"layers.gain_2", "transformer.h.{}.post_attention_layernorm.weight"},
    {"layers.bias_2", "transformer.h.{}.post_attention_layernorm.bias"},
    {"layers.W_query", "transformer.h.{}.self_attention.query_key_value.weight", interleaved(0, 3)},
    {"layers.b_query", "transformer.h.{}.self_attention.query_key_value.bias",
     flat | interleaved(0, 3)},
    {"layers.W_key", "transformer.h.{}.self_attention.query_key_value.weight", interleaved(1, 3)},
    {"layers.b_key", "transformer.h.{}.self_attention.query_key_value.bias",
     flat | interleaved(1, 3)},
    {"layers.W_value", "transformer.h.{}.self_attention.query_key_value.weight", interleaved(2, 3)},
    {"layers.b_value", "transformer.h.{}.self_attention.query_key_value.bias",
     flat | interleaved(2, 3)},
    {"layers.W_out", "transformer.h.{}.self_attention.dense.weight"},
    {"layers.b_out", "transformer.h.{}.self_attention.dense.bias"},
    {"layers.W_expand", "transformer.h.{}.mlp.dense_h_to_4h.weight"},
    {"layers.b_expand", "transformer.h.{}.mlp.dense_h_to_4h.bias"},
    {"layers.W_contract", "transformer.h.{}.mlp.dense_4h_to_h.weight"},
    {"layers.b_contract", "transformer.h.{}.mlp.dense_4h_to_h.bias"},
    {"gain", "transformer.ln_f.weight"},
    {"bias", "transformer.ln_f.bias"},
    copy_of("embedding", "lm_head.weight"),
};

/// Name map of the preset `phi`.
inline constexpr name_entry phi[] = {
    optional_prefix("model."),
    {"embedding", "model.embed_tokens.weight"},
    {"layers.gain_1", "model.layers.{}.input_layernorm.weight"},
    {"layers.bias_1", "model.layers.{}.input_layernorm.bias"},
    {"layers.W_query", "model.layers.{}.self_attn.q_proj.weight", halves},
    {"layers.W_key", "model.layers.{}.self_attn.k_proj.weight", halves},
    {"layers.W_value", "model.layers.{}.self_attn.v_proj.weight"},
    {"layers.b_query", "model.layers.{}.self_attn.q_proj.bias", flat | halves},
    {"layers.b_key", "model.layers.{}.self_attn.k_proj.bias", flat | halves},
    {"layers.b_value", "model.layers.{}.self_attn.v_proj.bias", flat},
    {"layers.W_out", "model.layers.{}.self_attn.dense.weight"},
    {"layers.b_out", "model.layers.{}.self_attn.dense.bias"},
    {"layers.W_expand", "model.layers.{}.mlp.fc1.weight"},
    {"layers.b_expand", "model.layers.{}.mlp.fc1.bias"},
    {"layers.W_contract", "model.layers.{}.mlp.fc2.weight"},
    {"layers.b_contract", "model.layers.{}.mlp.fc2.bias"},
    {"gain", "model.final_layernorm.weight"},
    {"bias", "model.final_layernorm.bias"},
    {"W_logits", "lm_head.weight"},
    {"b_logits", "lm_head.bias"},
};

/// Name map of the preset `codegen`. The tensor qkv_proj has, for each quarter of the heads, the
/// rows of their queries, values and keys.
inline constexpr name_entry codegen[] = {
    optional_prefix("transformer."),
    {"embedding", "transformer.wte.weight"},
    {"layers.gain_1", "transformer.h.{}.ln_1.weight"},
    {"layers.bias_1", "transformer.h.{}.ln_1.bias"},
    {"layers.W_query", "transformer.h.{}.attn.qkv_proj.weight", interleaved(0, 3, 4) | neighbours},
    {"layers.W_key", "transformer.h.{}.attn.qkv_proj.weight", interleaved(2, 3, 4) | neighbours},
    {"layers.W_value", "transformer.h.{}.attn.qkv_proj.weight", interleaved(1, 3, 4)},
    {"layers.W_out", "transformer.h.{}.attn.out_proj.weight"},
    {"layers.W_expand", "transformer.h.{}.mlp.fc_in.weight"},
    {"layers.b_expand", "transformer.h.{}.mlp.fc_in.bias"},
    {"layers.W_contract", "transformer.h.{}.mlp.fc_out.weight"},
    {"layers.b_contract", "transformer.h.{}.mlp.fc_out.bias"},
    {"gain", "transformer.ln_f.weight"},
    {"bias", "transformer.ln_f.bias"},
    {"W_logits", "lm_head.weight"},
    {"b_logits", "lm_head.bias"},
    ignored("transformer.h.{}.attn.causal_mask"),
};

/// Name map of the preset `starcoder2`.
inline constexpr name_entry starcoder2[] = {
    optional_prefix("model."),
    {"embedding", "model.embed_tokens.weight"},
    {"layers.gain_1", "model.layers.{}.input_layernorm.weight"},
    {"layers.bias_1", "model.layers.{}.input_layernorm.bias"},
    {"layers.W_query", "model.layers.{}.self_attn.q_proj.weight", halves},
    {"layers.b_query", "model.layers.{}.self_attn.q_proj.bias", flat | halves},
    {"layers.W_key", "model.layers.{}.self_attn.k_proj.weight", halves},
    {"layers.b_key", "model.layers.{}.self_attn.k_proj.bias", flat | halves},
    {"layers.W_value", "model.layers.{}.self_attn.v_proj.weight"},
    {"layers.b_value", "model.layers.{}.self_attn.v_proj.bias", flat},
    {"layers.W_out", "model.layers.{}.self_attn.o_proj.weight"},
    {"layers.b_out", "model.layers.{}.self_attn.o_proj.bias"},
    {"layers.gain_2", "model.layers.{}.post_attention_layernorm.weight"},
    {"layers.bias_2", "model.layers.{}.post_attention_layernorm.bias"},
    {"layers.W_expand", "model.layers.{}.mlp.c_fc.weight"},
    {"layers.b_expand", "model.layers.{}.mlp.c_fc.bias"},
    {"layers.W_contract", "model.layers.{}.mlp.c_proj.weight"},
    {"layers.b_contract", "model.layers.{}.mlp.c_proj.bias"},
    {"gain", "model.norm.weight"},
    {"bias", "model.norm.bias"},
    {"W_logits", "lm_head.weight"},
    copy_of("embedding", "lm_head.weight"),
};

/// Name map of the preset `opt`, whose norms precede the layers. Position 0 is row 2 of the file's
/// table.
inline constexpr name_entry opt[] = {
    optional_prefix("model."),
    {"embedding", "model.decoder.embed_tokens.weight"},
    {"position", "model.decoder.embed_positions.weight", rows_from(2)},
    {"layers.gain_1", "model.decoder.layers.{}.self_attn_layer_norm.weight"},
    {"layers.bias_1", "model.decoder.layers.{}.self_attn_layer_norm.bias"},
    {"layers.W_query", "model.decoder.layers.{}.self_attn.q_proj.weight"},
    {"layers.W_key", "model.decoder.layers.{}.self_attn.k_proj.weight"},
    {"layers.W_value", "model.decoder.layers.{}.self_attn.v_proj.weight"},
    {"layers.b_query", "model.decoder.layers.{}.self_attn.q_proj.bias", flat},
    {"layers.b_key", "model.decoder.layers.{}.self_attn.k_proj.bias", flat},
    {"layers.b_value", "model.decoder.layers.{}.self_attn.v_proj.bias", flat},
    {"layers.W_out", "model.decoder.layers.{}.self_attn.out_proj.weight"},
    {"layers.b_out", "model.decoder.layers.{}.self_attn.out_proj.bias"},
    {"layers.gain_2", "model.decoder.layers.{}.final_layer_norm.weight"},
    {"layers.bias_2", "model.decoder.layers.{}.final_layer_norm.bias"},
    {"layers.W_expand", "model.decoder.layers.{}.fc1.weight"},
    {"layers.b_expand", "model.decoder.layers.{}.fc1.bias"},
    {"layers.W_contract", "model.decoder.layers.{}.fc2.weight"},
    {"layers.b_contract", "model.decoder.layers.{}.fc2.bias"},
    {"gain", "model.decoder.final_layer_norm.weight"},
    {"bias", "model.decoder.final_layer_norm.bias"},
    copy_of("embedding", "lm_head.weight"),
};

}  // namespace sequent::inline SEQUENT_ABI::io::hugging_face

/// Name maps from the presets' parameters to the tensors of Hugging Face's files:
/// `io::load<Model>("model.safetensors", parameters, io::hugging_face::gpt2)`.

namespace sequent::inline SEQUENT_ABI::io::hugging_face {

/// Name map of the preset `vit` with a classifier (ViTForImageClassification).
inline constexpr name_entry vit[] = {
    optional_prefix("vit."),
    {"class_token", "vit.embeddings.cls_token", shaped(1, 1, own(0))},
    {"position", "vit.embeddings.position_embeddings", shaped(1, own(0), own(1))},
    // [width, channels, rows, columns] of square patches.
    {"W_patch", "vit.embeddings.patch_embeddings.projection.weight", shaped(own(0), 0, side, side)},
    {"b_patch", "vit.embeddings.patch_embeddings.projection.bias"},
    {"layers.gain_1", "vit.encoder.layer.{}.layernorm_before.weight"},
    {"layers.bias_1", "vit.encoder.layer.{}.layernorm_before.bias"},
    {"layers.W_query", "vit.encoder.layer.{}.attention.attention.query.weight"},
    {"layers.W_key", "vit.encoder.layer.{}.attention.attention.key.weight"},
    {"layers.W_value", "vit.encoder.layer.{}.attention.attention.value.weight"},
    {"layers.b_query", "vit.encoder.layer.{}.attention.attention.query.bias", flat},
    {"layers.b_key", "vit.encoder.layer.{}.attention.attention.key.bias", flat},
    {"layers.b_value", "vit.encoder.layer.{}.attention.attention.value.bias", flat},
    {"layers.W_out", "vit.encoder.layer.{}.attention.output.dense.weight"},
    {"layers.b_out", "vit.encoder.layer.{}.attention.output.dense.bias"},
    {"layers.gain_2", "vit.encoder.layer.{}.layernorm_after.weight"},
    {"layers.bias_2", "vit.encoder.layer.{}.layernorm_after.bias"},
    {"layers.W_expand", "vit.encoder.layer.{}.intermediate.dense.weight"},
    {"layers.b_expand", "vit.encoder.layer.{}.intermediate.dense.bias"},
    {"layers.W_contract", "vit.encoder.layer.{}.output.dense.weight"},
    {"layers.b_contract", "vit.encoder.layer.{}.output.dense.bias"},
    {"gain", "vit.layernorm.weight"},
    {"bias", "vit.layernorm.bias"},
    {"W_logits", "classifier.weight"},
    {"b_logits", "classifier.bias"},
    ignored("vit.pooler.*"),
};

/// Name map of the preset `dinov2` (Dinov2Model).
inline constexpr name_entry dinov2[] = {
    optional_prefix("dinov2."),
    {"class_token", "embeddings.cls_token", shaped(1, 1, own(0))},
    {"position", "embeddings.position_embeddings", shaped(1, own(0), own(1))},
    {"W_patch", "embeddings.patch_embeddings.projection.weight", shaped(own(0), 0, side, side)},
    {"b_patch", "embeddings.patch_embeddings.projection.bias"},
    {"layers.gain_1", "encoder.layer.{}.norm1.weight"},
    {"layers.bias_1", "encoder.layer.{}.norm1.bias"},
    {"layers.W_query", "encoder.layer.{}.attention.attention.query.weight"},
    {"layers.W_key", "encoder.layer.{}.attention.attention.key.weight"},
    {"layers.W_value", "encoder.layer.{}.attention.attention.value.weight"},
    {"layers.b_query", "encoder.layer.{}.attention.attention.query.bias", flat},
    {"layers.b_key", "encoder.layer.{}.attention.attention.key.bias", flat},
    {"layers.b_value", "encoder.layer.{}.attention.attention.value.bias", flat},
    {"layers.W_out", "encoder.layer.{}.attention.output.dense.weight"},
    {"layers.b_out", "encoder.layer.{}.attention.output.dense.bias"},
    {"layers.attended_scale", "encoder.layer.{}.layer_scale1.lambda1"},
    {"layers.gain_2", "encoder.layer.{}.norm2.weight"},
    {"layers.bias_2", "encoder.layer.{}.norm2.bias"},
    {"layers.W_expand", "encoder.layer.{}.mlp.fc1.weight"},
    {"layers.b_expand", "encoder.layer.{}.mlp.fc1.bias"},
    {"layers.W_contract", "encoder.layer.{}.mlp.fc2.weight"},
    {"layers.b_contract", "encoder.layer.{}.mlp.fc2.bias"},
    {"layers.transformed_scale", "encoder.layer.{}.layer_scale2.lambda1"},
    {"gain", "layernorm.weight"},
    {"bias", "layernorm.bias"},
    ignored("embeddings.mask_token"),
};

namespace detail {
/// Both versions of T5; only the name of the matrix W_expand differs.
constexpr auto t5_names(bool gated) {
    return std::to_array<name_entry>({
        {"embedding", "shared.weight"},
        {"source_relative", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
         transposed},
        {"encoder.W_query", "encoder.block.{}.layer.0.SelfAttention.q.weight"},
        {"encoder.W_key", "encoder.block.{}.layer.0.SelfAttention.k.weight"},
        {"encoder.W_value", "encoder.block.{}.layer.0.SelfAttention.v.weight"},
        {"encoder.W_out", "encoder.block.{}.layer.0.SelfAttention.o.weight"},
        {"encoder.gain_1", "encoder.block.{}.layer.0.layer_norm.weight"},
        {"encoder.W_gate", "encoder.block.{}.layer.1.DenseReluDense.wi_0.weight"},
        {"encoder.W_expand", gated ? "encoder.block.{}.layer.1.DenseReluDense.wi_1.weight"
                                   : "encoder.block.{}.layer.1.DenseReluDense.wi.weight"},
        {"encoder.W_contract", "encoder.block.{}.layer.1.DenseReluDense.wo.weight"},
        {"encoder.gain_2", "encoder.block.{}.layer.1.layer_norm.weight"},
        {"source_gain", "encoder.final_layer_norm.weight"},
        {"relative", "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
         transposed},
        {"decoder.W_query", "decoder.block.{}.layer.0.SelfAttention.q.weight"},
        {"decoder.W_key", "decoder.block.{}.layer.0.SelfAttention.k.weight"},
        {"decoder.W_value", "decoder.block.{}.layer.0.SelfAttention.v.weight"},
        {"decoder.W_out", "decoder.block.{}.layer.0.SelfAttention.o.weight"},
        {"decoder.gain_1", "decoder.block.{}.layer.0.layer_norm.weight"},
        {"decoder.cross_W_query", "decoder.block.{}.layer.1.EncDecAttention.q.weight"},
        {"decoder.cross_W_key", "decoder.block.{}.layer.1.EncDecAttention.k.weight"},
        {"decoder.cross_W_value", "decoder.block.{}.layer.1.EncDecAttention.v.weight"},
        {"decoder.cross_W_out", "decoder.block.{}.layer.1.EncDecAttention.o.weight"},
        {"decoder.gain_2", "decoder.block.{}.layer.1.layer_norm.weight"},
        {"decoder.W_gate", "decoder.block.{}.layer.2.DenseReluDense.wi_0.weight"},
        {"decoder.W_expand", gated ? "decoder.block.{}.layer.2.DenseReluDense.wi_1.weight"
                                   : "decoder.block.{}.layer.2.DenseReluDense.wi.weight"},
        {"decoder.W_contract", "decoder.block.{}.layer.2.DenseReluDense.wo.weight"},
        {"decoder.gain_3", "decoder.block.{}.layer.2.layer_norm.weight"},
        {"gain", "decoder.final_layer_norm.weight"},
        {"W_logits", "lm_head.weight"},
        // Version 1.0 ties the logits to the embedding; version 1.1 has W_logits.
        copy_of("embedding", "lm_head.weight"),
        ignored("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"),
        copy_of("embedding", "encoder.embed_tokens.weight"),
        copy_of("embedding", "decoder.embed_tokens.weight"),
    });
}
}  // namespace detail

/// Name map of the preset `t5`, version 1.0.
inline constexpr auto t5 = detail::t5_names(false);
/// Name map of the preset `t5`, version 1.1: a model with activation::geglu_tanh and tied<false>.
inline constexpr auto t5_gated = detail::t5_names(true);

/// Name map of the preset `whisper`. The files have no key biases, because softmax cancels them;
/// the model's are 0.
inline constexpr name_entry whisper[] = {
    optional_prefix("model."),
    {"W_conv_1", "model.encoder.conv1.weight", taps_last},
    {"b_conv_1", "model.encoder.conv1.bias"},
    {"W_conv_2", "model.encoder.conv2.weight", taps_last},
    {"b_conv_2", "model.encoder.conv2.bias"},
    {"source_position", "model.encoder.embed_positions.weight"},
    {"encoder.gain_1", "model.encoder.layers.{}.self_attn_layer_norm.weight"},
    {"encoder.bias_1", "model.encoder.layers.{}.self_attn_layer_norm.bias"},
    {"encoder.W_query", "model.encoder.layers.{}.self_attn.q_proj.weight"},
    {"encoder.b_query", "model.encoder.layers.{}.self_attn.q_proj.bias", flat},
    {"encoder.W_key", "model.encoder.layers.{}.self_attn.k_proj.weight"},
    constant("encoder.b_key", 0),
    {"encoder.W_value", "model.encoder.layers.{}.self_attn.v_proj.weight"},
    {"encoder.b_value", "model.encoder.layers.{}.self_attn.v_proj.bias", flat},
    {"encoder.W_out", "model.encoder.layers.{}.self_attn.out_proj.weight"},
    {"encoder.b_out", "model.encoder.layers.{}.self_attn.out_proj.bias"},
    {"encoder.gain_2", "model.encoder.layers.{}.final_layer_norm.weight"},
    {"encoder.bias_2", "model.encoder.layers.{}.final_layer_norm.bias"},
    {"encoder.W_expand", "model.encoder.layers.{}.fc1.weight"},
    {"encoder.b_expand", "model.encoder.layers.{}.fc1.bias"},
    {"encoder.W_contract", "model.encoder.layers.{}.fc2.weight"},
    {"encoder.b_contract", "model.encoder.layers.{}.fc2.bias"},
    {"source_gain", "model.encoder.layer_norm.weight"},
    {"source_bias", "model.encoder.layer_norm.bias"},
    {"embedding", "model.decoder.embed_tokens.weight"},
    {"position", "model.decoder.embed_positions.weight", rows_from(0)},
    {"decoder.gain_1", "model.decoder.layers.{}.self_attn_layer_norm.weight"},
    {"decoder.bias_1", "model.decoder.layers.{}.self_attn_layer_norm.bias"},
    {"decoder.W_query", "model.decoder.layers.{}.self_attn.q_proj.weight"},
    {"decoder.b_query", "model.decoder.layers.{}.self_attn.q_proj.bias", flat},
    {"decoder.W_key", "model.decoder.layers.{}.self_attn.k_proj.weight"},
    constant("decoder.b_key", 0),
    {"decoder.W_value", "model.decoder.layers.{}.self_attn.v_proj.weight"},
    {"decoder.b_value", "model.decoder.layers.{}.self_attn.v_proj.bias", flat},
    {"decoder.W_out", "model.decoder.layers.{}.self_attn.out_proj.weight"},
    {"decoder.b_out", "model.decoder.layers.{}.self_attn.out_proj.bias"},
    {"decoder.gain_2", "model.decoder.layers.{}.encoder_attn_layer_norm.weight"},
    {"decoder.bias_2", "model.decoder.layers.{}.encoder_attn_layer_norm.bias"},
    {"decoder.cross_W_query", "model.decoder.layers.{}.encoder_attn.q_proj.weight"},
    {"decoder.cross_b_query", "model.decoder.layers.{}.encoder_attn.q_proj.bias", flat},
    {"decoder.cross_W_key", "model.decoder.layers.{}.encoder_attn.k_proj.weight"},
    constant("decoder.cross_b_key", 0),
    {"decoder.cross_W_value", "model.decoder.layers.{}.encoder_attn.v_proj.weight"},
    {"decoder.cross_b_value", "model.decoder.layers.{}.encoder_attn.v_proj.bias", flat},
    {"decoder.cross_W_out", "model.decoder.layers.{}.encoder_attn.out_proj.weight"},
    {"decoder.cross_b_out", "model.decoder.layers.{}.encoder_attn.out_proj.bias"},
    {"decoder.gain_3", "model.decoder.layers.{}.final_layer_norm.weight"},
    {"decoder.bias_3", "model.decoder.layers.{}.final_layer_norm.bias"},
    {"decoder.W_expand", "model.decoder.layers.{}.fc1.weight"},
    {"decoder.b_expand", "model.decoder.layers.{}.fc1.bias"},
    {"decoder.W_contract", "model.decoder.layers.{}.fc2.weight"},
    {"decoder.b_contract", "model.decoder.layers.{}.fc2.bias"},
    {"gain", "model.decoder.layer_norm.weight"},
    {"bias", "model.decoder.layer_norm.bias"},
    copy_of("embedding", "proj_out.weight"),
};

}  // namespace sequent::inline SEQUENT_ABI::io::hugging_face

#include <deque>

namespace sequent::inline SEQUENT_ABI::io {

/// The kinds of JSON values.
enum class json_kind : std::uint8_t { null, boolean, number, string, array, object };

namespace detail {

/// A value of a document. The nodes of its elements, or of the keys and values of its members,
/// follow it.
struct json_node {
    const char* first = nullptr;  // the characters of a string, else the value's text
    std::uint32_t size = 0;       // number of characters of a string or number
    std::uint32_t next = 0;       // the node after this value and its contents
    std::uint32_t place = 0;      // the byte of the text at which the value begins
    json_kind kind = json_kind::null;
};

struct json_tree {
    std::string name;
    std::vector<json_node> nodes;
    std::deque<std::string> decoded;  // strings with escapes, decoded
};

SEQUENT_LAZY class json_tree_reader : json_cursor<> {
  public:
    json_tree_reader(std::string_view text, std::string_view file) : json_cursor<>(text, file) {}

    /// Reads the document without recursion, so that no input exhausts the stack.
    SEQUENT_COLD void read(json_tree& tree) {
        if (text_.size() > 0xFFFFFFFF) fail({"4 GiB of JSON or more"});
        std::vector<std::uint32_t> open;
        for (;;) {
            bool closed = value(tree, open);
            while (closed) {
                if (open.empty()) {
                    skip_space();
                    if (at_ != text_.size()) fail({"expected the end of the file"});
                    return;
                }
                json_node& outer = tree.nodes[open.back()];
                const bool is_object = outer.kind == json_kind::object;
                if (accept(',')) {
                    if (is_object) key(tree);
                    break;
                }
                expect(is_object ? '}' : ']');
                outer.next = count(tree);
                open.pop_back();
            }
        }
    }

  private:
    static constexpr std::size_t deepest = 256;

    static std::uint32_t count(const json_tree& tree) {
        return static_cast<std::uint32_t>(tree.nodes.size());
    }

    json_node& add(json_tree& tree, json_kind kind) {
        json_node node;
        node.kind = kind;
        node.first = text_.data() + at_;
        node.place = static_cast<std::uint32_t>(at_);
        node.next = count(tree) + 1;
        tree.nodes.push_back(node);
        return tree.nodes.back();
    }

    void key(json_tree& tree) {
        string_node(tree);
        expect(':');
    }

    void string_node(json_tree& tree) {
        skip_space();
        json_node& node = add(tree, json_kind::string);
        std::size_t end = at_ + 1;
        bool plain = at_ < text_.size() && text_[at_] == '"';
        while (plain && end < text_.size() && text_[end] != '"') {
            const auto code = static_cast<unsigned char>(text_[end++]);
            plain = code >= 0x20 && code < 0x80 && code != '\\';
        }
        if (plain && end < text_.size()) {
            ++node.first;
            node.size = static_cast<std::uint32_t>(end - at_ - 1);
            at_ = end + 1;
        } else {
            const std::string& text = tree.decoded.emplace_back(string());
            node.first = text.data();
            node.size = static_cast<std::uint32_t>(text.size());
        }
    }

    /// Reads a value and returns true, or the beginning of a non-empty container and returns false.
    bool value(json_tree& tree, std::vector<std::uint32_t>& open) {
        const char next = peek();
        if (next == '"') {
            string_node(tree);
        } else if (next == '{' || next == '[') {
            const bool is_object = next == '{';
            const std::uint32_t number = count(tree);
            add(tree, is_object ? json_kind::object : json_kind::array);
            ++at_;
            if (accept(is_object ? '}' : ']')) return true;
            if (open.size() == deepest) fail({"more than ", deepest, " values in one another"});
            open.push_back(number);
            if (is_object) key(tree);
            return false;
        } else if (next == '-' || (next >= '0' && next <= '9')) {
            json_node& node = add(tree, json_kind::number);
            const std::size_t begin = at_;
            number();
            node.size = static_cast<std::uint32_t>(at_ - begin);
        } else {
            json_node& node = add(tree, json_kind::boolean);
            if (accept_word("null")) {
                node.kind = json_kind::null;
            } else if (!accept_word("true") && !accept_word("false")) {
                fail({"expected a value"});
            }
        }
        return true;
    }

    void number() {
        const auto digits = [&] {
            const std::size_t begin = at_;
            while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
            if (at_ == begin) fail({"expected a digit"});
        };
        const auto is_next = [&](std::string_view any) {
            return at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos;
        };
        if (is_next("-")) ++at_;
        const std::size_t first = at_;
        digits();
        if (text_[first] == '0' && at_ - first > 1) fail({"a number starts with 0"});
        if (is_next(".")) {
            ++at_;
            digits();
        }
        if (is_next("eE")) {
            ++at_;
            if (is_next("+-")) ++at_;
            digits();
        }
    }
};

}  // namespace detail

/// A value of a json_document, valid as long as the document. Accessing it as another kind throws
/// io::error with the file, the byte and both kinds.
class json_value {
  public:
    /// The value at node `at` of a tree.
    json_value(const detail::json_tree& tree, std::uint32_t at) noexcept : tree_(&tree), at_(at) {}

    /// The kind of the value.
    json_kind kind() const noexcept { return node().kind; }
    /// Returns true if the value is null.
    bool is_null() const noexcept { return kind() == json_kind::null; }

    /// The decoded characters of a string, valid as long as the document and its text.
    SEQUENT_LAZY std::string_view string() const {
        wanted(json_kind::string);
        return {node().first, node().size};
    }
    /// The value of true or false.
    SEQUENT_LAZY bool boolean() const {
        wanted(json_kind::boolean);
        return *node().first == 't';
    }
    /// The value of a number. Throws io::error if it does not fit into a double.
    SEQUENT_LAZY double number() const {
        wanted(json_kind::number);
        double result = 0;
        const char* const last = node().first + node().size;
        if (std::from_chars(node().first, last, result).ec != std::errc{} || !std::isfinite(result))
            fail({"the number is too large"});
        return result;
    }
    /// The value of an integer from 0 to `largest`. Throws io::error for any other number.
    SEQUENT_LAZY std::uint64_t whole_number(std::uint64_t largest = 0xFFFFFFFFFFFFFFFF) const {
        wanted(json_kind::number);
        std::uint64_t result = 0;
        const char* const last = node().first + node().size;
        const auto [end, reason] = std::from_chars(node().first, last, result);
        if (end != last || reason != std::errc{} || result > largest) {
            fail({"expected a whole number of 0 to ", largest, ", found ",
                  std::string_view(node().first, node().size)});
        }
        return result;
    }

    /// Calls f(element) for each element of an array.
    template <class F>
    void for_each_element(F f) const {
        wanted(json_kind::array);
        for (std::uint32_t at = at_ + 1; at < node().next; at = tree_->nodes[at].next)
            f(json_value(*tree_, at));
    }
    /// Calls f(key, value) for each member of an object.
    template <class F>
    void for_each_member(F f) const {
        wanted(json_kind::object);
        for (std::uint32_t at = at_ + 1; at < node().next; at = tree_->nodes[at + 1].next)
            f(json_value(*tree_, at).string(), json_value(*tree_, at + 1));
    }

    /// Returns true if an object has a member with this key. Throws io::error if the key is
    /// repeated.
    SEQUENT_LAZY bool has(std::string_view key) const { return find(key) != 0; }
    /// The value of a member of an object. Throws io::error if the key is missing or repeated.
    SEQUENT_LAZY json_value operator[](std::string_view key) const {
        const std::uint32_t at = find(key);
        if (at == 0) fail({"lacks \"", key, "\""});
        return {*tree_, at};
    }

    /// Throws io::error with the message `what` after the file and the byte at which the value
    /// begins.
    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({tree_->name, ", byte ", node().place, ": ", joined_text(what)});
    }

  private:
    const detail::json_node& node() const noexcept { return tree_->nodes[at_]; }

    /// The node of a member's value; 0 if there is no such member.
    SEQUENT_LAZY std::uint32_t find(std::string_view wanted_key) const {
        std::uint32_t found = 0;
        for_each_member([&](std::string_view key, json_value value) {
            if (key != wanted_key) return;
            if (found != 0) value.fail({"\"", key, "\" stands twice"});
            found = value.at_;
        });
        return found;
    }

    void wanted(json_kind kind) const {
        static constexpr const char* names[] = {"null",     "true or false", "a number",
                                                "a string", "an array",      "an object"};
        if (node().kind != kind) {
            fail({"expected ", names[static_cast<std::size_t>(kind)], ", found ",
                  names[static_cast<std::size_t>(node().kind)]});
        }
    }

    const detail::json_tree* tree_;
    std::uint32_t at_;
};

/// A parsed JSON text of less than 4 GiB. It refers to the text, which must outlive it.
class json_document {
  public:
    /// Parses the text. Throws io::error, which names `file` and the byte, for text that is not
    /// JSON (RFC 8259), not UTF-8, or nested deeper than 256 containers.
    SEQUENT_LAZY json_document(std::string_view text, std::string file) {
        tree_.name = std::move(file);
        detail::json_tree_reader<>(text, tree_.name).read(tree_);
    }
    json_document(const json_document&) = delete;
    json_document& operator=(const json_document&) = delete;

    /// The outermost value.
    json_value root() const noexcept { return {tree_, 0}; }

  private:
    detail::json_tree tree_;
};

}  // namespace sequent::inline SEQUENT_ABI::io

/// Checkpoints of llama2.c, all little-endian. https://github.com/karpathy/llama2.c
/// Version 0, for run.c: seven int32, then the parameters as F32. Versions 1 and 2: "ak42", the
/// version, the same seven int32, whether the logits are tied, in version 2 the group size, and
/// from byte 256 on the norms and then the matrices. Version 1 stores matrices as F32; version 2,
/// for runq.c, stores for each layer 8-bit integers followed by an F32 scale for each group.
///
/// A model fits if its parameters have the names and extents of sequent::llama's: with d = width,
/// H = heads, G = key_heads and d_h = d / H
///
///     embedding [vocabulary, d], gain [d], and if not tied W_logits [vocabulary, d];
///     for each layer (first extent depth) gain_1, gain_2 [d], W_query [G, H / G, d_h, d], or
///     [H, d_h, d] if G is H, W_key, W_value [G, d_h, d], W_out [d, d], W_gate, W_expand
///     [hidden, d] and W_contract [d, hidden], with "layers." before their names.
///
/// The format does not store functions. run.c computes rotary(i, 10000) of pairs of neighbours, RMS
/// norms with an epsilon of 1e-5, and silu; models that compute anything else are refused.

namespace sequent::inline SEQUENT_ABI::elsewhere {
template <class... Types>
inline constexpr bool includes<header::llama2c, Types...> = true;
}  // namespace sequent::inline SEQUENT_ABI::elsewhere

namespace sequent::inline SEQUENT_ABI::io {

/// The configuration in the header of a checkpoint.
struct llama2c_configuration {
    int width = 0;       ///< width of the residual stream
    int hidden = 0;      ///< width of the feed-forward layers
    int depth = 0;       ///< number of layers
    int heads = 0;       ///< number of query heads
    int key_heads = 0;   ///< number of key and value heads
    int vocabulary = 0;  ///< number of tokens of the vocabulary
    int tokens = 0;      ///< number of positions
    bool tied = true;    ///< the logits use the embedding

    /// Compares all fields.
    friend bool operator==(const llama2c_configuration&, const llama2c_configuration&) = default;

    /// The fields as text:
    /// "width 64, hidden 172, depth 5, heads 8, key_heads 4, vocabulary 512, tokens 512, tied".
    std::string text() const {
        return joined_text({"width ", width, ", hidden ", hidden, ", depth ", depth, ", heads ",
                            heads, ", key_heads ", key_heads, ", vocabulary ", vocabulary,
                            ", tokens ", tokens, tied ? ", tied" : ", not tied"});
    }
};

namespace detail {

inline constexpr std::size_t llama2c_header = 7 * sizeof(std::int32_t);
inline constexpr std::size_t llama2c_long_header = 256;

/// Decodes tensors of version 2: number i is q[i] s[i / group].
SEQUENT_LAZY
inline void decode_groups(const stored_tensor& from, std::uint64_t first, std::uint64_t stride,
                          std::size_t count, double* numbers) {
    const std::byte* const scales = from.data + from.count;
    std::uint64_t number = first;
    for (std::size_t at = 0; at < count; ++at, number += stride) {
        const auto q = static_cast<std::int8_t>(std::to_integer<std::uint8_t>(from.data[number]));
        const std::byte* const scale = scales + number / from.format->count * sizeof(float);
        numbers[at] = q * load_element<double, dtype::f32>(scale);
    }
}
SEQUENT_LAZY
inline void read_group(const stored_tensor& from, std::uint64_t first, std::size_t count,
                       scaled_block& to) {
    const std::byte* const scale =
        from.data + from.count + first / from.format->count * sizeof(float);
    to.scale = load_element<double, dtype::f32>(scale);
    for (std::size_t at = 0; at < count; ++at)
        to.q[at] = static_cast<std::int8_t>(std::to_integer<std::uint8_t>(from.data[first + at]));
}

/// The number formats of checkpoints: F32, and 8-bit groups of each size.
SEQUENT_LAZY inline constexpr number_format llama2c_formats[] = {
    {"F32", 1, 4, true, decode_plain<dtype::f32>},
    {"groups of 1", 1, 5, true, decode_groups<>, read_group<>, 8},
    {"groups of 2", 2, 6, true, decode_groups<>, read_group<>, 8},
    {"groups of 4", 4, 8, true, decode_groups<>, read_group<>, 8},
    {"groups of 8", 8, 12, true, decode_groups<>, read_group<>, 8},
    {"groups of 16", 16, 20, true, decode_groups<>, read_group<>, 8},
    {"groups of 32", 32, 36, true, decode_groups<>, read_group<>, 8},
    {"groups of 64", 64, 68, true, decode_groups<>, read_group<>, 8},
    {"groups of 128", 128, 132, true, decode_groups<>, read_group<>, 8},
    {"groups of 256", 256, 260, true, decode_groups<>, read_group<>, 8},
};

/// A header: configuration, version and, in version 2, the group size.
struct llama2c_form {
    llama2c_configuration configuration;
    int version = 0;
    int group = 0;

    std::size_t header() const noexcept {
        return version == 0 ? llama2c_header : llama2c_long_header;
    }
};

/// Name map of versions 1 and 2, in which each layer of a matrix is a separate tensor.
inline constexpr name_entry llama2c_layers[] = {
    own_names,
    {"layers.W_query", "layers.W_query.{}", as_it_is},
    {"layers.W_key", "layers.W_key.{}", as_it_is},
    {"layers.W_value", "layers.W_value.{}", as_it_is},
    {"layers.W_out", "layers.W_out.{}", as_it_is},
    {"layers.W_gate", "layers.W_gate.{}", as_it_is},
    {"layers.W_contract", "layers.W_contract.{}", as_it_is},
    {"layers.W_expand", "layers.W_expand.{}", as_it_is},
};

/// Describes why a configuration is invalid; empty if it is valid. Within these limits no number of
/// bytes overflows 64 bits.
SEQUENT_LAZY
SEQUENT_COLD std::string problem_of(const llama2c_configuration& given) {
    const auto check = [](const char* field, int value, int most) {
        const bool fits = value > 0 && value <= most;
        return fits
                   ? std::string()
                   : joined_text({field, " is ", value, ", expected is a number from 1 to ", most});
    };
    constexpr int many = 1 << 20;
    for (const std::string& problem :
         {check("width", given.width, many), check("hidden", given.hidden, many),
          check("depth", given.depth, 1 << 12), check("heads", given.heads, many),
          check("key_heads", given.key_heads, many), check("vocabulary", given.vocabulary, 1 << 24),
          check("tokens", given.tokens, 1 << 24)}) {
        if (!problem.empty()) return problem;
    }
    const auto divides = [](const char* name, int value, const char* into, int whole) {
        return joined_text({name, ", ", value, ", do not divide ", into, ", ", whole});
    };
    if (given.width % given.heads != 0) {
        return divides("the heads", given.heads, "the width", given.width);
    }
    if (given.heads % given.key_heads != 0) {
        return divides("the key_heads", given.key_heads, "the heads", given.heads);
    }
    if (given.width / given.heads % 2 != 0) {
        return joined_text(
            {"heads of width ", given.width / given.heads, " have no pairs for rotary positions"});
    }
    return "";
}

/// The tensors in the order of the file, `begin` and `end` in bytes of the file. Entries without a
/// name, the tables of rotary positions, are not read.
SEQUENT_LAZY
SEQUENT_COLD std::vector<header_entry> llama2c_tensors(const llama2c_form& form) {
    const llama2c_configuration& given = form.configuration;
    std::vector<header_entry> result;
    std::uint64_t end = form.header();
    const auto u = [](int extent) { return static_cast<std::uint64_t>(extent); };
    const auto add = [&](std::string_view name, std::vector<std::uint64_t> shape) {
        const std::uint64_t begin = end;
        end += size_of(shape) * sizeof(float);
        result.push_back({std::string(name), "F32", std::move(shape), begin, end});
    };
    const std::uint64_t width = u(given.width), hidden = u(given.hidden), depth = u(given.depth);
    const std::uint64_t keys = u(given.key_heads), of_head = u(given.width / given.heads);
    // Adds a matrix for each layer.
    const auto add_layers = [&](const std::string& name, std::vector<std::uint64_t> shape) {
        if (form.version == 0) {
            shape.insert(shape.begin(), depth);
            add(name, std::move(shape));
        } else {
            for (std::uint64_t layer = 0; layer < depth; ++layer)
                add(joined_text({name, ".", layer}), shape);
        }
    };
    const auto add_attention = [&] {
        if (given.key_heads == given.heads) {
            add_layers("layers.W_query", {keys, of_head, width});
        } else {
            add_layers("layers.W_query", {keys, u(given.heads / given.key_heads), of_head, width});
        }
        add_layers("layers.W_key", {keys, of_head, width});
        add_layers("layers.W_value", {keys, of_head, width});
        add_layers("layers.W_out", {width, width});
    };
    const auto add_hidden = [&] {
        add_layers("layers.W_gate", {hidden, width});
        add_layers("layers.W_contract", {width, hidden});
        add_layers("layers.W_expand", {hidden, width});
    };
    if (form.version == 0) {
        add("embedding", {u(given.vocabulary), width});
        add("layers.gain_1", {depth, width});
        add_attention();
        add("layers.gain_2", {depth, width});
        add_hidden();
        add("gain", {width});
        add("", {2, u(given.tokens), of_head / 2});
    } else {
        add("layers.gain_1", {depth, width});
        add("layers.gain_2", {depth, width});
        add("gain", {width});
        add("embedding", {u(given.vocabulary), width});
        add_attention();
        add_hidden();
    }
    if (!given.tied) add("W_logits", {u(given.vocabulary), width});
    if (form.version != 2) return result;
    // Matrices have one byte for each number, and scales.
    end = llama2c_long_header;
    for (header_entry& entry : result) {
        std::uint64_t bytes = entry.end - entry.begin;
        if (entry.name.find("gain") == std::string::npos) {
            const std::uint64_t numbers = bytes / sizeof(float);
            bytes = numbers + (numbers / u(form.group)) * sizeof(float);
            entry.dtype = joined_text({"groups of ", form.group});
        }
        entry.begin = end;
        entry.end = end += bytes;
    }
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD llama2c_form read_form(const source& from) {
    const std::span<const std::byte> bytes = from.bytes();
    const auto fail = [&](const std::string& what) { fail_with<error>({from.name(), ": ", what}); };
    const auto need = [&](std::size_t header) {
        if (bytes.size() < header) {
            fail(joined_text(
                {"has ", bytes.size(), " bytes, too few for the header, which takes ", header}));
        }
    };
    need(llama2c_header);
    const auto integer = [&](std::size_t at) {
        return static_cast<std::int32_t>(load_bits<std::uint32_t>(&bytes[at]));
    };
    llama2c_form result;
    const bool is_long = integer(0) == 0x616b3432;
    if (is_long) {
        need(llama2c_long_header);
        result.version = integer(4);
        if (result.version != 1 && result.version != 2) {
            fail(joined_text(
                {"is of version ", result.version, " of the format, known are 0, 1 and 2"}));
        }
    }
    std::array<std::int32_t, 7> fields{};
    for (std::size_t at = 0; at < fields.size(); ++at)
        fields[at] = integer(4 * at + (is_long ? 8 : 0));
    llama2c_configuration& configuration = result.configuration;
    configuration = {fields[0], fields[1], fields[2], fields[3],
                     fields[4], fields[5], fields[6], fields[5] > 0};
    if (is_long) {
        const auto tied = std::to_integer<int>(bytes[36]);
        if (tied > 1) fail(joined_text({"header: tied is ", tied, ", expected is 0 or 1"}));
        configuration.tied = tied == 1;
    } else if (configuration.vocabulary < 0) {
        // The least integer has no negative; it is as invalid a size as 0.
        configuration.vocabulary = configuration.vocabulary == std::numeric_limits<int>::min()
                                       ? 0
                                       : -configuration.vocabulary;
    }
    if (const std::string problem = problem_of(configuration); !problem.empty())
        fail("header: " + problem);
    if (result.version != 2) return result;
    result.group = static_cast<std::int32_t>(load_bits<std::uint32_t>(&bytes[37]));
    if (result.group < 1 || result.group > 256 || (result.group & (result.group - 1)) != 0) {
        fail(joined_text({"header: the size of a group is ", result.group,
                          ", expected is a power of two from 1 to 256"}));
    }
    for (const int row : {configuration.width, configuration.hidden}) {
        if (row % result.group != 0) {
            fail(joined_text({"header: groups of ", result.group, " do not divide rows of ", row}));
        }
    }
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD llama2c_configuration read_configuration(const source& from) {
    return read_form(from).configuration;
}

SEQUENT_LAZY
SEQUENT_COLD void erase_unnamed(std::vector<header_entry>& tensors) {
    for (std::size_t at = tensors.size(); at-- > 0;)
        if (tensors[at].name.empty())
            tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(at));
}

/// A checkpoint as a file of named tensors. Throws io::error if its size does not match its header.
SEQUENT_LAZY
SEQUENT_COLD tensor_file open_llama2c(const source& from, const llama2c_form& form) {
    tensor_file result{from.name(), {llama2c_tensors(form), {}}, {{from, 0}}, llama2c_formats<>};
    const std::uint64_t wanted = result.header.tensors.back().end;
    if (from.bytes().size() != wanted) {
        const std::string kind =
            form.version == 0 ? "" : joined_text({" of version ", form.version});
        fail_with<error>({from.name(), ": has ", from.bytes().size(), " bytes, a checkpoint", kind,
                          " of ", form.configuration.text(), " has ", wanted});
    }
    erase_unnamed(result.header.tensors);
    return result;
}

/// The configuration of a model's parameters; `vocabulary` is 0 if they are not those of a llama.
SEQUENT_LAZY
SEQUENT_COLD llama2c_configuration configuration_of(const std::vector<any_tensor>& parameters,
                                                    int tokens) {
    llama2c_configuration result{.tokens = tokens};
    for (const auto& parameter : parameters) {
        const auto extent = [&](int axis) {
            return axis < parameter.view.rank
                       ? parameter.view.extents[static_cast<std::size_t>(axis)]
                       : 0;
        };
        if (parameter.name == "embedding") {
            result.vocabulary = extent(0);
            result.width = extent(1);
        } else if (parameter.name == "layers.W_query") {
            result.heads = parameter.view.rank == 5 ? extent(1) * extent(2) : extent(1);
        } else if (parameter.name == "layers.W_key") {
            result.key_heads = extent(1);
        } else if (parameter.name == "layers.W_gate") {
            result.depth = extent(0);
            result.hidden = extent(1);
        } else if (parameter.name == "W_logits") {
            result.tied = false;
        }
    }
    if (!problem_of(result).empty()) result.vocabulary = 0;
    return result;
}

/// The number of positions of a model: the first extent of its first fact.
template <class Model>
constexpr int tokens_of = Model::plan::facts[0].extents[0];

/// Describes why a model's parameters do not match a configuration; empty if they do.
SEQUENT_LAZY
SEQUENT_COLD std::string misfit(const llama2c_configuration& configuration,
                                const std::vector<any_tensor>& parameters) {
    tensor_file file{"", {llama2c_tensors({configuration}), {}}, {}, llama2c_formats<>};
    erase_unnamed(file.header.tensors);
    return match(file, parameters).problem;
}

/// A checkpoint, its tensors matched with a model's parameters, and its configuration.
struct llama2c_match {
    tensor_file file;
    matching found;
    llama2c_configuration configuration;
};

/// Matches a checkpoint with a model's parameters. `unlike` describes what the model computes
/// differently from llama2.c, `tokens` is its number of positions. Throws io::error if the model is
/// different or has more positions than the checkpoint. Numbers of version 2 are rounded to the
/// parameters' type.
SEQUENT_LAZY
SEQUENT_COLD llama2c_match match_llama2c(const source& from, const std::vector<any_tensor>& tensors,
                                         const std::string& unlike, int tokens) {
    const llama2c_form form = read_form(from);
    llama2c_match result{open_llama2c(from, form), {}, form.configuration};
    if (!unlike.empty()) fail_with<error>({from.name(), ": ", unlike});
    if (form.configuration.tokens < tokens) {
        fail_with<error>({from.name(), ": is for ", form.configuration.tokens,
                          " tokens, the model has ", tokens});
    }
    result.found = form.version == 0 ? match(result.file, tensors)
                                     : match(result.file, tensors, llama2c_layers, {{true, 0}, {}});
    return result;
}

SEQUENT_LAZY
SEQUENT_COLD llama2c_configuration load_as_llama2c(const source& from,
                                                   const std::vector<any_tensor>& tensors,
                                                   const std::string& unlike, int tokens) {
    const llama2c_match made = match_llama2c(from, tensors, unlike, tokens);
    load_all(made.file, made.found);
    return made.configuration;
}

SEQUENT_LAZY
SEQUENT_COLD void save_as_llama2c(const file_path& path, const std::vector<any_tensor>& given,
                                  const std::string& unlike, int tokens) {
    const auto configuration = configuration_of(given, tokens);
    if (configuration.vocabulary == 0) {
        fail_with<error>(
            {path.string(), ": the model is no llama: it is seen as ", configuration.text()});
    }
    if (!unlike.empty()) fail_with<error>({path.string(), ": ", unlike});
    std::vector<header_entry> entries = llama2c_tensors({configuration});
    std::vector<std::byte> bytes(static_cast<std::size_t>(entries.back().end));
    if (const auto problem = misfit(configuration, given); !problem.empty()) {
        fail_with<error>({path.string(), ": the model is no llama: ", problem});
    }
    const int sign = configuration.tied ? 1 : -1;
    const std::array<int, 7> fields{configuration.width,     configuration.hidden,
                                    configuration.depth,     configuration.heads,
                                    configuration.key_heads, sign * configuration.vocabulary,
                                    configuration.tokens};
    for (std::size_t at = 0; at < fields.size(); ++at) {
        store_bits(static_cast<std::uint32_t>(fields[at]), &bytes[4 * at]);
    }
    for (const header_entry& entry : entries) {
        std::byte* data = bytes.data() + entry.begin;
        if (entry.name.empty()) {
            // cos(t f), then sin(t f), for each position t and the frequencies f of a head.
            const std::uint64_t pairs = entry.shape[2], count = entry.shape[1] * pairs;
            for (std::uint64_t at = 0; at < count; ++at) {
                const double exponent =
                    static_cast<double>(at % pairs) / static_cast<double>(pairs);
                const double angle = static_cast<double>(at / pairs) * std::pow(1e4, -exponent);
                store_element<dtype::f32>(std::cos(angle), data + 4 * at);
                store_element<dtype::f32>(std::sin(angle), data + 4 * (count + at));
            }
            continue;
        }
        for (const auto& tensor : given) {
            if (tensor.name != entry.name) continue;
            store_piece(whole(tensor.view, 0), dtype::f32, data, path.string(), entry.name);
        }
    }
    file_replacement file(path);
    file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    file.commit();
}

}  // namespace detail

/// Reads the header of a checkpoint. Throws io::error if the file is not a checkpoint or its size
/// does not match its header.
SEQUENT_LAZY
SEQUENT_COLD llama2c_configuration read_llama2c_header(const source& from) {
    const detail::llama2c_form form = detail::read_form(from);
    (void)detail::open_llama2c(from, form);
    return form.configuration;
}

/// Fills a model's parameters, float or double, from a checkpoint of any version and returns its
/// configuration. The model may have fewer positions than the checkpoint, but not more.
///
/// Throws io::error if the file is not a checkpoint of this model or a number is not finite; the
/// parameters are then unchanged.
template <class Model, class Parameters>
llama2c_configuration load_llama2c(const source& from, Parameters& parameters) {
    return detail::load_as_llama2c(from, detail::tensors_of<Model>(parameters),
                                   detail::unlike_llama2c<Model>(), detail::tokens_of<Model>);
}

/// Writes a model's parameters to a new checkpoint of version 0, in F32, which then replaces
/// `path`.
///
/// Throws io::error if the file cannot be written, if the format cannot represent the model, or if
/// a number is not finite or too large for F32.
template <class Model, class Parameters>
void save_llama2c(const file_path& path, const Parameters& parameters) {
    detail::save_as_llama2c(path, detail::tensors_of<Model>(parameters),
                            detail::unlike_llama2c<Model>(), detail::tokens_of<Model>);
}

}  // namespace sequent::inline SEQUENT_ABI::io

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

/// Selects the type of the model at run time by the shapes in a file:
///
///     io::visit<Small, Large>("model.bin", [&]<class Model>() { run<Model>(); });

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// Names and extents of a model's parameters, without data.
template <class Model>
std::vector<any_tensor> shapes_of() {
    std::vector<any_tensor> result;
    Model::for_each_shape([&](std::string_view name, std::span<const int> extents) {
        any_view view;
        view.type = dtype::f64;
        view.rank = static_cast<int>(extents.size());
        for (std::size_t axis = 0; axis < extents.size(); ++axis)
            view.extents[axis] = extents[axis];
        result.push_back({std::string(name), view});
    });
    return result;
}

/// Returns true if the bytes begin like a safetensors file, whose header is a JSON object. In a
/// checkpoint of llama2.c, these bytes state the depth, which would exceed 8000 layers.
SEQUENT_LAZY
inline bool is_safetensors(std::span<const std::byte> bytes) {
    return bytes.size() > 9 && bytes[8] == std::byte{'{'} &&
           (bytes[9] == std::byte{'"'} || bytes[9] == std::byte{'}'} || bytes[9] == std::byte{' '});
}

/// Describes why a model does not fit a checkpoint of llama2.c; empty if it fits.
template <class Model>
std::string misfit(const llama2c_configuration& configuration) {
    const std::vector<any_tensor> parameters = shapes_of<Model>();
    const auto own = configuration_of(parameters, tokens_of<Model>);
    if (own.vocabulary == 0) return "no llama";
    if (const std::string problem = unlike_llama2c<Model>(); !problem.empty()) return problem;
    return own == configuration ? misfit(configuration, parameters) : own.text();
}

template <class Model>
std::string misfit(const tensor_file& file, const name_map* names) {
    const std::vector<any_tensor> parameters = shapes_of<Model>();
    return names ? match(file, parameters, *names, layout_of<Model>()).problem
                 : match(file, parameters).problem;
}

template <class Model, class... Models, class F>
decltype(auto) call_for(std::size_t number, F&& f) {
    if constexpr (sizeof...(Models) > 0) {
        if (number > 0) return call_for<Models...>(number - 1, std::forward<F>(f));
    }
    return std::forward<F>(f).template operator()<Model>();
}

/// The index of the first model without a misfit. Throws io::error if there is none.
SEQUENT_LAZY
inline std::size_t first_fit(std::string_view file, const std::string& found,
                             std::span<const std::string> misfits) {
    std::string message = joined_text({file, ": ", found, "; no model of the list fits"});
    for (std::size_t at = 0; at < misfits.size(); ++at) {
        if (misfits[at].empty()) return at;
        append_text(message, {"\n  model ", at + 1, ": ", misfits[at]});
    }
    sequent::fail<error>(message);
}

template <class... Models, class F>
decltype(auto) visit_tensors(const tensor_file& file, const name_map* names, F&& f) {
    const std::array<std::string, sizeof...(Models)> misfits{misfit<Models>(file, names)...};
    const std::size_t fitting = first_fit(
        file.name, joined_text({"has ", file.header.tensors.size(), " tensors"}), misfits);
    return call_for<Models...>(fitting, std::forward<F>(f));
}

template <class... Models, class F>
decltype(auto) visit_with(const source& from, const name_map* names, F&& f) {
    if (is_safetensors(from.bytes()))
        return visit_tensors<Models...>(open_safetensors(from), names, std::forward<F>(f));
    const auto configuration = read_llama2c_header(from);
    const std::array<std::string, sizeof...(Models)> misfits{misfit<Models>(configuration)...};
    const std::size_t fitting = first_fit(from.name(), "has " + configuration.text(), misfits);
    return call_for<Models...>(fitting, std::forward<F>(f));
}

}  // namespace detail

/// Calls `f.template operator()<Model>()` for the first of the models that has exactly the
/// parameters of a file, and returns the result. The file is a safetensors file or one that a
/// reader of another format has opened, with the model's own names or those of `names`; or a
/// checkpoint of llama2.c, whose number of positions must match, too. If `names` lets a file fit
/// models with fewer positions, list the model with the most positions first.
///
/// Throws io::error if the file has another format or no model fits; the message states what the
/// file has and how each model differs.
template <class Model, class... Models, class F>
decltype(auto) visit(const source& from, F&& f) {
    return detail::visit_with<Model, Models...>(from, nullptr, std::forward<F>(f));
}
/// As above, with the tensor names of `names`.
template <class Model, class... Models, class F>
decltype(auto) visit(const source& from, name_map names, F&& f) {
    return detail::visit_with<Model, Models...>(from, &names, std::forward<F>(f));
}

/// As above, for a file that a reader has opened.
template <class Model, class... Models, class F>
decltype(auto) visit(const tensor_file& from, F&& f) {
    return detail::visit_tensors<Model, Models...>(from, nullptr, std::forward<F>(f));
}
/// As above, for a file that a reader has opened, with the tensor names of `names`.
template <class Model, class... Models, class F>
decltype(auto) visit(const tensor_file& from, name_map names, F&& f) {
    return detail::visit_tensors<Model, Models...>(from, &names, std::forward<F>(f));
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_IO_HPP
