#include "sequent/kernel/rotary.hpp"

#include <cmath>
#include <limits>
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

template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;

/// Element (2k, 2k + 1) or (k, k + Length / 2) times e^(i angle), then back.
template <int Length, pairing Pairing, class T>
void check_turn(int position) {
    std::vector<T> x(Length);
    for (int at = 0; at < Length; ++at) x[static_cast<std::size_t>(at)] = T(at % 7) - T(2.5);
    std::vector<T> y = x;
    kernel::turn<Length, Pairing, false>(y.data(), y.data(), angles<Length, T>(position));
    for (std::size_t k = 0; k < Length / 2; ++k) {
        const double angle = position * std::pow(base, -2.0 * static_cast<double>(k) / Length);
        const std::size_t first = Pairing == pairing::neighbours ? 2 * k : k;
        const std::size_t second = Pairing == pairing::neighbours ? 2 * k + 1 : k + Length / 2;
        const double a = static_cast<double>(x[first]), b = static_cast<double>(x[second]);
        CHECK(static_cast<double>(y[first]) ==
              Approx(a * std::cos(angle) - b * std::sin(angle)).margin(tolerance<T>));
        CHECK(static_cast<double>(y[second]) ==
              Approx(a * std::sin(angle) + b * std::cos(angle)).margin(tolerance<T>));
    }
    kernel::turn<Length, Pairing, true>(y.data(), y.data(), angles<Length, T>(position));
    for (std::size_t at = 0; at < Length; ++at)
        CHECK(static_cast<double>(y[at]) ==
              Approx(static_cast<double>(x[at])).margin(tolerance<T>));
}

}  // namespace

TEST_CASE("pairs are turned, and back", "[rotary]") {
    for (const int position : {0, 1, 37, positions - 1}) {
        INFO("position " << position);
        check_turn<2, pairing::neighbours, float>(position);
        check_turn<6, pairing::halves, double>(position);
        check_turn<16, pairing::halves, float>(position);
        check_turn<34, pairing::halves, float>(position);
        check_turn<34, pairing::neighbours, double>(position);
        check_turn<66, pairing::neighbours, float>(position);
    }
}

TEMPLATE_TEST_CASE("an extreme number stays in its pair", "[rotary]", float, double) {
    using T = TestType;
    constexpr int size = 34;
    const T inf = std::numeric_limits<T>::infinity();
    const T numbers[] = {inf, -inf, std::numeric_limits<T>::quiet_NaN()};
    const auto check = [&](auto pairs, int at, T number) {
        constexpr pairing kind = decltype(pairs)::value;
        const auto pair_of = [](int each) {
            return kind == pairing::neighbours ? each / 2 : each % (size / 2);
        };
        // Off the alignment of a vector, with a number on each side that must stay.
        std::vector<T> x(size + 2, T(3)), y(size + 2, T(7));
        x[static_cast<std::size_t>(at + 1)] = number;
        kernel::turn<size, kind, false>(x.data() + 1, y.data() + 1, angles<size, T>(5));
        CHECK((y.front() == T(7) && y.back() == T(7)));
        for (int each = 0; each < size; ++each)
            CHECK(std::isfinite(y[static_cast<std::size_t>(each + 1)]) ==
                  (pair_of(each) != pair_of(at)));
    };
    for (const T number : numbers)
        for (const int at : {0, 1, 17, 33}) {
            INFO(number << " at " << at);
            check(std::integral_constant<pairing, pairing::neighbours>{}, at, number);
            check(std::integral_constant<pairing, pairing::halves>{}, at, number);
        }
}

TEMPLATE_TEST_CASE("position zero leaves every number as it is", "[rotary]", float, double) {
    using T = TestType;
    const T large = std::numeric_limits<T>::max(), small = std::numeric_limits<T>::denorm_min();
    const T x[6] = {large, -large, small, -small, T(0), T(1)};
    T y[6];
    kernel::turn<6, pairing::neighbours, false>(x, y, angles<6, T>(0));
    for (int at = 0; at < 6; ++at) CHECK(y[at] == x[at]);
    kernel::turn<6, pairing::halves, true>(x, y, angles<6, T>(0));
    for (int at = 0; at < 6; ++at) CHECK(y[at] == x[at]);
}

