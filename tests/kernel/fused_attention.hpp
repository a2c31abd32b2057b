#pragma once

#include "attention_case.hpp"
#include "sequent/kernel/attention.hpp"

/// Runs kernel::attention and its gradient on a problem.

namespace shapes {

template <class Shape, class T, class Range>
void forward(problem<T>& of, Range range) {
    kernel::attention<Shape>(of.operands(), of.value.get(), of.out.get(), of.normalizer.get(),
                             of.scores.get(), of.counts.data(), range);
}

template <class Shape, class T>
void backward(problem<T>& of) {
    of.clear_gradients();
    kernel::attention_gradient<Shape>(of.operands(), of.value.get(), of.out.get(),
                                      of.normalizer.get(), of.scores.get(), of.out_gradient.get(),
                                      of.value_gradient.get(), of.counts.data());
}

template <class Shape, class T>
void check_fused(bool equal_scores = false) {
    const auto attend = [](problem<T>& of) { forward<Shape>(of, kernel::all_rows<Shape::rows>{}); };
    check_case<T>(form_of<Shape>(), attend, &backward<Shape, T>);
    if (equal_scores) check_equal_scores<T>(form_of<Shape>(), attend, &backward<Shape, T>);
}

/// Rows in three parts: one, a few, and the rest.
template <class Shape, class T>
void check_ranges() {
    const auto attend = [](problem<T>& of) {
        forward<Shape>(of, kernel::one_row{0});
        forward<Shape>(of, kernel::row_range{1, 4});
        forward<Shape>(of, kernel::row_range{4, Shape::rows});
    };
    check_case<T>(form_of<Shape>(), attend, &backward<Shape, T>);
    check_equal_scores<T>(form_of<Shape>(), attend, &backward<Shape, T>);
}

}  // namespace shapes
