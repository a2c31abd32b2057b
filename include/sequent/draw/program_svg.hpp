#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "program_graph.hpp"
#include "program_layout.hpp"
#include "svg.hpp"

/// The picture of a program as SVG.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// The kinds of steps with their colours, which also differ in lightness.
struct step_colour {
    std::string_view kind;
    const char* fill;
    const char* edge;
    const char* words;
};
inline constexpr step_colour step_colours[]{
    {"rows", "#d6e6f6", "#2563a8", "rows: products, sums, functions"},
    {"attention", "#d4eadf", "#2f855a", "attention"},
    {"softmax", "#d4eadf", "#2f855a", ""},
    {"loops", "#fdebcf", "#b45309", "general loops"},
    {"stack", "#f8f9fb", "#9fb3c8", "stack or recursion"},
    {"recursion", "#f8f9fb", "#9fb3c8", ""},
    {"fact", "#e9ecef", "#7b8794", "fact or input"},
};
SEQUENT_COLD inline const step_colour& colour_of_step(std::string_view kind) {
    for (const step_colour& each : step_colours)
        if (each.kind == kind) return each;
    static constexpr step_colour none{"", "#ffffff", "#9fb3c8", ""};
    return none;
}

class program_painter {
  public:
    SEQUENT_COLD program_painter(const program_graph& graph, const program_layout& layout)
        : graph_(graph), layout_(layout), to_(layout.width, layout.height) {}

    SEQUENT_COLD svg picture(std::string_view title) {
        to_.rectangle(0, 0, layout_.width, layout_.height, "#ffffff");
        to_.text(program_placer::margin, 34, elided(printable(title), 70), 18, dark,
                 "font-weight=\"bold\"", letters_in(title) > 70 ? title : "");
        // Frames of blocks lie below the lines within them, outer ones first.
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at)
            if (graph_.nodes[at].block > 0) add_frame(at);
        for (const placed_edge& each : layout_.edges) add_edge(each);
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at) add_node(at);
        if (!graph_.steps.steps.empty()) add_legend();
        return to_;
    }

  private:
    static constexpr auto dark = "#1f2933";
    static constexpr auto quiet = "#616e7c";
    static constexpr auto mono =
        "font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\"";

    const program_graph& graph_;
    const program_layout& layout_;
    svg to_;

    const step_colour& colour_of(std::size_t at) const {
        return colour_of_step(graph_.kind_of(graph_.nodes[at]));
    }

    SEQUENT_COLD void add_frame(std::size_t at) {
        const placed_node& place = layout_.nodes[at];
        to_.rounded(place.x, place.y, place.width, place.height, 8, colour_of(at).fill,
                    colour_of(at).edge, 1.2);
    }
    SEQUENT_COLD void add_node(std::size_t at) {
        const program_node& node = graph_.nodes[at];
        const placed_node& place = layout_.nodes[at];
        const step_colour& colour = colour_of(at);
        to_.begin_group(
            joined_text({"class=\"node\" data-node=\"", at, "\" data-step=\"", node.step, "\""}));
        if (node.block == 0)
            to_.rounded(place.x, place.y, place.width, place.height, 6,
                        node.fused ? "#ffffff" : colour.fill, colour.edge, node.output ? 2.4 : 1);
        if (node.fused) to_.rectangle(place.x + 1, place.y + 5, 4, place.height - 10, colour.fill);
        const double x = place.x + program_placer::pad;
        double y = place.y + program_placer::pad + 8;
        to_.text(x, y, node.output ? node.name + "  (output)" : node.name, 12, dark,
                 joined_text({mono, " font-weight=\"bold\""}),
                 node.path == node.name ? "" : node.path);
        for (const std::string& each : place.lines) {
            y += program_placer::line;
            to_.text(x, y, each, 11, dark, joined_text({mono, " xml:space=\"preserve\""}));
        }
        to_.text(x, y + program_placer::line, graph_.computed(node), 10.5, quiet);
        to_.end_group();
    }

    SEQUENT_COLD void add_edge(const placed_edge& edge) {
        const program_node& from = graph_.nodes[static_cast<std::size_t>(edge.from)];
        const program_node& to = graph_.nodes[static_cast<std::size_t>(edge.to)];
        const bool inside = from.step >= 0 && from.step == to.step;
        const auto number = [](double value) { return svg::number(value); };
        std::string path = "M" + number(edge.points[0].first) + " " + number(edge.points[0].second);
        for (std::size_t at = 1; at < edge.points.size(); ++at) {
            const auto& [x, y] = edge.points[at];
            const auto& [before_x, before_y] = edge.points[at - 1];
            if (at % 2 == 1 && at + 1 < edge.points.size() && x == before_x) {
                path += "L" + number(x) + " " + number(y);
                continue;
            }
            const double middle = (y + before_y) / 2;
            path += "C" + number(before_x) + " " + number(middle) + " " + number(x) + " " +
                    number(middle) + " " + number(x) + " " + number(y);
        }
        const auto& [x, y] = edge.points.back();
        const char* colour = inside ? "#2563a8" : "#9fb3c8";
        to_.begin_group(joined_text(
            {"class=\"edge\" data-from=\"", edge.from, "\" data-to=\"", edge.to, "\""}));
        to_.line(path, colour, inside ? 2.2 : 1.4);
        to_.path("M" + number(x) + " " + number(y) + "l-3 -6h6z", colour);
        to_.end_group();
    }

    SEQUENT_COLD void add_legend() {
        double x = program_placer::margin;
        const double y = layout_.height - 24;
        const auto add = [&](const char* fill, const char* edge, std::string_view words) {
            to_.rounded(x, y - 10, 12, 12, 2, fill, edge);
            to_.text(x + 18, y, words, 11, dark);
            x += 18 + 5.6 * static_cast<double>(words.size()) + 16;
        };
        for (const step_colour& each : step_colours)
            if (*each.words != 0) add(each.fill, each.edge, each.words);
        add("#ffffff", "#2563a8", "fused into another's step");
    }
};

}  // namespace detail

/// The picture of a program as SVG. Each relation has its rules and how it is computed; a white box
/// is fused into the step of another relation, and a dark line does not leave its step.
SEQUENT_COLD inline svg picture_of(const program_graph& of, std::string_view title = "program") {
    const program_layout layout = layout_of(of);
    return detail::program_painter(of, layout).picture(title);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
