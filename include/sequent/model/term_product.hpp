#pragma once

#include <cstddef>

#include "../kernel/gathered_product.hpp"
#include "row_form.hpp"

/// The three products of a row term with a matrix, whose rows may be anywhere in memory: y from x,
/// the gradient of x, and the gradient of the matrix w.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The rows of w in memory: inputs if w_column is 1, else outputs.
template <class T>
constexpr kernel::row_places<T> rows_of_weight(const row_term& term, T* w) noexcept {
    return {nullptr, w, term.w_column == 1 ? term.w_depth : term.w_column};
}

/// y (=, +=) x w, with `rows` rows and `columns` outputs.
template <class T>
constexpr kernel::gathered_product<T> output_product(const row_term& term, int columns, int rows,
                                                     kernel::row_places<const T> x, const T* w,
                                                     kernel::row_places<T> y,
                                                     bool accumulate) noexcept {
    return {rows, columns,   term.depth, x, false, rows_of_weight(term, w), term.w_column != 1,
            y,    accumulate};
}

/// dx += dy w^T.
template <class T>
constexpr kernel::gathered_product<T> input_product(const row_term& term, int columns, int rows,
                                                    kernel::row_places<const T> dy, const T* w,
                                                    kernel::row_places<T> dx) noexcept {
    return {rows, term.depth, columns, dy, false, rows_of_weight(term, w), term.w_column == 1,
            dx,   true};
}

/// dw += x^T dy for `count` rows of w in memory, summed over `rows` rows of x and dy, which begin
/// at the first of these inputs or outputs.
template <class T>
constexpr kernel::gathered_product<T> weight_product(const row_term& term, int columns, int count,
                                                     int rows, kernel::row_places<const T> x,
                                                     kernel::row_places<const T> dy,
                                                     T* dw) noexcept {
    const bool by_input = term.w_column == 1;
    return {
        count, by_input ? columns : term.depth, rows, by_input ? x : dy, true, by_input ? dy : x,
        false, rows_of_weight(term, dw),        true};
}

/// Such a product with operands rounded to a format (packed_format); defined in model/rounded.hpp.
template <int Format, class T>
void multiply_rounded(const kernel::gathered_product<T>& of) noexcept;

}  // namespace sequent::inline SEQUENT_ABI::model_detail
