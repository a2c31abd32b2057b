#include <filesystem>
#include <random>
#include <sequent/fit.hpp>
#include <sequent/nn.hpp>
#include <sequent/train.hpp>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"

namespace train = sequent::train;
using namespace sequent;

namespace {

using Model = transformer::encoder<tokens<3>, width<4>, heads<2>>;

struct training {
    Model::parameters<float> p;
    Model::parameters<float> gradient;
    Model::workspace<float> w;
    train::adam_w<float> optimizer{p.flat().size(), 0.1};

    training() { Model::initialize(p, 5); }

    void run(int steps) {
        random_numbers random(static_cast<std::uint64_t>(optimizer.steps()));
        for (int step = 0; step < steps; ++step) {
            std::vector<float> x(12);
            for (float& number : x) number = static_cast<float>(random.normal());
            gradient = {};
            Model::forward(p, {x}, w);
            Model::backward(p, {x}, x, w, gradient);
            optimizer.step(p.flat(), gradient.flat(), 0.01);
        }
    }
};

struct file {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() /
        ("sequent-model-" + std::to_string(std::random_device()()) + ".safetensors");
    ~file() { std::filesystem::remove(path); }
};

}  // namespace

TEST_CASE("a model's training goes on from a file as if it had not stopped") {
    const file kept;
    training unbroken;
    unbroken.run(4);
    train::save_checkpoint<Model>(kept.path, std::span<float>(unbroken.p.flat()),
                                  unbroken.optimizer, {{"note", "kept"}});
    training continued;
    const auto metadata = train::load_checkpoint<Model>(
        kept.path, std::span<float>(continued.p.flat()), continued.optimizer);
    CHECK(metadata.at("note") == "kept");
    CHECK(continued.optimizer.steps() == 4);
    unbroken.run(3);
    continued.run(3);
    CHECK(std::ranges::equal(continued.p.flat(), unbroken.p.flat()));
}

TEST_CASE("the file holds weights under their names, in their own orientation") {
    const file kept;
    training some;
    train::save_checkpoint<Model>(kept.path, std::span<float>(some.p.flat()), some.optimizer);
    const io::file_header header = io::read_header(kept.path);
    CHECK(header.metadata.at("optimizer.steps") == "0");
    bool found = false;
    for (const auto& entry : header.tensors)
        if (entry.name == "W_query") found = true;
    CHECK(found);
}

TEST_CASE("a file of another model is refused, and nothing changes") {
    using Other = transformer::encoder<tokens<3>, width<4>, heads<1>>;
    const file kept;
    training some;
    train::save_checkpoint<Model>(kept.path, std::span<float>(some.p.flat()), some.optimizer);
    Other::parameters<float> p;
    Other::initialize(p, 1);
    const Other::parameters<float> before = p;
    train::adam_w<float> optimizer(p.flat().size(), 0.1);
    CHECK_THROWS_AS(train::load_checkpoint<Other>(kept.path, std::span<float>(p.flat()), optimizer),
                    io::error);
    CHECK(std::ranges::equal(p.flat(), before.flat()));
}

TEST_CASE("a mean of squares below zero is refused, and nothing changes") {
    const file kept;
    training wrong;
    wrong.run(2);
    wrong.optimizer.state()[0].values[3] = -1e-9F;  // a mean of gradients may be
    train::save_checkpoint<Model>(kept.path, std::span<float>(wrong.p.flat()), wrong.optimizer);
    training other;
    (void)train::load_checkpoint<Model>(kept.path, std::span<float>(other.p.flat()),
                                        other.optimizer);
    wrong.optimizer.state()[1].values[3] = -1e-9F;
    train::save_checkpoint<Model>(kept.path, std::span<float>(wrong.p.flat()), wrong.optimizer);
    training untouched;
    const std::vector<float> before(untouched.p.flat().begin(), untouched.p.flat().end());
    CHECK_THROWS_WITH(
        train::load_checkpoint<Model>(kept.path, std::span<float>(untouched.p.flat()),
                                      untouched.optimizer),
        sequent_test::contains("second_moment") && sequent_test::contains("at least 0"));
    CHECK(std::ranges::equal(untouched.p.flat(), before));
    CHECK(untouched.optimizer.steps() == 0);
}
