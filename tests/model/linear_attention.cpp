#include <sequent/explain.hpp>

#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "rules.hpp"
#include "step.hpp"

// Attention without a softmax whose rows carry a state from chunk to chunk.

using namespace names;
using sequent::bound;
using sequent::fact;
using sequent::make_unique;
using sequent::model;
using sequent::require_fused;
using sequent::up_to;

namespace {

inline constexpr auto projected =
    rules(q(i) <<= x(i)[W<"Q", 3, 2>], k(j) <<= x(j)[W<"K", 3, 2>], v(j) <<= x(j)[W<"V", 2, 2>]);
inline constexpr auto causal =
    rules(projected, weights(i, j) <<= (inverse_sqrt(3), k(j).T(), q(i), j <= i) | product(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));
inline constexpr auto whole =
    rules(projected, weights(i, j) <<= (k(j).T(), q(i), j < length, i < length) | product(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));
inline constexpr auto by_blocks =
    rules(projected, weights(i, j) <<= (k(j).T(), q(i), j / 5 <= i / 5) | product(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));
inline constexpr auto window =
    rules(projected, weights(i, j) <<= (k(j).T(), q(i), j <= i, i - j < 70) | product(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));
inline constexpr auto activated =
    rules(projected, weights(i, j) <<= (k(j).T(), q(i), j <= i) | product() | relu(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));

// Retention: the score fades with the distance, in each head at a rate of its own.
inline constexpr var<"s", 77> s;
inline constexpr var<"u", 77> u;
inline constexpr auto retention =
    rules(q(g, i) <<= x(i)[W<"Q", 3, 2>(g)], k(g, j) <<= x(j)[W<"K", 3, 2>(g)],
          v(g, j) <<= x(j)[W<"V", 2, 2>(g)],
          b(g, s, u) <<= (number(-0.03), number(g + 1), number(s - u)) | product() | exp(),
          weights(g, i, j) <<= (b(g, i, j), k(g, j).T(), q(g, i), j <= i) | product(),
          a(g, i) <<= (weights(g, i, j), v(g, j)) | product() | sum(j),
          y(i)[W<"O", 2, 4>] <<= a(g, i) | concat(g));

// Gated linear attention: the gate of each row scales what the rows before it left.
inline constexpr var<"t", 85> t;
inline constexpr relation<"gate"> gate;
inline constexpr relation<"total"> total;
inline constexpr relation<"past"> past;
inline constexpr relation<"fade"> fade;
inline constexpr auto gated =
    rules(projected, gate(i) <<= x(i)[W<"G", 1, 2>] | sigmoid() | log(),
          total(t) <<= (gate(j), j <= t) | sum(j), past(j) <<= total(j) | scale(-1.0),
          fade(i, j) <<= (total(i), past(j)) | exp(),
          weights(i, j) <<= (fade(i, j), number(0.5), k(j).T(), q(i), j <= i) | product(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));

// The exponents of rows and columns are given.
inline constexpr auto given_exponents =
    rules(projected, fade(i, j) <<= (r<"up">(i), r<"down">(j)) | exp(),
          weights(i, j) <<= (fade(i, j), k(j).T(), q(i), j <= i) | product(),
          y(i) <<= (weights(i, j), v(j)) | product() | sum(j));

template <class Model>
inline constexpr bool is_in_chunks = [] {
    for (const auto& step : Model::plan::tables.attentions)
        if (step.chunk == 0) return false;
    return Model::plan::tables.attentions.size() > 0;
}();
template <class Model>
constexpr sequent::plan::reason why_not = Model::plan::template attention_at<0>.no_chunks;

}  // namespace

TEST_CASE("causal linear attention carries a state from chunk to chunk") {
    using plain = model<causal, fact<"x", 83, 2>, require_fused>;
    static_assert(is_in_chunks<plain>);
    check::runs_in_both_types<plain>();
    check::steps<plain>();
    check::streams_agree<plain>();
    CHECK(sequent::explain<plain>().find("no softmax, in chunks of 32 rows") != std::string::npos);
    // Its state holds no column: one position more needs no more memory.
    using longer = model<causal, fact<"x", 300, 2>>;
    static_assert(sizeof(longer::state<float>) == sizeof(plain::state<float>));
}
TEST_CASE("linear attention of all columns ends at a count") {
    using counted = model<whole, fact<"x", 80, 2>, bound<"length">, require_fused>;
    static_assert(is_in_chunks<counted>);
    for (int given : {0, 1, 33, 80}) check::runs<counted>(given);
}
TEST_CASE("linear attention by blocks and of any length") {
    using blocks = model<by_blocks, fact<"x", 97, 2>, require_fused>;
    static_assert(is_in_chunks<blocks>);
    check::runs<blocks>();
    using any = model<causal, fact<"x", up_to<90>, 2>, require_fused>;
    static_assert(is_in_chunks<any>);
    for (int given : {0, 31, 65, 90}) check::runs<any>(given);
}
TEST_CASE("linear attention that fades") {
    using in_heads = model<retention, fact<"x", 77, 2>>;
    static_assert(is_in_chunks<in_heads>);
    check::runs<in_heads>();
    check::steps<in_heads>();
    check::streams_agree<in_heads>();
    using by_gates = model<gated, fact<"x", 85, 2>>;
    static_assert(is_in_chunks<by_gates>);
    check::runs<by_gates>();
    check::steps<by_gates>();
    check::streams_agree<by_gates>();
}
TEST_CASE("a row of linear attention that sees little leaves the state as it is") {
    using silenced = model<given_exponents, fact<"x", 85, 2>, fact<"up", 85>, fact<"down", 85>>;
    static_assert(is_in_chunks<silenced>);
    const auto p = make_unique<silenced::parameters<double>>();
    const auto w = make_unique<silenced::workspace<double>>();
    const auto state = make_unique<silenced::state<double>>();
    silenced::initialize(*p, 3);
    std::vector<double> input(2 * 85), up(85), down(85);
    for (std::size_t at = 0; at < input.size(); ++at) input[at] = std::sin(static_cast<double>(at));
    for (std::size_t at = 0; at < 85; ++at) {
        up[at] = -0.5 * static_cast<double>(at);
        down[at] = -up[at];
    }
    up[40] = down[40] = -1000;
    const auto all = silenced::forward(*p, {input, up, down}, *w);
    for (int at = 0; at < 85; ++at) {
        const auto place = static_cast<std::size_t>(at);
        const auto one =
            silenced::step(*p,
                           {std::span(input).subspan(2 * place, 2), std::span(up).subspan(place, 1),
                            std::span(down).subspan(place, 1)},
                           *state);
        for (int element = 0; element < 2; ++element) {
            const double expected = all(at, element);
            CHECK(std::abs(one.data[element] - expected) <= 1e-9 * (1 + std::abs(expected)));
        }
    }
}
TEST_CASE("linear attention by pairs says why") {
    using sequent::plan::reason;
    static_assert(why_not<model<window, fact<"x", 83, 2>>> ==
                  reason::a_mask_that_leaves_out_columns);
    static_assert(why_not<model<activated, fact<"x", 83, 2>>> ==
                  reason::a_score_that_a_state_cannot_hold);
    static_assert(why_not<model<causal, fact<"x", 20, 2>>> ==
                  reason::fewer_pairs_than_a_state_saves);
    CHECK(sequent::explain<model<causal, fact<"x", 20, 2>>>().find(
              "no chunks: there are so few rows") != std::string::npos);
}
