#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <sequent/draw/rasp.hpp>
#include <sequent/rasp/library.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "comma_locale.hpp"

namespace {

namespace draw = sequent::draw;
namespace io = sequent::io;
namespace rasp = sequent::rasp;
using namespace sequent::rasp;

inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);
inline constexpr auto frequencies = hist(tokens);
inline constexpr auto sorted = sort_with_bos(tokens, tokens);
inline constexpr auto balanced = dyck_k_ptf(tokens, "()", "{}");
inline constexpr auto doubled = named<"twice & more">(indices * 2 + 1);

inline constexpr auto choices =
    cond(last_of(everything, tokens) == 'a', max_of(everything, tokens), 'x');

// Each position adds what stands 1 before, then 2 before.
inline constexpr auto parity = rasp::loop<2>(
    [](auto odd, auto reach) {
        return next_states(odd != aggregate(select(indices, indices - reach, equal), odd),
                           reach + reach);
    },
    [](auto, auto reach) { return reach > indices; }, tokens == '1', within<1, 4>(1));

struct picture {
    draw::flow flow;
    draw::flow_layout layout = draw::layout_of(flow);
    std::string text = draw::picture_of(flow).str();
};
template <const auto& Program>
picture of(const sequence& input) {
    return {.flow{graph_of<Program>, analysis<Program>, input}};
}

/// Attends as reversed does, but for 0.1 that goes to the start.
struct compiled {
    static attention_maps attention(const sequence& input) {
        attention_maps result(2, 1, input.size());
        for (int layer = 0; layer < 2; ++layer)
            for (int row = 0; row < result.length; ++row) {
                for (int column = 0; column < result.length; ++column)
                    result(layer, 0, row, column) = layer == 0 ? 0.9 / result.length
                                                    : row + column == result.length - 1 ? 0.9
                                                                                        : 0;
                result(layer, 0, row, result.length) = 0.1;
            }
        return result;
    }
    static sequence run(const sequence& input) {
        sequence output = evaluate<reversed>(input);
        output[0] = "?";
        return output;
    }
};

