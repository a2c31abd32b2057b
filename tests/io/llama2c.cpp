#include <sequent/io/llama2c.hpp>
#include <sequent/io/visit.hpp>
#include <sequent/nn/presets.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

using io_test::bytes_of, io_test::check_contains, io_test::folder, io_test::write_bytes;
using namespace sequent;

namespace {

template <int Tokens>
using llama_of = llama<width<8>, hidden<12>, depth<2>, heads<4>, key_heads<2>, vocabulary<11>,
                       tokens<Tokens>, tied<false>>;
using Grouped = llama_of<6>;
using Tied = llama<width<8>, hidden<12>, depth<2>, heads<2>, vocabulary<11>, tokens<6>>;
constexpr io::llama2c_configuration grouped{8, 12, 2, 4, 2, 11, 6, false};

void append(std::string& bytes, std::uint32_t bits) {
    for (int index = 0; index < 4; ++index)
        bytes += static_cast<char>(static_cast<unsigned char>(bits >> (8 * index)));
}

/// A checkpoint whose numbers count from 0.
std::string counting(std::initializer_list<int> header, int numbers) {
    std::string bytes;
    for (const int field : header) append(bytes, static_cast<std::uint32_t>(field));
    for (int number = 0; number < numbers; ++number)
        append(bytes, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
    return bytes;
}

// Of each layer of the grouped model: gains 16, query and out 128, key and value 64, the rest 288.
constexpr int grouped_numbers = 11 * 8 + 2 * (16 + 128 + 64 + 288) + 8 + 6 * 2 + 11 * 8;
const std::string checkpoint = counting({8, 12, 2, 4, 2, -11, 6}, grouped_numbers);

io::source in_memory(const std::string& bytes) {
    return {std::as_bytes(std::span(bytes)), "bad.bin"};
}

/// The message that loading the bytes ends with; no parameter may change.
template <class Model = Grouped>
std::string message(const std::string& bytes) {
    const auto p = std::make_unique<typename Model::template parameters<float>>();
    try {
        io::load_llama2c<Model>(in_memory(bytes), *p);
    } catch (const io::error& error) {
        CHECK(std::ranges::all_of(p->flat(), [](float number) { return number == 0; }));
        CHECK_THAT(error.what(), sequent_test::contains("bad.bin: "));
        return error.what();
    }
    return "";
}

/// What is asked of a model beside its parameters: the functions of its rules, its options.
using functions = std::array<plan::transformation_use, 3>;
struct rules_of {
    struct {
        struct {
            functions transformations;
        } rules[1];
    } text;
};
template <const auto& Functions, bool Scaled = true, bool NormFirst = true>
struct model_of {
    struct plan {
        static constexpr rules_of shapes{{{{Functions}}}};
    };
    static constexpr struct {
        bool norm_first;
        bool scaled;
    } shape{NormFirst, Scaled};
};
constexpr plan::transformation_use use(plan::transformation kind, double number = 0) {
    return {.kind = kind, .numbers = {number, 0}};
}
using kind = plan::transformation;
constexpr functions usual{use(kind::rotary, 1e4), use(kind::rms_norm, 1e-5), use(kind::silu)};
constexpr functions halves{use(kind::rotary_halves, 1e4)};
constexpr functions less{use(kind::rotary, 1e4), use(kind::rms_norm, 1e-6)};
constexpr functions unplaced{use(kind::rms_norm, 1e-5)};
constexpr functions gelu{use(kind::rotary, 1e4), use(kind::gelu)};
constexpr functions capped{use(kind::rotary, 1e4), use(kind::soft_cap, 30)};

std::string with_field(int field, int value) {
    std::string bytes = checkpoint, bits;
    append(bits, static_cast<std::uint32_t>(value));
    return bytes.replace(static_cast<std::size_t>(4 * field), 4, bits);
}

}  // namespace

TEST_CASE("a checkpoint of llama2.c fills the parameters in the order of its file") {
    const auto p = std::make_unique<Grouped::parameters<double>>();
    CHECK(io::load_llama2c<Grouped>(in_memory(checkpoint), *p) == grouped);
    const std::vector<std::pair<std::string, int>> begins{
        {"embedding", 0},         {"layers.gain_1", 88},   {"layers.W_query", 104},
        {"layers.W_key", 232},    {"layers.W_value", 296}, {"layers.W_out", 360},
        {"layers.gain_2", 488},   {"layers.W_gate", 504},  {"layers.W_contract", 696},
        {"layers.W_expand", 888}, {"gain", 1080},          {"W_logits", 1100}};
    std::size_t seen = 0;
    Grouped::for_each(*p, [&](std::string_view name, auto view) {
        INFO(name);
        const auto found =
            std::ranges::find(begins, name, [](const auto& each) { return each.first; });
        REQUIRE(found != begins.end());
        ++seen;
        for (int at = 0; at < view.size(); ++at) CHECK(view.element(at) == found->second + at);
    });
    CHECK(seen == begins.size());

    // Written, it has the same bytes but for the tables of rotary positions.
    const folder here;
    io::save_llama2c<Grouped>(here / "written", *p);
    const std::string written = bytes_of(here / "written");
    REQUIRE(written.size() == checkpoint.size());
    const std::size_t table = 28 + 4 * 1088;
    CHECK(written.substr(0, table) == checkpoint.substr(0, table));
    CHECK(written.substr(table + 48) == checkpoint.substr(table + 48));
    for (std::size_t position = 0; position < 6; ++position) {
        const auto number = [&](std::size_t at) {
            return static_cast<double>(io::detail::load_element<float, io::dtype::f32>(
                reinterpret_cast<const std::byte*>(&written[table + 4 * at])));
        };
        CHECK(std::abs(number(position) - std::cos(static_cast<double>(position))) < 1e-6);
        CHECK(std::abs(number(6 + position) - std::sin(static_cast<double>(position))) < 1e-6);
    }
}

TEST_CASE("a tied model is written with a vocabulary above zero") {
    const folder here;
    const auto p = std::make_unique<Tied::parameters<float>>();
    Tied::initialize(*p, 3);
    io::save_llama2c<Tied>(here / "x", *p);
    const io::llama2c_configuration expected{8, 12, 2, 2, 2, 11, 6, true};
    CHECK(io::read_llama2c_header(here / "x") == expected);
    const auto q = std::make_unique<Tied::parameters<float>>();
    io::load_llama2c<Tied>(here / "x", *q);
    CHECK(std::ranges::equal(p->flat(), q->flat()));

    p->flat()[0] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(io::save_llama2c<Tied>(here / "x", *p),
                      sequent_test::contains("not a number"));
    CHECK(here.files() == 1);
}

TEST_CASE("what is no checkpoint of the model is an error") {
    check_contains(message(""), {"has 0 bytes", "28"});
    check_contains(message(checkpoint.substr(0, 27)), {"has 27 bytes", "28"});
    for (std::size_t length = 28; length < checkpoint.size(); length += 501)
        check_contains(message(checkpoint.substr(0, length)),
                       {std::to_string(length).c_str(), std::to_string(checkpoint.size()).c_str()});
    check_contains(message(checkpoint + "x"), {std::to_string(checkpoint.size() + 1).c_str()});
    check_contains(message(counting({0x616b3432, 3}, 300)), {"version 3", "0, 1 and 2"});
    check_contains(message(with_field(0, 0)), {"width is 0"});
    check_contains(message(with_field(1, -3)), {"hidden is -3"});
    check_contains(message(with_field(2, 1 << 30)), {"depth is 1073741824"});
    check_contains(message(with_field(3, 3)), {"heads, 3", "width, 8"});
    check_contains(message(with_field(3, 8)), {"heads of width 1", "no pairs"});
    check_contains(message(with_field(4, 3)), {"key_heads, 3", "heads, 4"});
    check_contains(message(with_field(5, 0)), {"vocabulary is 0"});
    check_contains(message(with_field(5, std::numeric_limits<int>::min())), {"vocabulary is 0"});
    check_contains(message(with_field(5, 11)), {"bytes", ", tied"});
    check_contains(message(with_field(6, 7)), {"tokens 7", "bytes"});

    std::string infinite = checkpoint;
    infinite.replace(28 + 4 * 89, 4, std::string("\x00\x00\x80\x7f", 4));
    check_contains(message(infinite), {"\"layers.gain_1\"", "element 1 is infinite"});
    check_contains(message<Tied>(checkpoint), {"W_query", "[2, 2, 2, 2, 8]", "[2, 2, 4, 8]"});
    using Longer = llama_of<7>;
    check_contains(message<Longer>(checkpoint), {"is for 6 tokens", "has 7"});
}

TEST_CASE("a model that computes what the format cannot say is neither loaded nor saved") {
    using Other = llama<width<8>, hidden<12>, depth<2>, heads<4>, key_heads<2>, vocabulary<11>,
                        tokens<6>, tied<false>, position::rotary<500000>>;
    check_contains(message<Other>(checkpoint), {"rotary base is 500000, llama2.c's is 10000"});
    const folder here;
    const auto p = std::make_unique<Other::parameters<float>>();
    CHECK_THROWS_WITH(io::save_llama2c<Other>(here / "x", *p),
                      sequent_test::contains("rotary base is 500000"));
    CHECK_THROWS_WITH((io::visit<Other>(in_memory(checkpoint), []<class>() {})),
                      sequent_test::contains("rotary base is 500000"));
    CHECK(here.files() == 0);

    const auto difference = []<const auto & Functions>() {
        return io::detail::unlike_llama2c<model_of<Functions>>();
    };
    CHECK(difference.operator()<usual>().empty());
    check_contains(difference.operator()<halves>(), {"rotary_halves", "neighbours"});
    check_contains(difference.operator()<less>(), {"epsilon of rms_norm is 1e-06", "1e-05"});
    check_contains(difference.operator()<unplaced>(), {"no rotary positions", "llama2.c"});
    check_contains(difference.operator()<gelu>(), {"another activation", "silu"});
    check_contains(difference.operator()<capped>(), {"a cap", "none"});
    check_contains(io::detail::unlike_llama2c<model_of<usual, false>>(), {"not scaled"});
    check_contains(io::detail::unlike_llama2c<model_of<usual, true, false>>(),
                   {"behind residual sums", "before layers"});
}

TEST_CASE("the file chooses the model") {
    const auto visited = [](const io::source& from) {
        return io::visit<Tied, Grouped>(from, []<class Model>() { return Model::parameter_count; });
    };
    CHECK(visited(in_memory(checkpoint)) == Grouped::parameter_count);
    const folder here;
    const auto p = std::make_unique<Tied::parameters<float>>();
    io::save<Tied>(here / "tied", *p, {}, io::dtype::bf16);
    CHECK(visited(here / "tied") == Tied::parameter_count);
    static constexpr io::name_entry no_names[] = {io::ignored("*")};
    CHECK_THROWS_WITH((io::visit<Tied, Grouped>(here / "tied", no_names, []<class Model>() {})),
                      sequent_test::contains("model 2: the map does not name"));

    using Longer = llama_of<7>;
    const auto none = [](const io::source& from) -> std::string {
        try {
            io::visit<Tied, Longer>(from, []<class Model>() {});
        } catch (const io::error& error) {
            return error.what();
        }
        return "";
    };
    check_contains(none(in_memory(checkpoint)),
                   {"bad.bin: has width 8, hidden 12, depth 2, heads 4, key_heads 2, vocabulary "
                    "11, tokens 6, not tied; no model",
                    "model 1: width 8", "model 2: width 8", "tokens 7"});
    write_bytes(here / "other", std::string("\x02\0\0\0\0\0\0\0{}", 10));
    check_contains(none(here / "other"), {"has 0 tensors", "model 1: tensor \"", "model 2"});
}
