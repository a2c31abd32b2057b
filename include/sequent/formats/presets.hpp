#pragma once

#include <string>
#include <string_view>

#include "../config.hpp"
#include "../io/hugging_face.hpp"
#include "../io/placement.hpp"
#include "../joined_text.hpp"
#include "../nn/presets.hpp"
#include "describer.hpp"
#include "llama_cpp.hpp"

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
