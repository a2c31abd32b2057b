#include <sequent/graphs.hpp>
#include <sequent/nn.hpp>

#include "on_pool.hpp"

using namespace sequent;

TEST_CASE("a graph on several threads has the bits of one") {
    check::has_the_same_bits<
        graph::attention<nodes<200>, edges<900>, edge_width<5>, width<48>, heads<3>>>(170);
}
