#include "presets.hpp"

using namespace presets;

// Encoders, with a position that does not exist.

TEST_CASE("modernbert is Hugging Face's") {
    comparison<modernbert<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<4>,
                          local_layers<2, mask::around<2>>, masked_language<true>>>
        of{"modernbert"};
    of.agrees({of.symbols("token"), 4}, names::modernbert);
}

TEST_CASE("albert is Hugging Face's, whose layers are one") {
    comparison<albert<vocabulary<11>, tokens<5>, width<8>, embedding_width<6>, heads<2>, hidden<12>,
                      depth<3>, masked_language<true>>>
        of{"albert"};
    of.forward_agrees({of.symbols("token"), std::vector<std::int32_t>(5), 4}, names::albert);
    of.is_written_back(names::albert);
}

TEST_CASE("mpnet is Hugging Face's, with positions of both kinds") {
    comparison<mpnet<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>,
                     normalization::layer<12>, masked_language<true>>>
        of{"mpnet"};
    of.agrees({of.symbols("token"), 4}, names::mpnet);
}
