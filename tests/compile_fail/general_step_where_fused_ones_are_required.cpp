// expect: rule_number<2>, in_relation<result>, no_fused_step_computes_the_rule,
// literals_are_not_added A scalar times a vector is computed by general loops.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"gain", 1, 4> gain;

inline constexpr auto program = rules(q(i) <<= input(i)[gain],
#ifdef WRONG
                                      result(i) <<= (q(i), input(i)) | product());
#else
                                      result(i) <<= (q(i), input(i)[gain]));
#endif
}  // namespace article

using encoder =
    sequent::model<article::program, sequent::fact<"input", 5, 4>, sequent::require_fused>;

int main() {
    return use<encoder>() > 0;
}
