#include "presets.hpp"

using namespace presets;

using gpt2_model = gpt2<vocabulary<11>, tokens<5>, width<8>, heads<2>, depth<2>>;
template <class... Options>
using llama_model = llama<vocabulary<11>, tokens<5>, width<16>, heads<4>, key_heads<2>, hidden<12>,
                          depth<2>, Options...>;

TEST_CASE("gpt2 is Hugging Face's") {
    comparison<gpt2_model> of{"gpt2"};
    of.agrees({of.symbols("token")}, names::gpt2);
}

TEST_CASE("a gpt2 of fewer positions reads the file of one with more, and not the reverse") {
    using Shorter = gpt2<vocabulary<11>, tokens<3>, width<8>, heads<2>, depth<2>>;
    comparison<Shorter> of{"gpt2"};
    std::vector<std::int32_t> token = of.symbols("token");
    token.resize(3);
    for (auto* values : {&of.values["logits"], &of.values["logits.coefficients"]})
        values->resize(3 * 11);
    of.forward_agrees({token}, names::gpt2);

    using Longer = gpt2<vocabulary<11>, tokens<6>, width<8>, heads<2>, depth<2>>;
    CHECK_THAT(file_of("gpt2").message<Longer>(names::gpt2),
               sequent_test::contains("\"transformer.wpe.weight\"") &&
                   sequent_test::contains("rows [0, 6) are beyond the 5 of the tensor"));
}

TEST_CASE("a gpt2 is initialised as the published one") {
    const auto p = make_unique<gpt2_model::parameters<float>>();
    gpt2_model::initialize(*p, 1);
    gpt2_model::for_each(*p, [](std::string_view name, const auto& view) {
        INFO(name);
        double square = 0;
        for (int at = 0; at < view.size(); ++at)
            square += static_cast<double>(view.element(at)) * view.element(at);
        const double deviation = std::sqrt(square / view.size());
        const std::string_view last = name.substr(name.find('.') + 1);
        const bool joins = last == "W_out" || last == "W_contract";
        const double expected = last.starts_with("b") ? 0 : last.starts_with("g") ? 1 : 0.02;
        CHECK(std::abs(deviation - (joins ? expected / 2 : expected)) <= 0.2 * expected);
    });
}

TEST_CASE("llama with grouped queries is Hugging Face's") {
    comparison<llama_model<tied<false>, position::rotary_halves<>>> of{"llama"};
    of.agrees({of.symbols("token")}, names::llama);
}

TEST_CASE("a llama whose pairs are neighbours takes Hugging Face's rows in its own order") {
    using Model = llama_model<tied<false>>;
    comparison<Model> of{"llama"};
    of.forward_agrees({of.symbols("token")}, names::llama);
    of.is_written_back(names::llama);
}

TEST_CASE("a head beside a model that has the embedding in its place is the embedding") {
    const auto check = []<class Model>(file_of file, io::name_map map, const std::string& prefix,
                                       const std::string& embedding) {
        const auto with = [&](std::vector<std::uint64_t> shape, std::vector<float> numbers) {
            file_of changed = file;
            changed.add("lm_head.weight", std::move(shape), std::move(numbers));
            return changed.message<Model>(map);
        };
        using sequent_test::contains;
        std::vector<float> numbers = file.values[prefix + embedding];
        const auto shape = file.shape(prefix + embedding);
        CHECK(file.message<Model>(map).empty());
        CHECK(with(shape, numbers).empty());
        CHECK_THAT(with({shape[1], shape[0]}, numbers), contains("\"lm_head.weight\""));
        CHECK_THAT(with({1, shape[0], shape[1]}, numbers), contains("\"lm_head.weight\""));
        numbers[5] += 1;
        CHECK_THAT(with(shape, numbers),
                   contains("\"lm_head.weight\": element 5 is") && contains(embedding));
        // As a writer leaves it that keeps one of two names.
        file_of alone = file;
        const auto entry =
            std::ranges::find(alone.header.tensors, prefix + embedding, &io::header_entry::name);
        alone.values["lm_head.weight"] = alone.values[entry->name];
        alone.header.metadata[entry->name] = "lm_head.weight";
        entry->name = "lm_head.weight";
        CHECK(alone.message<Model>(map).empty());
        alone.header.metadata.clear();
        CHECK_THAT(alone.message<Model>(map), contains(embedding) && contains("not in the file"));
    };
    check.operator()<gpt2_model>(file_of("gpt2"), names::gpt2, "transformer.", "wte.weight");
    file_of tied("llama");
    std::erase_if(tied.header.tensors,
                  [](const auto& each) { return each.name == "lm_head.weight"; });
    check.operator()<llama_model<>>(tied, names::llama, "model.", "embed_tokens.weight");
}
