// expect: rule_number<2>, in_relation<result>, a_count_that_is_not_given
// A rule names a count that is not among the facts.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (q(i), i < length));
#else
                                      result(i) <<= (q(i), i < 3));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
