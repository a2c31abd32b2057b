// expect: rule_number<1>, in_relation<q>, more_than_2147483647_numbers
// Numbers are counted by an int.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i, j) <<= (input(i), input(j)) | elementwise_product());

#ifdef WRONG
inline constexpr int rows = 50000;
#else
inline constexpr int rows = 50;
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", article::rows, 4>>;

int main() {
    return use<encoder>() > 0;
}
