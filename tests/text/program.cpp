#include <sequent/text.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "../catch.hpp"

// Rules as text: the same arrays as those of types, the same numbers, and both printed as the
// other.

namespace types {
using namespace sequent::language;
SEQUENT_VARIABLES(I, J, X, Y, Z, x0);
SEQUENT_RELATIONS(input, q, k, v, score, attention, norm1, mlp, norm2, a, c, edge, found);
SEQUENT_WEIGHT(W_q, 6, 6);
SEQUENT_WEIGHT(W_k, 6, 6);
SEQUENT_WEIGHT(W_v, 6, 6);
SEQUENT_WEIGHT(W_1, 6, 6);
SEQUENT_WEIGHT(W_2, 6, 6);
SEQUENT_WEIGHT(w0, 3, 2);
SEQUENT_WEIGHT(w1, 3);
SEQUENT_WEIGHT(w2, 3);
SEQUENT_WEIGHT(s);

inline constexpr auto encoder =
    rules(q(I) <<= input(I)[W_q], k(I) <<= input(I)[W_k], v(I) <<= input(I)[W_v],
          score(I, J) <<= (inverse_sqrt(16), k(J).T(), q(I), J <= I) | product() | softmax(J),
          attention(I) <<= (score(I, J), v(J)) | product() | sum(J),
          norm1(I) <<= (attention(I), q(I)) | norm(), mlp(I)[W_2] <<= norm1(I)[W_1] | relu(),
          norm2(I) <<= (mlp(I), norm1(I)) | norm());

inline constexpr auto simple = rules(c(X)[w0] <<= (a(X), w1));
inline constexpr auto mean_of_all = rules(c(X) <<= (a(Y), edge(X, Y)) | product() | mean(Y));
inline constexpr auto sum_of_all = rules(c(X) <<= (a(Y), hidden(edge(X, Y))) | max(Y));
inline constexpr auto negated = rules(c(X) <<= (a(X), !edge(X, Y), !edge(Y, X)) | sum(Y));
inline constexpr auto special =
    rules(c(X, Y) <<= (a(X), X <= Y && X < Y && X >= Y && X > Y && X == Y && X != Y));
inline constexpr auto sums = rules(c(X, Y, Z) <<= (a(X), X + Y == Z && X - Y == Z && X % Y == Z));
inline constexpr auto different =
    rules(c(X, Y, Z) <<= (a(X), X != Y && X != Z && Y != Z && X + 1 == Y));
inline constexpr auto few =
    rules(c(X, Y, Z) <<= (a(X), X == Y || X == Z || Y == Z, X == Y && X == Z && Y == Z));
inline constexpr auto one_of_three = rules(c(X) <<= (a(X), X == 0 || X == 4 || X == 9));
inline constexpr auto valued = rules(c(X, Y) <<= (number(X + Y), number(X* Y)));
inline constexpr auto greatest =
    rules(c(X, Y) <<= (number(X / Y), number(greater_of(X, Y)), a(6), 1 < lesser_of(X, Y + 2)));
inline constexpr auto within =
    rules(c(X)[W_q] <<=
          (relu()(a(X)[W_k]), max()(q(Y), tanh()(a(X + 1)), s), complement()(k(Y)), abs()(v(X))) |
          elementwise_product() | sum(Y),
          q(X) <<= (a(X), leaky_relu(0.1)(a(X))) | concat() | softmax());
inline constexpr auto with_arguments =
    rules(c(X) <<= (abs()(a(X)), layer_norm(w1, w2)(a(X)[w0]), abs(X) < 3));
inline constexpr auto fixed_weight = rules(c(X) <<= a(X)[fixed(W_q)]);
inline constexpr auto factor = rules(c(X) <<= (number(2), a(X)) | product());
inline constexpr auto functions =
    rules(c(X) <<= a(X) | cosine() | leaky_relu(0.2) | slice(1, 3), c(X) | max() | reshape(2, 3));
inline constexpr auto with_scalar = rules(c() <<= (a()[s], k()));
inline constexpr auto elementwise = rules(c(X) <<= (a(X), k(X), v(X)) | elementwise_product());
inline constexpr auto tanh_of_mean = rules(c(X) <<= a(Y) | tanh() | mean(Y), c(x0) | tanh());
inline constexpr auto tanh_of_sum = rules(c(X) <<= a(Y) | tanh() | sum(Y), c(x0) | tanh());
inline constexpr auto plain_norm = rules(c(X) <<= a(X) | norm());
inline constexpr auto inner = rules(k(X) <<= c(X));
inline constexpr auto factor_of_a_stack =
    rules(c(X) <<= (number(2), a(X)) | product() | stack<1>(inner));
inline constexpr auto offsets =
    rules(c(X) <<= (a(X + 1), a(X - 2), a(3), edge(X, X - Y + 7), edge(X, X - 2 * Y)));
}  // namespace types

