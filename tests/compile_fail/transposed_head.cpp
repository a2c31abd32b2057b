// expect: the head of a rule is one atom with its arguments
// A head is neither transposed nor negated.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(i).T() <<= input(i)[W_q]);
#else
    q(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
