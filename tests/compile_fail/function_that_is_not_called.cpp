// expect: after | stands a function call such as relu() or sum(j)
// A function without its parentheses.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i) | relu);
#else
    result(i) <<= input(i) | relu());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
