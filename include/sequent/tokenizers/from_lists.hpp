#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/gguf_vocabulary.hpp"
#include "../io/source.hpp"
#include "../joined_text.hpp"
#include "build.hpp"
#include "tokenizer.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Completes BERT's tokenizer: WordPiece with continuations "##", texts between `begin` and `end`.
/// `lower_case`: text is converted to lower case without accents.
SEQUENT_LAZY
SEQUENT_COLD void finish_word_piece(builder<>& build, std::uint32_t unknown, std::uint32_t begin,
                                    std::uint32_t end, bool lower_case) {
    parts& to = build.result;
    to.model = model_kind::word_piece;
    to.word_piece.prepare(to.tokens, "##", unknown, 100);
    to.normalizer.steps.emplace_back();
    auto& step = to.normalizer.steps.back();
    step.is = normalizer_step::kind::bert;
    step.clean = step.chinese = true;
    step.lower = step.accents = lower_case;
    to.pre_tokenizer.steps.emplace_back();
    to.pre_tokenizer.steps.back().is = split_step::kind::bert;
    using kind = template_item::kind;
    const auto first = static_cast<std::int32_t>(begin), last = static_cast<std::int32_t>(end);
    to.single = {{kind::token, first, 0}, {kind::first, 0, 0}, {kind::token, last, 0}};
    to.pair = to.single;
    to.pair.push_back({kind::second, 0, 1});
    to.pair.push_back({kind::token, last, 1});
    to.decoder.emplace_back();
    to.decoder.back().is = decoder_step::kind::word_piece;
    to.decoder.back().what = "##";
    to.decoder.back().cleans = true;
}

