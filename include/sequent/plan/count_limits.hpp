#pragma once

#include "shape.hpp"

/// The limits of counts given at run time. A count with which a variable is compared, `j < length`,
/// is at most the extent of the variable.

namespace sequent::inline SEQUENT_ABI::plan {

/// The limit of a count that bounds no variable.
inline constexpr int without_limit = -1;

/// The counts of the conjuncts `variable < count` of a condition, one bit each.
template <class Pool>
constexpr unsigned counts_above(const Pool& pool, int root, int variable) {
    unsigned result = 0;
    pool.each_conjunct(root, [&](int part) {
        const node& top = pool.nodes[part];
        if (top.kind != node_kind::less) return;
        const node& left = pool.nodes[top.left];
        const node& right = pool.nodes[top.right];
        if (left.kind == node_kind::variable && left.value == variable &&
            right.kind == node_kind::count)
            result |= 1u << right.value;
    });
    return result;
}

/// The smallest of `most` and the counts whose bits are set in `counts`; `given` are all counts.
constexpr int least_count(unsigned counts, int most, const int* given) noexcept {
    for (int at = 0; counts != 0; ++at, counts >>= 1)
        if ((counts & 1u) && given[at] < most) most = given[at];
    return most;
}

namespace detail {

template <class Shaped>
constexpr void find_count_limit(const Shaped& in, const rule& written, int root, int count,
                                int& limit) {
    if (root < 0) return;
    const node& top = in.text.nodes[root];
    const bool ordered = top.kind >= node_kind::less && top.kind <= node_kind::greater_equal;
    if (!ordered) {
        find_count_limit(in, written, top.left, count, limit);
        find_count_limit(in, written, top.right, count, limit);
        return;
    }
    const node* left = &in.text.nodes[top.left];
    const node* right = &in.text.nodes[top.right];
    if (left->kind == node_kind::count) {
        const node* other = left;
        left = right;
        right = other;
    }
    if (left->kind != node_kind::variable || right->kind != node_kind::count ||
        right->value != count)
        return;
    const bool is_time = written.recurs.loop >= 0 && left->value == written.recurs.time;
    const int extent = is_time ? in.relations[written.head].extents[written.recurs.argument]
                               : written.variables[left->value].extent;
    if (extent > limit) limit = extent;
}

}  // namespace detail

/// The greatest extent of the variables that this count bounds, or without_limit.
template <class Shaped>
constexpr int limit_of_count(const Shaped& in, int count) {
    int limit = without_limit;
    for (const rule& written : in.text.rules)
        detail::find_count_limit(in, written, written.condition, count, limit);
    return limit;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
