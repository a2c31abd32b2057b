#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../error.hpp"
#include "sequent/kernel/row.hpp"

/// Functions of rows by plain loops in double, and what compares with them.

namespace rows {

namespace kernel = sequent::kernel;

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

inline row numbers(int n, unsigned seed, double scale = 1.0, double shift = 0.0) {
    row x(static_cast<std::size_t>(n));
    for (double& v : x) {
        seed = seed * 1664525u + 1013904223u;
        v = static_cast<float>(shift + scale * (static_cast<double>(seed >> 8) / (1 << 23) - 1.0));
    }
    return x;
}

inline double dot(const row& a, const row& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

inline void require_near(const row& a, const row& b, double tolerance) {
    REQUIRE(sequent_test::error_of(a, b) <= tolerance);
}

/// d dot(f(x), dy) / dx by central differences.
inline row differences(const std::function<row(const row&)>& f, row x, const row& dy) {
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

inline row plain_norm(const row& x) {
    double mean = 0, variance = 0;
    for (const double v : x) mean += v;
    mean /= static_cast<double>(x.size());
    for (const double v : x) variance += (v - mean) * (v - mean);
    variance /= static_cast<double>(x.size());
    row y;
    for (const double v : x) y.push_back((v - mean) / std::sqrt(variance + eps));
    return y;
}

inline row plain_rms(const row& x) {
    row y;
    for (const double v : x)
        y.push_back(v / std::sqrt(dot(x, x) / static_cast<double>(x.size()) + eps));
    return y;
}

inline row plain_softmax(const row& x) {
    const double greatest = *std::max_element(x.begin(), x.end());
    row y;
    double sum = 0;
    for (const double v : x) sum += y.emplace_back(std::exp(v - greatest));
    for (double& v : y) v /= sum;
    return y;
}

/// By sorting, as in the paper's algorithm 1.
inline row plain_sparsemax(const row& x) {
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

inline row times(const row& a, const row& b) {
    row y;
    for (std::size_t i = 0; i < a.size(); ++i) y.push_back(a[i] * b[i]);
    return y;
}

inline row plus(const row& a, const row& b) {
    row y;
    for (std::size_t i = 0; i < a.size(); ++i) y.push_back(a[i] + b[i]);
    return y;
}

template <class T>
constexpr double rounding = sizeof(T) == 4 ? 3e-5 : 1e-11;

// Differences lose half the digits, so gradients are near to them, not equal.
template <class T>
constexpr double nearby = sizeof(T) == 4 ? 3e-4 : 2e-6;

}  // namespace rows
