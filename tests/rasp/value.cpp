#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <sequent/rasp/sequence.hpp>
#include <string>
#include <vector>

#include "catch.hpp"

namespace {

using namespace sequent::rasp;
using sequent_test::contains;

static_assert(rational(6, 4) == rational(3, 2) && rational(6, 4).under == 2);
static_assert(rational(3, -6) == rational(-1, 2));
static_assert(rational(0, -7) == rational(0));
static_assert(rational(1, 3) + rational(1, 6) == rational(1, 2));
static_assert(rational(1, 2) - rational(1, 2) == rational(0));
static_assert(rational(2, 3) * rational(9, 4) == rational(3, 2));
static_assert(rational(1, 3) / rational(-2, 3) == rational(-1, 2));
static_assert(rational(1, 3) < rational(1, 2) && rational(-1, 2) < rational(-1, 3));
static_assert(rational(7, 2).floor() == 3 && rational(-7, 2).floor() == -4);
static_assert(rational(-3).floor() == -3);
static_assert(rational(4, 2).is_whole() && !rational(1, 2).is_whole());

static_assert(rational::from(0.5) == rational(1, 2));
static_assert(rational::from(-0.125) == rational(-1, 8));
static_assert(rational::from(0.1) == rational(1, 10));
static_assert(rational::from(3) == rational(3));
static_assert(rational::from(0.333333333) == rational(333333333, 1000000000));
static_assert(rational::from(123456.789) == rational(123456789, 1000));
static_assert(rational::from(1e15) == rational(1000000000000000));

static_assert(value(3) == value(3.0) && value(3).kind() == type::integer &&
              value(3.0).kind() == type::real);
static_assert(value(true).kind() == type::boolean && value('a').kind() == type::symbol);
static_assert(!(value(1) == value(true)) && !(value("1") == value(1)));
static_assert(value('a') == value("a") && value(std::string_view("abc")) == value("abc"));
static_assert(value() == value(0));
static_assert(value("").kind() == type::symbol);

// Symbols have the order of their bytes: capitals first, a beginning before what it begins.
static_assert(value("") < value("a") && value('Z') < value('a') && value("ab") < value("b"));
static_assert(value("a") < value("aa") && !(value("aa") < value("a")));
static_assert(value("12345678a") < value("12345678b") && value("12345678") < value("123456780"));
static_assert(value("z") < value("\u00e9"));  // above 127
static_assert(value(-2) < value(-1.5) && value(-1.5) < value(0));

static_assert(sequence("hello").size() == 5 && sequence("").empty());
static_assert(sequence("h\u00e9\u20ac\U0001f600!").size() == 5);
static_assert(sequence("\u20ac1")[0] == value("\u20ac"));
static_assert(sequence{"two", "words"}.size() == 2);
static_assert(sequence{1, 2, 3} == sequence{1.0, 2.0, 3.0});
static_assert(sequence{1, 2} != sequence{1, 2, 3} && sequence("12") != sequence{1, 2});

}  // namespace

TEST_CASE("a fraction is rounded to the nearest integer, of two to the even one") {
    for (std::int64_t under = 1; under <= 12; ++under)
        for (std::int64_t over = -60; over <= 60; ++over) {
            const auto exact = static_cast<double>(over) / static_cast<double>(under);
            // The default of floating point is the nearest, of two the even one.
            CHECK(rational(over, under).rounded() == std::llrint(exact));
            CHECK(rational(over, under).floor() == std::llrint(std::floor(exact)));
        }
}

TEST_CASE("fractions are exact") {
    for (int a = -7; a <= 7; ++a)
        for (int b = 1; b <= 7; ++b)
            for (int c = -7; c <= 7; ++c)
                for (int d = 1; d <= 7; ++d) {
                    const rational left(a, b);
                    const rational right(c, d);
                    const auto is = [](const rational& result, int over, int under) {
                        return result.over * under == over * result.under && result.under > 0;
                    };
                    CHECK(is(left + right, a * d + c * b, b * d));
                    CHECK(is(left - right, a * d - c * b, b * d));
                    CHECK(is(left * right, a * c, b * d));
                    if (c != 0) CHECK(is(left / right, a * d, b * c));
                    CHECK((left < right) == (a * d < c * b));
                    CHECK((left == right) == (a * d == c * b));
                }
}

TEST_CASE("a number that needs more than 63 bits is an error") {
    const rational most(std::numeric_limits<std::int64_t>::max());
    CHECK(most + rational(0) == most);
    CHECK(most * rational(1) == most);
    CHECK(-most + most == rational(0));
    CHECK_THROWS_WITH(most + rational(1), contains("more than 63 bits"));
    CHECK_THROWS_AS(-most - rational(1), evaluation_error);
    CHECK_THROWS_AS(most * rational(2), evaluation_error);
    CHECK_THROWS_AS(rational(1, most.over) * rational(1, 3), evaluation_error);
    CHECK_THROWS_AS((void)(rational(1, most.over) < rational(4, 5)), evaluation_error);
    CHECK(value(std::size_t{7}) == value(7));
    CHECK_THROWS_AS(value(std::numeric_limits<std::uint64_t>::max()), evaluation_error);
    CHECK_THROWS_AS(value(std::numeric_limits<std::int64_t>::min()), evaluation_error);
    CHECK_THROWS_AS(value(1e19), evaluation_error);
    CHECK_THROWS_AS(value(-1e300), evaluation_error);
    CHECK_THROWS_AS(value(std::numeric_limits<double>::infinity()), evaluation_error);
    CHECK_THROWS_AS(value(std::nan("")), evaluation_error);
}

TEST_CASE("a symbol has up to 16 bytes") {
    CHECK(value("0123456789abcdef").text() == "0123456789abcdef");
    CHECK_THROWS_WITH(value("0123456789abcdefg"),
                      contains("the symbol \"0123456789abcdefg\" is longer than 16 bytes"));
}

TEST_CASE("values are written as one would") {
    CHECK(value(true).text() == "T");
    CHECK(value(false).text() == "F");
    CHECK(value(-3).text() == "-3");
    CHECK(value(0.5).text() == "1/2");
    CHECK(value(rational(-1, 3), type::real).text() == "-1/3");
    CHECK(value("word").text() == "word");
    CHECK(value("\u20ac").text() == "\u20ac");
    CHECK(value("").text().empty());
}

TEST_CASE("sequences are written as one would") {
    CHECK(sequence("hello").text() == "hello");
    CHECK(sequence("\u20acuro").text() == "\u20acuro");
    CHECK(sequence{true, false, true}.text() == "TFT");
    CHECK(sequence{1, -2, 0.5}.text() == "[1, -2, 1/2]");
    CHECK(sequence{"two", "words"}.text() == "[two, words]");
    CHECK(sequence{"a", "", "b"}.text() == "[a, , b]");
    CHECK(sequence().text().empty());
}

TEST_CASE("containers are sequences") {
    CHECK(sequence(std::vector<std::string>{"ab", "c"}) == sequence{"ab", "c"});
    CHECK(sequence(std::vector<int>{3, -1}) == sequence{3, -1});
    CHECK(sequence(std::vector<double>{0.5}) == sequence{0.5});
    CHECK(sequence(std::vector<bool>{true, false}) == sequence{true, false});
    CHECK(sequence(std::vector<char>{'h', 'i'}) == sequence("hi"));
    CHECK(sequence(std::string("hi")) == sequence("hi"));
}
