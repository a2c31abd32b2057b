#pragma once

#include "layout.hpp"

/// Windows: rules that sum their one literal over a window of rows, y(i) <<= x(i - 1), or
/// y(i) <<= x(i - k)[W(k)] | sum(k), a convolution. A row step computes them without copies of x;
/// its terms hold the rows for which they exist.

namespace sequent::inline SEQUENT_ABI::plan {

/// A sum of variables with integer factors, and a constant.
struct index_form {
    int factors[max_variables]{};  ///< of each variable
    int constant = 0;              ///< the constant

    friend constexpr bool operator==(const index_form&, const index_form&) = default;
};

/// Adds factor times an expression. Returns false if the expression has another form.
template <class Pool>
constexpr bool add_to_form(const Pool& pool, int root, int factor, index_form& to) {
    const node& top = pool.nodes[root];
    switch (top.kind) {
        case node_kind::constant:
            to.constant += factor * top.value;
            return true;
        case node_kind::variable:
            to.factors[top.value] += factor;
            return true;
        case node_kind::add:
        case node_kind::subtract:
            return add_to_form(pool, top.left, factor, to) &&
                   add_to_form(pool, top.right, top.kind == node_kind::add ? factor : -factor, to);
        case node_kind::multiply:
            return pool.nodes[top.left].kind == node_kind::constant &&
                   add_to_form(pool, top.right, factor * pool.nodes[top.left].value, to);
        default:
            return false;
    }
}

/// Finds the window of a rule.
template <class Draft>
class window_finder {
  public:
    constexpr window_finder(Draft& draft, int at) : draft_(draft), rule_(draft.rule_of(at)) {
        if (!read(at)) return;
        window_rule& made = draft_.windows[at];
        if (!take_condition(draft_.conditions.condition[at], made)) {
            made = {};
            return;
        }
        made.found = true;
        for (const int inner : inner_) draft_.roles[inner] = role::inlined;
    }

  private:
    Draft& draft_;
    const rule& rule_;
    list<int, 2> inner_{};  // rules that are inlined into the step
    index_form read_{};     // the argument of x

    /// A rule that nothing else reads.
    constexpr bool is_inner(int at, int user) const {
        return at >= 0 && draft_.head_of(at).uses == 1 && !draft_.head_of(at).output &&
               draft_.rule_of(at).scope == draft_.rule_of(user).scope &&
               draft_.rule_of(at).recurs.loop < 0 && !draft_.is_block_output(at) &&
               draft_.roles[at] == role::step;
    }
    constexpr int definer_of(const literal& item) const {
        return draft_.in.relations[item.relation].rule;
    }

    constexpr bool read(int at) {
        if (rule_.repeat || rule_.views || rule_.total || rule_.literals != 1 ||
            rule_.recurs.loop >= 0 || rule_.transformations.size() ||
            rule_.aggregated != aggregation::sum || changes_one(rule_.combined) ||
            rule_.arity > max_outers || draft_.pairs_of(rule_.head).any() ||
            draft_.is_block_output(at))
            return false;
        literal item = draft_.literal_of(at, 0);
        if (item.kind != literal_kind::relation || item.weight.weight >= 0 || item.transposed ||
            !item.gives_value() || item.has_element || draft_.is_sparse(item))
            return false;
        const unsigned summed = ((1u << rule_.variables.size()) - 1) & ~rule_.head_variables();
        const int viewing = definer_of(item);
        if (viewing >= 0 && draft_.rule_of(viewing).views) {
            // The view's arguments are the rule's variables.
            const literal& inner = draft_.literal_of(viewing, 0);
            if (!is_inner(viewing, at) || inner.kind != literal_kind::relation) return false;
            inner_.push(viewing);
            literal mapped = inner;
            for (int axis = 0; axis < mapped.arity; ++axis) {
                term& to = mapped.terms[axis];
                if (to.variable >= 0) {
                    if (item.terms[to.variable].offset) return false;
                    to.variable = item.terms[to.variable].variable;
                }
                if (to.second >= 0) {
                    if (item.terms[to.second].offset) return false;
                    to.second = item.terms[to.second].variable;
                }
            }
            item = mapped;
        }
        int moved = 0;
        unsigned plain = 0;
        bool sums_window = false;
        for (int axis = 0; axis < item.arity; ++axis) {
            const term& to = item.terms[axis];
            if (to.variable < 0) return false;
            const bool sums = to.second >= 0;
            if (sums || to.offset) {
                ++moved;
                // i + factor k, or k + factor m, where k is summed away.
                const bool strided = ((summed >> to.variable) & 1u) != 0;
                if (strided && (!sums || to.factor < 1)) return false;
                if (sums && summed != 1u << (strided ? to.variable : to.second)) return false;
                sums_window = sums;
                read_.factors[to.variable] += 1;
                if (sums) read_.factors[to.second] += to.factor;
                read_.constant = to.offset;
            }
            // On a diagonal, two arguments are one variable.
            const int walks = sums && ((summed >> to.variable) & 1u) ? to.second : to.variable;
            if ((plain >> walks) & 1u) return false;
            plain |= 1u << walks;
        }
        if (moved != 1 || (plain & rule_.head_variables()) != rule_.head_variables()) return false;
        if (summed != 0 && !sums_window) return false;
        const int product = definer_of(item);
        if (product >= 0 && is_inner(product, at) && multiplies(product)) {
            if (draft_.prepared[product] && !draft_.prepared[at]) return false;
            inner_.push(product);
            return true;
        }
        // Without a weight, a sum over the window is left to the general loops.
        return summed == 0 && inner_.size() == 0 &&
               draft_.in.relations[item.relation].classes == 0 &&
               !draft_.pairs_of(item.relation).any();
    }

