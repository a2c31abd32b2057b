// expect: rule_number<2>, in_relation<q>, recursion_without_a_base
// What a state follows from must be there at the first time, too: k(0) needs q(-1).

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(v(i) <<= input(i)[W_v],
#ifdef WRONG
          k(i) <<= (input(i), q(i - 1)[W_k], k(i - 1)) | sigmoid(),
#else
          k(i) <<= input(i), k(i) <<= q(i - 1)[W_k], k(i) <<= k(i - 1),
#endif
          q(i) <<= (v(i), k(i)) | elementwise_product(), result(i) <<= q(i));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
