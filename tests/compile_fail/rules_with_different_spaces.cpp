// expect: rule_number<2>, in_relation<logit>, rules_of_one_sum_with_different_spaces<1, 2>
// A masked dot product and a bias without the mask:
// the bias would admit again what the mask removes.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(logit(i, j) <<= (input(j).T(), input(i), j <= i) | product(),
#ifdef WRONG
          logit(i, j) <<= R(i, j),
#else
          logit(i, j) <<= (R(i, j), i - j >= 0),
#endif
          score(i, j) <<= logit(i, j) | softmax(j),
          attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
