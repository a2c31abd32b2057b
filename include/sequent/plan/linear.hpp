#pragma once

#include "draft.hpp"

/// Recognises rules that row steps compute: sums of weighted literals for each head, which are
/// matrix products, with the terms and functions that can be applied to a row as soon as
/// it is computed.

namespace sequent::inline SEQUENT_ABI::plan {

/// The loops of a row step over the variables of its rule and of the rules inlined into it.
struct axes {
    int row = -1;                       ///< the variable of the rows
    int segment = -1;                   ///< the variable of the segments of a row
    list<int, max_variables> outers{};  ///< the variables of the outer loops
    int pairs = -1;        ///< the sparse fact whose pairs are the rows, in place of `row`
    int pair_row = -1;     ///< the variable of the first index of a pair
    int pair_column = -1;  ///< the variable of the second index of a pair

    /// Returns true if the terms of a relation are the pair.
    constexpr bool is_pair(const pair_place& of, const term* terms) const {
        return pairs >= 0 && of.fact == pairs && !of.all &&
               terms[of.axes[0]] == term{pair_row, 0} && terms[of.axes[1]] == term{pair_column, 0};
    }
    /// Returns true if the variable is an index of the pair.
    constexpr bool in_pair(int variable) const {
        return pairs >= 0 && (variable == pair_row || variable == pair_column);
    }
};

/// The pairs for which a rule has atoms, in `pairs`, `pair_row` and `pair_column`.
template <class Draft>
constexpr axes pairs_of_rule(const Draft& draft, int at) {
    axes result;
    const rule& written = draft.rule_of(at);
    const pair_place found = draft.pairs_of(written.head);
    result.pairs = found.fact;
    if (!found.any()) return result;
    result.pair_row = written.terms[found.axes[0]].variable;
    result.pair_column = written.terms[found.axes[1]].variable;
    return result;
}

/// Returns true if all pairs that the fact may hold lie within the extents of the rule's variables.
template <class Draft>
constexpr bool holds_all_pairs(const Draft& draft, const rule& written, const axes& pairs) {
    if (pairs.pairs < 0) return true;
    const fact_shape& given = draft.in.facts[pairs.pairs];
    return written.variables[pairs.pair_row].extent >= given.extents[0] &&
           written.variables[pairs.pair_column].extent >= given.extents[1];
}

/// Returns true if a condition has a predicate or a sparse fact, whose pairs only general loops
/// visit.
template <class Pool>
constexpr bool asks_for_pairs(const Pool& pool, int root) {
    if (root < 0) return false;
    const node& top = pool.nodes[root];
    return top.kind == node_kind::decision || top.kind == node_kind::pair ||
           asks_for_pairs(pool, top.left) || asks_for_pairs(pool, top.right);
}

/// The reason that a row step cannot leave out the atoms that do not exist; none for a condition on
/// the indices of rows and outer loops only.
template <class Draft>
constexpr reason row_condition_obstacle(const Draft& draft, int at, const axes& pairs) {
    const auto& pool = draft.out.pool;
    const int root = draft.conditions.condition[at];
    if (pool.variables(root) & ~draft.rule_of(at).head_variables())
        return reason::a_condition_on_summed_variables;
    if (pairs.pairs < 0 && asks_for_pairs(pool, root)) return reason::a_condition_that_lists_pairs;
    // Counts above the time of a recursion end its rounds, or are left to the general loops.
    const recurrence& recurs = draft.rule_of(at).recurs;
    if (recurs.loop >= 0 && ((pool.variables(root) >> recurs.time) & 1u))
        return reason::a_condition_on_the_time_of_a_recursion;
    return reason::none;
}

/// Returns true if the literal is a sparse fact without a value, a condition only.
template <class Draft>
constexpr bool is_sparse_condition(const Draft& draft, const literal& item) {
    return draft.is_sparse(item) && !item.gives_value();
}

/// Returns true if the literal reads a symbol.
template <class Draft>
constexpr bool is_symbol(const Draft& draft, const literal& item) {
    return item.kind == literal_kind::relation && draft.in.relations[item.relation].classes > 0;
}

/// Returns true if the arguments of the literal, some of which may be a pair, have a stride per
/// row.
template <class Draft>
constexpr bool fits_pairs(const Draft& draft, const axes& pairs, const literal& item,
                          bool weighted) {
    const bool relation = item.kind == literal_kind::relation;
    const pair_place of = relation ? draft.pairs_of(item.relation) : pair_place{};
    const term* terms = relation ? item.terms : item.weight.terms;
    const int arity = relation ? item.arity : item.weight.arity;
    if (of.any() && !pairs.is_pair(of, terms)) return false;
    bool row = false;
    bool column = false;
    for (int axis = 0; axis < arity; ++axis) {
        if (of.has(axis)) continue;
        row = row || (pairs.pairs >= 0 && terms[axis].variable == pairs.pair_row);
        column = column || (pairs.pairs >= 0 && terms[axis].variable == pairs.pair_column);
    }
    if ((row && column) || (of.any() && (row || column))) return false;
    if (!weighted) return true;
    // One index may select the weight; the pairs that share it are rows of one product.
    int weighs = -1;
    for (int axis = 0; axis < item.weight.arity; ++axis) {
        const int variable = item.weight.terms[axis].variable;
        if (!pairs.in_pair(variable)) continue;
        if (weighs >= 0 && weighs != variable) return false;
        weighs = variable;
    }
    return weighs >= 0 ? !is_symbol(draft, item) : !row && !column;
}

/// Returns true if the transformation does not change the shape of a row.
constexpr bool keeps_rows(transformation kind) {
    return kind != transformation::slice && kind != transformation::reshape;
}

/// Returns true if the aggregation adds: true of sum and, where nothing is aggregated, of all that
/// leave a single value as it is.
template <class Draft>
constexpr bool adds(const Draft& draft, const rule& written) {
    if (written.aggregated == aggregation::sum) return true;
    if (!entry_of(written.aggregated).keeps_one) return false;
    (void)draft;
    const unsigned all = (1u << written.variables.size()) - 1;
    return (written.head_variables() & all) == all;
}

/// Returns true if the literal lies within its relation for every value of the rule's variables.
template <class Draft>
constexpr bool covers(const Draft& draft, const rule& written, const literal& item) {
    if (item.kind != literal_kind::relation) return true;
    for (int axis = 0; axis < item.arity; ++axis) {
        const term& at = item.terms[axis];
        const int extent = draft.in.relations[item.relation].extents[axis];
        if (at.variable == loop_time) continue;
        if (at.variable >= 0 && written.variables[at.variable].extent + at.offset > extent)
            return false;
        if (at.variable < 0 && (at.offset < 0 || at.offset >= extent)) return false;
    }
    return true;
}

/// The reason that the literals of a rule cannot be read as they are. Sparse literals without a
/// value are ignored.
template <class Draft>
constexpr reason plain_row_obstacle(const Draft& draft, int at, bool moved) {
    for (const literal& item : draft.in.text.body(draft.rule_of(at))) {
        if (draft.is_view(item)) return reason::an_argument_is_a_sum_of_variables;
        if (is_sparse_condition(draft, item) || is_plain(item, moved)) continue;
        if (!item.gives_value() || item.has_element) return reason::an_element_is_read;
        return is_view(item) ? reason::an_argument_is_a_sum_of_variables
                             : reason::an_argument_is_moved;
    }
    return reason::none;
}

/// The reason that the rule is no outer product: a column times a row, as one vector.
template <class Draft>
constexpr reason outer_product_obstacle(const Draft& draft, int at) {
    const rule& written = draft.rule_of(at);
    if (written.repeat || written.literals != 2 || written.combined != combination::product ||
        written.transformations.size() != 1 ||
        written.transformations[0].kind != transformation::reshape)
        return reason::not_an_outer_product;
    const literal& left = draft.literal_of(at, 0);
    const literal& right = draft.literal_of(at, 1);
    if (left.transposed || !right.transposed || draft.value_of(left).columns != 1 ||
        draft.value_of(right).rows != 1 || draft.head_of(at).value.columns != 1)
        return reason::not_an_outer_product;
    if (written.aggregated != aggregation::sum || written.variables.size() != written.arity ||
        written.arity > max_outers || written.recurs.loop >= 0 ||
        draft.conditions.condition[at] >= 0)
        return reason::an_outer_product_with_a_condition;
    for (const literal& item : draft.in.text.body(written))
        if (item.kind != literal_kind::relation || item.weight.weight >= 0 || !is_plain(item) ||
            draft.is_view(item) || is_symbol(draft, item) || !covers(draft, written, item) ||
            draft.pairs_of(item.relation).any())
            return reason::an_outer_product_of_other_literals;
    return reason::none;
}
/// Returns true if the rule is an outer product.
template <class Draft>
constexpr bool is_outer_product(const Draft& draft, int at) {
    return outer_product_obstacle(draft, at) == reason::none;
}

/// The reason that a row step cannot add the literals of the rule or multiply them elementwise.
/// `inlined`: another rule has the loops over the head.
template <class Draft>
constexpr reason row_obstacle(const Draft& draft, int at, bool inlined = false) {
    const rule& written = draft.rule_of(at);
    if (draft.windows[at].found) return reason::none;
    if (written.repeat || !adds(draft, written)) return reason::not_a_sum_over_rows;
    // If the program has a recursion, rules outside of it may read it with an offset of the time.
    // In other rules the condition keeps arguments within their relations.
    const bool within = !written.total && written.recurs.loop < 0;
    const reason plain = plain_row_obstacle(draft, at, draft.recurs || within);
    if (plain != reason::none) return plain;
    if (written.arity > max_outers && !inlined) return reason::more_than_3_head_arguments;
    const axes pairs = pairs_of_rule(draft, at);
    const reason conditioned = row_condition_obstacle(draft, at, pairs);
    if (conditioned != reason::none) return conditioned;
    if (!holds_all_pairs(draft, written, pairs)) return reason::pairs_beyond_the_variables;
    for (const transformation_use& function : written.transformations) {
        if (!keeps_rows(function.kind)) return reason::a_function_changes_the_shape;
        if (pairs.pairs >= 0 && function.position >= 0)
            return reason::a_function_depends_on_the_pair;
        for (const weight_use& use : function.weights)
            for (int axis = 0; axis < use.arity; ++axis)
                if (pairs.in_pair(use.terms[axis].variable))
                    return reason::a_function_depends_on_the_pair;
        if (function.position < 0) continue;
        if (draft.in.text.nodes[function.position].kind != node_kind::variable &&
            function.kind != transformation::dropout)
            return reason::a_position_is_an_expression;
        if (written.recurs.loop >= 0 || written.shift) return reason::a_position_is_an_expression;
    }
    if (written.variables.size() > written.arity + max_split_loops)
        return reason::more_than_2_summed_variables;
    // Functions apply to each ground rule, before the sum.
    unsigned looped = (1u << written.variables.size()) - 1;
    if (written.recurs.loop >= 0) looped &= ~(1u << written.recurs.time);
    if ((looped & ~written.head_variables()) && written.transformations.size())
        return reason::a_function_before_a_sum;
    const bool multiplies =
        written.combined == combination::elementwise_product && written.literals > 1;
    if (multiplies) {
        if (written.variables.size() != written.arity) return reason::a_product_with_a_sum;
    } else if (const reason linear = linear_sum_obstacle(written, draft.in.text);
               linear != reason::none) {
        return linear;
    }
    const value_shape shape = draft.head_of(at).value;
    int terms = 0;
    for (const literal& item : draft.in.text.body(written)) {
        if (is_sparse_condition(draft, item)) continue;
        if (++terms > max_terms) return reason::more_than_6_terms;
        if (item.kind != literal_kind::relation && item.kind != literal_kind::weight)
            return reason::a_number_or_an_index;
        if (!within && !covers(draft, written, item)) return reason::a_literal_beyond_its_relation;
        const value_shape value = draft.value_of(item);
        if (value.size() != shape.size()) return reason::values_of_different_shapes;
        if (item.transposed && value.rows != 1 && value.columns != 1)
            return reason::a_transposed_matrix;
        const bool weighted = item.kind == literal_kind::relation && item.weight.weight >= 0;
        if (weighted) {
            const weight& applied = draft.in.text.weights[item.weight.weight];
            const value_shape& x = draft.in.relations[item.relation].value;
            const bool scales = applied.shape[0] * applied.shape[1] == 1 && !x.is_scalar();
            if (multiplies || applied.rank != 2 ||
                (!is_symbol(draft, item) && (x.columns != 1 || scales)))
                return reason::a_weight_of_another_form;
        }
        if (!fits_pairs(draft, pairs, item, weighted)) return reason::terms_of_both_indices;
        const unsigned variables = variables_in(item.terms, item.arity);
        if ((!weighted || is_symbol(draft, item)) && (variables & ~written.head_variables()))
            return reason::a_summed_variable_without_a_weight;
    }
    return terms > 0 || (written.total && written.literals == 0) ? reason::none
                                                                 : reason::no_literal_has_a_value;
}

/// Returns true if a row step can compute the rule.
template <class Draft>
constexpr bool is_row_rule(const Draft& draft, int at) {
    return is_outer_product(draft, at) || row_obstacle(draft, at) == reason::none;
}

/// The number of terms of the row step of a rule, with those of the rules inlined into it.
template <class Draft>
constexpr int count_terms(const Draft& draft, int at) {
    int count = 0;
    for (int body = 0; body < draft.rule_of(at).literals; ++body) {
        const literal& item = draft.literal_of(at, body);
        if (is_sparse_condition(draft, item)) continue;
        const int definer =
            item.kind == literal_kind::relation ? draft.in.relations[item.relation].rule : -1;
        const bool inlined = definer >= 0 && draft.roles[definer] == role::inlined;
        count += inlined ? count_terms(draft, definer) : 1;
    }
    return count;
}

/// Returns true if no other rule of the recursion multiplies the same input, so that the two would
/// be computed together, and the weights have no indices that would change the user's layout.
template <class Draft>
constexpr bool stands_alone(const Draft& draft, int at) {
    for (const literal& item : draft.in.text.body(draft.rule_of(at))) {
        if (item.weight.weight < 0) continue;
        if (item.weight.arity > 0 && draft.rule_of(draft.user[at]).recurs.partial) return false;
        for (int other : draft.in.order) {
            const rule& next = draft.rule_of(other);
            if (other == at || next.recurs.loop != draft.rule_of(at).recurs.loop) continue;
            for (const literal& same : draft.in.text.body(next))
                if (same.reads(item.relation) && same.weight.weight >= 0) return false;
        }
    }
    return true;
}

/// Returns true if the one rule that reads the relation adds it unchanged, so that the terms can be
/// inlined into that rule.
template <class Draft>
constexpr bool can_inline(const Draft& draft, int at) {
    const rule& written = draft.rule_of(at);
    if (!draft.is_private(at) || !is_row_rule(draft, at)) return false;
    if (written.transformations.size()) return false;
    if (written.combined == combination::elementwise_product && written.literals > 1 &&
        !draft.windows[at].found)
        return false;
    const int user = draft.user[at];
    if (!is_row_rule(draft, user)) return false;
    if (is_outer_product(draft, user)) return false;
    const rule& using_rule = draft.rule_of(user);
    if ((using_rule.combined == combination::elementwise_product && using_rule.literals > 1) ||
        draft.windows[user].found)
        return false;
    // Products that depend on parameters only are computed once.
    if (draft.prepared[at] && !draft.prepared[user])
        for (const literal& item : draft.in.text.body(written))
            if (item.weight.weight >= 0) return false;
    const literal& item = draft.literal_of(user, draft.user_literal[at]);
    if (item.weight.weight >= 0 || using_rule.scope != written.scope) return false;
    // A value that is equal for all values of a variable is computed once.
    if (item.arity < using_rule.arity) return false;
    // A total rule does not inherit all of the condition.
    const int said =
        draft.windows[at].found ? draft.windows[at].rest : draft.conditions.condition[at];
    if (using_rule.total && !draft.out.pool.holds_conjuncts(draft.conditions.condition[user], said))
        return false;
    for (int axis = 0; axis < item.arity; ++axis) {
        const term& argument = item.terms[axis];
        if (argument.variable < 0 && argument.variable != loop_time) return false;
        if (argument.variable >= 0 && argument.offset) return false;
        // A diagonal, x(i, i), reads other rows than those of the rule.
        for (int before = 0; before < axis; ++before)
            if (item.terms[before].variable == argument.variable) return false;
    }
    if (written.recurs.loop >= 0 && !stands_alone(draft, at)) return false;
    // A row step with a product picks its rows by it; one is enough to fuse with.
    int products = 0;
    for (const literal& other : draft.in.text.body(using_rule)) {
        if (other.kind == literal_kind::relation && other.weight.weight >= 0) ++products;
        const int definer =
            other.kind == literal_kind::relation ? draft.in.relations[other.relation].rule : -1;
        if (definer >= 0 && definer != at && draft.roles[definer] == role::inlined) ++products;
    }
    return products + written.literals <= 4 &&
           count_terms(draft, user) + count_terms(draft, at) - 1 <= max_terms;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
