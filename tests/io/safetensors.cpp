#include <sequent/io/safetensors.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::bytes_of, io_test::check_contains, io_test::folder, io_test::view,
    io_test::write_bytes;

namespace {

using tensors = std::vector<io::named_tensor<float>>;

std::string with_length(const std::string& json, const std::string& data) {
    std::string bytes;
    for (std::size_t index = 0; index < 8; ++index) {
        bytes += static_cast<char>(static_cast<unsigned char>(json.size() >> (8 * index)));
    }
    return bytes + json + data;
}

/// 1, 2, 3 as floats: what most of the files below hold as "a".
const std::string one_two_three("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40", 12);

/// Loads "a" with three elements from `bytes`; gives the message of the error, or nothing. The view
/// must not change on an error.
std::string message(const std::string& bytes) {
    const folder here;
    write_bytes(here / "bad.safetensors", bytes);
    std::array<float, 3> values{-1, -2, -3};
    try {
        io::load(here / "bad.safetensors", tensors{{"a", view(values.data(), {3}, {1})}});
    } catch (const io::error& error) {
        CHECK(values == std::array<float, 3>{-1, -2, -3});
        CHECK_THAT(error.what(), sequent_test::contains("bad.safetensors: "));
        return error.what();
    }
    CHECK(values == std::array<float, 3>{1, 2, 3});
    return "";
}

/// The same for a header alone, followed by the data of "a".
std::string header_message(const std::string& json) {
    return message(with_length(json, one_two_three));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
}

const std::string good = R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})";

}  // namespace

TEST_CASE("the bytes of a file are those of the format") {
    const folder here;
    const std::array<float, 6> matrix{1, 2, 3, 4, 5, 6};
    const float scalar = -0.5F;
    // The transposed view: its rows are written as the file's rows.
    const std::vector<io::named_tensor<const float>> list{
        {"W", view(matrix.data(), {3, 2}, {1, 3})}, {"b", view(&scalar, {}, {})}};
    io::save(here / "model.safetensors", list, {{"step", "12"}});

    std::string json = R"({"__metadata__":{"step":"12"},)"
                       R"("W":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},)"
                       R"("b":{"dtype":"F32","shape":[],"data_offsets":[24,28]}})";
    CHECK(json.size() == 140);
    json += "    ";
    const std::string data(
        "\x00\x00\x80\x3f\x00\x00\x80\x40"
        "\x00\x00\x00\x40\x00\x00\xa0\x40"
        "\x00\x00\x40\x40\x00\x00\xc0\x40"
        "\x00\x00\x00\xbf",
        28);
    const std::string length("\x90\x00\x00\x00\x00\x00\x00\x00", 8);
    CHECK(bytes_of(here / "model.safetensors") == length + json + data);
    CHECK(here.files() == 1);
}

TEST_CASE("the header is padded with spaces to eight bytes") {
    const folder here;
    const double value = 1;
    for (const char* name : {"a", "ab", "abc", "abcdefgh"}) {
        io::save(here / "x",
                 std::vector<io::named_tensor<const double>>{{name, view(&value, {1, 1}, {1, 1})}});
        const std::string bytes = bytes_of(here / "x");
        const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes[0]));
        CHECK(length % 8 == 0);
        CHECK(bytes.size() == 8 + length + 8);
        const std::string json = bytes.substr(8, length);
        CHECK(json.substr(0, json.find_last_not_of(' ') + 1) ==
              R"({")" + std::string(name) +
                  R"(":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]}})");
    }
}

