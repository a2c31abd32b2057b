#include <sequent/model/random.hpp>
#include <sequent/train/clip.hpp>
#include <sequent/train/optimizer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include "../catch.hpp"
#include "numbers.hpp"

namespace train = sequent::train;
using namespace train_test;

// PyTorch 2.13, double: parameters sequence(19); five steps s = 0 ... 4 with gradient_of_step(s)
// and the learning rate 0.05 / (1 + s).
namespace reference {
constexpr std::size_t size = 19;
// torch.optim.SGD
constexpr std::array sgd{-1.2153125,
                         0.4998958333333333,
                         -0.50375,
                         1.2723958333333334,
                         0.2484375,
                         -0.7822916666666667,
                         1.0141666666666664,
                         -0.03010416666666667,
                         -0.9633333333333334,
                         0.735625,
                         -0.2680208333333334,
                         -1.241875,
                         0.4841666666666667,
                         -0.4653125,
                         1.2498958333333332,
                         0.24625,
                         -0.7276041666666666,
                         0.9984375,
                         -0.03229166666666667};
// SGD, momentum 0.9
constexpr std::array sgd_momentum{
    -1.16777675,         0.49178252083333335,  -0.49801925,          1.2918219583333332,
    0.24365831249999997, -0.8046705416666666,  1.0201081666666667,   -0.06299297916666666,
    -0.9298523958333335, 0.713456875,          -0.27634489583333327, -1.2365036875,
    0.4653326666666666,  -0.41777675000000003, 1.2417825208333335,   0.25198075000000003,
    -0.7081780416666666, 0.9936583125000001,   -0.05467054166666668};
// Adam
constexpr std::array adam{
    -1.1624040675655396, 0.5299908174675211,  -0.5316754875928215, 1.3238933780258737,
    0.18707210175377934, -0.8103739134121467, 1.0558284642246523,  -0.08443787907937589,
    -0.9138929222919618, 0.7123264918681994,  -0.2958402402597986, -1.1923346262679337,
    0.4257547786263639,  -0.4124040675655398, 1.2799908174675212,  0.21832451240717862,
    -0.6761066219741264, 0.9370721017537793,  -0.06037391341214677};
// AdamW, weight decay 0.1
constexpr std::array adam_w{
    -1.1486337426893551, 0.5240481542199522,  -0.5257148267956587, 1.309271812652332,
    0.18462689079908,    -0.8015092680394488, 1.044126651069116,   -0.08400939223953204,
    -0.902952620683982,  0.7039064701558194,  -0.2926919923022516, -1.1784982380987277,
    0.4204845319382213,  -0.4071611527870315, 1.2655207441222764,  0.21575776310666575,
    -0.6679884270871992, 0.9260994807014044,  -0.06003667813712457};
// AdamW, weight decay 0.5, betas 0.8 and 0.95, eps 1e-3
constexpr std::array adam_w_options{
    -1.0988818547851733, 0.4995447345637451,  -0.5001937448857898, 1.2483609379318454,
    0.17749401416825225, -0.764636093814806,  0.9965686570086332,  -0.07994929218124767,
    -0.8632672287207908, 0.6709114674790251,  -0.2781103073414591, -1.1280797398311027,
    0.4023671841716534,  -0.3908237127563647, 1.2076028765925535,  0.20786439714301877,
    -0.6397941074783109, 0.8855521561970608,  -0.05657795178599736};
// AdamW, two groups: weight decay 0.1 for the first ten, 0 for the rest
constexpr std::array adam_w_masked{
    -1.1486337426893551, 0.5240481542199522,  -0.5257148267956587, 1.309271812652332,
    0.18462689079908,    -0.8015092680394488, 1.044126651069116,   -0.08400939223953204,
    -0.902952620683982,  0.7039064701558194,  -0.2958402402597986, -1.1923346262679337,
    0.4257547786263639,  -0.4124040675655398, 1.2799908174675212,  0.21832451240717862,
    -0.6761066219741264, 0.9370721017537793,  -0.06037391341214677};
}  // namespace reference

