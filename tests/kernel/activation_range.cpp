#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "sequent/kernel/activation.hpp"

namespace kernel = sequent::kernel;
using kernel::activation;

// Functions of one number, and their derivatives, over the whole range of their type.

namespace {

constexpr double slope = 0.1;
constexpr double cap = 3;
const double pi = std::acos(-1.0);

double value(activation f, double x) {
    const double u = std::sqrt(2 / pi) * (x + 0.044715 * x * x * x);
    switch (f) {
        case activation::relu:
            return x > 0 ? x : 0;
        case activation::leaky_relu:
            return x > 0 ? x : slope * x;
        case activation::gelu:
            return x * (0.5 * std::erfc(-x / std::sqrt(2.0)));
        case activation::gelu_tanh:
            return x * (0.5 * (1 + std::tanh(u)));
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
        case activation::softplus:
            return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
        case activation::sign:
            return x > 0 ? 1 : x < 0 ? -1 : 0;
        case activation::step:
            return x > 0 ? 1 : 0;
        case activation::abs:
            return std::abs(x);
        case activation::erf:
            return std::erf(x);
        case activation::clamp:
            return std::clamp(x, slope, 17.0);
        case activation::lukasiewicz:
            return 1 / (1 + std::exp(-6 * x - 0.5));
        default:
            return x;
    }
}

double slope_of(activation f, double x) {
    const double u = std::sqrt(2 / pi) * (x + 0.044715 * x * x * x);
    const double s = 1 / (1 + std::exp(-x));
    const double t = std::tanh(f == activation::soft_cap ? x / cap : x);
    switch (f) {
        case activation::relu:
            return x > 0 ? 1 : 0;
        case activation::leaky_relu:
            return x > 0 ? 1 : slope;
        case activation::gelu:
            return 0.5 * std::erfc(-x / std::sqrt(2.0)) +
                   x * (std::exp(-0.5 * x * x) / std::sqrt(2 * pi));
        case activation::gelu_tanh:
            if (std::abs(x) > 30) return x > 0 ? 1 : 0;
            return 0.5 * (1 + std::tanh(u)) + 0.5 * x * (1 - std::tanh(u) * std::tanh(u)) *
                                                  std::sqrt(2 / pi) * (1 + 0.134145 * x * x);
        case activation::silu:
            return s + x * (s * (1 - s));
        case activation::sigmoid:
            return s * (1 - s);
        case activation::tanh:
        case activation::soft_cap:
            return 1 - t * t;
        case activation::exp:
            return std::exp(x);
        case activation::log:
            return 1 / x;
        case activation::sqrt:
            return 0.5 / std::sqrt(x);
        case activation::inverse:
            return -1 / x / x;
        case activation::complement:
            return -1;
        case activation::scale:
            return slope;
        case activation::softplus:
            return s;
        case activation::sign:
        case activation::step:
            return 0;
        case activation::abs:
            return value(activation::sign, x);
        case activation::erf:
            return 2 / std::sqrt(pi) * std::exp(-x * x);
        case activation::clamp:
            return x >= slope && x <= 17 ? 1 : 0;
        case activation::lukasiewicz: {
            const double y = value(f, x);
            return 6 * y * (1 - y);
        }
        default:
            return 1;
    }
}

template <class T>
bool is_near(T found, double exact) {
    const T right = static_cast<T>(exact);
    if (!std::isfinite(right)) return std::isnan(right) ? std::isnan(found) : found == right;
    const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-13;
    return std::abs(static_cast<double>(found) - exact) <=
           tolerance * std::max(1.0, std::abs(exact));
}

template <activation F, class T>
void agrees_with_formula() {
    INFO("activation " << static_cast<int>(F));
    using limits = std::numeric_limits<T>;
    const T parameter = F == activation::soft_cap ? T(cap) : T(slope);
    const bool positive = F == activation::log || F == activation::sqrt;
    for (const T size :
         {T(0), limits::denorm_min(), limits::min(), T(1e-30), T(1e-8), T(0.3), T(1), T(17), T(87),
          T(89), T(710), T(1e10), T(3e18), T(1.1e19), limits::max() / 2, limits::max()})
        for (const T x : {size, -size}) {
            // Logarithms of denormal numbers differ by instruction set.
            if (positive && x < limits::min()) continue;
            if (F == activation::inverse && std::abs(x) < limits::min()) continue;
            const T y = kernel::apply<F>(x, parameter, T(17));
            const T d = kernel::derivative<F>(x, y, parameter, T(17));
            INFO("at " << x << ": " << y << ", slope " << d);
            CHECK(is_near(y, value(F, static_cast<double>(x))));
            CHECK(is_near(d, slope_of(F, static_cast<double>(x))));
        }
}

template <class T, class Bits>
void check_nan(Bits bits) {
    const T x = std::bit_cast<T>(bits);
    INFO("the bits " << bits);
    CHECK(std::isnan(kernel::exp(x)));
    CHECK(std::isnan(kernel::log(x)));
    CHECK(std::isnan(kernel::tanh(x)));
    CHECK(std::isnan(kernel::erf(x)));
    CHECK(std::isnan(kernel::sigmoid(x)));
    CHECK(std::isnan(kernel::apply<activation::relu>(x)));
    CHECK(std::isnan(kernel::apply<activation::leaky_relu>(x, T(slope))));
    CHECK(std::isnan(kernel::apply<activation::gelu>(x)));
    CHECK(std::isnan(kernel::apply<activation::gelu_tanh>(x)));
    CHECK(std::isnan(kernel::apply<activation::silu>(x)));
    CHECK(std::isnan(kernel::apply<activation::soft_cap>(x, T(cap))));
    CHECK(std::isnan(kernel::apply<activation::softplus>(x)));
    CHECK(std::isnan(kernel::apply<activation::sign>(x)));
    CHECK(std::isnan(kernel::apply<activation::step>(x)));
    CHECK(std::isnan(kernel::apply<activation::abs>(x)));
    CHECK(std::isnan(kernel::apply<activation::power>(x, T(3))));
    CHECK(std::isnan(kernel::apply<activation::power>(x, T(0.5))));
    CHECK(std::isnan(kernel::apply<activation::clamp>(x, T(-1), T(1))));
    CHECK(std::isnan(kernel::apply<activation::lukasiewicz>(x)));
    CHECK(std::isnan(kernel::derivative<activation::gelu>(x, x)));
    CHECK(std::isnan(kernel::derivative<activation::gelu_tanh>(x, x)));
    CHECK(std::isnan(kernel::derivative<activation::silu>(x, x)));
    // The gradient that comes to a relu of NaN passes.
    CHECK(kernel::derivative<activation::relu>(x, x) == T(1));
}

}  // namespace

TEMPLATE_TEST_CASE("activations and derivatives of every size of number", "[activation]", float,
                   double) {
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
    agrees_with_formula<activation::softplus, T>();
    agrees_with_formula<activation::sign, T>();
    agrees_with_formula<activation::step, T>();
    agrees_with_formula<activation::abs, T>();
    agrees_with_formula<activation::erf, T>();
    agrees_with_formula<activation::clamp, T>();
    agrees_with_formula<activation::lukasiewicz, T>();
}

TEST_CASE("NaN stays NaN whatever its bits are", "[activation]") {
    for (const std::uint32_t bits : {0x7fc00000u, 0x7fc001ffu, 0x7fffffffu, 0x7f800001u,
                                     0x7fa00000u, 0xffc00000u, 0xffc12345u})
        check_nan<float>(bits);
    for (const std::uint64_t bits : {0x7ff8000000000000u, 0x7ff80000000001ffu, 0x7fffffffffffffffu,
                                     0x7ff0000000000001u, 0xfff8000000000000u, 0xfff80000deadbeefu})
        check_nan<double>(bits);
}
