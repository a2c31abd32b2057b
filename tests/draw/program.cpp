#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sequent/draw/program.hpp>
#include <sequent/io/json.hpp>
#include <sequent/model/explain.hpp>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "../catch.hpp"
#include "comma_locale.hpp"

namespace {

using namespace sequent;
using Catch::Matchers::Contains;

namespace rules_of_program {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"found"> found;
inline constexpr relation<"y"> y;
inline constexpr relation<"layers"> layers;
inline constexpr relation<"input"> input;
inline constexpr relation<"edge"> edge;
inline constexpr relation<"far"> far;
inline constexpr weight<"W_q", 4, 4> W_q;
inline constexpr weight<"W_k", 4, 4> W_k;

constexpr bool is_near(int a, int b) noexcept {
    return a - b < 3;
}

// Queries and keys are one product; the weights are fused into attention; `far` needs loops.
inline constexpr auto block =
    rules(q(i) <<= x(i)[W_q], k(i) <<= x(i)[W_k],
          weights(i, j) <<= (k(j).T(), q(i), j <= i) | product() | softmax(j),
          found(i) <<= (weights(i, j), x(j)) | product() | sum(j), y(i) <<= (found(i), x(i)));
inline constexpr auto program =
    rules(layers(i) <<= input(i) | stack<2>(block),
          far(i) <<= (layers(j), language::hidden(edge(i, j)), holds<is_near>(i, j)) | max(j));
}  // namespace rules_of_program

using Model = model<rules_of_program::program, fact<"input", 6, 4>, fact<"edge", sparse<9>, 6, 6>>;

const draw::program_node& node(const draw::program_graph& of, std::string_view path) {
    const auto found = std::find_if(of.nodes.begin(), of.nodes.end(),
                                    [&](const auto& each) { return each.path == path; });
    REQUIRE(found != of.nodes.end());
    return *found;
}
std::vector<std::string> sources(const draw::program_graph& of, std::string_view path) {
    std::vector<std::string> result;
    for (const int each : node(of, path).sources)
        result.push_back(of.nodes[static_cast<std::size_t>(each)].path);
    return result;
}
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a program's graph has its rules, and what is computed together") {
    const draw::program_graph graph = draw::program_of<Model>();
    CHECK(graph.nodes.size() == 10);
    CHECK(sources(graph, "layers.weights") == texts{"layers.k", "layers.q"});
    CHECK(sources(graph, "layers.y") == texts{"layers.found", "layers.x"});
    CHECK(sources(graph, "far") == texts{"layers", "edge"});
    CHECK(node(graph, "layers.q").rules == texts{"q(i) <<= x(i)[W_q{4, 4}]"});
    CHECK(node(graph, "far").rules ==
          texts{"far(i) <<= (layers(j), hidden(edge(i, j)), holds(i, j)) | max(j)"});
    CHECK(node(graph, "layers").rules == texts{"layers(i) <<= input(i) | stack<2>"});
    CHECK(node(graph, "layers").block == node(graph, "layers.q").scope);
    CHECK(node(graph, "edge").shape == "6 x 6, up to 9 pairs");
    CHECK(graph.computed(node(graph, "layers.x")) == "input of each layer");

    // One step for queries and keys, one for the weights and what they find.
    CHECK(node(graph, "layers.q").step == node(graph, "layers.k").step);
    CHECK(node(graph, "layers.q").fused != node(graph, "layers.k").fused);
    CHECK(node(graph, "layers.weights").step == node(graph, "layers.found").step);
    CHECK(node(graph, "layers.weights").fused);
    CHECK(graph.kind_of(node(graph, "layers.found")) == "attention");
    CHECK(graph.kind_of(node(graph, "layers.q")) == "rows");
    CHECK(graph.kind_of(node(graph, "far")) == "loops");
    CHECK(graph.kind_of(node(graph, "layers")) == "stack");
    CHECK(node(graph, "far").output);
    CHECK(!node(graph, "layers").output);
}

