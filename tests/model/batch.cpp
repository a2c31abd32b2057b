#include <sequent/nn.hpp>
#include <sequent/train/loss.hpp>

#include "rules.hpp"

// Batches: the numbers of one sample after another, for any number of threads.

namespace {

using namespace names;
using namespace sequent;

constexpr int positions = 7;
constexpr int symbol_count = 11;
using gpt = transformer::language_model<vocabulary<symbol_count>, tokens<positions>, width<8>,
                                        heads<2>, depth<2>>;

struct sequences {
    static constexpr int count = 9;

    std::unique_ptr<gpt::parameters<float>> p = make_unique<gpt::parameters<float>>();
    std::vector<std::int32_t> text;
    std::vector<gpt::facts<float>> facts;

    sequences() {
        gpt::initialize(*p, 5);
        random_numbers random(6);
        for (int at = 0; at < count * (positions + 1); ++at)
            text.push_back(random.below(symbol_count));
        for (int at = 0; at < count; ++at) facts.push_back({window(at).first(positions)});
    }

    std::span<const std::int32_t> window(int sample) const {
        return std::span(text).subspan(check::to_size(sample * (positions + 1)), positions + 1);
    }
    float loss(int sample, const tensor_view<const float>& logits,
               const tensor_view<float>& gradient) const {
        return train::cross_entropy(logits, window(sample).last(positions), gradient);
    }
};

/// The loss, then the gradient of a batch.
std::vector<double> loss_and_gradient(const sequences& s, int threads, int groups) {
    thread_pool pool(threads);
    gpt::batch<float> batch(pool, groups);
    const auto gradient = make_unique<gpt::parameters<float>>();
    std::vector<double> result;
    // Twice: the second must not find what the first has left.
    for (int time = 0; time < 2; ++time) {
        *gradient = {};
        const double loss = gpt::backward_batch(
            *s.p, s.facts,
            [&](int sample, const auto& values, const auto& dy) {
                return s.loss(sample, values, dy);
            },
            batch, *gradient);
        result.assign(1, loss);
        result.insert(result.end(), gradient->flat().begin(), gradient->flat().end());
    }
    return result;
}

// Two outputs and a count.
inline constexpr auto two_outputs =
    rules(a(i) <<= x(i)[W<"W_1", 4, 3>] | tanh(),
          b(i) <<= (a(i), a(j), j <= i, j < length) | elementwise_product() | sum(j),
          c(i) <<= (a(i), b(i)) | elementwise_product());
using two = model<two_outputs, fact<"x", 5, 3>, bound<"length">, query<"c", "b">>;

}  // namespace

TEST_CASE("forward_batch gives each sample's outputs in order") {
    const sequences s;
    const auto w = make_unique<gpt::workspace<float>>();
    std::vector<float> expected;
    for (const auto& facts : s.facts) {
        const auto logits = gpt::forward(*s.p, facts, *w);
        expected.insert(expected.end(), logits.data, logits.data + logits.size());
    }
    for (const int threads : {1, 2, 4}) {
        thread_pool pool(threads);
        gpt::batch<float> batch(pool, 1);
        std::vector<float> found(expected.size());
        gpt::forward_batch(*s.p, s.facts, batch, found);
        CHECK(found == expected);
        std::ranges::fill(found, 0.0F);
        gpt::forward_batch(*s.p, s.facts, batch, [&](int sample, const auto& values) {
            std::copy_n(values.data, values.size(), found.begin() + sample * values.size());
        });
        CHECK(found == expected);
    }
}

TEST_CASE("backward_batch has the same bits for any number of threads") {
    const sequences s;
    for (const int groups : {0, 1, 2, 4, 12}) {
        const auto expected = loss_and_gradient(s, 1, groups);
        for (const int threads : {2, 3, 5})
            CHECK(loss_and_gradient(s, threads, groups) == expected);
    }
}

TEST_CASE("one group adds up as a loop over the samples does") {
    const sequences s;
    const auto w = make_unique<gpt::workspace<float>>();
    const auto gradient = make_unique<gpt::parameters<float>>();
    std::vector<float> outward(check::to_size(positions * symbol_count));
    double loss = 0;
    for (int sample = 0; sample < sequences::count; ++sample) {
        const auto& facts = s.facts[check::to_size(sample)];
        loss += static_cast<double>(s.loss(sample, gpt::forward(*s.p, facts, *w),
                                           view_of(outward, positions, symbol_count)));
        gpt::backward(*s.p, facts, outward, *w, *gradient);
    }
    std::vector<double> expected{loss};
    expected.insert(expected.end(), gradient->flat().begin(), gradient->flat().end());
    CHECK(loss_and_gradient(s, 2, 1) == expected);
    // Other groups, other roundings.
    const auto grouped = loss_and_gradient(s, 2, 4);
    CHECK(sequent_test::error_of(grouped, expected) < 1e-5);
}

