#pragma once

#include "source.hpp"

/// Recursions: relations that follow from themselves, in which one argument of each, the time,
/// moves in the same direction around every cycle: `h(next(t)) <<= h(t)[U]`.

namespace sequent::inline SEQUENT_ABI::plan {

/// Rewrites each head with plain variables: `h(next(t)) <<= x(t)` becomes `h(t) <<= x(t - 1)`, and
/// a constant becomes a variable with one value. A later stage checks that they are allowed.
template <sizes Sizes>
constexpr void straighten_head(rule& written, source<Sizes>& in) {
    int bent = -1;
    for (int axis = 0; axis < written.arity; ++axis) {
        const term& at = written.terms[axis];
        if (at.variable >= 0 && at.offset == 0) continue;
        if (bent >= 0) return;
        bent = axis;
    }
    if (bent < 0) return;
    term& at = written.terms[bent];
    if (at.variable < 0) {
        if (written.variables.size() == max_variables || at.offset < 0) return;
        written.base = at.offset;
        constexpr name time = make_name("time", 4);
        at = {written.shifted = written.variables.push({time, 0, 0}), 0};
        return;
    }
    for (int axis = 0; axis < written.arity; ++axis)
        if (axis != bent && written.terms[axis].variable == at.variable) return;
    written.shift = at.offset;
    written.shifted = at.variable;
    at.offset = 0;
    auto move = [&](term& moved) {
        if (moved.variable == written.shifted) moved.offset -= written.shift;
        if (moved.second == written.shifted) moved.offset -= moved.factor * written.shift;
    };
    for (int body = 0; body < written.literals; ++body) {
        literal& item = in.literals[written.first_literal + body];
        visit_terms(item, move);
        if (item.has_element) move(item.element);
    }
    for (int axis = 0; axis < written.head_weight.arity; ++axis)
        move(written.head_weight.terms[axis]);
    for (transformation_use& function : written.transformations)
        for (weight_use& use : function.weights)
            for (int axis = 0; axis < use.arity; ++axis) move(use.terms[axis]);
}

/// Marks the rules of each recursion. At this stage each relation has one rule with a plain head.
template <sizes Sizes>
class recursion_finder {
  public:
    list<int, Sizes.rules + Sizes.literals> definer{};  ///< per relation its rule, or -1
    int summed = -1;  ///< a rule that reads its recursion at a sum of variables

    constexpr explicit recursion_finder(source<Sizes>& in) : in_(in) {
        definer.reset(in_.relations.size());
        for (int& rule : definer) rule = -1;
        for (int at = 0; at < in_.rules.size(); ++at) definer[in_.rules[at].head] = at;
        if (!may_recur()) return;
        entered_.reset(in_.rules.size());
        lowest_.reset(in_.rules.size());
        for (int at = 0; at < in_.rules.size(); ++at)
            if (entered_[at] == 0) connect(at);
    }

  private:
    source<Sizes>& in_;
    int recursions_ = 0;
    // Tarjan's strongly connected components.
    int time_ = 0;
    list<int, Sizes.rules> entered_{};  // 0 not yet, -1 in a component
    list<int, Sizes.rules> lowest_{};
    list<int, Sizes.rules> open_{};

    constexpr const literal& item(int rule, int body) const {
        return in_.literals[in_.rules[rule].first_literal + body];
    }
    constexpr int definer_of(const literal& value) const {
        return value.kind == literal_kind::relation ? definer[value.relation] : -1;
    }

    /// A recursion needs an argument with an offset.
    constexpr bool may_recur() const {
        for (const rule& written : in_.rules)
            for (const literal& value : in_.body(written)) {
                if (definer_of(value) < 0) continue;
                for (int axis = 0; axis < value.arity; ++axis)
                    if (value.terms[axis].variable >= 0 && value.terms[axis].offset) return true;
                if (is_view(value)) return true;
            }
        return false;
    }

    constexpr void connect(int at) {
        entered_[at] = lowest_[at] = ++time_;
        open_.push(at);
        bool follows_itself = false;
        for (int body = 0; body < in_.rules[at].literals; ++body) {
            const int from = definer_of(item(at, body));
            if (from < 0) continue;
            follows_itself = follows_itself || from == at;
            if (entered_[from] == 0) {
                connect(from);
                if (lowest_[from] < lowest_[at]) lowest_[at] = lowest_[from];
            } else if (entered_[from] > 0 && entered_[from] < lowest_[at]) {
                lowest_[at] = entered_[from];
            }
        }
        if (lowest_[at] != entered_[at]) return;
        list<int, Sizes.rules> members{};
        int member = -1;
        while (member != at) {
            member = open_[--open_.count];
            entered_[member] = -1;
            members.push(member);
        }
        if (members.size() > 1 || follows_itself) mark(members);
    }

