#pragma once

#include "attention_case.hpp"

/// Runs kernel::attention and its gradient on a problem.

namespace shapes {

template <class Shape, class T, class Range>
void forward(problem<Shape, T>& of, Range range) {
    kernel::attention<Shape>(of.operands(), of.value.get(), of.out.get(), of.normalizer.get(),
                             of.scores.get(), of.counts.data(), range);
}

template <class Shape, class T>
void forward(problem<Shape, T>& of) {
    forward(of, kernel::all_rows<Shape::rows>{});
}

template <class Shape, class T>
void backward(problem<Shape, T>& of) {
    of.clear_gradients();
    kernel::attention_gradient<Shape>(of.operands(), of.value.get(), of.out.get(),
                                      of.normalizer.get(), of.scores.get(), of.out_gradient.get(),
                                      of.value_gradient.get(), of.counts.data());
}

template <class Shape, class T>
void check_fused() {
    problem<Shape, T> of(Shape::rows);
    const auto compare = [&] {
        const reference<Shape, T> right(of);
        forward(of);
        backward(of);
        require_gradients(of, right);
        require_out(of, right);
    };
    compare();
    each_poison(of, compare);
}

/// Rows in three parts: one, a few, and the rest.
template <class Shape, class T>
void check_ranges() {
    problem<Shape, T> of(Shape::rows);
    const auto compare = [&] {
        const reference<Shape, T> right(of);
        forward(of, kernel::one_row{0});
        forward(of, kernel::row_range{1, 4});
        forward(of, kernel::row_range{4, Shape::rows});
        backward(of);
        require_gradients(of, right);
        require_out(of, right);
    };
    compare();
    each_poison(of, compare);
}

}  // namespace shapes
