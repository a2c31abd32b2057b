#pragma once

#include "linear.hpp"
#include "mask_form.hpp"

/// Recognises attention: a scalar score, or its softmax over j, then the sum over j of weight times
/// value. The score becomes a postfix expression over dot products, elements, numbers and indices.

namespace sequent::inline SEQUENT_ABI::plan {

/// Returns true if the transformation is a function of one number with at most one constant.
constexpr bool is_scalar_function(transformation kind) {
    return is_elementwise(kind) && entry_of(kind).numbers.most < 2;
}

/// Matches the rule `at` with the form of attention.
template <class Draft>
class attention_matcher {
  public:
    attention_step step{};      ///< the step, if matched
    list<int, 8> absorbed{};    ///< the rules that become part of it
    reason why = reason::none;  ///< the reason that it is no attention
    int value_literal = -1;     ///< the literal of the rule that is the value
    int softmax_rule = -1;      ///< the rule of the softmax

    constexpr attention_matcher(Draft& draft, int at)
        : draft_(draft), at_(at), rule_(draft.rule_of(at)) {
        why = obstacle();
    }
    /// Returns true if the rule is an attention.
    constexpr bool matched() const { return why == reason::none; }

    /// Sets offsets and strides, which are known only after the relations are laid out.
    constexpr void fill() {
        step.nodes.count = 0;
        fill_ = true;
        (void)expand_weights();
        const literal& value = draft_.literal_of(at_, value_literal);
        step.value = access_to(value);
        step.out = access_to(head_literal(rule_, rule_.head));
    }

    /// Packs the tables of the score that have no other use and of which no column beyond the row
    /// is read.
    constexpr void pack_tables() {
        for (const weight_use& use : tables_) {
            const weight_shape& shape = draft_.in.weights[use.weight];
            if (shape.uses != 1 || row_ < 0 || step.rows != step.columns) continue;
            const int last = use.arity - 1;
            if (last < 1 || use.terms[last].variable != column_ ||
                use.terms[last - 1].variable != row_ || shape.extents[last] != step.columns ||
                shape.extents[last - 1] != step.rows)
                continue;
            bool fits = true;
            for (int axis = 0; axis < last - 1; ++axis)
                fits =
                    fits && use.terms[axis].variable != row_ && use.terms[axis].variable != column_;
            const int rounds = step.condition < 0 ? 0 : different_rounds(draft_.out.pool, step);
            for (int round = 0; fits && round < rounds; ++round) {
                const auto condition = condition_in_round(draft_.out.pool.nodes, step, round);
                fits = looks_back(condition, condition.root, row_, column_, step.rows);
            }
            if (fits && rounds > 0) draft_.out.weights[use.weight].packed = true;
        }
    }

    /// Lays out a buffer for the softmax weights if they depend on parameters only and are not too
    /// many. Returns true if it does.
    constexpr bool lay_out_weights() {
        constexpr int most_numbers = 1 << 24;
        if (!draft_.prepared[softmax_rule] || !step.normalizes) return false;
        const literal& weights = draft_.literal_of(at_, weights_literal_);
        // Rows whose length is a multiple of 256 would map to the same lines of the CPU cache.
        int pitch = (step.columns + 15) / 16 * 16;
        if (pitch % 256 == 0) pitch += 16;
        const unsigned mentioned = variables_of(weights);
        int size = step.rows * pitch;
        for (int outer = 0; outer < outers_.size(); ++outer)
            if ((mentioned >> outers_[outer]) & 1u) {
                if (size > most_numbers / step.outer_extents[outer]) return false;
                size *= step.outer_extents[outer];
            }
        if (size > most_numbers) return false;
        step.weights.at.where = place::value;
        step.weights.at.trained = true;
        step.weights.at.index = draft_.new_buffer(size, softmax_rule);
        step.weights.row = pitch;
        step.weights.column = 1;
        int stride = step.rows * pitch;
        for (int outer = outers_.size(); outer-- > 0;) {
            if (!((mentioned >> outers_[outer]) & 1u)) continue;
            step.weights.outer[outer] = stride;
            stride *= step.outer_extents[outer];
        }
        relation_layout& layout = draft_.out.relations[weights.relation];
        layout = {};
        layout.where = place::value;
        layout.index = step.weights.at.index;
        for (int axis = 0; axis < weights.arity; ++axis) {
            const int variable = weights.terms[axis].variable;
            layout.strides[axis] = variable == row_ ? pitch : variable == column_ ? 1 : 0;
            for (int outer = 0; outer < outers_.size(); ++outer)
                if (variable == outers_[outer]) layout.strides[axis] = step.weights.outer[outer];
        }
        return true;
    }

