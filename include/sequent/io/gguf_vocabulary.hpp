#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// The tokenizer data of a GGUF file, from its keys "tokenizer.ggml.*". Lists that the file does
/// not have are empty; ids that it does not state are -1.
struct gguf_vocabulary {
    std::string model;                ///< tokenizer.ggml.model: "llama", "gpt2", "bert", "t5" ...
    std::string split;                ///< tokenizer.ggml.pre: how text is split before merges
    std::vector<std::string> tokens;  ///< text of each token
    std::vector<float> scores;        ///< score of each token
    /// Type of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    std::vector<std::int32_t> types;
    std::vector<std::string> merges;  ///< "left right", in order of priority
    std::int32_t begin = -1;          ///< id of the token that begins a text
    std::int32_t end = -1;            ///< id of the token that ends a text
    std::int32_t unknown = -1;        ///< id of the unknown token
    std::int32_t padding = -1;        ///< id of the padding token
    std::int32_t classifier = -1;     ///< id of BERT's first token, [CLS]
    std::int32_t separator = -1;      ///< id of the token that ends BERT's texts, [SEP]
    bool adds_begin = false;          ///< encoding adds the token `begin`
    bool adds_end = false;            ///< encoding adds the token `end`
    bool adds_space = true;           ///< encoding adds a space before the text
    bool removes_spaces = false;      ///< of several spaces, encoding keeps one
    std::string charsmap;             ///< SentencePiece's compiled normalizer
};

}  // namespace sequent::inline SEQUENT_ABI::io
