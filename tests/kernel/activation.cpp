#include "sequent/kernel/activation.hpp"

#include <algorithm>
#include <cmath>

#include "../catch.hpp"

namespace kernel = sequent::kernel;
using kernel::activation;

namespace {

constexpr double slope = 0.1;
constexpr double cap = 3.0;

double reference(activation f, double x) {
    const double pi = 3.14159265358979323846;
    switch (f) {
        case activation::identity:
            return x;
        case activation::relu:
            return x > 0 ? x : 0;
        case activation::leaky_relu:
            return x > 0 ? x : slope * x;
        case activation::gelu:
            return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
        case activation::gelu_tanh:
            return 0.5 * x * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
        case activation::silu:
            return x / (1 + std::exp(-x));
        case activation::sigmoid:
            return 1 / (1 + std::exp(-x));
        case activation::tanh:
            return std::tanh(x);
        case activation::exp:
            return std::exp(x);
        case activation::log:
            return std::log(x);
        case activation::sqrt:
            return std::sqrt(x);
        case activation::inverse:
            return 1 / x;
        case activation::complement:
            return 1 - x;
        case activation::scale:
            return slope * x;
        case activation::soft_cap:
            return cap * std::tanh(x / cap);
    }
    return 0;
}

template <activation F, class T>
void agrees_with_formula() {
    INFO("activation " << static_cast<int>(F));
    constexpr int n = kernel::lanes<T>;
    const T parameter = F == activation::soft_cap ? T(cap) : T(slope);
    const double low =
        F == activation::log || F == activation::sqrt || F == activation::inverse ? 0.1 : -6.0;
    const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-13;
    for (int i = 0; i < 640; i += n) {
        T x[n], y[n], d[n];
        for (int l = 0; l < n; ++l) x[l] = static_cast<T>(low + 12.03 * (i + l) / 640);
        const kernel::batch<T> v = kernel::load(x);
        const kernel::batch<T> w = kernel::apply<F>(v, parameter);
        kernel::store(y, w);
        // Where the output is enough, the input may be anything.
        const auto given = kernel::derivative_needs_input(F) ? v : kernel::set(T(NAN));
        kernel::store(d, kernel::derivative<F>(given, w, parameter));
        for (int l = 0; l < n; ++l) {
            const double at = static_cast<double>(x[l]);
            const double exact = reference(F, at);
            REQUIRE(std::abs(static_cast<double>(y[l]) - exact) <=
                    tolerance * std::max(1.0, std::abs(exact)));
            REQUIRE(kernel::apply<F>(x[l], parameter) == y[l]);
            if (std::abs(at) < 1e-4) continue;  // the kinks
            const double h = 1e-5;
            const double rate = (reference(F, at + h) - reference(F, at - h)) / (2 * h);
            const double allowed = sizeof(T) == 4 ? 3e-6 : 1e-8;
            REQUIRE(std::abs(static_cast<double>(d[l]) - rate) <=
                    allowed * std::max(1.0, std::abs(rate)));
        }
    }
}

}  // namespace

TEMPLATE_TEST_CASE("activations and their derivatives", "[activation]", float, double) {
    using T = TestType;
    agrees_with_formula<activation::identity, T>();
    agrees_with_formula<activation::relu, T>();
    agrees_with_formula<activation::leaky_relu, T>();
    agrees_with_formula<activation::gelu, T>();
    agrees_with_formula<activation::gelu_tanh, T>();
    agrees_with_formula<activation::silu, T>();
    agrees_with_formula<activation::sigmoid, T>();
    agrees_with_formula<activation::tanh, T>();
    agrees_with_formula<activation::exp, T>();
    agrees_with_formula<activation::log, T>();
    agrees_with_formula<activation::sqrt, T>();
    agrees_with_formula<activation::inverse, T>();
    agrees_with_formula<activation::complement, T>();
    agrees_with_formula<activation::soft_cap, T>();
    agrees_with_formula<activation::scale, T>();
}
