// expect: rule_number<2>, in_relation<result>
// expect: an_atom_is_not_aggregated_or_stacked_are_parentheses_missing
// An atom has nothing to aggregate over, and a stack stands in a rule.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) | softmax(i));
#else
                                      result(i) | softmax());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
