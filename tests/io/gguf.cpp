#include <sequent/formats/describe_gguf.hpp>
#include <sequent/formats/gguf.hpp>
#include <sequent/formats/presets.hpp>
#include <sequent/io/name_map.hpp>
#include <sequent/io/visit.hpp>
#include <sequent/nn.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::check_contains, io_test::view;

namespace {

template <class T>
std::string bytes(T value) {
    std::string result(sizeof(T), '\0');
    for (std::size_t at = 0; at < sizeof(T); ++at)
        result[at] = static_cast<char>(static_cast<unsigned char>(value >> (8 * at)));
    return result;
}
std::string u32(std::uint32_t value) {
    return bytes(value);
}
std::string u64(std::uint64_t value) {
    return bytes(value);
}
std::string f32(float value) {
    return u32(std::bit_cast<std::uint32_t>(value));
}
std::string text(const std::string& value) {
    return u64(value.size()) + value;
}

/// A file under construction.
struct file {
    std::string pairs{};
    std::string lines{};
    std::string data{};
    std::uint64_t number_of_pairs = 0;
    std::uint64_t number_of_tensors = 0;
    std::size_t alignment = 32;
    std::uint32_t version = 3;

    void pair(const std::string& key, std::uint32_t type, const std::string& value) {
        pairs += text(key) + u32(type) + value;
        ++number_of_pairs;
    }
    void array(const std::string& key, std::uint32_t type, const std::vector<std::string>& values) {
        std::string all;
        for (const auto& each : values) all += each;
        pair(key, 9, u32(type) + u64(values.size()) + all);
    }
    /// The extents are those of the format, the fastest first.
    void tensor(const std::string& name, const std::vector<std::uint64_t>& extents,
                std::uint32_t type, const std::string& numbers) {
        lines += text(name) + u32(static_cast<std::uint32_t>(extents.size()));
        for (const auto extent : extents) lines += u64(extent);
        lines += u32(type) + u64(data.size());
        data += numbers;
        data.resize((data.size() + alignment - 1) / alignment * alignment);
        ++number_of_tensors;
    }
    std::string whole() const {
        std::string result =
            "GGUF" + u32(version) + u64(number_of_tensors) + u64(number_of_pairs) + pairs + lines;
        result.resize((result.size() + alignment - 1) / alignment * alignment);
        return result + data;
    }
};

io::gguf_file opened(const std::string& bytes_of_file) {
    return io::gguf_file(io::source(std::as_bytes(std::span(bytes_of_file)), "x.gguf"));
}

std::string message(const std::string& bytes_of_file) {
    try {
        (void)opened(bytes_of_file);
    } catch (const io::error& error) {
        return error.what();
    }
    return "";
}

std::string from_hex(const std::string& digits) {
    std::string result;
    for (std::size_t at = 0; at < digits.size(); at += 2)
        result += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
    return result;
}

std::string floats(std::initializer_list<float> values) {
    std::string result;
    for (const float value : values) result += f32(value);
    return result;
}

}  // namespace