TEMPLATE_TEST_CASE("strided views come back bit by bit", "", float, double) {
    using T = TestType;
    const folder here;
    std::mt19937 random(7);
    std::vector<T> from(2 * 3 * 5 * 4), to(from.size(), T(9));
    for (T& x : from)
        x = std::ldexp(static_cast<T>(random()) - T(2e9), static_cast<int>(random() % 60) - 40);
    from[0] = -T(0);
    from[4] = std::numeric_limits<T>::denorm_min();
    from[8] = std::numeric_limits<T>::max();
    const auto block = [](T* data) {
        return std::array{
            // Every second column, the columns outermost; and what lies between them, one by one.
            io::named_tensor<T>{"even", view(data, {2, 2, 15}, {2, 60, 4})},
            io::named_tensor<T>{"odd", view(data + 1, {15, 2, 2}, {4, 2, 60})},
        };
    };
    io::save(here / "x", block(from.data()));
    const auto metadata = io::load(here / "x", block(to.data()));
    CHECK(metadata.empty());
    CHECK(from == to);
    CHECK(std::signbit(to[0]));
    CHECK(to[4] == std::numeric_limits<T>::denorm_min());

    // Saved again from what was loaded: the same file.
    io::save(here / "y", block(to.data()));
    CHECK(bytes_of(here / "x") == bytes_of(here / "y"));
}

TEST_CASE("names, metadata and empty tensors come back") {
    const folder here;
    const std::string name =
        "quote \" backslash \\ slash / newline \n bell \x07 \xc3\xa9 \xf0\x9f\x8e\xb5";
    std::array<float, 2> values{1, 2};
    const tensors list{{name, view(values.data(), {2}, {1})},
                       {"", view(values.data(), {1}, {1})},
                       {"nothing", view(values.data(), {0, 7}, {7, 1})}};
    const io::metadata_map metadata{{name, name}, {"empty", ""}};
    io::save(here / "x", list, metadata);
    values = {0, 0};
    CHECK(io::load(here / "x", list) == metadata);
    CHECK(values == std::array<float, 2>{1, 2});

    const auto header = io::read_header(here / "x");
    REQUIRE(header.tensors.size() == 3);
    CHECK(header.metadata == metadata);
    CHECK(header.tensors[0].name == name);
    CHECK(header.tensors[2].shape == std::vector<std::uint64_t>{0, 7});

    io::save(here / "none", tensors{});
    CHECK(io::load(here / "none", tensors{}).empty());
}

TEST_CASE("headers of other writers are read: order, white space, escapes") {
    CHECK(header_message(good).empty());
    CHECK(header_message(good + "   \n").empty());
    CHECK(header_message("{ \"\\u0061\" :\t{\"shape\" : [ 3 ],\r\n \"data_offsets\":[0 , 12], "
                         "\"dtype\":\"F\\u0033\\u0032\" } , \"__metadata__\" : {} }")
              .empty());
    const auto header = io::parse_header(
        R"({"__metadata__":{"x":"\ud83c\udfb5 \u00E9 \/\b\f\n\r\t\"\\"}})", "file");
    CHECK(header.metadata.at("x") == "\xf0\x9f\x8e\xb5 \xc3\xa9 /\b\f\n\r\t\"\\");
}

TEST_CASE("the data of a file may lie in another order than its header") {
    const folder here;
    write_bytes(here / "x", with_length(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                                        R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                                        one_two_three));
    std::array<float, 3> values{};
    io::load(here / "x", tensors{{"a", view(values.data(), {2}, {1})},
                                 {"b", view(values.data() + 2, {1}, {1})}});
    CHECK(values == std::array<float, 3>{1, 2, 3});
}

TEST_CASE("a file that is not there or cut off is an error") {
    const folder here;
    CHECK_THROWS_WITH(io::load(here / "absent", tensors{}), sequent_test::contains("absent: "));
    CHECK_THROWS_WITH(io::load(here / ".", tensors{}), sequent_test::contains("cannot be opened"));
    check_contains(message(""), {"has 0 bytes"});
    check_contains(message("1234567"), {"has 7 bytes"});
    const std::string bytes = with_length(good, one_two_three);
    // Wherever it is cut off.
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(message(bytes.substr(0, length)).empty());
    }
    check_contains(message(bytes.substr(0, bytes.size() - 1)),
                   {"\"a\"", "[0, 12]", "data of 11 bytes", "truncated"});
    check_contains(message(bytes + "x"), {"hold 12 bytes", "13"});
    check_contains(message(bytes.substr(0, 20)), {"should have 55 bytes", "only 12"});
    check_contains(message(std::string(8, '\xff') + "{}"), {"18446744073709551615"});
}

