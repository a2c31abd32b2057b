// expect: rule_number<3>, in_relation<q>
// expect: an_atom_is_not_aggregated_or_stacked_are_parentheses_missing
// A comma ends a rule unless it stands in parentheses.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= input(i)[W_q], result(i) <<= q(i), q(j) | elementwise_product() | sum(j));
#else
    q(i) <<= input(i)[W_q], result(i) <<= (q(i), q(j), j <= i) | elementwise_product() | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
