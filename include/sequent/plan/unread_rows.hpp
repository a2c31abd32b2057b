#pragma once

#include "draft.hpp"

/// Finds the buffers of which no step reads rows beyond counts that are given at run time: what
/// writes them need not write zeros there, and their gradients are cleared and added to up to the
/// counts alone.

namespace sequent::inline SEQUENT_ABI::plan {

/// An operand as a step walks it: by some indices, of which counts limit some.
struct walk {
    struct index {
        int stride = 0;
        int extent = 1;
        unsigned counts = 0;
        bool can_end = false;  // of what writes: by other counts, too
    };
    list<index, max_variables + 4> indices{};
    bool known = true;

    constexpr void add(int stride, int extent, unsigned counts = 0, bool can_end = false) {
        if (stride != 0 && extent > 0) indices.push({stride, extent, counts, can_end});
    }
    /// Returns true if the rows, `row` numbers each, can be written up to any count.
    constexpr bool can_end_rows(const operand& to, int row) const {
        walk by = *this;
        bool found = false;
        for (index& each : by.indices) {
            each.counts = each.can_end && each.stride == row ? 1 : 0;
            found = found || each.counts != 0;
        }
        return found && by.limits_of_rows(to, row) != 0;
    }

    /// The counts that limit the rows, `row` numbers each, that are walked from the first on; none
    /// if that is not to be seen.
    constexpr unsigned limits_of_rows(const operand& from, int row) const {
        if (!known || from.offset < 0 || from.offset >= row) return 0;
        for (int stride : from.layer_strides)
            if (stride != 0) return 0;
        unsigned counts = 0;
        long long reach = from.offset;
        for (const index& each : indices) {
            if (each.stride == row && counts == 0 && each.counts != 0)
                counts = each.counts;
            else
                reach +=
                    static_cast<long long>(each.stride < 0 ? row : each.stride) * (each.extent - 1);
        }
        return reach < row ? counts : 0;
    }
};

template <class Draft>
class unread_rows_finder {
  public:
    constexpr explicit unread_rows_finder(Draft& draft) : out_(draft.out) {
        for (int at = 0; at < out_.relations.size(); ++at)
            for (int axis = 0; axis < draft.in.relations[at].arity; ++axis)
                out_.relations[at].counts[axis] =
                    counts_above(out_.pool, draft.conditions.domain[at], axis);
        if (draft.in.text.counts.size() == 0) return;
        do find(draft);
        while (limit_writers());
        for (row_step& row : out_.rows)
            if (row.counts != 0) row.out_counts = out_.buffers[row.out.at.index].counts;
        for (attention_step& attention : out_.attentions)
            if (attention.row_counts != 0)
                attention.out_counts = out_.buffers[attention.out.at.index].counts;
        for (general_step& general : out_.generals) limit_heads(general);
    }

  private:
    static constexpr unsigned all_counts = ~0u;

    decltype(Draft::out)& out_;

