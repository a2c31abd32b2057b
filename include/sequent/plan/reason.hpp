#pragma once

#include "limits.hpp"

/// The reasons for which a rule is not computed by a fast form. A rule that matches no fast form
/// becomes a general step, which stores one reason for each form.

/// The table of reasons: the form, the enumerator, the reason as a sentence, and what to write
/// instead. Only model/explanation.hpp expands the sentences, so that they are part of a program
/// only if it calls `explain`. tests/docs/reasons.py writes the table of docs/fast_forms.md from
/// this one.
// clang-format off
#define SEQUENT_REASONS(REASON)                                                                    \
    REASON(rows, not_a_sum_over_rows,                                                              \
           "it aggregates otherwise than by a sum",                                                \
           "sums of weighted literals are products; a softmax needs a rule that sums its weights times values") \
    REASON(rows, an_element_is_read,                                                               \
           "an argument of `at` is read, or a literal is negated or hidden",                       \
           "read whole vectors; apply a weight of one row instead of `at`")                        \
    REASON(rows, an_argument_is_moved,                                                             \
           "a literal of several rules of a head, or of a recursion, has an offset",               \
           "give the moved literal a rule of its own, without functions")                          \
    REASON(rows, an_argument_is_a_sum_of_variables,                                                \
           "an argument is the sum or difference of two variables",                                \
           "apply a weight to the literal and sum over the second variable")                       \
    REASON(rows, more_than_3_head_arguments,                                                       \
           "the head has more than 3 arguments",                                                   \
           "make one argument the rows of the value, by a weight or concat")                       \
    REASON(rows, a_condition_on_summed_variables,                                                  \
           "a condition mentions variables that are not in the head",                              \
           "compute the masked part by a rule of its own")                                         \
    REASON(rows, a_condition_that_lists_pairs,                                                      \
           "a condition asks a function or a sparse fact, whose pairs alone are visited",          \
           "mask where the rows are read instead, as in `j <= i` of an attention")                 \
    REASON(rows, a_condition_on_the_time_of_a_recursion,                                           \
           "a condition limits the times of a recursion otherwise than by `t < count`",            \
           "mask where the recursion is read")                                                     \
    REASON(rows, pairs_beyond_the_variables,                                                       \
           "the sparse fact may hold pairs beyond the ranges of the variables",                    \
           "let the ranges follow from the fact")                                                  \
    REASON(rows, a_function_changes_the_shape,                                                     \
           "reshape, or a slice that is an output or of a summed or transposed value, changes the rows", \
           "let another rule read the slice, so that it is a view")                                \
    REASON(rows, a_function_depends_on_the_pair,                                                   \
           "a function's weight or position depends on the pair",                                  \
           "apply the function by a rule over one index")                                          \
    REASON(rows, a_position_is_an_expression,                                                      \
           "a position of a function is an expression, or stands in a recursion",                  \
           "use a variable of the head")                                                           \
    REASON(rows, more_than_2_summed_variables,                                                     \
           "more than two variables are summed away",                                              \
           "sum over two variables in each of two rules")                                          \
    REASON(rows, a_function_before_a_sum,                                                          \
           "functions apply to each ground rule, before the sum",                                  \
           "compute the function's values by a rule of their own, and sum by a weight")            \
    REASON(rows, a_product_with_a_sum,                                                             \
           "an elementwise product is summed over a variable",                                     \
           "multiply in one rule and sum in another")                                              \
    REASON(rows, literals_are_not_added,                                                           \
           "the literals are combined otherwise than by a sum or an elementwise product",          \
           "use sum or elementwise_product; a scalar times a vector can be a weight of one column") \
    REASON(rows, a_weight_is_moved,                                                                \
           "an argument of a weight has an offset",                                                \
           "shift the variable in the literal instead")                                            \
    REASON(rows, a_sum_in_a_sum,                                                                   \
           "several literals stand beside a variable that is summed away",                         \
           "give each literal a rule of its own with the same head")                               \
    REASON(rows, a_summed_variable_without_a_weight,                                               \
           "a variable that is summed away indexes no weight",                                     \
           "index a weight by it: W(k)")                                                           \
    REASON(rows, an_unmentioned_variable,                                                          \
           "no literal mentions a variable that is summed away",                                   \
           "leave the variable out, or use scale")                                                 \
    REASON(rows, more_than_6_terms,                                                                \
           "the rule has more than 6 literals with values",                                        \
           "give some of them a rule of their own")                                                \
    REASON(rows, a_number_or_an_index,                                                             \
           "a number or an index is added",                                                        \
           "use a fixed weight, or scale")                                                         \
    REASON(rows, a_literal_beyond_its_relation,                                                    \
           "a literal runs beyond its relation, so that some rows have fewer literals",            \
           "let the range follow from the relation")                                               \
    REASON(rows, values_of_different_shapes,                                                       \
           "a literal's value has another shape than the result",                                  \
           "make the scalars vectors, by a weight of one column")                                  \
    REASON(rows, a_transposed_matrix,                                                              \
           "a literal is a transposed matrix",                                                     \
           "transpose the weight instead")                                                         \
    REASON(rows, a_weight_of_another_form,                                                         \
           "a weight is no matrix, scales a vector, or applies to a matrix",                       \
           "multiply elementwise by a vector weight")                                              \
    REASON(rows, terms_of_both_indices,                                                            \
           "a literal of a rule over pairs mentions both indices, or weighs what one of them names", \
           "apply the weight by a rule over one index, before the pairs")                          \
    REASON(rows, no_literal_has_a_value,                                                           \
           "no literal has a value",                                                               \
           "count by `count`, or add a weight")                                                    \
    REASON(outer_product, not_an_outer_product,                                                    \
           "it is no column times a row as one vector",                                            \
           "(a(i), b(i).T()) | product() | reshape(n, 1)")                                         \
    REASON(outer_product, an_outer_product_of_other_literals,                                      \
           "a factor of an outer product is weighted, moved, a fact of pairs or beyond its relation", \
           "compute the factor by a rule of its own")                                              \
    REASON(outer_product, an_outer_product_with_a_condition,                                       \
           "an outer product has a condition, a sum or a recursion",                               \
           "apply the condition where the product is read")                                        \
    REASON(attention, no_softmax_times_values,                                                     \
           "it is no sum over j of weights times values; weights are a softmax or dot product that it alone reads", \
           "w(i, j) <<= ... | softmax(j), y(i) <<= (w(i, j), v(j)) | product() | sum(j)")          \
    REASON(attention, weights_or_values_are_not_plain,                                             \
           "the weights or the value of an attention have an offset, an element, a weight or pairs", \
           "compute the value by a rule of its own")                                               \
    REASON(attention, several_softmax_variables,                                                   \
           "the softmax ranges over several variables, or over one that the value lacks",          \
           "normalise over one variable")                                                          \
    REASON(attention, weights_of_other_variables,                                                  \
           "the weights, the value and the head do not share their variables",                     \
           "name in the head all variables but the one that is summed")                            \
    REASON(attention, a_part_of_the_weights,                                                       \
           "only a part of the weights is read",                                                   \
           "state the same ranges for the softmax and the sum")                                    \
    REASON(attention, another_condition_than_the_softmax,                                          \
           "the sum has other conditions than the softmax",                                        \
           "state the conditions in the rule of the softmax alone")                                \
    REASON(attention, more_than_3_outer_loops,                                                     \
           "more than 3 variables besides the row and the column",                                 \
           "leave out an argument of the head")                                                    \
    REASON(attention, a_mask_without_bounds,                                                       \
           "the mask is neither intervals of columns nor a table of the indices",                  \
           "compare indices with constants, counts and each other; use holds<f>(i, j) for others") \
    REASON(attention, a_condition_on_other_variables,                                              \
           "the mask mentions a variable besides row, column and outer loops",                     \
           "leave the variable out")                                                               \
    REASON(attention, a_score_of_several_atoms,                                                    \
           "a rule of the score aggregates, is stacked, or combines otherwise than by sum and product", \
           "aggregate before the score, by a rule over one index")                                 \
    REASON(attention, a_score_with_other_literals,                                                 \
           "a literal of the score is weighted, moved, hidden, a symbol or beyond its relation",   \
           "compute it by a rule of its own")                                                      \
    REASON(attention, a_score_that_is_no_dot_product,                                              \
           "vectors of the score are not multiplied as a row times a column, one of them by j",    \
           "k(j).T(), q(i): the value before the column comes first")                              \
    REASON(attention, a_function_of_the_score,                                                     \
           "a function of the score is none of single numbers",                                    \
           "normalise keys and queries before the score")                                          \
    REASON(attention, an_index_that_is_not_linear,                                                 \
           "an index expression of the score is not linear",                                       \
           "look it up in a table")                                                                \
    REASON(attention, more_than_12_score_nodes,                                                    \
           "the score has more than 12 operands and operations",                                   \
           "compute a part of the score by a rule that another rule reads, too")                   \
    REASON(attention, more_than_8_score_rules,                                                     \
           "the score has more than 8 rules",                                                      \
           "write its parts in one rule")                                                          \
    REASON(chunks, a_score_that_a_state_cannot_hold,                                               \
           "the score is no dot product times exp of a term of the row plus a term of the column",  \
           "w(i, j) <<= (k(j).T(), q(i), j <= i) | product()")                                     \
    REASON(chunks, a_mask_that_leaves_out_columns,                                                 \
           "a row leaves out columns that rows before it have",                                    \
           "j <= i, or all columns; let the score fade in place of a window")                      \
    REASON(chunks, a_state_of_more_than_16384_numbers,                                             \
           "the key times the value has more than 16384 numbers",                                  \
           "use several heads")                                                                    \
    REASON(chunks, fewer_pairs_than_a_state_saves,                                                 \
           "there are so few rows that all pairs take fewer operations than a state",              \
           "nothing: this is the faster form")
// clang-format on

namespace sequent::inline SEQUENT_ABI::plan {

/// The forms that have kernels of their own, in the order of form_reasons::of.
enum class fast_form { rows, outer_product, attention };
/// The number of fast forms.
inline constexpr int fast_forms = 3;

/// The enumerators of SEQUENT_REASONS; `none` if the form applies or was not tried.
enum class reason : unsigned char {
    none,
#define SEQUENT_REASON(FORM, NAME, SENTENCE, CURE) NAME,
    SEQUENT_REASONS(SEQUENT_REASON)
#undef SEQUENT_REASON
};

/// The reason of each fast form for which a rule is a general step.
struct form_reasons {
    reason of[fast_forms]{};  ///< indexed by fast_form

    /// The reason of the form that the rule comes closest to: attention or outer product, if the
    /// rule matches the beginning of that form, else rows.
    constexpr reason closest() const {
        for (const reason first : {of[2], of[1]})
            if (first != reason::none && first != reason::no_softmax_times_values &&
                first != reason::not_an_outer_product)
                return first;
        return of[0];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
