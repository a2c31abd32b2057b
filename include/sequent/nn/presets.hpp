#pragma once

#include "transformer.hpp"

/// Architectures by name, with the defaults that their published models have. Where files of such
/// models come from Hugging Face, io::hugging_face has the names of their tensors.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

inline constexpr relation<"segment"> segment;
inline constexpr relation<"pooled"> pooled;
inline constexpr relation<"patch"> patch;
inline constexpr relation<"from_patch"> from_patch;
inline constexpr relation<"sequence"> sequence;
inline constexpr relation<"predicted"> predicted;

using gpt2_defaults = defaults<pre_norm, mask::causal, activation::gelu_tanh,
                               normalization::layer<>, position::learned>;
using llama_defaults = defaults<pre_norm, mask::causal, activation::swiglu, normalization::rms<>,
                                position::rotary<>, false>;
struct bert_defaults : defaults<post_norm, mask::none, activation::gelu, normalization::layer<12>,
                                position::learned> {
    static constexpr bool padded = true;
};
using vit_defaults =
    defaults<pre_norm, mask::none, activation::gelu, normalization::layer<6>, position::learned>;

struct t5_defaults : defaults<pre_norm, mask::causal, activation::relu, normalization::rms<6>,
                              position::relative_buckets<>, false> {
    static constexpr bool padded = true;
    static constexpr bool scaled = false;
    static constexpr bool scaled_logits = true;
};

/// From symbols to layers(i): what is embedded is normalised, and so is every residual sum.
template <shape Shape, class Mask, class Activation>
inline constexpr auto bert_rules = [] {
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr weight<"segment_embedding", Shape.segments, Shape.width> segment_embedding;
    constexpr weight<"position", Shape.width> position;
    constexpr weight<"gain", Shape.width> gain;
    constexpr weight<"bias", Shape.width> bias;
    // clang-format off
    return rules(
        embedded(i) <<= dropped<Shape>(normalized<Shape>(
                            (token(i)[embedding], segment(i)[segment_embedding], position(i)),
                            gain, bias)),
        layers(i)   <<= embedded(i) | stack<Shape.depth>(block_rules<Shape, Mask, Activation>));
    // clang-format on
}();

/// What the first position, which stands for the whole text, says.
template <shape Shape, class Mask, class Activation>
inline constexpr auto bert_pooled_rules = [] {
    constexpr weight<"W_pool", Shape.width, Shape.width> W_pool;
    constexpr weight<"b_pool", Shape.width> b_pool;
    return rules(bert_rules<Shape, Mask, Activation>,
                 pooled() <<= (layers(0)[W_pool], b_pool) | tanh());
}();

/// Logits of the symbol at each position.
template <shape Shape, class Mask, class Activation>
inline constexpr auto bert_masked_language_rules = [] {
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr weight<"W_predict", Shape.width, Shape.width> W_predict;
    constexpr weight<"b_predict", Shape.width> b_predict;
    constexpr weight<"gain_predict", Shape.width> gain_predict;
    constexpr weight<"bias_predict", Shape.width> bias_predict;
    constexpr weight<"b_logits", Shape.vocabulary> b_logits;
    // clang-format off
    return rules(
        bert_rules<Shape, Mask, Activation>,
        predicted(i) <<= normalized<Shape>((layers(i)[W_predict], b_predict) | Activation::rule,
                                           gain_predict, bias_predict),
        logits(i)    <<= (predicted(i)[embedding], b_logits));
    // clang-format on
}();

/// A class token stands before the patches, and its state is classified (arXiv 2010.11929,
/// equations 1 to 4).
template <shape Shape, class Mask, class Activation>
inline constexpr auto vit_rules = [] {
    constexpr var<"s", Shape.tokens + 1> s;
    constexpr weight<"W_patch", Shape.width, Shape.patch_width> W_patch;
    constexpr weight<"b_patch", Shape.width> b_patch;
    constexpr weight<"class_token", Shape.width> class_token;
    constexpr weight<"position", Shape.width> position;
    constexpr weight<"W_logits", Shape.classes, Shape.width> W_logits;
    constexpr weight<"b_logits", Shape.classes> b_logits;
    constexpr auto& block = block_rules<Shape, Mask, Activation>;
    // clang-format off
    return rules(
        from_patch(i) <<= (patch(i)[W_patch], b_patch),
        sequence(s)   <<= from_patch(s - 1),
        sequence(s)   <<= (class_token, s == 0),
        sequence(s)   <<= position(s),
        embedded(i)   <<= dropped<Shape>(sequence(i)),
        stack_rules<Shape, block, relation<"embedded">, relation<"layers">,
                    relation<"normal_layers">>,
        logits()      <<= (normal_layers(0)[W_logits], b_logits));
    // clang-format on
}();

template <class Arguments>
using bert_facts =
    typename fact_list<sequence_fact<Arguments::shape.any_length, "token", Arguments::shape.tokens,
                                     symbol<Arguments::shape.vocabulary>>,
                       sequence_fact<Arguments::shape.any_length, "segment",
                                     Arguments::shape.tokens, symbol<Arguments::shape.segments>>>::
        template with<bound<"length">, Arguments::shape.padded>::template with<
            bound<"seed">, (Arguments::shape.dropout_percent > 0)>;
