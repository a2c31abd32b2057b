// expect: rule_number<2>, attended, rows_that_need_later_rows
// What is kept of earlier rows does not do for a row that attends to later ones.

#include <sequent/model.hpp>

namespace article {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"score"> score;
inline constexpr relation<"attended"> attended;

template <class... Mask>
inline constexpr auto program = rules(score(i, j) <<=
#ifdef WRONG
                                      (x(j).T(), x(i), i - j <= 2) | product() | softmax(j),
#else
                                      (x(j).T(), x(i), i - j <= 2, j <= i) | product() | softmax(j),
#endif
                                      attended(i) <<= (score(i, j), x(j)) | product() | sum(j));
}  // namespace article

using Model = sequent::model<article::program<>, sequent::fact<"x", 4, 3>>;

int main() {
    const Model::parameters<float> p;
    Model::state<float> state;
    const float x[3] = {};
    return Model::step(p, {x}, state).size();
}
