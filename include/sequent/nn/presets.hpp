#pragma once

#include "text.hpp"

/// Architectures by name, with the options of their published models as defaults. For model
/// families that Hugging Face publishes, `io::hugging_face` has the names of the tensors.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Fact: patches of an image.
inline constexpr relation<"patch"> patch;
/// Linear map of a patch.
inline constexpr relation<"from_patch"> from_patch;
/// Class token and patches.
inline constexpr relation<"sequence"> sequence;
/// First convolution at even frames.
inline constexpr relation<"even_frame"> even_frame;
/// First convolution at odd frames.
inline constexpr relation<"odd_frame"> odd_frame;
/// Second convolution.
inline constexpr relation<"convolved"> convolved;

// The option sets of the presets; language models first.
struct gpt2_options : language_model_options::with<activation::gelu_tanh> {};
struct opt_options : language_model_options::with<activation::relu> {};
struct llama_options : language_model_options::with<activation::swiglu, normalization::rms<>,
                                                    position::rotary<>, biases<false>> {};
struct llama3_options : llama_options::with<position::rotary_halves<500000, scaling::llama3<32>>> {
};
struct mistral_options : llama_options::with<position::rotary_halves<>, tied<false>> {};
struct phi3_options : mistral_options {};
struct qwen2_options : llama_options::with<position::rotary_halves<1000000>, normalization::rms<6>,
                                           query_biases<true>> {};
struct qwen3_options : llama_options::with<position::rotary_halves<1000000>, normalization::rms<6>,
                                           head_norms<true>> {};
struct gemma2_options
    : llama_options::with<activation::geglu_tanh, normalization::rms<6>, branch_norms<true>,
                          scaled_embedding<true>, position::rotary_halves<>,
                          local_layers<1, mask::window<4095>>, score_cap<50>, logit_cap<30>> {};
struct gemma3_options
    : gemma2_options::with<head_norms<true>, position::rotary_halves<1000000>,
                           local_layers<5, mask::window<511>>, score_cap<0>, logit_cap<0>> {};
struct gpt_neox_options
    : language_model_options::with<parallel_branches<2>, tied<false>,
                                   position::rotary_halves<10000, scaling::none, 25>> {};
struct phi_options
    : language_model_options::with<parallel_branches<1>, activation::gelu_tanh, tied<false>,
                                   logit_bias<true>,
                                   position::rotary_halves<10000, scaling::none, 50>> {};
struct codegen_options
    : phi_options::with<attention_biases<false>, position::rotary<10000, scaling::none, 50>> {};
struct starcoder2_options
    : language_model_options::with<activation::gelu_tanh, position::rotary_halves<100000>> {};

struct bloom_options
    : language_model_options::with<activation::gelu_tanh, position::alibi, normal_embedding<true>> {
};

// Encoders.
struct bert_options
    : text_options::with<normalization::layer<12>, segments<2>, padded<true>, post_norm,
                         normal_embedding<true>, pooling::dense, masked_language<false>> {};
struct bert_masked_language_options : bert_options::with<masked_language<true>> {};
struct roberta_options : bert_options::with<normalization::layer<5>, segments<1>> {};
struct distilbert_options : bert_options::with<segments<0>, pooling::none> {};
struct albert_options
    : bert_options::with<activation::gelu_tanh, embedding_width<128>, shared_layers<true>> {};
struct mpnet_options : bert_options::with<normalization::layer<5>, segments<0>,
                                          position::learned_and_relative_buckets<>> {};
struct modernbert_options
    : bert_options::with<normalization::layer_without_bias<5>, segments<0>, pooling::none, pre_norm,
                         biases<false>, activation::geglu, position::rotary_halves<160000>,
                         local_layers<2, mask::around<64>>, opening_layer<true>> {};
struct clip_text_options : text_options::with<pre_norm, mask::causal, activation::quick_gelu,
                                              pooling::last, masked_language<false>> {};

struct dinov2_options
    : options<required<tokens>, required<patch_width>, derived<sequent::classes>, required<width>,
              heads<1>, depth<1>, derived<sequent::hidden>, mask::none, activation::gelu,
              dropout_percent<0>, pre_norm, normalization::layer<6>, layer_scale<true>> {};
struct vit_options : dinov2_options::with<required<sequent::classes>, layer_scale<false>> {};
struct t5_options
    : encoder_decoder_options::with<normalization::rms<6>, position::relative_buckets<>,
                                    biases<false>, scaled<false>, padded<true>,
                                    flag<&nn::shape::scaled_logits, true>> {};

struct whisper_options
    : encoder_decoder_options::with<position::learned, activation::gelu, required<input_width>> {};

