// expect: literals are separated by commas
// Literals are not scaled by *.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= 2 * input(i));
#else
    result(i) <<= (number(2), input(i)) | product());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
