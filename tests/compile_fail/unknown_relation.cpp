// expect: rule_number<3>, in_relation<v>, unknown_relation
// A body names a relation that is neither a fact nor a head.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(q(i) <<= input(i)[W_q], k(i) <<= input(i)[W_k],
#ifdef WRONG
          score(i, j) <<= (inverse_sqrt(4), k(j).T(), v(i), j <= i) | product() | softmax(j),
#else
          score(i, j) <<= (inverse_sqrt(4), k(j).T(), q(i), j <= i) | product() | softmax(j),
#endif
          attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
