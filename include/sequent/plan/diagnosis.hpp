#pragma once

#include <utility>

#include "../language/text.hpp"
#include "limits.hpp"
#include "list.hpp"
#include "parameter.hpp"
#include "reason.hpp"

/// The mistakes of programs, and the static_assert that reports them.

namespace sequent::inline SEQUENT_ABI {

/// The mistakes as types, whose names the compiler prints. A name states the mistake, or the
/// condition that the program does not meet.
namespace mistake {
/// No mistake.
struct none {};
/// A wrong argument of a head, of a hidden or negated atom, of a weight in brackets, of a
/// function's weight or of `at`; or a sum of two variables in a recursion, in a rule with a stack,
/// or where a sparse fact restricts it.
struct argument_is_not_a_variable_plus_a_constant {};
/// A wrong argument of another literal. One of the two variables may have an integer factor.
struct argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant {};
/// The limit that a program exceeds.
template <int Number>
struct at_most {};
/// An atom has more arguments than the limit.
template <class Limit>
struct too_many_arguments {};
/// A rule has more variables than the limit.
template <class Limit>
struct too_many_variables {};
/// A rule has more transformations than the limit.
template <class Limit>
struct too_many_transformations {};
/// A body has more literals than the limit.
template <class Limit>
struct too_many_literals {};
/// One head has more rules than the limit.
template <class Limit>
struct too_many_rules_for_one_head {};
/// Stacks are nested more than 2 deep.
struct stacks_within_stacks_within_stacks {};
/// A function is given a number outside of its range. The operators `%` and `/`, weights, facts and
/// variables count as functions of their divisor or extents.
template <class Function, class Given, class Range>
struct number_out_of_range {};
/// A combination follows another function of its rule, or combines rules that an earlier atom
/// transformation transforms.
struct a_combination_stands_first {};
/// The atom of an atom transformation has a weight, or is transposed, negated or hidden.
struct an_atom_transformation_has_a_plain_atom {};
/// An argument of rules(...) is `h(i) | sum(j)` or `h(i) | stack<2>(block)`. Usually a body of
/// several literals, `(a, b) | sum(j)`, lacks its parentheses.
struct an_atom_is_not_aggregated_or_stacked_are_parentheses_missing {};
/// Another function follows a stack.
struct a_stack_stands_last {};
/// A hidden or negated atom has a weight, or is the operand of `at`.
struct a_literal_without_a_value_has_no_weight_and_no_element {};
/// An aggregation other than sum and softmax does not name a variable of the body.
struct an_aggregation_names_all_variables_but_those_of_the_head {};
/// The cosine is taken of fewer or more than two values.
struct cosine_of_two_values {};
/// A transformation follows the aggregation.
struct a_transformation_stands_before_the_aggregation {};
/// A rule has more than one aggregation.
struct two_aggregations {};
/// A weight has more than two extents.
struct a_weight_is_a_scalar_a_vector_or_a_matrix {};
/// A name is declared as weights of different shapes.
struct one_weight_with_two_shapes {};
/// A body reads a relation that has no rule and is no fact of the model.
struct unknown_relation {};
/// A query names a relation that has no rule.
struct query_of_an_unknown_relation {};
/// A relation has another number of arguments than its fact, or than at another place.
template <int Given, int Expected>
struct wrong_number_of_arguments {};
/// A weight has another number of arguments than at another place.
template <class Weight, int Given, int Expected>
struct wrong_number_of_arguments_of_a_weight {};
/// A head has one variable twice, or a constant or an offset that is not the time of a recursion.
struct head_arguments_are_distinct_variables {};
/// The range of a variable in the head is not known. It follows from an atom of the body, or is
/// stated: `var<"h", 8>`.
template <class Variable, class Cure>
struct head_variable_that_nothing_binds {};
/// The range of a variable that is only in the body is not known.
template <class Variable, class Cure>
struct body_variable_that_nothing_binds {};
/// The cure of an unbound variable, printed beside it.
struct state_its_extent_or_use_it_in_an_atom_of_the_body {};
/// The range of the variable over which a recursion runs is not known. It is stated, or follows
/// from another atom.
template <class Variable, class Cure>
struct recursion_without_an_end {};
/// A relation follows from itself, and not by a recursion from one time to another.
struct cycle {};
/// A recursion reads a relation at a time at which it may have no atom.
struct recursion_without_a_base {};
/// Counts limit the relations of a recursion, and the limits depend on each other without end.
struct recursion_whose_end_is_not_known {};
/// Two sizes conflict: of summands, of a matrix and its vector, of a slice and its value.
template <int Left, int Right>
struct shapes_do_not_fit {};
/// A softmax names a variable that the head lacks.
struct softmax_over_a_variable_not_in_the_head {};
/// top_k stands in a rule whose head has not two arguments, one of them named by top_k, or that is
/// part of a recursion.
struct top_k_chooses_one_of_two_arguments_outside_of_recursions {};
/// An aggregation other than softmax names a variable of the head.
struct aggregation_over_a_variable_in_the_head {};
/// An aggregation names a variable that the rule mentions nowhere else.
struct aggregation_over_a_variable_that_the_body_does_not_mention {};
/// Two rules of the score of a softmax, counted from 1, exist for different index values.
template <int First, int Second>
struct rules_of_one_sum_with_different_spaces {};
/// Two rules, counted from 1, that an atom transformation combines otherwise than by a sum exist
/// for different index values.
template <int First, int Second>
struct combined_rules_with_different_spaces {};
/// A literal reads a symbol without a weight; write `token(i)[E]`.
struct a_symbol_needs_a_weight {};
/// A fact of the model is the head of a rule.
struct a_fact_cannot_be_a_head {};
/// A rule of a recursion negates or hides a relation of that recursion.
struct a_relation_of_the_same_recursion_is_not_negated_or_hidden {};
/// Two facts of the model have one name.
struct two_facts_of_one_name {};
/// A rule uses a count that is neither a `bound` nor an `up_to` fact of the model.
struct a_count_that_is_not_given {};
/// A rule compares a fact that has no symbols or more than one index.
struct only_symbols_of_one_index_are_compared {};
/// Every relation is read by a rule of another relation; write a query.
struct no_output {};
/// More than one relation is read by no rule.
struct several_outputs_need_a_query {};
/// A relation, a fact, or the weights up to the one that is named have too many elements together.
struct more_than_2147483647_numbers {};
/// The rule of a stack has no literal.
struct a_stack_is_applied_to_a_value {};
/// The relations of a block that have no rule, or those that no rule of it reads, do not tell the
/// input or the output.
struct a_stacked_block_has_one_input_and_one_output {};
/// The output of a block has another domain than its input.
struct a_stacked_block_gives_the_atoms_that_it_takes {};
/// Two rules with stacks have one head; weights of the stacks could have the same names.
struct two_stacks_of_one_head {};
/// Two relations of a block have neither a rule in it nor a meaning around it.
template <class First, class Second>
struct two_inputs_of_a_stacked_block {};
/// A rule of a model with require_fused is a general step. `explain` prints the reasons as
/// sentences.
template <plan::reason Reason>
struct no_fused_step_computes_the_rule {};
/// `p[W]`: the model has no such weight.
struct no_weight_of_this_name {};
/// `p[W]`: several stacks have a weight of this name; for_each visits them.
struct several_stacks_have_a_weight_of_this_name_use_for_each {};
/// `w[r]`: the model has no such relation.
struct no_relation_of_this_name {};
/// `w[r]`: the values of the relation are not stored, or their memory is used again.
struct the_plan_does_not_keep_this_relation_without_a_query {};
/// A rule reads later rows. This and the following mistakes prevent `step`, `prefill` and forward
/// for single rows.
struct rows_that_need_later_rows {};
/// A recursion runs over another index than the position in the sequence.
struct a_recursion_over_another_variable_than_the_position {};
/// A rule reads earlier rows, and no constant bounds how far back.
struct a_rule_that_reads_rows_at_no_bounded_distance_before_its_own {};
/// The numbers of a row of the sequence are not contiguous.
struct a_rule_whose_first_argument_is_not_the_position {};
/// A rule loops over the pairs of a sparse fact.
struct a_rule_over_the_pairs_of_a_sparse_fact {};
/// A rule is a fixpoint, which needs all rows of each round before the next.
struct a_fixpoint_over_all_rows {};
/// The state stores only the last rows, so that `truncate` could not restore earlier ones.
struct a_state_that_keeps_the_last_rows_alone_is_not_truncated {};
/// The facts along the sequence do not all have its length, or one of them is sparse.
struct facts_or_outputs_along_the_sequence_have_different_lengths_or_are_sparse {};
}  // namespace mistake

/// The number of a rule within rules(...), from 1. rule_number<2, 3> is rule 3 of the block that
/// rule 2 stacks.
template <int... Numbers>
struct rule_number {};
/// In place of rule_number: the mistake is in the facts, the query or the weights.
struct outside_of_rules {};
/// The relation of the mistake, character by character.
template <char... Characters>
struct in_relation {};
/// The function that is given a wrong number.
template <char... Characters>
struct of_function {};
/// The variable of the mistake.
template <char... Characters>
struct of_variable {};
/// The weight of the mistake.
template <char... Characters>
struct of_weight {};
/// A number that is given to a function, in decimal notation with up to 6 digits.
template <char... Characters>
struct given_number {};

/// True if there is no mistake. The compiler prints its arguments if a static_assert of it fails.
template <class Rule, class Relation, class Mistake>
inline constexpr bool well_formed = false;
template <class Rule, class Relation>
inline constexpr bool well_formed<Rule, Relation, mistake::none> = true;

/// Reports an ill-formed program. Every mistake of a program fails this static_assert.
template <class Rule, class Relation, class Mistake>
struct check_program {
    static_assert(well_formed<Rule, Relation, Mistake>,
                  "sequent: the program is ill-formed; rule, relation and mistake are named here");
};

/// The name that is looked up in a model.
template <char... Characters>
struct named {};

/// Reports a name that a model does not have: in `p[W]` of parameters and `w[r]` of a workspace. It
/// is false for all arguments.
template <class Name, class Mistake>
inline constexpr bool well_named = false;
/// Fails a static_assert that names the name and the mistake.
template <class Name, class Mistake>
struct check_name {
    static_assert(well_named<Name, Mistake>,
                  "sequent: the model has nothing under this name; the mistake is named here");
};

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
