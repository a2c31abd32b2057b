#pragma once

#include "mask_form.hpp"
#include "memory.hpp"

/// Execution by rows: a plan runs for rows [begin, end) of the sequence only, with the state that
/// earlier rows have left; for a prefix, or for one new position after another.

namespace sequent::inline SEQUENT_ABI::plan {

/// The positions of a program, and the dependence of its steps on the sequence.
template <int Steps>
struct rows_form {
    rows_obstacle obstacle{};  ///< why the program does not run by rows
    int rows = 0;              ///< rows of the sequence
    unsigned sequences = 0;    ///< facts whose first argument is the position, one bit each
    bool once[Steps]{};        ///< the step does not depend on these facts
    int position[Steps]{};     ///< the variable of the step's rule that is the position, or -1
    bool in_time[Steps]{};     ///< the step is in a recursion over the positions
};

/// Finds the positions of a program. Arguments that are one variable in some rule form a class,
/// also if another variable shifts them, `x(i - k)`. The class of the first argument of the outputs
/// is the positions. The facts whose first argument is in this class are the sequence. Steps that
/// do not depend on the sequence are computed once.
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
        // Rules of a recursion, and of a layer, depend on later rules.
        for (grows_ = true; grows_;) {
            grows_ = false;
            for (int at : in.order) follow(in.text.rules[at]);
        }
        find_positions();
        for (int at : in.order) {
            refuse_concat(at);
            refuse_compared(at, in.text.rules[at].condition);
        }
        for (int at = 0; at < tables_.steps.size(); ++at) read_step(at);
        // A stack that depends on other facts only may have unused rules that do depend on the
        // sequence.
        for (int begin = 0; begin < tables_.steps.size(); ++begin) {
            if (tables_.steps[begin].kind != step_kind::repeat_begin) continue;
            const int end = tables_.steps[begin].at;
            for (int at = begin; at < end; ++at)
                if (!found.once[at]) found.once[begin] = found.once[end] = false;
        }
    }

  private:
    using kind = rows_obstacle::kind;
    static constexpr int arguments = decltype(Shaped::relations)::capacity() * max_arity;

    const Shaped& in;
    const Tables& tables_;
    unsigned depends_[decltype(in.relations)::capacity()]{};  // on these facts, one bit each
    bool grows_ = true;                                       // some of these sets have grown
    int together_[arguments]{};  // a chain from each argument to the one that stands for its class
    unsigned positions_[decltype(in.relations)::capacity()]{};  // a bit for each argument

    constexpr void refuse(int rule, kind why) {
        if (found.obstacle.rule < 0) found.obstacle = {rule, why};
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

    /// The input of a layer is the input of the stack or the output of the layer before, one
    /// buffer.
    constexpr void bind_inputs(int scope) {
        if (scope == 0) return;
        bind_inputs(in.text.scopes[scope].parent);
        const int input = in.block_input[scope];
        join_all(in.relations[input].passes_into, input);
        join_all(input, in.block_output[scope]);
        join_all(in.block_output[scope], input);
    }

    /// The facts whose symbols a condition compares, one bit each.
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
        for (const literal& item : in.text.body(written)) {
            if (item.kind != literal_kind::relation) continue;
            depend(written.head, depends_[item.relation]);
            visit(item.relation, item.terms, item.arity);
        }
    }

    constexpr bool can_be_sequence(int fact) const {
        return in.facts[fact].kind != fact_kind::count && in.facts[fact].rank > 0;
    }

    constexpr void find_positions() {
        list<int, decltype(in.outputs)::capacity() + 1> first{};
        for (int output : in.outputs)
            if (in.relations[output].arity > 0) first.push(argument(output, 0));
        const auto mark = [&] {
            do {
                for (int at = 0; at < in.text.relations.size(); ++at)
                    for (int axis = 0; axis < in.relations[at].arity; ++axis)
                        for (int each : first)
                            if (class_of(argument(at, axis)) == class_of(each))
                                positions_[at] |= 1u << axis;
            } while (join_shifted());
            for (int at = 0; at < in.text.relations.size(); ++at)
                if (const int fact = in.relations[at].fact;
                    fact >= 0 && (positions_[at] & 1u) && can_be_sequence(fact))
                    found.sequences |= 1u << fact;
        };
        mark();
        // If the outputs share a class with no fact, the sequence is the first fact.
        for (int at = 0; at < in.text.relations.size() && !found.sequences; ++at)
            if (in.relations[at].fact >= 0 && can_be_sequence(in.relations[at].fact)) {
                first.push(argument(at, 0));
                mark();
            }
        for (int at = 0; at < in.facts.size(); ++at)
            if (((found.sequences >> at) & 1u) && found.rows == 0)
                found.rows = in.facts[at].extents[0];
        // Symbols that are only compared are along the sequence, too.
        for (int at = 0; at < in.text.compared.size(); ++at)
            if (const int fact = compared_fact(in, at);
                fact >= 0 && in.facts[fact].extents[0] == found.rows)
                found.sequences |= 1u << fact;
        for (int at = 0; at < in.facts.size(); ++at)
            if (((found.sequences >> at) & 1u) &&
                (in.facts[at].extents[0] != found.rows || in.facts[at].is_sparse()))
                refuse(in.relations[in.outputs[0]].rule, kind::several_lengths);
    }

    /// Adds to the positions the arguments `i - k` of which i is a position, and where they are
    /// positions, i. Returns true if one was added.
    constexpr bool join_shifted() {
        bool joined = false;
        for (int at : in.order) {
            const rule& written = in.text.rules[at];
            const literal& item = in.text.literals[written.first_literal];
            if (!written.views || item.kind != literal_kind::relation) continue;
            for (int axis = 0; axis < item.arity; ++axis) {
                const term& sum = item.terms[axis];
                if (sum.second < 0) continue;
                const unsigned head = positions_[written.head];
                const bool read = ((positions_[item.relation] >> axis) & 1u) != 0;
                const int rows = in.relations[item.relation].extents[axis];
                // The head's arguments are the rule's variables in their order.
                const int other = sum.factor == 1 ? sum.second : -1;
                if (read && ((head >> sum.variable & 1u) || (other >= 0 && (head >> other & 1u))))
                    continue;
                for (const int variable : {sum.variable, other}) {
                    if (variable < 0) continue;
                    if (read ? written.variables[variable].extent != rows
                             : !((head >> variable) & 1u))
                        continue;
                    join(argument(written.head, variable), argument(item.relation, axis));
                    joined = true;
                    break;
                }
            }
        }
        return joined;
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
        for (const literal& item : in.text.body(written)) {
            if (item.kind == literal_kind::relation) visit(item.relation, item.terms, item.arity);
        }
        return result;
    }

    /// Refuses a concat over positions, which reads all rows at once. It may be a view, so that no
    /// step shows it.
    constexpr void refuse_concat(int at) {
        const rule& written = in.text.rules[at];
        if (written.aggregated == aggregation::concat &&
            (depends_[written.head] & found.sequences) &&
            (variables_of(written) & ~written.head_variables()))
            refuse(at, kind::distant_rows);
    }

    /// Refuses comparisons of symbols of the sequence at other variables than positions, which may
    /// be later positions.
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

    /// Returns true if the rule is computed once. All rules of a recursion are computed in one
    /// loop, and none of them once if one of them depends on the sequence.
    constexpr bool is_once(const rule& written) const {
        if (written.recurs.loop < 0) return !(depends_[written.head] & found.sequences);
        for (int other : in.order)
            if (in.text.rules[other].recurs.loop == written.recurs.loop &&
                (depends_[in.text.rules[other].head] & found.sequences))
                return false;
        return true;
    }
    constexpr void read_step(int at) {
        const step& each = tables_.steps[at];
        const rule& written = in.text.rules[each.rule];
        const unsigned positions = positions_[written.head];
        found.position[at] = -1;
        found.once[at] = is_once(written);
        if (found.once[at]) return;
        if (written.recurs.loop >= 0) {
            found.in_time[at] = ((positions >> written.recurs.argument) & 1u) != 0;
            if (!found.in_time[at]) refuse(each.rule, kind::recursion);
            if (written.recurs.backward) refuse(each.rule, kind::later_rows);
            found.position[at] = written.recurs.time;
            return;
        }
        for (int axis = written.arity; axis-- > 0;)
            if ((positions >> axis) & 1u) found.position[at] = written.terms[axis].variable;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
