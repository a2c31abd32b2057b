// expect: rule_number<1>, in_relation<q>, too_many_variables, at_most<6>
// A rule has up to six variables.

#include "vocabulary.hpp"

namespace article {
inline constexpr var<"a"> a;
inline constexpr var<"b"> b;
inline constexpr var<"c"> c;
inline constexpr var<"d"> d;

inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<=
    (input(i), input(j), input(h), input(a), input(b), input(c), input(d)) | sum(j, h, a, b, c, d));
#else
    q(i) <<= input(i)[W_q]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