TEST_CASE("numbers of GGUF's types are widened") {
    file made;
    made.tensor("plain", {3, 2}, 0, floats({1, 2, 3, 4, 5, 6}));
    made.tensor("half", {2}, 1, from_hex("003c00c0"));
    made.tensor("brain", {2}, 30, from_hex("803f00c0"));
    // Blocks and values of ggml's own Python package, of the same 32 normal numbers.
    made.tensor("q8_0", {32, 1}, 8,
                from_hex("772510260fc32a15e71b110e011adef8e91c02f2dbf400f33d2f81a8f8ec0a0a63cc"));
    made.tensor("q4_0", {32, 1}, 2, from_hex("6c35897a69748b79c6ba0929787a9698e75a"));
    made.tensor("q4_1", {32, 1}, 3, from_hex("27356cc1998b69848b8ac7ca0a39897a9698f75a"));
    const std::string whole = made.whole();
    const io::gguf_file from = opened(whole);
    CHECK(from.tensors().header.tensors[0].shape == std::vector<std::uint64_t>{2, 3});

    std::array<float, 6> plain{};
    std::array<float, 2> half{}, brain{};
    std::array<std::array<float, 32>, 3> blocks{};
    const auto block = [&](std::size_t at) { return view(blocks[at].data(), {1, 32}, {32, 1}); };
    io::load(from.tensors(),
             std::vector<io::named_tensor<float>>{{"plain", view(plain.data(), {2, 3}, {3, 1})},
                                                  {"half", view(half.data(), {2}, {1})},
                                                  {"brain", view(brain.data(), {2}, {1})},
                                                  {"q8_0", block(0)},
                                                  {"q4_0", block(1)},
                                                  {"q4_1", block(2)}});
    CHECK(plain == std::array<float, 6>{1, 2, 3, 4, 5, 6});
    CHECK(half == std::array<float, 2>{1, -2});
    CHECK(brain == std::array<float, 2>{1, -2});
    constexpr std::array<std::size_t, 6> places{0, 1, 15, 16, 17, 31};
    constexpr std::array<std::array<double, 6>, 3> expected{
        {{0.341552734375, 0.811187744140625, 0.59771728515625, 0.042694091796875,
          -0.298858642578125, -1.11004638671875},
         {0.3388671875, 0.677734375, 0.677734375, 0.0, -0.3388671875, -1.0166015625},
         {0.187255859375, 0.831298828125, 0.50927734375, 0.187255859375, -0.134765625,
          -1.100830078125}}};
    for (std::size_t type = 0; type < 3; ++type)
        for (std::size_t at = 0; at < places.size(); ++at)
            CHECK(static_cast<double>(blocks[type][places[at]]) == expected[type][at]);
    // Numbers that are apart are the same.
    for (std::size_t type = 0; type < 3; ++type) {
        const auto& tensors = from.tensors().header.tensors;
        const auto* const format = from.tensors().format_of(tensors[3 + type]);
        std::array<double, 5> some{};
        format->decode(from.tensors().stored_of(tensors[3 + type]), 3, 7, 5, some.data());
        for (std::size_t at = 0; at < 4; ++at)
            CHECK(static_cast<float>(some[at]) == blocks[type][3 + 7 * at]);
    }

    // A type that is not known is refused where it is wanted.
    file other;
    other.tensor("a", {256, 1}, 12, std::string(144, '\0'));
    const std::string q4_k = other.whole();
    std::vector<float> numbers(256);
    CHECK_THROWS_WITH(
        io::load(
            opened(q4_k).tensors(),
            std::vector<io::named_tensor<float>>{{"a", view(numbers.data(), {1, 256}, {256, 1})}}),
        sequent_test::contains("x.gguf: tensor \"a\": the file has dtype Q4_K, which is none of"));
}

