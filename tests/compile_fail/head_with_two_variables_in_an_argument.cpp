// expect: rule_number<1>, in_relation<q>, argument_is_not_a_variable_plus_a_constant
// Which rule gives an atom must be seen from its arguments.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(i + h) <<= (input(i)[W_q], R(h)),
#else
    q(i) <<= input(i)[W_q],
#endif
    result(i) <<= (q(i), input(i)));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
