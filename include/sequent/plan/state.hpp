#pragma once

#include <algorithm>

#include "plan.hpp"

/// The memory of one sequence that is computed a few rows at a time. Each buffer of the sequence
/// keeps, besides the rows at hand, as many rows before them as later steps read: none for plain
/// rows, a few for shifts, convolutions and recursions, all for aggregates over everything before.
/// Attention keeps its columns apart, transposed.

namespace sequent::inline SEQUENT_ABI::plan {

/// An operand that an attention step reads by columns. Kept columns are turned: number k of column
/// c stands at to + k pitch + c, so that the columns of one number are a vector.
struct kept_operand {
    bool kept = false;
    bool moves = false;   // follows from the sequence, one column after another; else all at once
    bool slides = false;  // only the window's columns are kept
    access from{};        // the columns, `column` apart
    int columns = 0;
    int depth = 0;  // numbers of a column
    operand to{};
    int outer[max_outers]{};
    int pitch = 0;
    int lines = 0;  // of `pitch` numbers, in all layers and outer loops
};

/// The value, and what the nodes of the score read.
struct kept_attention {
    kept_operand value{};
    kept_operand nodes[12]{};
};

/// Rows that are kept from run to run, from [first, first + capacity): those from `back` before the
/// rows at hand to `ahead` beyond them. Where they are full, the first ones give way.
struct row_window {
    int back = 0;
    int ahead = 0;
    int capacity = 0;
    int grain = 1;  // the first row is a multiple

    friend constexpr bool operator==(const row_window&, const row_window&) = default;

    /// The first row that is kept while rows [begin, end) are computed.
    constexpr int first(int before, int begin, int end) const {
        if (end + ahead - before <= capacity) return before;
        return std::max(0, begin - back) / grain * grain;
    }
};

/// Where a window's rows lie: in `lines` places that are `pitch` numbers apart.
struct window_place {
    int window = 0;
    int offset = 0;
    int lines = 1;
    int pitch = 0;
    int row = 1;  // numbers of a row
};

/// Rows at hand: enough that a product reads its weights once for many, few enough for the cache;
/// more of them where the weights do not stay in a cache of a megabyte.
constexpr int most_block_rows(int parameters) {
    return parameters > 1 << 18 ? 64 : 16;
}

template <class Tables, int Facts>
struct state_tables {
    static constexpr int buffers = decltype(Tables::buffers)::capacity();
    static constexpr int facts = Facts > 0 ? Facts : 1;

    Tables steps{};
    list<kept_attention, decltype(Tables::attentions)::capacity()> kept{};
    list<row_window, buffers + facts + 1> windows{};
    list<window_place, buffers + 13 * decltype(Tables::attentions)::capacity()> places{};
    int row_size[buffers]{};                          // of what moves with the rows
    int window_of[buffers]{};                         // 1 + which window, or 0
    int fact_window[facts]{};                         // likewise
    bool kept_whole[buffers]{};                       // all rows
    bool keeps_fact[facts]{};                         // rows of the sequence that are read again
    bool reads_fact[facts]{};                         // facts besides the sequence that rows need
    int lead[decltype(Tables::steps)::capacity()]{};  // how many rows, or rounds, beyond those at
                                                      // hand a step computes
    int rows = 0;                                     // of the sequence
    int block = 0;                                    // rows at hand, at most
    int column_window = 0;                            // 1 + that of attention's columns, or 0
    rows_obstacle obstacle{};
    rows_obstacle lost{};  // the first rule of which only the last rows are kept
};

/// Places the steps of a draft for a few rows at a time.
template <class Drafted, class Form>
class state_planner {
  public:
    state_tables<decltype(Drafted::out), decltype(std::declval<Drafted&>().in.facts)::capacity()>
        made{};

