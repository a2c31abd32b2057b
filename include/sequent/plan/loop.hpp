#pragma once

#include "domain.hpp"

/// Loops: recursions become loops over the time. In their rules `loop_time` replaces the time as an
/// argument, and each rule has the iterations in which it is computed.

namespace sequent::inline SEQUENT_ABI::plan {

/// The times [first, last) for which a condition may hold; for all of them if there is no `rest`.
struct window {
    int first = 0;
    int last = never;
    int rest = -1;  ///< node of the conditions that are no bounds of the time
    counted_end end{};

    constexpr bool holds(int time) const { return first <= time && time < last; }
    constexpr bool empty() const { return first >= last; }
    constexpr window cut(int begin, int by_end) const {
        return {first > begin ? first : begin, last < by_end ? last : by_end, rest, end};
    }
};

/// Converts the recursions of a program into loops.
template <sizes Sizes, int Facts>
class loop_planner {
  public:
    shaped<Sizes, Facts> program{};
    domains<Sizes> conditions{};

    constexpr loop_planner(const shaped<Sizes, Facts>& shapes, const domains<Sizes>& found)
        : program(shapes), conditions(found) {
        const list<int, Sizes.rules> order = program.order;
        program.order.count = 0;
        for (int place = 0; place < order.size();) {
            const int loop = rule_of(order[place]).recurs.loop;
            if (loop < 0) {
                program.order.push(order[place++]);
                continue;
            }
            members_.count = 0;
            while (place < order.size() && rule_of(order[place]).recurs.loop == loop)
                members_.push(order[place++]);
            plan_loop();
        }
        program.mistake = conditions.mistake;
    }

  private:
    list<int, Sizes.rules> members_{};
    list<int, Sizes.rules> emitted_{};

    constexpr rule& rule_of(int at) { return program.text.rules[at]; }
    constexpr const rule& rule_of(int at) const { return program.text.rules[at]; }
    constexpr literal& item(const rule& of, int body) {
        return program.text.literals[of.first_literal + body];
    }
    constexpr int extent_of(const rule& written) const {
        return program.relations[written.head].extents[written.recurs.argument];
    }
    /// The rule of the relation of a literal, if it is in the same recursion; else -1.
    constexpr int inner_definer(const rule& written, const literal& value) const {
        if (value.kind != literal_kind::relation) return -1;
        const int from = program.relations[value.relation].rule;
        return from >= 0 && rule_of(from).recurs.loop == written.recurs.loop ? from : -1;
    }

    constexpr void plan_loop() {
        check_bases();
        if (!conditions.mistake.ok()) return;
        emitted_.count = 0;
        for (int at : members_) {
            if (rule_of(at).total)
                split_by_time(at);
            else
                bound_rule(at);
        }
        // In the order of the relations: what stood alone has taken the head of its sum.
        for (int at : emitted_)
            if (!is_empty(rule_of(at))) fill_gaps(at);
        for (int at : emitted_) take_time_out(rule_of(at));
        for (int at : emitted_)
            if (!is_empty(rule_of(at))) program.order.push(at);
    }

    static constexpr bool is_empty(const rule& written) {
        return written.recurs.first >= written.recurs.last;
    }

    // Bounds of the time.

    /// The condition as bounds of the variable, and the rest.
    constexpr window window_of(int root, int variable) {
        window result;
        add_bounds(root, variable, result);
        return result;
    }
    constexpr void add_bounds(int root, int variable, window& to) {
        if (root < 0) return;
        const node top = conditions.pool.nodes[root];
        if (top.kind == node_kind::conjunction) {
            add_bounds(top.left, variable, to);
            add_bounds(top.right, variable, to);
            return;
        }
        interval cut{to.first, to.last, to.end};
        cut.cut(values_of(conditions.pool, root, variable));
        if (cut.known)
            to = {cut.first, cut.last, to.rest, cut.end};
        else
            to.rest = conditions.pool.both(to.rest, root);
    }

    /// The times at which the literal of a sum has an atom.
    constexpr window window_of_part(const rule& sum, const literal& part) {
        const int root = conditions.pool.substitute(conditions.pool.nodes,
                                                    conditions.domain[part.relation], part.terms);
        const int extent = program.relations[part.relation].extents[sum.recurs.argument];
        return window_of(root, sum.recurs.time).cut(0, extent);
    }

    // Bases: a relation that is read before it is computed must have an atom at each earlier time.

