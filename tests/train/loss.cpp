#include <sequent/train/loss.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "numbers.hpp"

namespace train = sequent::train;
using namespace train_test;

// PyTorch 2.13, double: cross_entropy(logits, [1, 0, classes - 1]) and its gradient by backward(),
// for logits = sequence(3 * classes), 3 rows; mse_loss(sequence(7), sequence(7, 5, 13, 6, 8)).
namespace reference {
constexpr double entropy_5 = 1.602351148983513;
constexpr std::array entropy_gradient_5{
    0.01305357653532025,  -0.2582151868717338,  0.02763442174212779, 0.15902511730711955,
    0.058502071287166196, -0.30974635693562896, 0.13573367749711357, 0.049933629425782916,
    0.018369555688818907, 0.10570949432391358,  0.03811540959244399, 0.014021875580888927,
    0.08069032274040283,  0.029684310837682713, -0.16251191875141846};
constexpr double entropy_17 = 2.309148779492768;
constexpr std::array entropy_gradient_17{
    0.004233424805755727,  -0.30897165561746237,  0.008962160384113384,  0.05157367212921141,
    0.018972893682053488,  0.006979737525159025,  0.04016561624009774,   0.014776104456713766,
    0.005435825050226718,  0.03128101338033366,   0.011507641721633557,  0.004233424805755727,
    0.024361677715870948,  0.008962160384113384,  0.05157367212921141,   0.018972893682053488,
    0.006979737525159025,  -0.292219979385995,    0.015124757674830545,  0.005564087401270144,
    0.03201911224887894,   0.01177917312092327,   0.0043333156251869264, 0.024936509692678133,
    0.009173629250508686,  0.05279059143366174,   0.019420573275725408,  0.007144429643902911,
    0.04111335394733835,   0.015124757674830545,  0.005564087401270144,  0.03201911224887894,
    0.01177917312092327,   0.0043333156251869264, 0.021991111257225335,  0.00809007772004707,
    0.04655518289687722,   0.017126694667737474,  0.0063005588634811845, 0.036257212896120446,
    0.0133382832186588,    0.004906880176666626,  0.028237145795485242,  0.010387865415519653,
    0.0038214821240255227, 0.021991111257225335,  0.00809007772004707,   0.04655518289687722,
    0.017126694667737474,  0.0063005588634811845, -0.2970761204372129};
constexpr double squared = 1.21875;
constexpr std::array squared_gradient{
    -0.14285714285714285, 0.17857142857142855,  -0.2857142857142857, 0.5,
    0.03571428571428571,  -0.42857142857142855, 0.3571428571428571};
}  // namespace reference

namespace {

template <int Classes, class T, class Reference>
void check_cross_entropy(double loss, const Reference& gradient, double tolerance) {
    const auto logits = sequence<T>(3 * Classes);
    const std::array<std::int32_t, 3> targets{1, 0, Classes - 1};
    std::vector<T> found(logits.size(), T(99));
    const T value = train::cross_entropy<3, Classes>(logits.data(), targets, found.data());
    CHECK(is_near(value, loss, tolerance));
    check_near(found, gradient, tolerance);

    const T alone = train::cross_entropy<3, Classes>(logits.data(), targets);
    CHECK(alone == value);

    train::cross_entropy<3, Classes>(logits.data(), targets, found.data(), T(0.25));
    auto scaled = gradient;
    for (double& x : scaled) x *= 0.25;
    check_near(found, scaled, tolerance);
}

/// Reference in double, without vectors, for any size.
template <int Rows, int Classes>
void check_size() {
    const auto logits = sequence<float>(Rows * Classes, 5, 23, 11, 3);
    std::vector<std::int32_t> targets;
    for (int row = 0; row < Rows; ++row) targets.push_back((row * 7 + 3) % Classes);
    std::vector<float> gradient(logits.size());
    const float value =
        train::cross_entropy<Rows, Classes>(logits.data(), targets, gradient.data());
    double loss = 0;
    std::vector<double> expected;
    for (int row = 0; row < Rows; ++row) {
        const float* x = logits.data() + std::ptrdiff_t{row} * Classes;
        double sum = 0;
        for (int c = 0; c < Classes; ++c) sum += std::exp(static_cast<double>(x[c]));
        const int target = targets[static_cast<std::size_t>(row)];
        loss += std::log(sum) - static_cast<double>(x[target]);
        for (int c = 0; c < Classes; ++c) {
            expected.push_back((std::exp(static_cast<double>(x[c])) / sum - (c == target ? 1 : 0)) /
                               Rows);
        }
    }
    INFO(Rows << " rows, " << Classes << " classes");
    CHECK(is_near(static_cast<double>(value), loss / Rows, 1e-6));
    check_near(gradient, expected, 1e-6);
}

}  // namespace

