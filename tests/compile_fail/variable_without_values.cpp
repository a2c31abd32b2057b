// expect: rule_number<1>, in_relation<result>, number_out_of_range, of_function<var>
// expect: given_number<0>, at_least_1
// A stated range holds a value at least.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(var<"n", 0>{}) <<= input(var<"n", 0>{}));
#else
    result(var<"n", 5>{}) <<= input(var<"n", 5>{}));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