TEST_CASE("a header that is not well-formed is an error") {
    const std::vector<std::pair<std::string, const char*>> cases{
        {"", "expected '{'"},
        {" " + good, "expected '{'"},
        {"[]", "expected '{'"},
        {"{", "expected '\"'"},
        {good + "x", "expected the end"},
        {good.substr(0, good.size() - 1), "expected '}'"},
        {replaced(good, "}}", "},}"), "expected '\"'"},
        {replaced(good, "[3]", "[3,]"), "expected a whole number"},
        {replaced(good, "[3]", "[-3]"), "expected a whole number"},
        {replaced(good, "[3]", "[3.0]"), "expected ']'"},
        {replaced(good, "[3]", "[3e0]"), "expected ']'"},
        {replaced(good, "[3]", "[03]"), "starts with 0"},
        {replaced(good, "[3]", "[18446744073709551616]"), "too large"},
        {replaced(good, "[3]", "[[3]]"), "expected a whole number"},
        {replaced(good, "[3]", "3"), "expected '['"},
        {replaced(good, "[0,12]", "[12]"), "two numbers, found 1"},
        {replaced(good, "[0,12]", "[0,12,24]"), "two numbers, found 3"},
        {replaced(good, "\"F32\"", "32"), "expected '\"'"},
        {replaced(good, "\"F32\"", "null"), "expected '\"'"},
        {replaced(good, "dtype", "type"), "unknown key \"type\""},
        {replaced(good, "\"dtype\":\"F32\",", ""), "lacks dtype"},
        {replaced(good, "\"shape\":[3],", ""), "lacks shape"},
        {replaced(good, ",\"data_offsets\":[0,12]", ""), "lacks data_offsets"},
        {replaced(good, "\"dtype\"", "\"dtype\":\"F32\",\"dtype\""), "two dtype"},
        {replaced(good, "\"a\"", "\"a"), "expected ':'"},
        {R"({"a)", "no end"},
        {R"({"a\)", "no end"},
        {R"({"\x"})", "unknown escape"},
        {R"({"\u12g4"})", "four hexadecimal"},
        {R"({"\ud800"})", "surrogate"},
        {R"({"\udc00"})", "surrogate"},
        {R"({"\ud800\u0041"})", "surrogate"},
        {"{\"\n\"}", "control character"},
        {"{\"\xff\"}", "not UTF-8"},
        {"{\"\xc0\x80\"}", "not UTF-8"},
        {"{\"\xed\xa0\x80\"}", "not UTF-8"},
        {R"({"__metadata__":{"a":1}})", "expected '\"'"},
        {R"({"__metadata__":{"a":"","a":""}})", "\"a\" stands twice"},
        {R"({"__metadata__":{},"__metadata__":{}})", "\"__metadata__\" stands twice"},
        {replaced(good, "}}",
                  "},\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[12,12]}}"),
         "\"a\" stands twice"},
    };
    for (const auto& [json, part] : cases) {
        INFO(json);
        check_contains(header_message(json), {part});
    }
    // Depth costs nothing: the parser does not recurse.
    CHECK_FALSE(header_message(std::string(1'000'000, '{')).empty());
}

TEST_CASE("offsets that do not cover the data once are an error") {
    const auto two = [](const char* first, const char* second) {
        return header_message(std::string(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)") +
                              first + R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" +
                              second + "}}");
    };
    check_contains(two("[0,8]", "[4,12]"), {"\"b\"", "[4, 12]", "overlap", "8"});
    check_contains(two("[0,8]", "[0,12]"), {"\"b\"", "overlap"});
    check_contains(two("[0,4]", "[8,12]"), {"\"b\"", "hole"});
    check_contains(two("[4,8]", "[8,12]"), {"\"a\"", "hole"});
    check_contains(two("[0,8]", "[12,8]"), {"\"b\"", "end before"});
    check_contains(two("[0,8]", "[8,16]"), {"\"b\"", "beyond", "12 bytes"});
    check_contains(two("[0,8]", "[8,18446744073709551615]"), {"\"b\"", "beyond"});
    check_contains(two("[0,8]", "[8,8]"), {"hold 8 bytes", "12"});
}

