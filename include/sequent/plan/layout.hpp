#pragma once

#include "row_builder.hpp"
#include "score.hpp"

/// Groups products of one input, and lays out facts and parameters.

namespace sequent::inline SEQUENT_ABI::plan {

/// The size rounded up to a multiple of 16 elements.
template <class Int>
constexpr Int aligned(Int size) {
    return (size + 15) / 16 * 16;
}

/// Sets strides in the order of the arguments of a relation, with pairs outermost. Returns the
/// number of elements.
template <class Draft>
constexpr long long pack_atoms(const Draft& draft, relation_layout& layout, int relation) {
    const relation_shape& shape = draft.in.relations[relation];
    layout.pairs = draft.pairs_of(relation);
    long long stride = shape.value.size();
    for (int axis = shape.arity; axis-- > 0;) {
        if (layout.pairs.has(axis)) continue;
        layout.strides[axis] = static_cast<int>(stride);
        stride *= shape.extents[axis];
    }
    if (!layout.pairs.any()) return stride;
    layout.pair_stride = static_cast<int>(stride);
    return stride * draft.in.facts[layout.pairs.fact].pairs;
}

/// Lays out a relation that is a fact.
template <class Draft>
constexpr void lay_out_fact(Draft& draft, int relation) {
    const relation_shape& shape = draft.in.relations[relation];
    if (shape.fact < 0) return;
    relation_layout& layout = draft.out.relations[relation];
    layout.where = place::fact;
    layout.index = shape.fact;
    const fact_shape& given = draft.in.facts[shape.fact];
    const bool indexed = !given.is_sparse() ||
                         (given.pair_rows() <= max_numbers && given.pair_columns() <= max_numbers);
    if ((pack_atoms(draft, layout, relation) > max_numbers || !indexed) && draft.mistake.ok())
        draft.mistake = {fault::more_than_2147483647_numbers, -1, given.id};
}

/// Interleaves weights: the index of a weight that is in the head but not in the input, such as
/// that of attention heads, is placed between the inputs and the outputs of the weight. All heads
/// then become the columns of one matrix product.
template <class Draft>
constexpr void weave_weights(Draft& draft) {
    for (int at = 0; at < draft.in.text.rules.size(); ++at) {
        const rule& written = draft.rule_of(at);
        if (draft.roles[at] != role::step || !is_row_rule(draft, at) || draft.is_block_output(at))
            continue;
        for (const literal& item : draft.in.text.body(written)) {
            if (item.kind != literal_kind::relation || item.weight.weight < 0) continue;
            const weight_shape& shape = draft.in.weights[item.weight.weight];
            if (shape.uses != 1 || shape.looked_up || item.weight.transposed) continue;
            for (int axis = 0; axis < item.weight.arity; ++axis) {
                const int index = item.weight.terms[axis].variable;
                if (index < 0 || !((written.head_variables() >> index) & 1u)) continue;
                bool in_x = false;
                for (int other = 0; other < item.arity; ++other)
                    in_x = in_x || item.terms[other].variable == index;
                if (!in_x && draft.out.weights[item.weight.weight].interleaved < 0)
                    draft.out.weights[item.weight.weight].interleaved = axis;
            }
        }
    }
}

/// A rule that can be computed with others: one product, perhaps a bias, nothing else.
struct group_candidate {
    bool fits = false;   ///< the rule has this form
    literal x{};         ///< the input
    int row = -1;        ///< the variable of the rows
    int rows = 1;        ///< number of rows
    int segment = -1;    ///< the variable of the segments
    int pairs = -1;      ///< the sparse fact whose pairs are the rows
    int condition = -1;  ///< node of the condition
    weight_use bias{};   ///< the bias
    int columns = 0;     ///< outputs, of all segments
};

/// The rule as a candidate.
template <class Draft>
constexpr group_candidate candidate_of(Draft& draft, int at) {
    group_candidate result;
    const rule& written = draft.rule_of(at);
    if (draft.roles[at] != role::step || !is_row_rule(draft, at)) return result;
    if (written.transformations.size() || draft.head_of(at).output || draft.is_block_output(at) ||
        written.literals > 2 || written.variables.size() != written.arity ||
        written.recurs.partial || written.combined == combination::elementwise_product)
        return result;
    row_builder<Draft> builder(draft, at);
    const axes& chosen = builder.chosen();
    const bool recurs = written.recurs.loop >= 0;
    if ((chosen.row < 0 && chosen.pairs < 0 && !recurs) || chosen.outers.size()) return result;
    result.row = chosen.row;
    result.rows = builder.rows();
    result.pairs = chosen.pairs;
    result.condition = draft.conditions.condition[at];
    result.segment = builder.chosen().segment;
    bool product = false;
    for (const literal& item : draft.in.text.body(written)) {
        const bool bare = item.kind == literal_kind::weight;
        if (!bare && (item.weight.weight < 0 || is_symbol(draft, item))) return result;
        const weight_shape& shape = draft.in.weights[item.weight.weight];
        if (shape.uses != 1 || shape.looked_up || item.weight.frozen || item.weight.transposed)
            return result;
        const int indices = result.segment >= 0 ? 1 : 0;
        if (item.weight.arity != indices ||
            (indices && item.weight.terms[0].variable != result.segment))
            return result;
        if (bare) {
            result.bias = item.weight;
        } else {
            if (product) return result;
            product = true;
            result.x = item;
        }
    }
    if (!product) return result;
    for (int axis = 0; axis < result.x.arity; ++axis)
        if (result.row >= 0 && result.x.terms[axis].variable == result.row)
            result.x.terms[axis].variable = 0;
    result.columns = draft.head_of(at).value.size() *
                     (result.segment >= 0 ? written.variables[result.segment].extent : 1);
    result.fits = true;
    return result;
}

/// Returns true if both rules are computed in the same iterations of one recursion, or in none.
template <class Draft>
constexpr bool is_same_loop(const Draft& draft, int one, int other) {
    const recurrence& left = draft.rule_of(one).recurs;
    const recurrence& right = draft.rule_of(other).recurs;
    return left.loop == right.loop && left.first == right.first && left.last == right.last &&
           left.end == right.end && left.delay == right.delay &&
           draft.times_of(draft.rule_of(one)) == draft.times_of(draft.rule_of(other));
}

/// Groups the products of one input.
template <class Draft>
constexpr void group_products(Draft& draft) {
    list<group_candidate, Draft::rule_capacity> candidates{};
    candidates.reset(draft.in.text.rules.size());
    for (int at : draft.in.order) candidates[at] = candidate_of(draft, at);
    for (int place = 0; place < draft.in.order.size(); ++place) {
        const int at = draft.in.order[place];
        const group_candidate& first = candidates[at];
        if (!first.fits || draft.group_of[at] >= 0) continue;
        int members = 0;
        for (int later = place + 1; later < draft.in.order.size(); ++later) {
            const int other = draft.in.order[later];
            const group_candidate& next = candidates[other];
            bool same = next.fits && draft.rule_of(other).scope == draft.rule_of(at).scope &&
                        next.x.relation == first.x.relation && next.rows == first.rows &&
                        next.pairs == first.pairs && next.condition == first.condition &&
                        (next.bias.weight < 0) == (first.bias.weight < 0) &&
                        is_same_loop(draft, at, other);
            for (int axis = 0; same && axis < first.x.arity; ++axis)
                same = next.x.terms[axis] == first.x.terms[axis];
            if (!same) continue;
            if (members++ == 0) {
                draft.group_of[at] = draft.groups.push({at, 0, -1});
                draft.roles[at] = role::grouped;
            }
            draft.group_of[other] = draft.group_of[at];
            draft.roles[other] = role::grouped;
        }
    }
    for (int at : draft.in.order) {
        if (draft.group_of[at] < 0) continue;
        group& of = draft.groups[draft.group_of[at]];
        for (const weight_use& use : {candidates[at].x.weight, candidates[at].bias}) {
            if (use.weight < 0) continue;
            draft.out.weights[use.weight].group = draft.group_of[at];
            draft.out.weights[use.weight].group_column = of.columns;
        }
        of.columns += candidates[at].columns;
    }
}

/// Lays out the weights of a scope and of the scopes within it. Returns the number of elements of
/// one layer.
template <class Draft>
constexpr long long lay_out_parameters(Draft& draft, int scope, long long base) {
    long long size = 0;
    int matrix_of[Draft::rule_capacity]{};
    int bias_of[Draft::rule_capacity]{};
    for (int at = 0; at < Draft::rule_capacity; ++at) matrix_of[at] = bias_of[at] = -1;
    draft.out.scope_offset[scope] = static_cast<int>(base);
    const auto check = [&](int weight) {
        if (base + size <= max_numbers || !draft.mistake.ok()) return;
        draft.mistake.found = fault::more_than_2147483647_numbers;
        draft.mistake.rule = -1;
        draft.mistake.relation = draft.in.text.weights[weight].id;
    };
    int last = 0;
    for (int at = 0; at < draft.in.text.weights.size(); ++at) {
        const weight& declared = draft.in.text.weights[at];
        if (declared.scope != scope || draft.in.weights[at].uses == 0) continue;
        const weight_shape& shape = draft.in.weights[at];
        weight_layout& layout = draft.out.weights[at];
        const int rows = declared.shape[0];
        const int columns = declared.shape[1];
        last = at;
        long long total = 1LL * rows * columns;
        for (int axis = 0; axis < shape.arity; ++axis) total *= shape.extents[axis];
        const long long side = layout.packed ? shape.extents[shape.arity - 1] : 0;
        if (layout.packed) total = total / (side * side) * (side * (side + 1) / 2);
        if (layout.group >= 0) {
            // One panel for the group: for each input, the outputs of all members.
            const group& of = draft.groups[layout.group];
            const bool matrix = declared.rank == 2;
            int& start = matrix ? matrix_of[layout.group] : bias_of[layout.group];
            if (start < 0) {
                start = static_cast<int>(size);
                size += aligned(1LL * of.columns * (matrix ? columns : 1));
                check(at);
            }
            layout.offset = start + layout.group_column;
            layout.row = 1;
            layout.column = of.columns;
            if (shape.arity) layout.strides[0] = rows;
            continue;
        }
        layout.offset = static_cast<int>(size);
        size += aligned(total);
        check(at);
        bool bare = false;
        for (const literal& item : draft.in.text.literals)
            bare = bare || (item.kind == literal_kind::weight && item.weight.weight == at);
        const bool row_major = declared.rank == 2 && (shape.looked_up || bare);
        layout.row = row_major ? columns : 1;
        layout.column = row_major ? 1 : rows;
        long long stride = 1LL * rows * columns;
        if (layout.interleaved >= 0 && !row_major) {
            const int extent = shape.extents[layout.interleaved];
            layout.strides[layout.interleaved] = rows;
            layout.column = rows * extent;
            stride *= extent;
        }
        for (int axis = shape.arity; axis-- > 0;) {
            if (axis == layout.interleaved && !row_major) continue;
            layout.strides[axis] = static_cast<int>(stride);
            stride *= shape.extents[axis];
            // The rows have no stride; this value states that they are not contiguous.
            if (layout.packed && axis == shape.arity - 2) stride = side * (side + 1) / 2;
        }
    }
    for (int inner = 1; inner < draft.in.text.scopes.size(); ++inner) {
        if (draft.in.text.scopes[inner].parent != scope) continue;
        const long long each = lay_out_parameters(draft, inner, base + size);
        size += each * draft.in.text.scopes[inner].copies();
        check(last);
    }
    draft.out.scope_parameters[scope] = static_cast<int>(size);
    return size;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
