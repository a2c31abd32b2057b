// expect: rule_number<2>, in_relation<result>,
// a_literal_without_a_value_has_no_weight_and_no_element What must hold gives no value that a
// weight could be applied to.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (q(i), hidden(input(i))[W_k]));
#else
                                      result(i) <<= (q(i), hidden(input(i))));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
