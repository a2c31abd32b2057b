// The code of README.md's first sections and of docs/using.md.

#include <sequent/explain.hpp>
#include <sequent/packed.hpp>

// [article]
#include <sequent/sequent.hpp>

namespace article {
using namespace sequent::language;

SEQUENT_VARIABLES(i, j);
SEQUENT_RELATIONS(input, q, k, v, score, attention, norm1, mlp, norm2);
SEQUENT_WEIGHT(W_q, 64, 64);  // rows = outputs, columns = inputs
SEQUENT_WEIGHT(W_k, 64, 64);
SEQUENT_WEIGHT(W_v, 64, 64);
SEQUENT_WEIGHT(W_1, 64, 64);
SEQUENT_WEIGHT(W_2, 64, 64);

// clang-format off
inline constexpr auto encoder = rules(
    q(i)         <<= input(i)[W_q],
    k(i)         <<= input(i)[W_k],
    v(i)         <<= input(i)[W_v],
    score(i, j)  <<= (inverse_sqrt(64), k(j).T(), q(i), j <= i) | product() | softmax(j),
    attention(i) <<= (score(i, j), v(j)) | product() | sum(j),
    norm1(i)     <<= (attention(i), q(i)) | norm(),
    mlp(i)[W_2]  <<= norm1(i)[W_1] | relu(),
    norm2(i)     <<= (mlp(i), norm1(i)) | norm());
// clang-format on
}  // namespace article

using Encoder = sequent::model<article::encoder, sequent::fact<"input", 16, 64>>;
// [/article]

#include <cstddef>
#include <filesystem>
#include <functional>
#include <sequent/draw/attention_page.hpp>
#include <sequent/draw/program.hpp>
#include <string>
#include <vector>

#include "../catch.hpp"

namespace {

std::vector<float> numbers(unsigned seed, std::size_t count = 16 * 64) {
    sequent::random_numbers random(seed);
    std::vector<float> result(count);
    for (float& each : result) each = static_cast<float>(random.normal());
    return result;
}

}  // namespace

TEST_CASE("forward and backward of the article's encoder") {
    const std::vector<float> x = numbers(1);
    const std::vector<float> dy = numbers(2);
    // [run]
    auto p = sequent::make_unique<Encoder::parameters<float>>();
    auto gradient = sequent::make_unique<Encoder::parameters<float>>();
    auto w = sequent::make_unique<Encoder::workspace<float>>();  // one for each thread
    Encoder::initialize(*p, 1);

    auto y = Encoder::forward(*p, {article::input = x}, *w);         // y(i, c), a view into w
    Encoder::backward(*p, {article::input = x}, dy, *w, *gradient);  // adds to gradient
    // [/run]
    CHECK(gradient->flat()[0] != 0);

    // [views]
    const auto W_q = (*p)[article::W_q];  // a view: W_q(output, input)
    const float one = W_q(3, 5);
    const auto row = y.row(15);  // the last position
    for (const float number : row) CHECK(std::isfinite(number));
    // [/views]
    CHECK(one == W_q.row(3)(5));

    const std::vector<float> other_x = x;
    // [kept]
    Encoder::facts<float> facts({article::input = x});  // checked once, refers to x
    auto s = sequent::make_unique<Encoder::scratch<float>>();
    y = Encoder::forward(*p, facts, *s);
    facts.rebind({article::input = other_x});  // checks what is given here alone
    // [/kept]
    CHECK(y.extents[0] == 16);

    // [of_facts]
    std::vector<float> x_gradient(x.size());
    Encoder::forward(*p, facts, *w);
    Encoder::backward(*p, facts, dy, *w, *gradient, {article::input = x_gradient});
    // [/of_facts]
    CHECK(x_gradient[0] != 0);

    // [seen]
    namespace draw = sequent::draw;
    const std::vector<draw::head_weights> heads = draw::attention_of<Encoder>(*p, facts, *w);
    const float one_pair = heads[0](15, 3);  // how much position 15 takes of position 3
    draw::attention<Encoder>("attention.html", *p, facts, *w, {.title = "An encoder"});
    // [/seen]
    CHECK(one_pair > 0);
    CHECK(std::filesystem::remove("attention.html"));

    // [tap]
    const auto weights =
        sequent::tap<Encoder, "score">(*p, facts);  // "layers.score" within a stack
    const float the_same_pair = weights(15, 3);
    // [/tap]
    CHECK(the_same_pair == Approx(one_pair));

    // [program]
    draw::program<Encoder>("encoder.svg", "An encoder");  // or .html, .dot
    const sequent::explanation steps = sequent::explanation_of<Encoder>();
    const std::string json = sequent::explain_as_json<Encoder>();
    // [/program]
    CHECK(!steps.steps.empty());
    CHECK(json.starts_with("{\"steps\":["));
    CHECK(std::filesystem::remove("encoder.svg"));
}

