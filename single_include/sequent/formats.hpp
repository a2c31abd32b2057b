// Sequent 0.2.0: formats.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_FORMATS_HPP
#define SEQUENT_SINGLE_FORMATS_HPP

#include "io.hpp"

/// Reads files of other programs: GGUF, safetensors in several files, LoRA adapters, NumPy's .npz
/// archives, PyTorch's recurrent layers, and the type of a model from its config.json or GGUF
/// metadata. sequent.hpp does not include this header.

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

/// The description of a model as a preset with named arguments, and access to a config.json.

namespace sequent::inline SEQUENT_ABI::io {

/// The type of the model that fits a file: a preset and its named arguments.
struct model_description {
    /// An argument of the preset.
    struct argument {
        std::string name;         ///< name of the option: "width"
        std::string text;         ///< the option as C++: "width<768>"
        std::string field;        ///< the field or tensor of the file that states it
        bool is_default = false;  ///< the preset has this value by default
    };

    std::string file;                 ///< name of the file, for messages
    std::string preset;               ///< name of the preset: "gpt2"
    std::string names;                ///< the name map: "io::hugging_face::gpt2"
    std::vector<argument> arguments;  ///< all options that the file states

    /// The type as C++, without default arguments: "gpt2<vocabulary<50257>, tokens<1024>, ...>".
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

/// Builds a model_description from the options that a file states.
SEQUENT_LAZY class describer {
  public:
    describer(std::string_view file, std::string preset, std::string names) {
        result_.file = file;
        result_.preset = std::move(preset);
        result_.names = std::move(names);
    }

    /// The value as int; throws io::error if it is not an integer from 0 to 2^31 - 1.
    SEQUENT_COLD int whole(std::string_view field, double value) const {
        if (!(value >= 0 && value <= 2147483647 && value == std::floor(value)))
            fail_with<error>({result_.file, ": ", in_quotes(field), " is ", number_text(value),
                              ", expected is a whole number from 0 to 2147483647"});
        return static_cast<int>(value);
    }
    /// Adds an option that is a number. `usual` is the preset's default.
    SEQUENT_COLD int number(std::string_view name, std::string_view field, double value,
                            long long usual = -1) {
        const int number = whole(field, value);
        add(name, joined_text({name, "<", number, ">"}), field, number == usual);
        return number;
    }
    SEQUENT_COLD void truth(std::string_view name, std::string_view field, bool value, bool usual) {
        add(name, joined_text({name, value ? "<true>" : "<false>"}), field, value == usual);
    }
    /// Adds an option that is a type.
    SEQUENT_COLD void add(std::string_view name, std::string text, std::string_view field,
                          bool is_default) {
        result_.arguments.push_back(
            {std::string(name), std::move(text), std::string(field), is_default});
    }
    /// Adds the option normalization::kind<N>, whose epsilon is 10^-N.
    SEQUENT_COLD void epsilon(const char* kind, std::string_view field, double value, int usual) {
        int exponent = 0;
        double power = 1;
        while (exponent < 30 && power > value * 1.001) power = std::pow(10.0, -++exponent);
        // Some files store it as float: compare with a tolerance.
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

    /// The mask of a sliding window, which includes the position itself.
    SEQUENT_COLD std::string window(json_value of) const {
        const int width = whole("sliding_window", of.number());
        if (width < 1) of.fail({"expected a whole number of at least 1"});
        return joined_text({"mask::window<", width - 1, ">"});
    }

    model_description finish() { return std::move(result_); }

  private:
    model_description result_;
};

/// The fields of a config.json; a field that is null counts as absent, unless `is_null` is asked.
SEQUENT_LAZY class configuration_fields {
  public:
    explicit configuration_fields(json_value root) : root_(root) {}

    bool has(std::string_view key) const { return root_.has(key) && !root_[key].is_null(); }
    bool is_null(std::string_view key) const { return root_.has(key) && root_[key].is_null(); }
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
    /// Throws io::error unless a field has the only value that the preset supports, or is absent.
    SEQUENT_COLD void expect(std::string_view key, bool wanted) const {
        if (truth(key, wanted) != wanted)
            root_[key].fail({"\"", key, "\" is ", wanted ? "false" : "true",
                             ", which the preset does not compute"});
    }
    SEQUENT_COLD void expect_absent(std::string_view key) const {
        if (has(key))
            root_[key].fail({"\"", key, "\" is given, which the preset does not compute"});
    }
    /// The option for the activation that a field names.
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
                                 {"tanh", "tanh", ""},
                                 {"quick_gelu", "quick_gelu", ""}};
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

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::io

/// Name maps from the presets' parameters to the tensors of llama.cpp's files:
/// `io::load<Model>(io::gguf_file("model.gguf").tensors(), parameters, io::llama_cpp::llama)`.
namespace sequent::inline SEQUENT_ABI::io::llama_cpp {

namespace detail {
/// Llama's names. llama.cpp's converter reorders the rows of queries and keys to the order of
/// rotary() only for the architecture "llama".
constexpr auto llama_names(const placement& order) {
    return std::to_array<name_entry>({
        {"embedding", "token_embd.weight"},
        {"layers.gain_1", "blk.{}.attn_norm.weight"},
        {"layers.W_query", "blk.{}.attn_q.weight", order},
        {"layers.W_key", "blk.{}.attn_k.weight", order},
        {"layers.W_value", "blk.{}.attn_v.weight"},
        {"layers.b_query", "blk.{}.attn_q.bias", order | flat},
        {"layers.b_key", "blk.{}.attn_k.bias", order | flat},
        {"layers.b_value", "blk.{}.attn_v.bias", flat},
        {"layers.W_out", "blk.{}.attn_output.weight"},
        {"layers.gain_2", "blk.{}.ffn_norm.weight"},
        {"layers.W_gate", "blk.{}.ffn_gate.weight"},
        {"layers.W_expand", "blk.{}.ffn_up.weight"},
        {"layers.W_contract", "blk.{}.ffn_down.weight"},
        {"gain", "output_norm.weight"},
        {"W_logits", "output.weight"},
        copy_of("embedding", "output.weight"),
    });
}
}  // namespace detail

/// Name map of the architecture "llama": Llama 1 and 2, Mistral, SmolLM2.
inline constexpr auto llama = detail::llama_names(neighbours);
/// Name map of Llama 3.1 and later. Their tensor rope_freqs holds the factors of scaling::llama3;
/// it is not loaded, but `describe` checks it.
inline constexpr auto llama3 = joined(llama, {ignored("rope_freqs.weight")});
/// Name map of the architecture "qwen2".
inline constexpr auto qwen2 = detail::llama_names(halves);

/// Name map of the architecture "phi3".
inline constexpr name_entry phi3[] = {
    {"embedding", "token_embd.weight"},
    {"layers.gain_1", "blk.{}.attn_norm.weight"},
    {"layers.W_query", "blk.{}.attn_qkv.weight", successive | halves},
    {"layers.W_key", "blk.{}.attn_qkv.weight", successive | halves},
    {"layers.W_value", "blk.{}.attn_qkv.weight", successive},
    {"layers.W_out", "blk.{}.attn_output.weight"},
    {"layers.gain_2", "blk.{}.ffn_norm.weight"},
    {"layers.W_gate", "blk.{}.ffn_up.weight", successive},
    {"layers.W_expand", "blk.{}.ffn_up.weight", successive},
    {"layers.W_contract", "blk.{}.ffn_down.weight"},
    {"gain", "output_norm.weight"},
    {"W_logits", "output.weight"},
    copy_of("embedding", "output.weight"),
};

/// Name map of the architecture "bert", without pooling.
inline constexpr name_entry bert[] = {
    {"embedding", "token_embd.weight"},
    {"position", "position_embd.weight", rows_from(0)},
    {"segment_embedding", "token_types.weight"},
    {"embedding_gain", "token_embd_norm.weight"},
    {"embedding_bias", "token_embd_norm.bias"},
    {"layers.W_query", "blk.{}.attn_q.weight"},
    {"layers.b_query", "blk.{}.attn_q.bias", flat},
    {"layers.W_key", "blk.{}.attn_k.weight"},
    {"layers.b_key", "blk.{}.attn_k.bias", flat},
    {"layers.W_value", "blk.{}.attn_v.weight"},
    {"layers.b_value", "blk.{}.attn_v.bias", flat},
    {"layers.W_out", "blk.{}.attn_output.weight"},
    {"layers.b_out", "blk.{}.attn_output.bias"},
    {"layers.gain_1", "blk.{}.attn_output_norm.weight"},
    {"layers.bias_1", "blk.{}.attn_output_norm.bias"},
    {"layers.W_expand", "blk.{}.ffn_up.weight"},
    {"layers.b_expand", "blk.{}.ffn_up.bias"},
    {"layers.W_contract", "blk.{}.ffn_down.weight"},
    {"layers.b_contract", "blk.{}.ffn_down.bias"},
    {"layers.gain_2", "blk.{}.layer_output_norm.weight"},
    {"layers.bias_2", "blk.{}.layer_output_norm.bias"},
};

/// Name map of the architecture "t5", both versions.
inline constexpr name_entry t5[] = {
    {"embedding", "token_embd.weight"},
    {"source_relative", "enc.blk.0.attn_rel_b.weight", transposed},
    {"encoder.gain_1", "enc.blk.{}.attn_norm.weight"},
    {"encoder.W_query", "enc.blk.{}.attn_q.weight"},
    {"encoder.W_key", "enc.blk.{}.attn_k.weight"},
    {"encoder.W_value", "enc.blk.{}.attn_v.weight"},
    {"encoder.W_out", "enc.blk.{}.attn_o.weight"},
    {"encoder.gain_2", "enc.blk.{}.ffn_norm.weight"},
    {"encoder.W_gate", "enc.blk.{}.ffn_gate.weight"},
    {"encoder.W_expand", "enc.blk.{}.ffn_up.weight"},
    {"encoder.W_contract", "enc.blk.{}.ffn_down.weight"},
    {"source_gain", "enc.output_norm.weight"},
    {"relative", "dec.blk.0.attn_rel_b.weight", transposed},
    {"decoder.gain_1", "dec.blk.{}.attn_norm.weight"},
    {"decoder.W_query", "dec.blk.{}.attn_q.weight"},
    {"decoder.W_key", "dec.blk.{}.attn_k.weight"},
    {"decoder.W_value", "dec.blk.{}.attn_v.weight"},
    {"decoder.W_out", "dec.blk.{}.attn_o.weight"},
    {"decoder.gain_2", "dec.blk.{}.cross_attn_norm.weight"},
    {"decoder.cross_W_query", "dec.blk.{}.cross_attn_q.weight"},
    {"decoder.cross_W_key", "dec.blk.{}.cross_attn_k.weight"},
    {"decoder.cross_W_value", "dec.blk.{}.cross_attn_v.weight"},
    {"decoder.cross_W_out", "dec.blk.{}.cross_attn_o.weight"},
    {"decoder.gain_3", "dec.blk.{}.ffn_norm.weight"},
    {"decoder.W_gate", "dec.blk.{}.ffn_gate.weight"},
    {"decoder.W_expand", "dec.blk.{}.ffn_up.weight"},
    {"decoder.W_contract", "dec.blk.{}.ffn_down.weight"},
    {"gain", "dec.output_norm.weight"},
    {"W_logits", "output.weight"},
    copy_of("embedding", "output.weight"),
    ignored("dec.blk.0.cross_attn_rel_b.weight"),
};

}  // namespace sequent::inline SEQUENT_ABI::io::llama_cpp

/// Tables of the presets and name maps that descriptions refer to.

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// The options of a model that `check_type` compares.
struct compared_options {
    nn::shape shape;
    std::string mask;  // as C++, such as "mask::causal"; "" for a mask that no preset has
    std::string local_mask;
};

template <class Mask>
inline constexpr const char* mask_name = "";
template <>
inline constexpr const char* mask_name<mask::none> = "mask::none";
template <>
inline constexpr const char* mask_name<mask::causal> = "mask::causal";
template <class Mask>
struct window_of {
    static constexpr const char* name = "";
    static constexpr int width = 0;
};
template <int Width>
struct window_of<mask::window<Width>> {
    static constexpr const char* name = "mask::window<";
    static constexpr int width = Width;
};
template <int Width>
struct window_of<mask::around<Width>> {
    static constexpr const char* name = "mask::around<";
    static constexpr int width = Width;
};
template <class Mask>
SEQUENT_COLD std::string text_of_mask() {
    if (*window_of<Mask>::name == '\0') return mask_name<Mask>;
    return joined_text({window_of<Mask>::name, window_of<Mask>::width, ">"});
}

/// The compared options of an option set or a model.
template <class Of>
SEQUENT_COLD compared_options compared_options_of() {
    if constexpr (requires { typename Of::template read<>; }) {
        return compared_options_of<typename Of::template read<>>();
    } else {
        compared_options result{Of::shape, "", ""};
        if constexpr (requires { typename Of::mask; })
            result.mask = text_of_mask<typename Of::mask>();
        if constexpr (requires { typename Of::local_mask; })
            result.local_mask = text_of_mask<typename Of::local_mask>();
        return result;
    }
}

struct known_preset {
    std::string_view name;
    compared_options (*defaults)();
};

/// One line for each preset.
inline constexpr known_preset known_presets[] = {
    {"albert", compared_options_of<nn::albert_options>},
    {"bert", compared_options_of<nn::bert_options>},
    {"bert_masked_language", compared_options_of<nn::bert_masked_language_options>},
    {"bloom", compared_options_of<nn::bloom_options>},
    {"clip_text", compared_options_of<nn::clip_text_options>},
    {"codegen", compared_options_of<nn::codegen_options>},
    {"dinov2", compared_options_of<nn::dinov2_options>},
    {"distilbert", compared_options_of<nn::distilbert_options>},
    {"gemma2", compared_options_of<nn::gemma2_options>},
    {"gemma3", compared_options_of<nn::gemma3_options>},
    {"gpt2", compared_options_of<nn::gpt2_options>},
    {"gpt_neox", compared_options_of<nn::gpt_neox_options>},
    {"llama", compared_options_of<nn::llama_options>},
    {"llama3", compared_options_of<nn::llama3_options>},
    {"mistral", compared_options_of<nn::mistral_options>},
    {"modernbert", compared_options_of<nn::modernbert_options>},
    {"mpnet", compared_options_of<nn::mpnet_options>},
    {"opt", compared_options_of<nn::opt_options>},
    {"phi", compared_options_of<nn::phi_options>},
    {"phi3", compared_options_of<nn::phi3_options>},
    {"qwen2", compared_options_of<nn::qwen2_options>},
    {"qwen3", compared_options_of<nn::qwen3_options>},
    {"roberta", compared_options_of<nn::roberta_options>},
    {"starcoder2", compared_options_of<nn::starcoder2_options>},
    {"t5", compared_options_of<nn::t5_options>},
    {"vit", compared_options_of<nn::vit_options>},
    {"whisper", compared_options_of<nn::whisper_options>},
};

struct known_names {
    std::string_view name;
    name_map map;
};

/// One line for each name map.
inline constexpr known_names known_name_maps[] = {
    {"io::hugging_face::albert", hugging_face::albert},
    {"io::hugging_face::bert", hugging_face::bert},
    {"io::hugging_face::bloom", hugging_face::bloom},
    {"io::hugging_face::clip_text", hugging_face::clip_text},
    {"io::hugging_face::codegen", hugging_face::codegen},
    {"io::hugging_face::dinov2", hugging_face::dinov2},
    {"io::hugging_face::distilbert", hugging_face::distilbert},
    {"io::hugging_face::gemma2", hugging_face::gemma2},
    {"io::hugging_face::gemma3", hugging_face::gemma3},
    {"io::hugging_face::gpt2", hugging_face::gpt2},
    {"io::hugging_face::gpt_neox", hugging_face::gpt_neox},
    {"io::hugging_face::llama", hugging_face::llama},
    {"io::hugging_face::llama3", hugging_face::llama3},
    {"io::hugging_face::mistral", hugging_face::mistral},
    {"io::hugging_face::modernbert", hugging_face::modernbert},
    {"io::hugging_face::mpnet", hugging_face::mpnet},
    {"io::hugging_face::opt", hugging_face::opt},
    {"io::hugging_face::phi", hugging_face::phi},
    {"io::hugging_face::phi3", hugging_face::phi3},
    {"io::hugging_face::qwen2", hugging_face::qwen2},
    {"io::hugging_face::qwen3", hugging_face::qwen3},
    {"io::hugging_face::roberta", hugging_face::roberta},
    {"io::hugging_face::starcoder2", hugging_face::starcoder2},
    {"io::hugging_face::t5", hugging_face::t5},
    {"io::hugging_face::t5_gated", hugging_face::t5_gated},
    {"io::hugging_face::vit", hugging_face::vit},
    {"io::hugging_face::whisper", hugging_face::whisper},
    {"io::llama_cpp::bert", llama_cpp::bert},
    {"io::llama_cpp::llama", llama_cpp::llama},
    {"io::llama_cpp::llama3", llama_cpp::llama3},
    {"io::llama_cpp::phi3", llama_cpp::phi3},
    {"io::llama_cpp::qwen2", llama_cpp::qwen2},
    {"io::llama_cpp::t5", llama_cpp::t5},
};

}  // namespace detail

/// The name map that a description names. Throws io::error if the library has no such map.
SEQUENT_LAZY
SEQUENT_COLD name_map names_of(const model_description& described) {
    for (const detail::known_names& each : detail::known_name_maps)
        if (each.name == described.names) return each.map;
    fail_with<error>({described.file, ": the name map ", described.names, " is not known"});
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Compares a model with the description of a file, option by option, including options that no
/// tensor's shape shows: the epsilon of norms, the base of rotary positions, the activation.
///
///     io::check_type<Model>(io::describe("config.json"));

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// A model's option as `describe` writes it; empty if it is not compared.
SEQUENT_LAZY
SEQUENT_COLD std::string option_of(const compared_options& model, std::string_view name) {
    const nn::shape& of = model.shape;
    const auto number = [&](int value) { return joined_text({name, "<", value, ">"}); };
    const auto truth = [&](bool value) {
        return joined_text({name, value ? "<true>" : "<false>"});
    };
    struct counted {
        std::string_view name;
        int value;
    };
    const counted numbers[] = {
        {"vocabulary", of.vocabulary},
        {"tokens", of.tokens},
        {"source_tokens", of.source_tokens},
        {"width", of.width},
        {"heads", of.heads},
        {"key_heads", of.key_heads},
        {"head_width", of.head_width},
        {"hidden", of.hidden},
        {"depth", of.depth},
        {"source_depth", of.source_depth},
        {"embedding_width", of.embedding_width},
        {"input_width", of.input_width},
        {"score_width", of.score_width > 0 ? of.score_width : of.head_width},
        {"score_cap", of.score_cap},
        {"logit_cap", of.logit_cap},
        {"segments", of.segments},
        {"classes", of.classes},
        {"patch_width", of.patch_width},
        {"parallel_branches", of.parallel_branches},
    };
    for (const counted& each : numbers)
        if (each.name == name) return number(each.value);
    const counted truths[] = {
        {"tied", of.tied},
        {"biases", of.biases},
        {"attention_biases", of.attends_with_biases()},
        {"query_biases", of.attends_with_biases() || of.query_biases},
        {"head_norms", of.head_norms},
        {"branch_norms", of.branch_norms},
        {"layer_scale", of.layer_scale},
        {"opening_layer", of.opening_layer},
        {"shared_layers", of.shared_layers},
        {"scaled_embedding", of.scaled_embedding},
        {"normal_embedding", of.normal_embedding},
        {"logit_bias", of.logit_bias},
        {"scaled", of.scaled},
    };
    for (const counted& each : truths)
        if (each.name == name) return truth(each.value != 0);
    if (name == "pre_norm") return of.norm_first ? "pre_norm" : "post_norm";
    if (name == "mask") return model.mask;
    if (name == "normalization") {
        return joined_text({"normalization::",
                            of.normalization == nn::norm_kind::rms ? "rms<"
                            : of.normalization == nn::norm_kind::rms_without_gain
                                ? "rms_without_gain<"
                            : of.normalization == nn::norm_kind::layer ? "layer<"
                                                                       : "layer_without_bias<",
                            of.norm_exponent, ">"});
    }
    if (name == "position" && of.is_rotary()) {
        std::string text = of.position_base == 10000 ? "" : joined_text({of.position_base});
        const rotary_scaling& by = of.scaling;
        const auto kind = by.kind;
        const int factor = by.factor, low = by.low, high = by.high;
        std::string scaling = "scaling::none";
        if (kind == rotary_scaling::rule::linear)
            scaling = joined_text({"scaling::linear<", factor, ">"});
        if (kind == rotary_scaling::rule::llama3)
            scaling = joined_text(
                {"scaling::llama3<", factor, ", ", low, ", ", high, ", ", by.original, ">"});
        if (kind == rotary_scaling::rule::yarn)
            scaling = joined_text(
                {"scaling::yarn<", factor, ", ", by.original, ", ", high, ", ", low, ">"});
        if (kind != rotary_scaling::rule::none || of.rotary_percent > 0)
            text = joined_text({of.position_base, ", ", scaling});
        if (of.rotary_percent > 0) append_text(text, {", ", of.rotary_percent});
        return joined_text(
            {"position::", of.position == nn::position_kind::rotary ? "rotary<" : "rotary_halves<",
             text, ">"});
    }
    if (name == "position" && of.position == nn::position_kind::relative_buckets) {
        return joined_text({of.learned_positions ? "position::learned_and_relative_buckets<"
                                                 : "position::relative_buckets<",
                            of.buckets, ", ", of.max_distance, ">"});
    }
    if (name == "position" && of.position == nn::position_kind::none) return "position::none";
    if (name == "position" && of.position == nn::position_kind::learned) return "position::learned";
    if (name == "position") return "another kind of position";
    if (name == "local_layers" && of.local_layers == 0) return number(0);
    if (name == "local_layers")
        return joined_text({"local_layers<", of.local_layers, ", ", model.local_mask,
                            of.local_base == 10000 ? "" : joined_text({", ", of.local_base}), ">"});
    return "";
}

/// The activation options that match the functions a model uses, each preceded by a space.
template <class Model>
std::string activations_of() {
    std::string result;
    const auto add = [&](transformation kind, const char* names) {
        if (uses<Model>(kind)) append_text(result, {" ", names});
    };
    add(transformation::gelu, "activation::gelu activation::geglu");
    add(transformation::gelu_tanh, "activation::gelu_tanh activation::geglu_tanh");
    add(transformation::relu, "activation::relu activation::reglu");
    // quick_gelu is silu between two scales.
    bool is_quick = false;
    for_each_function<Model>([&](const plan::transformation_use& use) {
        is_quick = is_quick ||
                   (use.kind == transformation::scale && std::abs(use.numbers[0] - 1.702) < 1e-9);
    });
    add(transformation::silu,
        is_quick ? "activation::quick_gelu" : "activation::silu activation::swiglu");
    add(transformation::sigmoid, "activation::sigmoid activation::glu");
    add(transformation::tanh, "activation::tanh");
    return result;
}

/// The options compared with the preset's defaults if the file does not state them.
inline constexpr std::string_view options_of_presets[] = {"mask",
                                                          "pre_norm",
                                                          "normalization",
                                                          "position",
                                                          "tied",
                                                          "biases",
                                                          "attention_biases",
                                                          "query_biases",
                                                          "head_norms",
                                                          "branch_norms",
                                                          "layer_scale",
                                                          "local_layers",
                                                          "opening_layer",
                                                          "shared_layers",
                                                          "parallel_branches",
                                                          "embedding_width",
                                                          "scaled_embedding",
                                                          "normal_embedding",
                                                          "scaled",
                                                          "score_cap",
                                                          "logit_cap",
                                                          "logit_bias",
                                                          "segments"};

/// Returns true if a model may have the option `found` where the file has `wanted`.
SEQUENT_LAZY
SEQUENT_COLD bool fits(std::string_view name, const std::string& wanted, const std::string& found,
                       const compared_options& model, bool is_relative) {
    if (wanted.empty() || found == wanted) return true;
    // Name maps convert the rows of heads to either order.
    const auto plain = [](std::string text) {
        if (const auto half = text.find("_halves"); half != std::string::npos) text.erase(half, 7);
        return text;
    };
    if (name == "position") return plain(found) == plain(wanted);
    const auto value = [](const std::string& text) {
        return std::stoll(text.substr(text.find('<') + 1));
    };
    // A model may have fewer positions; a window that covers all of them has no effect.
    if (name == "tokens" || name == "source_tokens")
        return value(found) <= value(wanted) || is_relative;
    if (name == "mask" && wanted.starts_with("mask::window<"))
        return found == "mask::causal" && value(wanted) >= model.shape.tokens - 1;
    return false;
}

/// Throws io::error with all options in which a model differs from the file or from the defaults of
/// the preset that the file's description names.
SEQUENT_LAZY
SEQUENT_COLD void check_options(const model_description& wanted, const compared_options& model,
                                const std::string& activations) {
    std::string problem;
    const bool is_relative = wanted.preset == "t5";
    const auto compare = [&](std::string_view name, const std::string& text,
                             const std::string& where) {
        const std::string found = option_of(model, name);
        if (!fits(name, text, found, model, is_relative))
            append_text(problem, {"\n  ", name, ": ", where, ", the model ",
                                  found.empty() ? "another one" : found});
    };
    for (const model_description::argument& each : wanted.arguments) {
        const std::string where =
            joined_text({"the file has ", each.text, " (", in_quotes(each.field), ")"});
        if (each.name == "activation") {
            if (joined_text({activations, " "}).find(joined_text({" ", each.text, " "})) ==
                std::string::npos)
                append_text(problem, {"\n  activation: ", where, ", the model no such function"});
        } else if (!option_of(model, each.name).empty() || each.name == "mask") {
            compare(each.name, each.text, where);
        }
    }
    for (const known_preset& preset : known_presets) {
        if (preset.name != wanted.preset) continue;
        const compared_options defaults = preset.defaults();
        for (const std::string_view name : options_of_presets) {
            bool is_stated = false;
            for (const model_description::argument& each : wanted.arguments)
                is_stated = is_stated || each.name == name;
            const std::string text = option_of(defaults, name);
            if (!is_stated)
                compare(name, text, joined_text({"the preset ", preset.name, " has ", text}));
        }
    }
    if (!problem.empty())
        fail_with<error>({wanted.file, ": the model is of another type:", problem,
                          "\n  the type that fits is ", wanted.text()});
}

}  // namespace detail

/// Checks that a model computes what a file describes. Each option that the file states is
/// compared; options that it does not state, such as masks, norms, positions and biases, are
/// compared with the defaults of the preset.
///
/// Throws io::error, which states each option that differs, with both values, and the type that
/// fits.
template <class Model>
void check_type(const model_description& wanted) {
    detail::check_options(wanted, detail::compared_options_of<Model>(),
                          detail::activations_of<Model>());
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Number formats of GGUF tensors: single numbers, and blocks of numbers in 8 or 4 bits.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// Decodes blocks of 32 numbers d q + m. `Bits` is 8 or 4. If `HasMinimum`, m is stored and 4-bit q
/// are unsigned; otherwise m is 0 and 4-bit numbers are stored as q + 8.
template <int Bits, bool HasMinimum>
void decode_blocks(const stored_tensor& from, std::uint64_t first, std::uint64_t stride,
                   std::size_t count, double* numbers) {
    constexpr std::size_t head = HasMinimum ? 4 : 2;
    constexpr std::size_t bytes = head + 32 * Bits / 8;
    std::uint64_t number = first;
    for (std::size_t at = 0; at < count;) {
        const std::uint64_t block = number / 32;
        const std::byte* const data = from.data + block * bytes;
        const double d = static_cast<double>(from_f16(load_bits<std::uint16_t>(data)));
        const double m =
            HasMinimum ? static_cast<double>(from_f16(load_bits<std::uint16_t>(data + 2))) : 0;
        const std::uint64_t end = 32 * block + 32;
        for (; at < count && number < end; ++at, number += stride) {
            const auto place = static_cast<std::size_t>(number % 32);
            int q = 0;
            if constexpr (Bits == 8) {
                q = static_cast<std::int8_t>(std::to_integer<std::uint8_t>(data[head + place]));
            } else {
                const int both = std::to_integer<int>(data[head + place % 16]);
                q = (place < 16 ? both & 15 : both >> 4) - (HasMinimum ? 0 : 8);
            }
            numbers[at] = d * q + m;
        }
    }
}

/// Reads scale, minimum and integers of a block without decoding them.
template <int Bits, bool HasMinimum>
void read_scaled_block(const stored_tensor& from, std::uint64_t first, std::size_t count,
                       scaled_block& to) {
    constexpr std::size_t head = HasMinimum ? 4 : 2;
    const std::byte* const data = from.data + first / 32 * (head + 32 * Bits / 8);
    if (HasMinimum) to.minimum = static_cast<double>(from_f16(load_bits<std::uint16_t>(data + 2)));
    to.scale = static_cast<double>(from_f16(load_bits<std::uint16_t>(data)));
    for (std::size_t each = 0; each < count; ++each) {
        const std::size_t at = static_cast<std::size_t>(first % 32) + each;
        const int byte = std::to_integer<int>(data[head + (Bits == 8 ? at : at % 16)]);
        const int nibble = (at < 16 ? byte & 15 : byte >> 4) - (HasMinimum ? 0 : 8);
        to.q[each] = static_cast<std::int8_t>(Bits == 8 ? byte : nibble);
    }
}

SEQUENT_LAZY inline constexpr number_format gguf_formats[] = {
    {"F32", 1, 4, true, decode_plain<dtype::f32>},
    {"F16", 1, 2, true, decode_plain<dtype::f16>},
    {"BF16", 1, 2, true, decode_plain<dtype::bf16>},
    {"F64", 1, 8, false, decode_plain<dtype::f64>},
    {"Q8_0", 32, 34, true, decode_blocks<8, false>, read_scaled_block<8, false>, 8},
    {"Q4_0", 32, 18, true, decode_blocks<4, false>, read_scaled_block<4, false>, 4},
    {"Q4_1", 32, 20, true, decode_blocks<4, true>, read_scaled_block<4, true>, 4, true},
};

/// The name of a tensor type in ggml.
SEQUENT_LAZY
SEQUENT_COLD std::string type_of_gguf_tensor(std::uint32_t number) {
    constexpr std::string_view names[] = {
        "F32",     "F16",    "Q4_0",    "Q4_1",  "",       "",      "Q5_0",  "Q5_1",
        "Q8_0",    "Q8_1",   "Q2_K",    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",
        "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS",
        "I8",      "I16",    "I32",     "I64",   "F64",    "IQ1_M", "BF16",  "",
        "",        "",       "TQ1_0",   "TQ2_0", "",       "",      "",      "MXFP4"};
    if (number < std::size(names) && !names[number].empty()) return std::string(names[number]);
    return joined_text({"number ", number});
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail

/// Reads GGUF files of version 2 and 3, the format of llama.cpp: metadata, the vocabulary, and
/// tensors in F32, F16, BF16, F64, Q8_0, Q4_0 and Q4_1, which are decoded to float or double.
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
///
///     const io::gguf_file file("model.gguf");
///     io::load<Model>(file.tensors(), parameters, io::llama_cpp::llama);

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

enum class gguf_type : std::uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    text,
    array,
    u64,
    i64,
    f64
};

SEQUENT_LAZY
SEQUENT_COLD std::string name_of_gguf(gguf_type type) {
    constexpr const char* names[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                     "int32",  "float32", "bool",   "string", "array",
                                     "uint64", "int64",   "float64"};
    const auto number = static_cast<std::uint32_t>(type);
    return number < std::size(names) ? std::string(names[number])
                                     : joined_text({"the unknown type ", number});
}

/// Size of a value in bytes; 0 for strings and arrays, which store their own length.
constexpr std::uint64_t size_of_gguf(gguf_type type) noexcept {
    using enum gguf_type;
    switch (type) {
        case u8:
        case i8:
        case boolean:
            return 1;
        case u16:
        case i16:
            return 2;
        case u32:
        case i32:
        case f32:
            return 4;
        case u64:
        case i64:
        case f64:
            return 8;
        default:
            return 0;
    }
}

/// A key of the metadata and the byte `at` which its value, or the first of `count` values, begins.
struct gguf_field {
    std::string_view key;
    gguf_type type = gguf_type::u8;
    bool is_array = false;
    std::uint64_t count = 1;
    std::size_t at = 0;
};

/// Reads a file sequentially; each read is checked against the end of the file.
SEQUENT_LAZY class gguf_reader {
  public:
    explicit gguf_reader(const source& from) : bytes_(from.bytes()), file_(from.name()) {}

    std::size_t at() const noexcept { return at_; }
    std::uint64_t left() const noexcept { return bytes_.size() - at_; }

    template <class Bits>
    Bits number(std::string_view what) {
        need(sizeof(Bits), what);
        const auto result = load_bits<Bits>(bytes_.data() + at_);
        at_ += sizeof(Bits);
        return result;
    }

    SEQUENT_COLD std::string_view text(std::string_view what) {
        const auto length = number<std::uint64_t>(what);
        need(length, what);
        const std::string_view result(reinterpret_cast<const char*>(bytes_.data()) + at_,
                                      static_cast<std::size_t>(length));
        at_ += result.size();
        return result;
    }

    /// A number of items of at least `size` bytes each; throws io::error if the file is too short
    /// for them.
    SEQUENT_COLD std::uint64_t count(std::uint64_t size, std::string_view what) {
        const auto result = number<std::uint64_t>(what);
        if (result > left() / size)
            fail({what, " is ", result, ", the file has only ", left(), " bytes behind it"});
        return result;
    }

    SEQUENT_COLD void skip(std::uint64_t bytes, std::string_view what) {
        need(bytes, what);
        at_ += static_cast<std::size_t>(bytes);
    }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({file_, ": byte ", at_, ": ", joined_text(what)});
    }

  private:
    void need(std::uint64_t bytes, std::string_view what) const {
        if (bytes > left())
            fail({what, " takes ", bytes, " bytes, the file has only ", left(), " there"});
    }

    std::span<const std::byte> bytes_;
    std::string_view file_;
    std::size_t at_ = 0;
};

SEQUENT_LAZY
SEQUENT_COLD gguf_field read_gguf_field(gguf_reader<>& reader) {
    gguf_field field;
    field.key = reader.text("a key");
    if (!is_utf8(field.key)) reader.fail({"a key is not UTF-8"});
    const auto fail_type = [&] {
        reader.fail({in_quotes(field.key), " has ", name_of_gguf(field.type),
                     field.is_array ? " as the type of an array's elements" : " as its type"});
    };
    field.type = static_cast<gguf_type>(reader.number<std::uint32_t>(field.key));
    if (field.type == gguf_type::array) {
        field.is_array = true;
        field.type = static_cast<gguf_type>(reader.number<std::uint32_t>(field.key));
    }
    const std::uint64_t size = size_of_gguf(field.type);
    const bool is_text = field.type == gguf_type::text;
    if (size == 0 && !is_text) fail_type();
    if (field.is_array) field.count = reader.count(is_text ? 8 : size, field.key);
    field.at = reader.at();
    if (is_text) {
        for (std::uint64_t at = 0; at < field.count; ++at) (void)reader.text(field.key);
    } else {
        reader.skip(field.count * size, field.key);
    }
    return field;
}

/// Reads the header of a tensor, except `end`.
SEQUENT_LAZY
SEQUENT_COLD header_entry read_gguf_tensor(gguf_reader<>& reader) {
    header_entry entry;
    entry.name = std::string(reader.text("a tensor's name"));
    if (!is_utf8(entry.name)) reader.fail({"a tensor's name is not UTF-8"});
    const auto rank = reader.number<std::uint32_t>(entry.name);
    if (rank > 4)
        reader.fail({"tensor ", in_quotes(entry.name), " has ", rank, " extents, at most are 4"});
    entry.shape.resize(rank);
    // The file stores the extents in reverse order, the innermost first.
    for (std::size_t axis = rank; axis-- > 0;)
        entry.shape[axis] = reader.number<std::uint64_t>(entry.name);
    entry.dtype = type_of_gguf_tensor(reader.number<std::uint32_t>(entry.name));
    entry.begin = reader.number<std::uint64_t>(entry.name);
    return entry;
}

}  // namespace detail

/// A GGUF file: metadata, vocabulary and tensors. Use it as `gguf_file`.
SEQUENT_LAZY class basic_gguf_file {
  public:
    /// Opens a file, reads its metadata and checks its tensors' headers. Throws io::error if it is
    /// not well-formed.
    SEQUENT_COLD explicit basic_gguf_file(const source& from) {
        detail::gguf_reader<> reader(from);
        file_.name = from.name();
        file_.formats = detail::gguf_formats<>;
        const auto magic = reader.number<std::uint32_t>("the file");
        if (magic != 0x46554747) reader.fail({"the file does not begin with \"GGUF\""});
        const auto version = reader.number<std::uint32_t>("the version");
        if (version < 2 || version > 3)
            reader.fail({"the file is of version ", version, " of the format, known are 2 and 3"});
        // The least number of bytes of a tensor's header and of a pair of metadata.
        const std::uint64_t tensors = reader.count(24, "the number of tensors");
        const std::uint64_t pairs = reader.count(13, "the number of pairs of metadata");
        detail::name_table keys, names;
        for (std::uint64_t at = 0; at < pairs; ++at) {
            fields_.push_back(detail::read_gguf_field(reader));
            keys.add(fields_.back().key, fields_.size() - 1);
        }
        keys.sort();
        if (const auto* const again = keys.repeated())
            reader.fail({"the key ", detail::in_quotes(again->name), " stands twice"});
        std::vector<header_entry>& entries = file_.header.tensors;
        for (std::uint64_t at = 0; at < tensors; ++at)
            entries.push_back(detail::read_gguf_tensor(reader));
        for (std::size_t at = 0; at < entries.size(); ++at) names.add(entries[at].name, at);
        names.sort();
        if (const auto* const again = names.repeated())
            reader.fail({"tensor ", detail::in_quotes(again->name), " stands twice"});
        file_.parts.push_back({from, 0});
        const std::int64_t alignment = has("general.alignment") ? integer("general.alignment") : 32;
        if (alignment < 1 || alignment > (1 << 20) || (alignment & (alignment - 1)) != 0)
            fail("general.alignment", joined_text({"is ", alignment, ", no power of two to 2^20"}));
        const auto step = static_cast<std::size_t>(alignment);
        const std::size_t data = (reader.at() + step - 1) / step * step;
        file_.parts[0].data = data;
        const std::size_t size = from.bytes().size();
        check_tensors(data < size ? size - data : 0, step);
        for (const detail::gguf_field& field : fields_)
            if (field.type == detail::gguf_type::text && !field.is_array)
                file_.header.metadata[std::string(field.key)] = text(field.key);
    }

    /// The tensors, for `load`, valid as long as this object. Their dtypes are named as in ggml.
    /// Their metadata are the keys whose value is a string.
    const tensor_file& tensors() const noexcept { return file_; }

    /// Returns true if the metadata have a key.
    bool has(std::string_view key) const noexcept { return find(key) != nullptr; }

    /// The string of a key. Like the functions below, it throws io::error if the key is missing or
    /// its value has another type.
    SEQUENT_COLD std::string text(std::string_view key) const {
        return std::string(text_at(of(key, false, is_text, "a string").at));
    }
    /// The integer of a key, of any integer type. Throws io::error if it exceeds std::int64_t.
    SEQUENT_COLD std::int64_t integer(std::string_view key) const {
        return integer_at(of(key, false, is_integer, "an integer"), 0);
    }
    /// The number of a key, of any integer or floating-point type.
    SEQUENT_COLD double number(std::string_view key) const {
        return number_at(of(key, false, is_number, "a number"), 0);
    }
    /// The bool of a key.
    SEQUENT_COLD bool truth(std::string_view key) const {
        const detail::gguf_field& field = of(key, false, is_truth, "a bool");
        const auto value = load<std::uint8_t>(field.at);
        if (value > 1) fail(key, joined_text({"is the bool ", static_cast<int>(value)}));
        return value == 1;
    }
    /// The array of strings of a key.
    SEQUENT_COLD std::vector<std::string> texts(std::string_view key) const {
        const detail::gguf_field& field = of(key, true, is_text, "an array of strings");
        std::vector<std::string> result;
        result.reserve(static_cast<std::size_t>(field.count));
        std::size_t at = field.at;
        for (std::uint64_t number = 0; number < field.count; ++number) {
            result.emplace_back(text_at(at));
            at += 8 + result.back().size();
        }
        return result;
    }
    /// The array of integers of a key.
    SEQUENT_COLD std::vector<std::int64_t> integers(std::string_view key) const {
        const detail::gguf_field& field = of(key, true, is_integer, "an array of integers");
        std::vector<std::int64_t> result;
        for (std::uint64_t at = 0; at < field.count; ++at) result.push_back(integer_at(field, at));
        return result;
    }
    /// The array of numbers of a key, of any integer or floating-point type.
    SEQUENT_COLD std::vector<double> numbers(std::string_view key) const {
        const detail::gguf_field& field = of(key, true, is_number, "an array of numbers");
        std::vector<double> result;
        for (std::uint64_t at = 0; at < field.count; ++at) result.push_back(number_at(field, at));
        return result;
    }

    /// The vocabulary, from the keys "tokenizer.ggml.*". Throws io::error if the file has no model
    /// or tokens, if a list has another type, if there are not as many scores or types as tokens,
    /// or if a special token is not one of the tokens.
    SEQUENT_COLD gguf_vocabulary vocabulary() const {
        const std::string prefix = "tokenizer.ggml.";
        gguf_vocabulary result;
        result.model = text(prefix + "model");
        if (has(prefix + "pre")) result.split = text(prefix + "pre");
        result.tokens = texts(prefix + "tokens");
        const auto check_count = [&](const char* name, std::size_t count) {
            if (count != result.tokens.size())
                fail(prefix + name, joined_text({"has ", count, " elements, there are ",
                                                 result.tokens.size(), " tokens"}));
        };
        if (has(prefix + "scores")) {
            const auto scores = numbers(prefix + "scores");
            check_count("scores", scores.size());
            for (const double score : scores) result.scores.push_back(static_cast<float>(score));
        }
        if (has(prefix + "token_type")) {
            const auto types = integers(prefix + "token_type");
            check_count("token_type", types.size());
            for (const std::int64_t each : types) {
                if (each < 0 || each > 6)
                    fail(prefix + "token_type", joined_text({"has the unknown type ", each}));
                result.types.push_back(static_cast<std::int32_t>(each));
            }
        }
        if (has(prefix + "merges")) result.merges = texts(prefix + "merges");
        const auto special = [&](const char* name, std::int32_t& token) {
            const std::string key = joined_text({prefix, name, "_token_id"});
            if (!has(key)) return;
            const std::int64_t value = integer(key);
            if (value < 0 || static_cast<std::uint64_t>(value) >= result.tokens.size())
                fail(key,
                     joined_text({"is ", value, ", there are ", result.tokens.size(), " tokens"}));
            token = static_cast<std::int32_t>(value);
        };
        special("bos", result.begin);
        special("eos", result.end);
        special("unknown", result.unknown);
        special("padding", result.padding);
        special("cls", result.classifier);
        special("seperator", result.separator);  // as the format spells it
        const auto adds = [&](const char* name, bool& value) {
            const std::string key = joined_text({prefix, "add_", name});
            if (has(key)) value = truth(key);
        };
        result.adds_end = result.model == "t5";
        adds("bos_token", result.adds_begin);
        adds("eos_token", result.adds_end);
        adds("space_prefix", result.adds_space);
        const std::string removes = prefix + "remove_extra_whitespaces";
        if (has(removes)) result.removes_spaces = truth(removes);
        if (has(prefix + "precompiled_charsmap"))
            for (const std::int64_t byte : integers(prefix + "precompiled_charsmap"))
                result.charsmap.push_back(static_cast<char>(byte));
        return result;
    }

  private:
    using type = detail::gguf_type;

    static bool is_text(type of) noexcept { return of == type::text; }
    static bool is_truth(type of) noexcept { return of == type::boolean; }
    static bool is_integer(type of) noexcept {
        return is_number(of) && of != type::f32 && of != type::f64;
    }
    static bool is_number(type of) noexcept {
        return of != type::text && of != type::boolean && of != type::array;
    }

    const detail::gguf_field* find(std::string_view key) const noexcept {
        for (const detail::gguf_field& field : fields_)
            if (field.key == key) return &field;
        return nullptr;
    }

    SEQUENT_COLD const detail::gguf_field& of(std::string_view key, bool is_array,
                                              bool (*fits)(type), const char* wanted) const {
        const detail::gguf_field* const field = find(key);
        if (field == nullptr) fail(key, "is not in the file");
        if (field->is_array != is_array || !fits(field->type))
            fail(key, joined_text({"is ", field->is_array ? "an array of " : "of the type ",
                                   detail::name_of_gguf(field->type), ", wanted is ", wanted}));
        return *field;
    }

    [[noreturn]] SEQUENT_COLD void fail(std::string_view key, std::string_view what) const {
        fail_with<error>({file_.name, ": metadata ", detail::in_quotes(key), " ", what});
    }

    template <class Bits>
    Bits load(std::size_t at) const noexcept {
        return detail::load_bits<Bits>(file_.parts[0].from.bytes().data() + at);
    }

    std::string_view text_at(std::size_t at) const noexcept {
        return {reinterpret_cast<const char*>(file_.parts[0].from.bytes().data()) + at + 8,
                static_cast<std::size_t>(load<std::uint64_t>(at))};
    }

    SEQUENT_COLD std::int64_t integer_at(const detail::gguf_field& field,
                                         std::uint64_t number) const {
        const std::size_t at =
            field.at + static_cast<std::size_t>(number * size_of_gguf(field.type));
        switch (field.type) {
            case type::u8:
                return load<std::uint8_t>(at);
            case type::i8:
                return static_cast<std::int8_t>(load<std::uint8_t>(at));
            case type::u16:
                return load<std::uint16_t>(at);
            case type::i16:
                return static_cast<std::int16_t>(load<std::uint16_t>(at));
            case type::u32:
                return load<std::uint32_t>(at);
            case type::i32:
                return static_cast<std::int32_t>(load<std::uint32_t>(at));
            default:
                break;
        }
        const auto value = load<std::uint64_t>(at);
        if (field.type == type::u64 && value >> 63 != 0)
            fail(field.key, joined_text({"is ", value, ", beyond 63 bits"}));
        return static_cast<std::int64_t>(value);
    }

    SEQUENT_COLD double number_at(const detail::gguf_field& field, std::uint64_t number) const {
        const std::size_t at =
            field.at + static_cast<std::size_t>(number * size_of_gguf(field.type));
        if (field.type == type::f32)
            return static_cast<double>(std::bit_cast<float>(load<std::uint32_t>(at)));
        if (field.type == type::f64) return std::bit_cast<double>(load<std::uint64_t>(at));
        return static_cast<double>(integer_at(field, number));
    }

    /// Checks that the tensors are aligned, lie within the data and do not overlap, and sets their
    /// `end`. A tensor of an unknown type counts as empty.
    SEQUENT_COLD void check_tensors(std::uint64_t size, std::uint64_t alignment) {
        std::vector<header_entry>& entries = file_.header.tensors;
        std::vector<detail::numbered_range> ranges;
        for (std::size_t at = 0; at < entries.size(); ++at) {
            header_entry& entry = entries[at];
            const auto fail = [&](std::initializer_list<text_part> what) {
                fail_with<error>({file_.name, ": tensor ", detail::in_quotes(entry.name), ": ",
                                  joined_text(what)});
            };
            if (entry.begin % alignment != 0)
                fail({"its offset ", entry.begin, " is no multiple of ", alignment});
            std::uint64_t count = 1;
            for (const std::uint64_t extent : entry.shape) {
                // A tensor has less than 2^48 elements, so that no count of bytes overflows.
                if (extent > 0 && count > (std::uint64_t{1} << 48) / extent)
                    fail({"its shape is ", detail::shape_text(entry.shape), ", too large"});
                count *= extent;
            }
            std::uint64_t bytes = 0;
            if (const detail::number_format* const format = file_.format_of(entry)) {
                const std::uint64_t row = entry.shape.empty() ? 1 : entry.shape.back();
                if (row % format->count != 0)
                    fail({"its rows have ", row, " elements, ", format->name, " has blocks of ",
                          format->count});
                bytes = count / format->count * format->bytes;
            }
            if (entry.begin > size || bytes > size - entry.begin)
                fail({"bytes [", entry.begin, ", ", entry.begin + bytes,
                      ") reach beyond the data of ", size, " bytes (is the file truncated?)"});
            entry.end = entry.begin + bytes;
            if (bytes > 0) ranges.push_back({entry.begin, entry.end, at});
        }
        detail::sort(ranges);
        for (std::size_t at = 1; at < ranges.size(); ++at)
            if (ranges[at].first < ranges[at - 1].last)
                fail_with<error>({file_.name, ": tensor ",
                                  detail::in_quotes(entries[ranges[at].number].name),
                                  " overlaps the tensor ",
                                  detail::in_quotes(entries[ranges[at - 1].number].name)});
    }

    tensor_file file_;
    std::vector<detail::gguf_field> fields_;
};

/// A GGUF file: metadata, vocabulary and tensors.
using gguf_file = basic_gguf_file<>;

}  // namespace sequent::inline SEQUENT_ABI::io

