#include <sequent/io.hpp>
#include <sequent/train.hpp>

#include <cstdio>

int main() {
    const sequent::train::warmup_cosine rate{.peak = 1, .warmup_steps = 3, .total_steps = 10};
    std::printf("sequent %d.%d.%d, %g\n", SEQUENT_VERSION_MAJOR, SEQUENT_VERSION_MINOR,
                SEQUENT_VERSION_PATCH, rate(0));
    return rate(0) == 0.25 ? 0 : 1;
}
