// expect: at_line<2>, at_column<9>, near<relu>, a_function_of_a_literal_needs_a_rule_of_its_own
// A function around one literal.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- relu(x(I)), x(I).
)";
#else
inline constexpr sequent::text program = R"(
q(I) :- x(I) | relu(). y(I) :- q(I), x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
