// Trains an encoder on batches with all threads of the machine, and shows that the numbers do not
// depend on how many there are. The task: each row of the output is the row of the input before it.

#include <cstdio>
#include <sequent/sequent.hpp>
#include <vector>

namespace {

using namespace sequent;

constexpr int rows = 16;
constexpr int columns = 32;
constexpr std::size_t size = rows * columns;
using Encoder = transformer::encoder<tokens<rows>, width<columns>, heads<2>, mask::causal>;

struct Examples {
    std::vector<std::vector<float>> inputs;
    std::vector<std::vector<float>> targets;
    std::vector<Encoder::facts<float>> facts;  // point to the inputs; their shapes are checked here

    explicit Examples(int count) {
        random_numbers random(1);
        for (int example = 0; example < count; ++example) {
            std::vector<float> input(size);
            for (float& number : input) number = static_cast<float>(random.normal());
            std::vector<float> target(size);
            std::copy(input.begin(), input.end() - columns, target.begin() + columns);
            inputs.push_back(std::move(input));
            targets.push_back(std::move(target));
        }
        for (const auto& input : inputs) facts.push_back({input});
    }
};

/// The mean loss of each step.
std::vector<double> train_on(thread_pool& pool, const Examples& examples, int steps) {
    const auto parameters = make_unique<Encoder::parameters<float>>();
    const auto gradient = make_unique<Encoder::parameters<float>>();
    Encoder::initialize(*parameters, 2);
    Encoder::batch<float> batch(pool);
    train::adam<float> optimizer(parameters->flat().size());

    const auto count = static_cast<double>(examples.facts.size());
    std::vector<double> losses;
    for (int step = 0; step < steps; ++step) {
        const double loss = Encoder::backward_batch(
            *parameters, examples.facts,
            [&](int example, auto y, auto y_gradient) {
                const auto& target = examples.targets[static_cast<std::size_t>(example)];
                return train::squared_error(y, target, y_gradient, 1 / count);
            },
            batch, *gradient);
        const double norm = train::norm<float>(gradient->flat(), pool);
        optimizer.step_and_clear(parameters->flat(), gradient->flat(), 3e-3,
                                 train::clip_factor(norm, 1.0F), pool);
        losses.push_back(loss / count);
    }
    return losses;
}

}  // namespace

int main() {
    const Examples examples(48);
    thread_pool all;
    thread_pool one(1);
    const auto losses = train_on(all, examples, 60);
    std::printf("%d threads: loss %.6f, after %zu steps %.6f\n", all.size(), losses.front(),
                losses.size(), losses.back());
    const bool same = losses == train_on(one, examples, 60);
    std::printf("one thread gives %s numbers\n", same ? "the same" : "other");
    return same && losses.back() < 0.7 * losses.front() ? 0 : 1;
}
