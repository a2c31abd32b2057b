#pragma once

#include "output_finder.hpp"

/// Shape inference: the extents of relations, variables and weights, the shapes of values, and
/// their conflicts.

namespace sequent::inline SEQUENT_ABI::plan {

/// Returns true if the combination works element by element.
constexpr bool is_elementwise(combination kind) {
    return kind != combination::product && kind != combination::concat && !changes_one(kind);
}

/// Infers the shapes of a program.
template <sizes Sizes, int Facts>
class shaper : public output_finder<Sizes, Facts> {
    using base = output_finder<Sizes, Facts>;

  public:
    using base::out;

    constexpr shaper(const source<Sizes>& text, const list<fact_shape, Facts>& facts,
                     const list<name, max_queries>& queries, const name& tapped = {})
        : base(text, facts) {
        if (text.mistake != fault::none) {
            for (const rule& written : text.rules)
                if (written.number == text.mistaken_rule && written.scope == text.mistaken_scope)
                    fail(text.mistake, written, -1, text.clash[0], text.clash[1]);
            out.mistake.refused = text.refused;
            return;
        }
        this->bind();
        if (ok()) this->check_rules();
        if (ok()) this->put_in_order();
        bool settling = settle_all();
        while (ok() && !settling && bind_late()) settling = settle_all();
        for (int at : out.order)  // a recursion without an end
            if (ok() && settling && out.text.rules[at].recurs.loop >= 0)
                fail_at_variable(fault::recursion_without_an_end, out.text.rules[at],
                                 out.text.rules[at].recurs.time);
        if (ok()) check_extents();
        settled_ = true;
        if (ok()) settle();
        if (ok()) add_chosen_pairs();
        if (ok()) this->find_outputs(queries);
        if (ok() && tapped.length > 0) this->find_tapped(tapped);
    }

  private:
    using base::fail, base::fail_at_variable, base::item, base::ok, base::summed_into;

    bool settled_ = false;

    /// Reports a conflict of shapes, once all extents are known.
    constexpr void misfit(const rule& at, int relation, int left, int right) {
        if (settled_) fail(fault::shapes_do_not_fit, at, relation, left, right);
    }

    // Extents and shapes, in passes until nothing changes.

    /// Repeats the passes until nothing changes. Returns true if the last of at most Sizes.rules +
    /// 1 passes still changes something.
    constexpr bool settle_all() {
        bool settling = true;
        for (int pass = 0; ok() && settling && pass <= Sizes.rules; ++pass) settling = settle();
        return settling;
    }
    /// Allows arguments with an offset, or else weights, to bind variables that nothing else binds,
    /// in the rules of the first head that has such a variable. All extents are then inferred
    /// again, since some came from relations that were not fully known. Returns false if there is
    /// no such head.
    constexpr bool bind_late() {
        for (int place = 0; place < out.order.size(); ++place) {
            const rule& first = out.text.rules[out.order[place]];
            bool open = false;
            for (const variable& index : first.variables) open = open || !index.extent;
            if (!open) continue;
            const int head = summed_into(first.head);
            if (!mark(head, &variable::moved, &shaper::extent_from_moved) &&
                !mark(head, &variable::by_weights, &shaper::extent_from_weights))
                continue;
            for (rule& written : out.text.rules)
                for (variable& index : written.variables) index.extent = 0;
            for (relation_shape& shape : out.relations)
                for (int& extent : shape.extents) extent = 0;
            for (weight_shape& shape : out.weights)
                for (int& extent : shape.extents) extent = 0;
            return true;
        }
        return false;
    }
    /// Marks the variables in the rules of a head that nothing binds yet and for which `find`
    /// returns an extent. Returns true if there are any.
    constexpr bool mark(int head, bool variable::*flag, int (shaper::*find)(const rule&, int)) {
        bool found = false;
        for (rule& written : out.text.rules)
            for (int at = 0; at < written.variables.size(); ++at) {
                variable& index = written.variables[at];
                if (index.extent || index.*flag || (this->*find)(written, at) <= 0 ||
                    summed_into(written.head) != head)
                    continue;
                index.*flag = found = true;
            }
        return found;
    }
    constexpr bool settle() {
        bool changed = false;
        for (int at = 0; at < out.text.relations.size(); ++at) {
            relation_shape& shape = out.relations[at];
            if (shape.fact < 0) continue;
            const fact_shape& given = out.facts[shape.fact];
            const int arity = shape.arity < 0 ? 0 : shape.arity;
            for (int axis = 0; axis < arity; ++axis) shape.extents[axis] = given.extents[axis];
            shape.classes = given.classes;
            int value[2] = {1, 1};
            if (given.rank - arity > 2)
                fail(fault::wrong_number_of_arguments, out.text.rules[out.text.reader_of(at)], at,
                     arity, given.rank);
            else
                for (int axis = arity; axis < given.rank; ++axis)
                    value[axis - arity] = given.extents[axis];
            shape.value = {value[0], value[1]};
        }
        for (int at : out.order) {
            changed = settle_rule(out.text.rules[at]) || changed;
            if (!ok()) return false;
        }
        return changed;
    }

