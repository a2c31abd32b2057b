// expect: a bare number in a body would vanish; write number(0.5)
// A number without number(...).

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (0.5, input(i)) | product());
#else
    result(i) <<= (number(0.5), input(i)) | product());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
