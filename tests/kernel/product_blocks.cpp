#include "product_case.hpp"
#include "sequent/kernel/product.hpp"

using namespace products;

TEST_CASE("products of more than one block of depth", "[product]") {
    check_right_transposed<9, 40, 700, double>();
    using T = float;
    check_plain<9, 40, 700, T>();
    check_both_transposed<9, 40, 700, T>();
    check_right_transposed<1, 20, 1500, T>();
    check_left_transposed<1, 390, 90, T>();
    check_right_transposed<3, 1030, 140, T>();
}

TEST_CASE("one row against a matrix that no cache holds", "[product]") {
    // Read in its own order: row by row, or rows side by side.
    compare<kernel::product_shape{1, 8209, 133, 133, 1, 8212, 1, 8209, true}, float>();
    compare<kernel::product_shape{1, 8209, 133, 133, 1, 1, 135, 8209, false}, float>();
}

// Rows that are copied, since they fall on the same lines of the cache.
TEST_CASE("a product of many rows with a right operand of aliased rows", "[product]") {
    check_plain<192, 128, 9, float>();
}
