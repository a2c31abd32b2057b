#pragma once

#include <utility>

#include "../language/text.hpp"
#include "limits.hpp"
#include "list.hpp"
#include "parameter.hpp"
#include "reason.hpp"

/// What can be wrong with a program, and how the compiler says it.

namespace sequent::inline SEQUENT_ABI {

/// The mistakes, as types whose names stand in the compiler's message.
namespace mistake {
struct none {};
struct argument_is_not_a_variable_plus_a_constant {};
struct argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant {};
/// The largest number that a program may have.
template <int Number>
struct at_most {};
template <class Limit>
struct too_many_arguments {};
template <class Limit>
struct too_many_variables {};
template <class Limit>
struct too_many_transformations {};
template <class Limit>
struct too_many_literals {};
template <class Limit>
struct too_many_rules_for_one_head {};
struct stacks_within_stacks_within_stacks {};
/// A number of a function; divisors are numbers of `%` and `/`.
template <class Function, class Given, class Range>
struct number_out_of_range {};
struct a_combination_stands_first {};
struct an_atom_transformation_has_a_plain_atom {};
struct an_atom_is_not_aggregated_or_stacked_are_parentheses_missing {};
struct a_stack_stands_last {};
struct a_literal_without_a_value_has_no_weight_and_no_element {};
struct an_aggregation_names_all_variables_but_those_of_the_head {};
struct cosine_of_two_values {};
struct a_transformation_stands_before_the_aggregation {};
struct two_aggregations {};
struct a_weight_is_a_scalar_a_vector_or_a_matrix {};
struct one_weight_with_two_shapes {};
struct unknown_relation {};
struct query_of_an_unknown_relation {};
template <int Given, int Expected>
struct wrong_number_of_arguments {};
template <class Weight, int Given, int Expected>
struct wrong_number_of_arguments_of_a_weight {};
struct head_arguments_are_distinct_variables {};
/// A variable's range follows from a relation's argument in the body, or is stated: `var<"h", 8>`.
template <class Variable, class Cure>
struct head_variable_that_nothing_binds {};
template <class Variable, class Cure>
struct body_variable_that_nothing_binds {};
struct state_its_extent_or_use_it_in_an_atom_of_the_body {};
/// The times of a recursion are the range of its variable: stated, or that of another atom.
template <class Variable, class Cure>
struct recursion_without_an_end {};
struct cycle {};
struct recursion_without_a_base {};
/// Counts limit its members in a way that does not settle.
struct recursion_whose_end_is_not_known {};
template <int Left, int Right>
struct shapes_do_not_fit {};
struct softmax_over_a_variable_not_in_the_head {};
struct aggregation_over_a_variable_in_the_head {};
struct aggregation_over_a_variable_that_the_body_does_not_mention {};
template <int First, int Second>
struct rules_of_one_sum_with_different_spaces {};
template <int First, int Second>
struct combined_rules_with_different_spaces {};
struct a_symbol_needs_a_weight {};
struct a_fact_cannot_be_a_head {};
struct only_facts_are_negated_or_hidden {};
struct two_facts_of_one_name {};
struct a_count_that_is_not_given {};
struct only_symbols_of_one_index_are_compared {};
struct no_output {};
struct several_outputs_need_a_query {};
/// A relation, a fact, or the weights from the first to the one that is named.
struct more_than_2147483647_numbers {};
struct a_stack_is_applied_to_a_value {};
struct a_stacked_block_has_one_input_and_one_output {};
struct a_stacked_block_gives_the_atoms_that_it_takes {};
struct two_stacks_of_one_head {};  // their weights would have the same names
template <class First, class Second>
struct two_inputs_of_a_stacked_block {};
/// Of a model with require_fused among its facts; explain() has the reasons as sentences.
template <plan::reason Reason>
struct no_fused_step_computes_the_rule {};
struct no_weight_of_this_name {};
struct several_stacks_have_a_weight_of_this_name_use_for_each {};
struct no_relation_of_this_name {};
struct the_plan_does_not_keep_this_relation_without_a_query {};
/// Why a program does not run for some rows alone, as `step`, `prefill` and forward for rows do.
struct rows_that_need_later_rows {};
struct a_recursion_over_another_variable_than_the_position {};
struct a_rule_that_reads_rows_at_no_bounded_distance_before_its_own {};
struct a_rule_whose_first_argument_is_not_the_position {};
struct a_rule_over_the_pairs_of_a_sparse_fact {};
struct a_state_that_keeps_the_last_rows_alone_is_not_truncated {};
struct facts_or_outputs_along_the_sequence_have_different_lengths_or_are_sparse {};
}  // namespace mistake

/// As the user counts within rules(...), from 1. rule_number<2, 3> is rule 3 of the block that
/// rule 2 stacks.
template <int... Numbers>
struct rule_number {};
struct outside_of_rules {};
template <char... Characters>
struct in_relation {};
template <char... Characters>
struct of_function {};
template <char... Characters>
struct of_variable {};
template <char... Characters>
struct of_weight {};
template <char... Characters>
struct given_number {};

template <class Rule, class Relation, class Mistake>
inline constexpr bool well_formed = false;
template <class Rule, class Relation>
inline constexpr bool well_formed<Rule, Relation, mistake::none> = true;

/// The one place where an ill-formed program stops the compiler.
template <class Rule, class Relation, class Mistake>
struct check_program {
    static_assert(well_formed<Rule, Relation, Mistake>,
                  "sequent: the program is ill-formed; rule, relation and mistake are named here");
};

template <char... Characters>
struct named {};

/// The same for p[W] and w[r].
template <class Name, class Mistake>
inline constexpr bool well_named = false;
template <class Name, class Mistake>
struct check_name {
    static_assert(well_named<Name, Mistake>,
                  "sequent: the model has nothing under this name; the mistake is named here");
};

namespace plan {

/// The same as a value; `left` and `right` are the two figures that clash.
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
    aggregation_over_a_variable_in_the_head,
    aggregation_over_a_variable_that_the_body_does_not_mention,
    rules_of_one_sum_with_different_spaces,
    combined_rules_with_different_spaces,
    a_symbol_needs_a_weight,
    a_fact_cannot_be_a_head,
    only_facts_are_negated_or_hidden,
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

/// The rule that keeps a program from running for some rows alone, and why.
struct rows_obstacle {
    enum class kind {
        none,
        later_rows,
        recursion,     // over another variable than the position
        distant_rows,  // at no constant distance, or at none that the condition bounds
        inner_rows,    // the numbers of a row do not lie together
        pairs,         // of a sparse fact
        several_lengths,
        lost_rows,  // of truncate: the last rows alone are kept
    };
    int rule = -1;
    kind why = kind::none;
};

struct diagnosis {
    fault found = fault::none;
    int rule = 0;  // from 0; -1 where it is in none
    name relation{};
    int left = 0;
    int right = 0;
    int stacked_by = -1;  // the rule that stacks the block in which it is
    name first{};         // relations that clash, a variable, or a weight
    name second{};
    refused_number refused{};

