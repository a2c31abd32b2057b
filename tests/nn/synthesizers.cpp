#include <sequent/nn.hpp>

#include "../model/check.hpp"

using namespace sequent;

namespace {

namespace s = synthesizer;

// Without a mask in one head, causal in the other.
using both = mask::per_head<mask::none, mask::causal>;
template <class Synthesizer, class... Options>
using layer = multi_head_attention<tokens<6>, width<4>, heads<2>, Synthesizer, Options...>;

template <class Synthesizer, class... Options>
constexpr int scores_of(Options...) {
    constexpr int d = 8;
    return multi_head_attention<tokens<6>, width<d>, heads<2>, biases<false>, Synthesizer,
                                Options...>::parameter_count -
           2 * d * d;  // of the value and of what joins the heads
}

// The formulas' numbers of parameters: d = 8, N = 6, two heads.
static_assert(scores_of<s::dot_product>() == 2 * 8 * 8);
static_assert(scores_of<s::dense>() == 8 * 8 + 8 * 6);
static_assert(scores_of<s::random>() == 2 * 6 * 6);
static_assert(scores_of<s::fixed_random>() == 2 * 6 * 6);
static_assert(scores_of<s::factorized_random<3>>() == 2 * (2 * 6 * 3));
static_assert(scores_of<s::factorized_dense<3, 2>>() == 2 * 8 * (3 + 2));
static_assert(scores_of<s::mixture<s::random, s::dot_product, s::dense>>() ==
              2 * 6 * 6 + 2 * 8 * 8 + 8 * 8 + 8 * 6 + 3);
static_assert(layer<s::dense>::parameter_count - layer<s::dense, biases<false>>::parameter_count ==
              4 + 2 * 6 + 4 + 4);  // of both maps, of the value and of what joins the heads

// The example that was discussed, of length 4 and width 5.
namespace discussed {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"hidden"> hidden_of;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"y"> y;
inline constexpr weight<"W_value", 5, 5> W_value;

template <class First, class Second>
inline constexpr auto dense = rules(hidden_of(i) <<= x(i)[First{}] | relu(),
                                    weights(i, j) <<= at(hidden_of(i)[Second{}], j) | softmax(j),
                                    y(i) <<= (weights(i, j), x(j)[W_value]) | product() | sum(j));

using right = model<dense<weight<"W_1", 5, 5>, weight<"W_2", 4, 5>>, fact<"x", 4, 5>>;
// The shapes asked about: another model, with fewer parameters.
using asked = model<dense<weight<"W_1", 4, 5>, weight<"W_2", 4, 4>>, fact<"x", 4, 5>>;
static_assert(right::parameter_count == 5 * 5 + 4 * 5 + 5 * 5);
static_assert(asked::parameter_count == 4 * 5 + 4 * 4 + 5 * 5);
}  // namespace discussed

}  // namespace

TEMPLATE_TEST_CASE("synthesizers", "", s::dense, s::random, s::fixed_random,
                   s::factorized_random<3>, (s::factorized_dense<3, 2>),
                   (s::mixture<s::random, s::dot_product>),
                   (s::mixture<s::dense, s::factorized_random<3>>)) {
    check::agrees_in_double<layer<TestType, both>>();
}
TEST_CASE("a dense synthesizer in three rules") {
    check::agrees_in_double<discussed::right>();
    check::agrees_in_double<discussed::asked>();
}
