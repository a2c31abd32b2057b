#include "attention_case.hpp"
#include "fused_attention.hpp"

using namespace shapes;

// The other score nodes are in attention_nodes.cpp.
TEST_CASE("attention by scores with biases and functions agrees with plain loops", "[attention]") {
    check_fused<attention<5, 17, 3, window<3>, biased<2>>, float>();
    check_fused<attention<17, 17, 2, causal, packed<5>>, double>();
    check_fused<attention<15, 15, 16, causal, capped<3>>, float>();
    check_fused<attention<16, 33, 1, padded, graph>, double>();
}
