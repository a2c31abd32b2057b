#pragma once

#include "reason.hpp"
#include "source.hpp"

/// Rules that are sums of linear maps of the relations that they read.

namespace sequent::inline SEQUENT_ABI::plan {

/// Returns true if the literal gives its whole value, and its arguments are variables and
/// constants. `moved`: arguments with an offset are allowed, because they are known to be within
/// their relations.
constexpr bool is_plain(const literal& item, bool moved = false) {
    if (!item.gives_value() || item.has_element) return false;
    for (int argument = 0; argument < item.arity; ++argument)
        if (item.terms[argument].offset && item.terms[argument].variable >= 0 && !moved)
            return false;
    return !is_view(item);
}

/// The reason that the rule is no sum of its literals, weighted or not, for each head separately,
/// which a matrix product with additions computes. Variables that are summed away must index a
/// weight.
template <sizes Sizes>
constexpr reason linear_sum_obstacle(const rule& rule, const source<Sizes>& source) {
    if (rule.literals > 1 && rule.combined != combination::sum)
        return reason::literals_are_not_added;
    if (changes_one(rule.combined)) return reason::literals_are_not_added;
    if (rule.aggregated != aggregation::sum) return reason::not_a_sum_over_rows;
    const unsigned head = rule.head_variables();
    unsigned mentioned = head;
    if (rule.recurs.loop >= 0) mentioned |= 1u << rule.recurs.time;
    for (const literal& item : source.body(rule)) {
        if (!item.gives_value()) continue;
        const unsigned in_relation = variables_in(item.terms, item.arity);
        const unsigned in_weight = variables_in(item.weight.terms, item.weight.arity);
        for (int argument = 0; argument < item.weight.arity; ++argument) {
            if (item.weight.terms[argument].second >= 0 ||
                (item.weight.terms[argument].offset && item.weight.terms[argument].variable >= 0))
                return reason::a_weight_is_moved;
        }
        const unsigned summed = ~head;
        if (((in_relation | in_weight) & summed) && rule.literals > 1)
            return reason::a_sum_in_a_sum;
        if ((in_relation & summed) != (in_weight & summed))
            return reason::a_summed_variable_without_a_weight;
        mentioned |= in_relation;
    }
    // The sum over a variable that nothing mentions multiplies by its extent.
    return mentioned == (1u << rule.variables.size()) - 1 ? reason::none
                                                          : reason::an_unmentioned_variable;
}

/// Returns true if a relation is a fact, or its atoms are chosen by their values.
template <sizes Sizes>
constexpr bool lists_pairs(int relation, const source<Sizes>& source) {
    for (const rule& definer : source.rules)
        if (definer.head == relation && !definer.chooses()) return false;
    return true;
}

/// Returns true if the rule is such a sum and nothing else.
template <sizes Sizes>
constexpr bool is_linear(const rule& rule, const source<Sizes>& source) {
    if (rule.condition >= 0 || rule.repeat) return false;
    for (const literal& item : source.body(rule))
        if (!is_plain(item) && !(item.hidden && lists_pairs(item.relation, source))) return false;
    return linear_sum_obstacle(rule, source) == reason::none;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
