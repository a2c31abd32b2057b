#pragma once

#include "linear_rule.hpp"
#include "recursion.hpp"
#include "rule_parts.hpp"

/// Normalisation: rewrites a source so that each relation follows from one rule whose head is a
/// plain atom. The following become rules of their own, over relations that the plan invents:
///
/// - a head weight, the operand of a stack, a sum within a softmax, an atom transformation;
/// - each of several rules with one head;
/// - a weighted literal, unless the rule is itself a linear map that computes it only once for all
///   values of a variable that the literal does not mention;
/// - the terms that a rule of a recursion adds from outside;
/// - a literal at the sum or difference of two variables, by a rule that does nothing else.

namespace sequent::inline SEQUENT_ABI::plan {

/// The capacity of a normalised source.
constexpr sizes normal_size(sizes source) {
    const int rules = 4 * source.rules + source.literals;
    return {rules, 2 * source.literals + rules, source.nodes, source.scopes};
}

/// Normalises a source.
template <sizes Sizes>
class normaliser {
  public:
    source<normal_size(Sizes)> out{};

    constexpr explicit normaliser(const source<Sizes>& in) {
        for (const literal& item : in.literals) out.literals.push(item);
        for (const rule& item : in.rules) out.rules.push(item);
        for (const node& item : in.nodes) out.nodes.push(item);
        for (const relation& item : in.relations) out.relations.push(item);
        for (const weight& item : in.weights) out.weights.push(item);
        for (const name& item : in.counts) out.counts.push(item);
        for (const decision_function item : in.decisions) out.decisions.push(item);
        for (const name& item : in.compared) out.compared.push(item);
        for (const scope& item : in.scopes) out.scopes.push(item);
        out.mistake = in.mistake;
        out.mistaken_rule = in.mistaken_rule;
        out.mistaken_scope = in.mistaken_scope;
        out.refused = in.refused;
        if (out.mistake != fault::none) return;
        for (rule& item : out.rules)
            if (!item.transforms_atom) straighten_head(item, out);
        split_head_weights();
        split_stacks();
        split_softmax_of_sums();
        split_atom_transformations();
        split_several_rules();
        split_recursions();
        split_slices();
        split_weighted_literals();
        split_views();
    }

  private:
    // The combination of the rules of each relation, and the rules that were atom transformations.
    combination combined_[decltype(out.relations)::capacity()]{};
    bool was_atom_[decltype(out.rules)::capacity()]{};

    constexpr void fail(fault mistake, const rule& at) {
        if (out.mistake != fault::none) return;
        out.mistake = mistake;
        out.mistaken_rule = at.number;
        out.mistaken_scope = at.scope;
    }

    constexpr int invent(const rule& from) {
        return out.relations.push({out.relations[from.head].id, from.scope, true});
    }

    constexpr void push(rule made, const literal& only) {
        made.first_literal = out.literals.push(only);
        made.literals = 1;
        out.rules.push(made);
    }

