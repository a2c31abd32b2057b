// expect: at_line<2>, at_column<21>, near<*>, literals_are_joined_by_one_operator
// Two operators in one body.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I) + x(I) * x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I) + x(I) + x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