/// Vision transformer: a class token precedes the patches, and its output is classified, or is the
/// vector of the image (arXiv 2010.11929, equations 1 to 4).
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
    constexpr auto outcome = [=] {
        if constexpr (Shape.classes > 0)
            return rules(logits() <<= (normal_layers(0)[W_logits], b_logits));
        else
            return rules(pooled() <<= normal_layers(0));
    }();
    // clang-format off
    return rules(
        from_patch(i) <<= (patch(i)[W_patch], b_patch),
        sequence(s)   <<= from_patch(s - 1),
        sequence(s)   <<= (class_token, s == 0),
        sequence(s)   <<= position(s),
        embedded(i)   <<= dropped<Shape>(sequence(i)),
        stack_rules<Shape, block, relation<"embedded">, relation<"layers">,
                    relation<"normal_layers">>,
        outcome);
    // clang-format on
}();

/// The model of `vit`.
template <class Arguments>
using vit_model =
    typename fact_list<fact<"patch", Arguments::shape.tokens, Arguments::shape.patch_width>>::
        template with<bound<"seed">, (Arguments::shape.dropout_percent > 0)>::template model_of<
            vit_rules<Arguments::shape, typename Arguments::mask, typename Arguments::activation>>;

/// The front end of Whisper: two convolutions over frames with zero padding, the second with stride
/// 2 (arXiv 2212.04356, section 2.2). Frames come in pairs: source(i, 0) and source(i, 1).
template <shape Shape>
inline constexpr auto frame_rules = [] {
    constexpr var<"t", Shape.source_tokens> frame;
    constexpr weight<"W_conv_1", Shape.width, Shape.input_width> W_1;
    constexpr weight<"b_conv_1", Shape.width> b_1;
    constexpr weight<"W_conv_2", Shape.width, Shape.width> W_2;
    constexpr weight<"b_conv_2", Shape.width> b_2;
    constexpr weight<"source_position", Shape.width> position;
    // clang-format off
    return rules(
        even_frame(frame) <<= (source(frame, 0)[W_1(1)], source(frame, 1)[W_1(2)], b_1),
        even_frame(frame) <<= source(frame - 1, 1)[W_1(0)],
        even_frame(frame) | gelu(),
        odd_frame(frame)  <<= (source(frame, 0)[W_1(0)], source(frame, 1)[W_1(1)], b_1),
        odd_frame(frame)  <<= source(frame + 1, 0)[W_1(2)],
        odd_frame(frame) | gelu(),
        convolved(frame)  <<= (even_frame(frame)[W_2(1)], odd_frame(frame)[W_2(2)], b_2),
        convolved(frame)  <<= odd_frame(frame - 1)[W_2(0)],
        convolved(frame) | gelu(),
        source_embedded(i) <<= dropped<Shape>((convolved(i), fixed(position(i)))));
    // clang-format on
}();

/// The model of `whisper`.
template <class Arguments>
using whisper_model =
    model_of_source<Arguments,
                    sequence_fact<Arguments::shape.any_length, "source",
                                  Arguments::shape.source_tokens, 2, Arguments::shape.input_width>,
                    frame_rules<Arguments::shape>>;

}  // namespace nn

// Each preset takes the options of its option set. Those that differ among its published models
// must be given: vocabulary, tokens, width, heads, ...

/// GPT-2 (Radford et al. 2019). Fact `token`, output `logits`, as `transformer::language_model`.
template <class... Options>
struct gpt2 : nn::language_model<nn::arguments<gpt2, nn::gpt2_options, Options...>> {};

/// OPT (arXiv 2205.01068).
template <class... Options>
struct opt : nn::language_model<nn::arguments<opt, nn::opt_options, Options...>> {};

/// Llama (arXiv 2302.13971; grouped queries: arXiv 2307.09288), with the order of rotary pairs of
/// llama2.c. That of Hugging Face's files is `position::rotary_halves<>`; `io::hugging_face::llama`
/// loads such files into either.
template <class... Options>
struct llama : nn::language_model<nn::arguments<llama, nn::llama_options, Options...>> {};

/// Llama 3.2 (arXiv 2407.21783), with a rotary scaling factor of 32; that of Llama 3.1 is 8.
template <class... Options>
struct llama3 : nn::language_model<nn::arguments<llama3, nn::llama3_options, Options...>> {};

/// Mistral (arXiv 2310.06825). A published sliding window of W is `mask::window<W - 1>`.
template <class... Options>
struct mistral : nn::language_model<nn::arguments<mistral, nn::mistral_options, Options...>> {};

/// Qwen2 and 2.5 (arXiv 2407.10671).
template <class... Options>
struct qwen2 : nn::language_model<nn::arguments<qwen2, nn::qwen2_options, Options...>> {};

/// Qwen3 (arXiv 2505.09388); its embedding models with `pooling::last` and `unit_length<true>`.
template <class... Options>
struct qwen3 : nn::language_model<nn::arguments<qwen3, nn::qwen3_options, Options...>> {};

/// Gemma 2 (arXiv 2408.00118). `score_width<N>` is its query_pre_attn_scalar.
template <class... Options>
struct gemma2 : nn::language_model<nn::arguments<gemma2, nn::gemma2_options, Options...>> {};

/// Gemma 3 (arXiv 2503.19786), the text models.
template <class... Options>
struct gemma3 : nn::language_model<nn::arguments<gemma3, nn::gemma3_options, Options...>> {};

