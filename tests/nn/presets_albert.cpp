#include "presets.hpp"

using namespace presets;

TEST_CASE("albert is Hugging Face's, whose layers are one") {
    comparison<albert<vocabulary<11>, tokens<5>, width<8>, embedding_width<6>, heads<2>, hidden<12>,
                      depth<3>, masked_language<true>>>
        of{"albert"};
    of.agrees({of.symbols("token"), std::vector<std::int32_t>(5), 4}, names::albert);
}

TEST_CASE("mpnet is Hugging Face's, with positions of both kinds") {
    check_preset<mpnet<vocabulary<11>, tokens<5>, width<8>, heads<2>, hidden<12>, depth<2>,
                       normalization::layer<12>, masked_language<true>>>("mpnet", names::mpnet);
}
