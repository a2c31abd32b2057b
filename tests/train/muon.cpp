#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <sequent/fit.hpp>
#include <sequent/nn.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "../catch.hpp"
#include "numbers.hpp"

namespace train = sequent::train;
using namespace train_test;

// tests/train/reference/muon.py
namespace reference {
constexpr std::array wide{-1.2191719421944374, 0.4973527552063675,    -0.509817429573467,
                          1.249263004417571,   0.2429663998946037,    -0.7591527353118852,
                          0.9893533092773918,  -0.014686805822396008, -0.9816263402903425,
                          0.743534584862222,   -0.2605272803395632,   -1.226541160839782,
                          0.4960747430049224,  -0.47046845045793917,  1.247775646252476};
constexpr std::array tall{-1.2164620060175837, 0.5013810529107336,    -0.5097568420381432,
                          1.2512593574079864,  0.2431269936351864,    -0.7630384248259635,
                          0.9965560914060713,  -0.007962858033305754, -0.9780615333230439,
                          0.747112708759352,   -0.26193674107739007,  -1.2264037090455453};
constexpr std::array tall_by_jordan{-1.1584020528337449, 0.5110049257110185,   -0.5484067750226909,
                                    1.2899190528292754,  0.22946991701470826,  -0.8209032437494034,
                                    1.0079166698933446,  -0.03413236480678238, -0.941683299728019,
                                    0.7526385141358386,  -0.3032480784226751,  -1.1892073902627776};
constexpr std::array vector{-1.1700000004000002, 0.5625424859010983, -0.5724672195746857,
                            1.3195974675379978};
}  // namespace reference

namespace {

/// Where the elements of three weights are: a 3 x 5 matrix by columns with a gap, a vector of 4
/// within that gap and a 6 x 2 matrix by rows.
struct layout {
    std::vector<std::size_t> wide, tall, vector;

    layout() {
        for (std::size_t at = 0; at < 15; ++at) wide.push_back(at % 5 * 4 + at / 5);
        for (std::size_t at = 0; at < 4; ++at) vector.push_back(4 * at + 3);
        for (std::size_t at = 0; at < 12; ++at) tall.push_back(20 + at);
    }

    static train::parameter_groups groups() {
        train::parameter_groups result;
        for (int at = 0; at < 32; ++at) {
            train::parameter_run run;
            run.in_matrix = at >= 20 || at % 4 != 3;
            run.decay = run.in_matrix ? 1 : 0;
            result.push(run);
        }
        result.matrices = {{0, 3, 5, 1, 4}, {20, 6, 2, 2, 1}};
        return result;
    }
};

template <class T>
std::vector<T> taken(std::span<const T> from, const std::vector<std::size_t>& places) {
    std::vector<T> result;
    for (const std::size_t place : places) result.push_back(from[place]);
    return result;
}

/// Three steps; the parameters after them.
template <class T>
std::vector<T> run(train::muon<T> optimizer, sequent::thread_pool* pool = nullptr) {
    const layout places;
    std::vector<T> p(32), gradient(32);
    const auto put = [](std::vector<T>& to, const std::vector<std::size_t>& where, auto value) {
        const std::vector<T> from = value(static_cast<int>(where.size()));
        for (std::size_t at = 0; at < where.size(); ++at) to[where[at]] = from[at];
    };
    const auto fill = [&](std::vector<T>& to, auto value) {
        for (const auto* each : {&places.wide, &places.tall, &places.vector}) put(to, *each, value);
    };
    fill(p, [](int count) { return sequence<T>(count); });
    for (int step = 0; step < 3; ++step) {
        fill(gradient, [&](int count) { return sequence<T>(count, 5 + step, 13, 6, 3); });
        const double rate = std::array{0.05, 0.02, 0.01}[static_cast<std::size_t>(step)];
        const std::vector<T> before = gradient;
        if (pool != nullptr)
            optimizer.step_and_clear(p, gradient, rate, 1, *pool);
        else if (step == 1)
            optimizer.step(p, gradient, rate);
        else
            optimizer.step_and_clear(p, gradient, rate);
        CHECK(gradient == (pool == nullptr && step == 1 ? before : std::vector<T>(32)));
    }
    return p;
}

template <class T>
void check_numbers(double tolerance) {
    const layout places;
    const auto p = run<T>({layout::groups(), 0.1});
    check_near(taken<T>(p, places.wide), reference::wide, tolerance);
    check_near(taken<T>(p, places.tall), reference::tall, tolerance);
    check_near(taken<T>(p, places.vector), reference::vector, tolerance);
    const auto other = run<T>({layout::groups(), 0.1, {.nesterov = false, .as_adam = false}});
    check_near(taken<T>(other, places.tall), reference::tall_by_jordan, tolerance);

    sequent::thread_pool pool(3);
    CHECK(run<T>({layout::groups(), 0.1}, &pool) == p);
}

}  // namespace

TEST_CASE("Muon gives PyTorch's numbers, wherever the matrices lie") {
    check_numbers<double>(1e-13);
    check_numbers<float>(1e-6);
    CHECK_THROWS_AS(train::muon<float>(layout::groups(), 0.1, {.momentum = 1}),
                    std::invalid_argument);
    CHECK_THROWS_AS(train::muon<float>(layout::groups(), 0.1, {.iterations = 0}),
                    std::invalid_argument);
}

