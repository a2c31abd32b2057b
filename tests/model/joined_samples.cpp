#include <sequent/nn.hpp>
#include <sequent/train/loss.hpp>

#include "rules.hpp"

// Batches of models whose weights are beyond a cache: several samples at once.

namespace {

using namespace names;
using namespace sequent;

constexpr int positions = 5;
constexpr int symbol_count = 20;
/// Tied logits read their table as it stands and turned; samples have any length.
using gpt = transformer::language_model<vocabulary<symbol_count>, tokens<positions>,
                                        any_length<true>, width<128>, heads<2>, depth<2>>;

/// Of lengths from zero to all positions.
struct sequences {
    static constexpr int count = 11;

    std::unique_ptr<gpt::parameters<double>> p = make_unique<gpt::parameters<double>>();
    std::vector<std::int32_t> text;
    std::vector<gpt::facts<double>> facts;

    sequences() {
        gpt::initialize(*p, 5);
        random_numbers random(6);
        for (int at = 0; at < count * (positions + 1); ++at)
            text.push_back(random.below(symbol_count));
        for (int at = 0; at < count; ++at) facts.push_back({window(at).first(length(at))});
    }

    static std::size_t length(int sample) { return check::to_size(sample * 5 % (positions + 1)); }
    std::span<const std::int32_t> window(int sample) const {
        return std::span(text).subspan(check::to_size(sample * (positions + 1)), positions + 1);
    }
    template <class Values, class Gradient>
    double loss(int sample, const Values& logits, const Gradient& gradient) const {
        if (length(sample) == 0) return 0;
        return train::cross_entropy(logits, window(sample).subspan(1, length(sample)), gradient);
    }
};

std::vector<double> loss_and_gradient(const sequences& s, int threads, int groups) {
    thread_pool pool(threads);
    gpt::batch<double> batch(pool, groups);
    const auto gradient = make_unique<gpt::parameters<double>>();
    std::vector<double> result{gpt::backward_batch(
        *s.p, s.facts,
        [&](int sample, const auto& values, const auto& dy) { return s.loss(sample, values, dy); },
        batch, *gradient)};
    result.insert(result.end(), gradient->flat().begin(), gradient->flat().end());
    return result;
}

// Two outputs, a fact with no gradient, products in a stack and of a constant, functions between.
inline constexpr auto block =
    rules(b(i) <<= (x(i)[W<"W_1", 300, 180>], W<"bias", 300>) | gelu(),
          c(i) <<= (b(i)[W<"W_2", 180, 300>], x(i)) | layer_norm(W<"gain", 180>, W<"shift", 180>));
inline constexpr auto program =
    rules(y(i) <<= x(i) | stack<3>(block), z(i)[W<"W_out", 7, 180>] <<= (y(i), i < length) | tanh(),
          q(i) <<= (z(i), z(j), j <= i, j < length) | elementwise_product() | sum(j));
using blocks = model<program, fact<"x", 6, 180>, bound<"length">, query<"q", "y">>;

// A recursion whose rounds a length ends, beside a product that samples could share.
inline constexpr var<"t"> t;
inline constexpr auto cell =
    rules(a(i) <<= x(i)[W<"W", 300, 500>], r<"state">(0) <<= W<"start", 300>,
          r<"state">(next(t)) <<= (a(t), r<"state">(t)) | tanh(), y(t) <<= r<"state">(next(t)));
using cells = model<cell, fact<"x", up_to<6>, 500>>;

}  // namespace

TEST_CASE("samples of several lengths are run at once as each alone") {
    const sequences s;
    STATIC_REQUIRE(gpt::scratch_batch<double>::joined > 1);
    STATIC_REQUIRE(gpt::batch<double>::joined > 1);
    const auto scratch = make_unique<gpt::scratch<double>>();
    std::vector<double> expected(check::to_size(sequences::count * positions * symbol_count));
    for (int sample = 0; sample < sequences::count; ++sample) {
        const auto logits = gpt::forward(*s.p, s.facts[check::to_size(sample)], *scratch);
        REQUIRE(logits.extents[0] == static_cast<int>(sequences::length(sample)));
        std::copy_n(logits.data, logits.size(),
                    expected.begin() + sample * positions * symbol_count);
    }
    std::vector<std::vector<double>> found;
    for (const int threads : {1, 2, 3}) {
        thread_pool pool(threads);
        gpt::scratch_batch<double> batch(pool);
        found.emplace_back(expected.size(), 5.0);
        gpt::forward_batch(*s.p, s.facts, batch, found.back());
        CHECK(sequent_test::error_of(found.back(), expected) < 1e-12);
        // The same bits, whichever samples stand together.
        CHECK(found.back() == found.front());
        gpt::batch<double> trains(pool);
        std::vector<double> visited(expected.size());
        gpt::forward_batch(*s.p, s.facts, trains, [&](int sample, const auto& values) {
            std::copy_n(values.data, values.size(),
                        visited.begin() + sample * positions * symbol_count);
        });
        CHECK(visited == found.front());
    }
}

