#include <sequent/nn.hpp>
#include <sequent/packed.hpp>
#include <sequent/train/loss.hpp>

#include "rules.hpp"

// Training with products in bfloat16, beside the same in float.

namespace {

using namespace names;
using namespace sequent;

template <class View>
void append(std::vector<double>& to, const View& view) {
    for (int at = 0; at < view.size(); ++at) to.push_back(static_cast<double>(view.element(at)));
}

/// |one - other| / |other|; infinite if a number is none.
double distance(const std::vector<double>& one, const std::vector<double>& other) {
    REQUIRE(one.size() == other.size());
    double difference = 0, size = 0;
    for (std::size_t at = 0; at < one.size(); ++at) {
        difference += (one[at] - other[at]) * (one[at] - other[at]);
        size += other[at] * other[at];
    }
    return std::isfinite(difference) ? std::sqrt(difference / size) : static_cast<double>(INFINITY);
}

// Whole numbers of 0 .. 8 are exact in bfloat16, and so are their products and sums in float. Rows
// in one part and in parts, weights shared by heads and of each head, and more outputs than a
// panel.
constexpr var<"head", 4> head;
inline constexpr auto exact_rules = rules(
    a(i) <<= x(i)[W<"W", 50, 70>] | relu(), z(i) <<= x(i)[W<"H", 16, 70>(head)] | concat(head),
    y(i) <<= r<"u">(i, head)[W<"V", 24, 64>(head)] | sum(head));
using exact = model<exact_rules, fact<"x", 37, 70>, fact<"u", 37, 4, 64>, query<"a", "z", "y">>;

/// Outputs and all gradients.
template <class Products, class... Pool>
std::vector<double> values_and_gradients(Pool&... pool) {
    random_numbers random(4);
    const auto whole = [&](std::size_t count) {
        std::vector<float> result(count);
        for (float& each : result) each = static_cast<float>(random.below(17) - 8);
        return result;
    };
    const auto p = make_unique<exact::parameters<float>>();
    exact::for_each(*p, [&](std::string_view, const auto& view) {
        for (int at = 0; at < view.size(); ++at)
            view.element(at) = static_cast<float>(random.below(17) - 8);
    });
    const auto inputs = whole(37 * 70), others = whole(37 * 4 * 64);
    const auto of_a = whole(37 * 50), of_z = whole(37 * 64), of_y = whole(37 * 24);
    std::vector<float> to_inputs(inputs.size()), to_others(others.size());
    const auto w = make_unique<exact::workspace<float, Products>>();
    const auto gradient = make_unique<exact::parameters<float>>();
    std::vector<double> result;
    for (const auto& each : exact::forward(*p, {inputs, others}, *w, pool...)) append(result, each);
    exact::backward(*p, {inputs, others}, {of_a, of_z, of_y}, *w, *gradient, pool...,
                    exact::fact_gradients<float>{to_inputs, to_others});
    result.insert(result.end(), gradient->flat().begin(), gradient->flat().end());
    result.insert(result.end(), to_inputs.begin(), to_inputs.end());
    result.insert(result.end(), to_others.begin(), to_others.end());
    return result;
}

constexpr int positions = 21;
constexpr int symbol_count = 40;
/// Beyond a cache, so that the rows of several samples are joined. Tied logits read their table as
/// it stands and turned.
using gpt = transformer::language_model<vocabulary<symbol_count>, tokens<positions>, width<128>,
                                        heads<4>, depth<2>, tied<true>>;

struct learner {
    static constexpr int count = 5;
    std::unique_ptr<gpt::parameters<float>> p = make_unique<gpt::parameters<float>>();
    std::vector<std::int32_t> text;
    std::vector<gpt::facts<float>> facts;

    learner() {
        gpt::initialize(*p, 3);
        random_numbers random(6);
        for (int at = 0; at < count * (positions + 1); ++at)
            text.push_back(random.below(symbol_count));
        for (int at = 0; at < count; ++at) facts.push_back({window(at).first(positions)});
    }
    std::span<const std::int32_t> window(int sample) const {
        return std::span(text).subspan(check::to_size(sample * (positions + 1)), positions + 1);
    }
    /// The loss, then its gradient.
    template <class Products>
    std::vector<double> loss_and_gradient(int threads) const {
        thread_pool pool(threads);
        gpt::batch<float, Products> batch(pool, 1);
        static_assert(gpt::batch<float, Products>::joined > 1);
        const auto gradient = make_unique<gpt::parameters<float>>();
        std::vector<double> result{gpt::backward_batch(
            *p, facts,
            [&](int sample, const auto& logits, const auto& dy) {
                return train::cross_entropy(logits, window(sample).subspan(1), dy);
            },
            batch, *gradient)};
        result.insert(result.end(), gradient->flat().begin(), gradient->flat().end());
        return result;
    }
};

}  // namespace

TEST_CASE("products of numbers that bfloat16 holds are those of float", "[rounded]") {
    const auto expected = values_and_gradients<float>();
    const auto found = values_and_gradients<bf16>();
    REQUIRE(found.size() == expected.size());
    for (std::size_t at = 0; at < found.size(); ++at)
        if (found[at] != expected[at]) FAIL(found[at] << " != " << expected[at] << " at " << at);
}

// Each number is rounded to 8 bits, by 0.2 % at most on average half of it.
TEST_CASE("gradients of products in bfloat16", "[rounded]") {
    learner of;
    const auto expected = of.loss_and_gradient<float>(1), found = of.loss_and_gradient<bf16>(1);
    CHECK(found[0] == Approx(expected[0]).epsilon(1e-3));
    CHECK(distance(found, expected) < 0.01);
    CHECK(distance(found, expected) > 1e-4);

    // Along the gradient, the loss of float changes as the gradient says.
    double slope = 0, size = 0;
    for (std::size_t at = 1; at < found.size(); ++at) size += found[at] * found[at];
    const double step = 1e-2 / std::sqrt(size);
    const auto origin = of.p->flat();
    const std::vector<float> before(origin.begin(), origin.end());
    for (const double sign : {1.0, -1.0}) {
        for (std::size_t at = 0; at < before.size(); ++at)
            origin[at] =
                static_cast<float>(static_cast<double>(before[at]) + sign * step * found[at + 1]);
        slope += sign * of.loss_and_gradient<float>(1)[0] / (2 * step);
    }
    CHECK(slope == Approx(size).epsilon(0.01));
}

// Rows do not depend on those beside them.
TEST_CASE("products in bfloat16 on several threads", "[rounded]") {
    const learner of;
    CHECK(of.loss_and_gradient<bf16>(2) == of.loss_and_gradient<bf16>(1));
    thread_pool pool(2);
    CHECK(values_and_gradients<bf16>(pool) == values_and_gradients<bf16>());
}
