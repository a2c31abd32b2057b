#include <sequent/io/name_map.hpp>
#include <sequent/model.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "folder.hpp"

namespace io = sequent::io;
using io_test::bytes_of, io_test::check_contains, io_test::folder, io_test::view;

namespace {

// Rules with a parameter of each kind; none of them is run.
namespace small {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"h", 2> h;
inline constexpr relation<"x"> x;
inline constexpr relation<"a"> a;
inline constexpr relation<"b"> b;
inline constexpr relation<"joined"> joined;
inline constexpr relation<"y"> y;
inline constexpr relation<"layers"> layers;
inline constexpr relation<"out"> out;
inline constexpr weight<"A", 2, 4> A;
inline constexpr weight<"b_A", 2> b_A;
inline constexpr weight<"B", 2, 4> B;
inline constexpr weight<"C", 4, 4> C;
inline constexpr weight<"gain", 4> gain;
inline constexpr weight<"scale"> scale;

// clang-format off
inline constexpr auto block = rules(
    a(h, i)   <<= (x(i)[A(h)], b_A(h)),
    b(h, i)   <<= (a(h, i), x(i)[B(h)]),
    joined(i) <<= b(h, i) | concat(h),
    y(i)      <<= (x(i), joined(i)[C]));
inline constexpr auto program = rules(
    layers(i) <<= x(i) | stack<2>(block),
    out(i)    <<= (scale, layers(i)) | product() | rms_norm(gain));
// clang-format on
}  // namespace small

using Model = sequent::model<small::program, sequent::fact<"x", 3, 4>>;

constexpr io::name_entry names[] = {
    io::optional_prefix("body."),
    {"layers.A", "h.{}.ab.weight", io::transposed | io::part(0, 2)},
    {"layers.b_A", "h.{}.a.bias", io::flat},
    {"layers.B", "h.{}.ab.weight", io::transposed | io::part(1, 2)},
    {"layers.C", "h.{}.c.weight", io::shaped(4, 0, 2)},
    {"layers.no_such", "h.{}.d.weight"},
    {"scale", "scale"},
    {"gain", "norm.weight"},
    io::ignored("h.{}.mask"),
    io::ignored("head.*"),
};

using tensors = std::vector<io::named_tensor<float>>;

/// A file of another library, with room for changes.
struct other_file {
    std::array<float, 2 * 4 * 8> ab{};
    std::array<float, 2 * 4> bias{};
    std::array<float, 2 * 16> c{};
    std::array<float, 4> norm{1, 2, 3, 4};
    std::array<float, 1> scale{5};
    std::array<float, 2> more{};

    other_file() {
        for (std::size_t at = 0; at < ab.size(); ++at) ab[at] = static_cast<float>(at);
        for (std::size_t at = 0; at < bias.size(); ++at) bias[at] = 100 + static_cast<float>(at);
        for (std::size_t at = 0; at < c.size(); ++at) c[at] = 200 + static_cast<float>(at);
    }

