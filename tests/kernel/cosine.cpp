#include "sequent/kernel/cosine.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"

namespace kernel = sequent::kernel;

namespace {

template <class T>
T cosine(const std::vector<T>& a, const std::vector<T>& b) {
    return kernel::cosine<T>(a.data(), b.data(), static_cast<int>(a.size())).value();
}

/// The gradient by plain loops, of vectors whose squares are in range.
double gradient(const std::vector<double>& a, const std::vector<double>& b, std::size_t at) {
    double dot = 0, aa = 0, bb = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        dot += a[k] * b[k];
        aa += a[k] * a[k];
        bb += b[k] * b[k];
    }
    return b[at] / std::sqrt(aa * bb) - dot / std::sqrt(aa * bb) * a[at] / aa;
}

}  // namespace

TEMPLATE_TEST_CASE("the cosine over the range of its type", "[cosine]", float, double) {
    using T = TestType;
    using list = std::vector<T>;
    const T large = std::numeric_limits<T>::max() / 2, small = std::numeric_limits<T>::denorm_min();
    CHECK(cosine<T>({T(0.6) * large, T(0.9) * large}, {1, 1}) == Approx(0.98058067569));
    CHECK(cosine<T>({3 * small, 4 * small}, {3 * small, 4 * small}) == Approx(1));
    CHECK(cosine<T>({large, large}, {-large, -large}) == Approx(-1));
    CHECK(cosine<T>({0, 0}, {1, 1}) == T(0));
    CHECK(cosine<T>({1, 0}, {0, 1}) == T(0));
    list counted(84);
    for (std::size_t at = 0; at < counted.size(); ++at) counted[at] = static_cast<T>(at);
    CHECK(cosine(counted, counted) <= T(1));
    CHECK(cosine(counted, counted) == Approx(1));
    const T nan = std::numeric_limits<T>::quiet_NaN();
    CHECK(std::isnan(cosine<T>({1, nan}, {1, 1})));
    CHECK(std::isnan(cosine<T>({0, 0}, {nan, 1})));
}

TEMPLATE_TEST_CASE("the gradient of the cosine over the range of its type", "[cosine]", float,
                   double) {
    using T = TestType;
    const std::vector<double> a{3, -1, 0.5}, b{1, 2, 4};
    // Of vectors times a factor, it is that of the vectors by the factor.
    for (const int exponent : {0, 60, -60, std::numeric_limits<T>::max_exponent - 4}) {
        std::vector<T> scaled;
        for (const double each : a) scaled.push_back(static_cast<T>(std::ldexp(each, exponent)));
        const std::vector<T> other(b.begin(), b.end());
        const kernel::cosine<T> of(scaled.data(), other.data(), 3);
        for (int at = 0; at < 3; ++at) {
            INFO("2^" << exponent << ", element " << at);
            const auto place = static_cast<std::size_t>(at);
            const double found =
                std::ldexp(static_cast<double>(of.gradient(0, at, T(2))), exponent);
            CHECK(found == Approx(2 * gradient(a, b, place)));
            CHECK(of.gradient(1, at, T(2)) == Approx(2 * gradient(b, a, place)));
        }
    }
    const T zeros[2] = {0, 0}, ones[2] = {1, 1};
    CHECK(kernel::cosine<T>(zeros, ones, 2).gradient(0, 0, T(1)) == T(0));
}
