// expect: rule_number<2>, in_relation<q>, a_relation_of_the_same_recursion_is_not_negated_or_hidden
// Whether an atom of a recursion holds is not known while the recursion runs.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(0) <<= input(0)[W_q],
#ifdef WRONG
                                      q(i) <<= (input(i), !q(i - 1)));
#else
                                      q(i) <<= (input(i), q(i - 1)));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
