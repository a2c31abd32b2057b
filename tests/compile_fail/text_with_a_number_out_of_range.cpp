// expect: in_relation<y>, number_out_of_range, leaky_relu, at_line<2>
// A function is given a number outside of its range.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I) | leaky_relu(-0.5).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I) | leaky_relu(0.5).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
