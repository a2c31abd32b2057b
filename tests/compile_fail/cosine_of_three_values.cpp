// expect: rule_number<2>, in_relation<result>, cosine_of_two_values
// The cosine is that of the angle between two vectors.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result(i) <<= (q(i), input(i), input(i)) | cosine());
#else
                                      result(i) <<= (q(i), input(i)) | cosine());
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