    tensors list(const std::string& prefix) {
        tensors result;
        for (int layer = 0; layer < 2; ++layer) {
            const std::string h = prefix + "h." + std::to_string(layer) + ".";
            result.push_back({h + "ab.weight", view(ab.data() + 32 * layer, {4, 8}, {8, 1})});
            result.push_back({h + "a.bias", view(bias.data() + 4 * layer, {4}, {1})});
            result.push_back({h + "c.weight", view(c.data() + 16 * layer, {4, 2, 2}, {4, 2, 1})});
        }
        result.push_back({prefix + "norm.weight", view(norm.data(), {4}, {1})});
        result.push_back({"scale", view(scale.data(), {}, {})});
        return result;
    }
};

/// The message of the error that loading `list` under the names ends with; nothing may change.
std::string message(const tensors& list, io::name_map map = names) {
    const folder here;
    io::save(here / "other", list);
    Model::parameters<float> p;
    Model::initialize(p, 1);
    const auto before = p;
    try {
        io::load<Model>(here / "other", p, map);
    } catch (const io::error& error) {
        CHECK(std::equal(p.flat().begin(), p.flat().end(), before.flat().begin()));
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("parameters are filled from tensors of other names and layouts, and written to them") {
    const folder here;
    other_file other;
    auto list = other.list("");
    SECTION("without the prefix") {}
    SECTION("with it") {
        list = other.list("body.");
    }
    SECTION("with tensors that are ignored") {
        list.push_back({"h.17.mask", view(other.more.data(), {2}, {1})});
        list.push_back({"body.head.weight", view(other.more.data(), {1, 2}, {2, 1})});
    }
    io::save(here / "other", list, {{"made by", "another"}});

    Model::parameters<float> p;
    CHECK(io::load<Model>(here / "other", p, names).at("made by") == "another");
    Model::for_each(p, [&](std::string_view name, const sequent::tensor_view<float>& v) {
        INFO(name);
        const auto at = [](int index) { return static_cast<float>(index); };
        for (int layer = 0; layer < 2; ++layer) {
            for (int head = 0; head < 2; ++head) {
                for (int row = 0; row < 2; ++row) {
                    if (name == "layers.b_A")
                        CHECK(v(layer, head, row) == at(100 + 4 * layer + 2 * head + row));
                    if (name != "layers.A" && name != "layers.B") continue;
                    const int output = (name == "layers.B" ? 4 : 0) + 2 * head + row;
                    for (int column = 0; column < 4; ++column)
                        CHECK(v(layer, head, row, column) == at(32 * layer + 8 * column + output));
                }
            }
        }
        if (name == "layers.C") {
            for (int place = 0; place < 32; ++place) CHECK(v.element(place) == at(200 + place));
        }
        if (name == "gain") {
            for (int place = 0; place < 4; ++place) CHECK(v.element(place) == at(1 + place));
        }
        if (name == "scale") CHECK(v() == 5);
    });

    // Back to the same bytes, apart from the order of the tensors; then in F16, which holds these.
    for (const io::dtype type : {io::dtype::f32, io::dtype::f16}) {
        io::save<Model>(here / "written", p, names, {}, type);
        const other_file expected;
        other_file found;
        for (auto* values : {&found.ab[0], &found.bias[0], &found.c[0]}) *values = -1;
        io::load(here / "written", found.list(""));
        CHECK(found.ab == expected.ab);
        CHECK(found.bias == expected.bias);
        CHECK(found.c == expected.c);
        CHECK(found.norm == expected.norm);
        CHECK(found.scale == expected.scale);
    }

    // And under the model's own names.
    io::save<Model>(here / "own", p);
    const auto q = std::make_unique<Model::parameters<float>>();
    io::load<Model>(here / "own", *q);
    CHECK(std::equal(p.flat().begin(), p.flat().end(), q->flat().begin()));
}

TEST_CASE("rows of a tensor may be parts of several sizes") {
    constexpr io::name_entry unequal[] = {
        {"layers.A", "h.{}", io::rows(3, 11)},
        {"layers.B", "h.{}", io::rows(7, 11)},
        {"layers.C", "c.{}"},
        {"layers.b_A", "b", io::shaped(io::own(0), 1, 0)},
        {"scale", "s", io::shaped(1, 1)},
        {"gain", "h.{}"},
    };
    // Rows [0, 3) of h.0 are nobody's.
    std::array<float, 2 * 44> values{};
    tensors list;
    for (int layer = 0; layer < 2; ++layer) {
        const std::string number = std::to_string(layer);
        list.push_back({"h." + number, view(values.data() + 44 * layer, {11, 4}, {4, 1})});
        list.push_back({"c." + number, view(values.data(), {4, 4}, {4, 1})});
    }
    list.push_back({"b", view(values.data(), {2, 1, 4}, {4, 4, 1})});
    list.push_back({"s", view(values.data(), {1, 1}, {1, 1})});
    // A gain is a vector for each "layer": no tensor of 11 x 4.
    check_contains(message(list, unequal), {"\"gain\"", "\"h.0\"", "[11, 4]", "[]"});
    auto whole = std::to_array(unequal);
    whole[5].tensor = "gain";
    std::array<float, 4> gain{};
    list.push_back({"gain", view(gain.data(), {4}, {1})});
    check_contains(message(list, whole), {"\"h.0\"", "rows [0, 3)", "belong to no parameter"});
    whole[0].place = io::rows(9, 11);
    check_contains(message(list, whole), {"\"h.0\"", "\"layers.A\"", "[9, 13)", "11"});
    whole[0].place = whole[1].place = io::rows(0, 4);
    const folder here;
    const auto p = std::make_unique<Model::parameters<float>>();
    CHECK_THROWS_WITH(io::save<Model>(here / "x", *p, io::name_map(whole)),
                      sequent_test::contains("\"h.0\": rows [0, 4) belong to two parameters"));
    CHECK(here.files() == 0);
}

TEST_CASE("a stated shape is compared, not the number of elements") {
    constexpr io::name_entry stated[] = {
        {"layers.A", "a", io::shaped(io::own(0), 0, io::side, io::side)},
        {"layers.b_A", "b_A", io::shaped(1, io::own(0), io::own(1), 0)},
        {"layers.B", "b", io::shaped(0, io::own(3))},
        {"layers.C", "c", io::shaped(0)},
        {"scale", "scale", io::shaped(1)},
        {"gain", "gain", io::shaped(1, io::own(0))},
    };
    std::array<float, 32> values{};
    for (std::size_t at = 0; at < values.size(); ++at) values[at] = static_cast<float>(at);
    const auto file = [&](std::initializer_list<int> a, std::initializer_list<int> gain) {
        const auto of = [&](std::initializer_list<int> extents) {
            sequent::tensor_view<float> result = view(values.data(), extents, {});
            int stride = 1;
            for (int axis = result.rank; axis-- > 0;) {
                result.strides[static_cast<std::size_t>(axis)] = stride;
                stride *= result.extents[static_cast<std::size_t>(axis)];
            }
            return result;
        };
        return tensors{{"a", of(a)},    {"b_A", of({1, 2, 2, 2})}, {"b", of({8, 4})},
                       {"c", of({32})}, {"scale", of({1})},        {"gain", of(gain)}};
    };
    CHECK(message(file({2, 4, 2, 2}, {1, 4}), stated).empty());
    CHECK(message(file({2, 1, 4, 4}, {1, 4}), stated).empty());
    CHECK(message(file({2, 16, 1, 1}, {1, 4}), stated).empty());
    for (const auto& a : {std::initializer_list<int>{2, 2, 2, 4},
                          {2, 2, 4, 2},
                          {4, 2, 2, 2},
                          {2, 16},
                          {32},
                          {2, 4, 4},
                          {1, 2, 4, 4}}) {
        check_contains(message(file(a, {1, 4}), stated),
                       {"\"a\"", "the file has shape", "[2, 1, 4, 4]"});
    }
    check_contains(message(file({2, 4, 2, 2}, {4, 1}), stated), {"\"gain\"", "[4, 1]", "[1, 4]"});
    check_contains(message(file({2, 4, 2, 2}, {4}), stated), {"\"gain\"", "[4]", "[1, 4]"});

    // Written with the greatest squares, and read again.
    const folder here;
    Model::parameters<float> p, q;
    Model::initialize(p, 1);
    io::save<Model>(here / "x", p, io::name_map(stated));
    io::load<Model>(here / "x", q, io::name_map(stated));
    CHECK(std::equal(p.flat().begin(), p.flat().end(), q.flat().begin()));
    const auto header = io::read_header(here / "x");
    CHECK(std::ranges::find(header.tensors, "a", &io::header_entry::name)->shape ==
          std::vector<std::uint64_t>{2, 1, 4, 4});
    auto wrong = std::to_array(stated);
    wrong[5].place = io::shaped(io::own(1));
    check_contains(message(file({2, 4, 2, 2}, {1, 4}), wrong), {"\"gain\"", "[0]", "4 elements"});
}

TEST_CASE(
    "a copy of a tensor is accepted if it is equal, and is the tensor where that is missing") {
    constexpr io::name_entry with_copies[] = {
        io::optional_prefix("body."),
        {"layers.A", "h.{}.ab.weight", io::transposed | io::part(0, 2)},
        {"layers.b_A", "h.{}.a.bias", io::flat},
        {"layers.B", "h.{}.ab.weight", io::transposed | io::part(1, 2)},
        {"layers.C", "h.{}.c.weight", io::shaped(4, 0, 2)},
        {"scale", "scale"},
        {"gain", "body.norm.weight"},
        io::copy_of("gain", "head.weight"),
        io::copy_of("scale", "free", "no_such"),
        io::copy_of("no_such", "other"),
        io::ignored("free"),
    };
    other_file other;
    std::array<float, 4> copy = other.norm;
    const auto with = [&](const char* name, sequent::tensor_view<float> of) {
        auto list = other.list("body.");
        list.push_back({name, of});
        return message(list, with_copies);
    };
    CHECK(with("head.weight", view(copy.data(), {4}, {1})).empty());
    CHECK(with("body.head.weight", view(copy.data(), {4}, {1})).empty());
    // A model that does not have the parameter in its place does not look at it.
    CHECK(with("free", view(copy.data(), {4}, {1})).empty());
    check_contains(with("other", view(copy.data(), {4}, {1})), {"\"other\"", "no parameter"});
    check_contains(with("head.weight", view(copy.data(), {2, 2}, {2, 1})),
                   {"\"head.weight\"", "[2, 2]", "\"body.norm.weight\"", "[4]"});
    copy[2] = 7;
    check_contains(with("head.weight", view(copy.data(), {4}, {1})),
                   {"\"head.weight\"", "element 2 is 7", "\"body.norm.weight\", 3"});

    const folder here;
    const auto renamed = [&](io::metadata_map metadata) {
        auto list = other.list("");
        for (auto& each : list)
            if (each.name == "norm.weight") each.name = "head.weight";
        io::save(here / "x", list, metadata);
        const auto p = std::make_unique<Model::parameters<float>>();
        io::load<Model>(here / "x", *p, io::name_map(with_copies));
        float last = 0;
        Model::for_each(*p, [&](std::string_view name, auto v) {
            if (name == "gain") last = v.element(3);
        });
        return last;
    };
    CHECK(renamed({{"norm.weight", "head.weight"}}) == 4);
    CHECK(renamed({{"body.norm.weight", "body.head.weight"}}) == 4);
    CHECK_THROWS_WITH(renamed({}), sequent_test::contains("norm.weight"));
    CHECK_THROWS_WITH(renamed({{"norm.weight", "nothing"}}), sequent_test::contains("norm.weight"));

    // The last tensor of the file, its third number NaN.
    auto list = other.list("");
    list.push_back({"head.weight", view(other.norm.data(), {4}, {1})});
    io::save(here / "y", list);
    std::string bytes = bytes_of(here / "y");
    bytes.replace(bytes.size() - 8, 4, std::string("\x00\x00\xc0\x7f", 4));
    io_test::write_bytes(here / "y", bytes);
    const auto p = std::make_unique<Model::parameters<float>>();
    CHECK_THROWS_WITH(io::load<Model>(here / "y", *p, io::name_map(with_copies)),
                      sequent_test::contains("\"head.weight\": element 2 is not a number"));
}

TEST_CASE("a file that does not fit its names is an error and changes nothing") {
    other_file other;
    const auto changed = [&](auto change) {
        auto list = other.list("body.");
        change(list);
        return message(list);
    };
    check_contains(changed([](tensors& list) { list.erase(list.begin() + 3); }),
                   {"\"h.1.ab.weight\"", "\"layers.A\"", "not in the file"});
    check_contains(changed([&](tensors& list) {
                       list.push_back({"h.2.c.weight", view(other.more.data(), {2}, {1})});
                   }),
                   {"\"h.2.c.weight\"", "no parameter"});
    check_contains(changed([&](tensors& list) {
                       list.push_back({"norm.weight", view(other.norm.data(), {4}, {1})});
                   }),
                   {"\"norm.weight\"", "twice", "with and without a prefix"});
    check_contains(changed([&](tensors& list) {
                       list[0].view = view(other.ab.data(), {8, 4}, {4, 1});
                   }),
                   {"\"h.0.ab.weight\"", "[8, 4]", "[4, 8]"});
    check_contains(changed([&](tensors& list) {
                       list[2].view = view(other.c.data(), {4, 4}, {4, 1});
                   }),
                   {"\"h.0.c.weight\"", "[4, 4]", "[4, 2, 2]"});
    check_contains(message(other.list(""), io::name_map(names).first(4)), {"does not name", "C"});
    const auto twice = [&] {
        auto map = std::to_array(names);
        map[5] = map[4];
        return map;
    }();
    check_contains(message(other.list(""), twice), {"layers.C", "twice"});
}

TEST_CASE("a table of more rows than the model has is cut, and one of fewer is refused") {
    constexpr auto with = [](int begin) {
        auto map = std::to_array<io::name_entry>({
            {"layers.A", "h.{}.a", io::transposed | io::rows_from(0)},
            {"layers.b_A", "h.{}.b", io::flat | io::rows_from(0)},
            {"layers.B", "h.{}.B"},
            {"layers.C", "h.{}.c", io::rows_from(0)},
            {"scale", "scale"},
            {"gain", "gain"},
        });
        for (const std::size_t line : {0U, 1U, 3U}) map[line].place.begin = begin;
        return map;
    };
    std::array<float, 80> values{};
    for (std::size_t at = 0; at < values.size(); ++at) values[at] = static_cast<float>(at);
    const auto file = [&](int rows) {
        tensors list;
        for (int layer = 0; layer < 2; ++layer) {
            const std::string h = "h." + std::to_string(layer) + ".";
            float* const data = values.data() + layer;
            list.push_back({h + "a", view(data, {4, rows}, {rows, 1})});
            list.push_back({h + "b", view(data, {rows}, {1})});
            list.push_back({h + "B", view(data, {4, 4}, {4, 1})});
            list.push_back({h + "c", view(data, {rows, 4}, {4, 1})});
        }
        list.push_back({"scale", view(values.data(), {}, {})});
        list.push_back({"gain", view(values.data(), {4}, {1})});
        return list;
    };
    const folder here;
    Model::parameters<float> p;
    for (const int begin : {0, 2}) {
        const auto map = with(begin);
        for (const int rows : {4 + begin, 9}) {
            io::save(here / "x", file(rows));
            io::load<Model>(here / "x", p, map);
            Model::for_each(p, [&](std::string_view name, auto v) {
                INFO(name);
                const bool transposed = name == "layers.A", bias = name == "layers.b_A";
                if (!transposed && !bias && name != "layers.C") return;
                for (int place = 0; place < v.size(); ++place) {
                    const int layer = place / (v.size() / 2), within = place % (v.size() / 2);
                    const int row = begin + (bias ? within : within / 4), column = within % 4;
                    const int number = transposed ? rows * column + row
                                       : bias     ? row
                                                  : 4 * row + column;
                    CHECK(v.element(place) == static_cast<float>(layer + number));
                }
            });
        }
        // It is written with the rows that the model has, behind zeros.
        io::save<Model>(here / "y", p, map);
        std::array<float, 4 * 6> c;
        c.fill(-1);
        const auto header = io::read_header(here / "y");
        CHECK(std::ranges::find(header.tensors, "h.1.c", &io::header_entry::name)->shape ==
              std::vector<std::uint64_t>{static_cast<std::uint64_t>(4 + begin), 4});
        Model::parameters<float> q;
        io::load<Model>(here / "y", q, map);
        CHECK(std::equal(p.flat().begin(), p.flat().end(), q.flat().begin()));
    }
    check_contains(message(file(3), with(0)),
                   {"\"h.0.a\"", "\"layers.A\"", "rows [0, 4)", "the 3 of the tensor"});
    check_contains(message(file(5), with(2)), {"\"h.0.a\"", "rows [2, 6)", "the 5 of the tensor"});
    // A map that states nothing else.
    constexpr io::name_entry longer[] = {io::own_names,
                                         {"layers.C", "layers.C.{}", io::rows_from(1)}};
    io::save<Model>(here / "own", p, io::name_map(longer));
    Model::parameters<float> q;
    io::load<Model>(here / "own", q, io::name_map(longer));
    CHECK(std::equal(p.flat().begin(), p.flat().end(), q.flat().begin()));
    CHECK_THROWS_WITH(io::load<Model>(here / "own", q, io::name_map(longer).first(1)),
                      sequent_test::contains("\"layers.C\": it is not in the file"));
    // A parameter that the file does not have is a constant.
    auto two = std::to_array<io::name_entry>({io::own_names, io::constant("layers.C", 2)});
    CHECK_THROWS_WITH(io::save<Model>(here / "own", p, io::name_map(two)),
                      sequent_test::contains("\"layers.C\": the file does not hold it, and it is "
                                             "not 2"));
    const auto c_of = [](auto f) {
        return [f](std::string_view name, auto v) {
            for (int at = 0; name == "layers.C" && at < v.size(); ++at) f(v.element(at));
        };
    };
    Model::for_each(p, c_of([](float& number) { number = 2; }));
    io::save<Model>(here / "own", p, io::name_map(two));
    two[1].place = io::plus(3);
    io::load<Model>(here / "own", q, io::name_map(two));
    Model::for_each(q, c_of([](float& number) {
                        CHECK(number == 3);
                        number = 2;
                    }));
    CHECK(std::equal(p.flat().begin(), p.flat().end(), q.flat().begin()));
    // Rows are open, columns are not.
    auto list = file(9);
    list[0].view = view(values.data(), {5, 9}, {9, 1});
    check_contains(message(list, with(0)), {"\"h.0.a\"", "[5, 9]", "[4, 4]"});
}

namespace {

namespace nested {
using namespace sequent::language;
using namespace small;
inline constexpr relation<"inner"> inner;
inline constexpr relation<"outer"> outer;
inline constexpr relation<"turned"> turned;
inline constexpr weight<"W", 4, 4> W;
inline constexpr weight<"V", 4, 4> V;
inline constexpr weight<"Q", 4, 4> Q;
// clang-format off
inline constexpr auto within = rules(
    a(h, i)   <<= (x(i)[A(h)], b_A(h), x(i)[B(h)]),
    joined(i) <<= a(h, i) | concat(h),
    y(i)      <<= (x(i), joined(i)[W]));
inline constexpr auto around = rules(
    inner(i)  <<= x(i) | stack<2>(within),
    turned(i) <<= inner(i)[Q] | rotary_halves(i),
    out(i)    <<= (inner(i)[V], turned(i)));
inline constexpr auto program = rules(
    outer(i)  <<= x(i) | stack<3>(around),
    b(i)      <<= outer(i) | rms_norm(gain));
// clang-format on
}  // namespace nested

using Nested = sequent::model<nested::program, sequent::fact<"x", 3, 4>>;

constexpr io::name_entry nested_names[] = {
    io::alias(".beta", ".bias"),
    {"outer.inner.A", "t.{4a+b}.AB", io::interleaved(0, 2)},
    {"outer.inner.B", "t.{4a+b}.AB", io::interleaved(1, 2)},
    {"outer.inner.b_A", "t.{4a+b}.bias", io::flat},
    {"outer.inner.b_A", "t.{4a+b}.bias_2", io::flat | io::summand},
    {"outer.inner.W", "u.{2a+b}.W", io::transposed},
    {"outer.V", "t.{4a+2}.V", io::plus(1)},
    {"outer.Q", "t.{4a+2}.Q", io::neighbours},
    {"gain", "norm"},
};

}  // namespace

TEST_CASE("layers are numbered, tensors summed, interleaved and reordered") {
    // Each number of the file tells its tensor, layer and place.
    std::vector<std::vector<float>> kept;
    tensors list;
    const auto add = [&](const std::string& name, int rows, int columns, float first) {
        std::vector<float>& values = kept.emplace_back();
        for (int at = 0; at < rows * columns; ++at)
            values.push_back(first + static_cast<float>(at));
        list.push_back({name, columns == 1 ? view(values.data(), {rows}, {1})
                                           : view(values.data(), {rows, columns}, {columns, 1})});
    };
    for (int a = 0; a < 3; ++a) {
        for (int b = 0; b < 2; ++b) {
            const std::string t = "t." + std::to_string(4 * a + b);
            const auto number = static_cast<float>(100 * (2 * a + b));
            add(t + ".AB", 8, 4, 1000 + number);
            add(t + (a == 1 ? ".beta" : ".bias"), 4, 1, 2000 + number);
            add(t + ".bias_2", 4, 1, 0.25F);
            add("u." + std::to_string(2 * a + b) + ".W", 4, 4, 5000 + number);
        }
        const std::string t = "t." + std::to_string(4 * a + 2);
        const auto number = static_cast<float>(100 * a);
        add(t + ".V", 4, 4, 3000 + number);
        add(t + ".Q", 4, 4, 4000 + number);
    }
    add("norm", 4, 1, 1);
    const folder here;
    io::save(here / "x", list);
    Nested::parameters<float> p;
    io::load<Nested>(here / "x", p, nested_names);
    int seen = 0;
    Nested::for_each(p, [&](std::string_view name, auto v) {
        INFO(name);
        ++seen;
        const auto is = [](float found, int expected) {
            CHECK(found == static_cast<float>(expected));
        };
        for (int a = 0; a < 3; ++a) {
            for (int row = 0; row < 4; ++row) {
                // Rows 0 and 2 of Q, and 1 and 3, are pairs, which the file has as neighbours.
                const int neighbour = row % 2 * 2 + row / 2;
                for (int column = 0; column < 4; ++column) {
                    if (name == "outer.V") is(v(a, row, column), 3001 + 100 * a + 4 * row + column);
                    if (name == "outer.Q")
                        is(v(a, row, column), 4000 + 100 * a + 4 * neighbour + column);
                    for (int b = 0; b < 2; ++b) {
                        const int number = 100 * (2 * a + b);
                        const int head = row / 2, of_head = row % 2;
                        if (name == "outer.inner.W")
                            is(v(a, b, row, column), 5000 + number + 4 * column + row);
                        if (name == "outer.inner.b_A" && column == 0)
                            CHECK(v(a, b, head, of_head) ==
                                  static_cast<float>(2000 + number + row) + 0.25F +
                                      static_cast<float>(row));
                        if (name == "outer.inner.A" || name == "outer.inner.B") {
                            const int part = name == "outer.inner.A" ? 0 : 1;
                            is(v(a, b, head, of_head, column),
                               1000 + number + 4 * (4 * head + 2 * part + of_head) + column);
                        }
                    }
                }
            }
        }
    });
    CHECK(seen == 7);

    // Back to the same file, but for the sums and the alias.
    io::save<Nested>(here / "y", p, nested_names);
    auto written = kept;
    tensors back;
    for (std::size_t at = 0; at < list.size(); ++at) {
        sequent::tensor_view<float> of = list[at].view;
        of.data = written[at].data();
        std::string name = list[at].name;
        if (const auto beta = name.find(".beta"); beta != std::string::npos)
            name.replace(beta, 5, ".bias");
        back.push_back({name, of});
    }
    io::load(here / "y", back);
    for (std::size_t at = 0; at < list.size(); ++at) {
        INFO(list[at].name);
        const bool second = list[at].name.ends_with("bias_2");
        const bool first = !second && kept[at].size() == 4 && list[at].name != "norm";
        for (std::size_t place = 0; place < kept[at].size(); ++place)
            CHECK(written[at][place] == (second  ? 0
                                         : first ? kept[at][place] + kept[at + 1][place]
                                                 : kept[at][place]));
    }

    const auto before = p;
    // Numbers whose sum might be infinite are refused, and nothing has changed.
    kept[2][3] = 0x1p127F;
    io::save(here / "x", list);
    p = before;
    CHECK_THROWS_WITH(io::load<Nested>(here / "x", p, nested_names),
                      sequent_test::contains("\"t.0.bias_2\": element 3 is 1.7") &&
                          sequent_test::contains("too large to be added"));
    CHECK(std::equal(p.flat().begin(), p.flat().end(), before.flat().begin()));

    const auto changed = [&](std::size_t line, auto change) {
        auto map = std::to_array(nested_names);
        change(map[line]);
        try {
            io::save<Nested>(here / "z", before, map);
        } catch (const io::error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    for (const char* name : {"t.{4a+}.AB", "t.{d}.AB", "t.{-a}.AB", "t.{a b}.AB"})
        check_contains(changed(1, [&](auto& line) { line.tensor = name; }),
                       {name, "\"outer.inner.A\"", "no sum"});
    check_contains(changed(3, [](auto& line) { line.place.summand = true; }),
                   {"\"outer.inner.b_A\"", "first as a summand"});
    check_contains(changed(4, [](auto& line) { line.place.summand = false; }),
                   {"\"outer.inner.b_A\"", "twice"});
    check_contains(changed(2, [](auto& line) { line.place = io::part(1, 2); }),
                   {"\"t.0.AB\"", "interleaved"});
}

TEST_CASE("parts lie within groups of heads, of which the first rows are reordered") {
    // The tensor has 2 groups of 3 parts of 2 heads of 6 rows of 2 numbers.
    constexpr int heads = 4, rows = 6, columns = 2, groups = 2, of = 3, part = 1;
    std::array<float, heads * rows * columns> values{};
    const auto of_view = io::detail::any_view::of(
        view(values.data(), {heads, rows, columns}, {rows * columns, columns, 1}));
    const auto numbers = [&](const io::placement& how, io::detail::rotated_rows rotated) {
        const std::vector<std::uint64_t> shape{of * heads * rows, columns};
        const auto where = io::detail::place(of_view, how, 0, &shape);
        CHECK(where.problem.empty());
        CHECK(where.shape == shape);
        std::vector<io::detail::piece> pieces;
        CHECK(io::detail::add_pieces(pieces, of_view, 0, where, how, rotated).empty());
        std::array<int, heads * rows * columns> result{};
        for (const auto& each : pieces) {
            const auto begin = static_cast<float*>(each.view.data) - values.data();
            io::detail::for_each_row(each, [&](const io::detail::piece_row& row) {
                for (std::size_t at = 0; at < row.columns; ++at) {
                    const auto place = begin + row.at + static_cast<int>(at) * row.stride;
                    result[static_cast<std::size_t>(place)] +=
                        static_cast<int>(row.number + at * row.number_stride) + 1;
                }
            });
        }
        return result;
    };
    const auto check = [&](const auto& found, auto row_in_file) {
        for (int h = 0; h < heads; ++h)
            for (int r = 0; r < rows; ++r)
                for (int c = 0; c < columns; ++c) {
                    const int head = (h / groups * of + part) * groups + h % groups;
                    CHECK(found[static_cast<std::size_t>((h * rows + r) * columns + c)] ==
                          (head * rows + row_in_file(r)) * columns + c + 1);
                }
    };
    const auto plain = io::interleaved(part, of, groups);
    check(numbers(plain, {}), [](int row) { return row; });
    // Of 4 rows that are rotated, 0 and 2, and 1 and 3, are pairs of halves.
    const auto neighbour = [](int row) { return row < 4 ? row % 2 * 2 + row / 2 : row; };
    const auto half = [](int row) { return row < 4 ? row % 2 * 2 + row / 2 : row; };
    check(numbers(plain | io::neighbours, {false, 4}), neighbour);
    check(numbers(plain | io::neighbours, {true, 4}), [](int row) { return row; });
    check(numbers(plain | io::halves, {true, 4}), half);
    check(numbers(plain | io::halves, {true, 0}), [](int row) { return row % 2 * 3 + row / 2; });

    std::vector<io::detail::piece> pieces;
    const auto problem = [&](const io::placement& how, io::detail::rotated_rows rotated) {
        const auto where = io::detail::place(of_view, how, 0);
        return where.problem.empty()
                   ? io::detail::add_pieces(pieces, of_view, 0, where, how, rotated)
                   : where.problem;
    };
    check_contains(problem(io::halves, {true, -1}), {"different numbers of rows"});
    check_contains(problem(io::halves, {true, 8}), {"fewer rows than the model rotates"});
    check_contains(problem(io::interleaved(0, 2, 3), {}), {"no 3 equal ranges"});
    check_contains(problem(io::halves | io::as_it_is, {}), {"is whole"});
    check_contains(problem(io::as_it_is | io::transposed, {}), {"is whole"});
    CHECK(pieces.empty());
    CHECK((io::halves | io::as_it_is).rank == -1);
}

#ifdef __linux__
TEST_CASE("what has been read of a mapped file does not stay in memory") {
    const auto resident_of_files = [] {
        std::ifstream status("/proc/self/status");
        std::string word;
        long kilobytes = 0;
        while (status >> word)
            if (word == "RssFile:") status >> kilobytes;
        return kilobytes;
    };
    const folder here;
    std::vector<float> values(8 << 20);
    const int rows = 1 << 10, columns = 8 << 10;
    const tensors list{{"a", view(values.data(), {rows, columns}, {columns, 1})}};
    io::save(here / "x", list);
    const io::source from(here / "x");
    const long before = resident_of_files();
    REQUIRE(before > 0);
    io::load(from, list);
    CHECK(resident_of_files() - before < 8 << 10);
    CHECK(from.bytes().size() > std::size_t{32} << 20);
}
#endif
