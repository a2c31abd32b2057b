#include "presets.hpp"

using namespace presets;

TEST_CASE("bloom is Hugging Face's, with slopes for distances") {
    comparison<bloom<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>>> of{"bloom"};
    of.agrees({of.symbols("token")}, names::bloom);
}

TEST_CASE("qwen3 is Hugging Face's") {
    comparison<qwen3<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, head_width<6>,
                     hidden<12>, depth<2>>>
        of{"qwen3"};
    of.agrees({of.symbols("token")}, names::qwen3);
}

TEST_CASE("gemma3 is Hugging Face's, with layers left over at the end of its pattern") {
    comparison<gemma3<vocabulary<11>, tokens<5>, width<8>, heads<2>, key_heads<1>, head_width<4>,
                      score_width<9>, hidden<12>, depth<4>, local_layers<2, mask::window<1>>>>
        of{"gemma3"};
    of.agrees({of.symbols("token")}, names::gemma3);
}
