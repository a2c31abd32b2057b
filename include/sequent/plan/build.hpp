#pragma once

#include "chunks.hpp"
#include "general_builder.hpp"
#include "layout.hpp"
#include "pair_layout.hpp"
#include "unread_rows.hpp"
#include "windows.hpp"

/// The builder of steps: one step for each rule or group of rules, in the order of the rules.

namespace sequent::inline SEQUENT_ABI::plan {

/// Builds the steps of a draft.
template <class Draft>
class builder {
  public:
    constexpr explicit builder(Draft& draft) : draft_(draft) {
        find_windows(draft_);
        weave_weights(draft_);
        find_attention();
        find_inlined();
        group_products(draft_);
        draft_.out.parameters = static_cast<int>(lay_out_parameters(draft_, 0, 0));
        for (int at = 0; at < draft_.in.text.relations.size(); ++at) lay_out_fact(draft_, at);
        emit_scope(0);
        unread_rows_finder<Draft>{draft_};
    }

  private:
    Draft& draft_;

    constexpr void find_attention() {
        for (int at : draft_.in.order) {
            attention_matcher<Draft> matcher(draft_, at);
            if (!matcher.matched()) continue;
            for (int part : matcher.absorbed) draft_.roles[part] = role::absorbed;
            matcher.pack_tables();
        }
    }

    constexpr void find_inlined() {
        for (int at : draft_.in.order) {
            if (draft_.roles[at] != role::step || !can_inline(draft_, at)) continue;
            if (draft_.roles[draft_.user[at]] == role::step) draft_.roles[at] = role::inlined;
        }
    }

    constexpr void emit_scope(int scope) {
        int begin = -1;
        for (int at : draft_.in.order) {
            if (draft_.rule_of(at).scope != scope) continue;
            begin = enter_loop(at, begin);
            if (draft_.rule_of(at).repeat)
                emit_stack(at);
            else
                emit_rule(at);
        }
        enter_loop(-1, begin);
    }

    /// Ends the recursion that began with step `begin` if rule `at` is not in it, and begins the
    /// recursion of `at`. Returns its first step, or -1.
    constexpr int enter_loop(int at, int begin) {
        const int loop = at < 0 ? -1 : draft_.rule_of(at).recurs.loop;
        if (begin >= 0) {
            const step first = draft_.out.steps[begin];
            if (draft_.rule_of(first.rule).recurs.loop == loop) return begin;
            const int end = push(step_kind::repeat_end, begin, first.rule);
            draft_.out.steps[begin].at = end;
            mark_loop(draft_.out.steps[end], first.rule);
        }
        if (loop < 0) return -1;
        lay_out_loop(loop);
        const int made = push(step_kind::repeat_begin, 0, at);
        mark_loop(draft_.out.steps[made], at);
        return made;
    }
    /// A recursion reads relations before it computes them, so that all must be laid out first. For
    /// this its steps are built once and dropped.
    constexpr void lay_out_loop(int loop) {
        auto& out = draft_.out;
        const int kept[] = {out.steps.count, out.rows.count, out.attentions.count,
                            out.generals.count};
        for (int at : draft_.in.order)
            if (draft_.rule_of(at).recurs.loop == loop) emit_rule(at);
        out.steps.count = kept[0];
        out.rows.count = kept[1];
        out.attentions.count = kept[2];
        out.generals.count = kept[3];
    }
    constexpr void mark_loop(step& to, int at) const {
        const recurrence& recurs = draft_.rule_of(at).recurs;
        to.depth = draft_.depth_of(draft_.rule_of(at).scope);
        to.recurs = true;
        to.backward = recurs.backward;
        to.first = 0;
        to.last = never;
        to.end = {};
        to.fills = false;
        to.repeat = 0;
        for (int member : draft_.in.order) {
            const recurrence& other = draft_.rule_of(member).recurs;
            if (other.loop == recurs.loop && other.last > to.repeat) to.repeat = other.last;
        }
    }