TEST_CASE("a tensor has the bytes of its dtype and shape") {
    const auto message_of = [](const std::string& json, std::size_t bytes) -> std::string {
        const std::string file = with_length(json, std::string(bytes, '\0'));
        try {
            io::read_header(io::source(std::as_bytes(std::span(file)), "x"));
        } catch (const io::error& error) {
            return error.what();
        }
        return "";
    };
    const auto of = [&](const std::string& dtype, const std::string& shape, std::size_t bytes) {
        return message_of(R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape +
                              R"(,"data_offsets":[0,)" + std::to_string(bytes) + "]}}",
                          bytes);
    };
    check_contains(of("F64", "[4]", 16), {"\"a\"", "has 16 bytes", "[4] of F64 takes 32"});
    check_contains(of("BF16", "[3]", 12), {"has 12 bytes", "BF16 takes 6"});
    check_contains(of("I64", "[2,2]", 31), {"has 31 bytes", "takes 32"});
    check_contains(of("BOOL", "[]", 0), {"has 0 bytes", "takes 1"});
    check_contains(of("F32", "[0,3]", 4), {"has 4 bytes", "takes 0"});
    check_contains(of("F4", "[3]", 1), {"has 1 bytes", "takes 12 bits"});
    check_contains(of("U8", "[4294967296,4294967296]", 0), {"more than any file"});
    check_contains(of("F32", "[9223372036854775808,2,2]", 0), {"more than any file"});
    for (const auto& [dtype, shape, bytes] : std::vector<std::tuple<const char*, const char*, int>>{
             {"F64", "[2]", 16},
             {"I8", "[3]", 3},
             {"F4", "[2,3]", 3},
             {"F6_E3M2", "[4]", 3},
             {"C64", "[]", 8},
             {"F32", "[9223372036854775808,4,0]", 0},
             {"LATER", "[7]", 5}}) {
        INFO(dtype);
        CHECK(of(dtype, shape, static_cast<std::size_t>(bytes)).empty());
    }
    // As files of the format's own library may have it.
    CHECK(message_of(R"({"__metadata__": null,"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})",
                     1)
              .empty());
    check_contains(message_of(R"({"__metadata__":nul})", 0), {"expected '{'"});
}

TEST_CASE("tensors that are not those asked for are an error") {
    check_contains(header_message(replaced(good, "\"a\"", "\"b\"")), {"\"a\"", "not in the file"});
    check_contains(header_message(replaced(good, "F32", "I32")), {"\"a\"", "I32", "none of F16"});
    check_contains(header_message(replaced(good, "F32", "X32")), {"\"a\"", "X32", "none of F16"});
    check_contains(header_message(replaced(good, "[3]", "[1,3]")), {"\"a\"", "[1, 3]", "[3]"});
    check_contains(header_message(replaced(good, "[3]", "[3,1]")), {"\"a\"", "[3, 1]", "[3]"});
    check_contains(
        header_message(replaced(
            good, "}}", R"(},"extra":{"dtype":"F32","shape":[0],"data_offsets":[12,12]}})")),
        {"\"extra\"", "not wanted", "2 in the file, 1 wanted"});

    const folder here;
    write_bytes(here / "x", with_length(good, one_two_three));
    std::array<float, 6> values{};
    CHECK_THROWS_WITH(io::load(here / "x", tensors{{"a", view(values.data(), {3}, {1})},
                                                   {"a", view(values.data() + 3, {3}, {1})}}),
                      sequent_test::contains("asked for twice"));
    CHECK(values == std::array<float, 6>{});
}

TEST_CASE("what is not finite is neither loaded nor saved") {
    check_contains(
        message(with_length(good, one_two_three.substr(0, 8) + std::string("\x00\x00\xc0\x7f", 4))),
        {"\"a\"", "element 2", "not a number"});
    check_contains(
        message(with_length(good, std::string("\x00\x00\x80\xff", 4) + one_two_three.substr(4))),
        {"\"a\"", "element 0", "infinite"});

    const folder here;
    std::array<float, 3> values{1, 2, 3};
    const tensors list{{"a", view(values.data(), {3}, {1})}};
    io::save(here / "x", list);
    const std::string before = bytes_of(here / "x");
    values[1] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(io::save(here / "x", list), sequent_test::contains("element 1 is infinite"));
    CHECK(bytes_of(here / "x") == before);
    CHECK(here.files() == 1);
}

