// The code of docs/templates.md.

#include <sequent/nn.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include "../catch.hpp"

namespace {
// [layers]
using namespace sequent;
using Layer = multi_head_attention<tokens<16>, width<32>, heads<4>, mask::causal>;
using Block = transformer::encoder<tokens<16>, width<32>, heads<4>, mask::window<4>>;
using GPT = transformer::language_model<vocabulary<65>, tokens<16>, width<32>, heads<4>, depth<2>>;
using Cells = recurrent::gru<tokens<16>, width<8>, hidden<32>>;
// [/layers]

// [modern]
using Modern =
    transformer::language_model<vocabulary<65>, tokens<16>, width<32>, heads<4>, key_heads<2>,
                                depth<2>, normalization::rms<6>, position::rotary_halves<10000>,
                                activation::swiglu, biases<false>, any_length<true>>;
// [/modern]

// [own_mask]
struct same_parity {
    static constexpr auto keeps(auto i, auto j) { return (i - j) % 2 == 0; }  // of index terms
};
struct chess {
    static constexpr bool keeps(int i, int j) { return (i ^ j) % 3 == 0; }  // of integers
};
using Masked = multi_head_attention<tokens<16>, width<32>, heads<4>,
                                    mask::per_head<mask::causal, mask::window<4>, same_parity,
                                                   decltype(mask::causal{} && chess{})>>;
// [/own_mask]

// [synthesizer]
using Random =
    multi_head_attention<tokens<16>, width<32>, heads<4>, synthesizer::factorized_random<8>>;
using Mixed =
    multi_head_attention<tokens<16>, width<32>, heads<4>,
                         synthesizer::mixture<synthesizer::random, synthesizer::dot_product>>;
// [/synthesizer]
}  // namespace

namespace changed {
using namespace sequent::language;
// [replaced]
SEQUENT_VARIABLES(i);
SEQUENT_RELATIONS(expanded, between);
SEQUENT_WEIGHT(W_expand, 128, 32);
SEQUENT_WEIGHT(b_expand, 128);

inline constexpr auto program =
    replace_rules(Block::program, expanded(i) <<= (between(i)[W_expand], b_expand) | tanh());
// [/replaced]
}  // namespace changed

TEST_CASE("templates of the guide are models") {
    static_assert(Layer::parameter_count == 4 * 32 * 32 + 4 * 32);
    static_assert(Masked::parameter_count == Layer::parameter_count);
    static_assert(Random::parameter_count < Layer::parameter_count);
    static_assert(Mixed::parameter_count > Layer::parameter_count);
    static_assert(Cells::parameter_count > 0 && GPT::parameter_count > 0);

    auto p = make_unique<Modern::parameters<float>>();
    auto s = make_unique<Modern::scratch<float>>();
    Modern::initialize(*p, 1);
    const std::vector<std::int32_t> text{5, 3, 60};
    const auto logits = Modern::forward(*p, {text}, *s);
    CHECK((logits.extents[0] == 3 && logits.extents[1] == 65));
    CHECK(std::isfinite(logits(2, 64)));
}
