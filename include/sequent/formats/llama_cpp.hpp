#pragma once

#include <array>

#include "../config.hpp"
#include "../io/placement.hpp"

/// Name maps from the presets' parameters to the tensors of llama.cpp's files:
/// `io::load<Model>(io::gguf_file("model.gguf").tensors(), parameters, io::llama_cpp::llama)`.
namespace sequent::inline SEQUENT_ABI::io::llama_cpp {

namespace detail {
/// Llama's names. llama.cpp's converter reorders the rows of queries and keys to the order of
/// rotary() only for the architecture "llama".
constexpr auto llama_names(const placement& order) {
    return std::to_array<name_entry>({
        {"embedding", "token_embd.weight"},
        {"layers.gain_1", "blk.{}.attn_norm.weight"},
        {"layers.W_query", "blk.{}.attn_q.weight", order},
        {"layers.W_key", "blk.{}.attn_k.weight", order},
        {"layers.W_value", "blk.{}.attn_v.weight"},
        {"layers.b_query", "blk.{}.attn_q.bias", order | flat},
        {"layers.b_key", "blk.{}.attn_k.bias", order | flat},
        {"layers.b_value", "blk.{}.attn_v.bias", flat},
        {"layers.W_out", "blk.{}.attn_output.weight"},
        {"layers.gain_2", "blk.{}.ffn_norm.weight"},
        {"layers.W_gate", "blk.{}.ffn_gate.weight"},
        {"layers.W_expand", "blk.{}.ffn_up.weight"},
        {"layers.W_contract", "blk.{}.ffn_down.weight"},
        {"gain", "output_norm.weight"},
        {"W_logits", "output.weight"},
        copy_of("embedding", "output.weight"),
    });
}
}  // namespace detail

/// Name map of the architecture "llama": Llama 1 and 2, Mistral, SmolLM2.
inline constexpr auto llama = detail::llama_names(neighbours);
/// Name map of Llama 3.1 and later. Their tensor rope_freqs holds the factors of scaling::llama3;
/// it is not loaded, but `describe` checks it.
inline constexpr auto llama3 = joined(llama, {ignored("rope_freqs.weight")});
/// Name map of the architecture "qwen2".
inline constexpr auto qwen2 = detail::llama_names(halves);

/// Name map of the architecture "phi3".
inline constexpr name_entry phi3[] = {
    {"embedding", "token_embd.weight"},
    {"layers.gain_1", "blk.{}.attn_norm.weight"},
    {"layers.W_query", "blk.{}.attn_qkv.weight", successive | halves},
    {"layers.W_key", "blk.{}.attn_qkv.weight", successive | halves},
    {"layers.W_value", "blk.{}.attn_qkv.weight", successive},
    {"layers.W_out", "blk.{}.attn_output.weight"},
    {"layers.gain_2", "blk.{}.ffn_norm.weight"},
    {"layers.W_gate", "blk.{}.ffn_up.weight", successive},
    {"layers.W_expand", "blk.{}.ffn_up.weight", successive},
    {"layers.W_contract", "blk.{}.ffn_down.weight"},
    {"gain", "output_norm.weight"},
    {"W_logits", "output.weight"},
    copy_of("embedding", "output.weight"),
};

/// Name map of the architecture "bert", without pooling.
inline constexpr name_entry bert[] = {
    {"embedding", "token_embd.weight"},
    {"position", "position_embd.weight", rows_from(0)},
    {"segment_embedding", "token_types.weight"},
    {"embedding_gain", "token_embd_norm.weight"},
    {"embedding_bias", "token_embd_norm.bias"},
    {"layers.W_query", "blk.{}.attn_q.weight"},
    {"layers.b_query", "blk.{}.attn_q.bias", flat},
    {"layers.W_key", "blk.{}.attn_k.weight"},
    {"layers.b_key", "blk.{}.attn_k.bias", flat},
    {"layers.W_value", "blk.{}.attn_v.weight"},
    {"layers.b_value", "blk.{}.attn_v.bias", flat},
    {"layers.W_out", "blk.{}.attn_output.weight"},
    {"layers.b_out", "blk.{}.attn_output.bias"},
    {"layers.gain_1", "blk.{}.attn_output_norm.weight"},
    {"layers.bias_1", "blk.{}.attn_output_norm.bias"},
    {"layers.W_expand", "blk.{}.ffn_up.weight"},
    {"layers.b_expand", "blk.{}.ffn_up.bias"},
    {"layers.W_contract", "blk.{}.ffn_down.weight"},
    {"layers.b_contract", "blk.{}.ffn_down.bias"},
    {"layers.gain_2", "blk.{}.layer_output_norm.weight"},
    {"layers.bias_2", "blk.{}.layer_output_norm.bias"},
};

/// Name map of the architecture "t5", both versions.
inline constexpr name_entry t5[] = {
    {"embedding", "token_embd.weight"},
    {"source_relative", "enc.blk.0.attn_rel_b.weight", transposed},
    {"encoder.gain_1", "enc.blk.{}.attn_norm.weight"},
    {"encoder.W_query", "enc.blk.{}.attn_q.weight"},
    {"encoder.W_key", "enc.blk.{}.attn_k.weight"},
    {"encoder.W_value", "enc.blk.{}.attn_v.weight"},
    {"encoder.W_out", "enc.blk.{}.attn_o.weight"},
    {"encoder.gain_2", "enc.blk.{}.ffn_norm.weight"},
    {"encoder.W_gate", "enc.blk.{}.ffn_gate.weight"},
    {"encoder.W_expand", "enc.blk.{}.ffn_up.weight"},
    {"encoder.W_contract", "enc.blk.{}.ffn_down.weight"},
    {"source_gain", "enc.output_norm.weight"},
    {"relative", "dec.blk.0.attn_rel_b.weight", transposed},
    {"decoder.gain_1", "dec.blk.{}.attn_norm.weight"},
    {"decoder.W_query", "dec.blk.{}.attn_q.weight"},
    {"decoder.W_key", "dec.blk.{}.attn_k.weight"},
    {"decoder.W_value", "dec.blk.{}.attn_v.weight"},
    {"decoder.W_out", "dec.blk.{}.attn_o.weight"},
    {"decoder.gain_2", "dec.blk.{}.cross_attn_norm.weight"},
    {"decoder.cross_W_query", "dec.blk.{}.cross_attn_q.weight"},
    {"decoder.cross_W_key", "dec.blk.{}.cross_attn_k.weight"},
    {"decoder.cross_W_value", "dec.blk.{}.cross_attn_v.weight"},
    {"decoder.cross_W_out", "dec.blk.{}.cross_attn_o.weight"},
    {"decoder.gain_3", "dec.blk.{}.ffn_norm.weight"},
    {"decoder.W_gate", "dec.blk.{}.ffn_gate.weight"},
    {"decoder.W_expand", "dec.blk.{}.ffn_up.weight"},
    {"decoder.W_contract", "dec.blk.{}.ffn_down.weight"},
    {"gain", "dec.output_norm.weight"},
    {"W_logits", "output.weight"},
    copy_of("embedding", "output.weight"),
    ignored("dec.blk.0.cross_attn_rel_b.weight"),
};

}  // namespace sequent::inline SEQUENT_ABI::io::llama_cpp
