#include <sequent/train.hpp>

#include "rules.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define SEQUENT_TEST_SMALL_STACK
#endif

// Nothing of a model's size stands on the stack, at any optimisation: these run with 256 KB of it.

#ifdef SEQUENT_TEST_SMALL_STACK

namespace {

using namespace names;
using sequent::fact;

/// Runs f on a thread with a small stack.
template <class F>
void on_a_small_stack(F f) {
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
    pthread_t thread;
    const auto call = [](void* of) -> void* {
        (*static_cast<F*>(of))();
        return nullptr;
    };
    REQUIRE(pthread_create(&thread, &attributes, call, &f) == 0);
    REQUIRE(pthread_join(thread, nullptr) == 0);
    pthread_attr_destroy(&attributes);
}

constexpr int n = 256;
// A bare matrix is a value of the rule: only the general loops take it.
inline constexpr weight<"M", n, n> M;
inline constexpr auto wide = rules(out(i) <<= (M, x(i)) | product() | tanh());
using wide_model = sequent::model<wide, fact<"x", 2, n>>;

inline constexpr auto graph = rules(out(i) <<= (x(j), r<"edge">(i, j)) | product() | sum(j));
using graph_model =
    sequent::model<graph, fact<"x", 600, 1>, fact<"edge", sequent::sparse<300'000>, 600, 600>>;

}  // namespace

TEST_CASE("large values of general loops are not on the stack") {
    auto p = sequent::make_unique<wide_model::parameters<float>>();
    auto gradient = sequent::make_unique<wide_model::parameters<float>>();
    auto w = sequent::make_unique<wide_model::workspace<float>>();
    std::vector<float> inputs(2 * n), dy(2 * n, 1.0F), found;
    sequent::random_numbers random(1);
    for (float& each : inputs) each = static_cast<float>(random.normal());
    on_a_small_stack([&] {
        *p = {};
        *gradient = {};
        wide_model::initialize(*p, 3);
        const auto result = wide_model::forward(*p, {inputs}, *w);
        for (int at = 0; at < result.size(); ++at) found.push_back(result.element(at));
        wide_model::backward(*p, {inputs}, dy, *w, *gradient);
    });
    // tanh(M x), and the gradient of M, which is the sum over rows of (1 - y^2) x^T.
    const auto matrix = (*p)[M];
    sequent_test::largest_error error, gradient_error;
    for (int row = 0; row < n; ++row) {
        double slope[2];
        for (int at = 0; at < 2; ++at) {
            double sum = 0;
            for (int column = 0; column < n; ++column)
                sum += static_cast<double>(matrix(row, column)) *
                       static_cast<double>(inputs[check::to_size(at * n + column)]);
            const double value = std::tanh(sum);
            slope[at] = 1 - value * value;
            error.add(found.at(check::to_size(at * n + row)), value);
        }
        for (int column = 0; column < n; ++column) {
            const double expected =
                slope[0] * static_cast<double>(inputs[check::to_size(column)]) +
                slope[1] * static_cast<double>(inputs[check::to_size(n + column)]);
            gradient_error.add((*gradient)[M](row, column), expected);
        }
    }
    CHECK(found.size() == 2 * n);
    CHECK(error.value() < 1e-5);
    CHECK(gradient_error.value() < 1e-4);
}

TEST_CASE("facts with room for many pairs are not on the stack") {
    std::vector<float> inputs(600, 2.0F);
    std::vector<std::int32_t> pairs{0, 1, 0, 2, 599, 599};
    auto w = sequent::make_unique<graph_model::workspace<float>>();
    std::vector<float> found(600);
    on_a_small_stack([&] {
        const graph_model::parameters<float> p{};
        const auto result = graph_model::forward(p, {inputs, sequent::sparse_pairs(pairs)}, *w);
        for (int at = 0; at < 600; ++at) found[check::to_size(at)] = result.element(at);
    });
    std::vector<float> expected(600);
    expected[0] = 4;
    expected[599] = 2;
    CHECK(found == expected);
}

TEST_CASE("large blocks are filled and marked in place") {
    auto mask = sequent::make_unique<wide_model::parameters<double>>();
    auto w = sequent::make_unique<wide_model::workspace<double>>();
    on_a_small_stack([&] {
        wide_model::mark_decayed(*mask);
        *w = {};
    });
    CHECK(std::ranges::all_of(mask->flat(), [](double each) { return each == 1; }));
    on_a_small_stack([&] { *mask = {}; });
    CHECK(std::ranges::all_of(mask->flat(), [](double each) { return each == 0; }));
}

#endif
