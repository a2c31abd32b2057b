#include "../generation.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

extern "C" {
void llama2c_open(const char* checkpoint);
const float* llama2c_step(int symbol, int position);
}

// The same with llama2.c, of a checkpoint with random numbers.

namespace {

using namespace bench;

/// Writes a checkpoint as llama2.c reads it, opens it and removes it: it stays mapped.
void open_checkpoint() {
    std::string path = std::filesystem::temp_directory_path() / "sequent-bench-XXXXXX";
    const int made = mkstemp(path.data());
    std::FILE* file = made < 0 ? nullptr : fdopen(made, "wb");
    if (!file) {
        std::fprintf(stderr, "cannot write %s\n", path.c_str());
        std::exit(1);
    }
    constexpr generation_case c = stories;
    const int header[] = {c.width, c.hidden, c.depth, c.heads, c.key_heads, c.symbols, c.length};
    const int gains = (2 * c.depth + 1) * c.width;
    const int tables = c.length * c.width / c.heads;
    const floats all = numbers(c.symbols * c.width + c.depth * c.layer() + gains + tables, 1, 0.1);
    std::fwrite(header, sizeof(header), 1, file);
    std::fwrite(all.data(), sizeof(float), all.size(), file);
    std::fclose(file);
    llama2c_open(path.c_str());
    std::remove(path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    open_checkpoint();
    register_generation(llama2c_step);
    return run(argc, argv, "llama2.c", BENCH_LLAMA2C_FLAGS);
}