namespace {

template <class T>
std::vector<T> gradient_of_step(int step) {
    std::vector<T> gradient;
    for (int i = 0; i < static_cast<int>(reference::size); ++i) {
        gradient.push_back(static_cast<T>((i * 5 + step * 3) % 13 - 6) / T(8));
    }
    return gradient;
}

template <class T, class Optimizer>
void run(Optimizer& optimizer, std::vector<T>& parameters, int begin, int end) {
    for (int step = begin; step < end; ++step) {
        optimizer.step(parameters, gradient_of_step<T>(step), 0.05 / (1 + step));
    }
}

template <class T, class Optimizer, class Reference>
void check_run(Optimizer optimizer, const Reference& reference, double tolerance) {
    auto parameters = sequence<T>(static_cast<int>(reference::size));
    run<T>(optimizer, parameters, 0, 5);
    CHECK(optimizer.steps() == 5);
    check_near(parameters, reference, tolerance);
}

/// Two steps, then everything is moved to a fresh optimiser as a file would do it: the rest is
/// equal to the last bit.
template <class Optimizer>
void check_continues(Optimizer first, Optimizer second) {
    auto unbroken = sequence<float>(static_cast<int>(reference::size));
    run<float>(first, unbroken, 0, 2);
    auto continued = unbroken;
    auto from = first.state();
    auto to = second.state();
    for (std::size_t index = 0; index < from.size(); ++index) {
        CHECK(from[index].name == to[index].name);
        std::ranges::copy(from[index].values, to[index].values.begin());
    }
    second.set_steps(first.steps());
    run<float>(first, unbroken, 2, 5);
    run<float>(second, continued, 2, 5);
    CHECK(unbroken == continued);
}

template <class T, class Optimizer>
void check_one_pass(Optimizer separate) {
    auto fused = separate;
    auto expected = sequence<T>(static_cast<int>(reference::size));
    auto parameters = expected;
    for (int step = 0; step < 5; ++step) {
        auto gradient = gradient_of_step<T>(step);
        auto again = gradient;
        train::clip_by_norm<T>(gradient, T(0.75));
        separate.step(expected, gradient, 0.05);
        fused.step_and_clear(parameters, again, 0.05,
                             train::clip_factor(train::norm<T>(again), T(0.75)));
        CHECK(parameters == expected);
        CHECK(again == std::vector<T>(reference::size));
    }
    CHECK(fused.steps() == 5);
}

std::vector<double> first_ten() {
    std::vector<double> mask(reference::size, 0.0);
    std::fill_n(mask.begin(), 10, 1.0);
    return mask;
}

}  // namespace

TEST_CASE("SGD steps as PyTorch's does") {
    check_run<double>(train::sgd<double>(reference::size), reference::sgd, 1e-15);
    check_run<float>(train::sgd<float>(reference::size), reference::sgd, 1e-6);
    check_run<double>(train::sgd<double>(reference::size, 0.9), reference::sgd_momentum, 1e-15);
    check_run<float>(train::sgd<float>(reference::size, 0.9), reference::sgd_momentum, 1e-6);
}

TEST_CASE("Adam steps as PyTorch's does") {
    check_run<double>(train::adam<double>(reference::size), reference::adam, 1e-14);
    check_run<float>(train::adam<float>(reference::size), reference::adam, 1e-6);
}

TEST_CASE("AdamW steps as PyTorch's does") {
    check_run<double>(train::adam_w<double>(reference::size, 0.1), reference::adam_w, 1e-14);
    check_run<float>(train::adam_w<float>(reference::size, 0.1), reference::adam_w, 1e-6);
    const train::adam_options options{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3};
    check_run<double>(train::adam_w<double>(reference::size, 0.5, {}, options),
                      reference::adam_w_options, 1e-14);
}

TEST_CASE("AdamW's mask says which parameters decay") {
    check_run<double>(train::adam_w<double>(reference::size, 0.1, first_ten()),
                      reference::adam_w_masked, 1e-14);
    CHECK_THROWS_AS(train::adam_w<double>(3, 0.1, first_ten()), std::invalid_argument);
}

TEST_CASE("one pass has the bits of clipping, stepping and clearing") {
    const auto n = reference::size;
    check_one_pass<float>(train::sgd<float>(n));
    check_one_pass<float>(train::sgd<float>(n, 0.9));
    check_one_pass<float>(train::adam<float>(n));
    check_one_pass<double>(train::adam<double>(n));
    const std::vector<double> mask = first_ten();
    check_one_pass<double>(train::adam_w<double>(n, 0.1, mask));
    check_one_pass<float>(train::adam_w<float>(n, 0.1));
}

