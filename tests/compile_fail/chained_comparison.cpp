// expect: a chained comparison compares a truth value
// A chain compares a truth value.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
    q(i) <<= input(i)[W_q], k(i) <<= input(i)[W_k],
#ifdef WRONG
    score(i, j) <<= (inverse_sqrt(4), k(j).T(), q(i), 0 <= i - j <= 5) | product() | softmax(j),
#else
    score(i, j) <<=
    (inverse_sqrt(4), k(j).T(), q(i), 0 <= i - j && i - j <= 5) | product() | softmax(j),
#endif
    attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
