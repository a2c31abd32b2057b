// expect: rule_number<1>, two_inputs_of_a_stacked_block, in_relation<q>, in_relation<k>
// Of a stacked block's relations without rules, one is its input; the program around knows others.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto block = rules(result(i) <<= (q(i)[W_q], k(i)));

inline constexpr auto program = rules(
#ifndef WRONG
    k(i) <<= input(i)[W_q],
#endif
    result(i) <<= input(i) | stack<3>(block));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
