#pragma once

#include "space_builder.hpp"
#include "steps.hpp"

/// Running aggregates: general steps in which each row adds one value to the row before, such as a
/// sum, mean, maximum or minimum over j <= i of values that do not depend on i.

namespace sequent::inline SEQUENT_ABI::plan {

/// Returns true if the values that a general step aggregates do not depend on `row`, the
/// aggregation takes them one by one, and `over` is the only variable that it aggregates over.
template <class Pool>
constexpr bool adds_to_rows(const Pool& pool, const general_step& general, int row, int over) {
    const unsigned moved = 1u << row;
    const bool adds =
        general.aggregated == aggregation::sum || general.aggregated == aggregation::count;
    const bool picks =
        general.aggregated == aggregation::max || general.aggregated == aggregation::min;
    if (general.joins.size() > 0 || general.listed.decision >= 0 ||
        general.variables != general.heads + 1 || general.order[general.heads] != over ||
        !(adds || picks || general.aggregated == aggregation::mean))
        return false;
    for (const general_literal& item : general.literals) {
        const bool requires_only = item.required_nonzero || item.required_zero;
        if (item.strides[row] || item.weight_strides[row] || item.limits[row] ||
            (item.has_element && item.element.variable == row) ||
            (pool.variables(item.expression) & moved) || (requires_only && !adds))
            return false;
    }
    for (const general_function& function : general.functions)
        if (function.weight_strides[0][row] || function.weight_strides[1][row] ||
            function.kind == transformation::dropout || (pool.variables(function.position) & moved))
            return false;
    return true;
}

/// Sets the running aggregate of a general step whose condition is `over <= row + c` with c <= 0,
/// apart from counts that limit either variable.
template <class Pool>
constexpr void find_running(Pool& pool, general_step& general) {
    if (general.time >= 0 || general.out_join >= 0 || general.heads == 0 ||
        general.variables != general.heads + 1 || general.condition < 0)
        return;
    const int over = general.order[general.heads];
    for (int place = 0; place < general.heads; ++place) {
        const int row = general.order[place];
        if (!adds_to_rows(pool, general, row, over)) continue;
        int rest = -1;
        unsigned rows = 0;
        unsigned values = 0;
        pool.each_conjunct(general.condition, [&](int part) {
            const unsigned above_row = counts_above(pool, part, row);
            const unsigned above_value = counts_above(pool, part, over);
            rows |= above_row;
            values |= above_value;
            if (above_row == 0 && above_value == 0) rest = pool.both(rest, part);
        });
        if (rest < 0 || (pool.variables(rest) & ~(1u << row | 1u << over))) continue;
        const space where = make_space(pool.nodes, rest, row, over);
        if (!where.exact || where.pieces.size() != 1) continue;
        const piece& part = where.pieces[0];
        if (part.modulus != 1 || part.row_modulus != 1 || part.row_lower.size() != 0 ||
            part.row_upper.size() != 0 || part.lower.size() != 0 || part.upper.size() != 1)
            continue;
        const bound& end = part.upper[0];
        if (!end.is_static() || end.multiplier != 1 || end.factor != 1 || end.divisor != 1)
            continue;
        const int ahead = end.shift + end.offset - 1;
        if (ahead > 0) continue;
        general.running = {over, -ahead, ahead, true};
        general.running_row = row;
        general.running_rows = rows;
        general.running_values = values;
        return;
    }
}

}  // namespace sequent::inline SEQUENT_ABI::plan
