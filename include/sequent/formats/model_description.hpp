#pragma once

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/error.hpp"
#include "../io/json.hpp"
#include "../io/source.hpp"
#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "gguf.hpp"

/// The type of the model that a file is for, from the config.json beside the weights of a Hugging
/// Face model, or from the metadata of a GGUF file:
///
///     io::describe("config.json").text()  // "gpt2<vocabulary<50257>, tokens<1024>, ...>"

namespace sequent::inline SEQUENT_ABI::io {

/// A preset and its named arguments.
struct model_description {
    struct argument {
        std::string name;   // as an option: "width"
        std::string text;   // as it is written in a type: "width<768>"
        std::string field;  // of the file that states it
        bool is_default = false;
    };

    std::string file;
    std::string preset;
    std::string names;  // the name map: "io::hugging_face::gpt2"
    std::vector<argument> arguments;

    /// "gpt2<vocabulary<50257>, tokens<1024>, ...>": the arguments that are no defaults.
    SEQUENT_LAZY std::string text() const {
        std::string result = preset + "<";
        for (const argument& each : arguments) {
            if (each.is_default) continue;
            append_text(result, {result.back() == '<' ? "" : ", ", each.text});
        }
        return result + ">";
    }
};

namespace detail {

/// The options that a file states, one after another.
SEQUENT_LAZY class describer {
  public:
    describer(std::string_view file, std::string preset, std::string names) {
        result_.file = file;
        result_.preset = std::move(preset);
        result_.names = std::move(names);
    }

    SEQUENT_COLD int whole(std::string_view field, double value) const {
        if (!(value >= 0 && value <= 2147483647 && value == std::floor(value)))
            fail_with<error>({result_.file, ": ", in_quotes(field), " is ", number_text(value),
                              ", expected is a whole number from 0 to 2147483647"});
        return static_cast<int>(value);
    }
    /// An option that is a number. `usual` is the number that it has if it is not given.
    SEQUENT_COLD int number(std::string_view name, std::string_view field, double value,
                            int usual = -1) {
        const int number = whole(field, value);
        add(name, joined_text({name, "<", number, ">"}), field, number == usual);
        return number;
    }
    SEQUENT_COLD void truth(std::string_view name, std::string_view field, bool value, bool usual) {
        add(name, joined_text({name, value ? "<true>" : "<false>"}), field, value == usual);
    }
    /// An option that is a type.
    SEQUENT_COLD void add(std::string_view name, std::string text, std::string_view field,
                          bool is_default) {
        result_.arguments.push_back(
            {std::string(name), std::move(text), std::string(field), is_default});
    }
    /// normalization::layer<N> or rms<N>, of which epsilon is 10^-N.
    SEQUENT_COLD void epsilon(const char* kind, std::string_view field, double value, int usual) {
        int exponent = 0;
        double power = 1;
        while (exponent < 30 && power > value * 1.001) power = std::pow(10.0, -++exponent);
        // Files hold it as float, too.
        if (!(std::abs(value / power - 1) < 1e-6))
            fail_with<error>({result_.file, ": ", in_quotes(field), " is ", number_text(value),
                              ", no power of ten, as the epsilon of normalization::", kind, " is"});
        add("normalization", joined_text({"normalization::", kind, "<", exponent, ">"}), field,
            exponent == usual);
    }
    SEQUENT_COLD void rotary(const char* order, std::string_view field, double base, int usual) {
        const int number = whole(field, base);
        const std::string of = number == 10000 ? "" : joined_text({number});
        add("position", joined_text({"position::", order, "<", of, ">"}), field, number == usual);
    }

    model_description finish() { return std::move(result_); }

  private:
    model_description result_;
};

/// Fields of a config.json; one that is null is absent.
SEQUENT_LAZY class configuration_fields {
  public:
    explicit configuration_fields(json_value root) : root_(root) {}

    bool has(std::string_view key) const { return root_.has(key) && !root_[key].is_null(); }
    json_value operator[](std::string_view key) const { return root_[key]; }

    SEQUENT_COLD double number(std::string_view key) const { return root_[key].number(); }
    SEQUENT_COLD double number(std::string_view key, double otherwise) const {
        return has(key) ? root_[key].number() : otherwise;
    }
    SEQUENT_COLD bool truth(std::string_view key, bool otherwise) const {
        return has(key) ? root_[key].boolean() : otherwise;
    }
    SEQUENT_COLD std::string text(std::string_view key, std::string_view otherwise) const {
        return std::string(has(key) ? root_[key].string() : otherwise);
    }
    /// What presets compute in one way alone.
    SEQUENT_COLD void expect(std::string_view key, bool wanted) const {
        if (truth(key, wanted) != wanted)
            root_[key].fail({"\"", key, "\" is ", wanted ? "false" : "true",
                             ", which the preset does not compute"});
    }
    SEQUENT_COLD void expect_absent(std::string_view key) const {
        if (has(key))
            root_[key].fail({"\"", key, "\" is given, which the preset does not compute"});
    }
    /// The activation as an option.
    SEQUENT_COLD std::string activation(std::string_view key, std::string_view otherwise,
                                        bool gated) const {
        struct known {
            std::string_view theirs;
            const char* plain;
            const char* gated;
        };
        constexpr known all[] = {{"gelu", "gelu", "geglu"},
                                 {"gelu_new", "gelu_tanh", "geglu_tanh"},
                                 {"gelu_pytorch_tanh", "gelu_tanh", "geglu_tanh"},
                                 {"relu", "relu", "reglu"},
                                 {"silu", "silu", "swiglu"},
                                 {"swish", "silu", "swiglu"},
                                 {"sigmoid", "sigmoid", "glu"},
                                 {"tanh", "tanh", ""}};
        const std::string name = text(key, otherwise);
        for (const known& each : all) {
            const std::string_view ours = gated ? each.gated : each.plain;
            if (each.theirs == name && !ours.empty()) return joined_text({"activation::", ours});
        }
        (has(key) ? root_[key] : root_).fail({"the activation \"", name, "\" is not known"});
    }

  private:
    json_value root_;
};

SEQUENT_LAZY
SEQUENT_COLD model_description describe_gpt2(const configuration_fields<>& of,
                                             std::string_view file) {
    of.expect("scale_attn_weights", true);
    of.expect("scale_attn_by_inverse_layer_idx", false);
    of.expect("add_cross_attention", false);
    describer<> to(file, "gpt2", "io::hugging_face::gpt2");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "n_positions", of.number("n_positions"));
    const int width = to.number("width", "n_embd", of.number("n_embd"));
    to.number("heads", "n_head", of.number("n_head"));
    to.number("depth", "n_layer", of.number("n_layer"));
    to.number("hidden", "n_inner", of.number("n_inner", 4.0 * width), 4 * width);
    const std::string activation = of.activation("activation_function", "gelu_new", false);
    to.add("activation", activation, "activation_function", activation == "activation::gelu_tanh");
    to.epsilon("layer", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-5), 5);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", true), true);
    return to.finish();
}

