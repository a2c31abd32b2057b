#include "presets.hpp"

using namespace presets;

TEST_CASE("starcoder2 is Hugging Face's") {
    check_preset<starcoder2<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, hidden<12>,
                            depth<2>, mask::window<2>>>("starcoder2", names::starcoder2);
}

TEST_CASE("opt is Hugging Face's") {
    check_preset<opt<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "opt", names::opt);
}

TEST_CASE("clip_text is Hugging Face's, pooled at the end of the text") {
    check_preset<clip_text<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>>>(
        "clip_text", names::clip_text, "pooled");
}
