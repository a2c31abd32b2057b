// expect: rule_number<2>, in_relation<best>, an_output_of_chosen_pairs
// Which pairs are chosen is not known to the caller.

#include "vocabulary.hpp"

namespace article {
inline constexpr sequent::language::relation<"best"> best;

inline constexpr auto program =
    rules(score(i, j) <<= (input(j).T(), input(i)) | product(),
          best(i, j) <<= score(i, j) | top_k<2>(j), attention(i, j) <<= best(i, j));
}  // namespace article

#ifdef WRONG
using outputs = sequent::query<"attention", "best">;
#else
using outputs = sequent::query<"attention">;
#endif
using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>, outputs>;

int main() {
    return use<encoder>() > 0;
}
