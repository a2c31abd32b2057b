// expect: rule_number<2>, in_relation<y>, two_stacks_of_one_head
// The weights of both would be named y.W.

#include "vocabulary.hpp"

namespace article {
inline constexpr relation<"y"> y;
inline constexpr relation<"z"> z;
inline constexpr weight<"W", 4, 4> W;
inline constexpr auto block = rules(result(i) <<= input(i)[W]);
inline constexpr auto program = rules(y(i) <<= input(i) | stack<2>(block),
#ifdef WRONG
                                      y(i) <<= input(i) | stack<3>(block));
#else
                                      z(i) <<= input(i) | stack<3>(block), y(i) <<= z(i));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