namespace {

// As the engine writes them.
inline constexpr sequent::text encoder = R"(
    % the encoder of the article
    q(I) :- $W_q={6, 6} input(I).
    k(I) :- W_k: {6,6} input(I).     // with a name as Python's slices write it
    v(I) :- $W_v={6, 6} input(I).
    score(I, J) :- <0.25>, transpose(k(J)), q(I), @leq(J, I).
        [combination=product, aggregation=softmax(agg_terms=[J])]
    attention(I) :- score(I, J), v(J). [aggregation=sum, combination=product]
    norm1(I) :- attention(I), q(I). [transformation=norm]
    $W_2={6,6} mlp(I) :- $W_1={6, 6} norm1(I). [activation=relu]  /* an /* inner */ comment */
    norm2(I) <= mlp(I), norm1(I). [transformation=norm]
)";
// As C++ writes them.
inline constexpr sequent::text own_encoder = R"(
    q(I) <<= input(I)[W_q{6, 6}];
    k(I) <<= input(I)[W_k{6, 6}];
    v(I) <<= input(I)[W_v{6, 6}];
    score(I, J) <<= (inverse_sqrt(16), k(J).T(), q(I), J <= I) | product() | softmax(J);
    attention(I) <<= score(I, J), v(J) | product() | sum(J);
    norm1(I) <<= (attention(I), q(I)) | norm();
    mlp(I)[W_2{6, 6}] <<= norm1(I)[W_1{6, 6}] | relu();
    norm2(I) <<= mlp(I), norm1(I) | norm;
)";
inline constexpr sequent::text unnamed = "{3,2} c(X) :- a(X), {3}.";
inline constexpr sequent::text averages = {"c(X) :- a(Y) @ edge(X, Y).",
                                           sequent::dialect::pyneuralogic};
inline constexpr sequent::text averages_stated =
    "c(X) :- a(Y), edge(X, Y). [combination=product, learnable=true, aggregation=avg]";
inline constexpr sequent::text hidden_fact = "c(X) :- a(Y), *edge(X, Y). [aggregation=max]";
inline constexpr sequent::text negated = "c(X) :- a(X), !edge(X, Y), not edge(Y, X) | sum(Y).";
inline constexpr sequent::text special =
    "c(X, Y) :- a(X), @leq(X, Y), *@lt(X, Y), @geq(X, Y), @gt(X, Y), @eq(X, Y), @neq(X, Y).";
inline constexpr sequent::text sums =
    "c(X, Y, Z) :- a(X), @add(X, Y, Z), @sub(X, Y, Z), @mod(X, Y, Z), @true.";
inline constexpr sequent::text different = "c(X, Y, Z) :- a(X), @alldiff(X, Y, Z), @next(X, Y).";
inline constexpr sequent::text with_arguments =
    "c(X) <<= (abs()(a(X)), layer_norm(w1{3}, w2{3})(a(X)[w0{3, 2}]), abs(X) < 3);";
inline constexpr sequent::text few =
    "c(X, Y, Z) :- a(X), @maxcard(2, X, Y, Z), @maxcard(1, X, Y, Z).";
