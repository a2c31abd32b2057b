// expect: outside_of_rules, in_relation<score>, query_of_an_unknown_relation
// A query names what no rule gives.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q]);
}  // namespace article

#ifdef WRONG
using encoder =
    sequent::model<article::program, sequent::fact<"input", 5, 4>, sequent::query<"score">>;
#else
using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>, sequent::query<"q">>;
#endif

int main() {
    return use<encoder>() > 0;
}
