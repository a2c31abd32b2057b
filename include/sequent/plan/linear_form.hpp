#pragma once

#include "../config.hpp"

/// Linear forms of index expressions. A constraint between linear forms becomes bounds of loops.

namespace sequent::inline SEQUENT_ABI::plan {

namespace detail {

/// row * i + column * j + row_quotient * floor((i + row_shift) / row_divisor) + column_quotient *
/// floor((j + column_shift) / column_divisor) + offset + count_factor * count + remainder *
/// ((remainder_row * i + remainder_column * j + remainder_shift) mod modulus).
struct linear_form {
    int row = 0;
    int column = 0;
    int row_quotient = 0;
    int row_divisor = 1;
    int row_shift = 0;
    int column_quotient = 0;
    int column_divisor = 1;
    int column_shift = 0;
    int offset = 0;
    int count = -1;
    int count_factor = 0;
    int remainder = 0;
    int modulus = 1;
    int remainder_row = 0;
    int remainder_column = 0;
    int remainder_shift = 0;
    bool known = true;  ///< false: the expression has no such form

    /// Returns true if the form is row * i + column * j + offset.
    constexpr bool is_affine() const {
        return known && !row_quotient && !column_quotient && !remainder && !count_factor;
    }
};

/// The form of other expressions.
constexpr linear_form unknown_form() {
    linear_form form;
    form.known = false;
    return form;
}

/// The form times a factor.
constexpr linear_form scaled(linear_form form, int factor) {
    form.row *= factor;
    form.column *= factor;
    form.row_quotient *= factor;
    form.column_quotient *= factor;
    form.offset *= factor;
    form.count_factor *= factor;
    form.remainder *= factor;
    return form;
}

/// The sum of two forms; unknown if it needs two different quotients, counts or remainders.
constexpr linear_form added(linear_form left, const linear_form& right) {
    if (!left.known || !right.known) return unknown_form();
    left.row += right.row;
    left.column += right.column;
    left.offset += right.offset;
    if (right.row_quotient) {
        if (left.row_quotient &&
            (left.row_divisor != right.row_divisor || left.row_shift != right.row_shift))
            return unknown_form();
        left.row_quotient += right.row_quotient;
        left.row_divisor = right.row_divisor;
        left.row_shift = right.row_shift;
    }
    if (right.column_quotient) {
        if (left.column_quotient && (left.column_divisor != right.column_divisor ||
                                     left.column_shift != right.column_shift))
            return unknown_form();
        left.column_quotient += right.column_quotient;
        left.column_divisor = right.column_divisor;
        left.column_shift = right.column_shift;
    }
    if (right.count_factor) {
        if (left.count_factor && left.count != right.count) return unknown_form();
        left.count_factor += right.count_factor;
        left.count = right.count;
    }
    if (right.remainder) {
        if (left.remainder) return unknown_form();
        left.remainder = right.remainder;
        left.modulus = right.modulus;
        left.remainder_row = right.remainder_row;
        left.remainder_column = right.remainder_column;
        left.remainder_shift = right.remainder_shift;
    }
    return left;
}

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::plan
