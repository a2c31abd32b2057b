// expect: at_line<2>, at_column<14>, near<carbon>,
// a_constant_is_a_number_and_a_variable_begins_with_a_capital A named constant of the engine.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I, carbon).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I), @leq(I, 1).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
