#pragma once

#include <array>

#include "name_map.hpp"

/// The tensors of Hugging Face's files, for the presets:
/// `io::load<Model>("model.safetensors", parameters, io::hugging_face::gpt2)`.

namespace sequent::inline SEQUENT_ABI::io::hugging_face {

/// Linear weights are [in, out], queries, keys and values one tensor.
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

/// For models with rotary positions of either order, and tied<false> where the lm_head is not the
/// embedding.
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

/// Of Qwen2 and Qwen2.5, for llama<biases<true>>: only queries, keys and values have biases in the
/// file.
inline constexpr auto qwen2 =
    joined(llama, {{"layers.b_query", "model.layers.{}.self_attn.q_proj.bias", flat | halves},
                   {"layers.b_key", "model.layers.{}.self_attn.k_proj.bias", flat | halves},
                   {"layers.b_value", "model.layers.{}.self_attn.v_proj.bias", flat},
                   constant("layers.b_out", 0),
                   constant("layers.b_gate", 0),
                   constant("layers.b_expand", 0),
                   constant("layers.b_contract", 0)});

/// Of bert and of bert_masked_language.
inline constexpr name_entry bert[] = {
    optional_prefix("bert."),
    // Files of the first years, such as bert-base-uncased.
    alias("LayerNorm.gamma", "LayerNorm.weight"),
    alias("LayerNorm.beta", "LayerNorm.bias"),
    {"embedding", "bert.embeddings.word_embeddings.weight"},
    {"position", "bert.embeddings.position_embeddings.weight", rows_from(0)},
    {"segment_embedding", "bert.embeddings.token_type_embeddings.weight"},
    {"gain", "bert.embeddings.LayerNorm.weight"},
    {"bias", "bert.embeddings.LayerNorm.bias"},
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

/// Of bert and of bert_masked_language for RoBERTa and XLM-RoBERTa: segments<1>,
/// normalization::layer<5>. Positions begin at row 2 of their table.
inline constexpr name_entry roberta[] = {
    optional_prefix("roberta."),
    {"embedding", "roberta.embeddings.word_embeddings.weight"},
    {"position", "roberta.embeddings.position_embeddings.weight", rows_from(2)},
    {"segment_embedding", "roberta.embeddings.token_type_embeddings.weight"},
    {"gain", "roberta.embeddings.LayerNorm.weight"},
    {"bias", "roberta.embeddings.LayerNorm.bias"},
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

/// Of bert and of bert_masked_language with segments<1> for DistilBERT, which has none (all symbols
/// are of segment 0) and no pooler: `pooled` is zero.
inline constexpr name_entry distilbert[] = {
    optional_prefix("distilbert."),
    {"embedding", "distilbert.embeddings.word_embeddings.weight"},
    {"position", "distilbert.embeddings.position_embeddings.weight", rows_from(0)},
    constant("segment_embedding", 0),
    {"gain", "distilbert.embeddings.LayerNorm.weight"},
    {"bias", "distilbert.embeddings.LayerNorm.bias"},
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
    constant("W_pool", 0),
    constant("b_pool", 0),
    {"W_predict", "vocab_transform.weight"},
    {"b_predict", "vocab_transform.bias"},
    {"gain_predict", "vocab_layer_norm.weight"},
    {"bias_predict", "vocab_layer_norm.bias"},
    {"b_logits", "vocab_projector.bias"},
    copy_of("embedding", "vocab_projector.weight", "b_logits"),
    ignored("vocab_*"),
};

inline constexpr name_entry vit[] = {
    optional_prefix("vit."),
    {"class_token", "vit.embeddings.cls_token", shaped(1, 1, own(0))},
    {"position", "vit.embeddings.position_embeddings", shaped(1, own(0), own(1))},
    // Of channels and the rows and columns of a square patch.
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

namespace detail {
/// The two versions differ in what the linear map is called that the other gates.
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
        // The first version's is the embedding; the other one's is W_logits.
        copy_of("embedding", "lm_head.weight"),
        ignored("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"),
        copy_of("embedding", "encoder.embed_tokens.weight"),
        copy_of("embedding", "decoder.embed_tokens.weight"),
    });
}
}  // namespace detail

/// Of T5, and of its version 1.1, which takes activation::geglu_tanh and tied<false>.
inline constexpr auto t5 = detail::t5_names(false);
inline constexpr auto t5_gated = detail::t5_names(true);

}  // namespace sequent::inline SEQUENT_ABI::io::hugging_face
