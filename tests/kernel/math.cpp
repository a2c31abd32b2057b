#include "sequent/kernel.hpp"

#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../error.hpp"

namespace kernel = sequent::kernel;

namespace {

/// The greatest error over n points of [low, high] in units in the last place of the result.
/// Results below the normal range are left to the tests of the ends.
template <class T, class F, class Reference>
double worst_ulp(F f, Reference reference, double low, double high, int n) {
    constexpr int lanes = kernel::lanes<T>;
    sequent_test::largest error;
    for (int i = 0; i < n; i += lanes) {
        T x[lanes], y[lanes];
        for (int l = 0; l < lanes; ++l) x[l] = static_cast<T>(low + (high - low) * (i + l) / n);
        kernel::store(y, f(kernel::load(x)));
        for (int l = 0; l < lanes; ++l) {
            const long double exact = reference(static_cast<long double>(x[l]));
            if (std::fabs(exact) < std::numeric_limits<T>::min()) continue;
            if (std::fabs(exact) > std::numeric_limits<T>::max()) continue;
            const int e = std::ilogb(exact);
            const long double ulp = std::ldexp(1.0L, e + 1 - std::numeric_limits<T>::digits);
            error.add(static_cast<double>(std::fabs(y[l] - exact) / ulp));
        }
    }
    return error.value();
}

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

}  // namespace

TEMPLATE_TEST_CASE("exp is within 2 ulp over the finite range", "[math]", float, double) {
    using T = TestType;
    const auto f = [](auto x) { return kernel::exp(x); };
    const auto reference = [](long double x) { return std::exp(x); };
    const double end = sizeof(T) == 4 ? 88.7228 : 709.78;
    CHECK(worst_ulp<T>(f, reference, -end, end, 1 << 20) <= 2.0);
    CHECK(worst_ulp<T>(f, reference, -1, 1, 1 << 20) <= 2.0);
    CHECK(worst_ulp<T>(f, reference, -1e-3, 1e-3, 1 << 16) <= 2.0);
}

TEMPLATE_TEST_CASE("exp is exact at the ends", "[math]", float, double) {
    using T = TestType;
    using limits = std::numeric_limits<T>;
    const T least = std::log(limits::min());
    const T greatest = std::log(limits::max());
    CHECK(kernel::exp(T(0)) == T(1));
    CHECK(kernel::exp(T(-0.0)) == T(1));
    CHECK(kernel::exp(-infinity<T>) == T(0));
    CHECK(kernel::exp(limits::lowest()) == T(0));
    CHECK(kernel::exp(infinity<T>) == infinity<T>);
    CHECK(kernel::exp(limits::max()) == infinity<T>);
    CHECK(kernel::exp(T(greatest + T(0.01))) == infinity<T>);
    CHECK(std::isfinite(kernel::exp(T(greatest - T(0.01)))));
    CHECK(std::isnan(kernel::exp(limits::quiet_NaN())));
    // Never a denormal: each step across the edge is zero or normal.
    T x = least + T(1);
    for (int i = 0; i < 4096; ++i) {
        const T y = kernel::exp(x);
        REQUIRE((y == T(0) || y >= limits::min()));
        x -= T(2) / 2048;
    }
    x = least;
    for (int i = 0; i < 64; ++i) x = std::nextafter(x, T(0));
    for (int i = 0; i < 128; ++i) {
        const T y = kernel::exp(x);
        REQUIRE((y == T(0) || y >= limits::min()));
        x = std::nextafter(x, -infinity<T>);
    }
    CHECK(kernel::exp(T(least - T(0.01))) == T(0));
    CHECK(kernel::exp(T(least + T(0.01))) > T(0));
}

TEMPLATE_TEST_CASE("log, tanh, erf and sigmoid are within 4 ulp", "[math]", float, double) {
    using T = TestType;
    const auto log = [](auto x) { return kernel::log(x); };
    const auto tanh = [](auto x) { return kernel::tanh(x); };
    const auto erf = [](auto x) { return kernel::erf(x); };
    const auto sigmoid = [](auto x) { return kernel::sigmoid(x); };
    const auto exact_log = [](long double x) { return std::log(x); };
    const auto exact_tanh = [](long double x) { return std::tanh(x); };
    const auto exact_erf = [](long double x) { return std::erf(x); };
    const auto exact_sigmoid = [](long double x) { return 1 / (1 + std::exp(-x)); };
    CHECK(worst_ulp<T>(log, exact_log, 1e-6, 4, 1 << 19) <= 4.0);
    CHECK(worst_ulp<T>(log, exact_log, 1, 1e30, 1 << 16) <= 4.0);
    CHECK(worst_ulp<T>(tanh, exact_tanh, -10, 10, 1 << 19) <= 4.0);
    CHECK(worst_ulp<T>(tanh, exact_tanh, -1e-2, 1e-2, 1 << 16) <= 4.0);
    CHECK(worst_ulp<T>(erf, exact_erf, -7, 7, 1 << 19) <= 4.0);
    CHECK(worst_ulp<T>(erf, exact_erf, -1e-2, 1e-2, 1 << 16) <= 4.0);
    CHECK(worst_ulp<T>(sigmoid, exact_sigmoid, -80, 80, 1 << 19) <= 4.0);
}

TEMPLATE_TEST_CASE("log, tanh, erf and sigmoid are exact at the ends", "[math]", float, double) {
    using T = TestType;
    CHECK(kernel::log(T(1)) == T(0));
    CHECK(kernel::log(T(0)) == -infinity<T>);
    CHECK(kernel::log(infinity<T>) == infinity<T>);
    CHECK(std::isnan(kernel::log(T(-1))));
    for (const T sign : {T(-1), T(1)}) {
        CHECK(kernel::tanh(sign * infinity<T>) == sign);
        CHECK(kernel::tanh(sign * T(1e30)) == sign);
        CHECK(kernel::erf(sign * infinity<T>) == sign);
        CHECK(kernel::erf(sign * T(1e30)) == sign);
    }
    CHECK(kernel::tanh(T(0)) == T(0));
    CHECK(kernel::erf(T(0)) == T(0));
    CHECK(kernel::sigmoid(T(0)) == T(0.5));
    CHECK(kernel::sigmoid(-infinity<T>) == T(0));
    CHECK(kernel::sigmoid(infinity<T>) == T(1));
}