TEST_CASE("one pass on threads has the bits of one thread") {
    // More than one thread takes at once, and a part of a vector at the end.
    constexpr std::size_t size = 50'003;
    auto step = [](sequent::thread_pool& pool) {
        sequent::random_numbers random(4);
        std::vector<float> parameters(size);
        std::vector<float> gradient(size);
        for (float& x : parameters) x = static_cast<float>(random.normal());
        train::adam_w<float> optimizer(size, 0.1);
        for (int at = 0; at < 3; ++at) {
            for (float& x : gradient) x = static_cast<float>(random.normal());
            const double norm = train::norm<float>(gradient, pool);
            optimizer.step_and_clear(parameters, gradient, 0.1, train::clip_factor(norm, 1.0F),
                                     pool);
            CHECK(gradient == std::vector<float>(size));
        }
        return parameters;
    };
    sequent::thread_pool one(1);
    const auto expected = step(one);
    for (const int threads : {2, 3}) {
        sequent::thread_pool pool(threads);
        CHECK(step(pool) == expected);
    }
}

TEST_CASE("an optimiser steps blocks of a model as it steps spans") {
    struct block {
        std::array<float, 5> numbers;
        std::span<float, 5> flat() { return numbers; }
        std::span<const float, 5> flat() const { return numbers; }
    };
    const block given{{1, -2, 3, 0, 5}}, slopes{{0.5F, 1, -1, 0, 2}};
    const std::span<const float> numbers(slopes.numbers);
    CHECK(train::norm(slopes) == train::norm(numbers));
    sequent::thread_pool pool(2);
    CHECK(train::norm(slopes, pool) == train::norm(numbers));
    block spans = given, blocks = given;
    block clipped = slopes, cleared = slopes;
    CHECK(train::clip_by_norm(clipped, 1) == train::norm(numbers));
    CHECK(train::norm(clipped) == Approx(1).epsilon(1e-6));
    train::adam_w<float> one(5, 0.1), other(5, 0.1);
    one.step(std::span<float>(spans.numbers), clipped.flat(), 0.1);
    other.step(blocks, clipped, 0.1);
    CHECK(blocks.numbers == spans.numbers);
    one.step_and_clear(std::span<float>(spans.numbers), std::span<float>(cleared.numbers), 0.1);
    cleared = slopes;
    other.step_and_clear(blocks, cleared, 0.1);
    CHECK(blocks.numbers == spans.numbers);
    CHECK(train::norm(cleared) == 0);
    cleared = slopes;
    one.step(std::span<float>(spans.numbers), slopes.flat(), 0.1);
    other.step_and_clear(blocks, cleared, 0.1, 1, pool);
    CHECK(blocks.numbers == spans.numbers);
}

TEST_CASE("a saved optimiser continues exactly") {
    const auto n = reference::size;
    check_continues(train::sgd<float>(n), train::sgd<float>(n));
    check_continues(train::sgd<float>(n, 0.9), train::sgd<float>(n, 0.9));
    check_continues(train::adam<float>(n), train::adam<float>(n));
    check_continues(train::adam_w<float>(n, 0.1), train::adam_w<float>(n, 0.1));
}