TEST_CASE("metadata and the vocabulary of a GGUF file are read by type") {
    file made;
    made.alignment = 8;
    made.pair("general.alignment", 4, u32(8));
    made.pair("general.architecture", 8, text("llama"));
    made.pair("u8", 0, "\xff");
    made.pair("i8", 1, "\xff");
    made.pair("u16", 2, "\xff\xff");
    made.pair("i16", 3, "\xff\xff");
    made.pair("i32", 5, u32(0xffffffff));
    made.pair("f32", 6, f32(0.5F));
    made.pair("true", 7, "\x01");
    made.pair("two", 7, "\x02");
    made.pair("u64", 10, u64(std::uint64_t{1} << 63));
    made.pair("i64", 11, u64(~std::uint64_t{0}));
    made.pair("f64", 12, u64(std::bit_cast<std::uint64_t>(0.1)));
    made.array("tokenizer.ggml.tokens", 8, {text("<s>"), text("a"), text("\xff")});
    made.array("tokenizer.ggml.scores", 6, {f32(0), f32(-1), f32(-2.5F)});
    made.array("tokenizer.ggml.token_type", 5, {u32(3), u32(1), u32(6)});
    made.array("tokenizer.ggml.merges", 8, {text("a b")});
    made.pair("tokenizer.ggml.model", 8, text("gpt2"));
    made.pair("tokenizer.ggml.pre", 8, text("smollm"));
    made.pair("tokenizer.ggml.bos_token_id", 4, u32(0));
    made.pair("tokenizer.ggml.add_bos_token", 7, "\x01");
    made.pair("tokenizer.ggml.add_space_prefix", 7, std::string(1, '\0'));
    made.tensor("a", {1}, 0, floats({7}));
    const std::string whole = made.whole();
    const io::gguf_file from = opened(whole);
    CHECK(from.integer("u8") == 255);
    CHECK(from.integer("i8") == -1);
    CHECK(from.integer("u16") == 65535);
    CHECK(from.integer("i16") == -1);
    CHECK(from.integer("i32") == -1);
    CHECK(from.integer("i64") == -1);
    CHECK(from.number("f32") == 0.5);
    CHECK(from.number("f64") == 0.1);
    CHECK(from.number("u8") == 255);
    CHECK(from.truth("true"));
    CHECK_FALSE(from.has("false"));
    CHECK(from.tensors().header.metadata.at("general.architecture") == "llama");
    const io::gguf_vocabulary vocabulary = from.vocabulary();
    CHECK(vocabulary.model == "gpt2");
    CHECK(vocabulary.split == "smollm");
    CHECK(vocabulary.tokens == std::vector<std::string>{"<s>", "a", "\xff"});
    CHECK(vocabulary.scores == std::vector<float>{0, -1, -2.5F});
    CHECK(vocabulary.types == std::vector<std::int32_t>{3, 1, 6});
    CHECK(vocabulary.merges == std::vector<std::string>{"a b"});
    CHECK(vocabulary.begin == 0);
    CHECK(vocabulary.end == -1);
    CHECK(vocabulary.adds_begin);
    CHECK_FALSE(vocabulary.adds_end);
    CHECK_FALSE(vocabulary.adds_space);
    using sequent_test::contains;
    CHECK_THROWS_WITH(from.text("u8"), contains("\"u8\" is of the type uint8, wanted is a string"));
    CHECK_THROWS_WITH(from.integer("f32"), contains("float32, wanted is an integer"));
    CHECK_THROWS_WITH(from.integer("tokenizer.ggml.token_type"), contains("an array of int32"));
    CHECK_THROWS_WITH(from.integers("u8"), contains("an array of integers"));
    CHECK_THROWS_WITH(from.integer("u64"), contains("9223372036854775808, beyond 63 bits"));
    CHECK_THROWS_WITH(from.truth("two"), contains("the bool 2"));
    CHECK_THROWS_WITH(from.number("absent"), contains("\"absent\" is not in the file"));

    const auto vocabulary_of = [&](auto add) {
        file changed;
        changed.pair("tokenizer.ggml.model", 8, text("gpt2"));
        changed.array("tokenizer.ggml.tokens", 8, {text("a"), text("b")});
        add(changed);
        const std::string bytes_of_file = changed.whole();
        (void)opened(bytes_of_file).vocabulary();
    };
    vocabulary_of([](file&) {});
    CHECK_THROWS_WITH(
        vocabulary_of([](file& to) { to.array("tokenizer.ggml.scores", 6, {f32(1)}); }),
        contains("scores\" has 1 elements, there are 2 tokens"));
    CHECK_THROWS_WITH(vocabulary_of([](file& to) {
                          to.array("tokenizer.ggml.token_type", 5, {u32(1), u32(7)});
                      }),
                      contains("unknown type 7"));
    CHECK_THROWS_WITH(
        vocabulary_of([](file& to) { to.pair("tokenizer.ggml.eos_token_id", 4, u32(2)); }),
        contains("is 2, there are 2 tokens"));
}

