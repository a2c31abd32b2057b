#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "../catch.hpp"

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

/// |found - expected| <= tolerance * max(1, |expected|).
inline bool is_near(double found, double expected, double tolerance) {
    return std::abs(found - expected) <= tolerance * std::fmax(1.0, std::abs(expected));
}

template <class Found, class Expected>
void check_near(const Found& found, const Expected& expected, double tolerance) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t at = 0; at < expected.size(); ++at) {
        const auto value = static_cast<double>(found[at]);
        INFO("element " << at << ": found " << value << ", expected " << expected[at]);
        CHECK(is_near(value, expected[at], tolerance));
    }
}

}  // namespace train_test
