// expect: rule_number<1>, in_relation<result>, number_out_of_range, of_function<%>
// expect: given_number<0>, at_least_1
// Divisors are numbers from 1.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (input(i), i % 0 == 0));
#else
    result(i) <<= (input(i), i % 2 == 0));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