    constexpr void check_bases() {
        for (int place = 0; place < members_.size(); ++place) {
            const rule& written = rule_of(members_[place]);
            for (int body = 0; body < written.literals; ++body) {
                const int from = inner_definer(written, item(written, body));
                bool later = false;
                for (int other = place; other < members_.size(); ++other)
                    later = later || members_[other] == from;
                if (later && !always_holds(from)) return report_base(written, rule_of(from).head);
            }
        }
    }
    constexpr void report_base(const rule& written, int relation) {
        if (!conditions.mistake.ok()) return;
        const int stacking = program.text.scopes[written.scope].rule;
        conditions.mistake = {fault::recursion_without_a_base,
                              written.number,
                              program.text.relations[relation].id,
                              0,
                              0,
                              stacking < 0 ? -1 : rule_of(stacking).number};
    }

    constexpr bool always_holds(int at) {
        const rule& written = rule_of(at);
        const int extent = extent_of(written);
        if (!written.total) {
            const window when = window_of(conditions.domain[written.head], written.recurs.argument);
            return when.rest < 0 && when.first <= 0 && when.last >= extent;
        }
        // There is an atom at each time before `known`, except where a count ends the relation. The
        // readers have inherited that end.
        int known = 0;
        bool counted = false;
        for (bool grows = true; grows && known < extent;) {
            grows = false;
            for (int body = 0; body < written.literals; ++body) {
                const window when = window_of_part(written, item(written, body));
                if (when.rest >= 0 || !when.holds(known)) continue;
                known = when.last;
                counted = counted || when.end.any();
                grows = true;
            }
        }
        return known >= extent &&
               (!counted ||
                window_of(conditions.domain[written.head], written.recurs.argument).end.any());
    }

    // When each rule is computed.

    constexpr void bound_rule(int at) {
        rule& written = rule_of(at);
        const window when =
            window_of(conditions.condition[at], written.recurs.time).cut(0, extent_of(written));
        conditions.condition[at] = when.rest;
        // The part of a sum that stands alone has been bounded as such.
        if (written.recurs.last == never || when.last < written.recurs.last)
            written.recurs.last = when.last;
        if (when.first > written.recurs.first) written.recurs.first = when.first;
        written.recurs.end = when.end;
        emitted_.push(at);
    }

    /// Splits a sum that has different parts at different times into a rule for each interval of
    /// times. If an interval has only one part, the rule of the part computes the sum.
    constexpr void split_by_time(int at) {
        const rule sum = rule_of(at);
        const int extent = extent_of(sum);
        list<window, max_literals> parts{};
        for (const literal& value : program.text.body(sum)) parts.push(window_of_part(sum, value));
        list<window, 2 * max_literals + 1> windows{};
        for (int begin = 0; begin < extent;) {
            int end = extent;
            for (const window& part : parts) {
                if (part.first > begin && part.first < end) end = part.first;
                if (part.last > begin && part.last < end) end = part.last;
            }
            windows.push({begin, end});
            begin = end;
        }
        rule_of(at).literals = 0;
        const bool whole = windows.size() == 1;
        for (const window& when : windows) {
            rule made = sum;
            made.first_literal = program.text.literals.size();
            made.literals = 0;
            made.recurs.first = when.first;
            made.recurs.last = when.last;
            made.recurs.partial = !whole;
            bool ends = true;  // no later interval has a part of this one
            bool first = true;
            for (int body = 0; body < sum.literals; ++body) {
                if (!parts[body].holds(when.first) || parts[body].empty()) continue;
                if (!first && !(parts[body].end == made.recurs.end)) report_base(sum, sum.head);
                made.recurs.end = parts[body].end;
                first = false;
                const literal part = item(sum, body);
                ends = ends && parts[body].last <= when.last;
                if (parts[body].first < when.first) ++program.relations[part.relation].uses;
                program.text.literals.push(part);
                conditions.expression.push(-1);
                ++made.literals;
            }
            if (made.literals == 0) continue;
            if (made.literals == 1 && ends && gives_sum(made)) continue;
            const int place = program.text.rules.push(made);
            conditions.condition.push(-1);
            program.relations[sum.head].rule = place;
            emitted_.push(place);
        }
    }

    constexpr bool gives_sum(const rule& sum) {
        const literal& only = item(sum, 0);
        const relation_shape& shape = program.relations[only.relation];
        const int part_at = inner_definer(sum, only);
        if (part_at < 0 || shape.uses != 1 || shape.output || rule_of(part_at).total ||
            !(shape.value == program.relations[sum.head].value))
            return false;
        for (int axis = 0; axis < only.arity; ++axis)
            if (shape.extents[axis] != program.relations[sum.head].extents[axis] &&
                axis != sum.recurs.argument)
                return false;
        rule& part = rule_of(part_at);
        if (part.recurs.partial) return false;
        part.head = sum.head;
        part.recurs.first = sum.recurs.first;
        part.recurs.last = sum.recurs.last;
        part.recurs.partial = sum.recurs.partial;
        program.relations[sum.head].rule = part_at;
        return true;
    }

