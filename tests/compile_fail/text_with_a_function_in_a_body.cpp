// expect: at_line<2>, at_column<9>, near<relu>, a_function_of_a_literal_needs_a_rule_of_its_own
// A function around one literal.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text text_with_a_function_in_a_body = R"(
y(I) :- relu(x(I)), x(I).
)";
#else
inline constexpr sequent::text text_with_a_function_in_a_body = R"(
q(I) :- x(I) | relu(). y(I) :- q(I), x(I).
)";
#endif

static_assert(sequent::model<text_with_a_function_in_a_body, sequent::fact<"x", 5, 3>>::outputs == 1);