/// Llama, Mistral and Qwen2.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_llama(const configuration_fields<>& of,
                                              std::string_view file, std::string_view type) {
    of.expect("attention_bias", false);
    of.expect("mlp_bias", false);
    double base = of.number("rope_theta", 10000);
    const char* base_field = "rope_theta";
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
        if (!of.has(key)) continue;
        const configuration_fields<> rope(of[key]);
        const std::string scaling = rope.text("rope_type", rope.text("type", "default"));
        if (scaling != "default")
            of[key].fail({"\"", key, "\" scales rotary positions by \"", scaling,
                          "\", which the preset does not compute"});
        if (rope.has("rope_theta")) {
            base = rope.number("rope_theta");
            base_field = "rope_parameters.rope_theta";
        }
    }
    const bool is_qwen2 = type == "qwen2";
    if (is_qwen2) of.expect("use_sliding_window", false);
    describer<> to(file, "llama", is_qwen2 ? "io::hugging_face::qwen2" : "io::hugging_face::llama");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings"));
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    const int heads = to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("key_heads", "num_key_value_heads", of.number("num_key_value_heads", heads), heads);
    if (of.has("head_dim") && heads > 0)
        to.number("head_width", "head_dim", of.number("head_dim"),
                  width % heads == 0 ? width / heads : -1);
    to.number("hidden", "intermediate_size", of.number("intermediate_size"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    const std::string activation = of.activation("hidden_act", "silu", true);
    to.add("activation", activation, "hidden_act", activation == "activation::swiglu");
    to.epsilon("rms", "rms_norm_eps", of.number("rms_norm_eps", 1e-6), 5);
    to.rotary("rotary_halves", base_field, base, -1);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", false), true);
    to.truth("biases", "model_type", is_qwen2, false);
    if (type == "mistral" && of.has("sliding_window")) {
        const double window = of.number("sliding_window");
        if (!(window >= 1 && window <= 2147483647 && window == std::floor(window)))
            of["sliding_window"].fail({"expected a whole number of at least 1"});
        to.add("mask", joined_text({"mask::window<", static_cast<int>(window) - 1, ">"}),
               "sliding_window", false);
    }
    return to.finish();
}

/// Whether the weights have a head that predicts symbols.
SEQUENT_LAZY
SEQUENT_COLD bool is_masked_language_model(const configuration_fields<>& of) {
    bool is_masked_language = false;
    if (of.has("architectures"))
        of["architectures"].for_each_element([&](json_value each) {
            is_masked_language = is_masked_language || each.string().ends_with("ForMaskedLM");
        });
    return is_masked_language;
}

/// BERT, RoBERTa and XLM-RoBERTa.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_bert(const configuration_fields<>& of,
                                             std::string_view file, bool is_roberta) {
    of.expect("is_decoder", false);
    if (of.text("position_embedding_type", "absolute") != "absolute")
        of["position_embedding_type"].fail({"expected \"absolute\", which the preset computes"});
    if (is_roberta && of.number("pad_token_id", 1) != 1)
        of["pad_token_id"].fail({"expected 1: positions begin in the row behind the next one"});
    const bool predicts = is_masked_language_model(of);
    describer<> to(file,
                   is_roberta ? "roberta"
                   : predicts ? "bert_masked_language"
                              : "bert",
                   is_roberta ? "io::hugging_face::roberta" : "io::hugging_face::bert");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings",
              of.number("max_position_embeddings") - (is_roberta ? 2 : 0));
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4 * width);
    to.number("segments", "type_vocab_size", of.number("type_vocab_size", 2), is_roberta ? 1 : 2);
    const std::string activation = of.activation("hidden_act", "gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-12), is_roberta ? 5 : 12);
    if (is_roberta) to.truth("masked_language", "architectures", predicts, false);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_distilbert(const configuration_fields<>& of,
                                                   std::string_view file) {
    describer<> to(file, "distilbert", "io::hugging_face::distilbert");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings"));
    const int width = to.number("width", "dim", of.number("dim"));
    to.number("heads", "n_heads", of.number("n_heads"));
    to.number("depth", "n_layers", of.number("n_layers"));
    to.number("hidden", "hidden_dim", of.number("hidden_dim"), 4 * width);
    const std::string activation = of.activation("activation", "gelu", false);
    to.add("activation", activation, "activation", activation == "activation::gelu");
    to.truth("masked_language", "architectures", is_masked_language_model(of), false);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_vit(const configuration_fields<>& of,
                                            std::string_view file) {
    of.expect("qkv_bias", true);
    const auto sides = [&](const char* key, double& rows, double& columns) {
        if (of[key].kind() != json_kind::array) {
            rows = columns = of.number(key);
            return;
        }
        std::vector<double> both;
        of[key].for_each_element([&](json_value each) { both.push_back(each.number()); });
        if (both.size() != 2) of[key].fail({"expected two numbers, found ", both.size()});
        rows = both[0];
        columns = both[1];
    };
    double rows = 0, columns = 0, patch_rows = 0, patch_columns = 0;
    sides("image_size", rows, columns);
    sides("patch_size", patch_rows, patch_columns);
    if (!(patch_rows >= 1 && patch_columns >= 1)) of["patch_size"].fail({"expected at least 1"});
    double labels = of.number("num_labels", 2);
    const char* labels_field = "num_labels";
    if (of.has("id2label")) {
        labels = 0;
        labels_field = "id2label";
        of["id2label"].for_each_member([&](std::string_view, json_value) { ++labels; });
    }
    describer<> to(file, "vit", "io::hugging_face::vit");
    to.number("tokens", "image_size",
              std::floor(rows / patch_rows) * std::floor(columns / patch_columns));
    to.number("patch_width", "patch_size",
              of.number("num_channels", 3) * patch_rows * patch_columns);
    to.number("classes", labels_field, labels);
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4 * width);
    const std::string activation = of.activation("hidden_act", "gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-12), 6);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_t5(const configuration_fields<>& of,
                                           std::string_view file) {
    std::string feed_forward = of.text("feed_forward_proj", "relu");
    const bool gated = feed_forward.starts_with("gated-");
    if (gated) feed_forward.erase(0, 6);
    // Theirs is the approximation, whatever it is called here.
    if (feed_forward == "gelu") feed_forward = "gelu_new";
    if (feed_forward != "relu" && feed_forward != "gelu_new" && feed_forward != "silu")
        of["feed_forward_proj"].fail({"the activation is not known"});
    const std::string activation = of.activation("", feed_forward, gated);
    describer<> to(file, "t5", gated ? "io::hugging_face::t5_gated" : "io::hugging_face::t5");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    // Positions are relative: there may be more.
    const double tokens = of.number("n_positions", 512);
    to.number("tokens", "n_positions", tokens);
    to.number("source_tokens", "n_positions", tokens);
    const int width = to.number("width", "d_model", of.number("d_model"));
    const int heads = to.number("heads", "num_heads", of.number("num_heads"));
    to.number("head_width", "d_kv", of.number("d_kv"),
              heads > 0 && width % heads == 0 ? width / heads : -1);
    to.number("hidden", "d_ff", of.number("d_ff"));
    const int source = to.number("source_depth", "num_layers", of.number("num_layers"));
    to.number("depth", "num_decoder_layers", of.number("num_decoder_layers", source));
    to.add("activation", activation, "feed_forward_proj", activation == "activation::relu");
    to.epsilon("rms", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-6), 6);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", true), true);
    const char* const field = "relative_attention_num_buckets";
    const int buckets = to.whole(field, of.number(field, 32));
    const int distance = to.whole("relative_attention_max_distance",
                                  of.number("relative_attention_max_distance", 128));
    to.add("position", joined_text({"position::relative_buckets<", buckets, ", ", distance, ">"}),
           field, buckets == 32 && distance == 128);
    return to.finish();
}

}  // namespace detail