    /// Lays out the relation of the rule.
    constexpr void lay_out() {
        relation_layout& layout = draft_.out.relations[rule_.head];
        layout.where = place::value;
        const int size = step.length;
        long long stride = size;
        auto assign = [&](int variable) {
            for (int axis = 0; axis < rule_.arity; ++axis)
                if (rule_.terms[axis].variable == variable)
                    layout.strides[axis] = static_cast<int>(stride);
            stride *= rule_.variables[variable].extent;
        };
        for (int outer = outers_.size(); outer-- > 0;) assign(outers_[outer]);
        if (row_ >= 0) assign(row_);
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable == loop_time)
                layout.strides[axis] = static_cast<int>(stride);
        stride *= draft_.times_of(rule_);
        layout.index = draft_.new_buffer(stride, at_);
        layout.offset = 0;
    }

  private:
    Draft& draft_;
    int at_;
    const rule& rule_;
    int weights_literal_ = -1;
    int row_ = -1;
    int column_ = -1;
    list<int, max_variables> outers_{};
    list<weight_use, 12> tables_{};  // weights that the score reads by element
    bool fill_ = false;

    constexpr bool plain(const literal& item) const {
        if (!item.gives_value()) return false;
        // A relation that holds for pairs only is stored in the order of the pairs.
        if (item.kind == literal_kind::relation && draft_.pairs_of(item.relation).any())
            return false;
        for (int axis = 0; axis < item.arity; ++axis)
            if (item.terms[axis].variable >= 0 && item.terms[axis].offset) return false;
        for (int axis = 0; axis < item.weight.arity; ++axis)
            if (item.weight.terms[axis].variable >= 0 && item.weight.terms[axis].offset)
                return false;
        return !item.has_element || item.element.offset == 0 || item.element.variable < 0;
    }

    constexpr unsigned variables_of(const literal& item) const {
        return variables_in(item.terms, item.arity) |
               variables_in(item.weight.terms, item.weight.arity) |
               variables_in(&item.element, item.has_element ? 1 : 0);
    }

