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

TEST_CASE("products of double against plain loops", "[product]") {
    check_plain<16, 17, 5, double>();
    check_left_transposed<2, 33, 17, double>();
    check_right_transposed<17, 5, 33, double>();
    check_both_transposed<33, 16, 1, double>();
}