/// Finds the type of the model that fits a GGUF file, from its metadata:
///
///     io::describe(io::gguf_file("model.gguf")).text()

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// The metadata of a GGUF file for its architecture, with keys "<architecture>.<name>".
SEQUENT_LAZY class gguf_fields {
  public:
    explicit gguf_fields(const gguf_file& of)
        : of_(of), architecture_(of.text("general.architecture")) {}

    const std::string& architecture() const { return architecture_; }
    std::string_view file() const { return of_.tensors().name; }
    std::string key(std::string_view name) const { return joined_text({architecture_, ".", name}); }
    bool has(std::string_view name) const { return of_.has(key(name)); }
    double number(std::string_view name) const { return of_.number(key(name)); }
    double number(std::string_view name, double otherwise) const {
        return has(name) ? number(name) : otherwise;
    }
    /// Throws io::error if the file states a number other than `wanted`, which the preset assumes.
    SEQUENT_COLD void expect_number(std::string_view name, double wanted) const {
        if (has(name) && number(name) != wanted) refuse(name, number_text(number(name)), wanted);
    }
    /// Throws io::error if the file states a text other than "none".
    SEQUENT_COLD void expect_no(std::string_view name) const {
        if (has(name) && of_.text(key(name)) != "none")
            fail_with<error>({file(), ": ", in_quotes(key(name)), " is ",
                              in_quotes(of_.text(key(name))),
                              ", which the preset does not compute"});
    }
    const header_entry* tensor(std::string_view name) const {
        for (const header_entry& each : of_.tensors().header.tensors)
            if (each.name == name) return &each;
        return nullptr;
    }
    /// Number of rows of a matrix; 0 if the file does not have it.
    double rows(std::string_view name) const {
        const header_entry* const found = tensor(name);
        return found && !found->shape.empty() ? static_cast<double>(found->shape[0]) : 0;
    }
    const gguf_file& all() const { return of_; }

  private:
    SEQUENT_COLD void refuse(std::string_view name, const std::string& found, double wanted) const {
        fail_with<error>({file(), ": ", in_quotes(key(name)), " is ", found, ", expected is ",
                          number_text(wanted)});
    }

    const gguf_file& of_;
    std::string architecture_;
};

