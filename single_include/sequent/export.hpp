// Sequent 0.2.0: export.hpp as a single header, made by single_include/amalgamate.py
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

#ifndef SEQUENT_SINGLE_EXPORT_HPP
#define SEQUENT_SINGLE_EXPORT_HPP

#include "draw.hpp"
#include "formats.hpp"
#include "packed.hpp"

/// Writes models for other software: GGUF files, and compiled RASP programs for PyTorch; measures
/// what noise on its weights a compiled RASP program bears, and projects it to fewer directions.

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

#include <variant>

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
    for (std::size_t at = 0; at < metadata.size(); ++at) {
        const gguf_pair& each = metadata[at];
        for (std::size_t before = 0; before < at; ++before)
            if (metadata[before].key == each.key)
                fail_with<error>({name, ": the key ", in_quotes(each.key), " stands twice"});
        const auto* const alignment = std::get_if<std::uint32_t>(&each.value);
        if (each.key == "general.alignment" && (!alignment || *alignment != 32))
            fail_with<error>({name,
                              ": \"general.alignment\" is not the uint32 32, to which tensors are "
                              "written"});
    }
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
    detail::for_each_function<Model>([&](const plan::transformation_use& use) {
        if (use.scaling.kind == rotary_scaling::rule::llama3)
            fail_with<error>(
                {path.string(),
                 ": the model scales rotary positions by "
                 "scaling::llama3, whose tensor \"rope_freqs.weight\" is not written"});
    });
    detail::save_as_gguf(path,
                         detail::plan_mapped(path, detail::tensors_of<Model>(parameters), names,
                                             detail::layout_of<Model>()),
                         metadata, type);
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// How much noise on its weights a compiled program bears.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The share of positions whose output noise changes.
struct noise_point {
    double noise = 0;    ///< standard deviation, relative to each weight
    double changed = 0;  ///< share of the positions of the inputs
};
/// The effect of noise on the weights: each weight w that is not zero becomes w (1 + noise n), n
/// normal with mean 0 and standard deviation 1.
struct noise_margin {
    /// The greatest noise that changes no output, to 5 %; 0 if 1e-12 changes one.
    double greatest = 0;
    /// Points of noise from a power of ten below the greatest harmless one to 1, eight to a decade.
    std::vector<noise_point> curve;
};

namespace compiling {

/// A compiled program on some inputs. Its output without noise is the reference.
class noisy_program {
  public:
    SEQUENT_COLD noisy_program(const sizes& size, std::span<const weight_entry> entries,
                               std::span<const value> alphabet, std::span<const value> classes,
                               const std::vector<sequence>& inputs)
        : size_(size), entries_(entries), alphabet_(alphabet), classes_(classes), inputs_(&inputs) {
        const plain_transformer plain(size, entries);
        for (const sequence& each : inputs) expected_.push_back(output(plain, each));
    }

    /// The share of positions that the weights of a transformer of the same alphabet and classes
    /// change.
    SEQUENT_COLD double changed_by(const plain_transformer& other) const {
        double changed = 0;
        double all = 0;
        for (std::size_t at = 0; at < inputs_->size(); ++at) {
            const sequence found = output(other, (*inputs_)[at]);
            for (int position = 0; position < found.size(); ++position)
                changed += found[position] == expected_[at][position] ? 0 : 1;
            all += found.size();
        }
        return changed / all;
    }
    /// The share of positions that noise changes, over `draws` draws.
    SEQUENT_COLD double changed_by(double noise, int draws, std::uint64_t seed) const {
        random_numbers random(seed);
        double changed = 0;
        for (int draw = 0; draw < draws; ++draw) {
            std::vector<weight_entry> noisy(entries_.begin(), entries_.end());
            for (weight_entry& each : noisy) each.number *= 1 + noise * random.normal();
            changed += changed_by(plain_transformer(size_, noisy));
        }
        return changed / draws;
    }

  private:
    sizes size_;
    std::span<const weight_entry> entries_;
    std::span<const value> alphabet_;
    std::span<const value> classes_;
    const std::vector<sequence>* inputs_;
    std::vector<sequence> expected_;

