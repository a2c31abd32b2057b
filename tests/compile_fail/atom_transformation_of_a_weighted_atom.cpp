// expect: rule_number<2>, in_relation<result>, an_atom_transformation_has_a_plain_atom
// An atom is transformed after its rules, with their weights, are added: a weight, a transpose or
// hidden() of the atom would say nothing.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i)[W_k] | tanh());
#else
                                      result(i) | tanh());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
