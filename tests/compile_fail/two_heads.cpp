// expect: the head of a rule is one atom with its arguments
// Two atoms on the left.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      (result(i), k(i)) <<= (input(i), q(i)));
#else
                                      result(i) <<= (input(i), q(i)));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
