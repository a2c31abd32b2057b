// expect: rule_number<2>, in_relation<state>, rows_that_need_later_rows
// A recursion from the last time to the first begins with what has not been given.

#include <sequent/model.hpp>

namespace article {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr relation<"x"> x;
inline constexpr relation<"state"> state;
inline constexpr relation<"y"> y;
inline constexpr weight<"W", 3, 3> W;
inline constexpr weight<"s", 3> s;

inline constexpr auto program = rules(
#ifdef WRONG
    state(i) <<= x(i), state(i) <<= state(next(i))[W], y(i) <<= (state(i), s));
#else
    state(next(i)) <<= (x(i), state(i)[W]), state(0) <<= s, y(i) <<= state(next(i)));
#endif
}  // namespace article

using Model = sequent::model<article::program, sequent::fact<"x", 4, 3>>;

int main() {
    const Model::parameters<float> p;
    Model::state<float> s;
    const float x[3] = {};
    return Model::step(p, {x}, s).size();
}