TEST_CASE("cross-entropy and its gradient are PyTorch's") {
    check_cross_entropy<5, float>(reference::entropy_5, reference::entropy_gradient_5, 1e-6);
    check_cross_entropy<5, double>(reference::entropy_5, reference::entropy_gradient_5, 1e-14);
    check_cross_entropy<17, float>(reference::entropy_17, reference::entropy_gradient_17, 1e-6);
    check_cross_entropy<17, double>(reference::entropy_17, reference::entropy_gradient_17, 1e-14);
}

TEST_CASE("cross-entropy takes any number of classes") {
    check_size<1, 1>();
    check_size<1, 2>();
    check_size<2, 3>();
    check_size<7, 16>();
    check_size<5, 31>();
    check_size<3, 32>();
    check_size<4, 33>();
    check_size<64, 65>();
}

TEST_CASE("cross-entropy writes nothing beyond the gradient") {
    const auto logits = sequence<float>(3 * 5);
    const std::array<std::int32_t, 3> targets{4, 2, 0};
    std::vector<float> gradient(3 * 5 + 16, 7.0F);
    train::cross_entropy<3, 5>(logits.data(), targets, gradient.data());
    for (std::size_t at = 15; at < gradient.size(); ++at) CHECK(gradient[at] == 7.0F);
}

TEST_CASE("cross-entropy of large logits neither overflows nor loses the small loss") {
    const std::array<float, 6> logits{1e4F, 1e4F - 20, -1e4F, -1e30F, 0, 1e30F};
    std::array<float, 6> gradient{};
    const std::array<std::int32_t, 2> targets{1, 2};
    const float value = train::cross_entropy<2, 3>(logits.data(), targets, gradient.data());
    CHECK(is_near(value, 10, 1e-6));
    check_near(gradient, std::array{0.5, -0.5, 0.0, 0.0, 0.0, 0.0}, 1e-6);
}

TEST_CASE("a masked class, a logit of minus infinity, has probability zero") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const std::array<float, 3> logits{0, -infinity, 0};
    std::array<float, 3> gradient{};
    const std::array<std::int32_t, 1> targets{0};
    const float value = train::cross_entropy<1, 3>(logits.data(), targets, gradient.data());
    CHECK(is_near(value, std::log(2.0), 1e-6));
    check_near(gradient, std::array{-0.5, 0.0, 0.5}, 1e-6);
    CHECK(gradient[1] == 0.0F);
}

TEST_CASE("squared error and its gradient are PyTorch's") {
    const auto values = sequence<double>(7);
    const auto targets = sequence<double>(7, 5, 13, 6, 8);
    std::vector<double> gradient(7);
    CHECK(train::squared_error<7>(values.data(), targets.data(), gradient.data()) ==
          reference::squared);
    check_near(gradient, reference::squared_gradient, 1e-15);
    CHECK(train::squared_error<7>(values.data(), targets.data()) == reference::squared);

    const auto values_f = sequence<float>(7);
    const auto targets_f = sequence<float>(7, 5, 13, 6, 8);
    std::vector<float> gradient_f(7);
    CHECK(
        is_near(train::squared_error<7>(values_f.data(), targets_f.data(), gradient_f.data(), 0.5F),
                reference::squared, 1e-6));
    auto halved = reference::squared_gradient;
    for (double& x : halved) x *= 0.5;
    check_near(gradient_f, halved, 1e-6);
}

