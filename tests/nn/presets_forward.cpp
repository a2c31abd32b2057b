#include "presets.hpp"

using namespace presets;

// Outputs alone, of presets whose gradients other presets' rules give.

TEST_CASE("llama3 is Hugging Face's, with angles of all three kinds") {
    check_forward<llama3<vocabulary<11>, tokens<5>, width<16>, heads<2>, key_heads<1>, hidden<12>,
                         depth<2>, position::rotary_halves<100, scaling::llama3<8, 1, 4, 32>>>>(
        "llama3", names::llama3);
}

TEST_CASE("qwen2 is Hugging Face's") {
    check_forward<qwen2<vocabulary<11>, tokens<5>, width<16>, heads<4>, key_heads<2>, hidden<12>,
                        depth<2>, position::rotary<>>>("qwen2", names::qwen2);
}

TEST_CASE("mistral is Hugging Face's, with a window") {
    check_forward<mistral<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, hidden<12>,
                          depth<2>, mask::window<1>>>("mistral", names::mistral);
}

TEST_CASE("phi3 is Hugging Face's, whose matrices of queries, keys and values are one") {
    check_forward<
        phi3<vocabulary<11>, tokens<5>, width<16>, heads<2>, key_heads<1>, hidden<12>, depth<2>>>(
        "phi3", names::phi3);
}

TEST_CASE("gemma2 is Hugging Face's") {
    check_forward<gemma2<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, head_width<4>,
                         score_width<9>, hidden<12>, depth<2>, local_layers<1, mask::window<1>>,
                         score_cap<3>, logit_cap<2>>>("gemma2", names::gemma2);
}

TEST_CASE("phi is Hugging Face's") {
    check_forward<phi<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "phi", names::phi);
}
