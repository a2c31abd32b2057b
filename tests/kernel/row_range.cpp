#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"
#include "sequent/kernel/row.hpp"

namespace kernel = sequent::kernel;

// Functions of rows over the whole range of their type.

namespace {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T largest = std::numeric_limits<T>::max();

template <int N, class T>
void norm_of_equal_is_zero(T number, T eps) {
    INFO(N << " times " << number << ", epsilon " << eps);
    const std::vector<T> x(N, number), dy(N, T(1));
    std::vector<T> y(N, T(7));
    kernel::norm<N>(x.data(), y.data(), eps);
    for (const T each : y) REQUIRE(each == T(0));
    kernel::norm_gradient<N>(x.data(), dy.data(), y.data(), eps);
    for (const T each : y) REQUIRE(std::abs(each) <= T(1e-4) / std::sqrt(eps));
}

/// Norms of rows times 2^exponent are those of the rows, and gradients are divided by it.
template <int N, class T>
void norms_are_scale_free(int exponent) {
    INFO(N << " numbers times 2^" << exponent);
    std::vector<T> x(N), large(N), dy(N), gain(N), one(N), other(N), zeros(N), unused(N);
    for (std::size_t at = 0; at < N; ++at) {
        x[at] = static_cast<T>(static_cast<double>(at * 37 % 23) / 11.5 - 0.95);
        large[at] = std::ldexp(x[at], exponent);
        dy[at] = static_cast<T>(static_cast<double>(at * 29 % 31) / 15.5 - 0.95);
        gain[at] = static_cast<T>(0.5 + static_cast<double>(at % 7));
    }
    const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
    const auto unscaled = [&](std::vector<T> of) {
        for (T& each : of) each = std::ldexp(each, exponent);
        return of;
    };
    kernel::layer_norm<N>(x.data(), gain.data(), zeros.data(), one.data(), T(0));
    kernel::layer_norm<N>(large.data(), gain.data(), zeros.data(), other.data(), T(1e-5));
    CHECK(sequent_test::error_of(other, one) < tolerance);
    other = large;
    kernel::norm<N>(x.data(), one.data(), T(0));
    kernel::norm<N>(other.data(), other.data(), T(1e-5));
    CHECK(sequent_test::error_of(other, one) < tolerance);
    kernel::rms_norm<N>(x.data(), gain.data(), one.data(), T(0));
    kernel::rms_norm<N>(large.data(), gain.data(), other.data(), T(1e-5));
    CHECK(sequent_test::error_of(other, one) < tolerance);

    kernel::layer_norm_gradient<N>(x.data(), gain.data(), dy.data(), one.data(), unused.data(),
                                   unused.data(), T(0));
    kernel::layer_norm_gradient<N>(large.data(), gain.data(), dy.data(), other.data(),
                                   unused.data(), unused.data(), T(1e-5));
    CHECK(sequent_test::error_of(unscaled(other), one) < tolerance);
    kernel::rms_norm_gradient<N>(x.data(), gain.data(), dy.data(), one.data(), unused.data(), T(0));
    kernel::rms_norm_gradient<N>(large.data(), gain.data(), dy.data(), other.data(), unused.data(),
                                 T(1e-5));
    CHECK(sequent_test::error_of(unscaled(other), one) < tolerance);
}

}  // namespace

TEMPLATE_TEST_CASE("norms of equal numbers are zero", "[row]", float, double) {
    using T = TestType;
    norm_of_equal_is_zero<768>(T(30.7), T(1e-12));
    norm_of_equal_is_zero<768>(T(1000.1), T(1e-5));
    norm_of_equal_is_zero<768>(T(100003.3), T(1e-5));
    norm_of_equal_is_zero<5>(T(-1e37), T(1e-5));
    norm_of_equal_is_zero<33>(largest<T>, T(1e-5));
}

TEMPLATE_TEST_CASE("norms of near numbers far from zero", "[row]", float, double) {
    using T = TestType;
    const T x[4] = {40000, 40001, 40002, 40003};
    T y[4];
    kernel::norm<4>(x, y, T(0));
    const double right[4] = {-1.34164079, -0.447213595, 0.447213595, 1.34164079};
    for (int at = 0; at < 4; ++at) CHECK(y[at] == Approx(right[at]));
    // A mean between two numbers of the type.
    const T next = std::nextafter(T(100003.3), T(200000));
    const T two[2] = {T(100003.3), next};
    kernel::norm<2>(two, y, T(0));
    CHECK(y[0] == Approx(-1));
    CHECK(y[1] == Approx(1));
}

TEMPLATE_TEST_CASE("norms of numbers whose squares overflow", "[row]", float, double) {
    using T = TestType;
    const int most = std::numeric_limits<T>::max_exponent - 2;
    norms_are_scale_free<5, T>(most);
    norms_are_scale_free<33, T>(most);
    norms_are_scale_free<33, T>(most / 2);
    norms_are_scale_free<768, T>(most / 2 - 3);
    const T ends[2] = {largest<T>, -largest<T>};
    T y[2];
    kernel::norm<2>(ends, y, T(1e-5));
    CHECK(y[0] == Approx(1));
    CHECK(y[1] == Approx(-1));
}

TEMPLATE_TEST_CASE("norms, softmax and sparsemax of a row with NaN are NaN", "[row]", float,
                   double) {
    using T = TestType;
    constexpr int n = 21;
    std::vector<T> x(n), y(n), dy(n, T(1));
    const auto all_nan = [&] {
        for (const T each : y)
            if (!std::isnan(each)) return false;
        return true;
    };
    for (std::size_t place = 0; place < n; ++place)
        for (const T others : {T(1), -infinity<T>}) {
            INFO("NaN at " << place << ", others " << others);
            x.assign(n, others);
            x[place] = not_a_number<T>;
            kernel::softmax<n>(x.data(), y.data());
            CHECK(all_nan());
            kernel::softmax_gradient<n>(y.data(), dy.data(), y.data());
            CHECK(all_nan());
            kernel::sparsemax<n>(x.data(), y.data());
            CHECK(all_nan());
            kernel::sparsemax_gradient<n>(y.data(), dy.data(), y.data());
            CHECK(all_nan());
            kernel::norm<n>(x.data(), y.data(), T(1e-5));
            CHECK(all_nan());
            kernel::rms_norm<n>(x.data(), dy.data(), y.data(), T(1e-5));
            CHECK(all_nan());
        }
}

TEMPLATE_TEST_CASE("softmax and sparsemax at the ends of the range", "[row]", float, double) {
    using T = TestType;
    T y[3];
    const T ends[3] = {largest<T>, -largest<T>, largest<T>};
    kernel::softmax<3>(ends, y);
    CHECK((y[0] == T(0.5) && y[1] == T(0) && y[2] == T(0.5)));
    kernel::sparsemax<3>(ends, y);
    CHECK((y[0] == T(0.5) && y[1] == T(0) && y[2] == T(0.5)));
    const T nothing[3] = {-infinity<T>, -infinity<T>, -infinity<T>};
    kernel::sparsemax<3>(nothing, y);
    for (const T each : y) CHECK(each == T(0));
    const T masked[3] = {-infinity<T>, T(1), -infinity<T>};
    kernel::sparsemax<3>(masked, y);
    CHECK((y[0] == T(0) && y[1] == T(1) && y[2] == T(0)));
    const T infinite[3] = {infinity<T>, T(1), T(2)};
    kernel::sparsemax<3>(infinite, y);
    for (const T each : y) CHECK(std::isnan(each));
}