inline constexpr sequent::text always = "c(X) :- a(X), @maxcard(2, X).";
inline constexpr sequent::text one_of_three = "c(X) :- a(X), @in(X, 0, 4, 9).";
inline constexpr sequent::text one_of_cpp = "c(X) <<= a(X), one_of<0, 4, 9>(X);";
inline constexpr sequent::text valued = "c(X, Y) :- @add_eval(X, Y), @mul_eval(X, Y).";
inline constexpr sequent::text greatest = R"(
    constant carbon = 6, one = 1;
    c(X, Y) :- @div_eval(X, Y), @max_eval(X, Y), a(carbon), one < lesser_of(X, Y + 2).
)";
inline constexpr sequent::text within = R"(
    $W_q={6, 6} c(X) :- relu($W_k={6, 6} a(X)), max(q(Y), tanh(a(X + 1)), $s={}), ~k(Y), abs(v(X)).
        [combination=elproduct, aggregation=sum]
    q(X) :- a(X), leaky_relu(0.1)(a(X)). [combination=softmax]
)";
inline constexpr sequent::text fixed_weight = "c(X) :- <$W_q={6,6}> a(X).";
inline constexpr sequent::text fixed_inside = "c(X) :- $W_q=<{6,6}> a(X).";
inline constexpr sequent::text factor = "c(X) :- <+2.0e0> a(X).";
inline constexpr sequent::text functions = R"(
    c(X) :- a(X). [combination=cossim, transformation=leakyrelu(0.2)] c/1 [combination=max]
)";
inline constexpr sequent::text functions_piped = R"(
    c(X) :- a(X) | cossim | leaky_relu(0.2) | slice(1, 3).
    c(X) | max() | reshape(2, 3);
)";
inline constexpr sequent::text with_scalar = "c :- $s={} a, k.";
inline constexpr sequent::text elementwise = "c(X) :- a(X) * k(X) * v(X).";
inline constexpr sequent::text tanh_of_mean = {"c(X) :- a(Y).", sequent::dialect::neuralogic};
inline constexpr sequent::text tanh_of_sum = {"c(X) :- a(Y). [aggregation=sum]",
                                              sequent::dialect::neuralogic};
inline constexpr sequent::text plain_norm = {"c(X) <<= a(X) | norm();",
                                             sequent::dialect::neuralogic};
inline constexpr sequent::text factor_of_a_stack =
    "c(X) <<= <2> a(X) | stack <1> { k(X) <<= c(X); };";
// Each would mean something else than is written.
inline constexpr sequent::text factor_beside_a_number = "c(X) :- <2> a(X), <3>.";
inline constexpr sequent::text operators_and_commas = "c(X) :- a(X) @ k(X), v(X).";
inline constexpr sequent::text unnamed_and_named = "c(X) :- a(X), *edge(X, _), *found(_0).";
inline constexpr sequent::text hidden_element = "c(X) :- a(X), *at(k(X), 1).";
template <const auto& Text>
inline constexpr bool is_refused = sequent::plan::read<Text>().mistake
                                   != sequent::plan::fault::none;
static_assert(is_refused<factor_beside_a_number> && is_refused<operators_and_commas> &&
              is_refused<unnamed_and_named> && is_refused<hidden_element> && !is_refused<factor>);
inline constexpr sequent::text commented = "c(X) :- a(X) // a comment\n, /* ) */ k(X), v(X).";
inline constexpr sequent::text uncommented = "c(X) :- a(X), k(X), v(X).";
inline constexpr sequent::text offsets =
    "c(X) :- a(X + 1), a(X - 2), a(3), edge(X, X - Y + 7), edge(X, X - Y * 2).";
inline constexpr sequent::text printed = R"(
    bound n;
    found(i) <<= (x(j)[W{4, 8}.T()].T(), number(0.5), fixed(R(i, j){}),
                  j <= i, j < n, document(i) == document(j)) | product() | tanh() | sum(j);
    y(i)[W] <<= found(i) | stack<3> { z(i) <<= (found(i), b{8}) | rms_norm(G{8}, 1e-6) };
)";

namespace cpp {
#include "printed.inc"
}

using sequent::to_cpp;
using sequent::to_text;

constexpr bool are_same(double left, double right) {
    return std::bit_cast<std::uint64_t>(left) == std::bit_cast<std::uint64_t>(right);
}

