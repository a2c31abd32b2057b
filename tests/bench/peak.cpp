#include <sequent/kernel/math.hpp>

#include "bench.hpp"

// The limits of one core. The first row is the peak that every fraction refers to, and compare.py
// judges by it how quiet the machine is: nothing here depends on the library's kernels.

namespace {

using namespace bench;
using sequent::kernel::batch;
using sequent::kernel::lanes;

/// The sum of all, so that none is left out.
template <std::size_t Count>
batch<float> total(const batch<float> (&sum)[Count]) {
    batch<float> result = sum[0];
    for (std::size_t i = 1; i < Count; ++i) result += sum[i];
    return result;
}

/// Independent chains of multiply-adds that stay in registers: enough of them to hide the latency,
/// few enough for the registers.
void multiply_add(benchmark::State& state) {
    constexpr int chains = sequent::kernel::vector_registers == 32 ? 24 : 12;
    constexpr int links = 1000;
    float factor = 0.999F, summand = 0.001F;
    for (auto _ : state) {
        benchmark::DoNotOptimize(factor);
        benchmark::DoNotOptimize(summand);
        const batch<float> by = sequent::kernel::set(factor), more = sequent::kernel::set(summand);
        batch<float> sum[chains];
        SEQUENT_UNROLL for (int i = 0; i < chains; ++i) sum[i] =
            sequent::kernel::set(static_cast<float>(i));
        SEQUENT_NO_UNROLL for (int k = 0; k < links; ++k) {
            SEQUENT_UNROLL for (int i = 0; i < chains; ++i) sum[i] =
                sequent::kernel::fma(sum[i], by, more);
        }
        benchmark::DoNotOptimize(total(sum));
    }
    report(state, 2.0 * chains * links * lanes<float>);
}

/// Loads all of a block, again and again.
void load(benchmark::State& state, int kilobytes) {
    constexpr int chains = 16;
    const int size = kilobytes * 1024 / int{sizeof(float)};
    const floats block(to_size(size), 1.5F);
    for (auto _ : state) {
        batch<float> sum[chains];
        SEQUENT_UNROLL for (int i = 0; i < chains; ++i) sum[i] = sequent::kernel::zero<float>();
        const float* at = block.data();
        const float* const end = at + size;
        SEQUENT_NO_UNROLL for (; at != end; at += chains * lanes<float>) {
            SEQUENT_UNROLL for (int i = 0; i < chains; ++i) sum[i] +=
                sequent::kernel::load(at + i * lanes<float>);
        }
        benchmark::DoNotOptimize(total(sum));
        benchmark::ClobberMemory();
    }
    state.counters["byte/s"] = benchmark::Counter(static_cast<double>(size) * sizeof(float),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

/// The library's exponential, over numbers as a softmax has them, in the first cache.
void exponential(benchmark::State& state) {
    constexpr int size = 2048;
    floats x = numbers(size, 1, 4), y(size);
    for (auto _ : state) {
        benchmark::DoNotOptimize(x.data());
        for (int i = 0; i < size; i += lanes<float>)
            sequent::kernel::store(y.data() + i,
                                   sequent::kernel::exp(sequent::kernel::load(x.data() + i)));
        benchmark::ClobberMemory();
    }
    state.counters["element/s"] =
        benchmark::Counter(size, benchmark::Counter::kIsIterationInvariantRate);
    check(state, [&] {
        sequent_test::largest greatest;
        for (std::size_t i = 0; i < size; ++i) {
            const double wanted = std::exp(double{x[i]});
            greatest.add(std::abs(double{y[i]} - wanted) / wanted);
        }
        return greatest.value();
    });
}

BENCHMARK(multiply_add)->Name("peak multiply-add");
BENCHMARK(exponential)->Name("peak exp");

}  // namespace

int main(int argc, char** argv) {
    // The first, second and last cache, and the memory, of most processors.
    for (const int size : {16, 256, 8192, 131072})
        benchmark::RegisterBenchmark(("peak load from " + std::to_string(size) + " KB").c_str(),
                                     load, size);
    return run(argc, argv, "Sequent");
}
