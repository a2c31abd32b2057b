#include <sequent/nn.hpp>

#include "reference.hpp"

using namespace sequent;

TEST_CASE("perceptrons") {
    using model = feed_forward::mlp<tokens<5>, input_width<3>, hidden<4>, width<2>, depth<4>>;
    check::agrees<model>();
    reference::agrees(oracle::tree::read(model::program), "graphs.safetensors", "mlp", "y");
    using two = feed_forward::mlp<tokens<5>, input_width<3>, width<2>, activation::quick_gelu,
                                  any_length<true>>;
    check::agrees<two>(3);
    static_assert(two::shape.hidden == 2 && two::parameter_count == 2 * 3 + 2 + 2 * 2 + 2);
}
TEST_CASE("a linear map") {
    check::agrees<feed_forward::linear<tokens<5>, input_width<3>, width<2>>>();
    static_assert(
        feed_forward::linear<tokens<1>, input_width<3>, width<2>, biases<false>>::parameter_count ==
        2 * 3);
}
