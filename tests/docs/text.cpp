// The code of docs/text.md.

#include <sequent/text.hpp>

#include <string>
#include <vector>

#include "../catch.hpp"

namespace text {
// [encoder]
inline constexpr sequent::text encoder = R"(
    q(I) :- $W_q={8, 8} input(I).
    k(I) :- $W_k={8, 8} input(I).
    v(I) :- $W_v={8, 8} input(I).
    score(I, J) :- <0.25>, transpose(k(J)), q(I), @leq(J, I).
        [combination=product, aggregation=softmax(agg_terms=[J])]
    attention(I) :- score(I, J) @ v(J).
    norm1(I) :- attention(I), q(I). [transformation=norm]
    $W_2={8, 8} mlp(I) :- $W_1={8, 8} norm1(I). [transformation=relu]
    norm2(I) :- mlp(I), norm1(I). [transformation=norm]
)";

using Encoder = sequent::model<encoder, sequent::fact<"input", 4, 8>>;
// [/encoder]
// [dialect]
inline constexpr sequent::text neighbours = {"y(X) :- x(Y), *edge(X, Y).",
                                             sequent::dialect::pyneuralogic};
// [/dialect]
}  // namespace text

TEST_CASE("the code of the guide to rules as text") {
    using text::Encoder;
    const std::vector<float> x(4 * 8, 0.5f);
    // [run]
    constexpr sequent::language::weight<"W_q"> W_q;
    constexpr sequent::language::relation<"input"> input;
    Encoder::parameters<float> p;
    Encoder::workspace<float> w;
    Encoder::initialize(p, 1);
    p[W_q](0, 0) = 1;
    const auto y = Encoder::forward(p, {input = x}, w);
    // [/run]
    CHECK(y.extents[0] == 4);
    // [print]
    const std::string rules = sequent::to_text<text::neighbours>();
    // y(X) <<= (x(Y), hidden(edge(X, Y))) | mean(Y);
    // [/print]
    CHECK(rules == "    y(X) <<= (x(Y), hidden(edge(X, Y))) | mean(Y);\n");
}
