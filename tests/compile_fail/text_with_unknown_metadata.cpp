// expect: at_line<2>, at_column<16>, near<colour>, unknown_metadata
// Metadata that do not exist.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I). [colour=red]
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I). [learnable=true]
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
