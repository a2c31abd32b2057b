#pragma once

#include "attention.hpp"

/// Transformers, written as rules.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Input of a layer after the first norm.
inline constexpr relation<"normal_x"> normal_x;
/// Output of cross-attention.
inline constexpr relation<"cross_attended"> cross_attended;
/// Residual sum after cross-attention; normalised with `post_norm`.
inline constexpr relation<"beyond"> beyond;
/// The residual sum after cross-attention, normalised.
inline constexpr relation<"normal_beyond"> normal_beyond;
/// Fact: symbols of a language model or an encoder.
inline constexpr relation<"token"> token;
/// Fact: input of an encoder-decoder's encoder.
inline constexpr relation<"source"> source;
/// Fact: symbols of an encoder-decoder's decoder.
inline constexpr relation<"target"> target;
/// Input of the first layer.
inline constexpr relation<"embedded"> embedded;
/// Input of the first layer of an encoder.
inline constexpr relation<"source_embedded"> source_embedded;
/// Output of the last layer, normalised.
inline constexpr relation<"normal_layers"> normal_layers;
/// Output of the decoder divided by the square root of the width (T5).
inline constexpr relation<"scaled_layers"> scaled_layers;
/// Logits.
inline constexpr relation<"logits"> logits;

/// The relation that a branch adds to the residual path: its result, or that with a norm or a
/// scale.
template <shape Shape, fixed_string Name>
using branch = std::conditional_t<Shape.branch_norms || Shape.layer_scale,
                                  relation<Name + "_branch">, relation<Name>>;

/// The rule that applies a norm or a scale to a branch's result, if there is one.
template <shape Shape, fixed_string Name>
inline constexpr auto branch_rules = [] {
    constexpr relation<Name> result;
    constexpr branch<Shape, Name> added;
    constexpr weight<Name + "_gain", Shape.width> gain;
    constexpr weight<Name + "_bias", Shape.width> bias;
    constexpr weight<Name + "_scale", Shape.width> factor;
    static_assert(!Shape.branch_norms || !Shape.layer_scale,
                  "sequent: branches have norms or a scale");
    if constexpr (Shape.branch_norms)
        return rules(added(i) <<= normalized<Shape>(result(i), gain, bias));
    else if constexpr (Shape.layer_scale)
        return rules(added(i) <<= (result(i), factor) | elementwise_product());
    else
        return rules();
}();

/// One layer, from x(i) to y(i). Norms precede each branch, which leaves the residual path free
/// (arXiv 2002.04745), or follow each residual sum (arXiv 1706.03762, section 3.1); or both
/// branches read the layer's input. Without `FirstNorm`, attention reads x directly.
template <shape Shape, class Mask, class Activation, bool FirstNorm = Shape.norm_first>
inline constexpr auto block_rules = [] {
    constexpr weight<"gain_1", Shape.width> gain_1;
    constexpr weight<"bias_1", Shape.width> bias_1;
    constexpr weight<"gain_2", Shape.width> gain_2;
    constexpr weight<"bias_2", Shape.width> bias_2;
    constexpr branch<Shape, "attended"> attended_branch;
    constexpr branch<Shape, "transformed"> transformed_branch;
    using attention_input = std::conditional_t<FirstNorm, relation<"normal_x">, relation<"x">>;
    // clang-format off
    constexpr auto attention_part = [=] {
        constexpr auto parts = rules(multi_head_rules<Shape, Mask, attention_input>,
                                     branch_rules<Shape, "attended">);
        if constexpr (FirstNorm)
            return rules(normal_x(i) <<= normalized<Shape>(x(i), gain_1, bias_1), parts);
        else
            return parts;
    }();
    if constexpr (Shape.parallel_branches == 1)
        return rules(
            attention_part,
            feed_forward_rules<Shape, Activation, attention_input>,
            branch_rules<Shape, "transformed">,
            y(i)              <<= (x(i), attended_branch(i), transformed_branch(i)));
    else if constexpr (Shape.parallel_branches == 2)
        return rules(
            attention_part,
            normal_between(i) <<= normalized<Shape>(x(i), gain_2, bias_2),
            feed_forward_rules<Shape, Activation, relation<"normal_between">>,
            branch_rules<Shape, "transformed">,
            y(i)              <<= (x(i), attended_branch(i), transformed_branch(i)));
    else if constexpr (Shape.norm_first)
        return rules(
            attention_part,
            between(i)        <<= (x(i), attended_branch(i)),
            normal_between(i) <<= normalized<Shape>(between(i), gain_2, bias_2),
            feed_forward_rules<Shape, Activation, relation<"normal_between">>,
            branch_rules<Shape, "transformed">,
            y(i)              <<= (between(i), transformed_branch(i)));
    else
        return rules(
            attention_part,
            between(i) <<= normalized<Shape>((x(i), attended_branch(i)), gain_1, bias_1),
            feed_forward_rules<Shape, Activation, relation<"between">>,
            branch_rules<Shape, "transformed">,
            y(i)       <<= normalized<Shape>((between(i), transformed_branch(i)), gain_2, bias_2));
    // clang-format on
}();

