#include <sequent/nn.hpp>

#include "../model/check.hpp"

using namespace sequent;

namespace {

// Numbers in place of symbols, scales of branches, norms without bias, a part of each head turned,
// and the mean of the positions that exist, of length one.
using pooled =
    bert<vocabulary<1>, input_width<3>, tokens<5>, width<8>, heads<2>, hidden<6>, segments<0>,
         normalization::layer_without_bias<>, layer_scale<true>,
         position::rotary_halves<10, scaling::none, 50>, pooling::mean, unit_length<true>>;
using classified = bert<vocabulary<3>, tokens<4>, width<4>, heads<2>, hidden<3>, depth<2>,
                        pooling::first, classes<3>>;

}  // namespace

TEST_CASE("numbers in place of symbols, pooled to a vector of length one") {
    check::agrees<pooled>(4);
}
TEST_CASE("a text's class") {
    check::agrees<classified>(3);
}
