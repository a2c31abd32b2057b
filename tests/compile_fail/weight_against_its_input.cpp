// expect: rule_number<1>, in_relation<input>, shapes_do_not_fit<3, 4>
// A weight has other columns than its input has elements.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"W", 4, 3> W;

inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= input(i)[W]);
#else
    q(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
