#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "unicode.hpp"
#include "vocabulary.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// WordPiece: takes the longest matching token from left to right; tokens after the first begin
/// with a prefix ("##"). A word without such tokens, or with too many code points, is unknown.
SEQUENT_LAZY class word_piece {
  public:
    /// Prepares the tokens of a list that contains `unknown`. `prefix` begins tokens that continue
    /// a word.
    void prepare(const text_list<>& tokens, std::string_view prefix, std::uint32_t unknown,
                 std::size_t longest_word) {
        unknown_ = unknown;
        longest_word_ = longest_word;
        for (std::uint32_t id = 0; id < tokens.size(); ++id) {
            add(first_, tokens[id], id);
            if (tokens[id].starts_with(prefix)) add(rest_, tokens[id].substr(prefix.size()), id);
        }
    }

    void append(std::string_view word, std::vector<word_token>& result) const {
        const std::size_t before = result.size();
        const auto length = static_cast<std::uint32_t>(word.size());
        bool is_unknown = false;
        if (word.size() > longest_word_) {
            std::size_t count = 0;
            for (const char byte : word) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
            is_unknown = count > longest_word_;
        }
        for (std::size_t at = 0; at < word.size() && !is_unknown;) {
            const side& from = at == 0 ? first_ : rest_;
            std::size_t size = std::min(word.size() - at, from.longest);
            std::uint32_t found = none;
            for (; size > 0; --size) {
                const bool is_whole = at + size == word.size() ||
                                      (static_cast<unsigned char>(word[at + size]) & 0xC0) != 0x80;
                if (!is_whole) continue;
                found = from.tokens.find(word.substr(at, size));
                if (found != none) break;
            }
            is_unknown = found == none;
            if (!is_unknown) {
                result.push_back({from.ids[found], static_cast<std::uint32_t>(at),
                                  static_cast<std::uint32_t>(at + size)});
            }
            at += size;
        }
        if (is_unknown) {
            result.resize(before);
            result.push_back({unknown_, 0, length});
        }
    }

  private:
    struct side {
        text_list<> tokens;
        std::vector<std::uint32_t> ids;
        std::size_t longest = 0;
    };

    static void add(side& to, std::string_view text, std::uint32_t id) {
        to.tokens.add(text);
        to.ids.push_back(id);
        to.longest = std::max(to.longest, text.size());
    }

    side first_;
    side rest_;
    std::uint32_t unknown_ = none;
    std::size_t longest_word_ = 100;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
