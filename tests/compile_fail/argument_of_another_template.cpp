// expect: attention, heads<2>, the_template_has_no_such_option
// Attention has one head.

#include <sequent/nn.hpp>

#ifdef WRONG
using attention = sequent::attention<sequent::tokens<4>, sequent::width<4>, sequent::heads<2>>;
#else
using attention =
    sequent::multi_head_attention<sequent::tokens<4>, sequent::width<4>, sequent::heads<2>>;
#endif

int main() {
    return attention::parameter_count > 0;
}
