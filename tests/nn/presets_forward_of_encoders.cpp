#include "presets.hpp"

using namespace presets;

// Outputs alone, of presets whose gradients other presets' rules give.

TEST_CASE("starcoder2 is Hugging Face's") {
    check_forward<starcoder2<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>,
                             hidden<12>, depth<2>, mask::window<2>>>("starcoder2",
                                                                     names::starcoder2);
}

TEST_CASE("opt is Hugging Face's") {
    check_forward<opt<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "opt", names::opt);
}

TEST_CASE("clip_text is Hugging Face's, pooled at the end of the text") {
    check_forward<clip_text<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "clip_text", names::clip_text, "pooled");
}

TEST_CASE("albert is Hugging Face's, whose layers are one") {
    comparison<albert<vocabulary<11>, tokens<5>, width<8>, embedding_width<6>, heads<2>, hidden<12>,
                      depth<3>, masked_language<true>>>
        of{"albert"};
    of.agrees({of.symbols("token"), std::vector<std::int32_t>(5), 4}, names::albert);
}

TEST_CASE("mpnet is Hugging Face's, with positions of both kinds") {
    comparison<mpnet<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>,
                     normalization::layer<12>, masked_language<true>>>
        of{"mpnet"};
    of.forward_agrees({of.symbols("token"), 4}, names::mpnet);
    of.is_written_back(names::mpnet);
}