    constexpr reason obstacle() {
        if (rule_.repeat || rule_.literals != 2 || rule_.transformations.size() ||
            rule_.aggregated != aggregation::sum ||
            (rule_.combined != combination::product &&
             rule_.combined != combination::elementwise_product))
            return reason::no_softmax_times_values;
        for (int body = 0; body < 2; ++body) {
            const literal& item = draft_.literal_of(at_, body);
            if (item.kind != literal_kind::relation || weights_literal_ >= 0) continue;
            const int definer = draft_.in.relations[item.relation].rule;
            if (definer >= 0 && draft_.rule_of(definer).aggregated == aggregation::softmax &&
                draft_.user[definer] == at_ && draft_.is_private(definer))
                weights_literal_ = body;
        }
        for (int body = 0; body < 2 && weights_literal_ < 0; ++body)
            if (is_score(draft_.literal_of(at_, body))) {
                weights_literal_ = body;
                step.normalizes = false;
            }
        if (weights_literal_ < 0) return reason::no_softmax_times_values;
        value_literal = 1 - weights_literal_;
        const literal& weights = draft_.literal_of(at_, weights_literal_);
        const literal& value = draft_.literal_of(at_, value_literal);
        softmax_rule = draft_.in.relations[weights.relation].rule;
        const rule& softmax = draft_.rule_of(softmax_rule);
        if (!plain(weights) || !plain(value) || weights.has_element || value.has_element ||
            draft_.is_view(value) ||
            (value.kind == literal_kind::relation && value.weight.weight >= 0) ||
            (value.kind != literal_kind::relation && value.kind != literal_kind::weight))
            return reason::weights_or_values_are_not_plain;
        const value_shape shape = draft_.value_of(value);
        if (!draft_.in.relations[weights.relation].value.is_scalar() ||
            (value.transposed && shape.rows != 1 && shape.columns != 1))
            return reason::weights_or_values_are_not_plain;
        if (softmax.variables.size() != softmax.arity || softmax.arity != weights.arity)
            return reason::a_score_of_several_atoms;
        for (int index = 0; index < rule_.variables.size() && !step.normalizes; ++index)
            if (!((rule_.head_variables() >> index) & 1u)) column_ = index;
        // The variable that the softmax ranges over, as this rule's.
        for (int axis = 0; axis < softmax.arity; ++axis) {
            const int inner = softmax.terms[axis].variable;
            if (inner >= 0 && softmax.aggregated_variables == (1u << inner))
                column_ = weights.terms[axis].variable;
        }
        const unsigned head = rule_.head_variables();
        if (column_ < 0 || ((head >> column_) & 1u)) return reason::several_softmax_variables;
        // The softmax is over one argument: a(i, j, j) takes numbers of different ones.
        int places = 0;
        for (int axis = 0; axis < weights.arity; ++axis)
            places += weights.terms[axis].variable == column_;
        if (places != 1) return reason::several_softmax_variables;
        const unsigned in_weights = variables_of(weights);
        const unsigned in_value = variables_of(value);
        if (!((in_value >> column_) & 1u)) return reason::several_softmax_variables;
        if ((in_weights | in_value) != (head | (1u << column_)) ||
            rule_.variables.size() != rule_.arity + 1)
            return reason::weights_of_other_variables;
        for (int axis = 0; axis < weights.arity; ++axis) {
            const term& at = weights.terms[axis];
            if (at == softmax.terms[axis] && at.variable == loop_time) continue;
            if (at.variable < 0 || rule_.variables[at.variable].extent !=
                                       draft_.in.relations[weights.relation].extents[axis])
                return reason::a_part_of_the_weights;
        }
        // The value may repeat conditions of the weights: j < length.
        const int condition = draft_.out.pool.substitute(
            draft_.out.pool.nodes, draft_.conditions.domain[weights.relation], weights.terms);
        if (!draft_.out.pool.same_conjuncts(condition, draft_.conditions.condition[at_]))
            return reason::another_condition_than_the_softmax;
        choose_row(condition, in_weights, in_value);
        if (outers_.size() > max_outers) return reason::more_than_3_outer_loops;
        step.rows = row_ >= 0 ? rule_.variables[row_].extent : 1;
        step.columns = rule_.variables[column_].extent;
        step.length = shape.size();
        step.outers = outers_.size();
        for (int outer = 0; outer < outers_.size(); ++outer) {
            step.outer_variables[outer] = outers_[outer];
            step.outer_extents[outer] = rule_.variables[outers_[outer]].extent;
        }
        step.condition = condition;
        step.row_variable = row_;
        step.column_variable = column_;
        const reason masked = mask_obstacle();
        if (masked != reason::none) return masked;
        if (expand_weights() < 0) return why;
        // Sums of other scores are row steps, or have no product that a tile saves.
        bool multiplies = step.normalizes;
        for (const score_node& node : step.nodes)
            multiplies = multiplies || node.kind == score_kind::dot;
        return multiplies ? reason::none : reason::no_softmax_times_values;
    }

