#include "test_tools.hpp"

using namespace oracle_test;

namespace gradients {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr weight<"W", 1, 2> W;
inline constexpr auto program = rules(y(i) <<= x(i)[W] | sigmoid());
}  // namespace gradients

TEST_CASE("oracle: the gradient of a function") {
    const auto found =
        oracle::gradient([](const list& at) { return at[0] * at[0] * at[1] + 3 * at[1]; }, {2, 5});
    check_close(found, {20, 7}, 1e-8);
}

TEST_CASE("oracle: the gradient of a program by its weight") {
    oracle::world given{.facts = {{"x", {{1, 2}, {3, -4}}}},
                        .weights = {{"W", {{1, 2}, {0.5, 0.25}}}}};
    const auto found = oracle::gradient(given.weights["W"].values,
                                        [&] { return values(gradients::program, given, "y")[0]; });
    const double y = values(gradients::program, given, "y")[0];
    check_close(found, {3 * y * (1 - y), -4 * y * (1 - y)}, 1e-8);
    CHECK(given.weights["W"].values == list{0.5, 0.25});
}
