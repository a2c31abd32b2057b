// expect: rule_number<4>, in_relation<attention>, aggregation_over_a_variable_in_the_head
// A sum removes its variable; the head keeps it.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(q(i) <<= input(i)[W_q], k(i) <<= input(i)[W_k],
          score(i, j) <<= (inverse_sqrt(4), k(j).T(), q(i), j <= i) | product() | softmax(j),
#ifdef WRONG
          attention(i, j) <<= (score(i, j), input(j)) | product() | sum(j));
#else
          attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
