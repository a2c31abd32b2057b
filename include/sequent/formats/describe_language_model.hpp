#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "describer.hpp"

/// Describes language models with rotary positions, and OPT, from their config.json.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// A family of models: names of fields in its config.json, and defaults of its preset.
struct language_family {
    std::string_view type;  // model_type of the file
    const char* preset;
    const char* names;    // the name map
    const char* epsilon;  // the field of the norms' epsilon
    int exponent;         // the preset's epsilon is 10^-exponent
    bool is_rms;          // RMS norms and gated activations
    std::string_view usual_activation;
    int base;  // base of the preset's rotary positions; -1: always stated; 0: learned positions
    int percent;
    bool tied;                // default of the preset
    bool tied_if_not_stated;  // default of config.json
    int local_layers;
    // Defaults of config.json, where they do not follow from other fields.
    int key_heads = 0;
    int head_width = 0;
    int window = 0;
    int score_width = 0;
};

inline constexpr language_family language_families[] = {
    {"llama", "llama", "llama", "rms_norm_eps", 5, true, "silu", -1, 100, true, false, 0},
    {"mistral", "mistral", "mistral", "rms_norm_eps", 5, true, "silu", 10000, 100, false, false, 0,
     8, 0, 4096},
    {"phi3", "phi3", "phi3", "rms_norm_eps", 5, true, "silu", 10000, 100, false, false, 0},
    {"qwen2", "qwen2", "qwen2", "rms_norm_eps", 6, true, "silu", 1000000, 100, true, false, 0, 32},
    {"qwen3", "qwen3", "qwen3", "rms_norm_eps", 6, true, "silu", 1000000, 100, true, false, 0, 32,
     128},
    {"gemma2", "gemma2", "gemma2", "rms_norm_eps", 6, true, "gelu_pytorch_tanh", 10000, 100, true,
     true, 1, 4, 256, 0, 256},
    {"gemma3_text", "gemma3", "gemma3", "rms_norm_eps", 6, true, "gelu_pytorch_tanh", 1000000, 100,
     true, true, 5, 4, 256, 0, 256},
    {"gpt_neox", "gpt_neox", "gpt_neox", "layer_norm_eps", 5, false, "gelu", 10000, 25, false,
     false, 0},
    {"phi", "phi", "phi", "layer_norm_eps", 5, false, "gelu_new", 10000, 50, false, false, 0},
    {"starcoder2", "starcoder2", "starcoder2", "norm_epsilon", 5, false, "gelu_pytorch_tanh",
     100000, 100, true, true, 0, 2},
    {"opt", "opt", "opt", "layer_norm_eps", 5, false, "relu", 0, 100, true, true, 0},
};

/// The rotary positions of a configuration: base, scaling and the share of a head that is rotated.
struct rotary_fields {
    double base = 10000;
    std::string field = "rope_theta";
    std::string scaling;
    double share = 1;
};

SEQUENT_LAZY
SEQUENT_COLD rotary_fields rotary_of(const configuration_fields<>& of, const describer<>& to,
                                     const language_family& family) {
    rotary_fields result;
    const bool is_neox = family.type == "gpt_neox";
    if (is_neox) result.field = "rotary_emb_base";
    result.base = of.number(result.field, family.type == "gemma3_text" ? 1e6 : 10000);
    result.share =
        of.number(is_neox ? "rotary_pct" : "partial_rotary_factor", family.percent / 100.0);
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
        if (!of.has(key)) continue;
        // For Gemma 3, take the fields of the full layers.
        const configuration_fields<> outer(of[key]);
        const configuration_fields<> rope(outer.has("full_attention") ? outer["full_attention"]
                                                                      : of[key]);
        const std::string kind = rope.text("rope_type", rope.text("type", "default"));
        const auto whole = [&](const char* name) { return to.whole(name, rope.number(name)); };
        const auto whole_or = [&](const char* name, double otherwise) {
            return to.whole(name, rope.number(name, otherwise));
        };
        if (kind == "linear") {
            result.scaling = joined_text({"scaling::linear<", whole("factor"), ">"});
        } else if (kind == "llama3") {
            result.scaling = joined_text({"scaling::llama3<", whole("factor"), ", ",
                                          whole("low_freq_factor"), ", ", whole("high_freq_factor"),
                                          ", ", whole("original_max_position_embeddings"), ">"});
        } else if (kind == "yarn") {
            for (const char* name : {"attention_factor", "mscale", "mscale_all_dim"})
                rope.expect_absent(name);
            rope.expect("truncate", true);
            result.scaling = joined_text(
                {"scaling::yarn<", whole("factor"), ", ", whole("original_max_position_embeddings"),
                 ", ", whole_or("beta_fast", 32), ", ", whole_or("beta_slow", 1), ">"});
        } else if (kind != "default") {
            of[key].fail({"\"", key, "\" scales rotary positions by \"", kind,
                          "\", which the preset does not compute"});
        }
        if (rope.has("rope_theta")) {
            result.base = rope.number("rope_theta");
            result.field = "rope_parameters.rope_theta";
        }
        result.share = rope.number("partial_rotary_factor", result.share);
    }
    return result;
}

