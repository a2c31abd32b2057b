#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/error.hpp"
#include "../joined_text.hpp"
#include "tokenizer.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// Fills in the parts of a tokenizer; shared by the readers of all file formats.
SEQUENT_LAZY class builder {
  public:
    parts result;
    std::string_view blank = block;  // the text of a blank in tokens
    std::vector<bool> is_apart;      // tokens that neither begin words nor result from merges

    explicit builder(std::string name) { result.name = std::move(name); }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<io::error>({result.name, ": ", joined_text(what)});
    }

    void add_token(std::string_view text) {
        result.tokens.add(text);
        result.is_token.push_back(true);
    }

    /// The id of the token with this text. Throws io::error, which names `what`, if there is none.
    std::uint32_t id_of(std::string_view text, std::string_view what) const {
        const std::uint32_t id = result.tokens.find(text);
        if (id == none || !result.is_token[id])
            fail({what, ": \"", text, "\" is not in the vocabulary"});
        return id;
    }

    /// Adds an added token, which may already be in the vocabulary.
    void add_added(added_token token) {
        const auto id = static_cast<std::uint32_t>(token.id);
        const std::uint32_t known = result.tokens.find(token.text);
        if (known != none && result.is_token[known] && known != id && !token.text.empty()) {
            fail({"the added token \"", token.text, "\" has the id ", id,
                  ", in the vocabulary it is ", known});
        }
        if (id >= result.tokens.size() + most_holes) {
            fail({"the added token \"", token.text, "\" has the id ", id, ", the vocabulary has ",
                  result.tokens.size(), " tokens"});
        }
        if (id < result.tokens.size() && result.is_token[id] && result.tokens[id] != token.text) {
            fail({"the added token \"", token.text, "\" has the id ", id, " of \"",
                  result.tokens[id], "\""});
        }
        while (result.tokens.size() < id) {
            result.tokens.add("");
            result.is_token.push_back(false);
        }
        if (result.tokens.size() == id) {
            add_token(token.text);
        } else if (!result.is_token[id]) {
            fail({"the added token \"", token.text, "\" has the id ", id,
                  ", which comes before those of others"});
        }
        result.added.push_back(std::move(token));
    }

    /// Finds the tokens of single bytes or code points, from which merges start. `by_bytes`: tokens
    /// are written in GPT-2's alphabet of bytes. `fallback`: tokens like <0x41> encode the bytes of
    /// code points without a token. `suffix` ends the last token of a word.
    void start_pairs(bool by_bytes, bool fallback, std::string_view suffix = "") {
        auto& to = result.pair_encoding;
        to.by_bytes = by_bytes;
        to.bytes.fill(none);
        to.last_bytes.fill(none);
        std::string bytes;
        const std::uint32_t count = result.tokens.size();
        for (std::uint32_t id = 0; id < count; ++id) {
            std::string_view text = result.tokens[id];
            if (text.empty()) continue;
            if (const int byte = fallback_byte(text); byte >= 0 && fallback) {
                auto& known = to.bytes[static_cast<std::size_t>(byte)];
                if (known == none) known = id;
            }
            if (is_apart.size() > id && is_apart[id]) continue;
            const bool is_last =
                !suffix.empty() && text.size() > suffix.size() && text.ends_with(suffix);
            if (is_last) text.remove_suffix(suffix.size());
            const bool is_letter = decode_utf8(text, 0).length == text.size();
            if (by_bytes) {
                if (is_letter && bytes_of_letters(text, bytes)) {
                    auto& ids = is_last ? to.last_bytes : to.bytes;
                    ids[static_cast<unsigned char>(bytes[0])] = id;
                }
                continue;
            }
            if (is_letter) {
                auto& list = is_last ? to.last_starts : to.starts;
                list.add(text);
                (is_last ? to.last_ids : to.start_ids).push_back(id);
            }
        }
        if (by_bytes && suffix.empty()) to.last_bytes = to.bytes;
    }

    /// Adds the merge of two tokens to the token with the concatenated text.
    void add_merge(std::string_view left, std::string_view right, std::uint32_t rank) {
        const std::uint32_t one = id_of(left, "merges"), two = id_of(right, "merges");
        joined_.assign(left).append(right);
        result.pair_encoding.merges.set(one, two, {rank, id_of(joined_, "merges")});
        crosses_ = crosses_ || (right.starts_with(blank) && !left.ends_with(blank));
    }

    /// Adds the merges of all pairs of tokens whose concatenated text is a token, in descending
    /// order of that token's score.
    void add_scored_merges(std::span<const float> scores) {
        const auto& tokens = result.tokens;
        const auto is_word = [&](std::uint32_t id) {
            return id != none && !(is_apart.size() > id && is_apart[id]);
        };
        std::vector<std::uint32_t> order;
        for (std::uint32_t id = 0; id < tokens.size(); ++id) {
            if (!std::isfinite(scores[id])) fail({"the score of token ", id, " is not finite"});
            if (is_word(id)) order.push_back(id);
        }
        std::stable_sort(order.begin(), order.end(), [&](std::uint32_t one, std::uint32_t two) {
            return scores[one] > scores[two];
        });
        std::uint32_t rank = 0;
        for (std::size_t at = 0; at < order.size(); ++at) {
            const std::string_view text = tokens[order[at]];
            if (at > 0 && scores[order[at]] < scores[order[at - 1]]) ++rank;
            if (tokens.find(text) != order[at]) continue;
            for (std::size_t split = 1; split < text.size(); ++split) {
                const auto byte = static_cast<unsigned char>(text[split]);
                if ((byte & 0xC0) == 0x80) continue;
                const std::string_view left = text.substr(0, split), right = text.substr(split);
                if (is_word(tokens.find(left)) && is_word(tokens.find(right)))
                    add_merge(left, right, rank);
            }
        }
    }

    /// Call after adding merges: if the text is not split into words and no merge joins a blank to
    /// a different text before it, splits the text before blanks, which gives the same tokens.
    void split_at_blanks() {
        auto& pairs = result.pair_encoding;
        if (crosses_ || pairs.whole_words || pairs.by_bytes || pairs.last_starts.size() > 0 ||
            pairs.starts.find(blank) == none) {
            return;
        }
        split_step step;
        step.is = split_step::kind::blank_runs;
        step.what = blank;
        result.pre_tokenizer.steps.push_back(std::move(step));
    }

    /// Lets words that are tokens be found directly instead of by merges.
    void find_whole_words(bool by_bytes) {
        auto& pairs = result.pair_encoding;
        pairs.whole_words = true;
        std::string bytes;
        for (std::uint32_t id = 0; id < result.tokens.size(); ++id) {
            const std::string_view text = result.tokens[id];
            if (!result.is_token[id] || (by_bytes && !bytes_of_letters(text, bytes))) continue;
            pairs.words.add(by_bytes ? std::string_view(bytes) : text);
            pairs.word_ids.push_back(id);
        }
    }

    /// Finds the tokens like <0x41> that encode the bytes of unknown code points.
    void start_unigram_bytes() {
        auto& to = result.unigram;
        to.bytes.fill(none);
        for (std::uint32_t id = result.tokens.size(); id-- > 0;) {
            if (const int byte = fallback_byte(result.tokens[id]); byte >= 0)
                to.bytes[static_cast<std::size_t>(byte)] = id;
        }
        to.has_bytes = true;
        for (const std::uint32_t id : to.bytes) to.has_bytes = to.has_bytes && id != none;
    }

    static constexpr std::uint32_t most_holes = 1U << 16;

  private:
    std::string joined_;
    bool crosses_ = false;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
