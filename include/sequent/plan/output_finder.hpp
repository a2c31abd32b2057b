#pragma once

#include "rule_checker.hpp"

/// The outputs of a program: the queried relations, or the one that no rule reads.

namespace sequent::inline SEQUENT_ABI::plan {

/// Finds the outputs, and the relation that tap() reads.
template <sizes Sizes, int Facts>
class output_finder : public rule_checker<Sizes, Facts> {
    using base = rule_checker<Sizes, Facts>;

  public:
    using base::out;

  protected:
    using base::base, base::fail, base::ok;

    /// The relation itself or, if the plan has invented it, the relation of the user for whose
    /// rules it was invented.
    constexpr int summed_into(int relation) {
        if (!out.text.relations[relation].invented) return relation;
        const int user = out.text.reader_of(relation);
        return user < 0 ? relation : summed_into(out.text.rules[user].head);
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
            if (out.outputs.size() == 0) find_recursive_outputs();
            if (out.outputs.size() > 1)
                fail(fault::several_outputs_need_a_query,
                     out.text.rules[out.relations[out.outputs[1]].rule], out.outputs[1]);
            if (out.outputs.size() == 0 && ok()) out.mistake = {fault::no_output, -1, {}, 0, 0, -1};
        }
        for (int at : out.outputs) set_output(at);
    }
    constexpr void set_output(int relation) {
        relation_shape& shape = out.relations[relation];
        shape.output = true;
        if (shape.chosen >= 0)
            fail(fault::an_output_of_chosen_pairs, out.text.rules[shape.rule], relation);
    }

    /// Finds the relation of a path, "layers.weights" within a stack.
    constexpr void find_tapped(const name& path) {
        for (int at = 0; at < out.text.relations.size(); ++at) {
            const relation& known = out.text.relations[at];
            if (!known.invented && out.relations[at].rule >= 0 &&
                is_path_of(path, known.id, known.scope))
                out.tapped = at;
        }
        if (out.tapped < 0)
            out.mistake = {fault::query_of_an_unknown_relation, -1, path, 0, 0, -1};
        else
            set_output(out.tapped);
    }
    /// Returns true if `path` is the names of the stacks around a scope, then `id`.
    constexpr bool is_path_of(const name& path, const name& id, int in) const {
        int end = path.length;
        name part = id;
        while (true) {
            if (part.length > end) return false;
            for (int at = 0; at < part.length; ++at)
                if (path.text[end - part.length + at] != part.text[at]) return false;
            end -= part.length;
            if (in == 0) return end == 0;
            if (end == 0 || path.text[--end] != '.') return false;
            part = out.text.relations[out.text.rules[out.text.scopes[in].rule].head].id;
            in = out.text.scopes[in].parent;
        }
    }

    /// Makes those relations outputs that only their own rules read.
    constexpr void find_recursive_outputs() {
        for (int at = 0; at < out.text.relations.size(); ++at) {
            const relation& known = out.text.relations[at];
            bool used = known.invented || known.scope || out.relations[at].rule < 0;
            for (const rule& user : out.text.rules)
                for (const literal& part : out.text.body(user))
                    used = used || (part.reads(at) && summed_into(user.head) != at);
            if (!used) out.outputs.push(at);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
