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
#include "../joined_text.hpp"
#include "error.hpp"
#include "sorted.hpp"
#include "tensor_file.hpp"
#include "utf8.hpp"

namespace sequent::inline SEQUENT_ABI::io {

namespace detail {

/// Reads the JSON that a safetensors header may hold and nothing else: an object of tensors, and
/// `__metadata__`, an object of strings. It does not recurse, so no input exhausts the stack.
SEQUENT_LAZY class header_parser {
  public:
    header_parser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

    SEQUENT_COLD file_header parse() {
        file_header header;
        std::vector<std::size_t> places;  // where in the text the value of each tensor begins
        bool metadata_seen = false;
        // The format wants the brace in the first byte: no white space before it.
        if (text_.empty() || text_[0] != '{') fail({"expected '{'"});
        object([&](std::string name) {
            if (name == "__metadata__") {
                if (std::exchange(metadata_seen, true)) fail({"\"__metadata__\" stands twice"});
                if (!accept_null()) header.metadata = metadata();
                return;
            }
            places.push_back(at_);
            header.tensors.push_back(tensor(std::move(name)));
        });
        skip_space();
        if (at_ != text_.size()) fail({"expected the end of the header"});
        name_table names;
        for (std::size_t at = 0; at < places.size(); ++at) names.add(header.tensors[at].name, at);
        names.sort();
        if (const numbered_name* const again = names.repeated()) {
            at_ = places[again->number];
            fail({"tensor \"", again->name, "\" stands twice"});
        }
        return header;
    }

  private:
    SEQUENT_COLD metadata_map metadata() {
        metadata_map map;
        object([&](std::string key) {
            std::string value = string();
            if (map.contains(key)) fail({"metadata \"", key, "\" stands twice"});
            map[std::move(key)] = std::move(value);
        });
        return map;
    }

    SEQUENT_COLD header_entry tensor(std::string name) {
        header_entry entry;
        entry.name = std::move(name);
        bool dtype = false, shape = false, offsets = false;
        const auto first = [&](bool& seen, std::string_view key) {
            if (std::exchange(seen, true)) {
                fail({"tensor \"", entry.name, "\" has two ", key});
            }
        };
        object([&](const std::string& key) {
            if (key == "dtype") {
                first(dtype, key);
                entry.dtype = string();
            } else if (key == "shape") {
                first(shape, key);
                entry.shape = numbers();
            } else if (key == "data_offsets") {
                first(offsets, key);
                const auto pair = numbers();
                if (pair.size() != 2) {
                    fail({"tensor \"", entry.name, "\": data_offsets are two numbers, found ",
                          pair.size()});
                }
                entry.begin = pair[0];
                entry.end = pair[1];
            } else {
                fail({"tensor \"", entry.name, "\" has the unknown key \"", key, "\""});
            }
        });
        if (!dtype || !shape || !offsets) {
            fail({"tensor \"", entry.name, "\" lacks ",
                  !dtype   ? "dtype"
                  : !shape ? "shape"
                           : "data_offsets"});
        }
        return entry;
    }

    /// Calls `member(key)` behind the colon of each member; it reads the value.
    template <class Member>
    SEQUENT_COLD void object(Member member) {
        expect('{');
        if (accept('}')) return;
        do {
            std::string key = string();
            expect(':');
            member(std::move(key));
        } while (accept(','));
        expect('}');
    }

    SEQUENT_COLD std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> values;
        expect('[');
        if (accept(']')) return values;
        do {
            values.push_back(number());
        } while (accept(','));
        expect(']');
        return values;
    }

    SEQUENT_COLD std::uint64_t number() {
        constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
        skip_space();
        const std::size_t start = at_;
        std::uint64_t value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
            if (value > (largest - digit) / 10) fail({"the number is too large"});
            value = value * 10 + digit;
        }
        if (at_ == start) fail({"expected a whole number that is not negative"});
        if (text_[start] == '0' && at_ - start > 1) fail({"a number starts with 0"});
        return value;
    }

