#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../config.hpp"
#include "unicode.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A regular expression with which published tokenizers split words. The expressions form one
/// family, whose members differ in these fields. Their alternatives in order: contraction, letters,
/// numbers, others, lines, spaces.
struct word_pattern {
    enum class letter_form : std::uint8_t {
        plain,  // \p{L}+
        blank,  // " ?\p{L}+"
        any,    // [^\r\n\p{L}\p{N}]?\p{L}+
        cased,  // [^\r\n\p{L}\p{N}]?, capitals, then small letters; contractions follow
    };
    std::string_view expression;
    letter_form letters_as = letter_form::blank;
    bool contractions = true;    // matched; for `cased` after the letters
    bool any_case = false;       // contractions match in any case
    std::size_t digits = 0;      // greatest number of adjacent digits; 0: " ?\p{N}+"
    bool blank = true;           // others may begin with a blank: " ?[^\s\p{L}\p{N}]+"
    std::string_view ends = {};  // others may end with any number of these characters
    bool lines = false;          // has the alternative \s*[\r\n]+
    bool spaces = true;          // has \s+(?!\S)|\s+; else white space separates words
};

inline constexpr std::array word_patterns = [] {
    using form = word_pattern::letter_form;
    return std::array{
        word_pattern{
            R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
        word_pattern{R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
        word_pattern{
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::any, true, true, 3, true, "\r\n", true, true},
        word_pattern{
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::any, true, true, 1, true, "\r\n", true, true},
        word_pattern{
            R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::cased, true, true, 3, true, "\r\n/", true, true},
        word_pattern{
            R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
            form::cased, false, true, 1, true, "\r\n/", true, true},
        word_pattern{R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)", form::plain,
                     true, false, 1, false, "", false, false},
        word_pattern{
            R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",
            form::plain, true, false, 1, false, "", false, false},
    };
}();

/// The pattern with exactly this expression; null if it is unknown.
constexpr const word_pattern* find_pattern(std::string_view expression) noexcept {
    for (const word_pattern& each : word_patterns) {
        if (each.expression == expression) return &each;
    }
    return nullptr;
}

/// Matches a word_pattern in text[0, end) of well-formed UTF-8.
SEQUENT_LAZY class word_matcher {
  public:
    word_matcher(const word_pattern& pattern, std::string_view text)
        : pattern_(pattern), text_(text), end_(text.size()) {}

    /// The end of the match that begins at `at`, which is less than `end`; `at` if there is none.
    std::size_t match(std::size_t at) const noexcept {
        using form = word_pattern::letter_form;
        const seen first = look(at);
        const std::size_t next = at + first.length;
        if (pattern_.letters_as == form::cased) {
            if (const std::size_t end = cased(at, first); end > at) return end;
        } else {
            if (pattern_.contractions && text_[at] == '\'') {
                if (const std::size_t end = contraction(at); end > at) return end;
            }
            if (first.is(letter)) return run(next, letter);
            const bool takes_first =
                pattern_.letters_as == form::any
                    ? !first.is(number) && text_[at] != '\r' && text_[at] != '\n'
                    : pattern_.letters_as == form::blank && text_[at] == ' ';
            if (takes_first && next < end_ && look(next).is(letter)) return run(next, letter);
        }
        const bool is_blank = text_[at] == ' ' && next < end_;
        if (pattern_.digits == 0) {
            if (first.is(number) || (is_blank && look(next).is(number))) return run(next, number);
        } else if (first.is(number)) {
            std::size_t end = next;
            for (std::size_t count = 1; count < pattern_.digits && end < end_; ++count) {
                const seen each = look(end);
                if (!each.is(number)) break;
                end += each.length;
            }
            return end;
        }
        if (first.is(other) || (pattern_.blank && is_blank && look(next).is(other))) {
            std::size_t end = run(next, other);
            while (end < end_ && pattern_.ends.find(text_[end]) != std::string_view::npos) ++end;
            return end;
        }
        if (!pattern_.spaces) return at;
        // White space: match up to its last line break, else all but its last code point if a word
        // follows.
        std::size_t end = at, last = at, line = at;
        while (end < end_) {
            const seen each = look(end);
            if (!each.is(space)) break;
            last = end;
            end += each.length;
            if (text_[last] == '\r' || text_[last] == '\n') line = end;
        }
        if (pattern_.lines && line > at) return line;
        return end < end_ && last > at ? last : end;
    }

    /// The end of the gap from `at` on, in which no match begins.
    std::size_t gap(std::size_t at) const noexcept { return run(at, space); }

  private:
    // The class of a code point: one of the first four; for letters also their case.
    enum : std::uint8_t { letter = 1, number = 2, space = 4, other = 8, capital = 16, small = 32 };

    struct seen {
        std::uint32_t kind;
        std::uint32_t length;
        bool is(std::uint32_t kinds) const noexcept { return (kind & kinds) != 0; }
    };

    static constexpr auto ascii = [] {
        std::array<std::uint8_t, 128> result{};
        for (std::size_t code = 0; code < result.size(); ++code) {
            const bool is_upper = code >= 'A' && code <= 'Z';
            const bool is_lower = code >= 'a' && code <= 'z';
            result[code] = is_upper                                           ? letter | capital
                           : is_lower                                         ? letter | small
                           : code >= '0' && code <= '9'                       ? number
                           : is_white_space(static_cast<std::uint32_t>(code)) ? space
                                                                              : other;
        }
        return result;
    }();

    seen look(std::size_t at) const noexcept {
        const auto byte = static_cast<unsigned char>(text_[at]);
        if (byte < 0x80) return {ascii[byte], 1};
        const code_point each = decode_utf8(text_, at);
        return {kind_of(each.code), each.length};
    }

    static std::uint32_t kind_of(std::uint32_t code) noexcept {
        constexpr std::uint32_t both = categories(category::lm, category::lo);
        const std::uint32_t bit = unicode_data<>::get().category_bit(code);
        if ((bit & letters) != 0) {
            return letter | ((bit & both) != 0                       ? capital | small
                             : (bit & categories(category::ll)) != 0 ? small
                                                                     : capital);
        }
        if ((bit & numbers) != 0) return number;
        if (is_white_space(code)) return space;
        return (bit & marks) != 0 ? other | capital | small : other;
    }

    std::size_t run(std::size_t at, std::uint32_t kinds) const noexcept {
        for (;;) {
            while (at < end_ && static_cast<unsigned char>(text_[at]) < 0x80) {
                if ((ascii[static_cast<unsigned char>(text_[at])] & kinds) == 0) return at;
                ++at;
            }
            if (at == end_) return at;
            const seen each = look(at);
            if (!each.is(kinds)) return at;
            at += each.length;
        }
    }

    /// The end of 's, 't, 're, 've, 'm, 'll or 'd at `at`; `at` if there is none.
    std::size_t contraction(std::size_t at) const noexcept {
        if (at + 1 >= end_ || text_[at] != '\'') return at;
        const auto letter_at = [&](std::size_t place) {
            const char code = place < end_ ? text_[place] : '\0';
            return pattern_.any_case && code >= 'A' && code <= 'Z' ? static_cast<char>(code + 32)
                                                                   : code;
        };
        const char one = letter_at(at + 1), two = letter_at(at + 2);
        if (one == 's' || one == 't' || one == 'm' || one == 'd') return at + 2;
        if ((one == 'r' && two == 'e') || (one == 'v' && two == 'e') || (one == 'l' && two == 'l'))
            return at + 3;
        // The long s (U+017F) is a case variant of s.
        const bool is_long = pattern_.any_case && text_.substr(at + 1, 2) == "\xC5\xBF";
        return is_long && at + 3 <= end_ ? at + 3 : at;
    }

    /// Both alternatives of letters of `cased`: [^\r\n\p{L}\p{N}]?, then U* l+ or U+ l*.
    std::size_t cased(std::size_t at, seen first) const noexcept {
        const bool skips = !first.is(letter | number) && text_[at] != '\r' && text_[at] != '\n' &&
                           at + first.length < end_;
        std::size_t end = at;
        if (skips) end = small_end(at + first.length);
        if (!skips || end == at + first.length) end = small_end(at);
        if (end == at && skips) {
            end = capital_end(at + first.length);
            if (end == at + first.length) end = at;
        }
        if (end == at) end = capital_end(at);
        if (end > at && pattern_.contractions) end = contraction(end);
        return end;
    }

    /// U* l+ from `at` on; `at` if it does not match.
    std::size_t small_end(std::size_t at) const noexcept {
        std::size_t end = at, last = at;  // last: after the last code point of U that is also in l
        while (end < end_) {
            const seen each = look(end);
            if (!each.is(capital)) break;
            end += each.length;
            if (each.is(small)) last = end;
        }
        const std::size_t all = run(end, small);
        return all > end ? all : last;
    }
    /// The end of U+ l* from `at` on. It is used if U* l+ does not match, so that no l follows.
    std::size_t capital_end(std::size_t at) const noexcept { return run(at, capital); }

    const word_pattern& pattern_;
    std::string_view text_;
    std::size_t end_;
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