    SEQUENT_COLD sequence output(const plain_transformer& of, const sequence& input) const {
        const auto logits = of.run(encode(input, size_, alphabet_), input.size() + 1).logits;
        return decode(
            [&](int position, std::size_t each) {
                return logits[static_cast<std::size_t>(position)][each];
            },
            input.size(), classes_, size_.denominator);
    }
};

SEQUENT_COLD inline noise_margin margin_of(const noisy_program& of, int draws, std::uint64_t seed) {
    noise_margin result;
    double low = 1e-12;
    double high = 1;
    if (of.changed_by(low, draws, seed) == 0) {
        while (high / low > 1.05) {
            const double middle = std::sqrt(low * high);
            (of.changed_by(middle, draws, seed) > 0 ? high : low) = middle;
        }
        result.greatest = low;
    }
    for (int eighth = 8 * static_cast<int>(std::floor(std::log10(low))); eighth <= 0; ++eighth) {
        const double noise = std::pow(10.0, eighth / 8.0);
        result.curve.push_back({noise, of.changed_by(noise, draws, seed)});
    }
    return result;
}

}  // namespace compiling

/// The noise on the weights of a compiled program that changes no output for the inputs, over
/// `draws` draws of noise.
template <class Compiled>
SEQUENT_COLD noise_margin measure_margin(const std::vector<sequence>& inputs, int draws = 10,
                                         std::uint64_t seed = 1) {
    return compiling::margin_of(
        compiling::noisy_program(Compiled::size, Compiled::entries(), Compiled::alphabet(),
                                 Compiled::classes(), inputs),
        draws, seed);
}

