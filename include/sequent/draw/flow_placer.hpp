#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../joined_text.hpp"
#include "flow.hpp"
#include "flow_layout.hpp"

/// Places the parts of a flow: layers from left to right, in as many rows as a page takes; in each
/// layer the heads one below the other, then the elementwise operations. Keys and values stand
/// above the grid of a selector, queries to its left, gathered values to its right.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

/// Text wrapped at spaces to lines of at most `letters` characters; text beyond the last line is
/// omitted.
SEQUENT_COLD inline std::vector<std::string> lines_of(std::string_view text, int letters,
                                                      int most) {
    std::vector<std::string> result;
    while (!text.empty() && static_cast<int>(result.size()) < most) {
        std::string_view line = first_letters(text, letters);
        const bool last = static_cast<int>(result.size()) + 1 == most;
        if (line.size() == text.size() || last) {
            result.push_back(elided(text, letters));
            break;
        }
        const std::size_t space = text.substr(0, line.size() + 1).rfind(' ');
        if (space != std::string_view::npos && space > 0) line = text.substr(0, space);
        result.emplace_back(line);
        text.remove_prefix(line.size());
        if (text.starts_with(' ')) text.remove_prefix(1);
    }
    return result;
}

class flow_placer {
  public:
    SEQUENT_COLD explicit flow_placer(const flow& shown) : flow_(shown) {
        made_.shown = std::min(shown.length(), max_positions);
        made_.cell = std::clamp(grid_side / made_.shown, 13.0, 24.0);
        // Longer values get wider cells where there is room.
        int letters = 1;
        for (const flow_layer& layer : shown.layers()) {
            for (const int at : layer.elementwise) letters = std::max(letters, letters_of(at));
            for (const flow_selector& each : layer.selectors)
                for (const int at : each.results) letters = std::max(letters, letters_of(at));
        }
        made_.cell =
            std::max(made_.cell, std::min({5.5 * letters + 4, grid_side / made_.shown, 40.0}));
        side_ = made_.cell * made_.shown;
        sources_.resize(static_cast<std::size_t>(shown.program().size()));
        double all = margin - gutter;
        for (const flow_layer& layer : shown.layers()) all += gutter + width_of_layer(layer);
        double x = margin;
        for (const flow_layer& layer : shown.layers()) {
            const double width = width_of_layer(layer);
            int row = row_of_.empty() ? 0 : row_of_.back();
            if (!row_of_.empty() && x + width > page && all > single_row) {
                ++row;
                x = margin + gutter;
            }
            row_of_.push_back(row);
            x += width + gutter;
        }
        lanes_.resize(static_cast<std::size_t>(row_of_.back()) + 1);
        for (std::size_t layer = 0; layer < shown.layers().size(); ++layer)
            for (const flow_selector& each : shown.layers()[layer].selectors) {
                for (const int at : each.keys) add_lane(at, static_cast<int>(layer));
                for (const int at : each.queries) add_lane(at, static_cast<int>(layer));
                for (const int at : values_of(each)) add_lane(at, static_cast<int>(layer));
            }
    }

    SEQUENT_COLD flow_layout place() {
        add_titles();
        double x = margin;
        double right = 0;
        double bottom = top - 2 * pad;
        for (std::size_t layer = 0; layer < flow_.layers().size(); ++layer) {
            if (layer == 0 || row_of_[layer] > row_of_[layer - 1]) {
                x = layer == 0 ? margin : margin + gutter;
                lane_tops_.push_back(bottom + 2 * pad);
                top_ = lane_tops_.back() +
                       lane_height * static_cast<double>(lanes_[lane_tops_.size() - 1].size());
            }
            const double width = place_layer(layer, x);
            bottom = std::max(bottom, y_);
            made_.panels.push_back({x, top_, width, y_ + pad - top_});
            right = std::max(right, x + width);
            x += width + gutter;
        }
        for (placed_flow& each : made_.flows)
            if (each.bus > 0) each.bus += right + gutter;
        if (!buses_.empty()) right += gutter + lane_height * static_cast<double>(buses_.size());
        made_.width = std::max(right + margin, 740.0);
        made_.height = bottom + pad + legend + margin;
        for (const placed_text& title : made_.texts)
            if (title.kind == lettering::title)
                made_.width = std::max(made_.width, title.x + width_of(title.words, title.kind));
        return std::move(made_);
    }

