// expect: at_line<3>, at_column<1>, near<y>, a_rule_ends_with_a_period_or_a_semicolon
// A rule has no period, and the next begins.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
q(I) :- x(I)
y(I) :- q(I).
)";
#else
inline constexpr sequent::text program = R"(
q(I) :- x(I).
y(I) :- q(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
