#include <sequent/formats/gguf_writer.hpp>
#include <sequent/nn/presets.hpp>
#include <sequent/packed.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

// Packed weights from files, without floats between.

using io_test::check_contains, io_test::folder;
using namespace sequent;

namespace {

using Model =
    llama<width<64>, hidden<96>, depth<2>, heads<2>, key_heads<1>, vocabulary<40>, tokens<4>>;
using numbers = Model::parameters<float>;

template <class Packed>
bool are_same(const Packed& one, const Packed& other) {
    return std::equal(one.data(), one.data() + Packed::bytes, other.data()) &&
           std::ranges::equal(one.rest(), other.rest());
}

/// The greatest difference between packed weights and parameters; infinite if a number is none.
template <class Packed>
float difference(Packed& packed, const numbers& p) {
    using filler = model_detail::packed_filler;
    const auto places = filler::places_of(packed);
    float result = 0;
    const auto compare = [&](float one, float other) {
        const float each = std::abs(one - other);
        if (!(each <= result)) result = std::isnan(each) ? INFINITY : each;
    };
    for (const auto& of : places.matrices)
        for (int copy = 0; copy < of.copies(); ++copy)
            for (int split = 0; split < of.splits; ++split)
                Packed::with_format(of, [&]<int Number>(model_detail::packed_format<Number>) {
                    for (int k = 0; k < of.inputs; ++k)
                        for (int n = 0; n < of.outputs; ++n)
                            compare(kernel::packed_element<
                                        typename model_detail::packed_format<Number>::type>(
                                        places.packed + of.byte_to(copy, split), of.inputs,
                                        of.outputs, k, n),
                                    p.numbers[of.place_from(copy, split) + k * of.input_stride +
                                              n * of.output_stride]);
                });
    int floats = 0;
    for (int place = 0; place < numbers::size; ++place)
        if (const auto at = places.place_in_rest(place); at >= 0) {
            compare(places.rest[at], p.numbers[place]);
            ++floats;
        }
    CHECK(floats == Packed::floats);
    return result;
}

template <class T>
void append(std::string& to, T value) {
    const auto* const bytes = reinterpret_cast<const char*>(&value);
    to.append(bytes, sizeof value);
}

/// Integers from `least` to `most`.
class dice {
  public:
    int operator()(int least, int most) {
        state_ = state_ * 1664525u + 1013904223u;
        return least + static_cast<int>((state_ >> 8) % static_cast<unsigned>(most - least + 1));
    }

