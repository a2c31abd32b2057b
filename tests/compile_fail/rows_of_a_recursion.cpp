// expect: rule_number<1>, in_relation<state>, a_recursion_runs_over_all_of_its_times_at_once
// A recursion runs over all of its times.

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
    state(next(i)) <<= (x(i), state(i)[W]), state(0) <<= s, y(i) <<= state(next(i)));
#else
    state(i) <<= (x(i)[W], s), y(i) <<= (state(i), x(i)));
#endif
}  // namespace article

using Model = sequent::model<article::program, sequent::fact<"x", 4, 3>>;

int main() {
    const Model::parameters<float> p;
    Model::state<float> s;
    const float x[3] = {};
    return Model::step(p, {x}, s).size();
}
