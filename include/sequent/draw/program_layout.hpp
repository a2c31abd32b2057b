#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "program_graph.hpp"
#include "text.hpp"

/// The layout of the picture of a program: relations in rows, each below all that it reads (the
/// layers of Sugiyama, Tagawa and Toda, 1981); a stacked block as a frame around its relations.
/// Lengths are in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// A placed relation.
struct placed_node {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
    double frame = 0;                  ///< of a stack, where the frame of its block begins, below
    std::vector<std::string> lines{};  ///< the rules, wrapped
};
/// A line from a relation to one that reads it, through points from top to bottom.
struct placed_edge {
    int from = 0;
    int to = 0;
    std::vector<std::pair<double, double>> points{};
};
/// The layout of a program.
struct program_layout {
    std::vector<placed_node> nodes{};  ///< in the order of the graph
    std::vector<placed_edge> edges{};  ///< all lines
    double width = 0;                  ///< of the whole
    double height = 0;                 ///< of the whole
};

namespace detail {

/// Text cut into lines of at most `letters` characters, behind a comma or a bar where possible;
/// later lines are indented.
SEQUENT_COLD inline std::vector<std::string> rule_lines(std::string_view text, int letters) {
    std::vector<std::string> result;
    const std::string all = printable(text);
    std::string_view rest = all;
    const auto push = [&](std::string_view line) {
        result.push_back((result.empty() ? "" : "    ") + std::string(line));
    };
    for (int limit = letters; letters_in(rest) > limit; limit = letters - 4) {
        const std::string_view line = first_letters(rest, limit);
        const auto behind = [&](std::string_view mark, std::size_t kept) {
            const std::size_t found = line.rfind(mark);
            return found == std::string_view::npos || found < line.size() / 3 ? 0 : found + kept;
        };
        std::size_t end = behind(" | ", 0);
        for (const std::string_view mark : {"), ", "], ", ", ", " "})
            if (end == 0) end = behind(mark, mark.size() - 1);
        if (end == 0) end = line.size();
        push(rest.substr(0, end));
        rest.remove_prefix(end);
        while (rest.starts_with(' ')) rest.remove_prefix(1);
    }
    push(rest);
    return result;
}

/// Places the relations of a graph.
class program_placer {
  public:
    SEQUENT_COLD explicit program_placer(const program_graph& of) : graph_(of) {
        made_.nodes.resize(of.nodes.size());
        widths_.resize(of.stacked_by.size());
        for (std::size_t at = 0; at < of.nodes.size(); ++at) measure(at);
    }

    SEQUENT_COLD program_layout place() {
        const scope_size whole = place_scope(0);
        move(0, margin, margin + title);
        made_.width = std::max(whole.width + 2 * margin, 720.0);
        made_.height = whole.height + 2 * margin + title + legend;
        return std::move(made_);
    }

    static constexpr double margin = 24;
    static constexpr double title = 44;
    static constexpr double legend = 40;
    static constexpr double line = 15;      ///< height of a line of text
    static constexpr double letter = 6.63;  ///< width of a letter of 11 pixels
    static constexpr double pad = 10;

  private:
    static constexpr int letters = 62;  // of a line of a rule
    static constexpr double gap = 22;   // between relations of a row
    static constexpr double rise = 34;  // between rows

    struct scope_size {
        double width = 0;
        double height = 0;
    };
    /// A relation in a row, or a bend of a line that passes the row.
    struct item {
        int node = -1;
        int row = 0;
        double width = 0;
        double centre = 0;
        std::vector<std::size_t> above{};
        std::vector<std::size_t> below{};
    };

    const program_graph& graph_;
    program_layout made_;

    placed_node& placed(int at) { return made_.nodes[static_cast<std::size_t>(at)]; }
    const program_node& node(int at) const { return graph_.nodes[static_cast<std::size_t>(at)]; }

    SEQUENT_COLD void measure(std::size_t at) {
        const program_node& of = graph_.nodes[at];
        placed_node& to = made_.nodes[at];
        for (const std::string& rule : of.rules)
            for (std::string& each : rule_lines(rule, letters)) to.lines.push_back(std::move(each));
        int longest = letters_in(of.name) + 2;
        for (const std::string& each : to.lines) longest = std::max(longest, letters_in(each));
        const std::string computed = graph_.computed(of);
        to.width = 2 * pad + std::max(letter * longest, 5.9 * letters_in(computed));
        to.height = 2 * pad + line * static_cast<double>(2 + to.lines.size()) - 4;
    }