TEST_CASE("angles of positions of any size", "[rotary]") {
    double found[8];
    for (const double position : {0.0, 0.5, -3.0, 1e6}) {
        kernel::write_angles<8>(position, 500000.0, found);
        for (int k = 0; k < 4; ++k) {
            const double angle = position * std::pow(500000.0, -2.0 * k / 8);
            INFO(position << ", pair " << k);
            CHECK(found[k] == Approx(std::cos(angle)).margin(1e-8));
            CHECK(found[4 + k] == Approx(std::sin(angle)).margin(1e-8));
        }
    }
}

TEST_CASE("the waves of a position", "[rotary]") {
    const double x[4] = {1, 2, 3, 4};
    double y[4];
    kernel::add_waves<4>(x, y, angles<4, double>(3));
    CHECK(y[0] == Approx(1 + std::sin(3)));
    CHECK(y[1] == Approx(2 + std::cos(3)));
    CHECK(y[2] == Approx(3 + std::sin(0.03)));
    CHECK(y[3] == Approx(4 + std::cos(0.03)));
}

TEMPLATE_TEST_CASE("waves of all lengths, in place too", "[rotary]", float, double) {
    using T = TestType;
    const auto check = [](auto length) {
        constexpr int size = length();
        std::vector<T> x(size + 2, T(0.5));
        x[1] = std::numeric_limits<T>::infinity();
        kernel::add_waves<size>(x.data() + 1, x.data() + 1, angles<size, T>(7));
        CHECK((x.front() == T(0.5) && x.back() == T(0.5)));
        CHECK(x[1] == std::numeric_limits<T>::infinity());
        for (int at = 1; at < size; ++at) {
            const double angle = 7 * std::pow(base, -2.0 * (at / 2) / size);
            CHECK(static_cast<double>(x[static_cast<std::size_t>(at + 1)]) ==
                  Approx(0.5 + (at % 2 == 0 ? std::sin(angle) : std::cos(angle))).margin(1e-6));
        }
    };
    check(std::integral_constant<int, 2>{});
    check(std::integral_constant<int, 16>{});
    check(std::integral_constant<int, 34>{});
}

TEST_CASE("scaled angles are those of Hugging Face's transformers", "[rotary]") {
    // ROPE_INIT_FUNCTIONS of transformers 5.24, which computes in float.
    using sequent::rotary_scaling;
    using enum rotary_scaling::rule;
    const auto check = [](const rotary_scaling& scaling, const std::vector<double>& expected) {
        for (int k = 0; k < 8; ++k)
            CHECK(kernel::angle_of_pair(k, 16, 10000, scaling) ==
                  Approx(expected[static_cast<std::size_t>(k)]).epsilon(1e-6));
    };
    check({linear, 8, 0, 0, 0}, {0.125, 0.0395284705, 0.0125000002, 0.00395284733, 0.00124999997,
                                 0.000395284733, 0.000125000006, 3.95284733e-05});
    check({llama3, 8, 1, 4, 128}, {1, 0.316227764, 0.0427511781, 0.00395284733, 0.00124999997,
                                   0.000395284733, 0.000125000006, 3.95284733e-05});
    check({yarn, 4, 1, 8, 128}, {1, 0.237170815, 0.049999997, 0.00790569466, 0.00249999994,
                                 0.000790569466, 0.000250000012, 7.90569466e-05});
    CHECK(rotary_scaling{yarn, 4, 1, 8, 128}.attention() == Approx(1.138629436111989));
    CHECK(rotary_scaling{llama3, 8, 1, 4, 128}.attention() == 1);
}

TEST_CASE("a part of the elements is turned", "[rotary]") {
    double x[6]{1, 2, 3, 4, 5, 6};
    double angles[4];
    double expected[4];
    kernel::write_angles<4>(3, 100.0, angles);
    kernel::turn<4, pairing::halves, false>(x, expected, angles);
    double y[6];
    kernel::turn<6, pairing::halves, false, 4>(x, y, angles);
    for (int at = 0; at < 6; ++at) CHECK(y[at] == (at < 4 ? expected[at] : x[at]));
}
