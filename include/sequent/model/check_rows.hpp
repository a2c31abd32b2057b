#pragma once

#include <type_traits>
#include <utility>

#include "../plan/plan.hpp"

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The mistake that a compiler error names for each obstacle to computing row by row.
template <plan::rows_obstacle::kind Why>
consteval auto rows_mistake() {
    using enum plan::rows_obstacle::kind;
    if constexpr (Why == later_rows)
        return mistake::rows_that_need_later_rows{};
    else if constexpr (Why == recursion)
        return mistake::a_recursion_over_another_variable_than_the_position{};
    else if constexpr (Why == distant_rows)
        return mistake::a_rule_that_reads_rows_at_no_bounded_distance_before_its_own{};
    else if constexpr (Why == inner_rows)
        return mistake::a_rule_whose_first_argument_is_not_the_position{};
    else if constexpr (Why == pairs)
        return mistake::a_rule_over_the_pairs_of_a_sparse_fact{};
    else if constexpr (Why == fixpoint)
        return mistake::a_fixpoint_over_all_rows{};
    else if constexpr (Why == lost_rows)
        return mistake::a_state_that_keeps_the_last_rows_alone_is_not_truncated{};
    else if constexpr (Why == several_lengths)
        return mistake::facts_or_outputs_along_the_sequence_have_different_lengths_or_are_sparse{};
    else
        return mistake::none{};
}

/// Rule and relation that the error names.
template <class Plan, int Rule>
inline constexpr plan::diagnosis rows_diagnosis = [] {
    plan::diagnosis result;
    if constexpr (Rule >= 0) {
        const plan::rule& written = Plan::shapes.text.rules[Rule];
        result.rule = written.number;
        result.relation = Plan::shapes.text.relations[written.head].id;
    }
    return result;
}();

/// Reports the rule that prevents a program from being computed row by row, if there is one.
template <class Plan, int Rule, plan::rows_obstacle::kind Why>
using check_rows = check_program<rule_number<rows_diagnosis<Plan, Rule>.rule + 1>,
                                 decltype(plan::relation_type<rows_diagnosis<Plan, Rule>>(
                                     std::make_index_sequence<static_cast<std::size_t>(
                                         rows_diagnosis<Plan, Rule>.relation.length)>{})),
                                 decltype(rows_mistake<Why>())>;

}  // namespace sequent::inline SEQUENT_ABI::model_detail
