// expect: at_line<2>, at_column<9>, near<$>, a_weight_needs_its_shape_where_it_first_stands
// A weight is named, but its shape is not known.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- $W x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- $W={3,3} x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
