#pragma once

#include "linear.hpp"

/// The builder of row steps: chooses the variables of rows, segments and outer loops, and converts
/// literals into terms and conditions into limits of the rows.

namespace sequent::inline SEQUENT_ABI::plan {

/// A literal with the variables of the rule into which it is inlined.
struct placed_literal {
    literal item{};         ///< the literal
    bool weighted = false;  ///< it has a weight in brackets
    int window = -1;        ///< the rule that reads a window of it
};

/// Builds the row step of a rule.
template <class Draft>
class row_builder {
  public:
    constexpr row_builder(Draft& draft, int at)
        : draft_(draft), at_(at), rule_(draft.rule_of(at)), axes_(pairs_of_rule(draft, at)) {
        for (const variable& index : rule_.variables) variables_.push(index);
        term identity[max_variables]{};
        for (int index = 0; index < max_variables; ++index) identity[index] = {index, 0};
        collect(at, identity, 0, -1, nullptr);
        head_ = rule_.head_variables();
        choose_axes();
    }

    /// The variables of the loops.
    constexpr const axes& chosen() const { return axes_; }
    /// The number of rows.
    constexpr int rows() const {
        if (axes_.pairs >= 0) return draft_.in.facts[axes_.pairs].pairs;
        return axes_.row >= 0 ? variables_[axes_.row].extent : 1;
    }
    /// The number of elements of all atoms of the relation.
    constexpr long long size() const {
        long long size = 1LL * draft_.in.relations[rule_.head].value.size() * rows();
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index >= 0 && index != axes_.row && !axes_.in_pair(index))
                size *= variables_[index].extent;
        }
        return size;
    }

    /// Lays out the rule's relation: rows outermost, then outer loops, segments, the value.
    constexpr void lay_out(int buffer, int offset, int row_stride) {
        relation_layout& layout = draft_.out.relations[rule_.head];
        layout.where = place::value;
        layout.index = buffer;
        layout.offset = offset;
        const int size = draft_.in.relations[rule_.head].value.size();
        long long stride = size;
        auto assign = [&](int variable) {
            for (int axis = 0; axis < rule_.arity; ++axis)
                if (rule_.terms[axis].variable == variable)
                    layout.strides[axis] = static_cast<int>(stride);
            stride *= variables_[variable].extent;
        };
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable == loop_time)
                layout.strides[axis] =
                    row_stride ? row_stride * (axes_.row >= 0 ? variables_[axes_.row].extent : 1)
                               : atoms_at_once() * size;
        if (axes_.segment >= 0) assign(axes_.segment);
        for (int at = axes_.outers.size(); at-- > 0;) assign(axes_.outers[at]);
        if (axes_.row >= 0) {
            assign(axes_.row);
            if (row_stride)
                for (int axis = 0; axis < rule_.arity; ++axis)
                    if (rule_.terms[axis].variable == axes_.row) layout.strides[axis] = row_stride;
        }
        if (axes_.pairs >= 0) {
            layout.pairs = draft_.pairs_of(rule_.head);
            layout.pair_stride = row_stride ? row_stride : static_cast<int>(stride);
        }
    }

    /// The step. The relations are laid out.
    constexpr row_step build() {
        row_step made;
        const value_shape shape = draft_.in.relations[rule_.head].value;
        made.length = shape.size();
        made.segments = axes_.segment >= 0 ? variables_[axes_.segment].extent : 1;
        made.rows = rows();
        made.outers = axes_.outers.size();
        for (int at = 0; at < made.outers; ++at)
            made.outer_extents[at] = variables_[axes_.outers[at]].extent;
        made.row_variable = axes_.row;
        made.multiplies = rule_.combined == combination::elementwise_product &&
                          rule_.literals > 1 && !draft_.windows[at_].found;
        for (const placed_literal& placed : literals_) made.terms.push(make_term(placed));
        made.out = relation_access(rule_.head, rule_.terms, rule_.arity);
        if (is_outer_product(draft_, at_)) {
            made.is_outer = made.multiplies = true;
            made.segments = draft_.value_of(literals_[0].item).rows;
            made.length = draft_.value_of(literals_[1].item).columns;
            made.out.column = made.length;
            made.terms[0].x.column = 1;
            return made;
        }
        for (const transformation_use& function : rule_.transformations)
            made.functions.push(make_function(function));
        limit(made);
        return made;
    }

  private:
    Draft& draft_;
    int at_;
    const rule& rule_;
    list<variable, 2 * max_variables> variables_{};
    list<placed_literal, max_terms> literals_{};
    unsigned head_ = 0;
    axes axes_{};

    /// The condition of the rule, without the part that states a window.
    constexpr int condition() const {
        return draft_.windows[at_].found ? draft_.windows[at_].rest
                                         : draft_.conditions.condition[at_];
    }

    /// Sets the limits of the rows: given pairs, counts, and the rest of the condition.
    constexpr void limit(row_step& made) {
        auto& pool = draft_.out.pool;
        made.pairs = axes_.pairs;
        made.pair_variables[0] = axes_.pair_row;
        made.pair_variables[1] = axes_.pair_column;
        for (int at = 0; at < made.outers; ++at) made.outer_variables[at] = axes_.outers[at];
        pool.each_conjunct(condition(), [&](int part) {
            const node top = pool.nodes[part];
            const unsigned counts = axes_.row < 0 ? 0 : counts_above(pool, part, axes_.row);
            made.counts |= counts;
            if (counts != 0) return;
            term row;
            term column;
            if (top.kind != node_kind::pair || top.value != axes_.pairs ||
                !pool.as_term(top.left, row) || !(row == term{axes_.pair_row, 0}) ||
                !pool.as_term(top.right, column) || !(column == term{axes_.pair_column, 0}))
                made.condition = pool.both(made.condition, part);
        });
    }

    /// Number of atoms of the head; for a recursion, of one iteration.
    constexpr int atoms_at_once() const {
        int atoms = 1;
        for (int axis = 0; axis < rule_.arity; ++axis)
            if (rule_.terms[axis].variable >= 0)
                atoms *= variables_[rule_.terms[axis].variable].extent;
        return atoms;
    }

    static constexpr term mapped(const term& at, const term* map, int later) {
        if (at.variable == loop_time) return {loop_time, at.offset + later};
        if (at.variable < 0) return at;
        term result = map[at.variable];
        result.offset += at.offset;
        if (at.second >= 0) {
            result.second = map[at.second].variable;
            result.factor = at.factor;
            result.offset += at.factor * map[at.second].offset;
        }
        return result;
    }

    /// Collects the literals of a rule and of the rules inlined into it. `later`: iterations after
    /// its own in which the rule is used. `window`: the rule that reads a window of it. `scale`:
    /// the weight that multiplies its rows elementwise, or null.
    constexpr void collect(int at, const term* map, int later, int window,
                           const weight_use* scale) {
        const rule& written = draft_.rule_of(at);
        weight_use scaled;
        const int weight_at = draft_.windows[at].found ? draft_.windows[at].scale : -1;
        if (draft_.windows[at].found) window = at;
        if (weight_at >= 0) {
            scaled = draft_.literal_of(at, weight_at).weight;
            for (int axis = 0; axis < scaled.arity; ++axis)
                scaled.terms[axis] = mapped(scaled.terms[axis], map, later);
            scale = &scaled;
        }
        for (int body = 0; body < written.literals; ++body) {
            if (body == weight_at) continue;
            literal item = draft_.literal_of(at, body);
            if (is_sparse_condition(draft_, item)) continue;
            for (int axis = 0; axis < item.arity; ++axis)
                item.terms[axis] = mapped(item.terms[axis], map, later);
            for (int axis = 0; axis < item.weight.arity; ++axis)
                item.weight.terms[axis] = mapped(item.weight.terms[axis], map, later);
            const int definer =
                item.kind == literal_kind::relation ? draft_.in.relations[item.relation].rule : -1;
            if (definer >= 0 && draft_.roles[definer] == role::inlined) {
                const rule& inner = draft_.rule_of(definer);
                term inner_map[max_variables]{};
                for (int index = 0; index < inner.variables.size(); ++index) {
                    int axis = 0;
                    while (axis < inner.arity && inner.terms[axis].variable != index) ++axis;
                    inner_map[index] = axis < inner.arity
                                           ? item.terms[axis]
                                           : term{variables_.push(inner.variables[index]), 0};
                }
                const int time = inner.recurs.argument;
                collect(definer, inner_map,
                        time < 0 ? 0 : item.terms[time].offset - inner.terms[time].offset, window,
                        scale);
            } else {
                const bool weighted =
                    item.kind == literal_kind::relation && item.weight.weight >= 0;
                if (scale) item.weight = *scale;
                literals_.push({item, weighted, window});
            }
        }
    }

    static constexpr bool mentions(const term* terms, int arity, int variable) {
        for (int axis = 0; axis < arity; ++axis)
            if (terms[axis].variable == variable || terms[axis].second == variable) return true;
        return false;
    }

    static constexpr int count_of(const weight_use& use, int variable) {
        int count = 0;
        for (int axis = 0; axis < use.arity; ++axis)
            if (use.terms[axis].variable == variable) ++count;
        return count;
    }

    /// Returns true if a symbol depends on the variable. All segments of a row read one symbol.
    constexpr bool chooses_symbol(int variable) const {
        for (const placed_literal& placed : literals_)
            if (placed.weighted && is_symbol(draft_, placed.item) &&
                mentions(placed.item.terms, placed.item.arity, variable))
                return true;
        return false;
    }

    constexpr void choose_axes() {
        const placed_literal* product = nullptr;
        int products = 0;
        bool windows = false;  // sums over windows, which have no segments
        for (const placed_literal& placed : literals_) {
            windows = windows || (placed.window >= 0 && !placed.weighted);
            if (!placed.weighted || is_symbol(draft_, placed.item)) continue;
            if (!product) product = &placed;
            ++products;
        }
        const unsigned conditioned = draft_.out.pool.variables(condition());
        // Rows are what a count limits, or else the longest.
        const auto rank = [&](int index) {
            return variables_[index].extent +
                   (counts_above(draft_.out.pool, condition(), index) != 0 ? never : 0);
        };
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index < 0) continue;
            if (axes_.in_pair(index)) continue;
            if (product) {
                const literal& item = product->item;
                const weight_use& use = item.weight;
                const bool in_x = mentions(item.terms, item.arity, index);
                const bool in_w = mentions(use.terms, use.arity, index);
                const int woven = draft_.out.weights[use.weight].interleaved;
                if (products == 1 && !windows && in_w && !in_x && woven >= 0 &&
                    count_of(use, index) == 1 && use.terms[woven].variable == index &&
                    !chooses_symbol(index) && !((conditioned >> index) & 1u)) {
                    axes_.segment = index;
                    continue;
                }
                if (!in_x || in_w) continue;
            }
            if (axes_.pairs >= 0) continue;
            if (axes_.row < 0 || rank(index) > rank(axes_.row)) axes_.row = index;
        }
        for (int axis = 0; axis < rule_.arity; ++axis) {
            const int index = rule_.terms[axis].variable;
            if (index >= 0 && index != axes_.row && index != axes_.segment && !axes_.in_pair(index))
                axes_.outers.push(index);
        }
    }

    constexpr void add_stride(access& to, int variable, int stride) const {
        if (variable < 0) return;
        if (variable == axes_.row || axes_.in_pair(variable)) to.row += stride;
        if (variable == axes_.segment) to.column += stride;
        for (int outer = 0; outer < axes_.outers.size(); ++outer)
            if (variable == axes_.outers[outer]) to.outer[outer] += stride;
    }
    constexpr void add_strides(access& to, const term* terms, int arity, const int* strides) const {
        for (int axis = 0; axis < arity; ++axis) {
            const term& at = terms[axis];
            to.at.offset += at.offset * strides[axis];
            if (at.variable == loop_time) draft_.add_time(to.at, rule_, strides[axis]);
            add_stride(to, at.variable, strides[axis]);
            add_stride(to, at.second, at.factor * strides[axis]);
        }
    }
    constexpr access relation_access(int relation, const term* terms, int arity) const {
        access result;
        result.at = draft_.relation_operand(relation);
        const relation_layout& layout = draft_.out.relations[relation];
        add_strides(result, terms, arity, layout.strides);
        if (layout.pairs.any()) result.row += layout.pair_stride;
        return result;
    }
    constexpr access weight_access(const weight_use& use) const {
        access result;
        result.at = draft_.weight_operand(use);
        add_strides(result, use.terms, use.arity, draft_.out.weights[use.weight].strides);
        return result;
    }

    constexpr row_term make_term(const placed_literal& placed) const {
        const literal& item = placed.item;
        row_term made;
        if (item.kind == literal_kind::weight) {
            made.x = weight_access(item.weight);
            made.indexed = index_of(item.weight.terms, item.weight.arity);
            return made;
        }
        made.relation = item.relation;
        made.x = relation_access(item.relation, item.terms, item.arity);
        if (!draft_.out.relations[item.relation].pairs.any())
            made.indexed = index_of(item.terms, item.arity);
        if (!placed.weighted) {
            if (item.weight.weight >= 0) made.w = weight_access(item.weight);
            add_windows(made, 0, placed);
            if (item.weight.weight >= 0 || made.splits() > 1) made.kind = term_kind::window;
            return made;
        }
        const weight_layout& layout = draft_.out.weights[item.weight.weight];
        made.w = weight_access(item.weight);
        if (is_symbol(draft_, item)) {
            made.kind = term_kind::gather;
            made.w_depth = item.weight.transposed ? layout.column : layout.row;
            made.w_column = item.weight.transposed ? layout.row : layout.column;
            add_windows(made, 0, placed);
            return made;
        }
        made.kind = term_kind::product;
        made.weighed = index_of(item.weight.terms, item.weight.arity);
        made.depth = draft_.in.relations[item.relation].value.size();
        made.w_depth = item.weight.transposed ? layout.row : layout.column;
        made.w_column = item.weight.transposed ? layout.column : layout.row;
        int loops = 0;
        for (int index = 0; index < variables_.size(); ++index) {
            if (((head_ >> index) & 1u) || !mentions(item.terms, item.arity, index) ||
                is_moved(placed, index))
                continue;
            // Summed over: one long product where the inputs lie together, else several.
            const split_loop walked = walk_of(item, index);
            if (walked.count == 1) continue;
            if (made.splits() == 1 && walked.x == made.depth &&
                walked.w == made.depth * made.w_depth)
                made.depth *= walked.count;
            else
                made.loops[loops++] = walked;
        }
        loops = add_windows(made, loops, placed);
        // The innermost loop takes the nearest inputs.
        const auto distance = [&](int loop) {
            return made.loops[loop].x < 0 ? -made.loops[loop].x : made.loops[loop].x;
        };
        if (loops == 2 && distance(1) < distance(0)) std::swap(made.loops[0], made.loops[1]);
        return made;
    }

    /// Returns true if an argument of the literal is moved.
    static constexpr bool is_moved(const term& at) {
        return at.variable >= 0 && (at.second >= 0 || at.offset != 0);
    }
    /// Returns true if the variable is a part of an argument that a window moves.
    static constexpr bool is_moved(const placed_literal& placed, int variable) {
        if (placed.window < 0) return false;
        for (int axis = 0; axis < placed.item.arity; ++axis) {
            const term& at = placed.item.terms[axis];
            if (is_moved(at) && (at.variable == variable || at.second == variable)) return true;
        }
        return false;
    }

    /// The loop over a variable that is summed away.
    constexpr split_loop walk_of(const literal& item, int index) const {
        split_loop made;
        made.count = variables_[index].extent;
        const relation_layout& x = draft_.out.relations[item.relation];
        for (int axis = 0; axis < item.arity; ++axis) {
            const term& at = item.terms[axis];
            if (at.variable == index) made.x += x.strides[axis];
            if (at.second == index) made.x += at.factor * x.strides[axis];
        }
        for (int axis = 0; axis < item.weight.arity; ++axis)
            if (item.weight.terms[axis].variable == index)
                made.w += draft_.out.weights[item.weight.weight].strides[axis];
        return made;
    }

    /// Adds a loop for each argument that is moved, or a sum with a variable that is summed away.
    /// Returns the number of loops.
    constexpr int add_windows(row_term& made, int loops, const placed_literal& placed) const {
        if (placed.window < 0) return loops;
        const window_axis* of = draft_.windows[placed.window].axes;
        for (int axis = 0; axis < placed.item.arity; ++axis) {
            const term& at = placed.item.terms[axis];
            if (!is_moved(at)) continue;
            const bool strided = at.second >= 0 && !((head_ >> at.variable) & 1u);
            const int walks = strided ? at.second : at.variable;
            split_loop& to = made.loops[loops++];
            if (at.second >= 0) to = walk_of(placed.item, strided ? at.variable : at.second);
            to.window.walker = 0;
            for (int outer = 0; outer < axes_.outers.size(); ++outer)
                if (axes_.outers[outer] == walks) to.window.walker = 1 + outer;
            to.window.stride = strided ? at.factor : 1;
            to.window.step = strided ? 1 : at.factor;
            to.window.origin = at.offset;
            to.window.extent = of->extent;
            to.window.counts = of->counts;
            to.window.bounded = of->bounded;
            ++of;
        }
        return loops;
    }

    /// The index of the pair that the terms mention.
    constexpr side index_of(const term* terms, int arity) const {
        if (axes_.pairs < 0) return side::none;
        if (mentions(terms, arity, axes_.pair_row)) return side::row;
        return mentions(terms, arity, axes_.pair_column) ? side::column : side::none;
    }

    constexpr row_function make_function(const transformation_use& use) const {
        row_function made;
        made.kind = use.kind;
        made.numbers[0] = use.numbers[0];
        made.numbers[1] = use.numbers[1];
        made.scaling = use.scaling;
        for (int at = 0; at < 2; ++at)
            if (use.weights[at].weight >= 0) made.weights[at] = weight_access(use.weights[at]);
        if (use.position >= 0) {
            const node& position = draft_.in.text.nodes[use.position];
            if (position.kind == node_kind::constant) made.position_offset = position.value;
            if (position.kind == node_kind::count) {
                made.seed = position.value;
                made.identity = at_;
            }
            if (position.kind == node_kind::variable) {
                if (position.value == axes_.row) made.position_row = 1;
                if (position.value == axes_.segment) made.position_column = 1;
                for (int outer = 0; outer < axes_.outers.size(); ++outer)
                    if (position.value == axes_.outers[outer]) made.position_outer[outer] = 1;
            }
        }
        return made;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
