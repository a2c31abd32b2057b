#include "graph.hpp"
#include "reference.hpp"

using namespace graphs;

namespace {

template <template <class...> class Template, class... Options>
using of_vectors = Template<nodes<6>, edges<7>, edge_width<2>, node_width<3>, Options...>;

}  // namespace

TEST_CASE("the isomorphism network with vectors of the edges") {
    using model = of_vectors<graph::gine, width<2>, hidden<5>>;
    agrees<model>(6, 7);
    reference::agrees_with_torch<model>("gine");
}
TEST_CASE("generalised aggregation") {
    using model = of_vectors<graph::gen, width<4>, hidden<5>>;
    agrees<model>(6, 7);
    reference::agrees_with_torch<model>("gen");
    model::parameters<float> p;
    model::initialize(p, 1);
    model::for_each(p, [](std::string_view name, auto view) {
        if (name == "temperature") CHECK(view.element(0) == 1);
        if (name == "W_node") CHECK(view.element(0) != 0);
    });
    static_assert(graph::gen<nodes<6>, edges<7>, width<4>>::shape.hidden == 8);
}
TEST_CASE("residual gated graph convolution") {
    agrees<of_vectors<graph::res_gated, width<2>>>(6, 7);
    agrees<graph::res_gated<nodes<6>, edges<7>, width<2>, depth<2>, biases<false>>>(6, 7);
    reference::agrees_with_torch<of_vectors<graph::res_gated, width<2>>>("res_gated");
}
TEST_CASE("graph attention is that of another library") {
    reference::agrees_with_torch<of_vectors<graph::gatv2, width<4>, heads<2>>>("gatv2");
}
