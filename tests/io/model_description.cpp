#include <sequent/formats/check_type.hpp>
#include <sequent/formats/model_description.hpp>
#include <sequent/nn.hpp>

#include <span>
#include <string>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::check_contains;

namespace {

io::model_description of(const std::string& json) {
    return io::describe(io::source(std::as_bytes(std::span(json)), "config.json"));
}

std::string message(const std::string& json) {
    try {
        (void)of(json);
    } catch (const io::error& error) {
        return error.what();
    }
    return "";
}

template <class Model>
std::string misfit(const std::string& json) {
    try {
        io::check_type<Model>(of(json));
    } catch (const io::error& error) {
        return error.what();
    }
    return "";
}

std::string with(std::string json, const std::string& members) {
    json.insert(json.rfind('}'), ", " + members);
    return json;
}

const std::string gpt2_json = R"({"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024,
    "n_embd": 768, "n_head": 12, "n_layer": 12, "n_inner": null, "layer_norm_epsilon": 1e-05,
    "activation_function": "gelu_new"})";
const std::string llama_json = R"({"model_type": "llama", "vocab_size": 11, "hidden_size": 16,
    "max_position_embeddings": 8, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_hidden_layers": 2, "intermediate_size": 12, "hidden_act": "silu", "rms_norm_eps": 1e-05,
    "rope_theta": 100000.0, "rope_scaling": null, "attention_bias": false,
    "tie_word_embeddings": true})";
const std::string bert_json = R"({"model_type": "bert", "vocab_size": 30522, "hidden_size": 384,
    "max_position_embeddings": 512, "num_attention_heads": 12, "num_hidden_layers": 6,
    "intermediate_size": 1536, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    "position_embedding_type": "absolute", "type_vocab_size": 2})";
const std::string vit_json = R"({"model_type": "vit", "image_size": [224, 160], "patch_size": 16,
    "num_channels": 3, "hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12,
    "intermediate_size": 3072, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "qkv_bias": true,
    "id2label": {"0": "cat", "1": "dog", "2": "bird"}})";
const std::string t5_json = R"({"model_type": "t5", "vocab_size": 32128, "d_model": 512, "d_kv": 64,
    "d_ff": 1024, "num_layers": 8, "num_heads": 6, "relative_attention_num_buckets": 32,
    "feed_forward_proj": "gated-gelu", "layer_norm_epsilon": 1e-06, "tie_word_embeddings": false})";

}  // namespace

