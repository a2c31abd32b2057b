// expect: in_relation<q>, cycle
// A relation follows from the time before and from the time after.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i), q(i) <<= q(i - 1)[W_q],
#ifdef WRONG
                                      q(i) <<= q(i + 1)[W_k],
#else
                                      q(i) <<= q(i - 2)[W_k],
#endif
                                      result(i) <<= q(i));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