    /// Atoms that do not exist are zeros for readers outside of the recursion.
    constexpr void fill_gaps(int at) {
        const int relation = rule_of(at).head;
        if (!is_seen(rule_of(at))) return;
        const int extent = extent_of(rule_of(at));
        for (int begin = 0; begin < extent;) {
            int end = extent;
            bool covered = false;
            for (int other : emitted_) {
                const rule& known = rule_of(other);
                if (known.head != relation || is_empty(known)) continue;
                const window when{known.recurs.first, known.recurs.last};
                if (when.holds(begin)) {
                    covered = true;
                    end = when.last;
                    break;
                }
                if (when.first > begin && when.first < end) end = when.first;
            }
            if (!covered) {
                rule_of(at).recurs.partial = true;
                fill(rule_of(at), begin, end, {});
            }
            begin = end;
        }
        const int computed = emitted_.size();
        for (int place = 0; place < computed; ++place) {
            const rule& known = rule_of(emitted_[place]);
            if (known.head == relation && known.recurs.end.any() && !known.recurs.fills &&
                !is_empty(known) && !is_filled(known))
                fill(known, known.recurs.first, known.recurs.last, known.recurs.end);
        }
    }
    /// Returns true if zeros follow where the count ends the rule.
    constexpr bool is_filled(const rule& known) const {
        for (int other : emitted_) {
            const rule& made = rule_of(other);
            if (made.head == known.head && made.recurs.fills &&
                made.recurs.first == known.recurs.first && made.recurs.last == known.recurs.last)
                return true;
        }
        return false;
    }
    constexpr void fill(const rule& of, int begin, int end, const counted_end& after) {
        rule zero = of;
        zero.literals = 0;
        zero.total = true;  // a sum of nothing
        zero.transformations.count = 0;
        zero.combined = combination::sum;
        zero.aggregated = aggregation::sum;
        zero.aggregated_variables = 0;
        zero.aggregated_order.count = 0;
        zero.recurs.first = begin;
        zero.recurs.last = end;
        zero.recurs.end = after;
        zero.recurs.fills = after.any();
        drop_variables_of_the_body(zero);
        emitted_.push(program.text.rules.push(zero));
        conditions.condition.push(-1);
    }

    /// Leaves the variables of the head and the time alone. Without a literal, a rule would count
    /// the values of the others.
    static constexpr void drop_variables_of_the_body(rule& of) {
        const unsigned needed = of.head_variables() | (1u << of.recurs.time);
        const auto all = of.variables;
        int places[max_variables]{};
        of.variables.count = 0;
        for (int at = 0; at < all.size(); ++at)
            if ((needed >> at) & 1u) places[at] = of.variables.push(all[at]);
        for (int axis = 0; axis < of.arity; ++axis)
            if (of.terms[axis].variable >= 0)
                of.terms[axis].variable = places[of.terms[axis].variable];
        of.recurs.time = places[of.recurs.time];
        of.shifted = of.shifted >= 0 && ((needed >> of.shifted) & 1u) ? places[of.shifted] : -1;
    }

    /// Returns true if the user can name the relation, or a rule outside of the recursion reads it.
    constexpr bool is_seen(const rule& of) const {
        const relation& head = program.text.relations[of.head];
        if (program.relations[of.head].output || (!head.invented && head.scope == 0)) return true;
        for (const rule& user : program.text.rules) {
            if (user.recurs.loop == of.recurs.loop) continue;
            for (const literal& value : program.text.body(user))
                if (value.reads(of.head)) return true;
        }
        return false;
    }

    // The rules as the loop sees them.

    constexpr void take_time_out(rule& written) {
        recurrence& recurs = written.recurs;
        auto take = [&](term& at) {
            if (at.variable == recurs.time) at = {loop_time, at.offset - recurs.delay};
        };
        auto take_all = [&](term* terms, int arity) {
            for (int axis = 0; axis < arity; ++axis) take(terms[axis]);
        };
        take_all(written.terms, written.arity);
        for (int body = 0; body < written.literals; ++body) visit_terms(item(written, body), take);
        for (transformation_use& function : written.transformations)
            for (weight_use& use : function.weights) take_all(use.terms, use.arity);
        written.variables[recurs.time].extent = 1;
        recurs.first += recurs.delay;
        recurs.last += recurs.delay;
        recurs.end.beyond += recurs.delay;
        if (recurs.end.least > 0) recurs.end.least += recurs.delay;
        int& domain = conditions.domain[written.head];
        domain = window_of(domain, recurs.argument).rest;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