TEST_CASE("a GGUF file that is not well-formed is an error") {
    file made;
    made.pair("k", 8, text("value"));
    made.array("l", 4, {u32(1), u32(2)});
    made.tensor("a", {4, 2}, 0, floats({1, 2, 3, 4, 5, 6, 7, 8}));
    made.tensor("b", {32}, 8, std::string(34, '\x01'));
    const std::string whole = made.whole();
    CHECK(message(whole).empty());
    // Wherever the file ends, it is too short: only the padding behind the last tensor is not read.
    const std::size_t needed = whole.size() - 30;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        CHECK(message(whole.substr(0, size)).empty() == (size >= needed));
    }
    const auto of = [](auto change) {
        file changed;
        change(changed);
        return message(changed.whole());
    };
    check_contains(message("GGML" + whole.substr(4)), {"does not begin with \"GGUF\""});
    check_contains(of([](file& to) { to.version = 1; }), {"version 1", "2 and 3"});
    check_contains(of([](file& to) { to.version = 0x03000000; }), {"version 50331648"});
    check_contains(of([](file& to) { to.number_of_pairs = 1 << 20; }), {"pairs", "1048576"});
    check_contains(of([](file& to) { to.number_of_tensors = ~std::uint64_t{0}; }),
                   {"number of tensors"});
    check_contains(of([](file& to) { to.pair("k", 13, "12345678"); }),
                   {"\"k\"", "unknown type 13"});
    check_contains(of([](file& to) { to.pair("k", 9, u32(9) + u64(0)); }),
                   {"\"k\"", "array as the type of an array's elements"});
    check_contains(of([](file& to) { to.pair("k", 9, u32(10) + u64(std::uint64_t{1} << 61)); }),
                   {"k is 2305843009213693952"});
    check_contains(of([](file& to) {
                       to.pair("k", 0, "1");
                       to.pair("k", 0, "1");
                   }),
                   {"the key \"k\" stands twice"});
    check_contains(of([](file& to) { to.pair("\xff", 0, "1"); }), {"key is not UTF-8"});
    for (const std::uint32_t alignment : {0U, 24U, 1U << 21})
        check_contains(of([&](file& to) { to.pair("general.alignment", 4, u32(alignment)); }),
                       {"general.alignment", "no power of two"});
    check_contains(of([](file& to) {
                       to.tensor("a", {1}, 0, floats({1}));
                       to.tensor("a", {1}, 0, floats({1}));
                   }),
                   {"tensor \"a\" stands twice"});
    check_contains(of([](file& to) {
                       to.tensor("a", {1, 1, 1, 1, 1}, 0, floats({1}));
                   }),
                   {"\"a\" has 5 extents"});
    check_contains(of([](file& to) {
                       to.tensor("a", {16, 2}, 8, std::string(34, '\0'));
                   }),
                   {"\"a\"", "rows have 16 elements, Q8_0 has blocks of 32"});
    check_contains(of([](file& to) {
                       to.tensor("a", {1U << 30, 1U << 30}, 0, floats({1}));
                   }),
                   {"\"a\"", "[1073741824, 1073741824], too large"});
    check_contains(of([](file& to) { to.tensor("a", {9}, 0, floats({1})); }),
                   {"\"a\"", "bytes [0, 36) reach beyond the data of 32 bytes"});
    check_contains(of([](file& to) {
                       to.alignment = 4;
                       to.tensor("a", {1}, 0, floats({1}));
                       to.tensor("b", {1}, 0, floats({1}));
                       to.data.resize(64);
                       to.alignment = 32;
                   }),
                   {"\"b\"", "offset 4 is no multiple of 32"});
    check_contains(of([](file& to) {
                       to.tensor("a", {4}, 0, floats({1, 2, 3, 4}));
                       const std::string line = to.lines;
                       to.lines += line;
                       to.lines[line.size() + 8] = 'b';
                       to.number_of_tensors = 2;
                   }),
                   {"\"b\" overlaps the tensor \"a\""});
    // The last number of "a" is infinite.
    std::string infinite = whole;
    infinite.replace(infinite.size() - 64 - 4, 4, f32(std::numeric_limits<float>::infinity()));
    std::array<float, 8> values{};
    std::array<float, 32> more{};
    CHECK_THROWS_WITH(
        io::load(opened(infinite).tensors(),
                 std::vector<io::named_tensor<float>>{{"a", view(values.data(), {2, 4}, {4, 1})},
                                                      {"b", view(more.data(), {32}, {1})}}),
        sequent_test::contains("tensor \"a\": element 7 is infinite"));
}

