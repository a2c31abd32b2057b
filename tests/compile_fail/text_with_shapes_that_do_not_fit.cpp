// expect: at_line<3>, at_column<15>, in_relation<q>, shapes_do_not_fit<4, 3>
// A matrix has another number of inputs than its vector.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
q(I) :- x(I).
y(I) :- {5,4} q(I).
)";
#else
inline constexpr sequent::text program = R"(
q(I) :- x(I).
y(I) :- {5,3} q(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
