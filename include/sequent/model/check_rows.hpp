#pragma once

#include <type_traits>
#include <utility>

#include "../plan/plan.hpp"

namespace sequent::inline SEQUENT_ABI::model_detail {

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

/// Reports the rule that keeps a program from running by rows, if one does.
template <class Plan, int Rule>
using check_rows = check_program<
    rule_number<rows_diagnosis<Plan, Rule>.rule + 1>,
    decltype(plan::relation_type<rows_diagnosis<Plan, Rule>>(
        std::make_index_sequence<static_cast<std::size_t>(
            rows_diagnosis<Plan, Rule>.relation.length)>{})),
    std::conditional_t<(Rule < 0), mistake::none, mistake::rows_that_need_later_rows>>;

}  // namespace sequent::inline SEQUENT_ABI::model_detail
