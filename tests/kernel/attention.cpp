#include "sequent/kernel/attention.hpp"

#include "attention_case.hpp"
#include "fused_attention.hpp"

namespace {

using namespace shapes;

}  // namespace

TEST_CASE("attention of all sizes agrees with plain loops", "[attention]") {
    check_fused<attention<1, 1, 1, full, dots<1>>, float>();
    check_fused<attention<2, 5, 2, full, dots<2, 50>>, double>();
    check_fused<attention<5, 2, 15, padded, dots<5>>, float>();
    check_fused<attention<65, 65, 33, full, dots<17, 30>>, float>();
    check_fused<attention<33, 15, 16, full, dots<16>>, double>();
}

TEST_CASE("some rows of attention are those of all", "[attention]") {
    check_ranges<attention<33, 33, 5, causal, dots<16, 50>>, float>();
}

namespace {

/// The gradients where all scores of a row are the same number, but not zero.
template <class T>
void check_large_scores(T large) {
    INFO("scores near " << large);
    problem<attention<5, 17, 3, causal, dots<1, 30>>, T> of(1);
    of.x[0].fill(large);
    of.y[0].fill(T(1));
    forward(of);
    backward(of);
    // Weights 1 / (i + 1), whatever the score is.
    std::vector<double> right(to_size(of.value.size()), 0.5);
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j <= i; ++j)
            for (int k = 0; k < 3; ++k)
                right[to_size(j * 4 + k)] +=
                    static_cast<double>(of.out_gradient[i * 6 + k]) / (i + 1);
    require_near("the gradient of the values", of.value_gradient, right);
}

}  // namespace

TEMPLATE_TEST_CASE("gradients of attention at large scores", "[attention]", float, double) {
    using T = TestType;
    for (const double large : {0.0, 1.0, 1e4, 1e6, 3e7, 1e12, 1e37})
        for (const double sign : {1, -1}) check_large_scores<T>(static_cast<T>(sign * large));
}
