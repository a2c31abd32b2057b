#include "sequent/kernel/tabled_attention.hpp"

#include "tabled_case.hpp"

using namespace shapes;

TEST_CASE("attention over a table of pairs agrees with plain loops", "[attention]") {
    check_tabled<tabled<1, 17, 2, dots<1, 30>>, double>(true);
    check_tabled<tabled<33, 65, 5, dots<5, 30>>, float>(true, kernel::all_rows<33>{});
    check_tabled<tabled<16, 33, 2, gated<17>, true>, float>();
}
