// expect: a rule is head <<= body
// = for <<=.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) = input(i)[W_q]);
#else
    result(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
