#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "aligned_text.hpp"
#include "normalizer.hpp"
#include "unicode.hpp"
#include "word_pattern.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A step of a pre-tokenizer, applied to each piece of the text.
struct split_step {
    enum class kind : std::uint8_t {
        words,        // split at matches of `pattern`
        text,         // split at matches of `what`
        bert,         // split at white space, which is removed, and around punctuation
        white_space,  // split at white space, which is removed
        digits,       // split around numbers
        punctuated,   // split at punctuation
        word_runs,    // pieces are the matches of \w+|[^\w\s]+
        blank_runs,   // split before each run of `what`
        blank,        // put a blank before the piece unless it begins with one
        metaspace,    // replace blanks by `what`, which begins pieces if `splits`
    };
    enum class behavior : std::uint8_t { isolated, removed, merged_before, merged_behind, joined };
    enum class prefix : std::uint8_t { never, first, always };
    kind is = kind::words;
    const word_pattern* pattern = nullptr;
    std::string what;
    behavior as = behavior::isolated;
    bool inverted = false;  // the gaps between matches take the role of matches
    bool splits = true;
    prefix before = prefix::always;
};

/// A piece of a text.
struct text_piece {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

SEQUENT_LAZY class pre_tokenizer {
  public:
    using step = split_step;
    using kind = step::kind;
    using behavior = step::behavior;

    std::vector<step> steps;

    /// Splits `text` into pieces. `is_first`: it is the beginning of the original text. `other` and
    /// `spare` are temporary memory.
    void apply(aligned_text& text, std::vector<text_piece>& pieces, bool is_first,
               aligned_text& other, std::vector<text_piece>& spare) const {
        pieces.clear();
        if (text.text.empty()) return;
        pieces.push_back({0, static_cast<std::uint32_t>(text.text.size())});
        for (const step& each : steps) {
            spare.clear();
            if (each.is == kind::blank || each.is == kind::metaspace) {
                rewrite(each, text, pieces, is_first, other);
                if (each.is == kind::blank || !each.splits) continue;
            }
            for (const text_piece piece : pieces) split(each, text.text, piece, spare);
            pieces.swap(spare);
        }
    }

  private:
    static const unicode_data<>& unicode() { return unicode_data<>::get(); }

    /// Collects matches and gaps as pieces.
    class gathering {
      public:
        gathering(const step& of, std::size_t begin, std::vector<text_piece>& to)
            : of_(of), begin_(begin), to_(to) {}

        void add(std::size_t begin, std::size_t end, bool is_match) {
            if (begin == end) return;
            const text_piece piece{static_cast<std::uint32_t>(begin),
                                   static_cast<std::uint32_t>(end)};
            is_match = is_match != of_.inverted;
            const bool is_behind =
                any_ && !to_.empty() && to_.back().end == piece.begin && piece.begin > begin_;
            bool joins = false;
            switch (of_.as) {
                case behavior::removed:
                    if (is_match) return;
                    break;
                case behavior::isolated:
                    break;
                case behavior::merged_before:
                    joins = is_match && !before_;
                    break;
                case behavior::merged_behind:
                    joins = !is_match && before_;
                    break;
                case behavior::joined:
                    joins = is_match == before_;
                    break;
            }
            if (joins && is_behind) {
                to_.back().end = piece.end;
            } else {
                to_.push_back(piece);
            }
            any_ = true;
            before_ = is_match;
        }

      private:
        const step& of_;
        std::size_t begin_;
        std::vector<text_piece>& to_;
        bool any_ = false;
        bool before_ = false;
    };

    static void split(const step& of, std::string_view text, text_piece piece,
                      std::vector<text_piece>& to) {
        switch (of.is) {
            case kind::words:
                return split_words(of, text, piece, to);
            case kind::text:
            case kind::metaspace:
                return split_text(of, text, piece, to);
            case kind::bert:
                return split_bert(text, piece, to);
            case kind::white_space:
                return split_runs(
                    text, piece, [&](std::uint32_t code) { return is_white_space(code) ? 0 : 1; },
                    [&](text_piece each, int what) {
                        if (what == 1) to.push_back(each);
                    });
            case kind::word_runs:
                return split_runs(
                    text, piece,
                    [&](std::uint32_t code) {
                        return unicode().is_word(code) ? 2 : is_white_space(code) ? 0 : 1;
                    },
                    [&](text_piece each, int what) {
                        if (what != 0) to.push_back(each);
                    });
            case kind::digits:
                return split_around(of, text, piece, to, is_number);
            case kind::punctuated:
                return split_around(of, text, piece, to, is_punctuation);
            case kind::blank_runs: {
                std::uint32_t begin = piece.begin;
                text = text.substr(0, piece.end);
                for (std::size_t at = piece.begin; (at = text.find(of.what, at)) != text.npos;) {
                    if (at > begin) {
                        to.push_back({begin, static_cast<std::uint32_t>(at)});
                        begin = static_cast<std::uint32_t>(at);
                    }
                    do {
                        at += of.what.size();
                    } while (text.substr(at).starts_with(of.what));
                }
                return to.push_back({begin, piece.end});
            }
            case kind::blank:
                return;
        }
    }

    static constexpr bool is_ascii_mark(std::uint32_t code) {
        return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) ||
               (code >= 91 && code <= 96) || (code >= 123 && code <= 126);
    }
    static bool is_punctuation(std::uint32_t code) {
        if (code < 0x80) return is_ascii_mark(code);
        return unicode().is(code, punctuation);
    }