    SEQUENT_COLD std::string string() {
        expect('"');
        std::string value;
        for (;;) {
            const char next = take();
            if (next == '"') break;
            if (static_cast<unsigned char>(next) < 0x20) fail({"a control character in a string"});
            if (next == '\\') {
                escape(value);
            } else {
                value += next;
            }
        }
        if (!is_utf8(value)) fail({"a string is not UTF-8"});
        return value;
    }

    SEQUENT_COLD void escape(std::string& value) {
        const char kind = take();
        switch (kind) {
            case '"':
            case '\\':
            case '/':
                value += kind;
                return;
            case 'b':
                value += '\b';
                return;
            case 'f':
                value += '\f';
                return;
            case 'n':
                value += '\n';
                return;
            case 'r':
                value += '\r';
                return;
            case 't':
                value += '\t';
                return;
            case 'u':
                break;
            default:
                fail({"an unknown escape"});
        }
        std::uint32_t code = four_digits();
        if (code >= 0xDC00 && code <= 0xDFFF) fail({"half a surrogate pair"});
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (take() != '\\' || take() != 'u') fail({"half a surrogate pair"});
            const std::uint32_t low = four_digits();
            if (low < 0xDC00 || low > 0xDFFF) fail({"half a surrogate pair"});
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        append_utf8(value, code);
    }

    std::uint32_t four_digits() {
        std::uint32_t value = 0;
        for (int index = 0; index < 4; ++index) {
            const char digit = take();
            const int figure = digit >= '0' && digit <= '9'   ? digit - '0'
                               : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                               : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                              : -1;
            if (figure < 0) fail({"expected four hexadecimal digits"});
            value = value * 16 + static_cast<std::uint32_t>(figure);
        }
        return value;
    }

    char take() {
        if (at_ == text_.size()) fail({"a string has no end"});
        return text_[at_++];
    }

    bool accept_null() {
        skip_space();
        if (!text_.substr(at_).starts_with("null")) return false;
        at_ += 4;
        return true;
    }

    SEQUENT_COLD bool accept(char wanted) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    void expect(char wanted) {
        if (!accept(wanted)) fail({"expected '", std::string_view(&wanted, 1), "'"});
    }

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    [[noreturn]] SEQUENT_COLD void fail(std::initializer_list<text_part> what) const {
        fail_with<error>({file_, ": header, byte ", at_, ": ", joined_text(what)});
    }

    std::string_view text_;
    std::string_view file_;
    std::size_t at_ = 0;
};

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

}  // namespace detail

/// Reads the JSON of a safetensors header. Strict: unknown or repeated keys, numbers other than
/// whole ones and text that is not UTF-8 are errors. `file` is named in the messages.
SEQUENT_LAZY
SEQUENT_COLD file_header parse_header(std::string_view json, std::string_view file) {
    return detail::header_parser<>(json, file).parse();
}

/// The JSON of a header: metadata first, then the tensors in their order. Names and metadata must
/// be UTF-8.
SEQUENT_LAZY
SEQUENT_COLD std::string format_header(const file_header& header) {
    std::string json = "{";
    const auto key = [&](std::string_view name) {
        if (json.back() != '{') json += ',';
        detail::append_json_string(json, name);
        json += ':';
    };
    if (!header.metadata.empty()) {
        key("__metadata__");
        json += '{';
        for (const auto& [name, value] : header.metadata) {
            key(name);
            detail::append_json_string(json, value);
        }
        json += '}';
    }
    for (const auto& entry : header.tensors) {
        key(entry.name);
        json += "{\"dtype\":";
        detail::append_json_string(json, entry.dtype);
        json += ",\"shape\":[";
        for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
            if (axis > 0) json += ',';
            append_text(json, {entry.shape[axis]});
        }
        append_text(json, {"],\"data_offsets\":[", entry.begin, ",", entry.end, "]}"});
    }
    json += '}';
    return json;
}

}  // namespace sequent::inline SEQUENT_ABI::io
