#pragma once

#include "source.hpp"

/// The values of one variable for which a condition holds, if they are an interval, which a count
/// may end: the times of a recursion over a sequence of any length.

namespace sequent::inline SEQUENT_ABI::plan {

/// slope * variable + constant.
struct line {
    int slope = 0;      ///< factor of the variable
    int constant = 0;   ///< constant summand
    bool known = true;  ///< false: the expression has no such form
};

/// The line of an expression.
template <class Pool>
constexpr line line_of(const Pool& pool, int root, int variable) {
    const node& top = pool.nodes[root];
    if (top.kind == node_kind::constant) return {0, top.value};
    if (top.kind == node_kind::variable && top.value == variable) return {1, 0};
    if (top.kind != node_kind::add && top.kind != node_kind::subtract) return {0, 0, false};
    const line left = line_of(pool, top.left, variable);
    const line right = line_of(pool, top.right, variable);
    const int sign = top.kind == node_kind::add ? 1 : -1;
    return {left.slope + sign * right.slope, left.constant + sign * right.constant,
            left.known && right.known};
}

/// The values [first, last) that are less than `end`, if a count ends them.
struct interval {
    int first = 0;      ///< the first value
    int last = never;   ///< the end of the values
    counted_end end{};  ///< the count that ends them
    bool known = true;  ///< false: the values have no such form

