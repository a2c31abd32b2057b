// expect: heads<0>, its_number_is_too_small
// Nor are there templates without positions, or layers.

#include <sequent/nn.hpp>

#ifdef WRONG
using heads = sequent::heads<0>;
#else
using heads = sequent::heads<2>;
#endif
using attention = sequent::multi_head_attention<sequent::tokens<4>, sequent::width<4>, heads>;

int main() {
    return attention::parameter_count > 0;
}