/// The factor of scaling::llama3 that yields the divisors of the tensor rope_freqs, with the other
/// numbers of all published models (1, 4, 8192). Throws io::error if no factor does.
SEQUENT_LAZY
SEQUENT_COLD int llama3_factor(const gguf_fields<>& of, double base, int pairs) {
    const header_entry& entry = *of.tensor("rope_freqs.weight");
    if (pairs <= 0 || entry.shape.size() != 1 ||
        entry.shape[0] != static_cast<std::uint64_t>(pairs))
        fail_with<error>({of.file(), ": the tensor \"rope_freqs.weight\" has ",
                          entry.shape.empty() ? 1 : entry.shape[0], " numbers, a head has ", pairs,
                          " pairs"});
    std::vector<float> factors(static_cast<std::size_t>(pairs));
    tensor_view<float> view;
    view.data = factors.data();
    view.rank = 1;
    view.extents[0] = pairs;
    view.strides[0] = 1;
    tensor_file alone = of.all().tensors();
    alone.header.tensors = {entry};
    load(alone, std::vector<named_tensor<float>>{{entry.name, view}});
    const double factor = static_cast<double>(*std::max_element(factors.begin(), factors.end()));
    const double length = 8192, low = 1, high = 4;
    if (!(factor >= 1 && factor <= 255 && std::abs(factor - std::round(factor)) < 1e-3 * factor))
        fail_with<error>({of.file(), ": the tensor \"rope_freqs.weight\" has the factor ",
                          number_text(factor),
                          ", the one of scaling::llama3 is a whole number from 1 to 255"});
    for (std::size_t pair = 0; pair < factors.size(); ++pair) {
        const double exponent = static_cast<double>(pair) / static_cast<double>(factors.size());
        const double wave = 2 * std::numbers::pi * std::pow(base, exponent);
        const double share = std::clamp((length / wave - low) / (high - low), 0.0, 1.0);
        const double wanted = 1 / ((1 - share) / factor + share);
        if (!(std::abs(static_cast<double>(factors[pair]) - wanted) < 1e-3 * wanted))
            fail_with<error>({of.file(),
                              ": the tensor \"rope_freqs.weight\" is not that of "
                              "scaling::llama3<",
                              number_text(factor), ">: number ", pair, " is ",
                              number_text(static_cast<double>(factors[pair])), ", expected is ",
                              number_text(wanted)});
    }
    return static_cast<int>(std::lround(factor));
}

