// expect: at_line<2>, at_column<9>, near<$>, a_weight_and_a_relation_have_one_name
// A weight has the name of a relation.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- $y={3,3} x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- {3,3} x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
