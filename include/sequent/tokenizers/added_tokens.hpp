#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "unicode.hpp"
#include "vocabulary.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers {

/// A token that is found in a text before the text is split into words.
struct added_token {
    std::string text;           ///< text of the token
    std::int32_t id = 0;        ///< id of the token
    bool special = false;       ///< `decode` omits it by default
    bool single_word = false;   ///< not matched within a word
    bool strips_left = false;   ///< includes the white space before it
    bool strips_right = false;  ///< includes the white space after it
    bool normalized = false;    ///< matched in the normalized text, else in the original text
};

namespace detail {

/// A part of a text: an added token, or the text between such tokens (id `none`).
struct text_part_of {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t id = none;
};

/// Finds added tokens: the leftmost one, and the longest of those that begin there.
SEQUENT_LAZY class added_token_finder {
  public:
    /// Adds a token that matches `text`.
    void add(std::string_view text, const added_token& token) {
        if (!text.empty()) entries_.push_back({std::string(text), token});
    }

    /// Call once, after all tokens have been added.
    void prepare() {
        std::stable_sort(entries_.begin(), entries_.end(), [](const entry& one, const entry& two) {
            return one.text[0] != two.text[0] ? byte(one.text[0]) < byte(two.text[0])
                                              : one.text.size() > two.text.size();
        });
        firsts_.fill(none);
        for (std::size_t at = entries_.size(); at-- > 0;)
            firsts_[byte(entries_[at].text[0])] = static_cast<std::uint32_t>(at);
        has_one_first_ = !entries_.empty() && entries_[0].text[0] == entries_.back().text[0];
    }

    /// Splits `text` and appends its parts. Special tokens are only matched if `special`.
    void split(std::string_view text, bool special, std::vector<text_part_of>& parts) const {
        std::size_t begin = 0;
        for (std::size_t at = 0; at < text.size() && !entries_.empty();) {
            at = next_first(text, at);
            if (at == text.size()) break;
            const entry* const found = find(text, at);
            if (found == nullptr) {
                ++at;
                continue;
            }
            const added_token& token = found->token;
            std::size_t first = at, last = at + found->text.size();
            at = last;
            if (token.special && !special) continue;
            if (token.single_word && (is_word_before(text, first) || is_word_at(text, last)))
                continue;
            while (token.strips_left && first > begin) {
                const std::size_t length = length_before(text, begin, first);
                if (!is_white_space(decode_utf8(text, first - length).code)) break;
                first -= length;
            }
            while (token.strips_right && last < text.size()) {
                const code_point next = decode_utf8(text, last);
                if (!is_white_space(next.code)) break;
                last += next.length;
            }
            add_part(begin, first, none, parts);
            add_part(first, last, static_cast<std::uint32_t>(token.id), parts);
            begin = last;
            at = std::max(at, last);
        }
        add_part(begin, text.size(), none, parts);
    }

  private:
    struct entry {
        std::string text;
        added_token token;
    };

    static std::size_t byte(char of) noexcept { return static_cast<unsigned char>(of); }

    static void add_part(std::size_t begin, std::size_t end, std::uint32_t id,
                         std::vector<text_part_of>& parts) {
        if (begin < end) {
            parts.push_back(
                {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), id});
        }
    }

    /// Position of the next byte with which an entry begins; the text's size if there is none.
    std::size_t next_first(std::string_view text, std::size_t at) const noexcept {
        if (has_one_first_) return std::min(text.find(entries_[0].text[0], at), text.size());
        while (at < text.size() && firsts_[byte(text[at])] == none) ++at;
        return at;
    }

    const entry* find(std::string_view text, std::size_t at) const noexcept {
        for (std::size_t number = firsts_[byte(text[at])];
             number < entries_.size() && entries_[number].text[0] == text[at]; ++number) {
            if (text.substr(at).starts_with(entries_[number].text)) return &entries_[number];
        }
        return nullptr;
    }

    static bool is_word_before(std::string_view text, std::size_t at) {
        return at > 0 && unicode_data<>::get().is_word(
                             decode_utf8(text, at - length_before(text, 0, at)).code);
    }
    static bool is_word_at(std::string_view text, std::size_t at) {
        return at < text.size() && unicode_data<>::get().is_word(decode_utf8(text, at).code);
    }

    std::vector<entry> entries_;
    std::array<std::uint32_t, 256> firsts_{};
    bool has_one_first_ = false;
};

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::tokenizers
