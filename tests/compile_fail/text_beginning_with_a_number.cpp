// expect: at_line<2>, at_column<1>, near<5>, initial_values_of_weights_are_set_in_the_parameters
// A weight's initial value.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text text_beginning_with_a_number = R"(
5.0 y(I) :- x(I).
)";
#else
inline constexpr sequent::text text_beginning_with_a_number = R"(
$s={} y(I) :- x(I).
)";
#endif

static_assert(sequent::model<text_beginning_with_a_number, sequent::fact<"x", 5, 3>>::outputs == 1);
