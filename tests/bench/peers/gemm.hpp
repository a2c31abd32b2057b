#pragma once

#include "../cases.hpp"

namespace bench {

/// What a peer's product is made for. C is rows x columns, row-major, as A and B are where they are
/// stored; the strides of their rows count elements.
struct gemm_shape {
    form which;
    int rows, columns, depth;
    int a_row, b_row, c_row;
    bool accumulate = false;
};

}  // namespace bench

// A peer's header defines, in the namespace bench,
//   struct peer          with name(), version() and start(), called first
//   class gemm           made from a gemm_shape; gemm(a, b, c) does the product
//   takes_right_transposed   false if that form costs the peer a transposition at every call
#include BENCH_PEER
