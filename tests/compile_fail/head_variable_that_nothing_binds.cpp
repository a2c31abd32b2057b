// expect: rule_number<1>, in_relation<q>, head_variable_that_nothing_binds, of_variable<j>
// expect: state_its_extent_or_use_it_in_an_atom_of_the_body
// No literal says over what a variable of the head ranges.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(j) <<= input(i)[W_q] | sum(i));
#else
    q(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
