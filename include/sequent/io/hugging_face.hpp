#pragma once

#include <array>

#include "hugging_face/encoders.hpp"
#include "hugging_face/language_models.hpp"
#include "name_map.hpp"

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
