// expect: at_line<2>, at_column<11>, near<atom>, a_term_has_no_type
// A typed variable of the engine.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text text_with_a_type = R"(
y(I) :- x(atom:I).
)";
#else
inline constexpr sequent::text text_with_a_type = R"(
y(I) :- x(I).
)";
#endif

static_assert(sequent::model<text_with_a_type, sequent::fact<"x", 5, 3>>::outputs == 1);