  private:
    static constexpr int max_positions = 48;
    static constexpr double grid_side = 520;    // largest side of a grid
    static constexpr double page = 1230;        // largest width of several layers in a row
    static constexpr double single_row = 1400;  // largest width of a single row
    static constexpr double margin = 24;
    static constexpr double top = 74;
    static constexpr double lane_height = 8;
    static constexpr double gutter = 52;  // between layers
    static constexpr double pad = 14;
    static constexpr double gap = 6;
    static constexpr double line = 14;
    static constexpr double legend = 34;
    static constexpr int name_letters = 24;
    static constexpr int note_letters = 30;
    static constexpr int gathering_letters = 32;

    struct source {
        double x = 0;
        double y = 0;
        double leaves = 0;
        bool known = false;
    };

    const flow& flow_;
    flow_layout made_;
    std::vector<source> sources_;
    double side_ = 0;
    std::vector<int> row_of_;              // of each layer
    std::vector<std::vector<int>> lanes_;  // sources of the lanes above each row
    std::vector<double> lane_tops_;        // top of the lanes of each row
    std::vector<int> buses_;               // sources of the lines to other rows
    double top_ = 0;                       // top of the panels of the row
    // The layer that is being placed:
    int layer_ = 0;
    double left_ = 0;   // left side of its panel
    double grid_ = 0;   // left side of its grids and rows
    double right_ = 0;  // right side of its panel
    double y_ = 0;

    SEQUENT_COLD int letters_of(int at) const {
        int result = 0;
        for (int position = 0; position < made_.shown; ++position)
            result = std::max(result, letters_in(flow_.text(at, position)));
        return result;
    }
    /// The values that are gathered from the positions of a selector.
    SEQUENT_COLD std::vector<int> values_of(const flow_selector& from) const {
        std::vector<int> result;
        for (const int at : from.results) {
            const int values = flow_.program()[at].arguments[1];
            if (values >= 0 && flow_.is_shown(values) &&
                std::find(result.begin(), result.end(), values) == result.end())
                result.push_back(values);
        }
        return result;
    }
    static std::size_t place_in(std::vector<int>& all, int at) {
        const auto found = std::find(all.begin(), all.end(), at);
        const auto place = static_cast<std::size_t>(found - all.begin());
        if (found == all.end()) all.push_back(at);
        return place;
    }
    /// The lane of a source above a row.
    std::vector<int>& lanes_of(int layer) {
        return lanes_[static_cast<std::size_t>(row_of_[static_cast<std::size_t>(layer)])];
    }
    bool are_in_one_row(int layer, int other) const {
        return row_of_[static_cast<std::size_t>(layer)] == row_of_[static_cast<std::size_t>(other)];
    }
    SEQUENT_COLD void add_lane(int at, int reader) {
        const int from = flow_.layer_of(at);
        if (are_in_one_row(from, reader) && reader - from <= 1) return;
        (void)place_in(lanes_of(from), at);
        if (are_in_one_row(from, reader)) return;
        (void)place_in(lanes_of(reader), at);
        (void)place_in(buses_, at);
    }
    SEQUENT_COLD std::string name_of(int at) const { return elided(flow_.label(at), name_letters); }
    SEQUENT_COLD std::string formula_of(int at) const {
        const std::string all = flow_.expression(at);
        return all == flow_.label(at) ? std::string() : joined_text({"= ", all});
    }
    double step() const { return made_.cell + 3; }
    double columns_width(const std::vector<int>& of) const {
        return step() * static_cast<double>(std::max<std::size_t>(of.size(), 1));
    }

    SEQUENT_COLD void write(double x, double y, std::string_view words,
                            lettering kind = lettering::name, bool ends_at_x = false,
                            std::string_view whole = {}) {
        if (whole == words) whole = {};
        made_.texts.push_back({x, y, std::string(words), kind, ends_at_x, std::string(whole)});
    }

    SEQUENT_COLD void add_titles() {
        const rasp::evaluation& values = flow_.values();
        std::string given;
        for (int at = 0; at < flow_.program().size(); ++at)
            if (flow_.program()[at].what == rasp::operation::tokens)
                given = printable(values.output(at).text());
        const std::string gives = printable(values.output().text());
        const std::string arrow = given.empty() ? "" : "  \xe2\x86\x92  ";
        write(margin, 34, joined_text({elided(given, 32), arrow, elided(gives, 32)}),
              lettering::title, false, joined_text({given, arrow, gives}));
        std::string note;
        const std::size_t count = flow_.layers().size() - 1;
        append_text(note, {count, count == 1 ? " layer" : " layers"});
        if (count > 0) note += ", heads per layer:";
        for (std::size_t layer = 1; layer <= count; ++layer) {
            std::size_t heads = 0;
            for (const flow_selector& each : flow_.layers()[layer].selectors)
                heads += each.heads.size();
            append_text(note, {" ", heads});
        }
        if (made_.shown < flow_.length())
            append_text(note, {"; the first ", made_.shown, " of ", flow_.length(),
                               " positions are shown"});
        write(margin, 58, note, lettering::note);
    }

