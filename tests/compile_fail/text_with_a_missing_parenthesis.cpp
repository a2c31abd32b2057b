// expect: at_line<2>, at_column<12>, near<.>, a_closing_parenthesis_is_expected
// An atom's parenthesis is not closed.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I. y(J) :- x(J).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