    constexpr int push(step_kind kind, int at, int rule) {
        step made;
        made.kind = kind;
        made.at = at;
        made.rule = rule;
        const recurrence& recurs = draft_.rule_of(rule).recurs;
        made.depth = draft_.depth_of(draft_.rule_of(rule).scope) + (recurs.loop >= 0 ? 1 : 0);
        made.first = recurs.first;
        made.last = recurs.last;
        made.end = recurs.end;
        made.fills = recurs.fills;
        made.prepared = draft_.prepared[rule];
        return draft_.out.steps.push(made);
    }

    constexpr void emit_rule(int at) {
        const role what = draft_.roles[at];
        if (what == role::inlined || what == role::absorbed) return;
        if (draft_.rule_of(at).recurs.fills && !is_laid_out(at)) return;
        if (draft_.rule_of(at).views) {
            lay_out_view(at);
        } else if (what == role::grouped) {
            emit_group(at);
        } else if (is_alias(at)) {
            draft_.roles[at] = role::alias;
        } else if (is_row_rule(draft_, at)) {
            emit_row(at);
        } else {
            attention_matcher<Draft> matcher(draft_, at);
            if (matcher.matched())
                emit_attention(at, matcher);
            else
                emit_general(at, matcher.why);
        }
    }

    /// The output of a stacked block is stored where the next layer reads its input.
    constexpr bool lay_out_in_carry(int at) {
        if (!draft_.is_block_output(at)) return false;
        const int scope = draft_.rule_of(at).scope;
        relation_layout& layout = draft_.out.relations[draft_.rule_of(at).head];
        layout = draft_.out.relations[draft_.in.block_input[scope]];
        ++layout.part;
        return true;
    }

    /// The relation is laid out already, or by another rule for other times.
    constexpr bool is_laid_out(int at) const {
        return draft_.rule_of(at).recurs.loop >= 0 &&
               draft_.out.relations[draft_.rule_of(at).head].where == place::value;
    }

    constexpr void emit_row(int at) {
        const rule& written = draft_.rule_of(at);
        row_builder<Draft> row(draft_, at);
        const long long size = row.size() * draft_.times_of(written);
        if (!lay_out_in_carry(at) && !is_laid_out(at))
            row.lay_out(draft_.new_buffer(size, at), 0, 0);
        row_step made = row.build();
        if (made.needs_sum()) {
            // The sum before the functions, in the same layout as the result.
            made.before = made.out;
            relation_layout& layout = draft_.out.relations[written.head];
            const relation_layout kept = layout;
            layout.part = 0;
            layout.each_layer = false;
            row.lay_out(draft_.new_buffer(size, at), 0, 0);
            made.before = row.build().out;
            layout = kept;
        }
        push(step_kind::rows, draft_.out.rows.push(made), at);
    }

    constexpr void emit_group(int at) {
        group& of = draft_.groups[draft_.group_of[at]];
        if (of.first_rule != at) return;
        int offset = 0;
        for (int member : draft_.in.order) {
            if (draft_.group_of[member] != draft_.group_of[at]) continue;
            row_builder<Draft> row(draft_, member);
            if (of.buffer < 0) {
                const rule& written = draft_.rule_of(member);
                of.buffer = draft_.new_buffer(
                    1LL * row.rows() * of.columns * draft_.times_of(written), member);
            }
            row.lay_out(of.buffer, offset, of.columns);
            const group_candidate shape = candidate_width(member, row.chosen());
            offset += shape.columns;
        }
        row_step made = row_builder<Draft>(draft_, at).build();
        made.segments = 1;
        made.length = of.columns;
        for (row_term& term : made.terms) term.w.column = term.x.column = 0;
        made.out.column = 0;
        push(step_kind::rows, draft_.out.rows.push(made), at);
    }

    constexpr group_candidate candidate_width(int at, const axes& chosen) const {
        group_candidate result;
        const rule& written = draft_.rule_of(at);
        result.columns = draft_.head_of(at).value.size() *
                         (chosen.segment >= 0 ? written.variables[chosen.segment].extent : 1);
        return result;
    }