/// The preset and its arguments that a config.json states. The text may be that of any model whose
/// `model_type` is bert, distilbert, gpt2, llama, mistral, qwen2, roberta, t5, vit or xlm-roberta.
///
/// Throws io::error if it is not well-formed, of another type, lacks a field, or states what the
/// presets do not compute.
SEQUENT_LAZY
SEQUENT_COLD model_description describe(const source& config) {
    const std::string_view text(reinterpret_cast<const char*>(config.bytes().data()),
                                config.bytes().size());
    const json_document document(text, config.name());
    const detail::configuration_fields<> of(document.root());
    const std::string type = of.text("model_type", "");
    const std::string& file = config.name();
    if (type == "gpt2") return detail::describe_gpt2(of, file);
    if (type == "llama" || type == "mistral" || type == "qwen2")
        return detail::describe_llama(of, file, type);
    if (type == "distilbert") return detail::describe_distilbert(of, file);
    if (type == "vit") return detail::describe_vit(of, file);
    if (type == "t5") return detail::describe_t5(of, file);
    if (type == "bert" || type == "roberta" || type == "xlm-roberta")
        return detail::describe_bert(of, file, type != "bert");
    fail_with<error>({file, ": \"model_type\" is \"", type,
                      "\", known are bert, distilbert, gpt2, llama, mistral, qwen2, roberta, t5, "
                      "vit and xlm-roberta"});
}

