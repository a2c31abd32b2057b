// expect: at_line<2>, at_column<15>, near</>, a_comment_has_no_end
// A comment is not closed.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I). /* y
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I). /* y */
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
