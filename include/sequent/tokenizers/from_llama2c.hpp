#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "../io/error.hpp"
#include "../io/gguf_vocabulary.hpp"
#include "../io/source.hpp"
#include "../io/utf8.hpp"
#include "../joined_text.hpp"
#include "from_lists.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Reads the file, which is little-endian: the length of the longest token (uint32), then for each
/// token its score (F32), its length (int32) and its bytes.
SEQUENT_LAZY
SEQUENT_COLD io::gguf_vocabulary read_llama2c(const io::source& file) {
    using io::detail::load_bits;
    const auto fail = [&](std::initializer_list<text_part> what) {
        fail_with<io::error>({file.name(), ": ", joined_text(what)});
    };
    const std::span<const std::byte> bytes = file.bytes();
    if (bytes.size() < 4) {
        fail({"has ", bytes.size(),
              " bytes, too few for the length of the longest token, which takes 4"});
    }
    io::gguf_vocabulary list;
    list.model = "llama";
    const auto longest = load_bits<std::uint32_t>(bytes.data());
    for (std::size_t at = 4; at < bytes.size();) {
        const std::size_t number = list.tokens.size();
        const std::size_t left = bytes.size() - at;
        if (left < 8)
            fail({"token ", number, ": ", left, " bytes are left, its score and length take 8"});
        const float score = std::bit_cast<float>(load_bits<std::uint32_t>(&bytes[at]));
        const auto length = load_bits<std::uint32_t>(&bytes[at + 4]);
        if (!std::isfinite(score)) fail({"token ", number, ": its score is not finite"});
        if (length > longest) {
            fail({"token ", number, ": its length is ", length, ", the longest of the file is ",
                  longest});
        }
        if (length > left - 8) {
            fail({"token ", number, ": its length is ", length, ", ", left - 8, " bytes are left"});
        }
        const std::string text(reinterpret_cast<const char*>(bytes.data()) + at + 8, length);
        list.types.push_back(number == 0                    ? 2
                             : number <= 2                  ? 3
                             : io::fallback_byte(text) >= 0 ? 6
                                                            : 1);
        list.tokens.push_back(text);
        list.scores.push_back(score);
        at += 8 + length;
    }
    if (list.tokens.size() < 3) fail({"has ", list.tokens.size(), " tokens, at least are 3"});
    return list;
}

}  // namespace detail

/// Reads the tokenizer file of llama2.c, byte pair encoding with scores. Token 0 is the unknown
/// token, 1 begins and 2 ends a text; tokens written <0x00> to <0xFF> are bytes. Encodings begin
/// with token 1 and, unless the text is empty, a blank. Throws io::error if the file cannot be
/// read, is truncated, has extra bytes after the last token, or has an invalid length or score.
SEQUENT_LAZY tokenizer from_llama2c(const io::source& file) {
    io::gguf_vocabulary list = detail::read_llama2c(file);
    list.begin = 1;
    list.adds_begin = true;
    detail::normalizer_step step;
    step.is = detail::normalizer_step::kind::sentencepiece;
    step.prefix = true;
    return tokenizer(detail::list_reader<>(list, file.name())
                         .read_sentencepiece(" ", false, false, true, std::move(step)));
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
