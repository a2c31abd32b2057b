#pragma once

#include "shape.hpp"

/// Gives relations, variables and weights their extents and values their shapes, puts the rules in
/// order, and finds what does not fit.

namespace sequent::inline SEQUENT_ABI::plan {

constexpr bool is_elementwise(combination kind) {
    return kind != combination::product && kind != combination::concat &&
           kind != combination::cosine;
}

template <sizes Sizes, int Facts>
class shaper {
  public:
    shaped<Sizes, Facts> out{};

    constexpr shaper(const source<Sizes>& text, const list<fact_shape, Facts>& facts,
                     const list<name, max_queries>& queries) {
        out.text = text;
        out.facts = facts;
        for (int at = 0; at < text.relations.size(); ++at) out.relations.push({});
        for (int at = 0; at < text.weights.size(); ++at) out.weights.push({});
        if (text.mistake != fault::none) {
            for (const rule& written : text.rules)
                if (written.number == text.mistaken_rule && written.scope == text.mistaken_scope)
                    fail(text.mistake, written, -1, text.clash[0], text.clash[1]);
            out.mistake.refused = text.refused;
            return;
        }
        check_facts();
        if (ok()) bind_facts();
        if (ok()) check_rules();
        if (ok()) put_in_order();
        bool settling = settle_all();
        while (ok() && !settling && bind_late()) settling = settle_all();
        for (int at : out.order)  // a recursion that goes on for ever
            if (ok() && settling && out.text.rules[at].recurs.loop >= 0)
                fail_at_variable(fault::recursion_without_an_end, out.text.rules[at],
                                 out.text.rules[at].recurs.time);
        if (ok()) check_extents();
        settled_ = true;
        if (ok()) settle();
        if (ok()) find_outputs(queries);
    }

  private:
    bool settled_ = false;

    constexpr bool ok() const { return out.mistake.ok(); }

    /// Shapes are judged once all extents are known.
    constexpr void misfit(const rule& at, int relation, int left, int right) {
        if (settled_) fail(fault::shapes_do_not_fit, at, relation, left, right);
    }

    constexpr void fail(fault found, const rule& at, int relation, int left = 0, int right = 0) {
        if (!ok()) return;
        const int shown = relation >= 0 ? relation : at.head;
        const int stacking = out.text.scopes[at.scope].rule;
        out.mistake = {found, at.number, out.text.relations[shown].id,
                       left,  right,     stacking < 0 ? -1 : out.text.rules[stacking].number};
    }

    constexpr void fail_at_variable(fault found, const rule& at, int variable) {
        if (!ok()) return;
        fail(found, at, -1);
        if (variable >= 0) out.mistake.first = at.variables[variable].id;
    }

    constexpr literal& item(const rule& of, int at) {
        return out.text.literals[of.first_literal + at];
    }

    constexpr void check_facts() {
        for (int at = 0; ok() && at < out.facts.size(); ++at) {
            const fact_shape& given = out.facts[at];
            for (int earlier = 0; ok() && earlier < at; ++earlier)
                if (out.facts[earlier].id == given.id)
                    out.mistake = {fault::two_facts_of_one_name, -1, given.id};
            for (int axis = 0; ok() && axis < given.rank; ++axis) {
                if (given.extents[axis] >= 1) continue;
                out.mistake = {fault::number_out_of_range, -1, given.id};
                out.mistake.refused = {make_name("fact", 4),
                                       static_cast<double>(given.extents[axis]),
                                       number_range::at_least_1};
            }
        }
    }

