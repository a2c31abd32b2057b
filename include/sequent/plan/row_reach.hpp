#pragma once

#include <algorithm>
#include <utility>

#include "state_tables.hpp"

/// The reach of the steps of a plan in a sequence: how far before the current position they read,
/// and how far beyond it the rows that they read must be computed.

namespace sequent::inline SEQUENT_ABI::plan {

/// Finds the reach of the steps of a draft. The results are in the tables of the state, and in
/// members for its planner.
template <class Drafted, class Form>
class row_reach {
  public:
    state_tables<decltype(Drafted::out), decltype(std::declval<Drafted&>().in.facts)::capacity()>
        made{};

    constexpr row_reach(const Drafted& from, const Form& form)
        : draft_(from), out_(from.out), form_(form) {
        made.rows = form.rows;
    }

  protected:
    static constexpr int capacity = decltype(Drafted::out.buffers)::capacity();
    using kind = rows_obstacle::kind;

    const Drafted& draft_;                    ///< the draft
    const decltype(Drafted::out)& out_;       ///< its steps
    const Form& form_;                        ///< the positions of the program
    int old_part_[capacity]{};                ///< elements of a part before the layout
    int extent_[capacity]{};                  ///< rows of a buffer
    int lead_[capacity]{};                    ///< rows beyond the current ones that are computed
    int back_[capacity]{};                    ///< rows before the current ones that are read
    int fact_back_[decltype(made)::facts]{};  ///< the same of a fact

    /// Finds the rows of buffers, the bounds of general steps, and all leads.
    constexpr void find_reach() {
        find_rows();
        if (refused()) return;
        made.bounds.reset(out_.generals.size());
        for (int at = 0; at < out_.steps.size(); ++at)
            if (out_.steps[at].kind == step_kind::general && !form_.once[at])
                made.bounds[out_.steps[at].at] = find_bound(at);
        find_leads();
    }

    /// The aggregated variable with the smallest reach.
    constexpr column_bound find_bound(int at) const {
        const general_step& general = out_.generals[out_.steps[at].at];
        const int position = form_.position[at];
        column_bound best;
        for (int place = general.heads; place < general.variables; ++place) {
            const int variable = general.order[place];
            const column_reach found = reach_of(out_, general.condition, position, variable,
                                                rows_of_general(at), general.extents[variable]);
            if (best.variable < 0 || found.back + found.ahead < best.back + best.ahead)
                best = {variable, found.back, found.ahead};
        }
        if (best.variable >= 0 && runs(at, best)) {
            best.back = -best.ahead;
            best.runs = true;
        }
        return best;
    }
    /// Returns true if each row of the step adds one value of the variable to the row before: a sum
    /// over j <= i of values that do not depend on i.
    constexpr bool runs(int at, const column_bound& over) const {
        const general_step& general = out_.generals[out_.steps[at].at];
        const int position = form_.position[at];
        if (form_.in_time[at] || over.ahead > 0 ||
            !adds_to_rows(out_.pool, general, position, over.variable))
            return false;
        return admits_all_before(general, position, over);
    }
    /// Returns true if the condition admits all values of the variable up to position + ahead.
    constexpr bool admits_all_before(const general_step& general, int position,
                                     const column_bound& over) const {
        if (mentions_given(general.condition)) return false;
        const space where = make_space(out_.pool.nodes, general.condition, position, over.variable);
        if (!where.exact || where.pieces.size() != 1 || where.pieces[0].modulus != 1) return false;
        const int columns = general.extents[over.variable];
        for (int row = 0; row < general.extents[position]; ++row) {
            const auto [begin, end] = where.pieces[0].widest(row, columns);
            const int all = std::clamp(row + 1 + over.ahead, 0, columns);
            if (all == 0 ? begin < end : begin > 0 || end != all) return false;
        }
        return true;
    }
    /// Returns true if an expression depends on counts or facts.
    constexpr bool mentions_given(int root) const {
        if (root < 0) return false;
        const node& top = out_.pool.nodes[root];
        return top.kind == node_kind::count || top.kind == node_kind::same_symbol ||
               top.kind == node_kind::pair || mentions_given(top.left) || mentions_given(top.right);
    }

