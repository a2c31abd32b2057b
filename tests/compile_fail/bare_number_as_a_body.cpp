// expect: a rule follows from a body of literals
// A number without number(...), alone.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= input(i),
#ifdef WRONG
                                      result(i) <<= 1);
#else
                                      result(i) <<= number(1));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
