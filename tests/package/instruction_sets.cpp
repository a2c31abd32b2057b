// One program of two halves that are built for different instruction sets: each runs its own code,
// whatever the order in which the linker meets them, and the numbers agree.

#include "instruction_sets.hpp"

#include <cmath>
#include <cstdio>

int main() {
    const result base = run_base();
    const result best = run_best();
    std::printf("base: %d lanes, output %.6f, gradient %.6f\n", base.lanes, base.output,
                base.gradient);
    std::printf("best: %d lanes, output %.6f, gradient %.6f\n", best.lanes, best.output,
                best.gradient);
    const bool near = std::abs(base.output - best.output) < 1e-4 &&
                      std::abs(base.gradient - best.gradient) < 1e-4;
    const bool apart = base.lanes < best.lanes && base.initialize != best.initialize;
    return near && apart ? 0 : 1;
}
