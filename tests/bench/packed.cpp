#include <sequent/kernel/packed.hpp>
#include <sequent/kernel/product.hpp>

#include <chrono>
#include <cstdio>

#include "bench.hpp"

// Products of one row and of 128 rows with float and with packed weights. The formats alternate,
// and the least time of each counts. The error is that of the result against double products of
// the float weights, relative to the greatest result.

namespace {

using namespace bench;
namespace kernel = sequent::kernel;
using bytes = std::vector<std::byte, aligned<std::byte>>;

struct result {
    const char* name;
    double seconds = 1e9, bytes = 0, error = 0;
};

template <class Call>
void measure(result& to, Call call) {
    using clock = std::chrono::steady_clock;
    // About two milliseconds, so that a format finds its weights in the caches as it left them.
    const auto begin = clock::now();
    int calls = 0;
    double seconds = 0;
    do {
        for (int i = 0; i < 4; ++i) call();
        calls += 4;
        seconds = std::chrono::duration<double>(clock::now() - begin).count();
    } while (seconds < 2e-3);
    to.seconds = std::min(to.seconds, seconds / calls);
}

template <class Format, int Inputs, int Outputs>
struct packed_weights {
    bytes memory, scratch;

    packed_weights(const floats& w, int rows)
        : memory(kernel::packed_bytes<Format>(Inputs, Outputs)),
          scratch(kernel::packed_scratch_bytes<Format, Inputs>(rows)) {
        kernel::pack<Format>(w.data(), Inputs, Outputs, Outputs, 1, memory.data());
    }
    void product(const floats& x, floats& out, int rows) {
        kernel::packed_product<Format, Inputs, Outputs, false>(
            x.data(), Inputs, memory.data(), out.data(), Outputs, rows, scratch.data());
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
};

template <int Rows, int Inputs, int Outputs>
void compare() {
    const floats x = numbers(Rows * Inputs, 1), w = numbers(Inputs * Outputs, 2, 0.05);
    floats out(to_size(Rows * Outputs));
    packed_weights<kernel::bf16, Inputs, Outputs> sixteen(w, Rows);
    packed_weights<kernel::q8_0, Inputs, Outputs> eight(w, Rows);
    packed_weights<kernel::q4_0, Inputs, Outputs> four(w, Rows);
    constexpr kernel::product_shape shape{.rows = Rows,
                                          .columns = Outputs,
                                          .depth = Inputs,
                                          .a_row = Inputs,
                                          .a_depth = 1,
                                          .b_depth = Outputs,
                                          .b_column = 1,
                                          .c_row = Outputs,
                                          .accumulate = false};
    constexpr int rows = 4;  // of which the error is taken
    doubles expected(to_size(std::min(Rows, rows) * Outputs));
    for (int r = 0; r < std::min(Rows, rows); ++r)
        for (int k = 0; k < Inputs; ++k)
            for (int n = 0; n < Outputs; ++n)
                expected[to_size(r * Outputs + n)] +=
                    static_cast<double>(x[to_size(r * Inputs + k)]) *
                    static_cast<double>(w[to_size(k * Outputs + n)]);
    result results[4] = {{"float"}, {"bf16"}, {"q8_0"}, {"q4_0"}};
    const auto call = [&](int which) {
        if (which == 0) {
            kernel::product<shape>(x.data(), w.data(), out.data());
            benchmark::DoNotOptimize(out.data());
            benchmark::ClobberMemory();
        } else if (which == 1) {
            sixteen.product(x, out, Rows);
        } else if (which == 2) {
            eight.product(x, out, Rows);
        } else {
            four.product(x, out, Rows);
        }
    };
    const double sizes[4] = {
        sizeof(float) * static_cast<double>(w.size()), static_cast<double>(sixteen.memory.size()),
        static_cast<double>(eight.memory.size()), static_cast<double>(four.memory.size())};
    for (int which = 0; which < 4; ++which) {
        std::fill(out.begin(), out.end(), std::nanf(""));
        call(which);
        results[which].bytes = sizes[which];
        results[which].error =
            error(floats(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(expected.size())),
                  expected);
    }
    for (int repeat = 0; repeat < 24; ++repeat)
        for (int which = 0; which < 4; ++which) measure(results[which], [&] { call(which); });
    for (const result& r : results)
        std::printf("%4d x %4d x %4d %-6s %9.2f us %7.1f GB/s %7.1f GFLOP/s %6.2f x  error %.1e\n",
                    Rows, Inputs, Outputs, r.name, r.seconds * 1e6, r.bytes / r.seconds * 1e-9,
                    2.0 * Rows * Inputs * Outputs / r.seconds * 1e-9,
                    results[0].seconds / r.seconds, r.error);
}

}  // namespace

int main() {
    std::printf("flags: %s\n", BENCH_FLAGS);
    compare<1, 288, 768>();
    compare<1, 768, 288>();
    compare<1, 576, 1536>();
    compare<1, 4096, 4096>();
    compare<1, 4096, 16384>();
    compare<2, 576, 1536>();
    compare<128, 288, 768>();
    compare<128, 768, 288>();
    compare<128, 576, 1536>();
}
