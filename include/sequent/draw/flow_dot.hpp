#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "../joined_text.hpp"
#include "flow.hpp"

/// The flow of a program as a graph in the DOT language of Graphviz.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// A string literal of DOT; Graphviz interprets XML entities in it.
SEQUENT_COLD inline std::string dot_string(std::string_view text) {
    std::string result = "\"";
    for (const char each : text) {
        if (each == '"' || each == '\\') result += '\\';
        result += each == '&' ? "&amp;" : std::string(1, each);
    }
    return result + "\"";
}

class dot_writer {
  public:
    SEQUENT_COLD explicit dot_writer(const flow& shown) : flow_(shown) {}

    SEQUENT_COLD std::string write() {
        text_ =
            "digraph program {\n"
            "    rankdir=LR; fontname=\"monospace\"; fontsize=12;\n"
            "    node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", "
            "color=\"#7b8794\", fontname=\"monospace\", fontsize=11];\n"
            "    edge [color=\"#7b8794\", fontname=\"monospace\", fontsize=9];\n";
        for (std::size_t at = 0; at < flow_.layers().size(); ++at) add_layer(at);
        append_text(text_, {edges_, "}\n"});
        return std::move(text_);
    }

  private:
    static constexpr int longest = 44;
    const flow& flow_;
    std::string text_;
    std::string edges_;

    static std::string name_of(int at) { return numbered("n", static_cast<std::size_t>(at)); }

    SEQUENT_COLD void begin_cluster(std::string_view indent, const std::string& name,
                                    const std::string& label) {
        append_text(text_, {indent, "subgraph cluster_", name, " {\n", indent,
                            "    label=", dot_string(label), "; color=\"#c3ccd6\";\n"});
    }
    SEQUENT_COLD void add_node(std::string_view indent, int at) {
        const bool is_gathered = rasp::gathers(flow_.program()[at].what);
        const std::string made = is_gathered ? flow_.gathering(at) : flow_.expression(at);
        std::string label = dot_string(elided(flow_.label(at), longest));
        const auto add_line = [&label](const std::string& words) {
            label.back() = '\\';
            append_text(label, {"n", dot_string(elided(words, longest)).substr(1)});
        };
        if (made != flow_.label(at)) add_line(joined_text({"= ", made}));
        std::string values;
        for (int position = 0; position < flow_.length(); ++position)
            append_text(values, {position > 0 ? " " : "", flow_.text(at, position)});
        add_line(values);
        append_text(text_, {indent, name_of(at), " [label=", label,
                            ", tooltip=", dot_string(flow_.definition(at)),
                            at == flow_.output() ? ", color=\"#2563a8\", penwidth=2" : "", "];\n"});
    }
    SEQUENT_COLD void add_edge(const std::string& from, const std::string& to,
                               const char* label = nullptr) {
        append_text(edges_, {"    ", from, " -> ", to});
        if (label) append_text(edges_, {" [label=\"", label, "\"]"});
        edges_ += ";\n";
    }

    SEQUENT_COLD void add_layer(std::size_t number) {
        const flow_layer& layer = flow_.layers()[number];
        const std::string id = std::to_string(number);
        begin_cluster("    ", id, number == 0 ? "input" : numbered("layer ", number));
        if (!layer.selectors.empty()) {
            begin_cluster("        ", id + "_heads", "heads");
            for (const flow_selector& each : layer.selectors) add_selector(each, id);
            text_ += "        }\n";
        }
        if (!layer.elementwise.empty() && number > 0)
            begin_cluster("        ", id + "_elementwise", "elementwise");
        for (const int at : layer.elementwise) {
            add_node("            ", at);
            for (const int from : flow_.sources(at)) add_edge(name_of(from), name_of(at));
        }
        if (!layer.elementwise.empty() && number > 0) text_ += "        }\n";
        text_ += "    }\n";
    }
    SEQUENT_COLD void add_selector(const flow_selector& each, const std::string& layer) {
        const std::string name = joined_text({"s", each.node, "_", layer});
        const std::string definition = flow_.definition(each.node);
        append_text(text_,
                    {"            ", name, " [label=", dot_string(elided(definition, longest)),
                     ", tooltip=", dot_string(definition),
                     ", shape=box, style=filled, fillcolor=\"#d6e6f6\"];\n"});
        for (const int from : each.keys) add_edge(name_of(from), name, "keys");
        for (const int from : each.queries) add_edge(name_of(from), name, "queries");
        for (const int at : each.results) {
            add_node("            ", at);
            add_edge(name, name_of(at));
            const int values = flow_.program()[at].arguments[1];
            if (values >= 0 && flow_.is_shown(values))
                add_edge(name_of(values), name_of(at), "values");
        }
    }
};

}  // namespace detail

/// The text of a DOT file: the shown parts of a program, grouped by layers, with an edge from each
/// part to those computed from it.
inline std::string dot_of(const flow& shown) {
    return detail::dot_writer(shown).write();
}

}  // namespace sequent::inline SEQUENT_ABI::draw
