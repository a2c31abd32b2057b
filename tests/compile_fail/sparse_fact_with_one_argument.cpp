// expect: rule_number<1>, in_relation<edge>, wrong_number_of_arguments<1, 2>
// A sparse fact is about pairs.

#include "vocabulary.hpp"

namespace article {
inline constexpr relation<"edge"> edge;

inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (input(i)[W_q], hidden(edge(i))));
#else
    result(i) <<= (input(j)[W_q], hidden(edge(i, j))) | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>,
                               sequent::fact<"edge", sequent::sparse<9>, 5, 5>>;

int main() {
    return encoder::parameter_count > 0;
}
