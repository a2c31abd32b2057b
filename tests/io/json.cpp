#include <sequent/io/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace io = sequent::io;

namespace {

std::string message_of(std::string_view text) {
    try {
        const io::json_document document(text, "a.json");
    } catch (const io::error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("JSON is read") {
    const std::string text =
        R"( {"a": [1, -2.5e1, true, null, []], "b\u00e9\n": {"c": "x", "d": {}}, "": "\ud83d\ude00"} )";
    const io::json_document document(text, "a.json");
    const io::json_value root = document.root();
    std::vector<io::json_kind> kinds;
    root["a"].for_each_element([&](io::json_value each) { kinds.push_back(each.kind()); });
    CHECK(kinds == std::vector{io::json_kind::number, io::json_kind::number, io::json_kind::boolean,
                               io::json_kind::null, io::json_kind::array});
    std::vector<double> numbers;
    root["a"].for_each_element([&](io::json_value each) {
        if (each.kind() == io::json_kind::number) numbers.push_back(each.number());
    });
    CHECK(numbers == std::vector{1., -25.});
    std::string keys;
    root.for_each_member(
        [&](std::string_view key, io::json_value) { keys += std::string(key) + "|"; });
    CHECK(keys == "a|b\xc3\xa9\n||");
    CHECK(root["b\xc3\xa9\n"]["c"].string() == "x");
    CHECK(root[""].string() == "\xf0\x9f\x98\x80");
    CHECK_FALSE(root.has("c"));
}

TEST_CASE("values of another kind are refused with both kinds") {
    const std::string text = R"({"a": 1.5, "b": 7, "b": 8, "c": 300, "d": 1e999})";
    const io::json_document document(text, "a.json");
    const io::json_value root = document.root();
    CHECK_THROWS_WITH(root["a"].string(), "a.json, byte 6: expected a string, found a number");
    CHECK_THROWS_WITH(root["x"], "a.json, byte 0: lacks \"x\"");
    CHECK_THROWS_WITH(root["b"], "a.json, byte 24: \"b\" stands twice");
    CHECK(root["c"].whole_number(300) == 300);
    CHECK_THROWS_WITH(root["c"].whole_number(299),
                      "a.json, byte 32: expected a whole number of 0 to 299, found 300");
    CHECK_THROWS_WITH(root["a"].whole_number(9),
                      "a.json, byte 6: expected a whole number of 0 to 9, found 1.5");
    CHECK_THROWS_WITH(root["d"].number(), "a.json, byte 42: the number is too large");
}

TEST_CASE("text that is not JSON is refused") {
    for (const std::string_view text :
         {"",         "{",       "[1,]",        "[1 2]",    "{\"a\" 1}", "{\"a\":}", "{1:2}",
          "01",       "1.",      "-",           "1e",       "+1",        "tru",      "\"a",
          "\"\x01\"", "\"\\x\"", "\"\\ud800\"", "\"\xff\"", "1 1",       "[]]",      "nan"}) {
        INFO(text);
        CHECK_THAT(message_of(text), sequent_test::contains("a.json, byte "));
    }
    CHECK(message_of(std::string(256, '[') + std::string(256, ']')) == "");
    CHECK_THAT(message_of(std::string(100000, '[')), sequent_test::contains("in one another"));
}
