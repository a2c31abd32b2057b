#pragma once

#include "mask_form.hpp"
#include "memory.hpp"

/// Whether a plan can run for rows [begin, end) of the sequence alone, on the memory that earlier
/// rows have left: a prefix, or one new position after another.

namespace sequent::inline SEQUENT_ABI::plan {

template <int Steps>
struct rows_form {
    bool possible = true;
    rows_obstacle obstacle{};
    int rows = 0;            // how many there are in all
    unsigned sequences = 0;  // a bit for each fact whose first argument is the position
    bool once[Steps]{};      // steps that follow from other facts, or from none
};

/// Arguments that are one variable in some rule run together. What runs together with the first
/// argument of the outputs are positions, and the facts of which it is the first argument are the
/// sequence; what does not depend on these is computed once. Another step runs by rows if its rows
/// are positions, and an attention step if no row needs a later column.
template <class Shaped, class Tables>
class rows_form_finder {
  public:
    rows_form<decltype(Tables::steps)::capacity()> found{};

    constexpr rows_form_finder(const Shaped& program, const Tables& tables)
        : in(program), tables_(tables) {
        for (int at = 0; at < arguments; ++at) together_[at] = at;
        for (int at = 0; at < in.text.relations.size(); ++at)
            if (const int fact = in.relations[at].fact; fact >= 0) {
                depends_[at] = 1u << fact;
                // Blocks have relations of their own for the facts around them.
                for (int other = 0; other < at; ++other)
                    if (in.relations[other].fact == fact) join_all(other, at);
            }
        // Rules of a recursion and of a stack's layer follow from later ones.
        for (grows_ = true; grows_;) {
            grows_ = false;
            for (int at : in.order) follow(in.text.rules[at]);
        }
        find_positions();
        for (int at : in.order) {
            refuse_sums(at);
            refuse_concat(at);
            refuse_compared(at, in.text.rules[at].condition);
        }
        for (int at = 0; at < tables_.steps.size(); ++at) {
            const step& each = tables_.steps[at];
            const bool alone = !(depends_[in.text.rules[each.rule].head] & found.sequences);
            found.once[at] = alone;
            if (!alone) refuse(each.rule, obstacle_of(each));
        }
    }

  private:
    using kind = rows_obstacle::kind;
    static constexpr int arguments = decltype(Shaped::relations)::capacity() * max_arity;

    const Shaped& in;
    const Tables& tables_;
    unsigned depends_[decltype(in.relations)::capacity()]{};  // on which facts
    bool grows_ = true;                                       // what some relation depends on
    int together_[arguments]{};  // a chain from each argument to the one that stands for its class
    unsigned positions_[decltype(in.relations)::capacity()]{};  // a bit for each argument

    constexpr void refuse(int rule, kind why) {
        if (why == kind::none || !found.possible) return;
        found.possible = false;
        found.obstacle = {rule, why};
    }

    static constexpr int argument(int relation, int axis) { return relation * max_arity + axis; }
    constexpr int class_of(int at) {
        while (together_[at] != at) at = together_[at] = together_[together_[at]];
        return at;
    }
    constexpr void join(int one, int other) {
        if (one >= 0) together_[class_of(one)] = class_of(other);
    }
    constexpr void depend(int relation, unsigned facts) {
        grows_ = grows_ || (facts & ~depends_[relation]);
        depends_[relation] |= facts;
    }
    constexpr void join_all(int one, int other) {
        depend(other, depends_[one]);
        for (int axis = 0; axis < max_arity; ++axis)
            join(argument(one, axis), argument(other, axis));
    }

    /// The input of a layer is the stack's input or the layer before's output: one buffer.
    constexpr void bind_inputs(int scope) {
        if (scope == 0) return;
        bind_inputs(in.text.scopes[scope].parent);
        const int input = in.block_input[scope];
        join_all(in.relations[input].passes_into, input);
        join_all(input, in.block_output[scope]);
        join_all(in.block_output[scope], input);
    }

    /// The facts whose symbols a condition compares, a bit for each.
    constexpr unsigned facts_compared(int root) const {
        if (root < 0) return 0;
        const node& top = in.text.nodes[root];
        if (top.kind != node_kind::same_symbol)
            return facts_compared(top.left) | facts_compared(top.right);
        const int fact = compared_fact(in, top.value);
        return fact < 0 ? 0 : 1u << fact;
    }

    constexpr void follow(const rule& written) {
        bind_inputs(written.scope);
        if (written.repeat) {
            join_all(in.block_output[written.block], written.head);
            return;
        }
        depend(written.head, facts_compared(written.condition));
        int first[max_variables]{};
        for (int& at : first) at = -1;
        const auto visit = [&](int relation, const term* terms, int arity) {
            for (int axis = 0; axis < arity; ++axis) {
                const bool loops = terms[axis].variable == loop_time;
                const int index = loops ? written.recurs.time : terms[axis].variable;
                if (index < 0 || terms[axis].second >= 0) continue;
                join(first[index], argument(relation, axis));
                first[index] = argument(relation, axis);
            }
        };
        visit(written.head, written.terms, written.arity);
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = in.text.literals[written.first_literal + body];
            if (item.kind != literal_kind::relation) continue;
            depend(written.head, depends_[item.relation]);
            visit(item.relation, item.terms, item.arity);
        }
    }

    constexpr bool can_be_sequence(int fact) const {
        return in.facts[fact].kind != fact_kind::count && in.facts[fact].rank > 0;
    }

