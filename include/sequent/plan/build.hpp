#pragma once

#include "layout.hpp"

/// Turns each rule into a step, in order.

namespace sequent::inline SEQUENT_ABI::plan {

template <class Draft>
class builder {
  public:
    constexpr explicit builder(Draft& draft) : draft_(draft) {
        weave_weights(draft_);
        find_attention();
        find_inlined();
        group_products(draft_);
        draft_.out.parameters = lay_out_parameters(draft_, 0, 0);
        for (int at = 0; at < draft_.in.text.relations.size(); ++at) lay_out_fact(at);
        emit_scope(0);
    }

  private:
    Draft& draft_;

    constexpr void find_attention() {
        for (int at : draft_.in.order) {
            attention_matcher<Draft> matcher(draft_, at);
            if (!matcher.matched) continue;
            for (int part : matcher.absorbed) draft_.roles[part] = role::absorbed;
        }
    }

    constexpr void find_inlined() {
        for (int at : draft_.in.order) {
            if (draft_.roles[at] != role::step || !can_inline(draft_, at)) continue;
            if (draft_.roles[draft_.user[at]] == role::step) draft_.roles[at] = role::inlined;
        }
    }

    constexpr void lay_out_fact(int relation) {
        const relation_shape& shape = draft_.in.relations[relation];
        if (shape.fact < 0) return;
        relation_layout& layout = draft_.out.relations[relation];
        layout.where = place::fact;
        layout.index = shape.fact;
        pack(layout, relation);
        if (!draft_.in.facts[shape.fact].is_sparse()) return;
        layout.pairs = shape.fact;
        layout.pair_axes[1] = 1;
        layout.pair_stride = shape.value.size();
        for (int& stride : layout.strides) stride = 0;
    }

    /// Lays out a relation by the pairs of the sparse fact that its domain lies in, if any. Returns
    /// the size, or 0.
    constexpr int pack_pairs(relation_layout& layout, int relation) {
        const relation_shape& shape = draft_.in.relations[relation];
        const relation_layout found = draft_.pairs_of(relation);
        layout.pairs = found.pairs;
        layout.pair_axes[0] = found.pair_axes[0];
        layout.pair_axes[1] = found.pair_axes[1];
        if (layout.pairs < 0) return 0;
        int stride = shape.value.size();
        for (int axis = shape.arity; axis-- > 0;) {
            if (axis == layout.pair_axes[0] || axis == layout.pair_axes[1]) continue;
            layout.strides[axis] = stride;
            stride *= shape.extents[axis];
        }
        layout.pair_stride = stride;
        return stride * draft_.in.facts[layout.pairs].pairs;
    }

    /// Strides in the order of the arguments; returns the size.
    constexpr int pack(relation_layout& layout, int relation) {
        const relation_shape& shape = draft_.in.relations[relation];
        int stride = shape.value.size();
        for (int axis = shape.arity; axis-- > 0;) {
            layout.strides[axis] = stride;
            stride *= shape.extents[axis];
        }
        return stride;
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

    /// Ends the recursion that began with step `begin`, if `at` is no rule of it, and begins that
    /// of `at`. Returns its first step, or -1.
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
    /// A recursion reads relations before it computes them, so that all must have their places
    /// first: its steps are built once for these alone.
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
        return draft_.out.steps.push(made);
    }

    constexpr void emit_rule(int at) {
        const role what = draft_.roles[at];
        if (what == role::inlined || what == role::absorbed) return;
        if (what == role::grouped) {
            emit_group(at);
        } else if (is_alias(at)) {
            draft_.roles[at] = role::alias;
        } else if (is_row_rule(draft_, at)) {
            emit_row(at);
        } else {
            attention_matcher<Draft> matcher(draft_, at);
            if (matcher.matched)
                emit_attention(at, matcher);
            else
                emit_general(at);
        }
    }

    /// A stacked block's output goes to where the next layer reads its input.
    constexpr bool lay_out_in_carry(int at) {
        if (!draft_.is_block_output(at)) return false;
        const int scope = draft_.rule_of(at).scope;
        relation_layout& layout = draft_.out.relations[draft_.rule_of(at).head];
        layout = draft_.out.relations[draft_.in.block_input[scope]];
        layout.offset += layout.carry;
        return true;
    }

