#include <benchmark/benchmark.h>

#include <memory>
#include <sequent/sequent.hpp>
#include <span>
#include <vector>

// Encoder layers and the training step of a small language model. compare.py runs them against
// PyTorch.

namespace {

using namespace sequent;

template <class Model>
struct setup {
    std::unique_ptr<typename Model::template parameters<float>> p =
        make_unique<typename Model::template parameters<float>>();
    std::unique_ptr<typename Model::template parameters<float>> gradient =
        make_unique<typename Model::template parameters<float>>();
    std::unique_ptr<typename Model::template workspace<float>> w =
        make_unique<typename Model::template workspace<float>>();
    random_numbers random{1};

    setup() { Model::initialize(*p, 1); }

    std::vector<float> normal(int size) {
        std::vector<float> result(static_cast<std::size_t>(size));
        for (float& number : result) number = static_cast<float>(random.normal());
        return result;
    }
};

template <int N, int D, int H>
void encoder_forward(benchmark::State& state) {
    using model_type = transformer::encoder<tokens<N>, width<D>, heads<H>>;
    setup<model_type> s;
    const auto x = s.normal(N * D);
    const typename model_type::template facts<float> facts{x};
    for (auto _ : state) {
        benchmark::DoNotOptimize(model_type::forward(*s.p, facts, *s.w).data);
        benchmark::ClobberMemory();
    }
}

template <int N, int D, int H>
void encoder_both(benchmark::State& state) {
    using model_type = transformer::encoder<tokens<N>, width<D>, heads<H>>;
    setup<model_type> s;
    const auto x = s.normal(N * D);
    const auto outward = s.normal(N * D);
    std::vector<float> x_gradient(x.size());
    const typename model_type::template facts<float> facts{x};
    const typename model_type::template output_gradients<float> gradients{outward};
    const typename model_type::template fact_gradients<float> wanted{x_gradient};
    for (auto _ : state) {
        benchmark::DoNotOptimize(model_type::forward(*s.p, facts, *s.w).data);
        std::ranges::fill(s.gradient->flat(), 0.0F);
        std::ranges::fill(x_gradient, 0.0F);
        model_type::backward(*s.p, facts, gradients, *s.w, *s.gradient, wanted);
        benchmark::ClobberMemory();
    }
}

/// Forward, loss, backward, clipping and AdamW over a batch of sequences.
void training_step(benchmark::State& state) {
    constexpr int context = 64;
    constexpr int symbols = 65;
    using model_type = transformer::language_model<vocabulary<symbols>, tokens<context>, width<128>,
                                                   heads<4>, depth<4>>;
    const auto batch = static_cast<std::size_t>(state.range(0));
    setup<model_type> s;
    std::vector<std::int32_t> text(batch * (context + 1));
    for (auto& symbol : text) symbol = s.random.below(symbols);
    std::vector<float> outward(context * symbols);
    train::adam_w<float> optimizer(s.p->flat().size(), 0.1);
    for (auto _ : state) {
        for (std::size_t at = 0; at < batch; ++at) {
            const auto window =
                std::span<const std::int32_t>(text).subspan(at * (context + 1), context + 1);
            const model_type::facts<float> facts{window.first(context)};
            const auto logits = model_type::forward(*s.p, facts, *s.w);
            benchmark::DoNotOptimize(train::cross_entropy<context, symbols>(
                logits.data, window.last(context), outward.data(),
                1.0F / static_cast<float>(batch)));
            model_type::backward(*s.p, facts, outward, *s.w, *s.gradient);
        }
        train::clip_by_norm<float>(s.gradient->flat(), 1.0F);
        optimizer.step(s.p->flat(), s.gradient->flat(), 1e-4);
        std::ranges::fill(s.gradient->flat(), 0.0F);
    }
}

BENCHMARK(encoder_forward<16, 32, 2>)->Name("encoder forward 16x32");
BENCHMARK(encoder_forward<64, 128, 4>)->Name("encoder forward 64x128");
BENCHMARK(encoder_forward<256, 256, 8>)->Name("encoder forward 256x256");
BENCHMARK(encoder_both<16, 32, 2>)->Name("encoder forward+backward 16x32");
BENCHMARK(encoder_both<64, 128, 4>)->Name("encoder forward+backward 64x128");
BENCHMARK(encoder_both<256, 256, 8>)->Name("encoder forward+backward 256x256");
BENCHMARK(training_step)
    ->Name("training step, batch")
    ->Arg(1)
    ->Arg(12)
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