    /// Of at most `block` rows at a time; 0: as many as suit the size of the weights.
    constexpr state_planner(const Drafted& from, const Form& form, int block = 0)
        : draft_(from), out_(draft_.out), form_(form) {
        made.rows = form.rows;
        if (block == 0) block = most_block_rows(draft_.out.parameters);
        made.block = std::min(form.rows, block);
        made.obstacle = form.obstacle;
        // Where no fact is along a sequence, there are no rows.
        if (refused() || form.rows == 0) return;
        forget_training();
        find_rows();
        if (!refused()) find_leads();
        if (refused()) return;
        find_windows();
        place_prepared(draft_);
        find_column_window();
        find_lost();
        find_kept();
        find_lifetimes();
        place();
        if (out_.workspace == too_large) {
            made.steps.workspace = too_large;
            return;
        }
        for (int at = 0; at < out_.steps.size(); ++at) resolve_step(at);
        for (relation_layout& layout : out_.relations)
            if (layout.where == place::value && !resolve_prepared(draft_, layout))
                layout.offset +=
                    out_.buffers[layout.index].offset +
                    (kept_[layout.index] ? layout.part : layout.part % 2) * part_[layout.index];
        made.steps = out_;
    }

  private:
    static constexpr int capacity = decltype(Drafted::out.buffers)::capacity();
    using kind = rows_obstacle::kind;

    Drafted draft_;
    decltype(draft_.out)& out_;
    const Form& form_;
    int old_part_[capacity]{};
    int part_[capacity]{};
    bool kept_[capacity]{};   // rows of it are kept from run to run
    int extent_[capacity]{};  // how many rows a buffer has
    int lead_[capacity]{};    // how many of them beyond those at hand are computed
    int back_[capacity]{};    // how many before them are read
    int fact_back_[decltype(made)::facts]{};

