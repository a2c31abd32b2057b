#include <sequent/draw/svg.hpp>

#include "catch.hpp"

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
