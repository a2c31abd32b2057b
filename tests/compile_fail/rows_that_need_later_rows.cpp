// expect: rule_number<1>, attended, rows_that_need_later_rows

#include <sequent/model.hpp>

namespace article {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"score"> score;
inline constexpr relation<"attended"> attended;

template <class... Mask>
inline constexpr auto program = rules(attended(i) <<= (score(i, j), x(j)) | product() | sum(j),
#ifdef WRONG
                                      score(i, j) <<= (x(j).T(), x(i)) | product() | softmax(j));
#else
                                      score(i, j) <<=
                                      (x(j).T(), x(i), j <= i) | product() | softmax(j));
#endif
}  // namespace article

using Model = sequent::model<article::program<>, sequent::fact<"x", 4, 3>>;

int main() {
    const Model::parameters<float> p;
    Model::state<float> s;
    const float x[3] = {};
    return Model::step(p, {x}, s).size();
}
