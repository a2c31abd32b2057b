#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "config.hpp"
#include "fail.hpp"

/// Floating-point numbers as text, independent of the locale: with a decimal point, without
/// grouping.

namespace sequent::inline SEQUENT_ABI {

/// The number with at most `precision` significant digits, as "%.<precision>g" of C writes it in
/// the C locale.
inline std::string number_text(double value, int precision) {
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   std::chars_format::general, precision)
                         .ptr;
    return {text.data(), end};
}

/// The shortest text from which the same number is read.
inline std::string number_text(double value) {
    std::array<char, 64> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

/// The number with `decimals` digits after the decimal point, at most 20.
inline std::string fixed_text(double value, int decimals) {
    std::array<char, 352> text{};  // 309 digits of the largest double, sign, point, decimals
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   std::chars_format::fixed, decimals)
                         .ptr;
    return {text.data(), end};
}

/// Throws Error("<what> is <value>, expected <expected>") unless `valid`.
template <class Error>
void check_number(bool valid, std::string_view what, double value, std::string_view expected) {
    if (valid) return;
    fail<Error>(std::string(what)
                    .append(" is ")
                    .append(number_text(value))
                    .append(", expected ")
                    .append(expected));
}

}  // namespace sequent::inline SEQUENT_ABI
