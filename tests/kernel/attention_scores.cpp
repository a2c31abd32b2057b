#include "attention_case.hpp"
#include "fused_attention.hpp"

using namespace shapes;

TEST_CASE("attention by all score nodes agrees with plain loops", "[attention]") {
    check_fused<attention<5, 17, 3, window<3>, biased<2>>, float>();
    check_fused<attention<17, 17, 2, causal, packed<5>>, double>();
    check_fused<attention<15, 15, 16, causal, capped<3>>, float>();
    check_fused<attention<16, 33, 1, padded, graph>, double>();
    check_fused<attention<33, 16, 4, later, sloped<16>>, float>();
    check_fused<attention<2, 17, 5, strided, gated<2>>, double>();
    check_fused<attention<17, 5, 2, blocks, two_dots<1>>, float>();
    check_fused<attention<15, 33, 1, sinks, table>, double>();
}

TEST_CASE("attention with scores that are kept agrees with plain loops", "[attention]") {
    check_fused<attention<33, 33, 5, causal, dots<5, 50>, true>, float>();
    check_fused<attention<17, 65, 2, window<7>, dots<3>, true>, double>();
}
