#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/error.hpp"
#include "../io/json.hpp"
#include "../io/source.hpp"
#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "describe_language_model.hpp"
#include "describer.hpp"

/// Finds the type of the model that fits a Hugging Face model, from the config.json beside its
/// weights (for GGUF files, see describe_gguf.hpp):
///
///     io::describe("config.json").text()  // "gpt2<vocabulary<50257>, tokens<1024>, ...>"

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

SEQUENT_LAZY
SEQUENT_COLD model_description describe_gpt2(const configuration_fields<>& of,
                                             std::string_view file) {
    of.expect("scale_attn_weights", true);
    of.expect("scale_attn_by_inverse_layer_idx", false);
    of.expect("add_cross_attention", false);
    describer<> to(file, "gpt2", "io::hugging_face::gpt2");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "n_positions", of.number("n_positions"));
    const int width = to.number("width", "n_embd", of.number("n_embd"));
    to.number("heads", "n_head", of.number("n_head"));
    to.number("depth", "n_layer", of.number("n_layer"));
    to.number("hidden", "n_inner", of.number("n_inner", 4.0 * width), 4LL * width);
    const std::string activation = of.activation("activation_function", "gelu_new", false);
    to.add("activation", activation, "activation_function", activation == "activation::gelu_tanh");
    to.epsilon("layer", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-5), 5);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", true), true);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_bloom(const configuration_fields<>& of,
                                              std::string_view file) {
    of.expect("apply_residual_connection_post_layernorm", false);
    describer<> to(file, "bloom", "io::hugging_face::bloom");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "seq_length", of.number("seq_length", 2048));
    const char* const width = of.has("n_embed") ? "n_embed" : "hidden_size";
    to.number("width", width, of.number(width));
    const char* const heads = of.has("num_attention_heads") ? "num_attention_heads" : "n_head";
    to.number("heads", heads, of.number(heads));
    to.number("depth", "n_layer", of.number("n_layer"));
    to.epsilon("layer", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-5), 5);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_codegen(const configuration_fields<>& of,
                                                std::string_view file) {
    describer<> to(file, "codegen", "io::hugging_face::codegen");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "n_positions", of.number("n_positions"));
    const int width = to.number("width", "n_embd", of.number("n_embd"));
    const int heads = to.number("heads", "n_head", of.number("n_head"));
    to.number("depth", "n_layer", of.number("n_layer"));
    to.number("hidden", "n_inner", of.number("n_inner", 4.0 * width), 4LL * width);
    const std::string activation = of.activation("activation_function", "gelu_new", false);
    to.add("activation", activation, "activation_function", activation == "activation::gelu_tanh");
    to.epsilon("layer", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-5), 5);
    // The rotated share of a head, as a percentage.
    const int percent =
        to.whole("rotary_dim", 100 * of.number("rotary_dim", 64) * heads / std::max(width, 1));
    to.add("position",
           percent == 100 ? "position::rotary<>"
                          : joined_text({"position::rotary<10000, scaling::none, ", percent, ">"}),
           "rotary_dim", percent == 50);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", false), false);
    return to.finish();
}

/// Returns true if the model has a head that predicts masked tokens.
SEQUENT_LAZY
SEQUENT_COLD bool is_masked_language_model(const configuration_fields<>& of) {
    bool is_masked_language = false;
    if (of.has("architectures"))
        of["architectures"].for_each_element([&](json_value each) {
            is_masked_language = is_masked_language || each.string().ends_with("ForMaskedLM");
        });
    return is_masked_language;
}

/// BERT, RoBERTa and XLM-RoBERTa.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_bert(const configuration_fields<>& of,
                                             std::string_view file, bool is_roberta) {
    of.expect("is_decoder", false);
    if (of.text("position_embedding_type", "absolute") != "absolute")
        of["position_embedding_type"].fail({"expected \"absolute\", which the preset computes"});
    if (is_roberta && of.number("pad_token_id", 1) != 1)
        of["pad_token_id"].fail({"expected 1: positions begin in the row behind the next one"});
    const bool predicts = is_masked_language_model(of);
    describer<> to(file,
                   is_roberta ? "roberta"
                   : predicts ? "bert_masked_language"
                              : "bert",
                   is_roberta ? "io::hugging_face::roberta" : "io::hugging_face::bert");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings",
              of.number("max_position_embeddings") - (is_roberta ? 2 : 0));
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4LL * width);
    to.number("segments", "type_vocab_size", of.number("type_vocab_size", 2), is_roberta ? 1 : 2);
    const std::string activation = of.activation("hidden_act", "gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-12), is_roberta ? 5 : 12);
    if (is_roberta) to.truth("masked_language", "architectures", predicts, false);
    return to.finish();
}