    /// Returns true if a rule is one product, at plain arguments.
    constexpr bool multiplies(int at) const {
        const rule& written = draft_.rule_of(at);
        if (written.literals != 1 || written.transformations.size() || written.views ||
            written.repeat || draft_.windows[at].found ||
            row_obstacle(draft_, at) != reason::none || written.variables.size() != written.arity)
            return false;
        const literal& item = draft_.literal_of(at, 0);
        if (item.kind != literal_kind::relation || item.weight.weight < 0 ||
            draft_.pairs_of(item.relation).any())
            return false;
        // A symbol has one weight.
        if (is_symbol(draft_, item) && item.weight.arity > 0) return false;
        for (int axis = 0; axis < item.arity; ++axis)
            if (item.terms[axis].variable < 0) return false;
        return true;
    }

    /// Splits a condition into the part which states that the argument is within x, and the rest,
    /// in which each conjunct is a count that limits rows. Returns false if it has another form.
    constexpr bool take_condition(int root, window_rule& to) {
        auto& pool = draft_.out.pool;
        bool fits = true;
        pool.each_conjunct(root, [&](int part) {
            const node top = pool.nodes[part];
            const bool less = top.kind == node_kind::less;
            if (less && pool.nodes[top.right].kind == node_kind::count) {
                index_form form;
                if (add_to_form(pool, top.left, 1, form) && form == read_) {
                    to.counts |= 1u << pool.nodes[top.right].value;
                    to.bounded = true;
                } else if (pool.nodes[top.left].kind == node_kind::variable &&
                           !((pool.variables(part) & ~rule_.head_variables()))) {
                    to.rest = pool.both(to.rest, part);
                } else {
                    fits = false;
                }
                return;
            }
            // left <= right or left < right, where the difference is the argument.
            index_form form;
            if ((!less && top.kind != node_kind::less_equal) ||
                !add_to_form(pool, top.right, 1, form) || !add_to_form(pool, top.left, -1, form)) {
                fits = false;
                return;
            }
            const int slack = less ? 1 : 0;
            const int offset = form.constant - read_.constant;
            form.constant = read_.constant;
            if (form == read_ && offset - slack >= 0) {
                to.bounded = true;  // the argument is at least 0
                fits = fits && offset == slack;
                return;
            }
            for (int& factor : form.factors) factor = -factor;
            if (!(form == read_)) {
                fits = false;
                return;
            }
            // -argument + bound >= slack
            const int bound = offset + 2 * read_.constant - slack + 1;
            to.bounded = true;
            if (bound < to.extent) to.extent = bound;
        });
        return fits && to.extent > 0;
    }
};

/// Finds the windows of all rules.
template <class Draft>
constexpr void find_windows(Draft& draft) {
    for (int at : draft.in.order) window_finder<Draft>(draft, at);
}

}  // namespace sequent::inline SEQUENT_ABI::plan
