#include "sequent/kernel/product.hpp"

#include "product_case.hpp"

using namespace products;

// Each size of 1, 2, 5, 15, 16, 17, 33 and 65 in each place, and each form with few and many rows,
// columns and depths.
TEST_CASE("products against plain loops", "[product]") {
    using T = float;
    check_plain<1, 33, 5, T>();
    check_plain<2, 5, 17, T>();
    check_plain<17, 16, 65, T>();
    check_plain<65, 17, 2, T>();
    check_left_transposed<1, 17, 33, T>();
    check_left_transposed<5, 2, 15, T>();
    check_left_transposed<16, 65, 1, T>();
    check_left_transposed<33, 15, 16, T>();
    check_right_transposed<1, 65, 17, T>();
    check_right_transposed<2, 16, 5, T>();
    check_right_transposed<15, 1, 33, T>();
    check_right_transposed<33, 33, 65, T>();
    check_both_transposed<1, 5, 16, T>();
    check_both_transposed<16, 15, 2, T>();
    check_both_transposed<65, 33, 15, T>();
}

// One row with more weights than an L2 cache holds of each, whose rows are read one after another.
TEST_CASE("products of one row from memory against plain loops", "[product]") {
    using kernel::detail::product_plan, kernel::product_shape;
    static constexpr product_shape adds{1, 501, 139, 1, 2, 505, 1, 501, true};
    static_assert(product_plan<adds, float>::streamed);
    compare<adds, float>();
    static_assert(
        product_plan<product_shape{1, 4133, 17, 17, 1, 4133, 1, 4133, false}, float>::streamed);
    check_plain<1, 4133, 17, float>();
    check_plain<1, 259, 129, double>();
}

// Parts of A at a distance before each other, as in a dilated convolution.
template <int Rows, int Columns, int Depth, class T>
void check_parts() {
    constexpr int parts = 3, step = -2 * Depth;
    constexpr kernel::product_shape s{Rows, Columns, Depth, Depth, 1,   Columns,
                                      1,    Columns, true,  parts, step};
    static_assert(kernel::detail::product_plan<s, T>::takes_splits);
    const auto a = matrix<T>(Rows + 4, Depth, Depth, 1, 1);
    const auto b = matrix<T>(parts * Depth, Columns, Columns, 1, 2);
    const auto before = matrix<T>(Rows, Columns, Columns, 1, 3);
    for (const int rows : {Rows, Rows - 1, 1}) {
        auto c = before;
        kernel::product<s>(a.data() + 4 * Depth, b.data(), c.data(), rows, Depth);
        sequent_test::largest error;
        for (int i = 0; i < Rows; ++i)
            for (int j = 0; j < Columns; ++j) {
                const auto at = static_cast<std::size_t>(i * Columns + j);
                double sum = static_cast<double>(before[at]);
                for (int part = 0; part < parts && i < rows; ++part)
                    for (int k = 0; k < Depth; ++k)
                        sum += static_cast<double>(
                                   a[static_cast<std::size_t>((i + 4 - 2 * part) * Depth + k)]) *
                               static_cast<double>(
                                   b[static_cast<std::size_t>((part * Depth + k) * Columns + j)]);
                error.add(std::abs(static_cast<double>(c[at]) - sum));
            }
        CHECK(error.value() <= 100 * static_cast<double>(std::numeric_limits<T>::epsilon()));
    }
}
TEST_CASE("products of parts against plain loops", "[product]") {
    check_parts<64, 16, 16, float>();
    check_parts<21, 8, 5, float>();
    check_parts<7, 19, 3, double>();
}

TEST_CASE("products of double against plain loops", "[product]") {
    check_plain<16, 17, 5, double>();
    check_left_transposed<2, 33, 17, double>();
    check_right_transposed<17, 5, 33, double>();
    check_both_transposed<33, 16, 1, double>();
}
