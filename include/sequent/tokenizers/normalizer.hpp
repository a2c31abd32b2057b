#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "aligned_text.hpp"
#include "charsmap.hpp"
#include "normal_form.hpp"
#include "unicode.hpp"

namespace sequent::inline SEQUENT_ABI::tokenizers::detail {

/// A step of a normalizer.
struct normalizer_step {
    enum class kind : std::uint8_t {
        nfc,
        nfd,
        nfkc,
        nfkd,
        lower_case,
        strip_accents,   // remove nonspacing marks (Mn)
        strip_marks,     // remove all marks
        strip,           // remove white space at the ends: `left`, `right`
        prepend,         // put `with` before the text unless it is empty
        replace,         // replace each `what` by `with`
        replace_spaces,  // replace runs of at least `least` white space code points by `with`
        replace_blanks,  // replace runs of at least `least` blanks (U+0020) by `with`
        bert,            // BERT's normalizer: `clean`, `chinese`, `accents`, `lower`
        charsmap,        // a charsmap, as the package tokenizers applies it
        sentencepiece,   // a charsmap, as SentencePiece applies it: `prefix`, `spaces`, `escape`
    };
    kind is = kind::nfc;
    std::string what;
    std::string with;
    std::size_t least = 1;
    bool left = false, right = false;
    bool clean = false, chinese = false, accents = false, lower = false;
    bool prefix = false, spaces = false, escape = false;
    bool always = false;  // `prefix` and `spaces` apply behind each added token, too
    detail::charsmap<> map;
};

inline constexpr std::string_view block = "\xE2\x96\x81";  // U+2581, SentencePiece's blank

SEQUENT_LAZY class normalizer {
  public:
    using step = normalizer_step;
    using kind = step::kind;

    std::vector<step> steps;

    /// Normalizes `text`, with `other` as temporary memory. `is_first`: it is the beginning of the
    /// whole text.
    void apply(aligned_text& text, aligned_text& other, bool is_first = true) const {
        for (const step& each : steps) {
            other.clear(text.is_tracked);
            apply(each, text, other, is_first);
            std::swap(text, other);
        }
    }

    /// The normalized form of a text, without offsets.
    std::string applied(std::string_view text) const {
        aligned_text result, other;
        result.assign(text, 0, false);
        apply(result, other);
        return result.text;
    }

  private:
    static const unicode_data<>& unicode() { return unicode_data<>::get(); }

    void apply(const step& of, const aligned_text& from, aligned_text& to, bool is_first) const {
        const std::string_view text = from.text;
        switch (of.is) {
            case kind::nfc:
            case kind::nfkc:
                return normal_form(from, to, of.is == kind::nfkc, true);
            case kind::nfd:
            case kind::nfkd:
                return normal_form(from, to, of.is == kind::nfkd, false);
            case kind::lower_case:
                return for_each_code(from, [&](std::uint32_t code, std::size_t at) {
                    put_lower(code, from, at, to);
                });
            case kind::strip_accents:
            case kind::strip_marks: {
                const std::uint32_t set =
                    of.is == kind::strip_marks ? marks : categories(category::mn);
                return for_each_code(from, [&](std::uint32_t code, std::size_t at) {
                    if (code < 0x80 || !unicode().is(code, set)) to.put(code, from, at);
                });
            }
            case kind::strip: {
                std::size_t begin = 0, end = text.size();
                while (of.left && begin < end) {
                    const code_point each = decode_utf8(text, begin);
                    if (!is_white_space(each.code)) break;
                    begin += each.length;
                }
                while (of.right && begin < end) {
                    const std::size_t length = length_before(text, begin, end);
                    if (!is_white_space(decode_utf8(text, end - length).code)) break;
                    end -= length;
                }
                return to.copy(from, begin, end);
            }
            case kind::prepend:
                if (!text.empty()) to.put(of.with, from, 0);
                return to.copy(from, 0, text.size());
            case kind::replace:
                return replace(of, from, to);
            case kind::replace_spaces:
                return replace_runs(of, from, to, is_white_space);
            case kind::replace_blanks:
                return replace_runs(of, from, to, [](std::uint32_t code) { return code == ' '; });
            case kind::bert:
                return bert(of, from, to);
            case kind::charsmap:
                return of.map.normalize(from, to);
            case kind::sentencepiece:
                return sentencepiece(of, from, to, is_first || of.always);
        }
    }

    template <class F>
    static void for_each_code(const aligned_text& from, F f) {
        for (std::size_t at = 0; at < from.text.size();) {
            const code_point each = decode_utf8(from.text, at);
            f(each.code, at);
            at += each.length;
        }
    }

    static void put_lower(std::uint32_t code, const aligned_text& from, std::size_t at,
                          aligned_text& to) {
        to.put(unicode().lower(code), from, at);
        if (code == 0x130) to.put(0x307, from, at);
    }

    static void replace(const step& of, const aligned_text& from, aligned_text& to) {
        const std::string_view text = from.text;
        for (std::size_t at = 0;;) {
            const std::size_t found = of.what.empty() ? text.npos : text.find(of.what, at);
            if (found == text.npos) return to.copy(from, at, text.size());
            to.copy(from, at, found);
            at = found + of.what.size();
            to.put(of.with, from, at - 1);
        }
    }

    template <class Is>
    static void replace_runs(const step& of, const aligned_text& from, aligned_text& to, Is is) {
        const std::string_view text = from.text;
        for (std::size_t at = 0; at < text.size();) {
            std::size_t end = at, count = 0;
            for (; end < text.size(); ++count) {
                const code_point each = decode_utf8(text, end);
                if (!is(each.code)) break;
                end += each.length;
            }
            if (count >= of.least) {
                to.put(of.with, from, end - 1);
            } else {
                if (count == 0) end = at + decode_utf8(text, at).length;
                to.copy(from, at, end);
            }
            at = end;
        }
    }

    static bool is_chinese(std::uint32_t code) noexcept {
        return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
               (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
               (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
               (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
    }

    /// BERT's normalizer in one pass: removes control characters, converts white space to blanks,
    /// puts blanks around ideographs, removes accents and converts to lower case. It does not
    /// reorder marks. That matters only for adjacent marks that are not accents (Mc with a
    /// combining class); the steps are then applied one by one.
    static void bert(const step& of, const aligned_text& from, aligned_text& to) {
        const std::string_view text = from.text;
        const std::size_t before = to.text.size();
        for (std::size_t at = 0; at < text.size();) {
            if (const std::size_t end = ascii_end(text, at); end > at) {
                const std::size_t begun = to.text.size();
                to.text.resize(begun + (end - at));
                char* next = to.text.data() + begun;
                for (; at < end; ++at) {
                    const char each = text[at];
                    const bool is_space = each == ' ' || (each >= 9 && each <= 13);
                    const bool is_break = each == '\t' || each == '\n' || each == '\r';
                    if (of.clean && !is_break && (each < 32 || each == 127)) continue;
                    *next++ = of.clean && is_space ? ' '
                              : of.lower && each >= 'A' && each <= 'Z'
                                  ? static_cast<char>(each + 32)
                                  : each;
                    if (to.is_tracked) to.ranges.push_back(from.ranges[at]);
                }
                to.text.resize(static_cast<std::size_t>(next - to.text.data()));
                continue;
            }
            const code_point each = decode_utf8(text, at);
            const std::size_t place = at;
            at += each.length;
            if (of.clean) {
                if (each.code == 0xFFFD || unicode().is(each.code, others)) continue;
                if (is_white_space(each.code)) {
                    to.put(" ", from, place);
                    continue;
                }
            }
            const bool apart = of.chinese && is_chinese(each.code);
            if (apart) to.put(" ", from, place);
            bool is_ordered = true;
            const auto put = [&](std::uint32_t code) {
                if (of.lower) {
                    put_lower(code, from, place, to);
                } else {
                    to.put(code, from, place);
                }
            };
            if (of.accents) {
                unicode().decompose(each.code, false, [&](std::uint32_t code) {
                    if (unicode().is(code, categories(category::mn))) return;
                    if (unicode().combining_class(code) != 0) is_ordered = false;
                    put(code);
                });
            } else {
                put(each.code);
            }
            if (apart) to.put(" ", from, place);
            if (!is_ordered) {
                to.text.resize(before);
                if (to.is_tracked) to.ranges.resize(before);
                return bert_step_by_step(of, from, to);
            }
        }
    }

    static void bert_step_by_step(const step& of, const aligned_text& from, aligned_text& to) {
        step first = of;
        first.accents = first.lower = false;
        normalizer rest;
        rest.steps.resize(of.lower ? 3 : 2);
        rest.steps[0].is = kind::nfd;
        rest.steps[1].is = kind::strip_accents;
        if (of.lower) rest.steps[2].is = kind::lower_case;
        aligned_text other;
        bert(first, from, to);
        rest.apply(to, other);
    }

    static void sentencepiece(const step& of, const aligned_text& from, aligned_text& to,
                              bool is_first) {
        const std::string_view text = from.text;
        const std::string_view blank = of.escape ? block : " ";
        const auto chunk = [&](std::size_t at) -> charsmap<>::match {
            if (!of.map.is_empty()) {
                if (const auto found = of.map.find(text.substr(at), true); found.length > 0)
                    return found;
            }
            const std::size_t length = decode_utf8(text, at).length;
            return {length, text.substr(at, length)};
        };
        std::size_t at = 0;
        while (of.spaces && is_first && at < text.size()) {
            const auto each = chunk(at);
            if (each.text != " ") break;
            at += each.length;
        }
        if (at == text.size()) return;
        if (of.prefix && is_first) to.put(blank, from, at);
        bool behind_blank = of.spaces && is_first;
        while (at < text.size()) {
            auto each = chunk(at);
            while (behind_blank && each.text.starts_with(' ')) each.text.remove_prefix(1);
            for (const char next : each.text)
                to.put(next == ' ' ? blank : std::string_view(&next, 1), from, at);
            if (!each.text.empty()) behind_blank = of.spaces && each.text.ends_with(' ');
            at += each.length;
        }
        while (of.spaces && to.text.ends_with(blank)) {
            to.text.resize(to.text.size() - blank.size());
            if (to.is_tracked) to.ranges.resize(to.text.size());
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::tokenizers::detail
