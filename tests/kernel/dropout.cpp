#include "sequent/kernel/dropout.hpp"

#include <array>
#include <cmath>

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
