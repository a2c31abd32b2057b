#include <sequent/draw/ground.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "../catch.hpp"

namespace {

using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"far"> far;
inline constexpr relation<"y"> y;
inline constexpr weight<"W", 1, 1> W;

inline constexpr auto program = rules(far(i) <<= (x(j), edge(i, j)) | product() | sum(j),
                                      y(i) <<= (far(i)[W], x(i)) | relu(), y(i) <<= (x(i), i == 2));
using Model =
    sequent::model<program, sequent::fact<"x", 3>, sequent::fact<"edge", sequent::sparse<4>, 3, 3>>;

inline constexpr relation<"chosen"> chosen;
inline constexpr relation<"z"> z;
inline constexpr auto choices =
    rules(chosen(i, j) <<= (x(i), x(j), edge(i, j)) | product() | top_k<1>(j),
          y(i) <<= (x(j), hidden(chosen(i, j))) | sum(j),
          z(i) <<= (x(j), hidden(edge(i, j)), !chosen(i, j)) | sum(j));
using Choices =
    sequent::model<choices, sequent::fact<"x", 3>, sequent::fact<"edge", sequent::sparse<4>, 3, 3>,
                   sequent::query<"y", "z">>;

// Two layers, which read the program around them, and a recursion of two relations.
inline constexpr relation<"u"> u;
inline constexpr relation<"layer"> layer;
inline constexpr relation<"layers"> layers;
inline constexpr relation<"h"> h;
inline constexpr relation<"g"> g;
inline constexpr weight<"V", 1, 1> V;
inline constexpr auto block =
    rules(far(i) <<= (u(j), edge(i, j)) | product() | sum(j), layer(i) <<= (far(i)[V], x(i)));
inline constexpr auto deep =
    rules(layers(i) <<= x(i) | stack<2>(block), h(i) <<= (layers(i), i < 1),
          h(i) <<= (g(i), layers(i)), g(i) <<= h(i - 1)[W] | relu());
using Deep = sequent::model<deep, sequent::fact<"x", 3>,
                            sequent::fact<"edge", sequent::sparse<4>, 3, 3>, sequent::query<"h">>;

const sequent::draw::ground_atom& atom_in(const sequent::draw::ground_network& of,
                                          const std::string& relation, std::vector<int> arguments) {
    for (const auto& each : of.atoms)
        if (each.relation == relation && each.arguments == arguments && !each.values.empty())
            return each;
    FAIL("no atom " << relation);
    return of.atoms[0];
}

}  // namespace