    /// Before, or by another rule for other times.
    constexpr bool is_laid_out(int at) const {
        return draft_.rule_of(at).recurs.loop >= 0 &&
               draft_.out.relations[draft_.rule_of(at).head].where == place::value;
    }

    constexpr void emit_row(int at) {
        const rule& written = draft_.rule_of(at);
        row_builder<Draft> row(draft_, at);
        const int size = row.size() * draft_.times_of(written);
        if (!lay_out_in_carry(at) && !is_laid_out(at))
            row.lay_out(draft_.new_buffer(size, written.scope), 0, 0);
        row_step made = row.build();
        if (needs_input(made)) {
            // The sum before the functions, in the same layout as the result.
            made.before = made.out;
            relation_layout& layout = draft_.out.relations[written.head];
            const relation_layout kept = layout;
            layout.carry = 0;
            row.lay_out(draft_.new_buffer(size, written.scope), 0, 0);
            made.before = row.build().out;
            layout = kept;
        }
        push(step_kind::rows, draft_.out.rows.push(made), at);
    }

    /// Whether the gradient of the functions cannot be had from their result alone.
    static constexpr bool needs_input(const row_step& made) {
        int remembering = 0;
        for (const row_function& function : made.functions) {
            switch (function.kind) {
                case transformation::identity:
                case transformation::rotary:
                    break;
                case transformation::relu:
                case transformation::leaky_relu:
                case transformation::sigmoid:
                case transformation::tanh:
                case transformation::exp:
                case transformation::sqrt:
                case transformation::inverse:
                case transformation::complement:
                case transformation::softmax:
                case transformation::sparsemax:
                    ++remembering;
                    break;
                default:
                    return true;
            }
        }
        return remembering > 0 && made.functions.size() > 1;
    }

    constexpr int relation_size(int relation) const {
        const relation_shape& shape = draft_.in.relations[relation];
        int size = shape.value.size();
        for (int axis = 0; axis < shape.arity; ++axis) size *= shape.extents[axis];
        return size;
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
                of.buffer = draft_.new_buffer(row.rows() * of.columns * draft_.times_of(written),
                                              written.scope);
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

    /// The same numbers under another name: y(i) <<= x(i), or the heads concatenated where they
    /// already lie side by side.
    constexpr bool is_alias(int at) {
        const rule& written = draft_.rule_of(at);
        if (written.literals != 1 || written.transformations.size() ||
            draft_.conditions.condition[at] >= 0 || draft_.is_block_output(at))
            return false;
        const literal& item = draft_.literal_of(at, 0);
        if (item.kind != literal_kind::relation || item.weight.weight >= 0 || item.has_element ||
            !item.gives_value() || !covers(draft_, written, item) || is_symbol(draft_, item))
            return false;
        if (written.combined == combination::cosine || written.aggregated == aggregation::softmax ||
            written.aggregated == aggregation::count)
            return false;
        const relation_layout& from = draft_.out.relations[item.relation];
        if (from.where == place::none) return false;  // inlined into this rule
        if (from.where == place::fact && draft_.head_of(at).output) return false;
        const value_shape shape = draft_.value_of(item);
        if (item.transposed && shape.rows != 1 && shape.columns != 1) return false;
        relation_layout layout = from;
        for (int& stride : layout.strides) stride = 0;
        unsigned seen = 0;
        const unsigned head = written.head_variables();
        for (int axis = 0; axis < item.arity; ++axis) {
            const int variable = item.terms[axis].variable;
            if (variable < 0 || ((seen >> variable) & 1u)) return false;
            seen |= 1u << variable;
            layout.offset += item.terms[axis].offset * from.strides[axis];
        }
        // Aggregated variables must lie right outside the value.
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
        if (from.carry) return false;
        draft_.out.relations[written.head] = layout;
        return true;
    }

    constexpr void emit_attention(int at, attention_matcher<Draft>& matcher) {
        if (!lay_out_in_carry(at) && !is_laid_out(at)) matcher.lay_out();
        matcher.fill();
        attention_step made = matcher.step;
        const rule& written = draft_.rule_of(at);
        int outer = 1;
        for (int index = 0; index < made.outers; ++index) outer *= made.outer_extents[index];
        made.log_sum.at.where = place::value;
        made.log_sum.at.index =
            draft_.new_buffer(outer * made.rows * draft_.times_of(written), written.scope);
        if (written.recurs.loop >= 0) {
            draft_.add_time(made.log_sum.at, written, outer * made.rows);
            made.log_sum.at.offset -= written.recurs.delay * outer * made.rows;
        }
        made.log_sum.row = 1;
        int stride = made.rows;
        for (int index = made.outers; index-- > 0;) {
            made.log_sum.outer[index] = stride;
            stride *= made.outer_extents[index];
        }
        keep_scores(made, outer, at);
        push(step_kind::attention, draft_.out.attentions.push(made), at);
    }

    /// Few scores that are long products are kept for the gradient, so that the memory does not
    /// grow with the square of the sequence. A vector more in each row keeps reads of whole vectors
    /// inside, and rows of a round length off the same lines of the cache.
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
        made.scores.at.index =
            draft_.new_buffer(outer * made.rows * made.scores.row, draft_.rule_of(at).scope);
        int stride = made.rows * made.scores.row;
        for (int index = made.outers; index-- > 0;) {
            made.scores.outer[index] = stride;
            stride *= made.outer_extents[index];
        }
    }

