#include "rules.hpp"

// Which elements a dropout keeps follows from the seed that is given with the facts.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;

inline constexpr sequent::bound<"seed"> seed;

inline constexpr auto layer = rules(y(i) <<= x(i)[W<"A", 24, 24>] | tanh() | dropout(0.25, seed));
inline constexpr auto program =
    rules(r<"dropped">(i) <<= x(i) | dropout(0.5, seed),
          r<"layers">(i) <<= r<"dropped">(i) | stack<2>(layer),
          // Within the general kernel.
          r<"out">(i) <<=
          (r<"layers">(i), x(j), j < i) | elementwise_product() | dropout(0.25, seed) | sum(j));

using Model = model<program, fact<"x", 5, 24>, sequent::bound<"seed">,
                    sequent::query<"dropped", "layers", "out">>;

std::vector<double> outputs_with(int given) {
    return check::fixture<Model, double>(1, given).outputs();
}

}  // namespace

TEST_CASE("the same seed drops the same elements, none with seed 0") {
    check::runs<Model>(0);
    CHECK(outputs_with(1) == outputs_with(1));
    CHECK(outputs_with(1) != outputs_with(2));
    const auto y = outputs_with(1);
    const auto zeros = std::count(y.begin(), y.begin() + 5 * 24, 0.0);
    CHECK(std::abs(static_cast<double>(zeros) - 60) < 4 * std::sqrt(30));
}

TEST_CASE("backward drops what forward has dropped") {
    for (int given : {1, 2}) {
        check::fixture<Model, double> f(1, given);
        CHECK(check::gradient_error(f) < 1e-5);
    }
}