    /// Returns true if there are no values.
    constexpr bool empty() const { return first >= last; }
    /// Replaces the interval by its intersection with another one.
    constexpr void cut(const interval& by) {
        if (by.first > first) first = by.first;
        if (by.last < last) last = by.last;
        known = known && by.known;
        if (!by.end.any()) return;
        if (!end.any())
            end = by.end;
        else if (end.count == by.end.count && by.end.beyond <= end.beyond &&
                 by.end.least <= end.least)
            end = by.end;
        else if (end.count != by.end.count || end.beyond > by.end.beyond ||
                 end.least > by.end.least)
            known = false;
    }
};

/// The union of two intervals, if it is an interval; else one that is not known.
constexpr interval either_of(interval left, interval right) {
    if (right.first < left.first) {
        const interval kept = left;
        left = right;
        right = kept;
    }
    constexpr interval unknown{0, 0, {}, false};
    if (!left.known || !right.known) return unknown;
    if (right.empty()) return left;
    if (left.empty()) return right;
    if (!left.end.any()) {
        if (left.last < right.first) return unknown;
        if (left.last >= right.last) return left;
        if (right.end.any() && left.last > right.end.beyond && left.last > right.end.least)
            right.end.least = left.last;
        right.first = left.first;
        return right;
    }
    const bool within = right.end.any() ? right.end.count == left.end.count &&
                                              right.end.beyond <= left.end.beyond &&
                                              right.end.least <= left.end.least
                                        : right.last <= left.end.beyond;
    return within && right.last <= left.last ? left : unknown;
}

/// The values for which a condition holds that mentions only this variable and counts.
template <class Pool>
constexpr interval values_of(const Pool& pool, int root, int variable) {
    interval result;
    if (root < 0) return result;
    const node& top = pool.nodes[root];
    if (top.kind == node_kind::conjunction) {
        result = values_of(pool, top.left, variable);
        result.cut(values_of(pool, top.right, variable));
        return result;
    }
    if (top.kind == node_kind::disjunction)
        return either_of(values_of(pool, top.left, variable), values_of(pool, top.right, variable));
    result.known = false;
    const bool less = top.kind == node_kind::less;
    if (!less && top.kind != node_kind::less_equal && top.kind != node_kind::equal) return result;
    const line left = line_of(pool, top.left, variable);
    if (less && left.known && left.slope == 1 && pool.nodes[top.right].kind == node_kind::count) {
        result.end = {pool.nodes[top.right].value, -left.constant, 0};
        result.known = true;
        return result;
    }
    const line right = line_of(pool, top.right, variable);
    const int slope = left.slope - right.slope;
    if (!left.known || !right.known || (slope != 1 && slope != -1)) return result;
    // slope * variable + constant, against zero.
    const int zero = -slope * (left.constant - right.constant);
    const int beyond = less ? 1 : 0;
    if (slope > 0 || top.kind == node_kind::equal) result.last = zero + 1 - beyond;
    if (slope < 0 || top.kind == node_kind::equal) result.first = zero + beyond;
    if (result.first < 0) result.first = 0;
    result.known = true;
    return result;
}

/// The condition `variable < end`, for an end without `least`.
template <class Pool>
constexpr int below(Pool& pool, int variable, const counted_end& end) {
    return pool.add(node_kind::less, 0, pool.at_term({variable, -end.beyond}),
                    pool.add(node_kind::count, end.count));
}

/// Returns true if an expression mentions a count.
template <class Pool>
constexpr bool mentions_count(const Pool& pool, int root) {
    if (root < 0) return false;
    const node& top = pool.nodes[root];
    if (top.kind == node_kind::count) return true;
    if (top.kind == node_kind::constant || top.kind == node_kind::variable) return false;
    return mentions_count(pool, top.left) || mentions_count(pool, top.right);
}

/// The conjuncts of a condition that are counts above a variable plus a constant.
template <class Pool>
constexpr int counted_conjuncts(Pool& pool, int root, int variables) {
    int result = -1;
    pool.each_conjunct(root, [&](int part) {
        for (int index = 0; index < variables; ++index)
            if (const interval of = values_of(pool, part, index); of.known && of.end.any())
                result = pool.both(result, part);
    });
    return result;
}
/// Returns true if two conditions, each as far as its conjuncts are intervals, admit the same
/// values of each variable.
template <class Pool>
constexpr bool have_same_values(const Pool& pool, int left, int right, int variables) {
    for (int index = 0; index < variables; ++index) {
        interval of[2]{};
        for (const bool second : {false, true})
            pool.each_conjunct(second ? right : left, [&](int part) {
                if (const interval values = values_of(pool, part, index); values.known)
                    of[second ? 1 : 0].cut(values);
            });
        if (of[0].first != of[1].first || of[0].last != of[1].last || !(of[0].end == of[1].end) ||
            of[0].known != of[1].known)
            return false;
    }
    return true;
}
/// Returns true if a conjunct mentions a count and is not of that form.
template <class Pool>
constexpr bool has_other_counts(const Pool& pool, int root, int variables) {
    bool result = false;
    pool.each_conjunct(root, [&](int part) {
        bool known = !mentions_count(pool, part);
        for (int index = 0; index < variables; ++index)
            if (const interval of = values_of(pool, part, index); of.known && of.end.any())
                known = true;
        result = result || !known;
    });
    return result;
}

/// An equivalent condition with at most one conjunct `variable + c < count` for each variable, the
/// strictest one. `extent(variable)` is the number of its values.
template <class Pool, class Extent>
constexpr int with_plain_counts(Pool& pool, int root, int variables, Extent extent) {
    int result = -1;
    interval of[max_variables]{};
    pool.each_conjunct(root, [&](int part) {
        const unsigned mentioned = pool.variables(part);
        for (int index = 0; index < variables; ++index) {
            if (mentioned != 1u << index) continue;
            const interval values = values_of(pool, part, index);
            if (!values.known || !values.end.any() || values.end.least > 0 || values.first > 0 ||
                values.last < extent(index))
                continue;
            const counted_end known = of[index].end;
            if (known.any() && known.count != values.end.count) continue;
            if (!known.any() || values.end.beyond < known.beyond) of[index].end = values.end;
            return;
        }
        result = pool.both(result, part);
    });
    for (int index = 0; index < variables; ++index)
        if (of[index].end.any() && of[index].end.beyond < extent(index))
            result = pool.both(result, below(pool, index, of[index].end));
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
