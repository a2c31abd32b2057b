#pragma once

#include <array>

#include "../config.hpp"
#include "../io/placement.hpp"

/// The tensors of llama.cpp's files, for the presets:
/// `io::load<Model>(io::gguf_file("model.gguf").tensors(), parameters, io::llama_cpp::llama)`.
namespace sequent::inline SEQUENT_ABI::io::llama_cpp {

namespace detail {
/// The converter puts the rows of queries and keys into the order of rotary() for the architecture
/// "llama" alone.
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
        constant("layers.b_out", 0),
        constant("layers.b_gate", 0),
        constant("layers.b_expand", 0),
        constant("layers.b_contract", 0),
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

/// Of the architecture "llama": Llama 1 and 2, Mistral, SmolLM2. (The tensor rope_freqs of
/// Llama 3.1 scales frequencies; a file that has it is refused.)
inline constexpr auto llama = detail::llama_names(neighbours);
/// Of "qwen2", for llama<biases<true>>: only queries, keys and values have biases in the file.
inline constexpr auto qwen2 = detail::llama_names(halves);

}  // namespace sequent::inline SEQUENT_ABI::io::llama_cpp
