#include "attention_case.hpp"
#include "fused_attention.hpp"

using namespace shapes;

TEST_CASE("attention under masks agrees with plain loops", "[attention]") {
    check_fused<attention<16, 16, 4, causal, dots<4, 50>>, double>();
    check_fused<attention<17, 17, 2, later, dots<1>>, float>();
    check_fused<attention<33, 33, 5, window<7>, dots<3>>, float>();
    check_fused<attention<15, 17, 16, blocks, dots<2>>, double>();
    check_fused<attention<65, 17, 5, limited, dots<16>>, float>();
    check_fused<attention<65, 33, 3, strided, dots<5>>, double>();
    check_fused<attention<16, 65, 2, checkered, dots<1>>, float>();
    check_fused<attention<33, 33, 1, sinks, dots<2>>, double>();
}