int count_of(const std::string& text, const std::string& part) {
    int count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

/// Whether each element is closed where it should be, and nothing but elements has < and &.
bool is_well_formed(const std::string& xml) {
    std::vector<std::string> open;
    for (std::size_t at = 0; at < xml.size(); ++at) {
        if (xml[at] == '&') {
            const std::string rest = xml.substr(at, 6);
            if (!rest.starts_with("&lt;") && !rest.starts_with("&gt;") &&
                !rest.starts_with("&amp;") && rest != "&quot;")
                return false;
        }
        if (static_cast<unsigned char>(xml[at]) < 0x20 && xml[at] != '\n') return false;
        if (xml[at] != '<') continue;
        const std::size_t end = xml.find('>', at);
        if (end == std::string::npos) return false;
        const std::string tag = xml.substr(at + 1, end - at - 1);
        if (tag.find('<') != std::string::npos || count_of(tag, "\"") % 2 != 0) return false;
        if (tag[0] == '/') {
            if (open.empty() || open.back() != tag.substr(1)) return false;
            open.pop_back();
        } else if (tag.back() != '/') {
            open.push_back(tag.substr(0, tag.find_first_of(" \n")));
        }
        at = end;
    }
    return open.empty();
}

/// For each grid the corners of its filled cells.
std::vector<std::vector<std::pair<double, double>>> cells_of(const std::string& svg) {
    std::vector<std::vector<std::pair<double, double>>> result;
    for (std::size_t at = svg.find("<path"); at != std::string::npos;
         at = svg.find("<path", at + 1)) {
        const std::string tag = svg.substr(at, svg.find('>', at) - at);
        if (tag.find("fill=\"#2563a8\"") == std::string::npos) continue;
        result.emplace_back();
        for (std::size_t cell = tag.find('M'); cell != std::string::npos;
             cell = tag.find('M', cell + 1)) {
            std::istringstream numbers(tag.substr(cell + 1));
            double x = 0, y = 0;
            numbers >> x >> y;
            result.back().emplace_back(x, y);
        }
    }
    return result;
}

void check_cells(const picture& drawn) {
    const auto cells = cells_of(drawn.text);
    const std::vector<draw::placed_grid>& grids = drawn.layout.grids;
    REQUIRE(cells.size() == grids.size());
    const int length = drawn.layout.shown;
    for (std::size_t at = 0; at < grids.size(); ++at) {
        std::set<std::pair<int, int>> filled;
        for (const auto& [x, y] : cells[at])
            filled.emplace(static_cast<int>((y - grids[at].y) / drawn.layout.cell),
                           static_cast<int>((x - grids[at].x) / drawn.layout.cell));
        std::set<std::pair<int, int>> selected;
        for (int row = 0; row < length; ++row)
            for (int column = 0; column < length; ++column)
                if (drawn.flow.values().selects(grids[at].selector, row, column))
                    selected.emplace(row, column);
        CHECK(filled == selected);
        CHECK(cells[at].size() == selected.size());
    }
    CHECK(is_well_formed(drawn.text));
}

/// Nothing reaches out of what it stands in.
void check_places(const picture& drawn) {
    const draw::flow_layout& layout = drawn.layout;
    const double side = layout.cell * layout.shown;
    const auto is_in_a_panel = [&](double x, double y, double width, double height) {
        for (const draw::placed_box& panel : layout.panels)
            if (x >= panel.x && y >= panel.y && x + width <= panel.x + panel.width &&
                y + height <= panel.y + panel.height)
                return true;
        return false;
    };
    for (const draw::placed_series& each : layout.rows)
        CHECK(is_in_a_panel(each.x, each.y, each.down ? layout.cell : side,
                            each.down ? side : layout.cell));
    for (const draw::placed_grid& each : layout.grids)
        CHECK(is_in_a_panel(each.x, each.y, side, side));
    for (const draw::placed_text& each : layout.texts) {
        INFO(each.words);
        const double width = draw::width_of(each.words, each.kind);
        const double x = each.ends_at_x ? each.x - width : each.x;
        CHECK((x >= 0 && x + width <= layout.width));
        if (each.y > 70) CHECK(is_in_a_panel(x, each.y - 8, width, 8));
    }
    // Layers stand beside or below each other.
    for (std::size_t at = 0; at < layout.panels.size(); ++at)
        for (std::size_t before = 0; before < at; ++before) {
            const draw::placed_box& first = layout.panels[before];
            const draw::placed_box& second = layout.panels[at];
            CHECK((second.x > first.x + first.width || second.y > first.y + first.height));
        }
    // Lines run between the layers; those to another row go down behind all layers of both.
    for (const draw::placed_flow& each : layout.flows) {
        CHECK((each.bus > 0 || each.leaves < each.arrives));
        CHECK(each.bus < layout.width);
        for (const draw::placed_box& panel : layout.panels) {
            if (each.bus > 0) CHECK(each.bus > panel.x + panel.width);
            for (const double lane : {each.lane, each.last_lane})
                CHECK((lane < panel.y || lane > panel.y + panel.height));
        }
    }
    // A page's width shows any number of layers.
    if (layout.shown <= 12) CHECK(layout.width < 1450);
}

std::string content_of(const std::filesystem::path& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

template <const auto& Program, class Compiled = void>
std::string drawn(const sequence& input, const char* name) {
    const auto path =
        std::filesystem::temp_directory_path() / (std::to_string(std::random_device()()) + name);
    rasp::draw<Program, Compiled>(input, path.string());
    const std::string text = content_of(path);
    std::filesystem::remove(path);
    return text;
}

}  // namespace

TEST_CASE("a picture's grids have the cells that are selected") {
    check_cells(of<reversed>("hello"));
    check_cells(of<frequencies>("aabbaa"));
    check_cells(of<sorted>("\xc2\xa7hello"));
    check_cells(of<balanced>("({})(}"));
    check_cells(of<frequencies>(std::string(60, 'a')));
    CHECK(cells_of(of<reversed>("hello").text)[0].size() == 25);
}

TEST_CASE("a picture's parts stand where there is room for them") {
    check_places(of<reversed>("hello"));
    check_places(of<frequencies>("a"));
    check_places(of<sorted>("\xc2\xa7hello"));
    check_places(of<balanced>("({})(}"));
    check_places(of<balanced>(std::string(20, '(') + std::string(30, '}')));
    check_places(of<doubled>("abc"));
    check_places(of<reversed>({"a token", "another", "the 16th of 1625"}));
}

TEST_CASE("what a flow shows") {
    const picture reverse = of<reversed>("hello");
    REQUIRE(reverse.flow.layers().size() == 3);
    std::vector<std::string> shown;
    for (const draw::flow_layer& layer : reverse.flow.layers()) {
        for (const draw::flow_selector& each : layer.selectors)
            for (const int at : each.results) shown.push_back(reverse.flow.definition(at));
        for (const int at : layer.elementwise) shown.push_back(reverse.flow.definition(at));
    }
    CHECK(shown == std::vector<std::string>{
                       "tokens", "indices", "#1 = indicator(indices == 0)",
                       "#2 = aggregate(everything, #1)", "length = round(1 / #2)",
                       "(length - 1) - indices",
                       "output = aggregate(select(indices, (length - 1) - indices, ==), tokens)"});
    // Two heads look at one selector: with position 0 joined to it, and at position 0 alone.
    const picture width = of<frequencies>("abb");
    const draw::flow_selector& same = width.flow.layers()[1].selectors[0];
    REQUIRE(same.heads.size() == 2);
    CHECK(width.flow.attended(same, same.heads[0], 2) == std::vector<int>{0, 1, 2});
    CHECK(width.flow.attended(same, same.heads[1], 2).empty());
    CHECK(width.flow.attended(same, same.heads[1], 0) == std::vector<int>{0});

    const picture chosen = of<choices>("abba");
    const draw::flow_selector& all = chosen.flow.layers()[1].selectors[0];
    REQUIRE(all.heads.size() == 2);
    CHECK(chosen.flow.attended(all, all.heads[0], 1) == std::vector<int>{3});
    CHECK(chosen.flow.attended(all, all.heads[1], 1) == std::vector<int>{1, 2});
}

TEST_CASE("pictures show any symbols, and of many positions the first ones") {
    const picture odd = of<frequencies>({"<&>", "\"\\", "\x01", "\xff", "</script>", " "});
    CHECK(is_well_formed(odd.text));
    CHECK(count_of(odd.text, "&lt;&amp;&gt;</text>") >= 3);
    const picture name = of<doubled>("ab");
    CHECK(count_of(name.text, ">twice &amp; more</text>") == 1);
    CHECK(is_well_formed(name.text));

    const picture many = of<reversed>(std::string(100, 'x'));
    CHECK(count_of(many.text, "the first 48 of 100 positions are shown") == 1);
    CHECK(cells_of(many.text)[0].size() == 48 * 48);
    CHECK(is_well_formed(many.text));
}

TEST_CASE("a program as a graph for Graphviz") {
    const std::string text = drawn<balanced>("({})(}", "sequent_rasp.dot");
    CHECK(text.starts_with("digraph program {\n"));
    CHECK(count_of(text, "subgraph cluster_") == 1 + 4 * 3);
    std::set<std::string> nodes;
    std::vector<std::pair<std::string, std::string>> edges;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string first, second, third;
        words >> first >> second >> third;
        if (second == "->")
            edges.emplace_back(first, third.substr(0, third.find(';')));
        else if (second.starts_with("[label="))
            nodes.insert(first);
    }
    for (const auto& [from, to] : edges) CHECK((nodes.contains(from) && nodes.contains(to)));
    // 4 of the input; selectors, 1 in each layer; gathered, 2 1 1 1; elementwise, 2 1 1 1.
    nodes.erase("node");
    nodes.erase("edge");
    CHECK(nodes.size() == 4 + 4 + 5 + 5);
    CHECK(edges.size() > nodes.size());

    CHECK(count_of(drawn<frequencies>("\"\\&", "sequent_rasp.dot"), "\\n\\\" \\\\ &amp;\"") == 1);
}

