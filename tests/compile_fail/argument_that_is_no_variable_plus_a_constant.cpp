// expect: rule_number<2>, argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant
// An argument is a variable, a constant, or their sum; or the sum or difference of two variables.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (q(i), input(2 * i)));
#else
                                      result(i) <<= (q(i), input(i - 1)));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