/// Describes the architectures "llama", "qwen2" and "phi3".
SEQUENT_LAZY
SEQUENT_COLD model_description describe_gguf_llama(const gguf_fields<>& of) {
    const bool is_llama = of.architecture() == "llama";
    const bool is_scaled = of.tensor("rope_freqs.weight") != nullptr;
    of.expect_no("rope.scaling.type");
    of.expect_number("expert_count", 0);
    for (const char* tensor : {"rope_factors_long.weight", "rope_factors_short.weight"})
        if (of.tensor(tensor) || (is_scaled && !is_llama))
            fail_with<error>({of.file(), ": the tensor ",
                              in_quotes(of.tensor(tensor) ? tensor : "rope_freqs.weight"),
                              " scales rotary positions, which the preset does not compute"});
    const std::string preset = is_scaled ? "llama3" : of.architecture();
    describer<> to(of.file(), preset, joined_text({"io::llama_cpp::", preset}));
    const auto add = [&](std::string_view option, const char* name, int usual = -1) {
        return to.number(option, of.key(name), of.number(name), usual);
    };
    to.number("vocabulary", "token_embd.weight", of.rows("token_embd.weight"));
    add("tokens", "context_length");
    const int width = add("width", "embedding_length");
    const int heads = add("heads", "attention.head_count");
    if (of.has("attention.head_count_kv")) add("key_heads", "attention.head_count_kv", heads);
    int head_width = heads > 0 && width % heads == 0 ? width / heads : -1;
    if (of.has("attention.key_length"))
        head_width = add("head_width", "attention.key_length", head_width);
    of.expect_number("rope.dimension_count", head_width);
    add("hidden", "feed_forward_length");
    add("depth", "block_count");
    const char* const epsilon = "attention.layer_norm_rms_epsilon";
    to.epsilon("rms", of.key(epsilon), of.number(epsilon), preset == "qwen2" ? 6 : 5);
    const int base = to.whole(of.key("rope.freq_base"), of.number("rope.freq_base", 10000));
    std::string turned = base == 10000 ? "" : joined_text({base});
    if (is_scaled)
        turned = joined_text(
            {base, ", scaling::llama3<", llama3_factor(of, base, head_width / 2), ", 1, 4, 8192>"});
    to.add("position",
           joined_text(
               {preset == "llama" ? "position::rotary<" : "position::rotary_halves<", turned, ">"}),
           of.key("rope.freq_base"), !is_scaled && base == (preset == "qwen2" ? 1000000 : 10000));
    to.truth("tied", "output.weight", of.tensor("output.weight") == nullptr, preset != "phi3");
    if (of.number("attention.sliding_window", 0) > 0) {
        const int window =
            to.whole(of.key("attention.sliding_window"), of.number("attention.sliding_window"));
        to.add("mask", joined_text({"mask::window<", window - 1, ">"}),
               of.key("attention.sliding_window"), false);
    }
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_gguf_bert(const gguf_fields<>& of) {
    describer<> to(of.file(), "bert", "io::llama_cpp::bert");
    const auto add = [&](std::string_view option, const char* name, long long usual = -1) {
        return to.number(option, of.key(name), of.number(name), usual);
    };
    to.number("vocabulary", "token_embd.weight", of.rows("token_embd.weight"));
    add("tokens", "context_length");
    const int width = add("width", "embedding_length");
    add("heads", "attention.head_count");
    add("depth", "block_count");
    add("hidden", "feed_forward_length", 4LL * width);
    to.number("segments", "token_types.weight", of.rows("token_types.weight"), 2);
    const char* const epsilon = "attention.layer_norm_epsilon";
    to.epsilon("layer", of.key(epsilon), of.number(epsilon), 12);
    to.add("pooling", "pooling::none", "general.architecture", false);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_gguf_t5(const gguf_fields<>& of) {
    const bool is_gated = of.tensor("enc.blk.0.ffn_gate.weight") != nullptr;
    describer<> to(of.file(), "t5", "io::llama_cpp::t5");
    const auto add = [&](std::string_view option, const char* name, int usual = -1) {
        return to.number(option, of.key(name), of.number(name), usual);
    };
    to.number("vocabulary", "token_embd.weight", of.rows("token_embd.weight"));
    const int tokens = add("tokens", "context_length");
    to.number("source_tokens", of.key("context_length"), tokens);
    const int width = add("width", "embedding_length");
    const int heads = add("heads", "attention.head_count");
    add("head_width", "attention.key_length", heads > 0 && width % heads == 0 ? width / heads : -1);
    add("hidden", "feed_forward_length");
    const int source = add("source_depth", "block_count");
    to.number("depth", of.key("decoder_block_count"), of.number("decoder_block_count", source));
    to.add("activation", is_gated ? "activation::geglu_tanh" : "activation::relu",
           "enc.blk.0.ffn_gate.weight", !is_gated);
    const char* const epsilon = "attention.layer_norm_rms_epsilon";
    to.epsilon("rms", of.key(epsilon), of.number(epsilon), 6);
    to.truth("tied", "output.weight", of.tensor("output.weight") == nullptr, true);
    const char* const buckets = "attention.relative_buckets_count";
    const int count = to.whole(of.key(buckets), of.number(buckets, 32));
    to.add("position", joined_text({"position::relative_buckets<", count, ", 128>"}),
           of.key(buckets), count == 32);
    return to.finish();
}

}  // namespace detail

/// Finds the preset and its arguments for a GGUF file of the architecture "bert", "llama", "phi3",
/// "qwen2" or "t5". Throws io::error if the architecture is another one, if a field is missing, or
/// if the file describes something that the preset does not compute.
SEQUENT_LAZY
[[nodiscard]] SEQUENT_COLD model_description describe(const gguf_file& file) {
    const detail::gguf_fields<> of(file);
    const std::string& architecture = of.architecture();
    if (architecture == "bert") return detail::describe_gguf_bert(of);
    if (architecture == "t5") return detail::describe_gguf_t5(of);
    if (architecture == "llama" || architecture == "qwen2" || architecture == "phi3")
        return detail::describe_gguf_llama(of);
    fail_with<error>({of.file(), ": \"general.architecture\" is \"", architecture,
                      "\", known are \"bert\", \"llama\", \"phi3\", \"qwen2\" and \"t5\""});
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// A language model that is read from a file and generates tokens.

namespace sequent::inline SEQUENT_ABI {

/// A language model with its parameters and the state of one sequence. Model takes one symbol a
/// position and has the logits of the next one as its only output.
///
///     generator<GPT2> writer("model.safetensors", io::hugging_face::gpt2, {.top_p = 0.9});
///     writer.read(prompt);
///     for (int token = 0; token < 20; ++token) text.push_back(writer.next());
template <class Model, class T = float>
class generator {
  public:
    /// Loads the parameters from a file. Throws io::error if it does not fit the model.
    explicit generator(const io::source& file, sampling settings = {}, std::uint64_t seed = 0)
        : generator(settings, seed) {
        io::load<Model>(file, *parameters_);
    }
    /// Likewise, with the names of another library.
    generator(const io::source& file, io::name_map names, sampling settings = {},
              std::uint64_t seed = 0)
        : generator(settings, seed) {
        io::load<Model>(file, *parameters_, names);
    }

    /// Appends tokens to the sequence. Throws argument_error if a token is not in the vocabulary,
    /// or if the sequence becomes longer than the model's.
    void read(std::span<const std::int32_t> tokens) {
        step_pending();
        if (!tokens.empty()) logits_ = Model::prefill(*parameters_, {tokens}, *state_);
    }
    /// Chooses the next token and appends it. Throws argument_error if nothing was read, or if the
    /// sequence is as long as the model's.
    std::int32_t next() {
        step_pending();
        if (state_->position() == 0)
            fail<argument_error>("sequent: generator: next() needs a token to continue; read one");
        pending_ = choose_(logits_);
        return *pending_;
    }
    /// Begins another sequence.
    void reset() noexcept {
        state_->reset();
        pending_.reset();
    }

    /// Number of tokens that were read and generated.
    int size() const noexcept { return state_->position() + (pending_ ? 1 : 0); }
    /// The parameters.
    const typename Model::template parameters<T>& parameters() const noexcept {
        return *parameters_;
    }

  private:
    using output = decltype(Model::step(std::declval<typename Model::template parameters<T>&>(),
                                        std::declval<typename Model::template rows<T>&>(),
                                        std::declval<typename Model::template state<T>&>()));
    static constexpr int vocabulary = Model::plan::facts[0].classes;

    generator(sampling settings, std::uint64_t seed) : choose_(vocabulary, settings, seed) {}

    void step_pending() {
        if (!pending_) return;
        logits_ = Model::step(*parameters_, {*pending_}, *state_);
        pending_.reset();
    }

    std::unique_ptr<typename Model::template parameters<T>> parameters_ =
        make_unique<typename Model::template parameters<T>>();
    std::unique_ptr<typename Model::template state<T>> state_ =
        make_unique<typename Model::template state<T>>();
    sampler choose_;
    output logits_{};
    std::optional<std::int32_t> pending_;
};

}  // namespace sequent::inline SEQUENT_ABI

/// Merges low-rank adapters (LoRA) in PEFT's format into a model's tensors, which are then loaded
/// as parameters or packed weights:
///
///     const auto merged = io::merge_lora(io::open_safetensors("model.safetensors"),
///                                        "adapter_model.safetensors", "adapter_config.json");
///     io::load<Model>(merged, parameters, io::hugging_face::llama);
///
/// Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models,
/// https://arxiv.org/abs/2106.09685

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// The settings of an adapter_config.json.
struct lora_settings {
    std::uint64_t rank = 0;
    double scale = 0;
    bool transposed = false;  // the model's weights are [inputs, outputs], as in GPT-2
};

SEQUENT_LAZY
SEQUENT_COLD lora_settings read_lora_settings(const source& from) {
    const json_document document(
        {reinterpret_cast<const char*>(from.bytes().data()), from.bytes().size()}, from.name());
    const json_value root = document.root();
    const auto has = [&](std::string_view key) { return root.has(key) && !root[key].is_null(); };
    const auto truth = [&](std::string_view key) { return has(key) && root[key].boolean(); };
    if (has("peft_type") && root["peft_type"].string() != "LORA")
        root["peft_type"].fail(
            {"the adapter is \"", root["peft_type"].string(), "\", known is \"LORA\""});
    // Options that change or extend the sum.
    for (const std::string_view key : {"use_dora", "use_qalora", "use_bdlora", "lora_bias"})
        if (truth(key)) root[key].fail({"\"", key, "\" is not known"});
    // Some initializations also change the model's own weights.
    if (has("init_lora_weights") && root["init_lora_weights"].kind() == json_kind::string) {
        const json_value value = root["init_lora_weights"];
        const std::string_view name = value.string();
        if (name != "gaussian" && name != "orthogonal" && name != "eva")
            value.fail({"\"init_lora_weights\" is \"", name, "\", which changes the model, too"});
    }
    if (has("bias") && root["bias"].string() != "none")
        root["bias"].fail({"\"bias\" is \"", root["bias"].string(), "\", known is \"none\""});
    for (const std::string_view key :
         {"rank_pattern", "alpha_pattern", "modules_to_save", "layer_replication",
          "megatron_config", "trainable_token_indices", "target_parameters",
          "alora_invocation_tokens", "arrow_config", "kasa_config", "velora_config",
          "monteclora_config"}) {
        if (!has(key)) continue;
        const json_value value = root[key];
        bool empty = true;
        if (value.kind() == json_kind::object)
            value.for_each_member([&](std::string_view, json_value) { empty = false; });
        else if (value.kind() == json_kind::array)
            value.for_each_element([&](json_value) { empty = false; });
        else
            empty = false;
        if (!empty) value.fail({"\"", key, "\" is not known"});
    }
    lora_settings result;
    result.rank = root["r"].whole_number(1 << 20);
    if (result.rank == 0) root["r"].fail({"\"r\" is 0"});
    const auto rank = static_cast<double>(result.rank);
    result.scale = root["lora_alpha"].number() / (truth("use_rslora") ? std::sqrt(rank) : rank);
    result.transposed = truth("fan_in_fan_out");
    return result;
}

/// Merges adapters into the tensors of a file.
SEQUENT_LAZY class lora_merger {
  public:
    SEQUENT_COLD lora_merger(tensor_file base, const tensor_file& adapter,
                             const lora_settings& settings)
        : base_(std::move(base)), adapter_(adapter), settings_(settings) {}

    SEQUENT_COLD tensor_file merge() {
        constexpr std::string_view before = "base_model.model.";
        constexpr std::string_view behind_a = ".lora_A.weight", behind_b = ".lora_B.weight";
        for (const header_entry& each : adapter_.header.tensors) {
            const std::string_view name = each.name;
            const bool is_b = name.ends_with(behind_b);
            if (!name.starts_with(before) || (!is_b && !name.ends_with(behind_a)))
                fail(each, {": expected are names \"base_model.model. ... .lora_A.weight\" and "
                            "\"... .lora_B.weight\""});
            const std::string module(
                name.substr(before.size(), name.size() - before.size() - behind_a.size()));
            const auto full_name = [&](std::string_view behind) {
                return joined_text({before, module, behind});
            };
            if (is_b) {
                find(adapter_, full_name(behind_a), each);
                continue;
            }
            header_entry& to = find(base_, module + ".weight", each);
            merge(to, each, find(adapter_, full_name(behind_b), each));
        }
        return std::move(base_);
    }

  private:
    [[noreturn]] SEQUENT_COLD void fail(const header_entry& of,
                                        std::initializer_list<text_part> what) const {
        fail_with<error>({adapter_.name, ": tensor ", in_quotes(of.name), joined_text(what)});
    }

    template <class File>
    SEQUENT_COLD auto& find(File& in, const std::string& name, const header_entry& by) const {
        for (auto& each : in.header.tensors)
            if (each.name == name) return each;
        fail(by, {": ", in.name, " has no tensor ", in_quotes(name)});
    }

    SEQUENT_COLD std::vector<double> numbers_of(const tensor_file& file,
                                                const header_entry& entry) const {
        const std::string problem = problem_of_type(file, entry, dtype::f64);
        if (!problem.empty())
            fail_with<error>({file.name, ": tensor ", in_quotes(entry.name), problem});
        std::vector<double> result;
        for_each_number(file, entry, [&](std::uint64_t number, double value) {
            if (!std::isfinite(value))
                fail_element(file.name, entry.name, number, unlike_a_number(value));
            result.push_back(value);
        });
        return result;
    }

    /// Replaces a tensor W of [outputs, inputs] by W + scale * B A.
    SEQUENT_COLD void merge(header_entry& to, const header_entry& a, const header_entry& b) {
        const auto check = [&](const header_entry& of, std::uint64_t rows, std::uint64_t columns) {
            const std::vector<std::uint64_t> wanted{rows, columns};
            if (of.shape != wanted)
                fail(of, {": has shape ", shape_text(of.shape), ", expected is ",
                          shape_text(wanted), ", for rank ", settings_.rank, " and ",
                          in_quotes(to.name), " of shape ", shape_text(to.shape)});
        };
        if (to.shape.size() != 2)
            fail(a, {": ", in_quotes(to.name), " has shape ", shape_text(to.shape),
                     ", expected is a matrix"});
        const bool turned = settings_.transposed;
        const std::uint64_t outputs = to.shape[turned ? 1 : 0], inputs = to.shape[turned ? 0 : 1];
        check(a, settings_.rank, inputs);
        check(b, outputs, settings_.rank);
        const std::vector<double> left = numbers_of(adapter_, b), right = numbers_of(adapter_, a);
        std::vector<double> row(static_cast<std::size_t>(inputs));
        std::vector<double> merged = numbers_of(base_, to);
        const auto rank = static_cast<std::size_t>(settings_.rank);
        for (std::size_t n = 0; n < outputs; ++n) {
            row.assign(row.size(), 0.0);
            for (std::size_t each = 0; each < rank; ++each)
                for (std::size_t k = 0; k < row.size(); ++k)
                    row[k] += left[n * rank + each] * right[each * row.size() + k];
            for (std::size_t k = 0; k < row.size(); ++k)
                merged[turned ? k * static_cast<std::size_t>(outputs) + n : n * row.size() + k] +=
                    settings_.scale * row[k];
        }
        const dtype type = to.dtype == name_of(dtype::f64) ? dtype::f64 : dtype::f32;
        const std::size_t size = io::size_of(type);
        auto bytes = std::make_shared<std::vector<std::byte>>(merged.size() * size);
        with_dtype(type, [&](auto stored) {
            for (std::size_t at = 0; at < merged.size(); ++at)
                if (!store_element<stored()>(merged[at], bytes->data() + at * size))
                    fail(a, {": element ", at, " of the merged ", in_quotes(to.name),
                             " is too large for ", name_of(type)});
        });
        base_.parts.push_back({source(std::span<const std::byte>(*bytes), base_.name, bytes), 0});
        to.dtype = name_of(type);
        to.begin = 0;
        to.end = bytes->size();
        to.part = base_.parts.size() - 1;
    }

    tensor_file base_;
    const tensor_file& adapter_;
    lora_settings settings_;
};

}  // namespace detail

/// Replaces each tensor W that an adapter changes by W + alpha / r * B A (alpha / sqrt(r) if
/// "use_rslora" is true) and returns the model's tensors. Merged tensors are F64 if W is, else F32.
/// `adapter` and `config` are PEFT's adapter_model.safetensors and adapter_config.json. The tensors
/// of `base` must have the names that the adapter was trained with.
///
/// Throws io::error if a file is not well-formed, if a tensor of the adapter lacks its partner, has
/// no tensor in the model or has a wrong shape, if a number is not finite or too large, or if the
/// configuration requests anything but this sum: DoRA, biases, modules saved whole, ranks by
/// pattern.
SEQUENT_LAZY
SEQUENT_COLD tensor_file merge_lora(tensor_file base, const source& adapter, const source& config) {
    const detail::lora_settings settings = detail::read_lora_settings(config);
    const tensor_file tensors = open_safetensors(adapter);
    return detail::lora_merger<>(std::move(base), tensors, settings).merge();
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Describes language models with rotary positions, and OPT, from their config.json.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// A family of models: names of fields in its config.json, and defaults of its preset.
struct language_family {
    std::string_view type;  // model_type of the file
    const char* preset;
    const char* names;    // the name map
    const char* epsilon;  // the field of the norms' epsilon
    int exponent;         // the preset's epsilon is 10^-exponent
    bool is_rms;          // RMS norms and gated activations
    std::string_view usual_activation;
    int base;  // base of the preset's rotary positions; -1: always stated; 0: learned positions
    int percent;
    bool tied;                // default of the preset
    bool tied_if_not_stated;  // default of config.json
    int local_layers;
    // Defaults of config.json, where they do not follow from other fields.
    int key_heads = 0;
    int head_width = 0;
    int window = 0;
    int score_width = 0;
};

inline constexpr language_family language_families[] = {
    {"llama", "llama", "llama", "rms_norm_eps", 5, true, "silu", -1, 100, true, false, 0},
    {"mistral", "mistral", "mistral", "rms_norm_eps", 5, true, "silu", 10000, 100, false, false, 0,
     8, 0, 4096},
    {"phi3", "phi3", "phi3", "rms_norm_eps", 5, true, "silu", 10000, 100, false, false, 0},
    {"qwen2", "qwen2", "qwen2", "rms_norm_eps", 6, true, "silu", 1000000, 100, true, false, 0, 32},
    {"qwen3", "qwen3", "qwen3", "rms_norm_eps", 6, true, "silu", 1000000, 100, true, false, 0, 32,
     128},
    {"gemma2", "gemma2", "gemma2", "rms_norm_eps", 6, true, "gelu_pytorch_tanh", 10000, 100, true,
     true, 1, 4, 256, 0, 256},
    {"gemma3_text", "gemma3", "gemma3", "rms_norm_eps", 6, true, "gelu_pytorch_tanh", 1000000, 100,
     true, true, 5, 4, 256, 0, 256},
    {"gpt_neox", "gpt_neox", "gpt_neox", "layer_norm_eps", 5, false, "gelu", 10000, 25, false,
     false, 0},
    {"phi", "phi", "phi", "layer_norm_eps", 5, false, "gelu_new", 10000, 50, false, false, 0},
    {"starcoder2", "starcoder2", "starcoder2", "norm_epsilon", 5, false, "gelu_pytorch_tanh",
     100000, 100, true, true, 0, 2},
    {"opt", "opt", "opt", "layer_norm_eps", 5, false, "relu", 0, 100, true, true, 0},
};

/// The rotary positions of a configuration: base, scaling and the share of a head that is rotated.
struct rotary_fields {
    double base = 10000;
    std::string field = "rope_theta";
    std::string scaling;
    double share = 1;
};

SEQUENT_LAZY
SEQUENT_COLD rotary_fields rotary_of(const configuration_fields<>& of, const describer<>& to,
                                     const language_family& family) {
    rotary_fields result;
    const bool is_neox = family.type == "gpt_neox";
    if (is_neox) result.field = "rotary_emb_base";
    result.base = of.number(result.field, family.type == "gemma3_text" ? 1e6 : 10000);
    result.share =
        of.number(is_neox ? "rotary_pct" : "partial_rotary_factor", family.percent / 100.0);
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
        if (!of.has(key)) continue;
        // For Gemma 3, take the fields of the full layers.
        const configuration_fields<> outer(of[key]);
        const configuration_fields<> rope(outer.has("full_attention") ? outer["full_attention"]
                                                                      : of[key]);
        const std::string kind = rope.text("rope_type", rope.text("type", "default"));
        const auto whole = [&](const char* name) { return to.whole(name, rope.number(name)); };
        const auto whole_or = [&](const char* name, double otherwise) {
            return to.whole(name, rope.number(name, otherwise));
        };
        if (kind == "linear") {
            result.scaling = joined_text({"scaling::linear<", whole("factor"), ">"});
        } else if (kind == "llama3") {
            result.scaling = joined_text({"scaling::llama3<", whole("factor"), ", ",
                                          whole("low_freq_factor"), ", ", whole("high_freq_factor"),
                                          ", ", whole("original_max_position_embeddings"), ">"});
        } else if (kind == "yarn") {
            for (const char* name : {"attention_factor", "mscale", "mscale_all_dim"})
                rope.expect_absent(name);
            rope.expect("truncate", true);
            result.scaling = joined_text(
                {"scaling::yarn<", whole("factor"), ", ", whole("original_max_position_embeddings"),
                 ", ", whole_or("beta_fast", 32), ", ", whole_or("beta_slow", 1), ">"});
        } else if (kind != "default") {
            of[key].fail({"\"", key, "\" scales rotary positions by \"", kind,
                          "\", which the preset does not compute"});
        }
        if (rope.has("rope_theta")) {
            result.base = rope.number("rope_theta");
            result.field = "rope_parameters.rope_theta";
        }
        result.share = rope.number("partial_rotary_factor", result.share);
    }
    return result;
}

/// Describes layers with a window, grouped so that each group ends with a full layer.
SEQUENT_LAZY
SEQUENT_COLD void describe_local_layers(const configuration_fields<>& of, describer<>& to,
                                        const language_family& family) {
    int count = family.local_layers;
    if (of.has("sliding_window_pattern"))
        count = to.whole("sliding_window_pattern", of.number("sliding_window_pattern")) - 1;
    if (of.has("layer_types")) {
        int at = 0;
        int full = -1;
        bool in_turn = true;
        of["layer_types"].for_each_element([&](json_value each) {
            const bool is_full = each.string() == "full_attention";
            if (is_full && full < 0) full = at;
            in_turn = in_turn && is_full == (full >= 0 && (at + 1) % (full + 1) == 0);
            ++at;
        });
        if (!in_turn || full < 1)
            of["layer_types"].fail({"expected full layers in equal distance"});
        count = full;
    }
    double base = of.number("rope_local_base_freq", 10000);
    if (of.has("rope_parameters")) {
        const configuration_fields<> rope(of["rope_parameters"]);
        if (rope.has("sliding_attention"))
            base = configuration_fields<>(rope["sliding_attention"]).number("rope_theta", base);
    }
    const int number = to.whole("rope_local_base_freq", base);
    to.add("local_layers",
           joined_text({"local_layers<", count, ", ", to.window(of["sliding_window"]),
                        number == 10000 ? "" : joined_text({", ", number}), ">"}),
           "sliding_window", false);
}

/// Describes a model of a family. OPT has its own field names; all others share Llama's.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_language_model(const configuration_fields<>& of,
                                                       std::string_view file,
                                                       const language_family& family) {
    const bool is_opt = family.base == 0;
    for (const char* field : {"attention_bias", "mlp_bias", "use_sliding_window", "qk_layernorm",
                              "use_bidirectional_attention"})
        if (family.type != "gpt_neox" || field != std::string_view("attention_bias"))
            of.expect(field, false);
    for (const char* field :
         {"use_parallel_residual", "do_layer_norm_before", "enable_bias", "use_bias"})
        of.expect(field, true);
    const rotary_fields rotary = [&] {
        const describer<> whole(file, "", "");
        return is_opt ? rotary_fields{} : rotary_of(of, whole, family);
    }();
    const bool is_llama3 = family.type == "llama" && rotary.scaling.starts_with("scaling::llama3");
    describer<> to(file, is_llama3 ? "llama3" : family.preset,
                   joined_text({"io::hugging_face::", is_llama3 ? "llama3" : family.names}));
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings"));
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    if (is_opt && of.number("word_embed_proj_dim", width) != width)
        of["word_embed_proj_dim"].fail({"expected the width, ", width});
    const int heads = to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    if (!is_opt)
        to.number("key_heads", "num_key_value_heads",
                  of.is_null("num_key_value_heads") || family.key_heads == 0
                      ? of.number("num_key_value_heads", heads)
                      : of.number("num_key_value_heads", family.key_heads),
                  heads);
    int head_width = heads > 0 && width % heads == 0 ? width / heads : -1;
    if ((of.has("head_dim") || (family.head_width > 0 && !of.is_null("head_dim"))) && heads > 0)
        head_width = to.number("head_width", "head_dim", of.number("head_dim", family.head_width),
                               head_width);
    if (of.has("query_pre_attn_scalar") || family.score_width > 0)
        to.number("score_width", "query_pre_attn_scalar",
                  of.number("query_pre_attn_scalar", family.score_width), head_width);
    const char* const hidden = is_opt ? "ffn_dim" : "intermediate_size";
    to.number("hidden", hidden, of.number(hidden), family.is_rms ? -1 : 4LL * width);
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    const char* const function = is_opt                        ? "activation_function"
                                 : of.has("hidden_activation") ? "hidden_activation"
                                                               : "hidden_act";
    const std::string activation = of.activation(function, family.usual_activation, family.is_rms);
    to.add("activation", activation, function,
           activation == (family.usual_activation == "silu"   ? "activation::swiglu"
                          : family.is_rms                     ? "activation::geglu_tanh"
                          : family.usual_activation == "gelu" ? "activation::gelu"
                          : is_opt                            ? "activation::relu"
                                                              : "activation::gelu_tanh"));
    to.epsilon(family.is_rms ? "rms" : "layer", family.epsilon,
               of.number(family.epsilon, family.is_rms && family.type != "phi3" ? 1e-6 : 1e-5),
               family.exponent);
    if (!is_opt) {
        const int base = to.whole(rotary.field, rotary.base);
        const int percent = to.whole("partial_rotary_factor", 100 * rotary.share);
        std::string text = base == 10000 ? "" : joined_text({base});
        if (!rotary.scaling.empty() || percent != 100)
            text = joined_text(
                {base, ", ", rotary.scaling.empty() ? "scaling::none" : rotary.scaling});
        if (percent != 100) append_text(text, {", ", percent});
        to.add("position", joined_text({"position::rotary_halves<", text, ">"}), rotary.field,
               base == family.base && rotary.scaling.empty() && percent == family.percent);
    }
    to.truth("tied", "tie_word_embeddings",
             of.truth("tie_word_embeddings", family.tied_if_not_stated),
             is_llama3 ? true : family.tied);
    if (family.local_layers > 0) {
        describe_local_layers(of, to, family);
        // Gemma 2 caps where nothing is stated; null means no cap.
        const auto cap = [&](const char* name, const char* field, int usual) {
            to.number(name, field, of.is_null(field) ? 0 : of.number(field, usual), usual);
        };
        cap("score_cap", "attn_logit_softcapping", family.local_layers == 1 ? 50 : 0);
        cap("logit_cap", "final_logit_softcapping", family.local_layers == 1 ? 30 : 0);
    } else if (!family.type.starts_with("qwen") && of.has("sliding_window")) {
        to.add("mask", to.window(of["sliding_window"]), "sliding_window", false);
    } else if (family.window > 0 && !of.is_null("sliding_window")) {
        to.add("mask", joined_text({"mask::window<", family.window - 1, ">"}), "sliding_window",
               false);
    }
    return to.finish();
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail

/// Finds the type of the model that fits a Hugging Face model, from the config.json beside its
/// weights (for GGUF files, see describe_gguf.hpp):
///
///     io::describe("config.json").text()  // "gpt2<vocabulary<50257>, tokens<1024>, ...>"

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

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
    to.number("hidden", "n_inner", of.number("n_inner", 4.0 * width), 4LL * width);
    const std::string activation = of.activation("activation_function", "gelu_new", false);
    to.add("activation", activation, "activation_function", activation == "activation::gelu_tanh");
    to.epsilon("layer", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-5), 5);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", true), true);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_bloom(const configuration_fields<>& of,
                                              std::string_view file) {
    of.expect("apply_residual_connection_post_layernorm", false);
    describer<> to(file, "bloom", "io::hugging_face::bloom");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "seq_length", of.number("seq_length", 2048));
    const char* const width = of.has("n_embed") ? "n_embed" : "hidden_size";
    to.number("width", width, of.number(width));
    const char* const heads = of.has("num_attention_heads") ? "num_attention_heads" : "n_head";
    to.number("heads", heads, of.number(heads));
    to.number("depth", "n_layer", of.number("n_layer"));
    to.epsilon("layer", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-5), 5);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_codegen(const configuration_fields<>& of,
                                                std::string_view file) {
    describer<> to(file, "codegen", "io::hugging_face::codegen");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "n_positions", of.number("n_positions"));
    const int width = to.number("width", "n_embd", of.number("n_embd"));
    const int heads = to.number("heads", "n_head", of.number("n_head"));
    to.number("depth", "n_layer", of.number("n_layer"));
    to.number("hidden", "n_inner", of.number("n_inner", 4.0 * width), 4LL * width);
    const std::string activation = of.activation("activation_function", "gelu_new", false);
    to.add("activation", activation, "activation_function", activation == "activation::gelu_tanh");
    to.epsilon("layer", "layer_norm_epsilon", of.number("layer_norm_epsilon", 1e-5), 5);
    // The rotated share of a head, as a percentage.
    const int percent =
        to.whole("rotary_dim", 100 * of.number("rotary_dim", 64) * heads / std::max(width, 1));
    to.add("position",
           percent == 100 ? "position::rotary<>"
                          : joined_text({"position::rotary<10000, scaling::none, ", percent, ">"}),
           "rotary_dim", percent == 50);
    to.truth("tied", "tie_word_embeddings", of.truth("tie_word_embeddings", false), false);
    return to.finish();
}

