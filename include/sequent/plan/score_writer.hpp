#pragma once

#include "linear.hpp"
#include "mask_form.hpp"

/// The score of attention as a postfix expression over dot products, elements, numbers and indices.

namespace sequent::inline SEQUENT_ABI::plan {

/// Returns true if the transformation is a function of one number with at most one constant.
constexpr bool is_scalar_function(transformation kind) {
    return is_elementwise(kind) && entry_of(kind).numbers.most < 2;
}

/// Writes the score of the attention of rule `at`.
template <class Draft>
class score_writer {
  public:
    attention_step step{};      ///< the step; its nodes are the score
    list<int, 8> absorbed{};    ///< the rules that become part of it
    reason why = reason::none;  ///< the reason that it is no attention

  protected:
    Draft& draft_;
    int at_;
    const rule& rule_;
    int row_ = -1;
    int column_ = -1;
    list<int, max_variables> outers_{};
    list<weight_use, 12> tables_{};  // weights that the score reads by element
    bool fill_ = false;              // offsets and strides are known

    constexpr score_writer(Draft& draft, int at)
        : draft_(draft), at_(at), rule_(draft.rule_of(at)) {}

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

    /// Stores the reason. Returns -1 in place of a node.
    constexpr int fail(reason because) {
        why = because;
        return -1;
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
