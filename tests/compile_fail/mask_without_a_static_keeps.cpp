// expect: diagonal, a_mask_has_a_static_keeps_of_two_index_terms_or_of_two_integers
// The argument that is wrong is named, and why.

#include <sequent/nn.hpp>

struct diagonal {
#ifdef WRONG
    bool keeps(int i, int j) const noexcept {
        return i == j;
    }
#else
    static constexpr bool keeps(int i, int j) noexcept {
        return i == j;
    }
#endif
};

using attention = sequent::attention<sequent::tokens<4>, sequent::width<4>, diagonal>;

int main() {
    return attention::parameter_count > 0;
}
