#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text.hpp"

/// The layout of the picture of a flow, in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

/// The role of a series, which chooses its colour.
enum class series { plain, key, query, value, result };

/// A placed series: the values of an s-op at all positions, from left to right or downwards;
/// without a node, the numbers of the positions.
struct placed_series {
    int node = -1;
    series kind = series::plain;
    double x = 0;
    double y = 0;
    /// True if the values run downwards.
    bool down = false;
};
/// The placed grid of a selector: a row for each query, a column for each key.
struct placed_grid {
    int selector = -1;
    double x = 0;
    double y = 0;
};
/// The kinds of text, which choose its size.
enum class lettering { title, heading, name, note };
/// A placed text; `whole` is the full text of a shortened one.
struct placed_text {
    double x = 0;
    double y = 0;  ///< y of the baseline
    std::string words;
    lettering kind = lettering::name;
    /// True if the text is aligned to its right end.
    bool ends_at_x = false;
    std::string whole{};  ///< the full text, if `words` is shortened
};
/// A placed rectangle.
struct placed_box {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
};
/// The line from a series to a later layer that reads it. It passes above the layers between in a
/// lane of its source; to another row of layers, down a bus to the right of all layers.
struct placed_flow {
    double from_x = 0;
    double from_y = 0;
    double leaves = 0;
    double arrives = 0;
    double to_x = 0;
    double to_y = 0;
    double lane = 0;       ///< y of the lane; 0 between neighbouring layers
    double bus = 0;        ///< x of the bus; 0 within a row of layers
    double last_lane = 0;  ///< y of the lane above the row of the reader
    /// True if the series are the tokens or the indices, which most layers read.
    bool is_input = false;
};

/// Everything that a picture of a flow shows, with its place.
struct flow_layout {
    int shown = 0;    ///< number of positions that are shown
    double cell = 0;  ///< its side length
    double width = 0;
    double height = 0;
    /// Panels of the layers.
    std::vector<placed_box> panels;
    std::vector<placed_box> blocks;
    std::vector<placed_grid> grids;
    std::vector<placed_series> rows;
    std::vector<placed_text> texts;
    /// Lines from series to their readers.
    std::vector<placed_flow> flows;
    std::vector<placed_box> leaders;  ///< thin lines from a column to its label
};

/// The font size of a kind of text.
constexpr double size_of(lettering kind) {
    return kind == lettering::title ? 18 : kind == lettering::heading ? 13 : 11;
}
/// The width of a text in a monospaced font.
inline double width_of(std::string_view words, lettering kind = lettering::name) {
    return 0.603 * size_of(kind) * letters_in(words);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
