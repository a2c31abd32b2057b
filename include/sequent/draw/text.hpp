#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "../joined_text.hpp"

/// Text for pictures: UTF-8 of any origin, counted and cut by code points.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// The number of bytes of the first code point; 0 if the text is not UTF-8.
SEQUENT_COLD inline std::size_t letter_length(std::string_view text) {
    const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80                     ? 1
                               : first >= 0xc2 && first <= 0xdf ? 2
                               : first >= 0xe0 && first <= 0xef ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t at = 1; at < length; ++at)
        if ((byte(at) & 0xc0u) != 0x80) return 0;
    if (length > 2) {
        // Overlong encodings, surrogates, and code points beyond Unicode.
        const unsigned second = byte(1);
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
            return 0;
        // XML does not allow U+FFFE and U+FFFF.
        if (first == 0xef && second == 0xbf && byte(2) > 0xbd) return 0;
    }
    return length;
}

}  // namespace detail

/// Text with visible characters only: control characters as their pictures (from U+2400 on), bytes
/// that are not UTF-8 as U+FFFD.
SEQUENT_COLD inline std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t length = detail::letter_length(text);
        const auto first = static_cast<unsigned char>(text[0]);
        if (length == 0) {
            result += "\xef\xbf\xbd";
        } else if (first < 0x20) {
            result += "\xe2\x90";
            result += static_cast<char>(0x80 + first);
        } else if (first == 0x7f) {
            result += "\xe2\x90\xa1";
        } else {
            result += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return result;
}

/// The number of code points of printable text.
inline int letters_in(std::string_view text) {
    int count = 0;
    for (const char each : text) count += (static_cast<unsigned char>(each) & 0xc0) != 0x80;
    return count;
}

/// The first `count` code points of printable text.
SEQUENT_COLD inline std::string_view first_letters(std::string_view text, int count) {
    std::size_t end = 0;
    while (end < text.size()) {
        if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80 && count-- == 0) break;
        ++end;
    }
    return text.substr(0, end);
}

/// Printable text of at most `most` code points; longer text ends with an ellipsis.
inline std::string elided(std::string_view text, int most) {
    if (letters_in(text) <= most) return std::string(text);
    return std::string(first_letters(text, most > 1 ? most - 1 : 0)) + "\xe2\x80\xa6";
}

/// A text followed by a number: "layer 3".
inline std::string numbered(std::string_view text, std::size_t number) {
    return joined_text({text, number});
}

namespace detail {

/// A JSON string that is safe within a script element of HTML.
SEQUENT_COLD inline std::string json_string(std::string_view text) {
    std::string result = "\"";
    const std::string shown = printable(text);
    for (std::size_t at = 0; at < shown.size(); ++at) {
        const char each = shown[at];
        const std::string_view three(shown.data() + at,
                                     std::min<std::size_t>(3, shown.size() - at));
        if (each == '"' || each == '\\') {
            result += '\\';
            result += each;
        } else if (each == '<' || each == '>' || each == '&') {
            result += each == '<' ? "\\u003c" : each == '>' ? "\\u003e" : "\\u0026";
        } else if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9") {
            // Some JavaScript parsers take these as line ends.
            result += three.back() == '\xa8' ? "\\u2028" : "\\u2029";
            at += 2;
        } else {
            result += each;
        }
    }
    return result + '"';
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::draw
