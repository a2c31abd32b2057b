// expect: rule_number<1>, in_relation<q>, top_k_chooses_one_of_two_arguments_outside_of_recursions
// A choice has a row and a column.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program =
#ifdef WRONG
    rules(q(i) <<= input(i)[W_v] | top_k<2>(i), attention(i) <<= q(i));
#else
    rules(score(i, j) <<= (input(j).T(), input(i)) | product() | top_k<2>(j),
          attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
