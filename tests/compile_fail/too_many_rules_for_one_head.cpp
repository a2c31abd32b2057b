// expect: rule_number<1>, in_relation<result>, too_many_rules_for_one_head, at_most<16>
// Up to sixteen rules have one head.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
    result(i) <<= input(i), result(i) <<= input(i), result(i) <<= input(i), result(i) <<= input(i),
    result(i) <<= input(i), result(i) <<= input(i), result(i) <<= input(i),
#ifdef WRONG
    result(i) <<= (input(i), input(i)), result(i) <<= input(i), result(i) <<= input(i),
    result(i) <<= input(i), result(i) <<= input(i), result(i) <<= input(i), result(i) <<= input(i),
    result(i) <<= input(i), result(i) <<= input(i),
#endif
    result(i) <<= input(i));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
