#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"

namespace train_test {

/// Numbers of both signs that are easy to make again elsewhere: ((i * a) % b - c) / d.
template <class T>
std::vector<T> sequence(int count, int a = 7, int b = 11, int c = 5, int d = 4) {
    std::vector<T> values;
    for (int i = 0; i < count; ++i) {
        values.push_back(static_cast<T>((i * a) % b - c) / static_cast<T>(d));
    }
    return values;
}

/// |found - expected| <= tolerance * |expected|.
inline bool is_near(double found, double expected, double tolerance) {
    return std::abs(found - expected) <= tolerance * std::abs(expected);
}

/// Relative to the root mean square of the expected numbers.
template <class Found, class Expected>
void check_near(const Found& found, const Expected& expected, double tolerance) {
    CHECK(sequent_test::error_of(found, expected) <= tolerance);
}

}  // namespace train_test
