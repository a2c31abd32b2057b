// expect: rule_number<1>, in_relation<q>, cycle
// A relation follows from itself.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= (input(i), k(i)),
#else
    q(i) <<= input(i)[W_q],
#endif
    k(i) <<= q(i)[W_k], result(i) <<= (q(i), k(i)));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
