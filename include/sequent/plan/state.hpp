#pragma once

#include "row_reach.hpp"
#include "state_cache.hpp"

/// The state of one sequence that is computed a few rows at a time. Each buffer of the sequence
/// stores the current rows and as many rows before them as later steps read: none for plain rows, a
/// few for shifts, convolutions and recursions, all for aggregates over all earlier rows. The
/// columns of attention steps are stored separately, transposed.

namespace sequent::inline SEQUENT_ABI::plan {

/// Lays out the steps of a draft for a few rows at a time.
template <class Drafted, class Form>
class state_planner : public row_reach<Drafted, Form> {
    using base = row_reach<Drafted, Form>;

  public:
    using base::made;

    /// `block` is the maximum number of rows at a time; 0: most_block_rows.
    constexpr state_planner(const Drafted& from, const Form& form, int block = 0)
        : base(from, form) {
        if (block == 0) block = most_block_rows(draft_.out);
        made.block = std::min(form.rows, block);
        made.obstacle = form.obstacle;
        // Without a fact along a sequence there are no rows.
        if (refused() || form.rows == 0) return;
        forget_training();
        this->find_reach();
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

    using base::attention_reach, base::back_, base::draft_, base::extent_, base::fact_back_,
        base::form_, base::is_sequence, base::lead_, base::old_part_, base::out_, base::refused,
        base::row_size, base::rows_of, base::visit_reads;

    int part_[capacity]{};
    bool kept_[capacity]{};  // rows are stored from call to call

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

    // The rows that are stored from call to call.

    /// 1 + the number of the window of rows; 0 if all rows are stored.
    constexpr int window(const row_window& made_of, int extent) {
        if (made_of.capacity >= extent) return 0;
        for (int at = 0; at < made.windows.size(); ++at)
            if (made.windows[at] == made_of) return at + 1;
        return made.windows.push(made_of) + 1;
    }
    /// The window with a capacity for which one row is moved per computed row.
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
    /// Finds the first rule that reads rows of which only the last are stored. After a state is
    /// truncated, rows are computed again from the lead of their buffer on.
    constexpr void find_lost() {
        for (int relation : draft_.in.outputs) {
            const relation_layout& layout = out_.relations[relation];
            if (layout.where != place::value || made.window_of[layout.index] == 0) continue;
            if (rows_of(layout.offset, made.row_size[layout.index]) < lead_[layout.index])
                made.lost = {draft_.in.relations[relation].rule, kind::lost_rows};
        }
        for (int at = out_.steps.size(); at-- > 0;) {
            if (form_.once[at]) continue;
            const rows_obstacle loses{out_.steps[at].rule, kind::lost_rows};
            visit_reads(at, [&](const operand& from, int first, int) {
                const bool of_fact = from.where == place::fact;
                const int window =
                    of_fact ? made.fact_window[from.index] : made.window_of[from.index];
                if (window > 0 && made.lead[at] + first < (of_fact ? 0 : lead_[from.index]))
                    made.lost = loses;
            });
            if (out_.steps[at].kind != step_kind::attention || form_.in_time[at]) continue;
            const attention_step& attention = out_.attentions[out_.steps[at].at];
            if (carries(at) || slides(attention, attention_reach(attention), made.lead[at]))
                made.lost = loses;
        }
    }
    /// Finds the one window of all attention steps whose rows do not need all columns.
    constexpr void find_column_window() {
        row_window most{-1, 0, 0, 16};
        for (int at = 0; at < out_.steps.size(); ++at) {
            if (out_.steps[at].kind != step_kind::attention || form_.once[at] || form_.in_time[at])
                continue;
            const attention_step& attention = out_.attentions[out_.steps[at].at];
            const column_reach reach = attention_reach(attention);
            if (!slides(attention, reach, made.lead[at])) continue;
            most.back = std::max(most.back, reach.back);
            most.ahead = std::max(most.ahead, made.lead[at] + reach.beyond());
        }
        if (most.back < 0) return;
        most.capacity = column_room(most.back, most.ahead);
        made.column_window = made.windows.push(most) + 1;
    }
    constexpr int column_room(int back, int ahead) const {
        return aligned(2 * (back + 1) + ahead + made.block + 15);
    }
    /// Returns true if only a window of the columns of an attention step with this lead is stored.
    constexpr bool slides(const attention_step& attention, const column_reach& reach,
                          int lead) const {
        return column_room(reach.back, lead + reach.beyond()) < attention.columns;
    }

    constexpr void find_kept() {
        made.kept.reset(out_.attentions.size());
        for (int at = 0; at < out_.steps.size(); ++at) {
            const step& each = out_.steps[at];
            if (each.kind != step_kind::attention || form_.once[at] || form_.in_time[at]) continue;
            const attention_step& attention = out_.attentions[each.at];
            kept_attention& kept = made.kept[each.at];
            if (carries(at)) {
                kept.carries = true;
                kept.value = carried(at, attention);
                continue;
            }
            const column_reach reach = attention_reach(attention);
            kept.ahead = reach.beyond();
            kept.value = keep(at, attention, reach, attention.value, attention.length);
            if (attention.is_prepared()) continue;
            for (int node = 0; node < attention.nodes.size(); ++node) {
                const score_node& of = attention.nodes[node];
                if (of.kind == score_kind::dot)
                    kept.nodes[node] = keep(at, attention, reach, of.y, of.depth);
                else if (of.kind == score_kind::load && of.x.row == 0 && is_sequence(of.x.at))
                    kept.nodes[node] = keep(at, attention, reach, of.x, 1);
            }
        }
    }
    constexpr kept_operand keep(int at, const attention_step& attention, const column_reach& reach,
                                const access& from, int depth) {
        kept_operand result;
        if (from.at.where != place::value && from.at.where != place::fact) return result;
        result.kept = true;
        result.moves = is_sequence(from.at);
        result.from = from;
        result.columns = attention.columns;
        result.depth = depth;
        result.slides = result.moves && slides(attention, reach, made.lead[at]);
        result.pitch = result.slides ? made.windows[made.column_window - 1].capacity
                                     : pitch_of(attention.columns);
        result.lines = depth;
        place_rounds(at, attention, from.outer, result);
        return result;
    }
    /// Returns true if an attention step of the sequence carries a state in place of its columns:
    /// it is computed in chunks, and the columns of a row end at the row.
    constexpr bool carries(int at) const {
        const attention_step& attention = out_.attentions[out_.steps[at].at];
        if (attention.chunk == 0 || !attention.ends_at_row || !is_sequence(attention.value.at))
            return false;
        for (const score_node& node : attention.nodes) {
            if (node.kind == score_kind::dot && !is_sequence(node.y.at)) return false;
            if (node.kind == score_kind::load && node.x.column != 0 && !is_sequence(node.x.at))
                return false;
        }
        return true;
    }
    /// The place of the state of each round of the outer loops: a line of `length` numbers for each
    /// element of a key, and one for the exponent of the last row.
    constexpr kept_operand carried(int at, const attention_step& attention) {
        kept_operand result;
        result.kept = result.moves = true;
        result.from = attention.value;
        result.columns = attention.columns;
        result.pitch = aligned(attention.length);
        for (const score_node& node : attention.nodes)
            if (node.kind == score_kind::dot) result.lines = result.depth = node.depth + 1;
        constexpr int each[max_outers]{1, 1, 1};
        place_rounds(at, attention, each, result);
        return result;
    }
    /// Sets the strides of the outer loops that `moves` counts, and those of the layers.
    constexpr void place_rounds(int at, const attention_step& attention, const int* moves,
                                kept_operand& result) const {
        for (int outer = attention.outers; outer-- > 0;) {
            if (moves[outer] == 0) continue;
            result.outer[outer] = result.lines * result.pitch;
            result.lines *= attention.outer_extents[outer];
        }
        const int scope = draft_.rule_of(out_.steps[at].rule).scope;
        result.to.where = place::value;
        result.to.index = scope;  // the scope, until memory is laid out
        for (int block = scope; block > 0; block = draft_.in.text.scopes[block].parent) {
            result.to.layer_strides[draft_.depth_of(block) - 1] = result.lines * result.pitch;
            result.lines *= draft_.in.text.scopes[block].repeat;
        }
    }
    /// A pitch for which the lines do not all map to the same few sets of the cache.
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
                // A value that is given or computed once is stored if rows read it later.
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
    /// Returns true if the columns of an operand are stored separately.
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

/// A plan whose memory is laid out for a few rows at a time, the state of a sequence. If `Cache`
/// has a form for them, the keys and values of attention are in a KV cache of fewer bits.
template <class Plan, cache_form Cache = cache_form{}>
struct state_plan_of : single_steps<state_plan_of<Plan, Cache>> {
    /// The shapes of the facts and counts.
    static constexpr auto& facts = Plan::facts;
    /// The program with its shapes.
    static constexpr auto& shapes = Plan::shapes;
    /// The positions of the program.
    static constexpr auto& form = Plan::by_rows;
    /// The layout of the state.
    static constexpr auto made = [] {
        if constexpr (Cache.keys.bytes > 0 || Cache.values.bytes > 0) {
            return cache_planner(state_plan_of<Plan>::made, Cache).made;
        } else {
            using planner =
                state_planner<std::remove_const_t<decltype(Plan::unplaced)>,
                              std::remove_const_t<std::remove_reference_t<decltype(form)>>>;
            return planner(Plan::unplaced, form).made;
        }
    }();
    /// The steps, laid out for a state.
    static constexpr auto& tables = made.steps;

    /// True if the step does not depend on the sequence.
    template <int At>
    static constexpr bool is_once = form.once[At];
    /// The stored columns of attention step At.
    template <int At>
    static constexpr kept_attention kept_at = made.kept[At];
    /// True if the step is in a recursion over the positions.
    template <int At>
    static constexpr bool is_in_time = form.in_time[At];
    /// The rows beyond the current ones that the step computes.
    template <int At>
    static constexpr int lead_of = made.lead[At];
    /// The variable of general step At that is the position; -1 if there is none.
    template <int At>
    static constexpr int position_of_general = [] {
        for (int each = 0; each < tables.steps.size(); ++each)
            if (tables.steps[each].kind == step_kind::general && tables.steps[each].at == At &&
                !form.once[each])
                return form.position[each];
        return -1;
    }();
    /// The variable of general step At whose values are near the position.
    template <int At>
    static constexpr column_bound bound_of_general = made.bounds.size() > At ? made.bounds[At]
                                                                             : column_bound{};
};

}  // namespace sequent::inline SEQUENT_ABI::plan
