#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text.hpp"

/// Where everything stands in the picture of a program's flow, in pixels.

namespace sequent::inline SEQUENT_ABI::draw {

enum class series { plain, key, query, value, result };

/// An s-op's values at the positions, from left to right or downwards. Without a node, the
/// positions' numbers.
struct placed_series {
    int node = -1;
    series kind = series::plain;
    double x = 0;
    double y = 0;
    bool down = false;
};
/// A selector's cells: a row for each query, a column for each key.
struct placed_grid {
    int selector = -1;
    double x = 0;
    double y = 0;
};
enum class lettering { title, heading, name, note };
struct placed_text {
    double x = 0;
    double y = 0;  // of the base line
    std::string words;
    lettering kind = lettering::name;
    bool ends_at_x = false;
    std::string whole{};  // where the words are not all
};
struct placed_box {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
};
/// From where a series stands to where a later layer reads it. Where there are layers between, the
/// flow passes above them in a lane of its source.
struct placed_flow {
    double from_x = 0;
    double from_y = 0;
    double leaves = 0;
    double arrives = 0;
    double to_x = 0;
    double to_y = 0;
    double lane = 0;  // its height; 0 from one layer to the next
};

struct flow_layout {
    int shown = 0;    // positions
    double cell = 0;  // its side
    double width = 0;
    double height = 0;
    std::vector<placed_box> panels;
    std::vector<placed_box> blocks;
    std::vector<placed_grid> grids;
    std::vector<placed_series> rows;
    std::vector<placed_text> texts;
    std::vector<placed_flow> flows;
    std::vector<placed_box> leaders;  // thin lines from a column to its label
};

/// How wide letters of one width are, of the size that a kind of lettering has.
constexpr double size_of(lettering kind) {
    return kind == lettering::title ? 18 : kind == lettering::heading ? 13 : 11;
}
inline double width_of(std::string_view words, lettering kind = lettering::name) {
    return 0.603 * size_of(kind) * letters_in(words);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