TEST_CASE("the type of a model follows from its configuration") {
    CHECK(of(gpt2_json).text() ==
          "gpt2<vocabulary<50257>, tokens<1024>, width<768>, heads<12>, depth<12>>");
    CHECK(of(gpt2_json).names == "io::hugging_face::gpt2");
    CHECK(of(llama_json).text() ==
          "llama<vocabulary<11>, tokens<8>, width<16>, heads<4>, key_heads<2>, hidden<12>, "
          "depth<2>, position::rotary_halves<100000>>");
    std::string mistral = with(llama_json, R"("sliding_window": 4096, "head_dim": 6)");
    mistral.replace(mistral.find("llama"), 5, "mistral");
    CHECK(of(mistral).text() ==
          "mistral<vocabulary<11>, tokens<8>, width<16>, heads<4>, key_heads<2>, head_width<6>, "
          "hidden<12>, depth<2>, position::rotary_halves<100000>, tied<true>, "
          "mask::window<4095>>");
    // Fields that are absent are those of transformers' configurations.
    const std::string absent = R"("vocab_size": 11, "hidden_size": 16, "num_attention_heads": 16,
        "max_position_embeddings": 8, "num_hidden_layers": 2, "intermediate_size": 12})";
    CHECK(of(R"({"model_type": "mistral", )" + absent).text() ==
          "mistral<vocabulary<11>, tokens<8>, width<16>, heads<16>, key_heads<8>, hidden<12>, "
          "depth<2>, normalization::rms<6>, mask::window<4095>>");
    CHECK_THAT(of(R"({"model_type": "mistral", "num_key_value_heads": null,
        "sliding_window": null, )" +
                  absent)
                   .text(),
               !sequent_test::contains("key_heads") && !sequent_test::contains("mask::"));
    CHECK(of(R"({"model_type": "phi3", )" + absent).text() ==
          "phi3<vocabulary<11>, tokens<8>, width<16>, heads<16>, hidden<12>, depth<2>>");
    CHECK_THAT(of(R"({"model_type": "qwen3", )" + absent).text(),
               sequent_test::contains("key_heads<32>, head_width<128>"));
    // As version 5 of transformers writes it.
    std::string later = llama_json;
    later.replace(later.find("\"rope_theta\": 100000.0, \"rope_scaling\": null"), 44,
                  R"("rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"})");
    CHECK_THAT(of(later).text(), sequent_test::contains("position::rotary_halves<>>"));
    CHECK(of(bert_json).text() ==
          "bert<vocabulary<30522>, tokens<512>, width<384>, heads<12>, depth<6>>");
    CHECK(of(with(bert_json, R"("architectures": ["BertForMaskedLM"])")).preset ==
          "bert_masked_language");
    const auto changed = [](std::string json, const std::string& from, const std::string& to) {
        return of(json.replace(json.find(from), from.size(), to));
    };
    CHECK_THAT(changed(llama_json, "llama", "qwen2").text(),
               sequent_test::contains("qwen2<") &&
                   sequent_test::contains("position::rotary_halves<100000>>"));
    CHECK(changed(llama_json, "\"rope_scaling\": null", R"("rope_scaling": {"rope_type": "llama3",
        "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192})")
              .text() ==
          "llama3<vocabulary<11>, tokens<8>, width<16>, heads<4>, key_heads<2>, hidden<12>, "
          "depth<2>, position::rotary_halves<100000, scaling::llama3<8, 1, 4, 8192>>>");
    CHECK(
        of(R"({"model_type": "gemma3_text", "vocab_size": 11, "hidden_size": 8,
        "max_position_embeddings": 32768, "num_attention_heads": 2, "num_key_value_heads": 1,
        "head_dim": 256, "num_hidden_layers": 18, "intermediate_size": 12, "rms_norm_eps": 1e-06,
        "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 256,
        "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "sliding_window": 512,
        "attn_logit_softcapping": null})")
            .text() ==
        "gemma3<vocabulary<11>, tokens<32768>, width<8>, heads<2>, key_heads<1>, head_width<256>, "
        "hidden<12>, depth<18>, local_layers<5, mask::window<511>>>");
    CHECK(of(R"({"model_type": "modernbert", "vocab_size": 50368, "hidden_size": 768,
        "max_position_embeddings": 8192, "num_attention_heads": 12, "num_hidden_layers": 22,
        "intermediate_size": 1152, "hidden_activation": "gelu", "norm_eps": 1e-05,
        "global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "local_attention": 128,
        "global_attn_every_n_layers": 3, "architectures": ["ModernBertForMaskedLM"]})")
              .text() ==
          "modernbert<vocabulary<50368>, tokens<8192>, width<768>, heads<12>, depth<22>, "
          "hidden<1152>, masked_language<true>>");
    CHECK(of(R"({"model_type": "modernbert", "vocab_size": 11, "hidden_size": 8,
        "max_position_embeddings": 5, "num_attention_heads": 2, "num_hidden_layers": 4,
        "intermediate_size": 12, "hidden_activation": "gelu", "local_attention": 4,
        "layer_types": ["full_attention", "sliding_attention", "full_attention",
                        "sliding_attention"],
        "rope_parameters": {"full_attention": {"rope_theta": 160000.0},
                            "sliding_attention": {"rope_theta": 20000.0}}})")
              .text() ==
          "modernbert<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<4>, hidden<12>, "
          "local_layers<1, mask::around<2>, 20000>>");
    CHECK(of(R"({"model_type": "albert", "vocab_size": 591, "hidden_size": 256,
        "embedding_size": 128, "max_position_embeddings": 512, "num_attention_heads": 8,
        "num_hidden_layers": 12, "num_hidden_groups": 1, "intermediate_size": 512,
        "hidden_act": "gelu_new"})")
              .text() ==
          "albert<vocabulary<591>, tokens<512>, width<256>, heads<8>, depth<12>, hidden<512>>");
    CHECK(of(R"({"model_type": "gpt_neox", "vocab_size": 11, "hidden_size": 8,
        "max_position_embeddings": 2048, "num_attention_heads": 2, "num_hidden_layers": 6,
        "intermediate_size": 32, "hidden_act": "gelu", "layer_norm_eps": 1e-05, "rotary_pct": 0.5,
        "rotary_emb_base": 10000, "tie_word_embeddings": false, "attention_bias": true})")
              .text() ==
          "gpt_neox<vocabulary<11>, tokens<2048>, width<8>, heads<2>, depth<6>, "
          "position::rotary_halves<10000, scaling::none, 50>>");
    CHECK(of(R"({"model_type": "bloom", "vocab_size": 250880, "n_embed": 1024, "n_layer": 24,
        "num_attention_heads": 16, "layer_norm_epsilon": 1e-05, "seq_length": 2048})")
              .text() ==
          "bloom<vocabulary<250880>, tokens<2048>, width<1024>, heads<16>, depth<24>>");
    const auto roberta = changed(bert_json, "bert", "roberta");
    CHECK(roberta.names == "io::hugging_face::roberta");
    CHECK_THAT(roberta.text(), sequent_test::contains("tokens<510>"));
    CHECK(of(R"({"model_type": "distilbert", "vocab_size": 11, "max_position_embeddings": 5,
        "dim": 8, "n_heads": 2, "n_layers": 2, "hidden_dim": 12, "activation": "gelu",
        "architectures": ["DistilBertForMaskedLM"]})")
              .text() ==
          "distilbert<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>, "
          "masked_language<true>>");
    CHECK(of(R"({"model_type": "codegen", "vocab_size": 51200, "n_positions": 2048, "n_embd": 1024,
        "n_head": 16, "n_layer": 20, "n_inner": null, "rotary_dim": 32, "layer_norm_epsilon": 1e-05,
        "activation_function": "gelu_new", "tie_word_embeddings": false})")
              .text() ==
          "codegen<vocabulary<51200>, tokens<2048>, width<1024>, heads<16>, depth<20>>");
    const std::string gemma2 = R"({"model_type": "gemma2", "vocab_size": 11, "hidden_size": 8,
        "max_position_embeddings": 8, "num_attention_heads": 2, "num_key_value_heads": 1,
        "head_dim": 4, "num_hidden_layers": 2, "intermediate_size": 12, "rms_norm_eps": 1e-06,
        "sliding_window": 4})";
    // Caps that are not stated are those of the family; null is none.
    CHECK_THAT(of(gemma2).text(), !sequent_test::contains("_cap<"));
    // Nor does a score's width follow from that of heads.
    CHECK_THAT(of(gemma2).text(), sequent_test::contains("score_width<256>"));
    CHECK_THAT(of(with(gemma2, R"("attn_logit_softcapping": null)")).text(),
               sequent_test::contains("score_cap<0>") && !sequent_test::contains("logit_cap<"));
    CHECK(of(vit_json).text() ==
          "vit<tokens<140>, patch_width<768>, classes<3>, width<768>, heads<12>, depth<12>, "
          "normalization::layer<12>>");
    // facebook/dinov2-small, for images of 518 x 518.
    CHECK(of(R"({"model_type": "dinov2", "image_size": 518, "patch_size": 14, "num_channels": 3,
        "hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12, "mlp_ratio": 4,
        "hidden_act": "gelu", "layer_norm_eps": 1e-06, "qkv_bias": true, "use_swiglu_ffn": false})")
              .text() == "dinov2<tokens<1369>, patch_width<588>, width<384>, heads<6>, depth<12>>");
    CHECK(of(t5_json).text() ==
          "t5<vocabulary<32128>, tokens<512>, source_tokens<512>, width<512>, heads<6>, "
          "head_width<64>, hidden<1024>, source_depth<8>, depth<8>, activation::geglu_tanh, "
          "tied<false>>");
    CHECK(of(t5_json).names == "io::hugging_face::t5_gated");
}