TEST_CASE("gradients of samples that are run at once are those of a loop over them") {
    const sequences s;
    const auto w = make_unique<gpt::workspace<double>>();
    const auto gradient = make_unique<gpt::parameters<double>>();
    double loss = 0;
    for (int sample = 0; sample < sequences::count; ++sample) {
        const auto& facts = s.facts[check::to_size(sample)];
        const int rows = static_cast<int>(sequences::length(sample));
        std::vector<double> outward(check::to_size(rows * symbol_count));
        loss += s.loss(sample, gpt::forward(*s.p, facts, *w), view_of(outward, rows, symbol_count));
        gpt::backward(*s.p, facts, view_of(outward, rows, symbol_count), *w, *gradient);
    }
    std::vector<double> expected{loss};
    expected.insert(expected.end(), gradient->flat().begin(), gradient->flat().end());
    for (const int groups : {0, 1, 4}) {
        const auto found = loss_and_gradient(s, 1, groups);
        CHECK(sequent_test::error_of(found, expected) < 1e-11);
        for (const int threads : {2, 3}) CHECK(loss_and_gradient(s, threads, groups) == found);
    }
}

TEST_CASE("several outputs of samples that are run at once") {
    STATIC_REQUIRE(blocks::batch<double>::joined > 1);
    check::fixture<blocks, double> f(3);
    constexpr int samples = 5;
    constexpr int size = 6 * 7 + 6 * 180;
    std::vector<std::vector<double>> inputs;
    std::vector<blocks::facts<double>> facts;
    std::vector<double> expected, outward(samples * size);
    random_numbers random(8);
    for (double& each : outward) each = random.normal();
    const auto gradient = make_unique<blocks::parameters<double>>();
    for (int sample = 0; sample < samples; ++sample) inputs.emplace_back(6 * 180);
    for (int sample = 0; sample < samples; ++sample) {
        for (double& each : inputs[check::to_size(sample)]) each = random.normal();
        facts.push_back({inputs[check::to_size(sample)], sample + 2});
        for (const auto& view : blocks::forward(*f.p, facts.back(), *f.w))
            for (int at = 0; at < view.size(); ++at) expected.push_back(view.element(at));
        const std::span mine(outward.data() + sample * size, size);
        blocks::backward(*f.p, facts.back(), {q = mine.first(6 * 7), y = mine.last(6 * 180)}, *f.w,
                         *gradient);
    }
    thread_pool pool(2);
    blocks::batch<double> batch(pool);
    std::vector<double> found(expected.size());
    blocks::forward_batch(*f.p, facts, batch, found);
    CHECK(sequent_test::error_of(found, expected) < 1e-12);
    const auto joined = make_unique<blocks::parameters<double>>();
    blocks::backward_batch(*f.p, facts, outward, batch, *joined);
    CHECK(sequent_test::error_of(joined->flat(), gradient->flat()) < 1e-12);
}

TEST_CASE("recursions of samples of several lengths have rounds of their own") {
    const auto p = make_unique<cells::parameters<double>>();
    cells::initialize(*p, 3);
    const auto w = make_unique<cells::workspace<double>>();
    const auto expected_gradient = make_unique<cells::parameters<double>>();
    const auto gradient = make_unique<cells::parameters<double>>();
    std::vector<std::vector<double>> inputs;
    std::vector<cells::facts<double>> facts;
    random_numbers random(4);
    for (const std::size_t rows : {2u, 6u, 0u, 3u}) {
        inputs.emplace_back(rows * 500);
        for (double& each : inputs.back()) each = random.normal();
    }
    std::vector<double> expected;
    for (const auto& each : inputs) {
        facts.push_back({each});
        const auto values = cells::forward(*p, facts.back(), *w);
        for (int at = 0; at < values.size(); ++at) expected.push_back(values.element(at));
        const std::vector<double> ones(check::to_size(values.size()), 1.0);
        cells::backward(*p, facts.back(), ones, *w, *expected_gradient);
    }
    thread_pool pool(1);
    cells::batch<double> batch(pool);
    for (int time = 0; time < 2; ++time) {  // the second on memory that the first has left
        *gradient = {};
        std::vector<double> found;
        cells::backward_batch(
            *p, facts,
            [&](int, const auto& values, const auto& dy) {
                for (int at = 0; at < values.size(); ++at) {
                    found.push_back(values.element(at));
                    dy.element(at) = 1;
                }
                return 0.0;
            },
            batch, *gradient);
        CHECK(sequent_test::error_of(found, expected) < 1e-12);
        CHECK(sequent_test::error_of(gradient->flat(), expected_gradient->flat()) < 1e-12);
    }
}