/// ALBERT and MPNet.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_albert(const configuration_fields<>& of,
                                               std::string_view file, bool is_mpnet) {
    const char* const preset = is_mpnet ? "mpnet" : "albert";
    for (const char* field : {"num_hidden_groups", "inner_group_num"})
        if (of.number(field, 1) != 1) of[field].fail({"expected 1: all layers are one"});
    describer<> to(file, preset, joined_text({"io::hugging_face::", preset}));
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings",
              of.number("max_position_embeddings") - (is_mpnet ? 2 : 0));
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    if (!is_mpnet) to.number("embedding_width", "embedding_size", of.number("embedding_size"), 128);
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4LL * width);
    if (!is_mpnet) to.number("segments", "type_vocab_size", of.number("type_vocab_size", 2), 2);
    const std::string activation =
        of.activation("hidden_act", is_mpnet ? "gelu" : "gelu_new", false);
    to.add("activation", activation, "hidden_act",
           activation == (is_mpnet ? "activation::gelu" : "activation::gelu_tanh"));
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-12), is_mpnet ? 5 : 12);
    if (is_mpnet && of.number("relative_attention_num_buckets", 32) != 32)
        of["relative_attention_num_buckets"].fail({"expected 32"});
    to.truth("masked_language", "architectures", is_masked_language_model(of), false);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_modernbert(const configuration_fields<>& of,
                                                   std::string_view file) {
    for (const char* field : {"attention_bias", "mlp_bias", "norm_bias", "classifier_bias"})
        of.expect(field, false);
    of.expect("decoder_bias", true);
    describer<> to(file, "modernbert", "io::hugging_face::modernbert");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings"));
    to.number("width", "hidden_size", of.number("hidden_size"));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    to.number("hidden", "intermediate_size", of.number("intermediate_size"));
    const std::string activation = of.activation("hidden_activation", "gelu", true);
    to.add("activation", activation, "hidden_activation", activation == "activation::geglu");
    if (of.text("classifier_activation", "gelu") != "gelu")
        of["classifier_activation"].fail({"expected \"gelu\""});
    to.epsilon("layer_without_bias", "norm_eps", of.number("norm_eps", 1e-5), 5);
    double bases[] = {of.number("global_rope_theta", 160000), of.number("local_rope_theta", 10000)};
    const char* const every = "global_attn_every_n_layers";
    int distance = to.whole(every, of.number(every, 3));
    // As version 5 of transformers writes it.
    if (of.has("rope_parameters"))
        for (const int at : {0, 1}) {
            const configuration_fields<> both(of["rope_parameters"]);
            const configuration_fields<> rope(
                both[at == 0 ? "full_attention" : "sliding_attention"]);
            if (rope.text("rope_type", "default") != "default")
                of["rope_parameters"].fail({"expected the rope_type \"default\""});
            bases[at] = rope.number("rope_theta");
        }
    if (of.has("layer_types")) {
        std::vector<bool> full;
        of["layer_types"].for_each_element(
            [&](json_value each) { full.push_back(each.string() == "full_attention"); });
        distance = 1;
        while (static_cast<std::size_t>(distance) < full.size() &&
               !full[static_cast<std::size_t>(distance)])
            ++distance;
        for (std::size_t at = 0; at < full.size(); ++at)
            if (full[at] != (at % static_cast<std::size_t>(distance) == 0))
                of["layer_types"].fail({"expected full layers in equal distance from the first"});
    }
    to.rotary("rotary_halves", "global_rope_theta", bases[0], 160000);
    const char* const window = "local_attention";
    const int side = to.whole(window, std::floor(of.number(window, 128) / 2));
    const int count = distance - 1;
    const int base = to.whole("local_rope_theta", bases[1]);
    to.add("local_layers",
           joined_text({"local_layers<", count, ", mask::around<", side, ">",
                        base == 10000 ? "" : joined_text({", ", base}), ">"}),
           window, count == 2 && side == 64 && base == 10000);
    to.truth("masked_language", "architectures", is_masked_language_model(of), false);
    return to.finish();
}

