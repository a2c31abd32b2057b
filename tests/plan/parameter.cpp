#include <sequent/plan.hpp>

#include <limits>
#include <string_view>

// The numbers of functions: what is refused, and how the message writes them. It is checked as it
// compiles.

namespace {

using namespace sequent::language;
namespace plan = sequent::plan;

constexpr var<"i"> i;
constexpr var<"j"> j;
constexpr bound<"seed"> seed;
constexpr relation<"x"> x;
constexpr relation<"y"> y;
constexpr weight<"gain", 4> gain;
constexpr weight<"bias", 4> bias;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The function whose number is refused; nothing if none is.
template <class Rule>
constexpr std::string_view refused_by(Rule rule) {
    const auto program = rules(rule);
    plan::reader<plan::size_of<std::remove_const_t<decltype(program)>>> walk;
    walk.read(program);
    if (walk.out.mistake != plan::fault::number_out_of_range) return "";
    const plan::name& function = walk.out.refused.function;
    return {function.text, static_cast<std::size_t>(function.length)};
}
template <class Function>
constexpr std::string_view of_function(Function function) {
    return refused_by(y(i) <<= x(i) | function);
}
template <class Literal>
constexpr std::string_view of_literal(Literal literal) {
    return refused_by(y(i) <<= (literal, x(i)) | product());
}

static_assert(of_function(leaky_relu(0)) == "" && of_function(leaky_relu(2)) == "");
static_assert(of_function(leaky_relu(-0.5)) == "leaky_relu");
static_assert(of_function(leaky_relu(nan)) == "leaky_relu");
static_assert(of_function(leaky_relu(infinity)) == "leaky_relu");
static_assert(of_function(soft_cap(30)) == "");
static_assert(of_function(soft_cap(0)) == "soft_cap" && of_function(soft_cap(-1)) == "soft_cap");
static_assert(of_function(soft_cap(infinity)) == "soft_cap");
static_assert(of_function(soft_cap(1e-46)) == "soft_cap");  // zero in float
static_assert(of_function(scale(0)) == "" && of_function(scale(-1e300)) == "");
static_assert(of_function(scale(nan)) == "scale" && of_function(scale(-infinity)) == "scale");
static_assert(of_function(norm(1e-12)) == "" && of_function(norm(0)) == "norm");
static_assert(of_function(norm(-1)) == "norm" && of_function(norm(nan)) == "norm");
static_assert(of_function(layer_norm(gain, bias, 0)) == "layer_norm");
static_assert(of_function(layer_norm(gain, bias)) == "");
static_assert(of_function(rms_norm(gain, -1e-5)) == "rms_norm" &&
              of_function(rms_norm(gain)) == "");
static_assert(of_function(rotary(i, 0)) == "rotary" && of_function(rotary(i)) == "");
static_assert(of_function(rotary_halves(i, -10)) == "rotary_halves");
static_assert(of_function(sinusoidal(i, nan)) == "sinusoidal");
static_assert(of_function(dropout(0, seed)) == "" && of_function(dropout(0.9, seed)) == "");
static_assert(of_function(dropout(1, seed)) == "dropout");
static_assert(of_function(dropout(0.99999999, seed)) == "dropout");  // one in float
static_assert(of_function(dropout(-0.1, seed)) == "dropout");
static_assert(of_function(slice(0, 1)) == "" && of_function(slice(-1, 1)) == "slice");
static_assert(of_function(slice(0, 0)) == "slice");
static_assert(of_function(reshape(2, 2)) == "" && of_function(reshape(2, -2)) == "reshape");
static_assert(refused_by(y(i) <<= x(i) | norm() | leaky_relu(-1) | relu()) == "leaky_relu");
static_assert(refused_by(y(i) | soft_cap(0)) == "soft_cap");

static_assert(of_literal(number(-2.5)) == "" && of_literal(number(nan)) == "number");
static_assert(of_literal(number(infinity)) == "number");
static_assert(of_literal(inverse_sqrt(64)) == "");
static_assert(of_literal(inverse_sqrt(0)) == "inverse_sqrt");
static_assert(of_literal(inverse_sqrt(-4)) == "inverse_sqrt");
static_assert(of_literal(inverse_sqrt(infinity)) == "inverse_sqrt");
static_assert(of_literal(weight<"w", 0>{}) == "weight");
static_assert(refused_by(y(i) <<= x(i)[weight<"w", 4, -4>{}]) == "weight");

static_assert(refused_by(y(i) <<= (x(i), i % 2 == 0)) == "");
static_assert(refused_by(y(i) <<= (x(i), i % 0 == 0)) == "%");
static_assert(refused_by(y(i) <<= (x(i), (i + 1) / 0 == j)) == "/");
static_assert(refused_by(y(i) <<= (x(i), i % -2 == 0)) == "%");
static_assert(refused_by(y(var<"h", 8>{}) <<= x(var<"h", 8>{})) == "");
static_assert(refused_by(y(var<"h", 0>{}) <<= x(var<"h", 0>{})) == "var");
static_assert(refused_by(y(var<"h", -8>{}) <<= x(var<"h", -8>{})) == "var");

constexpr auto block = rules(y(i) <<= x(i) | relu());
static_assert(of_function(stack<0>(block)) == "stack" && of_function(stack<-1>(block)) == "stack");
static_assert(of_function(stack<2>(block)) == "");

/// What stands in a message.
constexpr bool reads(double value, std::string_view text) {
    const plan::number_text written(value);
    return std::string_view(written.characters, static_cast<std::size_t>(written.length)) == text;
}
static_assert(reads(0, "0") && reads(-1, "-1") && reads(10, "10") && reads(10000, "10000"));
static_assert(reads(-0.5, "-0.5") && reads(0.1, "0.1") && reads(0.05, "0.05"));
static_assert(reads(0.00012, "0.00012") && reads(1.25, "1.25") && reads(999999.7, "1e6"));
static_assert(reads(123.456, "123.456") && reads(-12345.678, "-12345.7"));
static_assert(reads(1e-46, "1e-46") && reads(-1.5e300, "-1.5e300") &&
              reads(2147483648., "2.14748e9"));
static_assert(reads(nan, "nan") && reads(infinity, "inf") && reads(-infinity, "-inf"));

}  // namespace