TEST_CASE("the ground rules of a sample have the values and gradients of their atoms") {
    const std::vector<double> values{1, 2, -4};
    const std::vector<std::array<std::int32_t, 2>> pairs{{0, 1}, {0, 2}, {1, 0}};
    const std::vector<double> strengths{3, 0.5, 2};
    const Model::facts<double> facts{x = values, edge = sequent::sparse_pairs(pairs, strengths)};
    Model::parameters<double> p;
    p[W](0, 0) = 10;
    const auto made = sequent::draw::ground_of<Model>(p, facts, {.relations = {"far", "x"}});
    // Of `far` there is a ground rule for each pair, and two of them for far(0).
    CHECK(made.rules.size() == 3);
    CHECK(atom_in(made, "far", {0}).values == std::vector<double>{4});
    CHECK(atom_in(made, "far", {0}).gradients == std::vector<double>{10});
    CHECK(atom_in(made, "far", {1}).values == std::vector<double>{2});
    CHECK(atom_in(made, "x", {2}).values == std::vector<double>{-4});
    const std::string dot = sequent::draw::dot_of(sequent::draw::ground_of<Model>(p, facts));
    for (const char* part : {"far(0) = 4, gradient 10", "edge(0, 2) = 0.5", "y(0) = 41"})
        CHECK_THAT(dot, sequent_test::contains(part));
    CHECK_THROWS_AS(sequent::draw::ground_of<Model>(p, facts, {.relations = {}, .most = 2}),
                    sequent::argument_error);
}
TEST_CASE("the chosen atoms alone are ground, whatever their values") {
    const std::vector<double> values{1, 2, -4};
    const std::vector<std::array<std::int32_t, 2>> pairs{{0, 1}, {0, 2}, {1, 0}, {1, 1}};
    const std::vector<double> strengths{3, 0.5, 0, -1};
    const auto made = sequent::draw::ground_of<Choices>(
        Choices::parameters<double>{},
        {x = values, edge = sequent::sparse_pairs(pairs, strengths)});
    // chosen(0, 1) and chosen(1, 0), what follows from each, and from the two others.
    CHECK(made.rules.size() == 6);
    CHECK(atom_in(made, "chosen", {0, 1}).values == std::vector<double>{6});
    CHECK(atom_in(made, "chosen", {1, 0}).values == std::vector<double>{0});
    CHECK(atom_in(made, "y", {0}).values == std::vector<double>{2});
    CHECK(atom_in(made, "y", {1}).values == std::vector<double>{1});
    CHECK(atom_in(made, "z", {0}).values == std::vector<double>{-4});
    CHECK(atom_in(made, "z", {1}).values == std::vector<double>{2});
}
TEST_CASE("stacks are ground layer by layer, recursions time by time") {
    const std::vector<double> values{1, 2, 4};
    const std::vector<std::array<std::int32_t, 2>> pairs{{0, 1}, {1, 2}};
    const std::vector<double> strengths{3, 0.5};
    Deep::parameters<double> p;
    p[V](0, 0, 0) = 10;
    p[V](1, 0, 0) = -1;
    p[W](0, 0) = 2;
    const auto made = sequent::draw::ground_of<Deep>(
        p, {x = values, edge = sequent::sparse_pairs(pairs, strengths)});
    const auto in_layer = [&](const char* relation, int wanted, int argument) {
        for (const auto& each : made.atoms)
            if (each.relation == relation && each.layers == std::vector<int>{wanted} &&
                each.arguments == std::vector<int>{argument})
                return each;
        FAIL("no atom " << relation << " in layer " << wanted);
        return made.atoms[0];
    };
    // Layer 0: far = (6, 2, 0), layer = (61, 22, 4); layer 1: far = (66, 2, 0), then (-65, 0, 4).
    CHECK(in_layer("layers.far", 0, 0).values == std::vector<double>{6});
    CHECK(in_layer("layers.layer", 0, 0).values == std::vector<double>{61});
    CHECK(in_layer("layers.far", 1, 0).values == std::vector<double>{66});
    CHECK(in_layer("layers.layer", 0, 1).gradients == std::vector<double>{-3});
    CHECK(in_layer("layers.far", 0, 1).gradients == std::vector<double>{-30});
    CHECK(in_layer("layers.far", 1, 0).gradients.empty());
    CHECK(atom_in(made, "layers", {0}).values == std::vector<double>{-65});
    // h = (-65, 0 + 0, 0 + 4).
    CHECK(atom_in(made, "h", {0}).values == std::vector<double>{-65});
    CHECK(atom_in(made, "h", {2}).values == std::vector<double>{4});
    CHECK(atom_in(made, "h", {2}).output);
    CHECK_FALSE(atom_in(made, "g", {2}).output);
    CHECK(atom_in(made, "g", {2}).values == std::vector<double>{0});
    // What layer 1 reads of layer 0.
    int reads = 0;
    for (const auto& rule : made.rules)
        for (const int from : rule.body)
            reads += made.atoms[static_cast<std::size_t>(rule.head)].relation == "layers.far" &&
                     made.atoms[static_cast<std::size_t>(from)].relation == "layers.layer";
    CHECK(reads == 2);
    const std::string svg =
        sequent::draw::picture_of(sequent::draw::graph_of(made), "ground rules").str();
    for (const char* part : {"layers.far[1](0)", "rule 1: layers.layer[0](1), edge(0, 1)", "= 66"})
        CHECK_THAT(svg, sequent_test::contains(part));
}

TEST_CASE("the ground rules of a sample become a picture, a graph or a page by the file's name") {
    const std::vector<double> values{1, 2, -4};
    const std::vector<std::array<std::int32_t, 2>> pairs{{0, 1}};
    const Model::facts<double> facts{x = values, edge = sequent::sparse_pairs(pairs)};
    const Model::parameters<double> p;
    const std::string path = (std::filesystem::temp_directory_path() /
                              ("sequent-ground-" + std::to_string(std::random_device()())))
                                 .string();
    const auto written = [&](const char* extension) {
        sequent::draw::ground<Model>(path + extension, p, facts);
        std::ifstream file(path + extension);
        std::string text{std::istreambuf_iterator<char>(file), {}};
        file.close();
        std::filesystem::remove(path + extension);
        return text;
    };
    CHECK_THAT(written(".svg"), sequent_test::contains("<svg") && sequent_test::contains("far(0)"));
    CHECK_THAT(written(".dot"), sequent_test::contains("digraph") && sequent_test::contains("far"));
    CHECK_THAT(written(".html"), sequent_test::contains("Click an atom to see"));
    CHECK_THROWS_WITH(written(".txt"), sequent_test::contains("ends with .svg, .dot or .html"));
    CHECK_FALSE(std::filesystem::exists(path + ".txt"));
}
