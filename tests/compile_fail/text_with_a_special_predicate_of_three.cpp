// expect: at_line<2>, at_column<15>, near<@>, this_function_takes_other_arguments
// A special predicate with one argument too many.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text text_with_a_special_predicate_of_three = R"(
y(I) :- x(I), @leq(I, 2, 3).
)";
#else
inline constexpr sequent::text text_with_a_special_predicate_of_three = R"(
y(I) :- x(I), @leq(I, 2).
)";
#endif

static_assert(sequent::model<text_with_a_special_predicate_of_three, sequent::fact<"x", 5, 3>>::outputs == 1);
