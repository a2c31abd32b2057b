#include "sequent/kernel/activation.hpp"

#include <algorithm>
#include <cmath>

#include "../catch.hpp"
#include "../oracle/value.hpp"

namespace kernel = sequent::kernel;
using kernel::activation;

// Every function of the table, against the oracle's formulas and their differences.

namespace {

struct range {
    double low = -6;
    double a = 0;
    double b = 0;
};
constexpr range range_of(activation f) {
    switch (f) {
        case activation::log:
        case activation::sqrt:
        case activation::inverse:
            return {0.1};
        case activation::leaky_relu:
        case activation::scale:
            return {-6, 0.1};
        case activation::soft_cap:
            return {-6, 3};
        case activation::clamp:
            return {-6, -1.53, 2.47};
        default:
            return {};
    }
}

template <activation F, class T>
void agrees_with_formula(range of = range_of(F)) {
    const T a = static_cast<T>(of.a);
    const T b = static_cast<T>(of.b);
    constexpr int n = kernel::lanes<T>;
    const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-13;
    for (int i = 0; i < 640; i += n) {
        T x[n], y[n], d[n];
        for (int l = 0; l < n; ++l) x[l] = static_cast<T>(of.low + 12.03 * (i + l) / 640);
        const kernel::batch<T> v = kernel::load(x);
        const kernel::batch<T> w = kernel::apply<F>(v, a, b);
        kernel::store(y, w);
        // Where the output is enough, the input may be anything.
        const auto given = kernel::derivative_needs_input(F) ? v : kernel::set(T(NAN));
        kernel::store(d, kernel::derivative<F>(given, w, a, b));
        for (int l = 0; l < n; ++l) {
            const auto formula = [&](double at) {
                return oracle::element_transformed(
                    static_cast<sequent::language::transformation>(F), at, static_cast<double>(a),
                    static_cast<double>(b));
            };
            const double at = static_cast<double>(x[l]);
            const double exact = formula(at);
            INFO("activation " << static_cast<int>(F) << " at " << x[l] << ": " << y[l]
                               << ", slope " << d[l]);
            REQUIRE(std::abs(static_cast<double>(y[l]) - exact) <=
                    tolerance * std::max(1.0, std::abs(exact)));
            REQUIRE(kernel::apply<F>(x[l], a, b) == y[l]);
            if (std::abs(at) < 1e-4) continue;  // the kinks
            const double h = 1e-5;
            const double rate = (formula(at + h) - formula(at - h)) / (2 * h);
            const double allowed = sizeof(T) == 4 ? 3e-6 : 1e-8;
            REQUIRE(std::abs(static_cast<double>(d[l]) - rate) <=
                    allowed * std::max(1.0, std::abs(rate)));
        }
    }
}

}  // namespace

TEMPLATE_TEST_CASE("activations and their derivatives", "[activation]", float, double) {
    using T = TestType;
#define AGREES(name, ...) agrees_with_formula<activation::name, T>();
    SEQUENT_ELEMENT_FUNCTIONS(AGREES)
#undef AGREES
    for (const double exponent : {1.0, 2.0, 5.0})
        agrees_with_formula<activation::power, T>({-6, exponent});
    for (const double exponent : {-2.0, 0.5, -1.3, 2.75})
        agrees_with_formula<activation::power, T>({0.5, exponent});
}
