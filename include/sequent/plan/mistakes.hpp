#pragma once

#include "reason.hpp"

/// The mistakes of programs as types, and the static_asserts that report them.

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
/// The model's output, or what is tapped, is a relation of top_k: only the chosen atoms are stored.
/// A relation that follows from it, `y(i, j) <<= chosen(i, j)`, can be one.
struct an_output_of_chosen_pairs {};
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

}  // namespace sequent::inline SEQUENT_ABI
