#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
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
#include "functions.hpp"
#include "name_map.hpp"
#include "path.hpp"
#include "replace_file.hpp"
#include "safetensors.hpp"
#include "source.hpp"

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