/// The share of changed positions over the noise, on a logarithmic scale, with the margin.
SEQUENT_COLD inline draw::svg picture_of(const noise_margin& shown, std::string_view title) {
    constexpr double left = 60, top = 50, width = 480, height = 200;
    constexpr auto dark = "#1f2933";
    constexpr auto quiet = "#616e7c";
    draw::svg result(left + width + 40, top + height + 70);
    result.rectangle(0, 0, left + width + 40, top + height + 70, "#ffffff");
    result.text(20, 28, title, 15, dark, "font-weight=\"bold\"");
    const int decades =
        shown.curve.empty() ? 1 : static_cast<int>(-std::log10(shown.curve.front().noise) + 0.5);
    const auto x_of = [&](double noise) {
        return left + width * (1 + std::log10(noise) / decades);
    };
    const auto y_of = [&](double share) { return top + height * (1 - share); };
    const auto move = [](const char* how, double x, double y) {
        return how + draw::svg::number(x) + " " + draw::svg::number(y);
    };
    for (int part = 0; part <= 4; ++part) {
        const double y = y_of(part / 4.0);
        result.line(move("M", left, y) + move("L", left + width, y), "#d9dee4", 1);
        result.text(left - 8, y + 4, std::to_string(25 * part) + " %", 11, quiet,
                    "text-anchor=\"end\"");
    }
    for (int decade = 0; decade <= decades; ++decade)
        result.text(left + width * decade / decades, top + height + 18,
                    draw::numbered("1e-", static_cast<std::size_t>(decades - decade)), 11, quiet,
                    "text-anchor=\"middle\"");
    result.text(left + width / 2, top + height + 38, "standard deviation, relative to each weight",
                12, dark, "text-anchor=\"middle\"");
    std::string curve;
    for (const noise_point& each : shown.curve)
        curve += move(curve.empty() ? "M" : "L", x_of(each.noise), y_of(each.changed));
    result.line(curve, "#2563a8", 2);
    if (shown.greatest > 0) {
        const double x = std::clamp(x_of(shown.greatest), left, left + width);
        result.line(move("M", x, top) + move("L", x, top + height), "#b45309", 1.5);
        result.text(x + 6, top + 12, "no output changes up to " + number_text(shown.greatest, 2),
                    12, "#b45309");
    }
    result.text(left, top + height + 58, "share of positions with another output", 12, "#2563a8");
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Compiled programs with a narrower residual stream (arXiv 2301.05062, section 5, where the
/// projection is learned; here it is computed).

namespace sequent::inline SEQUENT_ABI::rasp {

/// A compiled program whose residual stream is projected to an orthonormal basis of what occurs in
/// it.
struct compressed_program {
    /// The sizes, with the new width.
    compiling::sizes size;
    /// The weights that are not zero.
    std::vector<compiling::weight_entry> entries;
    /// The greatest Euclidean length that a stream of the inputs loses.
    double loss = 0;
    /// The share of positions of the inputs with another output.
    double changed = 0;
};

namespace compiling {

/// An orthonormal basis of vectors, by the Gram-Schmidt method: each step takes the vector with the
/// greatest rest, until it is below a tolerance or there are `most`.
class stream_basis {
  public:
    std::vector<std::vector<double>> vectors;
    double loss = 0;

    SEQUENT_COLD stream_basis(std::vector<std::vector<double>> of, int most, double tolerance) {
        for (;;) {
            std::size_t longest = 0;
            loss = 0;
            for (std::size_t at = 0; at < of.size(); ++at)
                if (const double length = std::sqrt(dot(of[at], of[at])); length > loss) {
                    loss = length;
                    longest = at;
                }
            if (loss < tolerance || static_cast<int>(vectors.size()) == most) return;
            std::vector<double> unit = of[longest];
            // Once more against the basis, for the errors of rounding.
            for (const std::vector<double>& each : vectors) add(unit, each, -dot(unit, each));
            const double length = std::sqrt(dot(unit, unit));
            for (double& each : unit) each /= length;
            for (std::vector<double>& each : of) add(each, unit, -dot(each, unit));
            vectors.push_back(std::move(unit));
        }
    }

  private:
    static double dot(const std::vector<double>& left, const std::vector<double>& right) {
        double sum = 0;
        for (std::size_t at = 0; at < left.size(); ++at) sum += left[at] * right[at];
        return sum;
    }
    static void add(std::vector<double>& to, const std::vector<double>& more, double factor) {
        for (std::size_t at = 0; at < to.size(); ++at) to[at] += factor * more[at];
    }
};

/// True if the rows of a weight are the residual stream, false if its columns are.
constexpr bool is_of_rows(weight_name name) {
    return name == weight_name::W_out || name == weight_name::b_out ||
           name == weight_name::W_contract || name == weight_name::b_contract;
}
/// True for the biases that the residual stream does not occur in.
constexpr bool is_apart(weight_name name) {
    return name == weight_name::b_query || name == weight_name::b_key ||
           name == weight_name::b_value || name == weight_name::b_expand ||
           name == weight_name::b_logits;
}

SEQUENT_COLD inline std::vector<weight_entry> project(
    std::span<const weight_entry> entries, const sizes& from, const sizes& to,
    const std::vector<std::vector<double>>& basis) {
    std::vector<weight_entry> result;
    std::array<std::vector<double>, 16> sums;
    for (const weight_entry& each : entries) {
        if (is_apart(each.name)) {
            result.push_back(each);
            continue;
        }
        const weight_shape before = shape_of(each.name, from);
        const weight_shape after = shape_of(each.name, to);
        std::vector<double>& sum = sums[static_cast<std::size_t>(each.name)];
        sum.resize(static_cast<std::size_t>(after.rows * after.columns *
                                            (after.is_stacked ? from.layers : 1)));
        const int layer = each.element / (before.rows * before.columns);
        const int element = each.element % (before.rows * before.columns);
        const int row = element / before.columns;
        const int column = element % before.columns;
        for (int at = 0; at < to.width; ++at) {
            const bool rows = is_of_rows(each.name);
            const double share =
                basis[static_cast<std::size_t>(at)][static_cast<std::size_t>(rows ? row : column)];
            const int place = layer * after.rows * after.columns +
                              (rows ? at : row) * after.columns + (rows ? column : at);
            sum[static_cast<std::size_t>(place)] += each.number * share;
        }
    }
    for (std::size_t name = 0; name < sums.size(); ++name)
        for (std::size_t at = 0; at < sums[name].size(); ++at)
            if (sums[name][at] != 0)
                result.push_back(
                    {static_cast<weight_name>(name), static_cast<int>(at), sums[name][at]});
    return result;
}

SEQUENT_COLD inline compressed_program compress(const sizes& size,
                                                std::span<const weight_entry> entries,
                                                std::span<const value> alphabet,
                                                std::span<const value> classes,
                                                const std::vector<sequence>& inputs, int width) {
    const plain_transformer plain(size, entries);
    std::vector<std::vector<double>> streams;
    for (const sequence& each : inputs)
        (void)plain.run(encode(each, size, alphabet), each.size() + 1, &streams);
    const stream_basis basis(std::move(streams), width > 0 ? width : size.width, 1e-10);
    compressed_program result;
    result.size = size;
    result.size.width = static_cast<int>(basis.vectors.size());
    result.loss = basis.loss;
    result.entries = project(entries, size, result.size, basis.vectors);
    result.changed = noisy_program(size, entries, alphabet, classes, inputs)
                         .changed_by(plain_transformer(result.size, result.entries));
    return result;
}

}  // namespace compiling

/// The program with a residual stream of as many directions as occur for the inputs, or of `width`
/// directions, which loses something.
template <class Compiled>
SEQUENT_COLD compressed_program compress(const std::vector<sequence>& inputs, int width = 0) {
    return compiling::compress(Compiled::size, Compiled::entries(), Compiled::alphabet(),
                               Compiled::classes(), inputs, width);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

/// Compiled programs for other software: weights with a Python file that runs them in PyTorch, and
/// the layers of a program as JSON.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

SEQUENT_COLD inline std::string in_json(std::string_view text) {
    std::string result = "\"";
    for (const char each : text) {
        if (static_cast<unsigned char>(each) < 0x20) {
            constexpr std::string_view digits = "0123456789abcdef";
            result += "\\u00";
            result += digits[static_cast<unsigned char>(each) >> 4];
            result += digits[static_cast<unsigned char>(each) & 15];
            continue;
        }
        if (each == '"' || each == '\\') result += '\\';
        result += each;
    }
    return result + "\"";
}
/// The value as a Python literal.
SEQUENT_COLD inline std::string python_of(const value& of) {
    if (of.is_missing()) return "None";
    if (of.kind() == type::symbol) return in_json(of.text());
    if (of.kind() == type::boolean) return of.truth() ? "True" : "False";
    const rational number = of.number();
    if (number.is_whole()) return of.text();
    return joined_text({"Fraction(", static_cast<long long>(number.over), ", ",
                        static_cast<long long>(number.under), ")"});
}
SEQUENT_COLD inline std::string python_of(std::span<const value> values) {
    std::string result = "[";
    for (const value& each : values) result += (result.size() > 1 ? ", " : "") + python_of(each);
    return result + "]";
}

inline constexpr const char* pytorch_program = R"(
class Transformer(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = bytearray(file.read())
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                numbers = torch.frombuffer(data[begin:end], dtype=torch.float64)
                setattr(self, name, torch.nn.Parameter(numbers.reshape(entry["shape"])))

    def forward(self, numbers):  # of tokens: the start, which is 0, and an input
        count = len(numbers)
        x = self.embedding[torch.tensor(numbers)] + self.position[:count]
        width = x.shape[1]

        def heads(name, layer):
            weight = getattr(self, "W_" + name)[layer].reshape(-1, width)
            bias = getattr(self, "b_" + name)[layer].reshape(-1)
            return (x @ weight.T + bias).reshape(count, HEADS, -1).transpose(0, 1)

        for layer in [*range(LAYERS)] * ROUNDS:
            scores = heads("query", layer) @ heads("key", layer).transpose(1, 2)
            if CAUSAL:
                later = torch.ones(count, count, dtype=torch.bool).triu(1)
                scores = scores.masked_fill(later, float("-inf"))
            attended = (scores.softmax(-1) @ heads("value", layer)).transpose(0, 1)
            weight = self.W_out[layer].reshape(width, -1)
            x = x + attended.reshape(count, -1) @ weight.T + self.b_out[layer]
            hidden = (x @ self.W_expand[layer].T + self.b_expand[layer]).relu()
            x = x + hidden @ self.W_contract[layer].T + self.b_contract[layer]
        return x @ self.W_logits.T + self.b_logits

def run(model, tokens):
    """What the program gives for a list of tokens."""
    step = len(ALPHABET) if PAIRS else 0
    numbers = [1 + ALPHABET.index(token) + at * step for at, token in enumerate(tokens)]
    logits = model([0] + numbers)[1:]
    if DENOMINATOR:
        return [Fraction(number).limit_denominator(DENOMINATOR) for number in logits[:, 0].tolist()]
    return [CLASSES[at] for at in logits.argmax(1).tolist()]

if __name__ == "__main__":
    print(run(Transformer(sys.argv[1]), [type(ALPHABET[0])(token) for token in sys.argv[2:]]))
)";

SEQUENT_COLD inline std::string pytorch_text(const compiling::sizes& size,
                                             std::span<const value> alphabet,
                                             std::span<const value> classes) {
    const auto truth = [](bool of) { return of ? "True" : "False"; };
    return joined_text(
        {"\"\"\"A compiled RASP program: python this.py weights.safetensors TOKEN ...\"\"\"\n"
         "import json, struct, sys\nfrom fractions import Fraction\n\nimport torch\n\n"
         "LAYERS, HEADS, ROUNDS = ",
         size.layers, ", ", size.heads, ", ", size.rounds, "\nALPHABET = ", python_of(alphabet),
         "\nCLASSES = ", python_of(classes),
         "\nPAIRS, CAUSAL, DENOMINATOR = ", truth(size.embeds_pairs), ", ", truth(size.is_causal),
         ", ", size.denominator, "\n\n", pytorch_program});
}

SEQUENT_COLD inline void save_text(const std::string& path, const std::string& text) {
    io::file_replacement file(path);
    file.write(text.data(), text.size());
    file.commit();
}

}  // namespace detail

/// Writes `path`.safetensors, the weights of a compiled program as doubles, and `path`.py, which
/// runs them in PyTorch: `run(Transformer("x.safetensors"), list("hello"))`. Throws io::error.
template <class Compiled>
SEQUENT_COLD void save_pytorch(const std::string& path) {
    const compiling::sizes& size = Compiled::size;
    const char* const names[]{"embedding",  "position",   "W_query",  "b_query",
                              "W_key",      "b_key",      "W_value",  "b_value",
                              "W_out",      "b_out",      "W_expand", "b_expand",
                              "W_contract", "b_contract", "W_logits", "b_logits"};
    const double* const numbers = Compiled::template weights<double>().data();
    std::vector<io::named_tensor<const double>> tensors;
    for (std::size_t at = 0; at < std::size(names); ++at)
        tensors.push_back(
            {names[at], Compiled::view_of(static_cast<compiling::weight_name>(at), numbers)});
    io::save(path + ".safetensors", tensors);
    detail::save_text(path + ".py",
                      detail::pytorch_text(size, Compiled::alphabet(), Compiled::classes()));
}

/// The layers of a program as JSON: for each layer its heads, what each selects and aggregates, and
/// the named pointwise functions that are computed after them.
template <const auto& Program>
SEQUENT_COLD std::string layers_as_json() {
    const graph& program = detail::compilable<Program>();
    const program_analysis& analysed = detail::analysis_of_compilable<Program>();
    std::string result =
        "{\"program\": " + detail::in_json(text_of(program, program.output, false)) +
        ", \"layers\": [";
    for (int layer = 1; layer <= analysed.layers; ++layer) {
        result += layer > 1 ? ",\n  {\"heads\": [" : "\n  {\"heads\": [";
        int count = 0;
        for (const head& each : analysed.all_heads) {
            if (each.layer != layer) continue;
            result += (count++ > 0 ? ", " : "") +
                      ("{\"selector\": " + detail::in_json(text_of(program, each.selector, false)) +
                       ", \"gathers\": [");
            int gathered = 0;
            for (int at = 0; at < program.size(); ++at)
                if (gathers(program[at].what) && program[at].arguments[0] == each.selector &&
                    analysed.layer_of[static_cast<std::size_t>(at)] == layer)
                    result +=
                        (gathered++ > 0 ? ", " : "") + detail::in_json(text_of(program, at, false));
            result += "]}";
        }
        result += "], \"computes\": [";
        count = 0;
        for (int at = 0; at < program.size(); ++at)
            if (is_pointwise(program[at].what) &&
                analysed.layer_of[static_cast<std::size_t>(at)] == layer &&
                (program[at].name.length > 0 || at == program.output))
                result += (count++ > 0 ? ", " : "") +
                          ("{\"name\": " + detail::in_json(text_of(program, at)) +
                           ", \"is\": " + detail::in_json(text_of(program, at, false)) + "}");
        result += "]}";
    }
    return result + "\n]}\n";
}

}  // namespace sequent::inline SEQUENT_ABI::rasp

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

#endif  // SEQUENT_SINGLE_EXPORT_HPP
