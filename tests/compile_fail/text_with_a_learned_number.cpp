// expect: at_line<2>, at_column<9>, near<0>, initial_values_of_weights_are_set_in_the_parameters
// A weight's initial value in a body.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- 0.5 x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- <0.5> x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
