#pragma once

#include "name_binder.hpp"

/// Checks of rules that do not depend on shapes, and the order of the rules.

namespace sequent::inline SEQUENT_ABI::plan {

/// Checks the rules of a program and orders them.
template <sizes Sizes, int Facts>
class rule_checker : public name_binder<Sizes, Facts> {
    using base = name_binder<Sizes, Facts>;

  public:
    using base::out;

  protected:
    using base::base, base::fail, base::is_block_input, base::item, base::ok;

    /// Checks the arguments, aggregations and literals of all rules.
    constexpr void check_rules() {
        for (const rule& written : out.text.rules) set_arity(written, written.head, written.arity);
        for (const rule& written : out.text.rules) {
            const unsigned head = written.head_variables();
            int variables = 0;
            for (int at = 0; at < max_variables; ++at) variables += (head >> at) & 1u;
            bool plain = variables == written.arity;
            for (int at = 0; at < written.arity; ++at)
                plain = plain && written.terms[at].offset == 0;
            plain = plain && ((written.base < 0 && written.shift == 0) || is_of_recursion(written));
            // A cycle that is no recursion is reported below.
            if (!plain && (is_of_recursion(written) || !follows_from_itself(written.head)))
                fail(fault::head_arguments_are_distinct_variables, written, -1);
            if (written.chooses() &&
                (written.arity != 2 || written.aggregated_order.size() != 1 || written.base >= 0 ||
                 written.shift != 0 || written.recurs.loop >= 0))
                fail(fault::top_k_chooses_one_of_two_arguments_outside_of_recursions, written, -1);
            if (written.keeps_aggregated()) {
                if ((written.aggregated_variables & head) != written.aggregated_variables)
                    fail(fault::softmax_over_a_variable_not_in_the_head, written, -1);
            } else if (written.aggregated_variables & head) {
                fail(fault::aggregation_over_a_variable_in_the_head, written, -1);
            } else if (written.aggregated != aggregation::sum &&
                       (((1u << written.variables.size()) - 1) & ~head &
                        ~written.aggregated_variables)) {
                fail(fault::an_aggregation_names_all_variables_but_those_of_the_head, written, -1);
            }
            for (const literal& value : out.text.body(written)) {
                use_weight(written, value.weight);
                if (value.kind != literal_kind::relation) continue;
                relation_shape& shape = out.relations[value.relation];
                if (shape.fact < 0 && shape.rule < 0 && !is_block_input(value.relation)) {
                    fail(fault::unknown_relation, written, value.relation);
                    return;
                }
                set_arity(written, value.relation, value.arity);
                if (value.gives_value() || shape.fact < 0) ++shape.uses;
                if (!value.gives_value() && shape.rule >= 0) {
                    shape.tested = true;
                    if (written.recurs.loop >= 0 &&
                        out.text.rules[shape.rule].recurs.loop == written.recurs.loop)
                        fail(fault::a_relation_of_the_same_recursion_is_not_negated_or_hidden,
                             written, value.relation);
                }
                const bool symbols =
                    shape.fact >= 0 && out.facts[shape.fact].kind == fact_kind::symbols;
                if (symbols && value.gives_value() && value.weight.weight < 0)
                    fail(fault::a_symbol_needs_a_weight, written, value.relation);
                if (symbols && value.weight.weight >= 0)
                    out.weights[value.weight.weight].looked_up = true;
            }
            for (const transformation_use& function : written.transformations)
                for (const weight_use& use : function.weights) use_weight(written, use);
        }
        for (const rule& written : out.text.rules) {
            if (!written.repeat) continue;
            const int given = item(written, 0).arity;
            for (const int part : {out.block_input[written.block], out.block_output[written.block]})
                if (out.relations[part].arity != given)
                    fail(fault::wrong_number_of_arguments, written, -1, out.relations[part].arity,
                         given);
        }
    }

    // Order: depth first, so that a block's rules stand together, and those of a recursion.

    /// Orders the rules so that each follows the rules that it reads.
    constexpr void put_in_order() {
        list<int, Sizes.rules> state{};  // 0 new, 1 under way, 2 done
        state.reset(out.text.rules.size());
        for (int at = 0; at < out.text.rules.size(); ++at)
            if (out.text.rules[at].scope == 0) visit(at, state);
    }

  private:
    constexpr void set_arity(const rule& at, int relation, int arity) {
        relation_shape& shape = out.relations[relation];
        if (shape.arity < 0) shape.arity = arity;
        if (shape.arity != arity)
            fail(fault::wrong_number_of_arguments, at, relation, arity, shape.arity);
        if (shape.fact < 0) return;
        fact_shape& given = out.facts[shape.fact];
        given.indices = arity;
        if (given.is_sparse() && arity < 1)
            fail(fault::wrong_number_of_arguments, at, relation, arity, 1);
        if (arity > given.rank || (given.up_to && arity < 1))
            fail(fault::wrong_number_of_arguments, at, relation, arity, given.rank);
    }

