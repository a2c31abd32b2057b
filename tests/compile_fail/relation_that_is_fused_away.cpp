// expect: named<score>, the_plan_does_not_keep_this_relation_without_a_query
// w[score] of an attention that never holds its scores.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(q(i) <<= input(i)[W_q], k(i) <<= input(i)[W_k],
          score(i, j) <<= (inverse_sqrt(4), k(j).T(), q(i), j <= i) | product() | softmax(j),
          attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    encoder::workspace<float> w;
#ifdef WRONG
    return w[article::score](0, 0) > 0;
#else
    return w[article::attention](0, 0) > 0;
#endif
}
