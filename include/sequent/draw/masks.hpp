#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "../model.hpp"
#include "../number_text.hpp"
#include "svg.hpp"

/// Pictures of masks, drawn from the conditions of the rules.

namespace sequent::inline SEQUENT_ABI::draw {

/// The pairs (row, column) that an attention step computes, for all indices of its outer loops,
/// mostly heads, that have the same pairs.
struct mask {
    std::string relation;     ///< the relation that the step computes
    std::vector<int> rounds;  ///< numbers of the heads with this mask
    /// Number of rows.
    int rows = 0;
    /// Number of columns.
    int columns = 0;
    std::vector<bool> kept;  ///< row by row

    /// The number of pairs.
    long long pairs() const { return std::count(kept.begin(), kept.end(), true); }
    /// True if the pair is computed.
    bool operator()(int row, int column) const {
        return kept[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                    static_cast<std::size_t>(column)];
    }
};

namespace detail {

template <class Model, int At, class T>
SEQUENT_COLD void add_masks(const model_detail::bindings<T>& bound, std::vector<mask>& all) {
    using plan_type = typename Model::plan;
    constexpr plan::step step = plan_type::template step_at<At>;
    if constexpr (step.kind == plan::step_kind::attention) {
        constexpr plan::attention_step attention = plan_type::template attention_at<step.at>;
        constexpr plan::name id =
            plan_type::shapes.text.relations[plan_type::shapes.text.rules[step.rule].head].id;
        const std::size_t first = all.size();
        int round = 0;
        model_detail::each_outer(attention.outer_extents, [&](int one, int two, int three) {
            mask made;
            made.relation.assign(id.text, static_cast<std::size_t>(id.length));
            made.rows = attention.rows;
            made.columns = attention.columns;
            made.rounds = {round++};
            int index[plan::max_variables]{};
            const int outer[]{one, two, three};
            for (int at = 0; at < attention.outers; ++at)
                index[attention.outer_variables[at]] = outer[at];
            for (int row = 0; row < attention.rows; ++row)
                for (int column = 0; column < attention.columns; ++column) {
                    if (attention.row_variable >= 0) index[attention.row_variable] = row;
                    index[attention.column_variable] = column;
                    bool holds = true;
                    if constexpr (attention.condition >= 0)
                        holds = model_detail::evaluate_node<plan_type, attention.condition>(
                                    bound, index) != 0;
                    made.kept.push_back(holds);
                }
            for (std::size_t at = first; at < all.size(); ++at)
                if (all[at].kept == made.kept) {
                    all[at].rounds.push_back(made.rounds[0]);
                    return;
                }
            all.push_back(made);
        });
    }
}

}  // namespace detail

/// The masks of the attention steps of a model, in their order. Give the facts if conditions depend
/// on data that is known at run time.
template <class Model, class T = float>
SEQUENT_COLD std::vector<mask> masks_of(const typename Model::template facts<T>* given = nullptr) {
    using plan_type = typename Model::plan;
    static constexpr int unknown[model_detail::count_given<plan_type>()]{};
    model_detail::bindings<T> bound;
    bound.counts = given ? given->counts : unknown;
    if (given)
        for (int at = 0; at < Model::facts_list::capacity(); ++at)
            bound.pairs[at] = given->pairs(at);
    std::vector<mask> result;
    kernel::unroll<plan_type::tables.steps.size()>(
        [&](auto index) { detail::add_masks<Model, decltype(index)::value>(bound, result); });
    return result;
}

/// A caption: "weights, heads 0 2".
SEQUENT_COLD inline std::string title_of(const mask& shown) {
    std::string result = shown.relation;
    if (shown.rounds.size() > 1 || shown.rounds[0] > 0)
        result += shown.rounds.size() > 1 ? ", heads" : ", head";
    else
        return result;
    for (const int round : shown.rounds) result += " " + std::to_string(round);
    return result;
}

/// A picture of masks side by side, each with its title and the number of pairs it keeps. Row i is
/// the position that attends, column j the position attended to. `titles` replace the default
/// titles in order.
SEQUENT_COLD inline svg picture_of(const std::vector<mask>& masks,
                                   const std::vector<std::string>& titles = {}) {
    constexpr double side = 220;  ///< of a mask; cells of all masks have equal sides
    constexpr double gap = 36;
    constexpr double caption = 44;
    constexpr int across = 4;
    constexpr auto dark = "#1f2933";
    constexpr auto quiet = "#7b8794";
    const int count = static_cast<int>(masks.size());
    const int lines = (count + across - 1) / across;
    svg result(gap + std::min(count, across) * (side + gap),
               gap / 2 + lines * (side + caption + gap));
    for (int at = 0; at < count; ++at) {
        const mask& shown = masks[static_cast<std::size_t>(at)];
        const double x = gap + at % across * (side + gap);
        const double y = caption + at / across * (side + caption + gap);
        const double cell = side / std::max({shown.rows, shown.columns, 1});
        const std::string title = static_cast<std::size_t>(at) < titles.size()
                                      ? titles[static_cast<std::size_t>(at)]
                                      : title_of(shown);
        const double all = static_cast<double>(shown.rows) * shown.columns;
        const std::string figures =
            std::to_string(shown.pairs()) + " of " + fixed_text(all, 0) + " pairs, " +
            fixed_text(100 * static_cast<double>(shown.pairs()) / all, 1) + " %";
        result.text(x, y - 24, title, 14, dark);
        result.text(x, y - 8, figures, 11, quiet);
        result.text(x - 12, y + 10, "i", 11, quiet, "font-style=\"italic\"");
        result.text(x + cell * shown.columns - 6, y + cell * shown.rows + 14, "j", 11, quiet,
                    "font-style=\"italic\"");
        result.rectangle(x, y, cell * shown.columns, cell * shown.rows, "#e4e7eb");
        // One rectangle for each run of cells in a row.
        std::string cells;
        for (int row = 0; row < shown.rows; ++row)
            for (int column = 0; column < shown.columns; ++column) {
                if (!shown(row, column)) continue;
                const int begin = column;
                while (column < shown.columns && shown(row, column)) ++column;
                const auto add = [&cells](char command, double length) {
                    cells += command;
                    cells += svg::number(length);
                };
                add('M', x + begin * cell);
                add(' ', y + row * cell);
                add('h', (column - begin) * cell);
                add('v', cell);
                add('h', (begin - column) * cell);
                cells += 'z';
            }
        result.path(cells, "#2563a8");
    }
    return result;
}

/// Draws the masks of all attention steps of a model to an SVG file. Throws io::error if it cannot
/// be written.
template <class Model>
void masks(const std::string& path) {
    write(picture_of(masks_of<Model>()), path);
}
/// The same, with the facts on which the masks depend.
template <class Model, class T>
void masks(const std::string& path, const typename Model::template facts<T>& given) {
    write(picture_of(masks_of<Model, T>(&given)), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
