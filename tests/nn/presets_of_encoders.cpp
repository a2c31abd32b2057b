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

template <class... Options>
using masked_language_model = bert_masked_language<vocabulary<11>, tokens<5>, width<8>, heads<2>,
                                                   depth<2>, hidden<12>, segments<1>, Options...>;

TEST_CASE("bert_masked_language is Hugging Face's RoBERTa, whose positions begin at row 2") {
    comparison<masked_language_model<normalization::layer<5>>> of{"roberta"};
    of.agrees({of.symbols("token"), std::vector<std::int32_t>(5), 4}, names::roberta);
}

TEST_CASE("bert_masked_language is Hugging Face's DistilBERT, which has no segments") {
    comparison<masked_language_model<>> of{"distilbert"};
    of.forward_agrees({of.symbols("token"), std::vector<std::int32_t>(5), 4}, names::distilbert);
    of.is_written_back(names::distilbert);
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
