#pragma once

#include "../model.hpp"
#include "vocabulary.hpp"

/// Attention as models of their own.

namespace sequent::inline SEQUENT_ABI {

/// Self-attention of one head: the fact x, tokens x width, to attended, of the same shape. Takes
/// tokens, width, a mask, biases, and a synthesizer, what the scores follow from (dot_product by
/// default).
template <class... Options>
struct attention
    : model<nn::attention_rules<nn::arguments<nn::block_defaults, Options...>::shape,
                                typename nn::arguments<nn::block_defaults, Options...>::mask,
                                language::relation<"x">>,
            fact<"x", nn::arguments<nn::block_defaults, Options...>::shape.tokens,
                 nn::arguments<nn::block_defaults, Options...>::shape.width>> {
    static constexpr nn::shape shape = nn::arguments<nn::block_defaults, Options...>::shape;
    static_assert(
        sizeof(nn::takes<nn::option::tokens, nn::option::width, nn::option::mask,
                         nn::option::biases, nn::option::synthesizer>::template check<Options...>) >
        0);
    static_assert(nn::check_shape<shape>());
};

/// Multi-head self-attention: the fact x, tokens x width, to attended, of the same shape. Takes
/// tokens, width, heads, key_heads, head_width, a mask, biases, scaled, score_cap, a position that
/// belongs to attention (none by default), and a synthesizer, what the scores follow from
/// (dot_product by default).
template <class... Options>
struct multi_head_attention
    : model<nn::multi_head_rules<nn::arguments<nn::block_defaults, Options...>::shape,
                                 typename nn::arguments<nn::block_defaults, Options...>::mask,
                                 language::relation<"x">>,
            fact<"x", nn::arguments<nn::block_defaults, Options...>::shape.tokens,
                 nn::arguments<nn::block_defaults, Options...>::shape.width>> {
    static constexpr nn::shape shape = nn::arguments<nn::block_defaults, Options...>::shape;
    static_assert(sizeof(nn::takes<nn::option::tokens, nn::option::width, nn::option::heads,
                                   nn::option::key_heads, nn::option::head_width, nn::option::mask,
                                   nn::option::biases, nn::option::scaled, nn::option::score_cap,
                                   nn::option::position,
                                   nn::option::synthesizer>::template check<Options...>) > 0);
    static_assert(nn::check_shape<shape>());
    static_assert(nn::check_position_of_attention<shape>());
    static_assert(shape.position != nn::position_kind::relative_buckets,
                  "sequent: relative_buckets are shared by layers; take position::relative");
};

}  // namespace sequent::inline SEQUENT_ABI
