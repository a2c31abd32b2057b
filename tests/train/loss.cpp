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
using sequent::view_of;
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
// The same logits; then with label_smoothing 0.1; with targets [1, ignored, 4] and 0.2; with the
// softmax of sequence(15, 5, 13, 6, 8) as target.
constexpr double smoothed = 1.6356844823168464;
constexpr std::array smoothed_gradient{
    0.006386909868653581, -0.23154852020506714, 0.020967755075461118, 0.15235845064045284,
    0.051835404620499514, -0.2830796902689623,  0.12906701083044686,  0.04326696275911624,
    0.011702889022152238, 0.09904282765724688,  0.031448742925777325, 0.00735520891422226,
    0.07402365607373616,  0.023017644171016045, -0.1358452520847518};
constexpr double ignored = 1.2543025843946358;
constexpr std::array ignored_gradient{-0.00041963519701962004,
                                      -0.30732278030760074,
                                      0.021451632613191697,
                                      0.21853767596067938,
                                      0.06775310693074932,
                                      0.0,
                                      0.0,
                                      0.0,
                                      0.0,
                                      0.0,
                                      0.037173114388665995,
                                      0.0010328133713333916,
                                      0.10103548411060424,
                                      0.024526466256524073,
                                      -0.1637678781271277};
constexpr std::array distributions{0.09958681802106989, 0.18605267018140226, 0.3475921489358753,
                                   0.12787200550611055, 0.23889635735554196, 0.3596637314365293,
                                   0.13231289253050613, 0.24719302658628214, 0.09093723248203896,
                                   0.16989311696464346, 0.3596637314365293,  0.13231289253050613,
                                   0.24719302658628214, 0.09093723248203896, 0.16989311696464346};
constexpr double soft = 1.9528358895674582;
constexpr std::array soft_gradient{
    -0.020142029471703043,  0.013100589734465436,   -0.08822962790316397, 0.11640111547174935,
    -0.021130047831347785,  -0.09630093408113871,   0.09162937998694486,  -0.03246404610297779,
    -0.011942855138527409,  0.04907845533569909,    -0.08177250088639909, -0.03008242192927978,
    -0.0017073527883578788, -0.0006280999896636039, 0.11419037559370038};
// huber_loss with delta 0.5 of the numbers of mse_loss; binary_cross_entropy_with_logits of
// sequence(7) and likely; the mean of clamp(1 - t x, 0) for the signs t.
constexpr double huber = 0.3671875;
constexpr std::array huber_gradient{
    -0.07142857142857142, 0.07142857142857142,  -0.07142857142857142, 0.07142857142857142,
    0.017857142857142856, -0.07142857142857142, 0.07142857142857142};
constexpr std::array likely{0.0, 1.0, 0.25, 1.0, 0.0, 0.5, 1.0};
constexpr double binary = 0.49686917779470363;
constexpr std::array binary_gradient{
    0.031814305546472695, -0.05393438125687792,  0.018220095542592202, -0.0318143055464727,
    0.08031092869797116,  -0.025596957025056138, -0.03842020305285644};
constexpr std::array signs{-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0};
constexpr double hinge = 0.8571428571428571;
constexpr std::array hinge_gradient{0.0,
                                    -0.14285714285714285,
                                    0.14285714285714285,
                                    0.0,
                                    0.14285714285714285,
                                    -0.14285714285714285,
                                    0.14285714285714285};
}  // namespace reference

