#pragma once

#include "row_reach.hpp"
#include "state_cache.hpp"

/// The state of one sequence that is computed a few rows at a time. Each buffer of the sequence
/// stores the current rows and as many rows before them as later steps read: none for plain rows, a
/// few for shifts, convolutions and recursions, all for aggregates over all earlier rows. The
/// columns of attention steps are stored separately, transposed.

namespace sequent::inline SEQUENT_ABI::plan {

/// The memory of the state of a sequence, a few rows of which are computed at a time.
template <class Drafted, class Form>
class state_placer : public placer<state_placer<Drafted, Form>, Drafted>,
                     public row_reach<Drafted, Form> {
    using base = placer<state_placer, Drafted>;
    using reached = row_reach<Drafted, Form>;
    friend base;

  public:
    using reached::made;

    /// `block` is the maximum number of rows at a time; 0: most_block_rows.
    constexpr state_placer(const Drafted& from, const Form& form, int block = 0)
        : base(from), reached(base::draft_, form) {
        if (block == 0) block = most_block_rows(out_);
        made.block = std::min(form.rows, block);
        made.obstacle = form.obstacle;
        // Without a fact along a sequence there are no rows.
        if (refused() || form.rows == 0) return;
        forget_training();
        this->find_reach();
        if (refused()) return;
        find_windows();
        find_column_window();
        find_lost();
        find_kept();
        memory all = this->place();
        for (int at = 0; at < made.kept.size(); ++at) {
            kept_attention& kept = made.kept[at];
            place_kept(kept.value, all.size);
            for (int node = 0; node < out_.attentions[at].nodes.size(); ++node)
                place_kept(kept.nodes[node], all.size);
        }
        this->resolve(all);
        if (out_.workspace != too_large)
            for (int at = 0; at < out_.steps.size(); ++at) {
                const step& each = out_.steps[at];
                if (each.kind != step_kind::attention || form_.once[at]) continue;
                kept_attention& kept = made.kept[each.at];
                this->resolve(kept.value.from.at);
                for (kept_operand& node : kept.nodes) this->resolve(node.from.at);
            }
        made.steps = out_;
    }

  private:
    using typename base::memory;
    using kind = rows_obstacle::kind;

    using base::draft_, base::out_, base::part_, base::use;
    using reached::attention_reach, reached::back_, reached::extent_, reached::fact_back_,
        reached::form_, reached::is_sequence, reached::lead_, reached::refused, reached::row_size,
        reached::rows_of, reached::visit_reads;

    bool kept_[base::capacity]{};  // rows are stored from call to call

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

    constexpr int end() const { return out_.steps.size(); }
    /// A value that is given or computed once is stored if rows read it later.
    constexpr bool lasts(int at, const operand& used) {
        const bool stays =
            !form_.once[at] && !is_sequence(used) && !is_copied(out_.steps[at], used);
        if (stays && used.where == place::fact) made.reads_fact[used.index] = true;
        return stays || (used.where == place::value && kept_[used.index]);
    }
    constexpr void use_as_output(int index) {
        use(out_.buffers[index], made.row_size[index] > 0 ? out_.steps.size() : 0, end());
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

    constexpr void set_size(int index) {
        buffer& of = out_.buffers[index];
        const int row = made.row_size[index];
        const int window = made.window_of[index];
        const int rows = !kept_[index] ? made.block
                         : window > 0  ? made.windows[window - 1].capacity
                                       : extent_[index];
        const int part = row > 0 ? aligned(rows * row) : this->size_of_part(index);
        this->set_parts(index, part, !kept_[index]);
        const bool stays = kept_[index] || (row == 0 && of.first == 0 && of.last == end());
        of.copies = stays ? draft_.copies_of(of.scope) : 1;
    }
    constexpr void put_more(memory&, int index) {
        const buffer& of = out_.buffers[index];
        const int window = made.window_of[index];
        if (window > 0)
            made.places.push({window - 1, of.offset, of.copies * of.size / part_[index],
                              part_[index], made.row_size[index]});
    }
    constexpr void place_kept(kept_operand& kept, long long& size) {
        if (!kept.kept) return;
        kept.to.offset = static_cast<int>(size);
        if (kept.slides)
            made.places.push({made.column_window - 1, kept.to.offset, kept.lines, kept.pitch, 1});
        size += 1LL * kept.lines * kept.pitch;
    }

    /// Sets the window of the rows of an operand.
    constexpr void resolve_more(operand& used) {
        if (!is_sequence(used)) return;
        const bool of_fact = used.where == place::fact;
        used.origin = (of_fact ? made.fact_window : made.window_of)[used.index];
        const bool whole =
            of_fact ? made.keeps_fact[used.index] && used.origin == 0 : made.kept_whole[used.index];
        used.moving = whole ? 0 : row_size(used);
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
                state_placer<std::remove_const_t<decltype(Plan::unplaced)>,
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
