// expect: rule_number<1>, in_relation<input>, rows_that_need_later_rows
// Earlier rows are kept; a convolution that reads the next row needs what has not been given.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (input(i)[W_q], input(i + 1)[W_k]));
#else
    result(i) <<= (input(i)[W_q], input(i - 1)[W_k]));
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
