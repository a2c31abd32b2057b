#include <Eigen/Dense>

#include "../bench.hpp"
#include "../reference.hpp"

// Eigen's products of n x n matrices of a static size, as far as its limit for objects on the stack
// allows: 128 KB.

namespace {

using namespace bench;

template <form Which, int N>
void product(benchmark::State& state) {
    using matrix = Eigen::Matrix<float, N, N, Eigen::RowMajor>;
    const floats a = numbers(N * N, 1), b = numbers(N * N, 2);
    floats c(to_size(N * N));
    const Eigen::Map<const matrix, Eigen::Aligned64> x(a.data()), y(b.data());
    Eigen::Map<matrix, Eigen::Aligned64> z(c.data());
    for (auto _ : state) {
        if constexpr (Which == form::plain)
            z.noalias() = x * y;
        else if constexpr (Which == form::left_transposed)
            z.noalias() = x.transpose() * y;
        else
            z.noalias() = x * y.transpose();
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
        if constexpr (n <= 128)
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
    return run(argc, argv, "Eigen, fixed size",
               std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) +
                   "." + std::to_string(EIGEN_MINOR_VERSION));
}
