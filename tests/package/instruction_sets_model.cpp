// RUN is the name of the function to define.

#include "instruction_sets.hpp"

#include <sequent/nn.hpp>

#include <cstdint>
#include <vector>

using Model = sequent::transformer::encoder<sequent::tokens<7>, sequent::width<12>,
                                            sequent::heads<3>, sequent::mask::causal>;

result RUN() {
    result r;
    void (*const initialize)(Model::parameters<float>&, std::uint64_t) = Model::initialize<float>;
    r.initialize = reinterpret_cast<void (*)()>(initialize);
    r.lanes = sequent::kernel::lanes<float>;

    Model::parameters<float> p;
    Model::parameters<float> gradient;
    Model::workspace<float> w;
    Model::initialize(p, 3);
    std::vector<float> x(7 * 12);
    sequent::random_numbers random(4);
    for (float& each : x) each = static_cast<float>(random.normal());

    const auto y = Model::forward(p, {x}, w);
    for (int at = 0; at < y.size(); ++at)
        r.output += static_cast<double>(y.element(at) * x[static_cast<std::size_t>(at)]);
    Model::backward(p, {x}, x, w, gradient);
    for (const float each : gradient.flat()) r.gradient += static_cast<double>(each);
    return r;
}
