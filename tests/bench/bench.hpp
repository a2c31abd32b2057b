#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "../error.hpp"

/// What the benchmark programs share: their numbers, their context and their main.

namespace bench {

/// Memory as a careful caller has it: each block starts a cache line.
template <class T>
struct aligned {
    using value_type = T;
    aligned() = default;
    template <class U>
    constexpr aligned(const aligned<U>&) noexcept {}
    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(64)));
    }
    void deallocate(T* p, std::size_t) noexcept { ::operator delete(p, std::align_val_t(64)); }
    friend bool operator==(aligned, aligned) { return true; }
};
using floats = std::vector<float, aligned<float>>;
using doubles = std::vector<double, aligned<double>>;

constexpr std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}

/// Numbers that every program draws alike: about normal, of the deviation.
inline floats numbers(int count, std::uint32_t seed, double deviation = 1) {
    floats result(to_size(count));
    std::uint32_t state = seed * 2654435761u + 12345u;
    for (float& number : result) {
        double sum = 0;
        for (int i = 0; i < 12; ++i) {
            state = state * 1664525u + 1013904223u;
            sum += static_cast<double>(state >> 8) / double(1 << 24);
        }
        number = static_cast<float>((sum - 6) * deviation);
    }
    return result;
}

inline doubles widened(const floats& x) {
    return doubles(x.begin(), x.end());
}

/// The largest difference divided by the largest expected magnitude; infinite if a number is NaN or
/// the sizes differ.
template <class List>
double error(const List& found, const doubles& wanted) {
    if (found.size() != wanted.size()) return sequent_test::infinite;
    sequent_test::largest difference, greatest;
    for (std::size_t at = 0; at < wanted.size(); ++at) {
        difference.add(std::abs(static_cast<double>(found[at]) - wanted[at]));
        greatest.add(std::abs(wanted[at]));
    }
    const bool finite = std::isfinite(difference.value()) && std::isfinite(greatest.value());
    return finite ? difference.value() / greatest.value() : sequent_test::infinite;
}

/// Whether errors are asked for: some references take longer than what they check.
inline bool checks = false;

inline void report(benchmark::State& state, double flop) {
    state.counters["flop"] = flop;
    state.counters["flop/s"] =
        benchmark::Counter(flop, benchmark::Counter::kIsIterationInvariantRate);
}

/// After the loop: `measure_error` gives the error of what the loop left.
template <class F>
void check(benchmark::State& state, F measure_error) {
    if (checks) state.counters["error"] = measure_error();
}

inline const char* instruction_set() {
#if defined(__AVX512F__)
    return "AVX-512";
#elif defined(__AVX2__)
    return "AVX2";
#elif defined(__AVX__)
    return "AVX";
#elif defined(__aarch64__)
    return "NEON";
#else
    return "the base of the architecture";
#endif
}

/// main of every program. `--check` adds the error to each row; other arguments are Google
/// Benchmark's.
inline int run(int argc, char** argv, const std::string& what, const std::string& version = "") {
    const auto last = std::remove_if(argv + 1, argv + argc, [](const char* argument) {
        return std::strcmp(argument, "--check") == 0;
    });
    checks = last != argv + argc;
    argc = static_cast<int>(last - argv);
    benchmark::AddCustomContext("measured", what);
    benchmark::AddCustomContext("version", version);
#if defined(__clang__)
    benchmark::AddCustomContext("compiler", __VERSION__);
#else
    benchmark::AddCustomContext("compiler", "GCC " __VERSION__);
#endif
    benchmark::AddCustomContext("flags", BENCH_FLAGS);
    benchmark::AddCustomContext("instruction set", instruction_set());
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

}  // namespace bench