    /// Returns true if the literal may be the weights without a softmax: a scalar of all its rule's
    /// variables that only this rule reads.
    constexpr bool is_score(const literal& item) const {
        if (item.kind != literal_kind::relation) return false;
        const int definer = draft_.in.relations[item.relation].rule;
        if (definer < 0 || draft_.user[definer] != at_ || !draft_.is_private(definer)) return false;
        const rule& score = draft_.rule_of(definer);
        return score.aggregated == aggregation::sum && !score.total && !score.repeat &&
               rule_.variables.size() == rule_.arity + 1 && rule_.recurs.loop < 0 &&
               score.variables.size() == score.arity && score.arity >= 2 &&
               draft_.in.relations[item.relation].value.is_scalar();
    }

    /// The reason that the pairs of some iteration can be found neither by pieces nor by tables.
    constexpr reason mask_obstacle() {
        if (step.condition < 0) return reason::none;
        const auto& pool = draft_.out.pool;
        unsigned allowed = 1u << column_;
        if (row_ >= 0) allowed |= 1u << row_;
        for (int outer : outers_) allowed |= 1u << outer;
        if (pool.variables(step.condition) & ~allowed)
            return reason::a_condition_on_other_variables;
        const int rounds = different_rounds(pool, step);
        for (int round = 0; round < rounds; ++round) {
            auto condition = condition_in_round(pool.nodes, step, round);
            const auto form = form_of(condition, row_, column_);
            if (!form.possible || (form.is_table && !step.normalizes))
                return reason::a_mask_without_bounds;
        }
        if (row_ >= 0) step.row_counts = counts_above(pool, step.condition, row_);
        step.column_counts = counts_above(pool, step.condition, column_);
        return reason::none;
    }

