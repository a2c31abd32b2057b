// expect: symbols of one fact
// Symbols are compared within one fact.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
          score(i, j) <<= (q(j).T(), q(i), token(i) == input(j)) | product() | softmax(j),
#else
          score(i, j) <<= (q(j).T(), q(i), i == j) | product() | softmax(j),
#endif
          result(i) <<= (score(i, j), q(j)) | product() | sum(j));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
