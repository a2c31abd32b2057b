// expect: rule_number<2>, in_relation<q>, only_facts_are_negated_or_hidden
// Only facts are absent or present.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (input(i), !q(i)));
#else
                                      result(i) <<= (input(i), q(i)));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