TEST_CASE("a page has what the program's heads and the compiled model's attend to") {
    const std::string text = drawn<reversed, compiled>("hello", "sequent_rasp.html");
    CHECK(text.starts_with("<!DOCTYPE html>"));
    CHECK(count_of(text, "SEQUENT_") == 0);  // its script is not C++
    CHECK(count_of(text, "\"attends\":[[4],[3],[2],[1],[0]]") == 1);
    CHECK(count_of(text, "\"attends\":[[0,1,2,3,4],") == 1);
    CHECK(count_of(text, "\"model\":[[0,0,0,0,0.9,0.1],[0,0,0,0.9,0,0.1],") == 1);
    CHECK(count_of(text, "\"output\":[\"o\",\"l\",\"l\",\"e\",\"h\"]") == 1);
    CHECK(count_of(text, "\"modelOutput\":[\"?\",\"l\",\"l\",\"e\",\"h\"]") == 1);
    CHECK(count_of(text, "http") == 0);
    const std::string alone = drawn<reversed>("hello", "sequent_rasp.html");
    CHECK(count_of(alone, "\"model\":") + count_of(alone, "\"modelOutput\":") == 0);

    const std::string odd =
        drawn<frequencies>({"</script>", "<!--", "\xe2\x80\xa8", "\"\\"}, "sequent_rasp.html");
    CHECK(count_of(odd, "</script>") == 2);
    CHECK(count_of(odd, "<!--") == 0);
    CHECK(count_of(odd,
                   "\"tokens\":[\"\\u003c/script\\u003e\",\"\\u003c!--\",\"\\u2028\","
                   "\"\\\"\\\\\"]") == 1);
}

