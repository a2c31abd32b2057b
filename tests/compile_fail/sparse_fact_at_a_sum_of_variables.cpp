// expect: rule_number<1>, argument_is_not_a_variable_plus_a_constant
// The pairs of a sparse fact are found by their two indices.

#include "vocabulary.hpp"

namespace article {
inline constexpr relation<"edge"> edge;
inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= (input(i)[W_q], edge(i, i + h)) | elementwise_product() | sum(h),
#else
    q(i) <<= (input(i)[W_q], edge(i, j)) | elementwise_product() | sum(j),
#endif
    result(i) <<= (q(i), input(i)));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>,
                               sequent::fact<"edge", sequent::sparse<6>, 5, 5>>;

int main() {
    return encoder::parameter_count > 0;
}
