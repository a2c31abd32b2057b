#include "attention_case.hpp"
#include "fused_attention.hpp"

using namespace shapes;

// Other masks stand beside the score nodes: later, blocks, sinks, padded and narrow windows.
TEST_CASE("attention under masks agrees with plain loops", "[attention]") {
    check_fused<attention<33, 33, 5, window<7>, dots<3>>, float>();
    check_fused<attention<65, 17, 5, limited, dots<16>>, float>();
    check_fused<attention<65, 33, 3, strided, dots<5>>, double>();
    check_fused<attention<16, 65, 2, checkered, dots<1>>, float>();
    check_fused<attention<33, 33, 5, documents, dots<3>>, double>();
}

TEST_CASE("attention with scores that are kept agrees with plain loops", "[attention]") {
    check_fused<attention<33, 33, 5, causal, dots<5, 50>, true>, float>();
}
