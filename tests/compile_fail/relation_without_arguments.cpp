// expect: a relation in a body has arguments
// A relation among literals.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (input(i), q));
#else
                                      result(i) <<= (input(i), q(i)));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
