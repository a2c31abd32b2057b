// expect: rule_number<1>, in_relation<k>, cycle
// What a block takes from outside cannot follow from what the stack gives.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto block = rules(v(i) <<= (q(i)[W_q], k(i)));

inline constexpr auto program = rules(
#ifdef WRONG
    k(i) <<= result(i)[W_q],
#else
    k(i) <<= input(i)[W_q],
#endif
    result(i) <<= input(i) | stack<3>(block));
}  // namespace article

using encoder =
    sequent::model<article::program, sequent::fact<"input", 5, 4>, sequent::query<"result">>;

int main() {
    return use<encoder>() > 0;
}
