#include "rasp/compile.hpp"

// The larger programs are compared by the example of the same name.

namespace {

using namespace sequent::rasp;

// A native sum, integers as tokens, a product.
inline constexpr auto sums =
    sum(select(indices, indices, greater), tokens_int) * 2 - tokens_int % 3;
// Negation, an inequality, a default, means as the output.
inline constexpr auto picked =
    aggregate(!select(tokens_int, tokens_int, less_equal) && select(indices, indices, not_equal),
              tokens_int, -3);
// Fractions compared with a number and with each other.
inline constexpr auto above =
    cond(average(tokens_int) / 2 > 0.75, 1, 0) +
    indicator(aggregate(select(indices, indices, less_equal), tokens_int) < average(tokens_int));

}  // namespace

TEST_CASE("operations of numbers compile") {
    const check::input_source few(sequence{0, 1, 3});
    const check::input_source all(sequence{0, 1, 2, 3});
    check::compiled<sums, compile<sums, integers<0, 3>, max_length<9>>>(few, all);
    check::compiled<picked, compile<picked, integers<0, 3>, max_length<7>>>(few, all);
    check::compiled<above, compile<above, integers<0, 3>, max_length<8>>>(few, all);
}
