// expect: rule_number<1>, in_relation<q>, too_many_transformations, at_most<4>
// A rule has up to four transformations.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= input(i) | relu() | tanh() | exp() | sigmoid() | relu());
#else
    q(i) <<= input(i) | relu() | tanh() | exp() | sigmoid());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
