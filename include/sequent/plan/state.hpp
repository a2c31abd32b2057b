#pragma once

#include "plan.hpp"

/// The memory of one sequence that is computed a few rows at a time: the columns that attention
/// reads again are kept, and everything else has only the rows at hand.

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

/// How many columns back the condition reaches at most, the row's own among them.
template <class Tree>
constexpr int reach_back(const Tree& tree, int root, int row, int column, int rows) {
    if (root < 0) return rows;
    const space where = make_space(tree.pool.nodes, root, row, column);
    if (!where.exact) {
        const node& top = tree.pool.nodes[root];
        if (top.kind != node_kind::conjunction && top.kind != node_kind::disjunction) return rows;
        const int left = reach_back(tree, top.left, row, column, rows);
        const int right = reach_back(tree, top.right, row, column, rows);
        return (top.kind == node_kind::conjunction) == (left < right) ? left : right;
    }
    int most = 1;
    for (const piece& part : where.pieces)
        for (int at = 0; at < rows; ++at) {
            const auto [begin, end] = part.widest(at, rows);
            if (begin < end && at - begin + 1 > most) most = at - begin + 1;
        }
    return most;
}

template <class Tables, int Facts>
struct state_tables {
    Tables steps{};
    list<kept_attention, decltype(Tables::attentions)::capacity()> kept{};
    int row_size[decltype(Tables::buffers)::capacity()]{};  // of what moves with the rows
    bool reads_fact[Facts > 0 ? Facts : 1]{};  // facts besides the sequence that rows need
    int rows = 0;                              // of the sequence
    int block = 0;                             // rows at hand, at most
    int window = 0;  // columns that are kept of a sequence; 0 where all are
    int reach = 0;   // of these, how many a row may need
    rows_obstacle obstacle{};
};

/// Rows at hand: enough that a product reads its weights once for many, few enough for the cache;
/// more of them where the weights do not stay in a cache of a megabyte.
constexpr int most_block_rows(int parameters) {
    return parameters > 1 << 18 ? 64 : 16;
}

/// Places the steps of a draft for a few rows at a time.
template <class Drafted, class Form>
class state_planner {
  public:
    state_tables<decltype(Drafted::out), decltype(std::declval<Drafted&>().in.facts)::capacity()>
        made{};

    constexpr state_planner(const Drafted& from, const Form& form)
        : draft_(from), out_(draft_.out), form_(form) {
        made.rows = form.rows;
        made.block = std::min(form.rows, most_block_rows(draft_.out.parameters));
        forget_training();
        find_rows();
        place_prepared(draft_);
        find_window();
        find_kept();
        find_lifetimes();
        if (made.obstacle.rule >= 0) return;
        place();
        if (out_.workspace == too_large) return;
        for (int at = 0; at < out_.steps.size(); ++at) resolve_step(at);
        for (relation_layout& layout : out_.relations)
            if (layout.where == place::value && !resolve_prepared(draft_, layout))
                layout.offset +=
                    out_.buffers[layout.index].offset + layout.part % 2 * part_[layout.index];
        made.steps = out_;
    }

  private:
    static constexpr int capacity = decltype(Drafted::out.buffers)::capacity();

    Drafted draft_;
    decltype(draft_.out)& out_;
    const Form& form_;
    int old_part_[capacity]{};
    int part_[capacity]{};

