#pragma once

#include <algorithm>

#include "draft.hpp"

/// Buffers of which no step reads rows beyond counts given at run time. Their writers need not
/// write zeros there, and their gradients are set to zero and accumulated only up to the counts.

namespace sequent::inline SEQUENT_ABI::plan {

/// The rows of a buffer that a step visits: those less than each of some counts plus `beyond`. With
/// all_counts: those less than `beyond`, for any counts.
struct row_limit {
    unsigned counts = 0;  ///< one bit each
    int beyond = 0;       ///< further rows
};
/// In place of counts: the limit does not depend on counts.
inline constexpr unsigned all_counts = ~0u;

/// The elements of an operand that a step visits: by indices, some of which counts limit, and by
/// the iterations of a recursion.
struct walk {
    /// One index of the walk.
    struct index {
        int stride = 0;        ///< elements from value to value
        int extent = 1;        ///< number of values
        unsigned counts = 0;   ///< counts that limit it, one bit each
        bool can_end = false;  ///< of a writer: other counts may limit it, too
    };
    list<index, max_variables + 4> indices{};
    bool known = true;             ///< false: the visited elements are not known
    const step* within = nullptr;  ///< the step, if it is in a recursion

    /// Adds an index that moves the operand.
    constexpr void add(int stride, int extent, unsigned counts = 0, bool can_end = false) {
        if (stride != 0 && extent > 1)
            indices.push({stride, extent, counts, can_end && within == nullptr});
    }
    /// The stride of the operand from one iteration of the recursion to the next.
    constexpr int time_stride(const operand& at) const {
        return within ? at.layer_strides[within->depth - 1] : 0;
    }
    /// Returns true if a count ends the recursion.
    constexpr bool ends_with_count() const { return within && within->end.any(); }

    /// Returns true if the rows, of `row` elements, can be written up to any count.
    constexpr bool can_end_rows(const operand& to, int row) const {
        walk by = *this;
        bool found = false;
        for (index& each : by.indices) {
            each.counts = each.can_end && each.stride == row ? 1 : 0;
            found = found || each.counts != 0;
        }
        return found && by.limit_of_rows(to, row).counts != 0;
    }

    /// The limit of the rows, of `row` elements; without counts if it cannot be determined.
    constexpr row_limit limit_of_rows(const operand& from, int row) const {
        if (!known || row <= 0) return {};
        for (int level = 0; level < max_loops; ++level)
            if (from.layer_strides[level] != 0 && (!within || level != within->depth - 1))
                return {};
        const int shift = (from.offset - (from.offset < 0 ? row - 1 : 0)) / row;
        row_limit result{0, shift};
        long long reach = from.offset - 1LL * shift * row;
        if (const int stride = time_stride(from); stride != 0) {
            if (stride != row) return {};
            const counted_end& end = within->end;
            const bool counted = end.any() && !within->fills;
            result.counts = counted ? 1u << end.count : all_counts;
            result.beyond += counted ? std::max(end.beyond, end.least) : within->last;
        }
        for (const index& each : indices) {
            if (each.stride == row && result.counts == 0 && each.counts != 0)
                result.counts = each.counts;
            else if (each.stride > 0)
                reach += static_cast<long long>(each.stride) * (each.extent - 1);
        }
        return reach < row ? result : row_limit{};
    }
};

/// Finds these buffers, and sets the limits of steps and buffers.
template <class Draft>
class unread_rows_finder {
  public:
    constexpr explicit unread_rows_finder(Draft& draft) : draft_(draft), out_(draft.out) {
        for (int at = 0; at < out_.relations.size(); ++at)
            for (int axis = 0; axis < draft.in.relations[at].arity; ++axis)
                out_.relations[at].counts[axis] =
                    counts_above(out_.pool, draft.conditions.domain[at], axis);
        if (draft.in.text.counts.size() == 0) return;
        do find();
        while (limit_writers());
        for (row_step& row : out_.rows)
            if (row.counts != 0 && row.out.row == row_of(row.out.at))
                row.out_counts = counts_of(row.out.at);
        for (attention_step& attention : out_.attentions)
            if (attention.row_counts != 0 && attention.out.row == row_of(attention.out.at))
                attention.out_counts = counts_of(attention.out.at);
        for (general_step& general : out_.generals) limit_heads(general);
        if (draft.recurs) limit_rounds();
    }

  private:
    static constexpr int buffers = decltype(Draft::out.buffers)::capacity();