TEST_CASE("relations of a row do not overlap, and lines lead down") {
    const draw::program_graph graph = draw::program_of<Model>();
    const draw::program_layout layout = draw::layout_of(graph);
    for (std::size_t a = 0; a < graph.nodes.size(); ++a) {
        const draw::placed_node& one = layout.nodes[a];
        CHECK(one.x >= 0);
        CHECK(one.x + one.width <= layout.width);
        CHECK(one.y + one.height <= layout.height);
        for (std::size_t b = 0; b < graph.nodes.size(); ++b) {
            const draw::placed_node& other = layout.nodes[b];
            if (a == b || graph.nodes[a].scope != graph.nodes[b].scope) continue;
            CHECK((one.x + one.width <= other.x || other.x + other.width <= one.x ||
                   one.y + one.height <= other.y || other.y + other.height <= one.y));
        }
        if (graph.nodes[a].scope == 0) continue;
        const auto stack = graph.stacked_by[static_cast<std::size_t>(graph.nodes[a].scope)];
        const draw::placed_node& frame = layout.nodes[static_cast<std::size_t>(stack)];
        CHECK(one.x >= frame.x);
        CHECK(one.x + one.width <= frame.x + frame.width);
        CHECK(one.y >= frame.y + frame.frame);
        CHECK(one.y + one.height <= frame.y + frame.height);
    }
    CHECK(layout.edges.size() == 11);
    for (const draw::placed_edge& each : layout.edges)
        for (std::size_t at = 1; at < each.points.size(); ++at)
            CHECK(each.points[at].second >= each.points[at - 1].second);
}

TEST_CASE("a program is drawn in three formats") {
    const auto folder = std::filesystem::temp_directory_path() /
                        ("sequent-program-" + std::to_string(std::random_device()()));
    std::filesystem::create_directory(folder);
    const auto drawn = [&](const char* name) {
        const std::string path = (folder / name).string();
        draw::program<Model>(path, "a < b");
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    };
    const std::string picture = drawn("x.svg");
    CHECK_THAT(picture, Contains("a &lt; b</text>"));
    CHECK_THAT(picture, Contains("q(i) &lt;&lt;= x(i)[W_q{4, 4}]</text>"));
    CHECK_THAT(picture, Contains("class=\"edge\" data-from="));
    const sequent_test::comma_locale commas;
    CHECK(drawn("x.svg") == picture);
    const std::string dot = drawn("x.dot");
    CHECK_THAT(dot, Contains("subgraph cluster_"));
    CHECK_THAT(dot, Contains("\\nq(i) <<= x(i)[W_q{4, 4}]\\l"));
    CHECK(std::count(dot.begin(), dot.end(), '{') == std::count(dot.begin(), dot.end(), '}'));
    CHECK_THAT(drawn("x.html"), Contains(picture));
    CHECK_THROWS_WITH(draw::program<Model>((folder / "x.png").string()),
                      Contains("ends with .svg, .dot or .html"));
    std::filesystem::remove_all(folder);
}

TEST_CASE("explain as JSON tells what the text tells") {
    const std::string json = explain_as_json<Model>();
    const explanation data = explanation_of<Model>();
    const std::string text = explain<Model>();
    const io::json_document document(json, "explain");
    std::size_t at = 0;
    document.root()["steps"].for_each_element([&](io::json_value step) {
        REQUIRE(at < data.steps.size());
        const explanation::step& expected = data.steps[at++];
        CHECK(step["relation"].string() == expected.relation);
        CHECK(step["kind"].string() == expected.kind);
        CHECK(step["depth"].number() == expected.depth);
        CHECK(step["operations"].number() == static_cast<double>(expected.operations));
    });
    CHECK(at == data.steps.size());
    for (const explanation::step& step : data.steps) {
        CHECK_THAT(text, Contains(step.what));
        CHECK_THAT(json, Contains("\"what\":\"" + step.what + "\""));
        for (const explanation::reason& why : step.reasons) {
            CHECK_THAT(text, Contains("no " + why.form + ": " + why.sentence));
            CHECK_THAT(json, Contains("\"reason\":\"" + why.sentence + "\""));
        }
    }
    CHECK_THAT(json, Contains("\"computes\":[\"layers.weights\",\"layers.found\"]"));
    CHECK_THAT(json,
               Contains("\"workspace_bytes\":" + std::to_string(sizeof(Model::workspace<float>))));
    CHECK(data.parameters == 2 * 2 * 16);
}
