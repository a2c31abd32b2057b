#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// What the tokenizer of a GGUF file consists of. Lists that the file does not have are empty.
struct gguf_vocabulary {
    std::string model;                // "llama", "gpt2", "bert", "t5" ...
    std::string split;                // tokenizer.ggml.pre: how text is split before merges
    std::vector<std::string> tokens;  // each token's text
    std::vector<float> scores;
    std::vector<std::int32_t> types;  // 1 normal, 2 unknown, 3 control, 4 user's, 5 unused, 6 byte
    std::vector<std::string> merges;  // "left right", the first one first
    std::int32_t begin = -1;          // of the text; -1 if the file does not state it
    std::int32_t end = -1;
    std::int32_t unknown = -1;
    std::int32_t padding = -1;
    bool adds_begin = false;
    bool adds_end = false;
    bool adds_space = true;  // before the text
};

}  // namespace sequent::inline SEQUENT_ABI::io