/// The preset and its arguments that a GGUF file of the architecture "llama" or "qwen2" states.
/// Throws as the other one does.
SEQUENT_LAZY
SEQUENT_COLD model_description describe(const gguf_file& of) {
    const std::string& file = of.tensors().name;
    const std::string architecture = of.text("general.architecture");
    const bool is_qwen2 = architecture == "qwen2";
    if (architecture != "llama" && !is_qwen2)
        fail_with<error>({file, ": \"general.architecture\" is \"", architecture,
                          "\", known are \"llama\" and \"qwen2\""});
    bool tied = true;
    double vocabulary = 0;
    for (const header_entry& each : of.tensors().header.tensors) {
        if (each.name == "output.weight") tied = false;
        if (each.name == "token_embd.weight" && !each.shape.empty())
            vocabulary = static_cast<double>(each.shape[0]);
        if (each.name == "rope_freqs.weight")
            fail_with<error>({file,
                              ": the tensor \"rope_freqs.weight\" scales rotary positions, "
                              "which the preset does not compute"});
    }
    const auto key = [&](const char* name) { return joined_text({architecture, ".", name}); };
    const auto has = [&](const char* name) { return of.has(key(name)); };
    const auto number = [&](const char* name) { return of.number(key(name)); };
    if (has("rope.scaling.type") && of.text(key("rope.scaling.type")) != "none")
        fail_with<error>({file, ": \"", key("rope.scaling.type"), "\" is \"",
                          of.text(key("rope.scaling.type")),
                          "\", which the preset does not compute"});
    if (has("expert_count") && number("expert_count") > 0)
        fail_with<error>({file, ": \"", key("expert_count"), "\" is ",
                          number_text(number("expert_count")), ", the preset has no experts"});
    detail::describer<> to(file, "llama",
                           is_qwen2 ? "io::llama_cpp::qwen2" : "io::llama_cpp::llama");
    const auto add = [&](std::string_view option, const char* name, int usual = -1) {
        return to.number(option, key(name), number(name), usual);
    };
    to.number("vocabulary", "token_embd.weight", vocabulary);
    add("tokens", "context_length");
    const int width = add("width", "embedding_length");
    const int heads = add("heads", "attention.head_count");
    if (has("attention.head_count_kv")) add("key_heads", "attention.head_count_kv", heads);
    int head_width = heads > 0 && width % heads == 0 ? width / heads : -1;
    if (has("attention.key_length"))
        head_width = add("head_width", "attention.key_length", head_width);
    if (has("rope.dimension_count") && number("rope.dimension_count") != head_width)
        fail_with<error>({file, ": \"", key("rope.dimension_count"), "\" is ",
                          number_text(number("rope.dimension_count")), ", the preset turns all ",
                          head_width, " numbers of a head"});
    add("hidden", "feed_forward_length");
    add("depth", "block_count");
    const char* const epsilon = "attention.layer_norm_rms_epsilon";
    to.epsilon("rms", key(epsilon), number(epsilon), 5);
    to.rotary(is_qwen2 ? "rotary_halves" : "rotary", key("rope.freq_base"),
              has("rope.freq_base") ? number("rope.freq_base") : 10000, is_qwen2 ? -1 : 10000);
    to.truth("biases", "general.architecture", is_qwen2, false);
    to.truth("tied", "output.weight", tied, true);
    return to.finish();
}

}  // namespace sequent::inline SEQUENT_ABI::io
