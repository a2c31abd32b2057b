// expect: outside_of_rules, in_relation<input>, number_out_of_range, of_function<fact>
// expect: given_number<0>
// An extent of a fact is at least 1.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(result(i) <<= input(i)[W_q]);
}  // namespace article

#ifdef WRONG
using encoder = sequent::model<article::program, sequent::fact<"input", 0, 4>>;
#else
using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;
#endif

int main() {
    return use<encoder>() > 0;
}
