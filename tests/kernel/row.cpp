#include "sequent/kernel/row.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"

namespace kernel = sequent::kernel;

namespace {

using row = std::vector<double>;

/// A row of n numbers with untouchable ones before and behind.
template <class T>
class guarded {
  public:
    explicit guarded(const row& from) : data_(from.size() + 2 * margin, sentinel) {
        for (std::size_t i = 0; i < from.size(); ++i) data_[margin + i] = static_cast<T>(from[i]);
    }
    T* get() { return data_.data() + margin; }
    row values() const {
        for (std::size_t i = 0; i < margin; ++i) {
            REQUIRE(data_[i] == sentinel);
            REQUIRE(data_[data_.size() - 1 - i] == sentinel);
        }
        return row(data_.begin() + margin, data_.end() - margin);
    }

  private:
    static constexpr std::size_t margin = 16;
    static constexpr T sentinel = T(12345);
    std::vector<T> data_;
};

row numbers(int n, unsigned seed, double scale = 1.0, double shift = 0.0) {
    row x(static_cast<std::size_t>(n));
    for (double& v : x) {
        seed = seed * 1664525u + 1013904223u;
        v = static_cast<float>(shift + scale * (static_cast<double>(seed >> 8) / (1 << 23) - 1.0));
    }
    return x;
}

double dot(const row& a, const row& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

void require_near(const row& a, const row& b, double tolerance) {
    REQUIRE(sequent_test::error_of(a, b) <= tolerance);
}

/// d dot(f(x), dy) / dx by central differences.
row differences(const std::function<row(const row&)>& f, row x, const row& dy) {
    const double h = 1e-5;
    row dx;
    for (double& v : x) {
        const double at = v;
        v = at + h;
        const double above = dot(f(x), dy);
        v = at - h;
        const double below = dot(f(x), dy);
        v = at;
        dx.push_back((above - below) / (2 * h));
    }
    return dx;
}

constexpr double eps = 1e-5;

row plain_norm(const row& x) {
    double mean = 0, variance = 0;
    for (const double v : x) mean += v;
    mean /= static_cast<double>(x.size());
    for (const double v : x) variance += (v - mean) * (v - mean);
    variance /= static_cast<double>(x.size());
    row y;
    for (const double v : x) y.push_back((v - mean) / std::sqrt(variance + eps));
    return y;
}

row plain_rms(const row& x) {
    row y;
    for (const double v : x)
        y.push_back(v / std::sqrt(dot(x, x) / static_cast<double>(x.size()) + eps));
    return y;
}

row plain_softmax(const row& x) {
    const double greatest = *std::max_element(x.begin(), x.end());
    row y;
    double sum = 0;
    for (const double v : x) sum += y.emplace_back(std::exp(v - greatest));
    for (double& v : y) v /= sum;
    return y;
}

/// By sorting, as in the paper's algorithm 1.
row plain_sparsemax(const row& x) {
    row z = x;
    std::sort(z.rbegin(), z.rend());
    double sum = 0, tau = 0;
    for (std::size_t k = 0; k < z.size(); ++k) {
        sum += z[k];
        if (1 + static_cast<double>(k + 1) * z[k] > sum)
            tau = (sum - 1) / static_cast<double>(k + 1);
    }
    row y;
    for (const double v : x) y.push_back(std::max(v - tau, 0.0));
    return y;
}

row times(const row& a, const row& b) {
    row y;
    for (std::size_t i = 0; i < a.size(); ++i) y.push_back(a[i] * b[i]);
    return y;
}

row plus(const row& a, const row& b) {
    row y;
    for (std::size_t i = 0; i < a.size(); ++i) y.push_back(a[i] + b[i]);
    return y;
}

template <class T>
constexpr double close = sizeof(T) == 4 ? 3e-5 : 1e-11;

// Differences lose half the digits, so gradients are near to them, not equal.
template <class T>
constexpr double nearby = sizeof(T) == 4 ? 3e-4 : 2e-6;

template <int N, class T>
void check_norms() {
    const row x = numbers(N, 1, 2.0, 0.5), gain = numbers(N, 2), bias = numbers(N, 3);
    const row dy = numbers(N, 4), before = numbers(N, 5);
    const T e = static_cast<T>(eps);
    guarded<T> gx(x), gg(gain), gb(bias), gdy(dy);

    guarded<T> y(before);
    kernel::norm<N>(gx.get(), y.get(), e);
    require_near(y.values(), plain_norm(x), close<T>);
    kernel::layer_norm<N>(gx.get(), gg.get(), gb.get(), y.get(), e);
    require_near(y.values(), plus(times(plain_norm(x), gain), bias), close<T>);
    kernel::rms_norm<N>(gx.get(), gg.get(), y.get(), e);
    require_near(y.values(), times(plain_rms(x), gain), close<T>);

    guarded<T> dx(before), dgain(before), dbias(before);
    kernel::norm_gradient<N>(gx.get(), gdy.get(), dx.get(), e);
    require_near(dx.values(), differences(plain_norm, x, dy), nearby<T>);
    kernel::layer_norm_gradient<N>(gx.get(), gg.get(), gdy.get(), dx.get(), dgain.get(),
                                   dbias.get(), e);
    const auto with_gain = [&](const row& v) { return times(plain_norm(v), gain); };
    require_near(dx.values(), differences(with_gain, x, dy), nearby<T>);
    require_near(dgain.values(), plus(before, times(dy, plain_norm(x))), close<T>);
    require_near(dbias.values(), plus(before, dy), close<T>);

    guarded<T> drms(before);
    kernel::rms_norm_gradient<N>(gx.get(), gg.get(), gdy.get(), dx.get(), drms.get(), e);
    const auto rms = [&](const row& v) { return times(plain_rms(v), gain); };
    require_near(dx.values(), differences(rms, x, dy), nearby<T>);
    require_near(drms.values(), plus(before, times(dy, plain_rms(x))), close<T>);

    // In place, and without the gradients of the parameters.
    guarded<T> in_place(x), gradient_in_place(dy);
    kernel::layer_norm_gradient<N, T>(gx.get(), gg.get(), gradient_in_place.get(),
                                      gradient_in_place.get(), nullptr, nullptr, e);
    require_near(gradient_in_place.values(), differences(with_gain, x, dy), nearby<T>);
    kernel::norm<N>(in_place.get(), in_place.get(), e);
    require_near(in_place.values(), plain_norm(x), close<T>);
    (void)gx.values(), (void)gg.values(), (void)gb.values(), (void)gdy.values();
}

template <int N, class T>
void check_softmax() {
    const row x = numbers(N, 7, 4.0), dy = numbers(N, 8), before = numbers(N, 9);
    guarded<T> gx(x), gdy(dy), y(before), dx(before), in_place(x);
    kernel::softmax<N>(gx.get(), y.get());
    require_near(y.values(), plain_softmax(x), close<T>);
    kernel::softmax_gradient<N>(y.get(), gdy.get(), dx.get());
    require_near(dx.values(), differences(plain_softmax, x, dy), nearby<T>);
    kernel::softmax<N>(in_place.get(), in_place.get());
    require_near(in_place.values(), plain_softmax(x), close<T>);

    for (const double scale : {0.1, 1.0, 5.0}) {
        const row z = numbers(N, 10, scale);
        guarded<T> gz(z), p(before), dz(dy);
        kernel::sparsemax<N>(gz.get(), p.get());
        require_near(p.values(), plain_sparsemax(z), close<T>);
        kernel::sparsemax_gradient<N>(p.get(), dz.get(), dz.get());
        require_near(dz.values(), differences(plain_sparsemax, z, dy), nearby<T>);
    }
    (void)gx.values(), (void)gdy.values();
}

}  // namespace

TEMPLATE_TEST_CASE("norms against plain loops and differences", "[row]", float, double) {
    using T = TestType;
    check_norms<2, T>();
    check_norms<3, T>();
    check_norms<5, T>();
    check_norms<7, T>();
    check_norms<16, T>();
    check_norms<17, T>();
    check_norms<31, T>();
    check_norms<33, T>();
    check_norms<64, T>();
    check_norms<65, T>();
    check_norms<100, T>();
}

TEMPLATE_TEST_CASE("softmax and sparsemax", "[row]", float, double) {
    using T = TestType;
    check_softmax<1, T>();
    check_softmax<2, T>();
    check_softmax<3, T>();
    check_softmax<5, T>();
    check_softmax<8, T>();
    check_softmax<17, T>();
    check_softmax<31, T>();
    check_softmax<33, T>();
    check_softmax<64, T>();
    check_softmax<65, T>();
    check_softmax<100, T>();
}

TEMPLATE_TEST_CASE("a norm of one element is zero, far from zero too", "[row]", float, double) {
    using T = TestType;
    T x[1] = {T(5)}, y[1], dy[1] = {T(1)}, dx[1];
    kernel::norm<1>(x, y, T(1e-5));
    CHECK(y[0] == T(0));
    kernel::norm_gradient<1>(x, dy, dx, T(1e-5));
    CHECK(dx[0] == T(0));
    // The variance of 10000 +- 1 is 1: a one-pass formula would lose it.
    T a[64], b[64];
    for (int i = 0; i < 64; ++i) a[i] = T(10000) + T(i % 2 == 0 ? 1 : -1);
    kernel::norm<64>(a, b, T(0));
    for (int i = 0; i < 64; ++i) CHECK(b[i] == T(i % 2 == 0 ? 1 : -1));
}

TEMPLATE_TEST_CASE("softmax at the ends", "[row]", float, double) {
    using T = TestType;
    const T inf = std::numeric_limits<T>::infinity();
    T x[5] = {-inf, T(1e4), -inf, T(-1e4), T(1e4)}, y[5];
    kernel::softmax<5>(x, y);
    CHECK(y[0] == T(0));
    CHECK(y[1] == T(0.5));
    CHECK(y[2] == T(0));
    CHECK(y[3] == T(0));
    CHECK(y[4] == T(0.5));
    T nothing[3] = {-inf, -inf, -inf};
    kernel::softmax<3>(nothing, nothing);
    for (const T v : nothing) CHECK(v == T(0));
}
