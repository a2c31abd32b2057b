#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"
#include "sequent/kernel/product.hpp"

/// Products beside plain loops in double.

namespace products {

namespace kernel = sequent::kernel;

/// Elements of a rows x columns matrix of the given strides, NaN between them.
template <class T>
std::vector<T> matrix(int rows, int columns, int row, int column, unsigned seed) {
    const auto last = static_cast<std::size_t>((rows - 1) * row + (columns - 1) * column);
    std::vector<T> x(last + 1, std::numeric_limits<T>::quiet_NaN());
    for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < columns; ++j) {
            seed = seed * 1664525u + 1013904223u;
            x[static_cast<std::size_t>(i * row + j * column)] =
                static_cast<T>(static_cast<int>(seed >> 24) - 128) / T(128);
        }
    }
    return x;
}

template <class T>
void check_product(const kernel::product_shape& s, const std::vector<T>& a, const std::vector<T>& b,
                   const std::vector<T>& before, const std::vector<T>& after, int rows, int depth) {
    INFO(s.rows << " x " << s.columns << " x " << s.depth << ", " << rows << " rows, depth "
                << depth << ", strides " << s.a_row << " " << s.a_depth << " " << s.b_depth << " "
                << s.b_column);
    sequent_test::largest error;
    bool any_finite = false;
    const double tolerance = (depth + 1) * static_cast<double>(std::numeric_limits<T>::epsilon());
    for (std::size_t at = 0; at < before.size(); ++at) {
        const int i = static_cast<int>(at) / s.c_row;
        const int j = static_cast<int>(at) % s.c_row;
        if (i >= rows || j >= s.columns) {
            if (after[at] != before[at]) FAIL("wrote beside row " << i << ", column " << j);
            continue;
        }
        double sum = s.accumulate ? static_cast<double>(before[at]) : 0.0;
        for (int k = 0; k < depth; ++k)
            sum += static_cast<double>(a[static_cast<std::size_t>(i * s.a_row + k * s.a_depth)]) *
                   static_cast<double>(b[static_cast<std::size_t>(k * s.b_depth + j * s.b_column)]);
        if (std::isfinite(sum)) {
            error.add(std::abs(static_cast<double>(after[at]) - sum) /
                      std::max(1.0, std::abs(sum)));
            any_finite = true;
        } else if (std::isnan(sum) ? !std::isnan(after[at]) : static_cast<double>(after[at]) != sum)
            FAIL(after[at] << " is not " << sum);
    }
    // Of no rows nothing is written, and a row with infinity has no finite number.
    if (any_finite) CHECK(error.value() <= tolerance);
}

/// All rows, then some, of all depths and some. Matrices begin one number off their alignment.
template <kernel::product_shape S, class T>
void compare() {
    std::vector<T> a = matrix<T>(S.rows, S.depth, S.a_row, S.a_depth, 1);
    std::vector<T> b = matrix<T>(S.depth, S.columns, S.b_depth, S.b_column, 2);
    std::vector<T> before(static_cast<std::size_t>(S.rows * S.c_row));
    for (std::size_t i = 0; i < before.size(); ++i) before[i] = static_cast<T>(i % 7) - T(3);
    std::vector<T> off_a(a.size() + 1), off_b(b.size() + 1), c(before.size() + 1);
    const auto place = [](const std::vector<T>& from, std::vector<T>& to) {
        std::copy(from.begin(), from.end(), to.begin() + 1);
        return to.data() + 1;
    };
    const auto compare_now = [&](int rows, int depth, auto multiply) {
        const T* left = place(a, off_a);
        const T* right = place(b, off_b);
        multiply(left, right, place(before, c));
        check_product(S, a, b, before, std::vector<T>(c.begin() + 1, c.end()), rows, depth);
    };
    const auto whole = [](const T* x, const T* y, T* to) { kernel::product<S>(x, y, to); };
    compare_now(S.rows, S.depth, whole);
    // An extreme number in a corner of A, then of B.
    const T inf = std::numeric_limits<T>::infinity();
    const T small = std::numeric_limits<T>::denorm_min() * 5;
    const T large = std::numeric_limits<T>::max() / 8;
    for (std::vector<T>* matrix : {&a, &b})
        for (const T extreme :
             {std::numeric_limits<T>::quiet_NaN(), inf, -inf, large, -large, small, -T(0)})
            for (T* at : {&matrix->front(), &matrix->back()}) {
                INFO(extreme << " in " << (matrix == &a ? "A" : "B"));
                const T given = *at;
                *at = extreme;
                compare_now(S.rows, S.depth, whole);
                *at = given;
            }
    for (const int rows : {0, 1, S.rows / 2, S.rows - 1, S.rows})
        for (const int depth : {0, 1, S.depth / 2, S.depth})
            compare_now(rows, depth, [&](const T* x, const T* y, T* to) {
                kernel::product<S>(x, y, to, rows, depth);
            });
}

// The four forms: each operand as it is or transposed, with and without space between the rows.

template <int M, int N, int K, class T>
void check_plain() {
    compare<kernel::product_shape{M, N, K, K, 1, N, 1, N, false}, T>();
}
template <int M, int N, int K, class T>
void check_left_transposed() {
    compare<kernel::product_shape{M, N, K, 1, M + 1, N + 2, 1, N + 3, true}, T>();
}
template <int M, int N, int K, class T>
void check_right_transposed() {
    compare<kernel::product_shape{M, N, K, K + 1, 1, 1, K + 2, N + 3, true}, T>();
}
template <int M, int N, int K, class T>
void check_both_transposed() {
    compare<kernel::product_shape{M, N, K, 1, M, 1, K, N, false}, T>();
}

}  // namespace products
