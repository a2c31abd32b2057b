// expect: rule_number<2>, in_relation<q>, cycle
// Relations of one time follow from each other.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(0) <<= input(0),
#ifdef WRONG
                                      q(next(i)) <<= (q(i), k(next(i))),
#else
                                      q(next(i)) <<= (q(i), k(i)),
#endif
                                      k(i) <<= (q(i)[W_k], input(i)), result(i) <<= q(i));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