    /// Finds the time of the rules and the delay of each. Rules without a time are left unchanged;
    /// they are a cycle.
    constexpr void mark(const list<int, Sizes.rules>& members) {
        list<int, Sizes.rules> axis{};
        axis.reset(in_.rules.size());
        for (int& each : axis) each = -1;
        for (int at : members)
            for (int body = 0; body < in_.rules[at].literals; ++body)
                if (is_member(members, definer_of(item(at, body))) && is_view(item(at, body)))
                    summed = at;
        if (!find_first_axis(members, axis) || !follow_axes(members, axis)) return;
        list<int, Sizes.rules> delay{};
        delay.reset(in_.rules.size());
        const bool forward = find_delays(members, axis, 1, delay);
        if (!forward && !find_delays(members, axis, -1, delay)) return;
        int most = 0;
        for (int at : members)
            if (delay[at] > most) most = delay[at];
        for (int at : members) {
            recurrence& recurs = in_.rules[at].recurs;
            recurs.loop = recursions_;
            recurs.argument = axis[at];
            recurs.time = time_of(at, axis);
            recurs.backward = !forward;
            recurs.delay = forward ? delay[at] : most - delay[at];
        }
        take_in_bases(members);
        ++recursions_;
    }

    constexpr int time_of(int rule, const list<int, Sizes.rules>& axis) const {
        return in_.rules[rule].terms[axis[rule]].variable;
    }
    constexpr bool is_member(const list<int, Sizes.rules>& members, int rule) const {
        for (int member : members)
            if (member == rule) return true;
        return false;
    }

    constexpr bool find_first_axis(const list<int, Sizes.rules>& members,
                                   list<int, Sizes.rules>& axis) const {
        for (int at : members)
            for (int body = 0; body < in_.rules[at].literals; ++body) {
                const literal& value = item(at, body);
                if (!is_member(members, definer_of(value))) continue;
                for (int argument = 0; argument < value.arity; ++argument)
                    for (int place = 0; place < in_.rules[at].arity; ++place)
                        if (value.terms[argument].offset && value.terms[argument].variable >= 0 &&
                            in_.rules[at].terms[place].variable == value.terms[argument].variable) {
                            axis[at] = place;
                            return true;
                        }
            }
        return false;
    }

    constexpr bool follow_axes(const list<int, Sizes.rules>& members,
                               list<int, Sizes.rules>& axis) const {
        for (int pass = 0; pass <= members.size(); ++pass)
            for (int at : members) {
                if (axis[at] < 0) continue;
                const rule& written = in_.rules[at];
                const int time = time_of(at, axis);
                if (written.repeat || ((written.aggregated_variables >> time) & 1u)) return false;
                for (int body = 0; body < written.literals; ++body) {
                    const int from = definer_of(item(at, body));
                    if (!is_member(members, from)) continue;
                    const int argument = argument_of(item(at, body), time);
                    if (argument < 0 || (axis[from] >= 0 && axis[from] != argument)) return false;
                    axis[from] = argument;
                }
            }
        return true;
    }

    static constexpr int argument_of(const literal& value, int variable) {
        int found = -1;
        for (int axis = 0; axis < value.arity; ++axis)
            if (value.terms[axis].variable == variable || value.terms[axis].second == variable)
                found = found < 0 && value.terms[axis].second < 0 ? axis : -2;
        return found;
    }

    /// The delay of a rule is that of the rules that it depends on, less the offset of the time.
    constexpr bool find_delays(const list<int, Sizes.rules>& members,
                               const list<int, Sizes.rules>& axis, int direction,
                               list<int, Sizes.rules>& delay) const {
        for (int at : members) delay[at] = 0;
        for (int pass = 0; pass <= members.size(); ++pass) {
            bool changed = false;
            for (int at : members)
                for (int body = 0; body < in_.rules[at].literals; ++body) {
                    const literal& value = item(at, body);
                    const int from = definer_of(value);
                    if (!is_member(members, from)) continue;
                    const int least = delay[from] + direction * value.terms[axis[from]].offset;
                    if (least <= delay[at]) continue;
                    delay[at] = least;
                    changed = true;
                }
            if (!changed) return true;
        }
        return false;
    }

    /// A base depends on nothing in the loop; it is computed there for its one time.
    constexpr void take_in_bases(const list<int, Sizes.rules>& members) {
        for (int at : members) {
            if (!in_.rules[at].total) continue;
            for (int body = 0; body < in_.rules[at].literals; ++body) {
                const int part = definer_of(item(at, body));
                if (part < 0 || in_.rules[part].base < 0 || in_.rules[part].recurs.loop >= 0)
                    continue;
                const recurrence& of = in_.rules[at].recurs;
                recurrence& taken = in_.rules[part].recurs;
                const int time = in_.rules[part].terms[of.argument].variable;
                taken = of;
                taken.time = time;
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
