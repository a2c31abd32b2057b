#pragma once

#include "mask_form.hpp"
#include "memory.hpp"

/// Whether a plan can run for rows [begin, end) of the sequence alone, on the memory that earlier
/// rows have left: a prefix, or one new position after another.

namespace sequent::inline SEQUENT_ABI::plan {

struct rows_form {
    bool possible = true;
    int rule = -1;  // that stands in the way
    int rows = 0;   // how many there are in all
};

/// Follows the first argument of the facts, the position, through the rules. A step runs by rows if
/// its rows are positions, and an attention step if no row needs a later column.
template <class Shaped, class Tables>
class rows_form_finder {
  public:
    rows_form found{};

    constexpr rows_form_finder(const Shaped& program, const Tables& tables)
        : in(program), tables_(tables) {
        for (const fact_shape& given : in.facts)
            if (given.kind != fact_kind::count && given.rank > 0 && found.rows == 0)
                found.rows = given.extents[0];
        for (int at = 0; at < in.text.relations.size(); ++at)
            if (in.relations[at].fact >= 0 && in.relations[at].arity > 0 &&
                in.relations[at].extents[0] == found.rows)
                positions_[at] = 1;
        for (int at : in.order) follow(at);
        for (const step& each : tables_.steps)
            if (found.possible && !runs_by_rows(each)) found = {false, each.rule, found.rows};
    }

  private:
    const Shaped& in;
    const Tables& tables_;
    unsigned positions_[decltype(in.relations)::capacity()]{};  // per relation, a bit per argument

    /// The variables of a rule that are positions.
    constexpr unsigned variables_of(const rule& written) const {
        unsigned result = 0;
        for (int body = 0; body < written.literals; ++body) {
            const literal& item = in.text.literals[written.first_literal + body];
            if (item.kind != literal_kind::relation) continue;
            for (int axis = 0; axis < item.arity; ++axis)
                if (((positions_[item.relation] >> axis) & 1u) && item.terms[axis].variable >= 0)
                    result |= 1u << item.terms[axis].variable;
        }
        return result;
    }

    constexpr void bind_inputs(int scope) {
        if (scope == 0) return;
        bind_inputs(in.text.scopes[scope].parent);
        const int input = in.block_input[scope];
        positions_[input] = positions_[in.relations[input].passes_into];
    }

    constexpr void follow(int at) {
        const rule& written = in.text.rules[at];
        bind_inputs(written.scope);
        if (written.repeat) {
            positions_[written.head] = positions_[in.block_output[written.block]];
            return;
        }
        if (written.views) {
            // Positions that are sums of variables may be later ones.
            const literal& item = in.text.literals[written.first_literal];
            for (int axis = 0; axis < item.arity; ++axis)
                if (((positions_[item.relation] >> axis) & 1u) && item.terms[axis].second >= 0)
                    found = {false, at, found.rows};
        }
        const unsigned variables = variables_of(written);
        for (int axis = 0; axis < written.arity; ++axis)
            if (written.terms[axis].variable >= 0 &&
                ((variables >> written.terms[axis].variable) & 1u))
                positions_[written.head] |= 1u << axis;
    }

    constexpr bool runs_by_rows(const step& each) const {
        if (each.recurs) return false;
        const rule& written = in.text.rules[each.rule];
        const unsigned positions = variables_of(written);
        if (each.kind == step_kind::rows) {
            const row_step& row = tables_.rows[each.at];
            if (row.rows != found.rows || row.row_variable < 0) return false;
            for (const row_term& term : row.terms)
                if (term.relation >= 0 && positions_[term.relation] && term.x.row == 0)
                    return false;
            return (positions & written.head_variables()) == 1u << row.row_variable;
        }
        if (each.kind == step_kind::attention) {
            const attention_step& attention = tables_.attentions[each.at];
            if (attention.rows != found.rows || attention.row_variable < 0) return false;
            if ((positions & written.head_variables()) != 1u << attention.row_variable)
                return false;
            if (!((positions >> attention.column_variable) & 1u)) return true;
            const int rounds = different_rounds(tables_.pool, attention);
            for (int round = 0; round < rounds; ++round) {
                const auto condition = condition_in_round(tables_.pool.nodes, attention, round);
                if (!looks_back(condition, condition.root, attention.row_variable,
                                attention.column_variable, found.rows))
                    return false;
            }
            return true;
        }
        return each.kind != step_kind::general;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
