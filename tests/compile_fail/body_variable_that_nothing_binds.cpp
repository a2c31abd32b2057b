// expect: rule_number<1>, in_relation<result>, body_variable_that_nothing_binds, of_variable<j>
// expect: state_its_extent_or_use_it_in_an_atom_of_the_body
// Only a weight has the index, and no literal says how far it runs.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (input(i), weight<"bias", 4>{}(j)) | sum() | sum(j));
#else
    result(i) <<= (input(i), weight<"bias", 4>{}(h)) | sum() | sum(h));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
