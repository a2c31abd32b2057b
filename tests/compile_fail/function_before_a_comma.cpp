// expect: a function stands after the body
// A function in the middle of a body.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (input(i) | relu(), q(i)));
#else
                                      result(i) <<= (input(i), q(i)) | sum() | relu());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
