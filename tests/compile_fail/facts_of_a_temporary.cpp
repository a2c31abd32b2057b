// expect: facts refer to their containers, and this one is a temporary
// Facts that are kept refer to their containers; in a call's braces a temporary may stand.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(q(i) <<= input(i)[W_q]);
}  // namespace article

using model = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    model::parameters<float> p;
    model::workspace<float> w;
    std::vector<model::facts<float>> samples;
    const std::vector<float> x(20);
    samples.push_back({x});
    samples.push_back({article::input = x});
#ifdef WRONG
    samples.push_back({article::input = std::vector<float>(20)});
#endif
    return model::forward(p, {std::vector<float>(20)}, w)(0, 0) > 0 ||
           model::forward(p, {article::input = std::vector<float>(20)}, w)(0, 0) > 0;
}
