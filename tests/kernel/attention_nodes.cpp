#include "attention_case.hpp"
#include "fused_attention.hpp"

using namespace shapes;

TEST_CASE("attention by scores of several terms agrees with plain loops", "[attention]") {
    check_fused<attention<33, 15, 16, full, dots<16>>, double>();
    check_fused<attention<33, 16, 4, later, sloped<16>>, float>();
    check_fused<attention<2, 17, 5, strided, gated<2>>, double>();
    check_fused<attention<17, 5, 2, blocks, two_dots<1>>, float>();
    check_fused<attention<15, 33, 1, sinks, table>, double>();
}
