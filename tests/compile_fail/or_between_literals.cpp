// expect: || join constraints, literals are separated by commas
// Literals are not alternatives.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= input(i) || q(i));
#else
                                      result(i) <<= (input(i), q(i)));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
