// expect: rule_number<1>, in_relation<q>, recursion_without_a_base
// At no first time does the relation follow from anything.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifndef WRONG
    q(0) <<= input(0)[W_k],
#endif
    q(next(i)) <<= (input(i), q(i)[W_q]) | tanh(), result(i) <<= q(i)[W_v]);
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
