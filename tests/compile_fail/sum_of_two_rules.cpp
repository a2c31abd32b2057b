// expect: rule_number<1>, in_relation<q>, shapes_do_not_fit<4, 3>
// Two rules of one head give different lengths.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"short_one", 3, 4> short_one;

inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      q(i) <<= input(i)[short_one]);
#else
                                      q(i) <<= input(i)[W_k]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
