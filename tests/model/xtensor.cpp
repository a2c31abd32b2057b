#include <sequent/nn.hpp>

#include "../catch.hpp"

// Containers and views of xtensor are facts as they are.

// The newer place first: an older xtensor may be installed as well.
#if __has_include(<xtensor/containers/xtensor.hpp>)
#define SEQUENT_TEST_XTENSOR
#include <xtensor/containers/xfixed.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xview.hpp>
#elif __has_include(<xtensor/xtensor.hpp>)
#define SEQUENT_TEST_XTENSOR
#include <xtensor/xfixed.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#ifdef SEQUENT_TEST_XTENSOR

using namespace sequent;

TEST_CASE("facts may be xtensor containers and contiguous views of them") {
    using Model = attention<tokens<3>, width<4>>;
    Model::parameters<double> p;
    Model::workspace<double> w;
    Model::initialize(p, 1);
    xt::xtensor<double, 3> batch(std::array<std::size_t, 3>{2, 3, 4});
    std::vector<double> flat(12);
    for (std::size_t at = 0; at < 12; ++at)
        batch(1, at / 4, at % 4) = flat[at] = 0.1 * static_cast<double>(at) - 0.5;
    const auto expected = Model::forward(p, {flat}, w);
    std::vector<double> kept;
    for (int at = 0; at < 12; ++at) kept.push_back(expected.element(at));
    auto agrees = [&](auto&& x) {
        const auto y = Model::forward(p, {x}, w);
        for (int at = 0; at < 12; ++at) CHECK(y.element(at) == kept[static_cast<std::size_t>(at)]);
    };
    auto second = xt::view(batch, 1, xt::all(), xt::all());
    agrees(second);
    agrees(xt::xtensor<double, 2>(second));
    agrees(xt::xtensor_fixed<double, xt::xshape<3, 4>>(second));

    const xt::xtensor<double, 2> wrong(std::array<std::size_t, 2>{4, 3});
    CHECK_THROWS_AS(Model::forward(p, {wrong}, w), argument_error);
    auto strided = xt::view(batch, xt::all(), 0, xt::all());
    CHECK_THROWS_AS(Model::forward(p, {strided}, w), argument_error);
}

#endif
