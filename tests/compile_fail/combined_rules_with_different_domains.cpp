// expect: rule_number<2>, in_relation<result>, combined_rules_with_different_spaces<1, 2>
// Where one of the rules does not hold, the greatest of both is not defined.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (input(i)[W_k], i > 2),
#else
                                      result(i) <<= (input(i)[W_k], i >= 0),
#endif
                                      result(i) | max());
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
