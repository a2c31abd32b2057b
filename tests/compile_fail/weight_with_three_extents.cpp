// expect: rule_number<1>, in_relation<result>, a_weight_is_a_scalar_a_vector_or_a_matrix
// A weight of each head is W(h).

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i)[weight<"W", 2, 4, 4>{}]);
#else
    result(i) <<= input(i)[weight<"W", 4, 4>{}]);
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