TEST_CASE("batches") {
    std::vector<std::vector<float>> inputs;
    std::vector<std::vector<float>> targets;
    for (unsigned at = 0; at < 8; ++at) {
        inputs.push_back(numbers(at));
        targets.push_back(numbers(at + 100));
    }
    auto p = sequent::make_unique<Encoder::parameters<float>>();
    auto gradient = sequent::make_unique<Encoder::parameters<float>>();
    Encoder::initialize(*p, 1);
    // [batch]
    sequent::thread_pool pool;          // all threads of the machine; or pool(4)
    Encoder::batch<float> batch(pool);  // a workspace and a gradient for each thread
    std::vector<Encoder::facts<float>> samples;
    for (const auto& each : inputs) samples.push_back({each});

    sequent::train::adam_w<float> optimizer(p->flat().size(), 0.01);
    const double loss = Encoder::backward_batch(
        *p, samples,
        [&](int sample, auto y, auto y_gradient) {
            return sequent::train::squared_error(y, targets[static_cast<std::size_t>(sample)],
                                                 y_gradient, 1.0 / 8);
        },
        batch, *gradient);
    const double norm = sequent::train::norm(*gradient, pool);
    optimizer.step_and_clear(*p, *gradient, 1e-3, sequent::train::clip_factor(norm, 1.0F), pool);
    // [/batch]
    CHECK(std::isfinite(loss));

    // [executor]
    std::vector<std::function<void()>> jobs;  // of threads of your own
    sequent::thread_pool own(4, [&](auto job) { jobs.emplace_back(job); });
    // [/executor]
    own.run(2, [](int) {});
    CHECK(jobs.size() == 1);

    // [bf16]
    Encoder::batch<float, sequent::bf16> rounding(pool);  // from sequent/packed.hpp
    // [/bf16]
    const double rounded_loss = Encoder::backward_batch(
        *p, samples,
        [&](int sample, auto y, auto y_gradient) {
            return sequent::train::squared_error(y, targets[static_cast<std::size_t>(sample)],
                                                 y_gradient, 1.0 / 8);
        },
        rounding, *gradient);
    CHECK(rounded_loss == Approx(loss).epsilon(0.05));

    // [forward_batch]
    Encoder::scratch_batch<float> memory(pool);  // for forward_batch alone
    std::vector<float> outputs(samples.size() * 16 * 64);
    Encoder::forward_batch(*p, samples, memory, outputs);  // one sample after another
    // [/forward_batch]
    CHECK(outputs.back() != 0);

    // [step]
    auto state = sequent::make_unique<Encoder::state<float>>();  // one for each sequence
    const std::span<const float> x(inputs[0]);
    Encoder::prefill(*p, {x.first(4 * 64)}, *state);              // four positions at once
    auto y = Encoder::step(*p, {x.subspan(4 * 64, 64)}, *state);  // position 4
    state->truncate(3);                                           // back to three positions
    y = Encoder::step(*p, {x.subspan(3 * 64, 64)}, *state);       // position 3 again
    // [/step]
    for (int c = 0; c < 64; ++c)
        CHECK(y(c) == Approx(outputs[static_cast<std::size_t>(3 * 64 + c)]).margin(1e-5));
}