TEST_CASE("what no preset computes is refused by its name") {
    check_contains(message("{}"), {"config.json: \"model_type\" is \"\", known are albert, bert, "
                                   "bloom, clip_text_model, codegen, dinov2"});
    check_contains(message(R"({"model_type": "gpt2"})"),
                   {"config.json, byte", "lacks \"vocab_size\""});
    check_contains(message(with(gpt2_json, R"("scale_attn_weights": false)")),
                   {"\"scale_attn_weights\" is false"});
    const auto changed = [](std::string json, const std::string& from, const std::string& to) {
        return message(json.replace(json.find(from), from.size(), to));
    };
    check_contains(changed(gpt2_json, "1e-05", "2e-05"),
                   {"\"layer_norm_epsilon\" is 2e-05", "no power"});
    check_contains(changed(gpt2_json, "768", "768.5"), {"\"n_embd\" is 768.5", "whole number"});
    check_contains(changed(gpt2_json, "768", "3000000000"), {"\"n_embd\" is 3e+09", "2147483647"});
    check_contains(changed(gpt2_json, "gelu_new", "mish"),
                   {"the activation \"mish\" is not known"});
    check_contains(changed(llama_json, "null", R"({"rope_type": "longrope", "factor": 32})"),
                   {"\"rope_scaling\" scales rotary positions by \"longrope\""});
    check_contains(changed(llama_json, "null",
                           R"({"rope_type": "yarn", "factor": 32, "truncate": false,
                               "original_max_position_embeddings": 4096})"),
                   {"\"truncate\" is false"});
    check_contains(changed(llama_json, "\"attention_bias\": false", "\"attention_bias\": true"),
                   {"\"attention_bias\" is true"});
    check_contains(changed(bert_json, "absolute", "relative_key"), {"expected \"absolute\""});
    check_contains(changed(vit_json, "[224, 160]", "[224]"), {"expected two numbers, found 1"});
    check_contains(changed(t5_json, "gated-gelu", "gated-mish"), {"not known"});
}

