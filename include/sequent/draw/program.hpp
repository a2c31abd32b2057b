#pragma once

#include <string>
#include <string_view>

#include "../io/error.hpp"
#include "../joined_text.hpp"
#include "flow_dot.hpp"
#include "page.hpp"
#include "program_graph.hpp"
#include "program_svg.hpp"
#include "svg.hpp"

/// Pictures of the program of any model.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// Writes the graph of a program in the DOT language.
class program_dot_writer {
  public:
    SEQUENT_COLD explicit program_dot_writer(const program_graph& of) : graph_(of) {}

    SEQUENT_COLD std::string write() {
        text_ =
            "digraph program {\n"
            "    fontname=\"monospace\"; fontsize=12; compound=true;\n"
            "    node [shape=box, style=\"rounded,filled\", fontname=\"monospace\", "
            "fontsize=11];\n"
            "    edge [color=\"#7b8794\"];\n";
        add_scope(0, "    ");
        for (std::size_t to = 0; to < graph_.nodes.size(); ++to)
            for (const int from : graph_.nodes[to].sources) {
                const program_node& source = graph_.nodes[static_cast<std::size_t>(from)];
                const bool inside = source.step >= 0 && source.step == graph_.nodes[to].step;
                append_text(text_, {"    n", from, " -> n", to,
                                    inside ? " [color=\"#2563a8\", penwidth=2]" : "", ";\n"});
            }
        return text_ + "}\n";
    }

  private:
    const program_graph& graph_;
    std::string text_;

    SEQUENT_COLD void add_scope(int scope, const std::string& indent) {
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at) {
            const program_node& node = graph_.nodes[at];
            if (node.scope != scope) continue;
            if (node.block > 0) {
                append_text(text_, {indent, "subgraph cluster_", at, " {\n", indent,
                                    "    label=", dot_string(node.name), "; color=\"#9fb3c8\";\n"});
                add_node(at, indent + "    ");
                add_scope(node.block, indent + "    ");
                append_text(text_, {indent, "}\n"});
            } else {
                add_node(at, indent);
            }
        }
    }
    SEQUENT_COLD void add_node(std::size_t at, const std::string& indent) {
        const program_node& node = graph_.nodes[at];
        const step_colour& colour = colour_of_step(graph_.kind_of(node));
        std::string label = dot_string(printable(node.name));
        const auto add_line = [&label](std::string_view words, const char* end) {
            label.back() = '\\';
            append_text(label, {end, dot_string(words).substr(1)});
        };
        // The line that \l ends is aligned to the left.
        const char* end = "n";
        for (const std::string& rule : node.rules)
            for (const std::string& line : rule_lines(rule, 62)) {
                add_line(line, end);
                end = "l";
            }
        add_line(graph_.computed(node), end);
        if (*end == 'l') {
            label.back() = '\\';
            label += "l\"";
        }
        append_text(text_, {indent, "n", at, " [label=", label, ", fillcolor=\"",
                            node.fused ? "#ffffff" : colour.fill, "\", color=\"", colour.edge, "\"",
                            node.output ? ", penwidth=2.4" : "", "];\n"});
    }
};

inline constexpr auto program_style = R"css(
main { padding: 0; overflow: auto; }
svg { display: block; margin: 0 auto; background: #ffffff; }
.node { cursor: pointer; }
svg.chosen .node, svg.chosen .edge { opacity: 0.18; }
svg.chosen .node.near, svg.chosen .edge.near { opacity: 1; }
)css";

inline constexpr auto program_script = R"js(
"use strict";
const picture = document.querySelector("svg");
const nodes = [...picture.querySelectorAll(".node")];
const edges = [...picture.querySelectorAll(".edge")];
let chosen = null;

// All that a relation follows from, directly or not, what reads it, and what is in its step.
function near(start) {
  const found = new Set([start]);
  const lines = new Set();
  const above = [start];
  while (above.length) {
    const to = above.pop();
    for (const edge of edges)
      if (edge.dataset.to === to) {
        lines.add(edge);
        if (!found.has(edge.dataset.from)) { found.add(edge.dataset.from); above.push(edge.dataset.from); }
      }
  }
  for (const edge of edges)
    if (edge.dataset.from === start) { lines.add(edge); found.add(edge.dataset.to); }
  const step = picture.querySelector(`[data-node="${start}"]`).dataset.step;
  for (const node of nodes)
    if (step !== "-1" && node.dataset.step === step) found.add(node.dataset.node);
  return [found, lines];
}
function choose(at) {
  chosen = at;
  picture.classList.toggle("chosen", at !== null);
  const [found, lines] = at === null ? [new Set(), new Set()] : near(at);
  for (const node of nodes) node.classList.toggle("near", found.has(node.dataset.node));
  for (const edge of edges) edge.classList.toggle("near", lines.has(edge));
  history.replaceState(null, "", at === null ? " " : "#relation=" + at);
}
for (const node of nodes)
  node.addEventListener("click", event => {
    choose(chosen === node.dataset.node ? null : node.dataset.node);
    event.stopPropagation();
  });
picture.addEventListener("click", () => choose(null));
document.addEventListener("keydown", event => { if (event.key === "Escape") choose(null); });
const asked = /relation=(\d+)/.exec(location.hash);
if (asked && nodes[asked[1]]) choose(asked[1]);
)js";

}  // namespace detail

/// The graph of a program in the DOT language of Graphviz.
SEQUENT_COLD inline std::string dot_of(const program_graph& of) {
    return detail::program_dot_writer(of).write();
}

/// A page with the picture of a program: a click on a relation shows what it follows from, what
/// reads it, and what is computed in the same step. `#relation=3` at the end of its address chooses
/// a relation.
SEQUENT_COLD inline std::string page_of(const program_graph& of,
                                        std::string_view title = "program") {
    std::string result;
    append_text(
        result,
        {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
         escaped(title), "</title>\n<style>", detail::page_style, detail::program_style,
         "</style>\n</head>\n<body>\n<header>\n<h1>", escaped(title), "</h1>\n<p>",
         of.steps.steps.empty()
             ? "Click an atom to see what it follows from and what reads it."
             : "Click a relation to see what it follows from, what reads it, and "
               "what is computed in the same step.",
         "</p>\n</header>\n<main>\n", picture_of(of, title).str(), "</main>\n<script>",
         detail::program_script, "</script>\n</body>\n</html>\n"});
    return result;
}

/// Draws the program of a model: its relations and rules, how each is computed, and which are fused
/// into one step; as a picture ("x.svg"), as a Graphviz graph ("x.dot") or as a page ("x.html").
/// The file is written completely or not at all. Throws io::error for another extension or if the
/// file cannot be written.
///
///     draw::program<Model>("model.svg");
template <class Model>
SEQUENT_COLD void program(const std::string& path, std::string_view title = "program") {
    const program_graph graph = program_of<Model>();
    if (path.ends_with(".svg")) return write(picture_of(graph, title), path);
    if (path.ends_with(".dot")) return write(dot_of(graph), path);
    if (path.ends_with(".html")) return write(page_of(graph, title), path);
    fail_with<io::error>({path, ": a picture of a program ends with .svg, .dot or .html"});
}

}  // namespace sequent::inline SEQUENT_ABI::draw
