#include "rules.hpp"

// What a softmax is taken of: sums over variables that the head does not name, and nothing.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

// Heads are summed before the softmax, whether a rule of its own says so or not.
inline constexpr auto sums =
    rules(a(i, j) <<= (k(h, j).T(), q(h, i), j <= i) | product() | softmax(j),
          logit(i, j) <<= (k(h, j).T(), q(h, i), j <= i) | product() | sum(h),
          b(i, j) <<= logit(i, j) | softmax(j),
          c(i, j) <<= (k(h, j).T(), q(h, i), j <= i, h != i) | product() | tanh() | softmax(j));

// A divisor that is zero at run time.
inline constexpr bound<"n"> n;
inline constexpr auto divisors =
    rules(weights(i, j) <<= (x(j).T(), x(i), (i - j) % n == 0, j <= i) | product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j),
          z(i) <<= (x(i), number(i / n + (0 - i) / 2)) | product(),
          out(i) <<= (x(j), x(i), (j - i) / n == 0) | elementwise_product() | sum(j));

// Scores of which some groups are minus infinity alone.
inline constexpr auto nothing =
    rules(logit(i, j) <<= x(i, j) | log(), weights(i, j) <<= logit(i, j) | softmax(j),
          out(i) <<= (weights(i, j), y(j)) | product() | sum(j));

}  // namespace

TEST_CASE("variables that a softmax's head does not name are summed first") {
    using summed = model<sums, fact<"k", 2, 5, 3>, fact<"q", 2, 5, 3>, query<"a", "b", "c">>;
    check::agrees<summed>();
    check::fixture<summed, double> f(3);
    const auto values = f.outputs();
    const std::size_t size = values.size() / 3;
    for (std::size_t at = 0; at < size; ++at) CHECK(values[at] == Approx(values[size + at]));
}

TEST_CASE("the quotient by zero is zero, and the remainder the dividend") {
    using divided = model<divisors, fact<"x", 7, 3>, bound<"n">, query<"y", "z", "out">>;
    check::runs<divided>(0);
    check::agrees<divided>(3);
    CHECK(sequent::plan::floor_divide(7, 0) == 0);
    CHECK(sequent::plan::floor_remainder(7, 0) == 7);
    CHECK(sequent::plan::floor_divide(7, -2) == -4);
    CHECK(sequent::plan::floor_divide(-7, -2) == 3);
    CHECK(sequent::plan::floor_remainder(7, -2) == -1);
    CHECK(sequent::plan::floor_divide(-7, 2) == -4);
}

TEST_CASE("a softmax over minus infinity alone is zero in either form") {
    using fused = model<nothing, fact<"x", 3, 5>, fact<"y", 5, 2>>;
    using literal = model<nothing, fact<"x", 3, 5>, fact<"y", 5, 2>, query<"out", "weights">>;
    static_assert(check::is_fused<fused> && !check::is_fused<literal>);
    std::vector<double> ones(15, 1.0);
    std::fill_n(ones.begin() + 5, 5, 0.0);
    ones[12] = 0;
    const auto fill = [&](auto& f) {
        f.dense[0] = ones;
        return f.outputs();
    };
    check::fixture<fused, double> one(1);
    check::fixture<literal, double> other(1);
    const auto values = fill(one);
    const auto same = fill(other);
    for (std::size_t at = 0; at < values.size(); ++at) CHECK(values[at] == Approx(same[at]));
    for (std::size_t at = 0; at < 5; ++at) {
        CHECK(same[values.size() + 5 + at] == 0);
        CHECK(same[values.size() + at] == Approx(0.2));
    }
    CHECK(same[values.size() + 12] == 0);
    CHECK(values[2] == 0);
}
