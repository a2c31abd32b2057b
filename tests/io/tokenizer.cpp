#include <sequent/io/tokenizer.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::bytes_of, io_test::check_contains, io_test::folder, io_test::write_bytes;

namespace {

using ids = std::vector<std::int32_t>;

std::vector<io::tokenizer::token> small_vocabulary() {
    std::vector<io::tokenizer::token> tokens{{"<unk>"}, {"\n<s>\n"}, {"\n</s>\n"}};
    for (int byte = 0; byte < 256; ++byte) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        const auto high = static_cast<std::size_t>(byte / 16);
        const auto low = static_cast<std::size_t>(byte % 16);
        tokens.push_back({std::string("<0x") + digits[high] + digits[low] + '>'});
    }
    // From 259 on.
    for (const char* text : {" ", "a", "b", "c", "\xc3\xa9"}) tokens.push_back({text, -100});
    tokens.push_back({"ab", -2});   // 264
    tokens.push_back({"bc", -1});   // 265
    tokens.push_back({"abc", -3});  // 266
    tokens.push_back({" a", -4});   // 267
    tokens.push_back({"aa", -5});   // 268
    tokens.push_back({"ab", -9});   // 269: as another before it
    tokens.push_back({"ca", -2e10F});
    return tokens;
}

std::string message(const std::string& bytes) {
    try {
        io::tokenizer read{io::source(std::as_bytes(std::span(bytes)), "bad.bin")};
    } catch (const io::error& error) {
        CHECK_THAT(error.what(), sequent_test::contains("bad.bin: "));
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("text becomes the tokens that merge best") {
    const io::tokenizer tokens(small_vocabulary());
    CHECK(tokens.encode("") == ids{1});
    CHECK(tokens.encode("b") == ids{1, 259, 261});
    CHECK(tokens.encode("abc") == ids{1, 259, 266});  // bc, then abc
    CHECK(tokens.encode("abbc") == ids{1, 259, 264, 265});
    CHECK(tokens.encode("aaa") == ids{1, 267, 268});             // " a" first
    CHECK(tokens.encode("baaa") == ids{1, 259, 261, 268, 260});  // the first of equal pairs
    CHECK(tokens.encode("ca") == ids{1, 259, 262, 260});         // a score that is too low
    // A code point of its own, one without, and bytes that are none.
    CHECK(tokens.encode("\xc3\xa9") == ids{1, 259, 263});
    CHECK(tokens.encode("\xc3\xb6") == ids{1, 259, 3 + 0xc3, 3 + 0xb6});
    CHECK(tokens.encode("\xa9\xc3") == ids{1, 259, 3 + 0xa9, 3 + 0xc3});
    CHECK(tokens.encode("d\n") == ids{1, 259, 3 + 'd', 3 + '\n'});
}

TEST_CASE("tokens become text") {
    const io::tokenizer tokens(small_vocabulary());
    CHECK(tokens.decode(1, 267) == "a");
    CHECK(tokens.decode(260, 267) == " a");
    CHECK(tokens.decode(1, 259).empty());
    CHECK(tokens.decode(1, 3 + 0x41) == "A");
    CHECK(tokens.decode(1, 3 + 0x20) == " ");
    CHECK(tokens.decode(5, 3) == std::string_view("\0", 1));
    CHECK(tokens.decode(5, 3 + 0xff) == "\xff");
    CHECK(tokens.decode(1, 0) == "<unk>");
    const io::tokenizer odd({{"<0xg1>"}, {"<0x411>"}, {"<0x4f>"}});
    CHECK(odd.decode(1, 0) == "<0xg1>");
    CHECK(odd.decode(1, 1) == "<0x411>");
    CHECK(odd.decode(1, 2) == "O");

    // What was text is text again, in pieces.
    const std::string text = "abc cab\xc3\xa9\xc3\xb6 aaa\tbb";
    std::string again;
    std::int32_t previous = 1;
    const ids encoded = tokens.encode(text);
    for (const std::int32_t id : std::span(encoded).subspan(1)) {
        again += tokens.decode(previous, id);
        previous = id;
    }
    CHECK(again == text);
}

TEST_CASE("a long text is encoded in little more than linear time") {
    const io::tokenizer tokens(small_vocabulary());
    const std::string text(1'000'000, 'a');
    CHECK(tokens.encode(text).size() == 500'002);  // begin, " a", pairs and one left
}

TEST_CASE("a tokenizer's file comes back, and nothing else is one") {
    const folder here;
    io::tokenizer(small_vocabulary()).save(here / "tokens");
    const io::tokenizer read(here / "tokens");
    const auto expected = small_vocabulary();
    REQUIRE(read.size() == static_cast<int>(expected.size()));
    for (int id = 0; id < read.size(); ++id) {
        CHECK(read[id].text == expected[static_cast<std::size_t>(id)].text);
        CHECK(read[id].score == expected[static_cast<std::size_t>(id)].score);
    }
    CHECK(read.encode("abbc") == ids{1, 259, 264, 265});

    const std::string bytes = bytes_of(here / "tokens");
    check_contains(message(""), {"has 0 bytes"});
    check_contains(message(bytes.substr(0, 3)), {"has 3 bytes"});
    check_contains(message(bytes.substr(0, 4)), {"no tokens"});
    check_contains(message(bytes + "1234567"), {"token 271", "7 bytes are left", "8"});
    check_contains(message(bytes.substr(0, bytes.size() - 1)),
                   {"token 270", "length is 2", "1 bytes are left"});
    std::string changed = bytes;
    changed.replace(8, 4, std::string("\xff\xff\xff\xff", 4));
    check_contains(message(changed), {"token 0", "4294967295", "the longest of the file is 6"});
    changed = bytes;
    changed.replace(4, 4, std::string("\x00\x00\xc0\x7f", 4));
    check_contains(message(changed), {"token 0", "score is not finite"});
    CHECK_THROWS_AS(io::tokenizer(here / "absent"), io::error);
}

TEST_CASE("a byte without a token is an error") {
    const io::tokenizer tokens({{"<unk>"}, {"<s>"}, {"</s>"}, {" "}, {"a"}});
    CHECK(tokens.encode("a") == ids{1, 3, 4});
    CHECK_THROWS_WITH(tokens.encode("ab"),
                      sequent_test::contains("the byte 98") && sequent_test::contains("5 tokens"));
    // Enough tokens, of which none is a byte.
    std::vector<io::tokenizer::token> words{{"<unk>"}, {"<s>"}, {"</s>"}, {" "}, {"a"}};
    while (words.size() < 300) words.push_back({"w" + std::to_string(words.size())});
    const io::tokenizer without(words);
    CHECK(without.encode("a") == ids{1, 3, 4});
    CHECK_THROWS_WITH(without.encode("a\xc3\xa9"), sequent_test::contains("the byte 195"));
    // They need not stand from 3 on.
    words.push_back({"<0xC3>"});
    words.push_back({"<0xA9>"});
    CHECK(io::tokenizer(words).encode("a\xc3\xa9") == ids{1, 3, 4, 300, 301});
}