    SEQUENT_COLD double room_before_rows_of(const flow_layer& layer) const {
        double room = 0;
        const auto need = [&room](double wanted) { room = std::max(room, gap + wanted); };
        for (const int at : layer.elementwise) need(width_of(name_of(at)));
        for (const flow_selector& each : layer.selectors) {
            for (const int at : each.keys) need(width_of(name_of(at)));
            for (const int at : values_of(each)) need(width_of(name_of(at)));
            need(columns_width(each.queries));
            // A query's name ends below its column.
            double columns = columns_width(each.queries);
            for (const int at : each.queries) {
                columns -= step();
                need(columns + width_of(name_of(at)));
            }
        }
        return room;
    }
    SEQUENT_COLD double room_behind_rows_of(const flow_layer& layer) const {
        double room = 0;
        const auto need = [&room](double wanted) { room = std::max(room, gap + wanted); };
        for (const int at : layer.elementwise)
            if (const std::string formula = formula_of(at); !formula.empty())
                need(width_of(elided(formula, note_letters)));
        for (const flow_selector& each : layer.selectors) {
            double columns = 0;
            for (const int at : each.results) {
                need(columns + width_of(name_of(at)));
                need(columns + width_of(elided(flow_.gathering(at), gathering_letters)));
                columns += step();
            }
            need(columns_width(each.results));
        }
        return room;
    }

    static double inset_of(const flow_layer& layer) {
        return layer.selectors.empty() ? pad : 2 * pad;
    }
    SEQUENT_COLD double width_of_layer(const flow_layer& layer) const {
        const bool is_input = &layer == &flow_.layers()[0];
        return std::max(
            2 * inset_of(layer) + room_before_rows_of(layer) + side_ + room_behind_rows_of(layer),
            is_input ? 120.0 : 280.0);
    }
    SEQUENT_COLD double place_layer(std::size_t number, double x) {
        const flow_layer& layer = flow_.layers()[number];
        layer_ = static_cast<int>(number);
        left_ = x;
        grid_ = x + inset_of(layer) + room_before_rows_of(layer);
        right_ = x + width_of_layer(layer);
        y_ = top_ + 24;
        write(x + pad, y_, number == 0 ? "input" : numbered("layer ", number), lettering::heading);
        y_ += 12;
        for (const flow_selector& each : layer.selectors) place_selector(each);
        if (!layer.elementwise.empty()) {
            if (number > 0) {
                y_ += 16;
                write(x + pad, y_, "elementwise", lettering::note);
                y_ += 8;
            }
            for (const int at : layer.elementwise) place_elementwise(at);
        }
        return right_ - x;
    }

    SEQUENT_COLD void place_elementwise(int at) {
        const double x = grid_ + side_ + gap;
        const int letters = static_cast<int>((right_ - pad - x) / width_of("x"));
        const std::vector<std::string> note = lines_of(formula_of(at), std::max(letters, 8), 8);
        const double rows = static_cast<double>(note.size());
        const double height = std::max(made_.cell + 6, rows * line + 4);
        const double middle = y_ + height / 2;
        add_row(at, series::plain, grid_, middle - made_.cell / 2);
        write(grid_ - gap, middle + 4, name_of(at), lettering::name, true, flow_.label(at));
        double base = middle + 4 - (rows - 1) * line / 2;
        double end = grid_ + side_;
        for (const std::string& words : note) {
            write(x, base, words, lettering::note, false, flow_.definition(at));
            base += line;
            end = std::max(end, x + width_of(words));
        }
        mark_source(at, end, middle);
        y_ += height;
    }

