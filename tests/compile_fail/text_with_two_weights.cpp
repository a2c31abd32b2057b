// expect: at_line<2>, at_column<15>, near<x>, a_literal_has_one_weight
// A weight in front and another behind.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- {3,3} x(I)[U{3,3}].
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- {3,3} x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
