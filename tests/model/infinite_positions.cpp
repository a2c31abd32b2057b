#include <cmath>

#include "rules.hpp"

#include <sequent/nn.hpp>

// A position whose numbers overflow leaves the rows that do not see it as they are.

using namespace sequent;

namespace {

inline constexpr auto edges_apart = [] {
    using namespace names;
    return rules(a(i) <<= x(i) | exp(),
                 out(i, j) <<= (r<"edge">(i, j), a(j), i != j) | elementwise_product());
}();

}  // namespace

TEST_CASE("a pair that the condition leaves out has no gradient, whatever its numbers are") {
    using edges = model<edges_apart, fact<"x", 3>, fact<"edge", sparse<9>, 3, 3>>;
    check::fixture<edges, float> f(1, 0, 9);
    f.dense[0] = {1, 200, 2};  // its exponential is infinite
    const auto gradients = f.backward(std::vector<float>(9, 1.0F));
    REQUIRE(f.pairs[1].size() == 9);
    for (std::size_t at = 0; at < 9; ++at) {
        const auto [row, column] = f.pairs[1][at];
        if (row == column)
            CHECK(gradients[1][at] == 0);
        else
            CHECK(gradients[1][at] > 1);
    }
}

TEST_CASE("rows before a position that overflows are right in forward, backward and step") {
    using model = multi_head_attention<tokens<8>, width<4>, heads<1>, mask::causal>;
    check::fixture<model, float> f(1);
    for (float& number : f.p->flat()) number = 0;
    // Values of ten times the input, which are the output.
    model::for_each(*f.p, [](std::string_view name, auto view) {
        for (int at = 0; at < 4; ++at) {
            if (name == "W_value") view.element(5 * at) = 10;
            if (name == "W_out") view.element(5 * at) = 1;
        }
    });
    for (float& number : f.dense[0]) number = 1;
    for (int at = 28; at < 32; ++at) f.dense[0][check::to_size(at)] = 3e38F;

    const auto whole = model::forward(*f.p, f.given(), *f.w);
    const auto state = make_unique<model::state<float>>();
    for (int row = 0; row < 8; ++row) {
        const auto y =
            model::step(*f.p, {std::span(f.dense[0]).subspan(check::to_size(4 * row), 4)}, *state);
        for (int at = 0; at < 4 && row < 7; ++at) {
            CHECK(whole(row, at) == 10);
            CHECK(y.element(at) == 10);
        }
        CHECK_FALSE((row == 7 && std::isfinite(whole(row, 0))));
        CHECK_FALSE((row == 7 && std::isfinite(y.element(0))));
    }

    // A loss of the rows before it: each value has the gradient that its seven rows give it.
    std::vector<float> dy(32, 1.0F);
    for (std::size_t at = 28; at < 32; ++at) dy[at] = 0;
    model::backward(*f.p, f.given(), dy, *f.w, *f.gradient);
    model::for_each(*f.gradient, [](std::string_view name, auto view) {
        for (int at = 0; at < 16 && name == "W_value"; ++at) CHECK(view.element(at) == Approx(7));
    });
}