    constexpr void find_positions() {
        int classes[decltype(in.outputs)::capacity() + 1]{};
        int count = 0;
        for (int output : in.outputs)
            if (in.relations[output].arity > 0) classes[count++] = class_of(argument(output, 0));
        const auto mark = [&] {
            for (int at = 0; at < in.text.relations.size(); ++at)
                for (int axis = 0; axis < in.relations[at].arity; ++axis)
                    for (int each = 0; each < count; ++each)
                        if (class_of(argument(at, axis)) == classes[each])
                            positions_[at] |= 1u << axis;
            for (int at = 0; at < in.text.relations.size(); ++at)
                if (const int fact = in.relations[at].fact;
                    fact >= 0 && (positions_[at] & 1u) && can_be_sequence(fact))
                    found.sequences |= 1u << fact;
        };
        mark();
        // Outputs that meet no fact run along the first one.
        for (int at = 0; at < in.text.relations.size() && !found.sequences; ++at)
            if (in.relations[at].fact >= 0 && can_be_sequence(in.relations[at].fact)) {
                classes[count++] = class_of(argument(at, 0));
                mark();
            }
        for (int at = 0; at < in.facts.size(); ++at)
            if (((found.sequences >> at) & 1u) && found.rows == 0)
                found.rows = in.facts[at].extents[0];
        // So do symbols that are only compared.
        for (int at = 0; at < in.text.compared.size(); ++at)
            if (const int fact = compared_fact(in, at);
                fact >= 0 && in.facts[fact].extents[0] == found.rows)
                found.sequences |= 1u << fact;
        for (int at = 0; at < in.facts.size(); ++at)
            if (((found.sequences >> at) & 1u) &&
                (in.facts[at].extents[0] != found.rows || in.facts[at].is_sparse()))
                refuse(in.relations[in.outputs[0]].rule, kind::facts_of_several_lengths);
    }

    /// The variables of a rule that are positions.
    constexpr unsigned variables_of(const rule& written) const {
        unsigned result = 0;
        const auto visit = [&](int relation, const term* terms, int arity) {
            for (int axis = 0; axis < arity; ++axis)
                if (((positions_[relation] >> axis) & 1u) && terms[axis].variable >= 0 &&
                    terms[axis].second < 0)
                    result |= 1u << terms[axis].variable;
        };
        visit(written.head, written.terms, written.arity);
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = in.text.literals[written.first_literal + body];
            if (item.kind == literal_kind::relation) visit(item.relation, item.terms, item.arity);
        }
        return result;
    }

    /// Positions that are sums of variables may be later ones.
    constexpr void refuse_sums(int at) {
        const rule& written = in.text.rules[at];
        if (!written.views) return;
        const literal& item = in.text.literals[written.first_literal];
        for (int axis = 0; axis < item.arity; ++axis)
            if (item.kind == literal_kind::relation && item.terms[axis].second >= 0 &&
                ((positions_[item.relation] >> axis) & 1u))
                refuse(at, kind::later_rows);
    }

    /// Positions side by side are all rows at once. No step may be left to show it.
    constexpr void refuse_concat(int at) {
        const rule& written = in.text.rules[at];
        if (written.aggregated == aggregation::concat &&
            (depends_[written.head] & found.sequences) &&
            (variables_of(written) & ~written.head_variables()))
            refuse(at, kind::other_rows);
    }

    /// Symbols of the sequence may be of later positions where other variables than positions are
    /// compared.
    constexpr void refuse_compared(int at, int root) {
        if (root < 0) return;
        const node& top = in.text.nodes[root];
        if (top.kind != node_kind::same_symbol) {
            refuse_compared(at, top.left);
            refuse_compared(at, top.right);
            return;
        }
        const int fact = compared_fact(in, top.value);
        if (fact < 0 || !((found.sequences >> fact) & 1u)) return;
        const unsigned positions = variables_of(in.text.rules[at]);
        for (const int side : {top.left, top.right}) {
            if ((positions >> in.text.nodes[side].value) & 1u) continue;
            refuse(at, kind::later_rows);
        }
    }

    /// What keeps a step from running for some rows alone.
    constexpr kind obstacle_of(const step& each) const {
        if (each.recurs) return kind::recursion;
        const rule& written = in.text.rules[each.rule];
        const unsigned positions = variables_of(written);
        if (each.kind == step_kind::rows) {
            const row_step& row = tables_.rows[each.at];
            if (row.rows != found.rows || row.row_variable < 0) return kind::other_rows;
            for (const row_term& term : row.terms)
                if (term.relation >= 0 && positions_[term.relation] && term.x.row == 0)
                    return kind::other_rows;
            const bool own = (positions & written.head_variables()) == 1u << row.row_variable;
            return own ? kind::none : kind::other_rows;
        }
        if (each.kind == step_kind::attention) {
            const attention_step& attention = tables_.attentions[each.at];
            if (attention.rows != found.rows || attention.row_variable < 0 ||
                (positions & written.head_variables()) != 1u << attention.row_variable)
                return kind::other_rows;
            if (!((positions >> attention.column_variable) & 1u)) return kind::none;
            const int rounds = different_rounds(tables_.pool, attention);
            for (int round = 0; round < rounds; ++round) {
                const auto condition = condition_in_round(tables_.pool.nodes, attention, round);
                if (!looks_back(condition, condition.root, attention.row_variable,
                                attention.column_variable, found.rows))
                    return kind::later_rows;
            }
            return kind::none;
        }
        return each.kind == step_kind::general ? kind::other_rows : kind::none;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