template <class Arguments>
using bert_mask = padded_mask<Arguments::shape.padded, typename Arguments::mask, "length">;

template <shape Shape, class... Options>
consteval bool check_bert() {
    static_assert(
        sizeof(takes<option::vocabulary, option::tokens, option::width, option::heads,
                     option::depth, option::hidden, option::segments, option::mask,
                     option::activation, option::dropout_percent, option::padded,
                     option::any_length, option::normalization>::template check<Options...>) > 0);
    static_assert(check_shape<Shape>());
    static_assert(Shape.states_vocabulary, "sequent: the option vocabulary<N> is missing");
    return true;
}

}  // namespace nn

/// GPT-2 (Radford et al. 2019). Takes what transformer::language_model does.
template <class... Options>
struct gpt2 : nn::language_model<nn::arguments<nn::gpt2_defaults, Options...>> {
    static_assert(nn::check_language_model<gpt2::shape, Options...>());
};

/// Llama (arXiv 2302.13971; grouped queries: arXiv 2307.09288), with llama2.c's order of rotary
/// pairs; position::rotary_halves<> is that of Hugging Face's files, which io::hugging_face::llama
/// loads into either. Takes what transformer::language_model does.
template <class... Options>
struct llama : nn::language_model<nn::arguments<nn::llama_defaults, Options...>> {
    static_assert(nn::check_language_model<llama::shape, Options...>());
};

/// BERT (arXiv 1810.04805): the facts token and segment, symbols, and the count length, to layers,
/// tokens x width, and pooled, width. Takes vocabulary, tokens, width, heads, depth, hidden,
/// segments (2 by default), a mask, an activation (gelu by default), dropout_percent, padded (true
/// by default; without it, there is no length), a normalization.
template <class... Options>
struct bert
    : nn::bert_facts<nn::arguments<nn::bert_defaults, Options...>>::
          template with<query<"layers", "pooled">, true>::template model_of<nn::bert_pooled_rules<
              nn::arguments<nn::bert_defaults, Options...>::shape,
              nn::bert_mask<nn::arguments<nn::bert_defaults, Options...>>,
              typename nn::arguments<nn::bert_defaults, Options...>::activation>> {
    static constexpr nn::shape shape = nn::arguments<nn::bert_defaults, Options...>::shape;
    static_assert(nn::check_bert<shape, Options...>());
};

/// The same to logits, tokens x vocabulary, of what stands at each position.
template <class... Options>
struct bert_masked_language
    : nn::bert_facts<nn::arguments<nn::bert_defaults, Options...>>::template model_of<
          nn::bert_masked_language_rules<
              nn::arguments<nn::bert_defaults, Options...>::shape,
              nn::bert_mask<nn::arguments<nn::bert_defaults, Options...>>,
              typename nn::arguments<nn::bert_defaults, Options...>::activation>> {
    static constexpr nn::shape shape = nn::arguments<nn::bert_defaults, Options...>::shape;
    static_assert(nn::check_bert<shape, Options...>());
};

/// The vision transformer (arXiv 2010.11929): the fact patch, tokens x patch_width, an image cut
/// into patches, row by row, each with its channels one after another; to logits, one for each of
/// the classes. Takes tokens (of patches), patch_width, classes, width, heads, depth, hidden, a
/// mask, an activation (gelu by default), dropout_percent, a normalization.
template <class... Options>
struct vit
    : nn::fact_list<fact<"patch", nn::arguments<nn::vit_defaults, Options...>::shape.tokens,
                         nn::arguments<nn::vit_defaults, Options...>::shape.patch_width>>::
          template with<bound<"seed">,
                        (nn::arguments<nn::vit_defaults, Options...>::shape.dropout_percent > 0)>::
              template model_of<
                  nn::vit_rules<nn::arguments<nn::vit_defaults, Options...>::shape,
                                typename nn::arguments<nn::vit_defaults, Options...>::mask,
                                typename nn::arguments<nn::vit_defaults, Options...>::activation>> {
    static constexpr nn::shape shape = nn::arguments<nn::vit_defaults, Options...>::shape;
    static_assert(sizeof(nn::takes<nn::option::tokens, nn::option::patch_width, nn::option::classes,
                                   nn::option::width, nn::option::heads, nn::option::depth,
                                   nn::option::hidden, nn::option::mask, nn::option::activation,
                                   nn::option::dropout_percent,
                                   nn::option::normalization>::template check<Options...>) > 0);
    static_assert(nn::check_shape<shape>());
    static_assert(shape.states_patch_width && shape.states_classes,
                  "sequent: vit needs the options patch_width<N> and classes<N>");
};

/// T5 (arXiv 1910.10683), with activation::geglu_tanh and tied<false> its version 1.1: the facts
/// source and target, symbols, and the count source_length, to logits, tokens x vocabulary. Takes
/// what transformer::encoder_decoder does.
template <class... Options>
struct t5 : nn::encoder_decoder_model<nn::arguments<nn::t5_defaults, Options...>> {
    static constexpr nn::shape shape = nn::arguments<nn::t5_defaults, Options...>::shape;
    static_assert(nn::check_encoder_decoder<shape, Options...>());
};

}  // namespace sequent::inline SEQUENT_ABI
