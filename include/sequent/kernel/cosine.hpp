#pragma once

#include <algorithm>
#include <cmath>

#include "../config.hpp"

/// Cosine similarity.

namespace sequent::inline SEQUENT_ABI::kernel {

/// The cosine of the angle between two vectors of `size` numbers, and its gradient. Vectors are
/// scaled by powers of two, so that no square overflows or underflows. Refers to the vectors.
template <class T>
class cosine {
  public:
    /// Computes the value from vectors a and b.
    cosine(const T* a, const T* b, int size) noexcept : sides_{side(a, size), side(b, size)} {
        T dot = 0;
        for (int at = 0; at < size; ++at) dot += sides_[0].scaled(at) * sides_[1].scaled(at);
        // Zero if a vector is zero, but NaN if the other one is not finite.
        const T product = sides_[0].norm * sides_[1].norm;
        value_ = product == T(0) ? dot * T(0) : dot / product;
        // A rounded quotient may exceed 1.
        if (value_ > T(1)) value_ = 1;
        if (value_ < T(-1)) value_ = -1;
    }

    /// a . b / (|a| |b|), in [-1, 1]; zero if either vector is zero.
    T value() const noexcept { return value_; }

    /// The gradient of element `at` of vector `which`, 0 or 1, given the gradient of the value.
    T gradient(int which, int at, T of_value) const noexcept {
        const side& self = sides_[which];
        const side& other = sides_[1 - which];
        if (self.norm == T(0) || other.norm == T(0)) return of_value * T(0);
        const T across = other.scaled(at) / other.norm - value_ * (self.scaled(at) / self.norm);
        return of_value * across / self.norm * self.first * self.second;
    }

  private:
    struct side {
        const T* numbers;
        T first = 1;  // the scale is first * second: it may exceed the range of T
        T second = 1;
        T norm = 0;  // norm of the scaled vector

        side(const T* x, int size) noexcept : numbers(x) {
            T most = 0;
            for (int at = 0; at < size; ++at) most = std::max(most, std::abs(x[at]));
            if (most > T(0) && std::isfinite(most)) {
                const int exponent = std::ilogb(most);
                first = std::ldexp(T(1), -(exponent / 2));
                second = std::ldexp(T(1), -(exponent - exponent / 2));
            }
            for (int at = 0; at < size; ++at) norm += scaled(at) * scaled(at);
            norm = std::sqrt(norm);
        }
        T scaled(int at) const noexcept { return numbers[at] * first * second; }
    };

    side sides_[2];
    T value_;
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
