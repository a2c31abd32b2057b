#include "prepared_case.hpp"

using namespace shapes;

TEST_CASE("attention with prepared weights under masks agrees with plain loops", "[attention]") {
    check_prepared<prepared<attention<33, 16, 3, full, dots<5>>, true>, float>();
    check_prepared<prepared<attention<16, 65, 17, checkered, table>>, float>();
    check_prepared<prepared<attention<17, 5, 15, sinks, table>, true>, double>();
}