    static bool is_number(std::uint32_t code) {
        if (code < 0x80) return code >= '0' && code <= '9';
        return unicode().is(code, numbers);
    }

    /// Splits around each code point for which is(code).
    template <class Is>
    static void split_around(const step& of, std::string_view text, text_piece piece,
                             std::vector<text_piece>& to, Is is) {
        gathering result(of, piece.begin, to);
        for (std::size_t at = piece.begin; at < piece.end;) {
            std::size_t end = at;
            code_point each{};
            while (end < piece.end && !is((each = decode_utf8(text, end)).code)) end += each.length;
            result.add(at, end, false);
            if (end < piece.end) result.add(end, end + each.length, true);
            at = end + (end < piece.end ? each.length : 0);
        }
    }

    static void split_words(const step& of, std::string_view text, text_piece piece,
                            std::vector<text_piece>& to) {
        const word_matcher<> matcher(*of.pattern, text.substr(0, piece.end));
        const bool is_plain =
            of.as == behavior::isolated ||
            (of.as == behavior::removed && of.inverted);  // matches are pieces, as they are
        gathering result(of, piece.begin, to);
        for (std::size_t at = piece.begin; at < piece.end;) {
            std::size_t end = matcher.match(at);
            const bool is_match = end > at;
            if (!is_match) end = matcher.gap(at);
            if (is_plain) {
                if (is_match || of.as == behavior::isolated)
                    to.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
            } else {
                result.add(at, end, is_match);
            }
            at = end;
        }
    }

    static void split_text(const step& of, std::string_view text, text_piece piece,
                           std::vector<text_piece>& to) {
        gathering result(of, piece.begin, to);
        text = text.substr(0, piece.end);
        for (std::size_t at = piece.begin;;) {
            const std::size_t found = of.what.empty() ? text.npos : text.find(of.what, at);
            if (found == text.npos) return result.add(at, piece.end, false);
            result.add(at, found, false);
            at = found + of.what.size();
            result.add(found, at, true);
        }
    }

    /// Calls f(piece, kind) for each run of code points of one kind.
    template <class Kind, class F>
    static void split_runs(std::string_view text, text_piece piece, Kind kind_of, F f) {
        std::uint32_t begin = piece.begin;
        int before = -1;
        for (std::uint32_t at = piece.begin; at < piece.end;) {
            const code_point each = decode_utf8(text, at);
            const int now = kind_of(each.code);
            if (now != before && at > begin) {
                f(text_piece{begin, at}, before);
                begin = at;
            }
            before = now;
            at += each.length;
        }
        if (piece.end > begin) f(text_piece{begin, piece.end}, before);
    }

    static void split_bert(std::string_view text, text_piece piece, std::vector<text_piece>& to) {
        enum : std::uint8_t { space = 1, mark = 2 };
        static constexpr auto ascii = [] {
            std::array<std::uint8_t, 128> result{};
            for (std::uint32_t code = 0; code < result.size(); ++code)
                result[code] = is_white_space(code) ? space : is_ascii_mark(code) ? mark : 0;
            return result;
        }();
        std::uint32_t begin = piece.begin;
        for (std::uint32_t at = piece.begin; at < piece.end;) {
            const auto byte = static_cast<unsigned char>(text[at]);
            std::uint32_t length = 1;
            bool is_space = false, is_mark = false;
            if (byte < 0x80) {
                is_space = ascii[byte] == space;
                is_mark = ascii[byte] == mark;
            } else {
                const code_point each = decode_utf8(text, at);
                length = each.length;
                is_space = is_white_space(each.code);
                is_mark = !is_space && is_punctuation(each.code);
            }
            if (is_space || is_mark) {
                if (at > begin) to.push_back({begin, at});
                if (is_mark) to.push_back({at, at + length});
                begin = at + length;
            }
            at += length;
        }
        if (piece.end > begin) to.push_back({begin, piece.end});
    }

    /// Steps that change the text.
    static void rewrite(const step& of, aligned_text& text, std::vector<text_piece>& pieces,
                        bool is_first, aligned_text& other) {
        other.clear(text.is_tracked);
        for (text_piece& piece : pieces) {
            const std::string_view from = std::string_view(text.text).substr(0, piece.end);
            const auto begin = static_cast<std::uint32_t>(other.text.size());
            if (of.is == kind::blank) {
                if (from[piece.begin] != ' ') other.put(" ", text, piece.begin);
                other.copy(text, piece.begin, piece.end);
            } else {
                const bool begins =
                    from[piece.begin] == ' ' || from.substr(piece.begin).starts_with(of.what);
                const bool wanted =
                    of.before == step::prefix::always ||
                    (of.before == step::prefix::first && is_first && piece.begin == 0);
                if (wanted && !begins) other.put(of.what, text, piece.begin);
                for (std::size_t at = piece.begin; at < piece.end;) {
                    const std::size_t found = std::min<std::size_t>(from.find(' ', at), piece.end);
                    other.copy(text, at, found);
                    if (found < piece.end) other.put(of.what, text, found);
                    at = found + 1;
                }
            }
            piece = {begin, static_cast<std::uint32_t>(other.text.size())};
        }
        std::swap(text, other);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
