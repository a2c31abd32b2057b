// expect: rule_number<1>, in_relation<result>
// expect: a_rule_that_reads_other_rows_than_its_own_outside_of_attention
// Earlier rows are kept for attention alone.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (input(i)[W_q], input(i - 1)[W_k]));
#else
    result(i) <<= (input(i)[W_q], input(i)[W_k]));
#endif
}  // namespace article

using Model = sequent::model<article::program, sequent::fact<"input", 4, 4>>;

int main() {
    const Model::parameters<float> p{};
    Model::state<float> state;
    const float x[4] = {};
    Model::step(p, {x}, state);
    return 0;
}
