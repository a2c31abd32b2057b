// expect: at_line<2>, at_column<15>, near<~>, soft_negation_is_the_transformation_complement
// Soft negation of the engine.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I), ~x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I) | complement().
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
