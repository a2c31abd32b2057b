// expect: at_line<2>, at_column<16>, near<scale>, this_function_takes_other_arguments
// A function lacks its number.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I) | scale().
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I) | scale(2).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
