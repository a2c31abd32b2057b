#include <sequent/kernel/product.hpp>

#include "bench.hpp"
#include "cases.hpp"
#include "reference.hpp"

// Products of n x n matrices of a static size.

namespace {

using namespace bench;

template <form Which, int N>
constexpr sequent::kernel::product_shape shape{.rows = N,
                                               .columns = N,
                                               .depth = N,
                                               .a_row = Which == form::left_transposed ? 1 : N,
                                               .a_depth = Which == form::left_transposed ? N : 1,
                                               .b_depth = Which == form::right_transposed ? 1 : N,
                                               .b_column = Which == form::right_transposed ? N : 1,
                                               .c_row = N,
                                               .accumulate = false};

template <form Which, int N>
void product(benchmark::State& state) {
    const floats a = numbers(N * N, 1), b = numbers(N * N, 2);
    floats c(to_size(N * N));
    for (auto _ : state) {
        sequent::kernel::product<shape<Which, N>>(a.data(), b.data(), c.data());
        benchmark::DoNotOptimize(c.data());
        benchmark::ClobberMemory();
    }
    report(state, 2.0 * N * N * N);
    check(state, [&] { return error(c, reference::product(Which, N, a, b)); });
}

template <form Which, std::size_t At = 0>
void add() {
    if constexpr (At < product_sizes.size()) {
        constexpr int n = product_sizes[At];
        benchmark::RegisterBenchmark((name_of(Which) + std::to_string(n)).c_str(),
                                     product<Which, n>);
        add<Which, At + 1>();
    }
}

}  // namespace

int main(int argc, char** argv) {
    add<form::plain>();
    add<form::left_transposed>();
    add<form::right_transposed>();
    return run(argc, argv, "Sequent");
}
