// expect: rule_number<2>, in_relation<result>, a_stacked_block_has_one_input_and_one_output
// Where the program around knows all that a block uses, the input has the name of its argument.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto block = rules(result(i) <<= (input(i)[W_q], k(i)));

inline constexpr auto program = rules(k(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= q(i) | stack<3>(block), q(i) <<= input(i));
#else
                                      result(i) <<= input(i) | stack<3>(block));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
