// expect: at_line<2>, at_column<16>, near<scale>, this_function_takes_other_arguments
// A function lacks its number.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text text_with_a_function_of_other_arguments = R"(
y(I) :- x(I) | scale().
)";
#else
inline constexpr sequent::text text_with_a_function_of_other_arguments = R"(
y(I) :- x(I) | scale(2).
)";
#endif

static_assert(sequent::model<text_with_a_function_of_other_arguments, sequent::fact<"x", 5, 3>>::outputs == 1);
