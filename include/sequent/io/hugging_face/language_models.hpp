#pragma once

#include "../name_map.hpp"

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
