// expect: at_line<2>, at_column<11>, near<atom>, a_term_has_no_type
// A typed variable of the engine.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(atom:I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
