// expect: rule_number<1>, in_relation<result>, number_out_of_range, of_function<leaky_relu>
// expect: given_number<-0.5>, at_least_0
// The derivative of leaky_relu is judged by the sign of its result.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i) | leaky_relu(-0.5));
#else
    result(i) <<= input(i) | leaky_relu(0.5));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