    /// Returns true if the plan does not run by rows.
    constexpr bool refused() const { return made.obstacle.rule >= 0; }
    /// Returns true if the operand has a row for each position.
    constexpr bool is_sequence(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index] > 0;
        return at.where == place::fact && ((form_.sequences >> at.index) & 1u);
    }
    /// The number of elements of a row of such an operand.
    constexpr int row_size(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index];
        return draft_.in.facts[at.index].size() / draft_.in.facts[at.index].extents[0];
    }
    /// Stores the first obstacle.
    constexpr void refuse(const step& at, kind why) {
        if (!refused()) made.obstacle = {at.rule, why};
    }

    /// Calls visit(operand, row stride) for the operands that a step writes for each row.
    template <class Visit>
    constexpr void visit_written(int at, Visit visit) const {
        const step& each = out_.steps[at];
        const int level = each.depth - 1;
        const auto call = [&](const operand& to, int stride) {
            if (to.where == place::value)
                visit(to, form_.in_time[at] ? to.layer_strides[level] : stride);
        };
        if (each.kind == step_kind::rows) {
            call(out_.rows[each.at].out.at, out_.rows[each.at].out.row);
        } else if (each.kind == step_kind::attention) {
            call(out_.attentions[each.at].out.at, out_.attentions[each.at].out.row);
            call(out_.attentions[each.at].normalizer.at, 0);
        } else if (each.kind == step_kind::general) {
            call(out_.generals[each.at].out,
                 out_.generals[each.at].out_strides[form_.position[at]]);
        }
    }

    /// Finds the buffers with a row for each position, and the size of their rows.
    constexpr void find_rows() {
        for (int at = 0; at < out_.buffers.size(); ++at)
            old_part_[at] = out_.buffers[at].size / out_.buffers[at].parts;
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            if (form_.once[at]) continue;
            const int extent = check_step(at);
            if (refused()) return;
            visit_written(at, [&](const operand& to, int stride) {
                const buffer& of = out_.buffers[to.index];
                const int rows = extent > 0   ? extent
                                 : stride > 0 ? old_part_[to.index] / stride
                                              : 0;
                const int size = rows == 1 ? old_part_[to.index] : stride;
                const int all = rows * size;
                int& known = made.row_size[to.index];
                if (all == 0 || (known != 0 && known != size) ||
                    old_part_[to.index] != (of.parts > 1 ? aligned(all) : all))
                    return refuse(each, kind::inner_rows);
                known = size;
                extent_[to.index] = rows;
            });
        }
    }
    /// The number of rows that a step computes; 0: it follows from the operands.
    constexpr int check_step(int at) {
        const step& each = out_.steps[at];
        const int position = form_.position[at];
        if (each.carried >= 0) refuse(each, kind::fixpoint);
        if (each.kind == step_kind::repeat_begin || each.kind == step_kind::repeat_end) return 0;
        if (each.kind == step_kind::general && reads_pairs(out_.generals[each.at]))
            refuse(each, kind::pairs);
        if (form_.in_time[at]) return 0;
        int found = -1;
        int rows = 0;
        if (each.kind == step_kind::rows) {
            if (out_.rows[each.at].pairs >= 0) refuse(each, kind::pairs);
            found = out_.rows[each.at].row_variable;
            rows = out_.rows[each.at].rows;
        } else if (each.kind == step_kind::attention) {
            found = out_.attentions[each.at].row_variable;
            rows = out_.attentions[each.at].rows;
        } else if (each.kind == step_kind::general && position >= 0) {
            const general_step& general = out_.generals[each.at];
            for (int place = 0; place < general.heads; ++place)
                if (general.order[place] == position) found = position;
            rows = general.extents[position];
        }
        // A step without a position needs all rows.
        if (found != position || position < 0)
            refuse(each, position < 0 ? kind::later_rows : kind::inner_rows);
        return rows;
    }
    /// Returns true if a general step reads the pairs of a sparse fact.
    constexpr bool reads_pairs(const general_step& general) const {
        return general.joins.size() > 0 || general.choice >= 0 || mentions_pair(general.condition);
    }
    /// Returns true if an expression has a sparse fact.
    constexpr bool mentions_pair(int root) const {
        if (root < 0) return false;
        const node& top = out_.pool.nodes[root];
        return top.kind == node_kind::pair || mentions_pair(top.left) || mentions_pair(top.right);
    }

    /// The row of an offset.
    static constexpr int rows_of(int offset, int size) {
        return (offset < 0 ? offset - size + 1 : offset) / size;
    }

    /// The least and the greatest distance from the place of x that a window reaches. A window over
    /// an outer index remains within its extent, and so within the row.
    static constexpr std::pair<int, int> window_reach(const row_step& row, const row_term& term,
                                                      const split_loop& loop) {
        const term_window& window = loop.window;
        const int last = loop.count - 1;
        if (window.walker == 0) return {std::min(last * loop.x, 0), std::max(last * loop.x, 0)};
        const int outer = window.walker - 1;
        const int unit = term.x.outer[outer] / window.stride;
        const int lowest = window.origin + std::min(last * window.step, 0);
        const int highest = window.origin + window.stride * (row.outer_extents[outer] - 1) +
                            std::max(last * window.step, 0);
        return {unit * (std::max(lowest, 0) - window.origin),
                unit * (std::min(highest, window.extent - 1) - window.origin)};
    }

    /// Calls visit(operand, first, last) for the operands along the sequence that a step reads: in
    /// row i, or in iteration i of a recursion, it reads rows [i + first, i + last].
    template <class Visit>
    constexpr void visit_reads(int at, Visit visit) {
        const step& each = out_.steps[at];
        const int level = each.depth - 1;
        // Rows [i + first, i + last], and from there numbers [least, most].
        const auto call = [&](const operand& from, int stride, int first = 0, int last = 0,
                              int least = 0, int most = 0) {
            if (!is_sequence(from)) return;
            const int size = row_size(from);
            if (form_.in_time[at] && from.layer_strides[level] != 0)
                stride = from.layer_strides[level];
            if (stride != size && made.rows > 1) return refuse(each, kind::distant_rows);
            visit(from, first + rows_of(from.offset + least, size),
                  last + rows_of(from.offset + most, size));
        };
        if (each.kind == step_kind::rows) {
            for (const row_term& term : out_.rows[each.at].terms) {
                int least = 0;
                int most = 0;
                for (const split_loop& loop : term.loops) {
                    if (!loop.window.any()) continue;
                    const auto [first, last] = window_reach(out_.rows[each.at], term, loop);
                    least += first;
                    most += last;
                }
                call(term.x.at, form_.in_time[at] ? 0 : term.x.row, 0, 0, least, most);
                for (int outer = 0; outer < max_outers; ++outer)
                    if (is_sequence(term.x.at) && out_.rows[each.at].outer_extents[outer] > 1 &&
                        term.x.outer[outer] >= row_size(term.x.at) && made.rows > 1)
                        refuse(each, kind::distant_rows);
            }
        } else if (each.kind == step_kind::attention) {
            const attention_step& attention = out_.attentions[each.at];
            const int ahead = form_.in_time[at] ? 0 : attention_reach(attention).beyond();
            const auto columns = [&](const access& from) {
                // Earlier columns are stored separately when their rows are computed.
                call(from.at, form_.in_time[at] ? 0 : from.column, ahead, ahead);
            };
            const auto row = [&](const access& from) {
                call(from.at, form_.in_time[at] ? 0 : from.row);
            };
            columns(attention.value);
            if (attention.is_prepared()) return;
            for (const score_node& node : attention.nodes) {
                if (node.kind == score_kind::dot) {
                    row(node.x);
                    columns(node.y);
                } else if (node.kind == score_kind::load) {
                    node.x.row == 0 ? columns(node.x) : row(node.x);
                }
            }
        } else if (each.kind == step_kind::general) {
            visit_general_reads(at, call);
        }
    }
    template <class Call>
    constexpr void visit_general_reads(int at, Call call) {
        const step& each = out_.steps[at];
        const general_step& general = out_.generals[each.at];
        const int position = form_.position[at];
        const int rows = rows_of_general(at);
        const column_bound& bound = made.bounds[each.at];
        if (bound.runs)  // a row reads the one before
            call(general.out, general.out_strides[position], -1, -1);
        const auto reach = [&](int variable) -> column_reach {
            if (variable == bound.variable) return {bound.back, bound.ahead};
            return reach_of(out_, general.condition, position, variable, rows,
                            general.extents[variable]);
        };
        for (const general_literal& item : general.literals) {
            if (!is_sequence(item.at)) continue;
            const int size = row_size(item.at);
            int stride = item.strides[position];
            int first = 0;
            int last = 0;
            int column = -1;  // the variable that is the row, where it is not the position
            if (stride == 0 && !(form_.in_time[at] && item.at.layer_strides[each.depth - 1] != 0))
                for (int variable = 0; variable < general.variables; ++variable)
                    if (item.strides[variable] == size && general.extents[variable] > 1)
                        column = variable;
            if (column >= 0) {
                stride = size;
                const column_reach found = reach(column);
                const int late = form_.in_time[at] ? general.delay : 0;
                first = -found.back - late;
                last = found.ahead - late;
            }
            // Within the row, or at a distance from it: x(i - k).
            int least = 0;
            int most = 0;
            for (int variable = 0; variable < general.variables; ++variable) {
                if (variable == position || variable == column) continue;
                const int moved = item.strides[variable] * (general.extents[variable] - 1);
                (moved < 0 ? least : most) += moved;
            }
            call(item.at, stride, first, last, least, most);
        }
    }
    constexpr int rows_of_general(int at) const {
        const general_step& general = out_.generals[out_.steps[at].at];
        return form_.in_time[at] ? extent_[general.out.index] : general.extents[form_.position[at]];
    }
    constexpr column_reach attention_reach(const attention_step& attention) const {
        const int rounds = different_rounds(out_.pool, attention);
        column_reach most{0, -attention.rows};
        for (int round = 0; round < rounds; ++round) {
            const auto condition = condition_in_round(out_.pool.nodes, attention, round);
            const column_reach reach =
                reach_of(condition, condition.root, attention.row_variable,
                         attention.column_variable, attention.rows, attention.columns);
            most.back = std::max(most.back, reach.back);
            most.ahead = std::max(most.ahead, reach.ahead);
        }
        return most;
    }

    /// Finds the lead of each step, that of the rows that it writes. The rows that it reads must be
    /// computed before.
    constexpr void find_leads() {
        for (int relation : draft_.in.outputs) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value || made.row_size[layout.index] == 0) continue;
            const int size = made.row_size[layout.index];
            const int rule = draft_.in.relations[relation].rule;
            if (layout.strides[0] != size && made.rows > 1)
                made.obstacle = {rule, kind::inner_rows};
            if (draft_.in.relations[relation].extents[0] != made.rows)
                made.obstacle = {rule, kind::several_lengths};
            lead_[layout.index] = std::max(lead_[layout.index], rows_of(layout.offset, size));
        }
        bool grows = true;
        for (int pass = 0; grows && !refused(); ++pass) {
            grows = false;
            for (int at = out_.steps.size(); at-- > 0;) {
                if (form_.once[at]) continue;
                const step& each = out_.steps[at];
                visit_written(at, [&](const operand& to, int) {
                    made.lead[at] = lead_[to.index] - rows_of(to.offset, made.row_size[to.index]);
                });
                visit_reads(at, [&](const operand& from, int, int last) {
                    const int needed = made.lead[at] + last;
                    const int known = from.where == place::fact ? 0 : lead_[from.index];
                    if (needed <= known) return;
                    grows = true;
                    if (from.where == place::fact || pass > out_.steps.size())
                        refuse_later(each);
                    else
                        lead_[from.index] = needed;
                });
                check_compared(at);
            }
        }
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (form_.once[at]) continue;
            visit_reads(at, [&](const operand& from, int first, int) {
                int& back = from.where == place::fact ? fact_back_[from.index] : back_[from.index];
                back = std::max(back, -(made.lead[at] + first));
            });
        }
    }
    /// Refuses a step that reads later rows: the first attention to later columns, if there is one,
    /// since the other steps follow from it.
    constexpr void refuse_later(const step& each) {
        for (int at = 0; at < out_.steps.size(); ++at)
            if (out_.steps[at].kind == step_kind::attention && !form_.once[at] &&
                !form_.in_time[at] && attention_reach(out_.attentions[out_.steps[at].at]).ahead > 0)
                return refuse(out_.steps[at], kind::later_rows);
        refuse(each, kind::later_rows);
    }
    /// Refuses comparisons of symbols of later rows.
    constexpr void check_compared(int at) {
        const step& each = out_.steps[at];
        const bool general = each.kind == step_kind::general;
        const int root = general                             ? out_.generals[each.at].condition
                         : each.kind == step_kind::rows      ? out_.rows[each.at].condition
                         : each.kind == step_kind::attention ? out_.attentions[each.at].condition
                                                             : -1;
        each_compared(root, [&](int variable) {
            int ahead = made.lead[at];
            if (general) {
                const general_step& of = out_.generals[each.at];
                ahead -= of.delay;
                if (variable != form_.position[at])
                    ahead += reach_of(out_, root, form_.position[at], variable, rows_of_general(at),
                                      of.extents[variable])
                                 .ahead;
            } else if (each.kind == step_kind::rows) {
                const row_step& of = out_.rows[each.at];
                for (int outer = 0; outer < of.outers; ++outer)
                    if (variable == of.outer_variables[outer])
                        ahead += reach_of(out_, root, of.row_variable, variable, of.rows,
                                          of.outer_extents[outer])
                                     .ahead;
            } else if (each.kind == step_kind::attention) {
                const attention_step& of = out_.attentions[each.at];
                if (variable == of.column_variable) ahead += attention_reach(of).ahead;
            }
            if (ahead > 0) refuse(each, kind::later_rows);
        });
    }
    template <class Visit>
    constexpr void each_compared(int root, Visit visit) const {
        if (root < 0) return;
        const node& top = out_.pool.nodes[root];
        if (top.kind == node_kind::same_symbol) {
            const int fact = compared_fact(draft_.in, top.value);
            if (fact < 0 || !((form_.sequences >> fact) & 1u)) return;
            for (const int side : {top.left, top.right})
                if (out_.pool.nodes[side].kind == node_kind::variable)
                    visit(out_.pool.nodes[side].value);
            return;
        }
        each_compared(top.left, visit);
        each_compared(top.right, visit);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
