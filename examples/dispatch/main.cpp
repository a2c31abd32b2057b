// One program for several generations of processors: the model is there once for each instruction
// set, and the best that the processor has is chosen at the start.
//
//     dispatch [INSTRUCTION_SET]

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "model.hpp"

extern const implementation implementation_base;
extern const implementation implementation_avx2;
extern const implementation implementation_avx512;

namespace {

// The processor's own answer, and whether the operating system saves the registers.
bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

/// The best first.
std::vector<const implementation*> available() {
    std::vector<const implementation*> result;
    if (has_avx512()) result.push_back(&implementation_avx512);
    if (has_avx2()) result.push_back(&implementation_avx2);
    result.push_back(&implementation_base);
    return result;
}

std::vector<float> run(const implementation& model) {
    std::vector<float> x(model_inputs);
    std::vector<float> y(model_inputs);
    for (std::size_t at = 0; at < x.size(); ++at) x[at] = std::sin(static_cast<float>(at));
    void* const made = model.create(1);
    model.forward(made, x.data(), y.data());
    model.destroy(made);
    return y;
}

}  // namespace

int main(int count, char** arguments) {
    const implementation* chosen = nullptr;
    for (const implementation* each : available()) {
        const bool wanted = count < 2 || std::strcmp(arguments[1], each->instruction_set) == 0;
        if (wanted && !chosen) chosen = each;
    }
    if (!chosen) {
        std::fprintf(stderr,
                     "dispatch: this program or processor has no %s; there are:", arguments[1]);
        for (const implementation* each : available())
            std::fprintf(stderr, " %s", each->instruction_set);
        std::fputc('\n', stderr);
        return 1;
    }
    const std::vector<float> y = run(*chosen);
    const std::vector<float> expected = run(implementation_base);
    double difference = 0;
    for (std::size_t at = 0; at < y.size(); ++at)
        difference = std::fmax(difference, std::fabs(static_cast<double>(y[at] - expected[at])));
    std::printf("%s: y(0, 0) = %.4f, within %.1e of what %s computes\n", chosen->instruction_set,
                static_cast<double>(y[0]), difference, implementation_base.instruction_set);
    return difference < 1e-5 ? 0 : 1;
}