/// Fills in the parts of a tokenizer from lists of tokens, scores, types and merges.
SEQUENT_LAZY class list_reader {
  public:
    list_reader(const io::gguf_vocabulary& from, std::string name)
        : from_(from), build_(std::move(name)) {}

    SEQUENT_COLD parts read() {
        if (from_.tokens.empty()) build_.fail({"there are no tokens"});
        if (from_.model == "bert") return read_word_pieces();
        add_tokens(true);
        if (from_.model == "gpt2") {
            read_bytes();
        } else if (from_.model == "t5") {
            bool fallback = false;
            for (const std::int32_t each : from_.types) fallback = fallback || each == byte;
            read_unigram(fallback);
            add_normalizer();
            add_decoder(block);
        } else if (from_.model == "llama") {
            read_scored(block, nullptr);
        } else {
            build_.fail({"the tokenizer model \"", from_.model, "\" is not known"});
        }
        add_ends();
        return std::move(build_.result);
    }

    /// As `read`, for a unigram model or BPE with scores, with text normalized by `normalizer`.
    /// `finds`: control tokens are matched in texts.
    SEQUENT_COLD parts read_sentencepiece(std::string_view blank, bool is_unigram, bool finds,
                                          bool fallback, normalizer_step normalizer) {
        if (from_.tokens.empty()) build_.fail({"there are no tokens"});
        add_tokens(finds, is_unigram);
        build_.result.finds_written = true;
        if (is_unigram) {
            read_unigram(fallback);
            build_.result.normalizer.steps.push_back(std::move(normalizer));
            add_decoder(blank);
        } else {
            read_scored(blank, &normalizer);
        }
        add_ends();
        return std::move(build_.result);
    }

  private:
    enum : std::int32_t { normal = 1, unknown, control, user, unused, byte };

    std::int32_t type(std::size_t id) const {
        return from_.types.empty() ? normal : from_.types[id];
    }

    void add_tokens(bool finds, bool is_unigram = false) {
        for (const std::string& text : from_.tokens) build_.add_token(text);
        build_.is_apart.resize(from_.tokens.size());
        for (std::size_t id = 0; id < from_.tokens.size(); ++id) {
            const std::int32_t kind = type(id);
            if (kind == unused && (from_.model == "llama" || is_unigram)) {
                build_.fail({"token ", id, " \"", from_.tokens[id],
                             "\" is of the type unused, which is not known"});
            }
            build_.is_apart[id] = kind == unknown || kind == control || kind == byte ||
                                  kind == unused || (kind == user && from_.model == "t5");
            // SentencePiece's unigram models select user-defined tokens by their scores.
            const bool is_found = kind == control || (kind == user && !is_unigram) ||
                                  (kind == unknown && from_.model == "t5");
            if (!is_found) continue;
            added_token token;
            token.text = kind == user || finds ? from_.tokens[id] : "";
            token.id = static_cast<std::int32_t>(id);
            token.special = kind != user;
            token.normalized = kind == user && from_.model == "llama";
            // Of tokens with equal texts, only the first is matched.
            if (build_.result.tokens.find(from_.tokens[id]) != id) token.text.clear();
            build_.result.added.push_back(std::move(token));
        }
    }

    void add_split(split_step::kind is, std::string_view expression) {
        split_step step;
        step.is = is;
        step.pattern = find_pattern(expression);
        build_.result.pre_tokenizer.steps.push_back(std::move(step));
    }

    /// Byte-level BPE. The name `split` selects the word splitting.
    void read_bytes() {
        struct known_split {
            std::string_view name;
            std::size_t pattern;
            bool digits = false, composes = false, whole_words = false;
        };
        constexpr known_split known[] = {{"gpt-2", 0},
                                         {"phi-2", 0},
                                         {"mpt", 0},
                                         {"olmo", 0},
                                         {"smollm", 0, true},
                                         {"starcoder", 0, true},
                                         {"qwen2", 3, false, true},
                                         {"llama-bpe", 2, false, false, true},
                                         {"llama3", 2, false, false, true},
                                         {"gpt-4o", 4},
                                         {"tekken", 5, false, false, true}};
        const known_split* found = nullptr;
        for (const known_split& each : known) {
            if (each.name == from_.split) found = &each;
        }
        if (found == nullptr) build_.fail({"the pre-tokenizer \"", from_.split, "\" is not known"});
        parts& to = build_.result;
        if (found->composes) {
            to.normalizer.steps.emplace_back();
            to.normalizer.steps.back().is = normalizer_step::kind::nfc;
        }
        if (found->digits) add_split(split_step::kind::digits, "");
        add_split(split_step::kind::words, word_patterns[found->pattern].expression);
        build_.start_pairs(true, false);
        std::uint32_t rank = 0;
        for (const std::string_view both : from_.merges) {
            const std::size_t blank = both.find(' ', 1);
            if (blank == both.npos) build_.fail({"merge ", rank, " lacks a blank"});
            build_.add_merge(both.substr(0, blank), both.substr(blank + 1), rank);
            ++rank;
        }
        if (found->whole_words) build_.find_whole_words(true);
        to.decoder.emplace_back();
        to.decoder.back().is = decoder_step::kind::byte_letters;
    }

    void check_scores() const {
        if (from_.scores.size() != from_.tokens.size()) {
            build_.fail({"there are ", from_.scores.size(), " scores for ", from_.tokens.size(),
                         " tokens"});
        }
    }

    /// BPE with byte fallback; merges are ranked by score.
    void read_scored(std::string_view blank, normalizer_step* normalizer) {
        check_scores();
        parts& to = build_.result;
        to.finds_written = true;
        build_.blank = blank;
        build_.start_pairs(false, true);
        to.pair_encoding.unknown = unknown_id();
        to.pair_encoding.joins_unknown = true;
        build_.add_scored_merges(from_.scores);
        build_.split_at_blanks();
        if (normalizer != nullptr)
            to.normalizer.steps.push_back(std::move(*normalizer));
        else
            add_normalizer();
        add_decoder(blank);
    }

    /// SentencePiece's normalizer with what the list states of it.
    SEQUENT_COLD void add_normalizer() {
        parts& to = build_.result;
        to.normalizer.steps.emplace_back();
        auto& step = to.normalizer.steps.back();
        step.is = normalizer_step::kind::sentencepiece;
        step.prefix = from_.adds_space;
        step.spaces = from_.removes_spaces;
        step.always = from_.model == "t5";
        step.escape = true;
        if (!from_.charsmap.empty() && !step.map.read(from_.charsmap))
            build_.fail({"precompiled_charsmap is not well-formed"});
    }

    /// WordPiece. The list marks the beginnings of words by U+2581, not continuations by "##".
    /// Models whose tokens have capital letters keep the case of a text.
    SEQUENT_COLD parts read_word_pieces() {
        bool lower_case = true;
        std::vector<std::size_t> apart;
        for (std::size_t id = 0; id < from_.tokens.size(); ++id) {
            const std::string_view text = from_.tokens[id];
            const std::int32_t kind = type(id);
            if (kind == control || kind == user) apart.push_back(id);
            const bool is_whole = text.starts_with(block);
            const bool is_special =
                kind != normal || (text.starts_with('[') && text.ends_with(']'));
            if (is_special && !is_whole) {
                build_.add_token(text);
            } else if (is_whole) {
                build_.add_token(text.substr(block.size()));
            } else {
                build_.add_token(joined_text({"##", text}));
            }
            for (const char each : text)
                lower_case = lower_case && (is_special || each < 'A' || each > 'Z');
        }
        build_.is_apart.resize(from_.tokens.size());
        for (const std::size_t id : apart) {
            added_token token;
            token.text = from_.tokens[id];
            token.id = static_cast<std::int32_t>(id);
            token.special = type(id) == control;
            build_.add_added(std::move(token));
        }
        const auto id_of = [&](std::int32_t stated, const char* name, const char* what) {
            return stated >= 0 ? static_cast<std::uint32_t>(stated) : build_.id_of(name, what);
        };
        finish_word_piece(build_, id_of(from_.unknown, "[UNK]", "the unknown token"),
                          id_of(from_.classifier, "[CLS]", "the first token"),
                          id_of(from_.separator, "[SEP]", "the last token"), lower_case);
        return std::move(build_.result);
    }

    void read_unigram(bool fallback) {
        check_scores();
        parts& to = build_.result;
        to.model = model_kind::unigram;
        // User-defined tokens get SentencePiece's score, so that they are usually selected.
        float most = std::numeric_limits<float>::min();
        for (std::uint32_t id = 0; id < to.tokens.size(); ++id) {
            if (!std::isfinite(from_.scores[id]))
                build_.fail({"the score of token ", id, " is not finite"});
            if (type(id) == normal) most = std::max(most, from_.scores[id]);
        }
        to.unigram.adds_floats = true;
        for (std::uint32_t id = 0; id < to.tokens.size(); ++id) {
            const std::string_view text = to.tokens[id];
            const float score =
                type(id) == user ? static_cast<float>(text.size()) * most - 0.1F : from_.scores[id];
            if (!build_.is_apart[id]) to.unigram.add(text, id, double{score}, type(id) == normal);
        }
        to.unigram.unknown = unknown_id();
        if (fallback) build_.start_unigram_bytes();
    }

    std::uint32_t unknown_id() const {
        if (from_.unknown >= 0) return static_cast<std::uint32_t>(from_.unknown);
        for (std::uint32_t id = 0; id < from_.tokens.size(); ++id) {
            if (type(id) == unknown) return id;
        }
        return none;
    }

    void add_decoder(std::string_view blank) {
        using kind = decoder_step::kind;
        auto& steps = build_.result.decoder;
        const auto add = [&](kind is, std::string_view what) {
            steps.emplace_back();
            steps.back().is = is;
            steps.back().what = what;
            steps.back().with = " ";
            steps.back().count = 1;
        };
        add(kind::replace, blank);
        add(kind::byte_fallback, "");
        if (from_.adds_space) add(kind::strip, " ");
    }

    void add_ends() {
        parts& to = build_.result;
        const auto add = [&](std::int32_t id, std::int32_t segment,
                             std::vector<template_item>& items) {
            if (id < 0 || static_cast<std::size_t>(id) >= from_.tokens.size())
                build_.fail({"the token that begins or ends texts, ", id, ", is none"});
            items.push_back({template_item::kind::token, id, segment});
        };
        to.single.clear();
        to.pair.clear();
        for (auto* items : {&to.single, &to.pair}) {
            const std::int32_t texts = items == &to.pair ? 2 : 1;
            for (std::int32_t text = 0; text < texts; ++text) {
                if (from_.adds_begin) add(from_.begin, text, *items);
                items->push_back(
                    {text == 0 ? template_item::kind::first : template_item::kind::second, 0,
                     text});
                if (from_.adds_end) add(from_.end, text, *items);
            }
        }
    }

    const io::gguf_vocabulary& from_;
    builder<> build_;
};

}  // namespace detail