/// Describes layers with a window, grouped so that each group ends with a full layer.
SEQUENT_LAZY
SEQUENT_COLD void describe_local_layers(const configuration_fields<>& of, describer<>& to,
                                        const language_family& family) {
    int count = family.local_layers;
    if (of.has("sliding_window_pattern"))
        count = to.whole("sliding_window_pattern", of.number("sliding_window_pattern")) - 1;
    if (of.has("layer_types")) {
        int at = 0;
        int full = -1;
        bool in_turn = true;
        of["layer_types"].for_each_element([&](json_value each) {
            const bool is_full = each.string() == "full_attention";
            if (is_full && full < 0) full = at;
            in_turn = in_turn && is_full == (full >= 0 && (at + 1) % (full + 1) == 0);
            ++at;
        });
        if (!in_turn || full < 1)
            of["layer_types"].fail({"expected full layers in equal distance"});
        count = full;
    }
    double base = of.number("rope_local_base_freq", 10000);
    if (of.has("rope_parameters")) {
        const configuration_fields<> rope(of["rope_parameters"]);
        if (rope.has("sliding_attention"))
            base = configuration_fields<>(rope["sliding_attention"]).number("rope_theta", base);
    }
    const int number = to.whole("rope_local_base_freq", base);
    to.add("local_layers",
           joined_text({"local_layers<", count, ", ", to.window(of["sliding_window"]),
                        number == 10000 ? "" : joined_text({", ", number}), ">"}),
           "sliding_window", false);
}

/// Describes a model of a family. OPT has its own field names; all others share Llama's.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_language_model(const configuration_fields<>& of,
                                                       std::string_view file,
                                                       const language_family& family) {
    const bool is_opt = family.base == 0;
    for (const char* field : {"attention_bias", "mlp_bias", "use_sliding_window", "qk_layernorm",
                              "use_bidirectional_attention"})
        if (family.type != "gpt_neox" || field != std::string_view("attention_bias"))
            of.expect(field, false);
    for (const char* field :
         {"use_parallel_residual", "do_layer_norm_before", "enable_bias", "use_bias"})
        of.expect(field, true);
    const rotary_fields rotary = [&] {
        const describer<> whole(file, "", "");
        return is_opt ? rotary_fields{} : rotary_of(of, whole, family);
    }();
    const bool is_llama3 = family.type == "llama" && rotary.scaling.starts_with("scaling::llama3");
    describer<> to(file, is_llama3 ? "llama3" : family.preset,
                   joined_text({"io::hugging_face::", is_llama3 ? "llama3" : family.names}));
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings"));
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    if (is_opt && of.number("word_embed_proj_dim", width) != width)
        of["word_embed_proj_dim"].fail({"expected the width, ", width});
    const int heads = to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    if (!is_opt)
        to.number("key_heads", "num_key_value_heads",
                  of.is_null("num_key_value_heads") || family.key_heads == 0
                      ? of.number("num_key_value_heads", heads)
                      : of.number("num_key_value_heads", family.key_heads),
                  heads);
    int head_width = heads > 0 && width % heads == 0 ? width / heads : -1;
    if ((of.has("head_dim") || (family.head_width > 0 && !of.is_null("head_dim"))) && heads > 0)
        head_width = to.number("head_width", "head_dim", of.number("head_dim", family.head_width),
                               head_width);
    if (of.has("query_pre_attn_scalar") || family.score_width > 0)
        to.number("score_width", "query_pre_attn_scalar",
                  of.number("query_pre_attn_scalar", family.score_width), head_width);
    const char* const hidden = is_opt ? "ffn_dim" : "intermediate_size";
    to.number("hidden", hidden, of.number(hidden), family.is_rms ? -1 : 4LL * width);
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    const char* const function = is_opt                        ? "activation_function"
                                 : of.has("hidden_activation") ? "hidden_activation"
                                                               : "hidden_act";
    const std::string activation = of.activation(function, family.usual_activation, family.is_rms);
    to.add("activation", activation, function,
           activation == (family.usual_activation == "silu"   ? "activation::swiglu"
                          : family.is_rms                     ? "activation::geglu_tanh"
                          : family.usual_activation == "gelu" ? "activation::gelu"
                          : is_opt                            ? "activation::relu"
                                                              : "activation::gelu_tanh"));
    to.epsilon(family.is_rms ? "rms" : "layer", family.epsilon,
               of.number(family.epsilon, family.is_rms && family.type != "phi3" ? 1e-6 : 1e-5),
               family.exponent);
    if (!is_opt) {
        const int base = to.whole(rotary.field, rotary.base);
        const int percent = to.whole("partial_rotary_factor", 100 * rotary.share);
        std::string text = base == 10000 ? "" : joined_text({base});
        if (!rotary.scaling.empty() || percent != 100)
            text = joined_text(
                {base, ", ", rotary.scaling.empty() ? "scaling::none" : rotary.scaling});
        if (percent != 100) append_text(text, {", ", percent});
        to.add("position", joined_text({"position::rotary_halves<", text, ">"}), rotary.field,
               base == family.base && rotary.scaling.empty() && percent == family.percent);
    }
    to.truth("tied", "tie_word_embeddings",
             of.truth("tie_word_embeddings", family.tied_if_not_stated),
             is_llama3 ? true : family.tied);
    if (family.local_layers > 0) {
        describe_local_layers(of, to, family);
        // Gemma 2 caps where nothing is stated; null means no cap.
        const auto cap = [&](const char* name, const char* field, int usual) {
            to.number(name, field, of.is_null(field) ? 0 : of.number(field, usual), usual);
        };
        cap("score_cap", "attn_logit_softcapping", family.local_layers == 1 ? 50 : 0);
        cap("logit_cap", "final_logit_softcapping", family.local_layers == 1 ? 30 : 0);
    } else if (!family.type.starts_with("qwen") && of.has("sliding_window")) {
        to.add("mask", to.window(of["sliding_window"]), "sliding_window", false);
    } else if (family.window > 0 && !of.is_null("sliding_window")) {
        to.add("mask", joined_text({"mask::window<", family.window - 1, ">"}), "sliding_window",
               false);
    }
    return to.finish();
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail
