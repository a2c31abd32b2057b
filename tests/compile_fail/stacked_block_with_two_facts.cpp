// expect: rule_number<1>, in_relation<result>, a_stacked_block_has_one_fact_and_one_output
// A stacked block takes one relation, beside facts of the model, and gives one.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto block = rules(result(i) <<= input(i)[W_q]);
inline constexpr auto two_facts = rules(result(i) <<= (q(i)[W_q], k(i)));

inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= input(i) | stack<3>(two_facts));
#else
    result(i) <<= input(i) | stack<3>(block));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
