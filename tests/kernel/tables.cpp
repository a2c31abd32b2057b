#include <sequent/kernel.hpp>

#include "../catch.hpp"

// When the tables that kernels read are made.

namespace {

using sequent::kernel::table_maker;

int first = 0, second = 0, third = 0;

table_maker makes_first{[] { ++first; }};

}  // namespace

TEST_CASE("tables are made by make_all, once, and not before main") {
    CHECK(first == 0);
    static table_maker makes_second{[] { ++second; }};
    CHECK(second == 0);
    table_maker::make_all();
    table_maker::make_all();
    CHECK(first == 1);
    CHECK(second == 1);
    // As in a library that is loaded later.
    static table_maker makes_third{[] { ++third; }};
    table_maker::make_all();
    CHECK(first == 1);
    CHECK(third == 1);
}

TEST_CASE("a table that cannot be made is made by the next call") {
    static int times = 0;
    static table_maker fails_once{[] {
        if (times++ == 0) throw std::bad_alloc();
    }};
    CHECK_THROWS_AS(table_maker::make_all(), std::bad_alloc);
    table_maker::make_all();
    CHECK(times == 2);
    table_maker::make_all();
    CHECK(times == 2);
}