    /// Lays out a view: the elements of the literal, with strides of the variables in its
    /// arguments. Arguments outside of the relation have no atoms.
    constexpr void lay_out_view(int at) {
        const rule& written = draft_.rule_of(at);
        const literal& item = draft_.literal_of(at, 0);
        const bool bare = item.kind == literal_kind::weight;
        relation_layout layout;
        if (bare) {
            layout.where = place::parameter;
            layout.index = written.first_literal;
        } else {
            layout = draft_.out.relations[item.relation];
            for (int& stride : layout.strides) stride = 0;
        }
        for (int axis = 0; axis < (bare ? item.weight.arity : item.arity); ++axis) {
            const term& from = bare ? item.weight.terms[axis] : item.terms[axis];
            const int stride = bare ? draft_.out.weights[item.weight.weight].strides[axis]
                                    : draft_.out.relations[item.relation].strides[axis];
            layout.offset += from.offset * stride;
            // The head's arguments are the rule's variables in their order.
            if (from.variable >= 0) layout.strides[from.variable] += stride;
            if (from.second >= 0) layout.strides[from.second] += from.factor * stride;
        }
        draft_.out.relations[written.head] = layout;
        draft_.roles[at] = role::alias;
    }

    /// Makes the rule an alias if it only reads elements of another relation: y(i) <<= x(i), a
    /// slice of each row, or a concatenation of heads that are contiguous. Returns true if it does.
    constexpr bool is_alias(int at) {
        const rule& written = draft_.rule_of(at);
        if (written.recurs.end.any()) return false;
        if (written.literals != 1 || draft_.is_block_output(at)) return false;
        // Where it has no atoms, it is zero: the other relation need not be.
        if (draft_.head_of(at).tested) return false;
        const literal& item = draft_.literal_of(at, 0);
        const bool slices = written.transformations.size() == 1 &&
                            written.transformations[0].kind == transformation::slice &&
                            written.variables.size() == written.arity;
        if (written.transformations.size() && (!slices || draft_.head_of(at).output)) return false;
        if (item.kind != literal_kind::relation || item.weight.weight >= 0 || item.has_element ||
            draft_.is_view(item) || !item.gives_value() || !covers(draft_, written, item) ||
            is_symbol(draft_, item))
            return false;
        if (changes_one(written.combined) || !entry_of(written.aggregated).keeps_one) return false;
        const relation_layout& from = draft_.out.relations[item.relation];
        if (from.where == place::none) return false;  // inlined into this rule
        // The elements of a computed relation are zero where it has no atoms.
        const int condition = draft_.conditions.condition[at];
        auto& pool = draft_.out.pool;
        if (condition >= 0 &&
            (from.where != place::value || from.pairs.any() || written.recurs.loop >= 0 ||
             !pool.same_conjuncts(
                 condition,
                 pool.substitute(pool.nodes, draft_.conditions.domain[item.relation], item.terms))))
            return false;
        if ((from.where == place::fact || draft_.is_prepared(from)) && draft_.head_of(at).output)
            return false;
        const value_shape shape = draft_.value_of(item);
        if (item.transposed && shape.rows != 1 && shape.columns != 1) return false;
        if (slices && shape.columns != 1) return false;
        relation_layout layout = from;
        if (slices) layout.offset += static_cast<int>(written.transformations[0].numbers[0]);
        for (int& stride : layout.strides) stride = 0;
        unsigned seen = 0;
        const unsigned head = written.head_variables();
        for (int axis = 0; axis < item.arity; ++axis) {
            const int variable = item.terms[axis].variable;
            if (variable < 0 || ((seen >> variable) & 1u)) return false;
            seen |= 1u << variable;
            layout.offset += item.terms[axis].offset * from.strides[axis];
        }
        // The strides of the aggregated variables must follow directly on the value.
        if ((seen & ~head) && written.aggregated != aggregation::concat) return false;
        int length = shape.size();
        for (int at_order = written.aggregated_order.size(); at_order-- > 0;) {
            int axis = 0;
            while (axis < item.arity &&
                   item.terms[axis].variable != written.aggregated_order[at_order])
                ++axis;
            if (axis == item.arity || from.strides[axis] != length) return false;
            length *= written.variables[item.terms[axis].variable].extent;
        }
        if ((seen & head) != head || seen != (1u << written.variables.size()) - 1) return false;
        for (int axis = 0; axis < item.arity; ++axis)
            for (int place = 0; place < written.arity; ++place)
                if (written.terms[place].variable == item.terms[axis].variable)
                    layout.strides[place] = from.strides[axis];
        if (from.each_layer) return false;
        draft_.out.relations[written.head] = layout;
        return true;
    }

