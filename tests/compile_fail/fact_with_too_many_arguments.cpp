// expect: rule_number<1>, in_relation<input>, wrong_number_of_arguments<3, 2>
// A fact has more arguments than dimensions.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= input(i, j, h) | sum(j, h));
#else
    q(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
