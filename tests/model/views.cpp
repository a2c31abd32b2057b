#include <sequent/nn.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

#include "../catch.hpp"

// Eigen and std::mdspan are tested where they are installed. The library includes neither.
#if __has_include(<Eigen/Core>)
#include <Eigen/Core>
#elif __has_include(<eigen3/Eigen/Core>)
#include <eigen3/Eigen/Core>
#endif
#if __has_include(<mdspan>)
#include <mdspan>
#endif

using sequent::view_of;

namespace {

/// 0, 1, 2, ...
std::vector<double> counted(int size) {
    std::vector<double> result(static_cast<std::size_t>(size));
    std::iota(result.begin(), result.end(), 0.0);
    return result;
}

}  // namespace

TEST_CASE("a view is iterated by rows and by elements") {
    std::vector<double> numbers = counted(24);
    const auto cube = view_of(numbers, 2, 3, 4);
    static_assert(std::forward_iterator<decltype(cube.begin())>);
    static_assert(std::forward_iterator<decltype(cube.row(0).row(0).begin())>);
    double expected = 0;
    for (const auto matrix : cube)
        for (const auto row : matrix)
            for (const double x : row) CHECK(x == expected++);
    CHECK(expected == 24);

    // Along a column of a matrix: neighbours are 4 elements apart.
    sequent::ranked_view<double, 1> strided{{numbers.data() + 1, 1, {6}, {4}}};
    CHECK(std::vector<double>(strided.begin(), strided.end()) ==
          std::vector<double>{1, 5, 9, 13, 17, 21});
    for (double& x : strided) x = -x;
    CHECK(*std::min_element(strided.begin(), strided.end()) == -21);
    CHECK(numbers[5] == -5);
    CHECK(numbers[6] == 6);
    int rows = 0;
    for (const auto row : view_of(std::vector<double>(), 3, 0)) rows += row.begin() == row.end();
    CHECK(rows == 3);
}

TEST_CASE("a view of other extents than the container is refused") {
    const std::vector<double> numbers(6);
    CHECK_THROWS_AS(view_of(numbers, 7), sequent::argument_error);
    CHECK_THROWS_AS(view_of(numbers, -2, -3), sequent::argument_error);
    const std::vector<double> none;
    CHECK_THROWS_AS(view_of(none, 65536, 65536), sequent::argument_error);
}

#ifdef EIGEN_WORLD_VERSION

TEST_CASE("matrices of Eigen are views, and views are maps of Eigen") {
    using Eigen::Dynamic;
    using any_stride = Eigen::Stride<Dynamic, Dynamic>;
    using row_major = Eigen::Matrix<double, Dynamic, Dynamic, Eigen::RowMajor>;
    std::vector<double> numbers = counted(12);
    const auto view = view_of(numbers, 3, 4);
    auto turned = view;
    std::swap(turned.extents[0], turned.extents[1]);
    std::swap(turned.strides[0], turned.strides[1]);

    const auto agrees = [&](const auto& matrix, const auto& of) {
        REQUIRE(matrix.rows() == of.extents[0]);
        REQUIRE(matrix.cols() == of.extents[1]);
        const auto back = view_of(matrix);
        for (int i = 0; i < of.extents[0]; ++i)
            for (int j = 0; j < of.extents[1]; ++j) {
                CHECK(matrix(i, j) == of(i, j));
                CHECK(back(i, j) == of(i, j));
            }
    };
    agrees(sequent::to<Eigen::Map<row_major>>(view), view);
    agrees(sequent::to<Eigen::Map<const Eigen::Matrix<double, 3, 4, Eigen::RowMajor>>>(view), view);
    agrees(sequent::to<Eigen::Map<row_major, 0, Eigen::OuterStride<>>>(view), view);
    agrees(sequent::to<Eigen::Map<Eigen::MatrixXd, 0, any_stride>>(view), view);
    agrees(sequent::to<Eigen::Map<Eigen::MatrixXd>>(turned), turned);
    agrees(sequent::to<Eigen::Map<row_major, 0, any_stride>>(turned), turned);
    agrees(Eigen::MatrixXd(sequent::to<Eigen::Map<row_major>>(view)), view);
    CHECK_THROWS_AS(sequent::to<Eigen::Map<Eigen::MatrixXd>>(view), sequent::argument_error);
    CHECK_THROWS_AS((sequent::to<Eigen::Map<Eigen::Matrix<double, 4, 3, Eigen::RowMajor>>>(view)),
                    sequent::argument_error);
    sequent::to<Eigen::Map<row_major>>(view)(1, 2) = -1;
    CHECK(numbers[6] == -1);

    const sequent::ranked_view<double, 1> column{{numbers.data(), 1, {3}, {4}}};
    using map = Eigen::Map<Eigen::VectorXd, 0, Eigen::InnerStride<>>;
    CHECK(sequent::to<map>(column).sum() == 12);
    CHECK(view_of(sequent::to<map>(column))(2) == 8);
    CHECK_THROWS_AS(sequent::to<Eigen::Map<Eigen::VectorXd>>(column), sequent::argument_error);
    CHECK(sequent::to<Eigen::Map<Eigen::RowVectorXd>>(view.row(2)).sum() == 38);
}

TEST_CASE("matrices of Eigen in row-major order are facts") {
    using Model = sequent::attention<sequent::tokens<3>, sequent::width<4>>;
    Model::parameters<double> p;
    Model::workspace<double> w;
    Model::initialize(p, 1);
    const std::vector<double> numbers = counted(12);
    const auto y = Model::forward(p, {numbers}, w);
    const std::vector<double> expected(y.span().begin(), y.span().end());
    const Eigen::Matrix<double, 3, 4, Eigen::RowMajor> x(numbers.data());
    const auto same = Model::forward(p, {x}, w).span();
    CHECK(std::equal(same.begin(), same.end(), expected.begin(), expected.end()));
    CHECK_THROWS_AS(Model::forward(p, {Eigen::MatrixXd(x)}, w), sequent::argument_error);
    CHECK_THROWS_AS(Model::forward(p, {x.transpose()}, w), sequent::argument_error);
}

#endif

#ifdef __cpp_lib_mdspan

TEST_CASE("views are mdspans") {
    using extents = std::dextents<int, 2>;
    std::vector<double> numbers = counted(12);
    const auto view = view_of(numbers, 3, 4);
    auto padded = view_of(numbers, 3, 4);
    padded.extents[1] = 3;
    const auto agrees = [](const auto& span, const auto& of) {
        for (int i = 0; i < of.extents[0]; ++i)
            for (int j = 0; j < of.extents[1]; ++j) CHECK(span[i, j] == of(i, j));
    };
    agrees(sequent::to<std::mdspan<double, extents>>(view), view);
    agrees(sequent::to<std::mdspan<const double, std::extents<int, 3, std::dynamic_extent>>>(view),
           view);
    agrees(sequent::to<std::mdspan<double, extents, std::layout_stride>>(padded), padded);
    CHECK_THROWS_AS((sequent::to<std::mdspan<double, extents>>(padded)), sequent::argument_error);
    CHECK_THROWS_AS((sequent::to<std::mdspan<double, std::extents<int, 3, 5>>>(view)),
                    sequent::argument_error);
}

#endif
