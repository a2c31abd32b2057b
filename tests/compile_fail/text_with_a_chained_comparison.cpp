// expect: at_line<2>, at_column<22>, near<<>, a_chained_comparison
// A chain compares a truth value.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I), 0 <= I <= 2.
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I), 0 <= I && I <= 2.
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
