#include "sequent/kernel/prepared_attention.hpp"

#include "prepared_case.hpp"

using namespace shapes;

TEST_CASE("attention with prepared weights agrees with plain loops", "[attention]") {
    check_prepared<prepared<attention<2, 1, 1, full, table>>, float>();
    check_prepared<prepared<attention<65, 65, 5, causal, dots<2, 50>>>, float>();
    check_prepared<prepared<attention<15, 33, 16, later, graph>>, double>();
}
