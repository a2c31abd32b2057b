// expect: rule_number<1, 1>, in_relation<result>, stacks_within_stacks_within_stacks
// Stacks stand two deep.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto block = rules(result(i) <<= input(i)[W_q]);
inline constexpr auto middle = rules(result(i) <<= input(i) | stack<2>(block));
inline constexpr auto outer = rules(result(i) <<= input(i) | stack<2>(middle));

inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i) | stack<2>(outer));
#else
    result(i) <<= input(i) | stack<2>(middle));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
