#pragma once

#include "attention.hpp"

/// Transformers, written as rules.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

inline constexpr relation<"normal_x"> normal_x;
inline constexpr relation<"between"> between;
inline constexpr relation<"normal_between"> normal_between;
inline constexpr relation<"token"> token;
inline constexpr relation<"embedded"> embedded;
inline constexpr relation<"layers"> layers;
inline constexpr relation<"normal_layers"> normal_layers;
inline constexpr relation<"logits"> logits;

/// One layer, from x(i) to y(i). The layer norms stand before each part, which leaves the residual
/// path free (arXiv 2002.04745), or after each residual sum (arXiv 1706.03762, section 3.1).
template <shape Shape, class Mask, class Activation>
inline constexpr auto block_rules = [] {
    constexpr weight<"gain_1", Shape.width> gain_1;
    constexpr weight<"bias_1", Shape.width> bias_1;
    constexpr weight<"gain_2", Shape.width> gain_2;
    constexpr weight<"bias_2", Shape.width> bias_2;
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            normal_x(i)       <<= x(i) | layer_norm(gain_1, bias_1),
            multi_head_rules<Shape, Mask, relation<"normal_x">>,
            between(i)        <<= (x(i), attended(i)),
            normal_between(i) <<= between(i) | layer_norm(gain_2, bias_2),
            feed_forward_rules<Shape, Activation, relation<"normal_between">>,
            y(i)              <<= (between(i), transformed(i)));
    else
        return rules(
            multi_head_rules<Shape, Mask, relation<"x">>,
            between(i) <<= (x(i), attended(i)) | layer_norm(gain_1, bias_1),
            feed_forward_rules<Shape, Activation, relation<"between">>,
            y(i)       <<= (between(i), transformed(i)) | layer_norm(gain_2, bias_2));
    // clang-format on
}();

/// Learned positions, a stack of layers, and logits through the embedding (arXiv 1608.05859).
template <shape Shape, class Mask, class Activation>
inline constexpr auto language_model_rules = [] {
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr weight<"position", Shape.width> position;
    constexpr weight<"gain", Shape.width> gain;
    constexpr weight<"bias", Shape.width> bias;
    // clang-format off
    return rules(
        embedded(i)      <<= (token(i)[embedding], position(i)),
        layers(i)        <<= embedded(i) | stack<Shape.depth>(block_rules<Shape, Mask, Activation>),
        normal_layers(i) <<= layers(i) | layer_norm(gain, bias),
        logits(i)        <<= normal_layers(i)[embedding]);
    // clang-format on
}();

}  // namespace nn

namespace transformer {

/// One encoder layer: the fact x, tokens x width, to y, of the same shape. Takes tokens, width,
/// heads, hidden, a mask, an activation (relu by default), biases, pre_norm or post_norm (the
/// default).
template <class... Options>
struct encoder
    : model<nn::block_rules<nn::shape_of<post_norm, Options...>(),
                            nn::type_of<nn::option::mask, mask::none, Options...>,
                            nn::type_of<nn::option::activation, activation::relu, Options...>>,
            fact<"x", nn::shape_of<post_norm, Options...>().tokens,
                 nn::shape_of<post_norm, Options...>().width>> {
    static constexpr nn::shape shape = nn::shape_of<post_norm, Options...>();
    static_assert(nn::takes<nn::option::tokens, nn::option::width, nn::option::heads,
                            nn::option::hidden, nn::option::mask, nn::option::activation,
                            nn::option::biases, nn::option::norm_place>::only<Options...>,
                  "sequent: encoder takes tokens, width, heads, hidden, a mask, an activation, "
                  "biases, pre_norm or post_norm");
    static_assert(nn::check_shape<shape>());
};

/// A decoder-only language model: the fact token, symbols, to logits, tokens x vocabulary; row i
/// predicts the symbol after position i. Takes vocabulary, tokens, width, heads, depth, hidden, a
/// mask (causal by default), an activation (gelu by default), biases, pre_norm (the default) or
/// post_norm.
template <class... Options>
struct language_model
    : model<nn::language_model_rules<
                nn::shape_of<pre_norm, Options...>(),
                nn::type_of<nn::option::mask, mask::causal, Options...>,
                nn::type_of<nn::option::activation, activation::gelu, Options...>>,
            fact<"token", nn::shape_of<pre_norm, Options...>().tokens,
                 symbol<nn::shape_of<pre_norm, Options...>().vocabulary>>> {
    static constexpr nn::shape shape = nn::shape_of<pre_norm, Options...>();
    static_assert(
        nn::takes<nn::option::vocabulary, nn::option::tokens, nn::option::width, nn::option::heads,
                  nn::option::depth, nn::option::hidden, nn::option::mask, nn::option::activation,
                  nn::option::biases, nn::option::norm_place>::only<Options...>,
        "sequent: language_model takes vocabulary, tokens, width, heads, depth, hidden, "
        "a mask, an activation, biases, pre_norm or post_norm");
    static_assert(nn::check_shape<shape>());
    static_assert(shape.vocabulary > 0, "sequent: the option vocabulary<N> is missing");

    /// As GPT-2 begins: gains one, biases zero, all else normal with deviation 0.02, and less by
    /// sqrt(2 depth) where a branch joins the residual path, so that the layers' outputs do not
    /// drown the embedding.
    template <class T>
    static void initialize(typename language_model::template parameters<T>& p,
                           std::uint64_t seed = 0) {
        language_model::model::initialize(p, seed);
        const double joining = 1 / std::sqrt(2.0 * shape.depth);
        language_model::for_each(p, [&](std::string_view name, auto view) {
            if (!name.starts_with("layers.W_")) return;
            const bool joins = name.ends_with("W_out") || name.ends_with("W_contract");
            const double inputs = view.extents[static_cast<std::size_t>(view.rank - 1)];
            const double factor = 0.02 * std::sqrt(inputs) * (joins ? joining : 1.0);
            for (int at = 0; at < view.size(); ++at) view.element(at) *= static_cast<T>(factor);
        });
    }
};

}  // namespace transformer
}  // namespace sequent::inline SEQUENT_ABI
