// expect: rule_number<3>, in_relation<score>, softmax_over_a_variable_not_in_the_head
// A softmax keeps its variable in the head.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(q(i) <<= input(i)[W_q], k(i) <<= input(i)[W_k],
#ifdef WRONG
          score(i) <<= (k(j).T(), q(i), j <= i) | product() | softmax(j),
          attention(i) <<= (score(i), input(i)) | product());
#else
          score(i, j) <<= (inverse_sqrt(4), k(j).T(), q(i), j <= i) | product() | softmax(j),
          attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