namespace {

template <int Classes, class T, class Reference>
void check_cross_entropy(double loss, const Reference& gradient, double tolerance) {
    const auto logits = sequence<T>(3 * Classes);
    const std::array<std::int32_t, 3> targets{1, 0, Classes - 1};
    std::vector<T> found(logits.size(), T(99));
    const T value =
        train::cross_entropy(view_of(logits, 3, Classes), targets, view_of(found, 3, Classes));
    CHECK(is_near(value, loss, tolerance));
    check_near(found, gradient, tolerance);

    const T alone = train::cross_entropy(view_of(logits, 3, Classes), targets);
    CHECK(alone == value);

    train::cross_entropy(view_of(logits, 3, Classes), targets, view_of(found, 3, Classes),
                         {.scale = 0.25});
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
    const float value = train::cross_entropy(view_of(logits, Rows, Classes), targets,
                                             view_of(gradient, Rows, Classes));
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
    train::cross_entropy(view_of(logits, 3, 5), targets,
                         view_of(std::span(gradient).first(15), 3, 5));
    for (std::size_t at = 15; at < gradient.size(); ++at) CHECK(gradient[at] == 7.0F);
}

TEST_CASE("cross-entropy of large logits neither overflows nor loses the small loss") {
    const std::array<float, 6> logits{1e4F, 1e4F - 20, -1e4F, -1e30F, 0, 1e30F};
    std::array<float, 6> gradient{};
    const std::array<std::int32_t, 2> targets{1, 2};
    const float value =
        train::cross_entropy(view_of(logits, 2, 3), targets, view_of(gradient, 2, 3));
    CHECK(is_near(value, 10, 1e-6));
    check_near(gradient, std::array{0.5, -0.5, 0.0, 0.0, 0.0, 0.0}, 1e-6);
}

TEST_CASE("a masked class, a logit of minus infinity, has probability zero") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const std::array<float, 3> logits{0, -infinity, 0};
    std::array<float, 3> gradient{};
    const std::array<std::int32_t, 1> targets{0};
    const float value =
        train::cross_entropy(view_of(logits, 1, 3), targets, view_of(gradient, 1, 3));
    CHECK(is_near(value, std::log(2.0), 1e-6));
    check_near(gradient, std::array{-0.5, 0.0, 0.5}, 1e-6);
    CHECK(gradient[1] == 0.0F);
}

