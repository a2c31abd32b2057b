// expect: rule_number<1>, in_relation<edge>, wrong_number_of_arguments<1, 2>
// How many arguments a sparse fact has is how many the rules write, everywhere.

#include "vocabulary.hpp"

namespace article {
inline constexpr relation<"edge"> edge;

inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (input(j)[W_q], hidden(edge(i, j)), hidden(edge(i))) | sum(j));
#else
    result(i) <<= (input(j)[W_q], hidden(edge(i, j)), hidden(edge(i, i))) | sum(j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>,
                               sequent::fact<"edge", sequent::sparse<9>, 5, 5>>;

int main() {
    return encoder::parameter_count > 0;
}
