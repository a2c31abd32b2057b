#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>

/// Errors of found numbers that no NaN, no missing number and no empty comparison can pass.

namespace sequent_test {

inline constexpr double infinite = std::numeric_limits<double>::infinity();

/// The largest of the numbers added; infinite if one of them is NaN, or if there are none.
class largest {
  public:
    void add(double number) {
        // NaN <= largest is false, and a NaN that was kept would be replaced by the next number.
        if (!(number <= value_)) value_ = std::isnan(number) ? infinite : number;
        any_ = true;
    }
    double value() const { return any_ ? value_ : infinite; }

  private:
    double value_ = 0;
    bool any_ = false;
};

/// The largest absolute error of a tensor's numbers, divided by the root mean square of the
/// expected numbers.
///
/// The value is infinite if a found or an expected number is NaN, if an infinity differs, if
/// `add_mismatch` was called, or if nothing was compared.
class largest_error {
  public:
    /// Where the root mean square is less than `least`, `least` takes its place: the numbers of a
    /// tensor that ought to be zero have rounding errors, too.
    explicit largest_error(double least = 1e-3) : least_(least) {}

    void add(double found, double expected) {
        const bool same_infinity = std::isinf(found) && found == expected;
        absolute_.add(same_infinity ? 0 : std::abs(found - expected));
        squares_ += same_infinity ? 0 : expected * expected;
        ++count_;
    }

    /// Sizes or shapes that differ, or a tensor that is missing.
    void add_mismatch() { absolute_.add(infinite); }

    double value() const {
        if (!std::isfinite(absolute_.value()) || !std::isfinite(squares_)) return infinite;
        return absolute_.value() / std::max(std::sqrt(squares_ / count_), least_);
    }

  private:
    double least_;
    largest absolute_;
    double squares_ = 0;
    double count_ = 0;
};

/// Views have element(i), containers have [i].
template <class List>
double element_of(const List& list, std::size_t at) {
    if constexpr (requires { list.element(0); })
        return static_cast<double>(list.element(static_cast<int>(at)));
    else
        return static_cast<double>(std::data(list)[at]);
}

/// The largest error of two lists or views, infinite if their sizes differ or are zero.
template <class Found, class Expected>
double error_of(const Found& found, const Expected& expected, double least = 1e-3) {
    largest_error error(least);
    const auto size = static_cast<std::size_t>(std::size(expected));
    if (static_cast<std::size_t>(std::size(found)) != size) error.add_mismatch();
    for (std::size_t at = 0; at < std::min(size, static_cast<std::size_t>(std::size(found))); ++at)
        error.add(element_of(found, at), element_of(expected, at));
    return error.value();
}

}  // namespace sequent_test
