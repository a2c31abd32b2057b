// expect: rule_number<2>, in_relation<result>, wrong_number_of_arguments<0, 1>
// The rules of one head have the same number of arguments.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result() <<= input(i)[W_k] | sum(i));
#else
                                      result(i) <<= input(i)[W_k]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
