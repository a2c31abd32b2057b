#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <sequent/fit.hpp>
#include <sequent/nn.hpp>
#include <string>
#include <vector>

#include "../catch.hpp"

namespace {

namespace train = sequent::train;
using namespace sequent;
using Model = transformer::encoder<tokens<3>, width<4>, heads<2>>;

std::vector<std::vector<float>> inputs(int count) {
    random_numbers random(3);
    std::vector<std::vector<float>> result(static_cast<std::size_t>(count), std::vector<float>(12));
    for (auto& each : result)
        for (float& number : each) number = static_cast<float>(random.normal());
    return result;
}

/// The text that a fit prints.
struct told {
    std::FILE* file = std::tmpfile();
    ~told() { std::fclose(file); }
    std::string text() {
        std::rewind(file);
        std::string result;
        for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
            result += static_cast<char>(c);
        return result;
    }
};

}  // namespace

TEST_CASE("batches give each sample once an epoch, in another order each time") {
    train::batches batches(10, 4, 7);
    CHECK(batches.per_epoch() == 3);
    std::vector<std::vector<int>> epochs;
    for (int epoch = 0; epoch < 3; ++epoch) {
        std::vector<int> seen;
        for (const std::size_t size : {4U, 4U, 2U}) {
            const auto batch = batches.next();
            CHECK(batch.size() == size);
            seen.insert(seen.end(), batch.begin(), batch.end());
        }
        epochs.push_back(seen);
        std::sort(seen.begin(), seen.end());
        for (int at = 0; at < 10; ++at) CHECK(seen[static_cast<std::size_t>(at)] == at);
    }
    CHECK(epochs[0] != epochs[1]);
    CHECK(epochs[1] != epochs[2]);
    train::batches again(10, 4, 7);
    const auto first = again.next();
    CHECK(std::vector<int>(first.begin(), first.end()) ==
          std::vector<int>(epochs[0].begin(), epochs[0].begin() + 4));
    CHECK_THROWS_AS(train::batches(0, 4, 1), std::invalid_argument);
    CHECK_THROWS_AS(train::batches(4, 0, 1), std::invalid_argument);
}

TEST_CASE("a trainer does what is written out") {
    const auto x = inputs(5);
    std::vector<Model::facts<float>> facts;
    for (const auto& each : x) facts.push_back({each});
    const auto loss = [&](int sample, auto y, auto gradient) {
        return train::squared_error(y, x[static_cast<std::size_t>(sample)], gradient, 0.2);
    };
    thread_pool pool(2);
    train::trainer<Model> trainer(pool, 5, {.weight_decay = 0.5, .clip = 0.25});

    auto p = make_unique<Model::parameters<float>>();
    auto gradient = make_unique<Model::parameters<float>>();
    Model::initialize(*p, 5);
    Model::mark_decayed(*gradient);
    train::adam_w<float> optimizer(p->flat().size(), 0.5, gradient->flat());
    Model::batch<float> batch(pool);
    for (int step = 0; step < 3; ++step) {
        *gradient = {};
        const double expected = Model::backward_batch(*p, facts, loss, batch, *gradient) / 5;
        CHECK(train::clip_by_norm(std::span<float>(gradient->flat()), 0.25F) > 0.25);
        optimizer.step(p->flat(), gradient->flat(), 0.01);
        CHECK(trainer.step(facts, 0.01, loss) == expected);
        CHECK(std::ranges::equal(trainer.parameters().flat(), p->flat()));
    }
    CHECK(trainer.steps() == 3);

    const auto path = std::filesystem::temp_directory_path() /
                      ("sequent-trainer-" + std::to_string(std::random_device()()));
    trainer.save(path, {{"note", "three"}});
    train::trainer<Model> other(pool, 6, {.weight_decay = 0.5, .clip = 0.25});
    CHECK(other.load(path).at("note") == "three");
    std::filesystem::remove(path);

    // By their places, which the loss is given.
    const std::vector<int> places{4, 1};
    std::vector<Model::facts<float>> chosen{facts[4], facts[1]};
    const double expected = trainer.step(chosen, 0.01, [&](int sample, auto y, auto to) {
        return loss(places[static_cast<std::size_t>(sample)], y, to);
    });
    CHECK(other.step(facts, places, 0.01, loss) == expected);
    CHECK(std::ranges::equal(trainer.parameters().flat(), other.parameters().flat()));

    // A step that fails leaves nothing behind.
    CHECK_THROWS_AS(trainer.step(facts, 0.01,
                                 [&](int sample, auto y, auto to) {
                                     if (sample == 4) throw 4;
                                     return loss(sample, y, to);
                                 }),
                    int);
    CHECK_THROWS_AS(trainer.step({}, 0.01, loss), argument_error);
    CHECK(trainer.step(facts, 0.01, loss) == other.step(facts, 0.01, loss));
    CHECK(std::ranges::equal(trainer.parameters().flat(), other.parameters().flat()));
    CHECK_THROWS_AS(train::trainer<Model>(pool, 1, {.clip = -1}), std::invalid_argument);

    train::trainer<Model, float, train::sgd<float>> plain(pool, 5,
                                                          train::sgd<float>(p->flat().size(), 0.9));
    const double before = plain.step(facts, 0.01, loss);
    for (int step = 0; step < 20; ++step) plain.step(facts, 0.01, loss);
    CHECK(plain.step(facts, 0.01, loss) < before);
}

