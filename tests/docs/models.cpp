// The code of docs/models.md.

#include <sequent/formats.hpp>
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

// clang-format off
// [module]
namespace mlp {
using namespace sequent::language;

SEQUENT_RELATIONS(x, inner, y);
SEQUENT_WEIGHT(W_1, 16, 4);
SEQUENT_WEIGHT(b_1, 16);
SEQUENT_WEIGHT(W_2, 3, 16);
SEQUENT_WEIGHT(b_2, 3);

inline constexpr auto program = rules(
    inner() <<= (x()[W_1], b_1) | gelu(),
    y()     <<= (inner()[W_2], b_2));

inline constexpr io::name_entry names[] = {
    {"W_1", "0.weight"}, {"b_1", "0.bias"}, {"W_2", "2.weight"}, {"b_2", "2.bias"}};
}  // namespace mlp

using Mlp = model<mlp::program, fact<"x", 4>>;
// [/module]
// clang-format on
}  // namespace

TEST_CASE("a module is loaded by its names") {
    const std::string path = "docs_module.safetensors";
    Mlp::parameters<float> saved;
    Mlp::initialize(saved, 1);
    io::save<Mlp>(path, saved, mlp::names);
    CHECK(io::read_header(path).tensors.size() == 4);
    // [module_load]
    Mlp::parameters<float> parameters;
    io::load<Mlp>(path, parameters, mlp::names);
    // [/module_load]
    std::remove(path.c_str());
    CHECK(parameters[mlp::W_2](2, 5) == saved[mlp::W_2](2, 5));
}

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
    const std::vector<std::int32_t> prompt{5, 3, 49};
    std::vector<std::int32_t> text;
    // [generator]
    generator<GPT2> writer(file, io::hugging_face::gpt2, {.temperature = 0});
    writer.read(prompt);
    for (int token = 0; token < 10; ++token) text.push_back(writer.next());
    // [/generator]
    {
        const auto state = make_unique<GPT2::state<float>>();
        auto expected = GPT2::prefill(*p, {prompt}, *state);
        sampler greedy(50, {.temperature = 0});
        for (const std::int32_t token : text) {
            CHECK(token == greedy(expected));
            expected = GPT2::step(*p, {token}, *state);
        }
        CHECK(writer.size() == 13);
        while (writer.size() < 17) (void)writer.next();  // the last one has no position
        CHECK_THROWS_AS(writer.next(), argument_error);
        CHECK_THROWS_AS(writer.next(), argument_error);
        CHECK(writer.size() == 17);
        text.clear();
    }
    std::remove(file.c_str());

    // [attempt]
    const auto loaded =
        attempt([&] { io::load<GPT2>("missing.safetensors", *p, io::hugging_face::gpt2); });
    const std::string why = loaded ? "" : loaded.message;
    // [/attempt]
    CHECK(why == "missing.safetensors: cannot be opened: No such file or directory");

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
