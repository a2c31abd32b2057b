#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <sequent/nn.hpp>
#include <sequent/packed.hpp>
#include <span>
#include <string>
#include <vector>

#include "../model/check.hpp"

using namespace sequent;

using sinking = multi_head_attention<tokens<5>, width<8>, heads<4>, key_heads<2>, mask::window<2>,
                                     attention_sinks<true>>;

static_assert(std::ranges::count(sinking::plan::tables.steps, plan::step_kind::attention,
                                 &plan::step::kind) == 1);
// No general loops but for what follows from parameters alone.
static_assert(std::ranges::none_of(sinking::plan::tables.steps, [](const plan::step& each) {
    return each.kind == plan::step_kind::general && !each.prepared;
}));

TEST_CASE("a sink of each head joins the softmax, and its weight multiplies nothing") {
    const auto p = make_unique<sinking::parameters<double>>();
    const auto w = make_unique<sinking::workspace<double>>();
    const auto gradient = make_unique<sinking::parameters<double>>();
    std::map<std::string, std::vector<double>> all;
    sinking::for_each(*p, [&](std::string_view name, const auto& view) {
        for (int at = 0; at < view.size(); ++at) {
            view.element(at) = 0.5 * std::sin(at + static_cast<double>(name.size()));
            all[std::string(name)].push_back(view.element(at));
        }
    });
    CHECK(all.at("sink").size() == 4);
    std::vector<double> x(40), dy(40);
    for (std::size_t at = 0; at < 40; ++at) {
        x[at] = std::cos(static_cast<double>(at));
        dy[at] = std::sin(3.0 * static_cast<double>(at));
    }

    // The formula, by plain loops.
    const auto linear = [&](const std::string& name, int row, int at) {
        const std::vector<double>& matrix = all.at("W_" + name);
        double sum = all.at("b_" + name)[static_cast<std::size_t>(row)];
        for (int c = 0; c < 8; ++c)
            sum += matrix[static_cast<std::size_t>(row * 8 + c)] *
                   x[static_cast<std::size_t>(at * 8 + c)];
        return sum;
    };
    std::vector<double> expected;
    for (int i = 0; i < 5; ++i) {
        std::vector<double> heads;
        for (int h = 0; h < 4; ++h) {
            double total = std::exp(all.at("sink")[static_cast<std::size_t>(h)]);
            double sums[2]{};
            for (int j = std::max(0, i - 2); j <= i; ++j) {
                double score = 0;
                for (int c = 0; c < 2; ++c)
                    score += linear("query", 2 * h + c, i) * linear("key", h / 2 * 2 + c, j);
                const double weight = std::exp(score / std::sqrt(2.0));
                total += weight;
                for (int c = 0; c < 2; ++c) sums[c] += weight * linear("value", h / 2 * 2 + c, j);
            }
            for (const double sum : sums) heads.push_back(sum / total);
        }
        for (std::size_t row = 0; row < 8; ++row) {
            double sum = all.at("b_out")[row];
            for (std::size_t c = 0; c < 8; ++c) sum += all.at("W_out")[row * 8 + c] * heads[c];
            expected.push_back(sum);
        }
    }
    CHECK(sequent_test::error_of(sinking::forward(*p, {x}, *w), expected) < 1e-12);

    sinking::backward(*p, {x}, dy, *w, *gradient);
    const auto loss = [&] {
        const auto y = sinking::forward(*p, {x}, *w);
        double sum = 0;
        for (int at = 0; at < 40; ++at) sum += y(at / 8, at % 8) * dy[static_cast<std::size_t>(at)];
        return sum;
    };
    std::vector<double> differences;
    for (double& number : p->flat()) {
        const double kept = number;
        number = kept + 1e-5;
        const double above = loss();
        number = kept - 1e-5;
        differences.push_back((above - loss()) / 2e-5);
        number = kept;
    }
    CHECK(sequent_test::error_of(gradient->flat(), differences) < 1e-7);
}

using long_sinking = multi_head_attention<tokens<40>, width<8>, heads<4>, key_heads<2>,
                                          mask::window<2>, attention_sinks<true>>;

template <class State>
void check_steps(float tolerance) {
    const auto p = make_unique<long_sinking::parameters<float>>();
    const auto w = make_unique<long_sinking::workspace<float>>();
    const auto s = make_unique<State>();
    for (int at = 0; float& number : p->flat()) number = std::sin(static_cast<float>(++at));
    std::vector<float> x(320), other(320, 3.0F);
    for (std::size_t at = 0; at < 320; ++at) x[at] = std::cos(static_cast<float>(at * at));
    const auto all = long_sinking::forward(*p, {x}, *w);

    const auto step = [&](const std::vector<float>& from, int row) {
        return long_sinking::step(
            *p, {std::span(from).subspan(8 * static_cast<std::size_t>(row), 8)}, *s);
    };
    for (int row = 0; row < 40; ++row) {
        if (row % 9 == 0) {  // rows of another sequence, forgotten
            for (int each = row; each < 40; ++each) step(other, each);
            s->truncate(row);
        }
        const auto y = step(x, row);
        for (int c = 0; c < 8; ++c) CHECK(std::abs(y(c) - all(row, c)) < tolerance);
    }
}

TEST_CASE("attention with sinks steps") {
    check_steps<long_sinking::state<float>>(1e-5F);
    check_steps<long_sinking::state<float, cache<q8_0>>>(0.05F);
}