/// The shape of attention across two sequences: it has no common positions and its scores are dot
/// products.
consteval shape across(shape of) {
    of.position = position_kind::none;
    of.scores = {};
    of.attention_sinks = false;
    return of;
}

/// One decoder layer: as `block_rules`, with attention from each position to memory(j) between the
/// two branches (arXiv 1706.03762, section 3.1).
template <shape Shape, class Mask, class MemoryMask, class Activation>
inline constexpr auto decoder_block_rules = [] {
    constexpr weight<"gain_1", Shape.width> gain_1;
    constexpr weight<"bias_1", Shape.width> bias_1;
    constexpr weight<"gain_2", Shape.width> gain_2;
    constexpr weight<"bias_2", Shape.width> bias_2;
    constexpr weight<"gain_3", Shape.width> gain_3;
    constexpr weight<"bias_3", Shape.width> bias_3;
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            normal_x(i)       <<= normalized<Shape>(x(i), gain_1, bias_1),
            multi_head_rules<Shape, Mask, relation<"normal_x">>,
            between(i)        <<= (x(i), attended(i)),
            normal_between(i) <<= normalized<Shape>(between(i), gain_2, bias_2),
            multi_head_rules<across(Shape), MemoryMask, relation<"normal_between">,
                             relation<"memory">, "cross_">,
            beyond(i)         <<= (between(i), cross_attended(i)),
            normal_beyond(i)  <<= normalized<Shape>(beyond(i), gain_3, bias_3),
            feed_forward_rules<Shape, Activation, relation<"normal_beyond">>,
            y(i)              <<= (beyond(i), transformed(i)));
    else
        return rules(
            multi_head_rules<Shape, Mask, relation<"x">>,
            between(i) <<= normalized<Shape>((x(i), attended(i)), gain_1, bias_1),
            multi_head_rules<across(Shape), MemoryMask, relation<"between">, relation<"memory">,
                             "cross_">,
            beyond(i)  <<= normalized<Shape>((between(i), cross_attended(i)), gain_2, bias_2),
            feed_forward_rules<Shape, Activation, relation<"beyond">>,
            y(i)       <<= normalized<Shape>((beyond(i), transformed(i)), gain_3, bias_3));
    // clang-format on
}();

/// A stack of layers, from `From`(i) through `Layers`(i) to `To`(i). With `pre_norm`, one more norm
/// follows; the names of its weights begin with `Prefix`.
template <shape Shape, const auto& Block, class From, class Layers, class To,
          fixed_string Prefix = "">
inline constexpr auto stack_rules = [] {
    constexpr From below;
    constexpr Layers between_them;
    constexpr To above;
    constexpr weight<Prefix + "gain", Shape.width> gain;
    constexpr weight<Prefix + "bias", Shape.width> bias;
    constexpr auto stacked = [] {
        if constexpr (Shape.shared_layers)
            return repeat<Shape.depth>(Block);
        else
            return stack<Shape.depth>(Block);
    }();
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            between_them(i) <<= below(i) | stacked,
            above(i)        <<= normalized<Shape>(between_them(i), gain, bias));
    else
        return rules(
            above(i)        <<= below(i) | stacked);
    // clang-format on
}();

/// The relation of the last layer's output, after the last norm if there is one.
template <shape Shape>
using result_of_layers =
    std::conditional_t<Shape.norm_first, relation<"normal_layers">, relation<"layers">>;

/// Layers from x(i) to y(i), or to layers(i) with a depth above 1 and `post_norm`.
template <shape Shape, class Mask, const auto& Block>
inline constexpr auto layers_rules = [] {
    if constexpr (Shape.depth == 1)
        return rules(distance_rules<Shape, !mask::looks_back<Mask>>, Block);
    else
        return rules(
            distance_rules<Shape, !mask::looks_back<Mask>>,
            stack_rules<Shape, Block, relation<"x">, relation<"layers">,
                        std::conditional_t<Shape.norm_first, relation<"y">, relation<"layers">>>);
}();