    constexpr bool is_sequence(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index] > 0;
        return at.where == place::fact && ((form_.sequences >> at.index) & 1u);
    }
    constexpr int row_size(const operand& at) const {
        if (at.where == place::value) return made.row_size[at.index];
        int size = 1;
        for (int axis = 1; axis < draft_.in.facts[at.index].rank; ++axis)
            size *= draft_.in.facts[at.index].extents[axis];
        return size;
    }
    constexpr void refuse(const step& at) {
        if (made.obstacle.rule < 0) made.obstacle = {at.rule, rows_obstacle::kind::other_rows};
    }

    constexpr void forget_training() {
        write_unread_rows(out_);
        for (row_step& row : out_.rows) row.before = {};
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (out_.steps[at].kind != step_kind::attention) continue;
            attention_step& attention = out_.attentions[out_.steps[at].at];
            attention.scores = {};
            if (!form_.once[at]) attention.normalizer = {};
        }
    }

    /// Which buffers hold a row for each position, and of what size.
    constexpr void find_rows() {
        for (int at = 0; at < out_.buffers.size(); ++at) {
            old_part_[at] = out_.buffers[at].size / out_.buffers[at].parts;
        }
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            const bool rows = each.kind == step_kind::rows;
            if (!rows && each.kind != step_kind::attention) continue;
            const access& to = rows ? out_.rows[each.at].out : out_.attentions[each.at].out;
            const int index = to.at.index;
            if (form_.once[at]) continue;
            const int size = form_.rows == 1 ? old_part_[index] : to.row;
            if (made.row_size[index] != 0 && made.row_size[index] != size) refuse(each);
            made.row_size[index] = size;
            const int all = form_.rows * size;
            if (old_part_[index] != (out_.buffers[index].parts > 1 ? aligned(all) : all))
                refuse(each);
        }
    }

    constexpr void find_window() {
        int most = 0;
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (out_.steps[at].kind != step_kind::attention || form_.once[at]) continue;
            const int reach = reach_of(out_.attentions[out_.steps[at].at]);
            if (slides(reach) && reach > most) most = reach;
        }
        if (most == 0) return;
        made.reach = most;
        made.window = aligned(2 * most + made.block + 15);
    }
    constexpr bool slides(int reach) const {
        return aligned(2 * reach + made.block + 15) < form_.rows;
    }
    constexpr int reach_of(const attention_step& attention) const {
        const int rounds = different_rounds(out_.pool, attention);
        int most = 1;
        for (int round = 0; round < rounds; ++round) {
            const auto condition = condition_in_round(out_.pool.nodes, attention, round);
            const int reach = reach_back(condition, condition.root, attention.row_variable,
                                         attention.column_variable, form_.rows);
            if (reach > most) most = reach;
        }
        return most;
    }

    constexpr void find_kept() {
        made.kept.reset(out_.attentions.size());
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            if (each.kind != step_kind::attention || form_.once[at]) continue;
            const attention_step& attention = out_.attentions[each.at];
            kept_attention& kept = made.kept[each.at];
            kept.value = keep(each, attention, attention.value, attention.length);
            if (attention.is_prepared()) continue;
            for (int node = 0; node < attention.nodes.size(); ++node) {
                const score_node& of = attention.nodes[node];
                if (of.kind == score_kind::dot)
                    kept.nodes[node] = keep(each, attention, of.y, of.depth);
                else if (of.kind == score_kind::load && of.x.row == 0 && is_sequence(of.x.at))
                    kept.nodes[node] = keep(each, attention, of.x, 1);
            }
        }
    }
    constexpr kept_operand keep(const step& each, const attention_step& attention,
                                const access& from, int depth) {
        kept_operand result;
        if (from.at.where != place::value && from.at.where != place::fact) return result;
        result.kept = true;
        result.moves = is_sequence(from.at);
        result.from = from;
        result.columns = attention.columns;
        result.depth = depth;
        if (result.moves && from.column != row_size(from.at) && form_.rows > 1) refuse(each);
        result.slides = result.moves && slides(reach_of(attention));
        result.pitch = result.slides ? made.window : pitch_of(attention.columns);
        result.lines = depth;
        for (int outer = attention.outers; outer-- > 0;) {
            if (from.outer[outer] == 0) continue;
            result.outer[outer] = result.lines * result.pitch;
            result.lines *= attention.outer_extents[outer];
        }
        const int scope = draft_.rule_of(each.rule).scope;
        result.to.where = place::value;
        result.to.index = scope;  // until memory is laid out
        for (int at = scope; at > 0; at = draft_.in.text.scopes[at].parent) {
            result.to.layer_strides[draft_.depth_of(at) - 1] = result.lines * result.pitch;
            result.lines *= draft_.in.text.scopes[at].repeat;
        }
        return result;
    }
    /// Lines that do not all fall on the same few sets of the cache.
    static constexpr int pitch_of(int columns) {
        const int pitch = aligned(columns);
        return pitch % 128 == 0 ? pitch + 16 : pitch;
    }

    static constexpr bool is_first_row(int offset, int row_size) {
        return offset >= 0 && offset < row_size;
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
            const int row = made.row_size[layout.index];
            use(out_.buffers[layout.index], row > 0 ? steps : 0, steps);
            // An output may be another relation's numbers, from a later row on.
            const bool later = row > 0 && !is_first_row(layout.offset, row);
            if (row > 0 && form_.rows > 1 && (layout.strides[0] != row || later))
                made.obstacle = {draft_.in.relations[relation].rule,
                                 rows_obstacle::kind::other_rows};
        }
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
            part_[index] = row > 0 ? aligned(made.block * row) : old_part_[index];
            each.size = aligned(part_[index] * std::min(each.parts, 2));
            const bool stays = row == 0 && each.first == 0 && each.last == out_.steps.size();
            each.copies = stays ? draft_.copies_of(each.scope) : 1;
            each.offset = memory.put(1LL * each.size * each.copies, each.first, each.last);
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
        size += 1LL * kept.lines * kept.pitch;
    }

    constexpr void resolve(const step& at, operand& used) {
        if (used.where == place::fact && is_sequence(used)) {
            used.moving = row_size(used);
            if (!is_first_row(used.offset, used.moving)) refuse(at);
        }
        if (used.where != place::value || resolve_prepared(draft_, used)) return;
        const int index = used.index;
        const buffer& of = out_.buffers[index];
        if (is_sequence(used)) {
            used.moving = made.row_size[index];
            if (!is_first_row(used.offset, used.moving)) refuse(at);
        }
        add_part(draft_, of, part_[index], true, used);
        used.offset += of.offset;
        if (of.copies > 1) add_layers(draft_, of, used);
    }

    constexpr void resolve_step(int at) {
        const step& each = out_.steps[at];
        if (!form_.once[at] && form_.rows > 1) check_rows(each);
        visit_operands(out_, each, [&](operand& used, usage) {
            // What is computed once cannot wait for later rows.
            if (form_.once[at] && is_sequence(used)) refuse(each);
            resolve(each, used);
        });
        if (each.kind != step_kind::attention || form_.once[at]) return;
        kept_attention& kept = made.kept[each.at];
        resolve(each, kept.value.from.at);
        for (kept_operand& node : kept.nodes) resolve(each, node.from.at);
    }
    /// What follows from the sequence is read in the row at hand.
    constexpr void check_rows(const step& each) {
        const auto check = [&](const access& at) {
            if (is_sequence(at.at) && at.row != row_size(at.at)) refuse(each);
        };
        if (each.kind == step_kind::rows) {
            for (const row_term& term : out_.rows[each.at].terms) check(term.x);
        } else if (each.kind == step_kind::attention) {
            const attention_step& attention = out_.attentions[each.at];
            check(attention.out);
            if (attention.is_prepared()) return;
            for (int node = 0; node < attention.nodes.size(); ++node)
                if (attention.nodes[node].kind == score_kind::dot ||
                    !made.kept[each.at].nodes[node].kept)
                    check(attention.nodes[node].x);
        }
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
        if constexpr (form.possible) {
            return planner(Plan::unplaced, form).made;
        } else {
            decltype(planner::made) none;
            none.obstacle = form.obstacle;
            return none;
        }
    }();
    static constexpr auto& tables = made.steps;

    /// Whether the step does not follow from the sequence.
    template <int At>
    static constexpr bool is_once = form.once[At];
    template <int At>
    static constexpr kept_attention kept_at = made.kept[At];
};

}  // namespace sequent::inline SEQUENT_ABI::plan
