#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "config.hpp"
#include "fail.hpp"

/// Messages from parts. A chain of operator+ over strings costs the compiler an overload resolution
/// and the program an inlined copy of each operand; here both are one function call.

namespace sequent::inline SEQUENT_ABI {

/// A piece of text or a whole number. The text is only referred to.
class text_part {
  public:
    text_part(const char* text) noexcept : text_(text) {}
    text_part(std::string_view text) noexcept : text_(text) {}
    text_part(const std::string& text) noexcept : text_(text) {}
    text_part(int value) noexcept : text_part(static_cast<long long>(value)) {}
    text_part(long value) noexcept : text_part(static_cast<long long>(value)) {}
    text_part(long long value) noexcept : negative_(value < 0), is_number_(true) {
        const auto bits = static_cast<unsigned long long>(value);
        number_ = negative_ ? 0 - bits : bits;
    }
    text_part(unsigned value) noexcept : number_(value), is_number_(true) {}
    text_part(unsigned long value) noexcept : number_(value), is_number_(true) {}
    text_part(unsigned long long value) noexcept : number_(value), is_number_(true) {}
    text_part(char) = delete;
    text_part(double) = delete;

    void append_to(std::string& result) const {
        if (!is_number_) {
            result.append(text_.data(), text_.size());
            return;
        }
        char digits[24];
        std::size_t at = sizeof digits;
        unsigned long long rest = number_;
        do {
            digits[--at] = static_cast<char>('0' + rest % 10);
            rest /= 10;
        } while (rest != 0);
        if (negative_) digits[--at] = '-';
        result.append(digits + at, sizeof digits - at);
    }

  private:
    std::string_view text_;
    unsigned long long number_ = 0;
    bool negative_ = false;
    bool is_number_ = false;
};

/// Appends the parts, one after another.
SEQUENT_COLD inline void append_text(std::string& result, std::initializer_list<text_part> parts) {
    for (const text_part& part : parts) part.append_to(result);
}

/// The parts, one after another.
SEQUENT_COLD inline std::string joined_text(std::initializer_list<text_part> parts) {
    std::string result;
    append_text(result, parts);
    return result;
}

/// fail<Error> with a message from parts.
template <class Error>
[[noreturn]] SEQUENT_COLD void fail_with(std::initializer_list<text_part> parts) {
    fail<Error>(joined_text(parts));
}

/// Throws argument_error unless both sizes are equal; `what` is "adam: the gradient".
inline void check_size(const char* what, std::size_t given, std::size_t expected) {
    if (given != expected)
        fail_with<argument_error>(
            {"sequent: ", what, " has ", given, " elements, expected ", expected});
}

}  // namespace sequent::inline SEQUENT_ABI
