// expect: rule_number<1>, in_relation<result>, too_many_literals, at_most<16>
// A body has up to sixteen literals.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<=
    (input(i), input(i), input(i), input(i), input(i), input(i), input(i), input(i), input(i),
     input(i), input(i), input(i), input(i), input(i), input(i), input(i), input(i)));
#else
    result(i) <<=
    (input(i), input(i), input(i), input(i), input(i), input(i), input(i), input(i), input(i)));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
