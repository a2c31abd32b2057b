// expect: at_line<2>, at_column<1>, near<5>, initial_values_of_weights_are_set_in_the_parameters
// A weight's initial value.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
5.0 y(I) :- x(I).
)";
#else
inline constexpr sequent::text program = R"(
$s={} y(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
