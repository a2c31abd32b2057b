#include "sequent/kernel/row.hpp"

#include "row_case.hpp"

namespace {

using namespace rows;

template <int N, class T>
void check_norms() {
    const row x = numbers(N, 1, 2.0, 0.5), gain = numbers(N, 2), bias = numbers(N, 3);
    const row dy = numbers(N, 4), before = numbers(N, 5);
    const T e = static_cast<T>(eps);
    guarded<T> gx(x), gg(gain), gb(bias), gdy(dy);

    guarded<T> y(before);
    kernel::norm<N>(gx.get(), y.get(), e);
    require_near(y.values(), plain_norm(x), rounding<T>);
    kernel::layer_norm<N>(gx.get(), gg.get(), gb.get(), y.get(), e);
    require_near(y.values(), plus(times(plain_norm(x), gain), bias), rounding<T>);
    kernel::rms_norm<N>(gx.get(), gg.get(), y.get(), e);
    require_near(y.values(), times(plain_rms(x), gain), rounding<T>);
    kernel::rms_norm<N, T>(gx.get(), nullptr, y.get(), e);
    require_near(y.values(), plain_rms(x), rounding<T>);

    guarded<T> dx(before), dgain(before), dbias(before);
    kernel::norm_gradient<N>(gx.get(), gdy.get(), dx.get(), e);
    require_near(dx.values(), differences(plain_norm, x, dy), nearby<T>);
    kernel::layer_norm_gradient<N>(gx.get(), gg.get(), gdy.get(), dx.get(), dgain.get(),
                                   dbias.get(), e);
    const auto with_gain = [&](const row& v) { return times(plain_norm(v), gain); };
    require_near(dx.values(), differences(with_gain, x, dy), nearby<T>);
    require_near(dgain.values(), plus(before, times(dy, plain_norm(x))), rounding<T>);
    require_near(dbias.values(), plus(before, dy), rounding<T>);

    guarded<T> drms(before);
    kernel::rms_norm_gradient<N>(gx.get(), gg.get(), gdy.get(), dx.get(), drms.get(), e);
    const auto rms = [&](const row& v) { return times(plain_rms(v), gain); };
    require_near(dx.values(), differences(rms, x, dy), nearby<T>);
    require_near(drms.values(), plus(before, times(dy, plain_rms(x))), rounding<T>);
    kernel::rms_norm_gradient<N, T>(gx.get(), nullptr, gdy.get(), dx.get(), nullptr, e);
    require_near(dx.values(), differences([&](const row& v) { return plain_rms(v); }, x, dy),
                 nearby<T>);

    // In place, and without the gradients of the parameters.
    guarded<T> in_place(x), gradient_in_place(dy);
    kernel::layer_norm_gradient<N, T>(gx.get(), gg.get(), gradient_in_place.get(),
                                      gradient_in_place.get(), nullptr, nullptr, e);
    require_near(gradient_in_place.values(), differences(with_gain, x, dy), nearby<T>);
    kernel::norm<N>(in_place.get(), in_place.get(), e);
    require_near(in_place.values(), plain_norm(x), rounding<T>);
    (void)gx.values(), (void)gg.values(), (void)gb.values(), (void)gdy.values();
}

}  // namespace

// Lengths below, at and beyond one vector, four and eight of them, with and without a rest.
TEST_CASE("norms against plain loops and differences", "[row]") {
    check_norms<2, float>();
    check_norms<5, float>();
    check_norms<16, float>();
    check_norms<17, float>();
    check_norms<65, float>();
    check_norms<150, float>();
    check_norms<3, double>();
    check_norms<33, double>();
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
