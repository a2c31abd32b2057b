// expect: the head of a rule is one atom with its arguments
// A relation instead of an atom on the left.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q <<= input(i)[W_q]);
#else
    q(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