    constexpr void emit_attention(int at, attention_matcher<Draft>& matcher) {
        if (!lay_out_in_carry(at) && !is_laid_out(at)) matcher.lay_out();
        matcher.fill();
        if (matcher.lay_out_weights()) {
            const int index = draft_.out.attentions.push(matcher.step);
            push(step_kind::weights, index, matcher.softmax_rule);
            push(step_kind::attention, index, at);
            return;
        }
        attention_step made = matcher.step;
        if (!made.normalizes) {
            made.no_chunks = mark_chunks(draft_.out.pool, made);
            push(step_kind::attention, draft_.out.attentions.push(made), at);
            return;
        }
        const rule& written = draft_.rule_of(at);
        int outer = 1;
        for (int index = 0; index < made.outers; ++index) outer *= made.outer_extents[index];
        made.normalizer.at.where = place::value;
        made.normalizer.at.index =
            draft_.new_buffer(2LL * outer * made.rows * draft_.times_of(written), at);
        if (written.recurs.loop >= 0) {
            draft_.add_time(made.normalizer.at, written, outer * 2 * made.rows);
            made.normalizer.at.offset -= written.recurs.delay * outer * 2 * made.rows;
        }
        made.normalizer.row = 2;
        int stride = 2 * made.rows;
        for (int index = made.outers; index-- > 0;) {
            made.normalizer.outer[index] = stride;
            stride *= made.outer_extents[index];
        }
        keep_scores(made, outer, at);
        push(step_kind::attention, draft_.out.attentions.push(made), at);
    }

    /// Caches scores for the gradient if they are long products and few, so that the memory does
    /// not grow with the square of the length. Each row has one vector more: reads of whole vectors
    /// stay inside, and rows whose length is a multiple of a large power of two do not map to the
    /// same lines of the CPU cache.
    constexpr void keep_scores(attention_step& made, int outer, int at) {
        constexpr int most_numbers = 1 << 16;
        constexpr int least_depth = 48;
        const score_node& score = made.nodes[made.nodes.size() - 1];
        if (draft_.rule_of(at).recurs.loop >= 0) return;
        if (score.kind != score_kind::dot || score.depth < least_depth || score.value <= 0 ||
            outer * made.rows > most_numbers / made.columns)
            return;
        made.scores.row = (made.columns + 15) / 16 * 16 + 16;
        made.scores.at.where = place::value;
        made.scores.at.index = draft_.new_buffer(outer * made.rows * made.scores.row, at);
        int stride = made.rows * made.scores.row;
        for (int index = made.outers; index-- > 0;) {
            made.scores.outer[index] = stride;
            stride *= made.outer_extents[index];
        }
    }

    // Stacks: the input is copied to the place where the first layer reads it; each layer writes to
    // the place where the next layer reads.

