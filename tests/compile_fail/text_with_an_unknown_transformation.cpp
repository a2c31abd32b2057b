// expect: at_line<2>, at_column<31>, near<rlu>, unknown_function
// A transformation of metadata that does not exist.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I). [transformation=rlu]
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I). [transformation=relu]
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
