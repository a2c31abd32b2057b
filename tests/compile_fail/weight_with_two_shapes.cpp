// expect: rule_number<2>, in_relation<k>, one_weight_with_two_shapes
// One name, two shapes.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"W_q", 3, 4> other;

inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      k(i) <<= q(i)[other]);
#else
                                      k(i) <<= q(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
