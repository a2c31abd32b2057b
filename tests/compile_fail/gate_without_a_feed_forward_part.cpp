// expect: rnn, gated, a_gated_activation_is_for_templates_with_a_feed_forward_part
// The gate would be missing.

#include <sequent/nn.hpp>

#ifdef WRONG
using activation = sequent::activation::swiglu;
#else
using activation = sequent::activation::silu;
#endif
using network = sequent::recurrent::rnn<sequent::tokens<4>, sequent::width<4>, activation>;

int main() {
    return network::parameter_count > 0;
}