    // Stacks: the input is copied to where the first layer reads it; each layer writes where the
    // next one reads.

    constexpr void emit_stack(int at) {
        const rule& written = draft_.rule_of(at);
        const int input = draft_.in.block_input[written.block];
        const literal& item = draft_.literal_of(at, 0);
        relation_layout& carried = draft_.out.relations[input];
        carried = {};
        carried.where = place::value;
        int size = pack_pairs(carried, input);
        if (size == 0) size = pack(carried, input);
        size = aligned(size);
        carried.index = draft_.new_buffer(size * (written.repeat + 1), written.scope);
        carried.carry = size;
        row_step copy = copy_step(item.relation, input);
        // The first layer's place: the copy stands outside the stack.
        const int level = draft_.depth_of(written.block) - 1;
        copy.out.at.layer_strides[level] = copy.out.at.adjoint_layer_strides[level] = 0;
        if (written.arity > 0) copy.row_variable = written.terms[0].variable;
        push(step_kind::rows, draft_.out.rows.push(copy), at);
        const int begin = push(step_kind::repeat_begin, 0, at);
        draft_.out.steps[begin].repeat = written.repeat;
        emit_scope(written.block);
        const int end = push(step_kind::repeat_end, begin, at);
        draft_.out.steps[end].repeat = written.repeat;
        draft_.out.steps[begin].at = end;
        carried.offset += size * written.repeat;
        carried.carry = 0;
        // Of a block that ends with a stack, the next layer reads the output elsewhere.
        if (lay_out_in_carry(at))
            push(step_kind::rows, draft_.out.rows.push(copy_step(input, written.head)), at);
        else
            draft_.out.relations[written.head] = carried;
    }

