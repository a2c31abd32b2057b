// expect: rule_number<2>, in_relation<result>,
// an_aggregation_names_all_variables_but_those_of_the_head Of each row the mean, and then? Only
// sums take variables that nobody names.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q],
#ifdef WRONG
                                      result() <<= (q(i).T(), q(j)) | product() | mean(j));
#else
                                      result() <<= (q(i).T(), q(j)) | product() | mean(i, j));
#endif
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    return use<encoder>() > 0;
}
