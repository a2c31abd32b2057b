// expect: rule_number<2>, in_relation<k>, several_outputs_need_a_query
// Two relations that no body uses, and no query.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      k(i) <<= input(i)[W_k]);
#else
                                      k(i) <<= q(i)[W_k]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
