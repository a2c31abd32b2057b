#pragma once

#include "draft.hpp"
#include "running.hpp"

/// The builder of general steps: loops over the variables of a rule, by its definition.

namespace sequent::inline SEQUENT_ABI::plan {

/// Builds the general step of a rule whose relation is laid out.
template <class Draft>
class general_builder {
  public:
    constexpr general_builder(Draft& draft, int at)
        : draft_(draft), at_(at), rule_(draft.rule_of(at)) {}

    /// The step.
    constexpr general_step build() {
        general_step made;
        const relation_layout& layout = draft_.out.relations[rule_.head];
        made.variables = rule_.variables.size();
        made.condition = join_pairs(made, draft_.conditions.condition[at_]);
        if (rule_.chooses()) {
            made.out_pair_stride = layout.pair_stride;
            for (int axis = 0; axis < 2; ++axis)
                made.choice_variables[axis] = rule_.terms[axis].variable;
        } else if (layout.pairs.any()) {
            made.out_join = join_of(made, layout, rule_.terms, false);
            made.out_pair_stride = layout.pair_stride;
        }
        if (rule_.recurs.loop < 0)
            made.out_total = layout.pairs.any()
                                 ? layout.pair_stride * draft_.in.facts[layout.pairs.fact].pairs
                                 : relation_size(rule_.head);
        for (int index = 0; index < made.variables; ++index) {
            made.extents[index] = rule_.variables[index].extent;
            made.counts[index] = counts_above(draft_.out.pool, made.condition, index);
        }
        unsigned outermost = rule_.head_variables();
        if (rule_.keeps_aggregated()) outermost &= ~rule_.aggregated_variables;
        int place = 0;
        if (rule_.recurs.loop >= 0) {
            made.time = rule_.recurs.time;
            made.level = draft_.depth_of(rule_.scope);
            made.delay = rule_.recurs.delay;
            made.order[place++] = made.time;
            outermost |= 1u << made.time;
        }
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable >= 0 && ((outermost >> rule_.terms[axis].variable) & 1u))
                made.order[place++] = rule_.terms[axis].variable;
        made.heads = place;
        for (int index : rule_.aggregated_order) {
            made.order[place++] = index;
            outermost |= 1u << index;
        }
        for (int index = 0; index < made.variables; ++index)
            if (!((outermost >> index) & 1u)) made.order[place++] = index;
        made.out = draft_.relation_operand(rule_.head);
        add_strides(made.out_strides, made.out, rule_.terms, rule_.arity, layout.strides);
        made.out_size = draft_.head_of(at_).value.size();
        made.combined = rule_.combined;
        made.aggregated = rule_.aggregated;
        made.aggregated_number = rule_.aggregated_number;
        for (int body = 0; body < rule_.literals; ++body) {
            const int item_at = rule_.first_literal + body;
            general_literal item = general_of(item_at);
            const literal& text = draft_.in.text.literals[item_at];
            if (text.kind == literal_kind::relation && !item.is_condition &&
                draft_.out.relations[text.relation].pairs.any()) {
                const relation_layout& of = draft_.out.relations[text.relation];
                item.join = join_of(made, of, text.terms, rule_.total || text.negated);
                item.pair_stride = of.pair_stride;
            }
            made.literals.push(item);
        }
        shape_general(made);
        if (made.joins.size() == 0 && rule_.recurs.loop < 0)
            made.condition = list_pairs(made, made.condition);
        find_running(draft_.out.pool, made);
        return made;
    }

  private:
    Draft& draft_;
    int at_;
    const rule& rule_;

    constexpr int relation_size(int relation) const {
        const relation_shape& shape = draft_.in.relations[relation];
        int size = shape.value.size();
        for (int axis = 0; axis < shape.arity; ++axis) size *= shape.extents[axis];
        return size;
    }

    /// Converts sparse facts of a condition that must hold into joins, at most max_condition_joins.
    /// Returns the rest of the condition.
    constexpr int join_pairs(general_step& made, int root) {
        auto& pool = draft_.out.pool;
        int rest = -1;
        pool.each_conjunct(root, [&](int part) {
            const node top = pool.nodes[part];
            pair_join join{top.value};
            if (top.kind == node_kind::pair && made.joins.size() < max_condition_joins &&
                pool.as_term(top.left, join.row) && pool.as_term(top.right, join.column))
                add_join(made, join);
            else
                rest = pool.both(rest, part);
        });
        return rest;
    }
    /// Takes a predicate of two variables that must hold out of a condition. Returns the rest of
    /// the condition.
    constexpr int list_pairs(general_step& made, int root) {
        constexpr int most = 1 << 18;
        auto& pool = draft_.out.pool;
        int rest = -1;
        pool.each_conjunct(root, [&](int part) {
            const node top = pool.nodes[part];
            const bool decides = top.kind == node_kind::decision &&
                                 pool.nodes[top.left].kind == node_kind::variable &&
                                 pool.nodes[top.right].kind == node_kind::variable;
            const int left = decides ? pool.nodes[top.left].value : -1;
            const int right = decides ? pool.nodes[top.right].value : -1;
            if (decides && left != right && made.listed.decision < 0 &&
                made.extents[left] <= most / made.extents[right])
                made.listed = {top.value, left, right};
            else
                rest = pool.both(rest, part);
        });
        return rest;
    }
    static constexpr int add_join(general_step& made, const pair_join& join) {
        for (int known = 0; known < made.joins.size(); ++known)
            if (made.joins[known] == join) return known;
        return made.joins.push(join);
    }
    /// The join that gives the number of a relation's pair at these arguments.
    constexpr int join_of(general_step& made, const relation_layout& of, const term* terms,
                          bool optional) const {
        // The time of a recursion is looked up as a variable.
        term at[max_arity]{};
        for (int axis = 0; axis < max_arity; ++axis) {
            at[axis] = terms[axis];
            if (at[axis].variable == loop_time)
                at[axis] = {rule_.recurs.time, at[axis].offset + rule_.recurs.delay};
        }
        pair_terms pair{at[of.pairs.axes[0]], at[of.pairs.axes[1]]};
        if (of.pairs.all) pair = pair_of(draft_.in.facts[of.pairs.fact], at);
        return add_join(made, {of.pairs.fact, pair.row, pair.column, optional});
    }

