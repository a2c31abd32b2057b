#include "../error.hpp"

#include <limits>
#include <vector>

#include "../catch.hpp"

using sequent_test::error_of;
using list = std::vector<double>;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("an error is relative to the root mean square of the expected numbers") {
    CHECK(error_of(list{3, 4.5}, list{3, 4}) == Approx(0.5 / std::sqrt(12.5)));
    CHECK(error_of(list{3000, 4500}, list{3000, 4000}) == Approx(0.5 / std::sqrt(12.5)));
    CHECK(error_of(list{0, 0}, list{0, 0}) == 0);
    CHECK(error_of(list{0, 1e-6}, list{0, 0}) == Approx(1e-3));
    CHECK(error_of(list{0, 1e-6}, list{0, 0}, 1) == Approx(1e-6));
}

TEST_CASE("what cannot be compared has an infinite error, whatever follows it") {
    CHECK(error_of(list{none, 1, 1}, list{1, 1, 1}) == inf);
    CHECK(error_of(list{1, none, 1}, list{1, 1, 1}) == inf);
    CHECK(error_of(list{1, 1, 1}, list{1, none, 1}) == inf);
    CHECK(error_of(list{none}, list{none}) == inf);
    CHECK(error_of(list{inf, 1}, list{1, 1}) == inf);
    CHECK(error_of(list{1, 1}, list{inf, 1}) == inf);
    CHECK(error_of(list{-inf, 1}, list{inf, 1}) == inf);
    CHECK(error_of(list{inf, 2}, list{inf, 2}) == 0);
    CHECK(error_of(list{1e200, 2e200}, list{1e200, 1e200}) == inf);
}

TEST_CASE("sizes that differ and an empty comparison have an infinite error") {
    CHECK(error_of(list{1}, list{1, 1}) == inf);
    CHECK(error_of(list{1, 1}, list{1}) == inf);
    CHECK(error_of(list{}, list{1}) == inf);
    CHECK(error_of(list{}, list{}) == inf);
    sequent_test::largest_error error;
    error.add(1, 1);
    CHECK(error.value() == 0);
    error.add_mismatch();
    error.add(1, 1);
    CHECK(error.value() == inf);
}
