// expect: a view takes one index for each of its dimensions
// y(0, 0, 0) of an output with two dimensions.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q]);
}  // namespace article

using model = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    model::parameters<float> p;
    model::workspace<float> w;
    const std::vector<float> x(20);
    const auto y = model::forward(p, {x}, w);
#ifdef WRONG
    return y(0, 0, 0) > 0;
#else
    return y(0, 0) > 0;
#endif
}