    constexpr void add_strides(int* to, operand& at, const term* terms, int arity,
                               const int* strides) const {
        for (int axis = 0; axis < arity; ++axis) {
            at.offset += terms[axis].offset * strides[axis];
            if (terms[axis].variable == loop_time) draft_.add_time(at, rule_, strides[axis]);
            if (terms[axis].variable >= 0) to[terms[axis].variable] += strides[axis];
        }
    }

    constexpr general_literal general_of(int item_at) {
        const literal& item = draft_.in.text.literals[item_at];
        general_literal made;
        made.kind = item.kind;
        made.number = item.number;
        made.expression = draft_.conditions.expression[item_at];
        made.transposed = item.transposed;
        // Whether a sparse fact holds is part of the condition.
        made.required_nonzero = item.hidden;
        made.required_zero = item.negated;
        made.is_condition = draft_.is_sparse(item) && !item.gives_value();
        made.has_element = item.has_element;
        made.element = item.element;
        made.shape = draft_.value_of(item);
        if (item.kind == literal_kind::weight) {
            const weight& bare = draft_.in.text.weights[item.weight.weight];
            made.rows = bare.shape[0];
            made.columns = bare.shape[1];
            made.at = draft_.weight_operand(item.weight);
            add_strides(made.strides, made.at, item.weight.terms, item.weight.arity,
                        draft_.out.weights[item.weight.weight].strides);
        } else if (item.kind == literal_kind::relation) {
            const relation_shape& shape = draft_.in.relations[item.relation];
            made.rows = shape.value.rows;
            made.columns = shape.value.columns;
            made.symbols = shape.classes > 0;
            made.at = draft_.relation_operand(item.relation);
            add_strides(made.strides, made.at, item.terms, item.arity,
                        draft_.out.relations[item.relation].strides);
            for (int axis = 0; rule_.total && axis < item.arity; ++axis)
                if (item.terms[axis].variable >= 0)
                    made.limits[item.terms[axis].variable] = shape.extents[axis];
            if (item.weight.weight >= 0) {
                const weight& applied = draft_.in.text.weights[item.weight.weight];
                const weight_layout& layout = draft_.out.weights[item.weight.weight];
                const bool turned = item.weight.transposed;
                made.weight = draft_.weight_operand(item.weight);
                add_strides(made.weight_strides, made.weight, item.weight.terms, item.weight.arity,
                            layout.strides);
                made.weight_rows = turned ? applied.shape[1] : applied.shape[0];
                made.weight_columns = turned ? applied.shape[0] : applied.shape[1];
                made.weight_row = turned ? layout.column : layout.row;
                made.weight_column = turned ? layout.row : layout.column;
            }
        }
        return made;
    }

    constexpr void shape_general(general_step& made) {
        value_shape shape{};
        bool first = true;
        for (const general_literal& item : made.literals) {
            if (item.required_nonzero || item.required_zero) continue;
            if (rule_.combined == combination::cross_sum)
                shape = {(first ? 1 : shape.size()) * item.shape.size(), 1};
            else if (first)
                shape = item.shape;
            else if (rule_.combined == combination::concat)
                shape = {shape.rows + item.shape.rows, shape.columns};
            else if (rule_.combined == combination::product)
                shape = item.shape.is_scalar() ? shape
                        : shape.is_scalar()    ? item.shape
                                               : value_shape{shape.rows, item.shape.columns};
            else if (shape.is_scalar())
                shape = item.shape;
            first = false;
        }
        if (rule_.combined == combination::cosine || rule_.combined == combination::count)
            shape = {1, 1};
        // At some times of a recursion, only scalars may be added to a vector.
        if (rule_.total && shape.is_scalar()) shape = draft_.head_of(at_).value;
        made.combined_shape = shape;
        for (const transformation_use& use : rule_.transformations) {
            general_function function;
            function.kind = use.kind;
            function.numbers[0] = use.numbers[0];
            function.numbers[1] = use.numbers[1];
            function.scaling = use.scaling;
            function.shape = shape;
            function.identity = at_;
            for (int at = 0; at < 2; ++at) {
                if (use.weights[at].weight < 0) continue;
                function.weights[at] = draft_.weight_operand(use.weights[at]);
                add_strides(function.weight_strides[at], function.weights[at],
                            use.weights[at].terms, use.weights[at].arity,
                            draft_.out.weights[use.weights[at].weight].strides);
            }
            if (use.position >= 0) {
                term identity[max_variables]{};
                for (int index = 0; index < max_variables; ++index) identity[index] = {index, 0};
                if (rule_.shifted >= 0) identity[rule_.shifted].offset = -rule_.shift;
                function.position =
                    draft_.out.pool.substitute(draft_.in.text.nodes, use.position, identity);
            }
            if (use.kind == transformation::slice) shape = {static_cast<int>(use.numbers[1]), 1};
            if (use.kind == transformation::reshape)
                shape = {static_cast<int>(use.numbers[0]), static_cast<int>(use.numbers[1])};
            made.functions.push(function);
        }
        made.shape = shape;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
