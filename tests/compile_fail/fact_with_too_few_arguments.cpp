// expect: rule_number<1>, in_relation<input>, wrong_number_of_arguments<1, 4>
// What is left of a fact is more than a matrix.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q]);
}  // namespace article

#ifdef WRONG
using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4, 3, 2>>;
#else
using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;
#endif

int main() {
    return use<encoder>() > 0;
}
