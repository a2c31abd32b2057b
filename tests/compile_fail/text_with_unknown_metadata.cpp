// expect: at_line<2>, at_column<16>, near<colour>, unknown_metadata
// Metadata that do not exist.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text text_with_unknown_metadata = R"(
y(I) :- x(I). [colour=red]
)";
#else
inline constexpr sequent::text text_with_unknown_metadata = R"(
y(I) :- x(I). [learnable=true]
)";
#endif

static_assert(sequent::model<text_with_unknown_metadata, sequent::fact<"x", 5, 3>>::outputs == 1);
