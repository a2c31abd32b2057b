#include <sequent/nn.hpp>

#include "../model/check.hpp"

using namespace sequent;

namespace {

namespace s = synthesizer;

template <class Synthesizer, class... Options>
using layer = multi_head_attention<tokens<6>, width<4>, heads<2>, Synthesizer, Options...>;

using translation =
    transformer::encoder_decoder<vocabulary<5>, tokens<4>, source_tokens<6>, width<4>, heads<2>,
                                 hidden<4>, depth<2>, padded<true>, s::random>;
// From the decoder to the encoder, queries look for keys.
static_assert(translation::plan::tables.prepared > 0);

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

// clang-format off
template <class First, class Second>
inline constexpr auto dense = rules(
    hidden_of(i)  <<= x(i)[First{}] | relu(),
    weights(i, j) <<= at(hidden_of(i)[Second{}], j) | softmax(j),
    y(i)          <<= (weights(i, j), x(j)[W_value]) | product() | sum(j));
// clang-format on

using right = model<dense<weight<"W_1", 5, 5>, weight<"W_2", 4, 5>>, fact<"x", 4, 5>>;
static_assert(right::parameter_count == 5 * 5 + 4 * 5 + 5 * 5);
// The shapes asked about, l x d and then l x l, make another model, of fewer parameters.
using asked = model<dense<weight<"W_1", 4, 5>, weight<"W_2", 4, 4>>, fact<"x", 4, 5>>;
static_assert(asked::plan::ok && !std::is_same_v<right, asked>);
static_assert(asked::parameter_count == 4 * 5 + 4 * 4 + 5 * 5);
}  // namespace discussed

}  // namespace

TEST_CASE("causal tables are packed") {
    using packed = layer<s::mixture<s::random, s::dot_product>, mask::causal>;
    check::agrees<packed>();
    check::fixture<packed, double> f(1);
    constexpr sequent::language::weight<"R"> R;
    const auto view = (*f.p)[R];
    CHECK(view.rank == 2);
    CHECK(view.extents[1] == 21);
    // (i, j) is number i (i + 1) / 2 + j: the last row of the first head changes no other.
    const auto before = f.outputs();
    view(0, 5 * 6 / 2 + 2) += 1;
    const auto after = f.outputs();
    for (std::size_t at = 0; at < before.size(); ++at)
        CHECK((before[at] == after[at]) == (at < 5 * 4));
}
TEST_CASE("causal synthesizers, row by row") {
    check::steps<layer<s::random, mask::causal>>();
    check::steps<layer<s::dense, mask::causal>>();
}
TEST_CASE("an encoder over a part of its positions and a decoder, with synthesizers") {
    check::agrees<translation>(5);
}
TEST_CASE("a dense synthesizer in three rules") {
    check::agrees<discussed::right>();
}
