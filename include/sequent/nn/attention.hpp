#pragma once

#include "../model.hpp"
#include "vocabulary.hpp"

/// Attention as models of their own.

namespace sequent::inline SEQUENT_ABI {

/// Self-attention of one head: the fact x, tokens x width, to attended, of the same shape. Takes
/// tokens, width, a mask, biases.
template <class... Options>
struct attention : model<nn::attention_rules<nn::shape_of<post_norm, Options...>(),
                                             nn::type_of<nn::option::mask, mask::none, Options...>,
                                             language::relation<"x">>,
                         fact<"x", nn::shape_of<post_norm, Options...>().tokens,
                              nn::shape_of<post_norm, Options...>().width>> {
    static constexpr nn::shape shape = nn::shape_of<post_norm, Options...>();
    static_assert(nn::takes<nn::option::tokens, nn::option::width, nn::option::mask,
                            nn::option::biases>::only<Options...>,
                  "sequent: attention takes tokens, width, a mask, biases");
    static_assert(nn::check_shape<shape>());
};

/// Multi-head self-attention: the fact x, tokens x width, to attended, of the same shape. Takes
/// tokens, width, heads, a mask, biases.
template <class... Options>
struct multi_head_attention
    : model<nn::multi_head_rules<nn::shape_of<post_norm, Options...>(),
                                 nn::type_of<nn::option::mask, mask::none, Options...>,
                                 language::relation<"x">>,
            fact<"x", nn::shape_of<post_norm, Options...>().tokens,
                 nn::shape_of<post_norm, Options...>().width>> {
    static constexpr nn::shape shape = nn::shape_of<post_norm, Options...>();
    static_assert(nn::takes<nn::option::tokens, nn::option::width, nn::option::heads,
                            nn::option::mask, nn::option::biases>::only<Options...>,
                  "sequent: multi_head_attention takes tokens, width, heads, a mask, biases");
    static_assert(nn::check_shape<shape>());
};

}  // namespace sequent::inline SEQUENT_ABI
