// expect: at_line<2>, at_column<15>, near<@>, unknown_special_predicate
// A special predicate that does not exist.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I), @anypred(I, 2).
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I), @leq(I, 2).
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