    constexpr void find(const Draft& draft) {
        for (buffer& each : out_.buffers) each.counts = each.prepared ? 0 : all_counts;
        // Steps whose rows a count limits know how long a row is: those that write, or else those
        // that read.
        for (const bool writers : {true, false})
            each_walk([&](const operand& at, const walk& by, bool writes) {
                buffer& of = out_.buffers[at.index];
                for (const walk::index& each : by.indices)
                    if (writes == writers && each.counts != 0 && of.row == 0) of.row = each.stride;
            });
        each_walk([&](const operand& at, const walk& by, bool writes) {
            buffer& of = out_.buffers[at.index];
            if (writes && by.can_end_rows(at, of.row)) return;
            of.counts &= of.row > 0 ? by.limits_of_rows(at, of.row) : 0;
        });
        // Of outputs, the other rows are cleared at the end.
        for (int relation : draft.in.outputs) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value) continue;
            walk by;
            by.known = !layout.pairs.any();
            for (int axis = 0; axis < draft.in.relations[relation].arity; ++axis)
                by.add(layout.strides[axis], draft.in.relations[relation].extents[axis],
                       layout.counts[axis]);
            operand at;
            at.offset = layout.offset;
            buffer& of = out_.buffers[layout.index];
            of.counts &= of.row > 0 ? by.limits_of_rows(at, of.row) : 0;
        }
        for (buffer& each : out_.buffers)
            if (each.counts == all_counts) each.counts = 0;
    }

    /// Rows that nothing reads are not computed. Returns true if a step computes fewer than before.
    constexpr bool limit_writers() {
        bool changes = false;
        const auto limit = [&](unsigned& counts, unsigned by) {
            changes = changes || (by & ~counts) != 0;
            counts |= by;
        };
        for (row_step& row : out_.rows)
            if (row.pairs < 0 && row.out.row == row_of(row.out.at))
                limit(row.counts, counts_of(row.out.at));
        for (general_step& general : out_.generals)
            for (int place = 0; place < general.heads; ++place)
                if (const int variable = general.order[place];
                    general.out_join < 0 && variable != general.time &&
                    general.out_strides[variable] == row_of(general.out))
                    limit(general.counts[variable], counts_of(general.out));
        return changes;
    }
    constexpr int row_of(const operand& out) const {
        return out.where == place::value ? out_.buffers[out.index].row : 0;
    }
    constexpr unsigned counts_of(const operand& out) const {
        return out_.buffers[out.index].counts;
    }

    constexpr void limit_heads(general_step& general) {
        const buffer& of = out_.buffers[general.out.index];
        general.out_counts = of.counts;
        general.out_row = of.row;
        for (int place = 0; place < general.heads; ++place) {
            const int variable = general.order[place];
            const bool walks_rows = of.counts != 0 && general.out_strides[variable] == of.row &&
                                    general.counts[variable] != 0;
            general.counts[variable] = walks_rows ? of.counts : 0;
        }
    }

    /// Calls visit(operand, walk, writes) for all that a step does with values.
    template <class Visit>
    constexpr void each_walk(Visit visit) const {
        const auto see = [&](const operand& at, const walk& by, bool writes = false) {
            if (at.where == place::value) visit(at, by, writes);
        };
        for (const step& each : out_.steps) {
            if (each.kind == step_kind::rows) walk_row(out_.rows[each.at], see);
            if (each.kind == step_kind::attention) walk_attention(out_.attentions[each.at], see);
            if (each.kind == step_kind::general) walk_general(out_.generals[each.at], see);
        }
    }

    static constexpr walk walk_of(const access& at, const row_step& row, unsigned counts) {
        walk result;
        result.add(at.row, row.rows, counts, row.pairs < 0);
        result.add(at.column, row.segments);
        for (int outer = 0; outer < max_outers; ++outer)
            result.add(at.outer[outer], row.outer_extents[outer]);
        return result;
    }
    template <class See>
    static constexpr void walk_row(const row_step& row, See see) {
        for (const row_term& term : row.terms) {
            walk by = walk_of(term.x, row, row.counts);
            by.add(term.x_split, term.splits);
            by.known = term.indexed == side::none && row.pairs < 0;
            see(term.x.at, by);
            see(term.w.at, {{}, false});
        }
        see(row.out.at, walk_of(row.out, row, row.counts), true);
        see(row.before.at, walk_of(row.before, row, row.counts));
    }

    static constexpr walk walk_of(const access& at, const attention_step& step) {
        walk result;
        result.add(at.row, step.rows, step.row_counts);
        result.add(at.column, step.columns, step.column_counts);
        for (int outer = 0; outer < max_outers; ++outer)
            result.add(at.outer[outer], step.outer_extents[outer]);
        return result;
    }
    template <class See>
    static constexpr void walk_attention(const attention_step& step, See see) {
        for (const score_node& node : step.nodes) {
            see(node.x.at, walk_of(node.x, step));
            see(node.y.at, walk_of(node.y, step));
        }
        see(step.value.at, walk_of(step.value, step));
        see(step.out.at, walk_of(step.out, step), true);
    }

    template <class See>
    static constexpr void walk_general(const general_step& step, See see) {
        const auto walked = [&](const int* strides, bool known) {
            walk result;
            result.known = known;
            for (int place = 0; place < step.variables; ++place) {
                const int variable = step.order[place];
                result.add(strides[variable], step.extents[variable], step.counts[variable],
                           place < step.heads && variable != step.time);
            }
            return result;
        };
        for (const general_literal& item : step.literals) {
            see(item.at, walked(item.strides, item.join < 0));
            see(item.weight, {{}, false});
        }
        see(step.out, walked(step.out_strides, step.out_join < 0), true);
    }
};

/// Has all rows written again that are not read: of a few rows at hand it costs nothing, and there
/// is no end at which the outputs' are cleared.
template <class Tables>
constexpr void write_unread_rows(Tables& tables) {
    for (buffer& each : tables.buffers) each.counts = 0;
    for (row_step& row : tables.rows) row.out_counts = 0;
    for (attention_step& attention : tables.attentions) attention.out_counts = 0;
    for (general_step& general : tables.generals) {
        general.out_counts = 0;
        for (int place = 0; place < general.heads; ++place)
            general.counts[general.order[place]] = 0;
    }
}

}  // namespace sequent::inline SEQUENT_ABI::plan
