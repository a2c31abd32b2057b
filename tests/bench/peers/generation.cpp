#include "llama2c.hpp"

// The same with llama2.c, of a checkpoint with random numbers.

int main(int argc, char** argv) {
    bench::open_checkpoint(bench::stories, false);
    bench::register_generation(llama2c_step);
    return bench::run(argc, argv, "llama2.c", BENCH_LLAMA2C_FLAGS);
}
