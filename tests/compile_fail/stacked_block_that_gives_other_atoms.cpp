// expect: rule_number<1>, in_relation<y>, a_stacked_block_gives_the_atoms_that_it_takes
// Each layer would have fewer atoms than the one before it.

#include "vocabulary.hpp"

namespace article {
inline constexpr relation<"y"> y;
inline constexpr auto block = rules(
#ifdef WRONG
    result(i) <<= (input(i), i >= 2));
#else
    result(i) <<= input(i));
#endif
inline constexpr auto program = rules(y(i) <<= input(i) | stack<2>(block));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
