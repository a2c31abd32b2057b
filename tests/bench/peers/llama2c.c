/* The forward pass of llama2.c, taken from a checkout of it. */

#define TESTING /* leaves out its main */
#include BENCH_LLAMA2C

static Transformer transformer;

void llama2c_open(const char* checkpoint) {
    build_transformer(&transformer, (char*)checkpoint);
}

const float* llama2c_step(int symbol, int position) {
    return forward(&transformer, symbol, position);
}
