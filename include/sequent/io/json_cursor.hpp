#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "../config.hpp"
#include "../joined_text.hpp"
#include "error.hpp"
#include "utf8.hpp"

namespace sequent::inline SEQUENT_ABI::io::detail {

/// Lexer of all JSON readers of this library (RFC 8259). Error messages begin with `file`, then
/// `part` (such as ": header"), then the position.
SEQUENT_LAZY class json_cursor {
  public:
    json_cursor(std::string_view text, std::string_view file, std::string_view part = "")
        : text_(text), file_(file), part_(part) {}

    /// The next character that is not white space; 0 at the end.
    char peek() {
        skip_space();
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    /// Calls member(key) for each member of an object, after the colon; `member` reads the value.
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

    SEQUENT_COLD std::uint64_t whole_number() {
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

    bool accept_word(std::string_view word) {
        skip_space();
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }

    bool accept(char wanted) {
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
        fail_with<error>({file_, part_, ", byte ", at_, ": ", joined_text(what)});
    }

  protected:
    std::string_view text_;
    std::size_t at_ = 0;

  private:
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

    std::string_view file_;
    std::string_view part_;
};

}  // namespace sequent::inline SEQUENT_ABI::io::detail
