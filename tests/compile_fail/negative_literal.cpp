// expect: a literal is negative by a factor
// Literals have no sign.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= -input(i));
#else
    result(i) <<= (number(-1), input(i)) | product());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
