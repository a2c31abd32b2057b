#pragma once

#include <bit>

#include "layout.hpp"

/// Windows: rules that sum their one literal over a window of rows, y(i) <<= x(i - 1), or
/// y(i) <<= x(i - k)[W(k)] | sum(k), a convolution; or over one of two indices,
/// y(r, c) <<= x(r + a, c + b)[W(a, b)] | sum(a, b). A row step computes them without copies of x;
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
        window_rule made;
        if (!take_condition(draft_.conditions.condition[at], made)) return;
        made.found = true;
        made.scale = scale_;
        draft_.windows[at] = made;
        for (const int inner : inner_) draft_.roles[inner] = role::inlined;
    }

  private:
    Draft& draft_;
    const rule& rule_;
    int scale_ = -1;                            // the literal that is a weight
    list<int, 2> inner_{};                      // rules that are inlined into the step
    list<index_form, max_split_loops> read_{};  // the arguments of x that are moved

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
        if (rule_.repeat || rule_.views || rule_.total || rule_.recurs.loop >= 0 ||
            rule_.transformations.size() || rule_.aggregated != aggregation::sum ||
            changes_one(rule_.combined) || !find_scale(at) || rule_.arity > max_outers ||
            draft_.pairs_of(rule_.head).any() || draft_.is_block_output(at))
            return false;
        literal item = draft_.literal_of(at, scale_ == 0 ? 1 : 0);
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
        unsigned walked = 0;   // variables of the arguments
        unsigned windows = 0;  // variables that move one
        for (int axis = 0; axis < item.arity; ++axis) {
            const term& to = item.terms[axis];
            if (to.variable < 0) return false;
            const bool sums = to.second >= 0;
            // i + factor k, or k + factor m, where k is summed away.
            const bool strided = ((summed >> to.variable) & 1u) != 0;
            const int walks = sums && strided ? to.second : to.variable;
            // On a diagonal, two arguments are one variable.
            if ((walked >> walks) & 1u) return false;
            walked |= 1u << walks;
            if (!sums && to.offset == 0) continue;
            if (read_.size() == max_split_loops) return false;
            index_form form;
            form.factors[to.variable] += 1;
            form.constant = to.offset;
            if (sums) {
                const int window = strided ? to.variable : to.second;
                if (to.factor < 1 && strided) return false;
                if (!((summed >> window) & 1u) || ((windows >> window) & 1u)) return false;
                windows |= 1u << window;
                form.factors[to.second] += to.factor;
            } else if (strided) {
                return false;
            }
            read_.push(form);
        }
        const unsigned beside = summed & ~windows;  // summed at plain arguments
        if (read_.size() == 0 || read_.size() + std::popcount(beside) > max_split_loops ||
            ((walked | windows) & (summed | rule_.head_variables())) !=
                (summed | rule_.head_variables()))
            return false;
        const int product = definer_of(item);
        // Rows that symbols choose from a table are there before they are summed up.
        if (scale_ < 0 && product >= 0 && is_inner(product, at) && multiplies(product) &&
            !(summed && is_symbol(draft_, draft_.literal_of(product, 0)))) {
            if (draft_.prepared[product] && !draft_.prepared[at]) return false;
            // What moves, and what is summed beside it, is an argument of x. The weight does not
            // move.
            const rule& inner = draft_.rule_of(product);
            const literal& x = draft_.literal_of(product, 0);
            const unsigned in_weight = variables_in(x.weight.terms, x.weight.arity);
            int before = -1;  // the place in x of what moves first: the order is that of x
            for (int axis = 0; axis < item.arity; ++axis) {
                const term& to = item.terms[axis];
                const bool moves = to.second >= 0 || to.offset != 0;
                if (!moves && !((beside >> to.variable) & 1u)) continue;
                const int variable = inner.terms[axis].variable;
                int places = 0;
                int found = -1;
                for (int place = 0; place < x.arity; ++place)
                    if (x.terms[place].variable == variable) {
                        ++places;
                        found = place;
                    }
                if (moves && found < before) return false;
                if (moves) before = found;
                if (places != 1 || (moves && ((in_weight >> variable) & 1u))) return false;
            }
            inner_.push(product);
            return true;
        }
        // A shift, or a sum over the window, which a weight may scale.
        if (scale_ >= 0 && draft_.value_of(item).size() != draft_.head_of(at).value.size())
            return false;
        return (summed == 0 ? scale_ < 0 && inner_.size() == 0 : beside == 0) &&
               draft_.in.relations[item.relation].classes == 0 &&
               !draft_.pairs_of(item.relation).any();
    }

    /// Finds the weight by which the one literal is multiplied elementwise. Returns false if the
    /// rule has other literals.
    constexpr bool find_scale(int at) {
        if (rule_.literals == 1) return true;
        if (rule_.literals != 2 || rule_.combined != combination::elementwise_product) return false;
        for (int body = 0; body < 2; ++body)
            if (draft_.literal_of(at, body).kind == literal_kind::weight) scale_ = body;
        if (scale_ < 0) return false;
        const literal& item = draft_.literal_of(at, scale_);
        for (int axis = 0; axis < item.weight.arity; ++axis) {
            const term& to = item.weight.terms[axis];
            if (to.variable < 0 || to.second >= 0 || to.offset) return false;
        }
        return item.gives_value() && !item.has_element && !item.transposed &&
               draft_.value_of(item).size() == draft_.head_of(at).value.size() &&
               !(draft_.prepared[at]);
    }

    /// Returns true if a rule is one product, at plain arguments.
    constexpr bool multiplies(int at) const {
        const rule& written = draft_.rule_of(at);
        if (written.literals != 1 || written.transformations.size() || written.views ||
            written.repeat || draft_.windows[at].found ||
            row_obstacle(draft_, at, true) != reason::none ||
            written.variables.size() != written.arity)
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

    /// The moved argument that differs from a form by a constant, or -1.
    constexpr int argument_of(index_form form) const {
        for (int at = 0; at < read_.size(); ++at) {
            form.constant = read_[at].constant;
            if (form == read_[at]) return at;
        }
        return -1;
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
                const int axis = add_to_form(pool, top.left, 1, form) ? argument_of(form) : -1;
                if (axis >= 0 && form == read_[axis]) {
                    to.axes[axis].counts |= 1u << pool.nodes[top.right].value;
                    to.axes[axis].bounded = true;
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
            if (const int axis = argument_of(form); axis >= 0) {
                to.axes[axis].bounded = true;  // the argument is at least 0
                fits = fits && form.constant - read_[axis].constant == slack;
                return;
            }
            for (int& factor : form.factors) factor = -factor;
            const int axis = argument_of(form);
            if (axis < 0) {
                fits = false;
                return;
            }
            // -argument + bound >= slack
            const int bound = form.constant + read_[axis].constant - slack + 1;
            to.axes[axis].bounded = true;
            if (bound < to.axes[axis].extent) to.axes[axis].extent = bound;
        });
        for (const window_axis& axis : to.axes) fits = fits && axis.extent > 0;
        return fits;
    }
};

/// Finds the windows of all rules.
template <class Draft>
constexpr void find_windows(Draft& draft) {
    for (int at : draft.in.order) window_finder<Draft>(draft, at);
}

}  // namespace sequent::inline SEQUENT_ABI::plan
