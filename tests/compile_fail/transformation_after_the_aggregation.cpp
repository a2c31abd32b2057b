// expect: rule_number<4>, in_relation<attention>, a_transformation_stands_before_the_aggregation
// A transformation belongs before the aggregation.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(q(i) <<= input(i)[W_q], k(i) <<= input(i)[W_k],
          score(i, j) <<= (inverse_sqrt(4), k(j).T(), q(i), j <= i) | product() | softmax(j),
#ifdef WRONG
          attention(i) <<= (score(i, j), input(j)) | product() | sum(j) | relu());
#else
          attention(i) <<= (score(i, j), input(j)) | product() | relu() | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
