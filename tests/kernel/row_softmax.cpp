#include "row_case.hpp"
#include "sequent/kernel/row.hpp"

namespace {

using namespace rows;

template <int N, class T>
void check_softmax() {
    const row x = numbers(N, 7, 4.0), dy = numbers(N, 8), before = numbers(N, 9);
    guarded<T> gx(x), gdy(dy), y(before), dx(before), in_place(x);
    kernel::softmax<N>(gx.get(), y.get());
    require_near(y.values(), plain_softmax(x), rounding<T>);
    kernel::softmax_gradient<N>(y.get(), gdy.get(), dx.get());
    require_near(dx.values(), differences(plain_softmax, x, dy), nearby<T>);
    kernel::softmax<N>(in_place.get(), in_place.get());
    require_near(in_place.values(), plain_softmax(x), rounding<T>);

    for (const double scale : {0.1, 1.0, 5.0}) {
        const row z = numbers(N, 10, scale);
        guarded<T> gz(z), p(before), dz(dy);
        kernel::sparsemax<N>(gz.get(), p.get());
        require_near(p.values(), plain_sparsemax(z), rounding<T>);
        kernel::sparsemax_gradient<N>(p.get(), dz.get(), dz.get());
        require_near(dz.values(), differences(plain_sparsemax, z, dy), nearby<T>);
    }
    (void)gx.values(), (void)gdy.values();
}

}  // namespace

TEST_CASE("softmax and sparsemax against plain loops and differences", "[row]") {
    check_softmax<1, float>();
    check_softmax<5, float>();
    check_softmax<16, float>();
    check_softmax<33, float>();
    check_softmax<150, float>();
    check_softmax<2, double>();
    check_softmax<17, double>();
    check_softmax<65, double>();
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