TEST_CASE("a llama of llama.cpp has rows of queries and keys in the order of neighbours") {
    using namespace sequent;
    using Neighbours =
        llama<vocabulary<5>, tokens<4>, width<32>, heads<2>, key_heads<1>, hidden<32>, depth<2>>;
    using Halves = llama<vocabulary<5>, tokens<4>, width<32>, heads<2>, key_heads<1>, hidden<32>,
                         depth<2>, position::rotary_halves<>>;
    file made;
    std::uint32_t next = 1;
    const auto add = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
        std::string numbers;
        for (std::uint64_t at = 0; at < columns * std::max<std::uint64_t>(rows, 1); ++at) {
            next = next * 1664525 + 1013904223;
            numbers += f32(static_cast<float>(next >> 16) / 65536 - 0.5F);
        }
        made.tensor(name, rows == 0 ? std::vector{columns} : std::vector{columns, rows}, 0,
                    numbers);
    };
    add("token_embd.weight", 32, 5);
    for (int layer = 0; layer < 2; ++layer) {
        const std::string blk = "blk." + std::to_string(layer) + ".";
        add(blk + "attn_norm.weight", 32, 0);
        add(blk + "attn_q.weight", 32, 32);
        add(blk + "attn_k.weight", 32, 16);
        add(blk + "attn_v.weight", 32, 16);
        add(blk + "attn_output.weight", 32, 32);
        add(blk + "ffn_norm.weight", 32, 0);
        add(blk + "ffn_gate.weight", 32, 32);
        add(blk + "ffn_up.weight", 32, 32);
        add(blk + "ffn_down.weight", 32, 32);
    }
    add("output_norm.weight", 32, 0);
    const std::string whole = made.whole();
    const io::gguf_file from = opened(whole);
    const auto p = make_unique<Neighbours::parameters<float>>();
    const auto q = make_unique<Halves::parameters<float>>();
    io::load<Neighbours>(from.tensors(), *p, io::llama_cpp::llama);
    io::load<Halves>(from.tensors(), *q, io::llama_cpp::llama);
    std::vector<float> rows;
    Neighbours::for_each(*p, [&](std::string_view name, auto v) {
        if (name != "layers.W_key") return;
        for (int row = 0; row < 16; ++row) rows.push_back(v(1, 0, row, 3));
    });
    Halves::for_each(*q, [&](std::string_view name, auto v) {
        if (name != "layers.W_key") return;
        for (int row = 0; row < 16; ++row)
            CHECK(v(1, 0, row, 3) == rows[static_cast<std::size_t>(row % 8 * 2 + row / 8)]);
    });
    // The file decides between models.
    using Wider =
        llama<vocabulary<6>, tokens<4>, width<32>, heads<2>, key_heads<1>, hidden<32>, depth<2>>;
    const auto is_halves = io::visit<Wider, Halves, Neighbours>(
        from.tensors(), io::llama_cpp::llama,
        []<class Model>() { return std::is_same_v<Model, Halves>; });
    CHECK(is_halves);
    CHECK_THROWS_WITH((io::visit<Wider>(from.tensors(), io::llama_cpp::llama, []<class>() {})),
                      sequent_test::contains("x.gguf: has 20 tensors; no model of the list fits") &&
                          sequent_test::contains("[5, 32], wanted is [6, 32]"));
    // A model of Qwen's file, whose rows are in the order of halves.
    io::load<Halves>(from.tensors(), *q, io::llama_cpp::qwen2);
    Halves::for_each(*q, [&](std::string_view name, auto v) {
        if (name != "layers.W_key") return;
        for (int row = 0; row < 16; ++row)
            CHECK(v(1, 0, row, 3) == rows[static_cast<std::size_t>(row)]);
    });
}

