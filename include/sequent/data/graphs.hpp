#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "symbol_names.hpp"
#include "text.hpp"

/// Sets of small graphs, such as molecules, each with a class.

namespace sequent::inline SEQUENT_ABI::data {

/// A graph with its class.
struct labelled_graph {
    std::int32_t label = 0;             ///< symbol of the class
    std::vector<std::int32_t> nodes{};  ///< symbol of each node, the element of an atom
    std::vector<std::array<std::int32_t, 2>> edges{};  ///< (node, neighbour), as the file has them
};

/// A set of graphs.
struct graph_set {
    std::vector<labelled_graph> graphs{};  ///< the graphs
    symbol_names labels{};                 ///< the classes
    symbol_names kinds{};                  ///< the kinds of nodes

    /// The classes of all graphs.
    SEQUENT_COLD std::vector<std::int32_t> labels_of_graphs() const {
        std::vector<std::int32_t> result;
        for (const labelled_graph& each : graphs) result.push_back(each.label);
        return result;
    }
    /// The largest number of nodes.
    std::size_t most_nodes() const noexcept {
        std::size_t result = 0;
        for (const labelled_graph& each : graphs) result = std::max(result, each.nodes.size());
        return result;
    }
    /// The largest number of edges.
    std::size_t most_edges() const noexcept {
        std::size_t result = 0;
        for (const labelled_graph& each : graphs) result = std::max(result, each.edges.size());
        return result;
    }
};

namespace detail {

class graph_reader {
  public:
    SEQUENT_COLD explicit graph_reader(io::source source) : text_(std::move(source)) {}

    SEQUENT_COLD graph_set read() {
        graph_set result;
        const std::int32_t count = number("the number of graphs", 0);
        end_line();
        for (std::int32_t at = 0; at < count; ++at) {
            labelled_graph graph;
            const std::int32_t nodes = number("the number of nodes", 0);
            graph.label = result.labels.add(word("a class"));
            end_line();
            for (std::int32_t node = 0; node < nodes; ++node) {
                graph.nodes.push_back(result.kinds.add(word("the kind of a node")));
                const std::int32_t neighbours = number("the number of neighbours", 0);
                for (std::int32_t each = 0; each < neighbours; ++each)
                    graph.edges.push_back({node, number("a neighbour", 0, nodes - 1)});
                end_line();
            }
            result.graphs.push_back(std::move(graph));
        }
        skip(" \t\r\n");
        if (at_ < text().size()) text_.fail_at(at_, {"text after the last graph"});
        return result;
    }

  private:
    file_text text_;
    std::size_t at_ = 0;

    std::string_view text() const noexcept { return text_.text(); }
    void skip(std::string_view letters) noexcept {
        while (at_ < text().size() && letters.find(text()[at_]) != std::string_view::npos) ++at_;
    }
    SEQUENT_COLD std::string_view word(const char* what) {
        skip(" \t\r");
        const std::size_t end = std::min(text().find_first_of(" \t\r\n", at_), text().size());
        if (end == at_) text_.fail_at(at_, {"expected ", what});
        const std::size_t begin = std::exchange(at_, end);
        return text().substr(begin, end - begin);
    }
    SEQUENT_COLD std::int32_t number(const char* what, std::int32_t least,
                                     std::int32_t most = 0x7fffffff) {
        const std::string_view found = word(what);
        const std::size_t place = at_ - found.size();
        const std::int32_t result = text_.whole(found, place);
        if (result < least || result > most)
            text_.fail_at(place, {what, " is ", result, ", expected ", least, " to ", most});
        return result;
    }
    SEQUENT_COLD void end_line() {
        skip(" \t\r");
        if (at_ < text().size() && text()[at_] != '\n')
            text_.fail_at(at_, {"expected the end of the line"});
        if (at_ < text().size()) ++at_;
    }
};

}  // namespace detail

/// Reads a set of graphs in the text form in which MUTAG and other sets of molecules are given away
/// (Xu et al., arXiv 1810.00826):
///
///     <number of graphs>
///     <number of nodes> <class>                                 for each graph,
///     <kind> <number of neighbours> <neighbour> <neighbour>...  for each of its nodes, from 0 on
///
/// Classes and kinds are names; their symbols are numbered in the order in which they appear.
/// Throws io::error("file:line:column: message").
[[nodiscard]] SEQUENT_COLD inline graph_set read_graphs(io::source source) {
    return detail::graph_reader(std::move(source)).read();
}

}  // namespace sequent::inline SEQUENT_ABI::data
