// The model, compiled once for each instruction set: IMPLEMENTATION is the name of the object that
// this file then defines, INSTRUCTION_SET what the compiler is told.

#include "model.hpp"

#include <algorithm>
#include <memory>
#include <sequent/nn.hpp>
#include <span>

extern const implementation IMPLEMENTATION;

// The functions of Sequent carry the instruction set in their names. Yours do not: outside of an
// anonymous namespace the linker would keep one of three versions of an inline function or of a
// member of a class, and the program might run what the processor does not have.
namespace {

using sequent::heads, sequent::tokens, sequent::width;
using Model = sequent::transformer::encoder<tokens<16>, width<32>, heads<4>, sequent::mask::causal>;

struct state {
    Model::parameters<float> parameters;
    Model::workspace<float> workspace;
};

void* create(unsigned seed) {
    auto made = std::make_unique<state>();
    Model::initialize(made->parameters, seed);
    return made.release();
}

void destroy(void* model) {
    delete static_cast<state*>(model);
}

void forward(void* model, const float* input, float* output) {
    auto& [parameters, workspace] = *static_cast<state*>(model);
    const std::span<const float> x(input, model_inputs);
    const auto y = Model::forward(parameters, {x}, workspace);
    std::copy_n(y.data, model_inputs, output);
}

}  // namespace

const implementation IMPLEMENTATION{INSTRUCTION_SET, create, destroy, forward};