namespace {

using Model =
    sequent::transformer::encoder<sequent::tokens<3>, sequent::width<4>, sequent::heads<2>>;
using Parameters = Model::parameters<float>;

/// Sets each weight to a number of its own.
void fill(Parameters& p, float scale) {
    float number = 1;
    Model::for_each(p, [&](std::string_view, const auto& view) {
        for (int at = 0; at < view.size(); ++at) view.element(at) = scale * (number += 1.0F / 128);
    });
}

}  // namespace

TEST_CASE("groups have a rate, a decay, or are frozen, as they would be alone") {
    using train::parameter_group;
    const auto groups = train::groups_of<Model>([](std::string_view name, auto) {
        return name == "W_query" ? parameter_group{.rate = 0.25, .decay = 2}
               : name == "W_key" ? parameter_group{.frozen = true}
                                 : parameter_group{};
    });
    const auto after = [](auto optimizer, double rate, sequent::thread_pool* pool) {
        auto p = sequent::make_unique<Parameters>();
        auto gradient = sequent::make_unique<Parameters>();
        fill(*p, 1);
        for (int step = 0; step < 3; ++step) {
            fill(*gradient, step == 1 ? -0.5F : 2);
            if (pool != nullptr)
                optimizer.step_and_clear(p->flat(), gradient->flat(), rate, 0.5F, *pool);
            else
                optimizer.step_and_clear(p->flat(), gradient->flat(), rate, 0.5F);
            for (const float each : gradient->flat()) REQUIRE(each == 0);
        }
        return p;
    };
    const std::size_t size = Parameters::size;
    const auto check = [&](const auto& found, const auto& start, const auto& usual,
                           const auto& query) {
        int seen = 0;
        Model::for_each(*found, [&](std::string_view name, const auto& view) {
            int which = 0;
            for (const auto* other : {&usual, &start, &query}) {
                const bool mine = which == (name == "W_key" ? 1 : name == "W_query" ? 2 : 0);
                Model::for_each(**other, [&](std::string_view same, const auto& expected) {
                    if (!mine || same != name) return;
                    ++seen;
                    for (int at = 0; at < view.size(); ++at)
                        CHECK(view.element(at) == expected.element(at));
                });
                ++which;
            }
        });
        int weights = 0;
        Model::for_each_shape([&](auto, auto) { ++weights; });
        CHECK(seen == weights);
    };
    auto start = sequent::make_unique<Parameters>();
    fill(*start, 1);
    const auto marked = sequent::make_unique<Parameters>();
    Model::mark_decayed(*marked);
    sequent::thread_pool pool(2);
    for (sequent::thread_pool* on : {static_cast<sequent::thread_pool*>(nullptr), &pool}) {
        check(after(train::adam_w<float>(groups, 0.5), 0.125, on), start,
              after(train::adam_w<float>(size, 0.5, marked->flat()), 0.125, on),
              after(train::adam_w<float>(size, 1), 0.03125, on));
        check(after(train::sgd<float>(groups, 0.5), 0.125, on), start,
              after(train::sgd<float>(size, 0.5), 0.125, on),
              after(train::sgd<float>(size, 0.5), 0.03125, on));
    }

    // Frozen weights do not count in the norm by which a trainer clips.
    std::vector<float> ones(size, 1);
    groups.clear_frozen(std::span<float>(ones));
    int counted = 0;
    Model::for_each(std::span<const float>(ones), [&](std::string_view name, const auto& view) {
        for (int at = 0; at < view.size(); ++at)
            counted += view.element(at) == (name == "W_key" ? 0.0F : 1.0F);
    });
    CHECK(counted == Model::parameter_count);
    // A matrix for each head and weight matrix, but not of W_key.
    int matrices = 0;
    Model::for_each_shape([&](std::string_view name, auto extents) {
        if (name != "W_key" && name.starts_with("W_"))
            matrices += extents.size() == 3 ? extents[0] : 1;
    });
    CHECK(static_cast<int>(groups.matrices.size()) == matrices);
    CHECK_THROWS_AS(train::groups_of<Model>([](auto, auto) { return parameter_group{.rate = -1}; }),
                    sequent::argument_error);
    // Finite factors, whose product is not.
    const auto large =
        train::groups_of<Model>([](auto, auto) { return parameter_group{.decay = 1e30}; });
    CHECK_THROWS_AS(train::muon<float>(large, 1e10), std::invalid_argument);
    CHECK_THROWS_AS(train::adam_w<float>(large, 1e10), std::invalid_argument);
}

TEST_CASE("a trainer with Muon learns") {
    sequent::thread_pool pool(2);
    train::trainer<Model, float, train::muon<float>> trainer(
        pool, 5, train::muon<float>(train::groups_of<Model>(), 0.1));
    const std::vector<float> x(12, 0.5F), y{1, -1, 0, 1, -1, 1, 0, 0, 1, 1, -1, -1};
    const std::vector<Model::facts<float>> facts{Model::facts<float>({x}),
                                                 Model::facts<float>({y})};
    const auto step = [&] {
        return trainer.step(facts, 0.01, [&](int, auto output, auto gradient) {
            return train::squared_error(output, y, gradient, 0.5);
        });
    };
    const double before = step();
    for (int at = 0; at < 50; ++at) step();
    CHECK(step() < 0.8 * before);
}
