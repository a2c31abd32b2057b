// expect: at_line<3>, at_column<9>, in_relation<p>, unknown_relation
// A body names a relation that is neither a fact nor a head.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
q(I) :- x(I).
y(I) :- p(I), q(I).
)";
#else
inline constexpr sequent::text program = R"(
q(I) :- x(I).
y(I) :- q(I), x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
