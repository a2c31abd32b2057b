#include "sequent/kernel/attention.hpp"

#include "attention_case.hpp"
#include "fused_attention.hpp"

using namespace shapes;

// The sizes 1, 2, 5, 15, 16, 17, 33 and 65 as rows, columns, length and depth stand in the tests of
// attention together: masks, scores and nodes are in files of their own.
TEST_CASE("attention of all sizes agrees with plain loops", "[attention]") {
    check_fused<attention<1, 1, 1, full, dots<1>>, float>();
    check_fused<attention<2, 5, 2, full, dots<2, 30>>, double>(true);
    check_fused<attention<5, 2, 15, padded, dots<5>>, float>();
    check_fused<attention<65, 65, 33, full, dots<17, 30>>, float>();
}

TEST_CASE("some rows of attention are those of all", "[attention]") {
    check_ranges<attention<33, 33, 5, causal, dots<16, 30>>, float>();
}
