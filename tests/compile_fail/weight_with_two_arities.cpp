// expect: rule_number<2>, in_relation<k>, wrong_number_of_arguments_of_a_weight, of_weight<W_q>
// A weight is one per head here and one for all there.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      k(i, h) <<= input(i)[W_q(h)],
#else
                                      k(i, h) <<= input(i)[W_k(h)],
#endif
                                      result(i) <<= (k(i, h), q(i)) | sum() | sum(h));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