std::string contents(const std::string& name) {
    std::ifstream file(SEQUENT_TEST_FOLDER "/text/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("text as the engine writes it reads as types do") {
    CHECK(to_text<encoder>() == to_text<types::encoder>());
    CHECK(to_text<own_encoder>() == to_text<types::encoder>());
    CHECK(to_text<unnamed>() == to_text<types::simple>());
    CHECK(to_text<averages>() == to_text<types::mean_of_all>());
    CHECK(to_text<averages_stated>() == to_text<types::mean_of_all>());
    CHECK(to_text<hidden_fact>() == to_text<types::sum_of_all>());
    CHECK(to_text<negated>() == to_text<types::negated>());
    CHECK(to_text<special>() == to_text<types::special>());
    CHECK(to_text<sums>() == to_text<types::sums>());
    CHECK(to_text<different>() == to_text<types::different>());
    CHECK(to_text<with_arguments>() == to_text<types::with_arguments>());
    // Weights are numbered in the order of types.
    static_assert(sequent::plan::read<with_arguments>().weights[0].id ==
                  sequent::plan::read<types::with_arguments>().weights[0].id);
    CHECK(to_text<few>() == to_text<types::few>());
    CHECK(to_text<always>() == "    c(X) <<= (a(X), X == X);\n");
    CHECK(to_text<one_of_three>() == to_text<types::one_of_three>());
    CHECK(to_text<one_of_cpp>() == to_text<types::one_of_three>());
    CHECK(to_text<valued>() == to_text<types::valued>());
    CHECK(to_text<greatest>() == to_text<types::greatest>());
    CHECK(to_text<within>() == to_text<types::within>());
    CHECK(to_text<fixed_weight>() == to_text<types::fixed_weight>());
    CHECK(to_text<fixed_inside>() == to_text<types::fixed_weight>());
    CHECK(to_text<factor>() == to_text<types::factor>());
    CHECK(to_text<functions_piped>() == to_text<types::functions>());
    CHECK(to_text<with_scalar>() == to_text<types::with_scalar>());
    CHECK(to_text<elementwise>() == to_text<types::elementwise>());
    CHECK(to_text<tanh_of_mean>() == to_text<types::tanh_of_mean>());
    CHECK(to_text<tanh_of_sum>() == to_text<types::tanh_of_sum>());
    CHECK(to_text<plain_norm>() == to_text<types::plain_norm>());
    CHECK(to_text<factor_of_a_stack>() == to_text<types::factor_of_a_stack>());
    CHECK(to_text<commented>() == to_text<uncommented>());
    CHECK(to_text<offsets>() == to_text<types::offsets>());
    CHECK(to_text<functions>() ==
          "    c(X) <<= a(X) | cosine() | leaky_relu(0.2);\n    c(x0) | max();\n");
}

TEST_CASE("a program is printed as C++ that is the same program") {
    const std::string expected = contents("printed.inc");
    CHECK(to_cpp<printed>() == expected);
    CHECK(to_cpp<cpp::program>() == expected);
    CHECK(to_text<printed>() == R"(bound n;
    found(i) <<= (x(j)[W{4, 8}.T()].T(), number(0.5), fixed(R(i, j){}), j <= i && j < n && document(i) == document(j)) | product() | tanh() | sum(j);
    y(i)[W{4, 8}] <<= found(i) | stack<3> {
        z(i) <<= (found(i), b{8}) | rms_norm(G{8}, 1e-06);
    };
)");
}

TEST_CASE("decimal numbers are rounded as the compiler rounds them") {
    using sequent::text_detail::decimal;
    static_assert(are_same(decimal(1, -1), 0.1));
    static_assert(are_same(decimal(30000000000000004, -17), 0.30000000000000004));
    static_assert(are_same(decimal(17976931348623157, 292), 1.7976931348623157e308));
    static_assert(are_same(decimal(22250738585072014, -324), 2.2250738585072014e-308));
    static_assert(are_same(decimal(9007199254740993, 0), 9007199254740993.0));
    static_assert(are_same(decimal(8533333333333333333, -30), 8.533333333333333333e-12));
    static_assert(are_same(decimal(123456789012345678, -40), 123456789012345678e-40));
    static_assert(are_same(decimal(5, -324), 0));
}

TEST_CASE("the article's rules as text give the numbers of the types") {
    using sequent::fact;
    using sequent::model;
    const auto run = []<class Model>(Model) {
        typename Model::template parameters<double> p;
        typename Model::template parameters<double> gradient;
        typename Model::template workspace<double> w;
        Model::initialize(p, 7);
        std::vector<double> x(5 * 6);
        for (std::size_t at = 0; at < x.size(); ++at)
            x[at] = static_cast<double>(at * at % 11) / 11 - 0.5;
        const std::vector<double> dy(x.size(), 1.0);
        const auto y = Model::forward(p, {x}, w);
        std::vector<double> result;
        for (int at = 0; at < 5 * 6; ++at) result.push_back(y.element(at));
        Model::backward(p, {x}, dy, w, gradient);
        result.insert(result.end(), gradient.flat().begin(), gradient.flat().end());
        return result;
    };
    const auto right = run(model<types::encoder, fact<"input", 5, 6>>());
    CHECK(run(model<encoder, fact<"input", 5, 6>>()) == right);
    CHECK(std::abs(right[7]) > 0.01);
}
