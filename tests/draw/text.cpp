#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sequent/draw/svg.hpp>
#include <sequent/number_text.hpp>

#include "catch.hpp"
#include "comma_locale.hpp"

using namespace sequent::draw;

TEST_CASE("text of any origin becomes printable") {
    CHECK(printable("a\xc2\xa7\xf0\x9f\x98\x80") == "a\xc2\xa7\xf0\x9f\x98\x80");
    CHECK(printable("\x01\n\x7f") == "\xe2\x90\x81\xe2\x90\x8a\xe2\x90\xa1");
    // Cut off, overlong, half of a pair, beyond Unicode, no character.
    for (const char* bytes :
         {"\xc2", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xef\xbf\xbf"})
        CHECK(printable(std::string(bytes) + "a").starts_with("\xef\xbf\xbd"));
    CHECK(printable("\xe2\x82") == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(escaped("<\x02&\">") == "&lt;\xe2\x90\x82&amp;&quot;&gt;");
}

TEST_CASE("text is cut between letters") {
    CHECK(letters_in("\xc2\xa7h\xc3\xa9") == 3);
    CHECK(elided("\xc2\xa7h\xc3\xa9", 3) == "\xc2\xa7h\xc3\xa9");
    CHECK(elided("\xc2\xa7h\xc3\xa9llo", 3) == "\xc2\xa7h\xe2\x80\xa6");
    CHECK(first_letters("\xc3\xa9\xc3\xa9", 1) == "\xc3\xa9");
}

TEST_CASE("numbers are written as in the C locale whatever locale is set") {
    const auto check = [] {
        using sequent::number_text, sequent::fixed_text;
        CHECK(number_text(0.1) == "0.1");
        CHECK(number_text(-1e-310) == "-1e-310");
        CHECK(number_text(1234567.5, 6) == "1.23457e+06");
        CHECK(number_text(0.5, 3) == "0.5");
        CHECK(number_text(std::numeric_limits<double>::infinity(), 3) == "inf");
        CHECK(fixed_text(1234.5, 3) == "1234.500");
        CHECK(fixed_text(-std::numeric_limits<double>::max(), 20).size() == 331);
        CHECK(svg::number(1.5) == "1.5");
    };
    check();
    const sequent_test::comma_locale locale;
    check();
}

TEST_CASE("no header writes or reads numbers through the locale") {
    const auto include = std::filesystem::path(SEQUENT_TEST_FOLDER).parent_path() / "include";
    int headers = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(include)) {
        if (entry.path().extension() != ".hpp") continue;
        ++headers;
        std::ifstream file(entry.path());
        const std::string text(std::istreambuf_iterator<char>(file), {});
        for (const char* call : {"printf(", "scanf(", "strtod(", "strtof(", "atof(", "stod(",
                                 "stof(", "stringstream"}) {
            INFO(entry.path() << ": " << call);
            // fail.hpp prints a message that is text already.
            CHECK((text.find(call) == std::string::npos || entry.path().filename() == "fail.hpp"));
        }
    }
    CHECK(headers > 100);
}