/// Returns true if the model has a head that predicts masked tokens.
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
    to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4LL * width);
    to.number("segments", "type_vocab_size", of.number("type_vocab_size", 2), is_roberta ? 1 : 2);
    const std::string activation = of.activation("hidden_act", "gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-12), is_roberta ? 5 : 12);
    if (is_roberta) to.truth("masked_language", "architectures", predicts, false);
    return to.finish();
}

/// ALBERT and MPNet.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_albert(const configuration_fields<>& of,
                                               std::string_view file, bool is_mpnet) {
    const char* const preset = is_mpnet ? "mpnet" : "albert";
    for (const char* field : {"num_hidden_groups", "inner_group_num"})
        if (of.number(field, 1) != 1) of[field].fail({"expected 1: all layers are one"});
    describer<> to(file, preset, joined_text({"io::hugging_face::", preset}));
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings",
              of.number("max_position_embeddings") - (is_mpnet ? 2 : 0));
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    if (!is_mpnet) to.number("embedding_width", "embedding_size", of.number("embedding_size"), 128);
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4LL * width);
    if (!is_mpnet) to.number("segments", "type_vocab_size", of.number("type_vocab_size", 2), 2);
    const std::string activation =
        of.activation("hidden_act", is_mpnet ? "gelu" : "gelu_new", false);
    to.add("activation", activation, "hidden_act",
           activation == (is_mpnet ? "activation::gelu" : "activation::gelu_tanh"));
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-12), is_mpnet ? 5 : 12);
    if (is_mpnet && of.number("relative_attention_num_buckets", 32) != 32)
        of["relative_attention_num_buckets"].fail({"expected 32"});
    to.truth("masked_language", "architectures", is_masked_language_model(of), false);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_modernbert(const configuration_fields<>& of,
                                                   std::string_view file) {
    for (const char* field : {"attention_bias", "mlp_bias", "norm_bias", "classifier_bias"})
        of.expect(field, false);
    of.expect("decoder_bias", true);
    describer<> to(file, "modernbert", "io::hugging_face::modernbert");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings"));
    to.number("width", "hidden_size", of.number("hidden_size"));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    to.number("hidden", "intermediate_size", of.number("intermediate_size"));
    const std::string activation = of.activation("hidden_activation", "gelu", true);
    to.add("activation", activation, "hidden_activation", activation == "activation::geglu");
    if (of.text("classifier_activation", "gelu") != "gelu")
        of["classifier_activation"].fail({"expected \"gelu\""});
    to.epsilon("layer_without_bias", "norm_eps", of.number("norm_eps", 1e-5), 5);
    double bases[] = {of.number("global_rope_theta", 160000), of.number("local_rope_theta", 10000)};
    const char* const every = "global_attn_every_n_layers";
    int distance = to.whole(every, of.number(every, 3));
    // As version 5 of transformers writes it.
    if (of.has("rope_parameters"))
        for (const int at : {0, 1}) {
            const configuration_fields<> both(of["rope_parameters"]);
            const configuration_fields<> rope(
                both[at == 0 ? "full_attention" : "sliding_attention"]);
            if (rope.text("rope_type", "default") != "default")
                of["rope_parameters"].fail({"expected the rope_type \"default\""});
            bases[at] = rope.number("rope_theta");
        }
    if (of.has("layer_types")) {
        std::vector<bool> full;
        of["layer_types"].for_each_element(
            [&](json_value each) { full.push_back(each.string() == "full_attention"); });
        distance = 1;
        while (static_cast<std::size_t>(distance) < full.size() &&
               !full[static_cast<std::size_t>(distance)])
            ++distance;
        for (std::size_t at = 0; at < full.size(); ++at)
            if (full[at] != (at % static_cast<std::size_t>(distance) == 0))
                of["layer_types"].fail({"expected full layers in equal distance from the first"});
    }
    to.rotary("rotary_halves", "global_rope_theta", bases[0], 160000);
    const char* const window = "local_attention";
    const int side = to.whole(window, std::floor(of.number(window, 128) / 2));
    const int count = distance - 1;
    const int base = to.whole("local_rope_theta", bases[1]);
    to.add("local_layers",
           joined_text({"local_layers<", count, ", mask::around<", side, ">",
                        base == 10000 ? "" : joined_text({", ", base}), ">"}),
           window, count == 2 && side == 64 && base == 10000);
    to.truth("masked_language", "architectures", is_masked_language_model(of), false);
    return to.finish();
}

