// expect: named<v>, no_relation_of_this_name
// w[v] of a relation that the program does not name.

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
    return w[article::v](0, 0) > 0;
#else
    return w[article::attention](0, 0) > 0;
#endif
}
