#pragma once

#include "attention_case.hpp"
#include "sequent/kernel/prepared_attention.hpp"

/// Attention with prepared weights beside plain loops.

namespace shapes {

template <class Base, bool Table = false>
struct prepared : Base {
    static constexpr bool is_table = Table;
    static constexpr int weight_row = (Base::columns + 15) / 16 * 16;
    static constexpr bool weight_gradient = true;

    static bool is_listed(int i, int j) { return (3 * i + 7 * j) % 5 < 2; }
    struct mask {
        static bool keeps(int i, int j, const int* counts) {
            return Base::mask::keeps(i, j, counts) && (!Table || is_listed(i, j));
        }
    };
    static const std::uint64_t* bits(int row) {
        static std::vector<std::uint64_t> words = [] {
            std::vector<std::uint64_t> result(to_size(2 * Base::rows));
            for (int i = 0; i < Base::rows; ++i)
                for (int j = 0; j < Base::columns; ++j)
                    if (is_listed(i, j))
                        result[to_size(2 * i + j / 64)] |= std::uint64_t{1} << (j % 64);
            return result;
        }();
        return words.data() + 2 * row;
    }
};

/// The values with number k of column c at k * pitch + c; NaN behind the last column.
template <class Shape, class T>
std::vector<T> turned(const problem<T>& of, int pitch) {
    std::vector<T> result(to_size(Shape::length * pitch), std::numeric_limits<T>::quiet_NaN());
    for (int c = 0; c < Shape::columns; ++c)
        for (int k = 0; k < Shape::length; ++k)
            result[to_size(k * pitch + c)] = of.value[c * Shape::value_column + k];
    return result;
}

template <class Shape, class T>
void check_prepared() {
    problem<T> of(form_of<Shape>(), Shape::rows);
    const int size = Shape::rows * Shape::weight_row;
    buffer<T> weights(size);
    buffer<T> weight_gradient(size);
    const auto check_now = [&] {
        const reference<T> right(of);
        kernel::attention_weights<Shape>(of.operands(), weights.get());
        kernel::weighted_sum<Shape>(weights.get(), of.value.get(), of.out.get(),
                                    kernel::all_rows<Shape::rows>{});
        require_out(of, right);
        of.clear_gradients();
        weight_gradient.fill(T(0));
        kernel::weighted_sum_gradient<Shape>(weights.get(), of.value.get(), of.out_gradient.get(),
                                             weight_gradient.get(), of.value_gradient.get());
        kernel::attention_weights_gradient<Shape>(of.operands(), weights.get(),
                                                  weight_gradient.get());
        require_gradients(of, right);
        const int part = (Shape::rows + 2) / 3;
        for (int row = 0; row < Shape::rows; row += part)
            kernel::weighted_sum<Shape>(weights.get(), of.value.get(), of.out.get(),
                                        kernel::row_range{row, std::min(row + part, Shape::rows)});
        require_out(of, right);
        // One row after another, from values as they lie and turned.
        constexpr int pitch = Shape::columns + 3;
        const std::vector<T> values = turned<Shape>(of, pitch);
        for (int row = 0; row < Shape::rows; ++row)
            kernel::weighted_row<Shape, 0>(weights.get(), of.value.get(), of.out.get(), row,
                                           Shape::columns, 0);
        require_out(of, right);
        for (int row = 0; row < Shape::rows; ++row)
            kernel::weighted_row<Shape, pitch>(weights.get(), values.data(), of.out.get(), row,
                                               Shape::columns, 0);
        require_out(of, right);
    };
    check_now();
    each_poison<T>(of, check_now);
}

}  // namespace shapes
