#pragma once

#include <limits>

#include "../language/function.hpp"
#include "list.hpp"

/// The ranges of the numbers that the functions of a rule accept.

namespace sequent::inline SEQUENT_ABI {

/// The ranges as types, whose names the compiler prints. Ranges of float apply to models of double,
/// too, because a program does not know its number type.
namespace mistake::range {
/// Not infinite, not NaN.
struct finite {};
/// In [0, largest double].
struct at_least_0_and_finite {};
/// In [smallest normal float, largest float].
struct above_0_and_finite_in_float {};
/// In [0, 1 - 2^-24].
struct from_0_to_below_1_in_float {};
/// In [0, infinity].
struct at_least_0 {};
/// In [1, infinity].
struct at_least_1 {};
}  // namespace mistake::range

namespace plan {

/// The ranges as values; `any` has no limits.
enum class number_range {
    any,
    finite,
    at_least_0_and_finite,
    above_0_and_finite_in_float,
    from_0_to_below_1_in_float,
    at_least_0,
    at_least_1
};

/// Returns true if the range contains the value. No range but `any` contains NaN.
constexpr bool is_within(number_range range, double value) {
    switch (range) {
        case number_range::finite:
            return value >= std::numeric_limits<double>::lowest() &&
                   value <= std::numeric_limits<double>::max();
        case number_range::at_least_0_and_finite:
            return value >= 0 && value <= std::numeric_limits<double>::max();
        case number_range::above_0_and_finite_in_float:
            return value >= static_cast<double>(std::numeric_limits<float>::min()) &&
                   value <= static_cast<double>(std::numeric_limits<float>::max());
        case number_range::from_0_to_below_1_in_float:
            return value >= 0 && value <= 1 - static_cast<double>(5.9604645e-8F);  // 1 - 2^-24
        case number_range::at_least_0:
            return value >= 0;
        case number_range::at_least_1:
            return value >= 1;
        default:
            return true;
    }
}

/// A number outside of its range, and the function to which it is given.
struct refused_number {
    name function{};
    double given = 0;                        ///< the number
    number_range range = number_range::any;  ///< its range
};

/// A number as text with up to six significant digits, in constant expressions.
struct number_text {
    char characters[16]{};  ///< the text
    int length = 0;

    /// Converts a number.
    constexpr explicit number_text(double value) {
        if (value != value) {
            push("nan");
            return;
        }
        if (value < 0) push("-");
        if (value < 0) value = -value;
        if (value > std::numeric_limits<double>::max()) {
            push("inf");
            return;
        }
        int exponent = 0;
        for (; value >= 10; value /= 10) ++exponent;
        for (; value > 0 && value < 1; value *= 10) --exponent;
        int digits = static_cast<int>(value * 100000 + 0.5);
        if (digits >= 1000000) {
            digits /= 10;
            ++exponent;
        }
        const bool is_scientific = exponent > 5 || exponent < -4;
        const int before = is_scientific ? 0 : exponent;  // place of the first digit
        int power = 100000;
        if (before < 0) push("0.");
        for (int place = -1; place > before; --place) push("0");
        for (int place = before; power > 0 && (place >= 0 || digits > 0); --place) {
            if (place == -1 && before >= 0) push(".");
            const char digit[2]{static_cast<char>('0' + digits / power), 0};
            push(digit);
            digits %= power;
            power /= 10;
        }
        if (!is_scientific) return;
        push(exponent < 0 ? "e-" : "e");
        if (exponent < 0) exponent = -exponent;
        for (int place = exponent > 99 ? 100 : exponent > 9 ? 10 : 1; place > 0; place /= 10) {
            const char digit[2]{static_cast<char>('0' + exponent / place % 10), 0};
            push(digit);
        }
    }

  private:
    constexpr void push(const char* text) {
        for (; *text; ++text) characters[length++] = *text;
    }
};

}  // namespace plan
}  // namespace sequent::inline SEQUENT_ABI
