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

struct gpt2_options : language_model_options::with<activation::gelu_tanh> {};
struct llama_options : language_model_options::with<activation::swiglu, normalization::rms<>,
                                                    position::rotary<>, biases<false>> {};
struct bert_options
    : options<required<vocabulary>, required<tokens>, required<width>, heads<1>, depth<1>,
              derived<sequent::hidden>, segments<2>, mask::none, activation::gelu,
              dropout_percent<0>, padded<true>, any_length<false>, normalization::layer<12>> {};
struct vit_options
    : options<required<tokens>, required<patch_width>, required<classes>, required<width>, heads<1>,
              depth<1>, derived<sequent::hidden>, mask::none, activation::gelu, dropout_percent<0>,
              pre_norm, normalization::layer<6>> {};
struct t5_options
    : encoder_decoder_options::with<normalization::rms<6>, position::relative_buckets<>,
                                    biases<false>, scaled<false>, padded<true>,
                                    nn::flag<&nn::shape::scaled_logits, true>> {};

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

template <class Arguments>
using bert_model = typename bert_facts<Arguments>::template with<query<"layers", "pooled">, true>::
    template model_of<
        bert_pooled_rules<Arguments::shape, bert_mask<Arguments>, typename Arguments::activation>>;
template <class Arguments>
using bert_masked_language_model =
    typename bert_facts<Arguments>::template model_of<bert_masked_language_rules<
        Arguments::shape, bert_mask<Arguments>, typename Arguments::activation>>;
template <class Arguments>
using vit_model =
    typename fact_list<fact<"patch", Arguments::shape.tokens, Arguments::shape.patch_width>>::
        template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
            vit_rules<Arguments::shape, typename Arguments::mask, typename Arguments::activation>>;

}  // namespace nn

/// GPT-2 (Radford et al. 2019). Takes what transformer::language_model does.
template <class... Options>
struct gpt2 : nn::language_model<nn::arguments<gpt2, nn::gpt2_options, Options...>> {};

/// Llama (arXiv 2302.13971; grouped queries: arXiv 2307.09288), with llama2.c's order of rotary
/// pairs; position::rotary_halves<> is that of Hugging Face's files, which io::hugging_face::llama
/// loads into either. Takes what transformer::language_model does.
template <class... Options>
struct llama : nn::language_model<nn::arguments<llama, nn::llama_options, Options...>> {};

/// BERT (arXiv 1810.04805): the facts token and segment, symbols, and the count length, to layers,
/// tokens x width, and pooled, width. Takes nn::bert_options; without padded, there is no length.
template <class... Options>
struct bert : nn::bert_model<nn::arguments<bert, nn::bert_options, Options...>> {
    static constexpr nn::shape shape = nn::arguments<bert, nn::bert_options, Options...>::shape;
};

/// The same to logits, tokens x vocabulary, of what stands at each position.
template <class... Options>
struct bert_masked_language
    : nn::bert_masked_language_model<
          nn::arguments<bert_masked_language, nn::bert_options, Options...>> {
    static constexpr nn::shape shape =
        nn::arguments<bert_masked_language, nn::bert_options, Options...>::shape;
};

/// The vision transformer (arXiv 2010.11929): the fact patch, tokens x patch_width, an image cut
/// into patches, row by row, each with its channels one after another; to logits, one for each of
/// the classes. Takes nn::vit_options; the tokens are patches.
template <class... Options>
struct vit : nn::vit_model<nn::arguments<vit, nn::vit_options, Options...>> {
    static constexpr nn::shape shape = nn::arguments<vit, nn::vit_options, Options...>::shape;
};

/// T5 (arXiv 1910.10683), with activation::geglu_tanh and tied<false> its version 1.1: the facts
/// source and target, symbols, and the count source_length, to logits, tokens x vocabulary. Takes
/// what transformer::encoder_decoder does.
template <class... Options>
struct t5 : nn::encoder_decoder_model<nn::arguments<t5, nn::t5_options, Options...>> {
    static constexpr nn::shape shape = nn::arguments<t5, nn::t5_options, Options...>::shape;
};

}  // namespace sequent::inline SEQUENT_ABI