/// The text model of CLIP; fields that are not stated are those of CLIPTextConfig.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_clip_text(const configuration_fields<>& of,
                                                  std::string_view file) {
    describer<> to(file, "clip_text", "io::hugging_face::clip_text");
    to.number("vocabulary", "vocab_size", of.number("vocab_size", 49408));
    to.number("tokens", "max_position_embeddings", of.number("max_position_embeddings", 77));
    const int width = to.number("width", "hidden_size", of.number("hidden_size", 512));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads", 8));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers", 12));
    to.number("hidden", "intermediate_size", of.number("intermediate_size", 2048), 4LL * width);
    const std::string activation = of.activation("hidden_act", "quick_gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::quick_gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", 1e-5), 5);
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
    to.number("hidden", "hidden_dim", of.number("hidden_dim"), 4LL * width);
    const std::string activation = of.activation("activation", "gelu", false);
    to.add("activation", activation, "activation", activation == "activation::gelu");
    to.truth("masked_language", "architectures", is_masked_language_model(of), false);
    return to.finish();
}

/// ViT with its classifier, and DINOv2 without one.
SEQUENT_LAZY
SEQUENT_COLD model_description describe_vit(const configuration_fields<>& of, std::string_view file,
                                            bool is_dinov2) {
    of.expect("qkv_bias", true);
    of.expect("use_swiglu_ffn", false);
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
    const char* const preset = is_dinov2 ? "dinov2" : "vit";
    describer<> to(file, preset, joined_text({"io::hugging_face::", preset}));
    to.number("tokens", "image_size",
              std::floor(rows / patch_rows) * std::floor(columns / patch_columns));
    to.number("patch_width", "patch_size",
              of.number("num_channels", 3) * patch_rows * patch_columns);
    if (!is_dinov2) to.number("classes", labels_field, labels);
    const int width = to.number("width", "hidden_size", of.number("hidden_size"));
    to.number("heads", "num_attention_heads", of.number("num_attention_heads"));
    to.number("depth", "num_hidden_layers", of.number("num_hidden_layers"));
    if (is_dinov2)
        to.number("hidden", "mlp_ratio", of.number("mlp_ratio", 4) * width, 4LL * width);
    else
        to.number("hidden", "intermediate_size", of.number("intermediate_size"), 4LL * width);
    const std::string activation = of.activation("hidden_act", "gelu", false);
    to.add("activation", activation, "hidden_act", activation == "activation::gelu");
    to.epsilon("layer", "layer_norm_eps", of.number("layer_norm_eps", is_dinov2 ? 1e-6 : 1e-12), 6);
    return to.finish();
}

