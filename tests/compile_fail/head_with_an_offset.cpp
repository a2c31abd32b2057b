// expect: rule_number<1>, in_relation<q>, head_arguments_are_distinct_variables
// A head has plain variables where there is no recursion.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(next(i)) <<= input(i)[W_q],
#else
    q(i) <<= input(i)[W_q],
#endif
    result(i) <<= q(i));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
