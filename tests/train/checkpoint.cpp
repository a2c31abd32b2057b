#include <sequent/fit.hpp>
#include <sequent/io.hpp>
#include <sequent/train.hpp>

#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "numbers.hpp"

namespace io = sequent::io;
namespace train = sequent::train;
using namespace train_test;

namespace {

constexpr int size = 37;

struct training {
    std::vector<float> parameters = sequence<float>(size);
    train::adam_w<float> optimizer{size, 0.1};

    void run(int steps) {
        const train::schedule rate{
            .peak = 0.05, .floor = 0.001, .warmup_steps = 3, .total_steps = 20};
        for (int step = 0; step < steps; ++step) {
            const auto at = optimizer.steps();
            auto gradient = sequence<float>(size, 5, 13, static_cast<int>(at % 13), 8);
            train::clip_by_norm(std::span(gradient), 1.0F);
            optimizer.step(parameters, gradient, rate(at));
        }
    }

    /// All that a file needs.
    std::vector<io::named_tensor<float>> tensors() {
        std::vector<io::named_tensor<float>> list;
        const auto add = [&](std::string name, std::span<float> values) {
            list.push_back(
                {std::move(name), {values.data(), 1, {static_cast<int>(values.size())}, {1}}});
        };
        add("parameters", parameters);
        for (const auto& array : optimizer.state()) {
            add("optimizer." + std::string(array.name), array.values);
        }
        return list;
    }
};

}  // namespace

TEST_CASE("a training that was saved and loaded goes on to the last bit") {
    std::random_device random;
    const auto path = std::filesystem::temp_directory_path() /
                      ("sequent-checkpoint-" + std::to_string(random()) + ".safetensors");
    training unbroken;
    unbroken.run(7);
    io::save(path, unbroken.tensors(), {{"steps", std::to_string(unbroken.optimizer.steps())}});
    unbroken.run(8);

    training continued;
    const auto metadata = io::load(path, continued.tensors());
    continued.optimizer.set_steps(std::stoll(metadata.at("steps")));
    continued.run(8);
    CHECK(continued.parameters == unbroken.parameters);
    CHECK(continued.optimizer.steps() == 15);
    std::filesystem::remove(path);
}