    constexpr void copy_shape(int from, int to) {
        relation_shape& target = out.relations[to];
        const relation_shape& origin = out.relations[from];
        if (target.arity < 0) target.arity = origin.arity;
        for (int axis = 0; axis < max_arity; ++axis) target.extents[axis] = origin.extents[axis];
        target.value = origin.value;
    }

    /// Binds the inputs of the blocks around a scope, from the outside in.
    constexpr void copy_inputs(int scope) {
        if (scope == 0) return;
        copy_inputs(out.text.scopes[scope].parent);
        const int input = out.block_input[scope];
        copy_shape(out.relations[input].passes_into, input);
    }

    constexpr bool settle_rule(rule& written) {
        bool changed = false;
        copy_inputs(written.scope);
        for (int at = 0; at < written.variables.size(); ++at) {
            // The extents of a stack are those of its result, below.
            if (written.repeat && ((written.head_variables() >> at) & 1u)) continue;
            variable& index = written.variables[at];
            const int moved = at == written.shifted ? written.shift : 0;
            int extent = index.stated ? index.stated + moved : 0;
            for (const literal& value : out.text.body(written)) {
                if (value.kind != literal_kind::relation) continue;
                for (int axis = 0; axis < value.arity; ++axis) {
                    int bound = extent_at(value, axis);
                    if (value.terms[axis].variable != at || value.terms[axis].offset != -moved ||
                        !bound)
                        continue;
                    bound += moved;
                    if (!extent || (written.total ? bound > extent : bound < extent))
                        extent = bound;
                }
                const int length = out.relations[value.relation].value.size();
                if (value.has_element && value.element.variable == at && !value.element.offset &&
                    length > 0 && (!extent || length < extent))
                    extent = length;
            }
            if (written.views) extent = extent_from_view(written, at);
            if (!extent && index.moved) extent = extent_from_moved(written, at);
            index.follows = !extent;
            if (!extent) extent = extent_from_sum(written, at);
            if (at == written.shifted && extent && written.base >= extent)
                extent = written.base + 1;
            if (!extent && index.by_weights) extent = extent_from_weights(written, at);
            if (extent != index.extent) changed = true;
            index.extent = extent;
        }
        for (const literal& value : out.text.body(written))
            changed = settle_weight(written, value.weight) || changed;
        for (const transformation_use& function : written.transformations)
            for (const weight_use& use : function.weights)
                changed = settle_weight(written, use) || changed;
        relation_shape& head = out.relations[written.head];
        if (written.repeat) {
            const int result = out.block_output[written.block];
            const value_shape inner = out.relations[result].value;
            const value_shape outer = out.relations[item(written, 0).relation].value;
            if (!(inner == outer)) misfit(written, -1, inner.rows, outer.rows);
            const relation_shape& given = out.relations[item(written, 0).relation];
            for (int axis = 0; axis < out.relations[result].arity; ++axis)
                if (out.relations[result].extents[axis] != given.extents[axis])
                    misfit(written, -1, out.relations[result].extents[axis], given.extents[axis]);
            copy_shape(result, written.head);
            for (int axis = 0; axis < written.arity; ++axis) {
                int& extent = written.variables[written.terms[axis].variable].extent;
                changed = changed || extent != head.extents[axis];
                extent = head.extents[axis];
            }
            return changed;
        }
        for (int axis = 0; axis < written.arity; ++axis)
            head.extents[axis] = written.variables[written.terms[axis].variable].extent;
        const value_shape shape = rule_shape(written);
        if (!(shape == head.value)) changed = true;
        head.value = shape;
        return changed;
    }

    /// The extent of an argument of a literal by its relation; 0: unknown. For a view it is that of
    /// the plain arguments of the relation that it reads.
    constexpr int extent_at(const literal& value, int axis) {
        const relation_shape& shape = out.relations[value.relation];
        if (shape.rule < 0 || !out.text.rules[shape.rule].views) return shape.extents[axis];
        const literal& inner = item(out.text.rules[shape.rule], 0);
        int extent = 0;
        for (int place = 0; place < inner.arity; ++place) {
            const int bound = out.relations[inner.relation].extents[place];
            if (inner.terms[place] == term{axis, 0} && bound && (!extent || bound < extent))
                extent = bound;
        }
        return extent;
    }
    /// The extent of a variable of a view by the rule that reads the view; 0: unknown.
    constexpr int extent_from_view(const rule& written, int variable) {
        for (const rule& user : out.text.rules)
            for (const literal& value : out.text.body(user)) {
                if (value.reads(written.head)) {
                    const term& at = value.terms[variable];
                    const int extent = user.variables[at.variable].extent;
                    return extent ? extent + at.offset : 0;
                }
            }
        return 0;
    }