    constexpr void emit_stack(int at) {
        const rule& written = draft_.rule_of(at);
        const int input = draft_.in.block_input[written.block];
        const literal& item = draft_.literal_of(at, 0);
        relation_layout& carried = draft_.out.relations[input];
        carried = {};
        carried.where = place::value;
        const long long size_of_atoms = pack_atoms(draft_, carried, input);
        const long long size = aligned(size_of_atoms);
        carried.index = draft_.new_buffer(size * (written.repeat + 1), at, written.repeat + 1);
        carried.each_layer = true;
        row_step copy = copy_step(at, item.relation, input);
        // The first layer's place: the copy stands outside the stack.
        copy.out.at.each_layer = false;
        push(step_kind::rows, draft_.out.rows.push(copy), at);
        const int begin = push(step_kind::repeat_begin, 0, at);
        draft_.out.steps[begin].repeat = written.repeat;
        emit_scope(written.block);
        const int end = push(step_kind::repeat_end, begin, at);
        draft_.out.steps[end].repeat = written.repeat;
        if (draft_.in.text.scopes[written.block].kind == repetition::until_equal)
            draft_.out.steps[begin].carried = draft_.out.steps[end].carried =
                draft_.out.carried.push(carried_by(written.block, size_of_atoms));
        draft_.out.steps[begin].at = end;
        carried.part = written.repeat;
        carried.each_layer = false;
        // If a block ends with a stack, the outer stack reads its output from another buffer.
        if (lay_out_in_carry(at))
            push(step_kind::rows, draft_.out.rows.push(copy_step(at, input, written.head)), at);
        else
            draft_.out.relations[written.head] = carried;
    }

    constexpr carried_value carried_by(int block, long long size) const {
        carried_value made;
        const int input = draft_.in.block_input[block];
        const relation_layout& layout = draft_.out.relations[input];
        made.in = draft_.relation_operand(input);
        made.out = draft_.relation_operand(draft_.in.block_output[block]);
        made.size = static_cast<int>(size);
        made.pairs = layout.pairs.fact;
        if (layout.pairs.any()) {
            made.row = layout.pair_stride;
        } else if (draft_.in.relations[input].arity > 0) {
            made.row = layout.strides[0];
            made.counts = counts_above(draft_.out.pool, draft_.conditions.domain[input], 0);
        }
        return made;
    }

    /// The step of the stack `at` that copies relation `from` to relation `to`.
    constexpr row_step copy_step(int at, int from, int to) const {
        const relation_shape& shape = draft_.in.relations[to];
        row_step made;
        if (shape.arity > 0) made.row_variable = draft_.rule_of(at).terms[0].variable;
        made.length = shape.value.size();
        row_term term;
        term.relation = from;
        term.x.at = draft_.relation_operand(from);
        made.out.at = draft_.relation_operand(to);
        const relation_layout& source = draft_.out.relations[from];
        const relation_layout& target = draft_.out.relations[to];
        if (target.pairs.any()) {
            made.rows = draft_.in.facts[target.pairs.fact].pairs;
            term.x.row = source.pair_stride;
            made.out.row = target.pair_stride;
        }
        for (int axis = 0; axis < shape.arity; ++axis) {
            if (target.pairs.has(axis)) continue;
            if (axis == 0 && !target.pairs.any()) {
                made.rows = shape.extents[0];
                made.counts = counts_above(draft_.out.pool, draft_.conditions.domain[to], 0);
                term.x.row = source.strides[0];
                made.out.row = target.strides[0];
            } else {
                made.outer_extents[made.outers] = shape.extents[axis];
                term.x.outer[made.outers] = source.strides[axis];
                made.out.outer[made.outers++] = target.strides[axis];
            }
        }
        made.terms.push(term);
        return made;
    }

    constexpr void emit_general(int at, reason no_attention) {
        const rule& written = draft_.rule_of(at);
        relation_layout& layout = draft_.out.relations[written.head];
        if (!lay_out_in_carry(at) && !is_laid_out(at)) {
            layout = {};
            layout.where = place::value;
            layout.index = draft_.new_buffer(pack_atoms(draft_, layout, written.head), at);
        }
        general_step made = general_builder<Draft>(draft_, at).build();
        if (written.chooses()) {
            made.choice = draft_.head_of(at).chosen;
            made.chosen.where = place::value;
            const fact_shape& of = draft_.in.facts[made.choice];
            made.chosen.index =
                draft_.new_buffer(pair_layout{of.extents[0], of.extents[1], of.pairs}.size(), at);
            draft_.out.buffers[made.chosen.index].lasts = true;
        }
        if (!made.compares_alone())
            made.reasons = {
                {row_obstacle(draft_, at), outer_product_obstacle(draft_, at), no_attention}};
        push(step_kind::general, draft_.out.generals.push(made), at);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
