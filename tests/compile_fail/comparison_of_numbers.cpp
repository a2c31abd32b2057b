// expect: rule_number<2>, in_relation<input>, only_symbols_of_one_index_are_compared
// A condition compares the values of a fact that holds numbers.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
    rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
          score(i, j) <<= (q(j).T(), q(i), input(i) == input(j)) | product() | softmax(j),
#else
          score(i, j) <<= (q(j).T(), q(i), i == j) | product() | softmax(j),
#endif
          result(i) <<= (score(i, j), q(j)) | product() | sum(j));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