    /// The extent of a variable by other rules of the same head that bind it; 0: unknown.
    constexpr int extent_from_sum(const rule& written, int variable) {
        if (!out.text.relations[written.head].invented) return 0;
        for (const rule& user : out.text.rules) {
            if (user.repeat) continue;  // its extents are those of its operand
            for (const literal& value : out.text.body(user)) {
                if (!value.reads(written.head)) continue;
                for (int axis = 0; axis < written.arity; ++axis) {
                    const int summed = value.terms[axis].variable;
                    const int offset = value.terms[axis].offset;
                    if (written.terms[axis].variable != variable || summed < 0 ||
                        (user.total && offset))
                        continue;
                    const int extent = user.total ? extent_from_others(user, summed)
                                                  : user.variables[summed].extent;
                    return extent > 0 && extent + offset > 0 ? extent + offset : 0;
                }
            }
        }
        return 0;
    }

    /// The greatest extent of a variable of a total rule in the rules that bind it.
    constexpr int extent_from_others(const rule& total, int variable) {
        int extent = total.variables[variable].stated;
        for (const literal& value : out.text.body(total)) {
            const int at = out.relations[value.relation].rule;
            for (int axis = 0; axis < value.arity; ++axis) {
                if (!(value.terms[axis] == term{variable, 0})) continue;
                if (at >= 0) {
                    const rule& part = out.text.rules[at];
                    const int index = part.terms[axis].variable;
                    if (index >= 0 && part.variables[index].follows) continue;
                }
                const int bound = extent_at(value, axis);
                if (bound > extent) extent = bound;
            }
        }
        return extent;
    }

    /// The extent of a variable by arguments with an offset: up to the end of their relations.
    constexpr int extent_from_moved(const rule& written, int variable) {
        int extent = 0;
        for (const literal& value : out.text.body(written)) {
            if (value.kind != literal_kind::relation) continue;
            for (int axis = 0; axis < value.arity; ++axis) {
                const int bound = out.relations[value.relation].extents[axis];
                if (value.terms[axis].variable != variable || value.terms[axis].second >= 0 ||
                    !bound)
                    continue;
                const int last = bound - value.terms[axis].offset;
                if (last <= 0) return 0;
                if (!extent || last < extent) extent = last;
            }
        }
        return extent;
    }

    constexpr int extent_from_weights(const rule& written, int variable) {
        int extent = 0;
        auto look = [&](const weight_use& use) {
            if (use.weight < 0) return;
            for (int axis = 0; axis < use.arity; ++axis)
                if (use.terms[axis] == term{variable, 0} && !extent)
                    extent = out.weights[use.weight].extents[axis];
        };
        for (int body = 0; body < written.literals; ++body) look(item(written, body).weight);
        for (const transformation_use& function : written.transformations)
            for (const weight_use& use : function.weights) look(use);
        return extent;
    }

    constexpr bool settle_weight(const rule& written, const weight_use& use) {
        if (use.weight < 0) return false;
        bool changed = false;
        for (int axis = 0; axis < use.arity; ++axis) {
            int& extent = out.weights[use.weight].extents[axis];
            const term& at = use.terms[axis];
            const int needed = 1 + last_of(at, written.variables);
            if (needed > extent) {
                extent = needed;
                changed = true;
            }
        }
        return changed;
    }

    constexpr value_shape rule_shape(const rule& written) {
        value_shape shape{};
        bool first = true;
        bool fits = true;
        int left = 0;
        int right = 0;
        for (const literal& value : out.text.body(written)) {
            if (!value.gives_value()) continue;
            const value_shape next = literal_shape(out, value, fits, left, right);
            if (!fits) {
                misfit(written, value.kind == literal_kind::relation ? value.relation : -1, left,
                       right);
                return shape;
            }
            if (written.combined == combination::count) {
                shape = {1, 1};
            } else if (written.combined == combination::cross_sum) {
                const long long sums = (first ? 1LL : 1LL * shape.size()) * next.size();
                if (sums > max_numbers) {
                    fail(fault::more_than_2147483647_numbers, written, -1);
                    return shape;
                }
                shape = {static_cast<int>(sums), 1};
                first = false;
            } else if (first) {
                shape = next;
                first = false;
            } else if (written.combined == combination::product) {
                if (next.is_scalar()) continue;
                if (shape.is_scalar()) {
                    shape = next;
                } else {
                    if (shape.columns != next.rows) misfit(written, -1, shape.columns, next.rows);
                    shape = {shape.rows, next.columns};
                }
            } else if (written.combined == combination::concat) {
                if (shape.columns != next.columns) misfit(written, -1, shape.columns, next.columns);
                shape = {shape.rows + next.rows, shape.columns};
            } else if (!(shape == next)) {
                if (shape.is_scalar() && is_elementwise(written.combined))
                    shape = next;
                else if (!(next.is_scalar() && is_elementwise(written.combined)))
                    misfit(written, -1, shape.rows == next.rows ? shape.columns : shape.rows,
                           shape.rows == next.rows ? next.columns : next.rows);
            }
        }
        if (written.combined == combination::cosine) {
            int values = 0;
            for (const literal& value : out.text.body(written))
                values += value.gives_value() ? 1 : 0;
            if (values != 2) fail(fault::cosine_of_two_values, written, -1);
            shape = {1, 1};
        }
        for (const transformation_use& function : written.transformations)
            shape = transformed(written, function, shape);
        if (written.aggregated == aggregation::count) return {1, 1};
        if (written.aggregated == aggregation::concat) {
            int repeats = 1;
            for (int at = 0; at < written.variables.size(); ++at)
                if (!((written.head_variables() >> at) & 1u))
                    repeats *= written.variables[at].extent;
            return {shape.rows * repeats, shape.columns};
        }
        return shape;
    }

