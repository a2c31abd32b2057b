#pragma once

#include "bindings.hpp"

/// Evaluates index expressions and conditions at run time.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The value of node `Root` of a plan for these values of the variables; for a condition, whether
/// it holds.
template <class Plan, int Root, class T>
SEQUENT_INLINE int evaluate_node(const bindings<T>& bound, const int* index) noexcept {
    using plan::node_kind;
    constexpr plan::node top = Plan::template node_at<Root>;
    if constexpr (top.kind == node_kind::constant) {
        return top.value;
    } else if constexpr (top.kind == node_kind::variable) {
        return index[top.value];
    } else if constexpr (top.kind == node_kind::count) {
        return bound.counts[top.value];
    } else if constexpr (top.kind == node_kind::conjunction) {
        // The right side may be defined only for indices for which the left side holds.
        return evaluate_node<Plan, top.left>(bound, index) &&
               evaluate_node<Plan, top.right>(bound, index);
    } else {
        const int left = evaluate_node<Plan, top.left>(bound, index);
        int right = 0;
        if constexpr (top.right >= 0) right = evaluate_node<Plan, top.right>(bound, index);
        if constexpr (top.kind == node_kind::pair) {
            return pairs_of<Plan, top.value>(bound).find(left, right) >= 0;
        } else if constexpr (top.kind == node_kind::decision) {
            constexpr plan::decision_function holds = Plan::shapes.text.decisions[top.value];
            return holds(left, right);
        } else if constexpr (top.kind == node_kind::same_symbol) {
            const int* begins =
                bound.counts + bound.counts[plan::given_numbers::begins_of(top.value)];
            return begins[left] == begins[right];
        } else {
            return plan::evaluate(top.kind, left, right);
        }
    }
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