TEST_CASE("a page of a loop has the layers of each round, a picture those of the first") {
    const std::string text = drawn<parity>("0111", "sequent_rasp.html");
    CHECK(count_of(text, "\"output\":[\"F\",\"T\",\"F\",\"T\"]") == 1);
    for (const char* title : {"Round 1", "Round 1, layer 1", "Round 2", "Round 2, layer 1"})
        CHECK(count_of(text, sequent::joined_text({"\"title\":\"", title, "\""})) == 1);
    CHECK(count_of(text, "Round 3") == 0);
    CHECK(count_of(text, "\"attends\":[[],[0],[1],[2]]") == 1);
    CHECK(count_of(text, "\"attends\":[[],[],[0],[1]]") == 1);
    CHECK(count_of(text, "<code>ends</code> is true") == 1);
    CHECK(count_of(text, "{\"name\":\"tokens\"") == 1);
    const std::string drawing = drawn<parity>("0111", "sequent_rasp.svg");
    CHECK(is_well_formed(drawing));
    CHECK(count_of(drawing, ">next state 0<") == 1);
    // Nothing is left to do.
    CHECK(count_of(drawn<parity>("1", "sequent_rasp.html"), "Round") == 0);
}

TEST_CASE("pictures and pages of flows do not depend on the locale") {
    const auto texts = [] {
        return drawn<reversed, compiled>("hello", "sequent_rasp.html") +
               drawn<frequencies>("hello, world, hello", "sequent_rasp.svg");
    };
    const std::string expected = texts();
    CHECK(count_of(expected, "[0,0,0,0,0.9,0.1]") == 1);
    const sequent_test::comma_locale locale;
    CHECK(texts() == expected);
}

/// A model whose attention is no number.
struct broken : compiled {
    static attention_maps attention(const sequence& input) {
        attention_maps result = compiled::attention(input);
        for (int layer = 0; layer < 2; ++layer)
            for (int row = 0; row < result.length; ++row)
                for (int column = 0; column <= result.length; ++column)
                    result(layer, 0, row, column) = std::nan("");
        return result;
    }
};

TEST_CASE("a page of a model that gives NaN is JSON") {
    const std::string text = drawn<reversed, broken>("hi", "sequent_rasp.html");
    CHECK(count_of(text, "\"model\":[[null,null,null],[null,null,null]]") == 2);
}

TEST_CASE("files are drawn whole or not at all") {
    CHECK(is_well_formed(drawn<reversed, compiled>("hello", "sequent_rasp.svg")));
    const auto path = std::filesystem::temp_directory_path() / "sequent_never_drawn.png";
    CHECK_THROWS_WITH(rasp::draw<reversed>("hello", path.string()),
                      path.string() + ": a picture of a program ends with .svg, .dot or .html");
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK_THROWS_AS(rasp::draw<reversed>("hello", path.string()), io::error);
    CHECK_THROWS_AS(rasp::draw<reversed>("hello", "/no such folder/reversed.svg"), io::error);
    CHECK_THROWS_AS(rasp::draw<reversed>("", "/no such folder/reversed.svg"), evaluation_error);
}
