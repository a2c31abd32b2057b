// expect: rule_number<1>, in_relation<result>, number_out_of_range, of_function<inverse_sqrt>
// expect: given_number<0>, above_0
// Nor is a negative number, an infinity or NaN a number of a rule.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (inverse_sqrt(0), input(i)) | product());
#else
    result(i) <<= (inverse_sqrt(4), input(i)) | product());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
