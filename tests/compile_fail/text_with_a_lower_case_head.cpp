// expect: at_line<2>, at_column<1>, near<y>,
// a_constant_is_a_number_and_a_variable_begins_with_a_capital A variable of the head begins with a
// small letter.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(i) :- x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