    SEQUENT_COLD void place_selector(const flow_selector& placed) {
        const double block_top = y_;
        const double inner = left_ + 2 * pad;
        y_ += 18;
        std::string title = "head";
        if (placed.heads.size() > 1) title += "s";
        for (const flow_head& each : placed.heads)
            append_text(title, {&each == &placed.heads[0] ? " " : ", ", each.number});
        write(inner, y_, title, lettering::name);
        const double x = inner + width_of(title) + 12;
        const std::string whole = flow_.definition(placed.node);
        const int letters = static_cast<int>((right_ - 2 * pad - x) / width_of("x"));
        double base = y_;
        for (const std::string& words : lines_of(whole, std::max(letters, 8), 4)) {
            write(x, base, words, lettering::note, false, whole);
            y_ = base;
            base += line;
        }
        y_ += 12;

        for (const int at : values_of(placed)) place_above(at, series::value);
        for (const int at : placed.keys) place_above(at, series::key);
        if (placed.keys.empty()) place_above(-1, series::key);
        y_ += gap - 3;
        made_.grids.push_back({placed.node, grid_, y_});
        const double bottom = y_ + side_;
        place_queries(placed.queries, bottom);
        place_results(placed.results, bottom);
        const double lines = std::max(static_cast<double>(placed.queries.size()),
                                      2 * static_cast<double>(placed.results.size()));
        const double end = bottom + 6 + lines * line + 4;
        made_.blocks.push_back({left_ + pad, block_top, right_ - left_ - 2 * pad, end - block_top});
        y_ = end + 12;
    }

    SEQUENT_COLD void place_above(int at, series kind) {
        add_row(at, kind, grid_, y_);
        const double middle = y_ + made_.cell / 2;
        if (at >= 0) {
            const std::string name = name_of(at);
            write(grid_ - gap, middle + 4, name, lettering::name, true, flow_.label(at));
            mark_reader(at, grid_ - gap - width_of(name) - 3, middle);
        }
        y_ += step();
    }
    SEQUENT_COLD void place_queries(const std::vector<int>& queries, double bottom) {
        double x = grid_ - gap - columns_width(queries) + 3;
        if (queries.empty()) add_column(-1, series::query, x);
        double base = bottom + 6 + line - 3;
        for (const int at : queries) {
            add_column(at, series::query, x);
            const std::string name = name_of(at);
            const double end = x + made_.cell;
            if (base > bottom + 6 + line)
                made_.leaders.push_back({end - made_.cell / 2, bottom, 0, base - 9 - bottom});
            write(end, base, name, lettering::name, true, flow_.label(at));
            mark_reader(at, end - width_of(name) - 3, base - 4);
            x += step();
            base += line;
        }
    }
    SEQUENT_COLD void place_results(const std::vector<int>& results, double bottom) {
        double x = grid_ + side_ + gap;
        double base = bottom + 6 + 2 * line * static_cast<double>(results.size()) - line - 3;
        for (const int at : results) {
            add_column(at, series::result, x);
            if (base > bottom + 6 + line)
                made_.leaders.push_back({x + made_.cell / 2, bottom, 0, base - 9 - bottom});
            const std::string name = name_of(at);
            write(x, base, name, lettering::name, false, flow_.label(at));
            const std::string gathers = flow_.gathering(at);
            const int letters = static_cast<int>((right_ - pad - gap - x) / width_of("x"));
            write(x, base + line, elided(gathers, letters), lettering::note, false,
                  flow_.definition(at));
            mark_source(at, x + width_of(name), base - 4);
            x += step();
            base -= 2 * line;
        }
    }
    SEQUENT_COLD void add_row(int at, series kind, double x, double y) {
        made_.rows.push_back({at, kind, x, y, false});
    }
    /// Places a column beside the latest grid.
    SEQUENT_COLD void add_column(int at, series kind, double x) {
        made_.rows.push_back({at, kind, x, made_.grids.back().y, true});
    }

    void mark_source(int at, double x, double y) {
        sources_[static_cast<std::size_t>(at)] = {x + 4, y, right_, true};
    }
    SEQUENT_COLD void mark_reader(int at, double x, double y) {
        const source& from = sources_[static_cast<std::size_t>(at)];
        if (!from.known) return;
        placed_flow made{from.x, from.y, from.leaves, left_, x, y};
        const rasp::operation what = flow_.program()[at].what;
        made.is_input = what == rasp::operation::tokens || what == rasp::operation::indices;
        const int layer = flow_.layer_of(at);
        const auto lane_above = [&](int of) {
            return lane_tops_[static_cast<std::size_t>(row_of_[static_cast<std::size_t>(of)])] +
                   lane_height * static_cast<double>(place_in(lanes_of(of), at));
        };
        const bool is_next = are_in_one_row(layer, layer_) && layer_ - layer <= 1;
        if (!is_next) made.lane = lane_above(layer);
        if (!are_in_one_row(layer, layer_)) {
            made.last_lane = lane_above(layer_);
            made.bus = lane_height * static_cast<double>(place_in(buses_, at) + 1);
        }
        made_.flows.push_back(made);
    }
};

}  // namespace detail

/// The layout of a flow.
inline flow_layout layout_of(const flow& shown) {
    return detail::flow_placer(shown).place();
}

}  // namespace sequent::inline SEQUENT_ABI::draw
