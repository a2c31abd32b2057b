// expect: at_line<3>, at_column<9>, near<$>, weights_without_a_name_are_named_w_and_a_number
// A weight is named as those without a name are.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- {3,3} x(I).
z(I) :- $w0={3,3} y(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- {3,3} x(I).
z(I) :- $u0={3,3} y(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