    constexpr void use_weight(const rule& at, const weight_use& use) {
        if (use.weight < 0) return;
        weight_shape& shape = out.weights[use.weight];
        if (shape.arity < 0) shape.arity = use.arity;
        if (shape.arity != use.arity && ok()) {
            fail(fault::wrong_number_of_arguments_of_a_weight, at, -1, use.arity, shape.arity);
            out.mistake.first = out.text.weights[use.weight].id;
        }
        ++shape.uses;
        if (!use.frozen) shape.trained = true;
    }

    /// Returns true if the head's relation follows from itself, one time after another.
    constexpr bool is_of_recursion(const rule& written) const {
        const relation& head = out.text.relations[written.head];
        for (const rule& other : out.text.rules) {
            const relation& candidate = out.text.relations[other.head];
            if (other.recurs.loop >= 0 && other.base < 0 && candidate.id == head.id &&
                candidate.scope == head.scope)
                return true;
        }
        return false;
    }

    /// Returns true if rules that name this relation in their head follow from it.
    constexpr bool follows_from_itself(int relation) const {
        const plan::relation& wanted = out.text.relations[relation];
        list<bool, Sizes.rules> seen{};
        seen.reset(out.text.rules.size());
        for (int at = 0; at < out.text.relations.size(); ++at) {
            const plan::relation& known = out.text.relations[at];
            if (!known.invented && known.id == wanted.id && known.scope == wanted.scope)
                return out.relations[at].rule >= 0 && leads_to(out.relations[at].rule, at, seen);
        }
        return false;
    }
    constexpr bool leads_to(int rule, int relation, list<bool, Sizes.rules>& seen) const {
        if (seen[rule]) return false;
        seen[rule] = true;
        const plan::rule& written = out.text.rules[rule];
        for (const literal& value : out.text.body(written)) {
            if (value.kind != literal_kind::relation) continue;
            const int from = out.relations[value.relation].rule;
            if (value.relation == relation || (from >= 0 && leads_to(from, relation, seen)))
                return true;
        }
        return false;
    }

    constexpr void visit(int at, list<int, Sizes.rules>& state) {
        if (state[at] == 2 || !ok()) return;
        const rule& written = out.text.rules[at];
        if (state[at] == 1) {
            fail(fault::cycle, written, -1);
            return;
        }
        if (written.recurs.loop >= 0 && state[at] == 0) {
            for (const rule& member : out.text.rules)
                if (member.recurs.loop == written.recurs.loop) visit_body(member, state, false);
            for (int member = 0; member < out.text.rules.size(); ++member)
                if (out.text.rules[member].recurs.loop == written.recurs.loop)
                    visit_member(member, state);
            return;
        }
        state[at] = 1;
        visit_body(written, state, false);
        if (written.repeat) visit_block(written.block, state);
        state[at] = 2;
        out.order.push(at);
    }

    /// The block's output and what it follows from; then the rules that nothing reads but rules of
    /// their own cycle.
    constexpr void visit_block(int block, list<int, Sizes.rules>& state) {
        visit(out.relations[out.block_output[block]].rule, state);
        for (int at = 0; at < out.text.rules.size(); ++at)
            if (out.text.rules[at].scope == block) visit(at, state);
    }

    /// One rule of a recursion, after those of the same round that it follows from.
    constexpr void visit_member(int at, list<int, Sizes.rules>& state) {
        if (state[at] == 2 || !ok()) return;
        if (state[at] == 1) {
            fail(fault::cycle, out.text.rules[at], -1);
            return;
        }
        state[at] = 1;
        visit_body(out.text.rules[at], state, true);
        state[at] = 2;
        out.order.push(at);
    }

    /// The rules that this rule depends on: in the same iteration of its recursion, or outside of
    /// it.
    constexpr void visit_body(const rule& written, list<int, Sizes.rules>& state, bool within) {
        for (const literal& value : out.text.body(written)) {
            if (value.kind != literal_kind::relation) continue;
            const int from = out.relations[value.relation].rule;
            if (from < 0) continue;
            const recurrence& other = out.text.rules[from].recurs;
            const bool together = written.recurs.loop >= 0 && other.loop == written.recurs.loop;
            if (together != within) continue;
            if (!within)
                visit(from, state);
            else if (value.terms[other.argument].offset + other.delay == written.recurs.delay)
                visit_member(from, state);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
