#pragma once

#include <string>
#include <string_view>

#include "config.hpp"

namespace sequent::inline SEQUENT_ABI {

/// Appends text as a string of JSON (RFC 8259).
SEQUENT_LAZY
SEQUENT_COLD void append_json_string(std::string& json, std::string_view text) {
    constexpr std::string_view hexadecimal = "0123456789abcdef";
    json += '"';
    for (const char next : text) {
        if (next == '"' || next == '\\') {
            json += '\\';
            json += next;
        } else if (const auto code = static_cast<unsigned char>(next); code < 0x20) {
            json += "\\u00";
            json += hexadecimal[code >> 4];
            json += hexadecimal[code & 15];
        } else {
            json += next;
        }
    }
    json += '"';
}

}  // namespace sequent::inline SEQUENT_ABI
