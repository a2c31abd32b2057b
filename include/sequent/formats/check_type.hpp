#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../io/error.hpp"
#include "../io/functions.hpp"
#include "../joined_text.hpp"
#include "../nn/arguments.hpp"
#include "model_description.hpp"

/// Compares a preset with what a file states of its model, field by field, including what no
/// tensor's shape shows: the epsilon of norms, the base of rotary positions, the activation.
///
///     io::check_type<Model>(io::describe("config.json"));

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// A mask as `describe` writes it; empty if it writes none of this kind.
template <class Mask>
inline constexpr int window_of = -1;
template <int Width>
inline constexpr int window_of<mask::window<Width>> = Width;
template <int Width>
inline constexpr int window_of<mask::around<Width>> = Width;
template <class Mask>
inline constexpr bool looks_around = false;
template <int Width>
inline constexpr bool looks_around<mask::around<Width>> = true;

/// An option of a preset as `describe` writes it; empty if it is not compared.
template <class Model>
std::string option_of(std::string_view name) {
    constexpr nn::shape of = Model::shape;
    const auto number = [&](int value) { return joined_text({name, "<", value, ">"}); };
    const auto truth = [&](bool value) {
        return joined_text({name, value ? "<true>" : "<false>"});
    };
    if (name == "vocabulary") return number(of.vocabulary);
    if (name == "tokens") return number(of.tokens);
    if (name == "source_tokens") return number(of.source_tokens);
    if (name == "width") return number(of.width);
    if (name == "heads") return number(of.heads);
    if (name == "key_heads") return number(of.key_heads);
    if (name == "head_width") return number(of.head_width);
    if (name == "hidden") return number(of.hidden);
    if (name == "depth") return number(of.depth);
    if (name == "source_depth") return number(of.source_depth);
    if (name == "embedding_width") return number(of.embedding_width);
    if (name == "score_width") return number(of.score_width > 0 ? of.score_width : of.head_width);
    if (name == "score_cap") return number(of.score_cap);
    if (name == "logit_cap") return number(of.logit_cap);
    if (name == "segments") return number(of.segments);
    if (name == "classes") return number(of.classes);
    if (name == "patch_width") return number(of.patch_width);
    if (name == "tied") return truth(of.tied);
    if (name == "biases") return truth(of.biases);
    if (name == "normalization") {
        return joined_text({"normalization::",
                            of.normalization == nn::norm_kind::rms     ? "rms<"
                            : of.normalization == nn::norm_kind::layer ? "layer<"
                                                                       : "layer_without_bias<",
                            of.norm_exponent, ">"});
    }
    if (name == "position" && of.is_rotary()) {
        std::string text = of.position_base == 10000 ? "" : joined_text({of.position_base});
        const rotary_scaling& by = of.scaling;
        const auto kind = by.kind;
        const int factor = by.factor, low = by.low, high = by.high;
        std::string scaling = "scaling::none";
        if (kind == rotary_scaling::rule::linear)
            scaling = joined_text({"scaling::linear<", factor, ">"});
        if (kind == rotary_scaling::rule::llama3)
            scaling = joined_text(
                {"scaling::llama3<", factor, ", ", low, ", ", high, ", ", by.original, ">"});
        if (kind == rotary_scaling::rule::yarn)
            scaling = joined_text(
                {"scaling::yarn<", factor, ", ", by.original, ", ", high, ", ", low, ">"});
        if (kind != rotary_scaling::rule::none || of.rotary_percent > 0)
            text = joined_text({of.position_base, ", ", scaling});
        if (of.rotary_percent > 0) append_text(text, {", ", of.rotary_percent});
        return joined_text(
            {"position::", of.position == nn::position_kind::rotary ? "rotary<" : "rotary_halves<",
             text, ">"});
    }
    if (name == "position" && of.position == nn::position_kind::relative_buckets) {
        return joined_text({"position::relative_buckets<", of.buckets, ", ", of.max_distance, ">"});
    }
    if (name == "position") return "another kind of position";
    if (name == "local_layers" && of.local_layers == 0) return number(0);
    if constexpr (requires { typename Model::local_mask; }) {
        using mask = typename Model::local_mask;
        if (name == "local_layers" && window_of<mask> >= 0)
            return joined_text(
                {"local_layers<", of.local_layers,
                 looks_around<mask> ? ", mask::around<" : ", mask::window<", window_of<mask>, ">",
                 of.local_base == 10000 ? "" : joined_text({", ", of.local_base}), ">"});
    }
    return "";
}

/// The functions that an activation may be, as a model uses them and as options are called.
template <class Model>
std::string activations_of() {
    std::string result;
    const auto add = [&](transformation kind, const char* names) {
        if (uses<Model>(kind)) append_text(result, {" ", names});
    };
    add(transformation::gelu, "activation::gelu activation::geglu");
    add(transformation::gelu_tanh, "activation::gelu_tanh activation::geglu_tanh");
    add(transformation::relu, "activation::relu activation::reglu");
    add(transformation::silu, "activation::silu activation::swiglu");
    add(transformation::sigmoid, "activation::sigmoid activation::glu");
    add(transformation::tanh, "activation::tanh");
    return result;
}

/// What of a model is not as a file states. A model may have fewer positions.
SEQUENT_LAZY
SEQUENT_COLD void check_options(const model_description& wanted, std::span<const std::string> own,
                                const std::string& activations) {
    std::string problem;
    for (std::size_t at = 0; at < own.size(); ++at) {
        const model_description::argument& each = wanted.arguments[at];
        std::string found = own[at];
        if (each.name == "activation") {
            const bool is_used =
                joined_text({activations, " "}).find(joined_text({" ", each.text, " "})) !=
                std::string::npos;
            found = is_used ? "" : "no such function";
        }
        if (found.empty() || found == each.text) continue;
        // A name map puts the rows of heads into either order.
        const auto plain = [](std::string text) {
            if (const auto half = text.find("_halves"); half != std::string::npos)
                text.erase(half, 7);
            return text;
        };
        if (each.name == "position" && plain(found) == plain(each.text)) continue;
        if (each.name == "tokens" || each.name == "source_tokens") {
            const auto value = [](const std::string& text) {
                return std::stoll(text.substr(text.find('<') + 1));
            };
            if (value(found) <= value(each.text) || wanted.preset == "t5") continue;
        }
        append_text(problem, {"\n  ", each.name, ": the file has ", each.text, " (",
                              in_quotes(each.field), "), the model ", found});
    }
    if (!problem.empty())
        fail_with<error>({wanted.file, ": the model is of another type:", problem,
                          "\n  the type that fits is ", wanted.text()});
}

}  // namespace detail

/// Compares a preset with what a file states of its model. Masks and the bases of
/// local layers are not compared.
///
/// Throws io::error that tells each field that is different, with both values, and the type that
/// fits.
template <class Model>
void check_type(const model_description& wanted) {
    std::vector<std::string> own;
    for (const model_description::argument& each : wanted.arguments)
        own.push_back(detail::option_of<Model>(each.name));
    detail::check_options(wanted, own, detail::activations_of<Model>());
}

}  // namespace sequent::inline SEQUENT_ABI::io