TEST_CASE("a model is compared with a configuration field by field") {
    using namespace sequent;
    using Right = sequent::llama<vocabulary<11>, tokens<8>, width<16>, heads<4>, key_heads<2>,
                                 hidden<12>, depth<2>, position::rotary_halves<100000>>;
    CHECK(misfit<Right>(llama_json).empty());
    // A name map changes the order of pairs, and a model may have fewer positions.
    using Shorter = sequent::llama<vocabulary<11>, tokens<4>, width<16>, heads<4>, key_heads<2>,
                                   hidden<12>, depth<2>, position::rotary<100000>>;
    CHECK(misfit<Shorter>(llama_json).empty());
    using Wrong = sequent::llama<vocabulary<11>, tokens<9>, width<16>, heads<4>, hidden<12>,
                                 depth<3>, tied<false>, activation::geglu, normalization::rms<6>>;
    const std::string found = misfit<Wrong>(llama_json);
    check_contains(found,
                   {"tokens: the file has tokens<8> (\"max_position_embeddings\"), the model "
                    "tokens<9>",
                    "key_heads: the file has key_heads<2> (\"num_key_value_heads\"), the model "
                    "key_heads<4>",
                    "depth: the file has depth<2> (\"num_hidden_layers\"), the model depth<3>",
                    "activation: the file has activation::swiglu",
                    "normalization::rms<5> (\"rms_norm_eps\"), the model normalization::rms<6>",
                    "position::rotary_halves<100000> (\"rope_theta\"), the model "
                    "position::rotary<>",
                    "tied: the file has tied<true>", "the type that fits is llama<vocabulary<11>"});
    CHECK_THAT(found, !sequent_test::contains("width: ") && !sequent_test::contains("hidden: "));
    using Other = sequent::gpt2<vocabulary<50257>, tokens<4>, width<768>, heads<12>, depth<12>>;
    CHECK(misfit<Other>(gpt2_json).empty());
    check_contains(misfit<Other>(llama_json), {"position: ", "the model position::learned"});
}