/// The rules of `transformer::encoder`.
template <shape Shape, class Mask, class Activation>
inline constexpr auto& encoder_rules =
    layers_rules<Shape, Mask, block_rules<Shape, Mask, Activation>>;
/// The rules of `transformer::decoder`.
template <shape Shape, class Mask, class MemoryMask, class Activation>
inline constexpr auto& decoder_rules =
    layers_rules<Shape, Mask, decoder_block_rules<Shape, Mask, MemoryMask, Activation>>;

/// The body times the square root of the width.
template <shape Shape, class Body>
constexpr auto scaled_by_width(Body body) noexcept {
    return body | language::scale(Shape.width * inverse_sqrt(Shape.width).value);
}

/// The embedding of a symbol, with the embedding of its position if that is added.
template <shape Shape, fixed_string Prefix, class Token, class Embedding>
constexpr auto embedding_of(Token symbols, Embedding table) noexcept {
    constexpr weight<Prefix + "position", Shape.width> position;
    if constexpr (Shape.adds_positions())
        return dropped<Shape>((symbols(i)[table], position(i)));
    else if constexpr (Shape.position == position_kind::sinusoidal)
        // Initial embeddings are near zero, sines and cosines near one (arXiv 1706.03762, 3.4).
        return dropped<Shape>(scaled_by_width<Shape>(symbols(i)[table]) | sinusoidal(i));
    else
        return dropped<Shape>(symbols(i)[table]);
}

/// Logits through the embedding (arXiv 1608.05859), or through a matrix of their own with
/// `tied<false>`.
template <shape Shape, class States, class Embedding>
constexpr auto logits_of(States states, Embedding table) noexcept {
    constexpr weight<"W_logits", Shape.vocabulary, Shape.width> W_logits;
    if constexpr (Shape.tied)
        return states(i)[table];
    else
        return states(i)[W_logits];
}

/// The encoder's input from symbols, which share the decoder's embedding or have their own.
template <shape Shape>
inline constexpr auto source_symbol_rules = [] {
    constexpr shape Source = Shape.source();
    using table = std::conditional_t<(Shape.source_vocabulary > 0),
                                     weight<"source_embedding", Source.vocabulary, Shape.width>,
                                     weight<"embedding", Shape.vocabulary, Shape.width>>;
    return rules(source_embedded(i) <<= embedding_of<Source, "source_">(source, table{}));
}();

/// An encoder over source_embedded(j), which `SourceRules` defines, a decoder over target(i), and
/// logits (arXiv 1706.03762).
template <shape Shape, class Mask, class Activation, const auto& SourceRules>
inline constexpr auto encoder_decoder_rules = [] {
    constexpr shape Source = Shape.source();
    using source_mask = padded_mask<Shape.padded, mask::none, "source_length">;
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr auto& encoder_block = block_rules<Source, source_mask, Activation>;
    constexpr auto& decoder_block = decoder_block_rules<Shape, Mask, source_mask, Activation>;
    using result =
        std::conditional_t<Shape.norm_first, relation<"normal_layers">, relation<"decoder">>;
    // clang-format off
    constexpr auto states = rules(
        distance_rules<Source, true>,
        distance_rules<Shape, !mask::looks_back<Mask>>,
        SourceRules,
        stack_rules<Source, encoder_block, relation<"source_embedded">, relation<"encoder">,
                    relation<"memory">, "source_">,
        embedded(i)        <<= embedding_of<Shape, "">(target, embedding),
        stack_rules<Shape, decoder_block, relation<"embedded">, relation<"decoder">, result>);
    if constexpr (Shape.scaled_logits && Shape.tied)
        return rules(
            states,
            scaled_layers(i) <<= result{}(i) | language::scale(inverse_sqrt(Shape.width).value),
            logits(i)        <<= logits_of<Shape>(scaled_layers, embedding));
    else
        return rules(
            states,
            logits(i)        <<= logits_of<Shape>(result{}, embedding));
    // clang-format on
}();

/// The model of `transformer::encoder`.
template <class Arguments>
using encoder_model = typename fact_list<sequence_fact<
    Arguments::shape.any_length, "x", Arguments::shape.tokens,
    Arguments::shape.width>>::template with<bound<"length">, Arguments::shape.padded>::
    template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
        encoder_rules<Arguments::shape,
                      padded_mask<Arguments::shape.padded, typename Arguments::mask, "length">,
                      typename Arguments::activation>>;

