// expect: rule_number<1>, in_relation<v>, unknown_relation
// All that a user goes on to do with the model brings no second error.

#include <sequent/explain.hpp>
#include <sequent/packed.hpp>

#include "vocabulary.hpp"

namespace article {
inline constexpr auto program = rules(
#ifdef WRONG
    result(i) <<= (input(i)[W_q], v(i)));
#else
    result(i) <<= (input(i)[W_q], input(i)));
#endif
}  // namespace article

using Model = sequent::model<article::program, sequent::fact<"input", 4, 4>>;

int main() {
    static const Model::parameters<float> p;
    static Model::packed<sequent::q8_0> packed(p);
    packed.pack(p);
    Model::scratch<float> scratch;
    const std::vector<float> x(16);
    std::vector<float> out(16);
    (void)Model::forward(packed, {x}, scratch);
    Model::state<float> state;
    (void)Model::prefill(packed, {x}, state);
    state.truncate(0);
    sequent::thread_pool pool(1);
    Model::scratch_batch<float> batch(pool);
    const std::vector<Model::facts<float>> samples;
    out.clear();
    Model::forward_batch(p, samples, batch, out);
    return static_cast<int>(batch.bytes()) + batch.groups(1) +
           static_cast<int>(sequent::explain<Model>().size());
}
