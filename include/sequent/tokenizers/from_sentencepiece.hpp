#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/dtype.hpp"
#include "../io/gguf_vocabulary.hpp"
#include "../io/source.hpp"
#include "from_lists.hpp"
#include "tokenizer.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Reads a Protocol Buffers message field by field.
SEQUENT_LAZY class message_reader {
  public:
    message_reader(std::string_view bytes, std::string_view file) : rest_(bytes), file_(file) {}

    /// Advances to the next field. Returns false at the end.
    bool next() {
        if (rest_.empty()) return false;
        const std::uint64_t tag = varint();
        field_ = tag >> 3;
        text_ = {};
        number_ = 0;
        switch (tag & 7) {
            case 0:
                number_ = varint();
                return true;
            case 1:
                take(8);
                return true;
            case 2:
                text_ = take(varint());
                return true;
            case 5:
                number_ = io::detail::load_bits<std::uint32_t>(
                    reinterpret_cast<const std::byte*>(take(4).data()));
                return true;
            default:
                fail("has a field of an unknown kind");
        }
    }

    std::uint64_t field() const noexcept { return field_; }
    std::uint64_t number() const noexcept { return number_; }
    float real() const noexcept {
        return std::bit_cast<float>(static_cast<std::uint32_t>(number_));
    }
    std::string_view text() const noexcept { return text_; }

    [[noreturn]] SEQUENT_COLD void fail(std::string_view what) const {
        fail_with<io::error>({file_, ": ", what});
    }

  private:
    std::uint64_t varint() {
        std::uint64_t result = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(take(1)[0]);
            result |= std::uint64_t{byte & 127U} << shift;
            if (byte < 128) return result;
        }
        fail("has a number of more than 64 bits");
    }

    std::string_view take(std::uint64_t count) {
        if (count > rest_.size()) fail("is cut off");
        const std::string_view result = rest_.substr(0, static_cast<std::size_t>(count));
        rest_.remove_prefix(result.size());
        return result;
    }

    std::string_view rest_;
    std::string_view file_;
    std::uint64_t field_ = 0;
    std::uint64_t number_ = 0;
    std::string_view text_;
};

}  // namespace detail

/// Which special tokens a model requires around a text, which SentencePiece's files do not state.
struct text_ends {
    bool begin = false;  ///< the token `<s>` before the text, for Llama
    bool end = false;    ///< the token `</s>` after the text, for T5
};

/// Reads a .model file of SentencePiece, BPE or unigram. It gives the tokens of SentencePiece and
/// those that `ends` adds. Control tokens such as `<s>` are matched in a text only with
/// encode_options::parse_special. Throws io::error if the file is not well-formed or has an
/// unsupported option.
SEQUENT_LAZY tokenizer from_sentencepiece(const io::source& file, text_ends ends = {}) {
    const auto bytes = file.bytes();
    io::gguf_vocabulary list;
    list.adds_begin = ends.begin;
    list.adds_end = ends.end;
    detail::normalizer_step step;
    step.is = detail::normalizer_step::kind::sentencepiece;
    step.prefix = step.spaces = step.escape = true;
    std::uint64_t model = 1;
    bool fallback = false;
    list.begin = 1;
    list.end = 2;
    detail::message_reader<> all({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                 file.name());
    while (all.next()) {
        detail::message_reader<> part(all.text(), file.name());
        if (all.field() == 1) {
            list.tokens.emplace_back();
            list.scores.push_back(0);
            list.types.push_back(1);
            while (part.next()) {
                if (part.field() == 1) list.tokens.back() = part.text();
                if (part.field() == 2) list.scores.back() = part.real();
                if (part.field() != 3) continue;
                if (part.number() < 1 || part.number() > 6)
                    part.fail("a token has an unknown type");
                list.types.back() = static_cast<std::int32_t>(part.number());
            }
            if (!io::is_utf8(list.tokens.back())) all.fail("a token is not UTF-8");
        } else if (all.field() == 2) {
            while (part.next()) {
                if (part.field() == 3) model = part.number();
                if (part.field() == 24 && part.number() != 0)
                    part.fail("treat_whitespace_as_suffix is not known");
                if (part.field() == 35) fallback = part.number() != 0;
                if (part.field() == 41) list.begin = static_cast<std::int32_t>(part.number());
                if (part.field() == 42) list.end = static_cast<std::int32_t>(part.number());
            }
        } else if (all.field() == 3) {
            while (part.next()) {
                if (part.field() == 2 && !part.text().empty() && !step.map.read(part.text()))
                    part.fail("precompiled_charsmap is not well-formed");
                if (part.field() == 3) step.prefix = part.number() != 0;
                if (part.field() == 4) step.spaces = part.number() != 0;
                if (part.field() == 5) step.escape = part.number() != 0;
            }
        } else if (all.field() == 5) {
            while (part.next()) {
                if (part.field() == 2 && !part.text().empty())
                    part.fail("denormalizer_spec is not known");
            }
        }
    }
    if (model != 1 && model != 2) all.fail("a model_type other than UNIGRAM and BPE is not known");
    if (!step.escape) all.fail("escape_whitespaces 0 is not known");
    list.model = "llama";
    list.adds_space = step.prefix;
    return tokenizer(
        detail::list_reader<>(list, file.name())
            .read_sentencepiece(detail::block, model == 1, true, fallback, std::move(step)));
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