    constexpr bool refused() const { return made.obstacle.rule >= 0; }
    constexpr bool is_sequence(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index] > 0;
        return at.where == place::fact && ((form_.sequences >> at.index) & 1u);
    }
    constexpr int row_size(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index];
        return draft_.in.facts[at.index].size() / draft_.in.facts[at.index].extents[0];
    }
    constexpr void refuse(const step& at, kind why) {
        if (!refused()) made.obstacle = {at.rule, why};
    }

    constexpr void forget_training() {
        write_unread_rows(out_);
        for (row_step& row : out_.rows) row.before = {};
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (out_.steps[at].kind != step_kind::attention) continue;
            attention_step& attention = out_.attentions[out_.steps[at].at];
            attention.scores = {};
            if (!form_.once[at] && !form_.in_time[at]) attention.normalizer = {};
        }
    }

    /// Calls visit(operand, row stride) for what a step writes for each row.
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

    /// Which buffers hold a row for each position, and of what size.
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
    /// How many rows a step computes, 0 where its operands tell.
    constexpr int check_step(int at) {
        const step& each = out_.steps[at];
        const int position = form_.position[at];
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
        // What has no position needs all rows.
        if (found != position || position < 0)
            refuse(each, position < 0 ? kind::later_rows : kind::inner_rows);
        return rows;
    }
    constexpr bool reads_pairs(const general_step& general) const {
        return general.joins.size() > 0 || mentions_pair(general.condition);
    }
    constexpr bool mentions_pair(int root) const {
        if (root < 0) return false;
        const node& top = out_.pool.nodes[root];
        return top.kind == node_kind::pair || mentions_pair(top.left) || mentions_pair(top.right);
    }

    /// Rows between the first of a buffer and that of an offset.
    static constexpr int rows_of(int offset, int size) {
        return (offset < 0 ? offset - size + 1 : offset) / size;
    }

    /// Calls visit(operand, first, last) for what a step reads of the sequence: for its row i, or
    /// its round i of a recursion, rows [i + first, i + last].
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
                call(term.x.at, form_.in_time[at] ? 0 : term.x.row);
                for (int outer = 0; outer < max_outers; ++outer)
                    if (is_sequence(term.x.at) && out_.rows[each.at].outer_extents[outer] > 1 &&
                        term.x.outer[outer] >= row_size(term.x.at) && made.rows > 1)
                        refuse(each, kind::distant_rows);
            }
        } else if (each.kind == step_kind::attention) {
            const attention_step& attention = out_.attentions[each.at];
            const int ahead = form_.in_time[at] ? 0 : attention_reach(attention).ahead;
            const auto columns = [&](const access& from) {
                // Columns beyond the row must have been computed. Earlier ones are kept apart.
                call(from.at, form_.in_time[at] ? 0 : from.column, 0, std::max(0, ahead));
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
        const auto reach = [&](int variable) {
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

    /// A step's lead is that of the rows it writes; what it reads must have been computed by then.
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
                        refuse(each, kind::later_rows);
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
    /// Symbols of later rows must not be compared.
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

    // What is kept from run to run.

    /// The window of rows, plus 1; 0 where all of them are kept.
    constexpr int window(const row_window& made_of, int extent) {
        if (made_of.capacity >= extent) return 0;
        for (int at = 0; at < made.windows.size(); ++at)
            if (made.windows[at] == made_of) return at + 1;
        return made.windows.push(made_of) + 1;
    }
    /// So many rows that one is moved for each that is computed.
    constexpr row_window window_of(int back, int ahead) const {
        return {back, ahead, 2 * back + ahead + made.block};
    }
    constexpr void find_windows() {
        for (int index = 0; index < out_.buffers.size(); ++index) {
            kept_[index] = back_[index] > 0 || lead_[index] > 0;
            if (!kept_[index]) continue;
            made.window_of[index] = window(window_of(back_[index], lead_[index]), extent_[index]);
            made.kept_whole[index] = made.window_of[index] == 0;
        }
        for (int fact = 0; fact < draft_.in.facts.size(); ++fact) {
            made.keeps_fact[fact] = fact_back_[fact] > 0;
            if (made.keeps_fact[fact])
                made.fact_window[fact] = window(window_of(fact_back_[fact], 0), made.rows);
        }
    }
    /// The first rule that reads rows of which some are lost.
    constexpr void find_lost() {
        for (int at = out_.steps.size(); at-- > 0;) {
            if (form_.once[at]) continue;
            const rows_obstacle loses{out_.steps[at].rule, kind::lost_rows};
            visit_reads(at, [&](const operand& from, int, int) {
                const int window = from.where == place::fact ? made.fact_window[from.index]
                                                             : made.window_of[from.index];
                if (window > 0) made.lost = loses;
            });
            if (out_.steps[at].kind != step_kind::attention || form_.in_time[at]) continue;
            const attention_step& attention = out_.attentions[out_.steps[at].at];
            if (slides(attention, attention_reach(attention).back, made.lead[at]))
                made.lost = loses;
        }
    }
    /// The attention steps whose rows do not need all columns share one window.
    constexpr void find_column_window() {
        row_window most{-1, 0, 0, 16};
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (out_.steps[at].kind != step_kind::attention || form_.once[at] || form_.in_time[at])
                continue;
            const attention_step& attention = out_.attentions[out_.steps[at].at];
            const int back = attention_reach(attention).back;
            if (!slides(attention, back, made.lead[at])) continue;
            most.back = std::max(most.back, back);
            most.ahead = std::max(most.ahead, made.lead[at]);
        }
        if (most.back < 0) return;
        most.capacity = column_room(most.back, most.ahead);
        made.column_window = made.windows.push(most) + 1;
    }
    constexpr int column_room(int back, int ahead) const {
        return aligned(2 * (back + 1) + ahead + made.block + 15);
    }
    constexpr bool slides(const attention_step& attention, int back, int ahead) const {
        return column_room(back, ahead) < attention.columns;
    }

    constexpr void find_kept() {
        made.kept.reset(out_.attentions.size());
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            if (each.kind != step_kind::attention || form_.once[at] || form_.in_time[at]) continue;
            const attention_step& attention = out_.attentions[each.at];
            kept_attention& kept = made.kept[each.at];
            kept.value = keep(at, attention, attention.value, attention.length);
            if (attention.is_prepared()) continue;
            for (int node = 0; node < attention.nodes.size(); ++node) {
                const score_node& of = attention.nodes[node];
                if (of.kind == score_kind::dot)
                    kept.nodes[node] = keep(at, attention, of.y, of.depth);
                else if (of.kind == score_kind::load && of.x.row == 0 && is_sequence(of.x.at))
                    kept.nodes[node] = keep(at, attention, of.x, 1);
            }
        }
    }
    constexpr kept_operand keep(int at, const attention_step& attention, const access& from,
                                int depth) {
        kept_operand result;
        if (from.at.where != place::value && from.at.where != place::fact) return result;
        result.kept = true;
        result.moves = is_sequence(from.at);
        result.from = from;
        result.columns = attention.columns;
        result.depth = depth;
        result.slides =
            result.moves && slides(attention, attention_reach(attention).back, made.lead[at]);
        result.pitch = result.slides ? made.windows[made.column_window - 1].capacity
                                     : pitch_of(attention.columns);
        result.lines = depth;
        for (int outer = attention.outers; outer-- > 0;) {
            if (from.outer[outer] == 0) continue;
            result.outer[outer] = result.lines * result.pitch;
            result.lines *= attention.outer_extents[outer];
        }
        const int scope = draft_.rule_of(out_.steps[at].rule).scope;
        result.to.where = place::value;
        result.to.index = scope;  // until memory is laid out
        for (int block = scope; block > 0; block = draft_.in.text.scopes[block].parent) {
            result.to.layer_strides[draft_.depth_of(block) - 1] = result.lines * result.pitch;
            result.lines *= draft_.in.text.scopes[block].repeat;
        }
        return result;
    }
    /// Lines that do not all fall on the same few sets of the cache.
    static constexpr int pitch_of(int columns) {
        const int pitch = aligned(columns);
        return pitch % 128 == 0 ? pitch + 16 : pitch;
    }

    constexpr bool is_within(int scope, int block) const {
        for (; scope > 0; scope = draft_.in.text.scopes[scope].parent)
            if (scope == block) return true;
        return false;
    }

    constexpr void use(buffer& of, int first, int last) {
        if (first < of.first) of.first = first;
        if (last > of.last) of.last = last;
    }

    constexpr void find_lifetimes() {
        const int steps = out_.steps.size();
        list<int, max_loops> begun{};
        for (int at = 0; at < steps; ++at) {
            const step& each = out_.steps[at];
            if (each.kind == step_kind::repeat_begin) begun.push(at);
            if (each.kind == step_kind::repeat_end) --begun.count;
            visit_operands(out_, each, [&](const operand& used, usage) {
                // What is given or computed once stays, if rows read it later.
                const bool stays = !form_.once[at] && !is_sequence(used) && !is_copied(each, used);
                if (used.where == place::fact && stays) made.reads_fact[used.index] = true;
                if (used.where != place::value || out_.buffers[used.index].prepared) return;
                buffer& of = out_.buffers[used.index];
                use(of, at, at);
                if (stays) use(of, 0, steps);
                for (int loop : begun) {
                    const step& begin = out_.steps[loop];
                    if (begin.recurs || !is_within(of.scope, draft_.rule_of(begin.rule).block))
                        use(of, loop, begin.at);
                }
            });
        }
        for (int relation : draft_.in.outputs) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value) continue;
            use(out_.buffers[layout.index], made.row_size[layout.index] > 0 ? steps : 0, steps);
        }
        for (int index = 0; index < out_.buffers.size(); ++index)
            if (kept_[index]) use(out_.buffers[index], 0, steps);
    }
    /// Whether an operand is of columns that are kept apart.
    constexpr bool is_copied(const step& each, const operand& used) const {
        if (each.kind != step_kind::attention) return false;
        const attention_step& attention = out_.attentions[each.at];
        const kept_attention& kept = made.kept[each.at];
        if (&used == &attention.value.at) return kept.value.kept;
        for (int node = 0; node < attention.nodes.size(); ++node) {
            const score_node& of = attention.nodes[node];
            if (&used == (of.kind == score_kind::dot ? &of.y.at : &of.x.at))
                return kept.nodes[node].kept;
        }
        return false;
    }

    constexpr void place() {
        arena<capacity> memory;
        for (int index = 0; index < out_.buffers.size(); ++index) {
            buffer& each = out_.buffers[index];
            if (each.last < 0) continue;
            const int row = made.row_size[index];
            const int window = made.window_of[index];
            int rows = made.block;
            if (kept_[index])
                rows = window > 0 ? made.windows[window - 1].capacity : extent_[index];
            part_[index] = row > 0 ? aligned(rows * row) : old_part_[index];
            const int parts = kept_[index] ? each.parts : std::min(each.parts, 2);
            each.size = aligned(part_[index] * parts);
            const bool stays =
                kept_[index] || (row == 0 && each.first == 0 && each.last == out_.steps.size());
            each.copies = stays ? draft_.copies_of(each.scope) : 1;
            each.offset = memory.put(1LL * each.size * each.copies, each.first, each.last);
            if (window > 0)
                made.places.push(
                    {window - 1, each.offset, each.copies * parts, each.size / parts, row});
        }
        long long size = memory.size;
        for (int at = 0; at < made.kept.size(); ++at) {
            kept_attention& kept = made.kept[at];
            place_kept(kept.value, size);
            for (int node = 0; node < out_.attentions[at].nodes.size(); ++node)
                place_kept(kept.nodes[node], size);
        }
        out_.workspace = numbers_of_memory(size);
    }
    constexpr void place_kept(kept_operand& kept, long long& size) {
        if (!kept.kept) return;
        kept.to.offset = static_cast<int>(size);
        if (kept.slides)
            made.places.push({made.column_window - 1, kept.to.offset, kept.lines, kept.pitch, 1});
        size += 1LL * kept.lines * kept.pitch;
    }

    constexpr void resolve(operand& used) {
        if (used.where == place::fact && is_sequence(used)) {
            used.origin = made.fact_window[used.index];
            used.moving = made.keeps_fact[used.index] && used.origin == 0 ? 0 : row_size(used);
        }
        if (used.where != place::value || resolve_prepared(draft_, used)) return;
        const int index = used.index;
        const buffer& of = out_.buffers[index];
        if (is_sequence(used)) {
            used.origin = made.window_of[index];
            used.moving = made.kept_whole[index] ? 0 : made.row_size[index];
        }
        add_part(draft_, of, part_[index], !kept_[index], used);
        used.offset += of.offset;
        if (of.copies > 1) add_layers(draft_, of, used);
    }
    constexpr void resolve_step(int at) {
        const step& each = out_.steps[at];
        visit_operands(out_, each, [&](operand& used, usage) { resolve(used); });
        if (each.kind != step_kind::attention || form_.once[at]) return;
        kept_attention& kept = made.kept[each.at];
        resolve(kept.value.from.at);
        for (kept_operand& node : kept.nodes) resolve(node.from.at);
    }
};