TEST_CASE("cross-entropy over all of a type is finite where its mean is") {
    // 6e38 and 0: their mean is a float, the loss of the first row is none.
    const std::array<float, 4> logits{3e38F, -3e38F, 3e38F, -3e38F};
    std::array<float, 4> gradient{};
    const std::array<std::int32_t, 2> targets{1, 0};
    const float value = train::cross_entropy<2, 2>(logits.data(), targets, gradient.data());
    CHECK(value == Approx(3e38).epsilon(1e-6));
    check_near(gradient, std::array{0.5, -0.5, 0.0, 0.0}, 1e-6);
    const std::array<double, 4> wide{1e308, -5e307, 0, 1e308};
    const std::array<std::int32_t, 1> last{1};
    CHECK(train::cross_entropy<1, 4>(wide.data(), last) == Approx(1.5e308).epsilon(1e-12));
}

TEST_CASE("a logit that is not a number makes the loss and the row's gradient NaN") {
    for (const std::size_t at : {0u, 1u, 4u, 17u}) {
        std::array<float, 2 * 18> logits{};
        logits[18 + at] = std::nanf("");
        std::array<float, 2 * 18> gradient{};
        const std::array<std::int32_t, 2> targets{3, 3};
        CHECK(std::isnan(train::cross_entropy<2, 18>(logits.data(), targets, gradient.data())));
        for (std::size_t place = 0; place < 36; ++place)
            CHECK(std::isnan(gradient[place]) == (place >= 18));
    }
}

TEST_CASE("squared error is finite where its mean is, its gradient where that is") {
    // Each square is a float, their sum is none.
    const std::vector<float> zeros(19);
    const std::vector<float> large(19, 1.5e19F);
    std::vector<float> gradient(19);
    CHECK(train::squared_error<19>(large.data(), zeros.data(), gradient.data()) ==
          Approx(2.25e38).epsilon(1e-6));
    for (const float each : gradient) CHECK(each == Approx(2 * 1.5e19 / 19).epsilon(1e-6));
    // The difference is none; a 19th of it is.
    std::vector<float> values(19), targets(19);
    values[18] = 3e38F;
    targets[18] = -3e38F;
    CHECK(std::isinf(train::squared_error<19>(values.data(), targets.data(), gradient.data())));
    CHECK(gradient[18] == Approx(2 * 6e38 / 19).epsilon(1e-6));
    CHECK(gradient[0] == 0.0F);
    // A square is none, the mean is.
    values[18] = 4e19F;
    targets[18] = 0;
    CHECK(train::squared_error<19>(values.data(), targets.data()) ==
          Approx(1.6e39 / 19).epsilon(1e-6));
    const std::vector<double> wide(4, 1e154), none(4);
    CHECK(train::squared_error<4>(wide.data(), none.data()) == Approx(1e308).epsilon(1e-12));
    values[3] = std::nanf("");
    CHECK(std::isnan(train::squared_error<19>(values.data(), targets.data(), gradient.data())));
    CHECK(std::isnan(gradient[3]));
    CHECK(gradient[0] == 0.0F);
}

TEST_CASE(
    "targets that are no classes, and too few targets, are refused before anything is written") {
    const std::array<double, 8> logits{};
    std::array<double, 8> gradient{};
    gradient.fill(3);
    const auto fails = [&](std::vector<std::int32_t> targets, const char* one, const char* two) {
        using sequent_test::contains;
        CHECK_THROWS_WITH((train::cross_entropy<2, 4>(logits.data(), targets, gradient.data())),
                          contains("cross_entropy") && contains(one) && contains(two));
        CHECK_THROWS_AS((train::cross_entropy<2, 4>(logits.data(), targets)),
                        sequent::argument_error);
    };
    fails({0, -100}, "target -100 in row 1", "4 classes");
    fails({7, 0}, "target 7 in row 0", "4 classes");
    fails({4, 0}, "target 4", "4 classes");
    fails({1}, "1 elements", "expected 2");
    fails({1, 2, 3}, "3 elements", "expected 2");
    for (const double each : gradient) CHECK(each == 3);
}
