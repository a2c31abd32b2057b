// expect: at_line<2>, at_column<15>, near<@>, this_function_takes_other_arguments
// A special predicate with one argument too many.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I), @leq(I, 2, 3).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I), @leq(I, 2).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