    constexpr bool ok() const { return found == fault::none; }
};

template <const auto& Diagnosis, std::size_t... First, std::size_t... Second>
consteval auto two_inputs(std::index_sequence<First...>, std::index_sequence<Second...>) {
    return mistake::two_inputs_of_a_stacked_block<in_relation<Diagnosis.first.text[First]...>,
                                                  in_relation<Diagnosis.second.text[Second]...>>{};
}

template <const auto& Diagnosis, std::size_t... At>
consteval auto function_type(std::index_sequence<At...>) {
    return of_function<Diagnosis.refused.function.text[At]...>{};
}
template <const auto& Diagnosis, std::size_t... At>
consteval auto given_type(std::index_sequence<At...>) {
    constexpr number_text text(Diagnosis.refused.given);
    return given_number<text.characters[At]...>{};
}
template <const auto& Diagnosis, class Range>
consteval auto out_of_range() {
    constexpr auto letters = static_cast<std::size_t>(Diagnosis.refused.function.length);
    constexpr auto digits = static_cast<std::size_t>(number_text(Diagnosis.refused.given).length);
    return mistake::number_out_of_range<
        decltype(function_type<Diagnosis>(std::make_index_sequence<letters>{})),
        decltype(given_type<Diagnosis>(std::make_index_sequence<digits>{})), Range>{};
}

template <const auto& Diagnosis, std::size_t... At>
consteval auto variable_type(std::index_sequence<At...>) {
    return of_variable<Diagnosis.first.text[At]...>{};
}
template <const auto& Diagnosis, std::size_t... At>
consteval auto weight_type(std::index_sequence<At...>) {
    return of_weight<Diagnosis.first.text[At]...>{};
}
template <const auto& Diagnosis>
using unbound_variable = decltype(variable_type<Diagnosis>(
    std::make_index_sequence<static_cast<std::size_t>(Diagnosis.first.length)>{}));

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
    SEQUENT_MISTAKE(aggregation_over_a_variable_in_the_head)
    SEQUENT_MISTAKE(aggregation_over_a_variable_that_the_body_does_not_mention)
    SEQUENT_MISTAKE(a_symbol_needs_a_weight)
    SEQUENT_MISTAKE(a_fact_cannot_be_a_head)
    SEQUENT_MISTAKE(only_facts_are_negated_or_hidden)
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

template <const auto& Diagnosis>
consteval auto rule_type() {
    if constexpr (Diagnosis.rule < 0)
        return outside_of_rules{};
    else if constexpr (Diagnosis.stacked_by >= 0)
        return rule_number<Diagnosis.stacked_by + 1, Diagnosis.rule + 1>{};
    else
        return rule_number<Diagnosis.rule + 1>{};
}

template <const auto& Diagnosis, std::size_t... At>
consteval auto relation_type(std::index_sequence<At...>) {
    return in_relation<Diagnosis.relation.text[At]...>{};
}

template <language::fixed_string Name, std::size_t... At>
consteval auto name_type(std::index_sequence<At...>) {
    return named<Name.characters[At]...>{};
}
/// A name whose characters stand in the compiler's message.
template <language::fixed_string Name>
using named_as = decltype(name_type<Name>(std::make_index_sequence<sizeof(Name.characters) - 1>{}));

/// Instantiating this reports `Diagnosis`, if it holds a mistake.
template <const auto& Diagnosis>
using report = check_program<decltype(rule_type<Diagnosis>()),
                             decltype(relation_type<Diagnosis>(
                                 std::make_index_sequence<Diagnosis.relation.length>{})),
                             decltype(mistake_type<Diagnosis>())>;

}  // namespace plan
}  // namespace sequent::inline SEQUENT_ABI
