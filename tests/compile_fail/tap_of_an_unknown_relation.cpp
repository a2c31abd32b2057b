// expect: named<layers.scores>, query_of_an_unknown_relation
// A tap of a relation within a stack, by a name that no rule has.

#include "vocabulary.hpp"

namespace article {
inline constexpr auto block = rules(
    score(i, j) <<= (inverse_sqrt(4), input(j).T(), input(i)[W_q], j <= i) | product() | softmax(j),
    attention(i) <<= (score(i, j), input(j)) | product() | sum(j));
SEQUENT_RELATIONS(layers);
inline constexpr auto program = rules(layers(i) <<= input(i) | stack<2>(block));
}  // namespace article

using encoder = sequent::model<article::program, sequent::fact<"input", 5, 4>>;

int main() {
    encoder::parameters<float> p;
    const float input[20]{};
#ifdef WRONG
    return sequent::tap<encoder, "layers.scores">(p, {input})(0, 0, 0) > 0;
#else
    return sequent::tap<encoder, "layers.score">(p, {input})(0, 0, 0) > 0;
#endif
}
