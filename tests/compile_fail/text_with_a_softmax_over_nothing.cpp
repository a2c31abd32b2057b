// expect: at_line<2>, at_column<34>, near<softmax>, a_softmax_names_its_variables_in_agg_terms
// A softmax that names no variable.

#include "vocabulary.hpp"

#include <sequent/text.hpp>

#ifdef WRONG
inline constexpr sequent::text program = R"(
y(I) :- x(I), x(J). [aggregation=softmax]
)";
#else
inline constexpr sequent::text program = R"(
y(I) :- x(I), x(J). [aggregation=sum]
)";
#endif

static_assert(sequent::model<program, sequent::fact<"x", 5, 3>>::outputs == 1);
