#include "rasp/compile.hpp"

// The larger programs are compared by the example of the same name.

namespace {

using namespace sequent::rasp;
using sequent_test::contains;

// Defaults, shifts to both sides, a position from the end.
inline constexpr auto moved =
    cond(shift(tokens, -2, "c") == tokens[-1], shift(tokens, 1, "a"), tokens[0]);
// Booleans.
inline constexpr auto truth = has(select(tokens, "b", equal)) && !(tokens == "a");

using compiled_truth = compile<truth, alphabet<"abc">, max_length<5>>;
static_assert(compiled_truth::size.classes == 2);

}  // namespace

TEST_CASE("operations of symbols and booleans compile") {
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
