#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../io/error.hpp"
#include "../io/functions.hpp"
#include "../joined_text.hpp"
#include "describer.hpp"
#include "presets.hpp"

/// Compares a model with the description of a file, option by option, including options that no
/// tensor's shape shows: the epsilon of norms, the base of rotary positions, the activation.
///
///     io::check_type<Model>(io::describe("config.json"));

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// A model's option as `describe` writes it; empty if it is not compared.
SEQUENT_LAZY
SEQUENT_COLD std::string option_of(const compared_options& model, std::string_view name) {
    const nn::shape& of = model.shape;
    const auto number = [&](int value) { return joined_text({name, "<", value, ">"}); };
    const auto truth = [&](bool value) {
        return joined_text({name, value ? "<true>" : "<false>"});
    };
    struct counted {
        std::string_view name;
        int value;
    };
    const counted numbers[] = {
        {"vocabulary", of.vocabulary},
        {"tokens", of.tokens},
        {"source_tokens", of.source_tokens},
        {"width", of.width},
        {"heads", of.heads},
        {"key_heads", of.key_heads},
        {"head_width", of.head_width},
        {"hidden", of.hidden},
        {"depth", of.depth},
        {"source_depth", of.source_depth},
        {"embedding_width", of.embedding_width},
        {"input_width", of.input_width},
        {"score_width", of.score_width > 0 ? of.score_width : of.head_width},
        {"score_cap", of.score_cap},
        {"logit_cap", of.logit_cap},
        {"segments", of.segments},
        {"classes", of.classes},
        {"patch_width", of.patch_width},
        {"parallel_branches", of.parallel_branches},
    };
    for (const counted& each : numbers)
        if (each.name == name) return number(each.value);
    const counted truths[] = {
        {"tied", of.tied},
        {"biases", of.biases},
        {"attention_biases", of.attends_with_biases()},
        {"query_biases", of.attends_with_biases() || of.query_biases},
        {"head_norms", of.head_norms},
        {"branch_norms", of.branch_norms},
        {"layer_scale", of.layer_scale},
        {"opening_layer", of.opening_layer},
        {"shared_layers", of.shared_layers},
        {"scaled_embedding", of.scaled_embedding},
        {"normal_embedding", of.normal_embedding},
        {"logit_bias", of.logit_bias},
        {"scaled", of.scaled},
    };
    for (const counted& each : truths)
        if (each.name == name) return truth(each.value != 0);
    if (name == "pre_norm") return of.norm_first ? "pre_norm" : "post_norm";
    if (name == "mask") return model.mask;
    if (name == "normalization") {
        return joined_text({"normalization::",
                            of.normalization == nn::norm_kind::rms ? "rms<"
                            : of.normalization == nn::norm_kind::rms_without_gain
                                ? "rms_without_gain<"
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
        return joined_text({of.learned_positions ? "position::learned_and_relative_buckets<"
                                                 : "position::relative_buckets<",
                            of.buckets, ", ", of.max_distance, ">"});
    }
    if (name == "position" && of.position == nn::position_kind::none) return "position::none";
    if (name == "position" && of.position == nn::position_kind::learned) return "position::learned";
    if (name == "position") return "another kind of position";
    if (name == "local_layers" && of.local_layers == 0) return number(0);
    if (name == "local_layers")
        return joined_text({"local_layers<", of.local_layers, ", ", model.local_mask,
                            of.local_base == 10000 ? "" : joined_text({", ", of.local_base}), ">"});
    return "";
}

/// The activation options that match the functions a model uses, each preceded by a space.
template <class Model>
std::string activations_of() {
    std::string result;
    const auto add = [&](transformation kind, const char* names) {
        if (uses<Model>(kind)) append_text(result, {" ", names});
    };
    add(transformation::gelu, "activation::gelu activation::geglu");
    add(transformation::gelu_tanh, "activation::gelu_tanh activation::geglu_tanh");
    add(transformation::relu, "activation::relu activation::reglu");
    // quick_gelu is silu between two scales.
    bool is_quick = false;
    for_each_function<Model>([&](const plan::transformation_use& use) {
        is_quick = is_quick ||
                   (use.kind == transformation::scale && std::abs(use.numbers[0] - 1.702) < 1e-9);
    });
    add(transformation::silu,
        is_quick ? "activation::quick_gelu" : "activation::silu activation::swiglu");
    add(transformation::sigmoid, "activation::sigmoid activation::glu");
    add(transformation::tanh, "activation::tanh");
    return result;
}

/// The options compared with the preset's defaults if the file does not state them.
inline constexpr std::string_view options_of_presets[] = {"mask",
                                                          "pre_norm",
                                                          "normalization",
                                                          "position",
                                                          "tied",
                                                          "biases",
                                                          "attention_biases",
                                                          "query_biases",
                                                          "head_norms",
                                                          "branch_norms",
                                                          "layer_scale",
                                                          "local_layers",
                                                          "opening_layer",
                                                          "shared_layers",
                                                          "parallel_branches",
                                                          "embedding_width",
                                                          "scaled_embedding",
                                                          "normal_embedding",
                                                          "scaled",
                                                          "score_cap",
                                                          "logit_cap",
                                                          "logit_bias",
                                                          "segments"};

/// Returns true if a model may have the option `found` where the file has `wanted`.
SEQUENT_LAZY
SEQUENT_COLD bool fits(std::string_view name, const std::string& wanted, const std::string& found,
                       const compared_options& model, bool is_relative) {
    if (wanted.empty() || found == wanted) return true;
    // Name maps convert the rows of heads to either order.
    const auto plain = [](std::string text) {
        if (const auto half = text.find("_halves"); half != std::string::npos) text.erase(half, 7);
        return text;
    };
    if (name == "position") return plain(found) == plain(wanted);
    const auto value = [](const std::string& text) {
        return std::stoll(text.substr(text.find('<') + 1));
    };
    // A model may have fewer positions; a window that covers all of them has no effect.
    if (name == "tokens" || name == "source_tokens")
        return value(found) <= value(wanted) || is_relative;
    if (name == "mask" && wanted.starts_with("mask::window<"))
        return found == "mask::causal" && value(wanted) >= model.shape.tokens - 1;
    return false;
}

/// Throws io::error with all options in which a model differs from the file or from the defaults of
/// the preset that the file's description names.
SEQUENT_LAZY
SEQUENT_COLD void check_options(const model_description& wanted, const compared_options& model,
                                const std::string& activations) {
    std::string problem;
    const bool is_relative = wanted.preset == "t5";
    const auto compare = [&](std::string_view name, const std::string& text,
                             const std::string& where) {
        const std::string found = option_of(model, name);
        if (!fits(name, text, found, model, is_relative))
            append_text(problem, {"\n  ", name, ": ", where, ", the model ",
                                  found.empty() ? "another one" : found});
    };
    for (const model_description::argument& each : wanted.arguments) {
        const std::string where =
            joined_text({"the file has ", each.text, " (", in_quotes(each.field), ")"});
        if (each.name == "activation") {
            if (joined_text({activations, " "}).find(joined_text({" ", each.text, " "})) ==
                std::string::npos)
                append_text(problem, {"\n  activation: ", where, ", the model no such function"});
        } else if (!option_of(model, each.name).empty() || each.name == "mask") {
            compare(each.name, each.text, where);
        }
    }
    for (const known_preset& preset : known_presets) {
        if (preset.name != wanted.preset) continue;
        const compared_options defaults = preset.defaults();
        for (const std::string_view name : options_of_presets) {
            bool is_stated = false;
            for (const model_description::argument& each : wanted.arguments)
                is_stated = is_stated || each.name == name;
            const std::string text = option_of(defaults, name);
            if (!is_stated)
                compare(name, text, joined_text({"the preset ", preset.name, " has ", text}));
        }
    }
    if (!problem.empty())
        fail_with<error>({wanted.file, ": the model is of another type:", problem,
                          "\n  the type that fits is ", wanted.text()});
}

}  // namespace detail

/// Checks that a model computes what a file describes. Each option that the file states is
/// compared; options that it does not state, such as masks, norms, positions and biases, are
/// compared with the defaults of the preset.
///
/// Throws io::error, which states each option that differs, with both values, and the type that
/// fits.
template <class Model>
void check_type(const model_description& wanted) {
    detail::check_options(wanted, detail::compared_options_of<Model>(),
                          detail::activations_of<Model>());
}

}  // namespace sequent::inline SEQUENT_ABI::io
