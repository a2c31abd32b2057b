#include "tabled_case.hpp"

using namespace shapes;

TEST_CASE("attention over a table of pairs by other scores agrees with plain loops",
          "[attention]") {
    check_tabled<tabled<17, 15, 16, capped<2>, true>, double>();
    check_tabled<tabled<65, 5, 3, graph>, float>();
    check_tabled<tabled<5, 17, 33, table>, double>();
}
