// expect: rule_number<2>, in_relation<q>, recursion_without_an_end, of_variable<
// Nothing says how many times there are.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(0) <<= input(0),
#ifdef WRONG
                                      q(next(i)) <<= q(i)[W_q] | tanh(),
#else
                                      q(next(i)) <<= (q(i)[W_q], input(i)) | tanh(),
#endif
                                      result(i) <<= q(i));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
