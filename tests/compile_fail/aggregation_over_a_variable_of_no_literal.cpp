// expect: rule_number<1>, in_relation<result>
// expect: aggregation_over_a_variable_that_the_body_does_not_mention
// There is nothing to add up.

#include "vocabulary.hpp"

namespace article {
#ifdef WRONG
inline constexpr auto program = rules(result(i) <<= input(i)[W_q] | sum(j));
#else
inline constexpr auto program = rules(result(i) <<= (input(i)[W_q], input(j)) | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
