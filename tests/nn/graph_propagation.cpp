#include "graph.hpp"
#include "reference.hpp"

using namespace graphs;

namespace {

template <template <class...> class Template, class... Options>
using of_edges = Template<nodes<6>, edges<7>, node_width<3>, width<2>, Options...>;
template <template <class...> class Template, class... Options>
using weighted = of_edges<Template, edge_width<1>, Options...>;

}  // namespace

TEST_CASE("a graph convolution of weighted edges") {
    using model = weighted<graph::gcn>;
    reference::agrees_with_torch<model>("gcn");
    check::runs<model>(5, 1, [](auto& f) {
        for (double& each : f.dense[1]) each = std::abs(each);
    });
}
TEST_CASE("simplified graph convolution") {
    agrees<of_edges<graph::sg, hops<2>>>(6, 7);
    reference::agrees_with_torch<weighted<graph::sg, hops<3>>>("sg");
}
TEST_CASE("topology adaptive graph convolution") {
    agrees<of_edges<graph::tag, hops<2>, depth<2>>>(6, 7);
    reference::agrees_with_torch<weighted<graph::tag, hops<2>>>("tag");
    static_assert(of_edges<graph::tag>::parameter_count == (3 + 1) * 2 * 3 + 2);
}
TEST_CASE("personalised propagation") {
    agrees<graph::appnp<nodes<6>, edges<7>, width<2>, hops<2>>>(6, 7);
    reference::agrees_with_torch<
        graph::appnp<nodes<6>, edges<7>, edge_width<1>, width<2>, hops<3>, teleport_percent<20>>>(
        "appnp");
}
TEST_CASE("the first of several layers takes another width") {
    agrees<of_edges<graph::gcn, depth<3>>>(6, 7);
    agrees<graph::attention<nodes<5>, edges<9>, node_width<3>, width<4>, heads<2>, hidden<3>,
                            depth<2>>>(5, 9);
    static_assert(of_edges<graph::gcn, depth<3>>::parameter_count == 2 * 3 + 2 + 2 * (2 * 2 + 2));
}
TEST_CASE("propagation over as many nodes as are given") {
    using any = graph::tag<nodes<6>, edges<9>, width<3>, hops<2>, any_length<true>>;
    for (int count : {0, 1, 4, 6}) check::agrees<any>(count);
}