TEST_CASE("the type of a model follows from the metadata of a GGUF file") {
    using namespace sequent;
    const auto described = [](const std::string& architecture, float epsilon, auto fill) {
        file made;
        made.pair("general.architecture", 8, text(architecture));
        const auto whole = [&](const std::string& key, std::uint32_t value) {
            made.pair(architecture + "." + key, 4, u32(value));
        };
        whole("context_length", 16);
        whole("embedding_length", 8);
        whole("block_count", 2);
        whole("feed_forward_length", 12);
        whole("attention.head_count", 2);
        made.pair(architecture + (architecture == "bert" ? ".attention.layer_norm_epsilon"
                                                         : ".attention.layer_norm_rms_epsilon"),
                  6, f32(epsilon));
        made.tensor("token_embd.weight", {8, 3}, 0, std::string(96, '\0'));
        fill(made, whole);
        const std::string bytes_of_file = made.whole();
        try {
            const io::model_description found = io::describe(opened(bytes_of_file));
            CHECK(!io::names_of(found).empty());
            return found.text() + " " + found.names;
        } catch (const io::error& error) {
            return std::string(error.what());
        }
    };
    CHECK(
        described("llama", 1e-5F, [](file&, auto whole) { whole("attention.head_count_kv", 1); }) ==
        "llama<vocabulary<3>, tokens<16>, width<8>, heads<2>, key_heads<1>, hidden<12>, "
        "depth<2>> io::llama_cpp::llama");
    CHECK(described("qwen2", 1e-6F,
                    [](file& to, auto) { to.pair("qwen2.rope.freq_base", 6, f32(1e6F)); }) ==
          "qwen2<vocabulary<3>, tokens<16>, width<8>, heads<2>, hidden<12>, depth<2>> "
          "io::llama_cpp::qwen2");
    CHECK(
        described("phi3", 1e-5F, [](file&, auto whole) { whole("attention.sliding_window", 5); }) ==
        "phi3<vocabulary<3>, tokens<16>, width<8>, heads<2>, hidden<12>, depth<2>, tied<true>, "
        "mask::window<4>> io::llama_cpp::phi3");
    CHECK(described("bert", 1e-12F,
                    [](file& to, auto) {
                        to.tensor("token_types.weight", {8, 2}, 0, std::string(64, '\0'));
                    }) ==
          "bert<vocabulary<3>, tokens<16>, width<8>, heads<2>, depth<2>, hidden<12>, "
          "pooling::none> io::llama_cpp::bert");
    CHECK(described("t5", 1e-6F,
                    [](file& to, auto whole) {
                        whole("attention.key_length", 3);
                        whole("attention.relative_buckets_count", 8);
                        to.tensor("enc.blk.0.ffn_gate.weight", {1}, 0, floats({0}));
                        to.tensor("output.weight", {1}, 0, floats({0}));
                    }) ==
          "t5<vocabulary<3>, tokens<16>, source_tokens<16>, width<8>, heads<2>, "
          "head_width<3>, hidden<12>, source_depth<2>, depth<2>, activation::geglu_tanh, "
          "tied<false>, position::relative_buckets<8, 128>> io::llama_cpp::t5");
    // The factors of Llama 3.2, of four pairs.
    const auto factors = [&](std::initializer_list<float> of) {
        return described("llama", 1e-5F, [&](file& to, auto whole) {
            whole("attention.key_length", 8);
            to.pair("llama.rope.freq_base", 6, f32(500000));
            to.tensor("rope_freqs.weight", {of.size()}, 0, floats(of));
        });
    };
    CHECK(factors({1, 1, 3.2922621F, 32}) ==
          "llama3<vocabulary<3>, tokens<16>, width<8>, heads<2>, head_width<8>, hidden<12>, "
          "depth<2>, position::rotary_halves<500000, scaling::llama3<32, 1, 4, 8192>>> "
          "io::llama_cpp::llama3");
    check_contains(factors({1, 1, 3.4F, 32}), {"\"rope_freqs.weight\"", "number 2 is 3.4"});
    check_contains(factors({1, 3.2922621F}), {"\"rope_freqs.weight\" has 2 numbers", "4 pairs"});
    check_contains(described("falcon", 1e-5F, [](file&, auto) {}),
                   {"\"falcon\", known are \"bert\""});
}