    /// Chooses the row: a variable of the weights that is not in the value, preferably one in the
    /// condition; among several the one with the greatest extent.
    constexpr void choose_row(int condition, unsigned in_weights, unsigned in_value) {
        const unsigned in_condition = draft_.out.pool.variables(condition);
        const auto rank = [&](int index) {
            const int extent = rule_.variables[index].extent;
            return ((in_condition >> index) & 1u) ? extent + never : extent;
        };
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index < 0) continue;
            const unsigned bit = 1u << index;
            if (!(in_weights & bit) || (in_value & bit)) continue;
            if (row_ < 0 || rank(index) > rank(row_)) row_ = index;
        }
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable >= 0 && rule_.terms[axis].variable != row_)
                outers_.push(rule_.terms[axis].variable);
    }

    /// Stores the reason. Returns -1 in place of a node.
    constexpr int fail(reason because) {
        why = because;
        return -1;
    }

    constexpr int expand_weights() {
        return expand_rule(softmax_rule, draft_.literal_of(at_, weights_literal_).terms);
    }

    /// Adds the nodes of rule `at`. `arguments` are the arguments of its head in variables of this
    /// rule. Returns the last node, or -1.
    constexpr int expand_rule(int at, const term* arguments) {
        const rule& written = draft_.rule_of(at);
        if (written.repeat || written.variables.size() != written.arity)
            return fail(reason::a_score_of_several_atoms);
        term map[max_variables]{};
        for (int axis = 0; axis < written.arity; ++axis) {
            if (written.terms[axis].variable >= 0)
                map[written.terms[axis].variable] = arguments[axis];
            else if (!(written.terms[axis] == arguments[axis]))
                return fail(reason::a_part_of_the_weights);
        }
        if (written.recurs.loop >= 0) map[written.recurs.time] = {loop_time, -written.recurs.delay};
        if (!fill_) {
            if (absorbed.size() == 8) return fail(reason::more_than_8_score_rules);
            absorbed.push(at);
        }
        const bool sums = written.combined == combination::sum;
        const bool multiplies = written.combined == combination::product ||
                                written.combined == combination::elementwise_product;
        if ((written.literals > 1 && !sums && !multiplies) ||
            (written.literals == 1 && changes_one(written.combined)))
            return fail(reason::a_score_of_several_atoms);
        int result = -1;
        for (int body = 0; body < written.literals; ++body) {
            literal item = mapped(draft_.literal_of(at, body), map);
            if (!plain(item) || !covers(draft_, written, draft_.literal_of(at, body)))
                return fail(reason::a_score_with_other_literals);
            int next = -1;
            if (item.kind == literal_kind::index) {
                next = index_node(draft_.conditions.expression[written.first_literal + body], map);
            } else if (draft_.value_of(item).is_scalar()) {
                next = expand_literal(item);
            } else {
                if (written.combined != combination::product || body + 1 == written.literals)
                    return fail(reason::a_score_that_is_no_dot_product);
                const literal right = mapped(draft_.literal_of(at, body + 1), map);
                next = dot_node(item, right);
                ++body;
            }
            if (next < 0) return -1;
            result = result < 0 ? next : join(sums, result, next);
        }
        if (result < 0) return fail(reason::a_score_with_other_literals);  // conditions alone
        for (const transformation_use& function : written.transformations) {
            if (!is_scalar_function(function.kind)) return fail(reason::a_function_of_the_score);
            result = push(
                {score_kind::function, {}, {}, 0, function.numbers[0], function.kind, result, -1});
        }
        return result;
    }

    /// The sum or the product of two nodes. A number becomes the factor of a dot that it
    /// multiplies.
    constexpr int join(bool sums, int left, int right) {
        if (!sums && step.nodes[right].kind == score_kind::dot &&
            step.nodes[left].kind == score_kind::number) {
            step.nodes[right].value *= step.nodes[left].value;
            return right;
        }
        if (!sums && step.nodes[left].kind == score_kind::dot &&
            step.nodes[right].kind == score_kind::number) {
            step.nodes[left].value *= step.nodes[right].value;
            step.nodes.count = right;
            return left;
        }
        return push({sums ? score_kind::add : score_kind::multiply,
                     {},
                     {},
                     0,
                     0,
                     transformation::identity,
                     left,
                     right});
    }

    static constexpr literal mapped(literal item, const term* map) {
        auto apply = [&](term& at) {
            if (at.variable >= 0)
                at = {map[at.variable].variable, map[at.variable].offset + at.offset};
        };
        visit_terms(item, apply);
        if (item.has_element) apply(item.element);
        return item;
    }

    constexpr int push(const score_node& node) {
        if (step.nodes.size() == decltype(step.nodes)::capacity())
            return fail(reason::more_than_12_score_nodes);
        return step.nodes.push(node);
    }

    constexpr int expand_literal(const literal& item) {
        if (item.kind == literal_kind::number)
            return push({score_kind::number, {}, {}, 0, item.number});
        if (item.kind == literal_kind::relation) {
            if (item.weight.weight >= 0 || is_symbol(draft_, item))
                return fail(reason::a_score_with_other_literals);
            // Whole vectors are read, the masked numbers among them.
            if (draft_.is_view(item) &&
                !draft_.is_inside(draft_.rule_of(draft_.in.relations[item.relation].rule)))
                return fail(reason::a_score_with_other_literals);
            const int definer = draft_.in.relations[item.relation].rule;
            const unsigned variables = variables_of(item);
            const bool pairwise =
                ((variables >> column_) & 1u) && (row_ < 0 || ((variables >> row_) & 1u));
            if (definer >= 0 && pairwise && !item.has_element && draft_.is_private(definer) &&
                draft_.rule_of(definer).aggregated != aggregation::softmax &&
                (!fill_ || draft_.roles[definer] == role::absorbed)) {
                const int nodes = step.nodes.size();
                const int taken = absorbed.size();
                const int tables = tables_.size();
                const int inner = expand_rule(definer, item.terms);
                if (inner >= 0 || fill_) return inner;
                step.nodes.count = nodes;
                absorbed.count = taken;
                tables_.count = tables;
            }
        }
        score_node made;
        made.kind = score_kind::load;
        if (item.kind == literal_kind::weight && !item.has_element) {
            if (fill_)
                made.packed = draft_.out.weights[item.weight.weight].packed;
            else
                tables_.push(item.weight);
        }
        if (fill_) made.x = access_to(item);
        return push(made);
    }

    constexpr int dot_node(const literal& left, const literal& right) {
        if (!plain(right) || left.has_element || right.has_element || draft_.is_view(left) ||
            draft_.is_view(right))
            return fail(reason::a_score_with_other_literals);
        const auto usable = [&](const literal& item) {
            if (item.kind == literal_kind::weight) return true;
            return item.kind == literal_kind::relation && item.weight.weight < 0;
        };
        if (!usable(left) || !usable(right)) return fail(reason::a_score_with_other_literals);
        const value_shape first = draft_.value_of(left);
        const value_shape second = draft_.value_of(right);
        if (first.rows != 1 || second.columns != 1 || first.columns != second.rows)
            return fail(reason::a_score_that_is_no_dot_product);
        const auto has = [&](const literal& item, int variable) {
            return variable >= 0 && ((variables_of(item) >> variable) & 1u);
        };
        const bool forward = has(right, column_) && !has(left, column_) && !has(right, row_);
        const bool backward = has(left, column_) && !has(right, column_) && !has(left, row_);
        if (!forward && !backward) return fail(reason::a_score_that_is_no_dot_product);
        score_node made;
        made.kind = score_kind::dot;
        made.value = 1;
        made.depth = second.rows;
        if (fill_) {
            made.x = access_to(forward ? left : right);
            made.y = access_to(forward ? right : left);
        }
        return push(made);
    }

    /// An index expression that is linear in this rule's variables.
    constexpr int index_node(int root, const term* map) {
        score_node made;
        made.kind = score_kind::index;
        if (!add_linear(root, map, 1, made)) return fail(reason::an_index_that_is_not_linear);
        return push(made);
    }
    constexpr bool add_linear(int root, const term* map, int factor, score_node& to) {
        const node& top = draft_.out.pool.nodes[root];
        switch (top.kind) {
            case node_kind::constant:
                to.value += factor * top.value;
                return true;
            case node_kind::variable: {
                const term& at = map[top.value];
                if (at.variable == loop_time) return false;
                to.value += factor * at.offset;
                if (at.variable == row_ && row_ >= 0) to.x.row += factor;
                if (at.variable == column_) to.x.column += factor;
                for (int outer = 0; outer < outers_.size(); ++outer)
                    if (at.variable == outers_[outer]) to.x.outer[outer] += factor;
                return true;
            }
            case node_kind::add:
                return add_linear(top.left, map, factor, to) &&
                       add_linear(top.right, map, factor, to);
            case node_kind::subtract:
                return add_linear(top.left, map, factor, to) &&
                       add_linear(top.right, map, -factor, to);
            case node_kind::multiply: {
                const node& left = draft_.out.pool.nodes[top.left];
                const node& right = draft_.out.pool.nodes[top.right];
                if (left.kind == node_kind::constant)
                    return add_linear(top.right, map, factor * left.value, to);
                if (right.kind == node_kind::constant)
                    return add_linear(top.left, map, factor * right.value, to);
                return false;
            }
            default:
                return false;
        }
    }

    constexpr access access_to(const literal& item) const {
        access result;
        const bool bare = item.kind == literal_kind::weight;
        const term* terms = bare ? item.weight.terms : item.terms;
        const int arity = bare ? item.weight.arity : item.arity;
        const int* strides = bare ? draft_.out.weights[item.weight.weight].strides
                                  : draft_.out.relations[item.relation].strides;
        result.at =
            bare ? draft_.weight_operand(item.weight) : draft_.relation_operand(item.relation);
        auto add = [&](const term& at, int stride) {
            result.at.offset += at.offset * stride;
            if (at.variable == loop_time) draft_.add_time(result.at, rule_, stride);
            if (at.variable < 0) return;
            if (at.variable == row_) result.row += stride;
            if (at.variable == column_) result.column += stride;
            for (int outer = 0; outer < outers_.size(); ++outer)
                if (at.variable == outers_[outer]) result.outer[outer] += stride;
        };
        for (int axis = 0; axis < arity; ++axis) add(terms[axis], strides[axis]);
        if (item.has_element) add(item.element, 1);
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
