#include <sequent/io.hpp>
#include <sequent/nn.hpp>
#include <sequent/train.hpp>

#include <cstdio>
#include <vector>

using Model = sequent::attention<sequent::tokens<2>, sequent::width<4>>;

int main() {
    Model::parameters<float> parameters;
    Model::workspace<float> workspace;
    const auto y = Model::forward(parameters, {std::vector<float>(8, 1.0F)}, workspace);
    const sequent::train::schedule rate{.peak = 1, .warmup_steps = 3, .total_steps = 10};
    std::printf("sequent %d.%d.%d, %d numbers, %g\n", SEQUENT_VERSION_MAJOR, SEQUENT_VERSION_MINOR,
                SEQUENT_VERSION_PATCH, y.size(), rate(0));
    return y.size() == 8 && y(0, 0) == 0 && rate(0) == 0.25 ? 0 : 1;
}