/// The text model of CLIP; fields that are not stated are those of CLIPTextConfig.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_clip_text(const configuration_fields<>& of,
                                                  std::string_view file) {
    describer<> to(file, "clip_text", "io::hugging_face::clip_text");
    to.number("vocabulary", "vocab_size", of.number("vocab_size", 49408));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings", 77));
    const int width = to.number("width", "hidden_size", of.number("hidden_size", 512));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads", 8));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers", 12));
    to.number("hidden", "intermediate_size", of.number("intermediate_size", 2048), 4LL * width);
    const std::string activation = of.activation("hidden_act", "quick_gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::quick_gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-5), 5);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_distilbert(const configuration_fields<>& of,
                                                   std::string_view file) {
    describer<> to(file, "distilbert", "io::hugging_face::distilbert");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings"));
    const int width = to.number("width", "dim", of.number("dim"));
    to.number("heads", "n_heads", of.number("n_heads"));
    to.number("depth", "n_layers", of.number("n_layers"));
    to.number("hidden", "hidden_dim", of.number("hidden_dim"), 4LL * width);
    const std::string activation = of.activation("activation", "gelu", false);
    to.add("activation", activation, "activation", activation == "activation::gelu");
    to.truth("masked_language", "architectures", is_masked_language_model(of), false);
    return to.finish();
}

/// ViT with its classifier, and DINOv2 without one.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_vit(const configuration_fields<>& of, std::string_view file,
                                            bool is_dinov2) {
    of.expect("qkv_bias", true);
    of.expect("use_swiglu_ffn", false);
    const auto sides = [&](const char* key, double& rows, double& columns) {
        if (of[key].kind() != json_kind::array) {
            rows = columns = of.number(key);
            return;
        }
        std::vector<double> both;
        of[key].for_each_element([&](json_value each) { both.push_back(each.number()); });
        if (both.size() != 2) of[key].fail({"expected two numbers, found ", both.size()});
        rows = both[0];
        columns = both[1];
    };
    double rows = 0, columns = 0, patch_rows = 0, patch_columns = 0;
    sides("image_size", rows, columns);
    sides("patch_size", patch_rows, patch_columns);
    if (!(patch_rows >= 1 && patch_columns >= 1)) of["patch_size"].fail({"expected at least 1"});
    double labels = of.number("num_labels", 2);
    const char* labels_field = "num_labels";
    if (of.has("id2label")) {
        labels = 0;
        labels_field = "id2label";
        of["id2label"].for_each_member([&](std::string_view, json_value) { ++labels; });
    }
    const char* const preset = is_dinov2 ? "dinov2" : "vit";
    describer<> to(file, preset, joined_text({"io::hugging_face::", preset}));
    to.number("tokens", "image_size",
              std::floor(rows / patch_rows) * std::floor(columns / patch_columns));
    to.number("patch_width", "patch_size",
              of.number("num_channels", 3) * patch_rows * patch_columns);
    if (!is_dinov2) to.number("classes", labels_field, labels);
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    if (is_dinov2)
        to.number("hidden", "mlp_ratio", of.number("mlp_ratio", 4) * width, 4LL * width);
    else
        to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4LL * width);
    const std::string activation = of.activation("hidden_act", "gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", is_dinov2 ? 1e-6 : 1e-12), 6);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_t5(const configuration_fields<>& of,
                                           std::string_view file) {
    std::string feed_forward = of.text("feed_forward_proj", "relu");
    const bool gated = feed_forward.starts_with("gated-");
    if (gated) feed_forward.erase(0, 6);
    // In T5, "gelu" means the tanh approximation.
    if (feed_forward == "gelu") feed_forward = "gelu_new";
    if (feed_forward != "relu" && feed_forward != "gelu_new" && feed_forward != "silu")
        of["feed_forward_proj"].fail({"the activation is not known"});
    const std::string activation = of.activation("", feed_forward, gated);
    describer<> to(file, "t5", gated ? "io::hugging_face::t5_gated" : "io::hugging_face::t5");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    // Positions are relative, so that models may have more.
    const double tokens = of.number("n_positions", 512);
    to.number("tokens", "n_positions", tokens);
    to.number("source_tokens", "n_positions", tokens);
    const int width = to.number("width", "d_model", of.number("d_model"));
    const int heads = to.number("heads", "num_heads", of.number("num_heads"));
    to.number("head_width", "d_kv", of.number("d_kv"),
              heads > 0 && width % heads == 0 ? width / heads : -1);
    to.number("hidden", "d_ff", of.number("d_ff"));
    const int source = to.number("source_depth", "num_layers", of.number("num_layers"));
    to.number("depth", "num_decoder_layers", of.number("num_decoder_layers", source));
    to.add("activation", activation, "feed_forward_proj", activation == "activation::relu");
    to.epsilon("rms", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-6), 6);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", true), true);
    const char* const field = "relative_attention_num_buckets";
    const int buckets = to.whole(field, of.number(field, 32));
    const int distance = to.whole("relative_attention_max_distance",
                                  of.number("relative_attention_max_distance", 128));
    to.add("position", joined_text({"position::relative_buckets<", buckets, ", ", distance, ">"}),
           field, buckets == 32 && distance == 128);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_whisper(const configuration_fields<>& of,
                                                std::string_view file) {
    of.expect("scale_embedding", false);
    for (const char* field : {"attention_heads", "ffn_dim"}) {
        const auto other = joined_text({"decoder_", field}), own = joined_text({"encoder_", field});
        if (of.number(other) != of.number(own))
            of[other].fail({"expected the number of ", in_quotes(own)});
    }
    describer<> to(file, "whisper", "io::hugging_face::whisper");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_target_positions", of.number("max_target_positions"));
    to.number("source_tokens", "max_source_positions", of.number("max_source_positions"));
    to.number("input_width", "num_mel_bins", of.number("num_mel_bins"));
    const int width = to.number("width", "d_model", of.number("d_model"));
    to.number("heads", "encoder_attention_heads", of.number("encoder_attention_heads"));
    to.number("hidden", "encoder_ffn_dim", of.number("encoder_ffn_dim"), 4LL * width);
    const int depth = to.number("depth", "decoder_layers", of.number("decoder_layers"));
    to.number("source_depth", "encoder_layers", of.number("encoder_layers"), depth);
    const std::string activation = of.activation("activation_function", "gelu", false);
    to.add("activation", activation, "activation_function", activation == "activation::gelu");
    return to.finish();
}

}  // namespace detail

