// The code of docs/tutorial.md.

#include <sequent/explain.hpp>
#include <sequent/fit.hpp>
#include <sequent/sequent.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "../catch.hpp"

// [rules]
namespace seen {
using namespace sequent::language;

SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(letter, x, query, key, weights, found, match, layer, logits);
SEQUENT_WEIGHT(embedding, 8, 16);  // 8 letters, 16 numbers for each
SEQUENT_WEIGHT(W_query, 16, 16);   // rows = outputs, columns = inputs
SEQUENT_WEIGHT(W_key, 16, 16);
SEQUENT_WEIGHT(W_1, 16, 16);
SEQUENT_WEIGHT(b_1, 16);
SEQUENT_WEIGHT(W_2, 2, 16);
SEQUENT_WEIGHT(b_2, 2);

// clang-format off
inline constexpr auto program = rules(
    x(i)          <<= letter(i)[embedding],         // a symbol chooses a row of the embedding
    query(i)      <<= x(i)[W_query],
    key(j)        <<= x(j)[W_key],
    weights(i, j) <<= (inverse_sqrt(16), key(j).T(), query(i), j < i) | product() | softmax(j),
    found(i)      <<= (weights(i, j), x(j)) | product() | sum(j),
    match(i)      <<= (found(i), x(i)) | elementwise_product(),
    layer(i)      <<= (match(i)[W_1], b_1) | relu(),
    logits(i)     <<= (layer(i)[W_2], b_2));
// clang-format on
}  // namespace seen

// Any number of letters up to 16, each one of 8.
using Seen =
    sequent::model<seen::program, sequent::fact<"letter", sequent::up_to<16>, sequent::symbol<8>>>;
// [/rules]

namespace {
// [data]
struct sample {
    std::vector<std::int32_t> letters;
    std::vector<std::int32_t> seen;  // for each letter, whether it came before: 0 or 1
};

std::vector<sample> make_samples(int count, unsigned seed) {
    sequent::random_numbers random(seed);
    std::vector<sample> samples(static_cast<std::size_t>(count));
    for (sample& each : samples) {
        bool known[8]{};
        for (int length = 2 + random.below(15); length > 0; --length) {
            const std::int32_t letter = random.below(8);
            each.letters.push_back(letter);
            each.seen.push_back(known[letter] ? 1 : 0);
            known[letter] = true;
        }
    }
    return samples;
}
// [/data]

// [accuracy]
double accuracy(const Seen::parameters<float>& p, const std::vector<sample>& samples) {
    Seen::scratch<float> memory;  // all memory of forward
    sequent::train::confusion found(2);
    for (const sample& each : samples) {
        const auto logits = Seen::forward(p, {each.letters}, memory);
        for (int i = 0; i < logits.extents[0]; ++i)
            found.add(logits(i, 1) > logits(i, 0) ? 1 : 0, each.seen[static_cast<std::size_t>(i)]);
    }
    return found.accuracy();
}
// [/accuracy]
}  // namespace

TEST_CASE("the tutorial's model learns, is saved, loaded and stepped") {
    // [train]
    const std::vector<sample> samples = make_samples(4000, 1);
    std::vector<Seen::facts<float>> facts;
    for (const sample& each : samples) facts.push_back({each.letters});  // checked here, once

    sequent::thread_pool pool;                       // all threads of the machine
    sequent::train::trainer<Seen> trainer(pool, 1);  // parameters, gradient, AdamW
    sequent::train::batches batches(4000, 20, 1);    // 20 of 4000, in another order each epoch
    const auto step = [&](double rate) {
        const auto places = batches.next();
        return trainer.step(facts, places, rate, [&](int at, auto logits, auto logits_gradient) {
            return sequent::train::cross_entropy(logits, samples[static_cast<std::size_t>(at)].seen,
                                                 logits_gradient, {.scale = 1.0 / 20});
        });
    };
    const auto trained = sequent::train::fit({.rate = {.peak = 3e-3, .total_steps = 1000}}, step);
    // [/train]
    CHECK(trained.loss < 0.05);

    // [test]
    const double share = accuracy(trainer.parameters(), make_samples(1000, 2));  // above 0.99
    // [/test]
    CHECK(share > 0.99);

    // [save]
    sequent::io::save<Seen>("seen.safetensors", trainer.parameters());

    Seen::parameters<float> loaded;
    sequent::io::load<Seen>("seen.safetensors", loaded);
    // [/save]
    CHECK(accuracy(loaded, make_samples(1000, 2)) == share);
    std::remove("seen.safetensors");

    // [explain]
    const std::string plan = sequent::explain<Seen>();
    // [/explain]
    INFO(plan);
    CHECK_THAT(plan, sequent_test::contains("attention"));
    CHECK_THAT(plan, !sequent_test::contains("general loops"));

    // [look]
    Seen::workspace<float> w;  // the memory of forward and backward, which keeps intermediates
    const std::vector<std::int32_t> letters{3, 1, 4, 3, 5};
    Seen::forward(loaded, {letters}, w);
    const auto found = w[seen::found];  // found(3, c): what the fourth letter has found
    // [/look]
    CHECK(found.rank == 2);

    const auto whole = Seen::forward(loaded, {letters}, w);
    // [step]
    Seen::state<float> state;
    std::string answer;
    for (const std::int32_t letter : letters) {
        const auto logits = Seen::step(loaded, {letter}, state);
        answer += logits(1) > logits(0) ? '+' : '-';
    }
    // [/step]
    CHECK(answer == "---+-");
    for (int i = 0; i < 5; ++i)
        CHECK((whole(i, 1) > whole(i, 0)) == (answer[static_cast<std::size_t>(i)] == '+'));

    std::string message;
    try {
        // [refused]
        const std::vector<std::int32_t> wrong{3, 9};
        Seen::forward(loaded, {wrong}, w);
        // [/refused]
    } catch (const sequent::argument_error& error) {
        message = error.what();
    }
    CHECK(message ==
          "sequent: fact \"letter\" holds the symbol 9 at position 1, beyond its 8 classes");
}