TEST_CASE("fit steps by the schedule and keeps the best") {
    const train::schedule rate{.peak = 0.5, .total_steps = 10};
    std::vector<double> rates;
    std::vector<double> validations{5, 3, 4, 2, 2};
    std::size_t evaluations = 0;
    std::vector<std::size_t> kept;
    told lines;
    const auto result = train::fit(
        {.rate = rate,
         .first_step = 1,
         .evaluate_every = 2,
         .name = "short",
         .item = "words",
         .items_per_step = 3,
         .progress = lines.file},
        [&](double given) {
            rates.push_back(given);
            return static_cast<double>(rates.size());
        },
        [&] { return validations[evaluations++]; }, [&] { kept.push_back(evaluations); });
    REQUIRE(rates.size() == 9);
    for (std::size_t at = 0; at < 9; ++at)
        CHECK(rates[at] == rate(static_cast<std::int64_t>(at) + 1));
    CHECK(kept == std::vector<std::size_t>{1, 2, 4});
    CHECK(result.steps == 10);
    CHECK(result.loss == 9);
    CHECK(result.best == 2);
    CHECK(result.best_step == 9);
    CHECK_FALSE(result.interrupted);
    CHECK_FALSE(result.stopped_early);
    const std::string text = lines.text();
    CHECK_THAT(
        text, sequent_test::contains("short   step  3 of 10   loss 1.5000   validation 5.0000   "));
    CHECK_THAT(text, sequent_test::contains(
                         "short   step  7 of 10   loss 5.5000   validation 4.0000 (not the best)"));
    CHECK_THAT(text, sequent_test::contains(" words/s   "));
    CHECK(std::count(text.begin(), text.end(), '\n') == 5);
}

TEST_CASE("fit ends early") {
    train::fit_options options{
        .rate = {.total_steps = 100}, .evaluate_every = 1, .patience = 3, .progress = nullptr};
    int steps = 0;
    const auto step = [&](double) { return static_cast<double>(++steps); };
    SECTION("without a better one") {
        const auto result = train::fit(options, step, [&] { return steps < 4 ? -steps : 0.0; });
        CHECK(result.stopped_early);
        CHECK(result.steps == 6);
        CHECK(result.best_step == 3);
    }
    SECTION("where none is as good as before") {
        options.best = -100;
        bool keeps = false;
        const auto result = train::fit(
            options, step, [] { return 0.0; }, [&] { keeps = true; });
        CHECK(result.steps == 3);
        CHECK(result.best_step == -1);
        CHECK(result.best == -100);
        CHECK_FALSE(keeps);
    }
    SECTION("by a signal, whose handler is restored") {
        static int caught;
        caught = 0;
        const auto before = std::signal(SIGINT, [](int) { ++caught; });
        const auto result = train::fit(options, [&](double) {
            if (++steps == 5) std::raise(SIGINT);
            return 1.0;
        });
        CHECK(result.interrupted);
        CHECK(result.steps == 5);
        CHECK(caught == 0);
        std::raise(SIGINT);
        CHECK(caught == 1);
        std::signal(SIGINT, before);
    }
    SECTION("by an exception") {
        CHECK_THROWS_AS(train::fit(options, [](double) -> double { throw 3; }), int);
    }
    SECTION("not for options out of range") {
        options.first_step = -1;
        CHECK_THROWS_WITH(train::fit(options, step), sequent_test::contains("first_step is -1"));
    }
}
