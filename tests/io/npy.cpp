#include <sequent/io/npy.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

// The newer place first: an older xtensor may be installed as well.
#if __has_include(<xtensor/containers/xtensor.hpp>)
#define SEQUENT_TEST_XTENSOR
#include <xtensor/containers/xtensor.hpp>
#elif __has_include(<xtensor/xtensor.hpp>)
#define SEQUENT_TEST_XTENSOR
#include <xtensor/xtensor.hpp>
#endif

namespace io = sequent::io;
using io_test::bytes_of, io_test::check_contains, io_test::folder, io_test::view;

namespace {

using matrix = std::array<std::array<float, 3>, 2>;

std::string array_file(const std::string& header, const std::string& data) {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(static_cast<unsigned char>(header.size()));
    bytes += '\0';
    return bytes + header + data;
}

std::string header(const std::string& descr, const std::string& shape,
                   const std::string& order = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

/// 1, 2, ..., 6 as they stand in memory on a little-endian machine, of any type.
template <class T>
std::string numbers(int count = 6) {
    std::string bytes;
    for (int number = 1; number <= count; ++number) {
        const T value = static_cast<T>(number);
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    return bytes;
}

io::source in_memory(const std::string& bytes) {
    return {std::as_bytes(std::span(bytes)), "bad.npy"};
}

/// The message that loading a matrix ends with; it must not change.
template <class Container = matrix>
std::string message(const std::string& bytes) {
    Container loaded{};
    const Container before = loaded;
    try {
        io::load_npy(in_memory(bytes), loaded);
    } catch (const io::error& error) {
        CHECK(loaded == before);
        CHECK_THAT(error.what(), sequent_test::contains("bad.npy: "));
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("arrays of NumPy are read into containers of their shape") {
    const matrix expected{{{1, 2, 3}, {4, 5, 6}}};
    matrix loaded{};
    io::load_npy(in_memory(array_file(header("<f4", "(2, 3)"), numbers<float>())), loaded);
    CHECK(loaded == expected);
    // Other orders of the keys, quotes and no last comma.
    loaded = {};
    io::load_npy(in_memory(array_file("{\"shape\":(2,3),'descr':\"<f4\",'fortran_order':False}  \n",
                                      numbers<float>())),
                 loaded);
    CHECK(loaded == expected);
    io::load_npy(in_memory(array_file(header("<f4", "(2, 3)", "True"), numbers<float>())), loaded);
    CHECK(loaded == matrix{{{1, 3, 5}, {2, 4, 6}}});

    std::vector<double> flat(6);
    io::load_npy(in_memory(array_file(header("<f4", "(1, 6)"), numbers<float>())), flat);
    CHECK(flat == std::vector<double>{1, 2, 3, 4, 5, 6});
    io::load_npy(in_memory(array_file(header("<f2", "(6,)"),
                                      std::string("\0\x3c\0\xc0\0\0\0\0\0\0\0\0", 12))),
                 flat);
    CHECK(flat == std::vector<double>{1, -2, 0, 0, 0, 0});

    // Columns of a matrix, and a scalar.
    std::array<double, 6> strided{};
    io::load_npy(in_memory(array_file(header("<f8", "(2, 3)"), numbers<double>())),
                 view(strided.data(), {2, 3}, {1, 2}));
    CHECK(strided == std::array<double, 6>{1, 4, 2, 5, 3, 6});
    io::load_npy(in_memory(array_file(header("<f8", "()"), numbers<double>(1))),
                 view(strided.data() + 1, {}, {}));
    CHECK(strided[1] == 1);

    std::vector<std::int32_t> symbols(6);
    io::load_npy(in_memory(array_file(header("<i8", "(6,)"), numbers<std::int64_t>())), symbols);
    CHECK(symbols == std::vector<std::int32_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("shapes of Python 2, which ends long numbers with an L, are read") {
    for (const char version : {'\1', '\2', '\3'}) {
        std::string bytes = array_file(header("<f4", "(3L, )"), numbers<float>(3));
        bytes[6] = version;
        if (version > 1) bytes.insert(10, 2, '\0');
        std::array<float, 3> values{};
        if (version == 3) {
            CHECK_THROWS_WITH(
                io::load_npy(in_memory(bytes), values),
                sequent_test::contains("expected ')'") || sequent_test::contains("expected ','"));
            continue;
        }
        io::load_npy(in_memory(bytes), values);
        CHECK(values == std::array<float, 3>{1, 2, 3});
    }
    matrix two{};
    io::load_npy(in_memory(array_file(header("<f4", "(2L, 3L)"), numbers<float>())), two);
    CHECK(two[1][2] == 6);
    check_contains(message(array_file(header("<f4", "(2LL, 3)"), numbers<float>())), {"expected"});
    check_contains(message(array_file(header("<f4", "(L, 3)"), numbers<float>())),
                   {"whole number"});
}

TEST_CASE("containers are written as NumPy writes them") {
    const folder here;
    const matrix values{{{1, 2, 3}, {4, 5, 6}}};
    io::save_npy(here / "x", values);
    const std::string bytes = bytes_of(here / "x");
    CHECK(bytes.size() == 128 + 24);
    CHECK(bytes.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
    CHECK(bytes[127] == '\n');
    CHECK(bytes.substr(128) == numbers<float>());
    matrix loaded{};
    io::load_npy(here / "x", loaded);
    CHECK(loaded == values);

    io::save_npy(here / "y", std::vector<std::int32_t>{-1, 7});
    CHECK(io::read_npy_header(here / "y").descr == "<i4");
    CHECK(io::read_npy_header(here / "y").shape == std::vector<std::uint64_t>{2});
    std::array<std::int32_t, 2> symbols{};
    io::load_npy(here / "y", symbols);
    CHECK(symbols == std::array<std::int32_t, 2>{-1, 7});

    CHECK_THROWS_WITH(
        io::save_npy(here / "z", std::vector<float>{1, std::numeric_limits<float>::infinity()}),
        sequent_test::contains("element 1 is infinite"));
    CHECK(here.files() == 2);
}

#ifdef SEQUENT_TEST_XTENSOR
TEST_CASE("arrays go to xtensor and come from it") {
    const folder here;
    xt::xtensor<double, 2> values({2, 3});
    for (std::size_t at = 0; at < 6; ++at) values(at / 3, at % 3) = static_cast<double>(at);
    io::save_npy(here / "x", values);
    xt::xtensor<double, 2> loaded({2, 3});
    io::load_npy(here / "x", loaded);
    const bool same = loaded == values;
    CHECK(same);
    xt::xtensor<double, 2> other({3, 2});
    CHECK_THROWS_WITH(io::load_npy(here / "x", other),
                      sequent_test::contains("has shape [2, 3], wanted is [3, 2]"));
}
#endif

TEST_CASE("what is no such array is an error") {
    const std::string good = array_file(header("<f4", "(2, 3)"), numbers<float>());
    for (std::size_t length = 0; length < good.size(); ++length)
        CHECK_FALSE(message(good.substr(0, length)).empty());
    check_contains(message("PK" + good), {"does not begin with"});
    check_contains(message(good.substr(0, 9)), {"has 9 bytes", "10 before the header"});
    check_contains(message(good.substr(0, 20)), {"header should have", "only 10"});
    check_contains(message(good.substr(0, good.size() - 1)), {"23 bytes", "takes 24"});
    check_contains(message(good + "x"), {"25 bytes", "takes 24"});
    std::string later = good;
    later[6] = 9;
    check_contains(message(later), {"version 9"});

    const auto of = [](const std::string& text) {
        return message(array_file(text, numbers<float>()));
    };
    check_contains(of(header("<f4", "(3, 2)")), {"[3, 2]", "wanted is [2, 3]"});
    check_contains(of(header("<f4", "(6,)")), {"[6]", "wanted is [2, 3]"});
    check_contains(of(header("<f4", "(6)")), {"expected ','"});
    check_contains(of(header("<f4", "(-2, 3)")), {"whole number"});
    check_contains(of(header("<f4", "(99999999999999999999,)")), {"too large"});
    check_contains(of(header("<f8", "(2, 3)")), {"F64", "does not hold it exactly"});
    check_contains(of(header(">f4", "(2, 3)")), {"'>f4'", "wanted are"});
    check_contains(of(header("<i4", "(2, 3)")), {"'<i4'", "wanted are"});
    check_contains(of(header("<f4", "(2, 3)", "0")), {"True or False"});
    check_contains(of("{}"), {"'descr' is missing"});
    check_contains(of("{'descr': '<f4', 'descr': '<f4'}"), {"'descr' stands twice"});
    check_contains(of("{'kind': '<f4'}"), {"'kind' is unknown"});
    check_contains(of("{'descr': [('a', '<f4')]}"), {"expected a string"});
    check_contains(of("{'descr: 3"), {"no end"});
    check_contains(of(header("<f4", "(2, 3)") + "x"), {"expected the end"});
    std::string infinite = good;
    infinite.replace(good.size() - 4, 4, std::string("\x00\x00\x80\x7f", 4));
    check_contains(message(infinite), {"element 5 is infinite"});

    using flat = std::vector<float>;
    check_contains(message<flat>(array_file(header("<f4", "(4294967296, 4294967296)"), "")),
                   {"[4294967296, 4294967296]"});
    check_contains(message<std::array<std::int32_t, 1>>(
                       array_file(header("<i8", "(1,)"), std::string("\0\0\0\0\1\0\0\0", 8))),
                   {"element 0 is 4294967296"});
    check_contains(
        message<std::array<std::int32_t, 1>>(array_file(header("<f4", "(1,)"), numbers<float>(1))),
        {"'<f4'", "'<i4' or '<i8'"});
}
