#pragma once

#include <algorithm>
#include <string>

#include "bench.hpp"

/// A language model of the size of llama2.c's stories260K: one symbol after another, the likeliest.

namespace bench {

struct generation_case {
    int width = 64, hidden = 172, depth = 5, heads = 8, key_heads = 4, symbols = 512, length = 512;

    constexpr int key_width() const { return width / heads * key_heads; }
    /// Numbers of one layer's matrices.
    constexpr int layer() const { return 2 * width * (width + key_width()) + 3 * width * hidden; }
    /// Of `positions` steps from the first on: the products, and attention over t + 1 columns.
    constexpr double flop(int positions) const {
        const double pairs = 0.5 * positions * (positions + 1);
        return 2.0 * positions * (depth * layer() + width * symbols) + 4.0 * depth * width * pairs;
    }
};
inline constexpr generation_case stories;

/// `step(symbol, position)` gives the logits.
template <class Step>
void generate(benchmark::State& state, int positions, Step step) {
    for (auto _ : state) {
        int symbol = 1;
        for (int position = 0; position < positions; ++position) {
            const float* logits = step(symbol, position);
            symbol = static_cast<int>(std::max_element(logits, logits + stories.symbols) - logits);
        }
        benchmark::DoNotOptimize(symbol);
    }
    report(state, stories.flop(positions));
    state.counters["tokens/s"] =
        benchmark::Counter(positions, benchmark::Counter::kIsIterationInvariantRate);
}

template <class Step>
void register_generation(Step step) {
    for (const int positions : {64, 200, 512})
        benchmark::RegisterBenchmark(
            ("generation " + std::to_string(positions)).c_str(),
            [=](benchmark::State& state) { generate(state, positions, step); });
}

}  // namespace bench
