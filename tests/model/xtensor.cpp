#include <sequent/nn.hpp>

#include "../catch.hpp"

// Containers and views of xtensor are facts as they are.

// The newer place first: an older xtensor may be installed as well.
#if __has_include(<xtensor/containers/xtensor.hpp>)
#define SEQUENT_TEST_XTENSOR
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xfixed.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xview.hpp>
#elif __has_include(<xtensor/xtensor.hpp>)
#define SEQUENT_TEST_XTENSOR
#include <xtensor/xarray.hpp>
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

TEST_CASE("views are copied to containers of xtensor, and refer to these") {
    xt::xtensor<double, 3> batch(std::array<std::size_t, 3>{2, 3, 4});
    for (std::size_t at = 0; at < 24; ++at) batch.data()[at] = static_cast<double>(at);
    const auto all = view_of(batch);
    static_assert(std::is_same_v<decltype(all(0, 0, 0)), double&>);
    const auto agrees = [](const auto& container, const auto& view) {
        const auto back = view_of(container);
        REQUIRE(back.rank == view.rank);
        for (int i = 0; i < view.extents[0]; ++i)
            for (int j = 0; j < view.extents[1]; ++j) {
                CHECK(container(i, j) == view(i, j));
                CHECK(back(i, j) == view(i, j));
            }
    };
    auto middle = xt::view(batch, xt::all(), 1, xt::range(1, 4));  // strides 12 and 1
    const auto view = view_of(middle);
    CHECK(view(1, 2) == batch(1, 1, 3));
    agrees(middle, view);
    agrees(to<xt::xtensor<double, 2>>(view), view);
    agrees(to<xt::xtensor<double, 2, xt::layout_type::column_major>>(view), view);
    agrees(to<xt::xarray<double>>(all.row(1)), all.row(1));
    agrees(to<xt::xtensor_fixed<double, xt::xshape<3, 4>>>(all.row(1)), all.row(1));
    CHECK_THROWS_AS((to<xt::xtensor<double, 3>>(view)), argument_error);
    CHECK_THROWS_AS((to<xt::xtensor_fixed<double, xt::xshape<4, 3>>>(all.row(1))), argument_error);
    view(0, 0) = -1;
    CHECK(batch(0, 1, 1) == -1);
}

#endif