TEST_CASE("backward_batch takes gradients that are known, of several outputs") {
    check::fixture<two, double> f(3);
    constexpr int samples = 3;
    constexpr int size = 2 * 5 * 4;
    std::vector<std::vector<double>> inputs;
    std::vector<two::facts<double>> facts;
    std::vector<double> expected;
    std::vector<double> outward(samples * size);
    random_numbers random(8);
    for (double& each : outward) each = random.normal();
    const auto gradient = make_unique<two::parameters<double>>();
    for (int sample = 0; sample < samples; ++sample) {
        inputs.emplace_back(15);
        for (double& each : inputs.back()) each = random.normal();
        facts.push_back({inputs.back(), 2 + sample});
        for (const auto& view : two::forward(*f.p, facts.back(), *f.w))
            for (int at = 0; at < view.size(); ++at) expected.push_back(view.element(at));
        const std::span mine(outward.data() + sample * size, size);
        two::backward(*f.p, facts.back(), {mine.first(20), mine.last(20)}, *f.w, *gradient);
    }
    thread_pool pool(2);
    two::batch<double> batch(pool, 1);
    std::vector<double> values_found(expected.size());
    two::forward_batch(*f.p, facts, batch, values_found);
    CHECK(values_found == expected);

    const auto found = make_unique<two::parameters<double>>();
    two::backward_batch(*f.p, facts, outward, batch, *found);
    CHECK(std::ranges::equal(found->flat(), gradient->flat()));
    // The same by a loss whose gradient is written to views.
    *found = {};
    const double loss = two::backward_batch(
        *f.p, facts,
        [&](int sample, const auto& values, const auto& dy) {
            for (int at = 0; at < 20; ++at) {
                dy[0].element(at) = outward[check::to_size(sample * size + at)];
                dy[1].element(at) = outward[check::to_size(sample * size + 20 + at)];
            }
            return values[0].element(0);
        },
        batch, *found);
    CHECK(std::ranges::equal(found->flat(), gradient->flat()));
    CHECK(loss ==
          expected[0] + expected[check::to_size(size)] + expected[check::to_size(2 * size)]);
}

TEST_CASE("an empty batch changes nothing") {
    const sequences s;
    thread_pool pool(2);
    gpt::batch<float> batch(pool);
    const auto gradient = make_unique<gpt::parameters<float>>();
    const auto loss = [](int, const auto&, const auto&) { return 1.0; };
    CHECK(gpt::backward_batch(*s.p, {}, loss, batch, *gradient) == 0);
    CHECK(std::ranges::all_of(gradient->flat(), [](float each) { return each == 0; }));
}

TEST_CASE("the number of groups follows from the samples, the memory from the threads") {
    thread_pool pool(2);
    const gpt::batch<float> batch(pool), four(pool, 4), one(pool, 1);
    const auto groups = [](const auto& of) {
        std::vector<int> result;
        for (const int samples : {0, 1, 3, 9, 12, 32, 1000}) result.push_back(of.groups(samples));
        return result;
    };
    CHECK(groups(batch) == std::vector{1, 1, 3, 4, 6, 16, 64});
    CHECK(groups(four) == std::vector{1, 1, 3, 4, 4, 4, 4});
    CHECK(groups(one) == std::vector{1, 1, 1, 1, 1, 1, 1});
    const std::size_t gradients = 2 * sizeof(gpt::parameters<float>);
    CHECK(batch.bytes() == four.bytes());
    CHECK(batch.bytes() == one.bytes() + gradients);
    CHECK(one.bytes() >= 2 * sizeof(gpt::workspace<float>));
}

TEST_CASE("what a visitor or a loss throws reaches the caller, and leaves the batch as it was") {
    const sequences s;
    const auto expected = loss_and_gradient(s, 1, 4);
    for (const int threads : {1, 3}) {
        thread_pool pool(threads);
        gpt::batch<float> batch(pool);
        CHECK_THROWS_WITH(gpt::forward_batch(*s.p, s.facts, batch,
                                             [](int sample, const auto&) {
                                                 if (sample == 4) throw std::runtime_error("four");
                                             }),
                          "four");
        const auto gradient = make_unique<gpt::parameters<float>>();
        const auto loss = [&](int sample, const auto& values, const auto& dy) {
            return s.loss(sample, values, dy);
        };
        // The first sample, for which the other groups wait, and the last, when they have added.
        for (const int bad : {0, 8})
            CHECK_THROWS_WITH(gpt::backward_batch(
                                  *s.p, s.facts,
                                  [&](int sample, const auto& values, const auto& dy) {
                                      if (sample == bad) throw std::runtime_error("bad");
                                      return loss(sample, values, dy);
                                  },
                                  batch, *gradient),
                              "bad");
        *gradient = {};
        std::vector<double> found{gpt::backward_batch(*s.p, s.facts, loss, batch, *gradient)};
        found.insert(found.end(), gradient->flat().begin(), gradient->flat().end());
        CHECK(found == expected);
    }
}

TEST_CASE("outputs of another size, and a batch that is in use, are refused") {
    const sequences s;
    thread_pool pool(2);
    gpt::batch<float> batch(pool);
    constexpr std::size_t size = sequences::count * positions * symbol_count;
    std::vector<float> right(size), small(size - 1, 3.0F);
    const auto gradient = make_unique<gpt::parameters<float>>();
    using sequent_test::contains;
    CHECK_THROWS_WITH(
        gpt::forward_batch(*s.p, s.facts, batch, small),
        contains("forward_batch") && contains("692 elements") && contains("expected 693"));
    CHECK(small == std::vector<float>(size - 1, 3.0F));
    CHECK_THROWS_WITH(
        gpt::backward_batch(*s.p, s.facts, small, batch, *gradient),
        contains("backward_batch") && contains("692 elements") && contains("expected 693"));
    CHECK_THROWS_WITH(gpt::forward_batch(*s.p, s.facts, batch,
                                         [&](int, const auto&) {
                                             gpt::forward_batch(*s.p, s.facts, batch, right);
                                         }),
                      contains("batch of its own"));
    // Another batch on the same pool works within the visitor.
    gpt::batch<float> other(pool);
    std::vector<float> expected(size);
    gpt::forward_batch(*s.p, s.facts, batch, expected);
    std::atomic<int> equal{0};
    gpt::forward_batch(*s.p, std::span(s.facts).first(1), batch, [&](int, const auto&) {
        gpt::forward_batch(*s.p, s.facts, other, right);
        equal += right == expected;
    });
    CHECK(equal == 1);
}
