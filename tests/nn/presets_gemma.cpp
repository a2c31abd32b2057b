#include "presets.hpp"

using namespace presets;

TEST_CASE("gemma2 is Hugging Face's") {
    check_preset<gemma2<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, head_width<4>,
                        score_width<9>, hidden<12>, depth<2>, local_layers<1, mask::window<1>>,
                        score_cap<3>, logit_cap<2>>>("gemma2", names::gemma2);
}

TEST_CASE("phi is Hugging Face's") {
    check_preset<phi<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "phi", names::phi);
}

TEST_CASE("codegen is Hugging Face's, whose heads are rotated in part") {
    using Model = codegen<vocabulary<11>, tokens<5>, width<32>, heads<4>, hidden<12>, depth<2>>;
    check_preset<Model>("codegen", names::codegen);
}

TEST_CASE("a codegen whose pairs are halves takes Hugging Face's rows in its own order") {
    comparison<codegen<vocabulary<11>, tokens<5>, width<32>, heads<4>, hidden<12>, depth<2>,
                       position::rotary_halves<10000, scaling::none, 50>>>
        of{"codegen"};
    of.forward_agrees({of.symbols("token")}, names::codegen);
    of.is_written_back(names::codegen);
}
