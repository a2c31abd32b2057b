// expect: rule_number<1>, in_relation<result>, a_stack_stands_last
// A stack is the last function of its rule.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto block = rules(k(i) <<= (q(i)[W_k], q(i)));

inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i) | stack<2>(block) | tanh());
#else
    result(i) <<= input(i) | tanh() | stack<2>(block));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
