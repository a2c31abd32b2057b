#include <sequent/packed.hpp>
#include <span>
#include <type_traits>

#include "bits.hpp"

// Many rows with fewer bits: an encoder of MiniLM's size, a prompt of a language model, a training
// step of an encoder layer with products in bfloat16; and steps over a long KV cache.

namespace {

using namespace bench;
using namespace sequent;

/// Random parameters of a model, and weights packed from them.
template <class Model, class Format>
auto random_weights() {
    using parameters = typename Model::template parameters<float>;
    auto p = make_unique<parameters>();
    Model::initialize(*p, 1);
    if constexpr (std::is_same_v<Format, float>)
        return p;
    else
        return make_unique<typename Model::template packed<Format>>(*p);
}

using encoder = transformer::encoder<tokens<128>, width<384>, heads<12>, depth<6>>;

template <class Format>
void encode(benchmark::State& state) {
    const auto weights = random_weights<encoder, Format>();
    const auto s = make_unique<encoder::scratch<float>>();
    const floats x = numbers(128 * 384, 2);
    for (auto _ : state) {
        benchmark::DoNotOptimize(encoder::forward(*weights, {x}, *s).data);
        benchmark::ClobberMemory();
    }
    report(state, 6 * (2.0 * 12 * 128 * 384 * 384 + 4.0 * 128 * 128 * 384));
}

template <int Tokens>
using language = llama<vocabulary<49152>, tokens<Tokens>, width<576>, heads<9>, key_heads<3>,
                       hidden<1536>, depth<30>>;

template <class Format>
void read_prompt(benchmark::State& state) {
    using model = language<256>;
    const auto weights = random_weights<model, Format>();
    const auto s = make_unique<model::state<float>>();
    std::vector<std::int32_t> prompt(128);
    for (int at = 0; at < 128; ++at) prompt[to_size(at)] = at + 1;
    for (auto _ : state) {
        s->reset();
        benchmark::DoNotOptimize(model::prefill(*weights, {prompt}, *s).data);
    }
    report(state, bits_cases[2].of.flop(128));
}

/// 16 steps behind 2,000 positions, with weights in q8_0.
template <class Cache>
void step_over_cache(benchmark::State& state) {
    using model = language<2048>;
    constexpr int before = 2000, steps = 16;
    const auto weights = random_weights<model, q8_0>();
    using states = std::conditional_t<std::is_same_v<Cache, float>, model::state<float>,
                                      model::state<float, cache<Cache>>>;
    const auto s = make_unique<states>();
    std::vector<std::int32_t> prompt(before);
    for (int at = 0; at < before; ++at) prompt[to_size(at)] = at + 1;
    (void)model::prefill(*weights, {prompt}, *s);
    for (auto _ : state) {
        s->truncate(before);
        for (int at = 0; at < steps; ++at)
            benchmark::DoNotOptimize(model::step(*weights, {at + 1}, *s).data);
    }
    report(state, bits_cases[2].of.flop(before + steps) - bits_cases[2].of.flop(before));
}

using layer = transformer::encoder<tokens<256>, width<256>, heads<8>>;

/// Forward, and backward to all weights.
template <class Workspace>
void train_layer(benchmark::State& state) {
    const auto p = random_weights<layer, float>();
    const auto gradient = make_unique<layer::parameters<float>>();
    const auto w = make_unique<Workspace>();
    const floats x = numbers(256 * 256, 2), outward = numbers(256 * 256, 7);
    for (auto _ : state) {
        std::ranges::fill(gradient->flat(), 0.0F);
        benchmark::DoNotOptimize(layer::forward(*p, {x}, *w).data);
        layer::backward(*p, {x}, {outward}, *w, *gradient);
        benchmark::ClobberMemory();
    }
    report(state, 3 * (2.0 * 12 * 256 * 256 * 256 + 4.0 * 256 * 256 * 256));
}

using text =
    transformer::language_model<vocabulary<65>, tokens<256>, width<256>, heads<8>, depth<4>>;

/// Forward, loss and backward of one text.
template <class Workspace>
void train_text(benchmark::State& state) {
    const auto p = random_weights<text, float>();
    const auto gradient = make_unique<text::parameters<float>>();
    const auto w = make_unique<Workspace>();
    std::vector<std::int32_t> symbols(257);
    for (int at = 0; at < 257; ++at) symbols[to_size(at)] = at * at % 65;
    const std::span<const std::int32_t> all(symbols);
    floats outward(256 * 65);
    for (auto _ : state) {
        std::ranges::fill(gradient->flat(), 0.0F);
        const auto logits = text::forward(*p, {all.first(256)}, *w);
        benchmark::DoNotOptimize(
            train::cross_entropy(logits, all.last(256), view_of(outward, 256, 65)));
        text::backward(*p, {all.first(256)}, outward, *w, *gradient);
    }
    report(state,
           3 * (4 * (2.0 * 12 * 256 * 256 * 256 + 2.0 * 256 * 257 * 256) + 2.0 * 256 * 256 * 65));
}

}  // namespace

int main(int argc, char** argv) {
    const auto add = [](const char* name, void (*measured)(benchmark::State&)) {
        benchmark::RegisterBenchmark(name, measured);
    };
    add("bits encoder 128x384, float", encode<float>);
    add("bits encoder 128x384, bf16", encode<bf16>);
    add("bits encoder 128x384, q8_0", encode<q8_0>);
    add("bits encoder 128x384, q4_0", encode<q4_0>);
    add("bits SmolLM2 prompt 128, float", read_prompt<float>);
    add("bits SmolLM2 prompt 128, bf16", read_prompt<bf16>);
    add("bits SmolLM2 prompt 128, q8_0", read_prompt<q8_0>);
    add("bits SmolLM2 prompt 128, q4_0", read_prompt<q4_0>);
    add("bits SmolLM2 cache 2000, float", step_over_cache<float>);
    add("bits SmolLM2 cache 2000, bf16", step_over_cache<bf16>);
    add("bits SmolLM2 cache 2000, q8_0", step_over_cache<q8_0>);
    add("bits training 256x256, float", train_layer<layer::workspace<float>>);
    add("bits training 256x256, bf16", train_layer<layer::workspace<float, bf16>>);
    add("bits training text 4 x 256x256, float", train_text<text::workspace<float>>);
    add("bits training text 4 x 256x256, bf16", train_text<text::workspace<float, bf16>>);
    return run(argc, argv, "Sequent");
}
