// expect: at_line<3>, at_column<1>, in_relation<q>, cycle
// A relation follows from itself.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- q(I).
q(I) :- q(I), x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- q(I).
q(I) :- x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
