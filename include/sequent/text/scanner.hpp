#pragma once

#include <cstdint>

#include "decimal.hpp"
#include "mistakes.hpp"
#include "words.hpp"

/// Scans the characters of a text: names, numbers, signs, comments. The first mistake moves the
/// scanner to the end of the text.

namespace sequent::inline SEQUENT_ABI::text_detail {

constexpr bool is_digit(char character) {
    return character >= '0' && character <= '9';
}
constexpr bool is_capital(char character) {
    return character >= 'A' && character <= 'Z';
}
constexpr bool begins_name(char character) {
    return (character >= 'a' && character <= 'z') || is_capital(character) || character == '_';
}
constexpr bool is_of_name(char character) {
    return begins_name(character) || is_digit(character);
}

class scanner {
  public:
    text_fault fault = text_fault::none;
    int fault_at = 0;

  protected:
    const char* text_ = "";
    int size_ = 0;
    int at_ = 0;
    bool percent_begins_comment_ = true;

    constexpr scanner(const char* text, int size) : text_(text), size_(size) {}

    constexpr bool ok() const { return fault == text_fault::none; }
    constexpr void refuse(text_fault why, int where) {
        if (!ok()) return;
        fault = why;
        fault_at = where;
        at_ = size_;
    }
    constexpr void refuse(text_fault why) { refuse(why, next()); }

    constexpr char peek(int further = 0) const {
        return at_ + further < size_ ? text_[at_ + further] : '\0';
    }
    /// Skips spaces and comments and returns the position of the next token.
    constexpr int next() {
        for (;;) {
            const char seen = peek();
            if (seen == ' ' || seen == '\n' || seen == '\t' || seen == '\r')
                ++at_;
            else if ((seen == '/' && peek(1) == '/') || (seen == '%' && percent_begins_comment_))
                while (at_ < size_ && peek() != '\n') ++at_;
            else if (seen == '/' && peek(1) == '*')
                skip_comment();
            else
                return at_;
        }
    }
    constexpr void skip_comment() {
        const int begin = at_;
        int depth = 0;
        do {
            if (peek() == '/' && peek(1) == '*') {
                ++depth;
                ++at_;
            } else if (peek() == '*' && peek(1) == '/') {
                --depth;
                ++at_;
            }
            ++at_;
        } while (depth > 0 && at_ < size_);
        if (depth > 0) refuse(text_fault::a_comment_has_no_end, begin);
    }
    constexpr bool ends() { return next() >= size_; }
    constexpr bool sees(char sign) {
        next();
        return peek() == sign;
    }
    constexpr bool sees(char first, char second) {
        next();
        return peek() == first && peek(1) == second;
    }
    constexpr bool take(char sign) {
        if (!sees(sign)) return false;
        ++at_;
        return true;
    }
    constexpr bool take(char first, char second) {
        if (!sees(first, second)) return false;
        at_ += 2;
        return true;
    }
    constexpr void expect(char sign, text_fault otherwise) {
        if (!take(sign)) refuse(otherwise);
    }

    constexpr bool sees_name() {
        next();
        return begins_name(peek());
    }
    /// The next name, without consuming it.
    constexpr word seen_name() {
        next();
        int length = 0;
        if (begins_name(peek()))
            while (is_of_name(peek(length))) ++length;
        return {text_ + at_, length};
    }
    constexpr word take_name(text_fault otherwise = text_fault::a_name_is_expected) {
        const word name = seen_name();
        if (name.length == 0) refuse(otherwise);
        at_ += ok() ? name.length : 0;
        return name;
    }
    constexpr bool take_word(const word& wanted) {
        const word name = seen_name();
        if (!(name == wanted)) return false;
        at_ += name.length;
        return true;
    }

    constexpr int take_integer() {
        next();
        const bool negative = take('-');
        if (!negative) take('+');
        if (!is_digit(peek())) refuse(text_fault::an_integer_is_expected);
        long long value = 0;
        while (is_digit(peek())) {
            value = 10 * value + (text_[at_++] - '0');
            if (value > 2147483647) refuse(text_fault::an_integer_is_expected);
        }
        return static_cast<int>(negative ? -value : value);
    }
    /// Consumes a decimal number. Digits after the nineteenth only change the exponent.
    constexpr double take_number() {
        next();
        const bool negative = take('-');
        if (!negative) take('+');
        if (!is_digit(peek())) refuse(text_fault::a_number_is_expected);
        std::uint64_t digits = 0;
        int exponent = 0;
        const auto read_digits = [&](int step) {
            for (; is_digit(peek()); ++at_) {
                if (digits < 1000000000000000000ULL) {
                    digits = 10 * digits + static_cast<std::uint64_t>(peek() - '0');
                    exponent -= step;
                } else {
                    exponent += 1 - step;
                }
            }
        };
        read_digits(0);
        if (peek() == '.' && is_digit(peek(1))) {
            ++at_;
            read_digits(1);
        }
        const int sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
        if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
            const bool below = peek(1) == '-';
            at_ += 1 + sign;
            int power = 0;
            for (; is_digit(peek()); ++at_)
                if (power < 10000) power = 10 * power + (peek() - '0');
            exponent += below ? -power : power;
        }
        const double value = decimal(digits, exponent);
        return negative ? -value : value;
    }
    constexpr bool sees_number() {
        next();
        const int sign = peek() == '-' || peek() == '+' ? 1 : 0;
        return is_digit(peek(sign));
    }

    /// The position after the bracket that closes the next one.
    constexpr int after_closing(int from) const {
        int depth = 0;
        for (int at = from; at < size_; ++at) {
            const char seen = text_[at];
            if (seen == '(' || seen == '[' || seen == '{') ++depth;
            if (seen == ')' || seen == ']' || seen == '}') --depth;
            if (depth <= 0) return at + 1;
        }
        return size_;
    }
    /// The position of a sign that is known to follow.
    constexpr int first(int from, char sign) const {
        while (from < size_ && text_[from] != sign) ++from;
        return from;
    }
    /// The first character at or after a position that is not a space.
    constexpr char visible(int from, int further = 0) const {
        while (from < size_ && (text_[from] == ' ' || text_[from] == '\n' || text_[from] == '\t' ||
                                text_[from] == '\r'))
            ++from;
        return from + further < size_ ? text_[from + further] : '\0';
    }
};

}  // namespace sequent::inline SEQUENT_ABI::text_detail