    /// Places the relations of a block from (0, 0) on; blocks within it first.
    SEQUENT_COLD scope_size place_scope(int scope) {
        std::vector<int> members;
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at)
            if (graph_.nodes[at].scope == scope) members.push_back(static_cast<int>(at));
        for (const int at : members) {
            if (node(at).block == 0) continue;
            const scope_size inner = place_scope(node(at).block);
            placed_node& to = placed(at);
            to.frame = to.height;
            to.width = std::max(to.width, inner.width + 2 * pad);
            to.height += inner.height + pad;
        }
        std::vector<item> items = items_of(members);
        int rows = 0;
        for (const item& each : items) rows = std::max(rows, each.row + 1);
        std::vector<std::vector<std::size_t>> order(static_cast<std::size_t>(rows));
        for (std::size_t at = 0; at < items.size(); ++at)
            order[static_cast<std::size_t>(items[at].row)].push_back(at);
        sort_rows(items, order);
        scope_size result;
        for (const item& each : items)
            result.width = std::max(result.width, each.centre + each.width / 2);
        for (const auto& row : order) {
            double height = 0;
            for (const std::size_t at : row)
                if (items[at].node >= 0) height = std::max(height, placed(items[at].node).height);
            for (const std::size_t at : row) {
                if (items[at].node < 0) continue;
                placed_node& to = placed(items[at].node);
                to.x = items[at].centre - to.width / 2;
                to.y = result.height + (height - to.height) / 2;
            }
            tops_.push_back(result.height);
            result.height += height + rise;
        }
        result.height -= rows > 0 ? rise : 0;
        add_edges(items, order, result.height);
        widths_[static_cast<std::size_t>(scope)] = result.width;
        return result;
    }

    /// The relations of a block in their rows, and the bends of the lines between them.
    SEQUENT_COLD std::vector<item> items_of(const std::vector<int>& members) const {
        std::vector<item> items;
        std::vector<int> row(graph_.nodes.size(), -1);
        // Facts and inputs that are read far below stand close to their first reader.
        for (std::size_t turn = 0; turn <= members.size(); ++turn)
            for (const int at : members) {
                int& own = row[static_cast<std::size_t>(at)];
                own = std::max(own, 0);
                for (const int from : sources_of(at))
                    own = std::max(own, std::min(row[static_cast<std::size_t>(from)] + 1,
                                                 static_cast<int>(members.size())));
            }
        for (const int at : members) {
            if (!sources_of(at).empty()) continue;
            int first = -1;
            for (const int reader : members)
                for (const int from : sources_of(reader))
                    if (from == at && (first < 0 || row[static_cast<std::size_t>(reader)] < first))
                        first = row[static_cast<std::size_t>(reader)];
            if (first > 0) row[static_cast<std::size_t>(at)] = first - 1;
        }
        std::vector<std::size_t> item_of(graph_.nodes.size());
        for (const int at : members) {
            item_of[static_cast<std::size_t>(at)] = items.size();
            item made;
            made.node = at;
            made.row = row[static_cast<std::size_t>(at)];
            made.width = made_.nodes[static_cast<std::size_t>(at)].width;
            items.push_back(std::move(made));
        }
        for (const int at : members)
            for (const int from : sources_of(at)) {
                std::size_t last = item_of[static_cast<std::size_t>(from)];
                const std::size_t end = item_of[static_cast<std::size_t>(at)];
                for (int between = items[last].row + 1; between < items[end].row; ++between) {
                    item bend;
                    bend.row = between;
                    bend.width = 12;
                    bend.above.push_back(last);
                    items[last].below.push_back(items.size());
                    last = items.size();
                    items.push_back(std::move(bend));
                }
                items[last].below.push_back(end);
                items[end].above.push_back(last);
            }
        return items;
    }
    /// The sources of a relation in its own block, and those of a stack's block in the block of the
    /// stack.
    SEQUENT_COLD std::vector<int> sources_of(int at) const {
        std::vector<int> result;
        const auto add = [&](int from) {
            if (from != at && node(from).scope == node(at).scope &&
                std::find(result.begin(), result.end(), from) == result.end())
                result.push_back(from);
        };
        for (const int from : node(at).sources) add(from);
        if (node(at).block > 0)
            for (const program_node& inner : graph_.nodes)
                if (inner.scope == node(at).block)
                    for (const int from : inner.sources) add(from);
        return result;
    }