TEST_CASE("squared error and its gradient are PyTorch's") {
    const auto values = sequence<double>(7);
    const auto targets = sequence<double>(7, 5, 13, 6, 8);
    std::vector<double> gradient(7);
    CHECK(train::squared_error(view_of(values, 7), targets, view_of(gradient, 7)) ==
          reference::squared);
    check_near(gradient, reference::squared_gradient, 1e-15);
    CHECK(train::squared_error(view_of(values, 7), targets) == reference::squared);

    const auto values_f = sequence<float>(7);
    const auto targets_f = sequence<float>(7, 5, 13, 6, 8);
    std::vector<float> gradient_f(7);
    CHECK(
        is_near(train::squared_error(view_of(values_f, 7), targets_f, view_of(gradient_f, 7), 0.5),
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
    const float value =
        train::cross_entropy(view_of(logits, 2, 2), targets, view_of(gradient, 2, 2));
    CHECK(value == Approx(3e38).epsilon(1e-6));
    check_near(gradient, std::array{0.5, -0.5, 0.0, 0.0}, 1e-6);
    const std::array<double, 4> wide{1e308, -5e307, 0, 1e308};
    const std::array<std::int32_t, 1> last{1};
    CHECK(train::cross_entropy(view_of(wide, 1, 4), last) == Approx(1.5e308).epsilon(1e-12));
}

TEST_CASE("a logit that is not a number makes the loss and the row's gradient NaN") {
    for (const std::size_t at : {0u, 1u, 4u, 17u}) {
        std::array<float, 2 * 18> logits{};
        logits[18 + at] = std::nanf("");
        std::array<float, 2 * 18> gradient{};
        const std::array<std::int32_t, 2> targets{3, 3};
        CHECK(std::isnan(
            train::cross_entropy(view_of(logits, 2, 18), targets, view_of(gradient, 2, 18))));
        for (std::size_t place = 0; place < 36; ++place)
            CHECK(std::isnan(gradient[place]) == (place >= 18));
    }
}

TEST_CASE("squared error is finite where its mean is, its gradient where that is") {
    // Each square is a float, their sum is none.
    const std::vector<float> zeros(19);
    const std::vector<float> large(19, 1.5e19F);
    std::vector<float> gradient(19);
    CHECK(train::squared_error(view_of(large, 19), zeros, view_of(gradient, 19)) ==
          Approx(2.25e38).epsilon(1e-6));
    for (const float each : gradient) CHECK(each == Approx(2 * 1.5e19 / 19).epsilon(1e-6));
    // The difference is none; a 19th of it is.
    std::vector<float> values(19), targets(19);
    values[18] = 3e38F;
    targets[18] = -3e38F;
    CHECK(std::isinf(train::squared_error(view_of(values, 19), targets, view_of(gradient, 19))));
    CHECK(gradient[18] == Approx(2 * 6e38 / 19).epsilon(1e-6));
    CHECK(gradient[0] == 0.0F);
    // A square is none, the mean is.
    values[18] = 4e19F;
    targets[18] = 0;
    CHECK(train::squared_error(view_of(values, 19), targets) == Approx(1.6e39 / 19).epsilon(1e-6));
    const std::vector<double> wide(4, 1e154), none(4);
    CHECK(train::squared_error(view_of(wide, 4), none) == Approx(1e308).epsilon(1e-12));
    values[3] = std::nanf("");
    CHECK(std::isnan(train::squared_error(view_of(values, 19), targets, view_of(gradient, 19))));
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
        CHECK_THROWS_WITH(
            (train::cross_entropy(view_of(logits, 2, 4), targets, view_of(gradient, 2, 4))),
            contains("cross_entropy") && contains(one) && contains(two));
        CHECK_THROWS_AS((train::cross_entropy(view_of(logits, 2, 4), targets)),
                        sequent::argument_error);
    };
    fails({0, -100}, "target -100 in row 1", "4 classes");
    fails({7, 0}, "target 7 in row 0", "4 classes");
    fails({4, 0}, "target 4", "4 classes");
    fails({1}, "1 elements", "expected 2");
    fails({1, 2, 3}, "3 elements", "expected 2");
    for (const double each : gradient) CHECK(each == 3);
}

TEST_CASE("smoothed and ignored targets and distributions are PyTorch's") {
    const auto numbers = sequence<double>(15);
    const auto logits = view_of(numbers, 3, 5);
    std::vector<double> gradient(15, 9);
    const std::array<std::int32_t, 3> targets{1, 0, 4};
    CHECK(is_near(
        train::cross_entropy(logits, targets, view_of(gradient, 3, 5), {.label_smoothing = 0.1}),
        reference::smoothed, 1e-13));
    check_near(gradient, reference::smoothed_gradient, 1e-13);
    const std::array<std::int32_t, 3> some{1, -100, 4};
    const train::cross_entropy_options options{.label_smoothing = 0.2, .ignored = -100};
    CHECK(is_near(train::cross_entropy(logits, some, view_of(gradient, 3, 5), options),
                  reference::ignored, 1e-13));
    check_near(gradient, reference::ignored_gradient, 1e-13);
    const std::array<std::int32_t, 3> none{-100, -100, -100};
    CHECK(train::cross_entropy(logits, none, view_of(gradient, 3, 5), options) == 0);
    CHECK(gradient == std::vector<double>(15));

    CHECK(is_near(train::cross_entropy(logits, reference::distributions, view_of(gradient, 3, 5)),
                  reference::soft, 1e-13));
    check_near(gradient, reference::soft_gradient, 1e-13);
    CHECK(is_near(train::cross_entropy(logits, reference::distributions), reference::soft, 1e-13));
    // One-hot rows are classes.
    std::vector<double> one_hot(15);
    one_hot[1] = one_hot[5] = one_hot[14] = 1;
    CHECK(is_near(train::cross_entropy(logits, one_hot), reference::entropy_5, 1e-13));
}

TEST_CASE("losses of elements are PyTorch's") {
    const auto x = sequence<double>(7);
    const auto values = view_of(x, 7);
    std::vector<double> found(7, 9);
    const auto gradient = view_of(found, 7);
    CHECK(is_near(train::huber(values, sequence<double>(7, 5, 13, 6, 8), gradient, 0.5),
                  reference::huber, 1e-13));
    check_near(found, reference::huber_gradient, 1e-13);
    CHECK(is_near(train::binary_cross_entropy(values, reference::likely, gradient),
                  reference::binary, 1e-13));
    check_near(found, reference::binary_gradient, 1e-13);
    CHECK(is_near(train::hinge(values, reference::signs, gradient), reference::hinge, 1e-13));
    check_near(found, reference::hinge_gradient, 1e-13);
    CHECK(train::hinge(values, reference::signs) ==
          train::hinge(values, reference::signs, gradient));

    // Far from zero nothing overflows, and a small loss is not lost.
    const std::array<float, 4> far{1e30F, -1e30F, 20, -20};
    const std::array<float, 4> right{1, 0, 1, 0};
    CHECK(train::binary_cross_entropy(view_of(far, 4), right) ==
          Approx(std::log1p(std::exp(-20.0)) / 2).epsilon(1e-6));
    CHECK(train::binary_cross_entropy(view_of(far, 4), std::array<float, 4>{0, 0, 1, 0}) ==
          Approx(2.5e29).epsilon(1e-6));
}

TEST_CASE("an element that is no number makes each loss one") {
    const std::array<double, 3> x{0.5, std::nan(""), 2};
    const std::array<double, 3> t{1, 1, 1};
    std::array<double, 3> found{};
    const auto all_nan = [&](double loss) {
        return std::isnan(loss) && !std::isnan(found[0]) && !std::isnan(found[2]);
    };
    CHECK(all_nan(train::squared_error(view_of(x, 3), t, view_of(found, 3))));
    CHECK(std::isnan(found[1]));
    CHECK(all_nan(train::huber(view_of(x, 3), t, view_of(found, 3))));
    CHECK(std::isnan(found[1]));
    CHECK(all_nan(train::binary_cross_entropy(view_of(x, 3), t, view_of(found, 3))));
    CHECK(std::isnan(found[1]));
    CHECK(all_nan(train::hinge(view_of(x, 3), t, view_of(found, 3))));
}

TEST_CASE("losses take rows that are padded, and refuse what does not fit") {
    // Two rows of three elements, eight apart.
    std::vector<float> numbers(16, 100.0F);
    std::vector<float> slopes(16, 7.0F);
    for (std::size_t at = 0; at < 3; ++at) numbers[at] = numbers[8 + at] = static_cast<float>(at);
    auto padded = view_of(numbers, 2, 8);
    auto gradient = view_of(slopes, 2, 8);
    padded.extents[1] = gradient.extents[1] = 3;
    const std::array<std::int32_t, 2> targets{0, 2};
    const std::array<float, 6> same{0, 1, 2, 0, 1, 2};
    CHECK(train::cross_entropy(padded, targets, gradient) ==
          train::cross_entropy(view_of(same, 2, 3), targets));
    CHECK(slopes[2] + slopes[8] == Approx(slopes[10] + slopes[0] + 1).margin(1e-6));
    CHECK(train::squared_error(padded, same, gradient) == 0);
    CHECK(slopes[10] == 0);
    for (const std::size_t beyond : {3u, 7u, 11u, 15u}) CHECK(slopes[beyond] == 7);

    using sequent_test::contains;
    auto turned = view_of(same, 3, 2);
    turned.strides = {1, 3};
    const std::array<std::int32_t, 3> three{0, 1, 0};
    CHECK_THROWS_WITH(train::cross_entropy(turned, three), contains("contiguous"));
    CHECK_THROWS_WITH(train::cross_entropy(padded, targets, view_of(slopes, 2, 8)),
                      contains("2 x 8") && contains("2 x 3"));
    CHECK_THROWS_WITH(train::squared_error(padded, numbers), contains("16") && contains("6"));
    CHECK_THROWS_WITH(train::huber(padded, same, {}, 0.0), contains("delta"));
    CHECK_THROWS_WITH(train::cross_entropy(padded, targets, {.label_smoothing = 1}),
                      contains("label_smoothing"));
    CHECK_THROWS_AS(padded.span(), sequent::argument_error);
    CHECK(padded.row(1)(2) == 2);
    CHECK(view_of(same, 2, 3).span().size() == 6);
    CHECK_THROWS_WITH(view_of(same, 2, 4), contains("8") && contains("6"));
}
