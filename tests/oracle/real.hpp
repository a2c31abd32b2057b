#pragma once

#include <cmath>

/// The oracle's number: double, or `dual` where SEQUENT_ORACLE_OF_DUALS is defined. A dual number
/// carries the derivative along one direction, so that one evaluation gives values and exact slopes
/// without differences.

namespace oracle {

using std::abs;
using std::cos;
using std::erf;
using std::erfc;
using std::exp;
using std::log;
using std::log1p;
using std::pow;
using std::sin;
using std::sqrt;
using std::tanh;

/// value + slope * epsilon, with epsilon^2 = 0. Comparisons look at the value.
struct dual {
    double value = 0;
    double slope = 0;

    constexpr dual() = default;
    constexpr dual(double number) : value(number) {}
    constexpr dual(double number, double derivative) : value(number), slope(derivative) {}
    explicit constexpr operator int() const { return static_cast<int>(value); }

    friend constexpr dual operator-(dual x) { return {-x.value, -x.slope}; }
    friend constexpr dual operator+(dual x, dual y) {
        return {x.value + y.value, x.slope + y.slope};
    }
    friend constexpr dual operator-(dual x, dual y) {
        return {x.value - y.value, x.slope - y.slope};
    }
    friend constexpr dual operator*(dual x, dual y) {
        return {x.value * y.value, x.slope * y.value + x.value * y.slope};
    }
    friend constexpr dual operator/(dual x, dual y) {
        const double quotient = x.value / y.value;
        return {quotient, (x.slope - quotient * y.slope) / y.value};
    }
    constexpr dual& operator+=(dual y) { return *this = *this + y; }
    constexpr dual& operator*=(dual y) { return *this = *this * y; }
    constexpr dual& operator/=(dual y) { return *this = *this / y; }

    // NOLINTNEXTLINE: equal numbers end a recursion only if their slopes are equal, too.
    friend constexpr bool operator==(dual x, dual y) {
        return x.value == y.value && x.slope == y.slope;
    }
    friend constexpr bool operator!=(dual x, dual y) { return !(x == y); }
    friend constexpr bool operator<(dual x, dual y) { return x.value < y.value; }
    friend constexpr bool operator>(dual x, dual y) { return x.value > y.value; }
    friend constexpr bool operator<=(dual x, dual y) { return x.value <= y.value; }

    friend dual exp(dual x) { return {exp(x.value), x.slope * exp(x.value)}; }
    friend dual log(dual x) { return {log(x.value), x.slope / x.value}; }
    friend dual sqrt(dual x) { return {sqrt(x.value), x.slope / (2 * sqrt(x.value))}; }
    friend dual tanh(dual x) {
        const double y = tanh(x.value);
        return {y, x.slope * (1 - y * y)};
    }
    friend dual erfc(dual x) {
        constexpr double two_over_root_pi = 1.12837916709551257390;
        return {erfc(x.value), -x.slope * two_over_root_pi * exp(-x.value * x.value)};
    }
    friend dual erf(dual x) { return {erf(x.value), -erfc(x).slope}; }
    friend dual sin(dual x) { return {sin(x.value), x.slope * cos(x.value)}; }
    friend dual cos(dual x) { return {cos(x.value), -x.slope * sin(x.value)}; }
    friend dual abs(dual x) {
        return {abs(x.value), x.value < 0 ? -x.slope : x.value > 0 ? x.slope : x.value * 0};
    }
    friend dual log1p(dual x) { return {std::log1p(x.value), x.slope / (1 + x.value)}; }
    friend dual pow(dual x, double p) {
        return {pow(x.value, p), p == 0 ? 0 : x.slope * p * pow(x.value, p - 1)};
    }
};

#ifdef SEQUENT_ORACLE_OF_DUALS
using real = dual;
#else
using real = double;
#endif

/// The same value as a constant, without a slope.
inline double constant(double x) {
    return x;
}
inline dual constant(dual x) {
    return x.value;
}

}  // namespace oracle