/// Finds the preset and its arguments for a config.json whose `model_type` is albert, bert, bloom,
/// clip_text_model, codegen, dinov2, distilbert, gemma2, gemma3_text, gpt2, gpt_neox, llama,
/// mistral, modernbert, mpnet, opt, phi, phi3, qwen2, qwen3, roberta, starcoder2, t5, vit, whisper
/// or xlm-roberta.
///
/// Throws io::error if the file is not well-formed JSON, has another type, lacks a field, or
/// describes something that the presets do not compute.
SEQUENT_LAZY
[[nodiscard]] SEQUENT_COLD model_description describe(const source& config) {
    const std::string_view text(reinterpret_cast<const char*>(config.bytes().data()),
                                config.bytes().size());
    const json_document document(text, config.name());
    const detail::configuration_fields<> of(document.root());
    const std::string type = of.text("model_type", "");
    const std::string& file = config.name();
    if (type == "bloom") return detail::describe_bloom(of, file);
    if (type == "codegen") return detail::describe_codegen(of, file);
    if (type == "gpt2") return detail::describe_gpt2(of, file);
    for (const detail::language_family& family : detail::language_families)
        if (type == family.type) return detail::describe_language_model(of, file, family);
    if (type == "albert" || type == "mpnet")
        return detail::describe_albert(of, file, type == "mpnet");
    if (type == "modernbert") return detail::describe_modernbert(of, file);
    if (type == "clip_text_model") return detail::describe_clip_text(of, file);
    if (type == "distilbert") return detail::describe_distilbert(of, file);
    if (type == "vit" || type == "dinov2") return detail::describe_vit(of, file, type == "dinov2");
    if (type == "t5") return detail::describe_t5(of, file);
    if (type == "whisper") return detail::describe_whisper(of, file);
    if (type == "bert" || type == "roberta" || type == "xlm-roberta")
        return detail::describe_bert(of, file, type != "bert");
    fail_with<error>(
        {file, ": \"model_type\" is \"", type,
         "\", known are albert, bert, bloom, clip_text_model, codegen, dinov2, distilbert, gemma2, "
         "gemma3_text, gpt2, gpt_neox, "
         "llama, "
         "mistral, modernbert, mpnet, opt, phi, phi3, qwen2, qwen3, roberta, starcoder2, t5, vit, "
         "whisper and xlm-roberta"});
}

}  // namespace sequent::inline SEQUENT_ABI::io
