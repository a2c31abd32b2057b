// expect: rule_number<2>, in_relation<result>, shapes_do_not_fit<3, 4>
// The columns of a matrix are not as many as the rows of what it multiplies.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"narrow", 4, 3> narrow;

inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (narrow, q(i)) | product());
#else
                                      result(i) <<= (W_v, q(i)) | product());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
