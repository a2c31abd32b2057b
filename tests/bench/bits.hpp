#pragma once

#include <string>

#include "generation.hpp"

/// What is measured with fewer bits, for our own programs and for the peers'. A row is "bits WORK,
/// FORMAT"; compare.py puts the time of "bits WORK, float" beside it.

namespace bench {

/// A language model, and the positions of a sample.
struct bits_case {
    const char* name;
    generation_case of;
    int positions;
};
inline constexpr bits_case bits_cases[] = {
    {"260K", stories, 200},
    {"15M", {288, 768, 6, 6, 6, 32000, 256}, 128},
    {"SmolLM2", {576, 1536, 30, 9, 3, 49152, 256}, 16},
};

/// Registers "bits NAME generation, FORMAT": steps over fixed symbols. `open` is called once, where
/// the row is measured, and returns a function of symbol and position.
template <class Open>
void register_bits(const bits_case& each, const char* format, Open open) {
    benchmark::RegisterBenchmark(
        (std::string("bits ") + each.name + " generation, " + format).c_str(),
        [=](benchmark::State& state) {
            auto step = open();
            for (auto _ : state)
                for (int position = 0; position < each.positions; ++position)
                    benchmark::DoNotOptimize(step(position + 1, position));
            report(state, each.of.flop(each.positions));
            state.counters["tokens/s"] =
                benchmark::Counter(each.positions, benchmark::Counter::kIsIterationInvariantRate);
        });
}

}  // namespace bench