SEQUENT_LAZY
SEQUENT_COLD model_description describe_t5(const configuration_fields<>& of,
                                           std::string_view file) {
    std::string feed_forward = of.text("feed_forward_proj", "relu");
    const bool gated = feed_forward.starts_with("gated-");
    if (gated) feed_forward.erase(0, 6);
    // In T5, "gelu" means the tanh approximation.
    if (feed_forward == "gelu") feed_forward = "gelu_new";
    if (feed_forward != "relu" && feed_forward != "gelu_new" && feed_forward != "silu")
        of["feed_forward_proj"].fail({"the activation is not known"});
    const std::string activation = of.activation("", feed_forward, gated);
    describer<> to(file, "t5", gated ? "io::hugging_face::t5_gated" : "io::hugging_face::t5");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    // Positions are relative, so that models may have more.
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

SEQUENT_LAZY
SEQUENT_COLD model_description describe_whisper(const configuration_fields<>& of,
                                                std::string_view file) {
    of.expect("scale_embedding", false);
    for (const char* field : {"attention_heads", "ffn_dim"}) {
        const auto other = joined_text({"decoder_", field}), own = joined_text({"encoder_", field});
        if (of.number(other) != of.number(own))
            of[other].fail({"expected the number of ", in_quotes(own)});
    }
    describer<> to(file, "whisper", "io::hugging_face::whisper");
    to.number("vocabulary", "vocab_size", of.number("vocab_size"));
    to.number("tokens", "max_target_positions", of.number("max_target_positions"));
    to.number("source_tokens", "max_source_positions", of.number("max_source_positions"));
    to.number("input_width", "num_mel_bins", of.number("num_mel_bins"));
    const int width = to.number("width", "d_model", of.number("d_model"));
    to.number("heads", "encoder_attention_heads", of.number("encoder_attention_heads"));
    to.number("hidden", "encoder_ffn_dim", of.number("encoder_ffn_dim"), 4LL * width);
    const int depth = to.number("depth", "decoder_layers", of.number("decoder_layers"));
    to.number("source_depth", "encoder_layers", of.number("encoder_layers"), depth);
    const std::string activation = of.activation("activation_function", "gelu", false);
    to.add("activation", activation, "activation_function", activation == "activation::gelu");
    return to.finish();
}

}  // namespace detail