/// Creates the tokenizer of a GGUF file: byte-level BPE (model "gpt2", if the name of its word
/// splitting is known), BPE with scores ("llama"), WordPiece ("bert") or unigram ("t5"). The format
/// does not state whether a WordPiece model is cased: if an ordinary token has one of the letters A
/// to Z, the case and the accents of texts are kept. Messages contain `name`. Throws io::error for
/// other models and for lists that are not consistent.
SEQUENT_LAZY tokenizer from_vocabulary(const io::gguf_vocabulary& from,
                                       std::string name = "vocabulary") {
    return tokenizer(detail::list_reader<>(from, std::move(name)).read());
}

/// Options of BERT's tokenizer that a vocab.txt does not state.
struct word_piece_options {
    bool lower_case = true;        ///< convert to lower case without accents, for "uncased" models
    std::size_t max_length = 512;  ///< largest number of tokens, including special tokens
};

/// Reads BERT's tokenizer from a vocab.txt with one token per line. Encodings begin with [CLS] and
/// end with [SEP]. Throws io::error if the file is not UTF-8, if [UNK], [CLS] or [SEP] is missing,
/// or if a token is repeated.
SEQUENT_LAZY tokenizer from_vocab_txt(const io::source& file,
                                      const word_piece_options& options = {}) {
    detail::builder<> build(file.name());
    detail::parts& to = build.result;
    const auto bytes = file.bytes();
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!io::is_utf8(rest)) build.fail({"is not UTF-8"});
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (to.tokens.find(line) != detail::none)
            build.fail({"line ", to.tokens.size() + 1, ": the token \"", line, "\" stands twice"});
        build.add_token(line);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
        const std::uint32_t id = to.tokens.find(name);
        if (id == detail::none) continue;
        added_token token;
        token.text = name;
        token.id = static_cast<std::int32_t>(id);
        token.special = true;
        build.add_added(std::move(token));
    }
    detail::finish_word_piece(build, build.id_of("[UNK]", "the unknown token"),
                              build.id_of("[CLS]", "the first token"),
                              build.id_of("[SEP]", "the last token"), options.lower_case);
    to.truncation.max_length = options.max_length;
    return tokenizer(std::move(to));
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
