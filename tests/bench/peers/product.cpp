#include "../bench.hpp"
#include "../reference.hpp"
#include "gemm.hpp"

// A peer's products of n x n matrices.

namespace {

using namespace bench;

void product(benchmark::State& state, form which, int n) {
    const floats a = numbers(n * n, 1), b = numbers(n * n, 2);
    floats c(to_size(n * n));
    gemm multiply({which, n, n, n, n, n, n});
    for (auto _ : state) {
        multiply(a.data(), b.data(), c.data());
        benchmark::DoNotOptimize(c.data());
        benchmark::ClobberMemory();
    }
    report(state, 2.0 * n * n * n);
    check(state, [&] { return error(c, reference::product(which, n, a, b)); });
}

}  // namespace

int main(int argc, char** argv) {
    peer::start();
    for (const form which : forms)
        for (const int n : product_sizes)
            benchmark::RegisterBenchmark((name_of(which) + std::to_string(n)).c_str(), product,
                                         which, n);
    return run(argc, argv, peer::name(), peer::version());
}
