#include "sequent/kernel/product.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"

namespace kernel = sequent::kernel;

namespace {

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
        error.add(std::abs(static_cast<double>(after[at]) - sum));
    }
    // Of no rows nothing is written.
    if (rows > 0) CHECK(error.value() <= tolerance);
}

template <kernel::product_shape S, class T>
void compare() {
    const std::vector<T> a = matrix<T>(S.rows, S.depth, S.a_row, S.a_depth, 1);
    const std::vector<T> b = matrix<T>(S.depth, S.columns, S.b_depth, S.b_column, 2);
    std::vector<T> before(static_cast<std::size_t>(S.rows * S.c_row));
    for (std::size_t i = 0; i < before.size(); ++i) before[i] = static_cast<T>(i % 7) - T(3);

    std::vector<T> c = before;
    kernel::product<S>(a.data(), b.data(), c.data());
    check_product(S, a, b, before, c, S.rows, S.depth);

    const int some_rows[] = {0, 1, S.rows / 2, S.rows - 1, S.rows};
    const int some_depths[] = {0, 1, S.depth / 2, S.depth};
    for (const int rows : some_rows) {
        for (const int depth : some_depths) {
            c = before;
            kernel::product<S>(a.data(), b.data(), c.data(), rows, depth);
            check_product(S, a, b, before, c, rows, depth);
        }
    }
}

/// The four forms: each operand as it is or transposed, with and without space between the rows.
template <int M, int N, int K, class T>
void check_forms() {
    compare<kernel::product_shape{M, N, K, K, 1, N, 1, N, false}, T>();
    compare<kernel::product_shape{M, N, K, 1, M + 1, N + 2, 1, N + 3, true}, T>();
    compare<kernel::product_shape{M, N, K, K + 1, 1, 1, K + 2, N + 3, true}, T>();
    compare<kernel::product_shape{M, N, K, 1, M, 1, K, N, false}, T>();
}

}  // namespace

TEMPLATE_TEST_CASE("products of small sizes", "[product]", float, double) {
    using T = TestType;
    check_forms<1, 1, 1, T>();
    check_forms<1, 33, 5, T>();
    check_forms<2, 3, 17, T>();
    check_forms<3, 2, 1, T>();
    check_forms<5, 16, 8, T>();
    check_forms<7, 100, 2, T>();
    check_forms<16, 16, 16, T>();
    check_forms<17, 17, 17, T>();
}

// With checks of every address, these take minutes to compile.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("products of middle sizes", "[product]") {
    check_forms<33, 33, 31, double>();
    check_forms<2, 300, 64, double>();
    using T = float;
    check_forms<33, 1, 33, T>();
    check_forms<13, 9, 65, T>();
    check_forms<33, 33, 31, T>();
    check_forms<65, 65, 65, T>();
    check_forms<100, 100, 100, T>();
    check_forms<2, 300, 64, T>();
}

TEST_CASE("products of more than one block of depth", "[product]") {
    check_forms<1, 390, 90, double>();
    check_forms<9, 40, 700, double>();
    using T = float;
    check_forms<9, 40, 700, T>();
    check_forms<1, 20, 1500, T>();
    check_forms<1, 390, 90, T>();
    check_forms<3, 1030, 140, T>();
    check_forms<100, 520, 260, T>();
}
#endif

TEST_CASE("one row against a matrix that no cache holds", "[product]") {
    // Read in its own order: row by row, or rows side by side.
    compare<kernel::product_shape{1, 8209, 133, 133, 1, 8212, 1, 8209, true}, float>();
    compare<kernel::product_shape{1, 8209, 133, 133, 1, 1, 135, 8209, false}, float>();
}
