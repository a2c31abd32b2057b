#pragma once

#include <algorithm>
#include <array>

#include "missing.hpp"

/// The number of layers and heads that a transformer needs for a program (arXiv 2106.06981, section
/// 4), and what each computes. All of it can be used in a static_assert.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The positions that a head attends to. selector_width without a beginning-of-sequence token takes
/// two heads: one for the selected positions and position 0, one for position 0 if it is selected.
/// The heads of first_of and last_of prefer early and late positions, those of max_of and min_of
/// great and small values.
enum class focus {
    selected,
    selected_or_first,
    selected_and_first,
    first_selected,
    last_selected,
    highest_selected,
    lowest_selected
};

/// The focus of the head of first_of, last_of, max_of or min_of.
constexpr focus focus_of_choice(operation what) noexcept {
    return static_cast<focus>(static_cast<int>(focus::first_selected) + static_cast<int>(what) -
                              static_cast<int>(operation::first));
}

/// An attention head: the selector it follows, in a layer from 1 on.
struct head {
    /// The layer, from 1.
    int layer = 0;
    /// The node of the selector.
    int selector = -1;
    /// The positions attended to.
    focus at = focus::selected;
    int preferred = -1;  ///< node of the values of which the highest or lowest is selected

    /// Equality of all members.
    friend constexpr bool operator==(const head&, const head&) = default;
};

/// Largest number of heads of a program.
inline constexpr int max_heads = 128;

/// The layers and heads of a program.
struct program_analysis {
    /// Number of layers.
    int layers = 0;
    int heads = 0;  ///< number of heads of the layer with the most

    /// The layer from which on a node's value, or a selector, is available; 0 is the embedding.
    std::array<int, max_nodes> layer_of{};
    /// All heads, layer by layer.
    plan::list<head, max_heads> all_heads{};

    /// The number of heads of a layer.
    constexpr int heads_in(int layer) const {
        int count = 0;
        for (const head& each : all_heads) count += each.layer == layer ? 1 : 0;
        return count;
    }
};

/// Computes the analysis of a program.
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
        // The layer of a selector is the first in which a head can use it.
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
/// written in the same line; this comes close to the count of the original implementation, which
/// distinguishes selectors as objects.
template <const auto& Program, identity Same = identity::structure>
inline constexpr program_analysis analysis = analyse(graph_of<Program, Same>);

namespace detail {
template <const auto& Program, identity Same>
inline constexpr program_analysis analysis_of_split = analyse(split_program<Program, Same>);

/// The analysis of the program as it is compiled: what is missing may need heads of its own.
template <const auto& Program, identity Same = identity::structure>
consteval const program_analysis& analysis_of_compilable() {
    if constexpr (has_missing(graph_of<Program, Same>))
        return analysis_of_split<Program, Same>;
    else
        return analysis<Program, Same>;
}
}  // namespace detail

/// The number of layers of a program.
template <const auto& Program>
inline constexpr int layers = detail::analysis_of_compilable<Program>().layers;
/// The number of heads of the layer with the most. Where a value may be missing, a head may be
/// needed that tells whether any is selected.
template <const auto& Program, identity Same = identity::structure>
inline constexpr int heads = detail::analysis_of_compilable<Program, Same>().heads;
/// The number of heads of each layer.
template <const auto& Program, identity Same = identity::structure>
inline constexpr auto heads_per_layer = [] {
    std::array<int, static_cast<std::size_t>(layers<Program>)> result{};
    for (int layer = 1; layer <= layers<Program>; ++layer)
        result[static_cast<std::size_t>(layer - 1)] =
            detail::analysis_of_compilable<Program, Same>().heads_in(layer);
    return result;
}();

}  // namespace sequent::inline SEQUENT_ABI::rasp