/// Finds the preset and its arguments for a config.json whose `model_type` is albert, bert, bloom,
/// clip_text_model, codegen, dinov2, distilbert, gemma2, gemma3_text, gpt2, gpt_neox, llama,
/// mistral, modernbert, mpnet, opt, phi, phi3, qwen2, qwen3, roberta, starcoder2, t5, vit, whisper
/// or xlm-roberta.
///
/// Throws io::error if the file is not well-formed JSON, has another type, lacks a field, or
/// describes something that the presets do not compute.
SEQUENT_LAZY
[[nodiscard]] SEQUENT_COLD model_description describe(const source& config) {
    const std::string_view text(reinterpret_cast<const char*>(config.bytes().data()),
                                config.bytes().size());
    const json_document document(text, config.name());
    const detail::configuration_fields<> of(document.root());
    const std::string type = of.text("model_type", "");
    const std::string& file = config.name();
    if (type == "bloom") return detail::describe_bloom(of, file);
    if (type == "codegen") return detail::describe_codegen(of, file);
    if (type == "gpt2") return detail::describe_gpt2(of, file);
    for (const detail::language_family& family : detail::language_families)
        if (type == family.type) return detail::describe_language_model(of, file, family);
    if (type == "albert" || type == "mpnet")
        return detail::describe_albert(of, file, type == "mpnet");
    if (type == "modernbert") return detail::describe_modernbert(of, file);
    if (type == "clip_text_model") return detail::describe_clip_text(of, file);
    if (type == "distilbert") return detail::describe_distilbert(of, file);
    if (type == "vit" || type == "dinov2") return detail::describe_vit(of, file, type == "dinov2");
    if (type == "t5") return detail::describe_t5(of, file);
    if (type == "whisper") return detail::describe_whisper(of, file);
    if (type == "bert" || type == "roberta" || type == "xlm-roberta")
        return detail::describe_bert(of, file, type != "bert");
    fail_with<error>(
        {file, ": \"model_type\" is \"", type,
         "\", known are albert, bert, bloom, clip_text_model, codegen, dinov2, distilbert, gemma2, "
         "gemma3_text, gpt2, gpt_neox, "
         "llama, "
         "mistral, modernbert, mpnet, opt, phi, phi3, qwen2, qwen3, roberta, starcoder2, t5, vit, "
         "whisper and xlm-roberta"});
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Reads several NumPy arrays from one .npz file as written by `numpy.savez`: a ZIP archive of
/// uncompressed .npy files.
///
///     io::load<Model>(io::open_npz("weights.npz"), parameters, names);

namespace sequent::inline SEQUENT_ABI::io {

/// Opens the arrays of a .npz file as tensors with the names of the arrays.
///
/// Throws io::error if the file is not well-formed, compressed (`numpy.savez_compressed`) or
/// encrypted, if it has more than 65,534 arrays or 4 GiB (ZIP64), or if an array of several axes is
/// in Fortran order.
SEQUENT_LAZY
SEQUENT_COLD tensor_file open_npz(const source& from) {
    const std::span<const std::byte> bytes = from.bytes();
    const std::uint64_t size = bytes.size();
    const auto fail = [&](std::initializer_list<text_part> what) {
        fail_with<error>({from.name(), ": ", joined_text(what)});
    };
    const auto u16 = [&](std::uint64_t at) -> std::uint64_t {
        return detail::load_bits<std::uint16_t>(bytes.data() + at);
    };
    const auto u32 = [&](std::uint64_t at) -> std::uint64_t {
        return detail::load_bits<std::uint32_t>(bytes.data() + at);
    };
    // The end record of the directory is followed only by a comment of at most 65535 bytes.
    constexpr std::uint64_t record = 22;
    std::uint64_t end = size;
    for (std::uint64_t at = size; at >= record && at + 65535 >= size; --at) {
        const std::uint64_t begin = at - record;
        if (u32(begin) != 0x06054b50 || begin + record + u16(begin + 20) != size) continue;
        end = begin;
        break;
    }
    if (end == size) fail({"is no ZIP archive: it has no directory at its end"});
    const std::uint64_t count = u16(end + 10), length = u32(end + 12), first = u32(end + 16);
    if (u16(end + 4) != 0 || u16(end + 6) != 0 || u16(end + 8) != count)
        fail({"is one of several parts of an archive"});
    if (count == 0xFFFF || length == 0xFFFFFFFF || first == 0xFFFFFFFF)
        fail({"is a ZIP64 archive, of more than 4 GiB or 65,534 arrays"});
    if (first > end || length > end - first)
        fail({"its directory, bytes [", first, ", ", first + length, "), is beyond byte ", end});

    tensor_file result;
    result.name = from.name();
    result.formats = detail::plain_formats<>;
    result.parts.push_back({from, 0});
    std::vector<header_entry>& entries = result.header.tensors;
    std::uint64_t at = first;
    const std::uint64_t directory_end = first + length;
    for (std::uint64_t number = 0; number < count; ++number) {
        if (directory_end - at < 46 || u32(at) != 0x02014b50)
            fail({"entry ", number, " of its directory is not well-formed"});
        const std::uint64_t flags = u16(at + 8), method = u16(at + 10);
        const std::uint64_t stored = u32(at + 20), whole = u32(at + 24), local = u32(at + 42);
        const std::uint64_t names = u16(at + 28), more = u16(at + 30) + u16(at + 32);
        if (directory_end - at - 46 < names + more)
            fail({"entry ", number, " of its directory is not well-formed"});
        std::string name(reinterpret_cast<const char*>(bytes.data()) + at + 46,
                         static_cast<std::size_t>(names));
        at += 46 + names + more;
        const auto fail_entry = [&](std::initializer_list<text_part> what) {
            fail({"\"", name, "\" ", joined_text(what)});
        };
        if (!name.ends_with(".npy") || !is_utf8(name)) fail_entry({"is no .npy file"});
        if ((flags & 1) != 0) fail_entry({"is encrypted"});
        if (method != 0)
            fail_entry({"is compressed by method ", method,
                        "; numpy.savez writes arrays that are not compressed"});
        if (stored == 0xFFFFFFFF || local == 0xFFFFFFFF) fail_entry({"is larger than 4 GiB"});
        if (stored != whole)
            fail_entry({"has ", stored, " bytes in the archive and ", whole, " outside of it"});
        if (local > first || first - local < 30 || u32(local) != 0x04034b50)
            fail_entry({"does not begin at byte ", local});
        const std::uint64_t begin = local + 30 + u16(local + 26) + u16(local + 28);
        if (begin > first || stored > first - begin)
            fail_entry({"has bytes [", begin, ", ", begin + stored, "), beyond byte ", first});

        const source array(
            bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(stored)),
            joined_text({from.name(), ": ", name}));
        const npy_header header = read_npy_header(array);
        if (header.fortran_order && header.shape.size() > 1)
            fail_entry({"is in Fortran's order; numpy.ascontiguousarray puts it into C's"});
        name.resize(name.size() - 4);
        entries.push_back({name, detail::dtype_of_descr(header.descr), header.shape,
                           begin + header.data, begin + stored});
        if (const std::string problem = detail::problem_of_size(entries.back()); !problem.empty())
            fail({"tensor ", detail::in_quotes(name), problem});
    }
    detail::name_table names;
    for (std::size_t entry = 0; entry < entries.size(); ++entry)
        names.add(entries[entry].name, entry);
    names.sort();
    if (const detail::numbered_name* const again = names.repeated())
        fail({"tensor ", detail::in_quotes(again->name), " stands twice"});
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Reads models stored in several safetensors files with an index that maps tensors to files:
///
///     io::load<Model>(io::open_sharded("model.safetensors.index.json"), parameters, names);

namespace sequent::inline SEQUENT_ABI::io {

/// Opens the tensors of all files that an index (model.safetensors.index.json) names. The files are
/// in the folder of the index.
///
/// Throws io::error if the index or one of the files is not well-formed, if a file does not have
/// exactly the tensors that the index assigns to it, or if the index names a file outside its
/// folder.
SEQUENT_LAZY
SEQUENT_COLD tensor_file open_sharded(const file_path& index) {
    const source from(index);
    const std::string_view text(reinterpret_cast<const char*>(from.bytes().data()),
                                from.bytes().size());
    const json_document document(text, from.name());
    struct place {
        std::string tensor;
        std::size_t file = 0;
    };
    std::vector<std::string> files;
    std::vector<place> places;
    document.root()["weight_map"].for_each_member([&](std::string_view tensor, json_value value) {
        const std::string_view file = value.string();
        if (file.empty() || file.find_first_of("/\\:") != std::string_view::npos || file == "..")
            value.fail({"\"", file, "\" is no name of a file in the folder of the index"});
        std::size_t number = 0;
        while (number < files.size() && files[number] != file) ++number;
        if (number == files.size()) files.emplace_back(file);
        places.push_back({std::string(tensor), number});
    });
    detail::name_table names;
    for (std::size_t at = 0; at < places.size(); ++at) names.add(places[at].tensor, at);
    names.sort();
    if (const detail::numbered_name* const again = names.repeated())
        fail_with<error>({from.name(), ": tensor \"", again->name, "\" stands twice"});

    tensor_file result;
    result.name = from.name();
    result.formats = detail::plain_formats<>;
    std::vector<char> found(places.size());
    for (std::size_t number = 0; number < files.size(); ++number) {
        tensor_file one =
            open_safetensors(detail::within(detail::folder_of(index), file_path(files[number])));
        for (header_entry& entry : one.header.tensors) {
            const detail::numbered_name* const named = names.find(entry.name);
            if (named == nullptr || places[named->number].file != number) {
                fail_with<error>({one.name, ": has the tensor \"", entry.name, "\", which ",
                                  from.name(), " does not place there"});
            }
            found[named->number] = 1;
            entry.part = number;
            result.header.tensors.push_back(std::move(entry));
        }
        result.parts.push_back(std::move(one.parts[0]));
        for (auto& [key, value] : one.header.metadata) result.header.metadata[key] = value;
    }
    for (std::size_t at = 0; at < places.size(); ++at) {
        if (found[at] == 0)
            fail_with<error>({result.parts[places[at].file].from.name(), ": lacks the tensor \"",
                              places[at].tensor, "\", which ", from.name(), " places there"});
    }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io

/// Name maps of PyTorch's recurrent layers, for the templates `rnn`, `gru` and `lstm`. PyTorch
/// appends the layer's number to the names and has two biases; they are added where the sum is
/// equivalent: `io::load<Gru>("gru.safetensors", parameters, io::torch::gru)`.

namespace sequent::inline SEQUENT_ABI::io::torch {

/// Name map of torch.nn.GRU. The order of the gates is reset, update, candidate.
inline constexpr name_entry gru[] = {
    constant("start", 0),
    constant("y.start", 0),
    {"W_reset", "weight_ih_l0", part(0, 3)},
    {"W_update", "weight_ih_l0", part(1, 3)},
    {"W_candidate", "weight_ih_l0", part(2, 3)},
    {"U_reset", "weight_hh_l0", part(0, 3)},
    {"U_update", "weight_hh_l0", part(1, 3)},
    {"U_candidate", "weight_hh_l0", part(2, 3)},
    {"b_reset", "bias_ih_l0", part(0, 3)},
    {"b_reset", "bias_hh_l0", part(0, 3) | summand},
    {"b_update", "bias_ih_l0", part(1, 3)},
    {"b_update", "bias_hh_l0", part(1, 3) | summand},
    {"b_candidate", "bias_ih_l0", part(2, 3)},
    {"c_candidate", "bias_hh_l0", part(2, 3)},
    {"y.W_reset", "weight_ih_l{a+1}", part(0, 3)},
    {"y.W_update", "weight_ih_l{a+1}", part(1, 3)},
    {"y.W_candidate", "weight_ih_l{a+1}", part(2, 3)},
    {"y.U_reset", "weight_hh_l{a+1}", part(0, 3)},
    {"y.U_update", "weight_hh_l{a+1}", part(1, 3)},
    {"y.U_candidate", "weight_hh_l{a+1}", part(2, 3)},
    {"y.b_reset", "bias_ih_l{a+1}", part(0, 3)},
    {"y.b_reset", "bias_hh_l{a+1}", part(0, 3) | summand},
    {"y.b_update", "bias_ih_l{a+1}", part(1, 3)},
    {"y.b_update", "bias_hh_l{a+1}", part(1, 3) | summand},
    {"y.b_candidate", "bias_ih_l{a+1}", part(2, 3)},
    {"y.c_candidate", "bias_hh_l{a+1}", part(2, 3)},
};

/// Name map of torch.nn.LSTM. The order of the gates is in, forget, candidate, out.
inline constexpr name_entry lstm[] = {
    constant("start", 0),
    constant("start_memory", 0),
    constant("y.start", 0),
    constant("y.start_memory", 0),
    {"W_in", "weight_ih_l0", part(0, 4)},
    {"W_forget", "weight_ih_l0", part(1, 4)},
    {"W_candidate", "weight_ih_l0", part(2, 4)},
    {"W_out", "weight_ih_l0", part(3, 4)},
    {"U_in", "weight_hh_l0", part(0, 4)},
    {"U_forget", "weight_hh_l0", part(1, 4)},
    {"U_candidate", "weight_hh_l0", part(2, 4)},
    {"U_out", "weight_hh_l0", part(3, 4)},
    {"b_in", "bias_ih_l0", part(0, 4)},
    {"b_in", "bias_hh_l0", part(0, 4) | summand},
    {"b_forget", "bias_ih_l0", part(1, 4)},
    {"b_forget", "bias_hh_l0", part(1, 4) | summand},
    {"b_candidate", "bias_ih_l0", part(2, 4)},
    {"b_candidate", "bias_hh_l0", part(2, 4) | summand},
    {"b_out", "bias_ih_l0", part(3, 4)},
    {"b_out", "bias_hh_l0", part(3, 4) | summand},
    {"y.W_in", "weight_ih_l{a+1}", part(0, 4)},
    {"y.W_forget", "weight_ih_l{a+1}", part(1, 4)},
    {"y.W_candidate", "weight_ih_l{a+1}", part(2, 4)},
    {"y.W_out", "weight_ih_l{a+1}", part(3, 4)},
    {"y.U_in", "weight_hh_l{a+1}", part(0, 4)},
    {"y.U_forget", "weight_hh_l{a+1}", part(1, 4)},
    {"y.U_candidate", "weight_hh_l{a+1}", part(2, 4)},
    {"y.U_out", "weight_hh_l{a+1}", part(3, 4)},
    {"y.b_in", "bias_ih_l{a+1}", part(0, 4)},
    {"y.b_in", "bias_hh_l{a+1}", part(0, 4) | summand},
    {"y.b_forget", "bias_ih_l{a+1}", part(1, 4)},
    {"y.b_forget", "bias_hh_l{a+1}", part(1, 4) | summand},
    {"y.b_candidate", "bias_ih_l{a+1}", part(2, 4)},
    {"y.b_candidate", "bias_hh_l{a+1}", part(2, 4) | summand},
    {"y.b_out", "bias_ih_l{a+1}", part(3, 4)},
    {"y.b_out", "bias_hh_l{a+1}", part(3, 4) | summand},
};

/// Name map of torch.nn.RNN.
inline constexpr name_entry rnn[] = {
    constant("start", 0),        constant("y.start", 0),
    {"W", "weight_ih_l0"},       {"U", "weight_hh_l0"},
    {"b", "bias_ih_l0"},         {"b", "bias_hh_l0", summand},
    {"y.W", "weight_ih_l{a+1}"}, {"y.U", "weight_hh_l{a+1}"},
    {"y.b", "bias_ih_l{a+1}"},   {"y.b", "bias_hh_l{a+1}", summand},
};

}  // namespace sequent::inline SEQUENT_ABI::io::torch

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_FORMATS_HPP
