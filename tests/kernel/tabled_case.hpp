#pragma once

#include "attention_case.hpp"
#include "sequent/kernel/tabled_attention.hpp"

/// Attention over tables of pairs beside plain loops.

namespace shapes {

/// Any pairs; the columns before counts[0] of them, if it clips.
template <bool Clips>
struct scattered {
    static constexpr plan::space space = space_of({piece_of({}, {count_of(0)})});
    static bool is_listed(int i, int j) { return (3 * i + 7 * j) % 5 < 2 || i % 9 == 1; }
    static bool keeps(int i, int j, const int* counts) {
        return is_listed(i, j) && (!Clips || j < counts[0]);
    }
};

template <int Rows, int Columns, int Length, class Score, bool Clips = false>
struct tabled : attention<Rows, Columns, Length, scattered<Clips>, Score> {
    static constexpr bool clips = Clips;
};

/// `whole` are all rows, as a range of any kind.
template <class Shape, class T, class Range = kernel::row_range>
void check_tabled(bool equal_scores = false, Range whole = {0, Shape::rows}) {
    const kernel::mask_table table(Shape::rows, Shape::columns, Shape::mask::is_listed);
    const auto attend = [&](problem<T>& of, auto range) {
        kernel::attention<Shape>(table, of.operands(), of.value.get(), of.out.get(),
                                 of.normalizer.get(), of.counts.data(), range);
    };
    const auto forward = [&](problem<T>& of) { attend(of, whole); };
    const auto in_parts = [&](problem<T>& of) {
        attend(of, kernel::row_range{0, Shape::rows / 2});
        attend(of, kernel::row_range{Shape::rows / 2, Shape::rows});
    };
    const auto backward = [&](problem<T>& of) {
        of.clear_gradients();
        kernel::attention_gradient<Shape>(table, of.operands(), of.value.get(), of.out.get(),
                                          of.normalizer.get(), of.out_gradient.get(),
                                          of.value_gradient.get(), of.counts.data());
    };
    check_case<T>(form_of<Shape>(), forward, backward);
    check_case<T>(form_of<Shape>(), in_parts, backward);
    if (equal_scores) check_equal_scores<T>(form_of<Shape>(), forward, backward);
}

}  // namespace shapes
