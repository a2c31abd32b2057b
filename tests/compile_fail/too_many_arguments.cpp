// expect: rule_number<1>, in_relation<q>, too_many_arguments, at_most<4>
// A relation has up to four arguments.

#include "vocabulary.hpp"

namespace article {
inline constexpr var<"a"> a;
inline constexpr var<"b"> b;

inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= input(i, j, h, a, b) | sum(j, h, a, b));
#else
    q(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
