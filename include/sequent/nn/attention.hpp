#pragma once

#include "../model.hpp"
#include "parts.hpp"

/// Attention layers as models.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Options of `attention`, with their defaults.
struct attention_options : options<required<tokens>, required<width>, mask::none, biases<true>,
                                   synthesizer::dot_product> {};
/// Options of `multi_head_attention`, with their defaults.
struct multi_head_options
    : attention_options::with<heads<1>, derived<key_heads>, derived<head_width>, scaled<true>,
                              score_cap<0>, position::none, attention_sinks<false>> {};

/// The model of `attention`.
template <class Arguments>
using attention_model =
    model<attention_rules<Arguments::shape, typename Arguments::mask, relation<"x">>,
          fact<"x", Arguments::shape.tokens, Arguments::shape.width>>;
/// The model of `multi_head_attention`.
template <class Arguments>
using multi_head_model =
    model<multi_head_rules<Arguments::shape, typename Arguments::mask, relation<"x">>,
          fact<"x", Arguments::shape.tokens, Arguments::shape.width>>;

}  // namespace nn

/// Self-attention with one head and no output map. Fact: `x`, tokens x width. Output: `attended`,
/// tokens x width. Takes `nn::attention_options`.
template <class... Options>
struct attention : nn::with_options<nn::attention_model,
                                    nn::arguments<attention, nn::attention_options, Options...>> {};

/// Multi-head self-attention. Fact: `x`, tokens x width. Output: `attended`, tokens x width. Takes
/// `nn::multi_head_options`; the position is one that belongs to attention, not to an embedding.
template <class... Options>
struct multi_head_attention
    : nn::with_options<nn::multi_head_model,
                       nn::arguments<multi_head_attention, nn::multi_head_options, Options...>> {
    static_assert(multi_head_attention::shape.position != nn::position_kind::relative_buckets,
                  "sequent: relative_buckets are shared by layers; take position::relative");
};

}  // namespace sequent::inline SEQUENT_ABI
