#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "../generation.hpp"

/// llama2.c's forward pass, of run.c or runq.c, and checkpoints with random numbers for it.

extern "C" {
void llama2c_open(const char* checkpoint);
const float* llama2c_step(int symbol, int position);
}

namespace bench {

/// Writes random numbers, or random bytes with a scale for each group, to a checkpoint.
class checkpoint_writer {
  public:
    checkpoint_writer(std::FILE* file, int group) : file_(file), group_(group) {}

    void write(const void* from, std::size_t bytes) { std::fwrite(from, 1, bytes, file_); }
    void write_floats(long long count) {
        for (; count > 0; count -= static_cast<long long>(some_.size()))
            write(some_.data(), sizeof(float) * std::min(some_.size(), std::size_t(count)));
    }
    /// A matrix: int8 numbers, then a scale of each group; or floats.
    void write_matrix(long long count) {
        if (group_ == 0) return write_floats(count);
        std::vector<std::int8_t> q(static_cast<std::size_t>(count));
        for (std::size_t at = 0; at < q.size(); ++at)
            q[at] = static_cast<std::int8_t>(at * 37 % 255 - 127);
        write(q.data(), q.size());
        const std::vector<float> scales(q.size() / static_cast<std::size_t>(group_), 1e-3F);
        write(scales.data(), sizeof(float) * scales.size());
    }

  private:
    std::FILE* file_;
    int group_;
    floats some_ = numbers(1 << 16, 1, 0.1);
};

/// Writes a checkpoint of version 0, or in int8 of version 2; opens it and removes it: it stays
/// mapped.
inline void open_checkpoint(const generation_case& c, bool in_bytes) {
    std::string path = std::filesystem::temp_directory_path() / "sequent-bench-XXXXXX";
    const int made = mkstemp(path.data());
    std::FILE* file = made < 0 ? nullptr : fdopen(made, "wb");
    if (!file) {
        std::fprintf(stderr, "cannot write %s\n", path.c_str());
        std::exit(1);
    }
    const int group = std::gcd(std::gcd(64, c.width), c.hidden);
    checkpoint_writer out(file, in_bytes ? group : 0);
    const int sizes[] = {c.width, c.hidden, c.depth, c.heads, c.key_heads, c.symbols, c.length};
    const long long gains = (2 * c.depth + 1) * c.width;
    if (in_bytes) {
        const int version[] = {0x616b3432, 2};
        out.write(version, sizeof version);
        out.write(sizes, sizeof sizes);
        const char shared = 1;
        out.write(&shared, 1);
        out.write(&group, sizeof group);
        const std::vector<char> zeros(256 - sizeof version - sizeof sizes - 1 - sizeof group);
        out.write(zeros.data(), zeros.size());
        out.write_floats(gains);
        out.write_matrix(1LL * c.symbols * c.width);
        const long long square = 1LL * c.width * c.width, keys = 1LL * c.width * c.key_width();
        for (const long long each : {square, keys, keys, square})
            for (int layer = 0; layer < c.depth; ++layer) out.write_matrix(each);
        for (int at = 0; at < 3 * c.depth; ++at) out.write_matrix(1LL * c.width * c.hidden);
    } else {
        out.write(sizes, sizeof sizes);
        out.write_floats(1LL * c.symbols * c.width + 1LL * c.depth * c.layer() + gains +
                         1LL * c.length * c.width / c.heads);
    }
    std::fclose(file);
    llama2c_open(path.c_str());
    std::remove(path.c_str());
}

}  // namespace bench
