#include "presets.hpp"

using namespace presets;

TEST_CASE("bert is Hugging Face's, with a position that does not exist") {
    comparison<bert<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>>> of{
        "bert"};
    of.agrees({of.symbols("token"), of.symbols("segment"), 4}, names::bert, {"layers", "pooled"});
}

TEST_CASE("bert_masked_language is Hugging Face's") {
    comparison<
        bert_masked_language<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>>>
        of{"bert_masked_language"};
    of.agrees({of.symbols("token"), of.symbols("segment"), 4}, names::bert);
}