TEST_CASE("options out of their range are errors, in the type that is used") {
    const auto fails = [](auto make, const char* part) {
        CHECK_THROWS_AS(make(), sequent::argument_error);
        CHECK_THROWS_AS(make(), std::invalid_argument);
        CHECK_THROWS_WITH(make(), sequent_test::contains(part));
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto adam_fails = [&](train::adam_options options, const char* part) {
        fails([&] { return train::adam<float>(3, options); }, part);
        fails([&] { return train::adam_w<float>(3, 0.1, {}, options); }, part);
    };
    adam_fails({.epsilon = 0}, "epsilon is 0, expected a finite number of at least 1.08e-19");
    adam_fails({.epsilon = 1e-46}, "epsilon is 1e-46");
    adam_fails({.epsilon = nan}, "epsilon is nan");
    adam_fails({.epsilon = 1e39}, "epsilon is 1e+39");
    adam_fails({.beta1 = 1}, "beta1 is 1");
    adam_fails({.beta1 = -0.1}, "beta1 is -0.1");
    adam_fails({.beta2 = 1}, "beta2 is 1");
    adam_fails({.beta2 = nan}, "beta2 is nan");
    // One in float, less in double.
    adam_fails({.beta2 = 1 - 1e-9}, "as a float, below 1");
    CHECK_NOTHROW(train::adam<double>(3, {.beta2 = 1 - 1e-9, .epsilon = 1e-46}));
    fails([] { return train::sgd<float>(3, -0.5); }, "momentum is -0.5");
    fails([] { return train::sgd<float>(3, 1); }, "momentum is 1");
    fails([&] { return train::sgd<float>(3, nan); }, "momentum is nan");
    fails([] { return train::adam_w<float>(3, -0.1); }, "weight decay is -0.1");
    fails([] { return train::adam_w<float>(3, 1e39); }, "weight decay is 1e+39");
    fails([&] { return train::adam_w<double>(1, 0.1, std::array{nan}); }, "mask is nan");
}

TEST_CASE("a parameter without gradient stays where it is") {
    const auto stays = []<class T>(T epsilon) {
        train::adam<T> optimizer(3, {.epsilon = static_cast<double>(epsilon)});
        std::vector<T> parameters{1, 2, 3};
        const std::vector<T> gradient{0, 1, -0.0F};
        for (int step = 0; step < 3; ++step) optimizer.step(parameters, gradient, 0.1);
        CHECK(parameters[0] == 1);
        CHECK(parameters[1] == Approx(1.7));
        CHECK(parameters[2] == 3);
    };
    stays(0x1p-63F);
    stays(0x1p-511);
}

TEST_CASE("a large gradient does not stop a parameter of Adam, a tiny one does not throw it") {
    const train::adam_options options{.beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-18};
    train::adam<float> narrow(4, options);
    train::adam<double> wide(4, options);
    std::vector<float> few{1, 1, 1, 1};
    std::vector<double> many{1, 1, 1, 1};
    const auto step = [&](double a, double b, double c) {
        const std::vector<float> gradient{static_cast<float>(a), static_cast<float>(b),
                                          static_cast<float>(c), 1};
        narrow.step(few, gradient, 0.01);
        wide.step(many, std::vector<double>(gradient.begin(), gradient.end()), 0.01);
    };
    step(1e21, -3e38, 1e-22);
    check_near(few, std::vector<double>{0.99, 1.01, many[2], 0.99}, 1e-6);
    // The square's memory of it fades: 0.9^900 * 1e42 is nothing beside 1.
    for (int at = 0; at < 1700; ++at) step(1, 1, 1e-22);
    CHECK(std::isfinite(few[0]));
    const float before = few[0], other = few[1];
    step(1, 1, 1e-22);
    CHECK(before - few[0] == Approx(0.01).epsilon(1e-3));
    CHECK(other - few[1] == Approx(0.01).epsilon(1e-3));
    CHECK(std::abs(static_cast<double>(few[2]) - many[2]) < 1e-3);
}

TEST_CASE("a gradient that is not finite makes its parameter NaN, and no other one") {
    train::adam<float> optimizer(3);
    std::vector<float> parameters{1, 1, 1};
    const float infinity = std::numeric_limits<float>::infinity();
    optimizer.step(parameters, std::array{infinity, 1.0F, std::nanf("")}, 0.1);
    CHECK(std::isnan(parameters[0]));
    CHECK(parameters[1] == Approx(0.9));
    CHECK(std::isnan(parameters[2]));
}

TEST_CASE("a step changes nothing behind the last parameter") {
    std::vector<float> parameters(reference::size + 16, 3.0F);
    const auto gradient = gradient_of_step<float>(0);
    train::adam_w<float> optimizer(reference::size, 0.1);
    optimizer.step(std::span(parameters).first<reference::size>(), gradient, 0.05);
    for (std::size_t at = reference::size; at < parameters.size(); ++at) {
        CHECK(parameters[at] == 3.0F);
    }
}

TEST_CASE("arrays of other sizes than the optimiser's are refused and left as they are") {
    const auto fails = [](auto optimizer) {
        std::vector<float> eight(8, 1.0F), four(4, 1.0F), nine(9, 1.0F);
        sequent::thread_pool pool(2);
        using sequent_test::contains;
        CHECK_THROWS_WITH(optimizer.step(four, four, 0.1), contains("parameters") &&
                                                               contains("has 4 elements") &&
                                                               contains("expected 8"));
        CHECK_THROWS_WITH(optimizer.step_and_clear(eight, nine, 0.1),
                          contains("gradient") && contains("has 9 elements"));
        CHECK_THROWS_AS(optimizer.step_and_clear(nine, eight, 0.1, 1.0F, pool),
                        sequent::argument_error);
        CHECK(optimizer.steps() == 0);
        CHECK(eight == std::vector<float>(8, 1.0F));
        CHECK(nine == std::vector<float>(9, 1.0F));
    };
    fails(train::sgd<float>(8));
    fails(train::sgd<float>(8, 0.9));
    fails(train::adam<float>(8));
    fails(train::adam_w<float>(8, 0.1));
}
