#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>

#include "../joined_text.hpp"
#include "../number_text.hpp"
#include "flow_placer.hpp"
#include "svg.hpp"

/// The flow of a program as SVG.

namespace sequent::inline SEQUENT_ABI::draw {

namespace detail {

inline constexpr auto selected_colour = "#2563a8";
inline constexpr auto dark_colour = "#1f2933";
inline constexpr auto quiet_colour = "#7b8794";
inline constexpr auto line_colour = "#e4e7eb";
inline constexpr auto flow_colour = "#9fb3c8";
inline constexpr auto input_colour = "#d3dce6";

constexpr const char* colour_of(const placed_flow& of) {
    return of.is_input ? input_colour : flow_colour;
}

/// Colours that also differ in lightness, for colour-blind readers.
constexpr const char* colour_of(series kind) {
    constexpr const char* colours[]{"#ffffff", "#d6e6f6", "#fdebcf", "#e9ecef", "#d4eadf"};
    return colours[static_cast<int>(kind)];
}

SEQUENT_COLD inline std::string path_of(std::initializer_list<const char*> commands,
                                        std::initializer_list<double> numbers) {
    std::string result;
    auto number = numbers.begin();
    for (const char* command : commands) {
        for (; *command != 0; ++command)
            if (*command == '#')
                append_text(result, {svg::number(*number++), " "});
            else
                result += *command;
    }
    return result;
}

SEQUENT_COLD inline void add_series(svg& to, const flow& shown, const flow_layout& layout,
                                    const placed_series& placed) {
    const double cell = layout.cell;
    const double side = cell * layout.shown;
    const double width = placed.down ? cell : side;
    const double height = placed.down ? side : cell;
    const bool is_output = placed.node == shown.output();
    if (placed.node >= 0) {
        to.rectangle(placed.x, placed.y, width, height, colour_of(placed.kind));
        std::string lines;
        for (int at = 1; at < layout.shown; ++at)
            lines += placed.down ? path_of({"M# #h#"}, {placed.x, placed.y + at * cell, cell})
                                 : path_of({"M# #v#"}, {placed.x + at * cell, placed.y, cell});
        to.line(lines, is_output || placed.kind != series::plain ? "#ffffff" : line_colour, 1);
        to.rounded(placed.x, placed.y, width, height, 2, "none",
                   is_output ? selected_colour : "#c3ccd6", is_output ? 2 : 1);
    }
    for (int at = 0; at < layout.shown; ++at) {
        const std::string text = placed.node >= 0 ? shown.text(placed.node, at) : joined_text({at});
        if (text.empty()) continue;
        constexpr double smallest = 6;
        constexpr double letter = 0.58;
        const double room = cell - 3;
        const int fitting = static_cast<int>(room / (letter * smallest));
        std::string words = text;
        if (letters_in(text) > fitting && placed.node >= 0 &&
            rasp::is_number(shown.values()(placed.node, at).kind())) {
            words = number_text(shown.values()(placed.node, at).number().as_double(), 3);
        }
        words = elided(words, std::max(fitting, 1));
        const double size =
            std::min({0.55 * cell, 12.0, room / (letter * std::max(letters_in(words), 1))});
        const double x = placed.x + cell / 2 + (placed.down ? 0 : at * cell);
        const double y = placed.y + cell / 2 + (placed.down ? at * cell : 0) + 0.36 * size;
        to.text(x, y, words, size, placed.node >= 0 ? dark_colour : quiet_colour, "",
                words == text ? "" : text);
    }
}

SEQUENT_COLD inline void add_grid(svg& to, const flow& shown, const flow_layout& layout,
                                  const placed_grid& placed) {
    const double cell = layout.cell;
    const double side = cell * layout.shown;
    to.rectangle(placed.x, placed.y, side, side, "#f5f7fa");
    std::string lines;
    std::string cells;
    for (int row = 0; row < layout.shown; ++row) {
        if (row > 0) {
            lines += path_of({"M# #h#"}, {placed.x, placed.y + row * cell, side});
            lines += path_of({"M# #v#"}, {placed.x + row * cell, placed.y, side});
        }
        for (int column = 0; column < layout.shown; ++column)
            if (shown.values().selects(placed.selector, row, column))
                cells += path_of({"M# #h#v#h#z"},
                                 {placed.x + column * cell + 1, placed.y + row * cell + 1, cell - 2,
                                  cell - 2, 2 - cell});
    }
    to.line(lines, line_colour, 1);
    to.path(cells, selected_colour);
    to.rounded(placed.x, placed.y, side, side, 2, "none", "#c3ccd6");
}

SEQUENT_COLD inline void add_flow(svg& to, const placed_flow& placed) {
    constexpr double bend = 40;
    const auto bent = [](double x, double from, double until) {
        return path_of({"C# # # # # #"},
                       {x + 0.6 * bend, from, x + 0.4 * bend, until, x + bend, until});
    };
    std::string data = path_of({"M# #H#"}, {placed.from_x, placed.from_y, placed.leaves});
    if (placed.bus > 0) {
        data += bent(placed.leaves, placed.from_y, placed.lane);
        data += path_of(
            {"H#V#H#C# # # # # #"},
            {placed.bus, placed.last_lane, placed.arrives - bend / 2, placed.arrives - 1.2 * bend,
             placed.last_lane, placed.arrives - bend, placed.to_y, placed.arrives, placed.to_y});
    } else if (placed.lane > 0) {
        data += bent(placed.leaves, placed.from_y, placed.lane);
        data += path_of({"H#"}, {placed.arrives - bend});
        data += bent(placed.arrives - bend, placed.lane, placed.to_y);
    } else {
        data += bent(placed.leaves, placed.from_y, placed.to_y);
    }
    to.line(data + path_of({"H#"}, {placed.arrives}), colour_of(placed), 1.4);
}

SEQUENT_COLD inline void add_legend(svg& to, const flow_layout& layout) {
    struct entry {
        const char* colour;
        const char* words;
        const char* outline = "#c3ccd6";
    };
    const entry entries[]{{colour_of(series::key), "keys (columns)"},
                          {colour_of(series::query), "queries (rows)"},
                          {selected_colour, "selected"},
                          {colour_of(series::value), "values"},
                          {colour_of(series::result), "gathered from the selected columns"},
                          {"#ffffff", "output", selected_colour}};
    double x = 24;
    const double y = layout.height - 24;
    for (const entry& each : entries) {
        to.rounded(x, y - 10, 12, 12, 2, each.colour, each.outline);
        to.text(x + 18, y, each.words, 11, dark_colour);
        x += 18 + 5.5 * letters_in(each.words) + 16;
    }
}

}  // namespace detail

/// The SVG picture of a flow.
SEQUENT_COLD inline svg picture_of(const flow& shown) {
    const flow_layout layout = layout_of(shown);
    svg result(layout.width, layout.height);
    result.rectangle(0, 0, layout.width, layout.height, "#ffffff");
    // Lines of the input, which are many, are behind the others.
    for (const bool is_input : {true, false})
        for (const placed_flow& each : layout.flows)
            if (each.is_input == is_input) detail::add_flow(result, each);
    for (const placed_box& each : layout.panels)
        result.rounded(each.x, each.y, each.width, each.height, 8, "#f8f9fb", detail::line_colour);
    for (const placed_box& each : layout.blocks)
        result.rounded(each.x, each.y, each.width, each.height, 6, "#ffffff", detail::line_colour);
    for (const placed_flow& each : layout.flows) {
        result.line(detail::path_of({"M# #H#M# #H#"}, {each.from_x, each.from_y, each.leaves,
                                                       each.arrives, each.to_y, each.to_x - 5}),
                    detail::colour_of(each), 1.4);
        result.path(detail::path_of({"M# #l-6 -3v6z"}, {each.to_x, each.to_y}),
                    detail::colour_of(each));
    }
    for (const placed_grid& each : layout.grids) detail::add_grid(result, shown, layout, each);
    result.begin_group("text-anchor=\"middle\"");
    for (const placed_series& each : layout.rows) detail::add_series(result, shown, layout, each);
    result.end_group();
    for (const placed_box& each : layout.leaders)
        result.line(detail::path_of({"M# #v#"}, {each.x, each.y, each.height}),
                    detail::quiet_colour, 0.8);
    result.begin_group(
        "font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\"");
    for (const placed_text& each : layout.texts) {
        std::string more = each.ends_at_x ? "text-anchor=\"end\"" : "";
        if (each.kind == lettering::title || each.kind == lettering::heading)
            more += " font-weight=\"bold\"";
        result.text(each.x, each.y, each.words, size_of(each.kind),
                    each.kind == lettering::note ? detail::quiet_colour : detail::dark_colour, more,
                    each.whole);
    }
    result.end_group();
    detail::add_legend(result, layout);
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::draw
