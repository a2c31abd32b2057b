// expect: at_line<2>, at_column<15>, near<x>,
// a_fixed_number_is_a_factor_of_one_literal_or_of_a_product A factor of one of several summands.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- <0.5> x(I), x(I).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- <0.5> x(I).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
