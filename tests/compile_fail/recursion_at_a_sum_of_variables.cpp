// expect: rule_number<2>, argument_is_not_a_variable_plus_a_constant
// How long ago a recursion looks back is a constant.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(0) <<= input(0),
#ifdef WRONG
                                      q(next(i)) <<= (q(i - h)[W_q], input(i)) | sum(h),
#else
                                      q(next(i)) <<= (q(i)[W_q], input(i)),
#endif
                                      result(i) <<= (q(i), input(i)));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
