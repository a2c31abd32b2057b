#include <sequent/packed.hpp>
#include <type_traits>

#include "bits.hpp"

// Generation with float and with packed weights: a model that fits the L2 cache, and two that do
// not. The numbers of the weights are random.

namespace {

using namespace bench;

template <generation_case Case>
using model_of = sequent::llama<sequent::vocabulary<Case.symbols>, sequent::tokens<Case.length>,
                                sequent::width<Case.width>, sequent::heads<Case.heads>,
                                sequent::key_heads<Case.key_heads>, sequent::hidden<Case.hidden>,
                                sequent::depth<Case.depth>>;

template <class Model, class Weights>
struct generator {
    std::shared_ptr<const Weights> weights;
    std::shared_ptr<typename Model::template state<float>> s =
        sequent::make_unique<typename Model::template state<float>>();

    const float* operator()(int symbol, int position) {
        if (position == 0) s->reset();
        return Model::step(*weights, {symbol}, *s).data;
    }
};

template <int At, class Format>
void add(const char* name) {
    using model = model_of<bits_cases[At].of>;
    register_bits(bits_cases[At], name, [] {
        auto p = sequent::make_unique<typename model::template parameters<float>>();
        model::initialize(*p, 1);
        if constexpr (std::is_same_v<Format, float>) {
            return generator<model, typename model::template parameters<float>>{std::move(p)};
        } else {
            using packed = typename model::template packed<Format>;
            return generator<model, packed>{sequent::make_unique<packed>(*p)};
        }
    });
}

/// The formats of one model; groups as llama2.c makes them.
template <int At, int Group>
void add_all() {
    add<At, float>("float");
    add<At, sequent::bf16>("bf16");
    add<At, sequent::q8<Group>>("q8");
    add<At, sequent::q8_0>("q8_0");
    add<At, sequent::q4_0>("q4_0");
}

}  // namespace

int main(int argc, char** argv) {
    add_all<0, 4>();
    add_all<1, 32>();
    add_all<2, 64>();
    return run(argc, argv, "Sequent");
}