/// The model of `transformer::decoder`.
template <class Arguments>
using decoder_model =
    typename fact_list<sequence_fact<Arguments::shape.any_length, "x", Arguments::shape.tokens,
                                     Arguments::shape.width>,
                       sequence_fact<Arguments::shape.any_length, "memory",
                                     Arguments::shape.source_tokens, Arguments::shape.width>>::
        template with<bound<"source_length">, Arguments::shape.padded>::
            template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
                decoder_rules<Arguments::shape, typename Arguments::mask,
                              padded_mask<Arguments::shape.padded, mask::none, "source_length">,
                              typename Arguments::activation>>;

/// An encoder-decoder with a given source fact and the rules that embed it.
template <class Arguments, class SourceFact, const auto& SourceRules>
using model_of_source =
    typename fact_list<SourceFact,
                       sequence_fact<Arguments::shape.any_length, "target", Arguments::shape.tokens,
                                     symbol<Arguments::shape.vocabulary>>>::
        template with<bound<"source_length">, Arguments::shape.padded>::
            template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
                encoder_decoder_rules<Arguments::shape, typename Arguments::mask,
                                      typename Arguments::activation, SourceRules>>;

/// The model of `transformer::encoder_decoder`.
template <class Arguments>
using encoder_decoder_model = model_of_source<
    Arguments,
    sequence_fact<Arguments::shape.any_length, "source", Arguments::shape.source_tokens,
                  symbol<Arguments::shape.source().vocabulary>>,
    source_symbol_rules<Arguments::shape>>;

/// Options of a single layer. The structs below are the option sets of the templates, with their
/// defaults.
struct layer_options
    : multi_head_options::with<derived<sequent::hidden>, activation::relu, dropout_percent<0>,
                               any_length<false>, normalization::layer<>, attention_biases<true>,
                               query_biases<false>, head_norms<false>, branch_norms<false>,
                               layer_scale<false>, parallel_branches<0>, derived<score_width>> {};
/// Options of `transformer::encoder`.
struct encoder_options : layer_options::with<depth<1>, padded<false>, post_norm> {};
/// Options of `transformer::decoder`.
struct decoder_options
    : multi_head_options::with<derived<source_tokens>, derived<sequent::hidden>, depth<1>,
                               mask::causal, activation::relu, dropout_percent<0>, padded<false>,
                               any_length<false>, post_norm, normalization::layer<>> {};
/// Options of `transformer::encoder_decoder`.
struct encoder_decoder_options
    : decoder_options::with<required<vocabulary>, source_vocabulary<0>, derived<source_depth>,
                            tied<true>, pre_norm, position::sinusoidal> {};

}  // namespace nn

namespace transformer {

/// Encoder layers. Fact: `x`, tokens x width. Output: `y`, or `layers` with a depth above 1 and
/// `post_norm`; tokens x width. Takes `nn::encoder_options`; the position is one that belongs to
/// attention, not to an embedding. With `padded<true>`, the count `length` tells how many positions
/// exist.
template <class... Options>
struct encoder
    : nn::with_options<nn::encoder_model, nn::arguments<encoder, nn::encoder_options, Options...>> {
};

/// Decoder layers with cross-attention. Facts: `x`, tokens x width, and `memory`, source_tokens x
/// width. Output: as that of `encoder`. Takes `nn::decoder_options`. With `padded<true>`, the count
/// `source_length` tells how many rows of the memory exist.
template <class... Options>
struct decoder
    : nn::with_options<nn::decoder_model, nn::arguments<decoder, nn::decoder_options, Options...>> {
};

/// An encoder-decoder. Facts: `source` and `target`, symbols. Output: `logits`, tokens x
/// vocabulary; row i predicts the symbol at position i + 1 of the target, whose first symbol is a
/// start symbol. With `padded<true>`, the count `source_length` tells how many symbols the source
/// has. Takes `nn::encoder_decoder_options`; the mask is that of the decoder. A synthesizer applies
/// to the self-attention of both sides; cross-attention always uses dot products.
template <class... Options>
struct encoder_decoder
    : nn::with_options<nn::encoder_decoder_model,
                       nn::arguments<encoder_decoder, nn::encoder_decoder_options, Options...>> {};

}  // namespace transformer

}  // namespace sequent::inline SEQUENT_ABI