TEST_CASE("what the format cannot hold is not saved") {
    const folder here;
    std::array<float, 1> value{1};
    const auto one = view(value.data(), {1}, {1});
    CHECK_THROWS_WITH(io::save(here / "x", tensors{{"a", one}, {"a", one}}),
                      sequent_test::contains("given twice"));
    CHECK_THROWS_WITH(io::save(here / "x", tensors{{"__metadata__", one}}),
                      sequent_test::contains("keeps this name"));
    CHECK_THROWS_WITH(io::save(here / "x", tensors{{"\xff", one}}),
                      sequent_test::contains("not UTF-8"));
    CHECK_THROWS_WITH(io::save(here / "x", tensors{}, {{"a", "\xff"}}),
                      sequent_test::contains("not UTF-8"));
    CHECK(here.files() == 0);
}

TEST_CASE("a save that fails leaves the old file and nothing else") {
    const folder here;
    std::array<float, 1> value{1};
    const tensors list{{"a", view(value.data(), {1}, {1})}};
    CHECK_THROWS_WITH(io::save(here / "no" / "x", list),
                      sequent_test::contains("cannot be opened"));
    // A folder that is not empty cannot be replaced by a file.
    std::filesystem::create_directories(here / "x" / "y");
    CHECK_THROWS_WITH(io::save(here / "x", list), sequent_test::contains("cannot be replaced"));
    CHECK(here.files() == 1);
}

TEST_CASE("no change of a byte goes further than an error") {
    const std::string bytes = with_length(good, one_two_three);
    std::mt19937 random(11);
    int loaded = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string changed = bytes;
        for (int change = 0; change < 1 + round % 3; ++change) {
            changed[random() % (bytes.size() - 12)] = static_cast<char>(random() % 256);
        }
        const folder here;
        write_bytes(here / "x", changed);
        std::array<float, 3> values{};
        try {
            io::load(here / "x", tensors{{"a", view(values.data(), {3}, {1})}});
            ++loaded;
        } catch (const io::error&) {
            if (values != std::array<float, 3>{}) FAIL("half-loaded");
        }
    }
    CHECK(loaded < 100);
}

TEST_CASE("narrow numbers are read exactly") {
    using io::from_bf16, io::from_f16;
    STATIC_REQUIRE(from_f16(0x3C00) == 1.0F);
    STATIC_REQUIRE(from_f16(0xC000) == -2.0F);
    STATIC_REQUIRE(from_f16(0x7BFF) == 65504.0F);
    STATIC_REQUIRE(from_f16(0x0400) == 0x1p-14F);
    STATIC_REQUIRE(from_f16(0x0001) == 0x1p-24F);
    STATIC_REQUIRE(from_f16(0x03FF) == 0x3FFp-24F);
    STATIC_REQUIRE(from_f16(0x3555) == 0x1.554p-2F);
    STATIC_REQUIRE(from_bf16(0x3FC0) == 1.5F);
    STATIC_REQUIRE(from_bf16(0x0001) == 0x1p-133F);
    CHECK(std::isinf(from_f16(0xFC00)));
    CHECK(std::isnan(from_f16(0x7C01)));
    CHECK(std::signbit(from_f16(0x8000)));
    CHECK(std::isnan(from_bf16(0x7FC0)));
}

