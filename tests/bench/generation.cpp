#include "generation.hpp"

#include <sequent/sequent.hpp>

// Tokens per second of a small llama, step by step on one thread, with random weights: the numbers
// do not change what there is to do.

namespace {

using namespace bench;
using model = sequent::llama<sequent::vocabulary<stories.symbols>, sequent::tokens<stories.length>,
                             sequent::width<stories.width>, sequent::heads<stories.heads>,
                             sequent::key_heads<stories.key_heads>, sequent::hidden<stories.hidden>,
                             sequent::depth<stories.depth>>;

struct generator {
    std::unique_ptr<model::parameters<float>> p = sequent::make_unique<model::parameters<float>>();
    std::unique_ptr<model::state<float>> s = sequent::make_unique<model::state<float>>();

    generator() { model::initialize(*p, 1); }

    const float* step(int symbol, int position) {
        if (position == 0) s->reset();
        return model::step(*p, {symbol}, *s).data;
    }
};

}  // namespace

int main(int argc, char** argv) {
    generator all;
    register_generation([&](int symbol, int position) { return all.step(symbol, position); });
    return run(argc, argv, "Sequent");
}