    constexpr void split_head_weights() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            rule& inner = out.rules[at];
            if (inner.head_weight.weight < 0) continue;
            rule outer = same_head(inner);
            inner.head = invent(inner);
            literal only = head_literal(outer, inner.head);
            only.weight = outer.head_weight;
            outer.head_weight = inner.head_weight = {};
            push(outer, only);
        }
    }

    /// If a stack is applied to anything but a relation at the arguments of the head, the rest of
    /// the rule becomes a rule of its own.
    constexpr void split_stacks() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at)
            for (int earlier = 0; earlier < at; ++earlier)
                if (out.rules[at].repeat && out.rules[earlier].repeat &&
                    out.rules[at].scope == out.rules[earlier].scope &&
                    out.relations[out.rules[at].head].id ==
                        out.relations[out.rules[earlier].head].id)
                    fail(fault::two_stacks_of_one_head, out.rules[at]);
        for (int at = 0; at < count; ++at) {
            rule& inner = out.rules[at];
            if (inner.repeat == 0 || is_bare_stack(inner)) continue;
            rule outer = same_head(inner);
            outer.repeat = inner.repeat;
            outer.block = inner.block;
            const literal& first = out.literals[inner.first_literal];
            inner.repeat = inner.block = 0;
            // The input of a block may be found by the name of what the block is applied to.
            inner.head =
                inner.literals == 1 && first.kind == literal_kind::relation
                    ? out.relations.push({out.relations[first.relation].id, inner.scope, true})
                    : invent(inner);
            const literal only = head_literal(outer, inner.head);
            out.scopes[outer.block].rule = out.rules.size();
            push(outer, only);
        }
    }
    constexpr bool is_bare_stack(const rule& written) const {
        if (written.literals != 1 || written.condition >= 0 || written.transformations.size() > 0 ||
            written.states_aggregation || changes_one(written.combined) ||
            written.variables.size() != written.arity)
            return false;
        const literal& item = out.literals[written.first_literal];
        if (item.kind != literal_kind::relation || item.weight.weight >= 0 || item.transposed ||
            !item.gives_value() || item.has_element || item.arity != written.arity)
            return false;
        for (int axis = 0; axis < item.arity; ++axis)
            if (!(item.terms[axis] == written.terms[axis])) return false;
        return true;
    }

    /// A softmax or choice over some of the head's variables, of a body with variables that the
    /// head does not name: these are summed first, by a rule of their own.
    constexpr void split_softmax_of_sums() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            rule& inner = out.rules[at];
            const unsigned head = inner.head_variables();
            if (!inner.keeps_aggregated() || (inner.aggregated_variables & ~head) ||
                !(((1u << inner.variables.size()) - 1) & ~head))
                continue;
            rule outer = same_head(inner);
            outer.aggregated = inner.aggregated;
            outer.aggregated_number = inner.aggregated_number;
            outer.states_aggregation = true;
            for (const int index : inner.aggregated_order)
                for (int axis = 0; axis < inner.arity; ++axis)
                    if (inner.terms[axis].variable == index) {
                        outer.aggregated_order.push(outer.terms[axis].variable);
                        outer.aggregated_variables |= 1u << outer.terms[axis].variable;
                    }
            inner.aggregated = aggregation::sum;
            inner.aggregated_variables = 0;
            inner.aggregated_order = {};
            inner.head = invent(inner);
            push(outer, head_literal(outer, inner.head));
        }
    }

    constexpr void split_atom_transformations() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            if (!out.rules[at].transforms_atom) continue;
            const int head = out.rules[at].head;
            const int inner = invent(out.rules[at]);
            if (out.rules[at].states_combination) {
                for (int earlier = 0; earlier < at; ++earlier)
                    if (out.rules[earlier].head == head && !out.rules[earlier].transforms_atom &&
                        was_atom_[earlier])
                        fail(fault::a_combination_stands_first, out.rules[at]);
                combined_[inner] = out.rules[at].combined;
                out.rules[at].combined = combination::sum;
            }
            was_atom_[at] = true;
            for (rule& other : out.rules)
                if (other.head == head && !other.transforms_atom) other.head = inner;
            rule& outer = out.rules[at];
            outer.transforms_atom = false;
            for (variable& index : outer.variables) index.stated = 0;  // all atoms are transformed
            outer.first_literal = out.literals.push(head_literal(outer, inner));
            outer.literals = 1;
        }
    }

    constexpr void split_several_rules() {
        const int relations = out.relations.size();
        const int rules = out.rules.size();
        for (int head = 0; head < relations; ++head) {
            int count = 0;
            int first = -1;
            for (int at = 0; at < rules; ++at)
                if (out.rules[at].head == head && count++ == 0) first = at;
            if (count == 1 && combined_[head] == combination::cosine)
                fail(fault::cosine_of_two_values, out.rules[first]);
            if (count < 2 && (count == 0 || !changes_one(combined_[head]))) continue;
            if (count > max_literals) {
                fail(fault::too_many_rules_for_one_head, out.rules[first]);
                continue;
            }
            rule sum = same_head(out.rules[first]);
            // A stated extent applies to its own rule only.
            for (variable& index : sum.variables) index.stated = 0;
            sum.total = true;
            sum.combined = combined_[head];
            sum.first_literal = out.literals.size();
            sum.literals = count;
            for (int at = 0; at < rules; ++at) {
                rule& part = out.rules[at];
                if (part.head != head) continue;
                if (part.arity != sum.arity && out.mistake == fault::none) {
                    fail(fault::wrong_number_of_arguments, part);
                    out.clash[0] = part.arity;
                    out.clash[1] = sum.arity;
                }
                part.head = invent(part);
                out.literals.push(head_literal(sum, part.head));
            }
            out.rules.push(sum);
        }
    }

    // Recursions: terms from outside are computed for all times at once. Each product within
    // becomes a rule, so that products of one input can be grouped.

    constexpr void split_recursions() {
        const recursion_finder<normal_size(Sizes)> found(out);
        if (found.summed >= 0)
            fail(fault::argument_is_not_a_variable_plus_a_constant, out.rules[found.summed]);
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            if (out.rules[at].recurs.loop < 0) continue;
            split_outside(at, found.definer);
            const rule user = out.rules[at];
            if (user.literals == 1 && user.transformations.size() == 0 && is_linear(user, out))
                continue;
            for (int body = 0; body < user.literals; ++body) {
                const literal item = out.literals[user.first_literal + body];
                if (item.kind != literal_kind::relation || item.weight.weight < 0) continue;
                const int from = found.definer[item.relation];
                const int rules = out.rules.size();
                split_weighted_literal(at, user.first_literal + body);
                if (out.rules.size() == rules || !is_in_loop(from, user)) continue;
                rule& made = out.rules[rules];
                made.recurs = out.rules[from].recurs;
                const literal& inner = out.literals[made.first_literal];
                made.recurs.time = inner.terms[made.recurs.argument].variable;
                for (int axis = 0; axis < made.arity; ++axis)
                    if (made.terms[axis].variable == made.recurs.time) made.recurs.argument = axis;
            }
        }
    }

    constexpr bool is_in_loop(int rule_at, const rule& of) const {
        return rule_at >= 0 && out.rules[rule_at].recurs.loop == of.recurs.loop;
    }

    /// Returns true if the rule adds its literals for each head on its own.
    constexpr bool adds_literals(const rule& written) const {
        if (written.condition >= 0 || written.total || written.literals < 2 ||
            written.combined != combination::sum || written.aggregated != aggregation::sum)
            return false;
        const unsigned head = written.head_variables();
        for (const literal& item : out.body(written))
            if (!item.gives_value() || item.has_element || item.transposed ||
                (argument_variables(item) & ~head))
                return false;
        return true;
    }
    /// In a rule of a recursion, the biases and the products of relations outside become a rule
    /// outside.
    constexpr void split_outside(int at, const auto& definer) {
        if (!adds_literals(out.rules[at])) return;
        rule user = out.rules[at];
        auto is_outside = [&](const literal& item) {
            return item.kind == literal_kind::relation && item.weight.weight >= 0 &&
                   !is_in_loop(definer[item.relation], user);
        };
        int offsets[max_variables]{};
        unsigned mentioned = 0;
        for (int body = 0; body < user.literals && !mentioned; ++body) {
            const literal& item = out.literals[user.first_literal + body];
            if (!is_outside(item)) continue;
            mentioned = argument_variables(item);
            for (int axis = 0; axis < item.arity; ++axis)
                if (item.terms[axis].variable >= 0)
                    offsets[item.terms[axis].variable] = item.terms[axis].offset;
        }
        if (!((mentioned >> user.recurs.time) & 1u)) return;
        rule made = part_of(user);
        literal outer;
        int places[max_variables]{};
        for (int axis = 0; axis < user.arity; ++axis) {
            const int index = user.terms[axis].variable;
            if (!((mentioned >> index) & 1u)) continue;
            places[index] = made.variables.push(moved(user.variables[index], offsets[index]));
            made.terms[made.arity++] = {places[index], 0};
            outer.terms[outer.arity++] = {index, offsets[index]};
        }
        made.head = outer.relation =
            out.relations.push({out.relations[user.head].id, user.scope, true});
        made.first_literal = out.literals.size();
        int kept = 0;
        for (int body = 0; body < user.literals; ++body) {
            const literal item = out.literals[user.first_literal + body];
            literal moved = item;
            const bool plain = take_away(moved, offsets);
            const bool taken = plain && !(argument_variables(item) & ~mentioned) &&
                               (is_outside(item) || item.kind == literal_kind::weight);
            if (!taken) {
                out.literals[user.first_literal + kept++] = item;
                continue;
            }
            visit_terms(moved, [&](term& argument) {
                if (argument.variable >= 0) argument.variable = places[argument.variable];
            });
            out.literals.push(moved);
            ++made.literals;
        }
        out.literals[user.first_literal + kept++] = outer;
        out.rules[at].literals = kept;
        out.rules.push(made);
    }

    /// The operand of a slice becomes a rule of its own. So does the slice if other functions
    /// follow, so that it can be a view.
    constexpr void split_slices() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            rule& inner = out.rules[at];
            if (inner.literals != 1 || inner.transformations.size() == 0 || inner.repeat ||
                inner.transformations[0].kind != transformation::slice || inner.recurs.loop >= 0 ||
                inner.shifted >= 0 || inner.states_aggregation || inner.total ||
                inner.variables.size() != inner.arity ||
                out.literals[inner.first_literal].kind != literal_kind::relation)
                continue;
            bool in_order = true;  // so that functions find their variables
            for (int axis = 0; axis < inner.arity; ++axis)
                in_order = in_order && inner.terms[axis] == term{axis, 0};
            if (!in_order) continue;
            split_weighted_literal(at, inner.first_literal);
            rule& slicing = out.rules[at];
            if (slicing.transformations.size() < 2) continue;
            rule outer = same_head(slicing);
            for (int place = 1; place < slicing.transformations.size(); ++place)
                outer.transformations.push(slicing.transformations[place]);
            slicing.transformations.count = 1;
            slicing.head = invent(slicing);
            push(outer, head_literal(outer, slicing.head));
        }
    }

    constexpr void split_weighted_literals() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            if (out.rules[at].repeat) continue;
            const bool linear = is_linear(out.rules[at], out);
            const int first = out.rules[at].first_literal;
            for (int item = first; item < first + out.rules[at].literals; ++item)
                if (!linear || mentions_less(out.literals[item], out.rules[at]))
                    split_weighted_literal(at, item);
        }
    }

    /// Returns true if the literal, one of several, is the same for all values of one of the head's
    /// variables.
    static constexpr bool mentions_less(const literal& item, const rule& user) {
        return user.literals > 1 && (user.head_variables() & ~argument_variables(item));
    }

    constexpr void split_weighted_literal(int user_at, int item_at) {
        const literal item = out.literals[item_at];
        if (item.kind != literal_kind::relation || item.weight.weight < 0) return;
        const rule user = out.rules[user_at];
        rule made = part_of(user);
        int arguments = 0;
        for (int at = 0; at < item.arity; ++at) arguments += item.terms[at].variable >= 0;
        for (int at = 0; at < item.weight.arity; ++at) {
            bool known = item.weight.terms[at].variable < 0;
            for (int other = 0; other < item.arity; ++other)
                known = known || item.terms[other] == item.weight.terms[at];
            arguments += !known;
        }
        if (arguments > max_arity) {
            fail(fault::too_many_arguments, user);
            return;
        }
        literal inner = item;
        literal outer = item;
        inner.transposed = false;
        inner.has_element = false;
        outer.weight = {};
        outer.arity = 0;
        auto add_variable = [&](const term& argument) {
            constexpr name sum = make_name("sum", 3);
            const int index = made.variables.push(
                argument.second >= 0 ? variable{sum, 0, 0}
                                     : moved(user.variables[argument.variable], argument.offset));
            made.terms[made.arity++] = {index, 0};
            outer.terms[outer.arity++] = argument;
            return index;
        };
        for (int argument = 0; argument < item.arity; ++argument)
            if (item.terms[argument].variable >= 0)
                inner.terms[argument] = {add_variable(item.terms[argument]), 0};
        const int relation_arguments = made.arity;
        for (int argument = 0; argument < item.weight.arity; ++argument) {
            const term& written = item.weight.terms[argument];
            if (written.variable < 0) continue;
            int index = -1;
            for (int known = 0; known < relation_arguments; ++known)
                if (outer.terms[known] == written) index = known;
            if (index < 0) index = add_variable(written);
            inner.weight.terms[argument] = {index, 0};
        }
        made.head = out.relations.push({out.relations[item.relation].id, user.scope, true});
        outer.relation = made.head;
        out.literals[item_at] = outer;
        push(made, inner);
    }

    // Sums of variables: the rule r'(i, j) <<= r(i - j) stands for r in their place.

    constexpr void split_views() {
        const int count = out.rules.size();
        for (int at = 0; at < count; ++at) {
            const int first = out.rules[at].first_literal;
            for (int item = first; item < first + out.rules[at].literals; ++item)
                if (is_view(out.literals[item])) split_view(out.rules[at], item);
        }
    }

    constexpr void split_view(const rule& user, int item_at) {
        literal inner = out.literals[item_at];
        literal outer = inner;
        if (user.repeat) {
            fail(fault::argument_is_not_a_variable_plus_a_constant, user);
            return;
        }
        inner.transposed = inner.has_element = false;
        outer.kind = literal_kind::relation;
        outer.weight = {};
        outer.arity = 0;
        rule made = part_of(user);
        made.views = true;
        int places[max_variables]{};  // one more than the variable's place
        auto apply = [&](int& index) {
            if (index < 0) return;
            if (places[index] == 0) {
                if (made.arity == max_arity) {
                    fail(fault::too_many_arguments, user);
                    return;
                }
                places[index] = made.variables.push(user.variables[index]) + 1;
                made.terms[made.arity++] = {places[index] - 1, 0};
                outer.terms[outer.arity++] = {index, 0};
            }
            index = places[index] - 1;
        };
        const bool bare = inner.kind == literal_kind::weight;
        term* terms = bare ? inner.weight.terms : inner.terms;
        for (int axis = 0; axis < (bare ? inner.weight.arity : inner.arity); ++axis) {
            apply(terms[axis].variable);
            apply(terms[axis].second);
        }
        made.head = outer.relation = out.relations.push(
            {bare ? out.weights[inner.weight.weight].id : out.relations[inner.relation].id,
             user.scope, true});
        out.literals[item_at] = outer;
        push(made, inner);
    }
};

/// The normalised source.
template <sizes Sizes>
constexpr auto normalise(const source<Sizes>& in) {
    return normaliser<Sizes>(in).out;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
