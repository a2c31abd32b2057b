#pragma once

#include <utility>

#include "../language/text.hpp"
#include "limits.hpp"
#include "list.hpp"
#include "mistakes.hpp"
#include "parameter.hpp"

/// The first mistake of a program as a value, and as a type for the compiler to print.

namespace sequent::inline SEQUENT_ABI {

namespace plan {

/// The mistakes as values; mistake_type gives the type of each.
enum class fault {
    none,
    ill_formed_text,
    argument_is_not_a_variable_plus_a_constant,
    argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant,
    too_many_arguments,
    too_many_variables,
    too_many_transformations,
    too_many_literals,
    too_many_rules_for_one_head,
    number_out_of_range,
    stacks_within_stacks_within_stacks,
    a_combination_stands_first,
    an_atom_transformation_has_a_plain_atom,
    an_atom_is_not_aggregated_or_stacked_are_parentheses_missing,
    a_stack_stands_last,
    a_literal_without_a_value_has_no_weight_and_no_element,
    an_aggregation_names_all_variables_but_those_of_the_head,
    cosine_of_two_values,
    a_transformation_stands_before_the_aggregation,
    two_aggregations,
    a_weight_is_a_scalar_a_vector_or_a_matrix,
    one_weight_with_two_shapes,
    unknown_relation,
    query_of_an_unknown_relation,
    wrong_number_of_arguments,
    wrong_number_of_arguments_of_a_weight,
    head_arguments_are_distinct_variables,
    head_variable_that_nothing_binds,
    body_variable_that_nothing_binds,
    recursion_without_an_end,
    cycle,
    recursion_without_a_base,
    recursion_whose_end_is_not_known,
    shapes_do_not_fit,
    softmax_over_a_variable_not_in_the_head,
    an_output_of_chosen_pairs,
    top_k_chooses_one_of_two_arguments_outside_of_recursions,
    aggregation_over_a_variable_in_the_head,
    aggregation_over_a_variable_that_the_body_does_not_mention,
    rules_of_one_sum_with_different_spaces,
    combined_rules_with_different_spaces,
    a_symbol_needs_a_weight,
    a_fact_cannot_be_a_head,
    a_relation_of_the_same_recursion_is_not_negated_or_hidden,
    two_facts_of_one_name,
    a_count_that_is_not_given,
    only_symbols_of_one_index_are_compared,
    no_output,
    several_outputs_need_a_query,
    a_stack_is_applied_to_a_value,
    a_stacked_block_has_one_input_and_one_output,
    a_stacked_block_gives_the_atoms_that_it_takes,
    two_stacks_of_one_head,
    two_inputs_of_a_stacked_block,
    more_than_2147483647_numbers,
    no_fused_step_computes_the_rule
};

/// The first rule that prevents computing single rows of the sequence, as `step` does, and the
/// reason.
struct rows_obstacle {
    /// The reasons.
    enum class kind {
        none,             ///< all rules can be computed by rows
        later_rows,       ///< the rule reads later rows
        recursion,        ///< it runs over another variable than the position
        distant_rows,     ///< no constant bounds how far back the rule reads
        inner_rows,       ///< the numbers of a row are not contiguous
        pairs,            ///< the rule loops over the pairs of a sparse fact
        fixpoint,         ///< the rule is a fixpoint
        several_lengths,  ///< the facts along the sequence differ in length, or one is sparse
        lost_rows,        ///< the state keeps only the last rows, so that truncate is impossible
    };
    int rule = -1;          ///< its place in the source; -1 if there is none
    kind why = kind::none;  ///< the reason
};

/// The first mistake of a program as a value, with what the message names.
struct diagnosis {
    fault found = fault::none;  ///< the mistake
    int rule = 0;               ///< number of the rule as written, from 0; -1 if it is in no rule
    name relation{};            ///< the relation in which it is
    int left = 0;               ///< the first of two numbers that conflict
    int right = 0;              ///< the second
    int stacked_by = -1;        ///< the rule that stacks the block of the rule; -1 if none does
    name first{};               ///< a relation that conflicts with `second`, a variable or a weight
    name second{};              ///< another relation
    refused_number refused{};   ///< of number_out_of_range

