#include "sequent/kernel/rotary.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"

namespace kernel = sequent::kernel;
using kernel::pairing;

namespace {

constexpr double base = 10000;
constexpr int positions = 40;

template <int Length, class T>
const T* angles(int position) {
    return kernel::angle_table<Length, T, positions, std::bit_cast<std::uint64_t>(base)>::at(
        position);
}

/// Element (2k, 2k + 1) or (k, k + Length / 2) times e^(i angle), then back.
template <int Length, pairing Pairing, class T>
void check_turn() {
    std::vector<T> x(Length);
    for (int at = 0; at < Length; ++at) x[static_cast<std::size_t>(at)] = T(at % 7) - T(2.5);
    std::vector<T> y = x;
    kernel::turn<Length, Pairing, false>(y.data(), y.data(), angles<Length, T>(37));
    for (std::size_t k = 0; k < Length / 2; ++k) {
        const double angle = 37 * std::pow(base, -2.0 * static_cast<double>(k) / Length);
        const std::size_t first = Pairing == pairing::neighbours ? 2 * k : k;
        const std::size_t second = Pairing == pairing::neighbours ? 2 * k + 1 : k + Length / 2;
        const double a = static_cast<double>(x[first]), b = static_cast<double>(x[second]);
        CHECK(static_cast<double>(y[first]) ==
              Approx(a * std::cos(angle) - b * std::sin(angle)).margin(2e-6));
        CHECK(static_cast<double>(y[second]) ==
              Approx(a * std::sin(angle) + b * std::cos(angle)).margin(2e-6));
    }
    kernel::turn<Length, Pairing, true>(y.data(), y.data(), angles<Length, T>(37));
    for (std::size_t at = 0; at < Length; ++at)
        CHECK(static_cast<double>(y[at]) == Approx(static_cast<double>(x[at])).margin(2e-6));
}

}  // namespace

TEST_CASE("pairs are turned, and back") {
    check_turn<2, pairing::neighbours, float>();
    check_turn<6, pairing::halves, double>();
    check_turn<34, pairing::halves, float>();
    check_turn<34, pairing::neighbours, double>();
    check_turn<64, pairing::neighbours, float>();
}

TEST_CASE("the waves of a position") {
    const double x[4] = {1, 2, 3, 4};
    double y[4];
    kernel::add_waves<4>(x, y, angles<4, double>(3));
    CHECK(y[0] == Approx(1 + std::sin(3)));
    CHECK(y[1] == Approx(2 + std::cos(3)));
    CHECK(y[2] == Approx(3 + std::sin(0.03)));
    CHECK(y[3] == Approx(4 + std::cos(0.03)));
}
