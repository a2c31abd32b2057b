// expect: at_line<2>, at_column<6>, near<y>, a_closing_brace_is_expected
// A shape's brace is not closed.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
{3,3 y(I) :- x(I).
)";
#else
inline constexpr sequent::text program = R"(
{3,3} y(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
