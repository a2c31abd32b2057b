#pragma once

#include "scores.hpp"

/// The parts of a layer: attention with one head, attention with several heads, the feed-forward
/// part.

namespace sequent::inline SEQUENT_ABI::nn {

/// Attention with one head, from `Input`(i) to attended(i): softmax(scores) V with V linear in the
/// input. By default the scores are Q K^T / sqrt(d), with Q and K linear in the input (arXiv
/// 1706.03762, equation 1).
template <shape Shape, class Mask, class Input>
inline constexpr auto attention_rules = [] {
    constexpr Input input;
    constexpr weight<"W_value", Shape.width, Shape.width> W_value;
    constexpr weight<"b_value", Shape.width> b_value;
    static_assert(!mask::detail::of_heads<Mask>, "sequent: masks of each head need several heads");
    // clang-format off
    return rules(
        score_part_rules<Shape, Input, Input, "">(),
        value(i)      <<= query_biased<Shape>(input(i)[W_value], b_value),
        score_rules<Shape, Mask, "">(),
        attended(i)   <<= (weights(i, j), value(j)) | product() | sum(j));
    // clang-format on
}();

/// Multi-head attention, whose heads are concatenated and mapped, to attended(i) (arXiv 1706.03762,
/// section 3.2.2). Queries are linear in `Input`(i), keys and values in `Context`(i), which is the
/// input in self-attention. Names begin with `Prefix`.
template <shape Shape, class Mask, class Input, class Context = Input, fixed_string Prefix = "">
inline constexpr auto multi_head_rules = with_heads<Shape>([](auto key_head, auto... query) {
    constexpr int d = Shape.width;
    constexpr int d_head = Shape.head_width;
    constexpr Context context;
    using name = attention_names<Prefix>;
    constexpr weight<Prefix + "W_value", d_head, d> W_value;
    constexpr weight<Prefix + "W_out", d, d_head * Shape.heads> W_out;
    constexpr weight<Prefix + "b_value", d_head> b_value;
    constexpr weight<Prefix + "b_out", d> b_out;
    const auto head_rules = [=] {
        if constexpr (Shape.attention_sinks) {
            constexpr sunk_column<Shape> s;
            return rules(sink_rules<Shape, Mask, Prefix>(key_head, query...),
                         name::head(key_head, query..., i) <<=
                         (name::weights(key_head, query..., i, s), name::sunk_value(key_head, s)) |
                         product() | sum(s));
        } else {
            return rules(score_rules<Shape, Mask, Prefix>(key_head, query...),
                         name::head(key_head, query..., i) <<=
                         (name::weights(key_head, query..., i, j), name::value(key_head, j)) |
                         product() | sum(j));
        }
    };
    // clang-format off
    return rules(
        score_part_rules<Shape, Input, Context, Prefix>(key_head, query...),
        name::value(key_head, i)           <<= query_biased<Shape>(context(i)[W_value(key_head)],
                                                                   b_value(key_head)),
        head_rules(),
        name::joined(i)                    <<= name::head(key_head, query..., i)
                                               | concat(key_head, query...),
        name::attended(i)                  <<= dropped<Shape>(
                                                   biased_if<Shape.attends_with_biases()>(
                                                       name::joined(i)[W_out], b_out)));
    // clang-format on
});

/// The feed-forward part, from `Input`(i) to transformed(i): two linear maps with an activation
/// between; with a gated activation, three linear maps.
template <shape Shape, class Activation, class Input>
inline constexpr auto feed_forward_rules = [] {
    constexpr Input input;
    constexpr weight<"W_gate", Shape.hidden, Shape.width> W_gate;
    constexpr weight<"W_expand", Shape.hidden, Shape.width> W_expand;
    constexpr weight<"W_contract", Shape.width, Shape.hidden> W_contract;
    constexpr weight<"b_gate", Shape.hidden> b_gate;
    constexpr weight<"b_expand", Shape.hidden> b_expand;
    constexpr weight<"b_contract", Shape.width> b_contract;
    // clang-format off
    if constexpr (requires { Activation::gates; })
        return rules(
            gate(i)        <<= activated<typename without_gate<Activation>::type>(
                                   biased<Shape>(input(i)[W_gate], b_gate)),
            expanded(i)    <<= biased<Shape>(input(i)[W_expand], b_expand),
            gated(i)       <<= (gate(i), expanded(i)) | elementwise_product(),
            transformed(i) <<= dropped<Shape>(biased<Shape>(gated(i)[W_contract], b_contract)));
    else
        return rules(
            expanded(i)    <<= activated<Activation>(biased<Shape>(input(i)[W_expand], b_expand)),
            transformed(i) <<= dropped<Shape>(biased<Shape>(expanded(i)[W_contract], b_contract)));
    // clang-format on
}();

}  // namespace sequent::inline SEQUENT_ABI::nn
