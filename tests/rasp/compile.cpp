#include "rasp/compile.hpp"

// The larger programs are compared by the example of the same name.

namespace {

using namespace sequent::rasp;
using sequent_test::contains;

inline constexpr auto reversed = aggregate(select(indices, length - 1 - indices, equal), tokens);
inline constexpr auto sorted = sequent::rasp::sort(tokens, tokens);

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
// Defaults, shifts to both sides, a position from the end.
inline constexpr auto moved =
    cond(shift(tokens, -2, "c") == tokens[-1], shift(tokens, 1, "a"), tokens[0]);
// Booleans.
inline constexpr auto truth = has(select(tokens, "b", equal)) && !(tokens == "a");

using compiled_truth = compile<truth, alphabet<"abc">, max_length<5>>;
static_assert(compiled_truth::size.classes == 2);

}  // namespace

TEST_CASE("reverse compiles to two layers of one head, and float is enough") {
    using compiled_reverse = compile<reversed, max_length<100>, alphabet<"abcd">>;
    static_assert(compiled_reverse::size.layers == 2);
    static_assert(compiled_reverse::size.heads == 1);
    static_assert(compiled_reverse::size.width == 10);
    check::compiled<reversed, compiled_reverse, float>(check::input_source("abc"),
                                                       check::input_source("abcd"));

    // What it looks at is what evaluation selects.
    const auto maps = compiled_reverse::attention("abcda");
    REQUIRE(maps.layers == 2);
    REQUIRE(maps.length == 5);
    for (int row = 0; row < 5; ++row)
        for (int column = 0; column <= 5; ++column) {
            CHECK(maps(0, 0, row, column) == Approx(column < 5 ? 0.2 : 0).margin(1e-9));
            CHECK(maps(1, 0, row, column) == Approx(column == 4 - row ? 1 : 0).margin(1e-9));
        }
}

TEST_CASE("sort without a beginning of the sequence compiles") {
    using compiled_sort = compile<sorted, alphabet<"abc">, max_length<9>>;
    static_assert(check::has_analysed_size<sorted, compiled_sort>());
    static_assert(!compiled_sort::size.embeds_pairs);
    check::compiled<sorted, compiled_sort>(check::input_source("abc"), check::input_source("abc"));
}

TEST_CASE("all kinds of operations compile") {
    const check::input_source few(sequence{0, 1, 3});
    const check::input_source all(sequence{0, 1, 2, 3});
    check::compiled<sums, compile<sums, integers<0, 3>, max_length<9>>>(few, all);
    check::compiled<picked, compile<picked, integers<0, 3>, max_length<7>>>(few, all);
    check::compiled<above, compile<above, integers<0, 3>, max_length<8>>>(few, all);
    const check::input_source letters("abc");
    check::compiled<moved, compile<moved, alphabet<"abc">, max_length<10>>>(letters, letters);
    check::compiled<truth, compiled_truth>(letters, letters, 5);
}

TEST_CASE("tokens and lengths that a program is not compiled for") {
    CHECK_THROWS_WITH(compiled_truth::run("abx"),
                      contains("\"x\" at position 2") && contains("alphabet"));
    CHECK_THROWS_WITH(compiled_truth::run("abcabc"), contains("for 5 tokens, the input has 6"));
    CHECK_THROWS_AS(compiled_truth::run(sequence{1, 2}), evaluation_error);
    CHECK_THROWS_AS(compiled_truth::run(""), evaluation_error);
}
