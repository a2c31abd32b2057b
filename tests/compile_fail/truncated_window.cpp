// expect: rule_number<1>, in_relation<y>, a_state_that_keeps_the_last_rows_alone_is_not_truncated
// Of a sum over a window, earlier positions need rows that are lost.

#include <sequent/model.hpp>

namespace article {
using namespace sequent::language;
inline constexpr var<"i", 90> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;

inline constexpr auto program = rules(
#ifdef WRONG
    y(i) <<= (x(j), x(i), j <= i, i - j < 3) | elementwise_product() | sum(j));
#else
    y(i) <<= (x(j), x(i), j <= i) | elementwise_product() | sum(j));
#endif
}  // namespace article

using Model = sequent::model<article::program, sequent::fact<"x", 90, 3>>;

int main() {
    Model::state<float> s;
    s.truncate(0);
    return s.position();
}
