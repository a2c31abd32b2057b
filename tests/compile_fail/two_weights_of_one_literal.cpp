// expect: a literal has one weight
// The second weight would replace the first.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i)[W_q][W_k]);
#else
    q(i) <<= input(i)[W_q], result(i) <<= q(i)[W_k]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
