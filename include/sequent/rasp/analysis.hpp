#pragma once

#include <algorithm>
#include <array>

#include "graph.hpp"

/// How many layers and heads a transformer for a program needs (arXiv 2106.06981, section 4), and
/// which of them computes what. All of it can stand in a static_assert.

namespace sequent::inline SEQUENT_ABI::rasp {

/// What a head looks at. selector_width without a beginning-of-sequence token takes two of them:
/// the selector with position 0 joined to it, and position 0 where it is selected.
/// first_of and last_of prefer early and late positions, max_of and min_of great and small values.
enum class focus {
    selected,
    selected_or_first,
    selected_and_first,
    first_selected,
    last_selected,
    highest_selected,
    lowest_selected
};

/// What the head of first_of, last_of, max_of or min_of looks at.
constexpr focus focus_of_choice(operation what) noexcept {
    return static_cast<focus>(static_cast<int>(focus::first_selected) + static_cast<int>(what) -
                              static_cast<int>(operation::first));
}

struct head {
    int layer = 0;
    int selector = -1;
    focus at = focus::selected;
    int preferred = -1;  // the values of which the highest or lowest is selected

    friend constexpr bool operator==(const head&, const head&) = default;
};

inline constexpr int max_heads = 128;

struct program_analysis {
    int layers = 0;
    int heads = 0;  // of the layer with the most

    /// From which layer on a node's value, or a selector, is known: 0 is the embedding.
    std::array<int, max_nodes> layer_of{};
    /// All heads, layer by layer.
    plan::list<head, max_heads> all_heads{};

    constexpr int heads_in(int layer) const {
        int count = 0;
        for (const head& each : all_heads) count += each.layer == layer ? 1 : 0;
        return count;
    }
};

SEQUENT_COLD constexpr program_analysis analyse(const graph& program) {
    program_analysis result;
    plan::list<head, max_heads> found;
    const auto needs = [&found](const head& wanted) {
        for (const head& each : found)
            if (each == wanted) return;
        found.push(wanted);
    };
    for (int at = 0; at < program.size(); ++at) {
        const node& made = program[at];
        int& layer = result.layer_of[static_cast<std::size_t>(at)];
        const auto layer_of = [&](int argument) {
            const int from = made.arguments[argument];
            return from < 0 ? 0 : result.layer_of[static_cast<std::size_t>(from)];
        };
        layer = std::max({layer_of(0), layer_of(1), layer_of(2)});
        if (is_comparison(made.what)) ++layer;
        if (!gathers(made.what)) continue;
        // A selector's own layer is the first in which a head can have it.
        layer = made.arguments[1] < 0 ? layer_of(0) : std::max(layer_of(0), layer_of(1) + 1);
        const int selector = made.arguments[0];
        if (made.what == operation::width) {
            needs({layer, selector, focus::selected_or_first});
            needs({layer, selector, focus::selected_and_first});
        } else if (made.what == operation::width_with_bos) {
            needs({layer, selector, focus::selected_or_first});
        } else if (made.what == operation::sum || made.what == operation::aggregate) {
            needs({layer, selector, focus::selected});
        } else {
            const focus at_focus = focus_of_choice(made.what);
            needs({layer, selector, at_focus,
                   at_focus >= focus::highest_selected ? made.arguments[1] : -1});
        }
    }
    for (const int layer : result.layer_of) result.layers = std::max(result.layers, layer);
    for (int layer = 1; layer <= result.layers; ++layer) {
        for (const head& each : found)
            if (each.layer == layer) result.all_heads.push(each);
        result.heads = std::max(result.heads, result.heads_in(layer));
    }
    return result;
}

/// The analysis of a program. With identity::line, equal selectors count once only if they are
/// written in one line, which comes close to the original's count: it tells them apart as objects.
template <const auto& Program, identity Same = identity::structure>
inline constexpr program_analysis analysis = analyse(graph_of<Program, Same>);

template <const auto& Program>
inline constexpr int layers = analysis<Program>.layers;
/// In the layer with the most.
template <const auto& Program, identity Same = identity::structure>
inline constexpr int heads = analysis<Program, Same>.heads;
/// Layer by layer.
template <const auto& Program, identity Same = identity::structure>
inline constexpr auto heads_per_layer = [] {
    std::array<int, static_cast<std::size_t>(layers<Program>)> result{};
    for (int layer = 1; layer <= layers<Program>; ++layer)
        result[static_cast<std::size_t>(layer - 1)] = analysis<Program, Same>.heads_in(layer);
    return result;
}();

}  // namespace sequent::inline SEQUENT_ABI::rasp
