// expect: rule_number<1>, in_relation<input>, a_fact_cannot_be_a_head
// A fact is given, it does not follow.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    input(i) <<= q(i),
#else
    q(i) <<= input(i),
#endif
    result(i) <<= q(i)[W_q]);
}  // namespace article

#ifdef WRONG
using encoder =
    sequent::model<article::program, sequent::fact<"q", 5, 4>, sequent::fact<"input", 5, 4>>;
#else
using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;
#endif

int main() {
    return use<encoder>() > 0;
}
