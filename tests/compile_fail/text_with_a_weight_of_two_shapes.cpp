// expect: at_line<3>, at_column<1>, in_relation<z>, one_weight_with_two_shapes
// One name for weights of two shapes.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- $W={3,3} x(I).
z(I) :- $W={3,2} y(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- $W={3,3} x(I).
z(I) :- $W={3,3} y(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