    constexpr void bind_facts() {
        for (int at = 0; at < out.text.rules.size(); ++at) {
            const rule& written = out.text.rules[at];
            out.relations[written.head].rule = at;
        }
        for (int at = 0; at < out.text.relations.size(); ++at) {
            const relation& known = out.text.relations[at];
            if (known.scope != 0 || known.invented) continue;
            out.relations[at].fact = fact_named(known.id);
            if (out.relations[at].fact >= 0 && out.relations[at].rule >= 0)
                fail(fault::a_fact_cannot_be_a_head, out.text.rules[out.relations[at].rule], at);
        }
        count_lengths();
        for (int at = 0; at < out.text.counts.size(); ++at) {
            bool given = false;
            for (const fact_shape& known : out.facts)
                if ((known.kind == fact_kind::count || known.up_to) &&
                    known.id == out.text.counts[at])
                    given = true;
            if (given || !ok()) continue;
            for (const rule& written : out.text.rules)
                if (mentions(node_kind::count, written, at))
                    fail(fault::a_count_that_is_not_given, written, -1);
        }
        for (int at = 0; at < out.text.compared.size(); ++at) {
            if (compared_fact(out, at) >= 0) continue;
            const bool known = fact_named(out.text.compared[at]) >= 0;
            for (const rule& written : out.text.rules) {
                if (!ok() || !mentions(node_kind::same_symbol, written, at)) continue;
                fail(
                    known ? fault::only_symbols_of_one_index_are_compared : fault::unknown_relation,
                    written, -1);
                out.mistake.relation = out.text.compared[at];
            }
        }
        for (int scope = 1; ok() && scope < out.text.scopes.size(); ++scope) bind_outside(scope);
        for (int scope = 1; ok() && scope < out.text.scopes.size(); ++scope) bind_block(scope);
    }

    /// The length of a fact that may be shorter is a count of its name.
    constexpr void count_lengths() {
        for (fact_shape& given : out.facts) {
            if (!given.up_to) continue;
            for (int at = 0; at < out.text.counts.size(); ++at)
                if (out.text.counts[at] == given.id) given.length = at;
            if (given.length < 0) given.length = out.text.counts.push(given.id);
        }
    }

    /// Whether the rule mentions a count, or compares a fact.
    constexpr bool mentions(node_kind kind, int root, int value) const {
        if (root < 0) return false;
        const node& top = out.text.nodes[root];
        return (top.kind == kind && top.value == value) || mentions(kind, top.left, value) ||
               mentions(kind, top.right, value);
    }
    constexpr bool mentions(node_kind kind, const rule& written, int value) {
        bool found = mentions(kind, written.condition, value);
        for (int at = 0; at < written.literals; ++at)
            found = found || mentions(kind, item(written, at).expression, value);
        for (const transformation_use& function : written.transformations)
            found = found || mentions(kind, function.position, value);
        return found;
    }

    constexpr int fact_named(const name& id) const {
        for (int given = 0; given < out.facts.size(); ++given)
            if (out.facts[given].id == id && out.facts[given].kind != fact_kind::count)
                return given;
        return -1;
    }

    /// A stacked block's one relation without a rule is its input. Of several, those that the
    /// program around knows are that program's, and the one that it does not know is the input; if
    /// it knows all, the one with the name of what the block is applied to.
    constexpr void bind_outside(int scope) {
        const rule& stacking = out.text.rules[out.text.scopes[scope].rule];
        list<int, Sizes.rules + Sizes.literals> open{};
        for (int at = 0; at < out.text.relations.size(); ++at)
            if (out.text.relations[at].scope == scope && out.relations[at].rule < 0) open.push(at);
        int input = open.size() == 1 ? open[0] : -1;
        for (int at : open) {
            if (open.size() == 1 || is_known(outside_of(at))) continue;
            if (input >= 0) {
                fail(fault::two_inputs_of_a_stacked_block, stacking, -1);
                out.mistake.first = out.text.relations[input].id;
                out.mistake.second = out.text.relations[at].id;
                return;
            }
            input = at;
        }
        for (int at : open)
            if (input < 0 && stacking.literals == 1 &&
                item(stacking, 0).kind == literal_kind::relation &&
                out.text.relations[at].id == out.text.relations[item(stacking, 0).relation].id)
                input = at;
        if (input < 0) {
            fail(fault::a_stacked_block_has_one_input_and_one_output, stacking, -1);
            return;
        }
        out.block_input[scope] = input;
        for (int at : open) {
            if (at == input) continue;
            const outside known = outside_of(at);
            out.relations[at].fact = known.fact;
            if (known.relation < 0) continue;
            for (literal& value : out.text.literals)
                if (value.kind == literal_kind::relation && value.relation == at)
                    value.relation = known.relation;
        }
    }