    /// Orders each row by the mean place of its neighbours, downwards and upwards in turn, and
    /// moves all towards their neighbours without overlaps.
    SEQUENT_COLD static void sort_rows(std::vector<item>& items,
                                       std::vector<std::vector<std::size_t>>& order) {
        const auto spread = [&](std::vector<std::size_t>& row) {
            double x = 0;
            for (const std::size_t at : row) {
                items[at].centre = x + items[at].width / 2;
                x += items[at].width + gap;
            }
        };
        for (auto& row : order) spread(row);
        const auto wish = [&](std::size_t at, bool down) {
            const auto& near = down ? items[at].above : items[at].below;
            double sum = 0;
            for (const std::size_t other : near) sum += items[other].centre;
            return near.empty() ? items[at].centre : sum / static_cast<double>(near.size());
        };
        for (int turn = 0; turn < 24; ++turn) {
            const bool down = turn % 2 == 0;
            for (std::size_t step = 0; step < order.size(); ++step) {
                auto& row = order[down ? step : order.size() - 1 - step];
                std::vector<std::pair<double, std::size_t>> wishes;
                for (const std::size_t at : row) wishes.emplace_back(wish(at, down), at);
                if (turn < 12)
                    std::stable_sort(
                        wishes.begin(), wishes.end(),
                        [](const auto& a, const auto& b) { return a.first < b.first; });
                for (std::size_t at = 0; at < row.size(); ++at) {
                    row[at] = wishes[at].second;
                    items[row[at]].centre = wishes[at].first;
                }
                // Once from the left and once from the right; the mean of both.
                std::vector<double> from_left, from_right(row.size());
                double end = -1e9;
                for (const std::size_t at : row) {
                    const double centre =
                        std::max(items[at].centre, end + gap + items[at].width / 2);
                    from_left.push_back(centre);
                    end = centre + items[at].width / 2;
                }
                double begin = 1e9;
                for (std::size_t at = row.size(); at-- > 0;) {
                    const double centre =
                        std::min(items[row[at]].centre, begin - gap - items[row[at]].width / 2);
                    from_right[at] = centre;
                    begin = centre - items[row[at]].width / 2;
                }
                for (std::size_t at = 0; at < row.size(); ++at)
                    items[row[at]].centre = (from_left[at] + from_right[at]) / 2;
            }
        }
        double left = 1e9;
        for (const item& each : items) left = std::min(left, each.centre - each.width / 2);
        for (item& each : items) each.centre -= left;
    }

    std::vector<double> widths_;  // of the blocks
    std::vector<double> tops_;    // of the rows placed so far, of all blocks

    SEQUENT_COLD void add_edges(const std::vector<item>& items,
                                const std::vector<std::vector<std::size_t>>& order, double bottom) {
        const std::size_t first = tops_.size() - order.size();
        const auto top_of = [&](int row) { return tops_[first + static_cast<std::size_t>(row)]; };
        const auto end_of = [&](int row) {
            return static_cast<std::size_t>(row) + 1 < order.size() ? top_of(row + 1) - rise
                                                                    : bottom;
        };
        for (const item& from : items) {
            if (from.node < 0) continue;
            for (std::size_t next : from.below) {
                placed_edge made;
                made.from = from.node;
                const placed_node& begin = placed(from.node);
                made.points.emplace_back(from.centre, begin.y + begin.height);
                made.points.emplace_back(from.centre, end_of(from.row));
                while (items[next].node < 0) {
                    made.points.emplace_back(items[next].centre, top_of(items[next].row));
                    made.points.emplace_back(items[next].centre, end_of(items[next].row));
                    next = items[next].below[0];
                }
                made.to = items[next].node;
                made.points.emplace_back(items[next].centre, top_of(items[next].row));
                made.points.emplace_back(items[next].centre, placed(made.to).y);
                made_.edges.push_back(std::move(made));
            }
        }
        tops_.resize(first);
    }

    /// Moves a block with all blocks within it.
    SEQUENT_COLD void move(int scope, double x, double y) {
        for (placed_edge& each : made_.edges)
            if (node(each.from).scope == scope)
                for (auto& point : each.points) {
                    point.first += x;
                    point.second += y;
                }
        for (std::size_t at = 0; at < graph_.nodes.size(); ++at) {
            if (graph_.nodes[at].scope != scope) continue;
            placed_node& each = made_.nodes[at];
            each.x += x;
            each.y += y;
            if (graph_.nodes[at].block == 0) continue;
            const double width = widths_[static_cast<std::size_t>(graph_.nodes[at].block)];
            move(graph_.nodes[at].block, each.x + (each.width - width) / 2, each.y + each.frame);
        }
    }
};

}  // namespace detail

/// The layout of a program's picture.
SEQUENT_COLD inline program_layout layout_of(const program_graph& of) {
    return detail::program_placer(of).place();
}

}  // namespace sequent::inline SEQUENT_ABI::draw
