// expect: rule_number<1>, in_relation<q>, shapes_do_not_fit<5, 4>
// A gain has another length than what it scales.

#include "vocabulary.hpp"

namespace article {
inline constexpr weight<"g", 4> g;
inline constexpr weight<"too_long", 5> too_long;

inline constexpr auto program = rules(
#ifdef WRONG
    q(i) <<= input(i) | rms_norm(too_long));
#else
    q(i) <<= input(i) | rms_norm(g));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
