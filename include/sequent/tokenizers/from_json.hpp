#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/json.hpp"
#include "../io/source.hpp"
#include "build.hpp"
#include "json_steps.hpp"
#include "tokenizer.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

namespace detail {

/// Reads a tokenizer.json and refuses all steps and options that are not supported.
SEQUENT_LAZY class json_reader : json_steps<> {
  public:
    explicit json_reader(const io::json_document& from, std::string name)
        : json_steps<>(std::move(name)), root_(from.root()) {}

    SEQUENT_COLD parts read() {
        parts& to = build_.result;
        keys(root_, {"version", "truncation", "padding", "added_tokens", "normalizer",
                     "pre_tokenizer", "post_processor", "decoder", "model"});
        if (present(root_, "truncation")) read_truncation(root_["truncation"]);
        if (present(root_, "normalizer")) read_normalizer(root_["normalizer"]);
        if (present(root_, "pre_tokenizer")) read_pre_tokenizer(root_["pre_tokenizer"]);
        read_model(root_["model"]);
        if (present(root_, "added_tokens")) {
            root_["added_tokens"].for_each_element([&](value each) { read_added(each); });
        }
        if (present(root_, "post_processor")) read_post_processor(root_["post_processor"]);
        if (present(root_, "decoder")) {
            read_decoder(root_["decoder"]);
        } else {
            to.decoder.emplace_back();
            to.decoder.back().is = decoder_step::kind::blanks;
        }
        return std::move(to);
    }

  private:
    void read_truncation(value of) {
        keys(of, {"direction", "max_length", "strategy", "stride"});
        truncation& to = build_.result.truncation;
        to.max_length = static_cast<std::size_t>(of["max_length"].whole_number());
        const std::string_view strategy = of["strategy"].string();
        using kind = truncation::strategy;
        if (strategy == "LongestFirst") {
            to.of = kind::longest_first;
        } else if (strategy == "OnlyFirst") {
            to.of = kind::only_first;
        } else if (strategy == "OnlySecond") {
            to.of = kind::only_second;
        } else {
            of.fail({"the truncation \"", strategy, "\" is not known"});
        }
        to.left = present(of, "direction") && of["direction"].string() == "Left";
    }

    void read_added(value of) {
        keys(of, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
        added_token token;
        token.id = id(of["id"]);
        token.text = text(of, "content");
        token.special = flag(of, "special", false);
        token.single_word = flag(of, "single_word", false);
        token.strips_left = flag(of, "lstrip", false);
        token.strips_right = flag(of, "rstrip", false);
        token.normalized = flag(of, "normalized", !token.special);
        build_.add_added(std::move(token));
    }

    void read_model(value of) {
        parts& to = build_.result;
        const bool has_type = of.has("type");
        const std::string_view name = has_type                             ? type(of)
                                      : of.has("merges")                   ? "BPE"
                                      : of.has("unk_id")                   ? "Unigram"
                                      : of.has("max_input_chars_per_word") ? "WordPiece"
                                                                           : "";
        if (name == "WordPiece") {
            keys(of, {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word",
                      "vocab"});
            to.model = model_kind::word_piece;
            read_vocabulary(of["vocab"]);
            to.word_piece.prepare(
                to.tokens, of["continuing_subword_prefix"].string(),
                build_.id_of(of["unk_token"].string(), "unk_token"),
                static_cast<std::size_t>(of["max_input_chars_per_word"].whole_number(1U << 30)));
        } else if (name == "BPE") {
            read_pairs(of);
        } else if (name == "Unigram") {
            read_unigram(of);
        } else if (has_type) {
            unknown(of, "model");
        } else {
            of.fail({"lacks \"type\""});
        }
        if (by_bytes_ && to.model != model_kind::pair_encoding)
            of.fail(
                {"the model \"", name, "\" behind the pre-tokenizer \"ByteLevel\" is not known"});
    }

    void read_vocabulary(value of) {
        std::vector<std::string_view> texts;
        std::vector<bool> seen;
        std::size_t count = 0;
        of.for_each_member([&](std::string_view, value) { ++count; });
        of.for_each_member([&](std::string_view text, value number) {
            const auto at =
                static_cast<std::size_t>(number.whole_number(count + builder<>::most_holes));
            if (at >= texts.size()) {
                texts.resize(at + 1);
                seen.resize(at + 1);
            }
            if (seen[at]) number.fail({"two tokens have the id ", at});
            texts[at] = text;
            seen[at] = true;
        });
        parts& to = build_.result;
        for (std::size_t at = 0; at < texts.size(); ++at) {
            const std::uint32_t known = seen[at] ? to.tokens.find(texts[at]) : none;
            if (known != none && to.is_token[known])
                of.fail({"the token \"", texts[at], "\" stands twice"});
            build_.add_token(texts[at]);
            to.is_token.back() = seen[at];
        }
    }

    void read_pairs(value of) {
        keys(of, {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                  "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
        parts& to = build_.result;
        auto& pairs = to.pair_encoding;
        if (present(of, "dropout") && of["dropout"].number() != 0)
            of["dropout"].fail({"\"dropout\" is not known"});
        if (present(of, "continuing_subword_prefix") &&
            !of["continuing_subword_prefix"].string().empty()) {
            of.fail({"\"continuing_subword_prefix\" of \"BPE\" is not known"});
        }
        read_vocabulary(of["vocab"]);
        if (present(of, "unk_token"))
            pairs.unknown = build_.id_of(of["unk_token"].string(), "unk_token");
        pairs.joins_unknown = flag(of, "fuse_unk", false);
        const std::string_view suffix =
            present(of, "end_of_word_suffix") ? of["end_of_word_suffix"].string() : "";
        build_.start_pairs(by_bytes_, flag(of, "byte_fallback", false), suffix);
        std::uint32_t rank = 0;
        of["merges"].for_each_element([&](value each) {
            std::string_view left, right;
            if (each.kind() == io::json_kind::string) {
                const std::string_view both = each.string();
                const std::size_t blank = both.find(' ');
                if (blank == both.npos || both.find(' ', blank + 1) != both.npos)
                    each.fail({"expected two tokens and a blank between them"});
                left = both.substr(0, blank);
                right = both.substr(blank + 1);
            } else {
                std::size_t count = 0;
                each.for_each_element(
                    [&](value one) { (count++ == 0 ? left : right) = one.string(); });
                if (count != 2) each.fail({"expected two tokens, found ", count});
            }
            build_.add_merge(left, right, rank++);
        });
        if (flag(of, "ignore_merges", false)) build_.find_whole_words(by_bytes_);
        build_.split_at_blanks();
    }

    void read_unigram(value of) {
        keys(of, {"type", "unk_id", "vocab", "byte_fallback"});
        parts& to = build_.result;
        to.model = model_kind::unigram;
        std::uint32_t count = 0;
        of["vocab"].for_each_element([&](value each) {
            std::size_t place = 0;
            std::string_view text;
            double score = 0;
            each.for_each_element([&](value one) {
                if (place == 0) text = one.string();
                if (place == 1) score = one.number();
                ++place;
            });
            if (place != 2) each.fail({"expected a token and its score"});
            build_.add_token(text);
            to.unigram.add(text, count++, score);
        });
        if (count == 0) of.fail({"the vocabulary is empty"});
        if (present(of, "unk_id"))
            to.unigram.unknown = static_cast<std::uint32_t>(of["unk_id"].whole_number(count - 1));
        if (flag(of, "byte_fallback", false)) build_.start_unigram_bytes();
    }

    /// Reads [token, id] of an older post-processor.
    std::int32_t token_of(value of) const {
        std::int32_t result = -1;
        std::size_t place = 0;
        of.for_each_element([&](value each) {
            if (place++ == 1) result = checked(each);
        });
        if (place != 2) of.fail({"expected a token and its id"});
        return result;
    }
    std::int32_t checked(value of) const {
        if (build_.result.tokens.size() == 0) of.fail({"there are no tokens"});
        return static_cast<std::int32_t>(of.whole_number(build_.result.tokens.size() - 1));
    }

    void read_post_processor(value of) {
        parts& to = build_.result;
        using kind = template_item::kind;
        const std::string_view name = type(of);
        if (name == "Sequence") {
            keys(of, {"type", "processors"});
            of["processors"].for_each_element([&](value each) { read_post_processor(each); });
            return;
        }
        if (name == "ByteLevel") {
            keys(of, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
            to.trims_offsets = flag(of, "trim_offsets", true);
            to.adds_blank = flag(of, "add_prefix_space", true);
            return;
        }
        if (std::exchange(has_template_, true)) of.fail({"two post-processors add tokens"});
        if (name == "TemplateProcessing") {
            keys(of, {"type", "single", "pair", "special_tokens"});
            to.single = read_template(of["single"], of["special_tokens"]);
            to.pair = read_template(of["pair"], of["special_tokens"]);
        } else if (name == "BertProcessing" || name == "RobertaProcessing") {
            const bool is_bert = name == "BertProcessing";
            if (is_bert) {
                keys(of, {"type", "sep", "cls"});
            } else {
                keys(of, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
                to.trims_offsets = flag(of, "trim_offsets", true);
                to.adds_blank = flag(of, "add_prefix_space", true);
            }
            const std::int32_t begin = token_of(of["cls"]), end = token_of(of["sep"]);
            const std::int32_t other = is_bert ? 1 : 0;
            to.single = {{kind::token, begin, 0}, {kind::first, 0, 0}, {kind::token, end, 0}};
            to.pair = to.single;
            if (!is_bert) to.pair.push_back({kind::token, end, 0});
            to.pair.push_back({kind::second, 0, other});
            to.pair.push_back({kind::token, end, other});
        } else {
            unknown(of, "post-processor");
        }
    }

    std::vector<template_item> read_template(value of, value tokens) const {
        std::vector<template_item> result;
        using kind = template_item::kind;
        std::size_t sequences = 0;
        of.for_each_element([&](value each) {
            keys(each, {"SpecialToken", "Sequence"});
            const bool is_token = each.has("SpecialToken");
            const value item = each[is_token ? "SpecialToken" : "Sequence"];
            const std::int32_t segment = id(item["type_id"]);
            const std::string_view name = item["id"].string();
            if (is_token) {
                tokens[name]["ids"].for_each_element([&](value number) {
                    result.push_back({kind::token, checked(number), segment});
                });
            } else if (name == "A" || name == "B") {
                result.push_back({name == "A" ? kind::first : kind::second, 0, segment});
                ++sequences;
            } else {
                item.fail({"the sequence \"", name, "\" is neither A nor B"});
            }
        });
        if (sequences == 0 || sequences > 2) of.fail({"holds ", sequences, " sequences"});
        return result;
    }

    void read_decoder(value of) {
        using kind = decoder_step::kind;
        auto& steps = build_.result.decoder;
        const std::string_view name = type(of);
        if (name == "Sequence") {
            keys(of, {"type", "decoders"});
            of["decoders"].for_each_element([&](value each) { read_decoder(each); });
            return;
        }
        decoder_step step;
        const bool in_bytes = !steps.empty() && (steps.back().is == kind::byte_letters ||
                                                 steps.back().is == kind::byte_fallback);
        if (name == "Fuse") {
            keys(of, {"type"});
            is_fused_ = true;
            return;
        }
        if (name == "Strip") {
            keys(of, {"type", "content", "start", "stop"});
            step.is = kind::strip;
            step.what = text(of, "content");
            step.count = static_cast<std::size_t>(of["start"].whole_number(1U << 16));
            const bool is_last_of_text = of["stop"].whole_number(1U << 16) != 0;
            if (!is_fused_ || is_last_of_text || step.what.empty() || uses(kind::byte_letters) ||
                uses(kind::strip)) {
                of.fail(
                    {"the decoder \"Strip\" is known only once, behind \"Fuse\" and with \"stop\" "
                     "0"});
            }
            steps.push_back(std::move(step));
            return;
        }
        if (in_bytes || is_fused_)
            of.fail({"the decoder \"", name, "\" behind bytes or \"Fuse\" is not known"});
        if (name == "ByteLevel") {
            keys(of, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
            step.is = kind::byte_letters;
        } else if (name == "ByteFallback") {
            keys(of, {"type"});
            step.is = kind::byte_fallback;
        } else if (name == "Replace") {
            keys(of, {"type", "pattern", "content"});
            const value pattern = of["pattern"];
            keys(pattern, {"String"});
            step.what = text(pattern, "String");
            step.with = text(of, "content");
        } else if (name == "Metaspace") {
            keys(of,
                 {"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
            step.is = kind::metaspace;
            step.what = text(of, "replacement");
            step.strips = prefix(of) != split_step::prefix::never;
        } else if (name == "WordPiece") {
            keys(of, {"type", "prefix", "cleanup"});
            step.is = kind::word_piece;
            step.what = text(of, "prefix");
            step.cleans = flag(of, "cleanup", true);
        } else {
            unknown(of, "decoder");
        }
        steps.push_back(std::move(step));
    }

    bool uses(decoder_step::kind is) const {
        for (const decoder_step& each : build_.result.decoder) {
            if (each.is == is) return true;
        }
        return false;
    }

    value root_;
    bool has_template_ = false;
    bool is_fused_ = false;
};

}  // namespace detail

/// Reads a tokenizer.json, the format of Hugging Face's package tokenizers, and gives the same
/// tokens and offsets (in bytes). It supports the steps of BERT, GPT-2, RoBERTa, Llama, Qwen,
/// Mistral, Gemma, T5, XLM-R, ModernBERT, Phi, OPT and CLIP. Padding is ignored. Throws io::error
/// if the file is not well-formed or has an unsupported step, which the message names.
SEQUENT_LAZY tokenizer from_json(const io::source& from) {
    const auto bytes = from.bytes();
    const io::json_document document({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                     from.name());
    return tokenizer(detail::json_reader<>(document, from.name()).read());
}

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
