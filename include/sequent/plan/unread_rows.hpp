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
    };
    list<index, max_variables + 4> indices{};
    bool known = true;

    constexpr void add(int stride, int extent, unsigned counts = 0) {
        if (stride != 0 && extent > 0) indices.push({stride, extent, counts});
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
        for (buffer& each : out_.buffers) each.counts = each.prepared ? 0 : all_counts;
        // Those that write the rows know how long they are.
        each_walk([&](const operand& to, const walk& by, bool writes) {
            buffer& of = out_.buffers[to.index];
            for (const walk::index& each : by.indices)
                if (writes && each.counts != 0 && of.row == 0) of.row = each.stride;
        });
        each_walk([&](const operand& from, const walk& by, bool) {
            buffer& of = out_.buffers[from.index];
            of.counts &= of.row > 0 ? by.limits_of_rows(from, of.row) : 0;
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
        result.add(at.row, row.rows, counts);
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
            for (int variable = 0; variable < step.variables; ++variable)
                result.add(strides[variable], step.extents[variable], step.counts[variable]);
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
