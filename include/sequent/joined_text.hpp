#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "config.hpp"
#include "fail.hpp"

/// Messages that are concatenated from parts. A chain of operator+ over strings costs an overload
/// resolution in the compiler and inlined code in the program for each operand; these functions
/// cost one call.

namespace sequent::inline SEQUENT_ABI {

/// A piece of text or an integer. The text is not copied: it must outlive the object.
class text_part {
  public:
    /// Refers to the text.
    text_part(const char* text) noexcept : text_(text) {}
    /// Refers to the text.
    text_part(std::string_view text) noexcept : text_(text) {}
    /// Refers to the text.
    text_part(const std::string& text) noexcept : text_(text) {}
    /// An integer, written in decimal notation.
    text_part(int value) noexcept : text_part(static_cast<long long>(value)) {}
    /// An integer.
    text_part(long value) noexcept : text_part(static_cast<long long>(value)) {}
    /// An integer.
    text_part(long long value) noexcept : negative_(value < 0), is_number_(true) {
        const auto bits = static_cast<unsigned long long>(value);
        number_ = negative_ ? 0 - bits : bits;
    }
    /// An integer.
    text_part(unsigned value) noexcept : number_(value), is_number_(true) {}
    /// An integer.
    text_part(unsigned long value) noexcept : number_(value), is_number_(true) {}
    /// An integer.
    text_part(unsigned long long value) noexcept : number_(value), is_number_(true) {}
    /// Use a string of one character.
    text_part(char) = delete;
    /// Use number_text.
    text_part(double) = delete;

    /// Appends the text, or the digits of the integer.
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

/// Appends the parts to `result`, in their order.
SEQUENT_COLD inline void append_text(std::string& result, std::initializer_list<text_part> parts) {
    for (const text_part& part : parts) part.append_to(result);
}

/// The concatenation of the parts.
SEQUENT_COLD inline std::string joined_text(std::initializer_list<text_part> parts) {
    std::string result;
    append_text(result, parts);
    return result;
}

/// Throws Error with the concatenation of the parts as its message, by fail<Error>.
template <class Error>
[[noreturn]] SEQUENT_COLD void fail_with(std::initializer_list<text_part> parts) {
    fail<Error>(joined_text(parts));
}

/// Throws argument_error unless both sizes are equal. `what` names the argument, for example
/// "adam: the gradient".
inline void check_size(const char* what, std::size_t given, std::size_t expected) {
    if (given != expected)
        fail_with<argument_error>(
            {"sequent: ", what, " has ", given, " elements, expected ", expected});
}

}  // namespace sequent::inline SEQUENT_ABI
