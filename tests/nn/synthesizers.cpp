#include "reference.hpp"

#include <sequent/nn.hpp>

using namespace sequent;

namespace {

namespace s = synthesizer;

// Without a mask in one head, causal in the other.
using both = mask::per_head<mask::none, mask::causal>;
template <class Synthesizer, class... Options>
using layer = multi_head_attention<tokens<6>, width<4>, heads<2>, Synthesizer, Options...>;

// The formulas' numbers of parameters, without biases: d = 8, N = 6, two heads.
template <class Synthesizer, class Mask = mask::none>
inline constexpr int of_scores =
    multi_head_attention<tokens<6>, width<8>, heads<2>, biases<false>, Synthesizer,
                         Mask>::parameter_count -
    2 * 8 * 8;  // of the value and of what joins the heads
static_assert(of_scores<s::dot_product> == 2 * 8 * 8);
static_assert(of_scores<s::dense> == 8 * 8 + 8 * 6);
static_assert(of_scores<s::random> == 2 * 6 * 6);
static_assert(of_scores<s::fixed_random> == 2 * 6 * 6);
// What a causal mask never reads is not stored.
static_assert(of_scores<s::random, mask::causal> == 2 * (6 * 7 / 2));
static_assert(of_scores<s::fixed_random, mask::window<3>> == 2 * (6 * 7 / 2));
static_assert(of_scores<s::mixture<s::random, s::dot_product>, mask::causal> ==
              2 * (6 * 7 / 2) + 2 * 8 * 8 + 2);
static_assert(of_scores<s::factorized_random<3>> == 2 * (2 * 6 * 3));
static_assert(of_scores<s::factorized_dense<3, 2>> == 2 * 8 * (3 + 2));
static_assert(of_scores<s::mixture<s::random, s::dot_product, s::dense>> ==
              of_scores<s::random> + of_scores<s::dot_product> + of_scores<s::dense> + 3);
static_assert(layer<s::dense>::parameter_count - layer<s::dense, biases<false>>::parameter_count ==
              4 + 2 * 6 + 4 + 4);  // of both maps, of the value and of what joins the heads

template <class Synthesizer>
void agrees(const std::string& variant) {
    check::agrees<layer<Synthesizer, both>>();
    reference::agrees(oracle::tree::read(layer<Synthesizer, both>::program),
                      "synthesizers.safetensors", variant, "attended");
}

}  // namespace

TEST_CASE("dense synthesizers") {
    agrees<s::dense>("dense");
}
TEST_CASE("random synthesizers") {
    agrees<s::random>("random");
    agrees<s::fixed_random>("fixed_random");
}
TEST_CASE("synthesizers of factors") {
    agrees<s::factorized_random<3>>("factorized_random");
    agrees<s::factorized_dense<3, 2>>("factorized_dense");
}
TEST_CASE("mixtures of synthesizers") {
    agrees<s::mixture<s::random, s::dot_product>>("random_dot_product");
    agrees<s::mixture<s::dense, s::factorized_random<3>>>("dense_factorized_random");
    check::runs<layer<s::mixture<s::dense, s::factorized_random<3>>, both>>();
}