TEST_CASE("numbers are rounded to nearest, ties to even") {
    using io::to_bf16, io::to_f16;
    STATIC_REQUIRE(to_f16(65504.0) == 0x7BFF);
    STATIC_REQUIRE(to_f16(65519.999) == 0x7BFF);
    STATIC_REQUIRE(to_f16(65520.0) == 0x7C00);
    STATIC_REQUIRE(to_f16(-1e300) == 0xFC00);
    STATIC_REQUIRE(to_f16(1.0 + 0x1p-11) == 0x3C00);  // a tie, down to even
    STATIC_REQUIRE(to_f16(1.0 + 0x3p-11) == 0x3C02);  // a tie, up to even
    STATIC_REQUIRE(to_f16(1.0 + 0x1.0000001p-11) == 0x3C01);
    STATIC_REQUIRE(to_f16(0x1p-25) == 0x0000);  // half of the least: a tie
    STATIC_REQUIRE(to_f16(0x1.8p-25) == 0x0001);
    STATIC_REQUIRE(to_f16(0x1.ff8p-15) == 0x03FF);  // the largest subnormal
    STATIC_REQUIRE(to_f16(0x1.ffcp-15) == 0x0400);  // a tie, up to the least normal one
    STATIC_REQUIRE(to_f16(-1e-30) == 0x8000);
    STATIC_REQUIRE(to_bf16(1.0 + 0x1p-8) == 0x3F80);
    STATIC_REQUIRE(to_bf16(1.0 + 0x3p-8) == 0x3F82);
    STATIC_REQUIRE(to_bf16(3.4e38) == 0x7F80);
    // Every number of 16 bits comes back.
    for (int bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        if (std::isfinite(io::from_f16(half)) &&
            to_f16(static_cast<double>(io::from_f16(half))) != half)
            FAIL("F16 " << bits);
        if (std::isfinite(io::from_bf16(half)) &&
            to_bf16(static_cast<double>(io::from_bf16(half))) != half)
            FAIL("BF16 " << bits);
    }
}

TEST_CASE("each type is written, and read into wider ones alone") {
    const folder here;
    // 1/3 is exact in no type; the file gives what the type makes of it.
    std::array<double, 3> values{1.0 / 3, -2, 0.5};
    const std::vector<io::named_tensor<double>> list{{"a", view(values.data(), {3}, {1})}};
    const auto third = [&](io::dtype type) {
        io::save(here / "x", list, {}, type);
        CHECK(io::read_header(here / "x").tensors[0].dtype == io::name_of(type));
        std::array<double, 3> read{};
        io::load(here / "x",
                 std::vector<io::named_tensor<double>>{{"a", view(read.data(), {3}, {1})}});
        CHECK(read[1] == -2);
        CHECK(read[2] == 0.5);
        std::array<float, 3> narrow{};
        const tensors wanted{{"a", view(narrow.data(), {3}, {1})}};
        if (type == io::dtype::f64) {
            CHECK_THROWS_WITH(io::load(here / "x", wanted), sequent_test::contains("F64"));
        } else {
            io::load(here / "x", wanted);
            CHECK(static_cast<double>(narrow[0]) == read[0]);
        }
        return read[0];
    };
    CHECK(third(io::dtype::f64) == 1.0 / 3);
    CHECK(third(io::dtype::f32) == static_cast<double>(1.0F / 3.0F));
    CHECK(third(io::dtype::f16) == 0x1.554p-2);
    CHECK(third(io::dtype::bf16) == 0x1.56p-2);

    values[1] = -1e39;
    CHECK_THROWS_WITH(io::save(here / "y", list, {}, io::dtype::f32),
                      sequent_test::contains("element 1 is -1e+39") &&
                          sequent_test::contains("too large for F32"));
    values[1] = 65520;
    CHECK_THROWS_WITH(io::save(here / "y", list, {}, io::dtype::f16),
                      sequent_test::contains("too large for F16"));
    CHECK(here.files() == 1);

    write_bytes(here / "z", with_length(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})",
                                        std::string("\x00\x3c\x00\x7c", 4)));
    std::array<float, 2> read{};
    CHECK_THROWS_WITH(io::load(here / "z", tensors{{"a", view(read.data(), {2}, {1})}}),
                      sequent_test::contains("element 1 is infinite"));
}

TEST_CASE("bytes in memory are read as a file is") {
    const std::string bytes = with_length(good, one_two_three);
    std::array<float, 3> values{};
    const tensors wanted{{"a", view(values.data(), {3}, {1})}};
    io::load(std::as_bytes(std::span(bytes)), wanted);
    CHECK(values == std::array<float, 3>{1, 2, 3});
    const auto half = std::as_bytes(std::span(bytes)).first(20);
    CHECK_THROWS_WITH(io::load(half, wanted), sequent_test::contains("<memory>: the header"));
    CHECK_THROWS_WITH(io::load(io::source(half, "weights"), wanted),
                      sequent_test::contains("weights: the header"));
}
