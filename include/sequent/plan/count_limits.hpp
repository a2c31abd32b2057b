#pragma once

#include "shape.hpp"

/// How large a count that is given at run time may be: what a variable is compared with, `j <
/// length`, is at most the variable's extent.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int without_limit = -1;

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
    const int extent = written.variables[left->value].extent;
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
