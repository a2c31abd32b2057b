#pragma once

#include "shape.hpp"

/// Name binding: the names of a program become facts, relations of the program around a block, or
/// counts.

namespace sequent::inline SEQUENT_ABI::plan {

/// Binds the names of a program. The stages of shape inference derive from it.
template <sizes Sizes, int Facts>
class name_binder {
  public:
    shaped<Sizes, Facts> out{};

  protected:
    constexpr name_binder(const source<Sizes>& text, const list<fact_shape, Facts>& facts) {
        out.text = text;
        out.facts = facts;
        out.relations.reset(text.relations.size());
        out.weights.reset(text.weights.size());
    }

    /// Returns true if no mistake is found.
    constexpr bool ok() const { return out.mistake.ok(); }

    /// Stores the first mistake, of a rule and a relation; -1: that of the head.
    constexpr void fail(fault found, const rule& at, int relation, int left = 0, int right = 0) {
        if (!ok()) return;
        const int shown = relation >= 0 ? relation : at.head;
        const int stacking = out.text.scopes[at.scope].rule;
        out.mistake = {found, at.number, out.text.relations[shown].id,
                       left,  right,     stacking < 0 ? -1 : out.text.rules[stacking].number};
    }

    /// Stores the first mistake, of a variable of a rule.
    constexpr void fail_at_variable(fault found, const rule& at, int variable) {
        if (!ok()) return;
        fail(found, at, -1);
        if (variable >= 0) out.mistake.first = at.variables[variable].id;
    }

    /// Literal `at` of a rule.
    constexpr literal& item(const rule& of, int at) {
        return out.text.literals[of.first_literal + at];
    }

    /// Binds all names.
    constexpr void bind() {
        check_facts();
        if (ok()) bind_facts();
    }
    /// Returns true if the relation is the input of a block.
    constexpr bool is_block_input(int relation) const {
        return out.text.relations[relation].scope > 0 && out.relations[relation].passes_into >= 0;
    }

  private:
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

    /// Adds a count with the name of each fact of variable length: its length.
    constexpr void count_lengths() {
        for (fact_shape& given : out.facts) {
            if (!given.up_to) continue;
            for (int at = 0; at < out.text.counts.size(); ++at)
                if (out.text.counts[at] == given.id) given.length = at;
            if (given.length < 0) given.length = out.text.counts.push(given.id);
        }
    }

    /// Returns true if the rule mentions a count, or compares a fact.
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
                if (value.reads(at)) value.relation = known.relation;
        }
    }

    struct outside {
        int relation = -1;
        int fact = -1;
    };
    static constexpr bool is_known(const outside& what) {
        return what.relation >= 0 || what.fact >= 0;
    }
    /// The relation that a name refers to in the enclosing scopes, innermost first: a relation
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
            if (out.text.reader_of(at) >= 0) continue;
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
};

}  // namespace sequent::inline SEQUENT_ABI::plan
