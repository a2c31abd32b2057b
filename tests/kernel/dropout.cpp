#include "sequent/kernel/dropout.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"

namespace kernel = sequent::kernel;

namespace {

constexpr int length = 4096;

std::array<double, length> ones() {
    std::array<double, length> result;
    result.fill(1);
    return result;
}

/// Ones, of which some are dropped.
std::array<double, length> dropped(kernel::dropout_key key, double rate) {
    auto y = ones();
    kernel::dropout<length>(y.data(), y.data(), key, 0, rate);
    return y;
}

/// How many elements are zero, in deviations from what the rate lets expect.
double surprise(const std::array<double, length>& y, double rate) {
    double zeros = 0;
    for (double each : y) zeros += each == 0;
    return (zeros - rate * length) / std::sqrt(rate * (1 - rate) * length);
}

}  // namespace

TEST_CASE("so many are zero as the rate says, the others are larger") {
    const kernel::dropout_key key(7);
    for (double rate : {0.1, 0.5, 0.9}) {
        const auto y = dropped(key, rate);
        CHECK(std::abs(surprise(y, rate)) < 4);
        for (double each : y) CHECK((each == 0 || each == Approx(1 / (1 - rate))));
    }
    CHECK(dropped(key, 0) == ones());
}

TEST_CASE("the same key drops the same elements, wherever a row begins") {
    const auto whole = dropped(kernel::dropout_key(3).of(5), 0.3);
    auto rows = ones();
    for (int row = 0; row < length / 16; ++row)
        kernel::dropout<16>(rows.data() + 16 * row, rows.data() + 16 * row,
                            kernel::dropout_key(3).of(5), static_cast<std::uint32_t>(16 * row),
                            0.3);
    CHECK(rows == whole);
}

TEST_CASE("other keys drop others") {
    const auto first = dropped(kernel::dropout_key(1).of(2), 0.5);
    for (const auto& second :
         {dropped(kernel::dropout_key(2).of(1), 0.5), dropped(kernel::dropout_key(1).of(3), 0.5),
          dropped(kernel::dropout_key(1), 0.5)}) {
        double both = 0;
        for (std::size_t at = 0; at < length; ++at) both += first[at] == 0 && second[at] == 0;
        CHECK(std::abs(both - 0.25 * length) < 4 * std::sqrt(0.25 * 0.75 * length));
    }
}

TEMPLATE_TEST_CASE("an element that is dropped is zero, whatever it is", "[dropout]", float,
                   double) {
    using T = TestType;
    const kernel::dropout_key key = kernel::dropout_key(11).of(4);
    const T inf = std::numeric_limits<T>::infinity();
    constexpr int size = 65;
    const auto check = [&](T number) {
        INFO(number);
        // Off the alignment of a vector, with a number on each side that must stay.
        std::vector<T> x(size + 3, number), y(size + 3, T(7)), kept(size + 3, T(1));
        kernel::dropout<size>(kept.data() + 1, kept.data() + 1, key, 5, 0.5);
        kernel::dropout<size>(x.data() + 1, y.data() + 1, key, 5, 0.5);
        CHECK((y.front() == T(7) && y[size + 1] == T(7)));
        int dropped = 0;
        for (std::size_t at = 1; at <= size; ++at) {
            const T right = kept[at] == T(0) ? T(0) : number * T(2);
            CHECK((std::isnan(right) ? std::isnan(y[at]) : y[at] == right));
            dropped += kept[at] == T(0);
        }
        CHECK((dropped > size / 4 && dropped < 3 * size / 4));
    };
    for (const T number : {T(1), T(-0.0), std::numeric_limits<T>::denorm_min(), inf, -inf,
                           std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::max() / 2})
        check(number);
}

TEST_CASE("rates at the ends drop nothing, or nearly all") {
    const kernel::dropout_key key(5);
    std::array<float, length> x, y;
    x.fill(std::numeric_limits<float>::max());
    kernel::dropout<length>(x.data(), y.data(), key, 4294967000u, 0);
    CHECK(y == x);
    double kept = 0;
    for (const double each : dropped(key, 1 - 1e-3)) kept += each != 0;
    CHECK((kept >= 1 && kept < 20));
    // The number of an element may pass 2^32.
    std::array<float, length> one;
    one.fill(1);
    kernel::dropout<length>(one.data(), y.data(), key, 4294967295u, 0.5);
    std::array<float, length> next;
    kernel::dropout<length>(one.data(), next.data(), key, 0, 0.5);
    for (std::size_t at = 0; at + 1 < length; ++at) REQUIRE(y[at + 1] == next[at]);
}
