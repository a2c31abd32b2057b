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

TEST_CASE("roberta is Hugging Face's, whose positions begin at row 2") {
    comparison<roberta<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>,
                       masked_language<true>>>
        of{"roberta"};
    of.agrees({of.symbols("token"), 4}, names::roberta);
}

TEST_CASE("distilbert is Hugging Face's, which has no segments") {
    check_preset<distilbert<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>,
                            masked_language<true>>>("distilbert", names::distilbert);
}

TEST_CASE("norms of bert may be called gamma and beta") {
    using Model = bert<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>, hidden<12>>;
    file_of changed("bert");
    for (auto& entry : changed.header.tensors) {
        const std::string name = entry.name;
        const auto at = name.find("LayerNorm.");
        if (at == std::string::npos) continue;
        entry.name =
            name.substr(0, at) + (name.ends_with("weight") ? "LayerNorm.gamma" : "LayerNorm.beta");
        changed.values[entry.name] = changed.values[name];
    }
    CHECK(changed.message<Model>(names::bert).empty());
}
