// expect: rule_number<1, 2>, in_relation<result>, shapes_do_not_fit<4, 3>
// The mistake is in rule 2 of the block that rule 1 stacks.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"short_one", 3, 4> short_one;
inline constexpr auto block = rules(q(i) <<= input(i)[W_q], result(i) <<= (q(i), input(i)[W_k]));
inline constexpr auto wrong_block =
    rules(q(i) <<= input(i)[W_q], result(i) <<= (q(i), input(i)[short_one]));

inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i) | stack<3>(wrong_block));
#else
    result(i) <<= input(i) | stack<3>(block));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
