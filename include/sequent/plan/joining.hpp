#pragma once

#include "steps.hpp"

/// Which steps of a plan take the rows of several samples, or of several sequences, at once.

namespace sequent::inline SEQUENT_ABI::plan {

/// How many numbers the weights of a step have that is worth it.
inline constexpr long long least_joined_numbers = 1024;

/// Whether the products of a row step take the rows of several samples: their weights are the same
/// numbers for all samples.
constexpr bool is_joined(const row_step& step, long long least) {
    if (step.pairs >= 0 || step.condition >= 0 || step.is_outer) return false;
    long long size = 0;
    for (const row_term& term : step.terms) {
        if (term.window.any()) return false;
        if (term.kind != term_kind::product) continue;
        if (term.w.at.where != place::parameter && term.w.at.where != place::prepared) return false;
        if ((term.x.row == 0 && step.rows > 1) || term.w.row != 0) return false;
        size += 1LL * term.depth * term.splits * step.columns();
    }
    return size > 0 && size >= least;
}

/// Whether a step whose rows are `lead` beyond those at hand takes the row at hand of several
/// sequences: not where it computes rows beyond that at the first position, nor where it reads what
/// each state has prepared for itself.
constexpr bool joins_sequences(const row_step& step, int lead, long long least) {
    for (const row_term& term : step.terms)
        if (term.kind == term_kind::product && term.w.at.where == place::prepared) return false;
    return lead == 0 && is_joined(step, least);
}

/// The joined steps of a plan: the numbers of their weights, in all layers, the most rows, and the
/// counts that limit these; and whether counts end a recursion, which then has other rounds for
/// each sample.
struct joined_steps {
    long long weights = 0;
    int rows = 0;
    unsigned counts = 0;
    bool ends = false;

    /// Returns true if samples of different counts can be run step by step.
    constexpr bool any() const { return rows > 0 && !ends; }
};
template <class Tables>
constexpr joined_steps find_joined_steps(const Tables& tables, long long least) {
    joined_steps result;
    long long rounds = 1;
    for (const step& each : tables.steps) {
        result.ends = result.ends || each.end.any();
        if (each.kind == step_kind::repeat_begin && !each.recurs) rounds *= each.repeat;
        if (each.kind == step_kind::repeat_end && !each.recurs)
            rounds /= tables.steps[each.at].repeat;
        if (each.kind != step_kind::rows || each.prepared) continue;
        const row_step& row = tables.rows[each.at];
        if (!is_joined(row, least)) continue;
        for (const row_term& term : row.terms)
            if (term.kind == term_kind::product)
                result.weights += rounds * term.depth * term.splits * row.columns();
        if (row.rows <= result.rows) continue;
        result.rows = row.rows;
        result.counts = row.counts;
    }
    return result;
}

/// Whether a plan repeats steps over the times of a recursion, of which each sequence has others.
template <class Tables>
constexpr bool recurs(const Tables& tables) {
    for (const step& each : tables.steps)
        if (each.recurs) return true;
    return false;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
