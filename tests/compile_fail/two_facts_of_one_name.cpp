// expect: outside_of_rules, in_relation<input>, two_facts_of_one_name
// A fact is given once.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= input(i)[W_q]);
}  // namespace article

#ifdef WRONG
using encoder =
    sequent::model<article::program, sequent::fact<"input", 5, 4>, sequent::fact<"input", 4, 4>>;
#else
using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;
#endif

int main() {
    return use<encoder>() > 0;
}