    constexpr value_shape transformed(const rule& written, const transformation_use& function,
                                      value_shape shape) {
        const int first = static_cast<int>(function.numbers[0]);
        const int second = static_cast<int>(function.numbers[1]);
        if (function.kind == transformation::slice) {
            if (second > shape.size() - first) misfit(written, -1, second, shape.size() - first);
            return {second, 1};
        }
        if (function.kind == transformation::reshape) {
            const long long size = 1LL * first * second;
            if (size != shape.size())
                misfit(written, -1, size < never ? static_cast<int>(size) : never, shape.size());
            return {first, second};
        }
        const bool pairs = function.kind == transformation::rotary ||
                           function.kind == transformation::rotary_halves ||
                           function.kind == transformation::sinusoidal;
        if (pairs && second != 0 && (second % 2 != 0 || second > shape.size()))
            misfit(written, -1, second, shape.size());
        if (pairs && second == 0 && shape.size() % 2 != 0)
            misfit(written, -1, shape.size(), shape.size() + 1);
        for (const weight_use& use : function.weights) {
            if (use.weight < 0) continue;
            const weight& gain = out.text.weights[use.weight];
            if (gain.shape[0] * gain.shape[1] != shape.size())
                misfit(written, -1, gain.shape[0] * gain.shape[1], shape.size());
        }
        return shape;
    }

    constexpr void check_extents() {
        for (const rule& written : out.text.rules) {
            for (int at = 0; at < written.variables.size(); ++at)
                if (written.variables[at].extent == 0 && written.base < 0)
                    fail_at_variable(at == written.recurs.time ? fault::recursion_without_an_end
                                     : ((written.head_variables() >> at) & 1u)
                                         ? fault::head_variable_that_nothing_binds
                                         : fault::body_variable_that_nothing_binds,
                                     written, at);
            if (ok()) check_compared(written, written.condition);
        }
    }

    /// Checks that a variable at which symbols of a fact are compared stays within the fact.
    constexpr void check_compared(const rule& written, int root) {
        if (root < 0) return;
        const node& top = out.text.nodes[root];
        if (top.kind == node_kind::same_symbol) {
            const int room = out.facts[compared_fact(out, top.value)].extents[0];
            for (const int side : {top.left, top.right}) {
                const int extent = written.variables[out.text.nodes[side].value].extent;
                if (extent > room) fail(fault::shapes_do_not_fit, written, -1, extent, room);
            }
            return;
        }
        check_compared(written, top.left);
        check_compared(written, top.right);
    }

    /// Adds the pairs that rules choose to the sparse facts.
    constexpr void add_chosen_pairs() {
        for (const rule& written : out.text.rules) {
            if (!written.chooses() || !ok()) continue;
            relation_shape& head = out.relations[written.head];
            if (!head.value.is_scalar())
                fail(fault::shapes_do_not_fit, written, -1, head.value.size(), 1);
            const int axis = written.terms[0].variable == written.aggregated_order[0] ? 0 : 1;
            fact_shape made;
            made.rank = 2;
            for (int at = 0; at < 2; ++at) made.extents[at] = head.extents[at];
            // No more than there are: the number may be of any size.
            const long long pairs = 1LL * head.extents[1 - axis] *
                                    (written.aggregated_number < head.extents[axis]
                                         ? static_cast<int>(written.aggregated_number)
                                         : head.extents[axis]);
            if (pairs > max_numbers / 8) fail(fault::more_than_2147483647_numbers, written, -1);
            made.pairs = ok() ? static_cast<int>(pairs) : 1;
            head.chosen = out.facts.push(made);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
