// expect: at_line<2>, at_column<9>, near<max>, this_function_takes_other_arguments
// An aggregation of a literal.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- max(J)(x(I)), x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- max(x(I), x(I)), ~x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
