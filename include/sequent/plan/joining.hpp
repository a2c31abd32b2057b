#pragma once

#include "steps.hpp"

/// The row steps that compute the rows of several samples, or of several sequences, in one product.

namespace sequent::inline SEQUENT_ABI::plan {

/// The smallest number of weight elements for which this is faster.
inline constexpr long long least_joined_numbers = 1024;

/// Returns true if the products of a row step can take the rows of several samples: their weights
/// are common to all samples and have at least `least` elements.
constexpr bool is_joined(const row_step& step, long long least) {
    if (step.pairs >= 0 || step.condition >= 0 || step.is_outer) return false;
    long long size = 0;
    for (const row_term& term : step.terms) {
        if (term.moves()) return false;
        if (term.kind != term_kind::product) continue;
        if (term.w.at.where != place::parameter && term.w.at.where != place::prepared) return false;
        if ((term.x.row == 0 && step.rows > 1) || term.w.row != 0) return false;
        size += 1LL * term.depth * term.splits() * step.columns();
    }
    return size > 0 && size >= least;
}

/// Returns true if a step, which computes rows up to `lead` beyond the current one, can take the
/// current row of several sequences. It cannot if it computes further rows at the first position,
/// or if it reads values that each state has prepared for itself.
constexpr bool joins_sequences(const row_step& step, int lead, long long least) {
    for (const row_term& term : step.terms)
        if (term.kind == term_kind::product && term.w.at.where == place::prepared) return false;
    return lead == 0 && is_joined(step, least);
}

/// The joined steps of a plan.
struct joined_steps {
    long long weights = 0;  ///< elements of their weights in all layers
    int rows = 0;           ///< the greatest number of rows
    unsigned counts = 0;    ///< counts that limit these rows, one bit each
    bool ends = false;      ///< a recursion or a fixpoint ends elsewhere for each sample

    /// Returns true if samples of different counts can be run step by step.
    constexpr bool any() const { return rows > 0 && !ends; }
};
/// The joined steps of a plan whose weights have at least `least` elements.
template <class Tables>
constexpr joined_steps find_joined_steps(const Tables& tables, long long least) {
    joined_steps result;
    long long rounds = 1;
    for (const step& each : tables.steps) {
        result.ends = result.ends || each.end.any() || each.carried >= 0;
        if (each.kind == step_kind::repeat_begin && !each.recurs) rounds *= each.repeat;
        if (each.kind == step_kind::repeat_end && !each.recurs)
            rounds /= tables.steps[each.at].repeat;
        if (each.kind != step_kind::rows || each.prepared) continue;
        const row_step& row = tables.rows[each.at];
        if (!is_joined(row, least)) continue;
        for (const row_term& term : row.terms)
            if (term.kind == term_kind::product)
                result.weights += rounds * term.depth * term.splits() * row.columns();
        if (row.rows <= result.rows) continue;
        result.rows = row.rows;
        result.counts = row.counts;
    }
    return result;
}

/// Returns true if a plan has a recursion, whose times differ between sequences.
template <class Tables>
constexpr bool recurs(const Tables& tables) {
    for (const step& each : tables.steps)
        if (each.recurs) return true;
    return false;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
