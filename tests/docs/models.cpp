// The code of docs/models.md.

#include <sequent/packed.hpp>
#include <sequent/sequent.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "../catch.hpp"

namespace {
// [type]
using namespace sequent;

// The published model: vocabulary<50257>, tokens<1024>, width<768>, heads<12>, depth<12>.
using GPT2 = gpt2<vocabulary<50>, tokens<16>, width<32>, heads<4>, depth<2>>;
// [/type]

// [names]
inline constexpr io::name_entry names[] = {
    io::optional_prefix("transformer."),
    {"embedding", "wte.weight"},
    {"position", "wpe.weight", io::rows_from(0)},  // as many rows as the model has positions
    {"layers.W_query", "h.{}.attn.c_attn.weight", io::transposed | io::part(0, 3)},
    {"layers.b_query", "h.{}.attn.c_attn.bias", io::flat | io::part(0, 3)},
    // ...
};
// [/names]
static_assert(sizeof(names) > 0);
}  // namespace

TEST_CASE("a model is loaded, prefilled, stepped and packed") {
    const std::string file = "docs_model.safetensors";
    {
        const auto p = make_unique<GPT2::parameters<float>>();
        GPT2::initialize(*p, 1);
        io::save<GPT2>(file, *p, io::hugging_face::gpt2);
    }
    // [load]
    auto p = make_unique<GPT2::parameters<float>>();
    io::load<GPT2>(file, *p, io::hugging_face::gpt2);  // F32, F16 or BF16; the file is mapped
    // [/load]
    std::remove(file.c_str());

    const std::vector<std::int32_t> prompt{5, 3, 49};
    std::vector<std::int32_t> text;
    // [generate]
    auto s = make_unique<GPT2::state<float>>();                  // one for each sequence
    sampler choose(50, {.temperature = 0.8, .top_p = 0.95}, 1);  // 0 is greedy; or top_k

    auto logits = GPT2::prefill(*p, {prompt}, *s);  // the whole prompt
    for (int length = 0; length < 10; ++length) {
        text.push_back(choose(logits));
        logits = GPT2::step(*p, {text.back()}, *s);
    }
    // [/generate]
    CHECK(text.size() == 10);
    CHECK(s->position() == 13);

    s->reset();
    const auto expected = GPT2::prefill(*p, {prompt}, *s);
    const std::vector<float> exact(expected.data, expected.data + 50);
    s->reset();
    // [packed]
    auto q = make_unique<GPT2::packed<q8_0>>(*p);
    logits = GPT2::prefill(*q, {prompt}, *s);
    // [/packed]
    for (int c = 0; c < 50; ++c)
        CHECK(logits(c) == Approx(exact[static_cast<std::size_t>(c)]).margin(0.02));
    // [mapped]
    io::save_packed("model.packed", *q);
    const auto mapped = io::map_saved_packed<GPT2::packed<q8_0>>("model.packed");
    logits = GPT2::step(mapped, {7}, *s);
    // [/mapped]
    std::remove("model.packed");
    const std::vector<float> of_mapped(logits.data, logits.data + 50);
    s->truncate(3);
    logits = GPT2::step(*q, {7}, *s);
    for (int c = 0; c < 50; ++c) CHECK(logits(c) == of_mapped[static_cast<std::size_t>(c)]);
    // [cache]
    auto fewer =
        make_unique<GPT2::state<float, cache<q8_0>>>();  // or cache<bf16>, cache<q8_0, bf16>
    logits = GPT2::prefill(*p, {prompt}, *fewer);
    // [/cache]
    CHECK(fewer->cache_bytes > 0);
    for (int c = 0; c < 50; ++c)
        CHECK(logits(c) == Approx(exact[static_cast<std::size_t>(c)]).margin(0.02));
}