    Draft& draft_;
    decltype(Draft::out)& out_;
    int read_beyond_[buffers]{};     // rows beyond the counts that are read
    int written_beyond_[buffers]{};  // rows beyond them that a recursion writes; else `never`

    constexpr void find() {
        for (int at = 0; at < out_.buffers.size(); ++at) {
            out_.buffers[at].counts = out_.buffers[at].prepared ? 0 : all_counts;
            read_beyond_[at] = 0;
            written_beyond_[at] = never;
        }
        // The size of a row is known from the steps whose rows a count limits: from writers, or
        // else from readers.
        for (const bool writers : {true, false})
            each_walk([&](const operand& at, const walk& by, bool writes) {
                buffer& of = out_.buffers[at.index];
                if (writes != writers || of.row != 0) return;
                if (by.ends_with_count()) of.row = by.time_stride(at);
                for (const walk::index& each : by.indices)
                    if (each.counts != 0 && of.row == 0) of.row = each.stride;
            });
        each_walk([&](const operand& at, const walk& by, bool writes) {
            const int row = out_.buffers[at.index].row;
            if (writes && by.within && by.within->fills && by.time_stride(at) == row) return;
            const bool can_end = writes && by.can_end_rows(at, row);
            const row_limit limit = by.limit_of_rows(at, row);
            if (writes && by.ends_with_count() && limit.counts != 0)
                written_beyond_[at.index] = std::min(written_beyond_[at.index], limit.beyond);
            else if (writes && limit.counts != all_counts)
                written_beyond_[at.index] = 0;
            if (!can_end) take(at.index, limit);
        });
        // The other rows of outputs are set to zero at the end; of a tapped relation, those beyond
        // its counts are not shown.
        const auto take_all = [&](int relation) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value) return;
            walk by;
            by.known = !layout.pairs.any();
            for (int axis = 0; axis < draft_.in.relations[relation].arity; ++axis)
                by.add(layout.strides[axis], draft_.in.relations[relation].extents[axis],
                       layout.counts[axis]);
            operand at;
            at.offset = layout.offset;
            take(layout.index, by.limit_of_rows(at, out_.buffers[layout.index].row));
        };
        for (int relation : draft_.in.outputs) take_all(relation);
        if (draft_.in.tapped >= 0) take_all(draft_.in.tapped);
        for (int at = 0; at < out_.buffers.size(); ++at) {
            buffer& each = out_.buffers[at];
            if (written_beyond_[at] == never) written_beyond_[at] = 0;
            if (each.counts == all_counts || read_beyond_[at] > written_beyond_[at])
                each.counts = 0;
            each.beyond = each.counts != 0 ? written_beyond_[at] : 0;
        }
    }
    constexpr void take(int buffer, const row_limit& limit) {
        out_.buffers[buffer].counts &= limit.counts;
        read_beyond_[buffer] = std::max(read_beyond_[buffer], limit.beyond);
    }

    /// Drops the zeros beyond the end of a recursion that nothing reads. A recursion ends with the
    /// last of its steps.
    constexpr void limit_rounds() {
        for (step& each : out_.steps)
            if (each.fills && each.kind == step_kind::rows) {
                const operand& to = out_.rows[each.at].out.at;
                each.idle = (counts_of(to) >> each.end.count & 1u) != 0 &&
                            to.layer_strides[each.depth - 1] == row_of(to);
            }
        for (step& begin : out_.steps)
            if (begin.kind == step_kind::repeat_begin && begin.recurs) {
                counted_end end;
                for (int at = static_cast<int>(&begin - out_.steps.begin()) + 1; at < begin.at;
                     ++at)
                    end = later_of(end, out_.steps[at], begin.repeat);
                begin.end = out_.steps[begin.at].end = end;
            }
    }
    static constexpr counted_end later_of(counted_end end, const step& each, int rounds) {
        if (each.idle) return end;
        const counted_end& own = each.end;
        if (!own.any() || each.fills || (end.any() && end.count != own.count)) {
            end.least = std::max(end.least, own.any() ? rounds : std::min(each.last, rounds));
            return end;
        }
        return {own.count, end.any() ? std::max(end.beyond, own.beyond) : own.beyond,
                std::max(end.least, own.least)};
    }

    /// Limits steps to the rows that are read. Returns true if a step computes fewer rows than
    /// before.
    constexpr bool limit_writers() {
        bool changes = false;
        const auto limit = [&](unsigned& counts, unsigned by) {
            changes = changes || (by & ~counts) != 0;
            counts |= by;
        };
        for (const step& each : out_.steps) {
            if (is_in_recursion(each)) continue;
            if (each.kind == step_kind::rows)
                if (row_step& row = out_.rows[each.at];
                    row.pairs < 0 && row.out.row == row_of(row.out.at))
                    limit(row.counts, counts_of(row.out.at));
            if (each.kind != step_kind::general) continue;
            general_step& general = out_.generals[each.at];
            for (int place = 0; place < general.heads; ++place)
                if (const int variable = general.order[place];
                    general.out_join < 0 && general.out_strides[variable] == row_of(general.out))
                    limit(general.counts[variable], counts_of(general.out));
        }
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

    constexpr bool is_in_recursion(const step& each) const {
        return draft_.rule_of(each.rule).recurs.loop >= 0;
    }

    /// Calls visit(operand, walk, writes) for each operand in the workspace that a step reads or
    /// writes.
    template <class Visit>
    constexpr void each_walk(Visit visit) const {
        const auto see = [&](const operand& at, const walk& by, bool writes = false) {
            if (at.where == place::value) visit(at, by, writes);
        };
        for (const step& each : out_.steps) {
            walk from;
            if (is_in_recursion(each)) from.within = &each;
            if (each.kind == step_kind::rows) walk_row(out_.rows[each.at], from, see);
            if (each.kind == step_kind::attention)
                walk_attention(out_.attentions[each.at], from, see);
            if (each.kind == step_kind::general) walk_general(out_.generals[each.at], from, see);
            if (each.kind == step_kind::repeat_end && each.carried >= 0) {
                const carried_value& carried = out_.carried[each.carried];
                from.known = carried.pairs < 0;
                from.add(1, carried.row);
                from.add(carried.row, carried.size / carried.row, carried.counts);
                see(carried.in, from);
                see(carried.out, from);
            }
        }
    }

    static constexpr walk walk_of(const access& at, const row_step& row, walk result) {
        result.add(at.row, row.rows, row.counts, row.pairs < 0);
        result.add(at.column, row.segments);
        for (int outer = 0; outer < max_outers; ++outer)
            result.add(at.outer[outer], row.outer_extents[outer]);
        return result;
    }
    template <class See>
    static constexpr void walk_row(const row_step& row, const walk& from, See see) {
        for (const row_term& term : row.terms) {
            walk by = walk_of(term.x, row, from);
            for (const split_loop& loop : term.loops) by.add(loop.x, loop.count);
            by.known = term.indexed == side::none && row.pairs < 0;
            see(term.x.at, by);
            see(term.w.at, {{}, false});
        }
        see(row.out.at, walk_of(row.out, row, from), true);
        see(row.before.at, walk_of(row.before, row, from));
    }

    static constexpr walk walk_of(const access& at, const attention_step& step, walk result) {
        result.add(at.row, step.rows, step.row_counts);
        result.add(at.column, step.columns, step.column_counts);
        for (int outer = 0; outer < max_outers; ++outer)
            result.add(at.outer[outer], step.outer_extents[outer]);
        return result;
    }
    template <class See>
    static constexpr void walk_attention(const attention_step& step, const walk& from, See see) {
        for (const score_node& node : step.nodes) {
            see(node.x.at, walk_of(node.x, step, from));
            see(node.y.at, walk_of(node.y, step, from));
        }
        see(step.value.at, walk_of(step.value, step, from));
        see(step.out.at, walk_of(step.out, step, from), true);
    }

    template <class See>
    static constexpr void walk_general(const general_step& step, const walk& from, See see) {
        const auto walked = [&](const int* strides, bool known) {
            walk result = from;
            result.known = known;
            for (int place = 0; place < step.variables; ++place) {
                const int variable = step.order[place];
                result.add(strides[variable], step.extents[variable], step.counts[variable],
                           place < step.heads);
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

/// Undoes the limits: all rows are written, and all iterations run. For a few current rows this
/// costs nothing, and a state has no end at which the remaining rows of outputs could be set to
/// zero.
template <class Tables>
constexpr void write_unread_rows(Tables& tables) {
    for (buffer& each : tables.buffers) each.counts = each.beyond = 0;
    for (step& each : tables.steps) {
        each.idle = false;
        if (each.recurs) each.end = {};
    }
    for (row_step& row : tables.rows) row.out_counts = 0;
    for (attention_step& attention : tables.attentions) attention.out_counts = 0;
    for (general_step& general : tables.generals) {
        general.out_counts = 0;
        for (int place = 0; place < general.heads; ++place)
            general.counts[general.order[place]] = 0;
    }
}

}  // namespace sequent::inline SEQUENT_ABI::plan