  private:
    unsigned state_ = 1;
};

/// A checkpoint of llama2.c of version 1, where `group` is 0, or 2.
std::string checkpoint(int group) {
    std::string bytes;
    dice random;
    for (const int field : {0x616b3432, group ? 2 : 1, 64, 96, 2, 2, 1, 40, 4})
        append(bytes, field);
    bytes += '\1';
    append(bytes, group);
    bytes.resize(256);
    for (int at = 0; at < 5 * 64; ++at) append(bytes, static_cast<float>(random(-9, 9)));
    const auto add = [&](int count, int tensors) {
        for (int tensor = 0; tensor < tensors; ++tensor) {
            for (int at = 0; at < count; ++at) {
                if (group)
                    append(bytes, static_cast<std::int8_t>(random(-100, 100)));
                else
                    append(bytes, static_cast<float>(random(-127, 127)));
            }
            // Scales that 16 bits hold.
            for (int at = 0; group && at < count / group; ++at)
                append(bytes, static_cast<float>(random(1, 9)) * 0x1p-6f);
        }
    };
    add(40 * 64, 1);
    add(64 * 64, 2);
    add(32 * 64, 4);
    add(64 * 64, 2);
    add(96 * 64, 6);
    return bytes;
}

/// A GGUF file of the model, its embedding in another type if one is given, in Q8_0 (8), Q4_0 (2)
/// or Q4_1 (3), but for the norms.
std::string gguf(std::uint32_t type, std::uint32_t type_of_embedding = 0) {
    std::string lines, data;
    std::uint64_t tensors = 0;
    dice random;
    const auto add = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
        append(lines, std::uint64_t{name.size()});
        lines += name;
        append(lines, std::uint32_t{rows == 0 ? 1u : 2u});
        append(lines, columns);
        if (rows > 0) append(lines, rows);
        append(lines, rows == 0 ? std::uint32_t{0} : type);
        append(lines, std::uint64_t{data.size()});
        if (rows == 0)
            for (std::uint64_t at = 0; at < columns; ++at)
                append(data, static_cast<float>(random(-9, 9)));
        for (std::uint64_t block = 0; block < rows * columns / 32; ++block) {
            for (int scale = 0; scale < (type == 3 ? 2 : 1); ++scale)
                append(data, io::to_f16(random(-9, 9) * 0x1p-6));
            for (int at = 0; at < (type == 8 ? 32 : 16); ++at)
                append(data, static_cast<std::uint8_t>(random(0, 255)));
        }
        data.resize((data.size() + 31) / 32 * 32);
        ++tensors;
    };
    const std::uint32_t type_of_matrices = type;
    if (type_of_embedding != 0) type = type_of_embedding;
    add("token_embd.weight", 64, 40);
    type = type_of_matrices;
    add("output_norm.weight", 64, 0);
    for (const std::string layer : {"blk.0.", "blk.1."}) {
        add(layer + "attn_norm.weight", 64, 0);
        add(layer + "ffn_norm.weight", 64, 0);
        add(layer + "attn_q.weight", 64, 64);
        add(layer + "attn_k.weight", 64, 32);
        add(layer + "attn_v.weight", 64, 32);
        add(layer + "attn_output.weight", 64, 64);
        add(layer + "ffn_gate.weight", 64, 96);
        add(layer + "ffn_up.weight", 64, 96);
        add(layer + "ffn_down.weight", 96, 64);
    }
    std::string result = "GGUF";
    append(result, std::uint32_t{3});
    append(result, tensors);
    append(result, std::uint64_t{0});
    result += lines;
    result.resize((result.size() + 31) / 32 * 32);
    return result + data;
}

io::source in_memory(const std::string& bytes) {
    return {std::as_bytes(std::span(bytes)), "x.bin"};
}

std::unique_ptr<numbers> random_parameters() {
    auto p = make_unique<numbers>();
    Model::initialize(*p, 3);
    return p;
}