    struct outside {
        int relation = -1;
        int fact = -1;
    };
    static constexpr bool is_known(const outside& what) {
        return what.relation >= 0 || what.fact >= 0;
    }
    /// What a relation's name means in the scopes around its own, from the inside out: a relation
    /// that follows from a rule there, the input of the block there, or a fact.
    constexpr outside outside_of(int relation) const {
        const plan::relation& wanted = out.text.relations[relation];
        for (int scope = wanted.scope; scope > 0;) {
            scope = out.text.scopes[scope].parent;
            for (int at = 0; at < out.text.relations.size(); ++at) {
                const plan::relation& known = out.text.relations[at];
                if (known.scope != scope || known.invented || !(known.id == wanted.id)) continue;
                if (out.relations[at].rule >= 0 || (scope > 0 && out.block_input[scope] == at))
                    return {at, -1};
            }
        }
        return {-1, fact_named(wanted.id)};
    }

    constexpr void bind_block(int scope) {
        const rule& stacking = out.text.rules[out.text.scopes[scope].rule];
        int outputs = 0;
        for (int at = 0; at < out.text.relations.size(); ++at) {
            if (out.text.relations[at].scope != scope || out.relations[at].rule < 0) continue;
            bool used = false;
            for (const rule& written : out.text.rules)
                for (int body = 0; body < written.literals; ++body) {
                    const literal& value = item(written, body);
                    used = used || (value.kind == literal_kind::relation && value.relation == at);
                }
            if (used) continue;
            ++outputs;
            out.block_output[scope] = at;
        }
        if (outputs != 1 || stacking.literals != 1 ||
            item(stacking, 0).kind != literal_kind::relation ||
            item(stacking, 0).weight.weight >= 0)
            fail(fault::a_stacked_block_has_one_input_and_one_output, stacking, -1);
        else
            out.relations[out.block_input[scope]].passes_into = item(stacking, 0).relation;
    }

    constexpr bool is_block_input(int relation) const {
        return out.text.relations[relation].scope > 0 && out.relations[relation].passes_into >= 0;
    }