/// GPT-NeoX and Pythia (arXiv 2204.06745).
template <class... Options>
struct gpt_neox : nn::language_model<nn::arguments<gpt_neox, nn::gpt_neox_options, Options...>> {};

/// Phi 1, 1.5 and 2 (arXiv 2309.05463).
template <class... Options>
struct phi : nn::language_model<nn::arguments<phi, nn::phi_options, Options...>> {};

/// Phi-3 and Phi-4 (arXiv 2404.14219).
template <class... Options>
struct phi3 : nn::language_model<nn::arguments<phi3, nn::phi3_options, Options...>> {};

/// CodeGen (arXiv 2203.13474).
template <class... Options>
struct codegen : nn::language_model<nn::arguments<codegen, nn::codegen_options, Options...>> {};

/// StarCoder2 (arXiv 2402.19173). A published sliding window of W is `mask::window<W - 1>`.
template <class... Options>
struct starcoder2
    : nn::language_model<nn::arguments<starcoder2, nn::starcoder2_options, Options...>> {};

/// BLOOM (arXiv 2211.05100).
template <class... Options>
struct bloom : nn::language_model<nn::arguments<bloom, nn::bloom_options, Options...>> {};

/// BERT (arXiv 1810.04805). Facts: `token` and `segment`, symbols; the count `length`, unless
/// `padded<false>` is given. Outputs: `layers`, tokens x width, and `pooled`, width. With another
/// pooling: `pooled`; with `unit_length<true>`: `unit`; with `classes`: their `logits`; with
/// `masked_language<true>`: `logits`, tokens x vocabulary, of each position's own symbol.
template <class... Options>
struct bert : nn::text_model<nn::arguments<bert, nn::bert_options, Options...>> {};

/// BERT with `masked_language<true>`.
template <class... Options>
struct bert_masked_language
    : nn::text_model<
          nn::arguments<bert_masked_language, nn::bert_masked_language_options, Options...>> {};

/// RoBERTa (arXiv 1907.11692) and XLM-RoBERTa: as `bert`, without the fact `segment`.
template <class... Options>
struct roberta : nn::text_model<nn::arguments<roberta, nn::roberta_options, Options...>> {};

/// DistilBERT (arXiv 1910.01108): as `roberta`, with the output `layers` alone.
template <class... Options>
struct distilbert : nn::text_model<nn::arguments<distilbert, nn::distilbert_options, Options...>> {
};

/// ALBERT (arXiv 1909.11942): as `bert`, with parameters shared by all layers and an embedding of
/// width 128.
template <class... Options>
struct albert : nn::text_model<nn::arguments<albert, nn::albert_options, Options...>> {};

/// MPNet (arXiv 2004.09297): as `roberta`.
template <class... Options>
struct mpnet : nn::text_model<nn::arguments<mpnet, nn::mpnet_options, Options...>> {};

/// ModernBERT (arXiv 2412.13663): as `distilbert`, with the output `normal_layers`.
template <class... Options>
struct modernbert : nn::text_model<nn::arguments<modernbert, nn::modernbert_options, Options...>> {
};

/// The text model of CLIP (arXiv 2103.00020). Facts: `token` and the count `length`, whose last
/// position is the end of the text. Output: `pooled`, width.
template <class... Options>
struct clip_text : nn::text_model<nn::arguments<clip_text, nn::clip_text_options, Options...>> {};

/// The vision transformer (arXiv 2010.11929). Fact: `patch`, tokens x patch_width: an image cut
/// into patches, row by row, each with its channels one after another. Output: `logits`, one for
/// each class. Takes `nn::vit_options`; `tokens` is the number of patches.
template <class... Options>
struct vit : nn::with_options<nn::vit_model, nn::arguments<vit, nn::vit_options, Options...>> {};

/// DINOv2 (arXiv 2304.07193). Fact: `patch`, as that of `vit`. Output: `pooled`, the vector of the
/// class token; with `classes`, their `logits` from it.
template <class... Options>
struct dinov2
    : nn::with_options<nn::vit_model, nn::arguments<dinov2, nn::dinov2_options, Options...>> {};

/// T5 (arXiv 1910.10683); version 1.1 with `activation::geglu_tanh` and `tied<false>`. Facts:
/// `source` and `target`, symbols, and the count `source_length`. Output: `logits`, tokens x
/// vocabulary. Takes the options of `transformer::encoder_decoder`.
template <class... Options>
struct t5
    : nn::with_options<nn::encoder_decoder_model, nn::arguments<t5, nn::t5_options, Options...>> {};

/// Whisper (arXiv 2212.04356). Facts: `source`, source_tokens x 2 x input_width: the frames of a
/// log-mel spectrogram in temporal order, two for each position of the encoder; `target`, symbols.
/// Output: `logits`, tokens x vocabulary. Takes the options of `transformer::encoder_decoder` and
/// `input_width`, the number of mel bands.
template <class... Options>
struct whisper
    : nn::with_options<nn::whisper_model, nn::arguments<whisper, nn::whisper_options, Options...>> {
};

}  // namespace sequent::inline SEQUENT_ABI