template <class F>
std::string message(F f) {
    try {
        f();
    } catch (const io::error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEMPLATE_TEST_CASE("packed weights of a file are those of its parameters", "", bf16, q8_0, q4_0) {
    using packed = Model::packed<TestType>;
    using all = Model::packed<TestType, pack_all>;
    const folder in;
    const auto p = random_parameters();
    const auto expected = make_unique<packed>(*p);
    const auto expected_all = make_unique<all>(*p);
    // Norms and the embedding; norms alone.
    CHECK(packed::floats == 5 * 64 + 40 * 64);
    CHECK(all::floats == 5 * 64);
    CHECK(all::bytes == packed::bytes);
    io::save<Model>(in / "own", *p);
    CHECK(are_same(*expected, *io::load_packed<packed, Model>(io::open_safetensors(in / "own"))));
    CHECK(are_same(*expected_all, *io::load_packed<all, Model>(io::open_safetensors(in / "own"))));
    io::save<Model>(in / "other", *p, io::hugging_face::llama);
    CHECK(are_same(*expected, *io::load_packed<packed, Model>(io::open_safetensors(in / "other"),
                                                              io::hugging_face::llama)));

    io::save_packed(in / "packed", *expected, {{"key", "value"}});
    CHECK(are_same(*expected, *io::load_saved_packed<packed>(in / "packed")));
    CHECK(io::read_header(in / "packed").metadata.at("key") == "value");
    check_contains(message([&] { (void)io::load_saved_packed<all>(in / "packed"); }),
                   {"tensor \"embedding\" is in the file, but not wanted"});
}

TEST_CASE("saved packed weights are read where they are") {
    using packed = Model::packed<q8_0>;
    const folder in;
    const auto copied = make_unique<packed>(*random_parameters());
    io::save_packed(in / "packed", *copied);
    io::mapped_packed<packed> first = io::map_saved_packed<packed>(in / "packed");
    const auto mapped = std::move(first);
    CHECK(std::equal(mapped.data(), mapped.data() + packed::bytes, copied->data()));
    CHECK(std::ranges::equal(mapped.rest(), copied->rest()));
    const auto s = make_unique<Model::state<float>>(), t = make_unique<Model::state<float>>();
    const auto w = make_unique<Model::scratch<float>>(), x = make_unique<Model::scratch<float>>();
    const std::vector<std::int32_t> symbols{1, 39, 7, 7};
    for (const std::int32_t symbol : symbols) {
        const auto one = Model::step(*copied, {symbol}, *s),
                   two = Model::step(mapped, {symbol}, *t);
        CHECK(std::equal(one.data, one.data + 40, two.data));
    }
    const auto one = Model::forward(*copied, {symbols}, *w),
               two = Model::forward(mapped, {symbols}, *x);
    CHECK(std::equal(one.data, one.data + 4 * 40, two.data));

    // Bytes of the program, at a multiple of 64 and beside one.
    const io::source file(in / "packed");
    const auto bytes = file.bytes();
    std::vector<std::byte> room(bytes.size() + 128);
    const auto at = static_cast<std::size_t>(-reinterpret_cast<std::intptr_t>(room.data()) & 63);
    const auto read = [&](std::size_t place) {
        std::ranges::copy(bytes, room.data() + place);
        const auto all = io::map_saved_packed<packed>(
            {std::span<const std::byte>(room.data() + place, bytes.size()), "x.bin"});
        return all.data() > room.data() && all.data() < room.data() + room.size() &&
               std::equal(all.data(), all.data() + packed::bytes, copied->data());
    };
    CHECK(read(at));
    check_contains(
        message([&] { read(at + 8); }),
        {"x.bin: tensor \"q8_0 ", "does not begin at a multiple of 64 bytes", "load_saved_packed"});
    check_contains(message([&] { (void)io::map_saved_packed<Model::packed<q4_0>>(in / "packed"); }),
                   {"tensor \"q4_0 ", " is not in the file"});
}

TEST_CASE("blocks of a file become packed weights as they stand") {
    const auto p = make_unique<numbers>();
    const std::string of_eight = gguf(8), four = gguf(2);
    const auto load = [&]<class Packed>(const std::string& bytes, Packed*) {
        const io::gguf_file file(in_memory(bytes));
        io::load<Model>(file.tensors(), *p, io::llama_cpp::llama);
        return difference(*io::load_packed<Packed, Model>(file.tensors(), io::llama_cpp::llama),
                          *p);
    };
    using eight = Model::packed<q8_0, pack_all>;
    using q4 = Model::packed<q4_0>;
    CHECK(load(of_eight, static_cast<eight*>(nullptr)) == 0);
    CHECK(load(four, static_cast<eight*>(nullptr)) == 0);
    CHECK(load(four, static_cast<q4*>(nullptr)) == 0);
    using with_minimum = Model::packed<q4_1, pack_all>;
    CHECK(load(four, static_cast<with_minimum*>(nullptr)) == 0);
    CHECK(load(gguf(3), static_cast<with_minimum*>(nullptr)) == 0);
    // The embedding in eight bits, the rest in four.
    constexpr auto mixed = [](std::string_view name, bool) {
        return name == "embedding" ? packed_as::q8_0 : packed_as::q4_1;
    };
    using several = Model::packed<q4_1, mixed>;
    CHECK(several::bytes == with_minimum::bytes + 3 * 2 * (256 - 32));
    CHECK(load(gguf(3, 8), static_cast<several*>(nullptr)) == 0);
    const folder in;
    const auto p_random = random_parameters();
    const auto saved = make_unique<several>(*p_random);
    io::save_packed(in / "packed", *saved);
    CHECK(are_same(*saved, *io::load_saved_packed<several>(in / "packed")));
    const float rounded = load(of_eight, static_cast<q4*>(nullptr));
    CHECK(rounded > 0);
    CHECK(rounded < 3);
}

TEST_CASE("checkpoints of llama2.c of versions 1 and 2 are read packed and as floats") {
    using eight = Model::packed<q8_0, pack_all>;
    const auto p = make_unique<numbers>();
    const auto load = [&](const std::string& bytes) {
        const auto configuration = io::load_llama2c<Model>(in_memory(bytes), *p);
        CHECK(configuration == io::read_llama2c_header(in_memory(bytes)));
        return difference(*io::load_packed_llama2c<eight, Model>(in_memory(bytes)), *p);
    };
    CHECK(load(checkpoint(32)) == 0);
    CHECK(load(checkpoint(16)) < 0.1f);
    CHECK(load(checkpoint(0)) <= 0.505f);
    // The first gain; the first number of the embedding; the last of W_expand in the last layer.
    const auto at = [](const std::string& bytes, std::size_t place) {
        float number;
        std::memcpy(&number, bytes.data() + place, 4);
        return number;
    };
    const std::string plain = checkpoint(0), groups = checkpoint(16);
    CHECK(p->numbers[0] == at(plain, 256 + 5 * 64 * 4));
    CHECK((*p)[language::weight<"gain">{}](0) == at(plain, 256 + 4 * 64 * 4));
    load(groups);
    const auto last = (*p)[language::weight<"W_expand">{}];
    CHECK(last(1, 95, 63) == static_cast<std::int8_t>(groups[groups.size() - 6 * 64 * 4 - 1]) *
                                 at(groups, groups.size() - 4));
    // The groups of a file as they stand, and in parts.
    const auto load_groups = [&]<class Format>(const std::string& bytes, Format*) {
        io::load_llama2c<Model>(in_memory(bytes), *p);
        using packed = Model::packed<Format, pack_all>;
        return difference(*io::load_packed_llama2c<packed, Model>(in_memory(bytes)), *p);
    };
    CHECK(load_groups(checkpoint(4), static_cast<q8<4>*>(nullptr)) == 0);
    CHECK(load_groups(checkpoint(32), static_cast<q8<4>*>(nullptr)) == 0);
    CHECK(load_groups(checkpoint(4), static_cast<q8<16>*>(nullptr)) > 0);
}

TEST_CASE("files that do not fit packed weights are refused") {
    using eight = Model::packed<q8_0>;
    const auto refused = [](const std::string& bytes) {
        return message([&] { (void)io::load_packed_llama2c<eight, Model>(in_memory(bytes)); });
    };
    const std::string good = checkpoint(32);
    check_contains(refused(good.substr(0, 200)), {"has 200 bytes", "which takes 256"});
    check_contains(refused(good.substr(0, 9999)),
                   {"x.bin: has 9999 bytes", "of version 2", "tied"});
    std::string bad = good;
    bad[4] = 3;
    check_contains(refused(bad), {"is of version 3", "0, 1 and 2"});
    bad = good;
    bad[37] = 33;
    check_contains(refused(bad), {"the size of a group is 33", "a power of two"});
    bad[37] = 64;
    check_contains(refused(bad), {"groups of 64 do not divide rows of 96"});
    bad = good;
    bad[bad.size() - 1] = 0x7F;
    bad[bad.size() - 2] = static_cast<char>(0x80);  // a scale that is infinite
    check_contains(refused(bad), {"\"layers.W_expand.1\"", "is infinite"});
    bad[bad.size() - 1] = 0x50;  // 1.7e10
    check_contains(refused(bad), {"of a block of 32", "too large for a scale of 16 bits"});

    const folder in;
    io::save_packed(in / "packed", *make_unique<eight>(*random_parameters()));
    check_contains(
        message([&] { (void)io::load_saved_packed<Model::packed<q4_0>>(in / "packed"); }),
        {"tensor \"q4_0 ", " is not in the file"});
    using Deeper =
        llama<width<64>, hidden<96>, depth<3>, heads<2>, key_heads<1>, vocabulary<40>, tokens<4>>;
    check_contains(
        message([&] { (void)io::load_saved_packed<Deeper::packed<q8_0>>(in / "packed"); }),
        {"the file has U8 of shape [2, ", "wanted is U8 of shape [3, "});
}

TEST_CASE("a GGUF file that was written holds the parameters, and packed weights as they stand") {
    const folder in;
    const auto p = random_parameters();
    const auto read = make_unique<numbers>();
    const std::vector<io::gguf_pair> metadata{{"general.architecture", "llama"},
                                              {"k", std::uint32_t{7}},
                                              {"b", true},
                                              {"x", 0.5f},
                                              {"t", std::vector<std::string>{"a", ""}},
                                              {"n", std::vector<std::int32_t>{-1, 2}}};
    io::save_gguf<Model>(in / "plain", *p, io::llama_cpp::llama, metadata);
    const io::gguf_file plain(in / "plain");
    io::load<Model>(plain.tensors(), *read, io::llama_cpp::llama);
    CHECK(std::equal(p->numbers, p->numbers + numbers::size, read->numbers));
    CHECK(plain.text("general.architecture") == "llama");
    CHECK(plain.integer("k") == 7);
    CHECK(plain.truth("b"));
    CHECK(plain.number("x") == 0.5);
    CHECK(plain.texts("t") == std::vector<std::string>{"a", ""});
    CHECK(plain.integers("n") == std::vector<std::int64_t>{-1, 2});

    const auto is_exact = [&]<class Packed>(const char* type, Packed*) {
        const auto expected = make_unique<Packed>(*p);
        expected->unpack(*read);
        for (const auto* each : {&*p, &*read}) {
            io::save_gguf<Model>(in / "packed", *each, io::llama_cpp::llama, {}, type);
            const io::gguf_file file(in / "packed");
            CHECK(file.tensors().header.tensors[0].dtype == type);
            CHECK(are_same(*expected,
                           *io::load_packed<Packed, Model>(file.tensors(), io::llama_cpp::llama)));
        }
    };
    is_exact("Q8_0", static_cast<Model::packed<q8_0, pack_all>*>(nullptr));
    is_exact("Q4_1", static_cast<Model::packed<q4_1, pack_all>*>(nullptr));
    check_contains(
        message([&] { io::save_gguf<Model>(in / "x", *p, io::llama_cpp::llama, {}, "Q6_K"); }),
        {"the type is Q6_K, known are F32, F16"});
    // Readers obey it.
    const auto refuses = [&](const std::vector<io::gguf_pair>& wrong, const char* part) {
        check_contains(
            message([&] { io::save_gguf<Model>(in / "x", *p, io::llama_cpp::llama, wrong); }),
            {part});
    };
    refuses({{"general.alignment", std::uint32_t{16}}}, "\"general.alignment\" is not");
    refuses({{"k", true}, {"k", false}}, "stands twice");
    p->numbers[3] = 1e30f;
    check_contains(
        message([&] { io::save_gguf<Model>(in / "x", *p, io::llama_cpp::llama, {}, "Q8_0"); }),
        {"tensor \"token_embd.weight\": element 0 is", "too large for Q8_0"});
}