    constexpr void set_arity(const rule& at, int relation, int arity) {
        relation_shape& shape = out.relations[relation];
        if (shape.arity < 0) shape.arity = arity;
        if (shape.arity != arity)
            fail(fault::wrong_number_of_arguments, at, relation, arity, shape.arity);
        if (shape.fact < 0) return;
        const fact_shape& given = out.facts[shape.fact];
        if (given.is_sparse() && arity != 2)
            fail(fault::wrong_number_of_arguments, at, relation, arity, 2);
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
            // A cycle that is no recursion is told as one, below.
            if (!plain && (is_of_recursion(written) || !follows_from_itself(written.head)))
                fail(fault::head_arguments_are_distinct_variables, written, -1);
            if (written.aggregated == aggregation::softmax) {
                if ((written.aggregated_variables & head) != written.aggregated_variables)
                    fail(fault::softmax_over_a_variable_not_in_the_head, written, -1);
            } else if (written.aggregated_variables & head) {
                fail(fault::aggregation_over_a_variable_in_the_head, written, -1);
            } else if (written.aggregated != aggregation::sum &&
                       (((1u << written.variables.size()) - 1) & ~head &
                        ~written.aggregated_variables)) {
                fail(fault::an_aggregation_names_all_variables_but_those_of_the_head, written, -1);
            }
            for (int at = 0; at < written.literals; ++at) {
                const literal& value = item(written, at);
                use_weight(written, value.weight);
                if (value.kind != literal_kind::relation) continue;
                relation_shape& shape = out.relations[value.relation];
                if (shape.fact < 0 && shape.rule < 0 && !is_block_input(value.relation)) {
                    fail(fault::unknown_relation, written, value.relation);
                    return;
                }
                set_arity(written, value.relation, value.arity);
                if (value.gives_value()) {
                    ++shape.uses;
                } else if (shape.fact < 0) {
                    fail(fault::only_facts_are_negated_or_hidden, written, value.relation);
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

    /// Whether the head's relation follows from itself, one time after another.
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

    /// Whether rules that name this relation in their head follow from it.
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
        for (int body = 0; body < written.literals; ++body) {
            const literal& value = out.text.literals[written.first_literal + body];
            if (value.kind != literal_kind::relation) continue;
            const int from = out.relations[value.relation].rule;
            if (value.relation == relation || (from >= 0 && leads_to(from, relation, seen)))
                return true;
        }
        return false;
    }

    // Order: depth first, so that a block's rules stand together, and those of a recursion.

    constexpr void put_in_order() {
        list<int, Sizes.rules> state{};  // 0 new, 1 under way, 2 done
        state.reset(out.text.rules.size());
        for (int at = 0; at < out.text.rules.size(); ++at)
            if (out.text.rules[at].scope == 0) visit(at, state);
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

    /// What the rule follows from: within its recursion in the same round, or outside.
    constexpr void visit_body(const rule& written, list<int, Sizes.rules>& state, bool within) {
        for (int body = 0; body < written.literals; ++body) {
            const literal& value = item(written, body);
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

    // Extents and shapes, in passes until nothing changes.

    /// False once nothing changes any more.
    constexpr bool settle_all() {
        bool settling = true;
        for (int pass = 0; ok() && settling && pass <= Sizes.rules; ++pass) settling = settle();
        return settling;
    }
    /// Lets arguments with an offset bind what nothing else does, or else weights: in the rules of
    /// the first head that has such a variable. All extents are then found anew, since some were
    /// those of relations that were not known in full. Returns false if there is no such head.
    constexpr bool bind_late() {
        for (int place = 0; place < out.order.size(); ++place) {
            const rule& first = out.text.rules[out.order[place]];
            bool open = false;
            for (const variable& index : first.variables) open = open || !index.extent;
            if (!open) continue;
            const int head = summed_into(first.head);
            if (!mark(head, &variable::moved, &shaper::extent_from_moved) &&
                !mark(head, &variable::by_weights, &shaper::extent_from_weights))
                continue;
            for (rule& written : out.text.rules)
                for (variable& index : written.variables) index.extent = 0;
            for (relation_shape& shape : out.relations)
                for (int& extent : shape.extents) extent = 0;
            for (weight_shape& shape : out.weights)
                for (int& extent : shape.extents) extent = 0;
            return true;
        }
        return false;
    }
    /// Marks the variables of the head's rules that nothing binds yet, and to which `find` gives an
    /// extent. Returns whether there are any.
    constexpr bool mark(int head, bool variable::*flag, int (shaper::*find)(const rule&, int)) {
        bool found = false;
        for (rule& written : out.text.rules)
            for (int at = 0; at < written.variables.size(); ++at) {
                variable& index = written.variables[at];
                if (index.extent || index.*flag || (this->*find)(written, at) <= 0 ||
                    summed_into(written.head) != head)
                    continue;
                index.*flag = found = true;
            }
        return found;
    }
    /// The relation that the user names for whose rules this one was invented, or the relation
    /// itself.
    constexpr int summed_into(int relation) {
        if (!out.text.relations[relation].invented) return relation;
        for (const rule& user : out.text.rules)
            for (int body = 0; body < user.literals; ++body)
                if (item(user, body).kind == literal_kind::relation &&
                    item(user, body).relation == relation)
                    return summed_into(user.head);
        return relation;
    }

    constexpr bool settle() {
        bool changed = false;
        for (int at = 0; at < out.text.relations.size(); ++at) {
            relation_shape& shape = out.relations[at];
            if (shape.fact < 0) continue;
            const fact_shape& given = out.facts[shape.fact];
            const int arity = shape.arity < 0 ? 0 : shape.arity;
            for (int axis = 0; axis < arity; ++axis) shape.extents[axis] = given.extents[axis];
            shape.classes = given.classes;
            int value[2] = {1, 1};
            if (given.rank - arity > 2)
                fail(fault::wrong_number_of_arguments, first_user(at), at, arity, given.rank);
            else
                for (int axis = arity; axis < given.rank; ++axis)
                    value[axis - arity] = given.extents[axis];
            shape.value = {value[0], value[1]};
        }
        for (int at : out.order) {
            changed = settle_rule(out.text.rules[at]) || changed;
            if (!ok()) return false;
        }
        return changed;
    }

    constexpr const rule& first_user(int relation) {
        for (const rule& written : out.text.rules)
            for (int at = 0; at < written.literals; ++at)
                if (item(written, at).kind == literal_kind::relation &&
                    item(written, at).relation == relation)
                    return written;
        return out.text.rules[0];
    }

    constexpr void copy_shape(int from, int to) {
        relation_shape& target = out.relations[to];
        const relation_shape& origin = out.relations[from];
        if (target.arity < 0) target.arity = origin.arity;
        for (int axis = 0; axis < max_arity; ++axis) target.extents[axis] = origin.extents[axis];
        target.value = origin.value;
    }

    /// The inputs of the blocks around, from the outside in.
    constexpr void copy_inputs(int scope) {
        if (scope == 0) return;
        copy_inputs(out.text.scopes[scope].parent);
        const int input = out.block_input[scope];
        copy_shape(out.relations[input].passes_into, input);
    }

    constexpr bool settle_rule(rule& written) {
        bool changed = false;
        copy_inputs(written.scope);
        for (int at = 0; at < written.variables.size(); ++at) {
            // A stack's are those of its result, below.
            if (written.repeat && ((written.head_variables() >> at) & 1u)) continue;
            variable& index = written.variables[at];
            const int moved = at == written.shifted ? written.shift : 0;
            int extent = index.stated ? index.stated + moved : 0;
            for (int body = 0; body < written.literals; ++body) {
                const literal& value = item(written, body);
                if (value.kind != literal_kind::relation) continue;
                for (int axis = 0; axis < value.arity; ++axis) {
                    int bound = extent_at(value, axis);
                    if (value.terms[axis].variable != at || value.terms[axis].offset != -moved ||
                        !bound)
                        continue;
                    bound += moved;
                    if (!extent || (written.total ? bound > extent : bound < extent))
                        extent = bound;
                }
                const int length = out.relations[value.relation].value.size();
                if (value.has_element && value.element.variable == at && !value.element.offset &&
                    length > 0 && (!extent || length < extent))
                    extent = length;
            }
            if (written.views) extent = extent_from_view(written, at);
            if (!extent && index.moved) extent = extent_from_moved(written, at);
            index.follows = !extent;
            if (!extent) extent = extent_from_sum(written, at);
            if (at == written.shifted && extent && written.base >= extent)
                extent = written.base + 1;
            if (!extent && index.by_weights) extent = extent_from_weights(written, at);
            if (extent != index.extent) changed = true;
            index.extent = extent;
        }
        for (int body = 0; body < written.literals; ++body)
            changed = settle_weight(written, item(written, body).weight) || changed;
        for (const transformation_use& function : written.transformations)
            for (const weight_use& use : function.weights)
                changed = settle_weight(written, use) || changed;
        relation_shape& head = out.relations[written.head];
        if (written.repeat) {
            const int result = out.block_output[written.block];
            const value_shape inner = out.relations[result].value;
            const value_shape outer = out.relations[item(written, 0).relation].value;
            if (!(inner == outer)) misfit(written, -1, inner.rows, outer.rows);
            const relation_shape& given = out.relations[item(written, 0).relation];
            for (int axis = 0; axis < out.relations[result].arity; ++axis)
                if (out.relations[result].extents[axis] != given.extents[axis])
                    misfit(written, -1, out.relations[result].extents[axis], given.extents[axis]);
            copy_shape(result, written.head);
            for (int axis = 0; axis < written.arity; ++axis) {
                int& extent = written.variables[written.terms[axis].variable].extent;
                changed = changed || extent != head.extents[axis];
                extent = head.extents[axis];
            }
            return changed;
        }
        for (int axis = 0; axis < written.arity; ++axis)
            head.extents[axis] = written.variables[written.terms[axis].variable].extent;
        const value_shape shape = rule_shape(written);
        if (!(shape == head.value)) changed = true;
        head.value = shape;
        return changed;
    }

    /// How far a literal's relation lets an argument run; 0 where it does not say. Through a rule
    /// that only reads others, these say it of their plain arguments.
    constexpr int extent_at(const literal& value, int axis) {
        const relation_shape& shape = out.relations[value.relation];
        if (shape.rule < 0 || !out.text.rules[shape.rule].views) return shape.extents[axis];
        const literal& inner = item(out.text.rules[shape.rule], 0);
        int extent = 0;
        for (int place = 0; place < inner.arity; ++place) {
            const int bound = out.relations[inner.relation].extents[place];
            if (inner.terms[place] == term{axis, 0} && bound && (!extent || bound < extent))
                extent = bound;
        }
        return extent;
    }
    /// The variables of a rule that only reads others are those of its user.
    constexpr int extent_from_view(const rule& written, int variable) {
        for (const rule& user : out.text.rules)
            for (int body = 0; body < user.literals; ++body) {
                const literal& value = item(user, body);
                if (value.kind == literal_kind::relation && value.relation == written.head) {
                    const term& at = value.terms[variable];
                    const int extent = user.variables[at.variable].extent;
                    return extent ? extent + at.offset : 0;
                }
            }
        return 0;
    }

    /// Of several rules for one head, those that bind a variable bind it for the others, too.
    constexpr int extent_from_sum(const rule& written, int variable) {
        if (!out.text.relations[written.head].invented) return 0;
        for (const rule& user : out.text.rules) {
            if (user.repeat) continue;  // it runs as far as what it is applied to
            for (int body = 0; body < user.literals; ++body) {
                const literal& value = item(user, body);
                if (value.kind != literal_kind::relation || value.relation != written.head)
                    continue;
                for (int axis = 0; axis < written.arity; ++axis) {
                    const int summed = value.terms[axis].variable;
                    const int offset = value.terms[axis].offset;
                    if (written.terms[axis].variable != variable || summed < 0 ||
                        (user.total && offset))
                        continue;
                    const int extent = user.total ? extent_from_others(user, summed)
                                                  : user.variables[summed].extent;
                    return extent > 0 && extent + offset > 0 ? extent + offset : 0;
                }
            }
        }
        return 0;
    }

    /// As far as the rules of one head run in which something binds the variable of the total.
    constexpr int extent_from_others(const rule& total, int variable) {
        int extent = total.variables[variable].stated;
        for (int body = 0; body < total.literals; ++body) {
            const literal& value = item(total, body);
            const int at = out.relations[value.relation].rule;
            for (int axis = 0; axis < value.arity; ++axis) {
                if (!(value.terms[axis] == term{variable, 0})) continue;
                if (at >= 0) {
                    const rule& part = out.text.rules[at];
                    const int index = part.terms[axis].variable;
                    if (index >= 0 && part.variables[index].follows) continue;
                }
                const int bound = extent_at(value, axis);
                if (bound > extent) extent = bound;
            }
        }
        return extent;
    }

    /// What only arguments with an offset bind runs as far as their relations have atoms.
    constexpr int extent_from_moved(const rule& written, int variable) {
        int extent = 0;
        for (int body = 0; body < written.literals; ++body) {
            const literal& value = item(written, body);
            if (value.kind != literal_kind::relation) continue;
            for (int axis = 0; axis < value.arity; ++axis) {
                const int bound = out.relations[value.relation].extents[axis];
                if (value.terms[axis].variable != variable || value.terms[axis].second >= 0 ||
                    !bound)
                    continue;
                const int last = bound - value.terms[axis].offset;
                if (last <= 0) return 0;
                if (!extent || last < extent) extent = last;
            }
        }
        return extent;
    }

    constexpr int extent_from_weights(const rule& written, int variable) {
        int extent = 0;
        auto look = [&](const weight_use& use) {
            if (use.weight < 0) return;
            for (int axis = 0; axis < use.arity; ++axis)
                if (use.terms[axis] == term{variable, 0} && !extent)
                    extent = out.weights[use.weight].extents[axis];
        };
        for (int body = 0; body < written.literals; ++body) look(item(written, body).weight);
        for (const transformation_use& function : written.transformations)
            for (const weight_use& use : function.weights) look(use);
        return extent;
    }

    constexpr bool settle_weight(const rule& written, const weight_use& use) {
        if (use.weight < 0) return false;
        bool changed = false;
        for (int axis = 0; axis < use.arity; ++axis) {
            int& extent = out.weights[use.weight].extents[axis];
            const term& at = use.terms[axis];
            const int needed = 1 + last_of(at, written.variables);
            if (needed > extent) {
                extent = needed;
                changed = true;
            }
        }
        return changed;
    }

    constexpr value_shape rule_shape(const rule& written) {
        value_shape shape{};
        bool first = true;
        bool fits = true;
        int left = 0;
        int right = 0;
        for (int body = 0; body < written.literals; ++body) {
            const literal& value = item(written, body);
            if (!value.gives_value()) continue;
            const value_shape next = literal_shape(out, value, fits, left, right);
            if (!fits) {
                misfit(written, value.kind == literal_kind::relation ? value.relation : -1, left,
                       right);
                return shape;
            }
            if (first) {
                shape = next;
                first = false;
            } else if (written.combined == combination::product) {
                if (next.is_scalar()) continue;
                if (shape.is_scalar()) {
                    shape = next;
                } else {
                    if (shape.columns != next.rows) misfit(written, -1, shape.columns, next.rows);
                    shape = {shape.rows, next.columns};
                }
            } else if (written.combined == combination::concat) {
                if (shape.columns != next.columns) misfit(written, -1, shape.columns, next.columns);
                shape = {shape.rows + next.rows, shape.columns};
            } else if (!(shape == next)) {
                if (shape.is_scalar() && is_elementwise(written.combined))
                    shape = next;
                else if (!(next.is_scalar() && is_elementwise(written.combined)))
                    misfit(written, -1, shape.rows == next.rows ? shape.columns : shape.rows,
                           shape.rows == next.rows ? next.columns : next.rows);
            }
        }
        if (written.combined == combination::cosine) {
            int values = 0;
            for (int body = 0; body < written.literals; ++body)
                values += item(written, body).gives_value() ? 1 : 0;
            if (values != 2) fail(fault::cosine_of_two_values, written, -1);
            shape = {1, 1};
        }
        for (const transformation_use& function : written.transformations)
            shape = transformed(written, function, shape);
        if (written.aggregated == aggregation::count) return {1, 1};
        if (written.aggregated == aggregation::concat) {
            int repeats = 1;
            for (int at = 0; at < written.variables.size(); ++at)
                if (!((written.head_variables() >> at) & 1u))
                    repeats *= written.variables[at].extent;
            return {shape.rows * repeats, shape.columns};
        }
        return shape;
    }

    constexpr value_shape transformed(const rule& written, const transformation_use& function,
                                      value_shape shape) {
        const int first = static_cast<int>(function.numbers[0]);
        const int second = static_cast<int>(function.numbers[1]);
        if (function.kind == transformation::slice) {
            if (second > shape.size() - first) misfit(written, -1, second, shape.size() - first);
            return {second, 1};
        }
        if (function.kind == transformation::reshape) {
            const long long size = 1LL * first * second;
            if (size != shape.size())
                misfit(written, -1, size < never ? static_cast<int>(size) : never, shape.size());
            return {first, second};
        }
        const bool pairs = function.kind == transformation::rotary ||
                           function.kind == transformation::rotary_halves ||
                           function.kind == transformation::sinusoidal;
        if (pairs && second != 0 && (second % 2 != 0 || second > shape.size()))
            misfit(written, -1, second, shape.size());
        if (pairs && second == 0 && shape.size() % 2 != 0)
            misfit(written, -1, shape.size(), shape.size() + 1);
        for (const weight_use& use : function.weights) {
            if (use.weight < 0) continue;
            const weight& gain = out.text.weights[use.weight];
            if (gain.shape[0] * gain.shape[1] != shape.size())
                misfit(written, -1, gain.shape[0] * gain.shape[1], shape.size());
        }
        return shape;
    }

    constexpr void check_extents() {
        for (const rule& written : out.text.rules) {
            for (int at = 0; at < written.variables.size(); ++at)
                if (written.variables[at].extent == 0 && written.base < 0)
                    fail_at_variable(at == written.recurs.time ? fault::recursion_without_an_end
                                     : ((written.head_variables() >> at) & 1u)
                                         ? fault::head_variable_that_nothing_binds
                                         : fault::body_variable_that_nothing_binds,
                                     written, at);
            if (ok()) check_compared(written, written.condition);
        }
    }

    /// A variable at which a fact's symbol is compared stays within the fact.
    constexpr void check_compared(const rule& written, int root) {
        if (root < 0) return;
        const node& top = out.text.nodes[root];
        if (top.kind == node_kind::same_symbol) {
            const int room = out.facts[compared_fact(out, top.value)].extents[0];
            for (const int side : {top.left, top.right}) {
                const int extent = written.variables[out.text.nodes[side].value].extent;
                if (extent > room) fail(fault::shapes_do_not_fit, written, -1, extent, room);
            }
            return;
        }
        check_compared(written, top.left);
        check_compared(written, top.right);
    }

    constexpr void find_outputs(const list<name, max_queries>& queries) {
        for (const name& wanted : queries) {
            bool found = false;
            for (int at = 0; at < out.text.relations.size(); ++at) {
                const relation& known = out.text.relations[at];
                if (known.invented || known.scope || !(known.id == wanted) ||
                    out.relations[at].rule < 0)
                    continue;
                out.outputs.push(at);
                found = true;
            }
            if (!found && ok())
                out.mistake = {fault::query_of_an_unknown_relation, -1, wanted, 0, 0, -1};
        }
        if (queries.size() == 0) {
            for (int at = 0; at < out.text.relations.size(); ++at) {
                const relation& known = out.text.relations[at];
                if (known.invented || known.scope || out.relations[at].rule < 0) continue;
                if (out.relations[at].uses == 0) out.outputs.push(at);
            }
            if (out.outputs.size() > 1)
                fail(fault::several_outputs_need_a_query,
                     out.text.rules[out.relations[out.outputs[1]].rule], out.outputs[1]);
            if (out.outputs.size() == 0 && ok()) out.mistake = {fault::no_output, -1, {}, 0, 0, -1};
        }
        for (int at : out.outputs) out.relations[at].output = true;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