TEST_CASE("windows of local layers are compared, which no tensor shows") {
    const std::string json = R"({"model_type": "gemma3_text", "vocab_size": 11, "hidden_size": 8,
        "max_position_embeddings": 8, "num_attention_heads": 2, "num_key_value_heads": 1,
        "head_dim": 4, "num_hidden_layers": 6, "intermediate_size": 12, "rms_norm_eps": 1e-06,
        "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 4,
        "rope_theta": 1000000.0, "rope_local_base_freq": 20000.0, "sliding_window": 4,
        "sliding_window_pattern": 3, "attn_logit_softcapping": null})";
    using namespace sequent;
    using Default = gemma3<vocabulary<11>, tokens<8>, width<8>, heads<2>, key_heads<1>,
                           head_width<4>, hidden<12>, depth<6>>;
    using Fitting =
        gemma3<vocabulary<11>, tokens<8>, width<8>, heads<2>, key_heads<1>, head_width<4>,
               hidden<12>, depth<6>, local_layers<2, mask::window<3>, 20000>>;
    const std::string told = misfit<Default>(json);
    CHECK_THAT(told, sequent_test::contains("local_layers<2, mask::window<3>, 20000>") &&
                         sequent_test::contains("local_layers<5, mask::window<511>>"));
    CHECK(misfit<Fitting>(json).empty());
}

TEST_CASE("what a configuration does not state is as the preset has it") {
    using namespace sequent;
    std::string json = with(llama_json, R"("sliding_window": 4)");
    json.replace(json.find("llama"), 5, "mistral");
    using Mistral = mistral<vocabulary<11>, tokens<8>, width<16>, heads<4>, key_heads<2>,
                            hidden<12>, depth<2>, position::rotary_halves<100000>, tied<true>>;
    check_contains(
        misfit<Mistral>(json),
        {"mask: the file has mask::window<3> (\"sliding_window\")", "the model mask::causal"});
    // All of four positions are within the window.
    using Short = mistral<vocabulary<11>, tokens<4>, width<16>, heads<4>, key_heads<2>, hidden<12>,
                          depth<2>, position::rotary_halves<100000>, tied<true>>;
    CHECK(misfit<Short>(json).empty());
    using Windowed = llama<vocabulary<11>, tokens<8>, width<16>, heads<4>, key_heads<2>, hidden<12>,
                           depth<2>, position::rotary_halves<100000>, mask::window<3>,
                           head_norms<true>, local_layers<1, mask::window<2>>>;
    const std::string told = misfit<Windowed>(llama_json);
    check_contains(told, {"mask: the preset llama has mask::causal, the model mask::window<3>"});
    check_contains(told, {"head_norms: the preset llama has head_norms<false>, the model"});
    check_contains(told, {"local_layers: the preset llama has local_layers<0>, the model "
                          "local_layers<1, mask::window<2>>"});
    CHECK_THAT(told, !sequent_test::contains("normalization: "));
    const std::string whisper_json = R"({"model_type": "whisper", "vocab_size": 11,
        "num_mel_bins": 3, "d_model": 8, "encoder_layers": 2, "decoder_layers": 2,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32, "max_source_positions": 4, "max_target_positions": 5,
        "activation_function": "gelu", "scale_embedding": false})";
    CHECK(of(whisper_json).text() ==
          "whisper<vocabulary<11>, tokens<5>, source_tokens<4>, input_width<3>, width<8>, "
          "heads<2>, depth<2>>");
    using Whisper = whisper<vocabulary<11>, tokens<5>, source_tokens<4>, input_width<3>, width<8>,
                            heads<2>, depth<2>>;
    CHECK(misfit<Whisper>(whisper_json).empty());
    using Unlike = whisper<vocabulary<11>, tokens<5>, source_tokens<4>, input_width<3>, width<8>,
                           heads<2>, depth<2>, biases<false>, mask::none>;
    check_contains(misfit<Unlike>(whisper_json), {"mask: ", "biases: "});
    const std::string clip_json = R"({"model_type": "clip_text_model", "vocab_size": 11,
        "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2,
        "intermediate_size": 12, "max_position_embeddings": 5})";
    CHECK(of(clip_json).text() ==
          "clip_text<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>>");
    using Clip = clip_text<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>>;
    CHECK(misfit<Clip>(clip_json).empty());
    using Silu = clip_text<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>,
                           activation::silu>;
    check_contains(misfit<Silu>(clip_json), {"activation: the file has activation::quick_gelu"});
    CHECK(io::names_of(of(whisper_json)).data() == io::hugging_face::whisper);
}
