#include "presets.hpp"

using namespace presets;

TEST_CASE("modernbert is Hugging Face's") {
    comparison<modernbert<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<4>,
                          local_layers<2, mask::around<2>>, masked_language<true>>>
        of{"modernbert"};
    of.agrees({of.symbols("token"), 4}, names::modernbert);
}

TEST_CASE("gpt_neox is Hugging Face's") {
    comparison<gpt_neox<vocabulary<11>, tokens<5>, width<16>, heads<2>, hidden<12>, depth<2>>> of{
        "gpt_neox"};
    of.agrees({of.symbols("token")}, names::gpt_neox);
}
