#pragma once

#include "../plan/diagnosis.hpp"

/// The mistakes in the text of rules, and how they appear in the compiler's error message.

/// One list generates the types in messages, the enumerators, and the conversion between them.
#define SEQUENT_TEXT_MISTAKES(EACH)                                   \
    EACH(a_rule_ends_with_a_period_or_a_semicolon)                    \
    EACH(a_rule_has_an_arrow_after_its_head)                          \
    EACH(a_rule_is_expected)                                          \
    EACH(an_atom_or_a_condition_is_expected)                          \
    EACH(an_atom_is_expected)                                         \
    EACH(an_index_is_expected)                                        \
    EACH(an_integer_is_expected)                                      \
    EACH(a_number_is_expected)                                        \
    EACH(a_name_is_expected)                                          \
    EACH(a_function_is_expected)                                      \
    EACH(a_comparison_is_expected)                                    \
    EACH(a_closing_parenthesis_is_expected)                           \
    EACH(a_closing_bracket_is_expected)                               \
    EACH(a_closing_brace_is_expected)                                 \
    EACH(a_closing_angle_bracket_is_expected)                         \
    EACH(a_brace_after_stack_is_expected)                             \
    EACH(an_equals_sign_is_expected)                                  \
    EACH(a_comment_has_no_end)                                        \
    EACH(a_chained_comparison)                                        \
    EACH(a_constant_is_a_number_and_a_variable_begins_with_a_capital) \
    EACH(a_term_has_no_type)                                          \
    EACH(a_weight_needs_its_shape_where_it_first_stands)              \
    EACH(a_literal_has_one_weight)                                    \
    EACH(a_weight_and_a_relation_have_one_name)                       \
    EACH(initial_values_of_weights_are_set_in_the_parameters)         \
    EACH(a_fixed_number_is_a_factor_of_one_literal_or_of_a_product)   \
    EACH(weights_without_a_name_are_named_w_and_a_number)             \
    EACH(unnamed_variables_are_named_so)                              \
    EACH(a_function_of_a_literal_needs_a_rule_of_its_own)             \
    EACH(literals_are_joined_by_one_operator)                         \
    EACH(facts_are_given_to_forward)                                  \
    EACH(unknown_function)                                            \
    EACH(unknown_special_predicate)                                   \
    EACH(unknown_metadata)                                            \
    EACH(this_function_takes_other_arguments)                         \
    EACH(a_softmax_names_its_variables_in_agg_terms)                  \
    EACH(only_symbols_of_one_relation_are_compared)                   \
    EACH(too_many_bounds)                                             \
    EACH(the_text_is_too_long)

namespace sequent::inline SEQUENT_ABI {

namespace mistake {
#define SEQUENT_EACH_MISTAKE(NAME) \
    struct NAME {};
SEQUENT_TEXT_MISTAKES(SEQUENT_EACH_MISTAKE)
#undef SEQUENT_EACH_MISTAKE
}  // namespace mistake

/// In an error message: the line of the mistake, counted from 1. Line 1 is the line on which the
/// string literal begins.
template <int Line>
struct at_line {};
/// In an error message: the column of the mistake in bytes, counted from 1.
template <int Column>
struct at_column {};
/// In an error message: the name or sign at the mistake.
template <char... Characters>
struct near {};

/// Always false; its arguments appear in the compiler's error message.
template <class Line, class Column, class What, class Mistake>
inline constexpr bool well_written = false;

/// Fails the only static_assert for ill-formed text.
template <class Line, class Column, class What, class Mistake>
struct check_text {
    static_assert(well_written<Line, Column, What, Mistake>,
                  "sequent: the text is ill-formed; line, column and mistake are named here");
};

namespace text_detail {

enum class text_fault {
    none,
#define SEQUENT_EACH_MISTAKE(NAME) NAME,
    SEQUENT_TEXT_MISTAKES(SEQUENT_EACH_MISTAKE)
#undef SEQUENT_EACH_MISTAKE
};

template <text_fault Fault>
consteval auto mistake_type() {
#define SEQUENT_EACH_MISTAKE(NAME)           \
    if constexpr (Fault == text_fault::NAME) \
        return mistake::NAME{};              \
    else
    SEQUENT_TEXT_MISTAKES(SEQUENT_EACH_MISTAKE)
    return mistake::none{};
#undef SEQUENT_EACH_MISTAKE
}

}  // namespace text_detail
}  // namespace sequent::inline SEQUENT_ABI

#undef SEQUENT_TEXT_MISTAKES