    /// Returns true if there is no mistake.
    constexpr bool ok() const { return found == fault::none; }
};

/// The mistake two_inputs_of_a_stacked_block with the names of both relations.
template <const auto& Diagnosis, std::size_t... First, std::size_t... Second>
consteval auto two_inputs(std::index_sequence<First...>, std::index_sequence<Second...>) {
    return mistake::two_inputs_of_a_stacked_block<in_relation<Diagnosis.first.text[First]...>,
                                                  in_relation<Diagnosis.second.text[Second]...>>{};
}

/// The refused function as of_function.
template <const auto& Diagnosis, std::size_t... At>
consteval auto function_type(std::index_sequence<At...>) {
    return of_function<Diagnosis.refused.function.text[At]...>{};
}
/// The refused number as given_number.
template <const auto& Diagnosis, std::size_t... At>
consteval auto given_type(std::index_sequence<At...>) {
    constexpr number_text text(Diagnosis.refused.given);
    return given_number<text.characters[At]...>{};
}
/// The mistake number_out_of_range with function, number and range.
template <const auto& Diagnosis, class Range>
consteval auto out_of_range() {
    constexpr auto letters = static_cast<std::size_t>(Diagnosis.refused.function.length);
    constexpr auto digits = static_cast<std::size_t>(number_text(Diagnosis.refused.given).length);
    return mistake::number_out_of_range<
        decltype(function_type<Diagnosis>(std::make_index_sequence<letters>{})),
        decltype(given_type<Diagnosis>(std::make_index_sequence<digits>{})), Range>{};
}

/// `first` as of_variable.
template <const auto& Diagnosis, std::size_t... At>
consteval auto variable_type(std::index_sequence<At...>) {
    return of_variable<Diagnosis.first.text[At]...>{};
}
/// `first` as of_weight.
template <const auto& Diagnosis, std::size_t... At>
consteval auto weight_type(std::index_sequence<At...>) {
    return of_weight<Diagnosis.first.text[At]...>{};
}
/// The variable of the mistake.
template <const auto& Diagnosis>
using unbound_variable = decltype(variable_type<Diagnosis>(
    std::make_index_sequence<static_cast<std::size_t>(Diagnosis.first.length)>{}));

/// number_out_of_range with the type of the range.
template <const auto& Diagnosis>
consteval auto number_mistake_type() {
    constexpr number_range range = Diagnosis.refused.range;
    if constexpr (range == number_range::finite)
        return out_of_range<Diagnosis, mistake::range::finite>();
    else if constexpr (range == number_range::at_least_0_and_finite)
        return out_of_range<Diagnosis, mistake::range::at_least_0_and_finite>();
    else if constexpr (range == number_range::above_0_and_finite_in_float)
        return out_of_range<Diagnosis, mistake::range::above_0_and_finite_in_float>();
    else if constexpr (range == number_range::from_0_to_below_1_in_float)
        return out_of_range<Diagnosis, mistake::range::from_0_to_below_1_in_float>();
    else if constexpr (range == number_range::at_least_0)
        return out_of_range<Diagnosis, mistake::range::at_least_0>();
    else
        return out_of_range<Diagnosis, mistake::range::at_least_1>();
}

/// The type of the mistake with its arguments.
template <const auto& Diagnosis>
consteval auto mistake_type() {
    constexpr fault found = Diagnosis.found;
    constexpr int left = Diagnosis.left;
    constexpr int right = Diagnosis.right;
#define SEQUENT_MISTAKE(NAME)           \
    if constexpr (found == fault::NAME) \
        return mistake::NAME{};         \
    else
    SEQUENT_MISTAKE(none)
    SEQUENT_MISTAKE(argument_is_not_a_variable_plus_a_constant)
    SEQUENT_MISTAKE(argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant)
    SEQUENT_MISTAKE(stacks_within_stacks_within_stacks)
    SEQUENT_MISTAKE(a_combination_stands_first)
    SEQUENT_MISTAKE(an_atom_transformation_has_a_plain_atom)
    SEQUENT_MISTAKE(an_atom_is_not_aggregated_or_stacked_are_parentheses_missing)
    SEQUENT_MISTAKE(a_stack_stands_last)
    SEQUENT_MISTAKE(a_literal_without_a_value_has_no_weight_and_no_element)
    SEQUENT_MISTAKE(an_aggregation_names_all_variables_but_those_of_the_head)
    SEQUENT_MISTAKE(cosine_of_two_values)
    SEQUENT_MISTAKE(a_transformation_stands_before_the_aggregation)
    SEQUENT_MISTAKE(two_aggregations)
    SEQUENT_MISTAKE(a_weight_is_a_scalar_a_vector_or_a_matrix)
    SEQUENT_MISTAKE(one_weight_with_two_shapes)
    SEQUENT_MISTAKE(unknown_relation)
    SEQUENT_MISTAKE(query_of_an_unknown_relation)
    SEQUENT_MISTAKE(head_arguments_are_distinct_variables)
    SEQUENT_MISTAKE(cycle)
    SEQUENT_MISTAKE(recursion_without_a_base)
    SEQUENT_MISTAKE(recursion_whose_end_is_not_known)
    SEQUENT_MISTAKE(softmax_over_a_variable_not_in_the_head)
    SEQUENT_MISTAKE(an_output_of_chosen_pairs)
    SEQUENT_MISTAKE(top_k_chooses_one_of_two_arguments_outside_of_recursions)
    SEQUENT_MISTAKE(aggregation_over_a_variable_in_the_head)
    SEQUENT_MISTAKE(aggregation_over_a_variable_that_the_body_does_not_mention)
    SEQUENT_MISTAKE(a_symbol_needs_a_weight)
    SEQUENT_MISTAKE(a_fact_cannot_be_a_head)
    SEQUENT_MISTAKE(a_relation_of_the_same_recursion_is_not_negated_or_hidden)
    SEQUENT_MISTAKE(two_facts_of_one_name)
    SEQUENT_MISTAKE(a_count_that_is_not_given)
    SEQUENT_MISTAKE(only_symbols_of_one_index_are_compared)
    SEQUENT_MISTAKE(no_output)
    SEQUENT_MISTAKE(several_outputs_need_a_query)
    SEQUENT_MISTAKE(a_stack_is_applied_to_a_value)
    SEQUENT_MISTAKE(a_stacked_block_has_one_input_and_one_output)
    SEQUENT_MISTAKE(a_stacked_block_gives_the_atoms_that_it_takes)
    SEQUENT_MISTAKE(two_stacks_of_one_head)
    SEQUENT_MISTAKE(more_than_2147483647_numbers)
#undef SEQUENT_MISTAKE
#define SEQUENT_LIMIT(NAME, LIMIT)                       \
    if constexpr (found == fault::NAME)                  \
        return mistake::NAME<mistake::at_most<LIMIT>>{}; \
    else
    SEQUENT_LIMIT(too_many_arguments, max_arity)
    SEQUENT_LIMIT(too_many_variables, max_variables)
    SEQUENT_LIMIT(too_many_transformations, max_transformations)
    SEQUENT_LIMIT(too_many_literals, max_literals)
    SEQUENT_LIMIT(too_many_rules_for_one_head, max_literals)
#undef SEQUENT_LIMIT
    if constexpr (found == fault::wrong_number_of_arguments)
        return mistake::wrong_number_of_arguments<left, right>{};
    else if constexpr (found == fault::wrong_number_of_arguments_of_a_weight)
        return mistake::wrong_number_of_arguments_of_a_weight<
            decltype(weight_type<Diagnosis>(
                std::make_index_sequence<static_cast<std::size_t>(Diagnosis.first.length)>{})),
            left, right>{};
    else if constexpr (found == fault::head_variable_that_nothing_binds)
        return mistake::head_variable_that_nothing_binds<
            unbound_variable<Diagnosis>,
            mistake::state_its_extent_or_use_it_in_an_atom_of_the_body>{};
    else if constexpr (found == fault::body_variable_that_nothing_binds)
        return mistake::body_variable_that_nothing_binds<
            unbound_variable<Diagnosis>,
            mistake::state_its_extent_or_use_it_in_an_atom_of_the_body>{};
    else if constexpr (found == fault::recursion_without_an_end)
        return mistake::recursion_without_an_end<
            unbound_variable<Diagnosis>,
            mistake::state_its_extent_or_use_it_in_an_atom_of_the_body>{};
    else if constexpr (found == fault::number_out_of_range)
        return number_mistake_type<Diagnosis>();
    else if constexpr (found == fault::rules_of_one_sum_with_different_spaces)
        return mistake::rules_of_one_sum_with_different_spaces<left, right>{};
    else if constexpr (found == fault::combined_rules_with_different_spaces)
        return mistake::combined_rules_with_different_spaces<left, right>{};
    else if constexpr (found == fault::no_fused_step_computes_the_rule)
        return mistake::no_fused_step_computes_the_rule<static_cast<reason>(left)>{};
    else if constexpr (found == fault::two_inputs_of_a_stacked_block)
        return two_inputs<Diagnosis>(std::make_index_sequence<Diagnosis.first.length>{},
                                     std::make_index_sequence<Diagnosis.second.length>{});
    else
        return mistake::shapes_do_not_fit<left, right>{};
}

/// The rule of the mistake as rule_number, or outside_of_rules.
template <const auto& Diagnosis>
consteval auto rule_type() {
    if constexpr (Diagnosis.rule < 0)
        return outside_of_rules{};
    else if constexpr (Diagnosis.stacked_by >= 0)
        return rule_number<Diagnosis.stacked_by + 1, Diagnosis.rule + 1>{};
    else
        return rule_number<Diagnosis.rule + 1>{};
}

/// The relation of the mistake as in_relation.
template <const auto& Diagnosis, std::size_t... At>
consteval auto relation_type(std::index_sequence<At...>) {
    return in_relation<Diagnosis.relation.text[At]...>{};
}

/// The characters of Name as named.
template <language::fixed_string Name, std::size_t... At>
consteval auto name_type(std::index_sequence<At...>) {
    return named<Name.characters[At]...>{};
}
/// The name as a type, whose characters the compiler prints.
template <language::fixed_string Name>
using named_as = decltype(name_type<Name>(std::make_index_sequence<sizeof(Name.characters) - 1>{}));

/// Instantiating this type is a compile error if Diagnosis holds a mistake.
template <const auto& Diagnosis>
using report = check_program<decltype(rule_type<Diagnosis>()),
                             decltype(relation_type<Diagnosis>(
                                 std::make_index_sequence<Diagnosis.relation.length>{})),
                             decltype(mistake_type<Diagnosis>())>;

}  // namespace plan
}  // namespace sequent::inline SEQUENT_ABI