    constexpr row_step copy_step(int from, int to) const {
        const relation_shape& shape = draft_.in.relations[to];
        row_step made;
        made.length = shape.value.size();
        row_term term;
        term.relation = from;
        term.x.at = draft_.relation_operand(from);
        made.out.at = draft_.relation_operand(to);
        const relation_layout& source = draft_.out.relations[from];
        const relation_layout& target = draft_.out.relations[to];
        if (target.pairs >= 0) {
            made.rows = draft_.in.facts[target.pairs].pairs;
            term.x.row = source.pair_stride;
            made.out.row = target.pair_stride;
        }
        for (int axis = 0; axis < shape.arity; ++axis) {
            if (target.pairs >= 0 && (axis == target.pair_axes[0] || axis == target.pair_axes[1]))
                continue;
            if (axis == 0 && target.pairs < 0) {
                made.rows = shape.extents[0];
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

    // The general form.

    constexpr void emit_general(int at) {
        const rule& written = draft_.rule_of(at);
        relation_layout& layout = draft_.out.relations[written.head];
        if (!lay_out_in_carry(at) && !is_laid_out(at)) {
            layout = {};
            layout.where = place::value;
            int size = pack_pairs(layout, written.head);
            if (size == 0) size = pack(layout, written.head);
            layout.index = draft_.new_buffer(size, written.scope);
        }
        general_step made;
        made.variables = written.variables.size();
        made.condition = join_pairs(made, draft_.conditions.condition[at]);
        if (layout.pairs >= 0) {
            made.out_join = join_of(made, layout, written.terms, false);
            made.out_pair_stride = layout.pair_stride;
        }
        if (written.recurs.loop < 0)
            made.out_total = layout.pairs >= 0
                                 ? layout.pair_stride * draft_.in.facts[layout.pairs].pairs
                                 : relation_size(written.head);
        for (int index = 0; index < made.variables; ++index)
            made.extents[index] = written.variables[index].extent;
        unsigned outermost = written.head_variables();
        if (written.aggregated == aggregation::softmax) outermost &= ~written.aggregated_variables;
        int place = 0;
        if (written.recurs.loop >= 0) {
            made.time = written.recurs.time;
            made.level = draft_.depth_of(written.scope);
            made.delay = written.recurs.delay;
            made.order[place++] = made.time;
            outermost |= 1u << made.time;
        }
        for (int axis = 0; axis < written.arity; ++axis)
            if (written.terms[axis].variable >= 0 &&
                ((outermost >> written.terms[axis].variable) & 1u))
                made.order[place++] = written.terms[axis].variable;
        made.heads = place;
        for (int index : written.aggregated_order) {
            made.order[place++] = index;
            outermost |= 1u << index;
        }
        for (int index = 0; index < made.variables; ++index)
            if (!((outermost >> index) & 1u)) made.order[place++] = index;
        made.out = draft_.relation_operand(written.head);
        add_strides(made.out_strides, made.out, written, written.terms, written.arity,
                    layout.strides);
        made.out_size = draft_.head_of(at).value.size();
        made.combined = written.combined;
        made.aggregated = written.aggregated;
        for (int body = 0; body < written.literals; ++body) {
            const int item_at = written.first_literal + body;
            general_literal item = general_of(written, item_at);
            const literal& text = draft_.in.text.literals[item_at];
            if (text.kind == literal_kind::relation && text.gives_value() &&
                draft_.out.relations[text.relation].pairs >= 0) {
                const relation_layout& of = draft_.out.relations[text.relation];
                item.join = join_of(made, of, text.terms, written.total);
                item.pair_stride = of.pair_stride;
            }
            made.literals.push(item);
        }
        shape_general(made, written);
        push(step_kind::general, draft_.out.generals.push(made), at);
    }

    /// Turns those sparse facts of a condition that must hold into joins; returns what is left.
    constexpr int join_pairs(general_step& made, int root) {
        auto& pool = draft_.out.pool;
        int rest = -1;
        pool.each_conjunct(root, [&](int part) {
            const node top = pool.nodes[part];
            if (top.kind == node_kind::pair)
                add_join(made, {top.value, pool.as_term(top.left), pool.as_term(top.right)});
            else
                rest = pool.both(rest, part);
        });
        return rest;
    }
    static constexpr int add_join(general_step& made, const pair_join& join) {
        for (int known = 0; known < made.joins.size(); ++known)
            if (made.joins[known] == join) return known;
        return made.joins.push(join);
    }
    /// The join that gives the number of a relation's pair at these arguments.
    static constexpr int join_of(general_step& made, const relation_layout& of, const term* terms,
                                 bool optional) {
        return add_join(made, {of.pairs, terms[of.pair_axes[0]], terms[of.pair_axes[1]], optional});
    }

    constexpr void add_strides(int* to, operand& at, const rule& written, const term* terms,
                               int arity, const int* strides) const {
        for (int axis = 0; axis < arity; ++axis) {
            at.offset += terms[axis].offset * strides[axis];
            if (terms[axis].variable == loop_time) draft_.add_time(at, written, strides[axis]);
            if (terms[axis].variable >= 0) to[terms[axis].variable] += strides[axis];
        }
    }

    constexpr general_literal general_of(const rule& written, int item_at) {
        const literal& item = draft_.in.text.literals[item_at];
        general_literal made;
        made.kind = item.kind;
        made.number = item.number;
        made.expression = draft_.conditions.expression[item_at];
        made.transposed = item.transposed;
        // Whether a sparse fact holds is part of the condition.
        made.required_nonzero = item.hidden;
        made.required_zero = item.negated;
        made.is_condition = is_sparse(item);
        made.has_element = item.has_element;
        made.element = item.element;
        made.shape = draft_.value_of(item);
        if (item.kind == literal_kind::weight) {
            const weight& bare = draft_.in.text.weights[item.weight.weight];
            made.rows = bare.shape[0];
            made.columns = bare.shape[1];
            made.at = draft_.weight_operand(item.weight);
            add_strides(made.strides, made.at, written, item.weight.terms, item.weight.arity,
                        draft_.out.weights[item.weight.weight].strides);
        } else if (item.kind == literal_kind::relation) {
            const relation_shape& shape = draft_.in.relations[item.relation];
            made.rows = shape.value.rows;
            made.columns = shape.value.columns;
            made.symbols = shape.classes > 0;
            made.at = draft_.relation_operand(item.relation);
            add_strides(made.strides, made.at, written, item.terms, item.arity,
                        draft_.out.relations[item.relation].strides);
            for (int axis = 0; written.total && axis < item.arity; ++axis)
                if (item.terms[axis].variable >= 0)
                    made.limits[item.terms[axis].variable] = shape.extents[axis];
            if (item.weight.weight >= 0) {
                const weight& applied = draft_.in.text.weights[item.weight.weight];
                const weight_layout& layout = draft_.out.weights[item.weight.weight];
                const bool turned = item.weight.transposed;
                made.weight = draft_.weight_operand(item.weight);
                add_strides(made.weight_strides, made.weight, written, item.weight.terms,
                            item.weight.arity, layout.strides);
                made.weight_rows = turned ? applied.shape[1] : applied.shape[0];
                made.weight_columns = turned ? applied.shape[0] : applied.shape[1];
                made.weight_row = turned ? layout.column : layout.row;
                made.weight_column = turned ? layout.row : layout.column;
            }
        }
        return made;
    }

    constexpr bool is_sparse(const literal& item) const {
        if (item.kind != literal_kind::relation) return false;
        const int given = draft_.in.relations[item.relation].fact;
        return given >= 0 && draft_.in.facts[given].is_sparse();
    }

    constexpr void shape_general(general_step& made, const rule& written) {
        value_shape shape{};
        bool first = true;
        for (const general_literal& item : made.literals) {
            if (item.required_nonzero || item.required_zero) continue;
            if (first)
                shape = item.shape;
            else if (written.combined == combination::concat)
                shape = {shape.rows + item.shape.rows, shape.columns};
            else if (written.combined == combination::product)
                shape = item.shape.is_scalar() ? shape
                        : shape.is_scalar()    ? item.shape
                                               : value_shape{shape.rows, item.shape.columns};
            else if (shape.is_scalar())
                shape = item.shape;
            first = false;
        }
        if (written.combined == combination::cosine) shape = {1, 1};
        made.combined_shape = shape;
        for (const transformation_use& use : written.transformations) {
            general_function function;
            function.kind = use.kind;
            function.numbers[0] = use.numbers[0];
            function.numbers[1] = use.numbers[1];
            function.shape = shape;
            for (int at = 0; at < 2; ++at) {
                if (use.weights[at].weight < 0) continue;
                function.weights[at] = draft_.weight_operand(use.weights[at]);
                add_strides(function.weight_strides[at], function.weights[at], written,
                            use.weights[at].terms, use.weights[at].arity,
                            draft_.out.weights[use.weights[at].weight].strides);
            }
            if (use.position >= 0) {
                term identity[max_variables]{};
                for (int index = 0; index < max_variables; ++index) identity[index] = {index, 0};
                if (written.shifted >= 0) identity[written.shifted].offset = -written.shift;
                function.position =
                    draft_.out.pool.substitute(draft_.in.text.nodes, use.position, identity);
            }
            if (use.kind == transformation::slice) shape = {static_cast<int>(use.numbers[1]), 1};
            if (use.kind == transformation::reshape)
                shape = {static_cast<int>(use.numbers[0]), static_cast<int>(use.numbers[1])};
            made.functions.push(function);
        }
        made.shape = shape;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
