// expect: at_line<2>, at_column<10>, in_relation<y>,
// argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant A count is no argument.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
bound n. y(I) :- x(n).
)";
#else
inline constexpr sequent::text program = R"(
bound n. y(I) :- x(I), I < 2.
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
