// expect: named<W_v>, no_weight_of_this_name
// p[W] of a weight that no rule uses.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q]);
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    encoder::parameters<float> p;
#ifdef WRONG
    return p[article::W_v](0, 0) > 0;
#else
    return p[article::W_q](0, 0) > 0;
#endif
}
