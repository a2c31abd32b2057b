// expect: at_line<2>, at_column<6>, near<x>, a_rule_has_an_arrow_after_its_head
// A head, and a body without an arrow between.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
