#include "../bits.hpp"
#include "llama2c.hpp"

// The same with llama2.c: float with its run, int8 with its runq.

int main(int argc, char** argv) {
    constexpr bool in_bytes = BENCH_LLAMA2C_BYTES;
    for (const bench::bits_case& each : bench::bits_cases) {
        const auto open = [&each] {
            bench::open_checkpoint(each.of, in_bytes);
            return llama2c_step;
        };
        if (in_bytes) {
            // One file for both formats of ours.
            bench::register_bits(each, "q8", open);
            bench::register_bits(each, "q8_0", open);
        } else {
            bench::register_bits(each, "float", open);
        }
    }
    return bench::run(argc, argv, in_bytes ? "llama2.c runq" : "llama2.c", BENCH_LLAMA2C_FLAGS);
}