/// The same plan, with its memory laid out for a few rows at a time.
template <class Plan>
struct state_plan_of : single_steps<state_plan_of<Plan>> {
    static constexpr auto& facts = Plan::facts;
    static constexpr auto& shapes = Plan::shapes;
    static constexpr auto& form = Plan::by_rows;
    static constexpr auto made = [] {
        using planner = state_planner<std::remove_const_t<decltype(Plan::unplaced)>,
                                      std::remove_const_t<std::remove_reference_t<decltype(form)>>>;
        return planner(Plan::unplaced, form).made;
    }();
    static constexpr auto& tables = made.steps;

    /// Whether the step does not follow from the sequence.
    template <int At>
    static constexpr bool is_once = form.once[At];
    template <int At>
    static constexpr kept_attention kept_at = made.kept[At];
    /// Whether it is of a recursion over the positions.
    template <int At>
    static constexpr bool is_in_time = form.in_time[At];
    template <int At>
    static constexpr int lead_of = made.lead[At];
    /// The variable that is the position, of general step number `At`; -1 where it takes all of its
    /// values at once.
    template <int At>
    static constexpr int position_of_general = [] {
        for (int each = 0; each < tables.steps.size(); ++each)
            if (tables.steps[each].kind == step_kind::general && tables.steps[each].at == At &&
                !form.once[each] && !form.in_time[each])
                return form.position[each];
        return -1;
    }();
};

}  // namespace sequent::inline SEQUENT_ABI::plan
