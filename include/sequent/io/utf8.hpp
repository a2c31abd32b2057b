#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// Returns true if `text` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no
/// surrogates, nothing above U+10FFFF.
constexpr bool is_utf8(std::string_view text) noexcept {
    std::size_t at = 0;
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    while (at < text.size()) {
        const unsigned lead = byte(at++);
        if (lead < 0x80) continue;
        const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4) return false;
        // Only the second byte can make a sequence overlong, a surrogate or too large.
        unsigned low = 0x80, high = 0xBF;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
        for (int index = 0; index < following; ++index, ++at) {
            if (at == text.size() || byte(at) < low || byte(at) > high) return false;
            low = 0x80;
            high = 0xBF;
        }
    }
    return true;
}

/// Appends `code`, a Unicode scalar value, as UTF-8.
inline void append_utf8(std::string& text, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

/// The byte that a token "<0x41>" represents; -1 for any other text. Vocabularies use such tokens
/// as fallback for bytes that no other token covers.
constexpr int fallback_byte(std::string_view text) noexcept {
    if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
    int result = 0;
    for (const char digit : text.substr(3, 2)) {
        const int value = digit >= '0' && digit <= '9'   ? digit - '0'
                          : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                          : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                                         : -1;
        if (value < 0) return -1;
        result = result * 16 + value;
    }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::io
