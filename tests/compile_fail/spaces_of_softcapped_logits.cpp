// expect: rule_number<3>, in_relation<logit>, rules_of_one_sum_with_different_spaces<1, 3>
// The same through an atom transformation and heads.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"B"> B;

inline constexpr auto program =
    rules(logit(h, i, j) <<= (input(j).T(), input(i), B(h), j <= i && i - j < 3) | product(),
          logit(h, i, j) <<= (R(h, i, j), i - j < 3, i >= j),
#ifdef WRONG
          logit(h, i, j) <<= (number(j - i), 0 <= i - j && i - j <= 3),
#else
          logit(h, i, j) <<= (number(j - i), 0 <= i - j && i - j <= 2),
#endif
          logit(h, i, j) | soft_cap(30), score(h, i, j) <<= logit(h, i, j) | softmax(j),
          attention(h, i) <<= (score(h, i, j), input(j)) | product() | sum(j));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
