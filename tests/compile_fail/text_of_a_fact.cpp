// expect: at_line<2>, at_column<1>, near<y>, facts_are_given_to_forward
// A fact stands among the rules.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(1). y(I) :- x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
